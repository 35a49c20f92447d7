"""Nearest neighbours by sorting everything."""

import numpy as np


def nearest(distances, k):
    """(distances, indices) of the k least in each row of a matrix of distances; of equal ones the lower index first."""
    indices = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distances, indices, axis=1), indices


def neighbours(distances, k):
    """The same for a square matrix of distances, without the diagonal."""
    others = distances.astype(np.float64)
    np.fill_diagonal(others, np.inf)
    found, indices = nearest(others, k)
    return found.astype(distances.dtype), indices
