"""The eMSP's API, whole: all modules that enter operations into its table, as handlers."""

from typing import Any, Final

from evouch.web import api_emsp_drivers, api_emsp_roaming  # noqa: F401 - they enter their operations into the table
from evouch.web.api_emsp_routes import EMSP
from evouch.web.api_http import handlers

__all__ = ["HANDLERS"]

HANDLERS: Final[list[Any]] = handlers(EMSP)
