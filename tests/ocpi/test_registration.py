"""Two parties come to know each other, change their tokens, and part: from both sides, with all that goes wrong."""

import asyncio
import base64
import re
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from evouch import wire
from evouch.errors import Offline, PeerFault, PeerRefused, Refused, TimedOut
from evouch.ids import PartyId, Secret
from evouch.ocpi.addresses import BadAddress
from evouch.ocpi.credentials import TABLE, Step
from evouch.ocpi.http import Request, Response
from evouch.ocpi.model import Token
from evouch.ocpi.partner import Partner, PartnerState, Quirks, Role
from evouch.ocpi.partners import Standing
from evouch.testing.clock import settle
from tests.ocpi.pair import Pair, Side
from tests.proofs import proves


def sent(text: str) -> str:
    return f"Token {base64.b64encode(text.encode()).decode()}"


def token_of(side: Side) -> Secret:
    token = side.one().token_out
    assert token is not None
    return token


async def ask(side: Side, method: str, path: str, token: str, body: Any = None) -> tuple[int, Any]:
    url = f"{side.url}/ocpi/{path}"
    content = b"" if body is None else wire.encode(body)
    answer = await side.web.send(
        Request(method=method, url=url, headers={"Authorization": sent(token)}, body=content), by=side.by()
    )
    return answer.status, wire.decode(answer.body)


def theirs(side: Side, token: str, **changed: Any) -> Any:
    """Return what a side would send as its credentials."""
    return msgspec.to_builtins(msgspec.structs.replace(side.ours.credentials(token), **changed))


# ── the handshake ──


async def test_who_was_invited_registers_and_both_can_call_each_other() -> None:
    pair = await Pair.new().registered()
    cpo, emsp = pair.cpo.one(), pair.emsp.one()
    assert (PartnerState.REGISTERED, "2.3.0", (PartyId("NL", "MSP"),)) == (cpo.state, cpo.version, cpo.parties)
    assert (PartnerState.REGISTERED, "2.3.0", (PartyId("DE", "CPO"),)) == (emsp.state, emsp.version, emsp.parties)
    assert (200, 1000) == (
        (answer := await ask(pair.emsp, "GET", "2.3.0/tokens", token_of(pair.cpo).text()))[0],
        answer[1]["status_code"],
    )
    assert 200 == (await ask(pair.cpo, "GET", "2.3.0/sessions", token_of(pair.emsp).text()))[0]


async def test_the_receiver_reads_the_senders_versions_with_token_b_while_the_post_is_open() -> None:
    pair = await Pair.new().registered()
    crossed = [(each.request.method, each.request.url.removeprefix("https://")) for each in pair.web.log]
    assert [
        ("GET", "emsp.test/ocpi/versions"), ("GET", "emsp.test/ocpi/2.3.0"),
        ("GET", "cpo.test/ocpi/versions"), ("GET", "cpo.test/ocpi/2.3.0"), ("POST", "emsp.test/ocpi/2.3.0/credentials"),
    ] == crossed  # fmt: skip


async def test_the_registration_token_is_dead_once_the_post_is_answered() -> None:
    pair = Pair.new()
    await pair.known()
    token_a = token_of(pair.cpo).text()
    await pair.cpo.partners.register("the-emsp", actor="bob")
    assert token_a != token_of(pair.cpo).text()
    assert 401 == (await ask(pair.emsp, "GET", "versions", token_a))[0]


async def test_a_registration_token_opens_versions_and_credentials_and_nothing_else() -> None:
    pair = Pair.new()
    await pair.known()
    token_a = token_of(pair.cpo).text()
    assert 200 == (await ask(pair.emsp, "GET", "versions", token_a))[0]
    assert 200 == (await ask(pair.emsp, "GET", "2.2.1/credentials", token_a))[0]
    assert 401 == (await ask(pair.emsp, "GET", "2.2.1/tokens", token_a))[0]


async def test_the_highest_version_that_both_speak_is_used() -> None:
    pair = await Pair.new(versions=("2.2.1",)).registered()
    assert ("2.2.1", "2.2.1") == (pair.cpo.one().version, pair.emsp.one().version)


