"""VAL at a FAR by its definition: try every distance as the threshold."""

import numpy as np


def val_at_far(same, different, far):
    """The VAL and FAR reached at the largest distance whose FAR is at most `far`."""
    same, different = np.asarray(same, np.float64), np.asarray(different, np.float64)
    best = (0.0, 0.0)
    for threshold in sorted({*same.tolist(), *different.tolist()}):
        reached = (different <= threshold).mean()
        if reached <= far:
            best = ((same <= threshold).mean(), reached)
    return best


def split(distances, people):
    """The distances of pairs of the same person and of different people, of a full matrix."""
    a, b = np.triu_indices(len(people), 1)
    same = people[a] == people[b]
    return distances[a, b][same], distances[a, b][~same]
