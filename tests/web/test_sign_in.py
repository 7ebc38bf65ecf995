"""Into the chat page and out of it, in a real browser: links, the portal's tokens, and what is refused."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from bot.clock import Clock
from bot.enrollment import web_access
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from tests.helpers.assistant import Assistant, sparc
from tests.helpers.browser import PATIENCE_MS, Chat
from tests.helpers.portal import Key, Portal

from .conftest import OpenBrowser
from .test_conversation import as_account

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1500)]

RUN_OUT = "This link or sign-in has run out or was used before."


async def refused(chat: Chat, behind: str) -> None:
    """Opens the page with something that opens no session."""
    chat.forgiven.append("401")
    await chat.open(behind)
    await expect(chat.door.get_by_role("alert")).to_have_text(RUN_OUT)
    assert "#" not in chat.page.url
    await expect(chat.log).to_have_count(0)


# --- links --------------------------------------------------------------------------------------------------------


async def test_without_a_session_the_page_says_how_to_sign_in(open_browser: OpenBrowser, portal: Portal) -> None:
    async with open_browser() as chat:
        await chat.open()
        await expect(chat.door.get_by_role("heading", name="Please sign in")).to_be_focused()
        text = await chat.door.inner_text()
        assert "./sparc run" in text
        assert "If it is urgent, call +86" in text
        entrance = chat.door.get_by_role("link", name="Go to the portal")
        assert await entrance.get_attribute("href") == f"{portal.address}/"
        await expect(chat.door.get_by_role("link", name="+86", exact=False).first).to_have_attribute(
            "href", "tel:+8618917762018"
        )
        await expect(chat.page.get_by_role("button", name="Sign out")).to_have_count(0)
        await chat.page.get_by_role("button", name="切换到中文").click()
        await expect(chat.door.get_by_role("heading", name="请登录")).to_be_visible()


@pytest.mark.parametrize("behind", ["#link=of-nobody", "#link=%ED%A0%80", "#token=e30.e30.", "#link=" + "x" * 3000])
async def test_what_opens_nothing_is_refused(open_browser: OpenBrowser, behind: str) -> None:
    async with open_browser() as chat:
        await refused(chat, behind)


async def test_an_administrators_link_works_once(open_browser: OpenBrowser, assistant: Assistant) -> None:
    made = sparc(assistant.environment, "web-link", "demo.tang")
    link = next(word for word in made.stdout.split() if "#link=" in word)
    async with open_browser() as chat:
        await chat.page.goto(link)
        await chat.settled()
        assert "P-0010" in await chat.page.inner_text("#who")
    async with open_browser() as chat:
        await refused(chat, "#" + link.partition("#")[2])
        await chat.picture("used-link-phone-light")


async def test_a_link_runs_out(open_browser: OpenBrowser, assistant: Assistant) -> None:
    settings = assistant.settings
    async with (
        Database(settings.database_url, clock=settings.clock) as database,
        database.writing(Actor("test", "system"), "test") as session,
    ):
        secret = await web_access.make_link(session, "demo.tang", Clock().now(), timedelta(seconds=-1))
        await session.commit()
    async with open_browser() as chat:
        await refused(chat, f"#link={secret}")


async def test_a_link_that_is_refused_leaves_who_is_signed_in(open_browser: OpenBrowser, portal: Portal) -> None:
    async with open_browser() as chat:
        await as_account(chat, portal, "demo.wu")
        chat.forgiven.append("401")
        await chat.open("#link=of-nobody")
        await expect(chat.log).to_be_visible()
        await expect(chat.page.locator("#notice")).to_have_text(RUN_OUT)
        assert "P-0003" in await chat.page.inner_text("#who")


# --- the portal ---------------------------------------------------------------------------------------------------


async def from_the_portal(chat: Chat, portal: Portal, token: str) -> None:
    """Presses the button on the portal's page."""
    portal.action, portal.token = f"{chat.address}/chat/sign-in", token
    await chat.page.goto(f"{portal.address}/")
    await chat.page.get_by_role("button", name="Chat with the study assistant").click()
    await chat.page.wait_for_url(f"{chat.address}/chat/**")
    await chat.settled()


async def test_the_portals_form_hands_over(open_browser: OpenBrowser, portal: Portal) -> None:
    token = portal.sign("demo.wu")
    async with open_browser() as chat:
        await from_the_portal(chat, portal, token)
        assert "P-0003" in await chat.page.inner_text("#who")
        assert chat.page.url == f"{chat.address}/chat/"
        answer = await chat.say("When is my next visit?")
        assert "Monday 7 December 2026" in await answer.inner_text()
    async with open_browser() as chat:
        await from_the_portal(chat, portal, token)  # again: somebody has seen it
        await expect(chat.door.get_by_role("alert")).to_have_text(RUN_OUT)
        assert chat.page.url == f"{chat.address}/chat/"