async def test_the_token_that_the_partner_answers_is_written_down_before_it_is_used() -> None:
    pair = Pair.new()
    await pair.known()
    await pair.cpo.partners.register("the-emsp", actor="bob")
    last, _, action = pair.cpo.written[-1]
    assert ("register at partner", token_of(pair.cpo)) == (action, last.token_out)
    pair.cpo.restart()
    assert 200 == (await ask(pair.emsp, "GET", "2.3.0/tokens", token_of(pair.cpo).text()))[0]


async def test_a_token_that_could_not_be_written_down_is_not_believed() -> None:
    pair = Pair.new()
    await pair.known()
    write, before = pair.cpo._save, pair.cpo.one()

    async def full(partner: Partner, actor: str, action: str) -> None:
        if action == "register at partner":
            raise OSError("disk full")
        await write(partner, actor, action)

    pair.cpo.partners._save = full
    with pytest.raises(OSError, match="disk full"):
        await pair.cpo.partners.register("the-emsp", actor="bob")
    assert (PartnerState.KNOWN, before.token_out) == (pair.cpo.one().state, token_of(pair.cpo))


async def test_token_b_is_written_down_before_the_partner_hears_of_it() -> None:
    pair = Pair.new()
    await pair.known()
    pair.cpo.full = True
    with pytest.raises(OSError, match="disk full"):
        await pair.cpo.partners.register("the-emsp", actor="bob")
    assert [] == pair.web.requests(method="POST")


async def test_after_a_crash_in_the_middle_a_new_invitation_sets_it_right() -> None:
    pair = Pair.new()
    await pair.known()
    pair.emsp.host.lost(on="credentials")
    with pytest.raises(TimedOut):
        await settle_and(pair, pair.cpo.partners.register("the-emsp", actor="bob"))
    pair.cpo.restart()
    assert (PartnerState.KNOWN, PartnerState.REGISTERED) == (pair.cpo.one().state, pair.emsp.one().state)
    with pytest.raises(Refused, match="alreadyRegistered"):
        await pair.emsp.partners.invite("the-cpo", Role.CPO, actor="ann")
    pair.emsp.host.well()
    await pair.emsp.partners.unregister("the-cpo", actor="ann")
    await pair.known()
    await pair.cpo.partners.register("the-emsp", actor="bob")
    assert 200 == (await ask(pair.emsp, "GET", "2.3.0/tokens", token_of(pair.cpo).text()))[0]


async def settle_and(pair: Pair, working: Any, seconds: float = 40.0) -> Any:
    """Do something that waits for an answer, and let time pass."""

    task = asyncio.ensure_future(working)
    await settle()
    await pair.clock.advance(seconds)
    return await task


# ── what stops it ──


async def test_without_a_common_version_nothing_is_posted() -> None:
    pair = Pair.new(versions=("2.1.1",))
    await pair.known()
    with pytest.raises(PeerFault, match="3002"):
        await pair.cpo.partners.register("the-emsp", actor="bob")
    assert [] == pair.web.requests(method="POST")


async def test_who_lacks_what_we_need_is_not_asked_to_register_us() -> None:
    pair = Pair.new()
    token = await pair.emsp.partners.invite("other", Role.EMSP, actor="ann")
    await pair.cpo.partners.add("wrong", Role.CPO, f"{pair.emsp.url}/ocpi/versions", token, actor="bob")
    with pytest.raises(PeerFault, match=r"3003.*sessions SENDER"):
        await pair.cpo.partners.register("wrong", actor="bob")
    assert [] == pair.web.requests(method="POST")


async def posted(pair: Pair, token: str, **changed: Any) -> tuple[int, Any]:
    invitation = await pair.emsp.partners.invite("the-cpo", Role.CPO, actor="ann")
    return await ask(pair.emsp, "POST", "2.3.0/credentials", invitation.text(), theirs(pair.cpo, token, **changed))


async def test_a_sender_whose_versions_cannot_be_read_is_answered_200_with_3001() -> None:
    pair = Pair.new()
    status, answer = await posted(pair, "no-such-token")
    assert (200, 3001) == (status, answer["status_code"])
    assert PartnerState.INVITED is pair.emsp.one().state


