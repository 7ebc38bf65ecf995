"""Other illness: cancers, autoimmune disease, heart and vessels, transplants, lungs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bot.nlu.clinical.note import Mention, Note
from bot.nlu.clinical.readers.common import dates_of, finding
from bot.nlu.clinical.readers.tumour import renamed
from bot.trial.facts import Finding, Period, Value


def read_illness(note: Note) -> Iterator[Finding]:
    """All findings about other illness."""
    yield from _cancers(note)
    yield from _autoimmune(note)
    yield from _heart(note)
    yield from _transplants(note)
    yield from _lungs(note)


def _scope_of(note: Note, mention: Mention, rivals: Sequence[Mention]) -> tuple[int, int]:
    """The words that go on speaking of an illness: to the next one of its kind, over a following bare sentence."""
    number = note.layout.sentence_of(mention.start)
    first, last = note.layout.sentences[number]
    for step in (1, 2) if mention.group == "malignancy" else (1,):
        if number + step >= len(note.layout.sentences):
            break
        begin, end = note.layout.sentences[number + step]
        if any(
            m.group in _TOPICS or m.group in {"consent", "measure"}
            for m in note.around(mention.start)
            if begin <= m.start < end and not _speaks_on(note, m, mention)
        ):
            break
        last = end
    for rival in rivals:
        if rival is not mention and mention.end <= rival.start < last:
            last = _cut_before(note, mention, rival)
        elif rival is not mention and first <= rival.start < mention.start:
            first = (
                mention.start if note.segment(rival.start).index != note.segment(mention.start).index - 99 else first
            )
    return first, last


def _speaks_on(note: Note, other: Mention, mention: Mention) -> bool:
    """Words that belong to the illness spoken of: 'no treatment now', 'no recurrence', a lung it was treated for."""
    if other.group == "operation":
        return any(m.group == "cancer_state" and m.start <= other.start < m.end for m in note.around(mention.start))
    return other.group in {"untreated", "course", "fertility", "partial_untreated"} or (
        mention.group == "malignancy" and other.group in {"lung", "tumour"} and other.concept != "tumour_word"
    )


def _cut_before(note: Note, mention: Mention, rival: Mention) -> int:
    """Two illnesses in one list item share what follows ('psoriasis and vitiligo, both on creams only')."""
    between = note.norms[mention.end : rival.start]
    if set(between) <= {"and", "&", "/", ",", "plus"}:
        following = note.sentence(rival.start)[1]
        return following
    segment = note.segment(rival.start)
    return max(segment.start if segment.start > mention.end else rival.start, mention.end)


_TOPICS = frozenset(
    {
        "malignancy",
        "autoimmune",
        "cardiovascular",
        "transplant",
        "tumour",
        "histology",
        "site",
        "hepatitis",
        "infection_hiv",
        "lung",
        "stoma",
        "operation",
        "vaccine",
        "trial",
        "course",
        "msi",
        "mmr",
        "metastasis",
        "lesion",
        "contraception",
        "fertility",
        "allergy",
        "allergy_none",
        "obstruction",
        "malignancy_general",
        "autoimmune_general",
        "cardio_general",
        "infection_general",
        "cardiovascular_minor",
        "other_illness",
        "investigator",
        "organ",
        "untreated",
    }
)

# ------------------------------------------------------------------------------------------------ cancers

_HORMONE_NOW = re.compile(
    r"(?<!\S)(?:on|takes?|taking|still on|continues|current|remains on|adjuvant|maintenance|receives|receiving|lifelong|ongoing)(?!\S)"
)
_STOPPED = re.compile(
    r"(?<!\S)(?:stopped|finished|completed|until|ended|off|ceased|course of|years of|previous|past|had|came off|discontinued|to (?:19|20)\d\d)(?!\S)"
)
_SINCE = re.compile(
    r"(?<!\S)(?:since|ever since|since then|thereafter|from then on|to this day|so far|to date|never|afterwards)(?!\S)"
)


def _cancers(note: Note) -> Iterator[Finding]:
    rivals = [m for m in note.of("malignancy") if m.is_patient]
    rectal = any(m.attributes.get("site") == "rectum" for m in note.of("site"))
    for mention in rivals:
        kind = str(mention.attributes["kind"])
        words = note.words(mention.start, mention.end)
        if re.search(r"sigmoid|colon|caec", words) and not rectal and kind == "cancer":
            continue
        if re.search(r"adenocarcinoma|sarcoma|lymphoma|melanoma", words) and _the_tumour_itself(note, mention):
            continue
        if mention.assertion in {"negated", "hypothetical"}:
            continue
        if mention.assertion == "uncertain":
            yield finding(
                note,
                "other_malignancy",
                mention.start,
                mention.end,
                {"kind": kind},
                assertion="uncertain",
                cue=mention.cue,
            )
            continue
        if note.after(mention.end, 1) and note.norms[mention.end] in {
            "follow",
            "clinic",
            "unit",
            "team",
            "service",
            "mdt",
            "department",
        }:
            continue
        state, when, since = _cancer_state(note, mention, rivals)
        if re.search(r"(?<!\S)(?:hormone|actively|currently|now) treated$", " ".join(note.before(mention.start, 2))):
            state = "active"
        if not state and (
            words.startswith(("synchronous", "active", "second primary"))
            or note.before(mention.start, 1)
            in (["synchronous"], ["active"], ["concurrent"], ["untreated"], ["metastatic"])
            or re.search(r"(?<!\S)(?:hormone treated|under hormone)$", " ".join(note.before(mention.start, 2)))
            or re.search(r"(?<!\S)second primary(?!\S)", " ".join(note.before(mention.start, 3)))
        ):
            state = "active"
        if not state and _told_elsewhere(note, mention, rivals):
            continue
        yield finding(
            note,
            "other_malignancy",
            mention.start,
            mention.end,
            {
                "kind": "skin" if kind == "skin" else "in_situ" if kind == "in_situ" else "cancer",
                "state": state or None,
                "name": words,
            },
            when=when,
            ended=since,
        )
    yield from _cancers_in_general(note)


def _organ_stems(note: Note, mention: Mention) -> set[str]:
    generic = {"cancer", "carcinoma", "ca", "tumour", "of", "the", "left", "right", "adenocarcinoma", "cell"}
    return {word[:4] for word in note.norms[mention.start : mention.end] if word not in generic}


def _told_elsewhere(note: Note, mention: Mention, rivals: Sequence[Mention]) -> bool:
    """Whether another mention of the same cancer tells its state, so that this one adds nothing."""
    stems = _organ_stems(note, mention)
    for rival in rivals:
        same = stems & _organ_stems(note, rival)
        if rival is not mention and same and rival.assertion == "present" and _cancer_state(note, rival, rivals)[0]:
            return True
    return False


def _the_tumour_itself(note: Note, mention: Mention) -> bool:
    """'primary rectal lymphoma' is the tumour's own histology."""
    before = note.before(mention.start, 2)
    after = note.after(mention.end, 3)
    return bool({"rectal", "anorectal"} & set(before)) or "rectum" in after or renamed(note, mention)


