"""Reads the questions of a message: cuts it where two are asked, classifies each, gathers what each names."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date

from bot.nlu.dates import direction_of
from bot.nlu.language import fold
from bot.nlu.questions.classifier import FALLBACK, OUT_OF_SCOPE, IntentClassifier, Prediction
from bot.nlu.questions.lexicon import Lexicon
from bot.nlu.questions.mentions import Mentions, read_mentions
from bot.nlu.questions.parts import DateRead, Part
from bot.nlu.questions.rescheduling import roles
from bot.nlu.questions.split import Segment, join, segments

#: Said beside a question, not instead of one.
SOCIAL = frozenset({"greet", "goodbye", "thank", "affirm", "deny"})
#: What a statement may be taken for; another intent read into a statement is background of the question beside it.
_STATED = SOCIAL | {
    "report_symptom", "report_missed_dose", "request_reschedule", "request_handoff", "save_screening", "next_patient",
    "acknowledge_ticket", OUT_OF_SCOPE,
}  # fmt: skip
#: Follow-ups and small talk are whole messages, never the second half of one.
_NEVER_SECOND = SOCIAL | {"follow_up", FALLBACK}
#: How sure shorthand, and a statement beside a question, must be read to count as questions of their own.
_SURE_SHORT, _SURE_STATED = 0.75, 0.75
_MAX_PARTS = 4
#: A question, or so many words, that were not understood weigh more than 'ok' or 'sorry' beside them.
_SAYS_MORE = 5
#: A question of no more words than this that speaks of 'that' is put to what stands before it.
_FEW = 4
#: How sure a question must be that speaks of 'it' alone, to be one of its own.
_SURE_ASKED = 0.85
#: So many stretches of a message, half of them at its beginning and half at its end, are looked through for questions:
#: what a story or a pasted text holds between them is not asked.
_MOST_SEGMENTS = 40


@dataclass(frozen=True)
class _Read:
    segment: Segment
    prediction: Prediction
    #: where what it names may stand, beside its own words
    context: tuple[Segment, ...] = ()
    #: shorthand that was found to stand as a request though it has no form of one
    shorthand: bool = False

    @property
    def intent(self) -> str:
        return self.prediction.intent

    @property
    def stands(self) -> bool:
        """Whether it is a question or request of its own."""
        if self.shorthand or self.segment.asks:
            return self.intent != FALLBACK
        return self.intent in _STATED and self.prediction.confidence >= _SURE_STATED


def _outer(found: tuple[Segment, ...]) -> tuple[Segment, ...]:
    half = _MOST_SEGMENTS // 2
    if len(found) <= _MOST_SEGMENTS:
        return found
    return (*found[:half], replace(found[-half], kind="gap"), *found[-half + 1 :])


class QuestionReader:
    """Questions of a message as `Part` values; needs the lexicons and a trained classifier, nothing of Rasa."""

    def __init__(self, classifier: IntentClassifier, lexicon: Lexicon | None = None) -> None:
        self._lexicon = lexicon or Lexicon.load()
        self._classifier = classifier

    def read(self, text: str, today: date) -> tuple[Part, ...]:
        """The questions of a message in the order asked; always at least one, `nlu_fallback` where none is known."""
        folded = self._classifier.respell(fold(text))
        whole = read_mentions(self._lexicon, folded, today)
        reads = self._settle(
            folded, self._merge(folded, [self._predict(one, today, whole) for one in _outer(segments(folded))]), today
        )
        if not reads:
            reads = [self._predict(Segment(folded.strip(), 0, len(folded)), today)]
        parts: list[Part] = []
        for read in reads[:_MAX_PARTS]:
            part = self._part(read, whole)
            if not part.participants and whole.participants:
                inherited = parts[-1].participants if parts else tuple(one.code for one in whole.participants)
                part = replace(part, participants=inherited)
            parts.append(part)
        return tuple(parts)

    def _predict(self, segment: Segment, today: date, whole: Mentions | None = None) -> _Read:
        """A segment with its intent; a segment that is the whole message has been read already."""
        if whole is None or whole.text != segment.text:
            whole = read_mentions(self._lexicon, segment.text, today)
        return _Read(segment, self._classifier.predict_mentions(whole))

    # -- joining what the cuts have parted too far -------------------------------------------------------------

    def _merge(self, text: str, reads: list[_Read]) -> list[_Read]:
        """Take back cuts whose sides do not both stand, from the left."""
        merged: list[_Read] = []
        for read in reads:
            if not merged or self._parts_ways(merged[-1], read):
                if read.segment.kind in ("short", "bare"):
                    read = replace(read, shorthand=True)
                    merged[-1] = replace(merged[-1], shorthand=True)
                merged.append(read)
                continue
            left = merged.pop()
            segment = join(text, left.segment, read.segment)
            mentions = read_mentions(self._lexicon, segment.text, date(2026, 1, 1))
            prediction = self._classifier.predict_mentions(mentions)
            options = [one for one in (left, read) if one.intent not in (FALLBACK, OUT_OF_SCOPE) and one.stands]
            if prediction.intent in (FALLBACK, OUT_OF_SCOPE) and options:
                prediction = max((one.prediction for one in options), key=lambda one: one.confidence)
            elif left.intent == read.intent and left.intent not in (FALLBACK, OUT_OF_SCOPE):
                prediction = max(left.prediction, read.prediction, key=lambda one: one.confidence)
            merged.append(_Read(segment, prediction, (*left.context, *read.context)))
        return merged

    def _parts_ways(self, left: _Read, right: _Read) -> bool:
        kind = right.segment.kind
        if kind == "gap":
            return True
        if kind == "sentence":
            if self._points_at(left, right):
                return False
            # a full stop parts even a statement from a question; two of one intent are one, unless they name two things
            return left.intent != right.intent or self._names_other(left, right)
        if kind == "aside":
            return left.segment.asks and left.intent != FALLBACK and right.intent != left.intent
        if kind == "join" and left.segment.states and right.segment.asks and right.intent not in _NEVER_SECOND:
            return right.intent != left.intent
        if self._adds_nothing(left, right):
            return False
        if right.intent in _NEVER_SECOND or left.intent in (FALLBACK, "follow_up"):
            return False
        if kind in ("bare", "short") and OUT_OF_SCOPE in (left.intent, right.intent):
            return False  # 'what is watch and wait': a piece of one question
        if kind == "bare":
            return left.intent.startswith("ask_trial_") and right.intent != left.intent
        if kind == "short":
            sure = min(left.prediction.confidence, right.prediction.confidence) >= _SURE_SHORT
            return sure and left.intent != right.intent and not self._is_list(left, right)
        if not (left.stands and right.stands):
            return False
        return left.intent != right.intent or (kind == "join" and self._names_other(left, right))

    def _points_at(self, left: _Read, right: _Read) -> bool:
        """'My letter says MSS. What is that?': a question that names nothing, put to the statement before it."""
        words = re.findall(r"[a-z']+", right.segment.text.lower())
        bare = right.segment.asks and right.segment.points_back and 0 < len(words) <= _FEW
        return bare and not left.segment.asks and left.intent not in SOCIAL and not any(self._lexicon.carries(words))

    def _adds_nothing(self, left: _Read, right: _Read) -> bool:
        """'... and which day is it': the same question, asked on."""
        if right.intent not in (FALLBACK, OUT_OF_SCOPE, left.intent) and right.prediction.confidence >= _SURE_ASKED:
            return False
        words = re.findall(r"[a-z']+", right.segment.text.lower())
        counts = bool(re.search(r"how (?:much|many)", right.segment.text, re.IGNORECASE))
        return right.segment.points_back and not counts and not any(self._lexicon.carries(words))

    def _is_list(self, left: _Read, right: _Read) -> bool:
        """'capecitabine and oxaliplatin', 'P-0003 and P-0005': one question about two of a kind."""
        return any(
            mine and theirs
            for mine, theirs in zip(self._names(left.segment.text), self._names(right.segment.text), strict=True)
            if len(right.segment.text.split()) <= 2
        )

    def _names_other(self, left: _Read, right: _Read) -> bool:
        """Whether two questions of one kind are about two participants, visits or drugs."""
        if not (left.segment.asks and right.segment.asks):
            return False
        one, other = (self._names(read.segment.text) for read in (left, right))
        return any(mine and theirs and mine != theirs for mine, theirs in zip(one, other, strict=True))

    def _names(self, text: str) -> tuple[frozenset[str], ...]:
        mentions = read_mentions(self._lexicon, text, date(2026, 1, 1))
        return (
            frozenset(one.code for one in mentions.participants),
            frozenset(one.value for one in mentions.visits),
            frozenset(one.value for one in mentions.drugs),
            frozenset(one.text.lower() for one in mentions.dates),
        )

    # -- leaving out what is no question -----------------------------------------------------------------------

    def _settle(self, text: str, reads: list[_Read], today: date) -> list[_Read]:
        """Small talk and background go, where a question stands beside them; background lends what it names."""
        if len(reads) < 2:
            return reads
        questions = [
            read
            for read in reads
            if read.stands and read.intent not in SOCIAL | {OUT_OF_SCOPE} and not self._moves_nothing(read)
        ]
        if not questions:
            spoken = [read for read in reads if read.intent not in SOCIAL | {FALLBACK}]
            # 'just kidding. next visit pls': words about the trial are what the others only lead up to
            spoken.sort(key=lambda read: read.intent == OUT_OF_SCOPE)
            whole = self._predict(Segment(text.strip(), 0, len(text)), today)
            unread = [read for read in reads if read.intent == FALLBACK and _says_more(read.segment)]
            if unread and not [read for read in spoken if read.intent != OUT_OF_SCOPE]:
                return [whole] if whole.intent not in SOCIAL | {FALLBACK, OUT_OF_SCOPE} else unread[-1:]
            social = [read for read in reads if read.intent in SOCIAL]
            if social and all(read.intent == OUT_OF_SCOPE and not _says_more(read.segment) for read in spoken):
                return social[-1:]  # 'All right dear. Goodbye'
            return spoken[:1] or ([whole] if whole.intent != FALLBACK else reads[:1])
        kept: list[_Read] = []
        background: list[Segment] = []
        for read in reads:
            if read in questions:
                context = tuple(background) if read.segment.points_back or read.intent == "request_reschedule" else ()
                read = self._with_background(text, read, background, today)
                kept.append(replace(read, context=(*read.context, *context)))
                background = []
            elif read.intent == OUT_OF_SCOPE and read.segment.asks:
                kept.append(read)
            elif read.intent not in SOCIAL:
                background.append(read.segment)
                if kept and kept[-1].intent == "request_reschedule":
                    kept[-1] = replace(kept[-1], context=(*kept[-1].context, read.segment))
        return kept

    def _with_background(self, text: str, read: _Read, background: list[Segment], today: date) -> _Read:
        """A question about 'it' read together with what was said of it before: 'it's about the surgery. From which day?'"""
        if not background or not read.segment.points_back or read.prediction.confidence >= _SURE_ASKED:
            return read
        joined = self._predict(join(text, background[-1], read.segment), today)
        if joined.intent in SOCIAL | {FALLBACK, OUT_OF_SCOPE}:
            return read
        better = joined.prediction.confidence > read.prediction.confidence
        return replace(read, prediction=joined.prediction) if better else read

    def _moves_nothing(self, read: _Read) -> bool:
        """A statement taken for a wish to reschedule that names neither a day nor a visit: 'I live far away'."""
        if read.intent != "request_reschedule" or read.segment.asks:
            return False
        mentions = read_mentions(self._lexicon, read.segment.text, date(2026, 1, 1))
        named = mentions.dates or mentions.visits or mentions.classes
        return not named and "appointment" not in self._lexicon.read_concepts(read.segment.text)

    # -- what a part names -------------------------------------------------------------------------------------

    def _part(self, read: _Read, whole: Mentions) -> Part:
        spans = [(read.segment.start, read.segment.end), *((one.start, one.end) for one in read.context)]
        text, lexicon = read.segment.text, self._lexicon

        def inside(start: int, end: int) -> bool:
            return any(first <= start and end <= last for first, last in spans)

        classes = tuple(dict.fromkeys(one.value for one in whole.classes if inside(one.start, one.end)))
        visits = tuple(dict.fromkeys(one.value for one in whole.visits if inside(one.start, one.end)))
        if not visits and (endpoint := lexicon.endpoint_visit(text, classes)) is not None:
            visits = (endpoint,)
        dates = tuple(one for one in whole.dates if inside(one.start, one.end))
        given = roles(whole.text, dates) if read.intent == "request_reschedule" else (None,) * len(dates)
        direction = direction_of(text)
        tickets = [one.number for one in whole.tickets if inside(one.start, one.end)]
        return Part(
            text=text,
            intent=read.intent,
            confidence=read.prediction.confidence,
            ranking=read.prediction.ranking,
            participants=tuple(dict.fromkeys(one.code for one in whole.participants if inside(one.start, one.end))),
            visits=visits,
            visit_class=classes[0] if classes else None,
            drugs=tuple(dict.fromkeys(one.value for one in whole.drugs if inside(one.start, one.end))),
            dates=tuple(DateRead.of(one, role, direction) for one, role in zip(dates, given, strict=True)),
            criteria=tuple(one.value for one in whole.criteria if inside(one.start, one.end)),
            scope=lexicon.read_scope(text),
            refers_to_previous=bool(lexicon.refers_back.search(text)),
            prescribed_only=lexicon.asks_for_order(text),
            ticket=tickets[0] if tickets else None,
        )


def _says_more(segment: Segment) -> bool:
    """Whether words that were not understood are more than a word or two beside the point."""
    return segment.asks or len(segment.text.split()) >= _SAYS_MORE
