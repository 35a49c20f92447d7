"""Embeddings that other libraries have stored: pickles of face_recognition's encodings, files of deepface.

Unpickling a file can run whatever its author wanted; these files are read without that (`faceprint.pickled`).
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .archive import unpack_arrays
from .features import scale_rows
from .files import read_limited
from .photo import printable
from .pickled import Array, read_pickle

NUMBERS = 128  # of an encoding of face_recognition
MOST = 4 * 2**30  # bytes of a file
COLUMNS = ("identity", "embedding", "has_embedding")  # arrays of deepface's .npz
LAYOUTS = "a list of them, a pair (encodings, names), a dict of 'encodings' and 'names', or one from names to encodings"


@dataclass(frozen=True, slots=True, eq=False)
class Encodings:
    """Embeddings of another library, and what its file tells of them; a `Gallery` takes it as it takes `Embedded`.

    `embeddings` (n, dimension) float32 unit rows; `labels` (n,) object: who each is, None where the file does not say;
    `photos`: the path of each photograph as the file has it, or None. `fingerprint` names the network in place of a
    recipe's fingerprint, so that a gallery of these refuses `Faces` of another network. `read_face_recognition` and
    `read_deepface` make them.

    >>> import faceprint as fp
    >>> found = Encodings(np.eye(2, dtype=np.float32), np.array(["Ann", None]), (None, None), "SFace")
    >>> len(found), fp.Gallery().add(found).tolist()
    (2, [0, 1])
    """

    embeddings: NDArray[np.float32]
    labels: NDArray[np.object_]
    photos: tuple[str | None, ...]
    fingerprint: str

    def __len__(self) -> int:
        return len(self.embeddings)


def read_face_recognition(path: "str | os.PathLike[str]", *, network: str = "face_recognition") -> Encodings:
    """Read pickled encodings of face_recognition, 128 numbers each, scaled to unit length.

    The library states no format; these are the ones in use: a list of encodings or an array (n, 128); a pair of such a
    list and a list of names, or a dict of both under "encodings" and "names"; a dict with one or several encodings
    under each name. They come from the network that is bundled here, from other crops of the face: see the migration
    page for what that means. Encodings in an .npy file are for `read_features`. `network` is what `fingerprint` will
    be.

    Raises ValueError for a file that is no pickle of these, and for an encoding without a direction (NaN, infinite or
    zero); OSError where the file cannot be read.

    >>> import pickle, tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "faces.pkl")
    ...     written = path.write_bytes(pickle.dumps({"Ann": np.ones(128), "Ben": np.arange(128.0)}))
    ...     found = read_face_recognition(path)
    >>> found.labels.tolist(), found.embeddings.shape
    (['Ann', 'Ben'], (2, 128))
    """
    shown = printable(path)
    content = _unpickled(read_limited(path, shown, MOST), shown)
    labels: list[Any]
    if _is_pair(content):
        rows, labels = _vectors(content[0]), list(content[1])
    elif isinstance(content, dict) and content.keys() >= {"encodings", "names"}:
        rows, labels = _vectors(content["encodings"]), list(content["names"])
    elif isinstance(content, dict):
        each = {name: _vectors(value) for name, value in content.items()}
        rows = [row for vectors in each.values() for row in vectors]
        labels = [name for name, vectors in each.items() for _ in vectors]
    else:
        rows = _vectors(content)
        labels = [None] * len(rows)
    if len(labels) != len(rows):
        raise ValueError(f"{shown} must have one name for each of {len(rows)} encodings, not {len(labels)}")
    found = [_row(row, shown, f": {LAYOUTS}") for row in rows]
    return _encodings(found, labels, [None] * len(rows), network, shown, NUMBERS)


def read_deepface(path: "str | os.PathLike[str]", *, network: str) -> Encodings:
    """Read the file that `DeepFace.find` keeps in a folder of photographs, .npz or .pkl, scaled to unit length.

    Of each face the path of its photograph ("identity") and its embedding are read; photographs on which none was
    found are left out. deepface writes .npz from version 0.0.102 on, before it a pickle of a list of dicts, or still
    earlier of lists. `labels` are the names of the folders that hold the photographs. `network` names the network and
    whatever else the file's own name tells, such as "Facenet512, retinaface, aligned": only the same may be compared.

    Raises ValueError for a file that is neither, and for an embedding without a direction (NaN, infinite or zero);
    OSError where the file cannot be read.

    >>> import pickle, tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "ds_model_sface_detector_opencv_aligned_normalization_base_expand_0.pkl")
    ...     written = path.write_bytes(pickle.dumps([{"identity": "people/Ann/1.jpg", "embedding": [3.0, 4.0]}]))
    ...     found = read_deepface(path, network="SFace")
    >>> found.labels.tolist(), found.photos, found.embeddings
    (['Ann'], ('people/Ann/1.jpg',), array([[0.6, 0.8]], dtype=float32))
    """
    shown = printable(path)
    content = read_limited(path, shown, MOST)
    if content.startswith((b"PAR1", b"ARROW1")):
        raise ValueError(f"{shown} must be the .npz or the .pkl of DeepFace.find, not Parquet or Feather")
    packed = content.startswith(b"PK")
    faces = _unpacked(content, shown) if packed else [_entry(entry, shown) for entry in _listed(content, shown)]
    known = [(photo, vector) for photo, vector in faces if vector is not None]
    photos = [photo for photo, _ in known]
    labels = [PureWindowsPath(photo).parent.name or None for photo in photos]  # which reads both kinds of slashes
    return _encodings([_row(vector, shown) for _, vector in known], labels, photos, network, shown, None)


def _unpickled(content: bytes, shown: str) -> Any:
    try:
        return read_pickle(content)
    except ValueError as error:
        raise ValueError(f"{shown} must be a pickle of lists, dicts, texts and numbers: {error}") from error


def _is_pair(content: Any) -> bool:
    if not isinstance(content, (list, tuple)) or len(content) != 2 or not isinstance(content[1], (list, tuple)):
        return False
    return all(isinstance(name, str) for name in content[1])


def _vectors(value: Any) -> list[Any]:
    """One vector, or several in a list or array, as a list of vectors."""
    if isinstance(value, Array):
        return list(value.values) if value.values.ndim == 2 else [value]
    several = isinstance(value, (list, tuple)) and all(isinstance(row, (list, tuple, Array)) for row in value)
    return list(value) if several else [value]


def _unpacked(content: bytes, shown: str) -> list[tuple[str, Any]]:
    """The photograph and the embedding, if there is one, of each face of an .npz."""
    try:
        photos, rows, known = unpack_arrays(content, COLUMNS)  # which deepface does not compress either
    except Exception as error:  # readers of zip and .npy raise anything up to MemoryError on a hostile file
        reason = str(error) or type(error).__name__
        raise ValueError(f"{shown} must be an .npz that DeepFace.find wrote: {reason}") from error
    kinds = photos.dtype.kind, rows.dtype.kind, known.dtype.kind
    if kinds != ("U", "f", "b") or (photos.ndim, rows.ndim, known.ndim) != (1, 2, 1):
        raise ValueError(f"{shown} must hold a path, a row of numbers and whether there is one for each face")
    if not len(photos) == len(rows) == len(known):
        counts = f"{len(photos)}, {len(rows)} and {len(known)}"
        raise ValueError(f"{shown} must hold as many paths, embeddings and answers whether there is one, not {counts}")
    return [(photo, row if there else None) for photo, row, there in zip(photos.tolist(), rows, known, strict=True)]


def _listed(content: bytes, shown: str) -> list[Any]:
    faces = _unpickled(content, shown)
    if not isinstance(faces, list):
        raise ValueError(f"{shown} must hold a list of faces, not {type(faces).__name__}")
    return faces


def _entry(entry: Any, shown: str) -> tuple[str, Any]:
    if isinstance(entry, dict):
        entry = (entry.get("identity"), entry.get("embedding"))
    if not isinstance(entry, (list, tuple)) or len(entry) != 2 or not isinstance(entry[0], str):
        raise ValueError(f"{shown} must tell the identity, a path, and the embedding of each face")
    return entry[0], entry[1]


def _encodings(
    rows: list[NDArray[np.float32]],
    labels: Sequence[str | None],
    photos: Sequence[str | None],
    network: str,
    shown: str,
    dimension: int | None,
) -> Encodings:
    if not rows:
        raise ValueError(f"{shown} must hold at least one embedding, not 0")
    width = dimension or len(rows[0])
    other = next((len(row) for row in rows if len(row) != width), None)
    if other is not None:
        raise ValueError(f"{shown} must hold embeddings of {width} numbers each, but one has {other}")
    names = np.empty(len(rows), object)
    names[:] = labels
    if not all(isinstance(name, (str, type(None))) for name in names):
        raise ValueError(f"{shown} must have names that are text")
    embeddings = np.stack(rows)
    scale_rows(embeddings, shown)
    return Encodings(embeddings, names, tuple(photos), network)


def _row(vector: Any, shown: str, layouts: str = "") -> NDArray[np.float32]:
    values = vector.values if isinstance(vector, Array) else vector
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # scale_rows tells of what is infinite
            row = np.array(values, np.float32)
    except (TypeError, ValueError):
        row = np.empty((0, 0), np.float32)
    if row.ndim != 1 or not row.size:
        raise ValueError(f"{shown} must hold embeddings as lists or arrays of numbers{layouts}")
    return row
