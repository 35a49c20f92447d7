"""Backups of galleries: all that the file holds at one moment, in a file of its own, or an error and no file."""

import os
import shutil
import stat
import subprocess
import threading

import numpy as np
import pytest

from faceprint import Gallery, GalleryError, database


@pytest.fixture
def path(tmp_path):
    return tmp_path / "people.faceprint"


@pytest.fixture
def copy(tmp_path):
    return tmp_path / "copy.faceprint"


def told(gallery):
    return [(entry.id, entry.label, entry.metadata, entry.photo, entry.quality) for entry in gallery.iterate()]


@pytest.mark.parametrize("key", [None, "a passphrase", bytes(range(32))])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_backup_has_everything(unit_rows, path, copy, key, read_only):
    x = unit_rows(300, 8)
    with Gallery(path, storage="int8", key=key) as gallery:
        gallery.add(
            x, [f"person {i // 2}" for i in range(300)], metadata=[{"n": i} for i in range(300)], quality=[0.5] * 300
        )
        gallery.remove(label="person 7")
        gallery.calibrate([0.5])
        mask = os.umask(0)
        try:
            with Gallery(path, key=key, read_only=read_only) as source:
                source.backup(copy)
        finally:
            os.umask(mask)
        assert {file.name for file in path.parent.glob("*copy*")} == {"copy.faceprint"}
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        assert (b"person" in copy.read_bytes()) == (key is None)
        with Gallery(copy, key=key) as again:
            assert (told(again), again.calibration) == (told(gallery), gallery.calibration)
            np.testing.assert_array_equal(again.embeddings(), gallery.embeddings())
            again.remove(label="person 8")
            gallery.add(x[:1], ["Ann"])
            assert (len(again), len(gallery)) == (296, 299)
        gallery.backup(copy)  # in place of what is there
    with Gallery(copy, key=key, read_only=True) as again:
        assert again.labels[-1] == "Ann"


def test_a_backup_is_of_one_moment(unit_rows, path, copy, monkeypatch):
    monkeypatch.setattr(database, "STEP", 1)
    x, done = unit_rows(500, 128), threading.Event()

    def change():
        with Gallery(path) as other:
            while not done.is_set():
                ids = other.add(x, ["Ann", "Ben"] * 250)
                other.remove(ids=ids[:400])

    with Gallery(path) as gallery:
        gallery.add(x[:2], ["Ann", "Ben"])
        writer = threading.Thread(target=change)
        writer.start()
        try:
            for _ in range(10):
                gallery.backup(copy)
                with Gallery(copy, read_only=True) as again:
                    assert len(again) % 100 == 2
                    assert again.labels.tolist() == ["Ann", "Ben"] * (len(again) // 2)
        finally:
            done.set()
            writer.join()


def test_a_backup_that_is_interrupted_leaves_what_was(unit_rows, path, copy, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    with Gallery(path) as gallery:
        gallery.add(unit_rows(3, 4))
        gallery.backup(copy)
        gallery.add(unit_rows(3, 4))
        with monkeypatch.context() as patch:
            patch.setattr("secrets.randbelow", interrupt)
            with pytest.raises(KeyboardInterrupt):
                gallery.backup(copy)
        assert {file.name.partition("-")[0] for file in path.parent.iterdir()} == {path.name, copy.name}
        with Gallery(copy) as again:
            assert len(again) == 3
        assert len(gallery) == 6


def test_the_journal_of_its_gallery_is_not_taken_for_that_of_a_backup(unit_rows, path, copy, tmp_path):
    place = tmp_path / "other"
    place.mkdir()
    with Gallery(path) as gallery:
        gallery.add(unit_rows(3, 4))
        gallery.backup(copy)
        gallery.add(unit_rows(1, 4))
        subprocess.run(["cp", f"{path}-wal", place / f"{path.name}-wal"], check=True)
    shutil.copy(copy, place / path.name)
    with pytest.raises(GalleryError, match="has the journal of another gallery beside it"):
        Gallery(place / path.name)
    (place / f"{path.name}-wal").unlink()
    with Gallery(place / path.name) as again:
        assert len(again) == 3


def test_who_has_a_gallery_open_notices_a_backup_in_its_place(unit_rows, path, copy):
    with Gallery(path) as gallery, Gallery(copy) as other:
        gallery.add(unit_rows(3, 4))
        gallery.backup(copy)
        with pytest.raises(GalleryError, match=r"copy\.faceprint was exchanged or removed while it was open"):
            len(other)


def test_backups_that_are_refused(unit_rows, path, copy, tmp_path):
    (tmp_path / "link.faceprint").symlink_to(path)
    with Gallery(path) as gallery:
        gallery.add(unit_rows(3, 4))
        for target, text in (
            (path, f"a backup must be another file than the gallery, not {path}"),
            (tmp_path / "link.faceprint", "a backup must be another file than the gallery, not .*link.faceprint"),
            (tmp_path, f"{tmp_path} cannot be written: Is a directory"),
            (tmp_path / "no" / "x.faceprint", ".*x.faceprint cannot be written: No such file or directory"),
        ):
            with pytest.raises(GalleryError, match=f"^{text}$"):
                gallery.backup(target)
        assert len(gallery) == 3
        assert {file.name.partition("-")[0] for file in tmp_path.iterdir()} == {path.name, "link.faceprint"}
    with pytest.raises(GalleryError, match="is closed"):
        gallery.backup(copy)
    with pytest.raises(GalleryError, match=r"^a gallery in memory has no file to make a backup of: export it$"):
        Gallery().backup(copy)
    for wrong, error, text in (
        (3, TypeError, "path must be a str or a path, not int"),
        ("", ValueError, "path must be some"),
    ):
        with pytest.raises(error, match=f"^{text}"):
            Gallery().backup(wrong)
    assert not copy.exists()
