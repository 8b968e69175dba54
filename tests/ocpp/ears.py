"""Doubles for tests of the language layer: an ear that says what it is told to say, and a conversation to talk into."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from evouch.charging.dialogue import (
    BootAnswer,
    Booted,
    BootStatus,
    DataAnswer,
    DataReceived,
    DataStatus,
    Evidence,
    Link,
    SessionAnswer,
    SessionFact,
    StillThere,
    TimeAnswer,
)
from evouch.charging.equipment import Wiring
from evouch.ids import OcppVersion, StationId
from evouch.ocpp.conversation import Conversation
from evouch.ocpp.manners import MANNERS, Manners
from evouch.ocpp.translate import translator
from evouch.testing import ManualClock, SeededEntropy

STATION = StationId("CS*1")


@dataclass
class Ear:
    """A backend, or a station's ear. ``answers`` by type: a value, an exception, or a function of what was said."""

    clock: ManualClock
    answers: dict[type, Any] = field(default_factory=dict)
    heard: list[Any] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    joins: list[str] = field(default_factory=list)
    leaves: list[str] = field(default_factory=list)
    links: dict[str, Link] = field(default_factory=dict)
    #: connections that have proved their identity, as far as this backend cares
    proven: set[str] = field(default_factory=set)

    def hear(self, link: Any, said: Any, evidence: Evidence) -> Any:
        self.heard.append(said)
        self.evidence.append(evidence)
        answer = self.answers.get(type(said), self._usual(said))
        if isinstance(answer, Exception):
            raise answer
        return answer(said) if callable(answer) else answer

    def _usual(self, said: Any) -> Any:
        if isinstance(said, StillThere):
            return TimeAnswer(self.clock.now())
        if isinstance(said, Booted):
            return BootAnswer(BootStatus.ACCEPTED, self.clock.now(), 300)
        if isinstance(said, DataReceived):
            return DataAnswer(DataStatus.UNKNOWN_VENDOR)
        return SessionAnswer() if isinstance(said, SessionFact) else None

    def joined(self, link: Link) -> None:
        self.joins.append(link.connection)
        self.links[link.connection] = link

    def left(self, link: Link) -> None:
        self.leaves.append(link.connection)

    def defends(self, link: Link) -> bool:
        return link.connection in self.proven


@dataclass
class Talk:
    """One end of a conversation with nobody at the other: frames go in by hand, and come out into a list."""

    version: OcppVersion
    csms: bool = True
    clock: ManualClock = field(default_factory=ManualClock)
    out: list[bytes] = field(default_factory=list)
    woken: int = 0
    manners: Manners = MANNERS

    def __post_init__(self) -> None:
        self.ear = Ear(self.clock)
        self.conversation = Conversation(
            station=STATION,
            translator=translator(self.version, Wiring(self.version)),
            csms=self.csms,
            hear=self.ear.hear,
            send=self.out.append,
            clock=self.clock,
            entropy=SeededEntropy(),
            connection="c1",
            manners=self.manners,
            wake=self._wake,
        )

    def _wake(self) -> None:
        self.woken += 1

    def say(self, *message: Any) -> None:
        """Let the other side say ``message``."""
        self.conversation.receive(json.dumps(message).encode())

    def said(self) -> list[Any]:
        """Return what went out since the last time, decoded."""
        frames = [json.loads(frame) for frame in self.out]
        self.out.clear()
        return frames

    def answer(self, reply: Callable[[Any], Any] | Any) -> Any:
        """Answer the one CALL that went out; return it."""
        (call,) = self.said()
        self.say(3, call[1], reply(call) if callable(reply) else reply)
        return call
