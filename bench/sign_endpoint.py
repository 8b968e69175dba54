"""Signatures per second of server CPU through the whole HTTP endpoint, and what each part of one costs.

The eMSP runs as its own process, ``evouch emsp run`` with its own state folder: SQLite in WAL
mode, ``synchronous=FULL``. Several operators ask over connections that stay open, with the
headers of our own client. Each request is authenticated, read strictly, counted against its
operator's budget, signed, and answered once the count is durable. Every answer is compared with
the point that it has to be.

Beside it, in the same rounds and with the same requests, run: the HTTP server alone; OCPI around
an element that nobody signs; the same and signed; the eMSP with its records in memory. Servers
share one core, one is asked at a time; the generator has another. Figures are medians of the
rounds, of CPU (user and system, all threads), with the range of the rounds.

The answer time is measured apart, of ``evouch emsp run``, at a moderate pace: requests start by
the clock, whether or not those before have been answered, and count from when they should have
started.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.common import BUSY, Claim, cores, finish, spread
from bench.cpo_run import Server, running
from bench.fleet_load import Figure
from bench.load import cpu_seconds
from bench.operators import Line, Operator, Question, sow

__all__ = ["main"]

WHOLE: Final = "evouch emsp run"
STAGES: Final = ("http", "ocpi", "crypto", "emsp")
#: Signatures per second of server CPU.
LEAST: Final = 1_500
#: What each step up adds.
PARTS: Final = (
    ("HTTP", None, "http"),
    ("OCPI: token, codec, envelope", "http", "ocpi"),
    ("crypto", "ocpi", "crypto"),
    ("budgets and the eMSP", "crypto", "emsp"),
    ("store", "emsp", WHOLE),
)
#: EVSEs of each operator: so many that no budget refuses what a bench asks.
EVSES: Final = 1_000_000
#: Vehicles that each operator asks about, over and over.
VEHICLES: Final = 200
#: Connections for the measurement of answer times: enough that none has to wait for one.
LINES: Final = 64
#: Share of its pace that a generator has to keep.
LEAST_PACE: Final = 0.98


@dataclass(slots=True)
class Paced:
    """One measurement of answer times: milliseconds, sorted."""

    times: list[float]
    busy: float
    pace: float

    def percentile(self, share: float) -> float:
        """Return the time in which this share was answered."""
        return self.times[min(len(self.times) - 1, int(len(self.times) * share))]


@dataclass(slots=True)
class Rounds:
    """What was measured."""

    figures: dict[str, list[Figure]] = field(default_factory=dict)
    paced: list[Paced] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def micros(self, name: str) -> list[float]:
        """Return CPU per signature of each round."""
        return [figure.microseconds for figure in self.figures[name]]

    def rates(self, name: str) -> list[float]:
        """Return signatures per CPU second of each round."""
        return [1e6 / each for each in self.micros(name)]

    def parts(self) -> dict[str, float]:
        """Return what each part of the whole costs, in microseconds per signature."""
        median = {name: statistics.median(self.micros(name)) for name in self.figures}
        return {part: median[to] - (median[base] if base else 0.0) for part, base, to in PARTS}

    def p99(self) -> float:
        """Return the milliseconds within which 99 of 100 were answered: the median of the rounds."""
        return statistics.median(each.percentile(0.99) for each in self.paced)

    def invalid(self) -> list[str]:
        """Return why the run proves nothing; empty where it does."""
        busy = {name: max(figure.busy for figure in figures) for name, figures in self.figures.items()}
        busy["at a pace"] = max(each.busy for each in self.paced)
        reasons = [f"{name}: the generator was {each:.0%} busy" for name, each in busy.items() if each > BUSY]
        reasons += [f"only {each.pace:.0%} of the pace was kept" for each in self.paced if each.pace < LEAST_PACE]
        return reasons + [f"a wrong answer: {each}" for each in self.wrong[:3]]


async def closed_loop(server: Server, lines: Sequence[Line], seconds: float) -> Figure:
    """Ask on each line again as soon as it is answered."""
    until, answers = time.perf_counter() + seconds, [0]

    async def keep_asking(line: Line) -> None:
        while time.perf_counter() < until:
            await line.ask()
            answers[0] += 1

    cpu, own, begin = cpu_seconds(server.process.pid), time.process_time(), time.perf_counter()
    await asyncio.gather(*map(keep_asking, lines))
    wall = time.perf_counter() - begin
    return Figure(
        answers=answers[0], wall=wall, server=cpu_seconds(server.process.pid) - cpu,
        busy=(time.process_time() - own) / wall,
    )  # fmt: skip


async def open_loop(lines: Sequence[Line], pace: float, seconds: float) -> Paced:
    """Ask by the clock; a request for which no line is free waits, and its time runs."""
    free, times, waiting = deque(lines), list[float](), asyncio.Semaphore(len(lines))

    async def one(due: float) -> None:
        async with waiting:
            line = free.popleft()
            await line.ask()
            free.append(line)
        times.append((time.perf_counter() - due) * 1e3)

    own, begin = time.process_time(), time.perf_counter()
    tasks = []
    for number in range(int(pace * seconds)):
        due = begin + number / pace
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(one(due)))
    kept = len(tasks) / (time.perf_counter() - begin)
    await asyncio.gather(*tasks)
    return Paced(sorted(times), (time.process_time() - own) / (time.perf_counter() - begin), kept / pace)


async def lines_to(server: Server, count: int, questions: Sequence[list[Question]], wrong: list[str]) -> list[Line]:
    """Connect so often, operators by turns, each line beginning with another vehicle."""
    return [
        await Line.opened(server.port, questions[number % len(questions)], wrong, first=number * 7)
        for number in range(count)
    ]


async def one_round(
    options: argparse.Namespace, servers: Sequence[Server], questions: Sequence[list[Question]], rounds: Rounds
) -> None:
    """Measure each server once, and the answer time of the last one, which is the whole."""
    for server in servers:
        checked = server.name not in {"http", "ocpi"}
        lines = await lines_to(server, options.lines, questions, rounds.wrong if checked else [])
        await closed_loop(server, lines, 0.3)
        rounds.figures.setdefault(server.name, []).append(await closed_loop(server, lines, options.seconds))
        for line in lines:
            line.close()
    lines = await lines_to(servers[-1], LINES, questions, rounds.wrong)
    rounds.paced.append(await open_loop(lines, options.pace, options.seconds))
    if any(line.refused for line in lines):
        rounds.wrong.append("refused over budget")
    for line in lines:
        line.close()


async def run(options: argparse.Namespace) -> Rounds:
    """Make the state, run the servers on their core, and measure."""
    core, own = cores()
    os.sched_setaffinity(0, {own})
    operators, rounds = Operator.several(options.operators, EVSES), Rounds()
    questions = [each.questions(VEHICLES) for each in operators]
    python = [sys.executable, "-m"]
    how = ["--operators", str(options.operators), "--evses", str(EVSES)]
    with tempfile.TemporaryDirectory(prefix="evouch-bench-") as folder, contextlib.ExitStack() as stack:
        state = Path(folder) / "state"
        await sow(state, operators)
        commands = {stage: [*python, "bench.peers.sign_server", stage, *how] for stage in STAGES}
        commands[WHOLE] = [*python, "evouch", "emsp", "run", "--state", str(state), "--http-port", "0", "--json"]
        servers = [
            stack.enter_context(running(name, command, core, Path(folder) / f"{number}.log"))
            for number, (name, command) in enumerate(commands.items())
        ]
        for number in range(options.rounds):
            await one_round(options, servers, questions, rounds)
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    return rounds


def show(rounds: Rounds, options: argparse.Namespace) -> None:
    """Print the table."""
    print(f"{options.operators} operators, {options.lines} connections: median (range) of {options.rounds} rounds\n")
    print(f"{'':<18}{'µs of server CPU each':>26}{'per CPU second':>16}{'per second':>12}")
    for name, figures in rounds.figures.items():
        rate = statistics.median(figure.answers / figure.wall for figure in figures)
        per_cpu = statistics.median(rounds.rates(name))
        print(f"{name:<18}{spread(rounds.micros(name)):>26}{per_cpu:>16,.0f}{rate:>12,.0f}")
    whole = statistics.median(rounds.micros(WHOLE))
    parts = (f"{part} {cost:.0f} µs ({cost / whole:.0%})" for part, cost in rounds.parts().items())
    print("\nwhere it goes:", "; ".join(parts))
    each = [statistics.median(paced.percentile(share) for paced in rounds.paced) for share in (0.5, 0.9, 0.99)]
    print(f"answered at {options.pace:g} a second, ms: median {each[0]:.1f}, p90 {each[1]:.1f}, p99 {each[2]:.1f}")
    print(f"generator at most {max(figure.busy for own in rounds.figures.values() for figure in own):.0%} busy")


def claim(rounds: Rounds, options: argparse.Namespace) -> Claim:
    """Return the claim of the issue, with the answer time beside it."""
    rate = statistics.median(rounds.rates(WHOLE))
    return Claim(
        "signatures per CPU second through the whole endpoint, durable budgets and all",
        f"≥ {LEAST:,}",
        f"{rate:,.0f}; p99 of the answer at {options.pace:g} a second {rounds.p99():.1f} ms",
        rate >= LEAST,
    )


def figures(rounds: Rounds) -> dict[str, Any]:
    """Return everything measured, for JSON."""
    return {
        "microseconds": {name: [round(each, 1) for each in rounds.micros(name)] for name in rounds.figures},
        "parts": {part: round(cost, 1) for part, cost in rounds.parts().items()},
        "answer_ms": [{f"p{share:.0%}"[:-1]: round(each.percentile(share), 2) for share in (0.5, 0.9, 0.99)}
                      for each in rounds.paced],
        "load_average": round(os.getloadavg()[0], 2),
    }  # fmt: skip


def main(words: list[str] | None = None) -> int:
    """Run and report; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--operators", type=int, default=8)
    parser.add_argument("--lines", type=int, default=32, help="connections, over all operators")
    parser.add_argument("--pace", type=float, default=400.0, help="requests a second for the answer time")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of measuring per server and round")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(words)
    if len(set(cores())) < 2:
        return finish([], as_json=options.json, invalid=["server and generator need a core each"])
    rounds = asyncio.run(run(options))
    if not options.json:
        show(rounds, options)
    return finish([claim(rounds, options)], as_json=options.json, invalid=rounds.invalid(), **figures(rounds))


if __name__ == "__main__":
    sys.exit(main())
