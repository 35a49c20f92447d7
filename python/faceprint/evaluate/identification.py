"""How often a search among many people names the wrong one, or nobody: FPIR and FNIR, by leaving out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._nearest import Progress, nearest, neighbours
from ..arrays import as_embeddings, as_labels, as_list
from ..some import WIDER
from .rates import LEAST, effective_pairs, false_accepts, just_below, wanting, wilson

RATES = (0.1, 0.03, 0.01, 0.003, 0.001)
FIRST = 16  # neighbours of each face that are looked at to begin with


@dataclass(frozen=True, slots=True)
class Identification:
    """What a `threshold`, a squared distance, does in a search among `faces` faces of `people` people.

    `fpir` is the share of strangers for whom somebody is found within it, of one search for each of the faces, and
    `fnir` the share of the `known`, faces of people who have another, for whom their own person is not the first found:
    None where nobody has two faces. Both have their 95 % intervals (`low`, `high`).
    """

    threshold: float
    fpir: float
    fpir_low: float
    fpir_high: float
    fnir: float | None
    fnir_low: float | None
    fnir_high: float | None
    faces: int
    people: int
    known: int


def identification(
    x: Any, labels: Any, rates: Sequence[float] = RATES, *, threads: int | None = None, progress: Progress | None = None
) -> list[Identification]:
    """FPIR and FNIR (ISO/IEC 19795-1) of open-set search in a gallery of this size, at the thresholds for some FPIRs.

    `x` (n, dimension) float32 unit rows, one label each. Every face is searched for twice: among the faces of all other
    people, to whom it is a stranger, and among all other faces, where its own person should come first. The threshold
    for a rate is the largest whose FPIR is no higher. It holds for a gallery of so many faces: in one twice as large, a
    stranger has twice as many chances. The faces of a person count together in the intervals, as in `val_at_far`.

    Rates for which there are too few faces, so that fewer than 3 strangers may be named, are left out; ValueError where
    that leaves none, for rates outside of (0, 1), and for fewer than two people; TypeError for another dtype.

    >>> import numpy as np
    >>> from faceprint import synthetic
    >>> made = synthetic.people(600, 100, junk=0, seed=1)
    >>> found = identification(made.embeddings, made.people, [0.1, 1e-6])
    >>> [round(entry.fpir, 2) for entry in found]
    [0.1]
    """
    rows = as_embeddings(x, "x")
    people = as_labels(labels, len(rows))
    rates = as_list(rates, "rates")
    if not rates:
        raise ValueError("rates must be one or more, not none")
    wrong = next((rate for rate in rates if not 0 < rate < 1), None)
    if wrong is not None:
        raise ValueError(f"rates must lie between 0 and 1, not {wrong}")
    sizes = np.bincount(people)
    if len(sizes) < 2:
        raise ValueError(f"labels must be those of two people or more, not {len(sizes)}")
    supported = [rate for rate in rates if wanting(rate, len(rows)) is None]
    if not supported:
        least = int(np.ceil(LEAST / max(rates, default=1)))
        raise ValueError(f"FPIR {max(rates, default=1):g} needs about {least:,} faces, and these are {len(rows):,}")
    own, other = nearest_own_and_other(rows, people, threads=threads, progress=progress)
    return [_at(rate, own, other, people, sizes) for rate in supported]


def nearest_own_and_other(
    x: NDArray[np.float32], people: NDArray[np.int64], *, threads: int | None = None, progress: Progress | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of each face, the distance to the nearest other face of its person, and to the nearest of another one.

    The first is infinite where there is none, or where so many strangers are nearer that it does not matter.
    """
    width = min(FIRST, len(x) - 1)
    distances, indices = neighbours(x, width, threads=threads, progress=progress)
    same = people[indices] == people[:, None]
    own, other = _first(distances, same), _first(distances, ~same)
    left = np.flatnonzero(np.isinf(other))  # people with more faces than were looked at
    while len(left):
        width = min(WIDER * width, len(x))
        distances, indices = nearest(x[left], x, width, threads=threads)
        other[left] = _first(distances, people[indices] != people[left, None])
        left = left[np.isinf(other[left])]
    return own, other


def _first(distances: NDArray[np.float32], wanted: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The distance of the first that is wanted in each row, infinite without."""
    places = wanted.argmax(axis=1)[:, None]
    found = np.take_along_axis(distances, places, axis=1)[:, 0]
    return np.where(np.take_along_axis(wanted, places, axis=1)[:, 0], found, np.float32(np.inf))


def _at(
    rate: float,
    own: NDArray[np.float32],
    other: NDArray[np.float32],
    people: NDArray[np.int64],
    sizes: NDArray[np.int64],
) -> Identification:
    allowed = false_accepts(rate, len(other))
    threshold = just_below(np.partition(other, allowed)[allowed])
    named = other <= threshold
    known = sizes[people] > 1
    missed = known & ~((own <= threshold) & (own < other))
    fpir, fpir_low, fpir_high = _share(named, people, np.ones(len(people), bool))
    fnir, fnir_low, fnir_high = _share(missed, people, known) if known.any() else (None, None, None)
    return Identification(
        threshold=threshold,
        fpir=fpir,
        fpir_low=fpir_low,
        fpir_high=fpir_high,
        fnir=fnir,
        fnir_low=fnir_low,
        fnir_high=fnir_high,
        faces=len(people),
        people=len(sizes),
        known=int(known.sum()),
    )


def _share(
    events: NDArray[np.bool_], people: NDArray[np.int64], among: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """The share of some faces, and its interval."""
    faces = np.bincount(people, among).astype(np.int64)
    counted = np.bincount(people, events & among)[faces > 0]
    share = float(counted.sum() / faces.sum())
    low, high = wilson(np.array(share), effective_pairs(counted, faces[faces > 0]))
    return share, float(low), float(high)
