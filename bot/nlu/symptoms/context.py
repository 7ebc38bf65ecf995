"""Whether a sign is there now, in the participant: negated, past, asked about, supposed, or somebody else's.

Each question is decided by cues (lists in `lexicon/*.context.yml`) and their places. Where the cues leave it open, the
sign counts as present: a false alarm costs a call, a missed emergency a life.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from bot.nlu.symptoms.lexicon import Lexicon, Span
from bot.nlu.symptoms.matching import Hits, Parts, distance, find_any, whole
from bot.nlu.symptoms.text import Token
from bot.trial.triage import Status

_NEAR = 5.0
_LIST_REACH = 8
_CRY = 5.0
_MARKS_OF_A_NOTE = 3
_DENIED_WITHIN = 14
_SHORT_ANSWER = 6
_FEW = 3
#: Facts that a pre-check turns on and that somebody may report of a candidate without more words.
_OF_A_CANDIDATE = frozenset({"pregnancy", "interacting_medicine"})
#: Signs that pass by themselves within the day and are wanted at the next visit all the same.
_TOLD_ALL_THE_SAME = frozenset({"nausea", "vomiting", "diarrhoea", "cold_tingling"})
#: Signs that are something done: advice to do it, or the wish, is not the deed.
_DEEDS = frozenset({"overdose", "swallowed_by_another"})


class Scene:
    """One message with its cues; asks for the status of a sign at a place in it."""

    def __init__(
        self,
        lexicon: Lexicon,
        tokens: Sequence[Token],
        hits: Hits,
        clause: Sequence[int],
        questions: frozenset[int],
        signs: Iterable[Parts],
    ) -> None:
        self._lexicon, self._tokens, self._hits, self._clause = lexicon, tokens, hits, clause
        self._questions = questions
        places = list(signs)
        self._in_signs = {index for parts in places for part in parts for index in range(part.start, part.end)}
        spans = [*map(whole, places), *(part for parts in places for part in parts)]
        self._short_signs = [span for span in spans if span.end - span.start <= _FEW]
        self._cues: dict[str, list[Span]] = {}

    def cues(self, name: str) -> list[Span]:
        """Where the cues of one list stand."""
        if name not in self._cues:
            found = find_any(self._lexicon.context.get(name, ()), self._hits, self._tokens, self._clause)
            self._cues[name] = sorted({whole(parts) for parts in found}, key=lambda span: (span.start, span.end))
        return self._cues[name]

    def status(self, sign: str, parts: Parts, event: bool, figure: bool = False, planned: bool = False) -> Status:
        """The status of a sign whose words stand at `parts`.

        `event` marks a sign that counts even when it is over by now, `planned` one that counts when the writer only
        means to do it, `figure` a measured temperature.
        """
        span = whole(parts)
        if self._fiction(span) or (sign in _DEEDS and self._only_meant(parts, span)):
            return "hypothetical"
        if self._of_a_candidate:
            return "general"
        if not figure and (self._negated(parts, span) or self._denied_later(span)):
            return "negated"
        if planned and self._around("not_taken", span):
            return "negated"
        own_plan = planned and bool(self._around("first_person", span)) and not self._before("asks_why", span)
        if not own_plan and self._conditional(span):
            return "hypothetical"
        if self._other_person(sign, span):
            return "other_person"
        if self._past(sign, parts, span, event, planned):
            return "past"
        if own_plan:
            return "present"
        if self._general(span, figure) and not self._claimed(span):
            return "general"
        if not figure and self._supposed(span) and not self._claimed(span):
            return "hypothetical"
        return "present"

    @cached_property
    def _of_a_candidate(self) -> bool:
        """Whether the message is a note about, or a question on, people who might join the trial.

        Such a message raises none, whatever it holds; one that names a participant's code, or in which the writer
        speaks of the own body, is none such.
        """
        marks = len({self._tokens[cue.start].at for cue in self.cues("note")})
        if self.cues("participant_code"):
            # A whole note with a code at its head is still a note, unless it tells of now.
            return marks > _MARKS_OF_A_NOTE and not any(map(self.cues, ("strong_now", "reports", "own_report")))
        if marks >= 2 and not self.cues("own_report"):
            return True
        asked = marks or (
            self._without(self.cues("enquiry"), "not_enquiry") and (self._asks_anything or not self._subjects)
        )
        return bool(asked) and not self.cues("own_report") and not self.cues("strong_now")

    @cached_property
    def _asks_anything(self) -> bool:
        """Whether the message asks something, or speaks of a candidate: 'collapsed before the procedure' does not."""
        return bool(self._questions or self.cues("candidate") or self.cues("opens_question"))

    # ---- places ------------------------------------------------------------------------------------------------
    def _sentence(self, span: Span) -> int:
        return self._tokens[span.start].sentence

    def _before(self, name: str, span: Span) -> list[Span]:
        """Cues of the same sentence that begin before the sign."""
        sentence = self._sentence(span)
        return [cue for cue in self.cues(name) if cue.start < span.start and self._sentence(cue) == sentence]

    def _after(self, name: str, span: Span, within: float) -> list[Span]:
        sentence = self._sentence(span)
        return [
            cue
            for cue in self.cues(name)
            if cue.start >= span.start
            and self._sentence(cue) == sentence
            and distance(span, cue, self._tokens) <= within
        ]

    def _around(self, name: str, span: Span) -> list[Span]:
        sentence = self._sentence(span)
        return [cue for cue in self.cues(name) if self._sentence(cue) == sentence]

    def _without(self, cues: Iterable[Span], name: str) -> list[Span]:
        masked = self.cues(name)
        return [cue for cue in cues if not any(cue.overlaps(mask) for mask in masked)]

    @cached_property
    def _breaks(self) -> frozenset[int]:
        """Indices of commas, dashes and clause borders."""
        commas = {span.start for span in self._hits.get("comma", ())}
        borders = {index for index in range(1, len(self._clause)) if self._clause[index] != self._clause[index - 1]}
        return frozenset(commas | borders)

    def _broken(self, start: int, end: int) -> bool:
        return any(start <= index < end for index in self._breaks)

    # ---- present -----------------------------------------------------------------------------------------------
    def _said_of_self(self, span: Span) -> bool:
        """Whether 'I have', 'my', 'since this morning' bind the sign to the present."""
        for cue in self._before("present", span):
            if distance(cue, span, self._tokens) <= _NEAR and not self._asked(cue):
                return True
        if self._reported(span):
            return True
        for cue in self.cues("present"):
            if span.start <= cue.start < span.end and not self._asked(cue):
                return True
        for cue in self._before("this", span):
            if cue.end == span.start and not self._asked(cue):
                return True
        return bool(self._after("now", span, 8.0))

    def _reported(self, span: Span) -> bool:
        """Whether a participant's code opens the sentence: 'P-0106 grade 3 diarrhoea' is a report of staff."""
        asked = any(self._before(name, span) for name in ("opens_question", "wonders"))
        return not asked and bool(self._before("participant_code", span))

    def _asked(self, cue: Span) -> bool:
        return any(modal.overlaps(cue) or modal.end == cue.start for modal in self.cues("modal"))

    # ---- negated -----------------------------------------------------------------------------------------------
    def _negated(self, parts: Parts, span: Span) -> bool:
        own = {index for part in parts for index in range(part.start, part.end)}
        cues = self._without(self.cues("negation"), "not_negation")
        sentence = self._sentence(span)
        ordered = sorted(parts, key=lambda part: part.start)
        for cue in cues:
            if self._sentence(cue) != sentence or any(index in own for index in range(cue.start, cue.end)):
                continue
            target = next((part.start for part in ordered if part.start >= cue.end), None)
            if target is not None and self._reaches(cue, target):
                return True
        if any(cue.start == span.end and self._ends(cue.end, sentence) for cue in self.cues("ticked_off")):
            # 'cough no, fever no', 'jaundice gone'
            return True
        return any(
            distance(span, cue, self._tokens) <= 1.0 and cue.start >= span.end
            for cue in self._without(self.cues("negation_after"), "not_negation")
            if self._sentence(cue) == sentence
        )

    def _ends(self, index: int, sentence: int) -> bool:
        """Whether a comma, a stop or the end stands at this place."""
        if index >= len(self._tokens) or self._tokens[index].sentence != sentence:
            return True
        token = self._tokens[index]
        last = index + 1 == len(self._tokens) or self._tokens[index + 1].sentence != sentence
        return index in self._breaks or (last and token.end - token.start == 1)

    def _denied_later(self, span: Span) -> bool:
        """Whether what was named or asked about is denied by a word that stands for it: '.. I don't have one'."""
        sentence = self._sentence(span)
        for cue in self.cues("denied_later"):
            between = range(span.end, cue.start)
            if (
                cue.start >= span.end
                and self._sentence(cue) in (sentence, sentence + 1)
                and len(between) <= _DENIED_WITHIN
            ):
                return True
        if not (sentence in self._questions or self._before("spoken_of", span)):
            return False
        following = [index for index, token in enumerate(self._tokens) if token.sentence == sentence + 1]
        return 0 < len(following) <= _SHORT_ANSWER and any(
            cue.start == following[0] for cue in self._without(self.cues("negated_answer"), "not_negation")
        )

    def _reaches(self, cue: Span, target: int) -> bool:
        """Whether only words that carry a denial stand between cue and sign."""
        between = range(cue.end, target)
        carried = {i for hit in self._hits.get("carrier", ()) for i in range(hit.start, hit.end)}
        listed = {i for hit in self._hits.get("list_word", ()) for i in range(hit.start, hit.end)}
        if any(i not in carried | listed | self._ands | self._in_signs for i in between):
            return False
        if not any(i in self._breaks or i in self._ands for i in between) and all(
            # a word of the same sign: 'no chest pain'; not of another: 'no fever chest pain'
            any(span.start <= i and target < span.end for span in self._short_signs)
            for i in between
            if i in self._in_signs
        ):
            return True
        # A list: 'no fever, chills or cough'. 'And' and a bare comma end a plain 'no', not a 'denies'.
        if any(denial.overlaps(cue) for denial in self.cues("denial")):
            return True
        if any(i in self._ands for i in between):
            return False
        reach = range(cue.end, min(target + _LIST_REACH, len(self._tokens)))
        sentence = self._tokens[target].sentence
        return any(i in self._ors and self._tokens[i].sentence == sentence for i in reach)

    @cached_property
    def _ors(self) -> frozenset[int]:
        return frozenset(span.start for span in self._hits.get("or_word", ()))

    @cached_property
    def _ands(self) -> frozenset[int]:
        return frozenset(span.start for span in self._hits.get("and_word", ()))

    # ---- supposed, asked about ----------------------------------------------------------------------------------
    def _conditional(self, span: Span) -> bool:
        if any(cue.start >= span.end for cue in self._after("conditional_after", span, 8.0)):
            return True
        sentence = self._sentence(span)
        opening = [
            cue
            for cue in self._before("conditional_start", span)
            if cue.start == 0 or self._sentence_of(cue.start - 1) != sentence
        ]
        for cue in [*opening, *self._without(self._before("conditional", span), "not_conditional")]:
            later = [
                other
                for other in (*self.cues("present"), *self.cues("this"))
                if other.start > cue.end
                and other.start <= span.start
                and self._broken(cue.end, other.start + 1)
                and distance(other, span, self._tokens) <= _NEAR
                and not self._asked(other)
            ]
            if not later and not self._after("strong_now", span, 6.0):
                return True
        return False

    def _general(self, span: Span, figure: bool) -> bool:
        if figure:
            if self._before("asks_limit", span) and not self._said_of_self(span):
                return True
            limited = any(cue.end == span.start for cue in self.cues("limit"))
            return (
                limited and bool(self._before("general", span) or self._opened(span)) and not self._said_of_self(span)
            )
        if any(cue.start >= span.end for cue in self._after("generic_after", span, 3.0)) and not self._said_of_self(
            span
        ):
            return True
        cued = [
            cue for cue in self._before("general", span) if self._clause[cue.start] == self._clause[span.start]
        ] or (self._opened(span) and self._after("general", span, 12.0))
        if any(cue.end >= span.end for cue in self._before("encloses", span)) and not self._said_of_self(span):
            return True
        asked = (self._opened(span) and self._sentence(span) in self._questions) or self._without(
            self._before("asks", span), "not_asks"
        )
        return (bool(cued or asked) and not self._said_of_self(span)) or self._asked_of_others(span)

    def _asked_of_others(self, span: Span) -> bool:
        """Whether the sentence begins as a question that is not about the writer: 'does the nausea get worse'."""
        sentence = self._sentence(span)
        first = next(index for index, token in enumerate(self._tokens) if token.sentence == sentence)
        greeted = {cue.start for cue in self.cues("greeting")}
        first += first in greeted
        if not any(
            cue.start == first and cue.end <= span.start
            for cue in self._without(self.cues("asking_start"), "not_asking_start")
        ):
            return False
        own = [cue for cue in (*self._before("present", span), *self._before("this", span)) if not self._asked(cue)]
        return not own and not self._after("strong_now", span, 6.0)

    def _claimed(self, span: Span) -> bool:
        """Whether what was asked about is then said to be there: 'Is chest pressure serious? I have it now'."""
        return any(cue.start >= span.end for cue in self._without(self.cues("claims"), "negation"))

    def _opened(self, span: Span) -> bool:
        """Whether the sentence begins as a question: 'is', 'can', 'does', 'what'."""
        sentence = self._sentence(span)
        first = next(index for index, token in enumerate(self._tokens) if token.sentence == sentence)
        return any(first <= cue.start <= first + 1 and cue.start < span.start for cue in self.cues("opener"))

    def _supposed(self, span: Span) -> bool:
        for cue in self._before("hypothetical", span):
            later = [
                own
                for own in (*self._before("present", span), *self._before("this", span))
                if own.start >= cue.end and distance(own, span, self._tokens) <= _NEAR and not self._asked(own)
            ]
            if not later and not self._after("strong_now", span, 8.0):
                return True
        spoken = [] if self._reported(span) else self._before("spoken_of", span)
        if not spoken or self._after("strong_now", span, 6.0):
            return False
        definite = any(cue.end == span.start for cue in (*self.cues("this"), *self.cues("the")))
        own = [cue for cue in self._before("present", span) if cue.start >= spoken[-1].end and not self._asked(cue)]
        return not definite and not own

    def _only_meant(self, parts: Parts, span: Span) -> bool:
        """Whether the deed is only advised, asked about or wished: 'he says I must take four more'."""
        meant = [
            cue.start
            for cue in self.cues("only_meant")
            if self._sentence(cue) == self._sentence(span)
            and not any(part.start <= cue.start and cue.end <= part.end for part in parts)
        ]
        done = [
            cue.start
            for cue in self._without(self.cues("done"), "only_meant")
            if self._sentence(cue) == self._sentence(span)
        ]
        last_meant = max((start for start in meant if start < span.end), default=-1)
        last_done = max((start for start in done if start < span.end), default=-1)
        if not done and (self._sentence(span) in self._questions or self._around("only_asked", span)):
            # 'So double up tonight?'
            return True
        return last_meant > last_done

    def _fiction(self, span: Span) -> bool:
        return bool(self._before("fiction", span)) and not self._after("strong_now", span, 6.0)

    # ---- past --------------------------------------------------------------------------------------------------
    def _past(self, sign: str, parts: Parts, span: Span, event: bool, planned: bool) -> bool:
        for cue in self._without(self._around("past_far", span), "not_past"):
            if any(cue.overlaps(part) for part in parts):
                continue
            compared = any(other.end == cue.start for other in self.cues("compares"))
            if not compared and not self._present_again(cue, span):
                return True
        # What counts though it is over ('chest pain last night') is not past for having been yesterday.
        names = ("past_near",) if event else ("past_near", "past_yesterday")
        near = [
            cue
            for name in names
            for cue in self._around(name, span)
            if not any(o.end == cue.start for o in self.cues("compares"))
        ]
        if near and not planned and self._around("had", span) and not self._present_again(near[0], span):
            return True
        if self._behind(span):
            return True
        return not event and self._over(sign, span)

    def _present_again(self, cue: Span, span: Span) -> bool:
        """Whether 'I have', 'still', 'again', 'now' speak of the sign, not of the past that the cue names."""
        low, high = min(cue.end, span.start), max(cue.start, span.end)
        for other in self._around("present_tense", span):
            if low - 3 <= other.start <= high and distance(other, span, self._tokens) <= _NEAR:
                return True
        after = [other for other in self._after("strong_now", span, 6.0) if not self._broken(span.end, other.start)]
        return bool(after) or any(
            distance(other, span, self._tokens) <= 3.0 for other in self._before("strong_now", span)
        )

    def _behind(self, span: Span) -> bool:
        """Whether the writer says to have got over it: 'got over the mouth ulcers', 'over the cough now'."""
        for cue in self._without(self._before("got_over", span), "not_got_over"):
            if cue.end <= span.start and distance(cue, span, self._tokens) <= 1.0:
                return True
        for cue in self._without(self._before("over_it", span), "not_got_over"):
            first = cue.start == 0 or self._sentence_of(cue.start - 1) != self._sentence(span)
            if first and cue.end == span.start:
                return True
        return False

    def _over(self, sign: str, span: Span) -> bool:
        sentence = self._sentence(span)
        for cue in self._without(self.cues("resolved"), "not_resolved"):
            if cue.start < span.start or cue.end <= span.end or self._sentence(cue) not in (sentence, sentence + 1):
                continue
            newer = any(
                span.end <= index < cue.start and self._sentence_of(index) != sentence for index in self._in_signs
            )
            again = any(
                other.start >= span.end and self._sentence(other) <= sentence + 1
                for other in self._without(self.cues("not_resolved"), "well_again")
            )
            # What is told of today is told to the team, over or not: 'felt queasy this morning, passed now'.
            today = sign in _TOLD_ALL_THE_SAME and any(
                span.start - _DENIED_WITHIN <= other.start < cue.start for other in self._around("recent", span)
            )
            if not newer and not again and not today and distance(span, cue, self._tokens) <= 12.0:
                return True
        return False

    def _sentence_of(self, index: int) -> int:
        return self._tokens[index].sentence

    # ---- somebody else -----------------------------------------------------------------------------------------
    def _other_person(self, sign: str, span: Span) -> bool:
        if sign == "swallowed_by_another":
            return False
        person = self._subject(span)
        if person is None:
            # 'She is pregnant', 'he is on warfarin', with nobody named before: said of a candidate
            alone = not (self._subjects or self.cues("participant_code") or self.cues("first_person"))
            return sign in _OF_A_CANDIDATE and alone and bool(self._before("stands_so", span))
        if (
            sign == "pregnancy"
            and person.overlaps(span)
            and not any(cue.overlaps(person) for cue in self.cues("partner"))
        ):
            # 'We are having a baby'
            return False
        if sign == "pregnancy" and any(cue.overlaps(person) for cue in self.cues("partner")):
            return False
        if any(cue.start >= span.start for cue in self.cues("me_too")):
            return False
        if any(cue.overlaps(person) or (cue.end == person.start) for cue in self.cues("outsider")):
            return True
        if self.cues("is_participant"):
            return False
        return bool(self.cues("own_treatment"))

    def _subject(self, span: Span) -> Span | None:
        """The relative or other person that the sign is said of, or None."""
        sentence = self._sentence(span)
        candidates = self._subjects
        same = [cue for cue in candidates if cue.start < span.end and self._sentence(cue) == sentence]
        person = same[-1] if same else None
        if person is None:
            earlier = [cue for cue in candidates if self._sentence(cue) in (sentence - 1, sentence - 2)]
            pronoun = any(cue.start < span.end for cue in self._around("third_person", span))
            person = earlier[-1] if earlier and pronoun else None
        if person is None:
            return None
        first = [
            cue for cue in self._without(self.cues("first_person"), "of_mine") if person.end <= cue.start < span.end
        ]
        return None if any(self._sentence(cue) == sentence for cue in first) else person

    @cached_property
    def _subjects(self) -> list[Span]:
        broken = {cue.start for cue in self._without(self.cues("subject_break"), "of_mine")}
        objects = {cue.end for cue in self.cues("object_before")}
        people = sorted({*self.cues("relation"), *self.cues("outsider")}, key=lambda cue: (cue.start, cue.end))
        return [cue for cue in people if cue.start not in objects and cue.end not in broken]


def barriers(hits: Mapping[str, Sequence[Span]], tokens: Sequence[Token]) -> list[int]:
    """A clause number for every token: sentences, split again at 'but' and at a dash.

    A cry of a few words ('My chest!! It hurts') belongs to what follows it.
    """
    starts = {span.start for span in hits.get("barrier", ())}
    clause, numbers, sentence, began = 0, [], 0, 0
    for index, token in enumerate(tokens):
        if token.sentence != sentence or index in starts:
            cry = index not in starts and token.at - tokens[began].at <= _CRY
            clause, sentence, began = clause + (not cry), token.sentence, began if cry else index
        numbers.append(clause)
    return numbers
