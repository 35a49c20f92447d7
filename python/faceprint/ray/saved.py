"""Lists of neighbours in a folder of shared storage: a file for each block, and a new one whenever it grows."""

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._nearest import Metric
from ..archive import pack_arrays, unpack_arrays
from ..errors import GalleryError
from ..folder import Folder, MissingError
from ..lists import Lists

FILE = "lists.json"
NAME = re.compile(r"lists-([0-9]+)-([0-9]+)\.npz")
UNFINISHED = re.compile(rf"\.{NAME.pattern}\..*")  # by a writer that was killed: see `written_whole`


@dataclass(frozen=True, slots=True)
class SavedLists:
    """The `k` nearest others of each row of a gallery, in a folder.

    There is a block for each of `sizes`, so many rows each, one behind the other; block b has been offered to the
    others so often as its newest version says. The version that has met all, itself included, is the number of blocks.
    """

    folder: Folder
    k: int
    sizes: tuple[int, ...]

    def __len__(self) -> int:
        """Count the rows."""
        return sum(self.sizes)

    def block(self, block: int) -> Lists:
        """Read the lists of the rows of one block, when all are done: `distances` and `indices` (rows, k)."""
        return self.version(block, len(self.sizes))

    def read(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Read all lists, as `faceprint.neighbours` gives them: (distances, indices), (rows, k) each."""
        distances, indices = np.empty((len(self), self.k), np.float32), np.empty((len(self), self.k), np.int64)
        first = 0
        for block, rows in enumerate(self.sizes):
            lists = self.block(block)
            distances[first : first + rows], indices[first : first + rows] = lists.distances, lists.indices
            first += rows
        return distances, indices

    def version(self, block: int, version: int) -> Lists:
        """Read the lists of one block as they were once; GalleryError where they are damaged or not there."""
        name, file = f"{self.folder.name}/{_file(block, version)}", _file(block, version)
        content = self.folder.read(file)
        try:
            distances, indices = unpack_arrays(content, ("distances", "indices"))
        except Exception as error:  # readers of zip and .npy raise anything on a damaged file
            raise GalleryError(f"{name} is damaged: {error}") from error
        wanted = (self.sizes[block], self.k)
        right = distances.dtype == np.float32 and indices.dtype == np.int64
        if not right or not distances.shape == indices.shape == wanted:
            raise GalleryError(f"{name} is damaged: its lists are {distances.dtype} of shape {distances.shape}")
        return Lists(distances, indices)

    def write(self, block: int, version: int, lists: Lists) -> None:
        """Write a version whole; the same again changes nothing."""
        self.folder.write(_file(block, version), pack_arrays(distances=lists.distances, indices=lists.indices))

    def versions(self) -> list[int]:
        """The newest version of each block that is there, 0 where there is none."""
        newest = [0] * len(self.sizes)
        for file in self.folder.files():
            if found := NAME.fullmatch(file):
                block, version = map(int, found.groups())
                if block < len(newest) and version <= len(newest):
                    newest[block] = max(newest[block], version)
        return newest

    def forget(self, block: int, version: int) -> None:
        """Delete a version that nobody needs any more."""
        self._delete(_file(block, version))

    def forget_all_but_last(self) -> None:
        """When all are done, delete what workers left that died, or that were at work when their program ended."""
        last = {_file(block, len(self.sizes)) for block in range(len(self.sizes))}
        for file in self.folder.files() - last:
            if NAME.fullmatch(file) or UNFINISHED.fullmatch(file):
                self._delete(file)

    def _delete(self, file: str) -> None:
        with suppress(MissingError):
            self.folder.delete(file)


def open_lists(folder: Folder, k: int, sizes: Sequence[int], of: dict[str, Any], metric: Metric) -> SavedLists:
    """Begin lists in a folder, or go on with those that were begun there of the same rows.

    GalleryError where others stand there.
    """
    folder.make()
    told = {"k": k, "metric": metric, "rows": list(sizes), "of": of}
    try:
        found = json.loads(folder.read(FILE))
    except MissingError:
        folder.write(FILE, json.dumps(told).encode())
    except ValueError as error:
        raise GalleryError(f"{folder.name}/{FILE} is damaged: {error}") from error
    else:
        if found != told:
            raise GalleryError(
                f"{folder.name} holds lists of another gallery, k, metric or size of blocks: take another folder"
            )
    return SavedLists(folder, k, tuple(sizes))


def _file(block: int, version: int) -> str:
    return f"lists-{block}-{version}.npz"
