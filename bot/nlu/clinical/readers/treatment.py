"""Treatment of this and of other cancers; operations, stomas, and denials of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Mention, Note
from bot.nlu.clinical.readers.common import dates_of, finding
from bot.nlu.clinical.readers.untreated import TUMOUR, read_untreated
from bot.trial.facts import Finding, Period, Value

_PELVIC_ORGANS = (
    "prostat",
    "cervi",
    "endometri",
    "uter",
    "womb",
    "bladder",
    "vagin",
    "vulva",
    "anal",
    "anus",
    "rect",
    "pelvi",
    "ovar",
    "penile",
    "penis",
)
_OTHER_CAUSE = re.compile(
    r"(?<!\S)(?:diverticul\w*|prolapse|endometriosis|volvulus|incontinence|fistula|trauma|injury|benign|crohn\w*|colitis|ibd|hirschsprung\w*|adenoma|polyp|ischaemi\w+)(?!\S)"
)
_NOT_CANCER = re.compile(
    r"(?<!\S)(?:rheumatoid|arthritis|psoriasis|lupus|sle|ra|ectopic|vasculitis|colitis|crohn\w*|nephrotic|macular|retinopathy|eye|sclerosis|hidradenitis|keloid|heterotopic|wart|warts|keratosis|keratoses|thrombocythaemia|itp|thyroid eye|thyrotoxicosis|graves|transplant)(?!\S)"
)


_AUTOGRAFT = re.compile(r"(?<!\S)(?:autologous|auto|stem cell|own stem cell)(?: \S+){0,2} transplant\w*")
#: Regimens that are given for cancer alone.
_REGIMENS = frozenset(
    {
        "abvd",
        "beacopp",
        "r chop",
        "rchop",
        "chop",
        "beam",
        "folfox",
        "folfiri",
        "folfoxiri",
        "folfirinox",
        "capox",
        "xelox",
        "bep",
        "flot",
        "fec t",
        "dhap",
        "eshap",
        "r cvp",
        "hyper cvad",
        "mvac",
    }
)


def read_treatment(note: Note) -> Iterator[Finding]:
    """`treatment` by kind (present or denied), `untreated`, and minor procedures on the tumour."""
    for mention in note.of("treatment"):
        yield from _treatment(note, mention)
    yield from _taken_out(note)
    for mention in note.of("cancer_state"):
        # 'Surgery for ...' is read as the state of a cancer; denied, it is a denial of surgery.
        if mention.negated and note.norms[mention.start] in {"surgery", "operation", "operations", "surgeries"}:
            values: dict[str, Value] = {"kind": "surgery", "scope": "", "pelvic": False}
            yield finding(note, "treatment", mention.start, mention.end, values, assertion="negated", cue=mention.cue)
    yield from read_untreated(note)
    yield from _naive(note)


_KIND_WORDS = {
    "chemo": "chemotherapy",
    "chemotherapy": "chemotherapy",
    "rt": "radiotherapy",
    "radio": "radiotherapy",
    "radiotherapy": "radiotherapy",
    "radiation": "radiotherapy",
    "surgery": "surgery",
    "immuno": "immunotherapy",
    "immunotherapy": "immunotherapy",
    "io": "immunotherapy",
    "targeted": "targeted",
}
_ANY_KIND = "|".join(_KIND_WORDS)
_NAIVE = re.compile(rf"(?<!\S)(?:(?:{_ANY_KIND}) (?:(?:,|/|and|or|&|\+|-) )*)+naive(?!\S)")


def _naive(note: Note) -> Iterator[Finding]:
    """'Chemo- and radiotherapy-naive': each kind is denied."""
    for match, start, end in note.find(_NAIVE) if "naive" in note.norms else ():
        for kind in {_KIND_WORDS[word] for word in match.group().split() if word in _KIND_WORDS}:
            yield finding(
                note,
                "treatment",
                start,
                end,
                {"kind": kind, "scope": "", "pelvic": False},
                assertion="negated",
                cue="naive",
            )


def _treatment(note: Note, mention: Mention) -> Iterator[Finding]:
    if not mention.is_patient or mention.superseded:
        return
    words = note.sentence_words(mention.start)
    kind = str(mention.attributes["kind"])
    if note.words(mention.start, mention.end) == "antibodies" and not (
        mention.assertion == "negated" and len(note.same_sentence(mention, "treatment")) > 1
    ):
        return
    beside = {m.group for m in _same_segment(note, mention)}
    if (
        beside & {"allergy", "allergy_none"}
        and "tolerated" not in beside
        and kind != "chemoradiation"
        and not _reacted_under(note, mention)
    ):
        return
    if mention.present and (
        _named_for_allergy(note, mention)
        or _to_choose(note, mention)
        or (mention.attributes.get("rectal") and _LEFT_IN.search(words))
    ):
        return
    if mention.present and re.match(
        rf"(?:(?:,|/|and|or|&|\\+|-|{_ANY_KIND}) )+naive(?!\\S)", " ".join(note.after(mention.end, 8))
    ):
        return
    if _as_reason(note, mention) or (mention.present and _not_given(note, mention)):
        return
    pelvic = bool(mention.attributes.get("pelvic"))
    generic = mention.concept == "resection_word"
    if mention.assertion == "negated":
        limits = _limit(note, mention)
        if kind == "systemic":
            if not note.same_sentence(mention, "autoimmune"):
                for part in ("chemotherapy", "immunotherapy"):
                    yield finding(
                        note,
                        "treatment",
                        mention.start,
                        mention.end,
                        {"kind": part, "scope": limits, "pelvic": False},
                        assertion="negated",
                        cue=mention.cue,
                    )
            return
        yield finding(
            note,
            "treatment",
            mention.start,
            mention.end,
            {"kind": kind, "scope": limits, "pelvic": pelvic},
            assertion="negated",
            cue=mention.cue,
        )
        return
    if kind == "systemic":
        return
    if mention.assertion != "present":
        yield finding(
            note,
            "treatment",
            mention.start,
            mention.end,
            {"kind": kind, "pelvic": pelvic},
            assertion=mention.assertion,
            cue=mention.cue,
        )
        return
    if (
        kind == "radiotherapy"
        and note.norms[mention.start] == "gy"
        and not re.search(r"\d", " ".join(note.before(mention.start, 2)))
    ):
        return
    if (
        kind == "chemotherapy"
        and note.norms[mention.start] == "platinum"
        and mention.end - mention.start == 1
        and "therapy" not in words
    ):
        return
    if _only_talk(note, mention, words):
        return
    if (
        _NOT_CANCER.search(_AUTOGRAFT.sub(" ", words))
        and note.words(mention.start, mention.end) not in _REGIMENS
        and not any(m.group in TUMOUR | {"malignancy"} for m in note.same_sentence(mention, *TUMOUR, "malignancy"))
    ):
        yield finding(
            note,
            "treatment",
            mention.start,
            mention.end,
            {"kind": kind, "for": "other_illness"},
            when=dates_of(mention)[0],
        )
        return
    cause = _cause(note, mention)
    if not _was_given(note, mention, cause):
        yield finding(
            note, "treatment", mention.start, mention.end, {"kind": kind, "pelvic": pelvic}, assertion="uncertain"
        )
        return
    if kind == "surgery" and (
        (_OTHER_CAUSE.search(note.words(*note.clause(mention.start))) and "cancer" not in words)
        or cause == "other_cancer"
    ):
        return
    if generic and not _done_to_tumour(note, mention):
        return
    if kind in {"surgery", "local_excision"} and cause == "other_cancer":
        return
    if cause == "other_cancer" and kind in {"radiotherapy", "chemoradiation"}:
        pelvic = pelvic or _pelvic_cause(note, mention)
    elif kind in {"radiotherapy", "chemoradiation"}:
        pelvic = pelvic or (
            cause == "this"
            and not re.search(
                r"\b(?:breast|chest|neck|brain|mantle|whole brain|mediastin\w*|axilla\w*|lung|spine|skull|face|nose|keloid|skin|head)\b",
                words,
            )
        )
    yield finding(
        note,
        "treatment",
        mention.start,
        mention.end,
        {"kind": kind, "for": cause, "pelvic": pelvic},
        when=dates_of(mention)[0],
        historical=mention.historical,
        cue=mention.cue,
    )


_GIVEN = re.compile(
    r"(?<!\S)(?:had|has had|received|given|underwent|completed|started|began|after|following|s/p|post|previous|previously|prior|treated|cycles?|courses?|finished|ongoing|on|history|x|then|plus|with|adjuvant|neoadjuvant|followed|stopped|tolerated|since|undergone|gy)(?!\S)"
)
_TALK = re.compile(
    r"(?<!\S)(?:would|regard|regarded|hazardous|endanger\w*|dangerous|contraindicated|risky|possible|feasible|could|should|might|avoid|safe|unsafe|unsuitable|whether|harm\w*|needs|indicated|inadvisable|fears?|afraid|question|objection|exclude|impossible|difficult)(?!\S)"
)
_GENERIC = frozenset(
    {
        "chemotherapy",
        "chemo",
        "radiotherapy",
        "radiation",
        "rt",
        "immunotherapy",
        "surgery",
        "targeted therapy",
        "checkpoint inhibitors",
        "chemoradiotherapy",
    }
)


def _only_talk(note: Note, mention: Mention, words: str) -> bool:
    """'Immunotherapy would endanger the graft' tells of no treatment that was given; nor does a list after 'include'."""
    if (
        note.words(mention.start, mention.end) in _GENERIC
        and _TALK.search(words)
        and not _GIVEN.search(note.words(max(note.sentence(mention.start)[0], mention.start - 6), mention.start))
        and not mention.dates
    ):
        return True
    first = note.sentence(mention.start)[0]
    before = note.words(first, mention.start)
    denied = any(m.group == "untreated" and first <= m.start < mention.start for m in note.around(mention.start))
    return denied and (_counted_out(note, mention) or _AS_EXAMPLE.search(before) is not None)


_AS_EXAMPLE = re.compile(
    r"(?<!\S)(?:include|includes|including|such as|like|i\.e|e\.g|meaning|be it|neither|whether)(?!\S)"
)


def _counted_out(note: Note, mention: Mention) -> bool:
    """'No prior therapy whatsoever, surgery, chemo, drugs, nothing': bare items after a denial of all treatment."""
    segment = note.segment(mention.start)
    words = [word for word in note.norms[segment.start : segment.end] if word != "."]
    return (
        segment.link in {",", "/", "or", "and", "(", ":", "-"}
        and len(words) <= mention.end - mention.start + 1
        and not mention.dates
        and not set(words) & {"yes", "given", "done", "started", "ongoing"}
    )


_MAY_HAVE = re.compile(
    r"(?<!\S)(?:(?:can|could|may|might|able to|fit to|free to|allowed to|happy to|willing to|agrees to|ready to|wants to|wishes to|going to|hopes to|reluctant to|due to|about to|supposed to) (?:have|get|receive|undergo|tolerate|start|begin|take|go for)|(?:consented?|consents|signed|agreed|agrees|opted|keen|fit|marked|prepared|assessed|seen|referred|waiting|ready|willing) (?:for|to)|decides? on|prefers?|favou?rs?|advis\w+|recommend\w*|suggest\w*|propos\w+|indication for|candidate for)(?: (?:a|an|the|any|some|his|her|such|pelvic|full|this|short|course|long))*$"
)
_NOT_TO_BE = re.compile(
    r"^(?:(?:is|was|are|has been|was felt|is felt|thought|considered|,|-) )*(?:cannot|can not|cant|could not|couldnt|unable to|not able to|impossible|infeasible|unfeasible|undeliverable|not (?:possible|feasible|deliverable|advisable|tolerable|an option|safe)|(?:would be |is |are )?(?:safe|allowed|permitted|advisable|preferred|favoured)|contraindicated|out of the question|feasible|possible|deliverable|ok|planned|to follow|to come|to start|starts|will (?:start|follow|be)|would|next|tbd|tbc|after (?:surgery|enrolment))(?!\S)"
)
_ON_THE_SKIN = re.compile(
    r"^(?:\d+ % |\d+ percent |5 % )?(?:cream|ointment|gel|lotion|topical\w*|applied|5 %|on the skin|eye drops)(?!\S)"
)
_TESTED_FOR = re.compile(
    r"(?<!\S)(?:(?:skin|prick|patch|intradermal\w*|provocation|challenge|scratch) ?(?:prick )?(?:tests?|testing|tested)?|allergy tests?|spilt|spilled|splash\w*|handl\w+|dispens\w+|prepares?|preparing|in contact with|exposure to|exposed to|worked with|works with)(?!\S)"
)
_PLAN_LABEL = re.compile(
    r"(?:^|(?<!\S))(?:mdt|mdm|alternatives?|standard|otherwise|instead|outside the trial|plan|plans|recommendations?|outcome|proposal|proposed|suggestion|decision|intention|aim|strategy|options?|intended|advice|next|to do|tumour board|board|conference)(?: (?:mdt|meeting|decision|outcome|advice|recommendation|today|of|the|plan|treatment|step|steps|outside|trial|study|arm|care|would|is|be|to|this))* :(?: \S+){0,12}$"
)
_ANSWER_GIVEN = re.compile(
    r"(?<!\S)(?:given|done|completed|received|yes|y|cycles?|courses?|gy|fractions?|finished|ongoing|started|since|had|x\d|\d ?x|until|stopped|last|first|second|in (?:19|20)\d\d|(?:19|20)\d\d|weekly|tolerated|doses?|currently|now|positive|pelvic|adjuvant|neoadjuvant|short course|long course)(?!\S)"
)


_SURELY_GIVEN = re.compile(
    r"(?<!\S)(?:had|received|given|underwent|completed|treated|cycles?|courses?|finished|stopped|tolerated|started)(?!\S)"
)


def _not_given(note: Note, mention: Mention) -> bool:
    """A treatment that can be had or cannot be delivered, that is consented to or planned; a cream, a skin test, a spill."""
    first, last = note.sentence(mention.start)
    home = note.segment(mention.start)
    head = note.words(max(first, mention.start - 7), mention.start)
    tail = note.words(mention.end, min(last, mention.end + 7))
    if _MAY_HAVE.search(head) or _NOT_TO_BE.match(tail):
        return True
    dated = any(day.period.latest is not None and day.period.latest <= note.today for day in mention.dates)
    if dated and not _TESTED_FOR.search(note.words(first, last)):
        return False
    if mention.attributes.get("kind") == "chemotherapy" and (
        _ON_THE_SKIN.match(tail) or re.search(r"(?<!\S)(?:topical|cream|efudix)(?: \S+)?$", head)
    ):
        return True
    near = note.words(max(first, home.start), min(last, home.end + 3))
    if (
        _TESTED_FOR.search(near)
        and not _SURELY_GIVEN.search(head)
        and note.words(mention.start, mention.end) not in _GENERIC
    ):
        return True
    before = note.words(first, mention.start)
    if _PLAN_LABEL.search(before) and not _DONE.search(before):
        return True
    return _asked_only(note, mention)


#: What says that a treatment took place: before its name, and after it.
_TOOK_PLACE = re.compile(
    r"(?<!\S)(?:(?:so far|to date|before|up to now|until now) :|had|has had|having had|received|receives|receiving|given|gave|got|gets|getting|underwent|undergone|undergoing|complet\w+|start\w*|began|begun|begins|commenced|finish\w+|after|following|s/p|post|previous\w*|prior|treated|treatment with|treats?|cycles?|courses?|rounds?|doses?|infusions?|injections?|boxes|tablets|on|ongoing|history|h/o|stopped|tolerated|progress\w*|took|taking|takes|taken|currently|continues|continued|under|underwent|via|since|until|ago|done|performed|was|were|has been|have been|is having|having|status|failed|refractory|relapsed|despite|already|last|first|second|third|irradiated|removed|excised|resected|yes|y|x\d+|\d+x|c\d|gy|fractions?|f|/|admits|pre ?treated|pretreatment with|off|off-label|earlier|induction|switched|changed|followed|then|plus|adjuvant|once|twice|daily|weekly|monthly|x|ended|discontinued|interrupted|half|abandoned|still|now|in (?:19|20)\d\d|(?:19|20)\d\d)(?!\S)"
)
_TOOK_PLACE_AFTER = re.compile(
    r"^(?:\S+ ){0,6}?(?:given|done|completed|received|finished|started|stopped|began|until|since|ago|tolerated|ended|ongoing|cycles?|courses?|doses?|infusions?|fractions?|gy|x ?\d+|\d+ ?x|c\d+|times|daily|weekly|monthly|was|were|has been|had been|without (?:effect|success|response)|progression|progressed|response|yes|y|last (?:week|month|year|spring|summer|autumn|winter)|(?:19|20)\d\d|yesterday|today|already|failed|abandoned|interrupted|at (?:the )?(?:referring|another|other|outside)|abroad|elsewhere|privately|in progress|for (?:breast|prostate|lung|cml|cll|lymphoma|leukaemia|myeloma|melanoma|\S+ (?:cancer|carcinoma|ca|lymphoma|leukaemia)))(?!\S)"
)
#: What keeps a plan a plan although such a word stands near.
_ONLY_SPOKEN_OF = re.compile(
    r"(?<!\S)(?:understood|understands|explained|talked about|talk of|told about|read about|heard (?:of|about)|asked about|asks about|spoken of|under sparc|in the trial|in a study|within the study|if eligible|if (?:he|she) is eligible|as per protocol|per protocol|per sparc|study treatment|study arm|protocol|trial treatment|(?:is|are|being) (?:being )?(?:talked about|discussed|considered|debated|weighed)|on the table|for consideration|mentioned as|knows about|leaflet|brochure|information sheet)(?!\S)"
)


def _was_given(note: Note, mention: Mention, cause: str) -> bool:
    """Whether the words around a treatment say that it took place; a name alone, a plan or a talk does not."""
    first, last = note.sentence(mention.start)
    if _ONLY_SPOKEN_OF.search(note.words(first, last)) and not mention.dates:
        return False
    if mention.historical or cause == "other_cancer":
        return True
    if any(day.period.latest is not None and day.period.latest <= note.today for day in mention.dates):
        return True
    begin, end = note.clause(mention.start)
    if re.search(r"(?<!\S)(?:prostat|cervi|uter|womb|bladder|vagin)", note.words(mention.start, mention.end)):
        return True
    if note.words(mention.start, mention.end) in {"irradiated", "excised locally", "locally excised"}:
        return True
    head = note.words(max(begin, mention.start - 12), mention.start)
    return (
        _TOOK_PLACE.search(head) is not None
        or _TOOK_PLACE_AFTER.match(note.words(mention.end, min(end, mention.end + 12))) is not None
        or _TOOK_PLACE_AFTER.match(note.words(mention.end, min(last, mention.end + 5))) is not None
        or (
            mention.end - mention.start > 1
            and re.search(r"(?<!\S)gy(?!\S)", note.words(mention.start, mention.end)) is not None
        )
    )


def _asked_only(note: Note, mention: Mention) -> bool:
    """'Radiotherapy: he has not seen them': a label whose answer tells of nothing that was given."""
    if note.words(mention.start, mention.end) not in _GENERIC or note.after(mention.end, 1) not in ([":"], ["?"]):
        return False
    first, last = note.sentence(mention.start)
    if mention.start - first > 2:
        return False
    if any(
        m.group == "treatment" and m.start > mention.end and m.present
        for m in note.in_sentence(note.segment(first).sentence)
    ):
        return False
    answer = note.words(mention.end, last)
    return (
        _ANSWER_GIVEN.search(answer) is None
        or re.search(
            r"(?<!\S)(?:not|never|no|pending|awaited|booked|planned|appointment|first appointment|see|seen)(?!\S)",
            answer,
        )
        is not None
    )


_EXPOSURE = re.compile(
    r"(?<!\S)(?:(?:during|under|with|on|after|at|to) (?:the |his |her |a |an )*(?:\S+ ){0,2}|(?:first|second|third|fourth|fifth|last|\d\w*) (?:\S+ )?)(?:cycle|dose|infusion|course|exposure|administration|drip|round|bag)(?: of| with)?(?: the)?$"
)


def _reacted_under(note: Note, mention: Mention) -> bool:
    """'Anaphylaxis during the second oxaliplatin infusion': the drug was given, the reaction shows it."""
    before = " ".join(note.before(mention.start, 6))
    after = note.after(mention.end, 1)
    tail = " ".join(note.after(mention.end, 8))
    if re.search(
        r"(?<!\S)(?:(?:during|with|after|on|in) (?:the |his |her )?(?:first |second |third |last )?(?:cycle|dose|infusion|treatment|course|chemo\w*)|when (?:(?:he|she) )?(?:(?:was|had|got|received|being) )?(?:\S+ ){0,3}?(?:treated|given|treatment|chemo\w*)|cycle \d)(?!\S)",
        tail,
    ) and not re.search(r"(?<!\S)(?:never|not|test|tests|challenge)(?!\S)", tail):
        return True
    return _EXPOSURE.search(before) is not None or (
        after in (["infusion"], ["cycle"], ["dose"], ["course"])
        and re.search(r"(?<!\S)(?:during|under|with|after|on)(?!\S)", before) is not None
    )


_AS_INGREDIENT = re.compile(
    r"(?<!\S)(?:excipients?|ingredients?|components?|constituents?|compounds?|additives?|composition|formulation|contained|contains?|vials?|tablets?) (?:(?:of|in|from|as|a|class|for|the|to|,) )*$"
)


def _named_for_allergy(note: Note, mention: Mention) -> bool:
    """A drug that is only named: as what an excipient belongs to, or as what somebody is allergic to."""
    first, last = note.sentence(mention.start)
    before = note.words(max(first, mention.start - 6), mention.start)
    if _AS_INGREDIENT.search(before + " ") and not _GIVEN.search(before):
        return True
    if note.words(mention.start, mention.end) in _GENERIC or mention.attributes.get("rectal"):
        return False
    if _reacted_under(note, mention):
        return False
    allergic = any(m.group == "allergy" and first <= m.start < last for m in note.around(mention.start))
    around = note.words(max(first, mention.start - 8), min(last, mention.end + 8))
    return (
        allergic
        and not mention.dates
        and not _GIVEN.search(before)
        and not _EXPOSURE.search(before)
        and re.search(r"(?<!\S)(?:cycles?|infusion|course|dose|treated|started|stopped|given|received)(?!\S)", around)
        is None
    )


_LEFT_IN = re.compile(
    r"(?<!\S)(?:without (?:a |any )?(?:resection|resecting|removal|removing)|(?:tumour|cancer|primary|lesion|growth|mass) (?:was |is |has been |being )*(?:left (?:in|in situ|in place|behind|alone|untouched|where)|not (?:resected|removed|touched|taken)|unresected|still in|remains in)|no resection|not resected|unresected)(?!\S)"
)
_CHOICE = re.compile(
    r"(?<!\S)(?:vs|versus|or|choice|choose|chooses|choosing|to decide|deciding|undecided|decision|options?|alternatives?|preference|either|pending)(?!\S)"
)
_DONE = re.compile(
    r"(?<!\S)(?:had|has had|underwent|undergone|after|post|s/p|previous|previously|prior|following|received|completed|was|were|since|ago|done|performed|history|treated)(?!\S)"
)


def _to_choose(note: Note, mention: Mention) -> bool:
    """'For TME', 'TME vs local excision, choice pending', 'TME or TAMIS, patient to choose': nothing was done yet."""
    segment = note.segment(mention.start)
    head = note.norms[segment.start : mention.start]
    if head[:1] == ["for"] and len(head) == 1 and not any(day.start >= mention.end for day in mention.dates):
        return True
    if mention.dates and any(
        day.period.latest is not None and day.period.latest <= note.today for day in mention.dates
    ):
        return False
    clause = note.words(*note.sentence(mention.start))
    if "for" in head[:1] and set(head) <= {
        "for",
        "a",
        "an",
        "the",
        "elective",
        "urgent",
        "likely",
        "radical",
        "primary",
        "upfront",
    }:
        return not _DONE.search(note.words(note.sentence(mention.start)[0], mention.start))
    offered = re.search(
        r"(?<!\S)(?:vs|versus|choice|choose|chooses|choosing|to decide|deciding|undecided|options?|preference)(?!\S)",
        clause,
    )
    return offered is not None and _CHOICE.search(clause) is not None and not _DONE.search(clause)


def _taken_out(note: Note) -> Iterator[Finding]:
    """'The tumour was resected in March': an operation told by what became of the tumour."""
    for mention in note.of("cancer_state"):
        words = note.words(mention.start, mention.end)
        if words not in {"resected", "removed", "excised", "cut out", "taken out", "operated"} or not mention.present:
            continue
        own = [m for m in note.same_clause(mention, "tumour", "histology") if 0 <= mention.start - m.end <= 4]
        other = note.same_clause(mention, "malignancy", "minor_treatment", "site_lesion", "no_lesion") or re.search(
            r"(?<!\S)(?:polyp|polyps|biopsy|stent|port|lymph|node)(?!\S)", note.words(*note.clause(mention.start))
        )
        if (
            own
            and not other
            and re.search(
                r"(?<!\S)(?:was|were|has been|had been|been|got|is)(?!\S)|^$", note.words(own[-1].end, mention.start)
            )
        ):
            if (
                any(m.group == "untreated" for m in note.same_clause(mention, "untreated"))
                or _cause(note, mention) == "other_cancer"
            ):
                continue
            yield finding(
                note,
                "treatment",
                own[-1].start,
                mention.end,
                {"kind": "surgery", "for": "this", "pelvic": False},
                when=dates_of(mention)[0],
            )


def _same_segment(note: Note, mention: Mention) -> list[Mention]:
    index = note.segment(mention.start).index
    return [m for m in note.around(mention.start) if note.layout.segment_of[m.start] == index]


_UNFIT = re.compile(
    r"(?<!\S)(?:inadequate|insufficient|too (?:\S+ )?(?:frail|weak|ill|old|poor|low|unwell|sick|few)|not (?:\S+ )?(?:fit|strong|well|adequate|sufficient|good|able) ?(?:enough)?|(?:fit|strong|well|good|adequate) enough|unfit|unable|impossible|contraindicat\w+|not a candidate|no good)"
    r" (?:for|to (?:have|receive|get|tolerate|undergo))(?: (?:any|a|the|full|systemic|combination|intensive|concurrent|form|of|dose))*$"
)


#: 'Day surgery', 'plastic surgery': wards and other people's trades.
_OTHER_SURGERY = frozenset(
    [
        "day",
        "minor",
        "eye",
        "dental",
        "oral",
        "plastic",
        "vascular",
        "general",
        "orthopaedic",
        "cosmetic",
        "bariatric",
        "hand",
        "foot",
        "gp",
        "gps",
        "doctor's",
        "skin",
        "sinus",
        "laser",
    ]
)


def _as_reason(note: Note, mention: Mention) -> bool:
    """Names of drugs and treatments that stand for something else: allergy tests, trial titles, departments."""
    after = note.after(mention.end, 2)
    before = note.before(mention.start, 2)
    if after[:1] in (["trial"], ["study"]) and before in (["currently", "on"], ["now", "on"], ["still", "on"]):
        return False
    return (
        after[:1]
        in (
            ["naive"],
            ["unit"],
            ["suite"],
            ["planner"],
            ["planning"],
            ["consultant"],
            ["department"],
            ["nurse"],
            ["team"],
            ["allergy"],
            ["allergic"],
            ["anaphylaxis"],
            ["rash"],
            ["reaction"],
            ["intolerance"],
            ["urticaria"],
            ["town"],
            ["verde"],
            ["coast"],
            ["trial"],
            ["waiting"],
            ["referral"],
            ["clinic"],
            ["oncology"],
            ["oncologist"],
            ["protocol"],
            ["study"],
            ["physicist"],
            ["physics"],
            ["registrar"],
            ["doctor"],
            ["colleagues"],
            ["shows"],
            ["showed"],
            ["staining"],
            ["stain"],
            ["stains"],
            ["profile"],
            ["panel"],
            ["bay"],
            ["ward"],
            ["day"],
            ["chair"],
            ["letter"],
            ["appointment"],
            ["appt"],
            ["opinion"],
            ["slot"],
            ["question"],
        )
        or (
            note.words(mention.start, mention.end) in {"surgery", "operation", "operations"}
            and before[-1:]
            and before[-1] in _OTHER_SURGERY
        )
        or bool(
            set(before)
            & {"fit", "suitable", "eligible", "candidate", "unfit", "before", "pre", "unsuitable", "ineligible"}
        )
        or _UNFIT.search(" ".join(note.before(mention.start, 7))) is not None
        or before[-1:] in (["before"], ["until"], ["than"], ["about"], ["re"], ["regarding"])
        or after[:2] in (["hypersensitivity"], ["hypersensitivity", "reaction"])
    )


def _limit(note: Note, mention: Mention) -> str:
    """What a denial is limited to: `pelvic`, `rectal`, `recent`, `tumour` or nothing."""
    after = note.after(mention.end, 8)
    text = " ".join(after)
    if mention.attributes.get("pelvic"):
        return "pelvic"
    if re.match(
        r"(?:in|within|for|over|during) (?:the )?(?:last|past|previous|\d|four|preceding|this|two|three|six)|this (?:year|month)|recently|since|yet today",
        text,
    ):
        return "recent"
    return ""


def _cause(note: Note, mention: Mention) -> str:
    """For which illness a treatment was given: `this`, `other_cancer` or `unclear`."""
    number = note.layout.sentence_of(mention.start)
    here = [
        m
        for m in note.around(mention.start)
        if note.layout.sentence_of(m.start) == number
        and m.group in TUMOUR | {"malignancy"}
        and m.is_patient
        and not (m.start <= mention.start and m.end >= mention.end)
    ]
    if mention.attributes.get("rectal"):
        others = [m for m in here if m.group == "malignancy" and m.attributes.get("kind") == "cancer"]
        own = [m for m in here if m.group != "malignancy"]
        return "other_cancer" if others and not own and mention.concept == "local_excision" else "this"
    clause = note.segment(mention.start).clause
    for group in ([m for m in here if note.segment(m.start).clause == clause], here):
        if group:
            before = [m for m in group if m.end <= mention.start]
            after = [m for m in group if m.start >= mention.end]
            linked = [
                m
                for m in after
                if set(note.norms[mention.end : m.start]) & {"for", "of", "against"} and m.start - mention.end <= 6
            ]
            owner = linked[0] if linked else before[-1] if before else after[0]
            if owner.group == "malignancy":
                return "other_cancer"
            others = [m for m in before if m.group == "malignancy" and m.attributes.get("kind") == "cancer"]
            return "other_cancer" if others and owner.concept in {"tumour_word"} and not linked else "this"
    if number > 0:
        previous = [
            m
            for m in note.around(mention.start)
            if note.layout.sentence_of(m.start) == number - 1 and m.group in TUMOUR | {"malignancy"} and m.is_patient
        ]
        if previous and not any(m.group == "malignancy" and m.assertion != "negated" for m in previous):
            # 'Adenocarcinoma of the rectum. CAPOX, one cycle, in May.'
            return "this"
        if any(
            m.group == "malignancy"
            and m.attributes.get("kind") in {"cancer", "skin", "in_situ"}
            and m.assertion != "negated"
            for m in previous
        ) and not any(m.group == "site" for m in previous):
            return "other_cancer"
    if any(
        m.group == "malignancy" and m.attributes.get("kind") == "cancer" and m.present for m in note.of("malignancy")
    ):
        return "unclear"
    return "this"


def _pelvic_cause(note: Note, mention: Mention) -> bool:
    number = note.layout.sentence_of(mention.start)
    for back in (0, 1):
        names = " ".join(
            note.words(m.start, m.end)
            for m in note.around(mention.start)
            if m.group == "malignancy" and note.layout.sentence_of(m.start) == number - back
        )
        if names:
            return any(stem in names for stem in _PELVIC_ORGANS)
    return False


def _done_to_tumour(note: Note, mention: Mention) -> bool:
    """Whether a bare 'surgery' or 'resected' is an operation on the rectal tumour that took place."""
    segment = note.segment(mention.start)
    words = note.norms[segment.start : segment.end]
    near = [m for m in note.around(mention.start) if note.segment(m.start).clause == segment.clause]
    if any(
        m.group in {"operation", "minor_operation", "malignancy", "transplant", "cardiovascular", "stoma"} for m in near
    ):
        return False
    told = set(words[: max(0, mention.start - segment.start)]) & {
        "had",
        "underwent",
        "after",
        "post",
        "s/p",
        "previous",
        "prior",
        "following",
    }
    date: Period = dates_of(mention)[0]
    return any(m.group in {"tumour", "site", "histology"} for m in near) and bool(told or date.known)
