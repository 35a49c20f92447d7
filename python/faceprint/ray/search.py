"""Exact searches in a gallery in shards: every block of queries with every block of the gallery."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._nearest import Metric, Progress
from ..arrays import as_embeddings
from ..blocks import merge_lists, nearest_in_block
from ..errors import GalleryError
from ..expected import as_whole
from ..lists import Lists
from ..shards import Shards
from .plans import Say, plan_nearest, tell
from .sections import Section, cut_up, stored_block
from .workers import Task, Workers, check_given

QUERY_ROWS = 2**16


def nearest(
    x: Any,
    gallery: Shards,
    k: int = 10,
    *,
    workers: Workers,
    metric: Metric = "squared-euclidean",
    block_rows: int | None = None,
    say: Say | None = None,
    progress: Progress | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Find the `k` rows of a gallery in shards nearest to each row of `x`, exactly: (distances, indices).

    As `faceprint.nearest` to the bit, ties included: indices are row numbers of the gallery. `x` is an array (rows,
    dimension) float32, which goes to each node once, or `Shards` as well. Workers read shards from the storage, pack
    `block_rows` of them or one, and keep a few blocks for the next call with the same `workers`; the answers of all
    blocks are merged here, (rows, k) of each at a time.

    What it will cost is told to `say`, or printed on a terminal, before it begins. `progress` is called as in
    `faceprint.nearest`. Raises what that raises, GalleryError for shards that cannot be read, and DeviceError as
    `Workers` does.

    >>> import numpy, tempfile
    >>> from faceprint import Shards, ray
    >>> folder = tempfile.TemporaryDirectory()
    >>> gallery = Shards.create(folder.name, rows=2)
    >>> ids = gallery.add(numpy.eye(3, dtype=numpy.float32))
    >>> with ray.Workers(1, threads=1) as workers:
    ...     ray.nearest(numpy.float32([[0, 0, 1]]), gallery, k=2, workers=workers)
    (array([[0., 2.]], dtype=float32), array([[2, 0]]))
    >>> folder.cleanup()
    """
    check_given(gallery, "gallery", workers)
    k = _as_k(k, gallery)
    if isinstance(x, Shards):
        _check_comparable(x, gallery)
        sources: list[Any] = list(cut_up(x, QUERY_ROWS))
        sizes = [section.rows for section in sources]
    else:
        array = as_embeddings(x, "x", width=gallery.dimension)
        broken = np.flatnonzero(~np.isfinite(array).all(axis=1))
        if len(broken):  # workers would number them within their blocks
            raise ValueError(f"x must be finite: row {broken[0]} is not")
        cuts = range(0, len(array), QUERY_ROWS)
        sources = [workers.put(np.ascontiguousarray(array[first : first + QUERY_ROWS])) for first in cuts]
        sizes = [min(QUERY_ROWS, len(array) - first) for first in cuts]
    distances, indices = np.empty((sum(sizes), k), np.float32), np.empty((sum(sizes), k), np.int64)
    if not sources:
        return distances, indices
    rows = len(distances)
    tell(say, lambda: plan_nearest(rows, gallery, k, query_rows=QUERY_ROWS, block_rows=block_rows, workers=workers))
    sections = cut_up(gallery, block_rows)

    def tasks() -> Iterator[Task]:
        for number, section in enumerate(sections):
            for at, source in enumerate(sources):
                call = (source, section, k, metric, workers.threads)
                yield Task((at, number), _search, call, home=section.key, work=sizes[at] * section.rows)

    best: list[Lists | None] = [None] * len(sources)
    for (at, _), found in workers.do(tasks(), work=rows * len(gallery), progress=progress):
        known = best[at]
        best[at] = found if known is None else merge_lists([known, found], k, metric=metric)
    first = 0
    for lists, size in zip(best, sizes, strict=True):
        assert lists is not None
        distances[first : first + size], indices[first : first + size] = lists.distances, lists.indices
        first += size
    return distances, indices


def _search(source: "NDArray[np.float32] | Section", section: Section, k: int, metric: Metric, threads: int) -> Lists:
    queries = source.shards.embeddings() if isinstance(source, Section) else source
    return nearest_in_block(queries, stored_block(section, threads), k, metric=metric, threads=threads)


def _as_k(k: int, gallery: Shards) -> int:
    if not len(gallery):
        raise GalleryError("the gallery must hold at least one embedding, not 0")
    number = as_whole(k, "k")
    if not 1 <= number <= len(gallery):
        raise ValueError(f"k must be in [1, {len(gallery)}], not {number}")
    return number


def _check_comparable(x: Shards, gallery: Shards) -> None:
    if len(x) and x.dimension != gallery.dimension:
        raise GalleryError(f"x must have {gallery.dimension} numbers a row as the gallery has, not {x.dimension}")
    if None not in (x.fingerprint, gallery.fingerprint) and x.fingerprint != gallery.fingerprint:
        raise GalleryError(f"x is of network {x.fingerprint} and the gallery of {gallery.fingerprint}: not comparable")
