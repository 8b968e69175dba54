"""A server of each role with handlers that remember what reached them, and somebody to ask it."""

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from evouch.clock import Tick
from evouch.ids import PartyId, Secret
from evouch.ocpi import model as m
from evouch.ocpi.authorization import digest, header
from evouch.ocpi.http import Request, Response
from evouch.ocpi.partner import V221, V230, Endpoint, Partner, PartnerState, Quirks, Role
from evouch.ocpi.partners import Ours, Partners
from evouch.ocpi.ports import Answer, Call, Listing
from evouch.ocpi.server import OcpiServer, ServerTerms
from evouch.testing import ManualClock, SeededEntropy
from evouch.testing.ocpi import MemoryWeb

__all__ = ["AT", "TOKEN", "VID", "Handlers", "Said", "Serving", "run", "sample"]

AT = datetime(2024, 5, 23, 10, 0, tzinfo=UTC)
VID = "5a" * 32
TOKEN, TOKEN_A = "token-of-the-partner", "registration-token"
CPO, EMSP = PartyId("DE", "CPO"), PartyId("FR", "EMS")

#: Who we are and who they are, by our role.
PARTIES = {Role.CPO: (CPO, EMSP), Role.EMSP: (EMSP, CPO)}
TOKEN_OBJECT = {
    "country_code": "FR", "party_id": "EMS", "uid": "CARD-1", "type": "RFID", "contract_id": "C-1", "issuer": "ems",
    "valid": True, "whitelist": "NEVER", "last_updated": "2024-05-23T10:00:00Z",
}  # fmt: skip
CDR_TOKEN = {name: TOKEN_OBJECT[name] for name in ("country_code", "party_id", "uid", "type", "contract_id")}
CONNECTOR = {
    "id": "1", "standard": "IEC_62196_T2", "format": "SOCKET", "power_type": "AC_3_PHASE", "max_voltage": 230,
    "max_amperage": 32, "last_updated": "2024-05-23T10:00:00Z",
}  # fmt: skip
EVSE = {
    "uid": "E1", "status": "AVAILABLE", "capabilities": ["RFID_READER", "AUTO_CHARGE_CAPABLE"],
    "connectors": [CONNECTOR], "last_updated": "2024-05-23T10:00:00Z",
}  # fmt: skip
PLACE = {
    "address": "Street 1", "city": "Town", "country": "DEU", "coordinates": {"latitude": "50.0", "longitude": "8.0"},
}  # fmt: skip
PERIOD = {"start_date_time": "2024-05-23T10:00:00Z", "dimensions": [{"type": "ENERGY", "volume": 1.5}]}
OWN = {"country_code": "DE", "party_id": "CPO"}
URL = {"response_url": "https://emsp.test/result"}

