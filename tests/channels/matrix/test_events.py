"""Reading what a homeserver delivers: what matters is kept, and nothing that people can send makes it fail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.channels.matrix.events import BadTransaction, events_of

ME = "@sparc:hospital.test"


def _event(content: Any, **changes: Any) -> dict[str, Any]:
    event = {
        "event_id": "$1",
        "room_id": "!r",
        "sender": "@li.wei:hospital.test",
        "type": "m.room.message",
        "content": content,
    }
    return {**event, **changes}  # fmt: skip


def _read(*events: Any) -> list[dict[str, Any]]:
    return [dict(event.content) for event in events_of(json.dumps({"events": list(events)}).encode(), ME)]


def _text(body: str, **more: Any) -> dict[str, Any]:
    return _event({"msgtype": "m.text", "body": body, **more})


@pytest.mark.parametrize(
    ("event", "kept"),
    [
        (_text("hello"), {"kind": "message", "text": "hello", "named": False}),
        (_text("hello", **{"m.mentions": {"user_ids": [ME]}}), {"kind": "message", "text": "hello", "named": True}),
        (_text("@sparc:hospital.test hello"), {"kind": "message", "text": "@sparc:hospital.test hello", "named": True}),
        (_text("> <@sparc:hospital.test> chest pain\n> at once\n\nno", **{"m.relates_to": {"m.in_reply_to": {"event_id": "$0"}}}),
         {"kind": "message", "text": "no", "named": False}),
        (_text("* mended", **{"m.new_content": {"msgtype": "m.text", "body": "mended"}, "m.relates_to": {"rel_type": "m.replace"}}),
         {"kind": "message", "text": "mended", "named": False}),
        (_text("in a thread", **{"m.relates_to": {"rel_type": "m.thread", "event_id": "$0"}}),
         {"kind": "message", "text": "in a thread", "named": False, "thread": "$0"}),
        (_event({"msgtype": "m.image", "body": "rash.jpg"}), {"kind": "no_text"}),
        (_event({"msgtype": "m.text", "body": ["a"]}), {"kind": "no_text"}),
        (_event({}, type="m.room.encrypted"), {"kind": "encrypted"}),
        (_event({"algorithm": "x"}, type="m.room.encryption", state_key=""), {"kind": "encrypted"}),
        (_event({"membership": "invite"}, type="m.room.member", state_key=ME), {"kind": "invited"}),
        (_event({"membership": "leave"}, type="m.room.member", state_key="@a:b"), {"kind": "left"}),
    ],
)  # fmt: skip
def test_what_is_kept_of_an_event(event: dict[str, Any], kept: dict[str, Any]) -> None:
    assert _read(event) == [kept]


@pytest.mark.parametrize(
    "event",
    [
        "text", None, 7, [], {}, _event({"msgtype": "m.notice", "body": "beep"}), _text("mine", ) | {"sender": ME},
        _event({"membership": "join"}, type="m.room.member", state_key=ME), _event({}, type="m.reaction"),
        _event({}), _text("x") | {"event_id": None}, _text("x") | {"event_id": "$" + "a" * 255}, _text("x") | {"room_id": ["!r"]},
        _text("x") | {"sender": ""}, _text("x") | {"sender": "li.wei"}, _text("x") | {"sender": "@li.wei"}, _text("x") | {"sender": "@li.wei:"}, _text("x") | {"sender": "@a\n:b"}, _event("text", type="m.room.member", state_key=ME),
        _event({"membership": ["invite"]}, type="m.room.member", state_key=ME), _event({"membership": "leave"}, type="m.room.member", state_key=ME),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_passed_over(event: Any) -> None:
    assert _read(event, _text("hello")) == [{"kind": "message", "text": "hello", "named": False}]


@pytest.mark.parametrize(
    "content",
    [
        {"msgtype": "m.text", "body": "x", "m.relates_to": "y"}, {"msgtype": "m.text", "body": "x", "m.relates_to": {"m.in_reply_to": 3}},
        {"msgtype": "m.text", "body": "x", "m.mentions": [ME]}, {"msgtype": "m.text", "body": "x", "m.mentions": {"user_ids": ME}},
        {"msgtype": "m.text", "body": "x", "m.new_content": "z", "m.relates_to": {"rel_type": "m.replace"}},
        {"msgtype": "m.text", "body": "x", "m.relates_to": {"rel_type": "m.thread", "event_id": {}}},
    ],
    ids=str,
)  # fmt: skip
def test_odd_relations_do_no_harm(content: dict[str, Any]) -> None:
    assert _read(_event(content)) == [{"kind": "message", "text": "x", "named": False}]


def test_a_senders_word_on_who_they_are_counts_for_nothing() -> None:
    content = {
        "msgtype": "m.text",
        "body": "x",
        "sender": "@zhang.min:hospital.test",
        "role": "nurse",
        "displayname": "Zhang",
    }
    (event,) = events_of(json.dumps({"events": [_event(content)]}).encode(), ME)
    assert event.account == "@li.wei:hospital.test"
    assert set(event.content) == {"kind", "text", "named"}


def test_a_long_text_is_cut_but_seen_to_be_long() -> None:
    (kept,) = _read(_text("a" * 60_000))
    assert len(kept["text"]) == 20_000


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[]", b"7", b'{"events": {}}', b"{}", b"[" * 100_000, b'{"events": null}']
)
def test_a_body_that_no_homeserver_sends(body: bytes) -> None:
    with pytest.raises(BadTransaction):
        events_of(body, ME)
