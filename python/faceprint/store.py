"""What a gallery's file holds: faces, people and what is known of them, each part with a sum of its own.

Faces lie in chunks of at most `CHUNK`, in the order of their ids, as little-endian arrays one behind the other. The
last chunks are merged as in a binary counter, so that many small additions write each row few times. Whatever SQLite
does not check itself carries a CRC-32.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .database import Database
from .errors import GalleryError
from .state import State, read_state, tell_state

CHUNK = 4096
HELD = 512  # SQL variables at a time

SCHEMA = """
CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 0), content TEXT NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE people (person INTEGER PRIMARY KEY, label TEXT NOT NULL UNIQUE, crc INTEGER NOT NULL);
CREATE TABLE chunks (chunk INTEGER PRIMARY KEY, version INTEGER NOT NULL, size INTEGER NOT NULL, ids BLOB NOT NULL,
                     people BLOB NOT NULL, quality BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE embeddings (chunk INTEGER PRIMARY KEY, stored BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE details (id INTEGER PRIMARY KEY, metadata TEXT, photo TEXT, crc INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Some faces: `ids` and `people` int64 (-1: unnamed), `quality` float32 (NaN: unknown), and rows as stored."""

    ids: NDArray[np.int64]
    people: NDArray[np.int64]
    quality: NDArray[np.float32]
    stored: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Any) -> "Chunk":
        """Some of the rows."""
        return Chunk(self.ids[rows], self.people[rows], self.quality[rows], self.stored[rows])

    def without_rows(self) -> "Chunk":
        """What is known of its faces but their embeddings."""
        return replace(self, stored=np.empty((len(self), 0), np.uint8))

    @staticmethod
    def join(chunks: "Sequence[Chunk]") -> "Chunk":
        """Several, one behind the other."""
        return Chunk(
            np.concatenate([chunk.ids for chunk in chunks]),
            np.concatenate([chunk.people for chunk in chunks]),
            np.concatenate([chunk.quality for chunk in chunks]),
            np.concatenate([chunk.stored for chunk in chunks]),
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a chunk is: its number, the change that wrote it last, and how many faces it holds."""

    chunk: int
    version: int
    size: int


@dataclass(frozen=True, slots=True)
class Detail:
    """What else is known of a face: JSON, and the name of its photograph."""

    metadata: str | None
    photo: str | None


class Store(Database):
    """The faces of a gallery, in a database that is a file or, where `path` is None, in memory."""

    def __init__(
        self,
        path: Path | None,
        storage: str | None,
        *,
        key: bytes | str | None,
        wait: float,
        read_only: bool,
    ) -> None:
        self._checked = path is None
        super().__init__(path, lambda: self._fill(storage or "float32"), key=key, wait=wait, read_only=read_only)

    def state(self) -> State:
        """Read the state."""
        content, crc = self._row("SELECT content, crc FROM state WHERE one = 0")
        valid = isinstance(content, str) and _fits(crc, content)
        self.check_sound(valid, "its state does not have the sum that was written with it")
        try:
            return read_state(content)
        except ValueError as error:
            raise GalleryError(f"{self.name} is damaged: its state has {error}") from error

    def write_state(self, state: State) -> None:
        """Replace the state; ValueError for one that nobody could read again."""
        content = tell_state(state)
        read_state(content)
        self._run("INSERT OR REPLACE INTO state VALUES (0, ?, ?)", content, _crc(content))

    def places(self) -> list[Place]:
        """Where the chunks are, in the order of their ids, each with as many ids as it says."""
        rows = self._run("SELECT chunk, version, size, typeof(ids), length(ids) FROM chunks ORDER BY chunk")
        for chunk, version, size, kind, length in rows:
            valid = all(type(number) is int for number in (chunk, version, size))
            valid = valid and 1 <= size <= CHUNK and (kind, length) == ("blob", 8 * size)
            self.check_sound(valid, f"chunk {chunk} is not the one that was written")
        return [Place(*row[:3]) for row in rows]

    def people(self, first: int, end: int) -> dict[int, str]:
        """The labels of people, by their numbers, from `first` to before `end`."""
        rows = self._run("SELECT person, label, crc FROM people WHERE person >= ? AND person < ?", first, end)
        for person, label, crc in rows:
            valid = isinstance(label, str) and _fits(crc, person, label)
            self.check_sound(valid, f"the label of person {person} is not the one that was written")
        return {person: label for person, label, _ in rows}

    def name_people(self, labels: Iterable[tuple[int, str]]) -> None:
        """Give people labels, other ones where they had some."""
        rows = ((person, label, _crc(person, label)) for person, label in labels)
        self._run_each("INSERT OR REPLACE INTO people VALUES (?, ?, ?)", rows)

    def remove_people(self, people: Iterable[int]) -> None:
        """Forget labels."""
        self._run_each("DELETE FROM people WHERE person = ?", ((person,) for person in people))

    def read(self, place: Place, row_bytes: int) -> Chunk:
        """Read a chunk, whose rows have so many bytes each."""
        ids, people, quality, crc = self._row(
            "SELECT ids, people, quality, crc FROM chunks WHERE chunk = ?", place.chunk
        )
        said = f"chunk {place.chunk} is not the one that was written"
        self.check_sound(all(isinstance(part, bytes) for part in (ids, people, quality)), said)
        self.check_sound(len(ids) == len(people) == 2 * len(quality) == 8 * place.size, said)
        self.check_sound(_crc(place.chunk, place.version, ids, people, quality) == crc, said)
        content, crc = self._row("SELECT stored, crc FROM embeddings WHERE chunk = ?", place.chunk)
        valid = isinstance(content, bytes) and len(content) == place.size * row_bytes
        self.check_sound(valid and _crc(place.chunk, content) == crc, said)
        return Chunk(
            np.frombuffer(ids, "<i8").astype(np.int64),
            np.frombuffer(people, "<i8").astype(np.int64),
            np.frombuffer(quality, "<f4").astype(np.float32),
            np.frombuffer(content, np.uint8).reshape(place.size, row_bytes),
        )

    def write(self, chunk: int, version: int, content: Chunk, *, embeddings: bool = True) -> None:
        """Write a chunk in place of what it was; an empty one is removed."""
        if not len(content):
            self._run("DELETE FROM chunks WHERE chunk = ?", chunk)
            self._run("DELETE FROM embeddings WHERE chunk = ?", chunk)
            return
        ids, people = content.ids.astype("<i8").tobytes(), content.people.astype("<i8").tobytes()
        quality = content.quality.astype("<f4").tobytes()
        crc = _crc(chunk, version, ids, people, quality)
        self._run(
            "INSERT OR REPLACE INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(chunk, version, len(content), ids, people, quality, crc),
        )
        if embeddings:
            stored = content.stored.tobytes()
            self._run("INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?)", chunk, stored, _crc(chunk, stored))

    def append(self, content: Chunk, version: int, row_bytes: int) -> None:
        """Write faces behind all others: in chunks of their own, or together with last ones that are no larger."""
        places = self.places()
        while places and places[-1].size <= len(content) and places[-1].size + len(content) <= CHUNK:
            last = places.pop()
            content = Chunk.join([self.read(last, row_bytes), content])
            self.write(last.chunk, version, content.take(slice(0, 0)))
        first = places[-1].chunk + 1 if places else 0
        for number, start in enumerate(range(0, len(content), CHUNK)):
            self.write(first + number, version, content.take(slice(start, start + CHUNK)))

    def details(self, ids: Iterable[int]) -> dict[int, Detail]:
        """What else is known of faces, by id."""
        self._check_details()
        found = {}
        for some in _portions(ids):
            query = f"SELECT id, metadata, photo FROM details WHERE id IN ({', '.join('?' * len(some))})"
            found.update({face: Detail(metadata, photo) for face, metadata, photo in self._run(query, *some)})
        return found

    def write_details(self, details: dict[int, Detail]) -> int:
        """Replace what is known of faces, and tell by how many the faces grew of which something is."""
        gone = self.remove_details(details)
        rows = [(face, told.metadata, told.photo) for face, told in details.items() if told != Detail(None, None)]
        self._run_each("INSERT INTO details VALUES (?, ?, ?, ?)", ((*row, _crc(*row)) for row in rows))
        return len(rows) - gone

    def remove_details(self, ids: Iterable[int]) -> int:
        """Forget what is known of faces, and tell of how many something was."""
        gone = 0
        for some in _portions(ids):
            self._run(f"DELETE FROM details WHERE id IN ({', '.join('?' * len(some))})", *some)
            gone += int(self._one("SELECT changes()"))
        return gone

    def matching(self, key: str | None, values: Sequence[Any]) -> list[int]:
        """The ids of faces with one of some values under a key of their metadata, or as photograph where it is None."""
        self._check_details()
        asked, names = _ids_where(key)
        found: list[int] = []
        for some in _portions(values):
            found += [row[0] for row in self._run(f"{asked} IN ({', '.join('?' * len(some))})", *names, *some)]
        return found

    def having(self, key: str | None) -> list[int]:
        """The ids of faces that have any value there."""
        self._check_details()
        asked, names = _ids_where(key)
        return [row[0] for row in self._run(f"{asked} IS NOT NULL", *names)]

    def write_anew(self) -> None:
        """Write all tables again: as rows go and come, SQLite leaves copies of some in the free part of pages."""
        for statement in filter(str.strip, SCHEMA.split(";")):
            table = statement.split()[2]
            self._run(f"ALTER TABLE {table} RENAME TO before")
            self._run(statement)
            self._run(f"INSERT INTO {table} SELECT * FROM before ORDER BY rowid")
            self._run("DROP TABLE before")

    def check(self, state: State) -> None:
        """Whether as much is there as the state says, which tells of pages that were lost or replaced."""
        sums = ("total(size) FROM chunks", "count(*) FROM people", "count(*) FROM details")
        found = tuple(int(self._one(f"SELECT {total}")) for total in sums)
        self.check_sound(found == (state.faces, state.people, state.details), "some of what it held is not there")
        first, last = self._row("SELECT min(person), max(person) FROM people")
        self.check_sound(not found[1] or 0 <= first <= last < state.next_person, "a person it never had")

    def _fill(self, storage: str) -> None:
        for statement in filter(str.strip, SCHEMA.split(";")):
            self._run(statement)
        self.write_state(State(storage))

    def _check_details(self) -> None:
        """Look at all of them once, for a row that is damaged may not be found where it belongs."""
        if self._checked:
            return
        with self._translated():
            for face, metadata, photo, crc in self._connection.execute("SELECT id, metadata, photo, crc FROM details"):
                said = f"the details of face {face} are not those that were written"
                valid = isinstance(metadata, str | None) and isinstance(photo, str | None)
                self.check_sound(valid and _fits(crc, face, metadata, photo), said)
        self._checked = True


def _crc(*parts: Any) -> int:
    """One sum over numbers, texts and bytes; 0 bytes stand between them, and None is not the same as ''."""
    return _sum(f"'{part}'".encode("utf-8", "surrogatepass") if isinstance(part, str) else part for part in parts)


def _fits(crc: Any, *parts: Any) -> bool:
    """Whether a sum is that of numbers and texts, or one of before: of texts as the Python of then showed them."""
    return bool(crc == _crc(*parts) or crc == _sum(parts))


def _sum(parts: Iterable[Any]) -> int:
    content = [part if isinstance(part, bytes) else repr(part).encode("utf-8", "surrogatepass") for part in parts]
    return zlib.crc32(b"\0".join([*content, b""]))


def _ids_where(key: str | None) -> tuple[str, tuple[str, ...]]:
    """A query for ids up to the value that its condition is on, and the variables in that."""
    if key is None:
        return "SELECT id FROM details WHERE photo", ()
    # json_extract takes a path, and SQLite 3.40 compares what is quoted there with keys as JSON escapes them
    return "SELECT details.id FROM details, json_each(metadata) AS entry WHERE entry.key = ? AND entry.value", (key,)


def _portions(values: Iterable[Any]) -> Iterator[list[Any]]:
    every = [value.item() if isinstance(value, np.generic) else value for value in values]
    for start in range(0, len(every), HELD):
        yield every[start : start + HELD]
