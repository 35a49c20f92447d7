"""The SQLite file of a gallery: opened, encrypted and changed so that a crash, or another process, does it no harm.

It is in WAL mode, and every commit waits for the disk. SQLite finds a journal by its name alone, so each file has a
number of its own, by which one that was exchanged is noticed.
"""

import os
import secrets
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from time import monotonic, sleep
from types import ModuleType
from typing import Any

from . import forks
from .errors import GalleryError
from .photo import printable
from .whole import written_whole

FORMAT = 1  # the low byte of SQLite's `user_version`; above it stands a number by which files are told apart
APPLICATION = 0x46507274  # "FPrt", by which `file` and others may tell galleries from other databases
NUMBERS = 256
MOST_NUMBERS = 2**22 - 1
PAGE = 65_536
ALONE = "ro&immutable=1"  # of a file without a journal, which SQLite then takes for one that nobody changes
OPEN = 3  # files that SQLite opens for one: itself, the journal, and the index of that
RETRY = 0.005  # seconds between trials of what SQLite does not wait for itself
STEP = 256  # pages of a backup at a time
PATIENCE = 5.0  # seconds that the end of Python waits for a thread that uses a gallery which nobody closed


class Database:
    """A database in a file or, where `path` is None, in memory. Not for several threads at once: hold its `lock`.

    A new one is filled by `fill`.
    """

    def __init__(
        self,
        path: Path | None,
        fill: Callable[[], None],
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
        self.lock = threading.RLock()
        self.doubtful = False  # whether the last transaction may have been stored, though a signal ended its call
        if path is not None:
            self._create_file(path)
        self._absolute = (path or Path()).absolute()  # whatever becomes of the working directory
        self._journal = Path(f"{self._absolute.resolve()}-wal")  # where SQLite puts that of a link, too
        self._file, _ = _look(self._absolute)
        self._check_others()
        self._last: Any = None  # what closes last where another file was copied over this: it writes no journal back
        self._check_journal()
        self._opened = 0  # how often since the first time
        self._how = self._mode()
        self._connection = self._connect(self._how)
        self._finalizer = self._closing_at_the_end(self._connection)
        if path is not None:
            forks.remember(self)
        try:
            self._unlock(self._connection)
            if not read_only and not self._one("SELECT count(*) FROM sqlite_master"):
                self._initialise(fill)
            self._check_format()
            _, self._written = _look(self._absolute)
            self._journalled, _ = _look(self._journal)
            self.closed = False
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Let go of the file; where nobody else has it open, the journal is written back and removed."""
        self.closed = True
        if not self.inherited:
            with self._translated():
                self._connection.close()
                if self._last is not None:
                    self._last.close()

    @property
    def name(self) -> str:
        """How errors call it."""
        return "the gallery" if self.path is None else f"gallery {printable(self.path)}"

    def changed_elsewhere(self) -> tuple[int, int]:
        """Numbers of which one changes whenever another connection has changed the file."""
        self._check_there()
        return self._opened, int(self._one("PRAGMA data_version"))

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
        self._check_there()  # or what was stored just now would be gone with a file or a journal

    @property
    def inherited(self) -> bool:
        """Whether another process opened it, of which this one was forked; its connection is that one's to close."""
        return self._process != os.getpid()

    def check_process(self) -> None:
        """GalleryError after a fork: SQLite's locks are not inherited."""
        if self.path is not None and self.inherited:
            raise GalleryError(f"{self.name} was opened before this process was forked: open it here")

    def check_writable(self) -> None:
        """GalleryError where the file was opened for reading only."""
        if self.read_only:
            raise GalleryError(f"{self.name} was opened for reading only")

    def erase(self) -> None:
        """Overwrite what was removed: in the file, and in the journal beside it."""
        self._run("PRAGMA incremental_vacuum")
        if self._one("PRAGMA wal_checkpoint(TRUNCATE)"):
            raise GalleryError(
                f"{self.name} is being read elsewhere: what was removed is gone from the gallery, but may remain in "
                "the journal beside it until compact() is called again"
            )

    def backup(self, path: Path) -> None:
        """Write what the file holds to another one, whole or not at all; while `reading`, whatever others write."""
        if self.path is None:
            raise GalleryError("a gallery in memory has no file to make a backup of: export it")
        if _look(path)[0] == self._file:
            raise GalleryError(f"a backup must be another file than the gallery, not {printable(path)}")
        try:
            with written_whole(path) as part:
                self._one("PRAGMA user_version")  # from which on what others write is not seen
                with self._translated(), closing(self._sql.connect(part, isolation_level=None)) as copy:
                    self._unlock(copy)
                    self._connection.backup(copy, pages=STEP, progress=lambda *_: None)  # in which Ctrl-C is heard
                    copy.execute(f"PRAGMA user_version = {_new_number()}")
        except OSError as error:
            raise GalleryError(f"{printable(path)} cannot be written: {error.strerror or error}") from error

    def check_sound(self, valid: bool, what: str) -> None:
        """GalleryError unless what the file holds is valid."""
        if not valid:
            raise GalleryError(f"{self.name} is damaged: {what}")

    def _create_file(self, path: Path) -> None:
        how, done = (os.O_RDONLY, "opened") if self.read_only else (os.O_CREAT | os.O_RDWR, "made")
        with forks.creating:
            if _look(path)[0]:
                return
            try:
                os.close(os.open(path, how, 0o600))  # nobody else's to read, from the first byte on
            except OSError as error:
                missing = self.read_only and isinstance(error, FileNotFoundError)
                told = "does not exist" if missing else f"cannot be {done}: {error.strerror}"
                raise GalleryError(f"{self.name} {told}") from error

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
        how = self._mode() if self.read_only else self._how
        # What is written to one that is gone would be lost, and what others write to the next one is not seen.
        if how == self._how != ALONE and _look(self._journal)[0] != self._journalled:
            raise GalleryError(
                f"{self.name} lost its journal while it was open, as it does where the process that has it open reads "
                "or copies the file in another way: open it again"
            )
        if how != self._how or (how == ALONE and written != self._written):
            if self._begun():  # which goes on seeing what it saw
                return
            self._reopen(how)
        self._written = written

    def _reopen(self, how: str) -> None:
        """Connect anew: without the right to make a journal SQLite looks neither at one that came nor at a change."""
        before, connection = self._connection, self._connect(how)
        self._finalizer.detach()
        self._finalizer = self._closing_at_the_end(connection)
        self._connection, self._how, self._opened = connection, how, self._opened + 1
        before.close()
        self._unlock(self._connection)
        self._one("PRAGMA user_version")  # from which on its journal is there
        self._journalled, _ = _look(self._journal)

    def _closing_at_the_end(self, connection: Any) -> Any:
        """Close it when nobody holds this any more, since Python would warn, or when Python ends."""
        return weakref.finalize(self, _close, connection, self._process, self.lock)

    def _check_others(self) -> None:
        """Close what had this file open before a fork: with it, SQLite would believe to hold locks that it does not.

        Then whoever else closed the file would remove the journal that this process goes on writing. So it would where
        SQLite and SQLCipher have one file open, of which neither knows that it takes the other's locks away.
        """
        for other in forks.opened():
            if other._file != self._file:
                continue
            if other.inherited:
                # To end what was going on would wait for ever, or undo what the other process writes.
                if other in forks.asking or other._begun():
                    raise GalleryError(f"{self.name} was being read or changed as this process was forked: start anew")
                other._connection.close()
            elif not other.closed and other._sql is not self._sql:
                raise GalleryError(f"{self.name} is open in this process with another key")

    def _is_mixed(self) -> bool:
        """Whether the connection sees another gallery than the file itself holds, by their numbers.

        With a key, what is not of this file is an error, for it does not have SQLCipher's sums.
        """
        seen = self._one("PRAGMA user_version")
        if self._key is not None:
            return False
        with self._translated(), closing(self._connect(ALONE)) as alone:
            # Or a file would be "malformed" that is still shorter than its first page says, for a journal goes into it.
            alone.execute("PRAGMA writable_schema = ON")
            return bool(alone.execute("PRAGMA user_version").fetchone() != (seen,))

    def _check_journal(self) -> None:
        """GalleryError where what lies in the journal beside the file belongs to another gallery.

        It is looked at by a connection that cannot write: others would put it into the file when they are closed.
        """
        if self.path is None or not _size(self._journal):
            return
        self._connection = self._connect("ro")
        try:
            self._unlock(self._connection)
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
        alone = not os.access(self._journal.parent, os.W_OK) and not self._journal.exists()
        return ALONE if alone else "ro"

    def _connect(self, mode: str) -> Any:
        with self._translated():
            options = {"timeout": self._wait, "isolation_level": None, "check_same_thread": False}
            if self.path is None:
                return self._sql.connect(":memory:", **options)
            return self._sql.connect(f"{self._absolute.as_uri()}?mode={mode}", uri=True, **options)

    def _unlock(self, connection: Any) -> None:
        with self._translated():
            if self._key is not None:
                connection.execute(f"PRAGMA key = {_quoted(self._key)}")
                connection.execute(f"PRAGMA cipher_page_size = {PAGE}")
            connection.execute("PRAGMA trusted_schema = OFF")  # what a file brings along calls no function

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
        # macOS by itself waits only until the disk is told, which a power cut undoes: `fullfsync` waits for the disk.
        for setting in ("synchronous = FULL", "fullfsync = ON", "secure_delete = ON", "temp_store = MEMORY"):
            self._run(f"PRAGMA {setting}")

    def _initialise(self, fill: Callable[[], None]) -> None:
        self._run(f"PRAGMA page_size = {PAGE}")
        self._run("PRAGMA auto_vacuum = INCREMENTAL")
        self._give_number()
        self._keep_journal()
        self._set_up()
        with self._transaction("BEGIN IMMEDIATE"):
            if self._one("SELECT count(*) FROM sqlite_master"):
                return  # another process was first
            self._run(f"PRAGMA application_id = {APPLICATION}")
            fill()

    def _give_number(self) -> None:
        """Give the file a number of its own, in the file itself: there is no journal yet."""
        with self._transaction("BEGIN IMMEDIATE"):
            if self._one("PRAGMA user_version") % NUMBERS != FORMAT:  # or another process was first
                self._run(f"PRAGMA user_version = {_new_number()}")

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
        self.doubtful = False
        try:
            self._run(begin)
            yield
            self.doubtful = True  # until the next one begins: a signal may end the call at any moment from here on
            self._run("COMMIT")
        except BaseException:
            if self._begun():
                self._run("ROLLBACK")
                self.doubtful = False
            raise

    def _begun(self) -> bool:
        try:
            return bool(self._connection.in_transaction)
        except self._sql.ProgrammingError:  # it is closed
            return False

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Say in words of galleries what SQLite says."""
        first = self not in forks.asking
        forks.asking.add(self)
        try:
            yield
        except (self._sql.Error, UnicodeDecodeError) as error:  # what SQLite says may repeat what is damaged
            raise GalleryError(f"{self.name} {self._meaning(error)}") from error
        finally:
            if first:
                forks.asking.discard(self)

    def _meaning(self, error: Exception) -> str:
        code = getattr(error, "sqlite_errorname", None) or ""
        said = str(error)
        if _busy(error):
            return f"is being changed elsewhere, and still was after {self._wait:g} s"
        if "closed database" in said:
            return "is closed"
        if "within a transaction" in said:
            return "is still in a call that was interrupted: close it, and open it again"
        if code.startswith("SQLITE_FULL") or "is full" in said:
            return "could not be written, for the disk is full; nothing of this call was stored"
        if code.startswith(("SQLITE_READONLY", "SQLITE_PERM")) or "readonly" in said:
            return "cannot be changed: it, or its folder, is read-only; read_only=True opens it for reading"
        if code.startswith("SQLITE_CANTOPEN") or "unable to open" in said:
            here = "it, or its folder, must be there and open to writing; see read_only=True"
            return f"cannot be opened: {_shortage() or here}"
        if code.startswith("SQLITE_NOTADB") or "not a database" in said:
            lacks = "and needs its key: fp.Gallery(path, key=...)"
            told = lacks if self._key is None else "with another key than was given"
            return f"is not a gallery, is damaged, or is encrypted {told}"
        if code.startswith("SQLITE_IOERR") or "disk I/O" in said:
            return f"could not be read or written ({said}); nothing of this call was stored"
        return f"is damaged: {said}"

    def _run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        self.check_process()
        with self._translated():
            return self._connection.execute(statement, values).fetchall()  # type: ignore[no-any-return]

    def _run_each(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        self.check_process()
        with self._translated():
            self._connection.executemany(statement, rows)

    def _row(self, query: str, *values: Any) -> tuple[Any, ...]:
        rows = self._run(query, *values)
        self.check_sound(len(rows) == 1, "some of what it held is not there")
        return rows[0]

    def _one(self, query: str, *values: Any) -> Any:
        return self._row(query, *values)[0]


def _close(connection: sqlite3.Connection, process: int, lock: threading.RLock) -> None:
    """A forked process leaves it to the other; what a daemon thread uses for longer than this waits stays open."""
    if process == os.getpid() and lock.acquire(timeout=PATIENCE):
        try:
            connection.close()
        finally:
            lock.release()


def _new_number() -> int:
    """A `user_version` that no other file has."""
    return FORMAT + NUMBERS * (1 + secrets.randbelow(MOST_NUMBERS))


def _look(path: Path) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Which file that is, and when it was written last; two empty ones where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116  # in every call: Path.stat takes longer
    except OSError:
        return (), ()
    return (found.st_dev, found.st_ino), (found.st_mtime_ns, found.st_ctime_ns)


def _shortage() -> str | None:
    """What the system says where it opens no more files for this process, which SQLite does not tell."""
    try:
        with ExitStack() as files:
            for _ in range(OPEN):
                files.enter_context(Path(os.devnull).open("rb"))
    except OSError as error:
        return error.strerror
    return None


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
