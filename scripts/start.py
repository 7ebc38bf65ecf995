"""Runs this checkout's `bot.cli` from any folder: `python -m` would take a `bot` that lies in the working one."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    sys.argv[0] = "sparc"
    runpy.run_module("bot.cli", run_name="__main__")
