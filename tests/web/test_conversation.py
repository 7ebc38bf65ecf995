"""The chat page in a real browser: what patients and staff do there."""

from __future__ import annotations

import pytest

from .conftest import OpenBrowser

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1500)]


async def test_a_printed_link_opens_the_page_and_a_patient_gets_the_next_visit(
    open_browser: OpenBrowser, demo_links: dict[str, str]
) -> None:
    assert list(demo_links) == ["a patient", "a patient, in Chinese", "the coordinator"]
    async with open_browser() as chat:
        await chat.page.goto(demo_links["a patient"])
        await chat.settled()
        assert "link=" not in chat.page.url
        assert "P-0003" in await chat.page.inner_text("#who")
        answer = await chat.say("When is my next visit?")
        assert "Monday 7 December 2026: Cycle 2, day 1." in await answer.inner_text()
        await chat.picture("phone-light-next-visit")
