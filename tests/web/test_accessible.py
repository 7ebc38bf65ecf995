"""The chat page for everybody: axe-core in every state, small and large, light and dark; keyboard alone; names and roles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import expect

from tests.helpers.browser import DESKTOP, PHONE, Chat
from tests.helpers.portal import Portal

from .conftest import OpenBrowser
from .test_conversation import NOTE, as_account

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1500)]

#: The smallest width that WCAG 2.2 asks a page to reflow to.
SMALLEST = (320, 568)
SIZES = {"phone": PHONE, "desktop": DESKTOP, "smallest": SMALLEST}
_FOCUS = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) { at = at.shadowRoot.activeElement; }
  if (!at || at === document.body) { return null; }
  const shown = [at, at.parentElement].some((each) => getComputedStyle(each).outlineStyle !== 'none' && parseFloat(getComputedStyle(each).outlineWidth) >= 2);
  return {name: at.getAttribute('aria-label') || at.textContent.trim(), role: at.getAttribute('role') ?? at.tagName.toLowerCase(), shown};
}"""
#: Parts of the header whose middle is covered by another part.
_COVERED = """() => [...document.querySelectorAll('h1, .tool')].filter((each) => each.getClientRects().length).filter((each) => {
  const {left, top, width, height} = each.getBoundingClientRect();
  return [.05, .5, .95].some((part) => !each.contains(document.elementFromPoint(left + part * width, top + height / 2)));
}).map((each) => each.textContent)"""
_TARGETS = """() => {
  const inside = document.querySelector('deep-chat')?.shadowRoot;
  const all = [...document.querySelectorAll('button, a.action, summary'), ...(inside?.querySelectorAll('button, a.action, summary, [role=button]') ?? [])];
  return all.filter((each) => each.getClientRects().length).map((each) => [each.textContent.trim(), each.getBoundingClientRect().width, each.getBoundingClientRect().height])
    .filter(([, width, height]) => width < 24 || height < 24);
}"""


async def empty(chat: Chat, portal: Portal) -> None:
    await as_account(chat, portal, "empty.one")


async def conversation(chat: Chat, portal: Portal) -> None:
    await as_account(chat, portal, "demo.wu")
    await chat.say("When is my next visit?")
    await chat.say("tablets")


async def symptom(chat: Chat, portal: Portal) -> None:
    await as_account(chat, portal, "demo.huang")
    await chat.say("I have chest pain and cannot breathe")


async def pre_check(chat: Chat, portal: Portal) -> None:
    await as_account(chat, portal, "staff.pre.check", roles=["trial-coordinators"])
    answer = await chat.say(NOTE)
    await answer.locator("summary").first.click()


async def calendar(chat: Chat, portal: Portal) -> None:
    await as_account(chat, portal, "demo.chen")
    await chat.say("Show me all my visits")


async def in_chinese(chat: Chat, portal: Portal) -> None:
    await as_account(chat, portal, "demo.yang")
    await chat.say("请列出我所有的访视")


async def sign_in(chat: Chat, _portal: Portal) -> None:
    chat.forgiven.append("401")
    await chat.open("#link=of-nobody")
    await expect(chat.door.get_by_role("alert")).to_be_visible()


