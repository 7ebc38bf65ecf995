"""Autoimmune disease: its treatment, and whether it is over."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Mention, Note
from bot.nlu.clinical.readers.common import dates_of, finding
from bot.nlu.clinical.readers.scope import scope_of
from bot.trial.facts import Finding, Period

_OVER = re.compile(
    r"(?<!\S)(?:resolved|burnt out|burned out|recovered|full recovery|ended|in remission|remission|cured|settled|gone|outgrown|outgrew|healed|cleared|quiescent|inactive|disappeared|no (?:flare|relapse|activity|recurrence|symptoms|further (?:episode|episodes|flares|attacks|trouble))|not recurred|never recurred|never came back|one episode|single episode|over|asymptomatic since|went away|free of (?:it|disease|symptoms)|nothing since|nil since|none since|normal (?:ever )?since|(?:no|without) treatment since|well (?:ever )?since|last flare|last episode|last attack|no relapse|ended)(?!\S)"
)
_PAST = re.compile(
    r"(?<!\S)(?:previous|previously|past|childhood|history of|h/o|as a child|in childhood|former|once|ago|hx of)(?!\S)"
)
_STOP_DRUG = re.compile(
    r"(?<!\S)(?:stopped|until|finished|completed|ended|off|came off|discontinued|withdrawn|last (?:took|taken|dose|given|received|used|needed|required|treated|course|injection)|weaned|tapered|ceased|course of|previously|to (?=(?:19|20)\d\d)|no longer)(?!\S)"
)


def read_autoimmune(note: Note) -> Iterator[Finding]:
    rivals = [m for m in note.of("autoimmune") if m.is_patient]
    for mention in rivals:
        exception = str(mention.attributes.get("exception", ""))
        if mention.concept == "alopecia" and re.search(
            r"(?<!\S)(?:androgen\w*|chemo\w*|male pattern|scarring|traction)(?!\S)", note.sentence_words(mention.start)
        ):
            continue
        if mention.assertion in {"negated", "hypothetical", "planned"}:
            continue
        if (
            mention.concept == "other_autoimmune"
            and note.words(mention.start, mention.end) == "ms"
            and note.tokens[mention.start + 1 : mention.start + 2]
            and note.tokens[mention.start + 1].raw[0].isupper()
            and mention.start <= 4
        ):
            continue
        if mention.assertion == "uncertain":
            yield finding(
                note,
                "autoimmune_disease",
                mention.start,
                mention.end,
                {"exception": exception or None},
                assertion="uncertain",
                cue=mention.cue,
            )
            continue
        first, last = scope_of(note, mention, rivals)
        text = note.words(first, last)
        when, ended = dates_of(mention)
        therapy, therapy_end = _therapy(note, mention, first, last, exception)
        over = _OVER.search(text) is not None
        if over and not ended.known:
            ended = _end_date(note, first, last, when)
        if therapy == "stopped" and exception in {"skin", "graves"}:
            ended = therapy_end
        elif (
            over
            and therapy == "stopped"
            and (not ended.known or (therapy_end.latest and ended.latest and therapy_end.latest > ended.latest))
        ):
            ended = therapy_end if therapy_end.known else ended
        values = {
            "exception": exception or None,
            "treatment": therapy or None,
            "limited": bool(mention.attributes.get("limited")),
            "over": over,
            "past": _PAST.search(note.words(max(first, mention.start - 4), min(last, mention.end + 4))) is not None,
            "name": note.words(mention.start, mention.end),
        }
        if not over and exception not in {"skin", "graves"} and not ended.known:
            ended = Period()
        yield finding(
            note,
            "autoimmune_disease",
            mention.start,
            mention.end,
            dict(values),
            when=when,
            ended=ended,
            historical=mention.historical,
            cue=mention.cue,
        )
    for mention in note.of("autoimmune_general"):
        if not mention.is_patient or mention.assertion in {"hypothetical", "planned"}:
            continue
        if note.norms[mention.start] == "nothing":
            yield finding(
                note,
                "autoimmune_disease",
                mention.start,
                mention.end,
                {"general": True},
                assertion="negated",
                cue="nothing",
            )
            continue
        if mention.assertion == "present" and not re.search(
            r"(?<!\S)(?:known|active|has|with|suspected|history)(?!\S)", note.words(*note.clause(mention.start))
        ):
            continue
        if mention.assertion == "present" and any(
            m.group == "autoimmune" for m in note.same_sentence(mention, "autoimmune")
        ):
            continue
        yield finding(
            note,
            "autoimmune_disease",
            mention.start,
            mention.end,
            {"general": True},
            assertion=mention.assertion,
            cue=mention.cue,
        )


def _end_date(note: Note, first: int, last: int, when: Period) -> Period:
    """The date nearest to the words that say it is over; else the date of the illness itself."""
    text = note.words(first, last)
    match = _OVER.search(text)
    if match is None:
        return Period()
    at = first + len(text[: match.start()].split())
    days = [d for d in note.dates_around(first) if first <= d.start < last]
    after = [d for d in days if d.start >= at and d.start - at <= 8]
    before = [d for d in days if d.end <= at and at - d.end <= 3]
    if after:
        return after[0].period
    if before:
        return before[-1].period
    return when


_ONLY_TOPICAL = re.compile(
    r"(?<!\S)(?:nothing|never|not|no|without)(?: \S+){0,3} (?:more|other|stronger|else|beyond)(?: than)?(?: (?:a|an|the|some|topical|mild|steroid))* (?:creams?|ointments?|topicals?|lotions?|shampoos?|emollients?|topical treatment|steroid cream)(?!\S)"
)


def _therapy(note: Note, mention: Mention, first: int, last: int, exception: str) -> tuple[str, Period]:
    """`systemic`, `stopped` (with its end), `topical`, `none`, `thyroid`, `insulin` or nothing said."""
    if exception in {"diabetes", "hypothyroid"}:
        wanted = "insulin" if exception == "diabetes" else "thyroid"
        drugs = [
            m
            for m in note.of("replacement")
            if m.attributes.get("replaces") == wanted and m.is_patient and m.assertion in {"present"}
        ]
        generic = {
            "replacement",
            "replacement therapy",
            "replacement only",
            "replacement dose",
            "replacement treatment",
            "hormone replacement only",
        }
        drugs = [m for m in drugs if note.words(m.start, m.end) not in generic or first <= m.start < last]
        return (wanted, Period()) if drugs else ("", Period())
    if _ONLY_TOPICAL.search(note.words(first, last)):
        return "topical", Period()
    drugs = [m for m in note.of("immunosuppressant") if first <= m.start < last and m.is_patient]
    stopped: list[Period] = []
    denied = False
    for drug in drugs:
        if drug.assertion in {"planned", "hypothetical", "uncertain"} and not drug.cue.lower().startswith(
            ("needs", "need")
        ):
            continue
        if drug.assertion == "negated":
            denied = True
            continue
        end = _stopped_at(note, drug, first, last)
        if end is None or not end.known:
            end = _nothing_since(note, drug, last) or end
        if end is None:
            return "systemic", Period()
        stopped.append(end)
    never = [
        m
        for m in note.of("never_treated", "partial_untreated", "untreated")
        if first <= m.start < last and m.is_patient and m.assertion not in {"uncertain", "planned"}
    ]
    if stopped:
        latest = max(stopped, key=lambda p: (p.latest is not None, p.latest or note.today))
        unknown_end = any(not p.known for p in stopped)
        if unknown_end:
            text = note.words(first, last)
            since = [d for d in note.dates_around(mention.start) if first <= d.start < last]
            over_two = re.search(r"(?<!\S)(?:no|without|off|nothing)(?: \S+){0,4} (?:since|for)", text)
            latest = since[-1].period if over_two and since else Period()
        return "stopped", latest
    if never:
        dated = [d for d in note.dates_around(mention.start) if first <= d.start < last and d.start >= never[0].start]
        text = note.words(never[0].start, last)
        if (
            dated
            and re.search(r"(?<!\S)(?:since|for|in the last|in)(?!\S)", text)
            and note.norms[never[0].start] not in {"never", "untreated"}
            and dated[0].role in {"since", "for"}
        ):
            return "stopped", dated[0].period
        return "none", Period()
    if exception == "graves" and any(
        m.attributes.get("replaces") == "thyroid" and m.assertion == "present" and first <= m.start < last
        for m in note.of("replacement")
    ):
        return "thyroid", Period()
    if denied:
        return "none", Period()
    if any(first <= m.start < last and m.assertion == "present" for m in note.of("topical")):
        return "topical", Period()
    return "", Period()


_SINCE_THEN = re.compile(
    r"(?<!\S)(?:(?:nil|nothing|none|no (?:\S+ ){0,3}?(?:treatment|therapy|drugs?|tablets?|medication|medicines?|relapse|flare))(?: \S+){0,3}? since|off (?:all|any|every) (?:\S+ ){0,2}?(?:treatment|therapy|drugs?|tablets?|medication) since|without (?:\S+ ){0,2}?(?:treatment|therapy|drugs?|tablets?|medication) since|off (?:it|treatment|drugs|tablets|medication) since)(?!\S)"
)


def _nothing_since(note: Note, drug: Mention, last: int) -> Period | None:
    """'Carbimazole for eighteen months, off all treatment since 2014': the end that the words after a drug give it."""
    match = _SINCE_THEN.search(note.words(drug.end, last))
    if match is None:
        return None
    at = drug.end + len(note.words(drug.end, last)[: match.end()].split()) - 1
    days = [d for d in note.dates_around(drug.start) if d.start - 1 <= at + 1 and d.end > at and d.start < last]
    earlier = [d for d in note.dates_around(drug.start) if drug.start - 8 <= d.start < at]
    if days:
        return days[0].period
    return earlier[-1].period if earlier else Period()


def _stopped_at(note: Note, drug: Mention, first: int, last: int) -> Period | None:
    """When a drug ended; None where it goes on."""
    segment_words = note.words(*note.clause(drug.start))
    window_first, window_last = max(first, drug.start - 6), min(last, drug.end + 9)
    around = note.words(window_first, window_last)
    point = re.search(r"radioiodine|radioactive iodine", note.words(drug.start, drug.end)) is not None
    when, ended = dates_of(drug)
    if (
        drug.dates
        and drug.dates[0].role == "for"
        and not {"last", "past", "now"} & set(note.norms[drug.dates[0].start : drug.dates[0].end])
    ):
        when = Period()
    days = [
        d
        for d in note.dates_around(drug.start)
        if window_first <= d.start < window_last
        # 'For eighteen months' says how long, not until when.
        and (d.role != "for" or {"last", "past", "now"} & set(note.norms[d.start : d.end]))
    ]
    if ended.known:
        return ended
    if (
        _STOP_DRUG.search(around)
        or note.norms[drug.start - 1 : drug.start] in (["last"], ["final"])
        or point
        or (
            re.search(
                r"(?<!\S)(?:had|received|was on|took|treated with|was given|was treated|given|got|course)(?!\S)",
                note.words(window_first, drug.start),
            )
            and days
            and days[0].role == "at"
        )
    ):
        after = [d for d in days if d.start >= drug.start and d.role != "since"]
        if after:
            return after[-1].period
        return when if when.known else days[0].period if days else Period()
    if (
        when.exact is False
        and when.latest is not None
        and when.latest.year < note.today.year
        and any(d.role == "at" and d.period == when for d in drug.dates)
        and not re.search(r"(?<!\S)(?:on|since|still|takes|currently|continues)(?!\S)", segment_words)
    ):
        return when
    return None
