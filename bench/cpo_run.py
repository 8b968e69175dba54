"""The whole ``evouch cpo run`` under load: server CPU per CALL, and what each part of it costs.

The operator runs as its own process with its own state folder: SQLite in WAL mode,
``synchronous=FULL``, group commit, nothing answered before it is durable. Each station is in
the middle of a charge that a driver has paid for, and sends MeterValues of the transaction
(OCPP 1.6) or TransactionEvent Updated with meter values (2.0.1, 2.1), one CALL in ten a
Heartbeat, the next when the last one is answered. All of it is checked against the official
schemas in both directions.

Beside it, in the same rounds and with the same frames, run: our wire layer alone; wire and
translation; the operator with its records in memory; and ``ocpp`` over ``websockets``,
which validates, answers, and keeps nothing. Servers share one core, one talking at a time;
the generator has another. Figures are medians of the rounds, in microseconds of CPU (user
and system, all threads), with the range of the rounds. The store's share is also shown by
how many CALLs went into a second, for the more come together the less each commit costs:
``--pace`` measures a fleet that does not talk as fast as it can.
"""

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.common import BUSY, Claim, cores, finish, spread
from bench.fleet import VERSIONS, fleet, sow
from bench.fleet_load import Figure, Fleet
from bench.load import many_files, resident
from evouch.cli.keys import keys_in
from evouch.clock import SystemClock, SystemEntropy
from evouch.store.sealing import Sealer
from evouch.store.sql import SqlStore

__all__ = ["main"]

WHOLE: Final = "evouch cpo run"
RIVAL: Final = "ocpp+websockets"
STAGES: Final = ("wire", "translation", "operator")
#: The whole operator may cost so much of what the rival needs to validate.
SHARE: Final = 1 / 5
#: What each step up adds.
PARTS: Final = (
    ("wire and schemas", None, "wire"),
    ("translation", "wire", "translation"),
    ("operator's logic", "translation", "operator"),
    ("store and the rest", "operator", WHOLE),
)


