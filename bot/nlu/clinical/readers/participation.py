"""Consent, contraception and fertility, pregnancy, vaccines, other trials, the investigator's judgement."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Mention, Note
from bot.nlu.clinical.readers.common import dates_of, finding, of_mention
from bot.trial.facts import Finding, Period


def read_participation(note: Note) -> Iterator[Finding]:
    """All findings about taking part."""
    yield from _consent(note)
    yield from _contraception(note)
    yield from _pregnancy(note)
    yield from _vaccines(note)
    yield from _trials(note)
    yield from _investigator(note)


# ---------------------------------------------------------------------------------------------- consent

_JOIN = r"(?:take part|taking part|participate|participating|participation|join|joining|enrol|enroll|enrolling|enter|entering|be in|be part|sign|signing|consent|consenting|be enrolled|be included|go into|be randomised|have anything to do with|sparc|(?:the|this|our) (?:study|trial)|trial|study|icf|research)"
_DECLINE = re.compile(
    rf"(?<!\S)(?:"
    rf"(?:has |have |had |was |is |then |now |since |later |firmly |politely |he |she |pt |patient )*(?:declin\w+|refus\w+|reject\w*|revok\w+|withdr[ae]w\w*|torn up|tore up|opted out|turn(?:s|ed) down|pull(?:s|ed) out|backed out|pulled back|dropped out)"
    rf"(?: (?:to|from|of|her|his|their|the|any|in|written|informed|give|sign|provide|being|study|trial|participation|on|at|again|yesterday|today|firmly|politely|finally|for))* {_JOIN}"
    rf"|(?:does not|doesnt|did not|didnt|do not|no longer|not|unwilling|not at all) (?:want|wants|wish|wishes|wanting|wishing|willing|prepared|ready|intend|inclined|agree|agreeable|consent)(?:ed)? (?:to )?(?:the |this |any )?(?:more )?(?:any part of |to be |be )?(?:{_JOIN}|studies|trials)"
    rf"|(?:will not|wont|would not|would rather not|prefers not to|had rather not|wouldnt|unwilling to|not willing to|refuses? to|declines? to|cannot be persuaded to|does not agree to|did not agree to) (?:be |to )?{_JOIN}"
    rf"|(?:turned|turns|turning) (?:the |this |our )?(?:study|trial|sparc|it|us|offer|participation) down|will have none of (?:it|this|the (?:study|trial)|sparc)|no (?:trial|study) for (?:him|her|me)|(?:patient|pt|he|she) (?:said|says|says a clear|said a clear|answered) no(?= ?(?:,|\.|;|$|'|to (?:it|sparc|us|the study|the trial)))|(?:informed |study |trial |sparc )?consent : n(?:o)? \( (?:declined|refused|withdrawn)"
    rf"|(?:said|says|answered) no to (?:the |this )?(?:{_JOIN}|us)|(?:is |was )?not interested in (?:the |this )?{_JOIN}|(?:decided|decides|is|was) (?:against|not to) (?:the |this )?{_JOIN}"
    rf"|(?:informed |study |trial |written |sparc )?(?:consent|icf|participation|consent form)(?: to sparc| for sparc| v ?\S+| form| to the study| to the trial| to participate| in sparc)?(?: (?:is|was|has|been|:|-|=|now|then|later|status|\(|he|she))* (?:declin\w+|refus\w+|withdrawn|revoked|rejected|denied by patient|taken back)"
    rf"|(?:patient|pt|she|he) (?:has |have |then |politely |firmly )*(?:refused|declined|refuses|declines)(?= ?(?:,|\.|;|$|on|today|yesterday|after|because|in|at))|(?:trial|sparc|study|participation)(?: (?:was|is|has|been))* (?:offered|discussed|explained|proposed|mentioned|raised) ?,? ?(?:but )?(?:was |he |she |patient |pt )?(?:declined|refused|not interested|turned down|declines|refuses)"
    rf"|(?:took|has taken|takes) back (?:his|her) consent|(?:not|no) (?:want|wish)\w* to be (?:a )?(?:guinea pig|part of)(?: (?:it|a study|the study|any study|sparc))?|revoked(?: it| the consent)?(?= ?(?:,|\.|;|$|on))|declined (?:it|this|to sign)|refused (?:it|to sign)"
    rf"|(?:the |this )?(?:study|trial|sparc) is not for (?:him|her|me)|(?:have|has|wants|want) nothing (?:more )?to do with (?:the |this )?(?:trial|study|sparc|it)|answer (?:to (?:sparc|us|the trial|the study) )?(?:is|was) (?:a )?(?:clear |firm )?no|(?:rang|called|phoned|telephoned|wrote|asked|decided|wants|wishes|rings|mailed|came) (?:us )?(?:back )?(?:in )?to withdraw|signature (?:was )?withdrawn"
    rf"|does not consent|did not consent|doesnt consent|refuses consent|wants no part|wants nothing to do with|not for (?:the trial|the study|sparc) \( patient choice \)|keine einwilligung|changed (?:his|her|their) mind(?: (?:and|,|then|now|again|since|on|about|it|the|this|sparc|study|trial))* (?:withdr[ae]w\w*|declin\w+|refus\w+)"
    rf"|(?:decided|decides|has decided|come down) (?:firmly |now |finally |after all )?against (?:it|taking part|participating|joining|sparc|(?:the|this|our) (?:study|trial))|no ,? ?(?:thank you|thanks)(?! (?:letter|note|card|visit))|(?:has |he |she )*decided not to (?:go ahead|proceed|go on|continue|do it)(?: with (?:it|the study|the trial|sparc))?|thanks ,? but no(?: thanks)?|not for (?:me|him|her)(?= ?(?:,|\.|;|'|$|he|she|after))|had (?:a )?second thoughts|(?:has |have |he |she |now |then |since )*(?:pulled out|backed out|dropped out|opted out)"
    rf")(?!\S)"
)
_GIVEN = re.compile(
    r"(?<!\S)(?:signed|signs|(?:she|he|patient|pt) sign|signature is on|put (?:his|her) name|signature|gave|given|obtained|provided|completed|taken|on file|in file|in the file|in place|in hand|countersigned|received|witnessed|returned|filed|secured|dated|yes|\[x\]|executed|documented|collected|granted|consented|unterschrieben|done|ok)(?!\S)"
)
_NOT_GIVEN = re.compile(
    r"(?<!\S)(?:not|unsigned|never|un signed|isnt|wasnt|hasnt|didnt|to be|to sign|will|would|wants to|wants time|ready to|before|yet to|hopes? to|going to|due to|about to|once|when|if|awaiting|await|awaited|pending|blank|still out|stands out|thinking|considering|consider|undecided|plans?|planned|intends?|until|after reading|should|may (?:sign|consent|take|join|give)|might|unclear|unsure|outstanding|still to|next|tomorrow|almost certainly|likely|happy to|willing to|minded to|prepared to|verbally|verbal|oral|[?](?! (?:yes|signed|given|done|y|ok|obtained))|no|missing|incomplete|take home|home|reading|asked for|requested|postponed|tbc|to follow|without|soon|promises?|booked|scheduled)(?!\S)"
)
_OTHER_OBJECT = re.compile(
    r"(?<!\S)(?:port|contrast|ct|mri|colonoscopy|gastroscopy|endoscopy|scope|surgery|surgical|operation|procedure|procedural|biopsy|biopsies|stoma|colostomy|ileostomy|stent|an?aesthe\w+|transfusion|blood products?|everything|photograph\w*|photos?|genetic\w*|genomic|germline|tissue|biobank|biobanking|data|chemo\w*|radiotherapy|rt|vaccin\w*|picc|hysterectomy|bowel prep|sedation|gdpr|images?|video|hip|treatment|registry|another|other|line|insertion|excision|hernia|sharing|samples?|sample|research biopsy|dialysis|iodine|scan)(?!\S)"
)
_STUDY_OBJECT = re.compile(
    r"(?<!\S)(?:sparc|study|trial|trials|studies|nct05576480|participation|take part|taking part|participate|protocol|research)(?!\S)"
)
_FORMS = re.compile(
    r"(?<!\S)(?P<verb>signed|has signed|undersigned|completed|returned|signs)(?: (?:the|form|papers|paper|forms|paperwork|of|her|his|all|both|our|up|for|in|to|and|dated|back|a|v\S+|version|\d\S*))* (?:sparc|study|trial)(?: (?:informed|consent))?(?: (?:form|forms|papers|paperwork|documents?|sheet|document|icf|agreement|pack))?(?!\S)"
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


def _consent(note: Note) -> Iterator[Finding]:
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
        given = _GIVEN.search(words) is not None or bool(mention.attributes.get("given"))
        doubt = _NOT_GIVEN.search(_strip_names(words)) is not None or mention.assertion in {"uncertain", "hypothetical"}
        if mention.assertion == "negated" and not given:
            doubt = True
        if given and doubt and _signed_for_sure(words):
            doubt = False
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
                and not _other_trial_named(note, start, end)
            ):
                target = "other" if _OTHER_OBJECT.search(words) else "study"
                found.append((start, end, "given", target, words))
    yield from _settle(note, found)


def _strip_names(words: str) -> str:
    """'patient information sheet', 'no questions', 'yes/no' are no doubt about the consent."""
    return re.sub(
        r"(?<!\S)(?:no (?:questions|concerns|issues|problem|further questions|pressure)|without (?:pressure|reservation|hesitation|questions)|after (?:reading|discussion)|before (?:any|the|screening|study|starting|first)\S*(?: \S+){0,3}|not in doubt|next of kin|witnessed|done|all questions answered|time to consider|24 hours to consider|given time)(?!\S)",
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
        if withdrawn and d[0] > g[0] and not re.search(r"(?<!\S)had(?!\S)", d[4]):
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
    for start, end, status, target, _ in found:
        yield finding(note, "consent", start, end, {"status": status, "to": target}, when=_date_at(note, start, end))


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


# ---------------------------------------------------------------------------------------- contraception

_REFUSES = re.compile(
    r"(?<!\S)(?:refus\w+|declin\w+|will not|wont|would not|not willing|unwilling|does not want|doesnt want|turned down|turns down|rejects?|rejected|not prepared|no intention|does not intend|not going to|objects|opposed|never will|wants none|wants no|no contraception wanted|trying to conceive|trying for a (?:baby|child)|rejects all|none wanted|against|not agree|does not agree|disagrees|not acceptable|will use no|will use none|no contraception will|not ready)(?!\S)"
)
_USES = re.compile(
    r"(?<!\S)(?:agree\w*|(?:is|'s|still|remains|stays) on (?:the|a|her|his)|will use|will be using|uses|using|used|use|willing|happy|accept\w*|commits?|committed|has|have|since|in place|in situ|fitted|adher\w+|undertakes?|promis\w+|practis\w+|practic\w+|confirm\w*|yes|effective|adequate|reliable|ongoing|continues?|continued|will be (?:used|continued|practised|kept)|go on|takes|taking|intends?|prepared to|ready to|ok|keep\w*|relies|rely|secured|ensured|assured|guaranteed|inserted|sufficient|appropriate|highly|consents?(?= to))(?!\S)"
)
_TALK = re.compile(
    r"(?<!\S)(?:talk|chat|conversation|discuss\w*|to be discussed|counsel\w*|advised|advice|leaflet|not (?:yet )?(?:discussed|asked|raised|addressed)|to discuss|tbc|unclear|unknown|asked|n/a|not applicable|needs|need|required|requirements?|recommended|explained|will think|thinking|undecided|unsure|removed|expired|not known|open|raised|to clarify|informed|told|forgot\w*|ask her|ask him|will ring|none at present|not documented|whether)(?!\S)"
)
_STATES = {"postmenopausal": "postmenopausal", "sterilised": "sterilised", "vasectomy": "vasectomy"}


def _contraception(note: Note) -> Iterator[Finding]:
    for mention in note.of("contraception"):
        if mention.experiencer not in {"patient", "partner"}:
            continue
        first, last = note.clause(mention.start)
        words = note.words(first, last)
        full = note.sentence_words(mention.start)
        refusing = _REFUSES.search(words) or re.search(
            r"(?<!\S)(?:flatly no|trying to conceive|trying for a (?:baby|child)|(?:wont|will not|would not|refuses to) use (?:anything|any|it)|says no|said no|no to|never again)(?!\S)",
            full,
        )
        if re.search(r"(?<!\S)(?:maybe|perhaps|will see|we shall see|undecided|not sure|unsure|might)(?!\S)", full):
            status = "pending"
        elif refusing and not re.search(r"(?<!\S)(?:not|does not|did not|has not) (?:refuse|decline|object)", words):
            status = "refuses"
        elif re.search(r"(?<!\S)both (?:agree|agreed|consent|accept)(?!\S)", full) and mention.assertion == "present":
            status = "uses"
        elif (
            mention.assertion == "negated"
            or (
                _TALK.search(words)
                and not re.search(r"(?<!\S)(?:agree\w*|will use|uses|willing|happy to|accepts)(?!\S)", words)
            )
            or mention.assertion in {"uncertain", "hypothetical"}
        ):
            status = "pending"
        elif mention.attributes.get("method") or _USES.search(words):
            status = "uses"
        else:
            status = "pending"
        yield finding(note, "contraception", mention.start, mention.end, {"status": status})
    for mention in note.of("fertility"):
        state = str(mention.attributes["state"])
        if (
            state in _STATES
            and mention.assertion == "present"
            and mention.experiencer in {"patient", "partner"}
            and not _only_symptom(note, mention)
        ):
            yield finding(
                note,
                _STATES[state],
                mention.start,
                mention.end,
                experiencer=mention.experiencer,
                when=dates_of(mention)[0],
            )
    for mention in note.mentions:
        if mention.attributes.get("fertility") == "hysterectomy" and mention.experiencer in {"patient", "partner"}:
            own = note.norms[mention.start] in {"no", "without", "has"}
            if mention.assertion == "present" or (own and mention.assertion == "negated"):
                yield finding(
                    note,
                    "hysterectomy",
                    mention.start,
                    mention.end,
                    experiencer=mention.experiencer,
                    when=dates_of(mention)[0],
                )


def _only_symptom(note: Note, mention: Mention) -> bool:
    after = note.after(mention.end, 2)
    before = note.before(mention.start, 3)
    return bool(
        set(after)
        & {
            "reversed",
            "reversal",
            "undone",
            "symptoms",
            "flushes",
            "clinic",
            "approaching",
            "expected",
            "not",
            "starting",
        }
    ) or bool(
        set(before)
        & {"approaching", "near", "nearing", "not", "before", "entering", "towards", "reversed", "reversal", "yet"}
    )


# -------------------------------------------------------------------------------------------- pregnancy

_PAST_PREGNANCY = frozenset(
    [
        "previous",
        "past",
        "first",
        "last",
        "second",
        "third",
        "history",
        "complications",
        "ectopic",
        "miscarriage",
        "loss",
        "terminated",
        "during",
        "after",
        "uneventful",
        "in",
        "her",
        "two",
        "three",
    ]
)


#: Weeks of pregnancy as obstetrics writes them: '7/40', '9+3/40', 'dating scan: 8 weeks'.
_GESTATION = re.compile(r"(?<!\S)(?:(?P<w>\d{1,2})(?: ?\+ ?[0-6])? ?/ ?40)(?!\S)")
_DATING_SCAN = re.compile(
    r"(?<!\S)(?:dating|booking|antenatal|obstetric|nuchal|viability) (?:ultra)?(?:scan|sound|us)(?: (?:today|yesterday|shows|showed|at|of|says|gives|:|-|=|about))* (?P<w>\d{1,2}) (?:weeks|wks|w|/ 40)(?!\S)"
)
#: 'Breast + bottle', 'mixed feeding', 'breast and formula': still breastfeeding in part.
_MIXED_FEEDING = re.compile(
    r"(?<!\S)(?:breast ?(?:\+|and|&|/|plus) ?(?:bottle|formula)|(?:bottle|formula) ?(?:\+|and|&|/|plus) ?breast|(?:mixed|combination|part|partly|partial|half) (?:feeding|feeds|fed|breast feeding|breastfeeding)|expressing (?:milk|breast milk))(?!\S)"
)


def _pregnancy(note: Note) -> Iterator[Finding]:
    for mention in note.of("pregnancy"):
        if not mention.is_patient or _kin_follows(note, mention):
            continue
        before = set(note.before(mention.start, 3))
        when, _ = dates_of(mention)
        if mention.assertion == "present":
            if (
                (
                    before & _PAST_PREGNANCY
                    and note.norms[mention.start] != "pregnant"
                    and not re.search(r"\d+ (?:weeks|wks|months|/ 40)(?! ago)", " ".join(note.after(mention.end, 6)))
                )
                or (when.latest is not None and (note.today - when.latest).days > 300)
                or note.norms[mention.start] in {"pregnancies"}
            ):
                continue
            bare = note.norms[mention.start] == "pregnancy" and not mention.affirmed
            yield finding(
                note,
                "pregnancy",
                mention.start,
                mention.end,
                assertion="uncertain"
                if bare
                and not re.search(r"\d+ (?:weeks|wks|/ 40)(?! ago)", " ".join(note.after(mention.end, 6)))
                and not before & {"current", "ongoing", "early", "week", "weeks", "month", "months"}
                else "present",
                cue=mention.cue,
            )
        elif mention.assertion in {"negated", "uncertain"}:
            yield finding(note, "pregnancy", mention.start, mention.end, assertion=mention.assertion, cue=mention.cue)
    for mention in note.of("pregnancy_test"):
        if mention.is_patient:
            positive = mention.affirmed
            yield finding(
                note,
                "pregnancy" if positive else "pregnancy_test",
                mention.start,
                mention.end,
                assertion="present" if positive else mention.assertion,
                cue=mention.cue,
            )
    for _, start, end in note.find(_MIXED_FEEDING):
        yield finding(note, "lactation", start, end)
    for match, start, end in note.find(_GESTATION) if "40" in note.reading else ():
        scan = re.search(
            r"(?<!\S)(?:scan|dating|dates|hcg|pregnan\w*|gestation\w*|fetal|foetal|fetus|foetus|antenatal|obstetric\w*|midwife|lmp|booking|trimester|viable|heartbeat)(?!\S)",
            note.sentence_words(start),
        )
        if (
            scan
            and not re.search(
                r"(?<!\S)(?:baby|born|delivered|old|ago|in \d+ / 40|at \d+ / 40)(?!\S)",
                note.words(max(note.sentence(start)[0], start - 3), min(note.sentence(start)[1], end + 2)),
            )
            and int(match["w"]) < 43
            and not any(
                c.group == "kin" and note.segment(c.start).index == note.segment(start).index
                for c in note.cues_around(start)
            )
        ):
            yield finding(note, "pregnancy", start, end)
    for match, start, end in note.find(_DATING_SCAN) if "scan" in note.reading else ():
        if int(match["w"]) < 43 and not any(
            c.group == "kin" and note.segment(c.start).index == note.segment(start).index
            for c in note.cues_around(start)
        ):
            yield finding(note, "pregnancy", start, end)
    for mention in note.of("lactation"):
        if not mention.is_patient:
            continue
        words = note.words(*note.clause(mention.start))
        if note.words(mention.start, mention.end) == "bf" and mention.assertion != "negated":
            continue
        if re.search(
            r"(?<!\S)(?:not (?:yet )?(?:asked|recorded|known|documented|stated|discussed|addressed|mentioned|established|enquired)|unasked|to ask|unknown)(?!\S)",
            note.words(max(note.clause(mention.start)[0], mention.start - 2), mention.start)
            + " "
            + note.words(mention.end, min(note.clause(mention.start)[1], mention.end + 5)),
        ) and not re.search(
            r"(?<!\S)(?:and|\+|plus|mixed|also) (?:\S+ )?(?:bottle|formula)|(?:bottle|formula) (?:and|\+|plus)", words
        ):
            continue
        if re.search(r"(?<!\S)(?:bottle|formula)$", " ".join(note.before(mention.start, 1))) or re.match(
            r"(?:her |all |both |the )*(?:two|three|four|five|all|both|other|older|elder|first|previous|earlier) (?:children|babies|kids|child|ones|sons|daughters)",
            " ".join(note.after(mention.end, 4)),
        ):
            continue
        ended = re.search(
            r"(?<!\S)(?:stopped|weaned|ended|finished|no longer|ceased|gave up|until (?:\d|last)|bottle fed now|has stopped|discontinued)(?!\S)",
            words,
        )
        when, until = dates_of(mention)
        old = when.latest is not None and (note.today - when.latest).days > 400 and "since" not in words
        if ended or old or until.known:
            assertion = "negated"
        elif mention.assertion in {"planned", "hypothetical"}:
            continue
        else:
            assertion = mention.assertion
        yield finding(note, "lactation", mention.start, mention.end, assertion=assertion, cue=mention.cue)


def _kin_follows(note: Note, mention: Mention) -> bool:
    return any(
        cue.group == "kin" and note.norms[cue.start] != "twin" and 0 <= cue.start - mention.end <= 1
        for cue in note.cues_around(mention.start)
    )


# --------------------------------------------------------------------------------------------- vaccines

_FIRM = re.compile(
    r"(?<!\S)(?:to be (?:given|administered|done|had)|plan\w*|booked|scheduled|due|will|to have|to get|to receive|listed|going to|arranged|appointment|next|needs|wants|intends|tomorrow|upcoming|is to)(?!\S)"
)
_LOOSE = re.compile(
    r"(?<!\S)(?:consider\w*|discuss\w*|offered|recommend\w*|suggest\w*|advised|asked about|asks about|thinking|might|perhaps|if|possible|possibly|whether|unsure|would)(?!\S)"
)
_CALLED_OFF = re.compile(
    r"(?<!\S)(?:declin\w+|refus\w+|cancel\w+|called off|postponed|deferred|advised against|not to have|turned down|put off|held off|will not|wont|avoid\w*|no longer|contraindicated|never had)(?!\S)"
)
_LATER = re.compile(
    r"(?<!\S)(?:after (?:the )?(?:study|trial|treatment|completion|sparc|participation)|once (?:the )?(?:study|treatment)|in (?:2027|2028|2029)|after (?:she|he) (?:finishes|has finished|completes))(?!\S)"
)


def _vaccines(note: Note) -> Iterator[Finding]:
    """Vaccines by name, live or not; given, planned or denied."""
    for match, start, end in note.find(_NO_LIVE):
        if "ones" in match.group() and any(m.group == "vaccine" for m in note.around(start)):
            yield finding(note, "vaccine", start, end, {"live": True}, assertion="negated", cue=note.norms[start])
    for mention in [*note.of("vaccine"), *_bare_mmr(note)]:
        if not mention.is_patient or mention.superseded:
            continue
        label = note.layout.segments[mention.segment + 1 : mention.segment + 2]
        if (
            mention.concept == "vaccine_unspecified"
            and label
            and label[0].link == ":"
            and mention.assertion == "present"
        ):
            continue
        first, last = note.clause(mention.start)
        words = note.words(first, last)
        if re.search(r"(?<!\S)neither (?:had|given|received) nor (?:plans?|planned)", words):
            mention.assertion, mention.cue = "negated", "neither"
        live = mention.attributes.get("live")
        if (
            live is None
            and re.search(r"(?<!\S)(?:live|attenuated)(?!\S)", words)
            and not re.search(r"(?<!\S)(?:not|non) live", words)
        ):
            live = True
        elif live is None and re.search(
            r"(?<!\S)(?:inactivated|mrna|shingrix|recombinant|non live|not live|killed|covid|flu|influenza|tetanus|pneumococcal)(?!\S)",
            words,
        ):
            live = False
        when, ended = dates_of(mention)
        when = when if when.known else ended
        if not when.known:
            # 'Live flu vaccine 1 February': two names of one vaccine share its date.
            twin = next((m for m in note.of("vaccine") if m.start == mention.end and m.dates), None)
            when = dates_of(twin)[0] if twin is not None else when
        booked = re.search(
            r"(?<!\S)(?:to be|yet to be|must be|shall be) (?:given|administered|done|had|injected|repeated|completed)(?!\S)|(?<!\S)(?:is|are|has|have) (?:been )?(?:booked|scheduled|listed|due|down)(?!\S)|(?<!\S)(?:booked|scheduled|planned|due|listed|arranged) (?:for|in|on|her|him)(?!\S)|(?<!\S)will (?:have|get|receive|be)(?!\S)|(?<!\S)going to (?:have|get)(?!\S)",
            words,
        )
        if (
            booked
            and mention.assertion == "present"
            and not re.search(r"(?<!\S)(?:had|was given|received|got|since done)(?!\S)", words)
        ):
            mention.assertion = "planned"
        if mention.assertion == "negated":
            if mention.concept == "vaccine_unspecified" and live is None and re.search(r"(?<!\S)other(?!\S)", words):
                continue
            yield finding(
                note, "vaccine", mention.start, mention.end, {"live": live}, assertion="negated", cue=mention.cue
            )
            continue
        assertion = mention.assertion
        future = when.earliest is not None and when.earliest > note.today
        if _CALLED_OFF.search(words):
            continue
        if assertion in {"planned", "hypothetical"} or future:
            if _LATER.search(words):
                continue
            given = (
                when.latest is not None
                and when.latest <= note.today
                and not booked
                and re.search(r"(?<!\S)(?:had|received|given|got|was given|done)(?!\S)", words)
            )
            firm = future or _FIRM.search(words) is not None
            assertion = (
                "present"
                if given and not future and not _FIRM.search(words)
                else "planned"
                if firm
                and not (_LOOSE.search(words) and not re.search(r"(?<!\S)(?:booked|scheduled|planned)(?!\S)", words))
                else "uncertain"
            )
        start, end = mention.start, mention.end
        yield finding(
            note,
            "vaccine",
            start,
            end,
            {"live": live, "name": note.words(start, end)},
            assertion=assertion,
            when=when,
            cue=mention.cue,
        )


_NO_LIVE = re.compile(
    r"(?<!\S)(?:no|without) live (?:ones?|vaccines?|vaccinations?|jabs?|virus vaccines?)(?!\S)|(?<!\S)neither (?:had|given|received) nor (?:plans?|planned|wants?|intends?)(?: \S+){0,2} live vaccin\w+(?!\S)|(?<!\S)not (?:had|received|given) (?:any |a )?live vaccin\w+(?!\S)"
)


def _bare_mmr(note: Note) -> Iterator[Mention]:
    """MMR is the vaccine where its clause speaks of one, and mismatch repair otherwise."""
    for mention in note.of("msi_topic"):
        if note.words(mention.start, mention.end) != "mmr":
            continue
        words = note.words(*note.clause(mention.start))
        if re.search(
            r"(?<!\S)(?:vaccin\w*|jab|booster|live|shot|dose|immunis\w*|travel|childhood|given|gp|as a child|measles)(?!\S)",
            words,
        ) and not re.search(r"(?<!\S)(?:ihc|pcr|mss|protein|proteins|tumour|proficient|deficient)(?!\S)", words):
            yield Mention(
                "vaccine_live",
                "vaccine",
                {"live": True},
                mention.start,
                mention.end,
                mention.segment,
                mention.assertion,
                experiencer=mention.experiencer,
                cue=mention.cue,
                dates=mention.dates
                or [
                    d
                    for d in note.dates_around(mention.start)
                    if note.segment(d.start).clause == note.segment(mention.start).clause
                ][:1],
            )


# ----------------------------------------------------------------------------------------------- trials

_NOW = re.compile(
    r"(?<!\S)(?:currently|at present|now|still|ongoing|presently|at the moment|is on|is in|is also in|also in|is taking part|taking part|takes part|is enrolled|enrolled|participating|participates|a participant|remains in|remains on|active in|running|is part of|since|on the|continues in|concurrently|simultaneously|in parallel|at the same time|is filling|already in|receiving|is getting|is randomised|on study)(?!\S)"
)
_ENDED = re.compile(
    r"(?<!\S)(?:left|ended|finished|completed|stopped|came off|come off|last (?:dose|visit|tablet|infusion|treatment|injection|capsule)|until|was in|took part|participated|had been in|had taken part|former|formerly|previous|previously|off (?:\S+ ){0,4}?(?:trial|study)|withdrew|withdrawn|closed|ex|been in|used to|exited|end of|discharged|wash|washed|was on|was part|was enrolled|took|past|earlier|over|concluded|ago|out of|dropped out|had|final)(?!\S)"
)
_SCREENED = re.compile(
    r"(?<!\S)(?:screened (?:only|for)|screen fail\w*|failed screening|screening failure|only screened|never (?:randomised|dosed|enrolled|started|entered|joined|treated)|not (?:enrolled|randomised|dosed|entered|included)|did not (?:enter|enrol|start|join)|was screened|screened out|was not enrolled|did not qualify)(?!\S)"
)
_WISH = re.compile(
    r"(?<!\S)(?:glad|happy to hear|hear about|interested|asks?|asking|asked|wants?|wishes|keen|offer\w*|consider\w*|suitable|eligible|candidate|refer\w*|plan\w*|discuss\w*|leaflet|information|objection|invite\w*|approach\w*|would|could|possible|might|if|thinking|raised|declin\w+|refus\w+|suggest\w*|open to|assessed for|assessment for|about trials|enquir\w*|read about|willing)(?!\S)"
)
_PART = re.compile(
    r"(?<!\S)(?:in|on|took part|taking part|takes part|participat\w+|enrolled|enrols|left|completed|finished|ended|stopped|screened|randomised|last dose|part of|came off|withdr\w+|subject|volunteer\w*|filling|joined|joins|was|is|had|received|since|trial|:|ongoing)(?!\S)"
)
_IN_TRIAL = re.compile(
    r"(?<!\S)(?:participant in (?:\S+ ){0,4}|(?:is |was |been |currently |still |also |now )*(?:in|on|of|from|for|part of|part in|enrolled (?:in|on|into)|participat\w+ (?:in|on)|took part in|taking part in|joined|left|completed|finished|ended|stopped|screened for|randomised (?:in|into|on)|subject (?:in|on|of)|volunteer\w* (?:in|for)|withdrew from|came off|off|exited|dose (?:in|of|on)|filling in)) "
)


#: Where samples go is no study that somebody takes part in.
_COLLECTIONS = frozenset({"biobank", "tissue bank", "tumour bank", "registry"})


#: Where samples go is no study that somebody takes part in.
_COLLECTIONS = frozenset({"biobank", "tissue", "tumour", "bank", "registry"})


def _trials(note: Note) -> Iterator[Finding]:
    done: set[int] = set()
    for mention in note.of("trial"):
        if not mention.is_patient:
            continue
        clause = note.segment(mention.start).clause
        first, last = note.sentence(mention.start)
        words = note.words(*note.clause(mention.start))
        full = note.words(first, last)
        own = note.words(mention.start, mention.end)
        if _is_this_trial(note, mention) or any(
            abs(m.start - mention.start) <= 4 for m in note.same_clause(mention, "consent")
        ):
            continue
        if (
            (mention.concept == "trial_not_drug" and set(own.split()) <= _COLLECTIONS)
            or re.search(r"(?<!\S)(?:trial|study) or no$", " ".join(note.before(mention.start, 3)))
            or re.match(r"or no (?:trial|study)", " ".join(note.after(mention.end, 3)))
            or re.search(r"or no (?:trial|study)$", note.words(max(first, mention.start - 1), mention.end))
        ):
            continue
        drug = _drug(note, mention, full)
        if mention.assertion == "negated":
            if own in {
                "trial",
                "study",
                "trials",
                "studies",
                "trial drug",
                "study drug",
                "trial medication",
                "study medication",
            } and not re.search(
                r"(?<!\S)(?:any|other|another|previous|prior|never|else|drug|clinical|ever|no (?:trial|study|trials|studies)|(?:trials?|studies|study) (?::|-|\?|none|nil|no(?= ?(?:,|;|\.|$)))|(?:not|never) in (?:a |an )?(?:trial|study|trials|studies))(?!\S)",
                words,
            ):
                continue
            if re.search(r"(?<!\S)(?:wants?|wish\w*|interested|keen|willing)(?!\S)", words) and not re.search(
                r"(?<!\S)(?:in|on) (?:any|an|another|a|no)", words
            ):
                continue
            if own in {"no drug", "no drug involved", "not a drug trial"}:
                continue
            if drug is False and mention.concept == "trial_not_drug":
                continue
            yield finding(
                note,
                "trial",
                mention.start,
                mention.end,
                {"drug": drug, "state": "never"},
                assertion="negated",
                cue=mention.cue,
            )
            continue
        if clause in done and mention.concept != "trial_other":
            continue
        if mention.assertion in {"planned", "hypothetical"} and not re.search(
            r"(?<!\S)(?:left|ended|finished|completed|currently|participant|(?:latest|last) dose|is (?:in|on|taking part))(?!\S)",
            words,
        ):
            continue
        state = "screened" if _SCREENED.search(full) else ""
        when, ended = _trial_dates(note, mention)
        if not state:
            now, past = (
                _NOW.search(words),
                _ENDED.search(words) or _ENDED.search(full) if not _NOW.search(words) else _ENDED.search(words),
            )
            if when.known and not ended.known and any(d.role == "since" and d.period == when for d in note.dates):
                past = None
            state = (
                "ended"
                if past
                and not (
                    now
                    and re.search(r"(?<!\S)(?:currently|still|ongoing|at present|at the moment|presently)(?!\S)", words)
                )
                else "current"
                if now
                else "mentioned"
            )
        if ended.earliest is not None and ended.earliest > note.today:
            state, ended = "current", Period()
        if state == "mentioned" and (when.known or ended.known):
            state = "ended"
        if state == "mentioned" and mention.concept == "trial_not_drug":
            state = "current"
        if state == "mentioned" and re.search(
            r"(?<!\S)(?:in|on) (?:a|an|the|another) (?:\S+ ){0,3}(?:trial|study)", words
        ):
            state = "current" if re.search(r"(?<!\S)(?:is|he 's|she 's) (?:also )?(?:in|on)", words) else "ended"
        if state == "mentioned":
            continue
        if mention.concept == "trial_word" and _no_drug_said(note, mention):
            drug = False
        if (
            _WISH.search(words)
            and state != "screened"
            and not re.search(
                r"(?<!\S)(?:currently|left|ended|finished|completed|took part|last dose|participated)(?!\S)", words
            )
        ):
            continue
        if (
            mention.concept == "trial_word"
            and own in {"trial", "study", "trials", "studies", "clinical research", "research"}
            and not _IN_TRIAL.search(note.words(max(first, mention.start - 9), mention.start) + " ")
            and state != "screened"
        ):
            continue
        done.add(clause)
        assertion = "uncertain" if mention.assertion == "uncertain" else "present"
        yield finding(
            note,
            "trial",
            mention.start,
            mention.end,
            {"drug": drug, "state": state},
            assertion=assertion,
            when=when,
            ended=ended,
            cue=mention.cue,
        )


def _no_drug_said(note: Note, mention: Mention) -> bool:
    """'Trial of a phone app (no drug)', 'an exercise trial', 'a study of diets'."""
    words = note.words(mention.start, min(note.sentence(mention.start)[1], mention.end + 9))
    return (
        re.search(
            r"(?<!\S)(?:no (?:drugs?|medication|medicine|imp|tablets?)|without (?:a |any )?(?:drugs?|medication)|non drug|not a drug)(?!\S)"
            r"|^\S+ (?:of|on|about|with|testing) (?:a |an |the |his |her )?(?:\S+ )?(?:app|diets?|diet|exercise|physiotherapy|questionnaires?|sleep|yoga|walking|wearables?|education|acupuncture|nutrition)(?!\S)",
            words,
        )
        is not None
    )


def _is_this_trial(note: Note, mention: Mention) -> bool:
    near = [m for m in note.of("this_trial") if abs(m.start - mention.start) <= 3]
    return any(m.start <= mention.start < m.end or m.end == mention.start or mention.end == m.start for m in near)


def _drug(note: Note, mention: Mention, full: str) -> bool | None:
    if mention.attributes.get("drug") is not None and mention.concept != "trial_other":
        return bool(mention.attributes["drug"])
    number = note.layout.sentence_of(mention.start)
    if any(
        m.concept == "trial_not_drug" and note.layout.sentence_of(m.start) == number for m in note.around(mention.start)
    ):
        return False
    if mention.concept == "trial_other" or re.search(
        r"(?<!\S)(?:drug|tablets?|medication|placebo|infusion|injection|dose|capsules?|vaccine|investigational|agent)(?!\S)",
        full,
    ):
        return True
    return None


def _trial_dates(note: Note, mention: Mention) -> tuple[Period, Period]:
    """When a trial was, and when it ended: a date near 'left', 'ended' or 'last dose' is its end."""
    number = note.layout.sentence_of(mention.start)
    days = [d for d in note.dates_around(mention.start) if note.layout.sentence_of(d.start) == number]
    follow = (
        [
            d
            for d in note.dates_around(mention.start)
            if note.layout.sentence_of(d.start) == number + 1
            and re.match(
                r"(?:it |this |he |she |the (?:study|trial) |last |that )?(?:ended|left|finished|completed|last|stopped|was|came)",
                note.words(*note.layout.sentences[number + 1]),
            )
        ]
        if number + 1 < len(note.layout.sentences)
        else []
    )
    when, ended = Period(), Period()
    for day in [*days, *follow]:
        before = " ".join(note.before(day.start, 7))
        if day.role == "until" or re.search(
            r"(?<!\S)(?:left|ended|finished|completed|stopped|last|until|came off|withdrew|final|end|closed|off|exited|over|dose|concluded|out)(?!\S)",
            before,
        ):
            ended = ended if ended.known else day.period
        elif not when.known and day.role != "for":
            when = day.period
    if not ended.known and when.known and not days:
        ended = when
    return when, ended


# ----------------------------------------------------------------------------------------- investigator

_UNSUITABLE = re.compile(
    r"(?<!\S)(?:(?:pi|investigator|opinion|decision|verdict|judgement)(?: ?(?::|-|=)) (?:exclude|reject|no go|unsuitable|not suitable)|(?:does not|doesnt|did not|cannot|can not|would not|will not) (?:consider|regard|think|judge|find|see|deem|recommend|support|want|accept|approve)|unsuitable|not (?:a )?(?:suitable|eligible|appropriate|fit|good|acceptable|a suitable|a good|a fit|an appropriate)|ineligible|should not (?:be (?:enrolled|included|randomised|entered)|take part|enter|join|participate|go in|go into)|unfit|against (?:inclusion|enrolment|including|enrolling|her|his|entry|participation|taking part|him|admitting)|inappropriate|exclud\w+|would not (?:enrol|include|enter|take|recommend)|will not (?:enrol|include|enter|take)|not to (?:enrol|include|be enrolled|enter)|advises? against|advised against|rejects?|rejected|judged out|too (?:frail|ill|unwell|unreliable|risky)|declined to (?:enrol|include)|does not (?:want|wish) (?:to (?:enrol|include)|her|him)|not (?:be )?(?:enrolled|included)|keeps? (?:him|her) out|rules? (?:him|her) out|ruled (?:him|her) out|unable to comply|vetoe\w+|veto)(?!\S)"
)
_NO_OBJECTION = re.compile(
    r"(?<!\S)(?:(?:other|further|additional) (?:reasons?|objections?|grounds?|concerns?)(?: (?:against|to exclude|for exclusion|for excluding|not to include))?(?: ?(?::|-|=|\?))+ (?:none|nil|no|n|negative)|(?:pi|investigator|researcher|opinion)(?: ?(?::|-|=)) (?:nil|nothing|none|no)(?: (?:else|further|more|other|objections?|reasons?))?(?= ?(?:,|\.|;|$|\)))|(?:doesnt|does not|didnt|did not) (?:see|find|have|know of) (?:any )?(?:other|further) \S+|(?:no|not any|without any|without|any) (?:(?:other|further|additional|more|medical|clinical|psychiatric|remaining) )*(?:reasons?|objections?|concerns?|grounds?|obstacles?|issues?|contraindications?|barriers?|problems?|bar|impediments?|hindrances?|factors?|condition)|(?:nothing|none) (?:else|further|other|more)(?= ?(?:,|\.|;|$|\)))|(?:nothing|no more|nothing more|nothing further|nothing else) (?:further |else |more )?to (?:object|add|say)|no (?:further |other )?(?:reservations?|doubts?|misgivings|qualms|remarks|hesitation)|nothing (?:else |further |more )?(?:against|to exclude|that speaks against|standing|stands|speaks|to keep|to bar|that would|in the way|that should|which would)|sees nothing|finds nothing|knows of nothing|(?:judges?|considers?|finds|deems|thinks|judged|considered|deemed|found|rates|regards) (?:him|her|the patient|pt|them|this patient|patient) (?:to be )?(?:a )?(?:suitable|fit|appropriate|good candidate|acceptable|eligible)|happy to (?:include|enrol|proceed|enter)|suitable (?:in|per|according)|keinen weiteren grund)(?!\S)"
)
_UNDECIDED = re.compile(
    r"(?<!\S)(?:not (?:yet )?(?:asked|reviewed|seen|decided|commented|given)|to (?:review|decide|see|confirm|comment|judge|assess)|awaiting|awaited|pending|will (?:decide|review|see|judge|comment)|opinion (?:pending|awaited|requested|outstanding)|to be asked|yet to|has to|must|should (?:decide|review)|undecided|if the|whether|asked (?:to|for|whether))(?!\S)"
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
    if not writers:
        return
    for number, (first, last) in enumerate(note.layout.sentences):
        words = note.words(first, last)
        if number not in writers and re.search(
            r"(?<!\S)(?:in my (?:judgement|judgment|opinion|view)|i (?:judge|consider|deem|think|find|regard|believe|hold)|to my mind)(?!\S)",
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


def _investigator(note: Note) -> Iterator[Finding]:
    yield from _own_words(note)
    for mention in note.of("investigator"):
        first, last = note.sentence(mention.start)
        words = note.words(first, last)
        against, free = _UNSUITABLE.search(words), _NO_OBJECTION.search(words)
        if free and against and free.start() <= against.start():
            against = None
        if free and re.search(
            r"(?<!\S)(?:has|had|with|raised|raises|expresses|voiced|sees) (?:a |an |some |serious |other |further |grave )*(?:concerns?|objections?|reasons?)(?!\S)",
            words,
        ):
            free = None
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


__all__ = ["of_mention", "read_participation"]
