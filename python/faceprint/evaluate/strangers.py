"""How often two different people are taken for one, and how sure that is, people being what was drawn."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _core
from .._nearest import Progress, stage
from ..arrays import as_embeddings, as_labels
from ..distance import as_threshold
from .rates import effective_pairs, wilson

BLOCK = 2048  # rows whose neighbours are in memory at a time


@dataclass(frozen=True, slots=True)
class FalseAccepts:
    """The share `far` of `pairs` pairs of different people, among `people`, that lie within a threshold.

    `low` and `high` are its 95 % interval for other people of the same kind.
    """

    far: float
    low: float
    high: float
    pairs: int
    people: int


def false_accept_rate(
    x: Any, labels: Any, threshold: float, *, threads: int | None = None, progress: Progress | None = None
) -> FalseAccepts:
    """FAR(d) of the paper (section 4) over all pairs of different people, with an interval that others may rely on.

    `x` (n, dimension) float32 unit rows, one label each, `threshold` a squared distance in [0, 4]. Millions of pairs of
    some thousand people are far from independent: somebody who looks like many others is in many of them. So people
    are taken as what was drawn. FAR is a U-statistic of degree 2 in them, whose jackknife variance is four times that
    of the ratio of the sums over people (Arvesen, Annals of Mathematical Statistics 40, 1969); the interval is
    Wilson's, for as many independent pairs as have that variance.

    ValueError for fewer than two people and for other shapes and thresholds, TypeError for another dtype.

    >>> from faceprint import synthetic
    >>> made = synthetic.people(600, 100, junk=0, seed=1)
    >>> found = false_accept_rate(made.embeddings, made.people, 0.2)
    >>> found.low < found.far < found.high, found.people
    (True, 100)
    """
    rows = as_embeddings(x, "x")
    people = as_labels(labels, len(rows))
    limit = as_threshold(threshold)
    faces = np.bincount(people)
    if len(faces) < 2:
        raise ValueError(f"labels must be those of two people or more, not {len(faces)}")
    gallery = _core.Gallery(rows.shape[1])
    gallery.append(rows)
    accepted = np.zeros(len(faces), np.int64)
    for start in range(0, len(rows), BLOCK):
        stop = min(start + BLOCK, len(rows))
        told = stage(progress, start / len(rows), stop / len(rows))
        offsets, _, others, *_ = _core.within(rows[start:stop], gallery, limit, threads=threads or 0, progress=told)
        own = np.repeat(people[start:stop], np.diff(offsets))
        accepted += np.bincount(own[people[others] != own], minlength=len(faces))
    pairs = faces * (len(rows) - faces)  # of each person; all in all, each pair twice, as in `accepted`
    far = float(accepted.sum() / pairs.sum())
    low, high = wilson(np.array(far), effective_pairs(accepted, pairs) / 4)
    return FalseAccepts(far, float(low), float(high), int(pairs.sum()) // 2, len(faces))
