"""Galleries in files that are forked, copied or removed while they are open: what goes on, and what is told."""

import os
import resource
import signal
import threading
import time
import traceback
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from faceprint import Gallery, GalleryError, held

LOST = (
    "lost its journal while it was open, as it does where the process that has it open reads or copies the file in "
    "another way: open it again"
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "people.faceprint"


def fork(call):
    """Start a child that calls it, and give what waits for it: 0 where it returns, -14 (SIGALRM) where it hangs."""
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        try:
            call()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return lambda: os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@contextmanager
def refused(path, told):
    """What is called inside is a GalleryError of the gallery there, in these words."""
    with pytest.raises(GalleryError) as raised:
        yield
    assert str(raised.value) == f"gallery {path} {told}"


@pytest.mark.parametrize("call", [len, lambda gallery: gallery.add(np.eye(4, dtype=np.float32)), Gallery.compact])
def test_a_process_that_was_forked_must_open_it_itself(call, unit_rows, path):
    def look():
        with refused(path, "was opened before this process was forked: open it here"):
            call(gallery)

    with Gallery(path) as gallery:
        gallery.add(unit_rows(3, 4))
        assert fork(look)() == 0
        lock, gallery._held.lock = gallery._held.lock, threading.Lock()  # another thread's, which is not in the child
        with gallery._held.lock:
            assert fork(look)() == 0
            assert fork(gallery.close)() == 0
        gallery._held.lock = lock
        assert len(gallery) == 3


def test_what_a_forked_process_stores_outlasts_its_end(unit_rows, path):
    """SQLite, with what the child inherited, had let the other remove the journal that the child goes on writing."""
    reads, writes = zip(os.pipe(), os.pipe(), strict=True)
    gallery = Gallery(path)
    gallery.add(unit_rows(3))

    def store():
        own = Gallery(path)
        own.add(unit_rows(2))
        os.write(writes[0], b"opened")
        os.read(reads[1], 1)
        own.add(unit_rows(1))  # and ends without closing it

    wait = fork(store)
    os.close(writes[0])  # so that the next line ends where the child does not write
    os.read(reads[0], 6)
    gallery.close()
    os.write(writes[1], b"closed")
    assert wait() == 0
    for end in (*reads, writes[1]):
        os.close(end)
    with Gallery(path) as gallery:
        assert len(gallery) == 6


@pytest.mark.parametrize(("read_only", "call"), [(False, lambda gallery: gallery.remove(ids=[0])), (True, len)])
def test_a_journal_that_was_removed_is_noticed(unit_rows, path, read_only, call):
    """Whoever closes a file gives up all locks of its process on it, SQLite's, too, which had kept the journal."""
    with Gallery(path) as gallery:
        gallery.add(unit_rows(3))
    with Gallery(path, read_only=read_only) as gallery:
        assert len(gallery) == 3
        path.read_bytes()
        assert fork(lambda: Gallery(path).close())() == 0
        Path(f"{path}-wal").unlink(missing_ok=True)  # which a newer SQLite, such as 3.53, leaves there
        with refused(path, LOST):
            call(gallery)
    with Gallery(path) as gallery:
        gallery.add(unit_rows(1))
        assert len(gallery) == 4


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("", "was exchanged or removed while it was open: open it again"),
        ("-wal", LOST),
    ],
)
def test_what_went_into_a_file_that_is_gone_is_no_success(unit_rows, path, monkeypatch, end, told):
    write = held.Held._write_state

    def remove(self):
        write(self)
        Path(f"{path}{end}").unlink()

    with Gallery(path) as gallery:
        gallery.add(unit_rows(3))
        monkeypatch.setattr(held.Held, "_write_state", remove)
        with refused(path, told):
            gallery.add(unit_rows(1))


@pytest.fixture
def making(path, monkeypatch):
    """A thread that is making the file, and still has it open: for half a second, or until this lets it end."""
    close, made, go_on = os.close, threading.Event(), threading.Event()

    def close_late(handle):
        if threading.current_thread() is thread:
            made.set()
            go_on.wait(0.5)
        close(handle)

    monkeypatch.setattr(os, "close", close_late)
    thread = threading.Thread(target=lambda: Gallery(path).close())
    thread.start()
    made.wait()

    def end():
        go_on.set()
        thread.join()

    yield end
    end()


def test_a_thread_that_makes_a_file_takes_no_locks_from_another(unit_rows, path, making):
    """Whoever closes a file gives up SQLite's locks, too, and then another process would remove the journal."""
    with Gallery(path) as gallery:
        gallery.add(unit_rows(3))
        making()
        assert fork(lambda: Gallery(path).close())() == 0
        gallery.add(unit_rows(1))
        assert len(gallery) == 4


@pytest.mark.usefixtures("making")
def test_a_fork_while_a_thread_makes_a_file(path):
    assert fork(lambda: Gallery(path.with_name("other")).close())() == 0


@pytest.mark.parametrize("filed", [True, False])  # for all have one memory, and its lock
def test_a_fork_waits_until_other_threads_are_out_of_sqlite(path, filed):
    asked, ended = threading.Event(), []

    def ask():
        with gallery._held.store._translated():
            asked.set()
            time.sleep(0.05)
            ended.append(True)

    def look():
        Gallery(path).close()
        assert ended

    with Gallery(path if filed else None) as gallery:
        thread = threading.Thread(target=ask)
        thread.start()
        asked.wait()
        assert fork(look)() == 0
        thread.join()


@pytest.mark.parametrize("left", [0, 1, 2])
def test_too_many_open_files_are_told_of(path, left):
    def look():
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        taken = []
        with suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        for handle in taken[:left]:
            os.close(handle)
        with refused(path, "cannot be opened: Too many open files"):
            Gallery(path)

    Gallery(path).close()
    assert fork(look)() == 0


@pytest.mark.parametrize(("key", "wrong"), [(bytes(32), None), (None, bytes(32))])
def test_a_key_that_is_forgotten_takes_no_locks_away(unit_rows, path, key, wrong):
    """SQLite and SQLCipher know nothing of each other's in one process."""
    with Gallery(path, key=key) as gallery:
        gallery.add(unit_rows(3))
        with refused(path, "is open in this process with another key"):
            Gallery(path, key=wrong)
        assert fork(lambda: Gallery(path, key=key).close())() == 0
        gallery.add(unit_rows(1))
        assert len(gallery) == 4


@pytest.mark.parametrize("at_it", [held.Held.changing, lambda held: held.store._translated()])
def test_a_fork_in_the_midst_of_a_change_does_not_open_the_file(unit_rows, path, at_it):
    """Nor in the midst of a call of SQLite, which the child would wait for in vain: its thread is not there."""

    def look():
        with refused(path, "was being read or changed as this process was forked: start anew"):
            Gallery(path)

    with Gallery(path) as gallery:
        with at_it(gallery._held):
            assert fork(look)() == 0
        gallery.add(unit_rows(3))
        assert len(gallery) == 3
