"""A mock partner with everything around it: its partners, its server with faults, its client."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from evouch.charging.vehicles import Vehicle
from evouch.clock import Clock, Entropy, Tick
from evouch.errors import PeerRefused, Unreachable
from evouch.ids import PartyId, Secret
from evouch.ocpi import model as m
from evouch.ocpi.addresses import AddressPolicy
from evouch.ocpi.client import OcpiClient
from evouch.ocpi.http import Request, Response, Transport
from evouch.ocpi.partner import Partner, PartnerState, Role
from evouch.ocpi.partners import Ours, Partners
from evouch.ocpi.server import OcpiServer
from evouch.testing.mock_cpo import MockCpo
from evouch.testing.mock_emsp import MockEmsp
from evouch.testing.ocpi import Faults

__all__ = ["FAULTS", "PARTIES", "PARTNER", "MockService"]

#: Who the mocks are, unless they are told: no operator has two partners of one party.
PARTIES: Final = {Role.EMSP: PartyId("NL", "MCK"), Role.CPO: PartyId("NL", "MCO")}
#: Names of faults, and whether they take a number.
FAULTS: Final = {"slow": True, "status": True, "rate-limit": True, "partial": False, "one-item-pages": False,
                 "wrong-point": False}  # fmt: skip
#: The mock's name for whoever it is tried by.
PARTNER: Final = "you"
#: Seconds after which a rate limit lets as many requests through again.
WINDOW: Final = 10
#: Parts of a path that faults leave alone: a registration has to work for anything else to be tried.
_SPARED: Final = ("credentials", "versions")

Tell = Callable[..., None]


class MockService:
    """One mock partner at ``base_url``; serve it with :meth:`handle`."""

    def __init__(
        self,
        role: Role,
        base_url: str,
        transport: Transport,
        clock: Clock,
        entropy: Entropy,
        *,
        faults: Mapping[str, float] | None = None,
        asks: float | None = None,
        tell: Tell = lambda *_, **__: None,
        policy: AddressPolicy | None = None,
        party: PartyId | None = None,
        name: str = "",
    ) -> None:
        party = party or PARTIES[role]
        ours = Ours(role=role, party=party, name=name or f"Mock {role}", base_url=base_url)
        self.role, self._clock, self._tell = role, clock, tell
        self.partners = Partners(
            ours, transport, clock, entropy, save=self._save, policy=policy or AddressPolicy.development()
        )
        self.client = OcpiClient(transport, self.partners, ours, clock, entropy)
        self.emsp = MockEmsp(party, clock, entropy, self._push, tell, asks, self._later)
        self.cpo = MockCpo(party, clock, entropy, self.partners, self.client, tell, self._later)
        handlers: Any = self.emsp if role is Role.EMSP else self.cpo
        self._server = OcpiServer(role, handlers, self.partners, clock, entropy, base_url=base_url)
        self._faulty = Faults(self._server.handle, clock)
        self._allowance = int((faults or {}).get("rate-limit", 0))
        self._window, self._asked = Tick(clock.tick()), 0
        self._set(faults or {})
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def other(self) -> Role:
        """What a partner of this mock is."""
        return Role.CPO if self.role is Role.EMSP else Role.EMSP

    async def invite(self) -> Secret:
        """Return a registration token for whoever wants to register here."""
        return await self.partners.invite(PARTNER, self.other, actor="mock")

    async def join(self, versions_url: str, token: Secret) -> Partner:
        """Register at a partner with the token that it gave."""
        await self.partners.add(PARTNER, self.other, versions_url, token, actor="mock")
        return await self.partners.register(PARTNER, actor="mock")

    async def handle(self, request: Request, *, address: str = "") -> Response:
        """Answer a request, through the faults that are set, and tell of it."""
        path = request.url.partition("?")[0]
        spared = path.count("/") <= len(["ocpi", "versions"]) or any(each in path for each in _SPARED)
        if spared:
            response = await self._server.handle(request, address=address)
        elif self._over_limit():
            response = Response(status=429, headers={"retry-after": str(WINDOW)})
        else:
            response = await self._faulty.handle(request, address=address)
        self._tell("request", method=request.method, path=path, status=response.status)
        return response

    def admits(self, authorization: str) -> bool:
        """Return whether a token counts for anything here."""
        return self._server.admits(authorization)

    async def close(self) -> None:
        """Drop what was to be done later."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _set(self, faults: Mapping[str, float]) -> None:
        known: dict[str, Callable[[float], None]] = {
            "slow": self._faulty.slow,
            "status": lambda status: self._faulty.status(int(status)),
            "partial": lambda _: self._faulty.partial(),
            "one-item-pages": lambda _: self._faulty.one_item(),
            "wrong-point": lambda _: self._faulty.wrong_point(),
        }
        for name, value in faults.items():
            if name in known:
                known[name](value)

    def _over_limit(self) -> bool:
        if not self._allowance:
            return False
        now = self._clock.tick()
        if now >= self._window + WINDOW:
            self._window, self._asked = now, 0
        self._asked += 1
        return self._asked > self._allowance

    async def _save(self, partner: Partner, actor: str, action: str) -> None:
        if partner.state is PartnerState.INVITED:
            return  # who invites knows, and the first line that is printed is the invitation itself
        self._tell("partner", partner=partner.id, state=partner.state.value, did=action, by=actor)

    async def _push(self, partner: Partner, vehicle: Vehicle) -> None:
        current = self.partners.get(partner.id) or partner
        try:
            await self.client.put_vehicle(current, m.VehicleObject.of(vehicle), by=Tick(self._clock.tick() + 5))
        except (PeerRefused, Unreachable) as problem:
            self._tell("push failed", error=type(problem).__name__)

    def _later(self, seconds: float, deed: Callable[[], Awaitable[None]]) -> None:
        async def do() -> None:
            await self._clock.sleep_until(Tick(self._clock.tick() + seconds))
            try:
                await deed()
            except (PeerRefused, Unreachable) as problem:
                self._tell("push failed", error=type(problem).__name__)

        task = asyncio.get_running_loop().create_task(do())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
