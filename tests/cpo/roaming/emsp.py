"""An honest eMSP for an operator's tests: real server, real oracle, real registration, and rules a test sets."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec

from evouch.charging.vehicles import AutoChargeStatus, Vehicle
from evouch.ids import ContractId, KeyBytes, PartyId, Vid
from evouch.ocpi import model as m
from evouch.ocpi.partner import V221, V230, Role
from evouch.ocpi.partners import Ours, Partners
from evouch.ocpi.ports import Answer, Call, Listing, OcpiRefusal, Page
from evouch.ocpi.server import OcpiServer, ServerTerms
from evouch.oprf.element import parse_hex
from evouch.oprf.keys import PrivateKey
from evouch.oprf.server import Evaluator
from evouch.testing.clock import ManualClock, SeededEntropy
from evouch.testing.ocpi import MemoryWeb


@dataclass
class Emsp:
    """One eMSP. What it is told is in ``sessions``, ``cdrs``, ``bindings``, ``conflicts``, ``results``, ``puts``."""

    id: str
    party: PartyId
    web: MemoryWeb
    clock: ManualClock
    vehicles_module: bool = True
    versions: tuple[str, ...] = (V230, V221)
    #: what it answers to a token: a word of Allowed, or None for a token that it does not know
    verdicts: dict[str, str | None] = field(default_factory=dict)
    reference: str | None = "REF-1"
    #: sessions that a binding needs are known, unless this many more tries are to fail
    forgets: int = 0
    own_vehicles: dict[str, Vehicle] = field(default_factory=dict)
    own_tokens: list[m.Token] = field(default_factory=list)
    sessions: dict[str, list[m.Session]] = field(default_factory=dict)
    cdrs: list[m.Cdr] = field(default_factory=list)
    bindings: list[m.RegisterVehicle] = field(default_factory=list)
    conflicts: list[m.ConflictNotice] = field(default_factory=list)
    results: list[tuple[str, str]] = field(default_factory=list)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    signed: int = 0
    puts: list[tuple[str, Any]] = field(default_factory=list)
    #: what the next POST vehicles makes of a vehicle that is new
    grants: AutoChargeStatus = AutoChargeStatus.GRANTED

    def __post_init__(self) -> None:
        self.url = f"https://{self.id}.test"
        entropy = SeededEntropy(self.url)
        self.evaluator = Evaluator(PrivateKey.derive(KeyBytes(self.id.encode().ljust(32, b"x"))))
        ours = Ours(role=Role.EMSP, party=self.party, name=self.id, base_url=self.url, versions=self.versions)

        async def save(*_what: Any) -> None:
            return None

        self.partners = Partners(ours, self.web, self.clock, entropy, save=save)
        told = None if self.vehicles_module else frozenset[str]()
        self.server = OcpiServer(
            Role.EMSP, self, self.partners, self.clock, entropy, base_url=self.url,
            terms=ServerTerms(vehicles_for=told),
        )  # fmt: skip
        self.host = self.web.host(self.url, self.server.handle)

    # ── what a test does with it ──

    def vid(self, mac: str) -> Vid:
        return Vid(self.evaluator.output(bytes.fromhex(mac)).hex())

    def vehicle(self, mac: str, status: AutoChargeStatus = AutoChargeStatus.GRANTED, **more: Any) -> Vehicle:
        now = more.pop("at", None) or self.clock.now()
        granted = now if status is AutoChargeStatus.GRANTED else None
        return Vehicle(
            owner=self.party, vid=self.vid(mac), contract=ContractId(more.pop("contract", f"{self.id.upper()}-C1")),
            status=status, created=now, authorized=granted, revoked=None if granted else now,
        )  # fmt: skip

    def token(self, uid: str, whitelist: str = "NEVER", **more: Any) -> m.Token:
        base = m.Token(
            country_code=self.party.country, party_id=self.party.party, uid=uid, type="RFID", valid=True,
            contract_id=f"{self.id.upper()}-C1", issuer=self.id, whitelist=whitelist, last_updated=self.clock.now(),
        )  # fmt: skip
        return msgspec.structs.replace(base, **more)

    @property
    def cpo(self) -> Any:
        """The operator as this eMSP knows it."""
        return self.partners.all()[0]

    def seen(self, session: str) -> list[str]:
        return [each.status for each in self.sessions.get(session, [])]

    @property
    def last(self) -> m.Session:
        return next(reversed(self.sessions.values()))[-1]

    # ── EmspHandlers ──

    async def tokens(self, call: Call) -> Listing:
        return Listing(objects=tuple(self.own_tokens), total=len(self.own_tokens))

    async def authorize(self, call: Call) -> Answer:
        uid, kind = call.params["token_uid"], call.query["type"]
        self.asked.append((uid, kind, call.body))
        verdict = self.verdicts.get(uid, "ALLOWED")
        if verdict is None:
            raise OcpiRefusal(2004, "unknown token", http=404)
        vehicle = self.own_vehicles.get(uid)
        contract = str(vehicle.contract) if vehicle else f"{self.id.upper()}-C1"
        token = self.token(uid, type=kind, contract_id=contract, valid=verdict == "ALLOWED")
        info = m.AuthorizationInfo(allowed=verdict, token=token, location=call.body,
                                   authorization_reference=self.reference)  # fmt: skip
        return Answer(data=info)

    async def put_session(self, call: Call) -> Answer:
        new = call.body.id not in self.sessions
        self.sessions.setdefault(call.body.id, []).append(call.body)
        return Answer(http=201 if new else 200)

    async def post_cdr(self, call: Call) -> Answer:
        if call.body.id in {each.id for each in self.cdrs}:
            raise OcpiRefusal(2001, "known already")
        self.cdrs.append(call.body)
        return Answer(http=201, headers={"location": f"{self.url}/ocpi/2.3.0/cdrs/{call.body.id}"})

    async def put_location(self, call: Call) -> Answer:
        self.puts.append(("/".join(call.params.values()), call.body))
        return Answer()

    async def put_tariff(self, call: Call) -> Answer:
        self.puts.append(("/".join(call.params.values()), call.body))
        return Answer()

    async def command_result(self, call: Call) -> Answer:
        self.results.append((call.params["uid"], call.body.result))
        return Answer()

    async def vehicles(self, call: Call) -> Listing:
        page = call.page or Page()
        found = [each for each in self.own_vehicles.values() if page.since is None or each.last_updated >= page.since]
        return Listing(objects=tuple(m.VehicleObject.of(each) for each in found), total=len(found))

    async def post_vehicle(self, call: Call) -> Answer:
        body: m.RegisterVehicle = call.body
        self.bindings.append(body)
        if self.forgets > 0 or body.session_id not in self.sessions:
            self.forgets -= 1
            raise OcpiRefusal(2900, "unknown session, retry")
        status = self.grants
        now: datetime = self.clock.now()
        vehicle = Vehicle(
            owner=self.party, vid=Vid(body.vehicle_id), contract=ContractId(f"{self.id.upper()}-C1"), status=status,
            created=now, authorized=now if status is AutoChargeStatus.GRANTED else None,
        )  # fmt: skip
        vehicle = self.own_vehicles.setdefault(body.vehicle_id, vehicle)
        return Answer(data=m.VehicleObject.of(vehicle))

    async def post_conflict(self, call: Call) -> Answer:
        self.conflicts.append(call.body)
        return Answer(data="noted")

    async def sign(self, call: Call) -> Answer:
        self.signed += 1
        element = self.evaluator.evaluate(parse_hex(call.body.blinded_element))
        return Answer(data=m.SignAnswer(evaluated_element=element.hex()))

    def __getattr__(self, name: str) -> Callable[[Call], Any]:
        async def refuse(call: Call) -> Answer:
            raise OcpiRefusal(2000, f"{name} is not played here")

        if name.startswith("_"):
            raise AttributeError(name)
        return refuse


def revoked(vehicle: Vehicle, at: datetime) -> Vehicle:
    return replace(vehicle, status=AutoChargeStatus.REVOKED, revoked=at)
