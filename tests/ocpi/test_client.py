"""What goes over the wire to a partner, and what is made of its answer."""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from evouch import wire
from evouch.errors import Offline, PeerGarbled, PeerRefused, TimedOut
from evouch.ids import PartyId, parse_vid
from evouch.ocpi import model as m
from evouch.ocpi.authorization import header
from evouch.ocpi.exchange import reply_of
from evouch.ocpi.http import Request, Response
from evouch.ocpi.partner import Endpoint, Partner, PartnerState, Quirks, Role
from evouch.ocpi.partners import oracle_urls
from evouch.ocpi.ports import Answer, Call, Listing, OcpiRefusal
from evouch.oprf.client import blind
from evouch.oprf.element import compress
from evouch.oprf.keys import PrivateKey
from evouch.oprf.sec1 import InvalidElement
from evouch.oprf.server import Evaluator
from evouch.testing.clock import SeededEntropy, settle
from tests.ocpi.pair import Pair, Side
from tests.ocpi.serving import sample
from tests.proofs import proves

CAR = bytes.fromhex("02a9b3c4d5e6")
VID = "5a" * 32


def oracle(side: Side, *, only: int | None = None) -> list[int]:
    """Let a side sign; return the list of the lengths of what it was asked with. ``only`` is the form that it takes."""
    evaluator = Evaluator(PrivateKey.generate(SeededEntropy("key")))
    asked: list[int] = []

    def sign(call: Call) -> Answer:
        element = bytes.fromhex(call.body.blinded_element)
        asked.append(len(element))
        if only is not None and len(element) != only:
            raise OcpiRefusal(2001, "not this form")
        return Answer(data=m.SignAnswer(evaluated_element=evaluator.evaluate(element).hex()))

    side.handlers.answers["sign"] = sign
    return asked


# ── the sign oracle ──


@proves("R3")
async def test_both_forms_of_an_element_go_over_the_wire_and_give_the_same_vid() -> None:
    pair = await Pair.new().registered()
    asked = oracle(pair.emsp)
    vids = set()
    for quirks in (Quirks(), Quirks(uncompressed=True)):
        kept, blinded = blind(CAR, SeededEntropy(str(quirks)))
        partner = await pair.cpo.partners.change("the-emsp", actor="a", quirks=quirks)
        vids.add(kept.finish(await pair.cpo.client.sign(partner, bytes(blinded), by=pair.cpo.by())))
    assert ([33, 65], 1) == (asked, len(vids))


@proves("A2")
async def test_an_emsp_that_takes_the_long_form_only_is_asked_once_more_in_that_and_then_in_that_alone() -> None:
    pair = await Pair.new().registered()
    asked = oracle(pair.emsp, only=65)
    kept, blinded = blind(CAR, SeededEntropy())
    first = await pair.cpo.client.sign(pair.cpo.one(), bytes(blinded), by=pair.cpo.by())
    second = await pair.cpo.client.sign(pair.cpo.one(), bytes(blinded), by=pair.cpo.by())
    assert [33, 65, 65] == asked
    assert kept.finish(first) == kept.finish(second)
    assert 65 == len(first)
    assert 33 == len(compress(first))


async def test_another_refusal_is_not_asked_again() -> None:
    pair = await Pair.new().registered()
    asked = oracle(pair.emsp)
    pair.emsp.handlers.answers["sign"] = _refuses(2900, asked)
    with pytest.raises(PeerRefused, match="2900"):
        await pair.cpo.client.sign(pair.cpo.one(), bytes(blind(CAR, SeededEntropy())[1]), by=pair.cpo.by())
    assert 1 == len(asked)


def _refuses(code: int, asked: list[int]) -> Callable[[Call], Answer]:
    def sign(call: Call) -> Answer:
        asked.append(0)
        raise OcpiRefusal(code, "no")

    return sign


#: What an eMSP may answer instead of a point: no hex, wrong lengths, infinity, off the curve, out of range.
BAD_POINTS = [
    "", "00", "zz" * 33, "02" + "ff" * 32, "05" + "11" * 32, "04" + "11" * 64, "03" + "00" * 31, "00" * 33, " " * 66,
    "02" + "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
]  # fmt: skip


