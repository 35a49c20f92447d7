"""Galleries in shards: the same to the bit as the gallery they came from; or an error, never wrong rows."""

import json
import os
import pickle
import re
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

import fsspec
import numpy as np
import pyarrow.parquet
import pytest
from fsspec.implementations.memory import MemoryFileSystem

import faceprint as fp
from faceprint import folder as folders
from faceprint.whole import written_whole

STORAGES = ["float32", "float16", "int8"]
SHARDS = Path(__file__).parents[2] / "docs" / "shards.md"


@pytest.fixture(params=["local", "memory"])
def place(request, tmp_path):
    """A folder in which there is no gallery yet."""
    if request.param == "local":
        yield str(tmp_path / "people")
    else:
        yield "memory://people"
        MemoryFileSystem.store.clear()


def files_of(place):
    """Every file there, by its name."""
    storage, path = fsspec.core.url_to_fs(place)
    return {Path(name).name: storage.cat_file(name) for name in storage.ls(path, detail=False)}


def fill(gallery, x):
    """Faces with and without everything that may be known of them."""
    n = len(x)
    return gallery.add(
        fp.Embedded(x, "network"),
        labels=[None if i % 3 == 0 else f"Ä {i % 7}" for i in range(n)],
        metadata=[{"n": i} if i % 2 else None for i in range(n)],
        photos=[f"{i}.jpg" if i % 5 else None for i in range(n)],
        quality=np.where(np.arange(n) % 6, np.linspace(0, 1, n), np.nan),
    )


def entries(gallery):
    return [(entry.id, entry.label, entry.metadata, entry.photo, entry.quality) for entry in gallery.iterate()]


def assert_same(shards, gallery):
    assert shards.ids().tolist() == gallery.ids.tolist()
    assert shards.labels().tolist() == gallery.labels.tolist()
    np.testing.assert_array_equal(shards.quality(), gallery.quality)
    np.testing.assert_array_equal(shards.embeddings(), gallery.embeddings())
    stored = [shards.stored(number) for number in range(len(shards.files))]
    np.testing.assert_array_equal(np.concatenate(stored), gallery.packed.stored(np.arange(len(gallery))))
    assert (shards.fingerprint, shards.sources) == (gallery.fingerprint, gallery.sources)
    assert (shards.storage, shards.dimension) == (gallery.storage, gallery.packed.columns)


@pytest.mark.parametrize("storage", STORAGES)
def test_a_gallery_goes_there_and_comes_back(unit_rows, place, tmp_path, storage):
    gallery = fp.Gallery(storage=storage)
    fill(gallery, unit_rows(300, 24))
    gallery.add(fp.Embedded(unit_rows(1, 24), "network", "older network"))
    gallery.remove(ids=[0, 7, 299, 300])
    shards = fp.write_shards(gallery, place, rows=100)
    assert [(shard.first, shard.rows) for shard in shards.files] == [(0, 100), (100, 100), (200, 97)]
    assert_same(shards, gallery)
    assert_same(fp.Shards(place), gallery)
    with fp.Gallery(tmp_path / "back", storage=storage) as back:
        assert fp.read_shards(shards, back).tolist() == gallery.ids.tolist()
        assert_same(shards, back)
        assert entries(back) == entries(gallery)
        assert back.add(unit_rows(1, 24)).tolist() == [301]  # 300 has been somebody's
    assert shards.add(unit_rows(1, 24)).tolist() == [301]


@pytest.mark.parametrize("storage", STORAGES)
def test_added_faces_are_as_in_a_gallery(unit_rows, place, storage):
    x, gallery = unit_rows(50, 9), fp.Gallery(storage=storage)
    shards = fp.Shards.create(place, storage=storage, rows=20)
    assert fp.Shards.create(f"{place}-large", rows=2**20).rows_per_shard == 2**20
    assert (len(shards), shards.dimension, shards.embeddings().shape, shards.ids().tolist()) == (0, None, (0, 0), [])
    for some in (x[:45], x[45:]):
        assert fill(shards, some).tolist() == fill(gallery, some).tolist()
    assert [shard.rows for shard in shards.files] == [20, 20, 5, 5]
    assert_same(shards, gallery)
    shards.verify()
    back = fp.Gallery(storage=storage)
    fp.read_shards(fp.Shards(place), back)
    assert entries(back) == entries(gallery)
    assert fp.Shards(place).add(fp.Embedded(x[:1], "network", "older network")).tolist() == [50]
    assert fp.Shards(place).sources == {"network", "older network"}
    shards = fp.Shards(place)
    assert shards.add(np.empty((0, 9), np.float32)).tolist() == []
    assert len(shards.files) == 5
    assert json.loads(files_of(place)["manifest.json"])["changes"] == 4


