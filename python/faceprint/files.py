"""Files that are read: regular ones alone, for a device has no end and a pipe may be waited for, up to a limit."""

import errno
import os
import stat
from typing import BinaryIO

from .errors import FaceprintError


class TooLargeError(ValueError):
    """A file of more bytes than its reader takes."""


def open_regular(path: "str | os.PathLike[str]") -> BinaryIO:
    """Open a file to be read; OSError as `open` raises it, and for a device or a pipe.

    >>> open_regular(os.devnull)
    Traceback (most recent call last):
    OSError: [Errno 22] it is a device or a pipe, not a file: '/dev/null'
    """
    file = open(path, "rb", opener=_open_at_once)  # noqa: SIM115 - Path.open takes no opener
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(errno.EINVAL, "it is a device or a pipe, not a file", os.fspath(path))


def read_limited(path: "str | os.PathLike[str]", name: str, limit: int) -> bytes:
    """The bytes of a file; TooLargeError, which calls it `name`, where they are more than `limit`, else OSError."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise TooLargeError(f"{name} has {size} bytes; the limit is {limit}")
        return file.read(size)


def read_named(path: "str | os.PathLike[str]", name: str, limit: int, kind: type[FaceprintError]) -> bytes:
    """As `read_limited`, with an error of this `kind` for whatever goes wrong.

    >>> read_named("nobody.jpg", "photo nobody.jpg", 100, FaceprintError)
    Traceback (most recent call last):
    faceprint.errors.FaceprintError: photo nobody.jpg does not exist
    """
    try:
        return read_limited(path, name, limit)
    except TooLargeError as error:
        raise kind(str(error)) from None
    except FileNotFoundError:
        raise kind(f"{name} does not exist") from None
    except OSError as error:
        raise kind(f"{name} cannot be read: {error.strerror}") from error
    except ValueError as error:  # a NUL in the path
        raise kind(f"{name} cannot be read: {error}") from error


def _open_at_once(path: str, flags: int) -> int:
    """Without waiting for somebody who writes into a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