#: One document of every object, in the shape of 2.3.0.
SAMPLES: dict[type[m.Wire], dict[str, Any]] = {
    m.Token: TOKEN_OBJECT,
    m.LocationReferences: {"location_id": "L1", "evse_uids": ["E1"]},
    m.Location: {
        **OWN, **PLACE, "id": "L1", "publish": True, "evses": [EVSE], "time_zone": "UTC",
        "last_updated": "2024-05-23T10:00:00Z",
    },
    m.Evse: EVSE,
    m.Connector: CONNECTOR,
    m.Tariff: {
        **OWN, "id": "T1", "currency": "EUR", "tax_included": "NO", "last_updated": "2024-05-23T10:00:00Z",
        "elements": [{"price_components": [{"type": "ENERGY", "price": 0.59, "vat": 19, "step_size": 1}]}],
    },
    m.Session: {
        **OWN, "id": "S1", "start_date_time": "2024-05-23T10:00:00Z", "kwh": 1.5, "cdr_token": CDR_TOKEN,
        "auth_method": "AUTH_REQUEST", "location_id": "L1", "evse_uid": "E1", "connector_id": "1", "currency": "EUR",
        "total_cost": {"before_taxes": 1.00, "taxes": [{"name": "VAT", "amount": 0.19}]},
        "charging_periods": [PERIOD], "status": "ACTIVE", "last_updated": "2024-05-23T10:00:00Z",
    },
    m.Cdr: {
        **OWN, "id": "C1", "start_date_time": "2024-05-23T10:00:00Z", "end_date_time": "2024-05-23T11:00:00Z",
        "cdr_token": CDR_TOKEN, "auth_method": "AUTH_REQUEST", "currency": "EUR",
        "cdr_location": {
            **PLACE, "id": "L1", "evse_uid": "E1", "evse_id": "DE*CPO*E1", "connector_id": "1",
            "connector_standard": "IEC_62196_T2", "connector_format": "SOCKET", "connector_power_type": "AC_3_PHASE",
        },
        "charging_periods": [PERIOD], "total_cost": {"before_taxes": 1.00}, "total_energy": 1.5, "total_time": 1.0,
        "last_updated": "2024-05-23T11:00:00Z",
    },
    m.StartSession: {**URL, "token": TOKEN_OBJECT, "location_id": "L1"},
    m.StopSession: {**URL, "session_id": "S1"},
    m.ReserveNow: {
        **URL, "token": TOKEN_OBJECT, "expiry_date": "2024-05-23T12:00:00Z", "reservation_id": "R1",
        "location_id": "L1",
    },
    m.CancelReservation: {**URL, "reservation_id": "R1"},
    m.UnlockConnector: {**URL, "location_id": "L1", "evse_uid": "E1", "connector_id": "1"},
    m.WebPaymentNotice: {"location_id": "L1", "evse_uid": "E1", "timeout": 60, "customData": {"a": None}},
    m.CommandResult: {"result": "ACCEPTED"},
    m.VehicleObject: {
        "country_code": "FR", "party_id": "EMS", "vehicle_id": VID, "contract_id": "C-1",
        "auto_charge_status": "AUTO_CHARGE_GRANTED", "date_created": "2024-05-23T10:00:00Z",
        "date_authorized": "2024-05-23T10:00:01Z", "last_updated": "2024-05-23T10:00:01Z",
    },
    m.RegisterVehicle: {"vehicle_id": VID, "token_uid": "CARD-1", "session_id": "S1"},
    m.ConflictNotice: {"vehicle_id": VID, "contract_id": "C-1"},
    m.SignRequest: {"blinded_element": "02" + "11" * 32},
    m.Credentials: {
        "token": "token-b", "url": "https://partner.test/ocpi/versions",
        "roles": [{"role": "EMSP", "business_details": {"name": "ems"}, "country_code": "FR", "party_id": "EMS"}],
    },
    m.CommandResponse: {"result": "ACCEPTED", "timeout": 30},
    m.AuthorizationInfo: {"allowed": "ALLOWED", "token": TOKEN_OBJECT, "authorization_reference": "A1"},
    m.SignAnswer: {"evaluated_element": "03" + "22" * 32},
}  # fmt: skip


def sample(kind: type[m.Wire], **members: Any) -> Any:
    """Return one such object; members as in JSON."""
    from evouch.ocpi.codec import read

    document = json.loads(json.dumps({**SAMPLES[kind], **members}), parse_float=Decimal)
    return read(document, kind)


