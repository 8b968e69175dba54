"""Secrets at rest: sealed with AES-256-GCM, bound to the place where they lie, keys rotatable.

A sealed secret is ``version ‖ key id ‖ nonce ‖ ciphertext ‖ tag``. The key id tells which of
several keys opens it, so a new key can be put in front while older rows still open. The
context (table, column and key of the row) is authenticated along: a sealed secret that is
copied to another row opens nothing.
"""

import hashlib
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from evouch.clock import Entropy
from evouch.errors import LocalError
from evouch.ids import KeyBytes, Secret

__all__ = ["KEY_BYTES", "SealBroken", "Sealer"]

#: AES-256.
KEY_BYTES: Final = 32
_VERSION: Final = b"\x01"
_ID_BYTES: Final = 4
#: 96 bits, as NIST SP 800-38D §8.2.2 wants it of a random nonce; good for 2³² secrets per key.
_NONCE_BYTES: Final = 12
_HEAD: Final = len(_VERSION) + _ID_BYTES


class SealBroken(LocalError):
    """A sealed secret does not open: its key is not at hand, or it was changed or moved."""

    advice = "Start with every key that ever sealed this database; the newest comes first."


class Sealer:
    """Seals with ``newest``; opens with any key it was given. Keys are 32 bytes (ValueError otherwise)."""

    def __init__(self, newest: KeyBytes, *older: KeyBytes, entropy: Entropy) -> None:
        if any(len(key) != KEY_BYTES for key in (newest, *older)):
            msg = f"a sealing key has {KEY_BYTES} bytes"
            raise ValueError(msg)
        self._entropy = entropy
        self._newest = _VERSION + _key_id(newest)
        self._ciphers = {_VERSION + _key_id(key): AESGCM(key.reveal()) for key in (newest, *older)}

    def seal(self, secret: Secret, context: bytes) -> bytes:
        """Return ``secret`` encrypted for this context only."""
        nonce = self._entropy.bytes(_NONCE_BYTES)
        return self._newest + nonce + self._ciphers[self._newest].encrypt(nonce, secret.reveal(), context)

    def open(self, sealed: bytes, context: bytes) -> Secret:
        """Return the secret; raise :class:`SealBroken` where key or context is not the one that sealed it."""
        head, nonce, text = sealed[:_HEAD], sealed[_HEAD : _HEAD + _NONCE_BYTES], sealed[_HEAD + _NONCE_BYTES :]
        cipher = self._ciphers.get(head)
        if cipher is None:
            msg = f"sealed with a key that is not at hand (id {head[1:].hex()})"
            raise SealBroken(msg)
        try:
            return Secret(cipher.decrypt(nonce, text, context))
        except (InvalidTag, ValueError):
            msg = "a sealed secret was changed or moved"
            raise SealBroken(msg) from None

    def fresh(self, sealed: bytes) -> bool:
        """Return whether the newest key sealed this."""
        return sealed[:_HEAD] == self._newest


def _key_id(key: KeyBytes) -> bytes:
    """Name a key without telling anything about it that helps to guess 256 bits."""
    return hashlib.sha256(b"evouch sealing key" + key.reveal()).digest()[:_ID_BYTES]
