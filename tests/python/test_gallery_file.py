"""Galleries in files: everything is there again, others see it, and what is damaged or refused does no harm."""

import os
import re
import shutil
import sqlite3
import stat
import sys
import tempfile
import threading
import traceback
import zlib
from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from faceprint import Embedded, Gallery, GalleryError, Shards, Upgrade
from faceprint.store import CHUNK, Store


@pytest.fixture
def path(tmp_path):
    return tmp_path / "people.faceprint"


def assert_same(gallery, other, probes):
    assert gallery.ids.tolist() == other.ids.tolist()
    assert gallery.labels.tolist() == other.labels.tolist()
    np.testing.assert_array_equal(gallery.quality, other.quality)
    np.testing.assert_array_equal(gallery.embeddings(), other.embeddings())
    found, again = gallery.search(probes, k=5), other.search(probes, k=5)
    np.testing.assert_array_equal(found.distances, again.distances)
    np.testing.assert_array_equal(found.ids, again.ids)


@pytest.mark.parametrize("read_only", [False, True])
def test_functions_that_a_file_brings_along_are_not_called(unit_rows, path, read_only):
    with Gallery(path) as gallery:
        gallery.add(unit_rows(2, 12))
    with Gallery(path, read_only=read_only) as gallery:
        assert gallery._held.store._one("PRAGMA trusted_schema") == 0


def test_each_change_waits_for_the_disk_itself(path):
    """Which on macOS is more than to wait until the disk was told."""
    for _ in ("made", "opened"):
        with Gallery(path) as gallery:
            assert [gallery._held.store._one(f"PRAGMA {name}") for name in ("synchronous", "fullfsync")] == [2, 1]


@pytest.mark.parametrize("storage", ["float32", "float16", "int8"])
def test_everything_is_there_again(unit_rows, path, storage):
    x = unit_rows(3 * CHUNK + 100, 12)
    with Gallery(path, storage=storage) as gallery:
        gallery.add(x[:50], labels=[f"person {i % 7}" for i in range(50)], quality=np.linspace(0, 1, 50))
        gallery.add(x[50:51], metadata=[{"album": "Ä", "year": 1999}], photos=["a.jpg"])
        gallery.add(x[51:])
        gallery.remove(label="person 3")
        gallery.remove(ids=[60, 5000])
        with Gallery(path) as other:
            assert other.storage == storage
            assert_same(gallery, other, x[:20])
            assert (other.add(x[:1]), gallery.add(x[:1])) == (len(x), len(x) + 1)
            entries = list(other.iterate({"id": [50, 51]}))
    assert (entries[0].metadata, entries[0].photo) == ({"album": "Ä", "year": 1999}, "a.jpg")
    assert (entries[1].metadata, entries[1].photo, entries[1].quality) == (None, None, None)


def test_a_file_gives_the_answers_of_memory(unit_rows, path):
    x, kept = unit_rows(300, 16), Gallery()
    with Gallery(path) as gallery:
        for some in (gallery, kept):
            for start in range(0, 300, 7):
                some.add(x[start : start + 7], labels=[f"{(start + i) % 11}" for i in range(len(x[start : start + 7]))])
            some.remove(ids=range(3, 300, 5))
            some.update([0, 1], labels=["Ann", None])
            some.rename("2", "Ben")
            some.merge(["3", "4"], "5")
            some.merge(["6"], "new")
        assert_same(gallery, kept, x[:9])
        gallery.compact()
        assert_same(gallery, kept, x[:9])
        with Gallery(path) as other:
            assert_same(other, kept, x[:9])