def _cancer_state(note: Note, mention: Mention, rivals: Sequence[Mention]) -> tuple[str, Period, Period]:
    first, last = _scope_of(note, mention, rivals)
    when, _ = dates_of(mention)
    states = [m for m in note.of("cancer_state") if first <= m.start < last and m.is_patient]
    text = note.words(first, last)
    remission: Mention | None = None
    treated: Mention | None = None
    active = False
    for state in states:
        kind = str(state.attributes["state"])
        if kind == "active" and state.assertion not in {"negated"}:
            if (
                state.concept == "active_state"
                and note.norms[state.start] in {"newly"}
                and "rectal" in " ".join(note.after(state.end, 4))
            ):
                continue
            active = True
        elif kind == "treated" and state.assertion in {"planned", "hypothetical", "uncertain", "negated"}:
            active = active or state.assertion != "uncertain"
        elif kind == "treated" and treated is None:
            treated = state
        elif kind == "remission":
            if state.assertion == "negated" and note.norms[state.start] not in {
                "no",
                "without",
                "never",
                "not",
                "has",
                "free",
            }:
                active = True
            elif state.assertion in {"present", "negated"} and (
                remission is None or (state.dates and not remission.dates)
            ):
                remission = state
    active = active or _under_treatment(note, first, last, text)
    if not when.known and treated is not None:
        when = dates_of(treated)[0]
    if not when.known:
        given = [m for m in note.of("treatment", "operation", "transplant") if first <= m.start < last and m.dates]
        when = dates_of(given[0])[0] if given else when
    if active and not (
        remission is not None
        and remission.start > mention.start
        and not re.search(r"(?<!\S)(?:active|surveillance|untreated|still on|on treatment)(?!\S)", text)
    ):
        return "active", when, Period()
    if remission is not None:
        since = next((d.period for d in remission.dates if d.role in {"since", "for", "at"}), Period())
        if (
            since.known
            and remission.dates
            and remission.dates[0].start < mention.start
            and remission.dates[0].period == when
        ):
            since = Period()
        years = re.search(
            r"(?<!\S)(?P<n>\d+|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty) (?:years?|yrs|y) (?:in (?:complete )?remission|clear|disease free|free|cancer free|out|on|without|recurrence free|relapse free|now|after)",
            text,
        )
        if not since.known and years:
            from bot.nlu.clinical.dates import back, number

            since = Period.on(back(note.today, number(years["n"]), "year"))
        if not since.known and treated is not None:
            since = dates_of(treated)[0]
        return "remission", when, since
    if treated is not None or _treated_by_other_means(note, first, last, mention):
        return "treated", when, Period()
    return "", when, Period()


