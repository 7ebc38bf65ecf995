"""Performance status: ECOG, WHO (the same scale) and Karnofsky."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Note
from bot.nlu.clinical.readers.common import Standing, finding
from bot.trial.facts import Finding, Period

_WORDS = {"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "nil": 0, "nought": 0, "naught": 0, "o": 0}
_ROMAN = _WORDS | {"i": 1, "ii": 2, "iii": 3, "iv": 4}
_ECOG_N = rf"[0-5]|{'|'.join(_WORDS)}|i{{1,3}}|iv"
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|january|february|march|april|june|july|august|september|october|november|december"
_SCALE = r"(?:ecog|who|zubrod|eastern cooperative oncology group|e \. c \. o \. g \.?)"
_NO_MEASURE = r"(?! (?:cm|mm|weeks?|wks?|months?|years?|days?|x|mg|kg|points? (?:higher|lower|more|less))(?!\S))(?!\S)"
#: Words that may stand between the scale and the score.
_GAP = (
    r"is|of|was|:|=|-|\?|score|now|currently|still|today|at|remains|grade|ps|\(|assessed|as|estimated|recorded|unchanged|stable|steady|constant"
    r"|improved to|deteriorated to|worsened to|declined to|fallen to|dropped to|gone to|has become|documented|about|back to|down to|up to|re scored|rescored"
    rf"|by|physician|doctor|per|the|clinic|letter|,|\)|\d{{1,2}} (?:{_MONTHS})|in|patient|his|her|nurse|referral|states|says|given|>(?= >)|(?<=> )>|→|->|=>"
    r"|scale|scales|class|scored|rated|graded|put|judged|a|an|she|he|'s|pt|stays|on|this|that|points?|comes to|before|prior to|pre|(?:before|prior to|pre|on|at) (?:discharge|screening|baseline|presentation|diagnosis|visit \d|clinic|adm|admission|referral|op|surgery|illness)|admission|adm|here|again|also|both|very|i think|i guess|i would say|i say|i make it"
)
_ECOG = re.compile(
    rf"(?<!\S)(?P<scale>{_SCALE}(?: / (?:who|ecog))?(?: (?:ps|pstatus|score|status|performance status|performance score|performance|grade|perf status|zs|performance scale))*"
    r"|ps|perf status|performance status|performance score|p \. s|ps \( ecog \)|performance status \( (?:ecog|who) \)|performance \( (?:ecog|who) \))"
    rf"(?: (?:{_GAP}))*"
    rf" (?:(?P<limit>≤|<=|<|≥|>=|>|at least|at most|at best|up to) )?(?P<a>{_ECOG_N})(?: ?(?:-|/|to|or|maybe|perhaps|possibly|(?:\( )?or maybe|–|~) ?(?P<b>{_ECOG_N})|/(?P<c>[0-5]))?{_NO_MEASURE}"
)
#: 'Performance 0 (WHO)', 'scores 1 on the ECOG scale', '0 according to ECOG'.
_SCORE_FIRST = re.compile(
    rf"(?<!\S)(?:(?:performance|functional|general)(?: (?:status|score|state|condition|:|=|is|of))* (?P<a>{_ECOG_N}) \( (?:{_SCALE})(?: (?:scale|score|ps))? \)"
    rf"|(?P<b>[0-4]|{'|'.join(w for w in _WORDS if w != 'o')}) (?:on|in|by|as per|per|according to|after|under) (?:the )?(?:{_SCALE})(?: (?:scale|score|ps|performance scale|performance status))?(?! (?:: |= |is |was |of |score |ps )*[0-5](?!\S)))(?!\S)"
)
_BETWEEN = re.compile(rf"and (?:ecog |who |ps )?(?P<n>{_ECOG_N})(?!\S)")
_ECOG_SLASH = re.compile(r"(?<!\S)(?:ecog|who|ps|ecog ps|who ps)(?: :)? (?P<a>[0-5])/(?P<b>[0-5])(?!\S)")
_FROM_TO = re.compile(
    rf"(?<!\S)(?:ecog|who|zubrod|performance status|ps)(?: (?:ps|score|performance|status|is|was|has|been|now|corrected|revised|amended|improved|changed|gone|went|up|down|deteriorated|worsened|:))* from (?P<a>{_ECOG_N}) to (?P<b>{_ECOG_N})(?!\S)"
)
_RECORDED = re.compile(
    rf"(?<!\S)(?:ecog|who|zubrod|ps|performance status)(?: (?:ps|score|status|:|was|is|,|first|initially|originally|earlier|wrongly|erroneously|noted|recorded|given|written|entered|put|down|documented|reported|as|at))* (?P<a>{_ECOG_N}) ?[,;(-]? ?(?:then |now |later |since )?(?:corrected|revised|amended|changed|set right|updated)(?: (?:to|into|as|since|now))* (?P<b>{_ECOG_N})(?!\S)"
)
_KPS = re.compile(
    r"(?<!\S)(?:kps|karnofsky|karnofski|lansky)(?: (?:ps|index|score|status|performance|performance status|performance score|scale|is|of|was|:|=|-|\(|at|about|now|put|scored|currently|around|only|estimated|his|her|to|>(?= >)|(?<=> )>|→|->|=>|today|he|she|on|the|comes to|rated|as|a))* (?P<a>\d{2,3})(?: ?(?:-|/|to|or) ?(?P<b>\d{2,3}))?(?: %)?(?!\S)"
)


def read_performance(note: Note) -> Iterator[Finding]:
    """ECOG, WHO (the same scale) and Karnofsky; what a correction or a later date replaces is left out."""
    found: list[tuple[str, int, int, int, int]] = []
    for match, start, end in note.find(_ECOG_SLASH):
        values = sorted((int(match["a"]), int(match["b"])))
        found.append(("ECOG", values[0], values[1], start, end))
    for match, start, end in note.find(_ECOG):
        if any(start < e and s < end for *_, s, e in found):
            continue
        if (
            match["scale"] == "who"
            and note.tokens[start].raw != "WHO"
            and (end - start != 2 or note.after(end, 1) not in ([], [","], ["."], [";"]))
        ):
            continue
        if match["a"] == "i" and (
            note.tokens[end - 1].raw != "I"
            or note.after(end, 1) in (["think"], ["guess"], ["would"], ["believe"], ["make"])
        ):
            continue
        if match["scale"].startswith("who") and note.norms[start + 1 : start + 2] == ["grade"]:
            continue
        a = _score(match["a"])
        b = _score(match["b"]) if match["b"] else _score(match["c"]) if match["c"] else a
        if match["c"] and match["c"] in {"5", "4"} and a < 4:
            b = a
        between = _BETWEEN.match(note.words(end, min(len(note.norms), end + 3)))
        if between and note.norms[start - 1 : start] == ["between"]:
            b = _score(between["n"])
        if match["limit"] in {"≥", ">=", ">", "at least"}:
            b = 5
        if match["limit"] in {"≤", "<=", "<", "at most", "up to"}:
            a, b = 0, a - (match["limit"] == "<")
        found.append(("ECOG", min(a, b), max(a, b), start, end))
    for match, start, end in [*note.find(_FROM_TO), *note.find(_RECORDED)]:
        found = [row for row in found if not (start < row[4] and row[3] < end)]
        found.append(("ECOG", _score(match["b"]), _score(match["b"]), start, end))
    for match, start, end in note.find(_SCORE_FIRST):
        if not any(start < e and s < end for *_, s, e in found) and (
            "who" not in match.group().split() or any(note.tokens[i].raw == "WHO" for i in range(start, end))
        ):
            value = _score(match["a"] or match["b"])
            found.append(("ECOG", value, value, start, end))
    for match, start, end in note.find(_KPS):
        a = int(match["a"])
        b = int(match["b"]) if match["b"] else a
        if a <= 100 and b <= 100:
            found.append(("KPS", min(a, b), max(a, b), start, end))
    found = [(scale, *_set_right(note, scale, low, high, end), start, end) for scale, low, high, start, end in found]
    found += list(_bare_scores(note, found))
    found = _then_and_now(note, found)
    standing = Standing(note)
    statements = [
        (start, f"{scale} {low}-{high}", _date_near(note, start, end)) for scale, low, high, start, end in found
    ]
    for i in sorted(standing.stands(statements)):
        scale, low, high, start, end = found[i]
        unsure = _doubted(note, start, end) or any(
            note.norms[i] == "?" and note.tokens[i].end == note.tokens[i + 1].start for i in range(start, end - 1)
        )
        if _proxy(note, start):
            continue
        yield finding(
            note,
            "performance_status",
            start,
            end,
            {"scale": scale, "low": low, "high": high},
            assertion="uncertain" if unsure else "present",
            when=statements[i][2],
        )


_AGAIN = (
    r"correction|sorry|rather|i mean|i meant|should (?:read|be|say)|make (?:that|it)|no|strike (?:that|it)|scratch (?:that|it)|delete (?:that|it)"
    r"|wait|hang on|actually|excuse me|pardon(?: me)?|my mistake|or rather|was wrong|is wrong|wrong|(?:this|that|it) (?:was|is) (?:wrong|a mistake|an error)|error|mistyped|typo"
)
_SET_RIGHT = re.compile(
    rf"^(?:[.,;:(–-] ?)*(?:{_AGAIN})(?: ?[:,.;)–-]+|(?: (?:{_AGAIN}))| it| is| that| should| be| read| to| a| the| score| ps| i| mean| she| he| 's| now| an?| as| ecog| well| um| uh| er)* (?P<n>[0-4]|[1-9]0|100|{'|'.join(_WORDS)})(?= ?(?:[,.;)]|$|and|he|she|no|now|for|but))"
)


def _set_right(note: Note, scale: str, low: int, high: int, end: int) -> tuple[int, int]:
    """'ECOG 1. Correction: it is 2.', 'ECOG two ... sorry, one': the number alone is said again, at once."""
    match = _SET_RIGHT.match(note.words(end, min(len(note.norms), end + 14)))
    if match is None:
        return low, high
    value = _score(match["n"])
    if (scale == "KPS") != (value > 4):
        return low, high
    return value, value


_LATER_SCORE = re.compile(
    r"(?:(?!;|\.)\S+ ){0,6}?(?:(?:now|today|currently|at present|improved to|worsened to|since then|meanwhile|lately)(?: (?:is|at|a|:|only))* (?P<n>[0-4])(?= |$)(?! (?:cm|mm|weeks?|months?|years?|days?|x|mg|/|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w*)(?!\S))"
    r"|(?P<m>[0-4]) (?:now|today|currently|at present|this (?:morning|week)|yesterday)(?!\S))"
)
_OTHER_OPINION = re.compile(
    rf"(?:(?!;|\.)\S+ ){{0,9}}?(?:wrote|writes|says|said|put|puts|scored|scores|gave|gives|recorded|records|noted|notes|makes it|made it|thinks|thought|called it|calls it|documented|rated|rates|judged|judges|has it as|had it as|theirs|ours)(?: (?:it|him|her|down|as|at|a|an|score|of|that|:|is|was))* (?P<n>[0-4]|{'|'.join(w for w in _WORDS if w not in {'o', 'one', 'nil'})})(?= |$)(?! (?:cm|mm|weeks?|months?|years?|days?|x|mg|/|st|nd)(?!\S))"
)


def _bare_scores(note: Note, found: list[tuple[str, int, int, int, int]]) -> Iterator[tuple[str, int, int, int, int]]:
    """'ECOG 2 in March, now 1', '1 in May, 2 today', 'ECOG 1 here, Dr Wu wrote 2': a further score without its scale."""
    for scale, _, _, _, end in list(found):
        stop = note.sentence(end - 1)[1]
        if scale != "ECOG":
            continue
        tail = note.words(end, min(stop, end + 14))
        match = _LATER_SCORE.match(tail)
        if match:
            value = int(match["n"] or match["m"])
            at = end + len(tail[: match.start("n" if match["n"] else "m")].split())
            found.remove(next(f for f in found if f[4] == end))
            yield ("ECOG", value, value, at, at + 1)
            continue
        other = _OTHER_OPINION.match(tail)
        if other:
            at = end + len(tail[: other.start("n")].split())
            withdrawn = re.match(
                r"(?:[-,;(–] ?)?(?:(?:is|was|but|which|that|has been) )*(?:wrong\w*|corrected|in error|a mistake|mistaken\w*|an error|typo|a typo|not right|incorrect|old|before|earlier)(?!\S)",
                note.words(at + 1, min(len(note.norms), at + 6)),
            )
            if not withdrawn and not any(s <= at < e for *_, s, e in found):
                yield ("ECOG", _score(other["n"]), _score(other["n"]), at, at + 1)


_THEN = frozenset({"was", "were", "previously", "initially", "earlier", "formerly", "originally"})
_NOW = frozenset({"now", "currently", "today"})


def _then_and_now(note: Note, found: list[tuple[str, int, int, int, int]]) -> list[tuple[str, int, int, int, int]]:
    """'He was ECOG 1, but now ECOG 2': of two scores in a sentence the one of today."""
    now = [
        row for row in found if _NOW & {*note.before(row[3], 2), *note.norms[row[3] : row[4]], *note.after(row[4], 1)}
    ]
    return [
        row
        for row in found
        if row in now
        or not _THEN & {*note.before(row[3], 2), *note.norms[row[3] : row[4]]}
        or not any(note.layout.sentence_of(other[3]) == note.layout.sentence_of(row[3]) for other in now)
    ]


def _score(text: str) -> int:
    return int(text) if text.isdigit() else _ROMAN[text]


def _date_near(note: Note, start: int, end: int) -> Period:
    index = note.segment(start).index
    days = note.dates_around(start)
    for day in days:
        if note.segment(day.start).index == index or 0 <= day.start - end <= 2:
            return day.period
    first = note.sentence(start)[0]
    for day in days:
        # An entry of a timeline: '10 February: ECOG 2 (viral cold)'.
        if day.start - first <= 1 and first <= day.start and note.norms[day.end : day.end + 1] in ([":"], [","], ["-"]):
            return day.period
    return Period()


_OWN_GUESS = re.compile(r"\( (?:\S+ ){0,4}(?:\?|estimate|estimated|guess|guessed|confirm|unsure|tbc|uncertain)")


def _doubted(note: Note, start: int, end: int) -> bool:
    """'?ECOG 1', 'probably ECOG 1', 'ECOG 1?', 'ECOG 1 (to be confirmed)'."""
    segment = note.segment(start)
    for cue in note.cues_around(start):
        if cue.group == "uncertain" and segment.start <= cue.start < segment.end:
            kind = cue.attributes.get("kind")
            if (kind == "before" and cue.end <= start) or (
                cue.start >= end and (kind == "after" or note.norms[cue.start] == "?")
            ):
                return True
    return (
        note.after(end, 1) == ["?"]
        or _OWN_GUESS.match(" ".join(note.after(end, 7))) is not None
        or any(
            cue.group == "uncertain"
            and cue.attributes.get("kind") == "after"
            and cue.start - end <= 2
            and cue.start >= end
            and all(note.norms[i] in {",", "-", "(", ":", "is", "still", "score"} for i in range(end, cue.start))
            and note.layout.sentence_of(cue.start) == segment.sentence
            for cue in note.cues_around(start)
        )
    )


def _proxy(note: Note, start: int) -> bool:
    """A score that the trial asks for or that is planned is none of the patient's ('needs ECOG 0-1')."""
    before = note.before(start, 3)
    return bool(
        set(before)
        & {
            "needs",
            "requires",
            "required",
            "criterion",
            "criteria",
            "if",
            "until",
            "limit",
            "aim",
            "unless",
            "provided",
        }
    )
