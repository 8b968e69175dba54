"""Operators that are registered at an eMSP, what they send to its sign oracle, and what has to come back.

Requests are those of our own client, header by header. The key of the oracle is known here, so that every
answer can be compared with the point that it has to be.
"""

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Final

from evouch import wire
from evouch.cli.keys import keys_in, private_folder
from evouch.clock import SystemClock, SystemEntropy
from evouch.ids import PartyId, Secret
from evouch.ocpi.authorization import digest, header
from evouch.ocpi.exchange import routing
from evouch.ocpi.partner import V230, Partner, PartnerState, Role
from evouch.oprf.client import blind
from evouch.oprf.keys import PrivateKey
from evouch.oprf.server import Evaluator
from evouch.store.ports import Put
from evouch.store.records_roaming import OprfKey
from evouch.store.sealing import Sealer
from evouch.store.sql import SqlStore

__all__ = ["EMSP", "KEY", "Line", "Operator", "Question", "oprf_key", "sow"]

#: The oracle's key, the same in every process of a bench.
KEY: Final = PrivateKey.derive(hashlib.sha256(b"bench").digest())
#: Who is asked.
EMSP: Final = PartyId("DE", "EMS")
SINCE: Final = datetime(2026, 11, 1, tzinfo=UTC)
_ENTROPY: Final = SystemEntropy()


@dataclass(frozen=True, slots=True)
class Question:
    """A request as it is sent, and the body that answers it, as far as it is not a time."""

    sent: bytes
    right: bytes


@dataclass(frozen=True, slots=True)
class Operator:
    """One partner of the eMSP. ``evses`` is the size of its budget."""

    id: str
    party: PartyId
    evses: int

    @classmethod
    def several(cls, count: int, evses: int, *, prefix: str = "cpo") -> "list[Operator]":
        """Return ``count`` operators of one size."""
        return [cls(f"{prefix}-{number}", PartyId("NL", f"{number:03X}"), evses) for number in range(count)]

    @property
    def token(self) -> Secret:
        """What it sends to be let in."""
        return Secret(f"token of {self.id}".replace(" ", "-").ljust(64, "."))

    @property
    def partner(self) -> Partner:
        """The operator as the eMSP knows it. It lists no modules: nothing is read from it during a bench."""
        return Partner(
            id=self.id, role=Role.CPO, state=PartnerState.REGISTERED, parties=(self.party,), version=V230,
            token_in=digest(self.token), registered_at=SINCE, evses=self.evses,
        )  # fmt: skip

    def questions(self, count: int) -> list[Question]:
        """Return requests for ``count`` vehicles, each blinded afresh."""
        evaluate = Evaluator(KEY).evaluate
        elements = (bytes(blind(number.to_bytes(6, "big"), _ENTROPY)[1]) for number in range(count))
        return [Question(self._request(element), evaluate(element).hex().encode()) for element in elements]

    def _request(self, element: bytes) -> bytes:
        body = wire.encode({"blinded_element": element.hex()})
        id = _ENTROPY.id()
        headers = {
            "host": "127.0.0.1", "authorization": header(self.token), "accept": "application/json",
            "x-request-id": id, "x-correlation-id": id, **routing(EMSP, self.party),
            "content-type": "application/json", "accept-encoding": "identity", "user-agent": "evouch",
            "content-length": str(len(body)),
        }  # fmt: skip
        lines = [f"POST /ocpi/{V230}/oprf/sign HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + body


def oprf_key() -> OprfKey:
    """Return the oracle's key as the store keeps it."""
    return OprfKey(
        id=hashlib.sha256(KEY.public()).hexdigest()[:16], key=Secret(KEY.key_bytes.reveal().hex()), created_at=SINCE
    )


async def sow(state: Path, operators: Sequence[Operator]) -> None:
    """Write the state folder of an eMSP that has these operators as partners."""
    seal = keys_in(None, private_folder(state) / "keys" / "seal", _ENTROPY)
    store = await SqlStore.open(
        f"sqlite:///{state / 'evouch.db'}", clock=SystemClock(), seal=Sealer(*seal, entropy=_ENTROPY)
    )
    await store.commit(Put(oprf_key()), *(Put(each.partner) for each in operators))
    await store.close()


@dataclass(slots=True, eq=False)
class Line(asyncio.Protocol):
    """A connection that is kept open: one question at a time, the next when the last one is answered."""

    questions: Iterator[Question]
    wrong: list[str]
    refused: int = 0
    _transport: asyncio.Transport | None = None
    _answer: asyncio.Future[bytes] | None = None
    _read: bytearray = field(default_factory=bytearray)

    @classmethod
    async def opened(cls, port: int, questions: Sequence[Question], wrong: list[str], *, first: int = 0) -> "Line":
        """Connect; ``wrong`` is where answers are written that are not the right point."""
        turned = [*questions[first % len(questions) :], *questions[: first % len(questions)]]
        line = cls(cycle(turned), wrong)
        await asyncio.get_running_loop().create_connection(lambda: line, "127.0.0.1", port)
        return line

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Collect one answer."""
        self._read += data
        head = self._read.find(b"\r\n\r\n")
        if head < 0:
            return
        length = self._read.lower().index(b"content-length: ", 0, head + 2) + 16
        whole = head + 4 + int(self._read[length : self._read.index(b"\r\n", length)])
        if len(self._read) >= whole and self._answer is not None and not self._answer.done():
            self._answer.set_result(bytes(self._read))
            self._read.clear()

    def connection_lost(self, exc: Exception | None) -> None:
        """Say so where somebody waits."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("the server hung up"))

    async def ask(self) -> bool:
        """Ask the next question; return whether it was answered with a signature. Wrong ones are written down."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionError("the server hung up")
        question = next(self.questions)
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(question.sent)
        answer = await self._answer
        if answer.startswith(b"HTTP/1.1 429 "):
            self.refused += 1
            return False
        if not answer.startswith(b"HTTP/1.1 200 ") or question.right not in answer:
            self.wrong.append(answer[:15].decode("latin-1") + " " + answer[-200:].decode("latin-1"))
        return True

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()
