"""Approximate search: distances of the exact one, a recall that is measured, and never a face that was removed."""

import copy
import pickle
import sys

import numpy as np
import pytest

from faceprint import Embedded, Gallery, GalleryError
from faceprint.approximate import FIRST, PORTION

POOR = {"connectivity": 3, "expansion_add": 4, "expansion_search": 2, "threads": 1}


def assert_as_exact(index, gallery, probes, k):
    """What was found has the gallery's own distances, labels and order; most of the nearest are found."""
    found, every = index.search(probes, k), gallery.search(probes, len(gallery))
    for probe in range(len(probes)):
        exact = dict(zip(every.ids[probe].tolist(), every.distances[probe].tolist(), strict=True))
        ids = found.ids[probe].tolist()
        assert len(set(ids)) == len(ids) == min(k, len(gallery))
        assert found.distances[probe].tolist() == [exact[face] for face in ids]
        order = sorted(ids, key=lambda face: (exact[face], face))
        assert ids == order
    labels = dict(zip(gallery.ids.tolist(), gallery.labels.tolist(), strict=True))
    assert found.labels.tolist() == [[labels[face] for face in row] for row in found.ids.tolist()]
    hits = [len(set(a) & set(b)) for a, b in zip(found.ids.tolist(), every.ids[:, :k].tolist(), strict=True)]
    assert np.mean(hits) > 0.9 * min(k, len(gallery))


@pytest.mark.parametrize("storage", ["float32", "float16", "int8"])
def test_what_is_found_is_as_in_the_exact_search(unit_rows, storage):
    x, gallery = unit_rows(700, 24), Gallery(storage=storage)
    gallery.add(np.concatenate([x, x[:50]]), labels=[f"person {i % 90}" for i in range(750)])
    index = gallery.approximate()
    assert_as_exact(index, gallery, x[:40], 7)
    assert_as_exact(index, gallery, unit_rows(1, 24, seed=3), 7)
    assert index.search(x[:0], 3).ids.shape == (0, 3)
    assert index.search(x[:2], 1000).ids.shape == (2, 750)
    near = index.search(x[:40], 7, max_distance=0.6)
    assert (near.distances[near.ids >= 0] <= 0.6).all()
    assert 40 < (near.ids >= 0).sum() < 280
    assert (near.labels[near.ids < 0] == np.array(None)).all()


def test_it_follows_the_gallery(unit_rows, tmp_path):
    x = unit_rows(900, 16)
    with Gallery(tmp_path / "x") as gallery, Gallery(tmp_path / "x") as other:
        index = gallery.approximate()
        assert (len(index), index.search(x[:3]).ids.shape) == (0, (3, 0))
        gallery.add(x[:300], labels=["Ann", "Ben", "Cy"] * 100)
        assert_as_exact(index, gallery, x[:30], 5)
        other.remove(ids=range(50, 150))
        other.add(x[300:400])
        assert_as_exact(index, gallery, x[:30], 5)
        gallery.rename("Ann", "Anna")
        other.update([1], labels=["Di"])
        assert_as_exact(index, gallery, x[:30], 5)
        assert index._stale == 0  # the new ones took the places of the old
        gallery.remove(ids=range(150, 180))
        index.search(x[:1])
        assert index._stale == 30
        before = index._graph
        gallery.remove(ids=range(300, 400))
        gallery.remove(label="Ben")
        assert_as_exact(index, gallery, x[:30], 5)
        assert index._graph is not before  # more had left than stayed
        gallery.remove(ids=gallery.ids)
        assert (len(index), index.search(x[:3]).ids.shape) == (0, (3, 0))
        gallery.add(x[400:])
        assert_as_exact(index, gallery, x[400:430], 5)


def test_half_may_leave_before_it_is_built_anew(unit_rows):
    gallery = Gallery()
    gallery.add(unit_rows(60, 8))
    index = gallery.approximate()
    before = index._graph
    gallery.remove(ids=range(30))
    index.search(unit_rows(1, 8))
    assert index._graph is before
    gallery.remove(ids=[30])
    index.search(unit_rows(1, 8))
    assert index._graph is not before


def test_a_removed_face_is_never_found(unit_rows):
    x, rng = unit_rows(600, 8), np.random.default_rng(0)
    gallery = Gallery()
    gallery.add(x[:200])
    index = gallery.approximate(**POOR)
    for turn in range(40):
        gone = rng.choice(gallery.ids, int(rng.integers(1, 12)), replace=False)
        gallery.remove(ids=gone)
        found = index.search(x, 8).ids
        assert not np.isin(found, gone).any()
        assert np.isin(found[found >= 0], gallery.ids).all()
        gallery.add(x[200 + 5 * turn : 205 + 5 * turn])


@pytest.mark.parametrize("own", [True, False])
def test_recall_is_what_is_counted(unit_rows, own):
    x, gallery = unit_rows(900, 12), Gallery()
    gallery.add(x)
    index = gallery.approximate(**POOR)
    probes = None if own else unit_rows(80, 12, seed=5)
    told = index.recall(probes, 6)
    at = range(900) if own else range(80)
    asked = x if own else probes
    hits = 0
    for probe, exact, found in zip(
        at, gallery.search(asked, 7).ids.tolist(), index.search(asked, 7 if own else 6).ids.tolist(), strict=True
    ):
        nearest = [face for face in exact if not own or face != probe][:6]
        hits += len(set(nearest) & set(found))
    assert told.value == pytest.approx(hits / (6 * len(at)))
    assert 0.1 < told.low < told.value < told.high < 0.999
    assert (told.probes, told.k) == (len(at), 6)
    better = gallery.approximate(connectivity=16, expansion_add=200, expansion_search=900).recall(probes, 6)
    assert (better.value, better.high) == (1, 1)


