"""What a station answers to each order of the backend.

One function per order, in one table. An answer is given at once; what follows from it (a
transaction event, a status, a reboot) is said after it, because it goes through the queue.
Status words are those of the versions: OCPP 1.6 §7 and 2.x part 2 §3.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from evouch.charging.dialogue import (
    AnnounceStart,
    CancelReservation,
    ChangeAvailability,
    ClearCache,
    Configure,
    CostSoFar,
    DataAnswer,
    DataStatus,
    IdentityProof,
    LockAnswer,
    LockOutcome,
    Order,
    ProveIdentity,
    ReadSettings,
    ReportSettings,
    Reserve,
    Reset,
    SendData,
    SettingResult,
    SettingStatus,
    StartAnswer,
    StartCharging,
    StopCharging,
    Trigger,
    Unlock,
    WebPaymentFailed,
    WebPaymentStarted,
    Yes,
)
from evouch.errors import PeerFault
from evouch.ids import EvseNumber
from evouch.station import lock as locks
from evouch.station.bay import Bay
from evouch.station.lock import Scene
from evouch.station.machine import Cause, Event, Phase, Reservation, Signal, can
from evouch.station.spec import V21, Quirk
from evouch.station.triggers import addressed, trigger

if TYPE_CHECKING:
    from evouch.station.app import Simulator

__all__ = ["obey"]

ACCEPTED: Final = Yes(accepted=True, status="Accepted")
REJECTED: Final = Yes(accepted=False, status="Rejected")
SCHEDULED: Final = Yes(accepted=True, status="Scheduled")


def obey(station: "Simulator", order: Order[Any]) -> Any:
    """Return the answer to ``order``. Raises PeerFault NotSupported for what this firmware cannot do."""
    handler = _HANDLERS.get(type(order))
    if handler is None:
        raise PeerFault("NotSupported", f"{type(order).__name__} is not handled by this station")
    return handler(station, order)


# ── charging ────────────────────────────────────────────────────────────────────────────


def _start(station: "Simulator", order: StartCharging) -> StartAnswer:
    bay = station.bays.get(order.evse)
    if bay is None or not station.accepted:
        return StartAnswer(accepted=False, reason="UnknownEvse" if bay is None else "NotAccepted")
    if order.connector is not None and order.connector not in bay.spec.connectors:
        return StartAnswer(accepted=False, reason="UnknownConnector")
    return bay.start(order)


def _stop(station: "Simulator", order: StopCharging) -> Yes:
    handle = station.queue.handle(order.transaction)
    for bay in station.bays.values():
        session = bay.state.session
        if session is not None and session.handle == handle:
            if not bay.state.busy:
                return REJECTED
            bay.stop(Cause.REMOTE)
            return ACCEPTED
    return REJECTED


def _cost(station: "Simulator", order: CostSoFar) -> Yes:
    handle = station.queue.handle(order.transaction)
    for bay in station.bays.values():
        if handle is not None and bay.charge is not None and bay.charge.handle == handle:
            bay.costs(order.cost)
            return ACCEPTED
    return REJECTED


# ── web payment ─────────────────────────────────────────────────────────────────────────


def _payment_started(station: "Simulator", order: WebPaymentStarted) -> LockAnswer:
    if Quirk.NO_PAYMENT_NOTICE in station.spec.quirks:
        return LockAnswer(LockOutcome.UNKNOWN)
    bay = station.bays.get(order.evse)
    return bay.payment_started(order) if bay else locks.judge(order, _nowhere(station)).answer


def _payment_failed(station: "Simulator", order: WebPaymentFailed) -> LockAnswer:
    if Quirk.NO_PAYMENT_NOTICE in station.spec.quirks:
        return LockAnswer(LockOutcome.UNKNOWN)
    bay = station.bays.get(order.evse)
    return bay.payment_failed(order) if bay else locks.judge_failure(order, _nowhere(station)).answer


def _nowhere(station: "Simulator") -> Scene:
    native = station.spec.version == V21
    return Scene(connectors=None, held=None, busy=False, native=native, at=station.clock.tick())


def _announce(station: "Simulator", order: AnnounceStart) -> Yes:
    bay = station.bays.get(order.evse)
    return bay.car.announce(order) if bay else REJECTED


# ── settings ────────────────────────────────────────────────────────────────────────────


def _configure(station: "Simulator", order: Configure) -> tuple[SettingResult, ...]:
    results = station.configuration.configure(order.settings)
    done = {result.setting.variable.casefold() for result in results if result.status is SettingStatus.ACCEPTED}
    if "heartbeatinterval" in done:
        station.uplink.beat_again()
    if done & {"authorizationkey", "basicauthpassword"}:
        station.use_password()
    station.changed()
    return results


def _read(station: "Simulator", order: ReadSettings) -> tuple[SettingResult, ...]:
    return station.configuration.read(order.settings)


def _report(station: "Simulator", order: ReportSettings) -> Yes:
    if order.base not in {"FullInventory", "ConfigurationInventory"}:
        return Yes(accepted=False, status="NotSupported")
    at, writable_only = station.time.now(), order.base != "FullInventory"
    for page in station.configuration.report(order.request, at, writable_only=writable_only):
        station.tell(page, asked=True)
    return ACCEPTED


# ── equipment ───────────────────────────────────────────────────────────────────────────


def _reset(station: "Simulator", order: Reset) -> Yes:
    if order.evse is not None:
        return _reset_evse(station, order)
    busy = any(bay.state.busy for bay in station.bays.values())
    if station.spec.modern and not order.hard and busy:
        station.restart_when_idle()
        return SCHEDULED
    station.restart(Cause.HARD_RESET if order.hard else Cause.SOFT_RESET)
    return ACCEPTED


def _reset_evse(station: "Simulator", order: Reset) -> Yes:
    bay = station.bays.get(EvseNumber(order.evse or 0))
    if bay is None:
        return REJECTED
    if bay.state.busy and not order.hard:
        # An EVSE that has come to rest has nothing left that a reset could clear.
        return SCHEDULED
    station.soon(lambda: _restart_evse(bay))
    return ACCEPTED


def _restart_evse(bay: Bay) -> None:
    bay.stop(Cause.HARD_RESET)
    bay.reboot()


def _availability(station: "Simulator", order: ChangeAvailability) -> Yes:
    bays = addressed(station, order.evse)
    if not bays or (order.connector and order.connector not in bays[0].spec.connectors):
        return REJECTED
    busy = any(bay.state.busy for bay in bays) and not order.operative
    signal = Signal.OPEN_UP if order.operative else Signal.CLOSE_DOWN
    for bay in bays:
        bay.happen(Event(signal=signal))
    if not order.evse:
        station.report_whole()
    return SCHEDULED if busy else ACCEPTED


def _unlock(station: "Simulator", order: Unlock) -> Yes:
    bay = station.bays.get(order.evse)
    if bay is None or order.connector not in bay.spec.connectors:
        return Yes(accepted=False, status="UnknownConnector" if station.spec.modern else "NotSupported")
    if station.spec.modern and bay.state.busy:
        return Yes(accepted=False, status="OngoingAuthorizedTransaction")
    if bay.state.busy:
        station.soon(lambda: bay.stop(Cause.UNLOCK))
    return Yes(accepted=True, status="Unlocked")


def _clear_cache(station: "Simulator", order: ClearCache) -> Yes:
    # This station asks about every token, so its cache is always empty.
    del station, order
    return ACCEPTED


# ── reservations ────────────────────────────────────────────────────────────────────────


def _reserve(station: "Simulator", order: Reserve) -> Yes:
    bay = station.bays.get(order.evse)
    if bay is None or order.expires <= station.time.now():
        return REJECTED
    own = bay.reserved == order.id
    if bay.locked or not (own or can(bay.state, Signal.RESERVE)):
        return Yes(accepted=False, status=_why_not(bay))
    reservation = Reservation(order.id, order.token, order.expires)
    if own:
        bay.state = replace(bay.state, reservation=reservation)
    else:
        station.forget_reservation(order.id)  # one id, one reservation: the new one replaces the old (2.x H01.FR.02)
        bay.happen(Event(signal=Signal.RESERVE, reservation=reservation))
    station.forget_reservation_at(order.id, order.expires)
    return ACCEPTED


def _why_not(bay: Bay) -> str:
    if not bay.locked and bay.state.phase is Phase.FAULTED:
        return "Faulted"
    return "Unavailable" if not bay.locked and bay.state.phase is Phase.UNAVAILABLE else "Occupied"


def _cancel(station: "Simulator", order: CancelReservation) -> Yes:
    return ACCEPTED if station.forget_reservation(order.id) else REJECTED


# ── identity ────────────────────────────────────────────────────────────────────────────


def _prove(station: "Simulator", order: ProveIdentity) -> Awaitable[IdentityProof]:
    if station.proving is None:
        raise PeerFault("NotImplemented", "this firmware never heard of such a message")
    line = station.uplink.line
    return station.proving.answer(order, wanted=lambda: station.uplink.line is line)


# ── everything else ─────────────────────────────────────────────────────────────────────


def _send_data(station: "Simulator", order: SendData) -> DataAnswer:
    # The vendors that this firmware knows are claimed by the translator before it gets here.
    del station, order
    return DataAnswer(DataStatus.UNKNOWN_VENDOR)


_HANDLERS: Final[Mapping[type, Callable[["Simulator", Any], Any]]] = {
    AnnounceStart: _announce,
    StartCharging: _start,
    StopCharging: _stop,
    CostSoFar: _cost,
    WebPaymentStarted: _payment_started,
    WebPaymentFailed: _payment_failed,
    Configure: _configure,
    ReadSettings: _read,
    ReportSettings: _report,
    Reset: _reset,
    ChangeAvailability: _availability,
    Unlock: _unlock,
    ClearCache: _clear_cache,
    Reserve: _reserve,
    CancelReservation: _cancel,
    Trigger: trigger,
    SendData: _send_data,
    ProveIdentity: _prove,
}
