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

from evouch.charging.dialogue import (
    LockAnswer,
    LockOutcome,
    Order,
    StationCalls,
    StopCharging,
    Text,
    Unlock,
    Unspeakable,
    WebPaymentFailed,
    WebPaymentStarted,
    Yes,
)
from evouch.charging.equipment import EvsePlace
from evouch.charging.roaming import ChargeState, RoamingCharge
from evouch.clock import Clock, Entropy, Tick
from evouch.cpo.agenda import Agenda
from evouch.cpo.locks import Locks
from evouch.cpo.presence import UNUSABLE, Presence
from evouch.cpo.registry import Registry
from evouch.cpo.roaming_charges import RoamingCharges, place_of
from evouch.cpo.roaming_names import RoamingNames
from evouch.cpo.roaming_partners import may_carry
from evouch.cpo.roaming_results import Results
from evouch.cpo.roaming_start import ANSWER_TIME, RoamingStarts
from evouch.cpo.roaming_terms import RoamingTerms
from evouch.cpo.turns import Turns
from evouch.cpo.vehicles_at import Busy, VehiclesAt
from evouch.errors import PeerRefused, Unreachable
from evouch.ids import ContractId, PartyId, PaymentId, Vid, parse_vid
from evouch.ocpi.model import (
    VEHICLE_TOKEN,
    CommandResponse,
    DisplayText,
    StartSession,
    StopSession,
    UnlockConnector,
    WebPaymentNotice,
)
from evouch.ocpi.partner import V221, Partner
from evouch.wire import encode

__all__ = ["RoamingCommands"]

#: Seconds until a result is said of what a station answers by itself.
SOON: Final = 45
#: Longest lock that a payment elsewhere may ask for, in seconds (docs/decisions/013).
LONGEST_LOCK: Final = 300
#: Characters of a vendorId (OCPP 2.1 part 2 §2, CustomDataType), and octets of a customData that a station is
#: sent: the whole of a message that small stations read is 4 KiB or less.
LONGEST_VENDOR: Final = 255
MOST_CUSTOM: Final = 2048

_WAITING: Final = frozenset({ChargeState.ANNOUNCED, ChargeState.AUTHORIZED, ChargeState.STARTING})


