"""How well embeddings of a new network can be compared with those of an old one, as VAL (paper, appendix)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .pairs import ListedPairs, as_photographs
from .rates import Change, Val, change, val_at_far, val_at_threshold


@dataclass(frozen=True, slots=True)
class Compatibility:
    """VAL at `far` of the same pairs of photographs, by the embeddings that are compared; each at its own threshold.

    `old`: the old network's. `mixed`: the new network's, upgraded, with the old network's, each pair both ways round.
    `upgraded`: upgraded ones with one another. `new`: the new network's as they are, which is what embedding everything
    anew would reach. `kept` is `mixed` at the threshold of `old`, in place of its own. `change` tells how far the VAL
    of `mixed` is above that of `old`. `people` and `faces` are how many there were.
    """

    far: float
    people: int
    faces: int
    old: Val
    mixed: Val
    upgraded: Val
    new: Val
    kept: Val
    change: Change

    def __str__(self) -> str:
        value, low, high = (100 * share for share in (self.change.value, self.change.low, self.change.high))
        named = {"old": self.old, "mixed": self.mixed, "upgraded": self.upgraded, "new": self.new}
        return "\n".join(
            [
                f"VAL at FAR {self.far:g}, {self.old.same_pairs} pairs of the same of {self.people} people",
                *(f"{name:8}  {_percent(val)}, threshold {val.threshold:.4f}" for name, val in named.items()),
                f"mixed at the threshold of old: {_percent(self.kept)}, FAR {self.kept.far:.2g}",
                f"mixed - old: {value:+.1f} [{low:+.1f}, {high:+.1f}] points",
            ]
        )


def measure_compatibility(
    old: NDArray[np.float32],
    new: NDArray[np.float32],
    upgraded: NDArray[np.float32],
    pairs: ListedPairs,
    *,
    far: float = 1e-3,
) -> Compatibility:
    """Compare photographs by embeddings of two networks, `old` (n, d_old), `new` (n, d_new) and `upgraded` (n, d_old).

    All are float32 unit rows, of the same n photographs in the order of the `pairs`; `upgraded` are the rows of `new`
    as mapped by an `Upgrade` that must have seen none of these people. Raises ValueError where there are too few pairs
    of different people for the FAR, or none of the same.

    >>> import numpy as np
    >>> x = np.repeat(np.eye(3, dtype=np.float32), 2, axis=0)
    >>> everyone = ListedPairs(np.repeat(np.arange(3), 2), *np.triu_indices(6, 1))
    >>> found = measure_compatibility(x, x[:, ::-1], x, everyone, far=0.1)
    >>> found.mixed.val, found.change.value
    (1.0, 0.0)
    """
    rows, others = as_photographs(old, pairs, "old"), as_photographs(new, pairs, "new")
    mapped = as_photographs(upgraded, pairs, "upgraded", width=rows.shape[1])
    both = _both_ways(pairs)
    same, twice = pairs.same, both.same
    before, after = pairs.distances(rows), both.distances(np.concatenate([mapped, rows]))
    known, people = val_at_far(before[same], before[~same], far, people=_shown(pairs)), _shown(both)
    mixed = val_at_far(after[twice], after[~twice], far, people=people)
    compared = np.unique(np.concatenate([pairs.a, pairs.b]))
    accepted = (after[twice] <= mixed.threshold).reshape(2, -1).mean(axis=0)
    return Compatibility(
        far=far,
        people=len(np.unique(pairs.people[compared])),
        faces=len(compared),
        old=known,
        mixed=mixed,
        upgraded=pairs.val(mapped, far),
        new=pairs.val(others, far),
        kept=val_at_threshold(after[twice], after[~twice], known.threshold, people=people),
        change=change(before[same] <= known.threshold, accepted, _shown(pairs)),
    )


def _both_ways(pairs: ListedPairs) -> ListedPairs:
    """The pairs of upgraded with old rows, which stand below them: first a with b, then b with a."""
    rows = len(pairs.people)
    a, b = np.concatenate([pairs.a, pairs.b]), np.concatenate([pairs.b, pairs.a])
    return ListedPairs(np.tile(pairs.people, 2), a, b + rows)


def _shown(pairs: ListedPairs) -> NDArray[np.int64]:
    """Whom each pair of the same person shows."""
    shown: NDArray[np.int64] = pairs.people[pairs.a[pairs.same]]
    return shown


def _percent(val: Val) -> str:
    return f"{100 * val.val:.1f} % [{100 * val.low:.1f}, {100 * val.high:.1f}]"
