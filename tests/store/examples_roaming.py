"""Records of roaming to store: a plain one of each type."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import product
from typing import Any

from evouch.autocharge.budget import SignDay
from evouch.charging.geo import Point
from evouch.charging.roaming import ChargeState, RoamingCharge
from evouch.charging.tokens import Allowed
from evouch.charging.vehicles import Vehicle
from evouch.ids import ContractId, PartyId, Secret, TransactionId, Vid
from evouch.ocpi.partner import Endpoint, Partner, PartnerState, PartnerSync, Role
from evouch.store.ports import Store
from evouch.store.records_roaming import (
    Car,
    Decision,
    Driver,
    DriverToken,
    EmspSession,
    Enrolment,
    Invoice,
    Notice,
    OcpiObject,
    OprfKey,
)
from evouch.units import Money, Wh
from tests.store.examples import NOON, STATION, at

OURS = PartyId("DE", "EMS")
THEIRS = PartyId("NL", "EMS")
CONTRACT = ContractId("DE-EMS-C1")
TOKEN_OUT = Secret("token-that-we-send-to-the-partner")
OPRF_KEY = Secret("0b" * 32)
DAY = date(2026, 6, 1)


def vid(letter: str = "a") -> Vid:
    return Vid(letter * 64)


def partner(id: str = "emsp-one", **changes: Any) -> Partner:
    made = Partner(
        id=id,
        role=Role.EMSP,
        state=PartnerState.REGISTERED,
        pinned=OURS,
        parties=(OURS,),
        endpoints=(Endpoint(module="tokens", interface="SENDER", url="https://emsp.test/ocpi/2.3.0/tokens"),),
        token_out=TOKEN_OUT,
        token_in=b"\0" * 32,
    )
    return replace(made, **changes)


def sync(partner: str, module: str, **changes: Any) -> PartnerSync:
    return replace(PartnerSync(partner=partner, module=module), **changes)


def ocpi(id: str, partner: str = "p", **changes: Any) -> OcpiObject:
    body = {"uid": id, "price": Decimal("0.590"), "evses": [{"uid": "1"}]}
    made = OcpiObject(module="tokens", partner=partner, owner=OURS, id=id, last_updated=NOON, body=body)
    return replace(made, **changes)


def vehicle(letter: str = "a", owner: PartyId = OURS, **changes: Any) -> Vehicle:
    return replace(Vehicle(owner=owner, vid=vid(letter), contract=CONTRACT, created=NOON), **changes)


def charge(id: str = "c", **changes: Any) -> RoamingCharge:
    made = RoamingCharge(
        id=id,
        partner="emsp-one",
        owner=OURS,
        token_uid=vid(),
        token_type="VEHICLE_HASHED_MAC_IDENTIFIER",
        contract=CONTRACT,
        method="AUTH_REQUEST",
        state=ChargeState.AUTHORIZED,
        station=STATION,
        at=NOON,
        expires=at(900),
    )
    return replace(made, **changes)


def oprf_key(id: str, **changes: Any) -> OprfKey:
    return replace(OprfKey(id=id, key=OPRF_KEY, created_at=NOON), **changes)


def sign_day(partner: str = "cpo-one", day: date = DAY, **changes: Any) -> SignDay:
    return replace(SignDay(partner=partner, day=day), **changes)


def driver(id: str = "d", **changes: Any) -> Driver:
    made = Driver(id=id, name="Anna", contract=CONTRACT, cars=(Car("Tesla", "3"),), created_at=NOON)
    return replace(made, **changes)


def driver_token(key: str, **changes: Any) -> DriverToken:
    made = DriverToken(key=key, uid=key.upper(), type="RFID", driver="d", contract=CONTRACT, last_updated=NOON)
    return replace(made, **changes)


def enrolment(letter: str = "a", **changes: Any) -> Enrolment:
    made = Enrolment(
        vid=vid(letter), driver="d", token_uid="AB12", session="s", partner="cpo-one", key="k1", at=NOON
    )  # fmt: skip
    return replace(made, **changes)


def emsp_session(id: str = "s", **changes: Any) -> EmspSession:
    made = EmspSession(
        partner="cpo-one",
        id=id,
        status="ACTIVE",
        driver="d",
        contract=CONTRACT,
        token_uid="AB12",
        token_type="RFID",
        location="LOC1",
        evse="EVSE1",
        point=Point(Decimal("52.520000"), Decimal("13.405")),
        started_at=NOON,
        energy=Wh(0),
        currency="EUR",
        last_updated=NOON,
    )
    return replace(made, **changes)


def invoice(id: str = "cdr", **changes: Any) -> Invoice:
    made = Invoice(
        partner="cpo-one",
        owner=THEIRS,
        id=id,
        driver="d",
        contract=CONTRACT,
        session="s",
        started_at=NOON,
        ended_at=at(3600),
        energy=Wh(12_345),
        total=Money.of("7.28", "EUR"),
        total_with_tax=Money.of("8.67", "EUR"),
        location="LOC1",
        received_at=at(3700),
    )
    return replace(made, **changes)


def decision(id: str = "x", **changes: Any) -> Decision:
    made = Decision(
        id=id,
        at=NOON,
        partner="cpo-one",
        vid=vid(),
        contract=CONTRACT,
        allowed=Allowed.NOT_ALLOWED,
        reason="travel",
        findings={"travel": "fail: 900 km in 10 min"},
    )
    return replace(made, **changes)


def notice(id: str = "n", **changes: Any) -> Notice:
    return replace(Notice(id=id, driver="d", at=NOON, kind="consent", vid=vid(), data={"session": "s"}), **changes)


def everything() -> list[Any]:
    """Return one of each type."""
    return [
        partner(), sync("emsp-one", "tokens"), ocpi("T1"), vehicle(), charge(), oprf_key("k1"), sign_day(), driver(),
        driver_token("t"), enrolment(), emsp_session(), invoice(), decision(), notice(),
    ]  # fmt: skip


async def ask_everything(store: Store) -> None:
    """Ask every question of roaming that could grow with the years; partners, drivers and keys are read whole."""
    await store.ocpi_object("tokens", "p", OURS, "T1")
    await store.ocpi_objects_named("tokens", "T1")
    await store.vehicle(OURS, vid())
    await store.vehicles_with([vid("a"), vid("b")])
    await store.vehicles_of(CONTRACT)
    for since, until in product((None, NOON), repeat=2):
        await store.ocpi_page("tokens", None, since=since, until=until)
        await store.ocpi_page("tokens", "p", since=since, until=until)
        await store.vehicle_page(since=since, until=until)
        await store.driver_token_page(since=since, until=until)
    await store.charge("c")
    await store.charge_of(STATION, TransactionId("t"))
    await store.charge_by_token("t")
    await store.driver("d")
    await store.driver_of(CONTRACT)
    await store.driver_token("t")
    await store.driver_tokens("d")
    await store.enrolment(vid())
    await store.enrolments("d")
    await store.emsp_session("p", "s")
    for whose, contract, who in product((None, vid()), (None, CONTRACT), (None, "d")):
        await store.emsp_sessions(vid=whose, contract=contract, driver=who)
        await store.emsp_sessions(vid=whose, contract=contract, driver=who, active=True)
    await store.emsp_session_by_reference("p", "r")
    await store.invoice("p", THEIRS, "i")
    await store.decision_by_reference("r")
    for whose, since in product((None, vid()), (None, NOON)):
        await store.decisions(vid=whose, since=since)
    for who, narrow in product((None, "d"), (False, True)):
        await store.invoices(who)
        await store.charges(active=narrow)
        await store.notices(who, open=narrow)
    await store.notice("n")
    await store.sign_days(DAY)
