"""What the web applications of an operator and of an eMSP share: files, headers, and what goes wrong."""

from collections.abc import Callable, Mapping
from traceback import extract_tb
from typing import Any, Final

import structlog
from litestar import Litestar, Response, get
from litestar.exceptions import HTTPException
from litestar.params import FromPath

from evouch.errors import EvouchError, InvalidCode, Refused
from evouch.web import api_http
from evouch.web.security import AnyRequest, Doorkeeper
from evouch.web.views import asset, problem

__all__ = ["application"]

#: Largest body of any request: the API takes whole OCPP payloads.
MAX_BODY: Final = 256 * 1024
_REASONS: Final = {404: "notFound", 405: "wrongMethod", 413: "tooLarge"}

_log = structlog.get_logger("evouch.web")

Problems = Mapping[str, tuple[int, str, str]]
Errors = Mapping[str, tuple[int, str]]


def application(handlers: list[Any], door: Doorkeeper, *, errors: Errors, problems: Problems) -> Litestar:
    """Return an application of these handlers.

    ``errors`` are the words of its API for refusals, ``problems`` those of its pages.
    """
    refused = _refused(errors, problems)
    return _Application(
        [_static, *handlers],
        exception_handlers={
            EvouchError: refused, HTTPException: _http_error(refused), Exception: lambda request, error: _broken(
                refused, request, error
            ),
        },
        before_send=[door.dress],
        request_max_body_size=MAX_BODY,
        openapi_config=None,
        logging_config=None,
    )  # fmt: skip


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


@get("/static/{name:str}", sync_to_thread=False)
def _static(name: FromPath[str]) -> Response[bytes]:
    """Give out style sheet, script and icon; their addresses change with their content."""
    found = asset(name)
    if found is None:
        raise Refused("notFound")
    return Response(found[1], media_type=found[0], headers={"Cache-Control": "public, max-age=86400"})


# ── what goes wrong ─────────────────────────────────────────────────────────────────────

Answer = Callable[[AnyRequest, Any], Response[Any]]


def _refused(errors: Errors, problems: Problems) -> Answer:
    def refused(request: AnyRequest, error: EvouchError) -> Response[Any]:
        if not isinstance(error, Refused):
            return _broken(refused, request, error)
        if isinstance(error, InvalidCode):
            # station and EVSE are no secret; what was wrong with the code is for the operator alone
            _log.info("code refused", reason=error.detail)
        if request.url.path.startswith("/api/"):
            return api_http.error(error, errors)
        return problem(error.reason, problems, retry_after=_wait(error))

    return refused


def _wait(error: Refused) -> str:
    if error.reason != "tooManyRequests":
        return ""
    return str(max(1, int(error.detail))) if error.detail.isdecimal() else "60"


def _http_error(refused: Answer) -> Answer:
    def http_error(request: AnyRequest, error: HTTPException) -> Response[Any]:
        if error.status_code >= 500:  # noqa: PLR2004 - server errors begin there
            return _broken(refused, request, error)
        answer = refused(request, Refused(_REASONS.get(error.status_code, "malformed")))
        allow = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
        answer.headers.update(allow)
        return answer

    return http_error


def _broken(refused: Answer, request: AnyRequest, error: Exception) -> Response[Any]:
    where = extract_tb(error.__traceback__)[-1]  # no values: cookies and forms may be among them
    _log.error("request failed", problem=type(error).__name__, file=where.filename, line=where.lineno)
    return refused(request, Refused("serverError"))
