"""URLTemplate of WebPaymentsCtrlr: from template and claim to the URL in the code, and back.

Placeholders are names in braces, in any case. The names of OCA's device model are what we
emit; the spellings of other sources are understood. Values are percent-encoded. A limit
that the driver did not set vanishes together with its query pair; one that the template
does not place is appended to the query, if the station offers it (OCPP 2.1 C25.FR.03-06).
Limits are in Wh, seconds and the station's currency. The code in the URL vouches for none
of them: whoever reads a claim checks its limits again.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Final, Self
from urllib.parse import quote

from evouch.errors import InvalidCode, Refused
from evouch.webpayment.claim import ALIASES, FIELDS, IDENTITY, LIMITS, Claim, Placeholder, claim_of, plain
from evouch.webpayment.origin import Origin
from evouch.webpayment.totp import VERSION

__all__ = ["MAX_LENGTH", "Claim", "Placeholder", "Template"]

#: Longest value that a version can set: 1.6 ChangeConfiguration; SetVariables of 2.0.1 and 2.1.
MAX_LENGTH: Final = {"ocpp1.6": 500, "ocpp2.0.1": 1000, "ocpp2.1": 2500}
#: Longest URL that is read: an expanded template with every character percent-encoded stays below.
_MAX_URL: Final = 8192


_P = Placeholder
_BRACES: Final = re.compile(r"\{([^{}]*)\}")
_SHAPE: Final = re.compile(r"([a-z][a-z0-9+.\-]*)://([^/?]*)([^?]*)(?:\?(.*))?\Z", re.IGNORECASE | re.ASCII)
#: Printable ASCII without blanks and without what no URL may hold (RFC 3986, appendix A).
_URL_TEXT: Final = re.compile(r"[!#-;=?-\[\]_a-z{}~]*\Z", re.IGNORECASE | re.ASCII)
#: Separators that percent-encoding leaves alone; a value's own are encoded where a template uses them.
_SOFT: Final = "-._~"
_ANY: Final = "[^/?#&]"
#: What stands for a placeholder in a URL; an unset limit may stand there empty.
_SHAPES: Final = {_P.EVSE: "[1-9][0-9]{0,8}"} | dict.fromkeys(LIMITS, f"{_ANY}{{0,64}}")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of a template: text and placeholders in turn, and the pattern that reads it back."""

    parts: tuple[str, ...]
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, text: str) -> Self:
        parts = tuple(_BRACES.split(text))
        shapes = (
            f"({_SHAPES.get(_P(part), f'{_ANY}{{1,512}}')})" if number % 2 else re.escape(part)
            for number, part in enumerate(parts)
        )
        return cls(parts, re.compile("".join(shapes)))

    @property
    def names(self) -> tuple[Placeholder, ...]:
        return tuple(_P(part) for part in self.parts[1::2])

    def fill(self, values: dict[Placeholder, str]) -> str:
        return "".join(values[_P(part)] if number % 2 else part for number, part in enumerate(self.parts))

    def read(self, text: str) -> dict[Placeholder, str] | None:
        found = self.pattern.fullmatch(text)
        return None if found is None else dict(zip(self.names, found.groups(), strict=True))

    def separators(self) -> Iterator[str]:
        """Yield what stands between two placeholders."""
        yield from self.parts[2:-1:2]


