"""Which row stands for a group of rows."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

TIED = 1e-9  # a difference that is only rounding


def members(labels: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """List the rows of each label 0, 1, ... in order; negative labels are left out.

    >>> import numpy
    >>> [rows.tolist() for rows in members(numpy.array([1, -1, 0, 1]))]
    [[2], [0, 3]]
    """
    order = np.argsort(labels, kind="stable").astype(np.int64)
    ends = np.searchsorted(labels[order], np.arange(int(labels.max(initial=-1)) + 2))
    return [order[first:last] for first, last in pairwise(ends)]


def medoid(rows: NDArray[np.float32]) -> int:
    """Find the row with the least mean squared distance to the others; of equal ones the first.

    >>> import numpy
    >>> medoid(numpy.float32([[0], [2], [1]]))
    2
    """
    x = rows.astype(np.float64, order="C")
    away = ((x - x.mean(axis=0)) ** 2).sum(axis=1)  # the mean over j of |x - x_j|^2 is this and a constant
    return int(np.argmax(away <= away.min() * (1 + TIED)))


def medoids(rows: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Find the medoid of each label 0, 1, ...: (labels,) int64 row numbers, -1 for a label without rows.

    >>> import numpy
    >>> medoids(numpy.float32([[0], [2], [1], [5]]), numpy.array([0, 0, 0, 2])).tolist()
    [2, -1, 3]
    """
    return np.array([group[medoid(rows[group])] if len(group) else -1 for group in members(labels)], np.int64)
