// The chat page: signs in, shows the conversation, sends messages and never loses one.

import '/chat/deep-chat.js';
import * as server from '/chat/server.js';
import {assistantMessage, choices, notesFor, personMessage, problemMessage} from '/chat/cards.js';
import {element, telephone} from '/chat/elements.js';
import {fill, languageOfBrowser, wordsOf} from '/chat/words.js';

const MOST_BYTES = 15000;
const $ = (id) => document.getElementById(id);
const state = {
  about: null, language: languageOfBrowser(), words: wordsOf(languageOfBrowser()), chosen: false,
  entries: [], before: null, titles: {}, style: '', chat: null, waiting: new Map(), timer: null, problem: '',
};

// --- the frame ------------------------------------------------------------------------------------------------------

function say(words, kind = '') {
  const said = words.length ? element('p', {}, ...[words].flat()) : null;
  $('notice').className = `notice ${kind}`.trim();
  if ($('notice').textContent !== (said?.textContent ?? '')) { // said once: a reader is not told the same with every attempt
    $('notice').replaceChildren(...(said ? [said] : []));
  }
}

function nameOf(about, words) {
  if (about.kind === 'participant') {
    return about.participant;
  }
  return about.kind === 'staff' ? words.roles[about.role] ?? about.role : words.signed_in_nobody;
}

function frame() {
  const {words, about} = state;
  document.documentElement.lang = state.language === 'zh' ? 'zh-CN' : 'en';
  $('skip').textContent = words.skip;
  $('language').textContent = words.other_language;
  $('language').lang = state.language === 'zh' ? 'en' : 'zh-CN';
  $('language').setAttribute('aria-label', words.other_language_label);
  $('print').textContent = words.print;
  $('sign-out').textContent = words.sign_out;
  $('print').hidden = $('sign-out').hidden = !about?.signed_in;
  const part = (text, kind = '') => element('span', {class: `part ${kind}`.trim()}, text);
  $('who').replaceChildren(
    ...(about?.signed_in ? [element('span', {class: 'unseen'}, words.signed_in), part(nameOf(about, words)), part(about.account, 'account')] : []),
    ...(about?.demo ? [part(words.demo)] : []));
}

function speak(language) {
  state.language = language;
  state.words = wordsOf(language);
  frame();
}

// A sentence with places for numbers, as numbers that a phone can call.
const called = (text, numbers) => text.split(/\{(\w+)\}/).map((part, index) => (index % 2 ? telephone(numbers[part]) : part));

// --- the door: who is not signed in ---------------------------------------------------------------------------------

function showDoor(why) {
  const {words, about} = state;
  if (why === 'other') {
    state.waiting.clear(); // not for the eyes of who is here now
  }
  const kept = [...state.waiting.values()];
  clearTimeout(state.timer);
  state.chat?.remove();
  Object.assign(state, {chat: null, entries: [], before: null, door: why});
  state.about = {...about, signed_in: false};
  frame();
  $('paper').replaceChildren();
  $('chat').hidden = true;
  const reasons = {refused: words.door_refused, unavailable: words.door_unavailable, ended: words.door_ended, left: words.door_left, offline: words.door_failed, other: words.door_other};
  const numbers = about?.telephone;
  $('door').replaceChildren(
    element('h2', {tabindex: '-1'}, words.door_title),
    reasons[why] ? element('p', {class: 'reason', role: 'alert'}, reasons[why]) : '',
    element('p', {}, about?.demo ? words.door_demo : words.door_text),
    about?.portal ? element('a', {class: 'action', href: about.portal, rel: 'noreferrer'}, words.door_portal) : '',
    ['offline', 'unavailable', 'other'].includes(why) ? element('button', {type: 'button', class: 'action', id: 'again'}, why === 'other' ? words.reload : words.load_again) : '',
    kept.length ? element('div', {class: 'kept'}, element('p', {}, words.door_kept), ...kept.map((text) => element('blockquote', {}, text))) : '',
    numbers ? element('p', {class: 'urgent'}, ...called(words.urgent, numbers)) : '',
  );
  $('again')?.addEventListener('click', () => enter(state.given ?? undefined));
  $('door').hidden = false;
  $('door').querySelector('h2').focus();
}

// --- the conversation -----------------------------------------------------------------------------------------------