async def test_a_form_on_another_page_signs_nobody_in(open_browser: OpenBrowser, portal: Portal) -> None:
    other = Portal(portal.keys)
    await other.start()
    try:
        async with open_browser() as chat:
            chat.forgiven.append("403")
            other.action, other.token = f"{chat.address}/chat/sign-in", portal.sign("demo.wu")
            await chat.page.goto(f"{other.address}/")
            async with chat.page.expect_response("**/chat/sign-in") as waiting:
                await chat.page.get_by_role("button", name="Chat with the study assistant").click()
            assert (await waiting.value).status == 403
            assert await chat.page.context.cookies(chat.address) == []
    finally:
        await other.stop()


async def test_the_portals_token_behind_the_address_works_once(open_browser: OpenBrowser, portal: Portal) -> None:
    token = portal.sign("demo.yang")
    sent: list[str] = []
    async with open_browser() as chat:
        chat.page.on("request", lambda request: sent.append(request.url))
        await chat.open(f"#token={token}")
        assert "P-0004" in await chat.page.inner_text("#who")
        assert chat.page.url == f"{chat.address}/chat/"
        assert [url for url in sent if token in url.partition("#")[0]] == []
        await chat.page.go_back()
        assert token not in chat.page.url
    async with open_browser() as chat:
        await refused(chat, f"#token={token}")


@pytest.mark.parametrize(
    "changes",
    [{"exp": 1, "iat": 0}, {"aud": "another"}, {"iss": "https://another.example"}, {"jti": ...}, {"sub": ""}],
    ids=str,
)
async def test_a_token_that_is_not_good_is_refused(
    open_browser: OpenBrowser, portal: Portal, changes: dict[str, Any]
) -> None:
    async with open_browser() as chat:
        await refused(chat, f"#token={portal.sign('demo.wu', **changes)}")


async def test_a_staff_role_for_a_participants_account_is_refused(open_browser: OpenBrowser, portal: Portal) -> None:
    async with open_browser() as chat:
        await refused(chat, f"#token={portal.sign('demo.wu', roles=['trial-coordinators'])}")


async def test_the_portal_changes_its_keys(open_browser: OpenBrowser, portal: Portal) -> None:
    old, new = portal.keys[-1], Key("RS256")
    async with open_browser() as chat:
        await as_account(chat, portal, "before.the.change")
        portal.keys.append(new)
        chat.forgiven.append("401")
        # The key set is asked for again at most twice a minute.
        until = time.monotonic() + PATIENCE_MS / 1000
        while True:
            await chat.open(f"#token={portal.sign('after.the.change')}")
            if "after.the.change" in (await chat.page.text_content("#who") or ""):
                break
            assert time.monotonic() < until
            await asyncio.sleep(1)
        assert portal.asked >= 2
        await chat.open(f"#token={portal.sign('with.the.old.key', key=old)}")  # both count while both are published
        assert "with.the.old.key" in (await chat.page.text_content("#who") or "")
    async with open_browser() as chat:
        await refused(chat, f"#token={portal.sign('of.an.invented.key', key=Key())}")


async def test_a_sign_in_that_the_network_lost_is_tried_again(open_browser: OpenBrowser, portal: Portal) -> None:
    lost: list[str] = []

    async def lose(route: Route) -> None:
        if lost:
            await route.continue_()
            return
        lost.append(route.request.url)
        await route.abort()

    async with open_browser() as chat:
        chat.forgiven.append("net::ERR_FAILED")
        await chat.page.route("**/chat/sign-in", lose)
        await chat.open(f"#token={portal.sign('demo.wu')}")
        await expect(chat.door.get_by_role("alert")).to_have_text("The assistant cannot be reached.")
        await chat.door.get_by_role("button", name="Try again").click()
        await expect(chat.log).to_be_visible()
        assert "P-0003" in await chat.page.inner_text("#who")


async def test_a_form_that_cannot_be_judged_now_leads_to_the_page(open_browser: OpenBrowser) -> None:
    async with open_browser() as chat:
        await chat.open("#unavailable")
        await expect(chat.door.get_by_role("alert")).to_contain_text("Signing in is not possible just now.")
        await chat.door.get_by_role("button", name="Try again").click()
        await expect(chat.door.get_by_role("alert")).to_have_count(0)


# --- sessions -----------------------------------------------------------------------------------------------------


async def test_the_cookie_is_the_servers_alone(open_browser: OpenBrowser, portal: Portal) -> None:
    async with open_browser() as chat:
        await as_account(chat, portal, "demo.wu")
        cookies = await chat.page.context.cookies()
        assert [(each["name"], each["httpOnly"], each["sameSite"], each["path"]) for each in cookies] == [
            ("sparc", True, "Strict", "/")
        ]
        assert await chat.page.evaluate("() => document.cookie") == ""


