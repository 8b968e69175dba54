"""What the services say about themselves: one line per event, to stderr.

A log value is an id, a number, an enum or a time. Whatever else somebody passes is replaced
by the name of its type, text is cut and its control characters escaped, and a traceback
shows files and lines but no local variables: a log can be handed to a stranger.
"""

import logging
import sys
from collections.abc import MutableMapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from traceback import extract_tb
from typing import Any, Final

import structlog
from structlog.typing import Processor

__all__ = ["configure", "plain"]

#: Longest text value; ids are shorter, and a peer's prose is not worth more.
MAX_TEXT: Final = 120
#: Frames of a traceback that are kept: the last ones, where it happened.
MAX_FRAMES: Final = 12

_Event = MutableMapping[str, Any]


def configure(level: str = "info", *, as_json: bool | None = None) -> None:
    """Send the log of this process to stderr: JSON lines, or readable ones on a terminal."""
    as_json = not sys.stderr.isatty() if as_json is None else as_json
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        plain,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=True)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    # Libraries log what they handle, which is what must not be in a log: only their warnings are heard.
    root.setLevel(logging.WARNING)
    logging.getLogger("evouch").setLevel(level.upper())


def plain(_logger: Any, _method: str, event: _Event) -> _Event:
    """Reduce every value to an id, a number, an enum or a time; see the head of this file."""
    error = event.pop("exc_info", None)
    for name, value in event.items():
        if not name.startswith("_"):
            event[name] = _value(value)
    if error:
        event["error"], event["at"] = _failure(error)
    return event


def _value(value: Any) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case Enum():
            return _text(str(value.value))
        case datetime():
            return value.isoformat()
        case str() | Decimal() | PurePath():
            return _text(str(value))
        case BaseException():
            return type(value).__name__
        case _:
            return f"<{type(value).__name__}>"


def _text(text: str) -> str:
    shown = text if text.isprintable() else text.encode("unicode_escape").decode()
    return shown if len(shown) <= MAX_TEXT else f"{shown[:MAX_TEXT]}…"


def _failure(error: Any) -> tuple[str, list[str]]:
    """Return the type of an exception and where it passed; its text may quote a peer and stays out."""
    if error is True:
        error = sys.exc_info()[1]
    elif isinstance(error, tuple):
        error = error[1]
    if not isinstance(error, BaseException):
        return "none", []
    frames = extract_tb(error.__traceback__)[-MAX_FRAMES:]
    return type(error).__name__, [f"{PurePath(each.filename).name}:{each.lineno} {each.name}" for each in frames]
