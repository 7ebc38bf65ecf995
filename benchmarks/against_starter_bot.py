"""Our assistant beside Rasa's own starter bot (`rasa init`), on this machine, under the same load.

    .venv/bin/python benchmarks/against_starter_bot.py            # prints a table, writes benchmarks/results/
    .venv/bin/python benchmarks/against_starter_bot.py --only sparc --turns 40

Both servers run at the same time and get their rounds in turn, so that a busy machine is busy for both; the one that is
not asked is idle. A round is a closed loop: so many conversations at once, each waiting for its answer. `alone` has one
conversation (latency), `database` one whose answers ours all reads from the enrolment database, `together` many
(throughput). `late` are four conversations of 203 messages: the median of the seven around message 200 over that of the
seven around message 5, the same texts. Start-up is from the command to the first answer, each alone, the model already
trained. Memory is that of all processes of a server after the load. All of it takes about six minutes.

What is compared is one server process of each, as it comes. Ours has an action server and a database beside it and
verifies signatures; the starter bot has neither: what it does less is counted in its favour.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from load import Measured, closed_loop
from servers import ROOT, Ours, Server, Starter

RESULT = ROOT / "benchmarks" / "results" / "against_starter_bot.json"
#: How many conversations at once; None is as many as asked for.
LOADS = {"alone": 1, "database": 1, "together": None}
#: Turns (from 0) around message 5 and message 200: each text once.
EARLY, LATE = range(1, 8), range(197, 204)
LONG_CONVERSATIONS = 4
#: Of these less is better; of messages_per_s more is.
FIGURES = ("p50_ms", "p95_ms", "p99_ms", "messages_per_s")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--only", choices=["starter", "sparc"], help="measure one of the two; nothing is written")
    parser.add_argument("--conversations", type=int, default=8, help="conversations at once in `together` (default 8)")
    parser.add_argument("--turns", type=int, default=25, help="messages of a conversation in a round (default 25)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each load (default 3)")
    parser.add_argument("--starts", type=int, default=2, help="starts of each server; the median counts (default 2)")
    parser.add_argument("--warm-up", type=int, default=5, help="messages before a round that do not count (default 5)")
    parser.add_argument("--patience", type=float, default=300, help="seconds that a start may take (default 300)")
    return parser.parse_args()


async def start(server: Server, options: argparse.Namespace) -> dict[str, Any]:
    """Starts the server as often as asked; it runs in the end."""
    seconds = []
    for number in range(options.starts):
        if number:
            server.stop()
        seconds.append(await server.start(options.patience))
        say(f"{server.name}: first answer after {seconds[-1]:.1f} s")
    return {"startup_s": round(statistics.median(seconds), 1), "starts_s": [round(one, 1) for one in seconds]}


async def rounds(servers: list[Server], options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """All loads of all servers, in turn; each round in conversations of its own."""
    measured = {server.name: {load: Measured() for load in LOADS} for server in servers}
    fresh = 1000
    for number in range(options.rounds):
        for load, size in LOADS.items():
            # Every second round the other way round: neither always comes after the other.
            for server in servers if number % 2 == 0 else reversed(servers):
                count = size or options.conversations
                conversations, fresh = range(fresh, fresh + count), fresh + count
                server.texts = server.database_texts if load == "database" else type(server).texts
                await closed_loop(server.url, server.request, conversations, range(options.warm_up))
                turns = range(options.warm_up, options.warm_up + options.turns)
                one = await closed_loop(server.url, server.request, conversations, turns)
                one.latencies = [(turn - options.warm_up, latency) for turn, latency in one.latencies]
                measured[server.name][load].add(one)
                say(f"{server.name}, {load}, round {number + 1}: {one.summary()['p50_ms']} ms at the median")
    return {name: {load: one.summary() for load, one in loads.items()} for name, loads in measured.items()}


async def late(servers: list[Server]) -> dict[str, dict[str, Any]]:
    """What message 200 of a conversation takes beside message 5 of the same conversation."""
    found = {}
    for server in servers:
        server.texts = type(server).texts
        conversations = range(9000, 9000 + LONG_CONVERSATIONS)
        all_turns = await closed_loop(server.url, server.request, conversations, range(LATE.stop))
        early, then = (
            statistics.median(latency for turn, latency in all_turns.latencies if turn in turns)
            for turns in (EARLY, LATE)
        )
        found[server.name] = {
            "message_5_ms": round(early, 1),
            "message_200_ms": round(then, 1),
            "message_200_over_5": round(then / early, 2),
            "failures": dict(all_turns.failures),
        }
        say(f"{server.name}: message 200 over message 5: {found[server.name]['message_200_over_5']}")
    return found


def ratios(starter: dict[str, Any], sparc: dict[str, Any]) -> dict[str, float]:
    """Ours over the starter bot's, by figure: 0.2 is a fifth of the time or memory; 3 is three times the messages."""
    found = {"startup_s": sparc["startup_s"] / starter["startup_s"]}
    for figure in ("rss_mb", "pss_mb"):
        if figure in sparc["memory"]:
            found[figure] = sparc["memory"][figure] / starter["memory"][figure]
    for load in LOADS:
        for figure in FIGURES:
            found[f"{load}.{figure}"] = sparc[load][figure] / starter[load][figure]
    return {name: round(value, 3) for name, value in found.items()}


