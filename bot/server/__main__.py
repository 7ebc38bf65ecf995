"""The chat server: `python -m bot.server [MODEL] [--wait]`, by default of the model that was trained last.

Before it imports Rasa it keeps out what is not used, see `bot.server.lazy`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bot.config import Settings
from bot.errors import SparcError
from bot.server.lazy import defer_unused_modules
from bot.training import trained_model


def main() -> int:
    """Serves until stopped; 1 where it could not start."""
    named = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    try:
        settings = Settings.from_environment()
        defer_unused_modules(with_chats=settings.connectors is not None)
        from bot.logs import configure_logs
        from bot.operations import may_serve
        from bot.server.app import build_app

        configure_logs()
        app = build_app(settings, Path(named[0]) if named else trained_model(settings))
    except SparcError as error:
        print(error, file=sys.stderr)
        return 1
    if not may_serve(sys.argv[1:]):
        return 1
    app.run(host=settings.host, port=settings.port, access_log=False, motd=False, debug=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
