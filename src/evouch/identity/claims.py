"""Which identities a proof may be by. Step 7: from what is enrolled, what was claimed, what TLS presented.

The kind of the proof has to be that of the identity. Where the proof names a DID or a key,
it has to be an enrolled one; where it names none, all usable ones of the kind are
candidates. A proof of type x509Certificate names its certificate, which has to be the one
that TLS presented and an enrolled one.

Trust on first use: nothing but revoked identities is enrolled, an operator has opened the
window, and the proof carries what is to be enrolled. A revoked identity never comes back so.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from evouch.errors import Refused
from evouch.identity import encoding
from evouch.identity.certificate import Certificate, der_of, fingerprint, read_certificate
from evouch.identity.did import did_of, read_did
from evouch.identity.enrolment import Identity, IdentityKind, IdentityStatus, usable
from evouch.identity.keys import key_of, read_key, refuse_public_demo
from evouch.identity.shape import Claim
from evouch.identity.verifiers import Key, Verifier, verifier_of

__all__ = ["MAX_CANDIDATES", "Candidate", "candidates"]

#: Most identities that one proof is tried against: signatures are what costs, and strangers send them.
MAX_CANDIDATES: Final = 4
_ORDER: Final = {IdentityStatus.ACTIVE: 0, IdentityStatus.NEXT: 1, IdentityStatus.REVOKED: 2}


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody the proof may be by: an enrolled identity, or one that is offered for the first time."""

    verifier: Verifier
    identity: Identity | None = None
    offered: tuple[IdentityKind, str] | None = None


def candidates(
    claim: Claim, enrolled: tuple[Identity, ...], now: datetime, *, certificate: bytes | None, first_use: bool
) -> list[Candidate]:
    """Return who to check the signature with, active identities first, never nobody.

    Raises ``Refused``, with its reason for an operator in ``detail``, where there is nobody.
    """
    presented = _presented(claim, certificate, now) if claim.kind is IdentityKind.CERTIFICATE else None
    named = presented.sha256 if presented else _named(claim)
    if first_use and all(each.status is IdentityStatus.REVOKED for each in enrolled):
        return [_offer(claim, enrolled, named, presented)]
    usables = [each for each in enrolled if each.kind is claim.kind and usable(each, now)]
    if not usables:
        raise Refused("noIdentity", f"no usable identity of type {claim.kind} is enrolled")
    found = [each for each in usables if named in {None, each.material}]
    if not found:
        raise Refused("noIdentity", f"{named} is not an enrolled identity of this station")
    found.sort(key=lambda each: _ORDER[each.status])
    return _verifiable(found[:MAX_CANDIDATES], presented)


def _verifiable(found: list[Identity], presented: Certificate | None) -> list[Candidate]:
    """Return those whose material can be used; raise the reason of the last where none can."""
    some, refused = [], None
    for each in found:
        try:
            some.append(Candidate(_verifier(each, presented), identity=each))
        except Refused as error:
            refused = error
    if refused is not None and not some:
        raise refused
    return some


def _verifier(identity: Identity, presented: Certificate | None) -> Verifier:
    if presented is not None:
        return Key(presented.key)
    if identity.kind is IdentityKind.WEB3:
        return verifier_of(did_of(identity.material))
    return Key(key_of(identity.material))


def _named(claim: Claim) -> str | None:
    """Return the material that the proof itself names, normalised."""
    if claim.did is not None:
        return read_did(claim.did, enrolling=False).normalised
    if claim.public_key is not None:
        return read_key(claim.public_key, enrolling=False).material
    return None


def _offer(claim: Claim, enrolled: tuple[Identity, ...], named: str | None, presented: Certificate | None) -> Candidate:
    """Return what the proof brings along to be enrolled."""
    if named is None:
        raise Refused("noIdentity", "nothing is enrolled, and the proof names nothing that could be")
    if any(each.kind is claim.kind and each.material == named for each in enrolled):
        raise Refused("noIdentity", "a revoked identity is not taken on first use")
    return Candidate(_offered_verifier(claim, presented), offered=(claim.kind, named))


def _offered_verifier(claim: Claim, presented: Certificate | None) -> Verifier:
    if presented is not None:
        return Key(refuse_public_demo(presented.key))
    if claim.did is not None:
        return verifier_of(read_did(claim.did))
    return Key(read_key(claim.public_key))


def _presented(claim: Claim, der: bytes | None, now: datetime) -> Certificate:
    """Return the certificate that TLS presented and the proof names."""
    if der is None:
        raise Refused("noIdentity", "no client certificate was presented on this connection")
    if claim.certificate is None:
        raise Refused("noIdentity", "the proof names no certificate: payload.x509Identity is missing")
    certificate = read_certificate(der)
    for member, text in claim.certificate.items():
        said = fingerprint(der_of(text)) if member == "certificatePem" else _sha256(text)
        if said != certificate.sha256:
            raise Refused("noIdentity", f"{member} is not that of the certificate that was presented")
    if not certificate.valid(now):
        raise Refused("noIdentity", "the certificate is expired or not yet valid")
    return certificate


def _sha256(text: str) -> str:
    """Return a fingerprint as this package writes it; hex in either case, or base64url like any other hash."""
    try:
        return encoding.read_digest(text).hex()
    except ValueError:
        raise Refused("noIdentity", "certificateSha256 is not a SHA-256") from None
