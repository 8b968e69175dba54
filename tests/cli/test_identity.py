"""``evouch identity`` on files: what an engineer sees whose firmware is not yet what it should be."""

import json
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from typer.testing import CliRunner, Result

from evouch.cli import build
from evouch.identity.did import did_key
from evouch.identity.encoding import base64url
from evouch.identity.enrolment import IdentityKind
from evouch.identity.keys import KeyType, PrivateKey
from evouch.identity.proof import Step
from evouch.ids import KeyBytes
from tests.identity.examples import KEYS, VECTORS, certificate, edited, proof, resigned
from tests.proofs import proves

CHALLENGE = ("--nonce", "abc123", "--cp-id", "CP-12345")
BY_ID: dict[str, dict[str, Any]] = {vector["id"].partition("-")[0]: vector for vector in VECTORS["vectors"]}
THEN = "2025-07-09T14:00:05Z"


def run(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(build("identity"), ["identity", *words], input=stdin)


def done(*words: str, stdin: str | None = None) -> dict[str, Any]:
    result = run(*words, stdin=stdin)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert isinstance(document, dict)
    return document


def verdict(document: Any, *words: str, text: str | None = None) -> dict[str, Any]:
    """The verdict on a document that comes on stdin; its exit code is the one that it says."""
    given = json.dumps(document) if text is None else text
    result = run("verify", "-", *CHALLENGE, "--json", *words, stdin=given)
    said = json.loads(result.stdout)
    assert set(said) == {"valid", "step", "signingInput", "canonical"}
    assert result.exit_code == (0 if said["valid"] else 1)
    assert result.stderr == ""
    assert isinstance(said, dict)
    return said


def misuse(*words: str, stdin: str | None = None) -> str:
    result = run(*words, stdin=stdin)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    return " ".join(result.stderr.replace("│", " ").split())


def written(path: Path, document: Any) -> str:
    path.write_text(json.dumps(document))
    return str(path)


@pytest.fixture
def key_json(tmp_path: Path) -> str:
    return written(tmp_path / "KEY.json", KEYS[KeyType.ED25519].public.document())


@pytest.fixture
def key_pem(tmp_path: Path) -> str:
    path = tmp_path / "KEY.pem"
    path.write_bytes(KEYS[KeyType.ED25519].pem().reveal())
    return str(path)


# ── verify ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", BY_ID)
@proves("W8", "W9")
def test_published_proofs_hold_with_the_key_or_the_did_that_was_published_with_them(name: str, tmp_path: Path) -> None:
    vector, ways = BY_ID[name], []
    if "public_key" in vector:
        ways.append(("--key", written(tmp_path / "KEY.json", vector["public_key"])))
    ways += [("--did", vector[member]) for member in ("did", "did_ethr") if member in vector]
    if name == "V7":
        point = {"type": "secp256k1", "encoding": "base64url"}
        point["value"] = base64url(bytes.fromhex(vector["public_key_compressed_hex"]))
        ways.append(("--key", written(tmp_path / "KEY.json", point)))
    for way in ways:
        said = verdict(vector["signedChallenge_conf"], *way, "--at", THEN)
        assert (True, None, vector["canonical_json"]) == (said["valid"], said["step"], said["canonical"])
        assert said == verdict([3, "1", vector["signedChallenge_conf"]], *way, "--at", THEN)
    assert {"V1": "hashText", "V2": "digest", "V4": "hashText", "V5": "canonical", "V7": "canonical"}[name] == said[
        "signingInput"
    ]


@pytest.mark.parametrize("negative", VECTORS["negative"], ids=lambda negative: str(negative["id"]))
def test_published_forgeries_fail(negative: dict[str, Any], tmp_path: Path) -> None:
    key = written(tmp_path / "KEY.json", BY_ID["V5"]["public_key"])
    context = negative["context"]
    said = verdict(
        negative["conf"], "--key", key, "--nonce", context["nonce"], "--cp-id", context["ws_identity"], "--at", THEN
    )
    assert said["step"] in negative["expected"]
    assert said["signingInput"] is None


def test_every_step_is_said_by_its_name_and_a_person_is_told_why(key_json: str) -> None:
    key = KEYS[KeyType.ED25519]
    honest, late = proof(key), ("--at", "2025-07-09T14:03:00Z")
    cases: list[tuple[Step, Any, tuple[str, ...], str]] = [
        (Step.FORM, {**honest, "extra": 1}, (), "not known"),
        (Step.NONCE, proof(key, nonce="abc124"), (), "another nonce"),
        (Step.CP_ID, proof(key, station="CP-1"), (), "CP-1"),
        (Step.TIMESTAMP, honest, late, "timestamp: 2025-07-09T14:00:03.000Z is 177 s away from the time given"),
        (Step.HASH, edited(honest, powNonce=7), (), "not that of the payload"),
        (Step.WORK, honest, ("--difficulty", "20"), "20 were asked for"),
        (Step.KEY, proof(key, kind=IdentityKind.CERTIFICATE), (), "no client certificate"),
        (
            Step.SIGNATURE,
            resigned(KEYS[KeyType.P256], honest["payload"]),
            (),
            "no enrolled key verifies this signature",
        ),
    ]
    assert [case[0] for case in cases] == list(Step)
    for number, (step, document, words, why) in enumerate(cases, 1):
        said = verdict(document, "--key", key_json, *(words or ("--at", THEN)))
        assert (False, step.value, None) == (said["valid"], said["step"], said["signingInput"])
        assert (said["canonical"] is None) is (step in {Step.FORM, Step.HASH})
        told = run("verify", "-", *CHALLENGE, "--key", key_json, *(words or ("--at", THEN)), stdin=json.dumps(document))
        assert told.exit_code == 1
        assert f"invalid at step {number} of 8, {step}: " in told.stdout
        assert why in told.stdout


def test_a_person_is_told_who_signed_and_over_what(key_json: str) -> None:
    told = run(
        "verify", "-", *CHALLENGE, "--key", key_json, "--at", THEN, stdin=json.dumps(proof(KEYS[KeyType.ED25519]))
    )

    assert told.exit_code == 0
    assert told.stdout.startswith("valid: signed by the ed25519 key ")
    assert "over canonical\n" in told.stdout
    assert 'hashed was {"cpId":"CP-12345"' in told.stdout
    assert told.stderr == ""


@proves("M4")
def test_an_old_proof_can_be_replayed_unless_time_is_asked_about(key_json: str) -> None:
    document = proof(KEYS[KeyType.ED25519])

    assert verdict(document, "--key", key_json)["valid"]
    assert verdict(document, "--key", key_json, "--enforce-time")["step"] == "timestamp"
    assert verdict(document, "--key", key_json, "--at", THEN)["valid"]
    assert verdict(document, "--key", key_json, "--at", "1752069605")["valid"]
    assert verdict(document, "--key", key_json, "--at", "1752069905")["step"] == "timestamp"
    told = run("verify", "-", *CHALLENGE, "--key", key_json, stdin=json.dumps(document))
    assert (told.exit_code, "warning: timestamp" in told.stderr) == (0, True)


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", "3", '"text"', "[3]", '[4,"1",{}]', '[2,"1",{}]', '[3,"1",{},{}]', "NaN", "\x00",
        *(each["text"] for each in VECTORS["negative_raw_text"]),
        '{"payload":{"nonce":"\\ud800"},"payloadSignature":"","payloadSha256Hash":""}', "[" * 5000, " " * 300_000,
    ],
)  # fmt: skip
def test_what_is_no_answer_fails_at_its_form(text: str, key_json: str) -> None:
    assert verdict(None, "--key", key_json, text=text) == {
        "valid": False, "step": "form", "signingInput": None, "canonical": None,
    }  # fmt: skip


