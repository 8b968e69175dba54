"""Roaming between real actors: what stories of the whole way notice."""

from typing import Final

from tests.mutants import Mutant

__all__ = ["ROAMING_STORIES"]

_STORIES: Final = "tests/stories/test_autocharge.py::"
_FAILING: Final = "tests/stories/test_autocharge_when_things_fail.py::"
_NOWHERE: Final = "tests/stories/test_the_address_stays_inside.py::"
_WHOLE_WAY: Final = f"{_STORIES}test_a_new_car_is_bound_and_then_starts_by_itself_at_another_operator"

ROAMING_STORIES: Final = (
    Mutant(
        ("A15",),
        "src/evouch/autocharge/asking.py",
        "kept[each.name], sent[each.name] = blinder.blind(self._entropy)",
        "kept[each.name], sent[each.name] = next(zip(kept.values(), sent.values()), blinder.blind(self._entropy))",
        _WHOLE_WAY,
    ),
    Mutant(
        ("A22",),
        "src/evouch/cpo/roaming_authorize.py",
        "token_type=VEHICLE_TOKEN, contract=ContractId(info.token.contract_id),",
        'token_type="OTHER", contract=ContractId(info.token.contract_id),',
        _WHOLE_WAY,
    ),
    Mutant(
        ("S13",),
        "src/evouch/cpo/whitelist.py",
        "        return await self.keep(vehicle)\n\n",
        "        return True\n\n",
        _WHOLE_WAY,
    ),
    Mutant(
        ("A25",),
        "src/evouch/cpo/roaming_binding.py",
        "self.places.held(place).get(charge.partner) if place",
        "next(iter(self.places.held(place).values())) if place",
        f"{_STORIES}test_each_emsp_has_a_name_of_its_own_for_the_same_car",
    ),
    Mutant(
        ("A7",),
        "src/evouch/emsp/circle.py",
        "VehicleObject.of(vehicle), by",
        'VehicleObject.of(__import__("dataclasses").replace(vehicle, contract='
        "(await self.book.store.enrolment(vid)).token_uid)), by",
        f"{_STORIES}test_other_operators_learn_which_car_but_not_which_card_bound_it",
    ),
    Mutant(
        ("R22",),
        "src/evouch/cpo/whitelist.py",
        "return worth_binding(await self.store.vehicle(owner, vid), contract)",
        "return True",
        f"{_STORIES}test_a_driver_who_does_not_want_to_be_asked_never_is_again",
    ),
    Mutant(
        ("S11", "A24"),
        "src/evouch/emsp/circle.py",
        'self.partners.with_module("vehicles", "RECEIVER"):',
        'self.partners.with_module("vehicles", "RECEIVER")[:1]:',
        f"{_STORIES}test_a_revoked_car_starts_nowhere_also_where_the_operator_was_away",
    ),
    Mutant(
        ("A24",),
        "src/evouch/emsp/circle.py",
        '        if module == "vehicles":\n',
        '        if module == "none":\n',
        f"{_STORIES}test_an_operator_that_was_away_is_sent_what_is_so_now_and_not_what_was_said_meanwhile",
    ),
    Mutant(
        ("A28",),
        "src/evouch/emsp/enrolling.py",
        "            await self._ask_both(vehicle, driver, enrolment)\n",
        "            await self._add(driver, enrolment)\n",
        f"{_STORIES}test_a_car_that_changes_hands_is_moved_by_its_new_drivers_word_and_not_before",
    ),
    Mutant(
        ("R11", "A17", "S14"),
        "src/evouch/cpo/roaming_authorize.py",
        'self.conflicts.tell(others(ranked, yes.partner if yes else ""))',
        "self.conflicts.tell([each for each in ranked if each is yes])",
        f"{_FAILING}test_of_two_emsps_that_know_a_car_one_is_charged_and_the_other_told_of_its_own_car_only",
    ),
    Mutant(
        ("R37", "R38", "A19"),
        "src/evouch/cpo/recognising.py",
        "vendor=heard.verdict.vendor)",
        "vendor=mac.reveal().hex())",
        f"{_NOWHERE}test_after_all_flows_and_every_kind_of_failure_the_address_is_nowhere",
    ),
    Mutant(
        ("R37", "A19"),
        "src/evouch/autocharge/asking.py",
        "        verdict = self.filter.judge(mac)\n",
        "        self._last, verdict = mac, self.filter.judge(mac)\n",
        f"{_NOWHERE}test_after_all_flows_and_every_kind_of_failure_the_address_is_nowhere",
    ),
)
