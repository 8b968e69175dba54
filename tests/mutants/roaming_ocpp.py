"""Addresses of cars on OCPP: what keeps them out of everything that is kept, broken one at a time."""

from typing import Final

from tests.mutants import Mutant

__all__ = ["ROAMING_OCPP"]

_EVIDENCE: Final = "tests/ocpp/test_redaction.py::test_what_is_kept_of_a_message_names_no_car_in_any_spelling"
_ANY_FRAME: Final = "tests/ocpp/test_redaction.py::test_no_frame_that_names_a_car_comes_out_as_evidence"
_BROKEN: Final = (
    "tests/ocpp/test_redaction.py::test_neither_error_nor_log_repeats_the_car_of_a_message_that_broke_a_rule"
)
_REPORT: Final = (
    "tests/ocpp/test_vehicles.py::test_a_report_of_the_device_model_comes_without_the_car_that_is_connected"
)

ROAMING_OCPP: Final = (
    Mutant(
        ("R37", "R38", "A19"),
        "src/evouch/ocpp/conversation.py",
        "self._evidence(kept(call.action, call.payload, call.frame))",
        "self._evidence(call.frame)",
        _EVIDENCE,
    ),
    Mutant(
        ("R37", "R38", "A19"),
        "src/evouch/ocpp/alike.py",
        "Noted(action=action, payload=hidden(payload))",
        "Noted(action=action, payload=payload)",
        _EVIDENCE,
    ),
    Mutant(
        ("R37", "R38", "A19"),
        "src/evouch/ocpp/redaction.py",
        '    if _plain(node.get("type")) in _KINDS:\n',
        '    if node.get("type") == "EVCCID":\n',
        _ANY_FRAME,
    ),
    Mutant(
        ("R37", "R38", "A19"),
        "src/evouch/ocpp/redaction.py",
        'b"signed", b"\\\\u")',
        'b"signed")',
        _ANY_FRAME,
    ),
    Mutant(
        ("R37", "A19"),
        "src/evouch/ocpp/refusals.py",
        "shown = hidden(request, doubtful=True)",
        "shown = request",
        _BROKEN,
    ),
    Mutant(
        ("R37", "A19"),
        "src/evouch/ocpp/conversation.py",
        "action = masked(event.action)",
        "action = event.action",
        _BROKEN,
    ),
    Mutant(
        ("A19",),
        "src/evouch/ocpp/frames.py",
        "masked(description)[:MAX_DESCRIPTION]",
        "description[:MAX_DESCRIPTION]",
        "tests/ocpp/test_redaction.py::test_an_error_of_a_station_that_quotes_a_car_reaches_nobody_with_it",
    ),
    Mutant(
        ("R37", "R38"),
        "src/evouch/ocpp/variables.py",
        '    ("connectedev", "vehicleid"),\n',
        "",
        _REPORT,
    ),
    Mutant(
        ("R37",),
        "src/evouch/ocpp/conversation.py",
        "self._answer_later(call.id, call.action, said, answer)",
        "self._answer_later(call.id, repr(call), said, answer)",
        "tests/ocpp/test_redaction.py::test_while_a_question_about_a_car_is_thought_about_its_frame_is_held_by_nobody",
    ),
    Mutant(
        ("R37", "A19"),
        "src/evouch/ocpp/redaction.py",
        '        return f"{text.lstrip()[: len(VID_PREFIX)]}{HIDDEN}"\n',
        "        return text\n",
        "tests/cpo/test_quarantined_cars.py::test_a_message_in_quarantine_names_no_car_and_is_booked_all_the_same",
    ),
)
