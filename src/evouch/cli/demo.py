"""``evouch demo``: a backend, a payment provider, three stations and an impostor on this machine, over loopback.

All of them share one process and one event loop, and meet only on sockets, as they would
between machines. ``--once`` adds a driver for each station and ends when they have their
receipts. One station has to prove its key before it charges; who says that he is a fourth one,
and has not its key, is refused.
"""

import asyncio
import json
import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from urllib.parse import urljoin

import typer

from evouch.errors import EvouchError, LocalError

if TYPE_CHECKING:
    from evouch.cli.serve import CpoService
    from evouch.cli.simulators import Simulators
    from evouch.identity.keys import PrivateKey
    from evouch.ids import StationId
    from evouch.psp.sandbox.aio import SandboxService
    from evouch.station.app import Simulator
    from evouch.station.prover import Prover

__all__ = ["Demo", "command"]

#: The stations of the demo: id, version, name, where it stands.
STATIONS: Final[tuple[tuple[str, Literal["1.6", "2.0.1", "2.1"], str, str], ...]] = (
    ("DEMO-16", "1.6", "Market Square", "1 Market Square, 12345 Sampletown"),
    ("DEMO-201", "2.0.1", "Station Road", "20 Station Road, 12345 Sampletown"),
    ("DEMO-21", "2.1", "Harbour", "21 Quay Street, 12345 Sampletown"),
)
#: The station that somebody pretends to be.
PRETENDED: Final[tuple[str, Literal["1.6", "2.0.1", "2.1"], str, str]] = (
    "DEMO-IMPOSTOR", "1.6", "Old Mill", "16 Mill Lane, 12345 Sampletown",
)  # fmt: skip
#: Strong enough that a charge of seconds has a price worth a receipt.
POWER: Final = 300_000
#: A card that asks for confirmation at its bank, and one that does not.
CARDS: Final = {"DEMO-16": "4242424242424242", "DEMO-201": "4000002500003155", "DEMO-21": "5555555555554444"}
#: Seconds that the story may take for one station.
PATIENCE: Final = 60.0
#: Seconds of charging in the story.
CHARGE: Final = 4.0
#: Seconds after which a station that is being challenged boots again by itself: here people are watching.
PENDING: Final = 1
#: Seconds that the addresses wait for the identities to be settled.
MOMENT: Final = 3.0


def command(
    *,
    once: Annotated[bool, typer.Option("--once", help="Play the whole story without a browser, then end.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON summary (with --once), or the addresses.")
    ] = False,
    state: Annotated[Path | None, typer.Option(help="Folder to keep everything in; a temporary one otherwise.")] = None,
    http_port: Annotated[int, typer.Option(help="Port of the drivers' and operators' pages; 0 takes a free one.")] = 0,
) -> None:
    """Run a backend, a payment provider and three stations (OCPP 1.6J, 2.0.1, 2.1) on this machine.

    Open a display's address, scan the code with a phone that reaches this machine (or click
    it), pay with the test card 4242 4242 4242 4242, plug in, watch, stop, and get a receipt.
    The 1.6 station proves its key first. Beside the three there is an impostor, which does not
    have the key that was enrolled, is refused, and stays dark.
    """
    raise typer.Exit(asyncio.run(_main(once=once, as_json=as_json, state=state, http_port=http_port)))


async def _main(*, once: bool, as_json: bool, state: Path | None, http_port: int) -> int:
    from evouch.cli.log import configure
    from evouch.cli.running import say, stopped

    configure("warning")
    end = stopped()
    with tempfile.TemporaryDirectory(prefix="evouch-demo-") as folder:
        demo = Demo(state or Path(folder), http_port=http_port)
        await demo.start()
        try:
            if once:
                summary = await demo.story()
                print(json.dumps(summary, indent=None if as_json else 2))
                return 0 if summary["ok"] else 1
            await demo.identified(MOMENT)
            say(demo.addresses(), as_json=as_json)
            await end.wait()
        finally:
            await demo.stop()
    return 0


