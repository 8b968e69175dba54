"""What every use-case of an eMSP is handed: where to write, what time it is, and whose turn it is."""

from dataclasses import dataclass, field

from evouch.charging.turns import Turns
from evouch.clock import Clock, Entropy
from evouch.emsp.terms import EmspTerms
from evouch.store.ports import Add, Store
from evouch.store.records import AuditRow, SecurityEvent

__all__ = ["Book"]


@dataclass(slots=True)
class Book:
    """The store and what goes with it. Turns are kept by kind and name: ``turns.of(("vehicle", vid))``."""

    store: Store
    clock: Clock
    entropy: Entropy
    terms: EmspTerms
    turns: Turns = field(default_factory=Turns)

    def audit(self, actor: str, action: str, subject: str, detail: str = "") -> Add[AuditRow]:
        """Return the audit row of a change, to be committed with it."""
        return Add(
            AuditRow(
                id=self.entropy.id(), at=self.clock.now(), actor=actor, action=action, subject=subject, detail=detail
            )
        )

    def alarm(self, kind: str, detail: str = "") -> Add[SecurityEvent]:
        """Return a security event, to be committed with what it is about."""
        return Add(SecurityEvent(id=self.entropy.id(), at=self.clock.now(), kind=kind, detail=detail[:255]))