@proves("R26", "R27")
@pytest.mark.parametrize("point", BAD_POINTS, ids=range(len(BAD_POINTS)))
async def test_an_emsp_that_answers_no_point_drops_out_and_the_others_do_not(point: str) -> None:
    pair = await Pair.new().registered()
    good = Side(Role.EMSP, PartyId("FR", "GUD"), "https://good.test", pair.clock, pair.web)
    token = await good.partners.invite("the-cpo", Role.CPO, actor="ann")
    await pair.cpo.partners.add("good", Role.EMSP, f"{good.url}/ocpi/versions", token, actor="bob")
    await pair.cpo.partners.register("good", actor="bob")
    oracle(pair.emsp)
    oracle(good)
    pair.emsp.host.wrong_point(point)

    async def vid(partner: Partner) -> bytes:
        kept, blinded = blind(CAR, SeededEntropy(partner.id))
        return kept.finish(await pair.cpo.client.sign(partner, bytes(blinded), by=pair.cpo.by()))

    asked = pair.cpo.partners.with_module("oprf", "SENDER")
    bad, fine = await asyncio.gather(*(vid(each) for each in reversed(asked)), return_exceptions=True)
    assert ["good", "the-emsp"] == [each.id for each in asked]
    assert isinstance(bad, PeerGarbled | InvalidElement)
    assert isinstance(fine, bytes)


# ── where the oracle is ──


def known(*endpoints: tuple[str, str], oracle_url: str = "") -> Partner:
    ends = tuple(Endpoint(module=module, interface="SENDER", url=url) for module, url in endpoints)
    quirks = Quirks(oracle_url=oracle_url)
    return Partner(id="p", role=Role.EMSP, state=PartnerState.REGISTERED, endpoints=ends, quirks=quirks)


@proves("A12")
def test_the_oracle_is_looked_for_at_its_own_endpoint_then_as_configured_then_beside_and_below_vehicles() -> None:
    vehicles = ("vehicles", "https://e.test/2.3.0/vehicles/")
    own = ("oprf", "https://e.test/oracle/")
    configured = "https://e.test/configured"
    assert ("https://e.test/oracle/sign",) == oracle_urls(known(vehicles, own, oracle_url=configured))
    assert ("https://e.test/configured/sign",) == oracle_urls(known(vehicles, oracle_url=configured))
    beside, below = "https://e.test/2.3.0/oprf/sign", "https://e.test/2.3.0/vehicles/oprf/sign"
    assert (beside, below) == oracle_urls(known(vehicles))
    assert ("https://e.test/v/oprf/sign",) == oracle_urls(known(("vehicles", "https://e.test/v")))
    assert () == oracle_urls(known(("tokens", "https://e.test/tokens")))


@proves("A12")
async def test_an_oracle_that_is_only_below_vehicles_is_found_and_remembered() -> None:
    pair = await Pair.new().registered()
    asked = oracle(pair.emsp)
    ends = tuple(each for each in pair.cpo.one().endpoints if each.module != "oprf")
    partner = replace(pair.cpo.one(), endpoints=ends)
    pair.cpo.partners.load([partner])
    pair.emsp.host.status(404, on="2.3.0/oprf/sign")
    for _ in range(2):
        await pair.cpo.client.sign(partner, bytes(blind(CAR, SeededEntropy())[1]), by=pair.cpo.by())
    urls = [each.url.removeprefix("https://emsp.test/ocpi/2.3.0/") for each in pair.web.requests("sign")]
    assert (["oprf/sign", "vehicles/oprf/sign", "vehicles/oprf/sign"], 2) == (urls, len(asked))


# ── headers ──


@proves("A32")
async def test_every_request_of_a_functional_module_is_addressed_to_one_emsp() -> None:
    pair = await Pair.new().registered()
    oracle(pair.emsp)
    await pair.cpo.client.sign(pair.cpo.one(), bytes(blind(CAR, SeededEntropy())[1]), by=pair.cpo.by())
    headers = pair.web.requests("sign")[-1].headers
    expected = {
        "ocpi-to-country-code": "NL", "ocpi-to-party-id": "MSP", "ocpi-from-country-code": "DE",
        "ocpi-from-party-id": "CPO",
    }  # fmt: skip
    assert expected == {name: text for name, text in headers.items() if name.startswith("ocpi-")}
    handshake = [*pair.web.requests("credentials"), *pair.web.requests("versions")]
    assert [] == [name for each in handshake for name in each.headers if name.startswith("ocpi-")]


