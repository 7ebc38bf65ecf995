"""The chat server: `python -m bot.server [MODEL]`, by default the model that was trained last. Its first act keeps TensorFlow out, see `bot.server.lazy`."""

from __future__ import annotations

import sys
from pathlib import Path

from bot.server.lazy import defer_unused_modules


def main() -> int:
    """Serves until stopped; 1 where it could not start."""
    defer_unused_modules()
    from bot.config import Settings
    from bot.errors import SparcError
    from bot.logs import configure_logs
    from bot.server.app import build_app
    from bot.training import trained_model

    configure_logs()
    try:
        settings = Settings.from_environment()
        model = Path(sys.argv[1]) if len(sys.argv) > 1 else trained_model(settings)
        app = build_app(settings, model)
    except SparcError as error:
        print(error, file=sys.stderr)
        return 1
    app.run(host=settings.host, port=settings.port, access_log=False, motd=False, debug=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
