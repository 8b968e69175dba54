"""Starts without a card: announced, delayed, replaced, sent to the station, or lapsed.

The rule of this file: a charge that is not over and has no transaction has a promise in the
agenda that ends its state, whatever station and driver do or leave undone.

===========  ================================================================================
announced    at ``starts_at`` the remote start goes out; a card, a code, an app or the cable
             pulled out before that ends it, and the station's notice is taken back. So does
             a lost connection: whoever stands there afterwards may be somebody else
authorized   its yes ends at ``expires``
starting     the station's plug timeout and a margin give up
===========  ================================================================================

After a restart the same promises are made anew from what stands in the store.
"""

import base64
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog

from evouch.charging.dialogue import AnnounceStart, StartAnswer, StartCharging, StationCalls, Unspeakable
from evouch.charging.equipment import ConnectorStatus, EvsePlace
from evouch.charging.roaming import ChargeEvent, ChargeState, RoamingCharge
from evouch.charging.tokens import IdToken, TokenKind
from evouch.clock import Clock, Entropy, Tick
from evouch.cpo.agenda import Agenda
from evouch.cpo.locks import Locks
from evouch.cpo.presence import UNUSABLE, Presence
from evouch.cpo.registry import Registry
from evouch.cpo.roaming_charges import RoamingCharges, place_of
from evouch.cpo.roaming_results import Results
from evouch.cpo.roaming_terms import RoamingTerms
from evouch.cpo.vehicles_at import Busy
from evouch.errors import Offline, Overloaded, PeerRefused
from evouch.ids import PartyId, RemoteStartId, StationId

__all__ = ["RoamingStarts"]

#: Seconds a station has to answer a remote start; slow modems take ten.
ANSWER_TIME: Final = 35
#: Seconds a station has to answer a notice.
NOTICE_TIME: Final = 10

_S, _E = ChargeState, ChargeEvent
_WAITING: Final = frozenset({_S.ANNOUNCED, _S.AUTHORIZED, _S.STARTING})
_PLUGGED: Final = frozenset(
    {ConnectorStatus.PREPARING, ConnectorStatus.OCCUPIED, ConnectorStatus.SUSPENDED_EV, ConnectorStatus.SUSPENDED_EVSE}
)

_log = structlog.get_logger("evouch.cpo.roaming")