def test_each_file_is_an_export(unit_rows, tmp_path):
    shards, one = fp.Shards.create(tmp_path / "people", rows=20), fp.Gallery()
    fill(shards, unit_rows(30, 8))
    for shard in shards.files:
        one.import_from(tmp_path / "people" / shard.file)
    np.testing.assert_array_equal(one.embeddings(), shards.embeddings())
    assert (one.labels.tolist(), one.fingerprint) == (shards.labels().tolist(), "network")
    one.export(tmp_path / "one.parquet")
    ours, theirs = (pyarrow.parquet.read_schema(path) for path in (tmp_path / "one.parquet", next(paths(tmp_path))))
    assert ours == theirs


def paths(tmp_path):
    return (tmp_path / "people").glob("*.parquet")


def test_only_the_owner_may_read(unit_rows, tmp_path):
    shards = fp.Shards.create(tmp_path / "new" / "people")
    shards.add(unit_rows(3, 4))
    shards.remove(ids=[0])
    found = list((tmp_path / "new" / "people").iterdir())
    assert len(found) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}
    assert stat.S_IMODE((tmp_path / "new" / "people").stat().st_mode) == 0o700


def test_shards_tell_what_they_hold(unit_rows, tmp_path):
    shards = fp.Shards.create(tmp_path / "people", rows=2, storage="int8")
    assert repr(shards) == f"<Shards {tmp_path}/people: faces=0, files=0, dimension=None, storage=int8>"
    shards.add(unit_rows(3, 8))
    assert repr(shards) == f"<Shards {tmp_path}/people: faces=3, files=2, dimension=8, storage=int8>"


def test_keys_of_the_storage_are_not_shown():
    folder = folders.Folder("s3://people", {"secret": "k3y"})
    assert (repr(folder), folder.options["secret"]) == ("Folder(url='s3://people')", "k3y")


def test_columns_are_read_without_embeddings(unit_rows, tmp_path, monkeypatch):
    shards = fp.Shards.create(tmp_path / "people")
    fill(shards, unit_rows(3000, 128))
    read, whole = [], folders.Folder.read

    def counted(folder, file, start=None, end=None):
        content = whole(folder, file, start, end)
        read.append(len(content))
        return content

    monkeypatch.setattr(folders.Folder, "read", counted)
    assert len(shards.ids()) == len(shards.labels()) == len(shards.quality()) == 3000
    assert sum(read) < shards.files[0].bytes / 4


@pytest.mark.parametrize("how", ["ids", "label", "shard"])
def test_what_is_removed_is_in_no_file(unit_rows, place, how):
    x = unit_rows(60, 16)
    shards = fp.Shards.create(place, rows=20)
    shards.add(x, labels=["Ann"] * 20 + ["Ben", "Zacharias"] * 20, metadata=[{"n": f"secret {i}"} for i in range(60)])
    others = {shard.file for shard in shards.files}
    if how == "ids":
        gone = [21, 23, 45]
        assert shards.remove(ids=gone) == 3
    elif how == "label":
        gone = list(range(21, 60, 2))
        assert shards.remove(label="Zacharias") == 20
    else:
        gone = list(range(20, 40))
        assert shards.remove(shard=shards.files[1].file) == 20
    left = np.setdiff1d(np.arange(60), gone)
    assert (len(shards), shards.ids().tolist()) == (len(left), left.tolist())
    np.testing.assert_array_equal(shards.embeddings(), x[left])
    np.testing.assert_array_equal(fp.Shards(place).embeddings(), x[left])
    assert [shard.first for shard in shards.files] == np.cumsum([0, *[s.rows for s in shards.files[:-1]]]).tolist()
    shards.verify()
    content = files_of(place)
    assert content.keys() == {"manifest.json"} | {shard.file for shard in shards.files}
    assert len(others & content.keys()) == (2 if how == "shard" else 1)  # what nobody left is as it was
    every = b"".join(content.values())
    assert not any(x[row].tobytes() in every for row in gone)
    assert all(x[row].tobytes() in every for row in left)
    assert (b"Zacharias" in every) == (how != "label")
    gallery = fp.Gallery()
    fp.read_shards(shards, gallery)
    assert [entry.metadata["n"] for entry in gallery.iterate()] == [f"secret {face}" for face in left]
    assert shards.add(x[:1]).tolist() == [60]


