"""Who may open a connection."""

import asyncio
from unittest.mock import patch

import pytest

from evouch.clock import Entropy
from evouch.cpo import gate as module
from evouch.cpo.gate import StationGate, password_digest
from evouch.cpo.registry import Registry
from evouch.ids import KeyBytes, Secret, StationId
from evouch.ocpp.gate import Knock
from evouch.store.memory import MemoryStore
from evouch.store.ports import Put
from evouch.store.records import StationRecord
from evouch.testing.clock import ManualClock, SeededEntropy

PEPPER = KeyBytes(b"p" * 32)
KNOWN = StationId("CS-1")
RAW = bytes(range(236, 256))


def gate(password: Secret | None = None, *, blocked: bool = False, open_door: bool = False) -> StationGate:
    store, clock = MemoryStore(), ManualClock()
    entropy: Entropy = SeededEntropy()
    registry = Registry(store, clock, entropy)
    digest = password_digest(PEPPER, KNOWN, password) if password is not None else None

    async def load() -> None:
        await store.commit(Put(StationRecord(id=KNOWN, password=digest, blocked=blocked)))
        await registry.load()

    asyncio.run(load())
    return StationGate(registry, clock, PEPPER, open_door=open_door)


def knock(password: Secret | None, *, station: StationId = KNOWN, address: str = "192.0.2.1") -> Knock:
    return Knock(station=station, password=password, address=address, tls=False, certificate=None, subprotocols=())


def test_the_right_password_opens_and_names_the_credential() -> None:
    admission = gate(Secret("correct-horse-battery")).admit(knock(Secret("correct-horse-battery")))
    assert admission.status == 101
    assert admission.credential.startswith("basic:")


@pytest.mark.parametrize("password", [None, Secret(""), Secret("wrong-horse-battery-"), Secret(b"\xff" * 20)])
def test_any_other_password_is_401(password: Secret | None) -> None:
    assert gate(Secret("correct-horse-battery")).admit(knock(password)).status == 401


def test_a_station_without_a_credential_stays_outside() -> None:
    assert gate(None).admit(knock(None)).status == 401
    assert gate(None).admit(knock(Secret(""))).status == 401
    assert gate(None).admit(knock(Secret("anything-goes-here"))).status == 401


def test_an_open_door_lets_in_who_has_no_credential_and_nobody_with_a_wrong_one() -> None:
    assert gate(None, open_door=True).admit(knock(None)).status == 101
    assert gate(None, open_door=True).admit(knock(None, station=StationId("NEW"))).status == 101
    assert gate(Secret("correct-horse-battery"), open_door=True).admit(knock(None)).status == 401


def test_a_blocked_station_stays_outside_whatever_it_brings() -> None:
    assert (
        gate(Secret("correct-horse-battery"), blocked=True).admit(knock(Secret("correct-horse-battery"))).status == 401
    )
    assert gate(None, blocked=True, open_door=True).admit(knock(None)).status == 401


@pytest.mark.parametrize(
    "sent", [RAW, RAW.hex().encode(), RAW.hex().upper().encode()], ids=["bytes", "digits", "DIGITS"]
)
@pytest.mark.parametrize("configured", [RAW, RAW.hex().encode()], ids=["bytes", "digits"])
def test_a_16_key_is_the_same_password_as_bytes_and_as_digits(configured: bytes, sent: bytes) -> None:
    assert gate(Secret(configured)).admit(knock(Secret(sent))).status == 101


def test_a_stranger_costs_what_a_known_station_costs() -> None:
    door = gate(Secret("correct-horse-battery"))
    for station in (KNOWN, StationId("NOBODY"), StationId("ÄÖÜ/%00")):
        with patch.object(module, "password_digest", wraps=password_digest) as hashed:
            assert door.admit(knock(Secret("wrong-horse-battery-"), station=station)).status == 401
        assert hashed.call_count == 1


def test_an_address_that_guesses_is_slowed_down_and_its_neighbour_is_not() -> None:
    door = gate(Secret("correct-horse-battery"))
    answers = [door.admit(knock(Secret("wrong-horse-battery-"))) for _ in range(70)]
    assert answers[0].status == 401
    assert answers[-1].status == 429
    assert answers[-1].retry_after > 0
    assert door.admit(knock(Secret("wrong-horse-battery-"), address="192.0.2.2")).status == 401
    assert door.admit(knock(Secret("correct-horse-battery"))).status == 101, "the right password is not slowed down"
