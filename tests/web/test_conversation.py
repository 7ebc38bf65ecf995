"""The chat page in a real browser: what patients and staff do there."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.helpers.assistant import Assistant
from tests.helpers.browser import DESKTOP, Chat
from tests.helpers.portal import Portal

from .conftest import OpenBrowser

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1500)]

NOTE = (
    "58M, ECOG 1, cT3N1M0, MSS, 6 cm from the anal verge, adenocarcinoma.\n"
    "HBsAg positive, HBV DNA 3000 IU/ml. Hb 112 g/L, platelets 180."
)
MARKUP = "<img src=x onerror=\"document.title='taken over'\"> <b>bold</b> &amp; **stars** [link](javascript:alert(1))"
_SEND_MANY = """async (texts) => {
  const {csrf} = await (await fetch('/chat/session')).json();
  for (const [index, text] of texts.entries()) {
    const reply = await fetch('/chat/message', {method: 'POST', headers: {'Content-Type': 'application/json', 'X-CSRF-Token': csrf},
      body: JSON.stringify({id: `test-of-many-${String(index).padStart(4, '0')}`, text})});
    if (!reply.ok) { throw new Error(String(reply.status)); }
  }
}"""


async def as_account(chat: Chat, portal: Portal, account: str, **claims: Any) -> None:
    """Signs in by the portal's token."""
    await chat.open(f"#token={portal.sign(account, **claims)}")
    await expect(chat.log).to_be_visible()


# --- patients -----------------------------------------------------------------------------------------------------


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
        assert await answer.locator(".leaf-day").inner_text() == "7"
        await chat.picture("next-visit-phone-light")


async def test_a_patient_who_reads_chinese(open_browser: OpenBrowser, demo_links: dict[str, str]) -> None:
    async with open_browser() as chat:
        await chat.page.goto(demo_links["a patient, in Chinese"])
        await chat.settled()
        assert await chat.page.get_attribute("html", "lang") == "zh-CN"
        await expect(chat.page.get_by_role("textbox", name="输入消息")).to_be_visible()
        await expect(chat.page.get_by_role("button", name="退出")).to_be_visible()
        example = chat.page.get_by_role("button", name="我下次什么时候来医院？")
        answer = await chat.answer_to(example.click)
        assert "下次访视是2026年12月14日(星期一):第3周期第1天。" in await answer.inner_text()
        assert await answer.get_attribute("lang") == "zh-CN"
        await chat.picture("next-visit-phone-light-zh")

        await chat.page.get_by_role("button", name="Switch to English").click()
        await expect(chat.page.get_by_role("textbox", name="Write a message")).to_be_visible()
        assert await chat.page.get_attribute("html", "lang") == "en"
        assert "2026年12月14日" in await chat.answers.last.inner_text()  # what was said stays as it was said
        await chat.page.get_by_role("button", name="切换到中文").click()
        await expect(chat.page.get_by_role("textbox", name="输入消息")).to_be_visible()


async def test_the_browsers_language_counts_for_an_account_that_has_none(
    open_browser: OpenBrowser, portal: Portal
) -> None:
    async with open_browser(language="zh-CN") as chat:
        await as_account(chat, portal, "nobody.zh")
        assert await chat.page.inner_text("#who") == "未关联参与者 · 演示" or "未关联" in await chat.page.inner_text(
            "#who"
        )
        await expect(chat.page.get_by_role("textbox", name="输入消息")).to_be_visible()


async def test_an_account_that_is_linked_to_nobody_reads_nothing_of_a_person(
    open_browser: OpenBrowser, portal: Portal
) -> None:
    async with open_browser() as chat:
        await as_account(chat, portal, "stranger.1")
        assert "not linked" in await chat.page.inner_text("#who")
        answer = await chat.say("When is my next visit? I am P-0003")
        assert "not linked to anybody" in await answer.inner_text()
        assert await answer.locator(".card").count() == 0


