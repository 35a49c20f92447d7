"""Exact neighbours of all rows of a gallery in shards: each two blocks meet once, and leave their lists behind."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, get_args
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from .._nearest import Metric, Progress
from ..blocks import join_blocks, list_block
from ..expected import as_whole
from ..folder import Folder
from ..lists import Lists
from ..shards import Shards
from .plans import Say, plan_neighbours, tell
from .saved import SavedLists, open_lists
from .schedule import Meeting, schedule
from .sections import Ranked, Section, cut_up, joined_block
from .workers import Task, Workers, check_given

Source = Section | Ranked


def neighbours(
    x: Shards,
    k: int = 80,
    *,
    workers: Workers,
    metric: Metric = "squared-euclidean",
    block_rows: int | None = None,
    say: Say | None = None,
    progress: Progress | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Find the `k` other rows nearest to each row of faces in shards, exactly: (distances, indices).

    As `faceprint.neighbours` of all rows, to the bit. `list_neighbours` tells how; its files lie in a folder of their
    own within that of the shards meanwhile. The answer must fit the memory of this program: 12 k bytes a row.

    >>> import numpy, tempfile
    >>> from faceprint import Shards, ray
    >>> folder = tempfile.TemporaryDirectory()
    >>> shards = Shards.create(folder.name, rows=2)
    >>> ids = shards.add(numpy.float32([[1, 0], [0, 1], [-1, 0]]))
    >>> with ray.Workers(1, threads=1) as workers:
    ...     ray.neighbours(shards, k=1, workers=workers)[1].tolist()
    [[1], [0], [1]]
    >>> folder.cleanup()
    """
    check_given(x, "x", workers)
    with scratch_of(x) as folder:
        return list_neighbours(
            x,
            k,
            folder.url,
            options=folder.options,
            workers=workers,
            metric=metric,
            block_rows=block_rows,
            say=say,
            progress=progress,
        ).read()


def list_neighbours(
    x: Shards,
    k: int,
    out: "str | os.PathLike[str]",
    *,
    workers: Workers,
    options: Mapping[str, Any] | None = None,
    metric: Metric = "squared-euclidean",
    block_rows: int | None = None,
    say: Say | None = None,
    progress: Progress | None = None,
) -> SavedLists:
    """As `neighbours`, but leave the lists in the folder `out` of shared storage, for whom they do not fit in memory.

    Rows are cut into blocks of `block_rows`, by itself a sixteenth of them but no more than 262,144, or of one shard
    where that is larger. Each two blocks meet once: a worker reads both and their lists so far, and writes the lists
    that follow, whole, beside those it read; what it needs is never changed, so that a meeting whose worker died is
    repeated, and a program that ended may be started again with the same `out` and goes on. More than two blocks for
    each worker keep all at work, so a gallery should have as many shards.

    Raises ValueError unless 1 <= k <= rows - 1 and for another metric, TypeError for what are no `Shards` or `Workers`,
    GalleryError for shards or lists that cannot be read or are of something else, DeviceError as `Workers` does.
    """
    check_given(x, "x", workers)
    k = as_whole(k, "k", 1)
    if len(x) < 2:
        raise ValueError(f"a gallery must have at least 2 rows for neighbours, not {len(x)}")
    if not k <= len(x) - 1:
        raise ValueError(f"k must be in [1, {len(x) - 1}], not {k}")
    if metric not in get_args(Metric):  # before the folder is said to hold lists by it
        raise ValueError(f"metric must be 'squared-euclidean', 'cosine' or 'dot', not {metric!r}")
    sections = cut_up(x, block_rows)
    of = {"files": [shard.file for shard in x.files], "url": x.url}
    lists = open_lists(Folder.at(out, options), k, [section.rows for section in sections], of, metric)
    tell(say, lambda: plan_neighbours(x, k, block_rows=block_rows, workers=workers))
    fill_lists(sections, lists, metric, workers, progress)
    return lists


@contextmanager
def scratch_of(x: Shards) -> Iterator[Folder]:
    """A folder of a new name within that of the shards, of which nothing stays."""
    folder = x.folder.inside(f"lists-{uuid4().hex}")
    try:
        yield folder
    finally:
        folder.clear()


def fill_lists(
    sources: Sequence[Source], lists: SavedLists, metric: Metric, workers: Workers, progress: Progress | None
) -> None:
    """Let all blocks meet that have not met yet."""
    versions = lists.versions()
    pending = [
        meeting
        for meeting in schedule(len(sources))
        if versions[meeting.one] <= meeting.one_version or versions[meeting.other] <= meeting.other_version
    ]
    work = {meeting: _work(meeting, lists.sizes) for meeting in pending}

    def tasks() -> Iterator[Task]:
        last: dict[int, Meeting] = {}
        for meeting in pending:
            after = frozenset(last[block] for block in (meeting.one, meeting.other) if block in last)
            last[meeting.one] = last[meeting.other] = meeting
            call = (meeting, sources[meeting.one], sources[meeting.other], lists, metric, workers.threads)
            yield Task(meeting, _meet, call, after, home=meeting.one, work=work[meeting])

    for meeting, _ in workers.do(tasks(), work=sum(work.values()), progress=progress):
        _forget_before(meeting, lists)
    lists.forget_all_but_last()


def _forget_before(meeting: Meeting, lists: SavedLists) -> None:
    """Let go of what went into a meeting, since what came out of it is there."""
    for block, version in {(meeting.one, meeting.one_version), (meeting.other, meeting.other_version)}:
        if version:
            lists.forget(block, version)


def _work(meeting: Meeting, sizes: tuple[int, ...]) -> float:
    if meeting.one == meeting.other:
        return sizes[meeting.one] ** 2 / 2
    return float(sizes[meeting.one] * sizes[meeting.other])


def _meet(meeting: Meeting, one: Source, other: Source, lists: SavedLists, metric: Metric, threads: int) -> None:
    """What a worker does: read both, join them, and write the next version of both lists."""
    block, k = joined_block(one), lists.k
    if meeting.one == meeting.other:
        found = no_lists(0, k) if block is None else list_block(block, k, metric=metric, threads=threads)
        lists.write(meeting.one, meeting.one_version + 1, found)
        return
    known = lists.version(meeting.one, meeting.one_version), lists.version(meeting.other, meeting.other_version)
    other_block = joined_block(other)
    if block is not None and other_block is not None:
        known = join_blocks(block, known[0], other_block, known[1], metric=metric, threads=threads)
    lists.write(meeting.one, meeting.one_version + 1, known[0])
    lists.write(meeting.other, meeting.other_version + 1, known[1])


def no_lists(rows: int, k: int) -> Lists:
    """Lists with nothing in them yet."""
    return Lists(np.empty((rows, k), np.float32), np.empty((rows, k), np.int64))
