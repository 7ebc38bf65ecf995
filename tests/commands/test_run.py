"""`./sparc run`: a taken port and a server that dies are said at once, with what helps."""

from __future__ import annotations

import http.server
import io
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.commands import run as module
from bot.commands.run import Child, require_free_port
from bot.config import Settings
from bot.errors import StartupError
from bot.operations import may_serve

SLEEPS = "import time; time.sleep(60)"


def _child(tmp_path: Path, code: str, health: str = "http://127.0.0.1:9/health") -> Child:
    return Child("chat server", [sys.executable, "-S", "-c", code], health, tmp_path / "logs" / "chat.log")


@pytest.fixture
def settings(environment: Callable[..., Settings]) -> Settings:
    return environment()


@pytest.fixture
def taken() -> Iterator[int]:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# --- ports ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_a_taken_port_names_the_setting_that_changes_it(taken: int, host: str) -> None:
    with pytest.raises(StartupError, match=rf"port {taken} on {host} .* set SPARC_PORT"):
        require_free_port(host, taken, "SPARC_PORT")


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_a_free_port_stays_free(host: str) -> None:
    port = _free_port()
    require_free_port(host, port, "SPARC_PORT")
    require_free_port(host, port, "SPARC_PORT")


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a..b", "x" * 70, "300.1.2.3"])
def test_a_host_that_is_none_names_its_own_setting(host: str) -> None:
    with pytest.raises(StartupError, match=r"^SPARC_HOST: expected"):
        require_free_port(host, 5005, "SPARC_PORT")


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(StartupError, match="cannot be used"):
        require_free_port("192.0.2.1", 5005, "SPARC_PORT")


@pytest.mark.parametrize("name", ["SPARC_PORT", "SPARC_ACTION_PORT"])
def test_nothing_is_prepared_while_a_port_is_taken(
    environment: Callable[..., Settings], taken: int, name: str, tmp_path: Path
) -> None:
    free = {"SPARC_PORT": str(_free_port()), "SPARC_ACTION_PORT": str(_free_port())}
    with pytest.raises(StartupError, match=f"set {name}"):
        module.run(environment(**{**free, name: str(taken)}), lambda _: None)
    assert not (tmp_path / "home").exists()


# --- children ---------------------------------------------------------------------------------------------------


def test_a_child_that_dies_ends_the_run_with_its_last_lines(tmp_path: Path, settings: Settings) -> None:
    child = _child(tmp_path, "print('\\n'.join(map(str, range(100)))); raise SystemExit('model is broken')")
    child.start(settings)
    assert child.process is not None
    child.process.wait(20)
    with pytest.raises(StartupError) as died:
        module._raise_if_dead([child])
    text = str(died.value)
    assert "the chat server ended (exit 1)" in text
    assert text.endswith("model is broken")
    assert str(child.log) in text
    assert "\n99\n" in text
    assert "\n50\n" not in text


WAITS = "import sys; line = sys.stdin.readline(); print('told' if line else 'left alone')"


def test_a_child_waits_until_it_may_serve(tmp_path: Path, settings: Settings) -> None:
    child = _child(tmp_path, WAITS)
    child.start(settings)
    assert child.process is not None
    assert not child.ended()
    child.let_serve()
    child.process.wait(20)
    assert child.tail() == "told"
    child.let_serve()  # one that has ended is told in vain


@pytest.mark.parametrize(("arguments", "said", "may"), [
    ([], "", True), (["model.tar.gz"], "", True), (["--wait"], "\n", True), (["m", "--wait"], "\n", True),
    (["--wait"], "", False),
])  # fmt: skip
def test_a_server_may_serve_at_once_or_when_it_is_told(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str, may: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(said))
    assert may_serve(arguments) is may


