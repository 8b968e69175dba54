"""The verification of a proof: eight numbered steps, the cheap ones first, the first that fails ends it.

1. **form**: the members of SignedChallenge.conf, their types, at most 8 KiB (:mod:`~evouch.identity.shape`);
2. **nonce**: the one that was issued on this connection, compared in constant time;
3. **cpId**: the station's id in the URL of the WebSocket, byte for byte;
4. **timestamp**: 0 to 9 fraction digits and ``Z``; within the window around now, which is enforced or only warned
   about, for a station that has not had its first BootNotification answered may have no clock;
5. **hash**: equals that of a canonical form of the payload, and so selects it (:mod:`~evouch.identity.canonical`);
6. **proofOfWork**: enough trailing zero bits in it;
7. **key**: there is an identity that such a proof may be judged against (:mod:`~evouch.identity.claims`);
8. **signature**: made by it, over what it is known to sign (:mod:`~evouch.identity.verifiers`).

What is left to the caller: the nonce is taken out of the connection's state before this is
called, whatever comes out, and is not older than its lifetime; ``reason`` is for operators and
never sent; a matched :attr:`Verdict.signing` is pinned to the identity; an ``offered`` identity
is enrolled only while the operator's window is open.
"""

import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from evouch.errors import Refused
from evouch.identity import canonical, claims, encoding, shape
from evouch.identity.claims import Candidate
from evouch.identity.enrolment import Identity, IdentityKind, SigningInput
from evouch.identity.proving import Profile, prove
from evouch.identity.verifiers import Signed, matched
from evouch.identity.work import trailing_zeros

__all__ = ["WINDOW", "Expected", "Profile", "Step", "Verdict", "prove", "verify"]

Json = Any

#: Seconds that a timestamp may be away from now: two clocks that are each a minute off.
WINDOW: Final = 120

#: The form of an instant; its text is what was hashed, so it is never written anew.
_INSTANT: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z\Z", re.ASCII)


class Step(StrEnum):
    """The steps, in their order."""

    FORM = "form"
    NONCE = "nonce"
    CP_ID = "cpId"
    TIMESTAMP = "timestamp"
    HASH = "hash"
    WORK = "proofOfWork"
    KEY = "key"
    SIGNATURE = "signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a proof is judged against: the connection it came on, and what is enrolled for the station."""

    station: str
    nonce: str
    now: datetime
    difficulty: int = 0
    identities: tuple[Identity, ...] = ()
    #: the client certificate of the TLS connection, in DER
    certificate: bytes | None = None
    window: int = WINDOW
    enforce_time: bool = False
    #: an operator lets this station's first key in
    first_use: bool = False
    #: what ``now`` is called in a reason
    since: str = "now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came out: the step that failed, or None where all held."""

    step: Step | None = None
    #: why, in words for an operator
    reason: str = ""
    #: whose proof it is; None where it failed, or was made by an identity that is only offered
    identity: Identity | None = None
    signing: SigningInput | None = None
    #: the text that was hashed; empty where no form matched or the hash was not looked at
    canonical: str = ""
    warnings: tuple[str, ...] = ()
    #: what to enrol, where nothing was and the first key is let in
    offered: tuple[IdentityKind, str] | None = None

    @property
    def valid(self) -> bool:
        """Whether every step held."""
        return self.step is None


def verify(document: Json, expected: Expected) -> Verdict:
    """Judge ``document``, a SignedChallenge.conf as :func:`evouch.wire.decode` returns it.

    Raises nothing for what the document contains.
    """
    examination = _Examination(expected)
    try:
        return examination.of(document)
    except Exception as error:  # noqa: BLE001 - what a parser makes of a stranger's bytes is a verdict, never a crash
        return Verdict(
            step=examination.step,
            reason=_sentence(error),
            canonical=examination.canonical,
            warnings=tuple(examination.warnings),
        )


class _Fails(Exception):
    """The current step does not hold; the message says why."""


def _sentence(error: Exception) -> str:
    if isinstance(error, _Fails | ValueError):
        return str(error)
    return error.detail or error.reason if isinstance(error, Refused) else f"{type(error).__name__}: {error}"


@dataclass(slots=True)
class _Examination:
    """One proof on its way through the steps."""

    expected: Expected
    step: Step = Step.FORM
    canonical: str = ""
    warnings: list[str] = field(default_factory=list)

    def of(self, document: Json) -> Verdict:
        # (1) form
        claim = shape.read(document)
        # (2) nonce
        self.step = Step.NONCE
        if not hmac.compare_digest(_raw(claim.nonce), _raw(self.expected.nonce)):
            raise _Fails("another nonce than the one that was issued")
        # (3) cpId
        self.step = Step.CP_ID
        if claim.station != self.expected.station:
            raise _Fails(f"cpId {claim.station!r} on the connection of {self.expected.station!r}")
        # (4) timestamp
        self.step = Step.TIMESTAMP
        self._timestamp(claim.timestamp)
        # (5) hash
        self.step = Step.HASH
        signed = self._hash(claim)
        # (6) proof of work
        self.step = Step.WORK
        if self.expected.difficulty and (zeros := trailing_zeros(signed.digest)) < self.expected.difficulty:
            raise _Fails(f"{zeros} trailing zero bits in the hash, {self.expected.difficulty} were asked for")
        # (7) key
        self.step = Step.KEY
        candidates = claims.candidates(
            claim, self.expected.identities, self.expected.now,
            certificate=self.expected.certificate, first_use=self.expected.first_use,
        )  # fmt: skip
        # (8) signature
        self.step = Step.SIGNATURE
        return self._signature(encoding.read_signature(claim.signature), signed, candidates)

    def _timestamp(self, text: str) -> None:
        moment = _instant(text)
        away = abs(moment - self.expected.now)
        if away <= timedelta(seconds=self.expected.window):
            return
        sentence = f"{text} is {away // timedelta(seconds=1)} s away from {self.expected.since}"
        if self.expected.enforce_time:
            raise _Fails(sentence)
        self.warnings.append(f"timestamp {sentence}")

    def _hash(self, claim: shape.Claim) -> Signed:
        digest = encoding.read_digest(claim.hash)
        form = canonical.select(claim.payload, digest)
        if form is None:
            raise _Fails("the hash is not that of the payload, as it was sent or with its nulls")
        if len(form) > shape.MAX_BYTES:
            # escapes made it longer than its texts are; still a matter of form
            self.step = Step.FORM
            raise _Fails(f"the payload has more than {shape.MAX_BYTES} bytes")
        self.canonical = form.decode()
        return Signed(form, claim.hash, digest)

    def _signature(self, signature: bytes, signed: Signed, candidates: list[Candidate]) -> Verdict:
        for each in candidates:
            pinned = each.identity.signing if each.identity else None
            signing = matched(each.verifier, signature, signed, pinned)
            if signing is not None:
                return Verdict(
                    identity=each.identity, signing=signing, canonical=self.canonical,
                    warnings=tuple(self.warnings), offered=each.offered,
                )  # fmt: skip
        raise _Fails("no enrolled key verifies this signature")


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _instant(text: str) -> datetime:
    """Return the moment; digits beyond the microsecond are not looked at."""
    found = _INSTANT.match(text)
    if found is None:
        raise _Fails("a timestamp is 2025-07-09T14:00:03Z, with up to 9 digits after a point")
    try:
        return datetime.fromisoformat(f"{found[1]}.{(found[2] or '').ljust(6, '0')[:6]}+00:00")
    except ValueError:
        raise _Fails(f"there is no such time as {text}") from None
