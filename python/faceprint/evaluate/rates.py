"""VAL and FAR of the paper (section 4) from the distances of pairs: counted, never binned, ties included."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import unmasked
from ..expected import as_number

LEAST = 3  # false accepts that are needed to tell a rate: fewer say little more than none
Z = 1.959963984540054  # standard deviations either side that hold 95 % of a normal distribution


@dataclass(frozen=True, slots=True)
class Val:
    """The validation rate at a false accept rate.

    `val` is the share of the `same_pairs` that lie at most `threshold` apart, `low` and `high` its 95 % interval; `far`
    is the share of the `different_pairs` that do too. A `threshold` below 0 accepts nobody.
    """

    val: float
    low: float
    high: float
    threshold: float
    far: float
    same_pairs: int
    different_pairs: int


@dataclass(frozen=True, slots=True)
class Change:
    """By how much one VAL exceeds another of the same pairs: `value`, in [-1, 1], with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Roc:
    """A receiver operating characteristic: one point for each distinct distance, ascending, as float64 arrays.

    At each of the `thresholds`, `far` and `val` are the shares of different and same pairs that lie at most that far
    apart; `low` and `high` are the 95 % interval of `val`, pairs taken as independent. Below the first both are 0.
    """

    thresholds: NDArray[np.float64]
    far: NDArray[np.float64]
    val: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def val_at_far(same_distances: Any, different_distances: Any, far: float = 1e-3, *, people: Any = None) -> Val:
    """VAL(d) of the paper (section 4) at the largest distance d whose FAR(d) is at most `far`.

    VAL(d) and FAR(d) are the shares of `same_distances` and of `different_distances` that are at most d: arrays of one
    number for each pair, float32 or float64. Distances of different people that tie at the limit are all refused.

    The interval is Wilson's score interval (1927). It takes pairs as independent, unless `people` names, by a whole
    number, whom each same pair shows: then pairs of one person count together, as in `effective_pairs`. That of the
    threshold is not in it.

    Raises ValueError unless 0 < far < 1, where there are fewer than 1 / far pairs of different people or none of the
    same, and for other shapes, NaN or infinity; TypeError for other dtypes.

    >>> import numpy as np
    >>> found = val_at_far(np.array([0.1, 0.2, 0.3, 0.9]), np.array([0.4, 0.5, 0.8, 1.2]), far=0.25)
    >>> found.val, found.far, found.threshold < 0.5
    (0.75, 0.25, True)
    """
    same, different = both_kinds(same_distances, different_distances)
    allowed = false_accepts(far, len(different))
    return _val(same, different, just_below(np.partition(different, allowed)[allowed]), people)


def val_at_threshold(same_distances: Any, different_distances: Any, threshold: float, *, people: Any = None) -> Val:
    """VAL(d) and FAR(d) of the paper (section 4) at a distance d that is given, as where one is in use already.

    Takes, returns and refuses what `val_at_far` does, except that one pair of each kind is enough. Raises ValueError
    also for a threshold of NaN, and TypeError for what is no number.

    >>> import numpy as np
    >>> found = val_at_threshold(np.array([0.1, 0.2, 0.3, 0.9]), np.array([0.4, 0.5, 0.8, 1.2]), 0.5)
    >>> found.val, found.far
    (0.75, 0.5)
    """
    same, different = both_kinds(same_distances, different_distances)
    limit = as_number(threshold, "threshold")
    if math.isnan(limit):
        raise ValueError("threshold must be a number, not nan")
    return _val(same, different, limit, people)


def roc(same_distances: Any, different_distances: Any) -> Roc:
    """FAR(d) and VAL(d) of the paper (section 4) at every distance d at which either changes.

    Takes and refuses what `val_at_far` does, except that one pair of each kind is enough.

    >>> import numpy as np
    >>> curve = roc(np.array([0.1, 0.3]), np.array([0.3, 0.5]))
    >>> curve.thresholds.tolist(), curve.far.tolist(), curve.val.tolist()
    ([0.1, 0.3, 0.5], [0.0, 0.5, 1.0], [0.5, 1.0, 1.0])
    """
    same, different = both_kinds(same_distances, different_distances)
    thresholds = np.unique(np.concatenate([same, different]))
    far = np.searchsorted(np.sort(different), thresholds, side="right") / len(different)
    val = np.searchsorted(np.sort(same), thresholds, side="right") / len(same)
    return Roc(thresholds.astype(np.float64), far, val, *wilson(val, float(len(same))))


def rate(accepted: int, same: int, effective: float, threshold: float, false_accepts: int, different: int) -> Val:
    """Put counts of accepted pairs together as a Val whose interval is that of `effective` independent pairs."""
    low, high = wilson(np.array(accepted / same), effective)
    return Val(accepted / same, float(low), float(high), threshold, false_accepts / different, same, different)


def false_accepts(far: float, different: int) -> int:
    """How many of `different` pairs may be accepted for a share of at most `far`; ValueError where none may.

    >>> false_accepts(0.29, 100)
    29
    """
    if not 0 < as_number(far, "far") < 1:
        raise ValueError(f"far must lie between 0 and 1, not {far}")
    nearest = round(far * different)
    allowed = nearest - (nearest / max(different, 1) > far)
    if allowed < 1:
        fewest = np.ceil(1 / far)
        raise ValueError(f"FAR {far:g} needs at least {fewest:,.0f} pairs of different people, not {different:,}")
    return allowed


