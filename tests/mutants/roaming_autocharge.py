"""What vehicles that start by themselves may do, and what they may not, broken one rule at a time."""

from typing import Final

from tests.mutants import Mutant

__all__ = ["ROAMING_AUTOCHARGE"]

#: What an operator asks, and of whom.
_ASKED: Final = (
    Mutant(
        ("R7", "A15"),
        "src/evouch/autocharge/asking.py",
        "while calls and not bell.done():",
        "while calls:",
        "tests/autocharge/test_asking.py"
        "::test_after_five_seconds_those_that_answered_are_used_and_the_dead_one_is_left",
    ),
    Mutant(
        ("R8",),
        "src/evouch/autocharge/asking.py",
        "SIGN_SECONDS: Final = 5.0",
        "SIGN_SECONDS: Final = 9.0",
        "tests/autocharge/test_asking.py::test_a_single_emsp_is_waited_for_no_longer",
    ),
    Mutant(
        ("A15",),
        "src/evouch/autocharge/asking.py",
        "= blinder.blind(self._entropy)",
        "= blinder.blind(type(self._entropy)())",
        "tests/autocharge/test_asking.py::test_every_emsp_is_sent_another_point_and_another_one_every_time",
    ),
    Mutant(
        ("A15",),
        "src/evouch/autocharge/breaker.py",
        "        circuit.open_until = Tick(at + circuit.pause)\n        return True",
        "        return True",
        "tests/autocharge/test_asking.py::test_while_a_probe_is_on_its_way_nobody_else_waits_for_the_dead",
    ),
    Mutant(
        ("R27",),
        "src/evouch/autocharge/asking.py",
        "            except InvalidElement as error:",
        "            except ZeroDivisionError as error:",
        "tests/autocharge/test_asking.py::test_a_lie_costs_the_liar_alone",
    ),
    Mutant(
        ("R29",),
        "src/evouch/autocharge/mac.py",
        "return -len(rule.prefix) if",
        "return len(rule.prefix) if",
        "tests/autocharge/test_mac.py::test_the_longest_prefix_decides_and_a_pattern_before_it",
    ),
    Mutant(
        ("R30",),
        "src/evouch/autocharge/asking.py",
        "        if not verdict.accepted:",
        "        if verdict is None:",
        "tests/autocharge/test_asking.py::test_nobody_is_asked_about_an_address_that_the_filter_refuses",
    ),
)

#: What a driver has said, and when.
_SAID: Final = (
    Mutant(
        ("R13", "A5"),
        "src/evouch/autocharge/consent.py",
        "authorized=at) if opted_in else new",
        "authorized=at) if owner else new",
        "tests/autocharge/test_consent.py"
        "::test_a_new_vehicle_is_revoked_until_the_driver_accepts_or_has_opted_in_before",
    ),
    Mutant(
        ("R14", "R18"),
        "src/evouch/autocharge/consent.py",
        "_S.REVOKED: {_E.GRANT: _S.GRANTED,",
        "_S.REVOKED: {_E.GRANT: _S.REVOKED,",
        "tests/autocharge/test_consent.py::test_a_grant_makes_it_active_now_and_unsets_the_revocation",
    ),
    Mutant(
        ("R16", "A3"),
        "src/evouch/autocharge/consent.py",
        "authorized=now, revoked=None)",
        "authorized=vehicle.authorized or now, revoked=None)",
        "tests/autocharge/test_consent.py::test_a_grant_on_top_of_a_grant_moves_its_date",
    ),
    Mutant(
        ("R17",),
        "src/evouch/autocharge/consent.py",
        "authorized=now, revoked=None)",
        "authorized=now)",
        "tests/autocharge/test_consent.py::test_a_grant_makes_it_active_now_and_unsets_the_revocation",
    ),
    Mutant(
        ("R15", "R20"),
        "src/evouch/autocharge/consent.py",
        "_S.GRANTED: {_E.GRANT: _S.GRANTED, _E.REVOKE: _S.REVOKED,",
        "_S.GRANTED: {_E.GRANT: _S.GRANTED, _E.REVOKE: _S.GRANTED,",
        "tests/autocharge/test_consent.py::test_a_revocation_makes_it_inactive_now_and_leaves_the_grants_date",
    ),
    Mutant(
        ("R19", "S3"),
        "src/evouch/autocharge/consent.py",
        "status=status, revoked=now)",
        "status=status, revoked=vehicle.revoked or now)",
        "tests/autocharge/test_consent.py::test_a_revocation_makes_it_inactive_now_and_leaves_the_grants_date",
    ),
    Mutant(
        ("R21",),
        "src/evouch/autocharge/consent.py",
        "status=status, revoked=now)",
        "status=status, revoked=now, authorized=None)",
        "tests/autocharge/test_consent.py::test_a_revocation_makes_it_inactive_now_and_leaves_the_grants_date",
    ),
    Mutant(
        ("R22",),
        "src/evouch/autocharge/consent.py",
        "known is None or known.status is AutoChargeStatus.REVOKED",
        "known is None or not known.granted",
        "tests/autocharge/test_consent.py::test_who_does_not_want_to_be_asked_is_not_and_pollers_see_it",
    ),
    Mutant(
        ("A4",),
        "src/evouch/autocharge/consent.py",
        "_E.REVOKE: _S.DO_NOT_ASK,",
        "_E.REVOKE: _S.REVOKED,",
        "tests/autocharge/test_consent.py::test_only_a_grant_ends_do_not_ask",
    ),
    Mutant(
        ("S2", "A28"),
        "src/evouch/autocharge/consent.py",
        "    if event is ConsentEvent.REPEAT:\n        return vehicle",
        "    if event is ConsentEvent.REPEAT:\n        return replace(vehicle, created=at)",
        "tests/autocharge/test_consent.py::test_the_same_vehicle_sent_again_changes_nothing",
    ),
    Mutant(
        ("S4",),
        "src/evouch/autocharge/consent.py",
        "return max(_cut(at), vehicle.last_updated + _STEP)",
        "return _cut(at)",
        "tests/autocharge/test_consent.py"
        "::test_whatever_happens_under_whatever_clock_the_last_word_prevails_and_no_date_runs_back",
    ),
)

