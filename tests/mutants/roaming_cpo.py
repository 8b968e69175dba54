"""What "Autocharge Roaming" asks of an operator, broken one at a time."""

from typing import Final

from tests.mutants import Mutant

__all__ = ["ROAMING_CPO"]

_CPO: Final = "src/evouch/cpo/"
_TESTS: Final = "tests/cpo/roaming/"

ROAMING_CPO: Final = (
    Mutant(
        ("R7",),
        _CPO + "recognising.py",
        "self.clock.tick() + self.terms.sign_time",
        "self.clock.tick() + 60.0",
        _TESTS + "test_recognition.py::test_a_slow_emsp_costs_five_seconds_and_the_others_nothing",
    ),
    Mutant(
        ("R8",),
        _CPO + "recognising.py",
        "self.clock.tick() + self.terms.sign_time",
        "self.clock.tick() + 60.0",
        _TESTS + "test_binding.py::test_an_emsp_that_is_slow_to_sign_costs_the_station_five_seconds",
    ),
    Mutant(
        ("R9", "R12", "A9", "A10"),
        _CPO + "roaming_authorize.py",
        "isinstance(answer, AuthorizationInfo) and answer.verdict is Allowed.ALLOWED",
        "isinstance(answer, AuthorizationInfo)",
        _TESTS + "test_starts.py::test_what_is_not_allowed_starts_nothing",
    ),
    Mutant(
        ("R10", "R11", "A16", "A17"),
        _CPO + "roaming_authorize.py",
        "known = await self.whitelist.granted(heard.vids)",
        "known = (await self.whitelist.granted(heard.vids))[:1]",
        _TESTS + "test_recognition.py"
        "::test_of_two_emsps_that_allow_the_car_the_later_grant_is_charged_with_and_the_other_is_told",
    ),
    Mutant(
        ("A16",),
        _CPO + "roaming_authorize.py",
        "yes = next((each for each in ranked if",
        "yes = next((each for each in ranked[:1] if",
        _TESTS + "test_recognition.py"
        "::test_the_next_in_order_is_taken_where_the_first_does_not_allow_it_and_is_told_all_the_same",
    ),
    Mutant(
        ("R10", "R11", "A16", "A17"),
        _CPO + "roaming_authorize.py",
        'self.conflicts.tell(others(ranked, yes.partner if yes else ""))',
        "self.conflicts.tell([])",
        _TESTS + "test_recognition.py"
        "::test_of_two_emsps_that_allow_the_car_the_later_grant_is_charged_with_and_the_other_is_told",
    ),
    Mutant(
        ("A17", "S14"),
        _CPO + "roaming_authorize.py",
        "if len(ranked) > 1:",
        "if len(ranked) > 1 and yes is not None:",
        _TESTS + "test_recognition.py::test_where_all_that_know_the_car_refuse_it_all_of_them_are_told",
    ),
    Mutant(
        ("A17",),
        _CPO + "roaming_conflicts.py",
        "if self.notified.due(match.partner, match.vehicle.vid, self.clock.now()):",
        "if match.vehicle.granted:",
        _TESTS + "test_recognition.py::test_a_conflict_is_told_once_a_day",
    ),
    Mutant(
        ("R22", "A4"),
        _CPO + "whitelist.py",
        "return worth_binding(await self.store.vehicle(owner, vid), contract)",
        "return True",
        _TESTS + "test_binding.py::test_a_driver_who_does_not_want_to_be_asked_is_not_asked_again",
    ),
    Mutant(
        ("R29", "R30"),
        _CPO + "roaming.py",
        "Asking(g.clock, g.entropy, filter=rules, known=terms.known_time)",
        "Asking(g.clock, g.entropy, known=terms.known_time)",
        _TESTS + "test_recognition.py::test_rules_of_the_operator_stand_before_ours",
    ),
    Mutant(
        ("R31", "A21"),
        _CPO + "roaming_objects.py",
        '"UNLOCK_CAPABLE", m.AUTO_CHARGE_CAPABLE)',
        '"UNLOCK_CAPABLE")',
        _TESTS + "test_published.py::test_who_may_see_it_sees_which_evses_take_part",
    ),
    Mutant(
        ("R31", "A21"),
        _CPO + "roaming.py",
        "show = Show(terms.capable)",
        "show = Show.PARTNERS",
        _TESTS + "test_published.py::test_who_may_see_it_sees_which_evses_take_part",
    ),
    Mutant(
        ("R34",),
        _CPO + "roaming_partners.py",
        "partner.registered and (token_type != VEHICLE_TOKEN or speaks_vehicles(partner))",
        "partner.registered",
        _TESTS + "test_commands.py::test_a_partner_without_the_module_starts_no_car",
    ),
    Mutant(
        ("R38", "A19"),
        _CPO + "sessions.py",
        "judged.token or (fact.token.bare if fact.token is not None else None)",
        "judged.token or fact.token",
        _TESTS + "test_recognition.py::test_the_address_is_in_nothing_that_was_said_or_written",
    ),
    Mutant(
        ("A7", "A25", "S13"),
        _CPO + "whitelist.py",
        "if each.granted and each.vid == vid and partner is not None and partner.speaks_for(each.owner):",
        "if each.granted and each.vid == vid and partner is not None:",
        _TESTS + "test_recognition.py::test_a_vid_is_looked_up_at_the_emsp_that_made_it_and_nowhere_else",
    ),
    Mutant(
        ("A18",),
        _CPO + "whitelist.py",
        "vehicle != before and prevails(vehicle, before)",
        "vehicle != before",
        _TESTS + "test_whitelist.py::test_what_is_older_changes_nothing_and_is_answered_well",
    ),
    Mutant(
        ("A18", "S5", "S11"),
        _CPO + "whitelist.py",
        "return before is None",
        "return False",
        _TESTS + "test_whitelist.py::test_a_new_vehicle_is_201_and_a_known_one_200",
    ),
    Mutant(
        ("S11",),
        _CPO + "roaming.py",
        "                await self.whitelist.take_in(partner, vehicle)\n",
        "",
        _TESTS + "test_whitelist.py::test_a_list_is_read_as_well_and_again_and_holds_no_cards",
    ),
    Mutant(
        ("A18", "A27"),
        _CPO + "whitelist.py",
        "vehicle, named = body.vehicle(), parse_vid(vid)",
        "vehicle, named = body.vehicle(), Vid(vid)",
        _TESTS + "test_whitelist.py::test_the_longer_address_with_country_and_party_is_taken_too",
    ),
    Mutant(
        ("A22",),
        _CPO + "roaming_authorize.py",
        "contract=ContractId(info.token.contract_id),",
        "contract=ContractId(info.token.issuer),",
        _TESTS + "test_sessions.py::test_session_and_bill_of_a_car_name_its_vid_and_go_to_its_emsp_alone",
    ),
    Mutant(
        ("A24",),
        _CPO + "roaming.py",
        "            await self.push.resend(partner, module, since)\n",
        "            return\n",
        _TESTS + "test_sessions.py::test_what_an_emsp_missed_is_sent_as_it_stands_when_it_is_back",
    ),
    Mutant(
        ("A22", "A27"),
        _CPO + "roaming_authorize.py",
        "token_type=VEHICLE_TOKEN,",
        'token_type="OTHER",',
        _TESTS + "test_starts.py::test_a_known_car_is_announced_waits_and_starts_by_a_one_time_token",
    ),
)
