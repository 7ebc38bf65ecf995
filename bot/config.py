"""Settings: the one place that reads the environment.

Every setting is named in the contract (`SPARC_...`); :meth:`Settings.from_environment` checks them all at start and
names the variable that is wrong.
"""

from __future__ import annotations

import base64
import binascii
import functools
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bot.alerts.settings import AlertSettings
from bot.clock import Clock, ClockError
from bot.config_matrix import MatrixSettings, matrix_settings
from bot.config_web import WebSettings
from bot.errors import SettingsError

#: The checkout: the folder that holds `sparc`, `domain.yml` and `config.yml`.
ROOT = Path(__file__).resolve().parent.parent

_DEFAULT_PORT = 5005
_DEFAULT_RATE = 60
_DEFAULT_KEEP_DAYS = 180
_DEFAULT_SESSION_MINUTES = 60
_DEFAULT_EMERGENCY_NUMBER = "120"
_YES, _NO = frozenset({"1", "yes", "true", "on"}), frozenset({"0", "no", "false", "off"})
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}


@dataclass(frozen=True)
class Settings:
    """What a deployment decides.

    Attributes:
        home: folder of database, secrets and logs (`SPARC_HOME`).
        models: folder of the trained model; apart from `home`, so that a new home does not train again.
        database_url: SQLAlchemy URL of the enrolment database, with an async driver.
        tracker_url: SQLAlchemy URL of the conversations; by default beside the enrolment database.
        host, port: where the chat server listens.
        action_host, action_port: where the action server listens; loopback unless it has a machine of its own.
        action_urls: where the chat server finds action servers, or the balancer before them.
        redis_url: Redis for the locks and rates that several chat servers share; None where there is one chat server.
        keep_days: days that a silent conversation is kept; 0 is for ever.
        rate: messages a minute and account; 0 is no limit.
        matrix: the Matrix channel's settings, or None where it is off.
        connectors: file with the credentials of Rasa's own connectors, or None where none is on.
        session_minutes: silence after which a conversation begins anew.
        demo: demo mode: demo participants, a generated secret, demo phone numbers.
        ward_line: the ward's own telephone line, or None in demo mode.
        emergency_number: the number that an emergency answer names.
        alerts: who of the team is notified, and how.
        web: the web chat's settings, or None where it is off.
    """

    home: Path
    models: Path
    database_url: str
    tracker_url: str
    host: str
    port: int
    action_port: int
    rate: int
    demo: bool
    ward_line: str | None
    emergency_number: str
    clock: Clock
    webhook_secret: str | None = None
    action_host: str = "127.0.0.1"
    action_urls: tuple[str, ...] = ()
    redis_url: str | None = None
    keep_days: int = _DEFAULT_KEEP_DAYS
    given_action_token: str | None = None
    given_metrics_token: str | None = None
    session_minutes: int = _DEFAULT_SESSION_MINUTES
    alerts: AlertSettings = field(default_factory=AlertSettings)
    web: WebSettings | None = None
    matrix: MatrixSettings | None = None
    connectors: Path | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Reads all settings; each may stand in a file that the variable of its name with `_FILE` names.

        Raises:
            SettingsError: a variable is malformed, or one that is required outside demo mode is missing.
        """
        env = _with_files(os.environ if environ is None else environ)
        home = _folder(env, "SPARC_HOME", ROOT / "var")
        port = _whole_number(env, "SPARC_PORT", _DEFAULT_PORT, 1, 65534)
        action_port = _whole_number(env, "SPARC_ACTION_PORT", port + 1, 1, 65535)
        if action_port == port:
            raise SettingsError(f"SPARC_ACTION_PORT: expected another port than SPARC_PORT, found {port} in both")
        demo = _yes_or_no(env, "SPARC_DEMO", default=True)
        secret = env.get("SPARC_WEBHOOK_SECRET", "").strip() or None
        if secret is not None:
            _check_secret(secret, "SPARC_WEBHOOK_SECRET")
        elif not demo:
            raise SettingsError("SPARC_WEBHOOK_SECRET: required outside demo mode; expected whsec_ and base64")
        ward_line = env.get("SPARC_WARD_LINE", "").strip() or None
        emergency = env.get("SPARC_EMERGENCY_NUMBER", "").strip()
        if not demo:
            for name, value in (("SPARC_WARD_LINE", ward_line), ("SPARC_EMERGENCY_NUMBER", emergency)):
                if not value:
                    raise SettingsError(f"{name}: required outside demo mode; it is told to patients with symptoms")
        try:
            clock = Clock.from_environment(env)
        except ClockError as error:
            raise SettingsError(str(error)) from None
        database_url = _database_url(env, "SPARC_DATABASE_URL", f"sqlite:///{home / 'enrolment.db'}")
        beside = f"sqlite:///{home / 'conversations.db'}" if database_url.startswith("sqlite") else database_url
        return cls(
            home=home,
            models=_folder(env, "SPARC_MODELS", ROOT / "models"),
            database_url=database_url,
            tracker_url=_database_url(env, "SPARC_TRACKER_URL", beside),
            host=env.get("SPARC_HOST", "").strip() or "127.0.0.1",
            port=port,
            action_port=action_port,
            rate=_whole_number(env, "SPARC_RATE", _DEFAULT_RATE, 0, 1_000_000),
            demo=demo,
            ward_line=ward_line,
            emergency_number=emergency or _DEFAULT_EMERGENCY_NUMBER,
            clock=clock,
            webhook_secret=secret,
            action_host=env.get("SPARC_ACTION_HOST", "").strip() or "127.0.0.1",
            action_urls=_addresses(env, "SPARC_ACTION_URL", f"http://127.0.0.1:{action_port}"),
            redis_url=_redis_url(env, "SPARC_REDIS_URL"),
            keep_days=_whole_number(env, "SPARC_KEEP_DAYS", _DEFAULT_KEEP_DAYS, 0, 36_500),
            given_action_token=_token(env, "SPARC_ACTION_TOKEN"),
            given_metrics_token=_token(env, "SPARC_METRICS_TOKEN"),
            session_minutes=_whole_number(env, "SPARC_SESSION_MINUTES", _DEFAULT_SESSION_MINUTES, 1, 24 * 60),
            alerts=AlertSettings.from_environment(env, demo),
            web=WebSettings.from_environment(env, demo, functools.partial(_whole_number, env)),
            matrix=matrix_settings(env, port),
            connectors=_folder(env, "SPARC_CONNECTORS", home) if env.get("SPARC_CONNECTORS", "").strip() else None,
        )

    def signing_secret(self) -> str:
        """The webhook secret: the setting, else the one kept in `home` (made on first use, demo mode only)."""
        if self.webhook_secret is not None:
            return self.webhook_secret
        path = self.home / "webhook-secret"
        kept = kept_secret(path, prefix="whsec_")
        _check_secret(kept, str(path))
        return kept

    def action_token(self) -> str:
        """The token between chat server and action server: the setting, else one kept in `home`."""
        return self.given_action_token or kept_secret(self.home / "action-token")

    def metrics_token(self) -> str:
        """The token that who collects the metrics has to show: the setting, else one kept in `home`."""
        return self.given_metrics_token or kept_secret(self.home / "metrics-token")

    def matrix_tokens(self) -> tuple[str, str]:
        """The Matrix registration's as_token and hs_token: the settings, else those kept in `home`."""
        given = self.matrix
        return (
            (given and given.given_as_token) or kept_secret(self.home / "matrix-as-token"),
            (given and given.given_hs_token) or kept_secret(self.home / "matrix-hs-token"),
        )


