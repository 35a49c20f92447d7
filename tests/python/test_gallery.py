"""The gallery in memory: add, search, remove, and that refused calls leave it as it was."""

import copy
import pickle
import re
import threading
from dataclasses import replace

import numpy as np
import pytest

import faceprint as fp
from faceprint import Embedded, Faces, Gallery, GalleryError, nearest, some
from faceprint.store import Detail


def as_faces(x, fingerprint):
    n = len(x)
    return Faces(
        np.zeros((n, 4), np.float32),
        np.zeros((n, 5, 2), np.float32),
        np.ones(n, np.float32),
        None,
        np.zeros((n, 1, 1, 3), np.uint8),
        x,
        fingerprint,
    )


def nested(levels):
    """A mapping that is so many levels deep."""
    inner = []
    for _ in range(levels - 2):
        inner = [inner]
    return {"a": inner}


ITSELF = {"n": 1, "b": []}
ITSELF["b"].append(ITSELF)


def test_search_equals_nearest_and_names_what_it_finds(unit_rows):
    x, probes = unit_rows(50), unit_rows(4, seed=1)
    gallery = Gallery()
    assert gallery.add(x[:20], labels=[f"person {i}" for i in range(20)]).tolist() == list(range(20))
    assert gallery.add(x[20:]).tolist() == list(range(20, 50))
    found = gallery.search(probes, k=7)
    distances, indices = nearest(probes, x, 7)
    np.testing.assert_array_equal(found.ids, indices)
    np.testing.assert_array_equal(found.distances, distances)
    assert found.labels[0].tolist() == [f"person {i}" if i < 20 else None for i in indices[0]]
    assert len(found) == 4


def test_ids_stay_and_are_never_given_twice(unit_rows):
    x = unit_rows(6)
    gallery = Gallery()
    gallery.add(x, labels=["Ann", "Ben", "Ann", None, "Cy", "Cy"])
    assert gallery.remove(label="Ann") == 2
    assert gallery.remove(ids=[5]) == 1
    assert gallery.ids.tolist() == [1, 3, 4]
    assert gallery.labels.tolist() == ["Ben", None, "Cy"]
    np.testing.assert_array_equal(gallery.embeddings(), x[[1, 3, 4]])
    assert gallery.add(x[:1]).tolist() == [6]
    assert gallery.search(x[:1], k=1).ids.tolist() == [[6]]
    assert gallery.search(x[4:5], k=1).labels.tolist() == [["Cy"]]


def test_removed_in_any_order_and_named_twice(unit_rows):
    gallery = Gallery()
    gallery.add(unit_rows(5))
    assert gallery.remove(ids=[]) == 0
    assert gallery.remove(ids=[4, 0, 4]) == 2
    assert gallery.ids.tolist() == [1, 2, 3]
    for given in (5, 6):
        assert gallery.add(unit_rows(1)).tolist() == [given]
        gallery.remove(ids=[given])
    gallery.add(unit_rows(2))
    assert gallery.ids.tolist() == [1, 2, 3, 7, 8]


def test_what_is_handed_out_is_a_copy(unit_rows):
    gallery = Gallery()
    gallery.add(unit_rows(2))
    gallery.ids[0], gallery.labels[0] = 9, "x"
    assert gallery.ids.tolist() == [0, 1]
    assert gallery.labels.tolist() == [None, None]


def test_faces_give_their_fingerprint_to_rows_without_one(unit_rows):
    gallery = Gallery()
    gallery.add(unit_rows(3))
    assert gallery.fingerprint is None
    gallery.add(as_faces(unit_rows(2), "first"))
    assert gallery.fingerprint == "first"
    with pytest.raises(GalleryError, match="those of other cannot be compared"):
        gallery.add(as_faces(unit_rows(1), "other"))


def test_faces_bring_their_quality_and_photograph(unit_rows):
    faces = replace(as_faces(unit_rows(2), "first"), quality=np.float32([0.25, 0.5]), photo="party.jpg")
    gallery = Gallery()
    gallery.add(faces)
    gallery.add(faces, photos=["a.jpg", None], quality=[1, np.nan])
    found = [(entry.photo, entry.quality) for entry in gallery.iterate()]
    assert found == [("party.jpg", 0.25), ("party.jpg", 0.5), ("a.jpg", 1), (None, None)]


