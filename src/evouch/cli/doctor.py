"""``evouch doctor``: what this machine has of what is needed, and which of several ways is taken.

A check is a row of :data:`CHECKS`: a name and a function that returns a :class:`Finding`.
Nothing is written, nothing is sent, and no setting is read.
"""

import importlib.util
import json
import platform
import sqlite3
import ssl
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from typing import Annotated, Final

import typer

from evouch.clock import SystemClock
from evouch.errors import LocalError
from evouch.oprf.group import GROUPS, GroupName, open_group

__all__ = ["CHECKS", "Finding", "State", "command", "look"]

#: The oldest that the package says it runs on.
_PYTHON: Final = (3, 11)
#: 3.35 brought RETURNING, 3.24 ON CONFLICT DO UPDATE: the store uses both.
_SQLITE: Final = (3, 35, 0)
#: What is written here was written after this; a clock before it was never set.
_WRITTEN: Final = datetime(2026, 11, 1, tzinfo=UTC)
#: Some clocks that lost their battery wake up far in the future.
_LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)


class State(StrEnum):
    """How a check ended. Only ``FAILED`` keeps something from working."""

    OK = "ok"
    ABSENT = "absent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """The end of a check and what was seen, as one sentence."""

    state: State
    seen: str


def _python() -> Finding:
    fits = sys.version_info >= _PYTHON
    return Finding(
        State.OK if fits else State.FAILED, f"{platform.python_implementation()} {platform.python_version()}"
    )


def _openssl() -> Finding:
    return Finding(State.OK, f"{ssl.OPENSSL_VERSION}, that of Python's ssl")


def _sqlite() -> Finding:
    fits = sqlite3.sqlite_version_info >= _SQLITE
    wanted = ".".join(map(str, _SQLITE))
    return Finding(State.OK if fits else State.FAILED, f"{sqlite3.sqlite_version}, at least {wanted} is needed")


def _oprf() -> Finding:
    try:
        group = open_group()
    except LocalError as error:
        return Finding(State.FAILED, f"{error}")
    preferred = "" if group.name == GROUPS[0] else f"; the preferred one, {GROUPS[0]}, cannot be used here"
    return Finding(State.OK, f"{group.name} computes: {group.library}{preferred}")


def _oprf_by(name: GroupName) -> Callable[[], Finding]:
    """Return the check of one group. One that fails is no loss while another one computes."""

    def check() -> Finding:
        try:
            group = open_group(name)
        except LocalError as error:
            return Finding(State.ABSENT, f"{error}")
        return Finding(State.OK, f"passes the vectors of RFC 9497: {group.library}")

    return check


def _coincurve() -> Finding:
    if importlib.util.find_spec("coincurve") is None:
        return Finding(State.ABSENT, "identities that are Ethereum addresses need it: install evouch[web3]")
    return Finding(State.OK, f"{version('coincurve')}: identities that are Ethereum addresses")


def _clock() -> Finding:
    clock = SystemClock()
    now, since, until = clock.now(), clock.tick(), clock.tick()
    if not _WRITTEN <= now < _LATEST:
        return Finding(
            State.FAILED, f"{now:%Y-%m-%dT%H:%M:%SZ}: it was never set; codes and certificates will not hold"
        )
    if until < since:
        return Finding(State.FAILED, "the monotonic clock runs backwards")
    return Finding(State.OK, f"{now:%Y-%m-%dT%H:%M:%SZ}")


#: Name → what is looked at, in the order in which it is told.
CHECKS: Final[dict[str, Callable[[], Finding]]] = {
    "Python": _python,
    "OpenSSL": _openssl,
    "SQLite": _sqlite,
    "clock": _clock,
    "oprf": _oprf,
    **{f"oprf by {name}": _oprf_by(name) for name in GROUPS},
    "coincurve": _coincurve,
}


def look() -> dict[str, Finding]:
    """Return every check with its finding."""
    return {name: check() for name, check in CHECKS.items()}


def command(*, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Say what this machine has of what is needed, and which group computes the OPRF; exit 1 if something is missing.

    With --json: for each check its state (ok, absent, failed) and what was seen. What is absent is not needed.
    """
    found = look()
    if as_json:
        print(json.dumps({name: asdict(finding) for name, finding in found.items()}, indent=2))
    else:
        for name, finding in found.items():
            print(f"{finding.state:<7} {name:<16} {finding.seen}")
    raise typer.Exit(1 if State.FAILED in {finding.state for finding in found.values()} else 0)
