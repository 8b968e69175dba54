"""Random orders, drivers and failures: a station never stumbles, and whatever it says fits its version's schema."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evouch.ids import OcppVersion
from evouch.ocpp.translate import translator
from evouch.ocpp.versions import actions
from evouch.station.spec import V16
from tests.ocpp.samples import schema_of
from tests.ocpp.schemes import payloads
from tests.ocpp.wiretalk import wired
from tests.station.frames import FAILED, STARTED, Tool, tool, transfer
from tests.station.house import ALL, CARD
from tests.station.keys import PROVER

CHALLENGE = "SignedChallenge"
#: What a random station is asked most: the messages that this firmware handles, with numbers that mean something here.
SMALL = st.sampled_from([0, 1, 1, 1, 2, 3, -1, 7, 42, 60, 300])
WORDS = st.sampled_from([
    "PAYER-1", CARD, "WebPaymentsCtrlr", "SharedSecret", "URLTemplate", "secure!Charging!", "true", "false", "30", "8",
    "TxCtrlr", "TxStartPoint", "Authorized", "EVConnected,PowerPathClosed", "EVConnectionTimeOut", "0",
    "HeartbeatInterval", "WebPaymentsCtrlr.1.SharedSecret", "WebPaymentsCtrlr.Enabled", "ConnectionTimeOut", "42", "",
    "cloud.charging.open", STARTED, FAILED, "Ünïcødé", "SampledDataCtrlr", "TxUpdatedInterval", "1", "High",
    "TxUpdatedMeasurands", "Power.Active.Import", "a" * 60, "https://pay.example/{evse}/{totp}?s={chargingstationid}",
])  # fmt: skip


def orders(version: OcppVersion) -> st.SearchStrategy[tuple[str, Any]]:
    """Return CALLs that the official schema allows, most of them of messages that a station handles."""
    handled = sorted(translator(version, wired(version)).handled_by_station - {CHALLENGE})
    named = st.sampled_from([*handled * 4, *sorted(actions(version))])
    official = named.flatmap(
        lambda name: st.tuples(st.just(name), payloads(schema_of(version, name), integers=SMALL, texts=WORDS))
    )
    content = st.fixed_dictionaries({}, optional={"evseId": SMALL, "connectorId": SMALL, "timeout": SMALL})
    ours = st.sampled_from([STARTED, FAILED]).flatmap(
        lambda name: content.map(lambda data: transfer(version, name, data))
    )
    challenge = st.fixed_dictionaries(
        {"nonce": st.text(min_size=1, max_size=20), "timestamp": st.just("2024-05-23T00:23:05Z")},
        optional={"difficulty": st.sampled_from([0, 1, 5, 8, 21, 256])},
    )
    return official | ours | st.tuples(st.just(CHALLENGE), challenge)


#: What else happens to a station.
Deed = Callable[[Tool], Any]
DEEDS: list[tuple[str, Deed]] = [
    ("plug", lambda desk: desk.station.plug(1)),
    ("plug the other", lambda desk: desk.station.plug(2)),
    ("unplug", lambda desk: desk.station.unplug(1)),
    ("swipe", lambda desk: desk.station.swipe(1, CARD)),
    ("stop", lambda desk: desk.station.stop(1)),
    ("fault", lambda desk: desk.station.fault(1)),
    ("repair", lambda desk: desk.station.clear_fault(1)),
    ("cut", lambda desk: desk.offline()),
    ("wait", lambda desk: desk.pass_time(1)),
    ("wait long", lambda desk: desk.pass_time(61)),
    ("wait for ever", lambda desk: desk.pass_time(900)),
]


def steps(version: OcppVersion) -> st.SearchStrategy[list[Any]]:
    return st.lists(orders(version) | orders(version) | st.sampled_from(DEEDS), min_size=1, max_size=14)


@pytest.mark.parametrize("version", ALL)
def test_no_order_makes_a_station_stumble(version: OcppVersion) -> None:
    @settings(max_examples=EXAMPLES, deadline=None)
    @given(plan=steps(version))
    def told(plan: list[Any]) -> None:
        asyncio.run(_story(version, plan))

    told()


EXAMPLES = 40


class _Complaints(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(self.format(record))


async def _story(version: OcppVersion, plan: list[Any]) -> None:
    complaints = _Complaints()
    logging.getLogger("evouch").addHandler(complaints)
    try:
        async with tool(version, prover=PROVER) as desk:
            for name, what in plan:
                if callable(what):
                    await what(desk)
                elif desk.connected:
                    await _asked(desk, name, what)
                await desk.pass_time()
                for evse in (1, 2):
                    desk.station.screen(evse)
            await desk.pass_time(1000)
            await _asked(desk, *orders_that_end_it(version))
    finally:
        logging.getLogger("evouch").removeHandler(complaints)
    assert complaints.records == []


async def _asked(desk: Tool, action: str, payload: Any) -> None:
    id = desk.send(action, payload)
    answer = await desk.answer_to(id, action)
    if len(answer) > 1:
        assert answer[0] not in {"InternalError", "GenericError"}, (action, payload, answer)


def orders_that_end_it(version: OcppVersion) -> tuple[str, Any]:
    """Return an order that every station obeys, whatever came before."""
    return ("GetConfiguration", {}) if version == V16 else ("ClearCache", {})
