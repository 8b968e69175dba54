"""From a held amount to a running charge: token, remote start, and the wait for the plug.

An accepted remote start cannot be taken back: OCPP has no message for it. So the hold
stays until the station itself ends the attempt, or its own plug timeout and a margin have
passed, or the driver cancels; in the last two cases the one-time token dies at that moment,
and a station that starts later is refused and stopped (``cpo.tie``).
"""

import base64
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from evouch.charging.dialogue import (
    LockAnswer,
    LockOutcome,
    StartAnswer,
    StartCharging,
    StationCalls,
    Text,
    Unspeakable,
    WebPaymentFailed,
    WebPaymentStarted,
)
from evouch.charging.equipment import ConnectorStatus, EvsePlace
from evouch.charging.tokens import IdToken, TokenKind
from evouch.clock import Clock, Entropy, Tick
from evouch.cpo.agenda import Agenda
from evouch.cpo.checkouts import Checkouts
from evouch.cpo.presence import Presence
from evouch.cpo.registry import Registry
from evouch.errors import Offline, Overloaded, PeerRefused
from evouch.ids import OcppVersion, PaymentId, RemoteStartId
from evouch.webpayment.checkout import Checkout, Event, State

__all__ = ["Starting"]

#: Seconds a station has to answer a remote start; slow modems take ten.
ANSWER_TIME: Final = 35
#: Seconds a station has to answer a notice that changes nothing for money.
NOTICE_TIME: Final = 10
#: Plug timeout where the station would not tell its own, in seconds.
PLUG_TIMEOUT: Final = 60
#: Seconds beyond the station's own plug timeout, for clocks and queues.
PLUG_MARGIN: Final = 30

#: 2.1 spells this variable in two ways (component list and variable list of its appendices).
_TOKEN_TYPES: Final = ("AuthCtrlr.SupportedIdTokenTypes", "AuthCtrlr.SupportedIdTokenType")
_PLUGGED = frozenset(
    {ConnectorStatus.PREPARING, ConnectorStatus.OCCUPIED, ConnectorStatus.SUSPENDED_EV, ConnectorStatus.SUSPENDED_EVSE}
)

_log = structlog.get_logger("evouch.cpo.starting")


