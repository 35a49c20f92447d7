"""Many photographs of one person -> one embedding, and the distance between two sets of embeddings."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import as_reals, finite_rows


def template(embeddings: Any, weights: Any = None) -> NDArray[np.float32]:
    """One embedding for many of the same person: their weighted mean, scaled to unit length.

    `embeddings` is (n, dimension) float32, n at least 1; `weights` (n,) are numbers of 0 or more, such as
    `Faces.quality`; all count the same without them. The result (dimension,) is float32. Of all unit vectors it has the
    least weighted mean squared distance to unit rows. Raises TypeError for another dtype, ValueError for another
    shape, NaN or infinity, a negative weight, and rows that cancel each other out.

    >>> import numpy
    >>> x = numpy.float32([[1, 0], [0, 1]])
    >>> template(x).round(3).tolist() == numpy.float32([0.707, 0.707]).tolist()
    True
    >>> template(x, weights=[1, 0]).tolist()
    [1.0, 0.0]
    """
    rows = finite_rows(embeddings, "embeddings")
    shares = _weights(weights, len(rows))
    mean = shares @ rows
    length = np.linalg.norm(mean)
    if length <= 1e-6 * np.linalg.norm(rows[shares > 0], axis=1).max():
        raise ValueError("embeddings must not cancel each other out, but their weighted mean is 0")
    unit: NDArray[np.float32] = (mean / length).astype(np.float32)
    return unit


def set_distance(a: Any, b: Any) -> float:
    """The mean squared distance over all pairs of a row of `a` and a row of `b`, without forming the pairs.

    `a` (n, dimension) and `b` (m, dimension) are float32, at least a row each, for instance the frames of two videos:
    the score of FaceNet on YouTube Faces (Schroff et al. 2015, section 5.7), who took the first hundred frames with a
    face. It is `mean |a - mean(a)|^2 + mean |b - mean(b)|^2 + |mean(a) - mean(b)|^2`, in time of n + m, not n m; in
    [0, 4] for unit rows, and 0 for a set and itself only if its rows are equal. Raises TypeError for another dtype,
    ValueError for another shape, NaN or infinity.

    >>> import numpy
    >>> set_distance(numpy.float32([[1, 0], [0, 1]]), numpy.float32([[1, 0]]))
    1.0
    """
    first = finite_rows(a, "a")
    second = finite_rows(b, "b", width=first.shape[1])
    means = first.mean(axis=0), second.mean(axis=0)
    spreads = [((rows - mean) ** 2).sum(axis=1).mean() for rows, mean in zip((first, second), means, strict=True)]
    return float(sum(spreads) + ((means[0] - means[1]) ** 2).sum())


def _weights(weights: Any, rows: int) -> NDArray[np.float64]:
    """Weights that sum to 1."""
    given = np.ones(rows) if weights is None else as_reals(weights, "weights")
    if given.shape != (rows,):
        raise ValueError(f"weights must have shape ({rows},), one for each embedding, not {given.shape}")
    if not (np.isfinite(given) & (given >= 0)).all() or not given.any():
        raise ValueError("weights must be finite numbers of 0 or more, and not all 0")
    scaled = given / given.max()  # whose sum is finite, too
    shares: NDArray[np.float64] = scaled / scaled.sum()
    return shares
