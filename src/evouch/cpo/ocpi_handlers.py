"""What an operator answers to eMSPs: the methods that ``ocpi.routes`` names, each a few lines."""

from dataclasses import dataclass
from typing import Final

from evouch.cpo.publishing import Publishing
from evouch.cpo.roaming_commands import RoamingCommands
from evouch.cpo.roaming_push import CDRS, SESSIONS
from evouch.cpo.roaming_tokens import RoamingTokens
from evouch.cpo.whitelist import Whitelist
from evouch.ids import PartyId
from evouch.ocpi.codec import read
from evouch.ocpi.model import Cdr, Session, Token, VehicleObject, Wire
from evouch.ocpi.ports import Answer, Call, CpoHandlers, Listing, OcpiRefusal, Page
from evouch.store.ports import Store

__all__ = ["Handlers"]

#: status_codes: unknown location.
UNKNOWN_LOCATION: Final = 2003
NOT_FOUND: Final = 404
CREATED: Final = 201


@dataclass(slots=True)
class Handlers(CpoHandlers):
    """Implements ``ocpi.ports.CpoHandlers``."""

    store: Store
    publishing: Publishing
    tokens: RoamingTokens
    whitelist: Whitelist
    commands: RoamingCommands

    async def locations(self, call: Call) -> Listing:
        """Return a page of Locations."""
        return self.publishing.locations(call.page or Page())

    async def location(self, call: Call) -> Answer:
        """Return a Location, an EVSE or a connector."""
        asked = (call.params.get(name) for name in ("location_id", "evse_uid", "connector_id"))
        location, uid, connector = asked
        found = self.publishing.find(location or "", uid, connector)
        if found is None:
            raise OcpiRefusal(UNKNOWN_LOCATION, "no such location, EVSE or connector", http=NOT_FOUND)
        return Answer(data=found)

    async def tariffs(self, call: Call) -> Listing:
        """Return the tariff."""
        return self.publishing.tariffs(call.page or Page())

    async def sessions(self, call: Call) -> Listing:
        """Return a page of the sessions of this eMSP's customers."""
        return await self._kept(call, SESSIONS, Session)

    async def cdrs(self, call: Call) -> Listing:
        """Return a page of the bills to this eMSP."""
        return await self._kept(call, CDRS, Cdr)

    async def _kept(self, call: Call, module: str, kind: type[Wire]) -> Listing:
        page = call.page or Page()
        found, total = await self.store.ocpi_page(
            module, call.partner.id, since=page.since, until=page.until, offset=page.offset, limit=page.limit
        )
        return Listing(objects=tuple(read(each.body, kind) for each in found), total=total)

    async def token(self, call: Call) -> Answer:
        """Return a token as we know it."""
        return Answer(data=await self.tokens.get(call.partner, _party(call), call.params["token_uid"], _kind(call)))

    async def put_token(self, call: Call) -> Answer:
        """Take a token."""
        body: Token = call.body
        new = await self.tokens.put(call.partner, _party(call), call.params["token_uid"], body)
        return Answer(http=CREATED if new else 200)

    async def patch_token(self, call: Call) -> Answer:
        """Change a token."""
        await self.tokens.patch(call.partner, _party(call), call.params["token_uid"], _kind(call), call.body)
        return Answer()

    async def put_vehicle(self, call: Call) -> Answer:
        """Take a vehicle."""
        body: VehicleObject = call.body
        party = _party(call) if "country_code" in call.params else None
        new = await self.whitelist.put(call.partner, call.params["vehicle_id"], body, party)
        return Answer(http=CREATED if new else 200)

    async def command(self, call: Call) -> Answer:
        """Take a command."""
        return Answer(data=await self.commands.take(call.partner, call.version, call.params["command"], call.body))


def _party(call: Call) -> PartyId:
    return PartyId(call.params["country_code"].upper(), call.params["party_id"].upper())


def _kind(call: Call) -> str:
    return call.query.get("type") or "RFID"
