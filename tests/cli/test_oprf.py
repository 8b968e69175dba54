"""``evouch oprf`` as an engineer calls it who compares another implementation with this one."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evouch.cli import main
from tests.oprf.examples import MACS, OFFICIAL, ROWS, VECTORS
from tests.proofs import proves
from tests.spellings import spellings

VECTOR = ROWS[0]
INPUT, BLIND = ("--input-hex", VECTOR["Input"]), ("--blind-hex", VECTOR["Blind"])
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def key(tmp_path: Path) -> str:
    path = tmp_path / "oprf.key"
    path.write_text(OFFICIAL["skSm"] + "\n")
    return str(path)


def ran(capsys: Capture, *words: str) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of one command."""
    with pytest.raises(SystemExit) as ended:
        main(["oprf", *words])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def done(capsys: Capture, *words: str) -> dict[str, Any]:
    code, out, err = ran(capsys, *words, "--json")
    assert (0, "") == (code, err)
    document = json.loads(out)
    assert isinstance(document, dict)
    return document


def refused(capsys: Capture, *words: str) -> str:
    code, out, err = ran(capsys, *words)
    assert (1, "", 1) == (code, out, len(err.splitlines()))
    assert err.startswith("evouch: ")
    return err


@pytest.mark.parametrize("row", ROWS, ids=["vector 1", "vector 2"])
@pytest.mark.parametrize("form", ["", "_uncompressed"])
def test_the_steps_print_the_values_of_the_vector(row: dict[str, str], form: str, key: str, capsys: Capture) -> None:
    given = {name: row[name] for name in ("Input", "Blind")}
    blinded, evaluated = row[f"BlindedElement{form}"], row[f"EvaluationElement{form}"]
    asked = ("--input-hex", row["Input"], "--blind-hex", row["Blind"].upper())

    assert given | {"BlindedElement": row["BlindedElement"]} == done(capsys, "blind", *asked)
    assert {"BlindedElement": blinded, "EvaluationElement": evaluated} == done(
        capsys, "evaluate", "--key-file", key, "--blinded-hex", blinded
    )
    assert given | {"EvaluationElement": evaluated, "Output": row["Output"]} == done(
        capsys, "finalize", *asked, "--evaluated-hex", evaluated.upper()
    )


def test_without_json_each_value_has_a_line(capsys: Capture) -> None:
    assert (0, "".join(f"{name} = {VECTOR[name]}\n" for name in ("Input", "Blind", "BlindedElement")), "") == ran(
        capsys, "blind", *INPUT, *BLIND
    )


def test_a_blind_is_drawn_anew_where_none_is_given(key: str, capsys: Capture) -> None:
    first, second = (done(capsys, "blind", *INPUT) for _ in range(2))
    assert first["Blind"] != second["Blind"]

    answered = done(capsys, "evaluate", "--key-file", key, "--blinded-hex", first["BlindedElement"])
    output = done(
        capsys, "finalize", *INPUT, "--blind-hex", first["Blind"], "--evaluated-hex", answered["EvaluationElement"]
    )
    assert VECTOR["Output"] == output["Output"]


@proves("A23")
@pytest.mark.parametrize("mac", ["98:ED:5C:00:00:01", "98-ed-5c-00-00-01", "VID:98ED5C000001", "000098ED5C000001"])
def test_a_vid_is_the_output_for_six_octets_and_the_address_is_not_printed(mac: str, key: str, capsys: Capture) -> None:
    code, out, err = ran(capsys, "vid", "--key-file", key, "--mac", mac)

    assert (0, f"Output = {MACS[0]['Output']}\nVID = {MACS[0]['Output']}\n", "") == (code, out, err)
    assert [] == [each for each in spellings(bytes.fromhex(MACS[0]["Input"])) if each in out]


