"""Which running service a command speaks to: what its flags say, else what the configuration does."""

from pathlib import Path
from typing import Final

from evouch.cli.config import ConfigError, load
from evouch.cli.operator_api import OperatorApi
from evouch.cli.serving import host_in_url
from evouch.cli.settings import EmspConfig, IdentityConfig, PartnerConfig

__all__ = ["emsp_answers", "emsp_api", "partner_api"]

#: Seconds for a service of this machine to show that it is there.
PATIENCE: Final = 2.0
#: Addresses that a server listens on for everybody, and nobody is called at.
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - told apart, not listened on


def partner_api(
    backend: str | None, token_file: Path | None, config: Path | None, *, emsp: bool = False
) -> OperatorApi:
    """Return the API of the service whose partners are meant: flags, then [partner], then [identity].

    ``emsp``: flags, then the eMSP that [emsp] describes. ConfigError where a setting cannot be.
    """
    if emsp:
        return emsp_api(backend, token_file, config)
    said = load(PartnerConfig, file=config, flags={"backend": backend, "token_file": token_file}).config
    usual = load(IdentityConfig, file=config).config
    return _api(said.backend or usual.backend, said.token_file or usual.token_file)


def emsp_api(backend: str | None, token_file: Path | None, config: Path | None) -> OperatorApi:
    """Return the API of the eMSP that [emsp] describes, unless flags say otherwise; ConfigError likewise."""
    emsp = load(EmspConfig, file=config).config
    made = emsp.operator.token_file or emsp.state / "keys" / "operator-token"
    return _api(backend or emsp.public_url or _listening(emsp), token_file or made)


def emsp_answers(backend: str | None, config: Path | None) -> bool:
    """Return whether anything answers where the eMSP of [emsp] does, or at ``backend``."""
    import httpx2

    emsp = load(EmspConfig, file=config).config
    try:
        httpx2.get(f"{backend or _listening(emsp)}/health", timeout=PATIENCE, trust_env=False)
    except (httpx2.HTTPError, httpx2.InvalidURL):
        return False
    return True


def _listening(emsp: EmspConfig) -> str:
    host = _EVERYWHERE.get(emsp.http.host, emsp.http.host)
    return f"http://{host_in_url(host)}:{emsp.http.port}"


def _api(backend: str, token_file: Path) -> OperatorApi:
    try:
        return OperatorApi(IdentityConfig(backend=backend, token_file=token_file))
    except ValueError as error:
        raise ConfigError(f"--backend: {error}") from None
