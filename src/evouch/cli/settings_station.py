"""Settings of what a simulated station proves itself with, and of firmware that does not."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from evouch.cli.section import Section

__all__ = ["StationIdentity", "UnknownMessage"]

#: What a station answers to a challenge that it does not know.
UnknownMessage = Literal[
    "not implemented", "not supported", "formation violation", "generic error", "no answer", "message id -1"
]


class StationIdentity(Section, frozen=True, kw_only=True):
    """What the station proves itself with when its backend challenges it. Without a key it does not know the message.

    An x509Certificate identity needs no ``key_file``: it signs with the station's own
    ``key_file``, and names its ``certificate_file``.
    """

    kind: Literal["publicKey", "web3", "x509Certificate"] = "publicKey"
    #: PEM file with the private key; ``evouch identity keygen`` makes one
    key_file: Path | None = None
    #: what a web3 identity is called
    did: str = ""
    #: own: hexadecimal, the payload itself is signed; reference: as W3CP's own firmware writes it
    manner: Literal["own", "reference"] = "own"
    #: bring the public key along with the proof, for a backend that has a window for a first key open
    offer_key: bool = False
    #: hashes per second for a proof of work, to play small hardware; 0: as fast as this machine
    hash_rate: Annotated[float, msgspec.Meta(ge=0)] = 0.0

    def __post_init__(self) -> None:
        if (self.kind == "web3") is not bool(self.did):
            raise ValueError("a web3 identity is named by its did (--did), and no other has one")
        if self.kind == "x509Certificate" and self.key_file is not None:
            raise ValueError(
                "an x509Certificate identity signs with the station's key_file (--key-file), beside certificate_file"
            )
        if self.kind == "web3" and self.key_file is None:
            raise ValueError("a web3 identity needs its key_file (--identity-key)")
        if self.offer_key and (self.kind != "publicKey" or self.key_file is None):
            raise ValueError("only a publicKey identity with a key_file (--identity-key) has a key to offer")
