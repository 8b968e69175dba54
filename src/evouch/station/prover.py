"""What a station proves its identity with, and how: its key, its manner, and what may be wrong with it.

A wrong key needs no word of its own: it is any key that the backend has not enrolled.
"""

from dataclasses import dataclass

from evouch.identity.enrolment import IdentityKind
from evouch.identity.proof import Profile
from evouch.ids import KeyBytes

__all__ = ["Prover"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prover:
    """The identity of one station. ``key`` is its private key in PKCS#8, DER or PEM."""

    key: KeyBytes
    kind: IdentityKind = IdentityKind.PUBLIC_KEY
    #: how proofs are written: as this package does, or as W3CP's own firmware
    manner: Profile = Profile.OWN
    #: the identifier of a web3 identity
    did: str = ""
    #: DER of the certificate that an x509Certificate identity names; its key is ``key``
    certificate: bytes | None = None
    #: SHA-256 that this hardware manages per second, for proofs of work; 0: as many as this machine
    hash_rate: float = 0.0
    #: puts the public key into the proof, for a backend that lets a first key in (publicKey only)
    offers_key: bool = False
    #: host that it connected to: a challenge that says it was made for another one is refused; empty: not looked at
    host: str = ""
    #: the station's id that the proof names; empty: its own. Another one is a lie.
    cp_id: str = ""
    #: answers every challenge with the proof that it made for its first one
    replays: bool = False

    def __post_init__(self) -> None:
        if (self.kind is IdentityKind.WEB3) is not bool(self.did):
            raise ValueError("a web3 identity is named by its DID, and no other has one")
        if (self.kind is IdentityKind.CERTIFICATE) is not (self.certificate is not None):
            raise ValueError("an x509Certificate identity needs its certificate, and no other has one")
        if self.offers_key and self.kind is not IdentityKind.PUBLIC_KEY:
            raise ValueError("a publicKey identity alone has a key to offer")
        if self.hash_rate < 0:
            raise ValueError("a hash rate is a number from 0")
