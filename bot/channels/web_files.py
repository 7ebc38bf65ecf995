"""The chat page's files, by exact names, and the headers that browsers are to obey."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sanic.request import Request
from sanic.response import HTTPResponse, raw

_FOLDER = Path(__file__).resolve().parent.parent / "web"
_SCRIPT, _STYLE = "text/javascript; charset=utf-8", "text/css; charset=utf-8"
#: Address below /chat/, file, kind. Nothing else is served.
_FILES = (
    ("", "index.html", "text/html; charset=utf-8"),
    ("page.js", "page.js", _SCRIPT),
    ("server.js", "server.js", _SCRIPT),
    ("cards.js", "cards.js", _SCRIPT),
    ("calendar.js", "calendar.js", _SCRIPT),
    ("precheck.js", "precheck.js", _SCRIPT),
    ("elements.js", "elements.js", _SCRIPT),
    ("words.js", "words.js", _SCRIPT),
    ("page.css", "page.css", _STYLE),
    ("cards.css", "cards.css", _STYLE),
    ("icon.svg", "icon.svg", "image/svg+xml"),
    ("deep-chat.js", "vendor/deepChat.bundle.js", _SCRIPT),
)

#: What every answer of the server says; the page's own policy takes the place of the strictest one.
SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
#: For a year: this host is reached over TLS alone.
STRICT_TRANSPORT = "max-age=31536000"
#: Scripts, styles and requests of this server alone; pictures of answers are data addresses.
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


@dataclass(frozen=True)
class WebFile:
    """A file as it is sent."""

    content: bytes
    packed: bytes
    kind: str
    tag: str

    def response(self, request: Request) -> HTTPResponse:
        """The file, or 304 where the browser has it; browsers ask each time, so that an update is seen at once."""
        headers = {"ETag": self.tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if self.kind.startswith("text/html"):
            headers["Content-Security-Policy"] = _PAGE_POLICY
        if request.headers.get("if-none-match") == self.tag:
            return HTTPResponse(status=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return raw(self.packed, headers={**headers, "Content-Encoding": "gzip"}, content_type=self.kind)
        return raw(self.content, headers=headers, content_type=self.kind)


def load_files() -> dict[str, WebFile]:
    """Every file of the page by its address below /chat/, read once."""
    found = {}
    for address, name, kind in _FILES:
        content = (_FOLDER / name).read_bytes()
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        found[address] = WebFile(content, gzip.compress(content, mtime=0), kind, tag)
    return found


def add_security_headers(response: HTTPResponse, secure: bool) -> None:
    """Adds what an answer does not say itself."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    if secure:
        response.headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT)
