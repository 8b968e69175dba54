"""What a durable commit costs, alone and in company: SQLite in WAL mode, ``synchronous=FULL``, group commit.

A commit is what a reading of a running charge writes: the changed fields of its transaction
and one sample. "Alone" is one caller who waits for each commit before the next; "together"
are 200 callers who each do the same. Figures are processor time (user and system, all
threads) per commit, and how long a caller waits; medians of the rounds with their range.
Reading back one transaction by its key stands beside them. There is no target here: the
store's share of the whole is bounded by ``bench.cpo_run``.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from bench.common import finish, spread
from bench.fleet import BEGAN, Charge, fleet, sow
from evouch.charging.dialogue import Reading
from evouch.clock import SystemClock, SystemEntropy
from evouch.ids import KeyBytes
from evouch.store.ports import Put
from evouch.store.records import Sample, Transaction
from evouch.store.sealing import Sealer
from evouch.store.sql import SqlStore
from evouch.units import Watts, Wh

__all__ = ["main"]

CALLERS: Final = 200
CHANGED: Final = ("meter_last", "last_at", "last_seq")


class Bench:
    """One store, and how far each charge has got."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.said = 0

    async def reading(self, record: Transaction) -> None:
        """Write the next reading of a transaction."""
        self.said += 1
        at, energy = BEGAN + timedelta(seconds=self.said), Wh(10_000 + self.said)
        sample = Sample(
            station=record.station, transaction=record.id, number=self.said,
            reading=Reading(at=at, energy=energy, power=Watts(7200)),
        )  # fmt: skip
        after = replace(record, meter_last=energy, last_at=at, last_seq=self.said)
        await self.store.commit(Put(after, CHANGED), Put(sample))

    async def look(self, record: Transaction) -> None:
        """Read a transaction back."""
        await self.store.transaction(record.station, record.id)


async def timed(act: Callable[[Transaction], Awaitable[None]], records: list[Transaction], each: int) -> list[float]:
    """Let one caller per record act ``each`` times; return µs of CPU per act, and ms that a caller waited."""

    async def caller(record: Transaction) -> None:
        for _ in range(each):
            await act(record)

    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*(caller(record) for record in records))
    acts = each * len(records)
    return [(time.process_time() - cpu) / acts * 1e6, (time.perf_counter() - wall) / each * 1e3]


async def run(rounds: int) -> dict[str, list[list[float]]]:
    """Return what each case took in each round."""
    figures: dict[str, list[list[float]]] = {}
    with tempfile.TemporaryDirectory(prefix="evouch-bench-") as folder:
        store = await SqlStore.open(
            f"sqlite:///{Path(folder) / 'bench.db'}", clock=SystemClock(),
            seal=Sealer(KeyBytes(bytes(32)), entropy=SystemEntropy()),
        )  # fmt: skip
        charges = fleet(CALLERS)
        await sow(store, charges)
        records = [await _record(store, charge) for charge in charges]
        bench = Bench(store)
        cases: dict[str, tuple[Callable[[Transaction], Awaitable[None]], list[Transaction], int]] = {
            "commit, alone": (bench.reading, records[:1], 200),
            f"commit, {CALLERS} callers": (bench.reading, records, 10),
            "question, alone": (bench.look, records[:1], 200),
        }
        for number in range(rounds + 1):
            for name, case in cases.items():
                measured = await timed(*case)
                if number:  # the first round warms up
                    figures.setdefault(name, []).append(measured)
        await store.close()
    return figures


async def _record(store: SqlStore, charge: Charge) -> Transaction:
    found = await store.transaction(charge.station, charge.transaction)
    assert found is not None
    return found


def main(words: list[str] | None = None) -> int:
    """Run and report; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(words)
    figures = asyncio.run(run(options.rounds))
    if not options.json:
        print(f"{'':<22}{'µs of CPU':>26}{'ms until durable':>26}")
        for name, rounds in figures.items():
            cpu, wait = zip(*rounds, strict=True)
            print(f"{name:<22}{spread(cpu):>26}{spread(wait):>26}")
    medians = {
        name: {"microseconds": round(statistics.median(cpu for cpu, _ in rounds), 1),
               "milliseconds": round(statistics.median(wait for _, wait in rounds), 2)}
        for name, rounds in figures.items()
    }  # fmt: skip
    return finish([], as_json=options.json, store=medians)


if __name__ == "__main__":
    sys.exit(main())
