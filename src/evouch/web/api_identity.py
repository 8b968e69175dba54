"""Operations on who stations are: enrol, rotate, revoke, trust, challenge, and what waits in quarantine."""

from datetime import datetime
from typing import Any

from evouch.cpo.app import Cpo
from evouch.errors import Refused
from evouch.identity.enrolment import Identity, IdentityKind, IdentityStatus
from evouch.identity.private import holds_private_key
from evouch.ids import StationId
from evouch.store.records import Quarantined
from evouch.units import format_time, parse_time
from evouch.web import api_identity_models as m
from evouch.web import words_identity as words
from evouch.web.api_routes import Ask, asked_station, operation
from evouch.web.enrolling import enrolled

__all__ = ["given", "identity_of", "standing"]

_MATERIAL = (
    "unknownStation", "oneMaterial", "privateKey", "badKey", "weakKey", "publicDemoKey", "badDid", "unsupportedDid",
    "badCertificate", "materialTaken", "revoked",
)  # fmt: skip


@operation("GET", "/identities", gives=m.IdentityList)
async def list_identities(ask: Ask) -> m.IdentityList:
    """All enrolled identities of all stations."""
    return m.IdentityList([_identity(each) for each in ask.cpo.identities.all()])


@operation("GET", "/stations/{station}/identities", gives=m.IdentityList, refuses=("unknownStation",))
async def list_station_identities(ask: Ask) -> m.IdentityList:
    """The identities of one station."""
    station = _known(ask)
    return m.IdentityList([_identity(each) for each in ask.cpo.identities.of(station)])


@operation(
    "POST", "/stations/{station}/identities", takes=m.Enrol, gives=m.IdentityInfo, refuses=(*_MATERIAL, "badTime")
)
async def enrol_identity(ask: Ask) -> m.IdentityInfo:
    """Enrol an identity that the station may prove from now on."""
    body: m.Enrol = ask.body
    kind, material = _given(body)
    status = IdentityStatus.NEXT if body.next else IdentityStatus.ACTIVE
    identity = await enrolled(
        ask.cpo, _known(ask), kind, material, actor=ask.actor, status=status, begins=_time(body.not_before),
        ends=_time(body.not_after),
    )  # fmt: skip
    return _identity(identity)


@operation("POST", "/stations/{station}/identities/next", takes=m.Next, gives=m.IdentityInfo, refuses=_MATERIAL)
async def rotate_identity(ask: Ask) -> m.IdentityInfo:
    """Enrol the identity that takes over with its first proof; what is active stays so until then."""
    kind, material = _given(ask.body)
    status = IdentityStatus.NEXT
    return _identity(await enrolled(ask.cpo, _known(ask), kind, material, actor=ask.actor, status=status))


@operation(
    "POST", "/stations/{station}/identities/{identity}/revoke", takes=m.Revoke, gives=m.IdentityInfo,
    refuses=("unknownStation", "unknownIdentity"),
)  # fmt: skip
async def revoke_identity(ask: Ask) -> m.IdentityInfo:
    """Revoke an identity for good; the connection that was proved by it is closed."""
    id = identity_of(ask.cpo, _known(ask), ask.path["identity"]).id
    return _identity(await ask.cpo.identities.revoke(id, actor=ask.actor, reason=ask.body.reason))


@operation(
    "POST", "/stations/{station}/identities/{identity}/promote", gives=m.IdentityInfo,
    refuses=("unknownStation", "unknownIdentity", "revoked"),
)  # fmt: skip
async def promote_identity(ask: Ask) -> m.IdentityInfo:
    """Make a next identity an active one without waiting for its first proof."""
    id = identity_of(ask.cpo, _known(ask), ask.path["identity"]).id
    return _identity(await ask.cpo.identities.promote(id, actor=ask.actor))


@operation(
    "POST", "/stations/{station}/enrolment-window", takes=m.EnrolmentWindow, gives=m.WindowOpen,
    refuses=("unknownStation", "alreadyEnrolled"),
)  # fmt: skip
async def open_window(ask: Ask) -> m.WindowOpen:
    """Enrol the key that the station brings itself, if it does within so many seconds."""
    until = await ask.cpo.identities.open_window(_known(ask), ask.body.seconds, actor=ask.actor)
    return m.WindowOpen(format_time(until))


@operation("DELETE", "/stations/{station}/enrolment-window", refuses=("unknownStation",))
async def close_window(ask: Ask) -> None:
    """Enrol nothing on first use any more."""
    await ask.cpo.identities.close_window(_known(ask), actor=ask.actor)


@operation("PUT", "/stations/{station}/trust", takes=m.Trust, refuses=("unknownStation",))
async def put_trust(ask: Ask) -> None:
    """Let the station in without a challenge, or no longer."""
    await ask.cpo.identities.trust(_known(ask), ask.body.trusted, actor=ask.actor)


@operation("PUT", "/stations/{station}/security-profile", takes=m.SecurityProfile, refuses=("unknownStation",))
async def put_security_profile(ask: Ask) -> None:
    """Set the least OCPP security profile that the station may connect with."""
    await ask.cpo.identities.set_profile(_known(ask), ask.body.profile, actor=ask.actor)


