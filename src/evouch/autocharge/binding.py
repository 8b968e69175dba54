"""Whether a vehicle may be bound to a customer because of one charge: the eMSP's side of POST vehicles (§5.1).

The operator says: this vehicle charged in that session, which this token started. Facts in,
verdict out. In this order:

1. the token is known, and it is one that may charge;
2. the session is known and the caller's own; one that is not here yet may still be on its way;
3. it was not bound before; the same vehicle again is the same answer again;
4. it began under the key in use: a VID of a former key would never be heard again;
5. it was started by this very token, not by a vehicle: a VID must not vouch for another VID;
6. it is ACTIVE, or ended a short while ago; one that is PENDING may still become so.

Another contract's vehicle is not moved: the old record stays and both drivers are asked
(docs/decisions/052).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from evouch.charging.vehicles import Vehicle
from evouch.ids import ContractId, Vid

__all__ = [
    "ACCEPTED",
    "NOT_YET",
    "WINDOW",
    "BindingCase",
    "BindingVerdict",
    "BoundSession",
    "BoundToken",
    "Effect",
    "Outcome",
    "judge",
]

#: How long after its end a session may still bind a vehicle.
WINDOW: Final = timedelta(hours=24)
#: OCPI status codes: success, invalid parameters, unknown token, and ours for "the session is not here yet, try again".
ACCEPTED: Final = 1000
_INVALID: Final = 2001
_UNKNOWN_TOKEN: Final = 2004
NOT_YET: Final = 2901


class Outcome(StrEnum):
    """What to answer."""

    ACCEPT = "accept"
    RETRY = "retry"
    REFUSE = "refuse"


class Effect(StrEnum):
    """What an accepted binding does to the record of the vehicle."""

    NONE = "none"
    #: there is no record yet
    NEW = "new"
    #: a record of this contract: nothing changes
    REPEAT = "repeat"
    #: a record of another contract: it stays, and both drivers are asked
    RIVAL = "rival"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundToken:
    """A card or an app's token of ours."""

    contract: ContractId
    valid: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundSession:
    """A session as its operator told it. ``status`` is OCPI's word."""

    partner: str
    status: str
    token_uid: str
    #: whether a vehicle was its token
    by_vehicle: bool = False
    started_at: datetime | None = None
    ended_at: datetime | None = None
    #: the vehicle that it has bound already
    bound: Vid | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingCase:
    """One request, and what is known. ``caller`` is our local name of the operator."""

    at: datetime
    caller: str
    vid: Vid
    token_uid: str
    token: BoundToken | None
    session: BoundSession | None
    #: what is stored of this VID
    vehicle: Vehicle | None = None
    window: timedelta = WINDOW
    #: charges that began before this may name vehicles as a former key did (docs/decisions/063); None: there is none
    key_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingVerdict:
    """``code`` is the OCPI status code, ``message`` the sentence beside it."""

    outcome: Outcome
    code: int = ACCEPTED
    message: str = ""
    effect: Effect = Effect.NONE

    @property
    def accepted(self) -> bool:
        """Whether the vehicle is the customer's, as far as this charge shows."""
        return self.outcome is Outcome.ACCEPT


def judge(case: BindingCase) -> BindingVerdict:
    """Return what to answer."""
    token, session = case.token, case.session
    if token is None:
        return _refuse("unknown token", _UNKNOWN_TOKEN)
    if not token.valid:
        return _refuse("the token is not valid")
    if session is None or session.partner != case.caller:
        return _later("unknown session: send it first, then try again")
    if session.bound is not None and session.bound != case.vid:
        return _refuse("this session has bound another vehicle")
    return (None if session.bound else _objection(case, session)) or _accept(case, token)


def _objection(case: BindingCase, session: BoundSession) -> BindingVerdict | None:
    """Return what is wrong with a session that has bound nothing yet."""
    if session.by_vehicle:
        return _refuse("this session was started by a vehicle")
    if case.key_since is not None and (session.started_at is None or session.started_at < case.key_since):
        return _refuse("the key has changed since: the vehicle can be bound at its next charge")
    if session.token_uid.casefold() != case.token_uid.casefold():
        return _refuse("this session was started with another token")
    if session.status == "PENDING":
        return _later("this session has not begun: try again when it is ACTIVE")
    if session.status not in {"ACTIVE", "COMPLETED"}:
        return _refuse(f"a session that is {session.status[:20]} binds nothing")
    if session.status == "COMPLETED" and (session.ended_at is None or case.at - session.ended_at > case.window):
        return _refuse("this session ended too long ago")
    return None


def _accept(case: BindingCase, token: BoundToken) -> BindingVerdict:
    if case.vehicle is None:
        return BindingVerdict(outcome=Outcome.ACCEPT, effect=Effect.NEW)
    same = case.vehicle.contract == token.contract
    return BindingVerdict(outcome=Outcome.ACCEPT, effect=Effect.REPEAT if same else Effect.RIVAL)


def _refuse(message: str, code: int = _INVALID) -> BindingVerdict:
    return BindingVerdict(outcome=Outcome.REFUSE, code=code, message=message)


def _later(message: str) -> BindingVerdict:
    return BindingVerdict(outcome=Outcome.RETRY, code=NOT_YET, message=message)
