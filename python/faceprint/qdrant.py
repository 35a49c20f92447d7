"""Galleries in Qdrant: handed over to a collection, for programs that ask a server.

Needs qdrant-client, pip install 'faceprint[qdrant]', and a server of version 1.16 or later, or the client's own
local mode. `client` is a qdrant_client.QdrantClient. What the client raises for a server that is gone or refuses comes
through as it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._nearest import Progress, as_k, stage
from .distance import as_farthest
from .entries import Entry
from .errors import GalleryError
from .expected import as_whole
from .gallery import Gallery
from .matches import Matches
from .recall import Recall
from .served import (
    SPARE,
    Candidates,
    HandedOver,
    Origin,
    as_candidates,
    as_found,
    check_origin,
    given_probes,
    held_of,
    made_origin,
    origin_of,
    portions,
    recall_of,
)

try:
    from qdrant_client import QdrantClient, models
except ImportError as error:
    raise ImportError("faceprint.qdrant needs qdrant-client: pip install 'faceprint[qdrant]'") from error

__all__ = ["hand_over", "recall", "search"]

KEY = "faceprint"  # of the collection's metadata, under which the origin stands
PORTION = 256  # faces that are sent, or searched for, in one request: some 20 MB of JSON where they are largest
PAGE = 4096  # ids that are read at a time
SENT = 0.9  # the share of the work that is done when all faces have been sent


def hand_over(
    gallery: Gallery, client: QdrantClient, collection: str = "faces", *, progress: Progress | None = None
) -> HandedOver:
    """Make a collection the same as a gallery: new and changed faces are written, and those that it lacks deleted.

    The first call makes the collection, of vectors with Euclidean distance, whose points have the ids of the gallery
    and for payload `label`, `metadata`, `photo` and `quality`, null where it is not known. The metadata of the
    collection have the dimension and the fingerprint of the network. Embeddings are those that the gallery stores, as
    float32; the gallery cannot be changed meanwhile. Faces are read back and compared, so that only what differs is
    written. Memory does not grow with the gallery.

    Qdrant has no transactions: who reads meanwhile sees some changes and not yet others, and after an error some are
    made; call it again. The index is Qdrant's own, made and kept up by the server; `client.update_collection` has its
    options.

    `progress` is called with the share of the work that is done, with 0 first and with 1 when all is stored.

    Raises GalleryError for a gallery that never held a face, and for a collection that holds embeddings of another
    network or dimension, or that this function did not make.

    >>> import numpy
    >>> gallery, client = Gallery(), QdrantClient(":memory:")
    >>> ids = gallery.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", "Ben", None])
    >>> hand_over(gallery, client, "people")
    HandedOver(written=3, removed=0)
    >>> gallery.remove(label="Ann"), hand_over(gallery, client, "people")
    (1, HandedOver(written=0, removed=1))
    """
    points, tell = _Collection(client, collection), stage(progress, 0, 1)
    held = held_of(gallery)
    with held.snapshot():
        points.make(origin_of(held))
        written = points.write(portions(held, PORTION, stage(progress, 0, SENT)))
        removed = points.keep_only(held.ids)
    if tell is not None:
        tell(1.0)
    return HandedOver(written, removed)


def search(
    client: QdrantClient,
    x: Any,
    k: int = 10,
    *,
    collection: str = "faces",
    expansion_search: int | None = None,
    max_distance: float | None = None,
) -> Matches:
    """Find for each probe the k nearest faces of a collection that `hand_over` made, as `Gallery.search` does.

    Qdrant looks at every face, or with `expansion_search` (1 or more: Qdrant's `hnsw_ef`) at few, by its index, and
    misses some, as `recall` tells; its local mode always looks at every face. The distances of what it finds, and their
    order, are computed here: the squared ones that the gallery itself gives, to the bit where it stores float32. Qdrant
    adds up in another order and breaks ties in its own, so that where more than 16 faces lie equally far, or but for
    rounding, others of them may be found than the gallery finds.

    Raises what `Gallery.search` raises for `x`, `k` and `max_distance`; ValueError for an `expansion_search` below 1;
    GalleryError for a collection that is not there or that `hand_over` did not make.

    >>> import numpy
    >>> gallery, client = Gallery(), QdrantClient(":memory:")
    >>> ids = gallery.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", "Ben", None])
    >>> changed = hand_over(gallery, client, "people")
    >>> found = search(client, numpy.float32([[0, 1, 0]]), k=2, collection="people")
    >>> found.labels.tolist(), found.distances.tolist()
    ([['Ben', 'Ann']], [[0.0, 2.0]])
    """
    if expansion_search is not None:
        as_whole(expansion_search, "expansion_search", 1)
    points, kept, farthest = _Collection(client, collection), as_k(k), as_farthest(max_distance)
    probes = given_probes(x, points.made_origin(), points.name)
    width = min(kept, client.count(collection).count)
    return as_found(probes, points.nearest(probes, width + SPARE, expansion_search), width, farthest)


def recall(
    gallery: Gallery,
    client: QdrantClient,
    x: Any = None,
    k: int = 10,
    *,
    collection: str = "faces",
    expansion_search: int | None = None,
    threads: int | None = None,
) -> Recall:
    """Measure what share of the k nearest faces of a gallery `search` finds in the collection it was handed over to.

    For the probes `x`; without, for up to 1,000 of the gallery's own faces among all others. Faces that have been added
    to the gallery since count as missed, and removed ones are no hits. Raises what `search` raises, and ValueError
    where there are no probes, or nobody to be found.

    >>> import numpy
    >>> gallery, client = Gallery(), QdrantClient(":memory:")
    >>> ids = gallery.add(numpy.eye(3, dtype=numpy.float32))
    >>> changed = hand_over(gallery, client)
    >>> recall(gallery, client, k=1).value
    1.0
    """
    return recall_of(
        gallery,
        lambda probes, width: search(client, probes, width, collection=collection, expansion_search=expansion_search),
        x,
        k,
        threads,
    )


class _Collection:
    """A collection of faces, and its origin, seen through a client."""

    def __init__(self, client: QdrantClient, collection: str) -> None:
        if not isinstance(client, QdrantClient):
            raise TypeError(f"client must be a qdrant_client.QdrantClient, not {type(client).__name__}")
        if not isinstance(collection, str):
            raise TypeError(f"collection must be a str, not {type(collection).__name__}")
        self.name = f"collection {collection}"
        self._client, self._collection = client, collection

    def made_origin(self) -> Origin:
        """The origin of the faces that are there; GalleryError where there is no collection."""
        return made_origin(self._origin(), self.name)

    def make(self, origin: Origin) -> None:
        """Make the collection where it is not there."""
        there, metadata = self._origin(), {KEY: asdict(origin)}
        if there is None:
            shape = models.VectorParams(size=origin.dimension, distance=models.Distance.EUCLID)
            self._client.create_collection(self._collection, vectors_config=shape, metadata=metadata)
            return
        check_origin(there, origin, self.name)
        if there != origin:
            self._client.update_collection(self._collection, metadata=metadata)

    def write(self, faces: Iterable[list[Entry]]) -> int:
        """Write those that are not there as they should be, and tell how many that were."""
        written = 0
        for portion in faces:
            ids = [face.id for face in portion]
            there = self._client.retrieve(self._collection, ids, with_payload=True, with_vectors=True)
            known = {record.id: record for record in there}
            changed = [_as_point(face) for face in portion if not _is_same(known.get(face.id), face)]
            if changed:
                self._client.upsert(self._collection, changed)
            written += len(changed)
        return written

    def keep_only(self, ids: NDArray[np.int64]) -> int:
        """Delete all points but those of some ids, ascending, and tell how many that were."""
        removed, at = 0, None
        while True:
            page, at = self._client.scroll(
                self._collection, limit=PAGE, offset=at, with_payload=False, with_vectors=False
            )
            numbers = np.array([point.id if isinstance(point.id, int) else -1 for point in page], np.int64)
            gone = [page[row].id for row in np.flatnonzero(~np.isin(numbers, ids))]
            if gone:
                self._client.delete(self._collection, gone)
            removed += len(gone)
            if at is None:
                return removed

    def nearest(self, probes: NDArray[np.float32], most: int, expansion: int | None) -> list[Candidates]:
        """So many faces that lie near each probe; all are looked at where there is no expansion."""
        options = self._client.init_options
        local = options["location"] == ":memory:" or options["path"] is not None  # which warns of any parameters
        params = None if local else models.SearchParams(exact=expansion is None, hnsw_ef=expansion)
        found: list[Candidates] = []
        for start in range(0, len(probes), PORTION):
            requests = [
                models.QueryRequest(query=row, limit=most, params=params, with_vector=True, with_payload=["label"])
                for row in probes[start : start + PORTION].tolist()
            ]
            answers = self._client.query_batch_points(self._collection, requests)
            found += [_as_candidates(answer.points, probes.shape[1]) for answer in answers]
        return found

    def _origin(self) -> Origin | None:
        if not self._client.collection_exists(self._collection):
            return None
        told = (self._client.get_collection(self._collection).config.metadata or {}).get(KEY)
        if told is None:
            raise GalleryError(f"{self.name} is there, but is none that hand_over made")
        return Origin(told["dimension"], told["fingerprint"], told["format"])


def _payload(face: Entry) -> dict[str, Any]:
    return {"label": face.label, "metadata": face.metadata, "photo": face.photo, "quality": face.quality}


def _as_point(face: Entry) -> models.PointStruct:
    return models.PointStruct(id=face.id, vector=face.embedding.tolist(), payload=_payload(face))


def _as_candidates(points: Sequence[Any], dimension: int) -> Candidates:
    return as_candidates([(point.id, point.payload.get("label"), point.vector) for point in points], dimension)


def _is_same(there: models.Record | None, face: Entry) -> bool:
    """Whether a face is there as it should be."""
    if there is None or there.payload != _payload(face):
        return False
    return np.array_equal(np.array(there.vector, np.float32), face.embedding)
