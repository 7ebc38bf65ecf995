"""What the topic readers share: making findings, and telling which of several statements stands."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Any

from bot.nlu.clinical.note import DateMention, Mention, Note
from bot.trial.facts import Evidence, Finding, Period, Value


def finding(
    note: Note,
    concept: str,
    start: int,
    end: int,
    values: dict[str, Value] | None = None,
    *,
    assertion: Any = "present",
    experiencer: Any = "patient",
    when: Period | None = None,
    ended: Period | None = None,
    historical: bool = False,
    cue: str = "",
) -> Finding:
    """A finding whose evidence is the words of a token range."""
    text, first, last = note.quote(start, end)
    return Finding(
        concept=concept,
        values=values or {},
        assertion=assertion,
        temporality="historical" if historical else "current",
        experiencer=experiencer,
        when=when or Period(),
        ended=ended or Period(),
        evidence=Evidence(text, first, last),
        cue=cue,
    )


def of_mention(note: Note, mention: Mention, concept: str | None = None, **values: Value) -> Finding:
    """The finding a mention stands for, with its context and its date."""
    when, ended = dates_of(mention)
    start, end = mention.start, mention.end
    for day in mention.dates:
        if day.start - end <= 6 and start - day.end <= 6:
            start, end = min(start, day.start), max(end, day.end)
    return finding(
        note,
        concept or mention.concept,
        start,
        end,
        dict(values),
        assertion=mention.assertion,
        experiencer=mention.experiencer,
        when=when,
        ended=ended,
        historical=mention.historical,
        cue=mention.cue,
    )


def dates_of(mention: Mention) -> tuple[Period, Period]:
    """When it was (or began), and when it ended, as far as the dates given to the mention say."""
    when, ended = Period(), Period()
    for day in mention.dates:
        if day.role == "until":
            ended = ended if ended.known else day.period
        elif not when.known:
            when = day.period
    return when, ended


_UNITS = [["years"], ["months"], ["weeks"], ["days"], ["year"], ["month"], ["week"]]


def give_dates(note: Note, groups: Iterable[str]) -> None:
    """Gives each date to the mention it belongs to: the last one before it in its clause, else the first after.

    Mentions that share a list ('appendicectomy and hysterectomy in 1998') share its date.
    """
    wanted = set(groups)
    events = [m for m in note.mentions if m.group in wanted]
    by_sentence: dict[int, list[Mention]] = {}
    for event in events:
        by_sentence.setdefault(note.layout.sentence_of(event.start), []).append(event)
    for day in note.dates:
        if note.norms[day.start - 1 : day.start] == ["or"] and note.norms[day.start - 2 : day.start - 1] in _UNITS:
            day.period = Period(None, note.today)
        candidates = by_sentence.get(note.layout.sentence_of(day.start), [])
        owner = _owner(note, day, candidates)
        if owner is None:
            continue
        for event in candidates:
            if event.start < owner.end and owner.start < event.end:
                event.dates.append(day)
        if owner.group in {"emergency", "elective", "anaesthesia"}:
            # 'Stoma formed in an emergency on 12 May': the day is the operation's as well.
            index = candidates.index(owner)
            beside = [
                m
                for m in (candidates[index - 1 : index] or []) + candidates[index + 1 : index + 2]
                if m.group in {"operation", "stoma", "treatment"}
            ]
            made = beside[0] if beside else owner
            if (
                made.group in {"operation", "stoma", "treatment"}
                and note.segment(made.start).index == note.segment(owner.start).index
            ):
                made.dates.append(day)
        _share(note, day, owner, candidates)
    for event in events:
        if len(event.dates) > 1:
            event.dates = _either(note, event.dates)
        if len(event.dates) > 1:
            event.dates = _narrowest(_corrected(note, event.dates))
            close = [day for day in event.dates if 0 <= day.start - event.end <= 2]
            if close:
                home = note.segment(event.start).index
                event.dates = [
                    day for day in event.dates if day.start >= event.start or note.segment(day.start).index == home
                ]
    _inherit(note, events)
    _for_dated(note, events)
    for number, sentence in by_sentence.items():
        _lead(note, number, sentence)


def _either(note: Note, days: list[DateMention]) -> list[DateMention]:
    """'In 2020 or maybe last winter': two dates of which one is right bound the day together."""
    out: list[DateMention] = []
    for day in sorted(days, key=lambda d: d.start):
        between = set(note.norms[out[-1].end : day.start]) if out else set()
        if "or" in between and between <= {
            "or",
            "maybe",
            "perhaps",
            "possibly",
            "even",
            "in",
            "was",
            "it",
            "rather",
            "on",
        }:
            both = out[-1].period.reaches(day.period)
            out[-1] = DateMention(out[-1].start, day.end, both, day.role)
        else:
            out.append(day)
    return out


def _narrowest(days: list[DateMention]) -> list[DateMention]:
    """'Last month, 12 May': of two dates the one within the other says more."""
    return [day for day in days if not any(other is not day and _within(other, day) for other in days)] or days


def _within(inner: DateMention, outer: DateMention) -> bool:
    a, b = inner.period, outer.period
    if None in (a.earliest, a.latest, b.earliest, b.latest) or inner.role != outer.role or a == b:
        return False
    return b.earliest <= a.earliest and a.latest <= b.latest  # type: ignore[operator]


def _corrected(note: Note, days: list[DateMention]) -> list[DateMention]:
    """'In March, correction, March of last year': the dates before the correction fall away."""
    ordered = sorted(days, key=lambda day: day.start)
    for earlier, later_day in itertools.pairwise(ordered):
        between = note.norms[earlier.end : later_day.start]
        if {"no", "rather", "sorry"} & set(between) and set(between) <= {
            "no",
            ",",
            "-",
            "rather",
            "sorry",
            "in",
            "wait",
            "(",
            "or",
            "on",
            "it",
            "was",
            "that",
            "i",
            "mean",
        }:
            return [day for day in ordered if day.start >= later_day.start]
    for cue in note.cues_around(ordered[-1].start):
        later = [day for day in ordered if day.start >= cue.end and day.start - cue.end <= 4]
        if (
            cue.group == "correction"
            and later
            and any(day.end <= cue.start and cue.start - day.end <= 3 for day in ordered)
        ):
            return [day for day in ordered if day.start >= cue.end]
    return days


def _lead(note: Note, number: int, events: Sequence[Mention]) -> None:
    """'On 30 November laparotomy: washout and end colostomy': a date that opens a sentence holds for all of it."""
    first, last = note.layout.sentences[number]
    days = note.dates_around(first)
    opening = [d for d in days if first <= d.start <= first + 2]
    if not opening or sum(first <= d.start < last for d in days) != 1:
        return
    entry = note.norms[opening[0].end : opening[0].end + 1] == [":"] and opening[0].start == first
    for event in events:
        if (
            not event.dates
            # An entry of a timeline ('22 January: travel jab, live yellow fever') dates all that it names.
            and (entry or event.group in {"operation", "stoma", "treatment", "emergency", "obstruction", "transplant"})
            and event.start > opening[0].end
        ):
            event.dates = [opening[0]]


_SAME_TIME = re.compile(
    r"(?<!\S)(?:same (?:night|day|evening|week|sitting|time|session|year|month|summer|winter|spring|autumn)|that (?:night|day|evening|week|year|month|summer|winter|spring|autumn)|immediately|at once|the next (?:day|morning)|next (?:day|morning)|following (?:day|morning)|a day later|at the time|straight to theatre|straight away)(?!\S)"
)


def _inherit(note: Note, events: Sequence[Mention]) -> None:
    """An event without a date takes that of the one it explains in brackets or follows 'the same night'."""
    dated: Mention | None = None
    for event in events:
        if event.dates:
            dated = event
            continue
        if (
            dated is None
            or event.start < dated.end
            or note.layout.sentence_of(event.start) - note.layout.sentence_of(dated.start) > 1
        ):
            continue
        segment = note.segment(event.start)
        bracket = segment.index
        while note.layout.segments[bracket].link not in {"(", "start", ")"} and bracket > 0:
            bracket -= 1
        explains = (
            note.layout.segments[bracket].link == "("
            and note.segment(dated.start).index == bracket - 1
            and event.group == dated.group
        )
        treats = (
            event.group in {"operation", "treatment", "transplant"}
            and dated.group == "malignancy"
            and dated.present
            and event.present
            and note.layout.sentence_of(event.start) == note.layout.sentence_of(dated.start)
            and len(set(note.norms[dated.end : event.start]) & {",", "with", "(", "by", "-", "treated", "and"}) > 0
            and event.start - max([dated.end, *(day.end for day in dated.dates if day.end <= event.start)]) <= 4
        )
        home = note.layout.sentences[segment.sentence]
        follows = (
            dated.group in {"emergency", "operation", "stoma"}
            and event.group in {"operation", "treatment", "stoma"}
            and event.start == home[0]
            and note.norms[home[0] - 1] == ";"
        )
        if follows:
            # 'On 4 March taken to theatre as an emergency; Hartmann's resection'
            event.dates = list(dated.dates)
            continue
        between = note.words(dated.end, min(segment.end, event.end + 5))
        if treats:
            # 'Prostate cancer 2016, prostatectomy'
            event.dates = [day for day in dated.dates if day.role == "at"]
        elif explains or _SAME_TIME.search(between):
            event.dates = list(dated.dates)


def _for_dated(note: Note, events: Sequence[Mention]) -> None:
    """'Prostatectomy for prostate cancer in May 2016': the day told of the cancer is the operation's."""
    for event, following in itertools.pairwise(events):
        if (
            event.group in {"operation", "treatment"}
            and not event.dates
            and following.group == "malignancy"
            and following.dates
            and note.norms[event.end : event.end + 1] == ["for"]
            and following.start - event.end <= 4
        ):
            event.dates = [day for day in following.dates if day.role == "at" and day.start > following.start]


