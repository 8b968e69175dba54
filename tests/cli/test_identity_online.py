"""``evouch identity enrol, list, rotate, revoke, challenge`` against a backend and a station on loopback."""

import asyncio
import io
import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from structlog.testing import capture_logs

from evouch.cli import main
from evouch.cli.serve import CpoService
from evouch.cli.serve_identity import enrol
from evouch.cli.settings import CpoConfig, Http, StationEntry
from evouch.cli.settings_identity import IdentityEntry, KeyEntry, Ocpp
from evouch.cli.simulators import Simulators
from evouch.clock import SystemClock, SystemEntropy
from evouch.errors import EvouchError
from evouch.identity.did import did_key
from evouch.identity.enrolment import IdentityKind
from evouch.identity.keys import KeyType, PrivateKey
from evouch.ids import OcppVersion, StationId
from evouch.station.prover import Prover
from evouch.station.spec import StationSpec

ENTROPY = SystemEntropy()
#: Seconds that anything may take.
PATIENCE = 20


def key(type: KeyType = KeyType.ED25519) -> PrivateKey:
    return PrivateKey.generate(type, ENTROPY)


@dataclass
class Said:
    """What a command ended with."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Office:
    """A backend, and a terminal in a folder."""

    backend: CpoService
    folder: Path

    async def run(self, *words: str, online: bool = True, **environ: str) -> Said:
        """Run ``evouch identity …``, told by the environment where the backend is."""
        if online:
            told = {"EVOUCH_IDENTITY_BACKEND": self.backend.http_url, "EVOUCH_IDENTITY_TOKEN_FILE": str(self.token)}
            environ = told | environ
        return await asyncio.wait_for(asyncio.to_thread(_command, ("identity", *words), environ), PATIENCE)

    @property
    def token(self) -> Path:
        """The file with the API token that the backend made."""
        return self.folder / "state/keys/operator-token"

    def file(self, name: str, content: object) -> str:
        """Write a file, and return its path."""
        text = content if isinstance(content, str) else json.dumps(content)
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    @asynccontextmanager
    async def station(self, mine: PrivateKey, id: str = "CS-1", **how: Any) -> AsyncIterator[None]:
        """A 1.6 station with a key, connected while the context lasts."""
        spec = StationSpec(
            id=StationId(id), version=OcppVersion("ocpp1.6"), loopback_http=True,
            prover=Prover(key=mine.pem(), **how),
        )  # fmt: skip
        simulators = Simulators([spec], backend=self.backend.ocpp_url, clock=SystemClock(), entropy=ENTROPY)
        await simulators.start()
        try:
            async with asyncio.timeout(PATIENCE):
                while self.backend.cpo.presence.get(StationId(id)) is None:
                    await asyncio.sleep(0.02)
            yield
        finally:
            await simulators.stop()


def _command(words: tuple[str, ...], environ: dict[str, str]) -> Said:
    """Run one command as a process of its own would, but in this one: a backend is at work beside it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EVOUCH_")}
    out, err, code = io.StringIO(), io.StringIO(), 0
    with patch.dict(os.environ, {**kept, **environ}, clear=True), redirect_stdout(out), redirect_stderr(err):
        try:
            main(words)
        except SystemExit as ended:
            code = int(ended.code or 0)
    return Said(code, out.getvalue(), err.getvalue())


def play(folder: Path, story: Callable[[Office], Coroutine[Any, Any, None]], *stations: StationEntry) -> None:
    """Tell a story in an office."""

    async def run() -> None:
        known = stations or (StationEntry(id="CS-1", version="1.6"), StationEntry(id="CS-2", version="1.6"))
        config = CpoConfig(state=folder / "state", ocpp=Ocpp(port=0), http=Http(port=0), stations=known)
        backend = CpoService(config, clock=SystemClock(), entropy=ENTROPY)
        await backend.start()
        try:
            await story(Office(backend, folder))
        finally:
            await backend.stop()

    with capture_logs():  # what the backend says aloud is not what a command says
        asyncio.run(run())


