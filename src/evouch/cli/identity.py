"""``evouch identity keygen | sign | verify``: keys and proofs in files. These need no backend.

An instrument for whoever writes the firmware of a station: what a station should answer to
a SignedChallenge, and which step of the verification an answer fails at. The other commands
of this noun speak to a running backend (:mod:`evouch.cli.identity_online`).
"""

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer

from evouch.cli import identity_online
from evouch.cli.keyfile import key_document_in
from evouch.cli.times import moment
from evouch.clock import SystemClock, SystemEntropy
from evouch.errors import EvouchError, Refused
from evouch.identity.certificate import der_of
from evouch.identity.did import did_key
from evouch.identity.enrolment import IdentityKind
from evouch.identity.keys import KeyType, PrivateKey
from evouch.identity.offline import Given, given_certificate, given_did, given_key, judge
from evouch.identity.proof import Profile, Step, Verdict, prove
from evouch.identity.work import MAX_DIFFICULTY
from evouch.ids import KeyBytes

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

#: Bytes of the largest file that can hold a key, a certificate or a proof.
_MOST: Final = 65_536

_KEYGEN: Final = (
    "Make a station's key pair. The private half is written to a new file (PKCS #8 in PEM, readable by its owner "
    "only) and nowhere else; the public half is printed.\n\n"
    "With --json: type, encoding and value, which make a KEY.json, and beside them did, material and fingerprint."
)
_SIGN: Final = (
    "Print the SignedChallenge.conf payload with which a station that has this key answers a challenge.\n\n"
    "The profile own signs the canonical JSON and writes hexadecimal; reference does as W3CP's firmware: base64url, "
    "nanoseconds, a web3Identity of null in what is hashed, and a signature over the text of the hash."
)
_VERIFY: Final = (
    "Say whether a proof holds, or which step it fails at; exit 1 if it fails.\n\n"
    "The steps: form, nonce, cpId, timestamp, hash, proofOfWork, key, signature. PROOF.json is a SignedChallenge.conf "
    "payload or a whole CALLRESULT frame; - is stdin. A timestamp that is two minutes off is only warned about, unless "
    "--at or --enforce-time is given. With --key also a proof of type web3 is verified, by a DID that is this key; "
    "--certificate is taken for the one that was presented in TLS.\n\n"
    "With --json: valid, step (null if valid), signingInput (what was signed) and canonical (what was hashed), each "
    "null if nothing matched."
)


def _some(given: str) -> str:
    """Refuse an empty nonce: no backend sends one, and no station answers one."""
    if not given:
        raise typer.BadParameter("a nonce is not empty")
    return given


