"""Partners that the configuration names: written down at the start, and registered as soon as they can be reached."""

import asyncio
from collections.abc import Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import Final

import structlog

from evouch.cli.keys import secret_in, secret_to
from evouch.cli.serving import BY
from evouch.cli.settings_roaming import PartnerEntry
from evouch.clock import Clock, Entropy, Tick
from evouch.errors import EvouchError
from evouch.ocpi.partner import Partner, PartnerState, Role
from evouch.ocpi.partners import Partners

__all__ = ["introduce", "write_down"]

#: Seconds before a partner that could not be registered is called again; then always the last one.
PAUSES: Final = (2.0, 5.0, 15.0, 60.0, 300.0)

_log = structlog.get_logger("evouch.partners")


async def write_down(
    partners: Partners, entries: Sequence[PartnerEntry], role: Role, keys: Path, entropy: Entropy
) -> None:
    """Keep the partners that are not known yet, of which ``role`` is what they are to us.

    Whoever is invited finds the token in a file; where that file is gone before it was used, there is a new one.
    Raises BadAddress and BadKeyFile for what the configuration says of a partner.
    """
    for entry in entries:
        known = partners.get(entry.id)
        if entry.versions_url:
            await _add(partners, entry, role, keys, entropy)
        elif known is None or known.state is PartnerState.INVITED:
            await _invite(partners, entry, role, entry.token_file or keys / f"partner-{entry.id}")
        await _describe(partners, entry, new=known is None)


async def introduce(partners: Partners, entries: Sequence[PartnerEntry], clock: Clock) -> None:
    """Register at the partners that we have the token of, each until it has worked; return when all have."""
    await asyncio.gather(*(_register(partners, entry.id, clock) for entry in entries if entry.versions_url))


async def _add(partners: Partners, entry: PartnerEntry, role: Role, keys: Path, entropy: Entropy) -> None:
    if partners.get(entry.id) is None:
        token = secret_in(entry.token_file, keys / f"partner-{entry.id}", entropy)
        await partners.add(entry.id, role, entry.versions_url, token, actor=BY, name=entry.name)


async def _invite(partners: Partners, entry: PartnerEntry, role: Role, file: Path) -> None:
    if not await asyncio.to_thread(file.exists) or partners.get(entry.id) is None:
        secret_to(file, await partners.invite(entry.id, role, name=entry.name, actor=BY))


async def _describe(partners: Partners, entry: PartnerEntry, *, new: bool) -> None:
    """Say what the configuration says of a new partner; of one that is known operators decide."""
    said = {"evses": entry.evses, "priority": entry.priority, "quirks": entry.quirks.quirks()}
    blank = Partner(id=entry.id, role=Role.CPO, state=PartnerState.KNOWN)
    if new and any(getattr(blank, name) != value for name, value in said.items()):
        await partners.change(entry.id, actor=BY, **said)


async def _register(partners: Partners, id: str, clock: Clock) -> None:
    pauses = chain(PAUSES, repeat(PAUSES[-1]))
    while (partner := partners.get(id)) is not None and partner.state is PartnerState.KNOWN:
        try:
            await partners.register(id, actor=BY)
        except EvouchError as error:
            pause = next(pauses)
            _log.warning("partner not registered", partner=id, problem=type(error).__name__, again_in=pause)
            await clock.sleep_until(Tick(clock.tick() + pause))
