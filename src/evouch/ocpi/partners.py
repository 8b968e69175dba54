"""The partners that we have: who they are, what they may, and how they come and go.

Rules of this file:

* What is said of a partner is written before it is believed: memory follows the store.
* Of what a partner sends us only the SHA-256 is kept; what we send it is a Secret.
* A new token counts at once, the one before it until the first call with the new one, or for a
  bounded time. During an exchange of tokens both count, whatever is called in between: a partner
  that looks at our versions with the new one may still refuse it.
* A party (country and id) belongs to one registered partner of a role.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from hmac import compare_digest
from typing import Any, Final

from evouch.clock import Clock, Entropy
from evouch.errors import Refused
from evouch.ids import PartyId, Secret
from evouch.ocpi.addresses import AddressPolicy
from evouch.ocpi.authorization import digest, new_token, readings
from evouch.ocpi.credentials import Step, step
from evouch.ocpi.exchange import Exchange
from evouch.ocpi.http import Transport
from evouch.ocpi.model import BusinessDetails, Credentials, CredentialsRole
from evouch.ocpi.partner import V221, V230, Partner, PartnerState, Role
from evouch.ocpi.registering import Registering

__all__ = ["CHANGEABLE", "Ours", "Partners", "Standing", "oracle_urls"]

#: What an operator may change of a partner; everything else comes from its registration.
CHANGEABLE: Final = frozenset({"name", "quirks", "evses", "sign_allowed", "sign_reason", "priority"})
#: Letters, digits and dashes of our own name for a partner.
MAX_ID: Final = 40

Save = Callable[[Partner, str, str], Awaitable[None]]
Forget = Callable[[Partner, str], Awaitable[None]]


class Standing(StrEnum):
    """What the token of a request says about who sent it."""

    REGISTERED = "registered"
    #: good for versions and credentials only
    REGISTRATION = "registration"
    #: the token from before the last exchange, within its grace
    PREVIOUS = "previous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """Who we are to partners. ``base_url`` is public and has no slash at its end."""

    role: Role
    party: PartyId
    name: str
    website: str = ""
    base_url: str
    versions: tuple[str, ...] = (V230, V221)

    @property
    def versions_url(self) -> str:
        """Where partners begin."""
        return f"{self.base_url}/ocpi/versions"

    def credentials(self, token: str | Secret) -> Credentials:
        """Return what partners need to know to call us with ``token``."""
        token = token.text() if isinstance(token, Secret) else token
        details = BusinessDetails(name=self.name, website=self.website or None)
        role = CredentialsRole(
            role=self.role, business_details=details, party_id=self.party.party, country_code=self.party.country
        )
        return Credentials(token=token, url=self.versions_url, roles=(role,))


class Partners:
    """All partners of one actor. Errors of commands are Refused, by reason, and those of the exchange with a peer.

    ``save`` writes a partner with the audit of (actor, action); ``forget`` deletes one.
    """

    def __init__(
        self,
        ours: Ours,
        transport: Transport,
        clock: Clock,
        entropy: Entropy,
        *,
        save: Save,
        policy: AddressPolicy | None = None,
        forget: Forget | None = None,
    ) -> None:
        self.ours = ours
        self.clock = clock
        self.entropy = entropy
        self.policy = policy or AddressPolicy()
        self._save = save
        self._forget = forget
        self._partners: dict[str, Partner] = {}
        #: hash of a token → partner, and whether it is the one from before
        self._tokens: dict[bytes, tuple[str, bool]] = {}
        self._busy: set[str] = set()
        self._writing = asyncio.Lock()
        self._registering = Registering(self, Exchange(transport, self.policy, entropy))
        self.answer_credentials = self._registering.answer

    # ── reading ──

    def load(self, partners: Iterable[Partner]) -> None:
        """Take what the store has; once, before anybody calls."""
        for partner in partners:
            self._believe(partner)

    def all(self) -> list[Partner]:
        """Return all partners by id."""
        return [self._partners[id] for id in sorted(self._partners)]

    def get(self, id: str) -> Partner | None:
        """Return a partner as it stands now."""
        return self._partners.get(id)

    def registered(self) -> list[Partner]:
        """Return the partners that functional modules are spoken with."""
        return [each for each in self.all() if each.registered]

    def with_module(self, module: str, interface: str) -> list[Partner]:
        """Return the registered partners that have a module; ``oprf`` counts wherever it can be found."""
        if module == "oprf":
            return [each for each in self.registered() if oracle_urls(each)]
        return [each for each in self.registered() if each.endpoint(module, interface)]

    def of_party(self, party: PartyId, role: Role) -> Partner | None:
        """Return the registered partner that speaks for a party in a role."""
        return next((each for each in self.registered() if each.role is role and each.speaks_for(party)), None)

    def authenticate(self, value: str) -> tuple[Partner, Standing] | None:
        """Return whose token an ``Authorization`` header holds, in whichever of the known spellings, and its standing.

        The first call with a new token ends the one before it.
        """
        for token in readings(value):
            hashed = digest(token)
            id, previous = self._tokens.get(hashed, ("", False))
            partner = self._partners.get(id)
            if partner is not None and compare_digest(hashed, self._token(partner, previous=previous)):
                return self._judged(partner, previous=previous)
        return None

    # ── commands ──

    async def invite(
        self, id: str, role: Role, *, name: str = "", party: PartyId | None = None, actor: str
    ) -> Secret:  # fmt: skip
        """Return a registration token for a partner that will call us; one from before is dead.

        Whoever brings it has to speak for ``party``, where that is said.
        """
        async with self.alone(id):
            state, token = self._step(id, Step.INVITE), new_token(self.entropy)
            hashed = digest(token)
            await self.write(
                lambda: replace(self._blank(id, role, name, party), state=state, token_in=hashed),
                actor,
                "invite partner",
            )
            return token

    async def add(
        self, id: str, role: Role, versions_url: str, token_a: Secret, *, actor: str, name: str = "",
        party: PartyId | None = None,
    ) -> None:  # fmt: skip
        """Keep a partner that gave us a registration token; :meth:`register` calls it. BadAddress for its address."""
        self.policy.check(versions_url)
        async with self.alone(id):
            state = self._step(id, Step.ADD)

            def added() -> Partner:
                blank = self._blank(id, role, name, party)
                return replace(blank, state=state, versions_url=versions_url, token_out=token_a)

            await self.write(added, actor, "add partner")

    async def register(self, id: str, *, actor: str) -> Partner:
        """Register at a partner that was added; return it as registered.

        Raises PeerFault 3002 or 3003 where it does not speak what we need, PeerRefused, PeerGarbled, Unreachable.
        """
        return await self._registering.register(self.known(id), actor)

    async def rotate(self, id: str, *, actor: str) -> Partner:
        """Exchange both tokens, and read versions and endpoints anew. Raises as :meth:`register`."""
        return await self._registering.rotate(self.known(id), actor)

    async def unregister(self, id: str, *, actor: str) -> Partner:
        """End a registration. It is over for us also where the partner does not answer."""
        return await self._registering.unregister(self.known(id), actor)

    async def remove(self, id: str, *, actor: str) -> None:
        """Forget a partner, after having ended its registration. Objects that came from it stay.

        Refused("suspended") for one that may not sign: a new invitation would give it the right back unsaid.
        """
        partner = self.known(id)
        if not partner.sign_allowed:
            raise Refused("suspended", partner.sign_reason)
        if partner.state is not PartnerState.ENDED:
            partner = await self.unregister(id, actor=actor)
        if self._forget is not None:
            await self._forget(partner, actor)
        else:
            await self._save(partner, actor, "remove partner")
        self._disbelieve(id)

    async def change(self, id: str, *, actor: str, **fields: Any) -> Partner:
        """Change what is ours to say of a partner (:data:`CHANGEABLE`)."""
        if unknown := fields.keys() - CHANGEABLE:
            raise Refused("notChangeable", ", ".join(sorted(unknown)))
        if (quirks := fields.get("quirks")) is not None and quirks.oracle_url:
            self.policy.check(quirks.oracle_url)
        what = f"change partner: {', '.join(sorted(fields))}"
        return await self.write(lambda: replace(self.known(id), **fields), actor, what)

    # ── for who registers ──

    async def write(self, change: Callable[[], Partner], actor: str, action: str) -> Partner:
        """Write down what ``change`` makes of a partner, then believe it: one at a time, so that none loses another."""
        async with self._writing:
            partner = change()
            await self._save(partner, actor, action)
            self._believe(partner)
            return partner

    def known(self, id: str) -> Partner:
        """Return a partner as it stands now; Refused("unknownPartner")."""
        partner = self._partners.get(id)
        if partner is None:
            raise Refused("unknownPartner")
        return partner

    @asynccontextmanager
    async def alone(self, id: str) -> AsyncIterator[None]:
        """Do one thing at a time with a partner's registration; Refused("underWay") for a second one."""
        if id in self._busy:
            raise Refused("underWay", "its registration is being changed just now")
        self._busy.add(id)
        try:
            yield
        finally:
            self._busy.discard(id)

    def _step(self, id: str, taken: Step) -> PartnerState:
        partner = self._partners.get(id)
        return step(partner.state if partner else None, taken)

    def _blank(self, id: str, role: Role, name: str, party: PartyId | None) -> Partner:
        """Return a partner without any token, with what an operator once said of it."""
        if not 0 < len(id) <= MAX_ID or not all(part.isascii() and part.isalnum() for part in id.split("-")):
            raise Refused("badPartnerId", "letters, digits, and single dashes between them")
        known = self._partners.get(id)
        if known is None:
            return Partner(id=id, role=role, name=name, state=PartnerState.INVITED, pinned=party)
        return Partner(
            id=id, role=role, name=name or known.name, state=known.state, quirks=known.quirks, evses=known.evses,
            sign_allowed=known.sign_allowed, sign_reason=known.sign_reason, priority=known.priority,
            pinned=party or known.pinned,
        )  # fmt: skip

    def _judged(self, partner: Partner, *, previous: bool) -> tuple[Partner, Standing] | None:
        if previous:
            until = partner.previous_until
            good = partner.registered and until is not None and self.clock.now() < until
            return (partner, Standing.PREVIOUS) if good else None
        if not partner.registered:
            return partner, Standing.REGISTRATION
        if partner.token_previous is not None and partner.id not in self._busy:
            partner = replace(partner, token_previous=None, previous_until=None)
            self._believe(partner)  # written with the next change; until then ``previous_until`` bounds it
        return partner, Standing.REGISTERED

    @staticmethod
    def _token(partner: Partner, *, previous: bool) -> bytes:
        return (partner.token_previous if previous else partner.token_in) or b""

    def _believe(self, partner: Partner) -> None:
        self._disbelieve(partner.id)
        self._partners[partner.id] = partner
        if partner.token_previous is not None:
            self._tokens[partner.token_previous] = (partner.id, True)
        if partner.token_in is not None:
            self._tokens[partner.token_in] = (partner.id, False)

    def _disbelieve(self, id: str) -> None:
        former = self._partners.pop(id, None)
        for token in (former.token_in, former.token_previous) if former else ():
            self._tokens.pop(token or b"", None)


def oracle_urls(partner: Partner) -> tuple[str, ...]:
    """Return where a partner's sign oracle may be, the likeliest first; nothing for who is no eMSP with vehicles.

    The source asks at ``{oprf_endpoint_url}`` and lists only ``vehicles`` (docs/decisions/062): an
    endpoint ``oprf``, then the address that an operator configured, then beside ``vehicles`` and below it.
    """
    if own := partner.endpoint("oprf", "SENDER"):
        return (_sign(own),)
    if partner.quirks.oracle_url:
        return (_sign(partner.quirks.oracle_url.rstrip("/")),)
    vehicles = partner.endpoint("vehicles", "SENDER")
    if not vehicles:
        return ()
    beside = vehicles.removesuffix("/vehicles")
    below = _sign(f"{vehicles}/oprf")
    return (below,) if beside == vehicles else (_sign(f"{beside}/oprf"), below)


def _sign(url: str) -> str:
    return url if url.endswith("/sign") else f"{url}/sign"
