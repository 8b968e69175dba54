"""What is no point is refused before a key or a blind is used; what is no scalar never becomes a key."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evouch.errors import PeerFault
from evouch.ids import KeyBytes, Secret
from evouch.oprf.client import blind_with
from evouch.oprf.curve import GENERATOR
from evouch.oprf.element import compress, parse_hex, uncompress
from evouch.oprf.group import GROUPS, Group, InvalidElement, open_group
from evouch.oprf.keys import PrivateKey
from evouch.oprf.server import Evaluator
from tests.oprf.examples import KEY, ROWS, VECTORS, Spy, blind_of, cases, each_group, raw
from tests.oprf.oracle import IntGroup, decoded
from tests.proofs import proves


@proves("R24", "R25")
@each_group
@cases("negative_points")
def test_a_server_refuses_what_is_no_point_and_does_not_touch_its_key(group: Group, encoded: bytes) -> None:
    spy = Spy(group)
    server = Evaluator(KEY, spy)

    with pytest.raises(InvalidElement) as caught:
        server.evaluate(encoded)

    assert [] == spy.used
    assert isinstance(caught.value, PeerFault)
    assert caught.value.code == "invalidElement"


@proves("R26")
@each_group
@cases("negative_points")
def test_a_client_refuses_what_is_no_point_and_does_not_touch_its_blind(group: Group, encoded: bytes) -> None:
    spy = Spy(group)
    kept, _ = blind_with(b"car", blind_of(ROWS[0]), group=spy)
    spy.used.clear()

    with pytest.raises(InvalidElement):
        kept.finish(encoded)

    assert [] == spy.used


@each_group
@cases("positive_points")
def test_points_at_the_edges_are_points(group: Group, encoded: bytes) -> None:
    evaluated = Evaluator(KEY, group).evaluate(encoded)

    assert Evaluator(KEY, IntGroup()).evaluate(encoded) == evaluated
    assert len(encoded) == len(evaluated)


@proves("R24", "R25")
def test_every_refusal_says_the_same() -> None:
    server = Evaluator(KEY)
    said = set()
    for each in VECTORS["negative_points"]:
        with pytest.raises(InvalidElement) as caught:
            server.evaluate(raw(each["encoded"]))
        said.add((str(caught.value), caught.value.__cause__))

    assert 1 == len(said)


BASE = raw(VECTORS["positive_points"][1]["encoded"])
ENCODED = [
    GENERATOR,
    BASE,
    *(raw(each[name]) for each in ROWS for name in ("BlindedElement", "EvaluationElement_uncompressed")),
]


@st.composite
def mutilated(draw: st.DrawFn) -> bytes:
    """A point with some of its bytes changed, removed or added."""
    point = bytearray(draw(st.sampled_from(ENCODED)))
    for place, mask in draw(st.lists(st.tuples(st.integers(0, len(point) - 1), st.integers(0, 255)), max_size=2)):
        point[place] ^= mask
    cut = draw(st.integers(0, len(point)) | st.just(len(point)))
    return bytes(point[:cut]) + draw(st.binary(max_size=2) | st.just(b""))


@proves("R24", "R25", "R26")
@given(encoded=mutilated(), name=st.sampled_from(GROUPS))
@example(encoded=b"\x07" + BASE[1:], name="openssl")
def test_a_mutilated_point_is_refused_with_the_key_unused_or_is_another_point(encoded: bytes, name: str) -> None:
    spy = Spy(open_group(name))  # type: ignore[arg-type]
    server = Evaluator(KEY, spy)
    if decoded(encoded) is None:
        with pytest.raises(InvalidElement):
            server.evaluate(encoded)
        assert [] == spy.used
    else:
        assert Evaluator(KEY, IntGroup()).evaluate(encoded) == server.evaluate(encoded)


@pytest.mark.parametrize(
    "text",
    [
        "", "03", f"{GENERATOR.hex()[:-1]}", f"{GENERATOR.hex()}0", f" {GENERATOR.hex()}", f"{GENERATOR.hex()}\n",
        f"0x{GENERATOR.hex()[2:]}", GENERATOR.hex(" "), f"{GENERATOR.hex()[:-1]}g", f"{GENERATOR.hex()[:-1]}٣",
        f"{GENERATOR.hex()[:-1]}\uff13", "3_" * 33,
        "-" + GENERATOR.hex()[1:], "00" * 32, "00" * 34, "00" * 64, "00" * 66,
    ],
)  # fmt: skip
def test_only_the_digits_of_one_of_the_two_lengths_are_hex(text: str) -> None:
    with pytest.raises(InvalidElement):
        parse_hex(text)


@cases("negative_points")
def test_what_is_no_point_has_no_other_form(encoded: bytes) -> None:
    with pytest.raises(InvalidElement):
        uncompress(encoded)


def test_only_the_two_forms_are_compressed() -> None:
    for form in (b"", b"\x00", b"\x07" + bytes(64), b"\x04" + bytes(32), bytes(33)):
        with pytest.raises(InvalidElement):
            compress(form)


# ── scalars ─────────────────────────────────────────────────────────────────────────────


@proves("R4")
@cases("negative_scalars")
def test_what_is_no_scalar_becomes_no_key(encoded: bytes) -> None:
    with pytest.raises(ValueError, match="between 1 and n - 1"):
        PrivateKey.from_bytes(encoded)
    with pytest.raises(ValueError, match="64 hex digits"):
        PrivateKey.from_hex(encoded.hex())


@proves("R4")
@each_group
@cases("negative_scalars")
def test_what_is_no_scalar_becomes_no_blind(group: Group, encoded: bytes) -> None:
    with pytest.raises(ValueError, match="between 1 and n - 1"):
        blind_with(b"car", KeyBytes(encoded), group=group)


@proves("R4")
@each_group
@cases("positive_scalars")
def test_scalars_at_the_edges_are_written_and_read_with_their_zeros_and_multiply_right(
    group: Group, encoded: bytes
) -> None:
    key = PrivateKey.from_bytes(encoded)

    assert (
        PrivateKey.from_hex(key.key_bytes.reveal().hex().upper()) == key == PrivateKey.from_hex(Secret(encoded.hex()))
    )
    assert encoded == key.key_bytes.reveal()
    for point in ENCODED[:3]:
        assert Evaluator(key, IntGroup()).evaluate(point) == Evaluator(key, group).evaluate(point)


@each_group
@cases("positive_scalars")
def test_blinds_at_the_edges_come_off_again(group: Group, encoded: bytes) -> None:
    kept, blinded = blind_with(b"car", KeyBytes(encoded), group=group)
    server = Evaluator(KEY, group)

    assert server.output(b"car") == kept.finish(server.evaluate(blinded))


@pytest.mark.parametrize(
    "text", ["", "1" * 63, "1" * 65, " " + "1" * 63, "1" * 63 + "\n", "0x" + "1" * 62, "1" * 63 + "g"]
)
def test_a_key_is_exactly_64_digits(text: str) -> None:
    with pytest.raises(ValueError, match="64 hex digits"):
        PrivateKey.from_hex(text)
