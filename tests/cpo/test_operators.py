"""Logins and bearer tokens."""

import asyncio
from unittest.mock import patch

import pytest
from argon2 import PasswordHasher

from evouch.cpo.operators import Operators
from evouch.cpo.registry import Registry
from evouch.errors import Refused
from evouch.ids import KeyBytes, Secret
from evouch.store.memory import MemoryStore
from evouch.testing.clock import ManualClock, SeededEntropy

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def operators(store: MemoryStore | None = None, clock: ManualClock | None = None) -> Operators:
    clock, entropy = clock or ManualClock(), SeededEntropy()
    registry = Registry(store or MemoryStore(), clock, entropy)
    return Operators(registry, clock, entropy, KeyBytes(b"p" * 32), _hasher=QUICK)


def test_the_right_password_logs_in_and_no_other() -> None:
    async def story() -> None:
        people = operators()
        await people.add("ada", Secret("correct horse"), actor="test")
        assert (await people.login("ada", Secret("correct horse"), address="a")).name == "ada"
        for name, password in (("ada", "wrong"), ("bob", "correct horse"), ("", "")):
            with pytest.raises(Refused) as refusal:
                await people.login(name, Secret(password), address="b")
            assert refusal.value.reason == "badLogin"

    asyncio.run(story())


def test_an_unknown_name_takes_the_same_work_as_a_wrong_password() -> None:
    async def story() -> None:
        people = operators()
        await people.add("ada", Secret("correct horse"), actor="test")
        with pytest.raises(Refused):
            await people.login("ada", Secret("wrong"), address="warm up")
        for name in ("ada", "nobody"):
            with (
                patch.object(PasswordHasher, "hash") as hashed,
                patch.object(PasswordHasher, "verify", wraps=QUICK.verify) as verified,
            ):
                with pytest.raises(Refused):
                    await people.login(name, Secret("wrong"), address=name)
                assert (hashed.call_count, verified.call_count) == (0, 1)

    asyncio.run(story())


def test_who_guesses_passwords_is_made_to_wait() -> None:
    async def story() -> None:
        clock = ManualClock()
        people = operators(clock=clock)
        reasons = []
        for _ in range(8):
            with pytest.raises(Refused) as refusal:
                await people.login("ada", Secret("wrong"), address="a")
            reasons.append(refusal.value.reason)
        assert reasons[-1] == "tooManyRequests"
        await clock.advance(60)
        with pytest.raises(Refused, match="badLogin"):
            await people.login("ada", Secret("wrong"), address="a")

    asyncio.run(story())


def test_a_token_opens_until_it_is_revoked_and_survives_a_restart() -> None:
    async def story() -> None:
        store = MemoryStore()
        people = operators(store)
        token = await people.issue("suite", actor="ada")
        found = people.bearer(token)
        assert found is not None
        assert found.name == "suite"
        again = operators(store)
        await again.load()
        assert again.bearer(token) is not None
        assert again.bearer(Secret("evo_other")) is None
        await again.revoke("suite", actor="ada")
        assert again.bearer(token) is None
        assert [row.action for row in await store.audit()] == ["revoke API token", "issue API token"]
        assert token.reveal() not in repr(await store.records(type(found))).encode()

    asyncio.run(story())
