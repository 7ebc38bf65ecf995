"""What is counted and timed, for Prometheus. Labels hold names of the program alone, never anything of a person.

Every metric of both servers is declared here; `docker/grafana/sparc.json` shows them, which a test compares.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from bot.tracing import Handled

#: How a scraper is told what it gets.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)

#: Brings gauges up to date before they are read.
Refresh = Callable[[], Awaitable[None]]


class Metrics:
    """The metrics of one server, apart from those of any other in the process.

    Args:
        server: `chat` or `actions`.
        versions: of program, model and protocol, as labels of `sparc_build_info`.
    """

    def __init__(self, server: str, versions: dict[str, str]) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        build = Gauge("sparc_build_info", "What is running.", ["server", *versions], registry=registry)
        build.labels(server=server, **versions).set(1)
        self.http = Counter(
            "sparc_http_requests", "Requests by route and status.", ["route", "status"], registry=registry
        )
        self.http_seconds = Histogram(
            "sparc_http_request_seconds", "Time of requests.", ["route"], buckets=_SECONDS, registry=registry
        )
        self.working = Gauge("sparc_http_working", "Requests being worked on.", registry=registry)
        self.messages = Counter(
            "sparc_messages", "Messages by channel and outcome.", ["channel", "status"], registry=registry
        )
        self.message_seconds = Histogram(
            "sparc_message_seconds", "Time of answered messages.", ["channel"], buckets=_SECONDS, registry=registry
        )
        self.stage_seconds = Histogram(
            "sparc_stage_seconds", "Time of a message by stage.", ["stage"], buckets=_SECONDS, registry=registry
        )
        self.answers = Counter(
            "sparc_answers", "Answers by name and language.", ["answer", "language"], registry=registry
        )
        self.fallbacks = Counter("sparc_fallbacks", "Messages that were not understood.", registry=registry)
        self.triage = Counter("sparc_triage", "Symptoms answered, by level.", ["level"], registry=registry)
        self.queue = Gauge("sparc_queue_depth", "Messages waiting for their conversation's turn.", registry=registry)
        self.outbox = Gauge("sparc_outbox_depth", "Notifications not delivered yet.", registry=registry)
        self.outbox_age = Gauge(
            "sparc_outbox_oldest_seconds", "How long the oldest notification has waited.", registry=registry
        )
        self.unreached = Gauge(
            "sparc_alerts_unreached", "Open alerts of which nobody of the team could be told.", registry=registry
        )
        self.alerts = Gauge("sparc_open_alerts", "Alerts nobody has acknowledged.", ["level"], registry=registry)
        self.tickets = Gauge("sparc_open_tickets", "Tickets that nobody has taken up.", ["kind"], registry=registry)
        self.pool = Gauge(
            "sparc_db_pool", "Connections by database and state.", ["database", "state"], registry=registry
        )
        self.ready = Gauge("sparc_ready", "Whether what the server needs is there.", ["check"], registry=registry)
        self._refreshes: list[Refresh] = []

    def before_reading(self, refresh: Refresh) -> None:
        """Has `refresh` called at each reading, for what is looked up and not counted."""
        self._refreshes.append(refresh)

    def observe(self, handled: Handled) -> None:
        """Counts a message."""
        self.messages.labels(channel=handled.channel, status=str(handled.status)).inc()
        if not handled.answers:
            return
        self.message_seconds.labels(channel=handled.channel).observe(handled.seconds)
        for stage, seconds in handled.stages.items():
            self.stage_seconds.labels(stage=stage).observe(seconds)
        for answer in handled.answers:
            self.answers.labels(answer=answer, language=handled.language or "").inc()
        if handled.answers[0] == "not_understood":
            self.fallbacks.inc()
        if handled.level is not None:
            self.triage.labels(level=handled.level).inc()

    async def text(self) -> bytes:
        """All of them in Prometheus' text form."""
        for refresh in self._refreshes:
            await refresh()
        return bytes(generate_latest(self.registry))
