"""The id of a request and where its time went."""

from __future__ import annotations

import asyncio

import pytest

from bot import tracing


async def _in_context(given: str | None = None) -> str:
    return tracing.begin(given).request


@pytest.mark.parametrize("given", [None, "", "li.wei", "0" * 31, "0" * 33, "G" * 32, "0" * 31 + "\n"])
async def test_an_id_from_outside_that_is_not_ours_is_not_taken_over(given: str | None) -> None:
    made = await asyncio.create_task(_in_context(given))
    assert made != given
    assert len(made) == 32


async def test_an_id_of_ours_is_taken_over() -> None:
    assert await asyncio.create_task(_in_context("ab" * 16)) == "ab" * 16


async def test_requests_side_by_side_do_not_mix() -> None:
    async def work() -> tuple[str, str | None, dict[str, str]]:
        trace = tracing.begin()
        await asyncio.sleep(0)
        return trace.request, tracing.request_id(), dict(tracing.headers())

    for request, seen, headers in await asyncio.gather(*(asyncio.create_task(work()) for _ in range(5))):
        assert request == seen == headers[tracing.HEADER]


async def test_stages_add_up_even_where_they_fail() -> None:
    @tracing.timed("load")
    async def load(fail: bool) -> int:
        if fail:
            raise ValueError("broken")
        return 7

    async def work() -> dict[str, float]:
        trace = tracing.begin()
        assert await load(False) == 7
        once = trace.stages["load"]
        with pytest.raises(ValueError, match="broken"):
            await load(True)
        assert trace.stages["load"] > once
        return trace.stages

    assert set(await asyncio.create_task(work())) == {"load"}


async def test_outside_of_a_request_nothing_is_noted() -> None:
    import contextvars

    def outside() -> tuple[str | None, dict[str, str]]:
        with tracing.stage("load"):
            return tracing.request_id(), dict(tracing.headers())

    assert contextvars.Context().run(outside) == (None, {})
