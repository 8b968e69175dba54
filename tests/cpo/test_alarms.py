"""Security events of a flood: a bounded number of rows, and the number is not lost."""

from structlog.testing import capture_logs

from evouch.cpo import alarms as module
from evouch.ids import StationId
from evouch.testing.town import Town
from tests.cpo.hand import Hand
from tests.cpo.unproven import CS, events, known, told
from tests.proofs import proves


@proves("M21")
def test_a_flood_of_one_kind_is_a_handful_of_rows_and_a_sum() -> None:
    async def story(town: Town) -> None:
        for n in range(10_000):
            town.cpo.alarms.sound("AttemptedReplayAttacks", CS, f"number {n}")
        assert len(await events(town)) == module.AT_ONCE
        await town.wait(module.PERIOD + 1)
        rows = await events(town)
        assert len(rows) == module.AT_ONCE + 1
        assert rows[-1].detail == f"{10_000 - module.AT_ONCE} more within 60 minutes"
        town.cpo.alarms.sound("AttemptedReplayAttacks", CS, "later")
        assert (await events(town))[-1].detail == "later"

    told(story)


def test_whoever_reads_only_the_log_sees_them_too_without_a_strangers_words() -> None:
    async def story(town: Town) -> None:
        with capture_logs() as lines:
            town.cpo.alarms.sound("AttemptedReplayAttacks", CS, "words of a stranger")
            town.cpo.alarms.sound("station: words of its own", CS)
        found = [(line["log_level"], line["kind"], line["station"]) for line in lines]
        assert found == [("warning", "AttemptedReplayAttacks", CS), ("warning", module.OTHER, CS)]
        assert "words" not in str(lines)

    told(story)


def test_names_that_nobody_registered_count_as_one() -> None:
    async def story(town: Town) -> None:
        for n in range(1000):
            town.cpo.alarms.sound("InvalidMessages", StationId(f"INVENTED-{n}"), "")
        assert len(await events(town)) == module.AT_ONCE
        await town.wait(module.PERIOD + 1)
        assert len(await events(town)) == module.AT_ONCE + 1

    told(story)


@proves("M21")
def test_kinds_that_a_station_makes_up_are_bounded_too() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        for n in range(200):
            event = {"type": f"kind {n}", "timestamp": "2024-05-23T00:23:05Z"}
            assert await hand.ask("SecurityEventNotification", event) == [{}]
        await town.wait(1)
        rows = await events(town)
        assert len(rows) == module.KINDS + module.AT_ONCE
        assert len({row.kind for row in rows}) == module.KINDS + 1

    told(story, key=False)


def test_stations_do_not_count_for_each_other() -> None:
    async def story(town: Town) -> None:
        for n in range(30):
            await known(town, f"CS-{n}", key=False)
            town.cpo.alarms.sound("InvalidMessages", StationId(f"CS-{n}"), "")
        assert len(await events(town)) == 30

    told(story)
