"""A storm of stations that prove who they are, alone and with bad handshakes beside it.

The operator runs as its own process, ``evouch cpo run`` with its own state folder: SQLite in
WAL mode, ``synchronous=FULL``. Every station has a password and an enrolled key, Ed25519 or
P-256 by turns. It connects over a WebSocket, boots (Pending), is challenged, proves itself,
is told to boot again, and is accepted. All of them arrive within seconds, as after a power
cut; each key has been seen before, so its signing input is pinned. The first storm warms up.

The same storm is measured with 500 bad handshakes a second beside it: wrong passwords, each a
connection and an upgrade request, answered 401. They come from thousands of addresses, so that
no limit per address spares the server its work. The server's CPU then counts for the good
stations, all of it.

A second figure, without a target, is the same with bad proofs: the right password, a whole
WebSocket, a boot, a challenge, and a signature by another key, which is everything that a good
station does up to its last step.

The three run in turns; figures are medians of the rounds. Generator and server have a core
each. Stations boot again by themselves after their interval, as stations do; how many had to,
because nobody told them, is counted.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from bench.common import BUSY, Claim, cores, finish
from bench.cpo_run import Server, running
from bench.identity_fleet import Prover, provers, sow
from bench.identity_load import STEPS, BadProofs, Figure, Nuisance, WrongPasswords, storm
from bench.load import many_files

__all__ = ["main"]

#: What bad handshakes may add to the CPU per good station.
MOST: Final = 1.2
ALONE: Final = "alone"
PASSWORDS: Final = "wrong passwords"
PROOFS: Final = "bad proofs"
#: Below this share of the bad handshakes that were wanted, they were not beside it.
ENOUGH: Final = 0.9


class Storms:
    """What was measured: what went on beside → figures of the rounds."""

    def __init__(self) -> None:
        self.figures: dict[str, list[Figure]] = {}

    def milliseconds(self, name: str) -> list[float]:
        """Return server CPU per good station, round by round."""
        return [figure.milliseconds for figure in self.figures[name]]

    def times(self, name: str) -> float:
        """Return how many times the CPU of a quiet storm this was: the median of what each round says."""
        both = zip(self.milliseconds(name), self.milliseconds(ALONE), strict=True)
        return statistics.median(pestered / alone for pestered, alone in both)

    def p99(self, name: str, step: str) -> float:
        """Return the milliseconds in which 99 of 100 stations were through a step: the median of the rounds."""
        return statistics.median(_p99(figure.steps[step]) for figure in self.figures[name]) * 1e3

    @property
    def forgotten(self) -> int:
        """Return how many stations had to boot by themselves, in all rounds."""
        return sum(figure.forgotten for figures in self.figures.values() for figure in figures)

    def wrong(self, wanted: float) -> list[str]:
        """Return why the run proves nothing; empty where it does. ``wanted``: bad handshakes per second."""
        reasons = []
        for name, figures in self.figures.items():
            reasons += [f"{name}: {error}" for figure in figures for error in figure.errors[:3]]
            busiest = max(figure.busy for figure in figures)
            if busiest > BUSY:
                reasons.append(f"{name}: the generator was {busiest:.0%} busy")
            slowest = min(figure.bad / figure.wall for figure in figures)
            if name != ALONE and slowest < ENOUGH * wanted:
                reasons.append(f"{name}: only {slowest:.0f} bad handshakes a second")
        return reasons


def _p99(values: Sequence[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.99))]


async def measure(options: argparse.Namespace, server: Server, fleet: list[Prover], thieves: list[Prover]) -> Storms:
    """Run all rounds."""
    beside: dict[str, Callable[[], Nuisance]] = {
        ALONE: Nuisance,
        PASSWORDS: lambda: WrongPasswords(server.port, thieves, options.bad),
        PROOFS: lambda: BadProofs(server.port, thieves, options.bad),
    }
    storms = Storms()
    for number in range(options.rounds + 1):
        for name, nuisance in beside.items():
            if not number and name != ALONE:
                continue  # the storm before the first round only warms up
            figure = await storm(server.port, server.process.pid, fleet, rate=options.rate, nuisance=nuisance())
            print(
                f"round {number}, {name}: {figure.milliseconds:.2f} ms per station in {figure.wall:.1f} s,"
                f" {figure.bad} bad, generator {figure.busy:.0%} busy",
                file=sys.stderr,
            )
            if number:
                storms.figures.setdefault(name, []).append(figure)
            await asyncio.sleep(options.rest)
    return storms


async def run(options: argparse.Namespace) -> Storms:
    """Make the state, run the operator on its core, and measure."""
    core, own = cores()
    os.sched_setaffinity(0, {own})
    many_files()
    fleet, thieves = provers("GOOD", options.stations), provers("THIEF", options.thieves, false=True)
    with tempfile.TemporaryDirectory(prefix="evouch-bench-") as folder:
        state = Path(folder) / "state"
        await sow(state, [*fleet, *thieves])
        command = [sys.executable, "-m", "evouch", "cpo", "run", "--state", str(state), "--json"]
        command += ["--ocpp-port", "0", "--http-port", "0"]
        with running("evouch cpo run", command, core, Path(folder) / "log") as server:
            return await measure(options, server, fleet, thieves)


def show(storms: Storms) -> None:
    print(f"{'':<18}{'server CPU, ms per station':>30}  to alone   p99 in ms: {', '.join(STEPS)}")
    for name in storms.figures:
        steps = "  ".join(f"{storms.p99(name, step):.0f}" for step in STEPS)
        print(f"{name:<18}{_ms(storms.milliseconds(name)):>30}  {storms.times(name):8.2f}   {steps}")


def _ms(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def claims(storms: Storms, bad: float) -> list[Claim]:
    """Return what is claimed of bad handshakes."""
    times, forgotten = storms.times(PASSWORDS), storms.forgotten
    return [
        Claim(
            f"CPU per good station with {bad:g} {PASSWORDS} a second beside the storm, to the storm alone",
            f"≤ {MOST:g} times",
            f"{times:.2f} times",
            times <= MOST,
        ),
        Claim("stations that proved themselves and were not told to boot again", "0", str(forgotten), not forgotten),
    ]


def figures(storms: Storms) -> dict[str, Any]:
    """Return everything measured, for JSON."""
    return {
        name: {
            "times_alone": round(storms.times(name), 3),
            "milliseconds_per_station": [round(each, 3) for each in storms.milliseconds(name)],
            "p99_ms": {step: round(storms.p99(name, step), 1) for step in STEPS},
            "seconds": [round(figure.wall, 2) for figure in each_round],
            "bad_per_second": [round(figure.bad / figure.wall) for figure in each_round],
            "generator_busy": [round(figure.busy, 3) for figure in each_round],
        }
        for name, each_round in storms.figures.items()
    }


def main(words: list[str] | None = None) -> int:
    """Run and report; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stations", type=int, default=2_000)
    parser.add_argument("--rate", type=float, default=500.0, help="stations that arrive per second")
    parser.add_argument("--bad", type=float, default=500.0, help="bad handshakes per second")
    parser.add_argument("--thieves", type=int, default=500, help="names under which bad handshakes come")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rest", type=float, default=2.0, help="seconds between two storms")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(words)
    if len(set(cores())) < 2:
        return finish([], as_json=options.json, invalid=["server and generator need a core each"])
    storms = asyncio.run(run(options))
    if not options.json:
        show(storms)
    return finish(
        claims(storms, options.bad), as_json=options.json, invalid=storms.wrong(options.bad), storms=figures(storms)
    )


if __name__ == "__main__":
    sys.exit(main())