def test_others_see_each_change_with_their_next_call(unit_rows, path):
    x = unit_rows(2 * CHUNK, 4)
    with Gallery(path) as one, Gallery(path) as two:
        one.add(x, labels=["Ann"] * len(x))
        assert len(two) == len(x)
        two.remove(ids=[0, CHUNK + 3])
        assert one.ids[0] == 1
        assert len(one) == len(x) - 2
        one.rename("Ann", "Ben")
        assert set(two.labels) == {"Ben"}
        two.update([1], labels=["Cy"], metadata=[{"a": 1}])
        assert one.labels[0] == "Cy"
        assert next(one.iterate({"a": 1})).id == 1
        two.add(x[:3])
        assert one.ids[-1] == len(x) + 2
        assert_same(one, two, x[:3])


@pytest.mark.parametrize("gone", [[0], [CHUNK], [0, 2 * CHUNK], list(range(CHUNK))])
def test_compacted_files_of_many_chunks_are_there_again(unit_rows, path, gone):
    x, kept = unit_rows(3 * CHUNK + 7, 4), Gallery()
    with Gallery(path) as gallery, Gallery(path) as other:
        for some in (gallery, kept):
            some.add(x)
            some.remove(ids=gone)
            some.compact()
        assert_same(other, kept, x[:3])
        with Gallery(path) as again:
            assert_same(again, kept, x[:3])


class Word(str):
    """A text that shows itself as something else."""

    def __repr__(self):
        return "Word"


@pytest.mark.parametrize("kind", [np.str_, Word])
def test_texts_of_other_kinds_are_texts(unit_rows, path, kind):
    with Gallery(path) as gallery:
        network = Embedded(unit_rows(3, 4), kind("net"), kind("old"))
        photos, metadata = [kind("a.jpg"), None, None], [{}, {}, {kind("a"): kind("b")}]
        gallery.add(network, [kind("Ann"), kind("Ben"), None], photos=photos, metadata=metadata)
        assert [type(label) for label in gallery.labels] == [str, str, type(None)]
        gallery.update([1], labels=[kind("Cy")], photos=[kind("b.jpg")])
        gallery.rename(kind("Ann"), kind("Anna"))
        gallery.merge([kind("Cy")], kind("Di"))
    with Gallery(path) as gallery:
        told = [(entry.label, entry.photo, entry.metadata) for entry in gallery.iterate()]
        assert told == [("Anna", "a.jpg", {}), ("Di", "b.jpg", {}), (None, None, {"a": "b"})]
        assert (gallery.fingerprint, gallery.sources) == ("net", {"old"})
        assert len(list(gallery.iterate({"label": kind("Anna"), "photo": kind("a.jpg")}))) == 1


def test_what_no_file_could_hold_is_refused_before_it_is_written(unit_rows, path):
    with Gallery(path) as gallery:
        gallery.add(unit_rows(1, 4), ["Ann"])
        for network in (3, gallery, Path("x")):
            with pytest.raises(TypeError, match=rf"^fingerprint must be a str, not {type(network).__name__}$"):
                Embedded(unit_rows(1, 4), network)
            with pytest.raises(TypeError, match=rf"^upgraded_from must be a str, not {type(network).__name__}$"):
                Embedded(unit_rows(1, 4), None, network)
        with pytest.raises(ValueError, match=r"^fingerprint 3$"), gallery._held.changing():
            gallery._held.come_from(3, [])
    with Gallery(path) as gallery:
        assert gallery.labels.tolist() == ["Ann"]


def test_sums_are_the_same_in_every_python(unit_rows, path):
    """Whatever its tables of Unicode take for characters that may be shown."""
    label, photo = "\U00031350 O'Brien \\ \x07 \U0010ffff", "\U0001fae8.jpg"
    with Gallery(path) as gallery:
        gallery.add(unit_rows(1, 4), [label], photos=[photo])
    with closing(sqlite3.connect(path)) as file, file:
        told = zlib.crc32(b"\0", zlib.crc32(f"'{label}'".encode(), zlib.crc32(b"0\0")))
        assert file.execute("SELECT crc FROM people").fetchall() == [(told,)]
        shown = zlib.crc32(b"\0", zlib.crc32(repr(label).encode(), zlib.crc32(b"0\0")))  # as it was once
        assert shown != told
        file.execute("UPDATE people SET crc = ?", (shown,))
    with Gallery(path) as gallery:
        assert gallery.labels.tolist() == [label]
        assert [entry.photo for entry in gallery.iterate()] == [photo]


