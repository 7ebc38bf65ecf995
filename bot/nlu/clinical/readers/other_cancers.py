"""Other cancers: active, treated, in remission."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bot.nlu.clinical.note import Mention, Note
from bot.nlu.clinical.readers.common import dates_of, finding
from bot.nlu.clinical.readers.histology import renamed
from bot.nlu.clinical.readers.place import rectum_named, told_as_past
from bot.nlu.clinical.readers.scope import scope_of
from bot.trial.facts import Finding, Period, shift_months

_HORMONE_NOW = re.compile(
    r"(?<!\S)(?:on|takes?|taking|still on|continues|current|remains on|adjuvant|maintenance|receives|receiving|lifelong|ongoing)(?!\S)"
)
_STOPPED = re.compile(
    r"(?<!\S)(?:stopped|finished|completed|until|ended|off|ceased|course of|years of|previous|past|had|came off|discontinued|to (?:19|20)\d\d)(?!\S)"
)
_SINCE = re.compile(
    r"(?<!\S)(?:since|ever since|since then|thereafter|from then on|to this day|so far|to date|never|afterwards)(?!\S)"
)


def read_other_cancers(note: Note) -> Iterator[Finding]:
    rivals = _one_by_one(note, [m for m in note.of("malignancy") if m.is_patient and m.assertion != "negated"])
    rectal = rectum_named(note)
    for mention in rivals:
        kind = str(mention.attributes["kind"])
        words = note.words(mention.start, mention.end)
        if (
            re.search(r"sigmoid|colon|caec", words)
            and not rectal
            and kind == "cancer"
            and not told_as_past(note, mention)
        ):
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
        if state in {"", "treated"} and _told_elsewhere(note, mention, rivals, state):
            continue
        yield finding(
            note,
            "other_malignancy",
            mention.start,
            mention.end,
            {
                "kind": "skin"
                if kind == "skin" or _not_melanoma(note, mention, kind)
                else "in_situ"
                if kind == "in_situ"
                else "cancer",
                "state": state or None,
                "name": words,
            },
            when=when,
            ended=since,
        )
    yield from _cancers_in_general(note)


def _one_by_one(note: Note, found: list[Mention]) -> list[Mention]:
    """The cancers without the second name of one: 'carcinoma in situ of the cervix (CIN 3)', 'CIN3 (carcinoma in situ)'."""
    out: list[Mention] = []
    for mention in found:
        last = out[-1] if out else None
        if last is not None and last.attributes["kind"] == mention.attributes["kind"]:
            between = note.norms[last.end : mention.start]
            if "(" in between and len(between) <= 5 and ")" not in between and note.segment(mention.start).link == "(":
                continue
        out.append(mention)
    return out


def _not_melanoma(note: Note, mention: Mention, kind: str) -> bool:
    """'Skin cancer (squamous, ear)' is one of those that count as skin cancers."""
    near = set(note.after(mention.end, 5)) | set(note.before(mention.start, 3))
    return kind == "skin_unspecified" and bool(near & {"squamous", "basal", "bcc", "scc", "basalioma", "nonmelanoma"})


def _organ_stems(note: Note, mention: Mention) -> set[str]:
    generic = {"cancer", "carcinoma", "ca", "tumour", "of", "the", "left", "right", "adenocarcinoma", "cell"}
    words = [word for word in note.norms[mention.start : mention.end] if word not in generic]
    return {_SAME_ILLNESS.get(word, word[:4]) for word in words}


#: Short names and the word the rest of a note calls the illness by.
_SAME_ILLNESS = {
    **dict.fromkeys(("aml", "all", "cml", "cll"), "leuk"),
    **dict.fromkeys(("nhl", "dlbcl", "hodgkin", "hodgkins"), "lymp"),
    **dict.fromkeys(("rcc", "renal"), "kidn"),
    **dict.fromkeys(("hcc", "hepatocellular"), "live"),
    **dict.fromkeys(("npc",), "naso"),
    **dict.fromkeys(("prostatic",), "pros"),
}


def _told_elsewhere(note: Note, mention: Mention, rivals: Sequence[Mention], own: str = "") -> bool:
    """Whether another mention of the same cancer tells its state, so that this one adds nothing."""
    stems = _organ_stems(note, mention)
    for rival in rivals:
        same = stems & _organ_stems(note, rival)
        if rival is not mention and same and rival.assertion == "present":
            told = _cancer_state(note, rival, rivals)[0]
            if told and (not own or told in {"remission", "active"}):
                return True
    return False


def _the_tumour_itself(note: Note, mention: Mention) -> bool:
    """'primary rectal lymphoma' is the tumour's own histology."""
    if note.words(mention.start, mention.end) == "adenocarcinoma in situ":
        return True
    before = note.before(mention.start, 2)
    after = note.after(mention.end, 3)
    return bool({"rectal", "anorectal"} & set(before)) or "rectum" in after or renamed(note, mention)


