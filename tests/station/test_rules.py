import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch.charging.dialogue import (
    ChargingState,
    ConnectorChanged,
    Reading,
    SessionEnded,
    SessionFact,
    SessionStarted,
    SessionUpdated,
)
from evouch.charging.tokens import IdToken
from evouch.ids import EvseNumber, RemoteStartId, TransactionId
from evouch.station.machine import Cause, Event, EvseState, Signal
from evouch.station.rules import Moment, Rules, connector_facts, periodic, step
from evouch.testing.clock import VECTOR_TIME
from evouch.units import Wh

S = Signal
TOKEN = IdToken("AB12")
FREE = EvseState(number=EvseNumber(1))
V16 = Rules(modern=False)
PLUG, CLOSE = Event(signal=S.PLUG, connector=1), Event(signal=S.CLOSE)
UNPLUG = Event(signal=S.UNPLUG)
PAY = Event(signal=S.GRANTED, token=TOKEN, remote_start=RemoteStartId(7))
SWIPE = Event(signal=S.GRANTED, token=TOKEN)
STOP = Event(signal=S.STOP, cause=Cause.REMOTE)


def rules(start: str, stop: str = "Authorized,EVConnected") -> Rules:
    return Rules(modern=True, start_points=frozenset({start}), stop_points=frozenset(stop.split(",")))


def moment(number: int = 0, *, online: bool = True) -> Moment:
    reading = Reading(at=VECTOR_TIME, energy=Wh(1000))
    return Moment(at=VECTOR_TIME, reading=reading, fresh=TransactionId(f"tx{number}"), online=online)


def play(by: Rules, *events: Event) -> list[SessionFact]:
    return [fact for fact in everything(by, *events) if isinstance(fact, SessionFact)]


def everything(by: Rules, *events: Event) -> list[SessionFact | ConnectorChanged]:
    state, said = FREE, list[SessionFact | ConnectorChanged]()
    for number, event in enumerate(events):
        outcome = step(state, event, moment(number), by)
        state = outcome.state
        said += outcome.facts
    return said


def words(facts: list[SessionFact]) -> list[str]:
    return [f"{type(fact).__name__.removeprefix('Session')} {fact.trigger}" for fact in facts]


@pytest.mark.parametrize(
    ("start", "events", "expected"),
    [
        # pay first
        (
            "Authorized",
            (PAY, PLUG, CLOSE, STOP, UNPLUG),
            ["Started RemoteStart", "Updated CablePluggedIn", "Updated ChargingStateChanged", "Ended RemoteStop"],
        ),
        (
            "EVConnected",
            (PAY, PLUG, CLOSE, STOP, UNPLUG),
            ["Started CablePluggedIn", "Updated ChargingStateChanged", "Ended RemoteStop"],
        ),
        ("PowerPathClosed", (PAY, PLUG, CLOSE, STOP, UNPLUG), ["Started RemoteStart", "Ended RemoteStop"]),
        # plug first
        (
            "Authorized",
            (PLUG, PAY, CLOSE, STOP, UNPLUG),
            ["Started RemoteStart", "Updated ChargingStateChanged", "Ended RemoteStop"],
        ),
        (
            "EVConnected",
            (PLUG, PAY, CLOSE, STOP, UNPLUG),
            ["Started CablePluggedIn", "Updated RemoteStart", "Updated ChargingStateChanged", "Ended RemoteStop"],
        ),
        ("PowerPathClosed", (PLUG, PAY, CLOSE, STOP, UNPLUG), ["Started RemoteStart", "Ended RemoteStop"]),
        # with a card
        (
            "PowerPathClosed",
            (PLUG, SWIPE, CLOSE, UNPLUG),
            ["Started ChargingStateChanged", "Ended EVCommunicationLost"],
        ),
        ("EVConnected", (PLUG, UNPLUG), ["Started CablePluggedIn", "Ended EVCommunicationLost"]),
    ],
)
def test_a_transaction_begins_at_its_start_point_in_either_order(
    start: str, events: tuple[Event, ...], expected: list[str]
) -> None:
    facts = play(rules(start), *events)
    assert expected == words(facts)
    assert list(range(len(facts))) == [fact.seq for fact in facts]
    if PAY in events:
        assert [RemoteStartId(7)] == [fact.remote_start for fact in facts if fact.remote_start is not None]
        assert [TOKEN] == [fact.token for fact in facts if fact.token is not None]
        told = next(fact for fact in facts if fact.token is not None)
        assert told.remote_start == RemoteStartId(7), "token and remoteStartId belong together"