def test_fewer_rows_than_k_and_none_at_all(unit_rows):
    gallery = Gallery()
    assert gallery.search(unit_rows(3)).ids.shape == (3, 0)
    assert gallery.embeddings().shape == (0, 0)
    gallery.add(unit_rows(2))
    assert gallery.search(unit_rows(3), k=10).ids.shape == (3, 2)
    assert gallery.search(unit_rows(0), k=10).ids.shape == (0, 2)
    gallery.remove(ids=[0, 1])
    assert gallery.search(unit_rows(3)).ids.shape == (3, 0)
    with pytest.raises(GalleryError, match=r"must hold at least one embedding, not 0$"):
        _ = gallery.packed


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda g, x: g.add(x, labels=["a"]),
            ValueError,
            "one entry for each of the 3 embeddings, not 1",
        ),
        (
            lambda g, x: g.add(x, labels="abc"),
            TypeError,
            "a sequence of str or None, one a row, not str",
        ),
        (lambda g, x: g.add(x, labels=[1, 2, 3]), TypeError, "labels must be str or None, not int"),
        (lambda g, x: g.add(x, quality=[1]), ValueError, "for each of the 3 embeddings, not shape (1,)"),
        (lambda g, x: g.add(x, quality=[0, 1, 1.5]), ValueError, "quality must lie in [0, 1], or be NaN where it is"),
        (lambda g, x: g.add(x, photos=[b"a.jpg"] * 3), TypeError, "photos must be str or a path or None, not bytes"),
        (lambda g, x: g.add(x[:, :5]), ValueError, "embeddings must have shape (n, 128), not (3, 5)"),
        (lambda g, x: g.add(x * np.float32(np.nan)), ValueError, "embeddings must be finite"),
        (lambda g, x: g.add(x.astype(float)), TypeError, "embeddings must be float32, not float64"),
        (lambda g, x: g.add([[1.0]]), TypeError, "embeddings must be a numpy array or speak DLPack, not list"),
        (
            lambda g, x: g.add(as_faces(x, "other")),
            GalleryError,
            "of network first; those of other cannot",
        ),
        (lambda g, x: g.search(as_faces(x, "other")), GalleryError, "those of other cannot be compared"),
        (lambda g, x: g.search(x, k=0), ValueError, "k must be 1 or more, not 0"),
        (lambda g, x: g.remove(ids=[1, 99]), GalleryError, "ids must be in the gallery; these are not: [99]"),
        (lambda g, x: g.remove(ids=[0.5]), TypeError, "ids must be integers, not float64"),
        (lambda g, x: g.remove(ids=1), ValueError, "ids must have shape (n,), not ()"),
        (lambda g, x: g.update([[0], [1]], labels=["Ann", "Ben"]), ValueError, "ids must have shape (n,), not (2, 1)"),
        (lambda g, x: g.remove(ids=[True]), TypeError, "ids must be integers, not bool"),
        (lambda g, x: g.remove(), ValueError, "remove takes either ids or a label"),
        (lambda g, x: g.rename("a", 3), TypeError, "a label must be a str, not int"),
        (lambda g, x: g.merge("ab", "c"), TypeError, "labels must be a sequence of str, not a str"),
        (lambda g, x: g.merge([["a"]], "c"), TypeError, "a label must be a str, not list"),
        (lambda g, x: g.rename(["a"], "c"), TypeError, "a label must be a str, not list"),
        (lambda g, x: g.remove(label=b"a"), TypeError, "a label must be a str, not bytes"),
        (lambda g, x: g.remove(label=3), TypeError, "a label must be a str, not int"),
        (lambda g, x: g.remove(ids=[2**63]), ValueError, f"ids must be integers of 64 bits, not {2**63}"),
        (lambda g, x: g.remove(ids=[0, -(2**70)]), ValueError, f"ids must be integers of 64 bits, not -{2**70}"),
        (lambda g, x: g.remove(ids=np.array([0], object)), TypeError, "ids must be integers, not object"),
        (lambda g, x: g.add(x, labels=iter("abc")), TypeError, "labels must be a sequence of str or None, one a row"),
        (lambda g, x: g.add(x, labels={"a", "b", "c"}), TypeError, "sequence of str or None, one a row, not set"),
        (lambda g, x: g.add(x, labels=b"abc"), TypeError, "a sequence of str or None, one a row, not bytes"),
        (lambda g, x: g.add(x, metadata=[{1: 2}] * 3), TypeError, "metadata must have keys that are str, not int"),
        *(
            (
                lambda g, x, inner=inner: g.add(x, metadata=[None, {"a": inner}, None]),
                TypeError,
                f"metadata must have keys that are str, not {kind}",
            )
            for inner, kind in (({"1": "y", 1: "x"}, "int"), ([{"b": ({None: 2},)}], "NoneType"))
        ),
        *(
            (
                lambda g, x, deep=deep: g.update([0], metadata=[deep]),
                ValueError,
                "metadata must be nested at most 100 levels deep, and not hold itself",
            )
            for deep in (nested(101), nested(100_000), ITSELF)
        ),
        *(
            (
                lambda g, x, key=key: g.add(x, metadata=[None, {"n": 1, key: 2}, None]),
                ValueError,
                f"metadata must have other keys than '{key}', by which conditions mean another thing",
            )
            for key in ("label", "id", "photo")
        ),
        (lambda g, x: g.update([0], metadata=[{"id": 2}]), ValueError, "metadata must have other keys than 'id'"),
        (lambda g, x: g.search(x, k="3"), TypeError, "k must be a whole number, not str"),
        (lambda g, x: g.search(x, max_distance="1"), TypeError, "max_distance must be a number, not str"),
        (lambda g, x: g.search(x, min_distance=None), TypeError, "min_distance must be a number, not NoneType"),
        (lambda g, x: g.identify(x, max_distance=""), TypeError, "max_distance must be a number, not str"),
        (lambda g, x: g.search(x, min_quality="a"), TypeError, "min_quality must be a number, not str"),
        (lambda g, x: g.search(x, min_quality=np.nan), ValueError, "min_quality must lie in [0, 1], not nan"),
        (lambda g, x: g.identify(x, max_distance=1, min_quality=2), ValueError, "must lie in [0, 1], not 2"),
        (lambda g, x: Gallery().search(x, where="x"), TypeError, "where must be a mapping, not str"),
        (lambda g, x: g.search(x, where=[]), TypeError, "where must be a mapping, not list"),
        (lambda g, x: g.search(x, where={1: 2}), TypeError, "where must have keys that are str, not int"),
        (
            lambda g, x: g.search(x, where={"label": b"a"}),
            TypeError,
            "where: 'label' must be text or None, or a list of such, not bytes",
        ),
        (
            lambda g, x: g.search(x, where={"photo": ["a.jpg", 3]}),
            TypeError,
            "where: 'photo' must be text or None, or a list of such, not int",
        ),
        (
            lambda g, x: g.search(x, where={"year": b"a"}),
            TypeError,
            "where: 'year' must be text, a number or None, or a list of such, not bytes",
        ),
        (
            lambda g, x: g.search(x, where={"id": [1, 2**63]}),
            ValueError,
            f"where: 'id' must be an integer of 64 bits, not {2**63}",
        ),
        (
            lambda g, x: g.search(x, where={"year": "\ud800"}),
            ValueError,
            "where: 'year' must be text that UTF-8 can hold, not '\\ud800'",
        ),
        (
            lambda g, x: g.search(x, where={"\ud800": 1}),
            ValueError,
            "a key of where must be text that UTF-8 can hold, not '\\ud800': surrogates not allowed",
        ),
    ],
)
def test_refused_calls_change_nothing(unit_rows, call, error, text):
    x = unit_rows(3)
    gallery = Gallery()
    gallery.add(as_faces(x, "first"), labels=["a", "b", "c"])
    with pytest.raises(error, match=re.escape(text)):
        call(gallery, x)
    assert gallery.labels.tolist() == ["a", "b", "c"]
    assert gallery.fingerprint == "first"
    np.testing.assert_array_equal(gallery.embeddings(), x)


