"""Signatures of Ethereum accounts: Keccak-256, personal_sign (EIP-191), the address behind a signature.

An account is known by its address, a hash of its key, so the key has to be recovered from the
signature. That needs the extra ``web3`` (coincurve); without it such a proof is refused, and says why.
"""

from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from evouch.errors import Refused

if TYPE_CHECKING:
    from coincurve import PublicKey

__all__ = ["address_of", "eip191", "keccak256", "recovery", "signed_by", "signers"]

#: Bytes that Keccak-256 takes up at once: 1600 bits of state less twice the 256 of its strength.
_RATE: Final = 136
_MASK: Final = (1 << 64) - 1
_LANES: Final = range(5)


def _round_constants() -> tuple[int, ...]:
    """Return the 24 constants of the step iota, from their shift register (FIPS 202 §3.2.5)."""
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for bit in range(7):
            constant |= (register & 1) << ((1 << bit) - 1)
            register = (register << 1) ^ (0x171 * (register >> 7))
        constants.append(constant)
    return tuple(constants)


def _rotations() -> tuple[tuple[int, int, int], ...]:
    """Return from where to where each lane moves, and by how many bits it turns (FIPS 202 §3.2.2 and 3)."""
    moves, (x, y) = [(0, 0, 0)], (1, 0)
    for step in range(24):
        moves.append((x + 5 * y, y + 5 * ((2 * x + 3 * y) % 5), (step + 1) * (step + 2) // 2 % 64))
        x, y = y, (2 * x + 3 * y) % 5
    return tuple(moves)


_CONSTANTS: Final = _round_constants()
_MOVES: Final = _rotations()


def _permute(state: list[int]) -> list[int]:
    """Return the state after the 24 rounds of Keccak-f[1600]."""
    for constant in _CONSTANTS:
        column = [state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20] for x in _LANES]
        mixed = [column[x - 1] ^ (column[x - 4] << 1 | column[x - 4] >> 63) & _MASK for x in _LANES]
        moved = [0] * 25
        for source, target, turn in _MOVES:
            lane = state[source] ^ mixed[source % 5]
            moved[target] = (lane << turn | lane >> (64 - turn)) & _MASK
        state = [
            moved[5 * y + x] ^ (~moved[5 * y + (x + 1) % 5] & moved[5 * y + (x + 2) % 5])
            for y in _LANES
            for x in _LANES
        ]
        state[0] ^= constant
    return state


def keccak256(data: bytes) -> bytes:
    """Return Keccak-256 as Ethereum uses it: padded with 01, where SHA3-256 of FIPS 202 has 06."""
    padded = bytearray(data) + bytes(_RATE - len(data) % _RATE)
    padded[len(data)] ^= 0x01
    padded[-1] ^= 0x80
    state = [0] * 25
    for start in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            at = start + 8 * lane
            state[lane] ^= int.from_bytes(padded[at : at + 8], "little")
        state = _permute(state)
    return b"".join(lane.to_bytes(8, "little") for lane in state[:4])


def eip191(message: bytes) -> bytes:
    """Return the digest that personal_sign signs for ``message`` (EIP-191 version 0x45)."""
    return keccak256(b"\x19Ethereum Signed Message:\n%d" % len(message) + message)


def address_of(point: bytes) -> bytes:
    """Return the 20 bytes of the account whose key is the uncompressed ``point`` (65 bytes)."""
    return keccak256(point[1:])[-20:]


def recovery() -> "type[PublicKey]":
    """Return what recovers keys from signatures; ``Refused("needsWeb3")`` without the extra ``web3``."""
    try:
        from coincurve import PublicKey  # noqa: PLC0415 - a library that only these identities need
    except ImportError:
        raise Refused("needsWeb3", "identities that are addresses need the extra web3: evouch[web3]") from None
    return PublicKey


def signed_by(address: bytes, signature: bytes, digest: bytes) -> bool:
    """Return whether the account ``address`` made ``signature`` over ``digest``; see :func:`signers`."""
    return address in signers(signature, digest)


def signers(signature: bytes, digest: bytes) -> frozenset[bytes]:
    """Return the accounts that may have made ``signature`` over ``digest``, none to two.

    65 bytes say by their last one (0, 1, 27, 28) which key to recover; for 64 bytes r ‖ s and for
    DER both possible keys are looked at. ``Refused("needsWeb3")`` without the extra ``web3``.
    """
    library, found = recovery(), set()
    for candidate in _recoverable(signature):
        try:
            key = library.from_signature_and_message(candidate, digest, hasher=None)
        except Exception:  # noqa: BLE001, S112 - the library raises a bare Exception where no such point exists
            continue
        found.add(address_of(key.format(compressed=False)))
    return frozenset(found)


def _recoverable(signature: bytes) -> list[bytes]:
    """Return ``signature`` in the 65 bytes of coincurve (v 0 or 1), twice where it does not say which."""
    if len(signature) == 65:  # noqa: PLR2004 - r, s and v
        v = signature[-1] - 27 if signature[-1] in {27, 28} else signature[-1]
        return [signature[:-1] + bytes([v])] if v in {0, 1} else []
    if len(signature) != 64:  # noqa: PLR2004 - r and s
        try:
            signature = b"".join(number.to_bytes(32, "big") for number in decode_dss_signature(signature))
        except (ValueError, OverflowError):
            return []
    return [signature + bytes([v]) for v in (0, 1)]
