"""The handshake, from both sides (mod_credentials): tokens are exchanged, and neither side may lose one.

Rules of this file:

* We begin: versions and details are read and judged *before* POST. Who lacks what we need is not
  asked to register us (§registration).
* The token that a partner is to call us with is written down before the partner hears of it, and
  the one that it answers before anything is asked with it. A crash in between costs a new
  registration, never a token that only one side knows and uses.
* They begin: while their POST is open we read their versions with the token from it. Our answer
  goes out after all of it is written; then the registration token is dead.
* A PUT whose outcome nobody knows leaves both tokens good until one is used, for :data:`UNSETTLED`.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from evouch.clock import Tick
from evouch.errors import EvouchError, PeerFault, PeerGarbled, PeerRefused, Refused, Unreachable
from evouch.ids import PartyId, Secret
from evouch.ocpi.authorization import digest, new_token, readings
from evouch.ocpi.codec import read, write
from evouch.ocpi.credentials import (
    MISSING_ENDPOINTS,
    NOT_USABLE,
    TABLE,
    UNSUPPORTED_VERSION,
    Step,
    allowed_methods,
    roles_of,
    step,
)
from evouch.ocpi.discovery import Found, credentials_url, discover
from evouch.ocpi.exchange import Exchange
from evouch.ocpi.model import Credentials
from evouch.ocpi.partner import Partner, PartnerState
from evouch.ocpi.ports import OcpiRefusal

if TYPE_CHECKING:
    from evouch.ocpi.partners import Partners, Standing

__all__ = ["GRACE", "HANDSHAKE", "UNSETTLED", "Registering"]

#: A whole handshake (s): the partner reads our versions during it.
HANDSHAKE: Final = 30.0
#: How long the token from before counts after an exchange, where the new one is not used earlier.
GRACE: Final = timedelta(hours=1)
#: The same after an exchange that was never answered: a weekend, and somebody who looks.
UNSETTLED: Final = timedelta(days=7)

CLIENT_ERROR: Final = 2000
INVALID: Final = 2001
METHOD_NOT_ALLOWED: Final = 405
SERVER_ERROR: Final = 3000
FIRST_SERVER_FAULT: Final = 500


class Registering:
    """Registers, rotates, ends: ours at partners, and theirs at us."""

    def __init__(self, partners: "Partners", exchange: Exchange) -> None:
        self._partners = partners
        self._exchange = exchange

    # ── we begin ──

    async def register(self, partner: Partner, actor: str) -> Partner:
        """POST our credentials; see ``Partners.register``."""
        async with self._partners.alone(partner.id):
            after = step(partner.state, Step.REGISTER)
            found, token = await self._read(partner), new_token(self._partners.entropy)
            hashed = digest(token)
            await self._write(partner, lambda now: replace(now, token_in=hashed), actor, "begin registration")
            theirs = await self._send("POST", partner, found, token)
            await self._or_take_back(partner, found, theirs)
            return await self._write(
                partner, lambda now: self._joined(now, found, theirs, after), actor, "register at partner"
            )

    async def rotate(self, partner: Partner, actor: str) -> Partner:
        """PUT our credentials with a new token; see ``Partners.rotate``."""
        async with self._partners.alone(partner.id):
            after = step(partner.state, Step.ROTATE)
            found, token = await self._read(partner), new_token(self._partners.entropy)
            hashed, until = digest(token), self._now() + UNSETTLED
            await self._write(partner, lambda now: self._exchanged(now, hashed, until), actor, "begin rotation")
            try:
                theirs = await self._send("PUT", partner, found, token)
            except PeerRefused as refused:
                if _nothing_done(refused):
                    await self._write(partner, lambda now: _tokens_of(partner, now), actor, "rotation refused")
                raise
            return await self._write(
                partner, lambda now: self._settled(self._joined(now, found, theirs, after)), actor, "rotate tokens"
            )

    async def _or_take_back(self, partner: Partner, found: Found, theirs: Credentials) -> None:
        """Raise where a partner that has just registered us is not who it should be, and end that at its side too."""
        try:
            self._parties(partner, theirs)
        except PeerFault:
            with suppress(PeerRefused, PeerFault, Unreachable):
                url, token = credentials_url(found.endpoints), Secret(theirs.token)
                await self._exchange.ask("DELETE", url, token, by=self._by(), plain=found.plain)
            raise

    async def unregister(self, partner: Partner, actor: str) -> Partner:
        """DELETE; see ``Partners.unregister``."""
        async with self._partners.alone(partner.id):
            after, done = step(partner.state, Step.UNREGISTER), "unregister"
            url = credentials_url(partner.endpoints)
            if partner.registered and url and partner.token_out is not None:
                plain = partner.quirks.plain_token
                try:
                    await self._exchange.ask("DELETE", url, partner.token_out, by=self._by(), plain=plain)
                except (PeerRefused, PeerFault, Unreachable):
                    done = "unregister; the partner did not confirm"
            return await self._write(partner, lambda now: _over(now, after), actor, done)

    # ── they begin ──

    async def answer(
        self,
        method: str,
        partner: Partner,
        standing: "Standing",
        body: Credentials | None,
        version: str,
        *,
        authorization: str = "",
    ) -> Credentials | None:
        """Answer a request to our credentials, on the ``version`` of its address.

        ``authorization`` is the request's header: GET repeats the token in it, of which we keep only a hash.
        Raises OcpiRefusal: 405 where the state forbids it, 3001, 3002, 3003, 2001.
        """
        after = _allowed(partner, method)
        if method == "GET":
            return self._partners.ours.credentials(next(readings(authorization), "#NA"))
        try:
            async with self._partners.alone(partner.id):
                _allowed(self._partners.known(partner.id), method)
                if method == "DELETE":
                    await self._write(partner, lambda now: _over(now, after), partner.id, "unregistered by partner")
                    return None
                if body is None:
                    raise OcpiRefusal(INVALID, "credentials are missing")
                return await self._accept(partner, body, version, standing=standing if method == "PUT" else None)
        except Refused as refused:
            raise OcpiRefusal(SERVER_ERROR, refused.detail or refused.reason) from None

    async def _accept(
        self, partner: Partner, theirs: Credentials, version: str, *, standing: "Standing | None"
    ) -> Credentials:
        """Take credentials, and return ours with a new token. ``standing`` is that of a PUT, None for POST."""
        found = await self._call_back(partner, theirs, version)
        token = new_token(self._partners.entropy)
        hashed, until = digest(token), self._now() + GRACE

        def joined(now: Partner) -> Partner:
            waiting = replace(now, token_in=hashed)
            if standing is not None:
                waiting = self._exchanged(now, hashed, until, uses_previous=standing == "previous")
            return self._joined(waiting, found, theirs, PartnerState.REGISTERED)

        done = "registered by partner" if standing is None else "tokens rotated by partner"
        try:
            await self._write(partner, joined, partner.id, done)
        except PeerFault as fault:
            raise OcpiRefusal(INVALID, fault.description) from None
        return self._partners.ours.credentials(token)

    async def _call_back(self, partner: Partner, theirs: Credentials, version: str) -> Found:
        """Read what the partner offers, in the version that it chose; OcpiRefusal where that does not work."""
        known = replace(partner, versions_url=theirs.url, token_out=Secret(theirs.token))
        try:
            return await self._read(known, (version,))
        except PeerFault as fault:
            told = {str(UNSUPPORTED_VERSION), str(MISSING_ENDPOINTS)}
            raise OcpiRefusal(int(fault.code) if fault.code in told else NOT_USABLE, fault.description) from None
        except (PeerRefused, Unreachable) as failed:
            raise OcpiRefusal(NOT_USABLE, f"your versions cannot be read: {_coarse(failed)}") from None

    # ── what both have ──

    async def _read(self, partner: Partner, versions: tuple[str, ...] | None = None) -> Found:
        return await discover(
            self._exchange, self._partners.policy, partner.versions_url, _token(partner), role=partner.role,
            versions=versions or self._partners.ours.versions, plain=partner.quirks.plain_token, by=self._by(),
            correlation=self._exchange.correlation(),
        )  # fmt: skip

    async def _send(self, method: str, partner: Partner, found: Found, token: Secret) -> Credentials:
        body = write(self._partners.ours.credentials(token), found.version)
        reply = await self._exchange.ask(
            method, credentials_url(found.endpoints), _token(partner), by=self._by(), plain=found.plain, body=body
        )
        try:
            return read(reply.data, Credentials, found.version)
        except PeerFault as fault:
            raise PeerGarbled("credentials", fault.description) from None

    async def _write(self, partner: Partner, change: Callable[[Partner], Partner], actor: str, action: str) -> Partner:
        """Change the partner as it stands by then: an operator may have changed it in the meantime."""
        return await self._partners.write(lambda: change(self._partners.known(partner.id)), actor, action)

    def _joined(self, partner: Partner, found: Found, theirs: Credentials, state: PartnerState) -> Partner:
        now = self._now()
        return replace(
            partner, state=state, parties=self._parties(partner, theirs), version=found.version,
            endpoints=found.endpoints, token_out=Secret(theirs.token),
            versions_url=self._usable(theirs.url) or partner.versions_url,
            name=partner.name or theirs.roles[0].business_details.name,
            quirks=replace(partner.quirks, plain_token=found.plain),
            registered_at=partner.registered_at or now, rotated_at=now if partner.registered else partner.rotated_at,
        )  # fmt: skip

    def _parties(self, partner: Partner, theirs: Credentials) -> tuple[PartyId, ...]:
        """Return whom the partner speaks for; nobody takes a party that another partner has."""
        roles = roles_of(partner.role, theirs.roles)
        if not roles:
            raise PeerFault(str(INVALID), f"none of the roles is {partner.role}")
        parties = tuple(dict.fromkeys(PartyId(each.country_code.upper(), each.party_id.upper()) for each in roles))
        if partner.pinned is not None and partner.pinned not in parties:
            raise PeerFault(str(INVALID), f"none of the roles is {partner.role} of {partner.pinned}")
        for party in parties:
            holder = self._partners.of_party(party, partner.role)
            if holder is not None and holder.id != partner.id:
                raise PeerFault(str(INVALID), f"{party} is registered already")
        return parties

    def _exchanged(self, partner: Partner, hashed: bytes, until: datetime, *, uses_previous: bool = False) -> Partner:
        """Return the partner with a new token beside the one that it uses now."""
        end = partner.previous_until
        unanswered = end is not None and end > self._now() + GRACE
        before = partner.token_in
        if partner.token_previous is not None and (uses_previous or unanswered):
            before = partner.token_previous  # it has never had the one in between, or does not know it any more
        return replace(partner, token_in=hashed, token_previous=before, previous_until=until)

    def _settled(self, partner: Partner) -> Partner:
        return replace(partner, previous_until=self._now() + GRACE)

    def _usable(self, url: str) -> str:
        try:
            return self._partners.policy.check(url)
        except PeerFault:
            return ""

    def _by(self) -> Tick:
        return Tick(self._partners.clock.tick() + HANDSHAKE)

    def _now(self) -> datetime:
        return self._partners.clock.now()


def _token(partner: Partner) -> Secret:
    if partner.token_out is None:
        raise Refused("notAdded", "there is no token to ask with")
    return partner.token_out


def _over(partner: Partner, state: PartnerState) -> Partner:
    return replace(
        partner, state=state, token_in=None, token_previous=None, previous_until=None, token_out=None, endpoints=()
    )


def _allowed(partner: Partner, method: str) -> PartnerState:
    """Return the state after a request to our credentials; OcpiRefusal 405 where its state forbids it."""
    after = TABLE.get((partner.state, Step(method)))
    if after is not None:
        return after
    words = "already registered" if method == "POST" else "not registered"
    allow = {"allow": ", ".join(allowed_methods(partner.state))}
    raise OcpiRefusal(CLIENT_ERROR, words, http=METHOD_NOT_ALLOWED, headers=allow)


def _tokens_of(former: Partner, partner: Partner) -> Partner:
    return replace(
        partner, token_in=former.token_in, token_previous=former.token_previous, previous_until=former.previous_until
    )


def _nothing_done(refused: PeerRefused) -> bool:
    """Return whether a refusal says that nothing was done: a broken answer or a fault of the server does not."""
    return not isinstance(refused, PeerGarbled) and refused.details.get("http", 0) < FIRST_SERVER_FAULT


def _coarse(failed: EvouchError) -> str:
    """Return why in a word: whoever sends an address learns no more about what is there."""
    return failed.code if isinstance(failed, PeerRefused) else "no answer"
