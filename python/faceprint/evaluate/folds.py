"""Verification accuracy over folds, as Labeled Faces in the Wild reports it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import as_integers, as_reals, unmasked


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """The `accuracy` of each fold at its `thresholds`, (folds,) float64, and which pairs came out `wrong` (pairs,).

    `mean` is that of the folds, `standard_error` that of the mean, NaN for one fold.
    """

    accuracy: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    wrong: NDArray[np.bool_]

    @property
    def mean(self) -> float:
        """The mean accuracy of the folds."""
        return float(self.accuracy.mean())

    @property
    def standard_error(self) -> float:
        """The standard deviation of the folds' accuracy, divided by the square root of their number."""
        folds = len(self.accuracy)
        return float(self.accuracy.std(ddof=1) / np.sqrt(folds)) if folds > 1 else float("nan")


def verification_folds(distances: Any, same: Any, folds: Any) -> Folds:
    """The accuracy of each fold of pairs at the threshold that is best on all others (Huang et al., LFW, 2007).

    `distances` (pairs,) float, NaN for a pair that could not be compared, which counts as different; `same` (pairs,)
    bool, whether they show one person; `folds` (pairs,) integers. The threshold lies halfway between the two distances
    of the other folds that it parts, the lowest where several are best. Raises ValueError for arrays of other shapes,
    and for fewer than two folds; TypeError for other types.

    >>> import numpy as np
    >>> found = verification_folds(np.array([0.1, 0.9, 0.2, 1.1]), np.array([True, False] * 2), np.array([0, 0, 1, 1]))
    >>> found.accuracy.tolist(), found.thresholds.round(2).tolist()
    ([1.0, 1.0], [0.65, 0.5])
    """
    apart, fold = as_reals(distances, "distances"), as_integers(folds, "folds")
    truth = np.asarray(unmasked(same, "same"))
    if not apart.ndim == truth.ndim == fold.ndim == 1 or not len(apart) == len(truth) == len(fold):
        raise ValueError(
            f"distances, same and folds must have the same shape (pairs,), not {apart.shape}, {truth.shape} and "
            f"{fold.shape}"
        )
    if truth.dtype != bool:
        raise TypeError(f"same must be bool, not {truth.dtype}")
    names = np.unique(fold)
    if len(names) < 2:
        raise ValueError(f"folds must be two or more, not {len(names)}")
    apart = np.where(np.isnan(apart), np.inf, apart)
    thresholds = np.array([_best(apart[fold != name], truth[fold != name]) for name in names])
    wrong = (apart <= thresholds[np.searchsorted(names, fold)]) != truth
    accuracy = np.array([1 - wrong[fold == name].mean() for name in names])
    return Folds(accuracy, thresholds, wrong)


def _best(distances: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    order = np.argsort(distances, kind="stable")
    hits = np.concatenate([[0], np.cumsum(np.where(same[order], 1, -1))])  # how many more are right than at none
    ordered = distances[order][: np.isfinite(distances).sum()]
    cuts = np.flatnonzero(np.diff(ordered, prepend=-1, append=np.inf) > 0)  # how many pairs a threshold may accept
    best = cuts[hits[cuts].argmax()]
    if best == 0:
        return -1.0
    return float(ordered[best - 1] if best == len(ordered) else (ordered[best - 1] + ordered[best]) / 2)
