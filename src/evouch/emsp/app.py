"""The eMSP put together: its use-cases, its server for operators, and what happens between them.

Nothing here opens a socket or reads a file: the shell hands in a store, the way to partners, a
clock and chance, and calls :meth:`Emsp.load` before anybody asks and :meth:`Emsp.run` beside the
servers.
"""

from datetime import timedelta
from typing import Final

from evouch.charging.agenda import Agenda
from evouch.clock import Clock, Entropy
from evouch.emsp.accounts import Accounts
from evouch.emsp.authorizing import Authorizing
from evouch.emsp.book import Book
from evouch.emsp.circle import Circle
from evouch.emsp.commands import Commands
from evouch.emsp.confirming import Confirming
from evouch.emsp.conflicts import Conflicts
from evouch.emsp.contexts import Contexts, checks_of
from evouch.emsp.desk import Desk
from evouch.emsp.drivers import Drivers
from evouch.emsp.eligibility import ModelList, VehicleEligibility
from evouch.emsp.enrolling import Enrolling
from evouch.emsp.invoices import Invoices
from evouch.emsp.keys import Keys
from evouch.emsp.notices import Notices
from evouch.emsp.ocpi_handlers import Handlers
from evouch.emsp.oracle import SignOracle
from evouch.emsp.phone import Phone
from evouch.emsp.places import Places
from evouch.emsp.privacy import Privacy
from evouch.emsp.reading import KINDS, Reading
from evouch.emsp.sessions import Sessions
from evouch.emsp.stopping import Stopping
from evouch.emsp.terms import EmspTerms
from evouch.emsp.tokens import Tokens
from evouch.emsp.upkeep import Upkeep
from evouch.emsp.vehicles import Vehicles
from evouch.emsp.watching import SignWatch
from evouch.ids import KeyBytes
from evouch.ocpi.addresses import AddressPolicy
from evouch.ocpi.client import OcpiClient
from evouch.ocpi.http import Transport
from evouch.ocpi.partner import Partner, PartnerSync, Role
from evouch.ocpi.partners import Ours, Partners
from evouch.ocpi.pushing import Polling, PollTerms, Pusher
from evouch.ocpi.server import OcpiServer
from evouch.store.operators import Operators
from evouch.store.ports import Delete, Put, Store

__all__ = ["Emsp"]

#: Seconds until a new partner is told what we have: one that registers here has not kept our answer yet.
INTRODUCTION: Final = 3.0


