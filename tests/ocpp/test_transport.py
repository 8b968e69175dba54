"""What the transport proves: plain, TLS, mutual TLS, and TLS that a proxy has ended."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from evouch.charging.dialogue import (
    BootAnswer,
    Booted,
    BootStatus,
    Entrance,
    IdentityProof,
    ProveIdentity,
    StillThere,
    TimeAnswer,
)
from evouch.charging.equipment import Wiring
from evouch.clock import SystemClock, SystemEntropy, Tick
from evouch.errors import EvouchError
from evouch.ids import Secret, StationId
from evouch.ocpp.aio import Admission, StationClient
from evouch.ocpp.proxies import MAX_CERTIFICATE, Proxies, client_certificate
from evouch.ocpp.versions import V16
from tests.ocpp.certificates import Trust, trust
from tests.ocpp.sockets import Site, by_password, site
from tests.ocpp.test_signed_challenge import PROOF
from tests.proofs import proves

CS1 = StationId("CS1")
LOOPBACK = "127.0.0.1"


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    return trust(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def der(contexts: Trust) -> bytes:
    """The station's certificate."""
    return contexts.station.public_bytes(Encoding.DER)


def later() -> Tick:
    return Tick(SystemClock().tick() + 20)


#: What a gate says that takes the certificate for the station's.
CERTIFIED = Admission(101, certificate=True)


async def station(here: Site, tls: ssl.SSLContext | None = None, **how: Any) -> StationClient:
    """Connect a station that proves its identity when it is asked to."""
    options: dict[str, Any] = {
        "station": CS1,
        "version": V16,
        "password": None,
        "hear": lambda *_: IdentityProof(PROOF),
        "clock": SystemClock(),
        "entropy": SystemEntropy(),
        "wiring": Wiring(V16),
    } | how
    scheme, host = ("wss", "localhost") if tls else ("ws", LOOPBACK)
    return await StationClient.connect(f"{scheme}://{host}:{here.server.port}/ocpp", tls=tls, **options)


def entrance(here: Site) -> Entrance:
    """Return how the newest connection came in."""
    return here.ear.links[here.ear.joins[-1]].entrance


# ── the same talk over every transport ──────────────────────────────────────────────────


@proves("W1", "W16")
@pytest.mark.parametrize("way", ["ws", "wss", "mTLS"])
def test_a_station_boots_is_challenged_and_is_heard_over_every_transport(way: str, contexts: Trust, der: bytes) -> None:
    async def story() -> None:
        tls = {"ws": None, "wss": contexts.client, "mTLS": contexts.certified_client}[way]
        async with site(answer=CERTIFIED, tls=contexts.server if tls else None) as here:
            here.ear.answers[Booted] = lambda _: BootAnswer(BootStatus.PENDING, here.clock.now(), 10)
            client = await station(here, tls)
            link = here.ear.links[here.ear.joins[-1]]
            link.allow(frozenset({"BootNotification", "Heartbeat"}))
            boot = await client.say(Booted(vendor="v", model="m"), by=later())
            assert isinstance(boot, BootAnswer)
            assert boot.status is BootStatus.PENDING
            asked = ProveIdentity(nonce="abc123", timestamp=datetime(2025, 7, 9, 14, tzinfo=UTC))
            assert await link.call(asked, by=Tick(here.clock.tick() + 15)) == IdentityProof(PROOF)
            assert isinstance(await client.say(StillThere(), by=later()), TimeAnswer)
            assert link.entrance.tls is (way != "ws")
            assert link.entrance.certificate == (der if way == "mTLS" else None)
            await client.close()

    asyncio.run(story())


@proves("W1")
@pytest.mark.parametrize("offer", ["ocpp1.5", "ocpp2.1.1", "mqtt, soap"])
def test_a_station_of_another_protocol_is_closed_at_once(offer: str) -> None:
    async def story() -> None:
        async with site() as here:
            raw = await here.knock(**{"Sec-WebSocket-Protocol": offer})
            assert await raw.closed() == 1002
            assert here.ear.joins == []

    asyncio.run(story())


@proves("W1")
def test_a_station_of_1_6_is_answered_with_its_subprotocol() -> None:
    async def story() -> None:
        async with site() as here:
            raw = await here.knock(**{"Sec-WebSocket-Protocol": "ocpp1.6"})
            assert raw.headers["sec-websocket-protocol"] == "ocpp1.6"
            raw.leave()

    asyncio.run(story())


