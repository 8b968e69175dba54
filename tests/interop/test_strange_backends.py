"""Our station at a backend of other hands: boot, code, payment notice, charge, outage, over real WebSockets."""

import asyncio
import base64
import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import ocpp.exceptions
import pytest

from evouch.station.app import Simulator
from evouch.station.display import Kind
from tests.interop.office import Office, office, plugged_in
from tests.interop.strangers import VERSIONS, matches, until
from tests.interop.test_strange_stations import each_version

Story = Callable[[Office, Simulator], Coroutine[Any, Any, None]]

SECRET = "correct-horse-battery-staple"
TEMPLATE = "https://stranger.example/q/{chargingstationid}/{evse}/{totp}?v={version}"
#: how much faster than time the station lives where a test would have to wait for it
FAST = 5
ENERGY = "Energy.Active.Import.Register"


def play(version: str, story: Story, **how: Any) -> None:
    async def run() -> None:
        async with office(version, **how) as (here, station):
            await story(here, station)

    asyncio.run(run())


async def set_up(here: Office, station: Simulator) -> None:
    """Have the station show codes."""
    await until(lambda: station.online)
    answers = await here.set(
        URLTemplate=TEMPLATE, TOTPVersion="v1", ValidityTime="60", Length="10", SharedSecret=SECRET, Enabled="true"
    )
    assert set(answers) == {"Accepted"}
    assert station.screen(1).kind is Kind.CODE


def events(here: Office, kind: str = "") -> list[Any]:
    return [one for one in here.heard("TransactionEvent") if not kind or one["eventType"] == kind]


def energy(samples: list[Any]) -> list[int]:
    """Return the energy registers in meter values, in Wh."""
    values = [one for sample in samples for one in sample["sampledValue"]]
    return [int(float(one["value"])) for one in values if one.get("measurand", ENERGY) == ENERGY]


async def running(here: Office) -> Any:
    """Return the id of the transaction once it has started."""
    if here.old:
        await until(lambda: here.transactions)
        return 100 + here.transactions
    return (await until(lambda: events(here, "Started")))[0]["transactionInfo"]["transactionId"]


# ── boot ────────────────────────────────────────────────────────────────────────────────


@each_version
def test_it_waits_while_pending_and_speaks_once_accepted(version: str) -> None:
    async def story(here: Office, station: Simulator) -> None:
        await until(lambda: here.heard("BootNotification"))
        assert here.heard("StatusNotification") == []
        assert (await here.set(Length="12")) == ["Accepted"], "a pending station can be configured"
        assert await here.start() == "Rejected", "and starts nothing"
        await until(lambda: here.heard("StatusNotification"))
        assert len(here.heard("BootNotification")) == 2
        await until(lambda: here.heard("Heartbeat"))
        assert here.refusals == []

    play(version, story, office={"boots": [("Pending", 1), ("Accepted", 1)]}, times=FAST)


@each_version
def test_it_names_itself_in_the_path_and_brings_its_password(version: str) -> None:
    async def story(here: Office, station: Simulator) -> None:
        await until(lambda: here.desks)
        request = here.desk.tape.socket.request
        assert request.path == "/ocpp/OURS%2A1"
        kind, _, login = request.headers["Authorization"].partition(" ")
        assert (kind, base64.b64decode(login)) == ("Basic", b"OURS*1:a password of ours")

    play(version, story)


# ── configuration ───────────────────────────────────────────────────────────────────────


@each_version
def test_its_code_is_what_the_stranger_computes(version: str) -> None:
    async def story(here: Office, station: Simulator) -> None:
        await set_up(here, station)
        url = station.screen(1).url
        head, _, tail = url.partition("/q/OURS*1/1/") if "/q/OURS*1/" in url else url.partition("/q/OURS%2A1/1/")
        code, _, query = tail.partition("?")
        assert (head, query) == ("https://stranger.example", "v=v1")
        assert matches(code, SECRET, datetime.now(UTC), validity=60, length=10)
        assert not matches(code, SECRET + "!", datetime.now(UTC), validity=60, length=10)

    play(version, story)


