"""``evouch qr`` as engineers call it: from a terminal, with vectors, without any backend."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from evouch.cli import build

TEMPLATE = "https://qr.example.com/{chargingStationId}/{evse}/{totp}?v={version}"
SECRET = "secure!Charging!"
SHOW = ("show", "--template", TEMPLATE, "--secret", SECRET)
VERIFY = ("--template", TEMPLATE, "--secret", SECRET)


def run(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(build("qr"), ["qr", *words], input=stdin)


def shown(*words: str) -> dict[str, Any]:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert isinstance(document, dict)
    return document


def verdict(scanned: str, *words: str, at: str = "1716423785") -> tuple[int, dict[str, Any]]:
    result = run("verify", scanned, "--at", at, "--json", *(words or VERIFY))
    return result.exit_code, json.loads(result.stdout)


def misuse(*words: str, stdin: str | None = None) -> str:
    result = run(*words, stdin=stdin)
    assert result.exit_code == 2
    assert result.stdout == ""
    return " ".join(result.stderr.replace("│", " ").split())


def test_show_prints_the_three_codes_with_their_urls_and_the_seconds_left() -> None:
    assert shown(*SHOW, "--at", "1716423785") == {
        "previous": {"totp": "MdPU0jCm", "url": "https://qr.example.com/CS-0001/1/MdPU0jCm?v=v1"},
        "current": {"totp": "CN63y502", "url": "https://qr.example.com/CS-0001/1/CN63y502?v=v1"},
        "next": {"totp": "dI54vnA2", "url": "https://qr.example.com/CS-0001/1/dI54vnA2?v=v1"},
        "remaining": 25,
    }


@pytest.mark.parametrize(
    "at",
    [
        "1716423785",
        "1716423785.999",
        "2024-05-23T00:23:05Z",
        "2024-05-23T02:23:05+02:00",
        "2024-05-23T00:23:05.999999Z",
    ],
)
def test_a_moment_is_unix_seconds_or_iso_time_with_a_zone(at: str) -> None:
    seen = shown(*SHOW, "--at", at, "--validity", "30", "--length", "12")

    assert (seen["current"]["totp"], seen["remaining"]) == ("CN63y502maVh", 25)


@pytest.mark.parametrize(
    ("at", "validity", "current", "remaining"),
    [
        ("0", "30", "u5CoKdo5HUS1", 30),
        ("1716423785", "86400", "FRmyHBzwle4I", 85015),
        ("253402300768", "30", "9ko7CWj5OI4E", 2),
    ],
)
def test_vectors_at_the_edges_of_time_are_shown(at: str, validity: str, current: str, remaining: int) -> None:
    seen = shown(*SHOW, "--at", at, "--validity", validity, "--length", "12")

    assert (seen["current"]["totp"], seen["remaining"]) == (current, remaining)


def test_what_the_driver_entered_goes_into_the_url() -> None:
    seen = shown(
        *SHOW, "--at", "1716423785", "--station", "CS/7", "--evse", "2",
        "--maxtime", "300", "--maxenergy", "20000", "--maxcost", "50.00",
    )  # fmt: skip

    assert seen["current"]["url"] == (
        "https://qr.example.com/CS%2F7/2/CN63y502?v=v1&maxtime=300&maxenergy=20000&maxcost=50.00"
    )


def test_without_json_a_person_sees_code_and_countdown_and_is_warned_on_stderr() -> None:
    result = run("show", "--template", "http://10.0.0.1/{evse}/{totp}", "--secret", "12345678", "--at", "1716423785")

    assert result.exit_code == 0
    assert "█▀▀" in result.stdout or "▄▄▄▄▄" in result.stdout
    assert "25 s left" in result.stdout
    assert "warning" not in result.stdout
    for warning in ("not https", "IP address", "{version}", "128 bits"):
        assert warning in result.stderr
    assert "12345678" not in result.output


def test_the_code_is_written_as_svg(tmp_path: Path) -> None:
    file = tmp_path / "code.svg"
    shown(*SHOW, "--at", "1716423785", "--svg", str(file))

    assert ET.fromstring(file.read_text()).tag.endswith("svg")


def test_the_secret_may_come_from_a_file_or_stdin_without_its_line_end(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    base = ("show", "--template", TEMPLATE, "--at", "1716423785", "--json")
    for content in (b"secure!Charging!", b"secure!Charging!\n", b"secure!Charging!\r\n"):
        file.write_bytes(content)
        assert json.loads(run(*base, "--secret-file", str(file)).stdout)["current"]["totp"] == "CN63y502"
    file.write_bytes(b"secure!Charging!\n\n")
    assert json.loads(run(*base, "--secret-file", str(file)).stdout)["current"]["totp"] != "CN63y502"

    assert json.loads(run(*base, "--secret-file", "-", stdin=SECRET + "\n").stdout)["current"]["totp"] == "CN63y502"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("show", "--template", TEMPLATE), "either --secret or --secret-file"),
        ((*SHOW, "--secret-file", "x"), "either --secret or --secret-file"),
        (("show", "--template", TEMPLATE, "--secret-file", "/nowhere/at/all"), "No such file"),
        (("show", "--template", TEMPLATE, "--secret", ""), "secret is empty"),
        (("show", "--template", "https://h.example/{evse}/{foo}", "--secret", SECRET), "unknown placeholder {foo}"),
        (("show", "--template", "https://h.example/{evse}", "--secret", SECRET), "no {totp}"),
        (("show", "--template", "https://h.example/{roamingevseid}/{totp}", "--secret", SECRET), "as an option"),
        ((*SHOW, "--at", "2024-05-23T00:23:05"), "with its zone"),
        ((*SHOW, "--at", "yesterday"), "unix seconds"),
        ((*SHOW, "--at", "999999999999999"), "unix seconds"),
        ((*SHOW, "--validity", "0"), "--validity"),
        ((*SHOW, "--length", "256"), "--length"),
        ((*SHOW, "--maxcost", "free"), "50.00"),
        ((*SHOW, "--quality", "Best"), "QRCodeQuality"),
    ],
)
def test_a_command_that_makes_no_sense_says_what_is_missing(words: tuple[str, ...], sentence: str) -> None:
    assert sentence in misuse(*words)


@pytest.mark.parametrize(
    ("code", "slot", "offset"), [("MdPU0jCm", "previous", -1), ("CN63y502", "current", 0), ("dI54vnA2", "next", 1)]
)
def test_verify_says_which_slot_a_scanned_url_belongs_to(code: str, slot: str, offset: int) -> None:
    exit_code, said = verdict(f"https://qr.example.com/CS-7/2/{code}?v=v1&maxcost=50.00")

    assert exit_code == 0
    assert said == {
        "valid": True,
        "slot": slot,
        "offset": offset,
        "reason": None,
        "why": None,
        "claim": {"code": code, "station": "CS-7", "evse": 2, "version": "v1", "limit_cost": "50.00"},
    }


def test_verify_takes_a_bare_code_or_a_url_without_its_template() -> None:
    for scanned in ("CN63y502", "https://other.example/x/CN63y502", "https://other.example/?t=CN63y502&v=v1"):
        exit_code, said = verdict(scanned, "--secret", SECRET)
        assert (exit_code, said["slot"], said["claim"]) == (0, "current", None)


@pytest.mark.parametrize(
    ("scanned", "reason", "offset"),
    [
        ("SLuwWQOY", "unknown", None),
        ("CN63y502maVh", "otherLength", None),
        ("CN63y50", "otherLength", None),
        ("CN63y50-", "wrongAlphabet", None),
        ("CN63y502 ", "whitespace", None),
        ("VdqJK7Pb", "littleEndian", None),
        ("https://qr.example.com/CS-7/2/VdqJK7Pb?v=v1", "littleEndian", None),
        ("https://qr.example.com/CS-7/2/CN63y502?v=v2", "wrongVersion", None),
        ("https://qr.example.com/CS-7/CN63y502?v=v1", "urlDoesNotFit", None),
        ("https://evil.example/CS-7/2/CN63y502?v=v1", "urlDoesNotFit", None),
    ],
)
def test_verify_says_why_a_code_opens_nothing(scanned: str, reason: str, offset: int | None) -> None:
    exit_code, said = verdict(scanned)

    assert exit_code == 1
    assert (said["valid"], said["slot"], said["reason"], said["offset"]) == (False, None, reason, offset)
    assert said["why"]


def test_verify_measures_a_clock_that_is_off() -> None:
    exit_code, said = verdict("CN63y502", at="1716423905")

    assert (exit_code, said["reason"], said["offset"]) == (1, "otherSlot", -4)
    assert "0:02:00" in said["why"]


def test_a_url_that_does_not_fit_may_still_hold_a_good_code() -> None:
    _, said = verdict("https://evil.example/CS-7/2/CN63y502?v=v1")

    assert said["why"].endswith("yet there is a good code in it")


def test_a_url_without_any_piece_of_the_right_length_is_no_code() -> None:
    exit_code, said = verdict("https://other.example/x", "--secret", SECRET)

    assert (exit_code, said["reason"]) == (1, "noCode")


def test_without_json_the_verdict_is_a_sentence() -> None:
    good = run("verify", "CN63y502", "--secret", SECRET, "--at", "1716423785")
    bad = run("verify", "CN63y502", "--secret", SECRET, "--at", "1716423905")

    assert (good.exit_code, good.stdout) == (0, "valid: the current code\n")
    assert bad.exit_code == 1
    assert bad.stdout.startswith("invalid: the code of 4 slots earlier")


def test_a_secret_never_appears_in_what_is_printed() -> None:
    for words in (SHOW, ("verify", "x", *VERIFY)):
        assert SECRET not in run(*words).output


@pytest.mark.parametrize("command", ["show", "verify"])
def test_help_explains_itself(command: str) -> None:
    said = run(command, "--help").stdout

    for option in ("--template", "--secret", "--at", "--validity", "--length", "--json"):
        assert option in said


def test_no_server_no_database_and_no_station_library_is_imported() -> None:
    program = (
        "import sys; from evouch.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: code = end.code\n"
        "heavy = {'litestar', 'sqlalchemy', 'picows', 'ocpp', 'uvicorn', 'jinja2', 'cryptography', 'httpx2'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    for words in (("qr", *SHOW), ("qr", "verify", "CN63y502", *VERIFY, "--at", "1716423785")):
        done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
        assert done.stderr.splitlines()[-1] == "[]"
