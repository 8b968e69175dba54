"""What a conformance pass sends, and what it holds against every single answer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from evouch import wire
from evouch.clock import Clock, Entropy, Tick
from evouch.errors import PeerFault, Unreachable
from evouch.ids import Secret
from evouch.ocpi.addresses import AddressPolicy, BadAddress
from evouch.ocpi.authorization import header
from evouch.ocpi.codec import read
from evouch.ocpi.exchange import MAX_ANSWER
from evouch.ocpi.http import Request, Response, Transport
from evouch.ocpi.partner import V230

__all__ = ["Finding", "Level", "Looked", "Probe", "Report", "bad_time", "read_all"]

#: Seconds for one answer.
PATIENCE: Final = 10.0
OK: Final = 200

#: DateTime of types: UTC, with Z or without a designator, 25 characters at most.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,5})?Z?\Z", re.ASCII)


class Level(StrEnum):
    """How much a finding matters."""

    #: a rule is broken
    ERROR = "error"
    #: an advice is not followed, or something will hurt
    WARNING = "warning"
    #: how things are
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found: the rule that it breaks, where, and what was there instead."""

    level: Level
    rule: str
    where: str
    found: str = ""


@dataclass(slots=True)
class Report:
    """What a pass has found out."""

    url: str
    version: str = ""
    roles: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    requests: int = 0
    findings: list[Finding] = field(default_factory=list)
    #: rules that were looked at and hold, in order
    held: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether no rule is broken."""
        return all(each.level is not Level.ERROR for each in self.findings)

    def hold(self, rule: str, where: str, *, fine: bool, found: object = "", level: Level = Level.ERROR) -> bool:
        """Note whether a rule holds; the same finding at the same place once."""
        finding = Finding(level, rule, where, str(found)[:200])
        if fine:
            if rule not in self.held:
                self.held.append(rule)
        elif finding not in self.findings:
            self.findings.append(finding)
        return fine


@dataclass(frozen=True, slots=True)
class Looked:
    """An answer as it came. ``envelope`` is empty where there was none."""

    response: Response
    envelope: Mapping[str, Any]

    @property
    def status(self) -> int:
        """The status of HTTP."""
        return self.response.status

    @property
    def code(self) -> int | None:
        """The status code of OCPI, None where there was none."""
        code = self.envelope.get("status_code")
        return code if type(code) is int else None

    @property
    def data(self) -> Any:
        """What the envelope holds."""
        return self.envelope.get("data")

    @property
    def shown(self) -> str:
        """Both statuses, for a finding."""
        return f"HTTP {self.status}" + ("" if self.code is None else f" with status_code {self.code}")


class Probe:
    """Sends requests of a pass, and looks at the form of whatever comes back."""

    def __init__(
        self, transport: Transport, clock: Clock, entropy: Entropy, policy: AddressPolicy, report: Report
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._entropy = entropy
        self._policy = policy
        self.report = report
        self.plain = False

    async def look(
        self, method: str, url: str, token: Secret | None, *, where: str, body: Any = None, raw: bytes = b""
    ) -> Looked | None:
        """Return an answer, None where none came; that, and its form, are findings."""
        request_id, correlation_id = (str(UUID(bytes=self._entropy.bytes(16), version=4)) for _ in "12")
        headers = {"accept": "application/json", "x-request-id": request_id, "x-correlation-id": correlation_id}
        if token is not None:
            headers["authorization"] = header(token, plain=self.plain)
        if body is not None or raw:
            headers["content-type"] = "application/json"
        content = wire.encode(body) if body is not None else raw
        try:
            self._policy.check(url)
        except BadAddress as bad:
            self.report.hold("types: an address is public and https", where, fine=False, found=bad.description)
            return None
        self.report.requests += 1
        request = Request(method=method, url=url, headers=headers, body=content)
        try:
            response = await self._transport.send(request, by=Tick(self._clock.tick() + PATIENCE))
        except Unreachable as silent:
            self.report.hold("transport: a request is answered", where, fine=False, found=str(silent))
            return None
        return self._judged(response, where, {"x-request-id": request_id, "x-correlation-id": correlation_id})

    def _judged(self, response: Response, where: str, ids: Mapping[str, str]) -> Looked:
        hold = self.report.hold
        redirected = 300 <= response.status < 400  # noqa: PLR2004 - redirects of HTTP
        hold("transport: nothing is redirected", where, fine=not redirected, found=f"HTTP {response.status}")
        envelope = _envelope(response.body)
        looked = Looked(response, envelope)
        if response.status == OK or envelope:
            self._form(looked, where)
            for name, sent in ids.items():
                echoed = response.headers.get(name, "")
                hold(f"transport: {name} is repeated", where, fine=echoed == sent, found=echoed or "missing")
        return looked

    def _form(self, looked: Looked, where: str) -> None:
        hold, kind = self.report.hold, looked.response.headers.get("content-type", "")
        fine = kind.partition(";")[0].strip().lower() == "application/json"
        hold("transport: answers are application/json", where, fine=fine, found=kind or "missing")
        found = f"{len(looked.response.body)} bytes that are none"
        if hold("transport: an answer is an envelope", where, fine=looked.code is not None, found=found):
            time = str(looked.envelope.get("timestamp", "missing"))
            hold("types: DateTime is UTC, 25 characters at most", where, fine=not bad_time(time), found=time)


def bad_time(text: object) -> bool:
    """Return whether something is no DateTime as OCPI writes one."""
    return not (isinstance(text, str) and _TIME.match(text))


def _envelope(body: bytes) -> Mapping[str, Any]:
    try:
        document = wire.decode(body, max_bytes=MAX_ANSWER)
    except wire.MalformedJson:
        return {}
    return document if isinstance(document, dict) and "status_code" in document else {}


def read_all(report: Report, data: Any, kind: Any, where: str, version: str = V230) -> list[Any]:
    """Return the objects of a list that can be read; the others are findings."""
    if not report.hold(f"{where}: data is a list", where, fine=isinstance(data, list), found=type(data).__name__):
        return []
    found = []
    for each in data:
        try:
            found.append(read(each, kind, version))
        except PeerFault as fault:
            report.hold(f"{kind.__name__}: its members are those of the specification", where, fine=False,
                        found=fault.description)  # fmt: skip
    return found
