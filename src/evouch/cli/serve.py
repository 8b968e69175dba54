"""The composition root of the backend: where store, provider, operator, transport and pages are put together.

Order matters. Sockets are bound first, so that a taken port is said before anything is
written. The store is read before stations may connect. On the way out stations are told to
go first, then pages stop, then what is under way is finished and the store closed.
"""

import asyncio
import hashlib
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import structlog

from evouch.autocharge.mac_rules import filter_from_rules
from evouch.cli.http import HttpServer, bind
from evouch.cli.keys import keys_in, private_folder, secret_in
from evouch.cli.serve_identity import enrol, identity_terms, observer, server_tls
from evouch.cli.serve_partners import introduce, write_down
from evouch.cli.serving import BY, cancelled, first_operator, host_in_url, open_store
from evouch.cli.settings import CpoConfig, StationEntry
from evouch.clock import Clock, Entropy, Tick
from evouch.cpo.app import Cpo, CpoTerms
from evouch.cpo.codes import CodeLimits
from evouch.cpo.offers import Terms
from evouch.cpo.provision import QrTerms
from evouch.errors import EvouchError, Refused
from evouch.ids import KeyBytes, Secret, StationId
from evouch.ocpi.aio_client import HttpTransport
from evouch.ocpi.aio_server import asgi
from evouch.ocpi.partner import Role
from evouch.ocpp.aio import StationServer
from evouch.psp.sandbox.client import SandboxProvider
from evouch.store.ports import Store
from evouch.web.app import create_app
from evouch.web.mounting import OCPI, App, beside
from evouch.webpayment.grant import GrantKey
from evouch.webpayment.receipt import Seller

__all__ = ["CpoService"]

#: Seconds that stations and pages have to take their leave.
DRAIN: Final = 3.0
#: What a template looks like where none is configured.
TEMPLATE: Final = "/qr/{chargingstationid}/{evse}/{totp}?v={version}"

_log = structlog.get_logger("evouch.cpo.serve")


