"""The one function that every road to energy ends in.

Cards, vehicles, one-time tokens and whatever comes later ask here, and nowhere else is an
accepted :class:`~evouch.charging.tokens.Authorization` made. The rules, in order:

1. A payment's one-time token is good for its own station, while its payment waits for the
   start, and once. Otherwise it is Invalid, or ConcurrentTx while its own charge runs.
2. So is the one-time token of a remote start that a roaming partner's customer is given.
3. An EVSE that somebody is paying for starts for nobody else.
4. A vehicle is what the eMSPs say that know it (:mod:`evouch.cpo.roaming_authorize`).
5. A registered token answers with its own status, and is Expired after its date.
6. A card of a roaming partner is what the partner says of it.
7. A token that nobody registered, here or there, is Invalid.
8. A token, or a vehicle, that charges already does not charge a second time.

An Authorize request names no EVSE (OCPP has no room for it), so rule 3 can refuse there
only when the whole station is locked; the same question is asked again, with the EVSE,
when the transaction starts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from evouch.charging.equipment import EvsePlace
from evouch.charging.tokens import Authorization, IdToken, TokenStatus
from evouch.clock import Clock
from evouch.cpo.locks import Locks
from evouch.cpo.registry import Registry
from evouch.ids import EvseNumber, PaymentId, StationId, TransactionId
from evouch.store.ports import Store
from evouch.webpayment.checkout import Checkout, State

__all__ = ["CACHE_TIME", "Authorizer", "PaymentTokens", "Question", "RoamingTokens", "Running", "Verdict"]

#: How long a station may remember a card, where the card itself names no end: a day, so that a
#: blocked card stops working tomorrow even at a station that never asks again.
CACHE_TIME: Final = timedelta(days=1)

_STARTABLE: Final = frozenset({State.STARTING, State.WAITING})
_RUNNING: Final = frozenset({State.CHARGING, State.STOPPING})


class PaymentTokens(Protocol):
    """What authorize needs to know of payments."""

    async def by_token(self, key: str) -> Checkout | None:
        """Return the payment that a token was made for, running or long over."""


class Running(Protocol):
    """What authorize needs to know of transactions."""

    def token_in_use(self, key: str, *, but: tuple[StationId, TransactionId] | None) -> bool:
        """Return whether a token charges somewhere, leaving one transaction out of account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Who asks, for what. ``evse`` is None in an Authorize; ``transaction`` when it exists already.

    ``ending``: the token came with the end of the transaction, and begins nothing.
    """

    station: StationId
    token: IdToken
    evse: EvseNumber | None = None
    transaction: TransactionId | None = None
    ending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What roaming says of a token; it becomes an answer here. ``roaming`` and ``token`` as in Authorization."""

    status: TokenStatus
    reason: str = ""
    expires: datetime | None = None
    roaming: str | None = None
    token: IdToken | None = None


class RoamingTokens(Protocol):
    """What authorize needs to know of roaming."""

    async def one_time(self, question: Question) -> Verdict | None:
        """Judge a token that was made for a remote start; None where it is none of those."""

    async def vehicle(self, question: Question) -> Verdict:
        """Judge a vehicle."""

    async def card(self, question: Question) -> Verdict | None:
        """Judge a partner's card; None where no partner told of it."""

    async def identified(self, question: Question) -> None:
        """Take the address of a vehicle that charges by another token already."""

    def accepted(self, question: Question) -> None:
        """A card was accepted, ours or a partner's."""


@dataclass(slots=True)
class Authorizer:
    """The rules, with what they need to see."""

    store: Store
    registry: Registry
    locks: Locks
    clock: Clock
    payments: PaymentTokens
    running: Running
    #: None: the operator has no roaming partners
    roaming: RoamingTokens | None = None

    async def authorize(self, question: Question) -> Authorization:
        """Answer whether energy may flow."""
        answer = await self._one_time(question)
        if answer is None and self._locked(question):
            answer = _no(TokenStatus.INVALID, "somebody is paying for this EVSE")
        if answer is None:
            answer = await (self._vehicle(question) if question.token.vehicle else self._card(question))
        return answer

    async def identified(self, question: Question) -> None:
        """Take a vehicle that named itself while its driver charges by another token: it asks for nothing."""
        if self.roaming is not None:
            await self.roaming.identified(question)

    async def _one_time(self, question: Question) -> Authorization | None:
        if question.token.vehicle:
            return None
        payment = await self.payments.by_token(question.token.key)
        if payment is not None:
            return self._payment(question, payment)
        started = await self.roaming.one_time(question) if self.roaming is not None else None
        return _answer(started) if started is not None else None

    async def _vehicle(self, question: Question) -> Authorization:
        if self.roaming is None:
            return _no(TokenStatus.INVALID, "unknown token")
        return _answer(await self.roaming.vehicle(question))

    def _payment(self, question: Question, payment: Checkout) -> Authorization:
        if question.station != payment.place.station or question.evse not in (None, payment.place.evse):
            return _no(TokenStatus.INVALID, "one-time token at another EVSE")
        if payment.state in _STARTABLE:
            return Authorization(status=TokenStatus.ACCEPTED, expires=payment.plug_until, payment=payment.payment)
        if payment.state in _RUNNING:
            if question.transaction is not None and question.transaction == payment.transaction:
                return Authorization(status=TokenStatus.ACCEPTED, expires=payment.plug_until, payment=payment.payment)
            return _no(TokenStatus.CONCURRENT_TX, "one-time token in use")
        return _no(TokenStatus.INVALID, f"payment is {payment.state}")

    def _locked(self, question: Question) -> bool:
        now = self.clock.tick()
        if question.evse is not None:
            return self.locks.holder(EvsePlace(question.station, question.evse), now) is not None
        record = self.registry.station(question.station)
        locked = self.locks.locked_evses(question.station, now)
        return bool(locked) and record is not None and len(locked) >= len(record.evses)

    async def _card(self, question: Question) -> Authorization:
        answer = await self._registered(question)
        if self.roaming is not None and answer.accepted:
            self.roaming.accepted(question)
        return answer

    async def _registered(self, question: Question) -> Authorization:
        record = await self.store.token(question.token.key)
        if record is None:
            card = await self.roaming.card(question) if self.roaming is not None else None
            return _answer(card) if card is not None else _no(TokenStatus.INVALID, "unknown token")
        now = self.clock.now()
        if record.expires is not None and record.expires <= now:
            return _no(TokenStatus.EXPIRED, "token expired")
        if record.status is not TokenStatus.ACCEPTED:
            return _no(record.status, "registered so")
        this = (question.station, question.transaction) if question.transaction else None
        if self.running.token_in_use(question.token.key, but=this):
            return _no(TokenStatus.CONCURRENT_TX, "token charges elsewhere")
        return Authorization(status=TokenStatus.ACCEPTED, expires=_cache_end(record.expires, now), group=record.group)

    def lock_holder(self, place: EvsePlace) -> PaymentId | None:
        """Return the payment that an EVSE is locked for."""
        return self.locks.holder(place, self.clock.tick())


def _no(status: TokenStatus, reason: str) -> Authorization:
    return Authorization(status=status, reason=reason)


def _answer(verdict: Verdict) -> Authorization:
    """Make the answer of what roaming says."""
    return Authorization(
        status=verdict.status, reason=verdict.reason, expires=verdict.expires, roaming=verdict.roaming,
        token=verdict.token,
    )  # fmt: skip


def _cache_end(expires: datetime | None, now: datetime) -> datetime:
    end = now + CACHE_TIME
    return min(end, expires) if expires else end
