"""Every value of the official vectors, on both sides, by every group; and what wrong implementations come to."""

from typing import Any

import pytest

from evouch.charging.macs import parse_mac
from evouch.oprf import suite
from evouch.oprf.client import blind_with
from evouch.oprf.element import compress, parse_hex, uncompress
from evouch.oprf.group import Group
from evouch.oprf.hash_to_curve import ELEMENT_BYTES, hash_to_field, map_to_curve
from evouch.oprf.keys import PrivateKey
from evouch.oprf.server import Evaluator
from tests.oprf.examples import KEY, MACS, OFFICIAL, ROWS, VECTORS, blind_of, each_group, raw
from tests.oprf.oracle import P
from tests.proofs import proves

each_row = pytest.mark.parametrize("row", ROWS, ids=["vector 1", "vector 2"])
each_mac = pytest.mark.parametrize("row", MACS, ids=[each["encoding"] for each in MACS])
each_hash = pytest.mark.parametrize(
    "row",
    VECTORS["hash_to_curve_RO"]["vectors"],
    ids=[each["msg"][:8] for each in VECTORS["hash_to_curve_RO"]["vectors"]],
)


@proves("A1", "R2")
def test_the_names_in_the_hashes_are_those_of_the_rfc() -> None:
    assert raw(VECTORS["suite"]["HashToGroup_DST_hex"]) == suite.HASH_TO_GROUP
    assert raw(VECTORS["suite"]["DeriveKeyPair_DST_hex"]) == suite.DERIVE_KEY_PAIR
    assert suite.HASH_TO_GROUP.endswith(b"OPRFV1-\x00-P256-SHA256")


@proves("R1")
@each_group
@each_row
def test_the_input_is_hashed_to_the_element_of_the_vector(group: Group, row: dict[str, str]) -> None:
    element = group.hash_to_curve(raw(row["Input"]), suite.HASH_TO_GROUP)

    assert row["HashToGroup_compressed"] == element.encode().hex()
    assert row["HashToGroup_uncompressed"] == element.encode(compressed=False).hex()


@proves("R1")
@each_group
@each_row
def test_the_client_comes_to_what_the_vector_says(group: Group, row: dict[str, str]) -> None:
    kept, blinded = blind_with(raw(row["Input"]), blind_of(row), group=group)

    assert row["BlindedElement"] == blinded.hex()
    assert row["BlindedElement_uncompressed"] == uncompress(blinded, group=group).hex()
    assert row["Output"] == kept.finish(raw(row["EvaluationElement"])).hex()


@proves("R1", "R2")
@each_group
@each_row
def test_the_server_answers_one_element_and_nothing_beside_it(group: Group, row: dict[str, str]) -> None:
    server = Evaluator(KEY, group)

    assert row["EvaluationElement"] == server.evaluate(raw(row["BlindedElement"])).hex()
    assert row["Output"] == server.output(raw(row["Input"])).hex()


@each_group
@each_row
def test_the_unblinded_element_is_that_of_the_vector(group: Group, row: dict[str, str]) -> None:
    unblinded = group.scalar(blind_of(row)).inverse().times(group.element(raw(row["EvaluationElement"])))

    assert row["UnblindedElement_compressed"] == unblinded.encode().hex()


@proves("R3")
@each_group
@each_row
def test_a_server_answers_in_the_form_that_it_was_asked_in(group: Group, row: dict[str, str]) -> None:
    server = Evaluator(KEY, group)

    assert row["EvaluationElement"] == server.evaluate(raw(row["BlindedElement"])).hex()
    assert row["EvaluationElement_uncompressed"] == server.evaluate(raw(row["BlindedElement_uncompressed"])).hex()


@proves("A2", "R3")
@each_group
@each_row
def test_both_forms_of_an_answer_give_the_same_output_for_the_compressed_one_is_hashed(
    group: Group, row: dict[str, str]
) -> None:
    kept, _ = blind_with(raw(row["Input"]), blind_of(row), group=group)
    outputs = {kept.finish(raw(row[name])).hex() for name in ("EvaluationElement", "EvaluationElement_uncompressed")}

    assert {row["Output"]} == outputs
    assert row["WRONG_Output_if_Finalize_uses_uncompressed"] not in outputs