def _cancer_state(note: Note, mention: Mention, rivals: Sequence[Mention]) -> tuple[str, Period, Period]:
    first, last = scope_of(note, mention, rivals)
    when, _ = dates_of(mention)
    states = [m for m in note.of("cancer_state") if first <= m.start < last and m.is_patient]
    text = note.words(first, last)
    remission: Mention | None = None
    treated: Mention | None = None
    active = False
    for state in states:
        kind = str(state.attributes["state"])
        if kind == "active" and state.assertion not in {"negated"}:
            if note.norms[state.start] == "untreated" and note.after(state.end, 1) in (["since"], ["after"]):
                # 'In remission since 2013, untreated since'
                continue
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
    active = active or any(
        first <= m.start < last and m.assertion == "planned" and m.is_patient and m.concept != "rectal_surgery"
        for m in note.of("operation", "treatment")
        if remission is None
        and treated is None
        and m.start > mention.start
        and note.segment(m.start).sentence == note.segment(mention.start).sentence
    )
    if not when.known and treated is not None:
        when = dates_of(treated)[0]
    if not when.known:
        given = [m for m in note.of("treatment", "operation", "transplant") if first <= m.start < last and m.dates]
        when = dates_of(given[0])[0] if given else when
    to_come = any(
        first <= day.start < last and day.period.earliest is not None and day.period.earliest > note.today
        for day in note.dates
    )
    active = active or (to_come and remission is None)
    latest = [
        day.period
        for m in note.of("treatment", "operation")
        if first <= m.start < last and m.present and m.is_patient
        for day in m.dates
        if day.period.earliest is not None and day.period.earliest > shift_months(note.today, -24)
    ]
    if latest and remission is None and not active:
        # Treated within the last two years: in remission for less, if at all.
        when = latest[-1]
    if active and not (
        remission is not None
        and remission.start > mention.start
        and not re.search(r"(?<!\S)(?:active|surveillance|untreated|still on|on treatment|maintenance)(?!\S)", text)
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
        long_ago = any(
            d.role == "at" and d.period.latest is not None and d.period.latest < shift_months(note.today, -12)
            for d in drug.dates
        )
        if now and not stopped and not long_ago:
            return True
        if kind == "hormone" and not stopped and not _STOPPED.search(before) and not drug.historical:
            return True
    return (
        re.search(
            r"(?<!\S)on (?:\S+ )?maintenance|(?:(?:venesections?|phlebotom\w+|injections|infusions) (?:weekly|monthly|regularly|every|as needed)|(?:regular|monthly|weekly|ongoing) (?:venesections?|phlebotom\w+)|(?:instillations?|bcg|injections?|infusions?|therapy|treatment) (?:ongoing|continuing|continues)|ongoing (?:instillations?|bcg|therapy|treatment)|on (?:intravesical )?bcg|on (?:treatment|therapy)|being treated|currently treated|under treatment|metastatic)(?!\S)",
            text,
        )
        is not None
    )


def _treated_by_other_means(note: Note, first: int, last: int, mention: Mention) -> bool:
    return any(
        first <= m.start < last and m.assertion == "present" and m is not mention
        for m in note.of("treatment", "operation", "minor_operation")
    )


def _still_active(note: Note, mention: Mention) -> bool:
    """'Other cancer: prostate, on active surveillance'."""
    return any(
        m.attributes.get("state") == "active" and m.present and m.is_patient and m.start > mention.end
        for m in note.same_sentence(mention, "cancer_state")
    )


_ONLY_CANCER = re.compile(
    r"(?<!\S)(?:(?:the|his|her) (?:only|first and only|one and only|sole) (?:cancer|malignancy|tumour)(?: (?:he|she|the patient) (?:(?:has|had|ever) )+)?(?: (?:in (?:his|her) life|ever))?|not a single (?:cancer|malignancy|tumour) before|first cancer (?:ever|(?:he|she) (?:has )?ever had))(?!\S)"
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
                {"kind": "cancer", "state": "active" if _still_active(note, mention) else None},
                assertion=mention.assertion,
                when=dates_of(mention)[0],
            )
    for _, start, end in note.find(_ONLY_CANCER):
        yield finding(note, "other_malignancy", start, end, {"general": True}, assertion="negated", cue="only")
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
