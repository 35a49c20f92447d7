"""Who is it: people in place of photographs, thresholds that say how many strangers are named, and "unknown"."""

import numpy as np
import pytest

import faceprint as fp
from faceprint import Gallery, GalleryError, calibrated
from faceprint.evaluate.identification import FIRST, identification, nearest_own_and_other


def between(a, b):
    return ((a[:, None].astype(float) - b[None]) ** 2).sum(axis=2)


@pytest.fixture
def named(unit_rows):
    x, rng = unit_rows(300, 12), np.random.default_rng(2)
    people = rng.integers(-1, 25, 300)
    gallery = Gallery()
    gallery.add(x, labels=[None if person < 0 else f"person {person}" for person in people])
    return gallery, x, people


@pytest.mark.parametrize("score", ["best", "mean"])
@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("k", [1, 4, 40])
def test_people_are_those_of_all_distances(named, unit_rows, score, together, k):
    gallery, x, people = named
    probes = unit_rows(6, 12, seed=3)
    apart = between(probes, x)
    scores = np.stack(
        [(apart[:, people == person].min if score == "best" else apart[:, people == person].mean)(axis=1)
         for person in range(25)], axis=1
    )  # fmt: skip
    if together:
        scores = (scores.min if score == "best" else scores.mean)(axis=0)[None]
    order = np.argsort(scores, axis=1, kind="stable")[:, :k]
    found = gallery.identify(probes, k, max_distance=0.5, score=score, together=together)
    assert found.labels[:, :25].tolist() == [[f"person {person}" for person in row] for row in order]
    np.testing.assert_allclose(found.distances[:, :25], np.take_along_axis(scores, order, axis=1), atol=1e-5)
    assert (found.labels[:, 25:] == np.array(None)).all()
    assert np.isinf(found.distances[:, 25:]).all()
    assert (found.ids[:, 25:] == -1).all()
    assert found.known.tolist() == (scores.min(axis=1) <= 0.5).tolist()
    owners = gallery.labels[found.ids[:, :25]]
    assert owners.tolist() == found.labels[:, :25].tolist()
    if score == "best" and not together:
        np.testing.assert_allclose(
            np.take_along_axis(apart, found.ids[:, :25], axis=1), found.distances[:, :25], atol=1e-5
        )


def test_conditions_on_people(named, unit_rows):
    gallery = named[0]
    probes = unit_rows(4, 12, seed=4)
    found = gallery.identify(probes, 2, max_distance=4, where={"label": ["person 3", "person 9"]})
    assert {label for row in found.labels for label in row} == {"person 3", "person 9"}
    assert gallery.identify(probes, 1, max_distance=4, where={"label": None}).labels.tolist() == [[None]] * 4
    empty = Gallery().identify(probes, 2, max_distance=1)
    assert (empty.labels.shape, empty.known.any(), len(empty)) == ((4, 2), False, 4)


@pytest.mark.parametrize("score", ["best", "mean"])
@pytest.mark.parametrize("together", [False, True])
def test_nobody_where_no_face_or_no_probe_is_left(named, unit_rows, score, together):
    options = {"max_distance": 4, "score": score, "together": together}
    for probes, where in ((unit_rows(4, 12), {"label": None}), (unit_rows(0, 12), None)):
        found = named[0].identify(probes, 2, where=where, **options)
        answers = 1 if together else len(probes)
        assert found.labels.tolist() == [[None, None]] * answers
        assert found.ids.tolist() == [[-1, -1]] * answers
        assert not found.known.any()


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({}, ValueError, "identify takes either fpir or max_distance"),
        ({"fpir": 0.1, "max_distance": 1}, ValueError, "identify takes either fpir or max_distance"),
        ({"k": 0, "max_distance": 1}, ValueError, "k must be 1 or more, not 0"),
        ({"score": "worst", "max_distance": 1}, ValueError, "score must be 'best' or 'mean', not 'worst'"),
        ({"score": "mean", "fpir": 0.1}, ValueError, "fpir is that of single probes by score 'best'"),
        ({"together": True, "fpir": 0.1}, ValueError, "fpir is that of single probes by score 'best'"),
        ({"fpir": 0.1}, GalleryError, r"that the gallery was calibrated for \(none\), not 0.1"),
        ({"max_distance": 5}, ValueError, r"^max_distance must be a squared distance in \[0, 4\], not 5$"),
        ({"fpir": "0.1"}, TypeError, "^fpir must be a number, not str$"),
    ],
)
def test_refused(named, unit_rows, options, error, text):
    with pytest.raises(error, match=text):
        named[0].identify(unit_rows(1, 12), **options)


