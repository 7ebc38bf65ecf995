"""The investigator's judgement, where the note states one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Note
from bot.nlu.clinical.readers.common import finding
from bot.trial.facts import Finding

_UNSUITABLE = re.compile(
    r"(?<!\S)(?:(?:pi|investigator|opinion|decision|verdict|judgement)(?: ?(?::|-|=)) (?:exclude|reject|no go|unsuitable|not suitable)|(?:does not|doesnt|did not|cannot|can not|would not|will not) (?:consider|regard|think|judge|find|see|deem|recommend|support|want|accept|approve)|unsuitable|not (?:a )?(?:suitable|eligible|appropriate|fit|good|acceptable|a suitable|a good|a fit|an appropriate)|ineligible|should not (?:be (?:enrolled|included|randomised|entered)|take part|enter|join|participate|go in|go into)|unfit|against (?:inclusion|enrolment|including|enrolling|her|his|entry|participation|taking part|him|admitting)|inappropriate|exclud\w+|would not (?:enrol|include|enter|take|recommend)|will not (?:enrol|include|enter|take)|not to (?:enrol|include|be enrolled|enter)|advises? against|advised against|rejects?|rejected|judged out|too (?:frail|ill|unwell|unreliable|risky)|declined to (?:enrol|include)|does not (?:want|wish) (?:to (?:enrol|include)|her|him)|not (?:be )?(?:enrolled|included)|keeps? (?:him|her) out|rules? (?:him|her) out|ruled (?:him|her) out|unable to comply|vetoe\w+|veto)(?!\S)"
)
_NO_OBJECTION = re.compile(
    r"(?<!\S)(?:(?:other|further|additional) (?:reasons?|objections?|grounds?|concerns?)(?: (?:against|to exclude|for exclusion|for excluding|not to include))?(?: ?(?::|-|=|\?))+ (?:none|nil|no|n|negative)|(?:pi|investigator|researcher|opinion)(?: ?(?::|-|=)) (?:nil|nothing|none|no)(?: (?:else|further|more|other|objections?|reasons?))?(?= ?(?:,|\.|;|$|\)))|(?:doesnt|does not|didnt|did not) (?:see|find|have|know of) (?:any )?(?:other|further) \S+|(?:other|further|additional) (?:reasons?|objections?|grounds?|concerns?)(?: \S+){0,6}? ?(?::|-|=|\?) (?:none|nil|no|n|negative)(?= ?(?:,|\.|;|$|\)|\())|(?:other|further|additional) (?:reasons?|objections?|grounds?) (?:is |are |was |were )?(?:not|none|never) (?:see|seen|known|found|have|exist|there|apparent|sees|had)|(?:judgement|judgment|opinion|verdict|decision|assessment)(?: (?::|-|=|is))+ (?:suitable|fit|eligible|acceptable|include|ok|go)|(?:no|nil|not any|without any|without|any) (?:(?:other|further|additional|more|medical|clinical|psychiatric|remaining) )*(?:reasons?|objections?|concerns?|grounds?|obstacles?|issues?|contraindications?|barriers?|problems?|bar|impediments?|hindrances?|factors?|condition)|(?:nothing|none) (?:else|further|other|more)(?= ?(?:,|\.|;|$|\)))|(?:nothing|no more|nothing more|nothing further|nothing else) (?:further |else |more )?to (?:object|add|say)|no (?:further |other )?(?:reservations?|doubts?|misgivings|qualms|remarks|hesitation)|nothing (?:else |further |more )?(?:against|to exclude|that speaks against|standing|stands|speaks|to keep|to bar|that would|in the way|that should|which would)|sees nothing|finds nothing|knows of nothing|(?:judges?|considers?|finds|deems|thinks|judged|considered|deemed|found|rates|regards) (?:him|her|the patient|pt|them|this patient|patient) (?:to be )?(?:a )?(?:suitable|fit|appropriate|good candidate|acceptable|eligible)|happy to (?:include|enrol|proceed|enter)|suitable (?:in|per|according)|keinen weiteren grund)(?!\S)"
)
_UNDECIDED = re.compile(
    r"(?<!\S)(?:not (?:yet )?(?:asked|reviewed|seen|decided|commented|given)|to (?:review|decide|see|confirm|comment|judge|assess)|awaiting|awaited|pending|will (?:decide|review|see|judge|comment)|opinion (?:pending|awaited|requested|outstanding)|to be asked|yet to|has to|must|should (?:decide|review)|undecided|if the|whether|asked (?:to|for|whether))(?!\S)"
)


#: The head or the end of a note that names its author: 'Dr B. Holm, investigator, 10 June', 'signed X, PI'.
_AUTHOR = re.compile(
    r"(?<!\S)(?:dr|prof|doctor|professor)(?: \.)?(?: \S+){1,4}? ?[,(-] (?:\S+ )?(?:principal |local |sub |co |sub - |co - |chief |site |sparc )*(?:investigator|pi)(?!\S)|(?<!\S)(?:principal |local |chief )?investigator (?:\(|:|,) ?(?:dr|prof)"
)
_ON_MY_PART = re.compile(
    r"(?<!\S)(?:no (?:other |further |additional )+(?:reasons?|objections?|grounds?)(?: \S+){0,3}? (?:on|from) my (?:part|side|end)|(?:on|from) my (?:part|side) (?:there (?:is|are) )?no (?:other |further |additional )+(?:reasons?|objections?|grounds?))(?!\S)"
)


def _own_words(note: Note) -> Iterator[Finding]:
    """The investigator who writes 'I': 'I know of no other reason against it' in a letter signed as investigator."""
    writers = {
        note.layout.sentence_of(m.start)
        for m in note.of("investigator")
        if re.search(
            r"(?<!\S)(?:i ,|i am|as (?:the |local |principal )?(?:investigator|pi)|signed|decision|opinion|statement|remarks?|note)(?!\S)",
            note.sentence_words(m.start),
        )
    }
    for first, last in note.layout.sentences if note.of("investigator") else ():
        if _ON_MY_PART.search(note.words(first, last)):
            yield finding(note, "investigator", first, last, {"judgement": "no_objection"})
    last_one = len(note.layout.sentences) - 1
    for mention in note.of("investigator"):
        number = note.layout.sentence_of(mention.start)
        words = note.sentence_words(mention.start)
        if (number <= 2 or number >= last_one - 1) and _AUTHOR.search(words) and not _UNDECIDED.search(words):
            writers.add(number)
    if not writers:
        return
    for number, (first, last) in enumerate(note.layout.sentences):
        words = note.words(first, last)
        if number not in writers and re.search(
            r"(?<!\S)(?:in my (?:judgement|judgment|opinion|view)|i (?:now |therefore |would |do |must )*(?:judge|consider|deem|think|find|regard|believe|hold)|to my mind)(?!\S)",
            words,
        ):
            against = _UNSUITABLE.search(words)
            if against and not re.search(
                r"(?<!\S)(?:not|no longer|never) (?:unsuitable|ineligible|unfit|inappropriate)", words
            ):
                yield finding(note, "investigator", first, last, {"judgement": "unsuitable"})
                continue
        if (
            number not in writers
            and re.match(r"(?:i|so i|and i|otherwise i|for the rest i) (?:have|see|know|find|can see)", words)
            and _NO_OBJECTION.search(words)
        ):
            yield finding(note, "investigator", first, last, {"judgement": "no_objection"})


def read_investigator(note: Note) -> Iterator[Finding]:
    yield from _own_words(note)
    for mention in note.of("investigator"):
        first, last = note.sentence(mention.start)
        words = note.words(first, last)
        against, free = _UNSUITABLE.search(words), _NO_OBJECTION.search(words)
        if against and re.search(r"(?<!\S)(?:whether|if|should)(?!\S)(?: \S+){0,4} $", words[: against.start()]):
            against = None
        if free and against and free.start() <= against.start():
            against = None
        if free and re.search(
            r"(?<!\S)(?:has|had|with|raised|raises|expresses|voiced|sees) (?:a |an |some |serious |other |further |grave )*(?:concerns?|objections?|reasons?)(?!\S)",
            words,
        ):
            free = None
        if free and re.match(r"(?:than|except|but|besides|apart|other than|save)(?!\S)", words[free.end() :].strip()):
            free, against = None, _UNSUITABLE.search(words)
        if _UNDECIDED.search(words) and not (
            against or re.search(r"(?<!\S)(?:sees|finds|has|judges|considers|confirms) no", words)
        ):
            continue
        if against and re.search(
            r"(?<!\S)(?:not|no longer|never) (?:consider\w* |judge\w* |deem\w* |find |think |regard\w* )?(?:him |her |the patient )?(?:unsuitable|ineligible|unfit|inappropriate)",
            words,
        ):
            against, free = None, free or against
        if against:
            yield finding(note, "investigator", first, last, {"judgement": "unsuitable"})
        elif free:
            yield finding(note, "investigator", first, last, {"judgement": "no_objection"})
