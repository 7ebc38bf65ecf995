"""Answers of a form: blocks of denials, fields, boxes, entries struck out."""

from __future__ import annotations

import re

from bot.nlu.clinical.context.view import SELF_STATED, View, mark
from bot.nlu.clinical.note import Mention

_WRONG = re.compile(
    r"(?<!\S)(?:(?:is |was |has been )?(?:struck out|crossed out|struck through|struck off|deleted|scored out)|should read|(?:is|was|were|are) (?:wrong|incorrect|not correct|an error|a mistake|a typo|false)|in error|by mistake|mistakenly|erroneously|pasted|wrong patient|another patient|other patient|mix up|mixed up|not (?:hers|his) at all|"
    r"(?:belongs to|belong to|is that of|was that of|are those of|was from|is from|is about|came from)(?: \S+){0,2} (?:another|someone|somebody|other|next|previous|last|different|namesake|namesakes|neighbour|man|woman|lady|gentleman)|(?:of|for|from) (?:the|her|his|a) (?:namesake|next (?:man|woman|patient|lady|gentleman|one))|someone else)(?!\S)"
)


#: Words by which a dictation or letter takes the last thing back as another's: 'that was the previous patient'.
_WRONG_PERSON = re.compile(
    r"(?<!\S)(?:(?:that|this|it) (?:is|was|'s)|thats|its|belongs to|meant for|belonged to|refers to|is about|was about|was for|is for)(?: (?:of|in|on|for|from|the|a|an|my|label|sticker|notes?|record|letter|file))*"
    r" (?:previous|last|next|other|different|wrong|earlier|another|former|neighbouring)(?: (?:patient|lady|gentleman|man|woman|person|one|case|mr|mrs|ms|miss|name|record|notes?|file)| [a-z]+(?= ?(?:\(|,|\.|;|$)))(?!\S)"
)


def set_aside(view: View) -> None:
    """'The sentence ... was pasted in from another record and is wrong': what it names is not the patient's."""
    note = view.note
    for first, last in note.layout.sentences:
        words = note.words(first, last)
        match = _WRONG.search(words)
        person = _WRONG_PERSON.search(words)
        for found in (match, person):
            if found is None:
                continue
            at = first + len(words[: found.start()].split())
            home = note.segment(at)
            start = home.start
            named = [m for m in note.in_sentence(home.sentence) if m.start < at]
            if not any(m.start >= start for m in named) and (found is person or home.link in {"-", "(", ":"}):
                # The thing taken back stands in an item before: 'pulmonary fibrosis - entry struck out'.
                start = note.segment(named[-1].start).start if named else at
            for mention in named:
                if start <= mention.start and not any(
                    note.norms[i] == "not" for i in range(max(first, mention.start - 2), mention.start)
                ):
                    mention.superseded = True


_REFUTED = re.compile(
    r"(?<!\S)(?:(?:was|is|were|been|has been|have been|later|then|since|now|but|and|has|could be|safely|firmly|finally|promptly) )*"
    r"(?P<word>ruled out|excluded|refuted|disproved|disproven|discounted|dismissed|unfounded|not confirmed|never confirmed|not borne out|discarded|rejected|withdrawn|not substantiated|proved (?:negative|wrong|false)|turned out (?:to be )?(?:negative|wrong|false|not))(?!\S)"
)
_NOT_REFUTED = re.compile(
    r"(?<!\S)(?:not|cannot|cant|can|never|yet|until|to be|if|unless|must be|needs to be|should be|awaiting|hopefully|still|partly|nor) (?:\S+ )?$"
)
_WAITING = re.compile(
    r"(?<!\S)(?:awaited|awaiting|pending|to follow|yet to|yet|requested|repeat|booked|so far|as yet|until)(?!\S)"
)


def refute(view: View) -> None:
    """'?lupus - ruled out', 'possible myositis was raised and refuted', 'suspicion of sarcoid, not confirmed': denied after all."""
    note = view.note
    for _, start, end in note.find(_REFUTED):
        first, last = note.sentence(start)
        if _NOT_REFUTED.search(note.words(first, start) + " ") or _WAITING.search(note.words(first, last)):
            continue
        before = [m for m in note.in_sentence(note.layout.sentence_of(start)) if m.end <= start]
        if not before or before[-1].assertion != "uncertain" or not before[-1].is_patient:
            continue
        home = before[-1]
        if start - home.end > 14 or any(
            c.group == "kin" and home.end <= c.start < start for c in note.cues_around(start)
        ):
            continue
        cue = Mention("refuted", "negation", {"kind": "after"}, start, end, note.layout.segment_of[start])
        for mention in before:
            if mention.assertion == "uncertain" and mention.segment == home.segment:
                mark(mention, "negated", cue, note)


