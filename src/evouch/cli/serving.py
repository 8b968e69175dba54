"""What every service that keeps something shares: its store, its first operator, its tasks, its address."""

import asyncio
from pathlib import Path
from typing import Protocol

from evouch.cli.keys import keys_in, secret_in
from evouch.clock import Clock, Entropy
from evouch.ids import Secret
from evouch.store.operators import Operators
from evouch.store.ports import Store
from evouch.store.sealing import Sealer
from evouch.store.sql import SqlStore

__all__ = ["FirstOperator", "cancelled", "first_operator", "host_in_url", "open_store"]

#: In whose name settings change what is kept.
BY = "configuration"


class FirstOperator(Protocol):
    """Settings of the first login and the first bearer token."""

    @property
    def name(self) -> str:
        """Who logs in."""

    @property
    def password_file(self) -> Path | None:
        """Where the password stands; None: in the state folder."""

    @property
    def token_file(self) -> Path | None:
        """Where the bearer token stands; None: in the state folder."""


async def open_store(
    database: str, file: Path, seal: Path | None, keys: Path, *, clock: Clock, entropy: Entropy
) -> SqlStore:
    """Open a database, or the SQLite ``file`` where none is named; secrets are sealed with the keys of ``seal``."""
    newest, *older = keys_in(seal, keys / "seal", entropy)
    return await SqlStore.open(
        database or f"sqlite:///{file}", clock=clock, seal=Sealer(newest, *older, entropy=entropy)
    )


async def first_operator(
    operators: Operators, store: Store, entry: FirstOperator, keys: Path, entropy: Entropy
) -> Secret:
    """Write down the first login where it is not known yet; return the first bearer token, made valid."""
    if await store.operator(entry.name) is None:
        password = secret_in(entry.password_file, keys / "operator-password", entropy)
        await operators.add(entry.name, password, actor=BY)
    token = secret_in(entry.token_file, keys / "operator-token", entropy)
    if operators.bearer(token) is None:
        await operators.accept(token, entry.name, actor=BY)
    return token


async def cancelled(*tasks: asyncio.Task[None]) -> None:
    """End tasks, and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def host_in_url(host: str) -> str:
    """Return a host as addresses spell it."""
    return f"[{host}]" if ":" in host else host
