"""Made-up people, told apart by any method or hardly by one."""

import numpy as np


def people(sizes, spread, seed=0, depth=128):
    """Unit rows (n, depth) float32 round a centre for each person, and whose each is."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((len(sizes), depth))
    labels = np.repeat(np.arange(len(sizes)), sizes)
    x = centres[labels] + spread * rng.standard_normal((len(labels), depth))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32), labels
