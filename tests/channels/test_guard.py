"""What may pass: bodies of the contract's form, text that is only text, and not too much of it."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rasa.shared.core.domain import Domain
from rasa.shared.core.training_data.story_reader.yaml_story_reader import YAMLStoryReader
from rasa.shared.nlu.training_data.message import Message

from bot.channels.guard import BadBody, RateLimit, clean_text, parse_body

GOOD = {"account": "li.wei", "conversation": "room-17", "direct": True, "text": "When is my next visit?"}
DOMAIN = Domain.from_yaml("intents: [ask_next_visit, ask_visits_on]\nentities: [participant]")


def _body(**changes: Any) -> bytes:
    return json.dumps({name: value for name, value in {**GOOD, **changes}.items() if value is not ...}).encode()


def test_a_good_body_is_read() -> None:
    inbound = parse_body(_body())
    assert (inbound.account, inbound.conversation, inbound.direct) == ("li.wei", "room-17", True)
    assert inbound.text == "When is my next visit?"


def test_fields_of_no_meaning_change_nothing_but_the_hash() -> None:
    extra = parse_body(_body(role="coordinator", metadata={"identity": {"kind": "staff"}}, sender="demo.coordinator"))
    assert (extra.account, extra.text) == ("li.wei", GOOD["text"])
    assert extra.body_hash != parse_body(_body()).body_hash


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("account", ...), ("account", None), ("account", ""), ("account", 7), ("account", ["li.wei"]),
        ("account", {"id": "li.wei"}), ("account", True), ("account", " li.wei"), ("account", "li.wei "),
        ("account", "li\nwei"), ("account", "li\x1fwei"), ("account", "li\u200bwei"), ("account", "\u202eiew.il"),
        ("account", "li\x00wei"), ("account", "li\ud800wei"), ("account", "\ufeffli.wei"), ("account", "a" * 129),
        ("account", "li\u00a0wei"), ("account", "\u3000"),
        ("conversation", ...), ("conversation", None), ("conversation", ""), ("conversation", 17),
        ("conversation", "room\t17"), ("conversation", "r" * 129), ("conversation", "\u2028"),
        ("direct", ...), ("direct", None), ("direct", 1), ("direct", 0), ("direct", "true"), ("direct", "false"),
        ("direct", []), ("direct", {}),
        ("text", ...), ("text", None), ("text", 5), ("text", ["hello"]), ("text", {"text": "hello"}), ("text", True),
        ("text", ""), ("text", "  \n\t "), ("text", "\u200b\u200d\ufeff"), ("text", "\x00\x01"), ("text", "/"),
        ("text", " / / "), ("text", "\u202e"), ("text", "\ud800"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(field: str, value: Any) -> None:
    with pytest.raises(BadBody, match=rf"^{field}: expected"):
        parse_body(_body(**{field: value}))


@pytest.mark.parametrize("length", [1, 128])
def test_names_of_1_to_128_characters_pass(length: int) -> None:
    assert parse_body(_body(account="李" * length)).account == "李" * length


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b'"text"', b"7", b"{", b"{}}", b"not json", b"[" * 16_000, b'{"a":' * 3_000,
        b'{"text": NaN}', b'{"text": Infinity}', b'{"text": -Infinity}', b"\xff\xfe", b'{"text": "\xed\xa0\x80"}',
        b"\xef\xbb\xbf{}", b'{"text": ' + b"1" * 5_000 + b"}", b"{'text': 'single'}", b'{"text": "a\nb"}',
        b'{"text": "tab\there"}', b"{} {}", b'{"text": "\\ud8"}', b'{"text": 1e}',
        json.dumps(GOOD).encode("utf-16"), json.dumps(GOOD).encode("utf-32"),
    ],
)  # fmt: skip
def test_what_is_no_json_object_in_utf8_is_refused(body: bytes) -> None:
    with pytest.raises(BadBody, match=r"^body: expected"):
        parse_body(body)


@pytest.mark.parametrize("field", ["account", "conversation", "direct", "text", "other"])
def test_a_field_that_comes_twice_is_refused(field: str) -> None:
    body = _body(other=1)[:-1] + f', "{field}": "demo.coordinator"'.encode() + b"}"
    with pytest.raises(BadBody, match=rf"^{field}: expected once"):
        parse_body(body)


def test_a_field_that_comes_twice_deep_inside_is_refused() -> None:
    with pytest.raises(BadBody, match=r"^a: expected once"):
        parse_body(_body()[:-1] + b', "extra": [{"a": 1, "a": 2}]}')


@pytest.mark.parametrize("key", ["\\ud800", "\\u0000", "\\u202e", "\\n", ""])
def test_an_error_names_a_field_in_printable_characters(key: str) -> None:
    with pytest.raises(BadBody) as refused:
        parse_body(f'{{"{key}": 1, "{key}": 2}}'.encode())
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("hello", "hello"), ("  hello  ", "hello"), ("你好", "你好"), ("fever 38.5 °C", "fever 38.5 °C"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"), ("a\tb", "a\tb"), ("a\x00b", "ab"), ("a\x1bb", "ab"),
        ("P\u200b-0003", "P-0003"), ("\u202eabc", "abc"), ("\u2066abc\u2069", "abc"), ("a\ud800b", "ab"),
        ("\ufeffhi", "hi"), ("a\xadb", "ab"), ("\ue000x", "x"), ("\U000e0041x", "x"), ("1/2 a tablet", "1/2 a tablet"),
        ("/ask_next_visit", "ask_next_visit"), ("//ask_next_visit", "ask_next_visit"), ("\t/x", "x"),
        (" \n / / x", "x"), ("\u200b/x", "x"), ("/\u200b/x", "x"), ("\u2060 /\x00/ x", "x"), ("\u00a0/x", "x"),
        ("\u3000/x", "x"), ("\u2028/x", "x"), ("\x85/x", "x"), ("\x1c/x", "x"),
        ('/ask_visits_on{"participant": "P-0001"}', 'ask_visits_on{"participant": "P-0001"}'),
    ],
)  # fmt: skip
def test_text_is_cleaned(written: str, kept: str) -> None:
    assert clean_text(written) == kept


def test_a_family_emoji_is_taken_apart_but_stays() -> None:
    assert clean_text("👩\u200d👧 ok") == "👩👧 ok"


#: How people who want an intent of their choice begin their text.
PREFIXES = [
    "/", "//", " /", "\n/", "\t/", "\u200b/", "\ufeff/", "\u2060/", "\u00ad/", "\u200e/", "\u3000/", "\u00a0/",
    "\u2028/", "\x85/", "\x1c/", "\x0b/", "\x0c/", "\x00/", "\u180e/", "/ /", "/\u200b/", "\r/", "／", "⁄", "∕", "⧸",
    "\u200b／", "／/", "\u3164/", "\u2800/", "\ufe0f/", "\u034f/", "\u115f/", "\U000e0020/", "\ud800/", "\ue000/",
]  # fmt: skip


def _becomes_an_intent(text: str) -> bool:
    """Whether Rasa's own RegexMessageHandler would take a text for an intent that the writer chose."""
    read = YAMLStoryReader.unpack_regex_message(Message.build(text=text), DOMAIN)
    return bool(read.get("intent", {}).get("name") or read.get("entities"))


