"""One threshold that is about as strict for everybody: probabilities by which part of the space faces lie in."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import as_embeddings, check_finite
from ..expected import as_whole
from .calibration import Calibration, calibrate, logistic, overlap, sigmoid
from .kmeans import find_centres, nearest_centre
from .pairs import ListedPairs, as_photographs

CLUSTERS = 8
FEWEST = 30  # pairs of either kind from which two parameters are fitted


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Calibrations by clusters of faces: those nearest to each of the `centres` (clusters, dimension) float32.

    1 / (1 + exp(-(slope distance + intercept))) is the probability that two faces are different people's: `slopes` and
    `intercepts` (clusters,) float64, from so many `pairs` (clusters,) int64.
    """

    centres: NDArray[np.float32]
    slopes: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    pairs: NDArray[np.int64]

    def scores(self, x: Any, y: Any) -> NDArray[np.float64]:
        """The probability that row i of `x` and row i of `y`, (n, dimension) float32, are different people's: (n,).

        In [0, 1], float64; half of all pairs are taken to be one person's. Raises TypeError for another dtype,
        ValueError for other shapes.

        >>> centres = np.eye(2, dtype=np.float32)
        >>> alike = Clusters(centres, slopes=np.ones(2), intercepts=np.zeros(2), pairs=np.ones(2, np.int64))
        >>> alike.scores(centres, centres).tolist()
        [0.5, 0.5]
        """
        width = self.centres.shape[1]
        left, right = as_embeddings(x, "x", width=width), as_embeddings(y, "y", width=width)
        if len(left) != len(right):
            raise ValueError(f"x and y must have as many rows as one another, not {len(left)} and {len(right)}")
        apart = ((left.astype(np.float64) - right) ** 2).sum(axis=1)
        ends = nearest_centre(left, self.centres), nearest_centre(right, self.centres)
        said = [sigmoid(self.slopes[cluster] * apart + self.intercepts[cluster]) for cluster in ends]
        weights = [np.maximum(self.pairs[cluster], 1) for cluster in ends]
        mixed: NDArray[np.float64] = (weights[0] * said[0] + weights[1] * said[1]) / (weights[0] + weights[1])
        return mixed


@dataclass(frozen=True, slots=True, eq=False)
class FairCalibration:
    """How pairs are scored, by `clusters`, and what a threshold on scores does: in `calibration` they are distances."""

    clusters: Clusters
    calibration: Calibration

    @property
    def threshold(self) -> float:
        """The score up to which two faces count as the same person's."""
        return self.calibration.threshold

    def scores(self, x: Any, y: Any) -> NDArray[np.float64]:
        """Score row i of `x` with row i of `y`: see `Clusters.scores`, also for what is refused."""
        return self.clusters.scores(x, y)


def fair_calibrate(
    x: Any, pairs: ListedPairs, far: float = 1e-3, *, clusters: int = CLUSTERS, seed: int = 0, description: str = ""
) -> FairCalibration:
    """Find scores by which groups of people are mistaken about equally often, without knowing who is in which group.

    FairCal (Salvador et al., "FairCal: fairness calibration for face verification", ICLR 2022): embeddings `x`
    (n, dimension) float32 are parted by k-means into `clusters`, which stand in for groups of people who look alike.
    Each has a logistic calibration from those of the `pairs` that have a photograph in it; the score of a pair is the
    mean of what the clusters of both its photographs say, weighted by their numbers of pairs. (The paper calibrates by
    beta distributions, with 100 clusters.) A cluster with fewer than 30 pairs of either kind, or whose pairs do not
    overlap, has the calibration of all pairs. Where the faces of a group lie no nearer to one another than to others,
    no cluster can stand for it and nothing is gained.

    All that is fitted to half of the people, at random by `seed`. The threshold on scores is found by `calibrate` on
    the pairs of the others: on those who were fitted, far fewer seem to be mistaken than are, the more so the more
    clusters. What is refused there is refused here. Raises ValueError also for another number of embeddings than the
    pairs are of, for more clusters than photographs of half of the people, and where their pairs do not overlap.

    >>> import numpy as np
    >>> from faceprint import synthetic
    >>> made = synthetic.people(400, 40, junk=0, seed=4)
    >>> found = fair_calibrate(made.embeddings, ListedPairs(made.people, *np.triu_indices(400, 1)), 1e-2, clusters=4)
    >>> found.calibration.val.far <= 1e-2, found.clusters.slopes.shape
    (True, (4,))
    """
    rows = as_photographs(x, pairs, "x")
    check_finite(rows, "x")
    seed, clusters = as_whole(seed, "seed", 0), as_whole(clusters, "clusters", 1)
    names = np.random.default_rng(seed).permutation(np.unique(pairs.people))
    fitted = np.isin(pairs.people, names[: len(names) // 2])
    if clusters > fitted.sum():
        raise ValueError(f"clusters must be from 1 to {fitted.sum()}, the photographs fitted to, not {clusters}")
    found = _fit_clusters(rows[fitted], pairs.keep(fitted), clusters, seed)
    others, held = rows[~fitted], pairs.keep(~fitted)
    scores, same = found.scores(others[held.a], others[held.b]), held.same
    people = held.people[held.a[same]]
    return FairCalibration(found, calibrate(scores[same], scores[~same], far, people=people, description=description))


def _fit_clusters(x: NDArray[np.float32], pairs: ListedPairs, clusters: int, seed: int) -> Clusters:
    apart, same = pairs.distances(x), pairs.same
    everybody = _fit(apart, same)
    if everybody is None:
        raise ValueError(f"pairs fitted to must overlap, with at least {FEWEST} of either kind, and they do not")
    centres = find_centres(x, clusters, seed)
    labels = nearest_centre(x, centres)
    inside = [(labels[pairs.a] == cluster) | (labels[pairs.b] == cluster) for cluster in range(clusters)]
    slopes, intercepts = np.array([_fit(apart[rows], same[rows]) or everybody for rows in inside]).T
    return Clusters(centres, slopes, intercepts, np.array([rows.sum() for rows in inside], np.int64))


def _fit(distances: NDArray[np.float64], same: NDArray[np.bool_]) -> tuple[float, float] | None:
    """Slope and intercept of a calibration, None where the pairs do not tell them."""
    near, far = distances[same], distances[~same]
    if min(len(near), len(far)) < FEWEST or not overlap(near, far):
        return None
    slope, intercept = logistic(near, far)
    return (slope, intercept) if slope > 0 else None