def table(report: dict[str, Any]) -> str:
    """The report for people: a line a figure."""
    names = [name for name in ("starter", "sparc") if name in report]
    rows = [["", *names, *(["sparc / starter"] if "ratios" in report else [])]]

    def row(label: str, key: str, read: Any) -> None:
        cells = [str(read(report[name])) for name in names]
        rows.append([label, *cells, *([f"{report['ratios'][key]:.2f}"] if key in report.get("ratios", {}) else [])])

    row("start to first answer, s", "startup_s", lambda one: one["startup_s"])
    for load in LOADS:
        for figure in FIGURES:
            row(f"{load}: {figure}", f"{load}.{figure}", lambda one, a=load, b=figure: one[a][b])
        row(f"{load}: not answered", "", lambda one, a=load: sum(one[a]["failures"].values()))
    for figure in ("message_5_ms", "message_200_ms", "message_200_over_5"):
        row(f"long conversation: {figure}", "", lambda one, a=figure: one["late"][a])
    for figure in ("rss_mb", "pss_mb", "processes"):
        row(f"memory: {figure}", figure, lambda one, a=figure: one["memory"].get(a, "-"))
    widths = [max(len(row[column]) for row in rows if column < len(row)) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=False))
        )
        for line in rows
    )


def circumstances(options: argparse.Namespace) -> dict[str, Any]:
    """When, of which commit and where: a figure without them says nothing."""
    git = ["git", "-C", str(ROOT)]
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    changed = subprocess.run(
        [*git, "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True
    ).stdout
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit or None,
        "uncommitted_changes": bool(changed.strip()),
        "machine": {
            "cpus": os.cpu_count(),
            "architecture": platform.machine(),
            "system": platform.system(),
            "python": platform.python_version(),
            "load_before": round(os.getloadavg()[0], 2),
        },
        "load": {name: getattr(options, name) for name in ("conversations", "turns", "rounds", "warm_up")},
    }


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    """The whole comparison; the servers are gone in the end, however it ends."""
    report = circumstances(options)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sparc-benchmark-")))
        servers: list[Server] = []
        for name in ("starter", "sparc"):
            if options.only in (None, name):
                (scratch / name).mkdir()
                made = Starter(scratch / name) if name == "starter" else Ours(scratch / name, accounts=24)
                servers.append(stack.enter_context(made))
        for server in servers:
            say(f"{server.name}: preparing ...")
            report[server.name] = server.prepare()
        for server in servers:
            report[server.name] |= await start(server, options)
        for name, figures in (await rounds(servers, options)).items():
            report[name] |= figures
        for server in servers:
            report[server.name]["memory"] = server.memory_mb()
        for name, long in (await late(servers)).items():
            report[name]["late"] = long
    if "starter" in report and "sparc" in report:
        report["ratios"] = ratios(report["starter"], report["sparc"])
    return report


def main() -> int:
    """Exit 1 where a message stayed without an answer: then the figures compare nothing."""
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped then, too
    report = asyncio.run(measure(options))
    print(table(report))
    if "ratios" in report:
        RESULT.parent.mkdir(parents=True, exist_ok=True)
        RESULT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        say(f"written to {RESULT.relative_to(ROOT)}")
    unanswered = [
        name
        for name in ("starter", "sparc")
        for load in (*LOADS, "late")
        if report.get(name, {}).get(load, {}).get("failures")
    ]
    return 1 if unanswered else 0


if __name__ == "__main__":
    sys.exit(main())
