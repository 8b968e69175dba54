"""People and programs that may use the operator's side: login names and bearer tokens."""

import asyncio
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final, Protocol

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from evouch.charging.rates import Limiter, Rate
from evouch.clock import Clock, Entropy
from evouch.errors import Refused
from evouch.ids import KeyBytes, Secret
from evouch.store.ports import Add, Delete, Put, Store
from evouch.store.records import ApiToken, AuditRow, Operator

__all__ = ["Books", "Operators"]

#: Logins per address: a person mistypes, a program guesses.
LOGINS: Final = Rate(count=10, seconds=60, burst=5)


class Books(Protocol):
    """Where an actor writes, and how it notes who did what."""

    store: Store

    def audit(self, actor: str, action: str, subject: str, detail: str = "") -> Add[AuditRow]:
        """Return the audit row of a change, to be committed with it."""


@dataclass(slots=True)
class Operators:
    """Who may log in, and which tokens are good."""

    registry: Books
    clock: Clock
    entropy: Entropy
    pepper: KeyBytes
    _tokens: dict[bytes, ApiToken] = field(default_factory=dict)
    _logins: Limiter = field(default_factory=lambda: Limiter(LOGINS))
    _hasher: PasswordHasher = field(default_factory=PasswordHasher)
    #: a hash that nobody's password has, so that an unknown name takes as long as a wrong password
    _nobody: str = ""

    async def load(self) -> None:
        """Read the bearer tokens; they are judged from memory."""
        self._tokens = {token.digest: token for token in await self.registry.store.api_tokens()}

    async def add(self, name: str, password: Secret, *, actor: str, role: str = "operator") -> Operator:
        """Create or change a login."""
        digest = await asyncio.to_thread(self._hasher.hash, password.reveal())
        operator = Operator(name=name, password=digest, role=role)
        await self.registry.store.commit(Put(operator), self.registry.audit(actor, "set operator password", name))
        return operator

    async def login(self, name: str, password: Secret, *, address: str) -> Operator:
        """Return who this is; Refused("badLogin") or Refused("tooManyRequests")."""
        if self._logins.wait(address, self.clock.tick()):
            raise Refused("tooManyRequests")
        if not self._nobody:
            self._nobody = await asyncio.to_thread(self._hasher.hash, self.entropy.bytes(16))
        operator = await self.registry.store.operator(name)
        digest = operator.password if operator else self._nobody
        try:
            await asyncio.to_thread(self._hasher.verify, digest, password.reveal())
        except VerificationError:
            raise Refused("badLogin") from None
        if operator is None:
            raise Refused("badLogin")
        return operator

    async def issue(self, name: str, *, actor: str, role: str = "operator") -> Secret:
        """Return a new bearer token; it is shown this once and kept as a keyed hash."""
        token = Secret("evo_" + self.entropy.id())
        await self.accept(token, name, actor=actor, role=role)
        return token

    async def accept(self, token: Secret, name: str, *, actor: str, role: str = "operator") -> None:
        """Take a token that was made elsewhere (a file that an operator wrote)."""
        record = ApiToken(digest=self._digest(token), name=name, role=role)
        await self.registry.store.commit(Put(record), self.registry.audit(actor, "issue API token", name))
        self._tokens[record.digest] = record

    async def revoke(self, name: str, *, actor: str) -> None:
        """Make all tokens of that name void."""
        gone = [token for token in self._tokens.values() if token.name == name]
        await self.registry.store.commit(
            *(Delete(token) for token in gone), self.registry.audit(actor, "revoke API token", name)
        )
        for token in gone:
            del self._tokens[token.digest]

    def bearer(self, token: Secret) -> ApiToken | None:
        """Return whose token this is. The lookup is by keyed hash, so its time tells nothing of the token."""
        return self._tokens.get(self._digest(token))

    def _digest(self, token: Secret) -> bytes:
        return hmac.digest(self.pepper.reveal(), b"api\0" + token.reveal(), hashlib.sha256)
