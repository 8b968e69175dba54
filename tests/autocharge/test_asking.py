"""One address goes in, one VID per eMSP comes out, and no eMSP can spoil it for the others."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evouch.autocharge.asking import KNOWN_SECONDS, SIGN_SECONDS, Heard
from evouch.autocharge.breaker import BreakerTerms
from evouch.autocharge.mac import MacFilter
from evouch.clock import Tick
from evouch.errors import Offline, Overloaded, PeerFault, PeerGarbled, PeerRefused, TimedOut
from evouch.ids import Mac, Vid
from evouch.oprf.group import InvalidElement
from tests.autocharge.oracles import CAR, Emsp, Plug, dead, evaluator, raising, saying, vid_at
from tests.proofs import proves

#: What is no point: nothing, infinity, a hybrid form, off the curve, x out of range, one octet short.
NO_POINTS = [
    b"", b"\0", b"\0" * 33, b"\x06" + b"\1" * 64, b"\2" + b"\xff" * 32, b"\4" + b"\1" * 64, b"\2" + b"\0" * 31,
]  # fmt: skip


def told(story: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await story()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    asyncio.run(run())


async def anything(vids: Mapping[str, Vid]) -> bool:
    return bool(vids)


def test_each_emsp_has_its_own_vid_of_one_car() -> None:
    async def story() -> None:
        heard = await Plug().ask(Emsp("green"), Emsp("blue"))
        assert heard.vids == {"green": vid_at("green"), "blue": vid_at("blue")}
        assert heard.vids["green"] != heard.vids["blue"]
        assert heard.silent == {}
        assert set(heard.took) == {"green", "blue"}

    told(story)


@proves("A15")
def test_every_emsp_is_sent_another_point_and_another_one_every_time() -> None:
    async def story() -> None:
        plug, emsps = Plug(), [Emsp(f"emsp{number}") for number in range(4)]
        for _ in range(3):
            await plug.ask(*emsps)
        points = [point for each in emsps for point in each.seen]
        assert len(set(points)) == 12
        assert {len(point) for point in points} == {33}

    told(story)


@proves("R7", "A15")
def test_after_five_seconds_those_that_answered_are_used_and_the_dead_one_is_left() -> None:
    async def story() -> None:
        plug = Plug()
        began = plug.clock.tick()
        heard = await plug.ask(Emsp("quick"), plug.slow("slow", 4.9), plug.slow("late", 5.2), Emsp("dead", dead))
        assert plug.clock.tick() - began == pytest.approx(SIGN_SECONDS)
        assert heard.vids == {"quick": vid_at("quick"), "slow": vid_at("slow")}
        assert heard.silent == {"late": "timedOut", "dead": "timedOut"}

    assert SIGN_SECONDS == 5.0
    told(story)


@proves("R8")
def test_a_single_emsp_is_waited_for_no_longer() -> None:
    async def story() -> None:
        plug = Plug()
        began = plug.clock.tick()
        assert (await plug.ask(Emsp("dead", dead), seconds=SIGN_SECONDS)).silent == {"dead": "timedOut"}
        assert plug.clock.tick() - began == pytest.approx(5.0)

    told(story)


def test_when_all_have_answered_nobody_waits_for_the_deadline() -> None:
    async def story() -> None:
        plug = Plug()
        began = plug.clock.tick()
        heard = await plug.ask(Emsp("quick"), plug.slow("slow", 0.7), Emsp("gone", raising(Offline())))
        assert plug.clock.tick() - began == pytest.approx(0.7)
        assert heard.took == {"quick": 0.0, "slow": pytest.approx(0.7)}

    told(story)


def test_nobody_to_ask_is_answered_at_once() -> None:
    async def story() -> None:
        plug = Plug(filter=MacFilter())
        assert await plug.ask() == Heard()
        assert plug.clock.tick() == Plug().clock.tick()

    told(story)


@proves("R27")
@pytest.mark.parametrize("lie", NO_POINTS, ids=lambda point: f"{len(point)}-{point[:1].hex()}")
def test_a_lie_costs_the_liar_alone(lie: bytes) -> None:
    async def story() -> None:
        heard = await Plug().ask(Emsp("liar", saying(lie)), Emsp("good"))
        assert heard.silent == {"liar": "invalidElement"}
        assert heard.vids == {"good": vid_at("good")}
        assert set(heard.took) == {"good"}

    told(story)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TimedOut(), "timedOut"),
        (Offline(), "offline"),
        (Overloaded(), "offline"),
        (PeerRefused("http 429"), "refused"),
        (PeerRefused("2001"), "refused"),
        (PeerFault("2001"), "refused"),
        (PeerGarbled("FormationViolation"), "invalidElement"),
        (InvalidElement(), "invalidElement"),
        (ZeroDivisionError(), "failed"),
    ],
    ids=lambda each: each if isinstance(each, str) else type(each).__name__,
)
def test_whatever_goes_wrong_at_one_is_a_word_and_the_others_are_heard(error: Exception, reason: str) -> None:
    async def story() -> None:
        heard = await Plug().ask(Emsp("bad", raising(error)), Emsp("good"))
        assert heard.silent == {"bad": reason}
        assert heard.vids == {"good": vid_at("good")}

    told(story)


def test_the_form_of_the_answer_makes_no_other_vid() -> None:
    from evouch.oprf.element import uncompress

    async def uncompressed(blinded: bytes, by: Tick) -> bytes:
        return uncompress(evaluator("big").evaluate(blinded))

    async def story() -> None:
        assert (await Plug().ask(Emsp("big", uncompressed))).vids == {"big": vid_at("big")}

    told(story)


@proves("R30")
@pytest.mark.parametrize("digits", ["007DFA123456", "000000000000", "01005E000001", "001122334455"])
def test_nobody_is_asked_about_an_address_that_the_filter_refuses(digits: str) -> None:
    async def story() -> None:
        emsps = [Emsp("a"), Emsp("b")]
        heard = await Plug().ask(*emsps, mac=Mac(bytes.fromhex(digits)))
        assert [each.seen for each in emsps] == [[], []]
        assert (heard.vids, heard.silent, heard.verdict.accepted) == ({}, {}, False)

    told(story)


def test_a_warning_of_the_filter_comes_with_the_vids() -> None:
    async def story() -> None:
        heard = await Plug(filter=MacFilter()).ask(Emsp("a"), mac=Mac(bytes.fromhex("92D50A693F80")))
        assert heard.vids
        assert heard.verdict.warning

    told(story)


@proves("A15")
def test_who_failed_three_times_is_not_asked_until_a_probe_shows_that_it_is_back() -> None:
    async def story() -> None:
        plug, broken = Plug(BreakerTerms(failures=3, pause=30, longest=100)), Emsp("broken", raising(Offline()))
        for _ in range(3):
            assert (await plug.ask(broken)).silent == {"broken": "offline"}
        assert (await plug.ask(broken, Emsp("good"))).silent == {"broken": "open circuit"}
        assert len(broken.seen) == 3
        await plug.clock.advance(30)
        assert (await plug.ask(broken)).silent == {"broken": "offline"}, "the probe"
        await plug.clock.advance(59)
        assert (await plug.ask(broken)).silent == {"broken": "open circuit"}, "the pause has doubled"
        await plug.clock.advance(1)
        broken.behave = None
        assert (await plug.ask(broken)).vids == {"broken": vid_at("broken")}
        assert (await plug.ask(broken)).vids == {"broken": vid_at("broken")}, "closed again"

    told(story)


@proves("A15")
def test_while_a_probe_is_on_its_way_nobody_else_waits_for_the_dead() -> None:
    async def story() -> None:
        plug = Plug(BreakerTerms(failures=1, pause=10))
        await plug.ask(Emsp("dead", dead))
        await plug.clock.advance(10)
        by = Tick(plug.clock.tick() + 5)
        probe = asyncio.create_task(plug.asking.ask(CAR, [Emsp("dead", dead)], by=by))
        await plug.clock.advance(1)
        began = plug.clock.tick()
        heard = await plug.ask(Emsp("dead", dead), Emsp("good"))
        assert plug.clock.tick() == began
        assert heard.silent == {"dead": "open circuit"}
        probe.cancel()

    told(story)


@proves("A15")
def test_a_car_that_somebody_knows_waits_a_second_for_the_others_and_no_longer() -> None:
    async def story() -> None:
        plug = Plug()
        began = plug.clock.tick()
        heard = await plug.ask(
            Emsp("quick"), plug.slow("slow", 0.9), plug.slow("late", 1.5), Emsp("dead", dead), enough=anything
        )
        assert plug.clock.tick() - began == pytest.approx(KNOWN_SECONDS)
        assert set(heard.vids) == {"quick", "slow"}
        assert heard.silent == {"late": "late", "dead": "late"}

    told(story)


def test_a_car_that_becomes_known_later_is_taken_then() -> None:
    async def story() -> None:
        plug = Plug()
        began = plug.clock.tick()
        heard = await plug.ask(plug.slow("late", 2.5), plug.slow("later", 3.5), Emsp("dead", dead), enough=anything)
        assert plug.clock.tick() - began == pytest.approx(2.5)
        assert set(heard.vids) == {"late"}

    told(story)


def test_who_was_not_waited_for_is_still_judged_by_whether_it_answers() -> None:
    async def story() -> None:
        plug = Plug(BreakerTerms(failures=1))
        await plug.ask(Emsp("quick"), plug.slow("late", 2), Emsp("dead", dead), enough=anything)
        assert not plug.asking.breaker.is_open("dead")
        await plug.clock.advance(4)
        assert plug.asking.breaker.is_open("dead")
        assert not plug.asking.breaker.is_open("late")

    told(story)


def test_a_probe_is_waited_for_no_longer_than_a_second_though_nobody_knows_the_car() -> None:
    async def story() -> None:
        plug = Plug(BreakerTerms(failures=1, pause=10))
        await plug.ask(Emsp("dead", dead))
        await plug.clock.advance(10)
        began = plug.clock.tick()
        heard = await plug.ask(Emsp("dead", dead), Emsp("good"))
        assert plug.clock.tick() - began == pytest.approx(KNOWN_SECONDS)
        assert heard.silent == {"dead": "late"}

    told(story)


def test_a_probe_that_answers_late_closes_the_circuit() -> None:
    async def story() -> None:
        plug = Plug(BreakerTerms(failures=1, pause=10))
        await plug.ask(Emsp("back", dead))
        await plug.clock.advance(10)
        await plug.ask(plug.slow("back", 3), Emsp("good"))
        await plug.clock.advance(3)
        assert not plug.asking.breaker.is_open("back")

    told(story)


def test_a_partner_that_refuses_is_there_and_goes_on_being_asked() -> None:
    async def story() -> None:
        plug, strict = Plug(BreakerTerms(failures=1)), Emsp("strict", raising(PeerRefused("http 429")))
        for _ in range(5):
            assert (await plug.ask(strict)).silent == {"strict": "refused"}

    told(story)


def test_lies_open_the_circuit_too() -> None:
    async def story() -> None:
        plug, liar = Plug(BreakerTerms(failures=2)), Emsp("liar", saying(b"\2" + b"\xff" * 32))
        await plug.ask(liar)
        await plug.ask(liar)
        assert (await plug.ask(liar)).silent == {"liar": "open circuit"}
        assert plug.asking.breaker.is_open("liar")

    told(story)


def test_who_asks_and_gives_up_leaves_no_call_behind() -> None:
    async def story() -> None:
        plug = Plug()
        task = asyncio.create_task(plug.asking.ask(CAR, [plug.slow("slow", 3)], by=Tick(plug.clock.tick() + 5)))
        await plug.clock.advance(1)
        task.cancel()
        await plug.clock.advance()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    told(story)


def test_calls_in_flight_and_what_is_heard_hold_no_address() -> None:
    raw = CAR.reveal()

    async def story() -> None:
        plug = Plug()
        task = asyncio.create_task(plug.asking.ask(CAR, [Emsp("dead", dead)], by=Tick(plug.clock.tick() + 5)))
        await plug.clock.advance(1)
        frames = [frame for each in asyncio.all_tasks() - {task, asyncio.current_task()} for frame in each.get_stack()]
        held = [value for frame in frames for value in frame.f_locals.values()]
        assert CAR not in [each for each in held if isinstance(each, Mac)]
        assert not any(raw in each for each in held if isinstance(each, bytes))
        assert all(getattr(plug.asking, name, None) != CAR for name in vars(plug.asking))
        await plug.clock.advance(5)
        heard = await task
        assert all(raw.hex() not in repr(getattr(heard, each.name)) for each in fields(heard))

    told(story)


BEHAVIOURS = ["good", "slow", "late", "dead", "lying", "refusing", "gone"]


@proves("R7", "A15")
@settings(max_examples=40)
@given(st.lists(st.sampled_from(BEHAVIOURS), max_size=8))
def test_in_any_company_the_honest_are_heard_within_the_deadline(company: list[str]) -> None:
    def emsp(plug: Plug, number: int, behaviour: str) -> Emsp:
        name = f"{behaviour}{number}"
        match behaviour:
            case "slow" | "late":
                return plug.slow(name, 3.0 if behaviour == "slow" else 6.0)
            case "dead":
                return Emsp(name, dead)
            case "lying":
                return Emsp(name, saying(NO_POINTS[number % len(NO_POINTS)]))
            case "refusing" | "gone":
                return Emsp(name, raising(PeerRefused("2000") if behaviour == "refusing" else Offline()))
        return Emsp(name)

    async def story() -> None:
        plug = Plug()
        emsps = [emsp(plug, number, behaviour) for number, behaviour in enumerate(company)]
        began = plug.clock.tick()
        heard = await plug.ask(*emsps)
        honest = {each.name for each in emsps if each.name.startswith(("good", "slow"))}
        assert heard.vids == {name: vid_at(name) for name in honest}
        assert set(heard.silent) == {each.name for each in emsps} - honest
        slowest = 5.0 if {"late", "dead"} & set(company) else 3.0 if "slow" in company else 0.0
        assert plug.clock.tick() - began == pytest.approx(slowest)

    told(story)