@each_version
def test_the_secret_can_be_written_and_not_read(version: str) -> None:
    async def story(here: Office, station: Simulator) -> None:
        await set_up(here, station)
        (status, value), length = (await here.get("SharedSecret"))[0], (await here.get("Length"))[0]
        assert (status, value) == ("Accepted" if here.old else "Rejected", None)
        assert length == ("Accepted", "10")
        if here.old:
            await here.order("GetConfiguration")
        else:
            answer = await here.order("GetBaseReport", request_id=3, report_base="FullInventory")
            assert answer["status"] == "Accepted"
            await until(lambda: any(not page.get("tbc") for page in here.heard("NotifyReport")))
            names = [one["variable"]["name"] for page in here.heard("NotifyReport") for one in page["reportData"]]
            assert "SharedSecret" in names
        assert not any(SECRET in text for text in here.desk.tape.raw)
        assert here.refusals == []

    play(version, story)


@each_version
def test_settings_that_make_no_sense_are_refused_and_the_code_stays(version: str) -> None:
    async def story(here: Office, station: Simulator) -> None:
        await set_up(here, station)
        for name, value in (
            ("URLTemplate", "https://stranger.example/{evse}"), ("URLTemplate", "javascript:alert({totp})"),
            ("URLTemplate", "https://stranger.example/{evse}/{totp}/{surprise}"),
            ("Length", "5"), ("Length", "many"), ("ValidityTime", "5"), ("ValidityTime", "3601"),
            ("SharedSecret", "short"), ("TOTPVersion", "v9"), ("Enabled", "perhaps"), ("URLParameters", "maxcost"),
        ):  # fmt: skip
            assert await here.set(**{name: value}) == ["Rejected"], (name, value)
        unknown = "NotSupported" if here.old else "UnknownVariable"
        assert await here.set(Colour="blue") == [unknown]
        assert station.screen(1).kind is Kind.CODE
        assert await here.set(Enabled="false") == ["Accepted"]
        assert station.screen(1).kind is Kind.HIDDEN

    play(version, story)


# ── the notice of a payment ─────────────────────────────────────────────────────────────


async def notify(here: Office, content: dict[str, Any]) -> str:
    """Send NotifyWebPaymentStarted; return "ok", or the reason or CALLERROR code it is refused with."""
    if here.version == "ocpp2.1":
        names = {"evseId": "evse_id", "timeout": "timeout"}
        renamed = {names[name]: value for name, value in content.items()}
        try:
            answer = await here.order("NotifyWebPaymentStarted", **renamed)
        except ocpp.exceptions.OCPPError as error:
            return _fault(error, content)
        return "ok" if answer == {} else str(answer)
    answer = await here.transfer("NotifyWebPaymentStarted", content)
    if answer["status"] == "Accepted":
        return "ok"
    assert answer["status"] == "Rejected"
    if here.old:
        return str(json.loads(answer["data"])["reasonCode"])
    assert answer["statusInfo"] == answer["data"]
    return str(answer["data"]["reasonCode"])


def _fault(error: Any, content: dict[str, Any]) -> str:
    """Return code and member of a CALLERROR, whose details have to repeat the request."""
    assert set(error.details) == {"property", "value", "request"}
    assert error.details["request"] == content
    return f"{error.code} {error.details['property']}"


@each_version
def test_the_notice_locks_extends_and_releases(version: str) -> None:
    async def story(here: Office, station: Simulator) -> None:
        await set_up(here, station)
        assert await notify(here, {"evseId": 1, "timeout": 60}) == "ok"
        assert (station.screen(1).kind, station.screen(1).remaining) == (Kind.LOCKED, 60)
        await station.swipe(1, "CARD1")
        assert station.screen(1).message
        assert here.heard("Authorize") == []
        assert await reserve(here) == "Occupied"
        assert await notify(here, {"evseId": 1, "timeout": 300}) == "ok"
        assert station.screen(1).remaining == 300
        assert await notify(here, {"evseId": 1, "timeout": 0}) == "ok"
        assert station.screen(1).kind is Kind.CODE
        assert len(here.heard("StatusNotification")) == (2 if here.old else 1), "a lock is no state of a connector"

    play(version, story)


async def reserve(here: Office) -> str:
    later = "2090-01-01T00:00:00Z"
    if here.old:
        answer = await here.order("ReserveNow", connector_id=1, expiry_date=later, id_tag="CARD2", reservation_id=5)
    else:
        token = {"idToken": "CARD2", "type": "ISO14443"}
        answer = await here.order("ReserveNow", id=5, evse_id=1, expiry_date_time=later, id_token=token)
    return str(answer["status"])


@each_version
def test_the_lock_ends_by_itself(version: str) -> None:
    async def story(here: Office, station: Simulator) -> None:
        await set_up(here, station)
        assert await notify(here, {"evseId": 1, "timeout": 1}) == "ok"
        assert station.screen(1).kind is Kind.LOCKED
        await until(lambda: station.screen(1).kind is Kind.CODE, 2)

    play(version, story, times=FAST)