def _owner(note: Note, day: DateMention, candidates: Sequence[Mention]) -> Mention | None:
    segment = note.segment(day.start)
    before = [m for m in candidates if m.end <= day.start]
    after = [m for m in candidates if m.start >= day.end]
    if before:
        last = before[-1]
        home = note.segment(last.start)
        if home.index == segment.index:
            return last
        if home.clause == segment.clause:
            leading = (
                after and note.segment(after[0].start).index == segment.index and segment.link in {",", "and", "-"}
            )
            if leading and after[0].start - day.end <= 6 and not _closes(note, day):
                return after[0]
            return last
    if after and note.segment(after[0].start).clause == segment.clause:
        return after[0]
    return (
        before[-1]
        if before and note.layout.sentence_of(before[-1].start) == segment.sentence and not after
        else (after[0] if after and not before else before[-1] if before else None)
    )


def _closes(note: Note, day: DateMention) -> bool:
    """Whether the date stands at the end of its list item ('MI, in 2019, and ...')."""
    return day.end >= note.segment(day.start).end


def _share(note: Note, day: DateMention, owner: Mention, candidates: Sequence[Mention]) -> None:
    index = candidates.index(owner) if owner in candidates else -1
    if index < 0 or owner.end > day.start:
        return
    while index > 0:
        previous, current = candidates[index - 1], candidates[index]
        between = note.norms[previous.end : current.start]
        if previous.start < current.end and current.start < previous.end:
            # One word in two groups.
            index -= 1
            continue
        if (
            previous.dates
            or not between
            or not set(between) <= {"and", "&", "/", "+", "plus", ",", "then", "with", "a", "an"}
            or not {"and", "&", "/", "+", "plus", "with"} & set(between)
        ):
            return
        previous.dates.append(day)
        index -= 1