def test_a_proof_is_read_from_a_file_too(tmp_path: Path, key_json: str) -> None:
    file = written(tmp_path / "PROOF.json", [3, "19223201", proof(KEYS[KeyType.ED25519])])
    assert done("verify", file, *CHALLENGE, "--key", key_json, "--json")["valid"]


def test_a_certificate_is_taken_for_the_one_that_tls_presented(tmp_path: Path) -> None:
    private, der = certificate()
    _, other = certificate()
    document = proof(private, kind=IdentityKind.CERTIFICATE, certificate=der)

    assert verdict(document, "--certificate", pem_file(tmp_path, der), "--at", THEN)["signingInput"] == "canonical"
    assert verdict(document, "--certificate", pem_file(tmp_path, other), "--at", THEN)["step"] == "key"


def pem_file(folder: Path, der: bytes) -> str:
    path = folder / "certificate.pem"
    path.write_bytes(x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM))
    return str(path)


def test_keys_that_must_not_be_enrolled_can_be_looked_at_and_weak_ones_prove_nothing(tmp_path: Path) -> None:
    demo = written(tmp_path / "KEY.json", BY_ID["V5"]["public_key"])
    told = run("verify", "-", *CHALLENGE, "--key", demo, stdin=json.dumps(BY_ID["V5"]["signedChallenge_conf"]))
    assert (told.exit_code, "refuses to enrol it" in told.stderr) == (0, True)

    weak = {"type": "ed25519", "encoding": "base64url", "value": base64url(bytes(32))}
    assert verdict(proof(KEYS[KeyType.ED25519]), "--key", written(tmp_path / "KEY.json", weak))["step"] == "key"


