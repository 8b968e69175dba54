"""The operator's page of one station: what it is, who it has proved to be, and the buttons that change that.

Every act is a form that our own page made. It ends on the station's page again, which says
what was done; what was refused is said beside the form it came from.
"""

import re
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from litestar import get, post
from litestar.params import FromPath

from evouch.errors import Refused
from evouch.identity.enrolment import IdentityKind, IdentityStatus
from evouch.ids import StationId
from evouch.units import parse_time
from evouch.web import words_identity as words
from evouch.web.api_identity import given, identity_of
from evouch.web.api_stations import key_state
from evouch.web.desk import Desk
from evouch.web.enrolling import enrolled
from evouch.web.identity_view import known, seen
from evouch.web.logins import acting, who
from evouch.web.security import AnyRequest, Login
from evouch.web.views import Page, page, redirect
from evouch.wire import MalformedJson, decode

__all__ = ["HANDLERS", "material"]

_ROWS: Final = 10
_MANY: Final = 1000
#: Bytes of the form that a certificate is pasted into.
_MOST: Final = 32_768
#: How long a window for first use can be opened, in seconds.
_WINDOWS: Final = {"900": "15 minutes", "3600": "1 hour", "28800": "8 hours", "86400": "1 day"}
_HASH: Final = re.compile(r"(?:[0-9A-Fa-f]{2}:?){32}\Z")
#: Longest common name of a certificate (RFC 5280, ub-common-name).
_NAME: Final = 64


@get("/operator/stations/{station:str}")
async def station(request: AnyRequest, station: FromPath[str]) -> Page:
    """Show one station."""
    desk, login = await who(request)
    if login is None:
        return redirect("/operator/login")
    asked = request.query_params
    done = words.DONE.get(asked.get("done", ""), "")
    why = asked.get("failed", "")
    failed = words.STEPS.get(why) or words.REFUSALS.get(why, (0, ""))[1]
    return await _page(desk, login, StationId(station), done=done, failed=failed)


@post("/operator/stations/{station:str}/provision", status_code=303)
async def provision(request: AnyRequest, station: FromPath[str]) -> Page:
    """Give every EVSE of a station a fresh QR secret."""
    desk, login, _ = await acting(request)
    await desk.cpo.stations.provision(StationId(station), actor=login.name)
    return redirect(request.url.path.removesuffix("/provision"))


@post("/operator/stations/{station:str}/challenge", status_code=303)
async def challenge(request: AnyRequest, station: FromPath[str]) -> Page:
    """Ask a station to prove its identity now."""
    desk, login, _ = await acting(request)
    id = desk.cpo.stations.get(StationId(station)).record.id
    try:
        outcome = await desk.cpo.challenger.challenge(id, actor=login.name)
    except Refused as refusal:
        return _back(station, failed=refusal.reason)
    if outcome.proven:
        return _back(station, done="proven")
    return _back(station, failed=words.step_shown(outcome.step, outcome.reason))


@post("/operator/stations/{station:str}/enrol", status_code=303)
async def enrol(request: AnyRequest, station: FromPath[str]) -> Page:
    """Enrol what was pasted: a key, a DID or a certificate."""
    desk, login, fields = await acting(request, most=_MOST)
    id = desk.cpo.stations.get(StationId(station)).record.id
    status = IdentityStatus.NEXT if fields.get("next") else IdentityStatus.ACTIVE
    try:
        kind, what = material(fields.get("material", ""))
        begins, ends = _moment(fields, "not_before"), _moment(fields, "not_after")
        await enrolled(desk.cpo, id, kind, what, actor=login.name, status=status, begins=begins, ends=ends)
    except Refused as refusal:
        if refusal.reason not in words.REFUSALS:
            raise
        why = refusal.detail if refusal.reason == "badCertificate" else ""
        return await _page(desk, login, id, refused=refusal.reason, why=why, typed=fields)
    return _back(station, done="enrolled")


@post("/operator/stations/{station:str}/identities/{identity:str}/revoke", status_code=303)
async def revoke(request: AnyRequest, station: FromPath[str], identity: FromPath[str]) -> Page:
    """Revoke an identity."""
    desk, login, fields = await acting(request)
    found = identity_of(desk.cpo, desk.cpo.stations.get(StationId(station)).record.id, identity)
    await desk.cpo.identities.revoke(found.id, actor=login.name, reason=fields.get("reason", "")[:500])
    return _back(station, done="revoked")


@post("/operator/stations/{station:str}/identities/{identity:str}/promote", status_code=303)
async def promote(request: AnyRequest, station: FromPath[str], identity: FromPath[str]) -> Page:
    """Make a next identity an active one."""
    desk, login, _ = await acting(request)
    found = identity_of(desk.cpo, desk.cpo.stations.get(StationId(station)).record.id, identity)
    await desk.cpo.identities.promote(found.id, actor=login.name)
    return _back(station, done="promoted")


