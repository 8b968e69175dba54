"""The three ways in which a station and a backend meet: ws, wss, and mutual TLS."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ocpp.certificates import trust

__all__ = ["NAME", "PLAIN", "Transport", "each_transport", "transport_of"]

#: The station that the certificate of ``tests.ocpp.certificates`` is made out to.
NAME = "CS1"
WAYS = ("ws", "wss", "mTLS")
each_transport = pytest.mark.parametrize("way", WAYS)


@dataclass(frozen=True)
class Transport:
    """TLS of both ends, None on plain WebSockets, and the file with the station's certificate and key."""

    server: ssl.SSLContext | None = None
    client: ssl.SSLContext | None = None
    certificate: Path | None = None


PLAIN = Transport()


def transport_of(way: str, folder: Path) -> Transport:
    if way == "ws":
        return PLAIN
    made = trust(folder)
    if way == "wss":
        return Transport(made.server, made.client)
    made.server.verify_mode = ssl.CERT_REQUIRED
    return Transport(made.server, made.certified_client, folder / f"{NAME}.pem")
