"""The server and the client over real sockets: who gets in, who replaces whom, and what everybody puts up with."""

import ast
import asyncio
import inspect
import resource
import socket
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from evouch.charging.dialogue import RawAnswer, RawCall, Reset, StillThere, TimeAnswer, Yes
from evouch.charging.equipment import Wiring
from evouch.charging.rates import Rate
from evouch.clock import SystemClock, SystemEntropy, Tick
from evouch.errors import ConnectionReplaced, LocalError, Offline, PeerRefused, TimedOut, Unreachable
from evouch.ids import OcppVersion, Secret, StationId
from evouch.ocpp.aio import Admission, Limits, OpenGate, StationClient, StationServer
from evouch.ocpp.aio_limits import BACKLOG, LIMITS
from evouch.ocpp.aio_protocol import Arrival
from evouch.ocpp.versions import V16, V21, V201, VERSIONS
from evouch.testing import ManualClock, SeededEntropy
from tests.ocpp.certificates import trust
from tests.ocpp.sockets import (
    CLOSE,
    KEY,
    PING,
    PONG,
    Raw,
    Serve,
    Site,
    accept,
    basic,
    by_password,
    frame,
    listening,
    site,
    until,
)

CS1 = StationId("CS1")
RESET = RawCall(action="ClearCache", payload={})


def protocols(offer: Any) -> dict[str, Any]:
    return {"Sec-WebSocket-Protocol": offer}


def later(here: Site, seconds: float = 30) -> Tick:
    return Tick(here.clock.tick() + seconds)


# ── the knock ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "station"),
    [
        ("/CS1", "CS1"),
        ("/ocpp/CS1", "CS1"),
        ("/a/b/c/CS1", "CS1"),
        ("/ocpp//CS1", "CS1"),
        ("/ocpp/CS1?token=x", "CS1"),
        ("/ocpp/DE*ABC*E%31%3a%7C@.", "DE*ABC*E1:|@."),
        ("/ocpp/cs1", "cs1"),
        ("/ocpp/CS+1", "CS+1"),
    ],
)
def test_the_station_is_the_last_part_of_the_path_byte_for_byte(path: str, station: str) -> None:
    async def story() -> None:
        async with site() as here:
            raw = await here.knock(path)
            assert raw.status == 101
            assert [knock.station for knock in here.gate.knocks] == [station]
            raw.leave()

    asyncio.run(story())


@pytest.mark.parametrize(
    "path", ["/", "/ocpp/", "/a%2Fb", "/%zz", "/%ff", "/CS%201", "/CS%00", f"/{'x' * 49}", "/CS1/?"]
)
def test_a_path_without_a_station_is_not_found_and_nobody_is_asked(path: str) -> None:
    async def story() -> None:
        async with site() as here:
            raw = await here.knock(path)
            assert raw.status == 404
            assert here.gate.knocks == []
            raw.leave()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("offer", "spoken"),
    [
        ("ocpp1.6", V16),
        ("ocpp2.0.1", V201),
        ("ocpp2.1", V21),
        ("ocpp2.1, ocpp1.6", V21),
        ("ocpp1.6, ocpp2.1", V16),
        ("ocpp1.5,ocpp2.0.1 ,ocpp1.6", V201),
        (["ocpp1.5", "ocpp1.6"], V16),
    ],
)
def test_the_first_version_of_the_stations_list_that_we_speak_is_spoken(offer: Any, spoken: OcppVersion) -> None:
    async def story() -> None:
        async with site() as here:
            raw = await here.knock(**{"Sec-WebSocket-Protocol": offer})
            assert raw.headers["sec-websocket-protocol"] == spoken
            await raw.heartbeat()
            assert [info.version for info in here.server.connections()] == [spoken]
            raw.leave()

    asyncio.run(story())


