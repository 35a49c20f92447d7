"""An import of faces, all at once, to people who are known already, or to nobody known."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._cluster import THRESHOLD, cluster
from ._nearest import Progress
from .arrays import as_embeddings
from .constraints import as_numbers, as_pairs
from .identity import UNKNOWN


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """Who the faces of an import are.

    `labels` (n,) int64: the known person, or -1 for unknown. `newcomers` (n,) int64: for the unknown, which of them are
    one person, numbered from 0 by first face; -1 for the others.
    """

    labels: NDArray[np.int64]
    newcomers: NDArray[np.int64]


def assign(
    x: Any,
    enrolled: Any,
    labels: Any,
    *,
    cannot_link: Any = None,
    threshold: float = THRESHOLD,
    threads: int | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Assignment:
    """Assign an import `x` (n, dimension) to the people of `enrolled` (m, dimension), both float32, by `labels` (m,).

    All are clustered together (transductive), so that a face which looks like nobody enrolled is recognised by another
    of the import that does. Labels are integers from 0; enrolled people keep their faces and are never joined. Pairs
    `cannot_link` are rows of `x`. `threshold` and `options` are those of `cluster`, and speak of all rows, the enrolled
    ones first. Raises as `cluster` does, and ValueError for an enrolled face without a label.

    >>> import numpy
    >>> x = numpy.float32([[0.96, 0.28], [-1, 0], [0, 1], [-0.99, 0.14]])
    >>> found = assign(x, numpy.float32([[1, 0], [0, 1]]), labels=[7, 3])
    >>> found.labels.tolist(), found.newcomers.tolist()
    ([7, -1, 3, -1], [-1, 0, -1, 0])
    """
    known = as_embeddings(enrolled, "enrolled")
    new = as_embeddings(x, "x", width=known.shape[1])
    numbers = as_numbers(labels, "labels", len(known))
    if (numbers < 0).any():
        raise ValueError(f"labels must be numbers from 0, not {numbers.min()}: every enrolled face is somebody's")
    pairs = as_pairs(cannot_link, "cannot_link", len(new))
    found = cluster(
        np.concatenate([known, new]),
        previous=np.append(numbers, np.full(len(new), UNKNOWN)),
        cannot_link=pairs + len(known),
        threshold=threshold,
        threads=threads,
        progress=progress,
        **options,
    ).labels[len(known) :]
    most = int(numbers.max(initial=-1))
    stranger = found > most
    return Assignment(np.where(stranger, UNKNOWN, found), np.where(stranger, found - most - 1, UNKNOWN))