@dataclass(frozen=True, slots=True)
class Template:
    """A template that a station may show. ``text`` is its canonical form, ``warnings`` what is legal but unwise."""

    text: str
    origin: Origin
    warnings: tuple[str, ...]
    #: limits that the station offers (URLParameters), lower-case
    parameters: frozenset[str]
    _path: _Piece
    _query: tuple[tuple[str, _Piece], ...]

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        parameters: Collection[str] = (),
        loopback_http: bool = False,
        max_length: int = MAX_LENGTH["ocpp2.1"],
        hosts: Collection[str] = (),
        lenient: bool = False,
    ) -> Self:
        """Return the template in ``text``, or raise ``Refused("badTemplate", why)``.

        ``parameters`` is the station's URLParameters, ``hosts`` the only hosts it may name
        (empty: any). ``lenient`` is for instruments: what is unsafe, but can be expanded and
        read, becomes a warning.
        """
        canonical = _BRACES.sub(_canonical, text)
        scheme, authority, path, query = _pieces(text, canonical)
        try:
            origin = Origin.parse(scheme, authority)
        except ValueError as error:
            raise _bad(str(error)) from None
        pairs = tuple((key, _Piece.of(value)) for key, _, value in (pair.partition("=") for pair in query))
        offered = frozenset(name.lower() for name in parameters)
        template = cls(_join(origin, path, query), origin, (), offered, _Piece.of(path), pairs)
        template._check_readable()
        dangers = [*_too_long(text, max_length), *origin.dangers(loopback_http=loopback_http, hosts=hosts)]
        dangers += template._dangers()
        if dangers and not lenient:
            raise _bad(dangers[0])
        return replace(template, warnings=(*dangers, *template._weaknesses()))

    @property
    def names(self) -> frozenset[Placeholder]:
        """The placeholders that occur."""
        return frozenset(name for piece in self._all() for name in piece.names)

    def expand(self, claim: Claim) -> str:
        """Return the URL for ``claim``.

        Raises ``Refused("incompleteClaim")`` where the template names what the claim lacks,
        and ``Refused("limitNotOffered")`` for a limit that neither template nor station has.
        """
        values = {name: self._encode(name, claim) for name in self.names}
        query = [
            f"{key}={piece.fill(values)}" if piece.parts != ("",) else key
            for key, piece in self._query
            if not any(name in LIMITS and not values[name] for name in piece.names)
        ]
        query += self._appended(claim)
        return str(self.origin) + self._path.fill(values) + ("?" + "&".join(query) if query else "")

    def read(self, url: str) -> Claim:
        """Return the claim in a scanned URL; raise :class:`InvalidCode` where it does not fit this template."""
        shape = _SHAPE.match(url) if len(url) <= _MAX_URL else None
        if shape is None:
            raise InvalidCode("no URL")
        try:
            origin = Origin.parse(shape[1], shape[2])
        except ValueError:
            raise InvalidCode("no URL") from None
        if origin != self.origin:
            raise InvalidCode("another origin than the template's")
        return self.read_target(url[shape.end(2) :])

    def read_target(self, target: str) -> Claim:
        """Return the claim in path and query alone, as an HTTP request has them; raises as :meth:`read`."""
        path, _, query = target.partition("#")[0].partition("?")
        said = self._path.read(path or "/") if len(target) <= _MAX_URL else None
        if said is None:
            raise InvalidCode("the path does not fit the template")
        said |= self._read_query(query)
        return claim_of(said)

    def _all(self) -> tuple[_Piece, ...]:
        return (self._path, *(piece for _, piece in self._query))

    def _check_readable(self) -> None:
        """Raise where an expanded URL could not be read back, or would not carry a code."""
        names = [name for piece in self._all() for name in piece.names]
        keys = [key for key, _ in self._query]
        if _P.CODE not in names:
            raise _bad("no {totp}: whoever copies this address can use it for ever")
        if len(set(names)) != len(names):
            raise _bad("a placeholder occurs twice")
        if len(set(keys)) != len(keys) or any("{" in key for key in keys):
            raise _bad("a query parameter occurs twice or has a placeholder for a name")
        for piece in self._all():
            if not all(re.search(r"[^A-Za-z0-9%]", between) for between in piece.separators()):
                raise _bad("two placeholders follow each other with nothing to tell them apart")
        for _, piece in self._query:
            if len(piece.names) > 1 and not LIMITS.keys().isdisjoint(piece.names):
                raise _bad("a limit shares its query parameter with another placeholder")

    def _dangers(self) -> Iterator[str]:
        if self.names.isdisjoint(IDENTITY):
            yield "nothing says which station or EVSE the code belongs to"
        for name in sorted(self.names & LIMITS.keys() - self.parameters):
            yield f"{{{name}}} is not among the station's URLParameters"

    def _weaknesses(self) -> Iterator[str]:
        if _P.STATION not in self.names:
            yield "no {chargingstationid}: the address has to say in another way which station it is"
        if _P.VERSION not in self.names:
            yield "no {version}: a later kind of code could not be told apart"

    def _encode(self, name: Placeholder, claim: Claim) -> str:
        value = getattr(claim, FIELDS[name])
        if name is _P.VERSION:
            value = value or VERSION
        if not value and name not in LIMITS:
            raise Refused("incompleteClaim", f"the template names {{{name}}}, which has no value")
        text = quote(plain(value), safe="")
        for character in self._soft():
            text = text.replace(character, f"%{ord(character):02X}")
        return text

    def _soft(self) -> str:
        between = [separator for piece in self._all() for separator in piece.separators()]
        return "".join(mark for mark in _SOFT if any(mark in separator for separator in between))

    def _appended(self, claim: Claim) -> Iterator[str]:
        for name, field in LIMITS.items():
            value = getattr(claim, field)
            if value is None or name in self.names:
                continue
            if name not in self.parameters:
                raise Refused("limitNotOffered", f"the station has no {name} among its URLParameters")
            yield f"{name}={plain(value)}"

    def _read_query(self, query: str) -> dict[Placeholder, str]:
        pairs = [(key, value) for key, _, value in (pair.partition("=") for pair in query.split("&") if pair)]
        said: dict[Placeholder, str] = {}
        for key, piece in self._query:
            values = [value for name, value in pairs if name == key]
            if not values and not LIMITS.keys().isdisjoint(piece.names):
                continue
            found = piece.read(values[0]) if len(values) == 1 else None
            if found is None:
                raise InvalidCode("the query does not fit the template")
            said |= found
        placed = {key for key, _ in self._query}
        for key, value in pairs:
            # a limit can only lower what is paid, so it is heard although the template does not place it
            if key not in placed and (name := ALIASES.get(key.lower())) in LIMITS and name not in self.names:
                said[name] = value
        return said


def _pieces(text: str, canonical: str) -> tuple[str, str, str, list[str]]:
    """Return scheme, authority, path and query pairs of a template, its braces balanced and its text a URL's."""
    if not _URL_TEXT.match(text):
        raise _bad("a character that no URL may hold")
    if re.search(r"[{}]", _BRACES.sub("", text)):
        raise _bad("a brace without its partner")
    shape = _SHAPE.match(canonical)
    if shape is None:
        raise _bad("not an https address")
    if "#" in canonical:
        raise _bad("a fragment never reaches the server")
    if "{" in shape[2]:
        raise _bad("a placeholder in the host")
    return shape[1], shape[2], shape[3] or "/", [pair for pair in (shape[4] or "").split("&") if pair]


def _join(origin: Origin, path: str, query: list[str]) -> str:
    return f"{origin}{path}" + ("?" + "&".join(query) if query else "")


def _canonical(found: re.Match[str]) -> str:
    name = ALIASES.get(found[1].lower())
    if name is None:
        raise _bad(f"unknown placeholder {{{found[1][:40]}}}")
    return f"{{{name}}}"


def _too_long(text: str, limit: int) -> Iterator[str]:
    if len(text) > limit:
        yield f"{len(text)} characters, of which this version can set {limit}"


def _bad(why: str) -> Refused:
    return Refused("badTemplate", why)
