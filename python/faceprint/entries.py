"""Faces of a gallery with all that is known of each."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .held import Held
from .store import Detail
from .stored import unpack_stored


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One face of a gallery: its embedding (dimension,) float32 as it is stored, and what is known of it."""

    id: int
    label: str | None
    embedding: NDArray[np.float32]
    quality: float | None
    metadata: dict[str, Any] | None
    photo: str | None


def read_entries(held: Held, wanted: NDArray[np.int64]) -> list[Entry]:
    """Those of the faces of some ids that are there, in the order of the gallery."""
    with held.following():
        return entries_at(held, np.flatnonzero(np.isin(held.ids, wanted)))


def entries_at(held: Held, rows: NDArray[np.int64]) -> list[Entry]:
    """The faces of some rows; inside `Held.following` or `Held.snapshot`."""
    if held.packed is None or not len(rows):
        return []
    embeddings = unpack_stored(held.packed.stored(rows), held.state.storage)
    ids, labels, quality = held.ids[rows], held.labels.table[held.people[rows]], held.quality[rows]
    details = held.store.details(ids)
    entries = []
    for face, label, row, sharp in zip(ids.tolist(), labels, embeddings, quality.tolist(), strict=True):
        known = details.get(face, Detail(None, None))
        metadata = None if known.metadata is None else _mapping(held, known.metadata)
        entries.append(Entry(face, label, row, None if np.isnan(sharp) else sharp, metadata, known.photo))
    return entries


def _mapping(held: Held, text: str) -> dict[str, Any]:
    """The metadata that JSON tells; GalleryError where it tells something else."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = None
    held.store.check_sound(isinstance(told, dict), "metadata of a face is no mapping")
    mapping: dict[str, Any] = told
    return mapping
