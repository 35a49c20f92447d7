"""What a gallery in shards is, as its manifest says it: whoever writes a file can write its numbers too."""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from reprlib import repr as short
from typing import Any

from .errors import GalleryError
from .folder import Folder, MissingError
from .state import LARGEST, MOST, is_whole, next_count
from .stored import DTYPES

FORMAT = 1
FILE = "manifest.json"
MOST_ROWS = 2**20  # of one shard
NAME = re.compile(r"[0-9a-z-]{1,64}\.parquet")  # no way out of the folder
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Shard:
    """A file of some faces of a gallery: the `first` of its `rows` is that row of the gallery; ids end at `last_id`."""

    file: str
    rows: int
    first: int
    bytes: int
    sha256: str
    last_id: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """One version of a gallery in shards; `changes` counts those before it, `next_id` was never given to a face."""

    storage: str
    rows_per_shard: int
    dimension: int | None = None
    fingerprint: str | None = None
    sources: tuple[str, ...] = ()
    next_id: int = 0
    changes: int = 0
    shards: tuple[Shard, ...] = ()

    @property
    def rows(self) -> int:
        """How many faces there are."""
        return sum(shard.rows for shard in self.shards)

    def change(self, shards: Iterable[Shard], **others: Any) -> "Manifest":
        """The next version, of these shards in this order."""
        ordered, first = [], 0
        for shard in shards:
            ordered.append(replace(shard, first=first))
            first += shard.rows
        return replace(self, shards=tuple(ordered), changes=next_count(self.changes), **others)


KEYS = Manifest.__dataclass_fields__.keys() | {"format"}
SHARD_KEYS = Shard.__dataclass_fields__.keys() - {"first"}  # which follows from the shards before


def gallery_name(folder: Folder) -> str:
    """How errors call the gallery in a folder."""
    return f"gallery {folder.name}"


def load_manifest(folder: Folder) -> Manifest | None:
    """The manifest of the gallery in a folder, None where there is none; GalleryError for a damaged one."""
    try:
        content = folder.read(FILE)
    except MissingError:
        return None
    return read_manifest(content, gallery_name(folder))


def check_manifest(folder: Folder, expected: Manifest | None) -> None:
    """GalleryError unless this manifest stands in a folder, or none where that is None."""
    if load_manifest(folder) != expected:
        name = gallery_name(folder)
        if expected is None:
            raise GalleryError(f"{name} is there already: Shards opens it")
        raise GalleryError(f"{name} was changed meanwhile, and nothing of this call was kept: open it again")


def replace_manifest(folder: Folder, before: Manifest | None, after: Manifest) -> None:
    """Put a manifest in the place of another; GalleryError where that does not stand there any more.

    Two who do so at the same moment, in a folder without locks, may both succeed, and one change is lost.
    """
    told = asdict(after) | {"format": FORMAT}
    told["shards"] = [{key: value for key, value in shard.items() if key in SHARD_KEYS} for shard in told["shards"]]
    with folder.alone():
        check_manifest(folder, before)
        folder.write(FILE, json.dumps(told, indent=1).encode())


def read_manifest(content: bytes, name: str) -> Manifest:
    """The manifest that JSON tells of the gallery of that name; GalleryError where it tells something else."""
    try:
        told = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise GalleryError(f"{name} is damaged: its manifest is not JSON: {error}") from error
    if not isinstance(told, dict) or not is_whole(told.get("format"), FORMAT, FORMAT):
        found = short(told.get("format") if isinstance(told, dict) else told)
        raise GalleryError(f"{name} has format {found}; this version of faceprint reads format {FORMAT}")
    try:
        return _as_manifest(told)
    except ValueError as error:
        raise GalleryError(f"{name} is damaged: its manifest has {error}") from error


def _as_manifest(told: dict[str, Any]) -> Manifest:
    _check(told.keys() == KEYS, "keys", sorted(told))
    del told["format"]
    sources, shards = told.pop("sources"), told.pop("shards")
    known = isinstance(sources, list) and all(isinstance(source, str) for source in sources)
    _check(known, "sources", sources)
    _check(isinstance(shards, list), "shards", shards)
    manifest = Manifest(**told, sources=tuple(sources))
    storage, dimension = manifest.storage, manifest.dimension
    _check(isinstance(storage, str) and storage in DTYPES, "storage", storage)
    _check(dimension is None or is_whole(dimension, 1, LARGEST), "dimension", dimension)
    _check(isinstance(manifest.fingerprint, str | None), "fingerprint", manifest.fingerprint)
    for key, least, most in (("rows_per_shard", 1, MOST_ROWS), ("next_id", 0, MOST), ("changes", 0, MOST)):
        _check(is_whole(getattr(manifest, key), least, most), key, getattr(manifest, key))
    _check(dimension is not None or not shards, "shards of no dimension", len(shards))
    return replace(manifest, shards=_as_shards(shards, manifest.next_id))


def _as_shards(told: list[Any], next_id: int) -> tuple[Shard, ...]:
    shards: list[Shard] = []
    first, last_id = 0, -1
    for entry in told:
        _check(isinstance(entry, dict) and entry.keys() == SHARD_KEYS, "shard", entry)
        shard = Shard(**entry, first=first)
        _check(isinstance(shard.file, str) and NAME.fullmatch(shard.file) is not None, "file", shard.file)
        _check(is_whole(shard.rows, 1, MOST_ROWS), "rows", shard.rows)
        _check(is_whole(shard.bytes, 1, MOST), "bytes", shard.bytes)
        _check(isinstance(shard.sha256, str) and SHA256.fullmatch(shard.sha256) is not None, "sha256", shard.sha256)
        _check(is_whole(shard.last_id, last_id + shard.rows, next_id - 1), "last_id", shard.last_id)
        shards.append(shard)
        first, last_id = first + shard.rows, shard.last_id
    _check(len({shard.file for shard in shards}) == len(shards), "files", "that come twice")
    return tuple(shards)


def _check(valid: bool, key: str, came: Any) -> None:
    if not valid:
        raise ValueError(f"{key} {short(came)}")
