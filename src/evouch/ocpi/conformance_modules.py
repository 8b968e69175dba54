"""The half of a conformance pass that a registered token opens: credentials, lists, authorisations, the oracle."""

from typing import Any, Final
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from evouch.clock import Entropy
from evouch.errors import PeerFault
from evouch.ids import Secret
from evouch.ocpi import model as m
from evouch.ocpi.codec import read
from evouch.ocpi.conformance_probe import Level, Looked, Probe, bad_time, read_all
from evouch.ocpi.crawling import next_url
from evouch.ocpi.partner import V230, Partner
from evouch.ocpi.partners import oracle_urls
from evouch.oprf.client import blind
from evouch.oprf.element import uncompress
from evouch.oprf.sec1 import InvalidElement

__all__ = ["Modules"]

UNAUTHORIZED: Final = 401
NOT_FOUND: Final = 404
BAD_REQUEST: Final = 400
UNKNOWN_TOKEN: Final = 2004
INVALID: Final = 2001
#: Objects that a page is asked for.
FEW: Final = 2

#: Lists that are read, by module.
_LISTS: Final[dict[str, type[m.Wire]]] = {
    "locations": m.Location, "tariffs": m.Tariff, "sessions": m.Session, "cdrs": m.Cdr, "tokens": m.Token,
    "vehicles": m.VehicleObject,
}  # fmt: skip
#: Elements that are no points: infinity, off the curve, x out of range, half of one.
_NO_POINTS: Final = ("00", "02" + "ff" * 32, "04" + "11" * 64, "03" + "22" * 16)

_MISSING: Final = m.LocationReferences(location_id="EVOUCH-CHECK")


