"""A backend of other hands that wants a proof before it accepts anybody: ``ocpp`` with the checks of a stranger."""

import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import ocpp.exceptions

from tests.interop import office
from tests.interop.office import Office
from tests.interop.proofs import failure
from tests.interop.strangers import Tape, after, utc

__all__ = ["MODELS", "Examiner"]


@dataclass
class Examiner(Office):
    """What the backend knows, and what it has found out. ``key`` is enrolled for the station ``name``."""

    key: Any = None
    name: str = "OURS*1"
    difficulty: int = 0
    #: sends its challenges, and never anything else, with this nonce; empty: a fresh one each time
    nonce: str = ""
    proven: bool = False
    #: answers as they came, and what was wrong with each
    proofs: list[Any] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def boot(self) -> tuple[str, int]:
        return ("Accepted", 60) if self.proven else ("Pending", 2)

    def judge(self, answer: Any, nonce: str) -> None:
        self.proofs.append(answer)
        self.faults.append(failure(answer, key=self.key, station=self.name, nonce=nonce))
        self.proven = not self.faults[-1]


@dataclass
class SignedChallenge:
    """The package names a CALL by its class, and looks for an answer of the same name."""

    nonce: str
    timestamp: str
    difficulty: int


class Challenger(office.Desk):
    """A desk that challenges after every boot that it does not accept."""

    examiner: Examiner
    call: Any

    def sit_down(self, office: Office, tape: Tape) -> None:
        super().sit_down(office, tape)
        assert isinstance(office, Examiner)
        self.examiner = office
        self._call_result = SimpleNamespace(**vars(self._call_result), SignedChallenge=dict)

    @after("BootNotification")
    async def after_boot(self, **_: Any) -> None:
        if not self.examiner.proven:
            with suppress(ocpp.exceptions.OCPPError):  # the refusal is on the tape
                await self.challenge()

    async def challenge(self) -> None:
        """Ask, judge what was on the wire, and have the station boot again if it is the one it says it is."""
        here = self.examiner
        nonce = here.nonce or secrets.token_urlsafe(32)
        said = SignedChallenge(nonce, utc(datetime.now(UTC)), here.difficulty)
        await self.call(said, suppress=False, skip_schema_validation=True)
        id = next(frame[1] for frame in reversed(self.tape.said) if frame[0] == 2)
        here.judge(self.tape.answer(id)[2], nonce)
        if here.proven:
            await self.call(self._call.TriggerMessage(requested_message="BootNotification"), suppress=False)


class Challenger16(Challenger, office.Old):
    """A 1.6 backend with a list of keys."""


class Challenger201(Challenger, office.Modern201):
    """A 2.0.1 backend with a list of keys."""


class Challenger21(Challenger, office.Modern21):
    """A 2.1 backend with a list of keys."""


MODELS: dict[str, type[Any]] = {"ocpp1.6": Challenger16, "ocpp2.0.1": Challenger201, "ocpp2.1": Challenger21}
