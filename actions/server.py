"""The action server: `python -m actions.server`. Runs without Rasa and TensorFlow installed.

Our own application around rasa-sdk's executor: the stock one answers anybody, echoes what a patient wrote in its
errors, and inflates whatever it is sent. Here a token is required, bodies are bounded, errors are plain.
"""

from __future__ import annotations

import hmac
from typing import Any

import structlog
from rasa_sdk.executor import ActionExecutor
from rasa_sdk.interfaces import ActionExecutionRejection, ActionNotFoundException
from sanic import Sanic, response
from sanic.exceptions import SanicException
from sanic.request import Request
from sanic.response import HTTPResponse

from actions.conversation import Services
from actions.phrases import Phrases
from actions.rasa_actions import topic_actions
from bot.config import ROOT, Settings
from bot.enrollment.database import Database
from bot.logs import configure_logs, place_of
from bot.trial.protocol import load_protocol
from bot.trial.triage import load_triage_rules

#: A call holds one message with its reading; a pasted note is at most 16 KiB.
MAX_BODY_BYTES = 512 * 1024
_log = structlog.get_logger(__name__)


def build_services(settings: Settings) -> Services:
    """Everything the actions work with; the protocol's phone settings come from the environment."""
    protocol = load_protocol()
    return Services(
        protocol=protocol,
        triage=load_triage_rules(),
        phrases=Phrases.load(ROOT / "domain.yml"),
        database=Database(settings.database_url, clock=settings.clock),
        emergency_number=settings.emergency_number,
        ward_line=settings.ward_line or "",
    )


def build_app(settings: Settings, services: Services | None = None) -> Sanic:
    """The application; `services` are given by tests."""
    services = services or build_services(settings)
    executor = ActionExecutor()
    for action in topic_actions(services, settings.clock):
        executor.register_action(action)
    app = Sanic("sparc_actions", configure_logging=False)
    app.config.REQUEST_MAX_SIZE = MAX_BODY_BYTES
    app.config.KEEP_ALIVE_TIMEOUT = 75
    app.config.ACCESS_LOG = False
    app.config.FALLBACK_ERROR_FORMAT = "json"
    token = f"Bearer {settings.action_token()}".encode()

    @app.get("/health")
    async def health(_request: Request) -> HTTPResponse:
        return response.json({"status": "ok"})

    @app.post("/webhook")
    async def webhook(request: Request) -> HTTPResponse:
        given = request.headers.get("authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, token):
            return response.json({"error": "unauthorized"}, status=401)
        call: Any = request.json
        if not isinstance(call, dict) or "next_action" not in call:
            return response.json({"error": "expected an action call"}, status=400)
        try:
            return response.json(await executor.run(call), ensure_ascii=False)
        except ActionExecutionRejection as rejection:
            return response.json({"error": "rejected", "action_name": rejection.action_name}, status=400)
        except ActionNotFoundException as missing:
            return response.json({"error": "no such action", "action_name": missing.action_name}, status=404)

    @app.exception(Exception)
    async def failed(request: Request, error: Exception) -> HTTPResponse:
        if isinstance(error, SanicException):
            return response.json({"error": "bad request"}, status=error.status_code or 400)
        # The kind of error and the place, never its text: it can hold what somebody wrote.
        _log.error("action failed", error=type(error).__name__, where=place_of(error))
        return response.json({"error": "internal error"}, status=500)

    @app.after_server_stop
    async def close(_app: Sanic, _loop: Any) -> None:
        await services.database.dispose()

    return app


def main() -> None:
    """Serves on loopback until stopped."""
    settings = Settings.from_environment()
    configure_logs()
    build_app(settings).run(host="127.0.0.1", port=settings.action_port, access_log=False, motd=False, debug=False)


if __name__ == "__main__":
    main()
