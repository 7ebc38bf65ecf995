"""The two servers that are compared: Rasa's own starter bot, and ours. Each in a folder and on ports of its own."""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.metadata
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from types import TracebackType

import psutil
from load import Request, first_answer
from standardwebhooks import Webhook

ROOT = Path(__file__).resolve().parent.parent

#: What is said to the starter bot: its own intents, in its own words.
STARTER_TEXTS = ("hey there", "I am feeling very sad", "yes", "are you a bot?", "I'm great", "no", "see you later")

#: What is said to ours where every answer reads the participant's record in the enrolment database.
DATABASE_TEXTS = (
    "When is my next visit?",
    "Which tablets do I take today?",
    "Show me all my visits",
    "我下次什么时候来医院？",
)

#: What is said to ours, by patients on treatment: most answers read the enrolment database, the rest the protocol.
OUR_TEXTS = (
    "Hello",
    "When is my next visit?",
    "Which tablets do I take today?",
    "Show me all my visits",
    "What is penpulimab?",
    "我下次什么时候来医院？",
    "Who can I call?",
)


class Server:
    """A server as a tree of processes, from its start to its end; its output goes to a file."""

    name: str
    url: str
    #: What is said, in turn; with other texts the server is asked something else from now on.
    texts: tuple[str, ...]
    #: What is said where only answers from a database are measured; a server without one says what it always says.
    database_texts: tuple[str, ...]

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> dict[str, object]:
        """Everything before the start that is not measured as the start, such as training."""
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return {**os.environ, "RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "2"}

    def request(self, conversation: int, turn: int) -> tuple[bytes, dict[str, str]]:
        raise NotImplementedError

    async def start(self, patience_s: float) -> float:
        """Starts the server; the seconds until its first answer."""
        started = time.perf_counter()
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                env=self.environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        request: Request = self.request
        try:
            await first_answer(self.url, request, patience_s, self._process_alive)
        except RuntimeError as error:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
            raise RuntimeError(f"{self.name}: {error}\n{tail}") from None
        return time.perf_counter() - started

    def _process_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def processes(self) -> list[psutil.Process]:
        """All its processes that run now, the one that was started first."""
        assert self._process is not None
        root = psutil.Process(self._process.pid)
        return [root, *root.children(recursive=True)]

    def memory_mb(self) -> dict[str, float | int]:
        """Resident memory of all its processes: `rss_mb` as told, `pss_mb` with shared pages shared out (Linux)."""
        processes = self.processes()
        found = {"processes": len(processes), "rss_mb": sum(one.memory_info().rss for one in processes) / 2**20}
        if psutil.LINUX:
            found["pss_mb"] = sum(one.memory_full_info().pss for one in processes) / 2**20
        return {name: round(value) for name, value in found.items()}

    def stop(self) -> None:
        """Ctrl-C, and what has not ended of its own processes after 20 s is killed."""
        if self._process is None or self._process.poll() is not None:
            return
        processes = self.processes()
        self._process.send_signal(signal.SIGINT)
        _, left = psutil.wait_procs(processes, timeout=20)
        for process in left:
            process.kill()
        self._process.wait()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Starter(Server):
    """What `rasa init` makes, trained as it stands (DIET, TED), served over Rasa's REST channel."""

    name = "starter"
    texts = database_texts = STARTER_TEXTS

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}/webhooks/rest/webhook"
        self.model = folder / "model.tar.gz"

    def prepare(self) -> dict[str, object]:
        """Copies the starter project and trains it, unless an archive of the same project and Rasa is kept."""
        import rasa.cli

        template = Path(rasa.cli.__file__).parent / "initial_project"
        kept = ROOT / "var" / "benchmarks" / f"starter-{fingerprint(template)}.tar.gz"
        project = self.folder / "project"
        shutil.copytree(template, project)
        seconds = 0.0
        if not kept.exists():
            started = time.perf_counter()
            options = ["--fixed-model-name", "starter", "--out", str(self.folder)]
            with (self.folder / "training.log").open("wb") as log:
                subprocess.run(
                    ["nice", sys.executable, "-m", "rasa", "train", *options],
                    cwd=project,
                    env=self.environment(),
                    check=True,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            seconds = time.perf_counter() - started
            kept.parent.mkdir(parents=True, exist_ok=True)
            (self.folder / "starter.tar.gz").replace(kept)
        shutil.copy(kept, self.model)
        (project / "credentials.yml").write_text("rest:\n")
        return {"training_s": round(seconds, 1) or "kept from an earlier run"}

    def command(self) -> list[str]:
        project = self.folder / "project"
        options = ["--interface", "127.0.0.1", "--port", str(self.port), "--model", str(self.model)]
        files = ["--credentials", str(project / "credentials.yml"), "--endpoints", str(project / "endpoints.yml")]
        return [sys.executable, "-m", "rasa", "run", *options, *files]

    def request(self, conversation: int, turn: int) -> tuple[bytes, dict[str, str]]:
        text = self.texts[turn % len(self.texts)]
        body = json.dumps({"sender": f"bench-{conversation}", "message": text}).encode()
        return body, {"Content-Type": "application/json"}


class Ours(Server):
    """`./sparc run` with a home of its own, and messages signed as the hospital's chat signs them."""

    name = "sparc"
    texts, database_texts = OUR_TEXTS, DATABASE_TEXTS

    def __init__(self, folder: Path, accounts: int) -> None:
        super().__init__(folder)
        self.port, self.action_port = free_ports(2)
        self.url = f"http://127.0.0.1:{self.port}/webhooks/hospital/webhook"
        self.accounts = accounts
        self.secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        self._signer = Webhook(self.secret)

    def environment(self) -> dict[str, str]:
        settings = {
            "SPARC_HOME": str(self.folder / "home"),
            "SPARC_HOST": "127.0.0.1",
            "SPARC_PORT": str(self.port),
            "SPARC_ACTION_PORT": str(self.action_port),
            "SPARC_WEBHOOK_SECRET": self.secret,
            "SPARC_RATE": "0",
        }
        inherited = {name: value for name, value in super().environment().items() if not name.startswith("SPARC_")}
        return {**inherited, **settings}

    def prepare(self) -> dict[str, object]:
        """Sets up, migrates, trains if need be, and enrols one participant for each conversation."""
        participants = self.folder / "participants.csv"
        write_participants(participants, self.accounts, date.today())
        self._sparc("db", "upgrade")
        self._sparc("participants", "import", str(participants))
        started = time.perf_counter()
        self._sparc("train")
        return {"training_s": round(time.perf_counter() - started, 1)}

    def _sparc(self, *arguments: str) -> None:
        done = subprocess.run(
            [str(ROOT / "sparc"), *arguments], env=self.environment(), cwd=self.folder, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"./sparc {' '.join(arguments)}: exit {done.returncode}\n{done.stderr or done.stdout}")

    def command(self) -> list[str]:
        return [str(ROOT / "sparc"), "run"]

    async def start(self, patience_s: float) -> float:
        """Starts ours with the model that `prepare` left: a start that trains compares with none that does not.

        Raises:
            RuntimeError: as for any server, or the model was trained again, because its data changed meanwhile.
        """
        before = set((ROOT / "models").iterdir())
        seconds = await super().start(patience_s)
        if set((ROOT / "models").iterdir()) != before:
            raise RuntimeError("sparc: the data of the model changed after its training; measure again")
        return seconds

    def account_of(self, conversation: int) -> str:
        """Who speaks in a conversation."""
        return account(conversation % self.accounts)

    def text(self, turn: int) -> str:
        """What is said in this turn."""
        return self.texts[turn % len(self.texts)]

    def request(self, conversation: int, turn: int) -> tuple[bytes, dict[str, str]]:
        message = {
            "account": self.account_of(conversation),
            "conversation": f"bench-{conversation}",
            "direct": True,
            "text": self.text(turn),
        }
        body = json.dumps(message, ensure_ascii=False)
        now, identifier = datetime.now(timezone.utc), f"msg_{secrets.token_hex(12)}"
        return body.encode(), {
            "Content-Type": "application/json",
            "webhook-id": identifier,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(identifier, now, body),
        }


def account(number: int) -> str:
    """The chat account of the numbered participant of the measurement."""
    return f"bench.{number:03d}"


#: The columns of the participants file.
_COLUMNS = (
    *("participant", "account", "language", "sex", "birth_date", "height_cm", "weight_kg", "consented", "enrolled"),
    *("status", "rt1", "io1", "c1d1", "c2d1", "c3d1", "c4d1", "last_capecitabine", "restaged", "surgery", "pcr"),
    "capecitabine_mg",
)


def write_participants(path: Path, count: int, today: date) -> None:
    """Participants in all phases of treatment, day 1 between today and twelve weeks ago."""
    cycles = {"c1d1": 14, "c2d1": 35, "c3d1": 56, "c4d1": 77}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, _COLUMNS, restval="")
        writer.writeheader()
        for number in range(count):
            day_1 = today - timedelta(days=number * 11 % 84)
            happened = {name: day_1 + timedelta(days=days) for name, days in {"io1": 5, **cycles}.items()}
            writer.writerow(
                {
                    "participant": f"P-{9000 + number}",
                    "account": account(number),
                    "language": "zh" if number % 3 == 0 else "en",
                    "sex": "FM"[number % 2],
                    "birth_date": date(1960 + number % 30, 1 + number % 12, 15),
                    "height_cm": 155 + number % 30,
                    "weight_kg": 50 + number % 40,
                    "consented": day_1 - timedelta(days=14),
                    "enrolled": day_1 - timedelta(days=7),
                    "status": "on_treatment",
                    "rt1": day_1,
                    "capecitabine_mg": 1500,
                    **{name: day for name, day in happened.items() if day < today},
                }
            )


def fingerprint(project: Path) -> str:
    """Changes with the project's files and with the version of Rasa."""
    digest = hashlib.sha256(importlib.metadata.version("rasa").encode())
    for path in sorted(project.rglob("*.yml")):
        digest.update(str(path.relative_to(project)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
