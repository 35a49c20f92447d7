"""The data of the benchmarks: unit vectors in clusters, as embeddings of faces are, and queries near some of them."""

import numpy as np
from numpy.typing import NDArray

PHOTOS = 20  # rows of each person
NOISE = 0.5  # length of what tells the rows of a person apart, beside a centre of length 1
BLOCK = 65536


def embeddings(rows: int, depth: int, seed: int = 0) -> NDArray[np.float32]:
    """Make rows / 20 people of 20 rows each, shuffled."""
    rng = np.random.default_rng(seed)
    people = max(1, rows // PHOTOS)
    centres = _unit(rng.standard_normal((people, depth), np.float32))
    owners = rng.permutation(np.arange(rows) % people)
    out = np.empty((rows, depth), np.float32)
    for first in range(0, rows, BLOCK):
        out[first : first + BLOCK] = _near(centres[owners[first : first + BLOCK]], NOISE, rng)
    return out


def queries(x: NDArray[np.float32], count: int, seed: int = 1) -> NDArray[np.float32]:
    """Make queries: another photograph of some rows, a little different from them."""
    rng = np.random.default_rng(seed)
    return _near(x[rng.integers(len(x), size=count)], NOISE / 5, rng)


def _near(x: NDArray[np.float32], noise: float, rng: np.random.Generator) -> NDArray[np.float32]:
    scale = np.float32(noise / np.sqrt(x.shape[1]))
    return _unit(x + scale * rng.standard_normal(x.shape, np.float32))


def _unit(x: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = x / np.linalg.norm(x, axis=1, keepdims=True)
    return unit
