"""Who is at an operator's page: whoever looks must be logged in, whoever acts must also send a form of ours."""

from datetime import datetime
from typing import Protocol

from evouch.errors import Refused
from evouch.store.records import Operator
from evouch.web.desk import MAX_FORM, Desk, desk_of, form
from evouch.web.security import AnyRequest, Doorkeeper, Login

__all__ = ["People", "acting", "sent", "who", "whose"]


class People(Protocol):
    """Where logins are kept."""

    async def operator(self, name: str) -> Operator | None:
        """Return a login by its name."""


async def whose(request: AnyRequest, door: Doorkeeper, people: People, now: datetime) -> Login | None:
    """Return whoever is logged in."""
    name, cookie = door.claimed_login(request, now)
    operator = await people.operator(name) if name else None
    return door.login(cookie, operator)


async def sent(
    request: AnyRequest, door: Doorkeeper, login: Login | None, cookie: str, *, most: int = MAX_FORM
) -> tuple[Login, dict[str, str]]:
    """Return who sends a form of at most ``most`` bytes, and its fields; Refused("notLoggedIn", "foreignForm").

    ``cookie`` is what the login is proved by, and the form too.
    """
    if login is None:
        raise Refused("notLoggedIn")
    fields = await form(request, most=most)
    door.check_form(request, fields, cookie)
    return login, fields


async def who(request: AnyRequest) -> tuple[Desk, Login | None]:
    """Return the desk and whoever is logged in."""
    desk = desk_of(request)
    return desk, await whose(request, desk.door, desk.cpo.store, desk.clock.now())


async def acting(request: AnyRequest, *, most: int = MAX_FORM) -> tuple[Desk, Login, dict[str, str]]:
    """Return who sends a form of at most ``most`` bytes; Refused where nobody is logged in or the form is not ours."""
    desk, login = await who(request)
    _, cookie = desk.door.claimed_login(request, desk.clock.now())
    return desk, *await sent(request, desk.door, login, cookie, most=most)
