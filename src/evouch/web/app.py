"""The web application of an operator: drivers' pages, the operator's pages, the JSON API, webhooks."""

from typing import Any, Final

from litestar import Litestar

from evouch.clock import Clock, Entropy
from evouch.cpo.app import Cpo
from evouch.web import api_cpo, pages_driver, pages_operator, pages_operator_station, pages_payment
from evouch.web.api_routes import ERRORS
from evouch.web.application import application
from evouch.web.desk import Desk
from evouch.web.security import Doorkeeper
from evouch.web.words import PROBLEMS
from evouch.webpayment.url import Template

__all__ = ["create_app"]

#: The address of a code where no template says otherwise.
USUAL: Final = "https://any.invalid/qr/{chargingstationid}/{evse}/{totp}?v={version}"


def create_app(cpo: Cpo, *, clock: Clock, entropy: Entropy, base_url: str, provider_url: str) -> Litestar:
    """Return the application. ``base_url`` is how phones reach it, ``provider_url`` where drivers pay."""
    door = Doorkeeper(base_url=base_url, provider_url=provider_url, entropy=entropy, key=cpo.operators.pepper)
    templates = _templates(cpo)
    handlers: list[Any] = [*pages_driver.handlers(templates), *pages_payment.HANDLERS, *api_cpo.HANDLERS]
    handlers += [*pages_operator.HANDLERS, *pages_operator_station.HANDLERS]
    app = application(handlers, door, errors=ERRORS, problems=PROBLEMS)
    app.state["desk"] = Desk(cpo, clock, door, templates)
    app.state["service"], app.state["base_url"] = cpo, cpo.terms.base_url
    return app


def _templates(cpo: Cpo) -> tuple[Template, ...]:
    texts = dict.fromkeys((cpo.terms.qr.template, USUAL))
    return tuple(Template.parse(text, loopback_http=True, lenient=True) for text in texts)
