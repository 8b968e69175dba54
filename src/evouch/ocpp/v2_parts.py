"""OCPP 2.x: the parts that several messages share, between wire structs and the dialogue."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from msgspec import UNSET

from evouch.charging.dialogue import (
    DataAnswer,
    DataStatus,
    Reading,
    Setting,
    SettingResult,
    SettingStatus,
    Text,
)
from evouch.charging.equipment import Wiring
from evouch.charging.tokens import Authorization, IdToken, TokenKind, TokenStatus
from evouch.ids import EvseNumber
from evouch.ocpp import metering, variables, vehicles
from evouch.ocpp import v2_messages as msg
from evouch.ocpp.forms import ADDITIONAL_INFO, REASON_CODE, clip, one_of, read_time
from evouch.ocpp.variables import Mutability
from evouch.ocpp.versions import V21
from evouch.units import format_time

__all__ = [
    "authorization_of", "component_of", "data_answer", "data_payload", "evse_part", "fits", "id_token",
    "id_token_info", "message_content", "meter_value", "readings_of", "report_data", "reported", "setting_part",
    "status_info", "text_of", "token_of",
]  # fmt: skip

#: IdTokenEnumType of 2.0.1; on 2.1 the type is free text.
_KINDS_201: Final = frozenset({
    TokenKind.CENTRAL, TokenKind.EMAID, TokenKind.ISO14443, TokenKind.ISO15693, TokenKind.KEY_CODE,
    TokenKind.LOCAL, TokenKind.MAC_ADDRESS, TokenKind.NO_AUTHORIZATION,
})  # fmt: skip
#: The nearest kind that 2.0.1 has; all others are tokens that the backend knows, Central.
_NEAREST_201: Final = {TokenKind.EVCCID: TokenKind.MAC_ADDRESS}
_KINDS: Final = {kind.value: kind for kind in TokenKind}
_TOKEN_LENGTH: Final = {True: 255, False: 36}
_CONTENT_LENGTH: Final = {True: 1024, False: 512}
_LANGUAGE_LENGTH: Final = 8
_VALUES_LIST: Final = 1000


# ── tokens ──────────────────────────────────────────────────────────────────────────────


def fits(token: IdToken, wiring: Wiring) -> bool:
    """Return whether the version can carry the token: 36 characters on 2.0.1, 255 on 2.1."""
    return len(vehicles.value(token)) <= _TOKEN_LENGTH[wiring.version == V21]


def id_token(token: IdToken, wiring: Wiring, additional: Iterable[tuple[str, str]] = ()) -> msg.IdToken:
    """Return a token in the version's spelling. What is known beside it is said on 2.1 only."""
    kind = token.kind or TokenKind.CENTRAL
    if wiring.version == V21:
        extra = [msg.AdditionalInfo(type=type, value=value) for type, value in additional]
        return msg.IdToken(value=vehicles.value(token), type=kind.value, additional=extra or None)
    nearest = kind if kind in _KINDS_201 else _NEAREST_201.get(kind, TokenKind.CENTRAL)
    return msg.IdToken(value=vehicles.value(token), type=nearest.value)


def token_of(token: msg.IdToken) -> IdToken:
    """Return a token as presented; a kind that nobody has listed is left unsaid."""
    return vehicles.of_type(token.value, token.type) or IdToken(token.value, _KINDS.get(token.type, TokenKind.UNSAID))


def id_token_info(authorization: Authorization, wiring: Wiring) -> msg.IdTokenInfo:
    """Return the verdict on a token. A group that the version cannot carry is not named."""
    group = IdToken(authorization.group or "", TokenKind.CENTRAL)
    return msg.IdTokenInfo(
        status=authorization.status.value,
        expires=format_time(authorization.expires) if authorization.expires else None,
        group=id_token(group, wiring) if group.value and fits(group, wiring) else None,
    )


def authorization_of(info: msg.IdTokenInfo) -> Authorization:
    """Return the verdict that a backend sent."""
    return Authorization(
        status=one_of(TokenStatus, info.status),
        expires=read_time(info.expires, "cacheExpiryDateTime") if info.expires else None,
        group=info.group.value if info.group else None,
    )


# ── texts and reasons ───────────────────────────────────────────────────────────────────


def message_content(text: Text, wiring: Wiring) -> msg.MessageContent:
    """Return a sentence for the driver, cut to what the version takes. 2.0.1 shows a QR code as its URI."""
    modern = wiring.version == V21
    return msg.MessageContent(
        format="URI" if text.format == "QRCODE" and not modern else text.format,
        content=text.content[: _CONTENT_LENGTH[modern]],
        language=clip(text.language, _LANGUAGE_LENGTH),
    )


def text_of(content: msg.MessageContent) -> Text:
    """Return a sentence that a backend sent."""
    return Text(content.content, content.language or "en", content.format)


def status_info(reason: str, info: str = "") -> msg.StatusInfo | None:
    """Return why something was refused, None where nobody said why."""
    if not reason and not info:
        return None
    if (
        len(reason) > REASON_CODE or " " in reason
    ):  # a sentence and no code; InvalidValue is in the list of part 2, appendix 5
        reason, info = "InvalidValue", info or reason
    return msg.StatusInfo(reason=reason or "Rejected", info=clip(info, ADDITIONAL_INFO))


