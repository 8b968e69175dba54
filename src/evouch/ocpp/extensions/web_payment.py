"""The vendor messages NotifyWebPaymentStarted and NotifyWebPaymentFailed, carried by DataTransfer.

Vendor ``cloud.charging.open``. On 2.x ``data`` is an object, on 1.6 a string that holds the
same object. OCPP 2.1 has NotifyWebPaymentStarted itself; NotifyWebPaymentFailed is a vendor
message on every version. This file knows what is inside ``data`` and what the answers mean;
``v16`` and ``v2`` know the envelopes.

Source: the paper "Secure Dynamic QR-Codes for OCPP", sections OCPP v2.1, v2.0.1 and v1.6,
in the reading of docs/decisions: statuses that OCPP does not have are understood and never
sent; a bad EVSE is ``invalidEvseId``; a reason is understood in ``statusInfo`` and in
``data``; 1.6 requests carry connectorId and evseId, and either suffices.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from msgspec import field

from evouch.charging.dialogue import LockAnswer, LockOutcome, Text, WebPaymentFailed, WebPaymentStarted
from evouch.charging.equipment import Wiring
from evouch.errors import EvouchError, PeerFault, PeerRefused
from evouch.ids import EvseNumber
from evouch.ocpp.forms import ADDITIONAL_INFO, REASON_CODE, Struct, members, plain
from evouch.wire import Json, MalformedJson, decode

__all__ = [
    "FAILED", "MAX_TIMEOUT", "STARTED", "VENDOR", "Problem", "Refusal", "Wrong", "failed_data", "fault",
    "read_data", "read_failed", "read_started", "refusal", "started_data", "understood",
    "understood_error", "wrong_fault",
]  # fmt: skip

VENDOR: Final = "cloud.charging.open"
STARTED: Final = "NotifyWebPaymentStarted"
FAILED: Final = "NotifyWebPaymentFailed"
#: Longest lock in seconds, from the paper's error tables.
MAX_TIMEOUT: Final = 300
#: Most error texts that are read from one message: one per language of a country, with room.
_MAX_TEXTS: Final = 16
#: Longest text of a 2.1 MessageContent.
_MAX_CONTENT: Final = 1024

#: reasonCode per member that can be wrong; all fit the 20 characters of StatusInfoType.
_REASONS: Final = {
    "evseId": "invalidEvseId",
    "connectorId": "invalidConnectorId",
    "timeout": "invalidTimeout",
    "errorMessage": "invalidMessage",
    "data": "invalidMessage",
}
_MEMBERS: Final = {reason: member for member, reason in _REASONS.items()}
_UNKNOWN_STATUS: Final = frozenset({"UnknownVendorId", "UnknownVendor", "UnknownMessageId"})
_UNKNOWN_CODES: Final = frozenset({"NotImplemented", "NotSupported"})
#: CALLERROR codes that judge what was asked, in both spellings of OCPP-J.
_JUDGING_CODES: Final = frozenset({
    "OccurrenceConstraintViolation", "OccurenceConstraintViolation", "TypeConstraintViolation",
    "PropertyConstraintViolation", "FormatViolation", "FormationViolation",
})  # fmt: skip


class Problem(StrEnum):
    """What is wrong with a member, as the CALLERROR code of OCPP 2.1."""

    MISSING = "OccurrenceConstraintViolation"
    TYPE = "TypeConstraintViolation"
    RANGE = "PropertyConstraintViolation"


class Wrong(EvouchError):
    """A member of a request is not what it should be."""

    def __init__(self, member: str, value: Any, problem: Problem) -> None:
        super().__init__(member, problem)
        self.member = member
        self.value = value
        self.problem = problem

    @property
    def reason(self) -> str:
        """The reasonCode for it."""
        return _REASONS[self.member]

    @property
    def sentence(self) -> str:
        """The sentence of the paper's tables for 2.0.1 and 1.6."""
        return f"Invalid '{self.member}' value!"

    @property
    def description(self) -> str:
        """The sentence of the paper's 2.1 table."""
        if self.problem is Problem.MISSING:
            return f"Missing '{self.member}' value!"
        if self.problem is Problem.TYPE:
            return f"Property '{self.member}' must be of type Integer!"
        if self.member == "timeout":
            return f"The 'timeout' must be >0 and <= {MAX_TIMEOUT} seconds!"
        return f"Invalid value '{self.value}' for property '{self.member}'!"


