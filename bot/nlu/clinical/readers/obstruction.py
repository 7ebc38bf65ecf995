"""Obstruction by the tumour, what relieved it, and stomas."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.nlu.clinical.note import Mention, Note
from bot.nlu.clinical.readers.common import dates_of, finding, of_mention, only_spoken_of
from bot.trial.facts import Finding

_RELIEF = re.compile(
    r"(?<!\S)(?:relieved|resolved|settled|cleared|decompressed|overcome|subsided|treated|managed|bypassed|dealt with|released|solved|opened|passed off|abated|eased|recanalised)(?!\S)"
)


_STILL = re.compile(
    r"(?<!\S)(?:still|again|remains|remain|persists?|persisting|persistent|re obstructed|reobstructed|despite|in spite of|ongoing|continues|not relieved|unrelieved|not resolved|not settled|currently|now|blocked)(?!\S)"
)


_NARROW = re.compile(r"(?:stenos|strictur|stenotic|narrow)")


_NEARLY = re.compile(
    r"(?<!\S)(?:imminent|impending|threatened|threatens|threatening|may|might|could|would|will soon|soon|about to|likely to|risk of|danger of|near|nearly|almost|incipient|verge of|close to|if it|should it|before it|in case it|until it)(?: (?:to|a|an|the|tumour|it|total|complete|partial|full))*$"
)


_OTHER_PASSAGE = frozenset(
    [
        "nose",
        "nasal",
        "ear",
        "ears",
        "airway",
        "airways",
        "artery",
        "arteries",
        "coronary",
        "vein",
        "venous",
        "catheter",
        "line",
        "port",
        "picc",
        "urinary",
        "ureter",
        "ureteric",
        "urethra",
        "kidney",
        "bile",
        "biliary",
        "retinal",
        "bundle",
        "duct",
        "sinus",
        "vessel",
        "vessels",
        "femoral",
        "carotid",
        "graft",
        "bladder",
        "bronchus",
        "bronchial",
        "lvot",
        "rca",
        "lad",
        "tear",
        "eustachian",
        "nerve",
        "labour",
        "pfo",
        "valve",
    ]
)


def _reason_of_none(note: Note, mention: Mention) -> bool:
    """'Free of emergency surgery for bleeding, perforation or obstruction' says nothing of obstruction itself."""
    return mention.present and any(
        m.negated
        and 0 < mention.start - m.end <= 10
        and {"for", "due", "because", "from"} & set(note.norms[m.end : mention.start])
        for m in note.same_sentence(mention, "emergency")
    )


def _elsewhere_blocked(note: Note, mention: Mention) -> bool:
    """'Blocked nose', 'coronary artery occlusion', 'airway obstructed': no bowel."""
    segment = note.segment(mention.start)
    around = note.norms[max(segment.start, mention.start - 3) : min(segment.end, mention.end + 4)]
    return bool(_OTHER_PASSAGE & set(around)) and not {"bowel", "tumour", "rectal", "rectum", "intestinal"} & set(
        around
    )


def obstructions(note: Note) -> Iterator[Finding]:
    for mention in note.of("not_obstructing"):
        if mention.is_patient:
            yield finding(
                note, "obstruction", mention.start, mention.end, assertion="negated", cue=note.norms[mention.start]
            )
    denied = any(m.negated for m in note.of("obstruction")) or bool(note.of("not_obstructing"))
    for mention in note.of("near_obstruction"):
        if denied and _NARROW.match(note.words(mention.start, mention.end)):
            # 'Stenosing but no obstruction'
            continue
        if (
            mention.is_patient
            and mention.assertion == "present"
            and note.norms[mention.start] not in {"stenosis", "narrowing", "stenotic"}
        ):
            yield finding(
                note, "obstruction", mention.start, mention.end, assertion="uncertain", cue=note.norms[mention.start]
            )
    for mention in note.of("obstruction"):
        if not mention.is_patient or mention.superseded or _elsewhere_blocked(note, mention):
            continue
        if _reason_of_none(note, mention) or (mention.present and only_spoken_of(note, mention)):
            continue
        if mention.present and _NEARLY.search(" ".join(note.before(mention.start, 4))):
            mention.assertion = "uncertain"
        if mention.assertion == "present" and set(note.after(mention.end, 2)) & {
            "impending",
            "imminent",
            "threatening",
            "threatened",
            "looming",
            "near",
            "risk",
        }:
            mention.assertion = "uncertain"
        words = note.sentence_words(mention.start)
        if note.norms[mention.start] == "obstructive" and mention.end - mention.start == 1 and not mention.negated:
            continue
        following = _next_sentence(note, mention.start)
        relief = _RELIEF.search(words) is not None
        still = (
            re.search(
                r"(?<!\S)(?:still|again|remains|persist\w*|re obstructed|reobstructed|unrelieved|not relieved|despite|in spite)(?!\S)",
                words,
            )
            is not None
        )
        by = ""
        if re.search(
            r"(?<!\S)(?:by itself|spontaneously|on its own|without intervention|with enemas?|after laxatives)(?!\S)",
            words,
        ):
            by = "self"
        elif re.search(r"(?<!\S)stent\w*(?!\S)", words + " " + following) and re.search(
            r"(?<!\S)stent\w* (?:\S+ ){0,3}(?:failed|impossible|not possible|unsuccessful|abandoned|slipped|migrated|blocked)|(?:failed|unsuccessful|attempted|no) (?:\S+ )?stent",
            words + " " + following,
        ):
            by = ""
        elif re.search(r"(?<!\S)stent\w*(?!\S)", words) or (
            re.search(r"(?<!\S)stent\w*(?!\S)", following)
            and re.search(
                r"(?<!\S)(?:passing|passes|passed|freely|relie\w+|resolved|settled|decompressed|works|working|open|opened|patent|since|well|good)(?!\S)",
                following,
            )
        ):
            by = "stent"
        elif relief and not any(m.group == "stoma" for m in note.same_sentence(mention, "stoma")):
            by = "self"
        elif re.search(
            r"^(?:it |this |which )?(?:has |have |was |were |since )*(?:relieved|resolved|settled)|^stent", following
        ):
            by = "stent" if "stent" in following else "" if "stoma" in following or "ostomy" in following else "self"
        assertion = mention.assertion if mention.assertion in {"present", "negated", "uncertain"} else "uncertain"
        yield finding(
            note,
            "obstruction",
            mention.start,
            mention.end,
            {"relieved_by": by or None, "still": still},
            assertion=assertion,
            when=dates_of(mention)[0],
            cue=mention.cue,
            historical=mention.historical,
        )
    for mention in note.of("stoma"):
        if mention.is_patient and mention.assertion == "present" and _stoma_to_come(note, mention):
            mention.assertion = "planned"
        if (
            mention.is_patient
            and mention.assertion == "present"
            and _NOT_MADE.match(" ".join(note.after(mention.end, 6)))
        ):
            mention.assertion = "negated"
        if (
            mention.is_patient
            and re.search(
                r"(?<!\S)(?:prepared for|preparing for|awaiting|needs|need of|requires|for|on the list for|going for|waiting for|booked for|listed for|asked for|marked for|consented for|candidate for)(?: (?:a|an|the|his|her|loop|defunctioning|urgent))*$",
                " ".join(note.before(mention.start, 6)),
            )
            and not dates_of(mention)[0].known
            and not re.search(r"(?<!\S)(?:theatre|operated|taken|took)(?!\S)", " ".join(note.before(mention.start, 12)))
        ):
            mention.assertion = "planned"
        if mention.present and _taken_down(note, mention):
            continue
        if mention.is_patient and mention.assertion in {"present", "negated", "planned"}:
            made = mention.assertion == "present" or (mention.assertion == "planned" and made_already(note, mention))
            yield of_mention_as(note, mention, "stoma", "present" if made else mention.assertion)


_TAKEN_DOWN = re.compile(
    r"(?<!\S)(?:reversed|reversal|closed|closure|taken down|takedown|take down|put back|restored|reconnected|rejoined)(?!\S)"
)


def _taken_down(note: Note, mention: Mention) -> bool:
    """'Ileostomy from 2001, reversed in 2002': a stoma that is gone relieves nothing."""
    segment = note.segment(mention.start)
    head = " ".join(note.before(mention.start, 4))
    tail = " ".join(note.after(mention.end, 7))
    down = _TAKEN_DOWN.search(tail) or re.search(r"(?<!\S)(?:reversal|closure|takedown) of(?: \S+)?$", head)
    to_come = re.search(
        r"(?<!\S)(?:later|planned|to be|will|after|next|not|never|until|before|once|possible|pending)(?!\S)", tail
    )
    return down is not None and to_come is None and segment.end > mention.start


_NOT_MADE = re.compile(
    r"^(?:(?:was|is|has|has been|had been|were) )?(?:not|never|no)(?: (?:yet|been|so far))* (?:made|formed|fashioned|done|created|raised|performed|constructed|given|sited|placed|have|had)(?!\S)"
)


_STOMA_TALK = re.compile(
    r"(?<!\S)(?:consent\w*|decid\w*|decision|re|regarding|whether|needs?|needing|requir\w*|booked|listed|await\w*|plan\w*|consider\w*|offer\w*|discuss\w*|talk\w*|counsel\w*|refus\w*|declin\w*|mark\w*|may|might|will|would|should|could|to have|to get|to form|to fashion|to make|to give|for|about|options?|vs|versus|if|wants?|possible|urgent|ready|prepar\w*|scheduled|asks?|asked|against|undecided)(?!\S)"
)


_STOMA_MADE = re.compile(
    r"(?<!\S)(?:had|has|have|with|formed|fashioned|made|created|raised|done|got|received|given|after|by|since|bears|carries|relieved|underwent|via|through|constructed|sited|placed|now|functioning|working|in situ|post|s/p|brought|for (?:\d+|one|two|three|four|five|six|several|some|many) (?:days?|weeks?|months?|years?))(?!\S)"
)


_STOMA_AFTER = re.compile(
    r"^(?:(?:is|are|was|being|still|formation|has been|tonight|today|now|,|-|\() ?)*(?:to be|booked|planned|under discussion|under consideration|being (?:discussed|considered|planned)|discussed|considered|in the morning|in the (?:afternoon|evening)|siting|marking|marked|sited with|tonight|tomorrow|this (?:evening|afternoon|week)|later|next|pending|awaited|offered|declined|refused|\?|undecided|scheduled|listed|proposed|recommended|advised|needed|required|if|not decided)(?!\S)"
)


def _stoma_to_come(note: Note, mention: Mention) -> bool:
    """A stoma that is only asked consent for, decided about, booked, offered or refused relieves nothing yet."""
    clause = note.clause(mention.start)
    segment = note.segment(mention.start)
    head = note.words(max(segment.start, mention.start - 7), mention.start)
    tail = note.words(mention.end, min(clause[1], mention.end + 7))
    past = [d for d in mention.dates if d.period.latest is not None and d.period.latest < note.today]
    if _STOMA_AFTER.search(tail) and not _STOMA_MADE.search(head):
        return True
    talk = [m.end() for m in _STOMA_TALK.finditer(head)]
    made = [m.end() for m in _STOMA_MADE.finditer(head)]
    if not talk or (past and not re.search(r"(?<!\S)(?:re|whether|decid\w*|decision|refus\w*|declin\w*)(?!\S)", head)):
        return False
    return (not made or max(talk) > max(made)) and not re.match(
        r"(?:formed|fashioned|made|created|raised|done|given|sited|constructed)(?!\S)|(?:, |and |which |that |it |then )*(?:was|has been|got) (?:then |duly |later )?(?:formed|fashioned|made|created|raised|done)",
        tail,
    )


def made_already(note: Note, mention: Mention) -> bool:
    """'relieved by a planned loop colostomy on 9 October': planned means elective where it has been done."""
    first, last = note.sentence(mention.start)
    when, _ = dates_of(mention)
    tail = note.norms[mention.end : min(last, mention.end + 2)]
    if not when.known and tail[-1:] == ["planned"]:
        # 'Loop ileostomy, planned, 6 May 2026'
        near = [day for day in note.dates_around(mention.start) if mention.end < day.start <= mention.end + 4]
        when = near[0].period if near else when
    past = when.latest is not None and when.latest <= note.today
    if not past or not mention.cue.lower().startswith("planned"):
        return False
    words = note.norms[max(first, mention.start - 8) : mention.start]
    if set(words) & {"by", "had", "was", "underwent", "with", "after", "got", "received", "has", "made", "did"}:
        return True
    named = note.words(mention.start, mention.end).split()[0] in {"defunctioned", "diverted"}
    return named or tail[-1:] == ["planned"] or "planned" in words[-3:]


def of_mention_as(note: Note, mention: Mention, concept: str, assertion: str) -> Finding:
    base = of_mention(note, mention, concept)
    return finding(
        note,
        concept,
        mention.start,
        mention.end,
        dict(base.values),
        assertion=assertion,
        when=base.when,
        ended=base.ended,
        cue=mention.cue,
    )


def _next_sentence(note: Note, token: int) -> str:
    number = note.layout.sentence_of(token) + 1
    if number >= len(note.layout.sentences):
        return ""
    return note.words(*note.layout.sentences[number])
