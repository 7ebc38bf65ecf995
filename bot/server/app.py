"""The chat server's application: our channels around a Rasa agent, and nothing of Rasa's own HTTP interface.

Rasa's server exposes conversations, model and domain; none of it is mounted here, so it needs no guarding.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog
from rasa.core.channels.channel import InputChannel, UserMessage
from sanic import Sanic, response
from sanic.exceptions import SanicException
from sanic.request import Request
from sanic.response import HTTPResponse

from bot.alerts.push import CanPush, PatientTeller
from bot.channels.connectors.configured import build_connectors
from bot.channels.connectors.guarded import Common
from bot.channels.guard import ROOM_SHARE, RateLimit
from bot.channels.hospital import HospitalInput
from bot.channels.intake import Alarming
from bot.channels.matrix.build import build_matrix
from bot.channels.oncall import oncall_blueprint
from bot.channels.web import WebInput
from bot.channels.web_files import add_security_headers
from bot.channels.web_history import History
from bot.config import Settings
from bot.enrollment.database import Database
from bot.enrollment.replanning import fingerprint
from bot.logs import place_of
from bot.metrics import Metrics
from bot.nlu.pieces import PiecewiseReader
from bot.operations import Check, Operations, count_pool, database_check, install
from bot.server.agent import load_agent
from bot.server.upkeep import keep_tidy
from bot.tracing import Handled, observed_by, timed
from bot.trial.protocol import load_protocol
from bot.trial.triage import assess_symptoms, load_triage_rules

#: Sanic's own bound on a request; the channels' bounds are lower and answer in their own words.
MAX_REQUEST_BYTES = 256 * 1024
_log = structlog.get_logger(__name__)


def build_app(settings: Settings, model: Path) -> Sanic:
    """The application that answers on `settings.host` and `settings.port`.

    Raises:
        StartupError: the model cannot be loaded.
    """
    agent = load_agent(model, settings)
    database = Database(settings.database_url, clock=settings.clock)
    app = Sanic("sparc_chat", configure_logging=False)
    app.config.REQUEST_MAX_SIZE = MAX_REQUEST_BYTES
    app.config.KEEP_ALIVE_TIMEOUT = 75
    app.config.ACCESS_LOG = False
    app.config.FALLBACK_ERROR_FORMAT = "json"

    async def on_new_message(message: UserMessage) -> None:
        await agent.handle_message(message)

    operations = build_operations(settings, agent, database)
    install(app, operations)
    limit = rate_limit_of(settings)
    alarming = alarming_by_rules()
    matrix = build_matrix(settings, database, limit, alarming, on_new_message)
    if matrix is not None:
        app.blueprint(matrix.blueprint())
    channels = build_channels(settings, database, limit, agent.tracker_store.latest, alarming)
    for channel in channels:
        address = getattr(channel, "address", f"/webhooks/{channel.url_prefix()}")
        app.blueprint(channel.blueprint(on_new_message), url_prefix=address)
    if settings.alerts.secret is not None:
        app.blueprint(oncall_blueprint(settings.alerts.secret, database))
    working_off = [one for one in (matrix, *channels) if hasattr(one, "start") and hasattr(one, "stop")]
    teller = build_teller(settings, database, [*channels, *([matrix] if matrix is not None else [])])
    telling: list[asyncio.Task[None]] = []

    @app.exception(Exception)
    async def failed(_request: Request, error: Exception) -> HTTPResponse:
        if isinstance(error, SanicException):
            status = error.status_code or 400
            return response.json({"error": _PLAIN.get(status, "bad request")}, status=status)
        _log.error("request failed", where=place_of(error))
        return response.json({"error": "internal error"}, status=500)

    secure = settings.web is not None and settings.web.secure

    @app.on_response
    async def protect(_request: Request, answer: HTTPResponse) -> None:
        add_security_headers(answer, secure)

    @app.before_server_start
    async def open_stores(_app: Sanic, _loop: Any) -> None:
        await agent.lock_store.open()
        await agent.tracker_store.open()
        app.ctx.upkeep = asyncio.create_task(keep_tidy(settings, database, agent.tracker_store.engine))
        if teller is not None:
            telling.append(asyncio.create_task(teller.run()))
        for one in working_off:
            await one.start()

    @app.before_server_stop
    async def stop_telling(_app: Sanic, _loop: Any) -> None:
        for one in working_off:
            await one.stop()
        for task in telling:
            task.cancel()

    @app.after_server_stop
    async def close_stores(_app: Sanic, _loop: Any) -> None:
        app.ctx.upkeep.cancel()
        await operations.finish()
        await agent.tracker_store.close()
        await agent.lock_store.close()
        await limit.close()
        await agent.action_endpoint.close()
        await database.dispose()

    return app


#: What a caller reads for the errors of HTTP itself.
_PLAIN = {404: "no such address", 405: "method not allowed", 408: "request timed out", 413: "body: too large"}


def build_operations(settings: Settings, agent: Any, database: Database) -> Operations:
    """Health and metrics of the chat server; from now on messages are counted."""
    versions = {"model": str(agent.model_id), "protocol": fingerprint(load_protocol())[:12]}
    metrics = Metrics("chat", versions)

    async def model() -> None:
        if not agent.is_ready():
            raise RuntimeError("the model is not loaded")

    checks: dict[str, Check] = {
        "model": model,
        "database": database_check(lambda: database.engine),
        "conversations": database_check(lambda: agent.tracker_store.engine),
        "action server": agent.action_endpoint.check,
    }
    if settings.redis_url is not None:
        checks["redis"] = agent.lock_store.ping

    async def refresh() -> None:
        metrics.queue.set(agent.lock_store.waiting)
        count_pool(metrics, "enrolment", database.engine)
        count_pool(metrics, "conversations", agent.tracker_store.engine)

    def observe(handled: Handled) -> None:
        metrics.observe(handled)
        milliseconds = {name: round(seconds * 1000) for name, seconds in handled.stages.items()}
        _log.info(
            "message",
            channel=handled.channel,
            status=handled.status,
            answers=handled.answers,
            ms=round(handled.seconds * 1000),
            stages=milliseconds,
            **versions,
        )

    metrics.before_reading(refresh)
    measure(agent)
    observed_by(observe)
    return Operations(metrics, settings.metrics_token(), checks, versions)


def measure(agent: Any) -> None:
    """Times the stages of a message that are Rasa's or in Rasa's hands."""
    for part, method, name in (
        (agent.tracker_store, "retrieve", "load"),
        (agent.tracker_store, "save", "save"),
        (agent.action_endpoint, "request", "action"),
        (agent.processor, "parse_message", "read"),
        (agent, "handle_message", "dialogue"),
    ):
        setattr(part, method, timed(name)(getattr(part, method)))


def rate_limit_of(settings: Settings) -> RateLimit:
    """The rate limit: of all servers that share a Redis, or of this one."""
    if settings.redis_url is None:
        return RateLimit(settings.rate)
    from bot.channels.shared_rate import SharedRateLimit

    return SharedRateLimit(settings.rate, settings.redis_url, settings.signing_secret())


def build_teller(settings: Settings, database: Database, channels: Sequence[Any]) -> PatientTeller | None:
    """Tells people over the channels that can push; None where none can."""
    pushing = {channel.name(): channel for channel in channels if isinstance(channel, CanPush)}
    if not pushing:
        return None
    protocol = load_protocol()
    return PatientTeller(
        database,
        pushing,
        load_triage_rules(),
        protocol.identifier,
        settings.emergency_number,
        settings.ward_line or protocol.contacts[0].phone,
    )


def alarming_by_rules() -> Alarming:
    """Whether a text holds a sign of illness that the triage rules call urgent or worse."""
    reader, rules = PiecewiseReader.load(), load_triage_rules()

    def alarming(text: str) -> bool:
        return assess_symptoms(rules, reader.read(text)).level in ("emergency", "urgent")

    return alarming


def build_channels(
    settings: Settings, database: Database, limit: RateLimit, history: History, alarming: Alarming
) -> list[InputChannel]:
    """The channels that are configured; each verifies its own callers."""
    secret = settings.signing_secret()
    rooms = RateLimit(settings.rate * ROOM_SHARE)
    channels: list[InputChannel] = [HospitalInput(secret, database, limit, alarming, rooms)]
    if settings.web is not None:
        protocol = load_protocol()
        telephone = (settings.ward_line or protocol.contacts[0].phone, settings.emergency_number)
        channels.append(WebInput(settings.web, secret, database, limit, alarming, history, protocol, telephone))
    common = Common(secret, database, limit, alarming, settings.emergency_number, rooms)
    channels += build_connectors(settings.connectors, common)
    return channels
