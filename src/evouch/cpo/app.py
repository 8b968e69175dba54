"""The operator put together: its use-cases, and what happens between them.

Nothing here opens a socket or reads a file: the shell hands in a store, a provider, the
way to call stations, a clock and chance, and calls :meth:`Cpo.load` before anybody
connects and :meth:`Cpo.run` beside the servers.
"""

from dataclasses import dataclass, field
from typing import Final, TypeVar

from evouch.charging.dialogue import (
    BootAnswer,
    Booted,
    BootStatus,
    ConnectorChanged,
    Link,
    Noted,
    Order,
    StationCalls,
    Unspeakable,
)  # fmt: skip
from evouch.charging.equipment import ConnectorStatus, EvsePlace
from evouch.charging.payments import PaymentProvider
from evouch.clock import Clock, Entropy, Tick
from evouch.cpo.agenda import Agenda
from evouch.cpo.alarms import Alarms
from evouch.cpo.authorize import Authorizer
from evouch.cpo.backend import CpoBackend, Onlooker
from evouch.cpo.challenger import Challenger
from evouch.cpo.checkouts import Checkouts
from evouch.cpo.codes import CodeLimits, Codes
from evouch.cpo.doorkeeper import Doorkeeper
from evouch.cpo.gate import StationGate
from evouch.cpo.holding import Holding
from evouch.cpo.identities import Identities
from evouch.cpo.identity_terms import IdentityTerms
from evouch.cpo.judge import Judge
from evouch.cpo.locks import Locks
from evouch.cpo.offers import Offers, Terms
from evouch.cpo.operators import Operators
from evouch.cpo.payments import Payments
from evouch.cpo.presence import Presence
from evouch.cpo.provision import Provisioner, QrTerms
from evouch.cpo.quarantine import Quarantine
from evouch.cpo.registration import TRY_AGAIN, Registration
from evouch.cpo.registry import Registry
from evouch.cpo.roaming import Ground, Roaming
from evouch.cpo.roaming_terms import RoamingTerms
from evouch.cpo.running_cost import RunningCost
from evouch.cpo.sessions import Sessions
from evouch.cpo.starting import PLUG_MARGIN, Starting
from evouch.cpo.stations import Stations, Switch
from evouch.cpo.stopping import Stopping
from evouch.cpo.tie import Tie
from evouch.cpo.upkeep import Upkeep
from evouch.cpo.visitors import Visitors
from evouch.errors import Offline, PeerRefused, Unreachable
from evouch.ids import KeyBytes, PaymentId, StationId, TransactionId
from evouch.ocpi.http import Transport
from evouch.ocpi.partner import PartnerSync
from evouch.ocpi.partners import Partners
from evouch.ocpi.server import OcpiServer
from evouch.store.ports import Store
from evouch.webpayment.grant import GrantKey

__all__ = ["Cpo", "CpoTerms"]

A = TypeVar("A")

#: Seconds of silence after which a transaction, whose connector is free again, is taken for forgotten by its station.
FORGOTTEN: Final = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class CpoTerms:
    """Everything an operator decides once."""

    terms: Terms
    qr: QrTerms
    #: public address of the pages, without a slash at its end
    base_url: str
    limits: CodeLimits = CodeLimits()
    open_door: bool = False
    heartbeat: int = 300
    plug_margin: int = PLUG_MARGIN
    #: seconds between a boot and our first question to the station
    settle: float = 1.0
    #: largest sampling interval (s) that stations are asked for; smaller makes livelier pages
    meter_interval: int = 30
    #: who has to prove its identity, and how
    identity: IdentityTerms = field(default_factory=IdentityTerms)
    #: organisation that a station's client certificate has to carry; empty: any
    organization: str = ""


class _Line:
    """The way to stations, which exists only once the transport does: the transport needs the backend first."""

    def __init__(self) -> None:
        self.calls: StationCalls | None = None
        self.switch: Switch | None = None
        self.challenger: Challenger | None = None

    async def call(
        self, station: StationId, order: Order[A], *, by: Tick
    ) -> A | Unspeakable | PeerRefused | Unreachable:
        """Pass a call on; before there is a transport every station is offline, and so is whoever is not itself."""
        if self.calls is None:
            return Offline("no transport yet")
        if self.challenger is not None and not self.challenger.may_order(station, order):
            return Offline(f"{station} has not proved its identity")
        return await self.calls.call(station, order, by=by)

    def disconnect(self, station: StationId, reason: str) -> bool:
        """Pass a disconnection on."""
        return self.switch.disconnect(station, reason) if self.switch is not None else False

    def promote(self, link: Link) -> bool:
        """Pass a promotion on."""
        return self.switch.promote(link) if self.switch is not None else False

    def hang_up(self, link: Link, reason: str, code: int = 1008) -> bool:
        """Pass it on."""
        return self.switch.hang_up(link, reason, code) if self.switch is not None else False