@pytest.mark.parametrize("offer", [None, "ocpp1.5", "OCPP1.6", "soap, ocpp2.0", ""])
def test_without_a_common_version_the_handshake_is_completed_and_closed_at_once(offer: str | None) -> None:
    async def story() -> None:
        async with site() as here:
            raw = await here.knock(**protocols(offer))
            assert raw.status == 101
            assert "sec-websocket-protocol" not in raw.headers
            assert await raw.closed() == 1002
            await raw.gone()
            assert here.ear.joins == []
            assert here.server.connections() == []

    asyncio.run(story())


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"Upgrade": None}, 426),
        ({"Upgrade": "h2c"}, 426),
        ({"Connection": "keep-alive"}, 426),
        ({"Sec-WebSocket-Version": "8"}, 426),
        ({"Sec-WebSocket-Version": None}, 426),
        ({"Sec-WebSocket-Key": None}, 400),
        ({"Sec-WebSocket-Key": "short"}, 400),
        ({"method": "POST"}, 400),
        ({"Content-Length": "5"}, 400),
        ({"Transfer-Encoding": "chunked"}, 400),
        ({"Authorization": ["Basic eDp5", "Basic eDp5"]}, 400),
        ({"Sec-WebSocket-Version": "\xff"}, 426),
    ],
)
def test_what_is_no_websocket_request_is_refused_as_http(change: dict[str, Any], status: int) -> None:
    async def story() -> None:
        async with site() as here:
            raw = await here.knock(**change)
            assert raw.status == status
            await raw.gone()
            assert here.ear.joins == []
            (await here.join()).leave()

    asyncio.run(story())


@pytest.mark.parametrize("connection", ["keep-alive, Upgrade", ["keep-alive", "upgrade"], "UPGRADE"])
def test_the_connection_header_may_say_more_than_upgrade(connection: Any) -> None:
    async def story() -> None:
        async with site() as here:
            raw = await here.knock(Connection=connection)
            assert raw.status == 101
            raw.leave()

    asyncio.run(story())


def test_the_gate_sees_who_knocks_before_the_handshake_is_answered() -> None:
    async def story() -> None:
        async with site() as here:
            raw = await here.knock(**basic("CS1", b"\x00\xffsecret:with colon"), **{"Sec-WebSocket-Protocol": "a, b"})
            (knock,) = here.gate.knocks
            assert knock.password is not None
            assert knock.password.reveal() == b"\x00\xffsecret:with colon"
            assert (knock.address, knock.tls, knock.certificate) == ("127.0.0.1", False, None)
            assert knock.subprotocols == ("a", "b")
            raw.leave()

    asyncio.run(story())


@pytest.mark.parametrize("status", [401, 403, 404, 429, 503])
def test_the_gates_no_is_told_as_http_and_written_down(status: int) -> None:
    async def story() -> None:
        async with site(answer=Admission(status, retry_after=0 if status == 404 else 7, reason="because")) as here:
            raw = await here.knock(**{"Sec-WebSocket-Protocol": "unknown"})
            assert raw.status == status
            assert ("www-authenticate" in raw.headers) == (status == 401)
            if status != 404:
                assert 7 <= int(raw.headers["retry-after"]) <= 14
            await raw.gone()
            (event,) = here.events
            assert (event.kind, event.station, event.detail, event.security) == ("refused", "CS1", "because", True)

    asyncio.run(story())


def test_a_gate_that_fails_lets_nobody_in_and_the_server_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with site(answer=RuntimeError("a bug")) as here:
            assert (await here.knock()).status == 503
            here.gate.answer = Admission(101)
            (await here.join()).leave()

    asyncio.run(story())
    assert "the gate failed" in caplog.text


def test_the_password_is_not_kept_once_the_door_is_open() -> None:
    async def story() -> None:
        async with site(answer=by_password) as here:
            raw = await here.join(password="correct horse")
            (socket,) = here.server.door.open
            assert socket._transport is not None
            assert len(socket._transport.request.headers) == 0
            raw.leave()

    asyncio.run(story())


# ── binding, TLS ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_without_credentials_the_server_binds_to_loopback_only_and_says_what_to_do(host: str) -> None:
    clock = ManualClock()
    server = StationServer(
        None,  # type: ignore[arg-type]
        OpenGate(),
        wiring=lambda station, version: Wiring(version),
        clock=clock,
        entropy=SeededEntropy(),
        host=host,
    )
    with pytest.raises(LocalError, match=r"passwords, or listen on 127\.0\.0\.1"):
        asyncio.run(server.start())


