"""Squared Euclidean distances from the definition."""

import numpy as np


def distances(queries, gallery):
    queries, gallery = np.asarray(queries, np.float64), np.asarray(gallery, np.float64)
    return np.square(queries[:, None, :] - gallery[None, :, :]).sum(axis=-1)


def similarities(queries, gallery, *, cosine):
    """Dot products, or those of the directions alone."""
    queries, gallery = np.asarray(queries, np.float64), np.asarray(gallery, np.float64)
    if cosine:
        queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
        gallery = gallery / np.linalg.norm(gallery, axis=1, keepdims=True)
    return queries @ gallery.T


def budget(depth, largest_norm=1.0):
    """How far float32 distances may be off.

    Both norms and the product are chains of `depth` roundings of at most 2^-24 of the magnitudes they sum, the doubled
    product weighs no more than both norms, and two roundings join the three.
    """
    return (2 * depth + 4) * 2.0**-24 * 2 * largest_norm
