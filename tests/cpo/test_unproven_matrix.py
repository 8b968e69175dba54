"""Every message that a station may send, in every standing of its connection, before and after its boot."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from evouch.charging.equipment import Wiring
from evouch.ocpp.schemas import validator
from evouch.ocpp.translate import translator
from evouch.ocpp.versions import V16, actions
from evouch.testing.town import Town
from tests.cpo.hand import Hand
from tests.cpo.unproven import CS, card, told
from tests.ocpp.samples import sample
from tests.proofs import proves
from tests.station.keys import P256

FROM_STATIONS = sorted(
    {
        "Authorize", "BootNotification", "DataTransfer", "DiagnosticsStatusNotification", "FirmwareStatusNotification",
        "Heartbeat", "LogStatusNotification", "MeterValues", "SecurityEventNotification", "SignCertificate",
        "SignedFirmwareStatusNotification", "StartTransaction", "StatusNotification", "StopTransaction",
    }
)  # fmt: skip
#: What is of the other direction, of another version, or of nobody: refused without being looked at.
OTHERS = ["Reset", "RemoteStartTransaction", "TransactionEvent", "SignedChallenge", "NoSuchThing"]
#: What one may say that is borne with: how it is.
HARMLESS = {
    "DiagnosticsStatusNotification", "FirmwareStatusNotification", "LogStatusNotification",
    "SecurityEventNotification", "SignedFirmwareStatusNotification", "StatusNotification",
}  # fmt: skip

Way = Callable[[Hand], Awaitable[None]]


async def _nothing(_hand: Hand) -> None:
    pass


async def _silence(hand: Hand) -> None:
    await hand.town.wait(10)
    await hand.challenge()


async def _wrong(hand: Hand) -> None:
    await hand.town.wait(10)
    await hand.prove(key=P256)


async def _right(hand: Hand) -> None:
    await hand.town.wait(10)
    await hand.prove()


async def _unknown(hand: Hand) -> None:
    await hand.town.wait(10)
    await hand.refuse("NotImplemented")


#: standing → (how a connection gets there, the terms that it takes, whether a key is enrolled)
WAYS: dict[str, tuple[Way, dict[str, Any], bool]] = {
    "new": (_nothing, {}, True),
    "challenged": (_silence, {}, True),
    "failed": (_wrong, {}, True),
    "proven": (_right, {}, True),
    "trusted": (_nothing, {}, False),
    "untrusted": (_unknown, {"on_unsupported": "allow_untrusted"}, True),
}


def payload(action: str) -> Any:
    known = actions(V16)
    made = sample(V16, action, whole=True) if action in known else {"any": "thing"}
    return made | ({"idTag": "CARD"} if "idTag" in made else {})


def expected(action: str, standing: str, *, booted: bool) -> str:
    """Return what the answer is: a result, an empty result for what is kept, or a code."""
    if action in {"BootNotification", "Heartbeat"}:
        return "result"
    if standing in {"proven", "trusted"}:
        # told to wait by its boot, it has to boot again before anybody may charge
        waits = booted and standing == "proven"
        if action == "SignCertificate" or (waits and action in {"Authorize", "StartTransaction"}):
            return "SecurityError"
        if action in {"NoSuchThing", "TransactionEvent"}:
            return "NotImplemented"
        return "NotSupported" if action in OTHERS else "result"
    if action in {"StopTransaction", "MeterValues"}:
        return "kept"
    return "result" if standing == "untrusted" and action in HARMLESS else "SecurityError"


@proves("W13", "W14", "M13")
@pytest.mark.parametrize("booted", [False, True], ids=["unbooted", "booted"])
@pytest.mark.parametrize("standing", list(WAYS))
@pytest.mark.parametrize("action", [*FROM_STATIONS, *OTHERS])
def test_each_message_in_each_standing(action: str, standing: str, booted: bool) -> None:
    way, terms, key = WAYS[standing]

    async def story(town: Town) -> None:
        await card(town)
        hand = await Hand(town).open()
        if booted and standing != "new":
            await hand.boot()
        await way(hand)
        assert hand.state == standing
        answer = await hand.ask(action, payload(action), seconds=16)
        wanted = expected(action, standing, booted=booted)
        assert (answer[0] if len(answer) > 1 else "result") == ("result" if wanted == "kept" else wanted), answer
        if len(answer) == 1 and action in actions(V16):
            validator(V16, action, response=True).validate(answer[0])
        await nothing_critical(town, hand, standing, wanted)

    told(story, key=key, **terms)


async def nothing_critical(town: Town, hand: Hand, standing: str, wanted: str) -> None:
    """Whatever was said: the unproven has no transaction, no session, and was sent nothing that matters."""
    if standing in {"proven", "trusted"}:
        return
    assert await town.cpo.store.transactions() == []
    kept = await town.cpo.store.quarantined(station=CS)
    assert (len(kept) == 1) is (wanted == "kept" or any(one.action == "StartTransaction" for one in kept))
    assert {frame[2] for frame in hand.frames if frame[0] == 2} <= {"SignedChallenge", "TriggerMessage"}
    assert not town.cpo.presence.ready(CS)


def test_the_table_holds_every_message_of_a_16_station() -> None:
    assert set(FROM_STATIONS) == translator(V16, Wiring(V16, {})).handled_by_csms