def _under_treatment(note: Note, first: int, last: int, text: str) -> bool:
    for drug in note.of("treatment"):
        if not first <= drug.start < last or drug.assertion != "present" or not drug.is_patient:
            continue
        before = note.words(max(first, drug.start - 5), drug.start)
        after = note.words(drug.end, min(last, drug.end + 6))
        kind = drug.attributes.get("kind")
        now = re.search(
            r"(?<!\S)(?:on|takes?|taking|still on|continues (?:on|with)?|remains on|maintenance|receives|receiving|lifelong|ongoing|currently|under)(?: \S+){0,2}$",
            before,
        ) or re.search(
            r"^(?:\S+ ){0,1}(?:ongoing|continues|since|to date|lifelong|at present|now|monthly|weekly|currently)", after
        )
        future = any(
            d.role == "until"
            and drug.end <= d.start <= drug.end + 8
            and d.period.earliest
            and d.period.earliest > note.today
            for d in note.dates_around(first)
        )
        if future or re.search(r"(?<!\S)(?:to continue|continues|for life)(?!\S)", after):
            return True
        stopped = _STOPPED.search(after) or re.search(r"(?<!\S)(?:until|finished|completed|stopped|off)(?!\S)", before)
        if now and not stopped:
            return True
        if kind == "hormone" and not stopped and not _STOPPED.search(before) and not drug.historical:
            return True
    return (
        re.search(
            r"(?<!\S)(?:(?:instillations?|bcg|injections?|infusions?|therapy|treatment) (?:ongoing|continuing|continues)|ongoing (?:instillations?|bcg|therapy|treatment)|on (?:intravesical )?bcg|on (?:treatment|therapy)|being treated|currently treated|under treatment|metastatic)(?!\S)",
            text,
        )
        is not None
    )


def _treated_by_other_means(note: Note, first: int, last: int, mention: Mention) -> bool:
    return any(
        first <= m.start < last and m.assertion == "present" and m is not mention
        for m in note.of("treatment", "operation", "minor_operation")
    )


def _cancers_in_general(note: Note) -> Iterator[Finding]:
    for mention in note.of("malignancy_general"):
        if not mention.is_patient:
            continue
        words = note.words(mention.start, mention.end)
        if mention.assertion == "negated":
            yield finding(
                note,
                "other_malignancy",
                mention.start,
                mention.end,
                {"general": True},
                assertion="negated",
                cue=mention.cue,
            )
        elif (
            mention.assertion in {"present", "uncertain"}
            and not any(m.group == "malignancy" for m in note.same_sentence(mention, "malignancy"))
            and not re.search(r"cancers$|malignancies$", words)
            and not re.search(r"(?<!\S)or(?: for| of)?$", " ".join(note.before(mention.start, 3)))
        ):
            after = note.after(mention.end, 2)
            if after[:1] in (["in"], ["treatment"]) or (
                "history" in words and mention.assertion == "present" and not mention.dates
            ):
                continue
            yield finding(
                note,
                "other_malignancy",
                mention.start,
                mention.end,
                {"kind": "cancer"},
                assertion=mention.assertion,
                when=dates_of(mention)[0],
            )
    for mention in note.of("tumour"):
        words = note.words(mention.start, mention.end)
        cue = mention.cue.lower()
        own = {"cancer", "malignancy", "cancers", "tumour"}
        if (
            words in own
            and mention.negated
            and re.search(r"has had no|had no|has no|no|not had", cue)
            and re.search(
                r"(?<!\S)(?:apart from|other than|besides|otherwise|except for|aside from|else|beyond) ?(?:this|it|that|the rectal|his|her)?",
                note.sentence_words(mention.start),
            )
        ) or (
            words in own
            and mention.negated
            and re.search(
                r"never had|no (?:previous|prior|past|other|history|known|personal|further)|denies|history of|not had",
                cue,
            )
            and not re.search(
                r"(?<!\S)(?:rectal|seen|found|residual|visible)(?!\S)", note.words(*note.clause(mention.start))
            )
        ):
            yield finding(
                note,
                "other_malignancy",
                mention.start,
                mention.end,
                {"general": True},
                assertion="negated",
                cue=mention.cue,
            )


