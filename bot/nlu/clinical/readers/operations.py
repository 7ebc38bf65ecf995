"""Operations: which, when, as an emergency or not; that there were none; complications; organ function; allergy."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Mention, Note
from bot.nlu.clinical.readers.common import dates_of, finding
from bot.nlu.clinical.readers.tumour import made_already
from bot.trial.facts import Finding

_NONE = re.compile(
    r"(?<!\S)(?P<neg>no|never had|denies|deny|denying|without|nil|has not been|not been|was not|not had|has not had|never|had no|has had no|has no|not undergone|never undergone|zero|denied)(?: (?:any|other|further|previous|prior|prev|past|major|recent|significant|known|kind of|form of|been|an|a|of|or|planned|major or minor|in (?:his|her) life))*"
    r" (?P<what>surgery|surgeries|operations?|ops?|surgical (?:history|procedures?|interventions?|operations?|intervention|hx)|(?:been )?operated(?: on| upon)?|under the knife|major surgical procedures?|procedures? under ga|major procedures?|in theatre)(?!\S)"
)
_NONE_FORM = re.compile(
    r"(?<!\S)(?:psh|pshx|surgical history|past surgical history|previous (?:operations|surgery|ops)|prior (?:operations|surgery)|(?:major |recent |recent major )?(?:surgery|operations?|ops?)(?: (?:in|within) (?:the )?(?:last|past|previous) (?:4|four) (?:weeks|wks|w)| (?:<|within|in|last)? ?(?:4|four) ?(?:weeks|wks|wk|w))?|surgery / 4w|major surgery < 4 weeks)(?: (?::|-|\?|=|<|4|wks?|w|weeks))* (?:nil|none|no|never|negative|0|n)(?= ?(?:,|\.|;|$|\)|ever|of))"
)
_NOTHING = re.compile(
    r"(?<!\S)(?:nothing (?:surgical|operated on|operated)|not (?:had any|undergone any|join any) (?:operation|surgery)|not operated(?: on| upon)?|no operation in recent)(?!\S)"
)
_LAST_ONE = re.compile(r"(?<!\S)(?:last|most recent|only) (?:operation|surgery|op|major operation)(?!\S)")
_TUMOUR_TAIL = re.compile(
    r"^(?:of any kind |ever |so far |yet |to date |has been )*(?:for|on|of|to) (?:the |this |his |her |any )?(?:tumour|cancer|rectal|rectum|lesion|primary|bowel|malignancy|disease)"
)
_RECENT_TAIL = re.compile(
    r"^(?:has been |was |were |done |performed |of any (?:kind|sort) )*(?:in|within|for|during|over|since|this|recently|lately|the last|last|past|<)(?!\S)"
)


def read_operations(note: Note) -> Iterator[Finding]:
    """`surgery`, `surgery_none`, `emergency_surgery`, `elective_surgery`, `bleeding`, `perforation`."""
    yield from _operations(note)
    yield from _none(note)
    yield from _emergency(note)
    for mention in note.of("complication"):
        if mention.is_patient and not mention.superseded and mention.assertion in {"present", "negated", "uncertain"}:
            yield finding(
                note, mention.concept, mention.start, mention.end, assertion=mention.assertion, cue=mention.cue
            )


def _local(note: Note, mention: Mention) -> bool:
    """Done under local anaesthetic: minor whatever its name."""
    words = note.words(*note.clause(mention.start))
    return (
        re.search(r"(?<!\S)(?:under local|local (?:anaesthe\w+|an?aesthesia)|under la|sedation only)(?!\S)", words)
        is not None
    )


def _operations(note: Note) -> Iterator[Finding]:
    for mention in note.mentions:
        kind = mention.attributes.get("surgery")
        if kind is None or not mention.is_patient:
            continue
        if (
            any(m.group == "transplant_donor" for m in note.same_clause(mention, "transplant_donor"))
            and mention.group == "transplant"
        ):
            continue
        if mention.group == "transplant" and re.search(
            r"(?<!\S)(?:cord blood|stem|marrow|haematopoietic|hsct|sct|bmt|conditioning|haplo\w*|leukaemia|lymphoma|myeloma|cml|aml|autograft)(?!\S)",
            note.sentence_words(mention.start),
        ):
            continue
        done = mention.assertion == "present" or (mention.assertion == "planned" and made_already(note, mention))
        if not done:
            continue
        when, ended = dates_of(mention)
        if mention.group == "cardiovascular" and not when.known and mention.concept == "bypass":
            pass
        if when.earliest is not None and when.earliest > note.today:
            continue
        if mention.group == "anaesthesia":
            if any(
                m.attributes.get("surgery") or m.group in {"minor_operation", "minor_treatment"}
                for m in note.same_sentence(
                    mention, "operation", "treatment", "stoma", "minor_operation", "minor_treatment"
                )
            ):
                continue
            near = [d for d in note.dates if note.layout.sentence_of(d.start) == note.layout.sentence_of(mention.start)]
            if not near:
                continue
            when = near[0].period
        if (
            not when.known
            and mention.end - mention.start <= 2
            and note.norms[mention.start] == "major"
            and note.after(mention.end, 1) == [":"]
            and any(
                m.attributes.get("surgery") and m.start >= mention.end
                for m in note.same_sentence(mention, "operation", "treatment", "stoma")
            )
        ):
            continue
        major = kind == "major" and not _local(note, mention)
        if kind == "excision":
            major = (
                re.search(
                    r"(?<!\S)(?:under (?:ga|general)|general an?aesth\w+|g \. a)(?!\S)",
                    note.sentence_words(mention.start),
                )
                is not None
            )
        if mention.group == "treatment" and not mention.attributes.get("rectal"):
            continue
        yield finding(
            note,
            "surgery",
            mention.start,
            mention.end,
            {"major": major, "name": note.words(mention.start, mention.end)},
            when=when if when.known else ended,
        )


def _none(note: Note) -> Iterator[Finding]:
    for match, start, end in note.find(_NONE):
        clause = note.clause(start)
        if any(m.start < end and m.end > end and m.group in {"operation", "treatment"} for m in note.around(start)):
            continue
        if not _about_patient(note, start):
            continue
        tail = note.words(end, clause[1])
        reported = (
            re.search(
                r"(?<!\S)(?:report|letter|referral|discharge|according|records?|says|chart|summary)(?!\S)",
                note.sentence_words(start),
            )
            is not None
        )
        yield finding(
            note,
            "surgery_none",
            start,
            end,
            {"scope": _scope(note, match.group(), tail, start, end, clause), "reported": reported or None},
            cue=match["neg"],
        )
    for mention in note.of("treatment", "operation"):
        if (
            mention.is_patient
            and mention.assertion == "negated"
            and mention.concept in {"resection_word", "major_operation"}
            and _RECENT_TAIL.search(" ".join(note.after(mention.end, 5)))
        ):
            yield finding(note, "surgery_none", mention.start, mention.end, {"scope": "recent"}, cue=mention.cue)
    for start, end in _denied_fields(note):
        yield finding(note, "surgery_none", start, end, {"scope": "recent"}, cue="no")
    for _, start, end in note.find(_NOTHING):
        yield finding(
            note,
            "surgery_none",
            start,
            end,
            {"scope": _scope(note, "", note.words(end, note.clause(start)[1]), start, end, note.clause(start))},
        )
    for _, start, end in note.find(_LAST_ONE):
        near = [
            d for d in note.dates_around(start) if note.layout.sentence_of(d.start) == note.layout.sentence_of(start)
        ]
        if near:
            yield finding(note, "surgery", start, end, {"major": True, "name": "last operation"}, when=near[-1].period)
    for match, start, end in note.find(_NONE_FORM):
        scope = (
            "recent"
            if re.search(r"last|past|previous \d|4", match.group()) and "past surgical" not in match.group()
            else "ever"
        )
        if _about_patient(note, start):
            yield finding(note, "surgery_none", start, end, {"scope": scope})


_SURGERY_LABEL = re.compile(
    r"(?<!\S)(?:surgery|surgeries|operations?|ops?|surgical procedures?|procedures?|operated)(?!\S)"
)
_RECENT_LABEL = re.compile(
    r"(?<!\S)(?:\d+ ?(?:d|days?|w|wks?|weeks?|months?)|\d+ / (?:7|52|12)|4/52|28 ?d|days?|weeks?|wks?|months?|recent(?:ly)?|last|past|within|since|lately|<)(?!\S)"
)
_NOT_ALL_SURGERY = re.compile(
    r"(?<!\S)(?:emergency|tumou?r|cancer|rectal|chemo\w*|radiotherapy|rt|targeted|planned|minor|previous treatment)(?!\S)"
)


def _denied_fields(note: Note) -> Iterator[tuple[int, int]]:
    """'Major surgery 28 d: nil': a field that asks for recent operations, answered with no."""
    for first, last in note.layout.sentences:
        colon = next((i for i in range(first, last) if note.norms[i] in {":", "?"}), None)
        if colon is None or last - colon > 8 or not first < colon < last - 1:
            continue
        label = note.words(first, colon)
        if (
            _SURGERY_LABEL.search(label)
            and _RECENT_LABEL.search(label)
            and not _NOT_ALL_SURGERY.search(label)
            and re.match(
                r"(?:no|none|nil|n|never|negative|0|denied)(?= ?(?:$|\.|;|,|ever|at))", note.words(colon + 1, last)
            )
        ):
            yield first, last


def _about_patient(note: Note, start: int) -> bool:
    segment = note.segment(start)
    return not any(cue.group == "kin" and segment.start <= cue.start < start for cue in note.cues_around(start))


def _scope(note: Note, words: str, tail: str, start: int, end: int, clause: tuple[int, int]) -> str:
    if _TUMOUR_TAIL.search(tail):
        return "tumour"
    if re.match(r"^(?:planned|is planned|booked|offered|needed|required|was needed|possible|as yet planned)", tail):
        return "other"
    if any(
        m.group == "treatment" and m.concept != "resection_word" and clause[0] <= m.start < clause[1]
        for m in note.around(start)
    ):
        return "treatment"
    if (
        _RECENT_TAIL.search(tail)
        or re.search(r"(?<!\S)(?:recent|major)(?!\S)", words)
        or re.search(r"(?<!\S)(?:recently|this year|within)(?!\S)", tail)
    ):
        return "recent" if not re.match(r"^(?:in (?:his|her) life|ever)", tail) else "ever"
    if re.search(r"(?<!\S)(?:other|further)(?!\S)", words):
        return "recent"
    return "ever"


_OTHER_CAUSES = re.compile(
    r"(?<!\S)(?:appendi\w+|trauma|ectopic|hernia|caesarean|c section|cesarean|ulcer|hip|aneurysm|accident|gallbladder|cholecyst\w*|torsion|fracture|diverticul\w*|adhesion\w*|pancreat\w*|heart|cardiac|bypass|cabg|splenectomy|brain|craniotomy|eye|retinal|knee|kidney|caesar|birth|ovarian|dental|duodenal|gastric|volvulus)(?!\S)"
)
_TUMOUR_CAUSES = re.compile(
    r"(?<!\S)(?:obstruct\w*|perforat\w*|bleed\w*|haemorrhag\w*|bled|tumour|cancer|rectal|rectum|colostomy|ileostomy|stoma|hartmann\w*|ileus|defunction\w*|subileus)(?!\S)"
)
_OPERATION = re.compile(
    r"(?<!\S)(?:surgery|operation|op|operations|laparotomy|procedures?|interventions?|theatre|operated|colostomy|ileostomy|stoma|hartmann\w*|resection|resected|defunctioned|defunctioning|laparoscopy|surgical|diversion)(?!\S)"
)


def _emergency(note: Note) -> Iterator[Finding]:
    for mention in note.of("emergency"):
        if not mention.is_patient:
            continue
        words = note.words(*note.clause(mention.start))
        full = note.sentence_words(mention.start)
        phrase = note.words(mention.start, mention.end)
        named = _OPERATION.search(phrase) is not None
        if not (named or _OPERATION.search(words)):
            continue
        if mention.assertion == "negated" or re.search(rf"(?<!\S)(?:never|not)(?: \S+){{0,6}}? {phrase}(?!\S)", words):
            yield finding(note, "emergency_surgery", mention.start, mention.end, assertion="negated", cue=mention.cue)
            continue
        if mention.assertion in {"planned", "hypothetical"} and not _happened(note, mention, words):
            continue
        if mention.assertion == "uncertain":
            yield finding(note, "emergency_surgery", mention.start, mention.end, assertion="uncertain", cue=mention.cue)
            continue
        if phrase in {"acutely", "urgently", "emergent", "out of hours"} and not re.search(
            r"(?<!\S)(?:theatre|laparotomy|hartmann\w*|operated|colostomy|stoma|ileostomy|surgery)(?!\S)", words
        ):
            continue
        ops = [
            m
            for m in note.same_clause(mention, "operation", "stoma", "treatment", "bypass")
            if m.assertion in {"present", "planned", "negated"}
        ]
        if not named and ops and all(m.assertion == "negated" for m in ops):
            continue
        if (
            not named
            and ops
            and all(m.assertion == "planned" and not made_already(note, m) for m in ops)
            and not _happened(note, mention, words)
        ):
            continue
        cause = (
            "tumour"
            if _TUMOUR_CAUSES.search(full) and not (_OTHER_CAUSES.search(words) and not _TUMOUR_CAUSES.search(words))
            else "other"
            if _OTHER_CAUSES.search(full)
            else "unclear"
        )
        if re.search(
            r"(?<!\S)perforat\w* (?:diverticul|appendi|ulcer|duoden|gastric|gallbladder|sigmoid divert)", full
        ):
            cause = "other"
        if cause == "unclear":
            old = [
                d
                for d in note.dates
                if note.layout.sentence_of(d.start) == note.layout.sentence_of(mention.start)
                and d.period.latest
                and (note.today - d.period.latest).days > 400
            ]
            cause = "other" if old else "tumour"
        yield finding(note, "emergency_surgery", mention.start, mention.end, {"cause": cause})
    for mention in note.of("elective"):
        words = note.words(*note.clause(mention.start))
        about = _TUMOUR_CAUSES.search(words) or _TUMOUR_CAUSES.search(note.sentence_words(mention.start))
        own = note.norms[mention.start] in {"non", "not", "was"}
        if (
            mention.is_patient
            and (mention.assertion in {"present"} or own or made_already(note, mention))
            and about
            and (_OPERATION.search(words) or own)
            and not re.search(r"(?<!\S)(?:hip|knee|hernia|cholecyst\w*|cataract)(?!\S)", words)
        ):
            yield finding(note, "elective_surgery", mention.start, mention.end)
        elif (
            mention.is_patient
            and note.norms[mention.start] in {"none", "never", "nothing", "not"}
            and _OPERATION.search(note.sentence_words(mention.start))
        ):
            yield finding(
                note,
                "emergency_surgery",
                mention.start,
                mention.end,
                assertion="negated",
                cue=note.norms[mention.start],
            )
    for mention in note.of("stoma"):
        if mention.is_patient and mention.assertion == "planned" and made_already(note, mention):
            yield finding(note, "elective_surgery", mention.start, mention.end)


def _happened(note: Note, mention: Mention, words: str) -> bool:
    return (
        re.search(
            r"(?<!\S)(?:had|underwent|was (?:done|performed|formed|fashioned|taken|operated)|required|needed|received|after|s/p|following|made|formed|fashioned|took him|took her|operated)(?!\S)",
            words,
        )
        is not None
    )


# ------------------------------------------------------------------------------------- organ function

_GOOD = r"(?:adequate|normal|fine|ok|okay|satisfactory|unremarkable|within normal limits|within limits|wnl|in range|within range|good|within the normal range|acceptable|nad|within normal range|in the normal range|in order|all right|unimpaired|preserved|within reference range|n|normal range|nil abnormal|normal all|intact|entirely normal|perfectly normal)"
_ORGANS = {
    "blood_count": r"(?:fbc|full blood count|cbc|complete blood count|blood count|blood counts|haematology|haemogram|blood picture|hb and platelets|counts|haemoglobin|blood routine|routine blood|bone marrow function|marrow function|marrow|blood cells|haematological function|haematological|blood|bone marrow|marrow reserve|neutrophils|full blood picture)",
    "liver": r"(?:lfts?|liver function(?: tests?)?|liver tests?|liver enzymes|hepatic function|liver panel|liver|hepatic panel|liver profile|transaminases|bilirubin|liver values|hepatic|liver biochemistry|liver chemistry)",
    "kidney": r"(?:u&es?|u & es?|ues?|u \+ es?|u / es?|renal function(?: tests?)?|renal profile|kidney function|creatinine|egfr|kidneys|renal|kidney|kidney tests?|renal panel|urea and electrolytes|creatinine clearance|renal tests?|kidney values|kft|renal biochemistry)",
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


_FUNCTION = r"(?:functions?|fn|fx|func|reserves?|values|parameters|capacity|status|fct)"
_ORGAN = r"(?:organs?|organ systems?)"
_MARROW = r"(?:bone marrow|marrow|bm|haematopoiesis|bone marrows?|haematological|haematologic)"
_BLOODS = r"(?:bloods|blood (?:values|results|tests?|work|panel|chemistry and count)|labs?|lab(?:oratory)? (?:panel|results|values|tests?|work|findings|parameters|data|screen)|laboratory|lab panel|bloodwork|all bloods|screening bloods)(?: \( [^()]{1,60} \))?"
_TO_BE = r"(?: ?(?::|-|=|,|is|are|was|were|all|both|each|every(?:thing)?|being|found|judged|work(?:s|ing)?|quite|entirely|completely|also|within|the|reference|in|fully|said|to|be|today|have|has|come|came|back|remain|remains|still))*"
_FINE = rf"(?:{_GOOD}|normally|well|good enough|sufficient|sound|in good order|blameless|unremarkably|range|normal range|reference range)"
_WHOLE_FUNCTION = re.compile(
    rf"(?<!\S)(?:{_ORGAN}(?: {_FUNCTION})? ?(?:and|\+|&|/|,|plus) ?{_MARROW}(?: {_FUNCTION})?{_TO_BE} {_FINE}"
    rf"|{_MARROW}(?: {_FUNCTION})? ?(?:and|\+|&|/|,|plus) ?{_ORGAN}(?: {_FUNCTION})?{_TO_BE} {_FINE}"
    rf"|{_ORGAN} {_MARROW}(?: {_FUNCTION})?{_TO_BE} {_FINE}"
    rf"|{_FINE} (?:{_ORGAN}|{_MARROW})(?: {_FUNCTION})? ?(?:and|\+|&|/|,|plus) ?(?:{_ORGAN}|{_MARROW})(?: {_FUNCTION})?"
    rf"|{_MARROW} ?, ?(?:liver|kidneys?) (?:and|&|/) (?:liver|kidneys?)(?: {_FUNCTION})?{_TO_BE} {_FINE}"
    rf"|{_BLOODS}{_TO_BE} {_FINE}"
    rf"|{_BLOODS}{_TO_BE} (?:reference|normal) (?:range|ranges|limits)"
    rf"|{_FINE} {_BLOODS})(?!\S)"
)
_ORGANS_ALONE = re.compile(
    rf"(?<!\S)(?:{_ORGAN}(?: {_FUNCTION})?{_TO_BE} {_FINE}|{_FINE} {_ORGAN}(?: {_FUNCTION})?)(?!\S)"
)
_SPOILS = re.compile(
    r"(?<!\S)(?:not|no|never|abnormal|inadequate|insufficient|except|apart|but|pending|awaited|if|unless|until|once|repeat|when|should|must|needs?|required?|fasting|pressure|sugar|group)(?!\S)"
)


def _as_a_whole(note: Note) -> Iterator[Finding]:
    """'Organ & BM function: adequate', 'Blood values normal', 'marrow, liver and kidneys work well': the whole, in any order."""
    if not _GOOD_WORD.search(note.reading) and "normally" not in note.reading and "well" not in note.norms:
        return
    for match, start, end in note.find(_WHOLE_FUNCTION):
        head = note.words(max(note.sentence(start)[0], start - 1), end)
        tail = " ".join(note.after(end, 2))
        home = note.segment(start)
        if (
            _SPOILS.search(head)
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
        if mention.assertion == "negated" and state == "adequate":
            state = "inadequate" if mention.cue and "not" in mention.cue.lower() else "unsaid"
        elif mention.assertion == "negated":
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
    if (over and mention.assertion == "present") or (
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


# ------------------------------------------------------------------------------------------- allergies


def read_allergies(note: Note) -> Iterator[Finding]:
    """`no_allergy`, `only_allergy`, `allergy` (with `study_drug`), `tolerated_study_drug`, `rt_impossible`."""
    for mention in note.of("rt_impossible"):
        if (mention.is_patient and mention.assertion in {"present", "uncertain"}) or (
            mention.is_patient
            and note.norms[mention.start] in {"no", "not", "cannot", "can", "unable"}
            and mention.assertion != "planned"
        ):
            if note.norms[mention.start] == "contraindication" and mention.assertion == "negated":
                continue
            yield finding(
                note,
                "rt_impossible",
                mention.start,
                mention.end,
                assertion="uncertain" if mention.assertion == "uncertain" else "present",
                cue=mention.cue,
            )
    for mention in note.of("allergy_none"):
        if mention.is_patient and mention.assertion not in {"uncertain", "planned"}:
            tail = note.words(mention.end, min(note.sentence(mention.start)[1], mention.end + 6))
            words = note.words(mention.start, mention.end)
            if (
                re.match(r"to (?!any|the study|study|medic|drugs|anything|date|trial|our|his|her)", tail)
                and not re.search(r"study|trial|component|oxaliplatin|capecitabine|penpulimab", words)
                and not re.match(r"to (?:\S+ ){0,3}(?:oxaliplatin|capecitabine|penpulimab|platinum|5 fu)", tail)
            ):
                continue
            barred = [
                m
                for m in note.around(mention.start)
                if m.group in {"treatment", "allergen"}
                and _study_drug(note, m)
                and mention.end <= m.start < note.sentence(mention.start)[1]
            ]
            excepted = re.search(
                r"(?<!\S)(?:except|apart from|other than|but|besides|save|bar|aside from|only)(?!\S)",
                note.words(mention.end, note.sentence(mention.start)[1]),
            )
            if barred and excepted and barred[0].assertion != "negated":
                yield finding(
                    note,
                    "allergy",
                    mention.start,
                    barred[0].end,
                    {"study_drug": True, "to": note.words(barred[0].start, barred[0].end)},
                )
                continue
            yield finding(note, "no_allergy", mention.start, mention.end)
    for mention in note.of("allergy"):
        yield from _allergy(note, mention)
    for mention in note.of("tolerated"):
        clause = note.clause(mention.start)
        drugs = [
            m
            for m in note.around(mention.start)
            if clause[0] <= m.start < clause[1]
            and m.group in {"treatment", "allergen"}
            and (m.attributes.get("study") or m.attributes.get("kind") in {"chemotherapy", "immunotherapy"})
        ]
        if (
            mention.is_patient
            and mention.assertion == "present"
            and drugs
            and re.search(
                r"capox|capeox|xelox|folfox|oxaliplatin|capecitabine|5 fu|fluorouracil|penpulimab|xeloda",
                note.words(*clause),
            )
        ):
            yield finding(note, "tolerated_study_drug", mention.start, mention.end)


def _allergy(note: Note, mention: Mention) -> Iterator[Finding]:
    if not mention.is_patient:
        return
    first, last = note.clause(mention.start)
    words = note.words(first, last)
    full = note.sentence_words(mention.start)
    drugs = [
        m
        for m in note.around(mention.start)
        if first <= m.start < last and (m.attributes.get("study") or _study_drug(note, m)) and m.is_patient
    ]
    near = [m for m in drugs if _linked(note, mention, m)]
    harmless = [
        m
        for m in note.around(mention.start)
        if first <= m.start < last and m.group == "allergen" and not m.attributes.get("study")
    ]
    if mention.assertion == "negated":
        plain = note.words(mention.start, mention.end) in {
            "allergy",
            "allergies",
            "drug allergy",
            "drug allergies",
            "allergic",
            "hypersensitivity",
            "allergic reactions",
        }
        named = plain and re.search(
            r"(?<!\S)to (?!any|the|study|drugs|medic|anything)", " ".join(note.after(mention.end, 2))
        )
        if not harmless and (near or (plain and not named)):
            yield finding(note, "no_allergy", mention.start, mention.end, cue=mention.cue)
        return
    if near:
        if all(m.assertion == "negated" for m in near):
            return
        doubt = mention.assertion in {"uncertain", "planned", "hypothetical"} or any(
            m.assertion == "uncertain" for m in near
        )
        drug = near[0]
        yield finding(
            note,
            "allergy",
            min(mention.start, drug.start),
            max(mention.end, drug.end),
            {"study_drug": True, "to": note.words(drug.start, drug.end)},
            assertion="uncertain" if doubt else "present",
            cue=mention.cue,
        )
        return
    only = re.search(
        r"(?<!\S)(?:only|sole|alone|nothing else|no others?|solely|none other|nil else|just|nothing other|no other)(?!\S)",
        words,
    ) or re.search(
        r"(?<!\S)(?:otherwise (?:none|nil|no)|no others?|nothing else|none otherwise|no other allergies)(?!\S)", full
    )
    if only and mention.assertion == "present" and harmless:
        yield finding(note, "only_allergy", mention.start, max(mention.end, harmless[-1].end))
        return
    if mention.assertion in {"present", "uncertain"}:
        yield finding(note, "allergy", mention.start, mention.end, {"study_drug": False}, assertion=mention.assertion)


def _study_drug(note: Note, mention: Mention) -> bool:
    return (
        re.search(
            r"oxaliplatin|eloxatin|capecitabine|xeloda|5 fu|5fu|fluorouracil|fluoropyrimidine|penpulimab|platinum|capox|folfox|xelox|capeox|excipient|polysorbate",
            note.words(mention.start, mention.end),
        )
        is not None
    )


def _linked(note: Note, allergy: Mention, drug: Mention) -> bool:
    """'allergic to X', 'X allergy', 'anaphylaxis on X', 'X: anaphylaxis'."""
    if drug.start >= allergy.end:
        between = note.norms[allergy.end : drug.start]
        return len(between) <= 10 and not {".", ";"} & set(between)
    between = note.norms[drug.end : allergy.start]
    return len(between) <= 6 and not {".", ";"} & set(between)
