"""Two translators and a wire between them: what one says is checked, encoded, decoded and read by the other."""

from datetime import UTC, datetime
from typing import Any

from evouch.charging.dialogue import Fact, Order, Unspeakable
from evouch.charging.equipment import Evse, Wiring
from evouch.errors import PeerRefused
from evouch.ids import EvseNumber, OcppVersion
from evouch.ocpp.schemas import validator
from evouch.ocpp.translate import translator
from evouch.ocpp.translator import AnsweredAlready, Call, Json
from evouch.ocpp.versions import V16, V21, V201
from evouch.wire import decode, encode

VERSIONS = (V16, V201, V21)
FAMILY_2 = (V201, V21)
NOON = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)


def wired(version: OcppVersion, **more: Any) -> Wiring:
    """Return a station of two EVSEs; on 1.6 EVSE 2 has connectors 2 and 3."""
    second = (2, 3) if version == V16 else (1, 2)
    evses = {EvseNumber(n): Evse(number=EvseNumber(n), connectors=c) for n, c in ((1, (1,)), (2, second))}
    return Wiring(version, evses, **more)


def over_the_wire(payload: Json) -> Json:
    """Return ``payload`` as the peer decodes it."""
    return decode(encode(payload))


def request(version: OcppVersion, action: str, payload: Json) -> Json:
    """Return a CALL's payload as the peer decodes it, having passed the official schema."""
    arrived = over_the_wire(payload)
    validator(version, action).validate(arrived)
    return arrived


def response(version: OcppVersion, action: str, payload: Json) -> Json:
    """Return a CALLRESULT's payload as the peer decodes it, having passed the official schema."""
    arrived = over_the_wire(payload)
    validator(version, action, response=True).validate(arrived)
    return arrived


def spoken(fact: Fact[Any], wiring: Wiring) -> Call:
    said = translator(wiring.version, wiring).say(fact)
    assert not isinstance(said, Unspeakable), said
    action, payload = said
    return action, request(wiring.version, action, payload)


def lifted(fact: Fact[Any], wiring: Wiring) -> Fact[Any]:
    """Return what a backend understands when a station says ``fact``."""
    return translator(wiring.version, wiring).fact(*spoken(fact, wiring))


def answered(fact: Fact[Any], answer: Any, wiring: Wiring) -> Any:
    """Return what a station understands when a backend answers ``fact``."""
    speaks = translator(wiring.version, wiring)
    action, _ = spoken(fact, wiring)
    return speaks.heard(fact, response(wiring.version, action, speaks.answer(fact, answer)))


def calls(order: Order[Any], wiring: Wiring) -> list[Call]:
    said = translator(wiring.version, wiring).order(order)
    assert not isinstance(said, Unspeakable), said
    return [(action, request(wiring.version, action, payload)) for action, payload in said]


def heard(order: Order[Any], wiring: Wiring) -> list[Order[Any]]:
    """Return what a station understands when a backend gives ``order``."""
    speaks = translator(wiring.version, wiring)
    return [speaks.told(action, payload) for action, payload in calls(order, wiring)]


def carried_out(order: Order[Any], answer: Any, wiring: Wiring) -> Any:
    """Return what a backend understands when a station answers each CALL of ``order`` with ``answer``."""
    speaks = translator(wiring.version, wiring)
    answers: list[Json | PeerRefused] = []
    for action, payload in calls(order, wiring):
        done = speaks.done(speaks.told(action, payload), answer)
        answers.append(response(wiring.version, action, done))
    return speaks.outcome(order, answers)


def answered_at_once(version: OcppVersion, action: str, payload: Json) -> Json:
    """Return the CALLRESULT that a station gives without asking anybody, checked against the official schema."""
    speaks = translator(version, wired(version))
    try:
        order = speaks.told(action, over_the_wire(payload))
    except AnsweredAlready as already:
        return response(version, action, already.payload)
    raise AssertionError(order)
