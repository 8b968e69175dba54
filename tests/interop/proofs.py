"""SignedChallenge as a stranger writes it: a few lines each of json, hashlib and ``cryptography``.

Made from docs/specs/signed_challenge.md alone; nothing of our identity package is used.
"""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

__all__ = ["Key", "base64url", "canonical", "failure", "firmware_proof", "own_proof"]

ECDSA = ec.ECDSA(hashes.SHA256())
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def canonical(payload: Any) -> bytes:
    """RFC 8785, as far as these payloads need it."""
    return json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True)
class Key:
    """A key pair of a type: ed25519, ecP256 or secp256k1."""

    type: str
    private: Any

    @classmethod
    def fresh(cls, type: str) -> "Key":
        if type == "ed25519":
            return cls(type, ed25519.Ed25519PrivateKey.generate())
        return cls(type, ec.generate_private_key(ec.SECP256R1() if type == "ecP256" else ec.SECP256K1()))

    @property
    def document(self) -> dict[str, str]:
        form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        return {
            "type": self.type,
            "encoding": "base64url",
            "value": base64url(self.private.public_key().public_bytes(*form)),
        }

    @property
    def did(self) -> str:
        """did:key of an Ed25519 key."""
        number, text = int.from_bytes(b"\xed\x01" + self.private.public_key().public_bytes_raw(), "big"), ""
        while number:
            number, digit = divmod(number, 58)
            text = BASE58[digit] + text
        return "did:key:z" + text

    def sign(self, message: bytes) -> bytes:
        signed = self.private.sign(message) if self.type == "ed25519" else self.private.sign(message, ECDSA)
        assert isinstance(signed, bytes)
        return signed

    def signed(self, signature: bytes, message: bytes) -> bool:
        public = self.private.public_key()
        try:
            public.verify(signature, message) if self.type == "ed25519" else public.verify(signature, message, ECDSA)
        except InvalidSignature:
            return False
        return True


Proof = Callable[[Key, str, str], dict[str, Any]]


def payload_of(station: str, nonce: str, /, **more: Any) -> dict[str, Any]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    start = {"cpId": station, "timestamp": now, "nonce": nonce, "identityType": "publicKey", "powNonce": 0}
    return start | more


def own_proof(key: Key, station: str, nonce: str, /, **more: Any) -> dict[str, Any]:
    """As the specification asks for it; ``more`` adds to the payload, or is a lie in it."""
    payload = payload_of(station, nonce, **more)
    said = canonical(payload)
    return {
        "payload": payload,
        "payloadSignature": "0x" + key.sign(said).hex(),
        "payloadSha256Hash": hashlib.sha256(said).hexdigest(),
    }


def firmware_proof(key: Key, station: str, nonce: str) -> dict[str, Any]:
    """As the reference firmware does it: base64url, nine digits, signed over the text of the hash, nulls hashed."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"
    payload = payload_of(station, nonce, timestamp=now, powNonce=1)
    hashed = base64url(hashlib.sha256(canonical({**payload, "web3Identity": None})).digest())
    return {
        "type": "identityProof",
        "payload": payload,
        "payloadSignature": base64url(key.sign(hashed.encode())),
        "payloadSha256Hash": hashed,
    }


def failure(answer: Any, *, key: Key, station: str, nonce: str) -> str:
    """Return what is wrong with a proof that should be by ``key``; empty if nothing is."""
    payload, hashed = answer["payload"], answer["payloadSha256Hash"]
    if payload["nonce"] != nonce:
        return "nonce"
    if payload["cpId"] != station:
        return "cpId"
    if len(hashed) == 64:
        digest, said = bytes.fromhex(hashed), canonical(payload)
        message, signature = said, bytes.fromhex(answer["payloadSignature"].removeprefix("0x"))
    else:
        digest, said = base64.urlsafe_b64decode(hashed + "="), canonical({**payload, "web3Identity": None})
        text = answer["payloadSignature"]
        message, signature = hashed.encode(), base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if hashlib.sha256(said).digest() != digest:
        return "hash"
    return "" if key.signed(signature, message) else "signature"
