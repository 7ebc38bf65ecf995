"""The documents say nothing that is not there: commands, files, modules, settings, messages, links, examples."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import typer.main

from bot.channels.guard import parse_body
from bot.channels.signature import verify
from bot.cli import app
from bot.enrollment.csv_rows import COLUMNS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")], key=lambda page: page.name.lower()
)
#: A secret that is nobody's, for the examples.
_SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSBleGFtcGxlcw=="
_COMMAND = re.compile(r"\./sparc ([a-z][^`\n]*)")
_TOP_FOLDERS = r"(?:bot|actions|data|docs|tests|scripts|requirements|benchmarks|\.ci)"


def _found(pattern: str | re.Pattern[str]) -> list[Any]:
    """Every match of a pattern, as one case a page and text."""
    cases = {(page.name, match) for page in PAGES for match in re.findall(pattern, page.read_text(encoding="utf-8"))}
    return [pytest.param(name, text, id=f"{name}: {text}") for name, text in sorted(cases)]


def _page(name: str) -> str:
    return next(page for page in PAGES if page.name == name).read_text(encoding="utf-8")


def _code(name: str, language: str) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", _page(name), re.DOTALL)
    assert len(blocks) == 1
    return str(blocks[0])


# --- commands -----------------------------------------------------------------------------------------------------


def _command_line() -> Any:  # Typer brings a Click of its own, whose types are not to be named
    return typer.main.get_command(app)


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;<>()")
    lexer.commenters, lexer.whitespace_split = "#", True
    words: list[str] = []
    for word in lexer:
        if word[0] in "|;<>()":
            break
        words.append(word)
    return words


@pytest.mark.parametrize(("name", "line"), _found(_COMMAND))
def test_every_command_is_there_with_its_options(name: str, line: str) -> None:
    words = _words(line)
    if words[0] == "test":
        return  # the script's own: arguments are pytest's
    command, rest = _command_line(), words
    while (commands := getattr(command, "commands", None)) and rest and not rest[0].startswith("--"):
        assert rest[0] in commands, f"{name}: ./sparc {line}"
        command, rest = commands[rest[0]], rest[1:]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in rest if word.startswith("--")} <= known | {"--help"}


def _leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    commands = getattr(command, "commands", {})
    if not commands or getattr(command, "invoke_without_command", False):
        yield path
    for name, child in commands.items():
        yield from _leaves(child, (*path, name))


@pytest.mark.parametrize("path", sorted(_leaves(_command_line())), ids=" ".join)
def test_every_command_of_the_command_line_is_documented(path: tuple[str, ...]) -> None:
    lines = [_words(line) for page in PAGES for line in _COMMAND.findall(page.read_text(encoding="utf-8"))]
    assert any(tuple(words[: len(path)]) == path for words in lines)


# --- files, modules, links ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "path"), _found(rf"(?<![\w/.-])({_TOP_FOLDERS}/[\w./*-]*\w[\w*/]*)"))
def test_every_file_named_is_there(name: str, path: str) -> None:
    assert list(ROOT.glob(path.rstrip("/"))), f"{name} names {path}"


@pytest.mark.parametrize(("name", "path"), _found(r"`([\w.-]+\.(?:yml|toml|md|py))`"))
def test_every_file_of_the_root_or_beside_the_page_is_there(name: str, path: str) -> None:
    beside = next(page for page in PAGES if page.name == name).parent
    places = [ROOT / path, beside / path, *ROOT.glob(f"tests/**/{path}"), *ROOT.glob(f"bot/**/{path}")]
    assert any(place.is_file() for place in places), f"{name} names {path}"


@pytest.mark.parametrize(("name", "dotted"), _found(r"`((?:bot|actions)(?:\.[a-z_]+)+)`"))
def test_every_module_named_is_there(name: str, dotted: str) -> None:
    path = ROOT / dotted.replace(".", "/")
    assert path.is_dir() or path.with_suffix(".py").is_file(), f"{name} names {dotted}"


@pytest.mark.parametrize(("name", "target"), _found(r"\]\(([^)\s]+)\)"))
def test_every_link_inside_leads_somewhere(name: str, target: str) -> None:
    if "://" in target:
        return
    page = next(page for page in PAGES if page.name == name)
    path, _, anchor = target.partition("#")
    linked = (page.parent / path).resolve() if path else page
    assert linked.is_file()
    if anchor:
        heads = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name == "docs"], ids=lambda page: page.name)
def test_every_page_can_be_reached_from_the_readme(page: Path) -> None:
    assert f"(docs/{page.name})" in _page("README.md")


# --- settings -----------------------------------------------------------------------------------------------------


def _read_in_python(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from re.findall(r"\ASPARC_[A-Z_]+\Z", node.value)


def settings_of_the_code() -> set[str]:
    """The variables that code reads: whole string constants in Python, expansions in the scripts."""
    python = [file for folder in ("bot", "actions", "scripts") for file in (ROOT / folder).rglob("*.py")]
    shell = [ROOT / "sparc", ROOT / "scripts" / "test", ROOT / "scripts" / "setup.sh", ROOT / "scripts" / "lock"]
    found = {name for file in python for name in _read_in_python(file)}
    return found | {name for file in shell for name in re.findall(r"\$\{?(SPARC_[A-Z_]+)", file.read_text())}


def test_settings_of_the_documents_are_those_of_the_code() -> None:
    documented = {name for page in PAGES for name in re.findall(r"SPARC_[A-Z]+(?:_[A-Z]+)*", page.read_text())}
    assert documented == settings_of_the_code()
    assert documented == set(re.findall(r"SPARC_[A-Z]+(?:_[A-Z]+)*", _page("operating.md")))


# --- messages, forms, examples ------------------------------------------------------------------------------------

_MESSAGES = re.findall(r"^\| `([^`]+)` \|", _page("operating.md").split("## Troubleshooting")[1], re.MULTILINE)


def test_the_troubleshooting_table_was_found() -> None:
    assert len(_MESSAGES) > 20


@pytest.mark.parametrize("message", _MESSAGES)
def test_every_message_explained_is_one_that_is_said(message: str) -> None:
    sources = [file for folder in ("bot", "actions") for file in (ROOT / folder).rglob("*.py")]
    sources += [ROOT / "sparc", ROOT / "scripts" / "setup.sh"]
    assert any(message in file.read_text(encoding="utf-8") for file in sources)


def test_the_participants_file_has_the_columns_of_the_code() -> None:
    assert f"\n{','.join(COLUMNS)}\n" in _page("enrolment.md")


_ANSWERS = re.findall(r"`([a-z_]+)`", _page("webhook.md").split("is one of")[1].split(". A list")[0])


@pytest.mark.parametrize("answer", _ANSWERS)
def test_every_answer_named_is_given(answer: str) -> None:
    assert any(f'"{answer}"' in file.read_text(encoding="utf-8") for file in (ROOT / "actions").glob("*.py"))


@pytest.mark.parametrize("status", re.findall(r"^\| (\d{3}(?:, \d{3})*) \|", _page("webhook.md"), re.MULTILINE))
def test_every_status_documented_is_answered(status: str) -> None:
    sources = [
        (ROOT / "bot" / name).read_text(encoding="utf-8")
        for name in ("channels/hospital.py", "channels/intake.py", "server/app.py")
    ]
    for one in status.split(", "):
        assert any(re.search(rf"\b{one}\b", source) for source in sources)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here")
def test_the_shell_example_signs_what_the_server_accepts() -> None:
    script = 'curl() { printf "%s\\n" "$@"; }\n' + _code("webhook.md", "bash")
    done = subprocess.run(
        ["bash", "-eu", "-c", script],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "SPARC_WEBHOOK_SECRET": _SECRET},
        capture_output=True,
        text=True,
        check=True,
    )
    said = done.stdout.splitlines()
    headers = dict(said[at + 1].split(": ", 1) for at, word in enumerate(said) if word == "-H")
    body = said[said.index("--data-binary") + 1].encode()
    assert verify(_SECRET, body, headers) == headers["webhook-id"]
    assert parse_body(body).text == "When is my next visit?"


def test_the_python_example_signs_what_the_server_accepts(monkeypatch: pytest.MonkeyPatch) -> None:
    code = _code("webhook.md", "python")
    sent: list[Any] = []

    class Reply:
        def __enter__(self) -> Reply:
            return self

        def __exit__(self, *_: object) -> None: ...

        def read(self) -> bytes:
            return b'[{"text": "hello"}]'

    def urlopen(request: Any, timeout: float) -> Reply:
        sent.append(request)
        return Reply()

    monkeypatch.setenv("SPARC_WEBHOOK_SECRET", _SECRET)
    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    exec(compile(code, "webhook.md", "exec"), {})
    (request,) = sent
    headers = {key.lower(): value for key, value in request.header_items()}
    assert verify(_SECRET, request.data, headers) == headers["webhook-id"]
    assert abs(int(headers["webhook-timestamp"]) - datetime.now(timezone.utc).timestamp()) < 300
    assert parse_body(request.data).account == "demo.wu"
