"""Which pairs of photographs are compared: all of them, or those of a list; and the VAL they give."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..distance import distances
from .rates import Val, effective_pairs, false_accepts, just_below, rate, val_at_far

TILE = 2048  # rows and columns whose distances are in memory at a time: 16 MB
BATCH = 65_536  # listed pairs likewise


class Pairs(Protocol):
    """Pairs of photographs: row numbers of whatever embeddings `val` is given."""

    @property
    def people(self) -> NDArray[np.int64]:
        """For every photograph, the number of the person it shows."""

    def count(self) -> tuple[int, int]:
        """How many pairs show the same person, and how many different people."""

    def keep(self, rows: NDArray[np.bool_]) -> "Pairs":
        """The pairs among the photographs that are kept, which are numbered anew."""

    def val(self, embeddings: NDArray[np.float32], far: float) -> Val:
        """VAL at a FAR, as `val_at_far`, pairs of one person counted together in the interval."""


@dataclass(frozen=True, slots=True, eq=False)
class AllPairs:
    """Every pair of photographs, once. `people` (n,) int64 says whom each of them shows."""

    people: NDArray[np.int64]

    def count(self) -> tuple[int, int]:
        """How many pairs show the same person, and how many different people."""
        sizes = np.bincount(self.people)
        same = int((sizes * (sizes - 1) // 2).sum())
        return same, len(self.people) * (len(self.people) - 1) // 2 - same

    def keep(self, rows: NDArray[np.bool_]) -> "AllPairs":
        """The pairs among the photographs that are kept, which are numbered anew."""
        return AllPairs(self.people[rows])

    def val(self, embeddings: NDArray[np.float32], far: float) -> Val:
        """VAL at a FAR, exactly, without all distances in memory: as `val_at_far`.

        Only the smallest distances of different people matter, one more than may be accepted: 4 bytes each are held,
        and a tile of distances. Those of the same person are counted in a second pass, for which the distances are
        computed again; they come out the same to the bit.
        """
        same, different = self.count()
        allowed = false_accepts(far, different)
        smallest = self._smallest_different(embeddings, allowed + 1)
        threshold = just_below(smallest.max())
        accepted, pairs = self._accepted(embeddings, threshold)
        effective = effective_pairs(accepted[pairs > 0], pairs[pairs > 0])
        return rate(int(accepted.sum()), same, effective, threshold, int((smallest <= threshold).sum()), different)

    def _smallest_different(self, x: NDArray[np.float32], wanted: int) -> NDArray[np.float32]:
        kept = np.empty(0, np.float32)
        most = np.float32(np.inf)  # from here on, no distance changes which are the smallest
        for between, rows, columns in _tiles(x):
            different = self.people[rows, None] != self.people[columns]
            kept = np.concatenate([kept, between[different & (between < most)]])
            if len(kept) >= wanted:
                kept = np.partition(kept, wanted - 1)[:wanted]
                most = kept[-1]
        return kept

    def _accepted(self, x: NDArray[np.float32], threshold: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For each person, the pairs at most `threshold` apart, and all pairs."""
        order = np.argsort(self.people, kind="stable")
        sizes = np.bincount(self.people)
        accepted = np.zeros(len(sizes), np.int64)
        for person, rows in enumerate(np.split(order, np.cumsum(sizes)[:-1])):
            accepted[person] = sum(int((between <= threshold).sum()) for between, _, _ in _tiles(x[rows]))
        return accepted, sizes * (sizes - 1) // 2


@dataclass(frozen=True, slots=True, eq=False)
class ListedPairs:
    """Listed pairs: photographs `a` and `b` (pairs,) int64, of `people` (n,) int64 as in AllPairs."""

    people: NDArray[np.int64]
    a: NDArray[np.int64]
    b: NDArray[np.int64]

    @property
    def same(self) -> NDArray[np.bool_]:
        """Which pairs show the same person."""
        same: NDArray[np.bool_] = self.people[self.a] == self.people[self.b]
        return same

    def count(self) -> tuple[int, int]:
        """How many pairs show the same person, and how many different people."""
        same = int(self.same.sum())
        return same, len(self.a) - same

    def keep(self, rows: NDArray[np.bool_]) -> "ListedPairs":
        """The pairs among the photographs that are kept, which are numbered anew."""
        number = np.cumsum(rows) - 1
        both = rows[self.a] & rows[self.b]
        return ListedPairs(self.people[rows], number[self.a[both]], number[self.b[both]])

    def distances(self, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
        """The squared distance of each pair: (pairs,) float64."""
        batches = [slice(at, at + BATCH) for at in range(0, len(self.a), BATCH)]
        steps = (embeddings[self.a[batch]].astype(np.float64) - embeddings[self.b[batch]] for batch in batches)
        return np.concatenate([(step**2).sum(axis=1) for step in steps])

    def val(self, embeddings: NDArray[np.float32], far: float) -> Val:
        """VAL at a FAR, as `val_at_far`, pairs of one person counted together in the interval."""
        between = self.distances(embeddings)
        same = self.same
        return val_at_far(between[same], between[~same], far, people=self.people[self.a[same]])


def _tiles(x: NDArray[np.float32]) -> Iterator[tuple[NDArray[np.float32], slice, slice]]:
    """The distances of every pair of rows, once: infinite on and below the diagonal; with the rows and columns."""
    for top in range(0, len(x), TILE):
        for left in range(top, len(x), TILE):
            rows, columns = slice(top, top + TILE), slice(left, left + TILE)
            between = distances(x[rows], x[columns])
            if left == top:
                between[np.tril_indices(len(between))] = np.inf
            yield between, rows, columns
