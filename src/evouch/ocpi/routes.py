"""All that is served, as one table: server, version details and OpenAPI are made of these rows.

A path stands below ``{base}/ocpi/{version}``. ``{name}`` is a parameter; ``{name=WORD}`` is one that
can only be that word. Handlers are the methods of ``ports.CpoHandlers`` and ``ports.EmspHandlers``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any, Final
from urllib.parse import unquote

from evouch.ocpi import model as m
from evouch.ocpi.partner import V221, V230, Role

__all__ = ["CREDENTIALS", "CUSTOM", "ROUTES", "Form", "Match", "Node", "Route", "find", "rows", "tree"]

#: Modules of "Autocharge Roaming", in no list of OCPI (docs/decisions/062).
CUSTOM: Final = frozenset({"vehicles", "oprf"})


class Form(StrEnum):
    """How bodies and answers are formed."""

    PLAIN = "plain"
    #: answers one page of a list
    LIST = "list"
    #: takes some members of an object
    PART = "part"
    #: takes an object, or no body at all
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One row. ``interface`` is ours: SENDER or RECEIVER."""

    role: Role
    module: str
    interface: str
    method: str
    path: str
    #: method of the handlers that answers
    handler: str
    takes: type[m.Wire] | None = None
    gives: type[m.Wire] | type[str] | None = None
    form: Form = Form.PLAIN
    versions: tuple[str, ...] = (V230, V221)
    #: member of Quirks by which a partner has it on every version
    unless: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters of the path, in order."""
        return tuple(part[1:-1].partition("=")[0] for part in self.path.split("/") if part.startswith("{"))


Side = tuple[Role, str]

#: Who serves, and on which interface.
_C_SENDS, _C_RECEIVES = ((Role.CPO, interface) for interface in ("SENDER", "RECEIVER"))
_E_SENDS, _E_RECEIVES = ((Role.EMSP, interface) for interface in ("SENDER", "RECEIVER"))
_OWNER: Final = "{country_code}/{party_id}"


def _row(side: Side, call: str, handler: str, takes: Any = None, gives: Any = None, **more: Any) -> Route:
    method, _, path = call.partition(" ")
    more = {"role": side[0], "interface": side[1], "module": path.partition("/")[0]} | more
    return Route(method=method, path=path, handler=handler, takes=takes, gives=gives, **more)


def _list(side: Side, module: str, kind: type[m.Wire]) -> Route:
    return _row(side, f"GET {module}", module, None, kind, form=Form.LIST)


def _pushed(side: Side, name: str, below: str, kind: type[m.Wire], methods: str) -> Iterator[Route]:
    """Yield the rows of an object that its owner puts at the receiver (transport §client owned object push)."""
    for method in methods.split():
        handler = name if method == "GET" else f"{method.lower()}_{name}"
        takes, gives = (None, kind) if method == "GET" else (kind if method != "DELETE" else None, None)
        form = Form.PART if method == "PATCH" else Form.PLAIN
        yield _row(side, f"{method} {name}s/{_OWNER}/{below}", handler, takes, gives, form=form)


def _command(name: str, kind: type[m.Wire], **more: Any) -> Route:
    return _row(_C_RECEIVES, f"POST commands/{{command={name}}}", "command", kind, m.CommandResponse, **more)


#: On 2.2.1 the list of commands is closed: these two need an agreement there (docs/decisions/062).
_NOT_221: Final[dict[str, Any]] = {"versions": (V230,), "unless": "web_payment_on_221"}

ROUTES: Final = (
    # ── what an operator answers to eMSPs ──
    _list(_C_SENDS, "locations", m.Location),
    _row(_C_SENDS, "GET locations/{location_id}", "location", None, m.Location),
    _row(_C_SENDS, "GET locations/{location_id}/{evse_uid}", "location", None, m.Evse),
    _row(_C_SENDS, "GET locations/{location_id}/{evse_uid}/{connector_id}", "location", None, m.Connector),
    _list(_C_SENDS, "tariffs", m.Tariff),
    _list(_C_SENDS, "sessions", m.Session),
    _list(_C_SENDS, "cdrs", m.Cdr),
    *_pushed(_C_RECEIVES, "token", "{token_uid}", m.Token, "GET PUT PATCH"),
    _command("START_SESSION", m.StartSession),
    _command("STOP_SESSION", m.StopSession),
    _command("RESERVE_NOW", m.ReserveNow),
    _command("CANCEL_RESERVATION", m.CancelReservation),
    _command("UNLOCK_CONNECTOR", m.UnlockConnector),
    _command("NOTIFY_WEB_PAYMENT_STARTED", m.WebPaymentNotice, **_NOT_221),
    _command("NOTIFY_WEB_PAYMENT_FAILED", m.WebPaymentNotice, **_NOT_221),
    _row(_C_RECEIVES, "PUT vehicles/{vehicle_id}", "put_vehicle", m.VehicleObject),
    _row(_C_RECEIVES, f"PUT vehicles/{_OWNER}/{{vehicle_id}}", "put_vehicle", m.VehicleObject),
    # ── what an eMSP answers to operators ──
    _list(_E_SENDS, "tokens", m.Token),
    _row(_E_SENDS, "POST tokens/{token_uid}/authorize", "authorize", m.LocationReferences, m.AuthorizationInfo,
         form=Form.OPTIONAL),
    *_pushed(_E_RECEIVES, "location", "{location_id}", m.Location, "GET PUT PATCH"),
    *_pushed(_E_RECEIVES, "location", "{location_id}/{evse_uid}", m.Evse, "GET PUT PATCH"),
    *_pushed(_E_RECEIVES, "location", "{location_id}/{evse_uid}/{connector_id}", m.Connector, "GET PUT PATCH"),
    *_pushed(_E_RECEIVES, "tariff", "{tariff_id}", m.Tariff, "GET PUT DELETE"),
    *_pushed(_E_RECEIVES, "session", "{session_id}", m.Session, "GET PUT PATCH"),
    _row(_E_RECEIVES, "GET cdrs/{cdr_id}", "cdr", None, m.Cdr),
    _row(_E_RECEIVES, "POST cdrs", "post_cdr", m.Cdr),
    _row(_E_SENDS, "POST commands/{command}/{uid}", "command_result", m.CommandResult),
    _list(_E_SENDS, "vehicles", m.VehicleObject),
    _row(_E_SENDS, "POST vehicles", "post_vehicle", m.RegisterVehicle, m.VehicleObject),
    _row(_E_SENDS, "POST vehicles/conflict", "post_conflict", m.ConflictNotice, str),
    _row(_E_SENDS, "POST oprf/sign", "sign", m.SignRequest, m.SignAnswer),
    # the module is listed below "vehicles" in the source: who looks for it there finds it
    _row(_E_SENDS, "POST vehicles/oprf/sign", "sign", m.SignRequest, m.SignAnswer),
)  # fmt: skip

#: The same for both roles, and not of the handlers; a registration token may ask for these alone.
CREDENTIALS: Final = tuple(
    _row((role, "SENDER"), f"{method} credentials", "", m.Credentials if method in {"POST", "PUT"} else None,
         None if method == "DELETE" else m.Credentials)
    for role in Role for method in ("GET", "POST", "PUT", "DELETE")
)  # fmt: skip


@cache
def rows(role: Role, version: str) -> tuple[Route, ...]:
    """Return what a role serves on a version, without what only some partners have."""
    return tuple(row for row in (*CREDENTIALS, *ROUTES) if row.role is role and version in row.versions)


# ── finding one ─────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Node:
    """One part of paths: what comes below it, and what can be asked at it."""

    words: dict[str, "Node"] = field(default_factory=dict)
    any: "Node | None" = None
    #: whether what stands here is the value of a parameter
    valued: bool = False
    methods: dict[str, Route] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """What is at a path: rows by method, and the parameters' values in order."""

    methods: Mapping[str, Route]
    values: tuple[str, ...]

    def params(self, route: Route) -> dict[str, str]:
        """Return the parameters of the path by the names that a row gives them."""
        return dict(zip(route.names, self.values, strict=True))


