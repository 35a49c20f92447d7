"""Galleries in shards on shared storage, from which any number of machines may read."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import replace
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from .errors import GalleryError
from .exchange import Exported, Facts, Known, no_faces
from .expected import as_kind, as_whole
from .folder import Folder, MissingError
from .gallery import Gallery, Storage
from .given import given_ids, given_label
from .manifest import MOST_ROWS, Manifest, Shard, check_manifest, gallery_name, load_manifest, replace_manifest
from .shardfiles import read_shard, read_shard_column, read_shard_rows, shard_name, writing_shards
from .stored import unpack_stored
from .transfer import hand_out_parts, take_in

ROWS = 131_072
READERS = 8  # files that are read at a time where only a column of each is
Column = NDArray[Any]


class Shards:
    """Faces of one gallery in files on shared storage, which as many machines as like may read.

    `url` is a folder: a path, or a URL that fsspec knows (`s3://`, `gs://`, `memory://`; `options` are those of its
    storage, such as keys). It holds Parquet files of some faces each, as `Gallery.export` writes them, and a manifest
    that names them (`docs/shards.md`). Rows are numbered through the shards in their order; ids rise, and are never
    given twice. `faceprint[shards]` brings what this needs.

    Opened, it is what the gallery was then: others may change it, and this goes on reading what it knew, until a file
    is missing that somebody removed faces from; then open it again. It pickles small, options included, so that workers
    read the same version from the storage.

    `add` and `remove` write new files and then replace the manifest, so that others see all of a change or nothing, and
    a crash leaves at most files that nobody reads. One may change a gallery at a time. Who finds the manifest changed
    since is refused; two at the very same moment are kept apart in a folder of one machine alone (`docs/shards.md`).

    GalleryError where there is no gallery, or it is damaged, and for whatever the storage refuses; ImportError without
    the package that fsspec needs for a storage, such as s3fs. All that is read is held against the manifest: size and
    sha256 of whole files, size and Parquet's checksums where columns are read.

    >>> import numpy, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> shards = Shards.create(folder.name, rows=2)
    >>> shards.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", None, "Ben"]).tolist()
    [0, 1, 2]
    >>> [(shard.first, shard.rows) for shard in shards.files]
    [(0, 2), (2, 1)]
    >>> Shards(folder.name).labels().tolist(), shards.remove(label="Ann"), len(shards)
    (['Ann', None, 'Ben'], 1, 2)
    >>> folder.cleanup()
    """

    def __init__(self, url: "str | os.PathLike[str]", *, options: Mapping[str, Any] | None = None) -> None:
        self.folder = Folder.at(url, options)
        manifest = load_manifest(self.folder)
        if manifest is None:
            raise GalleryError(f"{self._name} does not exist: Shards.create or write_shards makes one")
        self._manifest = manifest

    @classmethod
    def create(
        cls,
        url: "str | os.PathLike[str]",
        *,
        storage: Storage = "float32",
        rows: int = ROWS,
        options: Mapping[str, Any] | None = None,
    ) -> "Shards":
        """Make a gallery without faces, whose shards will hold at most `rows`; `storage` is as in `Gallery`.

        ValueError for another storage, or rows beyond 2^20; GalleryError where there is a gallery already.

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     shards = Shards.create(f"{folder}/people", storage="int8")
        ...     len(shards), shards.storage, shards.rows_per_shard, shards.dimension
        (0, 'int8', 131072, None)
        """
        if storage not in get_args(Storage):
            raise ValueError(f"storage must be 'float32', 'float16' or 'int8', not {storage!r}")
        folder = Folder.at(url, options)
        folder.make()
        replace_manifest(folder, None, Manifest(storage, _as_rows(rows)))
        return cls(url, options=options)

    def __len__(self) -> int:
        return self._manifest.rows

    def __repr__(self) -> str:
        told = f"faces={len(self)}, files={len(self.files)}, dimension={self.dimension}, storage={self.storage}"
        return f"<Shards {self.folder.name}: {told}>"

    @property
    def url(self) -> str:
        """The folder: an absolute path, or the URL that was given."""
        return self.folder.url

    @property
    def storage(self) -> Storage:
        """How the rows are stored."""
        return cast("Storage", self._manifest.storage)

    @property
    def dimension(self) -> int | None:
        """How many numbers an embedding has; None before the first."""
        return self._manifest.dimension

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of the network whose `Faces` were added, or None where only arrays were."""
        return self._manifest.fingerprint

    @property
    def sources(self) -> frozenset[str]:
        """The fingerprints of all networks whose rows were added, of those that were upgraded too."""
        return frozenset(self._manifest.sources)

    @property
    def rows_per_shard(self) -> int:
        """How many rows a new shard holds at most."""
        return self._manifest.rows_per_shard

    @property
    def files(self) -> tuple[Shard, ...]:
        """The shards in their order."""
        return self._manifest.shards

    def ids(self) -> NDArray[np.int64]:
        """Read the ids of all rows, (rows,) int64, rising; the embeddings are not read.

        GalleryError for a file that is missing or damaged, as of all that reads.

        >>> import numpy, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> shards = Shards.create(folder.name, rows=2)
        >>> ids = shards.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", None, "Ben"])
        >>> shards.ids().tolist()
        [0, 1, 2]
        >>> folder.cleanup()
        """
        return np.concatenate([np.empty(0, np.int64), *self._columns("id")])

    def labels(self) -> NDArray[np.object_]:
        """Read the labels of all rows, (rows,) of str, None for who has none; the embeddings are not read.

        GalleryError for a file that is missing or damaged.

        >>> import numpy, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> shards = Shards.create(folder.name, rows=2)
        >>> ids = shards.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", None, "Ben"])
        >>> shards.labels().tolist()
        ['Ann', None, 'Ben']
        >>> folder.cleanup()
        """
        return np.concatenate([np.empty(0, object), *self._columns("label")])

    def quality(self) -> NDArray[np.float32]:
        """Read the quality of all rows, (rows,) float32, NaN where it is not known; the embeddings are not read.

        GalleryError for a file that is missing or damaged.

        >>> import numpy, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> shards = Shards.create(folder.name, rows=2)
        >>> ids = shards.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", None, "Ben"])
        >>> shards.quality()
        array([nan, nan, nan], dtype=float32)
        >>> folder.cleanup()
        """
        return np.concatenate([np.empty(0, np.float32), *self._columns("quality")])

    def embeddings(self, shard: int | None = None) -> NDArray[np.float32]:
        """Read the rows of one shard, by its number, or all: (rows, dimension) float32; (0, 0) before the first.

        ValueError for a number of none, GalleryError for a file that is missing or damaged.

        >>> import numpy, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> shards = Shards.create(folder.name, rows=2)
        >>> ids = shards.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", None, "Ben"])
        >>> shards.embeddings().shape, shards.embeddings(1).tolist()
        ((3, 3), [[0.0, 0.0, 1.0]])
        >>> folder.cleanup()
        """
        if shard is not None:
            return unpack_stored(self.stored(shard), self.storage)
        every = np.empty((len(self), self.dimension or 0), np.float32)
        for number, place in enumerate(self.files):
            first = place.first - self.files[0].first
            every[first : first + place.rows] = self.embeddings(number)
        return every

    def stored(self, shard: int) -> NDArray[np.uint8]:
        """Read the rows of one shard, by its number, as they are stored: (rows, bytes) uint8.

        ValueError for a number of none, GalleryError for a file that is missing or damaged.

        >>> import numpy, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> shards = Shards.create(folder.name, rows=2)
        >>> ids = shards.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", None, "Ben"])
        >>> shards.stored(0).shape, shards.stored(0).view("<f4").tolist()
        ((2, 12), [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        >>> folder.cleanup()
        """
        if not 0 <= as_whole(shard, "shard", 0) < len(self.files):
            raise ValueError(f"shard must be the number of one, of which there are {len(self.files)}, not {shard}")
        return read_shard_rows(self.folder, self._manifest, shard)

    def part(self, first: int, last: int) -> "Shards":
        """The same gallery with the shards from number `first` to before `last` alone, for a worker to read.

        Rows keep their numbers; what would change the gallery is refused with a GalleryError. Numbers that are those of
        no shard leave it empty, as in any slice.

        >>> import numpy, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> shards = Shards.create(folder.name, rows=2)
        >>> ids = shards.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", None, "Ben"])
        >>> part = shards.part(1, 2)
        >>> part.labels().tolist(), part.files[0].first
        (['Ben'], 2)
        >>> folder.cleanup()
        """
        some = copy(self)
        some._manifest = replace(self._manifest, shards=self.files[first:last])
        return some

    def add(
        self,
        x: Any,
        labels: Sequence[str | None] | None = None,
        *,
        metadata: Sequence[Mapping[str, Any] | None] | None = None,
        photos: "Sequence[str | os.PathLike[str] | None] | None" = None,
        quality: Any = None,
    ) -> NDArray[np.int64]:
        """Add faces in new shards, and return their ids; takes and raises what `Gallery.add` does.

        All or nothing. Each call makes a shard at least: add many faces at a time. GalleryError also where somebody has
        changed the gallery since it was opened, or the storage refuses.

        >>> import numpy, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> shards = Shards.create(folder.name, rows=2)
        >>> ids = shards.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", None, "Ben"])
        >>> shards.add(numpy.eye(3, dtype=numpy.float32)).tolist(), len(shards.files)
        ([3, 4, 5], 4)
        >>> folder.cleanup()
        """
        beside = Gallery(storage=self.storage)
        with beside._held.changing():  # so that it takes what this gallery would, and numbers go on
            beside._held.state = replace(
                beside._held.state,
                dimension=self.dimension,
                fingerprint=self.fingerprint,
                next_id=self._manifest.next_id,
            )
        ids = beside.add(x, labels, metadata=metadata, photos=photos, quality=quality)
        with writing_shards(self.folder) as write:
            self._replace(_grown(self._manifest, beside, write))
        return ids

    def remove(
        self,
        *,
        ids: Sequence[int] | NDArray[np.int64] | None = None,
        label: str | None = None,
        shard: str | None = None,
    ) -> int:
        """Remove faces by their `ids`, by `label`, or all of one `shard`, by its file; return how many went.

        Shards that hold some of them are written anew without, and what they were is deleted, so that nothing is left
        of who was removed; backups and old versions that the storage keeps are yours to find. GalleryError for ids that
        are not there and a file that is none of the shards (nothing is removed then), TypeError for ids that are not
        integers and a label that is no str; a label nobody bears removes nothing.

        >>> import numpy, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> shards = Shards.create(folder.name, rows=2)
        >>> ids = shards.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", None, "Ben"])
        >>> shards.remove(label="Ann"), shards.remove(ids=[1]), shards.labels().tolist()
        (1, 1, ['Ben'])
        >>> folder.cleanup()
        """
        if sum(given is not None for given in (ids, label, shard)) != 1:
            raise ValueError("remove takes either ids, a label or a shard")
        if ids is not None:
            leaving = self._having_ids(np.unique(given_ids(ids)))
        elif label is not None:
            name = given_label(label)
            leaving = [np.flatnonzero(labels == name) for labels in self._columns("label")]
        else:
            leaving = self._of_shard(cast("str", shard))
        if not any(map(len, leaving)):
            return 0
        before = self.files
        with writing_shards(self.folder) as write:
            remaining = []
            for number, (place, rows) in enumerate(zip(before, leaving, strict=True)):
                if not len(rows):
                    remaining.append(place)
                elif len(rows) < place.rows:
                    remaining.append(write(self._read(number).take(np.delete(np.arange(place.rows), rows))))
            self._replace(self._manifest.change(remaining))
        self._delete([place.file for place, rows in zip(before, leaving, strict=True) if len(rows)])
        return sum(map(len, leaving))

    def verify(self) -> None:
        """Read every file whole; GalleryError for the first that is missing or is not what was written.

        >>> import numpy, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> shards = Shards.create(folder.name, rows=2)
        >>> ids = shards.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", None, "Ben"])
        >>> shards.verify()
        >>> folder.cleanup()
        """
        for shard in range(len(self.files)):
            self._read(shard)

    @property
    def _name(self) -> str:
        return gallery_name(self.folder)

    @property
    def _facts(self) -> Facts:
        manifest = self._manifest
        assert manifest.dimension is not None
        return Facts(
            manifest.storage, manifest.dimension, manifest.fingerprint, list(manifest.sources), manifest.next_id
        )

    def _replace(self, manifest: Manifest) -> None:
        replace_manifest(self.folder, self._manifest, manifest)
        self._manifest = manifest

    def _delete(self, files: Sequence[str]) -> None:
        refused = []
        for file in files:
            try:
                self.folder.delete(file)
            except MissingError:
                continue
            except GalleryError as error:
                refused.append(error)
        if refused:
            raise GalleryError(f"{refused[0]}; {self._name} holds nothing of it any more: delete it") from refused[0]

    def _of_shard(self, file: str) -> list[Column]:
        if file not in [shard.file for shard in self.files]:
            raise GalleryError(f"shard must be a file of {self._name}, and {file!r} is none")
        return [np.arange(shard.rows if shard.file == file else 0) for shard in self.files]

    def _having_ids(self, wanted: NDArray[np.int64]) -> list[Column]:
        """The rows of each shard that have such ids, all of which must be there."""
        places = np.searchsorted(np.array([shard.last_id for shard in self.files], np.int64), wanted)
        rows = [np.empty(0, np.int64)] * len(self.files)
        found = [np.empty(0, np.int64)]
        for number in np.unique(places[places < len(self.files)]).tolist():
            ids = self._column("id", number)
            rows[number] = np.flatnonzero(np.isin(ids, wanted))
            found.append(ids[rows[number]])
        unknown = np.setdiff1d(wanted, np.concatenate(found))
        if len(unknown):
            raise GalleryError(f"ids must be in the gallery; these are not: {unknown[:5].tolist()}")
        return rows

    def _column(self, column: Known, number: int) -> Column:
        return read_shard_column(self.folder, self._manifest, number, column)

    def _columns(self, column: Known) -> list[Column]:
        """A column of each shard."""
        with ThreadPoolExecutor(READERS) as pool:
            return list(pool.map(lambda number: self._column(column, number), range(len(self.files))))

    def _read(self, number: int) -> Exported:
        return read_shard(self.folder, self._manifest, number)


