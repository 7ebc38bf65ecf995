"""What a message costs our servers: CPU time by process, by kind of message, and late in a conversation.

    .venv/bin/python benchmarks/message_cost.py                  # prints a table, writes benchmarks/results/
    .venv/bin/python benchmarks/message_cost.py --messages 200 --no-record

CPU time is what the kernel has booked to each process, so it tells on a busy machine what latency would not. One
conversation at a time says one kind of message after the other; the benchmark's own mix (`mix`) is that of
`against_starter_bot.py`. Bytes and calls of the disk are what the kernel has booked, too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psutil
from load import Measured, closed_loop
from servers import OUR_TEXTS, ROOT, Ours

RESULT = ROOT / "benchmarks" / "results" / "message_cost.json"

#: What is measured apart: the benchmark's mix, then one text each.
KINDS: dict[str, tuple[str, ...]] = {
    "mix": OUR_TEXTS,
    "greeting": ("Hello",),
    "next visit": ("When is my next visit?",),
    "all visits": ("Show me all my visits",),
    "about a drug": ("What is penpulimab?",),
    "symptom": ("I have a fever of 38.7 and chills",),
    "two questions": ("When is my next visit and which tablets do I take today?",),
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--messages", type=int, default=140, help="messages of a kind (default 140)")
    parser.add_argument("--late", type=int, default=200, help="the late message of a conversation (default 200)")
    parser.add_argument("--patience", type=float, default=300, help="seconds that the start may take (default 300)")
    parser.add_argument("--no-record", action="store_true", help="print only")
    return parser.parse_args()


def spent(server: Ours) -> dict[str, dict[str, float]]:
    """CPU milliseconds and disk of each process of the server until now."""
    return {
        name_of(process): {
            "cpu_ms": 1000 * (process.cpu_times().user + process.cpu_times().system),
            "written_kb": process.io_counters().write_bytes / 1024 if psutil.LINUX else 0.0,
            "system_writes": process.io_counters().write_count if psutil.LINUX else 0.0,
        }
        for process in server.processes()
    }


def name_of(process: psutil.Process) -> str:
    """`chat` or `actions` by what runs in it; `sparc` for what started them."""
    line = " ".join(process.cmdline())
    return "chat" if "bot.server" in line else "actions" if "actions.server" in line else "sparc"


async def cost(server: Ours, conversations: range, turns: range) -> tuple[dict[str, dict[str, float]], Measured]:
    """The difference of :func:`spent` per message, over these turns."""
    before = spent(server)
    measured = await closed_loop(server.url, server.request, conversations, turns)
    after, count = spent(server), len(measured.latencies)
    per = {
        process: {key: round((value - before[process][key]) / count, 2) for key, value in figures.items()}
        for process, figures in after.items()
    }
    per["all"] = {key: round(sum(one[key] for one in per.values()), 2) for key in next(iter(per.values()))}
    return per, measured


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    git = ["git", "-C", str(ROOT)]
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    report: dict[str, Any] = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit or None,
        "messages": options.messages,
        "kinds": {},
    }
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sparc-benchmark-")))
        server = stack.enter_context(Ours(scratch, accounts=24))
        server.prepare()
        say(f"first answer after {await server.start(options.patience):.1f} s")
        report["start_cpu_s"] = {name: round(one["cpu_ms"] / 1000, 2) for name, one in spent(server).items()}
        server.texts = OUR_TEXTS
        await cost(server, range(500, 524), range(len(OUR_TEXTS)))  # warms caches as a day's use would
        for number, (kind, texts) in enumerate(KINDS.items()):
            server.texts = texts
            room = range(1000 + number, 1001 + number)
            per, measured = await cost(server, room, range(options.messages))
            report["kinds"][kind] = {**per, "p50_ms": measured.summary()["p50_ms"], "failures": dict(measured.failures)}
        server.texts = OUR_TEXTS
        report["late"] = await late(server, options.late)
        report["memory"] = server.memory_mb()
    return report


async def late(server: Ours, turn: int, rooms: int = 10) -> dict[str, float]:
    """CPU of the turns around the fifth and around a late one, the same texts in the same conversations."""
    width, middle = len(OUR_TEXTS), turn - turn % len(OUR_TEXTS)
    conversations = range(3000, 3000 + rooms)
    early, _ = await cost(server, conversations, range(width))
    await closed_loop(server.url, server.request, conversations, range(width, middle))
    then, _ = await cost(server, conversations, range(middle, middle + width))
    first, last = early["all"]["cpu_ms"], then["all"]["cpu_ms"]
    return {"early_cpu_ms": first, "late_cpu_ms": last, "late_turn": turn, "late_over_early": round(last / first, 2)}


def table(report: dict[str, Any]) -> str:
    lines = [f"{'CPU ms a message':<16} {'chat':>7} {'actions':>8} {'all':>7} {'writes':>7} {'KB':>7} {'p50 ms':>7}"]
    for kind, one in report["kinds"].items():
        parts = [one.get(name, {}).get("cpu_ms", 0.0) for name in ("chat", "actions", "all")]
        rest = one["all"]
        lines.append(
            f"{kind:<16} {parts[0]:>7.2f} {parts[1]:>8.2f} {parts[2]:>7.2f} {rest['system_writes']:>7.1f} "
            f"{rest['written_kb']:>7.1f} {one['p50_ms']:>7.1f}"
        )
    found = report["late"]
    lines.append(
        f"message {found['late_turn']} over message 5: {found['late_over_early']:.2f} "
        f"({found['late_cpu_ms']:.2f} against {found['early_cpu_ms']:.2f} ms)"
    )
    lines.append(f"CPU of the start, s: {report['start_cpu_s']}; memory: {report['memory']}")
    return "\n".join(lines)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Exit 1 where a message stayed without an answer."""
    options = arguments()
    report = asyncio.run(measure(options))
    print(table(report))
    if not options.no_record:
        RESULT.parent.mkdir(parents=True, exist_ok=True)
        RESULT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        say(f"written to {RESULT.relative_to(ROOT)}")
    return 1 if any(one["failures"] for one in report["kinds"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
