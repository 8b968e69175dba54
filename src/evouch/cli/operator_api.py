"""A running backend's operator API, as commands use it: one question, its answer or a sentence that says why not."""

from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit

from evouch.cli.settings_identity import IdentityConfig
from evouch.errors import EvouchError
from evouch.ids import Secret
from evouch.wire import MalformedJson, decode, encode

__all__ = ["BackendRefused", "OperatorApi", "plain"]

#: Seconds for an ordinary answer.
PATIENCE: Final = 20.0


class BackendRefused(EvouchError):
    """The backend did not do it, or is not there; the sentence is the backend's own where it has one."""


class OperatorApi:
    """The API behind one address, with one token. Use it as a context manager."""

    def __init__(self, config: IdentityConfig) -> None:
        import httpx2  # offline commands never need it

        self._http = httpx2
        self._where = config.backend.rstrip("/")
        headers = {"Authorization": f"Bearer {_token(config.token_file).text()}"}
        # what proxies the environment names is no business of a token that goes to one address
        self._client = httpx2.Client(headers=headers, timeout=PATIENCE, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def ask(self, method: str, *path: str, body: Any = None, seconds: float = PATIENCE) -> Any:
        """Return the answer to a question as decoded JSON, None where there is none; BackendRefused with its sentence.

        ``path`` is given in segments, which may hold any character.
        """
        address = "/".join([f"{self._where}/api/v1", *(quote(segment, safe="") for segment in path)])
        try:
            answer = self._client.request(
                method, address, content=b"" if body is None else encode(body), timeout=seconds
            )
        except (self._http.HTTPError, self._http.InvalidURL) as error:
            raise BackendRefused(f"{_shown(self._where)} does not answer: {type(error).__name__}") from None
        document = _document(answer.content)
        if answer.status_code // 100 == 2:  # noqa: PLR2004 - done
            return document
        raise BackendRefused(_sentence(answer.status_code, document))


def plain(text: object) -> str:
    """Return a text from elsewhere as a terminal may show it: no control characters."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(text))


def _token(path: Path) -> Secret:
    try:
        text = path.read_text().strip()
    except (OSError, ValueError) as error:
        raise BackendRefused(f"{path}: {getattr(error, 'strerror', None) or 'is no text'} (the API token)") from None
    if not text or not text.isascii() or not text.isprintable():
        raise BackendRefused(f"{path}: holds no API token")
    return Secret(text)


def _document(content: bytes) -> Any:
    try:
        return decode(content) if content else None
    except MalformedJson:
        return None


def _sentence(status: int, document: Any) -> str:
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return f"the backend answered {status}, and not as its operator API does: is the address right?"
    why = error.get("details", {}).get("why", "") if isinstance(error.get("details"), dict) else ""
    parts = (error.get("description", ""), f"({error.get('code', status)}{f': {why}' if why else ''})")
    return plain(" ".join(str(part) for part in parts))


def _shown(address: str) -> str:
    """Return an address without what must not be shown."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"