def test_with_credentials_it_binds_where_it_is_told() -> None:
    async def story() -> None:
        clock = ManualClock()
        server = StationServer(
            None,  # type: ignore[arg-type]
            OpenGate(),
            wiring=lambda station, version: Wiring(version),
            clock=clock,
            entropy=SeededEntropy(),
            host="0.0.0.0",
            authenticated=True,
        )
        await server.start()
        assert server.port
        await server.drain(clock.tick())

    asyncio.run(story())


def test_over_tls_the_gate_sees_the_stations_certificate(tmp_path: Path) -> None:
    async def story() -> None:
        contexts = trust(tmp_path)
        async with site(tls=contexts.server) as here:
            for context in (contexts.client, contexts.certified_client):
                raw = await Raw.to(here.server.port, context)
                await raw.ask("/CS1")
                await raw.heartbeat()
                raw.leave()
                await until(lambda: not here.server.connections())
            plain, certified = here.gate.knocks
            assert plain.tls
            assert certified.tls
            assert plain.certificate is None
            assert certified.certificate is not None
            assert b"CS1" in certified.certificate

    asyncio.run(story())


def test_who_speaks_no_tls_to_a_tls_port_hurts_nobody(tmp_path: Path) -> None:
    async def story() -> None:
        contexts = trust(tmp_path)
        async with site(tls=contexts.server) as here:
            raw = await Raw.to(here.server.port, contexts.client)
            await raw.ask("/CS1")
            for rubbish in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b"\x00" * 100, b""):
                other = await Raw.to(here.server.port)
                other.writer.write(rubbish)
                other.writer.write_eof()
                await other.reader.read()
                other.leave()
            await raw.heartbeat()
            raw.leave()

    asyncio.run(story())


def test_the_one_subclass_of_picows_stays_small_and_fits_the_pinned_version() -> None:
    assert version("picows") == "2.3.1"
    tree = ast.parse(Path(inspect.getfile(Arrival)).read_text())
    subclass = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Arrival")
    for node in ast.walk(subclass):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
            del node.body[0]
    assert len(ast.unparse(subclass).splitlines()) <= 40
    theirs = {name for name, _ in inspect.getmembers(Arrival.__bases__[0]) if "__" not in name}
    assert theirs & set(vars(Arrival)) == {"connection_made", "connection_lost"}


# ── one conversation per station ────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", VERSIONS)
def test_facts_go_up_and_orders_go_down_on_every_version(version: OcppVersion) -> None:
    async def story() -> None:
        async with site() as here:
            raw = await here.join(version=version)
            asked = asyncio.ensure_future(here.server.call(CS1, RESET, by=later(here)))
            call = await raw.text()
            assert call.endswith(',"ClearCache",{}]')
            raw.say(f'[3,{call.split(",")[1]},{{"status":"Accepted"}}]')
            assert await asked == RawAnswer({"status": "Accepted"})
            raw.leave()

    asyncio.run(story())


def test_a_station_that_is_not_there_is_offline_as_a_value() -> None:
    async def story() -> None:
        async with site() as here:
            assert isinstance(await here.server.call(CS1, Reset(), by=later(here)), Offline)
            raw = await here.join()
            raw.leave()
            await until(lambda: here.ear.leaves)
            assert isinstance(await here.server.call(CS1, Reset(), by=later(here)), Offline)

    asyncio.run(story())


def test_an_order_without_an_answer_ends_at_its_deadline() -> None:
    async def story() -> None:
        async with site() as here:
            raw = await here.join()
            asked = asyncio.ensure_future(here.server.call(CS1, Reset(), by=later(here, 5)))
            await raw.text()
            await here.clock.advance(4.9)
            assert not asked.done()
            await here.clock.advance(0.1)
            assert isinstance(await asked, TimedOut)
            await raw.heartbeat()
            raw.leave()

    asyncio.run(story())


