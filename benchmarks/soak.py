"""Ten minutes at 70% of what the servers can do: no error, no growth of memory, and the p99.

`.venv/bin/python -m benchmarks.soak` measures the maximum first, for half a minute, then sends messages at a steady rate, whether the
ones before are answered or not, as people do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from benchmarks.load import percentile
from benchmarks.scale_out import _ACCOUNTS, _TEXTS, answer_all
from benchmarks.stack import Stack


def memory_mb(stack: Stack) -> dict[str, float]:
    """Memory of each server of ours, in MiB, without the pages that it shares."""
    found = {}
    for process in (*stack.actions, *stack.chats):
        assert process.popen is not None
        found[process.name] = psutil.Process(process.popen.pid).memory_full_info().uss / 2**20
    return found


async def steady(stack: Stack, per_second: float, seconds: float, name: str) -> tuple[list[float], Counter[str]]:
    """Sends at a steady rate; returns the latencies of the answers in ms, and what was not answered."""
    latencies: list[float] = []
    failures: Counter[str] = Counter()
    tasks: set[asyncio.Task[None]] = set()

    async def say(session: aiohttp.ClientSession, number: int) -> None:
        # 40 conversations that go on and on, each through any of the servers.
        text, account = _TEXTS[number % len(_TEXTS)], _ACCOUNTS[number % 40 % len(_ACCOUNTS)]
        message = stack.message(account, f"{name}-{number % 40}", text)
        began = time.perf_counter()
        try:
            url = stack.urls[number % len(stack.urls)]
            async with session.post(url, data=message.body, headers=message.headers) as reply:
                await reply.read()
                if reply.status != 200:
                    failures[str(reply.status)] += 1
                    return
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            failures[type(error).__name__] += 1
            return
        latencies.append((time.perf_counter() - began) * 1000)

    connector = aiohttp.TCPConnector(limit=200)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
        began, number = time.perf_counter(), 0
        while (passed := time.perf_counter() - began) < seconds:
            while number < passed * per_second:
                task = asyncio.create_task(say(session, number))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                number += 1
            await asyncio.sleep(0.005)
        await asyncio.gather(*tasks)
    return latencies, failures


def measure(folder: Path, minutes: float, several: bool, share: float) -> dict[str, Any]:
    """The soak's figures."""
    count = 2 if several else 1
    with Stack(folder / "stack", count, count, sqlite=not several) as stack:
        asyncio.run(answer_all(stack, stack.urls, 8, 10, "warm"))
        seconds, failed = asyncio.run(answer_all(stack, stack.urls, 16, 60, "most"))
        most = 16 * 60 / seconds
        asyncio.run(steady(stack, most * share, min(60.0, minutes * 6), "settle"))  # caches fill before the first look
        before = memory_mb(stack)
        latencies, failures = asyncio.run(steady(stack, most * share, minutes * 60, "soak"))
        after = memory_mb(stack)
    taken = sorted(latencies)
    return {
        "servers_of_each_kind": count,
        "database": "PostgreSQL" if several else "SQLite",
        "most_per_s": round(most, 1),
        "failed_at_most": failed,
        "sent_per_s": round(most * share, 1),
        "minutes": minutes,
        "answered": len(taken),
        "failures": dict(failures),
        "p50_ms": round(percentile(taken, 50), 1),
        "p99_ms": round(percentile(taken, 99), 1),
        "memory_mb": {name: [round(before[name], 1), round(after[name], 1)] for name in before},
        "largest_growth": round(max(after[name] / before[name] for name in before) - 1, 3),
    }


def main() -> int:
    """Measures and prints the figures; 1 where a message failed or memory grew by more than 5%."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--share", type=float, default=0.7, help="of the maximum")
    parser.add_argument("--several", action="store_true", help="two of each on PostgreSQL and Redis")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sparc-soak-") as folder:
        found = measure(Path(folder), options.minutes, options.several, options.share)
    print(json.dumps(found, indent=1))
    return 1 if found["failures"] or found["largest_growth"] > 0.05 else 0


if __name__ == "__main__":
    sys.exit(main())