def test_everybody_may_leave(unit_rows, place):
    shards = fp.Shards.create(place, storage="int8", rows=2)
    shards.add(fp.Embedded(unit_rows(5, 8), "network"), labels=["Ann"] * 5)
    assert shards.remove(label="nobody") == 0
    assert shards.remove(label="Ann") == 5
    assert (shards.files, len(shards), shards.embeddings().shape) == ((), 0, (0, 8))
    gallery = fp.Gallery(storage="int8")
    assert fp.read_shards(shards, gallery).tolist() == []
    assert (gallery.fingerprint, gallery.add(unit_rows(1, 8)).tolist()) == ("network", [5])
    with pytest.raises(fp.GalleryError, match="of network network; those of other cannot be compared"):
        shards.add(fp.Embedded(unit_rows(5, 8), "other"))


def test_refused_calls_change_nothing(unit_rows, place):
    shards = fp.Shards.create(place, rows=4)
    shards.add(fp.Embedded(unit_rows(6, 8), "network"), labels=["Ann"] * 6)
    before = files_of(place)
    for call, error, text in (
        (lambda: shards.add(fp.Embedded(unit_rows(2, 8), "other")), fp.GalleryError, "network; those of other cannot"),
        (lambda: shards.add(unit_rows(2, 9)), ValueError, r"embeddings must have shape \(n, 8\), not \(2, 9\)"),
        (lambda: shards.add(np.full((9, 8), np.nan, np.float32)), ValueError, "embeddings must be finite"),
        (lambda: shards.add(unit_rows(2, 8).astype(float)), TypeError, "embeddings must be float32, not float64"),
        (lambda: shards.add(unit_rows(2, 8), ["Ann"]), ValueError, "labels must have one entry for each of the 2"),
        (lambda: shards.remove(ids=[1, 6, 7]), fp.GalleryError, r"ids must be in the gallery; these are not: \[6, 7\]"),
        (lambda: shards.remove(ids=[-1]), fp.GalleryError, r"these are not: \[-1\]"),
        (lambda: shards.remove(ids=[0.5]), TypeError, "ids must be integers, not float64"),
        (lambda: shards.remove(label=b"Ann"), TypeError, "a label must be a str, not bytes"),
        (lambda: shards.add(unit_rows(2, 8), metadata=[{"id": 3}] * 2), ValueError, "must have other keys than 'id'"),
        (lambda: fp.write_shards("x", place), TypeError, "^gallery must be a Gallery, not str$"),
        (lambda: fp.read_shards("x", fp.Gallery()), TypeError, "^shards must be a Shards, not str$"),
        (lambda: fp.read_shards(shards, "x"), TypeError, "^gallery must be a Gallery, not str$"),
        (lambda: shards.remove(shard="x.parquet"), fp.GalleryError, "shard must be a file of gallery .*, and 'x.parqu"),
        (lambda: shards.remove(), ValueError, "remove takes either ids, a label or a shard"),
        (lambda: shards.remove(ids=[0], label="Ann"), ValueError, "remove takes either ids, a label or a shard"),
        (lambda: shards.stored(2), ValueError, "shard must be the number of one, of which there are 2, not 2"),
        (lambda: shards.stored(-1), ValueError, "shard must be 0 or more, not -1"),
        (lambda: fp.Shards.create(place), fp.GalleryError, "is there already: Shards opens it"),
        (lambda: fp.Shards.create(place, storage="int4"), ValueError, "storage must be 'float32', 'float16' or 'int8'"),
        (lambda: fp.Shards.create(place, rows=0), ValueError, "rows must be 1 or more, not 0"),
        (lambda: fp.Shards.create(place, rows=2**20 + 1), ValueError, "rows must be at most 1,048,576, not 1,048,577"),
    ):
        with pytest.raises(error, match=text):
            call()
        assert files_of(place) == before
    gallery = fp.Gallery()
    with pytest.raises(fp.GalleryError, match="must have held an embedding to be exported, and never has"):
        fp.write_shards(gallery, f"{place}-none")
    gallery.add(unit_rows(2, 8))
    with pytest.raises(fp.GalleryError, match="is there already: Shards opens it"):
        fp.write_shards(gallery, place)
    assert files_of(place) == before


