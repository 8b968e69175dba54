"""Every reason that an eMSP's use-case gives, and every state that it keeps, has its words."""

import ast
from pathlib import Path

from evouch.charging.vehicles import AutoChargeStatus, Vehicle
from evouch.emsp.eligibility import Offer
from evouch.ids import ContractId
from evouch.store.records_roaming import Car
from evouch.testing.clock import ManualClock
from evouch.web import words_emsp as words
from evouch.web.api_emsp_routes import EMSP
from tests.emsp.world import PARTY, VID

USE_CASES = Path(__file__).parents[2] / "src" / "evouch" / "emsp"
#: What is answered on the page where one logs in.
OTHERS = {"badLogin"}


def refused() -> set[str]:
    """First words of every Refused(…) in the use-cases."""
    nodes = [node for path in USE_CASES.glob("*.py") for node in ast.walk(ast.parse(path.read_text()))]
    made = [node for node in nodes if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refused"]
    return {str(ast.literal_eval(node.args[0])) for node in made}


def test_every_refusal_has_its_words() -> None:
    assert refused() - OTHERS - set(words.REFUSALS) == set()
    assert len(refused()) > 10


def test_every_refusal_of_an_operation_has_its_status() -> None:
    assert {reason for row in EMSP.rows for reason in row.refuses} - set(EMSP.errors) == set()


def test_every_status_and_offer_has_its_words() -> None:
    assert set(words.STATUSES) == set(AutoChargeStatus)
    assert set(words.OFFERS) == set(Offer)
    now = ManualClock().now()
    vehicle = Vehicle(owner=PARTY, vid=VID, contract=ContractId("C"), created=now)
    assert words.status(vehicle) == ("Waits for an answer", "wait")


def test_a_car_is_called_by_its_model_only_where_no_other_can_be_meant() -> None:
    tesla = Car("Tesla", "Model 3")
    assert words.car(VID, (tesla,), alone=True) == "Tesla Model 3"
    assert words.car(VID, (tesla,)) == words.car(VID, (tesla, tesla), alone=True) == "Car …5A5A5A"


def test_what_became_of_a_command_is_a_sentence_whatever_an_operator_answers() -> None:
    for outcome in ("sent", "accepted", "ACCEPTED", "REJECTED", "TIMEOUT", "unreachable", "<b>"):
        assert words.stop(outcome).endswith(".")
        assert words.start(outcome).endswith(".")
    assert words.stop("") == ""


def test_a_finding_is_a_mark_and_its_reason() -> None:
    assert words.finding("fail: 900 km/h is too fast") == ("bad", "900 km/h is too fast")
    assert words.finding("pass: a: b") == ("good", "a: b")
    assert words.finding("unknown: no phone") == ("", "no phone")
    assert words.finding("odd") == ("", "odd")
