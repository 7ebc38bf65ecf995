// The pre-check: the note with its evidence marked, and a table of all criteria.

import {element, hidden} from '/chat/elements.js';

const ORDER = {fail: 0, unknown: 1, pass: 2};

// Where the words of each criterion's evidence stand in a note; the weightier result wins where they overlap.
export function spansOf(note, criteria) {
  const spans = [];
  for (const criterion of criteria) {
    for (const words of criterion.evidence) {
      for (const {start, end} of placesOf(note, words)) {
        spans.push({start, end, id: criterion.id, result: criterion.result});
      }
    }
  }
  return spans;
}

// Every place where some words stand as words of their own, whatever their capitals and line breaks.
function placesOf(note, words) {
  const wanted = words.trim().split(/\s+/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('\\s+');
  const found = wanted ? [...note.matchAll(new RegExp(wanted, 'gi'))] : [];
  return found.map((match) => ({start: match.index, end: match.index + match[0].length}))
    .filter(({start, end}) => !splitsWord(note, start) && !splitsWord(note, end));
}

const splitsWord = (note, at) => /[a-z]/i.test(note[at - 1] ?? '') && /[a-z]/.test(note[at] ?? '');

// Whether all that a pre-check rests on stands in these notes.
export const covers = (notes, criteria) => criteria.every((criterion) =>
  criterion.evidence.every((words) => notes.some((note) => placesOf(note, words).length)));

// The note cut where marks begin or end; each piece with the criteria that rest on it.
export function piecesOf(note, spans) {
  const cuts = [...new Set([0, note.length, ...spans.flatMap((span) => [span.start, span.end])])].sort((a, b) => a - b);
  return cuts.slice(0, -1).map((start, index) => {
    const end = cuts[index + 1];
    const over = spans.filter((span) => span.start <= start && end <= span.end);
    return {text: note.slice(start, end), over};
  });
}

function marked(note, criteria, words) {
  return piecesOf(note, spansOf(note, criteria)).map(({text, over}) => {
    if (!over.length) {
      return text;
    }
    const ids = [...new Set(over.map((span) => span.id))];
    const result = over.map((span) => span.result).sort((a, b) => ORDER[a] - ORDER[b])[0];
    return element('mark', {class: result}, text, element('sup', {'aria-hidden': 'true'}, ids.join(' ')),
      hidden(` (${ids.join(', ')}: ${words.results[result]})`));
  });
}

function row(criterion, titles, language, words) {
  const title = titles[criterion.id]?.[language] ?? '';
  const quotes = criterion.evidence.map((evidence) => element('q', {}, evidence));
  return element('tr', {class: criterion.result},
    element('th', {scope: 'row'}, element('span', {class: 'id'}, criterion.id), ' ', title),
    element('td', {class: 'result'}, element('span', {class: `badge ${criterion.result}`}, words.results[criterion.result])),
    element('td', {class: 'evidence'}, ...quotes.flatMap((quote) => [quote, ' ']), element('span', {class: 'why'}, criterion.why)));
}

function table(criteria, titles, language, words, label) {
  const heads = [words.criterion, words.result, words.evidence].map((name) => element('th', {scope: 'col'}, name));
  return element('div', {class: 'table-frame', role: 'group', 'aria-label': label, tabindex: '0'},
    element('table', {class: 'criteria'}, element('caption', {class: 'unseen'}, label),
      element('thead', {}, element('tr', {}, ...heads)),
      element('tbody', {}, ...criteria.map((criterion) => row(criterion, titles, language, words)))));
}

export function precheckCard(data, notes, titles, language, words) {
  const criteria = [...data.criteria].sort((a, b) => ORDER[a.result] - ORDER[b.result]);
  const told = criteria.filter((criterion) => criterion.evidence.length || criterion.result === 'fail');
  const rest = criteria.filter((criterion) => !told.includes(criterion));
  const shown = notes.filter((note) => spansOf(note, data.criteria).length);
  return element('section', {class: 'card precheck', role: 'group', 'aria-label': words.precheck},
    shown.length ? element('h2', {}, words.note) : null,
    ...shown.map((note) => element('blockquote', {class: 'note'}, ...marked(note, data.criteria, words))),
    told.length ? table(told, titles, language, words, `${words.precheck}: ${words.evidence}`) : null,
    rest.length ? element('details', {}, element('summary', {}, words.show_all.replace('{count}', String(rest.length))),
      table(rest, titles, language, words, `${words.precheck}: ${words.results.unknown}`)) : null);
}
