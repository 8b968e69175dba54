"""What goes wrong on command: switches that are armed a number of times and then used up.

Every fault is one that real providers have shown: a request or an answer lost on the way, a
500 after the money moved, a capture that the bank refuses, and webhooks that are lost,
late, repeated, out of order, or somebody else's.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

__all__ = ["DEFAULT_REPEATS", "DEFAULT_SECONDS", "Fault", "Faults", "Switch"]

#: Copies of a doubled webhook unless the switch says otherwise.
DEFAULT_REPEATS: Final = 10
#: How late a late webhook or answer is unless the switch says otherwise.
DEFAULT_SECONDS: Final = 5.0


class Fault(StrEnum):
    """What can be made to go wrong."""

    LOSE_REQUEST = "loseRequest"  # the connection ends before anything happened
    LOSE_ANSWER = "loseAnswer"  # it happened, and the connection ends before the answer
    SERVER_ERROR = "serverError"  # it happened, and the answer is a 500; the same key gets the true one
    DELAY = "delay"  # the answer takes ``seconds`` longer
    REFUSE_CAPTURE = "refuseCapture"  # the card's bank takes its word back
    WEBHOOK_LOST = "webhookLost"
    WEBHOOK_LATE = "webhookLate"  # by ``seconds``
    WEBHOOK_DOUBLED = "webhookDoubled"  # sent ``repeats`` times
    WEBHOOK_REORDERED = "webhookReordered"  # waits until the next one has gone out
    WEBHOOK_FORGED = "webhookForged"  # goes out with a signature of a wrong secret; the true one follows


@dataclass(frozen=True, slots=True)
class Switch:
    """One armed fault.

    ``operation`` is what it waits for: "hold", "look", "capture", "release", "refund"; for a
    webhook the kind of its event ("hold.held"); "" for whatever comes first.
    """

    fault: Fault
    operation: str = ""
    times: int = 1
    seconds: float = DEFAULT_SECONDS
    repeats: int = DEFAULT_REPEATS


class Faults:
    """The switches that are armed now, the oldest first."""

    def __init__(self) -> None:
        self._armed: list[Switch] = []

    def arm(self, switch: Switch) -> None:
        """Let this fault happen the next ``switch.times`` times that it can."""
        self._armed.append(switch)

    def clear(self) -> None:
        """Let everything work again."""
        self._armed.clear()

    def armed(self) -> tuple[Switch, ...]:
        """Return what is still to happen."""
        return tuple(self._armed)

    def take(self, fault: Fault, operation: str = "") -> Switch | None:
        """Return the switch if this fault happens now to this operation, and use it up by one."""
        for index, switch in enumerate(self._armed):
            if switch.fault is fault and switch.operation in ("", operation):
                if switch.times > 1:
                    self._armed[index] = replace(switch, times=switch.times - 1)
                else:
                    del self._armed[index]
                return switch
        return None
