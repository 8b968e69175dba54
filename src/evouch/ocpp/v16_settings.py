"""OCPP 1.6: ChangeConfiguration and GetConfiguration.

A setting is a key (``variables.key_of``); several are changed one after the other. A key
that can only be written is returned without a value (1.6 has no write-only keys, but value
is optional, §7.29), and a value that a station gives away for it is not taken.
"""

from collections.abc import Iterable
from typing import Final

from evouch.charging.dialogue import Configure, ReadSettings, Setting, SettingResult, SettingStatus, Unspeakable
from evouch.charging.equipment import Wiring
from evouch.errors import PeerRefused
from evouch.ocpp import v16_messages as msg
from evouch.ocpp import variables
from evouch.ocpp.forms import REASON_CODE, plain, read, spoken
from evouch.ocpp.translator import Json
from evouch.ocpp.v16_orders import Answers, Calls

__all__ = [
    "configure", "done_configure", "done_read", "outcome_configure", "outcome_read", "read_settings",
    "told_configure", "told_read",
]  # fmt: skip

#: ConfigurationStatus (§7.22) in neutral words, and back.
_STATUS: Final = {
    "Accepted": SettingStatus.ACCEPTED,
    "RebootRequired": SettingStatus.REBOOT_REQUIRED,
    "Rejected": SettingStatus.REJECTED,
    "NotSupported": SettingStatus.UNKNOWN_VARIABLE,
}
_WORDS: Final = {status: word for word, status in _STATUS.items()}
_KEY: Final = 50
_UNKNOWN: Final = frozenset({SettingStatus.UNKNOWN_COMPONENT, SettingStatus.UNKNOWN_VARIABLE})


# ── backend ─────────────────────────────────────────────────────────────────────────────


def configure(wiring: Wiring, order: Configure) -> Calls:
    """Return one ChangeConfiguration for each setting; secrets are opened here. Components of 2.x cannot be said."""
    keys = _keys(order.settings, wiring)
    values = [spoken(setting.value) for setting in order.settings]
    if keys is None or any(len(value) > variables.value_limit(wiring.version) for value in values):
        return Unspeakable(wiring.version, "Configure")
    return tuple(
        ("ChangeConfiguration", plain(msg.ChangeConfiguration(key=key, value=value)))
        for key, value in zip(keys, values, strict=True)
    )


def read_settings(wiring: Wiring, order: ReadSettings) -> Calls:
    """Return GetConfiguration; no settings at all ask for every key."""
    keys = _keys(order.settings, wiring)
    if keys is None:
        return Unspeakable(wiring.version, "ReadSettings")
    return (("GetConfiguration", plain(msg.GetConfiguration(keys=keys or None))),)


def _keys(settings: Iterable[Setting], wiring: Wiring) -> list[str] | None:
    """Return the key of each setting, None where one of them has none."""
    keys = [variables.key_of(setting, wiring) for setting in settings]
    known = [key for key in keys if key is not None and 0 < len(key) <= _KEY]
    return known if len(known) == len(keys) else None


def outcome_configure(_wiring: Wiring, order: Configure, answers: Answers) -> tuple[SettingResult, ...] | PeerRefused:
    """Return what became of each setting; one PeerRefused where every CALL was refused."""
    refused = [answer for answer in answers if isinstance(answer, PeerRefused)]
    if refused and len(refused) == len(answers):
        return refused[0]
    padded = [*answers, *[None] * (len(order.settings) - len(answers))]
    return tuple(_changed(setting, answer) for setting, answer in zip(order.settings, padded, strict=True))


def _changed(setting: Setting, answer: Json | PeerRefused | None) -> SettingResult:
    if answer is None:
        return SettingResult(setting=setting, status=SettingStatus.REJECTED, reason="NoAnswer")
    if isinstance(answer, PeerRefused):
        return SettingResult(setting=setting, status=SettingStatus.REJECTED, reason=answer.code[:REASON_CODE])
    status = read(msg.StatusAnswer, answer).status
    return SettingResult(setting=setting, status=_STATUS.get(status, SettingStatus.REJECTED))


def outcome_read(wiring: Wiring, order: ReadSettings, answers: Answers) -> tuple[SettingResult, ...] | PeerRefused:
    """Return each setting as it was read, or everything the station has where nothing was named."""
    first = answers[0]
    if isinstance(first, PeerRefused):
        return first
    answer = read(msg.GetConfigurationAnswer, first)
    known = {one.key.casefold(): one for one in answer.known or ()}
    if not order.settings:
        everything = [_found(variables.setting_of(one.key, wiring), one) for one in answer.known or ()]
        return tuple(everything)
    keys = [variables.key_of(setting, wiring) or "" for setting in order.settings]
    found = (known.get(key.casefold()) for key in keys)
    return tuple(_found(setting, one) for setting, one in zip(order.settings, found, strict=True))


def _found(setting: Setting, one: msg.KeyValue | None) -> SettingResult:
    if one is None:
        return SettingResult(setting=setting, status=SettingStatus.UNKNOWN_VARIABLE)
    value = None if variables.hidden(setting) else one.value
    return SettingResult(setting=setting, status=SettingStatus.ACCEPTED, value=value, readonly=one.readonly)


# ── station ─────────────────────────────────────────────────────────────────────────────


def told_configure(wiring: Wiring, payload: Json) -> Configure:
    """Return the one setting to change."""
    request = read(msg.ChangeConfiguration, payload)
    return Configure(settings=(variables.setting_of(request.key, wiring, request.value),), asked=(request.key,))


def told_read(wiring: Wiring, payload: Json) -> ReadSettings:
    """Return the settings to read; an empty list asks for everything, like none (§5.8)."""
    keys = read(msg.GetConfiguration, payload).keys or []
    return ReadSettings(settings=tuple(variables.setting_of(key, wiring) for key in keys), asked=tuple(keys))


def done_configure(_wiring: Wiring, _order: Configure, answer: tuple[SettingResult, ...]) -> Json:
    """Return ChangeConfiguration.conf. What 1.6 has no word for is NotSupported."""
    return {"status": _WORDS.get(answer[0].status, "NotSupported") if answer else "Rejected"}


def done_read(wiring: Wiring, order: ReadSettings, answer: tuple[SettingResult, ...]) -> Json:
    """Return GetConfiguration.conf, keys spelled as they were asked for."""
    spelled = list(order.asked or ())
    known: list[msg.KeyValue] = []
    unknown: list[str] = []
    for index, result in enumerate(answer):
        own = variables.key_of(result.setting, wiring) or result.setting.variable
        key = spelled[index] if index < len(spelled) else own
        if result.status in _UNKNOWN:
            unknown.append(key)
        else:
            known.append(_key_value(key, result))
    return plain(msg.GetConfigurationAnswer(known=known or None, unknown=unknown or None))


def _key_value(key: str, result: SettingResult) -> msg.KeyValue:
    open_to = result.status is SettingStatus.ACCEPTED and not variables.hidden(result.setting)
    return msg.KeyValue(key=key, readonly=result.readonly, value=(result.value or "") if open_to else None)
