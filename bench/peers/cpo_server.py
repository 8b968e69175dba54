"""Ours in stages, to see what each part costs; the last stage, all of it, is ``evouch cpo run`` itself.

``wire``: WebSocket, frames, JSON and both schemas; whatever comes is acknowledged untranslated.
``translation``: the same and the neutral dialogue; nobody listens. ``operator``: the whole
operator with its records in memory.
"""

import argparse
import asyncio
import sys
from typing import Any

from bench.fleet import fleet, sow
from bench.peers.evouch_server import UNLIMITED, Backend
from evouch.charging.dialogue import Noted
from evouch.charging.equipment import Wiring
from evouch.cli.running import settled
from evouch.clock import SystemClock, SystemEntropy
from evouch.cpo.app import Cpo, CpoTerms
from evouch.cpo.offers import Terms
from evouch.cpo.provision import QrTerms
from evouch.ids import KeyBytes, OcppVersion, Secret, StationId
from evouch.ocpp import aio_server
from evouch.ocpp.aio import Limits, OpenGate, StationServer
from evouch.ocpp.translate import translator
from evouch.ocpp.translator import Translator
from evouch.psp.sandbox.client import SandboxProvider
from evouch.store.memory import MemoryStore
from evouch.units import format_time
from evouch.webpayment.grant import GrantKey
from evouch.webpayment.receipt import Seller

STAGES = ("wire", "translation", "operator")
CLOCK, ENTROPY = SystemClock(), SystemEntropy()
LIMITS = Limits(frames=UNLIMITED, knocks=UNLIMITED)
_NOTED = Noted(action="", payload=None)


class Untranslated:
    """A translator that looks at nothing: what is left is the wire."""

    def __init__(self, real: Translator) -> None:
        self.version = real.version
        self.handled_by_csms, self.handled_by_station = real.handled_by_csms, real.handled_by_station

    def fact(self, action: str, payload: Any) -> Any:
        return _NOTED if action != "Heartbeat" else None

    def answer(self, fact: Any, answer: Any) -> Any:
        return {"currentTime": format_time(CLOCK.now())} if fact is None else {}


def wiring(station: StationId, version: OcppVersion) -> Wiring:
    return Wiring(version)


def deaf(stage: str) -> StationServer:
    """Return a server without an operator."""
    if stage == "wire":

        def untranslated(version: OcppVersion, wired: Wiring) -> Any:
            return Untranslated(translator(version, wired))

        aio_server.translator = untranslated  # type: ignore[assignment, attr-defined]  # a bench takes a part out to weigh it
    return StationServer(Backend(CLOCK), OpenGate(), wiring=wiring, clock=CLOCK, entropy=ENTROPY, limits=LIMITS)


async def operator(stations: int, versions: list[str]) -> tuple[StationServer, Cpo]:
    """Return a server with an operator whose stations charge already."""
    store = MemoryStore()
    await sow(store, fleet(stations, versions))
    provider = SandboxProvider("http://127.0.0.1:9", Secret("bench"), Secret("bench"), CLOCK)
    terms = CpoTerms(terms=_terms(), qr=QrTerms(template="https://b.test/{totp}"), base_url="x", open_door=True)
    cpo = Cpo(
        store=store, provider=provider, terms=terms, clock=CLOCK, entropy=ENTROPY, pepper=KeyBytes(bytes(32)),
        grant_keys=(GrantKey("k", KeyBytes(bytes(32))),),
    )  # fmt: skip
    await cpo.load()
    server = StationServer(
        cpo.backend, cpo.gate, wiring=cpo.registry.wiring, clock=CLOCK, entropy=ENTROPY, limits=LIMITS
    )
    cpo.connect(server, server)
    return server, cpo


def _terms() -> Terms:
    from bench.fleet import HOLD, TARIFF

    return Terms(tariff=TARIFF, hold=HOLD, seller=Seller(name="Bench", address="1 Bench Street", vat_id="DE1"))


async def serve() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--stations", type=int, required=True)
    parser.add_argument("--versions", nargs="+", required=True)
    options = parser.parse_args()
    keeper: asyncio.Task[None] | None = None
    if options.stage == "operator":
        server, cpo = await operator(options.stations, options.versions)
        keeper = asyncio.create_task(cpo.run())
    else:
        server = deaf(options.stage)
    await server.start()
    settled()
    print(server.port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    if keeper is not None:
        keeper.cancel()


if __name__ == "__main__":
    asyncio.run(serve())
