"""``evouch identity enrol | list | rotate | revoke | challenge``: what an operator does at a running backend.

They speak to its operator API. Without ``--json`` a person reads tables and sentences; the
exit code is 0 if it was done, 1 if it was refused or not proved, 2 if it was not understood.
"""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from evouch.errors import EvouchError

if TYPE_CHECKING:
    from evouch.cli.operator_api import OperatorApi

__all__ = ["challenge", "enrol", "list_identities", "mount", "revoke", "rotate"]

#: Bytes of the largest file that can hold a key or a certificate with its chain.
_MOST: Final = 65_536
#: Seconds that a challenge may take: the longest time that a station can be given, and the way there and back.
_CHALLENGE: Final = 660.0
#: Digits of a SHA-256.
_HEX: Final = 64

_Backend = Annotated[str | None, typer.Option(help="Address of the backend.", show_default="http://127.0.0.1:8080")]
_TokenFile = Annotated[
    Path | None,
    typer.Option(help="File with an API token of the backend.", show_default="evouch-state/keys/operator-token"),
]
_Config = Annotated[Path | None, typer.Option(help="The TOML file to read.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Station = Annotated[str, typer.Argument(help="Station id.")]
_Key = Annotated[
    Path | None, typer.Option(metavar="KEY", help="The public key: KEY.json, as keygen prints it, or PEM.")
]
_Did = Annotated[str | None, typer.Option(help="DID: did:key, did:w3cp, did:kilt:light, did:ethr or did:ewc.")]
_Certificate = Annotated[
    str | None, typer.Option(metavar="PEM", help="File with the certificate; or its SHA-256 in hexadecimal.")
]


def mount(app: typer.Typer) -> None:
    """Add the commands to the group of identities."""
    for name, command in _COMMANDS.items():
        app.command(name)(command)


def enrol(
    station: _Station,
    *,
    key: _Key = None,
    did: _Did = None,
    certificate: _Certificate = None,
    next: Annotated[bool, typer.Option("--next", help="Let it take over with its first proof.")] = False,
    not_before: Annotated[str | None, typer.Option(help="When it begins to count: 2026-11-20T08:00:00Z.")] = None,
    not_after: Annotated[str | None, typer.Option(help="When it ends to count.")] = None,
    first_use: Annotated[
        int | None,
        typer.Option(min=1, max=86_400, help="Instead: enrol what the station brings within so many SECONDS."),
    ] = None,
    backend: _Backend = None,
    token_file: _TokenFile = None,
    config: _Config = None,
    as_json: _Json = False,
) -> None:
    """Enrol a public key, a DID or a certificate that a station has to prove from now on.

    With --first-use nothing is enrolled yet: the first key that the station brings itself
    within that time is.
    """
    if first_use is not None:
        if next or any((key, did, certificate, not_before, not_after)):
            raise typer.BadParameter("--first-use stands alone: what is enrolled is what the station brings")
        body: dict[str, Any] = {"seconds": first_use}
        path = ("enrolment-window",)
    else:
        body = _material(key, did, certificate) | {"next": next}
        body |= {name: text for name, text in (("not_before", not_before), ("not_after", not_after)) if text}
        path = ("identities",)
    with _api(backend, token_file, config) as api:
        answer = api.ask("POST", "stations", station, *path, body=body)
    if first_use is not None:
        _say(answer, as_json, f"The first key that {station} brings before {answer['until']} is enrolled.")
    else:
        _say(answer, as_json, f"Enrolled for {station}: {_line(answer)}", f"Id: {answer['id']}")


def rotate(
    station: _Station,
    *,
    key: _Key = None,
    did: _Did = None,
    certificate: _Certificate = None,
    backend: _Backend = None,
    token_file: _TokenFile = None,
    config: _Config = None,
    as_json: _Json = False,
) -> None:
    """Enrol the identity that takes over with its first proof; the present one works until you revoke it."""
    body = _material(key, did, certificate)
    with _api(backend, token_file, config) as api:
        answer = api.ask("POST", "stations", station, "identities", "next", body=body)
    _say(
        answer, as_json, f"Next for {station}: {_line(answer)}", f"Id: {answer['id']}",
        "Once it has proved itself, revoke the old one.",
    )  # fmt: skip


def list_identities(
    station: Annotated[str, typer.Argument(help="Station id; all stations if left out.")] = "",
    *,
    backend: _Backend = None,
    token_file: _TokenFile = None,
    config: _Config = None,
    as_json: _Json = False,
) -> None:
    """List enrolled identities, revoked ones included; expired says which do not count any more."""
    from evouch.clock import SystemClock

    path = ("stations", station, "identities") if station else ("identities",)
    with _api(backend, token_file, config) as api:
        answer = api.ask("GET", *path)
    found, now = answer["identities"], SystemClock().now()
    rows = [("STATION", "STATUS", "IDENTITY", "VALID", "ENROLLED", "FIRST PROVED", "ID")]
    rows += [
        (
            each["station"], _status(each, now), _short(each), _bounds(each) or "always",
            f"{_day(each['enrolled_at'])} by {each['enrolled_by']}", _day(each["first_proven_at"]) or "never",
            each["id"],
        )
        for each in found
    ]  # fmt: skip
    _say(answer, as_json, *(_table(rows) if found else ["None is enrolled."]))


def revoke(
    identity: Annotated[str, typer.Argument(help="Id of the identity, as list shows it.")],
    *,
    reason: Annotated[str, typer.Option(help="Why, for the audit.")] = "",
    backend: _Backend = None,
    token_file: _TokenFile = None,
    config: _Config = None,
    as_json: _Json = False,
) -> None:
    """Revoke an identity for good; the connection that was proved by it is closed."""
    with _api(backend, token_file, config) as api:
        found = [each for each in api.ask("GET", "identities")["identities"] if each["id"] == identity]
        if not found:
            raise EvouchError("There is no such identity. (unknownIdentity)")
        station = found[0]["station"]
        answer = api.ask("POST", "stations", station, "identities", identity, "revoke", body={"reason": reason})
    _say(answer, as_json, f"Revoked for {station}: {_line(answer)}")


def challenge(
    station: _Station,
    *,
    backend: _Backend = None,
    token_file: _TokenFile = None,
    config: _Config = None,
    as_json: _Json = False,
) -> None:
    """Ask a connected station to prove its identity now; exit 1 if it did not, and say at which step it failed."""
    with _api(backend, token_file, config) as api:
        answer = api.ask("POST", "stations", station, "challenge", seconds=_CHALLENGE)
    if answer["proven"]:
        _say(answer, as_json, f"{station} has proved its identity.")
        return
    told = f"{station} did not prove its identity ({answer['step']})."
    _say(answer, as_json, told, answer["meaning"], f"Detail: {answer['reason']}")
    raise typer.Exit(1)


_COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "enrol": enrol, "list": list_identities, "rotate": rotate, "revoke": revoke, "challenge": challenge,
}  # fmt: skip


# ── what is sent ────────────────────────────────────────────────────────────────────────


def _api(backend: str | None, token_file: Path | None, config: Path | None) -> "OperatorApi":
    from evouch.cli.config import load
    from evouch.cli.operator_api import OperatorApi
    from evouch.cli.settings import IdentityConfig

    loaded = load(IdentityConfig, file=config, flags={"backend": backend, "token_file": token_file})
    return OperatorApi(loaded.config)


def _material(key: Path | None, did: str | None, certificate: str | None) -> dict[str, Any]:
    """Return what was given as the API takes it. A private key never leaves this machine."""
    if [key is not None, did is not None, certificate is not None].count(True) != 1:
        raise typer.BadParameter("give one of --key, --did and --certificate")
    if key is not None:
        return {"key": _key_in(key)}
    if certificate is not None:
        return {"certificate": _certificate_in(certificate)}
    return {"did": did}


def _key_in(path: Path) -> dict[str, Any]:
    from evouch.cli.keyfile import key_document_in
    from evouch.errors import Refused

    try:
        document = key_document_in(_read(path).encode())
    except Refused as error:
        raise _private(path) if error.reason == "privateKey" else EvouchError(f"{path}: {error.detail}") from None
    return {name: document[name] for name in ("type", "encoding", "value") if name in document}


def _certificate_in(given: str) -> str:
    digits = given.replace(":", "")
    if len(digits) == _HEX and all(digit in "0123456789abcdefABCDEF" for digit in digits):
        return digits
    if not os.path.exists(given):  # noqa: PTH110 - what is no path at all is not there either
        raise EvouchError(f"{given}: is neither a file nor 64 hexadecimal digits")
    return _read(Path(given))


def _read(path: Path) -> str:
    from evouch.identity.private import holds_private_key

    try:
        raw = path.read_bytes()[: _MOST + 1]
    except OSError as error:
        raise EvouchError(f"{path}: {error.strerror}") from None
    text = raw.decode("utf-8", "replace")
    if holds_private_key(text):
        raise _private(path)
    if len(raw) > _MOST:
        raise EvouchError(f"{path}: is too large for a key or a certificate")
    return text


def _private(path: Path) -> EvouchError:
    from evouch.cli.keyfile import ADVICE, PRIVATE

    error = EvouchError(f"{path}: {PRIVATE}")
    error.advice = ADVICE
    return error


# ── what is shown ───────────────────────────────────────────────────────────────────────


def _say(answer: Any, as_json: bool, *lines: str) -> None:
    from evouch.cli.operator_api import plain

    if as_json:
        print(json.dumps(answer, ensure_ascii=False))
        return
    for line in lines:
        print(plain(line))


def _short(identity: dict[str, Any]) -> str:
    """Return an identity as people compare it."""
    if not identity["fingerprint"]:
        return str(identity["material"])
    kind = str(identity["material"]).partition(":")[0] + " key" if identity["kind"] == "publicKey" else "certificate"
    return f"{kind} {identity['fingerprint'][:16]}…"


def _line(identity: dict[str, Any]) -> str:
    limits = [
        f"{word} {identity[name]}" for name, word in (("not_before", "from"), ("not_after", "until")) if identity[name]
    ]
    return f"{_short(identity)} ({', '.join([identity['status'], *limits])})"


def _status(identity: dict[str, Any], now: datetime) -> str:
    """Return whether an identity counts, by this machine's clock, in the words of the operator's page."""
    from evouch.units import parse_time

    begins, ends = (identity[name] and parse_time(identity[name]) for name in ("not_before", "not_after"))
    if identity["status"] == "revoked":
        return "revoked"
    if ends and now >= ends:
        return "expired"
    return "not yet valid" if begins and now < begins else str(identity["status"])


def _bounds(identity: dict[str, Any]) -> str:
    named = (("from", "not_before"), ("until", "not_after"))
    return " ".join(f"{word} {_day(identity[name])}" for word, name in named if identity[name])


def _day(time: str | None) -> str:
    return (time or "")[:16].replace("T", " ")


def _table(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip()