@proves("A32")
async def test_of_a_partner_with_several_parties_the_one_that_the_object_belongs_to_is_addressed() -> None:
    pair = await Pair.new().registered()
    parties = (PartyId("NL", "MSP"), PartyId("FR", "EMS"))
    partner = replace(pair.cpo.one(), parties=parties)
    pair.cpo.partners.load([partner])
    await pair.cpo.client.put_session(partner, sample(m.Session), by=pair.cpo.by())
    assert "EMS" == pair.web.requests("sessions")[-1].headers["ocpi-to-party-id"]


async def test_every_request_has_an_id_of_its_own_and_what_belongs_together_says_so() -> None:
    pair = await Pair.new().registered()
    for _ in range(2):
        assert [] == [each async for each in pair.cpo.client.pages(pair.cpo.one(), "tokens", m.Token, by=pair.cpo.by())]
    headers = [each.headers for each in pair.web.requests()]
    ids = [each["x-request-id"] for each in headers]
    assert len(ids) == len(set(ids))
    handshake = {each["x-correlation-id"] for each in headers[:2]}
    assert 1 == len(handshake)
    assert all(len(each["x-correlation-id"]) == 36 for each in headers)


async def test_the_token_travels_in_base64_and_a_body_has_its_type() -> None:
    pair = await Pair.new().registered()
    await pair.cpo.client.put_session(pair.cpo.one(), sample(m.Session), by=pair.cpo.by())
    request = pair.web.requests("sessions", "PUT")[-1]
    token = pair.cpo.one().token_out
    assert token is not None
    assert f"Token {base64.b64encode(token.reveal()).decode()}" == request.headers["authorization"]
    assert "application/json" == request.headers["content-type"]
    assert request.url.endswith("/ocpi/2.3.0/sessions/DE/CPO/S1")
    assert "content-type" not in pair.web.requests(method="GET")[-1].headers


# ── vehicles and tokens ──


@proves("A27")
async def test_a_vid_is_sent_in_lower_case_and_read_in_any() -> None:
    pair = await Pair.new().registered()
    vid = parse_vid("5A" * 32)
    seen: list[Call] = []
    vehicle = sample(m.VehicleObject)

    def post(call: Call) -> Answer:
        seen.append(call)
        return Answer(data=vehicle)

    pair.emsp.handlers.answers["post_vehicle"] = post
    partner, body = pair.cpo.one(), m.RegisterVehicle(vehicle_id=vid, token_uid="CARD-1", session_id="S1")

    async def shouting(request: Request, *, address: str = "") -> Response:
        answer = await pair.emsp.server.handle(request, address=address)
        return replace(answer, body=answer.body.replace(VID.encode(), VID.upper().encode()))

    pair.web.host(pair.emsp.url, shouting)
    answer = await pair.cpo.client.post_vehicle(partner, body, by=pair.cpo.by())
    assert (VID, VID) == (answer.vehicle_id, answer.vehicle().vid)
    assert VID.encode() in pair.web.requests("vehicles")[-1].body


@proves("S11")
async def test_an_emsp_puts_a_vehicle_at_an_operator_and_the_operator_reads_the_list_instead() -> None:
    pair = await Pair.new().registered()
    vehicle = sample(m.VehicleObject, country_code="NL", party_id="MSP")
    await pair.emsp.client.put_vehicle(pair.emsp.one(), vehicle, by=pair.emsp.by())
    (name, call) = pair.cpo.handlers.calls[-1]
    assert ("put_vehicle", VID) == (name, call.params["vehicle_id"])
    pair.emsp.handlers.answers["vehicles"] = lambda call: Listing(objects=(vehicle,), total=1)
    found = [
        each async for each in pair.cpo.client.pages(
            pair.cpo.one(), "vehicles", m.VehicleObject, since=pair.clock.now(), by=pair.cpo.by())
    ]  # fmt: skip
    assert [VID] == [each.vehicle_id for each in found]
    assert "date_from=2024-05-23T" in pair.web.requests("vehicles", "GET")[-1].url


async def test_an_authorisation_says_where_and_of_which_type() -> None:
    pair = await Pair.new().registered()
    info = m.AuthorizationInfo(allowed="ALLOWED", token=sample(m.Token))
    pair.emsp.handlers.answers["authorize"] = lambda call: Answer(data=info)
    where = m.LocationReferences(location_id="L1", evse_uids=("E1",))
    found = await pair.cpo.client.authorize(pair.cpo.one(), VID, m.VEHICLE_TOKEN, where, by=pair.cpo.by())
    assert found == info
    _, call = pair.emsp.handlers.calls[-1]
    assert (VID, m.VEHICLE_TOKEN, where) == (call.params["token_uid"], call.query["type"], call.body)


