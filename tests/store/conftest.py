from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import need
from tests.store.homes import Home, MemoryHome, Server, SqlHome, file_with_tables


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, Server]]:
    made: dict[str, Server] = {}
    yield made
    for server in made.values():
        server.close()


def _home(kind: str, tmp_path: Path, servers: dict[str, Server]) -> Home:
    if kind == "memory":
        return MemoryHome()
    if kind == "sqlite":
        (tmp_path / "evouch.db").write_bytes(file_with_tables())
        return SqlHome(f"sqlite:///{tmp_path}/evouch.db")
    return servers.setdefault("postgres", Server(need("postgres"))).database()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def home(request: pytest.FixtureRequest, tmp_path: Path, servers: dict[str, Server]) -> Home:
    """A home for a store, of every kind there is."""
    return _home(request.param, tmp_path, servers)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path, servers: dict[str, Server]) -> Home:
    """A home on a database."""
    return _home(request.param, tmp_path, servers)


@pytest.fixture
def postgres(tmp_path: Path, servers: dict[str, Server]) -> Home:
    """A home on PostgreSQL."""
    return _home("postgres", tmp_path, servers)


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path, servers: dict[str, Server]) -> Home:
    """A home on a database that no store has opened yet."""
    if request.param == "postgres":
        return servers.setdefault("postgres", Server(need("postgres"))).empty()
    return SqlHome(f"sqlite:///{tmp_path}/evouch.db")
