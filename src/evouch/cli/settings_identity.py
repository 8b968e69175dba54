"""Settings of who a station has to prove to be: challenges, trust, enrolled identities, client certificates.

Whether a key, a DID or a certificate is a good one is judged where it is enrolled; here
stands only what can be written at all.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import product
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from evouch.cli.section import Listen, Section, safe_for_phones

__all__ = [
    "NETWORK_RULE", "IdentityConfig", "IdentityEntry", "IdentitySection", "KeyEntry", "Ocpp", "Rule", "Tls", "overlap",
]  # fmt: skip

#: Above this even a fast station computes for minutes: 2^20 hashes are 20 to 200 s on its processor.
MOST_WORK: Final = 20
Positive = Annotated[int, msgspec.Meta(ge=1)]
#: Whom to let in without a challenge, in the order in which it is asked.
Rule = Literal["trusted", "mutual TLS", "Basic and network"]
#: The one that looks at where a station comes from.
NETWORK_RULE: Final = "Basic and network"


class Ocpp(Listen, frozen=True, kw_only=True):
    """Where stations connect. ``proxies`` are addresses or networks (CIDR) that end TLS for us.

    What they say in Client-Cert (RFC 9440) is believed; nobody else's word is.
    """

    proxies: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for proxy in self.proxies:
            _network(proxy)


class Tls(Section, frozen=True, kw_only=True):
    """Certificate chain and key as PEM files: OCPP security profile 2; with ``client_ca`` profile 3 too.

    ``client_ca`` is a PEM file of the authorities that may sign stations' certificates. Without
    ``require_client_certificate`` a station may bring one, with it every station must.
    ``organization`` is the O that a station's certificate has to carry; empty: any.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None
    require_client_certificate: bool = False
    organization: str = ""

    def __post_init__(self) -> None:
        if self.client_ca is None and (self.require_client_certificate or self.organization):
            raise ValueError("client certificates need client_ca: who may sign them")


class IdentitySection(Section, frozen=True, kw_only=True):
    """Who has to prove its identity (W3CP SignedChallenge), and what a proof has to look like."""

    #: enrolled: stations with an enrolled identity or an open first-use window; all: whomever no rule trusts
    require: Literal["enrolled", "all"] = "enrolled"
    #: proof of work: trailing zero bits of the hash; each doubles what the station computes, 0 asks for none
    difficulty: Annotated[int, msgspec.Meta(ge=0)] = 0
    #: seconds that a challenge is good for
    ttl: Annotated[int, msgspec.Meta(ge=5, le=600)] = 60
    #: seconds that a proof's own timestamp may be off, and whether more is refused or only noted
    window: Positive = 120
    enforce_time: bool = False
    #: what becomes of a station that does not know the message
    on_unsupported: Literal["reject", "allow_untrusted", "fallback"] = "reject"
    #: challenge OCPP 2.0.1 and 2.1 stations too: there the message is an extension of ours and no standard
    ocpp2_extension: bool = False
    #: networks (CIDR) from which the right password is enough, for the rule "Basic and network"
    trusted_networks: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ("trusted", "mutual TLS", "Basic and network")
    #: hours after which a connection is asked again; 0: never
    recheck: Annotated[int, msgspec.Meta(ge=0, le=8760)] = 0
    #: host that stations connect to, put into the nonce so that a careful station notices a relay; empty: left out
    endpoint: Annotated[str, msgspec.Meta(max_length=255)] = ""

    def __post_init__(self) -> None:
        if self.difficulty > MOST_WORK:
            raise ValueError(
                f"above {MOST_WORK} a station computes for minutes before it may charge, and no thief is kept out by it"
            )
        for network in self.trusted_networks:
            _network(network)
        if len(set(self.rules)) != len(self.rules):
            raise ValueError("a rule stands there twice")


class KeyEntry(Section, frozen=True, kw_only=True):
    """A public key as W3CP writes it; ``evouch identity keygen`` prints one."""

    type: str
    encoding: str = "base64url"
    value: str


class IdentityEntry(Section, frozen=True, kw_only=True):
    """An identity that a station may prove: its public key, its DID, or the SHA-256 of its certificate in hex."""

    key: KeyEntry | None = None
    did: str = ""
    certificate: str = ""

    def __post_init__(self) -> None:
        if [self.key is not None, bool(self.did), bool(self.certificate)].count(True) != 1:
            raise ValueError("an identity is one of key, did and certificate")
        if "PRIVATE KEY" in self.certificate:
            raise ValueError("that is a private key: it stays in the station")


class IdentityConfig(Section, frozen=True, kw_only=True):
    """``evouch identity``: the backend whose operator API the commands for enrolled stations speak to."""

    backend: str = "http://127.0.0.1:8080"
    #: file with an API token; the backend makes one at its first start
    token_file: Path = Path("evouch-state/keys/operator-token")

    def __post_init__(self) -> None:
        try:
            safe_for_phones(self.backend)
        except ValueError as error:
            raise ValueError(f"backend {error}") from None


def _network(text: str) -> None:
    try:
        ip_network(text)
    except ValueError:
        raise ValueError("a network looks like 10.1.0.0/16 or 2001:db8::/32, one address like 10.1.2.3") from None


def overlap(some: Iterable[str], others: Iterable[str]) -> tuple[str, str] | None:
    """Return a network of each that have addresses in common; None where there are none."""
    for one, other in product(some, others):
        left, right = ip_network(one), ip_network(other)
        if isinstance(left, IPv4Network) and isinstance(right, IPv4Network) and left.overlaps(right):
            return one, other
        if isinstance(left, IPv6Network) and isinstance(right, IPv6Network) and left.overlaps(right):
            return one, other
    return None