async def test_buttons_ask_what_they_say(open_browser: OpenBrowser, portal: Portal) -> None:
    async with open_browser() as chat:
        await as_account(chat, portal, "demo.huang")
        example = chat.page.locator(".opening").get_by_role("button", name="When is my next visit?")
        answer = await chat.answer_to(example.click)
        assert "The next visit is Monday 30 November 2026" in await answer.inner_text()
        asked_back = await chat.say("tablets")
        buttons = asked_back.get_by_role("group", name="Suggestions").get_by_role("button")
        offered = await buttons.all_inner_texts()  # which ones is the dialogue's to say
        assert len(offered) > 1
        await chat.answer_to(buttons.nth(1).click)
        own = chat.page.locator(".message.person .said")
        assert (await own.all_inner_texts())[-3:] == ["When is my next visit?", "tablets", offered[1]]


async def test_the_calendar_is_a_picture_and_a_file(open_browser: OpenBrowser, portal: Portal, tmp_path: Path) -> None:
    async with open_browser() as chat:
        await as_account(chat, portal, "demo.chen")
        answer = await chat.say("Show me all my visits")
        months = answer.get_by_role("table")
        captions = [await months.nth(at).locator("caption").inner_text() for at in range(await months.count())]
        assert captions == ["November 2026", "December 2026", "January 2027", "February 2027"]
        today = months.nth(0).locator("td.today")
        assert (await today.locator(".number").inner_text(), await today.count()) == ("24", 1)
        assert "Radiotherapy 2 of 5, planned" in (await today.text_content() or "")
        marks = await months.nth(0).locator("td.marked .visit > [aria-hidden]").all_inner_texts()
        assert marks == ["RT1", "RT2", "RT3", "RT4", "RT5", "IO1", "IO1"]
        lines = answer.locator(".lines .line")
        assert await lines.count() == 12
        assert "Saturday, 28 November 2026 or Sunday, 29 November 2026" in await _line(lines, "First penpulimab")
        assert "No date yet, not before Sunday, 7 March 2027" in await _line(lines, "Surgery")
        await answer.scroll_into_view_if_needed()
        await chat.picture("visits-phone-light")
        for moment in ("at once", "from the history"):
            async with chat.page.expect_download() as waiting:
                await chat.answers.last.get_by_role("link", name="Save as calendar file").click()
            download = await waiting.value
            assert download.suggested_filename == "visits.ics"
            path = tmp_path / f"{moment}.ics"
            await download.save_as(path)
            text = path.read_text(encoding="utf-8")
            assert text.startswith("BEGIN:VCALENDAR"), moment
            assert "20261207" in text
            await chat.page.reload()
            await chat.settled()


async def _line(lines: Any, words: str) -> str:
    text: str = await lines.filter(has_text=words).inner_text()
    return text


async def test_a_sign_of_illness_stands_out_and_can_be_called_about(open_browser: OpenBrowser, portal: Portal) -> None:
    async with open_browser() as chat:
        await as_account(chat, portal, "demo.lin")
        answer = await chat.say("I have bloody diarrhoea eight times a day and a fever of 39")
        alert = answer.get_by_role("alert")
        assert await answer.get_attribute("lang") == "en"
        assert (await alert.locator(".level").inner_text()).endswith("Urgent")  # on a page in Chinese
        link = alert.get_by_role("link").first
        assert await link.get_attribute("href") == f"tel:{await link.inner_text()}"
        await chat.picture("illness-phone-light")


async def test_the_conversation_is_there_again_on_every_device(open_browser: OpenBrowser, portal: Portal) -> None:
    async with open_browser() as chat:
        await as_account(chat, portal, "demo.guo")
        await chat.say("When is my next visit?")
        said = await chat.page.locator(".message:not(.opening)").all_inner_texts()
        await chat.page.reload()
        await chat.settled()
        assert await chat.page.locator(".message:not(.opening)").all_inner_texts() == said
        async with open_browser(size=DESKTOP) as other:
            await as_account(other, portal, "demo.guo")
            await expect(other.answers.last).to_be_visible()
            assert await other.page.locator(".message:not(.opening)").all_inner_texts() == said
        kept = await chat.page.evaluate("() => [localStorage.length, sessionStorage.length, document.cookie]")
        assert kept == [0, 0, ""]


