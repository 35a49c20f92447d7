"""Many photographs and their faces, side by side: what the command line and the pages work on."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .archive import load_arrays, save_arrays
from .errors import GalleryError, PhotoError
from .faces import Faces
from .model import Model
from .photo import printable

Found: TypeAlias = Faces | PhotoError
Watch: TypeAlias = Callable[[Iterator[Found]], Iterable[Found]]
ARRAYS = ("embeddings", "photos", "boxes", "fingerprint")


@dataclass(slots=True)
class Album:
    """The `photos` that could be read, the `faces` of each, and why the others were `skipped`."""

    photos: list[Path] = field(default_factory=list)
    faces: list[Faces] = field(default_factory=list)
    skipped: dict[Path, str] = field(default_factory=dict)

    @property
    def owners(self) -> NDArray[np.int64]:
        """For every face of the album, in order, the number of its photograph."""
        return np.repeat(np.arange(len(self.faces)), [len(faces) for faces in self.faces]).astype(np.int64)

    @property
    def embeddings(self) -> NDArray[np.float32]:
        """The embeddings of every face of the album, in order."""
        return np.concatenate([faces.embeddings for faces in self.faces])


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """Faces without their pictures, as `faceprint embed` stores them: one row a face."""

    embeddings: NDArray[np.float32]
    photos: list[str]
    boxes: NDArray[np.float32]
    fingerprint: str

    def __getitem__(self, rows: NDArray[np.bool_]) -> "Embeddings":
        """The faces where `rows` (n,) is true."""
        photos = [self.photos[row] for row in np.flatnonzero(rows)]
        return Embeddings(self.embeddings[rows], photos, self.boxes[rows], self.fingerprint)


def read_album(model: Model, photos: Sequence[Path], watch: Watch = iter) -> Album:
    """Find the faces of each photograph; one that cannot be read is skipped, and PhotoError raised if all are.

    `watch` may look on while the photographs are done, one by one, as a progress bar does.
    """
    album = Album()
    for photo, faces in zip(photos, watch(model.faces(photos, errors="collect")), strict=True):
        if isinstance(faces, PhotoError):
            album.skipped[photo] = str(faces)
        else:
            album.photos.append(photo)
            album.faces.append(faces)
    if not album.photos and album.skipped:
        raise PhotoError("; ".join(list(album.skipped.values())[:3]))
    return album


def flatten(album: Album, fingerprint: str) -> Embeddings:
    """Lay the faces of an album out as rows."""
    names = [printable(photo) for photo in album.photos]
    boxes = np.concatenate([faces.boxes for faces in album.faces])
    return Embeddings(album.embeddings, [names[owner] for owner in album.owners], boxes, fingerprint)


def save_embeddings(path: "str | os.PathLike[str]", faces: Embeddings) -> None:
    """Write embeddings to an .npz file: arrays embeddings, photos, boxes and the network's fingerprint."""
    save_arrays(
        path,
        embeddings=faces.embeddings,
        photos=np.array(faces.photos, str),
        boxes=faces.boxes,
        fingerprint=np.array(faces.fingerprint),
    )


def load_embeddings(path: "str | os.PathLike[str]") -> Embeddings:
    """Read what `save_embeddings` wrote; GalleryError where the file is something else."""
    name = printable(path)
    try:
        embeddings, photos, boxes, fingerprint = load_arrays(path, ARRAYS)
    except Exception as error:  # readers of zip, deflate and .npy raise anything up to MemoryError on a hostile file
        reason = str(error) or type(error).__name__
        raise GalleryError(f"{name} must be an .npz written by 'faceprint embed': {reason}") from error
    if photos.dtype.kind != "U" or photos.ndim != 1 or fingerprint.dtype.kind != "U" or fingerprint.ndim != 0:
        raise GalleryError(f"{name} must hold as text the photo of each face, and the fingerprint of their network")
    rows = len(photos)
    if embeddings.dtype != np.float32 or embeddings.ndim != 2 or len(embeddings) != rows:
        raise GalleryError(f"{name} must hold one float32 embedding for each of its {rows} faces")
    if boxes.dtype != np.float32 or boxes.shape != (rows, 4) or not np.isfinite(boxes).all():
        raise GalleryError(f"{name} must hold one float32 box, four finite numbers, for each of its {rows} faces")
    return Embeddings(embeddings, [printable(photo) for photo in photos.tolist()], boxes, str(fingerprint))