def test_an_operator_can_see_and_end_a_connection() -> None:
    async def story() -> None:
        async with site() as here:
            raw = await here.join()
            (info,) = here.server.connections()
            assert (info.station, info.version, info.address, info.tls) == ("CS1", V21, "127.0.0.1", False)
            assert [info.connection] == here.ear.joins
            assert here.server.disconnect(CS1, "operator")
            assert await raw.closed() == 1000
            assert not here.server.disconnect(CS1, "operator")
            assert here.ear.leaves == here.ear.joins

    asyncio.run(story())


# ── replacement ─────────────────────────────────────────────────────────────────────────


def test_a_new_connection_with_the_same_credential_replaces_the_old_one_at_once() -> None:
    async def story() -> None:
        async with site(answer=by_password) as here:
            old = await here.join(password="secret")
            asked = asyncio.ensure_future(here.server.call(CS1, RESET, by=later(here)))
            await old.text()
            new = await here.join(password="secret")
            assert isinstance(await asked, ConnectionReplaced)
            assert await old.closed() == 1000
            assert here.ear.leaves == here.ear.joins[:1]
            assert [info.connection for info in here.server.connections()] == here.ear.joins[1:]
            assert here.kinds() == ["joined", "replaced", "left", "joined"]
            new.leave()

    asyncio.run(story())


def test_what_an_old_connection_still_says_or_does_never_touches_the_new_one() -> None:
    async def story() -> None:
        async with site(answer=by_password) as here:
            old = await here.join(password="secret")
            new = await here.join(password="secret")
            heard = len(here.ear.heard)
            old.say('[2,"x","Heartbeat",{}]')
            old.leave()
            await old.writer.wait_closed()
            asked = asyncio.ensure_future(here.server.call(CS1, RESET, by=later(here)))
            call = await new.text()
            new.say(f'[3,{call.split(",")[1]},{{"status":"Accepted"}}]')
            assert await asked == RawAnswer({"status": "Accepted"})
            assert len(here.ear.heard) == heard
            assert len(here.ear.leaves) == 1
            new.leave()

    asyncio.run(story())


@pytest.mark.parametrize("credentials", [("", ""), ("old", "new"), ("", "new")])
def test_without_proof_a_living_connection_stays_and_the_contender_is_refused(credentials: tuple[str, str]) -> None:
    async def story() -> None:
        names = iter(credentials)
        async with site(answer=lambda knock: Admission(101, credential=next(names))) as here:
            old = await here.join()
            new = await here.knock()
            kind, payload = await old.next()
            assert kind == PING
            old.send(frame(payload, PONG))
            assert await new.closed() == 1008
            await old.heartbeat()
            assert here.ear.leaves == []
            assert [event.security for event in here.events if event.kind == "contested"] == [True]
            old.leave()

    asyncio.run(story())


def test_who_proves_less_than_the_old_connection_did_is_refused_even_if_that_one_is_silent() -> None:
    async def story() -> None:
        names = iter(("password", ""))
        async with site(answer=lambda knock: Admission(101, credential=next(names))) as here:
            old, new = await here.join(), await here.knock()
            assert await new.closed() == 1008
            await here.clock.advance(10)
            await old.heartbeat()
            assert here.ear.leaves == []

    asyncio.run(story())


def test_without_proof_a_dead_connection_gives_way_after_five_seconds_and_nothing_said_is_lost() -> None:
    async def story() -> None:
        async with site() as here:
            old = await here.join()
            asked = asyncio.ensure_future(here.server.call(CS1, RESET, by=later(here)))
            new = await here.knock()
            new.say('[2,"b1","Heartbeat",{}]')
            await until(lambda: any(getattr(each, "_kept", None) for each in here.server.door.open))
            await here.clock.advance(4.9)
            assert len(here.ear.joins) == 1
            await here.clock.advance(0.1)
            assert (await new.text()).startswith('[3,"b1"')
            await new.heartbeat()
            assert isinstance(await asked, ConnectionReplaced)
            assert here.ear.leaves == here.ear.joins[:1]
            for raw in (old, new):
                raw.leave()

    asyncio.run(story())


