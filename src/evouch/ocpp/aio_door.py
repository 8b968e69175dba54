"""From an accepted TCP connection to an open WebSocket: everything that happens before anybody is a station.

Order of the checks: what is no WebSocket request, then overload, then the station's name,
then the gate, then the subprotocol. So a stranger learns nothing about a station that the
gate does not tell, and an overloaded server spends nothing on the gate.
"""

import logging
import ssl
from typing import Any, Final

from picows import WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener

from evouch.charging.dialogue import Entrance
from evouch.charging.rates import Limiter
from evouch.clock import Clock, Entropy, Tick
from evouch.ids import StationId
from evouch.ocpp.aio_connection import Admitted, Connection, Hangup, House
from evouch.ocpp.aio_limits import ConnectionEvent, Happening, Limits, Observe
from evouch.ocpp.aio_protocol import Arrival
from evouch.ocpp.aio_socket import Socket
from evouch.ocpp.deadlines import Deadlines
from evouch.ocpp.gate import Admission, Gate, Knock, choose, offered, password, station_of
from evouch.ocpp.proxies import Proxies, client_certificate
from evouch.ocpp.versions import VERSIONS

__all__ = ["FrontDoor"]

_log = logging.getLogger("evouch.ocpp.aio")

Response = WSUpgradeResponseWithListener