async def test_a_sender_that_does_not_speak_the_version_it_came_on_is_answered_3002() -> None:
    pair = Pair.new(versions=("2.2.1",))
    token_b = await pair.cpo.partners.invite("emsp", Role.EMSP, actor="bob")
    status, answer = await posted(pair, token_b.text())
    assert (200, 3002) == (status, answer["status_code"])


async def test_a_sender_without_the_endpoints_that_we_need_is_answered_3003() -> None:
    pair = Pair.new()
    other = await pair.emsp.partners.invite("itself", Role.CPO, actor="ann")
    status, answer = await posted(pair, other.text(), url=pair.emsp.ours.versions_url)
    assert (200, 3003) == (status, answer["status_code"])


async def test_a_sender_that_is_something_else_than_it_was_invited_as_is_answered_2001() -> None:
    pair = Pair.new()
    token_b = await pair.cpo.partners.invite("emsp", Role.EMSP, actor="bob")
    roles = pair.emsp.ours.credentials("x").roles
    status, answer = await posted(pair, token_b.text(), roles=roles)
    assert (200, 2001) == (status, answer["status_code"])


async def test_nobody_takes_a_party_that_another_partner_has() -> None:
    pair = await Pair.new().registered()
    thief = Side(Role.CPO, PartyId("DE", "CPO"), "https://thief.test", pair.clock, pair.web)
    token_a = await pair.emsp.partners.invite("thief", Role.CPO, actor="ann")
    await thief.partners.add("victim", Role.EMSP, f"{pair.emsp.url}/ocpi/versions", token_a, actor="eve")
    with pytest.raises(PeerRefused, match=r"2001.*registered already"):
        await thief.partners.register("victim", actor="eve")
    holder = pair.emsp.partners.of_party(PartyId("DE", "CPO"), Role.CPO)
    assert holder is not None
    assert "the-cpo" == holder.id


async def test_who_is_not_whom_staff_invited_is_refused() -> None:
    pair = Pair.new()
    asked = [(PartyId("DE", "XXX"), "2001"), (PartyId("DE", "CPO"), "")]
    for party, refused in asked:
        token_a = await pair.emsp.partners.invite("the-cpo", Role.CPO, party=party, actor="ann")
        await pair.cpo.partners.add("the-emsp", Role.EMSP, f"{pair.emsp.url}/ocpi/versions", token_a, actor="bob")
        if refused:
            with pytest.raises(PeerRefused, match=r"2001.*DE\*XXX"):
                await pair.cpo.partners.register("the-emsp", actor="bob")
            assert PartnerState.INVITED is pair.emsp.partners.known("the-cpo").state
    await pair.cpo.partners.register("the-emsp", actor="bob")
    assert (PartyId("DE", "CPO"),) == pair.emsp.partners.known("the-cpo").parties


async def test_nor_is_an_answer_of_another_party_than_staff_added_taken() -> None:
    pair = Pair.new()
    token_a, other = await pair.emsp.partners.invite("the-cpo", Role.CPO, actor="ann"), PartyId("NL", "XXX")
    url = f"{pair.emsp.url}/ocpi/versions"
    await pair.cpo.partners.add("the-emsp", Role.EMSP, url, token_a, party=other, actor="bob")
    with pytest.raises(PeerFault, match=r"NL\*XXX"):
        await pair.cpo.partners.register("the-emsp", actor="bob")
    assert not pair.cpo.partners.registered()


async def test_who_was_suspended_is_not_forgotten_and_invited_as_if_nothing_had_been() -> None:
    pair = await Pair.new().registered()
    await pair.emsp.partners.change("the-cpo", actor="ann", sign_allowed=False, sign_reason="swept")
    with pytest.raises(Refused, match="suspended"):
        await pair.emsp.partners.remove("the-cpo", actor="ann")
    await pair.emsp.partners.unregister("the-cpo", actor="ann")
    await pair.emsp.partners.invite("the-cpo", Role.CPO, actor="ann")
    known = pair.emsp.partners.known("the-cpo")
    assert (False, "swept") == (known.sign_allowed, known.sign_reason)