@dataclass
class Demo:
    """Everything that runs in the demo; also the town that stories on sockets are played in."""

    state: Path
    http_port: int = 0
    station_port: int = 0
    psp: "SandboxService" = field(init=False)
    backend: "CpoService" = field(init=False)
    simulators: "Simulators" = field(init=False)
    #: the keys that are enrolled, and the one that the impostor has
    _enrolled: "dict[StationId, PrivateKey]" = field(init=False)
    _wrong: "PrivateKey" = field(init=False)

    async def start(self) -> None:
        """Start the provider, the backend, the stations; return when they answer."""
        from evouch.cli.demo_identity import IMPOSTOR, PROVING, key_in
        from evouch.cli.keys import private_folder
        from evouch.cli.serve import CpoService
        from evouch.cli.simulators import Simulators
        from evouch.clock import SystemClock, SystemEntropy
        from evouch.identity.keys import KeyType, PrivateKey
        from evouch.psp.sandbox.aio import SandboxService

        clock, entropy = SystemClock(), SystemEntropy()
        keys = private_folder(self.state / "keys")
        self._enrolled = {id: key_in(keys / f"{id}-identity.pem", entropy) for id in (PROVING, IMPOSTOR)}
        self._wrong = PrivateKey.generate(KeyType.ED25519, entropy)
        self.psp = SandboxService(clock=clock, entropy=entropy, merchant="Sampletown Energy", db=self.state / "psp.db")
        await self.psp.start()
        self.backend = CpoService(
            self._config(), clock=clock, entropy=entropy, settle=0.05, meter_interval=1,
            pending_interval=PENDING,
        )  # fmt: skip
        await self.backend.start()
        self.psp.send_webhooks_to(f"{self.backend.http_url}/webhooks/sandbox")
        self.simulators = Simulators(
            self._specs(), backend=self.backend.ocpp_url, clock=clock, entropy=entropy, port=self.station_port
        )
        await self.simulators.start()

    async def identified(self, patience: float) -> bool:
        """Wait until the proving station is proven and the impostor refused; return whether they are."""
        from evouch.cli.demo_identity import settled

        return await settled(self.backend.cpo.challenger, self.simulators.stations, patience=patience)

    async def stop(self) -> None:
        """Stop everything, stations first."""
        await self.simulators.stop()
        await self.backend.stop()
        await self.psp.stop()

    def addresses(self) -> dict[str, str]:
        """Return where to look, and who proved what."""
        from evouch.cli.demo_identity import IMPOSTOR, sentence
        from evouch.ids import StationId

        challenger = self.backend.cpo.challenger
        ids = [StationId(id) for id, _, _, _ in STATIONS]
        keys = self.state / "keys"
        shown = {f"display {id} (OCPP {version})": f"{self.simulators.url}/{id}/1" for id, version, _, _ in STATIONS}
        shown[f"display {IMPOSTOR}"] = f"{self.simulators.url}/{IMPOSTOR}/1"
        shown |= {f"identity {id}": sentence(challenger, id) for id in (*ids, IMPOSTOR)}
        return shown | {
            "all stations": self.simulators.url,
            "operator": f"{self.backend.http_url}/operator",
            "operator login": f"operator / {(keys / 'operator-password').read_text().strip()}",
            "operator API": f"{self.backend.http_url}/api/v1",
            "API token": (keys / "operator-token").read_text().strip(),
            "payment provider": self.psp.url,
            "test card": "4242 4242 4242 4242, any later date, any CVC",
        }

    async def story(self) -> dict[str, Any]:
        """Have a driver charge and pay at every station at once; return what happened."""
        from evouch.cli.demo_identity import IMPOSTOR, refused

        told = asyncio.gather(*(self._tale(id, version) for id, version, _, _ in STATIONS))
        identified, tales = await asyncio.gather(self.identified(PATIENCE), told)
        turned_away = refused(self.backend.cpo.challenger, self.simulators.stations[IMPOSTOR])
        ok = identified and turned_away["code"] is None and all(tale["state"] == "SETTLED" for tale in tales)
        return {"ok": ok, "stations": tales, "refused": [turned_away]}

    async def _tale(self, id: str, version: str) -> dict[str, Any]:
        from evouch.cli.demo_identity import standing
        from evouch.ids import StationId

        tale: dict[str, Any] = {"station": id, "ocpp": version, "state": None}
        try:
            async with asyncio.timeout(PATIENCE):
                tale |= await self._charge(id)
        except (EvouchError, TimeoutError) as error:
            tale["error"] = f"{type(error).__name__}: {error}"
        return tale | {"identity": standing(self.backend.cpo.challenger, StationId(id))}

    async def _charge(self, id: str) -> dict[str, Any]:
        """Scan, pay, plug in, charge, stop, receive."""
        from evouch.ids import StationId
        from evouch.testing.phone import Phone

        simulator = self.simulators.stations[StationId(id)]
        phone = Phone()
        try:
            await phone.open(await _code_on(simulator))
            await phone.submit("/offer/pay")
            await _pay(phone, CARDS[id])
            address = phone.url.partition("?")[0]
            await simulator.plug(1)
            await _until(phone, address, {"CHARGING"})
            await asyncio.sleep(CHARGE)
            await phone.open(address)
            await phone.submit("/stop")
            await simulator.unplug(1)
            return await self._outcome(phone, address)
        finally:
            await phone.close()

    async def _outcome(self, phone: Any, address: str) -> dict[str, Any]:
        status = await _until(phone, address, {"SETTLED", "RELEASED", "ABANDONED"})
        steps = {step["state"]: datetime.fromisoformat(step["at"]) for step in status["steps"]}
        first = min(steps.values())
        return {
            "state": status["state"],
            "states": status["steps"],
            "seconds_to_charge": round((steps["CHARGING"] - first).total_seconds(), 3) if "CHARGING" in steps else None,
            "energy_wh": status["energy"],
            "cost": status["cost"],
            "hold": status["hold"],
            "capture": status["captured"],
            "receipt": urljoin(address, status["receipt"]) if status["receipt"] else None,
        }

    def _config(self) -> Any:
        from evouch.cli.settings import (
            CpoConfig,
            Http,
            Ocpp,
            Prices,
            Provider,
            Qr,
            SellerEntry,
        )

        keys = self.state / "keys"
        keys.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, secret in (("psp-api-key", self.psp.api_key), ("psp-webhook-secret", self.psp.webhook_secret)):
            (keys / name).write_text(secret.text())
            (keys / name).chmod(0o600)
        return CpoConfig(
            state=self.state,
            ocpp=Ocpp(port=0),
            http=Http(port=self.http_port),
            seller=SellerEntry(name="Sampletown Energy", address="1 Town Hall, 12345 Sampletown", vat_id="DE123456789"),
            tariff=Prices(per_kwh=Decimal("0.59"), per_minute=Decimal("0.02"), per_session=Decimal("0.35")),
            qr=Qr(validity=30),
            provider=Provider(url=self.psp.url),
            stations=tuple(self._entry(*station) for station in (*STATIONS, PRETENDED)),
        )

    def _entry(self, id: str, version: Literal["1.6", "2.0.1", "2.1"], name: str, place: str) -> Any:
        """Return a station as it is registered: with its key where it has to prove one, else trusted."""
        from evouch.cli.settings import EvseEntry, StationEntry
        from evouch.cli.settings_identity import IdentityEntry, KeyEntry
        from evouch.ids import StationId

        key = self._enrolled.get(StationId(id))
        return StationEntry(
            id=id,
            version=version,
            name=name,
            address=place,
            evses=(EvseEntry(max_power=POWER, evse_id=_evse_id(id)),),
            identities=(IdentityEntry(key=KeyEntry(**key.public.document())),) if key else (),
            trusted=key is None,
        )

    def _specs(self) -> list[Any]:
        """Return the simulated stations; the impostor has a key, but not the one that was enrolled."""
        from evouch.cli.demo_identity import IMPOSTOR, PROVING
        from evouch.ids import StationId
        from evouch.station.prover import Prover

        provers = {
            PROVING: Prover(key=self._enrolled[PROVING].pem()), IMPOSTOR: Prover(key=self._wrong.pem()),
        }  # fmt: skip
        return [_spec(id, version, provers.get(StationId(id))) for id, version, _, _ in (*STATIONS, PRETENDED)]


