"""Random messages that the official schemas allow, to the real operator: all are answered, none by InternalError."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evouch.ids import OcppVersion, StationId
from evouch.ocpp.conversation import Conversation
from evouch.ocpp.schemas import validator
from evouch.ocpp.translate import translator
from evouch.ocpp.versions import actions
from evouch.testing import SeededEntropy
from evouch.testing.town import Town, on_the_wire
from tests.ocpp.samples import schema_of
from tests.ocpp.schemes import payloads
from tests.ocpp.wiretalk import VERSIONS, wired

CALL, RESULT, ERROR = 2, 3, 4
EXAMPLES = 40
SMALL = st.sampled_from([0, 1, 1, 2, 3, 7, 41, 42, 1000, -1, 2**31 - 1])
WORDS = st.sampled_from([
    "T-1", "T-2", "PAYER-1", "CARD", "1000", "1000.5", "-3", "NaN", "Wh", "kWh", "Energy.Active.Import.Register",
    "cloud.charging.open", "NotifyWebPaymentStarted", "", "Ünïcødé", "a" * 300, "CS-1", "1e400", "{}",
])  # fmt: skip


def messages(version: OcppVersion) -> st.SearchStrategy[tuple[str, Any]]:
    """Return CALLs that a backend handles, and a few that it does not."""
    handled = sorted(translator(version, wired(version)).handled_by_csms)
    weighty = [name for name in handled if name.endswith(("Transaction", "TransactionEvent", "MeterValues"))]
    named = st.sampled_from([*weighty * 6, *handled * 2, *sorted(actions(version))])
    return named.flatmap(
        lambda name: st.tuples(st.just(name), payloads(schema_of(version, name), integers=SMALL, texts=WORDS))
    )


class Desk:
    """A station's end of a connection to the operator that writes its frames by hand."""

    def __init__(self, town: Town, version: OcppVersion, station: StationId) -> None:
        self.town = town
        self._frames: dict[str, list[Any]] = {}
        self._calls = 0
        self._end = Conversation(
            station=station, translator=translator(version, town.cpo.registry.wiring(station, version)), csms=True,
            hear=town.cpo.backend.hear, send=self._sent, clock=town.world.clock, entropy=SeededEntropy("desk"),
            connection="desk",
        )  # fmt: skip
        town.cpo.backend.joined(self._end)

    def _sent(self, frame: bytes) -> None:
        kind, id, *rest = json.loads(frame)
        assert kind in {RESULT, ERROR}
        assert id not in self._frames
        self._frames[id] = rest

    async def ask(self, action: str, payload: Any) -> list[Any]:
        """Send a CALL; return what the answer holds: [payload], or [code, description, details]."""
        self._calls += 1
        id = f"desk-{self._calls}"
        self._end.receive(json.dumps([CALL, id, action, payload]))
        for _ in range(200):
            if id in self._frames:
                return self._frames[id]
            await self.town.wait(0.1)
        raise AssertionError((action, payload))


@pytest.mark.parametrize("version", VERSIONS)
def test_no_message_makes_the_operator_stumble(version: OcppVersion) -> None:
    @settings(max_examples=EXAMPLES, deadline=None)
    @given(plan=st.lists(messages(version), min_size=1, max_size=8))
    def told(plan: list[tuple[str, Any]]) -> None:
        asyncio.run(_story(version, plan))

    told()


async def _story(version: OcppVersion, plan: list[tuple[str, Any]]) -> None:
    async with on_the_wire() as town:
        station = StationId("CS-1")
        evses = tuple(wired(version).evses.values())
        await town.cpo.stations.register(station, actor="test", name="One", address="", evses=evses)
        desk = Desk(town, version, station)
        boot: dict[str, Any] = {"chargePointModel": "M", "chargePointVendor": "V"}
        if version != "ocpp1.6":
            boot = {"reason": "PowerUp", "chargingStation": {"model": "M", "vendorName": "V"}}
        assert (await desk.ask("BootNotification", boot))[0]["status"] == "Accepted"
        for action, payload in plan:
            answer = await desk.ask(action, payload)
            if len(answer) == 1:
                validator(version, action, response=True).validate(answer[0])
            else:
                assert answer[0] not in {"InternalError", "GenericError"}, (action, payload, answer)
        assert await desk.ask("Heartbeat", {})