@each_group
def test_the_key_of_the_vector_is_derived_from_its_seed(group: Group) -> None:
    key = PrivateKey.derive(raw(OFFICIAL["seed"]), raw(OFFICIAL["keyInfo"]), group=group)

    assert (KEY, OFFICIAL["skSm"]) == (key, key.key_bytes.reveal().hex())


@each_group
def test_the_public_element_of_the_key_is_that_of_the_vector(group: Group) -> None:
    public = KEY.public(group=group)

    assert VECTORS["public_key_for_skSm"]["compressed"] == public.hex()
    assert VECTORS["public_key_for_skSm"]["uncompressed"] == uncompress(public, group=group).hex()


@each_group
@each_mac
def test_each_spelling_of_an_address_is_another_input(group: Group, row: dict[str, str]) -> None:
    kept, blinded = blind_with(raw(row["Input"]), blind_of(row), group=group)

    assert row["BlindedElement"] == blinded.hex()
    assert row["EvaluationElement"] == Evaluator(KEY, group).evaluate(blinded).hex()
    assert row["Output"] == kept.finish(raw(row["EvaluationElement_uncompressed"])).hex()


@proves("A23")
@pytest.mark.parametrize("text", ["98:ED:5C:00:00:01", "98ed5c000001", "VID:98-ed-5c-00-00-01", "000098ED5C000001"])
def test_the_input_is_six_octets_however_the_address_was_spelt(text: str) -> None:
    mac = parse_mac(text)
    octets, *others = MACS
    assert mac is not None

    output = Evaluator(KEY).output(mac.reveal()).hex()

    assert (octets["Input"], octets["Output"]) == (mac.reveal().hex(), output)
    assert output not in {each["Output"] for each in others}


# ── hash to curve ───────────────────────────────────────────────────────────────────────


def numbers(point: dict[str, str]) -> tuple[int, int]:
    return int(point["x"], 16), int(point["y"], 16)


def affine(fraction: tuple[int, int, int]) -> tuple[int, int]:
    x, y, z = fraction
    return x * pow(z, -1, P) % P, y * pow(z, -1, P) % P


def power(base: int, exponent: int) -> int:
    return pow(base, exponent, P)


@proves("R1")
@each_hash
def test_a_message_is_hashed_through_every_value_of_the_vector(row: dict[str, Any]) -> None:
    suite_of_row = VECTORS["hash_to_curve_RO"]
    fields = hash_to_field(row["msg"].encode(), suite_of_row["dst"].encode())

    assert [int(each, 16) for each in row["u"]] == list(fields)
    assert [numbers(row["Q0"]), numbers(row["Q1"])] == [affine(map_to_curve(each, power)) for each in fields]
    assert (int(suite_of_row["L"], 16), "SSWU", True) == (
        ELEMENT_BYTES,
        suite_of_row["map"]["name"],
        suite_of_row["randomOracle"],
    )


@proves("R1")
@each_group
@each_hash
def test_a_message_is_hashed_to_the_point_of_the_vector(group: Group, row: dict[str, Any]) -> None:
    element = group.hash_to_curve(row["msg"].encode(), VECTORS["hash_to_curve_RO"]["dst"].encode())
    x, y = numbers(row["P"])

    assert f"04{x:064x}{y:064x}" == element.encode(compressed=False).hex()


# ── how elements are written ────────────────────────────────────────────────────────────


@each_row
def test_the_two_forms_are_turned_into_each_other(row: dict[str, str]) -> None:
    short, long = raw(row["BlindedElement"]), raw(row["BlindedElement_uncompressed"])

    assert (short, short) == (compress(short), compress(long))
    assert (long, long) == (uncompress(short), uncompress(long))


@proves("R3")
@each_row
def test_hex_is_read_in_any_case(row: dict[str, str]) -> None:
    for name in ("BlindedElement", "BlindedElement_uncompressed"):
        assert raw(row[name]) == parse_hex(row[name]) == parse_hex(row[name].upper())