@dataclass(slots=True)
class Starting:
    """Starts that were paid for, and the notices to the station around them."""

    calls: StationCalls
    checkouts: Checkouts
    registry: Registry
    presence: Presence
    agenda: Agenda
    clock: Clock
    entropy: Entropy
    plug_margin: int = PLUG_MARGIN

    # ── notices ──

    async def lock(self, checkout: Checkout, seconds: int) -> LockAnswer | None:
        """Tell the station that somebody is paying; None where it cannot be told."""
        order = WebPaymentStarted(evse=checkout.place.evse, timeout=seconds, connector=checkout.connector)
        answer = await self.calls.call(checkout.place.station, order, by=self._by(NOTICE_TIME))
        return answer if isinstance(answer, LockAnswer) else None

    async def unlock(self, checkout: Checkout, why: str) -> None:
        """Free the EVSE at the station: by Failed, or by timeout 0 where it knows no Failed."""
        order = WebPaymentFailed(evse=checkout.place.evse, connector=checkout.connector, messages=(Text(why),))
        answer = await self.calls.call(checkout.place.station, order, by=self._by(NOTICE_TIME))
        if not (isinstance(answer, LockAnswer) and answer.outcome is LockOutcome.TAKEN):
            await self.lock(checkout, 0)

    # ── the start ──

    async def start(self, payment: PaymentId) -> None:
        """Start the charge of a held payment. Nothing is queued for a station that is away."""
        checkout = await self.checkouts.get(payment)
        if checkout is None or checkout.state is not State.HELD:
            return
        here = self.presence.get(checkout.place.station)
        if here is None or not self.presence.ready(checkout.place.station):
            await self.checkouts.advance(payment, Event.GIVE_UP, only=_is_held, reason="stationOffline")
            return
        wait = self._plug_timeout(checkout.place) + self.plug_margin
        checkout = await self.checkouts.advance(
            payment,
            Event.START_SENT,
            only=_is_held,
            token=self._token(checkout, here.link.version),
            remote_start=self._remote_start(),
            plug_until=self.clock.now() + timedelta(seconds=wait),
        )
        if checkout is not None:
            await self._send(checkout, here.link.version)

    async def _send(self, checkout: Checkout, version: OcppVersion) -> None:
        assert checkout.token is not None  # noqa: S101  # START_SENT sets both
        assert checkout.remote_start is not None  # noqa: S101
        order = StartCharging(
            evse=checkout.place.evse,
            connector=checkout.connector,
            token=checkout.token,
            remote_start=checkout.remote_start,
            additional=_additional(checkout) if version == "ocpp2.1" else (),
        )
        answer = await self.calls.call(checkout.place.station, order, by=self._by(ANSWER_TIME))
        await self._answered(checkout.payment, answer)

    async def _answered(self, payment: PaymentId, answer: object) -> None:
        """Take the answer to a remote start. A transaction that has begun already says more than any answer."""
        match answer:
            case StartAnswer(accepted=True, transaction=None):
                await self.checkouts.advance(payment, Event.START_ACCEPTED, only=_is_starting)
            case StartAnswer(accepted=True, transaction=named):
                await self.checkouts.advance(payment, Event.START_ACCEPTED, only=_is_starting, transaction=named)
            case StartAnswer() | PeerRefused() | Unspeakable():
                await self.checkouts.advance(payment, Event.START_REFUSED, only=_is_starting, reason="startRejected")
            case Offline() | Overloaded():  # nothing was sent
                await self.checkouts.advance(payment, Event.START_REFUSED, only=_is_starting, reason="stationOffline")
            case _:
                await self.checkouts.advance(payment, Event.START_UNANSWERED, only=_is_starting)

    def await_plug(self, checkout: Checkout) -> None:
        """Promise to give up when the driver has not plugged in by ``plug_until``."""
        if checkout.plug_until is None:
            return
        left = (checkout.plug_until - self.clock.now()).total_seconds()
        self.agenda.after(left, ("plug", checkout.payment), lambda: self._never_plugged(checkout.payment))

    async def _never_plugged(self, payment: PaymentId) -> None:
        await self.checkouts.advance(payment, Event.GIVE_UP, only=_is_waiting, reason="neverPlugged")

    async def connector_changed(
        self, place: EvsePlace, connector: int, before: ConnectorStatus | None, after: ConnectorStatus
    ) -> None:
        """Take a 1.6 connector that went from Preparing back to Available as the end of the attempt."""
        if after is not ConnectorStatus.AVAILABLE or before not in _PLUGGED:
            return
        here = self.presence.get(place.station)
        if here is None or here.link.version != "ocpp1.6":
            return
        for checkout in self.checkouts.active():
            if checkout.place == place and checkout.connector == connector and checkout.state is State.WAITING:
                await self.checkouts.advance(checkout.payment, Event.GIVE_UP, only=_is_waiting, reason="neverPlugged")

    def _token(self, checkout: Checkout, version: OcppVersion) -> IdToken:
        """Return the one-time token: the provider's reference where the version has room for it."""
        if version == "ocpp2.1":
            kinds = self.registry.setting(checkout.place.station, *_TOKEN_TYPES)
            named = kinds is None or "DirectPayment" in kinds
            return IdToken(checkout.psp_ref, TokenKind.DIRECT_PAYMENT if named else TokenKind.CENTRAL)
        kind = TokenKind.UNSAID if version == "ocpp1.6" else TokenKind.CENTRAL
        return IdToken(base64.b32encode(self.entropy.bytes(13)).decode()[:20], kind)

    def _remote_start(self) -> RemoteStartId:
        return RemoteStartId(int.from_bytes(self.entropy.bytes(4), "big") >> 1 or 1)

    def _plug_timeout(self, place: EvsePlace) -> int:
        said = self.registry.setting(place.station, "TxCtrlr.EVConnectionTimeOut", "ConnectionTimeOut")
        return int(said) if said is not None and said.isdecimal() and int(said) > 0 else PLUG_TIMEOUT

    def _by(self, seconds: int) -> Tick:
        return Tick(self.clock.tick() + seconds)


def _is_held(checkout: Checkout) -> bool:
    return checkout.state is State.HELD


def _is_starting(checkout: Checkout) -> bool:
    return checkout.state is State.STARTING


def _is_waiting(checkout: Checkout) -> bool:
    return checkout.state in (State.STARTING, State.WAITING)


def _additional(checkout: Checkout) -> tuple[tuple[str, str], ...]:
    parts = (("PaymentBrand", checkout.card_brand), ("CardLast4Digits", checkout.card_last4))
    return tuple(part for part in parts if part[1])
