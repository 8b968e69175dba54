"""``evouch oprf``: both sides of the blind signature by hand, to compare with another implementation. Needs no backend.

Values are called as the vectors of RFC 9497 call them. What is secret in production is printed
here where it was asked for: a blind, and a key that goes into no file.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from evouch.charging.macs import parse_mac
from evouch.clock import SystemEntropy
from evouch.errors import EvouchError
from evouch.ids import KeyBytes
from evouch.oprf.client import Blinder
from evouch.oprf.element import parse_hex
from evouch.oprf.group import InvalidElement
from evouch.oprf.keys import PrivateKey, random_scalar, scalar_in
from evouch.oprf.server import Evaluator

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

_SUITE: Final = "OPRF(P-256, SHA-256) of RFC 9497, mode 0."
_KEYGEN: Final = (
    "Make the key of an oracle: 64 hex digits.\n\n"
    f"{_SUITE} With --out it is written to a new file that only its owner can read, and not printed; without, skSm "
    "is the key. pkSm is the public element, by which people compare keys. With --seed-hex the key is derived "
    "(DeriveKeyPair), the same one every time."
)
_BLIND: Final = (
    "Blind an input: what a CPO does before it asks.\n\n"
    f"{_SUITE} Prints Input, Blind and BlindedElement. Send BlindedElement, keep the other two for finalize. The "
    "input of Autocharge is the six octets of the MAC address."
)
_EVALUATE: Final = (
    "Evaluate a blinded element with a key: what an eMSP answers.\n\n"
    f"{_SUITE} Prints BlindedElement, and EvaluationElement in the same form. Elements are SEC1 in hex, of 33 bytes "
    "(02 or 03) or 65 (04); anything that is no point on P-256 is refused, exit 1."
)
_FINALIZE: Final = (
    "Take the blind off the answer, and hash: what a CPO does with it.\n\n"
    f"{_SUITE} Prints Input, Blind, EvaluationElement and Output. Output is the VID. Both forms of the same element "
    "give the same output, for the compressed one is hashed."
)
_VID: Final = (
    "Print the VID of a car at the eMSP that has this key, as both sides would come to it together.\n\n"
    f"{_SUITE} For two parties who compare one agreed address before they connect. Output and VID are the same 64 "
    "digits. The address is not printed."
)

_HEX: Final = re.compile(r"(?:[0-9a-f]{2})*\Z", re.IGNORECASE | re.ASCII)
#: Characters that are read of a key file: a key of 64, and white space around it.
_MOST: Final = 256

_KeyFile = Annotated[Path, typer.Option("--key-file", metavar="FILE", help="The key: 64 hex digits. - is stdin.")]
_Input = Annotated[str, typer.Option("--input-hex", metavar="HEX", help="The input of the function, in hex.")]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command(help=_KEYGEN)
def keygen(
    *,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="A new file for the key.")] = None,
    seed_hex: Annotated[
        str | None, typer.Option("--seed-hex", metavar="HEX", help="Derive the key from these 32 bytes.")
    ] = None,
    info_hex: Annotated[
        str, typer.Option("--info-hex", metavar="HEX", help="With --seed-hex: what the key is for.")
    ] = "",
    as_json: _Json = False,
) -> None:
    """Make a key; see ``_KEYGEN``."""
    key = _derived(seed_hex, info_hex) if seed_hex is not None else PrivateKey.generate(SystemEntropy())
    digits, public = key.key_bytes.reveal().hex(), key.public().hex()
    if out is None:
        _say({"skSm": digits, "pkSm": public}, as_json=as_json)
        return
    _write_private(out, f"{digits}\n")
    _say({"pkSm": public}, as_json=as_json)
    print(f"The key is in {out}.", file=sys.stderr)


@app.command(help=_BLIND)
def blind(
    *,
    input_hex: _Input,
    blind_hex: Annotated[
        str | None,
        typer.Option("--blind-hex", metavar="HEX", help="The blind, 64 hex digits.", show_default="drawn anew"),
    ] = None,
    as_json: _Json = False,
) -> None:
    """Print a blinded element; see ``_BLIND``."""
    input, scalar = _input(input_hex), random_scalar(SystemEntropy()) if blind_hex is None else _blind(blind_hex)
    _, blinded = Blinder(input).blind_with(scalar)
    _say({"Input": input.hex(), "Blind": scalar.reveal().hex(), "BlindedElement": blinded.hex()}, as_json=as_json)


@app.command(help=_EVALUATE)
def evaluate(
    *,
    key_file: _KeyFile,
    blinded_hex: Annotated[str, typer.Option("--blinded-hex", metavar="HEX", help="The blinded element.")],
    as_json: _Json = False,
) -> None:
    """Print an evaluated element; see ``_EVALUATE``."""
    key = _key(key_file)
    try:
        blinded = parse_hex(blinded_hex)
        evaluated = Evaluator(key).evaluate(blinded)
    except InvalidElement as error:
        raise EvouchError(f"--blinded-hex is {error.description}") from None
    _say({"BlindedElement": blinded.hex(), "EvaluationElement": evaluated.hex()}, as_json=as_json)


@app.command(help=_FINALIZE)
def finalize(
    *,
    input_hex: _Input,
    blind_hex: Annotated[str, typer.Option("--blind-hex", metavar="HEX", help="The blind of the request.")],
    evaluated_hex: Annotated[str, typer.Option("--evaluated-hex", metavar="HEX", help="The evaluated element.")],
    as_json: _Json = False,
) -> None:
    """Print the output; see ``_FINALIZE``."""
    input, scalar = _input(input_hex), _blind(blind_hex)
    kept, _ = Blinder(input).blind_with(scalar)
    try:
        evaluated = parse_hex(evaluated_hex)
        output = kept.finish(evaluated)
    except InvalidElement as error:
        raise EvouchError(f"--evaluated-hex is {error.description}") from None
    document = {"Input": input.hex(), "Blind": scalar.reveal().hex(), "EvaluationElement": evaluated.hex()}
    _say(document | {"Output": output.hex()}, as_json=as_json)


@app.command(help=_VID)
def vid(
    *,
    key_file: _KeyFile,
    mac: Annotated[str, typer.Option("--mac", help="The address, in any spelling that a station has for it.")],
    as_json: _Json = False,
) -> None:
    """Print a VID; see ``_VID``."""
    key, address = _key(key_file), parse_mac(mac)
    if address is None:
        raise EvouchError("--mac is no MAC address: it has 12 hex digits, with or without separators")
    output = Evaluator(key).output(address.reveal()).hex()
    _say({"Output": output, "VID": output}, as_json=as_json)


# ── words ───────────────────────────────────────────────────────────────────────────────


def _input(text: str) -> bytes:
    raw = _bytes("--input-hex", text)
    if len(raw) > 0xFFFF:  # noqa: PLR2004 - RFC 9497 §1.2
        raise EvouchError("--input-hex has more than 65535 bytes")
    return raw


def _blind(text: str) -> KeyBytes:
    try:
        return scalar_in(text)
    except ValueError:
        raise EvouchError("--blind-hex is not 64 hex digits of a number from 1 to n - 1") from None


def _derived(seed_hex: str, info_hex: str) -> PrivateKey:
    seed, info = _bytes("--seed-hex", seed_hex), _bytes("--info-hex", info_hex)
    try:
        return PrivateKey.derive(seed, info)
    except ValueError as error:
        raise EvouchError(f"{error}") from None


def _bytes(option: str, text: str) -> bytes:
    """Return what hex says; ``bytes.fromhex`` alone would also take spaces."""
    if not _HEX.match(text):
        raise EvouchError(f"{option} is not hex: two digits of 0-9 a-f for each byte")
    return bytes.fromhex(text)


def _key(path: Path) -> PrivateKey:
    try:
        if str(path) == "-":
            text = sys.stdin.read(_MOST)
        else:
            with path.open(encoding="ascii") as file:
                text = file.read(_MOST)
        return PrivateKey.from_hex(text.strip())
    except OSError as error:
        raise EvouchError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise EvouchError(f"{path}: not 64 hex digits of a number from 1 to n - 1") from None


def _write_private(path: Path, text: str) -> None:
    """Write a new file for its owner's eyes; one that is there may be the only copy of somebody's key."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise EvouchError(f"{path}: {error.strerror}") from None
    with os.fdopen(handle, "w") as file:
        file.write(text)


def _say(values: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(values, indent=2))
        return
    for name, value in values.items():
        print(f"{name} = {value}")
