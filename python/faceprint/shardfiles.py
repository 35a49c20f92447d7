"""The files of a gallery in shards: written under new names, and held against the manifest when they are read."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from secrets import token_hex
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import GalleryError
from .exchange import Exported, Facts, Known, pack_exported, read_column, unpack_exported, unpack_rows
from .folder import Folder, MissingError, Ranges
from .manifest import Manifest, Shard, gallery_name, load_manifest


def shard_name(folder: Folder, shard: Shard) -> str:
    """How errors call a shard."""
    return f"shard {shard.file} of {gallery_name(folder)}"


def read_shard(folder: Folder, manifest: Manifest, number: int) -> Exported:
    """All of one shard, as it was written; GalleryError where it is missing or is anything else."""
    name, content = _read_whole(folder, manifest.shards[number])
    found = unpack_exported(content, name)
    _check_facts(name, found.facts, len(found.ids), manifest, number)
    _check_ids(name, found.ids, manifest, number)
    return found


def read_shard_rows(folder: Folder, manifest: Manifest, number: int) -> NDArray[np.uint8]:
    """The rows of one shard as they are stored, (rows, bytes) uint8; GalleryError as of `read_shard`."""
    name, content = _read_whole(folder, manifest.shards[number])
    facts, stored = unpack_rows(content, name)
    _check_facts(name, facts, len(stored), manifest, number)
    return stored


def read_shard_column(folder: Folder, manifest: Manifest, number: int, column: Known) -> NDArray[Any]:
    """One column of one shard, whose other columns are not read; GalleryError as of `read_shard`."""
    shard = manifest.shards[number]
    name = shard_name(folder, shard)
    with _missing_told(name):
        _check(name, "bytes", folder.size(shard.file), shard.bytes)
        facts, values = read_column(Ranges(folder, shard.file, shard.bytes), column, name)
    _check_facts(name, facts, len(values), manifest, number)
    if column == "id":
        _check_ids(name, values, manifest, number)
    return values


@contextmanager
def writing_shards(folder: Folder) -> Iterator[Callable[[Exported], Shard]]:
    """Write shards by the function that this gives; where anything is raised, their files are deleted again."""
    written: list[str] = []

    def write(found: Exported) -> Shard:
        content, file = pack_exported(found), f"{token_hex(16)}.parquet"
        written.append(file)
        folder.write(file, content)
        return Shard(file, len(found.ids), 0, len(content), sha256(content).hexdigest(), int(found.ids[-1]))

    try:
        yield write
    except BaseException:
        with suppress(GalleryError):  # where the manifest cannot be read, it may name them: then they stay
            manifest = load_manifest(folder)
            named = {shard.file for shard in manifest.shards} if manifest else set()
            for file in set(written) - named:
                with suppress(MissingError):
                    folder.delete(file)
        raise


def _read_whole(folder: Folder, shard: Shard) -> tuple[str, bytes]:
    """How errors call a shard, and the bytes of its file, which are those that were written."""
    name = shard_name(folder, shard)
    with _missing_told(name):
        content = folder.read(shard.file)
    _check(name, "bytes", len(content), shard.bytes)
    _check(name, "sha256", sha256(content).hexdigest(), shard.sha256)
    return name, content


@contextmanager
def _missing_told(name: str) -> Iterator[None]:
    try:
        yield
    except MissingError as error:
        gone = "it was removed since this was opened, or is lost: open the gallery again"
        raise GalleryError(f"{name} is not there; {gone}") from error


def _check_facts(name: str, facts: Facts, rows: int, manifest: Manifest, number: int) -> None:
    _check(name, "rows", rows, manifest.shards[number].rows)
    _check(name, "storage", facts.storage, manifest.storage)
    _check(name, "dimension", facts.dimension, manifest.dimension)
    if facts.fingerprint is not None:  # None where only arrays had been added
        _check(name, "fingerprint", facts.fingerprint, manifest.fingerprint)


def _check_ids(name: str, ids: NDArray[np.int64], manifest: Manifest, number: int) -> None:
    _check(name, "last_id", int(ids[-1]), manifest.shards[number].last_id)
    least = manifest.shards[number - 1].last_id if number else -1
    if ids[0] <= least:
        raise GalleryError(f"{name} is damaged: it has ids from {ids[0]} on, which must be above {least}")


def _check(name: str, what: str, came: Any, expected: Any) -> None:
    if came != expected:
        raise GalleryError(f"{name} is damaged: it has {what} {came!r}, not {expected!r} as its manifest says")