def test_a_transaction_that_ends_with_the_cable_remembers_why_it_stopped() -> None:
    facts = play(rules("EVConnected", "EVConnected"), PLUG, PAY, CLOSE, STOP, UNPLUG)
    assert ["Updated RemoteStop", "Ended EVCommunicationLost"] == words(facts)[-2:]
    last = facts[-1]
    assert isinstance(last, SessionEnded)
    assert "Remote" == last.reason


def test_nobody_plugs_in_and_the_transaction_ends_by_timeout() -> None:
    facts = play(rules("Authorized"), PAY, Event(signal=S.STOP, cause=Cause.TIMEOUT))
    assert ["Started RemoteStart", "Ended EVConnectTimeout"] == words(facts)
    assert isinstance(facts[-1], SessionEnded)
    assert "Timeout" == facts[-1].reason


def test_a_second_charge_with_the_cable_still_in_is_a_second_transaction() -> None:
    facts = play(rules("EVConnected"), PLUG, PAY, CLOSE, STOP, SWIPE, CLOSE)
    assert {"tx0", "tx4"} == {fact.transaction for fact in facts}


@pytest.mark.parametrize(
    ("cause", "old", "new", "trigger"),
    [
        (Cause.REMOTE, "Remote", "Remote", "RemoteStop"),
        (Cause.LOCAL, "Local", "Local", "StopAuthorized"),
        (Cause.DEAUTHORISED, "DeAuthorized", "DeAuthorized", "Deauthorized"),
        (Cause.SOFT_RESET, "SoftReset", "Reboot", "ResetCommand"),
        (Cause.HARD_RESET, "HardReset", "ImmediateReset", "ResetCommand"),
        (Cause.UNLOCK, "UnlockCommand", "Other", "UnlockCommand"),
        (Cause.ENERGY_LIMIT, "Other", "EnergyLimitReached", "EnergyLimitReached"),
        (Cause.TIME_LIMIT, "Other", "TimeLimitReached", "TimeLimitReached"),
        (Cause.COST_LIMIT, "Other", "LocalOutOfCredit", "CostLimitReached"),
        (Cause.POWER_LOSS, "PowerLoss", "PowerLoss", "AbnormalCondition"),
    ],
)
def test_why_a_charge_stopped_is_said_in_the_words_of_each_version(
    cause: Cause, old: str, new: str, trigger: str
) -> None:
    stop = Event(signal=S.STOP, cause=cause)
    last = [play(by, PLUG, PAY, CLOSE, stop)[-1] for by in (V16, rules("PowerPathClosed"))]
    assert [old, new] == [fact.reason for fact in last if isinstance(fact, SessionEnded)]
    assert trigger == last[1].trigger


def test_a_fault_ends_the_transaction_and_is_reported() -> None:
    said = everything(rules("PowerPathClosed"), PLUG, PAY, CLOSE, Event(signal=S.FAULT, code="GroundFailure"))
    assert isinstance(said[-1], SessionEnded)
    assert "AbnormalCondition" == said[-1].trigger
    assert isinstance(said[-2], ConnectorChanged)
    assert ("Faulted", "GroundFailure") == (said[-2].status.value, said[-2].error)


def test_1_6_says_start_and_stop_only_and_names_no_transaction_yet() -> None:
    facts = play(V16, PAY, PLUG, CLOSE, STOP, UNPLUG)
    assert [SessionStarted, SessionEnded] == [type(fact) for fact in facts]
    assert [None, None] == [fact.transaction for fact in facts]
    assert [None, None] == [fact.seq for fact in facts]
    assert ["Transaction.Begin", "Transaction.End"] == [fact.readings[0].context for fact in facts]


def test_a_card_that_stops_its_charge_is_named_in_the_end() -> None:
    last = play(V16, PLUG, SWIPE, CLOSE, Event(signal=S.STOP, cause=Cause.LOCAL))[-1]
    assert TOKEN == last.token


