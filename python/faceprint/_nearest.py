"""Exact nearest neighbours: of queries in a gallery, and of embeddings among themselves."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from .arrays import as_embeddings


def nearest(
    x: Any, gallery: Any, k: int = 10, *, threads: int | None = None
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Find the `k` rows of the gallery nearest to each row of `x`, exactly: (distances, indices).

    `x` (rows, width) is float32, as a numpy array or anything in CPU memory that speaks DLPack. The gallery is a
    faceprint.Gallery, or an array like `x`, which is packed anew by each call. Distances (rows, k) are squared
    Euclidean, float32, ascending; indices (rows, k) are int64 row numbers of the gallery. Of equal distances the lower
    index comes first. Neither `threads` (None: every CPU this process may use) nor the backend changes a bit.

    Raises TypeError for another dtype; ValueError for shapes that do not agree, for an empty gallery, unless
    1 <= k <= rows of the gallery, and for values that are not finite or lie outside [-1e15, 1e15].

    >>> import numpy as np
    >>> gallery = np.array([[1, 0], [0, 1], [-1, 0]], np.float32)
    >>> nearest(gallery[:1], gallery, k=2)
    (array([[0., 2.]], dtype=float32), array([[0, 1]]))
    """
    packed = getattr(gallery, "packed", None)
    if packed is None:
        packed = _packed(as_embeddings(gallery, "gallery"))
    return _core.nearest(as_embeddings(x, "x", width=packed.columns), packed, k, threads or 0)


def neighbours(x: Any, k: int = 80, *, threads: int | None = None) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Find the `k` other rows of `x` nearest to each row, exactly: (distances, indices).

    As `nearest(x, x, k)`, except that a row is not its own neighbour. Rows are told apart by number, not by content:
    an equal row elsewhere is a neighbour at distance 0. Raises ValueError also unless 1 <= k <= rows - 1.

    >>> import numpy as np
    >>> neighbours(np.array([[1, 0], [0, 1], [-1, 0]], np.float32), k=1)
    (array([[2.],
           [2.],
           [2.]], dtype=float32), array([[1],
           [0],
           [1]]))
    """
    return _core.neighbours(as_embeddings(x, "x"), k, threads or 0)


def _packed(embeddings: NDArray[np.float32]) -> _core.Gallery:
    gallery = _core.Gallery(embeddings.shape[1])
    gallery.append(embeddings)
    return gallery
