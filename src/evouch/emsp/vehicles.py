"""What drivers and staff say about vehicles: grant, revoke, do not ask; and a car that changes hands (§6.1, §5.3).

The rules of status and dates are in ``autocharge.consent``. Each change is one commit with its
audit and its notices; then all operators are told.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from evouch.autocharge.consent import ConsentEvent, rehome, step
from evouch.charging.vehicles import AutoChargeStatus, Vehicle
from evouch.emsp.book import Book
from evouch.emsp.drivers import Drivers
from evouch.emsp.eligibility import Offer
from evouch.emsp.keys import Keys
from evouch.emsp.notices import Notices
from evouch.errors import Refused
from evouch.ids import Vid
from evouch.ocpi.model import VehicleObject
from evouch.ocpi.ports import Listing, Page
from evouch.store.ports import Change, Put
from evouch.store.records_roaming import Driver, Enrolment, Notice, NoticeState

__all__ = ["Vehicles"]

#: Open questions of all drivers that one look goes through.
_MOST: Final = 100_000


@dataclass(slots=True)
class Vehicles:
    """Vehicles of all drivers. ``changed`` is called with the VID of one that operators have to be told of."""

    book: Book
    drivers: Drivers
    notices: Notices
    keys: Keys
    changed: Callable[[Vid], None] = field(default=lambda _vid: None)

    # ── reading ──

    async def get(self, vid: Vid) -> Vehicle | None:
        """Return a vehicle of ours."""
        return await self.book.store.vehicle(self.book.terms.party, vid)

    async def of(self, driver: str) -> list[Vehicle]:
        """Return a driver's vehicles, the latest first."""
        found = await self.book.store.vehicles_of((await self.drivers.get(driver)).contract)
        return sorted(found, key=lambda vehicle: vehicle.created, reverse=True)

    async def all(self, page: Page) -> tuple[list[Vehicle], int]:
        """Return one page of all vehicles by ``last_updated``, and how many there are."""
        return await self.book.store.vehicle_page(
            since=page.since, until=page.until, offset=page.offset, limit=page.limit
        )

    async def page(self, page: Page) -> Listing:
        """Return one page as operators read it (GET vehicles)."""
        found, total = await self.all(page)
        return Listing(objects=tuple(VehicleObject.of(each) for each in found), total=total)

    # ── the driver's word ──

    async def grant(self, driver: str, vid: Vid, *, answers: str = "") -> Vehicle:
        """Let his vehicle start by itself; Refused("noSuchVehicle", "modelNotSupported", "bindAgain").

        ``answers`` is the notice that he says yes to, which must still be open: Refused as ``Notices.question``.
        One that is another's, and that a charge of his has named, becomes his (docs/decisions/052). One that a
        former key named will never be heard of again: it has to be bound anew.
        """
        who = await self.drivers.get(driver)
        if self.drivers.offer(who) is Offer.NO:
            raise Refused("modelNotSupported")
        async with self.book.turns.of(("vehicle", vid)):
            if answers:
                await self.notices.question(driver, answers)
            vehicle = await self.get(vid)
            his = vehicle is not None and vehicle.contract == who.contract
            asked = [] if his else await self.notices.about(driver, "consent", vid)
            if vehicle is None or not (his or asked):
                raise Refused("noSuchVehicle")
            if await self._of_a_former_key(vid):
                raise Refused("bindAgain")
            if his:
                return await self._change(vehicle, ConsentEvent.GRANT, who)
            return await self._hand_over(vehicle, who, asked[0])

    async def revoke(self, driver: str, vid: Vid) -> Vehicle:
        """Let it start no more; Refused("noSuchVehicle")."""
        return await self._say(driver, vid, ConsentEvent.REVOKE)

    async def do_not_ask(self, driver: str, vid: Vid) -> Vehicle:
        """Let it start no more, and have operators stop asking; Refused("noSuchVehicle")."""
        return await self._say(driver, vid, ConsentEvent.DO_NOT_ASK)

    async def decline(self, driver: str, notice: str) -> Notice:
        """Say no to a question for consent; to what was granted, or is another's too, that is a revocation."""
        asked = await self.notices.question(driver, notice)
        if asked.kind in {"granted", "conflict"} and asked.vid is not None:
            await self.revoke(driver, asked.vid)
        declined = replace(asked, state=NoticeState.DECLINED)
        await self.book.store.commit(Put(declined))
        return declined

    # ── staff ──

    async def withdraw(self, vid: Vid, *, actor: str, reason: str) -> Vehicle:
        """Revoke as the eMSP (§5.3), and tell the driver why; Refused("noSuchVehicle", "reasonMissing").

        Questions for consent to it are void, whoever was asked: it is granted again on purpose, or not at all.
        """
        async with self.book.turns.of(("vehicle", vid)):
            return await self._withdraw(vid, await self._asked(), actor, reason)

    async def withdraw_of_keys(self, keys: set[str], *, actor: str, reason: str) -> int:
        """Revoke every vehicle that these keys have named; return how many. What is revoked already stays as it is."""
        count, asked = 0, await self._asked()
        for enrolment in await self.book.store.enrolments():
            vehicle = await self.get(enrolment.vid) if enrolment.key in keys else None
            if vehicle is not None and vehicle.granted:
                async with self.book.turns.of(("vehicle", enrolment.vid)):
                    await self._withdraw(enrolment.vid, asked, actor, reason)
                count += 1
        return count

    async def _asked(self) -> list[Notice]:
        """Return the open questions for consent of all drivers."""
        found = await self.book.store.notices(open=True, limit=_MOST)
        return [each for each in found if each.kind == "consent"]

    async def _withdraw(self, vid: Vid, asked: Sequence[Notice], actor: str, reason: str) -> Vehicle:
        vehicle = await self.get(vid)
        if not reason.strip():
            raise Refused("reasonMissing")
        if vehicle is None:
            raise Refused("noSuchVehicle")
        driver = await self.book.store.driver_of(vehicle.contract)
        told = [] if driver is None else [Put(self._revoked(driver, vid, reason))]
        void = [Put(replace(each, state=NoticeState.EXPIRED)) for each in asked if each.vid == vid]
        audit = self.book.audit(actor, "revoke vehicle", vid, reason[:255])
        return await self._write(step(vehicle, ConsentEvent.REVOKE, self.book.clock.now()), *told, *void, audit)

    # ── models ──

    async def reconsider(self, driver: str) -> None:
        """Ask for consent to what was bound before the driver had said what he drives (§7.1)."""
        who = await self.drivers.get(driver)
        if self.drivers.offer(who) is Offer.NO:
            return
        for vehicle in await self.of(driver):
            new = vehicle.status is AutoChargeStatus.REVOKED and vehicle.authorized is None and vehicle.revoked is None
            if new and not await self.notices.about(driver, "consent", vehicle.vid):
                await self.book.store.commit(Put(self.asking(who, vehicle.vid)))

    def asking(self, driver: Driver, vid: Vid, **data: str) -> Notice:
        """Return the question for consent, not yet written."""
        return self.notices.new(driver.id, "consent", vid=vid, lasts=self.book.terms.consent_lasts, data=data)

    # ── beneath ──

    async def _of_a_former_key(self, vid: Vid) -> bool:
        enrolment = await self.book.store.enrolment(vid)
        return enrolment is not None and enrolment.key in self.keys.retired(self.book.clock.now())

    async def _say(self, driver: str, vid: Vid, event: ConsentEvent) -> Vehicle:
        who = await self.drivers.get(driver)
        async with self.book.turns.of(("vehicle", vid)):
            vehicle = await self.get(vid)
            if vehicle is None or vehicle.contract != who.contract:
                raise Refused("noSuchVehicle")
            return await self._change(vehicle, event, who)

    async def _change(self, vehicle: Vehicle, event: ConsentEvent, who: Driver) -> Vehicle:
        """Write what the driver said, and close the question that it answers."""
        state = NoticeState.ACCEPTED if event is ConsentEvent.GRANT else NoticeState.DECLINED
        answered = [
            Put(replace(each, state=state)) for each in await self.notices.about(who.id, "consent", vehicle.vid)
        ]
        audit = self.book.audit(f"driver {who.id}", f"{event} vehicle", vehicle.vid)
        return await self._write(step(vehicle, event, self.book.clock.now()), *answered, audit)

    async def _hand_over(self, vehicle: Vehicle, who: Driver, asked: Notice) -> Vehicle:
        """Give a vehicle to the driver who grants it now; the one before is told."""
        now, before = self.book.clock.now(), await self.book.store.driver_of(vehicle.contract)
        enrolment = Enrolment(
            vid=vehicle.vid, driver=who.id, token_uid=asked.data["token_uid"], session=asked.data["session"],
            partner=asked.partner, key=asked.data["key"], at=now,
        )  # fmt: skip
        told = [] if before is None else [Put(self._revoked(before, vehicle.vid, "it is another driver's now"))]
        void = [] if before is None else await self.notices.about(before.id, "consent", vehicle.vid)
        answered = [Put(replace(asked, state=NoticeState.ACCEPTED))]
        answered += [Put(replace(each, state=NoticeState.EXPIRED)) for each in void]
        audit = self.book.audit(f"driver {who.id}", "take over vehicle", vehicle.vid)
        return await self._write(rehome(vehicle, who.contract, now), Put(enrolment), *answered, *told, audit)

    def _revoked(self, driver: Driver, vid: Vid, reason: str) -> Notice:
        return self.notices.new(driver.id, "revoked", vid=vid, data={"reason": reason[:255]})

    async def _write(self, vehicle: Vehicle, *also: Change) -> Vehicle:
        await self.book.store.commit(Put(vehicle), *also)
        self.changed(vehicle.vid)
        return vehicle
