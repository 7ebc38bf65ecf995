// What a message looks like: its words, and a card for answers that are more than words.

import {element, hidden, telephone} from '/chat/elements.js';
import {calendarCard, leafCard} from '/chat/calendar.js';
import {covers, precheckCard} from '/chat/precheck.js';

const SHORT_SOURCES = 90;
const NUMBER = /(\+?\d[\d -]{6,}\d)/;

// Text as paragraphs and lists, with telephone numbers that can be called.
function paragraphs(text) {
  const blocks = [];
  for (const line of text.split('\n').filter((each) => each.trim())) {
    if (/^[-*•] /.test(line)) {
      const last = blocks.at(-1);
      const list = last?.tagName === 'UL' ? last : element('ul', {});
      list.append(element('li', {}, ...called(line.slice(2))));
      if (list !== last) {
        blocks.push(list);
      }
    } else {
      blocks.push(element('p', {}, ...called(line)));
    }
  }
  return blocks;
}

const looksLikeNumber = (part) => part.replace(/\D/g, '').length >= 8 && !/^\d{4}-\d{2}-\d{2}$/.test(part.trim());

const called = (text) => text.split(NUMBER).map((part, index) =>
  index % 2 && looksLikeNumber(part) ? telephone(part) : part);

// The time of day, with the date where it was another day.
function time(at, words) {
  if (!at) {
    return null;
  }
  const date = new Date(at);
  const today = date.toDateString() === new Date().toDateString();
  return element('time', {class: 'time', datetime: at}, today ? words.moment(date) : words.when(date));
}

export function personMessage(entry, words) {
  return element('div', {class: 'message person'}, hidden(words.you),
    element('p', {class: 'said'}, entry.text), time(entry.at, words));
}

function triage(entry, level, words) {
  const alarming = level === 'emergency' || level === 'urgent';
  return element('section', {class: `card triage ${level}`, role: alarming ? 'alert' : null},
    element('p', {class: 'level'}, element('span', {class: 'level-mark', 'aria-hidden': 'true'}, alarming ? '!' : 'i'),
      words.levels[level] ?? ''), ...paragraphs(entry.text));
}

function visitCards(answer, entry, words) {
  const {data} = answer;
  if (Array.isArray(data?.visits) && data.visits.length) {
    return [calendarCard(data.visits, entry.custom.as_of, words, answer === entry.custom ? entry.file : null, isListed(entry))];
  }
  return data?.visit?.date ? [leafCard(data.visit, words, null)] : [];
}

function cardsOf(answer, entry, context) {
  const {words, notes, titles} = context;
  if (isPrecheck(answer)) {
    return [precheckCard(answer.data, notes, titles, entry.custom.language, words)];
  }
  return ['next_visit', 'visit_detail', 'visit_list', 'visits_on'].includes(answer.answer) ? visitCards(answer, entry, words) : [];
}

// The list of a visit list stands on its card: the words keep their head and their notes.
const isListed = ({custom}) => custom?.answer === 'visit_list' && Boolean(custom.data?.visits?.length) && !custom.also;

function wordsBeside(entry) {
  return isListed(entry)
    ? entry.text.split('\n').filter((line) => !/^- /.test(line)).join('\n') : entry.text;
}

export function choices(buttons, label) {
  return element('div', {class: 'choices', role: 'group', 'aria-label': label}, ...buttons.map(
    ({title, payload}) => element('button', {type: 'button', class: 'choice', 'data-say': payload}, title)));
}

const sourcesOf = (text, words) => (text.length <= SHORT_SOURCES
  ? element('p', {class: 'sources'}, `${words.sources}: ${text}`)
  : element('details', {class: 'sources'}, element('summary', {}, words.sources), element('p', {}, text)));

// The words of a pre-check begin with its verdict.
function precheckWords(entry) {
  const [verdict, ...rest] = entry.text.split('\n');
  return [element('p', {class: `verdict ${entry.custom.data.verdict}`}, verdict), ...paragraphs(rest.join('\n'))];
}

function wordsOf(entry, level, words) {
  if (level) {
    return [triage(entry, level, words)];
  }
  return isPrecheck(entry.custom) ? precheckWords(entry) : paragraphs(wordsBeside(entry));
}

const answersOf = ({custom}) => (custom ? [custom, ...(custom.also ?? [])] : []);

const isPrecheck = (answer) => answer?.answer === 'eligibility_check' && Array.isArray(answer.data?.criteria);

// The words and their cards; the words alone where a card cannot be made of what came: no answer is lost for a picture.
function partsOf(entry, level, context) {
  try {
    return [...wordsOf(entry, level, context.words), ...answersOf(entry).flatMap((answer) => cardsOf(answer, entry, context))];
  } catch (problem) {
    console.error(problem);
    return paragraphs(entry.text);
  }
}

export function assistantMessage(entry, context) {
  const {words} = context;
  const {custom} = entry;
  const level = custom?.answer === 'symptom_triage' ? custom.data?.level : null;
  const parts = partsOf(entry, level, context);
  if (typeof entry.image === 'string' && entry.image.startsWith('data:image/png;base64,')) {
    parts.push(element('img', {class: 'picture', src: entry.image, alt: words.picture}));
  }
  if (custom?.sources?.length) {
    parts.push(sourcesOf(custom.sources.join('; '), words));
  }
  const language = custom?.language === 'zh' ? 'zh-CN' : custom?.language ?? null;
  return element('div', {class: `message assistant ${level ?? ''}`.trim(), lang: language}, hidden(words.assistant),
    ...parts, entry.buttons?.length ? choices(entry.buttons, words.answers_to_try) : null, time(entry.at, words));
}

export function problemMessage(text, action, label) {
  return element('div', {class: 'message problem deep-chat-temporary-message'}, element('p', {}, text),
    action ? element('button', {type: 'button', class: 'choice', 'data-action': action}, label) : null);
}

// Which of the person's messages a pre-check rests on: the last one, and as many before it as its evidence needs.
export function notesFor(entries, index) {
  const notes = [];
  const criteria = answersOf(entries[index]).find(isPrecheck)?.data.criteria;
  if (!criteria) {
    return notes;
  }
  for (let at = index - 1; at >= 0 && !(notes.length && covers(notes, criteria)); at -= 1) {
    const entry = entries[at];
    if (entry.from === 'person') {
      notes.unshift(entry.text);
    } else if (entry.custom?.answer !== 'eligibility_check' && entry.custom?.answer !== 'clarify') {
      break;
    }
  }
  return notes;
}
