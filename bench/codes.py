"""Codes validated per second and core, beside the bare HMACs that cannot be saved.

One process, one core, CPU time. Ours is :func:`evouch.webpayment.totp.matches`: length and
alphabet checked, three codes made, all compared in constant time. The floor is the three
HMACs alone, in a loop. "With URL" also reads the code out of a scanned URL by its template.
Each code belongs to an EVSE of its own, as in a fleet: nothing can be remembered between
two. One code in ten is wrong. Both are run in turns; figures are medians of the rounds.
"""

import argparse
import hmac
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from bench import common
from evouch.errors import InvalidCode
from evouch.ids import Secret
from evouch.webpayment import totp
from evouch.webpayment.url import Claim, Template

#: What a CPO of a hundred thousand EVSEs would need at noon, several hundred times over.
REQUIRED: Final = 50_000
AT: Final = datetime(2024, 5, 23, 0, 23, 5, tzinfo=UTC)
VALIDITY: Final = 30
LENGTH: Final = 8
TEMPLATE: Final = Template.parse("https://qr.example.com/{chargingstationid}/{evse}/{totp}?v={version}")


class Fleet:
    """EVSEs with their secrets, what phones scanned there, and its share of wrong codes."""

    def __init__(self, size: int) -> None:
        self.secrets = [Secret(f"secret of EVSE {number:08d}") for number in range(size)]
        self.codes = [self._code(secret, number) for number, secret in enumerate(self.secrets)]
        self.urls = [
            TEMPLATE.expand(Claim(station=f"CS-{number:06d}", evse=1, code=code, version="v1"))
            for number, code in enumerate(self.codes)
        ]
        self.good = sum(number % 10 != 0 for number in range(size))

    @staticmethod
    def _code(secret: Secret, number: int) -> str:
        if number % 10 == 0:
            return "00000000"
        return totp.code(secret, totp.slot(AT, VALIDITY) + number % 3 - 1, length=LENGTH)


def ours(fleet: Fleet) -> int:
    good = 0
    for secret, code in zip(fleet.secrets, fleet.codes, strict=True):
        try:
            totp.matches(code, secret, AT, validity=VALIDITY, length=LENGTH)
        except InvalidCode:
            continue
        good += 1
    return good


def ours_with_url(fleet: Fleet) -> int:
    good = 0
    for secret, url in zip(fleet.secrets, fleet.urls, strict=True):
        try:
            totp.matches(TEMPLATE.read(url).code, secret, AT, validity=VALIDITY, length=LENGTH)
        except InvalidCode:
            continue
        good += 1
    return good


def bare(fleet: Fleet) -> int:
    now = totp.slot(AT, VALIDITY)
    messages = [(now + offset).to_bytes(8, "big") for offset in (-1, 0, 1)]
    for secret in fleet.secrets:
        key = secret.reveal()
        for message in messages:
            hmac.digest(key, message, "sha256")
    return fleet.good


CONTENDERS: Final[dict[str, Callable[[Fleet], int]]] = {
    "three bare HMACs": bare,
    "ours": ours,
    "ours, with URL": ours_with_url,
}


def measure(fleet: Fleet, rounds: int) -> dict[str, float]:
    """Return codes per second of CPU time for each contender: the median of ``rounds``, taken in turns."""
    rates: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for number in range(rounds + 1):
        for name, contender in CONTENDERS.items():
            start = time.process_time()
            good = contender(fleet)
            spent = time.process_time() - start
            if good != fleet.good:
                sys.exit(f"{name} accepted {good} codes of {fleet.good}")
            if number:  # the first round warms up
                rates[name].append(len(fleet.codes) / spent)
    return {name: statistics.median(each) for name, each in rates.items()}


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codes", type=int, default=20_000, help="codes per round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(words)
    rates = measure(Fleet(options.codes), options.rounds)
    passed = rates["ours"] >= REQUIRED
    if not options.json:
        print(f"{'codes per second and core':<28}{'':>10}{'µs each':>10}{'share of the floor':>20}")
        for name, rate in rates.items():
            print(f"{name:<28}{rate:>10,.0f}{1e6 / rate:>10.1f}{rate / rates['three bare HMACs']:>20.0%}")
    claim = common.Claim("codes validated per second and core", f"≥ {REQUIRED:,}", f"{rates['ours']:,.0f}", passed)
    return common.finish([claim], as_json=options.json, codes_per_second=rates)


if __name__ == "__main__":
    sys.exit(main())