def test_recall_of_few_faces(unit_rows):
    gallery = Gallery()
    index = gallery.approximate()
    with pytest.raises(ValueError, match="recall wants two faces in the gallery, or one and probes"):
        index.recall()
    gallery.add(unit_rows(1))
    with pytest.raises(ValueError, match="recall wants two faces in the gallery, or one and probes"):
        index.recall()
    assert index.recall(unit_rows(3)).k == 1
    gallery.add(unit_rows(1))  # the same face again: both are the nearest of the other
    assert (index.recall().value, index.recall().k) == (1, 1)
    with pytest.raises(ValueError, match="x must hold at least one embedding, not 0"):
        index.recall(unit_rows(0))


def test_building_tells_its_progress_and_may_be_ended(unit_rows):
    gallery, told = Gallery(), []
    gallery.add(unit_rows(FIRST + PORTION + 20, 4))
    gallery.approximate(progress=told.append)
    assert told == [rows / len(gallery) for rows in (FIRST, FIRST + PORTION, len(gallery))]

    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gallery.approximate(progress=interrupt)


def test_it_is_built_anew_after_an_error(unit_rows):
    x, gallery = unit_rows(200, 8), Gallery()
    gallery.add(x[:100])
    index = gallery.approximate()
    gallery.add(x[100:])
    add = index._graph.add

    class Interrupted:
        __len__ = index._graph.__len__

        def add(self, *arguments, **options):
            add(*arguments, **options)
            raise KeyboardInterrupt

    index._graph = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        index.search(x[:1])
    assert_as_exact(index, gallery, x[:30], 5)


@pytest.mark.parametrize(
    ("said", "error"), [("Operation has been terminated", KeyboardInterrupt), ("Out of memory", RuntimeError)]
)
@pytest.mark.parametrize("call", ["add", "search"])
def test_what_usearch_makes_of_ctrl_c_is_ctrl_c(unit_rows, monkeypatch, call, said, error):
    x, gallery = unit_rows(200, 8), Gallery()
    gallery.add(x[:100])
    index = gallery.approximate()
    gallery.add(x[100:])

    def end(*_, **__):
        raise RuntimeError(said)

    monkeypatch.setattr(index._graph, call, end)
    with pytest.raises(error):
        index.search(x[:1])
    monkeypatch.undo()
    assert_as_exact(index, gallery, x[:30], 5)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda index, x: index.search(x, 0), ValueError, "k must be 1 or more, not 0"),
        (lambda index, x: index.search(x, threads="2"), TypeError, "^threads must be a whole number, not str$"),
        (lambda index, x: index.recall(threads=-1), ValueError, "^threads must be 0 or more, not -1$"),
        (lambda index, x: index.search(x[:, :5]), ValueError, r"embeddings must have shape \(n, 8\), not \(3, 5\)"),
        (lambda index, x: index.search(x * np.float32(np.nan)), ValueError, "embeddings must be finite: row 0 is not"),
        (lambda index, x: index.search(x, max_distance=5), ValueError, r"^max_distance must be a squared distance in"),
        (lambda index, x: index.search(Embedded(x, "other")), GalleryError, "those of other cannot be compared"),
        (lambda index, x: index.recall(Embedded(x, "other")), GalleryError, "those of other cannot be compared"),
    ],
)
def test_refused(unit_rows, call, error, text):
    gallery = Gallery()
    gallery.add(Embedded(unit_rows(5, 8), "network"))
    with pytest.raises(error, match=text):
        call(gallery.approximate(), unit_rows(3, 8))


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"connectivity": 1}, ValueError, "connectivity must be 2 or more, not 1"),
        ({"connectivity": "a"}, TypeError, "connectivity must be a whole number, not str"),
        ({"expansion_add": -1}, ValueError, "expansion_add must be 1 or more, not -1"),
        ({"expansion_search": 0.5}, TypeError, "expansion_search must be a whole number, not float"),
        ({"threads": -1}, ValueError, "threads must be 0 or more, not -1"),
    ],
)
def test_options_that_are_refused(unit_rows, options, error, text):
    gallery = Gallery()
    gallery.add(unit_rows(5, 8))
    with pytest.raises(error, match=f"^{text}$"):
        gallery.approximate(**options)


def test_it_tells_what_it_is_and_cannot_be_copied(unit_rows):
    gallery = Gallery()
    gallery.add(unit_rows(5, 8))
    index = gallery.approximate(connectivity=np.int64(8))
    options = "connectivity=8, expansion_add=128, expansion_search=64"
    assert repr(index) == f"<ApproximateIndex of the gallery: faces=5, {options}>"
    said = "^ApproximateIndex cannot be copied or pickled: make another by Gallery.approximate$"
    for way in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match=said):
            way(index)


def test_it_wants_usearch_and_an_open_gallery(unit_rows, monkeypatch):
    gallery = Gallery()
    gallery.add(unit_rows(2))
    index = gallery.approximate()
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "usearch.index", None)
        with pytest.raises(ModuleNotFoundError, match=r"needs usearch: pip install 'faceprint\[approximate\]'"):
            gallery.approximate()
    gallery.close()
    with pytest.raises(GalleryError, match="the gallery is closed"):
        index.search(unit_rows(1))
