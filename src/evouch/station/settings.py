"""A station's settings: what can be read, set and reported, and with which refusals.

Rules: names are compared without case. WebPaymentsCtrlr is addressed per EVSE on a station
with one display per EVSE and station-wide on a station with a single display; the other
address is Rejected. What is write-only is never read: 2.x refuses, 1.6 (which has no such
type) names the key without a value. A setting that waits for a reboot leaves the old value
in force until then.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Final

from evouch.charging.dialogue import Setting, SettingResult, SettingsReported, SettingStatus
from evouch.errors import Refused
from evouch.ids import EvseNumber, Secret
from evouch.station.spec import Quirk, Screens, StationSpec
from evouch.station.variables import WEB, Access, Variable, table
from evouch.webpayment.url import MAX_LENGTH, Template

__all__ = ["Settings"]

_Status = SettingStatus
_Name = tuple[str, str, str | None]
_Address = tuple[_Name, EvseNumber | None]
#: Settings per page of a report: as DeviceDataCtrlr.ItemsPerMessage says.
PAGE: Final = 20


class Settings:
    """The settings of one station. Values live as long as the object: a reset keeps them."""

    def __init__(self, spec: StationSpec) -> None:
        self._spec = spec
        self._evses = tuple(evse.number for evse in spec.evses)
        self._bare = Quirk.BARE_WEB in spec.quirks
        rows = table(spec, bare_web=self._bare)
        self._variables: dict[_Name, Variable] = {_name(row.component, row.name, row.instance): row for row in rows}
        self._values: dict[_Address, str | Secret] = {}
        self._pending: dict[_Address, str | Secret] = {}
        self._install(spec)

    def _install(self, spec: StationSpec) -> None:
        """Set what this station's hardware says, then what its spec overrides, without asking any check."""
        for dotted, value in {
            "NumberOfConnectors": str(sum(len(evse.connectors) for evse in spec.evses)),
            "SecurityCtrlr.Identity": str(spec.id),
            f"{WEB}.ChargingStationId": str(spec.id),
            **spec.settings,
        }.items():
            component, _, name = dotted.rpartition(".") if spec.modern or dotted.startswith(WEB) else ("", "", dotted)
            for known, variable in self._variables.items():
                if known[:2] == (component.casefold(), name.casefold()):
                    hidden = variable.access is Access.WRITE_ONLY
                    self._values |= {(known, evse): Secret(value) if hidden else value for evse in self._places(known)}

    # ── what the backend asks ────────────────────────────────────────────────────────────

    def configure(self, settings: tuple[Setting, ...]) -> tuple[SettingResult, ...]:
        """Set one after the other; return the status of each."""
        return tuple(self._set(setting) for setting in settings)

    def read(self, settings: tuple[Setting, ...]) -> tuple[SettingResult, ...]:
        """Return values; all that this station has where ``settings`` is empty."""
        if not settings:
            return tuple(self._everything(writable_only=False))
        return tuple(self._get(setting) for setting in settings)

    def report(self, request: int, at: datetime, *, writable_only: bool) -> tuple[SettingsReported, ...]:
        """Return the pages of a base report (GetBaseReport FullInventory, ConfigurationInventory)."""
        rows = tuple(self._everything(writable_only=writable_only))
        starts = range(0, len(rows), PAGE)
        return tuple(
            SettingsReported(
                at=at, request=request, page=page, more=start + PAGE < len(rows), settings=rows[start : start + PAGE]
            )
            for page, start in enumerate(starts)
        )

    def reboot(self) -> None:
        """Let the settings that waited for a reboot become effective."""
        self._values |= self._pending
        self._pending.clear()

    def _set(self, setting: Setting) -> SettingResult:
        variable, refusal = self._find(setting)
        if variable is None:
            return refusal
        if variable.readonly:
            return SettingResult(setting=setting, status=_Status.REJECTED, reason="ReadOnly", readonly=True)
        try:
            value = self._checked(variable, setting)
        except (ValueError, Refused) as error:
            why = error.detail if isinstance(error, Refused) else str(error)
            return SettingResult(setting=setting, status=_Status.REJECTED, reason=why)
        later = variable.component == WEB and Quirk.REBOOT_REQUIRED in self._spec.quirks
        (self._pending if later else self._values)[_address(setting)] = value
        return SettingResult(setting=setting, status=_Status.REBOOT_REQUIRED if later else _Status.ACCEPTED)

    def _get(self, setting: Setting) -> SettingResult:
        variable, refusal = self._find(setting)
        if variable is None:
            return self._unreadable(refusal)
        if variable.access is Access.WRITE_ONLY:
            status = _Status.REJECTED if self._spec.modern else _Status.ACCEPTED
            return SettingResult(setting=setting, status=status, reason="WriteOnly" if self._spec.modern else "")
        value = self._value(variable, setting.evse)
        return SettingResult(setting=setting, status=_Status.ACCEPTED, value=str(value), readonly=variable.readonly)

    def _unreadable(self, refusal: SettingResult) -> SettingResult:
        """Return the refusal of a reading: on 1.6 a key is there or it is unknown."""
        if self._spec.modern:
            return refusal
        return SettingResult(setting=refusal.setting, status=_Status.UNKNOWN_VARIABLE)

    def _find(self, setting: Setting) -> tuple[Variable | None, SettingResult]:
        """Return the variable that is meant, or None and the refusal."""

        def refuse(status: SettingStatus, reason: str = "") -> tuple[None, SettingResult]:
            return None, SettingResult(setting=setting, status=status, reason=reason)

        name = _name(setting.component, setting.variable, setting.instance)
        if name[0] not in {known[0] for known in self._variables} or not self._placed(name, setting.evse):
            return refuse(_Status.UNKNOWN_COMPONENT if self._spec.modern else _Status.UNKNOWN_VARIABLE)
        if name not in self._variables:
            return refuse(_Status.UNKNOWN_VARIABLE)
        if setting.evse not in self._places(name):
            return refuse(_Status.REJECTED, "addressEvse" if setting.evse is None else "addressStation")
        return self._variables[name], SettingResult(setting=setting, status=_Status.ACCEPTED)

    def _placed(self, name: _Name, evse: EvseNumber | None) -> bool:
        """Return whether the component can stand at that address at all."""
        return evse is None or (name[0] == WEB.casefold() and evse in self._evses)

    def _places(self, name: _Name) -> tuple[EvseNumber | None, ...]:
        """Return the addresses at which this station has the variable."""
        if name[0] == WEB.casefold() and self._spec.screens is Screens.PER_EVSE:
            return self._evses
        return (None,)

    def _checked(self, variable: Variable, setting: Setting) -> str | Secret:
        text = setting.value.text() if isinstance(setting.value, Secret) else setting.value or ""
        if variable.name == "URLTemplate":
            return self._template_text(text, setting.evse)
        value = variable.check(text) if variable.check else text
        if variable.access is not Access.WRITE_ONLY:
            return value
        # 1.6 writes the bytes of its password in hexadecimal
        return Secret(bytes.fromhex(value) if variable.name == "AuthorizationKey" else value)

    def _template_text(self, text: str, evse: EvseNumber | None) -> str:
        """Return a template as it was set: the empty one takes the code off the display."""
        if text:
            self._parse(text, self._listed(evse))
        return text

    def _parse(self, text: str, parameters: tuple[str, ...]) -> Template:
        return _template(text, parameters, self._spec.loopback_http, MAX_LENGTH[str(self._spec.version)])

    def _everything(self, *, writable_only: bool) -> Iterator[SettingResult]:
        for name, variable in self._variables.items():
            if writable_only and variable.readonly:
                continue
            for evse in self._places(name):
                yield self._shown(variable, evse)

    def _shown(self, variable: Variable, evse: EvseNumber | None) -> SettingResult:
        hidden = variable.access is Access.WRITE_ONLY
        setting = Setting(component=variable.component, variable=variable.name, instance=variable.instance, evse=evse)
        value = None if hidden else str(self._value(variable, evse))
        return SettingResult(setting=setting, status=_Status.ACCEPTED, value=value, readonly=variable.readonly)

    # ── what the station itself asks ─────────────────────────────────────────────────────

    def _value(self, variable: Variable, evse: EvseNumber | None = None) -> str | Secret:
        name = _name(variable.component, variable.name, variable.instance)
        return self._values.get((name, evse), variable.default)

    def text(self, component: str, name: str, *, instance: str | None = None, evse: EvseNumber | None = None) -> str:
        """Return the value in force, empty for a setting that this station does not have."""
        variable = self._variables.get(_name(component, name, instance))
        return str(self._value(variable, evse)) if variable else ""

    def secret(self, component: str, name: str, *, evse: EvseNumber | None = None) -> Secret | None:
        """Return a write-only value, None while nobody has set it."""
        value = self._values.get((_name(component, name, None), evse))
        return value if isinstance(value, Secret) else None

    def put(self, component: str, name: str, value: str) -> None:
        """Set a value that the station found out for itself."""
        self._values[_name(component, name, None), None] = value

    def _listed(self, place: EvseNumber | None) -> tuple[str, ...]:
        listed = self.text(WEB, "URLParameters", evse=place)
        return tuple(part for part in listed.split(",") if part)


def _name(component: str, name: str, instance: str | None) -> _Name:
    return component.casefold(), name.casefold(), instance


def _address(setting: Setting) -> _Address:
    return _name(setting.component, setting.variable, setting.instance), setting.evse


@lru_cache(maxsize=256)
def _template(text: str, parameters: tuple[str, ...], loopback: bool, longest: int) -> Template:  # noqa: FBT001
    return Template.parse(text, parameters=parameters, loopback_http=loopback, max_length=longest)