async def test_a_slow_device_shows_everything_once(open_browser: OpenBrowser, portal: Portal) -> None:
    asked: list[str] = []
    async with open_browser() as chat:
        await as_account(chat, portal, "slow.device")
        await chat.say("What is this trial about?")
        chat.page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
        await chat.page.add_init_script(
            "{ const timer = window.setTimeout; window.setTimeout = (work, wait = 0, ...rest) => timer(work, wait < 20 ? 60 : wait, ...rest); }"
        )
        await chat.page.reload()
        await chat.settled()
        await expect(chat.log).to_be_visible()
        await expect(chat.answers).to_have_count(1)
        await chat.say("Who can take part?")
        await expect(chat.answers).to_have_count(2)
        assert asked.count("history") == 1
        await expect(chat.page.get_by_role("button", name="Send")).to_have_count(1)


async def test_a_long_conversation_comes_in_pages(open_browser: OpenBrowser, portal: Portal) -> None:
    texts = [f"Is number {number} a good number?" for number in range(45)]
    async with open_browser() as chat:
        await as_account(chat, portal, "talkative")
        await chat.page.evaluate(_SEND_MANY, texts)
        await chat.page.reload()
        await chat.settled()
        own = chat.page.locator(".message.person .said")
        await expect(own.last).to_have_text(texts[-1])
        at_first = await own.count()
        assert 0 < at_first < len(texts)
        assert await chat.page.locator(".opening").count() == 0
        await chat.log.evaluate("(log) => { log.scrollTop = 0; }")
        await expect(own).to_have_count(len(texts))
        assert await own.all_inner_texts() == texts
        await chat.log.evaluate("(log) => { log.scrollTop = 0; }")
        await expect(chat.page.locator(".opening")).to_have_count(1)


async def test_what_a_person_writes_is_only_ever_text(open_browser: OpenBrowser, portal: Portal) -> None:
    async with open_browser() as chat:
        await as_account(chat, portal, "demo.xie")
        for _ in ("as it is sent", "from the history"):
            if not await chat.answers.count():
                await chat.say(MARKUP)
            own = chat.page.locator(".message.person .said")
            assert await own.inner_text() == MARKUP
            assert await own.locator("*").count() == 0
            assert await chat.page.title() == "SPARC Assistant"
            assert await chat.page.locator("deep-chat img, deep-chat a[href^=javascript]").count() == 0
            await chat.page.reload()
            await chat.settled()


async def test_a_message_waits_for_the_network_and_is_answered_once(open_browser: OpenBrowser, portal: Portal) -> None:
    async with open_browser() as chat:
        await as_account(chat, portal, "demo.zheng")
        chat.forgiven.append("net::ERR_INTERNET_DISCONNECTED")
        await chat.page.context.set_offline(True)
        await chat.field.click()
        await chat.page.keyboard.insert_text("I want to talk to a real person")
        await chat.page.keyboard.press("Enter")
        notice = chat.page.get_by_role("status").first
        await expect(notice).to_contain_text("No connection. Your message is kept and sent again.")
        assert (await notice.get_by_role("link").first.get_attribute("href") or "").startswith("tel:")
        await chat.page.context.set_offline(False)
        await expect(chat.answers).to_have_count(1)
        await expect(notice).to_contain_text("Connected again.")
        ticket = re.search(r"T-\d+", await chat.answers.last.inner_text())
        assert ticket is not None
        await chat.page.reload()
        await chat.settled()
        assert await chat.page.locator(".message.person").count() == 1
        assert ticket[0] in await chat.answers.last.inner_text()


async def test_an_answer_that_was_lost_on_its_way_is_asked_for_again(open_browser: OpenBrowser, portal: Portal) -> None:
    async with open_browser() as chat:
        await as_account(chat, portal, "demo.liu")
        chat.forgiven.append("net::ERR_FAILED")
        lost: list[str] = []

        async def lose(route: Any) -> None:
            if lost:
                await route.continue_()
                return
            reply = await route.fetch()  # the server has answered, nobody hears it
            lost.append(await reply.text())
            await route.abort()

        await chat.page.route("**/chat/message", lose)
        answer = await chat.say("I want to talk to a real person")
        ticket = re.search(r"T-\d+", lost[0])
        assert ticket is not None
        assert ticket[0] in await answer.inner_text()


