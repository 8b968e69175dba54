"""Roaming put together: an operator's half of "Autocharge Roaming" and of OCPI, on top of what charges already.

Nothing here opens a socket: the shell hands in a :class:`~evouch.ocpi.http.Transport`, and takes
:attr:`Roaming.ocpi` to where partners call.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from evouch.autocharge.asking import Asking
from evouch.autocharge.conflict import Notified
from evouch.autocharge.mac_rules import default_filter, filter_from_rules
from evouch.charging.dialogue import ConnectorChanged, StationCalls, VehicleIdentified
from evouch.charging.equipment import ConnectorStatus, EvsePlace
from evouch.charging.roaming import ChargeState, RoamingCharge
from evouch.charging.tariffs import Tariff
from evouch.charging.tokens import TokenStatus
from evouch.clock import Clock, Entropy, Tick
from evouch.cpo.agenda import Agenda
from evouch.cpo.locks import Locks
from evouch.cpo.ocpi_handlers import Handlers
from evouch.cpo.presence import Presence
from evouch.cpo.publishing import LOCATIONS, TARIFFS, Publishing
from evouch.cpo.recognising import Recogniser
from evouch.cpo.registry import Registry
from evouch.cpo.roaming_authorize import RoamingRules
from evouch.cpo.roaming_binding import Bindings
from evouch.cpo.roaming_charges import RoamingCharges
from evouch.cpo.roaming_commands import RoamingCommands
from evouch.cpo.roaming_conflicts import Conflicts
from evouch.cpo.roaming_names import RoamingNames
from evouch.cpo.roaming_objects import Objects
from evouch.cpo.roaming_orders import PartnerOrders
from evouch.cpo.roaming_partners import has_vehicles
from evouch.cpo.roaming_payments import PartnerPayments
from evouch.cpo.roaming_push import CDRS, SESSIONS, RoamingPush
from evouch.cpo.roaming_results import Results
from evouch.cpo.roaming_sessions import RoamingSessions
from evouch.cpo.roaming_start import RoamingStarts
from evouch.cpo.roaming_terms import RoamingTerms
from evouch.cpo.roaming_tokens import RoamingTokens
from evouch.cpo.sessions import Sessions
from evouch.cpo.vehicles_at import VehiclesAt
from evouch.cpo.whitelist import Whitelist
from evouch.errors import Refused
from evouch.ids import StationId
from evouch.ocpi.addresses import AddressPolicy
from evouch.ocpi.client import OcpiClient
from evouch.ocpi.discretion import Show
from evouch.ocpi.http import Transport
from evouch.ocpi.model import Token, VehicleObject
from evouch.ocpi.partner import Partner, PartnerSync, Role
from evouch.ocpi.partners import Ours, Partners
from evouch.ocpi.pushing import Polling, PollTerms, Pusher
from evouch.ocpi.server import OcpiServer, ServerTerms
from evouch.store.ports import Delete, Put, Store
from evouch.store.records import StationRecord, Transaction
from evouch.units import EARLIEST

__all__ = ["Ground", "Roaming"]

#: Modules that are pushed, and those that are read.
PUSHED: Final = frozenset({SESSIONS, CDRS, LOCATIONS, TARIFFS})
READ: Final = frozenset({"vehicles", "tokens"})
#: Seconds that reading one whole list may take.
READ_TIME: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What roaming stands on: the parts of the operator that were there before it."""

    store: Store
    registry: Registry
    presence: Presence
    locks: Locks
    sessions: Sessions
    agenda: Agenda
    calls: StationCalls
    clock: Clock
    entropy: Entropy
    prices: Tariff
    transport: Transport

    def taken(self, place: EvsePlace) -> bool:
        """Return whether somebody's charge runs on an EVSE; a cable alone is nobody's charge (2.x)."""
        live = self.sessions.at(place)
        return live is not None and (live.record.token is not None or live.record.remote_start is not None)

    def charging(self, station: StationId) -> Sequence[Transaction]:
        """Return the transactions at a station that somebody has a token for."""
        running = (live.record for live in self.sessions.all())
        return [
            each for each in running
            if each.station == station and each.token is not None and each.status is TokenStatus.ACCEPTED
        ]  # fmt: skip