def test_a_backup_of_as_many_changes_is_followed(unit_rows, path, tmp_path):
    x, copied = unit_rows(4, 4), tmp_path / "copy.faceprint"
    with Gallery(path) as gallery:
        gallery.add(x[:1], ["Ann"])
    shutil.copy(path, copied)
    with Gallery(copied) as other:
        other.add(x[1:2], ["Ben"])
    with Gallery(path) as gallery:
        gallery.add(x[2:3], ["Cy"])
        index = gallery.approximate()
        assert index.search(x[2:3], k=1).labels.item() == "Cy"
        with closing(sqlite3.connect(copied)) as source, closing(sqlite3.connect(path)) as target:
            source.backup(target)
        assert gallery.labels.tolist() == ["Ann", "Ben"]
        np.testing.assert_array_equal(gallery.embeddings(), x[:2])
        gallery.remove(label="Ann")
    with Gallery(path) as gallery:
        np.testing.assert_array_equal(gallery.embeddings(), x[1:2])


def test_only_the_owner_may_read_it(unit_rows, path):
    mask = os.umask(0)
    try:
        with Gallery(path) as gallery:
            gallery.add(unit_rows(3))
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(mask)
    assert set(modes) == {path.name, f"{path.name}-wal", f"{path.name}-shm"}
    assert set(modes.values()) == {0o600}


def test_one_writer_at_a_time(unit_rows, path):
    with Gallery(path, wait=0.05) as gallery:
        gallery.add(unit_rows(3))
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(GalleryError, match=r"is being changed elsewhere, and still was after 0.05 s"):
            gallery.add(unit_rows(1))
        assert len(gallery.search(unit_rows(1), k=2)) == 1  # readers go on
        other.execute("ROLLBACK")
        other.close()
        assert gallery.add(unit_rows(1)).tolist() == [3]


