"""Who is at an operator's page: whoever looks must be logged in, whoever acts must also send a form of ours."""

from evouch.errors import Refused
from evouch.web.desk import MAX_FORM, Desk, desk_of, form
from evouch.web.security import AnyRequest, Login

__all__ = ["acting", "who"]


async def who(request: AnyRequest) -> tuple[Desk, Login | None]:
    """Return the desk and whoever is logged in."""
    desk = desk_of(request)
    name, cookie = desk.door.claimed_login(request, desk.clock.now())
    operator = await desk.cpo.store.operator(name) if name else None
    return desk, desk.door.login(cookie, operator)


async def acting(request: AnyRequest, *, most: int = MAX_FORM) -> tuple[Desk, Login, dict[str, str]]:
    """Return who sends a form of at most ``most`` bytes; Refused where nobody is logged in or the form is not ours."""
    desk, login = await who(request)
    if login is None:
        raise Refused("notLoggedIn")
    fields = await form(request, most=most)
    _, cookie = desk.door.claimed_login(request, desk.clock.now())
    desk.door.check_form(request, fields, cookie)
    return desk, login, fields