def test_a_gallery_takes_all_shards_or_none(unit_rows, tmp_path):
    shards = fp.Shards.create(tmp_path / "people", rows=4)
    shards.add(fp.Embedded(unit_rows(10, 8), "network"), labels=["Ann"] * 10)
    used = fp.Gallery()
    used.add(unit_rows(3, 8), labels=["Ben", "Ann", None])
    assert fp.read_shards(shards, used).tolist() == list(range(3, 13))
    assert used.remove(label="Ann") == 11
    for x, text in (
        (unit_rows(2, 9), r"the gallery holds embeddings of 9 numbers; those of gallery .*people have 8"),
        (fp.Embedded(unit_rows(2, 8), "other"), "of network other; those of network cannot be compared"),
    ):
        gallery = fp.Gallery()
        gallery.add(x, labels=["Ben", "Cy"])
        with pytest.raises(fp.GalleryError, match=text):
            fp.read_shards(shards, gallery)
        assert gallery.labels.tolist() == ["Ben", "Cy"]
    (tmp_path / "people" / shards.files[-1].file).unlink()
    for path in (None, tmp_path / "gallery"):
        with fp.Gallery(path) as gallery:
            gallery.add(unit_rows(1, 8))
            with pytest.raises(fp.GalleryError, match="is not there; it was removed since this was opened, or is lost"):
                fp.read_shards(shards, gallery)
            assert (len(gallery), gallery.fingerprint, gallery.add(unit_rows(1, 8)).tolist()) == (1, None, [1])


