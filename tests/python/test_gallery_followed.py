"""What others change in a gallery's file: all of it is seen, and little else is read again."""

import sqlite3
from contextlib import closing

import numpy as np
import pytest

from faceprint import Gallery, held, store
from faceprint.store import Store


@pytest.fixture
def path(tmp_path):
    return tmp_path / "people.faceprint"


@pytest.fixture
def read(monkeypatch):
    """The chunks that are read, of at most eight faces each."""
    for module in (held, store):
        monkeypatch.setattr(module, "CHUNK", 8)
    chunks, real = [], Store.read

    def told(self, place, row_bytes):
        chunks.append(place.chunk)
        return real(self, place, row_bytes)

    monkeypatch.setattr(Store, "read", told)
    return chunks


def content(gallery):
    rows = [row.tobytes() for row in gallery.embeddings()]
    return [*zip(gallery.ids.tolist(), gallery.labels.tolist(), rows, strict=True)]


@pytest.mark.parametrize("storage", ["float32", "float16", "int8"])
@pytest.mark.parametrize("seed", range(4))
def test_all_changes_are_seen(unit_rows, path, read, seed, storage):
    random, x = np.random.default_rng(seed), unit_rows(500, 6, seed)
    truth: dict[int, tuple] = {}
    with Gallery(path, storage=storage) as one, Gallery(path) as two, Gallery(path, read_only=True) as three:
        for _ in range(60):
            gallery = (one, two)[random.integers(2)]
            ids = gallery.ids
            some = random.choice(ids, min(len(ids), random.integers(1, 6)), replace=False)
            what = random.integers(6)
            if what < 2 or not len(some):
                rows = x[random.integers(0, 500, random.integers(1, 20))]
                names = [f"{random.integers(30)}" for _ in rows]
                quality = random.random(len(rows)).astype(np.float32)
                added = gallery.add(rows, names, quality=quality).tolist()
                truth |= dict(zip(added, map(list, zip(names, quality, rows, strict=True)), strict=True))
            elif what == 2:
                gallery.remove(ids=some)
                truth = {face: known for face, known in truth.items() if face not in some}
            elif what == 3:
                gallery.update(some, labels=["new"] * len(some))
                for face in some.tolist():
                    truth[face][0] = "new"
            elif what == 4:
                gallery.compact()
            if random.random() < 0.5:
                for each in (one, two, three):
                    assert each.ids.tolist() == list(truth)
                    assert each.labels.tolist() == [known[0] for known in truth.values()]
                    np.testing.assert_array_equal(each.quality, [known[1] for known in truth.values()])
                fresh = Gallery(storage=storage)
                if truth:
                    fresh.add(np.array([known[2] for known in truth.values()]))
                    for each in (one, two, three):
                        stored = each.packed.stored(np.arange(len(each)))
                        np.testing.assert_array_equal(stored, fresh.packed.stored(np.arange(len(fresh))))


def test_only_chunks_that_changed_are_read(unit_rows, path, read):
    x = unit_rows(83, 6)
    with Gallery(path) as one, Gallery(path) as two:
        one.add(x, [f"{number}" for number in range(83)])  # ten chunks of eight, and one of three
        assert content(two) == content(one)
        assert read == [*range(11)]

        def after(change):
            change()
            read.clear()
            assert content(two) == content(one)
            return [*read]

        assert after(lambda: one.update([5], labels=["new"])) == [0]
        assert after(lambda: one.update([5, 33, 34], labels=["5", "33", "35"])) == [0, 4]
        assert after(lambda: one.remove(ids=[9, 40, 41])) == [1, 5]
        assert after(lambda: one.remove(ids=range(16, 24))) == []
        assert after(lambda: one.remove(ids=one.ids[:15])) == []  # what was left of four chunks
        assert after(lambda: one.rename("60", "60th")) == []
        assert after(lambda: one.add(x[:1])) == [11]
        assert after(lambda: one.add(x[:4])) == [10, 10]  # the last chunks become one, which is looked at, then taken
        assert after(lambda: (one.update([81], labels=["81st"]), one.add(x[:2]))) == [10, 11]
        assert after(lambda: one.remove(ids=one.ids)) == []
        assert after(lambda: one.add(x[:9])) == [0, 1]


def test_an_id_that_means_another_face_is_read_again(unit_rows, path, read):
    """As where a backup is restored, and others are added from there on."""
    x, other = unit_rows(30, 6), path.with_name("other")
    with Gallery(path) as gallery:
        gallery.add(x[:20])
        gallery.backup(other)
        gallery.add(x[20:25])
        with Gallery(other) as changed:
            changed.add(x[25:])
            changed.remove(ids=[3])
        with closing(sqlite3.connect(other)) as source, closing(sqlite3.connect(path)) as target:
            source.backup(target)
        np.testing.assert_array_equal(gallery.embeddings(), np.delete(np.concatenate([x[:20], x[25:]]), 3, axis=0))
        assert gallery.ids.tolist() == [0, 1, 2, *range(4, 25)]
