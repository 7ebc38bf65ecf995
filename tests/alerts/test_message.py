"""What a notification says, in the webhook's body and in a mail."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone
from email import message_from_bytes
from email.policy import default

import pytest

from bot.alerts.message import Notice, notice_of_a_try

from .conftest import NOON

NOTICE = Notice(
    key="alert_0123", ticket="T-12", level="emergency", kind="symptom", flags=("chest_pain", "breathless"),
    participant="P-0003", opened_at=datetime(2026, 11, 24, 3, 59, tzinfo=timezone.utc), made_at=NOON, place=1, places=2, round=1,
)  # fmt: skip


def test_the_webhooks_body() -> None:
    assert json.loads(NOTICE.body()) == {
        "type": "ticket.opened", "timestamp": "2026-11-24T04:00:00+00:00",
        "data": {
            "ticket": "T-12", "level": "emergency", "kind": "symptom", "flags": ["chest_pain", "breathless"],
            "participant": "P-0003", "opened_at": "2026-11-24T11:59:00+08:00", "place": 1, "places": 2, "round": 1,
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "event"),
    [
        ({}, "ticket.opened"), ({"place": 2}, "ticket.escalated"), ({"round": 2}, "ticket.escalated"),
        ({"kind": "test"}, "ticket.test"),
    ],
)  # fmt: skip
def test_the_kind_of_event(changed: dict[str, object], event: str) -> None:
    assert replace(NOTICE, **changed).payload()["type"] == event  # type: ignore[arg-type]


def test_a_mail_in_both_languages_that_carries_the_key() -> None:
    mail = message_from_bytes(
        NOTICE.mail("sparc@hospital.example", "oncall@hospital.example").as_bytes(), policy=default
    )
    assert mail["Subject"] == "[SPARC] EMERGENCY T-12 P-0003"
    assert mail["Message-ID"] == "<alert_0123@hospital.example>"
    assert (mail["To"], mail["Auto-Submitted"], mail["X-Priority"]) == (
        "oncall@hospital.example",
        "auto-generated",
        "1",
    )
    text = mail.get_content()
    for words in (
        "EMERGENCY",
        "紧急",
        "P-0003",
        "chest_pain, breathless",
        "2026-11-24 11:59",
        "ack T-12",
        "number 1 of 2",
    ):
        assert words in text
    assert "{" not in text


def test_a_further_step_and_an_unknown_person_in_a_mail() -> None:
    mail = replace(NOTICE, place=2, participant=None, level="other", flags=()).mail("s@h.org", "o@h.org")
    assert mail["Subject"] == "[SPARC] For the team T-12 - (2/2)"
    assert mail["X-Priority"] is None


def test_repetitions_are_the_same_to_the_byte() -> None:
    assert NOTICE.body() == replace(NOTICE).body()
    assert NOTICE.mail("s@h.org", "o@h.org").as_bytes() == replace(NOTICE).mail("s@h.org", "o@h.org").as_bytes()


def test_a_try_is_of_no_ticket() -> None:
    first, second = notice_of_a_try(NOON), notice_of_a_try(NOON)
    assert first.ticket == "T-0"
    assert first.key != second.key