class Handlers:
    """Answers every row with a sample, and remembers each call. ``lists`` are what the lists hold."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Call]] = []
        self.answers: dict[str, Any] = {}
        self.lists: dict[str, list[Any]] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        async def handler(call: Call) -> Any:
            self.calls.append((name, call))
            answer = self.answers.get(name)
            if isinstance(answer, Exception):
                raise answer
            return self._listing(name, call) if call.page else answer or self._usual(name, call)

        return handler

    def _listing(self, name: str, call: Call) -> Listing:
        assert call.page is not None
        since, until = call.page.since, call.page.until
        found = [
            each for each in self.lists.get(name, [])
            if (since is None or each.last_updated >= since) and (until is None or each.last_updated < until)
        ]  # fmt: skip
        return Listing(objects=tuple(found[call.page.offset :][: call.page.limit]), total=len(found))

    def _usual(self, name: str, call: Call) -> Answer:
        kinds: dict[str, type[m.Wire]] = {
            "token": m.Token, "tariff": m.Tariff, "session": m.Session, "cdr": m.Cdr, "command": m.CommandResponse,
            "authorize": m.AuthorizationInfo, "sign": m.SignAnswer, "post_vehicle": m.VehicleObject,
        }  # fmt: skip
        if name == "location":
            depth = ("connector_id" in call.params) + ("evse_uid" in call.params)
            return Answer(data=sample((m.Location, m.Evse, m.Connector)[depth]))
        if name == "post_conflict":
            return Answer(data="thank you")
        if name == "post_cdr":
            return Answer(http=201, headers={"location": "https://emsp.test/ocpi/2.3.0/cdrs/C1"})
        return Answer(data=sample(kinds[name])) if name in kinds else Answer()


@dataclass
class Said:
    """A response, read."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> int:
        return int(self.body["status_code"])

    @property
    def data(self) -> Any:
        return self.body.get("data")


@dataclass
class Serving:
    """One server and its one partner, who has a registration token beside its usual one."""

    role: Role = Role.EMSP
    terms: ServerTerms = field(default_factory=ServerTerms)
    modules: tuple[str, ...] = ("vehicles",)
    quirks: Quirks = field(default_factory=Quirks)
    handlers: Handlers = field(default_factory=Handlers)

    def __post_init__(self) -> None:
        ours, theirs = PARTIES[self.role]
        self.clock, self.entropy = ManualClock(), SeededEntropy()
        self.web = MemoryWeb(self.clock)
        their_role = Role.EMSP if self.role is Role.CPO else Role.CPO
        self.base = f"https://{self.role.lower()}.test"
        ends = tuple(Endpoint(module=each, interface="", url=f"https://partner.test/{each}") for each in self.modules)
        self.partner = Partner(
            id="partner", role=their_role, state=PartnerState.REGISTERED, parties=(theirs,), quirks=self.quirks,
            endpoints=ends, token_in=digest(TOKEN), token_out=Secret("x"), version=V230,
        )  # fmt: skip
        invited = Partner(id="invited", role=their_role, state=PartnerState.INVITED, token_in=digest(TOKEN_A))
        self.partners = Partners(
            Ours(role=self.role, party=ours, name="we", base_url=self.base), self.web, self.clock, self.entropy,
            save=self._save,
        )  # fmt: skip
        self.partners.load([self.partner, invited])
        handlers: Any = self.handlers
        self.server = OcpiServer(
            self.role, handlers, self.partners, self.clock, self.entropy, base_url=self.base, terms=self.terms
        )
        self.web.host(self.base, self.server.handle)

    async def _save(self, *written: Any) -> None:
        """Nothing is kept."""

    async def ask(
        self, method: str, path: str, body: Any = None, *, version: str = V230, token: str | None = TOKEN, **more: str
    ) -> Said:
        """Ask what is at a path below a version; ``more`` are headers, with _ for -."""
        return await self.get(method, f"/ocpi/{version}/{path}", body, token=token, **more)

    async def get(self, method: str, url: str, body: Any = None, *, token: str | None = TOKEN, **more: str) -> Said:
        headers = {name.replace("_", "-"): text for name, text in more.items()}
        if token is not None:
            headers.setdefault("authorization", header(Secret(token)))
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        request = Request(method=method, url=self.base + url, headers=headers, body=sent)
        return read(await self.web.send(request, by=Tick(self.clock.tick() + 60)))

    @property
    def call(self) -> Call:
        """The last call that reached a handler."""
        return self.handlers.calls[-1][1]


def read(response: Response) -> Said:
    assert response.headers["content-type"] == "application/json"
    return Said(response.status, dict(response.headers), json.loads(response.body))


def run(story: Coroutine[Any, Any, Any]) -> None:
    asyncio.run(story)


VERSIONS = (V230, V221)
LATER = AT + timedelta(hours=1)
