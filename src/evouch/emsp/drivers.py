"""Customers of the eMSP: their contracts, their cars, their phones."""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from evouch.autocharge.deciding import Standing
from evouch.charging.agenda import Agenda
from evouch.charging.geo import Point
from evouch.charging.vehicles import AutoChargeStatus
from evouch.emsp.book import Book
from evouch.emsp.eligibility import Offer, VehicleEligibility
from evouch.errors import Refused
from evouch.ids import ContractId, KeyBytes, Secret
from evouch.store.ports import Change, Put
from evouch.store.records_roaming import Car, Driver

__all__ = ["Drivers", "standing"]


def standing(driver: Driver, status: AutoChargeStatus = AutoChargeStatus.GRANTED) -> Standing:
    """Return how a contract stands, wherever its driver may be; a card has no word of its driver's."""
    return Standing(
        status=status, blocked=driver.blocked, valid_until=driver.valid_until, credit=driver.credit
    )  # fmt: skip


@dataclass(slots=True)
class Drivers:
    """Who they are. A phone shows a token that is kept as a keyed hash; the hashes are judged from memory."""

    book: Book
    agenda: Agenda
    eligibility: VehicleEligibility
    pepper: KeyBytes
    _logins: dict[bytes, str] = field(default_factory=dict)

    async def load(self) -> None:
        """Read the logins, and forget again where phones are in time."""
        drivers = await self.book.store.drivers()
        self._logins = {driver.login: driver.id for driver in drivers if driver.login is not None}
        for driver in drivers:
            if driver.phone_at is not None:
                self._forget_later(driver.id, driver.phone_at)

    # ── reading ──

    async def get(self, id: str) -> Driver:
        """Return a driver; Refused("noSuchDriver")."""
        driver = await self.book.store.driver(id)
        if driver is None:
            raise Refused("noSuchDriver")
        return driver

    async def all(self) -> list[Driver]:
        """Return all drivers by id."""
        return await self.book.store.drivers()

    def by_login(self, token: Secret) -> str | None:
        """Return whose phone shows this token. The lookup is by keyed hash: its time tells nothing of the token."""
        return self._logins.get(self._digest(token))

    def offer(self, driver: Driver) -> Offer:
        """Return whether automatic charging is offered to him (§7.1)."""
        return self.eligibility.judge(driver.cars)

    # ── writing ──

    async def add(
        self, name: str, contract: ContractId, *, actor: str, id: str = "", language: str = "",
        opted_in: bool | None = None, cars: Sequence[Car] = (), **more: Any,
    ) -> Driver:  # fmt: skip
        """Write a new customer; Refused("contractTaken") or Refused("driverExists").

        ``more`` are other fields of a Driver: valid_until, blocked, credit.
        """
        driver = Driver(
            id=id or self.book.entropy.id(), name=name, contract=contract,
            language=language or self.book.terms.language,
            opted_in=self.book.terms.opted_in if opted_in is None else opted_in, cars=tuple(cars),
            created_at=self.book.clock.now(), **more,
        )  # fmt: skip
        async with self.book.turns.of(("contract", contract)):
            if await self.book.store.driver_of(contract) is not None:
                raise Refused("contractTaken")
            if await self.book.store.driver(driver.id) is not None:
                raise Refused("driverExists")
            await self.book.store.commit(Put(driver), self.book.audit(actor, "add driver", driver.id))
        return driver

    async def change(self, id: str, edit: Callable[[Driver], Driver], *also: Change) -> Driver:
        """Write a driver as ``edit`` makes him of what stands there when it is its turn; Refused("noSuchDriver")."""
        async with self.book.turns.of(("driver", id)):
            before = await self.get(id)
            after = edit(before)
            if after != before or also:
                await self.book.store.commit(Put(after), *also)
            return after

    async def set(self, id: str, *, actor: str, **fields: Any) -> Driver:
        """Change what staff may change: name, language, opted_in, valid_until, blocked, credit."""
        detail = ", ".join(sorted(fields))
        return await self.change(
            id, lambda driver: replace(driver, **fields), self.book.audit(actor, "change driver", id, detail)
        )

    async def issue_login(self, id: str, *, actor: str) -> Secret:
        """Return a new token for his phone; the one before is void. It is shown this once."""
        token = Secret("drv_" + self.book.entropy.id())
        digest = self._digest(token)
        before = (await self.get(id)).login
        await self.change(
            id, lambda driver: replace(driver, login=digest), self.book.audit(actor, "issue phone token", id)
        )
        if before is not None:
            self._logins.pop(before, None)
        self._logins[digest] = id
        return token

    async def set_phone(self, id: str, point: Point, accuracy: int) -> Driver:
        """Note where his phone says that it is, to ``accuracy`` metres. Forgotten after minutes."""
        now = self.book.clock.now()
        driver = await self.change(
            id, lambda driver: replace(driver, phone=point, phone_accuracy=max(0, accuracy), phone_at=now)
        )
        self._forget_later(id, now)
        return driver

    async def forget_phone(self, id: str) -> None:
        """Forget where his phone is."""
        self.agenda.drop(("phone", id))
        await self.change(id, lambda driver: replace(driver, phone=None, phone_accuracy=None, phone_at=None))

    def forget_login(self, driver: Driver) -> None:
        """Let nobody in as a driver who was erased."""
        self.agenda.drop(("phone", driver.id))
        if driver.login is not None:
            self._logins.pop(driver.login, None)

    def _forget_later(self, id: str, at: datetime) -> None:
        left = at + timedelta(seconds=self.book.terms.phone_kept) - self.book.clock.now()
        self.agenda.after(left.total_seconds(), ("phone", id), lambda: self._forget(id))

    async def _forget(self, id: str) -> None:
        if await self.book.store.driver(id) is not None:
            await self.change(id, lambda driver: replace(driver, phone=None, phone_accuracy=None, phone_at=None))

    def _digest(self, token: Secret) -> bytes:
        return hmac.digest(self.pepper.reveal(), b"driver\0" + token.reveal(), hashlib.sha256)
