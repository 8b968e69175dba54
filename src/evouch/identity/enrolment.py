"""What an operator knows of a station's keys: the enrolled identities that a proof is judged against.

A station has any number of them: the ``active`` ones prove it now, a ``next`` one takes
over with its first proof, a ``revoked`` one proves nothing ever again. One key belongs to one
station, in whatever spelling.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from evouch.ids import StationId

__all__ = ["Identity", "IdentityKind", "IdentityStatus", "SigningInput", "usable"]


class IdentityKind(StrEnum):
    """``identityType`` of W3CP's IdentityProof."""

    PUBLIC_KEY = "publicKey"
    CERTIFICATE = "x509Certificate"
    WEB3 = "web3"


class IdentityStatus(StrEnum):
    """What an enrolled identity is good for."""

    ACTIVE = "active"
    NEXT = "next"
    REVOKED = "revoked"


class SigningInput(StrEnum):
    """Which bytes a signature was made over. W3CP says "of the payload"; its firmware signs a text of the hash."""

    #: the canonical JSON of the payload
    CANONICAL = "canonical"
    #: the ASCII characters of ``payloadSha256Hash`` as it was sent
    HASH_TEXT = "hashText"
    #: the 32 bytes of the hash, as a message
    DIGEST = "digest"
    #: Ethereum's personal_sign (EIP-191) over the canonical JSON, and over the three forms of its hash
    EIP191_CANONICAL = "eip191Canonical"
    EIP191_HASH_TEXT = "eip191HashText"
    EIP191_DIGEST = "eip191Digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One enrolled identity. ``id`` is random and names it to operators; the material is public."""

    id: str
    station: StationId
    kind: IdentityKind
    #: publicKey: ``<type>:<base64url of its SPKI>``; x509Certificate: SHA-256 of its DER in hex; web3: normalised DID
    material: str
    #: what all spellings of its key have in common (:mod:`~evouch.identity.spellings`); empty: not known
    key: str = ""
    status: IdentityStatus = IdentityStatus.ACTIVE
    enrolled_at: datetime
    #: who enrolled it; ``first use`` where a station did within a window that an operator opened
    enrolled_by: str
    not_before: datetime | None = None
    not_after: datetime | None = None
    #: what this key was first seen to sign; nothing else is taken from it afterwards
    signing: SigningInput | None = None
    first_proven_at: datetime | None = None
    revoked_at: datetime | None = None


#: Kept in ``Identity.enrolled_by`` of a key that was trusted on first use.
FIRST_USE: Final = "first use"


def usable(identity: Identity, now: datetime) -> bool:
    """Return whether a proof by this identity counts at ``now``."""
    if identity.status is IdentityStatus.REVOKED:
        return False
    if identity.not_before is not None and now < identity.not_before:
        return False
    return identity.not_after is None or now < identity.not_after
