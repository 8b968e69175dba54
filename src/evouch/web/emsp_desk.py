"""What all handlers of an eMSP's pages work with, and who is asking: a driver's phone, or staff."""

from dataclasses import dataclass
from typing import Final

from evouch.clock import Clock
from evouch.emsp.app import Emsp
from evouch.errors import Refused
from evouch.ids import Secret
from evouch.store.records_roaming import Driver
from evouch.web.logins import sent, whose
from evouch.web.security import AnyRequest, Doorkeeper, Kind, Login

__all__ = ["ENTER", "EmspDesk", "driving", "looking", "phone_link", "riding", "serving", "staff"]

#: Where personal links of drivers lead; the token follows after a ``#``.
ENTER: Final = "/me/enter"


@dataclass(frozen=True, slots=True)
class EmspDesk:
    """The eMSP behind the pages, the time, and the keeper of the door."""

    emsp: Emsp
    clock: Clock
    door: Doorkeeper
    #: public address of the pages
    base_url: str


def looking(request: AnyRequest) -> EmspDesk:
    """Return the desk of the application that got the request."""
    desk: EmspDesk = request.app.state["desk"]
    return desk


def phone_link(base_url: str, token: Secret) -> str:
    """Return a driver's personal link: what stands behind the ``#`` is never sent to any server."""
    return f"{base_url}{ENTER}#{token.text()}"


# ── staff ──


async def staff(request: AnyRequest) -> tuple[EmspDesk, Login | None]:
    """Return the desk and whoever of the staff is logged in."""
    desk = looking(request)
    return desk, await whose(request, desk.door, desk.emsp.store, desk.clock.now())


async def serving(request: AnyRequest) -> tuple[EmspDesk, Login, dict[str, str]]:
    """Return who of the staff sends a form; Refused where nobody is logged in or the form is not ours."""
    desk, login = await staff(request)
    _, cookie = desk.door.claimed_login(request, desk.clock.now())
    return desk, *await sent(request, desk.door, login, cookie)


# ── drivers ──


async def riding(request: AnyRequest) -> tuple[EmspDesk, Driver | None, str]:
    """Return the desk, whose phone it is, and what his forms carry."""
    desk, driver, login = await _phone(request)
    return desk, driver, login.csrf if login is not None else ""


async def driving(request: AnyRequest) -> tuple[EmspDesk, Driver, dict[str, str]]:
    """Return whose phone sends a form; Refused where it is nobody's or the form is not ours."""
    desk, driver, login = await _phone(request)
    _, cookie = desk.door.claimed_login(request, desk.clock.now(), Kind.DRIVER)
    _, fields = await sent(request, desk.door, login, cookie)
    if driver is None:  # pragma: no cover - then there is no login either
        raise Refused("notLoggedIn")
    return desk, driver, fields


async def _phone(request: AnyRequest) -> tuple[EmspDesk, Driver | None, Login | None]:
    desk = looking(request)
    id, cookie = desk.door.claimed_login(request, desk.clock.now(), Kind.DRIVER)
    driver = await desk.emsp.store.driver(id) if id else None
    if driver is None or driver.login is None:
        return desk, None, None
    login = desk.door.phone(cookie, driver.id, driver.login)
    return desk, driver if login is not None else None, login
