"""Objects of OCPI as nobody would write them: strategies made from the types themselves."""

import types
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

from evouch.charging.vehicles import AutoChargeStatus
from evouch.ocpi import model as m

__all__ = ["KINDS", "objects"]

#: Every object that travels by itself.
KINDS: list[type[m.Wire]] = [
    each for each in (getattr(m, name) for name in m.__all__)
    if isinstance(each, type) and issubclass(each, m.Wire) and each is not m.Wire
]  # fmt: skip

FIRST, LAST = (datetime(year, 1, 1, tzinfo=UTC).replace(tzinfo=None) for year in (2010, 2100))
TIMES = st.datetimes(FIRST, LAST, timezones=st.just(UTC))
TEXT = st.characters(codec="ascii", categories=("L", "N", "P"))
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    datetime: TIMES,
    bool: st.booleans(),
    int: st.integers(0, 10**6),
    str: st.text(TEXT, min_size=1, max_size=20),
    Decimal: st.decimals(-1000, 1000, places=4),
}
CHOSEN: dict[type[m.Wire], dict[str, Any]] = {
    m.Token: {"uid": st.text(TEXT, min_size=1, max_size=36), "type": st.sampled_from(["RFID", "EMAID", "NEW_ONE"])},
    m.CdrToken: {"uid": st.just("5a" * 32), "type": st.just(m.VEHICLE_TOKEN)},
    m.VehicleObject: {"auto_charge_status": st.sampled_from([each.value for each in AutoChargeStatus])},
}
NAMED: dict[str, Any] = {
    "vehicle_id": st.text("0123456789abcdef", min_size=64, max_size=64),
    "connector_standard": st.sampled_from(["IEC_62196_T2", "SAE_J3400"]),
    "custom_data": st.just({"left": None, "as": ["it", {"is": None}]}),
    "error_message": st.just([{"language": "en", "text": "No."}]),
    "error_texts": st.just([{"format": "UTF8", "content": "No."}]),
    "last_updated": TIMES,
    "address": st.text(TEXT, max_size=45),
    "capabilities": st.lists(st.sampled_from(["RFID_READER", "RESERVABLE", "NEW_ONE"])).map(tuple),
    "standard": st.sampled_from(["IEC_62196_T2", "SAE_J3400", "MCS"]),
    "tax_included": st.sampled_from(["YES", "NO", "N/A"]),
}


def objects(kind: type[m.Wire]) -> st.SearchStrategy[Any]:
    """Objects of a kind."""
    chosen = NAMED | CHOSEN.get(kind, {})
    members = {
        name: chosen[name] if name in chosen else _values(hint)
        for name, hint in get_type_hints(kind, include_extras=True).items()
        if not name.startswith("_")
    }
    return st.builds(kind, **members)


def _values(hint: Any) -> st.SearchStrategy[Any]:
    origin, inside = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _bounded(*inside)
    if origin in {types.UnionType, Union}:
        return st.none() | _values(inside[0])
    if origin is tuple:
        return st.lists(_values(inside[0]), max_size=2).map(tuple)
    if isinstance(hint, type) and issubclass(hint, m.Wire):
        return objects(hint)
    return PLAIN[hint]


def _bounded(hint: Any, meta: msgspec.Meta) -> st.SearchStrategy[Any]:
    least = meta.min_length or 0
    if get_origin(hint) is tuple:
        return st.lists(_values(get_args(hint)[0]), min_size=least, max_size=2).map(tuple)
    return st.text(TEXT, min_size=least, max_size=min(meta.max_length or 20, least + 20))