_BLOCK = re.compile(
    r"(?<!\S)(?:(?:every|each|all)(?: (?:of the|single))? (?:answers?|items?|criterion|criteria|questions?|points?|exclusions?|boxes|of them|of these)(?: (?:is|are|was|were|has been|have been|answered|ticked|marked|with|as|a|by))*(?: (?:\"|'))? (?:no|absent|negative|denied|excluded|not met|none)(?: (?:\"|'))?|(?:answers?|answered|says?|said|ticked|replied|ticks) no to(?: (?:all|each|every|any))?(?: of)?(?: the following| these)?|no to(?: (?:all|each|every))?(?: of)?(?: the following| these)?|none of (?:the following|these)(?: (?:is|are|was|were|applies|apply|present))?|none (?:present|applies|apply|of them|met)|"
    r"(?:denies|denied|negative for|no history of|excluded|no|absent)(?: (?:all|any|each))?(?: of)? the following|all (?:absent|negative|denied|answered no|no)|exclusions? (?:none|absent))(?!\S)"
)


def deny_blocks(view: View) -> None:
    """'None of the following: a; b; c' denies every item up to the full stop or the end of the line."""
    note = view.note
    for match, start, end in note.find(_BLOCK):
        colon = next((i for i in range(end, min(end + 4, len(note.norms))) if note.norms[i] in {":", "-"}), None)
        if (
            colon is None
            and "following" not in match.group()
            and not match.group().startswith(("answer", "says no", "said no"))
        ):
            continue
        begin = end if colon is None else colon + 1
        last = begin
        while last < len(note.norms) and note.norms[last] != "." and not (note.tokens[last].breaks and last > begin):
            last += 1
        cue = Mention("no", "negation", {}, start, end, note.layout.segment_of[start])
        for mention in note.mentions:
            if (
                begin <= mention.start < last
                and mention.group not in SELF_STATED
                and not mention.affirmed
                and not view.has(mention.segment, "affirmation", "uncertain")
            ):
                mark(mention, "negated", cue, note)


_NO = r"(?:none|no|nil|n|never|0|negative|neg|-|denied|denies|absent|not (?:known|present|any)|none (?:known|ever|reported|at all|so far|given|present|done)|nil (?:known|of note|ever)|no never|not at all|(?:none|nothing|no|neither) of (?:those|these|them|that|the above|it|all that|that sort|that kind)|nothing|nothing like that|non reactive|nonreactive|(?:no|n|none|nil) (?:to|for|in) (?:each|all|any|both|either|everything)(?: of (?:them|these|those|the above))?)"
#: What a bracket adds to an answer: who signed it, when it was asked.
_REMARK = re.compile(r"(?<=\S) \( [^()]* \)(?=$| \.)")
_ANSWERED_NO = re.compile(rf"^{_NO}(?: ?[,/;] ?(?:and )?{_NO})*(?: ?[.;])*$")
#: Groups that a plain no or yes to a field's question answers.
_ASKED = frozenset(
    [
        "treatment",
        "operation",
        "emergency",
        "stoma",
        "vaccine",
        "trial",
        "transplant",
        "transplant_general",
        "transplant_organ_general",
        "obstruction",
        "complication",
        "malignancy_general",
        "autoimmune_general",
        "autoimmune",
        "cardiovascular",
        "cardiovascular_minor",
        "cardio_general",
        "infection_hiv",
        "infection_general",
        "infection_serious",
        "uncontrolled",
        "uncontrolled_general",
        "hepatitis",
        "pregnancy",
        "lactation",
        "lung",
        "lung_general",
        "metastasis",
        "allergy",
        "recurrence",
    ]
)


#: 'HCV: no result' answers nothing.
_NO_ANSWER = frozenset(
    {
        "result",
        "results",
        "answer",
        "data",
        "record",
        "records",
        "information",
        "report",
        "value",
        "sample",
        "idea",
        "documents",
        "papers",
        "test",
        "tests",
    }
)


