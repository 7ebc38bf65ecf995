"""One pair of servers beside two pairs, on one PostgreSQL and one Redis: messages a second, and what holds them.

`.venv/bin/python -m benchmarks.scale_out` measures both in turn, several rounds of each. Where two pairs are not faster, the CPU
time of each process says why: as soon as all cores are busy, more processes cannot help.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from benchmarks.stack import Process, Stack, what_is_missing

_TEXTS = (
    "When is my next visit?",
    "Which tablets do I take today?",
    "What is penpulimab?",
    "Show me all my visits",
    "Hello",
)
_ACCOUNTS = ("demo.wu", "demo.yang", "demo.chen")


async def answer_all(stack: Stack, urls: list[str], conversations: int, turns: int, name: str) -> tuple[float, int]:
    """Conversations side by side, each waiting for its answers; returns seconds and how many were not answered."""
    failures = 0

    async def converse(session: aiohttp.ClientSession, number: int) -> None:
        nonlocal failures
        for turn in range(turns):
            text, account = _TEXTS[(number + turn) % len(_TEXTS)], _ACCOUNTS[number % len(_ACCOUNTS)]
            message = stack.message(account, f"{name}-{number}", text)
            # A balancer's choice: any server for any message of a conversation.
            url = urls[(number + turn) % len(urls)]
            async with session.post(url, data=message.body, headers=message.headers) as reply:
                await reply.read()
                failures += reply.status != 200

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as session:
        began = time.perf_counter()
        await asyncio.gather(*(converse(session, number) for number in range(conversations)))
        return time.perf_counter() - began, failures


def cpu_seconds(process: Process) -> float:
    """CPU time of a process and of its children so far."""
    assert process.popen is not None
    root = psutil.Process(process.popen.pid)
    return sum(sum(one.cpu_times()[:2]) for one in (root, *root.children(recursive=True)))


def measure(rounds: int, conversations: int, turns: int) -> dict[str, Any]:
    """Messages a second and CPU milliseconds a message of one pair and of two pairs."""
    with tempfile.TemporaryDirectory(prefix="sparc-scale-") as folder, Stack(Path(folder) / "stack", 2, 2) as stack:
        found: dict[int, dict[str, Any]] = {1: {"rate": [], "cpu": {}}, 2: {"rate": [], "cpu": {}}}
        asyncio.run(answer_all(stack, stack.urls, conversations, 5, "warm"))
        for number in range(rounds):
            for pairs in (1, 2) if number % 2 else (2, 1):
                # Both chat servers ask both action servers; with one pair the second of each has nothing to do but
                # half of the action calls, so one action server is put out of turn.
                if pairs == 1:
                    stack.actions[1].stop()
                before = {process.name: cpu_seconds(process) for process in _running(stack, pairs)}
                own, idle = sum(psutil.Process().cpu_times()[:2]), psutil.cpu_times().idle
                seconds, failures = asyncio.run(
                    answer_all(stack, stack.urls[:pairs], conversations, turns, f"{number}-{pairs}")
                )
                if failures:
                    raise RuntimeError(f"{failures} messages were not answered")
                messages = conversations * turns
                found[pairs]["rate"].append(messages / seconds)
                for process in _running(stack, pairs):
                    spent = (cpu_seconds(process) - before[process.name]) * 1000 / messages
                    found[pairs]["cpu"].setdefault(process.name, []).append(spent)
                busy = sum(cpu_seconds(process) - before[process.name] for process in _running(stack, pairs)) / seconds
                found[pairs].setdefault("cores", []).append(busy)
                found[pairs].setdefault("idle", []).append((psutil.cpu_times().idle - idle) / seconds)
                asking = (sum(psutil.Process().cpu_times()[:2]) - own) * 1000 / messages
                found[pairs]["cpu"].setdefault("who asks", []).append(asking)
                if pairs == 1:
                    stack.actions[1].start()
        return _report(found)


def _running(stack: Stack, pairs: int) -> list[Process]:
    return [stack.postgresql, stack.redis, *stack.actions[:pairs], *stack.chats[:pairs]]


def _report(found: dict[int, dict[str, Any]]) -> dict[str, Any]:
    report: dict[str, Any] = {"cores_of_the_machine": os.cpu_count()}
    for pairs, values in found.items():
        report[f"{pairs} of each"] = {
            "messages_per_s": round(statistics.median(values["rate"]), 1),
            "cores_busy_with_it": round(statistics.median(values["cores"]), 2),
            "cores_idle": round(statistics.median(values["idle"]), 2),
            "cpu_ms_per_message": {name: round(statistics.median(spent), 1) for name, spent in values["cpu"].items()},
        }
    report["ratio"] = round(statistics.median(found[2]["rate"]) / statistics.median(found[1]["rate"]), 2)
    return report


def main() -> int:
    """Measures and prints the report as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--conversations", type=int, default=12)
    parser.add_argument("--turns", type=int, default=20)
    options = parser.parse_args()
    missing = what_is_missing()
    if missing is not None:
        print(missing, file=sys.stderr)
        return 2
    print(json.dumps(measure(options.rounds, options.conversations, options.turns), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
