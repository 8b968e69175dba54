"""Operations on tokens, transactions, payments and what operators read."""

from typing import Any

from evouch.charging.tokens import Limit
from evouch.errors import Refused
from evouch.ids import PaymentId, TransactionId
from evouch.store.ports import Delete, Put
from evouch.store.records import Entry, Intent, Sample, TokenRecord, Transaction
from evouch.units import Money, format_time, parse_time
from evouch.web import api_models as m
from evouch.web.api_routes import Ask, asked_station, operation
from evouch.webpayment.checkout import Checkout

__all__ = ["payment_info"]

#: Longest identifier of any kind (OCPP 2.1 IdTokenType.idToken).
LONGEST_TOKEN = 255


# ── tokens ──


@operation("GET", "/tokens", gives=m.TokenList)
async def list_tokens(ask: Ask) -> m.TokenList:
    """All tokens that were registered."""
    return m.TokenList([_token(record) for record in await ask.cpo.store.tokens()])


@operation("GET", "/tokens/{token}", gives=m.TokenInfo, refuses=("badToken", "unknownToken"))
async def get_token(ask: Ask) -> m.TokenInfo:
    """One token."""
    return _token(await _known(ask))


@operation("PUT", "/tokens/{token}", takes=m.TokenPut, gives=m.TokenInfo, refuses=("badToken",))
async def put_token(ask: Ask) -> m.TokenInfo:
    """Register a token with its status, or change it."""
    body: m.TokenPut = ask.body
    try:
        expires = None if body.expires is None else parse_time(body.expires)
    except ValueError:
        raise Refused("badToken", "expires") from None
    record = TokenRecord(
        key=_key(ask), kind=body.kind, status=body.status, expires=expires, group=body.group, note=body.note
    )
    audit = ask.cpo.registry.audit(ask.actor, "put token", record.key, str(record.status))
    await ask.cpo.store.commit(Put(record), audit)
    return _token(record)


@operation("DELETE", "/tokens/{token}", refuses=("badToken", "unknownToken"))
async def delete_token(ask: Ask) -> None:
    """Forget a token: from now on it is unknown."""
    record = await _known(ask)
    await ask.cpo.store.commit(Delete(record), ask.cpo.registry.audit(ask.actor, "delete token", record.key))


def _key(ask: Ask) -> str:
    key = ask.path["token"].casefold()
    if not 1 <= len(key) <= LONGEST_TOKEN or not key.isascii() or not key.isprintable():
        raise Refused("badToken")
    return key


async def _known(ask: Ask) -> TokenRecord:
    record = await ask.cpo.store.token(_key(ask))
    if record is None:
        raise Refused("unknownToken")
    return record


def _token(record: TokenRecord) -> m.TokenInfo:
    expires = format_time(record.expires) if record.expires else None
    return m.TokenInfo(record.key, record.status, record.kind, expires, record.group, record.note)


# ── transactions ──


@operation("GET", "/transactions", gives=m.TransactionList, query=("active", "station", "limit"))
async def list_transactions(ask: Ask) -> m.TransactionList:
    """Transactions, newest first; ``active`` leaves out those that ended."""
    found = await ask.cpo.store.transactions(active=ask.active, station=asked_station(ask), limit=ask.limit)
    return m.TransactionList([m.TransactionInfo(**_transaction(each)) for each in found])


@operation("GET", "/transactions/{station}/{transaction}", gives=m.TransactionDetail, refuses=("unknownTransaction",))
async def get_transaction(ask: Ask) -> m.TransactionDetail:
    """One transaction with its meter readings."""
    id = TransactionId(ask.path["transaction"])
    found = await ask.cpo.store.transaction(ask.station, id)
    if found is None:
        raise Refused("unknownTransaction")
    samples = await ask.cpo.store.samples(ask.station, id)
    return m.TransactionDetail(**_transaction(found), samples=[_sample(each) for each in samples])


