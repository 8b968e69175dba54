"""An operator and an eMSP as services: they find each other over HTTP, stay registered, and end without a trace."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import httpx2
import pytest

from evouch.cli.section import Http
from evouch.cli.serve import CpoService
from evouch.cli.serve_emsp import EmspService
from evouch.cli.settings import CpoConfig, EmspConfig, Ocpp, StationEntry
from evouch.cli.settings_emsp import EmspOcpi
from evouch.cli.settings_roaming import CpoOcpi, PartnerEntry, QuirkEntry, SiteEntry
from evouch.clock import SystemClock, SystemEntropy, Tick
from evouch.errors import EvouchError
from evouch.ids import parse_vid
from evouch.ocpi.model import Location
from evouch.ocpi.partner import Partner, PartnerState
from evouch.oprf.client import blind

SITE = SiteEntry(
    latitude=Decimal("52.5200"), longitude=Decimal("13.405"), address="Weg 1", city="Berlin", country="DEU"
)  # fmt: skip
MAC = bytes.fromhex("0c298f000001")
CLOCK = SystemClock()


def emsp_of(folder: Path) -> EmspConfig:
    """An eMSP that has invited one operator, of twelve EVSEs."""
    invited = PartnerEntry(id="cpo-one", evses=12)
    return EmspConfig(
        state=folder / "emsp", http=Http(port=0), ocpi=EmspOcpi(private_addresses=True, partners=(invited,))
    )


def cpo_of(folder: Path, versions_url: str) -> CpoConfig:
    """An operator that has the token which the eMSP wrote down for it."""
    token = folder / "emsp" / "keys" / "partner-cpo-one"
    quirks = QuirkEntry(uncompressed=True)
    partner = PartnerEntry(id="emsp-one", versions_url=versions_url, token_file=token, priority=3, quirks=quirks)
    return CpoConfig(
        state=folder / "cpo", http=Http(port=0), ocpp=Ocpp(port=0),
        stations=(StationEntry(id="CS-1", site=SITE), StationEntry(id="CS-2")),
        ocpi=CpoOcpi(enabled=True, private_addresses=True, start_delay=0, partners=(partner,)),
    )  # fmt: skip


@asynccontextmanager
async def running(folder: Path, *, at: str = "") -> AsyncIterator[tuple[CpoService, EmspService]]:
    """Both services, each on a free port; the operator looks for the eMSP ``at`` an address, or where it is."""
    emsp = EmspService(emsp_of(folder), clock=CLOCK, entropy=SystemEntropy())
    await emsp.start()
    try:
        cpo = CpoService(cpo_of(folder, at or emsp.versions_url), clock=CLOCK, entropy=SystemEntropy())
        await cpo.start()
        try:
            yield cpo, emsp
        finally:
            await cpo.stop()
    finally:
        await emsp.stop()


def partners(cpo: CpoService, emsp: EmspService) -> tuple[Partner, Partner]:
    """The eMSP as the operator knows it, and the operator as the eMSP does."""
    assert cpo.cpo.partners is not None
    theirs, ours = cpo.cpo.partners.get("emsp-one"), emsp.emsp.partners.get("cpo-one")
    assert theirs is not None
    assert ours is not None
    return theirs, ours


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)


def test_two_services_register_by_what_their_files_say_and_stay_so_after_a_restart(tmp_path: Path) -> None:
    token = tmp_path / "emsp" / "keys" / "partner-cpo-one"

    async def run() -> None:
        before = asyncio.all_tasks()
        async with running(tmp_path) as (cpo, emsp):
            await until(lambda: all(each.registered for each in partners(cpo, emsp)))
            theirs, ours = partners(cpo, emsp)
            assert (theirs.version, ours.version, theirs.priority, ours.evses) == ("2.3.0", "2.3.0", 3, 12)
            assert theirs.quirks.uncompressed
            assert {"oprf", "vehicles", "tokens", "sessions", "cdrs"} <= {each.module for each in theirs.endpoints}
            await _sign(cpo, theirs)
            await _locations(emsp, ours)
            await _pages(cpo, emsp)
        written = token.read_bytes()
        async with running(tmp_path) as (cpo, emsp):
            again = [each.registered_at for each in partners(cpo, emsp)]
            assert [theirs.registered_at, ours.registered_at] == again
        assert written == token.read_bytes()  # it was used: nobody is invited anew
        assert asyncio.all_tasks() == before

    asyncio.run(run())
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()).lower()
    assert not any(spelling in kept for spelling in (MAC, MAC.hex().encode(), MAC.hex(":").encode()))


async def _sign(cpo: CpoService, emsp: Partner) -> None:
    """One car has one VID at this eMSP, however it is blinded."""
    assert cpo.cpo.roaming is not None
    vids = set()
    for _ in range(2):
        kept, sent = blind(MAC, SystemEntropy())
        answer = await cpo.cpo.roaming.calls.sign(emsp, bytes(sent), by=Tick(CLOCK.tick() + 5))
        vids.add(parse_vid(kept.finish(answer).hex()))
    assert len(vids) == 1


async def _locations(emsp: EmspService, cpo: Partner) -> None:
    """Of the operator's stations the one with a site is shown."""
    pages = emsp.emsp.calls.pages(cpo, "locations", Location, by=Tick(CLOCK.tick() + 5))
    (found,) = [location async for location in pages]
    assert (found.country, found.city, found.coordinates.latitude) == ("DEU", "Berlin", "52.520000")


