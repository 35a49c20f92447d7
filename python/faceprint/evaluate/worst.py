"""The pairs that are hardest to tell: a person's photographs farthest apart, and different people's nearest."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._nearest import within
from ..distance import distances
from ..medoids import members
from .pairs import AllPairs, ListedPairs
from .rates import Roc

BLOCK = 2048  # rows whose neighbours, or whose distances, are in memory at a time
SPARE = 16  # times as many pairs are looked at, for many are of the same people


@dataclass(frozen=True, slots=True)
class HardPair:
    """Two photographs, by number, and the squared `distance` of their faces."""

    a: int
    b: int
    distance: float


def hardest_same(x: NDArray[np.float32], pairs: AllPairs | ListedPairs, number: int) -> list[HardPair]:
    """Find up to `number` pairs of the same person that lie farthest apart, one of each person, farthest first.

    >>> x = np.array([[0], [1], [3], [9], [5]], np.float32)
    >>> [(pair.a, pair.b, pair.distance) for pair in hardest_same(x, AllPairs(np.array([0, 0, 0, 1, 1])), 3)]
    [(3, 4, 16.0), (0, 2, 9.0)]
    """
    if isinstance(pairs, ListedPairs):
        found = _listed(x, pairs, pairs.same)
    else:
        found = (pair for rows in members(pairs.people) for pair in _farthest(x, rows))
    return _first_of_each(sorted(found, key=lambda pair: -pair.distance), pairs.people, number)


def hardest_different(x: NDArray[np.float32], pairs: AllPairs | ListedPairs, curve: Roc, number: int) -> list[HardPair]:
    """Find up to `number` pairs of different people that lie nearest, one of any two people, nearest first.

    `curve` is the ROC of the same pairs, which tells how far one must look.

    >>> x, pairs = np.array([[0], [1], [3], [9]], np.float32), AllPairs(np.array([0, 1, 0, 2]))
    >>> [(pair.a, pair.b, pair.distance) for pair in hardest_different(x, pairs, pairs.roc(x), 2)]
    [(0, 1, 1.0), (2, 3, 36.0)]
    """
    if isinstance(pairs, ListedPairs):
        found = _listed(x, pairs, ~pairs.same)
    else:
        enough = int(np.searchsorted(curve.far * pairs.count()[1], SPARE * number - 0.5))
        limit = float(curve.thresholds[min(enough, len(curve.thresholds) - 1)])
        found = _strangers_within(x, pairs.people, limit)
    return _first_of_each(sorted(found, key=lambda pair: pair.distance), pairs.people, number)


def _listed(x: NDArray[np.float32], pairs: ListedPairs, chosen: NDArray[np.bool_]) -> Iterator[HardPair]:
    between = pairs.distances(x)
    for row in np.flatnonzero(chosen):
        yield HardPair(int(pairs.a[row]), int(pairs.b[row]), float(between[row]))


def _farthest(x: NDArray[np.float32], rows: NDArray[np.int64]) -> Iterator[HardPair]:
    """The two photographs of a person that are farthest apart."""
    if len(rows) < 2:
        return
    found = []
    for start in range(0, len(rows), BLOCK):
        between = distances(x[rows[start : start + BLOCK]], x[rows])
        at, to = divmod(int(between.argmax()), len(rows))
        a, b = sorted((int(rows[start + at]), int(rows[to])))
        found.append(HardPair(a, b, float(between[at, to])))
    yield max(found, key=lambda pair: pair.distance)


def _strangers_within(x: NDArray[np.float32], people: NDArray[np.int64], limit: float) -> Iterator[HardPair]:
    for start in range(0, len(x), BLOCK):
        offsets, between, others = within(x[start : start + BLOCK], x, limit)
        rows = start + np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        for pair in np.flatnonzero((people[rows] != people[others]) & (rows < others)):
            yield HardPair(int(rows[pair]), int(others[pair]), float(between[pair]))


def _first_of_each(found: Iterable[HardPair], people: NDArray[np.int64], number: int) -> list[HardPair]:
    """The first pair of each two people, or of each person, up to a number."""
    kept: dict[tuple[int, int], HardPair] = {}
    for pair in found:
        if len(kept) == number:
            break
        kept.setdefault((min(people[[pair.a, pair.b]]), max(people[[pair.a, pair.b]])), pair)
    return list(kept.values())