def write_shards(
    gallery: Gallery,
    url: "str | os.PathLike[str]",
    *,
    rows: int = ROWS,
    options: Mapping[str, Any] | None = None,
) -> Shards:
    """Write all faces of a gallery, and what is known of them, to shards of `rows` faces in a folder of shared storage.

    Ids stay, and so do rows to the bit; a calibration stays behind. One shard at a time is in memory beside the
    gallery, which nobody can change until all are written. GalleryError, and no gallery in the folder, where one was
    there already, the storage refuses, or the gallery has never held a face.

    >>> import numpy, tempfile
    >>> gallery = Gallery()
    >>> ids = gallery.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", None, "Ben"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     shards = write_shards(gallery, folder, rows=2)
    ...     shards.labels().tolist()
    ['Ann', None, 'Ben']
    """
    as_kind(gallery, Gallery, "gallery")
    folder = Folder.at(url, options)
    folder.make()
    empty = Manifest(gallery.storage, _as_rows(rows))
    check_manifest(folder, None)
    with writing_shards(folder) as write:
        replace_manifest(folder, None, _grown(empty, gallery, write))
    return Shards(url, options=options)


def read_shards(shards: Shards, gallery: Gallery) -> NDArray[np.int64]:
    """Add all faces of shards to a gallery, with what is known of them, and return their ids.

    As `Gallery.import_from`: all or nothing, ids stay where the gallery never held a face, and rows to the bit where
    both have the same `storage`. One shard at a time is in memory beside the gallery. GalleryError for embeddings of
    another network or dimension than those that are there, and for what reading shards raises.

    >>> import numpy, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     shards = Shards.create(folder)
    ...     ids = shards.add(numpy.eye(3, dtype=numpy.float32), labels=["Ann", None, "Ben"])
    ...     gallery = Gallery()
    ...     read_shards(shards, gallery).tolist()
    [0, 1, 2]
    >>> gallery.labels.tolist()
    ['Ann', None, 'Ben']
    """
    as_kind(shards, Shards, "shards")
    as_kind(gallery, Gallery, "gallery")
    if shards.dimension is None:
        return np.empty(0, np.int64)
    name, facts = shards._name, shards._facts
    parts = ((shard_name(shards.folder, place), shards._read(at)) for at, place in enumerate(shards.files))
    return take_in(gallery._held, facts, parts if shards.files else [(name, no_faces(facts))], name)


def _as_rows(rows: Any) -> int:
    if as_whole(rows, "rows", 1) > MOST_ROWS:
        raise ValueError(f"rows must be at most {MOST_ROWS:,}, not {rows:,}")
    return int(rows)


def _grown(manifest: Manifest, gallery: Gallery, write: Callable[[Exported], Shard]) -> Manifest:
    """The next version, with all faces of a gallery behind those that are there, in shards that are written."""
    added = []
    for part in hand_out_parts(gallery._held, manifest.rows_per_shard):
        facts = part.facts
        if len(part.ids):
            added.append(write(part))
    return manifest.change(
        [*manifest.shards, *added],
        dimension=facts.dimension,
        fingerprint=facts.fingerprint,
        sources=tuple(sorted({*manifest.sources, *facts.sources})),
        next_id=facts.next_id,
    )
