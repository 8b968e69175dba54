"""OCPP 1.6: the parts that several messages share, between wire structs and the dialogue."""

from collections.abc import Iterable
from typing import Final

from evouch.charging.dialogue import DataAnswer, DataStatus, Reading
from evouch.charging.equipment import Wiring
from evouch.charging.tokens import Authorization, IdToken, TokenStatus
from evouch.errors import LocalError
from evouch.ids import EvseNumber, TransactionId
from evouch.ocpp import metering, vehicles
from evouch.ocpp import v16_messages as msg
from evouch.ocpp.forms import one_of, read_time
from evouch.units import format_time
from evouch.wire import encode

__all__ = [
    "authorization_of", "connector_for", "data_answer", "data_payload", "fits", "id_tag_info", "meter_values",
    "needed_number",
    "number_of", "readings_of", "text_of_data", "transaction_of",
]  # fmt: skip

#: Longest idTag (§7.28, CiString20).
ID_TAG: Final = 20
_LARGEST_INTEGER: Final = 2**31 - 1

#: AuthorizationStatus (§7.2) has five words; every other no is Invalid.
_STATUS: Final = {
    TokenStatus.ACCEPTED: "Accepted",
    TokenStatus.BLOCKED: "Blocked",
    TokenStatus.CONCURRENT_TX: "ConcurrentTx",
    TokenStatus.EXPIRED: "Expired",
}


# ── tokens ──────────────────────────────────────────────────────────────────────────────


def fits(token: IdToken) -> bool:
    """Return whether 1.6 can carry the token."""
    return 0 < len(vehicles.tag(token)) <= ID_TAG


def id_tag_info(authorization: Authorization) -> msg.IdTagInfo:
    """Return the verdict on an idTag. A group that 1.6 cannot carry is not named."""
    group = authorization.group
    return msg.IdTagInfo(
        status=_STATUS.get(authorization.status, "Invalid"),
        expires=format_time(authorization.expires) if authorization.expires else None,
        parent=group if group and len(group) <= ID_TAG else None,
    )


def authorization_of(info: msg.IdTagInfo) -> Authorization:
    """Return the verdict that a backend sent."""
    return Authorization(
        status=one_of(TokenStatus, info.status),
        expires=read_time(info.expires, "expiryDate") if info.expires else None,
        group=info.parent,
    )


# ── ids and places ──────────────────────────────────────────────────────────────────────


def transaction_of(number: int) -> TransactionId:
    """Return a transaction id in neutral form."""
    return TransactionId(str(number))


def number_of(transaction: TransactionId | None) -> int | None:
    """Return the integer of a transaction id, None where it is no id of 1.6."""
    text = transaction or ""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= len(str(_LARGEST_INTEGER))):
        return None
    return int(text)


def needed_number(transaction: TransactionId | None) -> int:
    """Return the integer of a transaction id that has to be one. Raises LocalError where it is not."""
    number = number_of(transaction)
    if number is None:
        raise LocalError("a transaction of OCPP 1.6 is named by the integer that the backend assigned")
    return number


def connector_for(wiring: Wiring, evse: EvseNumber | None, connector: int | None) -> int:
    """Return the connectorId for a place; 0 is the station as a whole."""
    return connector or (wiring.connector_of(evse) if evse else 0)


# ── meters ──────────────────────────────────────────────────────────────────────────────


def readings_of(values: Iterable[msg.MeterValue] | None) -> tuple[Reading, ...]:
    """Return the readings in a list of meter values."""
    made: list[Reading] = []
    for value in values or ():
        made += metering.readings(read_time(value.timestamp), map(_sample, value.sampled))
    return tuple(made)


def _sample(value: msg.SampledValue) -> metering.Sample:
    return metering.Sample(
        value=metering.number(value.value) if value.format != "SignedData" else None,
        measurand=value.measurand,
        unit=value.unit,
        phase=value.phase,
        location=value.location,
        context=value.context,
    )


def meter_values(readings: Iterable[Reading]) -> list[msg.MeterValue]:
    """Return readings as a station sends them, without those that say nothing."""
    made = ((reading, _sampled(reading)) for reading in readings)
    return [msg.MeterValue(timestamp=format_time(reading.at), sampled=sampled) for reading, sampled in made if sampled]


def _sampled(reading: Reading) -> list[msg.SampledValue]:
    return [
        msg.SampledValue(value=f"{value:f}", measurand=measurand, unit=unit, context=reading.context)
        for measurand, value, unit in metering.samples(reading)
    ]


# ── DataTransfer: data is text ──────────────────────────────────────────────────────────


def text_of_data(data: object) -> str | None:
    """Return DataTransfer data as 1.6 carries it: text as it is, anything else as compact JSON."""
    return data if data is None or isinstance(data, str) else encode(data).decode()


def data_payload(answer: DataAnswer) -> msg.DataTransferAnswer:
    """Return the confirmation of a DataTransfer; 1.6 has no statusInfo, so a reason goes into the data."""
    data = text_of_data(answer.data)
    if data is None and (answer.reason or answer.info):
        parts = {"reasonCode": answer.reason, "additionalInfo": answer.info}
        data = text_of_data({name: text for name, text in parts.items() if text})
    return msg.DataTransferAnswer(status=answer.status.value, data=data)


def data_answer(answer: msg.DataTransferAnswer) -> DataAnswer:
    """Return what a DataTransfer was answered with."""
    return DataAnswer(status=one_of(DataStatus, answer.status), data=answer.data)