STATES: dict[str, Callable[[Chat, Portal], Any]] = {
    "empty": empty,
    "conversation": conversation,
    "symptom": symptom,
    "pre-check": pre_check,
    "calendar": calendar,
    "chinese": in_chinese,
    "sign-in": sign_in,
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("state", STATES)
async def test_no_barriers(open_browser: OpenBrowser, portal: Portal, state: str, size: str) -> None:
    async with open_browser(size=SIZES[size]) as chat:
        await STATES[state](chat, portal)
        assert await chat.overflow() <= 0
        assert await chat.page.evaluate(_TARGETS) == []
        barriers = []
        for scheme in ("light", "dark"):
            await chat.page.emulate_media(color_scheme=scheme)
            barriers += [f"{scheme}: {each}" for each in await chat.barriers()]
            if size != "smallest":
                await chat.picture(f"{state}-{size}-{scheme}")
        assert barriers == [], "\n".join(barriers)


async def test_the_parts_have_names_and_roles(open_browser: OpenBrowser, portal: Portal) -> None:
    async with open_browser() as chat:
        await as_account(chat, portal, "named.parts")
        page = chat.page
        assert await page.get_by_role("heading", level=1).inner_text() == "SPARC Assistant"
        await expect(page.get_by_role("main")).to_have_count(1)
        log = page.get_by_role("log", name="Conversation")
        assert await log.get_attribute("aria-live") == "polite"
        field = page.get_by_role("textbox", name="Write a message")
        assert await field.get_attribute("aria-multiline") == "true"
        await expect(page.get_by_role("button", name="Send")).to_have_count(1)
        assert await page.locator("#notice").get_attribute("role") == "status"
        await chat.say("What is this trial about?")
        assert (await chat.page.locator(".message.person").text_content() or "").startswith("You:")
        assert (await chat.answers.last.text_content() or "").startswith("Assistant:")
        await expect(page.get_by_role("button", name="Send")).to_have_count(1)


async def test_everything_is_done_by_keyboard(open_browser: OpenBrowser, portal: Portal) -> None:
    async with open_browser(size=DESKTOP) as chat:
        await as_account(chat, portal, "only.keys")
        press = chat.page.keyboard.press
        await chat.page.evaluate("() => { document.activeElement?.blur(); getSelection().removeAllRanges(); }")
        reached = await _walk(chat, 12)
        names = [each["name"] for each in reached]
        assert names[:4] == ["To the conversation", "切换到中文", "Print", "Sign out"]
        assert {"Conversation", "What is this trial about?", "Who can take part?", "Write a message", "Send"} <= set(
            names
        )
        assert [each["name"] for each in reached if not each["shown"]] == []

        await chat.page.reload()
        await chat.settled()
        await press("Tab")
        await press("Enter")  # the link that leads past the header
        assert (await chat.page.evaluate(_FOCUS))["name"] == "Write a message"
        await chat.page.keyboard.type("What is this trial about?")
        await press("Shift+Enter")
        await chat.page.keyboard.type("Thank you.")
        answer = await chat.answer_to(lambda: press("Enter"))
        assert "before surgery" in await answer.inner_text()
        assert await chat.page.locator(".message.person .said").inner_text() == "What is this trial about?\nThank you."
        assert (await chat.page.evaluate(_FOCUS))["name"] == "Write a message"  # one can go on writing

        await chat.page.keyboard.type("Who can take part?")
        await press("Tab")
        assert (await chat.page.evaluate(_FOCUS))["name"] == "Send"
        answer = await chat.answer_to(lambda: press("Enter"))
        assert "27 criteria" in await answer.inner_text()

        example = chat.page.locator(".opening").get_by_role("button", name="Who can I call?")
        await example.focus()
        await chat.answer_to(lambda: press("Space"))
        assert await chat.page.locator(".message.person .said").last.inner_text() == "Who can I call?"

        await chat.page.get_by_role("button", name="Sign out").focus()
        await press("Enter")
        await expect(chat.door).to_be_visible()
        assert (await chat.page.evaluate(_FOCUS))["name"] == "Please sign in"


async def _walk(chat: Chat, most: int) -> list[dict[str, Any]]:
    """What the Tab key reaches, in order, until it leaves the page."""
    reached: list[dict[str, Any]] = []
    for _ in range(most):
        await chat.page.keyboard.press("Tab")
        found = await chat.page.evaluate(_FOCUS)
        if found is None:
            break
        reached.append(found)
    return reached


async def test_a_table_that_scrolls_is_reached_by_keyboard(open_browser: OpenBrowser, portal: Portal) -> None:
    async with open_browser(size=DESKTOP) as chat:
        await as_account(chat, portal, "staff.by.keys", roles=["trial-coordinators"])
        answer = await chat.say(NOTE)
        await answer.locator("summary").first.focus()
        await chat.page.keyboard.press("Enter")
        assert await answer.locator("details").first.evaluate("(details) => details.open")
        frame = answer.get_by_role("group", name="Pre-check: Evidence and reason")
        assert await frame.get_attribute("tabindex") == "0"


async def test_larger_letters_and_less_movement(open_browser: OpenBrowser, portal: Portal) -> None:
    async with open_browser(size=PHONE, reduced_motion="reduce") as chat:
        await as_account(chat, portal, "demo.chen")
        await chat.say("When is my next visit?")
        before = await chat.answers.last.evaluate("(each) => parseFloat(getComputedStyle(each).fontSize)")
        await chat.page.evaluate("() => { document.documentElement.style.fontSize = '200%'; }")
        after = await chat.answers.last.evaluate("(each) => parseFloat(getComputedStyle(each).fontSize)")
        assert after == 2 * before
        assert await chat.overflow() <= 0
        assert await chat.page.evaluate(_COVERED) == []
        await expect(chat.field).to_be_in_viewport()
        moving = await chat.page.evaluate(
            "() => document.getAnimations().filter((each) => each.playState === 'running').length"
        )
        assert moving == 0
        await chat.picture("large-letters-phone-light")
