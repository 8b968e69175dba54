"""Times on the command line: ISO with a zone, or unix seconds."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import typer

__all__ = ["moment"]

_UNIX: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?\Z")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def moment(text: str) -> datetime:
    """Return ISO time with a zone, or unix seconds, as aware UTC."""
    try:
        if _UNIX.match(text):
            return _EPOCH + timedelta(microseconds=int(Decimal(text) * 1_000_000))
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise typer.BadParameter("give unix seconds, or a time with its zone such as 2024-05-23T00:23:05Z")
