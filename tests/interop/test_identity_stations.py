"""Stations of other hands prove who they are to our operator: on every version, over ws, wss and mutual TLS."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ocpp.exceptions
import ocpp.v16
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from evouch.identity.enrolment import IdentityKind, SigningInput
from evouch.identity.standing import Standing
from tests.interop.identity_desk import STATION, TERMS, Vault, vault
from tests.interop.proofs import Key, firmware_proof, own_proof
from tests.interop.station import Old
from tests.interop.strangers import VERSIONS, until, utc
from tests.interop.test_odd_stations import refused
from tests.interop.transports import each_transport, transport_of
from tests.proofs import proves

each_version = pytest.mark.parametrize("version", list(VERSIONS))
each_key = pytest.mark.parametrize("type", ["ed25519", "ecP256", "secp256k1"])

Story = Callable[[Vault], Coroutine[Any, Any, None]]


def play(story: Story, **how: Any) -> None:
    async def run() -> None:
        async with vault(**how) as here:
            await story(here)

    asyncio.run(run())


async def enrol(here: Vault, key: Key) -> str:
    done = await here.town.cpo.identities.enrol(STATION, IdentityKind.PUBLIC_KEY, key.document, actor="test")
    return done.id


async def accepted(station: Any) -> None:
    """Wait until it was told to boot again, and that boot is accepted."""
    await until(lambda: "Accepted" in station.booted)


def kinds(tape: Any) -> list[str]:
    """What was said on the wire, both ways, as words: the action of a CALL, the status of a boot's answer."""
    return [frame[2] if frame[0] == 2 else frame[2].get("status", "answer") for frame in tape.heard if frame[0] != 4]


# ── the flow ────────────────────────────────────────────────────────────────────────────


@proves("W1", "W3", "W4", "W11", "W16")
@each_transport
def test_a_station_is_pending_challenged_and_accepted(way: str, tmp_path: Path) -> None:
    async def story(here: Vault) -> None:
        key = Key.fresh("ecP256")
        await enrol(here, key)
        async with here.connect(key) as station:
            assert await station.boot() == "Pending"
            await accepted(station)
            assert station.booted == ["Pending", "Accepted"]
            assert kinds(station.tape)[:4] == ["Pending", "SignedChallenge", "TriggerMessage", "Accepted"]
            assert here.standing.state is Standing.PROVEN
            assert len(station.challenges) == 1
            assert station.tape.refusals == []

    play(story, transport=transport_of(way, tmp_path))


@proves("W12", "W15")
@each_version
def test_once_proven_it_works_as_any_station(version: str) -> None:
    async def story(here: Vault) -> None:
        key = Key.fresh("ed25519")
        await enrol(here, key)
        async with here.connect(key, version) as station:
            assert await station.boot() == "Pending"
            await accepted(station)
            await station.status("Available")
            assert await until(lambda: station.url), "it was given what a code is made of"
            assert await station.authorize(_token(version, "CARD")) == "Invalid"
            assert station.tape.refusals == []
            assert [call for call in station.tape.heard if call[0] == 2 and call[2] == "DataTransfer"] == []

    play(story)


def _token(version: str, text: str) -> Any:
    return text if version == "ocpp1.6" else {"id_token": text, "type": "ISO14443"}


@proves("W8", "W20")
@each_key
def test_keys_of_every_type_prove_it(type: str) -> None:
    async def story(here: Vault) -> None:
        key = Key.fresh(type)
        id = await enrol(here, key)
        async with here.connect(key) as station:
            await station.boot()
            await accepted(station)
            assert (here.standing.identity, here.standing.signing) == (id, SigningInput.CANONICAL)

    play(story)


@proves("W9", "W19")
def test_the_reference_firmware_proves_it_its_own_way_and_that_is_pinned() -> None:
    async def story(here: Vault) -> None:
        key = Key.fresh("ecP256")
        await enrol(here, key)
        async with here.connect(key) as station:
            station.make = firmware_proof
            await station.boot()
            await accepted(station)
            assert here.standing.signing is SigningInput.HASH_TEXT
        async with here.connect(key) as station:
            station.make = own_proof
            await station.boot()
            await until(lambda: here.standing and here.standing.last_failure)
            assert here.standing.last_failure[0] == "signature"

    play(story)


