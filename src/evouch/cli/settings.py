"""Every setting there is: one frozen struct per command that runs, each with a default that works on one machine.

``cli/config.py`` fills them from a TOML file, the environment and flags. Names here are the
names there: ``[cpo.http] port``, ``EVOUCH_CPO_HTTP__PORT`` and ``--http-port`` are one setting.
Secrets are named by the file that holds them; what is a secret itself is a ``Secret`` and
prints as ``***``. Paths are relative to the folder that the command is started in.
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from evouch.charging.equipment import Evse
from evouch.charging.rates import Rate
from evouch.charging.tariffs import Tariff
from evouch.cli.section import Http, Listen, Section, no_password_in, safe_for_phones
from evouch.cli.settings_emsp import EmspConfig
from evouch.cli.settings_identity import (
    NETWORK_RULE,
    IdentityConfig,
    IdentityEntry,
    IdentitySection,
    Ocpp,
    Tls,
    overlap,
)
from evouch.cli.settings_roaming import CpoOcpi, PartnerConfig, SiteEntry
from evouch.cli.settings_station import StationIdentity, UnknownMessage
from evouch.ids import EvseNumber, OcppVersion, Secret, parse_evse_id, parse_station_id
from evouch.units import Money, Watts

__all__ = [
    "ACTORS",
    "CpoConfig",
    "EmspConfig",
    "EvseEntry",
    "Http",
    "IdentityConfig",
    "Keys",
    "Limits",
    "Listen",
    "Ocpp",
    "Operator",
    "PartnerConfig",
    "Prices",
    "Provider",
    "PspConfig",
    "Qr",
    "RateEntry",
    "Section",
    "SellerEntry",
    "StationConfig",
    "StationEntry",
    "Tls",
]

Positive = Annotated[int, msgspec.Meta(ge=1)]
#: NotifyWebPaymentStarted locks for at most five minutes ("Secure Dynamic QR-Codes for OCPP").
LockSeconds = Annotated[int, msgspec.Meta(ge=30, le=300)]
#: The range that the OCPP 2.1 device model gives WebPaymentsCtrlr.ValidityTime.
Validity = Annotated[int, msgspec.Meta(ge=6, le=3600)]
CodeLength = Annotated[int, msgspec.Meta(ge=6, le=255)]
Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]


class Keys(Section, frozen=True, kw_only=True):
    """Files with one key of 64 hex digits a line, newest first. Made in ``state`` where not named.

    ``seal`` encrypts secrets at rest, ``pepper`` keys the hashes of machine passwords and
    bearer tokens, ``grant`` signs what a scanned code is exchanged for.
    """

    seal: Path | None = None
    pepper: Path | None = None
    grant: Path | None = None


class SellerEntry(Section, frozen=True, kw_only=True):
    """Who sells the energy, as the law wants it on offer and receipt."""

    name: str = "Example Charging"
    address: str = ""
    vat_id: str = ""


class Prices(Section, frozen=True, kw_only=True):
    """The ad hoc price, VAT included, in the currency's main unit. TOML numbers are read exactly."""

    currency: Currency = "EUR"
    per_kwh: Decimal = Decimal("0.49")
    per_minute: Decimal = Decimal(0)
    per_session: Decimal = Decimal(0)
    vat_percent: Decimal = Decimal(19)

    def __post_init__(self) -> None:
        for price in (self.per_kwh, self.per_minute, self.per_session, self.vat_percent):
            if not price.is_finite() or price < 0:
                raise ValueError("a price is a number from 0")

    def tariff(self) -> Tariff:
        """Return the prices as the tariff that bills are made from."""
        return Tariff(
            currency=self.currency,
            per_kwh=self.per_kwh,
            per_minute=self.per_minute,
            per_session=self.per_session,
            vat_percent=self.vat_percent,
        )


class Qr(Section, frozen=True, kw_only=True):
    """What stations are told of their codes. An empty ``template`` is the standard page of ``public_url``."""

    validity: Validity = 30
    length: CodeLength = 8
    template: str = ""


class Provider(Section, frozen=True, kw_only=True):
    """The payment provider: its address, and the files with the API key and the webhook secret."""

    kind: Literal["sandbox"] = "sandbox"
    url: str = "http://127.0.0.1:8090"
    api_key_file: Path | None = None
    webhook_secret_file: Path | None = None


