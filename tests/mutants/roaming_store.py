"""What has to be kept of vehicles, pages and keys, broken one at a time."""

from typing import Final

from tests.mutants import Mutant

__all__ = ["ROAMING_STORE"]

ROAMING_STORE: Final = (
    Mutant(
        ("S1",),
        "src/evouch/store/sql_write.py",
        "if column.name not in mapping.key]",
        'if column.name not in {*mapping.key, "revoked"}]',
        "tests/store/test_roaming.py::test_a_vehicle_is_read_as_it_was_written_with_and_without_its_dates[sqlite]",
    ),
    Mutant(
        ("S7",),
        "src/evouch/store/sql_asking.py",
        'moment < sa.bindparam("until")',
        'moment <= sa.bindparam("until")',
        "tests/store/test_roaming.py::test_a_page_holds_what_changed_from_one_moment_on_and_before_another[sqlite]",
    ),
    Mutant(
        ("S7",),
        "src/evouch/store/sql_asking.py",
        'moment >= sa.bindparam("since")',
        'moment > sa.bindparam("since")',
        "tests/store/test_roaming.py::test_vehicles_are_paged_by_the_greatest_of_their_dates[sqlite]",
    ),
    Mutant(
        ("S13", "A25"),
        "src/evouch/store/records.py",
        '    Vehicle: ("owner", "vid"),\n',
        '    Vehicle: ("vid",),\n',
        "tests/store/test_roaming.py::test_a_vehicle_of_one_emsp_is_not_that_of_another_with_the_same_id[memory]",
    ),
    Mutant(
        ("R4",),
        "src/evouch/store/mapping.py",
        "wire.encode([self.name, column, *(row[name] for name in self.key)])",
        "wire.encode([self.name, column])",
        "tests/store/test_sealing.py"
        "::test_no_key_of_the_oracle_and_no_token_of_a_partner_stands_in_the_database_in_clear[sqlite]",
    ),
)
