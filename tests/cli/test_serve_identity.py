"""What the configuration says of identities and certificates is what the backend does."""

import asyncio
import ssl
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from evouch.cli.serve import CpoService
from evouch.cli.serve_identity import ALARMS, identity_terms, observer, server_tls
from evouch.cli.settings import CpoConfig, Http, StationEntry
from evouch.cli.settings_identity import IdentityEntry, IdentitySection, Ocpp, Tls
from evouch.clock import SystemClock, SystemEntropy
from evouch.cpo.identity_terms import IdentityTerms
from evouch.errors import EvouchError, LocalError, PeerRefused
from evouch.identity.policy import Rule
from evouch.ids import OcppVersion, Secret, StationId
from evouch.ocpp.aio import ConnectionEvent, Happening, StationClient
from evouch.station.spec import StationSpec
from evouch.store.sql import SqlStore
from evouch.web.words_identity import EVENTS
from tests.ocpp.certificates import trust
from tests.proofs import proves

CS1 = StationId("CS1")


def test_every_setting_reaches_the_operator() -> None:
    section = IdentitySection(
        require="all", difficulty=3, ttl=30, window=60, enforce_time=True, on_unsupported="fallback",
        ocpp2_extension=True, trusted_networks=("10.0.0.0/8",), rules=("mutual TLS", "trusted"), recheck=24,
        endpoint="cpo.example",
    )  # fmt: skip
    assert identity_terms(section) == IdentityTerms(
        policy=(Rule.CERTIFICATE, Rule.TRUSTED), networks=(ip_network("10.0.0.0/8"),), require="all", difficulty=3,
        ttl=30, window=60, enforce_time=True, on_unsupported="fallback", ocpp2=True, recheck=24,
        endpoint="cpo.example",
    )  # fmt: skip
    assert identity_terms(IdentitySection()) == IdentityTerms()


@pytest.mark.parametrize(
    ("how", "mode"),
    [
        ({}, ssl.CERT_NONE),
        ({"client_ca": True}, ssl.CERT_OPTIONAL),
        ({"client_ca": True, "require_client_certificate": True}, ssl.CERT_REQUIRED),
    ],
)
def test_a_client_certificate_is_not_asked_for_welcome_or_needed(tmp_path: Path, how: Any, mode: Any) -> None:
    trust(tmp_path)
    if how:
        how = {**how, "client_ca": tmp_path / "root.pem"}
    context = server_tls(Tls(certificate=tmp_path / "localhost.pem", key=tmp_path / "localhost.pem", **how))
    assert context is not None
    assert (mode, ssl.TLSVersion.TLSv1_2) == (context.verify_mode, context.minimum_version)
    assert server_tls(None) is None


def test_a_certificate_that_cannot_be_read_is_a_sentence_with_its_file(tmp_path: Path) -> None:
    trust(tmp_path)
    good = tmp_path / "localhost.pem"
    for tls in (
        Tls(certificate=tmp_path / "absent.pem", key=good),
        Tls(certificate=good, key=tmp_path / "root.pem"),
        Tls(certificate=good, key=good, client_ca=tmp_path / "absent.pem"),
    ):
        with pytest.raises(LocalError, match=r"TLS cannot be set up from .*\.pem"):
            server_tls(tls)


STATION = StationEntry(id="CS1", version="1.6")
SECURE = {"password": Secret("sixteen bytes ok")}


@pytest.mark.parametrize(
    ("config", "open_door", "public"),
    [
        (CpoConfig(), True, False),
        (CpoConfig(stations=(STATION,)), True, False),
        (CpoConfig(stations=(StationEntry(id="CS1", password=Secret("sixteen bytes ok")),)), False, True),
        (CpoConfig(stations=(StationEntry(id="CS1", profile=3),)), False, True),
        (CpoConfig(tls=Tls(certificate=Path("c"), key=Path("k"))), True, False),
        (CpoConfig(tls=Tls(certificate=Path("c"), key=Path("k"), client_ca=Path("a"))), False, True),
        (CpoConfig(identity=IdentitySection(require="all")), True, True),
        (CpoConfig(identity=IdentitySection(require="all", on_unsupported="allow_untrusted")), True, False),
    ],
)
def test_other_machines_are_let_in_where_everybody_needs_a_credential_or_a_proof(
    config: CpoConfig, open_door: bool, public: bool
) -> None:
    service = CpoService(config, clock=SystemClock(), entropy=SystemEntropy())
    assert (open_door, public) == (service._open_door, service._strangers_stay_out)


