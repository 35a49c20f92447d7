"""What a gallery holds in memory, which follows its store: read from it, changed with it, unchanged where it fails."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import accumulate
from secrets import randbits

import numpy as np
from numpy.typing import NDArray

from . import _core
from .errors import GalleryError
from .labels import Labels
from .state import MOST, MOST_PEOPLE, State, next_count
from .store import CHUNK, Chunk, Detail, Place, Store

NOBODY = -1  # the person of a face without label
ROOM = 16  # for one face more in so many, or else the first that is added would have all codes found anew


class Held:
    """The rows of a gallery: `ids`, `people`, `quality` and `packed` embeddings, in the order of the ids; and `state`.

    These arrays are replaced, never written to. `people` are numbers of `labels`.
    Everything but `lock` is for whoever is inside `following` or `changing`.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.lock = store.lock
        self.state: State = State("float32")
        self.packed: _core.Gallery | None
        self.ids: NDArray[np.int64]
        self.people: NDArray[np.int64]
        self.quality: NDArray[np.float32]
        self.labels: Labels
        self._places: list[Place]
        self._seen: tuple[int, int] | None
        self._leaving: NDArray[np.int64] | None
        self._version = 0  # of the chunks that a change writes: no other change's, of a copy of the file neither
        self.forget()

    def forget(self) -> None:
        """Hold nothing, so that all is read again when it is needed."""
        self.packed, self._places, self._seen, self._leaving = None, [], None, None
        self.ids = self.people = np.empty(0, np.int64)
        self.quality = np.empty(0, np.float32)
        self.labels = Labels()

    @contextmanager
    def following(self) -> Iterator[None]:
        """Look at what the store holds now, while no other thread changes it."""
        self.store.check_process()  # before the lock, which a thread may have had that was not forked
        with self.lock:
            self._let_go()
            if self.store.changed_elsewhere() != self._seen:
                with self.store.reading():
                    self._follow()
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """As `following`; and whatever is read from the store, too, is as it was when that began."""
        self.store.check_process()
        with self.lock, self.store.reading():
            self._let_go()
            self._follow()
            yield

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Change what the store holds, all of it or, where anything is raised, nothing."""
        self.store.check_process()
        with self.lock:
            self._let_go()
            before = None
            try:
                with self.store.writing():
                    self._follow()
                    self._version = 1 + randbits(61)
                    self.labels.mark(self._version)
                    rows = 0 if self.packed is None else self.packed.rows
                    before = (self.state, self._places, self.ids, self.people, self.quality, self.labels, self.packed)
                    yield
                    self._write_state()
            except BaseException:
                if before is None:
                    raise
                seen, self._seen = self._seen, None  # where a signal ends what follows, a file is read again
                if self.store.doubtful and self.store.path is not None:
                    self.forget()  # so that what the file holds is read again
                elif not self.store.doubtful or self.store.state() != self.state:
                    self._leaving = None
                    if self.packed is not None and self.packed.rows > rows:
                        self.packed.remove(np.arange(rows, self.packed.rows))
                    self.state, self._places, self.ids, self.people, self.quality, self.labels, self.packed = before
                    self.labels.undo()
                    self._seen = seen
                raise
            self.labels.versions = list(self.state.label_versions)
            self.labels.mark(self._version)  # and forget names that went
            self._let_go()

    def _let_go(self) -> None:
        """Take packed rows away that were removed: behind the change, for they could not be put back."""
        if self._leaving is not None and self.packed is not None and self.packed.rows != len(self.ids):
            self.packed.remove(self._leaving)
        self._leaving = None

    def number(self, names: NDArray[np.object_]) -> NDArray[np.int64]:
        """The people of labels, NOBODY where one is None; labels that nobody had become new people.

        These take numbers that nobody has any more, if there are some: no face in the store still shows one.
        """
        known = self.labels.numbers
        new = [name for name in dict.fromkeys(names) if name is not None and name not in known]
        if len(known) + len(new) > MOST_PEOPLE:
            raise GalleryError(f"a gallery may name {MOST_PEOPLE:,} people at a time, and this would be more")
        if new:
            people = self.labels.take(len(new))
            self.store.name_people(zip(people, new, strict=True))
            for person, label in zip(people, new, strict=True):
                self.labels.name(person, label)
        return np.array([NOBODY if name is None else known[name] for name in names], np.int64)

    def renumber(self) -> None:
        """Number people from 0 on, so that no number is kept for labels that nobody has any more."""
        labels = self.labels
        if labels.count == labels.ever:
            return
        kept = np.flatnonzero(labels.table[:-1] != None)  # noqa: E711  # elementwise
        names = labels.table[kept].tolist()
        # Each takes its label from the number before, which is higher.
        self.store.name_people((new, name) for new, name in enumerate(names) if new != kept[new])
        numbers = np.full(len(labels.table), NOBODY)
        numbers[kept] = np.arange(len(kept))
        self.people, self.labels = numbers[self.people], Labels(names, self._version)
        for place, at in self._touched(np.arange(len(self.ids))):
            self.store.write(place.chunk, self._version, self._content(at, stored=False), embeddings=False)

    def rename(self, person: int, label: str) -> None:
        """Give a person another label."""
        self.store.name_people([(person, label)])
        self.labels.name(person, label)

    def append(
        self,
        rows: NDArray[np.float32],
        people: NDArray[np.int64],
        quality: NDArray[np.float32],
        ids: NDArray[np.int64] | None = None,
    ) -> NDArray[np.int64]:
        """Add rows at the end, and return their ids: the next ones, or those given, which must be later still."""
        self._pack(rows.shape[1]).append(rows)
        return self._enter(people, quality, ids)

    def append_stored(
        self,
        stored: NDArray[np.uint8],
        columns: int,
        people: NDArray[np.int64],
        quality: NDArray[np.float32],
        ids: NDArray[np.int64] | None = None,
    ) -> NDArray[np.int64]:
        """As `append`, of rows of so many columns as they are stored."""
        self._pack(columns).append_stored(stored)
        return self._enter(people, quality, ids)

    def come_from(self, fingerprint: str | None, sources: Iterable[str]) -> None:
        """Remember the network that embeddings are comparable with, and those that made them."""
        every = tuple(sorted({*self.state.sources, *sources}))
        self.state = replace(self.state, fingerprint=self.state.fingerprint or fingerprint, sources=every)

    def remove(self, rows: NDArray[np.int64]) -> None:
        """Remove rows, ascending, with all that is known of them."""
        kept = np.ones(len(self.ids), bool)
        kept[rows] = False
        for place, at in self._touched(rows):
            self.store.write(place.chunk, self._version, self._content(at[kept[at]]))
        gone = self.store.remove_details(self.ids[rows])
        before, self.people = self.people, self.people[kept]
        self.ids, self.quality = self.ids[kept], self.quality[kept]
        self._faces_left(before[rows])
        self.state = replace(self.state, details=self.state.details - gone)
        self._leaving = rows

    def set_people(self, people: NDArray[np.int64]) -> None:
        """Replace the people of all rows."""
        changed = np.flatnonzero(people != self.people)
        before, self.people = self.people, people
        for place, at in self._touched(changed):
            self.store.write(place.chunk, self._version, self._content(at, stored=False), embeddings=False)
        self._faces_left(before[changed])

    def add_details(self, ids: NDArray[np.int64], details: Sequence[Detail]) -> None:
        """Store what else is known of new faces, an entry each; most have nothing."""
        nothing = Detail(None, None)
        self.write_details({face: told for face, told in zip(ids.tolist(), details, strict=True) if told != nothing})

    def write_details(self, details: dict[int, Detail]) -> None:
        """Replace what else is known of faces."""
        grown = self.store.write_details(details)
        self.state = replace(self.state, details=self.state.details + grown)

    def write_anew(self) -> None:
        """Write everything again, in chunks of which all but the last are full."""
        if self.store.path is None:
            return
        moved = False  # rows behind a chunk that takes more or fewer are others, also in one that stays as large
        for number, start in enumerate(range(0, len(self.ids), CHUNK)):
            at = np.arange(start, min(start + CHUNK, len(self.ids)))
            there = self._places[number] if number < len(self._places) else None
            moved = moved or there is None or (there.chunk, there.size) != (number, len(at))
            if moved:
                self.store.write(number, self._version, self._content(at))
        for place in self._places:
            if place.chunk * CHUNK >= len(self.ids):
                self.store.write(place.chunk, self._version, self._content(np.empty(0, np.int64)))
        self.store.write_anew()

    def _follow(self) -> None:
        """Read what others have changed; inside a transaction."""
        seen = self.store.changed_elsewhere()
        if seen == self._seen:
            return
        try:
            self._read()
        except BaseException:
            self.forget()
            raise
        self._seen = seen

    def _read(self) -> None:
        store = self.store
        if store.path is None:
            self.state = store.state()
            return
        if self._seen is None:
            self.forget()
        self.state = store.state()
        self._read_labels()
        places = store.places()
        store.check_sound(self.state.dimension is not None or not places, "it has faces of no dimension")
        if self.packed is not None and self.packed.columns != self.state.dimension:
            self.packed = None
        if self.packed is None and self.state.dimension is not None:
            self.packed = _core.Gallery(self.state.dimension, self.state.storage)  # type: ignore[arg-type]
        kept = self._kept(places)
        nothing = self._content(np.empty(0, np.int64), stored=False)
        every = Chunk.join([nothing, *kept, *self._added(places[len(kept) :])])
        rising = (np.diff(every.ids, prepend=-1, append=self.state.next_id) > 0).all()
        store.check_sound(bool(rising), "its ids do not rise from 0 on, or reach next_id")
        known = (every.people >= NOBODY) & (every.people < self.state.next_person)
        store.check_sound(bool(known.all()), "it has faces of people it never had")
        store.check_sound(len(every) == self.state.faces, "some of what it held is not there")
        self.ids, self.people, self.quality, self._places = every.ids, every.people, every.quality, places

    def _kept(self, places: list[Place]) -> list[Chunk]:
        """The first of these chunks, as far as their rows are packed already; rows that are in none of these go."""
        if self.packed is None:
            return []
        starts = dict(zip(self._places, accumulate((place.size for place in self._places), initial=0), strict=False))
        kept, end, chunks = np.zeros(self.packed.rows, bool), 0, []
        for place in places:
            if starts.get(place, -1) >= end:
                rows = np.arange(starts[place], starts[place] + place.size)
                chunk = self._content(rows, stored=False)
            elif end < len(kept):
                chunk = self.store.read(place, self.packed.stored_bytes)
                rows = np.searchsorted(self.ids, chunk.ids)
                if not (rows[0] >= end and self._holds(rows, chunk)):
                    break
            else:
                break
            kept[rows], end = True, int(rows[-1]) + 1
            chunks.append(chunk.without_rows())
        self.packed.remove(np.flatnonzero(~kept))
        return chunks

    def _holds(self, rows: NDArray[np.int64], chunk: Chunk) -> bool:
        """Whether these rows are those of a chunk, one for one."""
        if rows[-1] >= len(self.ids) or (np.diff(rows) <= 0).any() or self.packed is None:
            return False
        return np.array_equal(self.ids[rows], chunk.ids) and np.array_equal(self.packed.stored(rows), chunk.stored)

    def _added(self, places: list[Place]) -> Iterator[Chunk]:
        """Read chunks, and pack their rows behind those that are there."""
        for place in places:
            assert self.packed is not None
            self.packed.reserve(self.state.faces + self.state.faces // ROOM + 1)
            chunk = self.store.read(place, self.packed.stored_bytes)
            try:
                self.packed.append_stored(chunk.stored)
            except ValueError as error:
                self.store.check_sound(False, f"in chunk {place.chunk}, {error}")
            yield chunk.without_rows()

    def _read_labels(self) -> None:
        """Read the labels of blocks that changed."""
        store, state = self.store, self.state
        if self.labels.ever > state.next_person:
            self.labels = Labels()
        if self._seen is None:
            store.check(state)
        self.labels.reserve(state.next_person)
        for first, end in self.labels.outdated(state.label_versions):
            read = store.people(first, min(end, state.next_person))
            self.labels.read(first, end, read, state.label_versions)
        self.labels.mark(self._version)  # and forget names that went
        store.check_sound(self.labels.count == state.people, "some of what it held is not there")

    def _write_state(self) -> None:
        self.state = replace(
            self.state,
            faces=len(self.ids),
            people=self.labels.count,
            next_person=self.labels.ever,
            label_versions=[version or self._version for version in self.labels.versions],
            changes=next_count(self.state.changes),
        )
        self.store.write_state(self.state)
        self._places = self.store.places()

    def _pack(self, columns: int) -> _core.Gallery:
        """What rows of so many columns may be appended to, to be entered after."""
        if self.packed is None:
            self.packed = _core.Gallery(columns, self.state.storage)  # type: ignore[arg-type]
        return self.packed

    def _enter(
        self, people: NDArray[np.int64], quality: NDArray[np.float32], ids: NDArray[np.int64] | None
    ) -> NDArray[np.int64]:
        """Say whose rows those are that were packed last, and store them."""
        assert self.packed is not None
        if ids is None:
            if self.state.next_id + len(people) > MOST:
                raise GalleryError(f"{self.store.name} has no ids left for {len(people)} faces: they end at {MOST}")
            ids = np.arange(self.state.next_id, self.state.next_id + len(people), dtype=np.int64)
        if self.store.path is not None and len(ids):
            stored = self.packed.stored(np.arange(self.packed.rows - len(ids), self.packed.rows))
            self.store.append(Chunk(ids, people, quality, stored), self._version, stored.shape[1])
        self.ids = np.concatenate([self.ids, ids])
        self.people = np.concatenate([self.people, people])
        self.quality = np.concatenate([self.quality, quality])
        next_id = max(self.state.next_id, int(ids[-1]) + 1) if len(ids) else self.state.next_id
        self.state = replace(self.state, dimension=self.packed.columns, next_id=next_id)
        return ids

    def _faces_left(self, people: NDArray[np.int64]) -> None:
        """Forget whom of these no face shows any more, and what was measured on who was whom."""
        self.state = replace(self.state, calibration=None)
        some = np.unique(people)
        gone = some[(some != NOBODY) & ~np.isin(some, self.people)].tolist()
        self.store.remove_people(gone)
        for person in gone:
            self.labels.name(person, None)

    def _touched(self, rows: NDArray[np.int64]) -> Iterator[tuple[Place, NDArray[np.int64]]]:
        """The chunks in which some of the rows are, each with all its rows."""
        start = 0
        for place in self._places:
            first, last = np.searchsorted(rows, (start, start + place.size))
            if first < last:
                yield place, np.arange(start, start + place.size)
            start += place.size

    def _content(self, at: NDArray[np.int64], *, stored: bool = True) -> Chunk:
        rows = np.empty((len(at), 0), np.uint8)
        if stored and self.packed is not None:
            rows = self.packed.stored(at)
        return Chunk(self.ids[at], self.people[at], self.quality[at], rows)


def check_fingerprint(state: State, fingerprint: str | None) -> None:
    """GalleryError for the embeddings of another network than those that are there."""
    if fingerprint and state.fingerprint and fingerprint != state.fingerprint:
        raise GalleryError(
            f"the gallery holds embeddings of network {state.fingerprint}; "
            f"those of {fingerprint} cannot be compared, unless an Upgrade fitted to both networks maps them"
        )
