"""Cards and apps' tokens of drivers, and tokens as they travel (mod_tokens).

A vehicle is a token too, but never one of the list: it is given out in answers alone, and says
``whitelist: NEVER`` (§7.4), so that no operator starts it without asking.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from evouch.charging.vehicles import Vehicle
from evouch.emsp.book import Book
from evouch.errors import Refused
from evouch.ocpi.model import VEHICLE_TOKEN, Token
from evouch.ocpi.ports import Listing, Page
from evouch.store.ports import Put
from evouch.store.records_roaming import Driver, DriverToken

__all__ = ["TYPES", "Tokens"]

#: Types of tokens that drivers have (mod_tokens §TokenType).
TYPES: Final = ("RFID", "APP_USER", "AD_HOC_USER")
#: mod_tokens §Token: characters of a uid.
_MOST_UID: Final = 36
_WHITELISTS: Final = ("ALWAYS", "ALLOWED", "ALLOWED_OFFLINE", "NEVER")


@dataclass(slots=True)
class Tokens:
    """Tokens of all drivers. ``changed`` is called with the key of one that operators have to be told of."""

    book: Book
    changed: Callable[[str], None] = field(default=lambda _key: None)

    async def add(
        self, uid: str, driver: Driver, *, actor: str, type: str = "RFID", whitelist: str = "ALLOWED",
        visual_number: str = "",
    ) -> DriverToken:  # fmt: skip
        """Give a driver a card or an app's token; Refused("badToken") or Refused("tokenTaken")."""
        printable = uid.isascii() and uid.isprintable() and uid == uid.strip()
        if not (0 < len(uid) <= _MOST_UID and printable and type in TYPES and whitelist in _WHITELISTS):
            raise Refused("badToken")
        token = DriverToken(
            key=uid.casefold(), uid=uid, type=type, driver=driver.id, contract=driver.contract, whitelist=whitelist,
            visual_number=visual_number, last_updated=self.book.clock.now(),
        )  # fmt: skip
        async with self.book.turns.of(("token", token.key)):
            known = await self.book.store.driver_token(token.key)
            if known is not None and known.driver != driver.id:
                raise Refused("tokenTaken")
            await self._write(token, actor, "add token")
        return token

    async def block(self, uid: str, *, actor: str) -> DriverToken:
        """Make a token void, everywhere; Refused("noSuchToken")."""
        return await self._set(uid, valid=False, actor=actor, action="block token")

    async def unblock(self, uid: str, *, actor: str) -> DriverToken:
        """Make it good again; Refused("noSuchToken")."""
        return await self._set(uid, valid=True, actor=actor, action="unblock token")

    async def of(self, driver: str | None = None) -> list[DriverToken]:
        """Return a driver's tokens, or all."""
        return await self.book.store.driver_tokens(driver)

    async def page(self, page: Page) -> Listing:
        """Return one page of the list, as operators read it."""
        found, total = await self.book.store.driver_token_page(
            since=page.since, until=page.until, offset=page.offset, limit=page.limit
        )
        return Listing(objects=tuple([await self._travelling(each) for each in found]), total=total)

    async def travelling(self, key: str) -> Token | None:
        """Return a token as it travels; None where there is none."""
        token = await self.book.store.driver_token(key)
        return await self._travelling(token) if token is not None else None

    def card(self, token: DriverToken, driver: Driver | None) -> Token:
        """Return a driver's token as it travels; without a driver it is valid no more."""
        return self._token(
            token.uid, token.type, token.contract, driver, valid=token.valid and driver is not None,
            whitelist=token.whitelist, visual_number=token.visual_number or None, last_updated=token.last_updated,
        )  # fmt: skip

    def of_vehicle(self, vehicle: Vehicle, driver: Driver | None, *, valid: bool) -> Token:
        """Return a vehicle as a token: never to be remembered by an operator (§7.4)."""
        return self._token(
            vehicle.vid, VEHICLE_TOKEN, vehicle.contract, driver, valid=valid, whitelist="NEVER",
            visual_number=None, last_updated=vehicle.last_updated,
        )  # fmt: skip

    async def _travelling(self, token: DriverToken) -> Token:
        return self.card(token, await self.book.store.driver(token.driver))

    def _token(
        self, uid: str, type: str, contract: str, driver: Driver | None, *, valid: bool, whitelist: str,
        visual_number: str | None, last_updated: datetime,
    ) -> Token:  # fmt: skip
        terms = self.book.terms
        return Token(
            country_code=terms.party.country, party_id=terms.party.party, uid=uid, type=type, contract_id=contract,
            visual_number=visual_number, issuer=(terms.issuer or terms.name)[:64], valid=valid,
            whitelist=whitelist, language=(driver.language if driver else terms.language)[:2],
            last_updated=last_updated,
        )  # fmt: skip

    async def _set(self, uid: str, *, valid: bool, actor: str, action: str) -> DriverToken:
        key = uid.casefold()
        async with self.book.turns.of(("token", key)):
            token = await self.book.store.driver_token(key)
            if token is None:
                raise Refused("noSuchToken")
            token = replace(token, valid=valid, last_updated=self.book.clock.now())
            await self._write(token, actor, action)
            return token

    async def _write(self, token: DriverToken, actor: str, action: str) -> None:
        await self.book.store.commit(Put(token), self.book.audit(actor, action, token.driver, token.type))
        self.changed(token.key)