// A card's own words are of the language of what it belongs to.
const contextOf = (index) => ({
  words: wordsOf(state.entries[index].custom?.language ?? state.language), titles: state.titles, notes: notesFor(state.entries, index),
});

function shown(index) {
  const entry = state.entries[index];
  return entry.from === 'person' ? personMessage(entry, state.words) : assistantMessage(entry, contextOf(index));
}

// deep-chat takes markup: it is written out from elements that were built from text.
const message = (node, from) => ({html: node.outerHTML, role: from === 'person' ? 'user' : 'ai'});

function opening() {
  const {words, about} = state;
  const kind = about.kind ?? 'nobody';
  const examples = words[`examples_${kind}`] ?? words.examples_nobody;
  const node = element('div', {class: 'message assistant opening'},
    element('p', {}, kind === 'staff' ? words.beginning_staff : words.beginning),
    choices(examples.map((text) => ({title: text, payload: text})), words.try_one));
  return message(node, 'assistant');
}

// Puts what was said before at the head of the entries; returns how many those are.
async function fetchEarlier() {
  let page;
  do { // a page of one endless turn has nothing whole to show
    page = await server.history(state.before);
    state.before = page.before;
  } while (!page.entries.length && page.before !== null);
  used();
  state.entries.unshift(...page.entries);
  return page.entries.length;
}

// What deep-chat puts at the head of the conversation, at first and each time its upper end is reached. A `false` among
// the messages tells it that there is more.
async function loadHistory(index) {
  try {
    const count = index === 0 && state.entries.length ? state.entries.length : await fetchEarlier();
    const messages = state.entries.slice(0, count).map((_, at) => message(shown(at), state.entries[at].from));
    return [state.before === null ? opening() : false, ...messages];
  } catch (problem) {
    if (problem.status === 401) {
      showDoor('ended');
    }
    return [message(problemMessage(state.words.history_failed, 'reload', state.words.load_again), 'assistant')];
  }
}

function openChat() {
  const {words} = state;
  state.chat?.remove();
  const chat = document.createElement('deep-chat');
  Object.assign(chat.style, {
    fontFamily: 'inherit', width: '100%', height: '100%', display: 'block', border: 'none', backgroundColor: 'transparent',
  });
  Object.assign(chat, {
    connect: {handler: (body, signals) => send(body.messages.at(-1).text, signals)},
    loadHistory,
    auxiliaryStyle: state.style,
    textInput: {placeholder: {text: words.placeholder}, characterLimit: 8000},
    remarkable: {html: false},
    submitButtonStyles: {submit: {svg: {content: ARROW}}, loading: {svg: {content: DOTS}}},
    scrollButton: {content: '<span aria-hidden="true">↓</span>'},
    onComponentRender: () => dress(chat),
  });
  renderOnce(chat);
  $('door').hidden = true;
  $('chat').hidden = false;
  $('chat').replaceChildren(chat);
  state.chat = chat;
}

const ARROW = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="24" height="24"><path d="M3 20l19-8L3 4v6l12 2-12 2z"/></svg>';
const DOTS = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="24" height="24"><circle cx="5" cy="12" r="2"/><circle cx="12" cy="12" r="2"/><circle cx="19" cy="12" r="2"/></svg>';

// On a slow device deep-chat renders by a timer of its own and then again for the properties, which are all set by then:
// the second time would ask for the history once more and drop what `dress` has given.
function renderOnce(chat) {
  const render = chat.onRender;
  chat.onRender = function once() {
    chat.onRender = () => {};
    render.call(chat);
  };
}

// Gives deep-chat's elements the roles and names that it does not give them itself.
function dress(chat) {
  const root = chat.shadowRoot;
  const log = root.getElementById('messages');
  const attributes = {role: 'log', 'aria-live': 'polite', 'aria-label': state.words.conversation, tabindex: '0'};
  Object.entries(attributes).forEach(([name, value]) => log.setAttribute(name, value));
  const input = root.getElementById('text-input');
  Object.entries({role: 'textbox', 'aria-multiline': 'true', 'aria-label': state.words.placeholder, enterkeyhint: 'send'})
    .forEach(([name, value]) => input.setAttribute(name, value));
  input.tabIndex = 0;
  const name = () => root.querySelectorAll('.input-button').forEach((button) => {
    Object.entries({role: 'button', 'aria-label': state.words.send, tabindex: '0'}).forEach(([key, value]) => {
      if (button.getAttribute(key) !== value) {
        button.setAttribute(key, value);
      }
    });
  });
  name();
  new MutationObserver(name).observe(root.getElementById('input'), {childList: true, subtree: true, attributes: true, attributeFilter: ['class', 'role']});
  root.addEventListener('click', clicked);
}

