"""The driver says on his phone that it is he: then the operator is asked to start (docs/decisions/055).

Confirming cannot be waited for within an authorisation. So the vehicle was refused, and a yes is
sent as START_SESSION with the vehicle's token. The operator does not ask again; its Session
comes back with the same authorization_reference.
"""

from dataclasses import dataclass, replace
from typing import Final

from evouch.autocharge.deciding import ContractCheck
from evouch.charging.tokens import Allowed
from evouch.charging.vehicles import Vehicle
from evouch.emsp.book import Book
from evouch.emsp.commands import Commands
from evouch.emsp.drivers import Drivers, standing
from evouch.emsp.notices import Notices
from evouch.emsp.places import Places
from evouch.emsp.tokens import Tokens
from evouch.errors import Refused
from evouch.ocpi.model import StartSession
from evouch.ocpi.partner import Partner
from evouch.ocpi.partners import Partners
from evouch.store.ports import Add, Put
from evouch.store.records_roaming import Decision, Driver, Notice, NoticeState

__all__ = ["Confirming"]

#: Capability of an EVSE that wants to know the connector (2.2.1 and 2.3.0 mod_locations §Capability).
_NAMES_CONNECTOR: Final = "START_SESSION_CONNECTOR_REQUIRED"


@dataclass(slots=True)
class Confirming:
    """Answers to the question whether a vehicle is to start."""

    book: Book
    drivers: Drivers
    notices: Notices
    commands: Commands
    places: Places
    tokens: Tokens
    partners: Partners

    async def confirm(self, driver: str, notice: str, *, evse: str = "") -> Notice:
        """Start it: return the notice with what the operator said at once in ``data["start"]``.

        ``evse`` is the one where it stands, if several were meant. Refused("noSuchNotice", "noticeExpired",
        "alreadyAnswered", "notGranted", "contractNotInOrder", "whichEvse").
        """
        who = await self.drivers.get(driver)
        async with self.book.turns.of(("answer", notice)):
            asked = await self.notices.question(driver, notice)
            vehicle, partner = await self._allowed(who, asked)
            chosen = _chosen(asked, evse)
            asked = await self._accept(who, asked, vehicle)
        body = StartSession(
            response_url=self.commands.address(partner, "START_SESSION", asked.id),
            token=self.tokens.of_vehicle(vehicle, who, valid=True), location_id=asked.data["location"],
            evse_uid=chosen or None, connector_id=await self._connector(partner, asked.data["location"], chosen),
            authorization_reference=asked.data["reference"],
        )  # fmt: skip
        return await self.commands.send(asked, "START_SESSION", body)

    async def decline(self, driver: str, notice: str) -> Notice:
        """Say that it is not he, or that it shall not start."""
        async with self.book.turns.of(("answer", notice)):
            asked = await self.notices.question(driver, notice)
            declined = replace(asked, state=NoticeState.DECLINED)
            await self.book.store.commit(Put(declined))
            return declined

    async def _allowed(self, who: Driver, asked: Notice) -> tuple[Vehicle, Partner]:
        """Return vehicle and partner of a question that may still be answered with yes."""
        if asked.kind != "confirm" or asked.vid is None:
            raise Refused("noSuchNotice")
        vehicle = await self.book.store.vehicle(self.book.terms.party, asked.vid)
        partner = self.partners.get(asked.partner)
        if vehicle is None or vehicle.contract != who.contract or not vehicle.granted:
            raise Refused("notGranted")
        allowed, _ = ContractCheck().judge(standing(who, vehicle.status), self.book.clock.now())
        if allowed is not Allowed.ALLOWED:
            raise Refused("contractNotInOrder", allowed.value)
        if partner is None:
            raise Refused("noSuchNotice")
        return vehicle, partner

    async def _accept(self, who: Driver, asked: Notice, vehicle: Vehicle) -> Notice:
        """Write down his yes, as an answer and as a decision: what follows it is authorised."""
        now = self.book.clock.now()
        decision = Decision(
            id=self.book.entropy.id(), at=now, partner=asked.partner, vid=vehicle.vid, contract=who.contract,
            allowed=Allowed.ALLOWED, reason="confirmed on the phone", findings={"confirmation": "pass: confirmed"},
            location=asked.data["location"], reference=asked.data["reference"],
        )  # fmt: skip
        accepted = replace(asked, state=NoticeState.ACCEPTED, data=asked.data | {"answered": now.isoformat()})
        await self.book.store.commit(Put(accepted), Add(decision))
        return accepted

    async def _connector(self, partner: Partner, location: str, evse: str) -> str | None:
        """Return the connector of an EVSE that wants one named; None where none is wanted or none is known."""
        known = await self.places.location(partner, location)
        found = next((each for each in known.evses if each.uid.casefold() == evse.casefold()), None) if known else None
        if found is None or _NAMES_CONNECTOR not in found.capabilities or not found.connectors:
            return None
        return found.connectors[0].id


def _chosen(asked: Notice, evse: str) -> str:
    """Return the EVSE to start at: the only one that was meant, or the one that the driver names."""
    meant = asked.data.get("evses", "").split()
    if evse:
        if meant and evse not in meant:
            raise Refused("whichEvse")
        return evse
    if len(meant) > 1:
        raise Refused("whichEvse")
    return meant[0] if meant else ""