def test_if_the_old_connection_ends_while_it_is_asked_the_contender_is_in() -> None:
    async def story() -> None:
        async with site() as here:
            old, new = await here.join(), await here.knock()
            old.leave()
            await new.heartbeat()
            assert len(here.ear.joins) == 2
            new.leave()

    asyncio.run(story())


def test_one_contender_at_a_time_is_enough_and_one_that_leaves_makes_room() -> None:
    async def story() -> None:
        async with site() as here:
            old, second = await here.join(), await here.knock()
            third = await here.knock()
            assert await third.closed() == 1008
            second.leave()
            await until(lambda: len(here.server.door.open) == 1)
            assert here.ear.leaves == []
            await here.clock.advance(5)
            await old.heartbeat()
            old.leave()

    asyncio.run(story())


# ── silence, floods, stalls ─────────────────────────────────────────────────────────────


def test_a_silent_station_is_pinged_and_cut_when_it_does_not_answer() -> None:
    async def story() -> None:
        async with site() as here:
            raw = await here.join()
            await here.clock.advance(51)
            assert (await raw.next())[0] == PING
            raw.send(frame(b"", PONG))
            await until(lambda: here.server.connections()[0].silent_for == 0)
            await here.clock.advance(51)
            assert (await raw.next())[0] == PING
            await here.clock.advance(68)
            assert here.ear.leaves == []
            await here.clock.advance(3)
            await raw.gone()
            assert here.ear.leaves == here.ear.joins
            raw.leave()

    asyncio.run(story())


def test_a_stations_ping_is_answered_with_its_own_bytes() -> None:
    async def story() -> None:
        async with site() as here:
            raw = await here.join()
            raw.send(frame(b"are you there", PING))
            assert await raw.next() == (PONG, b"are you there")
            raw.leave()

    asyncio.run(story())


def test_a_station_that_says_goodbye_is_answered_and_forgotten() -> None:
    async def story() -> None:
        async with site() as here:
            raw = await here.join()
            raw.send(frame((4000).to_bytes(2, "big") + b"bye", CLOSE))
            assert (await raw.next())[0] == CLOSE
            await raw.gone()
            assert here.ear.leaves == here.ear.joins
            assert here.events[-1].detail == "the peer closed the connection (4000)"
            await until(lambda: not here.server.door.open)

    asyncio.run(story())


def test_a_station_that_hurries_is_slowed_down_and_loses_nothing() -> None:
    async def story() -> None:
        async with site(limits=Limits(frames=Rate(count=10, seconds=1, burst=5))) as here:
            raw = await here.join()
            raw.send(*(frame(f'[2,"{i}","Heartbeat",{{}}]') for i in range(8)))
            for i in range(8):
                assert (await raw.text()).startswith(f'[3,"{i}"')
            raw.say('[2,"after","Heartbeat",{}]')
            await until(lambda: True)
            assert len(here.ear.heard) == 9
            await here.clock.advance(0.5)
            assert (await raw.text()).startswith('[3,"after"')
            raw.leave()

    asyncio.run(story())


def test_a_flood_is_closed_and_the_neighbour_does_not_notice() -> None:
    async def story() -> None:
        async with site(limits=Limits(frames=Rate(count=1, seconds=1, burst=5), flood=10)) as here:
            neighbour, raw = await here.join("/ocpp/CS2"), await here.join()
            raw.send(*(frame(b"", PING) for _ in range(100)))
            assert await raw.closed() == 1008
            await neighbour.heartbeat()
            neighbour.leave()

    asyncio.run(story())


def test_a_station_that_asks_without_waiting_is_heard_only_as_fast_as_it_is_answered() -> None:
    async def story() -> None:
        async with site(limits=Limits(unanswered=4)) as here:
            gate = asyncio.Event()

            async def slowly(said: Any) -> TimeAnswer:
                await gate.wait()
                return TimeAnswer(here.clock.now())

            raw = await here.join()
            here.ear.answers[StillThere] = slowly
            for i in range(8):
                raw.say(f'[2,"{i}","Heartbeat",{{}}]')
                await raw.writer.drain()
                await until(lambda: True)
            assert len(here.ear.heard) == 1 + 4
            gate.set()
            for i in range(8):
                assert (await raw.text()).startswith(f'[3,"{i}"')
            raw.leave()

    asyncio.run(story())


