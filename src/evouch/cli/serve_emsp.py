"""The composition root of an eMSP: where store, way to operators, use-cases and server are put together.

Order matters, as for an operator's backend: the socket is bound before anything is written, the
store is read before anybody may ask, partners are called once they can call back. On the way out
requests end first, then what is under way is finished, and the store is closed last.
"""

import asyncio
from contextlib import AsyncExitStack

from evouch.cli.http import HttpServer, bind
from evouch.cli.keys import keys_in, private_folder
from evouch.cli.serve_partners import introduce, write_down
from evouch.cli.serving import cancelled, first_operator, host_in_url, open_store
from evouch.cli.settings_emsp import EmspConfig
from evouch.clock import Clock, Entropy
from evouch.emsp.app import Emsp
from evouch.ids import Secret
from evouch.ocpi.aio_client import HttpTransport
from evouch.ocpi.aio_server import asgi
from evouch.ocpi.partner import Role
from evouch.store.ports import Store
from evouch.web.emsp_app import create_emsp_app
from evouch.web.mounting import OCPI, App, beside

__all__ = ["EmspService"]


class EmspService:
    """A whole eMSP in this process. ``http_url`` is known after :meth:`start`."""

    def __init__(self, config: EmspConfig, *, clock: Clock, entropy: Entropy) -> None:
        self.config, self.clock, self.entropy = config, clock, entropy
        #: how to close what is open, what was opened last first
        self._opened = AsyncExitStack()
        self.emsp: Emsp
        self.store: Store
        self.api_token: Secret

    @property
    def http_url(self) -> str:
        """Where it is, as phones and operators see it."""
        return (self.config.public_url or f"http://{host_in_url(self.config.http.host)}:{self._http.port}").rstrip("/")

    @property
    def versions_url(self) -> str:
        """Where operators begin to register."""
        return self.emsp.partners.ours.versions_url

    async def start(self) -> None:
        """Bind, read the store, take up what was under way, and let operators in.

        Where something fails, what was opened before it is closed again.
        """
        try:
            await self._start()
        except BaseException:
            await self._opened.aclose()
            raise

    async def stop(self) -> None:
        """Let everybody go, in order."""
        await self._opened.aclose()

    async def _start(self) -> None:
        config, opened = self.config, self._opened
        self._http = HttpServer(bind(config.http.host, config.http.port), proxies=config.http.proxies)
        opened.push_async_callback(self._http.stop)  # nothing, where it was stopped in its turn
        await self._open_store_and_emsp()
        opened.push_async_callback(cancelled, asyncio.create_task(self.emsp.run()))
        opened.push_async_callback(self._http.stop)
        await self._http.start(self._application())
        calling = introduce(self.emsp.partners, config.ocpi.partners, self.clock)
        opened.push_async_callback(cancelled, asyncio.create_task(calling))

    def _application(self) -> App:
        """Return the pages and the API, and beside them what operators speak to."""
        pages = create_emsp_app(self.emsp, clock=self.clock, entropy=self.entropy, base_url=self.http_url)
        return beside(pages, OCPI, asgi(self.emsp.ocpi))

    async def _open_store_and_emsp(self) -> None:
        config, opened = self.config, self._opened
        state = private_folder(config.state)
        keys = state / "keys"
        pepper = keys_in(config.keys.pepper, keys / "pepper", self.entropy)[0]
        self.store = await open_store(
            config.database, state / "evouch.db", config.keys.seal, keys, clock=self.clock, entropy=self.entropy
        )
        opened.push_async_callback(self.store.close)
        transport = HttpTransport(self.clock, config.ocpi.policy)
        opened.push_async_callback(transport.close)
        self.emsp = Emsp(
            store=self.store, terms=config.terms(base_url=self.http_url), clock=self.clock, entropy=self.entropy,
            transport=transport, pepper=pepper,
        )  # fmt: skip
        await self.emsp.load()
        self.api_token = await first_operator(self.emsp.operators, self.store, config.operator, keys, self.entropy)
        await write_down(self.emsp.partners, config.ocpi.partners, Role.CPO, keys, self.entropy)
