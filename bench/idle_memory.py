"""Memory per idle connected station: how much a server grows from 200 stations to 5,000, all state included.

``operator`` is ``evouch cpo run`` with every station registered in its database; ``wire`` is
the WebSocket server with translators and conversations and a backend that keeps nothing.
Every station connects, says BootNotification and Heartbeat in one of the three versions,
refuses whatever it is asked, and falls silent. Each size has a process of its own; what a
process costs anyway cancels out.
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
from pathlib import Path
from typing import Final

from bench.common import Claim, cores, finish, spread
from bench.load import HEARTBEAT, Stations, many_files, resident
from evouch.charging.equipment import Evse
from evouch.cli.keys import keys_in
from evouch.clock import SystemClock, SystemEntropy
from evouch.ids import EvseNumber, OcppVersion, StationId
from evouch.store.ports import Put
from evouch.store.records import StationRecord
from evouch.store.sealing import Sealer
from evouch.store.sql import SqlStore

__all__ = ["main"]

#: KiB per station.
TARGET: Final = 40.0
#: Seconds until the server has said what it says to a new station, and has collected its garbage.
SETTLES: Final = 3.0
BOOT_16: Final = b'[2,"%d","BootNotification",{"chargePointVendor":"Bench","chargePointModel":"B1"}]'
BOOT_2: Final = (
    b'[2,"%d","BootNotification",{"reason":"PowerUp","chargingStation":{"vendorName":"Bench","model":"B1"}}]'
)
BOOTS: Final = {"ocpp1.6": BOOT_16, "ocpp2.0.1": BOOT_2, "ocpp2.1": BOOT_2}


def shares(total: int) -> dict[str, int]:
    """Return how many stations speak which version."""
    return {version: len(range(number, total, len(BOOTS))) for number, version in enumerate(BOOTS)}


async def register(state: Path, total: int) -> None:
    """Write the state folder of an operator that knows ``total`` stations."""
    seal = keys_in(None, state / "keys" / "seal", SystemEntropy())
    store = await SqlStore.open(
        f"sqlite:///{state / 'evouch.db'}", clock=SystemClock(), seal=Sealer(*seal, entropy=SystemEntropy())
    )
    evses = (Evse(number=EvseNumber(1)),)
    for version, count in shares(total).items():
        names = [StationId(f"{version}-{number:05d}") for number in range(count)]
        rows = [Put(StationRecord(id=name, version=OcppVersion(version), evses=evses, name="Bench")) for name in names]
        await store.commit(*rows)
    await store.close()


@contextlib.contextmanager
def serving(server: str, total: int) -> Iterator[tuple[int, int]]:
    """Run a server that expects ``total`` stations; yield its port and process id."""
    with tempfile.TemporaryDirectory(prefix="evouch-bench-") as folder, (Path(folder) / "log").open("wb") as log:
        if server == "operator":
            asyncio.run(register(Path(folder), total))
            evouch = Path(sys.executable).with_name("evouch")
            where = ["--state", folder, "--ocpp-port", "0", "--http-port", "0", "--json"]
            command = [str(evouch), "cpo", "run", *where]
        else:
            command = [sys.executable, "-m", "bench.peers.evouch_server", "dialogue"]
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={name: value for name, value in os.environ.items() if not name.startswith("EVOUCH_")},
            preexec_fn=lambda: os.sched_setaffinity(0, {SERVER}),
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield _port(process.stdout.readline()), process.pid
        finally:
            process.stdin.close()
            process.stdout.close()
            process.terminate()
            process.wait()


def _port(line: bytes) -> int:
    said = json.loads(line)
    url = said if isinstance(said, int) else said["stations"]
    return url if isinstance(url, int) else int(url.rsplit(":", 1)[1].split("/", 1)[0])


async def fill(port: int, pid: int, total: int) -> int:
    """Connect everybody, let them boot and fall silent; return the server's resident memory."""
    fleets = {version: Stations(port, pid, prefix=version) for version in BOOTS}
    for version, count in shares(total).items():
        await fleets[version].connect(count, version=version)
        await fleets[version].each_says(BOOTS[version])
        await fleets[version].each_says(HEARTBEAT)
    await asyncio.sleep(SETTLES)
    size = resident(pid)
    for fleet in fleets.values():
        if fleet.errors:
            raise SystemExit(f"INVALID: {fleet.errors[0]!r}")
        await fleet.close()
    return size


def slope(server: str, few: int, many: int) -> float:
    """Return KiB per station between ``few`` and ``many`` of them."""
    sizes = []
    for total in (few, many):
        with serving(server, total) as (port, pid):
            sizes.append(asyncio.run(fill(port, pid, total)))
    return (sizes[1] - sizes[0]) / (many - few) / 1024


SERVER, GENERATOR = cores()


def main() -> int:
    """Run and report; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--few", type=int, default=200)
    parser.add_argument("--many", type=int, default=5000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    many_files()
    os.sched_setaffinity(0, {GENERATOR})
    found: dict[str, list[float]] = {"wire": [], "operator": []}
    for _ in range(options.rounds):
        for server, slopes in found.items():
            slopes.append(slope(server, options.few, options.many))
    if not options.json:
        print(f"KiB per idle station, from {options.few} to {options.many} stations")
        for server, slopes in found.items():
            print(f"{server:>10}  {spread(slopes)}")
    claims = []
    for server, slopes in found.items():
        median = statistics.median(slopes)
        what = f"memory per idle connected station ({server})"
        claims.append(Claim(what, f"≤ {TARGET:g} KiB", f"{median:.1f} KiB", median <= TARGET))
    return finish(claims, as_json=options.json, kib=found)


if __name__ == "__main__":
    sys.exit(main())