@pytest.mark.parametrize("options", [{"key": "secret"}, {"read_only": True}])
def test_a_gallery_in_memory_has_no_key_and_can_be_changed(options):
    with pytest.raises(ValueError, match=r"^a gallery in memory has no key and is not for reading only: path"):
        Gallery(**options)
    assert Gallery().path is None


def test_metadata_that_has_a_key_of_the_face_itself_stays(unit_rows, tmp_path):
    """Galleries had some before they were refused."""
    gallery = Gallery()
    (face,) = gallery.add(unit_rows(1), labels=["Ann"], metadata=[{"n": 1}]).tolist()
    with gallery._held.changing():
        gallery._held.write_details({face: Detail('{"label": "Ben"}', None)})
    gallery.update([face], photos=["a.jpg"])
    assert [(entry.label, entry.metadata) for entry in gallery.iterate()] == [("Ann", {"label": "Ben"})]
    gallery.export(tmp_path / "people.npz")
    other = Gallery()
    other.import_from(tmp_path / "people.npz")
    assert next(other.iterate()).metadata == {"label": "Ben"}


def test_metadata_of_the_most_levels_can_be_asked_for(unit_rows, tmp_path):
    with Gallery(tmp_path / "people.faceprint") as gallery:
        gallery.add(unit_rows(2), metadata=[nested(100), {"n": 1}])
        assert [entry.id for entry in gallery.iterate({"n": 1})] == [1]
        assert next(gallery.iterate()).metadata == nested(100)


