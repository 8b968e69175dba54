"""Doubles of the world outside: the wire, the clock, chance, the store, the provider. Public on purpose."""

from evouch.testing.clock import ManualClock, SeededEntropy

__all__ = ["ManualClock", "SeededEntropy"]
