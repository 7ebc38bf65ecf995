"""What the images run, without an engine: their files alone, their environment, their commands, none of what they leave out."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.stack import free_ports
from bot.channels.signature import sign
from bot.config import ROOT, Settings
from bot.training import ensure_model

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1500)]
DOCKER = ROOT / "docker"
#: Distributions whose modules have other names.
_MODULES = {"libclang": "clang", "pip": "pip"}


class Image:
    """An image as a folder: what its last stage copies from the checkout, its environment and its command."""

    def __init__(self, name: str, folder: Path) -> None:
        text = (DOCKER / f"{name}.Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
        last = text[text.rindex("\nFROM ") :]
        self.folder = folder / name
        for line in re.findall(r"^COPY (?!--from)(.+)$", last, re.MULTILINE):
            *sources, target = line.split()
            for source in sources:
                self._copy(ROOT / source, self.folder / target if len(sources) == 1 else self.folder / source)
        words = re.search(r"^ENV (.+)$", last, re.MULTILINE)
        assert words is not None
        self.environment = dict(word.split("=", 1) for word in words[1].split())
        command = re.search(r"^CMD (\[.+\])$", last, re.MULTILINE)
        assert command is not None
        self.command: list[str] = json.loads(command[1])
        self.blocked = self._left_out(name, text)

    def _copy(self, source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)

    @staticmethod
    def _left_out(name: str, text: str) -> list[str]:
        if name == "actions":
            return ["rasa", "tensorflow", "sklearn", "keras"]
        found = re.search(r"pip uninstall --yes ([^\n]+)", text)
        assert found is not None
        return [_MODULES.get(each, each.replace("-", "_")) for each in found[1].split()]

    @contextmanager
    def running(self, command: list[str], settings: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
        """Starts a command of the image; what the image leaves out cannot be imported."""
        site = self.folder / ".site"
        site.mkdir(exist_ok=True)
        (site / "sitecustomize.py").write_text(
            "import sys\n"
            "class Left:\n"
            "    def find_spec(self, name, path=None, target=None):\n"
            f"        if name.partition('.')[0] in {self.blocked!r}:\n"
            "            raise ModuleNotFoundError(name)\n"
            "sys.meta_path.insert(0, Left())\n"
        )
        kept = {name: value for name, value in os.environ.items() if name in ("HOME", "LANG", "TMPDIR")}
        environment = {**kept, **self.environment, **settings, "PYTHONPATH": f"{site}:{self.folder}"}
        environment["PATH"] = os.environ["PATH"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, *command[1:]],
                cwd=self.folder,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, log.read_text(errors="replace")[-2000:]


def _settings_of(service: str, secrets: Path) -> dict[str, str]:
    """A service's settings as its container gets them, with values where a site fills them in."""
    content: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yml").read_text())["services"][service]
    values = {
        "WARD_LINE": "+86 10 5555 0100",
        "EMERGENCY_NUMBER": "120",
        "ALERT_LINE": "none",
        "SITE_ADDRESS": "a.example",
    }
    found = {}
    for name, value in content["environment"].items():
        text = re.sub(r"\$\{([A-Z_]+)[^}]*\}", lambda match: values[match[1]], value)
        found[name] = text.replace("/run/secrets", str(secrets))
    return found


def _get(url: str) -> tuple[int, bytes]:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=5) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 300
    while _get(url)[0] != 200:
        assert process.poll() is None, log.read_text(errors="replace")[-3000:]
        assert time.monotonic() < until, log.read_text(errors="replace")[-3000:]
        time.sleep(0.1)


def test_the_containers_of_one_machine_work_together(tmp_path: Path) -> None:
    model = ensure_model(Settings.from_environment({"SPARC_HOME": str(tmp_path / "home")}), lambda line: None)
    shutil.copy(DOCKER / "make-secrets", tmp_path)
    subprocess.run(["sh", str(tmp_path / "make-secrets")], check=True, capture_output=True)
    actions, chat = Image("actions", tmp_path), Image("chat", tmp_path)
    assert not (actions.folder / "data").exists()
    chat_port, action_port = free_ports(2)
    places = {
        "SPARC_HOME": str(tmp_path / "home"), "SPARC_MODELS": str(model.parent.parent),
        "SPARC_PORT": str(chat_port), "SPARC_ACTION_PORT": str(action_port),
    }  # fmt: skip
    secrets = tmp_path / "secrets"
    prepare = yaml.safe_load((DOCKER / "compose.yml").read_text())["services"]["prepare"]["command"]
    with actions.running(prepare, {**_settings_of("prepare", secrets), **places}, tmp_path / "prepare.log") as process:
        assert process.wait(120) == 0
    with ExitStack() as stack:
        settings, log = {**_settings_of("actions", secrets), **places}, tmp_path / "actions.log"
        process = stack.enter_context(actions.running(actions.command, settings, log))
        _wait(f"http://127.0.0.1:{action_port}/health/ready", process, log)
        settings, log = {**_settings_of("chat", secrets), **places}, tmp_path / "chat.log"
        assert settings["SPARC_ACTION_URL"] == "http://actions:5006"
        settings["SPARC_ACTION_URL"] = f"http://127.0.0.1:{action_port}"  # compose's own names are not here
        process = stack.enter_context(chat.running(chat.command, settings, log))
        _wait(f"http://127.0.0.1:{chat_port}/health/ready", process, log)
        body = json.dumps(
            {"account": "li.wei", "conversation": "r", "direct": True, "text": "What is penpulimab?"}
        ).encode()
        url = f"http://127.0.0.1:{chat_port}/webhooks/hospital/webhook"
        headers = sign((secrets / "webhook-secret").read_text(), "msg_1", body)
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(urllib.request.Request(url, body, headers), timeout=60) as reply:
            assert json.load(reply)[0]["custom"]["data"]["topic"] == "penpulimab"
        health = re.search(r"'(http://127\.0\.0\.1:\d+)(/health/\w+)'", (DOCKER / "chat.Dockerfile").read_text())
        assert health is not None
        assert _get(f"http://127.0.0.1:{chat_port}{health[2]}")[0] == 200
    assert not list((tmp_path / "home").glob("*secret*")), "the secrets are those that were mounted"
