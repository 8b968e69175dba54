"""An operator and an eMSP that know each other, or are about to, with nothing between them but a web in memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from evouch.clock import Tick
from evouch.ids import PartyId
from evouch.ocpi.addresses import AddressPolicy
from evouch.ocpi.client import OcpiClient
from evouch.ocpi.partner import V221, V230, Partner, Role
from evouch.ocpi.partners import Ours, Partners
from evouch.ocpi.ports import Answer, Call, Listing
from evouch.ocpi.server import OcpiServer
from evouch.testing.clock import ManualClock, SeededEntropy
from evouch.testing.ocpi import Host, MemoryWeb


class Handlers:
    """Answers whatever it was told to, by the name of the row; lists are empty."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[Call], Any]] = {}
        self.calls: list[tuple[str, Call]] = []

    def __getattr__(self, name: str) -> Any:
        async def handle(call: Call) -> Any:
            self.calls.append((name, call))
            default: Any = Listing(objects=(), total=0) if call.page is not None else Answer()
            return self.answers[name](call) if name in self.answers else default

        return handle


@dataclass
class Side:
    """One actor: its partners, server, client, and what it wrote down."""

    role: Role
    party: PartyId
    url: str
    clock: ManualClock
    web: MemoryWeb
    versions: tuple[str, ...] = (V230, V221)
    policy: AddressPolicy = field(default_factory=AddressPolicy)
    written: list[tuple[Partner, str, str]] = field(default_factory=list)
    full: bool = False

    def __post_init__(self) -> None:
        self.entropy = SeededEntropy(self.url)
        self.ours = Ours(role=self.role, party=self.party, name=f"Name of {self.party}", base_url=self.url,
                         versions=self.versions)  # fmt: skip
        self.handlers = Handlers()
        self.restart()

    def restart(self) -> None:
        """Begin anew with what was written down."""
        self.partners = Partners(
            self.ours, self.web, self.clock, self.entropy, save=self._save, policy=self.policy, forget=self._forget
        )
        self.partners.load({partner.id: partner for partner, _, _ in self.written}.values())
        self.server = OcpiServer(
            self.role, self.handlers, self.partners, self.clock, self.entropy, base_url=self.url
        )  # fmt: skip
        self.client = OcpiClient(self.web, self.partners, self.ours, self.clock, self.entropy)
        self.host: Host = self.web.host(self.url, self.server.handle)

    def one(self) -> Partner:
        (partner,) = self.partners.all()
        return partner

    def by(self, seconds: float = 10.0) -> Tick:
        return Tick(self.clock.tick() + seconds)

    async def _save(self, partner: Partner, actor: str, action: str) -> None:
        if self.full:
            raise OSError("disk full")
        self.written.append((partner, actor, action))

    async def _forget(self, partner: Partner, actor: str) -> None:
        self.written = [each for each in self.written if each[0].id != partner.id]


@dataclass
class Pair:
    clock: ManualClock
    web: MemoryWeb
    cpo: Side
    emsp: Side

    @classmethod
    def new(cls, **cpo: Any) -> "Pair":
        clock = ManualClock()
        web = MemoryWeb(clock)
        return cls(
            clock, web,
            Side(Role.CPO, PartyId("DE", "CPO"), "https://cpo.test", clock, web, **cpo),
            Side(Role.EMSP, PartyId("NL", "MSP"), "https://emsp.test", clock, web),
        )  # fmt: skip

    async def known(self) -> None:
        """Let the operator have the eMSP's registration token."""
        token = await self.emsp.partners.invite("the-cpo", Role.CPO, actor="ann")
        await self.cpo.partners.add("the-emsp", Role.EMSP, f"{self.emsp.url}/ocpi/versions", token, actor="bob")

    async def registered(self) -> "Pair":
        await self.known()
        await self.cpo.partners.register("the-emsp", actor="bob")
        return self