def test_a_key_is_enrolled_listed_rotated_and_revoked(tmp_path: Path) -> None:
    async def story(office: Office) -> None:
        old, new = key().public, key(KeyType.P256).public
        said = await office.run("enrol", "CS-1", "--key", office.file("old.json", old.document()))
        assert (said.code, said.err) == (0, "")
        assert f"Enrolled for CS-1: ed25519 key {old.fingerprint[:16]}… (active)" in said.out
        upcoming = (await office.run("rotate", "CS-1", "--key", office.file("n.json", new.document()), "--json")).json
        assert (upcoming["status"], upcoming["fingerprint"]) == ("next", new.fingerprint)
        listed = (await office.run("list", "CS-1", "--json")).json["identities"]
        assert ["active", "next"] == [each["status"] for each in listed]
        gone = await office.run("revoke", listed[0]["id"], "--reason", "cabinet was open")
        assert gone.out.startswith("Revoked for CS-1: ed25519 key")
        table = (await office.run("list")).out.splitlines()
        assert ["STATION", "STATUS", "IDENTITY"] == table[0].split()[:3]
        assert [("CS-1", "revoked"), ("CS-1", "next")] == [tuple(line.split()[:2]) for line in table[1:]]
        assert upcoming["id"] in table[2]
        assert "None is enrolled." in (await office.run("list", "CS-2")).out
        rows = await office.backend.store.audit(limit=1)
        assert ("operator", "revoke identity") == (rows[0].actor, rows[0].action)
        assert "cabinet was open" in rows[0].detail

    play(tmp_path, story)


def test_dids_certificates_and_validity_are_taken(tmp_path: Path) -> None:
    async def story(office: Office) -> None:
        did = did_key(key().public)
        made = (await office.run("enrol", "CS-1", "--did", did, "--next", "--json")).json
        assert (did, "next", "web3") == (made["material"], made["status"], made["kind"])
        limits = ("--not-before", "2026-01-01T00:00:00Z", "--not-after", "2040-01-01T00:00:00Z")
        said = await office.run("enrol", "CS-1", "--certificate", "AB:" * 31 + "AB", *limits)
        assert "(active, from 2026-01-01T00:00:00.000Z, until 2040-01-01T00:00:00.000Z)" in said.out
        assert f"certificate {'ab' * 8}…" in said.out

    play(tmp_path, story)


def test_the_list_says_what_does_not_count_now(tmp_path: Path) -> None:
    async def story(office: Office) -> None:
        enrol, past, later = (
            office.backend.cpo.identities.enrol,
            datetime(2021, 1, 2, tzinfo=UTC),
            "2040-01-01T00:00:00Z",
        )
        await enrol(StationId("CS-1"), IdentityKind.CERTIFICATE, "ab" * 32, actor="test", not_after=past)
        await office.run("enrol", "CS-1", "--certificate", "cd" * 32, "--not-before", later)
        await office.run("enrol", "CS-1", "--certificate", "ef" * 32)
        rows = [" ".join(line.split()) for line in (await office.run("list")).out.splitlines()[1:]]
        assert rows[0].startswith(f"CS-1 expired certificate {'ab' * 8}… until 2021-01-02 00:00 ")
        assert rows[1].startswith(f"CS-1 not yet valid certificate {'cd' * 8}… from 2040-01-01 00:00 ")
        assert rows[2].startswith(f"CS-1 active certificate {'ef' * 8}… always ")

    play(tmp_path, story)


def test_what_keygen_prints_with_json_is_taken_as_it_is(tmp_path: Path) -> None:
    async def story(office: Office) -> None:
        printed = await office.run("keygen", "--out", str(office.folder / "station.pem"), "--json", online=False)
        said = await office.run("enrol", "CS-1", "--key", office.file("KEY.json", printed.out), "--json")
        assert (0, "publicKey") == (said.code, said.json["kind"])

    play(tmp_path, story)


@pytest.mark.timeout(60)
def test_a_public_key_in_pem_is_taken_as_it_is(tmp_path: Path) -> None:
    async def story(office: Office) -> None:
        for station, public in (("CS-1", key().public), ("CS-2", key(KeyType.P256).public)):
            text = f"-----BEGIN PUBLIC KEY-----\n{b64encode(public.spki).decode()}\n-----END PUBLIC KEY-----\n"
            said = await office.run("enrol", station, "--key", office.file("public.pem", text), "--json")
            assert said.json["material"] == public.material

    play(tmp_path, story)


