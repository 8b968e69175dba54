"""``evouch mock emsp | cpo``: a partner to try other software against, with the faults of real ones.

It prints its versions' address and a registration token, and then a line for everything that
happens. It keeps nothing: the next start is a new partner. An operator's mock takes, from this
machine only::

    POST /control/plug   {"mac": "02:a9:b3:c4:d5:e6", "card": "MOCK-CARD-1"}   → every step with its outcome

The address is in the body, never in a path, and in no line that is printed.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from evouch.errors import EvouchError
from evouch.ocpi.partner import Role

if TYPE_CHECKING:
    from evouch.ids import PartyId, Secret
    from evouch.ocpi.http import Request, Response
    from evouch.testing.mock_service import MockService

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="An operator or an eMSP for others to test against, with faults.")

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})

_Host = Annotated[str, typer.Option(help="Address to listen on.")]
_Port = Annotated[int, typer.Option(help="Port to listen on; 0 takes any free one.")]
_Fault = Annotated[
    list[str] | None,
    typer.Option(help="slow=SECONDS, status=500, partial, one-item-pages, rate-limit=N, wrong-point; may be repeated."),
]
_Party = Annotated[
    str | None, typer.Option(help="Who it is, like DE*ABC: two mocks at one partner need different ones.")
]
_Name = Annotated[str, typer.Option(help="Its name for people.")]
_PublicUrl = Annotated[str | None, typer.Option("--public-url", help="How partners reach it, if not as it listens.")]
_Join = Annotated[str | None, typer.Option("--join", metavar="URL", help="Register at these versions, with --token.")]
_Token = Annotated[Path | None, typer.Option("--token", metavar="FILE", help="File with the token for --join.")]
_Keep = Annotated[
    Path | None,
    typer.Option(
        "--keep-token", metavar="FILE",
        help="With --join: write the token of the registration to this file, for evouch partner check.",
    ),
]  # fmt: skip
_Json = Annotated[bool, typer.Option("--json", help="Print every line as JSON.")]


@app.command()
def emsp(
    *,
    host: _Host = "127.0.0.1",
    port: _Port = 0,
    fault: _Fault = None,
    asks: Annotated[float | None, typer.Option(help="Seconds that a driver takes to grant; else at once.")] = None,
    party: _Party = None,
    name: _Name = "",
    public_url: _PublicUrl = None,
    join: _Join = None,
    token: _Token = None,
    keep_token: _Keep = None,
    as_json: _Json = False,
) -> None:
    """Run an eMSP that knows MOCK-CARD-1 and MOCK-CARD-2, signs, and takes bindings."""
    faults, joins = _faults(fault or ()), _joining(join, token, keep_token)
    asyncio.run(_serve(_Terms(Role.EMSP, host, port, faults, public_url, joins, as_json, _party(party), name, asks)))


@app.command()
def cpo(
    *,
    host: _Host = "127.0.0.1",
    port: _Port = 0,
    fault: _Fault = None,
    party: _Party = None,
    name: _Name = "",
    public_url: _PublicUrl = None,
    join: _Join = None,
    token: _Token = None,
    keep_token: _Keep = None,
    as_json: _Json = False,
) -> None:
    """Run an operator with one location; cars are plugged in by POST /control/plug."""
    faults, joins = _faults(fault or ()), _joining(join, token, keep_token)
    asyncio.run(_serve(_Terms(Role.CPO, host, port, faults, public_url, joins, as_json, _party(party), name)))


def _party(text: str | None) -> "PartyId | None":
    from evouch.ids import parse_party_id

    try:
        return parse_party_id(text) if text else None
    except ValueError as error:
        raise typer.BadParameter(f"--party: {error}") from None


def _faults(words: Sequence[str]) -> dict[str, float]:
    from evouch.testing.mock_service import FAULTS

    found: dict[str, float] = {}
    for word in words:
        name, _, number = word.partition("=")
        if name not in FAULTS or FAULTS[name] != bool(number):
            raise typer.BadParameter(f"{word}: not one of slow=S, status=N, partial, one-item-pages, rate-limit=N, "
                                     "wrong-point")  # fmt: skip
        try:
            found[name] = float(number or 1)
        except ValueError:
            raise typer.BadParameter(f"{word}: not a number") from None
    return found


@dataclass(frozen=True, slots=True)
class _Joining:
    """Where to register, with which token, and where the token goes that comes back."""

    url: str
    token: "Secret"
    keep: Path | None


@dataclass(frozen=True, slots=True)
class _Terms:
    """What was said on the command line."""

    role: Role
    host: str
    port: int
    faults: dict[str, float]
    public_url: str | None
    join: _Joining | None
    as_json: bool
    party: "PartyId | None" = None
    name: str = ""
    asks: float | None = None


async def _serve(terms: _Terms) -> None:
    from evouch.cli.http import HttpServer, bind
    from evouch.cli.log import configure
    from evouch.cli.running import say, stopped
    from evouch.clock import SystemClock, SystemEntropy
    from evouch.ocpi.addresses import AddressPolicy
    from evouch.ocpi.aio_client import HttpTransport
    from evouch.ocpi.aio_server import asgi
    from evouch.testing.mock_service import MockService

    configure()
    clock, end = SystemClock(), stopped()
    server = HttpServer(bind(terms.host, terms.port))
    url = (terms.public_url or f"http://{terms.host}:{server.port}").rstrip("/")
    policy = AddressPolicy(allow_http=True, allow_loopback=True, allow_private=True)
    async with HttpTransport(clock, policy) as transport:
        service = MockService(
            terms.role, url, transport, clock, SystemEntropy(), faults=terms.faults, asks=terms.asks, policy=policy,
            party=terms.party, name=terms.name,
            tell=lambda kind, **what: _tell(kind, what, as_json=terms.as_json),
        )  # fmt: skip
        await server.start(asgi(_Controlled(service)))
        try:
            shown = {"role": terms.role.value, "versions_url": service.partners.ours.versions_url}
            if terms.join is None:
                shown["token"] = (await service.invite()).text()
            say(shown, as_json=terms.as_json)
            if terms.join is not None:
                await _join(service, terms.join)
            await end.wait()
        finally:
            await service.close()
            await server.stop()


async def _join(service: "MockService", joining: _Joining) -> None:
    from evouch.cli.keys import secret_to

    partner = await service.join(joining.url, joining.token)
    if joining.keep is not None and partner.token_out is not None:
        secret_to(joining.keep, partner.token_out)


class _Controlled:
    """The mock, with its control beside it for who is on this machine."""

    def __init__(self, service: "MockService") -> None:
        self._service = service

    async def handle(self, request: "Request", *, address: str = "") -> "Response":
        """Answer a partner, or whoever holds the cable."""
        if not request.url.startswith("/control/"):
            return await self._service.handle(request, address=address)
        from evouch.ocpi.http import Response
        from evouch.wire import encode

        status, answer = await self._control(request, address)
        return Response(status=status, headers={"content-type": "application/json"}, body=encode(answer))

    def admits(self, authorization: str) -> bool:
        """Return whether a body is worth reading; whoever holds the cable has no token."""
        return not authorization or self._service.admits(authorization)

    async def _control(self, request: "Request", address: str) -> tuple[int, Any]:
        from evouch.charging.macs import parse_mac
        from evouch.wire import MalformedJson, decode

        if address not in _LOOPBACK or "origin" in request.headers:
            return 403, {"error": "from this machine only"}
        if (request.method, request.url, self._service.role) != ("POST", "/control/plug", Role.CPO):
            return 404, {"error": "an operator's mock takes POST /control/plug"}
        try:
            said = decode(request.body)
        except MalformedJson:
            said = None
        mac = parse_mac(str(said.get("mac", ""))) if isinstance(said, dict) else None
        if mac is None:
            return 400, {"error": "expected {mac, card}"}
        return 200, {"steps": await self._service.cpo.plug(mac, str(said.get("card", "")))}


def _joining(url: str | None, token: Path | None, keep: Path | None) -> _Joining | None:
    """Return what --join, --token and --keep-token say together."""
    from evouch.ids import Secret

    if url is None:
        if token is not None or keep is not None:
            raise typer.BadParameter("--token and --keep-token belong to --join")
        return None
    try:
        text = token.read_text().strip() if token else ""
    except (OSError, ValueError):
        text = ""
    if not text:
        raise EvouchError("--join needs --token with a file that holds the registration token")
    return _Joining(url, Secret(text), keep)


def _tell(kind: str, what: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"kind": kind, **what}), flush=True)
        return
    print(f"{kind:<10} {'  '.join(f'{name}={value}' for name, value in what.items())}", flush=True)