def test_writers_in_threads_lose_nothing(unit_rows, path):
    x = unit_rows(40, 8)
    Gallery(path).close()

    def work(part):
        with Gallery(path, wait=60) as own:
            for row in x[part::4]:
                own.add(row[None], labels=[f"thread {part}"])

    threads = [threading.Thread(target=work, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Gallery(path) as gallery:
        assert gallery.ids.tolist() == list(range(40))
        for part in range(4):
            np.testing.assert_array_equal(gallery.embeddings()[gallery.labels == f"thread {part}"], x[part::4])


def test_many_may_make_it_at_once(unit_rows, path):
    x = unit_rows(8, 8)

    def work(part):
        with Gallery(path, wait=60) as own:
            own.add(x[part : part + 1])

    for _ in range(5):
        threads = [threading.Thread(target=work, args=(part,)) for part in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with Gallery(path) as gallery:
            assert len(gallery) == 8
        path.unlink()


def test_another_that_makes_it_just_now_is_waited_for(path, monkeypatch):
    run, refused = Store._run, []

    def busy(self, statement, *values):
        if statement == "PRAGMA journal_mode = WAL" and len(refused) < 3:
            refused.append(statement)
            raise GalleryError("busy") from sqlite3.OperationalError("database is locked")
        return run(self, statement, *values)

    monkeypatch.setattr(Store, "_run", busy)
    with pytest.raises(GalleryError, match=r"^busy$"):
        Gallery(path, wait=0)
    assert len(refused) == 1
    with Gallery(path, wait=60):
        assert len(refused) == 3


def test_a_refused_call_changes_nothing(unit_rows, path):
    x = unit_rows(5, 8)
    with Gallery(path) as gallery:
        gallery.add(x, labels=list("abcde"), metadata=[{"n": i} for i in range(5)])
        before = path.read_bytes()
        for call, error in (
            (lambda: gallery.add(unit_rows(1, 9)), "embeddings must have shape"),
            (lambda: gallery.add(x * np.float32(np.nan), labels=list("vwxyz")), "embeddings must be finite"),
            (lambda: gallery.add(x, metadata=[{"n": np.nan}] * 5), "metadata must be what JSON can hold"),
            (lambda: gallery.add(x, quality=[2] * 5), r"quality must lie in \[0, 1\]"),
            (lambda: gallery.update([0, 0], labels=["x", "y"]), "ids must differ"),
            (lambda: gallery.rename("a", "b"), "new must be a label that nobody has"),
            (lambda: gallery.rename("z", "y"), "nobody is called 'z'"),
            (lambda: gallery.merge(["a", "z"], "b"), "nobody is called 'z'"),
        ):
            with pytest.raises((ValueError, GalleryError), match=error):
                call()
        assert gallery.labels.tolist() == list("abcde")
        np.testing.assert_array_equal(gallery.embeddings(), x)
        assert path.read_bytes() == before
        assert gallery.add(x[:1]).tolist() == [5]


def test_nothing_is_stored_where_the_disk_is_full(unit_rows, path):
    x = unit_rows(4000, 64)
    with Gallery(path) as gallery:
        gallery.add(x[:10], labels=["Ann"] * 10)
        pages = gallery._held.store._one("PRAGMA page_count")
        gallery._held.store._one(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(GalleryError, match="the disk is full; nothing of this call was stored"):
            gallery.add(x, labels=["Ben"] * 4000)
        assert len(gallery) == 10
        assert gallery.search(x[:1], k=3).labels.tolist() == [["Ann"] * 3]
        assert gallery.add(x[:1]).tolist() == [10]
    with Gallery(path) as gallery:
        assert len(gallery) == 11


def test_read_only(unit_rows, path, tmp_path):
    with pytest.raises(GalleryError, match=r"people.faceprint does not exist"):
        Gallery(path, read_only=True)
    with Gallery(path) as gallery:
        gallery.add(unit_rows(3), labels=["Ann", "Ben", None])
    with Gallery(path, read_only=True) as gallery:
        assert gallery.search(unit_rows(1), k=1).labels.tolist() == [["Ann"]]
        with pytest.raises(GalleryError, match="was opened for reading only"):
            gallery.add(unit_rows(1))


def test_read_only_folder(unit_rows):
    x = unit_rows(3)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        child = os.fork()
        if child == 0:  # root may write everywhere, so it becomes nobody
            try:
                if os.geteuid() == 0:
                    os.setuid(65534)
                check_read_only_folder(Path(folder) / "own", x)
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def check_read_only_folder(folder, x):
    folder.mkdir()
    path = folder / "people.faceprint"
    with Gallery(path) as gallery:
        gallery.add(x, labels=["Ann", "Ben", None])
    folder.chmod(0o555)
    try:
        with Gallery(path, read_only=True) as gallery:
            assert gallery.search(x[:1], k=1).labels.tolist() == [["Ann"]]
        with pytest.raises(GalleryError, match=r"cannot be (opened|changed)"):
            Gallery(path).add(x)
        with pytest.raises(GalleryError, match="cannot be made: Permission denied"):
            Gallery(folder / "other")
    finally:
        folder.chmod(0o755)


def test_ids_end(unit_rows):
    gallery = Gallery()
    with gallery._held.changing():
        gallery._held.state = replace(gallery._held.state, next_id=2**62 - 2)
    assert gallery.add(unit_rows(2)).tolist() == [2**62 - 2, 2**62 - 1]
    said = f"^the gallery has no ids left for 1 faces: they end at {2**62}$"
    with pytest.raises(GalleryError, match=said):
        gallery.add(unit_rows(1))
    assert len(gallery) == 2


@pytest.mark.parametrize("key", [None, "a passphrase"])
def test_who_may_not_write_sees_what_others_do(unit_rows, path, key, monkeypatch):
    """Where no journal can be made, SQLite would take the file for one that nobody changes."""
    monkeypatch.setattr("faceprint.database.os.access", lambda *_: False)
    with Gallery(path, key=key) as gallery:
        gallery.add(unit_rows(3), labels=["Ann", "Ben", None])
    with Gallery(path, key=key, read_only=True) as reader:
        assert reader.labels.tolist() == ["Ann", "Ben", None]
        with Gallery(path, key=key) as gallery:
            gallery.remove(label="Ann")
            assert reader.labels.tolist() == ["Ben", None]
            gallery.compact()
            assert reader.labels.tolist() == ["Ben", None]
            gallery.rename("Ben", "Cy")
        assert reader.labels.tolist() == ["Cy", None]
        with Gallery(path, key=key) as gallery:
            gallery.add(unit_rows(1), labels=["Di"])
        assert reader.search(unit_rows(1), k=1).labels.tolist() == [["Di"]]
        assert [entry.label for entry in reader.iterate()] == ["Cy", None, "Di"]


def test_other_files_are_no_galleries(path):
    path.write_bytes(b"x" * 5000)
    with pytest.raises(GalleryError, match="is not a gallery, is damaged, or is encrypted"):
        Gallery(path)
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE other (x)")
    database.close()
    with pytest.raises(GalleryError, match="is not a gallery, but another SQLite database"):
        Gallery(path)
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA application_id = 0x46507274")
        database.execute("PRAGMA user_version = 9")
    database.close()
    with pytest.raises(GalleryError, match="has format 9; this version of faceprint reads format 1"):
        Gallery(path)
    with pytest.raises(GalleryError, match="cannot be made: No such file or directory"):
        Gallery(path.parent / "no folder" / "x")
    for read_only, done in ((False, "made"), (True, "opened")):
        with pytest.raises(GalleryError, match=f"^gallery x{{300}} cannot be {done}: File name too long$"):
            Gallery("x" * 300, read_only=read_only)
    with pytest.raises(GalleryError, match="cannot be"):
        Gallery(path.parent)


TEXT = "key must be 32 bytes or a passphrase: some text that UTF-8 can hold, without null characters"


RAW = "key must be 32 bytes or a passphrase, not digits after x', which SQLCipher takes for bytes"


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"key": b"abc"}, ValueError, "key must be 32 bytes or a passphrase, not 3 bytes"),
        ({"key": 3}, TypeError, "key must be 32 bytes or a passphrase, not int"),
        ({"key": ""}, ValueError, TEXT),
        ({"key": "a\0b"}, ValueError, TEXT),
        ({"key": "\ud800"}, ValueError, TEXT),
        ({"key": f"x'{'0f' * 32}'"}, ValueError, RAW),
        ({"key": f"X'{'0F' * 48}'"}, ValueError, RAW),
        ({"wait": "1"}, TypeError, "wait must be a number, not str"),
        ({"wait": np.nan}, ValueError, "wait must be seconds from 0 to 1,000,000, not nan"),
        ({"wait": -1}, ValueError, "wait must be seconds from 0 to 1,000,000, not -1"),
        ({"wait": np.inf}, ValueError, "wait must be seconds from 0 to 1,000,000, not inf"),
        ({"recipe": "sface"}, TypeError, "recipe must be a Recipe, not str"),
        ({"storage": "int4"}, ValueError, "storage must be 'float32', 'float16' or 'int8', not 'int4'"),
    ],
)
def test_a_refused_gallery_leaves_no_file(path, options, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        Gallery(path, **options)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        (3, TypeError, "must be a str or a path, not int"),
        (b"a.npz", TypeError, "must be a str or a path, not bytes"),
        ("", ValueError, "must be some text without null characters, not ''"),
        ("a\0b.npz", ValueError, "must be some text without null characters, not 'a\\x00b.npz'"),
    ],
)
def test_paths_that_are_none(wrong, error, text):
    gallery = Gallery()
    gallery.add(np.ones((1, 1), np.float32))
    for call in (Gallery, gallery.export, gallery.import_from, Upgrade.load):
        with pytest.raises(error, match=f"^path {re.escape(text)}$"):
            call(wrong)
    with pytest.raises(error, match=f"^url {re.escape(text)}$"):
        Shards(wrong)


