"""Giving a station what it needs to show codes, in an order that never leaves a half-made code on the display.

For each EVSE: Enabled goes off, then template, version, validity and length, the fresh
secret last, then Enabled on. The secret is written down before it is sent and marked as
committed when the station has accepted it and all the rest; in between, and for two slots
after, the previous one opens too, so no driver who scanned in time is turned away.

A station that refuses EVSE-addressed settings has one display: it is given one secret,
station-wide. A station without the component, or that rejects a secret, shows no codes,
and that is said in the report.
"""

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from evouch.charging.dialogue import Configure, ReadSettings, Setting, SettingResult, SettingStatus, StationCalls
from evouch.charging.equipment import EvsePlace
from evouch.clock import Clock, Entropy, Tick
from evouch.cpo.registry import Registry
from evouch.errors import PeerRefused
from evouch.ids import EvseNumber, Secret, StationId
from evouch.store.records import QrKey

__all__ = ["Provisioner", "QrTerms", "Report"]

COMPONENT: Final = "WebPaymentsCtrlr"
#: Without these no code can be right; the rest may be unknown to a station.
NEEDED: Final = ("URLTemplate", "TOTPVersion", "ValidityTime", "Length", "SharedSecret")
#: Limits that a driver may enter at a display (URLParameters).
LIMITS: Final = ("maxtime", "maxenergy", "maxcost")
#: Bytes of a fresh secret: 192 bits, 32 characters of base64url.
SECRET_BYTES: Final = 24
#: Seconds a station has to answer one round of settings.
ANSWER_TIME: Final = 30

_TAKEN = frozenset({SettingStatus.ACCEPTED, SettingStatus.REBOOT_REQUIRED})

_log = structlog.get_logger("evouch.cpo.provision")


