"""Where a connection gets its translator."""

from collections.abc import Mapping
from typing import Final

from evouch.charging.equipment import Wiring
from evouch.errors import LocalError
from evouch.ids import OcppVersion
from evouch.ocpp import v2, v16
from evouch.ocpp.translator import Tables, TableTranslator, Translator
from evouch.ocpp.versions import V16, V21, V201

__all__ = ["translator"]

_TABLES: Final[Mapping[OcppVersion, Tables]] = {V16: v16.TABLES, V201: v2.TABLES_201, V21: v2.TABLES_21}


def translator(version: OcppVersion, wiring: Wiring) -> Translator:
    """Return the translator of ``version`` for a station wired as ``wiring``, for either side of the wire."""
    if wiring.version != version:
        raise LocalError(f"a station wired for {wiring.version} does not speak {version}")
    return TableTranslator(wiring, _TABLES[version])