def test_storage_must_be_that_of_the_file(path):
    Gallery(path, storage="int8").close()
    with pytest.raises(GalleryError, match="stores rows as int8, not as float32"):
        Gallery(path, storage="float32")


def test_flipped_bits_and_missing_ends_are_never_answered_from(unit_rows, path, tmp_path):
    x = unit_rows(700, 24)
    with Gallery(path) as gallery:
        gallery.add(x, labels=[f"person {i % 40}" for i in range(700)], photos=[f"{i}.jpg" for i in range(700)])
    whole, rng, refused = path.read_bytes(), np.random.default_rng(0), 0
    expected = [(f"person {i % 40}", f"{i}.jpg") for i in range(700)]
    copy = tmp_path / "damaged"
    for trial in range(150):
        damaged = bytearray(whole)
        if trial % 10 == 0:
            del damaged[int(rng.integers(1, len(whole))) :]
        else:
            damaged[int(rng.integers(len(whole)))] ^= 1 << int(rng.integers(8))
        copy.write_bytes(damaged)
        try:
            with Gallery(copy) as gallery:
                np.testing.assert_array_equal(gallery.search(x, k=1).ids[:, 0], np.arange(700))
                assert [(entry.label, entry.photo) for entry in gallery.iterate()] == expected
        except GalleryError as error:
            refused += str(copy) in str(error)
        for left in tmp_path.glob("damaged*"):
            left.unlink()
    assert refused > 15  # most bits of a small file are in pages' free space


