"""All squared Euclidean distances between two sets of embeddings, and what may be a threshold for one."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._nearest import Progress
from .arrays import as_embeddings
from .expected import as_number


def distances(
    x: Any,
    y: Any,
    *,
    out: NDArray[np.float32] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Squared Euclidean distance of every row of `x` to every row of `y`.

    `x` (rows, width) and `y` (others, width) are float32, as numpy arrays or anything in CPU memory that speaks DLPack.
    The result (rows, others) is float32 and never negative; between unit vectors it lies in [0, 4]. It is written into
    `out` where given. Equal rows are exactly 0 apart, `distances(x, x)` is symmetric to the bit, and neither `threads`
    (None: every CPU this process may use) nor the backend changes a bit.

    Sums are of float32: a distance is off by at most (width + 2) / 2^23 of `|x|^2 + |y|^2`, by 2e-7 on average
    between unit rows of 128 numbers. Of rows that are far from the origin and near one another little is left: subtract
    a common point from both before.

    `progress` is called as in `nearest`; what it raises, or Ctrl-C, ends the call and leaves `out` partly written.

    Raises TypeError for another dtype; ValueError for shapes that do not agree, for values that are not finite or lie
    outside [-1e15, 1e15], for rows whose numbers are not adjacent in memory, and for an `out` that is read-only, of
    another shape, or in the memory of `x` or `y`.

    >>> import numpy as np
    >>> x = np.array([[1, 0], [0, 1]], np.float32)
    >>> distances(x, x)
    array([[0., 2.],
           [2., 0.]], dtype=float32)
    """
    rows = as_embeddings(x, "x")
    others = as_embeddings(y, "y", width=rows.shape[1])
    return _core.distances(rows, others, out, threads or 0, progress)


def as_threshold(distance: float, name: str = "threshold") -> float:
    """Check that a threshold is a squared distance of unit vectors, in [0, 4]; ValueError otherwise.

    >>> as_threshold(4.5)
    Traceback (most recent call last):
    ValueError: threshold must be a squared distance in [0, 4], not 4.5
    """
    number = as_number(distance, name)
    if not 0 <= number <= 4:
        raise ValueError(f"{name} must be a squared distance in [0, 4], not {distance}")
    return number


def as_farthest(max_distance: float | None) -> float:
    """Check the distance beyond which nobody is an answer; None stands for infinity.

    >>> as_farthest(None), as_farthest(0.3)
    (inf, 0.3)
    """
    return np.inf if max_distance is None else as_threshold(max_distance, "max_distance")
