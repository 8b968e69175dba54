"""A station, its keys and its proofs, as the tests of identity use them."""

import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from evouch.identity.canonical import canonical
from evouch.identity.enrolment import Identity, IdentityKind
from evouch.identity.keys import KeyType, PrivateKey
from evouch.identity.proof import Expected, Verdict, prove, verify
from evouch.ids import KeyBytes, StationId
from evouch.testing.clock import SeededEntropy

__all__ = [
    "AT", "CHALLENGED", "KEYS", "NONCE", "STATION", "VECTORS", "certificate", "edited", "enrolled", "expected",
    "judged", "key", "of_key", "proof", "resigned",
]  # fmt: skip

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "w3cp.json").read_text())

#: the station, the nonce and the moment of all published vectors
STATION = StationId("CP-12345")
NONCE = "abc123"
CHALLENGED = datetime(2025, 7, 9, 14, 0, 0, tzinfo=UTC)
AT = CHALLENGED + timedelta(seconds=3)


def key(type: KeyType = KeyType.ED25519, seed: str = "station") -> PrivateKey:
    """Return one and the same key for a type and a seed."""
    return PrivateKey.generate(type, SeededEntropy(seed))


KEYS = {type: key(type) for type in KeyType}


def enrolled(kind: IdentityKind, material: str, **more: Any) -> Identity:
    """Return an enrolled identity of the station."""
    return Identity(
        id=f"{kind}-{material[-8:]}", station=STATION, kind=kind, material=material, enrolled_at=CHALLENGED,
        enrolled_by="operator", **more,
    )  # fmt: skip


def of_key(key: PrivateKey, **more: Any) -> Identity:
    """Return the identity of a key."""
    return enrolled(IdentityKind.PUBLIC_KEY, key.public.material, **more)


def expected(*identities: Identity, **more: Any) -> Expected:
    """Return what a proof on this station's connection is judged against."""
    return replace(Expected(station=STATION, nonce=NONCE, now=AT, identities=identities), **more)


def proof(key: PrivateKey, **more: Any) -> dict[str, Any]:
    """Return the proof of a station that has ``key``."""
    said: dict[str, Any] = {"station": STATION, "nonce": NONCE, "at": AT}
    return prove(key, **(said | more))


def judged(document: Any, *identities: Identity, **more: Any) -> Verdict:
    """Return the verdict on a proof."""
    return verify(document, expected(*identities, **more))


def edited(document: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Return the proof with members of its payload changed (None: left out); hash and signature stay."""
    document = copy.deepcopy(document)
    document["payload"] |= members
    document["payload"] = {name: value for name, value in document["payload"].items() if value is not None}
    return document


def resigned(key: PrivateKey, payload: dict[str, Any], message: bytes | None = None) -> dict[str, Any]:
    """Return a proof of any payload, signed by ``key`` over its canonical form, or over ``message``."""
    form = canonical(payload)
    return {
        "payload": payload,
        "payloadSignature": "0x" + key.sign(form if message is None else message).hex(),
        "payloadSha256Hash": hashlib.sha256(form).hexdigest(),
    }


def certificate(
    type: KeyType | str = KeyType.P256,
    *,
    since: datetime = AT - timedelta(days=1),
    until: datetime = AT + timedelta(days=1),
    name: str = "CP-12345",
) -> tuple[PrivateKey, bytes]:
    """Return a self-signed certificate in DER with its key, new on every call; of type rsa without a usable key."""
    made: dict[str, Callable[[], Any]] = {
        KeyType.ED25519: ed25519.Ed25519PrivateKey.generate,
        KeyType.P256: lambda: ec.generate_private_key(ec.SECP256R1()),
        KeyType.SECP256K1: lambda: ec.generate_private_key(ec.SECP256K1()),
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
    }
    loaded = made[type]()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    built = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(loaded.public_key())
    built = built.serial_number(1).not_valid_before(since).not_valid_after(until)
    signed = built.sign(loaded, None if type is KeyType.ED25519 else hashes.SHA256())
    der = signed.public_bytes(serialization.Encoding.DER)
    if type == "rsa":
        return key(), der
    form = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return PrivateKey.from_pkcs8(KeyBytes(loaded.private_bytes(*form))), der
