"""Heart, vessels and brain: events with their day, failure with its class, what is denied as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Mention, Note
from bot.nlu.clinical.readers.common import dates_of, finding
from bot.trial.facts import Finding, Period, Value

_NYHA = re.compile(
    r"(?<!\S)nyha(?: (?:functional|class|grade|stage|fc|:|is|-|\())* (?P<a>iv|i{1,3}|[1-4])(?: ?(?:-|/|to|or) ?(?P<b>iv|i{1,3}|[1-4]))?(?!\S)"
)
_CLASS = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "1": 1, "2": 2, "3": 3, "4": 4}
_RHYTHM_DRUG = re.compile(
    r"(?<!\S)(?:amiodarone|sotalol|flecainide|mexiletine|lidocaine|propafenone|dronedarone|bisoprolol|metoprolol|carvedilol|beta blocker|beta blockers|medication|drug|drugs|drug treatment|antiarrhythmics?|antiarrhythmic drugs?|treated|tablets|requiring (?:drug|medication)|digoxin|procainamide|verapamil|quinidine)(?!\S)"
)
_SYMPTOMS = re.compile(
    r"(?<!\S)(?:symptomatic|breathless\w*|dyspnoea|dyspneic|dyspnea|short of breath|sob|chest pain|acute|admitted|hospital\w*|presented|presenting|collapse\w*|haemoptysis|syncope|massive|submassive|saddle|thrombolys\w*|pleuritic|hypoxi\w+|a&e|emergency|unwell|tachycardi\w+|with symptoms|itu|icu)(?!\S)"
)
_NO_SYMPTOMS = re.compile(
    r"(?<!\S)(?:asymptomatic|incidental\w*|no symptoms?|no sx|without symptoms?|symptom free|symptomless|chance finding|by chance|never symptomatic|not symptomatic|silent|no (?:breathlessness|dyspnoea|chest pain)|found on (?:the )?staging)(?!\S)"
)


#: 'TIA clinic', 'stroke unit': a place, no event.
_SERVICES = frozenset(
    [
        "clinic",
        "unit",
        "nurse",
        "service",
        "team",
        "ward",
        "prevention",
        "consultant",
        "pathway",
        "rehab",
        "follow",
        "mdt",
        "risk",
        "physician",
    ]
)


_MORE_THAN_ONE = re.compile(
    r"(?<!\S)(?:second|another|further|again|new|recurrent|recurring|repeat|repeated|two|several|multiple|third|other|re)(?!\S)"
)


def _named_again(note: Note, mention: Mention) -> bool:
    """'CABG as above', 'TIA clinic': an event that was told with its date before and is only named again."""
    home = note.segment(mention.start)
    if _MORE_THAN_ONE.search(note.words(home.start, home.end)):
        return False
    return any(
        m.concept == mention.concept
        and m.end <= mention.start
        and m.dates
        and m.assertion == "present"
        and m.is_patient
        for m in note.of(mention.concept)
    )


_REASON = re.compile(
    r"(?:(?:reason|diagnos[ei]s|cause|indication|problem|for|with|because of|due to|presenting complaint|complaint|principal|main|primary)(?: \S+){0,2} ?(?::|-|=)|(?:he|she) (?:came|presented|was admitted) with)"
)


def _admission(note: Note, mention: Mention) -> Period:
    """'Admitted 3 March 2026. Reason: chest pain, CTPA: pulmonary emboli': the day of the admission it was the reason of."""
    number = note.layout.sentence_of(mention.start)
    first, last = note.layout.sentences[number]
    if not _REASON.match(note.words(first, last)):
        return Period()
    for day in note.dates_around(mention.start):
        if note.layout.sentence_of(day.start) in {number - 2, number - 1, number} and set(
            note.norms[max(0, day.start - 2) : day.start]
        ) & {"admitted", "admission", "adm", "hospitalised"}:
            return day.period
    return Period()


def read_heart(note: Note) -> Iterator[Finding]:
    failures: set[int] = set()
    for mention in note.of("cardiovascular", "cardiovascular_minor"):
        if (
            not mention.is_patient
            or mention.concept in {"rate_controlled", "stable_angina"}
            or mention.assertion in {"hypothetical", "planned"}
        ):
            continue
        if (
            mention.concept == "myocardial_infarction"
            and note.words(mention.start, mention.end) == "mi"
            and note.after(mention.end, 1) == ["scan"]
        ):
            continue
        if note.after(mention.end, 1) and note.norms[mention.end] in _SERVICES:
            continue
        when, _ = dates_of(mention)
        if not when.known and mention.assertion == "present" and _named_again(note, mention):
            continue
        values: dict[str, Value] = {}
        text = note.sentence_words(mention.start)
        if not when.known and mention.assertion == "present":
            when = _admission(note, mention)
        if mention.concept == "heart_failure":
            number = note.layout.sentence_of(mention.start)
            if number in failures and mention.assertion == "present":
                continue
            match = _NYHA.search(text) or (
                _NYHA.search(note.words(*note.layout.sentences[number + 1]))
                if number + 1 < len(note.layout.sentences)
                else None
            )
            if mention.assertion == "present":
                failures.add(number)
                if match:
                    values["nyha"] = _CLASS[match["a"]]
                    values["nyha_high"] = _CLASS[match["b"]] if match["b"] else _CLASS[match["a"]]
        elif mention.concept == "pulmonary_embolism":
            near = text + " " + _following(note, mention)
            values["incidental"] = _NO_SYMPTOMS.search(near) is not None
            values["symptomatic"] = not values["incidental"] and _SYMPTOMS.search(text) is not None
        elif mention.concept == "severe_arrhythmia":
            words = note.words(*note.clause(mention.start))
            later = re.search(r"(?<!\S)(?:ablat\w+|stopped|off)(?!\S)", words) and not re.search(
                r"(?<!\S)(?:still|despite|in spite|runs|recurr\w+|again|breakthrough|on (?:amiodarone|mexiletine|sotalol|flecainide))(?!\S)",
                words,
            )
            values["on_drug"] = _RHYTHM_DRUG.search(words) is not None and not later
        elif mention.concept in {"arrhythmia"} and mention.assertion == "present":
            continue
        yield finding(
            note,
            mention.concept,
            mention.start,
            mention.end,
            dict(values),
            assertion=mention.assertion,
            when=when,
            historical=mention.historical,
            cue=mention.cue,
        )  # type: ignore[arg-type]
    yield from _named_side_by_side(note)
    for mention in note.of("cardio_general"):
        nothing = (
            note.norms[mention.start] == "nothing"
            or re.match(
                r"(?:: )?(?:no|clear|unremarkable|negative|nil|normal|blank|none)(?: (?:history|events?|disease|problems?|past history))?(?= |$)",
                " ".join(note.after(mention.end, 4)),
            )
            is not None
            or _labelled(note, mention)
        )
        if mention.is_patient and (mention.negated or nothing) and _whole(note, mention):
            yield finding(
                note,
                "cardiovascular_general",
                mention.start,
                mention.end,
                {"covers": str(mention.attributes["covers"])},
                assertion="negated",
                cue=mention.cue or "nothing",
            )


_ORGAN_OF_BLOOD = r"(?:hearts?|cardiac|coronary|cardiology|vessels?|vascular|arteries|circulation|circulatory|brain|cerebral|cerebrovascular|cerebro vascular|neurovascular|neurological vascular|strokes?|cardio|cardiovascular|cv)"
_OF_BLOOD = rf"{_ORGAN_OF_BLOOD}(?: ?(?:,|/|and|or|nor|&|\+|neither)+ ?(?:the |any |no )?{_ORGAN_OF_BLOOD})+"
_TROUBLE = r"(?:history|hx|events?|disease|diseases|illness(?:es)?|problems?|trouble|issues?|conditions?|complaints|morbidity|disorders?|past)"
_ALL_CLEAR = re.compile(
    rf"(?<!\S)(?:{_OF_BLOOD}(?: {_TROUBLE})?(?: ?(?::|-|all|both|are|is|has|have|had|been|each|ever|made|given|caused|,))* (?:no|none|nil|clear|negative|healthy|deny|denies|denied|not have|absent|unremarkable|never(?: (?:any|a|given|caused|made|had|been|any))*|not (?:given|caused|had)(?: any)?|without|free|unaffected|blank|n|nothing)(?: {_TROUBLE})?(?= ?(?:,|\.|;|$|\)|ever|at|of|so|to|reported|known))"
    rf"|(?:no|nil|none|without|never (?:had )?(?:any )?|neither|denies(?: any)?|free of) (?:history of |hx of |any |the |known |past |previous )*{_OF_BLOOD}(?: {_TROUBLE}))(?!\S)"
)


def _named_side_by_side(note: Note) -> Iterator[Finding]:
    """'Heart, vessels and brain: no history', 'no cardiac, vascular or cerebral events': what the words cover together."""
    for match, start, end in note.find(_ALL_CLEAR):
        words = match.group()
        heart = re.search(r"heart|cardi|coronary", words) is not None
        vessels = re.search(r"vess|vascul|arter|circul|brain|cerebr|stroke", words) is not None
        home = note.segment(start)
        spoilt = any(
            c.group in {"kin", "uncertain"} and home.start - 3 <= c.start < end for c in note.cues_around(start)
        ) or re.search(r"(?<!\S)(?:invasion|symptoms|signs|except|but)(?!\S)", " ".join(note.after(end, 2)))
        if not spoilt and (heart or vessels):
            covers = "both" if heart and vessels else "heart" if heart else "vessels"
            yield finding(note, "cardiovascular_general", start, end, {"covers": covers}, assertion="negated", cue="no")


def _labelled(note: Note, mention: Mention) -> bool:
    """'Heart and vessels: no history': both stand before the same answer."""
    text = " ".join(note.after(mention.end, 8))
    return (
        re.match(
            r"(?:(?:and|/|,|or) (?:\S+ )?(?:vessels?|vascular|brain|cerebrovascular|circulation) ?)+ ?: (?:no|none|nil|negative|normal|clear)(?= |$)",
            text,
        )
        is not None
    )


def _whole(note: Note, mention: Mention) -> bool:
    """'No cardiac symptoms' or 'no vascular invasion' deny no history."""
    after = note.after(mention.end, 1)
    return after not in (
        ["symptoms"],
        ["invasion"],
        ["signs"],
        ["murmur"],
        ["medication"],
        ["drugs"],
        ["failure"],
        ["surgery"],
        ["involvement"],
        ["access"],
        ["risk"],
        ["arrest"],
        ["complaints"],
        ["encasement"],
    )


def _following(note: Note, mention: Mention) -> str:
    number = note.layout.sentence_of(mention.start) + 1
    if number >= len(note.layout.sentences):
        return ""
    words = note.words(*note.layout.sentences[number])
    return (
        words
        if re.match(
            r"(?:it |this |he |she |which |that )?(?:was|had|no symptoms|asymptomatic|without|incidental|found|no sx|never|symptom)",
            words,
        )
        else ""
    )
