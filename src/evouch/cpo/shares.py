"""How much each may have of what there is only so much of: rows and bytes, counted while they last.

Whoever has nothing is forgotten, so that keys that strangers choose do not pile up.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

__all__ = ["Limit", "Shares", "network"]


class Limit(NamedTuple):
    """What one may have at most."""

    rows: int
    bytes: int


@dataclass(slots=True)
class Shares:
    """Who has how much, by key."""

    limit: Limit
    _had: dict[Hashable, tuple[int, int]] = field(default_factory=dict)

    def room(self, key: Hashable, size: int) -> bool:
        """Return whether one more row of ``size`` bytes fits."""
        rows, used = self._had.get(key, (0, 0))
        return rows < self.limit.rows and used + size <= self.limit.bytes

    def count(self, key: Hashable, rows: int, size: int) -> None:
        """Add so many rows that have ``size`` bytes together; both negative to give them back."""
        before, used = self._had.get(key, (0, 0))
        self._had[key] = before + rows, used + size
        if before + rows <= 0:
            del self._had[key]

    def drop(self, key: Hashable) -> None:
        """Give back everything that a key has."""
        self._had.pop(key, None)

    def __contains__(self, key: Hashable) -> bool:
        """Return whether a key has anything."""
        return key in self._had


def network(address: str) -> str:
    """Return the part of an address that its owner cannot choose: the /64 of IPv6, else the address as it is."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((int(parsed), 64), strict=False))
