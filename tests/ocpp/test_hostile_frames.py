"""Whatever a station sends, the server answers clearly, keeps silent or closes; its neighbours notice nothing."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from evouch.ids import OcppVersion
from evouch.ocpp.aio import Limits
from evouch.ocpp.versions import V16, V21, V201, VERSIONS
from evouch.wire import MAX_BYTES
from tests.ocpp.sockets import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Raw,
    Site,
    accept,
    frame,
    listening,
    site,
    until,
)

SILENCE = ""
FORMAT = ("FormationViolation", "FormatViolation", "FormatViolation")
FRAMEWORK = ("FormationViolation", "RpcFrameworkError", "RpcFrameworkError")
#: 1.6 has no id for an answer to a message without one, so it says nothing.
NAMELESS = (SILENCE, "RpcFrameworkError", "RpcFrameworkError")
UNKNOWN_TYPE = (SILENCE, SILENCE, "MessageTypeNotSupported")
UNHEARD = (SILENCE, SILENCE, SILENCE)


def data(text: str) -> str:
    return '[2,"x","DataTransfer",{"vendorId":"v","data":' + text + "}]"


#: What is said, and the code it is answered with on 1.6, 2.0.1 and 2.1.
MESSAGES = {
    "not JSON": ("hello", NAMELESS),
    "nothing": ("", NAMELESS),
    "null": ("null", NAMELESS),
    "a number": ("42", NAMELESS),
    "a string": ('"[2]"', NAMELESS),
    "an object": ('{"2":"x"}', NAMELESS),
    "an empty array": ("[]", NAMELESS),
    "a byte order mark": ('\ufeff[2,"x","Heartbeat",{}]', NAMELESS),
    "half a message": ('[2,"x","Authorize",{', FORMAT),
    "two messages": ('[2,"x","Authorize",{}][2,"y","Authorize",{}]', FORMAT),
    "two elements": ('[2,"x"]', FRAMEWORK),
    "three elements": ('[2,"x","Authorize"]', FRAMEWORK),
    "five elements": ('[2,"x","Authorize",{},1]', FRAMEWORK),
    "type 99": ('[99,"x","Heartbeat",{}]', UNKNOWN_TYPE),
    "type 1": ('[1,"x","Heartbeat",{}]', UNKNOWN_TYPE),
    "type 2.0": ('[2.0,"x","Heartbeat",{}]', NAMELESS),
    "type true": ('[true,"x","Heartbeat",{}]', NAMELESS),
    "a type in quotes": ('["2","x","Heartbeat",{}]', NAMELESS),
    "an id that is a number": ('[2,7,"Heartbeat",{}]', NAMELESS),
    "no id": ('[2,null,"Heartbeat",{}]', NAMELESS),
    "an id of 37 characters": (f'[2,"{"i" * 37}","Heartbeat",{{}}]', FRAMEWORK),
    "an id of 5000 characters": (f'[2,"{"i" * 5000}","Heartbeat",{{}}]', NAMELESS),
    "an action that is a number": ('[2,"x",7,{}]', FRAMEWORK),
    "an action nobody knows": ('[2,"x","NoSuchAction",{}]', ("NotImplemented",) * 3),
    "a payload that is an array": ('[2,"x","Authorize",[]]', FORMAT),
    "a payload that is null": ('[2,"x","Authorize",null]', FORMAT),
    "a payload in quotes": ('[2,"x","Authorize","{}"]', FORMAT),
    "NaN": (data("NaN"), FORMAT),
    "minus infinity": (data("-Infinity"), FORMAT),
    "1e400": (data("1e400"), FORMAT),
    "1e-400": (data("1e-400"), FORMAT),
    "four hundred nines": (data("9" * 400), FORMAT),
    "a member twice": ('[2,"x","DataTransfer",{"vendorId":"v","vendorId":"w"}]', FORMAT),
    "ten thousand arrays": (data("[" * 10_000 + "]" * 10_000), FORMAT),
    "arrays without end": ("[" * 20_000, NAMELESS),
    "objects without end": ('{"a":' * 20_000, NAMELESS),
    "a lone surrogate": (data('"\\ud800"'), FORMAT),
    "a lone surrogate as id": ('[2,"\\ud800","Heartbeat",{}]', NAMELESS),
    "an answer to nothing": ('[3,"nobody",{}]', UNHEARD),
    "a refusal of nothing": ('[4,"nobody","GenericError","",{}]', UNHEARD),
    "a refusal without its parts": ('[4,"nobody"]', UNHEARD),
    "an answer with too much": ('[3,"nobody",{},{},{}]', UNHEARD),
    "a SEND of what is no SEND": ('[6,"x","Heartbeat",{}]', UNHEARD),
}

#: What is sent, and the code the connection is closed with.
FRAMES: dict[str, tuple[Callable[[], bytes], int]] = {
    "bad UTF-8": (lambda: frame(b'[2,"\xff","Heartbeat",{}]'), 1007),
    "UTF-8 of a surrogate": (lambda: frame(b'[2,"\xed\xa0\x80","Heartbeat",{}]'), 1007),
    "half a character": (lambda: frame(b'[2,"\xc3'), 1007),
    "bad UTF-8 across fragments": (
        lambda: frame(b'[2,"\xc3', fin=False) + frame(b'\x28","Heartbeat",{}]', CONTINUATION),
        1007,
    ),
    "binary": (lambda: frame(b'[2,"x","Heartbeat",{}]', BINARY), 1003),
    "unmasked": (lambda: frame('[2,"x","Heartbeat",{}]', mask=False), 1002),
    "a reserved bit": (lambda: frame('[2,"x","Heartbeat",{}]', rsv=4), 1002),
    "an opcode nobody knows": (lambda: frame("", 0x3), 1002),
    "a control opcode nobody knows": (lambda: frame("", 0xB), 1002),
    "a fragmented ping": (lambda: frame("", PING, fin=False), 1002),
    "a ping of 126 bytes": (lambda: frame(b"x" * 126, PING), 1002),
    "a continuation of nothing": (lambda: frame("{}]", CONTINUATION), 1002),
    "a message within a message": (lambda: frame('[2,"x",', fin=False) + frame('[2,"y","Heartbeat",{}]'), 1002),
    "a message that is too long": (lambda: frame(b" " * (MAX_BYTES + 1)), 1009),
    "a length beyond all bounds": (lambda: frame(b"", length=1 << 62), 1009),
    "a length with its highest bit": (lambda: frame(b"", length=(1 << 64) - 1), 1002),
    "too long in fragments": (
        lambda: frame(b" " * MAX_BYTES, fin=False) + frame(b" ", CONTINUATION, fin=False),
        1009,
    ),
    "a close with half a code": (lambda: frame(b"\x03", CLOSE), 1002),
    "a close with a code that is none": (lambda: frame((1005).to_bytes(2, "big"), CLOSE), 1002),
}


@asynccontextmanager
async def neighbourhood(version: OcppVersion = V16) -> AsyncIterator[tuple[Site, Raw]]:
    """A site with the hostile station, and two that must not notice: one of each family of versions."""
    async with site() as here:
        neighbours = [await here.join(f"/ocpp/N{each}", version=each) for each in (V16, V201)]
        yield here, await here.join(version=version)
        for neighbour in neighbours:
            await neighbour.heartbeat()


@pytest.mark.parametrize("name", MESSAGES)
def test_a_hostile_message_is_answered_or_ignored_and_the_connection_lives_on(name: str) -> None:
    async def story() -> None:
        message, codes = MESSAGES[name]
        async with neighbourhood() as (here, _):
            for version, code in zip((V16, V201, V21), codes, strict=True):
                raw = await here.join(f"/ocpp/H{version}", version=version)
                heard = len(here.ear.heard)
                raw.say(message.encode())
                if code:
                    kind, id, said, *_ = json.loads(await raw.text())
                    assert (version, kind, said) == (version, 4, code)
                    assert id in ("x", "-1") or id == "i" * 37
                await raw.heartbeat()
                assert len(here.ear.heard) == heard + 1, version
            assert here.ear.leaves == []

    asyncio.run(story())


@pytest.mark.parametrize("name", FRAMES)
def test_a_hostile_frame_closes_its_own_connection_and_no_other(name: str) -> None:
    async def story() -> None:
        frames, code = FRAMES[name]
        async with neighbourhood() as (here, _):
            for version in VERSIONS:
                raw = await here.join(f"/ocpp/H{version}", version=version)
                raw.send(frames())
                assert (version, await raw.closed()) == (version, code)
                await raw.gone()
            assert len(here.ear.leaves) == len(VERSIONS)

    asyncio.run(story())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_message_in_fragments_is_one_message_whatever_comes_between(version: OcppVersion) -> None:
    async def story() -> None:
        async with neighbourhood(version) as (_, raw):
            text = '[2,"ü1","Heartbeat",{}]'.encode()
            raw.send(frame(text[:5], fin=False), frame(b"p", PING))
            assert await raw.next() == (PONG, b"p")
            pieces = (frame(bytes([byte]), CONTINUATION, fin=False) for byte in text[5:])
            raw.send(*pieces, frame(b"", CONTINUATION, fin=False), frame(b"", CONTINUATION))
            assert (await raw.text()).startswith('[3,"ü1"')

    asyncio.run(story())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_message_of_the_greatest_length_is_read(version: OcppVersion) -> None:
    async def story() -> None:
        async with neighbourhood(version) as (_, raw):
            text = b'[2,"x","Heartbeat",{}]'
            raw.send(frame(text + b" " * (MAX_BYTES - len(text))))
            assert (await raw.text()).startswith('[3,"x"')

    asyncio.run(story())


def test_a_frame_byte_by_byte_is_a_frame() -> None:
    async def story() -> None:
        async with neighbourhood() as (_, raw):
            for byte in frame('[2,"slow","Heartbeat",{}]'):
                raw.send(bytes([byte]))
                await raw.writer.drain()
                await until(lambda: True)
            assert (await raw.text()).startswith('[3,"slow"')

    asyncio.run(story())


def test_many_frames_in_one_packet_are_all_answered_in_order() -> None:
    async def story() -> None:
        async with neighbourhood() as (_, raw):
            raw.send(*(frame(f'[2,"{i}","Heartbeat",{{}}]') for i in range(50)))
            assert [json.loads(await raw.text())[1] for _ in range(50)] == [str(i) for i in range(50)]

    asyncio.run(story())


def test_what_follows_a_fatal_frame_is_not_heard() -> None:
    async def story() -> None:
        async with neighbourhood() as (here, raw):
            heard = len(here.ear.heard)
            raw.send(frame(b"\xff"), frame('[2,"x","Heartbeat",{}]'))
            assert await raw.closed() == 1007
            assert len(here.ear.heard) == heard

    asyncio.run(story())


def test_who_closes_and_never_finishes_closing_is_cut() -> None:
    async def story() -> None:
        async with neighbourhood() as (here, raw):
            raw.send(frame(b"", BINARY))
            await until(lambda: len(here.ear.leaves) == 1)
            await here.clock.advance(2)
            await raw.gone()
            await until(lambda: len(here.server.door.open) == 2)

    asyncio.run(story())


def test_who_vanishes_in_the_middle_of_a_frame_is_forgotten() -> None:
    async def story() -> None:
        async with neighbourhood() as (here, raw):
            raw.send(frame('[2,"x","Heartbeat",{}]')[:9])
            await raw.writer.drain()
            raw.writer.transport.abort()
            await until(lambda: len(here.ear.leaves) == 1)

    asyncio.run(story())


@pytest.mark.parametrize(
    "opening",
    [
        b"",
        b"\x00" * 50,
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /CS1 HTTP/1.0\r\n\r\n",
        b"GET /CS1 HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /CS1 HTTP/1.1\r\nBad\x00Name: x\r\n\r\n",
        b"GET /CS1 HTTP/1.1\r\n folded: x\r\n\r\n",
        b"GET /CS1 HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n",
    ],
)
def test_an_opening_that_is_none_gets_a_4xx_or_nothing(opening: bytes) -> None:
    async def story() -> None:
        async with neighbourhood() as (here, _):
            raw = await Raw.to(here.server.port)
            raw.writer.write(opening)
            raw.writer.write_eof()
            answer = await asyncio.wait_for(raw.reader.read(), 5)
            assert answer == b"" or answer.startswith(b"HTTP/1.1 4")

    asyncio.run(story())


def test_a_hundred_slow_handshakes_keep_nobody_out() -> None:
    async def story() -> None:
        async with site(limits=Limits(handshakes=20)) as here:
            slow = [await Raw.to(here.server.port) for _ in range(100)]
            for raw in slow:
                raw.writer.write(b"GET /CS1 HTTP/1.1\r\nHost:")
            (await here.join()).leave()
            await until(lambda: len(here.server.door._unfinished) <= 20)

    asyncio.run(story())


def test_a_client_that_is_talked_to_badly_closes_and_says_so() -> None:
    """The other direction: a backend that masks its frames breaks RFC 6455 §5.1."""

    async def story() -> None:
        from tests.ocpp.test_aio import connect

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await accept(reader, writer, "ocpp2.1")
            writer.write(frame('[2,"x","ClearCache",{}]', TEXT, mask=True))
            await reader.read()

        async with listening(serve) as port:
            ends: list[Exception] = []
            client = await connect(port, on_close=ends.append)
            await until(lambda: ends)
            await client.close()

    asyncio.run(story())