def test_what_sqlite_says_of_damage_may_be_no_text(unit_rows, path):
    with Gallery(path) as gallery:
        gallery.add(unit_rows(3))
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE people", b"CREATE TABL\xff people"))
    with pytest.raises(GalleryError, match=r"gallery .* is damaged: .*can't decode byte 0xff"):
        Gallery(path)


@pytest.mark.parametrize(("patience", "closed"), [(60, True), (0, False)])
def test_the_end_of_python_waits_for_a_thread_that_uses_a_gallery(path, monkeypatch, patience, closed):
    monkeypatch.setattr("faceprint.database.PATIENCE", patience)
    gallery, used, ended = Gallery(path), threading.Event(), threading.Event()

    def use():
        with gallery._held.lock:
            used.set()
            ended.wait(0.2 if closed else None)

    user = threading.Thread(target=use)
    user.start()
    used.wait()
    gallery._held.store._finalizer()  # which Python calls as it ends
    ended.set()
    user.join()
    with pytest.raises(GalleryError, match=r"is closed$") if closed else nullcontext():
        len(gallery)
    gallery.close()


def test_encrypted(unit_rows, path):
    x, key = unit_rows(50, 16), bytes(range(32))
    with Gallery(path, key=key) as gallery:
        gallery.add(x, labels=["Rumpelstilzchen"] * 50)
        written = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"Rumpelstilzchen" not in written
    assert x[3].tobytes() not in written
    assert not path.read_bytes().startswith(b"SQLite format 3")
    with Gallery(path, key=key) as gallery:
        assert gallery.search(x[3:4], k=1).ids.tolist() == [[3]]
    for wrong in (bytes(32), "passphrase"):
        with pytest.raises(GalleryError, match=r"is encrypted with another key than was given$"):
            Gallery(path, key=wrong)
    with pytest.raises(GalleryError, match=r"is encrypted and needs its key: fp\.Gallery\(path, key=\.\.\.\)$"):
        Gallery(path)
    with Gallery(path.with_name("other"), key='a "passphrase"') as gallery:
        gallery.add(x)
    with Gallery(path.with_name("other"), key='a "passphrase"') as gallery:
        assert len(gallery) == 50


