"""The chat server's application: our channels around a Rasa agent, and nothing of Rasa's own HTTP interface.

Rasa's server exposes conversations, model and domain; none of it is mounted here, so it needs no guarding.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import structlog
from rasa.core.channels.channel import InputChannel, UserMessage
from sanic import Sanic, response
from sanic.exceptions import SanicException
from sanic.request import Request
from sanic.response import HTTPResponse

from bot.channels.guard import RateLimit
from bot.channels.hospital import HospitalInput
from bot.config import Settings
from bot.enrollment.database import Database
from bot.logs import place_of
from bot.nlu.symptoms import SymptomReader
from bot.server.agent import load_agent
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

    for channel in build_channels(settings, database):
        app.blueprint(channel.blueprint(on_new_message), url_prefix=f"/webhooks/{channel.url_prefix()}")

    @app.get("/health/live")
    async def live(_request: Request) -> HTTPResponse:
        return response.json({"status": "ok"})

    @app.get("/health/ready")
    async def ready(_request: Request) -> HTTPResponse:
        up = agent.is_ready()
        return response.json({"status": "ok" if up else "starting", "model": agent.model_id}, status=200 if up else 503)

    @app.exception(Exception)
    async def failed(_request: Request, error: Exception) -> HTTPResponse:
        if isinstance(error, SanicException):
            status = error.status_code or 400
            return response.json({"error": _PLAIN.get(status, "bad request")}, status=status)
        _log.error("request failed", where=place_of(error))
        return response.json({"error": "internal error"}, status=500)

    @app.before_server_start
    async def open_stores(_app: Sanic, _loop: Any) -> None:
        await agent.tracker_store.open()

    @app.after_server_stop
    async def close_stores(_app: Sanic, _loop: Any) -> None:
        await agent.tracker_store.close()
        await agent.action_endpoint.close()
        await database.dispose()

    return app


#: What a caller reads for the errors of HTTP itself.
_PLAIN = {404: "no such address", 405: "method not allowed", 408: "request timed out", 413: "body: too large"}


def build_channels(settings: Settings, database: Database) -> list[InputChannel]:
    """The channels that are configured; each verifies its own callers."""
    reader, rules = SymptomReader.load(), load_triage_rules()

    def alarming(text: str) -> bool:
        return assess_symptoms(rules, reader.read(text)).level in ("emergency", "urgent")

    return [HospitalInput(settings.signing_secret(), database, RateLimit(settings.rate), alarming)]