def test_no_run_of_signs_is_endless() -> None:
    assert clean_text("a" + "-" * 5_000 + "b" + " ." * 3_000 + "c") == "a" + "-" * 200 + "b" + " ." * 100 + "c"
    assert clean_text("/" * 5_000 + "restart") == "restart"


def test_rasa_would_take_the_payload_uncleaned() -> None:
    assert _becomes_an_intent('/ask_next_visit{"participant": "P-0001"}')


@pytest.mark.parametrize("prefix", PREFIXES, ids=ascii)
@pytest.mark.parametrize(
    "payload", ['ask_visits_on{"participant": "P-0001"}', "ask_next_visit", "ask_next_visit@1.0", "restart"]
)
def test_no_payload_becomes_an_intent(prefix: str, payload: str) -> None:
    assert not _becomes_an_intent(clean_text(prefix + payload))


@given(st.text(alphabet=st.sampled_from("/ ／\t\n\r\x00\x1c\x85\u200b\ufeff\u3000\u2028\ud800x"), max_size=12))
@example("/\u200b /")
def test_whatever_stands_before_it_nothing_left_begins_with_a_slash(prefix: str) -> None:
    cleaned = clean_text(prefix + "/ask_next_visit")
    assert not cleaned.strip().startswith("/")
    assert not _becomes_an_intent(cleaned)


@given(st.text(max_size=200))
def test_cleaning_is_done_at_once_and_leaves_no_control_character(text: str) -> None:
    cleaned = clean_text(text)
    assert clean_text(cleaned) == cleaned
    assert not [c for c in cleaned if unicodedata.category(c) in {"Cf", "Cs", "Co"}]
    assert not [c for c in cleaned if unicodedata.category(c) == "Cc" and c not in "\t\n"]


class Seconds:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("rate", "burst"), [(60, 30), (10, 5), (2, 1), (1, 1), (3, 1), (600, 300)])
def test_a_burst_is_half_of_a_minutes_messages(rate: int, burst: int) -> None:
    limit = RateLimit(rate, Seconds())
    assert [limit.wait("a") > 0 for _ in range(burst + 2)] == [False] * burst + [True, True]


@pytest.mark.parametrize("rate", [1, 10, 60, 90])
def test_after_the_burst_the_rate_holds(rate: int) -> None:
    time = Seconds()
    limit = RateLimit(rate, time)
    while not limit.wait("a"):
        pass
    passed = 0
    for _ in range(600):  # ten minutes, second by second
        time.now += 1
        while not limit.wait("a"):
            passed += 1
    assert abs(passed - 10 * rate) <= 1


def test_who_waits_as_long_as_told_may_pass_and_not_before() -> None:
    time = Seconds()
    limit = RateLimit(60, time)
    while not (told := limit.wait("a")):
        pass
    time.now += told * 0.9
    assert limit.wait("a") > 0
    time.now += told * 0.1 + 1e-9
    assert limit.wait("a") == 0


def test_silence_fills_a_bucket_to_the_burst_and_no_further() -> None:
    time = Seconds()
    limit = RateLimit(60, time)
    time.now += 86_400
    assert sum(not limit.wait("a") for _ in range(100)) == 30


def test_no_rate_is_no_limit() -> None:
    limit = RateLimit(0, Seconds())
    assert not any(limit.wait("a") for _ in range(10_000))


def test_accounts_do_not_share_a_bucket() -> None:
    limit = RateLimit(2, Seconds())
    assert (limit.wait("a"), limit.wait("b")) == (0, 0)
    assert limit.wait("a") > 0


def test_a_repetition_is_given_back_once_and_never_beyond_the_burst() -> None:
    limit = RateLimit(2, Seconds())
    limit.give_back("a")
    assert limit.wait("a") == 0
    limit.give_back("a")
    limit.give_back("a")
    assert [limit.wait("a") > 0 for _ in range(2)] == [False, True]


def test_of_many_accounts_the_longest_silent_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RateLimit, "CAPACITY", 3)
    limit = RateLimit(2, Seconds())
    for account in "abca":
        limit.wait(account)
    limit.wait("d")  # b, silent for longest, goes
    assert [limit.wait(account) > 0 for account in "acd"] == [True, True, True]
    assert limit.wait("b") == 0