def statuses(by: Rules, *events: Event) -> list[str]:
    return [fact.status.value for fact in everything(by, *events) if isinstance(fact, ConnectorChanged)]


def test_1_6_reports_nine_states_and_2_x_five() -> None:
    pause = Event(signal=S.PAUSE_EV)
    day = (PLUG, SWIPE, CLOSE, pause, STOP, UNPLUG)
    assert ["Preparing", "Charging", "SuspendedEV", "Finishing", "Available"] == statuses(V16, *day)
    assert ["Occupied", "Available"] == statuses(rules("PowerPathClosed"), *day)


def test_1_6_leaves_available_when_somebody_paid_before_plugging_in_and_returns_when_nobody_came() -> None:
    gone = Event(signal=S.STOP, cause=Cause.TIMEOUT)
    assert ["Preparing", "Available"] == statuses(V16, PAY, gone)


def test_the_other_connector_of_an_evse_in_use_is_unavailable_on_1_6() -> None:
    state = EvseState(number=EvseNumber(1), connectors=(1, 2))
    for event in (Event(signal=S.PLUG, connector=2), SWIPE, CLOSE):
        state = step(state, event, moment(), V16).state
    facts = connector_facts(state, VECTOR_TIME, V16)
    assert [(1, "Unavailable"), (2, "Charging")] == [(fact.connector, fact.status.value) for fact in facts]


def test_charging_states_follow_the_cable() -> None:
    facts = play(rules("Authorized"), PAY, PLUG, CLOSE, STOP)
    expected = [ChargingState.IDLE, ChargingState.EV_CONNECTED, ChargingState.CHARGING, ChargingState.EV_CONNECTED]
    assert expected == [fact.state for fact in facts]


def test_an_odd_firmware_starts_without_an_evse() -> None:
    odd = Rules(modern=True, start_points=frozenset({"EVConnected"}), started_without_evse=True)
    first, second = play(odd, PLUG, PAY)
    assert (None, None) == (first.evse, first.connector)
    assert EvseNumber(1) == second.evse


def test_readings_are_said_within_a_transaction_only() -> None:
    by = rules("PowerPathClosed")
    assert () == periodic(FREE, moment(), by).facts
    state = FREE
    for event in (PLUG, PAY, CLOSE):
        state = step(state, event, moment(), by).state
    outcome = periodic(state, moment(online=False), by)
    (fact,) = outcome.facts
    assert isinstance(fact, SessionUpdated)
    assert ("MeterValuePeriodic", True, 1) == (fact.trigger, fact.offline, fact.seq)


EVENTS = [PLUG, UNPLUG, PAY, SWIPE, CLOSE, STOP, Event(signal=S.ASK, token=TOKEN), Event(signal=S.DENIED)]
EVENTS += [Event(signal=signal) for signal in (S.PAUSE_EV, S.RESUME, S.FAULT, S.CLEAR, S.CLOSE_DOWN, S.OPEN_UP)]


@given(
    st.lists(st.sampled_from(EVENTS), max_size=60),
    st.sampled_from(["Authorized", "EVConnected", "PowerPathClosed"]),
    st.sampled_from(["Authorized,EVConnected", "EVConnected", "PowerPathClosed", "Authorized"]),
)
def test_whatever_happens_each_transaction_is_told_once_from_start_to_end(
    events: list[Event], start: str, stop: str
) -> None:
    state, open_, seen = FREE, None, set()
    by = rules(start, stop)
    for number, event in enumerate(events):
        if event.signal in {S.PLUG, S.UNPLUG} and (event.signal is S.PLUG) is (state.cable is not None):
            continue
        outcome = step(state, event, moment(number), by)
        for fact in outcome.facts:
            if isinstance(fact, SessionStarted):
                assert open_ is None
                assert fact.transaction not in seen
                open_, expected = fact.transaction, 0
                seen.add(open_)
            if isinstance(fact, SessionFact):
                assert (open_, expected) == (fact.transaction, fact.seq)
                expected += 1
            if isinstance(fact, SessionEnded):
                open_ = None
        state = outcome.state
        assert (state.session is None) is (open_ is None)
        if state.cable is None and not state.busy and state.phase != "authorising":
            assert open_ is None, "an empty, free EVSE has no transaction"
