"""A fleet in the middle of charging: what the operator has in its store, and what the stations say next.

Every station runs one transaction that a driver has paid for, so each reading also moves a
cost, a cap and a page. The same frames go to every server that is measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from evouch.charging.equipment import Evse, EvsePlace
from evouch.charging.sessions import SessionState
from evouch.charging.tariffs import Tariff
from evouch.charging.tokens import IdToken, Limit, TokenKind
from evouch.ids import EvseNumber, OcppVersion, PaymentId, RemoteStartId, StationId, TransactionId
from evouch.store.ports import Put, Store
from evouch.store.records import StationRecord, Transaction
from evouch.units import Money, Watts, Wh
from evouch.webpayment.checkout import Checkout, State

__all__ = ["VERSIONS", "Charge", "fleet", "sow"]

VERSIONS: Final = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")
#: One CALL in so many is a Heartbeat. Real stations send fewer; a Heartbeat is cheap and would flatter us.
HEARTBEAT_EACH: Final = 10
BEGAN: Final = datetime(2026, 11, 20, 8, 0, 0, tzinfo=UTC)
#: Rows of the first writing that go into one commit.
_BATCH: Final = 100
TARIFF: Final = Tariff(
    currency="EUR", per_kwh=Decimal("0.59"), per_minute=Decimal("0.02"), per_session=Decimal("0.35"),
    vat_percent=Decimal(19),
)  # fmt: skip
HOLD: Final = Money.of("900", "EUR")

_HEARTBEAT: Final = b'[2,"%d","Heartbeat",{}]'
_METER_VALUES: Final = (
    b'[2,"%d","MeterValues",{"connectorId":1,"transactionId":%b,"meterValue":[{"timestamp":"%b",'
    b'"sampledValue":[{"value":"%d","context":"Sample.Periodic","measurand":"Energy.Active.Import.Register",'
    b'"unit":"Wh"},{"value":"7200.5","context":"Sample.Periodic","measurand":"Power.Active.Import","unit":"W"},'
    b'{"value":"16.0","context":"Sample.Periodic","measurand":"Current.Import","phase":"L1","unit":"A"}]}]}]'
)
_EVENT: Final = (
    b'[2,"%d","TransactionEvent",{"eventType":"Updated","timestamp":"%b","triggerReason":"MeterValuePeriodic",'
    b'"seqNo":%d,"transactionInfo":{"transactionId":"%b","chargingState":"Charging"},"evse":{"id":1,"connectorId":1},'
    b'"meterValue":[{"timestamp":"%b","sampledValue":[{"value":%d,"context":"Sample.Periodic",'
    b'"measurand":"Energy.Active.Import.Register","unitOfMeasure":{"unit":"Wh"}},{"value":7200.5,'
    b'"context":"Sample.Periodic","measurand":"Power.Active.Import","unitOfMeasure":{"unit":"W"}},{"value":16.0,'
    b'"context":"Sample.Periodic","measurand":"Current.Import","phase":"L1","unitOfMeasure":{"unit":"A"}}]}]}]'
)


@dataclass(slots=True)
class Charge:
    """One station and its running transaction; :meth:`say` is its next CALL."""

    number: int
    version: str
    said: int = 0

    @property
    def station(self) -> StationId:
        return StationId(f"BENCH{self.number:05d}")

    @property
    def transaction(self) -> TransactionId:
        """1.6 counts them, 2.x stations make ids up."""
        return TransactionId(str(self.number + 1) if self.version == "ocpp1.6" else f"5d1f0c4e-{self.number:05d}")

    def say(self) -> bytes:
        """Return the next frame: nearly always a reading, a second and a watt-hour after the last one."""
        self.said += 1
        id = self.said
        if id % HEARTBEAT_EACH == 0:
            return _HEARTBEAT % id
        at = (BEGAN + timedelta(seconds=60 + id)).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
        transaction, energy = self.transaction.encode(), 10_000 + id
        if self.version == "ocpp1.6":
            return _METER_VALUES % (id, transaction, at, energy)
        return _EVENT % (id, at, id, transaction, at, energy)


def fleet(size: int, versions: Sequence[str] = VERSIONS) -> list[Charge]:
    """Return ``size`` stations, their versions in turn."""
    return [Charge(number, versions[number % len(versions)]) for number in range(size)]


async def sow(store: Store, charges: Sequence[Charge]) -> None:
    """Write what an operator would have in its store by now."""
    for first in range(0, len(charges), _BATCH):
        some = charges[first : first + _BATCH]
        await store.commit(*(Put(record) for charge in some for record in _records(charge)))


def _records(charge: Charge) -> tuple[StationRecord, Transaction, Checkout]:
    number, payment = charge.number, PaymentId(f"payment{charge.number:05d}")
    token = IdToken(f"ONETIME{number:013d}", TokenKind.DIRECT_PAYMENT)
    remote_start = RemoteStartId(number + 1)
    evse = Evse(number=EvseNumber(1), connectors=(1,), max_power=Watts(22_000), evse_id=f"DE*BEN*E{number}")
    station = StationRecord(
        id=charge.station, version=OcppVersion(charge.version), evses=(evse,), name="Bench", address="1 Bench Street"
    )
    transaction = Transaction(
        station=charge.station, id=charge.transaction, evse=EvseNumber(1), connector=1, state=SessionState.CHARGING,
        started_at=BEGAN, start_key=f"id:{charge.transaction}", token=token, remote_start=remote_start, payment=payment,
        meter_start=Wh(10_000), meter_last=Wh(10_000), last_at=BEGAN, last_seq=0, number=number + 1,
    )  # fmt: skip
    checkout = Checkout(
        payment=payment, place=EvsePlace(charge.station, EvseNumber(1)), connector=1, slot=number, grant=f"g{number}",
        state=State.CHARGING, created_at=BEGAN, tariff=TARIFF, hold=HOLD, limit=Limit(), lock_until=BEGAN,
        version=1, psp_ref=f"hold_{number}", token=token, remote_start=remote_start, transaction=charge.transaction,
        started_at=BEGAN,
    )  # fmt: skip
    return station, transaction, checkout