OCCURRENCE, TYPE, RANGE = "OccurrenceConstraintViolation", "TypeConstraintViolation", "PropertyConstraintViolation"
#: content → (reason in a DataTransfer, CALLERROR of 2.1 with the member it names)
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"timeout": 30}, "invalidEvseId", f"{OCCURRENCE} evseId"),
    ({"evseId": 1}, "invalidTimeout", f"{OCCURRENCE} timeout"),
    ({"evseId": "one", "timeout": 30}, "invalidEvseId", f"{TYPE} evseId"),
    ({"evseId": 1, "timeout": "soon"}, "invalidTimeout", f"{TYPE} timeout"),
    ({"evseId": 1, "timeout": True}, "invalidTimeout", f"{TYPE} timeout"),
    ({"evseId": 99, "timeout": 30}, "invalidEvseId", f"{RANGE} evseId"),
    ({"evseId": 0, "timeout": 30}, "invalidEvseId", f"{RANGE} evseId"),
    ({"evseId": 1, "timeout": -1}, "invalidTimeout", f"{RANGE} timeout"),
    ({"evseId": 1, "timeout": 0}, "invalidTimeout", f"{RANGE} timeout"),
    ({"evseId": 1, "timeout": 301}, "invalidTimeout", f"{RANGE} timeout"),
]


@each_version
def test_every_wrong_notice_is_refused_as_the_tables_say(version: str) -> None:
    async def story(here: Office, station: Simulator) -> None:
        await set_up(here, station)
        for content, reason, code in WRONG:
            assert await notify(here, content) == (code if version == "ocpp2.1" else reason), content
            assert station.screen(1).kind is Kind.CODE
        for data in ("no object", None) if here.old else (["a list"], "no object", None):
            if version != "ocpp2.1":
                assert (await here.transfer("NotifyWebPaymentStarted", data))["status"] == "Rejected"
        assert (await here.transfer("NotifyWebPaymentWhatever", {}))["status"] == "UnknownMessageId"
        other = await here.order("DataTransfer", vendor_id="com.example", message_id="x")
        assert other["status"] == "UnknownVendorId"

    play(version, story)


@each_version
def test_a_failed_payment_releases_the_lock_and_is_read_by_the_driver(version: str) -> None:
    async def story(here: Office, station: Simulator) -> None:
        await set_up(here, station)
        assert await notify(here, {"evseId": 1, "timeout": 60}) == "ok"
        words = [{"format": "UTF8", "language": "en", "content": "Card declined, sorry."}]
        answer = await here.transfer("NotifyWebPaymentFailed", {"evseId": 1, "errorMessage": words})
        assert answer["status"] == "Accepted"
        assert (station.screen(1).kind, station.screen(1).message) == (Kind.CODE, "Card declined, sorry.")
        wrong = await here.transfer("NotifyWebPaymentFailed", {"evseId": 9, "errorMessage": words})
        assert wrong["status"] == "Rejected"

    play(version, story)


# ── charging ────────────────────────────────────────────────────────────────────────────


async def fast_samples(here: Office) -> None:
    await here.tune("MeterValueSampleInterval", "SampledDataCtrlr.TxUpdatedInterval", "1")


@each_version
@pytest.mark.parametrize("first", ["pay", "plug"])
def test_a_charge_from_remote_start_to_remote_stop(version: str, first: str) -> None:
    async def story(here: Office, station: Simulator) -> None:
        await set_up(here, station)
        await fast_samples(here)
        if first == "plug":
            await station.plug(1)
        assert await notify(here, {"evseId": 1, "timeout": 60}) == "ok"
        assert await here.start() == "Accepted"
        if first == "pay":
            assert station.screen(1).kind is Kind.PLUG_IN
            await station.plug(1)
        transaction = await running(here)
        await until(lambda: station.screen(1).kind is Kind.CHARGING)
        await until(lambda: here.heard("MeterValues") or energy_told(here) > 2)
        assert await here.stop("no such" if not here.old else 1) == "Rejected"
        assert await here.stop(transaction) == "Accepted"
        await until(lambda: here.heard("StopTransaction") or events(here, "Ended"))
        assert station.screen(1).kind is Kind.FINISHED
        await station.unplug(1)
        await until(lambda: station.screen(1).kind is Kind.CODE)
        whole_charge(here, transaction)
        assert here.refusals == []

    play(version, story, times=FAST)


def energy_told(here: Office) -> int:
    return len([one for event in events(here) for one in energy(event.get("meterValue", []))])


