"""``evouch station run``: which station the settings describe."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from evouch.cli.config import ConfigError, load
from evouch.cli.pem import BadPemFile, certificate_in, client_tls
from evouch.cli.serve import CpoService
from evouch.cli.settings import CpoConfig, Http, StationConfig, StationEntry
from evouch.cli.settings_identity import IdentityEntry, IdentitySection, Ocpp, Tls
from evouch.cli.simulators import Simulators
from evouch.cli.station import app, spec_of, tls_of
from evouch.clock import SystemClock, SystemEntropy
from evouch.identity.enrolment import IdentityKind
from evouch.identity.proof import Profile
from evouch.identity.standing import Standing
from evouch.ids import KeyBytes, StationId
from evouch.ocpp.manners import Habit
from evouch.station.spec import StationSpec
from evouch.testing.clock import VECTOR_TIME
from tests.ocpp.certificates import trust
from tests.proofs import proves


def described(**flags: Any) -> StationSpec:
    return spec_of(load(StationConfig, flags=flags, environ={}).config)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with ``key.pem`` and the certificate of that key, ``station.pem``."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "SN-1")])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(VECTOR_TIME).not_valid_after(VECTOR_TIME + timedelta(days=9_000))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (tmp_path / "key.pem").write_bytes(key.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    (tmp_path / "station.pem").write_bytes(b"somebody's remark\n" + certificate.public_bytes(pem))
    (tmp_path / "station.der").write_bytes(certificate.public_bytes(serialization.Encoding.DER))
    return tmp_path


def test_without_a_key_the_station_never_heard_of_a_challenge() -> None:
    spec = described()
    assert (None, Habit.NOT_IMPLEMENTED) == (spec.prover, spec.unknown)
    assert (False, True, 0.0) == (spec.ignores_pending, spec.boots_on_reconnect, spec.clock_offset)
    assert [spec.autocharge, described(autocharge="during").autocharge] == ["off", "during"]


def test_a_key_file_makes_it_prove_itself_in_the_manner_that_is_wanted(files: Path) -> None:
    prover = described(**{"identity.key_file": files / "key.pem", "identity.manner": "reference"}).prover
    assert prover is not None
    assert (IdentityKind.PUBLIC_KEY, Profile.REFERENCE) == (prover.kind, prover.manner)
    assert KeyBytes((files / "key.pem").read_bytes()) == prover.key


@proves("M8")
@pytest.mark.parametrize(("manner", "host"), [("own", "csms.example"), ("reference", "")])
def test_it_knows_the_host_that_it_connects_to_unless_its_firmware_does_not_look(
    files: Path, manner: str, host: str
) -> None:
    flags = {"identity.key_file": files / "key.pem", "identity.manner": manner, "backend": "wss://csms.example:9000/x"}
    prover = described(**flags).prover
    assert prover is not None
    assert host == prover.host


@proves("W20")
def test_each_kind_of_identity_has_its_settings(files: Path) -> None:
    web3 = described(**{
        "identity.key_file": files / "key.pem", "identity.kind": "web3", "identity.did": "did:key:z6Mk",
    }).prover  # fmt: skip
    tls = described(**{
        "key_file": files / "key.pem", "certificate_file": files / "station.pem", "identity.kind": "x509Certificate",
    }).prover  # fmt: skip
    assert web3 is not None
    assert tls is not None
    assert (IdentityKind.WEB3, "did:key:z6Mk", None) == (web3.kind, web3.did, web3.certificate)
    assert (IdentityKind.CERTIFICATE, (files / "station.der").read_bytes()) == (tls.kind, tls.certificate)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"identity.kind": "web3"}, "named by its did"),
        ({"identity.kind": "web3", "identity.did": "did:key:z6Mk"}, "needs its key_file"),
        ({"identity.did": "did:key:z6Mk"}, "no other has one"),
        ({"identity.kind": "x509Certificate"}, "needs certificate_file"),
        ({"identity.kind": "x509Certificate", "identity.key_file": "key.pem"}, "signs with the station's key_file"),
        ({"key_file": "key.pem"}, "belong together"),
        ({"identity.kind": "password"}, "Invalid enum value"),
        ({"unknown_message": "sulk"}, "Invalid enum value"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(flags: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        described(**flags)


@pytest.mark.parametrize("habit", list(Habit))
def test_every_habit_of_firmware_has_a_word_in_the_settings(habit: Habit) -> None:
    assert habit is described(unknown_message=habit.value).unknown


def test_odd_firmware_can_be_asked_for() -> None:
    spec = described(ignore_pending=True, boot_on_reconnect=False, clock_offset=-3600)
    assert (True, False, -3600.0) == (spec.ignores_pending, spec.boots_on_reconnect, spec.clock_offset)


def test_files_that_are_not_there_or_hold_something_else_are_a_sentence(files: Path) -> None:
    with pytest.raises(BadPemFile, match="No such file"):
        described(**{"identity.key_file": files / "nothing.pem"})
    with pytest.raises(BadPemFile, match="holds no certificate"):
        certificate_in(files / "key.pem")
    with pytest.raises(BadPemFile, match=r"key\.pem"):
        client_tls(None, files / "key.pem", files / "key.pem")
    with pytest.raises(BadPemFile, match="nothing"):
        client_tls(files / "nothing.pem", None, None)


def test_a_key_is_offered_where_there_is_one(files: Path) -> None:
    prover = described(**{"identity.key_file": files / "key.pem", "identity.offer_key": True}).prover
    assert prover is not None
    assert prover.offers_key


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--manner", "odd"), "--manner: Invalid enum value 'odd', not one of: own, reference"),
        (("--identity-kind", "tpm"), "--identity-kind: Invalid enum value 'tpm', not one of: publicKey, web3, "),
        (("--version", "3"), "--version: Invalid enum value '3', not one of: 1.6, 2.0.1, 2.1"),
        (("--offer-key",), "only a publicKey identity with a key_file (--identity-key) has a key to offer"),
    ],
)
def test_what_is_wrong_is_told_by_the_option_that_was_typed(words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        typer.main.get_command(app)(["run", *words], standalone_mode=False)
    assert sentence in str(caught.value)


def test_the_command_takes_all_of_it_as_options() -> None:
    named = {option for each in typer.main.get_command(app).commands["run"].params for option in each.opts}  # type: ignore[attr-defined]
    wanted = {
        "--identity-key",
        "--identity-kind",
        "--did",
        "--manner",
        "--unknown-message",
        "--ignore-pending",
        "--offer-key",
    }
    assert wanted | {"--clock-offset", "--certificate-file", "--key-file", "--boot-on-reconnect"} <= named


@proves("W16", "W17")
def test_over_mutual_tls_it_proves_itself_with_the_certificate_that_it_shows(tmp_path: Path) -> None:
    certificate = trust(tmp_path).station
    own, ours, root = (tmp_path / f"{name}.pem" for name in ("CS1", "localhost", "root"))
    enrolled = IdentityEntry(certificate=certificate.fingerprint(hashes.SHA256()).hex())
    config = CpoConfig(
        state=tmp_path / "state", ocpp=Ocpp(port=0), http=Http(port=0), identity=IdentitySection(rules=()),
        tls=Tls(certificate=ours, key=ours, client_ca=root),
        stations=(StationEntry(id="CS1", version="1.6", identities=(enrolled,)),),
    )  # fmt: skip

    async def story() -> None:
        clock, entropy = SystemClock(), SystemEntropy()
        backend = CpoService(config, clock=clock, entropy=entropy)
        await backend.start()
        flags = {
            "id": "CS1", "version": "1.6", "backend": f"wss://localhost:{backend.stations.port}",
            "certificate_file": own, "key_file": own, "ca_file": root, "identity.kind": "x509Certificate",
        }  # fmt: skip
        station = load(StationConfig, flags=flags, environ={}).config
        simulators = Simulators(
            [spec_of(station)], backend=station.backend, clock=clock, entropy=entropy, tls=tls_of(station)
        )
        await simulators.start()
        try:
            simulator = simulators.stations[StationId("CS1")]
            while not simulator.accepted:
                await simulator.watch()
            view = backend.cpo.challenger.standing(StationId("CS1"))
            assert view is not None
            assert Standing.PROVEN is view.state
            assert "certificate" in view.how
        finally:
            await simulators.stop()
            await backend.stop()

    asyncio.run(asyncio.wait_for(story(), 20))
