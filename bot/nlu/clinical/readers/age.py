"""Age and birth date: whose they are, and what is only shorthand for something else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from bot.nlu.clinical.dates import NUMBER_WORDS
from bot.nlu.clinical.note import DateMention, Note
from bot.nlu.clinical.words import MONTH_NAMES
from bot.trial.facts import Period

_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_DECADES = {
    "teens": 13,
    "twenties": 20,
    "thirties": 30,
    "forties": 40,
    "fifties": 50,
    "sixties": 60,
    "seventies": 70,
    "eighties": 80,
    "nineties": 90,
}
MALE = "m|male|man|gentleman|gent|chap|boy|widower|bloke|guy|farmer and father|mannlich|homme|hombre"
_FEMALE = "f|female|woman|lady|girl|widow|housewife|weiblich|femme|mujer|senora|patientin"
_SEX = f"{MALE}|{_FEMALE}"
_WORDY = (
    rf"(?:{'|'.join(_TENS)})(?: (?:one|two|three|four|five|six|seven|eight|nine))?|eighteen|nineteen|seventeen|sixteen"
)
_N = rf"\d{{1,3}}|{_WORDY}"
_OLD = r"(?:y/o|yo|y o|y \. o \.?|y|yr|yrs|year|years|jahre|jahrige[r]?|j)"

_NO_AGE = "cm|mm|centimetres?|millimetres?|weeks?|wks?|months?|days?|hours?|minutes?|kg|kilos?|percent|miles|units?|metres?|cigarettes|pack"
STATED = (
    re.compile(rf"(?<!\S)(?P<n>{_N}) {_OLD}(?: |s )?(?:old|of age)(?!\S)"),
    re.compile(r"(?<!\S)(?P<n>\d{2,3}) (?:y/o|yo)(?!\S)"),
    re.compile(rf"(?<!\S)(?P<n>{_N}) {_OLD} (?:old )?(?:[a-z]+ )?(?P<sex>{_SEX})(?!\S)"),
    re.compile(rf"(?<!\S)(?P<n>\d{{2,3}}) (?:/ )?(?P<sex>{_SEX})(?! (?:ago|back|post|since|[0-9]))(?!\S)"),
    re.compile(
        rf"(?<!\S)(?P<sex>{_SEX}) (?:patient |pat )?(?:, |/ |- |\( |: )?(?:(?:age|aged|of|is) )?(?:: )?(?P<n>{_N})(?! (?:mm|cm|mg|%|g|kg|units?|/|iu|gy|x|days?|weeks?|months?|mets?|nodes?)(?!\S))(?!\S)"
    ),
    re.compile(
        rf"(?<!\S)(?:patient|pt|man|woman|lady|male|female|gentleman|señora|senora|señor|senor|signora|signor) of (?P<n>{_N})(?: years)?(?= ?(?:,|\.|;|$|years|with|and|who))"
    ),
    re.compile(
        rf"(?<!\S)(?:a|an|this|very) (?:young|fit|sprightly|youthful|active|healthy|frail|lively|spry|robust|vigorous|hale|young looking|biologically young) (?P<n>{_N})(?= ?(?:,|\.|;|'|$|and|who|with|\)|in|on))"
    ),
    re.compile(r"(?<!\S)(?P<sex>male|female|man|woman|gentleman|lady) (?P<n>[1-9]\d)(?= / [a-z])"),
    re.compile(r"(?<!\S)(?P<sex>[mf])(?P<n>[1-9]\d)(?!\S)"),
    re.compile(
        rf"(?<!\S)(?P<n>\d{{2}}) ?-? ?(?:jahrige[rs]?|j \.?|anos|ans|anni|jahre)(?: ,)?(?: de edad)? (?P<sex>{_SEX})(?!\S)"
    ),
    re.compile(rf"(?<!\S)(?P<sex>{_SEX}) (?:de|di|von) (?P<n>\d{{2}}) (?:anos|ans|anni|jahren)(?!\S)"),
    re.compile(r"(?<!\S)(?P<n>\d{2}) ?-? ?(?:jahrige[rs]?|anos|ans|anni)(?!\S)"),
    re.compile(r"(?<!\S)(?P<sex>m|f|male|female) ,? ?(?P<n>[1-9]\d) (?:y|yrs|years|yo)(?!\S)"),
    # A row of a table: '| 52 | F |'.
    re.compile(r"(?<!\S): (?P<n>[1-9]\d)(?: (?:y|yrs|years|yo))? [:;] (?P<sex>m|f|male|female)(?= ?(?:[:;,.]|$))"),
    re.compile(r"(?<!\S): (?P<sex>m|f|male|female) [:;] (?P<n>[1-9]\d)(?= ?(?:[:;]|$))"),
    # 'Hello, I am 68', 'she's 29', 'he is fifty two the growth ...'.
    re.compile(
        rf"(?<!\S)(?:i am|im|i 'm|am|shes|hes|she 's|he 's) (?:now |currently |only |just |a |an |about to be )?(?P<n>{_N})(?= ?(?:,|\.|;|!|\)|-|$|years|yrs|yr|y|yo|and|but|with|old|today|now|so|male|female|man|woman|from|live|this|in (?:good|fair))(?!\S))"
    ),
    re.compile(
        rf"(?<!\S)(?:he|she|patient|pt|who|i) (?:is|am) (?:now |currently |already |only |just )?(?P<n>(?:{'|'.join(_TENS)})(?: (?:one|two|three|four|five|six|seven|eight|nine))?)(?! (?:{_NO_AGE})(?!\S))(?!\S)"
    ),
    re.compile(
        rf"(?<!\S)at the age of (?P<n>{_N})(?= ?,? (?:he|she|the patient|patient) (?:is|presents|comes|came|works|lives|still|now|wants|attends|has now|has a new|has an adeno\w*|has a rectal)(?!\S))"
    ),
    re.compile(
        r"(?<!\S)(?:a|an|this|our|retired|former) (?:(?!of|in|with|for)\S+ ){0,3}?(?!(?:number|tumou?r|cancer|ulcer|fever|diameter|marker|factor|border|chamber|order|quarter|\S*meter|\S*metre|liver|bladder|percent|fragment|segment|\S*plant|constant|patient)(?!\S))\w{2,}(?:er|or|ist|ian|man|woman|clerk|nurse|cook|chef|guard|accountant|assistant|agent|student|priest|nun|monk|pensioner) of (?P<n>[1-9]\d)(?= ?(?:,|\.|;|$|\)|with|who|and|years|from|living|referred|has|is|presents|presented))"
    ),
    re.compile(r"(?<!\S)(?P<n>\d{2}) [♂♀](?!\S)"),
    re.compile(r"(?<!\S)[♂♀] (?P<n>\d{2})(?!\S)"),
    re.compile(r"(?<!\S)patient \S+ , (?P<n>\d{2}) years(?!\S)"),
    re.compile(rf"(?<!\S)(?:his|her|the|patient 's) age(?: ,| is| of| :)* (?P<n>{_N})(?!\S)"),
    re.compile(
        rf"(?<!\S)(?:age|aged|alter)(?: at (?:enrolment|screening|consent|diagnosis))?(?: (?:is|:|=|of|-))? (?P<n>{_N})(?!\S)"
    ),
    re.compile(
        rf"(?<!\S)(?:he|she|patient|pt|who|(?:mr|mrs|ms|miss) (?:\. )?\S+) (?:is|'s) (?:now |currently |already |only |still |just )?(?P<n>{_N})(?= ?(?:,|\.|;|\?|!|and|years|-|\)|\(|today|old|yrs|but|with|who|at present)|$)"
    ),
    re.compile(rf"(?<!\S)turned (?P<n>{_N})(?= ?(?:in|on|last|this|today|yesterday|,|\.|;|$|and))"),
    re.compile(rf"(?<!\S)(?:(?:just|recently|has|only|now|who|he|she) )+turned (?P<n>{_N})(?!\S)"),
    re.compile(r"(?<!\S)(?:patient|pt) , (?P<n>\d{2})(?= ?,)"),
    re.compile(r"(?<!\S)(?<!/ )(?P<n>\d{2}) (?:now|today|at present)(?= ?(?:,|\.|;|$))"),
    re.compile(
        rf"(?<!\S)(?P<less>turns|turning|will be|will turn|is going to be|shortly to be) (?P<n>{_N})(?= (?:next|in|on|tomorrow|this|soon|later|shortly|at|,|\.))"
    ),
)
TITLED = re.compile(
    rf"(?<!\S)(?P<title>mr|mrs|ms|miss|herr|frau|mme|sr|sra|senor|senora|signor|signora|monsieur|madame)(?: \.)?(?: [^\W\d_]['\w-]*(?: \.)?){{0,3}}(?: ,| \(| -| :)? (?:(?:aged|age|now) )?(?P<n>\d{{2,3}}|{_WORDY})(?=(?<=[a-z]) (?!(?:{_NO_AGE})(?!\S))| ?(?:,|\.|;|\?|!|\)|\(|-|:|/ (?!\d{{2,3}}(?!\S))|$|(?:is|has|was|with|from|who|referred|seen|attended|presents|presented|y|yrs|years|yr|yo|post|postmenopausal|adenoca|ecog|a|rectal|new|newly|low|mid|came|retired|known|on|by|per|according|m|f|ct[0-9]\w*|[a-z]+(?:ed|s|d|es|t)|ans|jahre)(?!\S)))"
)
#: Ages that only stand where an age would, tried where nothing plainer is said.
_WEAK = (
    re.compile(
        r"(?<!\S)(?:he|she|patient|pt|him|her) \( (?:aged |age |now )?(?P<n>[1-9]\d)(?: (?:y|yrs|years|yo))? \)(?!\S)"
    ),
    re.compile(r"(?:^|(?<=\n))(?P<n>[1-9]\d)(?= ?, [a-z])"),
    re.compile(rf"(?<!\S)(?P<n>\d{{2}}) (?:y|yr|yrs|years|yo) ?(?:,|/|;|:|-)? ?(?:{_SEX})(?!\S)"),
    re.compile(rf"(?<!\S)(?P<n>\d{{2}}) ?(?:,|/) ?(?:{_SEX})(?!\S)"),
    re.compile(
        r"(?<!\S)(?P<n>\d{2}) (?:y|yr|yrs|ys|year)(?! (?:ago|back|post|since|clear|in|after|of|later|disease|history|free|remission))(?!\S)"
    ),
    re.compile(r"(?:^|(?<=\n))(?P<n>\d{2}) years(?= ?(?:,|\.|;|$))"),
    re.compile(
        r"(?<!\S)(?P<word>[a-z][\w'-]*)(?: \.)? , (?:now |aged |age )?(?P<n>[1-9]\d)(?: years)?(?= ?(?:,|\.|;|\(|$|with|was|has|who|came|seen|is|from|-|\)|ecog|low|mid|rectal|presents|presented|referred|living))"
    ),
    re.compile(r"(?<!\S)(?P<word>[a-z][\w'-]*) \( (?P<n>[1-9]\d) (?:y |yrs |years |yo )?\)(?!\S)"),
    re.compile(r"(?<!\S)(?:on |had |celebrated |just had )?(?:his|her|the) (?P<n>\d{2})(?:st|nd|rd|th) birthday(?!\S)"),
    re.compile(r"(?<!\S)(?:she|he) is (?P<n>\w+)(?= ?(?:,|\.|;|$))"),
)
_NOT_NAMES = frozenset(
    [
        "ecog",
        "ps",
        "kps",
        "karnofsky",
        "who",
        "case",
        "room",
        "bed",
        "no",
        "nr",
        "page",
        "hb",
        "psa",
        "cea",
        "platelets",
        "plt",
        "wbc",
        "alt",
        "ast",
        "ward",
        "bmi",
        "score",
        "weight",
        "height",
        "grade",
        "level",
        "table",
        "figure",
        "fig",
        "site",
        "arm",
        "item",
        "day",
        "week",
        "cycle",
        "number",
        "creatinine",
        "egfr",
        *MONTH_NAMES,
        "jan",
        "feb",
        "mar",
        "apr",
        "jun",
        "jul",
        "aug",
        "sep",
        "oct",
        "nov",
        "dec",
        "t",
        "n",
        "m",
    ]
)
_TENS_AGE = re.compile(
    r"(?<!\S)(?:in )?(?:(?:his|her|their|the) )?(?P<part>early |mid |late |middle )?(?P<dec>[2-9]0) ?'? ?s(?!\S)"
)
_BETWEEN = re.compile(r"(?<!\S)(?:aged?|is) (?:between )?(?P<a>\d{2}) ?(?:-|to|and) ?(?P<b>\d{2})(?!\S)")
_AT_WORK = re.compile(r"(?:^|(?<=\n))at (?P<n>[1-9]\d) ,? ?(?:he|she|the patient|mr|mrs|ms|this)(?!\S)")
_BRACKETED = re.compile(
    r"(?<!\S)[a-z]\w*(?: \.)? \( (?P<n>[1-9]\d)(?: (?:y|yrs|years|yo|m|f|j|jahre|ans|a))?(?: \.)? \)(?!\S)"
)
_DECADE = re.compile(
    rf"(?<!\S)(?:(?:in )?(?:his|her|their|the) )?(?P<part>early|mid|late|middle)?(?: -)? ?(?P<dec>{'|'.join(_DECADES)})(?!\S)"
)
_GENARIAN = {
    "octogenarian": (80, 89),
    "nonagenarian": (90, 99),
    "septuagenarian": (70, 79),
    "sexagenarian": (60, 69),
    "quinquagenarian": (50, 59),
    "teenager": (13, 19),
    "teenage": (13, 19),
}
_BIRTH = re.compile(
    r"(?<!\S)(?:dob|birth year|year born|d \. o \. b \.?|born|b|date of birth|birth date|birthdate|birthday :|geb|geb \.|geb \. :|\*|geboren|year of birth|yob|jg|jg \.|jahrgang|nee?)(?: (?:on|in|:|\.|is|=|-|the|was))*$"
)
_OTHERS_AFTER = frozenset(
    [
        "mother",
        "father",
        "brother",
        "sister",
        "son",
        "daughter",
        "wife",
        "husband",
        "partner",
        "aunt",
        "uncle",
        "cousin",
        "twin",
        "baby",
        "infant",
        "child",
        "scan",
        "scar",
        "stent",
        "fracture",
        "graft",
        "history",
        "nephew",
        "niece",
        "grandson",
        "granddaughter",
        "boy",
        "girl",
        "friend",
        "hip",
        "knee",
        "injury",
        "mum",
        "dad",
        "toddler",
        "study",
        "report",
        "referral",
        "letter",
        "dog",
    ]
)
_OTHERS_BEFORE = frozenset(
    [
        "mother",
        "father",
        "brother",
        "sister",
        "son",
        "daughter",
        "wife",
        "husband",
        "partner",
        "aunt",
        "uncle",
        "cousin",
        "twin",
        "baby",
        "nephew",
        "niece",
        "at",
        "from",
        "since",
        "until",
        "mum",
        "dad",
        "menopause",
    ]
)
SEX_OF_TITLE = {"mr": "M", "mrs": "F", "ms": "F", "miss": "F", "herr": "M", "frau": "F", "mme": "F"} | {
    **dict.fromkeys(["sr", "senor", "signor", "monsieur"], "M"),
    **dict.fromkeys(["sra", "senora", "signora", "madame"], "F"),
}


#: What happens at an age: 'appendicectomy aged 12'.
_EVENTS = frozenset(
    [
        "operation",
        "minor_operation",
        "cardiovascular",
        "cardiovascular_minor",
        "malignancy",
        "autoimmune",
        "transplant",
        "vaccine",
        "fertility",
        "infection_serious",
        "infection_chest",
        "infection_minor",
        "lung",
        "other_illness",
        "treatment",
    ]
)


def _count(text: str) -> int:
    if text.isdigit():
        return int(text)
    total = 0
    for word in text.split():
        total += _TENS.get(word, NUMBER_WORDS.get(word, 0))
    return total


def someone_else(note: Note, start: int, end: int) -> bool:
    """Whether an age is another person's, or that of an event ('menopause at 51', 'his 80-year-old mother')."""
    if (
        note.after(end, 1) != [","]
        and set(note.after(end, 2)) & _OTHERS_AFTER
        and note.after(end, 3)[1:3] != ["of", "two"]
    ):
        return True
    segment = note.segment(start)
    if segment.link == "(" and any(
        cue.group == "kin" and segment.start - 2 <= cue.end <= segment.start for cue in note.cues_around(start)
    ):
        # 'not her mother (she's the 79yo with heart failure)'
        return True
    before = note.norms[max(segment.start, start - 4) : start]
    if set(before) & _OTHERS_BEFORE and not re.search(
        r"(?:mother|father|parent|daughter|son|wife|husband|brother|sister|niece|nephew|partner) of", " ".join(before)
    ):
        return True
    number = note.layout.sentence_of(start)
    return any(
        cue.group == "kin"
        and note.norms[cue.end : cue.end + 1] != ["of"]
        and note.layout.sentence_of(cue.start) == number
        and cue.end <= start
        and note.segment(cue.start).clause == segment.clause
        and not any(w in {"he", "she", "patient"} for w in note.norms[cue.end : start + 1])
        for cue in note.cues_around(start)
    )


