"""Trains the model when what it is made of has changed, and only then.

A model is a folder `models/<fingerprint>/` with the spaCy pipeline and Rasa's archive; `models/current` names the one
in use and is replaced last, so an interrupted training leaves the old model in place.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bot.config import ROOT, Settings
from bot.errors import StartupError

_ARCHIVE = "sparc.tar.gz"
_CURRENT = "current"
#: How the folder of a training ends that is not through.
_PARTIAL = ".partial"
#: What the model is made of: change one of these and it is trained anew.
_SOURCES = ("config.yml", "domain.yml", "data", "bot/nlu", "requirements/serve.lock")
_SUFFIXES = frozenset({".py", ".yml", ".yaml", ".json", ".txt", ".lock", ".csv", ".tsv"})


def fingerprint(models: Path) -> str:
    """A hash over everything the model is made of, and the folder, since the archive names the spaCy pipeline's."""
    digest = hashlib.sha256(str(models).encode("utf-8"))
    for source in _SOURCES:
        path = ROOT / source
        files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.suffix in _SUFFIXES)
        for file in files:
            digest.update(str(file.relative_to(ROOT)).encode("utf-8") + b"\0")
            digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def current_model(settings: Settings) -> Path | None:
    """The archive in use if it is up to date, else None."""
    wanted = fingerprint(settings.models)
    archive = settings.models / wanted / _ARCHIVE
    named = settings.models / _CURRENT
    return archive if named.is_file() and named.read_text().strip() == wanted and archive.is_file() else None


def trained_model(settings: Settings) -> Path:
    """The archive that was trained last, whatever has changed since: what an image holds.

    Raises:
        StartupError: there is none.
    """
    named = settings.models / _CURRENT
    archive = settings.models / (named.read_text().strip() if named.is_file() else "") / _ARCHIVE
    if not archive.is_file():
        raise StartupError(f"{settings.models}: no trained model is here; make one with ./sparc train")
    return archive


def ensure_model(settings: Settings, tell: Callable[[str], None], force: bool = False) -> Path:
    """The up-to-date archive, trained now if need be; a second caller waits for the first.

    Raises:
        StartupError: the training failed; its last lines are in the message.
    """
    found = None if force else current_model(settings)
    if found is not None:
        return found
    with _lock(settings.models):
        found = None if force else current_model(settings)  # another may have trained it while we waited
        return found or _train(settings, tell)


def _train(settings: Settings, tell: Callable[[str], None]) -> Path:
    wanted = fingerprint(settings.models)
    folder, scratch = settings.models / wanted, settings.models / f".{wanted}{_PARTIAL}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    tell("Training the model (about a minute; only when its data changed)")
    log = scratch / "training.log"
    with log.open("wb") as output:
        done = subprocess.run(
            [sys.executable, "-m", "bot.training", str(scratch), str(folder)],
            cwd=ROOT,
            env={**os.environ, "RASA_TELEMETRY_ENABLED": "false", "RASA_MAX_CACHE_SIZE": "0"},
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0 or not (scratch / _ARCHIVE).is_file():
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
        raise StartupError(f"the training failed (log: {log}):\n{tail}")
    shutil.rmtree(folder, ignore_errors=True)  # only now: a training that fails leaves the model that is there
    scratch.rename(folder)
    named = settings.models / f".{_CURRENT}.new"
    named.write_text(wanted)
    named.replace(settings.models / _CURRENT)
    _remove_others(settings.models, wanted)
    return folder / _ARCHIVE


def _remove_others(models: Path, kept: str) -> None:
    """Removes older models but the newest one, which a running server may still hold open."""
    others = [entry for entry in models.iterdir() if entry.is_dir() and entry.name != kept]
    broken = [entry for entry in others if entry.name.endswith(_PARTIAL)]
    older = sorted((entry for entry in others if entry not in broken), key=lambda entry: entry.stat().st_mtime)
    for entry in broken + older[:-1]:
        shutil.rmtree(entry, ignore_errors=True)


@contextmanager
def _lock(models: Path) -> Iterator[None]:
    models.mkdir(parents=True, exist_ok=True)
    with (models / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def train_into(scratch: Path, final: Path) -> None:
    """Builds the spaCy pipeline and trains Rasa's model in `scratch`; both will be served from `final`.

    Runs in a process of its own: training imports what serving must not.
    """
    import asyncio

    import yaml
    from rasa.model_training import train

    from bot.nlu.pipeline import save_pipeline

    save_pipeline(scratch / "spacy")
    config = yaml.safe_load((ROOT / "config.yml").read_text(encoding="utf-8"))
    for component in config["pipeline"]:
        if component["name"] == "SpacyNLP":
            component["model"] = str(scratch / "spacy")
    with tempfile.TemporaryDirectory() as folder:
        used = Path(folder) / "config.yml"
        used.write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
        asyncio.set_event_loop(asyncio.new_event_loop())
        train(
            domain=str(ROOT / "domain.yml"),
            config=str(used),
            training_files=[str(ROOT / "data")],
            output=str(scratch),
            fixed_model_name="sparc",
            force_training=True,
        )
    prepare_for_serving(scratch / _ARCHIVE, str(scratch / "spacy"), str(final / "spacy"))


def prepare_for_serving(archive: Path, trained_with: str, served_from: str) -> None:
    """Rewrites an archive's metadata: no training graph, and the spaCy pipeline where it will lie.

    Rasa rebuilds the training graph when it loads a model, which imports TensorFlow and every training component;
    prediction never reads it.
    """
    rewritten = archive.with_suffix(".rewritten")
    with tarfile.open(archive, "r:gz") as old, tarfile.open(rewritten, "w:gz") as new:
        for member in old.getmembers():
            if not member.isfile():
                new.addfile(member)
                continue
            source = old.extractfile(member)
            assert source is not None
            data = source.read()
            if Path(member.name).name == "metadata.json":
                metadata: dict[str, Any] = json.loads(data)
                metadata["train_schema"] = {"nodes": {}}
                data = (
                    json.dumps(metadata).replace(json.dumps(trained_with)[1:-1], json.dumps(served_from)[1:-1]).encode()
                )
                member.size = len(data)
            new.addfile(member, io.BytesIO(data))
    rewritten.replace(archive)


if __name__ == "__main__":
    train_into(Path(sys.argv[1]), Path(sys.argv[2]))
