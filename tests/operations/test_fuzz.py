"""Fuzzed requests at every endpoint, short; in full by `benchmarks.fuzz`. And that the description names every endpoint."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from actions.registry import TOPIC_HANDLERS
from benchmarks.fuzz import Fuzzer, stack_for_fuzzing
from bot.channels.guard import BadBody, parse_body
from bot.channels.oncall import BadCall, read_call
from bot.channels.signature import SignatureError, verify
from bot.config import ROOT

DESCRIPTION: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "openapi.yml").read_text(encoding="utf-8"))
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_no_fuzzed_request_breaks_a_server(tmp_path: Path) -> None:
    with stack_for_fuzzing(tmp_path / "stack") as stack:
        report = Fuzzer(stack).run(400)
    assert report.requests > 300
    described = {
        f"{method.upper()} {path}"
        for path, methods in DESCRIPTION["paths"].items()
        for method in methods
        if method in ("get", "post", "put")
    }
    assert described - set(report.statuses) == set(), "every operation was asked"


def _decorated(file: Path) -> set[str]:
    return set(re.findall(r'@\w+\.(?:get|post|put|delete|patch)\("([^"]*)"', file.read_text(encoding="utf-8")))


def test_the_description_names_every_address_of_the_code() -> None:
    """Files of the page are sent by name and are not listed one by one."""
    channels = {
        "hospital.py": "/webhooks/hospital",
        "oncall.py": "/webhooks/oncall",
        "web.py": "/chat",
        "matrix/channel.py": "/_matrix/app/v1",
    }
    found = {
        prefix + path for name, prefix in channels.items() for path in _decorated(ROOT / "bot" / "channels" / name)
    }
    found |= _decorated(ROOT / "bot" / "operations.py") | _decorated(ROOT / "actions" / "server.py")
    found |= {"/chat/"}
    assert {re.sub(r"<(\w+):\w+>", r"{\1}", path) for path in found} == set(DESCRIPTION["paths"])


def test_the_description_names_every_action() -> None:
    call = DESCRIPTION["components"]["schemas"]["ActionCall"]
    assert set(call["properties"]["next_action"]["enum"]) == set(TOPIC_HANDLERS)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400) | st.text(max_size=400).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_a_body_is_read_or_refused(body: bytes) -> None:
    for read, refused in ((parse_body, BadBody), (read_call, BadCall)):
        try:
            read(body)
        except refused as problem:
            assert len(str(problem)) < 200


_HEADERS = st.dictionaries(
    st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]),
    st.text(max_size=60) | st.sampled_from(["v1,", "v1", "v1,,", "v1,====", " v1,x v1,y", "1e9", "1_000", "²", "nan"]),
)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=100), _HEADERS)
def test_no_made_up_signature_passes(body: bytes, headers: dict[str, str]) -> None:
    with pytest.raises(SignatureError):
        verify(SECRET, body, headers)
