"""What the display of one EVSE shows at an instant: a pure function.

Rules:

- A code is shown only while the station's clock was set by the backend, the backend is
  there, the EVSE is free, nobody pays for it already, and WebPaymentsCtrlr is enabled and
  complete. Otherwise a sentence says why there is none, and what the driver can do instead.
- The code is the one of the slot that holds the instant: it changes exactly at the boundary.
- Under the code stands the host that it leads to, with station and EVSE, so that a driver
  can compare them with the page on the phone.
- A station that its operator has not let in says so before anything else that concerns a
  driver who wants to begin: refused, or (while connected) still to prove itself.
- A known car that is about to start by itself is announced beside the code, which stays: card
  and code still come first.
- No sentence names an error number.

Source: OCPP 2.1 part 2, C25 (FR.01, FR.03-06, FR.22).
"""

import math
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from evouch.charging.dialogue import BootStatus
from evouch.charging.tokens import Limit
from evouch.errors import Refused
from evouch.ids import StationId
from evouch.station.configuration import WebPayments
from evouch.station.machine import EvseState, Phase
from evouch.units import Money, Watts, Wh
from evouch.webpayment import qr, totp
from evouch.webpayment.url import Claim

__all__ = ["REFUSED", "Kind", "Scene", "Screen", "Summary", "screen"]


#: What a driver wishes who has typed in no limit.
NOTHING: Final = Limit()


class Kind(StrEnum):
    """What fills the screen."""

    CODE = "code"
    HIDDEN = "hidden"  # the EVSE is free, but no code can be shown
    LOCKED = "locked"
    CHECKING = "checking"
    PLUG_IN = "plug in"
    STARTING = "starting"
    CHARGING = "charging"
    SUSPENDED = "suspended"
    FINISHED = "finished"
    RESERVED = "reserved"
    OUT_OF_ORDER = "out of order"


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A charge in figures. ``cost`` is what the backend says, None where it does not."""

    energy: Wh
    power: Watts
    soc: Decimal
    seconds: int
    cost: Money | None = None
    limit: Limit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that a screen is made of. ``now`` is the station's own time; ``lock_seconds`` is 0 without a lock."""

    station: StationId
    state: EvseState
    web: WebPayments | None
    now: datetime
    synced: bool
    online: bool
    #: what the backend made of this station's boot, None where it has not said
    registration: BootStatus | None = None
    message: str = ""
    wishes: Limit = NOTHING
    lock_seconds: float = 0.0
    #: seconds until a known car starts by itself; 0 where none does
    announced: float = 0.0
    charge: Summary | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """What the driver sees. ``url`` is set exactly when ``kind`` is CODE."""

    kind: Kind
    title: str
    sentence: str
    station: StationId
    evse: int
    #: what just happened, shown beside everything else
    message: str = ""
    #: what will happen if the driver does nothing
    notice: str = ""
    url: str = ""
    host: str = ""
    quality: str = "Medium"
    #: seconds until the code changes or the lock ends, rounded up
    remaining: int = 0
    #: seconds that the countdown begins with
    period: int = 0
    plugged: bool = False
    latched: bool = False
    #: limits that the driver may type in (URLParameters), and what was typed in
    parameters: tuple[str, ...] = ()
    wishes: Limit = NOTHING
    charge: Summary | None = None
    online: bool = True
    #: the station's own time, None before the backend has set it
    now: datetime | None = None


_ELSE: Final = "Please use your card or app."


def screen(scene: Scene) -> Screen:
    """Return the screen for ``scene``."""
    state = scene.state
    if fixed := _FIXED.get(state.phase):
        kind, title, sentence = fixed
        return _plain(scene, kind, title, sentence)
    if state.phase is Phase.FINISHING:
        return _plain(scene, Kind.FINISHED, "Charging finished", "You can unplug now. Have a good trip.")
    if scene.registration is BootStatus.REJECTED:
        return _plain(scene, Kind.OUT_OF_ORDER, "Not in service", REFUSED)
    if scene.registration is BootStatus.PENDING and not scene.online:
        return _plain(scene, Kind.HIDDEN, "One moment", _PENDING)
    if scene.lock_seconds > 0:
        return _locked(scene)
    shown = _code(scene)
    return replace(shown, notice=_notice(scene.announced, code=shown.kind is Kind.CODE))


