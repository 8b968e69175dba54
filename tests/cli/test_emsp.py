"""``evouch emsp run``: a service that says where it is, answers operators, and ends on a signal."""

import asyncio
import json
import os
import signal
import stat
import sys
from pathlib import Path

import httpx2
from typer.testing import CliRunner

from evouch.cli.config import ConfigError
from evouch.cli.emsp import app


async def started(folder: Path, *flags: str) -> asyncio.subprocess.Process:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EVOUCH_")}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from evouch.cli import main; main()", "emsp", "run", "--http-port", "0", *flags,
        cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


def test_it_serves_operators_keeps_its_keys_to_itself_and_ends_on_a_signal(tmp_path: Path) -> None:
    async def run() -> dict[str, str]:
        process = await started(tmp_path, "--json", "--state", "mine", "--party", "NL*EXA")
        assert process.stdout
        assert process.stderr
        said: dict[str, str] = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
        async with httpx2.AsyncClient() as client:
            assert (await client.get(said["ocpi"])).status_code == 401
        process.send_signal(signal.SIGTERM)
        assert (await asyncio.wait_for(process.wait(), 10), await process.stderr.read()) == (0, b"")
        return said

    said = asyncio.run(run())
    assert said["ocpi"] == f"{said['pages']}/ocpi/versions"
    for path in (tmp_path / "mine").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    token = (tmp_path / said["api token"]).read_text().strip()
    assert token.encode() not in (tmp_path / "mine" / "evouch.db").read_bytes()


def test_a_setting_that_cannot_be_is_a_sentence() -> None:
    result = CliRunner().invoke(app, ["run", "--party", "Germany"], env={"EVOUCH_CONFIG": ""})
    assert isinstance(result.exception, ConfigError)
    assert "a party is two letters of a country" in str(result.exception)


def test_its_help_explains_every_flag() -> None:
    said = CliRunner().invoke(app, ["run", "--help"], terminal_width=200).output
    for flag in ("--config", "--state", "--database", "--http-port", "--public-url", "--party", "--json"):
        assert flag in said
