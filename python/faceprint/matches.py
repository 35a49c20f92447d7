"""What a search for faces answers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .held import NOBODY, Held


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """What `Gallery.search` found: arrays of shape (probes, k), nearest first, equal distances by the lower id.

    `distances` float32, squared Euclidean; `ids` int64, as `Gallery.add` gave them; `labels` object, None if unnamed.
    Where a search by conditions found fewer than k, what is missing has an infinite distance, id -1 and no label.
    `reranked` counts the rows whose distance was computed in float32 because the scan of the codes could not exclude
    them, over all probes; 0 where every row was computed.
    """

    distances: NDArray[np.float32]
    ids: NDArray[np.int64]
    labels: NDArray[np.object_]
    reranked: int = 0

    def __len__(self) -> int:
        return len(self.ids)


def no_matches(probes: int) -> Matches:
    """The answer of an empty gallery."""
    shape = (probes, 0)
    return Matches(np.empty(shape, np.float32), np.empty(shape, np.int64), np.empty(shape, object))


def as_matches(held: Held, distances: NDArray[np.float32], rows: NDArray[np.int64], reranked: int) -> Matches:
    """Say whose the rows are, -1 for none; inside `Held.following`."""
    missing = rows < 0
    ids, people = np.where(missing, -1, held.ids[rows]), np.where(missing, NOBODY, held.people[rows])
    return Matches(distances, ids, held.labels.table[people], reranked)
