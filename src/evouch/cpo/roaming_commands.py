"""What eMSPs may order: start, stop, unlock, and what a payment elsewhere tells (mod_commands).

A command is answered at once, and its result follows when the station has answered, or when it
is clear that it will not. A remote start gives the station a one-time token: neither a VID nor a
partner's card leaves the operator, and nobody is asked again what the eMSP has just said itself
(docs/decisions/056). What charges for one eMSP is stopped and unlocked by no other. Reservations
are not supported, and that is what is answered.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from evouch.charging.dialogue import StopCharging, Unlock
from evouch.charging.equipment import EvsePlace
from evouch.charging.roaming import ChargeState, RoamingCharge
from evouch.clock import Clock, Entropy
from evouch.cpo.agenda import Agenda
from evouch.cpo.presence import UNUSABLE, Presence
from evouch.cpo.registry import Registry
from evouch.cpo.roaming_charges import RoamingCharges
from evouch.cpo.roaming_names import RoamingNames
from evouch.cpo.roaming_orders import PartnerOrders, answer
from evouch.cpo.roaming_partners import may_carry
from evouch.cpo.roaming_payments import PartnerPayments
from evouch.cpo.roaming_results import Results
from evouch.cpo.roaming_start import ANSWER_TIME, RoamingStarts
from evouch.cpo.roaming_terms import RoamingTerms
from evouch.cpo.turns import Turns
from evouch.cpo.vehicles_at import Busy, VehiclesAt
from evouch.ids import ContractId, PartyId, Vid, parse_vid
from evouch.ocpi.model import VEHICLE_TOKEN, CommandResponse, StartSession, StopSession, UnlockConnector
from evouch.ocpi.partner import Partner

__all__ = ["RoamingCommands"]

_WAITING: Final = frozenset({ChargeState.ANNOUNCED, ChargeState.AUTHORIZED, ChargeState.STARTING})


@dataclass(slots=True)
class RoamingCommands:
    """Takes commands. Every method answers at once."""

    orders: PartnerOrders
    payments: PartnerPayments
    charges: RoamingCharges
    starts: RoamingStarts
    results: Results
    names: RoamingNames
    vehicles: VehiclesAt
    busy: Busy
    presence: Presence
    registry: Registry
    agenda: Agenda
    clock: Clock
    entropy: Entropy
    terms: RoamingTerms
    _turns: Turns = field(default_factory=Turns)
    _table: dict[str, Callable[[Partner, str, Any], Awaitable[CommandResponse]]] = field(init=False)

    def __post_init__(self) -> None:
        self._table = {
            "START_SESSION": lambda partner, _version, body: self._start(partner, body),
            "STOP_SESSION": lambda partner, _version, body: self._stop(partner, body),
            "UNLOCK_CONNECTOR": lambda partner, _version, body: self._unlock(partner, body),
            "NOTIFY_WEB_PAYMENT_STARTED": self.payments.started,
            "NOTIFY_WEB_PAYMENT_FAILED": self.payments.failed,
        }

    async def take(self, partner: Partner, version: str, name: str, body: Any) -> CommandResponse:
        """Answer a command by its name; what we do not do is NOT_SUPPORTED."""
        command = self._table.get(name)
        return await command(partner, version, body) if command is not None else answer("NOT_SUPPORTED")

    # ── start ──

    async def _start(self, partner: Partner, body: StartSession) -> CommandResponse:
        place = self.names.place(body.location_id, body.evse_uid) or self._where_it_stands(partner, body)
        if place is None:
            unclear = body.evse_uid is None and self.names.station(body.location_id) is not None
            return answer("REJECTED", "which EVSE? No car came last" if unclear else "no such EVSE")
        async with self._turns.of(place):  # of two commands for one EVSE the second finds it in use
            refused = self._cannot_start(partner, place, body)
            if refused:
                return answer("REJECTED", refused)
            charge = self._charge(partner, place, body)
            self.starts.occupied(place)
            await self.charges.open(charge)
        if self.payments.others(partner, place):  # since a moment ago
            self.starts.occupied(place)
        else:
            self.agenda.soon(lambda: self.starts.send(charge))
        return answer("ACCEPTED", timeout=int((charge.expires - charge.at).total_seconds()) + ANSWER_TIME)

    def _where_it_stands(self, partner: Partner, body: StartSession) -> EvsePlace | None:
        """Return where a car came last that waits for no other start, for who names no EVSE; None: nobody can tell.

        A vehicle that has named itself is where it was heard.
        """
        record, vid = self.names.station(body.location_id), _vid(body)
        if record is None or body.evse_uid is not None:
            return None
        arrived = [(at, EvsePlace(record.id, evse)) for at, evse in self.vehicles.arrived(record.id)]
        named = [place for _, place in arrived if vid is not None and self.vehicles.held(place).get(partner.id) == vid]
        waiting = [each for each in arrived if not self._awaited(each[1])]
        if named or not waiting:
            return named[0] if named else None
        last = [place for at, place in waiting if at == waiting[0][0]]
        return last[0] if len(last) == 1 else None

    def _awaited(self, place: EvsePlace) -> bool:
        return any(each.state in _WAITING for each in self.charges.at(place))

    def _cannot_start(self, partner: Partner, place: EvsePlace, body: StartSession) -> str:
        """Return why nobody can start there now; a partner's own payment there is no obstacle."""
        if not body.token.valid or not may_carry(partner, body.token.type):
            return "the token is not valid here"
        if not partner.speaks_for(_owner(body)):
            return "the token is not yours"
        if self.payments.others(partner, place):
            return "somebody is paying for this EVSE"
        if self.busy.taken(place) or any(each.state is ChargeState.STARTING for each in self.charges.at(place)):
            return "the EVSE is in use"
        if not self.presence.ready(place.station) or self.presence.status(place) in UNUSABLE:
            return "the station cannot be used now"
        return ""

    def _charge(self, partner: Partner, place: EvsePlace, body: StartSession) -> RoamingCharge:
        vid = _vid(body)
        return RoamingCharge(
            id=self.entropy.id(), partner=partner.id, owner=_owner(body), token_uid=vid or body.token.uid,
            token_type=body.token.type, contract=ContractId(body.token.contract_id), method="COMMAND",
            reference=body.authorization_reference, state=ChargeState.STARTING, station=place.station, evse=place.evse,
            connector=_number(body.connector_id), candidates=(place.evse,), at=self.clock.now(), vid=vid,
            result_url=body.response_url, **self.starts.ticket(place),
        )  # fmt: skip

    # ── stop and unlock ──

    async def _stop(self, partner: Partner, body: StopSession) -> CommandResponse:
        charge = await self.charges.get(body.session_id.lower())
        if charge is None or charge.partner != partner.id or charge.state is ChargeState.COMPLETED:
            return answer("UNKNOWN_SESSION")
        if charge.state in _WAITING:
            await self.starts.lapse(charge.id)
            self.results.send(partner, body.response_url, "ACCEPTED")
            return answer("ACCEPTED")
        if charge.transaction is None:
            return answer("UNKNOWN_SESSION")
        order = StopCharging(transaction=charge.transaction)
        self.orders.give(
            partner, body.response_url, EvsePlace(charge.station, charge.evse or charge.candidates[0]), order
        )
        return answer("ACCEPTED")

    async def _unlock(self, partner: Partner, body: UnlockConnector) -> CommandResponse:
        place, connector = self.names.place(body.location_id, body.evse_uid), _number(body.connector_id)
        if place is None or connector is None:
            return answer("REJECTED", "no such connector")
        mine = any(each.partner == partner.id and each.transaction for each in self.charges.at(place))
        if self.busy.taken(place) and not mine:  # the cable in it is another customer's
            return answer("REJECTED", "the EVSE is in use")
        self.orders.give(partner, body.response_url, place, Unlock(evse=place.evse, connector=connector))
        return answer("ACCEPTED")


def _owner(body: StartSession) -> PartyId:
    return PartyId(body.token.country_code.upper(), body.token.party_id.upper())


def _vid(body: StartSession) -> Vid | None:
    if body.token.type != VEHICLE_TOKEN:
        return None
    try:
        return parse_vid(body.token.uid)
    except ValueError:
        return None


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdecimal() else None
