"""Folders of photographs that claim to show one person each: what does not belong, and what is there twice."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._cluster import THRESHOLD
from ._nearest import nearest, within
from ._template import set_distance
from .arrays import as_embeddings
from .constraints import as_numbers
from .distance import as_threshold
from .medoids import medoids, members
from .suggest import Merge, find_merges

STRANGE = 1.3  # thresholds: how far on average from a person a face is that is somebody else's
TWIN = 0.05  # thresholds: how near two photographs are that are nearly the same


@dataclass(frozen=True, slots=True, eq=False)
class Cleaning:
    """What is wrong with labels.

    - `wrong`: rows of somebody else, (w,) int64 in order; `distances` (w,) float64, their mean squared distance to the
      faces that make the person; `owners` (w,) int64, the label they seem to belong to, -1 if none;
    - `doubtful`: labels (d,) int64 whose faces fall into equally large parts, so that nobody can say who is meant;
    - `same`: pairs of labels that seem to be one person, the nearest first;
    - `twins`: pairs of rows (t, 2) int64 of nearly the same photograph, whatever their labels.
    """

    wrong: NDArray[np.int64]
    distances: NDArray[np.float64]
    owners: NDArray[np.int64]
    doubtful: NDArray[np.int64]
    same: list[Merge]
    twins: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """Rows of two sets that show one person: `pairs` (m, 2) int64, `distances` (m,) float32, the nearest first."""

    pairs: NDArray[np.int64]
    distances: NDArray[np.float32]


def clean(x: Any, labels: Any, *, threshold: float = THRESHOLD, threads: int | None = None) -> Cleaning:
    """Find wrong labels among embeddings (n, dimension) float32: `labels` (n,) integers from 0, -1 for none.

    The faces of a label are parted by average linkage up to 1.3 `threshold` (as Lin et al., "FP-Age: leveraging face
    parsing attention for facial age estimation in the wild", 2022, part those of a name); the largest part
    makes the person, and all others are wrong. `threshold`, a squared distance in [0, 4], is that of `cluster`. A wrong
    face belongs to the person whose part is nearest, if that is at most the threshold away on average. Labels whose
    parts are at most the threshold apart on average are the same person. Raises TypeError for another dtype, ValueError
    for another shape, NaN, infinity or a threshold out of range.

    >>> import numpy
    >>> ann, ben = [1, 0], [0, 1]
    >>> found = clean(numpy.float32([ann, ann, ben, ben, ben, ann, ann]), [0, 0, 0, 1, 1, 2, 2])
    >>> found.wrong.tolist(), found.owners.tolist(), [merge.people for merge in found.same]
    ([2], [1], [(0, 2)])
    """
    rows = as_embeddings(x, "embeddings")
    numbers = as_numbers(labels, "labels", len(rows))
    near = as_threshold(threshold)
    pure, doubtful = numbers.copy(), []
    for label, group in enumerate(members(numbers)):
        parts = members(_core.average_linkage(rows[group], min(STRANGE * near, 4.0), threads or 0))
        largest = max(map(len, parts), default=0)
        if sum(len(part) == largest for part in parts) > 1:
            doubtful.append(label)
            continue
        for part in parts:
            if len(part) < largest:
                pure[group[part]] = -1
    wrong = np.flatnonzero((pure < 0) & (numbers >= 0))
    groups, representatives = members(pure), medoids(rows, pure)
    away = [set_distance(rows[[row]], rows[groups[numbers[row]]]) for row in wrong]
    return Cleaning(
        wrong.astype(np.int64),
        np.array(away, np.float64),
        _owners(rows, wrong, groups, representatives, near),
        np.array(doubtful, np.int64),
        find_merges(rows, pure, representatives, near, threads),
        _twins(rows, TWIN * near, threads),
    )


def overlap(a: Any, b: Any, *, threshold: float = THRESHOLD, threads: int | None = None) -> Overlap:
    """Find who is in both of two sets of embeddings, (m, dimension) and (n, dimension) float32.

    For each row of `a` the nearest of `b`, where that is at most `threshold` away, a squared distance in [0, 4]. A set
    for testing should have none in common with one for training. Raises as `nearest` does.

    >>> import numpy
    >>> overlap(numpy.float32([[1, 0], [0, 1]]), numpy.float32([[-1, 0], [0, 1]])).pairs.tolist()
    [[1, 1]]
    """
    limit = as_threshold(threshold)
    distances, indices = nearest(a, b, 1, threads=threads)
    rows = np.flatnonzero(distances[:, 0] <= limit)
    rows = rows[np.argsort(distances[rows, 0], kind="stable")]
    return Overlap(np.stack([rows, indices[rows, 0]], axis=1).astype(np.int64), distances[rows, 0])


def _owners(
    rows: NDArray[np.float32],
    wrong: NDArray[np.intp],
    groups: list[NDArray[np.int64]],
    representatives: NDArray[np.int64],
    limit: float,
) -> NDArray[np.int64]:
    people = np.flatnonzero(representatives >= 0)
    owners = np.full(len(wrong), -1, np.int64)
    if not len(wrong) or not len(people):
        return owners
    _, beside = nearest(rows[wrong], rows[representatives[people]], min(10, len(people)))
    for place, row in enumerate(wrong):
        means = [set_distance(rows[[row]], rows[groups[person]]) for person in people[beside[place]]]
        best = int(np.argmin(means))
        if means[best] <= limit:
            owners[place] = people[beside[place, best]]
    return owners


def _twins(rows: NDArray[np.float32], limit: float, threads: int | None) -> NDArray[np.int64]:
    if not len(rows):
        return np.empty((0, 2), np.int64)
    offsets, _, indices = within(rows, rows, limit, threads=threads)
    pairs = np.stack([np.repeat(np.arange(len(rows)), np.diff(offsets)), indices], axis=1)
    return np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0)