_KeyFile = Annotated[Path, typer.Option("--key", metavar="KEY.pem", help="The station's private key, as keygen wrote.")]
_Nonce = Annotated[str, typer.Option("--nonce", callback=_some, help="The nonce of the challenge.")]
_CpId = Annotated[str, typer.Option("--cp-id", help="The station's id, as in the URL of its WebSocket.")]
_Difficulty = Annotated[
    int, typer.Option("--difficulty", min=0, max=MAX_DIFFICULTY, help="Proof of work: trailing zero bits of the hash.")
]
_At = Annotated[
    datetime | None,
    typer.Option(
        "--at", parser=moment, metavar="TIME", help="Unix seconds, or ISO time with a zone.", show_default="now"
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Did = Annotated[str | None, typer.Option("--did", help="DID: did:key, did:w3cp, did:kilt:light, did:ethr or did:ewc.")]


@app.command(help=_KEYGEN)
def keygen(
    *,
    out: Annotated[Path, typer.Option("--out", metavar="KEY.pem", help="The file to write the private key to.")],
    type: Annotated[KeyType, typer.Option("--type", help="Kind of key.")] = KeyType.ED25519,
    as_json: _Json = False,
) -> None:
    """Make a key pair; see ``_KEYGEN``."""
    key = PrivateKey.generate(type, SystemEntropy())
    _write_private(out, key.pem().reveal())
    public = key.public
    beside = {"did": did_key(public), "material": public.material, "fingerprint": public.fingerprint}
    if as_json:
        _print_json(public.document() | beside)
        return
    print(json.dumps(public.document()))
    for name, value in beside.items():
        print(f"{name:<11} {value}")
    print(f"The private key is in {out}.", file=sys.stderr)


@app.command(help=_SIGN)
def sign(
    *,
    key: _KeyFile,
    nonce: _Nonce,
    cp_id: _CpId,
    kind: Annotated[
        IdentityKind, typer.Option("--type-of-identity", help="What the station proves: identityType.")
    ] = IdentityKind.PUBLIC_KEY,
    did: Annotated[
        str | None, typer.Option("--did", help="The DID that a web3 identity names.", show_default="the key's did:key")
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", metavar="PEM", help="The certificate that it names, of this key.")
    ] = None,
    offer_key: Annotated[
        bool, typer.Option("--offer-key", help="Bring the public key along, for trust on first use.")
    ] = False,
    difficulty: _Difficulty = 0,
    at: _At = None,
    profile: Annotated[Profile, typer.Option("--profile", help="Whose habits to write it with.")] = Profile.OWN,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON on one line.")] = False,
) -> None:
    """Print a proof; see ``_SIGN``."""
    if (kind is IdentityKind.CERTIFICATE) is not (certificate is not None):
        _misuse("an x509Certificate identity needs --certificate, and no other takes one")
    if did is not None and kind is not IdentityKind.WEB3:
        _misuse("--did belongs to a web3 identity")
    private = _private_key(key)
    document = prove(
        private, station=cp_id, nonce=nonce, at=at or SystemClock().now(), kind=kind,
        did=did or did_key(private.public), certificate=_der(certificate) if certificate else None,
        difficulty=difficulty, profile=profile, offer_key=offer_key,
    )  # fmt: skip
    print(json.dumps(document, indent=None if as_json else 2))


@app.command(help=_VERIFY)
def verify(
    *,
    proof: Annotated[Path, typer.Argument(metavar="PROOF.json", help="The station's answer; - is stdin.")],
    nonce: _Nonce,
    cp_id: _CpId,
    difficulty: _Difficulty = 0,
    at: _At = None,
    enforce_time: Annotated[
        bool, typer.Option("--enforce-time", help="Fail at timestamp where it is two minutes away from now.")
    ] = False,
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="KEY", help="The public key: KEY.json as keygen prints it, or PEM."),
    ] = None,
    did: _Did = None,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", metavar="PEM", help="The certificate, enrolled and presented.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Print a verdict; see ``_VERIFY``."""
    given = _given(key, did, certificate)
    verdict = judge(
        _contents(proof), given, station=cp_id, nonce=nonce, now=at or SystemClock().now(), difficulty=difficulty,
        enforce_time=enforce_time or at is not None, since="now" if at is None else "the time given",
    )  # fmt: skip
    if as_json:
        _print_json({
            "valid": verdict.valid,
            "step": verdict.step and verdict.step.value,
            "signingInput": verdict.signing and verdict.signing.value,
            "canonical": verdict.canonical or None,
        })  # fmt: skip
    else:
        _say(verdict, given)
    raise typer.Exit(0 if verdict.valid else 1)


def _say(verdict: Verdict, given: Given) -> None:
    for warning in (*given.warnings, *verdict.warnings):
        print(f"warning: {warning}", file=sys.stderr)
    if verdict.step is None:
        print(f"valid: signed by {given.name}, over {verdict.signing}")
    else:
        number = list(Step).index(verdict.step) + 1
        print(f"invalid at step {number} of {len(Step)}, {verdict.step}: {_printable(verdict.reason)}")
    if verdict.canonical:
        print(f"hashed was {_printable(verdict.canonical)}")


def _printable(text: str) -> str:
    """Return a stranger's text without what would move the cursor of a terminal."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


# ── files ───────────────────────────────────────────────────────────────────────────────


def _given(key: Path | None, did: str | None, certificate: Path | None) -> Given:
    """Return what to verify with; what cannot be read at all is a misuse, what cannot be trusted a verdict."""
    if [key, did, certificate].count(None) != 2:  # noqa: PLR2004 - two of the three
        _misuse("give one of --key, --did and --certificate")
    try:
        if key is not None:
            return given_key(key_document_in(_contents(key)))
        if certificate is not None:
            return given_certificate(_der(certificate))
        return given_did(did or "")
    except Refused as error:
        _misuse(f"{key or certificate or did}: {error.detail}")


def _private_key(path: Path) -> PrivateKey:
    try:
        return PrivateKey.from_pem(KeyBytes(_contents(path)))
    except Refused as error:
        _misuse(f"{path}: {error.detail}")


def _der(path: Path) -> bytes:
    try:
        return der_of(_contents(path))
    except Refused as error:
        _misuse(f"{path}: {error.detail}")


def _contents(path: Path) -> bytes:
    try:
        if str(path) == "-":
            return sys.stdin.buffer.read(_MOST + 1)
        with path.open("rb") as file:
            return file.read(_MOST + 1)
    except OSError as error:
        _misuse(f"{path}: {error.strerror}")


def _write_private(path: Path, content: bytes) -> None:
    """Write a new file for its owner's eyes; one that is there may be the only copy of somebody's key."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise EvouchError(f"{path}: {error.strerror}") from None
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def _misuse(why: str) -> NoReturn:
    raise typer.BadParameter(why)


def _print_json(document: dict[str, Any]) -> None:
    print(json.dumps(document, indent=2, ensure_ascii=True))


identity_online.mount(app)
