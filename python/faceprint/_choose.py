"""Parameters that choose themselves: by some known names, or without any."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._cluster import Clustering
from .arrays import finite_rows
from .constraints import as_known, as_numbers
from .evaluate.clusters import clustering as agreement
from .expected import as_kind, as_number, as_whole
from .identity import UNKNOWN
from .medoids import members

HIDDEN = 0.2
STEP = 0.1
MOST = {"threshold": 4.0, "least": 1.0}


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The best clustering `found`, its `score`, and all that were tried, in order: what was changed, and the score."""

    found: Clustering
    score: float
    tried: list[tuple[Mapping[str, Any], float]]


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a clustering when a `parameter` is multiplied by `factor`.

    `agreement` is the pairwise F of the new labels with the old ones, `people` how many there are then.
    """

    parameter: str
    factor: float
    agreement: float
    people: int


def choose(
    found: Clustering, changes: Iterable[Mapping[str, Any]], *, names: Any = None, hidden: float = HIDDEN, seed: int = 0
) -> Choice:
    """Cluster again with each of `changes`, parameters as `Clustering.again` takes them, and keep the best.

    With `names`, (n,) integers and -1 where a face has none, a share `hidden` of the people with names is hidden, as if
    new; the others are given as `previous`, and the score is the BCubed F of the faces of the hidden ones (as novel
    classes are discovered: Han et al., "Learning to discover novel visual categories", 2019). The best is then
    clustered with all names. Without names the score is minus `coding_length`. Of equal scores the first wins. Raises
    what `Clustering.again` does, TypeError for changes of `previous`, and ValueError without changes, or where fewer
    than two people have names.

    >>> import numpy
    >>> from faceprint import cluster
    >>> found = cluster(numpy.float32([[1, 0], [0.96, 0.28], [0, 1], [0.28, 0.96]]))
    >>> trials = [{"threshold": value} for value in (0.01, 0.1, 4)]
    >>> choice = choose(found, trials, names=[0, 0, 1, 1], hidden=0.5)
    >>> choice.found.threshold, choice.found.labels.tolist(), choice.score
    (0.1, [0, 0, 1, 1], 1.0)
    """
    known = as_known(names, "names", len(as_kind(found, Clustering, "found").labels))
    people = np.unique(known[known != UNKNOWN])
    if names is not None and len(people) < 2:
        raise ValueError(f"names must be those of at least two people, not {len(people)}")
    if not 0 < as_number(hidden, "hidden") < 1:
        raise ValueError(f"hidden must be above 0 and below 1, not {hidden}")
    count = min(max(round(hidden * len(people)), 1), len(people) - 1)
    chosen = np.random.default_rng(as_whole(seed, "seed", 0)).permutation(people)[:count]
    away = np.isin(known, chosen) & (known != UNKNOWN)
    tried: list[tuple[Mapping[str, Any], float]] = []
    if not isinstance(changes, Iterable):
        raise TypeError(f"changes must be a sequence of mappings, not {type(changes).__name__}")
    for change in changes:
        if not isinstance(change, Mapping):
            raise TypeError(f"changes must be mappings from parameters to values, not {type(change).__name__}")
        if "previous" in change:
            raise TypeError("changes must not be of 'previous', for which there are names")
        if names is None:
            score = -coding_length(found.embeddings, found.again(**change).labels)
        else:
            labels = found.again(previous=np.where(away, UNKNOWN, known), **change).labels
            score = agreement(known[away], labels[away]).bcubed.f
        tried.append((change, score))
    if not tried:
        raise ValueError("changes must hold at least one, not 0")
    best, score = max(tried, key=lambda trial: trial[1])
    return Choice(found.again(previous=None if names is None else known, **best), score, tried)


def coding_length(x: Any, labels: Any, *, distortion: float | None = None) -> float:
    """Measure how many bits it takes to tell all embeddings and whose they are; the better the people, the fewer.

    Lossy coding up to a mean squared error, the `distortion` (Ma, Derksen, Hong and Wright, "Segmentation of
    multivariate mixed data via lossy data coding and compression", 2007, section 2), with a Gaussian for each group
    that spreads alike in all directions, for most groups are smaller than the dimension: d / 2 log2(1 + variance /
    distortion) for each row, the same for each mean, and -log2 of its group's share for each label. `x` (n, dimension)
    float32; `labels` (n,) integers, of which -1 is a group of one row. By default a tenth of the variance is lost.
    Raises TypeError for another dtype, ValueError for another shape, NaN or infinity, and a distortion of 0 or less.

    >>> import numpy
    >>> x = numpy.float32([[1, 0], [1, 0.1], [0, 1], [0.1, 1]])
    >>> coding_length(x, [0, 0, 1, 1]) < min(coding_length(x, labels) for labels in ([0, 1, 0, 1], [0, 0, 0, 0]))
    True
    """
    rows = finite_rows(x, "x")
    numbers = as_numbers(labels, "labels", len(rows))
    alone = numbers == UNKNOWN
    numbers = np.where(alone, numbers.max(initial=-1) + np.cumsum(alone), numbers)
    rows -= rows.mean(axis=0)
    error = 0.1 * (rows**2).sum(axis=1).mean() if distortion is None else distortion
    if not as_number(error, "distortion") > 0:
        raise ValueError(f"distortion must be above 0, not {error}")
    return sum(_bits(rows[group], len(rows), error) for group in members(numbers) if len(group))


def _bits(rows: NDArray[np.float64], total: int, error: float) -> float:
    count, dimension = rows.shape
    mean = rows.mean(axis=0)
    spread, place = ((rows - mean) ** 2).sum() / count, (mean**2).sum()
    gaussians = dimension / 2 * (count * np.log2(1 + spread / error) + np.log2(1 + place / error))
    return float(gaussians - count * np.log2(count / total))


def stability(found: Clustering, *, step: float = STEP) -> list[Change]:
    """Report how the labels change when every parameter that matters is lowered and raised by a share `step`.

    What is above the most that a parameter may be, a threshold of 4 or `least` of 1, is left out. TypeError unless
    `found` is what `cluster` gives, ValueError unless 0 < step < 1.

    >>> import numpy
    >>> from faceprint import cluster
    >>> for change in stability(cluster(numpy.float32([[1, 0], [0.99, 0.14], [0, 1]]), method="average")):
    ...     print(change)
    Change(parameter='threshold', factor=0.9, agreement=1.0, people=2)
    Change(parameter='threshold', factor=1.1, agreement=1.0, people=2)
    """
    settings = asdict(as_kind(found, Clustering, "found").settings)
    if not 0 < as_number(step, "step") < 1:
        raise ValueError(f"step must be above 0 and below 1, not {step}")
    changes = []
    for parameter in found.settings.heeded:
        for factor in (1 - step, 1 + step):
            value = settings[parameter] * factor
            if value > MOST.get(parameter, value):
                continue
            other = found.again(**{parameter: max(round(value), 1) if parameter == "k" else value})
            same = agreement(found.labels, other.labels).pairwise.f
            changes.append(Change(parameter, round(factor, 6), same, len(other)))
    return changes