async def test_an_unknown_token_is_none_and_no_other_404_is() -> None:
    pair = await Pair.new().registered()

    def unknown(call: Call) -> Answer:
        raise OcpiRefusal(2004, "unknown token", http=404)

    pair.emsp.handlers.answers["authorize"] = unknown
    client, partner = pair.cpo.client, pair.cpo.one()
    assert None is await client.authorize(partner, "a/b c", "RFID", None, by=pair.cpo.by())
    assert pair.web.requests("authorize")[-1].url.endswith("/tokens/a%2Fb%20c/authorize?type=RFID")
    pair.emsp.host.status(404, on="authorize")
    with pytest.raises(PeerRefused, match="http 404"):
        await client.authorize(partner, "CARD", "RFID", None, by=pair.cpo.by())


async def test_one_token_is_found_in_its_list_whatever_its_case() -> None:
    pair = await Pair.new().registered()
    pair.emsp.handlers.answers["tokens"] = lambda call: Listing(objects=(sample(m.Token),), total=1)
    client, partner = pair.cpo.client, pair.cpo.one()
    assert sample(m.Token) == await client.token(partner, "card-1", by=pair.cpo.by())
    assert None is await client.token(partner, "CARD-2", by=pair.cpo.by())


async def test_nothing_of_a_vehicle_is_sent_to_who_has_no_module_for_it() -> None:
    pair = await Pair.new().registered()
    ends = tuple(each for each in pair.cpo.one().endpoints if each.module != "vehicles")
    partner = replace(pair.cpo.one(), endpoints=ends)
    pair.cpo.partners.load([partner])
    session = sample(m.Session)
    token = msgspec.structs.replace(session.cdr_token, uid=VID, type=m.VEHICLE_TOKEN)
    session = msgspec.structs.replace(session, cdr_token=token)
    with pytest.raises(PeerRefused, match="noEndpoint"):
        await pair.cpo.client.put_session(partner, session, by=pair.cpo.by())
    assert [] == pair.web.requests("sessions", "PUT")


async def test_a_cdr_has_the_address_that_the_emsp_gave_it() -> None:
    pair = await Pair.new().registered()
    place = {"location": "https://emsp.test/ocpi/2.3.0/cdrs/77"}
    pair.emsp.handlers.answers["post_cdr"] = lambda call: Answer(http=201, headers=place)
    assert place["location"] == await pair.cpo.client.post_cdr(pair.cpo.one(), sample(m.Cdr), by=pair.cpo.by())


async def test_a_command_is_answered_at_once_and_its_result_goes_to_the_address_that_came_with_it() -> None:
    pair = await Pair.new().registered()
    pair.cpo.handlers.answers["command"] = lambda call: Answer(data=m.CommandResponse(result="ACCEPTED", timeout=30))
    place = f"{pair.emsp.url}/ocpi/2.3.0/commands/STOP_SESSION/7"
    body = m.StopSession(response_url=place, session_id="S1")
    answer = await pair.emsp.client.command(pair.emsp.one(), "STOP_SESSION", body, by=pair.emsp.by())
    assert "ACCEPTED" == answer.result
    await pair.cpo.client.result(pair.cpo.one(), place, m.CommandResult(result="ACCEPTED"), by=pair.cpo.by())
    assert "command_result" == pair.emsp.handlers.calls[-1][0]


async def test_no_result_is_sent_into_our_own_network() -> None:
    pair = await Pair.new().registered()
    before = len(pair.web.log)
    for place in ("https://127.0.0.1/x", "http://emsp.test/x", "https://metadata@10.0.0.1/"):
        with pytest.raises(PeerRefused, match="badAddress"):
            await pair.cpo.client.result(pair.cpo.one(), place, m.CommandResult(result="ACCEPTED"), by=pair.cpo.by())
    assert before == len(pair.web.log)


async def test_who_is_not_registered_is_not_asked() -> None:
    pair = await Pair.new().registered()
    await pair.cpo.partners.unregister("the-emsp", actor="bob")
    before = len(pair.web.log)
    for asked in (
        pair.cpo.client.sign(pair.cpo.one(), bytes(33), by=pair.cpo.by()),
        pair.cpo.client.put_session(pair.cpo.one(), sample(m.Session), by=pair.cpo.by()),
    ):
        with pytest.raises(PeerRefused):
            await asked
    assert before == len(pair.web.log)


