"""What every store agrees on: which record is which, and which changes nobody may ask for."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final

from evouch.errors import LocalError
from evouch.store.ports import Add, Change, Delete, Put
from evouch.store.records import (
    KEYS,
    AuditRow,
    Code,
    Decision,
    Entry,
    Invoice,
    ProviderEvent,
    Record,
    Transaction,
)
from evouch.webpayment.checkout import Checkout

__all__ = ["allowed", "check", "key_of", "newer"]

#: Ledger and audit, bills and the reasons of decisions only ever grow; who takes a code or a webhook is
#: decided by an insert that can lose. What time has passed on may be deleted where the law wants it.
_FORBIDDEN: Final[dict[type, tuple[type, ...]]] = {
    Entry: (Put, Delete),
    AuditRow: (Put, Delete),
    Code: (Put,),
    ProviderEvent: (Put,),
    Invoice: (Put,),
    Decision: (Put,),
}

_getters: Final[dict[type, Callable[[Any], Any]]] = {kind: attrgetter(*fields) for kind, fields in KEYS.items()}


def key_of(record: Record) -> Any:
    """Return what two records of one type share if they are the same one."""
    return _getters[type(record)](record)


def allowed(change: Change) -> bool:
    """Return whether a store may be asked for this at all."""
    return type(change) not in _FORBIDDEN.get(type(change.record), ())


def check(changes: Sequence[Change]) -> None:
    """Raise LocalError where a change would rewrite what only grows, or keep a vehicle's address."""
    for change in changes:
        if _names_vehicle(change.record):
            msg = f"a {type(change.record).__name__} with the address of a vehicle is never kept"
            raise LocalError(msg)
        if not isinstance(change, Add) and not allowed(change):
            msg = f"a {type(change.record).__name__} is only ever added, not {type(change).__name__.lower()}"
            raise LocalError(msg)


def _names_vehicle(record: Record) -> bool:
    return isinstance(record, Transaction | Checkout) and record.token is not None and record.token.mac is not None


def newer(stored: Checkout | None, put: Checkout) -> bool:
    """Return whether ``put`` follows on ``stored``: its version + 1, or 0 or 1 where nothing is stored.

    A first Put at version 1 is a payment that took its first step before it was ever written.
    """
    return put.version in {0, 1} if stored is None else put.version == stored.version + 1
