"""An operator of ours that wants proofs, on a real port, and stations of other hands that can give them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, make_dataclass
from typing import Any

import ocpp.routing

from evouch.charging.equipment import Evse
from evouch.clock import Entropy
from evouch.cpo.app import Cpo
from evouch.cpo.identity_terms import IdentityTerms
from evouch.identity.policy import Rule
from evouch.ids import EvseNumber, Secret, StationId
from evouch.ocpp.aio import StationServer
from evouch.testing.town import Town, _Sockets, _town
from evouch.units import Watts
from tests.interop.proofs import Key, own_proof
from tests.interop.station import Modern21, Modern201, Old, Station, connected
from tests.interop.strangers import Hurried, after, on
from tests.interop.transports import NAME, PLAIN, Transport

__all__ = ["PASSWORD", "STATION", "TERMS", "Vault", "vault"]

PASSWORD = "a password of a prover"
STATION = StationId(NAME)
#: Also who brings a client certificate has to prove its key here, and stations of all versions are asked.
TERMS = IdentityTerms(policy=(Rule.TRUSTED,), ocpp2=True)


#: The package makes a payload of a dataclass, and spells members as the dataclass does.
Answer = make_dataclass("Answer", ["payload", "payloadSignature", "payloadSha256Hash"])
#: With the member that the reference firmware sends as well.
NativeAnswer = make_dataclass("NativeAnswer", ["payload", "payloadSignature", "payloadSha256Hash", "type"])


class Prover(Station):
    """Firmware that proves its identity, on any version."""

    key: Key
    #: how it makes a proof: own_proof, firmware_proof, or something worse
    make: Callable[..., dict[str, Any]]
    challenges: list[dict[str, Any]]
    #: what its boots were answered
    booted: list[str]
    conf: Any
    _call_result: Any

    def power_up(self, name: str, tape: Any, clock: Hurried) -> None:
        super().power_up(name, tape, clock)
        self.make, self.challenges, self.booted = own_proof, [], []

    @ocpp.routing.on("SignedChallenge", skip_schema_validation=True)  # type: ignore[untyped-decorator]
    def on_signed_challenge(self, **challenge: Any) -> Any:
        self.challenges.append(challenge)
        made = self.make(self.key, self.name, challenge["nonce"])
        return (NativeAnswer if "type" in made else Answer)(**made)

    @on("TriggerMessage")
    def on_trigger_message(self, requested_message: str, **_: Any) -> Any:
        wanted = requested_message == "BootNotification"
        return self._call_result.TriggerMessage(status="Accepted" if wanted else "NotImplemented")

    @after("TriggerMessage")
    def after_trigger_message(self, requested_message: str, **_: Any) -> None:
        if requested_message == "BootNotification":
            self.later(self.boot())

    async def boot(self) -> str:
        self.booted.append(status := await super().boot())
        return status


class Prover16(Prover, Old):
    """A 1.6 station with a key."""


class Prover201(Prover, Modern201):
    """A 2.0.1 station with a key."""


class Prover21(Prover, Modern21):
    """A 2.1 station with a key."""


MODELS: dict[str, type[Any]] = {"ocpp1.6": Prover16, "ocpp2.0.1": Prover201, "ocpp2.1": Prover21}


class _Secured(_Sockets):
    """A world whose port is behind TLS where there is one."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__()
        self.clock = self.hurried = Hurried()
        self._tls = tls

    def server(self, cpo: Cpo, entropy: Entropy) -> StationServer:
        return StationServer(
            cpo.backend, cpo.gate, wiring=cpo.registry.wiring, clock=self.clock, entropy=entropy, tls=self._tls
        )


@dataclass
class Vault:
    """The operator, and the way in to it."""

    town: Town
    transport: Transport
    clock: Hurried

    def connect(
        self, key: Key, version: str = "ocpp1.6", *, model: type[Any] | None = None
    ) -> AbstractAsyncContextManager[Any]:
        """Connect a station under the name that is enrolled."""

        @asynccontextmanager
        async def connecting() -> AsyncIterator[Any]:
            async with connected(
                version, self.town.server.port, name=NAME, password=PASSWORD, clock=self.clock,
                tls=self.transport.client, model=model or MODELS[version],
            ) as station:  # fmt: skip
                station.key = key
                yield station

        return connecting()

    async def alarm(self) -> str:
        """Wait for a security event, and return the kind of the first."""
        while not (events := await self.town.cpo.registry.store.security_events()):
            await asyncio.sleep(0.005)
        return events[-1].kind

    @property
    def standing(self) -> Any:
        return self.town.cpo.challenger.standing(STATION)


@asynccontextmanager
async def vault(transport: Transport = PLAIN, *, terms: IdentityTerms = TERMS) -> AsyncIterator[Vault]:
    """Open an operator that knows one station by its password, and no key of it yet."""
    world = _Secured(transport.server)
    async with _town(world, identity=terms) as town:
        evse = Evse(number=EvseNumber(1), connectors=(1,), max_power=Watts(50_000), evse_id="DE*TWN*E1")
        await town.cpo.stations.register(
            STATION, actor="test", name="A prover", evses=(evse,), password=Secret(PASSWORD)
        )
        yield Vault(town, transport, world.hurried)
