"""The settings that a station has, as tables: 1.6 configuration keys and 2.x variables.

Each row names its default and the check that a new value has to pass; a check returns the
value in its canonical spelling or raises :class:`ValueError` with the rule that was broken.

WebPaymentsCtrlr is not described here: its names, ranges and defaults are the table that the
backend goes by too (``ocpp.variables``), with what only a station can judge added.

Sources: OCPP 1.6 §9; OCPP 2.1 part 2 appendices, "Controller components".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from evouch.ocpp import variables
from evouch.ocpp.variables import Mutability as Access
from evouch.station.spec import V16, V21, Screens, StationSpec
from evouch.webpayment import totp

__all__ = ["WEB", "Access", "Variable", "table"]

Check = Callable[[str], str]

#: The component of the QR code: standard on 2.1, ours by the same name on 2.0.1 and 1.6.
WEB: Final = variables.WEB_PAYMENTS
#: What the meter can measure.
MEASURANDS: Final = ("Energy.Active.Import.Register", "Power.Active.Import", "SoC")
ENERGY: Final = MEASURANDS[0]
START_POINTS: Final = ("Authorized", "EVConnected", "PowerPathClosed", "DataSigned", "EnergyTransfer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One setting. On 1.6 ``component`` is empty and ``name`` the key."""

    name: str
    default: str = ""
    check: Check | None = None
    component: str = ""
    instance: str | None = None
    access: Access = Access.READ_WRITE

    @property
    def readonly(self) -> bool:
        """Whether nobody can set it."""
        return self.access is Access.READ_ONLY


# ── checks ──────────────────────────────────────────────────────────────────────────────


def _whole(low: int, high: int) -> Check:
    """Return the check of an integer from ``low`` to ``high``."""

    def check(text: str) -> str:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return str(int(text))

    return check


def _boolean(text: str) -> str:
    """Return ``true`` or ``false``, whatever its case (OCPP 1.6 §9, 2.x part 2 dataEnumType boolean)."""
    if text.lower() not in {"true", "false"}:
        raise ValueError("true or false")
    return text.lower()


def _one_of(*options: str) -> Check:
    """Return the check of one of ``options``, in any case."""
    known = {option.lower(): option for option in options}

    def check(text: str) -> str:
        if text.lower() not in known:
            raise ValueError(f"one of {', '.join(options)}")
        return known[text.lower()]

    return check


def _some_of(*options: str) -> Check:
    """Return the check of a comma-separated list out of ``options``."""
    single = _one_of(*options)

    def check(text: str) -> str:
        return ",".join(single(part.strip()) for part in text.split(",")) if text.strip() else ""

    return check


def _text_up_to(longest: int) -> Check:
    """Return the check of a text that has at most ``longest`` characters."""

    def check(text: str) -> str:
        if len(text) > longest:
            raise ValueError(f"at most {longest} characters")
        return text

    return check


def _identifier(text: str) -> str:
    """Return an identifierString (OCPP 2.x part 2 §2.1): it ends up in a URL and in a topic of ours."""
    if not re.fullmatch(r"[A-Za-z0-9*\-_=:+|@.]{1,48}", text):
        raise ValueError("1 to 48 characters of A-Z a-z 0-9 * - _ = : + | @ .")
    return text


def _hex_key(text: str) -> str:
    """Return an AuthorizationKey of OCPP 1.6 security profile 1: 16 to 20 bytes in hexadecimal."""
    if not re.fullmatch(r"(?:[0-9A-Fa-f]{2}){16,20}", text):
        raise ValueError("16 to 20 bytes in hexadecimal")
    return text


def _password(text: str) -> str:
    """Return a BasicAuthPassword of OCPP 2.x: 16 to 40 characters without blanks."""
    if not re.fullmatch(r"[\x21-\x7e]{16,40}", text):
        raise ValueError("16 to 40 characters")
    return text


