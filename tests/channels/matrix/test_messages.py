"""Replies as Matrix messages: nothing that was written becomes markup, nothing becomes too large."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from bot.channels.exchange import channel_phrases
from bot.channels.matrix.messages import CARD, File, Messages, as_html
from bot.commands.precheck import precheck
from bot.trial.protocol import load_protocol

from .conftest import CLOCK, PNG


@pytest.fixture(scope="module")
def messages() -> Messages:
    return Messages(channel_phrases(), load_protocol())


def _reply(**changes: Any) -> list[dict[str, Any]]:
    custom = {"answer": "greeting", "about": None, "data": {"bsa_m2": 1.73}, "language": "en"}
    return [{"recipient_id": "@a:b", "text": "hello", "custom": custom, **changes}]


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("one", "<p>one</p>"), ("one\ntwo", "<p>one<br>two</p>"), ("one\n\ntwo", "<p>one</p><p>two</p>"),
        ("list:\n- a\n- b\nend", "<p>list:</p><ul><li>a</li><li>b</li></ul><p>end</p>"),
        ("<script>alert(1)</script> & \"x\"", "<p>&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;x&quot;</p>"),
        ("- <b>", "<ul><li>&lt;b&gt;</li></ul>"), ("", ""),
    ],
)  # fmt: skip
def test_text_as_html(text: str, html: str) -> None:
    assert as_html(text) == html


def test_a_notice_carries_text_html_and_the_card(messages: Messages) -> None:
    (notice,) = messages.parts(_reply())
    assert isinstance(notice, dict)
    assert (notice["msgtype"], notice["body"], notice["formatted_body"]) == ("m.notice", "hello", "<p>hello</p>")
    assert json.loads(notice[CARD])["data"] == {"bsa_m2": 1.73}  # as text: events may hold no fractions


def test_suggestions_are_words_to_write(messages: Messages) -> None:
    (notice,) = messages.parts(_reply(buttons=[{"title": "a <b>", "payload": "x"}]))
    assert isinstance(notice, dict)
    assert notice["body"] == "hello\nYou could write: “a <b>”"
    assert "<em>You could write: “a &lt;b&gt;”</em>" in notice["formatted_body"]


def test_a_pre_check_is_a_table_with_its_evidence(messages: Messages) -> None:
    (found,) = precheck(["58M, ECOG 3, cT3N1M0, MSS, 6 cm from the anal verge <b>"], CLOCK.today())
    (notice,) = messages.parts(_reply(custom={"answer": "eligibility_check", "data": found, "language": "en"}))
    assert isinstance(notice, dict)
    table = notice["formatted_body"]
    assert table.index("<strong>fail</strong>") < table.index("<td>pass</td>")
    assert "ECOG 3" in table
    assert table.count("<tr>") == 1 + sum(one["result"] != "unknown" for one in found["criteria"])
    assert "<b>" not in table


def test_what_is_too_large_loses_the_card_first_then_the_markup(messages: Messages) -> None:
    (card,) = messages.parts(_reply(text="a" * 24_000))
    (plain,) = messages.parts(_reply(text="a" * 40_000))
    (cut,) = messages.parts(_reply(text="药" * 40_000))
    for notice in (card, plain, cut):
        assert isinstance(notice, dict)
        assert len(json.dumps(notice, ensure_ascii=False).encode()) < 60_000
    assert isinstance(card, dict)
    assert isinstance(plain, dict)
    assert ("formatted_body" in card, "formatted_body" in plain) == (True, False)


def test_pictures_and_files(messages: Messages) -> None:
    calendar = "data:text/calendar;charset=utf-8;base64," + base64.b64encode(b"BEGIN").decode()
    _, picture, file = messages.parts(_reply(image=PNG, attachment=calendar))
    assert isinstance(picture, File)
    assert isinstance(file, File)
    shown = picture.content("mxc://a/b")
    assert (shown["msgtype"], shown["url"], shown["info"]["w"], shown["info"]["h"]) == ("m.image", "mxc://a/b", 1, 1)
    assert (file.data, file.kind, file.content("mxc://a/c")["msgtype"]) == (b"BEGIN", "text/calendar", "m.file")


@pytest.mark.parametrize(
    "address", ["https://evil.test/x.png", "data:image/png;base64,***", "javascript:alert(1)", "data:"]
)
def test_other_addresses_are_no_files(messages: Messages, address: str) -> None:
    assert len(messages.parts(_reply(image=address))) == 1