class Cpo(Onlooker):
    """A charge point operator. Public parts: ``backend``, ``gate``, ``payments``, ``stations``, ``operators``.

    With ``roaming`` and a ``transport`` to partners also ``roaming``, ``ocpi`` and ``partners``.
    """

    def __init__(
        self, *, store: Store, provider: PaymentProvider, terms: CpoTerms, clock: Clock, entropy: Entropy,
        pepper: KeyBytes, grant_keys: tuple[GrantKey, ...], roaming: RoamingTerms | None = None,
        transport: Transport | None = None,
    ) -> None:  # fmt: skip
        self.store, self.clock, self.terms = store, clock, terms
        self.agenda = Agenda(clock)
        self.presence = Presence()
        self.locks = Locks()
        self.registry = Registry(store, clock, entropy)
        self._line = line = _Line()
        self.checkouts = Checkouts(store, provider, self.registry, clock, self.agenda, self._return_url)
        self.stopping = Stopping(line, self.checkouts, self.registry, self.agenda, clock)
        running_cost = RunningCost(line, self.registry, self.agenda, clock)
        self.tie = Tie(store, self.registry, self.checkouts, self.stopping, self.locks, running_cost)
        self.authorizer = Authorizer(store, self.registry, self.locks, clock, self.checkouts, self)
        self.sessions = Sessions(store, self.registry, self.authorizer, clock, self.tie)
        self.starting = Starting(
            line, self.checkouts, self.registry, self.presence, self.agenda, clock, entropy, terms.plug_margin
        )
        self.provisioner = Provisioner(line, self.registry, clock, entropy, terms.qr)
        self.registration = Registration(
            self.provisioner, self.registry, self.presence, self.agenda, terms.settle, terms.meter_interval
        )
        self.codes = Codes(self.registry, clock, terms.limits, suspect=self._suspect)
        offers = Offers(
            self.checkouts, self.codes, grant_keys, self.registry, self.presence, self.sessions, self.locks, clock,
            entropy, terms.terms,
        )  # fmt: skip
        holding = Holding(self.checkouts, provider, self.registry, self.agenda, clock)
        self.payments = Payments(
            offers, holding, self.checkouts, self.registry, self.presence, self.sessions, self.starting,
            self.stopping, self.locks, self.agenda, clock, entropy, terms.terms,
        )  # fmt: skip
        upkeep = Upkeep(
            store, self.agenda, clock, self.locks, self.checkouts, holding, self.sessions, self.starting,
            self.stopping, self.tie,
        )  # fmt: skip
        self.upkeep, self.checkouts.stepped, self.checkouts.found = upkeep, upkeep.stepped, upkeep.found
        inner = CpoBackend(
            self.registry, self.presence, self.sessions, self.authorizer, clock, self, terms.heartbeat, terms.open_door
        )
        self.alarms = Alarms(self.registry, self.agenda)
        self.identities = Identities(self.registry)
        visitors = Visitors(self.identities, terms.identity)
        judge = Judge(self.identities, visitors, terms.identity, self.agenda, self.alarms, clock)
        self.challenger = line.challenger = Challenger(
            self.identities, visitors, judge, terms.identity, self.agenda, clock, entropy
        )
        self.identities.revoked, self.identities.unsettled = self.challenger.revoked, self.challenger.unsettled
        self.quarantine = Quarantine(self.registry)
        self.gate = StationGate(
            self.registry, clock, pepper, open_door=terms.open_door, organization=terms.organization,
            enrolled=self.identities.certificate_enrolled, banned=self.identities.certificate_banned,
            suspect=self.alarms.sound,
        )  # fmt: skip
        self.backend = Doorkeeper(
            inner, self.challenger, self.quarantine, self.alarms, self.sessions, self.registration, self.agenda, line,
            clock, self,
        )  # fmt: skip
        self.stations = Stations(
            self.registry, self.presence, line, line, self.provisioner, clock, pepper, self.identities, self.challenger
        )
        self.operators = Operators(self.registry, clock, entropy, pepper)
        self.roaming: Roaming | None = None
        if roaming is not None and transport is not None:
            ground = Ground(
                store=store, registry=self.registry, presence=self.presence, locks=self.locks, sessions=self.sessions,
                agenda=self.agenda, calls=line, clock=clock, entropy=entropy, prices=terms.terms.tariff,
                transport=transport,
            )  # fmt: skip
            self.roaming = self._roam(Roaming(roaming, ground), inner)

    def _roam(self, roaming: Roaming, inner: CpoBackend) -> Roaming:
        """Let roaming have its say where energy, transactions, locks and stations are decided on."""
        self.authorizer.roaming, self.tie.roaming = roaming.rules, roaming.tie
        self.locks.taken, self.registry.changed = roaming.starts.occupied, roaming.station_changed
        inner.vehicles = roaming.identified
        return roaming

    @property
    def ocpi(self) -> OcpiServer | None:
        """Where roaming partners call, if there are any."""
        return self.roaming.ocpi if self.roaming is not None else None

    @property
    def partners(self) -> Partners | None:
        """The roaming partners."""
        return self.roaming.partners if self.roaming is not None else None

    def syncs(self) -> list[PartnerSync]:
        """Return how far we and each roaming partner agree on each module."""
        return self.roaming.syncs() if self.roaming is not None else []

    def connect(self, calls: StationCalls, switch: Switch | None = None) -> None:
        """Hand in the transport."""
        self._line.calls = calls
        self._line.switch = switch

    async def load(self) -> None:
        """Read the store and take up everything that was under way when it was last written."""
        await self.registry.load()
        await self.identities.load()
        await self.quarantine.load()
        await self.operators.load()
        await self.sessions.load()
        await self.checkouts.load()
        for checkout in self.checkouts.active():
            self.upkeep.take_up(checkout)
        if self.roaming is not None:
            await self.roaming.load()

    async def book_quarantined(self, id: str, *, actor: str) -> None:
        """Book a quarantined message for which an operator vouches; Refused: unknownMessage, notBookable."""
        await self.quarantine.book(id, self.backend.inner.book, actor=actor)

    async def run(self) -> None:
        """Keep promises until cancelled."""
        await self.agenda.run()

    def token_in_use(self, key: str, *, but: tuple[StationId, TransactionId] | None) -> bool:
        """Return whether a token charges somewhere (for ``cpo.authorize``)."""
        return self.sessions.token_in_use(key, but=but)

    # ── what happens between the use-cases ──

    def _return_url(self, payment: PaymentId) -> str:
        return f"{self.terms.base_url}/pay/{payment}/return"

    def _suspect(self, station: StationId) -> None:
        """Codes of this station never match: say so, and give it a fresh secret."""

        async def act() -> None:
            await self.store.commit(self.registry.alarm("codesNeverMatch", station))
            await self.registration.provision(station, TRY_AGAIN)

        self.agenda.soon(act)

    # ── Onlooker ──

    def joined(self, link: Link) -> None:
        """A station connected and is itself: what waited for it is asked again."""
        self.stopping.back_online(link.station)
        if self.terms.open_door and self.registry.station(link.station) is None:
            self.agenda.soon(lambda: self.registry.register_if_new(link.station))

    def booted(self, link: Link, fact: Booted, answer: BootAnswer) -> None:
        """A station introduced itself."""
        self.registration.booted(link, fact, accepted=answer.status is BootStatus.ACCEPTED)

    def connector_changed(self, place: EvsePlace, before: object, fact: ConnectorChanged) -> None:
        """A connector changed."""
        was = before if isinstance(before, ConnectorStatus) else None
        if self.roaming is not None:
            self.roaming.connector_changed(place, was, fact)
        if any(one.place == place for one in self.checkouts.at(place.station)):
            self.agenda.soon(lambda: self.starting.connector_changed(place, fact.connector, was, fact.status))
        if fact.status is ConnectorStatus.AVAILABLE and self.sessions.at(place) is not None:
            self._await_news(place)

    def _await_news(self, place: EvsePlace) -> None:
        """A free connector with a transaction: end it, unless the station speaks of it or is not here to do so."""
        since = self.clock.tick()

        async def act() -> None:
            if self.presence.status(place) is ConnectorStatus.AVAILABLE:
                await self.sessions.lost(place, since)

        self.agenda.after(FORGOTTEN, ("lost", place), act)

    def noted(self, link: Link, fact: Noted) -> None:
        """Security events of stations are kept; the rest is only acknowledged."""
        if fact.action == "SecurityEventNotification":
            kind = str((fact.payload or {}).get("type", ""))[:50]
            self.alarms.sound(f"station: {kind}", link.station)