@pytest.mark.parametrize(
    ("account", "claims", "texts"),
    [
        (
            "demo.yang",
            {},
            ["Who can take part?", "What is this trial about?", "Which tablets do I take today?", "I missed a dose",
             "What happens at my next visit?", "Can I come on Friday instead?", "Who can I call?", "thank you",
             "When is my next visit and which tablets do I take today?", "谁可以参加？", "我今天要吃卡培他滨吗？", "qwertz"],
        ),
        (
            "staff.asks.all",
            {"roles": "trial-coordinators"},
            ["Who can take part?", "Status of P-0003", "Dose of P-0004 today", "Who is overdue?", "Show me the open tickets",
             "Visits of P-0001", "Who comes on 7 December?", "Next visit of P-0099", "What is the stage one decision?", "hello"],
        ),
    ],
)  # fmt: skip
async def test_every_kind_of_answer_is_shown(
    open_browser: OpenBrowser, portal: Portal, account: str, claims: dict[str, Any], texts: list[str]
) -> None:
    async with open_browser() as chat:
        await as_account(chat, portal, account, **claims)
        before = await chat.answers.count()
        for number, text in enumerate(texts, before + 1):
            answer = await chat.say(text)
            assert await chat.answers.count() == number, text
            assert len((await answer.locator("p, li").all_inner_texts())[0]) > 5, text
        assert await chat.page.locator(".message.problem").count() == 0
        assert await chat.overflow() <= 0
        await chat.page.reload()
        await chat.settled()
        await expect(chat.answers).to_have_count(before + len(texts))


# --- staff --------------------------------------------------------------------------------------------------------


async def test_a_coordinators_pre_check_marks_its_evidence(
    open_browser: OpenBrowser, demo_links: dict[str, str]
) -> None:
    async with open_browser(size=DESKTOP) as chat:
        await chat.page.goto(demo_links["the coordinator"])
        await chat.settled()
        assert "coordinator" in await chat.page.inner_text("#who")
        answer = await chat.say(NOTE)
        card = answer.get_by_role("group", name="Pre-check", exact=True)
        note = card.locator("blockquote")
        written = await note.evaluate(
            "(note) => { const copy = note.cloneNode(true); copy.querySelectorAll('sup, .unseen').forEach((each) => each.remove()); return copy.textContent; }"
        )
        assert written == NOTE
        barrier = note.locator("mark.fail").filter(has_text="HBV DNA 3000 IU/ml")
        assert await barrier.locator("sup").inner_text() == "E12"
        assert "(E12: barrier)" in (await barrier.text_content() or "")
        assert await note.locator("mark.pass").filter(has_text="ECOG 1").count() == 1
        table = card.get_by_role("table").first
        assert await table.get_by_role("columnheader").all_inner_texts() == [
            "Criterion", "Result", "Evidence and reason",
        ]  # fmt: skip
        first = table.get_by_role("row").nth(1)
        assert (await first.get_by_role("rowheader").inner_text()).startswith("E12 ")
        assert await first.get_by_role("cell").first.inner_text() == "barrier"
        assert "HBV DNA 3000 IU/ml" in await first.locator("q").all_inner_texts()
        await answer.scroll_into_view_if_needed()
        await chat.picture("evidence-desktop-light")
        rest = card.locator("details")
        await rest.locator("summary").click()
        told = await card.locator("tbody tr:visible").count()
        assert told == 27
        await chat.page.reload()
        await chat.settled()
        again = chat.answers.last.locator("blockquote mark.fail").filter(has_text="HBV DNA 3000 IU/ml")
        await expect(again).to_have_count(1)


async def test_a_plot_is_shown_under_the_content_policy(open_browser: OpenBrowser, portal: Portal) -> None:
    async with open_browser(size=DESKTOP, scheme="dark") as chat:
        await as_account(chat, portal, "staff.by.portal", roles=["trial-coordinators"])
        for _ in range(5):  # the first answer of a busy server does not wait for its picture
            answer = await chat.say("How is recruitment going?")
            plot = answer.get_by_role("img", name="Plot of accrual")
            if await plot.count():
                break
        assert await plot.evaluate("(image) => image.decode().then(() => image.naturalWidth > 100)")
        await chat.picture("recruitment-desktop-dark")


