"""The few ways in which peers break the schemas and are understood all the same.

Each tolerance is one row of :data:`TOLERANCES`: where it applies, what is tolerated, why,
and the name under which its uses are counted. A payload meets this table only after it has
failed its schema; what the rows make of it must pass, or the payload is refused as it came.
What we send never needs a tolerance.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from evouch.ids import OcppVersion
from evouch.ocpp.versions import V16, VERSIONS
from evouch.wire import encode

__all__ = [
    "CALLERROR_WITHOUT_ID",
    "OUR_VENDOR",
    "SHORT_CALLERROR",
    "TOLERANCES",
    "Meaning",
    "Tolerance",
    "tolerate",
    "without_null_members",
]

Json = Any

#: Whose DataTransfer messages the web payment extension speaks.
OUR_VENDOR: Final = "cloud.charging.open"
#: Those of DataTransfer messages that we read ourselves; the other is of ``extensions.autocharge``.
_READ_BY_US: Final = frozenset({OUR_VENDOR, "org.evouch"})

#: Members whose content belongs to vendors and is never touched.
FREE_FORM: Final = frozenset({"customData"})
#: Messages whose payload was hashed by the peer: one member less, and it is no longer what was signed.
HASHED: Final = frozenset({"SignedChallenge"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """One row of the table."""

    #: Uses are counted under this name.
    counter: str
    versions: tuple[OcppVersion, ...] = VERSIONS
    #: Action, or ``*``.
    action: str = "*"
    #: ``request``, ``response``, ``*`` (both), or ``frame`` for the array around a payload.
    part: str
    #: Where in the message.
    path: str
    what: str
    source: str
    #: (action, payload) → the payload as it is meant; an equal one where the row does not apply.
    mend: Callable[[str, Json], Json] | None = None
    #: Members that are assumed while the schema is checked, and not handed on.
    assumed: tuple[tuple[str, Json], ...] = ()

    def applies(self, version: OcppVersion, action: str, part: str) -> bool:
        """Return whether the row speaks of this message."""
        return version in self.versions and self.action in ("*", action) and self.part in ("*", part)


def without_null_members(action: str, payload: Json) -> Json:
    """Return ``payload`` without the members that are null, at any depth; free and hashed content stays as it is."""
    if action in HASHED:
        return payload
    return _pruned(payload, FREE_FORM | {"data"} if action == "DataTransfer" else FREE_FORM)


def _pruned(node: Json, free: frozenset[str]) -> Json:
    if isinstance(node, dict):
        return {
            name: value if name in free else _pruned(value, free) for name, value in node.items() if value is not None
        }
    if isinstance(node, list):
        return [_pruned(value, free) for value in node]
    return node


def _rename_unknown_vendor(_action: str, payload: Json) -> Json:
    return payload | {"status": "UnknownVendorId"} if payload.get("status") == "UnknownVendor" else payload


def _as_text(_action: str, payload: Json) -> Json:
    data, vendor = payload.get("data"), payload.get("vendorId")
    if not isinstance(vendor, str) or vendor not in _READ_BY_US or data is None or isinstance(data, str):
        return payload
    return payload | {"data": encode(data).decode()}


#: What SignedChallenge.req has; all there is for a proof to speak of.
_CHALLENGE: Final = frozenset({"nonce", "timestamp", "difficulty"})


def _known_of_challenge(_action: str, payload: Json) -> Json:
    return {name: value for name, value in payload.items() if name in _CHALLENGE}


#: Names of the two rows that concern the frame; ``rpc`` applies them.
CALLERROR_WITHOUT_ID: Final = "callerrorWithoutId"
SHORT_CALLERROR: Final = "shortCallerror"

TOLERANCES: Final = (
    Tolerance(
        counter="nullMember",
        part="*",
        path="any optional member, except inside customData, DataTransfer data and SignedChallenge",
        what="null is read as absent",
        source="2.x part 4 §4.1.4 wants such members left out; many serialisers write them",
        mend=without_null_members,
    ),
    Tolerance(
        counter="unknownVendor",
        action="DataTransfer",
        part="response",
        path="status",
        what="UnknownVendor is read as UnknownVendorId",
        source="Secure Dynamic QR-Codes for OCPP, error tables of 2.0.1 and 1.6",
        mend=_rename_unknown_vendor,
    ),
    Tolerance(
        counter="dataTransferWithoutVendor",
        action="DataTransfer",
        part="request",
        path="vendorId",
        what="a missing or null vendorId reaches the handler, which answers UnknownVendorId",
        source="Secure Dynamic QR-Codes for OCPP, error tables of 2.0.1 and 1.6",
        assumed=(("vendorId", ""),),
    ),
    Tolerance(
        counter="dataNotText",
        versions=(V16,),
        action="DataTransfer",
        part="*",
        path="data",
        what="JSON in place of text, in messages that we read, is taken as its text: their answer is never a CALLERROR",
        source="1.6 §6.15 wants text; WWCP_OCPP sends objects",
        mend=_as_text,
    ),
    Tolerance(
        counter="challengeWithMore",
        action="SignedChallenge",
        part="request",
        path="any member that the message does not have",
        what="a station leaves it unread: a backend of a later profile shall not be told that the message is unknown",
        source="SignedChallenge over OCPP, section 3.1",
        mend=_known_of_challenge,
    ),
    Tolerance(
        counter=CALLERROR_WITHOUT_ID,
        part="frame",
        path="[1]",
        what='a CALLERROR with the id "-1" or "" answers the one open CALL',
        source="libocpp answers so on 1.6 when it does not know an action",
    ),
    Tolerance(
        counter=SHORT_CALLERROR,
        part="frame",
        path="[3], [4]",
        what="description and details of a CALLERROR may be missing or of another type",
        source="stations in the field send four elements",
    ),
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """A payload as the table understands it."""

    #: What is handed on.
    payload: Json
    #: What must pass the schema: the payload and whatever a row assumes.
    judged: Json
    #: The rows that changed something.
    counters: tuple[str, ...]


def tolerate(version: OcppVersion, action: str, part: str, payload: Json) -> Meaning:
    """Return what the table makes of an object that failed its schema; ``part`` is ``request`` or ``response``."""
    meant = payload
    assumed: dict[str, Json] = {}
    counters: list[str] = []
    for row in TOLERANCES:
        if not row.applies(version, action, part):
            continue
        mended = row.mend(action, meant) if row.mend else meant
        missing = {name: value for name, value in row.assumed if name not in mended}
        if missing or mended != meant:
            counters.append(row.counter)
        meant, assumed = mended, assumed | missing
    return Meaning(meant, meant | assumed, tuple(counters))
