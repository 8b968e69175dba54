"""The quick way through the peer decides nothing that the long way would decide otherwise."""

import json
from typing import Any

import pytest

from evouch.ids import OcppVersion
from evouch.ocpp.rpc import Called, Event, Peer
from evouch.ocpp.versions import VERSIONS
from tests.ocpp.peers import NOW, make
from tests.ocpp.samples import ACTIONS, sample
from tests.ocpp.test_hostile_frames import MESSAGES


def shown(event: Event) -> tuple[Any, ...]:
    return (type(event).__name__, *(str(getattr(event, name)) for name in event.__struct_fields__))


def both_ways(version: OcppVersion, text: str, *before: str) -> tuple[Peer, Event]:
    """Let one peer hear bytes, which may go the quick way, and one text, which does not; both must say the same."""
    quick, long = make(version), make(version)
    for frame in before:
        quick.receive(frame.encode(), NOW)
        long.receive(frame, NOW)
    (heard,), (also_heard,) = quick.receive(text.encode(), NOW), long.receive(text, NOW)
    assert shown(heard) == shown(also_heard)
    assert quick.frames_to_send() == long.frames_to_send()
    assert quick.tally == long.tally
    return quick, heard


@pytest.mark.parametrize("whole", [False, True], ids=["least", "whole"])
def test_every_call_of_every_version_is_heard_alike(whole: bool) -> None:
    for version, action in ACTIONS:
        payload = sample(version, action, whole=whole)
        _, heard = both_ways(version, json.dumps([2, "x", action, payload], separators=(",", ":")))
        assert isinstance(heard, Called)
        assert heard.payload == payload


@pytest.mark.parametrize("name", MESSAGES)
def test_every_hostile_message_is_judged_alike(name: str) -> None:
    for version in VERSIONS:
        both_ways(version, MESSAGES[name][0])


@pytest.mark.parametrize("version", VERSIONS)
def test_a_call_that_is_already_asked_is_ignored_on_both_ways(version: OcppVersion) -> None:
    heartbeat = '[2,"x","Heartbeat",{}]'
    _, heard = both_ways(version, heartbeat, heartbeat)
    assert shown(heard)[:2] == ("Ignored", "doubled CALL")


@pytest.mark.parametrize("version", VERSIONS)
def test_too_many_unanswered_calls_are_refused_on_both_ways(version: OcppVersion) -> None:
    before = (f'[2,"{number}","Heartbeat",{{}}]' for number in range(64))
    _, heard = both_ways(version, '[2,"x","Heartbeat",{}]', *before)
    assert shown(heard)[0] == "Rejected"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_null_that_is_tolerated_is_tolerated_on_both_ways(version: OcppVersion) -> None:
    peer, heard = both_ways(version, '[2,"x","DataTransfer",{"vendorId":"v","messageId":null}]')
    assert isinstance(heard, Called)
    assert sum(peer.tally.values()) == 1