class Modules:
    """Credentials, lists, and what an eMSP answers."""

    def __init__(self, probe: Probe, token: Secret, entropy: Entropy, partner: Partner) -> None:
        self._probe = probe
        self._token = token
        self._entropy = entropy
        self._partner = partner
        self._hold = probe.report.hold
        self._hosts = frozenset(urlsplit(each.url).netloc.lower() for each in partner.endpoints)

    async def examine(self) -> None:
        """Look at what the token opens."""
        await self._credentials()
        if not await self._lists():
            return
        if tokens := self._partner.endpoint("tokens", "SENDER"):
            await self._authorisations(tokens)
        if places := oracle_urls(self._partner):
            await self._oracle(places)

    # ── credentials ──

    async def _credentials(self) -> None:
        url = next((each.url.rstrip("/") for each in self._partner.endpoints if each.module == "credentials"), "")
        looked = await self._probe.look("GET", url, self._token, where="credentials") if url else None
        if looked is None:
            return
        try:
            theirs = read(looked.data, m.Credentials, self._partner.version)
        except PeerFault as fault:
            self._hold("credentials: GET answers credentials", "credentials", fine=False, found=fault.description)
            return
        self._hold("credentials: GET answers credentials", "credentials", fine=True)
        self._probe.report.roles = tuple(f"{each.role} {each.country_code}*{each.party_id}" for each in theirs.roles)
        unique = len(set(self._probe.report.roles)) == len(theirs.roles)
        self._hold("credentials: role, country and party are unique", "credentials", fine=unique)

    # ── lists ──

    async def _lists(self) -> bool:
        """Read a page of every list; return whether this token may."""
        for module, kind in _LISTS.items():
            url = self._partner.endpoint(module, "SENDER")
            looked = await self._probe.look("GET", f"{url}?limit={FEW}", self._token, where=module) if url else None
            if looked is None:
                continue
            if looked.status == UNAUTHORIZED:
                self._hold("token: registered, for the rest to be looked at", module, fine=False, found=looked.shown,
                           level=Level.INFO)  # fmt: skip
                return False
            await self._list(module, kind, url, looked)
        return True

    async def _list(self, module: str, kind: type[m.Wire], url: str, looked: Looked) -> None:
        headers = looked.response.headers
        rule = "pagination: X-Total-Count is given"
        self._hold(rule, module, fine=headers.get("x-total-count", "").isdecimal(), found=headers.get("x-total-count"))
        limit = headers.get("x-limit", "")
        self._hold("pagination: X-Limit is given", module, fine=limit.isdecimal(), found=limit or "missing")
        count = len(looked.data) if isinstance(looked.data, list) else 0
        self._hold("pagination: a page has no more than limit", module, fine=count <= FEW, found=count)
        read_all(self._probe.report, looked.data, kind, module, self._partner.version)
        self._times(module, looked.data)
        await self._next(module, kind, url, looked)
        await self._filters(module, url)

    def _times(self, module: str, data: Any) -> None:
        for each in data if isinstance(data, list) else ():
            time = each.get("last_updated") if isinstance(each, dict) else None
            self._hold(f"{module}: last_updated is required", module, fine=time is not None, found="missing")
            if time is not None:
                self._hold("types: DateTime is UTC, 25 characters at most", module, fine=not bad_time(time), found=time)

    async def _next(self, module: str, kind: type[m.Wire], url: str, looked: Looked) -> None:
        total = looked.response.headers.get("x-total-count", "0")
        count = len(looked.data) if isinstance(looked.data, list) else 0
        more = total.isdecimal() and int(total) > count
        try:
            link = next_url(url, looked.response.headers, self._hosts)
        except PeerFault as fault:
            link = ""
            self._hold("pagination: Link stays with the partner", module, fine=False, found=str(fault))
        self._hold(
            "pagination: Link as long as there is more", module, fine=bool(link) == more, found=link or "missing"
        )
        if not link:
            return
        asked = parse_qs(urlsplit(link).query)
        self._hold("pagination: Link carries limit and filters", module, fine="limit" in asked, found=link)
        page = await self._probe.look("GET", link, self._token, where=f"{module}, page 2")
        if page is not None:
            read_all(self._probe.report, page.data, kind, f"{module}, page 2", self._partner.version)
            same = page.data == looked.data
            self._hold("pagination: the next page is another one", module, fine=not same)

    async def _filters(self, module: str, url: str) -> None:
        later = await self._probe.look(
            "GET", f"{url}?{urlencode({'date_from': '2099-01-01T00:00:00Z'})}", self._token, where=f"{module}, later"
        )
        if later is not None:
            self._hold("pagination: date_from is respected", module, fine=later.data in ([], None), found="objects")
        wrong = await self._probe.look("GET", f"{url}?date_from=yesterday", self._token, where=f"{module}, bad date")
        if wrong is not None:
            fine = wrong.status == 200 and wrong.code == INVALID  # noqa: PLR2004 - OK
            self._hold("status codes: 200 with 2001 for a bad parameter", module, fine=fine, found=wrong.shown,
                       level=Level.WARNING)  # fmt: skip

    # ── an eMSP ──

    async def _authorisations(self, tokens: str) -> None:
        await self._nobody(tokens, "EVOUCH-CHECK", "RFID", "authorize, unknown card")
        if self._partner.endpoint("vehicles", "SENDER"):
            await self._nobody(tokens, self._entropy.bytes(32).hex(), m.VEHICLE_TOKEN, "authorize, unknown vehicle")
        extra = {"location_id": _MISSING.location_id, "evouch_unknown": True}
        await self._nobody(tokens, "EVOUCH-CHECK", "RFID", "authorize, undocumented member", extra)
        if self._partner.version == V230:
            await self._nobody(tokens, "EVOUCH-CHECK", "EVOUCH_NEW_TYPE", "authorize, new token type")
        url = f"{tokens}/EVOUCH-CHECK/authorize?type=RFID"
        broken = await self._probe.look("POST", url, self._token, where="authorize, no JSON", raw=b'{"location')
        if broken is not None:
            fine = broken.status == BAD_REQUEST
            self._hold("transport: 400 for what is no JSON", "authorize, no JSON", fine=fine, found=broken.shown)

    async def _nobody(self, tokens: str, uid: str, kind: str, where: str, body: Any = None) -> None:
        """Ask for a token that nobody has: 404 with 2004, whatever else is in the request."""
        url = f"{tokens}/{quote(uid, safe='')}/authorize?{urlencode({'type': kind})}"
        body = body or {"location_id": _MISSING.location_id}
        looked = await self._probe.look("POST", url, self._token, where=where, body=body)
        if looked is not None:
            fine = looked.status == NOT_FOUND and looked.code == UNKNOWN_TOKEN
            self._hold("tokens: 404 with 2004 for a token that is not known", where, fine=fine, found=looked.shown)

    # ── the sign oracle ──

    async def _oracle(self, places: tuple[str, ...]) -> None:
        own = bool(self._partner.endpoint("oprf", "SENDER"))
        self._hold("oprf: the endpoint is listed", "details", fine=own, found="guessed", level=Level.INFO)
        made_up = self._entropy.bytes(6)
        vids = []
        for place in places:
            vids = [await self._vid(place, made_up, long=long) for long in (False, True, False)]
            if any(vids):
                places = (place,)
                break
        self._hold(
            "oprf: both forms and every blind give one VID", "sign", fine=len(set(vids)) == 1 and None not in vids
        )
        for point in _NO_POINTS:
            looked = await self._sign(places[0], point, "sign, no point")
            if looked is not None:
                fine = looked.status == 200 and looked.code == INVALID  # noqa: PLR2004 - OK
                rule = "oprf: 200 with 2001 for an element that is no point"
                self._hold(rule, f"sign, {point[:8]}…", fine=fine, found=looked.shown)

    async def _vid(self, place: str, made_up: bytes, *, long: bool) -> bytes | None:
        kept, blinded = blind(made_up, self._entropy)
        element = uncompress(bytes(blinded)) if long else bytes(blinded)
        where = "sign, uncompressed" if long else "sign, compressed"
        looked = await self._sign(place, element.hex(), where)
        answer = looked.data.get("evaluated_element") if looked is not None and isinstance(looked.data, dict) else None
        if looked is None or not isinstance(answer, str):
            self._hold("oprf: a point is answered", where, fine=False, found=looked.shown if looked else "nothing")
            return None
        self._hold("oprf: the answer has the form of the question", where, fine=len(answer) == 2 * len(element),
                   found=f"{len(answer)} digits", level=Level.WARNING)  # fmt: skip
        try:
            return kept.finish(bytes.fromhex(answer))
        except (InvalidElement, ValueError):
            self._hold("oprf: a point is answered", where, fine=False, found="no point")
            return None

    async def _sign(self, place: str, element: str, where: str) -> Looked | None:
        return await self._probe.look("POST", place, self._token, where=where, body={"blinded_element": element})
