"""A store that fails on purpose fails where it says, and leaves behind what it says."""

import asyncio

import pytest

from evouch.store.memory import MemoryStore
from evouch.store.ports import Add, StoreFailed
from evouch.testing.faulty_store import FaultyStore
from tests.store.examples import PLACE, code


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("stays_down", [False, True])
def test_the_chosen_commit_fails_before_or_after_it_was_kept(kept: bool, stays_down: bool) -> None:
    async def run() -> None:
        beneath = MemoryStore()
        store = FaultyStore(beneath, fail_at=2, kept=kept, stays_down=stays_down)
        await store.commit(Add(code("one", 1)))
        with pytest.raises(StoreFailed):
            await store.commit(Add(code("two", 2)))
        assert store.failed
        if stays_down:
            with pytest.raises(StoreFailed):
                await store.commit(Add(code("three", 3)))
            with pytest.raises(StoreFailed):
                await store.next_number()
        else:
            await store.commit(Add(code("three", 3)))
            assert await store.next_number() == 1
        found = [await beneath.code_taken(PLACE, slot) for slot in (1, 2, 3)]
        assert found == ["one", "two" if kept else None, None if stays_down else "three"]
        assert store.commits == 3

    asyncio.run(run())