def test_merging_nobody_changes_nothing(unit_rows):
    gallery = Gallery()
    gallery.add(unit_rows(12), labels=["Ann", "Ben"] * 6)
    gallery.calibrate([0.5])
    assert gallery.merge([], "Cy") == gallery.merge(["Ann"], "Ann") == gallery.merge([], "Ann") == 0
    assert len(gallery.calibration) == 1
    assert gallery.rename("Ann", "Cy") == 6
    assert gallery.merge(["Cy"], "Di") == 6
    assert gallery.labels.tolist() == ["Di", "Ben"] * 6


def test_a_gallery_tells_what_it_holds(unit_rows, tmp_path):
    assert repr(Gallery(storage="int8")) == "<Gallery in memory: faces=0, people=0, dimension=None, storage=int8>"
    path = tmp_path / "people.faceprint"
    gallery = Gallery(path)
    gallery.add(unit_rows(3, 8), labels=["Ann", "Ann", None])
    assert repr(gallery) == f"<Gallery {path}: faces=3, people=1, dimension=8, storage=float32>"
    path.unlink()  # which it does not look at
    assert repr(gallery) == f"<Gallery {path}: faces=3, people=1, dimension=8, storage=float32>"
    gallery.close()
    assert repr(gallery) == f"<Gallery {path}: closed>"


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_gallery_cannot_be_copied(unit_rows, way, tmp_path):
    said = "Gallery cannot be copied or pickled: open it again by its path, or export one that lives in memory"
    for gallery in (Gallery(), Gallery(tmp_path / "people.faceprint")):
        gallery.add(unit_rows(3))
        with pytest.raises(TypeError, match=f"^{said}$"):
            way(gallery)
        assert len(gallery) == 3
        gallery.close()


def test_faces_that_leave_meanwhile_are_passed_over(unit_rows, monkeypatch):
    monkeypatch.setattr("faceprint.gallery.CHUNK", 2)
    gallery = Gallery()
    gallery.add(unit_rows(7), labels=list("abcdefg"))
    found = []
    for entry in gallery.iterate():
        found.append(entry.label)
        if entry.label == "b":
            gallery.remove(ids=[2, 3, 5])
    assert found == ["a", "b", "e", "g"]


def test_a_refused_first_call_decides_nothing(unit_rows):
    gallery = Gallery()
    with pytest.raises(ValueError, match="finite"):
        gallery.add(unit_rows(1, 7) * np.float32(np.inf))
    gallery.add(unit_rows(2, 5))
    assert gallery.packed.columns == 5


