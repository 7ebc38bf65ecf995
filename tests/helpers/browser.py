"""The chat page in a real browser, for tests: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Playwright

from bot.config import ROOT

#: What continuous integration keeps.
SCREENSHOTS = ROOT / "reports" / "screenshots"
_AXE = ROOT / "tests" / "web" / "vendor" / "axe.min.js"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
#: It runs as root in containers, without a screen, and calls nobody.
_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
#: The first answer of a server that has just started, on a busy build machine.
PATIENCE_MS = 60_000
PHONE, DESKTOP = (390, 844), (1280, 800)
_WATCH = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""
_SETTLED = """() => {
  const root = document.querySelector('#chat:not([hidden]) deep-chat')?.shadowRoot;
  return root?.querySelector('.message') ?? document.querySelector('#door:not([hidden]) h2');
}"""
_ANSWERS = "() => document.querySelector('deep-chat')?.shadowRoot?.querySelectorAll('.message.assistant').length ?? 0"
_ANSWERED = """(before) => {
  const root = document.querySelector('deep-chat')?.shadowRoot;
  return root && root.querySelectorAll('.message.assistant, .message.problem').length > before && !root.querySelector('.loading-message-text');
}"""
_AXE_RUN = "() => axe.run(document, {resultTypes: ['violations']})"


def chromium() -> str | None:
    """The browser's path, or None where there is none."""
    return next((path for path in map(shutil.which, _NAMES) if path), None)


async def launch(playwright: Playwright) -> Browser:
    """A browser with a profile of its own, which goes when it is closed."""
    return await playwright.chromium.launch(executable_path=chromium(), args=list(_OPTIONS))


@dataclass
class Chat:
    """One person's browser with the chat page in it.

    Attributes:
        problems: what the browser complained of: console errors, exceptions, breaches of the content policy.
        forgiven: words of complaints that belong to what is tried, such as the status of a refusal.
    """

    page: Page
    address: str
    problems: list[str] = field(default_factory=list)
    forgiven: list[str] = field(default_factory=list)

    async def open(self, behind: str = "") -> None:
        """Opens the page with something behind `#`, and waits until it shows either the chat or the way in."""
        await self.page.goto("about:blank")  # else the address with another fragment is the same document
        await self.page.goto(f"{self.address}/chat/{behind}")
        await self.settled()

    async def settled(self) -> None:
        """Waits until the page shows either the conversation with what was said before, or the way in."""
        await self.page.wait_for_function(_SETTLED, timeout=PATIENCE_MS)

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log")

    @property
    def field(self) -> Locator:
        return self.page.get_by_role("textbox")

    @property
    def answers(self) -> Locator:
        """The assistant's messages, oldest first."""
        return self.page.locator(".message.assistant:not(.opening)")

    @property
    def door(self) -> Locator:
        return self.page.locator("#door")

    async def say(self, text: str) -> Locator:
        """Sends a message by keyboard; the message that answers it."""
        await self.field.click()
        await self.page.keyboard.insert_text(text)
        return await self.answer_to(lambda: self.page.keyboard.press("Enter"))

    async def answer_to(self, action: Any) -> Locator:
        """The last message after something was done that sends one."""
        before = await self.page.evaluate(_ANSWERS)
        await action()
        await self.page.wait_for_function(_ANSWERED, arg=before, timeout=PATIENCE_MS)
        return self.answers.last

    async def picture(self, name: str) -> None:
        """A screenshot for those who look at the results of a run."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=SCREENSHOTS / f"{name}.png")

    async def barriers(self) -> list[str]:
        """What axe-core finds wrong, by rule and place."""
        await self.page.evaluate(_AXE.read_text(encoding="utf-8"))
        found = await self.page.evaluate(_AXE_RUN)
        return [
            f"{violation['id']}: {node['target']} {node['failureSummary']}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]

    async def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        wide: int = await self.page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
        return wide

    async def complaints(self) -> list[str]:
        """The browser's complaints that nobody has forgiven."""
        broken = await self.page.evaluate("() => window.violations ?? []")
        return [each for each in [*self.problems, *broken] if not any(words in each for words in self.forgiven)]

    def listen(self) -> None:
        """Collects complaints from now on."""

        def heard(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.problems.append(f"{message.type}: {message.text}")

        self.page.on("console", heard)
        self.page.on("pageerror", lambda error: self.problems.append(f"exception: {error}"))


@asynccontextmanager
async def visitor(
    browser: Browser,
    address: str,
    size: tuple[int, int] = PHONE,
    scheme: Any = "light",
    language: str = "en-GB",
    **options: Any,
) -> AsyncIterator[Chat]:
    """A browser of somebody's own; at the end it must not have complained of anything."""
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, locale=language, **options
    )
    try:
        chat = await new_tab(context, address)
        yield chat
        assert await chat.complaints() == []
    finally:
        await context.close()


async def new_tab(context: BrowserContext, address: str) -> Chat:
    """Another tab of the same browser."""
    await context.add_init_script(_WATCH)
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    chat = Chat(page, address)
    chat.listen()
    return chat


def saved(path: Path | None) -> str:
    """The text of a file that the browser has saved."""
    assert path is not None
    return path.read_text(encoding="utf-8")
