"""The address of a car is nowhere but in the car, its station and the moment in which it is asked about (§8.2).

All flows are played, things break on purpose in the middle of them, and then everything that is kept, sent or
said is searched for the address in every spelling: databases, logs with their tracebacks, what crossed
between partners, and the memory of all actors.
"""

import asyncio
import gc
import itertools
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import structlog
from picows import WSMsgType

from evouch.autocharge.asking import Asking
from evouch.cli.log import configure
from evouch.cpo.roaming_authorize import RoamingRules
from evouch.cpo.roaming_binding import Bindings
from evouch.ids import Mac, StationId
from evouch.ocpi.client import OcpiClient
from evouch.store.memory import MemoryStore
from evouch.testing.roaming_town import Country, OperatorTown, in_a_country
from tests.proofs import proves
from tests.spellings import address_spellings
from tests.stories.roaming import (
    CS,
    VERSIONS,
    S,
    autostart,
    bind,
    leave,
    nothing_starts,
    opened,
    shown,
    spread,
    the_short_way,
)
from tests.stories.test_autocharge import GRANTED

DURING = StationId("CS-2")
#: One car, and one of a maker whose addresses are random: the filter lets nobody hear of it.
CAR, STRANGER = (0x0C298F << 24) + 0x5C0A1B, (0x007DFA << 24) + 0x5C0A1B


def address(number: int) -> bytes:
    """An address, made anew each time: nothing that a test holds shall be found in memory."""
    return number.to_bytes(6)


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("evouch")
    handlers, level, our_level = root.handlers, root.level, ours.level
    yield
    root.handlers, root.level = handlers, level
    ours.setLevel(our_level)
    structlog.reset_defaults()


# ── the flows ───────────────────────────────────────────────────────────────────────────


async def everything(country: Country, version: str) -> None:
    """Binding before and during a charge, starts, a conflict, a question, a stop, a card instead, and a restart."""
    alfa, beta, gama, car = country["alfa"], country["beta"], country["gama"], Mac(address(CAR))
    for town in (alfa, beta, gama):
        await town.station(version)
    await alfa.station(version, id=DURING, autocharge="during")
    ada, bob = await country.at("uno").driver(), await country.at("due").driver("bob")
    await bind(ada, alfa, car)
    await leave(ada, alfa)
    await spread(country, ada, GRANTED)
    country.later(hours=1)
    await bind(bob, alfa, car, DURING)
    await leave(bob, alfa, DURING)
    await spread(country, bob, GRANTED)
    country.later(hours=1)
    await autostart(beta, car)  # in conflict
    await shown(country, bob, "started")
    await bob.declines("started")
    await beta.charge(S.COMPLETED)
    await beta.drive_away()
    country.later(minutes=30)
    await nothing_starts(gama, car, seconds=12)  # implausible
    await shown(country, bob, "confirm")
    await bob.accepts("confirm")
    await gama.charge(S.ACTIVE)
    await leave(bob, gama)
    await nothing_starts(gama, Mac(address(STRANGER)), seconds=8)
    await gama.drive_away()


