"""Only what the hospital signed within the last five minutes passes; every doubt is the same refusal."""

from __future__ import annotations

import base64
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.signature import SignatureError, sign, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"another secret of 24 byte").decode()
NOW = 1_781_053_200.0
BODY = '{"text": "下次访视"}'.encode()


def _headers(body: bytes = BODY, secret: str = SECRET, at: float = NOW, identifier: str = "msg_1") -> dict[str, str]:
    return sign(secret, identifier, body, datetime.fromtimestamp(at, timezone.utc))


def _verify(headers: dict[str, str], body: bytes = BODY, secret: str = SECRET) -> str:
    return verify(secret, body, headers, now=NOW)


def test_what_the_specifications_library_signs_is_verified() -> None:
    assert _verify(_headers()) == "msg_1"


def test_the_specifications_own_example_is_verified() -> None:
    # From the specification: id, time stamp, body and secret with the signature they give.
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert verify(SECRET, b'{"test": 2432232314}', headers, now=1614265330.0) == headers["webhook-id"]


@pytest.mark.parametrize("secret", [SECRET, SECRET.removeprefix("whsec_")], ids=["prefixed", "bare"])
def test_a_secret_with_and_without_its_prefix(secret: str) -> None:
    assert _verify(_headers(secret=secret), secret=secret) == "msg_1"


GOOD = _headers()["webhook-signature"]
FOREIGN = _headers(secret=OTHER)["webhook-signature"]


@pytest.mark.parametrize(
    "signature",
    [
        f"{GOOD} {FOREIGN}", f"{FOREIGN} {GOOD}", f"v1a,abc {GOOD}", f"v2,{GOOD[3:]} {GOOD}", f"rubbish {GOOD}",
        f"v1 {GOOD}", f"v1,%%% {GOOD}", f"  {GOOD} ", f"v1,a,b {GOOD}", f"v1, {GOOD}", f"v1,密 {GOOD}",
    ],
)  # fmt: skip
def test_one_good_entry_is_enough_wherever_it_stands(signature: str) -> None:
    assert _verify({**_headers(), "webhook-signature": signature}) == "msg_1"


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook-id": None}, {"webhook-timestamp": None}, {"webhook-signature": None},
        {"webhook-id": ""}, {"webhook-id": "msg_2"}, {"webhook-id": "msg 1"}, {"webhook-id": "msg_1\n"},
        {"webhook-id": "a" * 257}, {"webhook-id": "ｍsg_1"}, {"webhook-id": "\x00"}, {"webhook-id": "msg_1 "},
        {"webhook-timestamp": ""}, {"webhook-timestamp": "1781053201"}, {"webhook-timestamp": "1781053200.0"},
        {"webhook-timestamp": "1_781_053_200"}, {"webhook-timestamp": "+1781053200"}, {"webhook-timestamp": "-1"},
        {"webhook-timestamp": " 1781053200"}, {"webhook-timestamp": "１７８１０５３２００"},
        {"webhook-timestamp": "1781053200\n"}, {"webhook-timestamp": "nan"}, {"webhook-timestamp": "inf"},
        {"webhook-timestamp": "1e9"}, {"webhook-timestamp": "9" * 12}, {"webhook-timestamp": "9" * 400},
        {"webhook-timestamp": "0"}, {"webhook-timestamp": "01781053200"},
        {"webhook-signature": ""}, {"webhook-signature": "v1"}, {"webhook-signature": "v1,"},
        {"webhook-signature": FOREIGN}, {"webhook-signature": GOOD[3:]}, {"webhook-signature": f"v2,{GOOD[3:]}"},
        {"webhook-signature": f"v1a,{GOOD[3:]}"}, {"webhook-signature": f"V1,{GOOD[3:]}"},
        {"webhook-signature": GOOD[:-4]}, {"webhook-signature": GOOD + "="}, {"webhook-signature": f"v1,,{GOOD[3:]}"},
        {"webhook-signature": GOOD.replace(",", ";")}, {"webhook-signature": f"{GOOD},{GOOD}"},
        {"webhook-signature": " ".join(["v1,AAAA"] * 10 + [GOOD])},
    ],
    ids=str,
)  # fmt: skip
def test_a_header_that_is_missing_changed_or_malformed_is_refused(changes: dict[str, str | None]) -> None:
    headers: dict[str, Any] = {**_headers(), **changes}
    with pytest.raises(SignatureError):
        _verify({name: value for name, value in headers.items() if value is not None})


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_five_minutes_off_either_way_pass(seconds: int) -> None:
    assert _verify(_headers(at=NOW + seconds)) == "msg_1"


@pytest.mark.parametrize("seconds", [-86_400, -301, 301, 86_400])
def test_further_off_is_refused(seconds: int) -> None:
    with pytest.raises(SignatureError):
        _verify(_headers(at=NOW + seconds))


@pytest.mark.parametrize(
    "body", [b"", b" " + BODY, BODY + b"\n", BODY[:-1], BODY.replace(b" ", b""), BODY.upper(), b"\xef\xbb\xbf" + BODY]
)
def test_another_body_is_refused(body: bytes) -> None:
    with pytest.raises(SignatureError):
        _verify(_headers(), body=body)


def test_a_signature_made_with_another_secret_is_refused() -> None:
    with pytest.raises(SignatureError):
        _verify(_headers(secret=OTHER))


@pytest.mark.parametrize("body", [b"\xff\xfe", b'{"text": "\xed\xa0\x80"}', bytes(range(256))])
def test_a_signed_body_that_is_no_utf8_is_signed_all_the_same(body: bytes) -> None:
    import hashlib
    import hmac

    digest = hmac.new(base64.b64decode(SECRET[6:]), b"msg_1.1781053200." + body, hashlib.sha256).digest()
    headers = {**_headers(), "webhook-signature": "v1," + base64.b64encode(digest).decode()}
    assert _verify(headers, body=body) == "msg_1"


@pytest.mark.parametrize("secret", ["", "whsec_"])
def test_no_key_verifies_nothing(secret: str) -> None:
    with pytest.raises(SignatureError):
        _verify(_headers(), secret=secret)


@given(st.text(max_size=80), st.text(max_size=30), st.text(max_size=30))
def test_whatever_the_headers_hold_the_refusal_is_the_one_error(signature: str, stamp: str, identifier: str) -> None:
    headers = {"webhook-signature": signature, "webhook-timestamp": stamp, "webhook-id": identifier}
    with pytest.raises(SignatureError):
        _verify(headers)


def test_the_error_says_nothing() -> None:
    with pytest.raises(SignatureError) as refused:
        _verify({**_headers(), "webhook-id": "li.wei"})
    assert str(refused.value) == ""
