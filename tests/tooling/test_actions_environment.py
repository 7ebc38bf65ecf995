"""What the action server's image holds: `actions.lock` alone, installed for this test. No Rasa, no TensorFlow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NO_NETWORK = ("error sending request", "Network connectivity is disabled", "dns error", "Connection refused")

#: Imports every module of the rooms that the action server has, and says what is there in the end.
IMPORT_ALL = """
import importlib, importlib.util, json, pkgutil, sys
imported = []
for root in ("rasa_sdk", "bot.trial", "bot.enrollment", "bot.clock", "bot.config", "actions"):
    module = importlib.import_module(root)
    imported.append(root)
    if root != "rasa_sdk" and hasattr(module, "__path__"):
        for found in pkgutil.walk_packages(module.__path__, root + "."):
            if found.name.rpartition(".")[2] != "__main__" and ".migrations." not in found.name + ".":
                importlib.import_module(found.name)
                imported.append(found.name)
heavy = [name for name in ("rasa", "tensorflow", "sklearn") if importlib.util.find_spec(name)]
print(json.dumps({"imported": imported, "heavy": heavy}))
"""


@pytest.fixture(scope="module")
def environment(uv: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds what actions.lock names and nothing else."""
    folder = tmp_path_factory.mktemp("actions") / "venv"
    subprocess.run([uv, "venv", "--quiet", "--no-project", "--python", sys.executable, folder], check=True)
    python = folder / "bin" / "python"
    lock = ROOT / "requirements" / "actions.lock"
    done = subprocess.run(
        [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, lock], capture_output=True, text=True
    )
    if any(sign in done.stderr for sign in NO_NETWORK):
        pytest.skip("neither a network nor a cache to install from")
    assert done.returncode == 0, done.stderr
    return python


@pytest.mark.slow
def test_the_actions_run_without_rasa_and_tensorflow(environment: Path) -> None:
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([environment, "-c", IMPORT_ALL], env=bare, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["heavy"] == []
    assert {"rasa_sdk", "bot.trial.record", "bot.clock", "actions"} <= set(said["imported"])


@pytest.mark.slow
def test_the_environment_is_consistent(environment: Path, uv: str) -> None:
    done = subprocess.run([uv, "pip", "check", "--python", environment], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
