"""A JSON API as a table: what each operation is called, takes, gives and may refuse.

An operator and an eMSP have a table each. The HTTP side and the OpenAPI document are both made
from it, so they cannot disagree.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, Protocol, TypeVar

from evouch.errors import Refused
from evouch.store.operators import Operators

__all__ = ["COMMON", "LIMIT", "MOST", "Operation", "Question", "Service", "Table", "text"]

#: Rows of the longest list.
MOST: Final = 1000

#: What every API may answer: reason → HTTP status and sentence.
COMMON: Final[dict[str, tuple[int, str]]] = {
    "malformed": (400, "The body is not the JSON document that this operation takes."),
    "badQuery": (400, "A query parameter is unknown or has no such value."),
    "unauthorized": (401, "Send an API token as bearer token."),
    "notFound": (404, "There is nothing at this address."),
    "wrongMethod": (405, "This address does not take that method."),
    "tooLarge": (413, "The body is too large."),
    "serverError": (500, "Something went wrong here."),
}
#: JSON Schema of the query parameter that :attr:`Question.limit` reads.
LIMIT: Final[dict[str, Any]] = {"type": "integer", "minimum": 1, "maximum": MOST, "default": 100}

Method = Literal["GET", "PUT", "POST", "DELETE"]


class Service(Protocol):
    """What stands behind an API: an operator or an eMSP."""

    @property
    def operators(self) -> Operators:
        """Whose bearer tokens are good."""


S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Question(Generic[S]):
    """One authorised question: who asks, where, and the body as the type that the operation takes.

    ``home`` is the public address of the pages.
    """

    service: S
    actor: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    home: str = ""

    @property
    def limit(self) -> int:
        """How many rows are wanted, 100 if nobody said."""
        return self.number("limit", least=1, most=MOST, default=100)

    @property
    def active(self) -> bool:
        """Whether only what is under way is wanted."""
        said = self.query.get("active", "false")
        if said not in {"true", "false"}:
            raise Refused("badQuery", "active")
        return said == "true"

    def number(self, name: str, *, least: int, most: int, default: int) -> int:
        """Return a whole number of the query; Refused("badQuery") beyond its bounds."""
        said = self.query.get(name, str(default))
        if not (said.isascii() and said.isdecimal() and len(said) <= len(str(most)) and least <= int(said) <= most):
            raise Refused("badQuery", name)
        return int(said)


Handler = Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row of the table."""

    method: Method
    path: str
    name: str
    says: str
    gives: type[Any] | None
    takes: type[Any] | None
    query: tuple[str, ...]
    refuses: tuple[str, ...]
    run: Handler


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All operations of one API, and the words that they share.

    ``path`` and ``query`` are the JSON Schemas of parameters; those that are ``slashed`` may have a
    slash in them; ``always`` names what a parameter of the path is refused with.
    """

    title: str
    about: str
    ask: type[Question[Any]]
    errors: Mapping[str, tuple[int, str]]
    path: dict[str, dict[str, Any]]
    query: dict[str, dict[str, Any]]
    slashed: frozenset[str] = frozenset()
    always: Mapping[str, str] = field(default_factory=dict)
    rows: list[Operation] = field(default_factory=list)

    def operation(
        self, method: Method, path: str, *, gives: type[Any] | None = None, takes: type[Any] | None = None,
        query: tuple[str, ...] = (), refuses: tuple[str, ...] = (),
    ) -> Callable[[Handler], Handler]:  # fmt: skip
        """Enter a handler into the table; its docstring is what the document says of it."""

        def enter(run: Handler) -> Handler:
            says = (run.__doc__ or "").partition("\n")[0]
            also = tuple(reason for name, reason in self.always.items() if f"{{{name}}}" in path)
            row = Operation(
                method=method, path=path, name=run.__name__, says=says, gives=gives, takes=takes, query=query,
                refuses=tuple(dict.fromkeys((*refuses, *also))), run=run,
            )  # fmt: skip
            self.rows.append(row)
            return run

        return enter


def text(longest: int) -> dict[str, Any]:
    """Return the JSON Schema of a parameter of any characters."""
    return {"type": "string", "minLength": 1, "maxLength": longest}
