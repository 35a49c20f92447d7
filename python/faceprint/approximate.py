"""Search that looks at few faces of a gallery and finds nearly all of the nearest: an HNSW graph, by usearch."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._nearest import Progress, as_k
from .arrays import finite_rows
from .distance import as_farthest
from .expected import as_whole
from .given import given_rows
from .held import Held, check_fingerprint
from .matches import Matches, as_matches, no_matches
from .recall import Recall, measure_recall, rank_found
from .some import Asked
from .stored import unpack_stored
from .uncopied import Uncopied

FIRST = 1024  # faces that one thread adds: in a small graph, those that several add at once do not see one another
PORTION = 16_384  # faces that are added at a time, between which Ctrl-C is noticed
TERMINATED = "Operation has been terminated"  # what usearch says when a signal's handler has raised something
STALE = 0.5  # the share of removed faces in the graph from which on it is built anew


class ApproximateIndex(Uncopied):
    """A graph over the faces of a gallery, in memory, in which searches look at few of them. `Gallery.approximate`.

    Each search first follows what was added to the gallery or removed from it, by whomever. A face that was removed is
    never found. What usearch holds of it stays in memory until another takes its place or half of the graph is stale;
    make a new index where it must go at once.
    """

    _instead = "make another by Gallery.approximate"

    def __init__(
        self,
        held: Held,
        *,
        connectivity: int,
        expansion_add: int,
        expansion_search: int,
        threads: int | None,
        progress: Progress | None,
    ) -> None:
        self._held = held
        self._options = {
            "connectivity": as_whole(connectivity, "connectivity", 2),
            "expansion_add": as_whole(expansion_add, "expansion_add", 1),
            "expansion_search": as_whole(expansion_search, "expansion_search", 1),
        }
        _as_threads(threads)
        self._make = _usearch()
        self._graph: Any = None
        self._ids: NDArray[np.int64] = np.empty(0, np.int64)
        self._stale: int  # set where a graph is begun
        self._seen: int | None = None
        with held.following():
            self._follow(threads, progress)

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={number}" for name, number in self._options.items())
        return f"<ApproximateIndex of {self._held.store.name}: faces={len(self._ids)}, {options}>"

    def __len__(self) -> int:
        with self._held.following():
            return len(self._held.ids)

    def search(self, x: Any, k: int = 10, *, max_distance: float | None = None, threads: int | None = None) -> Matches:
        """Find for each probe nearly the k nearest rows, as `Gallery.search` does: faces, distances and order.

        What is found has the distance that `Gallery.search` gives it, to the bit; but of the k nearest some may be
        missing, as `recall` tells, and farther ones be there. Raises what `Gallery.search` raises.

        >>> import numpy
        >>> from faceprint import Gallery
        >>> gallery = Gallery()
        >>> ids = gallery.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", "Ben", "Cy"])
        >>> gallery.approximate().search(numpy.float32([[0, 0, 1]]), k=1).labels.tolist()
        [['Cy']]
        """
        given = given_rows(x)
        k, threads = as_k(k), _as_threads(threads)
        held = self._held
        with held.following():
            check_fingerprint(held.state, given.fingerprint)
            if held.packed is None or not len(held.ids):
                return no_matches(len(given))
            probes = finite_rows(given.embeddings, "embeddings", width=held.packed.columns, least=0)
            self._follow(threads, None)
            farthest = as_farthest(max_distance)
            queries, width = probes.astype(np.float32), min(k, len(held.ids))
            found = self._find(queries, width, threads)
            distances, rows = rank_found(held, queries, found, width, Asked(None, 0.0, farthest))
            return as_matches(held, distances, rows, 0)

    def recall(self, x: Any = None, k: int = 10, *, threads: int | None = None) -> Recall:
        """Measure what share of the k nearest is found, by searching exactly for the same probes.

        For the probes `x`; without, for up to 1,000 of the gallery's own faces among all others, which should be like
        the faces that are searched for. A face that is as near as the k-th nearest counts as one of them.

        Raises what `search` raises, and ValueError where there are no probes, or nobody to be found.

        >>> import numpy
        >>> from faceprint import Gallery
        >>> gallery = Gallery()
        >>> ids = gallery.add(numpy.eye(9, dtype=numpy.float32))
        >>> gallery.approximate().recall(k=2).value
        1.0
        """
        threads = _as_threads(threads)
        with self._held.following():
            self._follow(threads, None)
            return measure_recall(self._held, x, k, partial(self._find, threads=threads), threads)

    def _find(self, probes: NDArray[np.float32], k: int, threads: int | None) -> list[NDArray[np.int64]]:
        """The ids of what the graph finds for each probe."""
        if not len(probes):
            return []
        with _interruptible():
            found = self._graph.search(probes, k, threads=threads or 0)
        keys = np.atleast_2d(found.keys).astype(np.int64)
        counts = getattr(found, "counts", [keys.shape[1]])  # which it leaves out for a single probe
        return [ids[:count] for ids, count in zip(keys, counts, strict=True)]

    def _follow(self, threads: int | None, progress: Progress | None) -> None:
        """Bring the graph up to date with the gallery; inside `Held.following`."""
        if self._held.state.changes == self._seen:
            return
        try:
            self._remove()
            self._add(threads, progress)
        except BaseException:  # such as Ctrl-C, after which nobody knows what the graph holds
            self._graph, self._seen = None, None
            raise
        self._seen = self._held.state.changes

    def _remove(self) -> None:
        gone = np.setdiff1d(self._ids, self._held.ids, assume_unique=True)
        if self._graph is None or self._stale + len(gone) > STALE * (self._stale + len(self._ids)):
            self._graph, self._ids, self._stale = None, np.empty(0, np.int64), 0
        elif len(gone):
            self._graph.remove(gone)
            self._ids = np.setdiff1d(self._ids, gone, assume_unique=True)
            self._stale += len(gone)

    def _add(self, threads: int | None, progress: Progress | None) -> None:
        held = self._held
        if held.packed is None:
            return
        if self._graph is None:
            self._graph = self._make(ndim=held.packed.columns, metric="l2sq", dtype="f32", **self._options)
        new = np.flatnonzero(~np.isin(held.ids, self._ids))
        start = 0
        while start < len(new):
            small = len(self._graph) < FIRST
            rows = new[start : start + (FIRST if small else PORTION)]
            embeddings = unpack_stored(held.packed.stored(rows), held.state.storage)
            with _interruptible():
                self._graph.add(held.ids[rows], embeddings, threads=1 if small else threads or 0)
            start += len(rows)
            if progress is not None:
                progress(start / len(new))
        self._ids, self._stale = held.ids, max(0, self._stale - len(new))  # new ones take the places of old ones


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C, which usearch ends for with an error of its own, is a KeyboardInterrupt."""
    try:
        yield
    except RuntimeError as error:
        if str(error) != TERMINATED:
            raise
        raise KeyboardInterrupt from error


def _as_threads(threads: int | None) -> int | None:
    return None if threads is None else as_whole(threads, "threads", 0)


def _usearch() -> Any:
    try:
        from usearch.index import Index
    except ImportError as error:
        message = "approximate search needs usearch: pip install 'faceprint[approximate]'"
        raise ModuleNotFoundError(message) from error
    return Index
