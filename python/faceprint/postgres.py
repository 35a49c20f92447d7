"""Galleries in PostgreSQL: handed over to a table that pgvector searches, for programs that ask a server.

Needs psycopg, pip install 'faceprint[postgres]', and a database that has pgvector 0.8 or later. `connection` is a
psycopg.Connection; each call is a transaction of its own, or part of the one that the connection is in. What psycopg
raises for a server that is gone or refuses comes through as it is.
"""

from typing import TYPE_CHECKING, Any

from ._nearest import Progress, as_k, stage
from .distance import as_farthest
from .expected import as_whole
from .gallery import Gallery
from .matches import Matches
from .pgtable import Table, check_dimension
from .recall import Recall
from .served import SPARE, HandedOver, as_found, given_probes, held_of, origin_of, portions, recall_of
from .store import CHUNK

if TYPE_CHECKING:
    import psycopg

__all__ = ["compact", "hand_over", "recall", "search"]

SENT = 0.5  # the share of the work that is done when all rows have been sent


def hand_over(
    gallery: Gallery,
    connection: "psycopg.Connection[Any]",
    table: str = "faces",
    *,
    index: bool = False,
    connectivity: int = 16,
    expansion_add: int = 64,
    progress: Progress | None = None,
) -> HandedOver:
    """Make a table the same as a gallery: new and changed faces are written, and those that it lacks deleted.

    The first call makes the table, in the connection's schema: `id`, `embedding` (a vector), `label`, `metadata`
    (jsonb), `photo` and `quality`, null where it is not known. A second table, of the same name and `_origin`, has the
    dimension and the fingerprint of the network. All happens in one transaction: who reads meanwhile sees the table as
    it was before or as it is after, and after an error it is as before. Embeddings are those that the gallery stores,
    as float32; the gallery cannot be changed while they are sent. Memory does not grow with the gallery.

    With `index` the table gets an HNSW index, by which `search` looks at few faces and misses some. `connectivity`, 2
    to 100, and `expansion_add`, twice that to 1,000, are pgvector's `m` and `ef_construction`; an index of other
    numbers is made anew. Without `index` one that is there stays. It follows each change.

    `progress` is called with the share of the work that is done, with 0 first and with 1 when all is stored.

    Raises GalleryError for a gallery that never held a face; for a table that holds embeddings of another network or
    dimension, or that this function did not make; where pgvector is not there; and for what PostgreSQL cannot hold:
    text with NUL, more than 16,000 numbers, or 2,000 in an index. ValueError for numbers out of range and for a name
    that is no table's.

    >>> import numpy
    >>> gallery = Gallery()
    >>> ids = gallery.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", "Ben", None])
    >>> hand_over(gallery, connection, "people")
    HandedOver(written=3, removed=0)
    >>> gallery.remove(label="Ann"), hand_over(gallery, connection, "people")
    (1, HandedOver(written=0, removed=1))
    """
    connectivity, expansion_add = as_whole(connectivity, "connectivity", 2), as_whole(expansion_add, "expansion_add", 4)
    if not (connectivity <= 100 and 2 * connectivity <= expansion_add <= 1000):
        raise ValueError(
            "connectivity must be from 2 to 100, and expansion_add from twice that to 1000, "
            f"not {connectivity} and {expansion_add}"
        )
    faces, tell = Table(connection, table), stage(progress, 0, 1)
    held = held_of(gallery)
    with connection.transaction():
        faces.lock()
        with held.snapshot():
            origin = origin_of(held)
            check_dimension(origin.dimension, index)
            faces.make(origin)
            faces.send(portions(held, CHUNK, stage(progress, 0, SENT)), origin.dimension)
        removed, written = faces.take_over()
        if index:
            faces.make_index(connectivity, expansion_add)
    if tell is not None:
        tell(1.0)
    return HandedOver(written, removed)


