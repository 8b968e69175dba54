"""Names for the strings of this field, and three kinds of bytes that never print.

Plain identifiers are ``NewType`` over ``str`` or ``int``: they cost nothing and still
cannot be confused. Each has one parser, which raises :class:`ValueError` with the rule
that was broken. Ids that a stranger could guess are never secrets.
"""

import hmac
import re
from dataclasses import dataclass
from typing import Any, NewType, NoReturn, Self

__all__ = [
    "ContractId",
    "EvseId",
    "EvseNumber",
    "KeyBytes",
    "Mac",
    "OcppVersion",
    "PartyId",
    "PaymentId",
    "RemoteStartId",
    "Secret",
    "StationId",
    "TransactionId",
    "Vid",
    "parse_evse_id",
    "parse_party_id",
    "parse_station_id",
    "parse_vid",
]

#: Identity of a charging station: last path segment of its OCPP URL (OCPP-J 1.6 §3.1.1, 2.x part 4 §3.1).
StationId = NewType("StationId", str)
#: EVSE number within one station, from 1 (OCPP 2.x part 1 §7); 0 is the station as a whole.
EvseNumber = NewType("EvseNumber", int)
#: Roaming EVSE id such as ``DE*ABC*E123`` (ISO 15118-2 annex H, eMI3).
EvseId = NewType("EvseId", str)
#: Transaction id in neutral form: the station's own id on 2.x, our decimal integer on 1.6.
TransactionId = NewType("TransactionId", str)
#: Number that ties a remote start to the transaction it causes (OCPP 2.x RequestStartTransaction).
RemoteStartId = NewType("RemoteStartId", int)
#: Identity of one ad hoc payment: 128 random bits, lower-case base32. It grants, so it is unguessable.
PaymentId = NewType("PaymentId", str)
#: OCPP version as its WebSocket subprotocol spells it: ``ocpp1.6``, ``ocpp2.0.1``, ``ocpp2.1``.
OcppVersion = NewType("OcppVersion", str)
#: Hashed MAC address of a vehicle at one eMSP: 64 lower-case hex digits ("Autocharge Roaming" §4.1).
Vid = NewType("Vid", str)
#: Contract of a driver with an eMSP, as the eMSP spells it (OCPI Token.contract_id, CiString(36)).
ContractId = NewType("ContractId", str)

#: OCPP 2.x SecurityCtrlr.Identity and 1.6 allow 48 characters; identifierString of part 2 §2.
_STATION = re.compile(r"[A-Za-z0-9*\-_=:+|@.]{1,48}\Z")
_PARTY = re.compile(r"([A-Z]{2})\*?([A-Z0-9]{3})\Z", re.IGNORECASE | re.ASCII)
_VID = re.compile(r"[0-9a-f]{64}\Z", re.IGNORECASE | re.ASCII)
_EVSE = re.compile(r"[A-Z]{2}\*?[A-Z0-9]{3}\*?E[A-Z0-9][A-Z0-9*]{0,30}\Z", re.IGNORECASE | re.ASCII)


def parse_station_id(text: str) -> StationId:
    """Return ``text`` as a station identity (OCPP 2.x part 2, identifierString, at most 48 characters)."""
    if not _STATION.match(text):
        msg = "a station id is 1 to 48 characters of A-Z a-z 0-9 * - _ = : + | @ ."
        raise ValueError(msg)
    return StationId(text)


def parse_evse_id(text: str) -> EvseId:
    """Return ``text`` as a roaming EVSE id (country, operator, ``E``, up to 31 characters)."""
    if not _EVSE.match(text):
        msg = "an EVSE id looks like DE*ABC*E123"
        raise ValueError(msg)
    return EvseId(text)


def parse_vid(text: str) -> Vid:
    """Return ``text`` as a VID in lower case: 64 hex digits, the output of the OPRF."""
    if not _VID.match(text):
        msg = "a VID is 64 hex digits"
        raise ValueError(msg)
    return Vid(text.lower())


@dataclass(frozen=True, slots=True, order=True)
class PartyId:
    """A party as OCPI names it: ISO 3166 country and the id it has there, both in upper case."""

    country: str
    party: str

    def __str__(self) -> str:
        return f"{self.country}*{self.party}"


def parse_party_id(text: str) -> PartyId:
    """Return ``DE*ABC``, ``DEABC`` or ``de*abc`` as a party (OCPI credentials, CiString(2) and CiString(3))."""
    found = _PARTY.match(text)
    if not found:
        msg = "a party is two letters of a country and three letters or digits, like DE*ABC"
        raise ValueError(msg)
    return PartyId(found[1].upper(), found[2].upper())


class _Hidden:
    """Bytes that never reach a log, a repr, a pickle or a JSON document by accident."""

    __slots__ = ("_value",)
    _value: bytes

    def __init__(self, value: bytes | str) -> None:
        object.__setattr__(self, "_value", value.encode() if isinstance(value, str) else bytes(value))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        msg = f"{type(self).__name__} is immutable"
        raise AttributeError(msg)

    def reveal(self) -> bytes:
        """Return the bytes. Call sites are counted by a test: each one needs a reason."""
        return self._value

    def __str__(self) -> str:
        return "***"

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"

    def __format__(self, spec: str) -> str:
        return "***"

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and hmac.compare_digest(self._value, other._value)

    def __hash__(self) -> int:
        return hash((type(self), self._value))

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        msg = f"{type(self).__name__} is never pickled"
        raise TypeError(msg)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


class Secret(_Hidden):
    """A shared secret or password. Its text is UTF-8, exactly as it was set: nothing is trimmed."""

    __slots__ = ()

    def text(self) -> str:
        """Return the secret as text, to hand it to the peer that shares it. Counted like :meth:`reveal`."""
        return self._value.decode()


class KeyBytes(_Hidden):
    """Raw key material."""

    __slots__ = ()


class Mac(_Hidden):
    """A vehicle's MAC address: six octets that never leave this process's memory."""

    __slots__ = ()
