"""The eMSPs of the demo: two services on this machine, registered with the operator as any eMSP would be."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from evouch.cli.demo_town import PROVIDERS, ProviderEntry, emsp_config
from evouch.cli.serve import CpoService
from evouch.cli.serve_emsp import EmspService
from evouch.clock import Clock, Entropy
from evouch.emsp.app import Emsp
from evouch.errors import LocalError, Refused
from evouch.ids import ContractId, PartyId, Secret, Vid
from evouch.ocpi.partner import Role
from evouch.store.records_roaming import Car, EmspSession, Invoice, Notice, NoticeState
from evouch.web.emsp_desk import phone_link

__all__ = ["DRIVER", "Provider", "introduce", "providers", "shown"]

#: Who does what the demo does, for the audit.
BY: Final = "demo"
#: The operator, as the eMSPs call it.
OPERATOR: Final = "sampletown"
#: The driver, at both eMSPs.
DRIVER: Final = "robin"
NAME: Final = "Robin"
#: How to play it by hand; the buttons stand under the displays, the questions on the phone.
HOW: Final = (
    "plug car 1 in at DEMO-16, swipe the card, and say yes on the phone; unplug. From then on it starts by itself: "
    "plug it in at DEMO-201. At DEMO-21, 600 km away, it is refused, and the phone asks"
)
#: A model whose address stays the same.
_CAR: Final = Car(make="Example", model="Hatchback")


class Provider:
    """An eMSP, and its customer's side of it."""

    def __init__(self, entry: ProviderEntry, service: EmspService) -> None:
        self.entry, self.service = entry, service
        #: what the driver's phone logs in with
        self.login: Secret

    @property
    def emsp(self) -> Emsp:
        """The eMSP itself."""
        return self.service.emsp

    @property
    def party(self) -> PartyId:
        """Who it is over OCPI."""
        return self.emsp.terms.party

    async def enrol_driver(self) -> None:
        """Have a customer with a car, a card, and a phone."""
        drivers, contract = self.emsp.drivers, ContractId(self.entry.contract)
        try:
            driver = await drivers.add(NAME, contract, actor=BY, id=DRIVER, cars=(_CAR,))
        except Refused:  # the folder is an old one
            driver = await drivers.get(DRIVER)
        await self.emsp.tokens.add(self.entry.card, driver, actor=BY)
        self.login = await drivers.issue_login(DRIVER, actor=BY)

    # ── what the driver sees on the phone ──

    async def notices(self, kind: str, vid: Vid | None) -> list[Notice]:
        """Return what was told and asked of one kind about a vehicle, newest first; None: about any."""
        found = await self.emsp.phone.notices(DRIVER)
        return [each for each in found if each.kind == kind and vid in {None, each.vid}]

    async def latest(self, kind: str, vid: Vid | None = None) -> Notice | None:
        """Return the newest of them, if it waits for an answer."""
        found = await self.notices(kind, vid)
        return found[0] if found and found[0].state is NoticeState.OPEN else None

    async def sessions(self) -> list[EmspSession]:
        """Return the driver's charges, newest first."""
        return await self.emsp.phone.sessions(DRIVER)

    async def completed(self, session: str) -> EmspSession | None:
        """Return a charge, once it is over."""
        found = (each for each in await self.sessions() if each.id == session and each.status == "COMPLETED")
        return next(found, None)

    async def bill(self, session: str) -> Invoice | None:
        """Return the bill of a charge, once it is there."""
        found = await self.emsp.phone.invoices(DRIVER)
        return next((each for each in found if each.session.casefold() == session.casefold()), None)


async def providers(state: Path, clock: Clock, entropy: Entropy) -> list[Provider]:
    """Start both eMSPs."""
    started = [
        Provider(entry, EmspService(emsp_config(state, entry), clock=clock, entropy=entropy)) for entry in PROVIDERS
    ]
    await asyncio.gather(*(each.service.start() for each in started))
    return started


async def introduce(operator: CpoService, found: Sequence[Provider]) -> None:
    """Register the operator at each of them with a token that it was invited with, and give each a customer."""
    await asyncio.gather(*(_introduce(operator, each) for each in found))


async def _introduce(operator: CpoService, provider: Provider) -> None:
    here, there, id = operator.cpo.partners, provider.emsp.partners, provider.entry.id
    if here is None:
        raise LocalError("the operator of the demo takes part in roaming")
    if here.get(id) is not None:  # of an earlier demo in the same folder, at another address
        await here.remove(id, actor=BY)
    if there.get(OPERATOR) is not None:
        await there.remove(OPERATOR, actor=BY)
    token = await there.invite(OPERATOR, Role.CPO, actor=BY)
    await here.add(id, Role.EMSP, provider.service.versions_url, token, actor=BY, name=provider.entry.name)
    await here.register(id, actor=BY)
    await provider.enrol_driver()


def shown(found: Sequence[Provider]) -> dict[str, str]:
    """Return where to look at the eMSPs, and what their driver has."""
    lines: dict[str, str] = {}
    for each in found:
        service, name = each.service, each.entry.name
        password = service.config.state / "keys" / "operator-password"
        lines |= {
            f"{name}, phone of {NAME}": phone_link(service.http_url, each.login),
            f"{name}, card of {NAME}": each.entry.card,
            f"{name}, staff": f"{service.http_url}/staff",
            f"{name}, staff login": f"operator / {password.read_text().strip()}",
            f"{name}, OCPI": service.versions_url,
        }
    return lines | {"a car by hand": HOW}
