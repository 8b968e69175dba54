"""The sandbox provider as a running service: its file, its timers, its socket, its webhooks going out.

Rules of this file: what changed in the book is written to the file before anybody is told,
be it by an answer or by a webhook. Everything runs in the caller's event loop; signals are
the caller's business.
"""

import asyncio
import socket
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import uvicorn

from evouch.clock import Clock, Entropy, Tick
from evouch.errors import LocalError
from evouch.ids import Secret
from evouch.psp.sandbox.app import create_app
from evouch.psp.sandbox.book import Book
from evouch.psp.sandbox.client import tls
from evouch.psp.sandbox.records import Event, Record, read, write
from evouch.psp.sandbox.webhooks import Letter, Outbox, dress

__all__ = ["SandboxService"]

#: Seconds that the merchant has to take a webhook.
WEBHOOK_SECONDS: Final = 5.0
#: Seconds between two looks at what has expired.
SWEEP_SECONDS: Final = 30.0
#: Seconds that open requests get when the service stops.
STOP_SECONDS: Final = 2


_PREPARE: Final = (
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "CREATE TABLE IF NOT EXISTS records (kind TEXT, id TEXT, body BLOB, PRIMARY KEY (kind, id)) WITHOUT ROWID",
)


class _Shelf:
    """The service's own database: one table of records, each as its own text. Blocks: call it from a thread."""

    def __init__(self, path: Path | None) -> None:
        """Open the file, or a database in memory. One process at a time may have it."""
        self._lock = threading.Lock()
        try:
            self._db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False, timeout=0.5)
            for statement in _PREPARE:
                self._db.execute(statement)
        except sqlite3.Error as error:
            raise LocalError(f"cannot open the provider's database {path}: {error}") from None

    def load(self) -> list[Record]:
        """Return everything that was ever written, in its latest form."""
        return [read(body) for (body,) in self._db.execute("SELECT body FROM records")]

    def save(self, records: Sequence[Record]) -> None:
        """Write records, all or none; return when they are durable."""
        with self._lock, self._transaction():
            self._db.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", map(write, records))

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


class _Server(uvicorn.Server):
    """A server inside somebody else's event loop: it says when it is ready, leaves signals alone, and never polls."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready, self.over = asyncio.Event(), asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        await self.over.wait()


class SandboxService:
    """The provider, ready to be started: ``await start()``, then :attr:`url`; ``await stop()`` at the end.

    Secrets that are not given are drawn. ``db`` is the file to keep everything in; None keeps
    it for this run only. ``public_url`` is what browsers see where a proxy stands in front.
    ``webhook_url`` may be set later with :meth:`send_webhooks_to`.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        entropy: Entropy,
        merchant: str = "Sandbox Energy",
        api_key: Secret | None = None,
        webhook_secret: Secret | None = None,
        webhook_url: str = "",
        host: str = "127.0.0.1",
        port: int = 0,
        db: Path | None = None,
        public_url: str = "",
        faults: bool = False,
    ) -> None:
        self.api_key = api_key or Secret(f"key_{entropy.id()}")
        self.webhook_secret = webhook_secret or Secret(f"whsec_{entropy.id()}")
        self.webhook_url = webhook_url
        self.host, self.port = host, port
        self.book = Book(entropy, merchant=merchant, public_url=public_url.rstrip("/"))
        self._clock = clock
        self._db = db
        self._faults = faults
        self._outbox = Outbox(self.book.faults)
        self._saving = asyncio.Lock()
        self._poked = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def url(self) -> str:
        """The address of the API and of the pages, without a slash at its end."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return self.book.public_url or f"http://{shown}:{self.port}"

    async def start(self) -> None:
        """Bind the port, read the file, serve; LocalError where either cannot be had."""
        listener = _listen(self.host, self.port)
        try:
            self._shelf = await asyncio.to_thread(_Shelf, self._db)
        except LocalError:
            listener.close()
            raise
        self.port = listener.getsockname()[1]
        self.book.public_url = self.url
        self.book.load(await asyncio.to_thread(self._shelf.load))
        self._http = httpx2.AsyncClient(timeout=WEBHOOK_SECONDS, verify=tls(), trust_env=False, follow_redirects=False)
        app = create_app(self.book, clock=self._clock, api_key=self.api_key, save=self.save, faults=self._faults)
        config = uvicorn.Config(
            app, log_config=None, access_log=False, server_header=False, date_header=False, lifespan="off", ws="none",
            timeout_graceful_shutdown=STOP_SECONDS,
        )  # fmt: skip
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve([listener]), name="sandbox provider")
        await self._server.ready.wait()
        self._tasks = [asyncio.create_task(self._deliver()), asyncio.create_task(self._sweep())]
        self.send_webhooks_to(self.webhook_url)

    async def stop(self) -> None:
        """Answer what was asked, then close; webhooks that did not go out yet wait in the file."""
        self._server.over.set()
        await self._serving
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.save()
        await self._http.aclose()
        self._shelf.close()

    def send_webhooks_to(self, url: str) -> None:
        """Send every webhook that nobody took yet, and all to come, to ``url``; "" keeps them back."""
        self.webhook_url = url
        self.book.news()
        for event, tries in self.book.undelivered() if url else ():
            self._post(event, tries)
        self._poked.set()

    async def save(self) -> None:
        """Write down what changed, then let its webhooks go. What could not be written is tried again next time."""
        async with self._saving:
            if records := self.book.unsaved():
                await asyncio.to_thread(self._shelf.save, records)
                self.book.saved(records)
        for event in self.book.news() if self.webhook_url else ():
            self._post(event, 0)

    def _post(self, event: Event, tries: int) -> None:
        if not self._outbox.post(event, self._clock.tick(), tries=tries):
            self.book.delivered(event, tries=tries, done=True)
        self._poked.set()

    async def _deliver(self) -> None:
        while True:
            self._poked.clear()
            for letter in self._outbox.due(self._clock.tick()):
                await self._send(letter)
            await self._until(self._outbox.next_deadline())

    async def _until(self, deadline: Tick | None) -> None:
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._poked.wait())]
        if deadline is not None:
            waits.append(asyncio.ensure_future(self._clock.sleep_until(deadline)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _send(self, letter: Letter) -> None:
        headers, body = dress(letter, self.webhook_secret, self._clock.now())
        try:
            taken = (await self._http.post(self.webhook_url, content=body, headers=headers)).is_success
        except (httpx2.HTTPError, httpx2.InvalidURL):
            taken = False
        if letter.copy:
            return
        again = not taken and self._outbox.failed(letter, self._clock.tick())
        self.book.delivered(letter.event, tries=letter.tries + 1, done=not again)
        await self.save()

    async def _sweep(self) -> None:
        while True:
            await self._clock.sleep_until(Tick(self._clock.tick() + SWEEP_SECONDS))
            self.book.sweep(self._clock.now())
            await self.save()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio leaves Nagle on
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.setblocking(False)  # noqa: FBT003 (the standard library's signature)
    except OSError as error:
        listener.close()
        raise LocalError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return listener
