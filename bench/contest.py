"""How contestants are timed: interleaved rounds, in rotating order, with medians."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

PAUSE = 0.1  # seconds before each call, so that nobody's idle threads still spin when the next one starts
SLOW, SLOWEST = 10.0, 60.0  # seconds of a call from which fewer rounds are taken
SLOW_ROUNDS = 3

# Distances and row numbers, or a whole matrix.
Answer = tuple[NDArray[Any], ...]


@dataclass
class Contestant:
    """Somebody to whom a question is put; `ask` gives the answer."""

    name: str
    ask: Callable[[], Answer]
    exact: bool = True  # promises the float32 answer
    number_bytes: int | None = None  # of each number that a full scan reads; None where it skips some
    facts: dict[str, Any] = field(default_factory=dict)  # what else is to be told: seconds to build, settings
    least_rounds: int = 1  # taken however long they are

    @property
    def ours(self) -> bool:
        """Whether this is faceprint."""
        return self.name.startswith("faceprint")


@dataclass
class Result:
    """What a contestant answered first, and how long it took in each round."""

    contestant: Contestant
    answer: Answer
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The median of the rounds."""
        return float(np.median(self.seconds))


def compete(contestants: Sequence[Contestant], rounds: int) -> list[Result]:
    """Run each contestant once to warm up and to have its answer, then once a round, each round beginning with another.

    Who takes more than 10 seconds a call runs 3 rounds only, more than 60 seconds `least_rounds`.
    """
    results, allowed = [], []
    for contestant in contestants:
        time.sleep(PAUSE)
        start = time.perf_counter()
        results.append(Result(contestant, contestant.ask()))
        cost = time.perf_counter() - start
        patience = 1 if cost > SLOWEST else SLOW_ROUNDS if cost > SLOW else rounds
        allowed.append(min(rounds, max(patience, contestant.least_rounds)))
    for turn in range(rounds):
        for place in range(len(results)):
            at = (turn + place) % len(results)
            if turn < allowed[at]:
                time.sleep(PAUSE)
                start = time.perf_counter()
                results[at].contestant.ask()
                results[at].seconds.append(time.perf_counter() - start)
    return results


def recall(found: NDArray[Any], truth: NDArray[Any]) -> float:
    """The share of the true neighbours that were found."""
    hits = [np.intersect1d(a, b).size for a, b in zip(found, truth, strict=True)]
    return float(np.sum(hits) / truth.size)
