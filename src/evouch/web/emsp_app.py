"""The web application of an eMSP: drivers' pages, the pages of its staff, the JSON API."""

from typing import Any

from litestar import Litestar, get

from evouch.clock import Clock, Entropy
from evouch.emsp.app import Emsp
from evouch.web import api_emsp, pages_phone, pages_staff, pages_staff_drivers
from evouch.web.api_emsp_routes import EMSP
from evouch.web.application import application
from evouch.web.emsp_desk import EmspDesk
from evouch.web.security import Doorkeeper
from evouch.web.views import Page, redirect
from evouch.web.words_emsp import PROBLEMS

__all__ = ["create_emsp_app"]


def create_emsp_app(emsp: Emsp, *, clock: Clock, entropy: Entropy, base_url: str) -> Litestar:
    """Return the application. ``base_url`` is how phones and staff reach it, without a slash at its end."""
    door = Doorkeeper(base_url=base_url, entropy=entropy, key=emsp.operators.pepper, places=True)
    handlers: list[Any] = [_begin, *pages_phone.HANDLERS, *pages_staff.HANDLERS]
    handlers += [*pages_staff_drivers.HANDLERS, *api_emsp.HANDLERS]
    app = application(handlers, door, errors=EMSP.errors, problems=PROBLEMS)
    app.state["desk"] = EmspDesk(emsp, clock, door, base_url)
    app.state["service"], app.state["base_url"] = emsp, base_url
    return app


@get("/", sync_to_thread=False)
def _begin() -> Page:
    """Lead to where drivers begin."""
    return redirect("/me")
