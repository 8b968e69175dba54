"""The web payment lock as a certification tool sees it: raw frames, every row of the source's error tables.

Source: the paper "Secure Dynamic QR-Codes for OCPP", request error handling of OCPP v2.1, v2.0.1 and v1.6.
"""

import json
from typing import Any

import pytest

from evouch.ids import OcppVersion
from evouch.station.machine import PAYING, Phase
from evouch.station.spec import V16, V21, V201
from tests.station.frames import FAILED, STARTED, Tool, remote_start, reserve, started, tool, transfer
from tests.station.house import ALL, CARD, run

MISSING = object()


def content(**values: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {"evseId": 1, "timeout": 60} | values
    return {name: value for name, value in whole.items() if value is not MISSING}


OCCURRENCE, TYPE, PROPERTY = "OccurrenceConstraintViolation", "TypeConstraintViolation", "PropertyConstraintViolation"
#: what is wrong with it, as (member, value) → (CALLERROR of 2.1, reasonCode of 2.0.1)
ROWS: list[tuple[str, Any, str]] = [
    ("evseId", MISSING, OCCURRENCE),
    ("evseId", None, OCCURRENCE),
    ("evseId", "1", TYPE),
    ("evseId", 1.5, TYPE),
    ("evseId", True, TYPE),
    ("evseId", [1], TYPE),
    ("evseId", {}, TYPE),
    ("evseId", 0, PROPERTY),
    ("evseId", -1, PROPERTY),
    ("evseId", 3, PROPERTY),
    ("evseId", 999999999, PROPERTY),
    ("timeout", MISSING, OCCURRENCE),
    ("timeout", None, OCCURRENCE),
    ("timeout", "60", TYPE),
    ("timeout", 60.5, TYPE),
    ("timeout", False, TYPE),
    ("timeout", [], TYPE),
    ("timeout", 0, PROPERTY),
    ("timeout", -1, PROPERTY),
    ("timeout", 301, PROPERTY),
    ("timeout", 999999999, PROPERTY),
]
SENTENCES = {
    (OCCURRENCE, "evseId"): "Missing 'evseId' value!",
    (OCCURRENCE, "timeout"): "Missing 'timeout' value!",
    (TYPE, "evseId"): "Property 'evseId' must be of type Integer!",
    (TYPE, "timeout"): "Property 'timeout' must be of type Integer!",
    (PROPERTY, "timeout"): "The 'timeout' must be >0 and <= 300 seconds!",
}


@pytest.mark.parametrize(("member", "value", "code"), ROWS)
def test_2_1_answers_each_bad_request_with_the_error_of_its_row(member: str, value: Any, code: str) -> None:
    async def story() -> None:
        async with tool(V21) as desk:
            asked = content(**{member: value}) | {"customData": {"vendorId": "x"}}
            got, description, details = await desk.ask(STARTED, asked)
            assert got == code
            expected = SENTENCES.get((code, member), f"Invalid value '{value}' for property '{member}'!")
            assert description == expected
            assert details == {
                "property": member, "value": None if value is MISSING else value, "request": asked,
            }  # fmt: skip
            assert not desk.locked()

    run(story())


@pytest.mark.parametrize("version", [V201, V16])
@pytest.mark.parametrize(("member", "value"), [(member, value) for member, value, _ in ROWS])
def test_the_transfers_reject_each_bad_request_and_say_why(version: OcppVersion, member: str, value: Any) -> None:
    async def story() -> None:
        async with tool(version) as desk:
            answer = await desk.result(*started(version, content(**{member: value})))
            assert answer["status"] == "Rejected"
            reason = "invalidEvseId" if member == "evseId" else "invalidTimeout"
            sentence = f"Invalid '{member}' value!"
            if version == V16:
                inside = json.loads(answer["data"])
                assert inside == {"message": sentence, "reasonCode": reason, "additionalInfo": sentence}
            else:
                assert answer["statusInfo"] == {"reasonCode": reason, "additionalInfo": sentence} == answer["data"]
            assert not desk.locked()

    run(story())


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize(
    ("envelope", "status"),
    [
        ({"messageId": STARTED}, "UnknownVendorId"),
        ({"vendorId": None, "messageId": STARTED}, "UnknownVendorId"),
        ({"vendorId": "", "messageId": STARTED}, "UnknownVendorId"),
        ({"vendorId": "com.example", "messageId": STARTED}, "UnknownVendorId"),
        ({"vendorId": "cloud.charging.open", "messageId": "Nothing"}, "UnknownMessageId"),
        ({"vendorId": "cloud.charging.open"}, "UnknownMessageId"),
        ({"vendorId": "cloud.charging.open", "messageId": None}, "UnknownMessageId"),
    ],
)
def test_a_vendor_or_message_that_nobody_knows(version: OcppVersion, envelope: dict[str, Any], status: str) -> None:
    async def story() -> None:
        async with tool(version) as desk:
            _, whole = transfer(version, STARTED, content())
            assert await desk.status("DataTransfer", envelope | {"data": whole["data"]}) == status

    run(story())


@pytest.mark.parametrize("data", [MISSING, None, "", "not JSON", "[1,60]", "null", "5", '{"evseId":1,"evseId":1}', {}])
@pytest.mark.parametrize("version", [V201, V16])
def test_data_that_holds_no_object_is_rejected_and_never_a_callerror(version: OcppVersion, data: Any) -> None:
    async def story() -> None:
        async with tool(version) as desk:
            asked = {"vendorId": "cloud.charging.open", "messageId": STARTED}
            answer = await desk.result("DataTransfer", asked if data is MISSING else asked | {"data": data})
            assert answer["status"] == "Rejected"
            assert "message" in answer["data"] if version == V16 else answer["statusInfo"]["reasonCode"]

    run(story())


@pytest.mark.parametrize(
    ("place", "status"),
    [
        ({"connectorId": 2}, "Accepted"),
        ({"evseId": 2}, "Accepted"),
        ({"connectorId": 2, "evseId": 2}, "Accepted"),
        ({"connectorId": 1, "evseId": 2}, "invalidEvseId"),
        ({"connectorId": 3}, "invalidConnectorId"),
        ({"connectorId": 0}, "invalidConnectorId"),
        ({"connectorId": "2"}, "invalidConnectorId"),
        ({}, "invalidEvseId"),
    ],
)
def test_1_6_names_the_evse_or_its_connector(place: dict[str, Any], status: str) -> None:
    async def story() -> None:
        async with tool(V16) as desk:
            answer = await desk.result(*transfer(V16, STARTED, place | {"timeout": 9}))
            reason = json.loads(answer["data"])["reasonCode"] if "data" in answer else answer["status"]
            assert reason == status
            assert desk.locked(2) is (status == "Accepted")

    run(story())


def accepted(version: OcppVersion) -> dict[str, Any]:
    return {} if version == V21 else {"status": "Accepted"}


async def locked(desk: Tool, timeout: int) -> None:
    assert await desk.result(*started(desk.version, content(timeout=timeout))) == accepted(desk.version)


async def swiped(desk: Tool) -> str:
    """Hold a card before the reader; return what the display then says."""
    await desk.station.swipe(1, CARD)
    await desk.pass_time()
    return desk.station.screen(1).message


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("timeout", [1, 60, 300])
def test_the_lock_holds_exactly_as_long_as_it_was_asked_for(version: OcppVersion, timeout: int) -> None:
    async def story() -> None:
        async with tool(version) as desk:
            statuses = len(desk.told("StatusNotification"))
            await locked(desk, timeout)
            screen = desk.station.screen(1)
            assert (screen.kind, screen.remaining) == ("locked", timeout)
            await desk.pass_time(timeout - 0.001)
            assert await swiped(desk) == PAYING
            until = "2030-01-01T00:00:00Z"
            assert await desk.status(*reserve(version, until)) == "Occupied"
            assert desk.told("Authorize") == []
            assert len(desk.told("StatusNotification")) == statuses
            await desk.pass_time(0.001)
            assert "not finished in time" in desk.station.screen(1).message
            assert await desk.status(*reserve(version, until)) == "Accepted"

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_another_request_counts_from_when_it_comes(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version) as desk:
            await locked(desk, 60)
            await desk.pass_time(59)
            await locked(desk, 60)
            await desk.pass_time(59.9)
            assert await swiped(desk) == PAYING
            await locked(desk, 300)
            await locked(desk, 2)
            await desk.pass_time(2)
            await swiped(desk)
            assert len(desk.told("Authorize")) == 1

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_zero_releases_once_and_is_then_the_error_of_the_table(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version) as desk:
            await locked(desk, 60)
            await locked(desk, 0)
            assert not desk.locked()
            again = await desk.ask(*started(version, content(timeout=0)))
            assert again[0] == PROPERTY if version == V21 else again[0]["status"] == "Rejected"

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_any_remote_start_ends_the_lock(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version) as desk:
            await locked(desk, 60)
            assert await desk.status(*remote_start(version, "SOMEBODY")) == "Accepted"
            assert not desk.locked()
            await desk.pass_time(61)
            assert "not finished in time" not in desk.station.screen(1).message

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_a_failure_ends_the_lock_and_its_words_are_shown(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version) as desk:
            await locked(desk, 60)
            words = [{"format": "UTF8", "language": "en", "content": "Your bank said no."}]
            assert await desk.status(*transfer(version, FAILED, {"evseId": 1, "errorMessage": words})) == "Accepted"
            assert not desk.locked()
            assert desk.station.screen(1).message == "Your bank said no."
            wrong = await desk.result(*transfer(version, FAILED, {"evseId": 9, "errorMessage": words}))
            assert wrong["status"] == "Rejected"

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_an_evse_that_charges_takes_no_lock(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version) as desk:
            await desk.station.plug(1)
            assert await desk.status(*remote_start(version)) == "Accepted"
            await desk.pass_time(1)
            assert desk.phase() is Phase.CHARGING
            answer = await desk.result(*started(version, content()))
            if version == V21:
                assert answer == {}
            else:
                inside = json.loads(answer["data"]) if version == V16 else answer["statusInfo"]
                assert (answer["status"], inside["reasonCode"]) == ("Rejected", "evseOccupied")
            assert not desk.locked()

    run(story())
