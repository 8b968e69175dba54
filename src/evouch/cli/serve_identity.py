"""What the configuration says of identities, as the operator and the transport take it."""

import logging
import ssl
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any, Final

from evouch.cli.settings import StationEntry
from evouch.cli.settings_identity import IdentityEntry, IdentitySection, Tls
from evouch.cpo.app import Cpo
from evouch.cpo.identity_terms import IdentityTerms
from evouch.cpo.keyring import NOBODY
from evouch.errors import EvouchError, LocalError, Refused
from evouch.identity.enrolment import IdentityKind
from evouch.identity.material import read_material
from evouch.identity.policy import Rule
from evouch.ids import StationId
from evouch.ocpp.aio import ConnectionEvent, Happening, Observe

__all__ = ["ALARMS", "enrol", "identity_terms", "observer", "server_tls"]

_log = logging.getLogger("evouch.cpo.connections")

#: What happened at the stations' port → kind of the security event that it is.
ALARMS: Final = {
    Happening.REFUSED: "connectionRefused",
    Happening.CONTESTED: "connectionContested",
    Happening.EXPIRED: "candidateExpired",
}


def identity_terms(section: IdentitySection) -> IdentityTerms:
    """Return the settings as the operator's terms."""
    return IdentityTerms(
        policy=tuple(Rule(rule) for rule in section.rules),
        networks=tuple(ip_network(network) for network in section.trusted_networks),
        require=section.require,
        difficulty=section.difficulty,
        ttl=section.ttl,
        window=section.window,
        enforce_time=section.enforce_time,
        on_unsupported=section.on_unsupported,
        ocpp2=section.ocpp2_extension,
        recheck=section.recheck,
        endpoint=section.endpoint,
    )


def server_tls(tls: Tls | None) -> ssl.SSLContext | None:
    """Return the TLS of the stations' port, None without; LocalError where a file is not what it should be."""
    if tls is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(tls.certificate, tls.key)
        if tls.client_ca is not None:
            context.load_verify_locations(tls.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED if tls.require_client_certificate else ssl.CERT_OPTIONAL
    except OSError as error:  # SSLError is one
        files = ", ".join(str(file) for file in (tls.certificate, tls.key, tls.client_ca) if file)
        raise LocalError(f"TLS cannot be set up from {files}: {error.strerror or error}") from None
    return context


def observer(sound: Callable[[str, StationId, str], None]) -> Observe:
    """Return who notes what happens to connections: security events by ``sound``, and each in the log, as detail."""

    def observe(event: ConnectionEvent) -> None:
        if event.security:
            detail = f"{event.detail}, from {event.address or 'unknown'}"
            sound(ALARMS.get(event.kind, event.kind.value), event.station or StationId(""), detail)
        _log.debug("%s %s %s: %s", event.kind.value, event.station, event.connection, event.detail)

    return observe


async def enrol(cpo: Cpo, entry: StationEntry) -> None:
    """Enrol the identities of a station that are not known yet; what was revoked stays so.

    Raises :class:`EvouchError` with the station and the reason where one cannot be enrolled.
    """
    station = StationId(entry.id)
    known = {(each.kind, each.material) for each in (*cpo.identities.of(station), *cpo.identities.of(NOBODY))}
    for identity in entry.identities:
        kind, given = _given(identity)
        try:
            if (kind, read_material(kind, given)) not in known:
                await cpo.identities.enrol(station, kind, given, actor="configuration")
        except Refused as refusal:
            raise EvouchError(f"identity of station {station}: {refusal.reason}: {refusal.detail}") from None


def _given(entry: IdentityEntry) -> tuple[IdentityKind, Any]:
    if entry.key is not None:
        document = {"type": entry.key.type, "encoding": entry.key.encoding, "value": entry.key.value}
        return IdentityKind.PUBLIC_KEY, document
    return (IdentityKind.WEB3, entry.did) if entry.did else (IdentityKind.CERTIFICATE, entry.certificate)
