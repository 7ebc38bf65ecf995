"""Which connectors start, and that the ones without a check of their own listen behind our signature alone."""

from __future__ import annotations

import base64
import json
import time as clock
import uuid
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from rasa.core.channels.botframework import BotFrameworkInput
from sanic import Sanic

from bot.channels.connectors.botframework import GuardedBotFramework
from bot.channels.connectors.configured import build_connectors, read_connectors
from bot.channels.connectors.guarded import Common
from bot.channels.connectors.signed import SignedMattermost, SignedRocketChat
from bot.channels.connectors.slack import GuardedSlack
from bot.errors import SettingsError

from ..conftest import FakeBot, serving, signed

SLACK = "slack: {slack_token: xoxb-1, slack_signing_secret: s}\n"
MATTERMOST = {"url": "http://127.0.0.1:9/api/v4", "token": "t", "signed": True}
ROCKETCHAT = {"user": "sparc", "password": "p", "server_url": "http://127.0.0.1:9", "signed": True}


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "connectors.yml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("rest:\n", "'rest' is not to be had"), ("socketio: {}\n", "not to be had"), ("telegram: {access_token: x}\n", "not to be had"),
        ("slack:\n", "slack: expected its settings"), ("slack: {slack_token: x}\n", "missing slack_signing_secret"),
        ("slack: {slack_token: x, slack_signing_secret: '  '}\n", "missing slack_signing_secret"),
        ("mattermost: {url: u, token: hidden}\n", "verifies nobody"), ("rocketchat: {user: u, password: hidden, server_url: s}\n", "verifies nobody"),
        ("mattermost: {url: u, token: hidden, signed: 'true'}\n", "verifies nobody"), ("- slack\n", "cannot be read"), ("slack: {", "cannot be read"),
        ("slack: {slack_token: '${NO_SUCH_VARIABLE}', slack_signing_secret: s}\n", "the environment has no NO_SUCH_VARIABLE"),
    ],
)  # fmt: skip
def test_what_does_not_start(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_connectors(_file(tmp_path, text))
    assert reason in str(refused.value)
    assert "SPARC_CONNECTORS" in str(refused.value)
    assert "hidden" not in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="SPARC_CONNECTORS"):
        read_connectors(tmp_path / "none.yml")


def test_secrets_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_SIGNING_SECRET_OF_TEST", "from-outside")
    text = "slack: {slack_token: x, slack_signing_secret: '${SLACK_SIGNING_SECRET_OF_TEST}'}\n"
    assert read_connectors(_file(tmp_path, text))["slack"]["slack_signing_secret"] == "from-outside"


def test_what_starts(tmp_path: Path, common: Common) -> None:
    text = SLACK + f"mattermost: {json.dumps(MATTERMOST)}\nrocketchat: {json.dumps(ROCKETCHAT)}\n"
    found = build_connectors(_file(tmp_path, text), common)
    assert [type(one) for one in found] == [GuardedSlack, SignedMattermost, SignedRocketChat]
    assert build_connectors(None, common) == []


class Output:
    """What Rasa's output channel would send."""

    said: list[tuple[str, str]] = []  # noqa: RUF012

    def __init__(self, *_: Any) -> None: ...

    async def send_text_message(self, recipient: str, text: str, **_: Any) -> None:
        self.said.append((recipient, text))


async def _post(channel: Any, bot: FakeBot, body: Any, headers: Any) -> int:
    app = Sanic(f"test_{uuid.uuid4().hex}", configure_logging=False)
    app.config.KEEP_ALIVE_TIMEOUT = 1
    app.blueprint(channel.blueprint(bot), url_prefix="/webhooks/x")
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with serving(app) as address, aiohttp.ClientSession() as session:
        reply = await session.post(f"{address}/webhooks/x/webhook", data=raw, headers=headers)
        return reply.status


def _mattermost(**changes: Any) -> dict[str, Any]:
    return {
        "user_id": "u-patient",
        "user_name": "li",
        "channel_id": "c1",
        "text": "sparc hello",
        "trigger_word": "sparc",
        **changes,
    }


def _rocketchat(**changes: Any) -> dict[str, Any]:
    return {"user_id": "r-patient", "user_name": "li", "channel_id": "c1", "text": "hello", **changes}


@pytest.fixture(params=["mattermost", "rocketchat"])
def verifies_nobody(request: Any, common: Common, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, dict[str, Any], str]:
    """A connector, a message of its form, and whose it is."""
    Output.said = []
    if request.param == "mattermost":
        monkeypatch.setattr("rasa.core.channels.mattermost.MattermostBot", Output)
        return SignedMattermost(MATTERMOST, common), _mattermost(), "P-0001"
    monkeypatch.setattr("rasa.core.channels.rocketchat.RocketChatBot", Output)
    return SignedRocketChat(ROCKETCHAT, common), _rocketchat(), "P-0002"


async def test_a_signed_message_is_answered(verifies_nobody: Any, bot: FakeBot) -> None:
    channel, body, who = verifies_nobody
    raw = json.dumps({**body, "direct": True}).encode()
    assert await _post(channel, bot, raw, signed(raw)) == 200
    assert [(m.text, m.metadata["identity"]["participant"], m.metadata["direct"]) for m in bot.heard] == [
        ("hello", who, True)
    ]
    assert Output.said == [("c1", "Good day, 1.")]