def _transaction(record: Transaction) -> dict[str, Any]:
    return {
        "station": record.station, "id": record.id, "number": record.number, "evse": record.evse,
        "connector": record.connector, "state": str(record.state), "active": record.ended_at is None,
        "token": record.token.value if record.token else None, "status": str(record.status),
        "payment": record.payment, "started_at": format_time(record.started_at),
        "ended_at": format_time(record.ended_at) if record.ended_at else None, "reason": record.reason,
        "energy": record.energy, "meter_start": record.meter_start, "meter_last": record.meter_last,
    }  # fmt: skip


def _sample(sample: Sample) -> m.SampleInfo:
    reading = sample.reading
    soc = None if reading.soc is None else str(reading.soc)
    return m.SampleInfo(format_time(reading.at), reading.context, reading.energy, reading.power, soc)


# ── payments ──


@operation("GET", "/payments", gives=m.PaymentList, query=("active", "limit"))
async def list_payments(ask: Ask) -> m.PaymentList:
    """Payments, newest first; ``active`` leaves out those that are over."""
    found = await ask.cpo.store.checkouts(active=ask.active, limit=ask.limit)
    return m.PaymentList([payment_info(each) for each in found])


@operation("GET", "/payments/{payment}", gives=m.PaymentDetail, refuses=("unknownPayment",))
async def get_payment(ask: Ask) -> m.PaymentDetail:
    """One payment with its ledger rows and what was asked of the provider."""
    found = await ask.cpo.checkouts.get(PaymentId(ask.path["payment"]))
    if found is None:
        raise Refused("unknownPayment")
    entries = await ask.cpo.store.entries(found.payment)
    intents = await ask.cpo.store.intents(payment=found.payment)
    return m.PaymentDetail(
        **_payment(found),
        steps=[m.StepInfo(str(step.state), format_time(step.at)) for step in found.steps],
        entries=[_entry(each) for each in entries],
        intents=[_intent(each) for each in intents],
    )


def payment_info(checkout: Checkout) -> m.PaymentInfo:
    """Return a payment as lists show it. What grants something (grant, token) is not among it."""
    return m.PaymentInfo(**_payment(checkout))


def _payment(checkout: Checkout) -> dict[str, Any]:
    return {
        "payment": checkout.payment, "station": checkout.place.station, "evse": checkout.place.evse,
        "state": str(checkout.state), "reason": checkout.reason, "created_at": format_time(checkout.created_at),
        "hold": _amount(checkout.hold), "limit": _limits(checkout.limit), "energy": checkout.energy,
        "seconds": checkout.seconds, "captured": None if checkout.captured is None else _amount(checkout.captured),
        "transaction": checkout.transaction, "card": f"{checkout.card_brand} {checkout.card_last4}".strip(),
    }  # fmt: skip


def _limits(limit: Limit) -> m.Limits:
    return m.Limits(None if limit.max_cost is None else _amount(limit.max_cost), limit.max_energy, limit.max_time)


def _entry(entry: Entry) -> m.EntryInfo:
    return m.EntryInfo(format_time(entry.at), entry.debit, entry.credit, _amount(entry.amount), entry.memo)


def _intent(intent: Intent) -> m.IntentInfo:
    done = format_time(intent.done_at) if intent.done_at else None
    return m.IntentInfo(
        intent.key, intent.movement, _amount(intent.amount), format_time(intent.at), done, intent.outcome
    )


def _amount(money: Money) -> m.Amount:
    return m.Amount(str(money.rounded().amount), money.currency)


# ── what operators read ──


@operation("GET", "/audit", gives=m.AuditList, query=("limit",))
async def list_audit(ask: Ask) -> m.AuditList:
    """Who changed what, newest first."""
    rows = await ask.cpo.store.audit(limit=ask.limit)
    return m.AuditList(
        [m.AuditInfo(format_time(row.at), row.actor, row.action, row.subject, row.detail) for row in rows]
    )


@operation("GET", "/security-events", gives=m.SecurityEventList, query=("limit",))
async def list_security_events(ask: Ask) -> m.SecurityEventList:
    """What an operator should look at, newest first."""
    rows = await ask.cpo.store.security_events(limit=ask.limit)
    return m.SecurityEventList(
        [m.SecurityEventInfo(format_time(row.at), row.kind, row.station, row.detail) for row in rows]
    )
