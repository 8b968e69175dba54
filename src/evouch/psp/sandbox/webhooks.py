"""Webhooks: their signature, and the box of letters that still have to go out. Pure.

``Evouch-Signature: t=1716423785,v1=5257a869…`` where ``v1`` is the hexadecimal
HMAC-SHA256 of ``<t>.<body>`` under the secret that both sides share. The time is inside the
signature, so an old letter cannot be sent again under a new date.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from evouch.clock import Tick
from evouch.errors import Refused
from evouch.ids import Secret
from evouch.psp.sandbox.faults import Fault, Faults
from evouch.psp.sandbox.records import Event

__all__ = ["HEADER", "RETRIES", "TOLERANCE", "Letter", "Outbox", "dress", "sign", "verify"]

#: The header that carries the signature.
HEADER: Final = "Evouch-Signature"
#: Seconds by which a letter's time may differ from ours: clocks and queues, as the large providers allow.
TOLERANCE: Final = 300
#: Seconds to wait after each failed try; about two days in all, then the letter is given up.
RETRIES: Final = (1, 5, 15, 60, 300, 1800, 7200, 21_600, 43_200, 86_400)
#: A letter that waits for its successor goes out alone after this many seconds.
REORDER_WAITS: Final = 30.0
#: Signatures that one header may carry: two while a secret is exchanged.
MAX_SIGNATURES: Final = 4

_HEADER = re.compile(rf"t=([0-9]{{1,12}})((?:,v1=[0-9a-f]{{64}}){{1,{MAX_SIGNATURES}}})")


def sign(secret: Secret, body: bytes, at: datetime) -> str:
    """Return the value of :data:`HEADER` for ``body`` sent at ``at``."""
    sent = int(at.timestamp())
    return f"t={sent},v1={_mac(secret, sent, body)}"


def verify(secret: Secret, header: str, body: bytes, now: datetime) -> None:
    """Raise ``Refused("badSignature")`` unless ``header`` signs ``body`` and is not older than :data:`TOLERANCE`.

    Compared in constant time; the caller learns no more than that it does not hold.
    """
    found = _HEADER.fullmatch(header)
    if not found:
        raise Refused("badSignature", "unreadable header")
    wanted = _mac(secret, int(found[1]), body)
    matches = [hmac.compare_digest(wanted, given) for given in found[2].replace(",v1=", " ").split()]
    if not any(matches):
        raise Refused("badSignature", "no signature matches")
    if abs(int(now.timestamp()) - int(found[1])) > TOLERANCE:
        raise Refused("badSignature", f"sent at {found[1]}")


def _mac(secret: Secret, sent: int, body: bytes) -> str:
    return hmac.new(secret.reveal(), b"%d." % sent + body, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Letter:
    """One sending of one event. ``forged`` ones are signed with a wrong secret and never tried again."""

    event: Event
    due: Tick
    tries: int = 0
    forged: bool = False
    #: a copy of another letter: its fate decides nothing
    copy: bool = False


def dress(letter: Letter, secret: Secret, at: datetime) -> tuple[dict[str, str], bytes]:
    """Return headers and body of a letter that goes out at ``at``."""
    signed_with = Secret(b"not " + secret.reveal()) if letter.forged else secret
    body = letter.event.body
    return {HEADER: sign(signed_with, body, at), "Content-Type": "application/json"}, body


@dataclass(slots=True)
class Outbox:
    """Letters and when each is due. The shell takes what is due, sends it, and says how it went."""

    faults: Faults
    _letters: list[Letter] = field(default_factory=list)
    _waiting: list[Letter] = field(default_factory=list)

    def post(self, event: Event, at: Tick, *, tries: int = 0) -> bool:
        """Queue the webhook of ``event``; False if a fault loses it for good."""
        if self.faults.take(Fault.WEBHOOK_LOST, event.kind):
            return False
        letter = Letter(event, at, tries)
        if self.faults.take(Fault.WEBHOOK_REORDERED, event.kind):
            self._waiting.append(Letter(event, Tick(at + REORDER_WAITS), tries))
            return True
        if late := self.faults.take(Fault.WEBHOOK_LATE, event.kind):
            letter = Letter(event, Tick(at + late.seconds), tries)
        if self.faults.take(Fault.WEBHOOK_FORGED, event.kind):
            self._letters.append(Letter(event, at, forged=True, copy=True))
        self._letters.append(letter)
        if doubled := self.faults.take(Fault.WEBHOOK_DOUBLED, event.kind):
            self._letters += [Letter(event, letter.due, copy=True)] * (doubled.repeats - 1)
        self._letters += [Letter(late.event, at, late.tries) for late in self._waiting]
        self._waiting.clear()
        return True

    def due(self, at: Tick) -> list[Letter]:
        """Take out the letters whose time has come, in the order in which they are to be sent."""
        ready = sorted((x for x in self._letters + self._waiting if x.due <= at), key=lambda letter: letter.due)
        self._letters = [letter for letter in self._letters if letter.due > at]
        self._waiting = [letter for letter in self._waiting if letter.due > at]
        return ready

    def failed(self, letter: Letter, at: Tick) -> bool:
        """Queue the next try of a letter that nobody took; False if it is given up."""
        if letter.copy or letter.tries >= len(RETRIES):
            return False
        due = Tick(at + RETRIES[letter.tries])
        self._letters.append(Letter(letter.event, due, letter.tries + 1))
        return True

    def next_deadline(self) -> Tick | None:
        """Return when the next letter is due."""
        return min((letter.due for letter in self._letters + self._waiting), default=None)
