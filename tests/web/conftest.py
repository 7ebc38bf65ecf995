"""The demonstration as `./sparc run` starts it, with a portal beside it, and a real browser that opens its page."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from playwright.async_api import Browser, async_playwright, expect

from tests.helpers.assistant import Assistant, environment_for, running
from tests.helpers.browser import Chat, chromium, launch, visitor
from tests.helpers.portal import Portal

expect.set_options(timeout=20_000)
#: A Tuesday: demo.wu's next visit is on 7 December, demo.yang's on 14 December.
CLOCK = "2026-11-24T09:00:00+08:00"
#: Opens a browser of somebody's own; options as of `visitor`.
OpenBrowser = Callable[..., AbstractAsyncContextManager[Chat]]


@pytest.fixture(scope="session")
async def portal() -> AsyncIterator[Portal]:
    opened = Portal()
    await opened.start()
    yield opened
    await opened.stop()


@pytest.fixture(scope="session")
def assistant(browser: Browser, portal: Portal, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    """Started once for all tests of the page; they keep apart by the accounts they sign in with."""
    environment = environment_for(tmp_path_factory.mktemp("home"), SPARC_CLOCK=CLOCK, **portal.settings())
    with running(environment) as started:
        yield started


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    if chromium() is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    async with async_playwright() as playwright:
        opened = await launch(playwright)
        yield opened
        await opened.close()


@pytest.fixture
def address(assistant: Assistant) -> str:
    return f"http://127.0.0.1:{assistant.settings.port}"


@pytest.fixture
def open_browser(browser: Browser, address: str) -> OpenBrowser:
    def opening(**options: Any) -> AbstractAsyncContextManager[Chat]:
        return visitor(browser, address, **options)

    return opening


@pytest.fixture
def demo_links(assistant: Assistant) -> dict[str, str]:
    """What `./sparc run` has printed: for whom, and the link."""
    found = re.findall(r"^  (\S.*?):\s+(http\S+/chat/#link=\S+)$", assistant.printed, re.MULTILINE)
    return dict(found)
