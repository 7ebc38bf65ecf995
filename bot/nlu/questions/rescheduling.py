"""Which date of a wish to reschedule is the visit's own, and which the one asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from bot.nlu.dates import DateMention

Role = Literal["visit", "requested"]

_VISIT_NOUN = (
    r"(?:appointment|appt|visit|drip|infusion|chemo\w*|session|radio\w*|radiation|operation|surgery|scan|slot|treatment|"
    r"cycle|date|one|mri|re-?staging|c\dd1|rt\d)"
)
_BEFORE_MOVED = re.compile(
    rf"(?:\bfrom|\binstead\s+of|\brather\s+than|\bnot|\b{_VISIT_NOUN}(?:\s+(?:is|was|booked|planned|due|scheduled))?"
    r"(?:\s+(?:on|for|of|at))?|"
    r"\b(?:cancel|skip|miss|missed|reschedule|resched|rearrange|rebook|move|change|swap|shift|switch|postpone|delay|"
    r"need\s+to\s+move)(?:\s+(?:my|the))?(?:\s+on)?|从|取消|把)\s*(?:the\s+)?$",
    re.IGNORECASE,
)
_BEFORE_REQUESTED = re.compile(
    r"(?:\bto|\bonto|\buntil|\btill|\bmake\s+it|\bcould\s+it\s+be|\bcan\s+it\s+be|\bcome\s+(?:in\s+)?(?:on\s+)?|\bfor|"
    r"\bhave\s+it(?:\s+on)?|\bdo\s+it(?:\s+on)?|\bchance\s+of|\bplease|\bprefer|\brather|\binto|\bhow\s+about|"
    r"\bpossible\s+on|\bfree\s+on|改到|换到|推到|推迟到|挪到|提前到|延到|延期到|改成|换成|改为|换为|到)\s*(?:the\s+)?$",
    re.IGNORECASE,
)
_CANNOT = re.compile(
    r"\b(?:can'?t|cannot|can\s+not|couldn'?t|won'?t|not\s+(?:able|free|available|possible|here)|unable|away|busy|"
    r"doesn'?t\s+(?:work|suit)|does\s+not|no\s+good|wedding|holiday|working|missed|miss|didn'?t|did\s+not|not\s+can)\b"
    r"|来不了|不能来|没空|没时间|有事|不方便|去不了|没来|没去|不行|出差",
    re.IGNORECASE,
)
_AFTER_MOVED = re.compile(
    rf"^(?:['’]s)?\s*(?:的)?\s*(?:{_VISIT_NOUN}\b|输液|化疗|放疗|预约|检查|手术|就诊|那次|点滴|吊针)", re.IGNORECASE
)
_AFTER_REQUESTED = re.compile(
    r"^\s*(?:instead|rather\s+than|(?:would\s+be\s+|is\s+|are\s+|was\s+)?(?:much\s+|a\s+lot\s+)?(?:better|best|easier|fine|ok(?:ay)?|good|free|possible|preferable)\b|"
    r"(?:would\s+|could\s+|does\s+|will\s+|might\s+)?(?:works?|suits?)\b|可以|行|好吗|方便|有空|没问题|来(?!不))",
    re.IGNORECASE,
)
_MOVED_TO_ZH = re.compile(r"(?:改|换|推|推迟|挪|提前|延|延期|调)(?:到|成|为)\s*$")
_LATER = re.compile(r"\blater$", re.IGNORECASE)
_CLAUSE = re.compile(r"[,.;!?，。；！？]|\b(?:and|so|but|can|could|may|instead)\b", re.IGNORECASE)


def roles(text: str, dates: Sequence[DateMention]) -> tuple[Role | None, ...]:
    """One role per date: `visit` for the day that is to be given up, `requested` for the day wanted instead.

    Where the words leave both dates of two open, the first is the visit's, the second the one wanted.
    """
    found = [_role(text, mention) for mention in dates]
    if len(found) > 1:  # 'a week later, on 28 September': the one is counted from the visit, the other says the day
        found = [
            "requested" if _LATER.search(mention.text) else role for mention, role in zip(dates, found, strict=True)
        ]
    if len(found) == 2:
        first, second = found
        if first is None and second is None:
            found = ["visit", "requested"]
        elif first is None:
            found[0] = "requested" if second == "visit" else "visit"
        elif second is None:
            found[1] = "requested" if first == "visit" else "visit"
        elif first == second == "requested":
            found[0] = "visit" if not _strongly_requested(text, dates[0]) else "requested"
    return tuple(found)


def _role(text: str, mention: DateMention) -> Role | None:
    before, after = text[: mention.start], text[mention.end :]
    if re.search(r"(?:\bfrom|\binstead\s+of|\brather\s+than|从)\s*(?:the\s+)?$", before, re.IGNORECASE):
        return "visit"
    if _MOVED_TO_ZH.search(before):
        return "requested"
    if _AFTER_MOVED.match(after) or re.search(r"['’]s$", mention.text):
        return "visit"
    if _strongly_requested(text, mention):
        return "requested"
    if _CANNOT.search(_clause(text, mention)):
        return "visit"
    if _BEFORE_MOVED.search(before):
        return "visit"
    if _AFTER_REQUESTED.match(after) or re.search(
        r"\b(?:can|could|may|shall)\s+(?:i|we|she|he)\b", _clause(text, mention)
    ):
        return "requested"
    return None


def _strongly_requested(text: str, mention: DateMention) -> bool:
    if _AFTER_REQUESTED.match(text[mention.end :]):
        return True
    return bool(_BEFORE_REQUESTED.search(text[: mention.start])) and not _CANNOT.search(_clause(text, mention))


def _clause(text: str, mention: DateMention) -> str:
    start = max(
        (m.end() for m in _CLAUSE.finditer(text, 0, mention.start) if m[0].lower() not in ("can", "could", "may")),
        default=0,
    )
    end = next((m.start() for m in _CLAUSE.finditer(text, mention.end)), len(text))
    return text[start:end].lower()
