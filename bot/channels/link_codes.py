"""Finding a one-time link code, or a wish to be unlinked, in what somebody wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.nlu.language import fold

#: Letters of other scripts that are drawn like a Latin one. A code in them is seen as a code, so that it is not kept
#: with the conversation, and is then as wrong as any other: nothing is linked by a look-alike.
_LOOK_ALIKES = str.maketrans(
    "АВЕКМНОРСТУХІЈЅԁԛԝавекмнорстухіјѕΑΒΕΖΗΙΚΜΝΟΡΤΥΧαβεζηικμνορτυχ",
    "ABEKMHOPCTYXIJSDQWABEKMHOPCTYXIJSABEZHIKMNOPTYXABEZHIKMNOPTYX",
)
_DASH = "‐‑‒–—−_-"
#: Behind a look-ahead, so that places overlap: in 'hello AB2DE FGHJK' the second and third word are the code.
_CODE = re.compile(
    rf"(?<![A-Za-z0-9{_DASH}])(?=(([A-Za-z0-9]{{5}})\s?([{_DASH}]?)\s?([A-Za-z0-9]{{5}}))(?![A-Za-z0-9{_DASH}]))"
)
#: What may stand around a code in a message that is no more than the code.
_AROUND = re.compile(
    r"(?:hi|hello|hey|please|here|is|it|its|it's|it’s|this|the|my|me|a|to|with|use|link|linking|linkcode|code|account|i|got|"
    r"was|given|have|from|team|study|thanks|thank|you|您好|你好|请|这|是|的|我|我的|这是|关联|绑定|链接|关联码|绑定码|链接码|"
    r"代码|账号|帐号|用|谢谢)*",
    re.IGNORECASE,
)
_NOT_WORDS = re.compile(r"[\W_]+")
_CODE_WORD = re.compile(r"\b(?:link|code)\b|[关链绑][联接定]|代码", re.IGNORECASE)
#: A longer message of a linked account is no handing over of a code, but may be a note with a number in it.
_SHORT = 120
_UNLINK = re.compile(
    r"(?:please\s+|can\s+you\s+|could\s+you\s+)*(?:unlink|disconnect)\s+(?:me|(?:my|this)\s+(?:chat\s+)?account)"
    r"(?:\s+please)?|"
    r"(?:请)?(?:帮我)?(?:解除|取消)(?:我|我的|这个|本)?(?:的)?(?:聊天)?(?:账号|帐号)?(?:的)?(?:关联|绑定|链接)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class FoundCode:
    """A link code in a message.

    Attributes:
        code: as it was written, full-width letters made plain.
        rest: the message without it.
        sure: nothing but a code looks like this; otherwise only the database can tell (ten letters may be a word).
        alone: the message is no more than the code.
    """

    code: str
    rest: str
    sure: bool
    alone: bool


def find_code(text: str) -> FoundCode | None:
    """The first thing in a message that may be a link code."""
    plain = fold(text)
    seen = plain.translate(_LOOK_ALIKES)  # character by character: places stay the same
    best: FoundCode | None = None
    for match in _CODE.finditer(seen):
        start, end = match.span(1)
        token = match[2] + match[4]
        rest = f"{plain[:start]} {plain[end:]}".strip()
        # A long message is more than a code: what stands around each place in it need not be looked through.
        words = _NOT_WORDS.sub("", rest) if len(rest) < _SHORT else None
        alone = words is not None and bool(_AROUND.fullmatch(words))
        mixed = any(sign.isdigit() for sign in token) and any(sign.isalpha() for sign in token)
        capitals = bool(match[3]) and token.isupper()
        named = alone and bool(_CODE_WORD.search(rest))
        sure = named or (mixed and (bool(match[3]) or alone)) or capitals
        if not sure and not (alone and not words):
            continue
        found = FoundCode(plain[start:end], rest, sure, alone)
        if sure:
            return found
        best = best or found
    return best


def for_a_linked_account(found: FoundCode) -> bool:
    """Whether a linked account hands a code over, and does not just write something with a number in it."""
    return found.sure and (found.alone or len(found.rest) < _SHORT)


def asks_to_unlink(text: str) -> bool:
    """Whether a message says 'unlink me', and nothing else."""
    return bool(_UNLINK.fullmatch(fold(text).strip(" \t\n.!。")))
