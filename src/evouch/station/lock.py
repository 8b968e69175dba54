"""The web payment lock of one EVSE: pure.

Rules (OCPP 2.1 use case C25; "Secure Dynamic QR-Codes for OCPP", NotifyWebPaymentStarted):

- A timeout of 1 to 300 s locks the EVSE against local start and reservation for exactly
  that long, on the monotonic clock. Another one extends or shortens it.
- A timeout of 0 releases a lock that is held. Without one it is the error that the
  source's table names, like every other value.
- On an EVSE that is already in a transaction there is nothing to lock: 2.1 has no word for
  that and answers ``{}``, the DataTransfer forms are rejected as ``evseOccupied``.
- The lock is no state of the connector: nothing is reported while it is held.
"""

from dataclasses import dataclass
from typing import Final

from evouch.charging.dialogue import LockAnswer, LockOutcome, WebPaymentFailed, WebPaymentStarted
from evouch.clock import Tick

__all__ = ["LONGEST", "Lock", "Scene", "Verdict", "judge", "judge_failure"]

#: "timeout ... must be > 0 and <= 300 seconds" (source paper, request error handling).
LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that is held until ``until``, not including it."""

    until: Tick

    def held(self, at: Tick) -> bool:
        """Return whether it still holds."""
        return at < self.until


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to answer, and the lock from now on."""

    answer: LockAnswer
    lock: Lock | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a request for a lock is judged by."""

    connectors: tuple[int, ...] | None
    held: Lock | None
    busy: bool
    native: bool
    at: Tick


def judge(order: WebPaymentStarted, scene: Scene) -> Verdict:
    """Return the answer to a well-formed NotifyWebPaymentStarted, and the lock after it."""
    held = scene.held if scene.held and scene.held.held(scene.at) else None
    if refusal := _misplaced(order.evse, order.connector, scene.connectors):
        return Verdict(refusal, held)
    if order.timeout == 0 and held:
        return Verdict(LockAnswer(LockOutcome.TAKEN), None)
    if not 1 <= order.timeout <= LONGEST:
        return Verdict(_rejected("invalidTimeout", "Invalid 'timeout' value!"), held)
    if scene.busy:
        return Verdict(_occupied(native=scene.native), None)
    return Verdict(LockAnswer(LockOutcome.TAKEN), Lock(Tick(scene.at + order.timeout)))


def judge_failure(order: WebPaymentFailed, scene: Scene) -> Verdict:
    """Return the answer to NotifyWebPaymentFailed: it releases, whether or not a lock was held."""
    if refusal := _misplaced(order.evse, order.connector, scene.connectors):
        return Verdict(refusal, scene.held)
    return Verdict(LockAnswer(LockOutcome.TAKEN), None)


def _misplaced(evse: int, connector: int | None, connectors: tuple[int, ...] | None) -> LockAnswer | None:
    """Return the refusal of an EVSE that this station does not have, or of a connector that is not the EVSE's."""
    if connectors is not None and (connector is None or connector in connectors):
        return None
    if evse <= 0 and connector is not None:
        return _rejected("invalidConnectorId", "Invalid 'connectorId' value!")
    return _rejected("invalidEvseId", "Invalid 'evseId' value!")


def _occupied(*, native: bool) -> LockAnswer:
    if native:
        return LockAnswer(LockOutcome.TAKEN)
    return _rejected("evseOccupied", "A transaction is already running on this EVSE.")


def _rejected(reason: str, info: str) -> LockAnswer:
    return LockAnswer(LockOutcome.REJECTED, reason, info)
