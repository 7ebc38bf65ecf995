"""Vaccines by name: live or not; given, planned or denied."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Mention, Note
from bot.nlu.clinical.readers.common import dates_of, finding
from bot.trial.facts import Finding

_FIRM = re.compile(
    r"(?<!\S)(?:to be (?:given|administered|done|had)|plan\w*|booked|scheduled|due|will|to have|to get|to receive|listed|going to|arranged|appointment|fixed for|set for|slot|next|needs|wants|intends|tomorrow|upcoming|is to)(?!\S)"
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


def read_vaccines(note: Note) -> Iterator[Finding]:
    """Vaccines by name, live or not; given, planned or denied."""
    for match, start, end in note.find(_NO_LIVE):
        if re.search(r"ones?(?!\S)", match.group()) and any(m.group == "vaccine" for m in note.around(start)):
            yield finding(note, "vaccine", start, end, {"live": True}, assertion="negated", cue=note.norms[start])
    for mention in [*note.of("vaccine"), *_bare_mmr(note)]:
        if not mention.is_patient or mention.superseded or _mismatch_repair(note, mention):
            continue
        if re.search(
            r"(?<!\S)(?:asks?|asked|asking|enquired|talked|question)(?: \S+){0,2} (?:about|of|on|regarding)(?: (?:the|any|his|her|travel))*$",
            " ".join(note.before(mention.start, 6)),
        ):
            continue
        label = note.layout.segments[mention.segment + 1 : mention.segment + 2]
        if (
            (
                mention.concept == "vaccine_unspecified"
                or any(label and label[0].start <= m.start < label[0].end for m in note.of("vaccine"))
            )
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
            r"(?<!\S)(?:to be|yet to be|must be|shall be) (?:given|administered|done|had|injected|repeated|completed)(?!\S)|(?<!\S)(?:is|are|has|have) (?:been )?(?:booked|scheduled|listed|due|down)(?!\S)|(?<!\S)(?:booked|scheduled|planned|due|listed|arranged|fixed|set|down|pencilled in|slated|reserved|appointed) (?:for|in|on|her|him)(?!\S)|(?<!\S)(?:an?|the|his|her) (?:appointment|slot|date) (?:for|to)(?!\S)|(?<!\S)appointment : |(?<!\S)will (?:have|get|receive|be)(?!\S)|(?<!\S)going to (?:have|get)(?!\S)",
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


def _mismatch_repair(note: Note, mention: Mention) -> bool:
    """'MMR/MSI', 'MMR status': mismatch repair, no vaccine."""
    return note.words(mention.start, mention.end) == "mmr" and bool(
        {
            "msi",
            "mss",
            "status",
            "result",
            "results",
            "report",
            "retained",
            "expression",
            "ihc",
            "loss",
            "proficient",
            "deficient",
            "protein",
            "proteins",
            "pmmr",
            "dmmr",
        }
        & set(note.norms[max(0, mention.start - 3) : mention.end + 4])
    )


_NO_LIVE = re.compile(
    r"(?<!\S)live (?:ones?|vaccines?|vaccinations?|jabs?)(?: (?:are|were|is|was|have been|deliberately|always|all|strictly|for|life))* (?:avoided|not given|never given|none given|refused|omitted|left out)(?!\S)|(?<!\S)not vaccinated with (?:any )?live vaccines?(?!\S)|"
    r"(?<!\S)(?:no|without|nor) live (?:ones?|vaccines?|vaccinations?|jabs?|virus vaccines?)(?!\S)|(?<!\S)live (?:ones?|vaccines?|vaccinations?|jabs?) ?(?::|-|=)+ (?:neither|none|no|nil|never|not)(?!\S)|(?<!\S)neither (?:had|given|received) nor (?:plans?|planned|wants?|intends?)(?: \S+){0,2} live vaccin\w+(?!\S)|(?<!\S)not (?:had|received|given) (?:any |a )?live vaccin\w+(?!\S)"
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
