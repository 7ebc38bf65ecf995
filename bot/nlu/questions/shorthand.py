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


#: 'What day is it today': of the calendar, not of anybody's visits.
_CALENDAR = re.compile(
    r"\bwhat(?:'s|\s+is)?\s+(?:the\s+|today'?s\s+)?(?:day|date)\s+(?:is\s+)?(?:it|today)\b|今天(?:是)?(?:几号|星期几|周几)",
    re.IGNORECASE,
)


def is_follow_up(mentions: Mentions) -> bool:
    """Whether a message only changes what the question before it was about.

    That is a participant, date, visit or drug after a cue ('what about ...', 'and ...', '...呢'), or a bare participant
    or date without any. A bare visit or drug is a question of its own.
    """
    text = mentions.text
    if _CALENDAR.search(text):
        return False
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


#: Five and more neighbours on a keyboard, one letter over and over, words without a vowel, sounds without a word.
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "poiuytrewq", "lkjhgfdsa", "mnbvcxz")
_REPEATED = re.compile(r"(\w{1,3})\1{3,}")
_NO_WORD = re.compile(r"(?:[bcdfghjklmnpqrstvwxz]{5,}|[啊哦嗯呃额嘎哈呵嘿嘻呀啦哎唉喔噢]{2,})", re.IGNORECASE)
_EMPTY_WORD = re.compile(
    r"\b(?:u+h*m+|u+h+|e+r+m*|the|an?|thing(?:y|s|ie)?|stuff|whatsit|you|know|with|like|and|so|well|that|this|it|of|in|i|mean|"
    r"kind|sort|what|is|was|called|one|or|something|somehow|er|oh|ah|hm+)\b",
    re.IGNORECASE,
)


def is_noise(text: str) -> bool:
    """Whether a message is no words at all ('qwertyuiop', '啊啊哦'), or none that carries anything."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    if not words:
        return not re.search(r"\d", text)
    if not re.search(r"[^\W\d_]", _EMPTY_WORD.sub("", text)):
        return True
    return all(
        any(word[i : i + 4] in row for row in _ROWS for i in range(max(1, len(word) - 3)) if len(word) > 3)
        or _REPEATED.search(word)
        or _NO_WORD.fullmatch(word)
        for word in words
    )
