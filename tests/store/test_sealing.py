"""Secrets at rest: what opens them, and what does not."""

import asyncio
import base64

import pytest

from evouch.ids import KeyBytes, Secret
from evouch.store.ports import Add, Put
from evouch.store.sealing import SealBroken, Sealer
from evouch.testing.clock import SeededEntropy
from tests.proofs import proves
from tests.store.examples import PLACE, SECRET, code, qr_key
from tests.store.examples_roaming import OPRF_KEY, TOKEN_OUT, oprf_key, partner
from tests.store.homes import KEY, SqlHome

OLD, NEW = KeyBytes(b"o" * 32), KeyBytes(b"n" * 32)
PREVIOUS = Secret("the-one-before-that-one")


def _sealer(*keys: KeyBytes) -> Sealer:
    return Sealer(*(keys or (NEW,)), entropy=SeededEntropy())


def test_a_secret_opens_where_it_was_sealed_and_shows_nothing() -> None:
    sealed = _sealer().seal(SECRET, b"here")
    assert _sealer().open(sealed, b"here") == SECRET
    assert SECRET.reveal() not in sealed
    assert len(sealed) == 1 + 4 + 12 + len(SECRET) + 16


def test_sealing_twice_gives_two_texts() -> None:
    sealer = _sealer()
    assert sealer.seal(SECRET, b"here") != sealer.seal(SECRET, b"here")


def test_the_newest_key_seals_and_all_open() -> None:
    sealed = _sealer(OLD).seal(SECRET, b"here")
    both = _sealer(NEW, OLD)
    assert both.open(sealed, b"here") == SECRET
    assert not both.fresh(sealed)
    assert both.fresh(both.seal(SECRET, b"here"))


def test_a_key_that_is_not_at_hand_is_named_by_its_id() -> None:
    sealed = _sealer(OLD).seal(SECRET, b"here")
    with pytest.raises(SealBroken, match=sealed[1:5].hex()):
        _sealer(NEW).open(sealed, b"here")


def test_elsewhere_it_opens_nothing() -> None:
    sealed = _sealer().seal(SECRET, b"here")
    with pytest.raises(SealBroken):
        _sealer().open(sealed, b"there")


@pytest.mark.parametrize("at", [0, 3, 8, 20, -1])
def test_one_changed_byte_opens_nothing(at: int) -> None:
    sealed = bytearray(_sealer().seal(SECRET, b"here"))
    sealed[at] ^= 1
    with pytest.raises(SealBroken):
        _sealer().open(bytes(sealed), b"here")


@pytest.mark.parametrize("length", [0, 1, 5, 16, 17, 32])
def test_a_piece_of_it_opens_nothing(length: int) -> None:
    with pytest.raises(SealBroken):
        _sealer().open(_sealer().seal(SECRET, b"here")[:length], b"here")


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        _sealer(KeyBytes(b"x" * length))


# ── in the database ─────────────────────────────────────────────────────────────────────


def test_no_secret_stands_in_the_database_in_clear(database: SqlHome) -> None:
    async def run() -> None:
        store = await database.open()
        await store.commit(Put(qr_key(SECRET, previous=PREVIOUS)), Add(code("visible-payment")))
        if not database.postgres:
            _check_bytes(b"".join(path.read_bytes() for path in database.path.parent.iterdir()))
        await store.close()
        dump = await database.dump()
        _check_bytes(database.path.read_bytes() if not database.postgres else dump)
        _check_bytes(dump)

    asyncio.run(run())


def _check_bytes(found: bytes) -> None:
    assert b"visible-payment" in found
    for secret in (SECRET, PREVIOUS):
        for spelling in (secret.reveal(), secret.reveal().hex().encode(), secret.reveal()[:8]):
            assert spelling not in found


@proves("R4")
def test_no_key_of_the_oracle_and_no_token_of_a_partner_stands_in_the_database_in_clear(database: SqlHome) -> None:
    async def run() -> None:
        store = await database.open()
        await store.commit(Put(oprf_key("k1")), Put(partner("visible-partner")), Put(partner("silent", token_out=None)))
        await store.commit(Put(partner("visible-partner", evses=2, token_out=TOKEN_OUT), only=("evses", "token_out")))
        assert [one.key for one in await store.oprf_keys()] == [OPRF_KEY]
        assert [one.token_out for one in await store.partners()] == [None, TOKEN_OUT]
        await store.close()
        found = await database.dump() + (b"" if database.postgres else database.path.read_bytes())
        assert b"visible-partner" in found
        for secret in (OPRF_KEY, TOKEN_OUT):
            raw = secret.reveal()
            for spelling in (raw, raw.hex().encode(), base64.b64encode(raw), bytes.fromhex("0b" * 32)):
                assert spelling not in found
        await database.execute("UPDATE oprf_keys SET id = 'another'")
        store = await database.open()
        with pytest.raises(SealBroken):  # a key is sealed for its own row
            await store.oprf_keys()
        await store.close()

    asyncio.run(run())


def test_sealed_secrets_cannot_change_places(database: SqlHome) -> None:
    async def run() -> None:
        store = await database.open()
        await store.commit(Put(qr_key(SECRET, evse=1)), Put(qr_key(PREVIOUS, evse=2, previous=SECRET)))
        await database.execute("UPDATE qr_keys SET secret = (SELECT secret FROM qr_keys WHERE evse = 2) WHERE evse = 1")
        with pytest.raises(SealBroken):
            await store.qr_key(PLACE)
        await database.execute("UPDATE qr_keys SET secret = previous WHERE evse = 2")
        with pytest.raises(SealBroken):
            await store.qr_keys()
        await store.close()

    asyncio.run(run())


def test_a_new_key_seals_all_rows_anew_and_the_old_one_can_go(database: SqlHome) -> None:
    async def run() -> None:
        keys = [qr_key(SECRET, evse=1, previous=PREVIOUS), qr_key(PREVIOUS, evse=2)]
        store = await database.open(OLD)
        await store.commit(*(Put(key) for key in keys), Put(oprf_key("k1")), Put(partner()))
        await store.close()
        for at_hand in ((NEW, OLD), (NEW,)):
            store = await database.open(*at_hand)
            assert await store.qr_keys() == keys
            assert (await store.oprf_keys(), await store.partners()) == ([oprf_key("k1")], [partner()])
            await store.close()

    asyncio.run(run())


def test_a_store_does_not_open_without_the_key_that_sealed_it(database: SqlHome) -> None:
    async def run() -> None:
        store = await database.open(OLD)
        await store.commit(Put(qr_key()))
        await store.close()
        with pytest.raises(SealBroken, match="not at hand") as broken:
            await database.open(KEY)
        assert "every key" in broken.value.advice

    asyncio.run(run())
