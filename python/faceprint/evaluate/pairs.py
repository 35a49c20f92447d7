"""Which pairs of photographs are compared: all of them, or those of a list; and the VAL they give."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .._nearest import Progress
from ..arrays import NAMES, as_embeddings, as_integers, as_list, as_mask, as_row_numbers, check_people
from ..expected import as_kind
from .counted import CountedPairs, count_pairs
from .rates import Roc, Val, roc, val_at_far

BATCH = 65_536  # listed pairs whose distances are computed at a time


class Pairs(Protocol):
    """Pairs of photographs: row numbers of whatever embeddings `vals` is given."""

    @property
    def people(self) -> NDArray[np.int64]:
        """For every photograph, the number of the person it shows."""

    def count(self) -> tuple[int, int]:
        """How many pairs show the same person, and how many different people."""

    def keep(self, rows: NDArray[np.bool_]) -> "Pairs":
        """The pairs among the photographs that are kept, which are numbered anew."""

    def val(self, embeddings: NDArray[np.float32], far: float) -> Val:
        """VAL at a FAR, as `val_at_far`, pairs of one person counted together in the interval."""

    def vals(self, embeddings: NDArray[np.float32], fars: Sequence[float]) -> list[Val]:
        """VAL at each of several FARs, for which the pairs are gone through once."""

    def roc(self, embeddings: NDArray[np.float32]) -> Roc:
        """FAR and VAL at ascending thresholds, as `roc`."""


@dataclass(frozen=True, slots=True, eq=False)
class AllPairs:
    """Every pair of photographs, once. `people` (n,) int64 says whom each of them shows.

    Raises TypeError for others than integers, ValueError for another shape.

    >>> pairs = AllPairs(np.array([0, 0, 1, 2]))
    >>> pairs.count(), pairs.keep(np.array([True, True, True, False])).count()
    ((1, 5), (1, 2))
    """

    people: NDArray[np.int64]

    def __post_init__(self) -> None:
        object.__setattr__(self, "people", as_people(self.people, "people"))

    def count(self) -> tuple[int, int]:
        """How many pairs show the same person, and how many different people."""
        return count_pairs(self.people)

    def keep(self, rows: NDArray[np.bool_]) -> "AllPairs":
        """The pairs among the photographs that are kept, (n,) bool, which are numbered anew; TypeError for others."""
        return AllPairs(self.people[as_mask(rows, "rows", len(self.people), "photograph")])

    def val(self, embeddings: NDArray[np.float32], far: float) -> Val:
        """VAL at a FAR, as `val_at_far`, pairs of one person counted together in the interval."""
        return self.vals(embeddings, [far])[0]

    def vals(
        self,
        embeddings: Any,
        fars: Sequence[float],
        *,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> list[Val]:
        """VAL at each of several FARs, exactly, by one pass over all pairs in the core, or two where they are few.

        No distance is kept, so memory does not grow with the number of pairs: a packed copy of the `embeddings` (n,
        width) float32, and up to 0.2 GB. `progress` is called as in `nearest`. Raises TypeError for another dtype,
        ValueError for another number of rows, NaN or infinity, and for a FAR that is out of range, or for which there
        are too few pairs.

        >>> x = np.array([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]], np.float32)
        >>> found = AllPairs(np.array([0, 0, 1, 2])).vals(x, [0.2, 0.6])
        >>> [(val.val, val.far) for val in found]
        [(1.0, 0.2), (1.0, 0.6)]
        """
        return self._counted(embeddings, threads, progress).vals(fars)

    def roc(self, embeddings: Any, *, threads: int | None = None, progress: Progress | None = None) -> Roc:
        """FAR and VAL, exactly, at thresholds of which there are 1,024 from each power of 2 on; memory as above.

        The intervals take pairs as independent. Raises what `vals` does, and ValueError without pairs of both kinds.

        >>> x = np.array([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]], np.float32)
        >>> curve = AllPairs(np.array([0, 0, 1, 2])).roc(x)
        >>> curve.val.tolist(), curve.far.round(1).tolist()
        ([1.0, 1.0, 1.0, 1.0, 1.0], [0.0, 0.2, 0.6, 0.8, 1.0])
        """
        return self._counted(embeddings, threads, progress).roc()

    def _counted(self, embeddings: Any, threads: int | None, progress: Progress | None) -> CountedPairs:
        rows = _as_each(embeddings, len(self.people), "embeddings")
        return CountedPairs(rows, self.people, threads=threads, progress=progress)


@dataclass(frozen=True, slots=True, eq=False)
class CrossPairs:
    """Every photograph of one set with every one of another, of `people` (n,) and `other_people` (m,) int64.

    Raises TypeError for others than integers, ValueError for another shape.

    >>> x = np.array([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]], np.float32)
    >>> pairs = CrossPairs(np.array([0, 1]), np.array([0, 2]))
    >>> pairs.count(), pairs.vals(x[:2], x[2:], [0.5])[0].val
    ((1, 3), 1.0)
    """

    people: NDArray[np.int64]
    other_people: NDArray[np.int64]

    def __post_init__(self) -> None:
        object.__setattr__(self, "people", as_people(self.people, "people"))
        object.__setattr__(self, "other_people", as_people(self.other_people, "other_people"))

    def count(self) -> tuple[int, int]:
        """How many pairs show the same person, and how many different people."""
        return count_pairs(self.people, self.other_people)

    def vals(
        self,
        embeddings: Any,
        others: Any,
        fars: Sequence[float],
        *,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> list[Val]:
        """As `AllPairs.vals`, of `embeddings` (n, width) with `others` (m, width) float32."""
        return self._counted(embeddings, others, threads, progress).vals(fars)

    def roc(self, embeddings: Any, others: Any, *, threads: int | None = None, progress: Progress | None = None) -> Roc:
        """As `AllPairs.roc`, which says what is refused."""
        return self._counted(embeddings, others, threads, progress).roc()

    def _counted(self, embeddings: Any, others: Any, threads: int | None, progress: Progress | None) -> CountedPairs:
        rows = _as_each(embeddings, len(self.people), "embeddings")
        columns = _as_each(others, len(self.other_people), "others", width=rows.shape[1])
        return CountedPairs(rows, self.people, columns, self.other_people, threads, progress)


@dataclass(frozen=True, slots=True, eq=False)
class ListedPairs:
    """Listed pairs: photographs `a` and `b` (pairs,) int64, of `people` (n,) int64 as in AllPairs.

    Raises TypeError for others than integers, ValueError for other shapes, for photographs that are not there, and for
    a pair of a photograph with itself.

    >>> x = np.array([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]], np.float32)
    >>> pairs = ListedPairs(np.array([0, 0, 1, 2]), a=np.array([0, 0, 0]), b=np.array([1, 2, 3]))
    >>> pairs.count(), pairs.same.tolist(), pairs.distances(x).round(2).tolist()
    ((1, 2), [True, False, False], [0.4, 2.0, 4.0])
    >>> pairs.vals(x, [0.5])[0].val, pairs.keep(np.array([True, True, False, True])).b.tolist()
    (1.0, [1, 2])
    """

    people: NDArray[np.int64]
    a: NDArray[np.int64]
    b: NDArray[np.int64]

    def __post_init__(self) -> None:
        object.__setattr__(self, "people", as_people(self.people, "people"))
        a, b = (as_row_numbers(rows, name, len(self.people)) for rows, name in ((self.a, "a"), (self.b, "b")))
        if a.ndim != 1 or a.shape != b.shape:
            raise ValueError(f"a and b must have the same shape (pairs,), not {a.shape} and {b.shape}")
        for alone in a[a == b][:1]:
            raise ValueError(f"a and b must be two photographs in each pair, not {alone} twice")
        object.__setattr__(self, "a", a)
        object.__setattr__(self, "b", b)

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
        """The pairs among the photographs that are kept, (n,) bool, which are numbered anew; TypeError for others."""
        kept = as_mask(rows, "rows", len(self.people), "photograph")
        number = np.cumsum(kept) - 1
        both = kept[self.a] & kept[self.b]
        return ListedPairs(self.people[kept], number[self.a[both]], number[self.b[both]])

    def distances(self, embeddings: Any) -> NDArray[np.float64]:
        """The squared distance of each pair, by `embeddings` (n, width) float32: (pairs,) float64, NaN where one is.

        Raises TypeError for another dtype, ValueError for another number of rows.
        """
        x = as_photographs(embeddings, self, "embeddings")
        found = np.empty(len(self.a))
        for at in range(0, len(self.a), BATCH):
            batch = slice(at, at + BATCH)
            with np.errstate(invalid="ignore"):  # of infinity less itself, which is NaN
                found[batch] = ((x[self.a[batch]].astype(np.float64) - x[self.b[batch]]) ** 2).sum(axis=1)
        return found

    def val(self, embeddings: NDArray[np.float32], far: float) -> Val:
        """VAL at a FAR, as `val_at_far`, pairs of one person counted together in the interval."""
        return self.vals(embeddings, [far])[0]

    def vals(self, embeddings: NDArray[np.float32], fars: Sequence[float]) -> list[Val]:
        """VAL at each of several FARs, from distances that are computed once. Raises what `val_at_far` does."""
        wanted, between, same = as_list(fars, "fars"), self.distances(embeddings), self.same
        people = self.people[self.a[same]]
        return [val_at_far(between[same], between[~same], far, people=people) for far in wanted]

    def roc(self, embeddings: NDArray[np.float32]) -> Roc:
        """FAR and VAL at every distance at which either changes, as `roc`, which says what is refused."""
        between = self.distances(embeddings)
        return roc(between[self.same], between[~self.same])


def as_people(people: Any, name: str) -> NDArray[np.int64]:
    """Check whom photographs show: (n,) integers, but not -1, which is nobody.

    >>> as_people(["Ann"], "people")
    Traceback (most recent call last):
    TypeError: people must be integers, not <U3; numpy.unique(..., return_inverse=True) numbers names
    """
    array = as_integers(people, name, NAMES)
    if array.ndim != 1:
        raise ValueError(f"{name} must have shape (n,), one for each photograph, not {array.shape}")
    check_people(array, name)
    return array


def as_photographs(x: Any, pairs: ListedPairs, name: str, *, width: int | None = None) -> NDArray[np.float32]:
    """Check embeddings (n, width) float32 of the photographs that pairs are of; ValueError for another number.

    >>> as_photographs(np.zeros((2, 4), np.float32), ListedPairs(np.arange(3), np.array([0]), np.array([1])), "x")
    Traceback (most recent call last):
    ValueError: x must be the 3 photographs that the pairs are of, not 2
    """
    return _as_each(x, len(as_kind(pairs, ListedPairs, "pairs").people), name, width)


def _as_each(x: Any, photographs: int, name: str, width: int | None = None) -> NDArray[np.float32]:
    rows = as_embeddings(x, name, width=width)
    if len(rows) != photographs:
        raise ValueError(f"{name} must be the {photographs} photographs that the pairs are of, not {len(rows)}")
    return rows
