"""The operator's stations and QR keys, held in memory as they stand in the store.

Handshakes and scans are judged against this snapshot, never by a query: a storm of
either must not reach the database. Every change is written first and taken over after.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from evouch.charging.dialogue import SettingResult, SettingStatus
from evouch.charging.equipment import Evse, EvsePlace, Wiring
from evouch.clock import Clock, Entropy
from evouch.cpo.turns import Turns
from evouch.errors import Refused
from evouch.ids import EvseNumber, OcppVersion, StationId
from evouch.store.ports import Add, Change, Delete, Put, Store
from evouch.store.records import AuditRow, QrKey, SecurityEvent, StationRecord

__all__ = ["Registry", "setting_name"]

Edit = Callable[[StationRecord], StationRecord]


@dataclass(slots=True)
class Registry:
    """Snapshot of stations and keys, and the one way to change them."""

    store: Store
    clock: Clock
    entropy: Entropy
    #: told of a station after what is registered of it has changed
    changed: Callable[[StationRecord | None, StationRecord], None] | None = None
    _stations: dict[StationId, StationRecord] = field(default_factory=dict)
    _keys: dict[EvsePlace, QrKey] = field(default_factory=dict)
    _turns: Turns = field(default_factory=Turns)

    async def load(self) -> None:
        """Read everything; once, before anybody connects."""
        self._stations = {record.id: record for record in await self.store.stations()}
        self._keys = {key.place: key for key in await self.store.qr_keys()}

    # ── reading ──

    def station(self, id: StationId) -> StationRecord | None:
        """Return what is known of a station."""
        return self._stations.get(id)

    def stations(self) -> list[StationRecord]:
        """Return all stations by id."""
        return [self._stations[id] for id in sorted(self._stations)]

    def key(self, place: EvsePlace) -> QrKey | None:
        """Return the QR key of an EVSE."""
        return self._keys.get(place)

    def keys(self, station: StationId) -> list[QrKey]:
        """Return all QR keys of a station, by EVSE."""
        return sorted(
            (key for place, key in self._keys.items() if place.station == station), key=lambda key: key.place.evse
        )

    def code_place(self, place: EvsePlace) -> EvsePlace:
        """Return where a code counts as used: its EVSE, or the station (EVSE 0) where one display serves several."""
        key = self._keys.get(place)
        shared = key is not None and any(
            one.secret == key.secret and one.place != place for one in self.keys(place.station)
        )
        return EvsePlace(place.station, EvseNumber(0)) if shared else place

    def evse(self, place: EvsePlace) -> Evse | None:
        """Return an EVSE as registered; None where station or EVSE are unknown."""
        record = self._stations.get(place.station)
        return next((evse for evse in record.evses if evse.number == place.evse), None) if record else None

    def wiring(self, id: StationId, version: OcppVersion) -> Wiring:
        """Return which connectors belong to which EVSE of a station."""
        record = self._stations.get(id)
        evses = {evse.number: evse for evse in record.evses} if record else {}
        return Wiring(version, evses, cost_messages=self.shows_cost(id))

    def shows_cost(self, station: StationId) -> bool:
        """Return whether a 1.6 station said that it shows the OCA cost messages."""
        return (self.setting(station, "CustomDisplayCostAndPrice") or "").casefold() == "true"

    def setting(self, station: StationId, *names: str) -> str | None:
        """Return the first of these settings that the station accepted or reported."""
        record = self._stations.get(station)
        if record is None:
            return None
        return next((record.settings[name] for name in names if name in record.settings), None)

    # ── writing ──

    async def change(self, id: StationId, edit: Edit, *also: Change, new: bool = False) -> StationRecord | None:
        """Write a station as ``edit`` makes it of what stands there when it is its turn, with what belongs to that act.

        None (and nothing written) where the station is not known, unless it is ``new``. A
        password that an operator sets and a serial number that the station tells at the same
        moment both survive. What changes nothing is not written, unless something goes with it.
        """
        async with self._turns.of(id):
            before = self._stations.get(id)
            if before is None and not new:
                return None
            after = edit(before or StationRecord(id=id))
            if after != before or also:
                await self.store.commit(Put(after), *also)
                self._stations[id] = after
                if self.changed is not None and after != before:
                    self.changed(before, after)
            return after

    async def register_if_new(self, id: StationId) -> None:
        """Write a station that nobody has registered yet; leave a known one alone."""
        await self.change(id, lambda record: record, new=True)

    async def raise_profile(self, id: StationId, profile: int) -> None:
        """Keep that a station has used this security profile, if it is higher than any before."""
        await self.change(id, lambda record: replace(record, profile=max(record.profile, profile)))

    async def remove(self, id: StationId, *also: Change) -> None:
        """Forget a station and its keys; its transactions and payments stay."""
        async with self._turns.of(id):
            record, keys = self._stations[id], self.keys(id)
            await self.store.commit(Delete(record), *(Delete(key) for key in keys), *also)
            del self._stations[id]
            for key in keys:
                del self._keys[key.place]

    async def save_key(self, key: QrKey, *also: Change) -> None:
        """Write a QR key; Refused("equalSecrets") where another station has the same secret.

        Two EVSEs with one secret would open each other's payments; within one station that
        is the one display that serves them all.
        """
        async with self._turns.of(key.place.station):
            if key.place.station not in self._stations:
                return  # removed while its settings travelled
            if any(
                one.secret == key.secret and place.station != key.place.station for place, one in self._keys.items()
            ):
                raise Refused("equalSecrets")
            await self.store.commit(Put(key), *also)
            self._keys[key.place] = key

    async def note_settings(self, station: StationId, results: tuple[SettingResult, ...]) -> None:
        """Keep what a station accepted or reported; secrets are never among it."""
        news: dict[str, str] = {}
        for result in results:
            if result.status in (SettingStatus.ACCEPTED, SettingStatus.REBOOT_REQUIRED):
                value = result.value if result.value is not None else result.setting.value
                if isinstance(value, str):
                    news[setting_name(result.setting.component, result.setting.variable, result.setting.evse)] = value
        await self.change(station, lambda record: replace(record, settings=record.settings | news))

    def audit(self, actor: str, action: str, subject: str, detail: str = "") -> Add[AuditRow]:
        """Return the audit row of a change, to be committed with it."""
        return Add(
            AuditRow(
                id=self.entropy.id(), at=self.clock.now(), actor=actor, action=action, subject=subject, detail=detail
            )
        )

    def alarm(self, kind: str, station: StationId | None = None, detail: str = "") -> Add[SecurityEvent]:
        """Return a security event, to be committed with what it is about."""
        return Add(SecurityEvent(id=self.entropy.id(), at=self.clock.now(), kind=kind, station=station, detail=detail))


def setting_name(component: str, variable: str, evse: EvseNumber | None = None) -> str:
    """Return the name under which a setting is kept: ``Component[.evse].Variable``, 1.6 keys bare."""
    parts = (component, str(evse) if evse else "", variable)
    return ".".join(part for part in parts if part)
