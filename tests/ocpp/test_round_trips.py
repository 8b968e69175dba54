"""Whatever a version can say arrives as it was said: facts, answers, orders, in both directions.

Each strategy makes what its version can express; the other tests of this folder show what
becomes of the rest.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evouch.charging.dialogue import (
    AnnounceStart,
    BootAnswer,
    Booted,
    BootStatus,
    CancelReservation,
    ChangeAvailability,
    ChargingState,
    ClearCache,
    Configure,
    ConnectorChanged,
    CostSoFar,
    DataAnswer,
    DataReceived,
    DataStatus,
    Fact,
    MeterSampled,
    Order,
    Reading,
    ReadSettings,
    ReportSettings,
    Reserve,
    Reset,
    SendData,
    SessionAnswer,
    SessionEnded,
    SessionStarted,
    SessionUpdated,
    Setting,
    SettingResult,
    SettingsReported,
    SettingStatus,
    StartCharging,
    StillThere,
    StopCharging,
    Text,
    TimeAnswer,
    TokenPresented,
    Trigger,
    Unlock,
    VehicleIdentified,
    WebPaymentFailed,
    WebPaymentStarted,
)
from evouch.charging.equipment import ConnectorStatus
from evouch.charging.tokens import Authorization, IdToken, Limit, TokenKind, TokenStatus
from evouch.ids import EvseNumber, Mac, OcppVersion, RemoteStartId, Secret, TransactionId
from evouch.ocpp.variables import VARIABLES, WEB_PAYMENTS
from evouch.ocpp.versions import V16, V21, V201
from evouch.units import Money
from tests.ocpp.wiretalk import NOON, VERSIONS, answered, heard, lifted, wired

EUR = "EUR"
ASCII = st.characters(min_codepoint=33, max_codepoint=126)
TIMES = st.integers(0, 10**9).map(lambda ms: NOON + timedelta(milliseconds=ms))
PLACES_16 = st.sampled_from([(1, 1), (2, 2), (2, 3)]).map(lambda place: (EvseNumber(place[0]), place[1]))
PLACES_2 = st.tuples(st.integers(1, 9).map(EvseNumber), st.integers(1, 3))
MONEY = st.integers(0, 10**7).map(lambda minor: Money.from_minor(minor, EUR))
CONTEXTS = st.sampled_from(["Sample.Periodic", "Sample.Clock", "Trigger", "Other", "Interruption.Begin"])
KINDS_201 = ["Central", "eMAID", "ISO14443", "ISO15693", "KeyCode", "Local", "MacAddress", "NoAuthorization"]
REASONS_16 = [
    ("Remote", "RemoteStop"), ("Local", "StopAuthorized"), ("EVDisconnected", "EVCommunicationLost"),
    ("PowerLoss", "AbnormalCondition"), ("HardReset", "ResetCommand"), ("DeAuthorized", "Deauthorized"),
]  # fmt: skip
FREE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


def text(most: int, least: int = 1) -> st.SearchStrategy[str]:
    return st.text(ASCII, min_size=least, max_size=most)


VEHICLES = (TokenKind.MAC_ADDRESS, TokenKind.EVCCID)
MACS = st.binary(min_size=6, max_size=6).map(Mac)


def tokens(version: OcppVersion) -> st.SearchStrategy[IdToken]:
    vehicles = VEHICLES if version == V21 else VEHICLES[:1]
    cars = st.builds(IdToken, st.just(""), st.sampled_from(vehicles), MACS)
    if version == V16:
        return cars | st.builds(IdToken, text(20))
    kinds = [*TokenKind][:-1] if version == V21 else [TokenKind(kind) for kind in KINDS_201]
    others = st.sampled_from([kind for kind in kinds if kind not in VEHICLES])
    return cars | st.builds(IdToken, text(255 if version == V21 else 36), others)


def places(version: OcppVersion) -> st.SearchStrategy[tuple[EvseNumber, int]]:
    return PLACES_16 if version == V16 else PLACES_2


def transactions(version: OcppVersion) -> st.SearchStrategy[TransactionId]:
    numbers = st.integers(1, 2**31 - 1).map(str)
    return (numbers if version == V16 else text(36)).map(TransactionId)


@st.composite
def readings(draw: st.DrawFn, context: st.SearchStrategy[str] = CONTEXTS) -> Reading:
    energy, power = draw(st.none() | st.integers(0, 10**9)), draw(st.none() | st.integers(0, 10**6))
    soc = draw(st.none() | st.decimals(0, 100, places=1))
    if (energy, power, soc) == (None, None, None):
        energy = 0
    values: dict[str, Any] = {"energy": energy, "power": power, "soc": soc}
    return Reading(at=draw(TIMES), context=draw(context), **values)


def register(at: Any, context: str) -> st.SearchStrategy[Reading]:
    energies: st.SearchStrategy[Any] = st.integers(0, 10**9)
    return st.builds(Reading, at=st.just(at), energy=energies, context=st.just(context))


# ── facts ───────────────────────────────────────────────────────────────────────────────


@st.composite
def sessions_16(draw: st.DrawFn) -> Fact[Any]:
    at, (evse, connector) = draw(TIMES), draw(PLACES_16)
    transaction, token = draw(transactions(V16)), draw(tokens(V16))
    kind = draw(st.sampled_from([SessionStarted, SessionUpdated, SessionEnded]))
    if kind is SessionStarted:
        return SessionStarted(
            transaction=None, at=at, evse=evse, connector=connector, token=token, trigger="Authorized",
            readings=(draw(register(at, "Transaction.Begin")),), reservation=draw(st.none() | st.integers(0, 99)),
        )  # fmt: skip
    some = draw(st.lists(readings(), min_size=1, max_size=3))
    if kind is SessionUpdated:
        words = {"Sample.Clock": "MeterValueClock", "Trigger": "Trigger"}
        return SessionUpdated(
            transaction=transaction, at=some[-1].at, evse=evse, connector=connector, readings=tuple(some),
            trigger=words.get(some[-1].context, "MeterValuePeriodic"),
        )  # fmt: skip
    reason, trigger = draw(st.sampled_from(REASONS_16))
    return SessionEnded(
        transaction=transaction, at=at, token=draw(st.none() | st.just(token)), reason=reason, trigger=trigger,
        readings=(*some, draw(register(at, "Transaction.End"))),
    )  # fmt: skip


@st.composite
def sessions_2(draw: st.DrawFn, version: OcppVersion) -> Fact[Any]:
    evse, connector = draw(st.just((None, None)) | PLACES_2 | PLACES_2.map(lambda place: (place[0], None)))
    common: dict[str, Any] = {
        "transaction": draw(transactions(version)),
        "at": draw(TIMES),
        "evse": evse,
        "connector": connector,
        "token": draw(st.none() | tokens(version)),
        "remote_start": draw(st.none() | st.integers(0, 2**31 - 1).map(RemoteStartId)),
        "readings": tuple(draw(st.lists(readings(), max_size=3))),
        "seq": draw(st.integers(0, 2**31 - 1)),
        "trigger": draw(st.sampled_from(["RemoteStart", "CablePluggedIn", "MeterValuePeriodic", "Trigger"])),
        "state": draw(st.none() | st.sampled_from(ChargingState)),
        "offline": draw(st.booleans()),
    }
    kind = draw(st.sampled_from([SessionStarted, SessionUpdated, SessionEnded]))
    if kind is SessionStarted:
        return SessionStarted(**common, reservation=draw(st.none() | st.integers(0, 99)))
    if kind is SessionEnded:
        return SessionEnded(**common, reason=draw(st.sampled_from(["Remote", "Local", "EVDisconnected", "Timeout"])))
    return SessionUpdated(**common)


@st.composite
def facts(draw: st.DrawFn, version: OcppVersion) -> Fact[Any]:
    old = version == V16
    evse, connector = draw(places(version))
    match draw(st.integers(0, 7 if old else 8)):
        case 0:
            return Booted(
                vendor=draw(text(20)), model=draw(text(20)), serial=draw(text(25, 0)), firmware=draw(text(50, 0)),
                reason="Unknown" if old else draw(st.sampled_from(["PowerUp", "RemoteReset", "Unknown"])),
            )  # fmt: skip
        case 1:
            return StillThere()
        case 2:
            words = [*ConnectorStatus]
            words = [one for one in words if (one is not ConnectorStatus.OCCUPIED) == old or one in words[-3:]]
            words = words if old else [ConnectorStatus.AVAILABLE, ConnectorStatus.OCCUPIED, *words[-3:]]
            return ConnectorChanged(
                evse=evse, connector=connector, status=draw(st.sampled_from(words)),
                at=draw(st.none() | TIMES) if old else draw(TIMES),
                error=draw(st.sampled_from(["NoError", "GroundFailure"])) if old else "NoError",
                info=draw(text(50, 0)) if old else "",
            )  # fmt: skip
        case 3:
            return TokenPresented(token=draw(tokens(version)))
        case 4:
            sampled = tuple(draw(st.lists(readings(), min_size=1, max_size=3)))
            return MeterSampled(evse=draw(st.just(EvseNumber(0)) | st.just(evse)), readings=sampled)
        case 5:
            return draw(sessions_16() if old else sessions_2(version))
        case 6:
            data = draw(st.none() | st.text(max_size=20) if old else FREE)
            return DataReceived(vendor=draw(text(255)), message=draw(st.none() | text(50)), data=data)
        case 7:
            return VehicleIdentified(
                mac=draw(MACS), evse=evse, connector=connector, transaction=draw(st.none() | transactions(version)),
                at=None if old else draw(TIMES),
            )  # fmt: skip
        case _:
            return SettingsReported(
                request=draw(st.integers(0, 99)), page=draw(st.integers(0, 99)), more=draw(st.booleans()),
                at=draw(TIMES), settings=tuple(draw(st.lists(reported(), max_size=3))),
            )  # fmt: skip


@st.composite
def reported(draw: st.DrawFn) -> SettingResult:
    evse = draw(st.none() | st.integers(1, 9).map(EvseNumber))
    named = draw(st.sampled_from([one.name for one in VARIABLES if one.name != "SharedSecret"]))
    ours = draw(st.booleans())
    setting = Setting(
        component=WEB_PAYMENTS if ours else draw(text(50)),
        variable=named if ours else draw(text(50)),
        evse=evse,
        instance=None if ours else draw(st.none() | text(50)),
    )
    value = draw(st.none() | text(99, 0))
    return SettingResult(setting=setting, status=SettingStatus.ACCEPTED, value=value, readonly=draw(st.booleans()))


ROUNDS = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("version", VERSIONS)
@ROUNDS
@given(data=st.data())
def test_a_backend_hears_what_a_station_says(version: OcppVersion, data: st.DataObject) -> None:
    fact = data.draw(facts(version))
    assert lifted(fact, wired(version)) == fact


# ── answers to facts ────────────────────────────────────────────────────────────────────


@st.composite
def authorizations(draw: st.DrawFn, version: OcppVersion) -> Authorization:
    words = ["Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"]
    statuses = [TokenStatus(word) for word in words] if version == V16 else [*TokenStatus]
    return Authorization(
        status=draw(st.sampled_from(statuses)),
        expires=draw(st.none() | TIMES),
        group=draw(st.none() | text(20 if version == V16 else 36)),
    )


@st.composite
def session_answers(draw: st.DrawFn, version: OcppVersion) -> SessionAnswer:
    energies: st.SearchStrategy[Any] = st.none() | st.integers(1, 10**6)
    limits = st.builds(Limit, st.none() | MONEY, energies, st.none() | st.integers(1, 10**6))
    return SessionAnswer(
        authorization=draw(st.none() | authorizations(version)),
        total_cost=draw(st.none() | MONEY),
        limit=draw(st.none() | limits.filter(bool)) if version == V21 else None,
        message=draw(st.none() | st.builds(Text, st.text(min_size=1, max_size=99), st.just("de"))),
    )


@pytest.mark.parametrize("version", VERSIONS)
@ROUNDS
@given(data=st.data())
def test_a_station_hears_what_a_backend_answers(version: OcppVersion, data: st.DataObject) -> None:
    wiring, now = wired(version, currency=EUR), data.draw(TIMES)
    token = data.draw(tokens(version))
    statuses = data.draw(st.sampled_from(BootStatus))
    pairs: list[tuple[Fact[Any], Any]] = [
        (Booted(vendor="V", model="M"), BootAnswer(statuses, now, data.draw(st.integers(0, 86400)))),
        (StillThere(), TimeAnswer(now)),
        (TokenPresented(token=token), data.draw(authorizations(version))),
        (DataReceived(vendor="v"), DataAnswer(data.draw(st.sampled_from(DataStatus)), data.draw(st.text(max_size=9)))),
    ]
    if version == V16:
        start = SessionStarted(transaction=None, at=now, evse=EvseNumber(1), token=token)
        verdict = data.draw(authorizations(V16))
        pairs.append((start, SessionAnswer(authorization=verdict, transaction=data.draw(transactions(V16)))))
    else:
        update = SessionUpdated(transaction=data.draw(transactions(version)), at=now, seq=1, trigger="Trigger")
        pairs.append((update, data.draw(session_answers(version))))
    for fact, answer in pairs:
        assert answered(fact, answer, wiring) == answer


# ── orders ──────────────────────────────────────────────────────────────────────────────


def writable(version: OcppVersion) -> st.SearchStrategy[Setting]:
    evses = st.none() | st.sampled_from([EvseNumber(1), EvseNumber(2)])
    shown = [one.name for one in VARIABLES if one.name != "SharedSecret"]
    ours = st.builds(
        Setting, component=st.just(WEB_PAYMENTS), variable=st.sampled_from(shown), value=text(99, 0), evse=evses
    )
    secret = st.builds(
        Setting,
        component=st.just(WEB_PAYMENTS),
        variable=st.just("SharedSecret"),
        value=st.text(min_size=8, max_size=40).map(Secret),
        evse=evses,
    )
    component = st.just("") if version == V16 else st.just("TxCtrlr")
    plain = st.builds(Setting, component=component, variable=st.just("TxStartPoint"), value=text(99, 0))
    return ours | secret | plain


@st.composite
def orders(draw: st.DrawFn, version: OcppVersion) -> Order[Any]:
    old = version == V16
    evse, connector = draw(places(version))
    transaction, token = draw(transactions(version)), draw(tokens(version))
    on_wire = connector if old else None
    match draw(st.integers(0, 14 if old else 16)):
        case 0:
            extra = st.lists(st.tuples(text(50), text(255)), max_size=2).map(tuple)
            return StartCharging(
                evse=evse, token=token, connector=on_wire,
                remote_start=RemoteStartId(0 if old else draw(st.integers(0, 2**31 - 1))),
                additional=draw(extra) if version == V21 else (),
            )  # fmt: skip
        case 1:
            return StopCharging(transaction=transaction)
        case 2:
            return WebPaymentStarted(evse=evse, timeout=draw(st.integers(0, 300)), connector=on_wire)
        case 3:
            texts = draw(st.lists(st.builds(Text, st.text(max_size=99), st.just("nl")), max_size=3))
            return WebPaymentFailed(evse=evse, messages=tuple(texts), connector=on_wire)
        case 4:
            some = draw(st.lists(writable(version), min_size=1, max_size=1 if old else 4))
            return Configure(settings=tuple(some))
        case 5:
            some = draw(st.lists(writable(version), min_size=1, max_size=4))
            return ReadSettings(
                settings=tuple(
                    Setting(component=one.component, variable=one.variable, evse=one.evse, instance=one.instance)
                    for one in some
                )
            )
        case 6:
            return Reset(hard=draw(st.booleans()), evse=None if old else draw(st.none() | st.just(evse)))
        case 7:
            place = draw(st.sampled_from([(None, None), (evse, connector)]))
            return ChangeAvailability(operative=draw(st.booleans()), evse=place[0], connector=place[1])
        case 8:
            return Unlock(evse=evse, connector=connector)
        case 9:
            place = draw(st.sampled_from([(None, None), (evse, connector)]))
            return Trigger(message="StatusNotification", evse=place[0], connector=place[1])
        case 10:
            return ClearCache()
        case 11:
            return Reserve(id=draw(st.integers(0, 99)), evse=evse, token=token, expires=draw(TIMES), connector=on_wire)
        case 12:
            return CancelReservation(id=draw(st.integers(0, 99)))
        case 13:
            data = draw(st.none() | st.text(max_size=20) if old else FREE)
            return SendData(vendor=draw(text(255)), message=draw(st.none() | text(50)), data=data)
        case 14:
            return AnnounceStart(evse=evse, seconds=draw(st.integers(0, 300)), connector=on_wire)
        case 15:
            return CostSoFar(transaction=transaction, cost=draw(MONEY))
        case _:
            return ReportSettings(request=draw(st.integers(0, 99)))


@pytest.mark.parametrize("version", VERSIONS)
@ROUNDS
@given(data=st.data())
def test_a_station_hears_what_a_backend_orders(version: OcppVersion, data: st.DataObject) -> None:
    order = data.draw(orders(version))
    assert heard(order, wired(version, currency=EUR)) == [order]


@ROUNDS
@given(data=st.data())
def test_the_running_cost_of_1_6_arrives_with_its_meter_reading(data: st.DataObject) -> None:
    energies: st.SearchStrategy[Any] = st.integers(0, 10**9)
    order = CostSoFar(
        transaction=data.draw(transactions(V16)), cost=data.draw(MONEY), at=data.draw(TIMES), meter=data.draw(energies)
    )
    assert heard(order, wired(V16, currency=EUR, cost_messages=True)) == [order]


@given(version=st.sampled_from([V201, V21]), soc=st.decimals(0, 100, places=3))
def test_no_digit_of_a_number_is_lost(version: OcppVersion, soc: Decimal) -> None:
    sampled = MeterSampled(evse=EvseNumber(1), readings=(Reading(at=NOON, soc=soc),))
    assert lifted(sampled, wired(version)) == sampled
