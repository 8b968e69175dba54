"""An operator says which vehicle a customer charges: POST vehicles (§5.1, §6.3).

Whether it counts is judged in ``autocharge.binding``; whether the vehicle may then start by itself
is the driver's word. Who has agreed beforehand is told, all others are asked, and a driver whose
car cannot do it is not troubled (§7.1). One charge binds one vehicle: the turn of the session
comes before that of the vehicle, always.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from evouch.autocharge.binding import BindingCase, BindingVerdict, BoundSession, BoundToken, Effect, judge
from evouch.autocharge.consent import register
from evouch.charging.vehicles import AutoChargeStatus, Vehicle
from evouch.emsp.book import Book
from evouch.emsp.drivers import Drivers
from evouch.emsp.eligibility import Offer
from evouch.emsp.keys import Keys
from evouch.emsp.notices import Notices
from evouch.emsp.vehicles import Vehicles
from evouch.ids import Vid
from evouch.ocpi.model import VEHICLE_TOKEN, RegisterVehicle
from evouch.ocpi.partner import Partner
from evouch.ocpi.ports import OcpiRefusal
from evouch.store.ports import Change, Put
from evouch.store.records_roaming import Driver, DriverToken, EmspSession, Enrolment, Notice

__all__ = ["OVER", "SETTLES", "Enrolling"]

#: A vehicle is named at plug-in, and its charge begins with a card minutes later: for so long after a change of key a
#: charge may still name it as the former key did.
SETTLES: Final = timedelta(minutes=15)
#: What the notice of a rival is about.
ANOTHER_DRIVER: Final = "another driver"
#: After a week nothing that began under the former key charges any more; stations whose clocks are years behind are not
#: shut out for good.
OVER: Final = timedelta(days=7)


@dataclass(slots=True)
class Enrolling:
    """Binds vehicles to customers."""

    book: Book
    drivers: Drivers
    vehicles: Vehicles
    notices: Notices
    keys: Keys

    async def bind(self, partner: Partner, body: RegisterVehicle) -> tuple[Vehicle, bool]:
        """Return the vehicle as it stands then, and whether it is new; OcpiRefusal with the code of the verdict."""
        vid = Vid(body.vehicle_id)
        async with (
            self.book.turns.of(("binding", partner.id, body.session_id)),
            self.book.turns.of(("vehicle", vid)),
        ):
            token = await self.book.store.driver_token(body.token_uid.casefold())
            session = await self.book.store.emsp_session(partner.id, body.session_id)
            vehicle = await self.vehicles.get(vid)
            verdict = judge(await self._case(partner, body, token, session, vehicle))
            if not verdict.accepted or token is None:
                raise OcpiRefusal(verdict.code, verdict.message)
            driver = await self.drivers.get(token.driver)
            return await self._carry_out(verdict, vehicle, driver, self._enrolment(partner, body, driver))

    async def _case(
        self, partner: Partner, body: RegisterVehicle, token: DriverToken | None, session: EmspSession | None,
        vehicle: Vehicle | None,
    ) -> BindingCase:  # fmt: skip
        return BindingCase(
            at=self.book.clock.now(), caller=partner.id, vid=Vid(body.vehicle_id), token_uid=body.token_uid,
            token=BoundToken(contract=token.contract, valid=token.valid) if token else None,
            session=_bound_session(session, await self._bound(session)) if session else None, vehicle=vehicle,
            window=timedelta(seconds=self.book.terms.binding_window), key_since=self._key_since(),
        )  # fmt: skip

    def _key_since(self) -> datetime | None:
        changed = self.keys.changed_at
        matters = changed is not None and self.book.clock.now() - changed < OVER
        return changed + SETTLES if changed is not None and matters else None

    async def _bound(self, session: EmspSession | None) -> Vid | None:
        """Return the vehicle that a session has bound; one that it has claimed and not got counts too."""
        if session is None:
            return None
        for each in await self.book.store.enrolments(session.driver):
            if (each.partner, each.session) == (session.partner, session.id):
                return each.vid
        asked = await self.book.store.notices(session.driver, limit=1000)
        claimed = (each.vid for each in asked if each.kind == "consent" and _names(each, session))
        return next(claimed, None)

    def _enrolment(self, partner: Partner, body: RegisterVehicle, driver: Driver) -> Enrolment:
        return Enrolment(
            vid=Vid(body.vehicle_id), driver=driver.id, token_uid=body.token_uid, session=body.session_id,
            partner=partner.id, key=self.keys.current.id, at=self.book.clock.now(),
        )  # fmt: skip

    async def _carry_out(
        self, verdict: BindingVerdict, vehicle: Vehicle | None, driver: Driver, enrolment: Enrolment
    ) -> tuple[Vehicle, bool]:
        if vehicle is None:
            return await self._add(driver, enrolment), True
        if verdict.effect is Effect.RIVAL:
            await self._ask_both(vehicle, driver, enrolment)
        elif vehicle.status is AutoChargeStatus.REVOKED:
            await self._ask_again(vehicle, driver)
        return vehicle, False

    async def _ask_again(self, vehicle: Vehicle, driver: Driver) -> None:
        """Ask a driver who has said no, or nothing yet, unless a question is open: DO_NOT_ASK ends that."""
        if self.drivers.offer(driver) is Offer.NO or await self.notices.about(driver.id, "consent", vehicle.vid):
            return
        await self.book.store.commit(Put(self.vehicles.asking(driver, vehicle.vid)))

    async def _add(self, driver: Driver, enrolment: Enrolment) -> Vehicle:
        offer = self.drivers.offer(driver)
        granted = driver.opted_in and offer is Offer.YES
        vehicle = register(
            self.book.terms.party, enrolment.vid, driver.contract, enrolment.at, opted_in=granted
        )  # fmt: skip
        told: list[Change] = []
        if granted:
            told = [Put(self.notices.new(driver.id, "granted", vid=vehicle.vid, partner=enrolment.partner))]
        elif offer is not Offer.NO:
            told = [Put(self.vehicles.asking(driver, vehicle.vid))]
        audit = self.book.audit(f"operator {enrolment.partner}", "bind vehicle", vehicle.vid, vehicle.status)
        await self.book.store.commit(Put(vehicle), Put(enrolment), *told, audit)
        self.vehicles.changed(vehicle.vid)
        return vehicle

    async def _ask_both(self, vehicle: Vehicle, driver: Driver, enrolment: Enrolment) -> None:
        """Leave the record with whom it is, and ask both drivers: whoever claims it again and again asks once."""
        stored = await self.book.store.enrolment(vehicle.vid)
        claim = f"{enrolment.partner}/{enrolment.session}"
        if stored is None or stored.rival == claim:
            return
        before = await self.book.store.driver_of(vehicle.contract)
        asked: list[Notice] = []
        waits = await self.notices.about(driver.id, "consent", vehicle.vid)
        if self.drivers.offer(driver) is not Offer.NO and not waits:
            data = {
                "token_uid": enrolment.token_uid,
                "session": enrolment.session,
                "key": enrolment.key,
                "rival": "yes",
            }
            asked.append(replace(self.vehicles.asking(driver, vehicle.vid, **data), partner=enrolment.partner))
        if before is not None and not await self.notices.told_of(before.id, vehicle.vid, ANOTHER_DRIVER):
            asked.append(self.notices.new(before.id, "conflict", vid=vehicle.vid, data={"about": ANOTHER_DRIVER}))
        await self.book.store.commit(Put(replace(stored, rival=claim)), *(Put(each) for each in asked))


def _bound_session(session: EmspSession, bound: Vid | None) -> BoundSession:
    return BoundSession(
        partner=session.partner, status=session.status, token_uid=session.token_uid,
        by_vehicle=session.token_type == VEHICLE_TOKEN, started_at=session.started_at, ended_at=session.ended_at,
        bound=bound,
    )  # fmt: skip


def _names(notice: Notice, session: EmspSession) -> bool:
    return (notice.partner, notice.data.get("session")) == (session.partner, session.id)