# --------------------------------------------------------------------------------------------- autoimmune

_OVER = re.compile(
    r"(?<!\S)(?:resolved|burnt out|burned out|recovered|full recovery|ended|in remission|remission|cured|settled|gone|outgrown|outgrew|healed|cleared|quiescent|inactive|disappeared|no (?:flare|relapse|activity|recurrence|symptoms|further (?:episode|episodes|flares|attacks|trouble))|not recurred|never recurred|never came back|one episode|single episode|over|asymptomatic since|went away|free of (?:it|disease|symptoms)|last flare|last episode|last attack|no relapse|ended)(?!\S)"
)
_PAST = re.compile(
    r"(?<!\S)(?:previous|previously|past|childhood|history of|h/o|as a child|in childhood|former|once|ago|hx of)(?!\S)"
)
_STOP_DRUG = re.compile(
    r"(?<!\S)(?:stopped|until|finished|completed|ended|off|came off|discontinued|withdrawn|last (?:took|taken|dose|given|received|used|needed|required|treated|course|injection)|weaned|tapered|ceased|course of|previously|to (?=(?:19|20)\d\d)|no longer)(?!\S)"
)


def _autoimmune(note: Note) -> Iterator[Finding]:
    rivals = [m for m in note.of("autoimmune") if m.is_patient]
    for mention in rivals:
        exception = str(mention.attributes.get("exception", ""))
        if mention.concept == "alopecia" and re.search(
            r"(?<!\S)(?:androgen\w*|chemo\w*|male pattern|scarring|traction)(?!\S)", note.sentence_words(mention.start)
        ):
            continue
        if mention.assertion in {"negated", "hypothetical", "planned"}:
            continue
        if (
            mention.concept == "other_autoimmune"
            and note.words(mention.start, mention.end) == "ms"
            and note.tokens[mention.start + 1 : mention.start + 2]
            and note.tokens[mention.start + 1].raw[0].isupper()
            and mention.start <= 4
        ):
            continue
        if mention.assertion == "uncertain":
            yield finding(
                note,
                "autoimmune_disease",
                mention.start,
                mention.end,
                {"exception": exception or None},
                assertion="uncertain",
                cue=mention.cue,
            )
            continue
        first, last = _scope_of(note, mention, rivals)
        text = note.words(first, last)
        when, ended = dates_of(mention)
        therapy, therapy_end = _therapy(note, mention, first, last, exception)
        over = _OVER.search(text) is not None
        if over and not ended.known:
            ended = _end_date(note, first, last, when)
        if therapy == "stopped" and exception in {"skin", "graves"}:
            ended = therapy_end
        elif (
            over
            and therapy == "stopped"
            and (not ended.known or (therapy_end.latest and ended.latest and therapy_end.latest > ended.latest))
        ):
            ended = therapy_end if therapy_end.known else ended
        values = {
            "exception": exception or None,
            "treatment": therapy or None,
            "limited": bool(mention.attributes.get("limited")),
            "over": over,
            "past": _PAST.search(note.words(max(first, mention.start - 4), min(last, mention.end + 4))) is not None,
            "name": note.words(mention.start, mention.end),
        }
        if not over and exception not in {"skin", "graves"} and not ended.known:
            ended = Period()
        yield finding(
            note,
            "autoimmune_disease",
            mention.start,
            mention.end,
            dict(values),
            when=when,
            ended=ended,
            historical=mention.historical,
            cue=mention.cue,
        )
    for mention in note.of("autoimmune_general"):
        if not mention.is_patient or mention.assertion in {"hypothetical", "planned"}:
            continue
        if note.norms[mention.start] == "nothing":
            yield finding(
                note,
                "autoimmune_disease",
                mention.start,
                mention.end,
                {"general": True},
                assertion="negated",
                cue="nothing",
            )
            continue
        if mention.assertion == "present" and not re.search(
            r"(?<!\S)(?:known|active|has|with|suspected|history)(?!\S)", note.words(*note.clause(mention.start))
        ):
            continue
        if mention.assertion == "present" and any(
            m.group == "autoimmune" for m in note.same_sentence(mention, "autoimmune")
        ):
            continue
        yield finding(
            note,
            "autoimmune_disease",
            mention.start,
            mention.end,
            {"general": True},
            assertion=mention.assertion,
            cue=mention.cue,
        )