@pytest.mark.parametrize(
    ("code", "said", "meaning"),
    [
        ("SQLITE_BUSY_SNAPSHOT", "", "is being changed elsewhere, and still was after 0.5 s"),
        (None, "database is locked", "is being changed elsewhere, and still was after 0.5 s"),
        (None, "Cannot operate on a closed database.", "is closed"),
        ("SQLITE_FULL", "", "could not be written, for the disk is full; nothing of this call was stored"),
        (None, "database or disk is full", "could not be written, for the disk is full"),
        ("SQLITE_READONLY_DBMOVED", "", "cannot be changed: it, or its folder, is read-only"),
        ("SQLITE_PERM", "", "cannot be changed: it, or its folder, is read-only"),
        (None, "attempt to write a readonly database", "cannot be changed: it, or its folder, is read-only"),
        ("SQLITE_CANTOPEN", "", "cannot be opened: it, or its folder, must be there and open to writing"),
        (None, "unable to open database file", "cannot be opened: it, or its folder, must be there"),
        ("SQLITE_NOTADB", "", "is not a gallery, is damaged, or is encrypted and needs its key: "),
        (None, "file is not a database", "is not a gallery, is damaged, or is encrypted and needs its key: "),
        ("SQLITE_IOERR_WRITE", "x", "could not be read or written (x); nothing of this call was stored"),
        (None, "disk I/O error", "could not be read or written (disk I/O error)"),
        ("SQLITE_CORRUPT", "malformed", "is damaged: malformed"),
        (None, "malformed", "is damaged: malformed"),
    ],
)
def test_what_sqlite_says_is_put_into_words(path, code, said, meaning):
    """By the code of the error, or by its text where it has none."""
    error = sqlite3.OperationalError(said)
    if code:
        error.sqlite_errorname = code
    with Gallery(path, wait=0.5) as gallery, pytest.raises(GalleryError) as raised, gallery._held.store._translated():
        raise error
    assert str(raised.value).startswith(f"gallery {path} {meaning}")


def test_numbers_of_numpy_are_seconds_to_wait(path):
    with Gallery(path, wait=np.float32(0.5)) as one, Gallery(path, wait=np.int64(3)) as two:
        assert len(one) == len(two) == 0


def test_closed(unit_rows, path):
    for gallery in (Gallery(path), Gallery()):
        gallery.add(unit_rows(3))
        gallery.close()
        for call in (lambda: gallery.add(unit_rows(1)), lambda: gallery.search(unit_rows(1)), lambda: len(gallery)):  # noqa: B023
            with pytest.raises(GalleryError, match=r"(gallery .*people.faceprint|the gallery) is closed"):
                call()
        gallery.close()


def test_a_key_wants_sqlcipher(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sqlcipher3", None)
    with pytest.raises(ModuleNotFoundError, match=r"^a key needs sqlcipher3: pip install 'faceprint\[encryption\]'$"):
        Gallery(path, key="secret")


def test_a_backup_that_is_restored_is_followed(unit_rows, path, tmp_path):
    x, restored = unit_rows(5, 16), unit_rows(3, 8)
    with Gallery(tmp_path / "backup") as backup:
        backup.add(restored, labels=["Ann", "Ben", "Cy"])
    with Gallery(path) as gallery:
        gallery.add(x)
        with closing(sqlite3.connect(tmp_path / "backup")) as source, closing(sqlite3.connect(path)) as target:
            source.backup(target)
        assert gallery.labels.tolist() == ["Ann", "Ben", "Cy"]
        np.testing.assert_array_equal(gallery.embeddings(), restored)
        assert gallery.search(restored[1:2], k=1).labels.tolist() == [["Ben"]]


def test_moved_file(unit_rows, path, tmp_path):
    with Gallery(path) as gallery:
        gallery.add(unit_rows(3))
    shutil.move(path, tmp_path / "a folder? #%20.db")
    with Gallery(tmp_path / "a folder? #%20.db") as gallery:
        assert len(gallery) == 3
