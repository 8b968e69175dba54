"""A challenge is one nonce that nobody can guess, for a short time, for one host if it says so."""

from datetime import UTC, datetime

import pytest

from evouch.clock import Tick
from evouch.errors import LocalError
from evouch.identity.challenge import MAX_DIFFICULTY, endpoint_of, issue
from evouch.identity.encoding import read_base64url
from evouch.testing.clock import SeededEntropy
from tests.proofs import proves

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
TICK = Tick(1000.0)


@proves("W5", "M1")
def test_a_nonce_is_32_bytes_of_chance_in_characters_that_need_no_escape() -> None:
    entropy = SeededEntropy("challenges")
    nonces = {issue(entropy, NOW, TICK).nonce for _ in range(100_000)}

    assert len(nonces) == 100_000
    assert {32} == {len(read_base64url(nonce)) for nonce in nonces}


@proves("M1")
def test_nothing_of_the_time_is_in_a_nonce() -> None:
    first = issue(SeededEntropy("same"), NOW, TICK)
    later = issue(SeededEntropy("same"), datetime(2030, 1, 1, tzinfo=UTC), Tick(2000.0))

    assert first.nonce == later.nonce
    assert (NOW, 0) == (first.timestamp, first.difficulty)


@proves("M2")
def test_a_challenge_lives_for_a_minute_and_as_long_as_a_slow_station_works() -> None:
    assert issue(SeededEntropy(), NOW, TICK).expires == Tick(1060)
    assert issue(SeededEntropy(), NOW, TICK, ttl=15).expires == Tick(1015)
    assert issue(SeededEntropy(), NOW, TICK, difficulty=20).expires > 1060 + 300


@pytest.mark.parametrize("difficulty", [-1, MAX_DIFFICULTY + 1])
@proves("M9")
def test_no_challenge_asks_for_more_work_than_the_cap(difficulty: int) -> None:
    with pytest.raises(LocalError):
        issue(SeededEntropy(), NOW, TICK, difficulty=difficulty)


@proves("M8")
def test_a_nonce_can_name_the_host_that_it_was_issued_for() -> None:
    challenge = issue(SeededEntropy("host"), NOW, TICK, endpoint="csms.example.com")
    plain = issue(SeededEntropy("host"), NOW, TICK)

    assert f"{plain.nonce}.Y3Ntcy5leGFtcGxlLmNvbQ" == challenge.nonce
    assert endpoint_of(challenge.nonce) == "csms.example.com"
    assert len(challenge.nonce) <= 255


@pytest.mark.parametrize("nonce", ["", "abc123", "abc123.", "abc123.!", "abc123._w", "abc.Y3Ntcy5leGFtcGxlLmNvbQ="])
def test_other_nonces_name_no_host(nonce: str) -> None:
    assert endpoint_of(nonce) == ""
