"""OCPI as it is served: modules, words and refusals of "Autocharge Roaming", broken one at a time."""

from typing import Final

from tests.mutants import Mutant

__all__ = ["ROAMING_OCPI_SERVER"]

_SERVER: Final = "tests/ocpi/test_server.py::"
_CODEC: Final = "tests/ocpi/test_codec.py::"

ROAMING_OCPI_SERVER: Final = (
    Mutant(
        ("R32", "A12", "A13"),
        "src/evouch/ocpi/server.py",
        "Endpoint(identifier=module, role=role, url=",
        "Endpoint(identifier=module, role=None, url=",
        f"{_SERVER}test_version_details_list_vehicles_and_the_oracle_with_their_interfaces",
    ),
    Mutant(
        ("R32", "A12"),
        "src/evouch/ocpi/server.py",
        "return self._terms.vehicles_for is None or partner.id in",
        "return self._terms.vehicles_for is None or partner.id not in",
        f"{_SERVER}test_an_operator_may_tell_some_partners_only_of_vehicles_and_to_the_others_they_are_not_there",
    ),
    Mutant(
        ("R33", "A8"),
        "src/evouch/ocpi/codec.py",
        "MOST_VID: Final = 64",
        "MOST_VID: Final = 36",
        f"{_CODEC}test_only_the_id_of_a_vehicle_may_be_longer_than_36_characters",
    ),
    Mutant(
        ("R33", "A8"),
        "src/evouch/ocpi/consistency.py",
        'query.get("type") or query.get("token_type")',
        'query.get("token_type")',
        f"{_SERVER}test_a_vehicle_is_authorised_by_its_whole_id_and_its_type_in_either_spelling",
    ),
    Mutant(
        ("R34",),
        "src/evouch/ocpi/discretion.py",
        "return struct if kind != VEHICLE_TOKEN or speaks_vehicles(partner) else None",
        "return struct",
        f"{_SERVER}test_a_partner_without_vehicles_never_sees_the_type_of_their_tokens",
    ),
    Mutant(
        ("A11",),
        "src/evouch/ocpi/envelope.py",
        "in _ERRORS else INVALID",
        "in _ERRORS else SERVER_ERROR",
        f"{_SERVER}test_a_bad_element_is_2001_and_too_many_are_429_with_the_time_to_wait",
    ),
    Mutant(
        ("A11",),
        "src/evouch/ocpi/server.py",
        "if http == TOO_MANY and asked.partner.quirks.limited_with_200:",
        "if http == TOO_MANY:",
        f"{_SERVER}test_a_bad_element_is_2001_and_too_many_are_429_with_the_time_to_wait",
    ),
    Mutant(
        ("A18",),
        "src/evouch/ocpi/consistency.py",
        "if mine is not None and not partner.speaks_for(mine):",
        "if mine is not None and partner.speaks_for(mine) is None:",
        f"{_SERVER}test_a_vehicle_is_put_by_its_id_alone_or_below_its_party_and_only_by_who_owns_it",
    ),
    Mutant(
        ("A21",),
        "src/evouch/ocpi/discretion.py",
        "return version == V230 or partner.quirks.always_capable or speaks_vehicles(partner)",
        "return True",
        f"{_SERVER}test_the_capability_is_shown_to_those_who_can_read_it",
    ),
    Mutant(
        ("A29",),
        "src/evouch/ocpi/codec.py",
        "vehicle.auto_charge_status or AutoChargeStatus.REVOKED.value",
        "vehicle.auto_charge_status or AutoChargeStatus.GRANTED.value",
        f"{_CODEC}test_a_vehicle_without_status_and_last_update_is_revoked_and_has_the_greatest_of_its_dates",
    ),
    Mutant(
        ("S5",),
        "src/evouch/ocpi/routes.py",
        '_row(_C_RECEIVES, "PUT vehicles/{vehicle_id}"',
        '_row(_C_RECEIVES, "PATCH vehicles/{vehicle_id}"',
        f"{_SERVER}test_an_operator_takes_vehicles_by_put_and_nothing_else",
    ),
    Mutant(
        ("S6",),
        "src/evouch/ocpi/routes.py",
        '"POST vehicles/conflict"',
        '"PUT vehicles/conflict"',
        f"{_SERVER}test_an_emsp_lists_registers_is_told_of_conflicts_and_signs_and_nothing_else",
    ),
    Mutant(
        ("S7",),
        "src/evouch/ocpi/pages.py",
        'for name in ("date_from", "date_to"))',
        'for name in ("date_to", "date_from"))',
        "tests/ocpi/test_pages.py::test_a_list_begins_at_date_from_and_ends_before_date_to",
    ),
    Mutant(
        ("S8",),
        "src/evouch/ocpi/routes.py",
        '"POST vehicles", "post_vehicle", m.RegisterVehicle',
        '"POST vehicles", "post_vehicle", m.ConflictNotice',
        f"{_SERVER}test_who_registers_a_vehicle_is_answered_with_the_vehicle",
    ),
    Mutant(
        ("S9",),
        "src/evouch/ocpi/routes.py",
        '"post_conflict", m.ConflictNotice',
        '"post_conflict", m.RegisterVehicle',
        f"{_SERVER}test_a_notice_of_conflict_may_have_a_message_and_is_answered_with_a_text_or_nothing",
    ),
    Mutant(
        ("S10", "A12"),
        "src/evouch/ocpi/routes.py",
        '"POST vehicles/oprf/sign"',
        '"POST vehicles/oprf"',
        f"{_SERVER}test_the_oracle_answers_at_its_own_address_and_below_vehicles",
    ),
)
