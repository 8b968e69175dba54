"""What a scanned code opens: an offer, and the grant that alone leads from it to a payment.

The code is judged here, once, and nothing changes by it. The grant that comes back is signed
and bound to the browser; whoever has none has no way in.
"""

from dataclasses import dataclass, field
from datetime import datetime

from evouch.charging.equipment import EvsePlace
from evouch.charging.tariffs import Tariff
from evouch.charging.tokens import Limit
from evouch.clock import Clock, Entropy
from evouch.cpo.checkouts import Checkouts
from evouch.cpo.codes import Codes
from evouch.cpo.locks import Locks
from evouch.cpo.presence import BUSY, UNUSABLE, Presence
from evouch.cpo.registry import Registry
from evouch.cpo.sessions import Sessions
from evouch.errors import InvalidCode, LocalError
from evouch.ids import EvseNumber, PaymentId, StationId
from evouch.units import Money, Watts
from evouch.webpayment.checkout import Checkout, State
from evouch.webpayment.claim import Claim
from evouch.webpayment.grant import Grant, GrantKey, issue, unseal
from evouch.webpayment.receipt import Seller

__all__ = ["Offer", "Offers", "Terms", "tighter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the operator offers everywhere: price, hold, how long paying may take (≤ 300 s), who sells."""

    tariff: Tariff
    hold: Money
    seller: Seller
    lock_seconds: int = 300

    def __post_init__(self) -> None:
        if self.hold.currency != self.tariff.currency or not self.hold:
            msg = "hold and tariff are in one currency, and the hold is more than nothing"
            raise LocalError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the driver sees before paying. ``busy`` says why it cannot be paid now; empty: it can."""

    place: EvsePlace
    station_name: str
    address: str
    evse_id: str
    tariff: Tariff
    hold: Money
    limit: Limit
    max_power: Watts
    grant: str
    expires_at: datetime
    busy: str = ""


@dataclass(slots=True)
class Offers:
    """Judges codes, hands out grants, and says whether an EVSE can be paid at."""

    checkouts: Checkouts
    codes: Codes
    #: the first signs, all open
    grant_keys: tuple[GrantKey, ...]
    registry: Registry
    presence: Presence
    sessions: Sessions
    locks: Locks
    clock: Clock
    entropy: Entropy
    terms: Terms
    #: the last slot of each EVSE that was spent, and by which grant: what pages say before the store decides
    _spent: dict[EvsePlace, tuple[int, str]] = field(default_factory=dict)

    def offer(self, claim: Claim, *, browser: str, address: str) -> Offer:
        """Return the offer that a scanned URL opens.

        Raises InvalidCode for whatever is wrong with it, Refused("tooManyRequests") for
        too many tries. Changes nothing: link previews and second looks are harmless.
        """
        place = _place(claim)
        slot = self.codes.judge(place, claim.code, claim.version, address=address)
        limit = tighter(claim.limit(self.terms.tariff.currency), Limit())
        grant, text = issue(
            self.grant_keys[0],
            place=place,
            slot=slot,
            limit=limit,
            browser=browser,
            at=self.clock.now(),
            entropy=self.entropy,
        )
        return self._offer(text, grant)

    def offer_of(self, grant: str, *, browser: str) -> Offer:
        """Return the offer of a grant that was handed out before; Refused("grantExpired") after its time."""
        return self._offer(grant, self.unseal(grant, browser))

    def unseal(self, text: str, browser: str) -> Grant:
        """Return the grant in a browser's cookie; Refused("badGrant") or Refused("grantExpired")."""
        keys = {each.id: each.key for each in self.grant_keys}
        return unseal(text, keys, browser=browser, at=self.clock.now())

    def _offer(self, text: str, grant: Grant) -> Offer:
        record = self.registry.station(grant.place.station)
        evse = self.registry.evse(grant.place)
        if record is None or evse is None:
            raise InvalidCode("EVSE gone")
        return Offer(
            place=grant.place, station_name=record.name or str(record.id), address=record.address,
            evse_id=evse.evse_id, tariff=self.terms.tariff, hold=self.hold(grant.limit), limit=grant.limit,
            max_power=evse.max_power, grant=text, expires_at=grant.expires_at, busy=self.busy(grant),
        )  # fmt: skip

    def busy(self, grant: Grant) -> str:
        """Return why nobody can pay here now; asked before any money moves."""
        place = grant.place
        slot, spender = self._spent.get(self.registry.code_place(place), (None, ""))
        if slot == grant.slot and spender != grant.id:
            return "slotTaken"
        if not self.presence.ready(place.station):
            return "stationOffline"
        if self.presence.status(place) in UNUSABLE:
            return "evseUnavailable"
        live = self.sessions.at(place)
        if live is not None and live.record.token is not None:
            return "evseBusy"
        holder = self.locks.holder(place, self.clock.tick())
        if holder is not None and not self._is_own(holder, grant):
            return "evseBusy"
        if self.presence.status(place) in BUSY or any(
            one.place == place and one.grant != grant.id for one in self._under_way()
        ):
            return "evseBusy"
        return ""

    def _under_way(self) -> list[Checkout]:
        return [one for one in self.checkouts.active() if one.state not in (State.RELEASING, State.CAPTURING)]

    def _is_own(self, payment: PaymentId, grant: Grant) -> bool:
        return any(one.payment == payment and one.grant == grant.id for one in self.checkouts.active())

    def spent(self, place: EvsePlace, slot: int, grant: str) -> None:
        """Remember who spent the last code of an EVSE, so that pages can say so at once."""
        self._spent[place] = (slot, grant)

    def hold(self, limit: Limit) -> Money:
        """Return what is asked of the card: never more than the driver agreed to pay."""
        return (
            min(self.terms.hold, limit.max_cost, key=lambda money: money.amount) if limit.max_cost else self.terms.hold
        )


def tighter(one: Limit, other: Limit) -> Limit:
    """Return the tighter of two limits, member by member; nothing below one minor unit, Wh or second."""
    costs = [money for money in (one.max_cost, other.max_cost) if money is not None and money.minor > 0]
    energies = [wh for wh in (one.max_energy, other.max_energy) if wh is not None and wh > 0]
    times = [seconds for seconds in (one.max_time, other.max_time) if seconds is not None and seconds > 0]
    return Limit(
        max_cost=min(costs, key=lambda money: money.amount) if costs else None,
        max_energy=min(energies) if energies else None,
        max_time=min(times) if times else None,
    )


def _place(claim: Claim) -> EvsePlace:
    """Return the EVSE that a URL names, as it names it: whether it exists shows in the judgement."""
    return EvsePlace(StationId(claim.station or claim.roaming_station), EvseNumber(claim.evse or 0))
