"""What the operator's pages show of who a station is: its standing in words, its identities, what waits of it. Pure."""

from dataclasses import dataclass
from datetime import datetime

from evouch.cpo.app import Cpo
from evouch.cpo.stations import StationView
from evouch.identity.enrolment import Identity, IdentityStatus, usable
from evouch.web.words_identity import Badge, badge, how, short, step

__all__ = ["Known", "Seen", "known", "seen"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Who a station is, in one cell of a list."""

    badge: Badge
    how: str = ""
    since: datetime | None = None
    #: what its last failed proof failed at
    failed: str = ""
    failed_at: datetime | None = None
    candidates: int = 0
    #: identities that count now
    enrolled: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """One row of a station's identities."""

    identity: Identity
    name: str
    status: str
    #: whether the live connection was proved by it
    here: bool


def seen(cpo: Cpo, view: StationView) -> Seen:
    """Return who a station is now."""
    record, now = view.record, cpo.clock.now()
    enrolled = sum(usable(each, now) for each in cpo.identities.of(record.id))
    standing = cpo.challenger.standing(record.id)
    if standing is None:
        return Seen(badge=badge(None), enrolled=enrolled)
    failure = standing.last_failure
    return Seen(
        badge=badge(standing), how=how(standing.how), since=standing.since,
        failed=step(str(failure[0]), _unasked(cpo, view)) if failure else "", failed_at=failure[1] if failure else None,
        candidates=standing.candidates, enrolled=enrolled,
    )  # fmt: skip


def _unasked(cpo: Cpo, view: StationView) -> str:
    """Return why this station cannot be asked at all; empty where it can."""
    mute = view.present is not None and view.present.link.version.startswith("ocpp2") and not cpo.challenger.terms.ocpp2
    return "OCPP 2.x is not asked" if mute else ""


def known(cpo: Cpo, view: StationView) -> list[Known]:
    """Return a station's identities: those that count first, revoked ones last."""
    standing, now = cpo.challenger.standing(view.record.id), cpo.clock.now()
    proved_by = standing.identity if standing else None
    rows = [
        Known(each, short(each), _status(each, now), each.id == proved_by) for each in cpo.identities.of(view.record.id)
    ]
    return sorted(rows, key=lambda row: row.identity.status is IdentityStatus.REVOKED)


def _status(identity: Identity, now: datetime) -> str:
    if identity.status is IdentityStatus.REVOKED or usable(identity, now):
        return str(identity.status)
    return "expired" if identity.not_after is not None and now >= identity.not_after else "not yet valid"
