"""A proof judged on a desk: with a key, a DID or a certificate in hand, and no registry.

What was given stands for the one enrolled identity. A key also stands for the DIDs that carry
it, so that a proof of type web3 can be verified with its KEY.json. Keys that must not be
enrolled are taken here: published ones with a warning, weak ones to say that no signature by
them proves anything.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from evouch import wire
from evouch.errors import Refused
from evouch.identity import canonical, encoding, ethereum, shape
from evouch.identity.certificate import fingerprint
from evouch.identity.did import did_key, read_did
from evouch.identity.enrolment import Identity, IdentityKind
from evouch.identity.keys import KeyType, PublicKey, read_key, refuse_public_demo
from evouch.identity.material import key_document
from evouch.identity.proof import Expected, Step, Verdict, verify
from evouch.ids import StationId

__all__ = ["Given", "given_certificate", "given_did", "given_key", "judge"]

Json = Any

#: Message type of a CALLRESULT: [3, id, payload] (OCPP-J 1.6 §4.2.2).
_CALLRESULT: Final = 3
#: Message type of a CALLERROR: [4, id, code, description, details].
_CALLERROR: Final = 4
_DIDS: Final = "DIDs are did:key, did:w3cp, did:kilt:light, did:ethr and did:ewc"
_PUBLIC: Final = "the private half of this key is published; a backend refuses to enrol it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What to verify with: the identities that it stands for, and what a person calls it."""

    name: str
    identities: tuple[tuple[IdentityKind, str], ...]
    certificate: bytes | None = None
    warnings: tuple[str, ...] = ()


def given_key(document: Json) -> Given:
    """Return the key of a KEY.json; ``Refused("badKey")``."""
    key = read_key(key_document(document), enrolling=False)
    web3 = [(IdentityKind.WEB3, did) for did in _dids(key)]
    return Given(
        name=f"the {key.type} key {key.fingerprint[:16]}…",
        identities=((IdentityKind.PUBLIC_KEY, key.material), *web3),
        warnings=_warnings(key),
    )


def given_did(text: str) -> Given:
    """Return a DID; ``Refused`` badDid, or unsupportedDid, which says which are supported."""
    try:
        did = read_did(text, enrolling=False)
    except Refused as error:
        if error.reason != "unsupportedDid":
            raise
        raise Refused("unsupportedDid", f"{error.detail} is not supported; {_DIDS}") from None
    return Given(
        name=did.normalised,
        identities=((IdentityKind.WEB3, did.normalised),),
        warnings=_warnings(did.key) if did.key else (),
    )


def given_certificate(der: bytes) -> Given:
    """Return a certificate, as one that is enrolled and was presented in TLS."""
    sha256 = fingerprint(der)
    return Given(
        name=f"the certificate {sha256[:16]}…", identities=((IdentityKind.CERTIFICATE, sha256),), certificate=der
    )


def judge(
    data: bytes,
    given: Given,
    *,
    station: str,
    nonce: str,
    now: datetime,
    difficulty: int,
    enforce_time: bool,
    since: str = "now",
) -> Verdict:
    """Judge the JSON in ``data``, a payload or a CALLRESULT frame, with what was given.

    ``since`` is what a person calls ``now``.
    """
    try:
        document = _payload(wire.decode(data))
    except wire.MalformedJson as error:
        return Verdict(step=Step.FORM, reason=str(error))
    if (code := _error_in(document)) is not None:
        return Verdict(step=Step.FORM, reason=f"is a CALLERROR {code}: there is no proof in it")
    verdict = verify(
        document,
        Expected(
            station=station, nonce=nonce, now=now, difficulty=difficulty, certificate=given.certificate,
            enforce_time=enforce_time, identities=tuple(_enrolled(given, station, now)), since=since,
        ),
    )  # fmt: skip
    return verdict if verdict.canonical else replace(verdict, canonical=_canonical(document))


def _payload(document: Json) -> Json:
    frame = isinstance(document, list) and len(document) == 3 and document[0] == _CALLRESULT  # noqa: PLR2004 - its form
    return document[2] if frame else document


def _error_in(document: Json) -> str | None:
    """Return the code of a CALLERROR frame; None for anything else."""
    frame = isinstance(document, list) and len(document) > 2 and document[0] == _CALLERROR  # noqa: PLR2004 - its form
    return str(document[2]) if frame else None


def _enrolled(given: Given, station: str, now: datetime) -> Iterator[Identity]:
    for kind, material in given.identities:
        yield Identity(
            id=material, station=StationId(station), kind=kind, material=material, enrolled_at=now, enrolled_by="given"
        )


def _canonical(document: Json) -> str:
    """Return the form that the hash selects also where an earlier step failed: firmware has one fault after another."""
    try:
        claim = shape.read(document)
        return (canonical.select(claim.payload, encoding.read_digest(claim.hash)) or b"").decode()
    except ValueError:
        return ""


def _dids(key: PublicKey) -> Iterator[str]:
    """Yield the DIDs that carry this key, or its address."""
    if key.type is KeyType.SECP256K1:
        yield f"did:ethr:0x{key.compressed.hex()}"
        yield f"did:ethr:0x{ethereum.address_of(key.raw).hex()}"
    yield did_key(key)
    if key.type is KeyType.ED25519:
        yield f"did:w3cp:{encoding.base58(key.raw)}"
        yield f"did:kilt:light:00{encoding.base58(key.raw)}"


def _warnings(key: PublicKey) -> tuple[str, ...]:
    try:
        refuse_public_demo(key)
    except Refused:
        return (_PUBLIC,)
    return ()
