"""Lists of neighbours that do not depend on the order of rows, and grow when rows are added."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._nearest import Progress, nearest, neighbours, stage


@dataclass(frozen=True, slots=True, eq=False)
class Lists:
    """The nearest other rows of each row: `distances` and `indices` (n, k), the nearest first."""

    distances: NDArray[np.float32]
    indices: NDArray[np.int64]


def order_by_content(rows: NDArray[np.float32]) -> NDArray[np.int64]:
    """Sort rows by their bytes: (n,) int64; whatever is done in this order cannot depend on another one.

    >>> import numpy
    >>> order_by_content(numpy.float32([[1, 0], [2, 0]])).tolist()
    [1, 0]
    """
    if not rows.size:
        return np.arange(len(rows))
    whole = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1] * rows.itemsize))).ravel()
    return np.argsort(whole, kind="stable").astype(np.int64)


def find_lists(rows: NDArray[np.float32], k: int, threads: int | None, progress: Progress | None) -> Lists:
    """List the `k` nearest of each row, or all others where these are fewer."""
    k = min(k, len(rows) - 1)
    if k < 1:
        return Lists(np.empty((len(rows), 0), np.float32), np.empty((len(rows), 0), np.int64))
    return Lists(*neighbours(rows, k, threads=threads, progress=progress))


def extend_lists(
    lists: Lists,
    rows: NDArray[np.float32],
    old: NDArray[np.int64],
    new: NDArray[np.int64],
    k: int,
    threads: int | None,
    progress: Progress | None,
) -> Lists:
    """List neighbours among all `rows` where `lists` has those among `old` ones, without comparing these again.

    `old` and `new` are where both stand among `rows`; indices of `lists` count within `old`, which ascends in the same
    order. The result is that of `find_lists(rows, k)`.
    """
    k = min(k, len(rows) - 1)
    if not len(new):
        return Lists(np.ascontiguousarray(lists.distances[:, :k]), np.ascontiguousarray(lists.indices[:, :k]))
    distances, indices = np.empty((len(rows), k), np.float32), np.empty((len(rows), k), np.int64)
    first = len(rows) / (len(rows) + len(old))  # as many pairs as `new` makes with all, of all that are formed
    fresh, others = nearest(rows[new], rows, k + 1, threads=threads, progress=stage(progress, 0, first))
    is_self = others == new[:, None]
    is_self[~is_self.any(axis=1), k] = True  # so many equal rows come before it that it is not on its own list
    distances[new], indices[new] = fresh[~is_self].reshape(-1, k), others[~is_self].reshape(-1, k)
    if len(old):
        told = stage(progress, first, 1)
        added, which = nearest(rows[old], rows[new], min(k, len(new)), threads=threads, progress=told)
        both = np.concatenate([lists.distances, added], axis=1)
        who = np.concatenate([old[lists.indices], new[which]], axis=1)
        best = np.lexsort((who, both))[:, :k]
        distances[old], indices[old] = np.take_along_axis(both, best, 1), np.take_along_axis(who, best, 1)
    return Lists(distances, indices)
