"""The table of routes against the ports: no row without a method, no method without a row."""

from typing import Any

import pytest

from evouch.ocpi.partner import V221, V230, Role
from evouch.ocpi.ports import CpoHandlers, EmspHandlers
from evouch.ocpi.routes import ROUTES, find, rows


@pytest.mark.parametrize(("role", "port"), [(Role.CPO, CpoHandlers), (Role.EMSP, EmspHandlers)])
def test_rows_and_handlers_are_the_same(role: Role, port: Any) -> None:
    named = {row.handler for row in ROUTES if row.role is role}
    assert named == {name for name in vars(port) if not name.startswith("_")}


def test_no_two_rows_of_a_role_meet_the_same_request() -> None:
    calls = [(row.role, row.method, row.path) for row in ROUTES]
    assert len(calls) == len(set(calls))


def test_a_word_comes_before_a_parameter_and_a_parameter_may_be_a_word() -> None:
    conflict = find(Role.EMSP, "vehicles/conflict")
    assert conflict is not None
    assert [row.handler for row in conflict.methods.values()] == ["post_conflict"]
    command = find(Role.CPO, "commands/STOP_SESSION/")
    assert command is not None
    assert command.params(command.methods["POST"]) == {"command": "STOP_SESSION"}
    assert find(Role.CPO, "commands/DANCE") is None
    assert find(Role.CPO, "vehicles") is None


def test_2_2_1_has_no_row_that_its_closed_lists_forbid() -> None:
    missing = {row.path for row in rows(Role.CPO, V230)} - {row.path for row in rows(Role.CPO, V221)}
    assert {path.partition("=")[2] for path in missing} == {"NOTIFY_WEB_PAYMENT_STARTED}", "NOTIFY_WEB_PAYMENT_FAILED}"}
    assert rows(Role.EMSP, V230) == rows(Role.EMSP, V221)
