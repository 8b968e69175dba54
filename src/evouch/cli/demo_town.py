"""What stands in the demo: four stations, where they are, who runs them, and two eMSPs.

Two sites are neighbours; the third is too far away for a car that has just charged at one of
them, whatever it says. The fourth belongs to somebody who only pretends.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from evouch.cli.demo_identity import IMPOSTOR, PROVING
from evouch.cli.section import Http
from evouch.cli.settings import CpoConfig, EvseEntry, Ocpp, Prices, Provider, Qr, SellerEntry, StationEntry
from evouch.cli.settings_emsp import Checks, EmspConfig, EmspOcpi
from evouch.cli.settings_identity import IdentityEntry, KeyEntry
from evouch.cli.settings_roaming import CpoOcpi, SiteEntry
from evouch.identity.keys import PrivateKey
from evouch.ids import EvseNumber, OcppVersion, StationId
from evouch.station.prover import Prover
from evouch.station.spec import Curve, EvseSpec, StationSpec
from evouch.units import Watts

if TYPE_CHECKING:
    from evouch.cli.demo import Pace

__all__ = [
    "FAR", "FIRST", "PRETENDED", "PROVIDERS", "SECOND", "STATIONS", "ProviderEntry", "Stand", "cpo_config",
    "emsp_config", "station_specs",
]  # fmt: skip

#: Strong enough that a charge of seconds has a price worth a receipt.
POWER: Final = 300_000
#: An eMSP binds no car to a session that has no energy yet; people are watching, so it is asked again soon. Seconds.
BINDING_PAUSES: Final = (0.5, 0.5, 1.0, 5.0, 15.0, 60.0)


@dataclass(frozen=True, slots=True)
class Stand:
    """A station of the demo and where it stands."""

    id: StationId
    version: Literal["1.6", "2.0.1", "2.1"]
    name: str
    street: str
    postal_code: str
    city: str
    latitude: str
    longitude: str

    @property
    def address(self) -> str:
        """Where it stands, in one line."""
        return f"{self.street}, {self.postal_code} {self.city}"

    def site(self) -> SiteEntry:
        """Return where it stands, as eMSPs are told."""
        return SiteEntry(
            latitude=Decimal(self.latitude), longitude=Decimal(self.longitude), address=self.street, city=self.city,
            postal_code=self.postal_code, name=self.name, country="DEU", time_zone="Europe/Berlin",
        )  # fmt: skip


FIRST: Final = Stand(PROVING, "1.6", "Market Square", "1 Market Square", "12345", "Sampletown", "48.1374", "11.5755")
#: Two kilometres from the first.
SECOND: Final = Stand(
    StationId("DEMO-201"), "2.0.1", "Station Road", "20 Station Road", "12345", "Sampletown", "48.1402", "11.6003"
)
#: Six hundred kilometres from both.
FAR: Final = Stand(StationId("DEMO-21"), "2.1", "Harbour", "21 Quay Street", "54321", "Farhaven", "53.5461", "9.9662")
#: The stations of the demo.
STATIONS: Final = (FIRST, SECOND, FAR)
#: The station that somebody pretends to be.
PRETENDED: Final = Stand(IMPOSTOR, "1.6", "Old Mill", "16 Mill Lane", "12345", "Sampletown", "48.1351", "11.5820")


@dataclass(frozen=True, slots=True)
class ProviderEntry:
    """An eMSP of the demo. ``card`` is the number of the RFID card that it gave its driver."""

    id: str
    name: str
    party: str
    contract: str
    card: str


#: The same driver has a contract with both. The first card is the one that a display's button swipes.
PROVIDERS: Final = (
    ProviderEntry("greenway", "Greenway Mobility", "DE*GWM", "DE-GWM-C00000001-1", "04A1B2C3D4E5F6"),
    ProviderEntry("blueline", "Blueline Drive", "DE*BLD", "DE-BLD-C00000002-2", "04B2C3D4E5F6A7"),
)


def emsp_config(state: Path, provider: ProviderEntry) -> EmspConfig:
    """Return the settings of an eMSP: drivers are asked, and may start as often as people like to play."""
    return EmspConfig(
        state=state / provider.id,
        http=Http(port=0),
        party=provider.party,
        name=provider.name,
        checks=Checks(starts_per_hour=60, starts_per_day=1000, refusals_per_hour=60),
        ocpi=EmspOcpi(private_addresses=True),
    )


def cpo_config(
    state: Path, *, http_port: int, provider_url: str, pace: "Pace", enrolled: Mapping[StationId, PrivateKey]
) -> CpoConfig:
    """Return the settings of the operator."""
    return CpoConfig(
        state=state,
        ocpp=Ocpp(port=0),
        http=Http(port=http_port),
        seller=SellerEntry(name="Sampletown Energy", address="1 Town Hall, 12345 Sampletown", vat_id="DE123456789"),
        tariff=Prices(per_kwh=Decimal("0.59"), per_minute=Decimal("0.02"), per_session=Decimal("0.35")),
        qr=Qr(validity=pace.code),
        provider=Provider(url=provider_url),
        ocpi=CpoOcpi(
            enabled=True,
            party="DE*EVO",
            private_addresses=True,
            start_delay=pace.announced,
            binding_pauses=BINDING_PAUSES,
        ),
        stations=tuple(_entry(stand, enrolled.get(stand.id)) for stand in (*STATIONS, PRETENDED)),
    )


def _entry(stand: Stand, key: PrivateKey | None) -> StationEntry:
    """Return a station as it is registered: with its key where it has to prove one, else trusted."""
    return StationEntry(
        id=stand.id,
        version=stand.version,
        name=stand.name,
        address=stand.address,
        evses=(EvseEntry(max_power=POWER, evse_id=f"DE*EVO*E{stand.id.replace('-', '')}*1"),),
        identities=(IdentityEntry(key=KeyEntry(**key.public.document())),) if key else (),
        trusted=key is None,
        site=stand.site() if stand in STATIONS else None,
    )


def station_specs(provers: Mapping[StationId, Prover]) -> list[StationSpec]:
    """Return the simulated stations. All ask who a car is as soon as it is plugged in."""
    return [
        StationSpec(
            id=stand.id,
            version=OcppVersion(f"ocpp{stand.version}"),
            evses=(EvseSpec(number=EvseNumber(1), curve=Curve(power=Watts(POWER))),),
            loopback_http=True,
            serial=f"SN-{stand.id}",
            prover=provers.get(stand.id),
            autocharge="plug",
        )
        for stand in (*STATIONS, PRETENDED)
    ]
