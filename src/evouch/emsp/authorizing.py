"""Real-time authorisation: cards by their contract, vehicles by their contract and the context (§4.6, §5.2, §5.3).

For a vehicle, in this order:

1. A VID that is not known: 404 with 2004.
2. One whose driver has not granted, or that was revoked: BLOCKED, and the token is not valid.
3. No place is named: 2002. Without one nothing can be checked.
4. The contract and the checks, as ``autocharge.deciding`` says. A VID alone never authorises.
5. Each verdict is written down before it is said, with what each check found and a distance in
   steps of 5 km. Where the driver may still say yes himself, his phone asks him.

Operators are told ``whitelist: NEVER`` (§7.4): none of them may remember a yes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from evouch.autocharge.checks import Case, Check
from evouch.autocharge.deciding import ContractCheck, Verdict, decide
from evouch.charging.tokens import Allowed
from evouch.charging.vehicles import Vehicle
from evouch.emsp.book import Book
from evouch.emsp.contexts import Contexts, coarse
from evouch.emsp.drivers import Drivers, standing
from evouch.emsp.keys import Keys
from evouch.emsp.notices import Notices
from evouch.emsp.tokens import Tokens
from evouch.emsp.words import text
from evouch.ids import ContractId, Vid, parse_vid
from evouch.ocpi.model import AuthorizationInfo, DisplayText, LocationReferences
from evouch.ocpi.partner import Partner
from evouch.ocpi.ports import OcpiRefusal
from evouch.store.ports import Add, Change, Put
from evouch.store.records_roaming import Decision, Driver, NoticeState

__all__ = ["Authorizing"]

_UNKNOWN: Final = 2004
_NOT_ENOUGH: Final = 2002
#: What is answered for a revoked vehicle where the partner takes the source at its word (§5.3).
_INVALID: Final = "INVALID"


@dataclass(slots=True)
class Authorizing:
    """Says whether a token may charge, now and there."""

    book: Book
    drivers: Drivers
    tokens: Tokens
    contexts: Contexts
    notices: Notices
    keys: Keys
    checks: Sequence[Check]

    # ── cards and apps ──

    async def card(self, partner: Partner, uid: str, type: str, where: LocationReferences | None) -> AuthorizationInfo:
        """Return the verdict on a driver's token; OcpiRefusal 2004 (404) where it is not known."""
        token = await self.book.store.driver_token(uid.casefold())
        if token is None or token.type != type:
            raise _unknown()
        driver = await self.book.store.driver(token.driver)
        if driver is None or not token.valid:
            allowed = Allowed.BLOCKED
        else:
            allowed, _ = ContractCheck().judge(standing(driver), self.book.clock.now())
        reference = self.book.entropy.id() if allowed is Allowed.ALLOWED else None
        return AuthorizationInfo(
            allowed=allowed, token=self.tokens.card(token, driver), location=where, authorization_reference=reference,
            info=None if reference or driver is None else text("contract", driver.language),
        )  # fmt: skip

    # ── vehicles ──

    async def vehicle(self, partner: Partner, uid: str, where: LocationReferences | None) -> AuthorizationInfo:
        """Return the verdict on a vehicle; OcpiRefusal 2004 (404) or 2002 as the rules above say."""
        vid = _vid(uid)
        async with self.book.turns.of(("vehicle", vid)):
            vehicle = await self.book.store.vehicle(self.book.terms.party, vid)
            if vehicle is None:
                raise _unknown()
            driver = await self.book.store.driver_of(vehicle.contract)
            if driver is None or not vehicle.granted or await self._outlived(vid):
                return await self._inactive(partner, vehicle, driver)
            if where is None:
                raise OcpiRefusal(_NOT_ENOUGH, "a vehicle is authorised for a place: LocationReferences are missing")
            return await self._judged(partner, vehicle, driver, where)

    async def _outlived(self, vid: Vid) -> bool:
        """Return whether the key that made a VID is retired: its revocation may be under way."""
        enrolment = await self.book.store.enrolment(vid)
        return enrolment is None or enrolment.key in self.keys.retired(self.book.clock.now())

    async def _inactive(self, partner: Partner, vehicle: Vehicle, driver: Driver | None) -> AuthorizationInfo:
        decision = self._decision(partner, vehicle.vid, vehicle.contract, Allowed.BLOCKED, "not granted")
        await self.book.store.commit(Add(decision))
        language = driver.language if driver else self.book.terms.language
        return AuthorizationInfo(
            allowed=_INVALID if partner.quirks.says_invalid else Allowed.BLOCKED,
            token=self.tokens.of_vehicle(vehicle, driver, valid=False), info=text("inactive", language),
        )  # fmt: skip

    async def _judged(
        self, partner: Partner, vehicle: Vehicle, driver: Driver, where: LocationReferences
    ) -> AuthorizationInfo:  # fmt: skip
        case = await self.contexts.case(partner, vehicle, driver, where)
        verdict = decide(case, self.checks, standing(driver, vehicle.status))
        decision = self._recorded(partner, case, verdict)
        asked = await self._asked(driver, case, decision, where) if verdict.confirm else []
        await self.book.store.commit(Add(decision), *asked)
        yes = verdict.allowed is Allowed.ALLOWED
        valid = verdict.allowed in {Allowed.ALLOWED, Allowed.NOT_ALLOWED}
        return AuthorizationInfo(
            allowed=verdict.allowed, location=where, token=self.tokens.of_vehicle(vehicle, driver, valid=valid),
            authorization_reference=decision.reference if yes else None,
            info=None if yes else self._info(verdict, driver),
        )  # fmt: skip

    async def _asked(
        self, driver: Driver, case: Case, decision: Decision, where: LocationReferences
    ) -> list[Change]:  # fmt: skip
        """Return the question for the driver's phone. One at a time for a vehicle: the latest place counts."""
        older = await self.notices.about(driver.id, "confirm", case.vid)
        data = {"location": where.location_id, "evses": " ".join(where.evse_uids), "reference": decision.reference}
        question = self.notices.new(
            driver.id, "confirm", vid=case.vid, partner=case.partner, lasts=self.book.terms.confirm_lasts,
            data=data | {"reason": decision.reason[:255]},
        )  # fmt: skip
        return [*(Put(replace(each, state=NoticeState.EXPIRED)) for each in older), Put(question)]

    def _recorded(self, partner: Partner, case: Case, verdict: Verdict) -> Decision:
        decision = self._decision(partner, case.vid, case.contract, verdict.allowed, verdict.reason)
        findings = {each.check: f"{each.outcome}: {each.reason}" for each in verdict.findings}
        return replace(decision, findings=findings, location=case.location, evses=case.evses, distance_km=coarse(case))

    def _decision(
        self, partner: Partner, vid: Vid, contract: ContractId, allowed: Allowed, reason: str
    ) -> Decision:  # fmt: skip
        return Decision(
            id=self.book.entropy.id(), at=self.book.clock.now(), partner=partner.id, vid=vid, contract=contract,
            allowed=allowed, reason=reason, reference=self.book.entropy.id(),
        )  # fmt: skip

    @staticmethod
    def _info(verdict: Verdict, driver: Driver) -> DisplayText:
        if verdict.allowed is not Allowed.NOT_ALLOWED:
            return text("contract", driver.language)
        return text("confirm" if verdict.confirm else "notAllowed", driver.language)


def _vid(uid: str) -> Vid:
    try:
        return parse_vid(uid)
    except ValueError:
        raise _unknown() from None


def _unknown() -> OcpiRefusal:
    return OcpiRefusal(_UNKNOWN, "unknown token", http=404)
