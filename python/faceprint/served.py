"""What handing a gallery over to a database has in common, whatever serves the database."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._nearest import Progress, nearest
from .arrays import finite_rows
from .embedded import Embedded
from .entries import Entry, entries_at
from .errors import GalleryError
from .gallery import Gallery
from .given import given_rows
from .held import Held
from .matches import Matches
from .recall import Recall, measure_recall

FORMAT = 1
SPARE = 16  # faces that are asked for beyond k: databases round distances otherwise, and the k-th may come after k


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What a call of `hand_over` changed: how many faces were `written`, new or changed ones, and `removed`."""

    written: int
    removed: int


@dataclass(frozen=True, slots=True)
class Origin:
    """What is stored once beside the faces: the `format`, their `dimension`, and the `fingerprint` of their network."""

    dimension: int
    fingerprint: str | None
    format: int = FORMAT


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Faces that a database found near a probe: `ids` (n,), their `labels`, and `embeddings` (n, dimension) float32."""

    ids: NDArray[np.int64]
    labels: NDArray[np.object_]
    embeddings: NDArray[np.float32]


def as_candidates(found: Sequence[tuple[int, str | None, Sequence[float]]], dimension: int) -> Candidates:
    """What a database says of each face that it found: id, label and embedding."""
    ids = np.array([face for face, _, _ in found], np.int64)
    labels = np.empty(len(found), object)
    labels[:] = [label for _, label, _ in found]
    embeddings = np.array([row for _, _, row in found], np.float32).reshape(-1, dimension)
    return Candidates(ids, labels, embeddings)


def held_of(gallery: Gallery) -> Held:
    """What a gallery holds; TypeError for something else."""
    if not isinstance(gallery, Gallery):
        raise TypeError(f"gallery must be a faceprint.Gallery, not {type(gallery).__name__}")
    return gallery._held


def origin_of(held: Held) -> Origin:
    """The origin of a gallery's faces; GalleryError where there has never been one."""
    if held.packed is None:
        raise GalleryError("the gallery must have held an embedding to be handed over, and never has")
    return Origin(held.packed.columns, held.state.fingerprint)


def check_format(there: Origin, name: str) -> None:
    """GalleryError for what another version has written."""
    if there.format != FORMAT:
        raise GalleryError(f"{name} has format {there.format}; this version of faceprint knows format {FORMAT}")


def made_origin(there: Origin | None, name: str) -> Origin:
    """The origin of the faces that are there; GalleryError where nobody handed any over."""
    if there is None:
        raise GalleryError(f"{name} is not there: hand_over makes it")
    check_format(there, name)
    return there


def check_origin(there: Origin, given: Origin, name: str) -> None:
    """GalleryError unless a gallery's faces may take the place of those that are there."""
    check_format(there, name)
    if there.dimension != given.dimension:
        raise GalleryError(
            f"{name} holds embeddings of {there.dimension} numbers; the gallery's have {given.dimension}"
        )
    if there.fingerprint not in (None, given.fingerprint):
        raise GalleryError(
            f"{name} holds embeddings of network {there.fingerprint}; the gallery's are of "
            f"{given.fingerprint or 'one that it does not know'}"
        )


def portions(held: Held, size: int, progress: Progress | None) -> Iterator[list[Entry]]:
    """All faces in the order of their ids, so many at a time; inside `Held.snapshot`."""
    count = len(held.ids)
    if progress is not None:
        progress(0.0)
    for start in range(0, count, size):
        stop = min(start + size, count)
        yield entries_at(held, np.arange(start, stop))
        if progress is not None:
            progress(stop / count)


def given_probes(x: Any, origin: Origin, name: str) -> NDArray[np.float32]:
    """Embeddings to be searched for; GalleryError for those of another network, and errors as of `Gallery.search`."""
    given = given_rows(x)
    if given.fingerprint and origin.fingerprint and given.fingerprint != origin.fingerprint:
        raise GalleryError(
            f"{name} holds embeddings of network {origin.fingerprint}; those of {given.fingerprint} cannot be compared"
        )
    return finite_rows(given.embeddings, "embeddings", width=origin.dimension, least=0).astype(np.float32)


def as_found(probes: NDArray[np.float32], found: Sequence[Candidates], width: int, farthest: float) -> Matches:
    """The nearest of the candidates of each probe, by distances of our own: what `Gallery.search` would answer."""
    distances = np.full((len(probes), width), np.inf, np.float32)
    ids = np.full((len(probes), width), -1, np.int64)
    labels = np.full((len(probes), width), None, object)
    for probe, some in enumerate(found):
        if not len(some.ids):
            continue
        order = np.argsort(some.ids)  # so that the lower id comes first where distances are equal
        near, rows = nearest(probes[probe : probe + 1], some.embeddings[order], min(width, len(order)))
        count = int((near[0] <= farthest).sum())
        chosen = order[rows[0, :count]]
        distances[probe, :count], ids[probe, :count] = near[0, :count], some.ids[chosen]
        labels[probe, :count] = some.labels[chosen]
    return Matches(distances, ids, labels)


def recall_of(
    gallery: Gallery, search: Callable[[Embedded, int], Matches], x: Any, k: int, threads: int | None
) -> Recall:
    """The share of the gallery's own neighbours that a search of the database finds."""
    held = held_of(gallery)

    def find(probes: NDArray[np.float32], width: int) -> list[NDArray[np.int64]]:
        found = search(Embedded(probes, held.state.fingerprint), width)
        return [ids[ids >= 0] for ids in found.ids]

    with held.following():
        return measure_recall(held, x, k, find, threads)
