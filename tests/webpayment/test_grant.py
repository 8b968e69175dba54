"""Grants: signed, short-lived, and of use in one browser only."""

import base64
import json
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch.charging.equipment import EvsePlace
from evouch.charging.tokens import Limit
from evouch.errors import LocalError, Refused
from evouch.ids import EvseNumber, KeyBytes, StationId
from evouch.testing.clock import VECTOR_TIME, SeededEntropy
from evouch.units import Money, Wh
from evouch.webpayment import grant as grants
from evouch.webpayment.grant import Grant, GrantKey

AT = VECTOR_TIME
PLACE = EvsePlace(StationId("CS-0001"), EvseNumber(1))
KEY = GrantKey("k1", KeyBytes(bytes(range(32))))
KEYS = {KEY.id: KEY.key}
LIMIT = Limit(max_cost=Money.of("50.00", "EUR"), max_energy=Wh(20_000), max_time=300)


def issued(limit: Limit = LIMIT, lifetime: timedelta = grants.MAX_LIFETIME) -> tuple[Grant, str]:
    return grants.issue(
        KEY,
        place=PLACE,
        slot=57214126,
        browser="nonce",
        at=AT,
        entropy=SeededEntropy(),
        limit=limit,
        lifetime=lifetime,
    )


def refusal(text: str, browser: str = "nonce", seconds: float = 1, keys: dict[str, KeyBytes] | None = None) -> str:
    with pytest.raises(Refused) as refused:
        grants.unseal(text, KEYS if keys is None else keys, browser=browser, at=AT + timedelta(seconds=seconds))
    return refused.value.reason


def test_a_grant_comes_back_as_it_was_issued() -> None:
    grant, text = issued()

    assert grants.unseal(text, KEYS, browser="nonce", at=AT) == grant
    assert (grant.place, grant.slot, grant.limit) == (PLACE, 57214126, LIMIT)
    assert grant.expires_at == AT + timedelta(minutes=10)
    assert text.isascii()
    assert not set(text) & set(' ",;\\=')
    assert len(text) < 700


def test_a_grant_never_holds_the_browser_s_own_nonce() -> None:
    _, text = issued()
    content = text.split(".")[2]

    assert b"nonce" not in base64.urlsafe_b64decode(content + "==")


def test_a_grant_is_good_for_ten_minutes_to_the_second() -> None:
    _, text = issued()

    assert grants.unseal(text, KEYS, browser="nonce", at=AT + timedelta(seconds=599.999)).slot == 57214126
    assert refusal(text, seconds=600) == "grantExpired"


def test_a_clock_that_was_set_back_does_not_prolong_a_grant() -> None:
    _, text = issued()

    assert refusal(text, seconds=-1) == "grantExpired"


@pytest.mark.parametrize("lifetime", [timedelta(minutes=10, seconds=2), timedelta(0), timedelta(seconds=-1)])
def test_no_grant_lives_longer_than_ten_minutes(lifetime: timedelta) -> None:
    with pytest.raises(LocalError):
        issued(lifetime=lifetime)


def test_another_browser_cannot_use_a_grant() -> None:
    _, text = issued()

    assert refusal(text, browser="another") == "badGrant"
    assert refusal(text, browser="") == "badGrant"


def test_a_stranger_never_learns_that_a_grant_has_expired() -> None:
    _, text = issued()

    assert refusal(text, browser="another", seconds=10_000) == "badGrant"
    assert refusal(text[:-2] + "AA", seconds=10_000) == "badGrant"


def test_a_grant_survives_the_rotation_of_keys_while_its_own_is_known() -> None:
    _, text = issued()
    fresh = KeyBytes(bytes(32))

    assert grants.unseal(text, {"k2": fresh, **KEYS}, browser="nonce", at=AT).slot == 57214126
    assert refusal(text, keys={"k2": fresh}) == "badGrant"
    assert refusal(text, keys={"k1": fresh}) == "badGrant"


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_every_part_of_a_grant_is_signed(place: int) -> None:
    _, text = issued()
    parts = text.split(".")
    parts[place] = ("w" if parts[place][0] == "v" else "v") + parts[place][1:]

    assert refusal(".".join(parts)) == "badGrant"


def test_raising_a_limit_breaks_the_seal() -> None:
    _, text = issued()
    head, key, content, mac = text.split(".")
    said = json.loads(base64.urlsafe_b64decode(content + "=="))
    said["cost"] = ["500.00", "EUR"]
    forged = base64.urlsafe_b64encode(json.dumps(said, separators=(",", ":")).encode()).decode().rstrip("=")

    assert refusal(f"{head}.{key}.{forged}.{mac}") == "badGrant"


def test_the_same_bytes_spelled_otherwise_are_not_ours() -> None:
    _, text = issued()

    for other in (text + "=", text + "==", text + "\n", " " + text, text.replace(".", "..", 1)):
        assert refusal(other) == "badGrant"
    # the last character of 32 bytes in base64 has two idle bits
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    idle = alphabet[alphabet.index(text[-1]) ^ 1]
    assert refusal(text[:-1] + idle) == "badGrant"


def test_a_signature_made_for_something_else_with_the_same_key_opens_nothing() -> None:
    import hmac

    _, text = issued()
    signed = text.rpartition(".")[0]
    other = hmac.digest(bytes(range(32)), signed.encode(), "sha256")

    assert refusal(f"{signed}.{base64.urlsafe_b64encode(other).decode().rstrip('=')}") == "badGrant"


def test_a_weak_key_is_our_own_mistake() -> None:
    with pytest.raises(LocalError):
        GrantKey("k1", KeyBytes(b"short"))
    with pytest.raises(LocalError):
        GrantKey("k.1", KeyBytes(bytes(32)))


def test_two_grants_of_one_code_have_different_ids() -> None:
    entropy = SeededEntropy()
    first, second = (
        grants.issue(KEY, place=PLACE, slot=1, browser="nonce", at=AT, entropy=entropy)[0] for _ in range(2)
    )

    assert first.id != second.id
    assert len(first.id) == 26


@given(
    st.builds(
        Limit,
        max_cost=st.none() | st.builds(Money, st.decimals(0, 10**6, places=4), st.sampled_from(["EUR", "JPY"])),
        max_energy=st.none() | st.integers(0, 10**9).map(Wh),
        max_time=st.none() | st.integers(0, 10**9),
    ),
    st.text(max_size=40),
)
def test_any_limit_and_any_browser_come_back_exactly(limit: Limit, browser: str) -> None:
    grant, text = grants.issue(KEY, place=PLACE, slot=1, browser=browser, at=AT, entropy=SeededEntropy(), limit=limit)

    assert grants.unseal(text, KEYS, browser=browser, at=AT) == grant
    assert isinstance(grant.limit.max_cost, Money | None)
    if grant.limit.max_cost:
        assert isinstance(grant.limit.max_cost.amount, Decimal)


@given(st.text() | st.text("v1.k1AZaz09-_=\ud800", max_size=80).map("v1.k1.".__add__))
def test_no_text_hurts(text: str) -> None:
    assert refusal(text) == "badGrant"
