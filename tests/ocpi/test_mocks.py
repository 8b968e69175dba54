"""The mocks that others test against: they register, exchange, and go wrong in the ways that they are told to."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer

from evouch.charging.macs import parse_mac
from evouch.cli.mock import _join, _joining
from evouch.clock import Tick
from evouch.errors import EvouchError, PeerGarbled, PeerRefused, TimedOut
from evouch.ids import Mac, parse_party_id
from evouch.ocpi import model as m
from evouch.ocpi.partner import Role
from evouch.testing.clock import ManualClock, SeededEntropy, settle
from evouch.testing.mock_service import PARTNER, MockService
from evouch.testing.ocpi import MemoryWeb
from tests.spellings import spellings


def car() -> Mac:
    mac = parse_mac("02:a9:b3:c4:d5:e6")
    assert mac is not None
    return mac


class Two:
    """Both mocks, at each other."""

    def __init__(self, *, asks: float | None = None, **faults: float) -> None:
        self.clock = ManualClock()
        self.web = MemoryWeb(self.clock)
        self.told: list[tuple[str, dict[str, Any]]] = []
        named = {name.replace("_", "-"): value for name, value in faults.items()}
        self.emsp = MockService(
            Role.EMSP, "https://emsp.test", self.web, self.clock, SeededEntropy("e"), asks=asks, faults=named,
            tell=self._tell,
        )  # fmt: skip
        self.cpo = MockService(Role.CPO, "https://cpo.test", self.web, self.clock, SeededEntropy("c"), tell=self._tell)
        self.web.host("https://emsp.test", self.emsp.handle)
        self.web.host("https://cpo.test", self.cpo.handle)

    def _tell(self, kind: str, **what: Any) -> None:
        self.told.append((kind, what))

    async def joined(self, *, by_emsp: bool = False) -> "Two":
        first, second = (self.cpo, self.emsp) if by_emsp else (self.emsp, self.cpo)
        await second.join(first.partners.ours.versions_url, await first.invite())
        return self

    async def plug(self, card: str = "") -> list[tuple[str, str]]:
        steps = await self.cpo.cpo.plug(car(), card)
        return [(each["kind"], each.get("allowed") or each.get("status") or each.get("error", "")) for each in steps]


@pytest.mark.parametrize("by_emsp", [False, True])
async def test_either_mock_registers_at_the_other(by_emsp: bool) -> None:
    two = await Two().joined(by_emsp=by_emsp)
    for each in (two.emsp, two.cpo):
        partner = each.partners.get(PARTNER)
        assert partner is not None
        assert partner.registered


async def test_a_vehicle_charges_with_a_card_and_starts_by_itself_the_next_time() -> None:
    two = await Two().joined()
    assert [("sign", ""), ("authorize", "UNKNOWN")] == await two.plug()
    first = await two.plug("MOCK-CARD-1")
    assert ("bind", "AUTO_CHARGE_GRANTED") in first
    assert [("sign", ""), ("authorize", "ALLOWED"), ("session", "ACTIVE"), ("session", "COMPLETED")] == await two.plug()


async def test_a_driver_who_is_asked_takes_a_moment_and_the_operator_hears_of_it() -> None:
    two = await Two(asks=30.0).joined()
    assert ("bind", "AUTO_CHARGE_REVOKED") in await two.plug("MOCK-CARD-1")
    assert ("authorize", "BLOCKED") in await two.plug()
    await two.clock.advance(31)
    assert ["AUTO_CHARGE_GRANTED"] == [what["status"] for kind, what in two.told if kind == "vehicle"]
    assert ("authorize", "ALLOWED") in await two.plug()
    await two.emsp.close()


async def test_nothing_that_crossed_or_was_told_holds_the_address_of_the_vehicle() -> None:
    two = await Two().joined()
    await two.plug("MOCK-CARD-1")
    await two.plug()
    seen = b"\n".join(part for each in two.web.log for part in each.parts) + repr(two.told).encode()
    assert [] == [each for each in spellings(bytes.fromhex("02a9b3c4d5e6")) if each.encode() in seen]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"status": 500}, PeerRefused), ({"partial": 1}, PeerGarbled), ({"slow": 60}, TimedOut),
        ({"rate_limit": 0.5}, None), ({"rate_limit": 1}, PeerRefused), ({"one_item_pages": 1}, None),
    ],
)  # fmt: skip
async def test_a_mock_goes_wrong_as_it_was_told_to(fault: dict[str, float], kind: type[Exception] | None) -> None:
    two = await Two(**fault).joined()
    partner = two.cpo.partners.get(PARTNER)
    assert partner is not None

    async def read() -> list[str]:
        by = two.clock.tick() + 10
        return [each.uid async for each in two.cpo.client.pages(partner, "tokens", m.Token, by=by)]  # type: ignore[arg-type]

    for _ in range(2):
        reading = asyncio.ensure_future(read())
        await settle()
        await two.clock.advance(11 if "slow" in fault else 0)
        outcome = (await asyncio.gather(reading, return_exceptions=True))[0]
    assert type(outcome) is (kind or list)


async def test_a_mock_that_answers_wrong_points_is_found_out() -> None:
    two = await Two(wrong_point=1).joined()
    assert [("failed", "InvalidElement")] == await two.plug("MOCK-CARD-1")


async def test_a_mock_binds_nothing_to_a_session_that_has_not_begun() -> None:
    two = await Two().joined()
    partner = two.cpo.partners.get(PARTNER)
    assert partner is not None
    body = m.RegisterVehicle(vehicle_id="0" * 64, token_uid="MOCK-CARD-1", session_id="NONE")
    with pytest.raises(PeerRefused, match="2901"):
        await two.cpo.client.post_vehicle(partner, body, by=Tick(two.clock.tick() + 5))
    await two.plug("MOCK-CARD-1")
    (key, session), *_ = two.emsp.emsp.sessions_known.items()
    two.emsp.emsp.sessions_known[key] = msgspec.structs.replace(session, status="PENDING")
    with pytest.raises(PeerRefused, match="2901"):
        await two.cpo.client.post_vehicle(
            partner, msgspec.structs.replace(body, session_id=session.id), by=Tick(two.clock.tick() + 5)
        )


async def test_a_mock_keeps_the_token_of_its_registration_for_who_wants_to_check_with_it(tmp_path: Path) -> None:
    two = Two()
    told = tmp_path / "told"
    told.write_text((await two.emsp.invite()).text())
    joining = _joining(two.emsp.partners.ours.versions_url, told, tmp_path / "kept")
    assert joining is not None
    await _join(two.cpo, joining)
    partner = two.cpo.partners.get(PARTNER)
    assert partner is not None
    assert partner.token_out is not None
    assert f"{partner.token_out.text()}\n" == (tmp_path / "kept").read_text()


def test_a_mock_that_shall_join_needs_a_token_before_it_begins(tmp_path: Path) -> None:
    for token in (None, tmp_path / "none"):
        with pytest.raises(EvouchError, match="--join needs --token"):
            _joining("https://p.test/ocpi/versions", token, None)
    with pytest.raises(typer.BadParameter, match="belong to --join"):
        _joining(None, tmp_path / "none", None)
    assert _joining(None, None, None) is None


async def test_two_mocks_of_one_role_are_two_parties_to_the_same_partner() -> None:
    two = Two()
    other = MockService(
        Role.EMSP, "https://second.test", two.web, two.clock, SeededEntropy("s"), party=parse_party_id("DE*ABC"),
        name="Second",
    )  # fmt: skip
    two.web.host("https://second.test", other.handle)
    partners = two.cpo.partners
    for id, emsp in (("one", two.emsp), ("two", other)):
        await partners.add(id, Role.EMSP, emsp.partners.ours.versions_url, await emsp.invite(), actor="bob")
        await partners.register(id, actor="bob")
    assert [("NL*MCK", "Mock EMSP"), ("DE*ABC", "Second")] == [
        (str(each.parties[0]), each.name) for each in partners.registered()
    ]
    assert "DE-ABC-C00000001-1" == (await second_card(other)).contract_id


async def second_card(mock: MockService) -> m.Token:
    return mock.emsp._card("MOCK-CARD-1")
