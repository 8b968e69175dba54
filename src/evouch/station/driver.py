"""A scripted person in front of a charging point: small steps, as text or as JSON.

One step per line; what follows a ``#`` is a remark::

    plug                # or: plug 2, for connector 2
    wait charging       # until the display says so, for at most two minutes
    wait energy 500     # until 500 Wh have flowed
    rest 30             # half a minute of doing nothing
    stop                # the button at the station
    unplug

Further steps: ``swipe TOKEN``, ``limits kwh=20 minutes=60 cost=15``, ``fault CODE``,
``clear``, ``pause`` (the car; ``pause station``), ``resume``, ``offline``, ``online``,
``blackout``, ``expect KIND``. As JSON the same script is a list of
lists: ``[["plug"], ["wait", "charging"], …]``. The words after ``wait`` and ``expect`` are
the kinds of :class:`~evouch.station.display.Kind`, with a hyphen for each blank.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from evouch.charging.tokens import Limit
from evouch.clock import Tick
from evouch.errors import TimedOut
from evouch.station.app import Simulator
from evouch.station.display import Kind
from evouch.units import Money, Wh
from evouch.wire import decode

__all__ = ["PATIENCE", "Step", "parse", "perform"]

#: How long a person waits for anything, in seconds.
PATIENCE: Final = 120.0
_KINDS: Final = {kind.replace(" ", "-"): kind for kind in Kind}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a person does; :meth:`__str__` is its line in a script."""

    verb: str
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join((self.verb, *self.words))


def parse(script: str) -> tuple[Step, ...]:
    """Return the steps of a script; raise ValueError with the line that makes no sense."""
    if script.lstrip().startswith("["):
        lines = decode(script)
        steps = [_step(line) for line in lines if isinstance(line, list)]
        if len(steps) != len(lines):
            raise ValueError("a JSON script is a list of lists of words")
        return tuple(steps)
    return tuple(_step(words) for line in script.splitlines() if (words := line.partition("#")[0].split()))


def _step(words: list[str]) -> Step:
    texts = [str(word) for word in words]
    verb, rest = (texts[0], tuple(texts[1:])) if texts else ("", ())
    known = _VERBS.get(verb)
    if known is None or not known.fits(rest):
        raise ValueError(f"no such step: {' '.join(texts)!r}")
    return Step(verb, rest)


async def perform(simulator: Simulator, evse: int, steps: Iterable[Step], *, patience: float = PATIENCE) -> None:
    """Do the steps, one after the other.

    Raises :class:`TimedOut` where a wait takes longer than ``patience`` seconds, and
    ValueError where an ``expect`` is disappointed.
    """
    for step in steps:
        await _VERBS[step.verb].act(_Person(simulator, evse, patience), step)


@dataclass(frozen=True, slots=True)
class _Person:
    station: Simulator
    evse: int
    patience: float

    async def until(self, met: Callable[[], bool], step: Step) -> None:
        """Watch the display until ``met``."""
        clock = self.station.clock
        late = Tick(clock.tick() + self.patience)
        while not met():
            if clock.tick() >= late:
                shown = self.station.screen(self.evse)
                raise TimedOut(f"{step}: the display still says {shown.kind} after {self.patience:g} s")
            await self.station.watch()


async def _wait(person: _Person, step: Step) -> None:
    def met() -> bool:
        shown = person.station.screen(person.evse)
        if step.words[0] == "energy":
            return shown.charge is not None and shown.charge.energy >= int(step.words[1])
        return shown.kind is _KINDS[step.words[0]]

    await person.until(met, step)


async def _expect(person: _Person, step: Step) -> None:
    shown = person.station.screen(person.evse)
    if shown.kind is not _KINDS[step.words[0]]:
        raise ValueError(f"{step}: the display says {shown.kind}")


async def _rest(person: _Person, step: Step) -> None:
    clock = person.station.clock
    await clock.sleep_until(Tick(clock.tick() + float(step.words[0])))


async def _limits(person: _Person, step: Step) -> None:
    typed = {name: Decimal(value) for name, _, value in (word.partition("=") for word in step.words)}
    cost = typed.get("cost")
    limit = Limit(
        max_cost=None if cost is None else Money(cost, person.station.spec.currency),
        max_energy=Wh(int(typed["kwh"] * 1000)) if "kwh" in typed else None,
        max_time=int(typed["minutes"] * 60) if "minutes" in typed else None,
    )
    await person.station.wish(person.evse, limit)


async def _online(person: _Person) -> None:
    person.station.come_online()
    await asyncio.sleep(0)


# ── which words fit which verb ──────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Verb:
    act: Callable[[_Person, Step], Awaitable[None]]
    fits: Callable[[tuple[str, ...]], bool] = lambda words: not words


def _number(word: str) -> bool:
    try:
        return Decimal(word).is_finite() and Decimal(word) >= 0
    except InvalidOperation:
        return False


def _is_limit(word: str) -> bool:
    name, _, value = word.partition("=")
    return name in {"kwh", "minutes", "cost"} and _number(value)


def _is_wait(words: tuple[str, ...]) -> bool:
    match words:
        case (kind,):
            return kind in _KINDS
        case ("energy", amount):
            return amount.isdecimal()
        case _:
            return False


_VERBS: Final[Mapping[str, _Verb]] = {
    "plug": _Verb(
        lambda person, step: person.station.plug(person.evse, int(step.words[0]) if step.words else None),
        lambda words: not words or (len(words) == 1 and words[0].isdecimal()),
    ),
    "unplug": _Verb(lambda person, _: person.station.unplug(person.evse)),
    "swipe": _Verb(
        lambda person, step: person.station.swipe(person.evse, step.words[0]), lambda words: len(words) == 1
    ),
    "stop": _Verb(lambda person, _: person.station.stop(person.evse)),
    "limits": _Verb(_limits, lambda words: bool(words) and all(map(_is_limit, words))),
    "fault": _Verb(lambda person, step: person.station.fault(person.evse, *step.words), lambda words: len(words) <= 1),
    "pause": _Verb(
        lambda person, step: person.station.pause(person.evse, by_car=not step.words),
        lambda words: words in {(), ("station",)},
    ),
    "resume": _Verb(lambda person, _: person.station.resume(person.evse)),
    "blackout": _Verb(lambda person, _: person.station.black_out()),
    "clear": _Verb(lambda person, _: person.station.clear_fault(person.evse)),
    "offline": _Verb(lambda person, _: person.station.go_offline()),
    "online": _Verb(lambda person, _: _online(person)),
    "rest": _Verb(_rest, lambda words: len(words) == 1 and _number(words[0])),
    "wait": _Verb(_wait, _is_wait),
    "expect": _Verb(_expect, lambda words: len(words) == 1 and words[0] in _KINDS),
}
