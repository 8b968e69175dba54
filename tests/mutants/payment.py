"""What OCPP asks of codes, URLs and locks, broken one at a time."""

from typing import Final

from tests.mutants import Mutant

__all__ = ["PAYMENT"]

TOTP: Final = "src/evouch/webpayment/totp.py"
URL: Final = "src/evouch/webpayment/url.py"

PAYMENT: Final = (
    Mutant(
        ("C25.FR.01",),
        TOTP,
        "start = raw[-1] & 0x0F",
        "start = raw[0] & 0x0F",
        "tests/webpayment/test_totp.py::test_published_codes_are_reproduced",
    ),
    Mutant(
        ("C25.FR.03",),
        URL,
        "            if name not in self.parameters:\n",
        "            if name in self.names:\n",
        "tests/webpayment/test_url.py::test_a_driver_cannot_enter_a_limit_that_the_station_does_not_list",
    ),
    Mutant(
        ("C25.FR.04", "C25.FR.05", "C25.FR.06"),
        URL,
        "        query += self._appended(claim)\n",
        "",
        "tests/webpayment/test_url.py::test_limits_are_placed_or_appended_or_vanish_cleanly",
    ),
    Mutant(
        ("C25.FR.07",),
        TOTP,
        "_OFFSETS: Final = (0, -1, 1)",
        "_OFFSETS: Final = (0, 1)",
        "tests/webpayment/test_totp.py::test_previous_current_and_next_code_are_accepted_and_told_apart",
    ),
    Mutant(
        ("C25.FR.08",),
        TOTP,
        "_OFFSETS: Final = (0, -1, 1)",
        "_OFFSETS: Final = (0, -1, 1, 2)",
        "tests/webpayment/test_totp.py::test_the_window_is_never_wider_than_one_slot_either_side",
    ),
    Mutant(
        ("C25.FR.22",),
        "src/evouch/station/lock.py",
        "Lock(Tick(scene.at + order.timeout))",
        "Lock(Tick(scene.at + order.timeout + 1))",
        "tests/station/test_orders.py::test_a_payment_by_phone_keeps_cards_and_reservations_away_for_exactly_its_timeout",
    ),
)