class CpoService:
    """A whole backend in this process. ``ocpp_url`` and ``http_url`` are known after :meth:`start`."""

    def __init__(
        self, config: CpoConfig, *, clock: Clock, entropy: Entropy, settle: float = 1.0, meter_interval: int = 30,
        pending_interval: int | None = None,
    ) -> None:  # fmt: skip
        self.config, self.clock, self.entropy = config, clock, entropy
        self._settle, self._meter_interval = settle, meter_interval
        self._identity = identity_terms(config.identity)
        if pending_interval is not None:
            self._identity = replace(self._identity, pending_interval=pending_interval)
        #: how to close what is open, what was opened last first
        self._opened = AsyncExitStack()
        self.cpo: Cpo
        self.stations: StationServer
        self.store: Store
        self.api_token: Secret

    @property
    def http_url(self) -> str:
        """Where the pages are, as phones see them."""
        return (self.config.public_url or f"http://{host_in_url(self.config.http.host)}:{self._http.port}").rstrip("/")

    @property
    def ocpp_url(self) -> str:
        """Where stations connect; the station's id follows after a slash."""
        scheme = "wss" if self.config.tls else "ws"
        return f"{scheme}://{host_in_url(self.config.ocpp.host)}:{self.stations.port}"

    @property
    def versions_url(self) -> str:
        """Where eMSPs begin to register; empty where nobody roams."""
        return self.cpo.partners.ours.versions_url if self.cpo.partners is not None else ""

    async def start(self) -> None:
        """Bind, read the store, take up what was under way, and let stations and phones in.

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
        await self._open_store_and_operator()
        self.stations = StationServer(
            self.cpo.backend, self.cpo.gate, wiring=self.cpo.registry.wiring, clock=self.clock, entropy=self.entropy,
            host=config.ocpp.host, port=config.ocpp.port, tls=server_tls(config.tls), proxies=config.ocpp.proxies,
            observe=observer(self.cpo.alarms.sound), authenticated=self._strangers_stay_out,
        )  # fmt: skip
        self.cpo.connect(self.stations, self.stations)
        await self.stations.start()
        opened.push_async_callback(cancelled, asyncio.create_task(self.cpo.run()))
        opened.push_async_callback(self._http.stop)
        opened.push_async_callback(self._drain)
        await self._http.start(self._application())
        if self.cpo.partners is not None:
            calling = introduce(self.cpo.partners, config.ocpi.partners, self.clock)
            opened.push_async_callback(cancelled, asyncio.create_task(calling))

    def _application(self) -> App:
        """Return the pages, and beside them what roaming partners speak to."""
        pages = create_app(
            self.cpo, clock=self.clock, entropy=self.entropy, base_url=self.http_url,
            provider_url=self.config.provider.url,
        )  # fmt: skip
        return pages if self.cpo.ocpi is None else beside(pages, OCPI, asgi(self.cpo.ocpi))

    async def _open_store_and_operator(self) -> None:
        config = self.config
        state = private_folder(config.state)
        keys = state / "keys"
        pepper = keys_in(config.keys.pepper, keys / "pepper", self.entropy)[0]
        grant = keys_in(config.keys.grant, keys / "grant", self.entropy)
        self.store = await open_store(
            config.database, state / "evouch.db", config.keys.seal, keys, clock=self.clock, entropy=self.entropy
        )
        self._opened.push_async_callback(self.store.close)
        provider = self._client(keys)
        self._opened.push_async_callback(provider.close)
        self.cpo = Cpo(
            store=self.store, provider=provider, terms=self._terms(), clock=self.clock, entropy=self.entropy,
            pepper=pepper, grant_keys=tuple(GrantKey(_key_id(key), key) for key in grant), **self._roaming(),
        )  # fmt: skip
        await self.cpo.load()
        await self._register(keys)

    def _roaming(self) -> dict[str, Any]:
        """Return the operator's terms of roaming and the way to partners, where that is wished for."""
        section = self.config.ocpi
        if not section.enabled:
            return {}
        transport = HttpTransport(self.clock, section.policy)
        self._opened.push_async_callback(transport.close)
        if section.mac_rules is not None:
            _check_rules(section.mac_rules)
        terms = section.terms(base_url=self.http_url, seller=self.config.seller.name)
        return {"roaming": terms, "transport": transport}

    async def _drain(self) -> None:
        await self.stations.drain(Tick(self.clock.tick() + DRAIN))

    @property
    def _open_door(self) -> bool:
        """Stations need no credential only where none has one, none has to, and nobody signs certificates for them."""
        certified = self.config.tls is not None and self.config.tls.client_ca is not None
        return not certified and not any(entry.password or entry.profile for entry in self.config.stations)

    @property
    def _strangers_stay_out(self) -> bool:
        """Nobody acts without a credential, or without a proof where everybody has to give one."""
        identity = self.config.identity
        proving = identity.require == "all" and identity.on_unsupported != "allow_untrusted"
        return proving or not self._open_door

    def _client(self, keys: Path) -> SandboxProvider:
        provider = self.config.provider
        return SandboxProvider(
            provider.url,
            secret_in(provider.api_key_file, keys / "psp-api-key", self.entropy),
            secret_in(provider.webhook_secret_file, keys / "psp-webhook-secret", self.entropy),
            self.clock,
        )

    def _terms(self) -> CpoTerms:
        config = self.config
        limits = config.limits
        seller = Seller(name=config.seller.name, address=config.seller.address, vat_id=config.seller.vat_id)
        return CpoTerms(
            terms=Terms(
                tariff=config.tariff.tariff(), hold=config.held, seller=seller, lock_seconds=config.lock_seconds
            ),
            qr=QrTerms(
                template=config.qr.template or self.http_url + TEMPLATE,
                validity=config.qr.validity,
                length=config.qr.length,
            ),
            base_url=self.http_url,
            limits=CodeLimits(limits.per_address.rate(), limits.per_evse.rate(), limits.in_all.rate()),
            open_door=self._open_door,
            plug_margin=config.plug_margin,
            settle=self._settle,
            meter_interval=self._meter_interval,
            identity=self._identity,
            organization=config.tls.organization if config.tls else "",
        )

    async def _register(self, keys: Path) -> None:
        """Write the stations, the operator and the partners of the configuration where they are not known yet."""
        for entry in self.config.stations:
            await self._station(entry)
        self.api_token = await first_operator(self.cpo.operators, self.store, self.config.operator, keys, self.entropy)
        if self.cpo.partners is not None:
            await write_down(self.cpo.partners, self.config.ocpi.partners, Role.EMSP, keys, self.entropy)

    async def _station(self, entry: StationEntry) -> None:
        id, by = StationId(entry.id), BY
        if self.cpo.registry.station(id) is None:
            await self.cpo.stations.register(
                id, actor=by, name=entry.name, address=entry.address, evses=entry.wiring(),
                password=entry.password, site=entry.site.site() if entry.site else None,
            )  # fmt: skip
            if entry.trusted:
                await self.cpo.identities.trust(id, True, actor=by)
            if entry.profile:
                await self.cpo.identities.set_profile(id, entry.profile, actor=by)
            if entry.certificate_name:
                await self.cpo.identities.name_certificate(id, entry.certificate_name, actor=by)
        await enrol(self.cpo, entry)


def _key_id(key: KeyBytes) -> str:
    """Return a public name for a signing key: a hash of it, far too short to say anything about it."""
    return hashlib.sha256(b"evouch key id\0" + key.reveal()).hexdigest()[:8]


def _check_rules(path: Path) -> None:
    """Raise EvouchError with a sentence where the rules for addresses cannot be read."""
    try:
        filter_from_rules(path)
    except Refused as refused:
        raise EvouchError(f"cpo.ocpi.mac_rules: {refused.detail}") from None