def test_nearest_own_and_other_are_those_of_all_distances(unit_rows):
    x = unit_rows(200, 6)
    people = np.repeat([0, 1, 2, 3], [150, 30, 19, 1])  # most neighbours of the first are his own
    x[:150] = x[0] + 0.01 * x[:150]
    own, other = nearest_own_and_other(x, people)
    apart = between(x, x)
    apart[np.eye(200, dtype=bool)] = np.inf
    same = people[:, None] == people
    np.testing.assert_allclose(other, np.where(same, np.inf, apart).min(axis=1), atol=1e-5)
    expected = np.where(same, apart, np.inf).min(axis=1)
    seen = np.isfinite(own)
    np.testing.assert_allclose(own[seen], expected[seen], atol=1e-5)
    assert ((np.where(same, np.inf, apart) < expected[:, None]).sum(axis=1)[~seen & (people < 3)] >= FIRST).all()
    assert np.isinf(own[-1])


def test_rates_are_counted_by_leaving_out(unit_rows):
    made = fp.synthetic.people(900, 150, junk=0, seed=3)
    x, people = made.embeddings, made.people
    for entry in fp.evaluate.identification(x, people, [0.2, 0.05, 0.01]):
        apart = between(x, x)
        apart[np.eye(len(x), dtype=bool)] = np.inf
        same = people[:, None] == people
        other, own = np.where(same, np.inf, apart).min(axis=1), np.where(same, apart, np.inf).min(axis=1)
        known = np.bincount(people)[people] > 1
        assert entry.fpir == pytest.approx((other <= entry.threshold).mean(), abs=2 / 900)
        hit = (own <= entry.threshold) & (own < other)
        assert entry.fnir == pytest.approx(1 - hit[known].mean(), abs=2 / 900)
        assert entry.fpir_low < entry.fpir < entry.fpir_high
        assert entry.fnir_low <= entry.fnir <= entry.fnir_high
        assert (entry.faces, entry.people, entry.known) == (900, people.max() + 1, known.sum())


@pytest.mark.parametrize(
    ("labels", "rates", "text"),
    [
        ([0] * 50, [0.1], "labels must be those of two people or more, not 1"),
        (list(range(50)), [1e-3, 1e-4], "FPIR 0.001 needs about 3,000 faces, and these are 50"),
        (list(range(50)), [0], "rates must lie between 0 and 1, not 0"),
        (list(range(50)), [], "^rates must be one or more, not none$"),
        (list(range(50)), 0.1, r"^rates must have shape \(n,\), not \(\)$"),
    ],
)
def test_what_cannot_be_told(unit_rows, labels, rates, text):
    with pytest.raises(ValueError, match=text):
        fp.evaluate.identification(unit_rows(50), np.array(labels), rates)


