"""A gallery's file: one SQLite database, in which each change happens whole or not at all.

Faces lie in chunks of at most `CHUNK`, in the order of their ids, as little-endian arrays one behind the other. The
last chunks are merged as in a binary counter, so that many small additions write each row few times. Whatever SQLite
does not check itself carries a CRC-32.
"""

import json
import os
import secrets
import sqlite3
import weakref
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic, sleep
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import GalleryError
from .photo import printable
from .state import State, read_state

FORMAT = 1  # the low byte of SQLite's `user_version`; above it stands a number by which files are told apart
APPLICATION = 0x46507274  # "FPrt", by which `file` and others may tell galleries from other databases
NUMBERS = 256
MOST_NUMBERS = 2**22 - 1
CHUNK = 4096
PAGE = 65_536
HELD = 512  # SQL variables at a time
RETRY = 0.005  # seconds between trials of what SQLite does not wait for itself

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


class Store:
    """The database behind a gallery, in a file or, where `path` is None, in memory. Not for several threads at once."""

    def __init__(
        self,
        path: Path | None,
        storage: str | None,
        *,
        key: bytes | str | None,
        wait: float,
        read_only: bool,
    ) -> None:
        self.path = path
        self.read_only, self.closed = read_only, True
        self._key, self._wait = key, wait
        self._sql = sqlite3 if key is None else _sqlcipher()
        self._process = os.getpid()
        self._checked = path is None
        if path is not None and not path.exists():
            self._create_file(path)
        self._absolute = (path or Path()).absolute()  # whatever becomes of the working directory
        self._journal = Path(f"{self._absolute}-wal")
        self._file, _ = _look(self._absolute)
        self._last: Any = None  # what closes last where another file was copied over this: it writes no journal back
        self._check_journal()
        self._connection = self._connect(self._mode())
        weakref.finalize(self, _close, self._connection, self._process)
        try:
            self._unlock()
            if not read_only and not self._one("SELECT count(*) FROM sqlite_master"):
                self._initialise(storage or "float32")
            self._check_format()
            _, self._written = _look(self._absolute)
            self.closed = False
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Let go of the file; where nobody else has it open, the journal is written back and removed."""
        self.closed = True
        with self._translated():
            _close(self._connection, self._process)
            if self._last is not None:
                _close(self._last, self._process)

    @property
    def name(self) -> str:
        """How errors call it."""
        return "the gallery" if self.path is None else f"gallery {printable(self.path)}"

    def changed_elsewhere(self) -> int:
        """A number that changes whenever another connection has changed the file."""
        self._check_there()
        return int(self._one("PRAGMA data_version"))

    def state(self) -> State:
        """Read the state."""
        content, crc = self._row("SELECT content, crc FROM state WHERE one = 0")
        valid = isinstance(content, str) and _crc(content) == crc
        self.check_sound(valid, "its state does not have the sum that was written with it")
        try:
            return read_state(content)
        except ValueError as error:
            raise GalleryError(f"{self.name} is damaged: its state has {error}") from error

    def write_state(self, state: State) -> None:
        """Replace the state."""
        content = json.dumps(asdict(state))
        self._run("INSERT OR REPLACE INTO state VALUES (0, ?, ?)", content, _crc(content))

    @contextmanager
    def reading(self) -> Iterator[None]:
        """See the file as it is now, whatever others write meanwhile."""
        with self._transaction("BEGIN"):
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Change the file alone: after an error, or a crash, it is as before. Waits for another writer to end."""
        self.check_writable()
        with self._transaction("BEGIN IMMEDIATE"):
            yield
            number = self._one("PRAGMA user_version")
            self._run(f"PRAGMA user_version = {number}")  # so that each journal tells whose it is, in its first page

    def check_writable(self) -> None:
        """GalleryError where the file was opened for reading only."""
        if self.read_only:
            raise GalleryError(f"{self.name} was opened for reading only")

    def places(self) -> list[Place]:
        """Where the chunks are, in the order of their ids, each with as many ids as it says."""
        rows = self._run("SELECT chunk, version, size, typeof(ids), length(ids) FROM chunks ORDER BY chunk")
        for chunk, version, size, kind, length in rows:
            valid = all(type(number) is int for number in (chunk, version, size))
            valid = valid and 1 <= size <= CHUNK and (kind, length) == ("blob", 8 * size)
            self.check_sound(valid, f"chunk {chunk} is not the one that was written")
        return [Place(*row[:3]) for row in rows]

    def people(self) -> dict[int, str]:
        """The labels, by the numbers of their people."""
        rows = self._run("SELECT person, label, crc FROM people")
        for person, label, crc in rows:
            valid = isinstance(label, str) and _crc(person, label) == crc
            self.check_sound(valid, f"the label of person {person} is not the one that was written")
        return {person: label for person, label, _ in rows}

    def add_person(self, person: int, label: str) -> None:
        """Give a person a label, another one where it had one."""
        self._run("INSERT OR REPLACE INTO people VALUES (?, ?, ?)", person, label, _crc(person, label))

    def remove_people(self, people: Iterable[int]) -> None:
        """Forget labels."""
        for person in people:
            self._run("DELETE FROM people WHERE person = ?", person)

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
        grown = -self.remove_details(details)
        for face, detail in details.items():
            if detail != Detail(None, None):
                crc = _crc(face, detail.metadata, detail.photo)
                self._run("INSERT INTO details VALUES (?, ?, ?, ?)", face, detail.metadata, detail.photo, crc)
                grown += 1
        return grown

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
        column, names = _column(key)
        found: list[int] = []
        for some in _portions(values):
            query = f"SELECT id FROM details WHERE {column} IN ({', '.join('?' * len(some))})"
            found += [row[0] for row in self._run(query, *names, *some)]
        return found

    def having(self, key: str | None) -> list[int]:
        """The ids of faces that have any value there."""
        self._check_details()
        column, names = _column(key)
        return [row[0] for row in self._run(f"SELECT id FROM details WHERE {column} IS NOT NULL", *names)]

    def check(self, state: State) -> None:
        """Whether as much is there as the state says, which tells of pages that were lost or replaced."""
        sums = ("total(size) FROM chunks", "count(*) FROM people", "count(*) FROM details")
        found = tuple(int(self._one(f"SELECT {total}")) for total in sums)
        self.check_sound(found == (state.faces, state.people, state.details), "some of what it held is not there")

    def erase(self) -> None:
        """Overwrite what was removed: in the file, and in the journal beside it."""
        self._run("PRAGMA incremental_vacuum")
        if self._one("PRAGMA wal_checkpoint(TRUNCATE)"):
            raise GalleryError(
                f"{self.name} is being read elsewhere: what was removed is gone from the gallery, but may remain in "
                "the journal beside it until compact() is called again"
            )

    def _create_file(self, path: Path) -> None:
        if self.read_only:
            raise GalleryError(f"{self.name} does not exist")
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # nobody else's to read, from the first byte on
        except OSError as error:
            raise GalleryError(f"{self.name} cannot be made: {error.strerror}") from error

    def _check_there(self) -> None:
        """GalleryError where another file, or none, is where this one was, before SQLite looks at its journal.

        Or where another was copied over it: what was written since the last look is looked at.
        """
        if self.path is None or self.closed:
            return
        file, written = _look(self._absolute)
        copied = file == self._file and written != self._written and self._is_mixed()
        if copied and self._last is None:
            self._last = self._connect("ro")
            self._last.execute("PRAGMA user_version").fetchone()  # from which on it is there for others
        if copied or file != self._file:
            raise GalleryError(f"{self.name} was exchanged or removed while it was open: open it again")
        self._written = written

    def _is_mixed(self) -> bool:
        """Whether the connection sees another gallery than the file itself holds, by their numbers.

        With a key, what is not of this file is an error, for it does not have SQLCipher's sums.
        """
        seen = self._one("PRAGMA user_version")
        if self._key is not None:
            return False
        with self._translated(), closing(self._connect("ro&immutable=1")) as alone:
            return bool(alone.execute("PRAGMA user_version").fetchone() != (seen,))

    def _check_journal(self) -> None:
        """GalleryError where what lies in the journal beside the file belongs to another gallery.

        It is looked at by a connection that cannot write: others would put it into the file when they are closed.
        """
        if self.path is None or not _size(self._journal):
            return
        self._connection = self._connect("ro")
        try:
            self._unlock()
            mixed = self._is_mixed()
        finally:
            self._connection.close()
        if mixed:
            raise GalleryError(
                f"{self.name} has the journal of another gallery beside it, for it was exchanged while it was open, "
                f"or after a crash: close it everywhere, then remove {printable(self._journal)} and its -shm"
            )

    def _mode(self) -> str:
        if self.path is None or not self.read_only:
            return "rw"
        alone = not os.access(self.path.parent, os.W_OK) and not self._journal.exists()
        return "ro&immutable=1" if alone else "ro"

    def _connect(self, mode: str) -> Any:
        with self._translated():
            options = {"timeout": self._wait, "isolation_level": None, "check_same_thread": False}
            if self.path is None:
                return self._sql.connect(":memory:", **options)
            return self._sql.connect(f"{self._absolute.as_uri()}?mode={mode}", uri=True, **options)

    def _unlock(self) -> None:
        if self._key is not None:
            self._run(f"PRAGMA key = {_quoted(self._key)}")
            self._run(f"PRAGMA cipher_page_size = {PAGE}")
        self._run("PRAGMA trusted_schema = OFF")  # what a file brings along calls no function

    def _check_format(self) -> None:
        application, found = self._one("PRAGMA application_id"), self._one("PRAGMA user_version")
        if application != APPLICATION:
            raise GalleryError(f"{self.name} is not a gallery, but another SQLite database")
        found %= NUMBERS
        if found != FORMAT:
            raise GalleryError(f"{self.name} has format {found}; this version of faceprint reads format {FORMAT}")
        if not self.read_only:
            self._set_up()

    def _set_up(self) -> None:
        """What SQLite forgets with each connection: to wait for the disk, and to overwrite what is deleted."""
        for setting in ("synchronous = FULL", "secure_delete = ON", "temp_store = MEMORY"):
            self._run(f"PRAGMA {setting}")

    def _initialise(self, storage: str) -> None:
        self._run(f"PRAGMA page_size = {PAGE}")
        self._run("PRAGMA auto_vacuum = INCREMENTAL")
        self._give_number()
        self._keep_journal()
        self._set_up()
        with self._transaction("BEGIN IMMEDIATE"):
            if self._one("SELECT count(*) FROM sqlite_master"):
                return  # another process was first
            for statement in filter(str.strip, SCHEMA.split(";")):
                self._run(statement)
            self._run(f"PRAGMA application_id = {APPLICATION}")
            self.write_state(State(storage))

    def _give_number(self) -> None:
        """Give the file a number of its own, in the file itself: there is no journal yet."""
        with self._transaction("BEGIN IMMEDIATE"):
            if self._one("PRAGMA user_version") % NUMBERS != FORMAT:  # or another process was first
                self._run(f"PRAGMA user_version = {FORMAT + NUMBERS * (1 + secrets.randbelow(MOST_NUMBERS))}")

    def _keep_journal(self) -> None:
        """Put the file into WAL mode; SQLite itself does not wait for that while another connection is at it."""
        give_up = monotonic() + self._wait
        while True:
            try:
                self._run("PRAGMA journal_mode = WAL")
                return
            except GalleryError as error:
                if not _busy(error.__cause__) or monotonic() > give_up:
                    raise
            sleep(RETRY)

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        self._check_there()
        self._run(begin)
        try:
            yield
            self._run("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._run("ROLLBACK")
            raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Say in words of galleries what SQLite says."""
        try:
            yield
        except (self._sql.Error, UnicodeDecodeError) as error:  # what SQLite says may repeat what is damaged
            raise GalleryError(f"{self.name} {self._meaning(error)}") from error

    def _meaning(self, error: Exception) -> str:
        code = getattr(error, "sqlite_errorname", None) or ""
        said = str(error)
        if _busy(error):
            return f"is being changed elsewhere, and still was after {self._wait:g} s"
        if "closed database" in said:
            return "is closed"
        if code.startswith("SQLITE_FULL") or "is full" in said:
            return "could not be written, for the disk is full; nothing of this call was stored"
        if code.startswith(("SQLITE_READONLY", "SQLITE_PERM")) or "readonly" in said:
            return "cannot be changed: it, or its folder, is read-only; read_only=True opens it for reading"
        if code.startswith("SQLITE_CANTOPEN") or "unable to open" in said:
            return "cannot be opened: it, or its folder, must be there and open to writing; see read_only=True"
        if code.startswith("SQLITE_NOTADB") or "not a database" in said:
            return "is not a gallery, is damaged, or is encrypted with another key than was given"
        if code.startswith("SQLITE_IOERR") or "disk I/O" in said:
            return f"could not be read or written ({said}); nothing of this call was stored"
        return f"is damaged: {said}"

    def check_sound(self, valid: bool, what: str) -> None:
        """GalleryError unless what the file holds is valid."""
        if not valid:
            raise GalleryError(f"{self.name} is damaged: {what}")

    def _check_details(self) -> None:
        """Look at all of them once, for a row that is damaged may not be found where it belongs."""
        if self._checked:
            return
        with self._translated():
            for face, metadata, photo, crc in self._connection.execute("SELECT id, metadata, photo, crc FROM details"):
                said = f"the details of face {face} are not those that were written"
                valid = isinstance(metadata, str | None) and isinstance(photo, str | None)
                self.check_sound(valid and _crc(face, metadata, photo) == crc, said)
        self._checked = True

    def _run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        if self.path is not None and self._process != os.getpid():  # SQLite's locks are not inherited
            raise GalleryError(f"{self.name} was opened before this process was forked: open it here")
        with self._translated():
            return self._connection.execute(statement, values).fetchall()  # type: ignore[no-any-return]

    def _row(self, query: str, *values: Any) -> tuple[Any, ...]:
        rows = self._run(query, *values)
        self.check_sound(len(rows) == 1, "some of what it held is not there")
        return rows[0]

    def _one(self, query: str, *values: Any) -> Any:
        return self._row(query, *values)[0]


def _close(connection: sqlite3.Connection, process: int) -> None:
    """Also when nobody holds the store any more, since Python would warn; a forked process leaves it to the other."""
    if process == os.getpid():
        connection.close()


def _look(path: Path) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Which file that is, and when it was written last; two empty ones where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116  # in every call: Path.stat takes longer
    except OSError:
        return (), ()
    return (found.st_dev, found.st_ino), (found.st_mtime_ns, found.st_ctime_ns)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _busy(error: BaseException | None) -> bool:
    """Whether SQLite says that another connection is changing the file."""
    return (getattr(error, "sqlite_errorname", None) or "").startswith("SQLITE_BUSY") or "locked" in str(error)


def _sqlcipher() -> ModuleType:
    try:
        from sqlcipher3 import dbapi2
    except ImportError as error:
        raise ModuleNotFoundError("a key needs sqlcipher3: pip install 'faceprint[encryption]'") from error
    return dbapi2  # type: ignore[no-any-return]


def _quoted(key: bytes | str) -> str:
    text = f"x'{key.hex()}'" if isinstance(key, bytes) else key
    return '"' + text.replace('"', '""') + '"'


def _crc(*parts: Any) -> int:
    """One sum over numbers, texts and bytes; 0 bytes stand between them, and None is not the same as ''."""
    found = 0
    for part in parts:
        content = part if isinstance(part, bytes) else repr(part).encode("utf-8", "surrogatepass")
        found = zlib.crc32(b"\0", zlib.crc32(content, found))
    return found


def _column(key: str | None) -> tuple[str, tuple[str, ...]]:
    """What to ask for in SQL, and the variables in that."""
    return ("photo", ()) if key is None else ("json_extract(metadata, ?)", (f"$.{json.dumps(key)}",))


def _portions(values: Iterable[Any]) -> Iterator[list[Any]]:
    every = [value.item() if isinstance(value, np.generic) else value for value in values]
    for start in range(0, len(every), HELD):
        yield every[start : start + HELD]
