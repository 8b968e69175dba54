"""``evouch partner``: who we roam with, at a running backend; ``check`` looks at any partner and needs no backend.

What is asked of the backend (operator API, JSON; ``evouch.web.api_partners``)::

    invite    POST   /partners/{id}/invite      {role, name}                       → {partner, token, versions_url}
    add       PUT    /partners/{id}             {role, versions_url, token, name}  → the partner
    list      GET    /partners                                                     → {partners: […]}
    show      GET    /partners/{id}                                                → the partner
    register  POST   /partners/{id}/register                                       → the partner
    rotate    POST   /partners/{id}/rotate                                         → the partner
    change    POST   /partners/{id}/change      what changes                       → the partner
    remove    DELETE /partners/{id}                                                → nothing

Without ``--json`` a person reads tables and sentences; the exit code is 0 if it was done or the
check found no broken rule, 1 otherwise, 2 if the command was not understood.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from evouch.errors import EvouchError
from evouch.ocpi.partner import Role

if TYPE_CHECKING:
    from evouch.cli.operator_api import OperatorApi
    from evouch.ids import Secret
    from evouch.ocpi.conformance import Report

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Roaming partners over OCPI.")

#: Seconds for a handshake: the partner has 30, and reads our versions during it.
_HANDSHAKE: Final = 45.0
#: Bytes of the largest file that can hold a token.
_MOST: Final = 1000

_Partner = Annotated[str, typer.Argument(metavar="NAME", help="Your own name for it: letters, digits, dashes.")]
_Role = Annotated[Role, typer.Option(help="What the partner is.", case_sensitive=False)]
_Name = Annotated[str, typer.Option(help="Its name for people; else the one from its credentials.")]
_Party = Annotated[
    str, typer.Option(metavar="DE*ABC", help="Whom it has to speak for; its registration is refused otherwise.")
]
_VersionsUrl = Annotated[str, typer.Option("--versions-url", metavar="URL", help="Where its versions are.")]
_Token = Annotated[Path, typer.Option("--token", metavar="FILE", help="File with the token that it gave you.")]
_Backend = Annotated[str | None, typer.Option(help="Address of the backend.", show_default="http://127.0.0.1:8080")]
_TokenFile = Annotated[
    Path | None,
    typer.Option("--token-file", help="File with an API token of the backend.",
                 show_default="evouch-state/keys/operator-token"),
]  # fmt: skip
_Config = Annotated[Path | None, typer.Option(help="The TOML file to read.")]
_Emsp = Annotated[
    bool, typer.Option("--emsp", help="Ask the eMSP of [emsp] in the configuration, not an operator's backend.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def invite(
    partner: _Partner,
    *,
    role: _Role,
    name: _Name = "",
    party: _Party = "",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the token to this file, and do not print it.")
    ] = None,
    backend: _Backend = None,
    token_file: _TokenFile = None,
    config: _Config = None,
    emsp: _Emsp = False,
    as_json: _Json = False,
) -> None:
    """Make a registration token for a partner that will register at us. It is shown once."""
    with _api(backend, token_file, config, emsp) as api:
        answer = api.ask("POST", "partners", partner, "invite", body=_who(role, name, party))
    shown = f"in {out}" if out is not None else answer["token"]
    if out is not None:
        from evouch.cli.keys import secret_to
        from evouch.ids import Secret

        secret_to(out, Secret(answer.pop("token")))
    lines = (f"Token:    {shown}", f"Versions: {answer['versions_url']}")
    _say(answer, as_json, *lines, "Hand both to the partner unseen by others. Its registration ends the token.")


@app.command()
def add(
    partner: _Partner,
    *,
    role: _Role,
    versions_url: _VersionsUrl,
    token: _Token,
    name: _Name = "",
    party: _Party = "",
    backend: _Backend = None,
    token_file: _TokenFile = None,
    config: _Config = None,
    emsp: _Emsp = False,
    as_json: _Json = False,
) -> None:
    """Keep a partner that gave us its versions' address and a registration token; then register."""
    body = {**_who(role, name, party), "versions_url": versions_url, "token": _token_in(token).text()}
    with _api(backend, token_file, config, emsp) as api:
        answer = api.ask("PUT", "partners", partner, body=body)
    _say(answer, as_json, f"{partner} is known. Register there with: evouch partner register {partner}")


