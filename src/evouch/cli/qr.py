"""``evouch qr``: what a display should show, and why a scanned code opens nothing. Needs no backend.

An instrument, not a gate: templates and secrets that a station should not be given are
shown all the same, with a warning on stderr. With ``--json`` there is data and nothing else.
"""

import json
import re
import sys
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn
from urllib.parse import unquote

import typer

from evouch.cli.times import moment
from evouch.clock import SystemClock
from evouch.errors import InvalidCode, Refused
from evouch.ids import Secret
from evouch.webpayment import totp
from evouch.webpayment.claim import Claim
from evouch.webpayment.diagnosis import diagnose
from evouch.webpayment.url import Template

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="One-time codes and their URLs, without any backend.")

_LIMITS: Final = ("maxtime", "maxenergy", "maxcost")
_NAMES: Final = {-1: "previous", 0: "current", 1: "next"}


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount <= 0:
        raise typer.BadParameter("give an amount such as 50.00")
    return amount


_TEMPLATE_HELP: Final = (
    "The station's URLTemplate, for instance "
    "https://pay.example.com/{chargingstationid}/{evse}/{totp}?v={version} "
    "(placeholders in any case; also roamingcsid, roamingevseid, maxtime, maxenergy, maxcost)."
)
_SHOW: Final = (
    "Show the QR code, the URLs and the codes that a station has on its display at a moment.\n\n"
    "With --json: previous, current and next, each with totp and url, and remaining, the seconds for which "
    "the current code is still shown."
)
_VERIFY: Final = (
    "Say which slot a scanned URL or code belongs to, or why it opens nothing; exit 1 if it opens nothing.\n\n"
    "A code is good in the previous, the current and the next slot, and never elsewhere. If it is not good, the "
    "mistakes known from the field are tried: a clock that is off by up to 20 slots, another length, alphabet, digest "
    "or validity, a secret that was decoded or trimmed, a little-endian slot, seconds or milliseconds in place of "
    "the index, changed capitals, blanks, RFC 6238.\n\n"
    "With --json: valid, slot (previous, current, next or null), offset in slots, reason, why, and claim, which is "
    "what the URL says."
)
_SecretText = Annotated[
    str | None,
    typer.Option("--secret", help="The SharedSecret, byte for byte. Others on this machine may see it: prefer a file."),
]
_SecretFile = Annotated[
    Path | None,
    typer.Option(
        "--secret-file", help="File that holds the SharedSecret; - is stdin. One line end after it is ignored."
    ),
]
_At = Annotated[
    datetime | None,
    typer.Option(
        "--at", parser=moment, metavar="TIME", help="Unix seconds, or ISO time with a zone.", show_default="now"
    ),
]
_Validity = Annotated[
    int, typer.Option("--validity", min=1, max=86_400, help="ValidityTime: seconds that a code is shown.")
]
_Length = Annotated[int, typer.Option("--length", min=1, max=totp.MAX_LENGTH, help="Length: characters of a code.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(help=_SHOW)
def show(
    *,
    template: Annotated[str, typer.Option("--template", help=_TEMPLATE_HELP)],
    secret: _SecretText = None,
    secret_file: _SecretFile = None,
    station: Annotated[str, typer.Option(help="Station id to put into the URL.")] = "CS-0001",
    evse: Annotated[int, typer.Option(min=1, help="EVSE number to put into the URL.")] = 1,
    roaming_station: Annotated[str, typer.Option("--roamingcsid", help="Roaming id of the station.")] = "",
    roaming_evse: Annotated[str, typer.Option("--roamingevseid", help="Roaming id of the EVSE: DE*ABC*E123.")] = "",
    at: _At = None,
    validity: _Validity = 30,
    length: _Length = 8,
    maxtime: Annotated[int | None, typer.Option(min=1, help="Limit in seconds that the driver entered.")] = None,
    maxenergy: Annotated[int | None, typer.Option(min=1, help="Limit in Wh that the driver entered.")] = None,
    maxcost: Annotated[
        Decimal | None,
        typer.Option(parser=_amount, metavar="AMOUNT", help="Limit in the station's currency that the driver entered."),
    ] = None,
    quality: Annotated[str, typer.Option(help="QRCodeQuality: Low, Medium, Quartile or High.")] = "Medium",
    svg: Annotated[Path | None, typer.Option("--svg", help="Also write the current QR code to this file.")] = None,
    as_json: _Json = False,
) -> None:
    """Print what a display shows; see ``_SHOW``."""
    parsed, raw = _template(template), _secret(secret, secret_file)
    key = Secret(raw)
    window = totp.window(key, at or SystemClock().now(), validity=validity, length=length)
    codes = {"previous": window.previous, "current": window.current, "next": window.next}
    claims = {
        name: Claim(
            code=code, station=station, evse=evse, version=totp.VERSION, roaming_station=roaming_station,
            roaming_evse=roaming_evse, limit_time=maxtime, limit_energy=maxenergy, limit_cost=maxcost,
        )
        for name, code in codes.items()
    }  # fmt: skip
    shown = {name: {"totp": claim.code, "url": _expand(parsed, claim)} for name, claim in claims.items()}
    if svg is not None:
        svg.write_text(_drawn(shown["current"]["url"], quality, vector=True), encoding="utf-8")
    if as_json:
        _print_json(shown | {"remaining": window.remaining})
        return
    _warn(*parsed.warnings, *_complaints(raw), *totp.weaknesses(key, validity=validity, length=length))
    print(_drawn(shown["current"]["url"], quality, vector=False))
    for name, each in shown.items():
        print(f"{name:<9} {each['totp']}  {each['url']}")
    print(f"slot {window.slot}, {window.remaining} s left")


@app.command(help=_VERIFY)
def verify(
    *,
    scanned: Annotated[
        str, typer.Argument(metavar="URL_OR_CODE", help="What the phone read: a URL, or only its code.")
    ],
    template: Annotated[
        str | None, typer.Option("--template", help=_TEMPLATE_HELP + " Without it every part of a URL is tried.")
    ] = None,
    secret: _SecretText = None,
    secret_file: _SecretFile = None,
    at: _At = None,
    validity: _Validity = 30,
    length: _Length = 8,
    as_json: _Json = False,
) -> None:
    """Print a verdict on what was scanned; see ``_VERIFY``."""
    raw, moment = _secret(secret, secret_file), at or SystemClock().now()
    verdict = _Examination(Secret(raw), moment, validity, length).of(
        scanned, None if template is None else _template(template)
    )
    if as_json:
        _print_json(verdict)
    else:
        _warn(*_complaints(raw))
        print(f"valid: the {verdict['slot']} code" if verdict["valid"] else f"invalid: {verdict['why']}")
        for name, value in (verdict["claim"] or {}).items():
            print(f"  {name} {value}")
    raise typer.Exit(0 if verdict["valid"] else 1)


class _Examination:
    """One secret at one moment, and whatever was scanned then."""

    def __init__(self, secret: Secret, at: datetime, validity: int, length: int) -> None:
        self.secret, self.at, self.validity, self.length = secret, at, validity, length

    def of(self, scanned: str, template: Template | None) -> dict[str, Any]:
        if "://" not in scanned:
            return self._code(scanned)
        if template is None:
            return self._pieces(scanned.strip())
        return self._url(scanned.strip(), template)

    def _code(self, code: str, claim: Claim | None = None) -> dict[str, Any]:
        offset = self._offset(code)
        if offset is not None:
            return _verdict(offset=offset, claim=claim)
        cause = diagnose(code, self.secret, self.at, validity=self.validity, length=self.length)
        return _verdict(cause.reason, cause.sentence, offset=cause.offset, claim=claim)

    def _url(self, url: str, template: Template) -> dict[str, Any]:
        try:
            claim = template.read(url)
        except InvalidCode as error:
            why = f"the URL does not fit the template: {error.detail}"
            if any(self._offset(piece) is not None for piece in _split(url)):
                why += "; yet there is a good code in it"
            return _verdict("urlDoesNotFit", why)
        if claim.version not in {"", totp.VERSION}:
            return _verdict("wrongVersion", f"version {claim.version} of codes, not {totp.VERSION}", claim=claim)
        return self._code(claim.code, claim)

    def _pieces(self, url: str) -> dict[str, Any]:
        pieces = list(_split(url))
        good = next((piece for piece in pieces if self._offset(piece) is not None), None)
        if good is not None:
            return self._code(good)
        likely = [piece for piece in pieces if len(piece) == self.length]
        if likely:
            return self._code(likely[-1])
        return _verdict("noCode", f"no part of the URL has {self.length} characters; give --template")

    def _offset(self, code: str) -> int | None:
        try:
            return totp.matches(code, self.secret, self.at, validity=self.validity, length=self.length).offset
        except InvalidCode:
            return None


def _verdict(
    reason: str = "", why: str = "", *, offset: int | None = None, claim: Claim | None = None
) -> dict[str, Any]:
    return {
        "valid": not reason,
        "slot": None if reason or offset is None else _NAMES[offset],
        "offset": offset,
        "reason": reason or None,
        "why": why or None,
        "claim": None if claim is None else _said(claim),
    }


def _said(claim: Claim) -> dict[str, str | int]:
    """Return what a claim says, leaving out what it does not."""
    values = ((name, getattr(claim, name)) for name in Claim.__dataclass_fields__)
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in values if value}


def _split(url: str) -> Iterator[str]:
    """Yield what stands between the delimiters of a URL, host excluded."""
    for piece in re.split(r"[/?#&=]", url.partition("://")[2])[1:]:
        if piece:
            yield unquote(piece)


def _template(text: str) -> Template:
    try:
        return Template.parse(text, parameters=_LIMITS, lenient=True)
    except Refused as error:
        _misuse(f"template: {error.detail}")


def _expand(template: Template, claim: Claim) -> str:
    try:
        return template.expand(claim)
    except Refused as error:
        _misuse(f"{error.detail}; give it as an option")


def _drawn(url: str, quality: str, *, vector: bool) -> str:
    from evouch.webpayment import qr

    try:
        return qr.svg(url, quality=quality) if vector else qr.terminal(url, quality=quality)
    except Refused as error:
        _misuse(error.detail)


def _secret(text: str | None, file: Path | None) -> bytes:
    """Return the secret byte for byte, wherever it comes from."""
    if (text is None) is (file is None):
        _misuse("give either --secret or --secret-file")
    raw = _contents(file) if file is not None else (text or "").encode("utf-8", "surrogateescape")
    if not raw:
        _misuse("the secret is empty")
    return raw


def _contents(file: Path) -> bytes:
    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        _misuse(f"{file}: {error.strerror}")
    return raw.removesuffix(b"\n").removesuffix(b"\r")


def _complaints(secret: bytes) -> Iterator[str]:
    """Yield why a station would have to refuse this secret."""
    try:
        totp.parse_secret(secret.decode())
    except UnicodeDecodeError:
        yield "the secret is not UTF-8"
    except Refused as error:
        yield error.detail


def _misuse(why: str) -> NoReturn:
    raise typer.BadParameter(why)


def _warn(*sentences: str) -> None:
    for sentence in sentences:
        print(f"warning: {sentence}", file=sys.stderr)


def _print_json(document: dict[str, Any]) -> None:
    print(json.dumps(document, indent=2, ensure_ascii=True))
