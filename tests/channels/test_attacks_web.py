"""Runs the cases of `attacks.yml` that go against the web chat: the real routes over HTTP, with a portal whose keys the test has."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bot.enrollment.database import Database
from bot.nlu.symptoms import SymptomReader
from bot.trial.triage import TriageRules, assess_symptoms
from tests.helpers.portal import Key

from .conftest import RateLimit, StillTime
from .test_attacks import (  # noqa: F401 - fixtures
    _CODE,
    ALL,
    OWN_CODE,
    AnsweringBot,
    GivenIntent,
    answering,
    classifier,
    reader,
    rules,
    services,
    symptoms,
)
from .web_page import PORTAL, Given, Page, Reply, Tab, new_id, page_of

CASES = [case for case in ALL if case.get("channel") == "web"]
_ORIGIN = "https://sparc.hospital.example"


class Attacker:
    """Whoever has browsers of some accounts, and can send any request."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._tabs: dict[str, Tab] = {}
        self._last_token = ""
        self._last_id = ""

    async def carry_out(self, step: dict[str, Any]) -> Reply:
        if "token" in step or "again" in step or "link" in step:
            return await self._sign_in(step)
        tab = await self._tab(step.get("as", "demo.chen"))
        if "cookie" in step:
            tab = replace(tab, cookie=step["cookie"])
        if "csrf_of" in step:
            tab = replace(tab, csrf=(await self._tab(step["csrf_of"])).csrf)
        if "get" in step:
            return await tab.get(step["get"].format(id=self._last_id), **step.get("headers", {}))
        return await tab.post(step.get("post", "message"), self._body(step), step.get("headers"))

    async def _tab(self, account: str | None) -> Tab:
        if account is None:
            return self._page.nobody()
        if account not in self._tabs:
            self._tabs[account] = await self._page.sign_in(account)
        return self._tabs[account]

    def _body(self, step: dict[str, Any]) -> Any:
        if "raw" in step:
            return (step["raw"] * (step.get("padding", 0) // len(step["raw"]) or 1)).encode()
        fields = {"id": new_id(), "text": "hello", **step.get("send", {})}
        if "padding" in step:
            fields["text"] = "a " * (step["padding"] // 2)
        self._last_id = str(fields["id"])
        return {name: value for name, value in fields.items() if value is not None}

    async def _sign_in(self, step: dict[str, Any]) -> Reply:
        nobody, headers = self._page.nobody(), step.get("headers", {})
        if "link" in step:
            return await nobody.post("sign-in", {"link": step["link"]}, headers)
        if "token" in step:
            self._last_token = self._token(dict(step["token"]), step.get("token_from"))
        if step.get("form"):
            form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": PORTAL}
            return await nobody.post("sign-in", urlencode({"token": self._last_token}).encode(), {**form, **headers})
        return await nobody.post("sign-in", {"token": self._last_token}, headers)

    def _token(self, changes: dict[str, Any], by: str | None) -> str:
        portal, now = self._page.portal, int(time.time())
        for name in ("iat", "exp"):
            if f"{name}_in" in changes:
                changes[name] = now + changes.pop(f"{name}_in")
        claims = portal.claims(changes.pop("sub"), **changes)
        key = portal.keys[-1]
        header = {"kid": key.identifier}
        if by == "stranger":
            return jwt.encode(claims, Key().private, algorithm="ES256", headers=header)
        if by == "none":
            return jwt.encode(claims, None, algorithm="none", headers=header)
        if by == "hmac":
            public = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            first = jwt.encode(claims, "x" * 32, algorithm="HS256", headers=header).rpartition(".")[0]
            signature = hmac.new(public, first.encode(), hashlib.sha256).digest()
            return f"{first}.{jwt.utils.base64url_encode(signature).decode()}"
        return jwt.encode(claims, key.private, algorithm=key.algorithm, headers=header)


@pytest.fixture
async def attacker(
    case: dict[str, Any],
    answering: AnsweringBot,  # noqa: F811
    database: Database,
    symptoms: SymptomReader,  # noqa: F811
    rules: TriageRules,  # noqa: F811
    classifier: GivenIntent,  # noqa: F811
) -> AsyncIterator[Attacker]:
    classifier.intent = case["intent"]

    def alarming(text: str) -> bool:
        return assess_symptoms(rules, symptoms.read(text)).level in ("emergency", "urgent")

    given = Given({"origin": _ORIGIN, "demo": False})
    limit = RateLimit(case.get("rate", 0), StillTime())
    async with page_of(database, answering, alarming, given, limit) as page:
        yield Attacker(page)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
async def test_attack(case: dict[str, Any], attacker: Attacker, answering: AnsweringBot) -> None:  # noqa: F811
    replies: list[Reply] = []
    for step in case["steps"]:
        answers = [await attacker.carry_out(step) for _ in range(step.get("times", 1))]
        replies.append(answers[0])
        problems = [problem for reply in answers for problem in _problems(step["expect"], reply, replies)]
        problems += [problem for reply in answers for problem in _leaks(step, reply)]
        heard = [message.text for message in answering.heard]
        if "heard" in step["expect"] and len(heard) != step["expect"]["heard"]:
            problems.append(f"{len(heard)} messages reached the bot")
        if "heard_text" in step["expect"] and heard[-1:] != [step["expect"]["heard_text"]]:
            problems.append("the bot heard something else")
        if "statuses" in step["expect"]:
            problems += [
                f"never {status}"
                for status in step["expect"]["statuses"]
                if status not in {each.status for each in answers}
            ]
        assert not problems, (case["what"], step, answers[-1])
    assert not [message for message in answering.heard if message.text.strip().startswith("/")]


def _problems(expect: dict[str, Any], reply: Reply, replies: list[Reply]) -> list[str]:
    said = reply.text.replace('"as_of":"2026-06-10', "")  # the time of an answer is nobody's date
    problems = [f"has {words!r}" for words in expect.get("lacks", ()) if words in said]
    problems += [f"lacks {words!r}" for words in expect.get("has", ()) if words not in said]
    if reply.status not in expect.get("statuses", [expect.get("status")]):
        problems.append(f"status {reply.status}")
    if "error" in expect and reply.body != {"error": expect["error"]}:
        problems.append(f"error {reply.text}")
    if "answer" in expect or "about" in expect:
        card = reply.body["messages"][0]["custom"]
        problems += [
            f"{key} {card[key]!r}" for key in ("answer", "about") if key in expect and card[key] != expect[key]
        ]
    if "same_as" in expect and reply.text != replies[expect["same_as"]].text:
        problems.append("another reply")
    if expect.get("cookie") is False and reply.cookies:
        problems.append("a cookie was given")
    if "kind" in expect and reply.headers["Content-Type"].partition(";")[0] != expect["kind"]:
        problems.append("another kind of content")
    wanted = expect.get("header", {}).items()
    return problems + [
        f"{name} {reply.headers.get(name)!r}" for name, value in wanted if reply.headers.get(name) != value
    ]


def _leaks(step: dict[str, Any], reply: Reply) -> list[str]:
    """No error repeats what was sent, and no card names another participant."""
    text = step.get("send", {}).get("text")
    if reply.status != 200:
        return ["an error repeats the text"] if isinstance(text, str) and len(text) > 3 and text in reply.text else []
    if not reply.text.startswith('{"id"'):
        return []
    cards = json.dumps([message["custom"] for message in reply.body["messages"] if "custom" in message])
    own = OWN_CODE.get(str(step.get("as", "demo.chen")))
    return [f"{code} is another's" for code in sorted(set(_CODE.findall(cards)) - {own})]
