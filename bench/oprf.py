"""The OPRF per second of CPU: BlindEvaluate beside what the machine can do, and what a plug-in costs.

BlindEvaluate is the whole call: 33 bytes of a stranger are checked, decompressed, multiplied
with the key and written again. It stands beside

- ``openssl speed ecdhp256``, the same library's own figure for a multiplication alone, without the square
  root of the decompression and without Python;
- the three calls that cannot be saved (EC_POINT_oct2point, EC_POINT_mul, EC_POINT_point2oct), in a bare loop
  of ctypes over points and a buffer that are made once;
- the other group, of two key exchanges;
- npm ``@cloudflare/voprf-ts`` with its noble provider, where Node is there.

One process, one core, CPU time; every element is another one, and all contenders have to come to the same
answers. They run in turns; ratios are medians of the ratios within a round.
"""

import _ssl
import argparse
import contextlib
import ctypes
import json
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from bench import common
from evouch.clock import SystemEntropy
from evouch.oprf.client import Blinder, Kept, blind
from evouch.oprf.group import GROUPS, GroupName, open_group
from evouch.oprf.keys import PrivateKey
from evouch.oprf.server import Evaluator

__all__ = ["main"]

PEERS: Final = Path(__file__).parent / "peers"
NODE: Final = PEERS / "node"
VOPRF: Final = ("@cloudflare/voprf-ts@1.0.0", "@noble/curves@1.5.0", "@noble/hashes@1.4.0")
ENTROPY: Final = SystemEntropy()
OURS: Final = "BlindEvaluate, openssl"
LIMIT: Final = "openssl speed ecdhp256"
BARE: Final = "bare loop of three calls"
RIVAL: Final = "@cloudflare/voprf-ts, noble"
#: Beside whom → the least share of their rate that ours has to reach.
TARGETS: Final = {LIMIT: 0.60, BARE: 0.90, RIVAL: 20.0}
#: As many of the rival's rate as of ours would take too long.
SLOWER: Final = 20
EMSPS: Final = 20

Elements = list[bytes]
Contender = Callable[[Elements], tuple[float, Elements]]


def timed(work: Callable[[], Elements]) -> tuple[float, Elements]:
    """Return answers per second of CPU, and the answers."""
    start = time.process_time()
    answers = work()
    return len(answers) / (time.process_time() - start), answers


def ours(key: PrivateKey, name: GroupName) -> Contender:
    evaluate = Evaluator(key, open_group(name)).evaluate
    return lambda elements: timed(lambda: [evaluate(each) for each in elements])


def bare(key: PrivateKey) -> Contender:
    """Return the loop that nothing in Python can be faster than."""
    library, pointer, size = ctypes.CDLL(_ssl.__file__), ctypes.c_void_p, ctypes.c_size_t

    def bind(name: str, returns: Any, *takes: Any) -> Any:
        function = getattr(library, name)
        function.restype, function.argtypes = returns, takes
        return function

    read = bind("EC_POINT_oct2point", ctypes.c_int, pointer, pointer, ctypes.c_char_p, size, pointer)
    multiply = bind("EC_POINT_mul", ctypes.c_int, *[pointer] * 6)
    write = bind("EC_POINT_point2oct", size, pointer, pointer, ctypes.c_int, ctypes.c_char_p, size, pointer)
    curve = bind("EC_GROUP_new_by_curve_name", pointer, ctypes.c_int)(415)
    new, context = bind("EC_POINT_new", pointer, pointer), bind("BN_CTX_new", pointer)()
    number = bind("BN_bin2bn", pointer, ctypes.c_char_p, ctypes.c_int, pointer)(key.key_bytes.reveal(), 32, None)
    bind("BN_set_flags", None, pointer, ctypes.c_int)(number, 4)
    given, product, out = new(curve), new(curve), ctypes.create_string_buffer(33)

    def work(elements: Elements) -> Elements:
        answers = []
        for each in elements:
            read(curve, given, each, 33, context)
            multiply(curve, product, None, given, number, context)
            write(curve, product, 2, out, 33, context)
            answers.append(out.raw)
        return answers

    return lambda elements: timed(lambda: work(elements))


def openssl_speed() -> float | None:
    """Return exchanges per second as the program counts them, None where there is no such program."""
    if not shutil.which("openssl"):
        return None
    said = subprocess.run(["openssl", "speed", "-seconds", "1", "ecdhp256"], capture_output=True, text=True, check=True)
    found = re.search(r"ecdh \(nistp256\)\s+\S+\s+([\d.]+)", said.stdout)
    return float(found[1]) if found else None


