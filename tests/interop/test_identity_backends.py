"""Our station proves who it is to a backend of other hands: on every version, over ws, wss and mutual TLS."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from evouch.identity.proof import Profile
from evouch.ids import KeyBytes, StationId
from evouch.ocpp.manners import Habit
from evouch.station.app import Simulator
from evouch.station.prover import Prover
from tests.interop.identity_office import MODELS, Examiner
from tests.interop.office import office
from tests.interop.proofs import Key
from tests.interop.strangers import VERSIONS, until
from tests.interop.transports import NAME, each_transport, transport_of
from tests.proofs import proves

each_version = pytest.mark.parametrize("version", list(VERSIONS))
each_key = pytest.mark.parametrize("type", ["ed25519", "ecP256", "secp256k1"])
each_manner = pytest.mark.parametrize("manner", list(Profile))

Story = Callable[[Examiner, Simulator], Coroutine[Any, Any, None]]


def play(here: Examiner, story: Story, **how: Any) -> None:
    async def run() -> None:
        async with office(here.version, here=here, model=MODELS[here.version], **how) as (_, station):
            await story(here, station)

    asyncio.run(run())


def pkcs8(key: Key) -> KeyBytes:
    form = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return KeyBytes(key.private.private_bytes(*form))


async def proven(here: Examiner, station: Simulator) -> None:
    await until(lambda: here.proven and station.online)
    await until(lambda: here.heard("StatusNotification"))
    assert here.faults == [""]
    assert len(here.heard("BootNotification")) == 2
    assert here.refusals == []


@proves("W1", "W6", "W7", "W16")
@each_transport
def test_our_station_proves_itself_to_a_stranger(way: str, tmp_path: Path) -> None:
    transport, key = transport_of(way, tmp_path), Key.fresh("ecP256")
    tls = (transport.server, transport.client) if transport.server else None
    here = Examiner("ocpp1.6", key=key, name=NAME)
    play(here, proven, tls=tls, id=StationId(NAME), prover=Prover(key=pkcs8(key)))


@proves("W8", "W9")
@each_manner
@each_key
def test_every_key_signs_in_both_manners(type: str, manner: Profile) -> None:
    key = Key.fresh(type)
    here = Examiner("ocpp1.6", key=key)

    async def story(here: Examiner, station: Simulator) -> None:
        await proven(here, station)
        (answer,) = here.proofs
        native = manner is Profile.REFERENCE
        assert ("type" in answer) is native
        assert len(answer["payloadSha256Hash"]) == (43 if native else 64)
        assert answer["payloadSignature"].startswith("0x") is not native

    play(here, story, prover=Prover(key=pkcs8(key), manner=manner))


@proves("W21")
@each_version
def test_our_extension_speaks_the_same_on_every_version(version: str) -> None:
    key = Key.fresh("ed25519")
    play(Examiner(version, key=key), proven, prover=Prover(key=pkcs8(key)))


@proves("W10")
def test_it_works_for_its_proof_when_it_is_asked_to() -> None:
    key = Key.fresh("ed25519")

    async def story(here: Examiner, station: Simulator) -> None:
        await proven(here, station)
        assert int(here.proofs[0]["payloadSha256Hash"], 16) % 2**10 == 0

    play(Examiner("ocpp1.6", key=key, difficulty=10), story, prover=Prover(key=pkcs8(key)))


@proves("W8")
def test_another_key_is_found_out_by_the_stranger() -> None:
    async def story(here: Examiner, station: Simulator) -> None:
        await until(lambda: here.faults)
        assert here.faults == ["signature"]
        assert here.heard("StatusNotification") == []

    play(Examiner("ocpp1.6", key=Key.fresh("ecP256")), story, prover=Prover(key=pkcs8(Key.fresh("ecP256"))))


@proves("M8")
def test_a_challenge_that_was_made_for_another_backend_is_not_answered() -> None:
    key = Key.fresh("ed25519")

    async def story(here: Examiner, station: Simulator) -> None:
        await until(lambda: here.refusals)
        assert here.refusals[0][2] == "SecurityError"
        assert here.proofs == []

    here = Examiner("ocpp1.6", key=key, nonce="cmFuZG9t.Y3Ntcy5leGFtcGxlLmNvbQ")
    play(here, story, prover=Prover(key=pkcs8(key), host="other.example.com"))


@proves("M12")
@pytest.mark.parametrize(
    ("habit", "code"), [(Habit.NOT_IMPLEMENTED, "NotImplemented"), (Habit.NOT_SUPPORTED, "NotSupported")]
)
def test_a_station_without_a_key_has_never_heard_of_it(habit: Habit, code: str) -> None:
    async def story(here: Examiner, station: Simulator) -> None:
        await until(lambda: here.refusals)
        assert here.refusals[0][2] == code

    play(Examiner("ocpp1.6"), story, unknown=habit)
