"""Vehicle addresses taken out of what is kept: frames of the evidence, errors that quote, words of the log.

Rules of this file:

- A rule gets an address in ``IdToken.mac`` or ``VehicleIdentified.mac``. Everything else that
  leaves this package and repeats what a peer sent has been through here.
- Hidden is what names a vehicle by its place: the value of a token of a vehicle's type, of a
  variable or member of such a name, whatever follows ``VID:``. Signed meter values are hidden
  whole: they name who charged, in encodings of their makers.
- What was hidden once is hidden everywhere in the same message, in any spelling.
- Hidden too much costs a character of a log; hidden too little cannot be called back.
- Most frames hold none of the words that all this begins with, and are passed on as they are.

Source: "Autocharge Roaming" 0.1 §8.2 (a raw MAC address is in no log, storage or cache).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from evouch.charging.macs import HIDDEN, VID_PREFIX, parse_mac
from evouch.wire import MalformedJson, decode, encode

__all__ = ["hidden", "kept", "masked", "redacted"]

Json = Any

#: Without one of these, in any case, no frame names a vehicle. An escape may hide any of them.
_SIGNS: Final = (b"vid:", b"mac", b"evccid", b"vehicleid", b"signed", b"\\u")
#: Token types and names of variables and members, as :func:`_plain` writes them.
_KINDS: Final = frozenset({"macaddress", "evccid"})
_VARIABLES: Final = frozenset({"vehicleid", "evccid"})
_MEMBERS: Final = frozenset({"evccid", "vehicleid", "vehiclemac", "mac", "macaddress", "signedmeterdata"})
#: Where the value of a variable stands: NotifyEvent, GetVariables, NotifyReport.
_VALUES: Final = frozenset({"actualvalue", "attributevalue", "variableattribute", "techinfo", "value"})
#: What a station says beside a vehicle's token (2.x) may name the vehicle again, in a way of its own.
_BESIDE: Final = "additionalinfo"
#: Members that say what kind of thing a hidden value is.
_WORDS_ABOUT: Final = frozenset({"type", "mutability"})

_MARKS: Final = ("vid:", "macaddress", "evccid", "vehicleid")
_VID: Final = re.compile(r"(vid:)(?:[:\-. _]*[0-9a-f])*[^\s\"',;(){}\[\]\\]*", re.IGNORECASE)
_PREFIX: Final = re.compile(re.escape(VID_PREFIX), re.IGNORECASE)
#: Twelve hexadecimal digits or more, however they are separated.
_RUN: Final = re.compile(r"[0-9A-Fa-f](?:[:\-. _]*[0-9A-Fa-f]){11,}")
_DIGITS: Final = 12


def kept(action: str, payload: Mapping[str, Json], frame: bytes) -> bytes:
    """Return the frame of a CALL as it may be kept: itself where it names no vehicle."""
    # Samples come by the thousand, and their schemas leave few places for an address: a token, signed or quoted
    # text, what is whoever's own. So less is looked for, and without a loop.
    if action == "MeterValues":
        if not (b"\\" in frame or b"igned" in frame or b"VID:" in frame):
            return frame
    elif action == "TransactionEvent" and not (
        "idToken" in payload or b"\\" in frame or b"igned" in frame or b"ustomData" in frame
    ):
        return frame
    return redacted(frame)


def redacted(frame: bytes) -> bytes:
    """Return ``frame`` with every vehicle's address hidden; of what is no JSON and may hold one nothing is left."""
    small = frame.lower()
    if not any(sign in small for sign in _SIGNS):
        return frame
    try:
        document = decode(frame)
    except MalformedJson:
        return HIDDEN.encode()
    clean = hidden(document)
    return frame if clean == document else encode(clean)


def hidden(document: Json, *, doubtful: bool = False) -> Json:
    """Return JSON with every vehicle's address hidden; with ``doubtful`` also texts that are an address by their look.

    That is for what broke its schema: the member that would say what a text is may be missing.
    """
    found: set[str] = set()
    clean = _walk(document, found)
    if found:
        clean = _texts(clean, lambda text: _RUN.sub(lambda run: HIDDEN if _holds(run[0], found) else run[0], text))
    return _doubted(clean) if doubtful else clean


