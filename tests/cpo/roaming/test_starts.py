"""A car that its eMSP knows starts by itself: announced, delayed, replaced by whoever comes first, never without a yes."""

from evouch.charging import dialogue as d
from evouch.charging.roaming import ChargeState
from evouch.charging.tokens import IdToken, TokenStatus
from tests.cpo.roaming.world import CAR, World, arrive, notices, play, plug, starts, unplug


def test_a_known_car_is_announced_waits_and_starts_by_a_one_time_token() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        vehicle = await place.knows(emsp)
        answer = await arrive(station)
        await place.clock.advance(0)
        assert answer.status is TokenStatus.INVALID
        assert notices(station) == [10]
        assert (await place.charge()).state is ChargeState.ANNOUNCED
        await place.clock.advance(9)
        assert not starts(station)
        await place.clock.advance(2)
        (order,) = starts(station)
        assert len(order.token.value) == 20
        assert order.token.kind == "Central"
        started = await station.start(order.token, remote=order.remote_start)
        assert started.authorization is not None
        assert started.authorization.accepted
        await place.clock.advance(0)
        session = emsp.last
        assert (session.status, session.auth_method, session.authorization_reference) == (
            "PENDING", "AUTH_REQUEST", "REF-1",
        )  # fmt: skip
        assert session.cdr_token.uid == vehicle.vid == emsp.vid(CAR)

    play(story)
