"""Places on the earth, as far as charging needs them: a point, and how far two are apart."""

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

__all__ = ["Point", "Site", "distance_km"]

#: Mean radius of the earth in kilometres.
EARTH_KM: Final = 6371.0088
_MOST_LATITUDE: Final = 90
_MOST_LONGITUDE: Final = 180


@dataclass(frozen=True, slots=True)
class Point:
    """A place in degrees (WGS 84). ValueError where there is no such place."""

    latitude: Decimal
    longitude: Decimal

    def __post_init__(self) -> None:
        if not (abs(self.latitude) <= _MOST_LATITUDE and abs(self.longitude) <= _MOST_LONGITUDE):  # also refuses NaN
            msg = "a latitude is -90 to 90, a longitude -180 to 180"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a station stands, as an OCPI Location says it (mod_locations §3.1). ``country`` is ISO 3166-1 alpha-3."""

    point: Point
    address: str
    city: str
    country: str
    postal_code: str = ""
    name: str = ""
    time_zone: str = "UTC"


def distance_km(here: Point, there: Point) -> float:
    """Return the length of the great circle between two places (haversine)."""
    a, b = math.radians(here.latitude), math.radians(there.latitude)
    across = math.radians(there.longitude - here.longitude)
    chord = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(across / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(chord)))
