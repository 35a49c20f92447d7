"""Nearest neighbours among some rows of a gallery only, exactly."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._nearest import Progress

ALONE = 8  # so many times fewer rows than there are are copied out and searched alone
WIDER = 4  # times as many neighbours are looked at where too few of them were asked for


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Which rows may be an answer: those of a mask (n,) bool, and at squared distances from `nearest` to `farthest`."""

    rows: NDArray[np.bool_] | None
    nearest: float = 0.0
    farthest: float = np.inf

    @property
    def everything(self) -> bool:
        """Whether that leaves nothing out."""
        return self.rows is None and self.nearest == 0 and self.farthest == np.inf


def search_some(
    probes: NDArray[np.float32],
    gallery: _core.Gallery,
    k: int,
    asked: Asked,
    threads: int | None,
    progress: Progress | None,
) -> tuple[NDArray[np.float32], NDArray[np.int64], int]:
    """The k nearest rows of those that are asked for: distances and rows (probes, k), and how many were reranked.

    Where there are fewer, the distance is infinite and the row -1.
    """
    if asked.everything:
        return _core.nearest(probes, gallery, k, threads=threads or 0, progress=progress)
    if asked.rows is not None and asked.rows.sum() * ALONE <= gallery.rows:
        return search_alone(probes, gallery, k, np.flatnonzero(asked.rows), asked, threads, progress)
    distances, rows = _empty(len(probes), k)
    reranked = 0
    left, width = np.arange(len(probes)), k
    while len(left):
        found, places, computed = _core.nearest(probes[left], gallery, width, threads=threads or 0, progress=progress)
        reranked += computed
        wanted = (found >= asked.nearest) & (found <= asked.farthest)
        if asked.rows is not None:
            wanted &= asked.rows[places]
        done = (wanted.sum(axis=1) >= k) | (found[:, -1] > asked.farthest) | (width == gallery.rows)
        for probe in np.flatnonzero(done):
            first = np.flatnonzero(wanted[probe])[:k]
            distances[left[probe], : len(first)] = found[probe, first]
            rows[left[probe], : len(first)] = places[probe, first]
        left, width = left[~done], min(WIDER * width, gallery.rows)
    return distances, rows, reranked


def search_alone(
    probes: NDArray[np.float32],
    gallery: _core.Gallery,
    k: int,
    few: NDArray[np.int64],
    asked: Asked,
    threads: int | None,
    progress: Progress | None,
) -> tuple[NDArray[np.float32], NDArray[np.int64], int]:
    """As `search_some`, among a few rows, ascending, that are copied out; `asked.rows` is not looked at."""
    distances, rows = _empty(len(probes), k)
    if not len(few):
        return distances, rows, 0
    alone = _core.Gallery(gallery.columns, gallery.storage)
    alone.append_stored(gallery.stored(few))
    width = min(k, len(few))
    found, places, reranked = search_some(
        probes, alone, width, Asked(None, asked.nearest, asked.farthest), threads, progress
    )
    distances[:, :width] = found
    rows[:, :width] = np.where(places < 0, -1, few[places])
    return distances, rows, reranked


def _empty(probes: int, k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    return np.full((probes, k), np.inf, np.float32), np.full((probes, k), -1, np.int64)
