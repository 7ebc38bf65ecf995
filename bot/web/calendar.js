// Visits as months on a calendar sheet: a table for each month, so that it reads well aloud and on paper.

import {element, hidden} from '/chat/elements.js';
import {fill} from '/chat/words.js';

const DAY = 86400000;
const MOST_MONTHS = 8;
const dateOf = (iso) => new Date(`${iso}T00:00:00Z`);
const isoOf = (date) => date.toISOString().slice(0, 10);
const inZone = (date) => new Date(date.getTime() + date.getTimezoneOffset() * 60000);

export const dayWords = (iso, words) => words.day(inZone(dateOf(iso)));

const short = (visit) => visit.visit;
const LONG = 5; // letters that fit into a day

const kindOf = (visit) => `visit ${visit.status}${short(visit).length > LONG ? ' long' : ''}`;

// Whether a visit is open between two days, which are first and last of its window.
const isOpen = ({status, window}) => status === 'planned' && Boolean(window?.[0] && window[1]) && window[0] !== window[1];

// When a visit is, as far as that is settled: a day, one of some days, or not before one.
function whenWords(visit, words) {
  const [first, last] = visit.window ?? [null, null];
  if (visit.date === null) {
    return first ? `${words.undated}, ${fill(words.not_before, {day: dayWords(first, words)})}` : words.undated;
  }
  if (isOpen(visit)) {
    const joint = dateOf(last) - dateOf(first) === DAY ? words.possible : words.until;
    return `${dayWords(first, words)} ${joint} ${dayWords(last, words)}`;
  }
  return visit.time ? `${dayWords(visit.date, words)}, ${visit.time}` : dayWords(visit.date, words);
}

// Marks by day: a visit on its day, and on the other day where it may be either.
function marksOf(visits) {
  const marks = new Map();
  const add = (day, mark) => marks.set(day, [...(marks.get(day) ?? []), mark]);
  for (const visit of visits.filter((each) => each.date !== null)) {
    add(visit.date, {visit, other: false});
    const [first, last] = visit.window ?? [null, null];
    const open = isOpen(visit) && dateOf(last) - dateOf(first) <= 3 * DAY;
    for (let day = open ? dateOf(first) : null; day !== null && day <= dateOf(last); day = new Date(day.getTime() + DAY)) {
      if (isoOf(day) !== visit.date) {
        add(isoOf(day), {visit, other: true});
      }
    }
  }
  return marks;
}

function cell(day, month, marks, today, words) {
  if (day.getUTCMonth() !== month) {
    return element('td', {class: 'day elsewhere'});
  }
  const iso = isoOf(day);
  const here = marks.get(iso) ?? [];
  const labels = here.map(({visit, other}) => element(
    'span', {class: `${kindOf(visit)}${other ? ' other' : ''}`, title: visit.title},
    element('span', {'aria-hidden': 'true'}, short(visit)),
    hidden(`${other ? `${words.possible} ` : ''}${visit.title}, ${words.statuses[visit.status] ?? visit.status}`),
  ));
  const classes = ['day', here.length ? 'marked' : '', iso === today ? 'today' : ''].filter(Boolean).join(' ');
  return element('td', {class: classes}, element('span', {class: 'number'}, String(day.getUTCDate())),
    iso === today ? hidden(words.today) : null, ...labels);
}

function monthTable(year, month, marks, today, words) {
  const first = new Date(Date.UTC(year, month, 1));
  const start = new Date(first.getTime() - ((first.getUTCDay() + 6) % 7) * DAY);
  const rows = [];
  for (let week = start; week <= new Date(Date.UTC(year, month + 1, 0)); week = new Date(week.getTime() + 7 * DAY)) {
    const days = [0, 1, 2, 3, 4, 5, 6].map((offset) => new Date(week.getTime() + offset * DAY));
    rows.push(element('tr', {}, ...days.map((day) => cell(day, month, marks, today, words))));
  }
  const heads = words.weekdays.map((name, index) => element('th', {scope: 'col', abbr: words.weekdays_long[index]}, name));
  return element('table', {class: 'month'}, element('caption', {}, words.month(inZone(first))),
    element('thead', {}, element('tr', {}, ...heads)), element('tbody', {}, ...rows));
}

function monthsOf(visits) {
  const days = visits.filter((visit) => visit.date !== null).map((visit) => visit.date.slice(0, 7));
  return [...new Set(days)].sort().slice(0, MOST_MONTHS);
}

function listItem(visit, words) {
  return element('li', {class: `line ${visit.status}`},
    element('span', {class: kindOf(visit), 'aria-hidden': 'true'}, short(visit)),
    element('span', {class: 'line-title'}, visit.participant ? `${visit.participant}: ${visit.title}` : visit.title),
    element('span', {class: 'line-when'}, whenWords(visit, words)),
    element('span', {class: 'line-status'}, words.statuses[visit.status] ?? visit.status));
}

// `listed`: the visits also as a list below the sheets, where the message's words do not list them.
export function calendarCard(visits, asOf, words, file, listed) {
  const marks = marksOf(visits);
  const today = asOf.slice(0, 10);
  const months = monthsOf(visits).map((text) => text.split('-').map(Number));
  return element('section', {class: 'card calendar', role: 'group', 'aria-label': words.calendar},
    element('div', {class: 'months'}, ...months.map(([year, month]) => monthTable(year, month - 1, marks, today, words))),
    listed ? element('ol', {class: 'lines'}, ...visits.map((visit) => listItem(visit, words))) : null,
    file ? element('a', {class: 'action', href: file, download: 'visits.ics'}, words.save_calendar) : null);
}

// One visit as a calendar leaf.
export function leafCard(visit, words, code) {
  if (visit.date === null) {
    return null;
  }
  const date = inZone(dateOf(visit.date));
  const month = words.month(date);
  return element('div', {class: 'card leaf', 'aria-hidden': 'true'},
    element('div', {class: 'leaf-page'}, element('span', {class: 'leaf-month'}, month),
      element('span', {class: 'leaf-day'}, String(date.getDate()))),
    element('div', {class: 'leaf-what'}, code ? element('span', {class: 'leaf-code'}, code) : null,
      element('span', {class: 'leaf-title'}, visit.title),
      element('span', {class: 'leaf-when'}, whenWords(visit, words)),
      element('span', {class: `line-status ${visit.status}`}, words.statuses[visit.status] ?? visit.status)));
}
