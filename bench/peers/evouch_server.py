"""Ours: the server of ``evouch.ocpp.aio`` with a backend that knows nothing.

``wire`` is the wire layer alone, as the others have one: frames, schema both ways, a
handler that gets the payload. ``dialogue`` translates every message into the neutral
dialogue and its answer back, as the operator uses it.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import Any

from evouch.charging.dialogue import (
    BootAnswer,
    Booted,
    BootStatus,
    Evidence,
    Link,
    Noted,
    SessionAnswer,
    SessionFact,
    StillThere,
    TimeAnswer,
)
from evouch.charging.equipment import Wiring
from evouch.charging.rates import Rate
from evouch.clock import SystemClock, SystemEntropy
from evouch.ids import OcppVersion
from evouch.ocpp import aio_server
from evouch.ocpp.aio import Limits, OpenGate, StationServer
from evouch.ocpp.versions import VERSIONS, actions
from evouch.units import format_time

#: A load generator sends as fast as it is answered, which no station does.
UNLIMITED = Rate(count=1_000_000_000, seconds=1.0, burst=1_000_000_000)


class Verbatim:
    """A translator that leaves messages as they are: a payload up, a payload down."""

    def __init__(self, version: OcppVersion) -> None:
        self.version = version
        self.handled_by_csms = actions(version)
        self.handled_by_station = actions(version)

    def fact(self, action: str, payload: Any) -> Noted:
        return Noted(action=action, payload=payload)

    def answer(self, fact: Any, answer: Any) -> Any:
        return answer


class Backend:
    """Answers with the time, or with nothing."""

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock

    def joined(self, link: Link) -> None:
        pass

    def left(self, link: Link) -> None:
        pass

    def defends(self, link: Link) -> bool:
        return False

    def hear(self, link: Link, fact: Any, evidence: Evidence) -> Any:
        if isinstance(fact, StillThere):
            return TimeAnswer(self._clock.now())
        if isinstance(fact, Booted):
            return BootAnswer(BootStatus.ACCEPTED, self._clock.now(), 300)
        return SessionAnswer() if isinstance(fact, SessionFact) else None


class VerbatimBackend(Backend):
    """The same with payloads."""

    def hear(self, link: Link, fact: Noted, evidence: Evidence) -> Any:
        return {"currentTime": format_time(self._clock.now())} if fact.action == "Heartbeat" else {}


def verbatim_everywhere() -> None:
    translators: dict[OcppVersion, Any] = {version: Verbatim(version) for version in VERSIONS}

    def untranslated(version: OcppVersion, wiring: Wiring) -> Any:
        return translators[version]

    aio_server.translator = untranslated  # type: ignore[attr-defined]  # taken out, to weigh the rest alone


async def serve(backend: Backend, clock: SystemClock) -> None:
    wirings = {version: Wiring(version) for version in VERSIONS}
    server = StationServer(
        backend,
        OpenGate(),
        wiring=lambda station, version: wirings[version],
        clock=clock,
        entropy=SystemEntropy(),
        limits=Limits(frames=UNLIMITED, knocks=UNLIMITED),
    )
    await server.start()
    print(server.port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("layer", choices=["wire", "dialogue"])
    clock = SystemClock()
    if parser.parse_args(arguments).layer == "wire":
        verbatim_everywhere()
        asyncio.run(serve(VerbatimBackend(clock), clock))
    else:
        asyncio.run(serve(Backend(clock), clock))


if __name__ == "__main__":
    main()