async def _pages(cpo: CpoService, emsp: EmspService) -> None:
    """Partners pass beside the pages, and pages are what they were."""
    async with httpx2.AsyncClient() as client:
        for url in (cpo.versions_url, emsp.versions_url):
            answer = await client.get(url)
            assert (answer.status_code, answer.json()["status_code"]) == (401, 2000)
            assert "content-security-policy" not in answer.headers
        page = await client.get(f"{cpo.http_url}/operator/login")
        assert (page.status_code, "content-security-policy" in page.headers) == (200, True)
        assert (await client.get(f"{cpo.http_url}/ocpis")).status_code == 404


def test_a_partner_that_cannot_be_reached_hinders_neither_start_nor_end(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-token-that-nobody-asked-for")
    nobody = PartnerEntry(id="cpo-two", versions_url="http://127.0.0.1:9/ocpi/versions", token_file=tmp_path / "token")
    config = EmspConfig(
        state=tmp_path / "emsp", http=Http(port=0), ocpi=EmspOcpi(private_addresses=True, partners=(nobody,))
    )

    async def run() -> None:
        before = asyncio.all_tasks()
        service = EmspService(config, clock=CLOCK, entropy=SystemEntropy())
        await service.start()
        await asyncio.sleep(0.05)
        (known,) = service.emsp.partners.all()
        assert known.state is PartnerState.KNOWN
        await service.stop()
        assert asyncio.all_tasks() == before

    asyncio.run(run())


@pytest.mark.parametrize(("text", "why"), [(None, "No such file"), ("rules = 1", "rules")], ids=["absent", "unknown"])
def test_rules_for_addresses_that_cannot_be_read_are_said_in_a_sentence(
    tmp_path: Path, text: str | None, why: str
) -> None:
    rules = tmp_path / "rules.toml"
    if text is not None:
        rules.write_text(text)
    config = CpoConfig(
        state=tmp_path / "cpo", http=Http(port=0), ocpp=Ocpp(port=0), ocpi=CpoOcpi(enabled=True, mac_rules=rules)
    )

    async def run() -> None:
        service = CpoService(config, clock=CLOCK, entropy=SystemEntropy())
        with pytest.raises(EvouchError) as refused:
            await service.start()
        assert str(refused.value).startswith(f"cpo.ocpi.mac_rules: {rules}: ")
        assert why in str(refused.value)

    asyncio.run(run())