def search(
    connection: "psycopg.Connection[Any]",
    x: Any,
    k: int = 10,
    *,
    table: str = "faces",
    expansion_search: int | None = None,
    max_distance: float | None = None,
) -> Matches:
    """Find for each probe the k nearest faces of a table that `hand_over` made, as `Gallery.search` does.

    PostgreSQL looks at every face, or with `expansion_search` (1 to 1,000: pgvector's `ef_search`) at few, by the
    index, and misses some, as `recall` tells. The distances of what it finds, and their order, are computed here: the
    squared ones that the gallery itself gives, to the bit where it stores float32. pgvector adds up in another order,
    so that where more than 16 faces lie equally far but for rounding, others of them may be found than the gallery
    finds. Each probe is answered from the table as it was at one moment.

    Raises what `Gallery.search` raises for `x`, `k` and `max_distance`; ValueError for an `expansion_search` out of
    range; GalleryError for a table that is not there or that `hand_over` did not make, and for one without index where
    `expansion_search` is given.

    >>> import numpy
    >>> gallery = Gallery()
    >>> ids = gallery.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", "Ben", None])
    >>> changed = hand_over(gallery, connection, "people")
    >>> found = search(connection, numpy.float32([[0, 1, 0]]), k=2, table="people")
    >>> found.labels.tolist(), found.distances.tolist()
    ([['Ben', 'Ann']], [[0.0, 2.0]])
    """
    if expansion_search is not None and as_whole(expansion_search, "expansion_search", 1) > 1000:
        raise ValueError(f"expansion_search must be 1000 or less, not {expansion_search}")
    faces, kept, farthest = Table(connection, table), as_k(k), as_farthest(max_distance)
    with connection.transaction(force_rollback=True):  # which takes the settings back
        probes = given_probes(x, faces.made_origin(), faces.name)
        faces.choose_plan(expansion_search)
        width = faces.count_to(kept)
        found = [faces.nearest(probe, width + SPARE) for probe in probes]
    return as_found(probes, found, width, farthest)


def recall(
    gallery: Gallery,
    connection: "psycopg.Connection[Any]",
    x: Any = None,
    k: int = 10,
    *,
    table: str = "faces",
    expansion_search: int | None = None,
    threads: int | None = None,
) -> Recall:
    """Measure what share of the k nearest faces of a gallery `search` finds in the table it was handed over to.

    For the probes `x`; without, for up to 1,000 of the gallery's own faces among all others. Faces that have been added
    to the gallery since count as missed, and removed ones are no hits. Raises what `search` raises, and ValueError
    where there are no probes, or nobody to be found.

    >>> import numpy
    >>> gallery = Gallery()
    >>> ids = gallery.add(numpy.eye(3, dtype=numpy.float32))
    >>> changed = hand_over(gallery, connection, "people", index=True)
    >>> recall(gallery, connection, k=1, table="people", expansion_search=40).value
    1.0
    """
    return recall_of(
        gallery,
        lambda probes, width: search(connection, probes, width, table=table, expansion_search=expansion_search),
        x,
        k,
        threads,
    )


def compact(connection: "psycopg.Connection[Any]", table: str = "faces") -> None:
    """Write a table and its indexes anew without what was deleted, whose bytes otherwise stay until they are reused.

    VACUUM FULL: nobody can read the table meanwhile, and what a transaction that is still open may see is kept. It
    reaches neither the write-ahead log nor copies and backups. ValueError for a connection that is not in autocommit
    mode, for this cannot be part of a transaction; GalleryError for a table that `hand_over` did not make.

    >>> import numpy
    >>> gallery = Gallery()
    >>> ids = gallery.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", "Ben", None])
    >>> changed = hand_over(gallery, connection, "erased")
    >>> gallery.remove(label="Ann"), hand_over(gallery, connection, "erased")
    (1, HandedOver(written=0, removed=1))
    >>> compact(connection, "erased")
    """
    if not connection.autocommit:
        raise ValueError("connection must be in autocommit mode, for compact() cannot be part of a transaction")
    faces = Table(connection, table)
    faces.made_origin()
    faces.compact()