def _end_date(note: Note, first: int, last: int, when: Period) -> Period:
    """The date nearest to the words that say it is over; else the date of the illness itself."""
    text = note.words(first, last)
    match = _OVER.search(text)
    if match is None:
        return Period()
    at = first + len(text[: match.start()].split())
    days = [d for d in note.dates_around(first) if first <= d.start < last]
    after = [d for d in days if d.start >= at and d.start - at <= 8]
    before = [d for d in days if d.end <= at and at - d.end <= 3]
    if after:
        return after[0].period
    if before:
        return before[-1].period
    return when


_ONLY_TOPICAL = re.compile(
    r"(?<!\S)(?:nothing|never|not|no|without)(?: \S+){0,3} (?:more|other|stronger|else|beyond)(?: than)?(?: (?:a|an|the|some|topical|mild|steroid))* (?:creams?|ointments?|topicals?|lotions?|shampoos?|emollients?|topical treatment|steroid cream)(?!\S)"
)


def _therapy(note: Note, mention: Mention, first: int, last: int, exception: str) -> tuple[str, Period]:
    """`systemic`, `stopped` (with its end), `topical`, `none`, `thyroid`, `insulin` or nothing said."""
    if exception in {"diabetes", "hypothyroid"}:
        wanted = "insulin" if exception == "diabetes" else "thyroid"
        drugs = [
            m
            for m in note.of("replacement")
            if m.attributes.get("replaces") == wanted and m.is_patient and m.assertion in {"present"}
        ]
        generic = {
            "replacement",
            "replacement therapy",
            "replacement only",
            "replacement dose",
            "replacement treatment",
            "hormone replacement only",
        }
        drugs = [m for m in drugs if note.words(m.start, m.end) not in generic or first <= m.start < last]
        return (wanted, Period()) if drugs else ("", Period())
    if _ONLY_TOPICAL.search(note.words(first, last)):
        return "topical", Period()
    drugs = [m for m in note.of("immunosuppressant") if first <= m.start < last and m.is_patient]
    stopped: list[Period] = []
    denied = False
    for drug in drugs:
        if drug.assertion in {"planned", "hypothetical", "uncertain"} and not drug.cue.lower().startswith(
            ("needs", "need")
        ):
            continue
        if drug.assertion == "negated":
            denied = True
            continue
        end = _stopped_at(note, drug, first, last)
        if end is None:
            return "systemic", Period()
        stopped.append(end)
    never = [
        m
        for m in note.of("never_treated", "partial_untreated", "untreated")
        if first <= m.start < last and m.is_patient and m.assertion not in {"uncertain", "planned"}
    ]
    if stopped:
        latest = max(stopped, key=lambda p: (p.latest is not None, p.latest or note.today))
        unknown_end = any(not p.known for p in stopped)
        if unknown_end:
            text = note.words(first, last)
            since = [d for d in note.dates_around(mention.start) if first <= d.start < last]
            over_two = re.search(r"(?<!\S)(?:no|without|off|nothing)(?: \S+){0,4} (?:since|for)", text)
            latest = since[-1].period if over_two and since else Period()
        return "stopped", latest
    if never:
        dated = [d for d in note.dates_around(mention.start) if first <= d.start < last and d.start >= never[0].start]
        text = note.words(never[0].start, last)
        if (
            dated
            and re.search(r"(?<!\S)(?:since|for|in the last|in)(?!\S)", text)
            and note.norms[never[0].start] not in {"never", "untreated"}
            and dated[0].role in {"since", "for"}
        ):
            return "stopped", dated[0].period
        return "none", Period()
    if exception == "graves" and any(
        m.attributes.get("replaces") == "thyroid" and m.assertion == "present" and first <= m.start < last
        for m in note.of("replacement")
    ):
        return "thyroid", Period()
    if denied:
        return "none", Period()
    if any(first <= m.start < last and m.assertion == "present" for m in note.of("topical")):
        return "topical", Period()
    return "", Period()


def _stopped_at(note: Note, drug: Mention, first: int, last: int) -> Period | None:
    """When a drug ended; None where it goes on."""
    segment_words = note.words(*note.clause(drug.start))
    window_first, window_last = max(first, drug.start - 6), min(last, drug.end + 9)
    around = note.words(window_first, window_last)
    point = re.search(r"radioiodine|radioactive iodine", note.words(drug.start, drug.end)) is not None
    when, ended = dates_of(drug)
    days = [d for d in note.dates_around(drug.start) if window_first <= d.start < window_last]
    if ended.known:
        return ended
    if (
        _STOP_DRUG.search(around)
        or point
        or (
            re.search(
                r"(?<!\S)(?:had|received|was on|took|treated with|was given|was treated|given|got|course)(?!\S)",
                note.words(window_first, drug.start),
            )
            and days
            and days[0].role == "at"
        )
    ):
        after = [d for d in days if d.start >= drug.start and d.role != "since"]
        if after:
            return after[-1].period
        return when if when.known else days[0].period if days else Period()
    if (
        when.exact is False
        and when.latest is not None
        and when.latest.year < note.today.year
        and any(d.role == "at" and d.period == when for d in drug.dates)
        and not re.search(r"(?<!\S)(?:on|since|still|takes|currently|continues)(?!\S)", segment_words)
    ):
        return when
    return None


