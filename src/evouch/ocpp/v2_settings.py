"""OCPP 2.x: SetVariables and GetVariables.

A station is asked for what a :class:`~evouch.charging.dialogue.Setting` can express: the
actual value of a variable of the station or of an EVSE. Other attributes, instances of
components and single connectors are answered here, without asking it. Answers repeat
component and variable exactly as they were asked for (part 2, SetVariableResultType).

A station may limit how many items one message holds (DeviceDataCtrlr.ItemsPerMessage), and
refuses the whole message beyond that. A long order therefore goes out as several messages.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from evouch.charging.dialogue import Configure, ReadSettings, Setting, SettingResult, SettingStatus, Unspeakable
from evouch.charging.equipment import Wiring
from evouch.errors import PeerRefused
from evouch.ocpp import v2_parts as part
from evouch.ocpp import v2_requests as msg
from evouch.ocpp import variables
from evouch.ocpp.forms import REASON_CODE, one_of, plain, read, spoken
from evouch.ocpp.translator import Json
from evouch.ocpp.v2_orders import Answers, Calls

__all__ = [
    "configure", "done_configure", "done_read", "outcome_configure", "outcome_read", "read_settings",
    "told_configure", "told_read",
]  # fmt: skip

T = TypeVar("T")
#: Most items in one message: all that belong to one display or one registration, and few enough for small stations.
ITEMS: Final = 10
_Asked = msg.SetVariable | msg.GetVariable
_Result = msg.SetVariableResult | msg.GetVariableResult


# ── backend ─────────────────────────────────────────────────────────────────────────────


def configure(wiring: Wiring, order: Configure) -> Calls:
    """Return SetVariables with all settings; secrets are opened here. Keys of 1.6 cannot be said."""
    if not order.settings:
        return ()
    values = [spoken(setting.value) for setting in order.settings]
    if not _sayable(order.settings) or max(map(len, values)) > variables.value_limit(wiring.version):
        return Unspeakable(wiring.version, "Configure")
    data = []
    for setting, value in zip(order.settings, values, strict=True):
        component, variable = part.setting_part(setting)
        data.append(msg.SetVariable(component=component, variable=variable, value=value))
    return tuple(("SetVariables", plain(msg.SetVariables(data=some))) for some in _split(data))


def read_settings(wiring: Wiring, order: ReadSettings) -> Calls:
    """Return GetVariables. 2.x has no way to ask for all of them at once: that is a report."""
    if not order.settings or not _sayable(order.settings):
        return Unspeakable(wiring.version, "ReadSettings")
    data = []
    for setting in order.settings:
        component, variable = part.setting_part(setting)
        data.append(msg.GetVariable(component=component, variable=variable))
    return tuple(("GetVariables", plain(msg.GetVariables(data=some))) for some in _split(data))


def _split(items: list[T]) -> list[list[T]]:
    return [items[start : start + ITEMS] for start in range(0, len(items), ITEMS)]


def _sayable(settings: Sequence[Setting]) -> bool:
    return all(setting.component for setting in settings)


def outcome_configure(_wiring: Wiring, order: Configure, answers: Answers) -> tuple[SettingResult, ...] | PeerRefused:
    """Return what became of each setting, in the order they were given."""
    return _together(order.settings, answers, lambda answer: read(msg.SetVariablesAnswer, answer).results)


def outcome_read(_wiring: Wiring, order: ReadSettings, answers: Answers) -> tuple[SettingResult, ...] | PeerRefused:
    """Return each setting as it was read. A secret that a station gives away is not taken."""
    return _together(order.settings, answers, lambda answer: read(msg.GetVariablesAnswer, answer).results)


def _together(
    settings: Sequence[Setting], answers: Answers, results: Callable[[Json], Sequence[_Result]]
) -> tuple[SettingResult, ...] | PeerRefused:
    """Return the results of all messages; one PeerRefused where every message was refused."""
    refused = [answer for answer in answers if isinstance(answer, PeerRefused)]
    if refused and len(refused) == len(answers):
        return refused[0]
    taken: list[SettingResult] = []
    for some, answer in zip(_split(list(settings)), answers, strict=False):
        why = answer.code[:REASON_CODE] if isinstance(answer, PeerRefused) else "NoAnswer"
        left = [] if isinstance(answer, PeerRefused) else list(results(answer))
        taken += [_take(setting, left, why) for setting in some]
    return tuple(taken)


def _take(setting: Setting, left: list[Any], why: str) -> SettingResult:
    for index, result in enumerate(left):
        if _key(part.component_of(result.component, result.variable)) == _key(setting):
            return _result(setting, left.pop(index))
    return SettingResult(setting=setting, status=SettingStatus.REJECTED, reason=why)


def _key(setting: Setting) -> tuple[str, str, int | None, str]:
    names = (setting.component.casefold(), setting.variable.casefold())
    return *names, setting.evse, (setting.instance or "").casefold()


def _result(setting: Setting, result: _Result) -> SettingResult:
    value = result.value if isinstance(result, msg.GetVariableResult) else None
    return SettingResult(
        setting=setting,
        status=one_of(SettingStatus, result.status),
        value=None if variables.hidden(setting) else value,
        reason=result.info.reason if result.info else "",
    )


# ── station ─────────────────────────────────────────────────────────────────────────────


def told_configure(_wiring: Wiring, payload: Json) -> Configure:
    """Return the settings to write; what no setting can express stays out and is answered by :func:`done_configure`."""
    data = read(msg.SetVariables, payload).data
    wanted = [one for one in data if _unfit(one) is None]
    settings = tuple(part.component_of(one.component, one.variable, one.value) for one in wanted)
    return Configure(settings=settings, asked=_without_values(data))


def told_read(_wiring: Wiring, payload: Json) -> ReadSettings:
    """Return the settings to read."""
    data = read(msg.GetVariables, payload).data
    settings = tuple(part.component_of(one.component, one.variable) for one in data if _unfit(one) is None)
    return ReadSettings(settings=settings, asked=_without_values(data))


def _without_values(data: Sequence[_Asked]) -> tuple[msg.GetVariable, ...]:
    return tuple(
        msg.GetVariable(component=one.component, variable=one.variable, attribute=one.attribute) for one in data
    )


def _unfit(asked: _Asked) -> SettingStatus | None:
    if asked.component.instance or (asked.component.evse and asked.component.evse.connector):
        return SettingStatus.UNKNOWN_COMPONENT
    return SettingStatus.NOT_SUPPORTED_ATTRIBUTE if asked.attribute not in {None, "Actual"} else None


def done_configure(_wiring: Wiring, order: Configure, answer: tuple[SettingResult, ...]) -> Json:
    """Return SetVariablesResponse: one result for each item asked for, in its order."""
    results = [
        msg.SetVariableResult(
            component=asked.component,
            variable=asked.variable,
            attribute=asked.attribute,
            status=result.status.value,
            info=part.status_info(result.reason),
        )
        for asked, result in _answered(order, answer)
    ]
    return plain(msg.SetVariablesAnswer(results=results))


def done_read(_wiring: Wiring, order: ReadSettings, answer: tuple[SettingResult, ...]) -> Json:
    """Return GetVariablesResponse. What can only be written is Rejected (part 2, B06), whatever the station says."""
    results = [_read_result(asked, result) for asked, result in _answered(order, answer)]
    return plain(msg.GetVariablesAnswer(results=results))


def _read_result(asked: msg.GetVariable, result: SettingResult) -> msg.GetVariableResult:
    known = result.status in {SettingStatus.ACCEPTED, SettingStatus.REBOOT_REQUIRED}
    secret = known and variables.hidden(result.setting)
    status = SettingStatus.ACCEPTED if known else result.status
    return msg.GetVariableResult(
        component=asked.component,
        variable=asked.variable,
        attribute=asked.attribute,
        status=SettingStatus.REJECTED if secret else status,
        value=(result.value or "") if known and not secret else None,
        info=part.status_info("WriteOnly" if secret else result.reason),
    )


def _answered(
    order: Configure | ReadSettings, answer: Sequence[SettingResult]
) -> list[tuple[msg.GetVariable, SettingResult]]:
    """Return every item that was asked for with its result: the station's, or ours where it was not asked."""
    results = iter(answer)
    pairs = []
    for asked in order.asked or map(_asked, order.settings):
        unfit = _unfit(asked)
        setting = part.component_of(asked.component, asked.variable)
        missing = SettingResult(setting=setting, status=unfit or SettingStatus.REJECTED)
        pairs.append((asked, missing if unfit else next(results, missing)))
    return pairs


def _asked(setting: Setting) -> msg.GetVariable:
    component, variable = part.setting_part(setting)
    return msg.GetVariable(component=component, variable=variable)
