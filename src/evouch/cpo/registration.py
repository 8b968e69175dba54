"""What is asked of a station after it has booted: how it meters, when it gives up waiting, and its QR secrets."""

from dataclasses import dataclass, field, replace

import structlog

from evouch.charging.dialogue import Booted, Link, SettingStatus
from evouch.charging.equipment import Evse
from evouch.cpo.agenda import Agenda
from evouch.cpo.presence import Presence
from evouch.cpo.provision import Provisioner
from evouch.cpo.registry import Registry
from evouch.ids import EvseNumber, OcppVersion, StationId
from evouch.ocpp import variables
from evouch.store.records import StationRecord

__all__ = ["Registration"]

#: Seconds until settings whose answer was lost are sent again; a station that is gone is asked when it boots.
TRY_AGAIN = (30, 60, 300, 900)

_log = structlog.get_logger("evouch.cpo.registration")


@dataclass(slots=True)
class Registration:
    """Runs once after each accepted boot, a moment later: some stations dislike questions at once."""

    provisioner: Provisioner
    registry: Registry
    presence: Presence
    agenda: Agenda
    settle: float
    meter_interval: int
    _versions: dict[StationId, OcppVersion] = field(default_factory=dict)

    def booted(self, link: Link, fact: Booted, *, accepted: bool) -> None:
        """Take note of a boot, and promise the questions that follow an accepted one."""
        self.agenda.soon(lambda: self._introduce(link, fact))
        if accepted:
            self._versions[link.station] = link.version
            self.agenda.after(self.settle, ("register", link.station), lambda: self.register(link.station))

    def resumed(self, link: Link) -> None:
        """A station came back without a boot: it counts as accepted still, and is asked what we have not asked yet."""
        if link.station not in self._versions:
            self._versions[link.station] = link.version
            self.agenda.after(self.settle, ("register", link.station), lambda: self.register(link.station))

    async def _introduce(self, link: Link, fact: Booted) -> None:
        """Keep what the station said of itself, if it is new: a storm of reboots writes nothing."""
        now = self.registry.clock.now()

        def edit(record: StationRecord) -> StationRecord:
            said = replace(
                record, version=link.version, vendor=fact.vendor, model=fact.model, serial=fact.serial,
                firmware=fact.firmware,
            )  # fmt: skip
            return record if said == record else replace(said, booted_at=now)

        await self.registry.change(link.station, edit)

    async def register(self, station: StationId) -> None:
        """Ask, set, provision. A refusal is noted and hurts nothing else."""
        version = self._versions.get(station)
        record = self.registry.station(station)
        if version is None or record is None:
            return
        if not record.evses:
            seen = self._seen(station)
            await self.registry.change(station, lambda now: replace(now, evses=now.evses or seen))
        await self.provisioner.read(station, variables.registration_reads(version))
        await self._meter(station, version)
        if not await self._reboot_finished(station):
            await self.provision(station, TRY_AGAIN)

    async def provision(self, station: StationId, pauses: tuple[int, ...]) -> None:
        """Give a station its secrets; where an answer was lost its display is dark, so try again."""
        report = await self.provisioner.provision(station, actor="system")
        if pauses and "unanswered" in report.outcome.values():
            again, *later = pauses
            self.agenda.after(again, ("register", station), lambda: self.provision(station, tuple(later)))

    def _seen(self, station: StationId) -> tuple[Evse, ...]:
        """Return the EVSEs that a station nobody described has spoken of; one where it has said nothing yet."""
        here = self.presence.get(station)
        said = sorted(here.connectors) if here else []
        numbers = sorted({evse for evse, _ in said}) or [EvseNumber(1)]
        return tuple(
            Evse(number=number, connectors=tuple(one for evse, one in said if evse == number) or (1,))
            for number in numbers
        )

    async def _meter(self, station: StationId, version: OcppVersion) -> None:
        """Have the station tell its energy often enough; power too, if it can.

        Where it will not, nothing is lost but comfort: the cap reckons with full power from
        one reading to the next, however far apart they are.
        """
        wished = variables.metering_settings(version, interval=self.meter_interval)
        results = await self.provisioner.configure(station, wished)
        if any(result.status is SettingStatus.REJECTED for result in results):
            plain = variables.metering_settings(version, interval=self.meter_interval, measurands=(variables.ENERGY,))
            results = await self.provisioner.configure(station, plain)
        for result in results:
            if result.status not in (SettingStatus.ACCEPTED, SettingStatus.REBOOT_REQUIRED):
                _log.warning("metering not as wished", station=station, variable=result.setting.variable)

    async def _reboot_finished(self, station: StationId) -> bool:
        """Take secrets that waited for this reboot as active now; whether there were any."""
        waiting = [key for key in self.registry.keys(station) if key.reboot_pending]
        for key in waiting:
            now = self.registry.clock.now()
            await self.registry.save_key(replace(key, reboot_pending=False, committed_at=now))
            await self.provisioner.enable(key.place)
        return bool(waiting)
