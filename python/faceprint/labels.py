"""Who is called what in a gallery: labels by the numbers of people, and these numbers by labels."""

import heapq
from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

BLOCK = 4096  # numbers that have a sum together
ROOM = 16  # for one person more among so many, or else each new one would have all copied


class Labels:
    """The labels of people who are numbered from 0 to below `ever`; `count` of them have one now.

    `table` is an array of objects: the label of a number, or None. So is its last entry, that of -1, which is nobody's
    number. `sums` has an integer for each `BLOCK` of numbers: who has the same one has the same labels there, so that
    the others are read again. Labels change in place; `undo` takes back what changed since `mark`.

    >>> labels = Labels(["Ann", "Ben"])
    >>> labels.mark()
    >>> labels.name(0, None)
    >>> labels.take(2), labels.count, labels.table[[0, 1, -1]].tolist()
    ([0, 2], 1, [None, 'Ben', None])
    >>> labels.undo()
    >>> labels.numbers
    {'Ann': 0, 'Ben': 1}
    """

    def __init__(self, names: Sequence[str] = ()) -> None:
        self.table: NDArray[np.object_] = np.full(1, None, object)
        self.ever = self.count = 0
        self.sums: list[int] = []
        self._numbers: dict[str, int] | None = None
        self._unused: list[int] | None = None
        self._changed: list[tuple[int, str | None]] = []
        self.mark()
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
        """Give somebody another label, a new person, who is number `ever`, the first, or, by None, a number nobody."""
        self._reserve(person + 1)
        block = person // BLOCK
        for some in (self.table[person], label):
            self.sums[block] ^= 0 if some is None else _sum(person, some)
        self._put(person, label)
        if label is None and self._unused is not None:
            heapq.heappush(self._unused, person)

    def outdated(self, ever: int, sums: Sequence[int]) -> list[tuple[int, int]]:
        """Have room for so many people, at least, and tell whose blocks have other sums than these, or had none.

        Of neighbouring blocks that is one answer: the first number, and the one behind the last.
        """
        known = [one != other for one, other in zip(self.sums, sums, strict=False)]
        self._reserve(ever)
        changed = np.array([False, *known, *[True] * (len(self.sums) - len(known)), False])
        edges = np.flatnonzero(np.diff(changed)) * BLOCK
        return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))

    def read(self, first: int, end: int, labels: Mapping[int, str], sums: Sequence[int]) -> None:
        """Have the labels from `first` to before `end`, whole blocks, be these, by their numbers, with their sums."""
        held = np.flatnonzero(self.table[first:end] != None) if self.count else np.empty(0, np.int64)  # noqa: E711
        for person in {*(held + first).tolist(), *labels}:
            if labels.get(person) != self.table[person]:
                self._put(person, labels.get(person))
        for block in range(first // BLOCK, end // BLOCK):
            self.sums[block] = sums[block] if block < len(sums) else 0
        self._unused = None

    def mark(self) -> None:
        """Remember how all is now."""
        self._changed.clear()
        self._marked = self.ever, self.count, self.sums.copy()

    def undo(self) -> None:
        """Put all back as it was when `mark` was called."""
        self._unused = None
        if self._marked == (self.ever, self.count, self.sums):
            return
        self._numbers = None
        for person, label in reversed(self._changed):
            self.table[person] = label
        self.ever, self.count, sums = self._marked
        self.sums = sums.copy()
        self.table[self.ever :] = None
        self._changed.clear()

    def _reserve(self, ever: int) -> None:
        """Let so many numbers be there."""
        if ever >= len(self.table):
            more = max(ever + 1 - len(self.table), len(self.table) // ROOM)
            before, self.table = self.table, np.full(len(self.table) + more, None, object)
            self.table[: len(before)] = before
        self.ever = max(self.ever, ever)
        self.sums += [0] * (-(-self.ever // BLOCK) - len(self.sums))

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


def _sum(person: int, label: str) -> int:
    return int.from_bytes(blake2b(f"{person} {label}".encode(), digest_size=8).digest(), "big")
