"""After some silence a conversation begins anew: nobody who finds it open goes on where another stopped."""

from __future__ import annotations

import json
import sqlite3
import uuid
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1500)]


def _let_pass(assistant: Any, minutes: float) -> None:
    """Moves all that was said so far into the past."""
    with sqlite3.connect(assistant.settings.home / "conversations.db", timeout=30) as store:
        for sender, recent, updated in store.execute("SELECT sender_id, recent, updated FROM conversations").fetchall():
            events = json.loads(recent)
            for event in events:
                event["timestamp"] -= minutes * 60
            row = (json.dumps(events), updated - minutes * 60, sender)
            store.execute("UPDATE conversations SET recent = ?, updated = ? WHERE sender_id = ?", row)


def _asked(assistant: Any, text: str, room: str) -> tuple[str, str | None]:
    custom = assistant.say("nurse.qiu", text, room)["custom"]
    return custom["answer"], custom["about"]


def test_a_named_participant_is_forgotten_after_the_time_that_is_set(assistant: Any) -> None:
    room = f"session-{uuid.uuid4().hex}"
    assert _asked(assistant, "next visit of P-0102", room) == ("next_visit", "P-0102")
    assert _asked(assistant, "When is the next visit?", room) == ("next_visit", "P-0102")
    _let_pass(assistant, assistant.settings.session_minutes - 1)
    assert _asked(assistant, "When is the next visit?", room) == ("next_visit", "P-0102")
    _let_pass(assistant, assistant.settings.session_minutes + 1)
    assert _asked(assistant, "When is the next visit?", room) == ("clarify", None)


def test_a_pre_check_and_an_open_question_are_forgotten_too(assistant: Any) -> None:
    room = f"session-{uuid.uuid4().hex}"
    assert _asked(assistant, "58M, ECOG 1, cT3N1M0, MSS, 6 cm from the anal verge", room)[0] == "eligibility_check"
    waiting = f"session-{uuid.uuid4().hex}"
    assert _asked(assistant, "When is the next visit?", waiting) == ("clarify", None)
    _let_pass(assistant, assistant.settings.session_minutes + 1)
    assert _asked(assistant, "save", room)[0] != "eligibility_check"
    assert _asked(assistant, "P-0102", waiting)[0] != "next_visit"
