"""Galleries whose file is exchanged or removed: refused, never mixed with the journal of another."""

import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest

from faceprint import Gallery, GalleryError

KILLED = """
import os, signal, sys
import numpy as np
from faceprint import Gallery
gallery = Gallery(sys.argv[1], key=sys.argv[2] or None)
gallery.add(np.eye(8, dtype=np.float32), labels=["old"] * 8)
gallery.compact()
gallery.add(np.eye(8, dtype=np.float32), labels=["old"] * 8)
os.kill(os.getpid(), signal.SIGKILL)
"""
MOVED = "was exchanged or removed while it was open: open it again"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "people.faceprint"


def make(path, x, label, key=None):
    with Gallery(path, key=key) as gallery:
        gallery.add(x, labels=[label] * len(x))


def leave_journal(path, key=""):
    """What a writer leaves that is killed."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), key], timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert path.with_name(f"{path.name}-wal").stat().st_size > 0


def remove_journal(path):
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink()


@pytest.mark.parametrize("exchanged", [False, True])
def test_a_file_that_is_no_longer_there_is_refused(unit_rows, path, exchanged, monkeypatch):
    x = unit_rows(3)
    make(path.with_name("other"), x, "new")
    monkeypatch.chdir(path.parent)
    gallery = Gallery(path.name)
    gallery.add(x, labels=["old"] * 3)
    monkeypatch.chdir("/")
    assert gallery.add(x).tolist() == [3, 4, 5]  # in another working directory, too
    if exchanged:
        path.with_name("other").replace(path)
    else:
        path.unlink()
    for call in (lambda: gallery.add(x), lambda: gallery.remove(label="old"), lambda: len(gallery), gallery.compact):
        with pytest.raises(GalleryError, match=rf"^gallery people\.faceprint {MOVED}$"):
            call()
    gallery.close()
    with pytest.raises(GalleryError, match="is closed"):
        len(gallery)


@pytest.mark.parametrize("written_back", [False, True])
def test_a_file_that_another_was_copied_over_is_refused(unit_rows, path, written_back):
    x = unit_rows(3)
    make(path.with_name("other"), x, "new")
    make(path, x, "old")
    with Gallery(path) as gallery:
        if not written_back:
            gallery.add(x, labels=["old"] * 3)
        shutil.copyfile(path.with_name("other"), path)
        before = path.read_bytes()
        for call in (lambda: gallery.add(x), lambda: len(gallery), lambda: len(gallery)):
            with pytest.raises(GalleryError, match=f"^gallery {path} {MOVED}$"):
                call()
    assert path.read_bytes() == before
    if not written_back:
        with pytest.raises(GalleryError, match="has the journal of another gallery beside it"):
            Gallery(path)
    remove_journal(path)
    with Gallery(path) as again:
        assert again.labels.tolist() == ["new"] * 3


def test_a_gallery_may_be_made_anew_where_one_was_removed(unit_rows, path):
    x = unit_rows(3)
    gallery = Gallery(path)
    gallery.add(x, labels=["old"] * 3)
    path.unlink()
    make(path, x[:2], "new")
    with pytest.raises(GalleryError, match=MOVED):
        gallery.add(x)
    gallery.close()
    with Gallery(path) as again:
        assert again.labels.tolist() == ["new", "new"]


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("killed", [False, True])
def test_the_journal_of_another_gallery_is_refused_and_left_out_of_the_file(unit_rows, path, killed, read_only):
    x, gallery = unit_rows(3), None
    make(path.with_name("other"), x, "new")
    if killed:
        leave_journal(path)
    else:
        gallery = Gallery(path)
        gallery.add(x, labels=["old"] * 3)
    path.with_name("other").replace(path)
    before = path.read_bytes()
    said = (
        f"gallery {path} has the journal of another gallery beside it, for it was exchanged while it was open, or "
        f"after a crash: close it everywhere, then remove {path}-wal and its -shm"
    )
    for _ in range(2):
        with pytest.raises(GalleryError, match=f"^{re.escape(said)}$"):
            Gallery(path, read_only=read_only)
    if gallery is not None:
        gallery.close()
    assert path.read_bytes() == before
    remove_journal(path)
    with Gallery(path) as again:
        assert again.labels.tolist() == ["new"] * 3


def test_the_journal_of_another_encrypted_gallery_is_refused_and_left_out_of_the_file(unit_rows, path):
    make(path.with_name("other"), unit_rows(3), "new", "secret")
    leave_journal(path, "secret")
    path.with_name("other").replace(path)
    before = path.read_bytes()
    with pytest.raises(GalleryError, match="is not a gallery, is damaged, or is encrypted with another key"):
        Gallery(path, key="secret")
    assert path.read_bytes() == before
    remove_journal(path)
    with Gallery(path, key="secret") as again:
        assert again.labels.tolist() == ["new"] * 3


@pytest.mark.parametrize("key", ["", "secret"])
def test_a_journal_of_its_own_is_read(path, key):
    leave_journal(path, key)
    with Gallery(path, key=key or None) as gallery:
        assert gallery.ids.tolist() == list(range(16))


def test_galleries_that_were_made_without_a_number_are_opened(unit_rows, path):
    x = unit_rows(3)
    make(path, x, "old")
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone()[0] >= 257
        database.execute("PRAGMA user_version = 1")
    with Gallery(path) as one, Gallery(path) as two:
        one.add(x)
        assert len(two) == 6
        with Gallery(path, read_only=True) as three:
            np.testing.assert_array_equal(three.embeddings(), np.concatenate([x, x]))
