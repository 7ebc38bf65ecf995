"""Contraception and fertility of the patient and the partner, pregnancy, lactation."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Mention, Note
from bot.nlu.clinical.readers.age import birth_year
from bot.nlu.clinical.readers.common import dates_of, finding
from bot.trial.facts import Finding

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


def read_contraception(note: Note) -> Iterator[Finding]:
    for mention in note.of("contraception"):
        if mention.experiencer not in {"patient", "partner"}:
            continue
        first, last = note.clause(mention.start)
        words = note.words(first, last)
        full = note.sentence_words(mention.start)
        short = last - first <= 5 and note.sentence(mention.start)[1] - last <= 5
        refusing = _REFUSES.search(full if short else words) or re.search(
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
    yield from _past_the_menopause(note)
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


_TEST_POSITIVE = re.compile(
    r"(?<!\S)(?:positive (?:urine |serum |home )?(?:pregnancy test|hcg|b hcg|beta hcg|upt)|(?:pregnancy test|hcg|beta hcg|upt)(?: (?:is|was|came|back|has|come|turned|out|:|again|today|yesterday))* positive)(?!\S)"
)
_WEANED = re.compile(
    r"(?<!\S)(?:weaned (?:(?:her|the|my) (?:son|daughter|baby|child|infant|youngest|twins|toddler|boy|girl|little one|last)|in (?:january|february|march|april|may|june|july|august|september|october|november|december|\d)|last (?:year|month|week|spring|summer|autumn|winter)|completely|(?:two|three|four|five|six|several|some|\d+) (?:weeks|months|years) ago|since)"
    r"|(?:son|daughter|baby|child|infant|youngest|twins|toddler|boy|girl|little one)(?: (?:is|was|has been|have been|'s|now|already|fully|long|since))* weaned)(?!\S)"
)
#: 'LMP aged 50', 'last period 2015': how long ago the last one was.
_LAST_PERIOD = re.compile(
    r"(?<!\S)(?:lmp|last (?:menstrual |monthly )?(?:period|menses)|(?:periods|menses|menstruation) (?:stopped|ended|ceased|over))(?: (?:was|is|:|at|in|about|around|the|=|since|when|she|of))* (?:(?:aged?|age of) )?(?P<n>(?:19|20)\d\d|[3-6]\d)(?! ?(?:days?|weeks?|/|\.\d))(?!\S)"
)


def _past_the_menopause(note: Note) -> Iterator[Finding]:
    """The last period two years ago or more, by year or by age."""
    year_of_birth = birth_year(note)
    for match, start, end in note.find(_LAST_PERIOD):
        value = int(match["n"])
        if value < 100:
            if year_of_birth is None:
                continue
            value += year_of_birth + 1
        home = note.segment(start)
        if value <= note.today.year - 2 and not any(
            c.group == "kin" and not c.attributes.get("partner") and home.start <= c.start < start
            for c in note.cues_around(start)
        ):
            partner = any(
                c.attributes.get("partner") and home.start <= c.start < start for c in note.cues_around(start)
            )
            yield finding(note, "postmenopausal", start, end, experiencer="partner" if partner else "patient")


def read_pregnancy(note: Note) -> Iterator[Finding]:
    for mention in note.of("pregnancy"):
        if not mention.is_patient or _kin_follows(note, mention):
            continue
        before = set(note.before(mention.start, 3))
        if note.before(mention.start, 1) in (["become"], ["get"], ["getting"], ["becoming"]):
            # 'Wants to become pregnant': not yet.
            continue
        when, _ = dates_of(mention)
        if mention.assertion == "present":
            if (
                (
                    before & _PAST_PREGNANCY
                    and note.norms[mention.start] != "pregnant"
                    and not re.match(
                        r"in (?:her|the) (?:first|second|third|1st|2nd|3rd|last) trimester(?! (?:loss|miscarriage|termination|bleed))",
                        note.words(max(0, mention.start - 3), min(len(note.norms), mention.end + 1)),
                    )
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
                and note.norms[mention.start] != "trimester"
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
    for _, start, end in note.find(_TEST_POSITIVE):
        home = note.segment(start)
        if not re.search(r"(?<!\S)(?:19|20)\d\d(?!\S)", note.sentence_words(start)) and not any(
            c.group in {"kin", "uncertain", "negation"} and home.start <= c.start < end for c in note.cues_around(start)
        ):
            yield finding(note, "pregnancy", start, end)
    for _, start, end in note.find(_WEANED):
        home = note.segment(start)
        if (
            not any(
                c.group in {"kin", "uncertain", "negation", "plan"}
                and c.attributes.get("partner")
                and home.start <= c.start < end
                for c in note.cues_around(start)
            )
            and not any(m.group in {"immunosuppressant", "topical", "treatment"} for m in note.same_clause_at(start))
            and not re.search(
                r"(?<!\S)(?:not|never|half|being|partly|to be)(?: yet)?$", " ".join(note.before(start, 2))
            )
        ):
            yield finding(note, "lactation", start, end, assertion="negated", cue="weaned")
    for _, start, end in note.find(_MIXED_FEEDING):
        yield finding(note, "lactation", start, end)
    for match, start, end in note.find(_GESTATION) if "40" in note.reading else ():
        scan = re.search(
            r"(?<!\S)(?:scan|dating|dates|hcg|pregnan\w*|gestation\w*|fetal|foetal|fetus|foetus|g\d ?p\d|g\d|gravida|antenatal|obstetric\w*|midwife|lmp|booking|trimester|viable|heartbeat)(?!\S)",
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
        if (
            note.words(mention.start, mention.end) == "bf"
            and mention.assertion != "negated"
            and not re.match(
                r"(?:her|the|a|my) (?:\S+ ?){0,4}?(?:baby|son|daughter|child|infant|twins|toddler|month|months|week|weeks|old|boy|girl|newborn)(?!\S)",
                " ".join(note.after(mention.end, 7)),
            )
        ):
            continue
        if note.norms[mention.start - 1 : mention.start] in (["none"], ["nobody"], ["nothing"], ["neither"]):
            mention.assertion, mention.cue = "negated", note.norms[mention.start - 1]
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
        if ended and re.search(
            r"(?<!\S)(?:not|never|hasnt|has not|have not|yet to)(?: yet| \w+)? $", words[: ended.start()][-16:]
        ):
            # 'Has not stopped breastfeeding', 'not yet weaned': it goes on.
            yield finding(note, "lactation", mention.start, mention.end, cue=mention.cue)
            continue
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
        cue.group == "kin" and note.norms[cue.start] not in {"twin", "twins"} and 0 <= cue.start - mention.end <= 1
        for cue in note.cues_around(mention.start)
    )