def test_many_threads_see_whole_states(unit_rows):
    x = unit_rows(64)
    gallery = Gallery()
    gallery.add(x[:1], labels=["0"])
    wrong = []

    def look():
        for _ in range(50):
            found = gallery.search(x[:1], k=64)
            if any(not re.fullmatch(str(i), label) for i, label in zip(found.ids[0], found.labels[0], strict=True)):
                wrong.append(found)

    readers = [threading.Thread(target=look) for _ in range(4)]
    for reader in readers:
        reader.start()
    for row in range(1, 64):
        gallery.add(x[row : row + 1], labels=[str(row)])
    for reader in readers:
        reader.join()
    assert not wrong
    assert len(gallery) == 64


@pytest.mark.parametrize("storage", ["float32", "float16", "int8"])
def test_storage(storage, unit_rows):
    rows = unit_rows(3000)
    gallery = Gallery(storage=storage)
    assert gallery.storage == storage
    gallery.add(rows)
    found = gallery.search(rows[:50], k=3)
    np.testing.assert_array_equal(found.ids[:, 0], np.arange(50))
    assert (found.reranked > 0) == (storage == "float32")
    np.testing.assert_allclose(gallery.embeddings(), rows, atol={"float32": 0, "float16": 1e-3, "int8": 2e-3}[storage])


def test_refuses_an_unknown_storage():
    with pytest.raises(ValueError, match=r"^storage must be 'float32', 'float16' or 'int8', not 'int4'$"):
        Gallery(storage="int4")


def everything(x, probes, k, allowed):
    """The k nearest allowed rows of each probe, by all distances."""
    between = ((probes[:, None].astype(float) - x[None]) ** 2).sum(axis=2)
    order = np.argsort(np.where(allowed, between, np.inf), axis=1, kind="stable")[:, :k]
    found = np.take_along_axis(np.where(allowed, between, np.inf), order, axis=1)
    return np.where(np.isinf(found), -1, order)


@pytest.mark.parametrize("storage", ["float32", "float16"])
def test_conditions_leave_rows_out_and_nothing_else(unit_rows, storage):
    x, probes = unit_rows(400, 16), unit_rows(7, 16, seed=1)
    gallery = Gallery(storage=storage)
    names = [None if i % 5 == 0 else f"person {i % 40}" for i in range(400)]
    gallery.add(
        x,
        labels=names,
        metadata=[{"year": 1990 + i % 7, "album": "A" if i % 2 else None} if i % 3 else None for i in range(400)],
        photos=[f"{i // 2}.jpg" if i < 100 else None for i in range(400)],
    )
    x, at = gallery.embeddings(), np.arange(400)
    labelled = np.array([name is not None for name in names])
    year = np.where(at % 3, 1990 + at % 7, 0)
    cases = [
        ({"label": "person 3"}, np.array([name == "person 3" for name in names])),
        ({"label": ["person 3", "nobody", None]}, ~labelled | np.array([name == "person 3" for name in names])),
        ({"label": None}, ~labelled),
        ({"id": [5, 7, 399, 1000]}, np.isin(at, [5, 7, 399])),
        ({"year": 1993}, year == 1993),
        ({"year": [1993, None]}, (year == 1993) | (year == 0)),
        ({"album": "A", "year": [1990, 1991]}, (at % 2 == 1) & np.isin(year, [1990, 1991])),
        ({"photo": "3.jpg"}, np.isin(at, [6, 7])),
        ({"photo": None}, at >= 100),
        ({"nothing": "here"}, np.zeros(400, bool)),
        ({"nothing": None}, np.ones(400, bool)),
    ]
    for where, allowed in cases:
        found = gallery.search(probes, k=9, where=where)
        np.testing.assert_array_equal(found.ids, everything(x, probes, 9, allowed), err_msg=str(where))
        assert np.isinf(found.distances[found.ids < 0]).all()
        assert all(label is None for label in found.labels[found.ids < 0])


ODD_KEYS = ("année", "anne\u0301e", 'a"b', "a\\b", "a.b", "a[0]", "a", "$", "$.a", "", "\x7f", "\n", "\\u00e9", "😀")


