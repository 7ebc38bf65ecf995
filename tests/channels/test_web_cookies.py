"""Whatever stands in the cookie header of the page's requests: who is not signed in is nobody, and nothing breaks."""

from __future__ import annotations

import uuid

import aiohttp
import pytest
from sanic import Sanic, response
from sanic.request import Request
from sanic.response import HTTPResponse

from bot.channels.web_browser import Browsers
from bot.config import Settings
from bot.enrollment.database import Database

from .conftest import serving


@pytest.mark.parametrize(
    "header",
    ["a,b=1", "a/b=1; sparc=x", "sparc=\xff", 'sparc="\\303\\277"', "sparc=", "=", ";;", "sparc=" + "x" * 5000],
)
async def test_a_cookie_that_is_none_is_no_session(database: Database, header: str) -> None:
    web = Settings.from_environment({}).web
    assert web is not None
    browsers = Browsers(web, database)
    app = Sanic(f"cookies_{uuid.uuid4().hex}", configure_logging=False)

    @app.get("/known")
    async def known(request: Request) -> HTTPResponse:
        return response.json({"known": await browsers.known(request) is not None})

    async with serving(app) as address, aiohttp.ClientSession(headers={"Cookie": header}) as session:
        reply = await session.get(f"{address}/known")
        assert (reply.status, await reply.json()) == (200, {"known": False})