@operation("PUT", "/stations/{station}/certificate-name", takes=m.CertificateName, refuses=("unknownStation",))
async def put_certificate_name(ask: Ask) -> None:
    """Set the common name that the station's client certificate carries instead of its id; empty: its id."""
    await ask.cpo.identities.name_certificate(_known(ask), ask.body.name, actor=ask.actor)


@operation(
    "POST", "/stations/{station}/challenge", gives=m.ChallengeAnswer,
    refuses=("unknownStation", "stationOffline", "toldToWait"),
)  # fmt: skip
async def challenge_station(ask: Ask) -> m.ChallengeAnswer:
    """Ask the station to prove its identity now, and say at which step it failed if it did."""
    station = _known(ask)
    if ask.cpo.challenger.standing(station) is None:
        raise Refused("stationOffline")
    outcome = await ask.cpo.challenger.challenge(station, actor=ask.actor)
    return m.ChallengeAnswer(outcome.proven, outcome.step, words.step(outcome.step), outcome.reason)


@operation("GET", "/quarantine", gives=m.QuarantineList, query=("station", "active", "limit"))
async def list_quarantine(ask: Ask) -> m.QuarantineList:
    """Messages of unproven connections, first come first; ``active`` leaves out what was decided on."""
    found = await ask.cpo.store.quarantined(station=asked_station(ask), open=ask.active, limit=ask.limit)
    return m.QuarantineList([_quarantined(each) for each in found])


@operation("POST", "/quarantine/{message}/book", refuses=("unknownMessage", "notBookable"))
async def book_message(ask: Ask) -> None:
    """Take a kept message as if its connection had proved itself: an operator vouches for it."""
    await ask.cpo.quarantine.book(ask.path["message"], ask.cpo.backend.inner.book, actor=ask.actor)


@operation("POST", "/quarantine/{message}/dismiss", refuses=("unknownMessage",))
async def dismiss_message(ask: Ask) -> None:
    """Decide that a kept message is nobody's; it stays in the records."""
    await ask.cpo.quarantine.dismiss(ask.path["message"], actor=ask.actor)


def identity_of(cpo: Cpo, station: StationId, id: str) -> Identity:
    """Return the identity of that station with this id; Refused("unknownIdentity")."""
    found = next((each for each in cpo.identities.of(station) if each.id == id), None)
    if found is None:
        raise Refused("unknownIdentity")
    return found


def given(key: Any, did: str | None, certificate: str | None) -> tuple[IdentityKind, Any]:
    """Return kind and material of the one that is given; a private key is refused before anybody looks at it."""
    if any(map(holds_private_key, (key, did, certificate))):
        raise Refused("privateKey")
    kinds = (IdentityKind.PUBLIC_KEY, IdentityKind.WEB3, IdentityKind.CERTIFICATE)
    there = [(kind, each) for kind, each in zip(kinds, (key, did, certificate), strict=True) if each is not None]
    if len(there) != 1:
        raise Refused("oneMaterial")
    return there[0]


def standing(cpo: Cpo, station: StationId) -> m.Standing | None:
    """Return who a station's live connection has proved to be; None without a connection."""
    view = cpo.challenger.standing(station)
    if view is None:
        return None
    failed = (
        None if view.last_failure is None else m.FailedStep(view.last_failure[0], format_time(view.last_failure[1]))
    )
    return m.Standing(
        state=str(view.state), since=format_time(view.since), how=view.how, identity=view.identity,
        signing=view.signing, last_failure=failed, candidates=view.candidates,
    )  # fmt: skip


def _given(body: m.Next) -> tuple[IdentityKind, Any]:
    key = body.key and {"type": body.key.type, "encoding": body.key.encoding, "value": body.key.value}
    return given(key, body.did, body.certificate)


def _known(ask: Ask) -> StationId:
    return ask.cpo.stations.get(ask.station).record.id


def _time(text: str | None) -> datetime | None:
    try:
        return None if text is None else parse_time(text)
    except ValueError:
        raise Refused("badTime") from None


def _identity(one: Identity) -> m.IdentityInfo:
    times = (one.not_before, one.not_after, one.first_proven_at, one.revoked_at)
    begins, ends, proven, revoked = (None if each is None else format_time(each) for each in times)
    return m.IdentityInfo(
        id=one.id, station=one.station, kind=one.kind, material=one.material, fingerprint=words.fingerprint(one),
        status=one.status, enrolled_at=format_time(one.enrolled_at), enrolled_by=one.enrolled_by, not_before=begins,
        not_after=ends, signing=one.signing, first_proven_at=proven, revoked_at=revoked,
    )  # fmt: skip


def _quarantined(one: Quarantined) -> m.QuarantineInfo:
    frame = one.frame.decode(errors="replace")
    return m.QuarantineInfo(one.id, one.station, format_time(one.received_at), one.action, str(one.state), frame)
