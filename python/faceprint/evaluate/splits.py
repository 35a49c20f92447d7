"""VAL over disjoint splits of a hold-out set, with its standard error, as the paper reports it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._nearest import Progress, stage
from ..arrays import as_embeddings, as_labels
from ..expected import as_whole
from .pairs import CrossPairs
from .rates import Val


@dataclass(frozen=True, slots=True)
class SplitVals:
    """What each split gave: `vals`, with their thresholds and intervals."""

    vals: tuple[Val, ...]

    @property
    def mean(self) -> float:
        """The mean VAL of the splits."""
        return float(np.mean([val.val for val in self.vals]))

    @property
    def standard_error(self) -> float:
        """The standard deviation of the splits' VAL, divided by the square root of their number."""
        return float(np.std([val.val for val in self.vals], ddof=1) / np.sqrt(len(self.vals)))


def val_over_splits(
    embeddings: Any,
    people: Any,
    far: float = 1e-3,
    *,
    splits: int = 5,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> SplitVals:
    """VAL at a FAR in each of several disjoint splits of photographs (the paper, section 4.1).

    `embeddings` (n, width) float32; `people` (n,) integers or strings, whom they show. Photographs are dealt at random
    into twice as many parts as splits; in a split, each photograph of one part meets each of another: of a million
    photographs and five splits, 100,000 x 100,000. Memory does not grow with the number of pairs.

    Raises ValueError for fewer than 2 splits, and what `val_at_far` does where a split's pairs are too few.

    >>> import numpy as np
    >>> from faceprint import synthetic
    >>> made = synthetic.people(2000, 100, junk=0, seed=1)
    >>> found = val_over_splits(made.embeddings, made.people, far=1e-2)
    >>> len(found.vals), 0 < found.mean <= 1, found.standard_error < 0.1
    (5, True, True)
    """
    x = as_embeddings(embeddings, "embeddings")
    numbers = as_labels(people, len(x))
    if as_whole(splits, "splits", 2) > len(x) // 2:
        raise ValueError(f"splits must be at most {len(x) // 2}, half of the photographs, not {splits}")
    parts = np.array_split(np.random.default_rng(as_whole(seed, "seed", 0)).permutation(len(x)), 2 * splits)
    vals = []
    for split, (rows, others) in enumerate(zip(parts[::2], parts[1::2], strict=True)):
        told = stage(progress, split / splits, (split + 1) / splits)
        pairs = CrossPairs(numbers[rows], numbers[others])
        vals += pairs.vals(x[rows], x[others], [far], threads=threads, progress=told)
    return SplitVals(tuple(vals))
