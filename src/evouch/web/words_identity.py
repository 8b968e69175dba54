"""What operators read about identities: standings, steps that failed, refusals, and short names of long keys. Pure.

API and pages say the same sentences, from these tables.
"""

import hashlib
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from typing import Final

from evouch.cpo.challenger import TRUSTED_BY
from evouch.cpo.identities import describe
from evouch.cpo.visits import StandingView
from evouch.identity.enrolment import Identity, IdentityKind, SigningInput
from evouch.identity.policy import Rule
from evouch.identity.standing import Standing

__all__ = [
    "DONE", "EVENTS", "HOW", "PROFILES", "REFUSALS", "SIGNS", "STANDINGS", "STEPS", "Badge", "badge", "fingerprint",
    "how", "short", "step", "step_shown",
]  # fmt: skip

#: Reason → HTTP status and sentence of a refused act on identities.
REFUSALS: Final[dict[str, tuple[int, str]]] = {
    "unknownIdentity": (404, "There is no such identity."),
    "materialTaken": (409, "This key, DID or certificate is enrolled already. One belongs to one station, once."),
    "oneMaterial": (422, "Give one of: a public key, a DID, a certificate."),
    "privateKey": (422, "This is a private key, which stays in its station. Enrol the public half, of a new pair."),
    "badKey": (422, "This is no public key: give type (ed25519, ecP256, secp256k1), encoding (base64url) and value."),
    "weakKey": (422, "This key is one that anybody can sign for. Make another one."),
    "publicDemoKey": (422, "The private half of this key is published for demonstrations. Make another one."),
    "badDid": (422, "This DID cannot be read."),
    "unsupportedDid": (422, "DIDs are did:key, did:w3cp, did:kilt:light, did:ethr and did:ewc, with a key that signs."),
    "badCertificate": (422, "Give the certificate as PEM, or its SHA-256 as 64 hexadecimal digits."),
    "badTime": (422, "A time looks like 2026-11-20T08:00:00Z. An identity begins before it ends, and ends after now."),
    "alreadyEnrolled": (409, "An identity is enrolled already: another one is enrolled as the next, not on first use."),
    "revoked": (409, "This identity was revoked and never counts again. Enrol another one."),
    "offline": (409, "The station is not connected."),
    "unproven": (409, "The station has not proved its identity; nothing is sent to it before."),
    "needsTls": (409, "Certificates are not handled on a plain connection."),
    "unknownMessage": (404, "There is no such message in quarantine that could be decided on."),
    "notBookable": (409, "This message cannot be taken as true: nothing can be made of it any more."),
    "toldToWait": (409, "The station was told to wait, and hears nothing until it boots again."),
    "badWindow": (422, "A window for first use is open for seconds, hours or days, a week at most."),
    "badProfile": (422, "A security profile is 0, 1, 2 or 3."),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Badge:
    """A standing in a word or two, and whether that is good news (``good``), bad (``bad``) or neither."""

    text: str
    mark: str = ""
    sentence: str = ""


#: State of a connection → how it is shown.
STANDINGS: Final[dict[Standing, Badge]] = {
    Standing.NEW: Badge("not asked", "", "Nobody has asked this connection to prove its identity."),
    Standing.CHALLENGED: Badge("challenged", "wait", "It was asked to prove its identity and has not answered yet."),
    Standing.PROVEN: Badge("proven", "good", "It has proved its identity on this connection."),
    Standing.TRUSTED: Badge("trusted", "good", "A rule trusts this connection, so it is not asked."),
    Standing.UNTRUSTED: Badge("unproven", "wait", "It does not know the message. It may say how it is, nothing more."),
    Standing.DOUBTED: Badge("doubted", "bad", "Asked again, it did not prove itself: it begins nothing new."),
    Standing.FAILED: Badge("refused", "bad", "It did not prove its identity. It may boot and ask the time."),
}  # fmt: skip
_ASLEEP: Final = Badge("–")
_UNASKED: Final = Badge("not asked", "", "Nothing is enrolled for it, and nothing is required of it.")

#: Why a connection is trusted, as the challenger says it → as people read it.
HOW: Final[dict[str, str]] = {
    TRUSTED_BY[None]: "",
    TRUSTED_BY[Rule.TRUSTED]: "by an operator's word",
    TRUSTED_BY[Rule.CERTIFICATE]: "by its certificate in TLS",
    TRUSTED_BY[Rule.NETWORK]: "by its password and network",
    "mTLS instead": "its certificate, instead of a proof",
    "Basic instead": "its password, instead of a proof",
}

#: What the challenger says before the answer of a station that it bears with.
_BORNE: Final = "unproven: "

#: Step of a proof → what its failure means to the operator. The station is told none of it.
STEPS: Final[dict[str, str]] = {
    "form": "What it answered is no proof: a part is missing, doubled, or of the wrong kind.",
    "nonce": "It answered another challenge than the one it was sent. An old proof may have been replayed.",
    "cpId": "It signed for another station's id. Compare the id in its settings with the last part of its address.",
    "timestamp": "Its clock is too far off.",
    "hash": "The hash that it sent is not that of what it sent. Its canonical JSON differs from RFC 8785.",
    "proofOfWork": "It did not do the work that was asked for.",
    "key": "No enrolled identity that counts now fits this proof, or the proof names another one.",
    "signature": "The signature is not by a key that is enrolled for it.",
    "unsupported": "It does not know the message SignedChallenge.",
    "notAsked": "It speaks OCPP 2.x, which is not asked for proofs: the setting ocpp2_extension is off.",
    "refused": "It refused the challenge, as one that was made for another host than it connected to.",
    "timeout": "It did not answer in time.",
    "internal": "The answer could not be judged, by a fault of ours. The log has more.",
    "expired": "It answered when the challenge had expired.",
    "limit": "It was not looked at: too many wrong signatures came in this station's name from the same address.",
    "offline": "Its connection ended before it answered.",
}

#: What a key was seen to sign.
SIGNS: Final[dict[SigningInput, str]] = {
    SigningInput.CANONICAL: "the canonical JSON",
    SigningInput.HASH_TEXT: "its hash, as text",
    SigningInput.DIGEST: "its hash, as bytes",
    SigningInput.EIP191_CANONICAL: "the canonical JSON, as Ethereum does",
    SigningInput.EIP191_HASH_TEXT: "its hash as text, as Ethereum does",
    SigningInput.EIP191_DIGEST: "its hash as bytes, as Ethereum does",
}

#: OCPP security profile → what it is.
PROFILES: Final[dict[str, str]] = {
    "0": "0 – any",
    "1": "1 – password",
    "2": "2 – TLS and password",
    "3": "3 – TLS with its own certificate",
}

#: What an operator has just done, as the page says it back.
DONE: Final[dict[str, str]] = {
    "proven": "It has just proved its identity.",
    "enrolled": "The identity is enrolled. It counts from the next challenge on.",
    "revoked": "The identity is revoked. A connection that it had proved is closed.",
    "promoted": "The identity is active.",
    "opened": "The window is open. Challenge the station now, or wait until it connects again.",
    "closed": "The window is closed.",
    "trust": "To trust it counts from its next connection on; to trust it no longer counts at once.",
    "profile": "The least security profile is set.",
    "booked": "The message was taken as true.",
    "dismissed": "The message was dismissed. It stays in the records.",
    "certificate": "The certificate name counts from the next connection on.",
}

#: Kind of a security event → what it means. Names are those of the OCPP 1.6 security whitepaper where it has one.
EVENTS: Final[dict[str, str]] = {
    "FailedToAuthenticateAtCentralSystem": "A station did not prove its identity.",
    "AttemptedReplayAttacks": "A proof was sent that belongs to another challenge.",
    "InvalidMessages": "A station sent what it may not send before it has proved its identity, or what is no message.",
    "IdentityChallengeTimedOut": "A station did not answer a challenge.",
    "IdentityChallengeUnsupported": "A station does not know the message that asks for a proof.",
    "IdentityDowngradeAttempt": "A station that has proved itself before says that it cannot: it may be another.",
    "IdentityProofsLimited": "Proofs in this station's name were refused unread: many before them were wrong.",
    "identityNotJudged": "A proof could not be judged, by a fault of ours. The log has more.",
    "securityProfileDowngrade": "A station came with a lower security profile than it has to. It was refused.",
    "connectionRefused": "Somebody was not let in: a wrong credential, or a request that no station sends.",
    "connectionContested": "A connection was refused because the station has one, or too many wait for their proof.",
    "candidateExpired": "A connection beside the station's own did not prove its identity in time.",
    "quarantineFull": "A station sends more messages of transactions than are kept of one that has not proved itself.",
    "quarantineNotBooked": "A message in quarantine could not be handled when its station proved itself.",
    "transactionLost": "A station has forgotten a transaction: its connector is free, and it never said that it ended.",
    "unknownTransaction": "A station speaks of a transaction that nobody knows.",
    "lateStart": "A charge began after its payment was over. It was stopped.",
    "holdOverdue": "A hold on a card was about to end during the charge. What was owed was taken.",
    "holdGone": "The provider let go of a hold before the charge was paid. Nothing more is delivered on it.",
    "captureImpossible": "What was owed could not be taken from the hold.",
    "other": "Kinds of events beyond the twentieth of one station are counted here.",
    "codesNeverMatch": "Codes of this station never match: its clock or its secret is wrong. It got a fresh one.",
}  # fmt: skip


def badge(standing: StandingView | None) -> Badge:
    """Return how a standing is shown; None is a station without a connection."""
    if standing is None:
        return _ASLEEP
    if standing.state is Standing.TRUSTED and standing.how == TRUSTED_BY[None]:
        return _UNASKED
    return STANDINGS[standing.state]


def how(text: str) -> str:
    """Return how a connection came to its standing, as people read it."""
    if text.startswith(_BORNE):
        return f"it answered: {text.removeprefix(_BORNE)}"
    return HOW.get(text, text)


def step(name: str, reason: str = "") -> str:
    """Return what a failed step means; an unknown one as its own reason."""
    return STEPS.get(step_shown(name, reason)) or reason or name


def step_shown(name: str, reason: str = "") -> str:
    """Return the step under which it is explained: to be unasked is no fault of the firmware."""
    return "notAsked" if name == "unsupported" and reason.startswith("OCPP 2") else name


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
    text = describe(identity)
    return f"{text[: _LONG - 9]}…{identity.material[-8:]}" if text.startswith("did:") and len(text) > _LONG else text


#: Characters of a DID that still fit on a phone.
_LONG: Final = 36
