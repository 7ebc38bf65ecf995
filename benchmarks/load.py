"""A closed loop of conversations over HTTP, and what came out of it: each waits for its answer before it says more."""

from __future__ import annotations

import asyncio
import math
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import aiohttp

#: Makes the request of one message: (conversation, turn) -> (body, headers). Turns count from 0.
Request = Callable[[int, int], "tuple[bytes, dict[str, str]]"]

_TIMEOUT = aiohttp.ClientTimeout(total=60)


@dataclass
class Measured:
    """Latencies in milliseconds by turn of the conversation, the duration in seconds, and what was not answered."""

    latencies: list[tuple[int, float]] = field(default_factory=list)
    seconds: float = 0.0
    failures: Counter[str] = field(default_factory=Counter)

    def add(self, other: Measured) -> None:
        """Takes another round of the same load in."""
        self.latencies += other.latencies
        self.seconds += other.seconds
        self.failures += other.failures

    def summary(self) -> dict[str, object]:
        """The figures; `late_over_early` is the median of the last fifth of the turns over that of the first."""
        taken = sorted(latency for _, latency in self.latencies)
        last_turn = max(turn for turn, _ in self.latencies)
        fifth = max(1, (last_turn + 1) // 5)
        early = [latency for turn, latency in self.latencies if turn < fifth]
        late = [latency for turn, latency in self.latencies if turn > last_turn - fifth]
        return {
            "messages": len(taken),
            "p50_ms": round(percentile(taken, 50), 1),
            "p95_ms": round(percentile(taken, 95), 1),
            "p99_ms": round(percentile(taken, 99), 1),
            "messages_per_s": round(len(taken) / self.seconds, 1),
            "late_over_early": round(statistics.median(late) / statistics.median(early), 2),
            "failures": dict(self.failures),
        }


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile of ascending values: the smallest that at least `percent` of them do not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


async def closed_loop(url: str, request: Request, conversations: range, turns: range) -> Measured:
    """All conversations at once, each through all turns, one message at a time over a kept connection."""
    measured = Measured()
    connector = aiohttp.TCPConnector(limit=len(conversations))
    async with aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT) as session:

        async def converse(conversation: int) -> None:
            for turn in turns:
                body, headers = request(conversation, turn)
                started = time.perf_counter()
                failure = await _say(session, url, body, headers)
                measured.latencies.append((turn, (time.perf_counter() - started) * 1000))
                if failure:
                    measured.failures[failure] += 1

        started = time.perf_counter()
        await asyncio.gather(*(converse(conversation) for conversation in conversations))
        measured.seconds = time.perf_counter() - started
    return measured


async def _say(session: aiohttp.ClientSession, url: str, body: bytes, headers: dict[str, str]) -> str | None:
    """Sends one message; says why it counts as not answered, or None."""
    try:
        async with session.post(url, data=body, headers=headers) as response:
            if response.status != 200:
                return f"status {response.status}"
            replies = await response.json()
    except (aiohttp.ClientError, asyncio.TimeoutError) as error:
        return type(error).__name__
    return None if replies and any(reply.get("text") for reply in replies) else "no reply"


async def first_answer(url: str, request: Request, patience_s: float, alive: Callable[[], bool]) -> None:
    """Returns as soon as a message is answered.

    Raises:
        RuntimeError: the server ended, or did not answer in `patience_s` seconds.
    """
    give_up = time.monotonic() + patience_s
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        attempt = 0
        while (failure := await _say(session, url, *request(0, -1 - attempt))) is not None:
            if not alive():
                raise RuntimeError("the server ended before it answered")
            if time.monotonic() > give_up:
                raise RuntimeError(f"the server did not answer in {patience_s:.0f} s: {failure}")
            attempt += 1
            await asyncio.sleep(0.05)