#: What an eMSP lets charge, binds and bears.
_JUDGED: Final = (
    Mutant(
        ("R5", "A14"),
        "src/evouch/autocharge/deciding.py",
        "    if not vouching:",
        "    if checks is None:",
        "tests/autocharge/test_deciding.py::test_a_vid_alone_starts_nothing",
    ),
    Mutant(
        ("A14",),
        "src/evouch/autocharge/deciding.py",
        "if found.outcome is Outcome.FAIL]:",
        "if found.outcome is Outcome.FAIL and not case.confirmed]:",
        "tests/autocharge/test_deciding.py::test_a_passed_check_does_not_outweigh_a_failed_one",
    ),
    Mutant(
        ("R6",),
        "src/evouch/autocharge/checks.py",
        "        if km_h > fail:",
        "        if km_h > 100 * fail:",
        "tests/autocharge/test_checks.py::test_the_journey_from_the_last_session_is_possible_doubtful_or_too_fast",
    ),
    Mutant(
        ("A6", "S12"),
        "src/evouch/autocharge/binding.py",
        "    if session.by_vehicle:",
        "    if session.by_vehicle is None:",
        "tests/autocharge/test_binding.py::test_what_shows_nothing_binds_nothing",
    ),
    Mutant(
        ("A28",),
        "src/evouch/autocharge/binding.py",
        "Effect.REPEAT if same else",
        "Effect.REPEAT if token.valid else",
        "tests/autocharge/test_binding.py::test_another_contracts_vehicle_is_not_moved",
    ),
    Mutant(
        ("A16",),
        "src/evouch/autocharge/conflict.py",
        "return latest, -match.priority,",
        "return latest, match.priority,",
        "tests/autocharge/test_conflict.py"
        "::test_the_order_is_the_drivers_latest_word_then_priority_then_speed_then_name",
    ),
    Mutant(
        ("A17",),
        "src/evouch/autocharge/conflict.py",
        "        if (partner, vid) in self._told:",
        "        if partner in self._told:",
        "tests/autocharge/test_conflict.py::test_nobody_is_told_of_the_same_vehicle_twice_a_day",
    ),
    Mutant(
        ("R36",),
        "src/evouch/autocharge/budget.py",
        "in_month < limits.per_month and in_year",
        "in_month < limits.per_month or in_year",
        "tests/autocharge/test_budget.py::test_what_comes_together_in_thirty_days_and_in_a_year_is_capped",
    ),
    Mutant(
        ("R36",),
        "src/evouch/autocharge/watch.py",
        "AlarmKind.FLAT: _share(",
        "AlarmKind.NIGHTS: _share(",
        "tests/autocharge/test_watch.py::test_each_thing_that_is_unlike_an_operator_has_an_alarm",
    ),
)

ROAMING_AUTOCHARGE: Final = (*_ASKED, *_SAID, *_JUDGED)
