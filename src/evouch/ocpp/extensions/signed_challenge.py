"""SignedChallenge: a station proves its identity with a signature over a nonce. Not an OCPP message.

Source: W3CP-OCPP 1.6J Compatibility Layer, sections "SignedChallenge.req" and
"SignedChallenge.conf". On 1.6 it is a CALL of its own, no DataTransfer; 2.0.1 and 2.1, which
the source does not speak of, carry the same message under the same name as our extension.

The document of a proof passes here untouched in both directions: what is in it is judged by
``identity``, and one member more or less would change its hash.
"""

from collections.abc import Sequence
from typing import Final

from evouch.charging.dialogue import IdentityProof, ProveIdentity
from evouch.charging.equipment import Wiring
from evouch.errors import PeerRefused
from evouch.ocpp.forms import read_time
from evouch.ocpp.translator import Call, Json
from evouch.units import format_time

__all__ = ["ACTION", "done", "order", "outcome", "told"]

ACTION: Final = "SignedChallenge"


def order(_wiring: Wiring, order: ProveIdentity) -> tuple[Call, ...]:
    """Backend: return SignedChallenge.req."""
    payload = {"nonce": order.nonce, "timestamp": format_time(order.timestamp), "difficulty": order.difficulty}
    return ((ACTION, payload),)


def outcome(
    _wiring: Wiring, _order: ProveIdentity, answers: Sequence[Json | PeerRefused]
) -> IdentityProof | PeerRefused:
    """Backend: return the proof as it came, unbelieved."""
    first = answers[0]
    return first if isinstance(first, PeerRefused) else IdentityProof(first)


def told(_wiring: Wiring, payload: Json) -> ProveIdentity:
    """Station: return what is asked of it."""
    return ProveIdentity(
        nonce=payload["nonce"],
        timestamp=read_time(payload["timestamp"]),
        difficulty=payload.get("difficulty", 0),
    )


def done(_wiring: Wiring, _order: ProveIdentity, answer: IdentityProof) -> Json:
    """Station: return SignedChallenge.conf."""
    return answer.document
