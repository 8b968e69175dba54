"""The sign oracle in stages, to see what each part costs; the last stage, all of it, is ``evouch emsp run`` itself.

``http``: the server and an answer that is always the same. ``ocpi``: token, address, codec and envelope around
an element that is not signed. ``crypto``: the same, and signed. ``emsp``: the whole eMSP, budgets and all, with
its records in memory.
"""

import argparse
import asyncio
import sys
from typing import Any, Final

from bench.operators import EMSP, KEY, Operator, oprf_key
from evouch.autocharge.answering import Signer
from evouch.cli.http import HttpServer, bind
from evouch.cli.running import settled
from evouch.clock import SystemClock, SystemEntropy, Tick
from evouch.emsp.app import Emsp
from evouch.emsp.terms import EmspTerms
from evouch.errors import Offline
from evouch.ids import KeyBytes
from evouch.ocpi import envelope
from evouch.ocpi.aio_server import Serves, asgi
from evouch.ocpi.http import Request, Response
from evouch.ocpi.model import SignAnswer
from evouch.ocpi.partner import Role
from evouch.ocpi.partners import Ours, Partners
from evouch.ocpi.ports import Answer, Call
from evouch.ocpi.server import OcpiServer
from evouch.oprf.server import Evaluator
from evouch.store.memory import MemoryStore
from evouch.store.ports import Put

STAGES: Final = ("http", "ocpi", "crypto", "emsp")
CLOCK, ENTROPY = SystemClock(), SystemEntropy()


class Nowhere:
    """The way to partners, whom nobody calls here."""

    async def send(self, request: Request, *, by: Tick) -> Response:
        raise Offline("nobody is there")


class Same:
    """Answers everything alike, in as many bytes as a signature has."""

    async def handle(self, request: Request, *, address: str = "") -> Response:
        body = envelope.pack(CLOCK.now(), envelope.SUCCESS, "Success", {"evaluated_element": "02" * 33})
        headers = {"content-type": "application/json"}
        headers |= {name: text for name, text in request.headers.items() if name.startswith(("x-", "ocpi-"))}
        return Response(status=200, headers=headers, body=body)

    def admits(self, authorization: str) -> bool:
        return True


class Signing:
    """The one handler that is asked for; without a key it gives back what it got."""

    def __init__(self, signer: Signer | None) -> None:
        self._signer = signer

    async def sign(self, call: Call) -> Answer:
        element = call.body.blinded_element
        return Answer(data=SignAnswer(evaluated_element=self._signer.sign(element) if self._signer else element))


def without_emsp(stage: str, operators: list[Operator], base_url: str) -> Serves:
    """Return the language around one handler."""
    ours = Ours(role=Role.EMSP, party=EMSP, name="Bench", base_url=base_url)

    async def save(*_: Any) -> None:
        pass

    partners = Partners(ours, Nowhere(), CLOCK, ENTROPY, save=save)
    partners.load(each.partner for each in operators)
    handlers: Any = Signing(Signer(Evaluator(KEY)) if stage == "crypto" else None)
    return OcpiServer(Role.EMSP, handlers, partners, CLOCK, ENTROPY, base_url=base_url)


async def whole_emsp(operators: list[Operator], base_url: str) -> Emsp:
    """Return an eMSP that keeps everything in memory."""
    store = MemoryStore()
    await store.commit(Put(oprf_key()), *(Put(each.partner) for each in operators))
    terms = EmspTerms(party=EMSP, name="Bench", base_url=base_url)
    emsp = Emsp(store=store, terms=terms, clock=CLOCK, entropy=ENTROPY, transport=Nowhere(), pepper=KeyBytes(bytes(32)))
    await emsp.load()
    return emsp


async def serve() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--operators", type=int, required=True)
    parser.add_argument("--evses", type=int, required=True)
    options = parser.parse_args()
    http = HttpServer(bind("127.0.0.1", 0))
    operators, base_url = Operator.several(options.operators, options.evses), f"http://127.0.0.1:{http.port}"
    if options.stage == "emsp":
        server: Serves = (await whole_emsp(operators, base_url)).ocpi
    else:
        server = Same() if options.stage == "http" else without_emsp(options.stage, operators, base_url)
    await http.start(asgi(server))
    settled()
    print(http.port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await http.stop()


if __name__ == "__main__":
    asyncio.run(serve())
