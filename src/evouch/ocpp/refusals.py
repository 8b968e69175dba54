"""How a refusal is spelled on the wire: the codes of each version, and what earns which.

OCPP-J 1.6 table 7; OCPP 2.x part 4 §4.3. Inside this package codes are spelled as 2.x
spells them; :func:`wire_code` knows the two that 1.6 spells differently and the ones it
does not have.

Texts never repeat a string that the peer sent: it may be a secret, and texts get logged. The
details of 2.1 repeat the request, without what may be a vehicle's address.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

from jsonschema_rs import ValidationError

from evouch.errors import PeerFault, Refused
from evouch.ids import OcppVersion
from evouch.ocpp.redaction import hidden, masked
from evouch.ocpp.versions import V16, V21
from evouch.wire import encode

__all__ = ["MAX_DESCRIPTION", "Code", "fault_of_refusal", "fault_of_violations", "wire_code"]

#: Longest errorDescription (OCPP 2.x part 4 §4.2.3; 1.6 has the same).
MAX_DESCRIPTION: Final = 255
#: Largest request repeated in errorDetails, in bytes: enough for every message a person debugs by hand.
MAX_ECHO: Final = 8192


class Code(StrEnum):
    """errorCode of a CALLERROR or CALLRESULTERROR."""

    FORMAT = "FormatViolation"
    GENERIC = "GenericError"
    INTERNAL = "InternalError"
    MESSAGE_TYPE = "MessageTypeNotSupported"
    NOT_IMPLEMENTED = "NotImplemented"
    NOT_SUPPORTED = "NotSupported"
    OCCURRENCE = "OccurrenceConstraintViolation"
    PROPERTY = "PropertyConstraintViolation"
    PROTOCOL = "ProtocolError"
    FRAMEWORK = "RpcFrameworkError"
    SECURITY = "SecurityError"
    TYPE = "TypeConstraintViolation"


#: What 1.6 says instead. Its list has no code for the frame around a payload but FormationViolation.
_CODES_16: Final = {
    Code.FORMAT: "FormationViolation",
    Code.FRAMEWORK: "FormationViolation",
    Code.MESSAGE_TYPE: "GenericError",
    Code.OCCURRENCE: "OccurenceConstraintViolation",
}
_WIRE: Final = {
    V16: {code.value: _CODES_16.get(code, code.value) for code in Code} | {name: name for name in _CODES_16.values()}
}
_WIRE_2: Final = {code.value: code.value for code in Code} | {
    "FormationViolation": Code.FORMAT.value,
    "OccurenceConstraintViolation": Code.OCCURRENCE.value,
}


def wire_code(version: OcppVersion, code: str) -> str:
    """Return ``code``, in whatever spelling, as ``version`` spells it; GenericError for a word that it has not."""
    return _WIRE.get(version, _WIRE_2).get(code, Code.GENERIC.value)


# ── a rule said no ──────────────────────────────────────────────────────────────────────

#: Reasons of :class:`~evouch.errors.Refused` that have a code of their own; all others are GenericError.
_REASONS: Final = {
    "invalidCode": Code.SECURITY,
    "invalidProof": Code.SECURITY,
    "notAdmitted": Code.SECURITY,
    "notBooted": Code.SECURITY,
    "notSupported": Code.NOT_SUPPORTED,
}


def fault_of_refusal(refused: Refused) -> PeerFault:
    """Return the fault that tells a peer of a rule's refusal: its reason, never its detail."""
    return PeerFault(_REASONS.get(refused.reason, Code.GENERIC), refused.reason)


# ── a payload broke its schema ──────────────────────────────────────────────────────────

#: Keyword of the schema → code. Cardinality of a list is an occurrence, as the tables of part 2 write it.
_KEYWORDS: Final = {
    "required": Code.OCCURRENCE,
    "minItems": Code.OCCURRENCE,
    "maxItems": Code.OCCURRENCE,
    "type": Code.TYPE,
    "enum": Code.PROPERTY,
    "minimum": Code.PROPERTY,
    "maximum": Code.PROPERTY,
    "minLength": Code.PROPERTY,
    "maxLength": Code.PROPERTY,
    "pattern": Code.PROPERTY,
    "format": Code.PROPERTY,
    "multipleOf": Code.PROPERTY,
    "additionalProperties": Code.FORMAT,
}
#: Of several violations the first of this list is told: what is missing matters more than what is too much.
_RANK: Final = (Code.OCCURRENCE, Code.TYPE, Code.PROPERTY, Code.FORMAT)


def fault_of_violations(version: OcppVersion, violations: Iterable[ValidationError], request: Any) -> PeerFault:
    """Return the fault that tells a peer how ``request`` broke its schema.

    On 2.1 its details are ``{property, value, request}``; other versions leave them empty.
    """
    found = sorted(((_code(each), each) for each in violations), key=lambda pair: _RANK.index(pair[0]))
    if not found:
        return PeerFault(Code.FORMAT, "the payload breaks its schema")
    code, violation = found[0]
    shown = hidden(request, doubtful=True)
    path, value = _place(violation, shown)
    details = _details(path, value, shown) if version == V21 else None
    return PeerFault(code, _sentence(code, violation, path, value)[:MAX_DESCRIPTION], details)


def _code(violation: ValidationError) -> Code:
    code = _KEYWORDS.get(violation.kind.name, Code.PROPERTY)
    if code is Code.TYPE and violation.instance is None and _is_member(violation):
        return Code.OCCURRENCE
    return code


def _is_member(violation: ValidationError) -> bool:
    return bool(violation.instance_path) and isinstance(violation.instance_path[-1], str)


def _place(violation: ValidationError, request: Any) -> tuple[str, Any]:
    """Return where the violation is (``meterValue[0].timestamp``) and the value the peer sent there."""
    steps = list(violation.instance_path)
    named = violation.kind.as_dict()
    if violation.kind.name == "required":
        steps.append(named["property"])
    elif violation.kind.name == "additionalProperties":
        steps.append(named["unexpected"][0])
    words = (f"[{step}]" if isinstance(step, int) else f".{masked(step)}" for step in steps)
    path = "".join(words).removeprefix(".")
    return path, _value(steps, request)


def _value(steps: Iterable[str | int], request: Any) -> Any:
    """Follow ``steps`` through what the peer sent; None where it ends early."""
    found = request
    try:
        for step in steps:
            found = found[step]
    except (KeyError, IndexError, TypeError):
        return None
    return found


def _sentence(code: Code, violation: ValidationError, path: str, value: Any) -> str:
    match code:
        case Code.OCCURRENCE if violation.kind.name in ("minItems", "maxItems"):
            return f"Wrong number of elements in '{path}'!"
        case Code.OCCURRENCE:
            return f"Missing '{path}' value!"
        case Code.TYPE:
            kinds = " or ".join(str(kind).capitalize() for kind in violation.kind.as_dict()["types"])
            return f"Property '{path}' must be of type {kinds}!"
        case Code.FORMAT:
            return f"Unknown property '{path}'!"
        case _:
            shown = "" if isinstance(value, (str, dict, list)) else f" '{value}'"
            return f"Invalid value{shown} for property '{path}'!"


def _details(path: str, value: Any, request: Any) -> dict[str, Any]:
    details = {"property": path, "value": value, "request": request}
    return details if len(encode(details)) <= MAX_ECHO else {"property": path}
