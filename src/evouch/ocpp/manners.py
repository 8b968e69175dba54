"""How one end answers a CALL that it does not know: by the book, or as firmware in the field does.

For simulated stations; a backend of ours has the default. What is unknown is decided by
:class:`~evouch.ocpp.rpc.Peer`; without ``extensions`` the messages of ``ocpp.extensions``
are among it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from evouch.ids import OcppVersion
from evouch.ocpp.frames import CALLERROR, NO_ID
from evouch.ocpp.refusals import Code, wire_code

__all__ = ["MANNERS", "Habit", "Manners"]


class Habit(StrEnum):
    """What becomes of an unknown CALL. All of these are met."""

    #: OCPP-J 1.6 table 7: the action is not known
    NOT_IMPLEMENTED = "not implemented"
    #: ocpp-go and mobilityhouse/ocpp, which take the two words for each other
    NOT_SUPPORTED = "not supported"
    #: a CALLERROR of four elements, without details
    FORMATION_VIOLATION = "formation violation"
    GENERIC_ERROR = "generic error"
    NO_ANSWER = "no answer"
    #: GenericError whose message id is "-1", whatever was asked: EVerest libocpp on 1.6
    NO_ID = "message id -1"


_CODES: Final = {
    Habit.NOT_IMPLEMENTED: Code.NOT_IMPLEMENTED,
    Habit.NOT_SUPPORTED: Code.NOT_SUPPORTED,
    Habit.FORMATION_VIOLATION: Code.FORMAT,
    Habit.GENERIC_ERROR: Code.GENERIC,
    Habit.NO_ID: Code.GENERIC,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """What one end knows beside OCPP, and what it answers to what it does not know."""

    #: whether it knows the messages that are not OCPP (SignedChallenge)
    extensions: bool = True
    unknown: Habit = Habit.NOT_IMPLEMENTED

    def answer(self, version: OcppVersion, id: str, description: str) -> list[Any] | None:
        """Return the CALLERROR to the unknown CALL ``id``, or None for silence."""
        if self.unknown is Habit.NO_ANSWER:
            return None
        code = wire_code(version, _CODES[self.unknown])
        answer: list[Any] = [CALLERROR, NO_ID if self.unknown is Habit.NO_ID else id, code, description]
        return answer if self.unknown is Habit.FORMATION_VIOLATION else [*answer, {}]


#: By the book, extensions included.
MANNERS: Final = Manners()
