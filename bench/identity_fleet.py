"""A fleet whose stations prove who they are: their keys, what an operator has enrolled of them, what they send."""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from evouch.charging.equipment import Evse
from evouch.cli.keys import keys_in
from evouch.clock import SystemClock, SystemEntropy
from evouch.cpo.gate import password_digest
from evouch.identity.enrolment import Identity, IdentityKind, SigningInput
from evouch.ids import EvseNumber, OcppVersion, Secret, StationId
from evouch.store.ports import Put
from evouch.store.records import StationRecord
from evouch.store.sealing import Sealer
from evouch.store.sql import SqlStore
from evouch.units import Watts

__all__ = ["BOOT", "Prover", "provers", "sow"]

BOOT: Final = b'[2,"%s","BootNotification",{"chargePointVendor":"Bench","chargePointModel":"Storm"}]'
#: Enrolled long ago.
SINCE: Final = datetime(2026, 11, 1, tzinfo=UTC)
ECDSA: Final = ec.ECDSA(hashes.SHA256())
#: Records per commit while the store is made.
BATCH: Final = 250


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass(slots=True)
class Prover:
    """One station: its key is Ed25519 or P-256 by turns, its signing all its own."""

    name: str
    sign: Callable[[bytes], bytes]
    material: str
    password: str = field(init=False)

    def __post_init__(self) -> None:
        self.password = f"password of {self.name}"

    @property
    def authorization(self) -> str:
        """The Basic header that lets it in."""
        return "Basic " + base64.b64encode(f"{self.name}:{self.password}".encode()).decode()

    def answer(self, id: str, nonce: str) -> bytes:
        """Return SignedChallenge.conf as a frame, made from the specification alone."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        canonical = (
            f'{{"cpId":"{self.name}","identityType":"publicKey","nonce":"{nonce}","powNonce":0,"timestamp":"{now}"}}'
        ).encode()
        signature = self.sign(canonical)
        return b'[3,"%s",{"payload":%s,"payloadSignature":"0x%s","payloadSha256Hash":"%s"}]' % (
            id.encode(),
            canonical,
            signature.hex().encode(),
            hashlib.sha256(canonical).hexdigest().encode(),
        )

    def hear(self, frame: bytes) -> tuple[str, bytes]:
        """Return the action of a CALL and the answer to it: a proof, or yes, or no."""
        call: Any = json.loads(frame)
        id, action = call[1], call[2]
        if action == "SignedChallenge":
            return action, self.answer(id, call[3]["nonce"])
        if action == "TriggerMessage":
            return action, b'[3,"%s",{"status":"Accepted"}]' % id.encode()
        return action, b'[4,"%s","NotSupported","",{}]' % id.encode()


def provers(prefix: str, count: int, *, false: bool = False) -> list[Prover]:
    """Return ``count`` stations with fresh keys; ``false`` ones sign with other keys than are enrolled."""
    made = [_prover(f"{prefix}-{number:05d}", ed=number % 2 == 0) for number in range(count)]
    if false:
        materials = [each.material for each in made]
        for each, other in zip(made, materials[2:] + materials[:2], strict=True):
            each.material = other
    return made


def _prover(name: str, *, ed: bool) -> Prover:
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    if ed:
        key = ed25519.Ed25519PrivateKey.generate()
        return Prover(name, key.sign, f"ed25519:{base64url(key.public_key().public_bytes(*form))}")
    curve = ec.generate_private_key(ec.SECP256R1())
    material = f"ecP256:{base64url(curve.public_key().public_bytes(*form))}"
    return Prover(name, lambda message: curve.sign(message, ECDSA), material)


async def sow(state: Path, fleet: Sequence[Prover]) -> None:
    """Write the state folder of an operator that has enrolled all of them, and has seen each of their keys before."""
    entropy = SystemEntropy()
    pepper = keys_in(None, state / "keys" / "pepper", entropy)[0]
    seal = keys_in(None, state / "keys" / "seal", entropy)
    store = await SqlStore.open(
        f"sqlite:///{state / 'evouch.db'}", clock=SystemClock(), seal=Sealer(*seal, entropy=entropy)
    )
    evse = Evse(number=EvseNumber(1), connectors=(1,), max_power=Watts(22_000))
    for first in range(0, len(fleet), BATCH):
        records: list[Put[StationRecord] | Put[Identity]] = []
        for each in fleet[first : first + BATCH]:
            id = StationId(each.name)
            digest = password_digest(pepper, id, Secret(each.password))
            records.append(
                Put(StationRecord(id=id, password=digest, version=OcppVersion("ocpp1.6"), evses=(evse,), name="Bench"))
            )
            records.append(
                Put(
                    Identity(
                        id=f"id-{each.name}",
                        station=id,
                        kind=IdentityKind.PUBLIC_KEY,
                        material=each.material,
                        enrolled_at=SINCE,
                        enrolled_by="bench",
                        signing=SigningInput.CANONICAL,
                        first_proven_at=SINCE,
                    )
                )
            )
        await store.commit(*records)
    await store.close()
