"""HIV, serious infection, uncontrolled illness, hepatitis serology and viral load."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Mention, Note
from bot.nlu.clinical.readers.common import dates_of, finding
from bot.trial.facts import Finding, Period, Value

_OVER = re.compile(
    r"(?<!\S)(?:resolved|treated|cured|cleared|recovered|recovery|past|previous|previously|old|healed|completed|finished|history of|ago|had|h/o|settled|gone|drained|successfully|fully|childhood|now clear|film clear|was|finished|status post|s/p)(?!\S)"
)
_IV = re.compile(
    r"(?<!\S)(?:iv|i/v|intravenous|i \. v \.?|parenteral)(?: \S+){0,2}? ?(?:antibiotics?|abx|antibiotic|tazocin|piperacillin\S*|meropenem|ceftriaxone|co amoxiclav|vancomycin|flucloxacillin|antifungals?|treatment|therapy|gentamicin|cefuroxime|benzylpenicillin|amoxicillin|augmentin)(?!\S)"
)
_ON_TB_DRUGS = re.compile(
    r"(?<!\S)(?:on (?:tb |anti tb |quadruple |antituberculous )?(?:treatment|therapy|rifampicin|isoniazid)|rifampicin|isoniazid|active|open|smear positive|infectious|currently)(?!\S)"
)
_TEST_ONLY = frozenset(
    [
        "test",
        "tests",
        "testing",
        "serology",
        "status",
        "screen",
        "screening",
        "swab",
        "result",
        "requested",
        "consent",
        "counselling",
        "clinic",
    ]
)
_HAS_HIV = re.compile(
    r"(?<!\S)(?:hiv (?:infection|disease|infected|carrier)|living with hiv|known hiv|hiv since|hiv on|aids|antiretroviral\w*|art|haart|cd4|hiv for|has hiv|with hiv|hiv diagnosed|hiv (?:19|20)\d\d|hiv well|hiv under|hiv controlled|hiv suppressed|biktarvy|dolutegravir|cart|diagnosed (?:with )?hiv|hiv(?: [12])? (?:in|since|diagnosed in|from) (?:(?:19|20)\d\d|\d+ years|childhood|birth)|hiv clinic|acquired hiv|contracted hiv|hiv(?: [12])? (?:suppressed|treated|therapy|medication))(?!\S)"
)
_NOT_ILLNESS = re.compile(
    r"(?<!\S)(?:pain|bleeding|nausea|vomiting|diarrhoea|urge|output|stoma output|tenesmus|symptoms|bowel|itch|hiccups|constipation|weight)(?!\S)"
)
_ONCE = re.compile(r"(?<!\S)(?:previously|formerly|until|used to|in the past|was|years ago|no longer|before)(?!\S)")


def read_infection(note: Note) -> Iterator[Finding]:
    """`hiv`, `infection` (serious or general), `uncontrolled`, `uncontrolled_general` and all of hepatitis."""
    yield from _hiv(note)
    yield from _infections(note)
    yield from _uncontrolled(note)
    yield from _hepatitis(note)


def _hiv(note: Note) -> Iterator[Finding]:
    for mention in note.of("infection_hiv"):
        if not mention.is_patient or mention.assertion in {"hypothetical", "planned"}:
            continue
        words = note.words(max(0, mention.start - 2), min(note.sentence(mention.start)[1], mention.end + 6))
        if re.match(
            r"positive (?:partner|wife|husband|boyfriend|girlfriend|spouse|mother|father|brother|sister|patients?|donor)(?!\S)",
            " ".join(note.after(mention.end, 2)),
        ):
            continue
        if mention.assertion == "present" and not mention.affirmed and not _HAS_HIV.search(words):
            testing = set(note.norms[mention.start : mention.end + 1]) & _TEST_ONLY
            yield finding(note, "hiv", mention.start, mention.end, assertion="uncertain", cue="test" if testing else "")
            continue
        assertion = mention.assertion
        if (assertion == "negated" and re.search(r"(?<!\S)(?:on art|antiretroviral|haart)(?!\S)", words)) or (
            re.search(r"hiv (?:viral load|vl|rna|load)", note.words(mention.start, mention.end + 3))
            and assertion == "negated"
        ):
            assertion = "present"
        yield finding(note, "hiv", mention.start, mention.end, assertion=assertion, cue=mention.cue)
    for mention in note.of("infection_screen"):
        if mention.is_patient and mention.assertion == "negated":
            listed = list(note.same_sentence(mention, "infection_hiv", "hepatitis"))
            if note.norms[mention.start] in {"bbv", "bbvs", "blood", "bloodborne"} and not listed:
                for concept in ("hiv", "hepatitis_b", "hepatitis_c"):
                    yield finding(note, concept, mention.start, mention.end, assertion="negated", cue=mention.cue)
            elif listed:
                for other in listed:
                    if other.assertion == "present" and not other.affirmed and other.start - mention.end <= 12:
                        yield from _negated_by_header(note, other, mention.cue)


def _negated_by_header(note: Note, other: Mention, cue: str) -> Iterator[Finding]:
    """'Viral screen (HIV, HBV, HCV) negative': the list names what was screened."""
    names = {"infection_hiv": ("hiv",)}.get(other.group) or {
        "b": ("hepatitis_b",),
        "c": ("hepatitis_c",),
        "both": ("hepatitis_b", "hepatitis_c"),
        "hbsag": ("hbsag",),
        "anti_hcv": ("anti_hcv",),
        "hcv_rna": ("hcv_rna",),
    }.get(str(other.attributes.get("virus")), ())
    other.assertion = "negated"
    for concept in names:
        yield finding(note, concept, other.start, other.end, assertion="negated", cue=cue)


_TREATED_OUT = re.compile(
    r"(?<!\S)(?:antibiotics?|abx|meropenem|tazocin|pip taz|ceftriaxone|cefuroxime|co amoxiclav|vancomycin|linezolid|gentamicin|drain)(?: \S+){0,2}? (?:until|till|stopped|finished|completed|ended|to \d|out)(?!\S)"
)


def _told_after(note: Note, mention: Mention) -> str:
    """' resolved' where the two sentences after say that the antibiotics ended and it settled."""
    number = note.layout.sentence_of(mention.start)
    later = note.layout.sentences[number + 1 : number + 3]
    text = " ".join(note.words(first, last) for first, last in later)
    ended = _TREATED_OUT.search(text) and re.search(
        r"(?<!\S)(?:settled|resolved|recovered|normal again|well since|afebrile|cleared)(?!\S)", text
    )
    return " resolved" if ended else ""


def _infections(note: Note) -> Iterator[Finding]:
    for mention in note.of("infection_serious", "infection_chest", "infection_minor", "infection_general"):
        if not mention.is_patient or mention.assertion in {"hypothetical", "planned"}:
            continue
        words = note.sentence_words(mention.start) + _told_after(note, mention)
        general = mention.group == "infection_general"
        if note.words(mention.start, mention.end) in {"infection free", "free of infection"}:
            mention.assertion, mention.cue = "negated", "free"
        if (
            general
            and mention.assertion == "present"
            and re.search(
                r"(?<!\S)(?:none active|none present|no active ones|none at present|none current)(?!\S)", words
            )
        ):
            mention.assertion, mention.cue = "negated", "none"
        if mention.assertion == "negated":
            yield finding(
                note,
                "infection",
                mention.start,
                mention.end,
                {"general": general, "serious": mention.group == "infection_serious"},
                assertion="negated",
                cue=mention.cue,
            )
            continue
        when, ended = dates_of(mention)
        past = when.latest is not None and (note.today - when.latest).days > 60
        over = (
            past
            or (ended.known and ended.latest is not None and ended.latest <= note.today)
            or (
                _OVER.search(words) is not None
                and not re.search(
                    r"(?<!\S)(?:being treated|being drained|currently|still|ongoing|active|on iv|now on|under treatment)(?!\S)",
                    words,
                )
            )
        )
        serious = mention.group == "infection_serious" or (_IV.search(words) is not None)
        own = note.words(mention.start, mention.end)
        if own in {"tb", "tuberculosis"} and not _ON_TB_DRUGS.search(words):
            if not over and mention.assertion == "present":
                yield finding(
                    note,
                    "infection",
                    mention.start,
                    mention.end,
                    {"serious": True},
                    assertion="uncertain",
                    cue="state not said",
                )
            continue
        if own == "cholangitis" and "sclerosing" in words:
            continue
        if (
            general
            and not serious
            and own.startswith(("serious", "severe", "active serious", "systemic", "uncontrolled"))
        ):
            serious = True
        if over and not re.search(r"(?<!\S)active(?!\S)", own):
            continue
        yield finding(
            note,
            "infection",
            mention.start,
            mention.end,
            {"serious": serious, "general": general and not serious},
            assertion=mention.assertion,
            when=when,
            cue=mention.cue,
        )


def _uncontrolled(note: Note) -> Iterator[Finding]:
    for mention in note.of("uncontrolled"):
        if not mention.is_patient or mention.assertion in {"negated", "hypothetical", "planned"}:
            continue
        segment = note.segment(mention.start)
        words = note.words(*note.clause(mention.start))
        near = note.words(max(segment.start, mention.start - 5), min(segment.end, mention.end + 4))
        if _NOT_ILLNESS.search(near) or (
            _ONCE.search(near) and not re.search(r"(?<!\S)(?:still|remains|now)(?!\S)", words)
        ):
            continue
        if re.search(r"(?<!\S)(?:never|not) (?:been )?(?:uncontrolled|poorly controlled)", words):
            continue
        yield finding(note, "uncontrolled", mention.start, mention.end, assertion=mention.assertion, cue=mention.cue)
    for mention in note.of("uncontrolled_general"):
        if not mention.is_patient:
            continue
        if note.norms[mention.end : mention.end + 1] in ([":"], ["?"], ["-"]) and re.match(
            r"(?:no|none|nil|n|never|negative|0)(?= ?(?:[,.;|:]|$))",
            " ".join(note.after(mention.end + 1, 2)),
        ):
            mention.assertion, mention.cue = "negated", note.norms[mention.end + 1]
        controlled = note.norms[mention.start] in {"none", "nothing", "no", "all", "everything"} or (
            note.norms[mention.end - 1] == "controlled" and "poorly" not in note.norms[mention.start : mention.end]
        )
        if mention.negated or controlled:
            yield finding(
                note,
                "uncontrolled_general",
                mention.start,
                mention.end,
                assertion="negated",
                cue=mention.cue or "controlled",
            )
        elif mention.assertion == "present":
            yield finding(note, "uncontrolled", mention.start, mention.end)


# ------------------------------------------------------------------------------------------------ hepatitis

_UNIT = r"(?P<unit>iu(?: ?/ ?|/)m?l|iu per ml|iu|international units(?: / ml| per ml)?|copies(?: ?/ ?ml| per ml)?|cps?(?: ?/ ?ml)?|c / ml|copy / ml|u / ml)"
_LOAD = re.compile(
    r"(?<!\S)(?P<sign>less than|under|below|<|≤|<=|>|≥|>=|over|more than|about|approximately|~|at|of|=|:|is|was)?(?: )?"
    rf"(?:(?P<prelog>log ?10|log|lg) ?(?:of |: |= )?)?(?P<value>\d+(?:\.\d+)?)(?: ?(?:x|e) ?(?:10 ?\^ ?)?(?P<exp>10\^\d+|\d{{1,2}}))?(?: (?P<log>log ?10|log|lg|logs|log10))?(?: {_UNIT})?(?!\S)"
)
_POWER = re.compile(rf"(?<!\S)(?P<sign><|>|≥|≤|less than|under|below)?(?: )?10\^(?P<exp>\d+)(?: {_UNIT})?(?!\S)")
_UNDETECTABLE = re.compile(
    r"(?<!\S)(?:undetectable|not detected|not detectable|undetected|below (?:the )?(?:limit of )?(?:detection|quantification|lloq)(?: limit)?|target not detected|negative|<\s?lloq|nicht nachweisbar|below lod)(?!\S)"
)


def _hepatitis(note: Note) -> Iterator[Finding]:
    names = {"hbsag": "hbsag", "anti_hcv": "anti_hcv", "hcv_rna": "hcv_rna"}
    for mention in note.of("hepatitis"):
        if not mention.is_patient or mention.assertion in {"hypothetical", "planned"}:
            continue
        virus = str(mention.attributes["virus"])
        when, _ = dates_of(mention)
        if virus == "hbv_dna":
            yield from _viral_load(note, mention)
        elif virus == "hcv_rna":
            yield from _rna(note, mention, when)
        elif virus in names:
            affirmed = mention.affirmed or mention.assertion == "negated"
            assertion = mention.assertion if affirmed else "uncertain"
            if re.search(r"(?<!\S)(?:carrier|seropositive)(?!\S)", note.words(mention.start, mention.end + 2)):
                assertion = "present"
            yield finding(
                note, names[virus], mention.start, mention.end, assertion=assertion, when=when, cue=mention.cue
            )
        elif virus == "c_cured":
            about_b = re.search(r"(?<!\S)(?:hepatitis b|hbv|hep b)(?!\S)", note.words(*note.clause(mention.start)))
            if mention.assertion == "present" and not about_b:
                yield finding(note, "hepatitis_c_cured", mention.start, mention.end, when=when)
        else:
            yield from _disease(note, mention, virus, when)


_ONE_VIRUS = re.compile(
    r"(?:(?::|-|=|,|\(|for|of|is|was|shows|showed) )*(?:hep(?:atitis)? )?(?P<virus>b|c)(?! ?(?:and|&|/|\+|or|,) ?(?:hep(?:atitis)? )?[bc](?!\S))(?!\S)"
)


def _disease(note: Note, mention: Mention, virus: str, when: Period) -> Iterator[Finding]:
    if virus == "both" and note.words(mention.start, mention.end) not in {"hepatitis b and c", "hep b and c"}:
        # 'Hepatitis screen: B negative' says nothing of C.
        single = _ONE_VIRUS.match(" ".join(note.after(mention.end, 6)))
        tail = note.words(mention.end, note.sentence(mention.start)[1])
        if single and not re.search(rf"(?<!\S){'c' if single['virus'] == 'b' else 'b'}(?!\S)", tail):
            virus = single["virus"]
    active = bool(mention.attributes.get("active"))
    clause = note.words(*note.clause(mention.start))
    if virus == "both":
        if mention.assertion == "negated":
            yield finding(
                note, "hepatitis_b", mention.start, mention.end, assertion="negated", when=when, cue=mention.cue
            )
            yield finding(
                note, "hepatitis_c", mention.start, mention.end, assertion="negated", when=when, cue=mention.cue
            )
        elif mention.assertion == "uncertain" or re.search(
            r"(?<!\S)(?:serology|screen|serologies)(?!\S)", note.words(mention.start, mention.end)
        ):
            yield finding(note, "hepatitis_b", mention.start, mention.end, assertion="uncertain", cue=mention.cue)
            yield finding(note, "hepatitis_c", mention.start, mention.end, assertion="uncertain", cue=mention.cue)
        return
    concept = f"hepatitis_{virus}"
    if (
        virus == "c"
        and re.search(
            r"(?<!\S)(?:cured|cleared|eradicated|svr\d*|sustained (?:virologic\w*|viral) response)(?!\S)",
            note.sentence_words(mention.start),
        )
        and mention.assertion == "present"
        and not re.search(r"(?<!\S)not (?:cured|cleared)(?!\S)", clause)
    ):
        yield finding(note, "hepatitis_c_cured", mention.start, mention.end, when=when)
        return
    if virus == "b" and re.search(
        r"(?<!\S)(?:vaccinated|vaccination|immune|immunised|immunity)(?!\S)", " ".join(note.after(mention.end, 3))
    ):
        return
    yield finding(
        note,
        concept,
        mention.start,
        mention.end,
        {"active": active},
        assertion=mention.assertion,
        when=when,
        cue=mention.cue,
    )


def _about_hiv(note: Note, mention: Mention) -> bool:
    segment = note.segment(mention.start)
    return any(
        m.group == "infection_hiv" and note.segment(m.start).index == segment.index for m in note.around(mention.start)
    )


def _reach(note: Note, mention: Mention) -> int:
    """How far values after a test belong to it: to the next test of the sentence."""
    end = note.sentence(mention.start)[1]
    later = [
        m.start
        for m in note.around(mention.start)
        if m.start >= mention.end
        and m.start < end
        and m.group in {"hepatitis", "infection_hiv", "measure", "other_illness"}
        and m.attributes.get("virus") not in {"b"}
    ]
    return min([end, *later])


def _viral_load(note: Note, mention: Mention) -> Iterator[Finding]:
    bare = note.words(mention.start, mention.end) in {
        "dna",
        "viral load",
        "dna level",
        "dna load",
        "dna titre",
        "dna levels",
    }
    context = (
        note.sentence_words(mention.start)
        + " "
        + " ".join(note.words(m.start, m.end) for m in note.of("hepatitis") if m is not mention)
    )
    # of the DNA that is counted in IU/mL there is one alone: 'sorry, DNA is 35 IU/mL'
    counted = "dna" in note.words(mention.start, mention.end) and re.search(r"\d ?iu ?/ ?ml", context)
    if _about_hiv(note, mention) or (
        bare and not counted and not re.search(r"(?<!\S)(?:hbv|hbsag|hepatitis b|hep b|hepatitis)", context)
    ):
        return
    if (
        bare
        and re.search(r"(?<!\S)(?:hcv|hepatitis c)(?!\S)", note.words(*note.clause(mention.start)))
        and not re.search(r"(?<!\S)(?:hbv|hbsag|hepatitis b)(?!\S)", note.sentence_words(mention.start))
    ):
        return
    stop = _reach(note, mention)
    if stop <= mention.end:
        return
    text = note.words(mention.end, stop)
    if (
        mention.assertion == "negated"
        or _UNDETECTABLE.match(text.lstrip(": "))
        or re.match(
            r"(?:\S+ ){0,4}?(?:undetectable|not detected|not detectable|below (?:the )?(?:limit|detection|lloq))", text
        )
    ):
        unsent = re.match(r"(?:\S+ ){0,2}?not (?:sent|done|tested|available|measured)", text)
        if not unsent and mention.assertion != "uncertain":
            yield finding(
                note,
                "hbv_dna",
                mention.start,
                mention.end,
                {"undetectable": True},
                when=dates_of(mention)[0],
                cue=mention.cue,
            )
            return
    found = False
    before = re.search(
        rf"(?P<value>\d+(?:\.\d+)?)(?: ?x ?(?P<exp>10\^\d+))? {_UNIT} (?:of )?(?:the )?$",
        note.words(note.sentence(mention.start)[0], mention.start) + " ",
    )
    if before is not None and not re.match(r"\S* ?\d", text):
        values = _load_values(before)
        if values is not None:
            yield finding(note, "hbv_dna", mention.start, mention.end, values, when=dates_of(mention)[0])
            return
    for match in _values(text):
        start = mention.end + len(text[: match.start()].split())
        end = start + len(match.group().split())
        if any(day.start < end and start < day.end for day in note.dates_around(mention.start)):
            continue
        values = _load_values(match)
        if values is None:
            continue
        found = True
        when = _date_of_value(note, mention, start, end, stop)
        yield finding(
            note,
            "hbv_dna",
            mention.start,
            end,
            values,
            assertion="uncertain" if mention.assertion == "uncertain" else "present",
            when=when,
        )
    if not found:
        yield finding(note, "hbv_dna", mention.start, mention.end, {}, assertion="uncertain", cue=mention.cue)


def _values(text: str) -> Iterator[re.Match[str]]:
    matches = [*_POWER.finditer(text), *_LOAD.finditer(text)]
    with_unit = [m for m in matches if m["unit"] or m.groupdict().get("log") or m.groupdict().get("prelog")]
    yield from with_unit or [m for m in matches if len(text[: m.start()].split()) <= 4][:1]


def _load_values(match: re.Match[str]) -> dict[str, Value] | None:
    groups = match.groupdict()
    number = float(groups["value"]) if groups.get("value") else 1.0
    exponent = groups.get("exp")
    if exponent:
        number *= 10.0 ** min(int(exponent.replace("10^", "")), 30)
    if groups.get("log") or groups.get("prelog"):
        number = 10.0 ** min(number, 30.0)
    unit = (groups.get("unit") or "").replace(" ", "")
    name = "copies_ml" if unit.startswith(("cop", "cp", "c/")) else "iu_ml" if unit else "number"
    below = (groups.get("sign") or "") in {"<", "less than", "under", "below", "≤", "<="}
    return {name: round(number, 6), "below": below}


def _date_of_value(note: Note, mention: Mention, start: int, end: int, stop: int) -> Period:
    after = [d for d in note.dates_around(mention.start) if end <= d.start < min(stop, end + 5)]
    if after:
        return after[0].period
    before = [
        d
        for d in note.dates_around(mention.start)
        if max(0, mention.start - 4) <= d.start and d.end <= start and start - d.end <= 4
    ]
    return before[-1].period if before else dates_of(mention)[0]


def _rna(note: Note, mention: Mention, when: Period) -> Iterator[Finding]:
    if _about_hiv(note, mention):
        return
    if note.words(mention.start, mention.end) == "rna" and not re.search(
        r"(?<!\S)(?:hcv|hepatitis c|hep c)(?!\S)", note.reading
    ):
        return
    text = note.words(mention.end, _reach(note, mention))
    if mention.assertion == "negated" or re.match(
        r"(?:\S+ ){0,4}?(?:undetectable|not detected|not detectable|below (?:the )?(?:limit|detection|lloq))", text
    ):
        yield finding(note, "hcv_rna", mention.start, mention.end, assertion="negated", when=when, cue=mention.cue)
        return
    if mention.assertion == "present" and re.match(
        r"(?:\S+ ){0,2}?(?:detectable|detected|positive|present)(?!\S)", text
    ):
        mention.affirmed = True
    if mention.assertion == "present" and not mention.affirmed:
        value = re.match(
            r"(?:(?::|=|is|was|of|at|level) )*(?P<below><|less than|below|under)? ?(?P<n>\d+(?:\.\d+)?)", text
        )
        if value and not any(
            d.start <= mention.end + 2 and d.end > mention.end for d in note.dates_around(mention.start)
        ):
            yield finding(
                note,
                "hcv_rna",
                mention.start,
                mention.end,
                assertion="negated" if value["below"] or float(value["n"]) == 0 else "present",
                when=when,
            )
            return
        yield finding(note, "hcv_rna", mention.start, mention.end, assertion="uncertain", when=when)
        return
    yield finding(note, "hcv_rna", mention.start, mention.end, assertion=mention.assertion, when=when, cue=mention.cue)