def test_a_did_of_a_method_that_nobody_reads_is_named_at_once() -> None:
    for did in ("did:web:example.com", VECTORS["kilt_spec_light_did"]["did"]):
        told = misuse("verify", "-", *CHALLENGE, "--did", did, stdin="{}")
        assert "is not supported; DIDs are did:key" in told


def test_a_public_key_is_read_from_what_openssl_writes_and_a_private_one_is_refused(
    tmp_path: Path, key_pem: str
) -> None:
    public = KEYS[KeyType.ED25519].public
    path = tmp_path / "public.pem"
    path.write_text(f"-----BEGIN PUBLIC KEY-----\n{b64encode(public.spki).decode()}\n-----END PUBLIC KEY-----\n")
    assert verdict(proof(KEYS[KeyType.ED25519]), "--key", str(path))["valid"]

    told = misuse("verify", "-", *CHALLENGE, "--key", key_pem, stdin="{}")
    assert "holds a private key, which stays in its station" in told


def test_an_error_in_place_of_a_proof_is_told_by_its_code(key_json: str) -> None:
    text = '[4,"1","NotImplemented","",{}]'
    assert verdict(None, "--key", key_json, text=text)["step"] == "form"
    told = run("verify", "-", *CHALLENGE, "--key", key_json, stdin=text)
    assert "is a CALLERROR NotImplemented: there is no proof in it" in told.stdout


def test_an_rsa_certificate_is_told_why_it_proves_nothing(tmp_path: Path) -> None:
    signer, der = certificate("rsa")
    path = tmp_path / "rsa.crt"
    path.write_bytes(x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM))
    document = proof(signer, kind=IdentityKind.CERTIFICATE, certificate=der)
    told = run("verify", "-", *CHALLENGE, "--certificate", str(path), "--at", THEN, stdin=json.dumps(document))
    assert "key: an RSA certificate is not accepted: P-256 or Ed25519" in told.stdout


def test_what_a_stranger_wrote_does_not_move_the_cursor(key_json: str) -> None:
    document = proof(KEYS[KeyType.ED25519], station="CP-\x1b[2J\u202e")
    told = run("verify", "-", *CHALLENGE, "--key", key_json, stdin=json.dumps(document))

    assert told.exit_code == 1
    assert not {"\x1b", "\u202e"} & set(told.stdout)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("verify", "-", *CHALLENGE), "one of --key, --did and --certificate"),
        (("verify", "-", *CHALLENGE, "--did", "did:key:z1", "--key", "x"), "one of --key, --did and --certificate"),
        (("verify", "-", *CHALLENGE, "--did", "nonsense"), "a DID is did:"),
        (("verify", "-", *CHALLENGE, "--key", "/nowhere/at/all"), "No such file"),
        (("verify", "-", *CHALLENGE, "--certificate", "/nowhere/at/all"), "No such file"),
        (("verify", "/nowhere/at/all", *CHALLENGE, "--did", did_key(KEYS[KeyType.ED25519].public)), "No such file"),
        (("verify", "-", "--nonce", "abc", "--did", "did:web:a"), "--cp-id"),
        (("verify", "-", "--cp-id", "CP", "--did", "did:web:a"), "--nonce"),
        (("verify", "-", *CHALLENGE, "--did", "did:web:a", "--difficulty", "21"), "--difficulty"),
        (("verify", "-", *CHALLENGE, "--did", "did:web:a", "--at", "yesterday"), "unix seconds"),
        (("sign", "--key", "x", "--nonce", "", "--cp-id", "CP"), "a nonce is not empty"),
        (("sign", *CHALLENGE), "--key"),
        (("sign", "--key", "/nowhere/at/all", *CHALLENGE), "No such file"),
        (("sign", "--key", "x", *CHALLENGE, "--did", "did:key:z1"), "web3"),
        (("sign", "--key", "x", *CHALLENGE, "--type-of-identity", "x509Certificate"), "--certificate"),
        (("sign", "--key", "x", *CHALLENGE, "--type-of-identity", "tpm"), "--type-of-identity"),
        (("sign", "--key", "x", *CHALLENGE, "--profile", "other"), "--profile"),
        (("sign", "--key", "x", *CHALLENGE, "--difficulty", "21"), "--difficulty"),
        (("keygen",), "--out"),
        (("keygen", "--out", "x", "--type", "rsa"), "--type"),
    ],
)
def test_a_command_that_makes_no_sense_says_what_is_missing(words: tuple[str, ...], sentence: str) -> None:
    assert sentence in misuse(*words, stdin="{}")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"type":"ed25519"}', '{"type":"rsa","encoding":"base64url","value":"AA"}']
)
def test_a_key_file_that_holds_none_is_a_misuse(text: str, tmp_path: Path) -> None:
    path = tmp_path / "KEY.json"
    path.write_text(text)
    assert "KEY.json" in misuse("verify", "-", *CHALLENGE, "--key", str(path), stdin="{}").replace(" ", "")
    assert "KEY.json" in misuse("sign", *CHALLENGE, "--key", str(path)).replace(" ", "")
    assert "KEY.json" in misuse("verify", "-", *CHALLENGE, "--certificate", str(path), stdin="{}").replace(" ", "")


