"""What a signature is checked with: a key or an account, and the bytes it may have been made over.

W3CP says "signature of the payload", its firmware signs the text of the hash, its library the
hash. All three are looked at for a key that was never seen, in this order; what matched is
pinned to the identity and nothing else is taken from it again. An Ethereum account may
also have signed with personal_sign.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Protocol

from evouch.identity import encoding, ethereum
from evouch.identity.did import Did
from evouch.identity.enrolment import SigningInput
from evouch.identity.keys import PublicKey

__all__ = ["Account", "Key", "Signed", "Verifier", "matched", "verifier_of"]

_PLAIN: Final = (SigningInput.CANONICAL, SigningInput.HASH_TEXT, SigningInput.DIGEST)
_PERSONAL: Final = (SigningInput.EIP191_CANONICAL, SigningInput.EIP191_HASH_TEXT, SigningInput.EIP191_DIGEST)


@dataclass(frozen=True, slots=True)
class Signed:
    """What may have been signed: the canonical payload, the text of its hash as it was sent, the hash."""

    canonical: bytes
    hash_text: str
    digest: bytes
    #: what was reckoned for one who may have signed, and holds for all: each form's digests, and who they recover to
    _digests: dict[SigningInput, tuple[bytes, ...]] = field(default_factory=dict, compare=False, repr=False)
    _signers: dict[tuple[bytes, bytes], frozenset[bytes]] = field(default_factory=dict, compare=False, repr=False)

    def message(self, form: SigningInput) -> bytes:
        """Return the message of a plain form."""
        return _MESSAGES[form](self)

    def personal(self, form: SigningInput) -> tuple[bytes, ...]:
        """Return the digests of a form of EIP-191. Wallets sign texts: of the hash there are three spellings."""
        if form not in self._digests:
            self._digests[form] = tuple(self._personal(form))
        return self._digests[form]

    def signers(self, signature: bytes, digest: bytes) -> frozenset[bytes]:
        """Return the accounts that may have made ``signature`` over ``digest``; ``Refused("needsWeb3")``."""
        if (signature, digest) not in self._signers:
            self._signers[signature, digest] = ethereum.signers(signature, digest)
        return self._signers[signature, digest]

    def _personal(self, form: SigningInput) -> Iterator[bytes]:
        if form is not SigningInput.EIP191_HASH_TEXT:
            yield ethereum.eip191(self.canonical if form is SigningInput.EIP191_CANONICAL else self.digest)
            return
        for text in dict.fromkeys((self.hash_text, self.digest.hex(), encoding.base64url(self.digest))):
            yield ethereum.eip191(text.encode())


_MESSAGES: Final[dict[SigningInput, Callable[[Signed], bytes]]] = {
    SigningInput.CANONICAL: lambda signed: signed.canonical,
    SigningInput.HASH_TEXT: lambda signed: signed.hash_text.encode(),
    SigningInput.DIGEST: lambda signed: signed.digest,
}


class Verifier(Protocol):
    """Whoever may have signed."""

    @property
    def forms(self) -> tuple[SigningInput, ...]:
        """In which order the forms are looked at, where none is pinned."""

    def made(self, signature: bytes, signed: Signed, form: SigningInput) -> bool:
        """Return whether ``signature`` is theirs, over that form."""


@dataclass(frozen=True, slots=True)
class Key:
    """A known key; ``personal`` where it is an Ethereum account's."""

    key: PublicKey
    personal: bool = False

    @property
    def forms(self) -> tuple[SigningInput, ...]:
        """An account most likely signed as accounts do."""
        return _PERSONAL + _PLAIN if self.personal else _PLAIN

    def made(self, signature: bytes, signed: Signed, form: SigningInput) -> bool:
        """Return whether ``signature`` verifies under the key."""
        if form in _MESSAGES:
            return self.key.verify(signature, signed.message(form))
        return self.personal and any(self.key.verify_digest(signature, each) for each in signed.personal(form))


@dataclass(frozen=True, slots=True)
class Account:
    """An Ethereum account of which only the address is known."""

    address: bytes

    @property
    def forms(self) -> tuple[SigningInput, ...]:
        """An account most likely signed as accounts do."""
        return _PERSONAL + _PLAIN

    def made(self, signature: bytes, signed: Signed, form: SigningInput) -> bool:
        """Return whether the key recovered from ``signature`` has this address; ``Refused("needsWeb3")``."""
        digests = [sha256(signed.message(form)).digest()] if form in _MESSAGES else signed.personal(form)
        return any(self.address in signed.signers(signature, each) for each in digests)


def verifier_of(did: Did) -> Verifier:
    """Return what a DID says to check signatures with; ``Refused("needsWeb3")`` where that takes the extra."""
    if did.key is not None:
        return Key(did.key, personal=did.method in _ACCOUNTS)
    ethereum.recovery()
    return Account(did.address or b"")


def matched(verifier: Verifier, signature: bytes, signed: Signed, pinned: SigningInput | None) -> SigningInput | None:
    """Return which form ``signature`` was made over, or None; only the pinned one is looked at, if one is."""
    forms: Iterable[SigningInput] = verifier.forms if pinned is None else (pinned,)
    return next((form for form in forms if verifier.made(signature, signed, form)), None)


_ACCOUNTS: Final = frozenset({"ethr", "ewc"})
