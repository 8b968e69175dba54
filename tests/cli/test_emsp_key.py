"""The key of the sign oracle goes into a safe place and back, without any wire."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from evouch.cli import emsp_key
from evouch.cli.config import load
from evouch.cli.serve_emsp import EmspService
from evouch.cli.settings_emsp import EmspConfig
from evouch.clock import SystemClock, SystemEntropy


def said(*words: str) -> Any:
    return CliRunner().invoke(emsp_key.app, [*words, "--json"])


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    file = tmp_path / "evouch.toml"
    file.write_text(f'[emsp]\nstate = "{tmp_path / "state"}"\n[emsp.http]\nport = 0\n')
    return file


def key_in_use(file: Path, *, then: Any = None) -> str:
    """Start the eMSP of a configuration, do something, and stop it; return the id of the key it signs with."""

    async def run() -> str:
        service = EmspService(load(EmspConfig, file=file).config, clock=SystemClock(), entropy=SystemEntropy())
        await service.start()
        try:
            if then is not None:
                await then(service)
            return service.emsp.keys.current.id
        finally:
            await service.stop()

    return asyncio.run(run())


def test_a_key_is_taken_out_offline_and_brought_back_after_a_rotation(configured: Path, tmp_path: Path) -> None:
    async def rotate(service: EmspService) -> None:
        exported = await asyncio.to_thread(said, "export", "--out", str(file), "--config", str(configured))
        assert json.loads(exported.output) == {"id": service.emsp.keys.current.id}
        running = await asyncio.to_thread(said, *back, "--backend", service.http_url)
        assert "stop it first" in str(running.exception)
        await service.emsp.desk.rotate_key(actor="ann", reason="by mistake")

    file = tmp_path / "safe" / "key"
    back = ("restore", "--key-file", str(file), "--reason", "it was one", "--config", str(configured))
    second = key_in_use(configured, then=rotate)
    assert (len(file.read_text().strip()), file.stat().st_mode & 0o777) == (64, 0o600)
    assert "is there already" in str(said("export", "--out", str(file), "--config", str(configured)).exception)
    first = json.loads(said(*back).output)["id"]
    assert first != second
    assert key_in_use(configured) == first


def test_what_is_no_key_and_a_folder_without_an_emsp_are_sentences(configured: Path, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("00" * 32)
    words = ("restore", "--key-file", str(file), "--reason", "x", "--config", str(configured))
    assert "there is no eMSP" in str(said(*words).exception)
    assert "there is no eMSP" in str(
        said("export", "--out", str(tmp_path / "o"), "--config", str(configured)).exception
    )
    key_in_use(configured)
    assert "this is no key" in str(said(*words).exception)
