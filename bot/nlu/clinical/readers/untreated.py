"""Denials of every treatment of the tumour: 'untreated', 'no therapy so far', 'prior treatment: none'."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Mention, Note
from bot.nlu.clinical.readers.common import finding
from bot.trial.facts import Finding

#: Groups of words that name the rectal tumour.
TUMOUR = frozenset({"tumour", "histology", "site"})


#: 'No treatment letter', 'no treatment plan' say nothing of treatment.
_PAPERS = frozenset(
    [
        "letter",
        "letters",
        "decision",
        "plan",
        "plans",
        "record",
        "records",
        "summary",
        "chart",
        "option",
        "options",
        "date",
        "details",
        "history",
        "note",
        "notes",
        "sheet",
        "report",
        "reports",
        "proposal",
        "recommendation",
        "documentation",
        "data",
        "information",
        "limitations",
        "escalation",
    ]
)


def read_untreated(note: Note) -> Iterator[Finding]:
    """`untreated`: the note says that nothing was done against this tumour."""
    for mention in [*note.of("untreated"), *_untreated_in_other_words(note)]:
        if (
            mention.is_patient
            and mention.assertion not in {"uncertain", "planned", "hypothetical"}
            and not mention.superseded
            and not _anothers(note, mention)
            and not _settled_without(note, mention)
            and not set(note.after(mention.end, 1)) & _PAPERS
        ):
            yield finding(note, "untreated", mention.start, mention.end)


def _settled_without(note: Note, mention: Mention) -> bool:
    """'Gone by 2001 without treatment' tells how another illness ended."""
    return (
        note.words(mention.start, mention.end) in {"without treatment", "no treatment", "without therapy"}
        and re.search(
            r"(?<!\S)(?:gone|resolved|settled|cured|cleared|recovered|disappeared|remission|healed|subsided|over|passed)(?!\S)",
            note.sentence_words(mention.start),
        )
        is not None
    )


_THERAPY = r"(?:pre ?treatments?|treatments?|therap(?:y|ies)|tx|rx|ther(?: \.)?|treatm|trt|interventions?|anticancer treatment)"
_ONCO = r"(?:onc|oncol|anti ca|anti tumou?r|antitumou?r|anti cancer|anticancer|antineoplastic|oncologic(?:al)?|cancer|tumou?r|tumou?r directed|cancer directed|specific)"
_EARLIER = r"(?:previous|prior|prev|earlier|past|preceding|former|pre)"
_SO_FAR = r"(?:so far|to date|till now|until now|up to now|as yet|yet|hitherto|up to today|before(?: now| this)?|beforehand|thus far|till today)"
_UNTREATED = re.compile(
    rf"(?<!\S)(?:(?:no|without|nil|zero|not (?:had|received|been given|undergone) any|free of)(?: (?:any|other|or|form of|kind of|sort of|type of|neoadjuvant|neo adjuvant|induction|adjuvant|{_EARLIER}|{_ONCO}|systemic or local|active|real|actual))* {_THERAPY}(?: (?:whatsoever|at all|of any (?:kind|sort|type)|given|started|received|done|has been (?:given|started)))* {_SO_FAR}"
    rf"|(?:no|without|nil|zero) (?:(?:any|other) )*(?:{_EARLIER} )*(?:{_ONCO}) {_THERAPY}"
    rf"|(?:{_EARLIER} |{_ONCO} |any |received )+{_THERAPY}(?: (?:{_SO_FAR}|ever|received|given|for (?:the |this )?(?:tumour|cancer)|of (?:the |this )?(?:tumour|cancer)))*(?: ?(?::|-|\?|=))* (?:none|nil|no|n|never|0|negative|not given|nothing)"
    rf"|pre ?treatments? (?:none|nil|0)(?= ?(?:,|\.|;|$))|nothing (?:has|had) been (?:given|done|started)(?= ?(?:,|\.|;|$))|nothing (?:has been |was |is )?(?:started|begun)(?= ?(?:,|\.|;|$|yet))|(?:{_THERAPY}) (?:hx|history)(?: ?(?::|-|=))+ (?:none|nil|no|0)"
    rf"|(?:no|without|nil) pre ?treatments?(?= ?(?:,|\.|;|$|so|to|of|yet))"
    rf"|pre ?treatments? (?::|-|=) (?:none|nil|no|n|never|0|nothing)"
    rf"|{_THERAPY} (?:{_SO_FAR}|received|given|ever)(?: ?(?::|-|\?|=))* (?:none|nil|no|n|never|0|nothing)"
    rf"|{_SO_FAR}(?: ?(?::|-|=|,))* (?:no|nil|without|not any)(?: (?:any|{_ONCO}|kind of|form of))* {_THERAPY}"
    rf"|(?:not|never|non) (?:pre ?treated|pretreated)|treatment virgin|untouched by (?:any )?{_THERAPY}"
    rf"|(?:tumou?r|cancer|it|disease) (?:(?:has|is|was|been|so|far|as|yet|still|to|date) )*(?:untouched|left alone so far|not touched)(?: by any {_THERAPY})?"
    rf"|(?:has|have|had) (?:not|never) (?:yet )?(?:had|received|undergone|been given|got) (?:any |a )?(?:{_ONCO} )?{_THERAPY}(?: (?:for|against|of|to) (?:it|this|the|his|her)(?: (?:rectal |bowel )?(?:tumou?r|cancer))?| {_SO_FAR})"
    rf"|(?:has|have|had) (?:had|received) no (?:{_ONCO} )?{_THERAPY} (?:for|against|of|to) (?:it|this|the|his|her)(?: (?:rectal |bowel )?(?:tumou?r|cancer))?)(?= |$)"
)
_THIS = r"(?:it|this|that|(?:the|this|that|his|her|my|your|a)? ?(?:present|current|new|low|mid)? ?(?:rectal |bowel |rectum )?(?:tumou?r|cancer|ca|carcinoma|adenocarcinoma|adenoca|malignancy|lesion|growth|rectum|crc))"
_FOR_THIS = rf"(?:for|against|of|to|on|about|at) {_THIS}"
_FILL = rf"(?:any|a|an|single|other|one|real|such|(?:form|kind|sort|type|course|line|cycle|dose)s? of|{_EARLIER}|{_ONCO}|systemic|local|or|and|active|curative|further|radical|(?:neo ?)?adjuvant|formal)"
_NOUN = rf"(?:(?:{_FILL} )*{_THERAPY})"
_MANNER = r"(?:systemic|medical|drug|surgical|local|operative|radiation|radio|radiotherapeutic|chemo|chemotherapeutic)"
_WHEN = rf"(?:yet|ever|so|far|before|been|to|date|{_SO_FAR})"
_GOT = r"(?:had|have|has|received?|receives|given|gotten|get|got|accept(?:ed)?|taken|take|undergone|undergo|underwent|start(?:ed)?|beg[iau]n|commenced?|tried|made|make|done|do|join(?:ed)?|experienced)"
_NEVER = r"(?:not|never|hasnt|havent|hadnt|didnt|has not|have not|had not|did not|does not|without having|denies(?: ever)?(?: having)?|denied(?: having)?|nobody|no one|no doctor|nor (?:has|had|have|did) (?:he|she|they|i|the patient|anyone|anybody))"
#: 'Never accepted any therapy', 'nobody has given her any treatment', 'treatment not started', 'nothing was done for it'.
_DENIED = re.compile(
    rf"(?<!\S)(?:(?:not|never)(?: (?:yet|been|ever|so far))* (?:started|put|placed|begun)? ?on (?:(?:any|a) )*{_NOUN}"
    rf"|(?:has|have|was|is)? ?(?:anything|something|any) (?:\S+ ){{0,2}}?(?:done|given|started) (?:yet |so far )?{_FOR_THIS}(?: (?:yet|so far|to date))? (?::|\?|-) (?:no|none|nothing|never)"
    rf"|free of (?:any )?(?:{_EARLIER} |{_ONCO} )+{_THERAPY}"
    rf"|(?:{_THERAPY}|therapies) (?::|-|=) (?:none|nil|nothing|no|0) {_SO_FAR}"
    rf"|{_NEVER} (?:been given|been offered|received|had|got|taken) (?:anything|any drugs?|any pills?|any medicines?) {_FOR_THIS}"
    rf"|(?:no|without|nil|neither)(?: (?:any|a|an))? (?=(?:\S+ ){{0,6}}?(?:systemic|medical|drug|chemo\w*) )(?=(?:\S+ ){{0,6}}?(?:surgical|local|operative) )(?:{_MANNER} (?:(?:,|or|and|nor|/|&) )*){{2,4}}(?:{_ONCO} )*{_THERAPY}"
    rf"|{_NEVER}(?: (?:has|have|had|{_WHEN}))* {_GOT}(?: (?:him|her|me|them|been|given|had|{_WHEN}))* {_NOUN}"
    rf"|(?:never|not) (?:(?:any|a|had) )*{_NOUN} (?:received|given|had|got|taken|started|undergone|done|accepted)"
    rf"|(?:not any|denies|denied|denying|deny) (?:(?:any|all|having had|having|ever) )*(?=(?:\S+ )*?(?:{_ONCO}|{_EARLIER}|{_THERAPY} {_FOR_THIS})){_NOUN}(?: {_FOR_THIS})?"
    rf"|{_NOUN}(?: {_FOR_THIS})?(?: (?:has|have|had|was|were|is))? (?:not|never|hasnt|wasnt|isnt|hadnt)(?: (?:yet|been|so far))* (?:start(?:ed)?|begun|begin|given|commenced|initiated|received|taken|done|had|accepted|administered|undertaken)"
    rf"|(?:(?:any|{_EARLIER}|{_ONCO}|received|given|have you had|had you|has (?:he|she) had|ever had) )*{_THERAPY}(?: (?:received|given|had|done|so far|to date|before|ever|yet|up to now|until now|previously|was|taken|{_FOR_THIS}))+(?: ?(?::|-|\?|=|,))+ (?:none|nil|no|n|never|0|nothing|not any|not yet|negative)"
    rf"|(?:no|without|nil|zero|never) {_NOUN} {_FOR_THIS}"
    rf"|(?:no|without|nil|zero|never) (?:(?:any|other) )*(?:systemic|local)(?: ?(?:or|and|/|nor) ?(?:systemic|local)) (?:(?:{_ONCO}) )*{_THERAPY}"
    rf"|nothing (?:else )?(?:(?:has|was|is|had|have|{_WHEN}) )*(?:done|given|started|undertaken|tried|administered)(?: {_WHEN})* {_FOR_THIS}"
    rf"|(?:has|have|had|got|been|is|was|s)(?: (?:had|been|{_WHEN}))* (?:given |started on |offered |done )?nothing {_FOR_THIS}"
    rf"|nothing (?:but|except|other than|apart from|beyond|besides|save) (?:the|a|that|this|one|his|her)? ?(?:stent|stoma|biopsy|biopsies|colostomy|ileostomy|polypectomy|loop colostomy|loop ileostomy)(?: (?:(?:has|was|been|ever|had) )*(?:done|had|given|placed)(?: {_FOR_THIS})?| {_FOR_THIS})?"
    rf"|nothing {_FOR_THIS} (?:but|except|other than|apart from|beyond|besides|save) (?:the|a|that|this|one|his|her)? ?(?:stent|stoma|biopsy|biopsies|colostomy|ileostomy|polypectomy)"
    rf"|{_THIS} (?:(?:has|is|was|been|so|far|as|still|to|date|{_WHEN}) )*(?:not|never) (?:yet |been )*(?:touched|treated)(?: {_WHEN})*)(?= |$)"
)
#: Words that must stand in a note for :data:`_DENIED` to find anything.
_DENIABLE = re.compile(rf"(?<!\S)(?:{_THERAPY}|nothing|touched|treated|anything)(?!\S)")


def _untreated_in_other_words(note: Note) -> Iterator[Mention]:
    """'No therapy to date', 'Prior anti-tumour tx: nil', 'not pretreated': denials of every treatment, by their form."""
    found = [(start, end) for _, start, end in note.find(_UNTREATED)]
    if _DENIABLE.search(note.reading):
        found += [(start, end) for _, start, end in note.find(_DENIED)]
    for start, end in found:
        if any(m.start < end and start < m.end for m in note.of("untreated")):
            continue
        home = note.segment(start)
        if any(
            c.group in {"kin", "uncertain", "plan"}
            and home.start <= c.start < start
            and note.norms[c.start] != "against"
            for c in note.cues_around(start)
        ):
            continue
        yield Mention("untreated", "untreated", {}, start, end, home.index)


_FOLLOWS_UNTREATED = frozenset(
    [
        "so",
        "to",
        "at",
        "and",
        "or",
        "as",
        "by",
        "rectal",
        "rectum",
        "low",
        "mid",
        "primary",
        "adenocarcinoma",
        "tumour",
        "cancer",
        "yet",
        "until",
        "up",
        "in",
        "for",
        "thus",
        "as",
        "still",
        "tumours",
        "on",
        "with",
        "cT3",
        "locally",
        "adeno",
        "adenoca",
        "mss",
        "newly",
        "at",
        "crc",
    ]
)


def _anothers(note: Note, mention: Mention) -> bool:
    """Whether 'never treated' speaks of another illness of the sentence."""
    number = note.layout.sentence_of(mention.start)
    groups = TUMOUR | {
        "autoimmune",
        "malignancy",
        "hepatitis",
        "infection_hiv",
        "cardiovascular_minor",
        "other_illness",
        "infection_minor",
        "infection_chest",
    }
    before = [
        m
        for m in note.around(mention.start)
        if m.group in groups and m.end <= mention.start and note.layout.sentence_of(m.start) == number
    ]
    clause = note.segment(mention.start).clause
    near = [m for m in before if note.segment(m.start).clause == clause] or before
    if (
        note.after(mention.end, 2)[:1] == ["with"]
        and note.after(mention.end, 2)[1:]
        and (note.after(mention.end, 2)[1] in {"it", "them", "that", "this", "either", "these", "those"})
    ):
        return True
    if _for_other(note, mention):
        return True
    generic = set(note.norms[mention.start : mention.end]) & {
        "tumour",
        "cancer",
        "anti",
        "anticancer",
        "oncological",
        "antitumour",
    }
    if generic:
        return False
    if (
        note.after(mention.end, 1)
        and " ".join(note.after(mention.end, 4)).startswith(("for his psoriasis", "for her psoriasis", "for it"))
        and near
        and near[-1].group not in TUMOUR
    ):
        return True
    after = note.after(mention.end, 2)
    if (
        note.words(mention.start, mention.end) == "untreated"
        and after
        and after[0].isalpha()
        and not set(after) & _FOLLOWS_UNTREATED
        and not any(
            m.group in TUMOUR and m.start - mention.end <= 3 and m.start >= mention.end
            for m in note.around(mention.start)
        )
    ):
        return True
    if "naive" in note.norms[mention.start : mention.end]:
        return (
            bool(near)
            and near[-1].group in _VIRAL
            and not any(
                m.group in TUMOUR
                for m in note.around(mention.start)
                if m.start >= mention.end and note.segment(m.start).clause == clause
            )
        )
    if near:
        return near[-1].group not in TUMOUR
    remission = re.search(r"(?<!\S)(?:remission|clear|recurrence|discharged)(?!\S)", note.sentence_words(mention.start))
    if remission and any(m.group == "malignancy" and m.start < mention.start for m in note.of("malignancy")):
        return True
    if re.search(
        r"(?<!\S)(?:previous|prior|prev|earlier|so far|to date|yet)(?!\S)",
        " ".join(note.norms[mention.start : mention.end]),
    ):
        return False
    if (
        number > 0
        and re.match(r"(?:no|never|not|needs|without) ", note.words(mention.start, mention.end))
        and (
            mention.start == note.layout.sentences[number][0]
            or re.search(
                r"(?<!\S)(?:now|needed|since|required|ongoing|any more)(?!\S)", " ".join(note.after(mention.end, 2))
            )
            or re.search(r"(?<!\S)(?:remission|clear|recurrence)(?!\S)", note.sentence_words(mention.start))
        )
    ):
        previous = [
            m
            for m in note.around(mention.start)
            if m.group in groups and note.layout.sentence_of(m.start) == number - 1
        ]
        return bool(previous) and previous[-1].group in {"autoimmune", "malignancy"}
    return False


_VIRAL = frozenset({"hepatitis", "infection_hiv", "autoimmune", "infection_serious", "infection_chest"})


def _for_other(note: Note, mention: Mention) -> bool:
    """'Treatment-naive for HCV', 'never treated for psoriasis', 'HCV RNA positive, never treated': not this cancer."""
    first, last = note.sentence(mention.start)
    after = note.after(mention.end, 5)
    if any(
        m.group in _VIRAL and mention.end <= m.start <= mention.end + 1 and m.start < last
        for m in note.around(mention.start)
    ):
        return True
    if after[:1] in (["for"], ["against"]):
        return any(
            m.group in _VIRAL | {"malignancy", "other_illness", "cardiovascular_minor"}
            and mention.end < m.start + 1 <= mention.end + 4
            for m in note.around(mention.start)
        )
    words = set(note.norms[mention.start : mention.end])
    if words & {"tumour", "cancer", "anti", "anticancer", "oncological", "antitumour"}:
        return False
    here = [
        m
        for m in note.around(mention.start)
        if first <= m.start < last and m.group in _VIRAL | TUMOUR and not mention.start <= m.start < mention.end
    ]
    before = [m for m in here if m.start < mention.start]
    return bool(before) and before[-1].group in _VIRAL and not any(m.group in TUMOUR for m in here)
