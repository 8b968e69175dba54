"""Rules about addresses in a file: the ones that come along, and an operator's own before them.

The file is TOML, beside this one as ``mac_rules.toml``: every rule says why it is there.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from evouch.autocharge.mac import Action, LocalBit, MacFilter, MacRule, Pool
from evouch.errors import Refused

__all__ = ["default_filter", "filter_from_rules"]

_TOP: Final = {"local", "others", "defaults", "pool", "rule"}
_RULE: Final = {"prefix", "pattern", "action", "vendor", "why"}
_POOL: Final = {"prefix", "digits", "why"}


@cache
def default_filter() -> MacFilter:
    """Return the rules that come along: what is known not to work is denied, everything else may be asked about."""
    return _filter(_shipped(), {})


def filter_from_rules(source: str | Path) -> MacFilter:
    """Return the rules of a file, or of its text: they stand before ours, or alone with ``defaults = false``.

    Raises Refused("badRules") with a sentence where it cannot be read or a rule cannot be meant.
    """
    try:
        text = source.read_text() if isinstance(source, Path) else source
        own = tomllib.loads(text)
        return _filter(_shipped(), own)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise Refused("badRules", f"{source}: {why}" if isinstance(source, Path) else str(why)) from error


def _shipped() -> Mapping[str, Any]:
    return tomllib.loads(files("evouch.autocharge").joinpath("mac_rules.toml").read_text())


def _filter(shipped: Mapping[str, Any], own: Mapping[str, Any]) -> MacFilter:
    _known(own, _TOP, "the file")
    base = shipped if own.get("defaults", True) else {}
    return MacFilter(
        [_rule(each) for each in (*own.get("rule", ()), *base.get("rule", ()))],
        pools=[_pool(each) for each in (*own.get("pool", ()), *shipped.get("pool", ()))],
        local=LocalBit(own.get("local", base.get("local", LocalBit.WARN))),
        others=Action(own.get("others", base.get("others", Action.ALLOW))),
    )


def _rule(row: Mapping[str, Any]) -> MacRule:
    _known(row, _RULE, "a rule")
    try:
        pattern = re.compile(row["pattern"]) if "pattern" in row else None
    except re.error as error:
        raise ValueError(f"a pattern cannot be read: {error}") from error
    return MacRule(
        action=Action(row.get("action", "")), why=str(row.get("why", "")), vendor=str(row.get("vendor", "")),
        prefix=_plain(row.get("prefix", "")), pattern=pattern,
    )  # fmt: skip


def _pool(row: Mapping[str, Any]) -> Pool:
    _known(row, _POOL, "a pool")
    return Pool(prefix=_plain(row.get("prefix", "")), digits=int(row.get("digits", 0)))


def _plain(prefix: str) -> str:
    return re.sub(r"[:\-. ]", "", prefix).upper()


def _known(row: Mapping[str, Any], names: set[str], what: str) -> None:
    if unknown := sorted(set(row) - names):
        raise ValueError(f"{what} has {unknown[0]!r}, which is not known")
