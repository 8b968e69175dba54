"""A log can be handed to a stranger: ids, numbers, enums and times, and where it failed."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
import structlog

from evouch.cli.log import MAX_TEXT, configure
from evouch.ids import Mac, Secret


class Colour(StrEnum):
    RED = "red"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("evouch")
    before = root.handlers, root.level, ours.level
    yield
    root.handlers, root.level = before[:2]
    ours.setLevel(before[2])
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    said = capsys.readouterr()
    assert "" == said.out
    return [json.loads(line) for line in said.err.splitlines()]


def logger(name: str = "evouch.test") -> Any:
    configure("info", as_json=True)
    return structlog.get_logger(name)


def test_ids_numbers_enums_and_times_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    logger().info("charged", station="CS-1", energy=42, cost=Decimal("0.10"), colour=Colour.RED, at=moment, none=None)
    (line,) = lines(capsys)
    said = {"station": "CS-1", "energy": 42, "cost": "0.10", "colour": "red", "at": moment.isoformat(), "none": None}
    assert said == {name: line[name] for name in said}
    assert ("charged", "info", "evouch.test") == (line["event"], line["level"], line["logger"])


def test_secrets_frames_and_objects_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    frame = b'[2,"1","Authorize",{"idTag":"04AABBCC"}]'
    logger().info(
        "heard", secret=Secret("open sesame"), mac=Mac(b"\x00\x11"), frame=frame, payload={"idTag": "04AABBCC"}
    )
    text = capsys.readouterr().err
    assert not any(word in text for word in ("sesame", "04AABBCC"))
    assert {"<Secret>", "<Mac>", "<bytes>", "<dict>"} < set(json.loads(text).values())


def test_text_of_a_peer_is_cut_and_cannot_forge_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logger().info("heard", reason='x\n{"event": "forged"}\x1b[2J', long="y" * 1000)
    (line,) = lines(capsys)
    assert "x\\n" in line["reason"]
    assert "\x1b" not in line["reason"]
    assert MAX_TEXT + 1 == len(line["long"])


def test_a_failure_is_its_type_and_place_without_locals_or_text(capsys: pytest.CaptureFixture[str]) -> None:
    def inner(password: str) -> None:
        raise ValueError(f"what the peer sent: {password}")

    log = logger()
    try:
        inner("open sesame")
    except ValueError:
        log.exception("failed")
    text = capsys.readouterr().err
    line = json.loads(text)
    assert "ValueError" == line["error"]
    assert "inner" in line["at"][-1]
    assert "sesame" not in text


def test_libraries_are_heard_from_warnings_on_and_by_the_same_rules(capsys: pytest.CaptureFixture[str]) -> None:
    configure("debug", as_json=True)
    logging.getLogger("somebody").info("GET /pay?totp=CN63y502")
    try:
        raise KeyError("open sesame")
    except KeyError:
        logging.getLogger("somebody").exception("broken")
    (line,) = lines(capsys)
    assert ("broken", "KeyError") == (line["event"], line["error"])


def test_a_person_at_a_terminal_gets_lines_to_read(capsys: pytest.CaptureFixture[str]) -> None:
    configure(as_json=False)
    structlog.get_logger("evouch.test").warning("offline", station="CS-1")
    assert "offline" in capsys.readouterr().err
