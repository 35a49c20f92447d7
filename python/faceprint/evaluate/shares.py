"""What share of some pairs comes out wrong, with an interval that knows whose pairs they are."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .rates import wilson


@dataclass(frozen=True, slots=True)
class Share:
    """The share `value` of pairs that come out wrong, with its 95 % interval: `wrong` of `pairs` of some `people`."""

    value: float
    low: float
    high: float
    wrong: int
    pairs: int
    people: int


def share(wrong: NDArray[np.bool_], a: NDArray[Any], b: NDArray[Any]) -> Share:
    """The share of pairs that are `wrong` (pairs,), of the people `a` and `b` (pairs,) whole numbers; at least one.

    The interval is Wilson's score interval for as many independent pairs as have the variance that these have, in which
    all pairs that share a person count together (Fafchamps and Gubert, "The formation of risk sharing networks", 2007;
    Fogliato, Patil and Perona compare this with others for error rates of faces, "Confidence intervals for error rates
    in 1:1 matching tasks", 2024). Where nothing is wrong, or all is, each person counts as one pair; so
    does the only person there is.

    >>> import numpy as np
    >>> found = share(np.array([True, False, False, False]), np.array([0, 0, 1, 2]), np.array([1, 2, 2, 3]))
    >>> found.value, found.people, found.low < 0.05, found.high > 0.6
    (0.25, 4, True, True)
    """
    return standardised(wrong, a, b, np.zeros(len(wrong), np.int64), np.ones(1))


def standardised(
    wrong: NDArray[np.bool_], a: NDArray[Any], b: NDArray[Any], strata: NDArray[np.int64], standard: NDArray[np.float64]
) -> Share:
    """The mean of the shares in several strata, directly standardised (Fleiss, Levin and Paik, 2003, chapter 19).

    `strata` (pairs,) numbers the stratum of each pair, `standard` (strata,) says how much each counts, 1 in all. Every
    stratum has a pair. Otherwise as `share`.
    """
    pairs = np.bincount(strata, minlength=len(standard))
    rates = np.bincount(strata, wrong, minlength=len(standard)) / pairs
    weights = (standard / pairs)[strata]
    people, rows = np.unique(np.stack([a, b]), return_inverse=True)
    most = 1 / float((weights**2).sum())  # independent pairs that tell as much (Kish 1965)
    value = float(rates @ standard)
    if wrong.all() or not wrong.any() or len(people) == 1:
        effective = min(float(len(people)), most)
    else:
        variance = _variance(weights * (wrong - rates[strata]), *rows.reshape(2, -1))
        effective = min(value * (1 - value) / variance, most) if variance > 0 else most
    low, high = wilson(np.array(value), effective)
    return Share(value, float(low), float(high), int(wrong.sum()), len(wrong), len(people))


def _variance(residuals: NDArray[np.float64], a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    """The variance of a sum over pairs of people: the products of any two residuals that have a person in common."""
    people = int(max(a.max(), b.max())) + 1
    couples, place = np.unique(np.minimum(a, b) * people + np.maximum(a, b), return_inverse=True)
    sums = np.bincount(place, residuals)
    first, second = couples // people, couples % people
    two = first != second
    of_person = np.bincount(first, sums, people) + np.bincount(second[two], sums[two], people)
    total = (of_person**2).sum() - (sums[two] ** 2).sum()  # which the first sum has for both
    return float(people / (people - 1) * total)