@dataclass(slots=True)
class RoamingCommands:
    """Takes commands. Every method answers at once."""

    station_calls: StationCalls
    charges: RoamingCharges
    starts: RoamingStarts
    results: Results
    names: RoamingNames
    vehicles: VehiclesAt
    busy: Busy
    presence: Presence
    registry: Registry
    locks: Locks
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
            "NOTIFY_WEB_PAYMENT_STARTED": self._payment_started,
            "NOTIFY_WEB_PAYMENT_FAILED": self._payment_failed,
        }

    async def take(self, partner: Partner, version: str, name: str, body: Any) -> CommandResponse:
        """Answer a command by its name; what we do not do is NOT_SUPPORTED."""
        command = self._table.get(name)
        return await command(partner, version, body) if command is not None else _answer("NOT_SUPPORTED")

    # ── start ──

    async def _start(self, partner: Partner, body: StartSession) -> CommandResponse:
        place = self.names.place(body.location_id, body.evse_uid) or self._where_it_stands(partner, body)
        if place is None:
            unclear = body.evse_uid is None and self.names.station(body.location_id) is not None
            return _answer("REJECTED", "which EVSE? No car came last" if unclear else "no such EVSE")
        async with self._turns.of(place):  # of two commands for one EVSE the second finds it in use
            refused = self._cannot_start(partner, place, body)
            if refused:
                return _answer("REJECTED", refused)
            charge = self._charge(partner, place, body)
            self.starts.occupied(place)
            await self.charges.open(charge)
        if self._paid_by_others(partner, place):  # since a moment ago
            self.starts.occupied(place)
        else:
            self.agenda.soon(lambda: self.starts.send(charge))
        return _answer("ACCEPTED", timeout=int((charge.expires - charge.at).total_seconds()) + ANSWER_TIME)

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
        if self._paid_by_others(partner, place):
            return "somebody is paying for this EVSE"
        if self.busy.taken(place) or any(each.state is ChargeState.STARTING for each in self.charges.at(place)):
            return "the EVSE is in use"
        if not self.presence.ready(place.station) or self.presence.status(place) in UNUSABLE:
            return "the station cannot be used now"
        return ""

    def _paid_by_others(self, partner: Partner, place: EvsePlace) -> bool:
        return self.locks.holder(place, self.clock.tick()) not in {None, _holder(partner.id, place)}

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
            return _answer("UNKNOWN_SESSION")
        if charge.state in _WAITING:
            await self.starts.lapse(charge.id)
            self.results.send(partner, body.response_url, "ACCEPTED")
            return _answer("ACCEPTED")
        if charge.transaction is None:
            return _answer("UNKNOWN_SESSION")
        order = StopCharging(transaction=charge.transaction)
        self._order(partner, body.response_url, EvsePlace(charge.station, charge.evse or charge.candidates[0]), order)
        return _answer("ACCEPTED")

    async def _unlock(self, partner: Partner, body: UnlockConnector) -> CommandResponse:
        place, connector = self.names.place(body.location_id, body.evse_uid), _number(body.connector_id)
        if place is None or connector is None:
            return _answer("REJECTED", "no such connector")
        mine = any(each.partner == partner.id and each.transaction for each in self.charges.at(place))
        if self.busy.taken(place) and not mine:  # the cable in it is another customer's
            return _answer("REJECTED", "the EVSE is in use")
        self._order(partner, body.response_url, place, Unlock(evse=place.evse, connector=connector))
        return _answer("ACCEPTED")

    # ── payments elsewhere (docs/decisions/059) ──

    async def _payment_started(self, partner: Partner, version: str, body: WebPaymentNotice) -> CommandResponse:
        place, refused = self._notice(partner, version, body)
        if place is None:
            return refused
        seconds, now = body.timeout, self.clock.tick()
        if seconds is None or not 0 <= seconds <= LONGEST_LOCK:
            return _answer("REJECTED", "timeout is 1 to 300 seconds, or 0")
        holder = _holder(partner.id, place)
        if seconds == 0:
            self.locks.free(place, holder)
        elif self.busy.taken(place) or not self.locks.take(place, holder, Tick(now + seconds), now):
            return _answer("REJECTED", "the EVSE is in use")
        order = WebPaymentStarted(evse=place.evse, timeout=seconds, custom=body.custom_data)
        self._order(partner, body.response_url, place, order)
        return _answer("ACCEPTED")

    async def _payment_failed(self, partner: Partner, version: str, body: WebPaymentNotice) -> CommandResponse:
        place, refused = self._notice(partner, version, body)
        if place is None:
            return refused
        self.locks.free(place, _holder(partner.id, place))
        texts = _texts(body.error_message or body.error_texts)
        order = WebPaymentFailed(evse=place.evse, messages=texts, custom=body.custom_data)
        self._order(partner, body.response_url, place, order)
        return _answer("ACCEPTED")

    def _notice(
        self, partner: Partner, version: str, body: WebPaymentNotice
    ) -> tuple[EvsePlace | None, CommandResponse]:
        """Return which EVSE is meant, or what to answer: the list of commands is closed on 2.2.1."""
        if version == V221 and not partner.quirks.web_payment_on_221:
            return None, _answer("NOT_SUPPORTED")
        if not _can_be_passed_on(body.custom_data):
            return None, _answer("REJECTED", "customData is an object with a vendorId, and a short one")
        place = None
        if body.evse_uid is not None or body.evse_id is not None:
            place = self.names.place(body.location_id, body.evse_uid, body.evse_id)
        return place, _answer("REJECTED", "no such EVSE")

    def release(self, charge: RoamingCharge) -> None:
        """A partner's customer charges: the lock of the partner's own payment has done its work."""
        if (place := place_of(charge)) is not None:
            self.locks.free(place, _holder(charge.partner, place))

    # ── orders ──

    def _order(self, partner: Partner, url: str | None, place: EvsePlace, order: Order[Any]) -> None:
        self.agenda.soon(lambda: self._say(partner, url, place, order))

    async def _say(self, partner: Partner, url: str | None, place: EvsePlace, order: Order[Any]) -> None:
        answer = await self.station_calls.call(place.station, order, by=Tick(self.clock.tick() + ANSWER_TIME))
        word = _word(answer)
        if isinstance(order, WebPaymentStarted) and word == "REJECTED":  # in use, and the station knows it first
            self.locks.free(place, _holder(partner.id, place))
        self.results.send(partner, url, word)


def _word(answer: object) -> str:
    """Return what a station's answer comes to (mod_commands §CommandResultType)."""
    match answer:
        case Yes(accepted=True) | LockAnswer(outcome=LockOutcome.TAKEN):
            return "ACCEPTED"
        case LockAnswer(outcome=LockOutcome.UNKNOWN):  # the operator's own lock holds all the same
            return "ACCEPTED"
        case Unspeakable():
            return "NOT_SUPPORTED"
        case Yes() | LockAnswer() | PeerRefused():
            return "REJECTED"
        case Unreachable():
            return "TIMEOUT"
    return "FAILED"


def _answer(result: str, text: str = "", *, timeout: int = SOON) -> CommandResponse:
    message = (DisplayText(language="en", text=text),) if text else ()
    return CommandResponse(result=result, timeout=timeout, message=message)


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


def _holder(partner: str, place: EvsePlace) -> PaymentId:
    """Return whose lock a partner's payment is; one at a time per EVSE."""
    return PaymentId(f"ocpi:{partner}:{place}")


def _texts(message: Any) -> tuple[Text, ...]:
    """Read a list of OCPI's {language, text} or OCPP's {format, language, content}, or one; all else says nothing."""
    items = message if isinstance(message, list) else [message]
    said = [(each.get("text", each.get("content")), each) for each in items if isinstance(each, dict)]
    return tuple(
        Text(content[:512], str(each.get("language", "en"))[:8], str(each.get("format", "UTF8"))[:16])
        for content, each in said if isinstance(content, str)
    )  # fmt: skip


def _can_be_passed_on(custom: Any) -> bool:
    """Return whether a partner's customData is what OCPP has room for (part 2 §2, CustomDataType)."""
    if custom is None:
        return True
    vendor = custom.get("vendorId") if isinstance(custom, dict) else None
    named = isinstance(vendor, str) and 0 < len(vendor) <= LONGEST_VENDOR
    return named and len(encode(custom)) <= MOST_CUSTOM