# ── keygen and sign ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("type", KeyType)
@pytest.mark.parametrize("profile", ["own", "reference"])
def test_a_new_key_signs_a_proof_that_its_own_document_and_did_verify(type: str, profile: str, tmp_path: Path) -> None:
    pem = tmp_path / "new.pem"
    made = done("keygen", "--type", type, "--out", str(pem), "--json")
    key = written(tmp_path / "KEY.json", made)

    for kind in ("publicKey", "web3"):
        document = done(
            "sign", "--key", str(pem), *CHALLENGE, "--type-of-identity", kind, "--profile", profile, "--at", THEN,
            "--difficulty", "4", "--json",
        )  # fmt: skip
        judge = ("--at", THEN, "--difficulty", "4")
        assert verdict(document, "--key", key, *judge)["signingInput"] == {"own": "canonical"}.get(profile, "hashText")
        assert verdict(document, "--did", made["did"], *judge)["step"] == (None if kind == "web3" else "key")


def test_a_new_private_key_is_for_its_owner_and_goes_nowhere_else(tmp_path: Path) -> None:
    pem = tmp_path / "new.pem"
    result = run("keygen", "--out", str(pem))
    private = PrivateKey.from_pem(KeyBytes(pem.read_bytes()))

    assert (result.exit_code, 0o600) == (0, pem.stat().st_mode & 0o777)
    assert private.public.material in result.stdout
    assert json.loads(result.stdout.splitlines()[0]) == private.public.document()
    assert "PRIVATE" not in result.output
    assert str(pem) in result.stderr.replace("\n", "")


def test_a_key_that_is_there_is_never_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from evouch.cli import main

    pem = tmp_path / "new.pem"
    pem.write_text("the only copy")
    with pytest.raises(SystemExit) as ended:
        main(["identity", "keygen", "--out", str(pem)])

    assert (ended.value.code, pem.read_text()) == (1, "the only copy")
    assert "File exists" in capsys.readouterr().err


def test_a_station_can_bring_its_key_along_or_name_any_did(key_pem: str, key_json: str) -> None:
    offered = done("sign", "--key", key_pem, *CHALLENGE, "--offer-key")
    assert offered["payload"]["publicKey"] == KEYS[KeyType.ED25519].public.document()
    assert verdict(offered, "--key", key_json)["valid"]

    named = done("sign", "--key", key_pem, *CHALLENGE, "--type-of-identity", "web3", "--did", "did:w3cp:x")
    assert named["payload"]["web3Identity"] == {"did": "did:w3cp:x", "method": "polkadot"}


def test_a_proof_of_a_certificate_names_it(tmp_path: Path) -> None:
    private, der = certificate()
    key = tmp_path / "KEY.pem"
    key.write_bytes(private.pem().reveal())
    file = pem_file(tmp_path, der)
    document = done(
        "sign",
        "--key",
        str(key),
        *CHALLENGE,
        "--type-of-identity",
        "x509Certificate",
        "--certificate",
        file,
        "--at",
        THEN,
    )
    assert verdict(document, "--certificate", file, "--at", THEN)["valid"]


def test_json_is_one_line_for_machines_and_indented_for_people(key_pem: str) -> None:
    words = ("sign", "--key", key_pem, *CHALLENGE, "--at", THEN)
    assert len(run(*words, "--json").stdout.splitlines()) == 1
    assert len(run(*words).stdout.splitlines()) > 5
    assert done(*words) == done(*words, "--json")


def test_files_are_signed_and_verified_without_the_libraries_of_a_backend(
    key_pem: str, key_json: str, tmp_path: Path
) -> None:
    program = (
        "import sys; from evouch.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: code = end.code\n"
        "heavy = {'litestar', 'sqlalchemy', 'picows', 'ocpp', 'uvicorn', 'jinja2', 'httpx2', 'asyncpg', 'coincurve'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    file = written(tmp_path / "PROOF.json", proof(KEYS[KeyType.ED25519]))
    for words in (
        ("keygen", "--out", str(tmp_path / "new.pem")),
        ("sign", "--key", key_pem, *CHALLENGE),
        ("verify", file, *CHALLENGE, "--key", key_json),
    ):
        ran = subprocess.run(
            [sys.executable, "-c", program, "identity", *words], capture_output=True, text=True, check=True
        )
        assert ran.stderr.splitlines()[-1] == "[]"
