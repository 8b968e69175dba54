"""``evouch psp run``: it starts, says where it is, takes a hold, and stops when told."""

import asyncio
import json
import os
import re
import signal
import stat
import sys
from pathlib import Path

from typer.testing import CliRunner

from evouch.cli.psp import _file, app
from evouch.clock import SystemClock
from evouch.ids import PaymentId, Secret
from evouch.psp.sandbox.client import SandboxProvider
from evouch.units import Money


async def started(folder: Path, *flags: str) -> asyncio.subprocess.Process:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EVOUCH_")}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from evouch.cli import main; main()", "psp", "run", "--port", "0", *flags,
        cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def hold(said: dict[str, str], folder: Path) -> str:
    keys = [Secret((folder / said[name]).read_text().strip()) for name in ("api_key_file", "webhook_secret_file")]
    provider = SandboxProvider(said["url"], keys[0], keys[1], SystemClock())
    opened = await provider.hold(
        PaymentId("p1"), Money.of(50, "EUR"), description="", return_url="https://cpo.test/", key="k"
    )
    await provider.close()
    return opened.psp_ref


def test_it_serves_keeps_its_file_and_key_and_ends_on_a_signal(tmp_path: Path) -> None:
    async def run(number: signal.Signals) -> str:
        process = await started(tmp_path, "--json", "--db", "psp.sqlite", "--webhook-url", "", "--merchant", "M")
        assert process.stdout
        assert process.stderr
        said = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
        opened = await hold(said, tmp_path)
        process.send_signal(number)
        assert (await asyncio.wait_for(process.wait(), 10), await process.stderr.read()) == (0, b"")
        assert (said["database"], said["faults"]) == ("psp.sqlite", False)
        for name in ("api_key_file", "webhook_secret_file"):
            assert stat.S_IMODE((tmp_path / said[name]).stat().st_mode) == 0o600
        return opened

    first = asyncio.run(run(signal.SIGTERM))
    assert first == asyncio.run(run(signal.SIGINT)), "the same key finds the same hold after a restart"


def test_it_says_where_it_is_without_a_secret_and_a_taken_port_is_a_sentence(tmp_path: Path) -> None:
    async def run() -> tuple[str, int, str]:
        first = await started(tmp_path, "--faults")
        assert first.stdout
        lines = [(await asyncio.wait_for(first.stdout.readline(), 20)).decode() for _ in range(7)]
        second = await started(tmp_path, "--port", lines[0].strip().rsplit(":", 1)[1])
        _, talk = await asyncio.wait_for(second.communicate(), 20)
        first.terminate()
        await asyncio.wait_for(first.wait(), 10)
        return "".join(lines), second.returncode or 0, talk.decode()

    said, code, talk = asyncio.run(run())
    assert re.search(r"^url +http://127.0.0.1:[0-9]+$", said, re.MULTILINE)
    assert (tmp_path / "evouch-state/keys/psp-api-key").read_text().strip() not in said
    assert (code, "cannot listen on 127.0.0.1:" in talk, "Traceback" in talk) == (1, True, False)


def test_its_help_explains_every_flag() -> None:
    said = CliRunner().invoke(app, ["run", "--help"], terminal_width=200).output
    for flag in ("--host", "--port", "--db", "--webhook-url", "--public-url", "--faults", "--json", "--merchant"):
        assert flag in said


def test_a_database_is_a_path_or_a_url() -> None:
    assert (_file(""), _file("a/b.sqlite"), _file("sqlite:///b.sqlite")) == (None, Path("a/b.sqlite"), Path("b.sqlite"))