# ── requests ────────────────────────────────────────────────────────────────────────────


class _Started(Struct):
    """Content of NotifyWebPaymentStarted."""

    evse: int = field(name="evseId")
    timeout: int
    connector: int | None = field(name="connectorId", default=None)
    custom: dict[str, Any] | None = field(name="customData", default=None)


class _ErrorText(Struct):
    """One sentence for the driver."""

    format: str
    language: str
    content: str


class _Failed(Struct):
    """Content of NotifyWebPaymentFailed."""

    evse: int = field(name="evseId")
    messages: list[_ErrorText] = field(name="errorMessage")
    connector: int | None = field(name="connectorId", default=None)
    custom: dict[str, Any] | None = field(name="customData", default=None)


def started_data(order: WebPaymentStarted, connector: int | None = None) -> Json:
    """Return the content of NotifyWebPaymentStarted; ``connector`` only where the version has no EVSE."""
    return plain(_Started(evse=int(order.evse), timeout=order.timeout, connector=connector, custom=order.custom))


def failed_data(order: WebPaymentFailed, connector: int | None = None) -> Json:
    """Return the content of NotifyWebPaymentFailed, its sentences as a list."""
    texts = [_ErrorText(format=text.format, language=text.language, content=text.content) for text in order.messages]
    return plain(_Failed(evse=int(order.evse), messages=texts, connector=connector, custom=order.custom))


def read_data(data: Any) -> Json:
    """Return the object in ``data``, which may be one, or a string that holds one. Raises Wrong where it is neither."""
    try:
        content = decode(data) if isinstance(data, str) else data
    except MalformedJson:
        raise Wrong("data", data, Problem.TYPE) from None
    if not isinstance(content, dict):
        raise Wrong("data", content, Problem.TYPE)
    return content


def read_started(content: Mapping[str, Any], wiring: Wiring) -> WebPaymentStarted:
    """Return the order in a NotifyWebPaymentStarted; whether its values make sense is the station's to judge."""
    evse, connector = _place(content, wiring)
    timeout, custom = _integer(content, "timeout"), _custom(content)
    return WebPaymentStarted(evse=evse, timeout=timeout, connector=connector, custom=custom, asked=content)


def read_failed(content: Mapping[str, Any], wiring: Wiring) -> WebPaymentFailed:
    """Return the order in a NotifyWebPaymentFailed; sentences as a list, or as an object language → text."""
    evse, connector = _place(content, wiring)
    texts = _texts(content.get("errorMessage"))
    return WebPaymentFailed(evse=evse, messages=texts, connector=connector, custom=_custom(content), asked=content)


def _custom(content: Mapping[str, Any]) -> dict[str, Any] | None:
    custom = content.get("customData")
    return custom if isinstance(custom, dict) else None


def _integer(content: Mapping[str, Any], member: str) -> int:
    value = content.get(member)
    if value is None:
        raise Wrong(member, None, Problem.MISSING)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Wrong(member, value, Problem.TYPE)
    return value


def _place(content: Mapping[str, Any], wiring: Wiring) -> tuple[EvseNumber, int | None]:
    """Return EVSE and 1.6 connector; where a 1.6 request names both, they have to belong together."""
    if wiring.version != "ocpp1.6" or content.get("connectorId") is None:
        return EvseNumber(_integer(content, "evseId")), None
    connector = _integer(content, "connectorId")
    wired = wiring.evse_of(connector)
    if content.get("evseId") is None:
        if wired is None:
            raise Wrong("connectorId", connector, Problem.RANGE)
        return wired, connector
    evse = EvseNumber(_integer(content, "evseId"))
    if wired != evse:
        raise Wrong("evseId", evse, Problem.RANGE)
    return evse, connector


def _texts(message: Any) -> tuple[Text, ...]:
    if message is None:
        return ()
    if isinstance(message, list):
        return tuple(_text(one) for one in message[:_MAX_TEXTS])
    if not isinstance(message, dict):
        raise Wrong("errorMessage", message, Problem.TYPE)
    if "content" in message:
        return (_text(message),)
    pairs = list(message.items())[:_MAX_TEXTS]
    return tuple(_text({"language": language, "content": content}) for language, content in pairs)


