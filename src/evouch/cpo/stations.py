"""What operators do with stations. Every change leaves an audit row in the same commit."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from evouch.charging.dialogue import Link, RawAnswer, RawCall, StationCalls, Unspeakable
from evouch.charging.equipment import Evse
from evouch.charging.geo import Site
from evouch.clock import Clock, Tick
from evouch.cpo.challenger import Challenger
from evouch.cpo.gate import password_digest
from evouch.cpo.identities import Identities
from evouch.cpo.presence import Presence, Present
from evouch.cpo.provision import Provisioner, Report
from evouch.cpo.registry import Registry
from evouch.errors import PeerRefused, Refused, Unreachable
from evouch.ids import KeyBytes, Secret, StationId
from evouch.store.records import QrKey, StationRecord

__all__ = ["StationView", "Stations", "Switch"]

#: Seconds a station has to answer an operator's call.
CALL_TIME: Final = 30
#: Characters of a station password (OCPP 2.x BasicAuthPassword; 1.6 keys are 16 to 20 bytes).
SHORTEST: Final = 16
LONGEST: Final = 40
#: What touches a station's certificates; never without TLS (OCPP security whitepaper, section 4).
CERTIFICATES: Final = frozenset({
    "CertificateSigned", "DeleteCertificate", "GetInstalledCertificateIds", "InstallCertificate",
})  # fmt: skip


class Switch(Protocol):
    """What operators need of the transport beside calls."""

    def disconnect(self, station: StationId, reason: str) -> bool:
        """Close a station's connection; False where there is none."""

    def promote(self, link: Link) -> bool:
        """Make a candidate the station's connection and close the one before it; False where it is gone."""

    def hang_up(self, link: Link, reason: str, code: int = 1008) -> bool:
        """Close this one connection; False where it is gone."""


@dataclass(frozen=True, slots=True)
class StationView:
    """A station as lists show it: what is registered, and what is live."""

    record: StationRecord
    present: Present | None
    keys: tuple[QrKey, ...]


@dataclass(slots=True)
class Stations:
    """The operator's use-cases for stations."""

    registry: Registry
    presence: Presence
    calls: StationCalls
    switch: Switch
    provisioner: Provisioner
    clock: Clock
    pepper: KeyBytes
    identities: Identities
    challenger: Challenger

    def list(self) -> list[StationView]:
        """Return all stations by id."""
        return [self._view(record) for record in self.registry.stations()]

    def get(self, id: StationId) -> StationView:
        """Return one station; Refused("unknownStation")."""
        return self._view(self._must(id))

    async def register(
        self, id: StationId, *, actor: str, name: str = "", address: str = "",
        evses: tuple[Evse, ...] = (), password: Secret | None = None, site: Site | None = None,
    ) -> StationView:  # fmt: skip
        """Register a station, or change what is registered of it; its password and its site only if one is given."""
        digest = self._digest(id, password) if password is not None else None

        def edit(record: StationRecord) -> StationRecord:
            return replace(
                record, name=name, address=address, evses=evses or record.evses,
                password=digest or record.password, site=site or record.site,
            )  # fmt: skip

        await self.registry.change(id, edit, self.registry.audit(actor, "register station", id), new=True)
        return self.get(id)

    async def remove(self, id: StationId, *, actor: str) -> None:
        """Forget a station; its connections are closed."""
        self._must(id)
        await self.identities.remove(id, actor=actor)
        self._close(id, "removed")

    async def set_password(self, id: StationId, password: Secret, *, actor: str) -> None:
        """Set the password that the station has to bring from its next connection on; Refused("badPassword")."""
        digest = self._digest(id, password)
        await self._change(id, lambda record: replace(record, password=digest), actor, "set station password")

    async def hold_boot(self, id: StationId, hold: bool, *, actor: str) -> None:  # noqa: FBT001  # it is the value itself
        """Answer the station's boots with Pending from now on, or no longer."""
        act = "hold boot" if hold else "release boot"
        await self._change(id, lambda record: replace(record, hold_boot=hold), actor, act)

    async def block(self, id: StationId, blocked: bool, *, actor: str) -> None:  # noqa: FBT001  # it is the value itself
        """Refuse the station's connections from now on, or no longer."""
        act = "block station" if blocked else "unblock station"
        await self._change(id, lambda record: replace(record, blocked=blocked), actor, act)
        if blocked:
            self._close(id, "blocked")

    async def call(
        self, id: StationId, action: str, payload: Any, *, actor: str, seconds: int = CALL_TIME
    ) -> RawAnswer | Unspeakable | PeerRefused | Unreachable:
        """Send any CALL of the station's own version and return its answer as it came.

        Refused: unproven, where the connection has not proved whose it is; needsTls for what
        has to do with certificates on a plain connection.
        """
        self._must(id)
        if not self.challenger.acting(id):
            raise Refused("unproven", "the station has not proved its identity")
        here = self.presence.get(id)
        if action in CERTIFICATES and here is not None and not here.link.entrance.tls:
            raise Refused("needsTls", "certificates are not handled on a plain connection")
        await self.registry.store.commit(self.registry.audit(actor, f"call {action[:50]}", id))
        by = Tick(self.clock.tick() + seconds)
        return await self.calls.call(id, RawCall(action=action, payload=payload), by=by)

    async def provision(self, id: StationId, *, actor: str) -> Report:
        """Give every EVSE of the station a fresh QR secret."""
        self._must(id)
        return await self.provisioner.provision(id, actor=actor)

    def _close(self, id: StationId, reason: str) -> None:
        """Close every connection that calls itself this station: a candidate would inherit from the one before it."""
        for visit in self.challenger.candidates_first(id):
            if visit.link.candidate:
                self.switch.hang_up(visit.link, reason)
        self.switch.disconnect(id, reason)

    async def _change(
        self, id: StationId, edit: Callable[[StationRecord], StationRecord], actor: str, act: str
    ) -> None:
        self._must(id)
        if await self.registry.change(id, edit, self.registry.audit(actor, act, id)) is None:
            raise Refused("unknownStation")

    def _view(self, record: StationRecord) -> StationView:
        return StationView(record, self.presence.get(record.id), tuple(self.registry.keys(record.id)))

    def _must(self, id: StationId) -> StationRecord:
        record = self.registry.station(id)
        if record is None:
            raise Refused("unknownStation")
        return record

    def _digest(self, id: StationId, password: Secret) -> bytes:
        if not SHORTEST <= len(password) <= LONGEST:
            raise Refused("badPassword", f"a station password has {SHORTEST} to {LONGEST} characters")
        return password_digest(self.pepper, id, password)
