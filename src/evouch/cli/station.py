"""``evouch station``: a simulated charging station with its displays."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    import ssl

    from evouch.cli.settings import EvseEntry, StationConfig
    from evouch.station.prover import Prover
    from evouch.station.spec import EvseSpec, StationSpec

__all__ = ["app", "spec_of", "tls_of"]

app = typer.Typer(no_args_is_help=True)

#: Options that are shorter than the settings that they set.
_OPTIONS: Final = {
    "identity.key_file": "--identity-key", "identity.manner": "--manner", "identity.did": "--did",
    "identity.offer_key": "--offer-key",
}  # fmt: skip


@app.callback()
def _station() -> None:
    """A charging station that exists only here: OCPP 1.6J, 2.0.1 or 2.1, with a display for each EVSE."""


@app.command()
def run(
    *,
    config: Annotated[Path | None, typer.Option(help="The TOML file to read.")] = None,
    id: Annotated[str | None, typer.Option(help="The station's id at the backend.")] = None,
    version: Annotated[str | None, typer.Option(help="1.6, 2.0.1 or 2.1.")] = None,
    backend: Annotated[str | None, typer.Option(help="ws:// or wss:// address without the station's id.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="File with the OCPP password.")] = None,
    ca_file: Annotated[
        Path | None, typer.Option(help="PEM file: certificates that the backend's own is checked with (wss).")
    ] = None,
    certificate_file: Annotated[
        Path | None, typer.Option(help="PEM file: the station's own certificate, for mutual TLS (wss).")
    ] = None,
    key_file: Annotated[Path | None, typer.Option(help="PEM file: the private key of that certificate.")] = None,
    identity_key: Annotated[
        Path | None,
        typer.Option(
            help="PEM file: the private key to prove the station's identity with when the backend challenges it "
            "(SignedChallenge). Without one the station does not know that message."
        ),
    ] = None,
    identity_kind: Annotated[
        str | None,
        typer.Option(
            help="publicKey: the backend knows the key; web3: the key belongs to --did; x509Certificate: it is "
            "--key-file, and the proof names --certificate-file."
        ),
    ] = None,
    did: Annotated[str | None, typer.Option(help="Decentralised identifier of a web3 identity.")] = None,
    manner: Annotated[
        str | None,
        typer.Option(
            help="How proofs are written. own: hexadecimal, the payload is signed; reference: base64url, the text of "
            "the hash is signed, as W3CP's own firmware does."
        ),
    ] = None,
    offer_key: Annotated[
        bool | None,
        typer.Option("--offer-key", help="Bring the public key along with the proof, for trust on first use."),
    ] = None,
    unknown_message: Annotated[
        str | None,
        typer.Option(
            help="What firmware without a key makes of a challenge: not implemented, not supported, formation "
            "violation, generic error, no answer, or message id -1 (an error that names no message)."
        ),
    ] = None,
    ignore_pending: Annotated[
        bool | None,
        typer.Option(
            "--ignore-pending/--heed-pending", help="Go on while the backend says Pending, as some firmware does."
        ),
    ] = None,
    boot_on_reconnect: Annotated[
        bool | None,
        typer.Option(
            help="Say BootNotification on every connection; without it only until one was accepted (OCPP-J 1.6 §5.4)."
        ),
    ] = None,
    autocharge: Annotated[
        str | None,
        typer.Option(
            help="What it does with the address of a car that is plugged in. off: nothing; plug: ask its backend at "
            "once, and start if that agrees; during: report it while the car charges."
        ),
    ] = None,
    clock_offset: Annotated[
        float | None, typer.Option(help="Seconds that the station's clock is wrong by, whatever the backend says.")
    ] = None,
    http_port: Annotated[int | None, typer.Option(help="Port of the displays; 0 takes any free one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print where it is as one line of JSON.")] = False,
) -> None:
    """Run a simulated station until it is stopped.

    Its displays are web pages: the code to scan, and buttons to plug a car in, hold a card
    before the reader, or break something. It reconnects by itself and keeps transaction
    messages while the backend is away. Challenged by its backend, it proves who it is; or it
    plays firmware that cannot, will not wait, or has the wrong time.
    """
    from evouch.cli.config import load
    from evouch.cli.settings import StationConfig

    flags = {
        "id": id, "version": version, "backend": backend, "password_file": password_file, "http.port": http_port,
        "ca_file": ca_file, "certificate_file": certificate_file, "key_file": key_file,
        "identity.key_file": identity_key, "identity.kind": identity_kind, "identity.did": did,
        "identity.manner": manner, "identity.offer_key": offer_key,
        "unknown_message": unknown_message, "clock_offset": clock_offset, "autocharge": autocharge,
        "ignore_pending": ignore_pending, "boot_on_reconnect": boot_on_reconnect,
    }  # fmt: skip
    asyncio.run(_serve(load(StationConfig, file=config, flags=flags, options=_OPTIONS).config, as_json=as_json))


async def _serve(config: "StationConfig", *, as_json: bool) -> None:
    from evouch.cli.log import configure
    from evouch.cli.running import say, stopped
    from evouch.cli.simulators import Simulators
    from evouch.clock import SystemClock, SystemEntropy

    configure()
    end = stopped()
    simulators = Simulators(
        [spec_of(config)], backend=config.backend, clock=SystemClock(), entropy=SystemEntropy(),
        host=config.http.host, port=config.http.port, tls=tls_of(config),
    )  # fmt: skip
    await simulators.start()
    shown = {f"display {evse.number}": f"{simulators.url}/{config.id}/{evse.number}" for evse in config.evses}
    say({"station": config.id, "backend": config.backend, **shown}, as_json=as_json)
    try:
        await end.wait()
    finally:
        await simulators.stop()


def spec_of(config: "StationConfig") -> "StationSpec":
    """Return the simulated hardware that a configuration describes."""
    from evouch.ids import Secret, StationId
    from evouch.ocpp.manners import Habit
    from evouch.station.spec import Screens, StationSpec

    password = Secret(config.password_file.read_bytes().rstrip(b"\r\n")) if config.password_file else None
    return StationSpec(
        id=StationId(config.id),
        version=config.subprotocol,
        evses=tuple(_evse(entry, per_station=config.version == "1.6") for entry in config.evses),
        password=password,
        screens=Screens.PER_EVSE if config.displays == "per evse" else Screens.SINGLE,
        loopback_http=True,
        settings=config.settings,
        prover=_prover(config),
        unknown=Habit(config.unknown_message),
        ignores_pending=config.ignore_pending,
        boots_on_reconnect=config.boot_on_reconnect,
        autocharge=config.autocharge,
        clock_offset=config.clock_offset,
    )


def _prover(config: "StationConfig") -> "Prover | None":
    """Return what the station proves itself with; None where it has no key to do so."""
    from urllib.parse import urlsplit

    from evouch.cli.pem import certificate_in, contents
    from evouch.identity.enrolment import IdentityKind
    from evouch.identity.proof import Profile
    from evouch.ids import KeyBytes
    from evouch.station.prover import Prover

    wanted = config.identity
    file = config.key_file if wanted.kind == "x509Certificate" else wanted.key_file
    if file is None:
        return None
    host = urlsplit(config.backend).hostname or "" if wanted.manner == "own" else ""
    named = config.certificate_file if wanted.kind == "x509Certificate" else None
    return Prover(
        key=KeyBytes(contents(file)), kind=IdentityKind(wanted.kind), manner=Profile(wanted.manner), did=wanted.did,
        certificate=certificate_in(named) if named else None, hash_rate=wanted.hash_rate, host=host,
        offers_key=wanted.offer_key,
    )  # fmt: skip


def _evse(entry: "EvseEntry", *, per_station: bool) -> "EvseSpec":
    from evouch.station.spec import Curve, EvseSpec

    evse = entry.evse(per_station=per_station)
    return EvseSpec(
        number=evse.number, connectors=evse.connectors, curve=Curve(power=evse.max_power), evse_id=evse.evse_id
    )


def tls_of(config: "StationConfig") -> "ssl.SSLContext | None":
    """Return how the station speaks TLS to its backend; None where that is not asked for."""
    from evouch.cli.pem import client_tls

    if not config.backend.startswith("wss:"):
        return None
    return client_tls(config.ca_file, config.certificate_file, config.key_file)
