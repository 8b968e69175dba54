"""How often a partner may ask the sign oracle, as counters that survive a restart."""

from dataclasses import dataclass
from datetime import date, datetime

__all__ = ["SignDay"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignDay:
    """What one partner has asked the sign oracle on one day (UTC): its budget, as counters (docs/decisions/060).

    ``arrival`` is the theoretical arrival time of the burst limit, ``minute`` the start of the minute
    that ``in_minute`` counts.
    """

    partner: str
    day: date
    signed: int = 0
    refused: int = 0
    invalid: int = 0
    arrival: datetime | None = None
    minute: datetime | None = None
    in_minute: int = 0
    #: signed in each hour of the day, 24 numbers
    hours: tuple[int, ...] = (0,) * 24
    #: authorisations, bindings and sessions of the same partner on that day: what signs are good for
    followed: int = 0
