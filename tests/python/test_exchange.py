"""Galleries in files for other programs: the same to the bit when they come back, and documented arrays meanwhile."""

import json
import os
import stat
import sys
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pyarrow.parquet
import pytest

from faceprint import Embedded, Gallery, GalleryError
from faceprint.album import load_embeddings
from faceprint.archive import load_arrays, save_arrays

DOCS = Path(__file__).parents[2] / "docs"
SUFFIXES = ["npz", "parquet"]
STORAGES = ["float32", "float16", "int8"]


def fill(gallery, x):
    """Faces with and without everything that may be known of them, of which some have left."""
    n = len(x)
    gallery.add(
        Embedded(x, "network"),
        labels=[None if i % 3 == 0 else "" if i % 3 == 1 else f"Ä\0 {i % 7}" for i in range(n)],
        metadata=[{"n": i, "ß": [1.5, None, {"": "x"}]} if i % 2 else {} if i % 4 else None for i in range(n)],
        photos=[f"{i}.jpg" if i % 5 else None for i in range(n)],
        quality=np.where(np.arange(n) % 6, np.linspace(0, 1, n), np.nan),
    )
    gallery.add(Embedded(x[:1], "network", "older network"))
    gallery.remove(ids=[0, 7, n - 1, n])


def assert_same(gallery, other, probes):
    assert gallery.ids.tolist() == other.ids.tolist()
    assert (gallery.fingerprint, gallery.sources) == (other.fingerprint, other.sources)
    np.testing.assert_array_equal(gallery.quality, other.quality)
    for one, two in zip(gallery.iterate(), other.iterate(), strict=True):
        assert (one.label, one.metadata, one.photo) == (two.label, two.metadata, two.photo)
    rows = np.arange(len(gallery))
    np.testing.assert_array_equal(gallery.packed.stored(rows), other.packed.stored(rows))
    found, again = gallery.search(probes, k=5), other.search(probes, k=5)
    np.testing.assert_array_equal(found.distances, again.distances)
    np.testing.assert_array_equal(found.ids, again.ids)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("dimension", [1, 24])
def test_everything_comes_back(unit_rows, tmp_path, suffix, storage, dimension):
    x = unit_rows(300, dimension)
    with Gallery(tmp_path / "one", storage=storage) as gallery, Gallery(tmp_path / "two", storage=storage) as other:
        fill(gallery, x)
        gallery.export(tmp_path / f"x.{suffix}")
        assert stat.S_IMODE((tmp_path / f"x.{suffix}").stat().st_mode) == 0o600
        assert other.import_from(tmp_path / f"x.{suffix}").tolist() == gallery.ids.tolist()
        assert_same(gallery, other, x[:20])
        with Gallery(tmp_path / "two") as again:
            assert_same(gallery, again, x[:20])
        assert other.add(x[:1]).tolist() == [301]  # 300 has been somebody's


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_all_of_them_have_left(unit_rows, tmp_path, suffix):
    gallery, other = Gallery(), Gallery()
    with pytest.raises(GalleryError, match="must have held an embedding to be exported, and never has"):
        gallery.export(tmp_path / f"x.{suffix}")
    gallery.add(unit_rows(3, 4), labels=["Ann"] * 3)
    gallery.remove(label="Ann")
    gallery.export(tmp_path / f"x.{suffix}")
    assert other.import_from(tmp_path / f"x.{suffix}").tolist() == []
    assert other.add(unit_rows(1, 4)).tolist() == [3]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("storage", STORAGES)
def test_another_storage_converts(unit_rows, tmp_path, suffix, storage):
    gallery, plain = Gallery(storage=storage), Gallery()
    gallery.add(unit_rows(50, 8))
    gallery.remove(ids=[3])
    gallery.export(tmp_path / f"x.{suffix}")
    plain.import_from(tmp_path / f"x.{suffix}")
    np.testing.assert_array_equal(plain.embeddings(), gallery.embeddings())
    assert plain.ids.tolist() == gallery.ids.tolist()