async def test_on_2_2_1_objects_have_the_shape_of_2_2_1() -> None:
    pair = await Pair.new(versions=("2.2.1",)).registered()
    await pair.cpo.client.put_session(pair.cpo.one(), sample(m.Session), by=pair.cpo.by())
    sent = wire.decode(pair.web.requests("sessions", "PUT")[-1].body)
    assert {"excl_vat", "incl_vat"} == set(sent["total_cost"])


# ── answers ──


def envelope(code: Any, **more: Any) -> bytes:
    return wire.encode({"status_code": code, "timestamp": "2024-05-23T00:00:00Z"} | more)


@pytest.mark.parametrize(
    ("status", "body", "error", "code"),
    [
        (200, envelope(2001, status_message="bad"), PeerRefused, "2001"),
        (404, envelope(2003), PeerRefused, "2003"),
        (200, envelope(3000), PeerRefused, "3000"),
        (200, envelope(4002), PeerRefused, "4002"),
        (429, envelope(2900), PeerRefused, "http 429"),
        (500, b"<h1>Oops", PeerRefused, "http 500"),
        (307, b"", PeerRefused, "http 307"),
        (401, envelope(1000), PeerRefused, "http 401"),
        (200, b"", PeerGarbled, "envelope"),
        (200, b'{"status_code": 10', PeerGarbled, "envelope"),
        (200, b"[1]", PeerGarbled, "envelope"),
        (200, envelope("1000"), PeerGarbled, "envelope"),
        (200, envelope(True), PeerGarbled, "envelope"),
        (200, envelope(9999), PeerGarbled, "envelope"),
        (200, b'{"status_code": 1000, "status_code": 2000}', PeerGarbled, "envelope"),
    ],
)
def test_an_answer_is_a_yes_a_no_or_nothing_that_counts(
    status: int, body: bytes, error: type[PeerRefused], code: str
) -> None:
    with pytest.raises(error) as raised:
        reply_of(Response(status=status, body=body))
    assert (error, code) == (type(raised.value), raised.value.code)


def test_data_that_nobody_asked_for_and_codes_of_ones_own_are_fine() -> None:
    assert [1] == reply_of(Response(status=200, body=envelope(1900, data=[1], extra=None))).data


def test_who_asks_to_be_left_alone_says_for_how_long_and_is_believed_within_reason() -> None:
    for sent, taken in (("30", 30), ("999999", 86_400), ("99999999", None), ("soon", None), ("-1", None)):
        with pytest.raises(PeerRefused) as raised:
            reply_of(Response(status=429, headers={"retry-after": sent}))
        assert taken == raised.value.details.get("retryAfter")


async def test_the_deadline_of_the_caller_holds_and_a_partner_may_be_away() -> None:
    pair = await Pair.new().registered()
    pair.emsp.host.dead()
    asked = asyncio.ensure_future(pair.cpo.client.put_session(pair.cpo.one(), sample(m.Session), by=pair.cpo.by(3)))
    await settle()
    await pair.clock.advance(3)
    with pytest.raises(TimedOut):
        await asked
    pair.web.unplug(pair.emsp.url)
    with pytest.raises(Offline):
        await pair.cpo.client.put_session(pair.cpo.one(), sample(m.Session), by=pair.cpo.by())


async def test_a_partner_is_asked_as_it_stands_now_and_not_at_all_once_it_is_over() -> None:
    pair = await Pair.new().registered()
    client, before = pair.cpo.client, pair.cpo.one()
    after = await pair.cpo.partners.rotate(before.id, actor="bob")
    await client.put_session(before, sample(m.Session), by=pair.cpo.by())
    assert after.token_out is not None
    assert after.token_out != before.token_out
    assert header(after.token_out) == pair.web.requests("sessions")[-1].headers["authorization"]
    await pair.cpo.partners.unregister(before.id, actor="bob")
    asked = len(pair.web.log)
    with pytest.raises(PeerRefused, match="notRegistered"):
        await client.put_session(before, sample(m.Session), by=pair.cpo.by())
    with pytest.raises(PeerRefused, match="notRegistered"):
        await client.result(before, before.versions_url, m.CommandResult(result="ACCEPTED"), by=pair.cpo.by())
    assert asked == len(pair.web.log)