def test_a_station_that_does_not_fetch_its_answers_is_not_read_and_in_the_end_cut() -> None:
    async def story() -> None:
        limits = Limits(write_buffer=4096, frames=Rate(count=1_000_000, seconds=1, burst=1_000_000))
        async with site(limits=limits) as here:
            neighbour, raw = await here.join("/ocpp/CS2"), await here.join()
            raw.writer.transport.pause_reading()  # type: ignore[attr-defined]
            socket = here.server._epochs.live[CS1]
            burst = b"".join(frame(b"x" * 100, PING) for _ in range(2000))
            while not socket._pause:
                raw.writer.write(burst)
                await until(lambda: True)
            assert socket._transport is not None
            assert socket._transport.underlying_transport.get_write_buffer_size() < 4 * limits.message_bytes
            await neighbour.heartbeat()
            await here.clock.advance(30)
            await until(lambda: len(here.ear.leaves) == 1)
            await neighbour.heartbeat()
            neighbour.leave()
            raw.writer.transport.abort()

    asyncio.run(story())


def test_a_full_server_says_when_to_come_back_and_not_to_all_the_same() -> None:
    async def story() -> None:
        async with site(limits=Limits(connections=1)) as here:
            first = await here.join("/ocpp/CS2")
            waits = set()
            for _ in range(5):
                raw = await here.knock()
                assert raw.status == 503
                waits.add(int(raw.headers["retry-after"]))
                await raw.gone()
            assert all(10 <= wait <= 20 for wait in waits)
            assert len(waits) > 1
            assert len(here.gate.knocks) == 1
            first.leave()

    asyncio.run(story())


def test_a_fleet_that_returns_all_at_once_is_let_in_bit_by_bit() -> None:
    async def story() -> None:
        async with site(limits=Limits(knocks=Rate(count=1, seconds=1, burst=2))) as here:
            statuses = [(await here.knock(f"/CS{i}")).status for i in range(4)]
            assert statuses == [101, 101, 503, 503]
            await here.clock.advance(1)
            assert (await here.knock("/CS3")).status == 101

    asyncio.run(story())


def test_a_flood_of_knocks_from_one_address_uses_up_nobody_elses() -> None:
    async def story() -> None:
        limits = Limits(address_knocks=Rate(count=1, seconds=1, burst=2), knocks=Rate(count=1, seconds=1, burst=3))
        async with site(limits=limits) as here:
            assert [(await here.knock(f"/CS{i}")).status for i in range(6)] == [101, 101, 503, 503, 503, 503]
            other = here.server.door._is_overloaded("192.0.2.1")
            assert not other

    asyncio.run(story())


