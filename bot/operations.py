"""What both servers have for those who run them: health, metrics, the request's id, and an end in good order."""

from __future__ import annotations

import asyncio
import hmac
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

import structlog
from sanic import Sanic, response
from sanic.request import Request
from sanic.response import BaseHTTPResponse, HTTPResponse
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import tracing
from bot.logs import place_of
from bot.metrics import CONTENT_TYPE, Metrics

#: How long a check may take before what it asks counts as gone, in seconds.
CHECK_SECONDS = 2.0
#: How long the outcome of the checks is told again without asking, in seconds.
_FRESH_SECONDS = 1.0
#: How long a server that was told to stop goes on with what it has accepted, in seconds: longer than any answer takes.
STOP_SECONDS = 30
_log = structlog.get_logger(__name__)

#: Returns if what it asks is there, else raises anything.
Check = Callable[[], Awaitable[None]]


@dataclass
class Operations:
    """The operator's side of a server.

    Attributes:
        metrics: what is counted.
        token: who collects metrics has to show it.
        checks: what the server cannot work without, by name.
        versions: of program, model and protocol.
        work: the name of the tasks that a stop waits for.
    """

    metrics: Metrics
    token: str
    checks: Mapping[str, Check]
    versions: Mapping[str, str]
    work: str = "sparc message"
    stopping: bool = False
    _asked: float = field(default=-_FRESH_SECONDS, repr=False)
    _found: dict[str, bool] = field(default_factory=dict, repr=False)

    async def ready(self) -> dict[str, bool]:
        """What is there, by name of the check."""
        if time.monotonic() - self._asked >= _FRESH_SECONDS:
            outcomes = await asyncio.gather(*(self._passes(name, check) for name, check in self.checks.items()))
            self._found = dict(zip(self.checks, outcomes, strict=True))
            self._asked = time.monotonic()
        return self._found

    async def _passes(self, name: str, check: Check) -> bool:
        try:
            await asyncio.wait_for(check(), CHECK_SECONDS)
        except Exception as error:
            _log.warning("not ready", check=name, where=place_of(error)[:1])
            return False
        return True

    async def finish(self) -> None:
        """Waits for the messages that are being worked on although their senders have hung up."""
        tasks = [task for task in asyncio.all_tasks() if task.get_name() == self.work]
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_SECONDS)


def install(app: Sanic, operations: Operations) -> None:
    """Adds health, metrics, request ids and an orderly end to an application; before its other listeners."""
    app.config.GRACEFUL_SHUTDOWN_TIMEOUT = STOP_SECONDS
    # A request whose caller hangs up has no response; it leaves this set when it is gone.
    working: WeakSet[Request] = WeakSet()
    operations.metrics.working.set_function(lambda: len(working))
    metrics, bearer = operations.metrics, f"Bearer {operations.token}".encode()
    headers = {f"X-Sparc-{name.title()}": version for name, version in operations.versions.items()}

    @app.get("/health/live")
    async def live(_request: Request) -> HTTPResponse:
        return response.json({"status": "ok"})

    @app.get("/health/ready")
    async def ready(_request: Request) -> HTTPResponse:
        found = await operations.ready()
        up = all(found.values()) and not operations.stopping
        status = "ok" if up else "stopping" if operations.stopping else "not ready"
        checks = {name: "ok" if good else "failed" for name, good in found.items()}
        return response.json({"status": status, "checks": checks, **operations.versions}, status=200 if up else 503)

    @app.get("/metrics")
    async def collect(request: Request) -> HTTPResponse:
        given = request.headers.get("authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, bearer):
            return response.json({"error": "unauthorized"}, status=401, headers={"WWW-Authenticate": "Bearer"})
        for name, good in (await operations.ready()).items():
            metrics.ready.labels(check=name).set(good)
        return response.raw(await metrics.text(), content_type=CONTENT_TYPE)

    @app.on_request
    async def began(request: Request) -> None:
        trace = tracing.begin(request.headers.get(tracing.HEADER))
        request.ctx.trace, request.ctx.began = trace, time.perf_counter()
        working.add(request)

    @app.on_response
    async def ended(request: Request, reply: BaseHTTPResponse) -> None:
        if request not in working:
            return
        working.discard(request)
        trace = request.ctx.trace
        route = request.route.path if request.route is not None else "none"
        metrics.http.labels(route=route, status=str(reply.status)).inc()
        metrics.http_seconds.labels(route=route).observe(time.perf_counter() - request.ctx.began)
        reply.headers[tracing.HEADER] = trace.request
        if reply.status == 200:
            reply.headers.update(headers)
        if operations.stopping:
            reply.headers["Connection"] = "close"

    @app.before_server_stop
    async def stop(_app: Sanic, _loop: Any) -> None:
        operations.stopping = True
        _log.info("stopping")


def may_serve(arguments: Sequence[str]) -> bool:
    """Whether a server that has loaded may serve: at once, or with `--wait` when its standard input says so by a line.

    Where the input ends instead, who started the server has gone.
    """
    return "--wait" not in arguments or bool(sys.stdin.readline())


def database_check(engine: Callable[[], AsyncEngine]) -> Check:
    """Asks a database the least that it can answer."""

    async def check() -> None:
        async with engine().connect() as connection:
            await connection.execute(text("SELECT 1"))

    return check


def count_pool(metrics: Metrics, name: str, engine: AsyncEngine) -> None:
    """Tells how many connections to a database are in use and how many wait to be."""
    pool = engine.pool
    if hasattr(pool, "checkedout"):  # the pool of a database in memory has one connection and no figures
        metrics.pool.labels(database=name, state="in use").set(pool.checkedout())
        metrics.pool.labels(database=name, state="idle").set(pool.checkedin())
