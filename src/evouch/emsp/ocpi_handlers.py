"""What an eMSP answers to operators, row by row of ``ocpi.routes``: each a use-case and nothing else."""

from dataclasses import dataclass
from typing import Final

from evouch.emsp.authorizing import Authorizing
from evouch.emsp.commands import Commands
from evouch.emsp.conflicts import Conflicts
from evouch.emsp.enrolling import Enrolling
from evouch.emsp.invoices import Invoices
from evouch.emsp.oracle import SignOracle
from evouch.emsp.places import Places
from evouch.emsp.sessions import Sessions
from evouch.emsp.tokens import Tokens
from evouch.emsp.vehicles import Vehicles
from evouch.ocpi.model import VEHICLE_TOKEN, Connector, Evse, Location, SignAnswer, VehicleObject
from evouch.ocpi.ports import Answer, Call, EmspHandlers, Listing, OcpiRefusal, Page

__all__ = ["Handlers"]

_OK: Final = Answer()
_NEW: Final = Answer(http=201)


@dataclass(slots=True)
class Handlers(EmspHandlers):
    """The eMSP's side of OCPI."""

    listed: Tokens
    authorizing: Authorizing
    places: Places
    told: Sessions
    invoices: Invoices
    commands: Commands
    known: Vehicles
    enrolling: Enrolling
    conflicts: Conflicts
    oracle: SignOracle

    # ── tokens ──

    async def tokens(self, call: Call) -> Listing:
        """GET tokens."""
        return await self.listed.page(call.page or Page())

    async def authorize(self, call: Call) -> Answer:
        """POST tokens/{token_uid}/authorize."""
        uid, type = call.params["token_uid"], call.query.get("type", "RFID")
        if type == VEHICLE_TOKEN:
            return Answer(data=await self.authorizing.vehicle(call.partner, uid, call.body))
        return Answer(data=await self.authorizing.card(call.partner, uid, type, call.body))

    # ── locations and tariffs ──

    async def location(self, call: Call) -> Answer:
        """GET locations/{…}: what we were told."""
        location = await self.places.get(call, "locations", call.params["location_id"])
        return Answer(data=_part(location, call) if isinstance(location, Location) else location)

    async def put_location(self, call: Call) -> Answer:
        """PUT a location, an EVSE or a connector."""
        if isinstance(call.body, Evse | Connector):
            return _NEW if await self.places.put_part(call, call.body) else _OK
        return _NEW if await self.places.put(call, "locations", call.params["location_id"], call.body) else _OK

    async def patch_location(self, call: Call) -> Answer:
        """PATCH a location, an EVSE or a connector."""
        await self.places.patch(call)
        return _OK

    async def tariff(self, call: Call) -> Answer:
        """GET tariffs/{…}."""
        return Answer(data=await self.places.get(call, "tariffs", call.params["tariff_id"]))

    async def put_tariff(self, call: Call) -> Answer:
        """PUT tariffs/{…}."""
        return _NEW if await self.places.put(call, "tariffs", call.params["tariff_id"], call.body) else _OK

    async def delete_tariff(self, call: Call) -> Answer:
        """DELETE tariffs/{…}."""
        await self.places.delete_tariff(call)
        return _OK

    # ── sessions and bills ──

    async def session(self, call: Call) -> Answer:
        """GET sessions/{…}."""
        return Answer(data=await self.told.get(call))

    async def put_session(self, call: Call) -> Answer:
        """PUT sessions/{…}."""
        return _NEW if await self.told.take(call.partner, call.body) else _OK

    async def patch_session(self, call: Call) -> Answer:
        """PATCH sessions/{…}."""
        await self.told.patch(call)
        return _OK

    async def cdr(self, call: Call) -> Answer:
        """GET cdrs/{cdr_id}."""
        return Answer(data=await self.invoices.get(call))

    async def post_cdr(self, call: Call) -> Answer:
        """POST cdrs; the answer says where the record is from now on."""
        new = await self.invoices.take(call.partner, call.body)
        return Answer(http=201 if new else 200, headers={"location": self.invoices.address(call.body, call.version)})

    # ── commands ──

    async def command_result(self, call: Call) -> Answer:
        """POST to the response_url that we gave."""
        await self.commands.result(call.partner, call.params["command"], call.params["uid"], call.body)
        return _OK

    # ── vehicles ──

    async def vehicles(self, call: Call) -> Listing:
        """GET vehicles."""
        return await self.known.page(call.page or Page())

    async def post_vehicle(self, call: Call) -> Answer:
        """POST vehicles."""
        vehicle, new = await self.enrolling.bind(call.partner, call.body)
        return Answer(data=VehicleObject.of(vehicle), http=201 if new else 200)

    async def post_conflict(self, call: Call) -> Answer:
        """POST vehicles/conflict."""
        return Answer(data=await self.conflicts.take(call.partner, call.body))

    async def sign(self, call: Call) -> Answer:
        """POST oprf/sign."""
        return Answer(
            data=SignAnswer(evaluated_element=await self.oracle.sign(call.partner, call.body.blinded_element))
        )


def _part(location: Location, call: Call) -> Location | Evse | Connector:
    """Return the location, or the EVSE or connector of it that the address names; OcpiRefusal (404)."""
    uid, id = (call.params.get(name, "").casefold() for name in ("evse_uid", "connector_id"))
    if not uid:
        return location
    evse = next((each for each in location.evses if each.uid.casefold() == uid), None)
    connectors = evse.connectors if evse is not None else ()
    found = next((each for each in connectors if each.id.casefold() == id), None) if id else evse
    if found is None:
        raise OcpiRefusal(2000, "Not found", http=404)
    return found