@pytest.mark.timeout(60)
def test_a_station_with_its_certificate_is_trusted_and_one_without_is_sent_away(tmp_path: Path) -> None:
    known = trust(tmp_path)
    tls = Tls(certificate=tmp_path / "localhost.pem", key=tmp_path / "localhost.pem", client_ca=tmp_path / "root.pem")
    config = CpoConfig(
        state=tmp_path / "state", ocpp=Ocpp(host="127.0.0.1", port=0), tls=tls, http=Http(port=0), stations=(STATION,)
    )

    async def run() -> None:
        service = CpoService(config, clock=SystemClock(), entropy=SystemEntropy())
        await service.start()
        try:
            url = service.ocpp_url.replace("127.0.0.1", "localhost")
            assert url.startswith("wss://")
            client = await connect(url, known.certified_client)
            async with asyncio.timeout(10):
                while service.cpo.challenger.standing(CS1) is None:
                    await asyncio.sleep(0.02)
            view = service.cpo.challenger.standing(CS1)
            assert view is not None
            assert ("trusted", "mTLS") == (view.state, view.how)
            await client.close()
            with pytest.raises(Exception, match="401"):
                await connect(url, known.client)
        finally:
            await service.stop()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"tls": Tls(certificate=Path("absent.pem"), key=Path("absent.pem"))}, "TLS cannot be set up"),
        ({"ocpp": Ocpp(host="0.0.0.0", port=0)}, "refusing to listen"),
        ({"stations": (StationEntry(id="CS1", identities=(IdentityEntry(did="did:web:x"),)),)}, "identity of station"),
    ],
)
def test_a_start_that_fails_halfway_leaves_nothing_open(
    tmp_path: Path, broken: dict[str, Any], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[SqlStore] = []
    close = SqlStore.close

    async def noted(store: SqlStore) -> None:
        closed.append(store)
        await close(store)

    monkeypatch.setattr(SqlStore, "close", noted)

    async def run() -> None:
        whole: dict[str, Any] = {"state": tmp_path, "ocpp": Ocpp(port=0), "http": Http(port=0)}
        config = CpoConfig(**whole | broken)
        service = CpoService(config, clock=SystemClock(), entropy=SystemEntropy())
        with pytest.raises(EvouchError, match=says):
            await service.start()
        assert closed == [service.store]
        assert service._http._sock.fileno() == -1
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await service.stop()  # closes nothing twice
        assert closed == [service.store]

    asyncio.run(run())


@proves("M12", "M21")
def test_whoever_is_turned_away_at_the_door_is_in_the_security_log_and_a_flood_of_them_is_counted(
    tmp_path: Path,
) -> None:
    config = CpoConfig(
        state=tmp_path, ocpp=Ocpp(port=0), http=Http(port=0),
        stations=(StationEntry(id="CS1", password=SECURE["password"]),),
    )  # fmt: skip

    async def run() -> None:
        service = CpoService(config, clock=SystemClock(), entropy=SystemEntropy())
        await service.start()
        try:
            for _ in range(8):
                with pytest.raises(PeerRefused, match="401"):
                    await connect(service.ocpp_url, None)
            async with asyncio.timeout(10):
                while len(rows := await service.store.security_events()) < 5:
                    await asyncio.sleep(0.02)
            assert {(row.kind, row.station, row.detail) for row in rows} == {
                ("connectionRefused", CS1, "wrong credential, from 127.0.0.1")
            }
            assert len(rows) == 5
            assert service.cpo.alarms._counts == {CS1: {"connectionRefused": 8}}
        finally:
            await service.stop()

    asyncio.run(run())


def test_what_belongs_into_a_security_log_is_sounded_and_each_connection_is_detail(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: list[tuple[str, StationId, str]] = []
    observe = observer(lambda kind, station, detail: heard.append((kind, station, detail)))
    with caplog.at_level("DEBUG", "evouch.cpo.connections"):
        for kind in Happening:
            happened = ConnectionEvent(
                kind=kind, at=datetime(2026, 11, 21, tzinfo=UTC), address="192.0.2.9", detail="so it is",
                station=CS1 if kind in ALARMS else None, security=kind in ALARMS,
            )  # fmt: skip
            observe(happened)
    assert heard == [(ALARMS[kind], CS1, "so it is, from 192.0.2.9") for kind in Happening if kind in ALARMS]
    assert len(caplog.messages) == len(Happening)
    assert set(ALARMS.values()) <= set(EVENTS)  # each has its sentence


async def connect(url: str, tls: ssl.SSLContext | None) -> StationClient:
    spec = StationSpec(id=CS1, version=OcppVersion("ocpp1.6"))
    return await StationClient.connect(
        url, station=CS1, version=spec.version, password=None, hear=lambda *_: None, clock=SystemClock(),
        entropy=SystemEntropy(), wiring=spec.wiring(), tls=tls, on_close=lambda *_: None,
    )  # fmt: skip
