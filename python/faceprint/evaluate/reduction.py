"""Embeddings of fewer numbers: the first ones, or their principal components."""

import numpy as np
from numpy.typing import NDArray

from ..network import unit_rows


def principal_axes(x: NDArray[np.float32]) -> NDArray[np.float64]:
    """The directions along which unit embeddings `x` (n, dimension) extend most, as columns, the greatest first.

    Principal component analysis (Pearson 1901) about the origin rather than the mean: all components together are a
    turn of the sphere, which changes no distance, and what is left after leaving some out can be scaled to unit length.
    """
    rows = x.astype(np.float64)
    return np.linalg.eigh(rows.T @ rows).eigenvectors[:, ::-1]


def reduce(x: NDArray[np.float32], dimension: int, axes: NDArray[np.float64] | None = None) -> NDArray[np.float32]:
    """Embeddings of `dimension` numbers, unit rows: the first components along `axes`, or else the first numbers.

    >>> import numpy as np
    >>> x = np.array([[0.6, 0.8], [0.8, 0.6]], np.float32)
    >>> reduce(x, 1, principal_axes(x)).ravel().round(3).tolist() in ([1, 1], [-1, -1])
    True
    """
    turned = x if axes is None else x @ axes
    return unit_rows(turned[:, :dimension].astype(np.float32))