def test_a_gallery_keeps_its_calibration_until_somebody_changes(tmp_path):
    made = fp.synthetic.people(800, 150, junk=0, seed=5)
    with Gallery(tmp_path / "gallery") as gallery:
        gallery.add(made.embeddings, labels=[f"{person}" for person in made.people])
        entries = gallery.calibrate([0.1, 0.05, 1e-4])
        assert len(entries) == 2
        with Gallery(tmp_path / "gallery") as other:
            assert other.calibration == entries
            strangers = fp.synthetic.people(400, 100, seed=6).embeddings
            found = other.identify(strangers, fpir=0.05)
            assert (found.threshold, found.fpir) == (entries[1].threshold, entries[1].fpir)
            with pytest.raises(GalleryError, match=r"was calibrated for \(0.1, 0.05\), not 0.001"):
                other.identify(strangers, fpir=1e-3)
            other.add(made.embeddings, labels=[f"{person}" for person in made.people])
            assert other.identify(strangers, fpir=0.05).fpir == 2 * entries[1].fpir
            other.remove(ids=[3])
        assert gallery.calibration == []
        for rates, text in ((0.1, r"shape \(n,\), not \(\)"), ("0.1", "shape"), ([], "one or more, not none")):
            with pytest.raises(ValueError, match=f"^rates must (have|be) {text}"):
                gallery.calibrate(rates)
        assert len(gallery.calibrate(np.array([0.1]))) == 1
    with pytest.raises(GalleryError, match="must hold labelled faces to be calibrated on, and holds none"):
        Gallery().calibrate()


def test_others_may_change_a_gallery_while_it_is_calibrated(tmp_path, monkeypatch):
    made = fp.synthetic.people(800, 150, junk=0, seed=5)
    labels = [f"{person}" for person in made.people]
    with Gallery(tmp_path / "gallery") as gallery, Gallery(tmp_path / "gallery", wait=0) as other:
        gallery.add(made.embeddings, labels=labels)
        before = gallery.calibrate([0.1])

        def calibrate_and_meanwhile(change):
            def measure(*arguments, **options):
                change()
                return identification(*arguments, **options)

            with monkeypatch.context() as patch:
                patch.setattr(calibrated, "identification", measure)
                return gallery.calibrate([0.1])

        added = calibrate_and_meanwhile(lambda: other.add(made.embeddings[:5], labels=["new"] * 5))
        assert added == before == other.calibration
        assert len(gallery) == 805

        def replace_a_face():
            other.remove(ids=[804])
            other.add(made.embeddings[5:6], labels=["new"])

        for change in (replace_a_face, lambda: other.remove(ids=[801]), lambda: other.update([7], labels=["new"])):
            with pytest.raises(GalleryError, match="who is whom must stay while it is measured, but was changed"):
                calibrate_and_meanwhile(change)
            assert other.calibration == []


def test_a_gallery_for_reading_only_is_not_measured_in_vain(tmp_path, monkeypatch):
    made = fp.synthetic.people(100, 20, junk=0, seed=5)
    with Gallery(tmp_path / "gallery") as gallery:
        gallery.add(made.embeddings, labels=[f"{person}" for person in made.people])
    monkeypatch.setattr(calibrated, "identification", None)
    gallery = Gallery(tmp_path / "gallery", read_only=True)
    with gallery, pytest.raises(GalleryError, match="was opened for reading only"):
        gallery.calibrate([0.1])


def test_strangers_are_named_as_often_as_was_promised():
    made = fp.synthetic.people(6000, junk=0, seed=7)
    inside = made.people % 2 == 0
    gallery = Gallery()
    gallery.add(made.embeddings[inside], labels=[f"{person}" for person in made.people[inside]])
    entry = gallery.calibrate([0.05])[0]
    named = gallery.identify(made.embeddings[~inside], fpir=0.05).known.mean()
    assert entry.fpir_low - 0.02 < named < entry.fpir_high + 0.02


def test_two_people_are_enough_to_be_strangers(unit_rows):
    x = unit_rows(80, 8) + 2 * np.repeat(np.eye(2, 8, dtype=np.float32), 40, axis=0)
    (found,) = identification(x, np.repeat([0, 1], 40), [0.1])
    assert (found.people, found.faces) == (2, 80)


def test_three_strangers_are_enough_whatever_their_share_is_rounded_to(unit_rows):
    assert 0.0048 * 625 < 3
    (found,) = identification(unit_rows(625), np.arange(625), [0.0048])
    assert 0 < found.fpir <= 0.0048
