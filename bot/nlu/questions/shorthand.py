"""Messages so short that no statistics are needed: 'and P-0009?', 'tomorrow?', 'what about the drip'."""

from __future__ import annotations

import re

from bot.nlu.questions.mentions import Mentions

_CUE = re.compile(
    r"^\W*(?:(?:ok(?:ay)?|so|and|or|but|also|then|now|no|sorry|oh|ah|um|well|wait|actually|please|thanks|hm+)\b[\s,.]*)*"
    r"(?:(?:what|how)(?:'s|\s+is)?\s+about|same\s+(?:question\s+)?(?:for|again\s+for|with)|the\s+same\s+for|ditto|"
    r"i\s+(?:meant?|mean)|(?:i\s+)?meant|not\s+(?:that|this|him|her)|and|also|correction|instead)\b",
    re.IGNORECASE,
)
_ZH_CUE = re.compile(r"^\W*(?:那么?|换成|我(?:是)?说(?:的)?是?|不好意思|不对|还有|那如果是|改成)|呢\W*$")
#: What may stand beside what is named without adding a question of its own.
_FILLER = re.compile(
    r"\b(?:and|or|what|how|about|the|for|on|in|to|with|of|at|my|a|an|is|it|that|this|one|same|again|also|then|ok|okay|so|"
    r"please|pls|thanks|sorry|no|not|but|i|mean|meant|just|now|too|as\s+well|instead|ditto|then|by|well|actually|"
    r"patient|participant|number|correction|question|if|morning|evening|afternoon|him|her|day|visit|other)\b"
    r"|['’]s\b|[那么呢的换成我说是不好意思对还有和跟个了吧在这次药]",
    re.IGNORECASE,
)


def is_follow_up(mentions: Mentions) -> bool:
    """Whether a message only changes what the question before it was about.

    That is a participant, date, visit or drug after a cue ('what about ...', 'and ...', '...呢'), or a bare participant
    or date without any. A bare visit or drug is a question of its own.
    """
    text = mentions.text
    spans = sorted((start, end, kind) for kind, _, start, end in mentions.tagged() if kind != "ticket")
    if not spans or len(text) > 60:
        return False
    rest, done = [], 0
    for start, end, _ in spans:
        rest.append(text[done:start])
        done = max(done, end)
    rest.append(text[done:])
    left = re.sub(r"[\W_]+", "", _FILLER.sub(" ", " ".join(rest)))
    if left:
        return False
    kinds = {kind for _, _, kind in spans}
    return bool(_CUE.match(text) or _ZH_CUE.search(text)) or kinds <= {"participant", "date"}
