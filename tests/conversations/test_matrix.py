"""The whole assistant in Matrix: a real homeserver, a real client, servers killed without warning in between."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.channels.matrix.messages import CARD
from bot.channels.matrix.registration import registration
from bot.config import ROOT, Settings
from tests.helpers.synapse import SERVER_NAME, Person, Synapse, homeserver_python, is_notice

ME, PATIENT = f"@sparc:{SERVER_NAME}", f"@li.wei:{SERVER_NAME}"

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory, conversations: Any) -> Iterator[tuple[Synapse, dict[str, str]]]:
    """A homeserver that knows the assistant, and the assistant's environment: li.wei is participant P-0102."""
    python, why = homeserver_python()
    if python is None:
        pytest.skip(f"no homeserver to test with: {why}")
    folder = tmp_path_factory.mktemp("hospital")
    synapse = Synapse(python, folder / "synapse")
    environment = conversations.environment_for(
        folder / "home",
        SPARC_CLOCK="2026-09-16T14:00:00+08:00",
        SPARC_MATRIX_HOMESERVER=synapse.address,
        SPARC_MATRIX_SERVER_NAME=SERVER_NAME,
    )
    participants = ROOT / "tests" / "data" / "dialogues" / "participants.csv"
    for arguments in (("participants", "import", str(participants)), ("link", PATIENT, "--participant", "P-0102")):
        done = conversations.sparc(environment, *arguments)
        assert done.returncode == 0, done.stderr
    synapse.configure(registration(Settings.from_environment(environment)))
    synapse.start()
    synapse.register("li.wei", "he.tao")
    yield synapse, environment
    synapse.kill()


def _kill_chat_server(assistant: Any) -> None:
    """Ends the chat server as a power cut does; `./sparc run` then ends by itself."""
    children = Path(f"/proc/{assistant.process.pid}/task/{assistant.process.pid}/children").read_text().split()
    for child in children:
        if "bot.server" in Path(f"/proc/{child}/cmdline").read_text().split("\0"):
            os.kill(int(child), signal.SIGKILL)
    assert assistant.process.wait(60) == 1


def _answers(person: Person, room: str, count: int) -> list[dict[str, Any]]:
    """The contract's objects of the answers in a room, once there are so many; files come without one."""
    found = person.wait_for(
        lambda event: event["room"] == room and is_notice(event) and CARD in event["content"], count
    )
    return [json.loads(event["content"][CARD]) for event in found]


def test_each_message_is_answered_once_whatever_is_killed(
    hospital: tuple[Synapse, dict[str, str]], conversations: Any
) -> None:
    synapse, environment = hospital
    with synapse.person("li.wei") as patient:
        with conversations.running(environment) as assistant:
            room = patient.create(ME)
            patient.send(room, "When is my next visit?")
            (first,) = _answers(patient, room, 1)
            assert (first["answer"], first["about"]) == ("next_visit", "P-0102")
            group = patient.create(ME, f"@he.tao:{SERVER_NAME}", direct=False, preset="private_chat")
            patient.send(group, "When is my next visit?")
            assert [(one["answer"], one["about"]) for one in _answers(patient, group, 1)] == [("not_direct", None)]
            patient.send(room, "I want to talk to a real person")
            _kill_chat_server(assistant)
        patient.send(room, "Which visits do I have?")
        with conversations.running(environment):
            _answers(patient, room, 3)
            patient.send(room, "Thank you")
            synapse.kill()
            synapse.start()
            patient.send(room, "Goodbye")
            found = _answers(patient, room, 5)
        with conversations.running(environment):
            time.sleep(2)
            patient.look(500)
        again = [event for event in patient.seen if event["room"] == room and is_notice(event)]
        texts = [event for event in again if event["content"]["msgtype"] == "m.notice"]
    assert [one["answer"] for one in found if one] == ["next_visit", "handoff", "visit_list", "thanks", "goodbye"]
    assert len(texts) == 5
    tickets = conversations.sparc(environment, "tickets", "--json")
    assert len(json.loads(tickets.stdout)) == 1  # the wish for a person, killed in the middle, is one ticket