class RateEntry(Section, frozen=True, kw_only=True):
    """``count`` requests per ``seconds``, of which ``burst`` may come at once."""

    count: Positive
    seconds: Annotated[float, msgspec.Meta(gt=0)]
    burst: Positive

    def rate(self) -> Rate:
        """Return the same as the limiter takes it."""
        return Rate(self.count, self.seconds, self.burst)


class Limits(Section, frozen=True, kw_only=True):
    """How often codes may be tried: per address, per EVSE, and in all."""

    per_address: RateEntry = RateEntry(count=30, seconds=60, burst=15)
    per_evse: RateEntry = RateEntry(count=60, seconds=60, burst=30)
    in_all: RateEntry = RateEntry(count=500, seconds=1, burst=1000)


class Operator(Section, frozen=True, kw_only=True):
    """The first login and the first bearer token, made at start where they do not exist yet."""

    name: str = "operator"
    password_file: Path | None = None
    token_file: Path | None = None


class EvseEntry(Section, frozen=True, kw_only=True):
    """One EVSE. ``connectors`` are numbered per EVSE on 2.x and per station on 1.6; ``max_power`` is in watts."""

    number: Positive = 1
    connectors: tuple[Positive, ...] = ()
    max_power: Positive = 22_000
    evse_id: str = ""

    def __post_init__(self) -> None:
        if self.evse_id:
            parse_evse_id(self.evse_id)

    def evse(self, *, per_station: bool = False) -> Evse:
        """Return the EVSE. Unnamed connectors are 1 on 2.x, and the EVSE's own number on 1.6 (``per_station``)."""
        unnamed = (self.number,) if per_station else (1,)
        return Evse(
            number=EvseNumber(self.number),
            connectors=self.connectors or unnamed,
            max_power=Watts(self.max_power),
            evse_id=self.evse_id,
        )


class StationEntry(Section, frozen=True, kw_only=True):
    """A station that is registered at start. ``password`` is its OCPP credential (security profiles 1 and 2).

    ``version`` is what it is expected to speak, for it decides how connectors are numbered.
    ``identities`` are what it may prove to be; a ``trusted`` one is never asked. ``profile`` is
    the least OCPP security profile that it may connect with, ``certificate_name`` the common
    name of its certificate where that is not its id. Only a station with a ``site`` is shown to
    roaming partners.
    """

    id: str
    version: Literal["1.6", "2.0.1", "2.1"] = "2.1"
    name: str = ""
    address: str = ""
    password: Secret | None = None
    identities: tuple[IdentityEntry, ...] = ()
    trusted: bool = False
    profile: Annotated[int, msgspec.Meta(ge=0, le=3)] = 0
    certificate_name: Annotated[str, msgspec.Meta(max_length=64)] = ""
    evses: tuple[EvseEntry, ...] = (EvseEntry(),)
    site: SiteEntry | None = None

    def __post_init__(self) -> None:
        parse_station_id(self.id)
        numbers = [each.number for each in self.evses]
        if len(set(numbers)) != len(numbers):
            raise ValueError("two EVSEs have the same number")

    def wiring(self) -> tuple[Evse, ...]:
        """Return its EVSEs with their connectors."""
        return tuple(each.evse(per_station=self.version == "1.6") for each in self.evses)


