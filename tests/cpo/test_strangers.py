"""Whoever knocks under names that nobody registered leaves nothing behind in the operator's memory."""

from collections.abc import Iterator
from typing import Any

from evouch.testing.town import Town
from tests.cpo.hand import Hand, stop
from tests.cpo.unproven import told

#: More than any list of an operator with one station is long.
MANY = 150


def _grown(owner: Any, seen: set[int]) -> Iterator[str]:
    """Yield the name of every collection with ``MANY`` members or more, among an actor's parts and theirs."""
    names = [name for cls in type(owner).__mro__ for name in getattr(cls, "__slots__", ())]
    for name in {*names, *getattr(owner, "__dict__", {})}:
        part = getattr(owner, name, None)
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, dict | set | list) and len(part) >= MANY:
            yield f"{type(owner).__name__}.{name}: {len(part)}"
        if type(part).__module__.startswith("evouch.cpo."):
            yield from _grown(part, seen)


def test_connections_under_invented_names_leave_nothing_in_memory() -> None:
    async def story(town: Town) -> None:
        for number in range(MANY):
            hand = await Hand(town, id=f"INVENTED-{number}").open()
            await hand.boot()
            hand.send("StopTransaction", stop(3))
            await hand.hang_up()
        await town.wait(4000)
        assert list(_grown(town.cpo, set())) == []
        assert await town.cpo.store.quarantined(open=False) == []

    told(story, key=False, require="all")


def test_the_search_finds_what_has_grown() -> None:
    async def story(town: Town) -> None:
        town.cpo.presence._said |= {f"CS-{n}": {} for n in range(MANY)}  # type: ignore[misc]
        assert list(_grown(town.cpo, set())) == [f"Presence._said: {MANY}"]

    told(story, key=False)