async def test_a_partner_that_answers_as_somebody_else_is_told_that_it_is_over() -> None:
    pair = await Pair.new().registered()
    twin = Side(Role.EMSP, PartyId("NL", "MSP"), "https://twin.test", pair.clock, pair.web)
    token_a = await twin.partners.invite("the-cpo", Role.CPO, actor="ann")
    await pair.cpo.partners.add("twin", Role.EMSP, f"{twin.url}/ocpi/versions", token_a, actor="bob")
    with pytest.raises(PeerFault, match="registered already"):
        await pair.cpo.partners.register("twin", actor="bob")
    known = pair.cpo.partners.known("twin")
    assert (PartnerState.KNOWN, PartnerState.ENDED) == (known.state, twin.one().state)


async def test_an_address_inside_our_network_is_not_called_back() -> None:
    pair = Pair.new()
    status, answer = await posted(pair, "a-token", url="https://169.254.169.254/latest/meta-data")
    assert (200, 3001) == (status, answer["status_code"])
    assert [] == pair.web.requests("169.254")


async def test_an_invitation_to_an_address_inside_our_network_is_refused_when_it_is_entered() -> None:
    pair = Pair.new()
    with pytest.raises(BadAddress):
        await pair.cpo.partners.add("x", Role.EMSP, "https://10.0.0.1/ocpi/versions", Secret("t"), actor="bob")


async def test_endpoints_that_lead_inside_are_as_good_as_missing() -> None:
    pair = Pair.new()
    await pair.known()
    plain = pair.emsp.server.handle

    async def hostile(request: Request, *, address: str = "") -> Any:
        answer = await plain(request, address=address)
        return replace(
            answer, body=answer.body.replace(b"https://emsp.test/ocpi/2.3.0/cdrs", b"https://127.0.0.1/cdrs")
        )

    pair.web.host(pair.emsp.url, hostile)
    await pair.cpo.partners.register("the-emsp", actor="bob")
    assert ("", True) == (
        pair.cpo.one().endpoint("cdrs", "RECEIVER"),
        bool(pair.cpo.one().endpoint("tokens", "SENDER")),
    )


@proves("A13")
async def test_a_module_that_does_not_say_its_interface_is_either() -> None:
    pair = Pair.new()

    async def terse(request: Request, *, address: str = "") -> Response:
        answer = await pair.emsp.server.handle(request, address=address)
        return replace(answer, body=re.sub(rb',?"role":"(SENDER|RECEIVER)"', b"", answer.body))

    pair.web.host(pair.emsp.url, terse)
    await pair.registered()
    emsp = pair.cpo.one()
    assert {""} == {each.interface for each in emsp.endpoints}
    assert emsp.endpoint("vehicles", "SENDER") == f"{pair.emsp.url}/ocpi/2.3.0/vehicles"
    assert [emsp] == pair.cpo.partners.with_module("vehicles", "SENDER")


async def test_no_redirect_is_followed() -> None:
    pair = Pair.new()
    await pair.known()
    pair.emsp.host.status(307, on="versions")
    with pytest.raises(PeerRefused, match="http 307"):
        await pair.cpo.partners.register("the-emsp", actor="bob")


# ── 405 ──


@pytest.mark.parametrize("state", PartnerState)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_what_the_state_does_not_allow_is_405_and_the_answer_says_what_is(
    state: PartnerState, method: str
) -> None:
    pair = await Pair.new().registered()
    token = token_of(pair.cpo).text()
    pair.emsp.partners._believe(replace(pair.emsp.one(), state=state))
    status, answer = await ask(pair.emsp, method, "2.3.0/credentials", token, theirs(pair.cpo, "new-token"))
    if (state, Step(method)) in TABLE:
        assert 200 == status
    else:
        assert (405, 2000) == (status, answer["status_code"])
        allow = pair.web.log[-1].response
        assert allow is not None
        assert method not in allow.headers["allow"]


