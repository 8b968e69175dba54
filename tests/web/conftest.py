"""Applications are lent: to set Litestar's routes up takes longer than most stories of pages, and they never change."""

from typing import Any

import pytest
from litestar import Litestar

from evouch.web import app as cpo_app
from evouch.web import emsp_app
from evouch.web.application import application
from evouch.web.security import Doorkeeper

#: Applications by what they route and how they refuse. A test has each of them once; the next gets them again.
_BUILT: dict[Any, list[Litestar]] = {}


@pytest.fixture(autouse=True)
def _routes_are_set_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    free = {what: list(apps) for what, apps in _BUILT.items()}

    def lend(handlers: list[Any], door: Doorkeeper, **how: Any) -> Litestar:
        paths = (str(path) for each in handlers for path in sorted(each.paths))
        what = (*paths, *(id(words) for words in how.values()))
        if free.get(what):
            lent = free[what].pop()
            lent.before_send = [door.dress]
            lent.state.clear()
            return lent
        _BUILT.setdefault(what, []).append(made := application(handlers, door, **how))
        return made

    monkeypatch.setattr(cpo_app, "application", lend)
    monkeypatch.setattr(emsp_app, "application", lend)
