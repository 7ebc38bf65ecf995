"""Other trials: with a drug or without, going on or ended."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Mention, Note
from bot.nlu.clinical.readers.common import finding
from bot.trial.facts import Finding, Period

_NOW = re.compile(
    r"(?<!\S)(?:currently|at present|now|still|ongoing|presently|at the moment|is on|is in|is also in|also in|is taking part|taking part|takes part|is enrolled|enrolled|participating|participates|a participant|remains in|remains on|active in|running|is part of|since|is since|for (?:\S+ )?(?:weeks|months) in|on the|continues in|concurrently|simultaneously|in parallel|at the same time|is filling|already in|receiving|getting|gets|swallows|swallowing|takes|taking|still taking|enrolled (?:in|on|into)|under|is getting|is randomised|on study)(?!\S)"
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
_COLLECTIONS = frozenset({"biobank", "tissue", "tumour", "bank", "registry"})


def read_trials(note: Note) -> Iterator[Finding]:
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
        if re.match(
            r"(?:specific |related )?(?:procedures?|assessments?|tests?|bloods|nurse|team|coordinator|office|site|centre|entry|start)(?!\S)",
            " ".join(note.after(mention.end, 2)),
        ) and not mention.attributes.get("drug"):
            continue
        if (
            (mention.concept == "trial_not_drug" and set(own.split()) <= _COLLECTIONS)
            or (own.startswith("study ") and note.same_clause(mention, "allergy", "allergy_none"))
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
                r"(?<!\S)(?:any|other|another|previous|prior|never|else|drug|clinical|ever|(?:no|nil|none|without|zero) (?:trial|study|trials|studies|research)|(?:not|never|nor|hasnt|neither)(?: (?:been|ever|yet|taken|take|part|currently|now|enrolled|in|on|of|a|an|any|involved|active|participated|participating|joined|join|has|had|did|for))* (?:trials?|stud(?:y|ies)|research)|(?:trials?|studies|study) (?::|-|\?|none|nil|no(?= ?(?:,|;|\.|$)))|(?:not|never) in (?:a |an )?(?:trial|study|trials|studies))(?!\S)",
                words,
            ):
                continue
            if re.search(r"(?<!\S)(?:wants?|wish\w*|interested|keen|willing)(?!\S)", words) and not re.search(
                r"(?<!\S)(?:in|on) (?:any|an|another|a|no)", words
            ):
                continue
            if own in {"no drug", "no drug involved", "not a drug trial"} or re.search(
                r"(?<!\S)(?:about|regarding|concerning|discuss\w*|asked?|mention\w*|talk\w*)(?: (?:any|a|an|other|the|another))*$",
                " ".join(note.before(mention.start, 3)),
            ):
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
            r"(?<!\S)(?:left|ended|finished|completed|currently|participant|enrolled (?:in|on|into)|taking|takes|(?:latest|last) dose|is (?:in|on|taking part))(?!\S)",
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
        if (
            state == "mentioned"
            and mention.concept == "trial_other"
            and re.match(
                r"(?:on|under|given|has) (?:a |an |the |his |her )?$",
                note.words(max(first, mention.start - 2), mention.start) + " ",
            )
        ):
            state = "current"
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
                r"(?<!\S)(?:currently|since|is in|enrolled|takes part|taking part|left|ended|finished|completed|took part|last dose|participated)(?!\S)",
                words,
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
    opening = note.layout.sentences[number][0]
    # 'Follow-up call 9/6 with Mr H: took part in ...': the day of the call, unless the entry is one of a timeline.
    days = [
        d
        for d in days
        if not (d.end <= mention.start and d.start - opening > 1 and ":" in note.norms[d.end : mention.start])
    ]
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