@dataclass(slots=True)
class RoamingStarts:
    """Everything between a yes and a transaction."""

    calls: StationCalls
    charges: RoamingCharges
    results: Results
    locks: Locks
    busy: Busy
    presence: Presence
    registry: Registry
    agenda: Agenda
    clock: Clock
    entropy: Entropy
    terms: RoamingTerms
    #: what a notice at a station's display was about when it was last told
    _announced: dict[EvsePlace, str] = field(default_factory=dict)
    #: announced charge → the connection over which its car was heard of
    _heard_over: dict[str, str] = field(default_factory=dict)

    # ── promises ──

    def stepped(self, before: RoamingCharge | None, after: RoamingCharge) -> None:
        """A charge is new, or moved on: promise what its state needs, and take back what it needed."""
        if before is not None and before.state is after.state and before.starts_at == after.starts_at:
            return
        if before is not None and before.state is _S.ANNOUNCED and after.state is not _S.ANNOUNCED:
            self._silence(after, over=after.state in {_S.REPLACED, _S.LAPSED})
            self._heard_over.pop(after.id, None)
        self.promise(after)
        if after.state is _S.ANNOUNCED:
            here = self.presence.get(after.station)
            self._heard_over.setdefault(after.id, here.link.connection if here is not None else "")
            self.agenda.soon(lambda: self._announce(after))

    def promise(self, charge: RoamingCharge) -> None:
        """Promise the end of a state in which a charge waits."""
        key, id = ("roaming start", charge.id), charge.id
        if charge.state is _S.ANNOUNCED and charge.starts_at is not None:
            self.agenda.after(self._left(charge.starts_at), key, lambda: self._begin(id))
        elif charge.state in _WAITING:
            self.agenda.after(self._left(charge.expires), key, lambda: self.lapse(id))
        else:
            self.agenda.drop(key)

    # ── the station's display ──

    async def _announce(self, charge: RoamingCharge) -> None:
        """Show that a known vehicle starts by itself, and in how many seconds."""
        place = place_of(charge)
        if place is None or charge.starts_at is None:
            return
        self._announced[place] = charge.id
        await self._tell(place, max(1, round(self._left(charge.starts_at))))

    def _silence(self, charge: RoamingCharge, *, over: bool) -> None:
        place = place_of(charge)
        if place is not None and self._announced.pop(place, None) == charge.id and over:
            self.agenda.soon(lambda: self._tell(place, 0))

    async def _tell(self, place: EvsePlace, seconds: int) -> None:
        order = AnnounceStart(evse=place.evse, seconds=seconds, connector=self._connector(place))
        await self.calls.call(place.station, order, by=self._by(NOTICE_TIME))

    # ── the start ──

    async def _begin(self, id: str) -> None:
        """The delay is over: start, unless somebody else has the EVSE by now, or nobody knows who is there."""
        charge = self.charges.running(id)
        place = place_of(charge) if charge is not None else None
        if charge is None or charge.state is not _S.ANNOUNCED or place is None:
            return
        if self.busy.taken(place) or self.locks.holder(place, self.clock.tick()) is not None:
            await self.charges.advance(id, _E.REPLACE)
        elif not self._still_there(charge, place):
            await self.lapse(id)
        else:
            after = await self.charges.advance(id, _E.ANNOUNCE_OVER, only=_announced, **self.ticket(place))
            if after is not None:
                await self.send(after)

    def _still_there(self, charge: RoamingCharge, place: EvsePlace) -> bool:
        """Return whether the station has spoken without a break since it told us of the car, which is plugged in.

        After an outage on either side another car may be at the same cable, and nothing would tell.
        """
        here = self.presence.get(charge.station)
        unbroken = here is not None and here.link.connection == self._heard_over.get(charge.id)
        return unbroken and self.presence.ready(charge.station) and self.presence.status(place) in _PLUGGED

    def ticket(self, place: EvsePlace) -> dict[str, Any]:
        """Return what a remote start needs: a one-time token, a number, and how long it waits for the vehicle."""
        wait = timedelta(seconds=self.plug_timeout(place.station) + self.terms.command_margin)
        return {
            "ocpp_token": base64.b32encode(self.entropy.bytes(13)).decode()[:20],
            "remote_start": RemoteStartId(int.from_bytes(self.entropy.bytes(4), "big") >> 1 or 1),
            "expires": self.clock.now() + wait,
        }

    async def send(self, charge: RoamingCharge) -> None:
        """Have the station start. A VID fits no idTag and stays here: the station is given a one-time token."""
        place, here = place_of(charge), self.presence.get(charge.station)
        if place is None or charge.remote_start is None or here is None:
            await self.lapse(charge.id, "FAILED")
            return
        kind = TokenKind.UNSAID if here.link.version == "ocpp1.6" else TokenKind.CENTRAL
        order = StartCharging(
            evse=place.evse, connector=charge.connector or self._connector(place), remote_start=charge.remote_start,
            token=IdToken(charge.ocpp_token, kind),
        )  # fmt: skip
        answer = await self.calls.call(charge.station, order, by=self._by(ANSWER_TIME))
        await self._answered(charge, place, answer)

    async def _answered(self, charge: RoamingCharge, place: EvsePlace, answer: object) -> None:
        """Take the answer to a remote start. A transaction that has begun already says more than any answer."""
        match answer:
            case StartAnswer(accepted=True, transaction=named):
                if named is not None:
                    await self.charges.advance(charge.id, only=_starting, transaction=named)
                if self.presence.status(place) in _PLUGGED:
                    self.results.settle(charge, "ACCEPTED")
            case StartAnswer() | PeerRefused() | Unspeakable():
                await self.lapse(charge.id, "REJECTED")
            case Offline() | Overloaded():  # nothing was sent
                await self.lapse(charge.id, "FAILED")
            case _:  # it may yet start: the plug timeout decides
                _log.warning("remote start unanswered", station=charge.station)

    async def lapse(self, id: str, word: str = "TIMEOUT") -> None:
        """Give up a charge that has no transaction, and say so where somebody waits for it."""
        charge = self.charges.running(id)
        if charge is not None and charge.state in _WAITING:
            self.results.settle(charge, word)
            await self.charges.advance(id, _E.LAPSE)

    # ── what comes first ──

    def overtaken(self, station: StationId) -> None:
        """A card was accepted, and an Authorize names no EVSE: a start is replaced where the card can mean no other.

        Otherwise it waits its delay once more, so that the card's transaction can say where it is.
        """
        due = self.clock.now() + timedelta(seconds=self.terms.start_delay)
        record = self.registry.station(station)
        idle = [each.number for each in record.evses if self._idle(EvsePlace(station, each.number))] if record else []
        for charge in self.charges.active(station):
            if charge.state is _S.ANNOUNCED and set(idle) <= {charge.evse}:
                self._move(charge, _E.REPLACE)
            elif charge.state is _S.ANNOUNCED:
                self.agenda.soon(partial(self.charges.advance, charge.id, only=_announced, starts_at=due))

    def _idle(self, place: EvsePlace) -> bool:
        return not self.busy.taken(place) and self.presence.status(place) not in UNUSABLE

    def occupied(self, place: EvsePlace, *, but: str | None = None) -> None:
        """Somebody pays for, or charges at, an EVSE: whoever else was to start there does not."""
        for charge in self.charges.at(place):
            if charge.id != but and charge.state in _WAITING:
                self._move(charge, _E.REPLACE)

    def unplugged(self, place: EvsePlace, before: ConnectorStatus | None) -> None:
        """The cable was pulled out before the start; or, heard for the first time, is not in."""
        for charge in self.charges.at(place):
            if charge.state in _WAITING and (before in _PLUGGED or charge.state is _S.ANNOUNCED):
                self.agenda.soon(partial(self.lapse, charge.id))

    async def forbidden(self, owner: PartyId, vid: str) -> None:
        """The driver does not want a vehicle to start by itself any more: what waits for it does not."""
        for charge in self.charges.active():
            if charge.by_vehicle and (charge.owner, charge.vid) == (owner, vid) and charge.method == "AUTH_REQUEST":
                await self.lapse(charge.id)

    def _move(self, charge: RoamingCharge, event: ChargeEvent) -> None:
        self.agenda.soon(lambda: self.charges.advance(charge.id, event))

    # ── little things ──

    def plug_timeout(self, station: StationId) -> int:
        """Return the seconds that a station waits for a vehicle after a remote start."""
        said = self.registry.setting(station, "TxCtrlr.EVConnectionTimeOut", "ConnectionTimeOut")
        return int(said) if said is not None and said.isdecimal() and int(said) > 0 else self.terms.plug_timeout

    def _connector(self, place: EvsePlace) -> int | None:
        here = self.presence.get(place.station)
        return self.registry.wiring(place.station, here.link.version).connector_of(place.evse) if here else None

    def _left(self, until: datetime) -> float:
        return max(0.0, (until - self.clock.now()).total_seconds())

    def _by(self, seconds: int) -> Tick:
        return Tick(self.clock.tick() + seconds)


def _announced(charge: RoamingCharge) -> bool:
    return charge.state is _S.ANNOUNCED


def _starting(charge: RoamingCharge) -> bool:
    return charge.state is _S.STARTING