def ages(note: Note) -> list[tuple[int, int, int, int]]:
    """Ages said of the patient: (lowest, highest, first token, token after)."""
    found: list[tuple[int, int, int, int]] = []
    for pattern in STATED:
        for match, start, end in note.find(pattern):
            if someone_else(note, start, end) or not as_shorthand(note, match, start, end):
                continue
            years = _count(match["n"]) - (1 if "less" in pattern.groupindex else 0)
            if "sex" in pattern.groupindex and years < 12 and not re.search(r"old|y/o|yo", match.group()):
                continue
            if 0 < years < 121:
                found.append((years, years, start, end))
    if not found:
        for match, start, end in note.find(TITLED):
            if (
                not someone_else(note, start, end)
                and 10 < _count(match["n"]) < 121
                and note.norms[start - 1 : start] != ["dear"]
            ):
                years = _count(match["n"]) - _not_yet(note, end)
                found.append((years, years, start, end))
    if not found:
        for match, start, end in note.find(_BRACKETED):
            if not someone_else(note, start, end) and note.tokens[start].raw[0].isupper():
                found.append((int(match["n"]), int(match["n"]), start, end))
    for match, start, end in note.find(_BETWEEN):
        if not someone_else(note, start, end):
            found.append((int(match["a"]), int(match["b"]), start, end))
    if not found:
        found += list(_age_fields(note)) or list(_weak_ages(note))
    found = _own_ages(note, found)
    for match, start, end in note.find(_TENS_AGE):
        first = int(match["dec"])
        if (
            (
                re.match(r"(?:in (?:his|her|their|the)|his|her|early|mid|late|middle)", match.group())
                or _stands_alone(note, start, end)
            )
            and not someone_else(note, start, end)
            and not _is_event(note, start)
        ):
            part = (match["part"] or "").strip()
            spread = {"early": (0, 4), "mid": (3, 7), "middle": (3, 7), "late": (6, 9)}.get(part, (0, 9))
            found.append((first + spread[0], first + spread[1], start, end))
    for match, start, end in note.find(_DECADE):
        period = _decade(match["dec"], match["part"])
        before = note.before(start, 3)
        if (
            not someone_else(note, start, end)
            and not set(before) & {"since", "during", "diagnosed", "until", "from", "when"}
            and (
                match.group().split()[0] in {"in", "his", "her", "their", "early", "mid", "late", "middle"}
                or _stands_alone(note, start, end)
            )
            and not _is_event(note, start)
        ):
            found.append((*period, start, end))
    for i, word in enumerate(note.norms):
        if word in _GENARIAN and not someone_else(note, i, i + 1):
            found.append((*_GENARIAN[word], i, i + 1))
    return found


