"""Galleries in files that many changes went through: few chunks, numbers given back, and what was removed is gone."""

import re
import sqlite3

import numpy as np
import pytest

from faceprint import Gallery, GalleryError, held
from faceprint.store import CHUNK


@pytest.fixture
def path(tmp_path):
    return tmp_path / "people.faceprint"


def test_compacting_leaves_no_name_among_many(unit_rows, path):
    count = 20_000
    with Gallery(path) as gallery:
        gallery.add(unit_rows(count, 2), [f"Name{number:06}" for number in range(count)])
        gallery.remove(ids=np.arange(0, count, 2))
        gallery.compact()
    assert {int(number) % 2 for number in re.findall(rb"Name(\d{6})", path.read_bytes())} == {1}


def test_new_people_take_the_place_of_those_who_left(unit_rows, path):
    x = unit_rows(4, 4)
    with Gallery(path) as gallery:
        gallery.add(x, labels=["Ann", "Ben", "Cy", "Cy"])
        gallery.remove(label="Ben")
        gallery.remove(label="Cy")
    with Gallery(path) as gallery:
        gallery.add(x[1:2], labels=["Di"])
        gallery.add(x[2:], labels=["Eve", "Di"])
        assert gallery.labels.tolist() == ["Ann", "Di", "Eve", "Di"]
        assert gallery.rename("Eve", "Cy") == 1
        assert gallery.remove(label="Di") == 2
    with Gallery(path) as gallery:
        assert gallery.labels.tolist() == ["Ann", "Cy"]


def test_labels_that_come_and_go_leave_nothing_behind(unit_rows, path):
    x, random, truth = unit_rows(400, 4), np.random.default_rng(0), {}
    with Gallery(path) as one, Gallery(path) as two:
        for turn in range(60):
            gallery = (one, two)[turn % 2]
            count = int(random.integers(1, 5))
            names = [f"person {turn} {number % 3}" for number in range(count)]
            truth.update(zip(gallery.add(x[turn : turn + count], labels=names).tolist(), names, strict=True))
            if turn % 5 == 3:
                face = int(random.choice(list(truth)))
                gallery.rename(truth[face], f"renamed {turn}")
                truth = {other: f"renamed {turn}" if name == truth[face] else name for other, name in truth.items()}
            if turn % 7 == 3:
                some = sorted(random.choice(list(truth), 2, replace=False).tolist())
                gallery.update(some, labels=[None, f"updated {turn}"])
                truth.update({some[0]: None, some[1]: f"updated {turn}"})
            if turn % 11 == 10:
                gallery.compact()
                assert gallery._held.labels.ever == len({*truth.values()} - {None})
            gone = random.choice(list(truth), max(0, len(truth) - 12), replace=False).tolist()
            gallery.remove(ids=gone)
            truth = {face: name for face, name in truth.items() if face not in gone}
            for each in (one, two):
                assert dict(zip(each.ids.tolist(), each.labels.tolist(), strict=True)) == truth
                assert each._held.labels.ever < 19  # 12 faces, and up to 4 that came with their labels before some went
    with Gallery(path) as gallery:
        assert dict(zip(gallery.ids.tolist(), gallery.labels.tolist(), strict=True)) == truth
        assert gallery.search(x[:3], where={"label": truth[max(truth)]}).ids.max() in truth


@pytest.mark.parametrize("in_memory", [False, True])
def test_compact_gives_numbers_of_labels_back(unit_rows, path, in_memory):
    x = np.repeat(unit_rows(300, 8), 2, axis=0)
    gallery = Gallery() if in_memory else Gallery(path)
    gallery.add(x, labels=[None if i % 7 == 0 else f"person {i // 2}" for i in range(600)])
    gallery.remove(ids=range(3, 590))
    before, known = gallery.labels.tolist(), gallery.calibrate([0.5])
    gallery.compact()
    assert (gallery.labels.tolist(), gallery.calibration) == (before, known)
    assert gallery._held.labels.ever == gallery._held.state.next_person == len({*before} - {None})
    gallery.add(x[:1], labels=["new"])
    assert gallery.labels.tolist() == [*before, "new"]
    gallery.close()
    if not in_memory:
        with Gallery(path) as again:
            assert again.labels.tolist() == [*before, "new"]


