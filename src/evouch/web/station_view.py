"""What the pages of simulated stations look like: screens as markup and as JSON. Pure but for reading its own files."""

from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import jinja2

from evouch.charging.tokens import Limit
from evouch.ids import StationId
from evouch.station.app import Simulator
from evouch.station.display import Kind, Screen
from evouch.units import Money, Wh, format_time
from evouch.webpayment import qr

__all__ = ["asset", "display", "driver", "headers", "index", "screen_json"]

_HERE: Final = Path(__file__).parent
_ASSETS: Final = {"station.css": "text/css", "station.js": "text/javascript", "station.svg": "image/svg+xml"}
_SYMBOLS: Final = {"EUR": "€", "GBP": "£", "USD": "$"}


def headers() -> dict[str, str]:
    """Return the headers of every answer: nothing but our own style, script and forms."""
    return {
        "Content-Security-Policy": (
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
            "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        ),
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def index(simulators: Mapping[StationId, Simulator], base: str) -> str:
    """Return the list of all stations and their charging points."""
    rows = [(simulator.spec, [simulator.screen(evse) for evse in simulator.bays]) for simulator in simulators.values()]
    return _render("station_index.html", base, stations=rows)


def display(simulator: Simulator, evse: int, base: str, cars: Sequence[str] = (), *, whole: bool = True) -> str:
    """Return the display of one EVSE: a whole page, or only what changes. ``cars`` have buttons of their own."""
    screen = simulator.screen(evse)
    drawn = qr.svg(screen.url, quality=screen.quality) if screen.kind is Kind.CODE else ""
    page = "station_display.html" if whole else "station_screen.html"
    return _render(page, base, screen=screen, qr=drawn, spec=simulator.spec, cars=cars)


def driver(simulator: Simulator, evse: int, base: str) -> str:
    """Return the page for what takes typing: another card, limits, faults."""
    return _render("station_driver.html", base, screen=simulator.screen(evse), spec=simulator.spec)


def screen_json(screen: Screen) -> dict[str, Any]:
    """Return a screen for scripts: energies in Wh, times in seconds, money as text."""
    charge = screen.charge
    return {
        "kind": str(screen.kind),
        "title": screen.title,
        "sentence": screen.sentence,
        "message": screen.message,
        "notice": screen.notice,
        "station": str(screen.station),
        "evse": screen.evse,
        "url": screen.url,
        "host": screen.host,
        "remaining": screen.remaining,
        "plugged": screen.plugged,
        "latched": screen.latched,
        "online": screen.online,
        "time": format_time(screen.now) if screen.now else None,
        "parameters": list(screen.parameters),
        "wishes": _limit_json(screen.wishes),
        "charge": None
        if charge is None
        else {
            "energy": int(charge.energy),
            "power": int(charge.power),
            "soc": str(charge.soc),
            "seconds": charge.seconds,
            "cost": _money_json(charge.cost),
            "limit": _limit_json(charge.limit),
        },
    }


def _limit_json(limit: Limit | None) -> dict[str, Any] | None:
    if not limit:
        return None
    return {"maxEnergy": limit.max_energy, "maxTime": limit.max_time, "maxCost": _money_json(limit.max_cost)}


def _money_json(money: Money | None) -> dict[str, str] | None:
    return None if money is None else {"amount": str(money.amount), "currency": money.currency}


@cache
def asset(name: str) -> tuple[str, bytes] | None:
    """Return media type and bytes of one of our files, None for any other name."""
    return (_ASSETS[name], (_HERE / "static" / name).read_bytes()) if name in _ASSETS else None


# ── how quantities read ─────────────────────────────────────────────────────────────────


def _kwh(energy: Wh) -> str:
    return f"{energy / 1000:.2f}"


def _kw(power: int) -> str:
    return f"{power / 1000:.1f}"


def _span(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _price(money: Money) -> str:
    exact = money.rounded()
    symbol = _SYMBOLS.get(exact.currency)
    return f"{symbol}{exact.amount}" if symbol else f"{exact.amount} {exact.currency}"


def _limits(limit: Limit | None) -> str:
    """Return limits as a driver says them, empty without any."""
    if limit is None:
        return ""
    parts = (
        f"{_kwh(limit.max_energy)} kWh" if limit.max_energy else "",
        f"{_span(limit.max_time)} h" if limit.max_time and limit.max_time >= 3600 else "",  # noqa: PLR2004
        f"{_span(limit.max_time)} min" if limit.max_time and limit.max_time < 3600 else "",  # noqa: PLR2004
        _price(limit.max_cost) if limit.max_cost else "",
    )
    return " · ".join(part for part in parts if part)


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    filters = {"kwh": _kwh, "kw": _kw, "span": _span, "price": _price, "limits": _limits, "path": quote}
    environment.filters |= filters
    contents = b"".join(found[1] for name in _ASSETS if (found := asset(name)))
    environment.globals["stamp"] = sha256(contents).hexdigest()[:12]
    return environment


def _render(page: str, base: str, **values: Any) -> str:
    return _templates().get_template(page).render(base=base, **values)