class Standing:
    """Which of several statements about one thing stands: corrections and later dates win over what they replace."""

    def __init__(self, note: Note) -> None:
        self.note = note
        self.corrections = [cue.start for cue in note.cues if cue.group == "correction"]
        self.replaced = [(cue.end, note.segment(cue.start).end) for cue in note.cues if cue.group == "superseded"]

    def is_replaced(self, start: int) -> bool:
        """Whether the words are what a correction names as replaced ('replaces the MSI-H of the first report')."""
        if any(begin <= start < end for begin, end in self.replaced):
            return True
        segment = self.note.segment(start)
        head = self.note.norms[segment.start : start]
        return "not" in head[:2] and segment.link in {",", "(", "-", "and", ";", "but"} and segment.index > 0

    def stands(self, statements: Sequence[tuple[int, str, Period]]) -> set[int]:
        """Indices of those of `statements` (token, value, date) that no other replaces."""
        alive = {i for i, (start, _, _) in enumerate(statements) if not self.is_replaced(start)} or set(
            range(len(statements))
        )
        if len({statements[i][1] for i in alive}) < 2:
            return alive
        for correction in self.corrections:
            after = {i for i in alive if statements[i][0] >= correction}
            if after and after != alive and self._same_topic(correction, [statements[i][0] for i in after]):
                alive = after
        if len({statements[i][1] for i in alive}) < 2:
            return alive
        dated = {i for i in alive if statements[i][2].latest is not None}
        if dated == alive:
            newest = max(alive, key=lambda i: statements[i][2].latest or statements[i][2].earliest)  # type: ignore[arg-type,return-value]
            first = statements[newest][2].earliest
            if first is not None:
                alive = {
                    i
                    for i in alive
                    if not _before(statements[i][2], first) or statements[i][1] == statements[newest][1]
                }
        return alive

    def _same_topic(self, correction: int, starts: Sequence[int]) -> bool:
        """A correction word governs its own paragraph: the sentence it stands in and the few after it."""
        mine = self.note.layout.sentence_of(correction)
        return any(0 <= self.note.layout.sentence_of(start) - mine <= 4 for start in starts)