# ── places ──────────────────────────────────────────────────────────────────────────────


def evse_part(evse: EvseNumber | None, connector: int | None = None) -> msg.Evse | None:
    """Return the EVSE as messages name it; 0 and None are the station as a whole."""
    return msg.Evse(id=int(evse), connector=connector) if evse else None


# ── meters ──────────────────────────────────────────────────────────────────────────────


def readings_of(values: Iterable[msg.MeterValue] | None) -> tuple[Reading, ...]:
    """Return the readings in a list of meter values."""
    made: list[Reading] = []
    for value in values or ():
        made += metering.readings(read_time(value.timestamp), map(_sample, value.sampled))
    return tuple(made)


def _sample(value: msg.SampledValue) -> metering.Sample:
    unit = value.unit
    return metering.Sample(
        value=value.value if value.value.is_finite() else None,
        measurand=value.measurand,
        unit=unit.unit if unit else None,
        multiplier=(unit.multiplier or 0) if unit else 0,
        phase=value.phase,
        location=value.location,
        context=value.context,
    )


def meter_value(reading: Reading) -> msg.MeterValue | None:
    """Return a reading as a station sends it, None where it says nothing."""
    sampled = [
        msg.SampledValue(
            value=value, measurand=measurand, context=reading.context, unit=msg.Unit(unit=unit) if unit else None
        )
        for measurand, value, unit in metering.samples(reading)
    ]
    return msg.MeterValue(timestamp=format_time(reading.at), sampled=sampled) if sampled else None


# ── settings ────────────────────────────────────────────────────────────────────────────


def component_of(component: msg.Component, variable: msg.Variable, value: str | None = None) -> Setting:
    """Return the setting that a component and a variable name; names of ours in their own spelling.

    A component's instance and connector have no place in a setting: whoever cares looks at them before.
    """
    ours = component.name.casefold() == variables.WEB_PAYMENTS.casefold()
    known = variables.variable(variable.name) if ours else None
    return variables.conceal(
        Setting(
            component=variables.WEB_PAYMENTS if ours else component.name,
            variable=known.name if known else variable.name,
            value=value,
            evse=EvseNumber(component.evse.id) if component.evse and component.evse.id else None,
            instance=variable.instance,
        )
    )


def setting_part(setting: Setting) -> tuple[msg.Component, msg.Variable]:
    """Return a setting as component and variable."""
    component = msg.Component(name=setting.component, evse=evse_part(setting.evse))
    return component, msg.Variable(name=setting.variable, instance=setting.instance)


def reported(data: Iterable[msg.ReportData]) -> Iterable[SettingResult]:
    """Return the actual values in a report; those that nobody may read come without one, whatever was sent."""
    for one in data:
        for attribute in one.attributes:
            if attribute.type in {None, "Actual"}:
                setting = component_of(one.component, one.variable)
                secret = variables.hidden(setting) or attribute.mutability == Mutability.WRITE_ONLY
                yield SettingResult(
                    setting=setting,
                    status=SettingStatus.ACCEPTED,
                    value=None if secret else attribute.value,
                    readonly=attribute.mutability == Mutability.READ_ONLY,
                )


def report_data(result: SettingResult) -> msg.ReportData:
    """Return one line of a report."""
    component, variable = setting_part(result.setting)
    ours = result.setting.component == variables.WEB_PAYMENTS
    known = variables.variable(result.setting.variable) if ours else None
    secret = variables.hidden(result.setting)
    open_to = Mutability.READ_ONLY if result.readonly else Mutability.READ_WRITE
    attribute = msg.VariableAttribute(
        value=None if secret else result.value,
        mutability=Mutability.WRITE_ONLY if secret else open_to,
    )
    return msg.ReportData(
        component=component, variable=variable, attributes=[attribute], characteristics=_characteristics(known)
    )


def _characteristics(known: variables.Variable | None) -> msg.VariableCharacteristics:
    if known is None:
        return msg.VariableCharacteristics(type="string", monitored=False)
    return msg.VariableCharacteristics(
        type=known.kind,
        monitored=False,
        unit=known.unit or None,
        # For a text maxLimit counts characters; minLimit has no meaning there (part 2, VariableCharacteristicsType).
        minimum=Decimal(known.low) if known.low is not None and known.kind is variables.Kind.INTEGER else None,
        maximum=None if known.high is None else Decimal(known.high),
        values=clip(",".join(known.values), _VALUES_LIST),
    )


# ── DataTransfer ────────────────────────────────────────────────────────────────────────


def data_payload(answer: DataAnswer) -> msg.DataTransferAnswer:
    """Return the response to a DataTransfer."""
    info = status_info(answer.reason, answer.info)
    return msg.DataTransferAnswer(
        status=answer.status.value, info=info, data=UNSET if answer.data is None else answer.data
    )


def data_answer(answer: msg.DataTransferAnswer) -> DataAnswer:
    """Return what a DataTransfer was answered with."""
    info = answer.info
    return DataAnswer(
        status=one_of(DataStatus, answer.status),
        data=None if answer.data is UNSET else answer.data,
        reason=info.reason if info else "",
        info=(info.info or "") if info else "",
    )
