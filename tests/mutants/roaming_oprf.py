"""The OPRF of Autocharge, broken one property at a time: its suite, its forms, its refusals."""

from typing import Final

from tests.mutants import Mutant

__all__ = ["ROAMING_OPRF"]

ROAMING_OPRF: Final = (
    Mutant(
        ("A1",),
        "src/evouch/oprf/suite.py",
        'IDENTIFIER: Final = b"P256-SHA256"',
        'IDENTIFIER: Final = b"OPRF-P256-SHA256"',
        "tests/oprf/test_vectors.py::test_the_names_in_the_hashes_are_those_of_the_rfc",
    ),
    Mutant(
        ("R1",),
        "src/evouch/oprf/hash_to_curve.py",
        "y = (FIELD - y, y)[(u ^ y) & 1 == 0]",
        "y = (y, FIELD - y)[(u ^ y) & 1 == 0]",
        "tests/oprf/test_vectors.py::test_a_message_is_hashed_through_every_value_of_the_vector",
    ),
    Mutant(
        ("R2",),
        "src/evouch/oprf/suite.py",
        'b"OPRFV1-\\x00-"',
        'b"OPRFV1-\\x01-"',
        "tests/oprf/test_vectors.py::test_the_names_in_the_hashes_are_those_of_the_rfc",
    ),
    Mutant(
        ("R3",),
        "src/evouch/oprf/server.py",
        "compressed=len(blinded) == COMPRESSED",
        "compressed=True",
        "tests/oprf/test_vectors.py::test_a_server_answers_in_the_form_that_it_was_asked_in",
    ),
    Mutant(
        ("A2", "R3"),
        "src/evouch/oprf/client.py",
        "self._blind.inverse().times(element).encode())",
        "self._blind.inverse().times(element).encode(compressed=len(evaluated) == 33))",
        "tests/oprf/test_vectors.py"
        "::test_both_forms_of_an_answer_give_the_same_output_for_the_compressed_one_is_hashed",
    ),
    Mutant(
        ("R4",),
        "src/evouch/oprf/curve.py",
        "_ZERO < raw < _ORDER",
        "_ZERO < raw <= _ORDER",
        "tests/oprf/test_refusals.py::test_what_is_no_scalar_becomes_no_key",
    ),
    Mutant(
        ("R4",),
        "src/evouch/oprf/group_openssl.py",
        "        if not is_scalar(raw):\n",
        "        if len(raw) != 32:\n",
        "tests/oprf/test_refusals.py::test_what_is_no_scalar_becomes_no_blind",
    ),
    Mutant(
        ("R24", "R25"),
        "src/evouch/oprf/sec1.py",
        "(UNCOMPRESSED, 4)})",
        "(UNCOMPRESSED, 4), (UNCOMPRESSED, 7), (1, 0)})",
        "tests/oprf/test_refusals.py::test_a_server_refuses_what_is_no_point_and_does_not_touch_its_key",
    ),
    Mutant(
        ("R25",),
        "src/evouch/oprf/group_openssl.py",
        "            _clear_errors()\n            raise InvalidElement\n",
        "            _clear_errors()\n",
        "tests/oprf/test_refusals.py::test_a_server_refuses_what_is_no_point_and_does_not_touch_its_key",
    ),
    Mutant(
        ("R26",),
        "src/evouch/oprf/client.py",
        "element = self._group.element(evaluated)",
        "element = self._group.element(evaluated[:65])",
        "tests/oprf/test_refusals.py::test_a_client_refuses_what_is_no_point_and_does_not_touch_its_blind",
    ),
    Mutant(
        ("A23",),
        "src/evouch/charging/macs.py",
        "Mac(bytes.fromhex(found[1]))",
        "Mac(found[1])",
        "tests/oprf/test_vectors.py::test_the_input_is_six_octets_however_the_address_was_spelt",
    ),
)