def _stands_alone(note: Note, start: int, end: int) -> bool:
    """'Mr T. F., 50s, for ...', 'male, sixties': a decade that is an item of its own in the first sentences."""
    home = note.segment(start)
    words = [word for word in note.norms[home.start : home.end] if word != "."]
    return note.layout.sentence_of(start) < 3 and home.link in {",", "(", ":"} and len(words) == end - start


def _own_ages(note: Note, found: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """Of several ages those that are the patient's: 'pneumothorax age 20' dates the illness where another age is given."""
    if len({row[:2] for row in found}) < 2:
        return found
    grown = [row for row in found if row[1] > 15]
    found = grown or found
    own = [
        row
        for row in found
        if note.norms[row[2]] not in {"age", "aged"}
        or row[2] == note.segment(row[2]).start
        or note.norms[row[2] - 1] in {*_SEX.split("|"), "patient", "pt", "[x]"}
    ]
    return own or found


def _not_yet(note: Note, end: int) -> int:
    """1 where an age is still to come: 'Mrs Engel, 76 next month'."""
    text = " ".join(note.after(end, 3))
    return int(
        re.match(rf"(?:next|tomorrow|soon|shortly|in (?:{'|'.join(MONTH_NAMES)}|two|three|a few|\d+) ?(?!\d))", text)
        is not None
        and not re.match(r"in \d{4}", text)
    )


def _weak_ages(note: Note) -> Iterator[tuple[int, int, int, int]]:
    """A bare number where an age would stand, in the first sentences: 'Joan, 66, came today'."""
    for pattern in (*_WEAK, _AT_WORK):
        for match, start, end in note.find(pattern):
            if note.layout.sentence_of(start) > 3 or someone_else(note, start, end):
                continue
            years = _count(match["n"])
            word = match.groupdict().get("word")
            if word and (
                word in _NOT_NAMES
                or any(
                    m.start <= start < m.end and m.group not in {"ignore", "trial", "other_illness"}
                    for m in note.around(start)
                )
            ):
                continue
            if 12 < years < 111 and not any(d.start < end and start < d.end for d in note.dates_around(start)):
                yield years, years, start, end
                return


def _age_fields(note: Note) -> Iterator[tuple[int, int, int, int]]:
    """'... | 52 | M': a field of two figures beside one of a bare M or F."""
    sentences = note.layout.sentences
    for number, (first, last) in enumerate(sentences[:6]):
        words = [w for w in note.norms[first:last] if w != ";"]
        if (
            not words
            or not re.fullmatch(r"[1-9]\d", words[0])
            or words[1:] not in ([], ["y"], ["yrs"], ["years"], ["yo"])
        ):
            continue
        beside = [sentences[k] for k in (number - 1, number + 1) if 0 <= k < len(sentences)]
        if any([w for w in note.norms[a:b] if w != ";"] in (["m"], ["f"], ["male"], ["female"]) for a, b in beside):
            yield int(words[0]), int(words[0]), first, first + 1


def _is_event(note: Note, start: int) -> bool:
    """'MI in his fifties' dates the MI: an illness or operation stands right before."""
    index = note.segment(start).index
    return any(
        m.end <= start
        and note.segment(m.start).index == index
        and m.group
        in {
            "cardiovascular",
            "malignancy",
            "autoimmune",
            "operation",
            "treatment",
            "transplant",
            "fertility",
            "infection_serious",
            "lung",
        }
        for m in note.around(start)
    )


def as_shorthand(note: Note, match: re.Match[str], start: int, end: int) -> bool:
    """`58m` is an age; `6 m`, `10 m from` and `12 f` are not; `M 45` is not a month."""
    groups = match.groupdict()
    if re.match(r"[-/] ?\d", " ".join(note.after(end, 2))) and note.tokens[end - 1].end == note.tokens[end].start:
        return False
    if groups.get("sex") in {"m", "f"} and end - start == 1:
        return start <= 2
    if groups.get("sex") in {"m", "f"}:
        years = _count(match["n"])
        if years < 13:
            return False
        letter = next(i for i in range(start, end) if note.norms[i] in {"m", "f"})
        return (
            note.tokens[letter].raw.isupper()
            or re.search(r" (?:y|yrs|years|yo)$", match.group()) is not None
            or note.tokens[letter].start == note.tokens[letter - 1].end
            or start == 0
            or (
                note.norms[end : end + 1] in ([","], ["."], [";"], [])
                and (note.segment(start).start == start or note.sentence(start)[0] == start)
            )
        )
    if match.group().startswith(("age", "aged", "alter")) and any(
        m.end == start and m.group in _EVENTS for m in note.around(start)
    ):
        return False
    if match.group().startswith(("age", "aged", "alter")):
        before = note.before(start, 2)
        return not set(before) & {
            "at",
            "the",
            "from",
            "since",
            "under",
            "over",
            "menopause",
            "when",
            "until",
            "childbearing",
            "limit",
            "of",
        }
    return True


def _decade(word: str, part: str | None) -> tuple[int, int]:
    first = _DECADES[word]
    if part == "early":
        return first, first + 4
    if part in {"mid", "middle"}:
        return first + 3, first + 7
    if part == "late":
        return first + 6, first + 9
    return first, first + 9


def births(note: Note) -> list[tuple[Period, int, int]]:
    """Birth dates: (bounds, first token, token after)."""
    out: list[tuple[Period, int, int]] = []
    for day in note.dates:
        if day.period.latest is None or (note.today - day.period.latest).days < 12 * 365:
            # 'Born in December': the year is not said.
            continue
        before = " ".join(note.before(day.start, 5))
        match = _BIRTH.search(before)
        if match is None and _born_after(note, day) and not someone_else(note, day.start, day.end + 1):
            out.append((day.period, day.start, day.end + 1))
            continue
        if match and not (match.group().strip() == "b" and note.tokens[day.start - 1].raw not in {"b", ".", "B"}):
            words = len(match.group().split())
            if not someone_else(note, day.start - words, day.end):
                out.append((day.period, day.start - words, day.end))
    return out or _unlabelled_births(note)


def _born_after(note: Note, day: DateMention) -> bool:
    """'1964-11 born', '75 (11/04/51)': the day of birth before its word, or in brackets after the age it gives."""
    if note.after(day.end, 1) in (["born"], ["geboren"], ["birth"], ["dob"]):
        return True
    years = note.norms[day.start - 2] if day.start >= 2 and note.norms[day.start - 1] == "(" else ""
    latest = day.period.latest
    return (
        years.isdigit()
        and 18 <= int(years) < 111
        and latest is not None
        and abs(age_on(latest, note.today) - int(years)) <= 1
    )


def _unlabelled_births(note: Note) -> list[tuple[Period, int, int]]:
    """'Re: Peter Long, 12/05/1957': a date of many years ago right after a name at the head of a letter."""
    for day in note.dates:
        segment = note.segment(day.start)
        latest = day.period.latest
        if (
            segment.sentence > 2
            or latest is None
            or day.period.earliest is None
            or (latest - day.period.earliest).days > 366
            or (note.today - latest).days < 15 * 365
            or segment.index == 0
        ):
            continue
        previous = note.layout.segments[segment.index - 1]
        words = note.norms[previous.start : previous.end]
        headed = previous.sentence == segment.sentence and (
            set(words) & {"mr", "mrs", "ms", "miss", "re", "patient", "name", "herr", "frau"}
            or (previous.link == ":" and previous.index and note.norms[previous.start - 2] == "re")
        )
        if (
            headed
            and day.start - segment.start <= 1
            and not any(
                note.segment(m.start).index in {previous.index, segment.index} and m.group not in {"ignore"}
                for m in note.mentions
            )
        ):
            return [(day.period, day.start, day.end)]
    return []


def birth_year(note: Note) -> int | None:
    """The likely year of birth, for dates given as an age ('MI at 48')."""
    for period, _, _ in births(note):
        if period.earliest:
            return period.earliest.year
    known = [low for low, high, _, _ in ages(note) if low == high]
    return note.today.year - known[0] if known else None


def age_on(birth: date, today: date) -> int:
    return today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))