def whole_charge(here: Office, transaction: Any) -> None:
    """What the stranger was told is one charge, with a register that only grows."""
    if here.old:
        (start,), (stop,) = here.heard("StartTransaction"), here.heard("StopTransaction")
        assert (start["connectorId"], start["idTag"]) == (1, "ABCDEFGHIJKLMNOPQRST")
        assert stop["transactionId"] == transaction
        values = [one for told in here.heard("MeterValues") for one in energy(told["meterValue"])]
        registers = [start["meterStart"], *values, stop["meterStop"]]
    else:
        told = events(here)
        assert [one["seqNo"] for one in told] == list(range(len(told)))
        assert {one["transactionInfo"]["transactionId"] for one in told} == {transaction}
        assert [one["eventType"] for one in told] == ["Started", *["Updated"] * (len(told) - 2), "Ended"]
        started = told[0]
        assert started["idToken"]["idToken"] == "ABCDEFGHIJKLMNOPQRST"
        assert started["transactionInfo"]["remoteStartId"] == 7
        registers = [value for one in told for value in energy(one.get("meterValue", []))]
    assert registers == sorted(registers)
    assert registers[-1] > registers[0] > 0


@each_version
def test_a_token_that_the_backend_refuses_ends_at_once(version: str) -> None:
    async def story(here: Office, station: Simulator) -> None:
        await plugged_in(here, station)
        assert await here.start() == "Accepted"
        await until(lambda: here.heard("StopTransaction") or events(here, "Ended"))
        ended = here.heard("StopTransaction")[0] if here.old else events(here, "Ended")[0]["transactionInfo"]
        assert ended["reason" if here.old else "stoppedReason"] == "DeAuthorized"

    play(version, story, office={"verdict": "Invalid"}, times=FAST)


def test_21_keeps_the_limit_that_it_is_given() -> None:
    async def story(here: Office, station: Simulator) -> None:
        await plugged_in(here, station)
        assert await here.start() == "Accepted"
        await until(lambda: events(here, "Ended"))
        confirmed = next(one for one in events(here) if one["triggerReason"] == "LimitSet")
        assert confirmed["eventType"] == "Updated"
        assert events(here, "Ended")[0]["triggerReason"] == "EnergyLimitReached"
        registers = [value for one in events(here) for value in energy(one.get("meterValue", []))]
        assert 100 <= registers[-1] - registers[0] <= 120

    play("ocpp2.1", story, office={"limit": {"max_energy": 100}}, times=FAST)


@each_version
def test_the_cost_that_a_modern_backend_tells_is_on_the_display(version: str) -> None:
    async def story(here: Office, station: Simulator) -> None:
        await plugged_in(here, station)
        await fast_samples(here)
        assert await here.start() == "Accepted"
        await running(here)
        await until(lambda: (found := station.screen(1).charge) and found.energy > 0)
        if not here.old:
            await until(
                lambda: (found := station.screen(1).charge) and found.cost and found.cost.amount == Decimal("1.5")
            )

    play(version, story, times=FAST)


# ── outages and failures ────────────────────────────────────────────────────────────────


@each_version
def test_what_happened_during_an_outage_is_told_after_it_in_order(version: str) -> None:
    async def story(here: Office, station: Simulator) -> None:
        await plugged_in(here, station)
        await fast_samples(here)
        assert await here.start() == "Accepted"
        transaction = await running(here)
        await until(lambda: (here.heard("MeterValues") or events(here, "Updated")) and not here.desk.tape.unanswered)
        await here.desk.tape.socket.close()
        await until(lambda: not station.online)
        assert station.screen(1).kind is Kind.CHARGING, "an outage stops no charge"
        await asyncio.sleep(0.2)
        await station.unplug(1)
        assert station.screen(1).kind is Kind.HIDDEN
        await until(lambda: here.heard("StopTransaction") or events(here, "Ended"))
        assert len(here.desks) == 2
        assert len(here.heard("BootNotification")) == 2
        whole_charge(here, transaction)
        if not here.old:
            assert events(here, "Ended")[0]["offline"] is True

    play(version, story, times=FAST)


