"""Many eMSPs in one process, each with its own address of loopback and all on one port; records in memory."""

import argparse
import asyncio
import sys

from bench.operators import Operator
from bench.peers.sign_server import whole_emsp
from evouch.cli.http import HttpServer, bind
from evouch.cli.running import settled
from evouch.ocpi.aio_server import asgi


def host(number: int) -> str:
    """Return the address of an eMSP."""
    return f"127.0.1.{number + 1}"


async def serve() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--emsps", type=int, required=True)
    parser.add_argument("--evses", type=int, required=True)
    options = parser.parse_args()
    servers: list[HttpServer] = []
    for number in range(options.emsps):
        servers.append(HttpServer(bind(host(number), servers[0].port if servers else 0)))
        emsp = await whole_emsp(Operator.several(1, options.evses), f"http://{host(number)}:{servers[0].port}")
        await servers[-1].start(asgi(emsp.ocpi))
    settled()
    print(servers[0].port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for server in servers:
        await server.stop()


if __name__ == "__main__":
    asyncio.run(serve())