def test_nothing_is_left_running_where_the_database_cannot_be_prepared(
    environment: Callable[..., Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Child] = []

    def two(settings: Settings, _model: Path) -> list[Child]:
        started.extend(_child(tmp_path / str(number), SLEEPS) for number in range(2))
        for child in started:
            child.start(settings)
        return started

    def broken(*_: object) -> None:
        raise StartupError("the database is broken")

    monkeypatch.setattr(module, "_started", two)
    monkeypatch.setattr(module, "_prepared", broken)
    monkeypatch.setattr(module, "current_model", lambda _settings: tmp_path / "sparc.tar.gz")
    ports = {"SPARC_PORT": str(_free_port()), "SPARC_ACTION_PORT": str(_free_port())}
    with pytest.raises(StartupError, match="the database is broken"):
        module.run(environment(**ports), lambda _: None)
    assert len(started) == 2
    assert all(child.ended() for child in started)


def test_waiting_for_a_child_that_dies_does_not_wait(tmp_path: Path, settings: Settings) -> None:
    child = _child(tmp_path, "raise SystemExit(3)")
    child.start(settings)
    with pytest.raises(StartupError, match="exit 3"):
        module._wait_until_up([child], SimpleNamespace(asked=False))  # type: ignore[arg-type]


def test_a_child_that_does_not_answer_is_given_up(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_START_SECONDS", 0)
    child = _child(tmp_path, SLEEPS)
    child.start(settings)
    try:
        with pytest.raises(StartupError, match="did not answer within 0 s"):
            module._wait_until_up([child], SimpleNamespace(asked=False))  # type: ignore[arg-type]
    finally:
        child.stop()


def test_who_asks_to_stop_is_not_kept_waiting(tmp_path: Path) -> None:
    module._wait_until_up([_child(tmp_path, SLEEPS)], SimpleNamespace(asked=True))  # type: ignore[arg-type]


def test_a_child_is_stopped_gently_and_twice_is_no_error(tmp_path: Path, settings: Settings) -> None:
    child = _child(tmp_path, SLEEPS)
    child.start(settings)
    child.stop()
    child.stop()
    assert child.process is not None
    assert child.process.returncode == -signal.SIGTERM
    assert child.ended()


def test_a_child_that_does_not_listen_is_killed(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_STOP_SECONDS", 0.1)
    ready = tmp_path / "ready"
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({str(ready)!r}, 'w').close(); {SLEEPS}"
    child = _child(tmp_path, deaf)
    child.start(settings)
    _wait_for(ready.exists)
    child.stop()
    assert child.process is not None
    assert child.process.returncode == -signal.SIGKILL


def test_a_child_knows_its_home_and_model(tmp_path: Path, settings: Settings) -> None:
    child = _child(tmp_path, "import os; print(os.environ['SPARC_HOME'], os.environ['RASA_TELEMETRY_ENABLED'])")
    child.start(settings)
    assert child.process is not None
    child.process.wait(20)
    assert child.tail() == f"{settings.home} false"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_children_die_with_a_run_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from bot.commands.run import Child; from bot.config import Settings\n"
        f"child = Child('x', [sys.executable, '-S', '-c', {SLEEPS!r}], '', Path({str(tmp_path / 'log')!r}))\n"
        "child.start(Settings.from_environment({})); print(child.process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code], stdout=subprocess.PIPE, text=True, cwd=module.ROOT
    )
    assert parent.stdout is not None
    grandchild = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    _wait_for(lambda: not _runs(grandchild))


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


def _wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it never came")


@pytest.mark.parametrize(("status", "up"), [(200, True), (503, False), (404, False)])
def test_a_child_is_up_when_its_health_says_200_whatever_proxy_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, up: bool
) -> None:
    class Health(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with http.server.HTTPServer(("127.0.0.1", 0), Health) as web:
        threading.Thread(target=web.handle_request, daemon=True).start()
        assert _child(tmp_path, "", f"http://127.0.0.1:{web.server_address[1]}/health").answers() is up


def test_a_child_that_speaks_no_http_is_not_up(tmp_path: Path) -> None:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def babble() -> None:
            connection, _ = listener.accept()
            connection.sendall(b"what is this\r\n\r\n")
            connection.close()

        threading.Thread(target=babble, daemon=True).start()
        assert not _child(tmp_path, "", f"http://127.0.0.1:{listener.getsockname()[1]}/").answers()


def test_nobody_there_is_not_up_and_has_no_lines(tmp_path: Path) -> None:
    child = _child(tmp_path, "")
    assert (child.answers(), child.ended(), child.tail()) == (False, False, "")
    child.stop()


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("::", "[::1]"), ("localhost", "localhost")],
)  # fmt: skip
def test_health_is_asked_where_the_server_listens(
    environment: Callable[..., Settings], host: str, address: str
) -> None:
    child = module._chat_server(environment(SPARC_HOST=host), Path("model"))
    assert child.health == f"http://{address}:5005/health/ready"


@pytest.mark.parametrize(
    ("demo", "says"),
    [({}, "Link an account first"), ({"demo.chen": "P-0001", "demo.coordinator": "coordinator"}, "ask --as demo.chen")],
)
def test_what_to_try_is_told(settings: Settings, demo: dict[str, str], says: str) -> None:
    told: list[str] = []
    module._say_ready(settings, demo, [("a patient", "http://127.0.0.1:5005/chat/#link=x")], told.append)
    assert any("http://127.0.0.1:5005/chat/#link=x" in line for line in told)
    assert told[0] == "SPARC Assistant answers on http://127.0.0.1:5005"
    assert says in "\n".join(told)
