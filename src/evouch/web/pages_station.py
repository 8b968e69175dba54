"""The displays of simulated stations, as pages; and the buttons of the person in front of them.

A display refreshes itself every second without JavaScript, and is pushed by the server
(SSE) with it: both get the same markup. Nothing is decided here; pages show what
``Simulator.screen`` says and hand clicks to the simulator's driver.

Buttons are HTML forms. Scripts post JSON to the same addresses, with ``Accept:
application/json``, and get the screen back.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from litestar import Litestar, Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect, ServerSentEvent, ServerSentEventMessage

from evouch.charging.macs import parse_mac
from evouch.charging.tokens import Limit
from evouch.ids import Mac, StationId
from evouch.station.app import Simulator
from evouch.units import Money, Wh
from evouch.web.station_view import asset, display, driver, headers, index, screen_json
from evouch.wire import MalformedJson, decode

__all__ = ["create_station_app", "station_routes"]

#: The card that a click on "swipe" holds before the reader.
CARD: Final = "04A1B2C3D4E5F6"
#: Longest idTag of OCPP 1.6, so that the same card works everywhere.
LONGEST_TOKEN: Final = 20
#: Largest form or JSON body: these are a handful of short fields.
MAX_BODY: Final = 4096

Fields = Mapping[str, str]
Handler = Any
#: Returns the simulator that an address means, or raises NotFoundException.
Find = Callable[[str, int], Simulator]
#: Cars that have an address, by the name that stands on their button; the address is shown nowhere.
Cars = Mapping[str, Mac]


def create_station_app(simulators: Mapping[StationId, Simulator], *, cars: Cars | None = None) -> Litestar:
    """Return an application that serves the displays of ``simulators`` and nothing else.

    Each of ``cars`` has a button of its own beside that of a car without an address.
    """
    return Litestar(station_routes(simulators, cars=cars), openapi_config=None, logging_config=None)


def station_routes(
    simulators: Mapping[StationId, Simulator], *, base: str = "", cars: Cars | None = None
) -> list[Handler]:  # fmt: skip
    """Return the handlers of all display pages; ``base`` is the path that they are mounted at."""
    garage = cars or {}

    def find(station: str, evse: int) -> Simulator:
        simulator = simulators.get(StationId(station))
        if simulator is None or evse not in simulator.bays:
            raise NotFoundException("There is no such charging point here.")
        return simulator

    @get("/", sync_to_thread=False)
    def stations() -> Response[str]:
        return _html(index(simulators, base))

    @get("/assets/{name:str}", sync_to_thread=False)
    def static(name: FromPath[str]) -> Response[bytes]:
        found = asset(name)
        if found is None:
            raise NotFoundException("There is no such file.")
        kind, content = found
        return Response(content, media_type=kind, headers={**headers(), "Cache-Control": "max-age=300"})

    return [stations, static, *_displays(find, base, tuple(garage)), _buttons(find, base, garage)]


def _displays(find: Find, base: str, cars: Sequence[str]) -> list[Handler]:
    @get("/{station:str}/{evse:int}", sync_to_thread=False)
    def page(station: FromPath[str], evse: FromPath[int]) -> Response[str]:
        return _html(display(find(station, evse), evse, base, cars))

    @get("/{station:str}/{evse:int}/driver", sync_to_thread=False)
    def driver_page(station: FromPath[str], evse: FromPath[int]) -> Response[str]:
        return _html(driver(find(station, evse), evse, base))

    @get("/{station:str}/{evse:int}/screen", sync_to_thread=False)
    def screen(station: FromPath[str], evse: FromPath[int]) -> Response[dict[str, Any]]:
        return _screen(find(station, evse), evse)

    @get("/{station:str}/{evse:int}/events", sync_to_thread=False)
    def events(station: FromPath[str], evse: FromPath[int]) -> ServerSentEvent:
        return ServerSentEvent(_follow(find(station, evse), evse, base, cars), headers=headers())

    return [page, driver_page, screen, events]


def _buttons(find: Find, base: str, cars: Cars) -> Handler:
    @post("/{station:str}/{evse:int}/{action:str}", status_code=200)
    async def press(
        request: Request[Any, Any, Any], station: FromPath[str], evse: FromPath[int], action: FromPath[str]
    ) -> Response[Any]:
        simulator, act = find(station, evse), _ACTIONS.get(action)
        if act is None:
            raise NotFoundException("There is no such button.")
        if request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
            return _text("Only this page itself may press its buttons.", 403)
        try:
            await act(simulator, evse, _fields(request, await _body(request)), cars)
        except ValueError as error:  # MalformedJson is one
            return _text(str(error), 400)
        if "json" in request.headers.get("Accept", ""):
            return _screen(simulator, evse)
        return Redirect(f"{base}/{quote(station)}/{evse}", status_code=303, headers=headers())

    return press


async def _follow(
    simulator: Simulator, evse: int, base: str, cars: Sequence[str] = ()
) -> AsyncIterator[ServerSentEventMessage]:  # fmt: skip
    """Yield the display's markup whenever it differs from what was sent last."""
    sent = ""
    while True:
        markup = display(simulator, evse, base, cars, whole=False)
        if markup != sent:
            sent = markup
            yield ServerSentEventMessage(data=markup.replace("\n", " "), event="screen")
        await simulator.watch()


