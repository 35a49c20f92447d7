"""A folder on any storage that fsspec knows: files that are there whole or not at all, and errors in one voice."""

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from .errors import GalleryError
from .given import given_path
from .photo import printable
from .whole import written_whole


class MissingError(GalleryError):
    """A file that is not there."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Where it is, an absolute path or a URL, and the options of its storage, which may hold keys."""

    url: str
    options: dict[str, Any] = field(repr=False)

    @classmethod
    def at(cls, url: "str | os.PathLike[str]", options: Mapping[str, Any] | None) -> "Folder":
        """The folder of a path or URL, whether it is there or not; GalleryError for a URL of no known storage."""
        folder = cls(given_path(url, "url"), dict(options or {}))
        with folder._translated("", "found") as (storage, path):
            return cls(path, folder.options) if _is_local(storage) else folder

    @property
    def name(self) -> str:
        """How errors call it."""
        return printable(self.url)

    def inside(self, name: str) -> "Folder":
        """A folder in this one, whether it is there or not."""
        return Folder(f"{self.url.rstrip('/')}/{name}", self.options)

    def make(self) -> None:
        """Make a local folder, for its owner alone, where there is none; other storages need none, or must have it."""
        with self._translated("", "made") as (storage, path):
            if _is_local(storage):
                Path(path).mkdir(mode=0o700, parents=True, exist_ok=True)

    def read(self, file: str, start: int | None = None, end: int | None = None) -> bytes:
        """The bytes of a file, or those from `start` to before `end`; MissingError where it is not there."""
        with self._translated(file, "read") as (storage, path):
            content: bytes = storage.cat_file(path, start, end)
            return content

    def files(self) -> set[str]:
        """The names of what is in it now; MissingError where it is not there."""
        with self._translated("", "read") as (storage, path):
            storage.invalidate_cache()  # others may have written meanwhile
            return {PurePosixPath(each).name for each in storage.ls(path, detail=False)}

    def size(self, file: str) -> int:
        """How many bytes a file has; MissingError where it is not there."""
        with self._translated(file, "read") as (storage, path):
            return int(storage.size(path))

    def write(self, file: str, content: bytes) -> None:
        """Write a file whole, for its owner alone, in place of one that was there; after an error that one stays."""
        with self._translated(file, "written") as (storage, path):
            if _is_local(storage):
                with written_whole(Path(path)) as new:
                    new.write_bytes(content)
            else:
                storage.pipe_file(path, content)  # which shows on stores of objects when all of it has arrived

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep out whoever asks for the same meanwhile, where the folder is local and its file system has locks."""
        with self._translated("", "locked") as (storage, path):
            handle = os.open(path, os.O_RDONLY) if _is_local(storage) and os.name == "posix" else None
        if handle is None:
            yield
            return
        try:
            _lock(handle, held=True)
            yield
        finally:
            _lock(handle, held=False)  # for closing is not enough where a process was forked meanwhile
            os.close(handle)

    def delete(self, file: str) -> None:
        """Delete a file; MissingError where it is not there."""
        with self._translated(file, "deleted") as (storage, path):
            storage.rm_file(path)

    def clear(self) -> None:
        """Delete the folder and all that is in it, where it is there."""
        with suppress(MissingError), self._translated("", "deleted") as (storage, path):
            storage.rm(path, recursive=True)

    @contextmanager
    def _translated(self, file: str, done: str) -> Iterator[tuple[Any, str]]:
        """The storage, and the path of a file on it; whatever the storage raises becomes a GalleryError."""
        whole = f"{self.name}/{file}".rstrip("/")
        try:
            storage, path = find_storage(self.url, self.options)
            yield storage, f"{path.rstrip('/')}/{file}".rstrip("/")
        except ImportError:  # of the package for this storage
            raise
        except FileNotFoundError as error:
            raise MissingError(f"{whole} cannot be {done}: there is no such file or folder") from error
        except Exception as error:  # each storage has errors of its own
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise GalleryError(f"{whole} cannot be {done}: {reason}") from error


class Ranges(io.RawIOBase):
    """A file of a folder, of so many bytes, of which only those are read from the storage that are asked for."""

    def __init__(self, folder: Folder, file: str, size: int) -> None:
        self._folder, self._file, self._size, self._at = folder, file, size, 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go elsewhere."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read the next bytes; GalleryError where the storage does not give them."""
        end = min(self._at + len(buffer), self._size)
        if end <= self._at:
            return 0
        content = self._folder.read(self._file, self._at, end)
        if len(content) != end - self._at:
            raise GalleryError(f"{self._folder.name}/{self._file} is damaged: it ends before its {self._size} bytes")
        buffer[: len(content)] = content
        self._at = end
        return len(content)


def find_storage(url: str, options: dict[str, Any]) -> tuple[Any, str]:
    """The storage of a URL, as fsspec has it, and the path there; ModuleNotFoundError without fsspec."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise ModuleNotFoundError("shards need fsspec: pip install 'faceprint[shards]'") from error
    found: tuple[Any, str] = url_to_fs(url, **options)
    return found


def _lock(handle: int, *, held: bool) -> None:
    import fcntl  # which not every system has

    with suppress(OSError):  # of a network file system without locks
        fcntl.flock(handle, fcntl.LOCK_EX if held else fcntl.LOCK_UN)


def _is_local(storage: Any) -> bool:
    from fsspec.implementations.local import LocalFileSystem

    return isinstance(storage, LocalFileSystem)
