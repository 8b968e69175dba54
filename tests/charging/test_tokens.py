"""Tokens, limits and the one answer that all roads to energy end in."""

import pytest

from evouch.charging.tokens import Authorization, IdToken, Limit, TokenKind, TokenStatus
from evouch.units import Money, Wh


def test_tokens_are_compared_without_regard_to_case() -> None:
    assert IdToken("DEADbeef").key == IdToken("deadBEEF", TokenKind.ISO14443).key


def test_two_spellings_are_still_two_values() -> None:
    assert IdToken("DEADBEEF") != IdToken("deadbeef")


@pytest.mark.parametrize(
    ("limit", "limited"),
    [
        (Limit(), False),
        (Limit(max_time=0), True),
        (Limit(max_energy=Wh(0)), True),
        (Limit(max_cost=Money.zero("EUR")), True),
        (Limit(max_cost=Money.of(5, "EUR"), max_time=60), True),
    ],
)
def test_a_limit_of_zero_is_a_limit(limit: Limit, *, limited: bool) -> None:
    assert bool(limit) is limited


@pytest.mark.parametrize("status", TokenStatus)
def test_only_accepted_means_energy(status: TokenStatus) -> None:
    assert Authorization(status=status).accepted is (status is TokenStatus.ACCEPTED)


def test_kinds_and_verdicts_are_spelled_as_ocpp_2_spells_them() -> None:
    assert {"Central", "DirectPayment", "eMAID", "ISO14443", "MacAddress", "NoAuthorization"} <= set(TokenKind)
    assert set(TokenStatus) == {
        "Accepted", "Blocked", "ConcurrentTx", "Expired", "Invalid", "NoCredit", "NotAllowedTypeEVSE",
        "NotAtThisLocation", "NotAtThisTime", "Unknown",
    }  # fmt: skip
