"""Cards and app tokens of eMSPs: what they told us of them, and what that means for an answer.

``whitelist`` decides who answers (mod_tokens §WhitelistType): ALWAYS and ALLOWED are answered
here, NEVER by the eMSP each time, ALLOWED_OFFLINE by the eMSP and here only if it is away. The
token of a vehicle is never kept: it is NEVER by definition, and its VID stands in the vehicles.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import structlog

from evouch.cpo.roaming_partners import Directory
from evouch.cpo.turns import Turns
from evouch.errors import PeerFault
from evouch.ids import PartyId
from evouch.ocpi.codec import merge, read, write
from evouch.ocpi.model import VEHICLE_TOKEN, Token
from evouch.ocpi.partner import Partner
from evouch.ocpi.ports import OcpiRefusal
from evouch.store.ports import Put, Store
from evouch.store.records import OcpiObject

__all__ = ["Card", "RoamingTokens", "answers_here", "answers_offline"]

#: OCPI status codes: invalid parameters, unknown token.
INVALID: Final = 2001
UNKNOWN: Final = 2004
NOT_FOUND: Final = 404
RFID: Final = "RFID"
MODULE: Final = "tokens"

_log = structlog.get_logger("evouch.cpo.roaming")


@dataclass(frozen=True, slots=True)
class Card:
    """A token that a partner owns."""

    partner: Partner
    owner: PartyId
    token: Token


def answers_here(token: Token) -> bool:
    """Return whether the operator answers by itself."""
    return token.whitelist in {"ALWAYS", "ALLOWED"}


def answers_offline(token: Token) -> bool:
    """Return whether the operator answers by itself where the eMSP is away."""
    return token.whitelist == "ALLOWED_OFFLINE" and token.valid


@dataclass(slots=True)
class RoamingTokens:
    """The tokens of all eMSPs, in the store."""

    store: Store
    directory: Directory
    _turns: Turns = field(default_factory=Turns)

    async def find(self, uid: str) -> Card | None:
        """Return whose token this is.

        uids of cards are not unique in the world, and each eMSP says its own. Of several one that is valid, then that
        of the eMSP that we ask first, then the one that changed last: nobody makes another one's card void.
        """
        found = []
        for each in await self.store.ocpi_objects_named(MODULE, _id(uid, RFID)):
            partner = self.directory.get(each.partner)
            if partner is not None and partner.registered and partner.speaks_for(each.owner):
                found.append(Card(partner, each.owner, read(each.body, Token)))
        return max(found, key=_rank, default=None)

    async def get(self, partner: Partner, owner: PartyId, uid: str, kind: str = RFID) -> Token:
        """Return one; OcpiRefusal 404 with 2004 where it is not known, or not the partner's."""
        found = await self._stored(partner, owner, uid, kind)
        if found is None:
            raise OcpiRefusal(UNKNOWN, "no such token", http=NOT_FOUND)
        return found

    async def put(self, partner: Partner, owner: PartyId, uid: str, token: Token) -> bool:
        """Take what an eMSP pushed; return whether it is new. OcpiRefusal where it may not say this."""
        async with self._turns.of((partner.id, _id(uid, token.type))):
            return await self._take(partner, owner, uid, token)

    async def patch(self, partner: Partner, owner: PartyId, uid: str, kind: str, part: dict[str, Any]) -> None:
        """Change some members of a token; OcpiRefusal where there is none or the outcome is none."""
        async with self._turns.of((partner.id, _id(uid, kind))):  # two changes at once are two changes
            before = await self.get(partner, owner, uid, kind)
            try:
                await self._take(partner, owner, uid, merge(before, part))
            except PeerFault as fault:
                raise OcpiRefusal(INVALID, fault.description) from fault

    async def _take(self, partner: Partner, owner: PartyId, uid: str, token: Token) -> bool:
        if not partner.speaks_for(owner) or _owner(token) != owner:
            raise OcpiRefusal(INVALID, "the owner of the token is not the sender", http=NOT_FOUND)
        if token.uid.casefold() != uid.casefold():
            raise OcpiRefusal(INVALID, "uid is not that of the address")
        if token.type == VEHICLE_TOKEN:
            raise OcpiRefusal(INVALID, "a vehicle is no token to keep: PUT it to vehicles")
        before = await self._stored(partner, owner, uid, token.type)
        if before is None or token.last_updated >= before.last_updated:
            await self.store.commit(Put(_kept(partner, owner, token)))
        return before is None

    async def take_in(self, partner: Partner, token: Token) -> None:
        """Take one object of an eMSP's list; what cannot be meant is left out and said."""
        try:
            await self.put(partner, _owner(token), token.uid, token)
        except OcpiRefusal as refusal:
            _log.warning("token of a list left out", partner=partner.id, why=refusal.message)

    async def _stored(self, partner: Partner, owner: PartyId, uid: str, kind: str) -> Token | None:
        found = await self.store.ocpi_object(MODULE, partner.id, owner, _id(uid, kind))
        return read(found.body, Token) if found else None


def _rank(card: Card) -> tuple[bool, int, datetime]:
    return card.token.valid, card.partner.priority, card.token.last_updated


def _id(uid: str, kind: str) -> str:
    """(uid, type) is unique at its owner; a card's uid stands alone, for that is what stations ask by."""
    return uid.upper() if kind == RFID else f"{uid.upper()}|{kind}"


def _owner(token: Token) -> PartyId:
    return PartyId(token.country_code.upper(), token.party_id.upper())


def _kept(partner: Partner, owner: PartyId, token: Token) -> OcpiObject:
    return OcpiObject(
        module=MODULE, partner=partner.id, owner=owner, id=_id(token.uid, token.type), last_updated=token.last_updated,
        body=write(token),
    )  # fmt: skip