async def test_a_post_of_who_is_registered_changes_nothing() -> None:
    pair = await Pair.new().registered()
    before = pair.emsp.one()
    body = theirs(pair.cpo, "new-token")
    assert 405 == (await ask(pair.emsp, "POST", "2.3.0/credentials", token_of(pair.cpo).text(), body))[0]
    assert (before.token_in, before.token_out) == (pair.emsp.one().token_in, pair.emsp.one().token_out)


async def test_get_answers_our_own_credentials_with_the_token_that_was_sent() -> None:
    pair = await Pair.new().registered()
    token = token_of(pair.cpo).text()
    _, answer = await ask(pair.emsp, "GET", "2.3.0/credentials", token)
    assert (token, pair.emsp.ours.versions_url) == (answer["data"]["token"], answer["data"]["url"])


# ── rotation ──


@pytest.mark.parametrize("who", ["cpo", "emsp"])
async def test_a_rotation_changes_both_tokens_and_reads_the_endpoints_anew(who: str) -> None:
    pair = await Pair.new().registered()
    before = {token_of(pair.cpo), token_of(pair.emsp)}
    side, partner = (pair.cpo, "the-emsp") if who == "cpo" else (pair.emsp, "the-cpo")
    await side.partners.rotate(partner, actor="ann")
    assert not before & {token_of(pair.cpo), token_of(pair.emsp)}
    assert 200 == (await ask(pair.emsp, "GET", "2.3.0/tokens", token_of(pair.cpo).text()))[0]
    assert 200 == (await ask(pair.cpo, "GET", "2.3.0/sessions", token_of(pair.emsp).text()))[0]


async def test_a_rotation_moves_both_to_a_version_that_is_new() -> None:
    pair = await Pair.new(versions=("2.2.1",)).registered()
    pair.cpo.ours = replace(pair.cpo.ours, versions=("2.3.0", "2.2.1"))
    pair.cpo.versions = pair.cpo.ours.versions
    pair.cpo.restart()
    await pair.cpo.partners.rotate("the-emsp", actor="bob")
    assert ("2.3.0", "2.3.0") == (pair.cpo.one().version, pair.emsp.one().version)


async def test_the_token_before_counts_until_the_first_call_with_the_new_one() -> None:
    pair = await Pair.new().registered()
    old = token_of(pair.cpo).text()
    await pair.cpo.partners.rotate("the-emsp", actor="bob")
    assert 200 == (await ask(pair.emsp, "GET", "2.3.0/tokens", old))[0]
    assert 200 == (await ask(pair.emsp, "GET", "2.3.0/tokens", token_of(pair.cpo).text()))[0]
    assert 401 == (await ask(pair.emsp, "GET", "2.3.0/tokens", old))[0]


async def test_the_token_before_counts_for_an_hour_and_no_longer() -> None:
    pair = await Pair.new().registered()
    old = token_of(pair.cpo).text()
    await pair.cpo.partners.rotate("the-emsp", actor="bob")
    await pair.clock.advance(3599)
    assert 200 == (await ask(pair.emsp, "GET", "2.3.0/tokens", old))[0]
    await pair.clock.advance(2)
    assert 401 == (await ask(pair.emsp, "GET", "2.3.0/tokens", old))[0]


async def test_a_partner_that_looks_at_our_versions_and_then_refuses_keeps_its_token() -> None:
    pair = await Pair.new().registered()
    old = token_of(pair.emsp).text()

    async def refuses(request: Request, *, address: str = "") -> Any:
        if request.method == "PUT":
            new = wire.decode(request.body)["token"]
            assert 200 == (await ask(pair.cpo, "GET", "versions", new))[0]
            body = wire.encode({"status_code": 3001, "timestamp": "2024-05-23T00:00:00Z"})
            return replace(await pair.emsp.server.handle(request, address=address), status=200, body=body)
        return await pair.emsp.server.handle(request, address=address)

    pair.web.host(pair.emsp.url, refuses)
    before = pair.cpo.one()
    pair.emsp.partners._busy.add("the-cpo")  # whatever it is, it takes nothing
    with pytest.raises(PeerRefused, match="3001"):
        await pair.cpo.partners.rotate("the-emsp", actor="bob")
    assert before == pair.cpo.one()
    assert 200 == (await ask(pair.cpo, "GET", "2.3.0/sessions", old))[0]


