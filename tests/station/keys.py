"""Keys of simulated stations: the same in every run, and good for nothing else."""

from evouch.identity.keys import KeyType, PrivateKey
from evouch.station.prover import Prover
from evouch.testing import SeededEntropy

__all__ = ["ED25519", "P256", "PROVER", "SECP256K1"]

ED25519, P256, SECP256K1 = (
    PrivateKey.generate(type, SeededEntropy(type)) for type in (KeyType.ED25519, KeyType.P256, KeyType.SECP256K1)
)
PROVER = Prover(key=ED25519.pem())
