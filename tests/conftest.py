"""For every test: an environment without the settings and secrets of the one who runs them."""

from __future__ import annotations

import os

os.environ["RASA_TELEMETRY_ENABLED"] = "false"
# Read when SQLAlchemy is imported, so set here, before any test module: see filterwarnings in pyproject.toml.
os.environ["SQLALCHEMY_WARN_20"] = "1"
for _name in [name for name in os.environ if name.startswith("SPARC_")]:
    del os.environ[_name]
