"""VAL at a FAR over all pairs of faces in shards, counted block by block."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._nearest import Progress
from ..arrays import as_labels
from ..errors import GalleryError
from ..evaluate import Val
from ..evaluate.counted import CountedPairs, PairCounts, some_rows
from ..shards import Shards
from .schedule import Meeting, schedule
from .sections import Section, cut_up, places_of, section_rows
from .workers import Task, Workers, check_given

Counts = NDArray[np.int64]


def val_at_far(
    x: Shards,
    fars: float | Sequence[float] = 1e-3,
    *,
    workers: Workers,
    labels: Any = None,
    block_rows: int | None = None,
    progress: Progress | None = None,
) -> list[Val]:
    """VAL at each of several FARs over every pair of faces in shards, exactly, as `evaluate.AllPairs.vals`.

    `labels` (rows,) say whom each row shows, integers or strings; None takes those of the shards, all of which must
    have one. No distance is kept: workers count, and their counts are added up here. Raises ValueError where pairs are
    too few for a FAR, GalleryError for faces without a label and shards that cannot be read, DeviceError as `Workers`.

    >>> import numpy, tempfile
    >>> from faceprint import Shards, ray
    >>> folder = tempfile.TemporaryDirectory()
    >>> shards = Shards.create(folder.name, rows=2)
    >>> x = numpy.float32([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]])
    >>> ids = shards.add(x, labels=["Ann", "Ann", "Ben", "Cem"])
    >>> with ray.Workers(1, threads=1) as workers:
    ...     [(found.val, found.far) for found in ray.val_at_far(shards, [0.2, 0.6], workers=workers)]
    [(1.0, 0.2), (1.0, 0.6)]
    >>> folder.cleanup()
    """
    check_given(x, "x", workers)
    named = _labels_of(x) if labels is None else labels
    people = as_labels(named, len(x))
    pairs = BlockPairs(tuple(cut_up(x, block_rows)), people, workers, progress)
    return pairs.vals([fars] if isinstance(fars, (int, float)) else fars)


@dataclass(frozen=True, slots=True, eq=False)
class BlockPairs(PairCounts):
    """The pairs of all rows of some sections, which workers count."""

    sections: tuple[Section, ...]
    people: Counts
    workers: Workers
    progress: Progress | None = None
    other_people: None = None

    def count(self, bins: Counts, progress: Progress | None) -> tuple[Counts, Counts]:
        """As `PairCounts.count`."""
        found = (counted for _, counted in self._of_each(_count, bins, progress))
        counts, places = next(found)  # of at least one block, for there are pairs
        for more, more_places in found:
            counts, places = counts + more, places + more_places
        return counts, places

    def same_within(self, threshold: float) -> Counts:
        """As `PairCounts.same_within`."""
        accepted, places = np.zeros(len(self.people), np.int64), places_of(self.sections)
        for meeting, found in self._of_each(_same_within, threshold, None):
            accepted[places[meeting.one]] += found
        return accepted

    def sample(self, random: np.random.Generator) -> CountedPairs:
        """As `PairCounts.sample`; these are few enough to be counted here."""
        rows = some_rows(random, len(self.people))
        places = places_of(self.sections)
        each = np.split(rows, np.searchsorted(rows, [place.start for place in places[1:]]))
        calls = [(section, own - place.start) for section, place, own in zip(self.sections, places, each, strict=True)]
        found = dict(self.workers.do(Task(number, _take, call, home=number) for number, call in enumerate(calls)))
        return CountedPairs(np.concatenate([found[number] for number in range(len(calls))]), self.people[rows])

    def _of_each(
        self, function: Callable[..., Any], asked: Any, progress: Progress | None
    ) -> Iterator[tuple[Meeting, Any]]:
        """What a function finds for each two sections, and for each with itself."""
        meetings, places = schedule(len(self.sections)), places_of(self.sections)
        work = [float(self.sections[meeting.one].rows * self.sections[meeting.other].rows) for meeting in meetings]

        def tasks() -> Iterator[Task]:
            for meeting, pairs in zip(meetings, work, strict=True):
                blocks = sorted({meeting.one, meeting.other})
                sides = [(self.sections[block], self.people[places[block]]) for block in blocks]
                call = (sides, asked, self.workers.threads)
                yield Task(meeting, function, call, home=meeting.one, work=pairs)

        yield from self.workers.do(tasks(), work=sum(work), progress=progress)


Sides = Sequence[tuple[Section, Counts]]


def _count(sides: Sides, bins: Counts, threads: int) -> tuple[Counts, Counts]:
    rows, labels, others, other_labels = _both(sides)
    return _core.count_pairs(rows, labels, bins, others, other_labels, threads)


def _same_within(sides: Sides, threshold: float, threads: int) -> Counts:
    rows, labels, others, other_labels = _both(sides)
    return _core.count_same_within(rows, labels, threshold, others, other_labels, threads)


def _both(sides: Sides) -> tuple[NDArray[np.float32], Counts, NDArray[np.float32] | None, Counts | None]:
    rows = [section_rows(section) for section, _ in sides]
    if len(sides) == 1:
        return rows[0], sides[0][1], None, None
    return rows[0], sides[0][1], rows[1], sides[1][1]


def _take(section: Section, rows: Counts) -> NDArray[np.float32]:
    return section_rows(section)[rows]


def _labels_of(x: Shards) -> NDArray[np.object_]:
    labels = x.labels()
    unnamed = sum(label is None for label in labels)
    if unnamed:
        raise GalleryError(f"all faces must have labels, and {unnamed:,} of {len(labels):,} have none")
    return labels
