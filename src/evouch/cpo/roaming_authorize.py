"""What roaming says of a token, for ``cpo.authorize``: the only one that makes an answer of it.

*One-time tokens* of remote starts are good for their EVSE, while their charge waits for the
start, and once. *Vehicles* are recognised by asking the eMSPs, and of those that know it the first
in order that allows it now is charged with; a VID alone starts nothing ("Autocharge Roaming"
§4.6). *Cards* are answered here or by their eMSP, as it wants (:mod:`evouch.cpo.roaming_tokens`).

A yes is written as a RoamingCharge before it is answered, and is used again for as long as it is
good: the transaction that follows repeats the token, and finds its charge (docs/decisions/053).
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from evouch.autocharge.conflict import Match, order, others
from evouch.charging.equipment import EvsePlace
from evouch.charging.roaming import ChargeState, RoamingCharge
from evouch.charging.tokens import Allowed, IdToken, TokenKind, TokenStatus
from evouch.clock import Clock, Entropy, Tick
from evouch.cpo.authorize import CACHE_TIME, Question, Running, Verdict
from evouch.cpo.recognising import Recogniser
from evouch.cpo.roaming_binding import Bindings
from evouch.cpo.roaming_charges import RoamingCharges
from evouch.cpo.roaming_conflicts import Conflicts
from evouch.cpo.roaming_names import evse_uid, references
from evouch.cpo.roaming_partners import verdict_of
from evouch.cpo.roaming_start import RoamingStarts
from evouch.cpo.roaming_terms import RoamingTerms
from evouch.cpo.roaming_tokens import Card, RoamingTokens, answers_here, answers_offline
from evouch.cpo.vehicles_at import Candidates, VehiclesAt
from evouch.cpo.whitelist import Known, Whitelist
from evouch.errors import PeerRefused, Unreachable
from evouch.ids import ContractId, StationId, Vid
from evouch.ocpi.model import VEHICLE_TOKEN, AuthorizationInfo
from evouch.ocpi.ports import PartnerCalls

__all__ = ["STATUS", "RoamingRules"]

#: What a station hears of an eMSP's verdict. NOT_ALLOWED has no word in OCPP; where a version lacks
#: another, its translator says Invalid.
STATUS: Final = {
    Allowed.ALLOWED: TokenStatus.ACCEPTED, Allowed.BLOCKED: TokenStatus.BLOCKED, Allowed.EXPIRED: TokenStatus.EXPIRED,
    Allowed.NO_CREDIT: TokenStatus.NO_CREDIT, Allowed.NOT_ALLOWED: TokenStatus.INVALID,
}  # fmt: skip

_S = ChargeState
_WAITING: Final = frozenset({_S.ANNOUNCED, _S.AUTHORIZED, _S.STARTING})
_RUNNING: Final = frozenset({_S.PENDING, _S.ACTIVE})

_log = structlog.get_logger("evouch.cpo.roaming")


@dataclass(slots=True)
class RoamingRules:
    """Implements ``authorize.RoamingTokens``."""

    charges: RoamingCharges
    places: VehiclesAt
    recogniser: Recogniser
    whitelist: Whitelist
    tokens: RoamingTokens
    starts: RoamingStarts
    bindings: Bindings
    conflicts: Conflicts
    calls: PartnerCalls
    running: Running
    clock: Clock
    entropy: Entropy
    terms: RoamingTerms

    # ── one-time tokens ──

    async def one_time(self, question: Question) -> Verdict | None:
        """Judge a token that we made for a remote start; None where it is none of ours."""
        charge = await self.charges.by_token(question.token.key)
        if charge is None:
            return None
        if question.station != charge.station or question.evse not in {None, charge.evse}:
            return _no(TokenStatus.INVALID, "one-time token at another EVSE")
        if charge.state is _S.STARTING:
            return _yes(charge)
        if charge.state in _RUNNING:
            if question.transaction is not None and question.transaction == charge.transaction:
                return _yes(charge)
            return _no(TokenStatus.CONCURRENT_TX, "one-time token in use")
        return _no(TokenStatus.INVALID, f"roaming charge is {charge.state}")

    # ── vehicles ──

    async def vehicle(self, question: Question) -> Verdict:
        """Judge a vehicle. Its address is used here, and its VID remembered."""
        mac, places = question.token.mac, self.places.candidates(question.station, question.evse)
        if mac is None:
            return _no(TokenStatus.INVALID, "no address in it")
        if question.transaction is None and not places.qualified:
            await self.bindings.identified(question.station, None, mac)
            return _no(TokenStatus.INVALID, "vehicle of a charge that runs")
        if places.locked and not question.ending:
            return _no(TokenStatus.INVALID, "somebody is paying for this EVSE")
        by = Tick(self.clock.tick() + self.terms.whole_time)
        heard = await self.recogniser.heard(mac, enough=self._known)
        again = self._again(question, heard.vids)
        await self._held(question, places, heard.vids)
        if again is not None or question.ending:
            return again or _no(TokenStatus.INVALID, "no charge of this vehicle")
        known = await self.whitelist.granted(heard.vids)
        if not known:
            return _no(TokenStatus.INVALID, "no eMSP knows the vehicle")
        return await self._choose(question, places, known, heard.took, by)

    async def _known(self, vids: Mapping[str, Vid]) -> bool:
        return bool(await self.whitelist.granted(vids))

    async def _held(self, question: Question, places: Candidates, vids: Mapping[str, Vid]) -> None:
        """Remember the VIDs of a vehicle where it can only be. One with a transaction of its own is no other's."""
        if places.settled is None:
            return
        place, stay = EvsePlace(question.station, places.settled), places.stays[0]
        if question.transaction is None:
            await self.bindings.known(place, vids, stay=stay)
        else:
            self.places.hold(place, vids, stay=stay)

    async def identified(self, question: Question) -> None:
        """Take the address of a vehicle that charges by another token already."""
        if question.token.mac is not None and question.transaction is not None:
            await self.bindings.identified(question.station, question.transaction, question.token.mac)

    def _again(self, question: Question, vids: Mapping[str, Vid]) -> Verdict | None:
        """Find the charge that this vehicle has: its yes is used again, and it charges once."""
        for charge in self.charges.active():
            if charge.vid is None or vids.get(charge.partner) != charge.vid:
                continue
            if charge.transaction is not None and charge.transaction == question.transaction:
                return _yes(charge)
            if charge.state in _RUNNING:
                return _no(TokenStatus.CONCURRENT_TX, "vehicle charges already", charge)
            if charge.by_vehicle and charge.station == question.station and _fits(charge, question):
                waits = charge.state is _S.ANNOUNCED and question.transaction is None
                return _no(TokenStatus.INVALID, "announced already", charge) if waits else _yes(charge)
        return None

    async def _choose(
        self, question: Question, places: Candidates, known: list[Known], took: Mapping[str, float], by: Tick
    ) -> Verdict:
        """Ask all eMSPs that know the vehicle, take the first that allows it, and tell the others (§5.2)."""
        matches = {
            each.partner.id: Match(
                partner=each.partner.id, vehicle=each.vehicle, priority=each.partner.priority,
                took=took.get(each.partner.id, 0.0),
            )
            for each in known
        }  # fmt: skip
        answers = await self._ask_all(question, places, known, by)
        partners = {each.partner.id: each.partner for each in known}
        ranked = order(list(matches.values()))
        yes = next((each for each in ranked if _allows(answers[each.partner])), None)
        _log.info("vehicle known", station=question.station, asked=len(partners), chosen=yes.partner if yes else "")
        if len(ranked) > 1:  # whoever was chosen, and if nobody was: several activations are an anomaly (§1.3)
            self.conflicts.tell(others(ranked, yes.partner if yes else ""))
        if yes is None:
            return self._refusal(answers[ranked[0].partner])
        places = self.places.still(question.station, places, named=question.evse is not None)
        if not places.free:
            return _no(TokenStatus.INVALID, "somebody else came first")
        info = answers[yes.partner]
        assert isinstance(info, AuthorizationInfo)  # noqa: S101  # that is what allows
        places = _narrowed(question.station, places, info)
        if not places.free:
            return _no(TokenStatus.INVALID, "its eMSP allows it at other EVSEs")
        charge = self._charge(
            question, places, partner=yes.partner, owner=yes.vehicle.owner, token_uid=str(yes.vehicle.vid),
            token_type=VEHICLE_TOKEN, contract=ContractId(info.token.contract_id),
            reference=info.authorization_reference, vid=yes.vehicle.vid,
        )  # fmt: skip
        return await self._begin(charge, now=question.transaction is not None)

    async def _begin(self, charge: RoamingCharge, *, now: bool) -> Verdict:
        """Write the yes. Where it is clear which EVSE, the start waits out its delay and is announced there."""
        if now or charge.evse is None or not self.terms.start_delay:
            await self.charges.open(charge)
            return _yes(charge)
        due = charge.at + timedelta(seconds=self.terms.start_delay)
        await self.charges.open(replace(charge, state=_S.ANNOUNCED, starts_at=due))
        return _no(TokenStatus.INVALID, "starts by itself soon", charge)

    async def _ask_all(
        self, question: Question, places: Candidates, known: list[Known], by: Tick
    ) -> dict[str, AuthorizationInfo | Unreachable | PeerRefused | None]:
        by = Tick(min(by, self.clock.tick() + self.terms.authorize_time))
        where = references(question.station, places.free)
        asked = (verdict_of(self.calls, each.partner, each.vehicle.vid, VEHICLE_TOKEN, where, by=by) for each in known)
        return dict(zip((each.partner.id for each in known), await asyncio.gather(*asked), strict=True))

    # ── cards ──

    async def card(self, question: Question) -> Verdict | None:
        """Judge a card or an app's token of an eMSP; None where nobody told us of it."""
        card = await self.tokens.find(question.token.value)
        if card is None:
            return None
        if (again := self._card_again(question, card)) is not None:
            return again
        this = (question.station, question.transaction) if question.transaction else None
        if self.running.token_in_use(question.token.key, but=this):
            return _no(TokenStatus.CONCURRENT_TX, "token charges elsewhere")
        if question.ending:
            return _no(TokenStatus.INVALID, "no charge of this token")
        return await self._judge_card(question, card)

    def _card_again(self, question: Question, card: Card) -> Verdict | None:
        for charge in self.charges.active(question.station):
            if charge.token_uid.casefold() != question.token.key or charge.partner != card.partner.id:
                continue
            if charge.transaction is not None and charge.transaction == question.transaction:
                return _yes(charge)
            if charge.state is _S.AUTHORIZED and charge.expires > self.clock.now() and _fits(charge, question):
                return _yes(charge)
        return None

    async def _judge_card(self, question: Question, card: Card) -> Verdict:
        places = self.places.candidates(question.station, question.evse)
        if answers_here(card.token):
            if not card.token.valid:
                return _no(TokenStatus.BLOCKED, "not valid, says its eMSP")
            return await self._card_charge(question, places, card, "WHITELIST")
        by = Tick(self.clock.tick() + self.terms.authorize_time)
        where = references(question.station, places.free)
        info = await verdict_of(self.calls, card.partner, card.token.uid, card.token.type, where, by=by)
        if _allows(info):
            assert isinstance(info, AuthorizationInfo)  # noqa: S101  # that is what allows
            allowed = _narrowed(question.station, places, info)
            if places.free and not allowed.free:
                return _no(TokenStatus.INVALID, "its eMSP allows it at other EVSEs")
            return await self._card_charge(question, allowed, card, "AUTH_REQUEST", info)
        if isinstance(info, Unreachable) and answers_offline(card.token):
            return await self._card_charge(question, places, card, "WHITELIST")
        return self._refusal(info)

    async def _card_charge(
        self, question: Question, places: Candidates, card: Card, method: str, info: AuthorizationInfo | None = None
    ) -> Verdict:
        charge = self._charge(
            question, places, partner=card.partner.id, owner=card.owner, token_uid=card.token.uid,
            token_type=card.token.type, contract=ContractId((info.token if info else card.token).contract_id),
            method=method, reference=info.authorization_reference if info else None,
        )  # fmt: skip
        await self.charges.open(charge)
        return _yes(charge, expires=None if info else self.clock.now() + CACHE_TIME)

    # ── both ──

    def _charge(self, question: Question, places: Candidates, **what: object) -> RoamingCharge:
        now = self.clock.now()
        fields: dict[str, object] = {"method": "AUTH_REQUEST"} | what
        return RoamingCharge(
            id=self.entropy.id(), state=_S.AUTHORIZED, station=question.station, evse=places.settled,
            candidates=places.free, at=now, expires=now + timedelta(seconds=self.terms.yes_lasts), **fields,  # type: ignore[arg-type]
        )  # fmt: skip

    def _refusal(self, answer: AuthorizationInfo | Unreachable | PeerRefused | None) -> Verdict:
        if answer is None:
            return _no(TokenStatus.INVALID, "its eMSP does not know it")
        if isinstance(answer, AuthorizationInfo):
            return _no(STATUS[answer.verdict], f"its eMSP says {answer.allowed[:20]}")
        return _no(TokenStatus.INVALID, f"its eMSP gave no answer: {type(answer).__name__}")

    def accepted(self, question: Question) -> None:
        """A card was accepted: an automatic start that waits at the same place gives way to it."""
        if question.transaction is None:
            self.starts.overtaken(question.station)