# ── security profiles ───────────────────────────────────────────────────────────────────


def counting_basic(knock: Any) -> Admission:
    admission = by_password(knock)
    return replace(admission, basic=admission.status == 101, certificate=True)


@pytest.mark.parametrize(
    ("way", "password", "profile"),
    [("ws", None, 0), ("ws", "x", 1), ("wss", None, 0), ("wss", "x", 2), ("mTLS", None, 3), ("mTLS", "x", 3)],
)
def test_the_entrance_tells_the_security_profile(way: str, password: str | None, profile: int, contexts: Trust) -> None:
    async def story() -> None:
        tls = {"ws": None, "wss": contexts.client, "mTLS": contexts.certified_client}[way]
        gate = counting_basic if password else CERTIFIED
        async with site(answer=gate, tls=contexts.server if tls else None) as here:
            client = await station(here, tls, password=Secret(password) if password else None)
            assert entrance(here).profile == profile
            assert entrance(here).address == LOOPBACK
            assert entrance(here).basic is (password is not None)
            await client.close()

    asyncio.run(story())


def test_a_certificate_of_which_the_gate_says_nothing_counts_for_nothing(contexts: Trust) -> None:
    async def story() -> None:
        async with site(answer=Admission(101, basic=True), tls=contexts.server) as here:
            client = await station(here, contexts.certified_client)
            assert here.gate.knocks[0].certificate is not None
            assert entrance(here).certificate is None
            assert entrance(here).profile == 2
            await client.close()

    asyncio.run(story())


@proves("M20")
def test_a_server_that_demands_certificates_lets_nobody_in_without(contexts: Trust, der: bytes) -> None:
    async def story() -> None:
        async with site(tls=contexts.strict_server) as here:
            with pytest.raises(EvouchError):
                await station(here, contexts.client)
            client = await station(here, contexts.certified_client)
            assert [knock.certificate for knock in here.gate.knocks] == [der]
            await client.close()

    asyncio.run(story())


@proves("M20")
def test_a_certificate_of_another_authority_is_never_looked_at(contexts: Trust, tmp_path: Path) -> None:
    async def story() -> None:
        foreign = trust(tmp_path).certified_client
        foreign.load_verify_locations(cadata=contexts.authority.public_bytes(Encoding.PEM).decode())
        async with site(tls=contexts.server) as here:
            with suppress(EvouchError):  # TLS 1.3 lets a client learn of it only when it says something
                await (await station(here, foreign)).say(StillThere(), by=later())
            assert here.gate.knocks == []

    asyncio.run(story())


@proves("M20")
def test_a_certificate_that_no_context_has_verified_does_not_count(contexts: Trust) -> None:
    async def story() -> None:
        async with site(tls=contexts.careless_server) as here:
            client = await station(here, contexts.certified_client)
            assert entrance(here).tls
            assert entrance(here).certificate is None
            await client.close()

    asyncio.run(story())


def test_a_client_says_nothing_to_a_backend_of_another_authority(contexts: Trust, tmp_path: Path) -> None:
    async def story() -> None:
        async with site(tls=contexts.server) as here:
            with pytest.raises(EvouchError):
                await station(here, trust(tmp_path).client, password=Secret("secret"))
            assert here.gate.knocks == []

    asyncio.run(story())


# ── behind a proxy (RFC 9440) ───────────────────────────────────────────────────────────


def header(der: bytes) -> str:
    return f":{base64.b64encode(der).decode()}:"


@asynccontextmanager
async def proxied(*proxies: str) -> AsyncIterator[Site]:
    async with site(answer=CERTIFIED, proxies=proxies) as here:
        yield here


@proves("W17", "M20")
@pytest.mark.parametrize("proxy", [LOOPBACK, "127.0.0.0/8"])
def test_a_configured_proxy_brings_the_stations_certificate_and_counts_as_tls(proxy: str, der: bytes) -> None:
    async def story() -> None:
        async with proxied("192.0.2.7", proxy) as here:
            raw = await here.knock(**{"Client-Cert": header(der)})
            await raw.heartbeat()
            assert here.gate.knocks[0].certificate == der
            assert (entrance(here).tls, entrance(here).certificate, entrance(here).profile) == (True, der, 3)
            raw.leave()

    asyncio.run(story())


