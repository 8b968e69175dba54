"""A peer with seeded chance, and short ways to talk to it in tests."""

import json
from decimal import Decimal
from typing import Any

from evouch.charging.equipment import Wiring
from evouch.clock import Tick
from evouch.errors import PeerFault
from evouch.ids import OcppVersion
from evouch.ocpp.manners import Manners
from evouch.ocpp.rpc import Called, Event, Peer, Rejected
from evouch.ocpp.translate import translator
from evouch.testing.clock import SeededEntropy
from evouch.wire import encode

__all__ = ["NOW", "SOON", "called", "hear", "make", "rejected", "said", "station_end"]

NOW = Tick(1000.0)
SOON = Tick(1030.0)


def make(version: OcppVersion, **wiring: Any) -> Peer:
    """Return the backend's end of a connection."""
    return Peer(version, csms=True, entropy=SeededEntropy(), **wiring)


def station_end(version: OcppVersion, manners: Manners) -> Peer:
    """Return the station's end of one, which handles every order that our stations know."""
    handled = translator(version, Wiring(version)).handled_by_station
    return Peer(version, csms=False, entropy=SeededEntropy(), handled=handled, manners=manners)


def hear(peer: Peer, message: Any, at: Tick = NOW) -> list[Event]:
    """Let ``peer`` receive ``message``: text or bytes as they are, anything else as JSON."""
    return peer.receive(message if isinstance(message, (str, bytes)) else encode(message), at)


def said(peer: Peer) -> list[Any]:
    """Return what ``peer`` sends now, decoded."""
    return [json.loads(frame, parse_float=Decimal) for frame in peer.frames_to_send()]


def called(peer: Peer, action: str, payload: Any, id: str = "1") -> Called:
    """Let ``peer`` hear a CALL that it must take; return the event."""
    (event,) = hear(peer, [2, id, action, payload])
    assert isinstance(event, Called), event
    assert said(peer) == []
    return event


def rejected(peer: Peer, action: str, payload: Any, id: str = "1") -> PeerFault:
    """Let ``peer`` hear a CALL that it must refuse; return the fault, which is also what went out."""
    (event,) = hear(peer, [2, id, action, payload])
    assert isinstance(event, Rejected), event
    assert (event.id, event.action) == (id, action)
    (answer,) = said(peer)
    assert answer[:4] == [4, id, event.fault.code, event.fault.description]
    assert len(answer) == 5
    assert json.loads(encode(event.fault.details), parse_float=Decimal) == answer[4]
    assert len(event.fault.description) <= 255
    return event.fault
