"""A model is trained when what it is made of has changed, and a failure leaves the old one."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot import training
from bot.config import Settings
from bot.errors import StartupError

SOURCES = {
    "config.yml": "pipeline: []", "domain.yml": "intents: []", "requirements/serve.lock": "rasa==3.6.21",
    "data/nlu/visits.yml": "nlu: []", "data/rules/all.yml": "rules: []", "bot/nlu/reading.py": "x = 1",
    "bot/nlu/clinical/lexicon/cues.yml": "cues: []",
}  # fmt: skip


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with everything that a model is made of."""
    for name, text in SOURCES.items():
        path = tmp_path / "checkout" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(training, "ROOT", tmp_path / "checkout")
    return tmp_path / "checkout"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment({"SPARC_HOME": str(tmp_path / "home"), "SPARC_MODELS": str(tmp_path / "models")})


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch, root: Path) -> list[Path]:
    """Trainings that were started; each leaves an archive."""
    started: list[Path] = []

    def run(command: list[str], **_: Any) -> Any:
        started.append(Path(command[-2]))
        (Path(command[-2]) / "sparc.tar.gz").write_bytes(b"model %d" % len(started))
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(training, "subprocess", SimpleNamespace(run=run, STDOUT=subprocess.STDOUT))
    return started


def test_the_sources_are_all_there() -> None:
    from bot.config import ROOT

    assert [source for source in training._SOURCES if not (ROOT / source).exists()] == []


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_a_changed_source_changes_the_fingerprint(root: Path, tmp_path: Path, name: str) -> None:
    before = training.fingerprint(tmp_path)
    (root / name).write_text(SOURCES[name] + "\n# changed")
    changed = training.fingerprint(tmp_path)
    (root / name).write_text(SOURCES[name])
    assert changed != before == training.fingerprint(tmp_path)


@pytest.mark.parametrize("name", ["data/nlu/more.yml", "bot/nlu/new.py", "bot/nlu/lexicon.json"])
def test_a_new_source_changes_the_fingerprint(root: Path, tmp_path: Path, name: str) -> None:
    before = training.fingerprint(tmp_path)
    (root / name).write_text("")
    assert training.fingerprint(tmp_path) != before


def test_a_renamed_source_changes_the_fingerprint(root: Path, tmp_path: Path) -> None:
    before = training.fingerprint(tmp_path)
    (root / "data/nlu/visits.yml").rename(root / "data/nlu/calls.yml")
    assert training.fingerprint(tmp_path) != before


@pytest.mark.parametrize("name", ["README.md", "bot/nlu/__pycache__/reading.cpython-310.pyc", "actions/visits.py"])
def test_what_is_no_source_changes_nothing(root: Path, tmp_path: Path, name: str) -> None:
    before = training.fingerprint(tmp_path)
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("anything")
    assert training.fingerprint(tmp_path) == before


def test_another_folder_of_models_is_another_model(root: Path, tmp_path: Path) -> None:
    assert training.fingerprint(tmp_path / "a") != training.fingerprint(tmp_path / "b")


def test_a_model_is_trained_once_and_then_found(settings: Settings, trainings: list[Path], root: Path) -> None:
    said: list[str] = []
    first = training.ensure_model(settings, said.append)
    assert first == training.ensure_model(settings, said.append) == training.current_model(settings)
    assert (len(trainings), len(said), first.read_bytes()) == (1, 1, b"model 1")


def test_a_changed_source_is_trained_anew(settings: Settings, trainings: list[Path], root: Path) -> None:
    first = training.ensure_model(settings, str)
    (root / "domain.yml").write_text("intents: [more]")
    assert training.current_model(settings) is None
    assert training.ensure_model(settings, str) != first
    assert first.exists(), "a server that runs may still hold it open"


def test_of_many_trainings_the_last_two_stay(settings: Settings, trainings: list[Path], root: Path) -> None:
    models = []
    for number in range(4):
        (root / "domain.yml").write_text(f"intents: [i{number}]")
        models.append(training.ensure_model(settings, str))
        os.utime(models[-1].parent, (number, number))
    assert [model.exists() for model in models] == [False, False, True, True]


def test_a_forced_training_replaces_the_model(settings: Settings, trainings: list[Path], root: Path) -> None:
    training.ensure_model(settings, str)
    assert training.ensure_model(settings, str, force=True).read_bytes() == b"model 2"


def _failing(code: int) -> Callable[..., Any]:
    def run(command: list[str], stdout: Any, **_: Any) -> Any:
        stdout.write(b"line of the log\nKeyError: no such intent \xff\n")
        return SimpleNamespace(returncode=code)

    return run


@pytest.mark.parametrize("code", [1, 0, -9], ids=["fails", "writes nothing", "is killed"])
def test_a_training_that_fails_says_why_and_leaves_the_model(
    settings: Settings, trainings: list[Path], root: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    model = training.ensure_model(settings, str)
    monkeypatch.setattr(training, "subprocess", SimpleNamespace(run=_failing(code), STDOUT=subprocess.STDOUT))
    with pytest.raises(StartupError, match="KeyError: no such intent"):
        training.ensure_model(settings, str, force=True)
    assert model.read_bytes() == b"model 1"
    assert training.current_model(settings) == model


def test_what_a_failed_training_left_goes_with_the_next(settings: Settings, trainings: list[Path], root: Path) -> None:
    first = training.ensure_model(settings, str)
    left = settings.models / ".0123456789abcdef.partial"
    left.mkdir()
    (root / "domain.yml").write_text("intents: [more]")
    training.ensure_model(settings, str)
    assert (left.exists(), first.exists()) == (False, True)


def test_a_name_without_its_archive_is_no_model(settings: Settings, trainings: list[Path], root: Path) -> None:
    training.ensure_model(settings, str).unlink()
    assert training.current_model(settings) is None


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A small archive of Rasa's form."""
    metadata = {
        "train_schema": {"nodes": {"train": {"uses": "rasa.core.policies.ted_policy.TEDPolicy"}}},
        "predict_schema": {"nodes": {"nlp": {"config": {"model": '/old/"spacy"'}}}},
        "domain": {"intents": ["ask"]},
    }
    path = tmp_path / "sparc.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        folder = tarfile.TarInfo("components")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, data in (("metadata.json", json.dumps(metadata).encode()), ("components/x.bin", bytes(range(256)))):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def test_an_archive_for_serving_has_no_training_graph_and_our_folder(archive: Path) -> None:
    training.prepare_for_serving(archive, '/old/"spacy"', '/new/"spacy"')
    with tarfile.open(archive) as tar:
        names = tar.getnames()
        metadata = json.load(tar.extractfile("metadata.json"))  # type: ignore[arg-type]
        binary = tar.extractfile("components/x.bin").read()  # type: ignore[union-attr]
    assert names == ["components", "metadata.json", "components/x.bin"]
    assert metadata["train_schema"] == {"nodes": {}}
    assert metadata["predict_schema"]["nodes"]["nlp"]["config"]["model"] == '/new/"spacy"'
    assert metadata["domain"] == {"intents": ["ask"]}
    assert binary == bytes(range(256))
    assert list(archive.parent.glob("*.rewritten")) == []


def test_a_rewriting_that_breaks_leaves_the_archive(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = archive.read_bytes()
    monkeypatch.setattr(training.json, "dumps", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        training.prepare_for_serving(archive, "/old", "/new")
    assert archive.read_bytes() == before
