"""How much of the nearest an approximate search finds, counted against the exact one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ._nearest import as_k
from .arrays import finite_rows
from .given import given_rows
from .held import Held, check_fingerprint
from .some import Asked, search_alone, search_some
from .stored import unpack_stored

SAMPLE = 1000  # own faces by which recall is measured

Find: TypeAlias = Callable[[NDArray[np.float32], int], Sequence[NDArray[np.int64]]]


@dataclass(frozen=True, slots=True)
class Recall:
    """The share `value` of the `k` nearest that is found, over so many `probes`, with its 95 % interval."""

    value: float
    low: float
    high: float
    probes: int
    k: int


def measure_recall(held: Held, x: Any, k: int, find: Find, threads: int | None) -> Recall:
    """Search for the probes `x`, or for some of the faces themselves among all others; inside `Held.following`.

    `find` names for each of some probes the ids of so many faces, in any order. A face that is as near as the k-th
    nearest counts as one of them. Raises ValueError for k < 1, and where there are no probes, or nobody to be found.
    """
    k = as_k(k)
    if held.packed is None or len(held.ids) < (2 if x is None else 1):
        raise ValueError("recall wants two faces in the gallery, or one and probes")
    own = np.linspace(0, len(held.ids) - 1, min(SAMPLE, len(held.ids))).astype(np.int64)
    if x is None:
        probes = unpack_stored(held.packed.stored(own), held.state.storage)
    else:
        given = given_rows(x)
        check_fingerprint(held.state, given.fingerprint)
        probes = finite_rows(given.embeddings, "x", width=held.packed.columns).astype(np.float32)
    itself = own[:, None] if x is None else np.full((len(probes), 1), -1)
    k = min(k, len(held.ids) - (x is None))
    width = k + (x is None)
    exact, rows, _ = search_some(probes, held.packed, width, Asked(None), threads, None)
    limits = np.sort(np.where(rows == itself, np.inf, exact), axis=1)[:, k - 1 : k]
    found, rows = rank_found(held, probes, find(probes, width), width, Asked(None))
    hits = ((found <= limits) & (rows != itself)).sum(axis=1).clip(max=k)
    return _as_recall(hits, k)


def rank_found(
    held: Held, probes: NDArray[np.float32], found: Sequence[NDArray[np.int64]], k: int, asked: Asked
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The k nearest of the faces that were found for each probe, by their ids: distances and rows of the gallery.

    Both are (probes, k), and the distances those of the gallery's own search. Ids that it does not have are left out.
    """
    assert held.packed is not None
    distances = np.full((len(probes), k), np.inf, np.float32)
    rows = np.full((len(probes), k), -1, np.int64)
    for probe, ids in enumerate(map(np.sort, found)):
        few = np.searchsorted(held.ids, ids).clip(max=len(held.ids) - 1)
        few = few[held.ids[few] == ids]
        distances[probe], rows[probe], _ = search_alone(probes[probe : probe + 1], held.packed, k, few, asked, 1, None)
    return distances, rows


def _as_recall(hits: NDArray[np.int64], k: int) -> Recall:
    from .evaluate.rates import effective_pairs, wilson  # whose package takes long to load

    value = float(hits.mean() / k)
    low, high = wilson(np.array(value), effective_pairs(hits, np.full(len(hits), k)))
    return Recall(value, float(low), float(high), len(hits), k)
