"""What the operator API takes and gives of identities, standings and quarantine, as wire names."""

from typing import Annotated

from msgspec import Meta, Struct

from evouch.identity.enrolment import IdentityKind, IdentityStatus, SigningInput
from evouch.web.api_texts import AskedTime, Line, Time

__all__ = [
    "CertificateName", "ChallengeAnswer", "Enrol", "EnrolmentWindow", "FailedStep", "IdentityInfo", "IdentityList",
    "KeyDocument", "Next", "QuarantineInfo", "QuarantineList", "Revoke", "SecurityProfile", "Standing", "Trust",
    "WindowOpen",
]  # fmt: skip

#: A day: whoever needs longer opens it again, and thinks again.
MOST_WINDOW = 86_400


class KeyDocument(Struct, frozen=True, forbid_unknown_fields=True):
    """A public key as W3CP writes it: SPKI, or the raw 32 bytes of Ed25519, in unpadded base64url."""

    type: Annotated[str, Meta(max_length=20, description="ed25519, ecP256 or secp256k1")]
    value: Annotated[str, Meta(max_length=1000)]
    encoding: Annotated[str, Meta(max_length=20)] = "base64url"


class Next(Struct, frozen=True, forbid_unknown_fields=True):
    """One of ``key``, ``did`` and ``certificate`` (PEM, or its SHA-256 in hex)."""

    key: KeyDocument | None = None
    did: Annotated[str, Meta(max_length=500)] | None = None
    certificate: Annotated[str, Meta(max_length=16_000)] | None = None


class Enrol(Next, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An identity to enrol. A ``next`` one takes over with its first proof."""

    next: bool = False
    not_before: AskedTime | None = None
    not_after: AskedTime | None = None


class IdentityInfo(Struct, frozen=True):
    """An enrolled identity. ``fingerprint`` is the SHA-256 of key (SPKI) or certificate (DER); a DID has none."""

    id: str
    station: str
    kind: IdentityKind
    material: str
    fingerprint: str
    status: IdentityStatus
    enrolled_at: Time
    enrolled_by: str
    not_before: Time | None
    not_after: Time | None
    #: which bytes it was seen to sign
    signing: SigningInput | None
    first_proven_at: Time | None
    revoked_at: Time | None


class IdentityList(Struct, frozen=True):
    """Identities in the order of enrolment, revoked ones included."""

    identities: list[IdentityInfo]


class Revoke(Struct, frozen=True, forbid_unknown_fields=True):
    """Why, for the audit."""

    reason: Line = ""


class EnrolmentWindow(Struct, frozen=True, forbid_unknown_fields=True):
    """How long a key that the station brings itself is enrolled on first use."""

    seconds: Annotated[int, Meta(ge=1, le=MOST_WINDOW)]


class WindowOpen(Struct, frozen=True):
    """When it closes by itself."""

    until: Time


class Trust(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the station is let in without a challenge."""

    trusted: bool


class SecurityProfile(Struct, frozen=True, forbid_unknown_fields=True):
    """The least OCPP security profile that the station may connect with: 1 Basic, 2 TLS and Basic, 3 mutual TLS."""

    profile: Annotated[int, Meta(ge=0, le=3)]


class CertificateName(Struct, frozen=True, forbid_unknown_fields=True):
    """The common name of a station's client certificate, often its serial number."""

    name: Annotated[str, Meta(max_length=64)]


class FailedStep(Struct, frozen=True):
    """The step at which a proof failed; the station was told nothing of it."""

    step: str
    at: Time


class Standing(Struct, frozen=True):
    """Who the live connection has proved to be."""

    state: str
    since: Time
    #: how it was proved, or why it is trusted
    how: str
    identity: str | None
    signing: SigningInput | None
    last_failure: FailedStep | None
    #: newer connections of this station that have not proved themselves and wait beside it
    candidates: int


class ChallengeAnswer(Struct, frozen=True):
    """What became of a challenge: the step at which it failed, what that means, and the details of this one case."""

    proven: bool
    step: str
    meaning: str
    reason: str


class QuarantineInfo(Struct, frozen=True):
    """A message of a transaction that an unproven connection sent: acknowledged, and not believed yet."""

    id: str
    station: str
    received_at: Time
    action: str
    state: str
    frame: str


class QuarantineList(Struct, frozen=True):
    """Messages in quarantine in the order of their coming."""

    quarantine: list[QuarantineInfo]
