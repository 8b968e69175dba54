"""P-256 behind one small interface, and who implements it on this machine.

``openssl`` is the OpenSSL that Python's own ``ssl`` has loaded. Where it cannot be reached,
``ecdh`` gets the same results out of two key exchanges of the ``cryptography`` package, at a third of the
speed. A group computes for nobody before it has reproduced the vectors of RFC 9497 (:mod:`~evouch.oprf.selfcheck`).
"""

import importlib
from functools import lru_cache
from typing import Final, Literal, get_args

from evouch.errors import LocalError
from evouch.oprf.interface import Element, Group, Scalar
from evouch.oprf.sec1 import InvalidElement
from evouch.oprf.selfcheck import check

__all__ = ["GROUPS", "Element", "Group", "GroupName", "InvalidElement", "Scalar", "open_group"]

GroupName = Literal["openssl", "ecdh"]
#: Name of each implementation, the preferred one first. Module ``group_<name>`` holds ``make()``.
GROUPS: Final[tuple[GroupName, ...]] = get_args(GroupName)


def open_group(name: Literal["auto"] | GroupName = "auto") -> Group:
    """Return a group that has reproduced the official vectors; LocalError where there is none.

    ``auto`` is the first of :data:`GROUPS` that can be used here. It is checked once per process.
    """
    if name != "auto":
        return _opened(name)
    wrong = []
    for each in GROUPS:
        try:
            return _opened(each)
        except LocalError as error:
            wrong.append(str(error))
    raise LocalError("no group for the OPRF: " + "; ".join(wrong))


@lru_cache
def _opened(name: GroupName) -> Group:
    try:
        group: Group = importlib.import_module(f"evouch.oprf.group_{name}").make()
    except (ImportError, OSError, AttributeError) as error:  # no such library, or one without these functions
        raise LocalError(f"{name}: {error}") from error
    check(group)
    return group
