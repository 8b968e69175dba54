"""Operations on drivers: write, give cards and phone links, hand out and erase what is known of them."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from evouch.errors import Refused
from evouch.ids import ContractId
from evouch.store.records_roaming import Car, Driver
from evouch.units import Money, parse_time
from evouch.web import api_emsp_models as m
from evouch.web import api_emsp_shapes as shapes
from evouch.web.api_emsp_routes import EmspAsk, operation
from evouch.web.emsp_desk import phone_link

__all__: list[str] = []

_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


@operation("GET", "/drivers", gives=m.DriverList)
async def list_drivers(ask: EmspAsk) -> m.DriverList:
    """All drivers."""
    return m.DriverList([shapes.driver(ask.emsp, each) for each in await ask.emsp.drivers.all()])


@operation("GET", "/drivers/{driver}", gives=m.DriverInfo, refuses=("noSuchDriver",))
async def get_driver(ask: EmspAsk) -> m.DriverInfo:
    """One driver."""
    return shapes.driver(ask.emsp, await _driver(ask))


@operation(
    "PUT", "/drivers/{driver}", takes=m.DriverPut, gives=m.DriverInfo,
    refuses=("contractTaken", "badTime", "badDriver"),
)  # fmt: skip
async def put_driver(ask: EmspAsk) -> m.DriverInfo:
    """Write a new driver, or change one; what is not named is what it is without being named."""
    body, id = ask.body, ask.path["driver"]
    if not _ID.fullmatch(id):
        raise Refused("badDriver")
    fields = _fields(body)
    known = await ask.emsp.store.driver(id)
    if known is None:
        made = await ask.emsp.drivers.add(
            fields.pop("name"), ContractId(body.contract), actor=ask.actor, id=id, **fields
        )
        return shapes.driver(ask.emsp, made)
    if known.contract != body.contract:
        raise Refused("contractTaken")
    return shapes.driver(ask.emsp, await ask.emsp.drivers.set(id, actor=ask.actor, **fields))


@operation("POST", "/drivers/{driver}/phone-link", gives=m.PhoneLink, refuses=("noSuchDriver",))
async def make_phone_link(ask: EmspAsk) -> m.PhoneLink:
    """Make the personal link of a driver's phone; the one before is void."""
    token = await ask.emsp.drivers.issue_login((await _driver(ask)).id, actor=ask.actor)
    return m.PhoneLink(phone_link(ask.home, token))


@operation("GET", "/drivers/{driver}/export", gives=m.DriverExport, refuses=("noSuchDriver",))
async def export_driver(ask: EmspAsk) -> m.DriverExport:
    """Everything that is known of a driver; that it was taken out is on record."""
    return shapes.driver_data(ask.emsp, await ask.emsp.desk.export(ask.path["driver"], actor=ask.actor))


@operation("POST", "/drivers/{driver}/erase", takes=m.Reason, refuses=("noSuchDriver", "reasonMissing"))
async def erase_driver(ask: EmspAsk) -> None:
    """Erase a driver: vehicles are revoked and cards void at once, bills keep no name."""
    await ask.emsp.desk.erase(ask.path["driver"], actor=ask.actor, reason=ask.body.reason)


# ── cards and apps ──


@operation("GET", "/tokens", gives=m.TokenList, query=("driver",))
async def list_driver_tokens(ask: EmspAsk) -> m.TokenList:
    """Cards and apps' tokens of all drivers, or of one."""
    return m.TokenList([shapes.token(each) for each in await ask.emsp.tokens.of(ask.query.get("driver"))])


@operation("POST", "/tokens", takes=m.TokenGiven, gives=m.TokenInfo, refuses=("noSuchDriver", "badToken", "tokenTaken"))
async def give_token(ask: EmspAsk) -> m.TokenInfo:
    """Give a driver a card or an app's token, or write one of his anew; operators are told."""
    body: m.TokenGiven = ask.body
    driver = await ask.emsp.drivers.get(body.driver)
    made = await ask.emsp.tokens.add(
        body.uid, driver, actor=ask.actor, type=body.type, whitelist=body.whitelist, visual_number=body.visual_number
    )
    return shapes.token(made)


@operation("POST", "/tokens/block", takes=m.TokenNamed, gives=m.TokenInfo, refuses=("noSuchToken",))
async def block_token(ask: EmspAsk) -> m.TokenInfo:
    """Make a card or an app's token void, everywhere."""
    return shapes.token(await ask.emsp.tokens.block(ask.body.uid, actor=ask.actor))


@operation("POST", "/tokens/unblock", takes=m.TokenNamed, gives=m.TokenInfo, refuses=("noSuchToken",))
async def unblock_token(ask: EmspAsk) -> m.TokenInfo:
    """Make it good again."""
    return shapes.token(await ask.emsp.tokens.unblock(ask.body.uid, actor=ask.actor))


async def _driver(ask: EmspAsk) -> Driver:
    return await ask.emsp.drivers.get(ask.path["driver"])


def _fields(body: m.DriverPut) -> dict[str, Any]:
    credit = body.credit
    return {
        "name": body.name, "language": body.language, "opted_in": body.opted_in, "blocked": body.blocked,
        "cars": tuple(Car(each.make, each.model) for each in body.cars), "valid_until": _until(body.valid_until),
        "credit": None if credit is None else Money(Decimal(credit.amount), credit.currency),
    }  # fmt: skip


def _until(text: str | None) -> datetime | None:
    try:
        return None if text is None else parse_time(text)
    except ValueError:
        raise Refused("badTime") from None
