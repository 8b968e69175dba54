"""Which service a command speaks to, where a machine has several."""

from pathlib import Path

import pytest

from evouch.cli.backends import emsp_api, partner_api
from evouch.cli.config import ConfigError
from evouch.cli.operator_api import OperatorApi

FILE = """
[identity]
backend = "http://127.0.0.1:8081"
token_file = "identity.token"
[emsp]
state = "mine"
[emsp.http]
host = "0.0.0.0"
port = 8071
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration, and a token for each service; it is where commands run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EVOUCH_CONFIG", raising=False)
    (tmp_path / "evouch.toml").write_text(FILE)
    (tmp_path / "mine" / "keys").mkdir(parents=True)
    for name in ("identity.token", "partner.token", "mine/keys/operator-token"):
        (tmp_path / name).write_text(f"the token in {name}")
    return tmp_path


def spoken_to(api: OperatorApi) -> tuple[str, str]:
    """The address and the token that an API is asked with."""
    with api:
        return api._where, api._client.headers["authorization"].removeprefix("Bearer the token in ")


def test_partners_are_those_of_the_backend_of_identity_unless_something_else_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ("http://127.0.0.1:8081", "identity.token") == spoken_to(partner_api(None, None, None))
    monkeypatch.setenv("EVOUCH_PARTNER_BACKEND", "https://cpo.example")
    assert ("https://cpo.example", "identity.token") == spoken_to(partner_api(None, None, None))
    with (folder / "evouch.toml").open("a") as file:
        file.write('[partner]\nbackend = "http://127.0.0.1:8082"\ntoken_file = "partner.token"\n')
    assert ("https://cpo.example", "partner.token") == spoken_to(partner_api(None, None, None))
    assert ("http://[::1]:1", "identity.token") == spoken_to(
        partner_api("http://[::1]:1", folder / "identity.token", None)
    )


@pytest.mark.usefixtures("folder")
def test_an_emsp_is_spoken_to_where_it_listens_or_at_its_public_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOUCH_PARTNER_BACKEND", "https://cpo.example")
    assert ("http://127.0.0.1:8071", "mine/keys/operator-token") == spoken_to(partner_api(None, None, None, emsp=True))
    assert ("http://127.0.0.1:9", "partner.token") == spoken_to(
        emsp_api("http://127.0.0.1:9", Path("partner.token"), None)
    )
    monkeypatch.setenv("EVOUCH_EMSP_PUBLIC_URL", "https://emsp.example")
    assert ("https://emsp.example", "mine/keys/operator-token") == spoken_to(emsp_api(None, None, None))


@pytest.mark.usefixtures("folder")
def test_a_token_goes_to_no_address_without_tls_but_this_machine() -> None:
    for api in (partner_api, emsp_api):
        with pytest.raises(ConfigError, match="must be https"):
            api("http://cpo.example", None, None)