function clicked(event) {
  const button = event.target.closest?.('button');
  if (button?.dataset.say) {
    state.chat.submitUserMessage({text: button.dataset.say});
  } else if (button?.dataset.action === 'reload') {
    location.reload();
  } else if (button?.dataset.action?.startsWith('retry:')) {
    again(button);
  }
}

// deep-chat has shown the person's message as it shows any; here it becomes plain text, with its line breaks.
function restyleOwn(entry) {
  const bubbles = state.chat.shadowRoot.querySelectorAll('.user-message-text');
  bubbles[bubbles.length - 1]?.replaceChildren(personMessage(entry, state.words));
}

async function send(text, signals) {
  const entry = {from: 'person', text, at: new Date().toISOString(), id: server.newId()};
  state.entries.push(entry);
  restyleOwn(entry);
  await signals.onResponse(await answerTo(entry));
}

// The messages that answer an entry; where there is no answer, what a person can do about it.
async function answerTo(entry) {
  const {words} = state;
  if (new TextEncoder().encode(JSON.stringify(entry.text)).length > MOST_BYTES) {
    return message(problemMessage(words.too_large), 'assistant');
  }
  state.waiting.set(entry.id, entry.text);
  try {
    const reply = await deliver(entry);
    state.waiting.delete(entry.id);
    return reply.messages.map((each) => {
      state.entries.push({from: 'assistant', at: new Date().toISOString(), id: entry.id, ...each});
      return message(shown(state.entries.length - 1), 'assistant');
    });
  } catch (problem) {
    return trouble(problem, entry);
  }
}

async function deliver(entry) {
  const tell = (problem, wait) => {
    const {words, about} = state;
    const why = problem.status === 429 ? fill(words.too_many, {seconds: Math.ceil(wait / 1000)}) : problem.status === 0 ? words.offline : words.busy;
    say([why, ' ', ...called(words.urgent, about.telephone)], 'trouble');
    state.problem = why;
  };
  const attempt = () => server.deliver({id: entry.id, text: entry.text}, () => state.about.csrf, tell);
  let reply;
  try {
    reply = await attempt();
  } catch (problem) {
    if (problem.code !== 'foreign_page' || !await sameAgain()) {
      throw problem;
    }
    reply = await attempt();
  }
  used();
  say(state.problem ? state.words.back : '');
  state.problem = '';
  return reply;
}

// Whether the same person is signed in anew (in another tab, say): then the message may go.
async function sameAgain() {
  const found = await server.session();
  if (isSame(found)) {
    state.about = found;
  }
  return isSame(found);
}

const isSame = (found) => found.signed_in && ['account', 'kind', 'role', 'participant'].every((name) => found[name] === state.about[name]);

function trouble(problem, entry) {
  const {words} = state;
  if (!(problem instanceof server.Refused)) {
    console.error(problem); // a mistake of the page itself
  }
  if (problem.status === 401) {
    showDoor('ended');
    return [];
  }
  const final = {too_large: words.too_large, text: words.empty}[problem.code];
  if (final || problem.code === 'foreign_page') {
    state.waiting.delete(entry.id);
    return message(problemMessage(final ?? words.other_person, final ? null : 'reload', words.reload), 'assistant');
  }
  say(called(words.urgent, state.about.telephone), 'trouble');
  return message(problemMessage(words.not_sent, `retry:${entry.id}`, words.retry), 'assistant');
}

async function again(button) {
  const id = button.dataset.action.slice('retry:'.length);
  const entry = state.entries.find((each) => each.id === id && each.from === 'person');
  if (!entry || button.disabled) {
    return;
  }
  button.disabled = true;
  button.textContent = state.words.sending;
  const answers = await answerTo(entry);
  button.closest('.outer-message-container, .message')?.remove();
  [answers].flat().forEach((each) => state.chat?.addMessage(each));
  state.chat?.scrollToBottom();
}

// --- the session ----------------------------------------------------------------------------------------------------

