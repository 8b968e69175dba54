"""One operator tries a maker's 2²⁴ addresses out at the sign oracle, with fifty honest operators beside it.

First as it is on the wire: ``evouch emsp run`` as its own process, SQLite and all. Fifty operators
of 1,000 EVSEs ask once a second each, by the clock, as in a rush hour. Then one more asks as fast
as it is answered, over as many connections as it likes. How many of its requests are refused, and
what the honest ones notice, alone and beside it, in turns; medians of the rounds.

Then by the day, with a clock that is turned by hand: the sweeper does its usual business and
sweeps besides. A *flood* of ten a second meets every limit; *within limits* it asks as often as a
day allows; a *patient* one asks less than its own charging points do. When does the eMSP raise an
alarm, when is the right to ask gone, and how much of the prefix was signed by then?

Last, what the limits alone leave: the days that the prefix takes an operator of 1,000 EVSEs which
uses all that it is given, for no car of its own, if nobody watches.
"""

import argparse
import asyncio
import logging
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog

from bench.common import BUSY, MOST_WAITING, Claim, cores, finish
from bench.cpo_run import Server, running
from bench.load import waited_seconds
from bench.operators import Line, Operator, sow
from bench.sign_endpoint import LEAST_PACE, Paced, open_loop
from bench.sweep_days import OUI, Outcome, days_for, swept

__all__ = ["main"]

HONEST: Final = 50
#: EVSEs of each operator of the first part, and of the sweeper.
EVSES: Final = 1_000
#: Requests a second of all honest operators together.
PACE: Final = 50.0
#: Milliseconds that an honest operator may be kept waiting (p99): a plug-in may take so long.
MOST: Final = 300.0
#: Share of a flood that is refused.
REFUSED: Final = 0.95
#: Minutes to the first alarm: the watch looks four times an hour.
ALARM: Final = 20
#: Days that the whole prefix takes at least: three years.
DAYS: Final = 3 * 365
#: Sweeps by the day: what it is called → requests a minute, and minutes that are lived through.
SWEEPS: Final = {"flood": (600.0, 90), "within limits": (20.0, 24 * 60), "patient": (3.0, 24 * 60)}


@dataclass(slots=True)
class Wire:
    """What was measured over HTTP."""

    alone: list[Paced] = field(default_factory=list)
    beside: list[Paced] = field(default_factory=list)
    #: requests of the sweeper, and those that were refused
    asked: int = 0
    refused: int = 0
    seconds: float = 0.0
    honest_refused: int = 0
    #: share of each round that the eMSP waited for a core which somebody else used
    waited: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def p99(self, rounds: Sequence[Paced]) -> float:
        """Return the milliseconds in which 99 of 100 were answered: the median of the rounds."""
        return statistics.median(each.percentile(0.99) for each in rounds)

    def invalid(self) -> list[str]:
        """Return why the run proves nothing; empty where it does."""
        both = [*self.alone, *self.beside]
        reasons = [f"the generator was {each.busy:.0%} busy" for each in both if each.busy > BUSY]
        reasons += [f"only {each.pace:.0%} of the pace was kept" for each in both if each.pace < LEAST_PACE]
        if max(self.waited) > MOST_WAITING and self.p99(self.beside) > MOST:  # sharing only ever makes it slower
            reasons.append(f"{max(self.waited):.0%} of the time went by waiting for a core that others used")
        return reasons + [f"a wrong answer: {each}" for each in self.wrong[:3]]


async def sweep(lines: Sequence[Line], wire: Wire, done: asyncio.Event) -> None:
    """Ask as fast as it is answered, until ``done``."""
    begin = time.perf_counter()

    async def keep_asking(line: Line) -> None:
        while not done.is_set():
            await line.ask()
            wire.asked += 1

    before = sum(line.refused for line in lines)
    await asyncio.gather(*map(keep_asking, lines))
    wire.refused += sum(line.refused for line in lines) - before
    wire.seconds += time.perf_counter() - begin


async def one_round(
    server: Server, honest: Sequence[Line], sweeper: Sequence[Line], wire: Wire, seconds: float
) -> None:
    """Measure the honest ones alone, then beside the sweep."""
    wire.alone.append(await open_loop(honest, PACE, seconds))
    done, pid = asyncio.Event(), server.process.pid
    waited, begin = waited_seconds(pid), time.perf_counter()
    sweeping = asyncio.create_task(sweep(sweeper, wire, done))
    wire.beside.append(await open_loop(honest, PACE, seconds))
    wire.waited.append((waited_seconds(pid) - waited) / (time.perf_counter() - begin))
    done.set()
    await sweeping


async def over_http(options: argparse.Namespace) -> Wire:
    """Make the state, run the eMSP on its core, and measure."""
    core, own = cores()
    os.sched_setaffinity(0, {own})
    operators, wire = Operator.several(HONEST + 1, EVSES), Wire()
    with tempfile.TemporaryDirectory(prefix="evouch-bench-") as folder:
        state = Path(folder) / "state"
        await sow(state, operators)
        command = [sys.executable, "-m", "evouch", "emsp", "run", "--state", str(state), "--http-port", "0", "--json"]
        with running("evouch emsp run", command, core, Path(folder) / "log") as server:
            *others, last = operators
            # a connection each; taken by turns, so that each asks once a second
            honest = [await Line.opened(server.port, each.questions(20), wire.wrong) for each in others]
            questions = last.questions(500)
            sweeper = [
                await Line.opened(server.port, questions, wire.wrong, first=7 * number)
                for number in range(options.lines)
            ]
            for number in range(options.rounds):
                await one_round(server, honest, sweeper, wire, options.seconds)
                print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
            wire.honest_refused = sum(line.refused for line in honest)
            for line in (*honest, *sweeper):
                line.close()
    return wire