def _same_again(view: View, colon: int, last: int) -> bool:
    """Whether an answer is a no that goes on to say no more than the label ('stroke: no cardiovascular disease')."""
    note = view.note
    words = note.norms[colon + 1 : last]
    if not words or words[0] not in {"no", "none", "never", "nil", "negative"} or len(words) > 7:
        return False
    if set(words) & {
        "but",
        "except",
        "only",
        "apart",
        "since",
        "until",
        "however",
        "after",
        "other",
        "than",
        "save",
        "bar",
        *_NO_ANSWER,
    }:
        return False
    if any(colon < day.start < last for day in note.dates_around(colon)):
        return False
    inside = [m for m in note.in_sentence(note.layout.sentence_of(colon)) if m.start > colon]
    return all(m.negated or m.group in {"course", "allergy_none"} for m in inside)


def carry_on(view: View) -> None:
    """'It has not obstructed, bled or perforated': the 'not' within one finding goes on over its list."""
    note = view.note
    segments = view.segments()
    for mention in note.of("not_obstructing"):
        if note.norms[mention.start] not in {"not", "no", "never", "neither", "nor"}:
            continue
        cue = Mention("no", "negation", {}, mention.start, mention.start + 1, mention.segment)
        for later in segments[mention.segment + 1 : mention.segment + 5]:
            found = view.mentions[later.index]
            if (
                later.sentence != segments[mention.segment].sentence
                or later.link not in {",", "or", "nor", "and", "/"}
                or not found
                or any(m.group != "complication" for m in found)
                or view.has(later.index, "affirmation", "uncertain", "negation")
                or view.dated[later.index]
            ):
                break
            for other in found:
                mark(other, "negated", cue, note)


_NOUGHT = frozenset({"0", "-", "nil", "none", "neg", "negative", "n", "no"})


def read_noughts(view: View) -> None:
    """'Bleeding 0, perforation 0, ileus 0': from two such items on, a nought denies what stands before it."""
    note = view.note
    found = []
    for number, (first, last) in enumerate(note.layout.sentences):
        if {"0", "-"}.isdisjoint(note.norms[first:last]):
            continue
        for mention in note.in_sentence(number):
            segment = note.segment(mention.start)
            tail = [w for w in note.norms[mention.end : segment.end] if w != "."]
            if mention.group in _ASKED | {"course"} and len(tail) == 1 and tail[0] in _NOUGHT:
                found.append(mention)
    if len(found) > 1:
        for mention in found:
            cue = Mention("no", "negation", {}, mention.end, mention.end + 1, mention.segment)
            mark(mention, "negated", cue, note)


def answer_fields(view: View) -> None:
    """'Live vaccine in the last 4 weeks or planned: no': the answer of a field is for all that its label names."""
    note = view.note
    for first, last in note.layout.sentences:
        colons = [i for i in range(first, last) if note.norms[i] in {":", "?"}]
        if len(colons) != 1 or not first < colons[0] < last - 1:
            continue
        answer = _REMARK.sub("", note.words(colons[0] + 1, last))
        if len(answer.split()) > 8:
            continue
        cue = Mention("no", "negation", {}, colons[0] + 1, last, note.layout.segment_of[colons[0] + 1])
        if _ANSWERED_NO.match(answer) or _same_again(view, colons[0], last):
            for mention in note.in_sentence(note.layout.sentence_of(first)):
                if (
                    mention.end <= colons[0]
                    and mention.group in _ASKED
                    and mention.is_patient
                    and not mention.superseded
                ):
                    mention.affirmed = False
                    mark(mention, "negated", cue, note)


def read_boxes(view: View) -> None:
    """What follows an unticked or queried box is not said, unless the words after it say so themselves."""
    note = view.note
    for i, word in enumerate(note.norms):
        if word not in {"[ ]", "[?]"} or i + 1 >= len(note.norms):
            continue
        segment = note.segment(i + 1)
        if word == "[ ]" and (
            view.has(segment.index, "negation", "affirmation")
            or view.has(min(segment.index + 1, len(view.cues) - 1), "negation", "answer")
        ):
            continue
        last = note.sentence(i + 1)[1]
        colon = next((k for k in range(i + 1, last) if note.norms[k] in {":", "?"}), None)
        if word == "[ ]" and colon is not None and _ANSWERED_NO.match(note.words(colon + 1, last)):
            continue
        for mention in view.mentions[segment.index]:
            mention.assertion, mention.cue = "uncertain", word
