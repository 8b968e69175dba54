"""Proofs of identity verified per second of CPU, beside the bare signature check that cannot be saved.

One process, one core, CPU time. Ours is :func:`evouch.identity.proof.verify` with all its
eight steps: form, nonce, cpId, timestamp, canonical form and hash, proof of work, the
enrolled key, the signature. The signing input is pinned, as it is after a station's first
proof. The floor is the ``verify`` call of ``cryptography`` alone, on the same keys,
signatures and messages, with the keys loaded before. "From the frame" also reads the proof
out of the bytes of a WebSocket message.

Every proof is by a station of its own, with its own key and its own nonce. All contenders run
in turns; figures are medians of the rounds.
"""

import argparse
import base64
import hashlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from bench import common
from evouch import wire
from evouch.identity.enrolment import Identity, IdentityKind, SigningInput
from evouch.identity.proof import Expected, verify
from evouch.ids import StationId

__all__ = ["main"]

#: Share of the bare signature check's rate that has to be left.
SHARE: Final = 0.6
AT: Final = datetime(2026, 11, 20, 10, 0, 0, tzinfo=UTC)
ECDSA: Final = ec.ECDSA(hashes.SHA256())

Key = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey


@dataclass(slots=True)
class Proof:
    """One proof, as it comes and as it is judged, and the bare call that it cannot do without."""

    frame: bytes
    document: Any
    expected: Expected
    bare: Callable[[], object]


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def ed25519_key() -> Key:
    return ed25519.Ed25519PrivateKey.generate()


def p256_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def secp256k1_key() -> Key:
    return ec.generate_private_key(ec.SECP256K1())


def certificate(key: ec.EllipticCurvePrivateKey, name: str) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(AT - timedelta(days=1)).not_valid_after(AT + timedelta(days=1))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def signer(key: Key) -> tuple[Callable[[bytes], bytes], Callable[[bytes, bytes], object]]:
    """Return how a key signs, and the bare call that checks it."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign, key.public_key().verify
    public = key.public_key()
    return (lambda message: key.sign(message, ECDSA)), (lambda signature, said: public.verify(signature, said, ECDSA))


def proof(number: int, word: str, key: Key) -> Proof:
    """Return the proof of station ``number``; ``word`` is the type of its key, or x509."""
    station, nonce = f"CS-{number:06d}", base64url(hashlib.sha256(b"%d" % number).digest())
    payload: dict[str, Any] = {
        "cpId": station,
        "identityType": "publicKey",
        "nonce": nonce,
        "powNonce": 0,
        "timestamp": "2026-11-20T10:00:00Z",
    }
    der = None
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    kind, material = IdentityKind.PUBLIC_KEY, f"{word}:{base64url(key.public_key().public_bytes(*form))}"
    if word == "x509":
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        der = certificate(key, station)
        kind, material = IdentityKind.CERTIFICATE, hashlib.sha256(der).hexdigest()
        payload |= {"identityType": "x509Certificate", "x509Identity": {"certificateSha256": material}}
    canonical = json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()
    sign, check = signer(key)
    signature = sign(canonical)
    answer = {
        "payload": payload,
        "payloadSignature": f"0x{signature.hex()}",
        "payloadSha256Hash": hashlib.sha256(canonical).hexdigest(),
    }
    frame = json.dumps([3, f"{number}", answer], separators=(",", ":")).encode()
    identity = Identity(
        id=f"i{number}", station=StationId(station), kind=kind, material=material, enrolled_at=AT, enrolled_by="bench",
        signing=SigningInput.CANONICAL, first_proven_at=AT,
    )  # fmt: skip
    expected = Expected(station=station, nonce=nonce, now=AT, identities=(identity,), certificate=der)
    return Proof(frame, wire.decode(frame)[2], expected, lambda: check(signature, canonical))


KINDS: Final[dict[str, Callable[[], Key]]] = {
    "ecP256": p256_key,
    "ed25519": ed25519_key,
    "secp256k1": secp256k1_key,
    "x509": p256_key,
}


def bare(proofs: list[Proof]) -> Iterator[object]:
    return (each.bare() is None for each in proofs)


def ours(proofs: list[Proof]) -> Iterator[object]:
    return (verify(each.document, each.expected).valid for each in proofs)


def from_the_frame(proofs: list[Proof]) -> Iterator[object]:
    return (verify(wire.decode(each.frame)[2], each.expected).valid for each in proofs)


CONTENDERS: Final = {"bare verify": bare, "ours": ours, "ours, from the frame": from_the_frame}


def measure(count: int, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Return, per kind of key and contender, proofs per CPU second in each round."""
    fleets = {word: [proof(number, word, make()) for number in range(count)] for word, make in KINDS.items()}
    rates: dict[str, dict[str, list[float]]] = {word: {name: [] for name in CONTENDERS} for word in KINDS}
    for number in range(rounds + 1):
        for word, proofs in fleets.items():
            for name, contender in CONTENDERS.items():
                start = time.process_time()
                good = sum(map(bool, contender(proofs)))
                spent = time.process_time() - start
                if good != count:
                    sys.exit(f"{name} accepted {good} proofs of {count} by {word}")
                if number:  # the first round warms up: keys are loaded, as they are on a station's first visit
                    rates[word][name].append(count / spent)
    return rates


def share(rates: dict[str, list[float]], name: str) -> float:
    """Return the median, over the rounds, of a contender's share of the bare call in the same round."""
    return statistics.median(one / floor for one, floor in zip(rates[name], rates["bare verify"], strict=True))


def show(rates: dict[str, dict[str, list[float]]]) -> None:
    print(f"{'proofs per CPU second':<34}{'':>10}{'µs each':>10}{'share of the floor':>20}")
    for word, each in rates.items():
        for name, values in each.items():
            rate = statistics.median(values)
            print(f"{word + ', ' + name:<34}{rate:>10,.0f}{1e6 / rate:>10.1f}{share(each, name):>20.0%}")


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proofs", type=int, default=1_000, help="stations per kind of key, one proof each")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(words)
    rates = measure(options.proofs, options.rounds)
    if not options.json:
        show(rates)
    claims = [
        common.Claim(
            f"proofs verified per CPU second, {word}, beside the bare signature check",
            f"≥ {SHARE:.0%} of its rate",
            f"{statistics.median(each['ours']):,.0f}, {share(each, 'ours'):.0%}",
            share(each, "ours") >= SHARE,
        )
        for word, each in rates.items()
    ]
    return common.finish(claims, as_json=options.json, proofs_per_second=rates)


if __name__ == "__main__":
    sys.exit(main())
