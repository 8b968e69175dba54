"""Objects from documents and back, for both versions: read permissively, write strictly.

Read: a null member is an absent one, members that nobody has documented are passed over (2.3.0
transport §JSON), open lists are text, a time without a zone is UTC, and a few lengths are those
of the longest edition. What still does not fit is ``PeerFault("2001", …)``, with the member
that is wrong. Written are times of 24 characters with ``Z`` (25 are allowed), Decimals that stay
numbers, and nothing that is empty.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from evouch.charging.vehicles import AutoChargeStatus
from evouch.errors import PeerFault
from evouch.ids import parse_vid
from evouch.ocpi import v221
from evouch.ocpi.model import (
    VEHICLE_TOKEN,
    AuthorizationInfo,
    Cdr,
    CdrToken,
    ConflictNotice,
    RegisterVehicle,
    ReserveNow,
    Session,
    StartSession,
    Token,
    VehicleObject,
    Wire,
)
from evouch.ocpi.partner import V221, V230
from evouch.units import format_time

__all__ = ["MOST_UID", "check_uid", "merge", "read", "read_time", "write"]

W = TypeVar("W", bound=Wire)
Document = dict[str, Any]

#: Status code of a request with a member that is wrong or missing (status_codes §2xxx).
INVALID: Final = "2001"
#: CiString(36) of a token's uid, and the 64 hex digits of a vehicle's (docs/decisions/062).
MOST_UID: Final = 36
MOST_VID: Final = 64
#: Free-form members: what is in them is passed on as it came, nulls too.
FREE: Final = frozenset({"customData", "errorMessage", "error_message"})


def read(document: Any, kind: type[W], version: str = V230) -> W:
    """Return a decoded document of ``version`` as ``kind``; raise PeerFault 2001 with the member that is wrong."""
    plain = _without_nulls(document)
    if version == V221:
        plain = v221.lift(plain)
    try:
        found = msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        raise _fault(str(error)) from None
    except OverflowError:
        raise PeerFault(INVALID, "a time that is out of range") from None
    check = _CHECKS.get(kind)
    return check(found) if check else found


def write(struct: Wire | tuple[Wire, ...], version: str = V230) -> Any:
    """Return an object, or several, as plain values for ``wire.encode``, in the shape of ``version``."""
    document = _plain(msgspec.to_builtins(struct, builtin_types=(Decimal, datetime)))
    return v221.lower(document) if version == V221 else document


def merge(struct: W, patch: Document, version: str = V230) -> W:
    """Return the object with the members of ``patch`` (PATCH) in the place of its own; null takes a member away.

    A member is replaced as a whole; only a Session's charging periods are added to those it has
    (mod_sessions §PATCH). Raises PeerFault 2001 where the outcome is no such object, or the patch has
    no ``last_updated``.
    """
    if patch.get("last_updated") is None:
        raise PeerFault(INVALID, "last_updated: a PATCH has one", {"member": "last_updated"})
    document = write(struct)
    whole = document | patch
    if isinstance(struct, Session) and isinstance(more := patch.get("charging_periods"), list):
        whole["charging_periods"] = [*document.get("charging_periods", ()), *more]
    return read(whole, type(struct), version)


def read_time(text: str) -> datetime:
    """Return a time of a query: RFC 3339, UTC where no zone is said. PeerFault 2001 where it is none.

    A plus that nobody escaped arrives as a space: it is taken for the plus that it was.
    """
    try:
        moment = datetime.fromisoformat(text[:19] + text[19:].replace(" ", "+"))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise PeerFault(INVALID, "not a time") from None


def check_uid(uid: str, kind: str) -> None:
    """Raise PeerFault 2001 where a token's uid is longer than its type allows."""
    most = MOST_VID if kind == VEHICLE_TOKEN else MOST_UID
    if len(uid) > most:
        raise PeerFault(INVALID, f"uid: at most {most} characters for this type", {"member": "uid"})


# ── what a type does not say ────────────────────────────────────────────────────────────


def _checked_token(holder: Any) -> Any:
    token = holder if isinstance(holder, Token | CdrToken) else getattr(holder, "cdr_token", None) or holder.token
    check_uid(token.uid, token.type)
    return holder


def _known_vid(holder: Any) -> Any:
    """Return it with its VID in lower case: compared without regard to case, it is kept in one."""
    try:
        return msgspec.structs.replace(holder, vehicle_id=parse_vid(holder.vehicle_id))
    except ValueError as error:
        raise PeerFault(INVALID, f"vehicle_id: {error}", {"member": "vehicle_id"}) from None


def _whole_vehicle(vehicle: VehicleObject) -> VehicleObject:
    """Fill in what the samples of the source leave out: the status, and the greatest of the dates."""
    status = vehicle.auto_charge_status or AutoChargeStatus.REVOKED.value
    if status not in set(AutoChargeStatus):
        raise PeerFault(INVALID, "auto_charge_status: not one of the list", {"member": "auto_charge_status"})
    dates = (vehicle.date_created, vehicle.date_authorized, vehicle.date_revoked)
    latest = vehicle.last_updated or max(each for each in dates if each is not None)
    whole: VehicleObject = _known_vid(vehicle)
    return msgspec.structs.replace(whole, auto_charge_status=status, last_updated=latest)


_CHECKS: Final[dict[type[Any], Callable[[Any], Any]]] = {
    **dict.fromkeys((Token, CdrToken, AuthorizationInfo, Session, Cdr, StartSession, ReserveNow), _checked_token),
    **dict.fromkeys((RegisterVehicle, ConflictNotice), _known_vid),
    VehicleObject: _whole_vehicle,
}


# ── plain values ────────────────────────────────────────────────────────────────────────


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        kept = ((name, each) for name, each in value.items() if each is not None)
        return {name: each if name in FREE else _without_nulls(each) for name, each in kept}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, dict):
        return {name: each if name in FREE else _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _fault(message: str) -> PeerFault:
    """Return msgspec's words with the member in front: ``Expected …, got … - at `$.a.b``` → ``a.b: expected …``."""
    problem, _, path = message.partition(" - at `$")
    member = path.rstrip("`").lstrip(".")
    return PeerFault(INVALID, f"{member}: {problem}" if member else problem, {"member": member})