@pytest.mark.parametrize(("file", "key"), [(None, None), ("people.faceprint", None), ("people.faceprint", "secret")])
def test_conditions_on_metadata_under_any_key(unit_rows, tmp_path, file, key):
    if key is not None:
        pytest.importorskip("sqlcipher3")
    told = [{odd: n, "other": odd} for n, odd in enumerate(ODD_KEYS)]
    with Gallery(file and tmp_path / file, key=key) as gallery:
        gallery.add(unit_rows(len(told) + 2), metadata=[*told, {}, None])
        for n, odd in enumerate(ODD_KEYS):
            assert [entry.id for entry in gallery.iterate({odd: [n, "x"]})] == [n], odd
            assert [entry.id for entry in gallery.iterate({odd: None})] == [i for i in range(len(told) + 2) if i != n]
            assert [entry.id for entry in gallery.iterate({odd: None, "other": odd})] == []
            assert [entry.id for entry in gallery.iterate({"other": odd})] == [n]


def test_conditions_on_metadata_of_any_value(unit_rows):
    told = [1, 1.0, True, "1", None, 2**63, -0.0, 0.1, [1], {"a": 1}, {"b": [{"a": 1}]}, "année", 'a"b']
    gallery = Gallery()
    gallery.add(unit_rows(len(told)), metadata=[{"a": value, "b": {"a": "inner"}} for value in told])
    for wanted, found in [
        (1, [0, 1, 2]),
        (1.0, [0, 1, 2]),
        (True, [0, 1, 2]),
        ("1", [3]),
        (None, [4]),
        (2.0**63, [5]),
        (0, [6]),
        (False, [6]),
        ([0.1, None], [4, 7]),
        (["année", 'a"b'], [11, 12]),
        ("inner", []),
    ]:
        assert [entry.id for entry in gallery.iterate({"a": wanted})] == found, wanted


def test_an_update_leaves_what_is_not_given(unit_rows):
    gallery = Gallery()
    gallery.add(unit_rows(2), labels=["Ann", "Ben"], metadata=[{"n": 1}, None], photos=["1.jpg", "2.jpg"])

    def updated(ids, **given):
        gallery.update(ids, **given)
        return [(entry.label, entry.metadata, entry.photo) for entry in gallery.iterate()]

    assert updated([1], metadata=[{"n": 2}]) == [("Ann", {"n": 1}, "1.jpg"), ("Ben", {"n": 2}, "2.jpg")]
    assert updated([1], photos=["3.jpg"]) == [("Ann", {"n": 1}, "1.jpg"), ("Ben", {"n": 2}, "3.jpg")]
    assert updated([0], labels=["Cy"]) == [("Cy", {"n": 1}, "1.jpg"), ("Ben", {"n": 2}, "3.jpg")]
    assert updated([1, 0], metadata=[{"n": 3}, None]) == [("Cy", None, "1.jpg"), ("Ben", {"n": 3}, "3.jpg")]
    assert updated([0, 1], photos=[None, None]) == [("Cy", None, None), ("Ben", {"n": 3}, None)]


def test_rows_are_copied_out_only_where_an_eighth_or_fewer_are_asked_for(unit_rows, monkeypatch):
    copied, search_alone = [], some.search_alone

    def watched(probes, gallery, k, few, *rest):
        copied.append(len(few))
        return search_alone(probes, gallery, k, few, *rest)

    monkeypatch.setattr(some, "search_alone", watched)
    gallery = Gallery()
    gallery.add(unit_rows(80))
    for rows in (1, 10, 11, 80):
        gallery.search(unit_rows(1), where={"id": list(range(rows))})
    assert copied == [1, 10]