def _html(markup: str) -> Response[str]:
    return Response(markup, media_type="text/html", headers=headers())


def _screen(simulator: Simulator, evse: int) -> Response[dict[str, Any]]:
    return Response(screen_json(simulator.screen(evse)), headers=headers())


def _text(sentence: str, status: int) -> Response[str]:
    return Response(sentence, media_type="text/plain", status_code=status, headers=headers())


# ── buttons ─────────────────────────────────────────────────────────────────────────────


async def _body(request: Request[Any, Any, Any]) -> bytes:
    """Return the body, which must be short; raise ValueError otherwise."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise ValueError("That is more than this form has fields for.")
    return body


def _fields(request: Request[Any, Any, Any], body: bytes) -> Fields:
    """Return the fields of a form or of a flat JSON object as text."""
    if "json" not in request.headers.get("Content-Type", ""):
        return dict(parse_qsl(body.decode("ascii", "replace"), max_num_fields=16))
    document = decode(body) if body else {}
    if not isinstance(document, dict) or any(isinstance(value, (dict, list)) for value in document.values()):
        raise MalformedJson("an object without nesting")
    return {name: str(value) for name, value in document.items() if value is not None}


async def _plug(simulator: Simulator, evse: int, fields: Fields, cars: Cars) -> None:
    connector, address = _amount(fields, "connector"), fields.get("vehicle", "").strip()
    vehicle = parse_mac(address) if address else cars.get(fields.get("car", ""))
    if vehicle is None and (address or fields.get("car")):
        raise ValueError("A car's address has 12 hexadecimal digits." if address else "There is no such car here.")
    await simulator.plug(evse, None if connector is None else int(connector), vehicle=vehicle)


async def _swipe(simulator: Simulator, evse: int, fields: Fields, _: Cars) -> None:
    token = fields.get("token", "").strip() or CARD
    if len(token) > LONGEST_TOKEN:
        raise ValueError(f"A card number has at most {LONGEST_TOKEN} characters.")
    await simulator.swipe(evse, token)


async def _limits(simulator: Simulator, evse: int, fields: Fields, _: Cars) -> None:
    energy, minutes, cost = (_amount(fields, name) for name in ("kwh", "minutes", "cost"))
    limit = Limit(
        max_cost=None if cost is None else Money(cost, simulator.spec.currency),
        max_energy=None if energy is None else Wh(int(energy * 1000)),
        max_time=None if minutes is None else int(minutes * 60),
    )
    await simulator.wish(evse, limit)


async def _online(simulator: Simulator) -> None:
    simulator.come_online()


_ACTIONS: Final[Mapping[str, Callable[[Simulator, int, Fields, Cars], Awaitable[None]]]] = {
    "plug": _plug,
    "unplug": lambda simulator, evse, *_: simulator.unplug(evse),
    "swipe": _swipe,
    "stop": lambda simulator, evse, *_: simulator.stop(evse),
    "limits": _limits,
    "fault": lambda simulator, evse, fields, _: simulator.fault(evse, fields.get("code") or "OtherError"),
    "clear": lambda simulator, evse, *_: simulator.clear_fault(evse),
    "offline": lambda simulator, *_: simulator.go_offline(),
    "online": lambda simulator, *_: _online(simulator),
}


def _amount(fields: Fields, name: str) -> Decimal | None:
    """Return a positive number with at most two digits after the point, None for an empty field."""
    text = fields.get(name, "").strip().replace(",", ".")
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError("Please type a number.") from None
    if not amount.is_finite() or not 0 < amount < 100_000 or amount.as_tuple().exponent < -2:  # type: ignore[operator]  # noqa: PLR2004
        raise ValueError("Please type a number above 0, with at most two digits after the point.")
    return amount
