"""From opening the URL on the display to energy, in the demo, without human pauses.

Plays ``evouch demo --once --json``: a backend, a payment provider and a station of each
version on this machine, three drivers at once. The time runs from the moment when the
driver's payment is opened, which follows the first look at the page at once, until the
transaction is charging: hold, confirmation at the bank on one of the cards, remote start,
plug, and the station's own steps are all in it. The worst station of each run counts, and
of the runs the median.
"""

import argparse
import json
import statistics
import subprocess
import sys
from typing import Any, Final

from bench.common import Claim, finish, spread

__all__ = ["main"]

#: Seconds that a driver with a cable in hand waits gladly.
REQUIRED: Final = 3.0
#: Seconds until a run that hangs is given up.
PATIENCE: Final = 180


def once() -> dict[str, Any]:
    """Play the story once; return its summary."""
    command = [sys.executable, "-m", "evouch", "demo", "--once", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    try:
        summary: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        sys.exit(f"the demo did not play: {done.stderr[-600:]}")
    return summary


def main(words: list[str] | None = None) -> int:
    """Run and report; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(words)
    seconds: dict[str, list[float]] = {}
    invalid: list[str] = []
    for _ in range(options.rounds):
        for tale in once()["stations"]:
            if tale.get("seconds_to_charge") is None:
                invalid.append(f"{tale['station']}: {tale.get('error', tale['final'])}")
            else:
                seconds.setdefault(tale["ocpp"], []).append(tale["seconds_to_charge"])
    if not options.json:
        for version, each in seconds.items():
            print(f"OCPP {version:<6} {spread(each):>20} s")
    worst = max((statistics.median(each) for each in seconds.values()), default=float("inf"))
    claim = Claim(
        "from opening the URL to energy, in the demo", f"≤ {REQUIRED:g} s", f"{worst:.2f} s", worst <= REQUIRED
    )
    return finish([claim], as_json=options.json, invalid=invalid, seconds=seconds)


if __name__ == "__main__":
    sys.exit(main())
