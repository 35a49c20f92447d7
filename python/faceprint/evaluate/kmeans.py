"""Parts of the space of embeddings, found without labels."""

import numpy as np
from numpy.typing import NDArray

from .._nearest import nearest

STEPS = 100


def find_centres(x: NDArray[np.float32], clusters: int, seed: int = 0) -> NDArray[np.float32]:
    """Find the centres (clusters, dimension) of k-means (Lloyd 1982), from rows drawn at random.

    Steps until no row changes its centre, at most 100. A centre that loses all its rows stays where it is.

    >>> import numpy as np
    >>> sorted(find_centres(np.float32([[0], [1], [8], [9]]), 2).ravel().tolist())
    [0.5, 8.5]
    """
    centres = x[np.random.default_rng(seed).permutation(len(x))[:clusters]]
    labels = np.full(len(x), -1, np.int64)
    for _ in range(STEPS):
        before, labels = labels, nearest_centre(x, centres)
        if (labels == before).all():
            break
        sums = np.zeros(centres.shape)
        np.add.at(sums, labels, x)
        rows = np.bincount(labels, minlength=clusters)[:, None]
        centres = np.where(rows > 0, sums / np.maximum(rows, 1), centres).astype(np.float32)
    return centres


def nearest_centre(x: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.int64]:
    """Number the centre nearest to each row: (rows,) int64."""
    return nearest(x, centres, 1)[1][:, 0]
