"""What to look at in a clustering: the looks of each person, people who may be one, and people who may be several."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._cluster import Clustering
from ._nearest import neighbours
from ._template import set_distance
from .distance import as_threshold, distances
from .expected import as_kind
from .medoids import medoids, members

LOBE = 0.7  # thresholds: how near on average the faces of one look are
NEARBY = 1.2  # thresholds: how near on average two people are who may be one
CANDIDATES = 10  # people beside each who are looked at


@dataclass(frozen=True, slots=True, eq=False)
class Lobes:
    """The looks of people, such as child and adult: `labels` (n,) int64 number those of everybody, -1 for junk.

    `people` and `representatives` (lobes,) int64 say whose each lobe is, and which row stands for it.
    """

    labels: NDArray[np.int64]
    people: NDArray[np.int64]
    representatives: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Merge:
    """Two `people` who may be one.

    `distance` is the mean squared distance of all faces of one to all of the other, `nearest` that of the two nearest,
    and `rows` which these are.
    """

    people: tuple[int, int]
    distance: float
    nearest: float
    rows: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """A `person` who may be several: `rows` are a part, and `distance` its mean squared distance to the largest one."""

    person: int
    rows: NDArray[np.int64]
    distance: float


def lobes(found: Clustering, *, threshold: float | None = None, threads: int | None = None) -> Lobes:
    """Part people into looks: average linkage among the faces of each, up to `threshold`, by default 0.7 of found's.

    TypeError unless `found` is what `cluster` gives, ValueError for a threshold outside of [0, 4].

    >>> import numpy
    >>> from faceprint import cluster
    >>> found = cluster(numpy.float32([[1, 0], [0.8, 0.6], [0, 1]]), method="average", threshold=0.5)
    >>> found.labels.tolist(), lobes(found).labels.tolist()
    ([0, 0, 1], [0, 1, 2])
    """
    as_kind(found, Clustering, "found")
    stop = LOBE * found.threshold if threshold is None else as_threshold(threshold)
    labels = np.full(len(found.labels), -1, np.int64)
    people: list[int] = []
    for person, rows in enumerate(members(found.labels)):
        parts = _core.average_linkage(found.embeddings[rows], stop, threads or 0)
        labels[rows] = len(people) + parts
        people += [person] * (int(parts.max(initial=-1)) + 1)
    return Lobes(labels, np.array(people, np.int64), medoids(found.embeddings, labels))


def suggest_merges(found: Clustering, *, limit: float | None = None, threads: int | None = None) -> list[Merge]:
    """List pairs of people whose faces are at most `limit` apart on average, by default 1.2 thresholds, nearest first.

    Of each person, those ten are looked at whose representatives are nearest. TypeError unless `found` is what
    `cluster` gives, ValueError for a limit outside of [0, 4].

    >>> import numpy
    >>> from faceprint import cluster
    >>> found = cluster(numpy.float32([[1, 0], [0.8, 0.6], [0, 1]]), method="average", threshold=0.39)
    >>> [(merge.people, round(merge.distance, 3)) for merge in suggest_merges(found)]
    [((0, 1), 0.4)]
    """
    as_kind(found, Clustering, "found")
    stop = NEARBY * found.threshold if limit is None else as_threshold(limit, "limit")
    return find_merges(found.embeddings, found.labels, found.representatives, stop, threads)


def suggest_splits(found: Clustering, *, limit: float | None = None, threads: int | None = None) -> list[Split]:
    """List parts of people that lie more than `limit` apart on average, by default the threshold, furthest first.

    The parts are those of average linkage among the faces of a person; each is held against the largest. Raises what
    `suggest_merges` does.

    >>> import numpy
    >>> from faceprint import cluster
    >>> found = cluster(numpy.float32([[1, 0], [0.8, 0.6], [0.28, 0.96]]), method="components", threshold=0.7)
    >>> [(split.person, split.rows.tolist(), round(split.distance, 3)) for split in suggest_splits(found)]
    [(0, [0], 0.92)]
    """
    as_kind(found, Clustering, "found")
    stop = found.threshold if limit is None else as_threshold(limit, "limit")
    splits = []
    for person, rows in enumerate(members(found.labels)):
        parts = members(_core.average_linkage(found.embeddings[rows], stop, threads or 0))
        largest = max(parts, key=len, default=None)
        for part in parts:
            if part is not largest:
                mean = set_distance(found.embeddings[rows[part]], found.embeddings[rows[largest]])
                splits.append(Split(person, rows[part], mean))
    return sorted(splits, key=lambda split: (-split.distance, split.person))


def find_merges(
    x: NDArray[np.float32],
    labels: NDArray[np.int64],
    representatives: NDArray[np.int64],
    limit: float,
    threads: int | None,
) -> list[Merge]:
    """List pairs of people at most `limit` apart on average, among those whose representatives are near."""
    people = np.flatnonzero(representatives >= 0)
    if len(people) < 2:
        return []
    _, beside = neighbours(x[representatives[people]], min(CANDIDATES, len(people) - 1), threads=threads)
    pairs = np.stack([np.repeat(np.arange(len(people)), beside.shape[1]), beside.ravel()], axis=1)
    rows = members(labels)
    merges = []
    for first, second in people[np.unique(np.sort(pairs, axis=1), axis=0)].tolist():
        mean = set_distance(x[rows[first]], x[rows[second]])
        if mean <= limit:
            between = distances(x[rows[first]], x[rows[second]], threads=threads)
            a, b = np.unravel_index(int(between.argmin()), between.shape)
            nearest = int(rows[first][a]), int(rows[second][b])
            merges.append(Merge((first, second), mean, float(between[a, b]), nearest))
    return sorted(merges, key=lambda merge: (merge.distance, merge.people))
