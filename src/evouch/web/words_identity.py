"""What operators read about identities: standings, steps that failed, refusals, and short names of long keys. Pure.

API and pages say the same sentences, from these tables.
"""

import hashlib
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from typing import Final

from evouch.identity.enrolment import Identity, IdentityKind

__all__ = ["EVENTS", "REFUSALS", "STANDINGS", "STEPS", "Badge", "badge", "fingerprint", "short", "step"]

#: Reason → HTTP status and sentence of a refused act on identities.
REFUSALS: Final[dict[str, tuple[int, str]]] = {
    "unknownIdentity": (404, "There is no such identity."),
    "materialTaken": (409, "This key, DID or certificate is enrolled already. One belongs to one station, once."),
    "oneMaterial": (422, "Give one of: a public key, a DID, a certificate."),
    "privateKey": (422, "This is a private key, which stays in its station: enrol the public half, and make a new pair."),
    "badKey": (422, "This is no public key: give type (ed25519, ecP256, secp256k1), encoding (base64url) and value."),
    "weakKey": (422, "This key is one that anybody can sign for. Make another one."),
    "publicDemoKey": (422, "The private half of this key is published for demonstrations. Make another one."),
    "badDid": (422, "This DID cannot be read."),
    "unsupportedDid": (422, "DIDs are did:key, did:w3cp, did:kilt:light, did:ethr and did:ewc, with a key that signs."),
    "badCertificate": (422, "Give the certificate as PEM, or its SHA-256 as 64 hexadecimal digits."),
    "badTime": (422, "A time looks like 2026-11-20T08:00:00Z, and an identity begins before it ends."),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Badge:
    """A standing in a word or two, and whether that is good news (``good``), bad (``bad``) or neither."""

    text: str
    mark: str = ""
    sentence: str = ""


#: State of a connection → how it is shown.
STANDINGS: Final[dict[str, Badge]] = {
    "new": Badge("not asked", "", "Nobody has asked this connection to prove its identity."),
    "challenged": Badge("challenged", "wait", "It was asked to prove its identity and has not answered yet."),
    "proven": Badge("proven", "good", "It has proved its identity on this connection."),
    "trusted": Badge("trusted", "good", "A rule trusts this connection, so it is not asked."),
    "untrusted": Badge("unproven", "wait", "It does not know the message, and was let in all the same."),
    "failed": Badge("refused", "bad", "It did not prove its identity. It may boot and send heartbeats, nothing else."),
}  # fmt: skip
_ASLEEP: Final = Badge("–")

#: Step of a proof → what its failure means to the operator. The station is told none of it.
STEPS: Final[dict[str, str]] = {
    "form": "What it answered is no proof: a part is missing, doubled, or of the wrong kind.",
    "nonce": "It answered another challenge than the one it was sent. An old proof may have been replayed.",
    "cpId": "It signed for another station's id. Compare the id in its settings with the last part of its address.",
    "timestamp": "Its clock is too far off.",
    "hash": "The hash that it sent is not that of what it sent. Its canonical JSON differs from RFC 8785.",
    "proofOfWork": "It did not do the work that was asked for.",
    "key": "It named a key that is not enrolled for it, or enrolled nothing that fits.",
    "signature": "The signature is not by a key that is enrolled for it.",
    "unsupported": "It does not know the message SignedChallenge.",
    "timeout": "It did not answer in time.",
    "offline": "Its connection ended before it answered.",
}

#: Kind of a security event → what it means. Names are those of the OCPP 1.6 security whitepaper where it has one.
EVENTS: Final[dict[str, str]] = {
    "FailedToAuthenticateAtCentralSystem": "A station did not prove its identity.",
    "AttemptedReplayAttacks": "A proof was sent that belongs to another challenge.",
    "InvalidMessages": "A station sent what it may not send before it has proved its identity, or what is no message.",
    "codesNeverMatch": "Codes of this station never match: its clock or its secret is wrong. It got a fresh one.",
}  # fmt: skip


def badge(state: object) -> Badge:
    """Return how a standing is shown; one that has no name here is shown as it is."""
    if state is None:
        return _ASLEEP
    text = str(state).rpartition(".")[2].lower()
    return STANDINGS.get(text, Badge(text))


def step(name: str, reason: str = "") -> str:
    """Return what a failed step means; an unknown one as its own reason."""
    return STEPS.get(name) or reason or name


def fingerprint(identity: Identity) -> str:
    """Return the SHA-256 of an identity's public key or certificate in hex; empty for a DID, which is read as it is."""
    if identity.kind is IdentityKind.CERTIFICATE:
        return identity.material
    if identity.kind is IdentityKind.WEB3:
        return ""
    text = identity.material.partition(":")[2]
    return hashlib.sha256(urlsafe_b64decode(text + "=" * (-len(text) % 4))).hexdigest()


def short(identity: Identity) -> str:
    """Return an identity as people compare it: ``ed25519 key 3f9a11c2…``, a certificate's hash, a DID's two ends."""
    if identity.kind is IdentityKind.WEB3:
        did = identity.material
        return did if len(did) <= _LONG else f"{did[: _LONG - 9]}…{did[-8:]}"
    kind = "certificate" if identity.kind is IdentityKind.CERTIFICATE else identity.material.partition(":")[0] + " key"
    return f"{kind} {fingerprint(identity)[:16]}…"


#: Characters of a DID that still fit on a phone.
_LONG: Final = 36