def wanting(far: float, different: int) -> str | None:
    """Why so many pairs of different people cannot tell a FAR between 0 and 1, or None where they can.

    >>> wanting(1e-3, 2999)
    'FAR 0.001 needs about 3,000 pairs of different people, and these are 2,999'
    """
    if not 0 < as_number(far, "far") < 1 or different >= LEAST / far:
        return None
    return f"FAR {far:g} needs about {np.ceil(LEAST / far):,.0f} pairs of different people, and these are {different:,}"


def just_below(distance: Any) -> float:
    """The largest number of the distance's own dtype that is smaller: the last threshold that refuses it."""
    return float(np.nextafter(distance, distance.dtype.type(-np.inf)))


def effective_pairs(accepted: NDArray[Any], pairs: NDArray[Any]) -> float:
    """How many independent pairs tell as much about VAL as these, of which each entry is one person's.

    The pairs of a person stand or fall together, so VAL is a ratio of sums over people, with the variance of one
    (Cochran, Sampling Techniques, 1977, chapter 6). The answer is how many independent pairs have that variance, as
    Korn and Graubard (Survey Methodology 24, 1998) count them; where nothing varies, each person counts as one pair.

    >>> import numpy as np
    >>> round(effective_pairs(np.array([9, 0, 10, 1]), np.array([10, 10, 10, 10])), 2)
    3.66
    """
    people, total = len(pairs), int(pairs.sum())
    share = accepted.sum() / total
    if people == 1 or share in (0, 1):
        return float(people)
    variance = _ratio_variance(accepted, pairs)
    independent = share * (1 - share) / total
    return float(total * min(1.0, independent / variance)) if variance else float(total)


def wilson(share: NDArray[np.float64], pairs: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wilson's score interval (JASA 22, 1927) of a share that was seen on so many independent pairs, at 95 %.

    >>> import numpy as np
    >>> low, high = wilson(np.array([1.0]), 10.0)
    >>> round(float(low[0]), 3), float(high[0])
    (0.722, 1.0)
    """
    widening = Z * Z / pairs
    centre = (share + widening / 2) / (1 + widening)
    half = np.sqrt(share * (1 - share) * widening + widening**2 / 4) / (1 + widening)
    return np.clip(centre - half, 0, share), np.clip(centre + half, share, 1)


def change(before: Any, after: Any, people: Any) -> Change:
    """How much more of the same pairs is accepted in one way than in another: `after` - `before`, on average.

    `before` and `after` (pairs,) are whether a pair is accepted, or in what share of several tries; `people` (pairs,)
    says by a whole number whom it shows. The interval is that of a ratio of sums over people, whose pairs count
    together as in `effective_pairs`; [-1, 1] where all are of one person.

    >>> import numpy as np
    >>> found = change(np.array([1, 1, 1, 0]), np.array([1, 0.5, 1, 0]), np.array([0, 1, 2, 3]))
    >>> found.value, found.low < -0.3, found.high > 0
    (-0.125, True, True)
    """
    step = np.asarray(after, np.float64) - np.asarray(before, np.float64)
    rows = np.unique(_checked_people(people, step), return_inverse=True)[1]
    sums, pairs = np.bincount(rows, step), np.bincount(rows)
    value = float(step.mean())
    if len(pairs) == 1:
        return Change(value, -1.0, 1.0)
    half = Z * float(np.sqrt(_ratio_variance(sums, pairs)))
    return Change(value, max(value - half, -1.0), min(value + half, 1.0))


def _ratio_variance(sums: NDArray[Any], pairs: NDArray[Any]) -> float:
    """The variance of sums.sum() / pairs.sum(), an entry for each person (Cochran, Sampling Techniques, chapter 6)."""
    people, total = len(pairs), int(pairs.sum())
    share = sums.sum() / total
    return float(people / (people - 1) * ((sums - share * pairs) ** 2).sum() / total**2)


def _val(same: NDArray[Any], different: NDArray[Any], threshold: float, people: Any) -> Val:
    accepted = same <= threshold
    effective = float(len(same)) if people is None else _effective(accepted, people)
    refused = int((different > threshold).sum())
    return rate(int(accepted.sum()), len(same), effective, threshold, len(different) - refused, len(different))


def _effective(accepted: NDArray[np.bool_], people: Any) -> float:
    rows = np.unique(_checked_people(people, accepted), return_inverse=True)[1]
    return effective_pairs(np.bincount(rows, accepted), np.bincount(rows))


def _checked_people(people: Any, pairs: NDArray[Any]) -> NDArray[Any]:
    named = np.asarray(people)
    if named.shape != pairs.shape or not np.issubdtype(named.dtype, np.integer):
        came = f"{named.dtype} of shape {named.shape}"
        raise ValueError(f"people must be {len(pairs)} whole numbers, one for each same pair, not {came}")
    return named


def both_kinds(same: Any, different: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Check both, and bring them to one dtype, in which thresholds are exact."""
    a, b = _distances(same, "same_distances"), _distances(different, "different_distances")
    dtype = np.result_type(a, b)
    return a.astype(dtype, copy=False), b.astype(dtype, copy=False)


def _distances(x: Any, name: str) -> NDArray[Any]:
    array = np.asarray(unmasked(x, name))
    if array.dtype not in (np.float32, np.float64):
        raise TypeError(f"{name} must be float32 or float64, not {array.dtype}")
    if array.ndim != 1 or not len(array):
        raise ValueError(f"{name} must have shape (pairs,) with at least one pair, not {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite")
    return array
