"""VAL, FAR and ROC over every pair of many rows, whose distances the core counts and never keeps."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._nearest import Progress, stage
from ..arrays import as_list
from .rates import Roc, Val, effective_pairs, false_accepts, just_below, rate, wilson

PLACE_BITS = 13  # of a distance's pattern lie below its bin, as in the core
SAMPLED_ROWS = 20_000  # from here on, samples of the rows tell beforehand in which bins the rates will lie
SAMPLES, SAMPLED = 4, 16  # so many of every so many rows: 1.6 % of the pairs
LEAST_SAMPLED = 10  # false accepts in a sample that tell something
MOST_BINS = 1024  # whose places are counted: 160 kB each

Counts = NDArray[np.int64]
NONE = np.zeros(0, np.int64)


class PairCounts(ABC):
    """Pairs of rows whose distances somebody counts; `people` (n,) int64 are whom the rows show.

    The pairs are those of each two rows, once, or of each row with each of others, who show `other_people`.
    """

    __slots__ = ()
    people: Counts
    other_people: Counts | None
    progress: Progress | None

    @abstractmethod
    def count(self, bins: Counts, progress: Progress | None) -> tuple[Counts, Counts]:
        """How many pairs lie in each bin of distances, and at each place of some bins, as the core counts them."""

    @abstractmethod
    def same_within(self, threshold: float) -> Counts:
        """How many pairs of the same person lie at most so far apart, by their first row: (n,) int64."""

    @abstractmethod
    def sample(self, random: np.random.Generator) -> "PairCounts":
        """The pairs of some of the rows, chosen at random."""

    def vals(self, fars: Sequence[float]) -> list[Val]:
        """VAL at each FAR, as `val_at_far` defines it, exactly.

        Only what lies near the thresholds is told apart to the bit. Where that is comes from a sample of the rows; if
        it misled or there are few rows, pairs are counted twice.
        """
        numbers, of_each = _same_by_person(self.people, self.other_people)
        same, different = _totals(of_each, self.people, self.other_people)
        allowed = np.array([false_accepts(far, different) for far in as_list(fars, "fars")])
        if not same:
            raise ValueError("pairs of the same person must be at least one, not none")
        if not len(allowed):
            return []
        bins = self._guess(allowed / different) if len(self.people) >= SAMPLED_ROWS else NONE
        first = 1.0 if len(bins) else 0.5  # of the progress: a second count is told only where it is sure to come
        counts, places = self.count(bins, stage(self.progress, 0, first))
        needed = np.unique(_bins_of(counts[1], allowed))
        if not np.isin(needed, bins).all():
            bins = needed
            counts, places = self.count(bins, stage(self.progress, first, 1) if first < 1 else None)
        vals = []
        for rank in allowed:
            threshold, accepted, false = _limit(int(rank), bins, counts, places)
            found = np.bincount(numbers, self.same_within(threshold), len(of_each)).astype(np.int64)
            effective = effective_pairs(found[of_each > 0], of_each[of_each > 0])
            vals.append(rate(accepted, same, effective, threshold, false, different))
        return vals

    def roc(self) -> Roc:
        """FAR and VAL at the end of every bin of distances that holds a pair: 1,024 bins from each power of 2 on."""
        same, different = count_pairs(self.people, self.other_people)
        if not same or not different:
            raise ValueError(f"pairs of the same person and of different people must be some, not {same}, {different}")
        counts, _ = self.count(NONE, self.progress)
        held = np.flatnonzero(counts.any(axis=0))
        thresholds = _distance(((held + 1) << PLACE_BITS) - 1)
        far, val = counts[1].cumsum()[held] / different, counts[0].cumsum()[held] / same
        return Roc(thresholds.astype(np.float64), far, val, *wilson(val, float(same)))

    def _guess(self, shares: NDArray[np.float64]) -> Counts:
        """Bins in which the given shares of pairs of different people end, all but surely; none where too many might.

        Some samples of the rows are asked. Theirs lie about the bins of all as they do about each other, and as far
        again to either side is taken.
        """
        random = np.random.default_rng(0)
        asked = []
        for _ in range(SAMPLES):
            counts = self.sample(random).count(NONE, None)[0][1]
            if counts.sum() * shares.min() < LEAST_SAMPLED:
                return NONE
            asked.append(_bins_of(counts, shares * counts.sum()))
        first, last = np.min(asked, axis=0), np.max(asked, axis=0)
        margins = last - first + 1
        if (3 * margins).sum() > MOST_BINS:
            return NONE
        spans = zip(np.maximum(first - margins, 0), np.minimum(last + margins, counts.shape[0] - 1), strict=True)
        return np.unique(np.concatenate([np.arange(low, high + 1) for low, high in spans]))


@dataclass(frozen=True, slots=True, eq=False)
class CountedPairs(PairCounts):
    """The pairs of each two `rows`, or of each row with each of `others`: embeddings (n, width) float32."""

    rows: NDArray[np.float32]
    people: Counts
    others: NDArray[np.float32] | None = None
    other_people: Counts | None = None
    threads: int | None = None
    progress: Progress | None = None

    def count(self, bins: Counts, progress: Progress | None) -> tuple[Counts, Counts]:
        """As `PairCounts.count`."""
        return _core.count_pairs(
            self.rows, self.people, bins, self.others, self.other_people, self.threads or 0, progress
        )

    def same_within(self, threshold: float) -> Counts:
        """As `PairCounts.same_within`."""
        return _core.count_same_within(
            self.rows, self.people, threshold, self.others, self.other_people, self.threads or 0
        )

    def sample(self, random: np.random.Generator) -> "CountedPairs":
        """As `PairCounts.sample`: of every so many rows one."""
        rows = some_rows(random, len(self.rows))
        sample = CountedPairs(self.rows[rows], self.people[rows], threads=self.threads)
        if self.others is None or self.other_people is None:
            return sample
        others = some_rows(random, len(self.others))
        return replace(sample, others=self.others[others], other_people=self.other_people[others])


def some_rows(random: np.random.Generator, count: int) -> Counts:
    """Choose the rows of a sample, rising.

    >>> len(some_rows(np.random.default_rng(0), 320))
    20
    """
    return np.sort(random.choice(count, count // SAMPLED, replace=False))


def count_pairs(people: Counts, other_people: Counts | None = None) -> tuple[int, int]:
    """How many pairs show the same person, and how many different people.

    >>> count_pairs(np.array([5, 5, 7])), count_pairs(np.array([5, 5, 7]), np.array([5, 8]))
    ((1, 2), (2, 4))
    """
    return _totals(_same_by_person(people, other_people)[1], people, other_people)


def _totals(of_each: Counts, people: Counts, other_people: Counts | None) -> tuple[int, int]:
    """How many pairs show the same person, of whom `of_each` says how many they have, and how many different people."""
    rows, same = len(people), int(of_each.sum())
    return same, (rows * (rows - 1) // 2 if other_people is None else rows * len(other_people)) - same


def _same_by_person(people: Counts, other_people: Counts | None) -> tuple[Counts, Counts]:
    """The person of each row, numbered, and how many pairs each person has."""
    if other_people is None:
        _, numbers, sizes = np.unique(people, return_inverse=True, return_counts=True)
        return numbers, sizes * (sizes - 1) // 2
    named, both = np.unique(np.concatenate([people, other_people]), return_inverse=True)
    numbers, others = both[: len(people)], both[len(people) :]
    return numbers, np.bincount(numbers, minlength=len(named)) * np.bincount(others, minlength=len(named))


def _limit(allowed: int, bins: Counts, counts: Counts, places: Counts) -> tuple[float, int, int]:
    """The largest threshold that accepts at most `allowed` pairs of different people, and how many of each kind."""
    at = _bins_of(counts[1], np.array([allowed]))[0]
    before = counts[:, :at].sum(axis=1)
    here = places[np.searchsorted(bins, at)]
    place = np.searchsorted(before[1] + here[1].cumsum(), allowed, side="right")
    accepted, false = before + here[:, :place].sum(axis=1)
    return just_below(_distance((at << PLACE_BITS) + place)), int(accepted), int(false)


def _bins_of(counts: Counts, ranks: NDArray[Any]) -> Counts:
    """In which bin each of the pairs is that come after so many."""
    return np.searchsorted(counts.cumsum(), ranks, side="right")


def _distance(pattern: Any) -> Any:
    """The float32 of a pattern of bits."""
    return np.asarray(pattern).astype(np.uint32).view(np.float32)[()]