def _notice(seconds: float, *, code: bool) -> str:
    if seconds <= 0:
        return ""
    otherwise = "Present a card or scan the code to pay otherwise." if code else "Present a card to pay otherwise."
    return f"Your car is known here. Charging starts in {math.ceil(seconds)} s. {otherwise}"


#: What a driver reads at a station that its operator does not let in.
REFUSED: Final = "The operator does not recognise this charging point, so it cannot be used. Please use another one."
_PENDING: Final = "The operator is checking this charging point. Please wait a moment, or use another one."

_FIXED: Final = {
    Phase.FAULTED: (Kind.OUT_OF_ORDER, "Out of order", "This charging point has a fault. Please use another one."),
    Phase.UNAVAILABLE: (Kind.OUT_OF_ORDER, "Out of service", "This charging point is not in service right now."),
    Phase.RESERVED: (Kind.RESERVED, "Reserved", "This charging point is kept for somebody who reserved it."),
    Phase.AUTHORISING: (Kind.CHECKING, "One moment", "Your card is being checked."),
    Phase.AWAITING: (Kind.PLUG_IN, "Please plug in", "You are all set. Plug the cable in, and charging begins."),
    Phase.STARTING: (Kind.STARTING, "Starting", "Cable and car are getting ready."),
    Phase.CHARGING: (Kind.CHARGING, "Charging", ""),
    Phase.SUSPENDED_EV: (Kind.SUSPENDED, "Car takes no power", "Your car is full or has paused by itself."),
    Phase.SUSPENDED_EVSE: (Kind.SUSPENDED, "Paused", "This charging point gives no power for a moment."),
}


def _plain(scene: Scene, kind: Kind, title: str, sentence: str) -> Screen:
    return Screen(
        kind=kind,
        title=title,
        sentence=sentence,
        station=scene.station,
        evse=int(scene.state.number),
        message=scene.message,
        plugged=scene.state.cable is not None,
        latched=scene.state.latched,
        charge=scene.charge,
        online=scene.online,
        now=scene.now if scene.synced else None,
    )


def _locked(scene: Scene) -> Screen:
    seconds = math.ceil(scene.lock_seconds)
    sentence = "Somebody is paying for this charging point by phone. Please wait, or use another one."
    shown = _plain(scene, Kind.LOCKED, "Payment in progress", sentence)
    return replace(shown, remaining=seconds, period=300)


def _code(scene: Scene) -> Screen:
    web = scene.web
    missing = _missing(scene)
    if missing or web is None or web.template is None or web.secret is None:
        return _plain(scene, Kind.HIDDEN, "Welcome", missing or _NOT_SET_UP)
    window = totp.window(web.secret, scene.now, validity=web.validity, length=web.length)
    try:
        url = web.template.expand(_claim(scene, web, window.current))
        qr.svg(url, quality=web.quality)
    except Refused:  # the template names what this station was never told, or is too long for any code
        return _plain(scene, Kind.HIDDEN, "Welcome", _NOT_SET_UP)
    plugged = scene.state.cable is not None
    sentence = "Your car is plugged in. Scan to pay." if plugged else "Scan to pay, then plug in. Or plug in first."
    return replace(
        _plain(scene, Kind.CODE, "Scan to charge", sentence),
        url=url,
        host=_host(web),
        quality=web.quality,
        remaining=window.remaining,
        period=web.validity,
        parameters=web.parameters,
        wishes=scene.wishes,
        charge=None,
    )


_NOT_SET_UP: Final = f"Paying by phone is not set up at this charging point. {_ELSE}"


def _missing(scene: Scene) -> str:
    """Return why no code can be shown, empty if one can."""
    web = scene.web
    if web is None or not web.enabled or not web.complete:
        return _NOT_SET_UP
    if not scene.online:
        return "This charging point has no connection right now. Please try again in a moment, or use another one."
    if not scene.synced:
        return "One moment, please: this charging point is setting its clock."
    return ""


def _claim(scene: Scene, web: WebPayments, code: str) -> Claim:
    wishes = scene.wishes
    return Claim(
        code=code,
        station=web.station,
        evse=int(scene.state.number),
        version=web.version,
        roaming_station=web.roaming_station,
        roaming_evse=web.roaming_evse,
        limit_time=wishes.max_time,
        limit_energy=wishes.max_energy,
        limit_cost=wishes.max_cost.amount if wishes.max_cost else None,
    )


def _host(web: WebPayments) -> str:
    origin = web.template.origin if web.template else None
    return f"{origin.host}:{origin.port}" if origin and origin.port else origin.host if origin else ""
