"""Performance status: ECOG, WHO (the same scale) and Karnofsky."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Note
from bot.nlu.clinical.readers.common import Standing, finding
from bot.trial.facts import Finding, Period

_ROMAN = {"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "nil": 0, "i": 1, "ii": 2, "iii": 3, "iv": 4, "o": 0}
_ECOG_N = r"[0-5]|zero|one|two|three|four|nil|i{1,3}|iv|o"
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|january|february|march|april|june|july|august|september|october|november|december"
_ECOG = re.compile(
    r"(?<!\S)(?P<scale>(?:ecog|who|zubrod|eastern cooperative oncology group)(?: / (?:who|ecog))?(?: (?:ps|pstatus|score|status|performance status|performance score|performance|grade|perf status|zs|performance scale))*"
    r"|ps|perf status|performance status|performance score|p \. s|ps \( ecog \)|performance status \( (?:ecog|who) \)|performance \( ecog \))"
    rf"(?: (?:is|of|was|:|=|-|\?|score|now|currently|still|today|at|remains|grade|ps|\(|assessed|as|estimated|recorded|unchanged|stable|steady|constant|improved to|deteriorated to|worsened to|declined to|fallen to|dropped to|gone to|has become|documented|about|back to|down to|up to|re scored|rescored|by|physician|doctor|per|the|clinic|letter|,|\)|\d{{1,2}} (?:{_MONTHS})|in|patient|his|her|nurse|referral|states|says|given))*"
    rf" (?:(?P<limit>≤|<=|<|≥|>=|>|at least|at most|at best|up to) )?(?P<a>{_ECOG_N})(?: ?(?:-|/|to|or|–|~) ?(?P<b>{_ECOG_N})|/(?P<c>[0-5]))?(?! (?:cm|mm|weeks?|months?|years?|days?|x|mg)(?!\S))(?!\S)"
)
_ECOG_SLASH = re.compile(r"(?<!\S)(?:ecog|who|ps|ecog ps|who ps)(?: :)? (?P<a>[0-5])/(?P<b>[0-5])(?!\S)")
_FROM_TO = re.compile(
    rf"(?<!\S)(?:ecog|who|zubrod|performance status|ps)(?: (?:ps|score|performance|status|is|was|has|been|now|corrected|revised|amended|improved|changed|gone|went|up|down|deteriorated|worsened|:))* from (?P<a>{_ECOG_N}) to (?P<b>{_ECOG_N})(?!\S)"
)
_RECORDED = re.compile(
    rf"(?<!\S)(?:ecog|who|zubrod|ps|performance status)(?: (?:ps|score|status|:|was|is|,|first|initially|originally|earlier|wrongly|erroneously|noted|recorded|given|written|entered|put|down|documented|reported|as|at))* (?P<a>{_ECOG_N}) ?[,;(-]? ?(?:then |now |later |since )?(?:corrected|revised|amended|changed|set right|updated)(?: (?:to|into|as|since|now))* (?P<b>{_ECOG_N})(?!\S)"
)
_KPS = re.compile(
    r"(?<!\S)(?:kps|karnofsky|karnofski|lansky)(?: (?:ps|index|score|status|performance|performance status|performance score|scale|is|of|was|:|=|-|\(|at|about|now|put|scored|currently|around|only|estimated|his|her|to))* (?P<a>\d{2,3})(?: ?(?:-|/|to|or) ?(?P<b>\d{2,3}))?(?: %)?(?!\S)"
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
        if match["scale"].startswith("who") and note.norms[start + 1 : start + 2] == ["grade"]:
            continue
        a = _score(match["a"])
        b = _score(match["b"]) if match["b"] else _score(match["c"]) if match["c"] else a
        if match["c"] and match["c"] in {"5", "4"} and a < 4:
            b = a
        if match["limit"] in {"≥", ">=", ">", "at least"}:
            b = 5
        if match["limit"] in {"≤", "<=", "<", "at most", "up to"}:
            a, b = 0, a - (match["limit"] == "<")
        found.append(("ECOG", min(a, b), max(a, b), start, end))
    for match, start, end in [*note.find(_FROM_TO), *note.find(_RECORDED)]:
        found = [row for row in found if not (start < row[4] and row[3] < end)]
        found.append(("ECOG", _score(match["b"]), _score(match["b"]), start, end))
    for match, start, end in note.find(_KPS):
        a = int(match["a"])
        b = int(match["b"]) if match["b"] else a
        if a <= 100 and b <= 100:
            found.append(("KPS", min(a, b), max(a, b), start, end))
    found = [(scale, *_set_right(note, scale, low, high, end), start, end) for scale, low, high, start, end in found]
    found += list(_bare_scores(note, found))
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


_SET_RIGHT = re.compile(
    r"^(?:[.,;:(-] ?)*(?:correction|sorry|rather|i mean|should (?:read|be)|make that|no)(?: ?[:,-]| it| is| that| should| be| read| to| a| the| score| ps| i| mean)* (?P<n>[0-4]|[1-9]0|100)(?= ?(?:[,.;)]|$))"
)


def _set_right(note: Note, scale: str, low: int, high: int, end: int) -> tuple[int, int]:
    """'ECOG 1. Correction: it is 2.': the number alone is said again, in the same or the next sentence."""
    match = _SET_RIGHT.match(note.words(end, min(len(note.norms), end + 12)))
    if match is None or (scale == "KPS") != (int(match["n"]) > 4):
        return low, high
    return int(match["n"]), int(match["n"])


def _bare_scores(note: Note, found: list[tuple[str, int, int, int, int]]) -> Iterator[tuple[str, int, int, int, int]]:
    """'ECOG 2 in March, now 1', 'ECOG 1, was 2': a further score without its scale."""
    for scale, _, _, _, end in list(found):
        stop = note.sentence(end - 1)[1]
        tail = note.words(end, min(stop, end + 12))
        match = re.match(
            r"(?:(?!;|\.)\S+ ){0,6}?(?P<how>now|today|currently|was|not|previously|formerly|earlier|before|from|down from|up from|improved from|improved to|worsened to|since then) (?P<n>[0-4])(?= |$)(?! (?:cm|mm|weeks?|months?|years?|days?|x|mg|/)(?!\S))",
            tail,
        )
        if match and scale == "ECOG":
            at = end + len(tail[: match.start("n")].split())
            value = int(match["n"])
            if match["how"] in {"now", "today", "currently", "improved to", "worsened to", "since then"}:
                found.remove(next(f for f in found if f[4] == end))
                yield ("ECOG", value, value, at, at + 1)


def _score(text: str) -> int:
    return int(text) if text.isdigit() else _ROMAN[text]


def _date_near(note: Note, start: int, end: int) -> Period:
    index = note.segment(start).index
    for day in note.dates_around(start):
        if note.segment(day.start).index == index or 0 <= day.start - end <= 2:
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
