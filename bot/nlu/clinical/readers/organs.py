"""Organ and marrow function: as a whole, organ by organ, or failing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Mention, Note
from bot.nlu.clinical.readers.common import dates_of, finding
from bot.trial.facts import Finding

_GOOD = r"(?:adequate|normal|fine|ok|okay|satisfactory|unremarkable|within normal limits|within limits|wnl|in range|within range|good|within the normal range|acceptable|nad|within normal range|in the normal range|in order|all right|unimpaired|preserved|within reference range|n|normal range|nil abnormal|normal all|intact|entirely normal|perfectly normal)"
_ORGANS = {
    "blood_count": r"(?:fbc|full blood count|cbc|complete blood count|blood count|blood counts|haematology|haemogram|blood picture|hb and platelets|counts|haemoglobin|blood routine|routine blood|bone marrow function|marrow function|marrow|blood cells|haematological function|haematological|blood|bone marrow|marrow reserve|neutrophils|full blood picture|h(?:b|gb) ?,? (?:and |/ )?(?:wbc|wcc|white cells|leucocytes|neutrophils|anc) ?,? (?:and |/ |& )?(?:platelets|plts?|thrombocytes)|hb|wbc|wcc|platelets|plts)",
    "liver": r"(?:lfts?|liver function(?: tests?)?|liver tests?|liver enzymes|hepatic function|liver panel|liver|hepatic panel|liver profile|transaminases|bilirubin|liver values|hepatic|liver biochemistry|liver chemistry)",
    "kidney": r"(?:u&es?|u & es?|ues?|u \+ es?|u\+es?|u / es?|renal function(?: tests?)?|renal profile|kidney function|creatinine|egfr|kidneys|renal|kidney|kidney tests?|renal panel|urea and electrolytes|creatinine clearance|renal tests?|kidney values|kfts?|rfts?|creat|s creat|serum creatinine|renal biochemistry|kidney function tests?)",
    "chemistry": r"(?:biochemistry|chemistry|biochem|cmp|liver and renal function|renal and liver function|liver and kidney function|kidney and liver function|hepatic and renal function|renal and hepatic function|blood chemistry|biochemistries|bio)",
}
_ORGAN_WORD = re.compile("|".join(rf"(?<!\S)(?P<{name}>{pattern})(?!\S)" for name, pattern in _ORGANS.items()))
_GOOD_WORD = re.compile(rf"(?<!\S){_GOOD}(?!\S)")
_BAD_WORD = re.compile(
    r"(?<!\S)(?:abnormal|deranged|raised|elevated|low|impaired|reduced|high|not normal|borderline|poor|pending|awaited|not (?:done|back|available|taken|checked|yet)|mildly|slightly|except|apart|outstanding|repeat|to follow|requested|due)(?!\S)"
)
_LAB = re.compile(
    r"(?<!\S)(?P<name>hb|haemoglobin|hgb|plt|platelets|plts|wbc|wcc|anc|neutrophils|neut|creatinine|creat|cr|crea|egfr|crcl|alt|ast|bilirubin|bili|tbil|alp|albumin|alb|inr|cea|urea|potassium|na|ldh|hba1c)(?: (?:of|is|was|:|=|at))* (?P<sign><|>)?(?: )?(?P<value>\d+(?:\.\d+)?)(?: ?(?P<unit>g / dl|g / l|g/l|x ?10 ?\^? ?9 ?/ ?l|x 10\^9 / l|10\^9 / l|umol / l|mg / dl|u / l|iu / l|ml / min|ng / ml|mmol / l|%|k))?(?!\S)"
)


_FUNCTION = r"(?:functions?|fn|fx|fxn|fxns|fnx|funct|functioning|func|reserves?|values|parameters|capacity|status|fct)"
_ORGAN = r"(?:organs?|organ systems?)"
_MARROW = r"(?:bone marrow|marrow|bm|haematopoiesis|bone marrows?|haematological|haematologic)"
_BLOODS = r"(?:bloods|blood (?:values|results|tests?|work|panel|chemistry and count)|labs?|lab(?:oratory)? (?:panel|results|values|tests?|work|findings|parameters|data|screen)|laboratory|lab panel|bloodwork|all bloods|screening bloods|blood(?= (?::|=|-))|analitics?|analytics?|analyses|analitica|blood anal\w+|lab anal\w+)(?: \( [^()]{1,60} \))?(?: (?:from|of|taken|done|on|in) (?:last week|this week|yesterday|today|this morning|last month|the \S+|\d\S*(?: [a-z]+)?))?"
_TO_BE = r"(?: ?(?::|-|=|,|is|are|was|were|all|both|each|every(?:thing)?|being|found|judged|work(?:s|ing)?|quite|entirely|completely|also|within|the|reference|in|fully|said|to|be|today|have|has|come|came|back|remain|remains|still))*"
_FINE = rf"(?:{_GOOD}|normally|well|good enough|sufficient|sound|in good order|blameless|unremarkably|range|normal range|reference range|(?:nothing|nil|no) (?:abnormal|amiss|pathological|of note|remarkable)|no abnormalit(?:y|ies)|without abnormalit(?:y|ies)|free of abnormalit(?:y|ies))"
_WHOLE_FUNCTION = re.compile(
    rf"(?<!\S)(?:{_ORGAN}(?: {_FUNCTION})? ?(?:and|\+|&|/|,|plus) ?{_MARROW}(?: {_FUNCTION})?{_TO_BE} {_FINE}"
    rf"|{_MARROW}(?: {_FUNCTION})? ?(?:and|\+|&|/|,|plus) ?{_ORGAN}(?: {_FUNCTION})?{_TO_BE} {_FINE}"
    rf"|{_ORGAN} {_MARROW}(?: {_FUNCTION})?{_TO_BE} {_FINE}"
    rf"|{_FINE} (?:{_ORGAN}|{_MARROW})(?: {_FUNCTION})? ?(?:and|\+|&|/|,|plus) ?(?:{_ORGAN}|{_MARROW})(?: {_FUNCTION})?"
    rf"|{_MARROW} ?, ?(?:liver|kidneys?) (?:and|&|/) (?:liver|kidneys?)(?: {_FUNCTION})?{_TO_BE} {_FINE}"
    rf"|{_BLOODS}{_TO_BE} {_FINE}"
    rf"|{_BLOODS}{_TO_BE} (?:reference|normal) (?:range|ranges|limits)"
    rf"|{_FINE} {_BLOODS}|{_FINE} (?:of|in|for) (?:all|each|everything) ?: (?:(?:blood|bloods|marrow|bone marrow|liver|kidneys?|organs?|,|and|/) ?){{3,}}|(?:no|without) abnormalit(?:y|ies) (?:on|in|of|at|with) (?:(?:the|his|her|any|all|of) )*{_BLOODS}|{_BLOODS} (?:showed|show|shows|found|finds|revealed|reveal) (?:nothing (?:abnormal|amiss|wrong|remarkable)|no abnormalit(?:y|ies)))(?!\S)"
)
_ORGANS_ALONE = re.compile(
    rf"(?<!\S)(?:{_ORGAN}(?: {_FUNCTION})?{_TO_BE} {_FINE}|{_FINE} {_ORGAN}(?: {_FUNCTION})?)(?!\S)"
)
_SPOILS = re.compile(
    r"(?<!\S)(?:not|no|never|abnormal|inadequate|insufficient|except|apart|but|pending|awaited|if|unless|until|once|repeat|when|should|must|needs?|required?|fasting|pressure|sugar|group)(?!\S)"
)


#: Denials that say that all is well.
_CLEAR = re.compile(
    r"(?<!\S)(?:nothing|nil|no|without) (?:abnormal|amiss|pathological|of note|remarkable|wrong|abnormalit(?:y|ies))(?!\S)"
)
_EXCEPT = re.compile(
    r"(?:[,;(–-] ?)?(?:except|apart|but|save|bar|barring|other than|with the exception|aside|however|although|though|only|outside)(?!\S)"
)
_WHOLE_POOR = re.compile(
    rf"(?<!\S)(?:(?:{_ORGAN}|{_MARROW})(?: {_FUNCTION})? ?(?:(?:and|or|\+|&|/|,|plus) ?(?:{_ORGAN}|{_MARROW})(?: {_FUNCTION})?)?{_TO_BE} (?:clearly |still )?(?:inadequate|insufficient|not (?:adequate|sufficient|enough|good enough)|too poor|unacceptable)|(?:inadequate|insufficient|poor) (?:{_ORGAN}|{_MARROW}) ?(?:and|or|\+|&|/) ?(?:{_ORGAN}|{_MARROW})(?: {_FUNCTION})?)(?!\S)"
)


#: Blood results older than so many days say nothing of today.
_STALE = 120


def _exempted(note: Note, end: int) -> bool:
    """'Bloods normal except creatinine', 'bloods fine, liver enzymes raised': not the whole after all."""
    stop = note.sentence(end - 1)[1]
    tail = note.words(end, stop)
    dated = [d for d in note.dates_around(end - 1) if end <= d.start <= end + 2 and d.start < stop and d.role == "at"]
    if dated and dated[0].period.latest is not None and (note.today - dated[0].period.latest).days > _STALE:
        return True
    if re.match(r"(?:until|till|before|up to)(?!\S)", tail):
        return True
    return _EXCEPT.match(tail) is not None or any(
        _BAD_WORD.search(" ".join(tail[match.start() :].split()[:7])) for match in _ORGAN_WORD.finditer(tail)
    )


def _as_a_whole(note: Note) -> Iterator[Finding]:
    """'Organ & BM function: adequate', 'Blood values normal', 'marrow, liver and kidneys work well': the whole, in any order."""
    for match, start, end in note.find(_WHOLE_FUNCTION):
        head = _CLEAR.sub(" ", note.words(max(note.sentence(start)[0], start - 1), end))
        tail = " ".join(note.after(end, 2))
        home = note.segment(start)
        if (
            _SPOILS.search(head)
            or _exempted(note, end)
            or re.match(r"(?:, )?(?:except|apart|but|if|unless|until|pending)(?!\S)", tail)
            or any(
                c.group in {"kin", "uncertain", "plan"} and home.start <= c.start < end for c in note.cues_around(start)
            )
        ):
            continue
        if re.match(r"(?:blood|bloods|labs?|normal|fine|good|adequate)", match.group()) and any(
            m.group in {"complication", "pregnancy_test"} and start <= m.start < end + 1 for m in note.around(start)
        ):
            continue
        yield finding(note, "organ_function", start, end, {"scope": "all", "state": "adequate"})
    for _, start, end in note.find(_WHOLE_POOR):
        home = note.segment(start)
        if not any(
            c.group in {"kin", "uncertain", "plan"} and home.start <= c.start < end for c in note.cues_around(start)
        ):
            yield finding(note, "organ_function", start, end, {"scope": "all", "state": "inadequate"})
    for _, start, end in note.find(_ORGANS_ALONE):
        home = note.segment(start)
        if not _SPOILS.search(note.words(max(note.sentence(start)[0], start - 1), end)) and not any(
            c.group in {"kin", "uncertain", "plan"} and home.start <= c.start < end for c in note.cues_around(start)
        ):
            yield finding(note, "organ_function", start, end, {"scope": "organs", "state": "adequate"})


def read_organs(note: Note) -> Iterator[Finding]:
    """`organ_function` as a whole and by organ, `organ_failure`, `laboratory` values."""
    for mention in note.of("organ"):
        if not mention.is_patient or mention.assertion in {"uncertain", "planned", "hypothetical"}:
            continue
        state = str(mention.attributes["state"])
        if (
            mention.assertion == "negated"
            and state == "adequate"
            and note.norms[mention.end - 1 : mention.end]
            and re.search(r": (?:adequate|normal|good|fine|ok)$", note.words(mention.start, mention.end))
        ):
            # The answer stands in the field itself; a denial of the next field does not reach it.
            mention.assertion = "present"
        if mention.assertion == "negated" and state == "adequate":
            state = "inadequate" if mention.cue and "not" in mention.cue.lower() else "unsaid"
        elif mention.assertion == "negated":
            continue
        if state == "adequate" and _exempted(note, mention.end):
            continue
        if state != "unsaid":
            yield finding(note, "organ_function", mention.start, mention.end, {"scope": "all", "state": state})
    for mention in note.of("organ_failure"):
        yield from _failure(note, mention)
    yield from _by_organ(note)
    yield from _as_a_whole(note)
    for match, start, end in note.find(_LAB):
        yield finding(
            note,
            "laboratory",
            start,
            end,
            {"name": match["name"], "value": float(match["value"]), "unit": match["unit"] or None},
        )


def _failure(note: Note, mention: Mention) -> Iterator[Finding]:
    if not mention.is_patient or mention.assertion not in {"present", "uncertain"}:
        return
    words = note.sentence_words(mention.start)
    when, ended = dates_of(mention)
    over = re.search(
        r"(?<!\S)(?:resolved|recovered|recovery|temporary|briefly|stopped|until|came off|off dialysis|no longer|former|transplant\w*(?! (?:list|waiting|waitlist|candidate|assessment|work))|cured|before the transplant|previously)(?!\S)",
        words,
    )
    again = re.search(r"(?<!\S)(?:now (?:on|needs|in)|currently|still|again|ongoing|since then on)(?!\S)", words)
    if (over and not again and mention.assertion == "present") or (
        ended.known and ended.latest is not None and ended.latest < note.today
    ):
        return
    old = (
        when.latest is not None
        and (note.today - when.latest).days > 300
        and "since" not in words
        and not mention.affirmed
    )
    if old and "dialysis" not in note.words(mention.start, mention.end):
        return
    yield finding(note, "organ_failure", mention.start, mention.end, assertion=mention.assertion, cue=mention.cue)


def _by_organ(note: Note) -> Iterator[Finding]:
    """'FBC, U&E and LFTs normal', 'normal blood count, renal and liver function': one word for a list of organs."""
    segments = note.layout.segments
    for index, segment in enumerate(segments):
        words = note.words(segment.start, segment.end)
        if not _GOOD_WORD.search(words) or _BAD_WORD.search(words):
            continue
        good = _GOOD_WORD.search(words)
        upto = segment.start + len(words[: good.end()].split()) if good else segment.end
        if any(
            cue.group in {"kin", "uncertain"} and segment.start <= cue.start < upto
            for cue in note.cues_around(segment.start)
        ):
            continue
        negated = re.search(rf"(?<!\S)(?:not|no|never)(?: \S+)? {_GOOD}(?!\S)", words)
        if negated:
            continue
        mine = list(_organs_in(note, segment.start, segment.end))
        joined = [segment]
        good_first = _GOOD_WORD.search(words)
        leads = bool(mine) and good_first is not None and good_first.start() <= 2
        back = index
        while (
            back > 0
            and segments[back].sentence == segment.sentence
            and segments[back].link in {",", "and", "/", "//", ":", "-", "or"}
        ):
            back -= 1
            text = note.words(segments[back].start, segments[back].end)
            if (
                _GOOD_WORD.search(text)
                or _BAD_WORD.search(text)
                or not list(_organs_in(note, segments[back].start, segments[back].end))
                or any(c.isdigit() for c in text)
            ):
                break
            joined.insert(0, segments[back])
        if leads or not mine:
            ahead = index + 1
            while (
                leads
                and ahead < len(segments)
                and segments[ahead].sentence == segment.sentence
                and segments[ahead].link in {",", "and", "/"}
            ):
                text = note.words(segments[ahead].start, segments[ahead].end)
                if (
                    _GOOD_WORD.search(text)
                    or _BAD_WORD.search(text)
                    or not list(_organs_in(note, segments[ahead].start, segments[ahead].end))
                    or any(c.isdigit() for c in text)
                ):
                    break
                joined.append(segments[ahead])
                ahead += 1
        for part in joined:
            for scope, start, end in _organs_in(note, part.start, part.end):
                for name in ("liver", "kidney") if scope == "chemistry" else (scope,):
                    yield finding(note, "organ_function", start, end, {"scope": name, "state": "adequate"})


def _organs_in(note: Note, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    text = note.words(start, end)
    for match in _ORGAN_WORD.finditer(text):
        first = start + len(text[: match.start()].split())
        yield str(match.lastgroup), first, first + len(match.group().split())
