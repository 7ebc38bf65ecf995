"""The web chat's requests: who may make them, what they give away, and what comes of the same one again."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from bot.channels.guard import RateLimit
from bot.clock import Clock
from bot.enrollment import web_access
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from tests.helpers.portal import Key

from .conftest import FakeBot, StillTime
from .web_page import PORTAL, Given, Page, Reply, Tab, new_id, page_of

CALENDAR = b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Origin": PORTAL}


def _alarming(text: str) -> bool:
    return "blood" in text


@pytest.fixture
async def page(database: Database, bot: FakeBot) -> AsyncIterator[Page]:
    async with page_of(database, bot, _alarming) as opened:
        yield opened


@pytest.fixture
async def secure(database: Database, bot: FakeBot) -> AsyncIterator[Page]:
    """The page of a hospital, behind a proxy with TLS."""
    settings = {"origin": "https://sparc.hospital.example", "demo": False}
    async with page_of(database, bot, _alarming, Given(settings)) as opened:
        yield opened


async def _link(database: Database, account: str, valid: timedelta = timedelta(hours=1), demo: bool = False) -> str:
    async with database.writing(Actor("test", "system"), "test") as session:
        secret = await web_access.make_link(session, account, Clock().now(), valid, demo)
        await session.commit()
    return secret


def _refused(reply: Reply, status: int, code: str) -> bool:
    return (reply.status, reply.body) == (status, {"error": code})


# --- signing in ---------------------------------------------------------------------------------------------------


async def test_a_token_opens_one_session(page: Page) -> None:
    body = {"token": page.portal.sign("demo.chen")}
    first = await page.nobody().post("sign-in", body)
    tab = await page.signed_in(first)
    about = (await tab.get("session")).body
    assert (about["account"], about["kind"], about["participant"]) == ("demo.chen", "participant", "P-0001")
    assert _refused(await page.nobody().post("sign-in", body), 401, "sign_in")


async def test_the_same_token_twice_at_once_opens_one_session(page: Page) -> None:
    body = {"token": page.portal.sign("demo.chen")}
    replies = await asyncio.gather(*(page.nobody().post("sign-in", body) for _ in range(5)))
    assert sorted(reply.status for reply in replies) == [200, 401, 401, 401, 401]


async def test_the_same_link_twice_at_once_opens_one_session(page: Page, database: Database) -> None:
    body = {"link": await _link(database, "demo.chen")}
    replies = await asyncio.gather(*(page.nobody().post("sign-in", body) for _ in range(5)))
    assert sorted(reply.status for reply in replies) == [200, 401, 401, 401, 401]


async def test_links_of_the_demonstration_open_nothing_outside_it(page: Page, secure: Page, database: Database) -> None:
    link = await _link(database, "demo.chen", demo=True)
    assert _refused(await secure.nobody().post("sign-in", {"link": link}), 401, "sign_in")
    for _ in range(2):
        await page.signed_in(await page.nobody().post("sign-in", {"link": link}))


@pytest.mark.parametrize(
    "body",
    [
        {}, {"link": ""}, {"link": "\ud800"}, {"link": "é"}, {"link": "x" * 10_000}, {"link": 7}, {"link": ["a"]}, {"token": ""},
        {"token": "\ud800.a.b"}, {"token": "a.b.c"}, {"token": None}, {"token": {"a": 1}}, {"token": "x" * 9000}, [], "text", None,
    ],
    ids=repr,
)  # fmt: skip
async def test_what_opens_nothing_is_refused_alike(page: Page, body: Any) -> None:
    reply = await page.nobody().post("sign-in", body)
    assert _refused(reply, 401, "sign_in")
    assert reply.cookies == ""


async def test_a_link_beside_a_token_opens_nothing(page: Page, database: Database) -> None:
    link, token = await _link(database, "demo.chen"), page.portal.sign("demo.chen")
    assert _refused(await page.nobody().post("sign-in", {"link": link, "token": token}), 401, "sign_in")
    assert (await page.nobody().post("sign-in", {"link": link})).status == 200


async def test_a_body_that_is_not_called_json_is_not_read(page: Page) -> None:
    body = {"token": page.portal.sign("demo.chen")}
    for kind in ("text/plain", "multipart/form-data", None):
        assert _refused(await page.nobody().post("sign-in", body, {"Content-Type": kind}), 401, "sign_in")


async def test_signing_in_anew_ends_the_session_before(page: Page) -> None:
    first = await page.sign_in("demo.chen")
    second = await page.signed_in(await first.post("sign-in", {"token": page.portal.sign("demo.liu")}))
    assert (await first.get("session")).body["signed_in"] is False
    assert (await second.get("session")).body["account"] == "demo.liu"
    assert second.cookie != first.cookie


async def test_the_portals_form_is_answered_by_the_page(secure: Page) -> None:
    body = f"token={secure.portal.sign('demo.chen')}".encode()
    reply = await secure.nobody().post("sign-in", body, dict(FORM))
    assert (reply.status, reply.headers["Location"]) == (303, "/chat/")
    assert reply.cookies.startswith("__Host-sparc=")
    for again in (body, b"token=", b"", b"token=a&token=b", b"\xff\xfe=%", b"token=%ed%a0%80"):
        reply = await secure.nobody().post("sign-in", again, dict(FORM))
        assert (reply.status, reply.headers["Location"], reply.cookies) == (303, "/chat/#refused", "")


@pytest.mark.parametrize(
    "origin", [None, "null", "https://evil.example", f"{PORTAL}.evil.example", "http://portal.hospital.example"]
)
async def test_a_form_of_another_page_opens_nothing(secure: Page, origin: str | None) -> None:
    body = f"token={secure.portal.sign('demo.chen')}".encode()
    reply = await secure.nobody().post("sign-in", body, {**FORM, "Origin": origin})
    assert _refused(reply, 403, "foreign_page")
    assert (await secure.nobody().post("sign-in", body, dict(FORM))).headers[
        "Location"
    ] == "/chat/"  # nothing is used up


async def test_where_the_portals_keys_cannot_be_had_it_is_not_the_persons_fault(
    database: Database, bot: FakeBot
) -> None:
    async with page_of(database, bot, _alarming, Given(keys=[])) as page:
        page.portal.keys = []
        token = Key()
        body = {"token": page.portal.sign("demo.chen", key=token)}
        reply = await page.nobody().post("sign-in", body)
        assert _refused(reply, 503, "keys")
        assert int(reply.headers["Retry-After"]) > 0
        form = await page.nobody().post("sign-in", f"token={body['token']}".encode(), dict(FORM))
        assert (form.status, form.headers["Location"]) == (303, "/chat/#unavailable")


async def test_too_many_sign_ins_from_one_place(page: Page) -> None:
    limited = await _guesses(page, 80)
    assert _refused(limited[0], 429, "too_many")
    form = await page.nobody().post("sign-in", b"token=x", dict(FORM))
    assert (form.status, form.headers["Location"]) == (303, "/chat/#unavailable")


async def _guesses(page: Page, count: int, **headers: str | None) -> list[Reply]:
    """The replies of those that were too many among some guesses made at once."""
    tab = page.nobody()
    replies = await asyncio.gather(*(tab.post("sign-in", {"link": "guess"}, headers) for _ in range(count)))
    assert {reply.status for reply in replies} <= {401, 429}
    return [reply for reply in replies if reply.status == 429]


@pytest.mark.parametrize("proxies", [0, 1, 2])
async def test_behind_proxies_one_who_guesses_shuts_nobody_else_out(
    database: Database, bot: FakeBot, proxies: int
) -> None:
    given = Given(environment={"SPARC_WEB_PROXIES": str(proxies)})
    inner = ", 10.0.0.1" if proxies == 2 else ""
    async with page_of(database, bot, _alarming, given) as page:
        for number in range(2):  # with an address before it that the caller has invented
            limited = await _guesses(page, 40, **{"X-Forwarded-For": f"1.2.3.{number}, 192.0.2.7{inner}"})
        assert limited
        body = {"token": page.portal.sign("demo.chen")}
        reply = await page.nobody().post("sign-in", body, {"X-Forwarded-For": f"192.0.2.8{inner}"})
        assert reply.status == (200 if proxies else 429)
        assert len(await _guesses(page, 1, **{"X-Forwarded-For": f"192.0.2.7{inner}"})) == 1


# --- the session --------------------------------------------------------------------------------------------------


async def test_the_cookie(page: Page, secure: Page) -> None:
    for one, expected in ((page, "sparc"), (secure, "__Host-sparc")):
        reply = await one.nobody().post("sign-in", {"token": one.portal.sign("demo.chen")})
        name, _, rest = reply.cookies.partition("=")
        attributes = {each.strip().lower() for each in rest.split(";")[1:]}
        assert {"path=/", "httponly", "samesite=strict", "max-age=43200"} <= attributes
        assert not any(each.startswith("domain") for each in attributes)
        assert (name, "secure" in attributes) == (expected, one is secure)


async def test_a_cookie_of_the_other_name_is_none(secure: Page) -> None:
    tab = await secure.sign_in("demo.chen")
    reply = await secure.nobody().get("session", Cookie=f"sparc={tab.cookie}")
    assert reply.body["signed_in"] is False


@pytest.mark.parametrize("setting", ["idle", "lifetime"])
async def test_a_session_ends(database: Database, bot: FakeBot, setting: str) -> None:
    async with page_of(database, bot, _alarming, Given({setting: timedelta(0)})) as page:
        reply = await page.nobody().post("sign-in", {"token": page.portal.sign("demo.chen")})
        tab = Tab(page, reply.cookies.partition("=")[2].partition(";")[0], "0" * 64)
        assert (await tab.get("session")).body["signed_in"] is False
        for answer in (await tab.say("hello"), await tab.get("history"), await tab.get(f"calendar/{new_id()}")):
            assert _refused(answer, 401, "signed_out")
    assert bot.heard == []


async def test_signing_out(page: Page) -> None:
    tab, other = await page.sign_in("demo.chen"), await page.sign_in("demo.chen")
    reply = await tab.post("sign-out", {})
    assert (reply.status, reply.body) == (200, {"signed_in": False})
    assert "max-age=0" in reply.cookies.lower()
    assert _refused(await tab.say("hello"), 401, "signed_out")
    assert _refused(await tab.post("sign-out", {}), 401, "signed_out")
    assert (await other.say("hello")).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": None}, {"Origin": "null"}, {"Origin": "https://evil.example"}, {"Origin": PORTAL}, {"X-CSRF-Token": None},
        {"X-CSRF-Token": ""}, {"X-CSRF-Token": "0" * 64}, {"X-CSRF-Token": "\xff\xfe"},
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("path", ["message", "sign-out"])
async def test_what_changes_something_comes_from_the_page_itself(
    page: Page, bot: FakeBot, path: str, headers: dict[str, str | None]
) -> None:
    tab = await page.sign_in("demo.chen")
    assert _refused(await tab.post(path, {"id": new_id(), "text": "hello"}, headers), 403, "foreign_page")
    assert bot.heard == []
    assert (await tab.get("session")).body["signed_in"] is True


async def test_a_csrf_token_is_of_its_session(page: Page, bot: FakeBot) -> None:
    mine, other = await page.sign_in("demo.chen"), await page.sign_in("demo.chen")
    assert mine.csrf != other.csrf
    assert _refused(await Tab(page, mine.cookie, other.csrf).say("hello"), 403, "foreign_page")
    assert bot.heard == []


# --- messages -----------------------------------------------------------------------------------------------------


async def test_the_same_message_again_gets_the_same_reply(page: Page, bot: FakeBot) -> None:
    tab, identifier = await page.sign_in("demo.chen"), new_id()
    first, again = await tab.say("hello", identifier), await tab.say("hello", identifier)
    assert first.status == 200
    assert first.text == again.text
    assert len(bot.heard) == 1
    assert (await tab.say("hello!", identifier)).body != first.body  # other words are another message


async def test_another_account_with_the_same_id_reads_nothing(page: Page, bot: FakeBot) -> None:
    identifier = new_id()
    first = await (await page.sign_in("demo.chen")).say("hello", identifier)
    second = await (await page.sign_in("demo.liu")).say("hello", identifier)
    assert first.body != second.body
    assert [message.metadata["account"] for message in bot.heard] == ["demo.chen", "demo.liu"]
    assert bot.heard[0].sender_id != bot.heard[1].sender_id


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"text": "hello"}, "id"), ({"id": "short", "text": "hello"}, "id"), ({"id": "x" * 65, "text": "hello"}, "id"),
        ({"id": "a b" * 8, "text": "hello"}, "id"), ({"id": "a" * 20 + "\n", "text": "hello"}, "id"), ({"id": 7, "text": "hello"}, "id"),
        ({"id": "../" * 8, "text": "hello"}, "id"), ({"id": "é" * 20, "text": "hello"}, "id"),
        ({"id": "a" * 20}, "text"), ({"id": "a" * 20, "text": ""}, "text"), ({"id": "a" * 20, "text": " \n "}, "text"),
        ({"id": "a" * 20, "text": "\u200b\u202e"}, "text"), ({"id": "a" * 20, "text": ["hello"]}, "text"), ({"id": "a" * 20, "text": "/"}, "text"),
        (b"", "id"), (b"{", "id"), (b"[" * 8000, "id"), (b"\xff\xfe", "id"),
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
async def test_a_message_that_is_none(page: Page, bot: FakeBot, body: Any, code: str) -> None:
    assert _refused(await (await page.sign_in("demo.chen")).post("message", body), 400, code)
    assert bot.heard == []


async def test_a_message_that_is_too_large(page: Page, bot: FakeBot) -> None:
    tab = await page.sign_in("demo.chen")
    assert _refused(await tab.say("a " * 9000), 413, "too_large")
    assert _refused(await page.nobody().post("sign-in", {"token": "x" * 17_000}), 413, "too_large")
    assert bot.heard == []


async def test_too_many_messages_and_an_alarm_among_them(database: Database, bot: FakeBot) -> None:
    async with page_of(database, bot, _alarming, limit=RateLimit(2, StillTime())) as page:
        tab, other = await page.sign_in("demo.chen"), await page.sign_in("demo.chen")
        assert (await tab.say("hello")).status == 200
        limited = await other.say("hello again")  # another browser of the same account
        assert _refused(limited, 429, "too_many")
        assert int(limited.headers["Retry-After"]) > 0
        assert (await tab.say("I see blood")).status == 200
        assert (await (await page.sign_in("demo.liu")).say("hello")).status == 200


async def test_a_bot_that_fails_says_nothing_of_why(database: Database) -> None:
    async def fails(_message: Any) -> None:
        raise KeyError("Li Wei")

    async with page_of(database, fails, _alarming) as page:
        assert _refused(await (await page.sign_in("demo.chen")).say("hello"), 503, "not_answered")


# --- what is given out --------------------------------------------------------------------------------------------


async def _with_calendar(message: Any) -> None:
    address = "data:text/calendar;charset=utf-8;base64," + base64.b64encode(CALENDAR).decode()
    custom = {"answer": "visit_list", "about": "P-0001", "data": {}}
    answer = {"text": "Visits", "custom": custom, "attachment": address}
    await message.output_channel.send_response(message.sender_id, answer)


async def test_the_calendar_is_its_own_accounts_alone(database: Database) -> None:
    async with page_of(database, _with_calendar, _alarming) as page:
        tab, identifier = await page.sign_in("demo.chen"), new_id()
        said = (await tab.say("my visits", identifier)).body["messages"][0]
        assert said["file"] == f"/chat/calendar/{identifier}"
        assert "attachment" not in said
        reply = await tab.get(f"calendar/{identifier}")
        assert (reply.status, reply.text.encode()) == (200, CALENDAR)
        assert reply.headers["Content-Disposition"] == 'attachment; filename="visits.ics"'
        assert reply.headers["Cache-Control"] == "no-store"
        assert (await tab.get("history")).body["entries"][-1]["file"] == said["file"]
        for other in (await page.sign_in("demo.liu"), await page.sign_in("demo.nurse")):
            assert _refused(await other.get(f"calendar/{identifier}"), 404, "no_file")
        assert _refused(await page.nobody().get(f"calendar/{identifier}"), 401, "signed_out")
        for odd in ("..%2f..%2fconfig.py", "%00", "a" * 300, f"{identifier}%20", f"{identifier}'"):
            assert (await tab.get(f"calendar/{odd}")).status in (400, 404)


async def test_an_account_that_is_somebody_else_now_finds_nothing_said_before(page: Page) -> None:
    as_nobody = await page.sign_in("stranger.web")
    await as_nobody.say("hello")
    assert len((await as_nobody.get("history")).body["entries"]) == 2
    as_nurse = await page.sign_in("stranger.web", roles=["ward-7-nurses"])
    assert (await as_nurse.get("history")).body["entries"] == []
    assert page.conversations.asked[-1] not in page.conversations.events


@pytest.mark.parametrize("before", ["-1", "1.5", "", "x", "1" * 16, "١", "1%00", "1;2"])
async def test_a_place_in_the_history_that_is_none(page: Page, before: str) -> None:
    assert (
        _refused(await (await page.sign_in("demo.chen")).get(f"history?before={before}"), 400, "before") or not before
    )


async def test_the_history_in_pages(page: Page) -> None:
    tab = await page.sign_in("demo.huang")
    await tab.say("number 0")
    (turn,) = page.conversations.events.values()
    for number in range(1, 120):
        said = {**turn[0][1], "text": f"number {number}", "message_id": new_id()}
        turn += [(2 * number + 1, said), (2 * number + 2, turn[1][1])]
    seen: list[str] = []
    before: int | None = None
    for _ in range(10):
        found = (await tab.get("history" if before is None else f"history?before={before}")).body
        seen = [entry["text"] for entry in found["entries"] if entry["from"] == "person"] + seen
        before = found["before"]
        if before is None:
            break
    assert seen == [f"number {number}" for number in range(120)]


async def test_what_staff_read_again_is_on_the_trail(page: Page, bot: FakeBot, database: Database) -> None:
    async def about(message: Any) -> None:
        custom = {"answer": "visit_list", "about": "P-0002", "data": {}}
        await message.output_channel.send_response(message.sender_id, {"text": "Visits", "custom": custom})

    bot.behave = about
    tab = await page.sign_in("reads.again", roles="ward-7-nurses")
    await tab.say("visits of P-0002")
    before = await _history_reads(database)
    await tab.get("history")
    assert await _history_reads(database) == before + 1


async def _history_reads(database: Database) -> int:
    async with database.session() as session:
        found = await session.execute(
            text("SELECT count(*) FROM audit WHERE why = 'web chat: history' AND subject = 'P-0002'")
        )
        return int(found.scalar_one())


async def test_without_a_session_nothing_of_anybody_is_told(page: Page) -> None:
    about = (await page.nobody().get("session")).body
    assert set(about) == {"signed_in", "telephone", "portal", "demo"}
    for path in (f"session?token={page.portal.sign('demo.chen')}", "session?link=x", "?token=x"):
        assert "csrf" not in (await page.nobody().get(path)).text
    for path in ("history", f"calendar/{new_id()}"):
        assert _refused(await page.nobody().get(path), 401, "signed_out")


PATHS = [
    "", "page.js", "deep-chat.js", "icon.svg", "session", "criteria", "history", f"calendar/{'x' * 20}", "no-such-file", "message", "sign-in",
    "sign-out", "vendor/deepChat.bundle.js", "..%2fconfig.py", "%2e%2e/config.py", "/", "/chat/../webhooks",
]  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
async def test_every_answer_protects_itself(secure: Page, method: str) -> None:
    for path in PATHS:
        reply = await secure.request(method, path, b"" if method == "POST" else None, {})
        where = f"{method} {path}: {reply.status}"
        assert reply.status < 500, where
        assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"], where
        assert "unsafe" not in reply.headers["Content-Security-Policy"], where
        assert reply.headers["X-Content-Type-Options"] == "nosniff", where
        assert reply.headers["Referrer-Policy"] == "no-referrer", where
        assert reply.headers["Strict-Transport-Security"].startswith("max-age="), where
        assert reply.headers["Cache-Control"] in ("no-store", "no-cache", "max-age=300"), where
        assert "Access-Control-Allow-Origin" not in reply.headers, where
        assert "sanic" not in reply.headers.get("Server", "").lower(), where


async def test_only_the_pages_files_are_served(page: Page) -> None:
    found = {path: (await page.nobody().get(path)).status for path in PATHS}
    assert [path for path, status in found.items() if status == 200] == [
        "", "page.js", "deep-chat.js", "icon.svg", "session", "criteria",
    ]  # fmt: skip


async def test_a_file_that_the_browser_has_is_not_sent_again(page: Page) -> None:
    first = await page.nobody().get("page.js")
    again = await page.nobody().get("page.js", **{"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.text) == (304, "")
    changed = await page.nobody().get("page.js", **{"If-None-Match": '"x"'})
    assert changed.text == first.text


async def test_the_page_names_no_other_host(page: Page) -> None:
    html = (await page.nobody().get("")).text
    assert "://" not in html
    assert json.dumps((await page.nobody().get("criteria")).body).count("Active hepatitis B or C") == 1
