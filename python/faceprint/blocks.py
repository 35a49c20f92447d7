"""Rows that are kept in blocks, too many for one machine: the steps of exact searches among them.

Each is a pure function of the blocks it is given, for whatever engine runs it. `faceprint.ray` is one such engine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._nearest import Metric, Progress, as_k
from .arrays import as_embeddings, as_integers
from .expected import as_kind
from .lists import Lists

NOBODY = np.iinfo(np.int64).max  # whose place in a list is empty


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Some rows of a larger whole, packed as the kernels read them; `numbers` (rows,) int64 are their rising names."""

    packed: _core.Gallery
    numbers: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.numbers)


def pack_block(x: Any, numbers: Any, *, codes: bool = False) -> Block:
    """Pack rows (n, dimension) float32, which are named by `numbers` (n,) integers that rise.

    With `codes`, which only searches read, a gallery is kept beside the rows that makes them faster.

    Raises TypeError for other dtypes, ValueError for other shapes, for numbers that do not rise, for an empty block,
    and for rows with NaN or infinity.

    >>> import numpy
    >>> len(pack_block(numpy.eye(3, dtype=numpy.float32), [4, 5, 9]))
    3
    """
    rows, named = as_embeddings(x, "x"), as_integers(numbers, "numbers")
    if not len(rows):
        raise ValueError("a block must have at least one row, not 0")
    if named.shape != (len(rows),) or (np.diff(named) <= 0).any():
        raise ValueError(f"numbers must be {len(rows)} that rise, one for each row, not {named.shape} of them")
    packed = _core.Gallery(rows.shape[1], codes=codes)
    packed.append(rows)
    return Block(packed, named)


def nearest_in_block(
    x: Any,
    block: Block,
    k: int,
    *,
    metric: Metric = "squared-euclidean",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Lists:
    """Find the `k` rows of a block nearest to each row of `x`, as `nearest`, or all of them where there are fewer.

    Raises what `nearest` does, and TypeError for what is no block.

    >>> import numpy
    >>> x = numpy.eye(3, dtype=numpy.float32)
    >>> nearest_in_block(x[:1], pack_block(x, [4, 5, 9]), 2).indices.tolist()
    [[4, 5]]
    """
    queries = as_embeddings(x, "x", width=as_kind(block, Block, "block").packed.columns)
    found = _core.nearest(queries, block.packed, min(as_k(k), len(block)), metric, "auto", threads or 0, progress)
    return Lists(found[0], block.numbers[found[1]])


def merge_lists(lists: Sequence[Lists], k: int, *, metric: Metric = "squared-euclidean") -> Lists:
    """Keep the `k` nearest of several lists of the same rows, or all where there are fewer; ties by number.

    Raises TypeError for others than `Lists`, ValueError for none of them and for k below 1.

    >>> import numpy
    >>> one = Lists(numpy.float32([[0, 2]]), numpy.array([[7, 1]]))
    >>> merge_lists([one, Lists(numpy.float32([[2]]), numpy.array([[0]]))], 2).indices.tolist()
    [[7, 0]]
    """
    if not lists:
        raise ValueError("lists must be one or more, not none")
    for each in lists:
        as_kind(each, Lists, "lists")
    values = np.concatenate([each.distances for each in lists], axis=1)
    indices = np.concatenate([each.indices for each in lists], axis=1)
    keys = values if metric == "squared-euclidean" else -values
    best = np.lexsort((indices, keys))[:, : as_k(k)]
    return Lists(np.take_along_axis(values, best, 1), np.take_along_axis(indices, best, 1))


def list_block(
    block: Block,
    k: int,
    *,
    metric: Metric = "squared-euclidean",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Lists:
    """List the `k` nearest other rows of each row of a block within it: what `join_blocks` begins with.

    Where the block has fewer, the places behind are empty: infinitely far, and of the number `NOBODY`. Raises TypeError
    for what is no block, ValueError for k below 1.

    >>> import numpy
    >>> lists = list_block(pack_block(numpy.eye(2, dtype=numpy.float32), [4, 5]), 2)
    >>> lists.distances.tolist(), lists.indices[:, 0].tolist()
    ([[2.0, inf], [2.0, inf]], [5, 4])
    """
    as_kind(block, Block, "block")
    k = as_k(k)
    worst = np.inf if metric == "squared-euclidean" else -np.inf
    lists = Lists(np.full((len(block), k), worst, np.float32), np.full((len(block), k), NOBODY))
    here = min(k, len(block) - 1)
    if here:
        found = _core.neighbours(block.packed, here, metric, threads or 0, progress)
        lists.distances[:, :here], lists.indices[:, :here] = found[0], block.numbers[found[1]]
    return lists


def join_blocks(
    one: Block,
    one_lists: Lists,
    other: Block,
    other_lists: Lists,
    *,
    metric: Metric = "squared-euclidean",
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[Lists, Lists]:
    """Put the rows of two blocks on each other's lists, where they are near enough; each pair is computed once.

    Once each block has listed its own and each two of them were joined, in any order, the lists are those of
    `neighbours` over all rows in the order of their numbers, to the bit. What is given is left as it is.

    Raises ValueError for lists of another shape than those of `list_block`, and for rows of different dimensions.

    >>> import numpy
    >>> a, b = (pack_block(numpy.float32([[x], [y]]), n) for x, y, n in ((0, 3, [0, 1]), (1, 9, [2, 3])))
    >>> joined = join_blocks(a, list_block(a, 1), b, list_block(b, 1))
    >>> [lists.indices.ravel().tolist() for lists in joined]
    [[2, 2], [0, 1]]
    """
    known = [Lists(lists.distances.copy(), lists.indices.copy()) for lists in (one_lists, other_lists)]
    sides = [
        (block.packed, block.numbers, lists.distances, lists.indices)
        for block, lists in zip((one, other), known, strict=True)
    ]
    _core.join(*sides[0], *sides[1], metric, threads or 0, progress)
    return known[0], known[1]
