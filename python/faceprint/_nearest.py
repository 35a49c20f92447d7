"""Exact nearest neighbours: of queries in a gallery, and of embeddings among themselves."""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import _core
from .arrays import as_embeddings
from .expected import as_whole

Metric: TypeAlias = Literal["squared-euclidean", "cosine", "dot"]
Progress: TypeAlias = Callable[[float], object]
CODES_FROM = 256  # queries from which finding the codes of a gallery that is used once is made up for


def nearest(
    x: Any,
    gallery: Any,
    k: int = 10,
    *,
    metric: Metric = "squared-euclidean",
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Find the `k` rows of the gallery nearest to each row of `x`, exactly: (distances, indices).

    `x` (rows, width) is float32, as a numpy array or anything in CPU memory that speaks DLPack. The gallery is a
    faceprint.Gallery, or an array like `x`, which is packed anew by each call. Distances (rows, k) are squared
    Euclidean, float32, ascending; with `metric` "cosine" or "dot" they are similarities instead, descending. Indices
    (rows, k) are int64 row numbers of the gallery. Of equal values the lower index comes first. Neither `threads`
    (None: every CPU this process may use) nor the backend changes a bit.

    `progress` is called with the share of the work that is done: with 0 first, now and then as it rises, and with 1
    when all is done; what it raises, or Ctrl-C, ends the call at once.

    Raises TypeError for another dtype; ValueError for shapes that do not agree, for an empty gallery, unless
    1 <= k <= rows of the gallery, for values that are not finite or lie outside [-1e15, 1e15], for rows whose numbers
    are not adjacent in memory, and for rows of length 1e-15 or less where the metric is the cosine.

    >>> import numpy as np
    >>> gallery = np.array([[1, 0], [0, 1], [-1, 0]], np.float32)
    >>> nearest(gallery[:1], gallery, k=2)
    (array([[0., 2.]], dtype=float32), array([[0, 1]]))
    >>> nearest(gallery[:1], gallery, k=2, metric="cosine")
    (array([[1., 0.]], dtype=float32), array([[0, 1]]))
    """
    packed, queries = _both(x, gallery)
    return _core.nearest(queries, packed, k, metric, "auto", threads or 0, progress)[:2]


def within(
    x: Any,
    gallery: Any,
    limit: float,
    *,
    metric: Metric = "squared-euclidean",
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """Find all rows of the gallery whose distance to a row of `x` is at most `limit`: (offsets, distances, indices).

    Compressed sparse rows: those of row i of `x` are `distances[offsets[i]:offsets[i + 1]]`, and the same of `indices`,
    in the order of `nearest`. With `metric` "cosine" or "dot", those whose similarity is at least `limit`. Offsets
    (rows + 1,) and indices are int64, distances float32. Memory grows by these arrays and no more. Otherwise as
    `nearest`. Raises what that does, TypeError for a limit that is no number, and ValueError for one of NaN and for a
    distance below 0. The limit is rounded to float32, as distances are.

    >>> import numpy as np
    >>> gallery = np.array([[1, 0], [0, 1], [-1, 0]], np.float32)
    >>> offsets, distances, indices = within(gallery, gallery, 2)
    >>> offsets.tolist(), indices.tolist()
    ([0, 2, 5, 7], [0, 1, 1, 0, 2, 2, 1])
    """
    packed, queries = _both(x, gallery)
    return _core.within(queries, packed, limit, metric, "auto", threads or 0, progress)[:3]


def neighbours(
    x: Any,
    k: int = 80,
    *,
    metric: Metric = "squared-euclidean",
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Find the `k` other rows of `x` nearest to each row, exactly: (distances, indices).

    As `nearest(x, x, k)`, except that a row is not its own neighbour, and each pair is computed once. Rows are told
    apart by number, not by content: an equal row elsewhere is a neighbour at distance 0. Raises ValueError also unless
    1 <= k <= rows - 1.

    >>> import numpy as np
    >>> neighbours(np.array([[1, 0], [0, 1], [-1, 0]], np.float32), k=1)
    (array([[2.],
           [2.],
           [2.]], dtype=float32), array([[1],
           [0],
           [1]]))
    """
    packed = _packed(as_embeddings(x, "x"), codes=False)
    return _core.neighbours(packed, k, metric, threads or 0, progress)


def as_k(k: int) -> int:
    """Check how many nearest rows are wanted, of which there may be fewer; errors are those of `as_whole`.

    >>> as_k(0)
    Traceback (most recent call last):
    ValueError: k must be 1 or more, not 0
    """
    return as_whole(k, "k", 1)


def stage(progress: Progress | None, first: float, last: float) -> Progress | None:
    """Make a stage of work that lasts from `first` to `last` of the whole tell `progress` the share of the whole.

    >>> stage(print, 0.5, 1)(0.5)
    0.75
    """
    if progress is None:
        return None
    if not callable(progress):
        raise TypeError(f"progress must be callable or None, not {type(progress).__name__}")
    return lambda done: progress(first + (last - first) * done)


def _both(x: Any, gallery: Any) -> tuple[_core.Gallery, NDArray[np.float32]]:
    packed = getattr(gallery, "packed", None)
    if packed is not None:
        return packed, as_embeddings(x, "x", width=packed.columns)
    rows = as_embeddings(gallery, "gallery")
    queries = as_embeddings(x, "x", width=rows.shape[1])
    return _packed(rows, codes=len(queries) >= CODES_FROM), queries


def _packed(embeddings: NDArray[np.float32], *, codes: bool) -> _core.Gallery:
    gallery = _core.Gallery(embeddings.shape[1], codes=codes)
    gallery.append(embeddings)
    return gallery
