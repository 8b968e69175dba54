"""What every command that serves shares: one signal handler, one way to say where it is."""

import asyncio
import gc
import json
import signal
from typing import Any, Final

__all__ = ["say", "settled", "stopped"]

#: New objects between two looks for garbage in cycles. Python's own 700 suits scripts; what a
#: station's message makes and drops at once fills that in ten messages, and costs a fifth of them.
_ALLOCATIONS: Final = 10_000


def stopped() -> asyncio.Event:
    """Return an event that SIGINT or SIGTERM sets; a second one ends the process at once, as ever."""
    event = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        event.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    return event


def say(shown: dict[str, Any], *, as_json: bool) -> None:
    """Print where a service is: a line of JSON, or a line for each thing."""
    if as_json:
        print(json.dumps(shown, default=str), flush=True)
        return
    width = max(map(len, shown))
    for name, value in shown.items():
        print(f"{name:<{width}}  {value}", flush=True)


def settled() -> None:
    """Say that the start is over: what is there now, modules and schemas above all, stays and is no garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, *gc.get_threshold()[1:])
