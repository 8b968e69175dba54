"""What keeps strangers out of the pages: headers, cookies, proof that a form is ours, signed logins.

All cookies are HttpOnly. The *browser* cookie is a random number that grants are bound to
and that proves of a form that our own page made it: the form carries a hash of it, which no
other site can compute. The *grant* cookie holds the right to one payment. The *payer*
cookie, one per payment and sent to its pages only, lets the browser that paid stop the
charge long after the grant has run out. A *login*, of an operator or of a driver's phone, is
a name and an end that are signed together with what the holder has to prove: it ends by itself,
and with a new password or a new token.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from litestar import Request
from litestar.datastructures import Cookie

from evouch.clock import Entropy
from evouch.errors import Refused
from evouch.ids import KeyBytes
from evouch.store.records import Operator
from evouch.webpayment.checkout import Checkout

__all__ = ["LOGIN_LASTS", "PHONE_LASTS", "AnyRequest", "Doorkeeper", "Kind", "Login", "address", "origin"]

AnyRequest = Request[Any, Any, Any]

#: A working day and a bit.
LOGIN_LASTS: Final = timedelta(hours=12)
#: A driver who charges once a month stays at home on his phone.
PHONE_LASTS: Final = timedelta(days=90)
#: A charge may take days; its receipt is looked at for a week.
_PAYER_LASTS: Final = 7 * 24 * 3600
_UNTIL: Final = re.compile(r"[0-9]{1,12}\Z")
_BROWSER: Final = re.compile(r"[a-z2-7]{26}\Z")

_FEATURES: Final = "camera=(), geolocation=({}), microphone=(), payment=()"
_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": _FEATURES.format(""),
    "X-Robots-Tag": "noindex, nofollow",
}
#: Sites whose requests may change something: our own, and a person at the keyboard.
_OWN: Final = frozenset({"same-origin", "none"})


class Kind(StrEnum):
    """Whose login it is."""

    OPERATOR = "operator"
    DRIVER = "driver"


_LASTS: Final = {Kind.OPERATOR: LOGIN_LASTS, Kind.DRIVER: PHONE_LASTS}


@dataclass(frozen=True, slots=True)
class Login:
    """Who is logged in, and the value that their forms carry."""

    name: str
    csrf: str


class Doorkeeper:
    """Cookies and headers for one public address.

    ``provider_url`` is where forms may lead beside our own pages, ``places`` whether pages may ask a phone where it is.
    """

    def __init__(
        self, *, base_url: str, provider_url: str = "", entropy: Entropy, key: KeyBytes, places: bool = False
    ) -> None:  # fmt: skip
        self._entropy, self._key = entropy, key
        self.origin = origin(base_url)
        self.secure = base_url.startswith("https:")
        # __Host- forbids that a neighbouring subdomain plants the cookie; without TLS we are one of several services
        # on somebody's machine, and browsers tell ports of one host not apart
        self._prefix = "__Host-" if self.secure else f"{urlsplit(base_url).port or ''}-".lstrip("-")
        self._payer = "__Secure-payer" if self.secure else "payer"
        policy = (
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
            f"base-uri 'none'; frame-ancestors 'none'; form-action 'self' {origin(provider_url)}"
        )
        # browsers check form-action for the redirect after a form too, and that leads to the provider
        always = _ALWAYS | ({"Permissions-Policy": _FEATURES.format("self")} if places else {})
        self._headers = [(name.lower().encode(), value.encode()) for name, value in always.items()]
        self._headers.append((b"content-security-policy", policy.strip().encode()))
        if self.secure:
            self._headers.append((b"strict-transport-security", b"max-age=31536000"))

    async def dress(self, message: Any, scope: Any) -> None:
        """Add the headers that every answer carries; answers say themselves if they may be stored."""
        if message["type"] != "http.response.start":
            return
        headers = [*message.get("headers", ()), *self._headers]
        if not any(name.lower() == b"cache-control" for name, _ in headers):
            headers.append((b"cache-control", b"no-store"))
        message["headers"] = headers

    # ── browsers ──

    def browser(self, request: AnyRequest) -> str:
        """Return the browser's number, empty where it has none."""
        value = request.cookies.get(f"{self._prefix}browser", "")
        return value if _BROWSER.match(value) else ""

    def new_browser(self) -> str:
        """Return a number for a browser that has none yet: 128 bits."""
        return self._entropy.id()

    def grant(self, request: AnyRequest) -> str:
        """Return the sealed grant that the browser holds."""
        return request.cookies.get(f"{self._prefix}grant", "")

    def known(self, browser: str) -> Cookie:
        """Return the cookie by which a browser is known again."""
        return self._cookie("browser", browser, _PAYER_LASTS)

    def scanned(self, browser: str, grant: str, lasts: int) -> list[Cookie]:
        """Return the cookies of a browser that has just scanned a good code."""
        return [self.known(browser), self._cookie("grant", grant, lasts)]

    def paying(self, checkout: Checkout) -> list[Cookie]:
        """Return the cookie of the browser that pays."""
        return [Cookie(key=self._payer, value=checkout.grant, path=f"/pay/{checkout.payment}", max_age=_PAYER_LASTS,
                       httponly=True, samesite="lax", secure=self.secure)]  # fmt: skip

    def pays(self, request: AnyRequest, checkout: Checkout) -> bool:
        """Return whether this browser is the one that pays: it alone knows the random id of the grant."""
        return hmac.compare_digest(request.cookies.get(self._payer, "").encode(), checkout.grant.encode())

    def _cookie(self, name: str, value: str, lasts: int, *, strict: bool = False) -> Cookie:
        same = "strict" if strict else "lax"
        return Cookie(key=f"{self._prefix}{name}", value=value, path="/", max_age=lasts, httponly=True,
                      samesite=same, secure=self.secure)  # type: ignore[arg-type]  # fmt: skip

    # ── forms ──

    def csrf(self, secret: str) -> str:
        """Return what a form carries to show that the holder of the cookie ``secret`` was given it by us."""
        return hashlib.sha256(b"evouch form v1\0" + secret.encode()).hexdigest()[:32]

    def check_form(self, request: AnyRequest, fields: dict[str, str], secret: str) -> None:
        """Raise Refused("foreignForm") unless our own page made this form for this browser."""
        if request.headers.get("Sec-Fetch-Site", "none") not in _OWN:
            raise Refused("foreignForm", "another site")
        said = request.headers.get("Origin", "null")
        # "null" is what our own Referrer-Policy makes of it
        if said not in ("null", self.origin) and urlsplit(said).netloc != request.headers.get("Host", ""):
            raise Refused("foreignForm", "another origin")
        if not secret or not hmac.compare_digest(fields.get("csrf", "").encode(), self.csrf(secret).encode()):
            raise Refused("foreignForm", "no proof")

    # ── logins ──

    def log_in(self, operator: Operator, now: datetime) -> Cookie:
        """Return the cookie of a login. It ends after twelve hours, or when the password is changed."""
        return self._login(Kind.OPERATOR, operator.name, operator.password, now)

    def let_in(self, driver: str, proof: bytes, now: datetime) -> Cookie:
        """Return the cookie of a driver's phone. It ends after three months, or when his token is a new one.

        ``proof`` is the hash of his token. The cookie also goes with links from elsewhere, as in a
        message that tells him to look; forms of other sites are refused by what they lack.
        """
        return self._login(Kind.DRIVER, driver, proof.hex(), now)

    def log_out(self, kind: Kind = Kind.OPERATOR) -> Cookie:
        """Return the cookie that ends a login."""
        return self._cookie(kind, "", 0, strict=kind is Kind.OPERATOR)

    def claimed_login(self, request: AnyRequest, now: datetime, kind: Kind = Kind.OPERATOR) -> tuple[str, str]:
        """Return the name that a login cookie claims and the cookie itself; empty without a current one."""
        cookie = request.cookies.get(f"{self._prefix}{kind}", "")
        name, _, rest = cookie.partition(".")
        until = rest.partition(".")[0]
        if not _UNTIL.match(until) or not 0 < int(until) - now.timestamp() <= _LASTS[kind].total_seconds():
            return "", ""
        try:
            return bytes.fromhex(name).decode(), cookie
        except ValueError:
            return "", ""

    def login(self, cookie: str, operator: Operator | None) -> Login | None:
        """Return the login that a cookie proves to be this operator's."""
        return self._proved(Kind.OPERATOR, cookie, operator.name, operator.password) if operator else None

    def phone(self, cookie: str, driver: str, proof: bytes) -> Login | None:
        """Return the login that a cookie proves to be of this driver's phone."""
        return self._proved(Kind.DRIVER, cookie, driver, proof.hex())

    def _login(self, kind: Kind, name: str, proof: str, now: datetime) -> Cookie:
        lasts = _LASTS[kind]
        said = f"{name.encode().hex()}.{int((now + lasts).timestamp())}"
        signed = f"{said}.{self._mac(kind, said, proof)}"
        return self._cookie(kind, signed, int(lasts.total_seconds()), strict=kind is Kind.OPERATOR)

    def _proved(self, kind: Kind, cookie: str, name: str, proof: str) -> Login | None:
        said, _, mac = cookie.rpartition(".")
        if not hmac.compare_digest(mac.encode(), self._mac(kind, said, proof).encode()):
            return None
        return Login(name, self.csrf(cookie))

    def _mac(self, kind: Kind, said: str, proof: str) -> str:
        text = f"evouch {kind} login v1\0{said}\0{proof}".encode()
        return hmac.digest(self._key.reveal(), text, "sha256").hex()


def address(request: AnyRequest) -> str:
    """Return where a request comes from, as the server in front of us reports it."""
    return request.client.host if request.client else ""


def origin(url: str) -> str:
    """Return scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