def test_a_backend_that_cannot_take_a_station_leaves_it_not_hanging(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with site(wiring=lambda station, version: Wiring(V16)) as here:
            raw = await here.knock()
            assert await raw.closed() == 1011
            await raw.gone()
            assert here.server.connections() == []
            (await here.join(version=V16)).leave()

    asyncio.run(story())
    assert "CS1 cannot join" in caplog.text


def test_a_door_that_fails_tells_a_stranger_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with site(answer=Admission(401)) as here:
            here.server.door._observe = lambda event: 1 / 0  # type: ignore[assignment]
            raw = await here.knock()
            assert raw.status == 500
            assert b"zero" not in await raw.reader.read()

    asyncio.run(story())
    assert "answering a knock failed" in caplog.text


def test_a_long_reason_is_cut_between_two_characters() -> None:
    async def story() -> None:
        async with site() as here:
            raw = await here.join()
            here.server.disconnect(CS1, "ü" * 200)
            kind, payload = await raw.next()
            assert (kind, payload[2:].decode()) == (CLOSE, "ü" * 61)

    asyncio.run(story())


def test_a_fleet_that_the_kernel_kept_while_we_were_busy_is_let_in_whole() -> None:
    """All of them are accepted before the first is read: so many unfinished handshakes are no flood."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed[1], allowed[1]))

    async def story() -> None:
        async with site(limits=Limits(address_knocks=LIMITS.knocks)) as here:
            with ExitStack() as stack:
                port, recv = here.server.port, asyncio.get_running_loop().sock_recv
                fleet = [stack.enter_context(_arrived(port, f"CS{number}")) for number in range(BACKLOG)]  # at once
                answers = await asyncio.wait_for(asyncio.gather(*(recv(each, 12) for each in fleet)), 20)
                assert {answer[9:] for answer in answers} == {b"101"}
                assert len(here.server.connections()) == BACKLOG

    try:
        asyncio.run(story())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, allowed)


def _arrived(port: int, name: str) -> socket.socket:
    """Return a connection with its request in it, made behind the event loop's back."""
    made = socket.create_connection(("127.0.0.1", port))
    made.setblocking(False)
    made.send(
        f"GET /{name} HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n".encode()
    )
    return made


def test_unfinished_handshakes_make_room_for_new_ones() -> None:
    async def story() -> None:
        async with site(limits=Limits(handshakes=2)) as here:
            slow = [await Raw.to(here.server.port) for _ in range(3)]
            slow[0].writer.write(b"GET / HT")
            assert await slow[0].reader.read() == b""
            (await here.join()).leave()
            for raw in slow:
                raw.leave()

    asyncio.run(story())


def test_a_handshake_that_never_ends_is_ended() -> None:
    async def story() -> None:
        async with site(limits=Limits(handshake_timeout=0.05)) as here:
            raw = await Raw.to(here.server.port)
            raw.writer.write(b"GET /CS1 HTTP/1.1\r\nX: ")
            assert await asyncio.wait_for(raw.reader.read(), 5) == b""
            raw.leave()
            big = await Raw.to(here.server.port)
            big.writer.write(b"GET /CS1 HTTP/1.1\r\nX: " + b"x" * 20_000)
            assert await asyncio.wait_for(big.reader.read(), 5) == b""
            big.leave()

    asyncio.run(story())


# ── the end ─────────────────────────────────────────────────────────────────────────────


def test_draining_closes_everybody_with_going_away_and_lets_nobody_in() -> None:
    async def story() -> None:
        async with site() as here:
            raws = [await here.join(f"/ocpp/CS{i}") for i in range(3)]
            unfinished = await Raw.to(here.server.port)
            await until(lambda: here.server.door._unfinished)
            draining = asyncio.ensure_future(here.server.drain(later(here, 10)))
            assert [await raw.closed() for raw in raws] == [1001] * 3
            await draining
            assert sorted(here.ear.leaves) == sorted(here.ear.joins)
            assert await unfinished.reader.read() == b""
            with pytest.raises(OSError, match="Connect call failed"):
                await Raw.to(here.server.port)
            unfinished.leave()

    asyncio.run(story())


def test_draining_lets_an_answer_in_work_go_out_first() -> None:
    async def story() -> None:
        async with site() as here:
            raw, written = await here.join(), asyncio.get_running_loop().create_future()
            here.ear.answers[StillThere] = lambda said: written
            raw.say('[2,"last","Heartbeat",{}]')
            await until(lambda: len(here.ear.heard) == 2)
            draining = asyncio.ensure_future(here.server.drain(later(here, 10)))
            await until(lambda: True)
            written.set_result(TimeAnswer(here.clock.now()))
            assert (await raw.text()).startswith('[3,"last"')
            assert await raw.closed() == 1001
            await draining

    asyncio.run(story())


def test_draining_does_not_wait_for_who_does_not_close() -> None:
    async def story() -> None:
        async with site() as here:
            raw = await here.join()
            draining = asyncio.ensure_future(here.server.drain(later(here, 1)))
            await until(lambda: here.ear.leaves)
            await here.clock.advance(1)
            await draining
            await raw.gone()
            raw.leave()

    asyncio.run(story())


# ── the client ──────────────────────────────────────────────────────────────────────────


async def connect(port: int, **change: Any) -> StationClient:
    options: dict[str, Any] = {
        "station": CS1,
        "version": V21,
        "password": None,
        "hear": lambda link, order, evidence: Yes(accepted=True),
        "clock": SystemClock(),
        "entropy": SystemEntropy(),
        "wiring": Wiring(V21),
    } | change
    return await StationClient.connect(options.pop("url", f"ws://127.0.0.1:{port}/ocpp"), **options)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_talks_on_every_version_and_hears_orders(version: OcppVersion) -> None:
    async def story() -> None:
        async with site() as here:
            client = await connect(here.server.port, version=version, wiring=Wiring(version))
            by = Tick(SystemClock().tick() + 5)
            assert await client.say(StillThere(), by=by) == TimeAnswer(here.clock.now())
            answer = await here.server.call(CS1, Reset(), by=later(here))
            assert answer == Yes(accepted=True, status="Accepted")
            await client.close()
            await until(lambda: here.ear.leaves)

    asyncio.run(story())


def test_a_client_over_tls_with_a_password_is_let_in(tmp_path: Path) -> None:
    async def story() -> None:
        contexts = trust(tmp_path)
        station = StationId("DE*A:B|1")
        async with site(answer=by_password, tls=contexts.server) as here:
            url = f"wss://localhost:{here.server.port}/ocpp/"
            client = await connect(0, url=url, station=station, password=Secret("päss:wort"), tls=contexts.client)
            (knock,) = here.gate.knocks
            assert (knock.station, knock.password) == (station, Secret("päss:wort"))
            await client.close()

    asyncio.run(story())


@pytest.mark.parametrize("status", [401, 404, 429, 503])
def test_a_client_that_is_refused_learns_the_status_and_when_to_come_back(status: int) -> None:
    async def story() -> None:
        async with site(answer=Admission(status, retry_after=7)) as here:
            with pytest.raises(PeerRefused) as refused:
                await connect(here.server.port)
            assert refused.value.code == str(status)
            assert 7 <= refused.value.details["retryAfter"] <= 14

    asyncio.run(story())


def test_a_client_whose_version_nobody_speaks_is_told_so() -> None:
    async def story() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await accept(reader, writer, "")
            await reader.read()

        async with listening(serve) as port:
            with pytest.raises(PeerRefused) as refused:
                await connect(port)
            assert refused.value.code == "noSubprotocol"

    asyncio.run(story())


async def _redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\n\r\n")


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def _rubbish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.parametrize(
    ("serve", "error"), [(_redirect, PeerRefused), (_hang_up, Offline), (_rubbish, (PeerRefused, Offline))]
)
def test_whatever_a_backend_answers_the_client_raises_one_of_two_errors(
    serve: Serve, error: type[Exception] | tuple[type[Exception], ...]
) -> None:
    async def story() -> None:
        async with listening(serve) as port:
            with pytest.raises(error):
                await connect(port)

    asyncio.run(story())


def test_a_backend_that_is_not_there_is_offline() -> None:
    async def story() -> None:
        async with site() as here:
            port = here.server.port
        with pytest.raises(Offline):
            await connect(port)

    asyncio.run(story())


def test_a_backend_that_never_answers_is_offline_in_time() -> None:
    async def story() -> None:
        async with listening(_say_nothing) as port:
            with pytest.raises(Offline):
                await connect(port, limits=Limits(handshake_timeout=0.05))

    asyncio.run(story())


def test_a_client_hears_once_that_its_connection_is_gone_and_why() -> None:
    async def story() -> None:
        async with site() as here:
            ends: list[Unreachable] = []
            client = await connect(here.server.port, on_close=ends.append)
            asked = asyncio.ensure_future(client.say(StillThere(), by=Tick(SystemClock().tick() + 30)))
            here.ear.answers[StillThere] = lambda said: asyncio.get_running_loop().create_future()
            await until(lambda: here.ear.heard)
            here.server.disconnect(CS1, "operator")
            error = await asked
            assert isinstance(error, Offline)
            assert ends == [error]
            await client.close()
            assert len(ends) == 1

    asyncio.run(story())
