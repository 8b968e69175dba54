"""Telling an eMSP which vehicle its customer charges, so that it may start by itself the next time.

Both flows of "Autocharge Roaming" end in one POST of {VID, token, session}: *before* (§5.1.1), the
vehicle named itself at plug-in, its VIDs are held by EVSE, and then a card or an app starts
(whichever comes first, where an eMSP is slow);
*after* (§5.1.2), it names itself during the charge, and the one eMSP whose customer is charging is
asked for its VID. The Session is always put first, or the eMSP could not check the binding.

What waits is in the store: the VID and the state stand in the RoamingCharge, and a restart goes on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from evouch.charging.equipment import EvsePlace
from evouch.charging.roaming import Binding, ChargeState, RoamingCharge
from evouch.clock import Clock, Tick
from evouch.cpo.agenda import Agenda
from evouch.cpo.recognising import Recogniser
from evouch.cpo.roaming_charges import RoamingCharges, place_of
from evouch.cpo.roaming_partners import Directory, has_vehicles
from evouch.cpo.roaming_terms import RoamingTerms
from evouch.cpo.vehicles_at import VehiclesAt
from evouch.cpo.whitelist import Whitelist
from evouch.errors import PeerGarbled, PeerRefused, Unreachable
from evouch.ids import EvseNumber, Mac, StationId, TransactionId, Vid
from evouch.ocpi.model import VEHICLE_TOKEN, RegisterVehicle
from evouch.ocpi.ports import PartnerCalls
from evouch.store.ports import Store
from evouch.store.records import Transaction

__all__ = ["Bindings", "SessionsPut", "Transactions"]

_RUNNING: Final = frozenset({ChargeState.PENDING, ChargeState.ACTIVE})
#: Charges of before a restart whose binding may still wait; older ones are over for any eMSP (a day).
_RECENT: Final = 1000

_log = structlog.get_logger("evouch.cpo.roaming")


class SessionsPut(Protocol):
    """What binding needs of the pushing of sessions."""

    async def ensure(self, charge: RoamingCharge) -> None:
        """Return once the eMSP has the session; raises Unreachable or PeerRefused."""


class Transactions(Protocol):
    """What has to be known of transactions here."""

    def charging(self, station: StationId) -> Sequence[Transaction]:
        """Return the transactions at a station that somebody has a token for."""


@dataclass(slots=True)
class Bindings:
    """Finds out which vehicle it is, and tells its eMSP."""

    store: Store
    charges: RoamingCharges
    places: VehiclesAt
    recogniser: Recogniser
    whitelist: Whitelist
    directory: Directory
    calls: PartnerCalls
    sessions: SessionsPut
    transactions: Transactions
    agenda: Agenda
    clock: Clock
    terms: RoamingTerms

    async def resume(self) -> None:
        """Go on with what waited when the process ended."""
        for charge in await self.store.charges(limit=_RECENT):
            if charge.binding is Binding.WAITING:
                self._promise(charge.id)

    # ── which vehicle is it? ──

    async def started(self, charge: RoamingCharge) -> None:
        """A card or an app has started: bind the vehicle that named itself before (§5.1.1)."""
        place = place_of(charge)
        vid = self.places.held(place).get(charge.partner) if place is not None else None
        if vid is not None and charge.token_type != VEHICLE_TOKEN:
            await self._found(charge, vid)

    async def known(self, place: EvsePlace, vids: Mapping[str, Vid], *, stay: int) -> None:
        """Remember what eMSPs call the vehicle at an EVSE; a charge that began there while they were asked is bound."""
        self.places.hold(place, vids, stay=stay)
        for charge in self.charges.at(place):
            if charge.vid is None and charge.state in _RUNNING:
                await self.started(charge)

    def flows(self, charge: RoamingCharge) -> None:
        """Energy flows, or the charge is over: an eMSP that wanted to wait for that is told now.

        A car with a timer takes its first energy hours after the start.
        """
        if charge.binding is Binding.WAITING and not self.agenda.promised(("binding", charge.id)):
            self._promise(charge.id, 1)

    def told(self, id: str) -> None:
        """The eMSP has heard that energy flows, or that the charge is over: what waits is tried at once, and anew."""
        self._promise(id)

    async def identified(
        self, station: StationId, transaction: TransactionId | None, mac: Mac, evse: EvseNumber | None = None
    ) -> None:
        """A vehicle named itself beside any question about a token: before a charge, or during one (§5.1.2).

        Without an id of the transaction it is the one on its EVSE; without that the only one at the
        station whose vehicle is not known.
        """
        record = self._meant(station, transaction, evse)
        if record is None:
            await self._hold(station, evse, mac)
            return
        charge = self.charges.running(record.roaming) if record.roaming is not None else None
        partner = self.directory.get(charge.partner) if charge is not None else None
        if charge is None or partner is None or not has_vehicles(partner):
            return  # a local customer, or one whose eMSP has no part in this: nobody is asked
        if charge.vid is None and charge.state in _RUNNING:
            heard = await self.recogniser.heard(mac, [partner])
            if (vid := heard.vids.get(partner.id)) is not None:
                await self._found(charge, vid)

    def _meant(
        self, station: StationId, transaction: TransactionId | None, evse: EvseNumber | None
    ) -> Transaction | None:
        running = self.transactions.charging(station)
        if transaction is not None:
            return next((each for each in running if each.id == transaction), None)
        if evse is not None:
            return next((each for each in running if each.evse == evse), None)
        nameless = [each for each in running if not self._known(each)]
        return nameless[0] if len(nameless) == 1 else None

    def _known(self, record: Transaction) -> bool:
        charge = self.charges.running(record.roaming) if record.roaming is not None else None
        return charge is not None and charge.vid is not None

    async def _hold(self, station: StationId, evse: EvseNumber | None, mac: Mac) -> None:
        where = self.places.candidates(station, evse).settled
        if where is not None:
            place = EvsePlace(station, where)
            stay = self.places.stay(place)
            await self.known(place, (await self.recogniser.heard(mac)).vids, stay=stay)

    # ── telling ──

    async def _found(self, charge: RoamingCharge, vid: Vid) -> None:
        """Remember the vehicle of a charge, and tell its eMSP unless it wants to hear nothing of it."""
        wanted = await self.whitelist.binds(charge.owner, vid, charge.contract)
        binding = Binding.WAITING if wanted else Binding.NONE
        after = await self.charges.advance(charge.id, only=lambda now: now.vid is None, vid=vid, binding=binding)
        if after is not None and wanted:
            self._promise(after.id)

    def _promise(self, id: str, tried: int = 0) -> None:
        pauses = (0.0, *self.terms.binding_pauses)
        self.agenda.after(pauses[tried], ("binding", id), lambda: self._try(id, tried))

    async def _try(self, id: str, tried: int) -> None:
        charge = await self.charges.get(id)
        if charge is None or charge.binding is not Binding.WAITING or charge.vid is None:
            return
        try:
            await self._tell(charge, charge.vid)
        except (Unreachable, PeerRefused) as error:
            if tried < len(self.terms.binding_pauses) and _may_pass(error):
                self._promise(id, tried + 1)
                return
            if charge.state is ChargeState.PENDING and isinstance(error, PeerRefused) and _may_pass(error):
                return  # until energy flows
            _log.warning("binding given up", charge=id, partner=charge.partner, why=type(error).__name__)
            await self.charges.advance(id, binding=Binding.GIVEN_UP)

    async def _tell(self, charge: RoamingCharge, vid: Vid) -> None:
        partner = self.directory.get(charge.partner)
        if partner is None or not has_vehicles(partner):
            await self.charges.advance(charge.id, binding=Binding.GIVEN_UP)
            return
        if not await self.whitelist.binds(charge.owner, vid, charge.contract):  # it has said so in the meantime
            await self.charges.advance(charge.id, binding=Binding.DONE)
            return
        await self.sessions.ensure(charge)
        body = RegisterVehicle(vehicle_id=vid, token_uid=charge.token_uid, session_id=charge.id)
        answer = await self.calls.post_vehicle(partner, body, by=Tick(self.clock.tick() + self.terms.push_time))
        await self.charges.advance(charge.id, binding=Binding.DONE)
        await self.whitelist.take_in(partner, answer)


def _may_pass(error: Exception) -> bool:
    """Whether a later try may go better: nobody was there, or the session was not known yet (2001, 29xx)."""
    if isinstance(error, PeerGarbled):
        return False
    return isinstance(error, Unreachable) or (
        isinstance(error, PeerRefused) and (error.code == "2001" or error.code.startswith(("29", "http 5", "http 429")))
    )
