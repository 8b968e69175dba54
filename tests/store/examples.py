"""Records to store: a plain one of each type, and a hypothesis strategy that follows the type's own hints."""

import types
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from evouch.charging.dialogue import Reading
from evouch.charging.equipment import EvsePlace
from evouch.charging.geo import Point
from evouch.charging.sessions import SessionState
from evouch.charging.tariffs import Tariff
from evouch.charging.tokens import IdToken, Limit, TokenKind
from evouch.identity.enrolment import Identity, IdentityKind
from evouch.ids import EvseNumber, OcppVersion, PartyId, PaymentId, Secret, StationId, TransactionId
from evouch.store.records import (
    KEYS,
    AuditRow,
    Code,
    Entry,
    Intent,
    QrKey,
    Quarantined,
    Sample,
    StationRecord,
    Transaction,
)
from evouch.units import Money, Wh
from evouch.webpayment.checkout import Checkout, State

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
STATION = StationId("CS1")
PLACE = EvsePlace(STATION, EvseNumber(1))
SECRET = Secret("correct-horse-battery-staple")


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def code(payment: str, slot: int = 7) -> Code:
    return Code(place=PLACE, slot=slot, payment=PaymentId(payment), at=NOON)


def checkout(payment: str = "p", **changes: Any) -> Checkout:
    made = Checkout(
        payment=PaymentId(payment),
        place=PLACE,
        connector=1,
        slot=7,
        grant="g",
        state=State.OPENED,
        created_at=NOON,
        tariff=Tariff(currency="EUR", per_kwh=Decimal("0.590"), vat_percent=Decimal(19)),
        hold=Money.of("50.00", "EUR"),
        limit=Limit(max_cost=Money.of("50.00", "EUR")),
        lock_until=at(300),
    )
    return replace(made, **changes)


def transaction(id: str = "t", **changes: Any) -> Transaction:
    made = Transaction(
        station=STATION,
        id=TransactionId(id),
        evse=EvseNumber(1),
        connector=1,
        state=SessionState.CHARGING,
        started_at=NOON,
        start_key=f"start-{id}",
        token=IdToken("AB12", TokenKind.CENTRAL),
    )
    return replace(made, **changes)


def sample(number: int, id: str = "t") -> Sample:
    reading = Reading(at=at(number), energy=Wh(1000 + number))
    return Sample(station=STATION, transaction=TransactionId(id), number=number, reading=reading)


def entry(id: str, payment: str = "p") -> Entry:
    amount = Money.of("12.30", "EUR")
    return Entry(id=id, payment=PaymentId(payment), at=NOON, debit="driver", credit="cpo", amount=amount)


def intent(key: str, payment: str = "p", **changes: Any) -> Intent:
    amount = Money.of("12.30", "EUR")
    return replace(Intent(key=key, payment=PaymentId(payment), movement="capture", amount=amount, at=NOON), **changes)


def audit(id: str, moment: datetime = NOON) -> AuditRow:
    return AuditRow(id=id, at=moment, actor="anna", action="setPassword", subject="CS1")


def station(id: str, **changes: Any) -> StationRecord:
    return replace(StationRecord(id=StationId(id)), **changes)


def identity(name: str, **changes: Any) -> Identity:
    """Return an identity whose key is called ``name``."""
    made = Identity(
        id=f"id-{name}",
        station=STATION,
        kind=IdentityKind.PUBLIC_KEY,
        material=f"ed25519:{name}",
        enrolled_at=NOON,
        enrolled_by="anna",
    )
    return replace(made, **changes)


def quarantined(id: str, **changes: Any) -> Quarantined:
    made = Quarantined(
        id=id,
        station=STATION,
        connection="c",
        version=OcppVersion("ocpp1.6"),
        received_at=NOON,
        action="StopTransaction",
        frame=b'[2,"1","StopTransaction",{}]',
    )
    return replace(made, **changes)


def qr_key(secret: Secret = SECRET, evse: int = 1, **changes: Any) -> QrKey:
    place = EvsePlace(STATION, EvseNumber(evse))
    return replace(QrKey(place=place, secret=secret, template="https://pay.example/{evse}?t={totp}"), **changes)


# ── anything that a record's hints allow ────────────────────────────────────────────────

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
#: values of a JSON document; a number with a point keeps its digits
_PLAIN = _TEXT | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.sampled_from([Decimal("0.590"), Decimal("-1.5")])


def _degrees(most: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(-most, most, places=6)


_LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    str: _TEXT | st.sampled_from(["\0", "\\0", "\\\\0", "é", "'; --", "漢", " x "]),
    int: st.integers(-(2**63), 2**63 - 1),
    bool: st.booleans(),
    bytes: st.binary(max_size=12),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12)
    | st.sampled_from([Decimal("0.590"), Decimal("1E+3"), Decimal("0.00"), Decimal("1E-28")]),
    datetime: st.timedeltas(timedelta(0), timedelta(days=80_000)).map(
        lambda since: datetime(1970, 1, 1, tzinfo=UTC) + since
    ),
    Secret: _TEXT.map(Secret),
    date: st.dates(date(1970, 1, 1), date(2100, 1, 1)),
    # a vehicle's address is in no token that is kept
    IdToken: st.builds(IdToken, _TEXT, st.sampled_from(TokenKind)),
    Point: st.builds(Point, _degrees(90), _degrees(180)),
    Any: st.recursive(_PLAIN, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXT, inner, max_size=2)),
    type(None): st.none(),
}


def anything(kind: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for a type: records, and what they are made of."""
    if kind in _LEAVES:
        return _LEAVES[kind]
    if hasattr(kind, "__supertype__"):
        return anything(kind.__supertype__)
    if get_origin(kind) in {Union, types.UnionType}:
        return st.one_of(*map(anything, get_args(kind)))
    if get_origin(kind) is tuple:
        return st.lists(anything(get_args(kind)[0]), max_size=3).map(tuple)
    if get_origin(kind) is dict:
        return st.dictionaries(*map(anything, get_args(kind)), max_size=3)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return st.sampled_from(kind)
    assert isinstance(kind, type)
    assert is_dataclass(kind)
    hints = get_type_hints(kind)
    return st.builds(kind, **{field.name: anything(hints[field.name]) for field in fields(kind)})


def distinct(record: Any, mark: str) -> Any:
    """Return the record under a key that no other mark shares."""
    name = KEYS[type(record)][0]
    value = getattr(record, name)
    if isinstance(value, EvsePlace):
        marked: Any = replace(value, station=StationId(f"{mark}{value.station}"))
    elif isinstance(value, PartyId):
        marked = replace(value, party=f"{mark}{value.party}")
    else:
        marked = mark.encode() + value if isinstance(value, bytes) else f"{mark}{value}"
    return replace(record, **{name: marked})
