"""Embeddings with labels, held in memory, packed as the kernels read them."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._nearest import Progress
from .arrays import as_embeddings
from .embedded import Embedded, as_embedded
from .errors import GalleryError

Storage: TypeAlias = Literal["float32", "float16", "int8"]


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """What `Gallery.search` found: arrays of shape (probes, k), nearest first, equal distances by the lower id.

    `distances` float32, squared Euclidean; `ids` int64, as `Gallery.add` gave them; `labels` object, None if unnamed.
    `reranked` counts the rows whose distance was computed in float32 because the scan of the codes could not exclude
    them, over all probes; 0 where every row was computed.
    """

    distances: NDArray[np.float32]
    ids: NDArray[np.int64]
    labels: NDArray[np.object_]
    reranked: int = 0

    def __len__(self) -> int:
        return len(self.ids)


class Gallery:
    """Faces one may be looked up among: embeddings, their labels, and ids that are never given twice.

    The first rows decide the dimension; with the first `Faces` comes the fingerprint of their network, and rows of
    another network are refused from then on, unless an `Upgrade` has mapped them. Calls may come from several threads.

    `storage` is "float32", "float16" (half the memory, searched as what the halves stand for) or "int8" (a byte a
    number, searched by the codes: nearly the same neighbours). Beside float32 rows codes are kept, which make searches
    several times faster and change no answer: 128 numbers take 728 bytes a row, 260 as float16 and 140 as int8.

    >>> import numpy
    >>> gallery = Gallery()
    >>> gallery.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", "Ben", None]).tolist()
    [0, 1, 2]
    >>> found = gallery.search(numpy.float32([[1, 0, 0]]), k=2)
    >>> found.labels.tolist(), found.distances.tolist()
    ([['Ann', 'Ben']], [[0.0, 2.0]])
    >>> gallery.remove(label="Ann"), len(gallery)
    (1, 2)
    """

    def __init__(self, *, storage: Storage = "float32") -> None:
        if storage not in get_args(Storage):
            raise ValueError(f"storage must be 'float32', 'float16' or 'int8', not {storage!r}")
        self._storage = storage
        self._lock = threading.RLock()
        self._packed: _core.Gallery | None = None
        self._ids = np.empty(0, np.int64)
        self._labels: NDArray[np.object_] = np.empty(0, object)
        self._next_id = 0
        self._fingerprint: str | None = None
        self._sources: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of the network whose `Faces` were added, or None where only arrays were."""
        return self._fingerprint

    @property
    def sources(self) -> frozenset[str]:
        """The fingerprints of all networks whose rows were added, of those that were upgraded too."""
        return self._sources

    @property
    def ids(self) -> NDArray[np.int64]:
        """The ids of all rows, rising."""
        return self._ids.copy()

    @property
    def labels(self) -> NDArray[np.object_]:
        """The labels of all rows, in the order of `ids`."""
        return self._labels.copy()

    @property
    def packed(self) -> _core.Gallery:
        """The rows as the kernels read them, for `faceprint.nearest`; GalleryError while the gallery is empty."""
        if self._packed is None or not len(self):
            raise GalleryError("the gallery must hold at least one embedding, not 0")
        return self._packed

    def embeddings(self) -> NDArray[np.float32]:
        """Copy all rows out: (rows, dimension) float32 in the order of `ids`; (0, 0) before anything was added."""
        with self._lock:
            return np.empty((0, 0), np.float32) if self._packed is None else self._packed.unpack()

    def add(self, x: Any, labels: Sequence[str | None] | None = None) -> NDArray[np.int64]:
        """Add embeddings (n, dimension) float32, `Faces` or `Embedded`, with one label a row, and return their ids.

        All or nothing: TypeError or ValueError for rows of another dtype or shape, NaN or infinity, or labels of
        another number; GalleryError for `Faces` of another network. After an error the gallery is as it was.
        """
        given = _rows(x)
        names = _labels(labels, len(given))
        with self._lock:
            self._check_fingerprint(given.fingerprint)
            width = None if self._packed is None else self._packed.columns
            rows = as_embeddings(given.embeddings, "embeddings", width=width)
            packed = self._packed or _core.Gallery(rows.shape[1], self._storage)
            packed.append(rows)
            ids = np.arange(self._next_id, self._next_id + len(rows), dtype=np.int64)
            self._packed = packed
            self._fingerprint = self._fingerprint or given.fingerprint
            self._sources |= {source for source in (given.upgraded_from or given.fingerprint,) if source}
            self._ids = np.concatenate([self._ids, ids])
            self._labels = np.concatenate([self._labels, names])
            self._next_id += len(rows)
        return ids

    @property
    def storage(self) -> Storage:
        """How the rows are stored."""
        return self._storage

    def search(self, x: Any, k: int = 10, *, threads: int | None = None, progress: Progress | None = None) -> Matches:
        """Find for each probe the k nearest rows, or all of them where the gallery holds fewer.

        `x` is (n, dimension) float32, `Faces` or `Embedded`. Exact; ties go to the lower id. Raises ValueError for
        k < 1, GalleryError for `Faces` of another network, and what `nearest` raises; `progress` as there, but it must
        not change this gallery.
        """
        given = _rows(x)
        if k < 1:
            raise ValueError(f"k must be 1 or more, not {k}")
        with self._lock:
            self._check_fingerprint(given.fingerprint)
            if not len(self):
                shape = (len(given), 0)
                return Matches(np.empty(shape, np.float32), np.empty(shape, np.int64), np.empty(shape, object))
            packed = self.packed
            probes = as_embeddings(given.embeddings, "embeddings", width=packed.columns)
            found, rows, reranked = _core.nearest(
                probes, packed, min(k, len(self)), threads=threads or 0, progress=progress
            )
            return Matches(found, self._ids[rows], self._labels[rows], reranked)

    def remove(self, *, ids: Sequence[int] | NDArray[np.int64] | None = None, label: str | None = None) -> int:
        """Remove rows by their `ids` or by `label`, overwrite their memory, and return how many went.

        GalleryError for an id that is not there (nothing is removed then), TypeError for ids that are not integers; a
        label nobody bears removes nothing.
        """
        if (ids is None) == (label is None):
            raise ValueError("remove takes either ids or a label")
        with self._lock:
            if ids is None:
                rows = np.flatnonzero(self._labels == label)
            else:
                wanted = np.unique(_integers(ids))
                unknown = wanted[~np.isin(wanted, self._ids)]
                if len(unknown):
                    raise GalleryError(f"ids must be in the gallery; these are not: {unknown[:5].tolist()}")
                rows = np.searchsorted(self._ids, wanted)
            if len(rows) and self._packed is not None:
                self._packed.remove(rows.astype(np.int64))
                self._ids = np.delete(self._ids, rows)
                self._labels = np.delete(self._labels, rows)
        return len(rows)

    def _check_fingerprint(self, fingerprint: str | None) -> None:
        if fingerprint and self._fingerprint and fingerprint != self._fingerprint:
            raise GalleryError(
                f"the gallery holds embeddings of network {self._fingerprint}; "
                f"those of {fingerprint} cannot be compared, unless an Upgrade fitted to both networks maps them"
            )


def _rows(x: Any) -> Embedded:
    given = as_embedded(x)
    return replace(given, embeddings=as_embeddings(given.embeddings, "embeddings"))


def _integers(ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    array = np.asarray(ids)
    if array.size and array.dtype.kind not in "iu":  # an empty list becomes float64
        raise TypeError(f"ids must be integers, not {array.dtype}")
    return array.astype(np.int64)


def _labels(labels: Sequence[str | None] | None, rows: int) -> NDArray[np.object_]:
    names = np.full(rows, None, object)
    if labels is not None:
        if isinstance(labels, str):
            raise TypeError("labels must be a sequence of str or None, one a row, not a str")
        if len(labels) != rows:
            raise ValueError(f"labels must have one entry for each of the {rows} embeddings, not {len(labels)}")
        wrong = next((label for label in labels if not isinstance(label, (str, type(None)))), None)
        if wrong is not None:
            raise TypeError(f"labels must be str or None, not {type(wrong).__name__}")
        names[:] = labels
    return names
