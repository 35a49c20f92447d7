"""Photographs into faces in shards: workers decode, detect and embed, each with a model of its own."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from .._nearest import Progress
from ..embedded import Embedded
from ..errors import GalleryError, PhotoError
from ..expected import as_path
from ..faces import Faces
from ..folder import find_storage
from ..model import Model, load
from ..parquet import import_pyarrow
from ..photo import SUFFIXES, Photo, find_photos, printable
from ..shards import Shards
from .workers import Task, Workers, check_given

BATCH = 256  # photographs that a worker takes at a time, unless a group of rows of a Parquet file has more
Which: TypeAlias = Literal["prominent", "only", "all"]


@dataclass(frozen=True, slots=True)
class Unread:
    """A photograph of which there is no embedding, and why."""

    photo: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Given:
    """A photograph and the folder that it is in, None where it is in none; or the `reason` why it is not there."""

    name: str
    folder: str | None
    photo: Photo = b""
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Files:
    """Some photographs by their paths or URLs; `options` are those of the URLs' storage."""

    names: tuple[str, ...]
    options: dict[str, Any]

    def read(self) -> list[_Given]:
        """What there is to be decoded."""
        return [self._open(name) for name in self.names]

    def _open(self, name: str) -> _Given:
        if "://" not in name:
            return _Given(name, _folder_of(name), name)
        storage, path = find_storage(name, self.options)
        try:
            return _Given(name, _folder_of(name), storage.cat_file(path))
        except Exception as error:  # each storage has errors of its own
            return _Given(name, None, reason=f"photo {printable(name)} cannot be read: {error}")


@dataclass(frozen=True, slots=True)
class RowGroup:
    """Photographs in some rows of a Parquet file: bytes in the column `image`, and names in `photo` if it has that."""

    url: str
    options: dict[str, Any]
    group: int

    def read(self) -> list[_Given]:
        """What there is to be decoded."""
        with _parquet(self.url, self.options) as content:
            columns = [name for name in ("image", "photo") if name in content.schema_arrow.names]
            table = content.read_row_group(self.group, columns=columns)
        images: list[bytes | None] = table["image"].to_pylist()
        names = table["photo"].to_pylist() if "photo" in columns else [None] * len(images)
        return [self._row(*row) for row in zip(range(len(images)), names, images, strict=True)]

    def _row(self, row: int, known: str | None, image: bytes | None) -> _Given:
        name, folder = known or f"{self.url}#{self.group}.{row}", _folder_of(known or "")
        if image is None:
            return _Given(name, folder, reason="the column image is empty here")
        return _Given(name, folder, image)


@dataclass(frozen=True, slots=True, eq=False)
class _Embedded:
    """What a worker found on some photographs: an entry for each face but of the photographs that are unread."""

    embeddings: NDArray[np.float32]
    photos: list[str]
    folders: list[str | None]
    quality: NDArray[np.float32] | None
    fingerprint: str
    unread: list[Unread]


