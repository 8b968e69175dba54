"""What a request has to agree on with itself, and with who sends it.

- The party in the path of an object is one of the sender's: else there is nothing of his there (404).
- The same party, and the same id, stand in the body (2001): compared without regard to case.
- A record that has no party in its path, and a token in a command, is the sender's too (2001).
- Ids fit their length; a token's uid that of its type.

Source: transport §client owned object push; mod_tokens; docs/decisions/062.
"""

from collections.abc import Mapping
from typing import Any, Final

from evouch.errors import PeerFault
from evouch.ids import PartyId
from evouch.ocpi import model as m
from evouch.ocpi.codec import MOST_VID, check_uid
from evouch.ocpi.envelope import nowhere
from evouch.ocpi.partner import Partner
from evouch.ocpi.routes import Route

__all__ = ["USUAL_TYPE", "check", "token_type"]

#: TokenType where a request names none (mod_tokens §authorize).
USUAL_TYPE: Final = "RFID"

#: Longest values of parameters: CiString(36), but a CDR's id and a vehicle's.
_MOST: Final = {"cdr_id": 39, "vehicle_id": MOST_VID}
_USUAL_MOST: Final = 36

#: Member that is the id of an object, the last parameter of its path.
_KEYS: Final[dict[type[Any], str]] = {
    m.Token: "uid", m.Location: "id", m.Evse: "uid", m.Connector: "id", m.Tariff: "id", m.Session: "id",
    m.VehicleObject: "vehicle_id",
}  # fmt: skip


def token_type(query: Mapping[str, str], body: Any) -> str:
    """Return the type of the token in a path: both spellings of the parameter are in use (2.1.1 has both)."""
    said = query.get("type") or query.get("token_type") or _member(body, "type")
    return said if isinstance(said, str) and said else USUAL_TYPE


def check(row: Route, partner: Partner, params: Mapping[str, str], query: Mapping[str, str], body: Any) -> None:
    """Raise OcpiRefusal (404) or PeerFault 2001 where a request breaks one of the rules above."""
    _lengths(params, query)
    owner = _owner(params)
    if owner is not None and not partner.speaks_for(owner):
        raise nowhere("not one of your parties")
    if row.takes in _KEYS and params:
        _same(row, params, query, body)
    for each in (body, getattr(body, "token", None)) if owner is None else ():
        mine = _owner(each) if isinstance(each, m.VehicleObject | m.Cdr | m.Token) else None
        if mine is not None and not partner.speaks_for(mine):
            raise PeerFault("2001", "party_id: not one of your parties", {"member": "party_id"})


def _lengths(params: Mapping[str, str], query: Mapping[str, str]) -> None:
    for name, value in params.items():
        if name == "token_uid":
            check_uid(value, query["type"])
        elif len(value) > _MOST.get(name, _USUAL_MOST):
            raise PeerFault("2001", f"{name}: too long", {"member": name})


def _same(row: Route, params: Mapping[str, str], query: Mapping[str, str], body: Any) -> None:
    """Compare what stands in both; a PATCH may leave it out."""
    key = _KEYS[row.takes] if row.takes else ""
    pairs = {key: params[row.names[-1]]} | {name: params.get(name) for name in ("country_code", "party_id")}
    if row.takes is m.Token:
        pairs["type"] = query["type"]
    for member, there in pairs.items():
        here = _member(body, member)
        if here is not None and there is not None and str(here).casefold() != there.casefold():
            raise PeerFault("2001", f"{member}: not that of the address", {"member": member})


def _owner(named: Any) -> PartyId | None:
    country, party = _member(named, "country_code"), _member(named, "party_id")
    return None if country is None or party is None else PartyId(country.upper(), party.upper())


def _member(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)
