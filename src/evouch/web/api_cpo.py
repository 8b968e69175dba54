"""The operator's API, whole: all modules that enter operations into its table, as handlers."""

from typing import Any, Final

from evouch.web import (  # noqa: F401 - they enter their operations into the table
    api_identity,
    api_records,
    api_roaming,
    api_stations,
)
from evouch.web.api_http import handlers
from evouch.web.api_routes import CPO

__all__ = ["HANDLERS"]

HANDLERS: Final[list[Any]] = handlers(CPO)