def _spec(id: str, version: str, prover: "Prover | None") -> Any:
    from evouch.ids import EvseNumber, OcppVersion, StationId
    from evouch.station.spec import Curve, EvseSpec, StationSpec
    from evouch.units import Watts

    evse = EvseSpec(number=EvseNumber(1), curve=Curve(power=Watts(POWER)))
    return StationSpec(
        id=StationId(id),
        version=OcppVersion(f"ocpp{version}"),
        evses=(evse,),
        loopback_http=True,
        serial=f"SN-{id}",
        prover=prover,
    )


def _evse_id(id: str) -> str:
    return f"DE*EVO*E{id.replace('-', '')}*1"


async def _code_on(simulator: "Simulator") -> str:
    """Return the URL that the display shows, as soon as it shows one."""
    while not (url := simulator.screen(1).url):
        await simulator.watch()
    return url


async def _pay(phone: Any, card: str) -> None:
    """Type the card in at the provider, and confirm at the bank if it asks."""
    await phone.submit("/pay/", number=card, expiry="12/34", cvc="123")
    if "/return" not in phone.url and "/bank" in phone.page.text:
        await phone.submit("/bank", answer="approve")


async def _until(phone: Any, address: str, states: set[str]) -> Any:
    """Look at the payment until it is in one of ``states``, or over."""
    while True:
        status = await phone.json(f"{address}/status.json")
        if status["state"] in states:
            return status
        if status["state"] in {"RELEASED", "ABANDONED", "SETTLED"}:
            raise LocalError(f"the payment ended as {status['state']}: {status['reason']}")
        await asyncio.sleep(0.05)
