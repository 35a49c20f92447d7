"""Who is it, among people rather than photographs, and when is it none of them."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._nearest import Progress
from .some import WIDER, Asked, search_some
from .stored import unpack_stored

Score: TypeAlias = Literal["best", "mean"]
Found: TypeAlias = tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]  # people, distances, rows of faces
NONE = -1


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Whom `Gallery.identify` found: arrays of shape (probes, k), nearest first, equal distances by the earlier face.

    `labels` object, None where there are fewer people; `distances` float32, squared Euclidean, infinite there; `ids`
    int64, the person's nearest face, or first by score "mean", and -1 there. `known` (probes,) bool: whether the first
    person lies within the `threshold`; where not, the honest answer is "unknown". `fpir` is the share of strangers for
    whom it says otherwise, by the gallery's calibration, times by how much it has grown since; None where a distance
    was given.
    """

    labels: NDArray[np.object_]
    distances: NDArray[np.float32]
    ids: NDArray[np.int64]
    known: NDArray[np.bool_]
    threshold: float
    fpir: float | None

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True, eq=False)
class Among:
    """Rows of a gallery: whose faces they are, and which of them count."""

    gallery: _core.Gallery
    people: NDArray[np.int64]
    allowed: NDArray[np.bool_]
    threads: int | None
    progress: Progress | None


def no_people(probes: int, k: int, threshold: float, fpir: float | None) -> People:
    """The answer of an empty gallery."""
    people, distances, ids = _nobody(probes, k)
    return People(np.full(people.shape, None, object), distances, ids, np.zeros(probes, bool), threshold, fpir)


def nearest_people(probes: NDArray[np.float32], among: Among, k: int) -> Found:
    """The k people with the nearest faces, of each probe: (probes, k)."""
    people, distances, rows = _nobody(len(probes), k)
    left, width, most = np.arange(len(probes)), k, int(among.allowed.sum())
    while len(left) and most:
        width = min(WIDER * width, most)
        asked = Asked(among.allowed)
        near, at, _ = search_some(probes[left], among.gallery, width, asked, among.threads, among.progress)
        done = np.zeros(len(left), bool)
        for place, probe in enumerate(left):
            own = among.people[at[place]]
            first = np.sort(np.unique(own, return_index=True)[1])[:k]
            people[probe, : len(first)], rows[probe, : len(first)] = own[first], at[place, first]
            distances[probe, : len(first)] = near[place, first]
            done[place] = len(first) == k or width == most
        left = left[~done]
    return people, distances, rows


def nearest_means(probes: NDArray[np.float32], among: Among, k: int) -> Found:
    """The k people with the least mean distance over all their faces, of each probe: (probes, k).

    That mean is the squared length of the probe, less twice its product with the mean face, plus the mean squared
    length: the pairs need not be formed.
    """
    found, distances, rows = _nobody(len(probes), k)
    allowed = np.flatnonzero(among.allowed)
    if not len(allowed):
        return found, distances, rows
    people, first, own = np.unique(among.people[allowed], return_index=True, return_inverse=True)
    faces = unpack_stored(among.gallery.stored(allowed), among.gallery.storage).astype(np.float64)
    order = np.argsort(own, kind="stable")
    starts = np.searchsorted(own[order], np.arange(len(people)))
    sizes = np.bincount(own)[:, None]
    means = np.add.reduceat(faces[order], starts) / sizes
    lengths = np.add.reduceat((faces**2).sum(axis=1)[order], starts) / sizes[:, 0]
    x = probes.astype(np.float64)
    between = np.maximum((x**2).sum(axis=1)[:, None] - 2 * x @ means.T + lengths, 0).astype(np.float32)
    best = np.lexsort((np.broadcast_to(first, between.shape), between))[:, :k]
    count = best.shape[1]
    found[:, :count], rows[:, :count] = people[best], allowed[first[best]]
    distances[:, :count] = np.take_along_axis(between, best, axis=1)
    return found, distances, rows


def joined(probes: NDArray[np.float32], among: Among, k: int, score: Score) -> Found:
    """The k people nearest to a set of probes of one person: (1, k), by the least or by the mean of all distances."""
    if not len(probes):
        return _nobody(1, k)
    if score == "mean":
        everybody = len(np.unique(among.people[among.allowed]))
        people, distances, rows = nearest_means(probes, among, max(everybody, 1))
        order = np.argsort(people, axis=1)
        means = np.take_along_axis(distances, order, axis=1).mean(axis=0, dtype=np.float64)[None]
        each, faces = np.sort(people[:1], axis=1), rows[:1, order[0]]
    else:
        people, distances, rows = nearest_people(probes, among, k)
        each, means, faces = people.reshape(1, -1), distances.reshape(1, -1), rows.reshape(1, -1)
    best = np.lexsort((faces[0], means[0]))
    kept = best[np.sort(np.unique(each[0, best], return_index=True)[1])]
    kept = kept[each[0, kept] != NONE][:k]
    found, least, nearest = _nobody(1, k)
    first = np.s_[0, : len(kept)]
    found[first], least[first], nearest[first] = each[0, kept], means[0, kept], faces[0, kept]
    return found, least, nearest


def _nobody(probes: int, k: int) -> Found:
    shape = (probes, k)
    return np.full(shape, NONE, np.int64), np.full(shape, np.inf, np.float32), np.full(shape, NONE, np.int64)