def kept_secret(path: Path, prefix: str = "") -> str:
    """The secret in `path`; made on first use, readable by the owner alone.

    Two processes that make it at once agree: the file is created exclusively and the loser reads the winner's.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = prefix + base64.b64encode(secrets.token_bytes(32)).decode("ascii")
    scratch = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(fresh)
        os.link(scratch, path)  # fails if the other process was first; never shows a half-written file
    except FileExistsError:
        pass
    finally:
        scratch.unlink(missing_ok=True)
    kept = path.read_text(encoding="ascii", errors="replace").strip()
    if not kept or not kept.isascii():
        raise SettingsError(f"{path}: expected a secret, found something else; delete it to have one made")
    return kept


def _folder(env: Mapping[str, str], name: str, default: Path) -> Path:
    try:
        return Path(env.get(name, "").strip() or default).expanduser().resolve()
    except (RuntimeError, OSError):
        raise SettingsError(f"{name}: expected a folder, found {env[name]!r}") from None


def _with_files(env: Mapping[str, str]) -> dict[str, str]:
    """The environment in which `SPARC_X_FILE` has become `SPARC_X` with the file's content: how secrets are mounted.

    Raises:
        SettingsError: a file that is named cannot be read, or the setting is given twice.
    """
    found = dict(env)
    for name, path in env.items():
        setting = name.removesuffix("_FILE")
        if not name.startswith("SPARC_") or setting == name or not path.strip():
            continue
        if env.get(setting, "").strip():
            raise SettingsError(f"{name}: expected either it or {setting}, found both")
        try:
            found[setting] = Path(path.strip()).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{name}: the file cannot be read ({type(error).__name__})") from None
    return found


def _token(env: Mapping[str, str], name: str) -> str | None:
    """A token that can stand in a header and that nobody guesses; an error quotes nothing of it."""
    text = env.get(name, "").strip()
    if text and (len(text) < 16 or not text.isascii() or not text.isprintable() or " " in text):
        raise SettingsError(f"{name}: expected at least 16 ASCII characters without blanks")
    return text or None


def _addresses(env: Mapping[str, str], name: str, default: str) -> tuple[str, ...]:
    """Addresses of servers, apart by commas, without a path."""
    found = []
    for text in (env.get(name, "").strip() or default).split(","):
        parts = urlsplit(text.strip().rstrip("/"))
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query or parts.username:
            raise SettingsError(f"{name}: expected addresses such as http://10.0.0.7:5006, apart by commas")
        found.append(parts.geturl())
    return tuple(found)


def _redis_url(env: Mapping[str, str], name: str) -> str | None:
    """Where Redis is; an error quotes nothing of it, since it may hold a password."""
    text = env.get(name, "").strip()
    if text and text.partition("://")[0] not in ("redis", "rediss", "unix"):
        raise SettingsError(f"{name}: expected redis://HOST:PORT/NUMBER, rediss:// or unix://")
    return text or None


def _database_url(env: Mapping[str, str], name: str, default: str) -> str:
    """An address with its asynchronous driver; an error quotes nothing of it, since it may hold a password."""
    text = env.get(name, "").strip() or default
    kind, separator, rest = text.partition("://")
    driver = _DRIVERS.get(kind.partition("+")[0])
    if not separator or not rest or driver is None:
        raise SettingsError(f"{name}: expected sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME")
    return f"{driver}://{rest}"


def _yes_or_no(env: Mapping[str, str], name: str, default: bool) -> bool:
    text = env.get(name, "").strip().lower()
    if text and text not in _YES | _NO:
        raise SettingsError(f"{name}: expected 1 or 0, found {text!r}")
    return text in _YES if text else default


def _whole_number(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = env.get(name, "").strip()
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise SettingsError(f"{name}: expected a whole number from {low} to {high}, found {text!r}")
    return value


def _check_secret(secret: str, name: str) -> None:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith("whsec_") or len(key) < 16:
        raise SettingsError(f"{name}: expected whsec_ and the base64 of at least 16 bytes")
