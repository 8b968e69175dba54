"""Who may charge: what a VID is worth by itself, and what has to speak for it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evouch.autocharge.checks import Case, Check, Finding, Outcome
from evouch.autocharge.deciding import Standing, decide
from evouch.charging.tokens import Allowed
from evouch.charging.vehicles import AutoChargeStatus
from evouch.emsp.contexts import checks_of
from evouch.emsp.terms import EmspTerms
from evouch.emsp.words import LANGUAGES, text
from evouch.ids import Secret
from evouch.ocpi.model import VEHICLE_TOKEN
from evouch.ocpi.partner import Quirks
from evouch.testing.clock import VECTOR_TIME
from evouch.units import Money
from tests.emsp.world import ADA, BERLIN, BOB, MUNICH, OTHER_VID, PARTY, POTSDAM, URL, VID, World, play, point, refused
from tests.proofs import proves


async def decided(world: World) -> Any:
    """The latest decision."""
    return (await world.emsp.desk.decisions(limit=1))[0]


@proves("R5", "R6", "A14")
def test_a_vid_whose_context_says_nothing_starts_nothing() -> None:
    async def story(world: World) -> None:
        await world.bound()
        stranger = await world.join("stranger", places=False)
        info = await stranger.authorize()
        assert info is not None
        assert ("NOT_ALLOWED", None) == (info.allowed, info.authorization_reference)
        assert {"concurrent use": "pass", "travel": "unknown", "phone": "unknown"}.items() <= {
            name: found.partition(":")[0] for name, found in (await decided(world)).findings.items()
        }.items()

    play(story)


@proves("R5")
def test_with_no_checks_at_all_nobody_starts() -> None:
    async def story(world: World) -> None:
        await world.bound()
        world.emsp.handlers.authorizing.checks = ()
        assert "NOT_ALLOWED" == await world.alfa.verdict()

    play(story)


@proves("R6", "A14")
def test_where_it_was_last_and_what_can_be_driven_speaks_for_it() -> None:
    async def story(world: World) -> None:
        await world.bound()
        assert "ALLOWED" == await world.alfa.verdict(place="L1")
        await world.pass_time(hours=1)
        info = await world.alfa.authorize(place="L2")
        assert info is not None
        assert info.authorization_reference
        decision = await decided(world)
        assert (info.authorization_reference, 25, "L2") == (
            decision.reference, decision.distance_km, decision.location
        )  # fmt: skip
        assert decision.findings["travel"].startswith("pass")

    play(story)


@proves("R6", "R9", "A10")
def test_a_failed_check_is_answered_not_allowed_with_words_for_the_driver() -> None:
    async def story(world: World) -> None:
        await world.bound(language="de")
        await world.pass_time(minutes=30)
        status, answer, _ = await world.alfa.ask(
            "POST", f"tokens/{VID}/authorize?type={VEHICLE_TOKEN}", {"location_id": "L3", "evse_uids": ["L3-E1"]}
        )
        data = answer["data"]
        assert (200, 1000, "NOT_ALLOWED", "de") == (
            status, answer["status_code"], data["allowed"], data["info"]["language"]
        )  # fmt: skip
        assert "bestätigen" in data["info"]["text"]
        (question,) = await world.notices("confirm")
        assert ("L3", "L3-E1") == (question.data["location"], question.data["evses"])

    play(story)


@proves("R6")
@pytest.mark.parametrize(
    ("place", "verdict"), [(MUNICH, "ALLOWED"), (BERLIN, "NOT_ALLOWED")], ids=["here", "hundreds of km away"]
)
def test_the_drivers_phone_speaks_for_his_vehicle_or_against_it(place: tuple[str, str], verdict: str) -> None:
    async def story(world: World) -> None:
        await world.bound()
        world.leap(hours=5)
        await world.emsp.phone.set_place("ada", point(place), 20)
        assert verdict == await world.alfa.verdict(place="L3")
        assert (await decided(world)).findings["phone"].startswith("pass" if verdict == "ALLOWED" else "fail")

    play(story)


@proves("R6")
def test_where_a_phone_was_is_forgotten_within_minutes_also_over_a_restart() -> None:
    async def story(world: World) -> None:
        await world.bound()
        await world.emsp.phone.set_place("ada", point(MUNICH), 20)
        await world.restart()
        await world.pass_time(minutes=14)
        assert (await world.emsp.drivers.get("ada")).phone is not None
        await world.pass_time(minutes=2)
        driver = await world.emsp.drivers.get("ada")
        assert (None, None, None) == (driver.phone, driver.phone_accuracy, driver.phone_at)

    play(story)


@proves("R6")
def test_a_vehicle_does_not_charge_at_two_places() -> None:
    async def story(world: World) -> None:
        await world.bound()
        info = await world.alfa.authorize()
        assert info is not None
        await world.pass_time(minutes=14)
        assert "NOT_ALLOWED" == await world.alfa.verdict(place="L2")  # the yes may become a charge any moment
        assert (await decided(world)).findings["concurrent use"].startswith("fail")
        reference = info.authorization_reference
        await world.alfa.put(world.alfa.session("V1", VID, kind=VEHICLE_TOKEN, authorization_reference=reference))
        await world.pass_time(hours=1)
        assert "NOT_ALLOWED" == await world.alfa.verdict(place="L2")
        assert (await decided(world)).findings["concurrent use"].startswith("fail")
        await world.alfa.put(
            world.alfa.session(
                "V1", VID, kind=VEHICLE_TOKEN, authorization_reference=reference, status="COMPLETED",
                end_date_time=world.clock.now(),
            )
        )  # fmt: skip
        await world.pass_time(hours=1)
        assert "ALLOWED" == await world.alfa.verdict(place="L2")

    play(story)


@proves("R6")
def test_nor_at_two_evses_of_one_place_while_a_yes_is_open() -> None:
    async def story(world: World) -> None:
        await world.bound()
        one, two = await asyncio.gather(*(world.alfa.authorize(evse=each) for each in ("L1-E1", "L1-E2")))
        assert ["ALLOWED", "NOT_ALLOWED"] == [each.allowed for each in (one, two) if each is not None]
        assert (await decided(world)).findings["concurrent use"].startswith("fail")
        assert "ALLOWED" == await world.alfa.verdict()  # the same once more is a repetition

    play(story)


@proves("R6")
def test_after_too_many_starts_it_is_refused_and_nobody_is_asked() -> None:
    async def story(world: World) -> None:
        await world.bound()
        assert ["ALLOWED"] * 4 + ["NOT_ALLOWED"] == [await world.alfa.verdict() for _ in range(5)]
        assert [] == await world.notices("confirm")

    play(story)


@proves("R6")
def test_a_session_that_nobody_allowed_is_no_evidence_of_where_the_vehicle_was() -> None:
    async def story(world: World) -> None:
        await world.bound()
        other, now = world.operators["other"], world.clock.now()
        await world.pass_time(minutes=10)
        assert "NOT_ALLOWED" == await world.alfa.verdict(place="L3")
        for reference in (None, "a reference that we gave nobody"):
            session = other.session(
                f"V-{reference}"[:36], VID, kind=VEHICLE_TOKEN, place="L3", status="COMPLETED", start=now,
                end_date_time=world.clock.now(), authorization_reference=reference,
            )  # fmt: skip
            await other.put(session)
        assert "NOT_ALLOWED" == await world.alfa.verdict(place="L3")
        assert (await decided(world)).findings["travel"].startswith("fail")

    play(story, "alfa", "other")


@proves("R6")
@pytest.mark.parametrize(("place", "later"), [("L3", 0), ("L1", 365)])
def test_a_session_told_of_another_place_or_of_another_time_is_no_evidence_either(place: str, later: int) -> None:
    async def story(world: World) -> None:
        await world.bound()
        alfa = world.alfa
        info = await alfa.authorize(place="L1")
        assert info is not None
        session = alfa.session(
            "V1", VID, kind=VEHICLE_TOKEN, place=place, status="COMPLETED",
            end_date_time=world.clock.now() + timedelta(days=later),
            authorization_reference=info.authorization_reference,
        )  # fmt: skip
        await alfa.put(session)
        await world.pass_time(hours=1)
        assert "NOT_ALLOWED" == await alfa.verdict(place="L3")
        assert "ALLOWED" == await alfa.verdict(place="L2")

    play(story)


@proves("R12", "A9")
def test_a_revoked_vehicle_is_blocked_and_its_token_not_valid() -> None:
    async def story(world: World) -> None:
        await world.bound()
        await world.emsp.phone.revoke("ada", VID)
        info = await world.alfa.authorize()
        assert info is not None
        assert ("BLOCKED", False, None) == (info.allowed, info.token.valid, info.authorization_reference)
        await world.emsp.partners.change("alfa", actor="ann", quirks=Quirks(says_invalid=True))
        info = await world.alfa.authorize()
        assert info is not None
        assert ("INVALID", Allowed.BLOCKED, False) == (info.allowed, info.verdict, info.token.valid)

    play(story)


@proves("A9")
def test_a_vid_that_is_not_known_is_404_with_2004() -> None:
    async def story(world: World) -> None:
        await world.bound()
        for uid in (OTHER_VID, "no VID", "5A" * 31):
            status, answer, _ = await world.alfa.ask(
                "POST", f"tokens/{uid.replace(' ', '%20')}/authorize?type={VEHICLE_TOKEN}", {"location_id": "L1"}
            )
            assert (404, 2004, None) == (status, answer["status_code"], answer.get("data"))

    play(story)


def test_without_a_place_there_is_nothing_to_judge() -> None:
    async def story(world: World) -> None:
        await world.bound()
        assert "2002" == await refused(world.alfa.authorize(place=None))
        assert [] == await world.emsp.desk.decisions()

    play(story)


@proves("R35")
def test_a_vehicles_token_says_that_no_operator_may_remember_it() -> None:
    async def story(world: World) -> None:
        await world.bound()
        info = await world.alfa.authorize(VID.upper())
        assert info is not None
        token = info.token
        assert ("NEVER", VEHICLE_TOKEN, VID, ADA, True) == (
            token.whitelist, token.type, token.uid, token.contract_id, token.valid
        )  # fmt: skip
        _, answer, _ = await world.alfa.ask("GET", "tokens")
        assert ["CARD-A"] == [each["uid"] for each in answer["data"]]

    play(story)


@proves("A30")
def test_drivers_are_spoken_to_in_their_language_and_in_english_where_we_have_none() -> None:
    for name in ("confirm", "notAllowed", "inactive", "contract"):
        assert all(text(name, language).language == language for language in LANGUAGES)
        assert ("en", text(name, "en").text) == (text(name, "pl").language, text(name, "pl").text)
        assert all(len(text(name, language).text) <= 512 for language in LANGUAGES)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"blocked": True}, "BLOCKED"),
        ({"credit": Money.of("0.00", "EUR")}, "NO_CREDIT"),
        ({"credit": Money.of("1.00", "EUR")}, "ALLOWED"),
        ({"valid_until": "now"}, "EXPIRED"),
    ],
)
def test_a_contract_that_is_not_in_order_starts_nothing_wherever_it_is(change: dict[str, Any], verdict: str) -> None:
    async def story(world: World) -> None:
        await world.bound()
        now = {name: world.clock.now() for name in change if name == "valid_until"}
        await world.emsp.drivers.set("ada", actor="ann", **(change | now))
        info = await world.alfa.authorize()
        assert info is not None
        assert verdict == info.allowed
        card = await world.alfa.authorize("CARD-A", kind="RFID")
        assert card is not None
        assert verdict == card.allowed
        assert [] == await world.notices("confirm")

    play(story)


def test_cards_are_known_by_uid_and_type_without_regard_to_case() -> None:
    async def story(world: World) -> None:
        await world.driver()
        info = await world.alfa.authorize("card-A", kind="RFID")
        assert info is not None
        assert ("ALLOWED", "CARD-A", "ALLOWED", PARTY.party) == (
            info.allowed, info.token.uid, info.token.whitelist, info.token.party_id
        )  # fmt: skip
        assert info.authorization_reference
        assert await world.alfa.authorize("CARD-A", kind="APP_USER") is None
        assert await world.alfa.authorize("CARD-X", kind="RFID") is None
        await world.emsp.tokens.block("card-a", actor="ann")
        info = await world.alfa.authorize("CARD-A", kind="RFID")
        assert info is not None
        assert ("BLOCKED", False) == (info.allowed, info.token.valid)

    play(story)


def test_a_decision_keeps_no_coordinates() -> None:
    async def story(world: World) -> None:
        await world.bound()
        await world.emsp.phone.set_place("ada", point(POTSDAM), 20)
        world.leap(hours=4)
        await world.alfa.verdict(place="L3")
        said = repr(await decided(world))
        assert not any(digits[:5] in said for place in (BERLIN, POTSDAM, MUNICH) for digits in place)

    play(story)


def test_a_phone_is_let_in_by_its_latest_token_alone() -> None:
    async def story(world: World) -> None:
        await world.driver()
        first = await world.emsp.drivers.issue_login("ada", actor="ann")
        second = await world.emsp.drivers.issue_login("ada", actor="ann")
        await world.restart()
        assert "ada" == (await world.emsp.phone.login(second)).id
        assert "badLogin" == await refused(world.emsp.phone.login(first))
        assert "badLogin" == await refused(world.emsp.phone.login(Secret("")))
        assert second.text() not in repr(await world.store.drivers())

    play(story)


def test_another_driver_on_the_same_vid_is_another_matter() -> None:
    async def story(world: World) -> None:
        await world.bound()
        await world.driver("bob", BOB, "CARD-B")
        await world.emsp.drivers.set("bob", actor="ann", blocked=True)
        assert "ALLOWED" == await world.alfa.verdict()

    play(story)


# ── whatever the checks find ──


class Says:
    """A check that says what a test wants."""

    name, asks = "says", True

    def __init__(self, outcome: Outcome, *, suffices: bool) -> None:
        self.outcome, self.suffices = outcome, suffices

    def judge(self, _case: Case) -> Finding:
        return Finding(check=self.name, outcome=self.outcome, reason="")


SAYINGS = st.lists(st.builds(Says, st.sampled_from(Outcome), suffices=st.booleans()), max_size=6)


@proves("R5", "R6", "A14")
@settings(max_examples=60)
@given(SAYINGS)
def test_allowed_implies_that_a_check_which_suffices_has_passed_and_none_has_failed(checks: list[Any]) -> None:
    case = Case(at=VECTOR_TIME, vid=VID, contract=ADA, partner="alfa", location="L1")
    chosen: tuple[Check, ...] = tuple(checks)
    verdict = decide(case, chosen, Standing(status=AutoChargeStatus.GRANTED))
    vouched = any(each.suffices and each.outcome is Outcome.PASS for each in checks)
    failed = any(each.outcome is Outcome.FAIL for each in checks)
    assert (verdict.allowed is Allowed.ALLOWED) == (vouched and not failed)


def test_thresholds_are_those_of_the_terms() -> None:
    terms = EmspTerms(
        party=PARTY, name="x", base_url=URL, travel_fail=99.0, travel_doubt=50.0, travel_least=7.0, phone_near=10,
        phone_far=20, phone_accuracy=30, phone_age=40.0, starts_per_hour=1, starts_per_day=2, refusals_per_hour=3,
    )  # fmt: skip
    said = repr(checks_of(terms))
    for part in (
        "fail_km_h=99.0", "doubt_km_h=50.0", "near_km=7.0", "near=10", "far=20", "most_inaccurate=30",
        "seconds=40", "per_hour=1", "per_day=2", "refused_per_hour=3",
    ):  # fmt: skip
        assert part in said, part
