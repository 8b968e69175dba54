"""One car in the demo, told in six steps: it becomes known, starts by itself, is doubted, and is forgotten again.

Car and driver do what they would do: plug in, hold a card before the reader, tap on the phone,
scan a code. What came of it is looked up where it has to have arrived: on the display, on the
phone, at the eMSP that it concerns, and at the operator. The first step that does not turn out
as expected ends the story. The car's address is in the car alone, and in no line of this.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from evouch.charging.equipment import EvsePlace
from evouch.charging.tokens import Allowed
from evouch.charging.vehicles import AutoChargeStatus, Vehicle
from evouch.cli import demo_payment
from evouch.cli.demo_emsps import DRIVER, Provider
from evouch.cli.demo_looking import so, until
from evouch.cli.demo_town import FAR, FIRST, SECOND, Stand
from evouch.cli.serve import CpoService
from evouch.cpo.roaming import Roaming
from evouch.errors import EvouchError, LocalError
from evouch.ids import EvseNumber, Mac, StationId, Vid
from evouch.ocpi.model import VEHICLE_TOKEN
from evouch.station.app import Simulator
from evouch.station.display import Kind
from evouch.store.records_roaming import EmspSession, Notice

__all__ = ["CAR", "Autocharge"]

#: What the car is called where people read of it.
CAR: Final = "car 1"
#: Seconds without anything that are taken for nothing: what is to come comes in a few milliseconds.
QUIET: Final = 0.3
#: Energy after which a driver of the story has enough; Wh.
ENOUGH: Final = 20
#: Seconds of charging in the step that is paid by code.
PAID: Final = 0.5

Seen = dict[str, Any]


class Autocharge:
    """The story. ``car`` is the address of a car that no eMSP knows."""

    def __init__(
        self, operator: CpoService, providers: Sequence[Provider], stations: Mapping[StationId, Simulator], car: Mac
    ) -> None:
        self.operator, self.stations, self.car = operator, stations, car
        self.one, self.two = providers
        roaming = operator.cpo.roaming
        if roaming is None:
            raise LocalError("the operator of the demo takes part in roaming")
        self.roaming: Roaming = roaming
        #: partner → what it calls the car
        self._vids: dict[str, Vid] = {}

    async def tell(self) -> dict[str, Any]:
        """Play all steps; return what was expected and seen, and how long each took."""
        steps: list[dict[str, Any]] = []
        for name, stand, expected, play in _STEPS:
            told = {"step": name, "station": stand.id, "place": f"{stand.name}, {stand.city}", "expected": expected}
            steps.append(told | await self._step(play, self.stations[stand.id]))
            if not steps[-1]["ok"]:
                break
        ok = len(steps) == len(_STEPS) and all(each["ok"] for each in steps)
        return {"car": CAR, "steps": steps, "ok": ok}

    async def _step(self, play: "Play", here: Simulator) -> dict[str, Any]:
        began = self.operator.clock.tick()
        try:
            told: dict[str, Any] = {"ok": True, "seen": await play(self, here)}
        except (EvouchError, TimeoutError) as error:
            told = {"ok": False, "error": f"{type(error).__name__}: {error}"}
        return told | {"seconds": round(self.operator.clock.tick() - began, 3)}

    # ── the steps ──

    async def new_car(self, here: Simulator) -> Seen:
        """Nobody knows it: it charges by card, and its driver lets it start by itself from now on."""
        await self._plug_in(here)
        self._expect(not await self._known(here), "a car that nobody knows is not announced")
        asked, session = await self._charge_by_card(here, self.one)
        return {
            "recognised": False,
            "asked on the phone": asked.kind,
            "whitelist": str((await self._whitelisted(self.one)).status),
            "session": await self._billed(self.one, session, here),
        }

    async def by_itself(self, here: Simulator) -> Seen:
        """It starts by itself, and is stopped with one tap on the notice that says so."""
        before = await self.two.sessions()
        await self._plug_in(here)
        announced = await self._announced(here)
        told = await self._told(self.one, "started")
        running = (await self.one.sessions())[0]
        self._expect(running.token_type == VEHICLE_TOKEN and running.status == "ACTIVE", "a session by the vehicle")
        await self._enough(here)
        await self.one.emsp.phone.decline(DRIVER, told.id)
        await so(lambda: not self._charging(here), "the end of the charge")
        session = await self._billed(self.one, running, here)
        silent = await self.two.sessions() == before and await self.two.bill(running.id) is None
        self._expect(silent, "the other eMSP hears nothing")
        return {"display": announced, "told on the phone": told.kind, "session": session, "other eMSP": "nothing"}

    async def implausible(self, here: Simulator) -> Seen:
        """It cannot have come that far: it is refused, its driver is asked, and says that it is he."""
        await self._plug_in(here)
        asked = await self._told(self.one, "confirm")
        await asyncio.sleep(QUIET)
        self._expect(not await self._known(here), "a car that is refused does not start")
        refused = (await self.one.emsp.desk.decisions(vid=self._vids[self.one.entry.id], limit=1))[0]
        self._expect(refused.allowed is Allowed.NOT_ALLOWED, "NOT_ALLOWED at its eMSP")
        await self.one.emsp.phone.accept(DRIVER, asked.id)
        session = await self._session(self.one, asked)
        await self._enough(here)
        await here.stop(1)
        return {
            "verdict": str(refused.allowed), "because": refused.reason, "asked on the phone": asked.kind,
            "after a yes": await self._billed(self.one, session, here),
        }  # fmt: skip

    async def conflict(self, here: Simulator) -> Seen:
        """It is bound at another eMSP too: both say yes, the one that was granted last is taken, the other is told."""
        await self._plug_in(here)
        await self._announced(here)
        _, session = await self._charge_by_card(here, self.two)
        bound = await self._billed(self.two, session, here)
        await self._plug_in(here)
        await self._announced(here)
        told = await self._told(self.two, "started")
        await self._told(self.one, "conflict")
        verdicts = {each.entry.id: str(await self._verdict(each)) for each in (self.one, self.two)}
        self._expect(set(verdicts.values()) == {Allowed.ALLOWED.value}, "both allow it")
        await self._enough(here)
        await here.stop(1)
        running = (await self.two.sessions())[0]
        chosen = await self._billed(self.two, running, here)
        await self._once_more(here)
        told_of = [len(await each.notices("conflict", self._vids[each.entry.id])) for each in (self.one, self.two)]
        self._expect(told_of == [1, 0], "one of them is told, once")
        return {
            "bound by card": bound, "verdicts": verdicts, "chosen": self.two.entry.id, "told on the phone": told.kind,
            "session": chosen, "told of the conflict": {self.one.entry.id: told_of[0]}, "with its own id": True,
        }  # fmt: skip

    async def revoked(self, here: Simulator) -> Seen:
        """Its driver forbids it at both eMSPs: it does not start any more."""
        conflict = await self._told(self.one, "conflict")
        await self.one.emsp.phone.decline(DRIVER, conflict.id)
        await self.two.emsp.phone.revoke(DRIVER, self._vids[self.two.entry.id])
        pushed = {
            each.entry.id: str((await self._whitelisted(each, AutoChargeStatus.REVOKED)).status)
            for each in (self.one, self.two)
        }
        await self._plug_in(here)
        self._expect(not await self._known(here), "a revoked car is not announced")
        await self._leave(here)
        return {"whitelist": pushed, "recognised": False}

    async def paid_by_code(self, here: Simulator) -> Seen:
        """It may start again, and is about to; but its driver scans the code on the display and pays."""
        await self.one.emsp.phone.grant(DRIVER, self._vids[self.one.entry.id])
        await self._whitelisted(self.one)
        before = len(await self.one.sessions())
        await self._plug_in(here)
        announced = await self._announced(here)
        (waiting,) = self.roaming.charges.active(here.spec.id)
        paid = await demo_payment.charge(here, PAID)
        self._expect(paid["state"] == "SETTLED", "a payment that is settled")
        after = await self.roaming.charges.get(waiting.id)
        state = str(after.state) if after is not None else ""
        self._expect(state == "replaced" and len(await self.one.sessions()) == before, "the start was replaced")
        return {"display": announced, "announced start": state, "payment": paid}

    # ── what people and cars do ──

    async def _plug_in(self, here: Simulator) -> None:
        """Plug the car in, and wait until the operator has asked both eMSPs who it is."""
        await so(lambda: here.online and here.screen(1).kind is Kind.CODE, "a free station")
        await here.plug(1, vehicle=self.car)
        place = EvsePlace(here.spec.id, EvseNumber(1))
        await so(lambda: len(self.roaming.places.held(place)) > 1, "an answer of both eMSPs")

    async def _charge_by_card(self, here: Simulator, provider: Provider) -> tuple[Notice, EmspSession]:
        """Charge by the card of an eMSP; it asks whether the car may start by itself, and the driver agrees."""
        await here.swipe(1, provider.entry.card)
        asked = await until(lambda: provider.latest("consent"), "the question for consent")
        self._expect(asked.vid is not None, "a vehicle to agree to")
        self._vids[provider.entry.id] = Vid(asked.vid or "")
        await provider.emsp.phone.accept(DRIVER, asked.id)
        await self._whitelisted(provider)
        await self._enough(here)
        session = (await provider.sessions())[0]
        self._expect(session.token_uid == provider.entry.card, "a session by card")
        await here.stop(1)
        return asked, session

    async def _once_more(self, here: Simulator) -> None:
        """Plug in, be recognised, and leave before it starts."""
        await self._plug_in(here)
        await self._announced(here)
        await self._leave(here)

    async def _leave(self, here: Simulator) -> None:
        await here.unplug(1)
        active = self.roaming.charges.active
        await so(lambda: not here.screen(1).plugged and not active(here.spec.id), "an empty station")

    # ── what is seen ──

    async def _told(self, provider: Provider, kind: str) -> Notice:
        """Return what an eMSP tells or asks on the phone about the car, by the id that it has of it."""
        vid = self._vids[provider.entry.id]
        return await until(lambda: provider.latest(kind, vid), f"{kind} on the phone")

    async def _known(self, here: Simulator) -> bool:
        """Return whether the station has announced or started anything, having been given the time for it."""
        await asyncio.sleep(QUIET)
        return bool(here.screen(1).notice or here.screen(1).charge or self.roaming.charges.active(here.spec.id))

    async def _announced(self, here: Simulator) -> str:
        await so(lambda: here.screen(1).notice, "an announcement on the display")
        return here.screen(1).notice

    def _charging(self, here: Simulator) -> bool:
        return here.screen(1).kind in {Kind.CHARGING, Kind.SUSPENDED}

    async def _enough(self, here: Simulator) -> None:
        def full() -> bool:
            charge = here.screen(1).charge
            return self._charging(here) and charge is not None and charge.energy >= ENOUGH

        await so(full, "energy")

    async def _session(self, provider: Provider, asked: Notice) -> EmspSession:
        """Return the session that a yes on the phone has led to."""

        async def found() -> EmspSession | None:
            reference = asked.data["reference"]
            return next((each for each in await provider.sessions() if each.reference == reference), None)

        return await until(found, "a session after the driver's yes")

    async def _billed(self, provider: Provider, session: EmspSession, here: Simulator) -> Seen:
        """Unplug, and return what the eMSP knows of a charge when it has its bill."""
        await self._leave(here)
        bill = await until(lambda: provider.bill(session.id), "a bill")
        ended = await until(lambda: provider.completed(session.id), "a session that is over")
        self._expect(bill.energy > 0, "energy")
        total = {"amount": str(bill.total_with_tax.amount), "currency": bill.total_with_tax.currency}
        return {
            "emsp": provider.entry.id, "token": session.token_type, "status": ended.status, "energy_wh": bill.energy,
            "bill": total,
        }  # fmt: skip

    async def _whitelisted(
        self, provider: Provider, status: AutoChargeStatus = AutoChargeStatus.GRANTED
    ) -> Vehicle:  # fmt: skip
        """Return the vehicle as the operator has it, once it stands as its eMSP says."""

        async def pushed() -> Vehicle | None:
            kept = await self.operator.store.vehicle(provider.party, self._vids[provider.entry.id])
            return kept if kept is not None and kept.status is status else None

        return await until(pushed, f"{status} in the whitelist")

    async def _verdict(self, provider: Provider) -> Allowed:
        return (await provider.emsp.desk.decisions(vid=self._vids[provider.entry.id], limit=1))[0].allowed

    @staticmethod
    def _expect(holds: bool, what: str) -> None:
        if not holds:
            raise LocalError(f"expected: {what}")


Play = Callable[[Autocharge, Simulator], Awaitable[Seen]]

_STEPS: Final[tuple[tuple[str, Stand, str, Play], ...]] = (
    ("new car", FIRST, "unknown; charges by card, is bound by its eMSP, agreed to, and pushed", Autocharge.new_car),
    ("starts by itself", SECOND, "announced, started, told, stopped with a tap; one eMSP bills", Autocharge.by_itself),
    ("implausible", FAR, "refused and asked; after the driver's yes it charges", Autocharge.implausible),
    ("conflict", FAR, "two eMSPs allow it, the latest grant is taken, the other told once", Autocharge.conflict),
    ("revoked", FAR, "revoked on the phone, pushed, and not started any more", Autocharge.revoked),
    ("paid by code", FAR, "the announced start gives way to the code; the payment settles", Autocharge.paid_by_code),
)
