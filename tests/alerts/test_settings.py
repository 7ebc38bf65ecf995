"""The settings of notification: what they make, and what they refuse without quoting an address."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.alerts.settings import AlertSettings
from bot.config import Settings
from bot.errors import SettingsError

from .conftest import SECRET

REAL = {
    "SPARC_DEMO": "0", "SPARC_WEBHOOK_SECRET": SECRET, "SPARC_WARD_LINE": "021-5550", "SPARC_EMERGENCY_NUMBER": "120",
}  # fmt: skip
MAIL = {"SPARC_SMTP_URL": "smtp://bot:pa%40ss@mail.example", "SPARC_SMTP_FROM": "sparc@hospital.example"}
LINE = "https://oncall.example/hook?x=1, oncall@hospital.example; deputy@hospital.example, second@hospital.example"


def read(**variables: str) -> AlertSettings:
    return AlertSettings.from_environment(variables, demo=True)


def test_nothing_set_tells_nobody() -> None:
    found = read()
    assert (found.line, found.names, found.declined, found.also) == ((), (), False, frozenset())


def test_a_line_with_all_that_it_needs() -> None:
    found = read(SPARC_ALERT_LINE=LINE, SPARC_ALERT_SECRET=SECRET, **MAIL)
    assert found.names == (("1-webhook", "1-mail"), ("2-mail", "2-mail-2"))
    assert found.line[1][1].address == "second@hospital.example"
    assert found.mail is not None
    assert (found.mail.host, found.mail.port, found.mail.security) == ("mail.example", 587, "starttls")
    assert (found.mail.username, found.mail.password) == ("bot", "pa@ss")
    assert "hospital.example" not in repr(found.line)
    assert "pa@ss" not in repr(found)


@pytest.mark.parametrize(
    ("url", "port", "security"),
    [
        ("smtps://mail.example", 465, "tls"), ("smtp://mail.example:2525", 2525, "starttls"),
        ("smtp+plain://127.0.0.1:2525", 2525, "plain"), ("smtp+plain://localhost", 25, "plain"),
    ],
)  # fmt: skip
def test_mail_servers(url: str, port: int, security: str) -> None:
    found = read(SPARC_ALERT_LINE="a@h.org", SPARC_SMTP_URL=url, SPARC_SMTP_FROM="s@h.org").mail
    assert found is not None
    assert (found.port, found.security) == (port, security)


def test_waits_and_limit() -> None:
    policy = read(SPARC_ALERT_WAIT="emergency=2, other=30", SPARC_ALERT_LIMIT="7").policy
    assert policy.limit == timedelta(minutes=7)
    assert [wait.total_seconds() // 60 for wait in policy.waits.values()] == [2, 15, 30]


@pytest.mark.parametrize(
    ("kind", "level", "also", "expected"),
    [
        ("symptom", "emergency", "", "emergency"), ("symptom", "urgent", "", "urgent"), ("symptom", "routine", "", None),
        ("symptom", "routine", "routine", "other"), ("handoff", None, "", None), ("handoff", None, "handoff", "other"),
        ("reschedule", None, "handoff", None), ("reschedule", None, "handoff, reschedule", "other"),
    ],
)  # fmt: skip
def test_how_pressing_a_ticket_is(kind: str, level: str | None, also: str, expected: str | None) -> None:
    assert read(SPARC_ALERT_ALSO=also).level_of(kind, level) == expected


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        *[({"SPARC_ALERT_LINE": line}, "SPARC_ALERT_LINE: step 1") for line in (
            "http://oncall.example/secret-path", "https://", "https://user:secret@oncall.example", "ftp://secret.example",
            "https://oncall.example/#secret", "https://oncall.example:port", "secret", "@secret.example", "a b@secret.example",
            "https://oncall.example/\u5bc6secret", "a@secret.example,", "\u674e@secret.example",
        )],
        ({"SPARC_ALERT_LINE": "https://a.example; secret"}, "SPARC_ALERT_LINE: step 2"),
        ({"SPARC_ALERT_LINE": "https://a.example"}, "SPARC_ALERT_SECRET: required"),
        ({"SPARC_ALERT_LINE": "https://a.example", "SPARC_ALERT_SECRET": "secret"}, "SPARC_ALERT_SECRET: expected"),
        ({"SPARC_ALERT_LINE": "https://a.example", "SPARC_ALERT_SECRET": "whsec_c2hvcnQ="}, "SPARC_ALERT_SECRET: expected"),
        ({"SPARC_ALERT_LINE": "a@h.org"}, "SPARC_SMTP_URL: required"),
        *[({"SPARC_ALERT_LINE": "a@h.org", "SPARC_SMTP_FROM": "s@h.org", "SPARC_SMTP_URL": url}, "SPARC_SMTP_URL: expected")
          for url in ("mail.example", "http://mail.example", "smtp://", "smtp://u:secret@mail.example:x",
                      "smtp+plain://u:secret@mail.example", "smtp://mail.example/secret", "smtp://mail.example?secret")],
        ({"SPARC_ALERT_LINE": "a@h.org", "SPARC_SMTP_URL": "smtp://mail.example"}, "SPARC_SMTP_FROM: expected"),
        *[({"SPARC_ALERT_WAIT": text}, "SPARC_ALERT_WAIT: expected") for text in
          ("5", "emergency", "emergency=", "emergency=0", "urgent=-1", "urgent=x", "soon=5", "urgent=99999999", "urgent=1.5")],
        *[({"SPARC_ALERT_LIMIT": text}, "SPARC_ALERT_LIMIT: expected") for text in ("0", "x", "-3", "10081", "\u0663")],
        ({"SPARC_ALERT_ALSO": "everything"}, "SPARC_ALERT_ALSO: expected"),
    ],
)  # fmt: skip
def test_what_is_refused_is_named_and_not_quoted(variables: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=f"^{named}") as refused:
        read(**variables)
    assert "secret-path" not in str(refused.value)
    assert "secret.example" not in str(refused.value)
    assert ":secret" not in str(refused.value)


def test_outside_the_demonstration_it_must_be_said_who_is_told() -> None:
    with pytest.raises(SettingsError, match=r"^SPARC_ALERT_LINE: required outside demo mode.*none"):
        Settings.from_environment(REAL)


@pytest.mark.parametrize("line", ["none", "None", " NONE "])
def test_or_that_nobody_is(line: str) -> None:
    found = Settings.from_environment({**REAL, "SPARC_ALERT_LINE": line}).alerts
    assert (found.declined, found.line) == (True, ())


def test_a_real_line_starts() -> None:
    real: dict[str, Any] = {**REAL, **MAIL, "SPARC_ALERT_LINE": LINE, "SPARC_ALERT_SECRET": SECRET}
    assert len(Settings.from_environment(real).alerts.line) == 2