class FrontDoor:
    """Reads knocks, asks the gate, and makes connections of those who are let in."""

    def __init__(
        self,
        house: House,
        gate: Gate,
        *,
        clock: Clock,
        entropy: Entropy,
        limits: Limits,
        deadlines: Deadlines,
        observe: Observe,
        proxies: Proxies,
    ) -> None:
        self._house = house
        self._gate = gate
        self._clock = clock
        self._entropy = entropy
        self._limits = limits
        self._deadlines = deadlines
        self._observe = observe
        self._proxies = proxies
        self._shut = False
        self._knocks: Tick | None = None
        self._addresses = Limiter(limits.address_knocks)
        self._unfinished: dict[Arrival, None] = {}
        #: every WebSocket whose transport is not closed yet
        self.open: set[Socket] = set()

    def shut(self) -> None:
        """Let nobody in any more."""
        self._shut = True
        for arrival in list(self._unfinished):
            arrival.drop()

    # ── what arrivals say (Door) ────────────────────────────────────────────────────────

    def arrived(self, arrival: Arrival) -> None:
        """Count an unfinished handshake; beyond the limit the oldest is dropped."""
        self._unfinished[arrival] = None
        if len(self._unfinished) > self._limits.handshakes:
            oldest = next(iter(self._unfinished))
            del self._unfinished[oldest]
            oldest.drop()

    def departed(self, arrival: Arrival) -> None:
        """Forget an arrival."""
        self._unfinished.pop(arrival, None)

    def knocked(self, arrival: Arrival, request: WSUpgradeRequest) -> Response:
        """Answer an upgrade request."""
        self._unfinished.pop(arrival, None)
        try:
            return self._judge(arrival, request)
        except Exception:  # noqa: BLE001 — picows would tell a stranger the text of the error
            _log.exception("answering a knock failed")
            return _refusal(500)

    def _judge(self, arrival: Arrival, request: WSUpgradeRequest) -> Response:
        headers = request.headers
        if not _is_websocket(headers):
            return _refusal(426, {"Upgrade": "websocket", "Sec-WebSocket-Version": "13"})
        if len(headers.getall("Authorization", ())) > 1:
            return _refusal(400)
        address = _address(arrival.about("peername"))
        if self._is_overloaded(address):
            return _refusal(503, {"Retry-After": self._later(self._limits.retry_after)})
        try:
            station = station_of(request.path.decode())
        except ValueError:
            self._tell(address, None, "no station id in the path")
            return _refusal(404)
        try:
            tls, certificate = self._transport(arrival, address, headers)
        except ValueError as error:
            self._tell(address, station, f"the proxy is at fault: {error}")
            return _refusal(400)
        knock = Knock(
            station=station,
            password=password(headers.get("Authorization"), station),
            address=address,
            tls=tls,
            certificate=certificate,
            subprotocols=offered(headers.getall("Sec-WebSocket-Protocol", ())),
        )
        return self._ask(knock)

    def _transport(self, arrival: Arrival, address: str, headers: Any) -> tuple[bool, bytes | None]:
        """Return whether the station came over TLS, and its certificate.

        From a proxy the header alone counts: a certificate of the connection is the proxy's own.
        """
        if address in self._proxies:
            return True, client_certificate(headers.getall("Client-Cert", ()))
        tls = arrival.about("ssl_object")
        if tls is None:
            return False, None
        verified = tls.context.verify_mode is not ssl.CERT_NONE
        return True, tls.getpeercert(binary_form=True) if verified else None

    def _ask(self, knock: Knock) -> Response:
        try:
            admission = self._gate.admit(knock)
        except Exception:  # noqa: BLE001 — a bug of the gate lets nobody in
            _log.exception("the gate failed")
            admission = Admission(503, self._limits.retry_after, reason="the gate failed")
        if admission.status != _SWITCHING:
            self._tell(knock.address, knock.station, admission.reason or f"status {admission.status}")
            return _refusal(admission.status, self._why(admission))
        return self._let_in(knock, admission)

    def _let_in(self, knock: Knock, admission: Admission) -> Response:
        parts: dict[str, Any] = {"clock": self._clock, "deadlines": self._deadlines, "limits": self._limits}
        version = choose(knock.subprotocols, VERSIONS)
        if version is None:
            self._tell(knock.address, knock.station, "no common subprotocol")
            return Response(WSUpgradeResponse.create_101_response(), Hangup(self.open, **parts))
        admitted = Admitted(
            station=knock.station,
            version=version,
            entrance=Entrance(
                address=knock.address,
                tls=knock.tls,
                basic=admission.basic,
                certificate=knock.certificate if admission.certificate else None,
            ),
            credential=admission.credential,
            since=self._clock.now(),
        )
        response = WSUpgradeResponse.create_101_response({"Sec-WebSocket-Protocol": version})
        return Response(response, Connection(self._house, admitted, **parts))

    # ── refusing ────────────────────────────────────────────────────────────────────────

    def _is_overloaded(self, address: str) -> bool:
        # The address first: a flood from one place must not use up what all places share.
        at = self._clock.tick()
        if self._shut or len(self.open) >= self._limits.connections or self._addresses.wait(address, at):
            return True
        self._knocks, wait = self._limits.knocks.step(self._knocks, at)
        return wait > 0.0

    def _later(self, seconds: int) -> str:
        """Return ``seconds`` and up to as much again, at random: those refused together shall not return together."""
        return str(seconds + int.from_bytes(self._entropy.bytes(2), "big") % (seconds + 1))

    def _why(self, admission: Admission) -> dict[str, str]:
        headers = {}
        if admission.status == _UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Basic realm="OCPP", charset="UTF-8"'
        if admission.retry_after:
            headers["Retry-After"] = self._later(admission.retry_after)
        return headers

    def _tell(self, address: str, station: StationId | None, detail: str) -> None:
        self._observe(
            ConnectionEvent(
                kind=Happening.REFUSED,
                at=self._clock.now(),
                address=address,
                station=station,
                detail=detail,
                security=True,
            )
        )


_SWITCHING: Final = 101
_UNAUTHORIZED: Final = 401


def _refusal(status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(WSUpgradeResponse.create_error_response(status, None, headers), None)


def _is_websocket(headers: Any) -> bool:
    """Tell whether this asks for a WebSocket of RFC 6455.

    picows wants ``Connection: Upgrade`` alone; clients may name other tokens beside it
    (RFC 9110 §7.6.1), so the header is reduced to the one that matters.
    """
    tokens = {token.strip().lower() for line in headers.getall("Connection", ()) for token in line.split(",")}
    if "upgrade" in tokens:
        headers["Connection"] = "upgrade"
    asked = headers.get("Upgrade", "").lower() == "websocket" and headers.get("Sec-WebSocket-Version") == "13"
    return asked and "upgrade" in tokens


def _address(peername: Any) -> str:
    return str(peername[0]) if isinstance(peername, tuple) and peername else ""
