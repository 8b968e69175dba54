"""Keys and secrets in files: read where they are, made where they are missing, for the owner's eyes only."""

import os
from pathlib import Path
from typing import Final

from evouch.clock import Entropy
from evouch.errors import EvouchError
from evouch.ids import KeyBytes, Secret

__all__ = ["BadKeyFile", "keys_in", "private_folder", "secret_in", "secret_to"]

#: Every key of ours: AES-256, HMAC-SHA256.
KEY_BYTES: Final = 32


class BadKeyFile(EvouchError):
    """A key file does not hold what it should."""

    advice = "A key file has one key of 64 hex digits a line, newest first; a secret file has one line."


def private_folder(path: Path) -> Path:
    """Return the folder, made if need be, closed to everybody else."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def keys_in(named: Path | None, default: Path, entropy: Entropy) -> tuple[KeyBytes, ...]:
    """Return the keys of a file, newest first; a default file that does not exist is made with one fresh key."""
    path = named or default
    if named is None and not path.exists():
        _write(path, entropy.bytes(KEY_BYTES).hex())
    try:
        keys = [KeyBytes(bytes.fromhex(line)) for line in path.read_text().split()]
    except (OSError, ValueError) as error:
        raise BadKeyFile(f"{path}: {_why(error)}") from None
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise BadKeyFile(f"{path}: not 64 hex digits a line")
    return tuple(keys)


def secret_in(named: Path | None, default: Path, entropy: Entropy) -> Secret:
    """Return the secret of a file; a default file that does not exist is made with a fresh one."""
    path = named or default
    if named is None and not path.exists():
        _write(path, entropy.id())
    try:
        text = path.read_text().strip("\r\n")
    except (OSError, ValueError) as error:
        raise BadKeyFile(f"{path}: {_why(error)}") from None
    if not text:
        raise BadKeyFile(f"{path}: empty")
    return Secret(text)


def _why(error: OSError | ValueError) -> str:
    """Say why a file cannot be read; what a ValueError says may quote the file."""
    return (error.strerror if isinstance(error, OSError) else None) or "holds something else"


def secret_to(path: Path, secret: Secret) -> None:
    """Write a secret into a file for the owner's eyes only; what stood there is gone."""
    path.unlink(missing_ok=True)
    _write(path, secret.text())


def _write(path: Path, text: str) -> None:
    private_folder(path.parent)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text + "\n")
