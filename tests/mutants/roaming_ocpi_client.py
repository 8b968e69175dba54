"""What an OCPI client owes its partners and itself, broken one at a time."""

from typing import Final

from tests.mutants import Mutant

__all__ = ["ROAMING_OCPI_CLIENT"]

ROAMING_OCPI_CLIENT: Final = (
    Mutant(
        ("R3",),
        "src/evouch/ocpi/client.py",
        "if partner.quirks.uncompressed or partner.id in self._long_form:",
        "if partner.id in self._long_form:",
        "tests/ocpi/test_client.py::test_both_forms_of_an_element_go_over_the_wire_and_give_the_same_vid",
    ),
    Mutant(
        ("A2",),
        "src/evouch/ocpi/client.py",
        'INVALID: Final = "2001"',
        'INVALID: Final = "2002"',
        "tests/ocpi/test_client.py"
        "::test_an_emsp_that_takes_the_long_form_only_is_asked_once_more_in_that_and_then_in_that_alone",
    ),
    Mutant(
        ("R26", "R27"),
        "src/evouch/ocpi/client.py",
        '            raise PeerGarbled(invalid.code, "evaluated_element is neither form of SEC 1") from None\n',
        "            return element if invalid else b''\n",
        "tests/ocpi/test_client.py::test_an_emsp_that_answers_no_point_drops_out_and_the_others_do_not",
    ),
    Mutant(
        ("A12",),
        "src/evouch/ocpi/partners.py",
        'return (below,) if beside == vehicles else (_sign(f"{beside}/oprf"), below)',
        'return (below,) if beside == vehicles else (below, _sign(f"{beside}/oprf"))',
        "tests/ocpi/test_client.py"
        "::test_the_oracle_is_looked_for_at_its_own_endpoint_then_as_configured_then_beside_and_below_vehicles",
    ),
    Mutant(
        ("A12",),
        "src/evouch/ocpi/client.py",
        'if refused.details.get("http") != NOT_FOUND:',
        "if refused.details:",
        "tests/ocpi/test_client.py::test_an_oracle_that_is_only_below_vehicles_is_found_and_remembered",
    ),
    Mutant(
        ("A32",),
        "src/evouch/ocpi/client.py",
        "route=routing(receiver, self._ours.party)",
        "route=routing(None, self._ours.party)",
        "tests/ocpi/test_client.py::test_every_request_of_a_functional_module_is_addressed_to_one_emsp",
    ),
    Mutant(
        ("A32",),
        "src/evouch/ocpi/client.py",
        "receiver = to if to is not None and partner.speaks_for(to) else next(iter(partner.parties), None)",
        "receiver = next(iter(partner.parties), None)",
        "tests/ocpi/test_client.py"
        "::test_of_a_partner_with_several_parties_the_one_that_the_object_belongs_to_is_addressed",
    ),
    Mutant(
        ("A27",),
        "src/evouch/ids.py",
        "return Vid(text.lower())",
        "return Vid(text)",
        "tests/ocpi/test_client.py::test_a_vid_is_sent_in_lower_case_and_read_in_any",
    ),
    Mutant(
        ("A24",),
        "src/evouch/ocpi/pushing.py",
        "        await self._miss(lane, since, failure, wait)\n",
        "        lane.waiting.setdefault(key, (send, since))\n",
        "tests/ocpi/test_pushing.py::test_who_was_away_gets_the_current_state_and_never_the_old_message",
    ),
    Mutant(
        ("A24",),
        "src/evouch/ocpi/pushing.py",
        "pauses: tuple[float, ...] = (1.0, 3.0)",
        "pauses: tuple[float, ...] = ()",
        "tests/ocpi/test_pushing.py::test_a_moment_of_absence_is_bridged_by_a_few_tries_within_seconds",
    ),
    Mutant(
        ("S11", "A24"),
        "src/evouch/ocpi/polling.py",
        "known.sync.watermark - self._terms.overlap",
        "known.sync.watermark",
        "tests/ocpi/test_pushing.py::test_a_list_is_read_again_from_the_latest_change_on_minus_an_overlap",
    ),
    Mutant(
        ("S11",),
        "src/evouch/ocpi/client.py",
        "first_url(endpoint, since), ask, kind",
        "first_url(endpoint, None), ask, kind",
        "tests/ocpi/test_client.py::test_an_emsp_puts_a_vehicle_at_an_operator_and_the_operator_reads_the_list_instead",
    ),
)