def test_a_key_is_made_in_a_new_file_for_its_owner(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "new.key"
    code, out, err = ran(capsys, "keygen", "--out", str(path), "--json")

    assert (0, 0o600, f"The key is in {path}.\n") == (code, path.stat().st_mode & 0o777, err)
    assert re.fullmatch(r"[0-9a-f]{64}\n", path.read_text())
    assert ["pkSm"] == list(json.loads(out))
    assert path.read_text().strip() not in out
    done(capsys, "vid", "--key-file", str(path), "--mac", "98ED5C000001")

    kept = path.read_text()
    assert "File exists" in refused(capsys, "keygen", "--out", str(path))
    assert kept == path.read_text()


def test_without_a_file_the_key_is_printed_with_its_public_element(capsys: Capture) -> None:
    one, other = done(capsys, "keygen"), done(capsys, "keygen")

    assert ["skSm", "pkSm"] == list(one)
    assert one != other


def test_a_key_can_be_derived(capsys: Capture) -> None:
    words = ("--seed-hex", OFFICIAL["seed"], "--info-hex", OFFICIAL["keyInfo"])

    assert {"skSm": OFFICIAL["skSm"], "pkSm": VECTORS["public_key_for_skSm"]["compressed"]} == done(
        capsys, "keygen", *words
    )
    assert "a seed has 32 bytes" in refused(capsys, "keygen", "--seed-hex", "00")


def test_a_key_is_read_from_stdin(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(OFFICIAL["skSm"]))
    assert MACS[0]["Output"] == done(capsys, "vid", "--key-file", "-", "--mac", "98ED5C000001")["VID"]


@pytest.mark.parametrize("each", VECTORS["negative_points"], ids=lambda each: each["what"])
def test_what_is_no_point_is_refused_in_one_sentence(each: dict[str, str], key: str, capsys: Capture) -> None:
    assert "--blinded-hex is not" in refused(capsys, "evaluate", "--key-file", key, "--blinded-hex", each["encoded"])
    assert "--evaluated-hex is not" in refused(capsys, "finalize", *INPUT, *BLIND, "--evaluated-hex", each["encoded"])


@pytest.mark.parametrize("content", ["", "00" * 32, "11" * 31, "11" * 33, "zz" * 32, "11" * 31 + " 1", "é" * 64])
def test_a_key_file_that_holds_no_key_is_refused_and_not_quoted(content: str, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "bad.key"
    path.write_text(content)
    sentence = refused(capsys, "vid", "--key-file", str(path), "--mac", "98ED5C000001")

    assert "not 64 hex digits" in sentence
    assert not content or content not in sentence


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("blind", "--input-hex", "0"), "--input-hex is not hex"),
        (("blind", "--input-hex", "00 11"), "--input-hex is not hex"),
        (("blind", "--input-hex", "00" * 65_536), "more than 65535 bytes"),
        (("blind", *INPUT, "--blind-hex", "00" * 32), "--blind-hex is not"),
        (("blind", *INPUT, "--blind-hex", "1"), "--blind-hex is not"),
        (("finalize", *INPUT, "--blind-hex", "00" * 32, "--evaluated-hex", "02"), "--blind-hex is not"),
        (("vid", "--key-file", "{key}", "--mac", "98ED5C"), "--mac is no MAC address"),
        (("vid", "--key-file", "/nowhere/key", "--mac", "98ED5C000001"), "No such file"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(
    words: tuple[str, ...], sentence: str, key: str, capsys: Capture
) -> None:
    assert sentence in refused(capsys, *(word.replace("{key}", key) for word in words))


def test_a_missing_option_is_a_misuse(capsys: Capture) -> None:
    assert 2 == ran(capsys, "blind")[0]


@pytest.mark.parametrize("command", ["keygen", "blind", "evaluate", "finalize", "vid"])
def test_help_explains_itself(command: str, capsys: Capture) -> None:
    code, out, _ = ran(capsys, command, "--help")

    assert 0 == code
    assert {"--json", "RFC"} <= set(out.split())


def test_no_heavy_library_is_imported(key: str) -> None:
    program = (
        "import sys; from evouch.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: code = end.code\n"
        "heavy = {'litestar', 'sqlalchemy', 'picows', 'ocpp', 'uvicorn', 'jinja2', 'cryptography', 'httpx2'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    words = ("oprf", "vid", "--key-file", key, "--mac", "98ED5C000001")
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    assert "[]" == done.stderr.splitlines()[-1]
