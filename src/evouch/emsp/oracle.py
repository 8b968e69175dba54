"""The sign oracle: what is asked, by whom, how often, and answered with which key (§6.3, §8.1).

1. A partner whose right is suspended is answered as one that asks too often.
2. The request is counted, or refused for what was counted before. Both stand in the store in one
   write with the decision, before anything is answered (docs/decisions/060).
3. The element is judged; one that is none is counted as such, and the key is not touched.

What is signed looks random, and is neither logged nor kept.
"""

import math
from dataclasses import dataclass
from typing import Final

from evouch.autocharge.budget import SignDay, note_followed, note_invalid, spend
from evouch.emsp.accounts import Account, Accounts
from evouch.emsp.book import Book
from evouch.emsp.keys import Keys
from evouch.ocpi.partner import Partner
from evouch.ocpi.ports import OcpiRefusal
from evouch.oprf.group import InvalidElement
from evouch.store.ports import Put

__all__ = ["NOT_NOW", "SignOracle"]

#: OCPI status code of ours for "not now" (29xx: custom client errors), beside HTTP 429.
NOT_NOW: Final = 2900
INVALID: Final = 2001
#: Seconds that a suspended partner is told to wait: it is not told what it is.
SUSPENDED_WAIT: Final = 3600


@dataclass(slots=True)
class SignOracle:
    """Signs for partners within their budgets."""

    book: Book
    accounts: Accounts
    keys: Keys

    async def load(self) -> None:
        """Read the counters."""
        await self.accounts.load(self.book.clock.now().date())

    async def sign(self, partner: Partner, element: str) -> str:
        """Return the evaluated element in hex, in the form of ``element``.

        OcpiRefusal 2900 with Retry-After where there is no budget, 2001 for what is no element;
        StoreFailed where it cannot be counted.
        """
        if not partner.sign_allowed:
            raise _not_now(SUSPENDED_WAIT)
        account, at = self.accounts.of(partner.id), self.book.clock.now()
        limits = account.limits(partner.evses, self.book.terms.budget)
        today = account.today
        past = account.earlier(max(at.date(), today.day) if today else at.date())
        day, wait = spend(limits, today, past, at, partner=partner.id)
        account.keep(day)
        if wait > 0:
            raise _not_now(wait)  # counted in memory: nobody makes us write by asking too often
        try:
            signed = self.keys.signer.sign(element)
        except InvalidElement:
            account.keep(note_invalid(day, at, partner=partner.id))
            await account.written()
            raise OcpiRefusal(INVALID, "blinded_element: not a point of P-256 in hex of SEC1") from None
        await account.written()
        return signed

    def followed(self, partner: str) -> Put[SignDay]:
        """Count a charge of a partner, when its session is first told; to be committed with it."""
        account = self.accounts.of(partner)
        account.keep(note_followed(account.today, self.book.clock.now(), partner=partner))
        return Put(_today(account))

    async def flush(self) -> None:
        """Write the counters that nothing else has written: of what was refused."""
        for account in self.accounts.all():
            await account.written()


def _today(account: Account) -> SignDay:
    assert account.today is not None  # noqa: S101 - it was just kept
    return account.today


def _not_now(wait: float) -> OcpiRefusal:
    headers = {"retry-after": str(max(1, math.ceil(wait)))}
    return OcpiRefusal(NOT_NOW, "no signatures now: try again later", http=429, headers=headers)