class Roaming:
    """Public parts: ``partners``, ``ocpi``, ``rules``, ``tie``, ``charges``, ``whitelist``, ``pusher``, ``polling``."""

    def __init__(self, terms: RoamingTerms, ground: Ground) -> None:
        g = self._ground = ground
        self.terms = terms
        self.partners = self._make_partners(terms, g)
        show = Show(terms.capable)
        calls = self.calls = OcpiClient(
            g.transport, self.partners, self.partners.ours, g.clock, g.entropy, show=show
        )  # fmt: skip
        self._make_lanes(terms, g)
        self.charges = RoamingCharges(g.store, g.agenda, self._stepped)
        places = VehiclesAt(g.presence, g.registry, g.locks, g, g.clock, terms)
        rules = filter_from_rules(terms.mac_rules) if terms.mac_rules else default_filter()
        recogniser = Recogniser(
            Asking(g.clock, g.entropy, filter=rules, known=terms.known_time), self.partners, calls, g.clock, terms
        )
        self.places = places
        self.whitelist = Whitelist(g.store, self.partners)
        self.tokens = RoamingTokens(g.store, self.partners)
        self.push = RoamingPush(g.store, self.partners, calls, self.pusher, g.clock, terms)
        self.bindings = Bindings(
            g.store, self.charges, places, recogniser, self.whitelist, self.partners, calls, self.push, g, g.agenda,
            g.clock, terms,
        )  # fmt: skip
        self.push.flowed = self.bindings.told
        self.results = Results(self.charges, self.partners, calls, g.agenda, g.clock, terms)
        self.starts = RoamingStarts(
            g.calls, self.charges, self.results, g.locks, g, g.presence, g.registry, g.agenda, g.clock, g.entropy, terms
        )
        self.whitelist.withdrawn = self.starts.forbidden
        notified = Notified(quiet=timedelta(seconds=terms.conflict_memory))
        conflicts = Conflicts(self.partners, calls, g.agenda, g.clock, terms, notified)
        self.rules = RoamingRules(
            self.charges, places, recogniser, self.whitelist, self.tokens, self.starts, self.bindings, conflicts,
            calls, g.sessions, g.clock, g.entropy, terms,
        )  # fmt: skip
        objects, names = Objects(terms, g.prices), RoamingNames(g.registry)
        self.tie = RoamingSessions(
            g.store, self.charges, objects, self.push, self.starts, self.bindings, g.registry, g.clock, terms
        )
        self.publishing = Publishing(
            g.registry, g.presence, objects, names, self.partners, calls, self.pusher, g.clock, terms
        )
        orders = PartnerOrders(g.calls, self.results, g.agenda, g.clock)
        self.payments = PartnerPayments(g.store, orders, names, g, g.locks, g.agenda, g.clock, terms)
        self.commands = RoamingCommands(
            orders, self.payments, self.charges, self.starts, self.results, names, places, g, g.presence, g.registry,
            g.agenda, g.clock, g.entropy, terms,
        )  # fmt: skip
        handlers = Handlers(g.store, self.publishing, self.tokens, self.whitelist, self.commands)
        self.ocpi = OcpiServer(
            Role.CPO, handlers, self.partners, g.clock, g.entropy, base_url=terms.base_url,
            terms=ServerTerms(capability=show),
        )  # fmt: skip
        self._met: set[str] = set()

    def _make_partners(self, terms: RoamingTerms, g: Ground) -> Partners:
        ours = Ours(
            role=Role.CPO, party=terms.party, name=terms.name, website=terms.website, base_url=terms.base_url,
            versions=terms.versions,
        )  # fmt: skip
        policy = AddressPolicy.development() if terms.private_addresses else AddressPolicy()
        return Partners(ours, g.transport, g.clock, g.entropy, save=self._save, policy=policy, forget=self._forget)

    def _make_lanes(self, terms: RoamingTerms, g: Ground) -> None:
        how = {"find": self.partners.get, "save": self._save_sync}
        self.pusher = Pusher(g.clock, g.entropy, g.agenda, resend=self._resend, **how)  # type: ignore[arg-type]
        poll = PollTerms(period=terms.polling_hours * 3600, overlap=timedelta(seconds=terms.polling_overlap))
        self.polling = Polling(g.clock, g.entropy, g.agenda, read=self._read, terms=poll, **how)  # type: ignore[arg-type]

    # ── the life of the process ──

    async def load(self) -> None:
        """Read the store and take up everything that was under way; after the sessions were loaded."""
        g = self._ground
        self.partners.load(await g.store.partners())
        syncs = await g.store.partner_syncs()
        self.pusher.load(each for each in syncs if each.module in PUSHED)
        self.polling.load(each for each in syncs if each.module in READ)
        await self.charges.load()
        for charge in self.charges.active():
            self.starts.promise(charge)
        for partner in self.partners.registered():
            self._met.add(partner.id)
            self._start_polling(partner)
        await self.tie.resume()
        await self.push.resume()
        await self.bindings.resume()
        await self.results.resume(g.store)
        await self.payments.resume()

    def syncs(self) -> list[PartnerSync]:
        """Return how far we and each partner agree on each module: pushes and readings."""
        return [*self.pusher.states(), *self.polling.states()]

    async def resend(self, id: str, *, actor: str) -> None:
        """Send a partner everything of ours again, as it stands now; Refused("unknownPartner", "notRegistered")."""
        partner = self.partners.get(id)
        if partner is None:
            raise Refused("unknownPartner")
        if not partner.registered:
            raise Refused("notRegistered")
        g = self._ground
        await g.store.commit(g.registry.audit(actor, "send all again", id))
        for module in sorted(PUSHED):
            if partner.endpoint(module, "RECEIVER"):
                await self.pusher.resync(partner, module, EARLIEST)

    # ── what happens at stations ──

    def connector_changed(self, place: EvsePlace, before: ConnectorStatus | None, fact: ConnectorChanged) -> None:
        """A connector changed."""
        self.places.connector_changed(place, before, fact.status)
        if fact.status is ConnectorStatus.AVAILABLE:
            self.starts.unplugged(place, before)
        self.publishing.connector_changed(place, before, fact.status)

    async def identified(self, station: StationId, fact: VehicleIdentified) -> None:
        """A vehicle named itself beside any question about a token."""
        if fact.mac is not None:
            await self.bindings.identified(station, fact.transaction, fact.mac, fact.evse)

    def station_changed(self, before: StationRecord | None, after: StationRecord) -> None:
        """What is registered of a station changed; what it says of itself interests no partner."""
        seen = ("site", "name", "evses", "blocked")
        if before is None or any(getattr(before, each) != getattr(after, each) for each in seen):
            self.publishing.station_changed(after.id)

    def _stepped(self, before: RoamingCharge | None, after: RoamingCharge) -> None:
        self.starts.stepped(before, after)
        if before is not None and before.state is not after.state:
            self.results.stepped(after)
        if after.state is ChargeState.PENDING:
            self.payments.release(after)

    # ── partners ──

    async def _save(self, partner: Partner, actor: str, action: str) -> None:
        g = self._ground
        await g.store.commit(Put(partner), g.registry.audit(actor, action, partner.id))
        g.agenda.soon(lambda: self._meet(partner.id))

    async def _forget(self, partner: Partner, actor: str) -> None:
        g = self._ground
        self.pusher.forget(partner.id)
        self.polling.forget(partner.id)
        agreed = [each for each in await g.store.partner_syncs() if each.partner == partner.id]
        audit = g.registry.audit(actor, "remove partner", partner.id)
        await g.store.commit(Delete(partner), *map(Delete, agreed), audit)
        self._met.discard(partner.id)

    async def _meet(self, id: str) -> None:
        """Tell a partner that has just registered everything, bills of before included, and read what it has."""
        partner = self.partners.get(id)
        if partner is None or not partner.registered:
            self._met.discard(id)
        elif id not in self._met:
            self._met.add(id)
            self.publishing.introduce(partner)
            self._start_polling(partner, new=True)
            await self.push.remind(partner)

    def _start_polling(self, partner: Partner, *, new: bool = False) -> None:
        if has_vehicles(partner):
            self.polling.start(partner, "vehicles", new=new)
        if partner.endpoint("tokens", "SENDER"):
            self.polling.start(partner, "tokens", new=new)

    async def _save_sync(self, sync: PartnerSync) -> None:
        await self._ground.store.commit(Put(sync))

    async def _resend(self, partner: Partner, module: str, since: datetime) -> None:
        if module in {SESSIONS, CDRS}:
            await self.push.resend(partner, module, since)
        else:
            await self.publishing.resend(partner, module, since)

    async def _read(self, partner: Partner, module: str, since: datetime | None) -> datetime | None:
        """Read a list of an eMSP, and return when the latest of it changed."""
        by, latest = Tick(self._ground.clock.tick() + READ_TIME), since
        if module == "vehicles":
            async for vehicle in self.calls.pages(partner, module, VehicleObject, since=since, by=by):
                await self.whitelist.take_in(partner, vehicle)
                latest = max(filter(None, (latest, vehicle.last_updated)), default=None)
        else:
            async for token in self.calls.pages(partner, module, Token, since=since, by=by):
                await self.tokens.take_in(partner, token)
                latest = max(filter(None, (latest, token.last_updated)), default=None)
        return latest
