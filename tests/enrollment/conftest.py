"""A migrated database for each test, on SQLite and on PostgreSQL, with the clock at 2026-06-10 in Shanghai."""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from bot.clock import Clock
from bot.enrollment import migrations
from bot.enrollment.audit import Actor
from bot.enrollment.base import Base
from bot.enrollment.csv_rows import COLUMNS, DOSE_COLUMN
from bot.enrollment.database import Database
from bot.enrollment.planning import Planner, planner
from bot.trial.protocol import Protocol, load_protocol

#: A PostgreSQL server to test on; every test makes and drops databases of its own there.
SERVER = os.environ.get("TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
CLOCK = Clock.from_environment({"SPARC_CLOCK": "2026-06-10T09:00:00+08:00"})


class Server:
    """A PostgreSQL server, on which the tests have databases of their own."""

    def __init__(self) -> None:
        self.shared = f"sparc_test_{uuid.uuid4().hex[:12]}"

    def url(self, name: str) -> str:
        return str(make_url(SERVER).set(database=name).render_as_string(hide_password=False))

    def run(self, statement: str, url: str = SERVER) -> None:
        async def execute() -> None:
            connection = await asyncpg.connect(url, timeout=3)
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        # Fixtures are set up inside the tests' own running loop: another one needs a thread.
        with ThreadPoolExecutor(max_workers=1) as pool:
            pool.submit(asyncio.run, execute()).result()

    def make(self, name: str | None = None) -> str:
        name = name or f"sparc_test_{uuid.uuid4().hex[:12]}"
        self.run(f"CREATE DATABASE {name}")
        self.run(f"ALTER DATABASE {name} SET synchronous_commit = off")
        return name

    def empty(self) -> str:
        """Empties the shared database, which is much quicker than making one; returns its address."""
        tables = [table.name for table in reversed(Base.metadata.sorted_tables) if table.name != "sites"]
        deletes = "; ".join(f"DELETE FROM {table}" for table in tables)
        self.run(f"BEGIN; SET LOCAL session_replication_role = replica; {deletes}; COMMIT", self.url(self.shared))
        return self.url(self.shared)

    def drop(self, name: str) -> None:
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    found = Server()
    try:
        found.make(found.shared)
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        pytest.skip(f"no PostgreSQL server to test on at {make_url(SERVER).host}: {type(error).__name__}")
    migrations.upgrade(found.url(found.shared))
    yield found
    found.drop(found.shared)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.db"
    migrations.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty, migrated database."""
    if dialect == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "sparc.db")
        yield f"sqlite:///{tmp_path / 'sparc.db'}"
    else:
        yield request.getfixturevalue("server").empty()


@pytest.fixture
def bare_url(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without a single table."""
    if dialect == "sqlite":
        yield f"sqlite:///{tmp_path / 'bare.db'}"
    else:
        server: Server = request.getfixturevalue("server")
        name = server.make()
        yield server.url(name)
        server.drop(name)


@pytest.fixture(scope="session")
def protocol() -> Protocol:
    return load_protocol()


@pytest.fixture(scope="session")
def plan(protocol: Protocol) -> Planner:
    return planner(protocol)


@pytest.fixture
async def database(url: str, plan: Planner) -> AsyncIterator[Database]:
    async with Database(url, CLOCK, plan) as opened:
        yield opened


@pytest.fixture
def operator() -> Actor:
    return Actor("root", "operator")


@pytest.fixture
def coordinator() -> Actor:
    return Actor("coord.ye", "coordinator")


#: A participant in cycle 2, as the file tells it.
GOOD = {
    "participant": "P-0101",
    "account": "ding.yu",
    "language": "en",
    "sex": "F",
    "birth_date": "1967-05-04",
    "height_cm": "164",
    "weight_kg": "61.5",
    "consented": "2026-04-20",
    "enrolled": "2026-04-27",
    "status": "on_treatment",
    "rt1": "2026-05-04",
    "io1": "2026-05-09",
    "c1d1": "2026-05-18",
    "c2d1": "2026-06-10",
}


@pytest.fixture
def csv_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a participants file: one row for each dict of cells that differ from a good row."""

    def write(*rows: dict[str, str], dose: bool = False) -> Path:
        columns = [*COLUMNS, DOSE_COLUMN] if dose else list(COLUMNS)
        lines = [",".join(columns)]
        lines += [",".join({**GOOD, **row}.get(column, "") for column in columns) for row in rows]
        path = tmp_path / "participants.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def three(csv_file: Callable[..., Path]) -> Iterator[Path]:
    """A file of three participants: in cycle 2, before radiotherapy, and through with everything."""
    yield csv_file(
        {"capecitabine_mg": "1650"},
        {
            "participant": "P-0102", "birth_date": "1960-01-02", "weight_kg": "70", "account": "", "language": "zh",
            "status": "enrolled", "consented": "2026-06-01",
            "enrolled": "2026-06-08", "rt1": "2026-06-15", "io1": "", "c1d1": "", "c2d1": "",
        },
        {
            "participant": "P-0103", "birth_date": "1955-11-12", "weight_kg": "72", "account": "tan.jie", "sex": "M",
            "status": "completed", "consented": "2025-12-20",
            "enrolled": "2026-01-02", "rt1": "2026-01-05", "io1": "2026-01-10", "c1d1": "2026-01-19",
            "c2d1": "2026-02-09", "c3d1": "2026-03-02", "c4d1": "2026-03-23", "last_capecitabine": "2026-04-05",
            "restaged": "2026-04-15", "surgery": "2026-04-29", "pcr": "yes", "capecitabine_mg": "1700",
        },
        dose=True,
    )  # fmt: skip