# --------------------------------------------------------------------------------------- heart and vessels

_NYHA = re.compile(
    r"(?<!\S)nyha(?: (?:functional|class|grade|stage|fc|:|is|-|\())* (?P<a>iv|i{1,3}|[1-4])(?: ?(?:-|/|to|or) ?(?P<b>iv|i{1,3}|[1-4]))?(?!\S)"
)
_CLASS = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "1": 1, "2": 2, "3": 3, "4": 4}
_RHYTHM_DRUG = re.compile(
    r"(?<!\S)(?:amiodarone|sotalol|flecainide|mexiletine|lidocaine|propafenone|dronedarone|bisoprolol|metoprolol|carvedilol|beta blocker|beta blockers|medication|drug|drugs|drug treatment|antiarrhythmics?|antiarrhythmic drugs?|treated|tablets|requiring (?:drug|medication)|digoxin|procainamide|verapamil|quinidine)(?!\S)"
)
_SYMPTOMS = re.compile(
    r"(?<!\S)(?:symptomatic|breathless\w*|dyspnoea|dyspneic|dyspnea|short of breath|sob|chest pain|acute|admitted|hospital\w*|presented|presenting|collapse\w*|haemoptysis|syncope|massive|submassive|saddle|thrombolys\w*|pleuritic|hypoxi\w+|a&e|emergency|unwell|tachycardi\w+|with symptoms|itu|icu)(?!\S)"
)
_NO_SYMPTOMS = re.compile(
    r"(?<!\S)(?:asymptomatic|incidental\w*|no symptoms?|no sx|without symptoms?|symptom free|symptomless|chance finding|by chance|never symptomatic|not symptomatic|silent|no (?:breathlessness|dyspnoea|chest pain)|found on (?:the )?staging)(?!\S)"
)


def _heart(note: Note) -> Iterator[Finding]:
    failures: set[int] = set()
    for mention in note.of("cardiovascular", "cardiovascular_minor"):
        if (
            not mention.is_patient
            or mention.concept in {"rate_controlled", "stable_angina"}
            or mention.assertion in {"hypothetical", "planned"}
        ):
            continue
        if (
            mention.concept == "myocardial_infarction"
            and note.words(mention.start, mention.end) == "mi"
            and note.after(mention.end, 1) == ["scan"]
        ):
            continue
        values: dict[str, Value] = {}
        text = note.sentence_words(mention.start)
        when, _ = dates_of(mention)
        if mention.concept == "heart_failure":
            number = note.layout.sentence_of(mention.start)
            if number in failures and mention.assertion == "present":
                continue
            match = _NYHA.search(text) or (
                _NYHA.search(note.words(*note.layout.sentences[number + 1]))
                if number + 1 < len(note.layout.sentences)
                else None
            )
            if mention.assertion == "present":
                failures.add(number)
                if match:
                    values["nyha"] = _CLASS[match["a"]]
                    values["nyha_high"] = _CLASS[match["b"]] if match["b"] else _CLASS[match["a"]]
        elif mention.concept == "pulmonary_embolism":
            near = text + " " + _following(note, mention)
            values["incidental"] = _NO_SYMPTOMS.search(near) is not None
            values["symptomatic"] = not values["incidental"] and _SYMPTOMS.search(text) is not None
        elif mention.concept == "severe_arrhythmia":
            words = note.words(*note.clause(mention.start))
            later = re.search(r"(?<!\S)(?:ablat\w+|stopped|off)(?!\S)", words) and not re.search(
                r"(?<!\S)(?:still|despite|in spite|runs|recurr\w+|again|breakthrough|on (?:amiodarone|mexiletine|sotalol|flecainide))(?!\S)",
                words,
            )
            values["on_drug"] = _RHYTHM_DRUG.search(words) is not None and not later
        elif mention.concept in {"arrhythmia"} and mention.assertion == "present":
            continue
        yield finding(
            note,
            mention.concept,
            mention.start,
            mention.end,
            dict(values),
            assertion=mention.assertion,
            when=when,
            historical=mention.historical,
            cue=mention.cue,
        )  # type: ignore[arg-type]
    yield from _named_side_by_side(note)
    for mention in note.of("cardio_general"):
        nothing = (
            note.norms[mention.start] == "nothing"
            or re.match(
                r"(?:: )?(?:no|clear|unremarkable|negative|nil|normal|blank|none)(?: (?:history|events?|disease|problems?|past history))?(?= |$)",
                " ".join(note.after(mention.end, 4)),
            )
            is not None
            or _labelled(note, mention)
        )
        if mention.is_patient and (mention.negated or nothing) and _whole(note, mention):
            yield finding(
                note,
                "cardiovascular_general",
                mention.start,
                mention.end,
                {"covers": str(mention.attributes["covers"])},
                assertion="negated",
                cue=mention.cue or "nothing",
            )