@proves("W20")
def test_a_did_that_holds_its_key_proves_it() -> None:
    def proof(key: Key, name: str, nonce: str) -> dict[str, Any]:
        return own_proof(key, name, nonce, identityType="web3", web3Identity={"did": key.did, "method": "key"})

    async def story(here: Vault) -> None:
        key = Key.fresh("ed25519")
        await here.town.cpo.identities.enrol(STATION, IdentityKind.WEB3, key.did, actor="test")
        async with here.connect(key) as station:
            station.make = proof
            await station.boot()
            await accepted(station)
            assert here.standing.how == key.did

    play(story)


@proves("W17", "W20")
def test_a_certificate_that_was_presented_in_tls_proves_it_and_another_does_not(tmp_path: Path) -> None:
    transport = transport_of("mTLS", tmp_path)
    assert transport.certificate is not None
    pem = transport.certificate.read_bytes()
    key = Key("ecP256", serialization.load_pem_private_key(pem, None))
    sha256 = x509.load_pem_x509_certificate(pem[pem.index(b"-----BEGIN CERT") :]).fingerprint(hashes.SHA256()).hex()

    def naming(fingerprint: str) -> Any:
        said = {"identityType": "x509Certificate", "x509Identity": {"certificateSha256": fingerprint}}
        return lambda key, name, nonce: own_proof(key, name, nonce, **said)

    async def story(here: Vault) -> None:
        await here.town.cpo.identities.enrol(STATION, IdentityKind.CERTIFICATE, sha256, actor="test")
        async with here.connect(key) as station:
            station.make = naming("0" * 64)
            await station.boot()
            await until(lambda: here.standing.last_failure)
            assert here.standing.last_failure[0] == "key"
        async with here.connect(key) as station:
            station.make = naming(sha256)
            await station.boot()
            await accepted(station)
            assert here.standing.how.startswith("certificate")

    play(story, transport=transport)


# ── lies ────────────────────────────────────────────────────────────────────────────────


#: Names of the OCPP 1.6 security whitepaper; every other step is FailedToAuthenticateAtCentralSystem.
EVENTS = {"nonce": "AttemptedReplayAttacks", "form": "InvalidMessages"}


def lies() -> dict[str, tuple[str, Callable[[Key, str, str], dict[str, Any]]]]:
    """Return name → the step that notices, and how the lie is told."""

    def of(step: str, **wrong: Any) -> tuple[str, Any]:
        return step, lambda key, name, nonce: own_proof(key, name, nonce, **wrong)

    def spoiled(member: str, value: str) -> Any:
        return lambda key, name, nonce: own_proof(key, name, nonce) | {member: value}

    return {
        "another key": ("signature", lambda _, name, nonce: own_proof(Key.fresh("ecP256"), name, nonce)),
        "another nonce": of("nonce", nonce="an old one"),
        "another station": of("cpId", cpId="CS2"),
        "another hash": ("hash", spoiled("payloadSha256Hash", "0" * 64)),
        "no signature": ("signature", spoiled("payloadSignature", "0x" + "00" * 64)),
        "a kind of identity that there is not": of("form", identityType="password"),
        "a local time": of("timestamp", timestamp="2026-11-20T10:00:00+01:00"),
        "a fraction": of("form", powNonce=0.5),
    }


@proves("W8", "W9", "M3", "M5", "M21")
@pytest.mark.parametrize("lie", list(lies()))
def test_a_lie_opens_nothing_and_the_operator_reads_which_it_was(lie: str) -> None:
    step, make = lies()[lie]

    async def story(here: Vault) -> None:
        key = Key.fresh("ecP256")
        await enrol(here, key)
        async with here.connect(key) as station:
            station.make = make
            assert await station.boot() == "Pending"
            await until(lambda: here.standing.last_failure)
            assert (here.standing.state, here.standing.last_failure[0]) == (Standing.FAILED, step)
            assert await station.boot() == "Rejected"
            assert (await refused(station, ocpp.v16.call.Authorize(id_tag="CARD"))).code == "SecurityError"
            assert await station.heartbeat()
            assert await here.alarm() == EVENTS.get(step, "FailedToAuthenticateAtCentralSystem")

    play(story)


