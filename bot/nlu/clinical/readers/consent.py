"""Consent to this study: given, refused, taken back, or to something else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Mention, Note
from bot.nlu.clinical.readers.common import finding
from bot.trial.facts import Finding, Period

_JOIN = r"(?:take part|taking part|participate|participating|participation|join|joining|enrol|enroll|enrolling|enter|entering|be in|be part|sign|signing|consent|consenting|be enrolled|be included|go into|be randomised|have anything to do with|sparc|(?:the|this|our|your|ur) (?:study|trial)|trial|study|icf|research)"
_DECLINE = re.compile(
    rf"(?<!\S)(?:"
    rf"(?:has |have |had |was |is |then |now |since |later |firmly |politely |he |she |pt |patient )*(?:declin\w+|refus\w+|reject\w*|revok\w+|withdr[ae]w\w*|torn up|tore up|opted out|turn(?:s|ed) down|pull(?:s|ed) out|backed out|pulled back|dropped out)"
    rf"(?: (?:to|from|of|her|his|their|the|any|in|written|informed|give|sign|provide|being|study|trial|participation|on|at|again|yesterday|today|firmly|politely|finally|for))* {_JOIN}"
    rf"|(?:does not|doesnt|did not|didnt|do not|dont|don t|no longer|not|unwilling|not at all) (?:want|wants|wish|wishes|wanting|wishing|willing|prepared|ready|intend|inclined|agree|agreeable|consent)(?:ed)? (?:to )?(?:the |this |any )?(?:more )?(?:any part of |to be |be )?(?:{_JOIN}|studies|trials)"
    rf"|(?:will not|wont|would not|would rather not|prefers not to|had rather not|wouldnt|unwilling to|not willing to|refuses? to|declines? to|cannot be persuaded to|does not agree to|did not agree to) (?:be |to )?{_JOIN}"
    rf"|(?:turned|turns|turning) (?:the |this |our )?(?:study|trial|sparc|it|us|offer|participation) down|will have none of (?:it|this|the (?:study|trial)|sparc)|no (?:trial|study) for (?:him|her|me)|(?:patient|pt|he|she) (?:said|says|says a clear|said a clear|answered) no(?= ?(?:,|\.|;|$|'|to (?:it|sparc|us|the study|the trial)))|(?:informed |study |trial |sparc )?consent : n(?:o)? \( (?:declined|refused|withdrawn)"
    rf"|(?:said|says|answered) no to (?:the |this )?(?:{_JOIN}|us)|(?:is |was )?not interested in (?:the |this )?{_JOIN}|(?:decided|decides|is|was) (?:against|not to) (?:the |this )?{_JOIN}"
    rf"|(?:informed |study |trial |written |sparc )?(?:consent|icf|participation|consent form)(?: to sparc| for sparc| sparc| \( sparc \)| v ?\S+| form| to the study| to the trial| to participate| in sparc)?(?: (?:is|was|has|been|:|-|=|now|then|later|status|\(|he|she|no|,))* (?:declin\w+|refus\w+|withdrawn|revoked|rejected|denied by patient|taken back)"
    rf"|(?:patient|pt|she|he) (?:has |have |then |politely |firmly )*(?:refused|declined|refuses|declines)(?= ?(?:,|\.|;|$|on|today|yesterday|after|because|in|at))|(?:trial|sparc|study|participation)(?: (?:was|is|has|been))* (?:offered|discussed|explained|proposed|mentioned|raised) ?,? ?(?:but )?(?:was |he |she |patient |pt )?(?:declined|refused|not interested|turned down|declines|refuses)"
    rf"|(?:took|has taken|takes) (?:back )?(?:his|her) (?:consent|signature)(?: back)?|(?:not|no) (?:want|wish)\w* to be (?:a )?(?:guinea pig|part of)(?: (?:it|a study|the study|any study|sparc))?|revoked(?: it| the consent)?(?= ?(?:,|\.|;|$|on))|declined (?:it|this|to sign)|refused (?:it|to sign)"
    rf"|(?:the |this )?(?:study|trial|sparc) is not for (?:him|her|me)|(?:have|has|wants|want) nothing (?:more )?to do with (?:the |this )?(?:trial|study|sparc|it)|answer (?:to (?:sparc|us|the trial|the study) )?(?:is|was) (?:a )?(?:clear |firm )?no|(?:rang|called|phoned|telephoned|wrote|asked|decided|wants|wishes|rings|mailed|came) (?:us )?(?:back )?(?:in )?to withdraw|signature (?:was )?withdrawn"
    rf"|does not consent|did not consent|doesnt consent|refuses consent|wants no part|wants nothing to do with|not for (?:the trial|the study|sparc) \( patient choice \)|(?:sparc|study|trial|participation) (?:was |is |has been )*(?:declined|refused|rejected|turned down)|wants? no (?:trial|study|part)|keine einwilligung|changed (?:his|her|their) mind(?: (?:and|,|then|now|again|since|on|about|it|the|this|sparc|study|trial))* (?:withdr[ae]w\w*|declin\w+|refus\w+)"
    rf"|(?:decided|decides|has decided|come down) (?:firmly |now |finally |after all )?against (?:it|taking part|participating|joining|sparc|(?:the|this|our) (?:study|trial))|no ,? ?(?:thank you|thanks)(?! (?:letter|note|card|visit))|(?:has |he |she )*decided not to (?:go ahead|proceed|go on|continue|do it)(?: with (?:it|the study|the trial|sparc))?|thanks ,? but no(?: thanks)?|not for (?:me|him|her)(?= ?(?:,|\.|;|'|$|he|she|after))|had (?:a )?second thoughts|(?:has |have |he |she |now |then |since )*(?:pulled out|backed out|dropped out|opted out)"
    rf")(?!\S)"
)
_GIVEN = re.compile(
    r"(?<!\S)(?:signed|signs|(?:she|he|patient|pt) sign|sign(?= (?:\S+ ){0,2}\d)|signature is on|put (?:his|her) name|signature|gave|given|obtained|provided|completed|taken|on file|in file|in the file|in place|in hand|countersigned|received|witnessed|returned|filed|secured|dated|yes|\[x\]|executed|documented|collected|granted|consented|unterschrieben|done|ok)(?!\S)"
)
_NOT_GIVEN = re.compile(
    r"(?<!\S)(?:given to (?:him|her|me|the patient|patient|pt|read|take|study)|handed (?:to|over|out)|posted|explained to|not|unsigned|never|un signed|isnt|wasnt|hasnt|didnt|to be|to sign|will|would|wants to|wants time|ready to|before|yet to|hopes? to|going to|due to|about to|once|when|if|awaiting|await|awaited|pending|blank|still out|stands out|thinking|considering|consider|undecided|plans?|planned|intends?|until|after reading|should|may (?:sign|consent|take|join|give)|might|unclear|unsure|outstanding|still to|next|tomorrow|almost certainly|likely|happy to|willing to|minded to|prepared to|verbally|verbal|oral|[?](?! (?:yes|signed|given|done|y|ok|obtained))|no|missing|incomplete|take home|home|reading|asked for|requested|postponed|tbc|to follow|without|soon|promises?|booked|scheduled)(?!\S)"
)
_OTHER_OBJECT = re.compile(
    r"(?<!\S)(?:port|contrast|ct|mri|colonoscopy|gastroscopy|endoscopy|scope|surgery|surgical|operation|procedure|procedural|biopsy|biopsies|stoma|colostomy|ileostomy|stent|an?aesthe\w+|transfusion|blood products?|everything|photograph\w*|photos?|genetic\w*|genomic|germline|tissue|biobank|biobanking|data|chemo\w*|radiotherapy|rt|vaccin\w*|picc|hysterectomy|bowel prep|sedation|gdpr|images?|video|hip|treatment|registry|another|other|line|insertion|excision|hernia|sharing|samples?|sample|research biopsy|dialysis|iodine|scan)(?!\S)"
)
_STUDY_OBJECT = re.compile(
    r"(?<!\S)(?:sparc|study|trial|trials|studies|nct05576480|participation|take part|taking part|participate|protocol|research)(?!\S)"
)
_STUDY_FORM = (
    r"(?:(?:the|his|her|its|your|ur|our|my|a|all|both|this|that|of|for|to|in|up) )*(?:(?:informed|written|consent|icf|form|forms|papers|paper|paperwork|sheet|patient) )*"
    r"(?:(?:of|for|to|in|the|our|your|ur|this) )*(?:sparc|study|trial)(?: (?:study|trial))?(?: (?:informed|written))?(?: (?:consent|icf))?"
    r"(?: (?:form|forms|papers?|paperwork|documents?|sheet|document|icf|agreement|pack|consent|declaration))?"
)
_FORMS = re.compile(
    r"(?<!\S)(?:"
    rf"(?:signed|has signed|undersigned|completed|returned|signs|sign(?=.{{0,40}}\d)|did sign)(?: (?:and|dated|back|v\S+|version|\d\S*))* {_STUDY_FORM}"
    rf"|(?:put|puts|placed|set|wrote|gave|has put|have put) (?:his|her|my|their|a|the) (?:name|signature|initials) (?:to|on|under|beneath|in|at the foot of|below) {_STUDY_FORM}"
    r"|(?:sparc|study|trial) (?:(?:consent|icf|form|forms|papers?|paperwork|documents?|sheet|declaration) )+(?:(?:is|are|was|were|has been|have been|all|duly|now|now duly|came back|come back|returned|back|in|v\S+|:|-|,) )*(?:signed|countersigned|bears? (?:his|her|the patient 's|a|the) signature|carr(?:ies|y) (?:his|her|the patient 's) signature|with (?:his|her|the patient 's) signature|signature of)"
    rf"|(?:his|her|my|patient 's|the|both|all) signatures? (?:is |are |stands? |was |were )?(?:on|under|below) {_STUDY_FORM}"
    r"|(?:gave|given|has given|have given|gives) (?:his|her|my|their) (?:written )?(?:agreement|permission|assent|consent)(?: (?:in writing|to|for|on|with|the|our|this|your|a|signature))* (?:sparc|study|trial)"
    r"|(?:agreed|agrees|agree|willing|decided|decides|wants|wanted|happy|chose|elected) to (?:take part|participate|join|enter|be)(?: (?:in|part|of|the|our|this|your|a))* (?:sparc|study|trial) (?:and|, and) (?:(?:has|have|then|duly|promptly|he|she|i|just|already) )*(?:signed|put (?:his|her|my) name)"
    r")(?!\S)"
)
_IN_WRITING = re.compile(
    r"(?<!\S)(?:(?:papers?|forms?|documents|paperwork) (?:for|of) (?:the )?(?:sparc|study|trial)(?: (?:study|trial))? (?:is|are|was|were|has been|have been) (?:now |all |duly )*(?:signed|completed)|(?:has|have) (?:he|she|patient) signed : yes|signed : (?:yes|y)|agreed in writing|has agreed in writing|signed (?:up )?for (?:the )?(?:sparc|study|trial)|(?:agreed|agrees|said yes|says yes) to (?:the )?(?:sparc|study|trial) and (?:has )?signed|signed (?:for|to) (?:the )?sparc(?: (?:study|trial))?|has (?:now )?signed (?:up )?(?:for|to) (?:the )?(?:sparc|study|trial)|signed up to (?:the )?(?:sparc|study|trial))(?!\S)"
)
_FIRST = re.compile(
    r"(?<!\S)(?:initially|at first|first|originally|previously|earlier|had been|had first|before that|to begin with|in may|last month|last week)(?!\S)"
)
_AFTER_ALL = re.compile(
    r"(?<!\S)(?:then|later|now|since|afterwards|subsequently|today|yesterday|this morning|eventually|finally|after all|changed|withdr\w+|all the same|anyway|again|nevertheless|nonetheless|since then|on reflection|meanwhile|revoked|but)(?!\S)"
)


def _subject_is_kin(note: Note, start: int) -> bool:
    segment = note.segment(start)
    return any(
        cue.group == "kin"
        and segment.start <= cue.start < start
        and not any(w in {"he", "she", "patient"} for w in note.norms[cue.end : start])
        for cue in note.cues_around(start)
    )


def _other_trial_named(note: Note, start: int, end: int) -> bool:
    """'consent for the HELIX trial': a name in capitals that is not SPARC."""
    for i in range(start, min(end, len(note.norms))):
        if note.norms[i] in {"trial", "study"} and i > start:
            raw = note.tokens[i - 1].raw
            if (
                raw.isupper()
                and len(raw) > 2
                and note.norms[i - 1] not in {"sparc", "the", "this", "our"}
                and not all(t.raw.isupper() for t in note.tokens)
            ):
                return True
            if note.norms[i - 1] in {"another", "other", "previous", "different", "drug", "device"}:
                return True
    return False


def read_consent(note: Note) -> Iterator[Finding]:
    found: list[tuple[int, int, str, str, str]] = []
    declined_spans: list[tuple[int, int]] = []
    for match, start, end in note.find(_DECLINE):
        clause = note.clause(start)
        tail = note.words(end, min(clause[1], end + 6))
        head = note.words(clause[0], start)
        bare = not re.search(_JOIN, match.group()) and not re.search(r"consent|guinea|revoked", match.group())
        around = note.sentence_words(start) + " " + " ".join(note.norms[max(0, note.sentence(start)[0] - 25) : start])
        if bare and (
            (not _STUDY_OBJECT.search(around) and "consent" not in around)
            or re.search(
                r"(?<!\S)(?:surgery|chemo\w*|operation|stoma|radiotherapy|vaccine|jab|colonoscopy|hiv|test|contraception|transfusion)(?!\S)",
                note.words(*clause),
            )
        ):
            continue
        if (
            _subject_is_kin(note, start)
            or (_OTHER_OBJECT.search(tail) and not _STUDY_OBJECT.search(match.group() + " " + tail))
            or _other_trial_named(note, start, min(len(note.norms), end + 3))
        ):
            continue
        if re.search(r"(?:not|never|has not|did not)(?: \w+)? ?$", head) or re.search(
            r"(?:^| )(?:may|might|could|can|if|if he|if she|free to|entitled to|unless|until) (?:\w+ )?$", head + " "
        ):
            continue
        if re.search(
            r"(?<!\S)(?:another|other|previous|different) (?:drug |clinical )?(?:trial|study)",
            match.group() + " " + tail,
        ):
            continue
        declined_spans.append((start, end))
        found.append((start, end, "declined", "study", note.words(*clause)))
    for mention in note.of("consent"):
        if not mention.is_patient and not mention.attributes.get("given") and _subject_is_kin(note, mention.start):
            continue
        if any(start <= mention.start < end for start, end in declined_spans):
            continue
        first, last = _consent_scope(note, mention)
        first = max([first, *(end for _, end in declined_spans if end <= mention.start)])
        words = note.words(first, last)
        target = _object(note, words, first, last, mention)
        words = _UNTICKED.sub(" ", words)
        given = _GIVEN.search(_EXPLAINED.sub(" ", words)) is not None or bool(mention.attributes.get("given"))
        doubt = _NOT_GIVEN.search(_strip_names(words)) is not None or mention.assertion in {"uncertain", "hypothetical"}
        if mention.assertion == "negated" and not given:
            doubt = True
        if _TALK.match(" ".join(note.after(mention.end, 2))) and not re.search(
            r"(?<!\S)(?:signed|signature)(?!\S)", words
        ):
            given = False
        if given and doubt and _signed_for_sure(words):
            doubt = False
        if _BY_ANOTHER.match(" ".join(note.after(mention.end, 9))):
            found.append((mention.start, mention.end, "pending", target, words))
            continue
        if (not given or doubt) and _stated_right_here(note, mention):
            given, doubt = True, False
        found.append((mention.start, mention.end, "given" if given and not doubt else "pending", target, words))
    for _, start, end in note.find(_IN_WRITING):
        if not _NOT_GIVEN.search(note.words(max(note.clause(start)[0], start - 5), start)):
            found.append((start, end, "given", "study", note.words(*note.clause(start))))
    if not any(row[2] in {"given"} for row in found):
        for _, start, end in note.find(_FORMS):
            words = note.words(*note.clause(start))
            before = note.words(max(note.clause(start)[0], start - 3), start)
            if (
                not _NOT_GIVEN.search(before)
                and not _subject_is_kin(note, start)
                and not _BY_ANOTHER.match(" ".join(note.after(end, 4)))
                and note.norms[start - 1 : start] not in (["[ ]"], ["[?]"])
                and not _other_trial_named(note, start, end)
            ):
                target = "other" if _OTHER_OBJECT.search(words) else "study"
                found.append((start, end, "given", target, words))
    yield from _settle(note, found)


#: What stands behind an unticked box is not said; a ticked 'explained' is no signature.
#: 'Wants her husband present at the consent talk'.
_TALK = re.compile(
    r"(?:form )?(?:talk|visit|appointment|discussion|meeting|interview|process|conversation|session|procedure|call)(?!\S)"
)
_UNTICKED = re.compile(r"(?<!\S)\[[ ?]\] \S+")
_EXPLAINED = re.compile(
    r"(?<!\S)\[x\] (?=(?:sparc |study |trial |informed )*(?:consent|icf)(?: (?:form|process|talk|paper))? (?:explained|discussed|handed|offered|sought|requested|posted|sent|info\w*|material))"
)


def _strip_names(words: str) -> str:
    """'patient information sheet', 'no questions', 'yes/no' are no doubt about the consent."""
    return re.sub(
        r"(?<!\S)(?:(?:has |have |did )?(?:not|never) (?:changed? (?:his|her|their|my) mind|withdrawn?(?: it)?|regretted(?: it)?|revoked(?: it)?)|no (?:questions|concerns|issues|problem|further questions|pressure)|without (?:pressure|reservation|hesitation|questions)|after (?:reading|discussion)|before (?:me|us|him|her|witnesses|dr|doctor|nurse|any|the|screening|study|starting|first)\S*(?: \S+){0,3}|not in doubt|next of kin|witnessed|done|all questions answered|time to consider|24 hours to consider|given time)(?!\S)",
        " ",
        words,
    )


def _signed_for_sure(words: str) -> bool:
    """A signature with its date, or 'has now signed', outweighs words of doubt in the same sentence."""
    return re.search(
        r"(?<!\S)(?:has (?:now |since |today |already )?signed|(?<!not )signed (?:on |and dated |today|yesterday|this morning|\d|last|it on|the sparc|the study|the trial|all the same|anyway)|signed consent on)",
        words,
    ) is not None and not re.search(
        r"(?<!\S)(?:not (?:yet )?(?:been )?signed|unsigned|has not signed|hasnt signed|never signed|to be signed|will be signed|until signed)(?!\S)",
        words,
    )


_HERE = re.compile(
    r"^(?:(?:form|to|for|sparc|the|this|study|trial|participation|in|icf|paper|document|\(|\)|:|=|-|was|is|has|been|duly|now) )*"
    r"(?:signed|given|obtained|provided|y|yes|done|ok|complete|completed|on file|in place|granted|\[x\])(?= |$)"
)
_HERE_BEFORE = re.compile(
    r"(?<!\S)(?:has |have |had )?(?:signed|undersigned|put (?:his|her) (?:name|signature) (?:to|under|on)|put pen to paper on|wrote (?:his|her) name under|gave|given|obtained|\[x\])"
    r"(?: (?:the|his|her|a|for|sparc|study|trial|informed|written))*$"
)


def _stated_right_here(note: Note, mention: Mention) -> bool:
    """Whether the list item of the consent itself says that it was given: what else the sentence doubts is not the consent."""
    if mention.assertion in {"negated", "uncertain", "hypothetical", "planned"}:
        return False
    segments = note.layout.segments
    index = note.segment(mention.start).index
    last = segments[index].end
    if note.norms[last : last + 1] in ([":"], ["("], [")"], ["-"]) and index + 1 < len(segments):
        last = segments[index + 1].end
        if segments[index].end + 1 < len(note.norms) and note.norms[last : last + 1] in ([":"], [")"]):
            last = segments[min(index + 2, len(segments) - 1)].end
    last = min(last, note.sentence(mention.start)[1])
    own = note.words(segments[index].start, last)
    if _NOT_GIVEN.search(_strip_names(own)) or _OTHER_OBJECT.search(own):
        return False
    following = " ".join(note.after(last, 7))
    if "signed" not in own and (
        re.search(r"(?<!\S)(?:form|paper|papers|sheet|leaflet|document)(?!\S)", own)
        or re.match(
            r"(?:[,;(-] ?)*(?:but|he|she|patient|pt|will|not yet|to (?!the)|pending|awaiting|wants|thinking)(?!\S)",
            following,
        )
    ):
        return False
    tail = note.words(mention.end, last)
    head = note.words(segments[index].start, mention.start)
    if _HERE.search(tail) or _HERE_BEFORE.search(head) or "signed" in note.norms[mention.start : mention.end]:
        return True
    dated = [d for d in note.dates_around(mention.start) if 0 <= d.start - mention.end <= 1 and d.role == "at"]
    return bool(
        dated
        and _STUDY_OBJECT.search(own)
        and dated[0].period.latest is not None
        and dated[0].period.latest <= note.today
    )


#: A form signed by a relative is not signed by the patient.
_BY_ANOTHER = re.compile(
    r"(?:(?:was|is|has been|now|duly|signed|and|dated|,) )*by (?:his|her|the|a|their) (?:\S+ )?(?:wife|husband|son|daughter|mother|father|brother|sister|partner|carer|guardian|relative|family|proxy|attorney|doctor|surgeon|nurse)(?!\S)"
)


def _consent_scope(note: Note, mention: Mention) -> tuple[int, int]:
    """The words that speak of this consent: its clause, or its sentence where the clause is short."""
    first, last = note.clause(mention.start)
    sentence = note.sentence(mention.start)
    if last - first <= 5:
        first, last = max(sentence[0], first - 8), min(sentence[1], last + 10)
    others = [m for m in note.of("consent") if first <= m.start < last and m is not mention]
    for other in others:
        if other.start > mention.end:
            last = min(last, other.start)
        elif other.end < mention.start:
            first = max(first, other.end)
    return first, last


def _object(note: Note, words: str, first: int, last: int, mention: Mention) -> str:
    own = note.words(mention.start, mention.end)
    if _STUDY_OBJECT.search(own):
        return "study"
    after = note.words(mention.end, min(last, mention.end + 9))
    before = note.words(max(first, mention.start - 3), mention.start)
    if _other_trial_named(note, mention.start, min(last, mention.end + 7)):
        return "other"
    target = re.search(r"(?<!\S)(?:for|to|re|regarding|covering|of|only)(?!\S)(?P<rest>.*)", after)
    rest = target["rest"] if target else ""
    study = _STUDY_OBJECT.search(rest)
    other = _OTHER_OBJECT.search(rest)
    if study and not (other and other.start() < study.start()):
        return "study"
    if other or (_OTHER_OBJECT.search(before) and not _STUDY_OBJECT.search(before)):
        return "other"
    return "study" if _STUDY_OBJECT.search(words) else "unspecified"


def _settle(note: Note, found: list[tuple[int, int, str, str, str]]) -> Iterator[Finding]:
    """What stands where consent was given and refused in turn: the later date, else what is told as later."""
    found = sorted(found)
    own = [row for row in found if row[3] != "other"]
    given = [row for row in own if row[2] == "given"]
    declined = [row for row in own if row[2] == "declined"]
    if given and not declined:
        turned = _changed(note, max(row[1] for row in given))
        if turned is not None:
            found = [row for row in found if row[2] != "given" or row[3] == "other"] + [
                (*turned, "declined", "study", note.words(*turned))
            ]
    if given and declined:
        g, d = given[-1], declined[-1]
        g_date, d_date = _date_at(note, g[0], g[1]), _date_at(note, d[0], d[1])
        withdrawn = (
            re.search(
                r"withdr|revok|taken back|pulled out|backed out|dropped out|opted out|second thoughts|changed|no longer",
                note.words(d[0], d[1]),
            )
            is not None
        )
        drop = ""
        relative = re.match(
            r"(?:\S+ ){0,3}?(?:he|she|they|that was|which) (?:had |has )?(?:signed|gave|given)",
            note.words(g[1], min(len(note.norms), g[1] + 6)),
        )
        if withdrawn and d[0] < g[0] and relative and note.layout.sentence_of(d[0]) == note.layout.sentence_of(g[0]):
            # 'Withdraws the consent she signed on 1 June.'
            drop = "given"
        elif withdrawn and d[0] > g[0] and not re.search(r"(?<!\S)had(?!\S)", d[4]):
            drop = "given"
        elif g_date.exact and d_date.exact and g_date != d_date and g_date.earliest and d_date.earliest:
            drop = "declined" if g_date.earliest > d_date.earliest else "given"
        elif _FIRST.search(d[4]) and d[0] < g[0]:
            drop = "declined"
        elif d[0] > g[0] and (withdrawn or re.search(r"revoked", note.words(d[0], d[1])) or _AFTER_ALL.search(d[4])):
            drop = "given"
        elif g[0] > d[0] and _AFTER_ALL.search(g[4]):
            drop = "declined"
        found = [row for row in found if row[2] != drop]
    given = [row for row in found if row[2] == "given" and row[3] != "other"]
    denied = [row for row in found if row[2] == "pending" and row[3] != "other" and _NOT_SIGNED.search(row[4])]
    if given and denied and not any(_date_at(note, row[0], row[1]).known or _AFTER_ALL.search(row[4]) for row in given):
        # 'Theirs: consent given. Ours: consent not given.'
        found = [row for row in found if row not in given]
    for start, end, status, target, _ in found:
        yield finding(note, "consent", start, end, {"status": status, "to": target}, when=_date_at(note, start, end))


_NOT_SIGNED = re.compile(
    r"(?<!\S)(?:(?:not|never)(?: yet)?(?: been)? (?:given|signed|obtained|taken|consented|there|on file)|unsigned|no (?:sparc |study |trial |informed |written |valid |signed )*consent)(?!\S)"
)
_CHANGED = re.compile(
    r"(?<!\S)(?:withdrawn|withdrew|withdraws|withdrawing|revok\w+|(?:has |have |he |she )*(?:changed (?:his|her|their) mind|had second thoughts|thought better of it)|backs? out|backed out|pull(?:s|ed) out|(?:has )?cancelled (?:it|the consent|his consent|her consent)|took it back|taken it back|rescinded|retracted|no longer (?:wants|wishes|willing|agrees|happy|keen)(?: to)?)(?!\S)"
)
_BACK_AGAIN = re.compile(
    r"(?<!\S)(?:may(?= \|)|might|can|could|free to|right to|if|agreed|agrees|signed again|not|never|without|any time|after all in|back in|reports?|diagnosis|result)(?!\S)"
)


def _changed(note: Note, begin: int) -> tuple[int, int] | None:
    """Words after a signature that take it back: 'has since withdrawn', 'changed her mind on 8 June'."""
    number = note.layout.sentence_of(begin - 1)
    for _, start, end in note.find(_CHANGED):
        if start < begin or note.layout.sentence_of(start) - number > 1:
            continue
        first, last = note.clause(start)
        if re.match(
            r"(?:from|about|regarding|over) (?!(?:the |this |our |his |her )?(?:study|trial|sparc|consent|it|taking|participat\w+|joining|being))",
            note.words(end, min(last, end + 4)),
        ):
            continue
        around = note.words(max(begin, first, start - 5), start) + " | " + note.words(end, min(last, end + 6))
        if not _BACK_AGAIN.search(around) and not _subject_is_kin(note, start):
            return start, end
    return None


def _date_at(note: Note, start: int, end: int) -> Period:
    number = note.layout.sentence_of(start)
    near = [d for d in note.dates_around(start) if note.layout.sentence_of(d.start) == number]
    clause = note.segment(start).clause
    same = [d for d in near if note.segment(d.start).clause == clause] or near
    best = min(same, key=lambda d: min(abs(d.start - end), abs(start - d.end)), default=None)
    return best.period if best else Period()
