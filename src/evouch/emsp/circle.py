"""Telling operators what has changed: vehicles and tokens, as they stand now (§5.1 propagation, §5.3).

A push that fails is tried again for seconds; then the partner is marked, and everything that
changed since is sent when it answers again (docs/decisions/061). What is sent is always the present
state, read at that moment: an old word never follows a new one.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final
from urllib.parse import quote

from evouch.clock import Tick
from evouch.emsp.book import Book
from evouch.emsp.tokens import Tokens
from evouch.ids import Vid
from evouch.ocpi.model import VehicleObject
from evouch.ocpi.partner import Partner
from evouch.ocpi.partners import Partners
from evouch.ocpi.ports import PartnerCalls
from evouch.ocpi.pushing import Pusher, settle_refusal
from evouch.units import EARLIEST

__all__ = ["Circle"]

#: Records read at once when a partner is sent what it has missed.
_PAGE: Final = 500


@dataclass(slots=True)
class Circle:
    """All operators that take part."""

    book: Book
    partners: Partners
    calls: PartnerCalls
    tokens: Tokens
    #: set once it exists: it needs :meth:`resend` first
    pusher: Pusher = field(init=False)

    def vehicle(self, vid: Vid) -> None:
        """Send a vehicle to every operator with the module, to the one it came from too (docs/decisions/061)."""
        for partner in self.partners.with_module("vehicles", "RECEIVER"):
            self.pusher.push(partner, "vehicles", vid, partial(self._send_vehicle, partner, vid))

    def token(self, key: str) -> None:
        """Send a card or an app's token to every operator that takes tokens."""
        for partner in self.partners.with_module("tokens", "RECEIVER"):
            self.pusher.push(partner, "tokens", key, partial(self._send_token, partner, key))

    async def introduce(self, id: str) -> None:
        """Send a partner that has just registered every vehicle and token; what fails is sent when it answers."""
        for module in ("tokens", "vehicles"):
            partner = self.partners.get(id)
            if partner is not None and partner.registered and partner.endpoint(module, "RECEIVER"):
                await self.pusher.resync(partner, module, EARLIEST)

    async def resend(self, partner: Partner, module: str, since: datetime) -> None:
        """Send a partner everything of a module that has changed since; raises what the first outage raises."""
        if module == "vehicles":
            async for vid in self._vehicles(since):
                await settle_refusal(partial(self._send_vehicle, partner, vid))
        elif module == "tokens":
            async for key in self._tokens(since):
                await settle_refusal(partial(self._send_token, partner, key))

    async def _send_vehicle(self, partner: Partner, vid: Vid) -> None:
        vehicle = await self.book.store.vehicle(self.book.terms.party, vid)
        if vehicle is not None:
            await self.calls.put_vehicle(partner, VehicleObject.of(vehicle), by=self._by())

    async def _send_token(self, partner: Partner, key: str) -> None:
        token = await self.tokens.travelling(key)
        if token is not None:
            party = self.book.terms.party
            path = f"{party.country}/{party.party}/{quote(token.uid, safe='')}?type={token.type}"
            await self.calls.put_object(partner, "tokens", path, token, by=self._by())

    async def _vehicles(self, since: datetime) -> AsyncIterator[Vid]:
        offset, total = 0, 1
        while offset < total:
            page, total = await self.book.store.vehicle_page(since=since, offset=offset, limit=_PAGE)
            offset += _PAGE
            for vehicle in page:
                yield vehicle.vid

    async def _tokens(self, since: datetime) -> AsyncIterator[str]:
        offset, total = 0, 1
        while offset < total:
            page, total = await self.book.store.driver_token_page(since=since, offset=offset, limit=_PAGE)
            offset += _PAGE
            for token in page:
                yield token.key

    def _by(self) -> Tick:
        return Tick(self.book.clock.tick() + self.book.terms.push_time)