def embed(
    photos: "str | os.PathLike[str] | Iterable[str | os.PathLike[str]]",
    out: Shards,
    *,
    workers: Workers,
    choose: Which = "prominent",
    label_folders: bool = False,
    options: Mapping[str, Any] | None = None,
    model: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> list[Unread]:
    """Embed photographs into a gallery in shards, and return those that could not be, with the reasons.

    `photos` are files, folders (searched to the bottom), URLs of either that fsspec knows, with the `options` of their
    storage, and Parquet files, with the bytes of photographs in the column `image` and, if you like, their names in
    `photo`. They are read by the workers, which must see the same paths. Of each photograph one face is embedded, as by
    `Model.embed` to the bit, the most "prominent" or the "only" one, or "all" of them. `model` holds arguments of
    `faceprint.load`, such as the path of a network and its device: each worker loads it once. With `device="cuda"` make
    the workers with `gpus=1`.

    Faces come in the order of their photographs, whose names and qualities are stored; with `label_folders`, the name
    of the folder that holds a photograph becomes the label. They are added by whole shards, and the rest at the end:
    after an error, or the end of this program, what was added stays. Raises PhotoError for a path that is not there,
    TypeError for what is none, GalleryError for files that are no such Parquet, and what `faceprint.load` and
    `Shards.add` raise.

    >>> import tempfile
    >>> from faceprint import Shards, ray
    >>> from faceprint.demo import PHOTOS
    >>> with tempfile.TemporaryDirectory() as folder, ray.Workers(1, threads=1) as workers:
    ...     shards = Shards.create(folder)
    ...     unread = ray.embed([PHOTOS], shards, workers=workers)
    ...     len(shards), unread
    (5, [])
    """
    if choose not in get_args(Which):
        raise ValueError(f"choose must be 'prominent', 'only' or 'all', not {choose!r}")
    check_given(out, "out", workers)
    if not isinstance(model, Mapping | None):
        raise TypeError(f"model must be arguments of faceprint.load in a mapping, not {type(model).__name__}")
    given = [photos] if isinstance(photos, (str, os.PathLike)) else list(photos)
    batches = list(_batches(given, dict(options or {})))
    told = {"threads": workers.threads, **(model or {})}
    call = tuple(sorted(told.items()))
    tasks = (Task(number, _embed, (batch, choose, call)) for number, batch in enumerate(batches))

    unread: list[Unread] = []
    early: dict[int, _Embedded] = {}
    waiting: list[_Embedded] = []
    following = 0
    for number, found in workers.do(tasks, work=float(len(batches)), progress=progress):
        early[number] = found
        while following in early:
            waiting.append(early.pop(following))
            following += 1
            unread += waiting[-1].unread
        count = sum(len(batch.embeddings) for batch in waiting)
        if count >= out.rows_per_shard:  # what fills no shard waits for more
            waiting = _add(out, waiting, label_folders, count - count % out.rows_per_shard)
    _add(out, waiting, label_folders, sum(len(batch.embeddings) for batch in waiting))
    return unread


def _add(out: Shards, waiting: list[_Embedded], label_folders: bool, count: int) -> list[_Embedded]:
    """Add so many of the faces that wait to be added, and return the others."""
    some = [batch for batch in waiting if len(batch.embeddings)]
    if not some:
        return []
    fingerprint = some[0].fingerprint
    names = [name for batch in some for name in batch.photos]
    folders = [folder for batch in some for folder in batch.folders]
    rows = np.concatenate([batch.embeddings for batch in some])
    quality = [batch.quality for batch in some if batch.quality is not None]
    known = np.concatenate(quality) if len(quality) == len(some) else None
    out.add(
        Embedded(rows[:count], fingerprint),
        folders[:count] if label_folders else None,
        photos=names[:count],
        quality=None if known is None else known[:count],
    )
    rest = None if known is None else known[count:]
    return [_Embedded(rows[count:], names[count:], folders[count:], rest, fingerprint, [])]


def _embed(batch: Files | RowGroup, choose: Which, call: tuple[tuple[str, Any], ...]) -> _Embedded:
    """What a worker does with some photographs."""
    model = _load(call)
    given = batch.read()
    unread = [Unread(each.name, each.reason) for each in given if each.reason]
    there = [each for each in given if not each.reason]
    rows, faces, quality = [np.empty((0, model.recipe.dimension), np.float32)], list[_Given](), []
    images = (each.photo for each in there)
    for each, found in zip(there, model.chosen(images, None if choose == "all" else choose), strict=True):
        if not isinstance(found, Faces):
            unread.append(Unread(each.name, str(found)))
            continue
        rows.append(found.embeddings)
        faces += [each] * len(found)
        if found.quality is not None:
            quality.append(found.quality)
    known = np.concatenate(quality) if quality else None
    names, folders = [face.name for face in faces], [face.folder for face in faces]
    return _Embedded(np.concatenate(rows), names, folders, known, model.recipe.fingerprint, unread)


@lru_cache(maxsize=1)
def _load(call: tuple[tuple[str, Any], ...]) -> Model:
    return load(**dict(call))


def _batches(given: "list[str | os.PathLike[str]]", options: dict[str, Any]) -> Iterator[Files | RowGroup]:
    names: list[str] = []
    for entry in given:
        path = as_path(entry, "each of photos")
        if path.endswith(".parquet"):
            yield from _cut(names, options)
            names = []
            yield from _groups(path, options)
        else:
            names += _find(path, options) if "://" in path else map(str, find_photos([path]))
    yield from _cut(names, options)


def _cut(names: list[str], options: dict[str, Any]) -> Iterator[Files]:
    for first in range(0, len(names), BATCH):
        yield Files(tuple(names[first : first + BATCH]), options)


def _groups(url: str, options: dict[str, Any]) -> Iterator[RowGroup]:
    with _parquet(url, options) as content:
        types = dict(zip(content.schema_arrow.names, content.schema_arrow.types, strict=True))
        groups = content.num_row_groups
    if "image" not in types:
        raise GalleryError(f"{printable(url)} must have a column named image, and has {', '.join(types)}")
    for column, wanted in (("image", ("binary", "large_binary")), ("photo", ("string", "large_string"))):
        if str(types.get(column, wanted[0])) not in wanted:
            raise GalleryError(f"column {column} of {printable(url)} must be {wanted[0]}, not {types[column]}")
    yield from (RowGroup(url, options, group) for group in range(groups))


@contextmanager
def _parquet(url: str, options: dict[str, Any]) -> Iterator[Any]:
    """An open Parquet file; PhotoError where there is none, GalleryError where it cannot be read."""
    parquet = import_pyarrow().parquet
    storage, path = find_storage(url, options)
    try:
        with storage.open(path) as file:
            yield parquet.ParquetFile(file)
    except FileNotFoundError as error:
        raise PhotoError(f"photos {printable(url)} do not exist") from error
    except Exception as error:  # each storage has errors of its own, and so has Parquet
        raise GalleryError(f"{printable(url)} cannot be read as Parquet: {error}") from error


def _find(url: str, options: dict[str, Any]) -> list[str]:
    storage, path = find_storage(url, options)
    try:
        found = sorted(storage.find(path))
    except Exception as error:  # each storage has errors of its own
        raise PhotoError(f"photos {printable(url)} cannot be listed: {error}") from error
    if not found:
        raise PhotoError(f"photos {printable(url)} do not exist")
    if [storage._strip_protocol(url)] == found:
        return [url]
    inside = [name for name in found if PurePosixPath(name).suffix.lower() in SUFFIXES]
    if not inside:
        raise PhotoError(f"folder {printable(url)} holds no photographs ({', '.join(sorted(SUFFIXES))})")
    return [storage.unstrip_protocol(name) for name in inside]


def _folder_of(name: str) -> str | None:
    return PurePosixPath(name.replace(os.sep, "/")).parent.name or None