@cache
def tree(role: Role) -> Node:
    """Return the rows of a role, of all versions, by the parts of their paths."""
    root = Node()
    for row in (*CREDENTIALS, *ROUTES):
        if row.role is role:
            _enter(root, row)
    return root


def _enter(node: Node, row: Route) -> None:
    for part in row.path.split("/"):
        valued = part.startswith("{")
        word = part[1:-1].partition("=")[2] if valued else part
        if word:
            node = node.words.setdefault(word, Node(valued=valued))
        else:
            node.any = node.any or Node(valued=True)
            node = node.any
    node.methods[row.method] = row


def find(role: Role, path: str) -> Match | None:
    """Return what is at a path below a version, whose parts are still percent-encoded; None where nothing is.

    A slash at its end makes no difference; an empty part, or one that is no UTF-8, is nowhere.
    """
    node, values = tree(role), []
    for part in path.removesuffix("/").split("/"):
        text = _decoded(part) if "%" in part else part
        below = node.words.get(text) or node.any
        if below is None or not text:
            return None
        node = below
        if node.valued:
            values.append(text)
    return Match(node.methods, tuple(values)) if node.methods else None


def _decoded(part: str) -> str:
    try:
        return unquote(part, errors="strict")
    except UnicodeDecodeError:
        return ""