function used() {
  clearTimeout(state.timer);
  state.timer = setTimeout(checkSession, state.about.idle_seconds * 1000 + 500);
}

async function checkSession() {
  try {
    const found = await server.session();
    if (!isSame(found)) {
      showDoor(found.signed_in ? 'other' : 'ended');
    } else {
      state.timer = setTimeout(checkSession, Math.max(1000, new Date(found.idle_at) - Date.now() + 500));
    }
  } catch {
    showDoor('ended'); // out of time and out of reach: nothing personal stays on the screen
  }
}

// Back on the screen after a while: what another tab has ended or changed meanwhile is not shown on.
async function lookAgain() {
  if (document.visibilityState === 'visible' && state.chat) {
    const found = await server.session().catch(() => null);
    if (found && state.chat && !isSame(found)) {
      showDoor(found.signed_in ? 'other' : 'ended');
    }
  }
}

// What the address brings along after '#'; it is taken off at once, so that it stays in no history.
function handedOver() {
  const given = new URLSearchParams(location.hash.slice(1));
  if (location.hash) {
    history.replaceState(null, '', location.pathname);
  }
  return {token: given.get('token'), link: given.get('link'), why: ['refused', 'unavailable'].find((each) => given.has(each)) ?? ''};
}

async function enter(given = handedOver()) {
  const {token, link} = given;
  let {why} = given;
  try {
    if (token || link) {
      say(state.words.signing_in);
      await server.signIn(token ? {token} : {link}).catch((problem) => {
        why = problem.status === 401 ? 'refused' : problem.status === 0 ? 'offline' : 'unavailable';
      });
      say('');
    }
    state.about = await server.session();
  } catch {
    state.given = {...given, why: ''};
    return showDoor('offline');
  }
  state.given = ['offline', 'unavailable'].includes(why) ? {...given, why: ''} : null; // not used up: to be tried again
  if (!state.about.signed_in) {
    return showDoor(why);
  }
  if (!state.chosen) {
    speak(state.about.language ?? state.language);
  }
  frame();
  say({refused: state.words.door_refused, unavailable: state.words.door_unavailable, offline: state.words.door_failed}[why] ?? '', 'trouble');
  Object.assign(state, {entries: [], before: null});
  openChat();
  used();
}

// --- paper ----------------------------------------------------------------------------------------------------------

function toPaper() {
  const {words, about} = state;
  if (!about?.signed_in) {
    return;
  }
  $('paper').replaceChildren(
    element('h2', {}, `SPARC Assistant · ${nameOf(about, words)}`),
    element('p', {}, fill(words.printed, {when: words.when(new Date())})),
    ...state.entries.map((_, index) => shown(index)));
  $('paper').querySelectorAll('details').forEach((each) => { each.open = true; });
}

// --- beginning ------------------------------------------------------------------------------------------------------

$('language').addEventListener('click', () => {
  state.chosen = true;
  speak(state.language === 'zh' ? 'en' : 'zh');
  if (state.chat) {
    openChat();
  } else if (!$('door').hidden) {
    showDoor(state.door);
  }
});
$('print').addEventListener('click', () => print());
$('skip').addEventListener('click', (event) => {
  event.preventDefault();
  state.chat ? state.chat.focusInput() : $('door').querySelector('h2')?.focus();
});
$('sign-out').addEventListener('click', async () => {
  try {
    await server.signOut(state.about.csrf);
    state.waiting.clear();
    showDoor('left');
  } catch (problem) {
    if (problem.status === 401) {
      showDoor('ended');
    } else if (problem.code === 'foreign_page') {
      location.reload();
    } else {
      say(state.words.offline_sign_out, 'trouble');
    }
  }
});
document.addEventListener('visibilitychange', lookAgain);
addEventListener('pageshow', (event) => (event.persisted ? location.reload() : null)); // the browser kept the page as it was: perhaps of an ended session
addEventListener('beforeprint', toPaper);
addEventListener('hashchange', () => (location.hash ? enter() : null));
addEventListener('beforeunload', (event) => {
  if (state.waiting.size) {
    event.preventDefault();
  }
});
frame();
const [style, criteria] = await Promise.all([
  fetch('/chat/cards.css').then((reply) => reply.text()).catch(() => ''),
  fetch('/chat/criteria').then((reply) => reply.json()).catch(() => ({})),
]);
Object.assign(state, {style, titles: criteria});
await enter();
