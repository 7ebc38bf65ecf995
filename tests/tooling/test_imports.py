"""One direction of imports only: the contracts of pyproject.toml, and that our own kind of contract can fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = "from importlinter.cli import lint_imports_command as lint; lint()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=120
    )


def test_the_contracts_are_kept() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


SOURCES = {
    "itself": ("from shop.core import inner", True),
    "what it may": ("import shop.clock", True),
    "the standard library": ("import json", True),
    "another of ours": ("import shop.other", False),
    "another of ours, inside of a function": ("def f():\n    from shop import other", False),
    "one whose name begins alike": ("import shop.clockwork", False),
}


@pytest.mark.parametrize("what", SOURCES)
def test_a_package_may_import(tmp_path: Path, what: str) -> None:
    source, kept = SOURCES[what]
    (tmp_path / "pyproject.toml").write_text(
        '[tool.importlinter]\nroot_packages = ["shop"]\ninclude_external_packages = true\n'
        'contract_types = ["only: scripts.import_contracts.OnlyContract"]\n'
        '[[tool.importlinter.contracts]]\nname = "core alone"\ntype = "only"\n'
        'package = "shop.core"\nmay_import = ["shop.clock"]\n'
    )
    (tmp_path / "scripts").symlink_to(ROOT / "scripts")
    (tmp_path / "shop" / "core").mkdir(parents=True)
    for name in ("__init__", "clock", "clockwork", "other", "core/__init__", "core/inner"):
        (tmp_path / "shop" / f"{name}.py").write_text("")
    (tmp_path / "shop" / "core" / "outer.py").write_text(source + "\n")
    done = lint_imports(tmp_path)
    assert (done.returncode == 0) is kept, done.stdout + done.stderr
    assert ("shop.core.outer imports shop." in done.stdout) is not kept