async def test_signing_out(open_browser: OpenBrowser, portal: Portal) -> None:
    async with open_browser() as chat:
        await as_account(chat, portal, "demo.wu")
        await chat.say("When is my next visit?")
        cookies = await chat.page.context.cookies()
        await chat.page.get_by_role("button", name="Sign out").click()
        await expect(chat.door.get_by_role("alert")).to_have_text("You are signed out.")
        await _nothing_is_left(chat.page)
        assert await chat.page.context.cookies() == []
        await chat.page.context.add_cookies(cookies)  # who has copied the cookie has nothing
        await chat.page.reload()
        await expect(chat.door).to_be_visible()


async def test_going_back_shows_nothing_of_an_ended_session(open_browser: OpenBrowser, portal: Portal) -> None:
    async with open_browser() as chat:
        await as_account(chat, portal, "demo.wu")
        await chat.say("When is my next visit?")
        await chat.page.goto(f"{portal.address}/")
        await chat.page.context.clear_cookies()
        await chat.page.go_back()
        await expect(chat.door).to_be_visible()
        await _nothing_is_left(chat.page)


async def _nothing_is_left(page: Page) -> None:
    assert await page.locator("deep-chat").count() == 0
    assert "P-0003" not in await page.content()
    assert "December" not in await page.content()


async def test_a_session_that_was_ended_elsewhere(
    open_browser: OpenBrowser, portal: Portal, assistant: Assistant
) -> None:
    async with open_browser() as chat:
        await as_account(chat, portal, "demo.huang")
        await chat.say("When is my next visit?")
        done = sparc(assistant.environment, "web-sign-out", "demo.huang")
        assert done.returncode == 0, done.stderr
        chat.forgiven.append("401")
        await chat.field.click()
        await chat.page.keyboard.insert_text("I feel dizzy")
        await chat.page.keyboard.press("Enter")
        await expect(chat.door.get_by_role("alert")).to_contain_text("You have been signed out")
        await expect(chat.door.locator("blockquote")).to_have_text(
            "I feel dizzy"
        )  # nothing of what was written is lost
        await expect(chat.page.locator("deep-chat")).to_have_count(0)
        await chat.picture("ended-phone-light")


async def _a_short_time(route: Route) -> None:
    """The server's word on the session, with seconds in place of its minutes."""
    reply = await route.fetch()
    about = await reply.json()
    soon = (Clock().now() + timedelta(seconds=1)).isoformat()
    await route.fulfill(response=reply, json={**about, "idle_seconds": 1, "idle_at": soon})


async def test_time_without_use_takes_everything_off_the_screen(
    open_browser: OpenBrowser, portal: Portal, assistant: Assistant
) -> None:
    async with open_browser() as chat:
        await chat.page.route("**/chat/session", _a_short_time)
        await as_account(chat, portal, "demo.tang")
        await expect(chat.page.locator("#who")).to_contain_text("P-0010")
        done = sparc(assistant.environment, "web-sign-out", "demo.tang")
        assert done.returncode == 0, done.stderr
        await expect(chat.door.get_by_role("alert")).to_contain_text("You have been signed out")
        await expect(chat.page.locator("deep-chat")).to_have_count(0)


async def test_a_tab_that_comes_back_looks_who_is_signed_in(open_browser: OpenBrowser, portal: Portal) -> None:
    async with open_browser() as chat:
        await as_account(chat, portal, "demo.wu")
        await chat.say("When is my next visit?")
        other = await chat.page.context.new_page()
        await other.goto(f"{chat.address}/chat/#token={portal.sign('demo.yang')}")
        await expect(other.get_by_role("log")).to_be_visible()
        await chat.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
        await expect(chat.door.get_by_role("alert")).to_have_text("Somebody else has signed in in this browser.")
        await _nothing_is_left(chat.page)
        await chat.door.get_by_role("button", name="Load the page again").click()
        await expect(chat.page.locator("#who")).to_contain_text("P-0004")
        await other.get_by_role("button", name="退出").click()
        await expect(other.locator("#door")).to_be_visible()
        await chat.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
        await expect(chat.door.get_by_role("alert")).to_contain_text("您已退出登录")


async def test_the_page_is_framed_by_nobody(open_browser: OpenBrowser, portal: Portal) -> None:
    async with open_browser() as chat:
        chat.forgiven += ["frame", "chrome-error", "Refused"]
        await chat.page.goto(f"{portal.address}/")
        framed = await chat.page.evaluate(
            "(address) => new Promise((done) => { const frame = document.createElement('iframe'); frame.src = address;"
            " frame.onload = () => done(frame.contentDocument === null ? 'closed' : frame.contentDocument.URL); document.body.append(frame); })",
            f"{chat.address}/chat/",
        )
        assert framed in ("closed", "about:blank")
        assert await chat.page.frames[-1].locator("header").count() == 0
