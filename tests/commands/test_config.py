"""Settings: each is checked at the start, and an error names the variable."""

from __future__ import annotations

import stat
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from bot.config import ROOT, Settings, kept_secret
from bot.errors import SettingsError

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
REAL = {
    "SPARC_DEMO": "0", "SPARC_WEBHOOK_SECRET": SECRET, "SPARC_WARD_LINE": "+86 10 5555 0100",
    "SPARC_EMERGENCY_NUMBER": "120", "SPARC_ALERT_LINE": "none",
}  # fmt: skip


def test_nothing_set_is_a_demonstration_on_loopback() -> None:
    settings = Settings.from_environment({})
    assert (settings.host, settings.port, settings.action_port, settings.rate) == ("127.0.0.1", 5005, 5006, 60)
    assert (settings.demo, settings.ward_line, settings.emergency_number) == (True, None, "120")
    assert (settings.home, settings.models) == (ROOT / "var", ROOT / "models")
    assert settings.database_url == f"sqlite+aiosqlite:///{ROOT / 'var' / 'enrolment.db'}"
    assert settings.webhook_secret is None


def test_empty_variables_are_unset_ones() -> None:
    names = ("HOME", "MODELS", "DATABASE_URL", "TRACKER_URL", "HOST", "PORT", "ACTION_PORT", "RATE", "DEMO",
             "WARD_LINE", "EMERGENCY_NUMBER", "CLOCK", "WEBHOOK_SECRET", "ALERT_LINE", "ALERT_SECRET", "ALERT_WAIT",
             "ALERT_LIMIT", "ALERT_ALSO", "SMTP_URL", "SMTP_FROM")  # fmt: skip
    assert Settings.from_environment({f"SPARC_{name}": " " for name in names}) == Settings.from_environment({})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("SPARC_PORT", value) for value in ("x", "0", "-1", "65535", "70000", "5005.0", "5005 5006", "1e3", "0x10")],
        *[("SPARC_ACTION_PORT", value) for value in ("x", "0", "65536", "5005")],
        *[("SPARC_SESSION_MINUTES", value) for value in ("0", "x", "1441", "-5")],
        *[("SPARC_RATE", value) for value in ("x", "-1", "1.5", "1000001", "60/min")],
        *[("SPARC_DEMO", value) for value in ("maybe", "2", "flase", "prod")],
        *[("SPARC_CLOCK", value) for value in ("yesterday", "2026-13-01", "10:00", "2026-06-10T25:00")],
        *[("SPARC_WEBHOOK_SECRET", value) for value in (
            "secret", "whsec_", "whsec_!!!", "whsec_c2hvcnQ=", SECRET.removeprefix("whsec_"), SECRET + "密", "whsec_" + "A" * 21,
        )],
        *[("SPARC_DATABASE_URL", value) for value in ("enrolment.db", "mysql://u:secret-pw@h/d", "sqlite:", "://", "postgresql://")],
        *[("SPARC_TRACKER_URL", value) for value in ("redis://x", "conversations.db")],
        *[("SPARC_REDIS_URL", value) for value in ("127.0.0.1:6379", "http://x", "postgresql://x/y")],
        *[("SPARC_ACTION_URL", value) for value in (
            "127.0.0.1:5006", "ftp://x:1", "http://a:1,", "http://a:1/webhook", "http://u:p@a:1", "http://a:1?x=1",
        )],
        *[("SPARC_ACTION_TOKEN", value) for value in ("short", "with blanks in it all", "密密密密密密密密密密密密密密密密密")],
        ("SPARC_METRICS_TOKEN", "short"),
        *[("SPARC_KEEP_DAYS", value) for value in ("-1", "x", "1.5")],
        ("SPARC_HOME", "~nobody-of-this-name/x"), ("SPARC_MODELS", "~nobody-of-this-name/x"),
    ],
)  # fmt: skip
def test_a_malformed_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: expected"):
        Settings.from_environment({name: value})


@pytest.mark.parametrize("name", [
    "SPARC_WEBHOOK_SECRET", "SPARC_DATABASE_URL", "SPARC_TRACKER_URL", "SPARC_REDIS_URL", "SPARC_ACTION_URL",
])  # fmt: skip
def test_an_error_repeats_no_secret(name: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({name: "mysql://sparc:hunter2hunter2@db/x"})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("name", sorted(set(REAL) - {"SPARC_DEMO"}))
def test_outside_the_demonstration_what_matters_must_be_said(name: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: required"):
        Settings.from_environment({key: value for key, value in REAL.items() if key != name})


def test_a_real_deployment() -> None:
    settings = Settings.from_environment({**REAL, "SPARC_PORT": "8080", "SPARC_RATE": "0", "SPARC_HOST": "0.0.0.0"})
    assert (settings.demo, settings.port, settings.action_port, settings.rate) == (False, 8080, 8081, 0)
    assert settings.ward_line == "+86 10 5555 0100"
    assert settings.signing_secret() == SECRET


@pytest.mark.parametrize(
    ("value", "demo"), [("1", True), ("yes", True), ("ON", True), ("0", False), ("No", False), ("off", False)]
)
def test_yes_and_no(value: str, demo: bool) -> None:
    assert Settings.from_environment({**REAL, "SPARC_DEMO": value}).demo is demo


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("sqlite:///x.db", "sqlite+aiosqlite:///x.db"), ("sqlite+aiosqlite:///x.db", "sqlite+aiosqlite:///x.db"),
        ("postgresql://u:p@h/d", "postgresql+asyncpg://u:p@h/d"), ("postgres://h/d", "postgresql+asyncpg://h/d"),
        ("postgresql+psycopg2://h/d?x=a://b", "postgresql+asyncpg://h/d?x=a://b"),
    ],
)  # fmt: skip
def test_a_database_gets_its_asynchronous_driver(given: str, used: str) -> None:
    settings = Settings.from_environment({"SPARC_DATABASE_URL": given, "SPARC_TRACKER_URL": given})
    assert (settings.database_url, settings.tracker_url) == (used, used)