async def test_a_rotation_that_was_done_and_never_answered_leaves_both_tokens_good() -> None:
    pair = await Pair.new().registered()
    old = token_of(pair.emsp).text()
    pair.emsp.host.lost(on="credentials")
    with pytest.raises(TimedOut):
        await settle_and(pair, pair.cpo.partners.rotate("the-emsp", actor="bob"))
    new = token_of(pair.emsp).text()
    assert new != old
    await pair.clock.advance(2 * 86_400)
    assert 200 == (await ask(pair.cpo, "GET", "2.3.0/sessions", old))[0]
    assert 200 == (await ask(pair.cpo, "GET", "2.3.0/sessions", new))[0]
    assert 401 == (await ask(pair.cpo, "GET", "2.3.0/sessions", old))[0]


async def test_a_second_rotation_after_one_that_never_arrived_still_knows_the_token_in_use() -> None:
    pair = await Pair.new().registered()
    used = token_of(pair.emsp).text()
    pair.emsp.host.dead(on="credentials", times=2)
    for _ in range(2):
        with pytest.raises(TimedOut):
            await settle_and(pair, pair.cpo.partners.rotate("the-emsp", actor="bob"))
    assert 200 == (await ask(pair.cpo, "GET", "2.3.0/sessions", used))[0]
    await pair.cpo.partners.rotate("the-emsp", actor="bob")
    assert 200 == (await ask(pair.cpo, "GET", "2.3.0/sessions", token_of(pair.emsp).text()))[0]


async def test_what_an_operator_changes_during_a_rotation_is_not_lost() -> None:
    pair = await Pair.new().registered()
    pair.emsp.host.slow(5, on="credentials")
    working = settle_and(pair, pair.cpo.partners.rotate("the-emsp", actor="bob"))

    task = asyncio.ensure_future(working)
    await settle(5)
    await pair.cpo.partners.change("the-emsp", actor="ann", sign_allowed=False)
    await task
    assert (False, "rotate tokens") == (pair.cpo.one().sign_allowed, pair.cpo.written[-1][2])


async def test_one_thing_at_a_time_is_done_with_a_registration() -> None:
    pair = await Pair.new().registered()
    async with pair.cpo.partners.alone("the-emsp"):
        with pytest.raises(Refused, match="underWay"):
            await pair.cpo.partners.rotate("the-emsp", actor="bob")
        body = theirs(pair.emsp, "new")
        _, answer = await ask(pair.cpo, "PUT", "2.3.0/credentials", token_of(pair.emsp).text(), body)
        assert 3000 == answer["status_code"]


# ── the end ──


@pytest.mark.parametrize("who", ["cpo", "emsp"])
async def test_who_unregisters_ends_it_for_both(who: str) -> None:
    pair = await Pair.new().registered()
    tokens = token_of(pair.cpo).text(), token_of(pair.emsp).text()
    side, partner = (pair.cpo, "the-emsp") if who == "cpo" else (pair.emsp, "the-cpo")
    await side.partners.unregister(partner, actor="ann")
    assert (PartnerState.ENDED, PartnerState.ENDED) == (pair.cpo.one().state, pair.emsp.one().state)
    assert 401 == (await ask(pair.emsp, "GET", "versions", tokens[0]))[0]
    assert 401 == (await ask(pair.cpo, "GET", "versions", tokens[1]))[0]


async def test_what_is_over_can_begin_again() -> None:
    pair = await Pair.new().registered()
    await pair.cpo.partners.unregister("the-emsp", actor="bob")
    await pair.known()
    await pair.cpo.partners.register("the-emsp", actor="bob")
    assert (PartnerState.REGISTERED, PartnerState.REGISTERED) == (pair.cpo.one().state, pair.emsp.one().state)