@proves("M3", "M6")
def test_a_proof_of_another_connection_is_a_replay() -> None:
    async def story(here: Vault) -> None:
        key = Key.fresh("ed25519")
        await enrol(here, key)
        said: list[dict[str, Any]] = []

        def recorded(key: Key, name: str, nonce: str) -> dict[str, Any]:
            said.append(own_proof(key, name, nonce))
            return dict(said[0])

        async with here.connect(key) as station:
            station.make = recorded
            await station.boot()
            await accepted(station)
        async with here.connect(key) as station:
            station.make = recorded
            await station.boot()
            await until(lambda: here.standing and here.standing.last_failure)
            assert here.standing.last_failure[0] == "nonce"
            assert await here.alarm() == "AttemptedReplayAttacks"

    play(story)


# ── the gate ────────────────────────────────────────────────────────────────────────────


@proves("W13", "W14", "M13", "M14")
@each_version
def test_before_it_has_proved_itself_it_can_boot_and_ask_the_time(version: str) -> None:
    async def story(here: Vault) -> None:
        key = Key.fresh("ecP256")
        await enrol(here, key)
        async with here.connect(key, version) as station:
            never_answers(station)
            assert await station.boot() == "Pending"
            assert await station.heartbeat()
            assert await station.boot() == "Pending"
            token = station._call.Authorize(id_tag="CARD") if version == "ocpp1.6" else station._call.Authorize(
                id_token={"id_token": "CARD", "type": "ISO14443"})  # fmt: skip
            assert (await refused(station, token)).code == "SecurityError"
            with pytest.raises(ocpp.exceptions.OCPPError, match="SecurityError"):
                await station.status("Available")
            asked = [frame[2] for frame in station.tape.heard if frame[0] == 2]
            assert asked == ["SignedChallenge"], "one challenge is open, and nothing else is said to it"

    play(story)


def never_answers(station: Any) -> None:
    """Let it ask, and keep its answers to itself."""
    send = station.tape.send

    async def send_calls(message: str) -> None:
        if message.startswith("[2"):
            await send(message)

    station.tape.send = send_calls


@proves("M15")
def test_a_station_that_reconnects_without_booting_is_challenged_at_its_first_word() -> None:
    async def story(here: Vault) -> None:
        key = Key.fresh("ed25519")
        await enrol(here, key)
        async with here.connect(key) as station:
            await station.boot()
            await accepted(station)
        async with here.connect(key) as station:
            with pytest.raises(ocpp.exceptions.OCPPError, match="SecurityError"):
                await station.status("Available")
            await until(lambda: here.standing and here.standing.state is Standing.PROVEN)
            await station.status("Available")
            assert await station.authorize("CARD") == "Invalid"

    play(story)


@proves("M15")
def test_a_station_that_says_nothing_is_challenged_all_the_same() -> None:
    async def story(here: Vault) -> None:
        key = Key.fresh("ed25519")
        await enrol(here, key)
        async with here.connect(key) as station:
            await until(lambda: here.standing and here.standing.state is Standing.PROVEN)
            assert await station.boot() == "Accepted"

    play(story, terms=replace(TERMS, silence=0.1))


# ── who else there is ───────────────────────────────────────────────────────────────────


@proves("W2", "W18", "M22")
def test_a_station_that_is_trusted_is_never_asked() -> None:
    async def story(here: Vault) -> None:
        key = Key.fresh("ed25519")
        await enrol(here, key)
        await here.town.cpo.identities.trust(STATION, True, actor="test")
        async with here.connect(key) as station:
            assert await station.boot() == "Accepted"
            await station.status("Available")
            assert await until(lambda: station.url)
            assert station.challenges == []

    play(story)


@proves("M12", "M22")
def test_the_package_as_it_comes_does_not_know_the_message_and_is_not_let_in() -> None:
    async def story(here: Vault) -> None:
        await enrol(here, Key.fresh("ed25519"))
        async with here.connect(Key.fresh("ed25519"), model=Old) as station:
            assert await station.boot() == "Pending"
            await until(lambda: here.standing.last_failure)
            assert here.standing.last_failure[0] == "unsupported"
            (answer,) = [frame for frame in station.tape.said if frame[0] == 4]
            assert answer[2] == "NotSupported", "the package has the two codes the other way round"
            assert await station.boot() == "Rejected"

    play(story)