_ORGAN_OF_BLOOD = r"(?:hearts?|cardiac|coronary|cardiology|vessels?|vascular|arteries|circulation|circulatory|brain|cerebral|cerebrovascular|cerebro vascular|neurovascular|neurological vascular|strokes?|cardio|cardiovascular|cv)"
_OF_BLOOD = rf"{_ORGAN_OF_BLOOD}(?: ?(?:,|/|and|or|nor|&|\+|neither)+ ?(?:the |any |no )?{_ORGAN_OF_BLOOD})+"
_TROUBLE = r"(?:history|hx|events?|disease|diseases|illness(?:es)?|problems?|trouble|issues?|conditions?|complaints|morbidity|disorders?|past)"
_ALL_CLEAR = re.compile(
    rf"(?<!\S)(?:{_OF_BLOOD}(?: {_TROUBLE})?(?: ?(?::|-|all|both|are|is|has|have|had|been|each|ever|made|given|caused|,))* (?:no|none|nil|clear|negative|healthy|never(?: (?:any|a|given|caused|made|had|been|any))*|not (?:given|caused|had)(?: any)?|without|free|unaffected|blank|n|nothing)(?: {_TROUBLE})?(?= ?(?:,|\.|;|$|\)|ever|at|of|so|to|reported|known))"
    rf"|(?:no|nil|none|without|never (?:had )?(?:any )?|neither|denies(?: any)?|free of) (?:history of |hx of |any |the |known |past |previous )*{_OF_BLOOD}(?: {_TROUBLE}))(?!\S)"
)


def _named_side_by_side(note: Note) -> Iterator[Finding]:
    """'Heart, vessels and brain: no history', 'no cardiac, vascular or cerebral events': what the words cover together."""
    for match, start, end in note.find(_ALL_CLEAR):
        words = match.group()
        heart = re.search(r"heart|cardi|coronary", words) is not None
        vessels = re.search(r"vess|vascul|arter|circul|brain|cerebr|stroke", words) is not None
        home = note.segment(start)
        spoilt = any(
            c.group in {"kin", "uncertain"} and home.start - 3 <= c.start < end for c in note.cues_around(start)
        ) or re.search(r"(?<!\S)(?:invasion|symptoms|signs|except|but)(?!\S)", " ".join(note.after(end, 2)))
        if not spoilt and (heart or vessels):
            covers = "both" if heart and vessels else "heart" if heart else "vessels"
            yield finding(note, "cardiovascular_general", start, end, {"covers": covers}, assertion="negated", cue="no")


def _labelled(note: Note, mention: Mention) -> bool:
    """'Heart and vessels: no history': both stand before the same answer."""
    text = " ".join(note.after(mention.end, 8))
    return (
        re.match(
            r"(?:(?:and|/|,|or) (?:\S+ )?(?:vessels?|vascular|brain|cerebrovascular|circulation) ?)+ ?: (?:no|none|nil|negative|normal|clear)(?= |$)",
            text,
        )
        is not None
    )


def _whole(note: Note, mention: Mention) -> bool:
    """'No cardiac symptoms' or 'no vascular invasion' deny no history."""
    after = note.after(mention.end, 1)
    return after not in (
        ["symptoms"],
        ["invasion"],
        ["signs"],
        ["murmur"],
        ["medication"],
        ["drugs"],
        ["failure"],
        ["surgery"],
        ["involvement"],
        ["access"],
        ["risk"],
        ["arrest"],
        ["complaints"],
        ["encasement"],
    )


def _following(note: Note, mention: Mention) -> str:
    number = note.layout.sentence_of(mention.start) + 1
    if number >= len(note.layout.sentences):
        return ""
    words = note.words(*note.layout.sentences[number])
    return (
        words
        if re.match(
            r"(?:it |this |he |she |which |that )?(?:was|had|no symptoms|asymptomatic|without|incidental|found|no sx|never|symptom)",
            words,
        )
        else ""
    )