@app.command("list")
def list_partners(
    *,
    backend: _Backend = None,
    token_file: _TokenFile = None,
    config: _Config = None,
    emsp: _Emsp = False,
    as_json: _Json = False,
) -> None:
    """List all partners: how they stand, what they speak, and what they have missed."""
    with _api(backend, token_file, config, emsp) as api:
        answer = api.ask("GET", "partners")
    rows = [("PARTNER", "ROLE", "STATE", "PARTIES", "VERSION", "SIGN", "MISSED")]
    rows += [
        (
            each["id"], each["role"], each["state"], " ".join(each["parties"]), each["version"],
            "yes" if each["sign_allowed"] else f"no: {each['sign_reason']}", _missed(each),
        )
        for each in answer["partners"]
    ]  # fmt: skip
    _say(answer, as_json, *(_table(rows) if answer["partners"] else ["There is none."]))


@app.command()
def show(
    partner: _Partner,
    *,
    backend: _Backend = None,
    token_file: _TokenFile = None,
    config: _Config = None,
    emsp: _Emsp = False,
    as_json: _Json = False,
) -> None:
    """Show everything about one partner."""
    with _api(backend, token_file, config, emsp) as api:
        answer = api.ask("GET", "partners", partner)
    rows = [(name, _shown(value)) for name, value in answer.items() if name != "syncs" and value not in (None, "", [])]
    syncs = [(f"sync {each['module']}", _sync(each)) for each in answer["syncs"]]
    _say(answer, as_json, *_table([*rows, *syncs]))


@app.command()
def register(
    partner: _Partner,
    *,
    backend: _Backend = None,
    token_file: _TokenFile = None,
    config: _Config = None,
    emsp: _Emsp = False,
    as_json: _Json = False,
) -> None:
    """Register at a partner that was added: versions, endpoints and tokens are exchanged."""
    _act("register", partner, "is registered", _api(backend, token_file, config, emsp), as_json=as_json)


@app.command()
def rotate(
    partner: _Partner,
    *,
    backend: _Backend = None,
    token_file: _TokenFile = None,
    config: _Config = None,
    emsp: _Emsp = False,
    as_json: _Json = False,
) -> None:
    """Exchange both tokens; the old one counts until the new one is used, an hour at most."""
    _act("rotate", partner, "has new tokens", _api(backend, token_file, config, emsp), as_json=as_json)


@app.command()
def change(
    partner: _Partner,
    *,
    evses: Annotated[int | None, typer.Option(min=0, help="EVSEs that it operates: the size of its budget.")] = None,
    sign: Annotated[bool | None, typer.Option("--sign/--no-sign", help="Whether it may ask for signatures.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why not.")] = None,
    priority: Annotated[int | None, typer.Option(help="The higher is asked first in a conflict.")] = None,
    oracle_url: Annotated[str | None, typer.Option(help="Where its sign oracle is, if it does not say.")] = None,
    backend: _Backend = None,
    token_file: _TokenFile = None,
    config: _Config = None,
    emsp: _Emsp = False,
    as_json: _Json = False,
) -> None:
    """Change what is ours to say of a partner."""
    given = {"evses": evses, "sign_allowed": sign, "sign_reason": reason, "priority": priority,
             "oracle_url": oracle_url}  # fmt: skip
    body = {name: value for name, value in given.items() if value is not None}
    if not body:
        raise typer.BadParameter("say what is to change")
    _act("change", partner, "is changed", _api(backend, token_file, config, emsp), as_json=as_json, body=body)


@app.command()
def remove(
    partner: _Partner,
    *,
    backend: _Backend = None,
    token_file: _TokenFile = None,
    config: _Config = None,
    emsp: _Emsp = False,
    as_json: _Json = False,
) -> None:
    """End the registration, there too if the partner answers, and forget the partner."""
    with _api(backend, token_file, config, emsp) as api:
        api.ask("DELETE", "partners", partner, seconds=_HANDSHAKE)
    _say({"removed": partner}, as_json, f"{partner} is removed.")


