"""The web application of an operator: drivers' pages, the operator's pages, the JSON API, webhooks."""

from traceback import extract_tb
from typing import Any, Final

import structlog
from litestar import Litestar, Response, get
from litestar.exceptions import HTTPException
from litestar.params import FromPath

from evouch.clock import Clock, Entropy
from evouch.cpo.app import Cpo
from evouch.errors import EvouchError, InvalidCode, Refused
from evouch.web import api_cpo, pages_driver, pages_operator, pages_operator_station, pages_payment
from evouch.web.desk import Desk
from evouch.web.security import AnyRequest, Doorkeeper
from evouch.web.views import asset, problem
from evouch.webpayment.url import Template

__all__ = ["create_app"]

#: Largest body of any request: the API takes whole OCPP payloads.
MAX_BODY: Final = 256 * 1024
#: The address of a code where no template says otherwise.
USUAL: Final = "https://any.invalid/qr/{chargingstationid}/{evse}/{totp}?v={version}"
_REASONS: Final = {404: "notFound", 405: "wrongMethod", 413: "tooLarge"}

_log = structlog.get_logger("evouch.web")


def create_app(cpo: Cpo, *, clock: Clock, entropy: Entropy, base_url: str, provider_url: str) -> Litestar:
    """Return the application. ``base_url`` is how phones reach it, ``provider_url`` where drivers pay."""
    door = Doorkeeper(base_url=base_url, provider_url=provider_url, entropy=entropy, key=cpo.operators.pepper)
    templates = _templates(cpo)
    handlers: list[Any] = [static, *pages_driver.handlers(templates), *pages_payment.HANDLERS, *api_cpo.HANDLERS]
    handlers += [*pages_operator.HANDLERS, *pages_operator_station.HANDLERS]
    app = _Application(
        handlers,
        exception_handlers={EvouchError: _refused, HTTPException: _http_error, Exception: _broken},
        before_send=[door.dress],
        request_max_body_size=MAX_BODY,
        openapi_config=None,
        logging_config=None,
    )
    app.state["desk"] = Desk(cpo, clock, door, templates)
    return app


class _Application(Litestar):
    """Answers HEAD like GET, without the body: link checkers and previews ask so."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["method"] != "HEAD" or scope["path"].endswith("/events"):
            await super().__call__(scope, receive, send)
            return

        async def without_body(message: Any) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await super().__call__({**scope, "method": "GET"}, receive, without_body)  # type: ignore[arg-type]


def _templates(cpo: Cpo) -> tuple[Template, ...]:
    texts = dict.fromkeys((cpo.terms.qr.template, USUAL))
    return tuple(Template.parse(text, loopback_http=True, lenient=True) for text in texts)


@get("/static/{name:str}", sync_to_thread=False)
def static(name: FromPath[str]) -> Response[bytes]:
    """Give out style sheet, script and icon; their addresses change with their content."""
    found = asset(name)
    if found is None:
        raise Refused("notFound")
    return Response(found[1], media_type=found[0], headers={"Cache-Control": "public, max-age=86400"})


# ── what goes wrong ─────────────────────────────────────────────────────────────────────


def _refused(request: AnyRequest, error: EvouchError) -> Response[Any]:
    if not isinstance(error, Refused):
        return _broken(request, error)
    if isinstance(error, InvalidCode):
        # station and EVSE are no secret; what was wrong with the code is for the operator alone
        _log.info("code refused", reason=error.detail)
    if request.url.path.startswith("/api/"):
        return api_cpo.error(error)
    return problem(error.reason, retry_after=_wait(error))


def _wait(error: Refused) -> str:
    if error.reason != "tooManyRequests":
        return ""
    return str(max(1, int(error.detail))) if error.detail.isdecimal() else "60"


def _http_error(request: AnyRequest, error: HTTPException) -> Response[Any]:
    if error.status_code >= 500:  # noqa: PLR2004 - server errors begin there
        return _broken(request, error)
    answer = _refused(request, Refused(_REASONS.get(error.status_code, "malformed")))
    answer.headers.update({name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"})
    return answer


def _broken(request: AnyRequest, error: Exception) -> Response[Any]:
    where = extract_tb(error.__traceback__)[-1]  # no values: cookies and forms may be among them
    _log.error("request failed", problem=type(error).__name__, file=where.filename, line=where.lineno)
    return _refused(request, Refused("serverError"))