def test_it_pickles_small_and_reads_the_same_version(unit_rows, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shards = fp.Shards.create("people", rows=1000)
    shards.add(unit_rows(5000, 32))
    assert shards.url == str(tmp_path / "people")
    content = pickle.dumps(shards)
    assert len(content) < 2000
    shards.add(unit_rows(1, 32))
    code = "import pickle, sys; print(pickle.load(sys.stdin.buffer).embeddings().sum(dtype=float))"
    done = subprocess.run([sys.executable, "-c", code], cwd="/", input=content, capture_output=True, check=True)
    assert float(done.stdout) == unit_rows(5000, 32).sum(dtype=float)
    assert len(shards) == 5001


def test_an_old_version_is_read_until_its_files_go(unit_rows, place):
    x = unit_rows(6, 8)
    shards = fp.Shards.create(place, rows=2)
    shards.add(x)
    old = fp.Shards(place)
    shards.add(x)
    assert len(old) == len(old.ids()) == 6
    shards.remove(ids=[3])
    np.testing.assert_array_equal(old.embeddings(0), x[:2])
    for read in (old.ids, old.labels, old.quality, old.embeddings, old.verify, lambda: old.stored(1)):
        gone = f"shard {old.files[1].file} of gallery .*people is not there; it was removed since this was opened, or "
        with pytest.raises(fp.GalleryError, match=gone + "is lost: open the gallery again"):
            read()
    assert len(fp.Shards(place).ids()) == 11


def test_a_second_writer_is_refused(unit_rows, place):
    x = unit_rows(4, 8)
    one = fp.Shards.create(place, rows=2)
    two = fp.Shards(place)
    one.add(x)
    before = files_of(place)
    with pytest.raises(
        fp.GalleryError, match="was changed meanwhile, and nothing of this call was kept: open it again"
    ):
        two.add(x)
    assert (files_of(place), len(two)) == (before, 0)
    two = fp.Shards(place)
    one.add(x)
    before = files_of(place)
    with pytest.raises(fp.GalleryError, match="was changed meanwhile"):
        two.remove(ids=[0])
    assert files_of(place) == before
    two = fp.Shards(place)
    assert two.remove(ids=[0]) == 1
    assert two.add(x).tolist() == [8, 9, 10, 11]


@pytest.mark.skipif(os.name != "posix", reason="there are no such locks")
def test_of_two_who_write_in_the_same_moment_one_is_refused(unit_rows, tmp_path, monkeypatch):
    x = unit_rows(4, 8)
    one = fp.Shards.create(tmp_path / "people")
    one.add(x)
    two, write = fp.Shards(tmp_path / "people"), folders.Folder.write
    with ThreadPoolExecutor() as pool:

        def meanwhile(folder, file, content):
            if file == "manifest.json":
                monkeypatch.undo()
                late.append(pool.submit(two.add, x))
                wait(late, timeout=0.5)
            write(folder, file, content)

        late = []
        monkeypatch.setattr(folders.Folder, "write", meanwhile)
        assert one.remove(ids=[0]) == 1
        with pytest.raises(fp.GalleryError, match="was changed meanwhile, and nothing of this call was kept"):
            late[0].result()
    found = fp.Shards(tmp_path / "people")
    found.verify()
    assert found.ids().tolist() == [1, 2, 3]


def test_the_lock_of_a_folder_ends_whoever_was_forked_meanwhile(tmp_path):
    fcntl = pytest.importorskip("fcntl", reason="there are no such locks")
    folder = folders.Folder.at(tmp_path, None)
    with folder.alone():
        child = os.fork()
        if child == 0:  # which has the locked handle, too
            signal.alarm(20)
            signal.pause()
    try:
        handle = os.open(tmp_path, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError while another has it
        os.close(handle)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_file_is_read_by_ranges(place):
    folder = folders.Folder.at(place, None)
    folder.make()
    folder.write("digits", b"0123456789")
    with folders.Ranges(folder, "digits", 10) as file:
        assert (file.readable(), file.seekable(), file.read(3), file.tell()) == (True, True, b"012", 3)
        assert (file.seek(2, 1), file.read(2), file.seek(-2, 2), file.read(9)) == (5, b"56", 8, b"89")
        assert (file.read(1), file.tell(), file.seek(12), file.read(), file.seek(0)) == (b"", 10, 12, b"", 0)
        assert file.read() == b"0123456789"


def test_a_folder_tells_its_files_as_they_are_now(place, monkeypatch):
    folder, forgotten = folders.Folder.at(place, None), []
    with pytest.raises(folders.MissingError, match="people cannot be read: there is no such file or folder"):
        folder.files()
    folder.make()
    folder.write("one", b"1")
    folder.write("two", b"2")
    storage = type(fsspec.core.url_to_fs(place)[0])
    monkeypatch.setattr(storage, "invalidate_cache", lambda self: forgotten.append(self))
    assert folder.files() == {"one", "two"}
    assert len(forgotten) == 1  # what the storage may keep of earlier listings


class Crash(BaseException):
    pass


CHANGES = {
    "add": lambda gallery, place: fp.Shards(place).add(gallery.embeddings()),
    "remove": lambda gallery, place: fp.Shards(place).remove(ids=[0]),
    "write_shards": lambda gallery, place: fp.write_shards(gallery, place, rows=4),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_crash_before_the_manifest_leaves_what_was(unit_rows, place, monkeypatch, change):
    """As where the process is killed then: nothing is cleaned up."""
    x, gallery = unit_rows(8, 8), fp.Gallery()
    gallery.add(x)
    if change != "write_shards":
        fp.write_shards(gallery, place, rows=4)
    write = folders.Folder.write

    def killed(folder, file, content):
        if file == "manifest.json":
            monkeypatch.setattr(folders.Folder, "delete", killed_too)
            raise Crash
        write(folder, file, content)

    def killed_too(folder, file):
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(folders.Folder, "write", killed)
        with pytest.raises(Crash):
            CHANGES[change](gallery, place)
    monkeypatch.undo()
    left = {name for name in files_of(place) if name != "manifest.json"}
    if change == "write_shards":
        assert len(left) == 2
        with pytest.raises(fp.GalleryError, match="does not exist"):
            fp.Shards(place)
        fp.write_shards(gallery, place, rows=4)
    else:
        assert len(left) == (4 if change == "add" else 3)
    shards = fp.Shards(place)
    shards.verify()
    np.testing.assert_array_equal(shards.embeddings(), x)
    assert shards.add(x).tolist() == list(range(8, 16))


def test_the_page_deletes_what_a_crash_left_and_nothing_else(unit_rows, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shards, folder = fp.Shards.create("people", rows=50), tmp_path / "people"
    shards.add(unit_rows(100, 8))
    for name in ("holiday.jpg", "faces.parquet", ".hidden"):
        (folder / name).touch()
    kept = {file.name for file in folder.iterdir()}
    (folder / f"{token_hex(16)}.parquet").touch()
    for name in (f"{token_hex(16)}.parquet", "manifest.json"):
        with suppress(Crash), written_whole(folder / name) as unfinished:
            raise Crash
        unfinished.touch()  # which nobody cleans up where the process is killed
    (block,) = re.findall(r"\*\*After a crash.*?```python\n(.*?)```", SHARDS.read_text("utf-8"), re.DOTALL)
    exec("".join(re.findall(r"^>>> (.*\n)", block, re.MULTILINE)), {"fp": fp})
    assert {file.name for file in folder.iterdir()} == kept


def test_a_manifest_that_came_through_though_an_error_was_told_keeps_its_files(unit_rows, place, monkeypatch):
    """As where the answer of the storage is lost."""
    shards, write = fp.Shards.create(place), folders.Folder.write
    shards.add(unit_rows(2, 8))

    def unheard(folder, file, content):
        write(folder, file, content)
        if file == "manifest.json":
            raise fp.GalleryError("manifest.json cannot be written: timed out")

    with monkeypatch.context() as patch:
        patch.setattr(folders.Folder, "write", unheard)
        with pytest.raises(fp.GalleryError, match="timed out"):
            shards.add(unit_rows(2, 8))
    assert len(fp.Shards(place).embeddings()) == 4


def test_a_file_that_cannot_be_deleted_is_told(unit_rows, place, monkeypatch):
    shards = fp.Shards.create(place)
    shards.add(unit_rows(2, 8))
    (old,) = shards.files

    def refuse(folder, file):
        raise fp.GalleryError(f"{file} cannot be deleted: Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(folders.Folder, "delete", refuse)
        said = f"{old.file} cannot be deleted: Permission denied; gallery .* holds nothing of it any more: delete it"
        with pytest.raises(fp.GalleryError, match=said):
            shards.remove(ids=[0])
    assert old.file in files_of(place)
    assert shards.ids().tolist() == fp.Shards(place).ids().tolist() == [1]


class Refusing(MemoryFileSystem):
    """A storage that refuses, once somebody has said what with."""

    protocol = "refusing"
    error: Exception | None = None

    def cat_file(self, path, start=None, end=None, **options):
        if Refusing.error and not path.endswith(".json"):
            raise Refusing.error
        return super().cat_file(path, start, end, **options)

    def pipe_file(self, path, value, mode="overwrite", **options):
        if Refusing.error:
            raise Refusing.error
        return super().pipe_file(path, value, **options)


@pytest.fixture
def refusing():
    fsspec.register_implementation("refusing", Refusing, clobber=True)
    yield Refusing
    Refusing.error = None
    MemoryFileSystem.store.clear()


class NoCredentialsError(Exception):
    """Of a library for some storage, which knows nothing of OSError."""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (OSError("slow down"), "slow down"),
        (NoCredentialsError("unable to locate credentials"), "unable to locate credentials"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_a_storage_that_refuses_is_an_error(unit_rows, refusing, error, reason):
    shards = fp.Shards.create("refusing://people")
    shards.add(unit_rows(2, 8))
    (file,) = shards.files
    refusing.error = error
    for read in (shards.ids, shards.labels, shards.embeddings, shards.verify):
        with pytest.raises(fp.GalleryError, match=rf"^refusing://people/{file.file} cannot be read: {reason}$"):
            read()
    with pytest.raises(fp.GalleryError, match=rf"^refusing://people/\w+\.parquet cannot be written: {reason}$"):
        shards.add(unit_rows(2, 8))
    with pytest.raises(fp.GalleryError, match=rf"^refusing://elsewhere/manifest.json cannot be written: {reason}$"):
        fp.Shards.create("refusing://elsewhere")


def test_folders_that_are_none(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(
        fp.GalleryError, match=r"gallery .*none does not exist: Shards\.create or write_shards makes one"
    ):
        fp.Shards(tmp_path / "none")
    with pytest.raises(fp.GalleryError, match="file/x cannot be made: Not a directory"):
        fp.Shards.create(tmp_path / "file" / "x")
    with pytest.raises(fp.GalleryError, match="odd://x cannot be found: Protocol not known: odd"):
        fp.Shards("odd://x")


def test_a_shard_of_arrays_belongs_to_any_network(unit_rows, tmp_path):
    shards = fp.Shards.create(tmp_path / "people")
    shards.add(unit_rows(2, 8))
    shards.add(fp.Embedded(unit_rows(2, 8), "network"))
    assert (len(shards.embeddings()), shards.fingerprint) == (4, "network")


def test_options_of_a_storage_are_not_shown():
    """For they may hold keys."""
    shown = repr(folders.Folder.at("memory://people", {"token": "secret"}))
    assert shown == "Folder(url='memory://people')"