class Emsp:
    """An e-mobility service provider.

    Public parts: ``ocpi`` (the server), ``partners``, ``phone`` (drivers), ``desk`` (staff), ``drivers``,
    ``tokens``, ``watch`` (the sign oracle's), ``operators`` (logins of staff), ``polling`` and ``pusher``.
    """

    def __init__(
        self, *, store: Store, terms: EmspTerms, clock: Clock, entropy: Entropy, transport: Transport,
        pepper: KeyBytes, eligibility: VehicleEligibility | None = None,
    ) -> None:  # fmt: skip
        self.store, self.terms, self.clock = store, terms, clock
        self.agenda = Agenda(clock)
        self.book = book = Book(store, clock, entropy, terms)
        ours = Ours(
            role=Role.EMSP, party=terms.party, name=terms.name, website=terms.website, base_url=terms.base_url,
            versions=terms.versions,
        )  # fmt: skip
        self.partners = Partners(
            ours, transport, clock, entropy, save=self._save, policy=_policy(terms), forget=self._forget
        )
        self.calls = OcpiClient(transport, self.partners, ours, clock, entropy)

        # what is known
        self.keys = Keys(book)
        self.oracle = SignOracle(book, Accounts(store), self.keys)
        self.drivers = Drivers(book, self.agenda, eligibility or ModelList.of(terms), pepper)
        self.notices = Notices(book)
        self.tokens = Tokens(book)
        self.vehicles = Vehicles(book, self.drivers, self.notices, self.keys)
        self.places = Places(book, self.partners, self.agenda)
        self.sessions = Sessions(book, self.places, self.notices, self.oracle)
        self.invoices = Invoices(book, self.sessions)
        self.watch = SignWatch(book, self.oracle, self.partners, self.agenda)
        self.upkeep = Upkeep(book, self.agenda, self.keys, self.vehicles)
        self.operators = Operators(book, clock, entropy, pepper)

        # what is sent and read
        self.circle = Circle(book, self.partners, self.calls, self.tokens)
        self.pusher = self.circle.pusher = Pusher(
            clock, entropy, self.agenda, find=self.partners.get, save=self._save_sync, resend=self.circle.resend
        )
        self.tokens.changed, self.vehicles.changed = self.circle.token, self.circle.vehicle
        reading = Reading(book, self.calls, self.places, self.sessions, self.invoices)
        self.polling = Polling(
            clock, entropy, self.agenda, find=self.partners.get, save=self._save_sync, read=reading.read,
            terms=PollTerms(period=terms.polling_hours * 3600, overlap=timedelta(seconds=terms.polling_overlap)),
        )  # fmt: skip

        # what is asked of it
        commands = Commands(book, self.partners, self.calls, self.notices, self.agenda)
        confirming = Confirming(
            book, self.drivers, self.notices, commands, self.places, self.tokens, self.partners
        )  # fmt: skip
        stopping = Stopping(book, self.sessions, self.notices, commands, self.partners)
        authorizing = Authorizing(
            book, self.drivers, self.tokens, Contexts(book, self.places), self.notices, self.keys,
            checks_of(terms),
        )  # fmt: skip
        enrolling = Enrolling(book, self.drivers, self.vehicles, self.notices, self.keys)
        self.commands = commands
        self.handlers = Handlers(
            self.tokens, authorizing, self.places, self.sessions, self.invoices, commands, self.vehicles, enrolling,
            Conflicts(book, self.notices), self.oracle,
        )  # fmt: skip
        self.ocpi = OcpiServer(Role.EMSP, self.handlers, self.partners, clock, entropy, base_url=terms.base_url)
        self.phone = Phone(
            self.drivers, self.vehicles, self.notices, confirming, stopping, self.sessions, self.invoices
        )  # fmt: skip
        privacy = Privacy(book, self.drivers, self.tokens, self.vehicles)
        self.desk = Desk(book, self.vehicles, self.keys, self.oracle, privacy, self.upkeep)

    async def load(self) -> None:
        """Read the store and take up what was under way when it was last written; makes the key at the first start."""
        await self.keys.load()
        await self.oracle.load()
        await self.drivers.load()
        await self.operators.load()
        self.partners.load(await self.store.partners())
        syncs = await self.store.partner_syncs()
        self.pusher.load(each for each in syncs if each.module not in KINDS)
        self.polling.load(each for each in syncs if each.module in KINDS)
        for partner in self.partners.registered():
            self._read(partner)
        await self.commands.load()
        self.watch.begin()
        self.upkeep.begin()

    async def run(self) -> None:
        """Keep what was promised, until cancelled."""
        await self.agenda.run()

    # ── partners come and go ──

    async def _save(self, partner: Partner, actor: str, action: str) -> None:
        """Write a partner; one that has just registered, or moved its endpoints, is read, and told what we have."""
        before = self.partners.get(partner.id)
        await self.store.commit(Put(partner), self.book.audit(actor, action, partner.id))
        if not partner.registered:
            self.polling.stop(partner.id)
        elif before is None or not before.registered or before.endpoints != partner.endpoints:
            self._read(partner, new=True)
            self.agenda.after(INTRODUCTION, ("introduce", partner.id), lambda: self.circle.introduce(partner.id))

    async def _forget(self, partner: Partner, actor: str) -> None:
        self.polling.forget(partner.id)
        self.pusher.forget(partner.id)
        agreed = [each for each in await self.store.partner_syncs() if each.partner == partner.id]
        audit = self.book.audit(actor, "remove partner", partner.id)
        await self.store.commit(Delete(partner), *map(Delete, agreed), audit)

    async def _save_sync(self, sync: PartnerSync) -> None:
        await self.store.commit(Put(sync))

    def _read(self, partner: Partner, *, new: bool = False) -> None:
        for module in KINDS:
            if partner.endpoint(module, "SENDER"):
                self.polling.start(partner, module, new=new)


def _policy(terms: EmspTerms) -> AddressPolicy:
    if terms.private_addresses:
        return AddressPolicy.development()
    return AddressPolicy(hosts=frozenset(each.lower() for each in terms.private_hosts))
