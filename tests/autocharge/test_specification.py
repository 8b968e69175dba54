"""What the specification shows as an example is true: the vector is computed, the objects are read."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evouch.autocharge.checks import ConcurrentUse, ImpossibleTravel, PhoneNear, StartRate
from evouch.charging.macs import parse_mac
from evouch.ids import KeyBytes
from evouch.ocpi import model
from evouch.oprf.client import blind_with
from evouch.oprf.keys import PrivateKey
from evouch.oprf.server import Evaluator

PAGE = (Path(__file__).parents[2] / "docs" / "specs" / "autocharge.md").read_text()
EXAMPLES = dict(re.findall(r"^```json (\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))


def example(name: str) -> Any:
    return json.loads(EXAMPLES[name])


def test_the_vector_of_the_page_is_what_everybody_gets() -> None:
    said = example("vector")
    mac = parse_mac(said["mac"])
    assert mac is not None
    assert mac.reveal().hex() == said["input"]
    kept, blinded = blind_with(mac.reveal(), KeyBytes(bytes.fromhex(said["blind"])))
    evaluated = Evaluator(PrivateKey.from_bytes(KeyBytes(bytes.fromhex(said["key"])))).evaluate(blinded)
    assert blinded.hex() == said["blinded_element"] == example("sign")["blinded_element"]
    assert evaluated.hex() == said["evaluated_element"] == example("signed")["data"]["evaluated_element"]
    assert kept.finish(evaluated).hex() == said["vid"] == example("vehicle")["vehicle_id"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("details", model.VersionDetails),
        ("sign", model.SignRequest),
        ("vehicle", model.VehicleObject),
        ("register", model.RegisterVehicle),
        ("conflict", model.ConflictNotice),
    ],
)
def test_the_objects_of_the_page_are_objects(name: str, kind: Any) -> None:
    assert set(example(name)) <= {field.encode_name for field in msgspec.structs.fields(kind)}
    assert msgspec.convert(example(name), kind)


def test_the_vehicle_of_the_page_has_the_dates_that_the_page_asks_for() -> None:
    vehicle = msgspec.convert(example("vehicle"), model.VehicleObject)
    assert vehicle.vehicle().last_updated == vehicle.last_updated
    assert vehicle.vehicle().granted


def test_the_numbers_of_the_page_are_the_defaults() -> None:
    table = PAGE.partition("### 9.1")[2].partition("### 9.2")[0]
    travel, phone, rate = ImpossibleTravel(), PhoneNear(), StartRate()
    for said in (
        f"within {travel.near_km:.0f} km", f"{travel.doubt_km_h:.0f} km/h", f"{travel.fail_km_h:.0f} km/h",
        f"{travel.tolerance_km:.0f} km of tolerance", f"exact to {phone.most_inaccurate} m", f"within {phone.near} m",
        f"{phone.far // 1000} km plus", f"{rate.per_hour} starts in an hour", f"{rate.per_day} in a day",
        f"{rate.refused_per_hour} refusals",
    ):  # fmt: skip
        assert said in table
    assert ConcurrentUse().contract_too
