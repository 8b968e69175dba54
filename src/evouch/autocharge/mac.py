"""Which addresses may be asked about at all: judged at the operator, before anything leaves it (§7.1).

Not every vehicle has one address for life. One that shows another at each plug-in would be
bound again and again and never be known, and every try would cost a sign at every eMSP. In
this order, the first that applies:

1. all zeros, all ones, an example of a manual, a group address: no vehicle's;
2. the most specific rule: patterns in their order, then the longest prefix;
3. no rule: an address that calls itself locally administered is treated as ``local`` says;
4. no rule: everything else is treated as ``others`` says.

What is said of an address names the maker's prefix, never the address (§8.2).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from evouch.ids import Mac

__all__ = ["BLOCKS", "Action", "LocalBit", "MacFilter", "MacRule", "MacVerdict", "Pool", "oui"]

#: Sizes of the blocks that the IEEE gives to a maker, in hex digits: MA-L, MA-M and MA-S (24, 28 and 36 bits).
#: A rule for one single address would be an address at rest, so there is none.
BLOCKS: Final = (6, 7, 9)
_OCTETS: Final = 6
_GROUP: Final = 0x01
_LOCAL: Final = 0x02
#: What manuals, test benches and unset devices say, where no vehicle speaks.
_PLACEHOLDERS: Final = frozenset(
    bytes.fromhex(each)
    for each in (
        "001122334455", "00123456789A", "0A0B0C0D0E0F", "123456789ABC", "AABBCCDDEEFF", "DEADBEEFCAFE",
        "000000000001", "020000000000", "020000000001", "00DEADBEEF00",
    )
)  # fmt: skip


class Action(StrEnum):
    """What a rule says of the addresses that it names."""

    ALLOW = "allow"
    DENY = "deny"


class LocalBit(StrEnum):
    """What to make of an address that is locally administered: drawn anew each time, or only not registered."""

    ALLOW = "allow"
    WARN = "warn"
    DENY = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class MacRule:
    """One rule, and why it is there. ``pattern`` is matched from the start of 12 upper-case digits; else ``prefix``.

    ValueError where it names neither or both, gives no reason, or its prefix is not 6, 7 or 9 hex digits.
    """

    action: Action
    why: str
    vendor: str = ""
    prefix: str = ""
    pattern: re.Pattern[str] | None = None

    def __post_init__(self) -> None:
        if (self.pattern is None) == (not self.prefix):
            raise ValueError("a rule has a prefix or a pattern")
        if self.prefix and not (len(self.prefix) in BLOCKS and set(self.prefix) <= set("0123456789ABCDEF")):
            raise ValueError(f"a prefix is 6, 7 or 9 upper-case hex digits, not {self.prefix[:20]!r}")
        if not self.why.strip():
            raise ValueError("a rule says why it is there")

    def names(self, digits: str) -> bool:
        """Return whether an address, in 12 upper-case digits, is one that the rule is about."""
        return bool(self.pattern.match(digits)) if self.pattern else digits.startswith(self.prefix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A prefix that the IEEE shares out in smaller blocks of ``digits``: alone it names no maker (else ValueError)."""

    prefix: str
    digits: int

    def __post_init__(self) -> None:
        if len(self.prefix) != BLOCKS[0] or self.digits not in BLOCKS[1:]:
            raise ValueError("a pool is a prefix of 6 hex digits whose blocks have 7 or 9")

    def covers(self, rule: MacRule) -> bool:
        """Return whether a rule allows more of the pool than one maker has."""
        shared = rule.prefix.startswith(self.prefix) and len(rule.prefix) < self.digits
        return rule.action is Action.ALLOW and bool(rule.prefix) and shared


@dataclass(frozen=True, slots=True, kw_only=True)
class MacVerdict:
    """``reason`` is a word for programs, ``why`` a sentence for people; neither holds the address.

    Words: accepted, localAddress (accepted or not), allZero, allOnes, placeholder, group, denied, notListed.
    """

    accepted: bool
    reason: str = "accepted"
    vendor: str = ""
    why: str = ""
    warning: bool = False


class MacFilter:
    """Rules in force. ValueError where one of them allows a whole pool."""

    def __init__(
        self,
        rules: Iterable[MacRule] = (),
        *,
        pools: Iterable[Pool] = (),
        local: LocalBit = LocalBit.WARN,
        others: Action = Action.ALLOW,
    ) -> None:
        self.rules = tuple(sorted(rules, key=_rank))
        self.local = local
        self.others = others
        for rule in self.rules:
            if any(pool.covers(rule) for pool in pools):
                raise ValueError(f"{rule.prefix} is shared by many makers: allow one maker's block of it, not all")

    def judge(self, mac: Mac) -> MacVerdict:
        """Return whether eMSPs may be asked about this address."""
        raw = mac.reveal()
        if impossible := _impossible(raw):
            return impossible
        digits = raw.hex().upper()
        rule = next((each for each in self.rules if each.names(digits)), None)
        return _by(rule) if rule else self._unnamed(local=bool(raw[0] & _LOCAL))

    def _unnamed(self, *, local: bool) -> MacVerdict:
        if local and self.local is not LocalBit.ALLOW:
            why = "locally administered: it may be drawn anew at every plug-in"
            accepted = self.local is LocalBit.WARN and self.others is Action.ALLOW
            return MacVerdict(accepted=accepted, reason="localAddress", why=why, warning=accepted)
        if self.others is Action.DENY:
            return MacVerdict(accepted=False, reason="notListed", why="only listed makers are asked about")
        return MacVerdict(accepted=True)


def oui(mac: Mac) -> str:
    """Return the first three octets, which name a maker and no vehicle: ``00:7D:FA``."""
    return mac.reveal()[:3].hex(":").upper()


def _rank(rule: MacRule) -> int:
    """Patterns before prefixes, long prefixes before short ones; the order given decides between equals."""
    return -len(rule.prefix) if rule.prefix else -2 * _OCTETS


def _by(rule: MacRule) -> MacVerdict:
    accepted = rule.action is Action.ALLOW
    reason = "accepted" if accepted else "denied"
    return MacVerdict(accepted=accepted, reason=reason, vendor=rule.vendor, why=rule.why)


def _impossible(raw: bytes) -> MacVerdict | None:
    if len(raw) != _OCTETS:
        return MacVerdict(accepted=False, reason="placeholder", why="an address has six octets")
    if raw == bytes(_OCTETS):
        return MacVerdict(accepted=False, reason="allZero", why="all zeros: the address was never read")
    if raw == b"\xff" * _OCTETS:
        return MacVerdict(accepted=False, reason="allOnes", why="all ones: the broadcast address")
    if raw in _PLACEHOLDERS:
        return MacVerdict(accepted=False, reason="placeholder", why="an example of a manual or a test bench")
    if raw[0] & _GROUP:
        return MacVerdict(accepted=False, reason="group", why="a group address: it is nobody's own")
    return None