def _shared_secret(text: str) -> str:
    """Return a SharedSecret, byte for byte. Raises ``Refused("badSecret")``, like the functions that use it."""
    totp.parse_secret(text)
    return text


def _within(known: variables.Variable) -> Check:
    """Return the check of a variable of WebPaymentsCtrlr: its range, then what only a station can judge."""
    more = _MORE.get(known.name)

    def check(text: str) -> str:
        if why := variables.refusal(known, text):
            raise ValueError(why)
        value = variables.spelled(known, text)
        return more(value) if more else value

    return check


_MORE: Final[Mapping[str, Check]] = {"ChargingStationId": _identifier, "SharedSecret": _shared_secret}


# ── tables ──────────────────────────────────────────────────────────────────────────────

_RO, _WO = Access.READ_ONLY, Access.WRITE_ONLY
_FLAG: Final = _boolean
_SECONDS: Final = _whole(0, 604_800)


def _key(name: str, default: str, check: Check | None = None) -> Variable:
    return Variable(name=name, default=default, check=check, access=Access.READ_WRITE if check else _RO)


_V16: Final = (
    _key("AllowOfflineTxForUnknownId", "false", _FLAG),
    Variable(name="AuthorizationKey", check=_hex_key, access=_WO),
    _key("AuthorizeRemoteTxRequests", "false", _FLAG),
    _key("ClockAlignedDataInterval", "0", _SECONDS),
    _key("ConnectionTimeOut", "60", _SECONDS),
    _key("ConnectorPhaseRotation", "0.RST,1.RST", _text_up_to(500)),
    _key("CustomDisplayCostAndPrice", "false"),
    _key("GetConfigurationMaxKeys", "50"),
    _key("HeartbeatInterval", "300", _SECONDS),
    _key("LocalAuthorizeOffline", "true", _FLAG),
    _key("LocalPreAuthorize", "false", _FLAG),
    _key("MeterValueSampleInterval", "60", _SECONDS),
    _key("MeterValuesAlignedData", "", _some_of(*MEASURANDS)),
    _key("MeterValuesSampledData", ENERGY, _some_of(*MEASURANDS)),
    _key("NumberOfConnectors", "1"),
    _key("ReserveConnectorZeroSupported", "false"),
    _key("ResetRetries", "1", _whole(0, 10)),
    _key("StopTransactionOnEVSideDisconnect", "true", _FLAG),
    _key("StopTransactionOnInvalidId", "true", _FLAG),
    _key("StopTxnAlignedData", "", _some_of(*MEASURANDS)),
    _key("StopTxnSampledData", "", _some_of(*MEASURANDS)),
    _key("SupportedFeatureProfiles", "Core,Reservation,RemoteTrigger"),
    _key("TransactionMessageAttempts", "3", _whole(1, 100)),
    _key("TransactionMessageRetryInterval", "60", _SECONDS),
    _key("UnlockConnectorOnEVSideDisconnect", "true", _FLAG),
    _key("WebSocketPingInterval", "0", _SECONDS),
)


def _of(component: str, *rows: tuple[str, str, Check | None], instance: str | None = None) -> tuple[Variable, ...]:
    return tuple(
        replace(_key(name, default, check), component=component, instance=instance) for name, default, check in rows
    )