async def test_without_our_signature_nobody_is_heard(verifies_nobody: Any, bot: FakeBot) -> None:
    channel, body, _ = verifies_nobody
    raw = json.dumps(body).encode()
    for headers in ({}, {**signed(raw), "webhook-signature": "v1,AAAA"}, signed(raw + b" ")):
        assert await _post(channel, bot, raw, headers) == 401
    assert not bot.heard


async def test_the_same_message_again_changes_nothing(verifies_nobody: Any, bot: FakeBot) -> None:
    channel, body, _ = verifies_nobody
    raw = json.dumps(body).encode()
    headers = signed(raw, f"msg_{uuid.uuid4().hex}")
    assert [await _post(channel, bot, raw, headers) for _ in range(2)] == [200, 200]
    assert len(bot.heard) == len(Output.said) == 1


@pytest.mark.parametrize(
    "changes", [{"user_id": None}, {"user_id": ["u"]}, {"user_id": "u\n"}, {"channel_id": ""}, {"text": 7}]
)
async def test_a_message_without_good_ids_is_refused(
    verifies_nobody: Any, bot: FakeBot, changes: dict[str, Any]
) -> None:
    channel, body, _ = verifies_nobody
    raw = json.dumps({**body, **changes}).encode()
    assert await _post(channel, bot, raw, signed(raw)) == 400
    assert not bot.heard


async def test_a_name_and_a_role_in_the_body_count_for_nothing(verifies_nobody: Any, bot: FakeBot) -> None:
    channel, body, _ = verifies_nobody
    raw = json.dumps(
        {**body, "user_id": "stranger", "user_name": "u-patient", "role": "nurse", "direct": "yes"}
    ).encode()
    assert await _post(channel, bot, raw, signed(raw)) == 200
    assert bot.heard[0].metadata["identity"] is None
    assert bot.heard[0].metadata["direct"] is False


# --- Bot Framework --------------------------------------------------------------------------------------------------

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SERVICE = "https://smba.trafficmanager.net/emea/"


def _number(value: int) -> str:
    return base64.urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()


def _token(key: Any = KEY, kid: str = "k1", algorithm: str = "RS256", **changes: Any) -> str:
    claims = {
        "iss": "https://api.botframework.com",
        "aud": "app-1",
        "exp": int(clock.time()) + 600,
        "serviceurl": SERVICE,
        **changes,
    }
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, key, algorithm=algorithm, headers={"kid": kid})


def _activity(**changes: Any) -> dict[str, Any]:
    return {
        "type": "message", "id": f"a-{uuid.uuid4().hex}", "text": "hello", "from": {"id": "29:patient", "name": "Li"}, "recipient": {"id": "28:bot"},
        "conversation": {"id": "a:1", "conversationType": "personal"}, "serviceUrl": SERVICE, **changes,
    }  # fmt: skip


@pytest.fixture
def teams(common: Common, monkeypatch: pytest.MonkeyPatch) -> GuardedBotFramework:
    public = KEY.public_key().public_numbers()
    jwk = {"kty": "RSA", "kid": "k1", "alg": "RS256", "n": _number(public.n), "e": _number(public.e)}

    def keys(self: BotFrameworkInput) -> None:
        self.jwt_keys = {"k1": jwk}
        self.jwt_update_time = __import__("datetime").datetime.now()

    Output.said = []
    monkeypatch.setattr(BotFrameworkInput, "_update_cached_jwk_keys", keys)
    monkeypatch.setattr("rasa.core.channels.botframework.BotFramework", Output)
    return GuardedBotFramework({"app_id": "app-1", "app_password": "p"}, common)


async def test_an_activity_with_microsofts_token_is_answered(teams: GuardedBotFramework, bot: FakeBot) -> None:
    headers = {"Authorization": f"Bearer {_token()}", "Content-Type": "application/json"}
    assert await _post(teams, bot, _activity(), headers) == 200
    assert (bot.heard[0].metadata["account"], bot.heard[0].metadata["direct"]) == ("botframework:29:patient", True)
    assert Output.said == [("a:1", "Good day, 1.")]
    assert await _post(teams, bot, _activity(conversation={"id": "19:x", "isGroup": True}), headers) == 200
    assert bot.heard[1].metadata["direct"] is False


@pytest.mark.parametrize(
    "token",
    [
        _token(OTHER), _token(kid="k2"), _token(aud="app-2"), _token(iss="https://evil.test"), _token(exp=int(clock.time()) - 900), _token(exp=None),
        _token(serviceurl="https://evil.test/"), _token(serviceurl=None), "", "a.b.c", _token("a-secret-of-thirty-two-characters-", algorithm="HS256"),
        jwt.encode({"aud": "app-1"}, None, algorithm="none"),  # type: ignore[arg-type]
    ],
    ids=range(12),
)  # fmt: skip
async def test_another_token_is_refused(teams: GuardedBotFramework, bot: FakeBot, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    assert await _post(teams, bot, _activity(), headers) == 401
    assert not bot.heard


async def test_answers_go_where_microsoft_says(teams: GuardedBotFramework, bot: FakeBot) -> None:
    headers = {"Authorization": f"Bearer {_token()}", "Content-Type": "application/json"}
    assert await _post(teams, bot, _activity(serviceUrl="https://evil.test/"), headers) == 401
    assert not bot.heard
