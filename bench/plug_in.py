"""From an address to its VIDs at twenty eMSPs, of which one is dead.

Asked is as an operator asks: the filter, one blind for each eMSP, twenty requests over HTTP at
once, and VIDs from what comes back, each of which is checked. Vehicles come by the clock,
whether or not those before are through. The eMSPs are whole ones, budgets and all, with their
records in memory, each at an address of its own; they share a core, the operator has another.

- *all there*: nobody is dead.
- *one refuses*: nothing listens at the address of the twentieth.
- *one is silent*: its connections are taken and nothing is answered, and it is asked every time,
  as in the first seconds, before its circuit opens.
- *circuit*: it is silent, and left out after its third failure; a probe goes through now and then.

Two times are told. *Answers of the others* is until the last of the living eMSPs has answered.
*VIDs* is until the operator has what it goes on with: it waits for all that it has asked, up to
five seconds, for whoever is silent may know the vehicle too and a conflict is settled among all.
"""

import argparse
import asyncio
import logging
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import structlog

from bench.common import BUSY, MOST_WAITING, Claim, cores, finish
from bench.cpo_run import Server, running
from bench.load import cpu_seconds, waited_seconds
from bench.operators import KEY, Operator
from bench.peers.emsps import host
from evouch.autocharge.asking import Asking
from evouch.autocharge.breaker import BreakerTerms
from evouch.clock import SystemClock, SystemEntropy, Tick
from evouch.cpo.recognising import Recogniser
from evouch.cpo.roaming_terms import RoamingTerms
from evouch.ids import Mac, PartyId
from evouch.ocpi.addresses import AddressPolicy
from evouch.ocpi.aio_client import HttpTransport
from evouch.ocpi.client import OcpiClient
from evouch.ocpi.partner import V230, Endpoint, Partner, PartnerState, Role
from evouch.ocpi.partners import Ours, Partners
from evouch.oprf.client import blind
from evouch.oprf.server import Evaluator

__all__ = ["main"]

#: Milliseconds within which 99 of 100 plug-ins have heard from the others.
MOST: Final = 300.0
EMSPS: Final = 20
#: Number of the one that is dead, where one is.
DEAD: Final = EMSPS - 1
EVSES: Final = 1_000_000
ALL: Final = "all there"
REFUSES: Final = "one refuses"
SILENT: Final = "one is silent"
CIRCUIT: Final = "circuit"
#: A circuit that never opens, to see what asking a dead one costs the others.
NEVER: Final = BreakerTerms(failures=10**9)
#: A maker whose addresses stay the same, for the filter.
MAKER: Final = bytes.fromhex("0C298F")
#: Milliseconds of a wait for who does not answer.
A_WAIT: Final = 1_000.0
CLOCK, ENTROPY = SystemClock(), SystemEntropy()
OURS: Final = Operator.several(1, EVSES)[0]
HERE: Final = "http://127.0.0.1:1"


@dataclass(frozen=True, slots=True)
class PlugIn:
    """One vehicle: milliseconds until the last living eMSP had answered, and until there were VIDs."""

    others: float
    vids: float
    #: the dead eMSP was not asked
    left_out: bool


@dataclass(slots=True)
class Round:
    """Plug-ins of one situation, and how busy both cores were."""

    seen: list[PlugIn]
    operator: float
    emsps: float
    #: share of the time that they waited, both together, for a core which somebody else used
    waited: float

    def percentile(self, what: str, share: float) -> float:
        """Return the milliseconds in which this share of the plug-ins was through."""
        values = sorted(getattr(each, what) for each in self.seen)
        return float(values[min(len(values) - 1, int(len(values) * share))])