def test_a_gallery_in_use_gives_new_ids_and_knows_people_by_their_labels(unit_rows, tmp_path):
    x = unit_rows(6, 8)
    gallery, other = Gallery(), Gallery()
    gallery.add(Embedded(x[:3], "network"), labels=["Ann", "Ben", None], metadata=[{"n": i} for i in range(3)])
    gallery.remove(ids=[1])
    gallery.export(tmp_path / "x.npz")
    other.add(x[3:], labels=["Ben", "Ann", "Cy"])
    other.remove(ids=[2])
    assert other.import_from(tmp_path / "x.npz").tolist() == [3, 4]
    assert other.labels.tolist() == ["Ben", "Ann", "Ann", None]
    assert other.remove(label="Ann") == 2
    assert [entry.metadata for entry in other.iterate({"id": 4})] == [{"n": 2}]
    assert (other.fingerprint, other.sources) == ("network", {"network"})


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_refused_files_change_nothing(unit_rows, tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    other = Gallery()
    other.add(Embedded(unit_rows(3, 8), "network"), labels=["Ann", "Ben", None])
    other.export(path)
    for known, text in (
        (Embedded(unit_rows(2, 8), "another"), "of network another; those of network cannot be compared"),
        (unit_rows(2, 9), r"the gallery holds embeddings of 9 numbers; those of .*x\.\w+ have 8"),
    ):
        gallery = Gallery()
        gallery.add(known, labels=["Ben", "Cy"])
        with pytest.raises(GalleryError, match=text):
            gallery.import_from(path)
        assert gallery.labels.tolist() == ["Ben", "Cy"]
    for call in (gallery.export, gallery.import_from):
        with pytest.raises(ValueError, match=r"path must end in .npz or .parquet, and .*x\.csv does not"):
            call(tmp_path / "x.csv")
    with pytest.raises(GalleryError, match=r"must be a file that Gallery.export wrote: .*No such file"):
        gallery.import_from(tmp_path / f"none.{suffix}")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_path_need_not_be_utf8(unit_rows, tmp_path, suffix):
    path, gallery = tmp_path / f"caf\udce9.{suffix}", Gallery()
    ids = gallery.add(unit_rows(3, 8))
    gallery.export(path)
    assert Gallery().import_from(path).tolist() == ids.tolist()


def test_a_file_is_written_whole_or_not_at_all(unit_rows, tmp_path, monkeypatch):
    gallery, path = Gallery(), tmp_path / "x.npz"
    gallery.add(unit_rows(3, 8))
    gallery.export(path)
    before = path.read_bytes()

    def fill_the_disk(file, **arrays):
        file.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    gallery.add(unit_rows(3, 8))
    with monkeypatch.context() as patch:
        patch.setattr("faceprint.exchange.save_arrays", fill_the_disk)
        with pytest.raises(GalleryError, match=r"x\.npz cannot be written: No space left on device"):
            gallery.export(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    gallery.export(path)
    assert len(np.load(path)["ids"]) == 6
    with pytest.raises(GalleryError, match=r"x\.npz cannot be written: No such file or directory"):
        gallery.export(tmp_path / "no folder" / "x.npz")


def test_the_disk_is_waited_for_as_windows_wants_it(unit_rows, tmp_path, monkeypatch):
    """Windows refuses to wait for a file that was opened for reading alone."""
    fcntl = pytest.importorskip("fcntl", reason="nothing else tells how a file was opened")
    waited = []
    monkeypatch.setattr("os.fsync", lambda number: waited.append(fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE))
    gallery = Gallery()
    gallery.add(unit_rows(3, 8))
    gallery.export(tmp_path / "x.npz")
    assert waited == [os.O_RDWR]


def test_what_others_change_meanwhile_is_not_in_it(unit_rows, tmp_path, monkeypatch):
    with Gallery(tmp_path / "gallery") as gallery, Gallery(tmp_path / "gallery") as other:
        gallery.add(unit_rows(2, 4), metadata=[{"n": 1}, {"n": 2}])
        store = gallery._held.store
        read_details = store.details

        def change_first(ids):
            other.update([0], metadata=[{"n": 3}])
            return read_details(ids)

        monkeypatch.setattr(store, "details", change_first)
        gallery.export(tmp_path / "x.npz")
        assert json.loads(np.load(tmp_path / "x.npz")["metadata"].tobytes()) == [{"n": 1}, {"n": 2}]
        assert next(other.iterate()).metadata == {"n": 3}


def test_arrays_are_as_documented(unit_rows, tmp_path):
    x = unit_rows(60, 16)
    for storage, dtype in (("float32", np.float32), ("float16", np.float16), ("int8", np.int8)):
        gallery = Gallery(storage=storage)
        fill(gallery, x)
        gallery.export(tmp_path / "x.npz")
        content = np.load(tmp_path / "x.npz", allow_pickle=False)
        rows, count = content["embeddings"], len(gallery)
        assert (rows.dtype, rows.shape) == (dtype, (count, 16))
        if storage == "int8":
            assert content["numbers"].dtype == np.float32
            rows = rows * content["numbers"][:, :1]
        np.testing.assert_array_equal(rows.astype(np.float32), gallery.embeddings())
        np.testing.assert_array_equal(content["ids"], gallery.ids)
        np.testing.assert_array_equal(content["quality"], gallery.quality)
        labels, metadata, photos = (json.loads(content[name].tobytes()) for name in ("labels", "metadata", "photos"))
        entries = list(gallery.iterate())
        assert labels == [entry.label for entry in entries]
        assert metadata == [entry.metadata for entry in entries]
        assert photos == [entry.photo for entry in entries]
        facts = {
            "format": 1,
            "storage": storage,
            "dimension": 16,
            "fingerprint": "network",
            "sources": ["network", "older network"],
            "next_id": 61,
        }
        assert json.loads(content["gallery"].tobytes()) == facts
        gallery.export(tmp_path / "x.parquet")
        table = pyarrow.parquet.read_table(tmp_path / "x.parquet")
        columns = ["id", "embedding", *["scale", "error", "norm"][: 3 * (storage == "int8")]]
        assert table.column_names == [*columns, "label", "metadata", "photo", "quality"]
        assert json.loads(table.schema.metadata[b"faceprint"]) == facts
        np.testing.assert_array_equal(np.array(table["embedding"].to_pylist(), dtype), content["embeddings"])
        assert table["label"].to_pylist() == labels
        assert [None if text is None else json.loads(text) for text in table["metadata"].to_pylist()] == metadata
        assert table["quality"].null_count == np.isnan(gallery.quality).sum()


def test_the_documented_code_hands_them_on(unit_rows, tmp_path, monkeypatch):
    x, gallery = unit_rows(80, 8), Gallery()
    gallery.add(x, labels=["Ann", None] * 40)
    gallery.remove(ids=[5])
    monkeypatch.chdir(tmp_path)
    blocks = (DOCS / "galleries.md").read_text("utf-8").split("```python\n")[1:]
    code = [block.split("```")[0] for block in blocks]
    variables = {"gallery": gallery}
    for import_line in ("import json\n", "from usearch.index import Index\n"):
        exec(next(block for block in code if block.startswith(import_line)), variables)
    found = variables["index"].search(x[:20], 1, exact=True)  # a graph that several threads made may miss some
    assert found.keys[:, 0].tolist() == gallery.search(x[:20], k=1).ids[:, 0].tolist()
    assert variables["labels"] == gallery.labels.tolist()


def as_bytes(content):
    return np.frombuffer(json.dumps(content).encode(), np.uint8)


@pytest.mark.parametrize(
    ("name", "change", "text"),
    [
        ("gallery", {"format": 2}, r"x\.npz has format 2; this version of faceprint reads format 1"),
        ("gallery", {"colour": 2}, "is damaged: .*unexpected keyword argument 'colour'"),
        ("gallery", {"storage": "float64"}, "is damaged: it has storage 'float64'"),
        ("gallery", {"storage": []}, r"is damaged: it has storage \[\]"),
        ("gallery", {"dimension": True}, "is damaged: it has dimension True"),
        ("gallery", {"dimension": 0}, "is damaged: it has dimension 0"),
        ("gallery", {"dimension": 2**20 + 1}, "is damaged: it has dimension 1048577"),
        ("gallery", {"dimension": 2**20}, r"it has embeddings of float32 and shape \(3, 2\)"),
        ("gallery", {"next_id": -1}, "is damaged: it has next_id -1"),
        ("gallery", {"next_id": 2**62 + 1}, "is damaged: it has next_id 4611686018427387905"),
        ("gallery", {"next_id": 2}, "is damaged: it has ids that do not rise from 0 on, or reach next_id"),
        ("gallery", {"fingerprint": 3}, "is damaged: it has fingerprint 3"),
        ("gallery", {"sources": [3]}, r"is damaged: it has sources \[3\]"),
        ("gallery", {"storage": "int8"}, r"must be a file that Gallery.export wrote: .*numbers"),
        ("gallery", {"storage": "float16"}, r"it has embeddings of float32 and shape \(3, 2\), not float16 of as many"),
        ("ids", np.array([0, 2, 1]), "it has ids that do not rise"),
        ("ids", np.array([-1, 1, 2]), "it has ids that do not rise"),
        ("ids", np.array([0.0, 1, 2]), "it has ids that do not rise"),
        ("ids", np.array([0, 1]), r"it has embeddings of float32 and shape \(3, 2\)"),
        ("embeddings", np.ones((3, 3), np.float32), r"it has embeddings of float32 and shape \(3, 3\)"),
        ("embeddings", np.full((3, 2), np.nan, np.float32), "is damaged: embeddings must be finite"),
        ("labels", as_bytes(["a", 1, None]), "is damaged: labels must be str or None, not int"),
        ("labels", as_bytes("abc"), "is damaged: labels must be a sequence of str"),
        ("labels", np.frombuffer(b"[", np.uint8), "must be a file that Gallery.export wrote: Expecting value"),
        ("metadata", as_bytes([1, None, None]), "is damaged: metadata must be a mapping or None, not int"),
        ("photos", as_bytes(["a.jpg"]), "is damaged: photos must have one entry for each of the 3 embeddings, not 1"),
        ("quality", np.float32([0, 2, 0]), r"is damaged: quality must lie in \[0, 1\]"),
        ("quality", np.array(["a", "b", "c"]), "is damaged: quality must be real numbers, not <U1"),
    ],
)
def test_what_is_not_right_in_a_file_is_named(tmp_path, name, change, text):
    path, gallery = tmp_path / "x.npz", Gallery()
    gallery.add(np.eye(3, 2, dtype=np.float32))
    gallery.export(path)
    names = ("gallery", "ids", "embeddings", "labels", "metadata", "photos", "quality")
    arrays = dict(zip(names, load_arrays(path, names), strict=True))
    if isinstance(change, dict):
        change = as_bytes(json.loads(arrays["gallery"].tobytes()) | change)
    save_arrays(path, **{**arrays, name: change})
    other = Gallery()
    with pytest.raises(GalleryError, match=text):
        other.import_from(path)
    assert len(other) == 0
    assert other.add(np.ones((1, 7), np.float32)).tolist() == [0]


def test_codes_must_be_codes(tmp_path, unit_rows):
    path, gallery = tmp_path / "x.npz", Gallery(storage="int8")
    gallery.add(unit_rows(4, 8))
    gallery.export(path)
    arrays = dict(np.load(path))
    for name, wrong, text in (
        ("embeddings", np.full((4, 8), -128, np.int8), "codes below -127"),
        ("numbers", arrays["numbers"][:, :2], "codes below -127, or without scale, error and norm"),
        ("numbers", -arrays["numbers"], "scale, error and norm must be those of a row"),
    ):
        save_arrays(path, **{**arrays, name: wrong})
        with pytest.raises(GalleryError, match=text):
            Gallery(storage="int8").import_from(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_flipped_bits_and_missing_ends_are_errors(unit_rows, tmp_path, suffix):
    x, path = unit_rows(200, 8), tmp_path / f"x.{suffix}"
    gallery = Gallery()
    fill(gallery, x)
    gallery.export(path)
    whole, rng, refused = path.read_bytes(), np.random.default_rng(0), 0
    for trial in range(100):
        damaged = bytearray(whole)
        if trial % 10 == 0:
            del damaged[int(rng.integers(len(whole))) :]
        else:
            damaged[int(rng.integers(len(whole)))] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        other = Gallery()
        try:
            other.import_from(path)
        except GalleryError:
            refused += 1
            continue
        assert_same(gallery, other, x[:3])  # a bit that says nothing, such as of a date
    assert refused > 80


def test_parquet_wants_pyarrow(tmp_path, unit_rows, monkeypatch):
    gallery = Gallery()
    gallery.add(unit_rows(2))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for call in (gallery.export, gallery.import_from):
        with pytest.raises(ModuleNotFoundError, match=r"Parquet needs pyarrow: pip install 'faceprint\[parquet\]'"):
            call(tmp_path / "x.parquet")


@pytest.mark.parametrize("read", [Gallery().import_from, load_embeddings])
def test_what_unpacks_to_more_than_it_is(tmp_path, unit_rows, read):
    gallery, path = Gallery(), tmp_path / "x.npz"
    gallery.add(unit_rows(3, 4))
    gallery.export(path)
    np.savez_compressed(path, **np.load(path), zeros=np.zeros(100_000))
    with pytest.raises(GalleryError, match=rf"it unpacks to more than {path.stat().st_size:,} bytes$"):
        read(path)


def test_arrays_of_just_as_much_as_they_may_unpack_to_are_read(tmp_path):
    save_arrays(tmp_path / "x.npz", x=np.zeros(1000))
    with ZipFile(tmp_path / "x.npz") as members:
        size = members.getinfo("x.npy").file_size
    assert len(load_arrays(tmp_path / "x.npz", ("x",), most=size)[0]) == 1000
    with pytest.raises(ValueError, match=f"^it unpacks to more than {size - 1:,} bytes$"):
        load_arrays(tmp_path / "x.npz", ("x",), most=size - 1)