async def breaking(country: Country, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plug in while partners, stores and our own code fail in the middle of it; and stations talk nonsense."""
    beta, car = country["beta"], Mac(address(CAR))

    def broken(*args: Any, **how: Any) -> NoReturn:
        raise ValueError("in the middle", args, how)

    for place, name in ((RoamingRules, "_choose"), (OcpiClient, "sign"), (Asking, "_finish"), (Bindings, "_hold")):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, broken)
            await _visit(beta, car)
    for emsp in country.providers.values():
        emsp.door.garbage(on="oprf/sign", times=1)
        emsp.door.status(500, on="/authorize", times=1)
    await _visit(beta, car)
    beta.disk.fail_in(2, stays_down=False)
    await _visit(beta, car)
    for spelled in (address(CAR).hex(), address(CAR).hex(":").upper()):
        _say(beta, f'[2,"n1","Authorize",{{"idTag":"VID:{spelled}","more":"{spelled}"}}]')
        _say(beta, f'[2,"n2","Authorize",{{"idToken":{{"idToken":"{spelled}","type":"MacAddress","x":1}}}}]')
        _say(beta, f'[2,"n3","VID:{spelled}",{{}}]')
        _say(beta, f'[2,"n4","DataTransfer",{{"vendorId":"org.evouch","data":"VID:{spelled}"}}]')
        _say(beta, f'[4,"n5","InternalError","VID:{spelled} is not known",{{}}]')
        _say(beta, f'[2,"n6","Authorize",{{"idTag":"VID:{spelled}"')
    await beta.wait(5)


async def told_later(country: Country) -> None:
    """A car's charge ends while its operator is away, and the end is told to the next process."""
    beta, car = country["beta"], Mac(address(CAR))
    country.later(hours=12)
    await autostart(beta, car)
    await beta.stations[CS].go_offline()
    await beta.drive_away()
    await beta.kill()
    await beta.begin()
    beta.stations[CS].come_online()
    await beta.charge(S.COMPLETED, seconds=300)


async def _visit(town: OperatorTown, car: Mac) -> None:
    await town.plug(vehicle=car)
    await town.wait(2 if town.world.manual else 0.3)
    await town.drive_away()
    await town.wait(1 if town.world.manual else 0.1)


def _say(town: OperatorTown, frame: str) -> None:
    town.server.wire(CS).station.send(WSMsgType.TEXT, frame.encode())


# ── the search ──────────────────────────────────────────────────────────────────────────


#: Every octet that is no digit and no letter: what digits may be separated by.
_BETWEEN = bytes(each for each in range(256) if not chr(each).isalnum() or each > 127)


def search(texts: dict[str, bytes]) -> list[tuple[str, str]]:
    """Return where an address occurs, and in which spelling; its digits also with whatever is between them."""
    found = []
    for where, text in texts.items():
        squeezed = text.translate(None, _BETWEEN).upper()
        for car in (CAR, STRANGER):
            found += [(where, name) for name, each in address_spellings(address(car)).items() if each in text]
            found += [(where, "digits")] if address(car).hex().upper().encode() in squeezed else []
    return found


def crossed(country: Country) -> bytes:
    return b"\n".join(part for each in country.web.log for part in each.parts)


def in_memory(countries: list[Country]) -> list[str]:
    """What of the process holds an address, when all cars have left: the stations are not ours, and taken away."""
    for town in itertools.chain(*(each.operators.values() for each in countries)):
        town.stations.clear()
        town._runs.clear()
        town.server = None
    gc.collect()
    named = _named()
    kept = []
    for holder in gc.get_objects():
        if isinstance(holder, Mac) and named(holder.reveal()):
            kept.append(repr(holder))
        kept += [f"{type(holder).__name__}: {each!r}"[:200] for each in _texts(holder) if named(each)]
    return kept


def _texts(holder: object) -> Iterator[bytes]:
    """The texts that an object holds, itself or in containers that the collector does not look at."""
    for each in gc.get_referents(holder):
        if type(each) is str:
            yield each.encode("utf-8", "replace")
        elif type(each) is bytes:
            yield each
        elif type(each) in {dict, tuple, frozenset, bytearray} and not gc.is_tracked(each):
            yield from _texts(each)


def _named() -> Callable[[bytes], object]:
    """As :func:`search`, but fast: there are millions of texts in a process."""
    cars = [address(car) for car in (CAR, STRANGER)]
    spelled = [b"[^0-9a-z]?".join(re.escape(b"%02x" % octet) for octet in car) for car in cars]
    return re.compile(b"|".join([*map(re.escape, cars), *spelled]), re.IGNORECASE).search


@proves("R37", "R38", "A19")
def test_after_all_flows_and_every_kind_of_failure_the_address_is_nowhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    countries = [_played(version, monkeypatch, capsys) for version in VERSIONS]
    assert [] == in_memory(countries)


def _played(version: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Country:
    configure("debug", as_json=version == "ocpp1.6")
    logging.getLogger().setLevel(logging.DEBUG)
    stores: dict[str, MemoryStore] = {}

    async def story() -> Country:
        async with in_a_country(3, 2, stores=lambda name: stores.setdefault(name, MemoryStore())) as country:
            await everything(country, version)
            await breaking(country, monkeypatch)
            await told_later(country)
        return country

    country = asyncio.run(story())
    texts = {name: repr(vars(store)).encode() for name, store in stores.items()}
    texts |= {"web": crossed(country), "log": "".join(capsys.readouterr()).encode()}
    assert all(word in texts[where] for where, word in _PLACES.items()), "looked in the wrong place"
    assert [] == search(texts)
    return country


#: What has to be where it is searched, or the search would prove nothing.
_PLACES = {"uno": b"CARD-UNO-ADA", "beta": b"RoamingCharge", "web": b"blinded_element", "log": b"ValueError"}


@proves("R37", "R38", "A19")
def test_over_real_sockets_with_databases_on_disk_it_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("debug")
    logging.getLogger().setLevel(logging.DEBUG)

    async def story() -> Country:
        stores = {name: await opened(f"sqlite:///{tmp_path}/{name}.db") for name in ("uno", "alfa", "beta")}
        terms = {"binding_pauses": (0.3,) * 9}
        async with in_a_country(2, 1, sockets=True, stores=stores.__getitem__, cpo=terms) as country:
            await the_short_way(country, "ocpp1.6", Mac(address(CAR)))
            files = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
        for store in stores.values():
            await store.close()
        assert any(name.endswith("-wal") for name in files)
        assert [] == search(files)
        return country

    country = asyncio.run(story())
    texts = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    texts |= {"web": crossed(country), "log": "".join(capsys.readouterr()).encode()}
    assert b"roaming charge" in texts["log"]
    assert b"CARD-UNO-ADA" in texts["uno.db"]
    assert [] == search(texts)