async def test_a_list_of_visits_is_not_told_twice(open_browser: OpenBrowser, portal: Portal) -> None:
    async with open_browser(size=DESKTOP) as chat:
        await as_account(chat, portal, "staff.nurse", roles="ward-7-nurses")
        assert "nurse" in await chat.page.inner_text("#who")
        answer = await chat.say("Who comes this week?")
        assert await answer.locator("ul li").count() == 7
        assert await answer.locator(".months table").count() == 1
        assert await answer.locator(".lines").count() == 0


# --- how it looks -------------------------------------------------------------------------------------------------


async def test_dark_where_the_device_is(open_browser: OpenBrowser, portal: Portal) -> None:
    shades: dict[str, list[int]] = {}
    for scheme in ("light", "dark"):
        async with open_browser(scheme=scheme) as chat:
            await as_account(chat, portal, "shades")
            places = ("body", ".bar", ".opening", "#text-input")
            shades[scheme] = [
                await chat.page.locator(place).first.evaluate(
                    "(node) => { let at = node; let found; do { found = getComputedStyle(at).backgroundColor; at = at.parentElement ?? at.getRootNode().host; }"
                    " while (/, 0\\)$/.test(found)); return Number(found.match(/\\d+/)[0]); }"
                )
                for place in places
            ]
    assert min(shades["light"]) > 200
    assert max(shades["dark"]) < 60


async def test_it_prints_as_a_document(open_browser: OpenBrowser, portal: Portal) -> None:
    async with open_browser(size=DESKTOP) as chat:
        await as_account(chat, portal, "staff.who.prints", roles=["trial-coordinators"])
        await chat.say(NOTE)
        await chat.page.evaluate("() => { window.printed = 0; window.print = () => { window.printed += 1; }; }")
        await chat.page.get_by_role("button", name="Print").click()
        assert await chat.page.evaluate("() => window.printed") == 1
        pdf = await chat.page.pdf()
        assert pdf.startswith(b"%PDF")
        await chat.page.emulate_media(media="print")
        await chat.page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
        paper = chat.page.locator("#paper")
        text = await paper.inner_text()
        assert "SPARC Assistant · coordinator" in text
        assert re.search(r"Printed \d{1,2} \w+ \d{4}", text)
        assert NOTE.splitlines()[1] in text
        assert await paper.locator("tbody tr:visible").count() == 27  # also those that the screen folds away
        assert await paper.locator("mark.fail").count() > 0
        assert await chat.page.locator("header, #chat, #notice").evaluate_all(
            "(all) => all.every((each) => getComputedStyle(each).display === 'none' || !each.getClientRects().length)"
        )
        await chat.picture("print")


async def test_two_tabs_and_two_people(open_browser: OpenBrowser, portal: Portal, assistant: Assistant) -> None:
    async with open_browser() as chat:
        await as_account(chat, portal, "demo.wu")
        await chat.say("Who can I call?")
        second = await chat.page.context.new_page()
        await second.goto(f"{chat.address}/chat/#token={portal.sign('demo.tang')}")
        await expect(second.get_by_role("log")).to_be_visible()
        chat.forgiven.append("403")
        await chat.field.click()
        await chat.page.keyboard.insert_text("I want to talk to a real person")
        await chat.page.keyboard.press("Enter")
        refused = chat.page.locator(".message.problem")
        await expect(refused).to_contain_text("Somebody else has signed in in this browser. This message was not sent.")
        await second.reload()
        await expect(second.get_by_role("log")).to_be_visible()
        assert await second.locator(".message.person").count() == 0


async def test_several_messages_at_once_each_get_their_answer(open_browser: OpenBrowser, portal: Portal) -> None:
    async with open_browser() as one, open_browser() as other:
        await asyncio.gather(as_account(one, portal, "twice.open"), as_account(other, portal, "twice.open"))
        answers = await asyncio.gather(one.say("Who can take part?"), other.say("What is this trial about?"))
        texts = [await answer.inner_text() for answer in answers]
        assert texts[0] != texts[1]
        await one.page.reload()
        await one.settled()
        await expect(one.answers).to_have_count(2)
