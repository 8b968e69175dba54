"""What a station goes by: its settings, read as numbers and decisions, in the words of no version."""

from dataclasses import dataclass
from typing import Final

from evouch.ids import EvseNumber, Secret
from evouch.station.queue import Retries
from evouch.station.rules import Rules
from evouch.station.settings import Settings
from evouch.station.spec import V16, Quirk, Screens
from evouch.station.variables import WEB
from evouch.webpayment.url import Template

__all__ = ["Configuration", "WebPayments"]

#: How often a 1.6 station doubles its pause before it connects again.
REPEATS_16: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPayments:
    """What one display needs to show a code; ``template`` and ``secret`` are None while they are not set."""

    enabled: bool
    template: Template | None
    secret: Secret | None
    validity: int
    length: int
    version: str
    quality: str
    station: str
    roaming_station: str
    roaming_evse: str
    parameters: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether there is everything that a code is made of."""
        return self.template is not None and self.secret is not None


class Configuration(Settings):
    """The settings of one station, and what follows from them."""

    def _pick(self, key: str, component: str, name: str, instance: str | None = None) -> str:
        """Return what 1.6 calls ``key`` and 2.x ``component.name``."""
        return self.text(component, name, instance=instance) if self._spec.modern else self.text("", key)

    @property
    def password(self) -> Secret | None:
        """The password that the backend set, None while it set none (1.6 AuthorizationKey, 2.x BasicAuthPassword)."""
        name = ("SecurityCtrlr", "BasicAuthPassword") if self._spec.modern else ("", "AuthorizationKey")
        return self.secret(*name) or self._spec.password

    @property
    def heartbeat(self) -> int:
        """Seconds between heartbeats; 0 for none."""
        return int(self._pick("HeartbeatInterval", "OCPPCommCtrlr", "HeartbeatInterval"))

    def set_heartbeat(self, seconds: int) -> None:
        """Take the interval that the backend named when it accepted the boot (OCPP 1.6 §4.2, 2.x B01.FR.04)."""
        self.put("OCPPCommCtrlr" if self._spec.modern else "", "HeartbeatInterval", str(seconds))

    @property
    def sample_interval(self) -> int:
        """Seconds between meter values of a transaction; 0 for none."""
        return int(self._pick("MeterValueSampleInterval", "SampledDataCtrlr", "TxUpdatedInterval"))

    @property
    def cable_timeout(self) -> int:
        """Seconds that an authorised driver has to plug in."""
        return int(self._pick("ConnectionTimeOut", "TxCtrlr", "EVConnectionTimeOut"))

    @property
    def authorize_remote(self) -> bool:
        """Whether the backend is asked about the token of its own remote start."""
        return self._pick("AuthorizeRemoteTxRequests", "AuthCtrlr", "AuthorizeRemoteStart") == "true"

    @property
    def stop_on_unplug(self) -> bool:
        """Whether pulling the cable at the car ends the transaction."""
        return self._pick("StopTransactionOnEVSideDisconnect", "TxCtrlr", "StopTxOnEVSideDisconnect") == "true"

    @property
    def stop_on_invalid(self) -> bool:
        """Whether a token that the backend does not accept afterwards ends the transaction."""
        return self._pick("StopTransactionOnInvalidId", "TxCtrlr", "StopTxOnInvalidId") == "true"

    @property
    def start_offline(self) -> bool:
        """Whether a token that nobody can be asked about may charge."""
        return self._pick("AllowOfflineTxForUnknownId", "AuthCtrlr", "OfflineTxForUnknownIdEnabled") == "true"

    @property
    def retries(self) -> Retries:
        """How often a transaction message is sent that the backend fails to process."""
        event = "TransactionEvent"
        return Retries(
            int(self._pick("TransactionMessageAttempts", "OCPPCommCtrlr", "MessageAttempts", event)),
            float(self._pick("TransactionMessageRetryInterval", "OCPPCommCtrlr", "MessageAttemptInterval", event)),
        )

    def backoff(self, attempt: int, share: float) -> float:
        """Return the pause before connection attempt ``attempt`` in seconds; ``share`` of 0 to 1 is chance.

        2.x part 4 §5.3: RetryBackOffWaitMinimum, doubled RetryBackOffRepeatTimes times at
        most, and something random up to RetryBackOffRandomRange. 1.6 leaves it to the station.
        """
        least = spread = self._spec.reconnect_seconds
        repeats = REPEATS_16
        if self._spec.modern:
            names = ("RetryBackOffWaitMinimum", "RetryBackOffRepeatTimes", "RetryBackOffRandomRange")
            least, repeats, spread = (int(self.text("OCPPCommCtrlr", name)) for name in names)
        return float(least * 2 ** min(attempt, repeats)) + spread * share

    @property
    def rules(self) -> Rules:
        """Return which messages follow from what happens at the plug."""
        if self._spec.version == V16:
            return Rules(modern=False)
        return Rules(
            modern=True,
            start_points=_points(self.text("TxCtrlr", "TxStartPoint")),
            stop_points=_points(self.text("TxCtrlr", "TxStopPoint")),
            started_without_evse=Quirk.STARTED_WITHOUT_EVSE in self._spec.quirks,
        )

    def measurands(self, context: str) -> frozenset[str]:
        """Return what a sample of ReadingContext ``context`` consists of. 1.6 always has meterStart and meterStop."""
        two = {"Transaction.Begin": "TxStartedMeasurands", "Transaction.End": "TxEndedMeasurands"}
        name = two.get(context, "TxUpdatedMeasurands")
        return _points(self._pick("MeterValuesSampledData", "SampledDataCtrlr", name))

    def supports(self, limit: str) -> bool:
        """Return whether TxCtrlr.SupportedLimits names ``limit`` (2.1)."""
        return limit in _points(self.text("TxCtrlr", "SupportedLimits"))

    def web(self, evse: EvseNumber) -> WebPayments | None:
        """Return what the display of ``evse`` needs for its code; None for a station without display."""
        if self._spec.screens is Screens.NONE:
            return None
        place = evse if self._spec.screens is Screens.PER_EVSE else None

        def text(name: str) -> str:
            return self.text(WEB, name, evse=place)

        parameters = self._listed(place)
        return WebPayments(
            enabled=self._bare or text("Enabled") == "true",
            template=self._parse(text("URLTemplate"), parameters) if text("URLTemplate") else None,
            secret=self.secret(WEB, "SharedSecret", evse=place),
            validity=int(text("ValidityTime")),
            length=int(text("Length")),
            version=text("TOTPVersion"),
            quality=text("QRCodeQuality") or "Medium",
            station=text("ChargingStationId") or str(self._spec.id),
            roaming_station=text("RoamingCSId"),
            roaming_evse=text("RoamingEvseId") or self._roaming(evse),
            parameters=parameters,
        )

    def _roaming(self, evse: EvseNumber) -> str:
        return next((spec.evse_id for spec in self._spec.evses if spec.number == evse), "")


def _points(listed: str) -> frozenset[str]:
    return frozenset(part for part in listed.split(",") if part)
