"""OCPP over real WebSockets: the server that stations connect to, and the client that a station is.

The parts lie in the files beside this one: ``aio_protocol`` (the one place where picows is
bent), ``aio_pulse`` and ``aio_socket`` (one WebSocket of either side: its life, its
frames), ``aio_door`` (before anybody is a station), ``aio_connection``, ``aio_epochs`` and
``aio_server`` (stations, and which connection is whose), ``aio_client`` (the other end),
``aio_limits`` (what is put up with, and why).
"""

from evouch.ocpp.aio_client import StationClient
from evouch.ocpp.aio_limits import ConnectionEvent, ConnectionInfo, Happening, Limits, Observe
from evouch.ocpp.aio_server import StationServer
from evouch.ocpp.gate import Admission, Gate, Knock, OpenGate

__all__ = [
    "Admission",
    "ConnectionEvent",
    "ConnectionInfo",
    "Gate",
    "Happening",
    "Knock",
    "Limits",
    "Observe",
    "OpenGate",
    "StationClient",
    "StationServer",
]
