"""What tables of all kinds are made with: their catalogue, and parts that several records share."""

from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa

from evouch.charging.equipment import EvsePlace
from evouch.charging.geo import Point
from evouch.charging.tokens import IdToken, TokenKind
from evouch.ids import PartyId
from evouch.store.columns import Choice, Exact, Int, Str
from evouch.store.mapping import Kind, Part, spread

__all__ = ["METADATA", "owner", "partial", "place", "point", "quoted", "token"]

METADATA: Final = sa.MetaData()


def place() -> Part:
    """Where an EVSE is: its station and its number there."""
    columns: dict[str, tuple[str, Kind]] = {"station": ("station", Str), "evse": ("evse", Int)}
    return spread("place", EvsePlace, columns)


def token() -> Part:
    """A token, as text and kind: that of a vehicle has no text here."""
    columns: dict[str, tuple[str, Kind]] = {"token": ("value", Str), "token_kind": ("kind", Choice(TokenKind))}
    return spread("token", IdToken, columns, optional=True)


def owner() -> Part:
    """The party that something belongs to."""
    columns: dict[str, tuple[str, Kind]] = {"owner_country": ("country", Str), "owner_party": ("party", Str)}
    return spread("owner", PartyId, columns)


def point(attribute: str, latitude: str, longitude: str) -> Part:
    """A place on the earth, if there is one, in degrees."""
    columns: dict[str, tuple[str, Kind]] = {latitude: ("latitude", Exact), longitude: ("longitude", Exact)}
    return spread(attribute, Point, columns, optional=True)


def quoted(words: Iterable[str]) -> str:
    """Return words of our own as an SQL list, sorted."""
    return ", ".join(f"'{word}'" for word in sorted(words))


def partial(name: str, *columns: str, where: sa.TextClause) -> sa.Index:
    """An index of those rows only that satisfy a condition."""
    return sa.Index(name, *columns, sqlite_where=where, postgresql_where=where)
