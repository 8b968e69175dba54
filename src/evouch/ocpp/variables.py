"""Configuration in neutral form: the variables of WebPaymentsCtrlr, and the standard ones that a payment needs.

A :class:`~evouch.charging.dialogue.Setting` is a variable of a component on 2.x, and a key
on 1.6, where WebPaymentsCtrlr is spelled ``WebPaymentsCtrlr.{Setting}`` for the station and
``WebPaymentsCtrlr.{connectorId}.{Setting}`` for one EVSE. Names are compared without case.

Sources: OCPP 2.1 part 2 appendices §3.1.13 (WebPaymentsCtrlr), §3.1 (the other controllers),
OCPP 1.6 §9 (standard keys), the paper "Secure Dynamic QR-Codes for OCPP" (1.6 spelling, Enabled).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from evouch.charging.dialogue import Setting
from evouch.charging.equipment import Wiring
from evouch.ids import EvseNumber, OcppVersion, Secret
from evouch.ocpp.metering import ENERGY, POWER
from evouch.ocpp.versions import V16, V21, V201

__all__ = [
    "ENERGY", "POWER", "VARIABLES", "WEB_PAYMENTS", "Kind", "Mutability", "Variable",
    "conceal", "hidden", "key_of", "metering_settings", "plug_timeout", "refusal", "registration_reads",
    "setting_of", "spelled", "value_limit", "variable",
]  # fmt: skip

WEB_PAYMENTS: Final = "WebPaymentsCtrlr"


class Kind(StrEnum):
    """DataEnumType of 2.x."""

    STRING = "string"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    OPTION = "OptionList"
    MEMBERS = "MemberList"


class Mutability(StrEnum):
    """MutabilityEnumType of 2.x."""

    READ_ONLY = "ReadOnly"
    READ_WRITE = "ReadWrite"
    WRITE_ONLY = "WriteOnly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One variable of WebPaymentsCtrlr. ``low`` and ``high`` bound an integer, or the length of a text."""

    name: str
    kind: Kind = Kind.STRING
    unit: str = ""
    low: int | None = None
    high: int | None = None
    values: tuple[str, ...] = ()
    mutability: Mutability = Mutability.READ_WRITE
    default: str = ""
    #: whether a station without it cannot show codes at all
    required: bool = False


#: URLTemplate is bounded by what the version can carry (:func:`value_limit`).
VARIABLES: Final = (
    Variable(name="Enabled", kind=Kind.BOOLEAN, default="false"),
    Variable(name="URLTemplate", required=True),
    Variable(
        name="URLParameters",
        kind=Kind.MEMBERS,
        values=("maxtime", "maxenergy", "maxcost"),
        mutability=Mutability.READ_ONLY,
        default="maxtime,maxenergy,maxcost",
    ),
    Variable(name="TOTPVersion", kind=Kind.OPTION, values=("v1",), default="v1", required=True),
    Variable(name="ChargingStationId", high=48),
    Variable(name="ValidityTime", kind=Kind.INTEGER, unit="s", low=6, high=3600, default="30", required=True),
    Variable(name="SharedSecret", low=8, high=255, mutability=Mutability.WRITE_ONLY, required=True),
    Variable(name="Length", kind=Kind.INTEGER, low=6, high=255, default="8", required=True),
    Variable(name="QRCodeQuality", kind=Kind.OPTION, values=("Low", "Medium", "Quartile", "High"), default="Medium"),
    Variable(name="RoamingCSId", high=48),
    Variable(name="RoamingEvseId", high=48),
)

_BY_NAME: Final = {one.name.casefold(): one for one in VARIABLES}
_LIMITS: Final = {V16: 500, V201: 1000, V21: 2500}


def variable(name: str) -> Variable | None:
    """Return the variable of WebPaymentsCtrlr that is called ``name`` in any case, None where there is none."""
    return _BY_NAME.get(name.casefold())


def value_limit(version: OcppVersion) -> int:
    """Return how many characters a value may have (1.6 §7.13 CiString500; 2.x SetVariableDataType)."""
    return _LIMITS[version]


#: Settings that are never read: SharedSecret, the passwords of 2.x and 1.6, and the address of the car that is
#: plugged in, which is a fact (``VehicleIdentified``) or nothing.
_HIDDEN: Final = frozenset({
    (WEB_PAYMENTS.casefold(), "sharedsecret"), ("securityctrlr", "basicauthpassword"), ("", "authorizationkey"),
    ("connectedev", "vehicleid"),
})  # fmt: skip


def hidden(setting: Setting) -> bool:
    """Return whether a setting is never read: its value appears in no answer."""
    return (setting.component.casefold(), setting.variable.casefold()) in _HIDDEN


def refusal(known: Variable, value: str) -> str:
    """Return why ``value`` cannot be set, in at most 20 characters (a reasonCode); empty where it can.

    Says nothing of templates, which have rules of their own, and never repeats the value.
    """
    if known.mutability is Mutability.READ_ONLY:
        return "ReadOnly"
    match known.kind:
        case Kind.INTEGER:
            return _integer(known, value)
        case Kind.BOOLEAN:
            return "" if value.casefold() in {"true", "false"} else "InvalidValue"
        case Kind.OPTION:
            return "" if value.casefold() in {one.casefold() for one in known.values} else "InvalidValue"
        case Kind.MEMBERS:
            wanted = {one.strip().casefold() for one in value.split(",") if one.strip()}
            return "" if wanted <= {one.casefold() for one in known.values} else "InvalidValue"
        case Kind.STRING:
            return _length(known, value)


