"""Who proves what in the demo: one station has an enrolled key, an impostor has another one than was enrolled.

Both speak OCPP 1.6, for which SignedChallenge was made. The other stations are enrolled as
trusted, so that one sees what that looks like.
"""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evouch.charging.dialogue import BootStatus
from evouch.clock import Entropy
from evouch.identity.keys import KeyType, PrivateKey
from evouch.identity.standing import Standing
from evouch.ids import KeyBytes, StationId
from evouch.units import format_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evouch.cpo.challenger import Challenger
    from evouch.station.app import Simulator

__all__ = ["IMPOSTOR", "PROVING", "key_in", "refused", "sentence", "settled", "standing"]

#: The station that is challenged and proves its key.
PROVING: Final = StationId("DEMO-16")
#: Somebody who says that he is this station, and has not its key.
IMPOSTOR: Final = StationId("DEMO-IMPOSTOR")
#: Standing → the word of the summary.
_WORDS: Final = {Standing.FAILED: "refused", Standing.DOUBTED: "refused"}


def key_in(path: Path, entropy: Entropy) -> PrivateKey:
    """Return the private key of a file, which is made with a fresh one where it is missing."""
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(PrivateKey.generate(KeyType.ED25519, entropy).pem().reveal())
    return PrivateKey.from_pem(KeyBytes(path.read_bytes()))


async def settled(
    challenger: "Challenger", stations: "Mapping[StationId, Simulator]", *, patience: float
) -> bool:  # fmt: skip
    """Wait until the one station is in, and the impostor knows that it is refused; return whether that came to pass."""
    wanted = {PROVING: BootStatus.ACCEPTED, IMPOSTOR: BootStatus.REJECTED}
    try:
        async with asyncio.timeout(patience):
            for id, status in wanted.items():
                while stations[id].uplink.registration is not status:
                    await stations[id].watch()
    except TimeoutError:
        return False
    return _is(challenger, PROVING, Standing.PROVEN) and _is(challenger, IMPOSTOR, Standing.FAILED)


def _is(challenger: "Challenger", station: StationId, wanted: Standing) -> bool:
    view = challenger.standing(station)
    return view is not None and view.state is wanted


def standing(challenger: "Challenger", station: StationId) -> dict[str, Any]:
    """Return what the operator takes the station for: proven, trusted or refused, by what and since when."""
    view = challenger.standing(station)
    if view is None:
        return {"standing": "offline", "how": "", "since": None}
    how = view.how or (f"failed at the step {view.last_failure[0]}" if view.last_failure else "")
    return {"standing": _WORDS.get(view.state, str(view.state)), "how": how, "since": format_time(view.since)}


def refused(challenger: "Challenger", impostor: "Simulator") -> dict[str, Any]:
    """Return at which step the impostor failed, and what the driver reads at its display."""
    view = challenger.standing(IMPOSTOR)
    step, at = (view.last_failure if view else None) or ("", None)
    shown = impostor.screen(1)
    return {
        "station": IMPOSTOR, "ocpp": "1.6", "step": step, "at": format_time(at) if at else None,
        "identity": standing(challenger, IMPOSTOR), "display": shown.sentence, "code": shown.url or None,
    }  # fmt: skip


def sentence(challenger: "Challenger", station: StationId) -> str:
    """Return what became of a station's identity, for people."""
    view = challenger.standing(station)
    if view is None:
        return "not connected"
    match view.state:
        case Standing.PROVEN:
            return f"challenged, and proved its key ({view.how})"
        case Standing.TRUSTED:
            return f"let in unasked ({view.how})"
        case Standing.FAILED:
            step = view.last_failure[0] if view.last_failure else "no answer"
            return f"challenged, and refused: its proof failed at the step {step}; its display stays dark"
        case _:
            return str(view.state)
