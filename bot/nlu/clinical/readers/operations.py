"""Operations: which, when, as an emergency or not; that there were none; complications."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import DateMention, Mention, Note, overlap
from bot.nlu.clinical.readers.common import dates_of, finding
from bot.nlu.clinical.readers.obstruction import made_already
from bot.trial.facts import Finding

_NONE = re.compile(
    r"(?<!\S)(?P<neg>no|not once|never had|denies|deny|denying|without|nil|has not been|not been|was not|not had|has not had|never|had no|has had no|has no|not undergone|never undergone|zero|denied)(?: (?:any|other|further|previous|prior|prev|past|major|recent|significant|known|kind of|form of|been|an|a|of|or|planned|major or minor|in (?:his|her) life))*"
    r" (?P<what>surgery|surgeries|operations?|ops?(?! (?:notes?|report|records?|letter|details|list|date))|surgical (?:history|procedures?|interventions?|operations?|intervention|hx)|(?:been )?operated(?: on| upon)?|under the knife|major surgical procedures?|procedures? under ga|major procedures?|in theatre)(?!\S)"
)
_NONE_FORM = re.compile(
    r"(?<!\S)(?:psh|pshx|surgical history|past surgical history|previous (?:operations|surgery|ops)|prior (?:operations|surgery)|(?:major |recent |recent major )?(?:surgery|operations?|ops?)(?: (?:in|within) (?:the )?(?:last|past|previous) (?:4|four) (?:weeks|wks|w)| (?:<|within|in|last)? ?(?:4|four) ?(?:weeks|wks|wk|w))?|surgery / 4w|major surgery < 4 weeks)(?: (?::|-|\?|=|<|\.|4|wks?|w|weeks))* (?:nil|none|no|never|negative|0|n)(?= ?(?:,|\.|;|$|\)|ever|of|in|within|for|since|over|during))"
)
_NOTHING = re.compile(
    r"(?<!\S)(?:nothing (?:surgical|operated on|operated)|not (?:had any|undergone any|join any) (?:operation|surgery)|not operated(?: on| upon)?|no operation in recent|(?:never|not)(?: (?:once|yet|ever|been|set foot|lain|was|seen))* (?:in |inside |on )?(?:an |the |any )?operating (?:theatre|table|room|theater))(?!\S)"
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
    yield from _listed(note)
    yield from _given_organs(note)
    yield from _emergency_operations(note)
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
        if mention.end - mention.start == 1 and overlap(
            (mention.start, mention.end), [(d.start, d.end) for d in note.dates_around(mention.start)]
        ):
            # '2 APR 26' is a day.
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
        home = note.segment(mention.start)
        if note.norms[home.start : mention.start] == ["for"] and not any(d.start >= mention.end for d in mention.dates):
            # 'MDT 4/6: ..., for anterior resection'
            continue
        if mention.group == "anaesthesia":
            if any(
                (m.attributes.get("surgery") or m.group in {"minor_operation", "minor_treatment"})
                and note.after(m.end, 1) != [":"]
                for m in note.same_sentence(
                    mention, "operation", "treatment", "stoma", "minor_operation", "minor_treatment"
                )
            ):
                continue
            number = note.layout.sentence_of(mention.start)
            first = note.layout.sentences[number][0]
            numbers = {number, number - 1} if first and note.norms[first - 1] == ";" else {number}
            near = [d for d in note.dates if note.layout.sentence_of(d.start) in numbers]
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
                for m in note.same_sentence(
                    mention, "operation", "treatment", "stoma", "anaesthesia", "minor_operation", "cardiovascular"
                )
            )
        ):
            continue
        if not when.known and _only_referred_to(note, mention):
            continue
        if when.known and _other_than(note, mention):
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
        days = [day.period for day in mention.dates[1:] if _another_of_its_kind(note, day)]
        for period in [when if when.known else ended, *days]:
            # 'Left hip replaced in February, right hip on 14 May': each day tells of one.
            yield finding(
                note,
                "surgery",
                mention.start,
                mention.end,
                {"major": major, "name": note.words(mention.start, mention.end)},
                when=period,
            )


def _another_of_its_kind(note: Note, day: DateMention) -> bool:
    """Whether a further date in the list tells of a second operation ('left hip in February, right hip on 14 May')."""
    segment = note.segment(day.start)
    words = set(note.norms[segment.start : day.start])
    return (
        day.role == "at"
        and bool(words & {"left", "right", "other", "second", "again", "another", "redo", "revision"})
        and "not" not in words
    )


def _only_referred_to(note: Note, mention: Mention) -> bool:
    """'Stoma working', 'the nephrectomy was his only major operation': words for an operation told elsewhere."""
    words = note.words(mention.start, mention.end)
    others = [
        m
        for m in note.mentions
        if m is not mention
        and (m.attributes.get("surgery") == "major" or m.group == "transplant_donor")
        and m.present
        and dates_of(m)[0].known
    ]
    if not others:
        return False
    if words in {"stoma", "defunctioning", "defunctioned", "diverted", "diversion"}:
        made = {"formed", "fashioned", "made", "created", "raised", "new", "formation", "another", "second", "re"}
        around = set(note.before(mention.start, 3)) | set(note.after(mention.end, 4))
        return any(m.group == "stoma" for m in others) and not around & made
    if _other_than(note, mention) or note.after(mention.end, 2) == ["as", "above"]:
        return True
    head = note.words(max(note.sentence(mention.start)[0], mention.start - 3), mention.start)
    return (
        words.startswith(("major ", "operation"))
        and re.search(r"(?<!\S)(?:only|last|sole|single|one)$", head) is not None
    )


def _other_than(note: Note, mention: Mention) -> bool:
    """'No operations other than the stoma this year' takes the stoma for granted and dates it nowhere."""
    return re.search(
        r"(?<!\S)(?:no|never|nothing|none|not)(?: \S+){0,4} (?:other than|apart from|except(?: for)?|besides|beyond|bar|save|but)(?: (?:the|this|that|his|her|a))*$",
        note.words(note.sentence(mention.start)[0], mention.start),
    ) is not None and any(
        m is not mention and m.group == mention.group and m.present and dates_of(m)[0].known for m in note.mentions
    )


_PARTS_OPERATED = re.compile(
    r"(?<!\S)(?:tonsils?|hernias?|gall ?bladder|gb|appendix|hips?|knees?|shoulder|womb|uterus|spleen|kidney|thyroid|ovar\w+|breast|back|spine|heart|prostate|caesar\w*|bypass)(?!\S)"
)


def _listed(note: Note) -> Iterator[Finding]:
    """'Operations: tonsils 1970, hernia 1999': a field that counts them by the part and the year."""
    for first, last in note.layout.sentences:
        colon = next((i for i in range(first, min(last, first + 5)) if note.norms[i] == ":"), None)
        if colon is None or not re.search(
            r"(?<!\S)(?:operations?|ops?|surgeries|surgery|psh|surgical history|operated)(?!\S)",
            note.words(first, colon),
        ):
            continue
        for segment in note.layout.segments[note.layout.segment_of[colon] : note.layout.segment_of[last - 1] + 1]:
            days = [d for d in note.dates_around(segment.start) if segment.start <= d.start < segment.end]
            named = any(
                m.attributes.get("surgery") for m in note.in_sentence(segment.sentence) if m.segment == segment.index
            )
            words = note.words(segment.start, segment.end)
            if segment.start > colon and days and not named and _PARTS_OPERATED.search(words):
                yield finding(
                    note, "surgery", segment.start, segment.end, {"major": True, "name": words}, when=days[0].period
                )


def _given_organs(note: Note) -> Iterator[Finding]:
    """Who gave a kidney or a part of the liver was operated on."""
    for mention in note.of("transplant_donor"):
        words = note.words(mention.start, min(mention.end + 4, note.sentence(mention.start)[1]))
        when = dates_of(mention)[0]
        if (
            mention.is_patient
            and mention.present
            and when.known
            and re.search(r"(?<!\S)(?:kidney|liver|nephrectomy)", words)
        ):
            yield finding(
                note, "surgery", mention.start, mention.end, {"major": True, "name": "nephrectomy"}, when=when
            )


def _emergency_operations(note: Note) -> Iterator[Finding]:
    """'Emergency laparotomy 13 May': the operation stands within the words for the emergency."""
    for mention in note.of("emergency"):
        words = note.words(mention.start, mention.end)
        when = dates_of(mention)[0]
        if (
            mention.is_patient
            and mention.present
            and when.known
            and (
                "laparotomy" in words
                or (_OPERATION.search(words) and _TUMOUR_CAUSES.search(note.sentence_words(mention.start)))
            )
        ):
            yield finding(note, "surgery", mention.start, mention.end, {"major": True, "name": words}, when=when)


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
            if (re.search(r"last|past|previous \d|4", match.group()) and "past surgical" not in match.group())
            or re.match(r"(?:in|within|for|since|over|during) (?!(?:his|her|my) life)", " ".join(note.after(end, 3)))
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
        if colon is None or last - colon > 12 or not first < colon < last - 1:
            continue
        label = note.words(first, colon)
        if (
            _SURGERY_LABEL.search(label)
            and _RECENT_LABEL.search(label)
            and not _NOT_ALL_SURGERY.search(label)
            and re.match(
                r"(?:no|none|nil|n|never|negative|0|denied)(?= ?(?:$|\.|;|,|ever|at|(?:a|any) (?:major|big|large|serious)))",
                note.words(colon + 1, last),
            )
        ):
            yield first, last


def _about_patient(note: Note, start: int) -> bool:
    segment = note.segment(start)
    return not any(cue.group == "kin" and segment.start <= cue.start < start for cue in note.cues_around(start))


_IN_LIFE = re.compile(
    r"^(?:of any (?:kind|sort|type|description) |at all |whatsoever |been |done |performed )*(?:ever|at any time|(?:in|during|throughout) (?:all )?(?:his|her|my|their) (?:whole |entire |long )?(?:life|lifetime))"
)


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
        return "recent" if not _IN_LIFE.match(tail) else "ever"
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
    r"(?<!\S)(?:surgery|operation|op|operations|laparotomy|procedures?|interventions?|theatre|operated|colostomy|ileostomy|stoma|hartmann\w*|resection|resected|defunctioned|defunctioning|laparoscopy|surgical|diversion|operate|operates)(?!\S)"
)


_NOT_DONE = re.compile(
    r"^(?:(?:for|because of|due to) (?:\S+ ){1,6}?)?(?:(?:has|have|had|was|were|is|did|does) )?(?:not|never|no)(?: (?:been|ever|yet|so far|have))* (?:necessary|needed|required|performed|done|carried out|undertaken|indicated|have|had|take place|taken place|happened?|happen|called for|given)(?!\S)|^(?:was |were |is )?(?:unnecessary|not needed)(?!\S)"
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
        if (
            mention.assertion == "negated"
            or re.search(rf"(?<!\S)(?:never|not|nobody|no one|none)(?: \S+){{0,6}}? {re.escape(phrase)}(?!\S)", words)
            or _NOT_DONE.match(note.words(mention.end, note.sentence(mention.start)[1]))
        ):
            before_now = set(note.after(mention.end, 2)) & {"before", "previously", "until", "till", "earlier"}
            if before_now and any(m.present and m.start > mention.end for m in note.of("emergency")):
                # 'No emergency operation before, but last night ...'
                continue
            yield finding(note, "emergency_surgery", mention.start, mention.end, assertion="negated", cue=mention.cue)
            continue
        if mention.assertion in {"planned", "hypothetical"} and not _happened(note, mention, words):
            continue
        if re.search(r"(?<!\S)only if(?!\S)", words):
            continue
        if re.match(
            r"(?:may|might|could|would|will|should|can|if|only if)(?!\S)", note.words(mention.end, mention.end + 2)
        ):
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
        if (
            not named
            and ops
            and all(m.assertion == "negated" for m in ops)
            and not re.search(
                r"(?<!\S)(?:taken|went|rushed|brought|back) (?:back )?(?:to|into) (?:the )?(?:operating )?theatre(?!\S)",
                words,
            )
        ):
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
        following = note.layout.segments[mention.segment + 1 : mention.segment + 2]
        if (
            mention.is_patient
            and mention.present
            and following
            and following[0].link == "("
            and note.norms[following[0].start] in {"planned", "elective", "electively"}
        ):
            yield finding(note, "elective_surgery", mention.start, following[0].start + 1)
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
