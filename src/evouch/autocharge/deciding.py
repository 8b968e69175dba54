"""Whether a vehicle may charge: its contract, its driver's word, and what the checks found (§4.6, §5.2).

1. The driver has not granted: BLOCKED. Neither has he if his contract is blocked.
2. The contract is over: EXPIRED. There is no money: NO_CREDIT.
3. A check failed: NOT_ALLOWED.
4. No check that suffices has passed: NOT_ALLOWED. A VID names a vehicle and proves nothing,
   and neither does a contract that is in order.
5. ALLOWED.

After 3 and 4 the driver is asked on his phone, but for a check that says he must not be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from evouch.autocharge.checks import Case, Check, Finding, Outcome
from evouch.charging.tokens import Allowed
from evouch.charging.vehicles import AutoChargeStatus
from evouch.units import Money

__all__ = ["ContractCheck", "Standing", "Verdict", "decide"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of the contract and of the driver's word, wherever the vehicle may be."""

    status: AutoChargeStatus
    blocked: bool = False
    #: None is without end
    valid_until: datetime | None = None
    #: None: postpaid
    credit: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """``reason`` is for the operator's log. ``confirm``: ask the driver on his phone, and start when he says yes."""

    allowed: Allowed
    reason: str
    findings: tuple[Finding, ...] = ()
    confirm: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractCheck:
    """Whether the customer may charge at all. It is no context: its pass lets nobody start."""

    name: ClassVar[str] = "contract"
    #: prepaid customers with this much or less have no credit
    least_credit: Decimal = Decimal(0)

    def judge(self, standing: Standing, at: datetime) -> tuple[Allowed, Finding]:
        """Return ALLOWED as far as the contract goes, or what it forbids."""
        if standing.status is not AutoChargeStatus.GRANTED:
            return self._no(Allowed.BLOCKED, "the driver has not granted it")
        if standing.blocked:
            return self._no(Allowed.BLOCKED, "the contract is blocked")
        if standing.valid_until is not None and at >= standing.valid_until:
            return self._no(Allowed.EXPIRED, "the contract is over")
        if standing.credit is not None and standing.credit.amount <= self.least_credit:
            return self._no(Allowed.NO_CREDIT, "there is no credit")
        return Allowed.ALLOWED, Finding(check=self.name, outcome=Outcome.PASS, reason="granted, contract in order")

    def _no(self, allowed: Allowed, reason: str) -> tuple[Allowed, Finding]:
        return allowed, Finding(check=self.name, outcome=Outcome.FAIL, reason=reason)


def decide(
    case: Case, checks: Sequence[Check], standing: Standing, *, contract: ContractCheck | None = None
) -> Verdict:
    """Return whether the vehicle may charge (docs/decisions/054)."""
    allowed, first = (contract or ContractCheck()).judge(standing, case.at)
    if allowed is not Allowed.ALLOWED:
        return Verdict(allowed=allowed, reason=first.reason, findings=(first,))
    judged = [(each, each.judge(case)) for each in checks]
    findings = (first, *(found for _, found in judged))
    if failed := [(check, found) for check, found in judged if found.outcome is Outcome.FAIL]:
        reason = "; ".join(f"{found.check}: {found.reason}" for _, found in failed)
        return _refused(reason, findings, confirm=all(check.asks for check, _ in failed))
    vouching = [found for check, found in judged if check.suffices and found.outcome is Outcome.PASS]
    if not vouching:
        return _refused("nothing but its address speaks for the vehicle", findings, confirm=True)
    reason = "; ".join(f"{each.check}: {each.reason}" for each in vouching)
    return Verdict(allowed=Allowed.ALLOWED, reason=reason, findings=findings)


def _refused(reason: str, findings: tuple[Finding, ...], *, confirm: bool) -> Verdict:
    return Verdict(allowed=Allowed.NOT_ALLOWED, reason=reason, findings=findings, confirm=confirm)
