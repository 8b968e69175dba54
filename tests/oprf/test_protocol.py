"""Client and server together: what comes out, what is fresh, and what nobody gets to see."""

import copy
import ctypes
import pickle
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evouch.errors import LocalError
from evouch.ids import KeyBytes
from evouch.oprf import group as groups
from evouch.oprf import selfcheck
from evouch.oprf.client import Blinder, blind
from evouch.oprf.curve import ORDER
from evouch.oprf.group import GROUPS, Group, GroupName, InvalidElement, open_group
from evouch.oprf.hash_to_curve import add
from evouch.oprf.keys import PrivateKey, random_scalar
from evouch.oprf.server import Evaluator
from evouch.testing.clock import SeededEntropy
from tests.oprf.examples import KEY, ROWS, Spy, blind_of, each_group, raw
from tests.oprf.oracle import IntGroup, P
from tests.spellings import spellings

SCALARS = st.integers(1, ORDER - 1).map(lambda number: KeyBytes(number.to_bytes(32, "big")))


@settings(max_examples=25)
@given(input=st.binary(max_size=40), key=SCALARS, scalar=SCALARS)
def test_all_groups_agree_and_the_round_trip_is_direct_evaluation(
    input: bytes, key: KeyBytes, scalar: KeyBytes
) -> None:
    seen = set()
    for group in (open_group("openssl"), open_group("ecdh"), IntGroup()):
        server = Evaluator(PrivateKey(key), group)
        kept, blinded = Blinder(input, group=group).blind_with(scalar)
        evaluated = server.evaluate(blinded)
        seen.add((blinded, evaluated, kept.finish(evaluated), server.output(input)))

    ((_, _, output, direct),) = seen
    assert direct == output


@settings(max_examples=30)
@given(wide=st.binary(min_size=48, max_size=48))
def test_all_groups_divide_alike(wide: bytes) -> None:
    assert 1 == len({group.reduce(wide) for group in (open_group("openssl"), open_group("ecdh"), IntGroup())})


@each_group
def test_the_two_sides_need_not_have_the_same_group(group: Group) -> None:
    for other in (open_group(name) for name in GROUPS):
        kept, blinded = blind(b"car", SeededEntropy(), group=group)
        assert Evaluator(KEY, other).output(b"car") == kept.finish(Evaluator(KEY, other).evaluate(blinded))


@each_group
def test_every_server_is_sent_another_element_and_all_come_to_their_own_output(group: Group) -> None:
    entropy, car = SeededEntropy(), Blinder(b"car", group=group)
    asked = [car.blind(entropy) for _ in range(20)]
    servers = [Evaluator(PrivateKey.generate(SeededEntropy(f"{number}")), group) for number in range(3)]

    assert 20 == len({blinded for _, blinded in asked})
    for (kept, blinded), server in zip(asked, cycle(servers)):
        assert server.output(b"car") == kept.finish(server.evaluate(blinded))
    assert 3 == len({server.output(b"car") for server in servers})


def test_blinds_are_drawn_until_they_are_scalars() -> None:
    class Unlucky(SeededEntropy):
        draws = iter([bytes(32), ORDER.to_bytes(32, "big"), b"\xff" * 32, b"\x11" * 32])

        def bytes(self, count: int) -> bytes:
            assert count == 32
            return next(self.draws)

    assert KeyBytes(b"\x11" * 32) == random_scalar(Unlucky())


def test_chance_that_gives_no_scalars_is_an_error_of_ours() -> None:
    class Broken(SeededEntropy):
        def bytes(self, count: int) -> bytes:
            return bytes(count)

    with pytest.raises(LocalError):
        random_scalar(Broken())


def test_an_input_has_a_longest() -> None:
    assert 32 == len(Evaluator(KEY).output(bytes(65_535)))
    for compute in (Blinder, Evaluator(KEY).output):
        with pytest.raises(ValueError, match="65535"):
            compute(bytes(65_536))


def test_a_key_is_derived_from_a_seed_of_32_bytes() -> None:
    for seed, info in ((bytes(31), b""), (bytes(33), b""), (bytes(32), bytes(65_536))):
        with pytest.raises(ValueError, match="a seed has 32 bytes"):
            PrivateKey.derive(seed, info)
    assert PrivateKey.derive(KeyBytes(bytes(32)), b"a") != PrivateKey.derive(bytes(32), b"b")


def test_a_derived_key_is_never_zero() -> None:
    class Zeros(Spy):
        def reduce(self, wide: bytes) -> KeyBytes:
            self.used.append("reduce")
            return KeyBytes(bytes(32)) if len(self.used) < 3 else super().reduce(wide)

    spy = Zeros(open_group())
    assert KEY != PrivateKey.derive(bytes(32), group=spy)
    assert 3 == len(spy.used)
    with pytest.raises(LocalError):
        PrivateKey.derive(bytes(32), group=type("Z", (Spy,), {"reduce": lambda *_: KeyBytes(bytes(32))})(open_group()))