def test_a_home_moves_the_databases_and_not_the_model(tmp_path: Path) -> None:
    settings = Settings.from_environment({"SPARC_HOME": str(tmp_path)})
    assert settings.tracker_url == f"sqlite+aiosqlite:///{tmp_path / 'conversations.db'}"
    assert settings.models == ROOT / "models"


# --- kept secrets -----------------------------------------------------------------------------------------------


def test_a_secret_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    settings = Settings.from_environment({"SPARC_HOME": str(tmp_path / "new" / "home")})
    secret = settings.signing_secret()
    assert secret.startswith("whsec_")
    assert settings.signing_secret() == secret
    assert settings.action_token() not in ("", secret)
    for path in (tmp_path / "new" / "home").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(path.name for path in (tmp_path / "new" / "home").iterdir()) == ["action-token", "webhook-secret"]


def test_threads_that_make_a_secret_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: kept_secret(tmp_path / "secret"), range(64)))
    assert len(set(made)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_processes_that_make_a_secret_at_once_agree(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("fork")) as pool:
        made = set(pool.map(kept_secret, [tmp_path / "secret"] * 16))
    assert made == {kept_secret(tmp_path / "secret")}


def test_two_homes_have_two_secrets(tmp_path: Path) -> None:
    assert kept_secret(tmp_path / "a") != kept_secret(tmp_path / "b")


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe"])
def test_a_file_that_holds_no_secret_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "action-token").write_bytes(content)
    with pytest.raises(SettingsError, match="action-token: expected a secret"):
        Settings.from_environment({"SPARC_HOME": str(tmp_path)}).action_token()


def test_a_kept_webhook_secret_that_was_spoilt_is_named(tmp_path: Path) -> None:
    (tmp_path / "webhook-secret").write_text("hunter2")
    with pytest.raises(SettingsError, match="webhook-secret: expected whsec_") as refused:
        Settings.from_environment({"SPARC_HOME": str(tmp_path)}).signing_secret()
    assert "hunter2" not in str(refused.value)


def test_a_setting_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")
    (tmp_path / "url").write_text("postgresql://sparc:pw@db/sparc\n")
    settings = Settings.from_environment(
        {"SPARC_WEBHOOK_SECRET_FILE": f"{tmp_path}/secret", "SPARC_DATABASE_URL_FILE": f"{tmp_path}/url"}
    )
    assert settings.signing_secret() == SECRET
    assert settings.database_url == settings.tracker_url == "postgresql+asyncpg://sparc:pw@db/sparc"


def test_a_setting_that_is_given_twice_or_whose_file_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "rate").write_text("7")
    with pytest.raises(SettingsError, match=r"^SPARC_RATE_FILE: expected either"):
        Settings.from_environment({"SPARC_RATE_FILE": f"{tmp_path}/rate", "SPARC_RATE": "8"})
    with pytest.raises(SettingsError, match=r"^SPARC_RATE_FILE: the file cannot be read"):
        Settings.from_environment({"SPARC_RATE_FILE": f"{tmp_path}/other"})
    assert Settings.from_environment({"SPARC_RATE_FILE": f"{tmp_path}/rate", "SPARC_RATE": " "}).rate == 7


def test_several_servers_by_configuration() -> None:
    settings = Settings.from_environment(
        {
            "SPARC_DATABASE_URL": "postgresql://sparc@db/sparc",
            "SPARC_TRACKER_URL": "postgresql://sparc@db/chat",
            "SPARC_REDIS_URL": "redis://cache:6379/0",
            "SPARC_ACTION_URL": "http://10.0.0.7:5006, https://actions.example/",
            "SPARC_ACTION_TOKEN": "0123456789abcdef",
        }
    )
    assert settings.tracker_url == "postgresql+asyncpg://sparc@db/chat"
    assert settings.action_urls == ("http://10.0.0.7:5006", "https://actions.example")
    assert (settings.redis_url, settings.action_token()) == ("redis://cache:6379/0", "0123456789abcdef")