def _before(period: Period, day: Any) -> bool:
    return period.latest is not None and period.latest < day


_TALK_BEFORE = re.compile(
    r"(?<!\S)(?:fears?|fearing|afraid of|scared of|worried about|worries about|anxious about|risks? of|chances? of|rates? of|likelihood of|danger of|signs of|symptoms of|warned (?:of|about)|told (?:of|about)|asks (?:about|whether|if)|asked (?:about|whether|if)|questions? about|in case of|to prevent|to avoid|leaflet on|talk about|information (?:on|about))(?: (?:a|an|the|any|local|distant|liver|bowel|possible|his|her|of|it|has|tumour|cancer))*$"
)
_TALK_AFTER = re.compile(
    r"^(?:risks?|rates?|chances?|prevention|prophylaxis|surveillance|(?:would|might|could) (?:need|mean|require|exclude|be|bar|lead)|is an? (?:exclusion|barrier|criterion)|excludes|bars|only if)(?!\S)"
)


def only_spoken_of(note: Note, mention: Mention) -> bool:
    """'Afraid of recurrence', 'signs of obstruction explained', 'MSI-H would exclude him': a word, not a finding."""
    first, last = note.sentence(mention.start)
    head = note.words(max(first, mention.start - 6), mention.start)
    tail = note.words(mention.end, min(last, mention.end + 5))
    if _TALK_AFTER.match(tail):
        return True
    match = _TALK_BEFORE.search(head)
    if match is None:
        return False
    # 'Signs of obstruction on CT' are found; 'signs of obstruction explained' are not.
    return (
        not match.group().startswith(("signs", "symptoms"))
        or re.search(r"(?<!\S)(?:explained|discussed|told|taught|watch|listed|advised)(?!\S)", note.words(first, last))
        is not None
    )
