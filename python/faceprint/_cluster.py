"""Embeddings -> people: which rows are of the same person, and which row stands for each."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._nearest import Progress
from .arrays import as_embeddings
from .distance import as_threshold

JUNK = -1
THRESHOLD = 0.14  # of the bundled network, as its recipe says; a test holds the two together


@dataclass(frozen=True, slots=True, eq=False)
class Clustering:
    """Who is whom: `labels` (n,) int64 from 0, numbered by first member; `representatives` (people,) int64 row numbers.

    Junk belongs to nobody and has label -1. The representative of a person is the medoid: the row with the least mean
    distance to the person's others.
    """

    labels: NDArray[np.int64]
    representatives: NDArray[np.int64]
    threshold: float

    def __len__(self) -> int:
        return len(self.representatives)


def cluster(
    x: Any,
    *,
    threshold: float | None = None,
    junk: Any = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Clustering:
    """Group embeddings (n, dimension) float32 into people by average linkage (Sokal and Michener 1958), exactly.

    The two groups nearest to each other on average are merged as long as that average squared distance is at most
    `threshold`, in [0, 4]; the default suits the bundled network (`model.recipe.clustering` has another's). Memory
    grows with n, time with its square. The order of rows changes only the numbering, but for exact ties. Rows
    where `junk` (n,) bool is true, such as `faces.quality < 0.8`, belong to nobody: label -1, and of no influence on
    the others.

    `progress` is called now and then with the share of the work that is done, in [0, 1]; what it raises, or Ctrl-C,
    ends the call at once. Raises TypeError for another dtype, ValueError for another shape, NaN, infinity or a
    threshold out of range.

    >>> import numpy
    >>> found = cluster(numpy.float32([[1, 0], [0, 1], [0.8, 0.6]]), threshold=0.5)
    >>> found.labels.tolist(), found.representatives.tolist()
    ([0, 1, 0], [0, 1])
    >>> cluster(numpy.float32([[1, 0], [0, 1], [0.8, 0.6]]), junk=numpy.array([True, False, False])).labels.tolist()
    [-1, 0, 1]
    """
    rows = as_embeddings(x, "embeddings")
    stop = as_threshold(THRESHOLD if threshold is None else threshold)
    kept = np.flatnonzero(~_mask(junk, len(rows)))
    found = _core.average_linkage(np.ascontiguousarray(rows[kept]), stop, threads or 0, progress)
    labels = np.full(len(rows), JUNK, np.int64)
    labels[kept] = found
    return Clustering(labels, kept[_medoids(rows[kept].astype(np.float64), found)], stop)


def _mask(junk: Any, rows: int) -> NDArray[np.bool_]:
    if junk is None:
        return np.zeros(rows, bool)
    mask = np.asarray(junk)
    if mask.dtype != bool:
        raise TypeError(f"junk must be bool, not {mask.dtype}")
    if mask.shape != (rows,):
        raise ValueError(f"junk must have shape ({rows},), one for each embedding, not {mask.shape}")
    return mask


def _medoids(rows: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    people = int(labels.max(initial=-1)) + 1
    sums = np.zeros((people, rows.shape[1]))
    np.add.at(sums, labels, rows)
    sizes = np.bincount(labels, minlength=people)
    # sum over j of |x - x_j|^2 is size |x|^2 - 2 x . sum + a constant of the person
    spread = sizes[labels] * (rows**2).sum(axis=1) - 2 * (rows * sums[labels]).sum(axis=1)
    order = np.lexsort((np.arange(len(rows)), spread.round(9), labels))  # rounded, so that equal rows tie
    first = np.ones(len(rows), bool)
    first[1:] = labels[order][1:] != labels[order][:-1]
    return order[first].astype(np.int64)
