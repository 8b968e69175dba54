"""One charge of an eMSP's customer at an operator, from the eMSP's yes to the bill: as a table.

Rules of this file: everything that moves a roaming charge from one state to another stands in
``TABLE``; no other module compares states to decide that. An event that the table does not name
for a state raises :class:`~evouch.errors.LocalError` from :func:`step`; :func:`can` asks before.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from evouch.errors import LocalError
from evouch.ids import ContractId, EvseNumber, PartyId, RemoteStartId, StationId, TransactionId, Vid

__all__ = ["FINAL", "TABLE", "Binding", "ChargeEvent", "ChargeState", "RoamingCharge", "can", "step"]


class ChargeState(StrEnum):
    """Where a roaming charge stands."""

    ANNOUNCED = "announced"  # the eMSP said yes; the start waits out its delay, a card or a code may come first
    AUTHORIZED = "authorized"  # the eMSP said yes; the station has not opened a transaction yet
    STARTING = "starting"  # a remote start was sent
    PENDING = "pending"  # a transaction is open, no energy yet
    ACTIVE = "active"
    COMPLETED = "completed"
    REPLACED = "replaced"  # a card or a code came first
    LAPSED = "lapsed"  # nobody plugged in, or the station never started


class ChargeEvent(StrEnum):
    """What can happen to a roaming charge."""

    ANNOUNCE_OVER = "announce over"
    REPLACE = "replace"
    LAPSE = "lapse"
    TRANSACTION = "transaction"
    ENERGY = "energy"
    END = "end"


_S, _E = ChargeState, ChargeEvent

TABLE: Final[dict[ChargeState, dict[ChargeEvent, ChargeState]]] = {
    _S.ANNOUNCED: {
        _E.ANNOUNCE_OVER: _S.STARTING, _E.REPLACE: _S.REPLACED, _E.LAPSE: _S.LAPSED, _E.TRANSACTION: _S.PENDING,
    },
    _S.AUTHORIZED: {_E.REPLACE: _S.REPLACED, _E.LAPSE: _S.LAPSED, _E.TRANSACTION: _S.PENDING},
    _S.STARTING: {_E.REPLACE: _S.REPLACED, _E.LAPSE: _S.LAPSED, _E.TRANSACTION: _S.PENDING},
    _S.PENDING: {_E.ENERGY: _S.ACTIVE, _E.END: _S.COMPLETED},
    _S.ACTIVE: {_E.ENERGY: _S.ACTIVE, _E.END: _S.COMPLETED},
    _S.COMPLETED: {},
    _S.REPLACED: {},
    _S.LAPSED: {},
}  # fmt: skip

#: States that nothing leaves.
FINAL: Final = frozenset(state for state, events in TABLE.items() if not events)


class Binding(StrEnum):
    """What became of telling the eMSP which vehicle its customer charges (POST vehicles)."""

    NONE = "none"
    WAITING = "waiting"
    DONE = "done"
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoamingCharge:
    """``id`` is the OCPI session id: 128 random bits. ``token_uid`` is a card's uid or a VID, never an address."""

    id: str
    #: local name of the partner (``ocpi.partner.Partner.id``)
    partner: str
    #: the party that owns the token
    owner: PartyId
    token_uid: str
    #: TokenType as OCPI spells it
    token_type: str
    contract: ContractId
    #: AuthMethod: AUTH_REQUEST, COMMAND or WHITELIST
    method: str
    reference: str | None = None
    state: ChargeState
    station: StationId
    #: None while several EVSEs qualify (docs/decisions/050)
    evse: EvseNumber | None = None
    connector: int | None = None
    #: EVSEs that the eMSP was told of
    candidates: tuple[EvseNumber, ...] = ()
    at: datetime
    #: until when the eMSP's yes may be used
    expires: datetime
    #: when a delayed start is due
    starts_at: datetime | None = None
    #: what a remote start says to the station; empty where the station brought its own token
    ocpp_token: str = ""
    remote_start: RemoteStartId | None = None
    transaction: TransactionId | None = None
    #: the vehicle at this eMSP, where the operator knows it
    vid: Vid | None = None
    binding: Binding = Binding.NONE
    #: response_url of the command that asked for this charge, while its result is owed
    result_url: str = ""

    @property
    def by_vehicle(self) -> bool:
        """Whether the vehicle itself is the token."""
        return self.vid is not None and self.token_uid == self.vid


def can(state: ChargeState, event: ChargeEvent) -> bool:
    """Return whether the table names ``event`` for ``state``."""
    return event in TABLE[state]


def step(state: ChargeState, event: ChargeEvent) -> ChargeState:
    """Return the next state; raise LocalError where the table names none."""
    try:
        return TABLE[state][event]
    except KeyError:
        msg = f"a roaming charge that is {state} cannot {event}"
        raise LocalError(msg) from None