async def test_a_registration_is_over_for_us_also_when_the_partner_does_not_answer() -> None:
    pair = await Pair.new().registered()
    pair.web.unplug(pair.emsp.url)
    await pair.cpo.partners.unregister("the-emsp", actor="bob")
    assert (PartnerState.ENDED, None) == (pair.cpo.one().state, pair.cpo.one().token_in)
    assert "unregister; the partner did not confirm" == pair.cpo.written[-1][2]


async def test_a_partner_that_is_removed_is_told_and_forgotten() -> None:
    pair = await Pair.new().registered()
    await pair.cpo.partners.remove("the-emsp", actor="bob")
    assert ([], PartnerState.ENDED) == (pair.cpo.partners.all(), pair.emsp.one().state)
    pair.cpo.restart()
    assert [] == pair.cpo.partners.all()


# ── tokens on the wire ──


async def test_a_partner_that_wants_its_token_without_base64_gets_it_so_from_then_on() -> None:
    pair = Pair.new()
    await pair.known()
    strict = pair.emsp.server.handle

    async def unencoded(request: Request, *, address: str = "") -> Any:
        raw = request.headers["authorization"].removeprefix("Token ")
        return await strict(replace(request, headers={**request.headers, "authorization": sent(raw)}), address=address)

    pair.web.host(pair.emsp.url, unencoded)
    await pair.cpo.partners.register("the-emsp", actor="bob")
    assert Quirks(plain_token=True) == pair.cpo.one().quirks
    assert [] == [each async for each in pair.cpo.client.pages(pair.cpo.one(), "tokens", Token, by=pair.cpo.by())]


def test_what_partners_send_is_kept_as_a_hash_and_what_we_send_never_prints() -> None:
    partner = Partner(id="p", role=Role.CPO, state=PartnerState.KNOWN, token_out=Secret("very-secret"))
    assert "very-secret" not in repr(partner)


async def test_every_spelling_of_a_token_is_understood_and_any_other_is_401() -> None:
    pair = await Pair.new().registered()
    token = token_of(pair.cpo).text()
    encoded = base64.b64encode(token.encode()).decode()
    newline = base64.b64encode(f"{token}\n".encode()).decode()
    partners = pair.emsp.partners
    for value in (f"Token {encoded}", f"token {newline}", f"Token {token}", f"TOKEN  {encoded.rstrip('=')}"):
        found = partners.authenticate(value)
        assert found is not None, value
        assert Standing.REGISTERED is found[1]
    for value in ("", "Token", "Token ", f"Bearer {encoded}", f"Token {encoded}x", "Token " + "A" * 5000, encoded):
        assert None is partners.authenticate(value), value


async def test_a_new_token_has_64_characters_that_every_peer_can_carry() -> None:
    pair = await Pair.new().registered()
    for token in (token_of(pair.cpo).text(), token_of(pair.emsp).text()):
        assert 64 == len(token)
        assert all("!" <= each <= "~" for each in token)


async def test_a_partner_that_is_not_there_stays_known() -> None:
    pair = Pair.new()
    await pair.known()
    pair.web.unplug(pair.emsp.url)
    with pytest.raises(Offline):
        await pair.cpo.partners.register("the-emsp", actor="bob")
    assert PartnerState.KNOWN is pair.cpo.one().state


async def test_only_what_is_ours_to_say_of_a_partner_can_be_changed() -> None:
    pair = await Pair.new().registered()
    await pair.cpo.partners.change("the-emsp", actor="ann", evses=12, priority=3)
    assert (12, 3) == (pair.cpo.one().evses, pair.cpo.one().priority)
    with pytest.raises(Refused, match="notChangeable"):
        await pair.cpo.partners.change("the-emsp", actor="ann", token_in=b"mine")
    with pytest.raises(BadAddress):
        await pair.cpo.partners.change("the-emsp", actor="ann", quirks=Quirks(oracle_url="https://[::1]/oprf"))


@pytest.mark.parametrize("id", ["", "a b", "../x", "-a", "ü", "x" * 41])
async def test_a_partners_id_is_a_plain_word(id: str) -> None:
    with pytest.raises(Refused, match="badPartnerId"):
        await Pair.new().cpo.partners.invite(id, Role.EMSP, actor="ann")