def test_the_sum_of_points_has_no_special_cases() -> None:
    point = (0, pow(0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B, (P + 1) // 4, P), 1)
    opposite, infinity = (0, P - point[1], 1), (0, 1, 0)

    assert 0 == add(point, opposite)[2] == add(infinity, infinity)[2]
    x, y, z = add(point, infinity)
    assert (0, point[1]) == (x * pow(z, -1, P) % P, y * pow(z, -1, P) % P)
    assert 0 != add(point, point)[2]


# ── groups ──────────────────────────────────────────────────────────────────────────────


@each_group
def test_an_element_of_another_group_is_an_error_of_ours(group: Group) -> None:
    for stranger in (open_group(name).element(raw(ROWS[0]["BlindedElement"])) for name in GROUPS if name != group.name):
        with pytest.raises(LocalError, match="another group"):
            group.scalar(blind_of(ROWS[0])).times(stranger)


def test_the_group_of_openssl_is_preferred_and_every_group_says_what_computes() -> None:
    assert open_group() is open_group("openssl")
    assert open_group("openssl").library.startswith("OpenSSL ")
    assert open_group("ecdh").library.startswith("cryptography ")


@pytest.fixture
def _nothing_opened() -> Any:
    groups._opened.cache_clear()
    yield
    groups._opened.cache_clear()


@pytest.mark.usefixtures("_nothing_opened")
def test_without_openssl_the_other_group_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evouch.oprf.group_openssl", None)

    assert "ecdh" == open_group().name
    with pytest.raises(LocalError, match="openssl: "):
        open_group("openssl")


class Wrong(Spy):
    """A group whose hash to the curve is of another suite."""

    def hash_to_curve(self, message: bytes, dst: bytes) -> Any:
        return self.real.hash_to_curve(message, dst.replace(b"P256", b"OPRF-P256"))


class Blunt(Spy):
    """A group that refuses everything."""

    def element(self, encoded: bytes) -> Any:
        raise InvalidElement


@pytest.mark.parametrize("kind", [Wrong, Blunt])
@pytest.mark.usefixtures("_nothing_opened")
def test_a_group_that_fails_the_vectors_is_not_used(kind: type[Spy], monkeypatch: pytest.MonkeyPatch) -> None:
    from evouch.oprf import group_ecdh, group_openssl

    made = group_openssl.make()
    monkeypatch.setattr(group_openssl, "make", lambda: kind(made))
    with pytest.raises(LocalError, match="vector 1 of RFC 9497"):
        open_group("openssl")
    assert "ecdh" == open_group().name

    groups._opened.cache_clear()
    monkeypatch.setattr(group_ecdh, "make", lambda: kind(made))
    with pytest.raises(LocalError, match="no group for the OPRF"):
        open_group()


def test_the_vectors_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    open_group()
    monkeypatch.setattr(selfcheck, "_computed", None)
    open_group()


def test_a_failure_leaves_no_error_behind_for_ssl() -> None:
    from evouch.oprf import group_openssl

    with pytest.raises(InvalidElement):
        open_group("openssl").element(b"\x02" + b"\xff" * 32)
    assert 0 == group_openssl._bind("ERR_peek_error", ctypes.c_ulong)()


def test_scalars_of_openssl_are_marked_for_arithmetic_of_constant_time() -> None:
    from evouch.oprf import group_openssl

    flags = group_openssl._bind("BN_get_flags", ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
    scalar = group_openssl.make().scalar(BLIND)
    assert [4, 4] == [flags(each._number.at, group_openssl._CONSTANT_TIME) for each in (scalar, scalar.inverse())]


@each_group
def test_four_threads_share_a_key_and_come_to_the_same(group: Group) -> None:
    server = Evaluator(KEY, group)

    def work(number: int) -> bytes:
        if number % 8 == 0:
            with pytest.raises(InvalidElement):
                server.evaluate(b"\x02" + b"\xff" * 32)
        kept, blinded = blind(b"car", SeededEntropy(f"{number}"), group=group)
        return kept.finish(server.evaluate(blinded))

    with ThreadPoolExecutor(4) as pool:
        assert {server.output(b"car")} == set(pool.map(work, range(80)))


# ── what nobody sees ────────────────────────────────────────────────────────────────────

MAC, BLIND = b"\x98\xed\x5c\x00\x00\x01", KeyBytes(raw(ROWS[0]["Blind"]))


def hidden_in(name: GroupName) -> list[Any]:
    group = open_group(name)
    blinder = Blinder(MAC, group=group)
    kept, _ = blinder.blind_with(BLIND)
    return [KEY, kept, blinder, Evaluator(KEY, group), group.scalar(BLIND), group.hash_to_curve(MAC, b"x")]


SHOWN: list[Callable[[Any], str]] = [
    repr,
    str,
    "{}".format,
    lambda thing: repr([getattr(thing, name, "") for name in getattr(thing, "__slots__", ())]),
    lambda thing: "".join(traceback.format_exception(ValueError(thing))),
]


@pytest.mark.parametrize("name", GROUPS)
def test_no_key_no_blind_and_no_input_is_shown(name: GroupName) -> None:
    secret = spellings(MAC) | spellings(BLIND.reveal()) | spellings(KEY.key_bytes.reveal())
    for thing in hidden_in(name):
        for show in SHOWN:
            assert [] == [each for each in secret if each in show(thing)]


@pytest.mark.parametrize("name", GROUPS)
def test_what_holds_a_secret_is_not_pickled(name: GroupName) -> None:
    for thing in hidden_in(name)[:-1]:
        with pytest.raises(TypeError):
            pickle.dumps(thing)


def test_what_openssl_made_is_not_copied_for_it_is_freed_once() -> None:
    point = open_group("openssl").element(raw(ROWS[0]["BlindedElement"]))
    for make in (copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="never copied"):
            make(point)


def test_what_is_kept_of_an_input_is_a_hash_that_has_begun() -> None:
    kept, _ = Blinder(MAC).blind_with(BLIND)

    assert ("_blind", "_finalize", "_group") == kept.__slots__
    assert not [each for each in (getattr(kept, name) for name in kept.__slots__) if isinstance(each, bytes)]
