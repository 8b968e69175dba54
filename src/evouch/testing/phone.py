"""A driver's phone: a browser without JavaScript that opens pages, keeps cookies and fills in forms.

For stories and the demo: whatever works here works for a driver whose phone is old, whose
connection is bad, or who reads the page aloud.
"""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import httpx2

from evouch.errors import EvouchError

__all__ = ["Form", "Phone", "PhoneError"]

#: Redirects from one tap: scan → offer is one, provider → return → page are two.
MAX_HOPS = 8


class PhoneError(EvouchError):
    """The page is not what a driver would expect here."""


@dataclass
class Form:
    """A form on a page: where it goes, and what is filled in already."""

    action: str
    method: str = "get"
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[str] = field(default_factory=list)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(values.get("action", ""), values.get("method", "get").lower()))
        elif tag in {"input", "select", "textarea"} and self.forms and "name" in values:
            self.forms[-1].fields[values["name"]] = values.get("value", "")
        elif tag == "button" and self.forms:
            self.forms[-1].buttons.append(values.get("name", ""))

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.text.append(data.strip())


class Phone:
    """One browser profile. ``page`` is the last answer, ``url`` where it came from."""

    def __init__(self, *, user_agent: str = "phone") -> None:
        self._http = httpx2.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            timeout=20.0,
            headers={"User-Agent": user_agent, "Accept": "text/html"},
        )
        self.page: httpx2.Response
        self.url = ""

    async def close(self) -> None:
        """Put the phone away."""
        await self._http.aclose()

    async def open(self, url: str) -> "Phone":
        """Open an address, as a scan or a tap on a link does."""
        await self._go("GET", url)
        return self

    async def submit(self, action_part: str, **values: str) -> "Phone":
        """Fill in the form whose address contains ``action_part`` and send it."""
        form = self.form(action_part)
        await self._go(form.method.upper(), urljoin(self.url, form.action), data=form.fields | values)
        return self

    def form(self, action_part: str) -> Form:
        """Return the form whose address contains ``action_part``; PhoneError where the page has none."""
        for form in self._read().forms:
            if action_part in urljoin(self.url, form.action):
                return form
        raise PhoneError(f"no form for {action_part!r} on {self.url} ({self.page.status_code})")

    def text(self) -> str:
        """Return what the page says, without its markup."""
        return " ".join(self._read().text)

    async def json(self, url: str) -> Any:
        """Return a JSON document."""
        return (await self._http.get(urljoin(self.url, url))).json()

    def _read(self) -> _Forms:
        reader = _Forms()
        reader.feed(self.page.text)
        return reader

    async def _go(self, method: str, url: str, data: dict[str, str] | None = None) -> None:
        headers = {"Origin": _origin(self.url), "Sec-Fetch-Site": "same-origin"} if method == "POST" else {}
        for _ in range(MAX_HOPS):
            self.page = await self._http.request(method, url, data=data, headers=headers)
            self.url = url
            if not self.page.has_redirect_location:
                return
            url, method, data, headers = urljoin(url, self.page.headers["Location"]), "GET", None, {}
        raise PhoneError(f"redirected more than {MAX_HOPS} times, last to {url}")


def _origin(url: str) -> str:
    parts = httpx2.URL(url) if url else None
    return f"{parts.scheme}://{parts.netloc.decode()}" if parts else ""
