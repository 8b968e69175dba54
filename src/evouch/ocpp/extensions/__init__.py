"""Messages that are not OCPP, and are spoken over it: our own schemas, marked as such.

An extension adds an action to the versions it names, with two JSON schemas of this folder
(``<Action>.json`` and ``<Action>Response.json``) and the document that defines it. What
travels inside a DataTransfer is no action: a content names vendor and message, and has one
schema (``<Message>.json``) for the data. The official schemas are never copied here, and an
extension never replaces one of them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evouch.ids import OcppVersion
from evouch.ocpp.versions import V16, VERSIONS

__all__ = ["AUTOCHARGE_START", "CONTENTS", "EXTENSIONS", "VEHICLE_IDENTIFIED", "Content", "Extension"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """One action that OCPP does not have."""

    action: str
    versions: frozenset[OcppVersion]
    #: The document that defines the message.
    source: str
    #: Where its two schemas lie.
    folder: Path = Path(__file__).parent

    def schema_file(self, *, response: bool) -> Path:
        """Return where the schema of the request or the response lies."""
        return self.folder / f"{self.action}{'Response' if response else ''}.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What one vendor's DataTransfer holds."""

    vendor: str
    message: str
    versions: frozenset[OcppVersion]
    #: The document that defines the message.
    source: str
    #: Where its schema lies.
    folder: Path = Path(__file__).parent

    @property
    def schema_file(self) -> Path:
        """Where the schema of the data lies."""
        return self.folder / f"{self.message}.json"


#: Every action that we speak beside the official ones.
EXTENSIONS: Final[tuple[Extension, ...]] = (
    Extension(
        action="SignedChallenge",
        versions=frozenset(VERSIONS),
        source="W3CP-OCPP 1.6J Compatibility Layer, message SignedChallenge; on 2.x an extension of ours",
    ),
)

VEHICLE_IDENTIFIED: Final = Content(
    vendor="org.evouch",
    message="VehicleIdentified",
    versions=frozenset({V16}),
    source="docs/specs/autocharge_ocpp.md, an extension of ours",
)
AUTOCHARGE_START: Final = Content(
    vendor="org.evouch",
    message="AutochargeStart",
    versions=frozenset(VERSIONS),
    source="docs/specs/autocharge_ocpp.md, an extension of ours",
)
#: Every content with a schema of ours.
CONTENTS: Final[tuple[Content, ...]] = (VEHICLE_IDENTIFIED, AUTOCHARGE_START)