@each_version
def test_a_whole_charge_without_a_backend_is_told_in_order(version: str) -> None:
    async def story(here: Office, station: Simulator) -> None:
        await until(lambda: station.online)
        await here.tune("AllowOfflineTxForUnknownId", "AuthCtrlr.OfflineTxForUnknownIdEnabled", "true")
        await station.go_offline()
        await station.plug(1)
        await station.swipe(1, "CARD1")
        await until(lambda: station.screen(1).kind is Kind.CHARGING)
        await asyncio.sleep(0.1)
        await station.unplug(1)
        assert here.heard("StartTransaction") == events(here) == []
        station.come_online()
        await until(lambda: here.heard("StopTransaction") or events(here, "Ended"))
        if here.old:
            assert here.heard("StopTransaction")[0]["transactionId"] == 101, "the number came with the answer"
        else:
            assert all(one["offline"] for one in events(here))
            assert [one["seqNo"] for one in events(here)] == list(range(len(events(here))))
        assert here.refusals == []

    play(version, story, times=FAST)


@each_version
def test_a_start_that_was_not_answered_is_told_again_on_the_next_connection(version: str) -> None:
    async def story(here: Office, station: Simulator) -> None:
        await plugged_in(here, station)
        here.hang_ups = 1
        assert await here.start() == "Accepted"
        starts = await until(lambda: _starts(here) if len(_starts(here)) == 2 else None)
        assert starts[0]["timestamp"] == starts[1]["timestamp"]
        assert len(here.desks) == 2
        await until(lambda: station.screen(1).kind is Kind.CHARGING)
        await station.unplug(1)
        await until(lambda: here.heard("StopTransaction") or events(here, "Ended"))

    play(version, story, times=FAST)


@each_version
def test_a_backend_that_fails_twice_is_told_again(version: str) -> None:
    async def story(here: Office, station: Simulator) -> None:
        await plugged_in(here, station)
        await here.tune("TransactionMessageRetryInterval", "OCPPCommCtrlr.MessageAttemptInterval/TransactionEvent", "0")
        here.failures = 2
        assert await here.start() == "Accepted"
        starts = await until(lambda: _starts(here) if len(_starts(here)) == 3 else None)
        assert starts[0] == starts[1] == starts[2]
        await until(lambda: station.screen(1).kind is Kind.CHARGING)
        assert [frame[2] for frame in here.refusals] == ["InternalError"] * 2

    play(version, story, times=FAST)


def _starts(here: Office) -> list[Any]:
    return here.heard("StartTransaction") if here.old else events(here, "Started")


# ── the rest of a backend's day ─────────────────────────────────────────────────────────


@each_version
def test_orders_that_every_backend_gives(version: str) -> None:
    async def story(here: Office, station: Simulator) -> None:
        await until(lambda: station.online)
        assert (await here.order("TriggerMessage", requested_message="Heartbeat"))["status"] == "Accepted"
        await until(lambda: here.heard("Heartbeat"))
        assert (await here.order("ClearCache"))["status"] == "Accepted"
        place = {"connector_id": 1} if here.old else {"evse_id": 1, "connector_id": 1}
        unlocked = await here.order("UnlockConnector", **place)
        assert unlocked["status"] == "Unlocked"
        off, on = (("type", "Inoperative"), ("type", "Operative")) if here.old else (
            ("operational_status", "Inoperative"), ("operational_status", "Operative"))  # fmt: skip
        where = {"connector_id": 1} if here.old else {"evse": {"id": 1}}
        assert (await here.order("ChangeAvailability", **where, **dict([off])))["status"] == "Accepted"
        assert station.screen(1).kind is Kind.OUT_OF_ORDER
        assert (await here.order("ChangeAvailability", **where, **dict([on])))["status"] == "Accepted"
        word = "status" if here.old else "connectorStatus"
        told = await until(lambda: [one[word] for one in here.heard("StatusNotification")][-2:])
        await until(
            lambda: [one[word] for one in here.heard("StatusNotification")][-2:] == ["Unavailable", "Available"]
        )
        assert told
        with pytest.raises(ocpp.exceptions.OCPPError) as caught:
            await here.order("GetLocalListVersion")
        assert caught.value.code == "NotSupported"
        assert here.version in VERSIONS

    play(version, story)


@each_version
def test_after_a_reset_it_boots_again_and_says_why(version: str) -> None:
    async def story(here: Office, station: Simulator) -> None:
        await set_up(here, station)
        kind = "Hard" if here.old else "Immediate"
        assert (await here.order("Reset", type=kind))["status"] == "Accepted"
        await until(lambda: len(here.heard("BootNotification")) == 2)
        if not here.old:
            assert [one["reason"] for one in here.heard("BootNotification")] == ["PowerUp", "RemoteReset"]
        await until(lambda: station.screen(1).kind is Kind.CODE)

    play(version, story, reboot_seconds=0.1, times=FAST)