@proves("M7")
def test_a_stranger_with_the_password_does_not_cut_the_proven_station_off() -> None:
    async def story(here: Vault) -> None:
        key = Key.fresh("ecP256")
        await enrol(here, key)
        async with here.connect(key) as station:
            await station.boot()
            await accepted(station)
            async with here.connect(Key.fresh("ecP256")) as thief:
                assert await thief.boot() == "Pending"
                await until(lambda: thief.challenges)
                assert await station.heartbeat()
                await station.status("Available")
                assert here.standing.state is Standing.PROVEN
                await until(lambda: thief.tape.socket.close_code == 1008)
            assert await station.heartbeat()

    play(story)


@proves("M7")
def test_the_station_itself_takes_its_place_back_by_proving_itself_again() -> None:
    async def story(here: Vault) -> None:
        key = Key.fresh("ecP256")
        await enrol(here, key)
        async with here.connect(key) as old:
            await old.boot()
            await accepted(old)
            async with here.connect(key) as new:
                await new.boot()
                await accepted(new)
                await until(lambda: old.tape.socket.close_code is not None)
                await new.status("Available")
                assert len(here.town.cpo.challenger.visits.of(STATION)) == 1

    play(story)


@proves("M11")
def test_a_revoked_key_ends_the_connection_that_it_proved() -> None:
    async def story(here: Vault) -> None:
        key, following = Key.fresh("ecP256"), Key.fresh("ed25519")
        id = await enrol(here, key)
        await here.town.cpo.identities.rotate(STATION, IdentityKind.PUBLIC_KEY, following.document, actor="test")
        async with here.connect(key) as station:
            await station.boot()
            await accepted(station)
            await here.town.cpo.identities.revoke(id, actor="test", reason="lost")
            await until(lambda: station.tape.socket.close_code is not None)
        async with here.connect(following) as station:
            await station.boot()
            await accepted(station)

    play(story)


@proves("M10")
def test_the_first_key_is_trusted_only_while_an_operator_waits_for_it() -> None:
    def offering(key: Key, name: str, nonce: str) -> dict[str, Any]:
        return own_proof(key, name, nonce, publicKey=key.document)

    async def story(here: Vault) -> None:
        key = Key.fresh("ed25519")
        await here.town.cpo.identities.open_window(STATION, 60, actor="test")
        async with here.connect(key) as station:
            station.make = offering
            await station.boot()
            await accepted(station)
        (identity,) = here.town.cpo.identities.of(STATION)
        assert identity.enrolled_by == "first use"
        async with here.connect(Key.fresh("ed25519")) as other:
            other.make = offering
            assert await other.boot() == "Pending"
            await until(lambda: here.standing and here.standing.last_failure)
            assert await other.boot() == "Rejected"

    play(story)


# ── transactions ────────────────────────────────────────────────────────────────────────


@proves("M16")
def test_a_start_that_comes_too_early_waits_for_the_proof_it_brings_about() -> None:
    async def story(here: Vault) -> None:
        key = Key.fresh("ecP256")
        await enrol(here, key)
        async with here.connect(key) as station:
            station.token = "CARD"
            answer = await station.call(station.start_message(), suppress=False)
            assert here.standing.state is Standing.PROVEN
            assert answer.id_tag_info["status"] == "Invalid", "the normal answer: nobody knows this card"

    play(story)


@proves("M16")
def test_what_an_unproven_station_says_of_a_charge_is_kept_and_never_lost() -> None:
    async def story(here: Vault) -> None:
        key = Key.fresh("ecP256")
        await enrol(here, key)
        async with here.connect(Key.fresh("ecP256")) as station:
            station.transaction = 77
            stop = ocpp.v16.call.StopTransaction(
                meter_stop=9_000, timestamp=utc(datetime.now(UTC)), transaction_id=77, reason="EVDisconnected"
            )
            await station.call(stop, suppress=False)
            await until(lambda: here.standing.last_failure)
        kept: list[Any] = []
        while not kept or kept[0].state != "kept":
            await asyncio.sleep(0.01)
            kept = await here.town.cpo.registry.store.quarantined(station=STATION)
        assert [each.action for each in kept] == ["StopTransaction"]

    play(story)
