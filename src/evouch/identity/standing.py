"""What one connection may be taken for, as a table: event by event, from first contact to the end.

Rules of this file:

* A connection begins as ``NEW`` and belongs to nobody until it has been judged.
* Only a valid proof leads to ``PROVEN``; only a policy's rule leads to ``TRUSTED``.
* ``FAILED`` may be asked again; nothing but an answer to a new challenge leads out of it.
* A connection that has proved itself is never ``UNTRUSTED``: where it fails when it is asked
  again it is ``DOUBTED``, which may finish what it charges and begins nothing.
* Everything that is not in the table is a bug of ours (LocalError).

The state lives with the connection, never with the station's id: what somebody proves on
one connection says nothing of another.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from evouch.errors import LocalError

__all__ = ["ACTING", "TABLE", "Standing", "Turn", "step"]


class Standing(StrEnum):
    """What a connection is taken for."""

    #: connected, not judged yet; or judged to be challenged, and not asked yet
    NEW = "new"
    #: asked for a proof, which has not come yet
    CHALLENGED = "challenged"
    #: it proved its identity on this connection
    PROVEN = "proven"
    #: let in by a rule, or because nothing is required of it
    TRUSTED = "trusted"
    #: it cannot prove anything and is borne with: it may say how it is, and does nothing that matters
    UNTRUSTED = "untrusted"
    #: it was asked and did not prove itself
    FAILED = "failed"
    #: it had proved itself, was asked again and did not
    DOUBTED = "doubted"


class Turn(StrEnum):
    """What moves a connection from one standing to another."""

    TRUST = "trust"
    ASK = "ask"
    PROVE = "prove"
    FAIL = "fail"
    #: it does not know the message, and the policy bears with it
    BEAR = "bear"


_S, _T = Standing, Turn

#: standing → event → standing
TABLE: Final[Mapping[Standing, Mapping[Turn, Standing]]] = MappingProxyType({
    _S.NEW: {_T.TRUST: _S.TRUSTED, _T.ASK: _S.CHALLENGED, _T.FAIL: _S.FAILED, _T.BEAR: _S.UNTRUSTED},
    _S.CHALLENGED: {_T.PROVE: _S.PROVEN, _T.FAIL: _S.FAILED, _T.BEAR: _S.UNTRUSTED, _T.TRUST: _S.TRUSTED},
    _S.FAILED: {_T.ASK: _S.CHALLENGED, _T.FAIL: _S.FAILED},
    # asked again where they stand: they keep acting while the answer is awaited
    _S.PROVEN: {_T.PROVE: _S.PROVEN, _T.FAIL: _S.DOUBTED},
    _S.DOUBTED: {_T.PROVE: _S.PROVEN, _T.FAIL: _S.DOUBTED},
    _S.TRUSTED: {_T.PROVE: _S.PROVEN, _T.FAIL: _S.DOUBTED, _T.TRUST: _S.TRUSTED},
    _S.UNTRUSTED: {_T.PROVE: _S.PROVEN, _T.FAIL: _S.FAILED, _T.BEAR: _S.UNTRUSTED},
})  # fmt: skip

#: Standings that are a station's own: what it says is acted upon, and orders go to it.
ACTING: Final = frozenset({Standing.PROVEN, Standing.TRUSTED})


def step(standing: Standing, turn: Turn) -> Standing:
    """Return the standing after ``turn``; LocalError where the table has none."""
    after = TABLE[standing].get(turn)
    if after is None:
        raise LocalError(f"no {turn} from {standing}")
    return after