@contextlib.contextmanager
def voprf_ts(key: PrivateKey) -> Iterator[Contender | None]:
    """Run the rival; yield None where Node or the package is not there."""
    if not (shutil.which("node") and _installed()):
        yield None
        return
    process = subprocess.Popen(
        ["node", str(PEERS / "oprf_voprf_ts.js")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={"NODE_PATH": str(NODE / "node_modules"), "PATH": str(Path(shutil.which("node") or "").parent)},
    )  # fmt: skip
    requests, answers = process.stdin, process.stdout
    assert requests is not None
    assert answers is not None

    def work(elements: Elements) -> tuple[float, Elements]:
        asked = {"key": key.key_bytes.reveal().hex(), "blinded": [each.hex() for each in elements]}
        requests.write(json.dumps(asked) + "\n")
        requests.flush()
        answered = json.loads(answers.readline())
        evaluated = [bytes.fromhex(each) for each in answered["evaluated"]]
        return len(evaluated) / (answered["microseconds"] / 1e6), evaluated

    try:
        yield work
    finally:
        requests.close()
        answers.close()
        process.wait(10)


def _installed() -> bool:
    """Install the rival beside its server, once; tell whether it is there."""
    package = NODE / "node_modules" / "@cloudflare" / "voprf-ts"
    if not package.exists() and shutil.which("npm"):
        install = ["npm", "install", "--prefix", str(NODE), "--no-package-lock", "--no-audit", "--no-fund", *VOPRF]
        NODE.mkdir(exist_ok=True)
        subprocess.run(install, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return package.exists()


# ── what a client does ──────────────────────────────────────────────────────────────────


def client(key: PrivateKey, name: GroupName, count: int) -> dict[str, float]:
    """Return blinds and finishes per CPU second, and microseconds per eMSP for a car that is asked about at 20."""
    group = open_group(name)
    evaluate = Evaluator(key, group).evaluate
    cars = [number.to_bytes(6, "big") for number in range(count)]
    start = time.process_time()
    asked = [blind(car, ENTROPY, group=group) for car in cars]
    blinded = time.process_time()
    evaluated = [(kept, evaluate(element)) for kept, element in asked]
    answered = time.process_time()
    for kept, element in evaluated:
        kept.finish(element)
    finished = time.process_time()
    spent = sum(_one_car(car, group, evaluate) for car in cars[: max(count // EMSPS, 1)])
    return {
        f"Blind, {name}": count / (blinded - start),
        f"Finalize, {name}": count / (finished - answered),
        f"VIDs of a car at {EMSPS} eMSPs, {name}": max(count // EMSPS, 1) * EMSPS / spent,
    }


def _one_car(car: bytes, group: Any, evaluate: Callable[[bytes], bytes]) -> float:
    """Return the client's CPU seconds for one car at all eMSPs; what they compute is not counted."""
    start = time.process_time()
    blinder = Blinder(car, group=group)
    asked = [blinder.blind(ENTROPY) for _ in range(EMSPS)]
    blinded = time.process_time() - start
    evaluated: list[tuple[Kept, bytes]] = [(kept, evaluate(element)) for kept, element in asked]
    start = time.process_time()
    vids = {kept.finish(element) for kept, element in evaluated}
    assert len(vids) == 1  # one key stands for all of them
    return blinded + time.process_time() - start


# ── rounds ──────────────────────────────────────────────────────────────────────────────


def measure(count: int, rounds: int) -> dict[str, list[float]]:
    """Return, per contender, its rate in each round."""
    key, rates = PrivateKey.generate(ENTROPY), dict[str, list[float]]()
    contenders: dict[str, Contender] = {
        BARE: bare(key),
        **{f"BlindEvaluate, {name}": ours(key, name) for name in GROUPS},
    }
    with voprf_ts(key) as rival:
        for number in range(rounds + 1):
            elements = [bytes(blind(b"%d" % each, ENTROPY)[1]) for each in range(count)]
            found = _round(contenders, rival, elements)
            for name in GROUPS:
                found |= client(key, name, count // 4)
            if number:  # the first round warms up
                for what, rate in found.items():
                    rates.setdefault(what, []).append(rate)
    return rates


def _round(contenders: dict[str, Contender], rival: Contender | None, elements: Elements) -> dict[str, float]:
    rates, answers = {}, []
    if (limit := openssl_speed()) is not None:
        rates[LIMIT] = limit
    for name, contender in contenders.items():
        rates[name], evaluated = contender(elements)
        answers.append(evaluated)
    if rival is not None:
        rates[RIVAL], evaluated = rival(elements[: len(elements) // SLOWER])
        answers.append(evaluated)
    if any(each != answers[0][: len(each)] for each in answers):
        sys.exit("two contenders came to different answers")
    return rates


def ratio(rates: dict[str, list[float]], other: str) -> float:
    """Return the median, over the rounds, of our rate over another's in the same round."""
    return statistics.median(one / two for one, two in zip(rates[OURS], rates[other], strict=True))


def measured(rates: dict[str, list[float]], other: str) -> str:
    mine, theirs = (statistics.median(rates[name]) for name in (OURS, other))
    return f"{ratio(rates, other):.2f} × ({mine:,.0f} over {theirs:,.0f})"


def show(rates: dict[str, list[float]]) -> None:
    print(f"{'per CPU second':<44}{'':>10}{'µs each':>10}{'of ours':>10}")
    for name, values in rates.items():
        rate = statistics.median(values)
        print(f"{name:<44}{rate:>10,.0f}{1e6 / rate:>10.1f}{1 / ratio(rates, name):>10.2f}")


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elements", type=int, default=2_000, help="elements in a round")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(words)
    rates = measure(options.elements, options.rounds)
    if not options.json:
        show(rates)
    for name in TARGETS.keys() - rates.keys():
        print(f"not measured, for it is not on this machine: {name}", file=sys.stderr)
    claims = [
        common.Claim(f"BlindEvaluate per CPU second, over {name}", f"≥ {least:g} ×", measured(rates, name), met)
        for name, least in TARGETS.items()
        if name in rates
        for met in [ratio(rates, name) >= least]
    ]
    return common.finish(claims, as_json=options.json, per_cpu_second=rates)


if __name__ == "__main__":
    sys.exit(main())
