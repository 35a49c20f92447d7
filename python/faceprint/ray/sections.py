"""Blocks of a gallery in shards, as workers read them from the storage and keep them."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..blocks import Block, pack_block
from ..expected import as_whole
from ..folder import Folder
from ..shards import Shards

BLOCK_ROWS = 2**18  # of a block at most, unless one shard has more or somebody wants more
FEWEST = 16  # blocks, where there are as many shards
KEPT = 4  # blocks in the memory of a worker
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Section:
    """Some neighbouring `shards` of a gallery: `rows` from number `first` on."""

    shards: Shards
    first: int
    rows: int

    @property
    def key(self) -> Hashable:
        """What tells sections apart that a worker keeps: files are never written twice."""
        return (self.shards.url, *(shard.file for shard in self.shards.files))


@dataclass(frozen=True, slots=True)
class Ranked:
    """A section some of whose rows are called by ranks, and the others left out, as a file in a folder says."""

    section: Section
    folder: Folder
    file: str


def cut_up(shards: Shards, rows: int | None) -> list[Section]:
    """Put neighbouring shards together to sections of at most `rows`, unless one shard alone has more.

    None stands for a sixteenth of the gallery, so that several workers have something to do, or less where that is
    more than suits the memory of one.

    >>> import numpy, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     shards = Shards.create(folder, rows=2)
    ...     ids = shards.add(numpy.zeros((9, 4), numpy.float32))
    ...     [(section.first, section.rows) for section in cut_up(shards, 4)]
    [(0, 4), (4, 4), (8, 1)]
    """
    rows = as_whole(min(BLOCK_ROWS, max(len(shards) // FEWEST, 1)) if rows is None else rows, "block_rows", 1)
    sections: list[Section] = []
    begin = 0
    for number, shard in enumerate(shards.files):
        following = shards.files[number + 1].rows if number + 1 < len(shards.files) else rows
        size = shard.first + shard.rows - shards.files[begin].first
        if size + following > rows:
            sections.append(Section(shards.part(begin, number + 1), shards.files[begin].first, size))
            begin = number + 1
    return sections


def places_of(sections: Sequence[Section]) -> list[slice]:
    """Where the rows of each section are among those of all, whose first may be any of the gallery's."""
    firsts = [section.first - sections[0].first for section in sections]
    return [slice(first, first + section.rows) for first, section in zip(firsts, sections, strict=True)]


_kept: OrderedDict[Hashable, Any] = OrderedDict()


def stored_block(section: Section, threads: int) -> Block:
    """The rows of a section as they are stored, packed to be searched."""

    def pack() -> Block:
        shards = section.shards
        packed = _core.Gallery(shards.dimension or 0, shards.storage)
        for number in range(len(shards.files)):
            packed.append_stored(shards.stored(number), threads)
        return Block(packed, np.arange(section.first, section.first + section.rows))

    return _keeping((section.key, "stored"), pack)


def joined_block(source: Section | Ranked) -> Block | None:
    """The rows of a section as float32, packed to be joined with others; None where all are left out."""
    section = source if isinstance(source, Section) else source.section
    ranks = None if isinstance(source, Section) else (source.folder.url, source.file)

    def pack() -> Block | None:
        rows, numbers = section.shards.embeddings(), np.arange(section.first, section.first + section.rows)
        if isinstance(source, Ranked):
            numbers = read_ranks(source)
            order = np.argsort(numbers)[int((numbers < 0).sum()) :]
            rows, numbers = rows[order], numbers[order]
        return pack_block(rows, numbers) if len(rows) else None

    return _keeping((section.key, "joined", ranks), pack)


def section_rows(section: Section) -> NDArray[np.float32]:
    """The rows of a section as float32: (rows, dimension)."""
    return _keeping((section.key, "rows"), section.shards.embeddings)


def read_ranks(source: Ranked) -> NDArray[np.int64]:
    """What the rows of a section are called: (rows,) int64, -1 for who is left out."""
    return np.frombuffer(source.folder.read(source.file), np.int64)


def _keeping(key: Hashable, make: Callable[[], Made]) -> Made:
    """What is kept under a key, or else is made now and kept in place of what was used longest ago."""
    if key not in _kept:
        _kept[key] = make()
        if len(_kept) > KEPT:
            _kept.popitem(last=False)
    _kept.move_to_end(key)
    found: Made = _kept[key]
    return found