def spelled(known: Variable, value: str) -> str:
    """Return a value that can be set in its canonical spelling: ``030`` is 30, ``TRUE`` true, ``medium`` Medium."""
    match known.kind:
        case Kind.INTEGER:
            return str(int(value))
        case Kind.BOOLEAN:
            return value.lower()
        case Kind.OPTION:
            return next(one for one in known.values if one.casefold() == value.casefold())
        case _:
            return value


def _integer(known: Variable, value: str) -> str:
    if not (value.isascii() and value.isdecimal()):
        return "InvalidValue"
    if known.high is not None and (len(value) > len(str(known.high)) or int(value) > known.high):
        return "ValueTooHigh"
    return "ValueTooLow" if known.low is not None and int(value) < known.low else ""


def _length(known: Variable, value: str) -> str:
    if known.low is not None and len(value) < known.low:
        return "ValueTooShort"
    return "ValueTooLong" if known.high is not None and len(value) > known.high else ""


# ── 1.6: settings are keys ──────────────────────────────────────────────────────────────


def key_of(setting: Setting, wiring: Wiring) -> str | None:
    """Return the 1.6 key of a setting, None where 1.6 has none (a component of 2.x)."""
    if not setting.component:
        return setting.variable
    if setting.component != WEB_PAYMENTS:
        return None
    if setting.evse is None:
        return f"{WEB_PAYMENTS}.{setting.variable}"
    return f"{WEB_PAYMENTS}.{wiring.connector_of(setting.evse)}.{setting.variable}"


def setting_of(key: str, wiring: Wiring, value: str | None = None) -> Setting:
    """Return the setting that a 1.6 key names; names of ours in the spelling of :data:`VARIABLES`.

    A key that only looks like ours (an unknown connector, a stray part) is a setting without
    component, which no station knows.
    """
    prefix, _, rest = key.partition(".")
    if prefix.casefold() != WEB_PAYMENTS.casefold() or not rest:
        return Setting(component="", variable=key, value=value)
    connector, dot, name = rest.rpartition(".")
    evse = _evse_of(connector, wiring) if dot else None
    if dot and evse is None:
        return Setting(component="", variable=key, value=value)
    known = variable(name)
    spelled = known.name if known else name
    return conceal(Setting(component=WEB_PAYMENTS, variable=spelled, value=value, evse=evse))


def conceal(setting: Setting) -> Setting:
    """Return ``setting`` with a value that nobody may see wrapped as a secret."""
    if not isinstance(setting.value, str) or not hidden(setting):
        return setting
    return Setting(
        component=setting.component,
        variable=setting.variable,
        value=Secret(setting.value),
        evse=setting.evse,
        instance=setting.instance,
    )


def _evse_of(connector: str, wiring: Wiring) -> EvseNumber | None:
    short = connector.isascii() and connector.isdecimal() and len(connector) <= len("9999")
    return wiring.evse_of(int(connector)) if short else None


# ── standard settings that a payment depends on ─────────────────────────────────────────


def metering_settings(
    version: OcppVersion, *, interval: int = 30, measurands: Iterable[str] = (ENERGY, POWER)
) -> tuple[Setting, ...]:
    """Return what makes a station tell its energy at start, every ``interval`` seconds, and at the end.

    A station that refuses a measurand refuses the whole list: ask again with ENERGY alone.
    """
    listed = ",".join(measurands)
    if version == V16:
        return (
            Setting(component="", variable="MeterValueSampleInterval", value=str(interval)),
            Setting(component="", variable="MeterValuesSampledData", value=listed),
            Setting(component="", variable="StopTxnSampledData", value=ENERGY),
        )
    return (
        Setting(component="SampledDataCtrlr", variable="TxStartedMeasurands", value=ENERGY),
        Setting(component="SampledDataCtrlr", variable="TxUpdatedMeasurands", value=listed),
        Setting(component="SampledDataCtrlr", variable="TxEndedMeasurands", value=ENERGY),
        Setting(component="SampledDataCtrlr", variable="TxUpdatedInterval", value=str(interval)),
    )


def plug_timeout(version: OcppVersion) -> Setting:
    """Return the setting that says how long (s) a station waits for a plug after a remote start."""
    if version == V16:
        return Setting(component="", variable="ConnectionTimeOut")
    return Setting(component="TxCtrlr", variable="EVConnectionTimeOut")


def registration_reads(version: OcppVersion) -> tuple[Setting, ...]:
    """Return what a backend reads when a station registers: what it waits for, asks for, stops at, and can do.

    2.1 spells one variable of AuthCtrlr in two ways (SupportedIdTokenType in the component
    list, SupportedIdTokenTypes in the variable list): both are asked for.
    """
    names = _READS_16 if version == V16 else _READS_2 + (_READS_21 if version == V21 else ())
    return (plug_timeout(version), *(Setting(component=component, variable=name) for component, name in names))


_READS_16: Final = (
    ("", "AuthorizeRemoteTxRequests"),
    ("", "StopTransactionOnEVSideDisconnect"),
    ("", "UnlockConnectorOnEVSideDisconnect"),
    ("", "StopTransactionOnInvalidId"),
    ("", "CustomDisplayCostAndPrice"),
)
_READS_2: Final = (
    ("AuthCtrlr", "AuthorizeRemoteStart"),
    ("TxCtrlr", "TxStartPoint"),
    ("TxCtrlr", "TxStopPoint"),
    ("TxCtrlr", "StopTxOnEVSideDisconnect"),
    ("TxCtrlr", "StopTxOnInvalidId"),
    ("OCPPCommCtrlr", "UnlockOnEVSideDisconnect"),
)
_READS_21: Final = (
    ("AuthCtrlr", "SupportedIdTokenTypes"),
    ("AuthCtrlr", "SupportedIdTokenType"),
    ("TxCtrlr", "SupportedLimits"),
)