@post("/operator/stations/{station:str}/window", status_code=303)
async def window(request: AnyRequest, station: FromPath[str]) -> Page:
    """Open the window for first use, or close it."""
    desk, login, fields = await acting(request)
    id, seconds = desk.cpo.stations.get(StationId(station)).record.id, fields.get("seconds", "")
    if seconds == "0":
        await desk.cpo.identities.close_window(id, actor=login.name)
        return _back(station, done="closed")
    if seconds not in _WINDOWS:
        raise Refused("malformed")
    await desk.cpo.identities.open_window(id, int(seconds), actor=login.name)
    return _back(station, done="opened")


@post("/operator/stations/{station:str}/trust", status_code=303)
async def trust(request: AnyRequest, station: FromPath[str]) -> Page:
    """Let a station in without a challenge, or no longer."""
    desk, login, fields = await acting(request)
    id = desk.cpo.stations.get(StationId(station)).record.id
    if fields.get("trusted") not in {"0", "1"}:
        raise Refused("malformed")
    await desk.cpo.identities.trust(id, fields["trusted"] == "1", actor=login.name)
    return _back(station, done="trust")


@post("/operator/stations/{station:str}/profile", status_code=303)
async def profile(request: AnyRequest, station: FromPath[str]) -> Page:
    """Set the least OCPP security profile of a station."""
    desk, login, fields = await acting(request)
    id = desk.cpo.stations.get(StationId(station)).record.id
    if fields.get("profile") not in words.PROFILES:
        raise Refused("malformed")
    await desk.cpo.identities.set_profile(id, int(fields["profile"]), actor=login.name)
    return _back(station, done="profile")


@post("/operator/stations/{station:str}/certificate-name", status_code=303)
async def certificate_name(request: AnyRequest, station: FromPath[str]) -> Page:
    """Set the common name that the station's client certificate carries instead of its id."""
    desk, login, fields = await acting(request)
    id = desk.cpo.stations.get(StationId(station)).record.id
    await desk.cpo.identities.name_certificate(id, fields.get("name", "").strip()[:_NAME], actor=login.name)
    return _back(station, done="certificate")


@post("/operator/stations/{station:str}/quarantine/{message:str}", status_code=303)
async def decide(request: AnyRequest, station: FromPath[str], message: FromPath[str]) -> Page:
    """Take a message in quarantine as true, or dismiss it."""
    desk, login, fields = await acting(request)
    quarantine = desk.cpo.quarantine
    match fields.get("decide"):
        case "book":
            await quarantine.book(message, desk.cpo.backend.inner.book, actor=login.name)
            return _back(station, done="booked")
        case "dismiss":
            await quarantine.dismiss(message, actor=login.name)
            return _back(station, done="dismissed")
    raise Refused("malformed")


HANDLERS: Final = [
    station,
    provision,
    challenge,
    enrol,
    revoke,
    promote,
    window,
    trust,
    profile,
    certificate_name,
    decide,
]


def material(text: str) -> tuple[IdentityKind, Any]:
    """Return what a pasted text is: the JSON of a public key, a DID, a certificate or its hash.

    Refused("privateKey") before anybody looks further, Refused("oneMaterial") for what is none of them.
    """
    text = text.strip()
    if text.startswith("{") or ("-----BEGIN" in text and "BEGIN CERTIFICATE" not in text):
        return given(_document(text), None, None)
    did = text if text.startswith("did:") else None
    certificate = text if "BEGIN CERTIFICATE" in text or _HASH.match(text) else None
    return given(None, did, certificate)


def _document(text: str) -> Any:
    """Return what JSON says, and text that is none as it is: where it is enrolled it is refused."""
    try:
        return decode(text)
    except MalformedJson:
        return text


def _moment(fields: dict[str, str], name: str) -> datetime | None:
    """Return a time as browsers send it, which says no zone; the page says UTC."""
    text = fields.get(name, "")
    try:
        return parse_time(f"{text}:00Z" if len(text) == len("2026-11-20T08:00") else f"{text}Z") if text else None
    except ValueError:
        raise Refused("badTime") from None


def _back(station: str, **said: str) -> Page:
    """Return to the station's page, which says what was done."""
    ((name, word),) = said.items()
    return redirect(f"/operator/stations/{quote(station, safe='')}?{name}={word}#identity")


async def _page(desk: Desk, login: Login, id: StationId, *, refused: str = "", **said: Any) -> Page:
    cpo = desk.cpo
    view = cpo.stations.get(id)
    status, sentence = words.REFUSALS.get(refused, (200, ""))
    until = view.record.enrol_until
    typed = said.pop("typed", {})
    return page(
        "operator_station.html", status=status, login=login, view=view, state=key_state, windows=_WINDOWS,
        profiles=words.PROFILES, signs=words.SIGNS,
        audit=[row for row in await cpo.store.audit(limit=_MANY) if row.subject == id][:_ROWS],
        transactions=await cpo.store.transactions(station=id, limit=_ROWS),
        quarantine=await cpo.store.quarantined(station=id, limit=_ROWS),
        seen=seen(cpo, view), acting=cpo.challenger.acting(id), identities=known(cpo, view), refused=sentence,
        why=said.get("why", ""),
        typed={} if refused == "privateKey" else typed,
        until=until if until is not None and until > cpo.clock.now() else None,
        done=said.get("done", ""), failed=said.get("failed", ""),
    )  # fmt: skip