def test_distances_leave_rows_out(unit_rows):
    x = unit_rows(300, 8)
    gallery = Gallery()
    gallery.add(x)
    between = ((x[:20, None].astype(float) - x[None]) ** 2).sum(axis=2)
    found = gallery.search(x[:20], k=4, min_distance=1e-5)
    np.testing.assert_array_equal(found.ids, everything(x, x[:20], 4, between > 1e-5))
    limit = float(gallery.search(x[:1], k=4).distances[0, 3])
    near = gallery.search(x[:1], k=10, max_distance=limit)
    assert (near.ids >= 0).sum() == 4
    few = gallery.search(x[:20], k=300, max_distance=0.4, where={"id": list(range(30))})
    np.testing.assert_array_equal((few.ids >= 0).sum(axis=1), (between[:, :30] <= 0.4).sum(axis=1))
    for name, wrong in (("min_distance", -1), ("max_distance", 5)):
        with pytest.raises(ValueError, match=rf"^{name} must be a squared distance in \[0, 4\], not {wrong}$"):
            gallery.search(x[:1], **{name: wrong})
    with pytest.raises(TypeError, match=r"where: 'id' must be an integer, or a list of some, not \[0.5\]"):
        gallery.search(x[:1], where={"id": [0.5]})
    with pytest.raises(TypeError, match="where: 'year' must be text, a number or None, or a list of such, not dict"):
        gallery.search(x[:1], where={"year": {}})


def test_int8_rows_are_found_alone_as_among_all(unit_rows):
    x = unit_rows(500, 24)
    gallery = Gallery(storage="int8")
    gallery.add(x)
    few = gallery.search(x[:9], k=500, where={"id": list(range(20))})
    every = gallery.search(x[:9], k=500)
    for probe in range(9):
        among = every.ids[probe] < 20
        np.testing.assert_array_equal(few.ids[probe, :20], every.ids[probe][among])
        np.testing.assert_array_equal(few.distances[probe, :20], every.distances[probe][among])


def test_far_takes_the_threshold_of_the_recipe(unit_rows, model, tmp_path):
    recipe = model.recipe
    made = fp.synthetic.people(600, 40, junk=0, seed=1).embeddings
    gallery = Gallery()
    gallery.add(Embedded(made, recipe.fingerprint))
    for far in (1e-2, 1e-3, 3e-4):
        found, limited = (
            gallery.search(made[:50], k=9, **limit) for limit in ({"far": far}, {"max_distance": recipe.threshold(far)})
        )
        np.testing.assert_array_equal(found.ids, limited.ids)
        assert 0 < (found.ids < 0).sum() < found.ids.size
    with pytest.raises(fp.RecipeError, match=r"states thresholds for FAR 0\.0001 to 0\.1, not 1e-06"):
        gallery.search(made[:1], far=1e-6)
    with pytest.raises(ValueError, match="search takes either far or max_distance"):
        gallery.search(made[:1], far=1e-3, max_distance=0.1)


def test_far_wants_the_recipe_of_all_embeddings(unit_rows, model):
    x, own = unit_rows(5, 6), replace(model.recipe, dimension=6, name="own")
    for known, network in ((x, "an unknown network"), (Embedded(x, own.fingerprint), f"network {own.fingerprint}")):
        gallery = Gallery()
        gallery.add(known)
        with pytest.raises(GalleryError, match=rf"far needs the recipe of {network}: Gallery\(recipe=model.recipe\)"):
            gallery.search(x, far=1e-3)
    gallery = Gallery(recipe=own)
    assert gallery.search(x, far=1e-3).ids.shape == (5, 0)
    gallery.add(x)
    limited = gallery.search(x, max_distance=own.threshold(1e-3))
    assert gallery.search(x, far=1e-3).ids.tolist() == limited.ids.tolist()
    with pytest.raises(GalleryError, match="some embeddings were upgraded from new: give max_distance"):
        gallery.search(Embedded(x, own.fingerprint, "new"), far=1e-3)
    gallery.add(Embedded(x, own.fingerprint, "newer"))
    with pytest.raises(GalleryError, match="some embeddings were upgraded from newer: give max_distance"):
        gallery.search(x, far=1e-3)
    with pytest.raises(fp.RecipeError, match="states no thresholds; give one"):
        Gallery(recipe=replace(own, thresholds=())).search(x, far=1e-3)
    gallery = Gallery(recipe=own)
    gallery.add(as_faces(x, "first"))
    with pytest.raises(GalleryError, match=r"of network first; those of .* cannot be compared"):
        gallery.search(x, far=1e-3)
