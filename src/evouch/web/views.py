"""Pages as text: templates compiled once, values escaped always, files served with their hash."""

import re
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import jinja2
from litestar import Response
from litestar.datastructures import Cookie

from evouch import units
from evouch.web import words

__all__ = ["asset", "page", "problem", "redirect", "render"]

_HERE: Final = Path(__file__).parent
_ASSETS: Final = {
    "evouch.css": "text/css; charset=utf-8",
    "pay.js": "text/javascript; charset=utf-8",
    "me.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}

#: Where a long wireName may be broken.
_HUMPS: Final = re.compile(r"[^A-Z]+|[A-Z][^A-Z]*")

Page = Response[str]


def render(template: str, **values: Any) -> str:
    """Return a template filled in."""
    return _templates().get_template(template).render(values)


def page(template: str, *, status: int = 200, cookies: list[Cookie] | None = None, **values: Any) -> Page:
    """Return a template filled in, as an answer."""
    return Response(render(template, **values), status_code=status, media_type="text/html", cookies=cookies)


def problem(reason: str, problems: Mapping[str, tuple[int, str, str]], *, retry_after: str = "") -> Page:
    """Return the page that says what went wrong and what to do; reasons without words are our fault."""
    status, heading, sentence = problems.get(reason) or problems["serverError"]
    answer = page("problem.html", status=status, heading=heading, sentence=sentence)
    if retry_after:
        answer.headers["Retry-After"] = retry_after
    return answer


def redirect(target: str, *, cookies: list[Cookie] | None = None) -> Page:
    """Return "go there, and ask with GET"."""
    return Response("", status_code=303, media_type="text/plain", headers={"Location": target}, cookies=cookies)


@cache
def asset(name: str) -> tuple[str, bytes] | None:
    """Return media type and bytes of one of our files, None for any other name."""
    return (_ASSETS[name], (_HERE / "static" / name).read_bytes()) if name in _ASSETS else None


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    environment.filters |= {
        "money": words.money, "price": words.price, "kwh": words.kwh, "kw": words.kw, "span": words.span,
        "kwh3": units.kwh, "limits": words.limits, "segment": lambda text: quote(str(text), safe=""),
        "humps": _HUMPS.findall,
        "hour": lambda at: f"{at:%H:%M}",
        "minute": lambda at: f"{at:%Y-%m-%d %H:%M}", "second": lambda at: f"{at:%Y-%m-%d %H:%M:%S}",
    }  # fmt: skip
    contents = b"".join(found[1] for name in _ASSETS if (found := asset(name)))
    environment.globals["stamp"] = sha256(contents).hexdigest()[:12]
    return environment
