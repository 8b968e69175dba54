"""What an eMSP has to do for vehicles that start by themselves, broken one at a time."""

from typing import Final

from tests.mutants import Mutant

__all__ = ["ROAMING_EMSP"]

_CONSENT: Final = "tests/emsp/test_consent.py::"
_BINDING: Final = "tests/emsp/test_binding.py::"
_AUTHORIZING: Final = "tests/emsp/test_authorizing.py::"
_ORACLE: Final = "tests/emsp/test_oracle.py::"
_TOLD: Final = "tests/emsp/test_told.py::"
_KEYS: Final = "tests/emsp/test_keys.py::"
_NEW: Final = "tests/emsp/test_new_partners.py::"

ROAMING_EMSP: Final = (
    # who may charge
    Mutant(
        ("R5", "R6", "A14"),
        "src/evouch/emsp/authorizing.py",
        "verdict = decide(case, self.checks, standing(driver, vehicle.status))",
        "verdict = decide(replace(case, confirmed=True), self.checks, standing(driver, vehicle.status))",
        _AUTHORIZING + "test_a_vid_whose_context_says_nothing_starts_nothing",
    ),
    Mutant(
        ("R6",),
        "src/evouch/emsp/contexts.py",
        "            active=(*map(_past, active.values()), *self._promised(decided, sessions, partner, where)),\n",
        "            active=tuple(map(_past, active.values())),\n",
        _AUTHORIZING + "test_a_vehicle_does_not_charge_at_two_places",
    ),
    Mutant(
        ("R9", "A10"),
        "src/evouch/emsp/authorizing.py",
        "            allowed=verdict.allowed, location=where, token=self",
        "            allowed=Allowed.ALLOWED if yes else Allowed.BLOCKED, location=where, token=self",
        _AUTHORIZING + "test_a_failed_check_is_answered_not_allowed_with_words_for_the_driver",
    ),
    Mutant(
        ("R12", "A9"),
        "src/evouch/emsp/authorizing.py",
        "            token=self.tokens.of_vehicle(vehicle, driver, valid=False), info=",
        "            token=self.tokens.of_vehicle(vehicle, driver, valid=True), info=",
        _AUTHORIZING + "test_a_revoked_vehicle_is_blocked_and_its_token_not_valid",
    ),
    Mutant(
        ("A9",),
        "src/evouch/emsp/authorizing.py",
        'return OcpiRefusal(_UNKNOWN, "unknown token", http=404)',
        'return OcpiRefusal(_UNKNOWN, "unknown token")',
        _AUTHORIZING + "test_a_vid_that_is_not_known_is_404_with_2004",
    ),
    Mutant(
        ("R35",),
        "src/evouch/emsp/tokens.py",
        'whitelist="NEVER"',
        'whitelist="ALLOWED_OFFLINE"',
        _AUTHORIZING + "test_a_vehicles_token_says_that_no_operator_may_remember_it",
    ),
    Mutant(
        ("A30",),
        "src/evouch/emsp/words.py",
        'spoken if spoken in _TEXTS[name] else "en"',
        'spoken if spoken in _TEXTS[name] else "fr"',
        _AUTHORIZING + "test_drivers_are_spoken_to_in_their_language_and_in_english_where_we_have_none",
    ),
    # what the driver says
    Mutant(
        ("R13", "A5"),
        "src/evouch/emsp/enrolling.py",
        "granted = driver.opted_in and offer is Offer.YES",
        "granted = offer is Offer.YES",
        _CONSENT + "test_a_vehicle_is_revoked_until_its_driver_accepts",
    ),
    Mutant(
        ("R14", "R16", "R17", "R18"),
        "src/evouch/emsp/vehicles.py",
        "return await self._change(vehicle, ConsentEvent.GRANT, who)",
        "return await self._change(vehicle, ConsentEvent.REPEAT, who)",
        _CONSENT + "test_a_grant_sets_its_date_to_now_each_time_and_unsets_that_of_the_revocation",
    ),
    Mutant(
        ("R15", "R19", "R20", "R21", "S3"),
        "src/evouch/emsp/vehicles.py",
        "return await self._say(driver, vid, ConsentEvent.REVOKE)",
        "return await self._say(driver, vid, ConsentEvent.REPEAT)",
        _CONSENT + "test_a_revocation_sets_its_date_and_leaves_that_of_the_grant",
    ),
    Mutant(
        ("R22",),
        "src/evouch/emsp/vehicles.py",
        "return await self._say(driver, vid, ConsentEvent.DO_NOT_ASK)",
        "return await self._say(driver, vid, ConsentEvent.REVOKE)",
        _CONSENT + "test_who_does_not_want_to_be_asked_is_not_asked_again",
    ),
    Mutant(
        ("S2", "S4"),
        "src/evouch/emsp/enrolling.py",
        "        if vehicle is None:\n            return",
        "        if vehicle is None or vehicle.contract == driver.contract:\n            return",
        _CONSENT + "test_created_is_the_first_time_an_operator_sent_it_and_the_last_update_the_greatest_date",
    ),
    Mutant(
        ("A28",),
        "src/evouch/emsp/enrolling.py",
        "            await self._ask_both(vehicle, driver, enrolment)\n",
        "            return await self._add(driver, enrolment), False\n",
        _CONSENT + "test_a_vehicle_that_another_contract_claims_stays_where_it_is_and_both_drivers_are_asked",
    ),
    Mutant(
        ("R28", "A20"),
        "src/evouch/emsp/enrolling.py",
        "        elif offer is not Offer.NO:\n",
        "        else:\n",
        _CONSENT + "test_a_driver_whose_model_changes_its_address_is_offered_nothing",
    ),
    # what binds a vehicle
    Mutant(
        ("S8",),
        "src/evouch/emsp/ocpi_handlers.py",
        "return Answer(data=VehicleObject.of(vehicle), http=201 if new else 200)",
        "return Answer(http=201 if new else 200)",
        _BINDING + "test_a_vehicle_is_bound_by_its_session_and_its_token_and_the_answer_is_the_whole_record",
    ),
    Mutant(
        ("A6", "S12"),
        "src/evouch/emsp/enrolling.py",
        "token=BoundToken(contract=token.contract, valid=token.valid)",
        "token=BoundToken(contract=token.contract)",
        _BINDING + "test_what_binds_nothing",
    ),
    Mutant(
        ("A6",),
        "src/evouch/emsp/enrolling.py",
        '            self.book.turns.of(("binding", partner.id, body.session_id)),\n',
        "",
        _BINDING + "test_one_session_binds_one_vehicle_also_when_two_are_sent_at_once",
    ),
    # the oracle
    Mutant(
        ("S10", "R24"),
        "src/evouch/emsp/ocpi_handlers.py",
        "self.oracle.sign(call.partner, call.body.blinded_element)",
        "self.oracle.sign(call.partner, call.body.blinded_element[:66])",
        _ORACLE + "test_an_element_in_either_form_is_answered_in_that_form_and_makes_the_same_vid",
    ),
    Mutant(
        ("R24", "R25", "A11"),
        "src/evouch/emsp/oracle.py",
        'raise OcpiRefusal(INVALID, "blinded_element',
        'raise OcpiRefusal(NOT_NOW, "blinded_element',
        _ORACLE + "test_what_is_no_element_is_refused_with_2001_and_counted",
    ),
    Mutant(
        ("R36", "A11"),
        "src/evouch/emsp/oracle.py",
        "        if wait > 0:\n",
        "        if wait > SUSPENDED_WAIT:\n",
        _ORACLE + "test_who_asks_too_often_is_answered_429_with_the_time_to_wait",
    ),
    Mutant(
        ("R36",),
        "src/evouch/emsp/accounts.py",
        "            self.of(day.partner).keep(day)\n",
        "            self.of(day.partner)\n",
        _ORACLE + "test_a_restart_forgives_nothing",
    ),
    Mutant(
        ("R36",),
        "src/evouch/emsp/oracle.py",
        "        await account.written()\n        return signed",
        "        return signed",
        _ORACLE + "test_a_signature_is_never_given_before_it_is_counted",
    ),
    Mutant(
        ("R36",),
        "src/evouch/emsp/watching.py",
        "await self._take_away(account.partner, serious[0])",
        "pass",
        _ORACLE + "test_a_sweep_is_seen_throttled_and_suspended_and_its_neighbour_goes_on",
    ),
    Mutant(
        ("R36",),
        "src/evouch/emsp/watching.py",
        "frozenset({AlarmKind.RATIO, AlarmKind.GROWTH, AlarmKind.NIGHTS})",
        "frozenset()",
        _NEW + "test_an_honest_operator_that_goes_live_at_a_new_emsp_keeps_its_right_and_its_budget",
    ),
    Mutant(
        ("R36",),
        "src/evouch/autocharge/watch.py",
        "max(terms.ratio_most, elsewhere * terms.ratio_times)",
        "terms.ratio_most",
        _NEW + "test_few_uses_mean_nothing_where_nobody_has_customers_yet",
    ),
    Mutant(
        ("A26",),
        "src/evouch/emsp/desk.py",
        "reason=reason, grace=grace)\n        self._upkeep.retire()\n",
        "reason=reason, grace=grace)\n",
        _KEYS + "test_a_new_key_revokes_the_vehicles_of_the_old_one_tells_their_drivers_and_is_said_to_operators",
    ),
    Mutant(
        ("A26",),
        "src/evouch/emsp/keys.py",
        "        if not await self._read():\n",
        "        if not await self._read() or len(self._keys) == 1:\n",
        _KEYS + "test_the_first_start_makes_a_key_and_every_later_one_uses_it",
    ),
    Mutant(
        ("A26",),
        "src/evouch/emsp/enrolling.py",
        "changed + SETTLES if changed is not None and matters else None",
        "None",
        _KEYS + "test_a_charge_that_may_have_been_named_by_the_key_before_binds_nothing",
    ),
    # what operators tell and read
    Mutant(
        ("R23", "S9", "S14"),
        "src/evouch/emsp/conflicts.py",
        "if vehicle.granted and driver is not None and not await self.notices.told_of(driver.id, vid, ANOTHER_EMSP):",
        "if vehicle.granted and driver is not None:",
        _TOLD + "test_a_conflict_is_told_to_the_driver_once_a_day_whoever_reports_it",
    ),
    Mutant(
        ("S6", "S7", "A31"),
        "src/evouch/emsp/vehicles.py",
        "since=page.since, until=page.until, offset",
        "since=page.since, offset",
        _TOLD + "test_the_list_is_paged_by_last_update_from_inclusive_to_exclusive_and_holds_every_vehicle",
    ),
    Mutant(
        ("A33",),
        "src/evouch/emsp/upkeep.py",
        "self.book.store.vehicle_page(until=before, limit=_MOST)",
        "self.book.store.vehicle_page(limit=_MOST)",
        _TOLD + "test_a_revoked_vehicle_stays_in_the_list_until_operators_had_time_to_see_it",
    ),
)  # fmt: skip
