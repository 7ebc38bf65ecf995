"""An answer's text, card and buttons stay together, and go to nobody but the asker."""

from __future__ import annotations

from typing import Any

import pytest

from bot.channels.output import AnswerCollector

CARD = {"answer": "greeting", "data": {}}


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"text": "hi", "custom": CARD}, {"text": "hi", "custom": CARD}),
        ({"text": "one\n\ntwo\n\nthree", "custom": CARD}, {"text": "one\n\ntwo\n\nthree", "custom": CARD}),
        ({"text": "hi", "custom": {}, "buttons": [], "image": None, "attachment": ""}, {"text": "hi"}),
        ({"text": "hi", "buttons": [{"title": "a", "payload": "a"}]},
         {"text": "hi", "buttons": [{"title": "a", "payload": "a"}]}),
        ({"text": "hi", "template": "utter_x", "elements": [1], "quick_replies": [2]}, {"text": "hi"}),
        ({"custom": CARD}, {"custom": CARD}),
    ],
)  # fmt: skip
async def test_a_message_is_kept_whole(said: dict[str, Any], kept: dict[str, Any]) -> None:
    collector = AnswerCollector("li.wei")
    await collector.send_response("hospital-abc", said)
    assert collector.messages == [{"recipient_id": "li.wei", **kept}]


async def test_messages_stay_in_order() -> None:
    collector = AnswerCollector("li.wei")
    for text in "abc":
        await collector.send_response("x", {"text": text})
    assert [message["text"] for message in collector.messages] == ["a", "b", "c"]


async def test_collectors_share_nothing() -> None:
    one, two = AnswerCollector("a"), AnswerCollector("b")
    await one.send_response("x", {"text": "for a"})
    assert two.messages == []