@dataclass(slots=True)
class Server:
    """A running server."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    before: int = 0


@dataclass(slots=True)
class Size:
    """What was measured with one number of stations."""

    stations: int
    figures: dict[str, list[Figure]] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def micros(self, name: str) -> list[float]:
        """Return CPU per CALL of each round."""
        return [figure.microseconds for figure in self.figures[name]]

    def median(self, name: str) -> float:
        """Return the median of the rounds."""
        return statistics.median(self.micros(name))

    @property
    def busiest(self) -> float:
        """Return how busy the generator was at most."""
        return max(figure.busy for figures in self.figures.values() for figure in figures)

    def parts(self) -> dict[str, float]:
        """Return what each part of the whole costs, in microseconds per CALL."""
        return {part: self.median(to) - (self.median(base) if base else 0.0) for part, base, to in PARTS}


def commands(options: argparse.Namespace, stations: int, state: Path) -> dict[str, list[str]]:
    """Return server → command line."""
    python = [sys.executable, "-m"]
    how = ["--stations", str(stations), "--versions", *options.versions]
    run = [*python, "evouch", "cpo", "run", "--state", str(state), "--ocpp-port", "0", "--http-port", "0", "--json"]
    return {
        **{stage: [*python, "bench.peers.cpo_server", stage, *how] for stage in STAGES},
        WHOLE: run,
        RIVAL: [*python, "bench.peers.mobilityhouse_charging"],
    }


@contextlib.contextmanager
def running(name: str, command: list[str], core: int, log: Path) -> Iterator[Server]:
    """Run a server on ``core``."""
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={name: value for name, value in os.environ.items() if not name.startswith("EVOUCH_")},
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            sys.exit(f"{name} did not start: {log.read_text()[-600:]}")
        port = int(line) if line.strip().isdigit() else _port(json.loads(line))
        yield Server(name, port, process, resident(process.pid))
    finally:
        process.stdin.close()
        process.stdout.close()
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port(said: dict[str, str]) -> int:
    """Return where stations connect to an operator, or operators to an eMSP."""
    return int((said.get("stations") or said["ocpi"]).rsplit(":", 1)[1].split("/", 1)[0])


async def prepare(state: Path, stations: int, versions: list[str]) -> None:
    """Write a state folder of an operator whose stations all charge."""
    seal = keys_in(None, state / "keys" / "seal", SystemEntropy())
    store = await SqlStore.open(
        f"sqlite:///{state / 'evouch.db'}", clock=SystemClock(), seal=Sealer(*seal, entropy=SystemEntropy())
    )
    await sow(store, fleet(stations, versions))
    await store.close()


async def measure(options: argparse.Namespace, stations: int, core: int) -> Size:
    """Run all rounds with one number of stations."""
    size = Size(stations)
    with tempfile.TemporaryDirectory(prefix="evouch-bench-") as folder, contextlib.ExitStack() as stack:
        root = Path(folder)
        await prepare(root / "state", stations, options.versions)
        servers = [
            stack.enter_context(running(name, command, core, root / f"{number}.log"))
            for number, (name, command) in enumerate(commands(options, stations, root / "state").items())
        ]
        fleets = {server.name: fleet(stations, options.versions) for server in servers}
        for number in range(options.rounds):
            for server in servers:
                load = Fleet(server.port, server.process.pid, fleets[server.name], pace=options.pace)
                await load.connect()
                size.figures.setdefault(server.name, []).append(await load.run(options.seconds))
                size.memory[server.name] = resident(server.process.pid) / 2**20
                size.errors += [f"{server.name}: {error!r}" for error in load.errors[:3]]
                await load.close()
            print(f"{stations} stations: round {number + 1} of {options.rounds}", file=sys.stderr)
    return size


def show(size: Size) -> None:
    """Print the table of one size."""
    print(f"\n{size.stations} stations, µs of server CPU per answered CALL: median (range) of the rounds\n")
    print(f"{'':<22}{'µs':>26}{'CALLs/s':>10}{'RSS MiB':>9}")
    for name, figures in size.figures.items():
        rate = statistics.median(figure.answers / figure.wall for figure in figures)
        print(f"{name:<22}{spread(size.micros(name)):>26}{rate:>10,.0f}{size.memory[name]:>9.0f}")
    print("\nwhere it goes:", "; ".join(f"{part} {cost:.0f} µs" for part, cost in size.parts().items()))
    print(f"generator at most {size.busiest:.0%} busy")


def claim(size: Size) -> Claim:
    """Return the claim that the whole stays under its share of the rival."""
    share = size.median(WHOLE) / size.median(RIVAL)
    return Claim(
        f"whole operator with {size.stations} charging stations, CPU per CALL beside {RIVAL} only validating",
        f"≤ 1/{1 / SHARE:g}",
        f"1/{1 / share:.1f} ({size.median(WHOLE):.0f} of {size.median(RIVAL):.0f} µs)",
        share <= SHARE,
    )


def figures(size: Size) -> dict[str, Any]:
    """Return everything measured with one size, for JSON."""
    return {
        "stations": size.stations,
        "microseconds": {name: [round(each, 1) for each in size.micros(name)] for name in size.figures},
        "parts": {part: round(cost, 1) for part, cost in size.parts().items()},
        "resident_mib": {name: round(each, 1) for name, each in size.memory.items()},
        "generator_busy": round(size.busiest, 3),
    }


async def run(options: argparse.Namespace) -> list[Size]:
    """Measure every size."""
    server, generator = cores()
    os.sched_setaffinity(0, {generator})
    many_files()
    return [await measure(options, stations, server) for stations in options.stations]


def main(words: list[str] | None = None) -> int:
    """Run and report; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stations", type=int, nargs="+", default=[200, 1000])
    parser.add_argument("--versions", nargs="+", choices=VERSIONS, default=list(VERSIONS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of measuring per server and round")
    parser.add_argument("--pace", type=float, default=0.0, help="seconds between the CALLs of a station; 0: no rest")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(words)
    if len(set(cores())) < 2:
        return finish([], as_json=options.json, invalid=["server and generator need a core each"])
    sizes = asyncio.run(run(options))
    if not options.json:
        for size in sizes:
            show(size)
    invalid = [f"the generator was {size.busiest:.0%} busy" for size in sizes if size.busiest > BUSY]
    invalid += [error for size in sizes for error in size.errors]
    return finish(
        [claim(size) for size in sizes], as_json=options.json, invalid=invalid, sizes=[figures(size) for size in sizes]
    )


if __name__ == "__main__":
    sys.exit(main())
