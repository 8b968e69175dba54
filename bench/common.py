"""What benches share: a claim with its target and its verdict, and how a bench ends."""

import json
import os
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

__all__ = ["BUSY", "INVALID", "MOST_WAITING", "Claim", "cores", "finish", "spread"]

#: Exit code of a run that proves nothing.
INVALID: Final = 3
#: A generator busier than this may be what was measured.
BUSY: Final = 0.90
#: Share of a run for which a process waits for its core, above which a time that is missed is not its own.
MOST_WAITING: Final = 0.05


@dataclass(frozen=True, slots=True)
class Claim:
    """One figure of the README: what is said, what was wanted, what came out."""

    claim: str
    target: str
    measured: str
    met: bool


def cores() -> tuple[int, int]:
    """Return the cores of server and generator; the same one twice where there is only one."""
    free = sorted(os.sched_getaffinity(0))
    return free[0], free[-1]


def spread(values: Sequence[float]) -> str:
    """Return median and range of several rounds."""
    return f"{statistics.median(values):.1f} ({min(values):.1f}–{max(values):.1f})"


def finish(claims: Sequence[Claim], *, as_json: bool, invalid: Sequence[str] = (), **figures: Any) -> int:
    """Print claims and verdict, with ``figures`` as one JSON object where that is asked for; return the exit code."""
    if as_json:
        print(json.dumps({"claims": [asdict(claim) for claim in claims], "invalid": list(invalid), **figures}))
    else:
        print()
        for claim in claims:
            print(f"{'met   ' if claim.met else 'MISSED'}  {claim.claim}: {claim.measured}, wanted {claim.target}")
        for reason in invalid:
            print(f"INVALID: {reason}")
    if invalid:
        return INVALID
    return 0 if all(claim.met for claim in claims) else 1
