"""The web chat's settings: what is malformed is said by name, what is missing turns it off."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.config import Settings
from bot.errors import SettingsError

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
REAL = {
    "SPARC_DEMO": "0", "SPARC_WEBHOOK_SECRET": SECRET, "SPARC_WARD_LINE": "+86 10 5555 0100", "SPARC_EMERGENCY_NUMBER": "120",
    "SPARC_ALERT_LINE": "none",
}  # fmt: skip
PORTAL = {"SPARC_WEB_ISSUER": "https://portal.example", "SPARC_WEB_KEYS": "https://portal.example/keys"}


def test_in_demo_mode_it_is_on() -> None:
    web = Settings.from_environment({}).web
    assert web is not None
    assert (web.origin, web.portal, web.demo, web.secure, web.proxies) == (None, None, True, False, 0)
    assert (web.idle, web.lifetime) == (timedelta(minutes=15), timedelta(hours=12))


def test_outside_it_is_off_without_its_address() -> None:
    assert Settings.from_environment(REAL).web is None
    web = Settings.from_environment({**REAL, "SPARC_WEB_ORIGIN": "https://Sparc.Hospital.example:443/"}).web
    assert web is not None
    assert (web.origin, web.demo, web.secure) == ("https://sparc.hospital.example", False, True)


def test_a_portal() -> None:
    web = Settings.from_environment(
        {
            **PORTAL,
            "SPARC_WEB_PORTAL": "https://Portal.example:8443/chat?a=b",
            "SPARC_WEB_ROLES": "a=b=nurse, c =pharmacist,",
        }
    ).web
    assert web is not None
    assert web.portal is not None
    assert web.senders == {"https://portal.example:8443"}
    assert web.portal.roles == (("a=b", "nurse"), ("c", "pharmacist"))
    assert (web.portal.audience, web.portal.role_claim) == ("sparc-assistant", "roles")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("SPARC_WEB_ORIGIN", value) for value in (
            "http://sparc.hospital.example", "sparc.hospital.example", "https://", "https://a/chat", "https://a?b", "https://a#b",
            "https://user@a", "https://a:port", "ftp://a",
        )],
        *[("SPARC_WEB_PORTAL", value) for value in ("portal", "http://portal.example", "javascript:alert(1)", "https://u:p@portal.example")],
        *[("SPARC_WEB_KEYS", value) for value in ("http://portal.example/keys", "https://u:p@portal.example", "file:///etc/passwd")],
        *[("SPARC_WEB_ROLES", value) for value in ("nurses", "=nurse", "nurses=", "nurses=doctor")],
        ("SPARC_WEB_IDLE_MINUTES", "0"), ("SPARC_WEB_SESSION_HOURS", "169"), ("SPARC_WEB_PROXIES", "-1"), ("SPARC_WEB_PROXIES", "6"),
        ("SPARC_WEB_PROXIES", "one"),
    ],
)  # fmt: skip
def test_what_is_malformed_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment({**PORTAL, name: value})


@pytest.mark.parametrize("missing", PORTAL)
def test_an_issuer_and_its_keys_go_together(missing: str) -> None:
    with pytest.raises(SettingsError, match=missing):
        Settings.from_environment({name: value for name, value in PORTAL.items() if name != missing})
