"""The floor: the WebSocket library alone, answering each message with fixed bytes that it has not looked at.

No JSON, no schema, no id: what is left is what the sockets and picows cost. No server on
this library can be cheaper, so a ratio that asks for less than this cannot be had with it.
"""

import asyncio
import sys

from picows import (
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)

__all__ = ["main"]

ANSWER = b'[3,"1",{}]'


class Fixed(WSListener):
    """Says the same to everything."""

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.TEXT:
            transport.send(WSMsgType.TEXT, ANSWER)
        elif frame.msg_type is WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()


def _let_in(request: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
    response = WSUpgradeResponse.create_101_response({"Sec-WebSocket-Protocol": "ocpp1.6"})
    return WSUpgradeResponseWithListener(response, Fixed())


async def serve() -> None:
    server = await ws_create_server(_let_in, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def main() -> None:
    asyncio.run(serve())


if __name__ == "__main__":
    main()
