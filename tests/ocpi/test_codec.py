"""Objects out and in again: what is read permissively, what is written strictly, and what 2.2.1 makes of it."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evouch import wire
from evouch.charging.vehicles import AutoChargeStatus
from evouch.errors import PeerFault
from evouch.ocpi import model as m
from evouch.ocpi.codec import merge, read, read_time, write
from evouch.ocpi.partner import V221, V230
from tests.ocpi.objects import KINDS, objects
from tests.ocpi.serving import SAMPLES, VID, sample
from tests.proofs import proves

FEW = settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
ANY = st.sampled_from(KINDS).flatmap(objects)


def crossed(struct: Any, version: str) -> Any:
    """The document that arrives."""
    return wire.decode(wire.encode(write(struct, version)))


def values(document: Any) -> list[Any]:
    if isinstance(document, dict):
        document = list(document.values())
    return [each for part in document for each in values(part)] if isinstance(document, list) else [document]


# ── both versions ───────────────────────────────────────────────────────────────────────


@FEW
@given(ANY)
def test_what_is_written_is_read_as_the_same_object(struct: Any) -> None:
    assert read(crossed(struct, V230), type(struct), V230) == struct


@FEW
@given(ANY)
def test_what_2_2_1_can_say_survives_the_way_there_and_back(struct: Any) -> None:
    there = crossed(struct, V221)
    assert crossed(read(there, type(struct), V221), V221) == there


@FEW
@given(ANY)
def test_2_2_1_never_sees_a_word_that_it_does_not_have(struct: Any) -> None:
    text = wire.encode(write(struct, V221)).decode()
    for word in ("before_taxes", "tax_included", "hub_party_id", "EMAID", "NEW_ONE", "SAE_J3400"):
        assert word not in text
    assert isinstance(struct, m.Connector) or '"MCS"' not in text


def test_2_2_1_has_prices_with_and_without_vat_and_no_word_on_what_they_include() -> None:
    session = write(sample(m.Session), V221)
    assert session["total_cost"] == {"excl_vat": Decimal("1.0"), "incl_vat": Decimal("1.19")}
    lifted = read(session, m.Session, V221)
    assert lifted.total_cost == m.Price(
        before_taxes=Decimal(1), taxes=(m.TaxAmount(name="VAT", amount=Decimal("0.19")),)
    )
    assert write(m.Price(before_taxes=Decimal(2)), V221) == {"excl_vat": Decimal(2)}

    tariff = sample(m.Tariff, tax_included="YES")
    component = write(tariff, V221)["elements"][0]["price_components"][0]
    assert component["price"] == Decimal("0.4958")  # 0.59 / 1.19
    assert "tax_included" not in write(tariff, V221)
    assert read(write(tariff, V221), m.Tariff, V221).tax_included == "NO"
    assert write(sample(m.Tariff), V221)["elements"][0]["price_components"][0]["price"] == Decimal("0.59")


def test_the_closed_lists_of_2_2_1_get_the_nearest_word_or_none() -> None:
    token = write(sample(m.Token, type="EMAID"), V221)
    assert token["type"] == "OTHER"
    assert write(sample(m.Token, type=m.VEHICLE_TOKEN, uid=VID), V221)["type"] == m.VEHICLE_TOKEN
    evse = SAMPLES[m.Evse] | {"capabilities": ["RFID_READER", "NEW_ONE", m.AUTO_CHARGE_CAPABLE]}
    assert write(sample(m.Location, evses=[evse]), V221)["evses"][0]["capabilities"] == [
        "RFID_READER", m.AUTO_CHARGE_CAPABLE,
    ]  # fmt: skip
    connectors = [SAMPLES[m.Connector] | {"standard": name} for name in ("MCS", "SAE_J3400")]
    both, neither = evse | {"connectors": connectors}, evse | {"uid": "E2", "connectors": connectors[:1]}
    (left,) = write(sample(m.Location, evses=[both, neither]), V221)["evses"]
    assert [each["standard"] for each in left["connectors"]] == ["TESLA_S"]
    assert len(write(sample(m.Location, address="x" * 200), V221)["address"]) == 45
    hub = sample(m.Credentials, hub_party_id="DEHUB")
    assert "hub_party_id" not in write(hub, V221)
    assert write(hub)["hub_party_id"] == "DEHUB"
    assert "type" not in write(sample(m.VehicleObject), V221)


# ── read permissively ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", [V230, V221])
@pytest.mark.parametrize("kind", SAMPLES, ids=lambda kind: kind.__name__)
def test_nulls_are_absent_and_unknown_members_are_passed_over(kind: type[m.Wire], version: str) -> None:
    document = crossed(sample(kind), version)
    optional = {f.encode_name: None for f in msgspec.structs.fields(kind) if not f.required} | {"new_in_2_4": {"a": 1}}
    assert read(optional | document, kind, version) == read(document, kind, version)


def test_lengths_are_those_of_the_longest_edition() -> None:
    assert len(sample(m.Location, address="x" * 255).address) == 255
    with pytest.raises(PeerFault, match="address"):
        sample(m.Location, address="x" * 256)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-10-01T12:00:00Z", "2023-10-01T12:00:00.000Z"),
        ("2023-10-01T12:00:00", "2023-10-01T12:00:00.000Z"),
        ("2023-10-01T12:00:00.1234567", "2023-10-01T12:00:00.123Z"),
        ("2023-10-01T12:00:00+00:00", "2023-10-01T12:00:00.000Z"),
        ("2023-10-01T14:00:00.999999+02:00", "2023-10-01T12:00:00.999Z"),
    ],
)
def test_a_time_in_any_spelling_is_utc_and_leaves_with_a_z_in_25_characters(text: str, expected: str) -> None:
    written = write(sample(m.Token, last_updated=text))["last_updated"]
    assert written == expected
    assert len(written) <= 25


@FEW
@given(ANY)
def test_times_are_short_and_decimals_are_numbers_and_nothing_is_null(struct: Any) -> None:
    kind: Any = type(struct)
    found = values(write(struct))
    assert None not in [each for each in found if not isinstance(struct, m.WebPaymentNotice)]
    assert all(isinstance(each, str | int | Decimal | bool | None) for each in found)
    for name in m.times(kind):
        assert TIME.match(write(struct).get(name, "2023-10-01T12:00:00.000Z"))


@pytest.mark.parametrize("text", ["", "now", "2023-10-01T25:00:00Z", "0001-01-01T00:00:00+01:00", "5"])
def test_a_time_that_is_none_is_2001(text: str) -> None:
    with pytest.raises(PeerFault) as fault:
        sample(m.Token, last_updated=text)
    assert fault.value.code == "2001"
    with pytest.raises(PeerFault):
        read_time(text)


def test_a_time_in_a_query_may_have_lost_its_plus() -> None:
    noon = datetime(2023, 10, 1, 12, tzinfo=UTC)
    for text in ("2023-10-01T12:00:00", "2023-10-01T12:00:00Z", "2023-10-01T14:00:00 02:00"):
        assert read_time(text) == noon
    assert read_time("2023-10-01T12:00:00+02:00") == noon.astimezone(timezone(timedelta(hours=2))) - timedelta(hours=2)


@proves("A8", "R33")
def test_only_the_id_of_a_vehicle_may_be_longer_than_36_characters() -> None:
    for kind, member in ((m.Token, None), (m.Session, "cdr_token"), (m.Cdr, "cdr_token"), (m.StartSession, "token")):
        inner = SAMPLES[kind] if member is None else SAMPLES[kind][member]
        for uid, type_, fine in ((VID, m.VEHICLE_TOKEN, True), (VID, "RFID", False), ("x" * 36, "RFID", True)):
            token = inner | {"uid": uid, "type": type_}
            document = token if member is None else SAMPLES[kind] | {member: token}
            if fine:
                found = sample(kind, **document)
                back = write(found) if member is None else write(found)[member]
                assert (back["uid"], back["type"]) == (uid, type_)
            else:
                with pytest.raises(PeerFault, match="uid"):
                    sample(kind, **document)
    with pytest.raises(PeerFault, match="uid"):
        sample(m.Token, uid=VID + "0", type=m.VEHICLE_TOKEN)


@proves("A29")
def test_a_vehicle_without_status_and_last_update_is_revoked_and_has_the_greatest_of_its_dates() -> None:
    said = {
        "country_code": "FR", "party_id": "ELC", "vehicle_id": VID.upper(), "contract_id": "DE8ACC12E46L89",
        "date_created": "2023-10-01T12:00:00Z", "date_authorized": "2023-10-02T12:00:00Z",
    }  # fmt: skip
    vehicle = read(said, m.VehicleObject)
    assert vehicle.auto_charge_status == AutoChargeStatus.REVOKED
    assert (vehicle.vehicle_id, vehicle.last_updated) == (VID, datetime(2023, 10, 2, 12, tzinfo=UTC))
    later = read(said | {"last_updated": "2023-11-01T00:00:00Z"}, m.VehicleObject)
    assert later.last_updated == datetime(2023, 11, 1, tzinfo=UTC)
    assert {"auto_charge_status", "last_updated"} <= write(m.VehicleObject.of(vehicle.vehicle())).keys()
    for wrong in ({"vehicle_id": "ABC123HASHED"}, {"auto_charge_status": "MAYBE"}):
        with pytest.raises(PeerFault, match=next(iter(wrong))):
            read(said | wrong, m.VehicleObject)


def test_a_fault_names_the_member_that_is_wrong() -> None:
    with pytest.raises(PeerFault) as fault:
        sample(m.Session, cdr_token=SAMPLES[m.Session]["cdr_token"] | {"uid": 5})
    assert fault.value.details == {"member": "cdr_token.uid"}
    with pytest.raises(PeerFault, match="missing required field `kwh`"):
        read({name: each for name, each in SAMPLES[m.Session].items() if name != "kwh"}, m.Session)


@FEW
@given(
    st.sampled_from(list(SAMPLES)),
    JSON,
    st.data(),
)
def test_whatever_stands_in_a_member_it_is_read_or_2001(kind: type[m.Wire], value: Any, data: st.DataObject) -> None:
    document = SAMPLES[kind] | {data.draw(st.sampled_from(list(SAMPLES[kind]))): value}
    for version in (V230, V221):
        for each in (document, value):
            with suppress(PeerFault):
                assert isinstance(read(each, kind, version), kind)


# ── parts of objects ────────────────────────────────────────────────────────────────────


def test_a_patch_replaces_members_and_null_takes_them_away() -> None:
    session = sample(m.Session)
    at = "2024-05-23T11:00:00Z"
    changed = merge(session, {"kwh": Decimal("3.5"), "status": "COMPLETED", "total_cost": None, "last_updated": at})
    assert (changed.kwh, changed.status, changed.total_cost) == (Decimal("3.5"), "COMPLETED", None)
    assert (changed.id, changed.cdr_token) == (session.id, session.cdr_token)
    assert changed.last_updated == datetime(2024, 5, 23, 11, tzinfo=UTC)
    assert session == sample(m.Session)


def test_a_patch_of_2_2_1_speaks_of_prices_as_2_2_1_does() -> None:
    patch: dict[str, Any] = {"total_cost": {"excl_vat": 2, "incl_vat": 3}, "last_updated": "2024-05-23T11:00:00Z"}
    for _ in range(2):
        changed = merge(sample(m.Session), patch, V221)
        assert changed.total_cost is not None
        assert (changed.total_cost.before_taxes, changed.total_cost.taxes[0].amount) == (2, 1)


def test_charging_periods_of_a_patch_are_added_to_those_there_are() -> None:
    more = {"start_date_time": "2024-05-23T10:30:00Z", "dimensions": [{"type": "ENERGY", "volume": 2}]}
    changed = merge(sample(m.Session), {"charging_periods": [more], "last_updated": "2024-05-23T10:31:00Z"})
    assert [each.dimensions[0].volume for each in changed.charging_periods] == [Decimal("1.5"), 2]


def test_a_patch_without_a_time_or_with_something_wrong_changes_nothing() -> None:
    with pytest.raises(PeerFault, match="last_updated"):
        merge(sample(m.Session), {"kwh": 2})
    for wrong in ({"kwh": "much"}, {"kwh": None}, {"charging_periods": 5}, {"charging_periods": [5]}):
        with pytest.raises(PeerFault):
            merge(sample(m.Session), wrong | {"last_updated": "2024-05-23T11:00:00Z"})