def _text(one: Any) -> Text:
    parts = members(one)
    content, language, format = parts.get("content"), parts.get("language", "en"), parts.get("format", "UTF8")
    if not (isinstance(content, str) and isinstance(language, str) and isinstance(format, str)):
        raise Wrong("errorMessage", one, Problem.TYPE)
    return Text(content[:_MAX_CONTENT], language, format)


# ── answers ─────────────────────────────────────────────────────────────────────────────


class Refusal(Struct):
    """Why a station said no. 1.6 carries all three in ``data``, 2.x the last two in ``statusInfo`` and ``data``."""

    message: str | None = None
    reason: str | None = field(name="reasonCode", default=None)
    info: str | None = field(name="additionalInfo", default=None)


def refusal(reason: str, info: str = "") -> Refusal:
    """Return the refusal for ``reason``, with the paper's sentence where nobody wrote a better one."""
    member = _MEMBERS.get(reason)
    sentence = info or (f"Invalid '{member}' value!" if member else reason or "Rejected")
    short = sentence[:ADDITIONAL_INFO]
    return Refusal(message=short, reason=reason[:REASON_CODE] or "rejected", info=short)


def fault(order: WebPaymentStarted, answer: LockAnswer) -> PeerFault | None:
    """Return the CALLERROR that a 2.1 station answers a refusal with; None where 2.1 has no word for it.

    2.1 answers with ``{}`` or with an error about a member: an EVSE that is in use is neither.
    """
    if answer.outcome is LockOutcome.UNKNOWN:
        return PeerFault("NotImplemented", f"{STARTED} is not known here")
    member = _MEMBERS.get(answer.reason)
    if answer.outcome is LockOutcome.TAKEN or member not in {"evseId", "timeout"}:
        return None
    request = order.asked if isinstance(order.asked, dict) else started_data(order)
    return wrong_fault(Wrong(member, request.get(member), Problem.RANGE), request)


def wrong_fault(wrong: Wrong, request: Json) -> PeerFault:
    """Return the CALLERROR of 2.1 for a wrong member: with the member, its value, and the whole request."""
    details = {"property": wrong.member, "value": wrong.value, "request": request}
    return PeerFault(wrong.problem.value, wrong.description, details)


def understood(status: str, info: Mapping[str, Any], data: Any) -> LockAnswer:
    """Return what a DataTransfer answer means: ``info`` is its statusInfo, ``data`` an object, a string or nothing."""
    if status == "Accepted":
        return LockAnswer(LockOutcome.TAKEN)
    if status in _UNKNOWN_STATUS:
        return LockAnswer(LockOutcome.UNKNOWN, "UnknownVendorId" if status == "UnknownVendor" else status)
    inside = _inside(data)
    reason = _string(info, "reasonCode") or _string(inside, "reasonCode")
    sentences = (_string(info, "additionalInfo"), _string(inside, "additionalInfo"), _string(inside, "message"))
    sentence = next((one for one in sentences if one), "")
    return LockAnswer(LockOutcome.REJECTED, _reason(reason, sentence), sentence)


def understood_error(refused: PeerRefused) -> LockAnswer | PeerRefused:
    """Return what a CALLERROR to either message means; one that says nothing about the request stays what it is."""
    if refused.code in _UNKNOWN_CODES:
        return LockAnswer(LockOutcome.UNKNOWN, refused.code, refused.description)
    if refused.code not in _JUDGING_CODES:
        return refused
    reason = _REASONS.get(str(refused.details.get("property")), "")
    return LockAnswer(LockOutcome.REJECTED, reason or _reason("", refused.description), refused.description)


def _inside(data: Any) -> Mapping[str, Any]:
    try:
        return members(decode(data) if isinstance(data, str) else data)
    except MalformedJson:
        return {"message": data[:ADDITIONAL_INFO]}


def _string(parts: Mapping[str, Any], member: str) -> str:
    value = parts.get(member)
    return value if isinstance(value, str) else ""


def _reason(reason: str, sentence: str) -> str:
    """Return the reasonCode, taken from the sentence where there is none, or only the paper's ``invalidTimeout``."""
    if reason in {"", "invalidTimeout"}:
        for member, named in _REASONS.items():
            if f"'{member}'" in sentence:
                return named
    return reason