@proves("W17", "M20")
@pytest.mark.parametrize("value", ["good", ":!!!:", "", ["one", "two"]])
def test_from_anybody_else_the_header_is_as_if_it_had_not_been_sent(value: Any, der: bytes) -> None:
    async def story() -> None:
        async with proxied("192.0.2.7", "10.0.0.0/8") as here:
            raw = await here.knock(**{"Client-Cert": header(der) if value == "good" else value})
            await raw.heartbeat()
            assert entrance(here) == Entrance(address=LOOPBACK)
            raw.leave()

    asyncio.run(story())


@proves("M20")
def test_a_proxy_that_names_no_certificate_counts_as_tls_without_one() -> None:
    async def story() -> None:
        async with proxied(LOOPBACK) as here:
            raw = await here.join()
            assert entrance(here) == Entrance(address=LOOPBACK, tls=True)
            raw.leave()

    asyncio.run(story())


@proves("M20")
def test_a_proxys_own_certificate_is_never_the_stations(contexts: Trust, der: bytes) -> None:
    async def story() -> None:
        async with site(answer=CERTIFIED, tls=contexts.server, proxies=(LOOPBACK,)) as here:
            client = await station(here, contexts.certified_client)
            assert entrance(here).certificate is None
            await client.close()

    asyncio.run(story())


MALFORMED = {
    "nothing": "",
    "an empty byte sequence": "::",
    "no colons": "TUlJ",
    "one colon": ":TUlJ",
    "no base64": ":!!!!:",
    "base64 cut short": ":TUl:",
    "url alphabet": ":MAP_-w==:",
    "no certificate": ":TUlJ:",
    "two in one header": ":MAA=:, :MAA=:",
    "a parameter": ":MAMCAQE=:;a=1",
    "PEM": "-----BEGIN CERTIFICATE-----",
}


@proves("M20")
@pytest.mark.parametrize("name", MALFORMED)
def test_a_proxy_that_sends_what_is_no_certificate_is_told_400(name: str) -> None:
    async def story() -> None:
        async with proxied(LOOPBACK) as here:
            raw = await here.knock(**{"Client-Cert": MALFORMED[name]})
            assert raw.status == 400
            assert here.gate.knocks == []
            assert [(event.kind, event.security) for event in here.events] == [("refused", True)]

    asyncio.run(story())


@proves("M20")
def test_a_proxy_that_passes_a_stations_own_header_on_beside_its_own_is_told_400(der: bytes) -> None:
    async def story() -> None:
        async with proxied(LOOPBACK) as here:
            both: dict[str, Any] = {"Client-Cert": [header(b"\x30\x03\x02\x01\x01"), header(der)]}
            raw = await here.knock(**both)
            assert raw.status == 400
            assert here.gate.knocks == []

    asyncio.run(story())


def test_the_certificate_in_the_header_is_the_one_that_was_put_in(contexts: Trust, der: bytes) -> None:
    read = client_certificate([f"  {header(der)} "])
    assert read == der
    assert x509.load_der_x509_certificate(read) == contexts.station
    assert client_certificate([]) is None
    for spoilt in (der[:-1], der + b"\x00", b"", b"\x30", b"\x30\x80", b"\x30\x84\x00", b"\x31" + der[1:]):
        with pytest.raises(ValueError, match="Client-Cert"):
            client_certificate([header(spoilt)])


def test_a_certificate_has_a_greatest_length() -> None:
    def sequence(length: int) -> bytes:
        return b"\x30\x82" + (length - 4).to_bytes(2, "big") + bytes(length - 4)

    assert client_certificate([header(sequence(MAX_CERTIFICATE))])
    with pytest.raises(ValueError, match="no certificate"):
        client_certificate([header(sequence(MAX_CERTIFICATE + 1))])


@pytest.mark.parametrize(
    ("address", "known"),
    [
        ("10.1.2.3", True),
        ("11.1.2.3", False),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("::ffff:10.1.2.3", True),
        ("::ffff:11.1.2.3", False),
        ("2001:db8::5", True),
        ("2001:db9::5", False),
        ("", False),
        ("proxy.example.com", False),
    ],
)
def test_a_proxy_is_known_by_its_address_or_network(address: str, known: bool) -> None:
    assert (address in Proxies(("10.0.0.0/8", "192.0.2.7", "2001:db8::/32"))) is known
    assert address not in Proxies()


@pytest.mark.parametrize("wrong", ["proxy.example.com", "10.0.0.1/8", "10.0.0.0/33", "", "*"])
def test_what_is_no_address_is_no_proxy(wrong: str) -> None:
    with pytest.raises(ValueError):
        Proxies((wrong,))
