"""From pairs of known people to a threshold at a stated false accept rate, and to probabilities."""

from dataclasses import dataclass
from math import isclose
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..expected import as_number
from .rates import Val, both_kinds, val_at_far, wanting, wilson

STEPS, HALVINGS = 200, 50  # at most: a dozen steps do but where a single pair overlaps
CLOSE = 1e-12  # of the cost: what a last step may still lower it by


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a `threshold` does, on the data that `description` names.

    `val` has the threshold, VAL with its interval and the FAR that was counted, at most the `far` that was asked for;
    `far_low` and `far_high` are the 95 % interval of that FAR, pairs taken as independent. `slope` and `intercept` make
    probabilities of distances, where same and different overlap; otherwise they are None.
    """

    far: float
    val: Val
    far_low: float
    far_high: float
    slope: float | None
    intercept: float | None
    description: str

    @property
    def threshold(self) -> float:
        """The squared distance up to which two faces count as the same person's."""
        return self.val.threshold

    def probability(self, distance: float, prior: float = 0.5) -> float:
        """That two faces so far apart are one person's, where a share `prior` of all pairs that are compared is.

        ValueError where the data does not tell, or unless 0 < prior < 1; TypeError for no numbers.

        >>> found = calibrate(np.linspace(0, 1, 50), np.linspace(0.5, 3, 500), far=0.1)
        >>> found.probability(0.1) > 0.99, found.probability(2.0, prior=0.01) < 0.01
        (True, True)
        """
        if self.slope is None or self.intercept is None:
            raise ValueError("pairs must overlap to tell probabilities, and every same one is nearer than any other")
        if not 0 < as_number(prior, "prior") < 1:
            raise ValueError(f"prior must lie between 0 and 1, not {prior}")
        odds = self.slope * as_number(distance, "distance") + self.intercept - np.log(prior / (1 - prior))
        return float(np.exp(-np.logaddexp(0, odds)))  # 1 / (1 + exp(odds)), without overflow


def calibrate(
    same_distances: Any, different_distances: Any, far: float = 1e-3, *, people: Any = None, description: str = ""
) -> Calibration:
    """Find the threshold for a false accept rate, and what it is worth, from pairs of known people.

    Takes what `val_at_far` takes. A FAR wants enough pairs of different people to be told: 3 / far of them, so that 3
    are accepted, or ValueError says how many. ValueError also where the same pairs are farther apart on average than
    the different ones, as where the two are exchanged. The probability is a logistic regression on the squared
    distance, the same and the different pairs weighing as much together (Platt 1999).

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> found = calibrate(rng.normal(0.1, 0.03, 500), rng.normal(0.4, 0.1, 9000), far=1e-2)
    >>> found.val.far <= 0.01 < found.far_high, found.probability(0.05) > 0.99
    (True, True)
    >>> calibrate(np.zeros(5), np.ones(40_000), far=1e-6)
    Traceback (most recent call last):
    ValueError: FAR 1e-06 needs about 3,000,000 pairs of different people, and these are 40,000
    """
    near, apart = both_kinds(same_distances, different_distances)
    untold = wanting(far, len(apart))
    if untold is not None:
        raise ValueError(untold)
    same, different = near.astype(np.float64), apart.astype(np.float64)
    near_mean, far_mean = float(same.mean()), float(different.mean())
    if near_mean > far_mean and not isclose(near_mean, far_mean):  # probabilities would rise with the distance
        raise ValueError(
            f"same pairs must be nearer on average than different ones, not {near_mean:g} and {far_mean:g}: "
            "same_distances come first"
        )
    val = val_at_far(near, apart, far, people=people)
    low, high = wilson(np.array(val.far), float(val.different_pairs))
    slope, intercept = logistic(same, different) if overlap(same, different) else (None, None)
    return Calibration(far, val, float(low), float(high), slope, intercept, description)


def overlap(same: NDArray[np.float64], different: NDArray[np.float64]) -> bool:
    """Whether no distance parts the two; otherwise no slope is steep enough for `logistic` (Albert and Anderson 1984).

    >>> overlap(np.array([0.1, 0.5]), np.array([0.4, 0.6])), overlap(np.array([0.1, 0.5]), np.array([0.5, 0.6]))
    (True, False)
    """
    return bool(different.min() < same.max() and same.min() < different.max())


def logistic(same: NDArray[np.float64], different: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and intercept of P(same) = 1 / (1 + exp(slope distance + intercept)), both classes with the same weight.

    By Newton's method, whose steps are halved until they lower the cost; the two must overlap.
    """
    x = np.concatenate([same, different])
    y = np.concatenate([np.ones(len(same)), np.zeros(len(different))])
    weight = np.concatenate([np.full(len(same), 0.5 / len(same)), np.full(len(different), 0.5 / len(different))])
    odds, parameters, cost = np.zeros_like(x), np.zeros(2), np.log(2)
    for _ in range(STEPS):
        p = 1 - sigmoid(odds)
        missing, curvature = weight * (y - p), weight * p * (1 - p)
        middle = curvature @ x / curvature.sum()
        away = x - middle  # so that slope and height are found apart, however near one another the doubtful pairs lie
        uphill, above = away @ missing, missing.sum()
        slope, height = uphill / (curvature @ away**2), above / curvature.sum()
        step = np.array([slope, height - slope * middle])
        if slope * uphill + height * above < CLOSE * cost:
            parameters = parameters - step
            break
        for _ in range(HALVINGS):
            trial = parameters - step
            odds = trial[0] * x + trial[1]
            reached = weight @ np.logaddexp(0, np.where(y, odds, -odds))
            if reached < cost:
                break
            step /= 2
        parameters, cost = trial, reached
    return float(parameters[0]), float(parameters[1])


def sigmoid(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probability 1 / (1 + exp(-odds)) at such log odds, without overflow."""
    return 0.5 * (1 + np.tanh(odds / 2))