def by_the_day() -> dict[str, Outcome]:
    """Live through all sweeps, with honest operators of many sizes."""
    chance = random.Random(50)  # the same sizes in every run
    sizes = (EVSES, *(chance.choice((20, 50, 100, 200, 400)) for _ in range(HONEST)))
    return {name: swept(sizes, minutes, pace) for name, (pace, minutes) in SWEEPS.items()}


def show(wire: Wire, days: dict[str, Outcome], least: int) -> None:
    """Print the tables."""
    print(f"over HTTP: {wire.asked / wire.seconds:,.0f} requests a second of the sweep, {_share(wire)} refused")
    for name, rounds in (("alone", wire.alone), ("beside the sweep", wire.beside)):
        median = statistics.median(each.percentile(0.5) for each in rounds)
        print(f"  {HONEST} honest operators {name}: median {median:.1f} ms, p99 {wire.p99(rounds):.1f} ms")
    print(f"  {wire.honest_refused} of theirs refused\n")
    print(f"{'by the day':<16}{'a minute':>9}{'signed':>9}{'refused':>9}{'alarm':>9}{'suspended':>11}{'of it':>12}")
    for name, one in days.items():
        share = one.signed / OUI
        print(
            f"{name:<16}{SWEEPS[name][0]:>9g}{one.signed:>9,}{one.refused:>9,}{_minutes(one.alarm):>9}"
            f"{_minutes(one.suspended):>11}{share:>12.4%}"
        )
    patient = days["patient"]
    if patient.suspended is None and patient.signed:
        print(f"patient, it goes on, and would be through in {OUI / patient.signed / 365:.1f} years")
    print(f"by the limits alone, {EVSES:,} EVSEs: {least:,} days for the whole prefix")


def _minutes(value: int | None) -> str:
    return "never" if value is None else f"{value} min"


def _share(wire: Wire) -> str:
    return f"{wire.refused / wire.asked:.1%}"


def claims(wire: Wire, days: dict[str, Outcome], least: int) -> list[Claim]:
    """Return what is claimed of a sweep."""
    alarms = {name: days[name].alarm for name in ("flood", "within limits")}
    told = max(ALARM + 1 if each is None else each for each in alarms.values())
    refused = wire.honest_refused + sum(each.honest_refused for each in days.values())
    alarmed = sum(len(each.honest_alarms) for each in days.values())
    beside, alone = wire.p99(wire.beside), wire.p99(wire.alone)
    return [
        Claim("requests of a sweep refused", f"≥ {REFUSED:.0%}", _share(wire), wire.refused >= REFUSED * wire.asked),
        Claim(
            "minutes to the alarm, of a flood and of a sweep within its limits", f"≤ {ALARM}",
            ", ".join(_minutes(each) for each in alarms.values()), told <= ALARM,
        ),
        Claim(
            f"days for a whole prefix by the limits alone, {EVSES:,} EVSEs", f"≥ {DAYS:,}", f"{least:,}", least >= DAYS
        ),
        Claim(
            f"{HONEST} honest operators beside it: refused, alarms", "0, 0", f"{refused}, {alarmed}",
            not refused and not alarmed,
        ),
        Claim(
            f"{HONEST} honest operators beside it, p99 of the answer", f"≤ {MOST:g} ms",
            f"{beside:.0f} ms, {alone:.0f} ms without it", beside <= MOST,
        ),
    ]  # fmt: skip


def figures(wire: Wire, days: dict[str, Outcome], least: int) -> dict[str, Any]:
    """Return everything measured, for JSON."""
    return {
        "sweep": {"asked": wire.asked, "refused": wire.refused, "seconds": round(wire.seconds, 1)},
        "honest_p99_ms": {"alone": round(wire.p99(wire.alone), 1), "beside": round(wire.p99(wire.beside), 1)},
        "by_the_day": {
            name: {"signed": one.signed, "refused": one.refused, "alarm": one.alarm, "suspended": one.suspended}
            for name, one in days.items()
        },
        "days_by_limits": least,
        "load_average": round(os.getloadavg()[0], 2),
    }


def main(words: list[str] | None = None) -> int:
    """Run and report; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=16, help="connections of the sweeper")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0, help="of measuring, alone and beside the sweep")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(words)
    if len(set(cores())) < 2:
        return finish([], as_json=options.json, invalid=["server and generator need a core each"])
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    wire, days, least = asyncio.run(over_http(options)), by_the_day(), days_for(EVSES)
    if not options.json:
        show(wire, days, least)
    return finish(claims(wire, days, least), as_json=options.json, invalid=wire.invalid(), **figures(wire, days, least))


if __name__ == "__main__":
    sys.exit(main())
