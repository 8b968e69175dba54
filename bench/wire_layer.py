"""The wire layer alone: server CPU per schema-validated CALL over real WebSockets, ours beside two others.

Each server runs in a process of its own on the first core, the generator on the second.
In every round each of them serves Heartbeat and MeterValues of OCPP 1.6 on 200 and on
1,000 connections, one after the other, every station sending its next CALL when the last
one is answered; figures are medians of the rounds, in microseconds of CPU (user and
system, all threads) per answered CALL. ``evouch`` hands payloads to a handler, as the
others do; ``+dialogue`` also translates every message into the neutral dialogue and its
answer back, which the others leave to their users. ``picows alone`` answers fixed bytes to
frames that it does not look at: below that nothing on this library can be.
"""

import argparse
import asyncio
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.common import BUSY, Claim, cores, finish, spread
from bench.load import HEARTBEAT, METER_VALUES, Stations, many_files

__all__ = ["main"]

PEERS: Final = Path(__file__).parent / "peers"
NODE: Final = PEERS / "node"
OCPP_RPC: Final = "ocpp-rpc@2.2.1"
OURS: Final = "evouch"
WHOLE: Final = "+dialogue"
BARE: Final = "picows alone"
#: Rival → how many times our CPU time it must take at least.
TARGETS: Final = {"ocpp+websockets": 20.0, "ocpp-rpc": 2.5}
MESSAGES: Final = {"Heartbeat": HEARTBEAT, "MeterValues": METER_VALUES}
Cell = tuple[int, str, str]


def commands() -> dict[str, list[str]]:
    """Return server → command line; ocpp-rpc only where Node is."""
    python = [sys.executable, "-m"]
    found = {
        OURS: [*python, "bench.peers.evouch_server", "wire"],
        WHOLE: [*python, "bench.peers.evouch_server", "dialogue"],
        BARE: [*python, "bench.peers.bare_server"],
        "ocpp+websockets": [*python, "bench.peers.mobilityhouse_server"],
    }
    if shutil.which("node") and _installed():
        found["ocpp-rpc"] = ["node", str(PEERS / "ocpp_rpc_server.js")]
    return found


def _installed() -> bool:
    """Install ocpp-rpc beside its server, once; tell whether it is there."""
    if not (NODE / "node_modules" / "ocpp-rpc").exists() and shutil.which("npm"):
        install = ["npm", "install", "--prefix", str(NODE), "--no-package-lock", "--no-audit", "--no-fund", OCPP_RPC]
        NODE.mkdir(exist_ok=True)
        subprocess.run(install, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (NODE / "node_modules" / "ocpp-rpc").exists()


@contextlib.contextmanager
def running(command: list[str], core: int) -> Iterator[tuple[int, int]]:
    """Run a server on ``core``; yield its port and process id."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"NODE_PATH": str(NODE / "node_modules")},
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline()), process.pid
    finally:
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Bench:
    """One run: what was measured so far, and how busy the generator was."""

    def __init__(self) -> None:
        self.figures: dict[Cell, list[float]] = {}
        self.busiest = 0.0
        self.errors: list[str] = []

    async def measure(self, name: str, port: int, pid: int, connections: int, seconds: float) -> None:
        """Measure one server with one number of connections."""
        stations = Stations(port, pid)
        await stations.connect(connections)
        for message, frame in MESSAGES.items():
            measured = await stations.run(frame, seconds)
            self.figures.setdefault((connections, message, name), []).append(measured.microseconds)
            if name != BARE:  # it is as fast as the generator: its figure is an upper bound, and no rival's
                self.busiest = max(self.busiest, measured.busy)
        self.errors += [f"{name}: {error[:100]!r}" for error in stations.errors]
        await stations.close()

    def medians(self) -> dict[Cell, float]:
        """Return the medians."""
        return {cell: statistics.median(values) for cell, values in self.figures.items()}


def claims(bench: Bench, rivals: list[str]) -> list[Claim]:
    """Return what was wanted of each figure, and what came out."""
    medians, found = bench.medians(), []
    for connections, message, name in medians:
        if name in rivals:
            ratio = medians[connections, message, name] / medians[connections, message, OURS]
            what = f"{message} at {connections} connections, CPU of {name} over ours"
            found.append(Claim(what, f"≥ {TARGETS[name]:g}", f"{ratio:.1f}", ratio >= TARGETS[name]))
    return found


def show(bench: Bench, names: list[str]) -> None:
    """Print the table."""
    print("µs of server CPU per answered CALL, median (range) of the rounds\n")
    print(f"{'connections':>11}  {'message':<11}" + "".join(f"{name:>26}" for name in names))
    for connections, message, name in bench.figures:
        if name == OURS:
            cells = (spread(bench.figures[connections, message, each]) for each in names)
            print(f"{connections:>11}  {message:<11}" + "".join(f"{cell:>26}" for cell in cells))
    print(f"\ngenerator at most {bench.busiest:.0%} busy")


async def run(options: argparse.Namespace, bench: Bench) -> list[str]:
    """Run all rounds; return the servers that took part."""
    first, last = cores()
    os.sched_setaffinity(0, {last})
    many_files()
    servers = commands()
    with contextlib.ExitStack() as stack:
        places = {name: stack.enter_context(running(command, first)) for name, command in servers.items()}
        for number in range(options.rounds):
            for connections in options.connections:
                for name, (port, pid) in places.items():
                    await bench.measure(name, port, pid, connections, options.seconds)
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    return list(servers)


def main() -> int:
    """Run and report; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of measuring per server, message and round")
    parser.add_argument("--connections", type=int, nargs="+", default=[200, 1000])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    places = cores()
    bench = Bench()
    names = asyncio.run(run(options, bench))
    if not options.json:
        show(bench, names)
        print("".join(f"not measured: {rival}, for there is no Node here\n" for rival in TARGETS if rival not in names))
    invalid = bench.errors[:5]
    if len(set(places)) == 1:
        invalid.append("server and generator need a core each")
    if bench.busiest > BUSY:
        invalid.append(f"the generator was {bench.busiest:.0%} busy")
    medians = {" ".join(map(str, cell)): round(value, 1) for cell, value in bench.medians().items()}
    rivals = [name for name in names if name in TARGETS]
    return finish(claims(bench, rivals), as_json=options.json, invalid=invalid, microseconds=medians)


if __name__ == "__main__":
    sys.exit(main())