@dataclass(slots=True)
class Town:
    """What was measured: situation → rounds."""

    rounds: dict[str, list[Round]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def time(self, name: str, what: str, share: float = 0.99) -> float:
        """Return the median of the rounds, in milliseconds."""
        return statistics.median(each.percentile(what, share) for each in self.rounds[name])

    @property
    def waited(self) -> tuple[int, int]:
        """Return how many waited for the silent one although there is a circuit, and of how many."""
        seen = [each for round in self.rounds[CIRCUIT] for each in round.seen]
        return sum(each.vids > A_WAIT for each in seen), len(seen)

    def invalid(self, *, missed: bool) -> list[str]:
        """Return why the run proves nothing; empty where it does.

        Sharing a core only ever makes it slower: what holds all the same holds.
        """
        waited = max(each.waited for rounds in self.rounds.values() for each in rounds)
        reasons = [f"{waited:.0%} of the time went by waiting for a core that others used"] * (
            missed and waited > MOST_WAITING
        )
        reasons += [f"not what was expected: {each}" for each in self.wrong[:3]]
        for name, rounds in self.rounds.items():
            for who in ("operator", "emsps"):
                busiest = max(getattr(each, who) for each in rounds)
                reasons += [f"{name}: {who} {busiest:.0%} busy"] if busiest > BUSY else []
        return reasons


@dataclass(slots=True)
class Watched:
    """The way to eMSPs for one plug-in, with a stop watch."""

    calls: OcpiClient
    answered: list[float] = field(default_factory=list)

    async def sign(self, partner: Partner, blinded: bytes, *, by: Tick) -> bytes:
        """Ask, and note when it was answered."""
        evaluated = await self.calls.sign(partner, blinded, by=by)
        self.answered.append(time.perf_counter())
        return evaluated


class Someone:
    """An operator with its partners, as far as it recognises vehicles. ``dead``: port of the twentieth, if it is."""

    def __init__(self, port: int, dead: int | None, breaker: BreakerTerms, wrong: list[str]) -> None:
        policy = AddressPolicy.development()
        self._transport = HttpTransport(CLOCK, policy)
        ours = Ours(role=Role.CPO, party=OURS.party, name="Bench", base_url=HERE)
        self._partners = Partners(ours, self._transport, CLOCK, ENTROPY, save=_nothing, policy=policy)
        self._partners.load(_emsp(number, dead if dead and number == DEAD else port) for number in range(EMSPS))
        self._calls = OcpiClient(self._transport, self._partners, ours, CLOCK, ENTROPY)
        self._asking = Asking(CLOCK, ENTROPY, breaker=breaker)
        self._terms = RoamingTerms(party=OURS.party, name="Bench", base_url=HERE)
        self._wrong, self._living = wrong, EMSPS if dead is None else DEAD

    async def plug(self, car: bytes, vid: str, seen: list[PlugIn]) -> None:
        """Recognise one vehicle, and check that everybody who lives calls it as it has to."""
        calls = Watched(self._calls)
        recogniser = Recogniser(self._asking, self._partners, calls, CLOCK, self._terms)  # type: ignore[arg-type]  # it asks for signatures only
        begin = time.perf_counter()
        heard = await recogniser.heard(Mac(car))
        end = time.perf_counter()
        if len(heard.vids) != self._living or set(heard.vids.values()) != {vid}:
            self._wrong.append(f"{len(heard.vids)} VIDs; silent: {heard.silent}; {heard.verdict}")
            return
        left_out = "open circuit" in heard.silent.values()
        seen.append(PlugIn((max(calls.answered) - begin) * 1e3, (end - begin) * 1e3, left_out))

    async def close(self) -> None:
        """Let go of all connections."""
        await self._transport.close()


async def _nothing(*_: Any) -> None:
    """Keep nothing."""


def _emsp(number: int, port: int) -> Partner:
    root = f"http://{host(number)}:{port}/ocpi/{V230}"
    ends = tuple(Endpoint(module=each, interface="SENDER", url=f"{root}/{each}") for each in ("vehicles", "oprf"))
    return Partner(
        id=f"emsp-{number}", role=Role.EMSP, state=PartnerState.REGISTERED, parties=(PartyId("DE", f"E{number:02d}"),),
        version=V230, endpoints=ends, token_out=OURS.token,
    )  # fmt: skip


def vehicles(count: int) -> list[tuple[bytes, str]]:
    """Return addresses with the VIDs that the bench's key makes of them."""
    evaluate, found = Evaluator(KEY).evaluate, []
    for number in range(count):
        car = MAKER + number.to_bytes(3, "big")
        kept, element = blind(car, ENTROPY)
        found.append((car, kept.finish(evaluate(bytes(element))).hex()))
    return found


async def plugged(server: Server, someone: Someone, cars: Sequence[tuple[bytes, str]], pace: float) -> Round:
    """Plug in all cars by the clock; return when the last one is known. ``someone`` has done his work then."""
    seen: list[PlugIn] = []
    cpu, waited, own = cpu_seconds(server.process.pid), _waited(server), time.process_time()
    begin, tasks = time.perf_counter(), []
    for number, (car, vid) in enumerate(cars):
        if (wait := begin + number / pace - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(someone.plug(car, vid, seen)))
    spent, theirs = time.process_time() - own, cpu_seconds(server.process.pid) - cpu
    wall = time.perf_counter() - begin
    await asyncio.gather(*tasks)
    await someone.close()
    return Round(seen, spent / wall, theirs / wall, (_waited(server) - waited) / (time.perf_counter() - begin))


def _waited(server: Server) -> float:
    return waited_seconds(os.getpid()) + waited_seconds(server.process.pid)


async def measure(server: Server, options: argparse.Namespace) -> Town:
    """Run all situations."""
    town, most = Town(), int(options.circuit * options.pace)
    cars = vehicles(max(options.cars, most))
    with closing(_listening()) as silent, closing(_listening()) as gone:
        ports = {ALL: None, REFUSES: gone.getsockname()[1], SILENT: silent.getsockname()[1]}
        gone.close()
        for number in range(options.rounds):
            for name, port in ports.items():
                someone = Someone(server.port, port, NEVER, town.wrong)
                for each in cars[:2] if name != SILENT else ():  # connections are not opened at every plug-in
                    await someone.plug(*each, [])
                found = await plugged(server, someone, cars[: options.cars], options.pace)
                town.rounds.setdefault(name, []).append(found)
                print(
                    f"{name}: operator {found.operator:.0%} busy, eMSPs {found.emsps:.0%}, waited {found.waited:.0%}",
                    file=sys.stderr,
                )
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        someone = Someone(server.port, ports[SILENT], BreakerTerms(), town.wrong)
        town.rounds[CIRCUIT] = [await plugged(server, someone, cars[:most], options.pace)]
    return town


def _listening() -> socket.socket:
    """Return a socket whose connections are made by the system, and taken by nobody."""
    listening = socket.socket()
    listening.bind((host(DEAD), 0))
    listening.listen(1024)
    return listening


async def run(options: argparse.Namespace) -> Town:
    """Run the eMSPs on their core, and measure."""
    core, own = cores()
    os.sched_setaffinity(0, {own})
    command = [sys.executable, "-m", "bench.peers.emsps", "--emsps", str(EMSPS), "--evses", str(EVSES)]
    with (
        tempfile.TemporaryDirectory(prefix="evouch-bench-") as folder,
        running("eMSPs", command, core, Path(folder) / "log") as server,
    ):
        return await measure(server, options)


def show(town: Town, options: argparse.Namespace) -> None:
    """Print the table."""
    print(f"{EMSPS} eMSPs, {options.pace:g} plug-ins a second; milliseconds, median of {options.rounds} rounds\n")
    print(f"{'':<15}{'answers of the others':^30}{'VIDs':^30}")
    print(f"{'':<15}" + f"{'median':>14}{'p99':>10}{'':>6}" * 2)
    for name in town.rounds:
        each = [town.time(name, what, share) for what in ("others", "vids") for share in (0.5, 0.99)]
        print(f"{name:<15}{each[0]:>14.1f}{each[1]:>10.1f}{'':>6}{each[2]:>14.1f}{each[3]:>10.1f}")
    waited, of = town.waited
    print(f"\nwith its circuit, {waited} of {of} plug-ins in {options.circuit:g} s waited for the silent one;")
    print(f"the others had their VIDs within {left_out(town):.1f} ms (p99)")


def left_out(town: Town) -> float:
    """Return the p99 of the time to VIDs while the circuit of the silent one is open."""
    (round,) = town.rounds[CIRCUIT]
    return replace(round, seen=[each for each in round.seen if each.left_out]).percentile("vids", 0.99)


def claims(town: Town) -> list[Claim]:
    """Return what is claimed: a dead eMSP costs the others nothing."""
    found = {
        "answers of the other 19, one refusing connections, p99": town.time(REFUSES, "others"),
        "answers of the other 19, one silent and still asked, p99": town.time(SILENT, "others"),
        "VIDs of the other 19, one refusing connections, p99": town.time(REFUSES, "vids"),
        "VIDs of the other 19, one silent and its circuit open, p99": left_out(town),
    }
    return [Claim(name, f"≤ {MOST:g} ms", f"{each:.0f} ms", each <= MOST) for name, each in found.items()]


def figures(town: Town) -> dict[str, Any]:
    """Return everything measured, for JSON."""
    return {
        "milliseconds": {
            name: {
                what: {f"p{share * 100:.0f}": round(town.time(name, what, share), 2) for share in (0.5, 0.9, 0.99)}
                for what in ("others", "vids")
            }
            for name in town.rounds
        },
        "waited_with_circuit": town.waited,
        "load_average": round(os.getloadavg()[0], 2),
    }


def main(words: list[str] | None = None) -> int:
    """Run and report; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cars", type=int, default=100, help="plug-ins per situation and round")
    parser.add_argument("--pace", type=float, default=5.0, help="plug-ins a second")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--circuit", type=float, default=40.0, help="seconds of the situation with a circuit")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(words)
    if len(set(cores())) < 2:
        return finish([], as_json=options.json, invalid=["operator and eMSPs need a core each"])
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))  # who is silent is known
    town = asyncio.run(run(options))
    if not options.json:
        show(town, options)
    found = claims(town)
    invalid = town.invalid(missed=not all(each.met for each in found))
    return finish(found, as_json=options.json, invalid=invalid, **figures(town))


if __name__ == "__main__":
    sys.exit(main())