# ---------------------------------------------------------------------------------------------- transplants

_FROM_OTHER = re.compile(
    r"(?<!\S)(?:from (?:a |an |his |her |the |one |another )?(?:\S+ )?(?:brother|sister|sibling|donor|unrelated|mother|father|cousin|twin|daughter|son|stranger|relative)|allogeneic|allogenic|allo|mud|haplo\w*|matched|unrelated|sibling|donor|cord blood|gvhd|graft versus host)(?!\S)"
)
_OWN = re.compile(r"(?<!\S)(?:autologous|auto|own|autograft|self)(?!\S)")


_ORGAN_CAME = re.compile(
    r"(?<!\S)(?:(?:kidneys?|liver|heart|lungs?|pancreas) (?:came|comes|is|was|stems) from (?:a|an|his|her|another|someone|the)(?: \S+)? ?(?:donor|brother|sister|mother|father|person|else|man|woman|stranger|cousin|wife|husband)"
    r"|received (?:a|his|her|one) (?:new )?(?:heart|kidney|liver|lung|pancreas)(?! (?:attack|scan|biopsy|stent|tablet|medication))"
    r"|(?:given|received|got|had|has) (?:his|her|a|the) (?P<kin>brother|sister|mother|father|cousin|son|daughter|sibling|donor|stranger) 's (?P<what>stem cells?|marrow|bone marrow|kidney|liver|cells))(?!\S)"
)


def _transplants(note: Note) -> Iterator[Finding]:
    """Organs and stem cells received, with the donor where it is said; what was given away is left out."""
    for match, start, end in note.find(_ORGAN_CAME):
        cells = match["what"] and ("cell" in match["what"] or "marrow" in match["what"])
        yield finding(note, "transplant", start, end, {"kind": "allogeneic" if cells else "organ"})
    for mention in note.of("transplant", "transplant_general", "transplant_organ_general"):
        if not mention.is_patient:
            continue
        clause_words = note.words(*note.clause(mention.start))
        gave = list(note.same_clause(mention, "transplant_donor"))
        if gave and mention.assertion != "negated":
            continue
        if mention.assertion == "negated":
            kind = {"transplant_general": "any", "transplant_organ_general": "organ"}.get(
                mention.group, str(mention.attributes.get("kind"))
            )
            yield finding(
                note, "transplant", mention.start, mention.end, {"kind": kind}, assertion="negated", cue=mention.cue
            )
            continue
        if mention.assertion in {"planned", "hypothetical"}:
            continue
        kind = str(mention.attributes.get("kind", ""))
        if kind in {"stem_cell", ""}:
            sentence = note.sentence_words(mention.start)
            if kind == "" and not re.search(
                r"(?<!\S)(?:kidney|renal|liver|heart|lung|stem|marrow)(?!\S)", clause_words
            ):
                if mention.group == "transplant_organ_general" or re.search(r"(?<!\S)organ(?!\S)", clause_words):
                    kind = "organ"
                else:
                    continue
            elif kind == "" and re.search(r"(?<!\S)(?:kidney|renal|liver|heart|lung)(?!\S)", clause_words):
                kind = "organ"
            elif _OWN.search(sentence) and not _FROM_OTHER.search(sentence):
                kind = "autologous"
            elif _FROM_OTHER.search(sentence) and not _OWN.search(sentence):
                kind = "allogeneic"
            else:
                kind = "stem_cell"
        if kind == "autologous" and not re.search(
            r"(?<!\S)(?:stem|marrow|transplant\w*|rescue|sct|hsct|bmt|graft|pbsct|asct|cells)(?!\S)",
            note.sentence_words(mention.start),
        ):
            continue
        yield finding(
            note,
            "transplant",
            mention.start,
            mention.end,
            {"kind": kind},
            assertion=mention.assertion,
            when=dates_of(mention)[0],
            cue=mention.cue,
        )


# ---------------------------------------------------------------------------------------------------- lungs


def _lungs(note: Note) -> Iterator[Finding]:
    for mention in note.of("lung"):
        if mention.is_patient and mention.assertion in {"present", "negated", "uncertain"}:
            yield finding(
                note,
                "interstitial_lung",
                mention.start,
                mention.end,
                assertion=mention.assertion,
                when=dates_of(mention)[0],
                cue=mention.cue,
            )
    for mention in note.of("lung_general"):
        if mention.negated and note.after(mention.end, 1) not in (
            ["symptoms"],
            ["infection"],
            ["infections"],
            ["distress"],
            ["compromise"],
        ):
            yield finding(note, "lung_general", mention.start, mention.end, assertion="negated", cue=mention.cue)