@app.command()
def check(
    *,
    versions_url: _VersionsUrl,
    token_file: Annotated[
        Path, typer.Option("--token-file", metavar="FILE", help="File with the token that the partner gave you.")
    ],
    local: Annotated[
        bool, typer.Option("--local", help="Allow http, this machine and private networks: for tests.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Look at a live partner without changing anything there, and name the rule that each finding breaks.

    With a registration token versions and credentials are looked at; with the token of a
    registration lists, authorisations and the sign oracle too. Exit 1 if a rule is broken.
    """
    import asyncio

    from evouch.ocpi.addresses import BadAddress

    try:
        report = asyncio.run(_examined(versions_url, _token_in(token_file), local=local))
    except BadAddress as bad:
        raise EvouchError(f"{bad.description}{'' if local else '; --local allows others, for tests'}") from None
    answer = {
        "url": report.url, "version": report.version, "roles": report.roles, "modules": report.modules,
        "requests": report.requests, "passed": report.passed, "held": report.held,
        "findings": [
            {"level": each.level.value, "rule": each.rule, "where": each.where, "found": each.found}
            for each in report.findings
        ],
    }  # fmt: skip
    _say(answer, as_json, *_told(report))
    if not report.passed:
        raise typer.Exit(1)


async def _examined(url: str, token: "Secret", *, local: bool) -> "Report":
    from evouch.clock import SystemClock, SystemEntropy
    from evouch.ocpi.addresses import AddressPolicy
    from evouch.ocpi.aio_client import HttpTransport
    from evouch.ocpi.conformance import examine

    clock = SystemClock()
    policy = AddressPolicy(allow_http=local, allow_loopback=local, allow_private=local)
    async with HttpTransport(clock, policy) as transport:
        return await examine(transport, clock, SystemEntropy(), url, token, policy=policy)


def _told(report: "Report") -> Iterable[str]:
    yield f"{report.url}: OCPI {report.version or '?'}, {', '.join(report.roles) or 'roles unknown'}"
    findings = len(report.findings)
    yield f"{report.requests} requests, {len(report.held)} rules hold, {findings} finding{'' if findings == 1 else 's'}"
    for each in report.findings:
        yield f"{each.level.value:<8} {each.rule} ({each.where}): {each.found}".rstrip(": ")


# ── what is sent ────────────────────────────────────────────────────────────────────────


def _api(backend: str | None, token_file: Path | None, config: Path | None, emsp: bool) -> "OperatorApi":
    from evouch.cli.backends import partner_api

    return partner_api(backend, token_file, config, emsp=emsp)


def _act(verb: str, partner: str, done: str, api: "OperatorApi", *, as_json: bool, body: Any = None) -> None:
    with api:
        answer = api.ask("POST", "partners", partner, verb, body=body, seconds=_HANDSHAKE)
    parties = " ".join(answer["parties"]) or answer["role"]
    _say(answer, as_json, f"{partner} {done}: {parties}, OCPI {answer['version'] or '?'}, {answer['state']}.")


def _who(role: Role, name: str, party: str) -> dict[str, str]:
    return {"role": role.value, "name": name, "party": party}


def _token_in(path: Path) -> "Secret":
    from evouch.ids import Secret

    try:
        text = path.read_bytes()[:_MOST].decode("ascii").strip()
    except (OSError, ValueError) as error:
        raise EvouchError(f"{path}: {getattr(error, 'strerror', None) or 'is no text'} (the token)") from None
    if not text or " " in text or not text.isprintable():
        raise EvouchError(f"{path}: holds no token")
    return Secret(text)


# ── what is shown ───────────────────────────────────────────────────────────────────────


def _say(answer: Any, as_json: bool, *lines: str) -> None:
    from evouch.cli.operator_api import plain

    if as_json:
        print(json.dumps(answer, ensure_ascii=False))
        return
    for line in lines:
        print(plain(line))


def _missed(partner: dict[str, Any]) -> str:
    dirty = [f"{each['module']} since {each['dirty_since'][:16]}" for each in partner["syncs"] if each["dirty_since"]]
    return ", ".join(dirty) or "nothing"


def _sync(sync: dict[str, Any]) -> str:
    state = f"missed since {sync['dirty_since']}" if sync["dirty_since"] else "in step"
    failure = f"; last failure {sync['failed_at']}: {sync['failure']}" if sync["failure"] else ""
    return f"{state}; last success {sync['succeeded_at'] or 'never'}{failure}"


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _table(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip()
