"""What it takes to speak one version of OCPP: four questions for each side of the wire.

A translator is tables between the dialogue (``charging.dialogue``) and the messages of one
version. It serves one connection, knows that station's wiring, and does no I/O. The same
object can stand on either side: the backend asks ``fact``, ``answer``, ``order`` and
``outcome``, the station ``say``, ``heard``, ``told`` and ``done``.

Payloads coming in are decoded JSON that has passed the version's schema; payloads going
out are plain JSON values that pass it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from evouch.charging.dialogue import Fact, Order, RawAnswer, RawCall, Unspeakable
from evouch.charging.equipment import Wiring
from evouch.errors import EvouchError, LocalError, PeerFault, PeerRefused
from evouch.ids import OcppVersion
from evouch.ocpp.redaction import hidden

__all__ = ["AnsweredAlready", "Call", "Json", "TableTranslator", "Tables", "Translator"]

#: Decoded JSON as :mod:`evouch.wire` makes it.
Json = Any
#: One CALL: action and payload.
Call = tuple[str, Json]
A = TypeVar("A")


class AnsweredAlready(EvouchError):
    """An order that needs no judgement: ``payload`` is the CALLRESULT to send as it is."""

    def __init__(self, payload: Json) -> None:
        super().__init__(payload)
        self.payload = payload


class Translator(Protocol):
    """Between the dialogue and the messages of one version, for either side of one connection."""

    @property
    def version(self) -> OcppVersion:
        """The version spoken, as its subprotocol is called."""

    @property
    def handled_by_csms(self) -> frozenset[str]:
        """Actions that a backend answers; the version's others are NotSupported."""

    @property
    def handled_by_station(self) -> frozenset[str]:
        """Actions that a station of ours answers."""

    def fact(self, action: str, payload: Json) -> Fact[Any]:
        """Backend: return what a station's CALL says. Raises PeerFault; AnsweredAlready where a CALLRESULT says no."""

    def answer(self, fact: Fact[A], answer: A) -> Json:
        """Backend: return the CALLRESULT payload for ``answer``."""

    def order(self, order: Order[Any]) -> tuple[Call, ...] | Unspeakable:
        """Backend: return the CALLs, sent one after the other, that carry an order."""

    def outcome(self, order: Order[A], answers: Sequence[Json | PeerRefused]) -> A | PeerRefused:
        """Backend: return what the station's answers to those CALLs amount to; PeerFault where unreadable."""

    def say(self, fact: Fact[Any]) -> Call | Unspeakable:
        """Station: return the CALL that tells a fact."""

    def heard(self, fact: Fact[A], payload: Json) -> A:
        """Station: return what the backend's CALLRESULT to a fact means."""

    def told(self, action: str, payload: Json) -> Order[Any]:
        """Station: return the order in a CALL. Raises PeerFault; AnsweredAlready where a CALLRESULT says no."""

    def done(self, order: Order[A], answer: A) -> Json:
        """Station: return the CALLRESULT payload for ``answer``. Raises PeerFault where that is a CALLERROR."""


@dataclass(frozen=True, slots=True)
class Tables:
    """One version, as data. Keys are actions where a message comes in, dialogue types where one goes out."""

    fact: Mapping[str, Callable[[Wiring, str, Json], Fact[Any]]]
    answer: Mapping[type, Callable[[Wiring, Any, Any], Json]]
    order: Mapping[type, Callable[[Wiring, Any], tuple[Call, ...] | Unspeakable]]
    outcome: Mapping[type, Callable[[Wiring, Any, Sequence[Json | PeerRefused]], Any]]
    say: Mapping[type, Callable[[Wiring, Any], Call | Unspeakable]]
    heard: Mapping[type, Callable[[Wiring, Any, Json], Any]]
    told: Mapping[str, Callable[[Wiring, Json], Order[Any]]]
    done: Mapping[type, Callable[[Wiring, Any, Any], Json]]


class TableTranslator:
    """A :class:`Translator` that looks everything up."""

    def __init__(self, wiring: Wiring, tables: Tables) -> None:
        self.version = wiring.version
        self.handled_by_csms = frozenset(tables.fact)
        self.handled_by_station = frozenset(tables.told)
        self._wiring = wiring
        self._tables = tables

    def fact(self, action: str, payload: Json) -> Fact[Any]:
        """Return what a station's CALL says."""
        return _known(self._tables.fact, action)(self._wiring, action, payload)

    def answer(self, fact: Fact[A], answer: A) -> Json:
        """Return the CALLRESULT payload for ``answer``."""
        return _ours(self._tables.answer, fact)(self._wiring, fact, answer)

    def order(self, order: Order[Any]) -> tuple[Call, ...] | Unspeakable:
        """Return the CALLs that carry an order."""
        if isinstance(order, RawCall):
            return ((order.action, order.payload),)
        write = self._tables.order.get(type(order))
        return write(self._wiring, order) if write else Unspeakable(self.version, type(order).__name__)

    def outcome(self, order: Order[A], answers: Sequence[Json | PeerRefused]) -> A | PeerRefused:
        """Return what the station's answers amount to."""
        if isinstance(order, RawCall):
            first = answers[0]
            return first if isinstance(first, PeerRefused) else RawAnswer(hidden(first))  # type: ignore[return-value]
        result: A | PeerRefused = _ours(self._tables.outcome, order)(self._wiring, order, answers)
        return result

    def say(self, fact: Fact[Any]) -> Call | Unspeakable:
        """Return the CALL that tells a fact."""
        write = self._tables.say.get(type(fact))
        return write(self._wiring, fact) if write else Unspeakable(self.version, type(fact).__name__)

    def heard(self, fact: Fact[A], payload: Json) -> A:
        """Return what the backend's CALLRESULT means."""
        result: A = _ours(self._tables.heard, fact)(self._wiring, fact, payload)
        return result

    def told(self, action: str, payload: Json) -> Order[Any]:
        """Return the order in a CALL."""
        return _known(self._tables.told, action)(self._wiring, payload)

    def done(self, order: Order[A], answer: A) -> Json:
        """Return the CALLRESULT payload for ``answer``."""
        return _ours(self._tables.done, order)(self._wiring, order, answer)


R = TypeVar("R")


def _known(table: Mapping[str, R], action: str) -> R:
    try:
        return table[action]
    except KeyError:
        raise PeerFault("NotSupported", f"{action} is not handled here") from None


def _ours(table: Mapping[type, R], said: object) -> R:
    try:
        return table[type(said)]
    except KeyError:
        raise LocalError(f"{type(said).__name__} has no place in this version") from None
