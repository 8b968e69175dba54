"""``evouch demo``: a backend, a payment provider, two eMSPs, three stations and an impostor on this machine.

All of them share one process and one event loop, and meet only on sockets, as they would
between machines. ``--once`` adds a driver for each station and ends when they have their
receipts, and when a car has become known, started by itself and been forgotten again. One station
has to prove its key before it charges; who says that he is a fourth one, and has not its key, is
refused.
"""

import asyncio
import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from evouch.errors import EvouchError

if TYPE_CHECKING:
    from evouch.cli.demo_emsps import Provider
    from evouch.cli.demo_town import Stand
    from evouch.cli.serve import CpoService
    from evouch.cli.simulators import Simulators
    from evouch.clock import Clock, Entropy
    from evouch.identity.keys import PrivateKey
    from evouch.ids import Mac, StationId
    from evouch.psp.sandbox.aio import SandboxService

__all__ = ["STORY", "Demo", "Pace", "command"]

#: Seconds that the story may take for one station.
PATIENCE: Final = 60.0
#: Seconds of charging in the story.
CHARGE: Final = 4.0
#: Seconds after which a station that is being challenged boots again by itself: here people are watching.
PENDING: Final = 1
#: Seconds that the addresses wait for the identities to be settled.
MOMENT: Final = 3.0
#: The car of the demo says that this maker built its charging unit; the rest of its address is chance.
MAKER: Final = bytes.fromhex("0c298f")


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast things go: the defaults for people, who need time to scan a code."""

    #: seconds that a car's start is announced for, so that a card or a code may come first
    announced: int = 10
    #: seconds that a display shows one code for; a code is good for one payment
    code: int = 30


#: The story pays twice at one station, and nobody scans.
STORY: Final = Pace(announced=2, code=10)


def command(
    *,
    once: Annotated[bool, typer.Option("--once", help="Play the whole story without a browser, then end.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON summary (with --once), or the addresses.")
    ] = False,
    state: Annotated[Path | None, typer.Option(help="Folder to keep everything in; a temporary one otherwise.")] = None,
    http_port: Annotated[int, typer.Option(help="Port of the drivers' and operators' pages; 0 takes a free one.")] = 0,
) -> None:
    """Run a backend, a payment provider, two eMSPs and three stations (OCPP 1.6J, 2.0.1, 2.1) on this machine.

    Open a display's address, scan the code with a phone that reaches this machine (or click
    it), pay with the test card 4242 4242 4242 4242, plug in, watch, stop, and get a receipt.
    The 1.6 station proves its key first. Beside the three there is an impostor, which does not
    have the key that was enrolled, is refused, and stays dark. Or plug in car 1, swipe the card,
    and agree on the driver's phone page: from then on the car starts by itself.
    """
    raise typer.Exit(asyncio.run(_main(once=once, as_json=as_json, state=state, http_port=http_port)))


async def _main(*, once: bool, as_json: bool, state: Path | None, http_port: int) -> int:
    from evouch.cli.log import configure
    from evouch.cli.running import say, stopped

    configure("warning")
    end = stopped()
    with tempfile.TemporaryDirectory(prefix="evouch-demo-") as folder:
        demo = Demo(state or Path(folder), http_port=http_port, pace=STORY if once else Pace())
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
    pace: Pace = field(default_factory=Pace)
    psp: "SandboxService" = field(init=False)
    backend: "CpoService" = field(init=False)
    providers: "list[Provider]" = field(init=False)
    simulators: "Simulators" = field(init=False)
    #: the address of the car that has one
    car: "Mac" = field(init=False, repr=False)
    #: the keys that are enrolled, and the one that the impostor has
    _enrolled: "dict[StationId, PrivateKey]" = field(init=False)
    _wrong: "PrivateKey" = field(init=False)

    async def start(self) -> None:
        """Start the provider, the eMSPs, the backend, the stations; return when they answer and know each other."""
        from evouch.cli.demo_emsps import introduce, providers
        from evouch.cli.demo_identity import IMPOSTOR, PROVING, key_in
        from evouch.cli.keys import private_folder
        from evouch.clock import SystemClock, SystemEntropy
        from evouch.identity.keys import KeyType, PrivateKey
        from evouch.ids import Mac
        from evouch.psp.sandbox.aio import SandboxService

        clock, entropy = SystemClock(), SystemEntropy()
        keys = private_folder(self.state / "keys")
        self._enrolled = {id: key_in(keys / f"{id}-identity.pem", entropy) for id in (PROVING, IMPOSTOR)}
        self._wrong = PrivateKey.generate(KeyType.ED25519, entropy)
        self.car = Mac(MAKER + entropy.bytes(3))
        self.psp = SandboxService(clock=clock, entropy=entropy, merchant="Sampletown Energy", db=self.state / "psp.db")
        await self.psp.start()
        await self._start_backend(clock, entropy)
        await self._start_stations(clock, entropy)
        self.providers = await providers(self.state, clock, entropy)
        await introduce(self.backend, self.providers)

    async def _start_backend(self, clock: "Clock", entropy: "Entropy") -> None:
        from evouch.cli.demo_town import cpo_config
        from evouch.cli.serve import CpoService

        self._hand_over_keys()
        config = cpo_config(
            self.state, http_port=self.http_port, provider_url=self.psp.url, pace=self.pace,
            enrolled=self._enrolled,
        )  # fmt: skip
        self.backend = CpoService(
            config, clock=clock, entropy=entropy, settle=0.05, meter_interval=1, pending_interval=PENDING
        )
        await self.backend.start()
        self.psp.send_webhooks_to(f"{self.backend.http_url}/webhooks/sandbox")

    async def _start_stations(self, clock: "Clock", entropy: "Entropy") -> None:
        """Switch the stations on; the impostor has a key, but not the one that was enrolled."""
        from evouch.cli.demo_autocharge import CAR
        from evouch.cli.demo_identity import IMPOSTOR, PROVING
        from evouch.cli.demo_town import station_specs
        from evouch.cli.simulators import Simulators
        from evouch.station.prover import Prover

        provers = {
            PROVING: Prover(key=self._enrolled[PROVING].pem()), IMPOSTOR: Prover(key=self._wrong.pem()),
        }  # fmt: skip
        self.simulators = Simulators(
            station_specs(provers), backend=self.backend.ocpp_url, clock=clock, entropy=entropy,
            port=self.station_port, cars={CAR: self.car},
        )  # fmt: skip
        await self.simulators.start()

    def _hand_over_keys(self) -> None:
        """Write the payment provider's key and webhook secret where the backend looks for them."""
        keys = self.state / "keys"
        for name, secret in (("psp-api-key", self.psp.api_key), ("psp-webhook-secret", self.psp.webhook_secret)):
            (keys / name).write_text(secret.text())
            (keys / name).chmod(0o600)

    async def identified(self, patience: float) -> bool:
        """Wait until the proving station is proven and the impostor refused; return whether they are."""
        from evouch.cli.demo_identity import settled

        return await settled(self.backend.cpo.challenger, self.simulators.stations, patience=patience)

    async def stop(self) -> None:
        """Stop everything, stations first."""
        await self.simulators.stop()
        await self.backend.stop()
        await asyncio.gather(*(each.service.stop() for each in self.providers))
        await self.psp.stop()

    def addresses(self) -> dict[str, str]:
        """Return where to look, and who proved what."""
        from evouch.cli.demo_emsps import shown as shown_of_emsps
        from evouch.cli.demo_identity import IMPOSTOR, sentence
        from evouch.cli.demo_town import STATIONS

        challenger = self.backend.cpo.challenger
        keys = self.state / "keys"
        shown = {_label(each): f"{self.simulators.url}/{each.id}/1" for each in STATIONS}
        shown[f"display {IMPOSTOR}"] = f"{self.simulators.url}/{IMPOSTOR}/1"
        shown |= {f"identity {id}": sentence(challenger, id) for id in (*(each.id for each in STATIONS), IMPOSTOR)}
        shown |= {
            "all stations": self.simulators.url,
            "operator": f"{self.backend.http_url}/operator",
            "operator login": f"operator / {(keys / 'operator-password').read_text().strip()}",
            "operator API": f"{self.backend.http_url}/api/v1",
            "API token": (keys / "operator-token").read_text().strip(),
            "operator OCPI": self.backend.versions_url,
            "payment provider": self.psp.url,
            "test card": "4242 4242 4242 4242, any later date, any CVC",
        }
        return shown | shown_of_emsps(self.providers)

    async def story(self) -> dict[str, Any]:
        """Have a driver charge and pay at every station at once, then a car come and go; return what happened."""
        from evouch.cli.demo_identity import IMPOSTOR, refused
        from evouch.cli.demo_town import STATIONS

        told = asyncio.gather(*(self._tale(stand) for stand in STATIONS))
        identified, tales = await asyncio.gather(self.identified(PATIENCE), told)
        turned_away = refused(self.backend.cpo.challenger, self.simulators.stations[IMPOSTOR])
        autocharge = await self.autocharge()
        ok = identified and turned_away["code"] is None and all(tale["state"] == "SETTLED" for tale in tales)
        return {
            "ok": ok and autocharge["ok"], "stations": tales, "refused": [turned_away], "autocharge": autocharge,
        }  # fmt: skip

    async def autocharge(self) -> dict[str, Any]:
        """Tell how a car becomes known and starts by itself; return what was expected and seen in each step."""
        from evouch.cli.demo_autocharge import Autocharge

        return await Autocharge(self.backend, self.providers, self.simulators.stations, self.car).tell()

    async def _tale(self, stand: "Stand") -> dict[str, Any]:
        from evouch.cli.demo_identity import standing
        from evouch.cli.demo_payment import charge

        tale: dict[str, Any] = {"station": stand.id, "ocpp": stand.version, "state": None}
        try:
            async with asyncio.timeout(PATIENCE):
                tale |= await charge(self.simulators.stations[stand.id], CHARGE)
        except (EvouchError, TimeoutError) as error:
            tale["error"] = f"{type(error).__name__}: {error}"
        return tale | {"identity": standing(self.backend.cpo.challenger, stand.id)}


def _label(stand: "Stand") -> str:
    return f"display {stand.id} (OCPP {stand.version}, {stand.name} in {stand.city})"
