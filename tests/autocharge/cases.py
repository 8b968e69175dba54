"""Wishes to charge, as tests need them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from evouch.autocharge.checks import Case, PastSession, PhoneFix
from evouch.autocharge.deciding import Standing
from evouch.charging.geo import Point
from evouch.charging.vehicles import AutoChargeStatus
from evouch.ids import ContractId, Vid

AT = datetime(2026, 3, 20, 12, tzinfo=UTC)
CAR = Vid("a" * 64)
#: Places, and how far they are from PARIS in a straight line.
PARIS = Point(Decimal("48.8566"), Decimal("2.3522"))
VERSAILLES = Point(Decimal("48.8049"), Decimal("2.1204"))  # 18 km
LYON = Point(Decimal("45.7640"), Decimal("4.8357"))  # 392 km
CALAIS = Point(Decimal("50.9300"), Decimal("1.8100"))
FOLKESTONE = Point(Decimal("51.0950"), Decimal("1.1200"))  # 52 km from Calais, through the tunnel
GRANTED = Standing(status=AutoChargeStatus.GRANTED)


def north(metres: float, of: Point = PARIS) -> Point:
    """A place so many metres to the north."""
    return Point(of.latitude + Decimal(metres) / Decimal("111195.08"), of.longitude)


def session(point: Point | None = PARIS, hours: float = 2.0, **other: Any) -> PastSession:
    """A session that ended so many hours ago."""
    ended = AT - timedelta(hours=hours)
    facts: dict[str, Any] = {
        "id": "s1", "partner": "fast", "location": "L1", "evse": "E1", "vid": CAR,
        "started": ended - timedelta(hours=1), "ended": ended, "updated": ended, "point": point,
    }  # fmt: skip
    return PastSession(**facts | other)


def case(**other: Any) -> Case:
    """A car that wants to charge in Paris, of which nothing is known."""
    facts: dict[str, Any] = {
        "at": AT, "vid": CAR, "contract": ContractId("C1"), "partner": "fast", "location": "L1", "evses": ("E1",),
        "point": PARIS,
    }  # fmt: skip
    return Case(**facts | other)


def phone(metres: float = 0, minutes: float = 1, accuracy: int = 20) -> PhoneFix:
    """The driver's phone, so many metres from the station, so many minutes ago."""
    return PhoneFix(point=north(metres), accuracy=accuracy, at=AT - timedelta(minutes=minutes))
