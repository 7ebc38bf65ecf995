"""Runs `attacks.yml`: what an attacker tries against the webhook, with the expected result of each."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from rasa_sdk import Tracker

from actions.conversation import Services
from actions.rasa_actions import MEMORY_SLOT, ask_of
from actions.respond import respond
from bot.channels.guard import ROOM_SHARE, RateLimit
from bot.channels.hospital import HospitalInput
from bot.config import ROOT
from bot.enrollment.database import Database
from bot.nlu.clinical import ClinicalReader
from bot.nlu.pieces import PiecewiseReader
from bot.nlu.questions.classifier import Prediction
from bot.nlu.questions.lexicon import Lexicon
from bot.nlu.questions.reader import QuestionReader
from bot.nlu.reading import MessageReader
from bot.phrases import Phrases
from bot.trial.protocol import load_protocol
from bot.trial.triage import TriageRules, assess_symptoms, load_triage_rules

from .conftest import CLOCK, SECRET, Answered, Hospital, StillTime, hospital_of, now, signed

ALL = yaml.safe_load(Path(__file__).with_name("attacks.yml").read_text(encoding="utf-8"))
#: Those against the webhook; the others are run by test_attacks_chats.py and test_attacks_web.py.
CASES = [case for case in ALL if "channel" not in case]
STAFF = {f"demo.{role}" for role in ("coordinator", "investigator", "nurse", "pharmacist")}
OWN_CODE = {"demo.chen": "P-0001", "demo.liu": "P-0002", "demo.wu": "P-0003"}
_CODE = re.compile(r"P-\d{4}")


class GivenIntent:
    """Stands where the trained classifier stands: every question has the intent of the case."""

    def __init__(self) -> None:
        self.intent = ""

    def respell(self, text: str) -> str:
        return text

    def predict_mentions(self, _mentions: Any) -> Prediction:
        return Prediction(self.intent, 1.0, ((self.intent, 1.0),), 1.0, 1.0)


@dataclass
class AnsweringBot:
    """The reading and the actions without Rasa between them."""

    reader: MessageReader
    services: Services
    heard: list[Any] = field(default_factory=list)
    memory: dict[str, str] = field(default_factory=dict)

    async def __call__(self, message: Any) -> None:
        self.heard.append(message)
        latest = {
            "text": message.text,
            "metadata": message.metadata,
            "reading": json.loads(json.dumps(self.reader.read(message.text, CLOCK.today()).to_json())),
        }
        slots = {MEMORY_SLOT: self.memory.get(message.sender_id)}
        tracker = Tracker(message.sender_id, slots, latest, [], False, None, {}, "action_listen")
        reply = await respond(ask_of(tracker, self.services, CLOCK))
        self.memory[message.sender_id] = json.dumps(reply.memory)
        await message.output_channel.send_response(
            message.sender_id, {"text": reply.text, "custom": dict(reply.custom)}
        )


@pytest.fixture(scope="module")
def classifier() -> GivenIntent:
    return GivenIntent()


@pytest.fixture(scope="module")
def symptoms() -> PiecewiseReader:
    return PiecewiseReader.load()


@pytest.fixture(scope="module")
def rules() -> TriageRules:
    return load_triage_rules()


@pytest.fixture(scope="module")
def reader(classifier: GivenIntent, symptoms: PiecewiseReader, rules: TriageRules) -> MessageReader:
    questions: Any = QuestionReader(classifier, Lexicon.load())  # type: ignore[arg-type]
    return MessageReader(questions, symptoms, ClinicalReader.load(), rules)


@pytest.fixture(scope="module")
def services(database: Database, rules: TriageRules) -> Services:
    return Services(load_protocol(), rules, Phrases.load(ROOT / "domain.yml"), database, "120", "")


@pytest.fixture
def answering(reader: MessageReader, services: Services) -> AnsweringBot:
    return AnsweringBot(reader, services)


@pytest.fixture
async def attacked(
    case: dict[str, Any],
    answering: AnsweringBot,
    database: Database,
    symptoms: PiecewiseReader,
    rules: TriageRules,
    classifier: GivenIntent,
) -> AsyncIterator[Hospital]:
    classifier.intent = case["intent"]

    def alarming(text: str) -> bool:
        return assess_symptoms(rules, symptoms.read(text)).level in ("emergency", "urgent")

    rooms = RateLimit(case.get("rate", 0) * ROOM_SHARE, StillTime())
    channel = HospitalInput(SECRET, database, RateLimit(case.get("rate", 0), StillTime()), alarming, rooms)
    async with hospital_of(channel, answering) as hospital:
        yield hospital


def test_the_list_is_long_and_of_all_kinds() -> None:
    kinds = Counter(case["id"].rpartition("-")[0] for case in ALL)
    assert sum(kinds.values()) >= 60
    assert set(kinds) == {"identity", "injection", "replay", "flood", "leakage"}
    assert min(kinds.values()) >= 10
    assert len({case["id"] for case in ALL}) == len(ALL)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
async def test_attack(case: dict[str, Any], attacked: Hospital, answering: AnsweringBot) -> None:
    replies: list[Answered] = []
    for step in case["steps"]:
        answers = await _carry_out(attacked, case["id"], step)
        replies.append(answers[0])
        expect = step["expect"]
        problems = [problem for answered in answers for problem in _reply_problems(expect, answered, replies)]
        if "statuses" in expect and sorted({answered.status for answered in answers}) != expect["statuses"]:
            problems.append(f"statuses {Counter(answered.status for answered in answers)}")
        if "heard" in expect and len(answering.heard) != expect["heard"]:
            problems.append(f"{len(answering.heard)} messages reached the bot")
        if "heard_text" in expect and answering.heard[-1].text != expect["heard_text"]:
            problems.append(f"the bot heard {answering.heard[-1].text!r}")
        problems += [problem for answered in answers for problem in _leaks(step, answered)]
        assert not problems, (case["what"], step, answers[0])
    assert not [message for message in answering.heard if message.text.strip().startswith("/")]


async def _carry_out(hospital: Hospital, case: str, step: dict[str, Any]) -> list[Answered]:
    body = _body(case, step)
    path = step.get("path", "/webhooks/hospital/webhook")
    requests = [hospital.post(body, _headers(case, step, body), path) for _ in range(step.get("times", 1))]
    if step.get("together"):
        return list(await asyncio.gather(*requests))
    return [await request for request in requests]


def _body(case: str, step: dict[str, Any], changes: dict[str, Any] | None = None) -> bytes:
    if "raw" in step and changes is None:
        raw = step["raw"] + "1" * step.get("padding_digits", 0) + "[" * step.get("padding_raw", 0)
        return raw.encode("latin-1" if step.get("latin") else "utf-8")
    fields = {"conversation": case, **(step.get("send", {}) if changes is None else changes)}
    if "padding" in step:
        fields["text"] = "a " * (step["padding"] // 2)
    if "after" in step:
        words, times = step["after"]
        fields["text"] = words * times + fields["text"]
    return Hospital.body(**{name: ... if value is None else value for name, value in fields.items()})


def _headers(case: str, step: dict[str, Any], body: bytes) -> Any:
    if step.get("signed") is False:
        return {"content-type": "application/json"}
    if isinstance(step.get("signed"), dict):
        body = _body(case, step, step["signed"])
    headers: dict[str, Any] = signed(body, step.get("id"), now() + timedelta(seconds=step.get("at", 0)))
    special = {"now": str(int(now().timestamp())), "guesses": " ".join(f"v1,{n:044d}" for n in range(150))}
    for name, value in step.get("headers", {}).items():
        headers[name] = value
    pairs = []
    for name, value in headers.items():
        for one in value if isinstance(value, list) else [value]:
            pairs.append((name, special.get(str(one), str(one))))
    return pairs


def _reply_problems(expect: dict[str, Any], answered: Answered, replies: list[Answered]) -> list[str]:
    said = re.sub(r'"as_of":"[^"]*"', "", answered.raw)  # the time of the answer is nobody's date
    problems = [f"has {words!r}" for words in expect.get("lacks", ()) if words in said]
    problems += [f"lacks {words!r}" for words in expect.get("has", ()) if words not in said]
    if "status" in expect and answered.status != expect["status"]:
        problems.append(f"status {answered.status}")
    if "error" in expect and not str(answered.body.get("error", "")).startswith(expect["error"]):
        problems.append(f"error {answered.body}")
    if answered.status == 200:
        custom = answered.body[0]["custom"]
        problems += [
            f"{key} {custom.get(key)!r}" for key in ("answer", "about") if key in expect and custom[key] != expect[key]
        ]
    if "same_as" in expect and answered.raw != replies[expect["same_as"]].raw:
        problems.append("another reply")
    if "same_words_as" in expect and _words(answered) != _words(replies[expect["same_words_as"]]):
        problems.append("other words")
    return problems


def _words(answered: Answered) -> list[Any]:
    return [(message["text"], message["custom"]["answer"], message["custom"]["data"]) for message in answered.body]


def _leaks(step: dict[str, Any], answered: Answered) -> list[str]:
    """No error repeats what was sent; nobody but staff reads another participant's code."""
    send = step.get("send", {})
    account, text = send.get("account", "demo.chen"), send.get("text")
    if answered.status != 200:
        return ["an error repeats the text"] if isinstance(text, str) and len(text) > 3 and text in answered.raw else []
    if account in STAFF:
        return []
    # Said back in prose, one's own words give nothing away; the card is the bot's.
    foreign = set(_CODE.findall(json.dumps(answered.body[0]["custom"]))) - {OWN_CODE.get(str(account))}
    return [f"{sorted(foreign)} is another's" for _ in foreign]
