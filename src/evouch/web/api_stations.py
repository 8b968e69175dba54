"""Operations on stations: register, look, send any CALL, passwords, boots, QR secrets."""

from typing import Any

from evouch.charging.dialogue import RawAnswer, Unspeakable
from evouch.charging.equipment import Evse
from evouch.cpo.app import Cpo
from evouch.cpo.stations import StationView
from evouch.errors import LocalError, Offline, Overloaded, PeerRefused, Refused
from evouch.ids import EvseNumber, Secret
from evouch.store.records import QrKey
from evouch.units import Watts, format_time
from evouch.web import api_models as m
from evouch.web.api_identity import standing
from evouch.web.api_routes import Ask, operation

__all__ = ["key_state"]


@operation("GET", "/stations", gives=m.StationList)
async def list_stations(ask: Ask) -> m.StationList:
    """All stations, with what is live of them."""
    return m.StationList([m.StationInfo(**_shared(ask.cpo, view)) for view in ask.cpo.stations.list()])


@operation("GET", "/stations/{station}", gives=m.StationDetail, refuses=("unknownStation",))
async def get_station(ask: Ask) -> m.StationDetail:
    """One station with its configuration and QR keys."""
    return _detail(ask.cpo, ask.cpo.stations.get(ask.station))


@operation("PUT", "/stations/{station}", takes=m.StationPut, gives=m.StationDetail, refuses=("badPassword", "badEvses"))
async def put_station(ask: Ask) -> m.StationDetail:
    """Register a station, or change what is registered of it."""
    body: m.StationPut = ask.body
    if len({evse.number for evse in body.evses}) != len(body.evses):
        raise Refused("badEvses")
    evses = tuple(
        Evse(
            number=EvseNumber(each.number),
            connectors=each.connectors,
            max_power=Watts(each.max_power),
            evse_id=each.evse_id,
        )
        for each in body.evses
    )
    password = None if body.password is None else Secret(body.password)
    view = await ask.cpo.stations.register(
        ask.station, actor=ask.actor, name=body.name, address=body.address, evses=evses, password=password
    )
    return _detail(ask.cpo, view)


@operation("DELETE", "/stations/{station}", refuses=("unknownStation",))
async def delete_station(ask: Ask) -> None:
    """Forget a station and close its connection; its transactions and payments stay."""
    await ask.cpo.stations.remove(ask.station, actor=ask.actor)


@operation("PUT", "/stations/{station}/password", takes=m.Password, refuses=("unknownStation", "badPassword"))
async def put_password(ask: Ask) -> None:
    """Set the password that the station has to bring from its next connection on."""
    await ask.cpo.stations.set_password(ask.station, Secret(ask.body.password), actor=ask.actor)


@operation("PUT", "/stations/{station}/boot", takes=m.BootHold, refuses=("unknownStation",))
async def put_boot(ask: Ask) -> None:
    """Answer the station's boots with Pending from now on, or no longer."""
    await ask.cpo.stations.hold_boot(ask.station, ask.body.hold, actor=ask.actor)


@operation("PUT", "/stations/{station}/block", takes=m.Blocked, refuses=("unknownStation",))
async def put_block(ask: Ask) -> None:
    """Refuse the station's connections from now on, or no longer."""
    await ask.cpo.stations.block(ask.station, ask.body.blocked, actor=ask.actor)


@operation(
    "POST", "/stations/{station}/calls", takes=m.CallRequest, gives=m.CallAnswer,
    refuses=("unknownStation", "unproven", "needsTls", "stationOffline", "stationSilent", "stationBusy", "badPayload"),
)  # fmt: skip
async def call_station(ask: Ask) -> m.CallAnswer:
    """Send any CALL of the station's own version and return its CALLRESULT or CALLERROR."""
    wanted: m.CallRequest = ask.body
    try:
        answer = await ask.cpo.stations.call(
            ask.station, wanted.action, wanted.payload, actor=ask.actor, seconds=wanted.seconds
        )
    except LocalError as error:
        raise Refused("badPayload", str(error)) from None
    match answer:
        case RawAnswer(payload):
            return m.CallAnswer(result=payload)
        case PeerRefused():
            return m.CallAnswer(error=m.ErrorBody(answer.code, answer.description, answer.details))
        case Unspeakable():
            raise Refused("badPayload", f"{answer.version} cannot say {answer.order}")
        case Offline():
            raise Refused("stationOffline")
        case Overloaded():
            raise Refused("stationBusy")
        case _:
            raise Refused("stationSilent", type(answer).__name__)


@operation(
    "POST", "/stations/{station}/qr-secrets", gives=m.ProvisionAnswer,
    refuses=("unknownStation", "stationOffline", "unproven"),
)  # fmt: skip
async def provision(ask: Ask) -> m.ProvisionAnswer:
    """Give every EVSE of the station a fresh QR secret; the old codes stay good for two slots."""
    if ask.cpo.stations.get(ask.station).present is None:
        raise Refused("stationOffline")
    if not ask.cpo.challenger.acting(ask.station):
        raise Refused("unproven")
    report = await ask.cpo.stations.provision(ask.station, actor=ask.actor)
    return m.ProvisionAnswer(report.ready, {str(evse): word for evse, word in report.outcome.items()})


def _detail(cpo: Cpo, view: StationView) -> m.StationDetail:
    keys = [_key(key) for key in view.keys]
    return m.StationDetail(**_shared(cpo, view), settings=view.record.settings, keys=keys)


def _shared(cpo: Cpo, view: StationView) -> dict[str, Any]:
    record, present = view.record, view.present
    states = sorted(present.connectors.items()) if present else []
    return {
        "id": record.id, "name": record.name, "address": record.address, "online": present is not None,
        "boot": str(present.booted) if present and present.booted else None,
        "version": present.link.version if present else record.version,
        "vendor": record.vendor, "model": record.model, "serial": record.serial, "firmware": record.firmware,
        "booted_at": format_time(record.booted_at) if record.booted_at else None,
        "hold_boot": record.hold_boot, "blocked": record.blocked, "password_set": record.password is not None,
        "trusted": record.trusted, "security_profile": record.profile, "certificate_name": record.certificate_name,
        "enrol_until": format_time(record.enrol_until) if record.enrol_until else None,
        "standing": standing(cpo, record.id),
        "evses": [m.EvseInfo(each.number, each.connectors, each.max_power, each.evse_id) for each in record.evses],
        "connectors": [m.ConnectorInfo(evse, connector, str(status)) for (evse, connector), status in states],
    }  # fmt: skip


def key_state(key: QrKey) -> str:
    """Return whether codes of this key are on the display: ready, rebootPending, or unconfirmed."""
    return "rebootPending" if key.reboot_pending else "ready" if key.committed_at else "unconfirmed"


def _key(key: QrKey) -> m.KeyInfo:
    committed = format_time(key.committed_at) if key.committed_at else None
    return m.KeyInfo(
        key.place.evse, key_state(key), key.template, key.totp_version, key.validity, key.length, committed
    )