def test_a_challenge_is_a_sentence_and_an_exit_code(tmp_path: Path) -> None:
    async def story(office: Office) -> None:
        honest, liar = key(), key()
        await office.run("enrol", "CS-1", "--key", office.file("k.json", honest.public.document()))
        async with office.station(honest), office.station(liar, "CS-2"):
            said = await office.run("challenge", "CS-1", "--json")
            assert (0, True) == (said.code, said.json["proven"])
            assert "CS-1 has proved its identity." in (await office.run("challenge", "CS-1")).out
            await office.run("enrol", "CS-2", "--key", office.file("k.json", key().public.document()))
            said = await office.run("challenge", "CS-2")  # which stays, for it is trusted
            assert (1, "") == (said.code, said.err)
            assert "CS-2 did not prove its identity (signature).\nThe signature is not by a key" in said.out
        said = await office.run("challenge", "CS-2")
        assert (1, "", "evouch: The station is not connected. (stationOffline)\n") == (said.code, said.out, said.err)

    play(tmp_path, story, StationEntry(id="CS-1", version="1.6"), StationEntry(id="CS-2", version="1.6", trusted=True))


@pytest.mark.timeout(60)
def test_a_first_key_is_enrolled_within_the_window_that_was_opened(tmp_path: Path) -> None:
    async def story(office: Office) -> None:
        mine = key()
        said = await office.run("enrol", "CS-1", "--first-use", "600")
        assert (0, "The first key that CS-1 brings before ") == (said.code, said.out[:38])
        async with office.station(mine, offers_key=True):
            assert 0 == (await office.run("challenge", "CS-1")).code
            (made,) = (await office.run("list", "CS-1", "--json")).json["identities"]
            assert (mine.public.material, "first use") == (made["material"], made["enrolled_by"])
        said = await office.run("enrol", "CS-1", "--first-use", "600")
        assert (1, "alreadyEnrolled" in said.err) == (said.code, True)

    play(tmp_path, story)


# ── what is refused ──


def test_what_the_backend_refuses_is_its_sentence(tmp_path: Path) -> None:
    async def story(office: Office) -> None:
        good = office.file("good.json", key().public.document())
        await office.run("enrol", "CS-1", "--key", good)
        weak = {"type": "ed25519", "encoding": "base64url", "value": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}
        for words, code in (
            (("enrol", "CS-2", "--key", good), "materialTaken"),
            (("enrol", "NOBODY", "--did", did_key(key().public)), "unknownStation"),
            (("enrol", "CS-1", "--did", "did:web:example.com"), "unsupportedDid"),
            (("enrol", "CS-1", "--key", office.file("weak.json", weak)), "weakKey"),
            (("enrol", "CS-1", "--certificate", office.file("c.pem", "-----BEGIN CERTIFICATE-----")), "badCertificate"),
            (("enrol", "CS-1", "--certificate", "ab" * 32, "--not-after", "soon"), "badTime"),
            (("enrol", "CS-1", "--certificate", "ab" * 32, "--not-after", "2020-01-01T00:00:00Z"), "badTime"),
            (("enrol", "CS 1", "--certificate", "ab" * 32), "badStationId"),
            (("list", "NOBODY"), "unknownStation"),
            (("revoke", "nothing"), "unknownIdentity"),
            (("challenge", "NOBODY"), "unknownStation"),
        ):
            said = await office.run(*words)
            assert (1, "") == (said.code, said.out), words
            assert f"({code}" in said.err, (words, said.err)

    play(tmp_path, story)


def test_a_private_key_is_an_error_and_is_not_sent(tmp_path: Path) -> None:
    async def story(office: Office) -> None:
        mine = key(KeyType.P256)
        pem = mine.pem().reveal().decode()
        value = "".join(pem.splitlines()[1:-1]).rstrip("=").replace("+", "-").replace("/", "_")
        alone = office.file("station.pem", pem)
        both = office.file("both.pem", "-----BEGIN CERTIFICATE-----\nx\n" + pem)
        document = office.file("key.json", {"type": "ecP256", "encoding": "base64url", "value": value})
        # nobody listens there: whoever tried to send would say so
        nowhere = "http://127.0.0.1:9"
        for option, name in (("--key", alone), ("--certificate", both), ("--key", document)):
            for command in ("enrol", "rotate"):
                said = await office.run(command, "CS-1", option, name, EVOUCH_IDENTITY_BACKEND=nowhere)
                assert (1, "") == (said.code, said.out)
                assert said.err.startswith(f"evouch: {name}: holds a private key")
                assert value[:20] not in said.err

    play(tmp_path, story)


