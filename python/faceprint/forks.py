"""What a fork inherits, and waits for: files that SQLite has open, and locks that it holds while a thread asks it."""

import os
import threading
import weakref
from time import monotonic, sleep
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .database import Database

RETRY = 0.005  # seconds between looks at other threads
IDLE = 0.2  # seconds that a fork waits for other threads to be out of SQLite

asking: "set[Database]" = set()  # those of which calls of SQLite have not returned
creating = threading.RLock()  # or a thread would close a file that another has open by then, and end SQLite's locks
_files: "set[weakref.ref[Database]]" = set()


def remember(file: "Database") -> None:
    """Count it among those that are open, until nobody holds it any more."""
    _files.add(weakref.ref(file, _files.discard))


def opened() -> "list[Database]":
    """All that this process has opened, or had when it was forked."""
    return [found for found in [reference() for reference in list(_files)] if found is not None]


def _wait_to_fork() -> None:
    """A child is without the other threads: what they are at never ends there, nor do the locks that SQLite has."""
    creating.acquire()
    give_up = monotonic() + IDLE
    while not all(file.inherited for file in list(asking)) and monotonic() < give_up:
        sleep(RETRY)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_wait_to_fork, after_in_parent=creating.release, after_in_child=creating.release)