@dataclass(frozen=True, slots=True, kw_only=True)
class QrTerms:
    """What every display is told."""

    template: str
    validity: int = 30
    length: int = 8
    quality: str = "Medium"
    version: str = "v1"

    def for_limits(self, offered: Iterable[str]) -> str:
        """Return the template with a parameter for each limit that a display offers and the template lacks.

        A placeholder that is not among URLParameters would make the station refuse the template.
        """
        lacking = [name for name in offered if name in LIMITS and f"{{{name}}}" not in self.template.lower()]
        query = "&".join(f"{name}={{{name}}}" for name in lacking)
        return self.template + ("&" if "?" in self.template else "?") * bool(query) + query


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a provisioning: per EVSE ``ready``, ``rebootPending``, or the reason why not."""

    station: StationId
    outcome: dict[EvseNumber, str]

    @property
    def ready(self) -> bool:
        """Whether every EVSE shows codes."""
        return bool(self.outcome) and all(word == "ready" for word in self.outcome.values())


@dataclass(slots=True)
class Provisioner:
    """Provisions stations, one at a time each."""

    calls: StationCalls
    registry: Registry
    clock: Clock
    entropy: Entropy
    terms: QrTerms
    _busy: set[StationId] = field(default_factory=set)

    async def provision(self, station: StationId, *, actor: str) -> Report:
        """Give every EVSE of a station a fresh secret."""
        record = self.registry.station(station)
        if record is None or station in self._busy:
            return Report(station, {})
        self._busy.add(station)
        try:
            outcome = await self._all(station, [evse.number for evse in record.evses])
        finally:
            self._busy.discard(station)
        detail = ", ".join(f"EVSE {evse}: {word}" for evse, word in outcome.items())
        await self.registry.store.commit(self.registry.audit(actor, "provision QR secrets", str(station), detail))
        return Report(station, outcome)

    async def _all(self, station: StationId, evses: list[EvseNumber]) -> dict[EvseNumber, str]:
        """Address each EVSE; a station that will not have that has one display, and one secret for all of it."""
        outcome = {evse: await self._give(station, [evse], evse) for evse in evses}
        if evses and set(outcome.values()) <= {"rejected", "notSupported"}:
            word = await self._give(station, evses, None)
            outcome = dict.fromkeys(evses, word)
        return outcome

    async def _give(self, station: StationId, evses: list[EvseNumber], target: EvseNumber | None) -> str:
        """Set up the display of ``target`` (None: the station's only one), which shows codes for ``evses``."""
        if (probe := await self._set(station, [_enabled("false", target)])) is None:
            return "stationOffline"
        if probe[0].status is SettingStatus.UNKNOWN_COMPONENT:
            return "notSupported"
        template = await self._template(station, target)
        if (first := await self._set(station, _settings(self.terms, template, target))) is None:
            return "stationOffline"
        before = [self.registry.key(EvsePlace(station, evse)) for evse in evses]
        if (word := _verdict(first)) != "ready":
            return await self._undo(station, target, before, word)
        unsure = before[0] is not None and before[0].committed_at is None
        secret = before[0].secret if unsure and before[0] else self._fresh()
        fresh = [
            self._key(EvsePlace(station, evse), secret, template, old) for evse, old in zip(evses, before, strict=True)
        ]
        return await self._secret(station, target, fresh, before)

    async def _template(self, station: StationId, target: EvseNumber | None) -> str:
        """Return the template with the limits that this display lets a driver enter (URLParameters)."""
        results = await self.read(station, (Setting(component=COMPONENT, variable="URLParameters", evse=target),))
        offered = next((result.value for result in results if result.status is SettingStatus.ACCEPTED), None) or ""
        return self.terms.for_limits(name.strip().lower() for name in offered.split(","))

    async def _secret(
        self, station: StationId, target: EvseNumber | None, fresh: list[QrKey], before: list[QrKey | None]
    ) -> str:
        for key in fresh:
            await self.registry.save_key(key)
        setting = Setting(component=COMPONENT, variable="SharedSecret", value=fresh[0].secret, evse=target)
        answer = await self._set(station, [setting])
        if answer is None:
            return "unanswered"  # either secret may be on the display now; both open until the next try
        status = answer[0].status
        if status not in _TAKEN:
            return await self._undo(station, target, before, "secretRejected")
        reboot = status is SettingStatus.REBOOT_REQUIRED
        for key in fresh:
            await self.registry.save_key(replace(key, committed_at=self.clock.now(), reboot_pending=reboot))
        enabled = await self._set(station, [_enabled("true", target)])
        if enabled is None:
            return "unanswered"
        if enabled[0].status is SettingStatus.REJECTED:
            return "notEnabled"
        return "rebootPending" if reboot else "ready"

    async def _undo(self, station: StationId, target: EvseNumber | None, before: list[QrKey | None], word: str) -> str:
        """Put back what was, and switch the display on again if it had a code before, which the station took."""
        known = [key for key in before if key is not None]
        for key in known:
            await self.registry.save_key(key)
        if any(key.committed_at is not None for key in known):
            # a station that took half of the new settings would show codes of nobody's making
            old = replace(self.terms, version=known[0].totp_version, validity=known[0].validity, length=known[0].length)
            await self._set(station, _settings(old, known[0].template, target))
            await self._set(station, [_enabled("true", target)])
        return word

    def _fresh(self) -> Secret:
        return Secret(base64.urlsafe_b64encode(self.entropy.bytes(SECRET_BYTES)))

    def _key(self, place: EvsePlace, secret: Secret, template: str, before: QrKey | None) -> QrKey:
        """Return the key that a display is about to get; ``previous`` is what it may show until then.

        A secret that was sent and never answered for is sent again, so that there are never
        more than two that the display could be showing.
        """
        pending = before is not None and (before.committed_at is None or before.reboot_pending)
        previous = None if before is None else before.previous if pending else before.secret
        return QrKey(
            place=place, secret=secret, previous=previous, template=template,
            totp_version=self.terms.version, validity=self.terms.validity, length=self.terms.length,
        )  # fmt: skip

    async def _set(self, station: StationId, settings: Iterable[Setting]) -> tuple[SettingResult, ...] | None:
        """Send settings; None where no answer came. A CALLERROR refuses them all."""
        wanted = tuple(settings)
        answer = await self.calls.call(station, Configure(settings=wanted), by=self._by())
        if isinstance(answer, PeerRefused):
            answer = tuple(_refused(setting, answer) for setting in wanted)
        if not isinstance(answer, tuple):
            return None
        await self.registry.note_settings(station, answer)
        return answer

    async def read(self, station: StationId, settings: tuple[Setting, ...]) -> tuple[SettingResult, ...]:
        """Read settings and keep what came; empty where no answer came."""
        answer = await self.calls.call(station, ReadSettings(settings=settings), by=self._by())
        if not isinstance(answer, tuple):
            return ()
        await self.registry.note_settings(station, answer)
        return answer

    async def configure(self, station: StationId, settings: tuple[Setting, ...]) -> tuple[SettingResult, ...]:
        """Set settings one by one, so that a refusal of one does not hide the others."""
        results: list[SettingResult] = []
        for setting in settings:
            results += await self._set(station, [setting]) or ()
        return tuple(results)

    async def enable(self, place: EvsePlace) -> None:
        """Switch a display on whose settings waited for a reboot."""
        for target in (place.evse, None):
            answer = await self._set(place.station, [_enabled("true", target)])
            if answer and answer[0].status in _TAKEN:
                return

    def _by(self) -> Tick:
        return Tick(self.clock.tick() + ANSWER_TIME)


def _enabled(value: str, target: EvseNumber | None) -> Setting:
    return Setting(component=COMPONENT, variable="Enabled", value=value, evse=target)


def _settings(terms: QrTerms, template: str, target: EvseNumber | None) -> list[Setting]:
    values = {
        "URLTemplate": template,
        "TOTPVersion": terms.version,
        "ValidityTime": str(terms.validity),
        "Length": str(terms.length),
        "QRCodeQuality": terms.quality,
    }
    return [Setting(component=COMPONENT, variable=name, value=value, evse=target) for name, value in values.items()]


def _refused(setting: Setting, error: PeerRefused) -> SettingResult:
    unknown = error.code in ("NotImplemented", "NotSupported")
    status = SettingStatus.UNKNOWN_COMPONENT if unknown else SettingStatus.REJECTED
    return SettingResult(setting=setting, status=status, reason=error.code[:20])


def _verdict(results: tuple[SettingResult, ...]) -> str:
    """Return ``ready`` where everything needed was taken, else what stands in the way."""
    refused = [result for result in results if result.setting.variable in NEEDED and result.status not in _TAKEN]
    if not refused:
        return "ready"
    unknown = {SettingStatus.UNKNOWN_COMPONENT, SettingStatus.UNKNOWN_VARIABLE}
    if all(result.status in unknown for result in refused):
        return "notSupported"
    if len(refused) == len(NEEDED) - 1:
        return "rejected"
    return f"{refused[0].setting.variable} {refused[0].status}"
