"""Keys in files are made for their owner's eyes, read whole, and never made where a file was named."""

from pathlib import Path

import pytest

from evouch.cli.keys import BadKeyFile, keys_in, secret_in
from evouch.ids import KeyBytes, Secret
from evouch.testing import SeededEntropy

A, B = SeededEntropy("a"), SeededEntropy("b")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "seal"


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_a_missing_key_is_made_once_and_read_from_then_on(path: Path) -> None:
    assert keys_in(None, path, A) == keys_in(None, path, B)
    assert (0o600, 0o700) == (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777)


def test_a_missing_secret_is_made_once_and_read_from_then_on(path: Path) -> None:
    made = secret_in(None, path, A)
    assert made == secret_in(path, path, B)
    assert 26 == len(made)


def test_older_keys_follow_the_newest(path: Path) -> None:
    written(path, f"{'aa' * 32}\n{'bb' * 32}\n")
    assert (KeyBytes(b"\xaa" * 32), KeyBytes(b"\xbb" * 32)) == keys_in(path, path, A)


def test_a_secret_keeps_its_blanks(path: Path) -> None:
    assert Secret(" a password ") == secret_in(written(path, " a password \n"), path, A)


@pytest.mark.parametrize("text", ["", "aa" * 31, f"{'aa' * 32}\n{'zz' * 32}\n", f"{'aa' * 32}\naa\n"])
def test_a_key_file_that_is_no_key_file_is_refused(path: Path, text: str) -> None:
    with pytest.raises(BadKeyFile) as refused:
        keys_in(written(path, text), path, A)
    assert "zz" not in str(refused.value)


def test_a_named_file_that_is_missing_is_not_made(path: Path) -> None:
    for read in (keys_in, secret_in):
        with pytest.raises(BadKeyFile, match="seal: No such file or directory"):
            read(path, path, A)
    assert not path.exists()
