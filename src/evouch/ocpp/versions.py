"""The three versions of OCPP that we speak, and the actions each of them knows.

A version is named as its WebSocket subprotocol spells it. The actions are read from the
file names of the official schemas, which come with the ``ocpp`` package: 1.6 includes the
security whitepaper, and its requests carry no suffix; 2.x names them ``…Request``; what
has neither answer nor suffix on 2.1 is a SEND message.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from evouch.errors import LocalError
from evouch.ids import OcppVersion

__all__ = ["V16", "V21", "V201", "VERSIONS", "actions", "is_v2", "schema_file", "sends"]

V16: Final = OcppVersion("ocpp1.6")
V201: Final = OcppVersion("ocpp2.0.1")
V21: Final = OcppVersion("ocpp2.1")
#: Newest first.
VERSIONS: Final = (V21, V201, V16)

_FOLDERS: Final = {V16: "v16", V201: "v201", V21: "v21"}


def is_v2(version: OcppVersion) -> bool:
    """Return whether ``version`` is of the 2.x family."""
    return version != V16


@cache
def actions(version: OcppVersion) -> frozenset[str]:
    """Return the actions that ``version`` knows as CALL, in either direction."""
    names = _names(version)
    if not is_v2(version):
        return frozenset(name for name in names if not name.endswith("Response"))
    return frozenset(name.removesuffix("Request") for name in names if name.endswith("Request"))


@cache
def sends(version: OcppVersion) -> frozenset[str]:
    """Return the actions that ``version`` knows as SEND (2.1 part 4, SEND; none before)."""
    if not is_v2(version):
        return frozenset()
    return frozenset(name for name in _names(version) if not name.endswith(("Request", "Response")))


def schema_file(version: OcppVersion, action: str, *, response: bool) -> Path:
    """Return where the official schema of an action's request or response lies."""
    if response:
        return _folder(version) / f"{action}Response.json"
    suffix = "Request" if is_v2(version) and action not in sends(version) else ""
    return _folder(version) / f"{action}{suffix}.json"


@cache
def _names(version: OcppVersion) -> frozenset[str]:
    return frozenset(path.stem for path in _folder(version).glob("*.json"))


def _folder(version: OcppVersion) -> Path:
    """Find the data without importing the package's code, which we do not use."""
    spec = find_spec("ocpp")
    if spec is None or not spec.submodule_search_locations:
        raise LocalError("the ocpp package with the official schemas is not installed")
    return Path(spec.submodule_search_locations[0]) / _FOLDERS[version] / "schemas"