def test_files_and_words_that_cannot_be_are_sentences(tmp_path: Path) -> None:
    async def story(office: Office) -> None:
        listed, text = office.file("list.json", "[]"), office.file("text.json", "hello")
        huge = office.file("huge.pem", "x" * 70_000)
        for words, code, sentence in (
            (("enrol", "CS-1", "--key", "absent.json"), 1, "absent.json: No such file or directory"),
            (("enrol", "CS-1", "--key", text), 1, "text.json: is no KEY.json"),
            (("enrol", "CS-1", "--key", listed), 1, "list.json: is no KEY.json"),
            (("enrol", "CS-1", "--certificate", huge), 1, "huge.pem: is too large"),
            (("enrol", "CS-1", "--certificate", "abcdef"), 1, "abcdef: is neither a file nor 64 hexadecimal digits"),
            (("enrol", "CS-1"), 2, "give one of --key, --did and"),
            (("rotate", "CS-1", "--did", "a", "--certificate", "b"), 2, "give one of --key, --did and"),
            (("enrol", "CS-1", "--first-use", "60", "--next"), 2, "--first-use stands alone"),
            (("enrol", "CS-1", "--first-use", "0"), 2, "first-use"),
            (("list", "--token-file", "absent"), 1, "absent: No such file or directory (the API token)"),
            (("list", "--token-file", office.file("empty", "")), 1, "empty: holds no API token"),
            (("list", "--token-file", office.file("wrong", "evo_nobody")), 1, "(unauthorized)"),
            (("list", "--backend", "http://127.0.0.1:9"), 1, "http://127.0.0.1:9 does not answer: ConnectError"),
            (("list", "--backend", "http://cpo.example"), 1, "identity: backend must be https"),
            (("list", "--backend", f"{office.backend.http_url}/elsewhere"), 1, "is the address right?"),
        ):
            said = await office.run(*words)
            assert (code, "") == (said.code, said.out), (words, said)
            assert sentence in " ".join(said.err.replace("│", " ").split()), (words, said.err)

    play(tmp_path, story)


def test_a_flag_wins_over_the_environment_and_the_file_serves_both(tmp_path: Path) -> None:
    async def story(office: Office) -> None:
        lines = ["[identity]", f'backend = "{office.backend.http_url}"', f'token_file = "{office.token}"']
        config = office.file("evouch.toml", "\n".join(lines))
        assert 0 == (await office.run("list", "--config", config, online=False)).code
        said = await office.run("list", "--backend", office.backend.http_url, EVOUCH_IDENTITY_BACKEND="http://[::1]:9")
        assert 0 == said.code

    play(tmp_path, story)


def test_as_a_process_of_its_own_it_says_the_same_and_leaves_the_offline_commands_light() -> None:
    words = ["identity", "list", "--backend", "http://127.0.0.1:9", "--token-file", "absent"]
    done = subprocess.run([sys.executable, "-m", "evouch", *words], capture_output=True, text=True, check=False)
    assert (1, "", "evouch: absent: No such file or directory (the API token)\n") == (
        done.returncode, done.stdout, done.stderr,
    )  # fmt: skip
    code = "import sys; from evouch.cli import identity_online; print('httpx2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "False" == done.stdout.strip()


# ── what the configuration enrols ──


def test_identities_and_trust_of_the_configuration_are_enrolled_at_the_start_and_not_again(tmp_path: Path) -> None:
    mine = key().public
    document = mine.document()
    entry = StationEntry(
        id="CS-1", version="1.6", trusted=True, profile=1, certificate_name="SN-1",
        identities=(
            IdentityEntry(key=KeyEntry(type=document["type"], value=document["value"])),
            IdentityEntry(did=did_key(mine)),
            IdentityEntry(certificate="AB" * 32),
        ),
    )  # fmt: skip

    async def story(office: Office) -> None:
        record = office.backend.cpo.registry.station(StationId("CS-1"))
        assert record is not None
        assert (True, 1, "SN-1") == (record.trusted, record.profile, record.certificate_name)
        made = office.backend.cpo.identities.of(StationId("CS-1"))
        assert [mine.material, did_key(mine), "ab" * 32] == [each.material for each in made]
        assert {"configuration"} == {each.enrolled_by for each in made}
        active = next((each for each in made if each.status == "active"), None)
        if active is not None:
            await office.backend.cpo.identities.revoke(active.id, actor="test")

    for _ in range(3):  # a restart enrols nothing twice, and nothing that was revoked
        play(tmp_path, story, entry)


def test_an_identity_of_the_configuration_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    async def story(office: Office) -> None:
        entry = StationEntry(id="CS-1", version="1.6", identities=(IdentityEntry(did="did:web:example.com"),))
        with pytest.raises(EvouchError, match="identity of station CS-1: unsupportedDid"):
            await enrol(office.backend.cpo, entry)

    play(tmp_path, story)