def _allows(answer: object) -> bool:
    return isinstance(answer, AuthorizationInfo) and answer.verdict is Allowed.ALLOWED


def _narrowed(station: StationId, places: Candidates, info: AuthorizationInfo) -> Candidates:
    """Return the EVSEs that the eMSP allows, where it names some (mod_tokens §AuthorizationInfo, location)."""
    if info.location is None or not info.location.evse_uids:
        return places
    named = {uid.casefold() for uid in info.location.evse_uids}
    free = tuple(each for each in places.free if evse_uid(EvsePlace(station, each)).casefold() in named)
    return replace(places, free=free)


def _fits(charge: RoamingCharge, question: Question) -> bool:
    """Whether this may be the start that the yes was given for."""
    if charge.state not in _WAITING:
        return False
    return question.evse is None or charge.evse == question.evse or question.evse in charge.candidates


def _remembered(charge: RoamingCharge) -> IdToken | None:
    return IdToken(charge.vid, TokenKind.MAC_ADDRESS) if charge.by_vehicle and charge.vid else None


def _yes(charge: RoamingCharge, *, expires: datetime | None = None) -> Verdict:
    return Verdict(
        status=TokenStatus.ACCEPTED,
        expires=expires or charge.expires,
        roaming=charge.id,
        token=_remembered(charge),
    )


def _no(status: TokenStatus, reason: str, charge: RoamingCharge | None = None) -> Verdict:
    return Verdict(status=status, reason=reason, token=_remembered(charge) if charge else None)
