"""Who has not answered for a while is not asked for a while: one circuit breaker per partner, pure.

A circuit is *closed* until ``failures`` calls in a row have failed, then *open* for ``pause``
seconds. After that one call goes through as a probe; if it fails, the pause doubles up to
``longest``, and if it succeeds the circuit is closed again. A probe whose end nobody reports
(its caller was cancelled) holds nothing up: the next one may go a pause later.
"""

from dataclasses import dataclass, field

from evouch.clock import Tick

__all__ = ["Breaker", "BreakerTerms"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerTerms:
    """``failures`` in a row open a circuit; ``pause`` and ``longest`` are in seconds."""

    failures: int = 3
    pause: float = 30.0
    longest: float = 600.0


@dataclass(slots=True)
class _Circuit:
    failed: int = 0
    pause: float = 0.0
    #: None: closed
    open_until: Tick | None = None


@dataclass(slots=True)
class Breaker:
    """The circuits of all partners, by name."""

    terms: BreakerTerms = field(default_factory=BreakerTerms)
    _circuits: dict[str, _Circuit] = field(default_factory=dict)

    def may(self, name: str, at: Tick) -> bool:
        """Return whether to call now. A yes to a partner whose circuit is open is a probe: the next is a pause away."""
        circuit = self._circuits.get(name)
        if circuit is None or circuit.open_until is None:
            return True
        if at < circuit.open_until:
            return False
        circuit.open_until = Tick(at + circuit.pause)
        return True

    def succeeded(self, name: str) -> None:
        """Note that the partner answered, whatever it said."""
        self._circuits.pop(name, None)

    def failed(self, name: str, at: Tick) -> None:
        """Note that it did not answer, or answered what nobody can use."""
        circuit = self._circuits.setdefault(name, _Circuit(pause=self.terms.pause))
        circuit.failed += 1
        if circuit.open_until is not None:
            circuit.pause = min(circuit.pause * 2, self.terms.longest)
        if circuit.failed >= self.terms.failures:
            circuit.open_until = Tick(at + circuit.pause)

    def is_open(self, name: str) -> bool:
        """Return whether the partner is left out for now; for displays."""
        circuit = self._circuits.get(name)
        return circuit is not None and circuit.open_until is not None
