// Talks to the server. A message keeps its id over every attempt, so that it is answered once.

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 15000;
//: After this long the person decides whether to go on.
const PATIENCE = 90000;
const ANSWER_WITHIN = 45000;

export class Refused extends Error {
  constructor(code, status, wait = 0) {
    super(code);
    this.code = code;
    this.status = status;
    this.wait = wait;
  }
}

async function call(path, options = {}) {
  let reply;
  try {
    reply = await fetch(`/chat/${path}`, {
      credentials: 'same-origin', cache: 'no-store', redirect: 'error', signal: AbortSignal.timeout(ANSWER_WITHIN), ...options,
    });
  } catch {
    throw new Refused('offline', 0);
  }
  let body;
  try {
    body = await reply.json();
  } catch {
    throw new Refused(reply.ok ? 'offline' : 'busy', reply.status);
  }
  if (!reply.ok) {
    throw new Refused(body.error ?? 'failed', reply.status, Number(reply.headers.get('Retry-After') ?? 0) * 1000);
  }
  return body;
}

const post = (path, body, csrf) => call(path, {
  method: 'POST',
  headers: {'Content-Type': 'application/json', ...(csrf ? {'X-CSRF-Token': csrf} : {})},
  body: JSON.stringify(body),
});

export const session = () => call('session');
export const signIn = (given) => post('sign-in', given);
export const signOut = (csrf) => post('sign-out', {}, csrf);
export const history = (before) => call(before === null ? 'history' : `history?before=${before}`);

export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_');
}

const pause = (milliseconds) => new Promise((resolve) => {
  const done = () => {
    clearTimeout(timer);
    removeEventListener('online', done);
    resolve();
  };
  const timer = setTimeout(done, milliseconds);
  addEventListener('online', done);
});

const passes = (problem) => problem.status === 0 || problem.status === 429 || problem.status >= 500;

// Sends a message until it is answered, tells `waiting` why it waits, and gives up after a while.
export async function deliver(message, csrf, waiting) {
  const until = Date.now() + PATIENCE;
  for (let wait = FIRST_WAIT; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
    try {
      return await post('message', message, csrf());
    } catch (problem) {
      if (!(problem instanceof Refused) || !passes(problem) || Date.now() > until) {
        throw problem;
      }
      const next = Math.max(problem.wait, wait);
      waiting(problem, next);
      await pause(next);
    }
  }
}
