"""The backend is killed, not stopped, in the middle of a charge; a new process takes it up from the database."""

import asyncio
import json
import signal
import socket
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from evouch.cli.simulators import Simulators
from evouch.clock import SystemClock, SystemEntropy
from evouch.ids import EvseNumber, OcppVersion, StationId
from evouch.psp.sandbox.aio import SandboxService
from evouch.station.spec import Curve, EvseSpec, StationSpec
from evouch.testing.phone import Phone
from evouch.units import Watts

CONFIG = """
[cpo]
state = "{state}"
hold = 30
[cpo.ocpp]
port = {ocpp}
[cpo.http]
port = {http}
[cpo.provider]
url = "{psp}"
[[cpo.stations]]
id = "CS-1"
version = "{version}"
evses = [{{number = 1, max_power = 300000}}]
"""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def backend(config: Path) -> asyncio.subprocess.Process:
    """Start the backend as a process of its own; return when it says where it is."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "evouch", "cpo", "run", "--config", str(config), "--json",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(20):
        assert "stations" in json.loads(await process.stdout.readline())
    return process


async def until(phone: Phone, address: str, found: Any) -> Any:
    async with asyncio.timeout(25):
        while not found(status := await phone.json(f"{address}/status.json")):
            await asyncio.sleep(0.1)
    return status


async def pay(phone: Phone, url: str) -> str:
    await phone.open(url)
    await phone.submit("/offer/pay")
    await phone.submit("/pay/", number="4242424242424242", expiry="12/34", cvc="123")
    return phone.url.partition("?")[0]


@pytest.mark.parametrize("version", ["1.6", "2.1"])
def test_a_backend_killed_in_the_middle_of_a_charge_resumes_it(version: str, tmp_path: Path) -> None:
    async def story() -> None:
        clock, entropy = SystemClock(), SystemEntropy()
        psp = SandboxService(clock=clock, entropy=entropy)
        await psp.start()
        keys = tmp_path / "keys"
        keys.mkdir()
        (keys / "psp-api-key").write_text(psp.api_key.text())
        (keys / "psp-webhook-secret").write_text(psp.webhook_secret.text())
        ports = {"ocpp": free_port(), "http": free_port()}
        config = tmp_path / "evouch.toml"
        config.write_text(CONFIG.format(state=tmp_path, psp=psp.url, version=version, **ports))
        evse = EvseSpec(number=EvseNumber(1), curve=Curve(power=Watts(300_000)))
        spec = StationSpec(
            id=StationId("CS-1"), version=OcppVersion(f"ocpp{version}"), evses=(evse,), loopback_http=True
        )
        stations = Simulators([spec], backend=f"ws://127.0.0.1:{ports['ocpp']}", clock=clock, entropy=entropy)
        phone = Phone()
        process = await backend(config)
        await stations.start()
        try:
            simulator = stations.stations[spec.id]
            async with asyncio.timeout(20):
                while not simulator.screen(1).url:
                    await asyncio.sleep(0.05)
            address = await pay(phone, simulator.screen(1).url)
            await simulator.plug(1)
            await until(phone, address, lambda status: status["state"] == "CHARGING")
            process.send_signal(signal.SIGKILL)
            await process.wait()
            process = await backend(config)
            status = await phone.json(f"{address}/status.json")
            assert status["state"] == "CHARGING"
            async with asyncio.timeout(20):
                while not simulator.online:
                    await asyncio.sleep(0.05)
            await simulator.unplug(1)
            status = await until(phone, address, lambda status: status["state"] == "SETTLED")
            assert status["energy"] > 50
            assert Decimal(status["captured"]["amount"]) > 0
        finally:
            await phone.close()
            await stations.stop()
            process.terminate()
            await process.wait()
            await psp.stop()

    asyncio.run(story())