def test_a_gallery_names_so_many_people_at_a_time(unit_rows, monkeypatch):
    monkeypatch.setattr(held, "MOST_PEOPLE", 3)
    gallery, x = Gallery(), unit_rows(4, 4)
    for turn in range(5):
        gallery.remove(ids=gallery.add(x[:3], labels=[f"{turn} {i}" for i in range(3)]))
    gallery.add(x[:2], labels=["Ann", "Ben"])
    with pytest.raises(GalleryError, match="a gallery may name 3 people at a time, and this would be more"):
        gallery.add(x[:2], labels=["Cy", "Di"])
    gallery.add(x[:2], labels=["Cy", "Ann"])
    assert gallery.labels.tolist() == ["Ann", "Ben", "Cy", "Ann"]


def test_many_small_additions_make_few_chunks(unit_rows, path):
    x = unit_rows(100, 4)
    with Gallery(path) as gallery:
        for row in x:
            gallery.add(row[None])
        with sqlite3.connect(path) as database:
            assert database.execute("SELECT count(*) FROM chunks").fetchone()[0] < 10
        database.close()
        gallery.compact()
        np.testing.assert_array_equal(gallery.embeddings(), x)
        with sqlite3.connect(path) as database:
            assert database.execute("SELECT count(*) FROM chunks").fetchone()[0] == 1
        database.close()


def test_faces_join_last_chunks_that_are_no_larger(unit_rows, path, monkeypatch):
    monkeypatch.setattr("faceprint.store.CHUNK", 8)
    found = []
    with Gallery(path) as gallery:
        for count in (2, 2, 4, 3, 1, 1, 2, 9):
            gallery.add(unit_rows(count, 4))
            found.append([place.size for place in gallery._held.store.places()])
    assert found == [[2], [4], [8], [8, 3], [8, 3, 1], [8, 3, 2], [8, 7], [8, 7, 8, 1]]


def test_what_was_removed_is_gone_from_the_file(unit_rows, path):
    x = unit_rows(CHUNK + 20, 32)
    label, album, photo = "Rumpelstilzchen", "Spinnstube", "stroh.jpg"
    with Gallery(path) as gallery:
        gallery.add(x[:30], labels=[f"person {i}" for i in range(30)], metadata=[{"n": i} for i in range(30)])
        gone = gallery.add(x[30:31], labels=[label], metadata=[{"album": album}], photos=[photo])
        gallery.add(x[31:], labels=["Ann"] * (len(x) - 31), photos=["others.jpg"] * (len(x) - 31))
        secrets = [x[30].tobytes(), label.encode(), album.encode(), photo.encode()]
        written = b"".join(file.read_bytes() for file in path.parent.iterdir())
        assert all(secret in written for secret in secrets)
        assert gallery.remove(label=label) == 1
        gallery.compact()
        written = b"".join(file.read_bytes() for file in path.parent.iterdir())
        assert not any(secret in written for secret in secrets)
        with pytest.raises(GalleryError, match="ids must be in the gallery"):
            gallery.update(gone, labels=["x"])


def test_compact_says_when_somebody_keeps_the_journal(unit_rows, path):
    with Gallery(path, wait=0.1) as gallery:
        gallery.add(unit_rows(3), labels=["Ann", "Ben", "Cy"])
        reader = sqlite3.connect(path)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM people").fetchall()
        gallery.remove(label="Ann")
        with pytest.raises(GalleryError, match=r"is being read elsewhere: .* until compact\(\) is called again"):
            gallery.compact()
        reader.close()
        gallery.compact()
        assert len(gallery) == 2
