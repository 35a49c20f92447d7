"""Rounds of one target after the other, each made again by its number, as `driver.hpp` does it for C++.

`attempt` draws a case and tries it, in an empty folder of its own. It returns what it likes where that goes well, may
raise what is `allowed`, and nothing else: anything else is a finding.
"""

import argparse
import ctypes
import faulthandler
import os
import random
import resource
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from faceprint import CollapseWarning

SLOW = 20.0  # seconds for one round: far more than any takes, even on a busy machine
SANITIZED = hasattr(ctypes.CDLL(None), "__asan_init")  # ASan takes most addresses, and ends where memory does
MEMORY = 2 * 2**30  # bytes of address space that all rounds together may take


@dataclass(frozen=True)
class Target:
    """What is attacked, and which errors it promises."""

    name: str
    attempt: Callable[[random.Random, Path], object]
    allowed: tuple[type[Exception], ...]


@dataclass
class Counts:
    """What became of the rounds."""

    accepted: int = 0
    refused: int = 0
    findings: int = 0


def one_round(target: Target, number: int) -> str:
    """Run a round: "accepted", "refused", or a sentence on what must not be."""
    chance = random.Random(f"{target.name} {number}")
    start = time.perf_counter()
    verdict = "accepted"
    with tempfile.TemporaryDirectory() as folder:
        try:
            target.attempt(chance, Path(folder))
        except target.allowed:
            verdict = "refused"
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            where = traceback.extract_tb(error.__traceback__)[-1]
            return f"raised {type(error).__name__}: {error} ({Path(where.filename).name}, line {where.lineno})"
    seconds = time.perf_counter() - start
    return verdict if seconds < SLOW else f"took {seconds:.0f} s"


def run(target: Target, first: int, rounds: int | None, seconds: float | None, script: str) -> Counts:
    """Run so many rounds, or for so long, and print what is found."""
    counts, end = Counts(), time.monotonic() + (seconds or float("inf"))
    number, again = first, f"again: python {script} {target.name} --round"
    while (rounds is None or number < first + rounds) and time.monotonic() < end:
        faulthandler.dump_traceback_later(3 * SLOW, exit=True, file=sys.__stderr__)
        verdict = one_round(target, number)
        faulthandler.cancel_dump_traceback_later()
        if verdict in ("accepted", "refused"):
            setattr(counts, verdict, getattr(counts, verdict) + 1)
        else:
            counts.findings += 1
            print(f"{target.name}: {verdict}\n{again} {number}", flush=True)
        number += 1
    return counts


def main(targets: Sequence[Target], script: str, description: str | None) -> None:
    """Run the targets that the command line names, or all."""
    known = {target.name: target for target in targets}
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", choices=[*known, []], help="all, if none is named")
    parser.add_argument("--seed", type=int, default=0, help="the first round's number")
    parser.add_argument("--rounds", type=int, help="how many of each target")
    parser.add_argument("--seconds", type=float, help="for how long each target")
    parser.add_argument("--round", type=int, help="only this one")
    arguments = parser.parse_args()
    if arguments.round is not None:
        arguments.seed, arguments.rounds = arguments.round, 1
    if arguments.rounds is None and arguments.seconds is None:
        parser.error("give --rounds or --seconds, for rounds never end")
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"  # its own takes half of that at once
    if not SANITIZED:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    faulthandler.enable()
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", CollapseWarning)
    warnings.filterwarnings("ignore", "invalid escape sequence")  # of pickletools, for texts of the first protocol
    findings = 0
    for name in arguments.targets or known:
        counts = run(known[name], arguments.seed, arguments.rounds, arguments.seconds, script)
        print(f"{name}: {counts.accepted} accepted, {counts.refused} refused, {counts.findings} findings", flush=True)
        findings += counts.findings
    sys.exit(1 if findings else 0)
