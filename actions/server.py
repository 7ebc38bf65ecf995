"""The action server: `python -m actions.server`. Runs without Rasa and TensorFlow installed.

Our own application around rasa-sdk's executor: the stock one answers anybody, echoes what a patient wrote in its
errors, and inflates whatever it is sent. Here a token is required, bodies are bounded, errors are plain.
"""

from __future__ import annotations

import asyncio
import hmac
import sys
from typing import Any

import structlog
from rasa_sdk.executor import ActionExecutor
from rasa_sdk.interfaces import ActionExecutionRejection, ActionNotFoundException
from sanic import Sanic, response
from sanic.exceptions import SanicException
from sanic.request import Request
from sanic.response import HTTPResponse

from actions.conversation import Services
from actions.rasa_actions import NoTurn, topic_actions
from bot.alerts.desk import build_desk
from bot.clock import Clock
from bot.config import ROOT, Settings
from bot.enrollment import outbox
from bot.enrollment.database import Database
from bot.enrollment.figures import open_tickets_by_kind
from bot.enrollment.planning import planner
from bot.enrollment.replanning import fingerprint
from bot.logs import configure_logs, place_of
from bot.metrics import Metrics
from bot.operations import Operations, count_pool, database_check, install, may_serve
from bot.phrases import Phrases
from bot.trial.protocol import load_protocol
from bot.trial.triage import load_triage_rules

#: A call holds one message with its reading, and what a pre-check remembers of the messages before; a pasted note is at
#: most 16 KiB, a finding of a few letters takes 300 bytes.
MAX_BODY_BYTES = 2 * 1024 * 1024
_log = structlog.get_logger(__name__)


def build_services(settings: Settings) -> Services:
    """Everything the actions work with; the protocol's phone settings come from the environment."""
    protocol = load_protocol()
    # The planner is made here: made at the first write it would hold up the first answer about a symptom.
    database = Database(settings.database_url, clock=settings.clock, planner=planner(protocol))
    return Services(
        protocol=protocol,
        triage=load_triage_rules(),
        phrases=Phrases.load(ROOT / "domain.yml"),
        database=database,
        emergency_number=settings.emergency_number,
        ward_line=settings.ward_line or "",
        alerts=build_desk(settings.alerts, database),
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

    operations = build_operations(settings, services)
    install(app, operations)

    @app.post("/webhook")
    async def webhook(request: Request) -> HTTPResponse:
        given = request.headers.get("authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, token):
            return response.json({"error": "unauthorized"}, status=401)
        call: Any = request.json
        if not _is_action_call(call):
            return response.json({"error": "expected an action call"}, status=400)
        try:
            return response.json(await executor.run(call), ensure_ascii=False)
        except ActionExecutionRejection as rejection:
            return response.json({"error": "rejected", "action_name": rejection.action_name}, status=400)
        except NoTurn:
            return response.json({"error": "expected a turn of a conversation"}, status=422)
        except ActionNotFoundException as missing:
            return response.json({"error": "no such action", "action_name": missing.action_name}, status=404)

    @app.exception(Exception)
    async def failed(request: Request, error: Exception) -> HTTPResponse:
        if isinstance(error, SanicException):
            return response.json({"error": "bad request"}, status=error.status_code or 400)
        # The kind of error and the place, never its text: it can hold what somebody wrote.
        _log.error("action failed", error=type(error).__name__, where=place_of(error))
        return response.json({"error": "internal error"}, status=500)

    dispatching: list[asyncio.Task[None]] = []

    @app.after_server_start
    async def dispatch(_app: Sanic, _loop: Any) -> None:
        if services.alerts.dispatcher is not None:
            dispatching.append(asyncio.create_task(services.alerts.dispatcher.run()))

    @app.before_server_stop
    async def stop_dispatching(_app: Sanic, _loop: Any) -> None:
        for task in dispatching:
            task.cancel()
        if services.alerts.dispatcher is not None:
            await services.alerts.dispatcher.close()

    @app.after_server_stop
    async def close(_app: Sanic, _loop: Any) -> None:
        await operations.finish()
        await services.database.dispose()

    return app


def _is_action_call(call: Any) -> bool:
    """Whether a body has the outer form of Rasa's action calls, as far as the executor reads it unchecked."""
    if not isinstance(call, dict) or not isinstance(call.get("next_action"), str) or not call["next_action"]:
        return False
    tracker = call.get("tracker")
    if not isinstance(tracker, dict) or not isinstance(tracker.get("sender_id"), str):
        return False
    objects = (call.get("domain"), tracker.get("slots"), tracker.get("latest_message"))
    return all(each is None or isinstance(each, dict) for each in objects)


def build_operations(settings: Settings, services: Services) -> Operations:
    """Health and metrics of the action server."""
    versions = {"protocol": fingerprint(services.protocol)[:12]}
    metrics = Metrics("actions", versions)
    database = services.database

    async def refresh() -> None:
        count_pool(metrics, "enrolment", database.engine)
        async with database.session() as session:
            figures = await outbox.figures(session, Clock().now())
        metrics.outbox.set(figures.waiting)
        metrics.outbox_age.set(figures.oldest_seconds)
        metrics.unreached.set(figures.unreached)
        for level, count in figures.open_alerts.items():
            metrics.alerts.labels(level=level).set(count)
        for kind, count in (await open_tickets_by_kind(database)).items():
            metrics.tickets.labels(kind=kind).set(count)

    metrics.before_reading(refresh)
    checks = {"database": database_check(lambda: database.engine)}
    return Operations(metrics, settings.metrics_token(), checks, versions)


def main() -> None:
    """Serves until stopped; on loopback, unless the settings say otherwise."""
    settings = Settings.from_environment()
    configure_logs()
    app = build_app(settings)
    if may_serve(sys.argv[1:]):
        app.run(host=settings.action_host, port=settings.action_port, access_log=False, motd=False, debug=False)


if __name__ == "__main__":
    main()