class CpoConfig(Section, frozen=True, kw_only=True):
    """``evouch cpo run``."""

    #: folder for the database and for keys that no file was named for; made for the owner's eyes only
    state: Path = Path("evouch-state")
    #: empty: SQLite in ``state``; else ``sqlite:///file`` or ``postgresql://user@host/name``
    database: str = ""
    #: how phones reach the pages; empty: the address that ``http`` listens on
    public_url: str = ""
    ocpp: Ocpp = Ocpp(port=9000)
    tls: Tls | None = None
    identity: IdentitySection = IdentitySection()
    ocpi: CpoOcpi = CpoOcpi()
    http: Http = Http(port=8080)
    keys: Keys = Keys()
    seller: SellerEntry = SellerEntry()
    tariff: Prices = Prices()
    #: what is blocked on a card before the charge, in the tariff's currency
    hold: Decimal = Decimal(50)
    #: seconds that an EVSE is kept for a driver who is paying
    lock_seconds: LockSeconds = 300
    #: seconds beyond a station's own plug timeout before an unstarted charge gives its hold back
    plug_margin: Annotated[int, msgspec.Meta(ge=5, le=600)] = 30
    qr: Qr = Qr()
    provider: Provider = Provider()
    limits: Limits = Limits()
    operator: Operator = Operator()
    stations: tuple[StationEntry, ...] = ()

    def __post_init__(self) -> None:
        no_password_in(self.database)
        safe_for_phones(self.public_url)
        if not self.hold.is_finite() or self.hold <= 0:
            raise ValueError("hold is an amount above 0")
        ids = [each.id for each in self.stations]
        if len(set(ids)) != len(ids):
            raise ValueError("two stations have the same id")
        self._tell_proxies_from_stations()

    def _tell_proxies_from_stations(self) -> None:
        """All that a proxy brings has its address: a rule that trusts that network would trust the world behind it."""
        shared = overlap(self.ocpp.proxies, self.identity.trusted_networks)
        if shared and NETWORK_RULE in self.identity.rules:
            raise ValueError(
                f"the proxy {shared[0]} is inside the trusted network {shared[1]}: whoever comes through it would be "
                f'in that network. Take it out of identity.trusted_networks, or "{NETWORK_RULE}" out of identity.rules'
            )

    @property
    def held(self) -> Money:
        """The hold as money."""
        return Money(self.hold, self.tariff.currency)


class PspConfig(Section, frozen=True, kw_only=True):
    """``evouch psp run``: the sandbox payment provider, with test cards only."""

    #: folder for keys that no file was named for
    state: Path = Path("evouch-state")
    #: empty: kept in memory
    database: str = ""
    #: how browsers reach the card form; empty: the address that ``http`` listens on
    public_url: str = ""
    http: Http = Http(port=8090)
    #: where webhooks are sent
    webhook_url: str = "http://127.0.0.1:8080/webhooks/sandbox"
    api_key_file: Path | None = None
    webhook_secret_file: Path | None = None

    def __post_init__(self) -> None:
        no_password_in(self.database)
        safe_for_phones(self.public_url)


class StationConfig(Section, frozen=True, kw_only=True):
    """``evouch station run``: one simulated station and its displays."""

    id: str = "SIM-1"
    version: Literal["1.6", "2.0.1", "2.1"] = "2.1"
    #: address of the backend without the station's id
    backend: str = "ws://127.0.0.1:9000"
    #: file with the OCPP password
    password_file: Path | None = None
    #: certificates that the backend's own is checked with; None: the system's
    ca_file: Path | None = None
    #: the station's own certificate and its key as PEM files, shown to the backend in TLS (security profile 3)
    certificate_file: Path | None = None
    key_file: Path | None = None
    identity: StationIdentity = StationIdentity()
    #: what firmware without a key answers to a challenge
    unknown_message: UnknownMessage = "not implemented"
    #: go on while the backend says Pending, as some firmware does
    ignore_pending: bool = False
    #: say BootNotification on every connection; false: after the first accepted one only, as OCPP-J 1.6 wants it
    boot_on_reconnect: bool = True
    #: what it does with a car's address: nothing, ask about it at plug-in, or report it while it charges
    autocharge: Literal["off", "plug", "during"] = "off"
    #: seconds that the station's clock is wrong by, whatever the backend says
    clock_offset: float = 0.0
    http: Http = Http(port=8100)
    evses: tuple[EvseEntry, ...] = (EvseEntry(),)
    #: one display per EVSE, or one for the station
    displays: Literal["per evse", "single"] = "per evse"
    #: configuration that differs from the default, ``Component.Variable`` (1.6: the key) → value
    settings: dict[str, str] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        parse_station_id(self.id)
        if (self.certificate_file is None) is not (self.key_file is None):
            raise ValueError("certificate_file and key_file belong together")
        if self.identity.kind == "x509Certificate" and self.certificate_file is None:
            raise ValueError("an x509Certificate identity needs certificate_file and key_file")

    @property
    def subprotocol(self) -> OcppVersion:
        """The version as its WebSocket subprotocol spells it."""
        return OcppVersion(f"ocpp{self.version}")


#: Each command that can be told something, and what.
ACTORS: Final[dict[str, type[Section]]] = {
    "cpo": CpoConfig, "emsp": EmspConfig, "psp": PspConfig, "station": StationConfig, "identity": IdentityConfig,
    "partner": PartnerConfig,
}  # fmt: skip
