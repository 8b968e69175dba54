"""Who is let in on trust, and who has to prove its identity: ordered rules, the first that matches wins.

1. *trusted*: an operator enrolled the station as trusted, and it brought a credential (the
   right password or a client certificate) or comes from this very machine, in the clear: over
   loopback. Its id alone is known to everybody.
2. *mutual TLS*: it brought a client certificate that the transport has verified (profile 3).
3. *Basic and network*: it brought the right password, from one of the policy's networks.

Whom no rule matches is challenged, always if identities are enrolled for it or a window for
first use is open; where neither is so, ``require`` decides: ``enrolled`` lets it in as if
there were no challenges, ``all`` challenges it.

Nothing that a station says of itself (vendor, model, serial number, firmware) is a condition:
a :class:`Visitor` does not hold it. A station that has proved itself once is not let in by
rule 3 any more: a stolen password would undo what the key has won.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, NamedTuple

__all__ = ["RULES", "Decision", "Network", "OnUnsupported", "Policy", "Require", "Rule", "Ruling", "Visitor", "decide"]

#: A network in CIDR notation, parsed.
Network = IPv4Network | IPv6Network


class Rule(StrEnum):
    """What lets a station in without a challenge."""

    TRUSTED = "trusted"
    CERTIFICATE = "mutual TLS"
    NETWORK = "Basic and network"


class Require(StrEnum):
    """Who has to prove itself where no rule trusts it."""

    ENROLLED = "enrolled"
    ALL = "all"


class OnUnsupported(StrEnum):
    """What becomes of a station that does not know the message, and has never proved itself."""

    REJECT = "reject"
    ALLOW_UNTRUSTED = "allow_untrusted"
    FALLBACK = "fallback"


class Decision(StrEnum):
    """What a policy says of a visitor."""

    TRUST = "trust"
    CHALLENGE = "challenge"


class Ruling(NamedTuple):
    """A decision and the rule that made it; None: no rule matched."""

    decision: Decision
    rule: Rule | None = None


#: The default order.
RULES: Final = (Rule.TRUSTED, Rule.CERTIFICATE, Rule.NETWORK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """An operator's rules in their order. Rule ``NETWORK`` matches nobody until ``networks`` are named."""

    rules: Sequence[Rule] = RULES
    networks: tuple[Network, ...] = ()
    require: Require = Require.ENROLLED


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """What is known of a station that did not come from its own mouth."""

    #: an operator's word
    trusted: bool = False
    #: what the transport has verified
    certificate: bool = False
    basic: bool = False
    tls: bool = False
    address: str = ""
    #: what the registry knows: identities that count, a window that is open, a proof in the past
    enrolled: bool = False
    window: bool = False
    proven_before: bool = False


def decide(policy: Policy, visitor: Visitor) -> Ruling:
    """Return whether this visitor is let in on trust or has to prove itself."""
    for rule in policy.rules:
        if _matches(rule, policy, visitor):
            return Ruling(Decision.TRUST, rule)
    asked = visitor.enrolled or visitor.window or visitor.proven_before or policy.require is Require.ALL
    return Ruling(Decision.CHALLENGE if asked else Decision.TRUST)


def _matches(rule: Rule, policy: Policy, visitor: Visitor) -> bool:
    match rule:
        case Rule.TRUSTED:
            return visitor.trusted and (visitor.certificate or visitor.basic or _local(visitor))
        case Rule.CERTIFICATE:
            return visitor.certificate
        case Rule.NETWORK:
            return visitor.basic and not visitor.proven_before and _within(policy.networks, visitor.address)


def _local(visitor: Visitor) -> bool:
    """Return whether it comes from this machine. What comes over TLS may come from anywhere, by way of a proxy here."""
    parsed = _parsed(visitor.address)
    return parsed is not None and parsed.is_loopback and not visitor.tls


def _within(networks: tuple[Network, ...], address: str) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in networks)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    """Return an address; one of IPv4 that is written as IPv6 is itself."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed
