"""Made-up faces: whether they are what the arguments ask for."""

import re
from dataclasses import fields

import numpy as np
import pytest

import faceprint as fp
from faceprint import synthetic
from faceprint.synthetic import _sizes, _spectrum

PLAIN = {"lobed": 0.0, "hard": 0.0, "junk": 0.0, "label_noise": 0.0}


def pairs(found, rows=4000):
    """Distances of pairs of the same person and of different ones, among the first rows; all that are known."""
    kept = np.flatnonzero(found.people >= 0)[:rows]
    a, b = np.triu_indices(len(kept), 1)
    between, people = fp.distances(found.embeddings[kept], found.embeddings[kept])[a, b], found.people[kept]
    same = people[a] == people[b]
    return between[same], between[~same]


def test_shapes_and_types():
    found = synthetic.people(300, 20, dimension=64, lobed=0.5, junk=0.2)
    types = {field.name: getattr(found, field.name).dtype for field in fields(found)}
    floats = {"embeddings": np.float32, "quality": np.float32}
    assert types == {**dict.fromkeys(("people", "labels", "lobes", "groups"), np.int64), **floats}
    assert found.embeddings.shape == (300, 64)
    assert all(getattr(found, name).shape == (300,) for name in types if name != "embeddings")
    assert len(found) == 300
    np.testing.assert_allclose(np.linalg.norm(found.embeddings, axis=1), 1, atol=1e-6)
    assert set(found.people.tolist()) == set(range(-1, 20))
    assert set(found.groups.tolist()) == {-1, 0, 1, 2, 3}
    assert set(found.lobes.tolist()) == {-1, 0, 1}
    assert found.quality.min() >= 0
    assert found.quality.max() <= 1


def test_the_seed_decides():
    first, again, other = (synthetic.people(200, 20, seed=seed) for seed in (7, 7, 8))
    for field in fields(first):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(again, field.name))
    assert not np.array_equal(first.embeddings, other.embeddings)


def test_blocks_change_nothing(monkeypatch):
    whole = synthetic.people(100, 10)
    monkeypatch.setattr(synthetic, "BLOCK", 7)
    np.testing.assert_allclose(synthetic.people(100, 10).embeddings, whole.embeddings, atol=1e-6)


@pytest.mark.parametrize("changes", [{}, {"apart": 0.8, "spread": 0.3}, {"apart": 2.0, "spread": 0.9}])
def test_expected_distances(changes):
    asked = {"apart": 0.287, "spread": 0.085, **changes}
    same, different = pairs(synthetic.people(4000, 400, tail=0.5, **PLAIN, **changes))
    assert different.mean() == pytest.approx(asked["apart"], rel=0.02)
    assert same.mean() == pytest.approx(asked["spread"], rel=0.05)


def test_default_resembles_the_bundled_network():
    same, different = pairs(synthetic.people(6000, 1200, tail=0.5, **PLAIN), 6000)
    for threshold, far, most_off, val, off in (
        (0.180, 1e-2, 0.2, 0.995, 0.004),
        (0.145, 1e-3, 0.3, 0.967, 0.01),
        (0.116, 1e-4, 0.7, 0.868, 0.02),
    ):
        assert (different <= threshold).mean() == pytest.approx(far, rel=most_off)
        assert (same <= threshold).mean() == pytest.approx(val, abs=off)


def test_effective_dimension_is_a_participation_ratio():
    for dimension, effective in ((127, 32.5), (10, 1.0), (10, 9.5), (255, 255.0)):
        variances = _spectrum(dimension, effective)
        assert variances.sum() == pytest.approx(1)
        assert 1 / (variances**2).sum() == pytest.approx(effective, rel=1e-6)
        assert (np.diff(variances) <= 0).all()


@pytest.mark.parametrize("tail", [0, 0.5, 1.5, 4, 1000])
@pytest.mark.parametrize(("faces", "people"), [(1, 1), (9, 9), (10, 9), (1000, 7), (1000, 400), (1000, 999)])
def test_everybody_has_a_face_and_ranks_hold(faces, people, tail):
    sizes = _sizes(faces, people, tail)
    assert (sizes.sum(), len(sizes), sizes.min() >= 1) == (faces, people, True)
    assert (np.diff(sizes) <= 0).all()


def test_a_long_tail_has_singletons():
    sizes = np.bincount(synthetic.people(20_000, 2_000, **PLAIN).people)
    assert sizes.sum() == 20_000
    assert sizes.max() > 15 * sizes.mean()
    assert (sizes == 1).mean() > 0.1
    even = np.bincount(synthetic.people(20_000, 2_000, tail=0, **PLAIN).people)
    assert (even == 10).all()


def test_lobes_lie_as_far_apart_as_asked():
    found = synthetic.people(4000, 200, tail=0, lobes=3, lobes_apart=0.2, **{**PLAIN, "lobed": 0.4})
    several = [person for person in range(200) if found.lobes[found.people == person].any()]
    assert len(several) == 80
    within, between = [], []
    for person in several:
        rows = np.flatnonzero(found.people == person)
        a, b = np.triu_indices(len(rows), 1)
        apart = fp.distances(found.embeddings[rows], found.embeddings[rows])[a, b]
        alike = found.lobes[rows][a] == found.lobes[rows][b]
        within.append(apart[alike])
        between.append(apart[~alike])
    assert np.concatenate(within).mean() == pytest.approx(0.085, rel=0.1)
    assert np.concatenate(between).mean() == pytest.approx(0.2, rel=0.1)


def test_junk_lies_together_and_looks_bad():
    found = synthetic.people(4000, 200, junk=0.1, hard=0.2)
    junk = found.people == -1
    assert junk.sum() == 400
    for array in (found.labels, found.lobes, found.groups):
        np.testing.assert_array_equal(array == -1, junk)
    x = found.embeddings
    together = fp.distances(x[junk], x[junk])[np.triu_indices(400, 1)].mean()
    assert together < 0.085
    assert fp.distances(x[junk], x[~junk]).mean() < 0.25  # nearer to everybody than strangers are
    good, bad = found.quality[~junk], found.quality[junk]
    assert np.median(bad) < 0.2 < 0.9 < np.median(good)
    assert bad.max() > np.quantile(good, 0.05)  # informative, and not perfect


def test_hard_faces_are_harder():
    plain = synthetic.people(3000, 300, tail=0, **PLAIN)
    hard = synthetic.people(3000, 300, tail=0, **{**PLAIN, "hard": 1.0})
    for far in (1e-2, 1e-3):
        rates = [fp.evaluate.val_at_far(*pairs(found, 3000), far).val for found in (plain, hard)]
        assert rates[1] < rates[0] - 0.2
    assert np.median(hard.quality) < 0.7 < np.median(plain.quality)


def test_quality_tells_of_the_face():
    found = synthetic.people(4000, 20, tail=0, **PLAIN)
    means = np.stack([found.embeddings[found.people == person].mean(axis=0) for person in range(20)])
    off = ((found.embeddings - means[found.people]) ** 2).sum(axis=1)
    assert -0.9 < np.corrcoef(off, np.log(found.quality / (1 - found.quality)))[0, 1] < -0.3


def test_groups_differ_in_spread():
    found = synthetic.people(6000, 600, tail=0, groups=3, unequal=0.3, **PLAIN)
    means = []
    for group in range(3):
        rows = np.flatnonzero(found.groups == group)
        a, b = np.triu_indices(len(rows), 1)
        same = found.people[rows][a] == found.people[rows][b]
        means.append(fp.distances(found.embeddings[rows], found.embeddings[rows])[a, b][same].mean())
    np.testing.assert_allclose(means, 0.085 * np.array([0.7, 1.0, 1.3]), rtol=0.06)
    assert all(len({*found.groups[found.people == person].tolist()}) == 1 for person in range(600))


def test_label_noise_names_somebody_else():
    found = synthetic.people(1000, 2, junk=0.1, label_noise=0.3)
    known = found.people >= 0
    assert (found.labels[known] != found.people[known]).sum() == 270
    assert set(found.labels[known].tolist()) == {0, 1}
    assert (found.labels[~known] == -1).all()


@pytest.mark.parametrize(
    "arguments",
    [
        {"faces": 1, "people": 1, **PLAIN},
        {"faces": 10, "people": 10, "junk": 0},
        {"dimension": 2, "effective": 1},
        {"dimension": 9, "effective": 8},
        {"groups": 1},
        {"apart": 2, "lobes_apart": 2},
        {"spread": 0, "lobes_apart": 0},
        {"uneven": 0, "tail": 0},
        dict.fromkeys(("lobed", "hard", "junk", "unequal", "label_noise"), 0),
        dict.fromkeys(("lobed", "hard", "unequal", "label_noise"), 1),
    ],
)
def test_just_allowed(arguments):
    found = synthetic.people(**{"faces": 100, "people": 10, **arguments})
    np.testing.assert_allclose(np.linalg.norm(found.embeddings, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"faces": 0}, ValueError, "faces must be 1 or more, not 0"),
        ({"faces": 1.5}, TypeError, "faces must be a whole number, not float"),
        ({"people": 0}, ValueError, "people must be 1 or more, not 0"),
        ({"dimension": 1}, ValueError, "dimension must be 2 or more, not 1"),
        ({"seed": -1}, ValueError, "seed must be 0 or more, not -1"),
        ({"lobes": 1}, ValueError, "lobes must be 2 or more, not 1"),
        ({"groups": 0}, ValueError, "groups must be 1 or more, not 0"),
        ({"lobed": 1.1}, ValueError, "lobed must be a share in [0, 1], not 1.1"),
        ({"hard": -0.1}, ValueError, "hard must be a share in [0, 1], not -0.1"),
        ({"junk": float("nan")}, ValueError, "junk must be a share in [0, 1], not nan"),
        ({"unequal": 2}, ValueError, "unequal must be a share in [0, 1], not 2"),
        ({"label_noise": 2}, ValueError, "label_noise must be a share in [0, 1], not 2"),
        ({"apart": 2.5}, ValueError, "apart must be a squared distance in (0, 2], not 2.5"),
        (
            {"apart": 1.0, "spread": 1.0},
            ValueError,
            "spread must be a squared distance of 0 or more and less than apart, 1.0, not 1.0",
        ),
        ({"lobes_apart": 0.01}, ValueError, "lobes_apart must be a squared distance from spread to apart, not 0.01"),
        ({"uneven": -1}, ValueError, "uneven must be a finite number of 0 or more, not -1"),
        ({"tail": float("inf")}, ValueError, "tail must be a finite number of 0 or more, not inf"),
        ({"effective": 128}, ValueError, "effective must be from 1 to dimension - 1, 127, not 128"),
        (
            {"faces": 10, "people": 10, "junk": 0.1},
            ValueError,
            "faces must be enough for 10 people beside 1 of junk, not 10",
        ),
        ({"people": 1}, ValueError, "label_noise must be 0 where there is one person, for no label is wrong then"),
    ],
)
def test_refused(arguments, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        synthetic.people(**{"faces": 100, "people": 10, **arguments})