_V2: Final = (
    *_of("AlignedDataCtrlr", ("Interval", "0", _SECONDS), ("Measurands", "", _some_of(*MEASURANDS))),
    *_of("AuthCtrlr", ("AuthorizeRemoteStart", "false", _FLAG), ("LocalAuthorizeOffline", "true", _FLAG)),
    *_of("AuthCtrlr", ("LocalPreAuthorize", "false", _FLAG), ("OfflineTxForUnknownIdEnabled", "false", _FLAG)),
    *_of("DeviceDataCtrlr", ("ItemsPerMessage", "20", None), instance="GetReport"),
    *_of("DeviceDataCtrlr", ("ItemsPerMessage", "20", None), instance="GetVariables"),
    *_of("DeviceDataCtrlr", ("ItemsPerMessage", "20", None), instance="SetVariables"),
    *_of("OCPPCommCtrlr", ("HeartbeatInterval", "300", _SECONDS), ("WebSocketPingInterval", "0", _SECONDS)),
    *_of("OCPPCommCtrlr", ("MessageTimeout", "30", None), instance="Default"),
    *_of("OCPPCommCtrlr", ("MessageAttempts", "3", _whole(1, 100)), instance="TransactionEvent"),
    *_of("OCPPCommCtrlr", ("MessageAttemptInterval", "60", _SECONDS), instance="TransactionEvent"),
    *_of("OCPPCommCtrlr", ("OfflineThreshold", "60", _SECONDS), ("ResetRetries", "1", _whole(0, 10))),
    *_of("OCPPCommCtrlr", ("RetryBackOffRandomRange", "1", _SECONDS), ("RetryBackOffRepeatTimes", "6", _whole(0, 20))),
    *_of("OCPPCommCtrlr", ("RetryBackOffWaitMinimum", "1", _SECONDS), ("UnlockOnEVSideDisconnect", "true", _FLAG)),
    *_of("OCPPCommCtrlr", ("NetworkConfigurationPriority", "0", _text_up_to(100)), ("FileTransferProtocols", "", None)),
    *_of("SampledDataCtrlr", ("TxStartedMeasurands", ENERGY, _some_of(*MEASURANDS))),
    *_of("SampledDataCtrlr", ("TxUpdatedMeasurands", ENERGY, _some_of(*MEASURANDS))),
    *_of("SampledDataCtrlr", ("TxEndedMeasurands", ENERGY, _some_of(*MEASURANDS))),
    *_of("SampledDataCtrlr", ("TxUpdatedInterval", "60", _SECONDS), ("TxEndedInterval", "0", _SECONDS)),
    *_of("SecurityCtrlr", ("Identity", "", None), ("OrganizationName", "evouch", _text_up_to(100))),
    *_of("SecurityCtrlr", ("SecurityProfile", "1", None)),
    Variable(component="SecurityCtrlr", name="BasicAuthPassword", check=_password, access=_WO),
    *_of("TxCtrlr", ("EVConnectionTimeOut", "60", _SECONDS), ("StopTxOnEVSideDisconnect", "true", _FLAG)),
    *_of("TxCtrlr", ("StopTxOnInvalidId", "true", _FLAG), ("TxStartPoint", "PowerPathClosed", _some_of(*START_POINTS))),
    *_of("TxCtrlr", ("TxStopPoint", "Authorized,EVConnected", _some_of(*START_POINTS))),
)

#: New in 2.1 (part 2, E16): limits that the station keeps by itself.
_V21: Final = _of("TxCtrlr", ("SupportedLimits", "MaxEnergy,MaxTime,MaxCost", None))


def _web(known: variables.Variable) -> Variable:
    # 2.1 lets a station draw its own first secret; as nobody can read it, no code is shown with it,
    # and having none says the same
    return Variable(
        component=WEB, name=known.name, default=known.default, check=_within(known),
        access=known.mutability,
    )  # fmt: skip


#: A station without the extras has of WebPaymentsCtrlr what 2.1 requires, and no more.
_WEB: Final = tuple(_web(known) for known in variables.VARIABLES if known.required)
_WEB_EXTRAS: Final = tuple(_web(known) for known in variables.VARIABLES if not known.required)


def table(spec: StationSpec, *, bare_web: bool) -> tuple[Variable, ...]:
    """Return the settings of a station. ``bare_web`` leaves of WebPaymentsCtrlr only what 2.1 requires."""
    if spec.version == V16:
        rows: tuple[Variable, ...] = _V16
    else:
        rows = (*_V2, *_V21) if spec.version == V21 else _V2
    if spec.screens is Screens.NONE:
        return rows
    return (*rows, *_WEB) if bare_web else (*rows, *_WEB, *_WEB_EXTRAS)