def masked(text: str) -> str:
    """Return a word or sentence of a peer, for a log or an error, without an address."""
    return HIDDEN if _looks(text) and not _PREFIX.match(text) else _clean(text, set())


# ── one value after the other ───────────────────────────────────────────────────────────


def _walk(node: Json, found: set[str]) -> Json:
    if isinstance(node, dict):
        secret = _secret(node)
        return {
            masked(name): _drop(value, found) if _plain(name) in secret else _walk(value, found)
            for name, value in node.items()
        }
    if isinstance(node, list):
        return [_walk(each, found) for each in node]
    return _inside(node, found) if isinstance(node, str) else node


def _secret(node: Mapping[str, Json]) -> frozenset[str]:
    """Return the members of an object, by their plain names, that name a vehicle or may do so."""
    if _plain(node.get("type")) in _KINDS:
        said = {_plain(name) for name, value in node.items() if isinstance(value, str)} - _WORDS_ABOUT
        return _MEMBERS | said | {_BESIDE}
    token = node.get("idToken")
    if isinstance(token, str) and _PREFIX.match(token.lstrip()):
        return _MEMBERS | {_BESIDE}
    variable = node.get("variable")
    if isinstance(variable, dict) and _plain(variable.get("name")) in _VARIABLES:
        return _MEMBERS | _VALUES
    return _MEMBERS | {"value"} if node.get("format") == "SignedData" else _MEMBERS


def _plain(name: Json) -> str:
    return name.casefold().replace("_", "").replace("-", "") if isinstance(name, str) else ""


def _drop(node: Json, found: set[str]) -> Json:
    """Hide all that is said in a place of its own for a vehicle."""
    if isinstance(node, dict):
        return {
            masked(name): value if _plain(name) in _WORDS_ABOUT else _drop(value, found) for name, value in node.items()
        }
    if isinstance(node, list):
        return [_drop(each, found) for each in node]
    if not node or isinstance(node, bool):
        return node
    _note(str(node), found)
    return HIDDEN


def _inside(text: str, found: set[str]) -> str:
    """Return a text without addresses. It may hold JSON: DataTransfer of 1.6 does."""
    if text.lstrip()[:1] in {"{", "["}:
        try:
            document = decode(text)
        except MalformedJson:
            return _clean(text, found)
        clean = _walk(document, found)
        return text if clean == document else encode(clean).decode()
    return _clean(text, found)


def _clean(text: str, found: set[str]) -> str:
    small = text.casefold()
    if not any(mark in small for mark in _MARKS):
        return text
    # The prefix goes first: its last letter is a hexadecimal digit, too.
    _note(_PREFIX.sub("|", text), found)
    if small.lstrip().startswith(VID_PREFIX.casefold()):
        return f"{text.lstrip()[: len(VID_PREFIX)]}{HIDDEN}"
    return _RUN.sub(HIDDEN, _VID.sub(rf"\1{HIDDEN}", text))


# ── what was found, wherever else it stands ─────────────────────────────────────────────


def _note(text: str, found: set[str]) -> None:
    """Add what may be addresses in ``text``: padded ones have their digits at the right, some firmware at the left."""
    for run in _RUN.findall(text):
        digits = _digits(run)
        found.update({digits[-_DIGITS:], digits[:_DIGITS]} - {"0" * _DIGITS})


def _holds(run: str, found: set[str]) -> bool:
    digits = _digits(run)
    return any(digits[start : start + _DIGITS] in found for start in range(len(digits) - _DIGITS + 1))


def _digits(run: str) -> str:
    return "".join(filter(str.isalnum, run)).upper()


def _texts(node: Json, change: Callable[[str], str]) -> Json:
    if isinstance(node, dict):
        return {change(name): _texts(value, change) for name, value in node.items()}
    if isinstance(node, list):
        return [_texts(each, change) for each in node]
    return change(node) if isinstance(node, str) else node


def _doubted(node: Json) -> Json:
    if isinstance(node, dict):
        return {masked(name): _doubted(value) for name, value in node.items()}
    if isinstance(node, list):
        return [_doubted(each) for each in node]
    return HIDDEN if isinstance(node, (str, int)) and _looks(str(node)) else node


def _looks(text: str) -> bool:
    """Return whether a text is an address by its look; some write underscores, which no rule reads as an address."""
    return parse_mac(text.replace("_", "")) is not None
