"""Who is called what in a gallery: labels by the numbers of people, and these numbers by labels."""

import heapq
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

BLOCK = 4096  # numbers that have a version together
ROOM = 16  # for one person more among so many, or else each new one would have all copied


class Labels:
    """The labels of people who are numbered from 0 to below `ever`; `count` of them have one now.

    `table` is an array of objects: the label of a number, or None. So is its last entry, that of -1, which is nobody's
    number. `versions` has an integer for each `BLOCK` of numbers, that of the change which changed a label there last;
    0 where it is not known. Labels change in place; `undo` takes back what changed since `mark`.

    >>> labels = Labels(["Ann", "Ben"])
    >>> labels.mark(7)
    >>> labels.name(0, None)
    >>> labels.take(2), labels.count, labels.table[[0, 1, -1]].tolist(), labels.versions
    ([0, 2], 1, [None, 'Ben', None], [7])
    >>> labels.undo()
    >>> labels.numbers
    {'Ann': 0, 'Ben': 1}
    """

    def __init__(self, names: Sequence[str] = (), version: int = 0) -> None:
        self.table: NDArray[np.object_] = np.full(len(names) + 1, None, object)
        self.ever = self.count = 0
        self.versions: list[int] = []
        self._numbers: dict[str, int] | None = None
        self._unused: list[int] | None = None
        self._changed: list[tuple[int, str | None]] = []
        self.mark(version)
        for person, name in enumerate(names):
            self.name(person, name)

    @property
    def numbers(self) -> dict[str, int]:
        """The people who have a label, by it."""
        if self._numbers is None:
            every = enumerate(self.table[: self.ever])
            self._numbers = {label: person for person, label in every if label is not None}
        return self._numbers

    def take(self, count: int) -> list[int]:
        """The least numbers for so many new people, to be named next: those that nobody has any more, then new ones."""
        if self._unused is None:
            gone = self.ever - self.count
            self._unused = np.flatnonzero(self.table[: self.ever] == None).tolist() if gone else []  # noqa: E711
        found = [heapq.heappop(self._unused) for _ in range(min(count, len(self._unused)))]
        return [*found, *range(self.ever, self.ever + count - len(found))]

    def name(self, person: int, label: str | None) -> None:
        """Give a label to somebody, who may have had another one, or be new and number `ever`; None takes it away."""
        self.reserve(person + 1)
        self.versions[person // BLOCK] = self._version
        if label is None and self.table[person] is not None and self._unused is not None:
            heapq.heappush(self._unused, person)
        self._put(person, label)

    def reserve(self, ever: int) -> None:
        """Let there be so many numbers, or more."""
        if ever >= len(self.table):
            more = max(ever + 1 - len(self.table), len(self.table) // ROOM)
            table = np.full(len(self.table) + more, None, object)
            table[: len(self.table)] = self.table
            self.table = table
        self.ever = max(self.ever, ever)
        self.versions += [0] * (-(-self.ever // BLOCK) - len(self.versions))

    def outdated(self, versions: Sequence[int]) -> list[tuple[int, int]]:
        """Whose blocks have not these versions, or unknown ones: the first number, and the one behind the last.

        Neighbouring blocks are one answer.
        """
        known = [not one or one != other for one, other in zip(self.versions, versions, strict=False)]
        missing = [True] * (len(self.versions) - len(known))
        edges = np.flatnonzero(np.diff(np.array([False, *known, *missing, False]))) * BLOCK
        return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))

    def read(self, first: int, end: int, labels: Mapping[int, str], versions: Sequence[int]) -> None:
        """Have the labels from `first` to before `end`, whole blocks, be these, by their numbers."""
        held = np.flatnonzero(self.table[first:end] != None) if self.count else np.empty(0, np.int64)  # noqa: E711
        for person in {*(held + first).tolist(), *labels}:
            if labels.get(person) != self.table[person]:
                self._put(person, labels.get(person))
        for block in range(first // BLOCK, end // BLOCK):
            self.versions[block] = versions[block] if block < len(versions) else 0
        self._unused = None

    def mark(self, version: int) -> None:
        """Remember how all is now; what changes from now on changes in that version."""
        self._version = version
        self._changed.clear()
        self._marked = self.ever, self.count, self.versions.copy()

    def undo(self) -> None:
        """Put all back as it was when `mark` was called."""
        self._unused = None
        ever, count, versions = self._marked
        if self._changed or (self.ever, self.versions) != (ever, versions):
            table = self.table.copy()  # so that a signal finds all of it or nothing done
            for person, label in reversed(self._changed):
                table[person] = label
            table[ever:] = None
            self.table, self._numbers, self.ever, self.count, self.versions = table, None, ever, count, versions
            self.mark(self._version)

    def _put(self, person: int, label: str | None) -> None:
        before = self.table[person]
        if person < self._marked[0]:
            self._changed.append((person, before))
        self.table[person] = label
        self.count += (label is not None) - (before is not None)
        if self._numbers is not None:
            if self._numbers.get(before) == person:  # or somebody else has it now
                del self._numbers[before]
            if label is not None:
                self._numbers[label] = person
