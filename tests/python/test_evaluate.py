"""VAL and FAR against their definition, intervals, pairs in tiles and from lists, folders of people."""

import subprocess
import sys

import numpy as np
import pytest

import faceprint as fp
from faceprint.evaluate import (
    AllPairs,
    ListedPairs,
    find_people,
    measure_compatibility,
    pairs,
    roc,
    val_at_far,
    val_at_threshold,
)
from faceprint.evaluate.rates import change, effective_pairs, false_accepts, wanting, wilson
from reference import rates as reference


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("levels", [5, 40, 10**6])  # the fewer, the more ties
@pytest.mark.parametrize("far", [0.01, 0.1, 0.29, 0.5, 0.99])
def test_val_at_far_is_its_definition(dtype, levels, far):
    rng = np.random.default_rng(levels)
    same = (rng.integers(levels, size=57) / levels).astype(dtype)
    different = (rng.integers(levels, size=100) / levels + 0.2).astype(dtype)
    found = val_at_far(same, different, far)
    assert (found.val, found.far) == reference.val_at_far(same, different, far)
    assert (found.same_pairs, found.different_pairs) == (57, 100)
    assert found.val == (same.astype(np.float64) <= found.threshold).mean()
    assert found.far == (different.astype(np.float64) <= found.threshold).mean() <= far
    assert found.low <= found.val <= found.high


def test_ties_at_the_limit_are_all_refused():
    found = val_at_far(np.array([0.1, 0.2]), np.array([0.0, 0.2, 0.2, 0.2, 1.0]), 0.4)
    assert (found.val, found.far) == (0.5, 0.2)
    equal = val_at_far(np.zeros(3), np.zeros(5), 0.5)
    assert (equal.val, equal.far) == (0, 0)
    assert equal.threshold < 0


def test_mixed_dtypes_are_compared_exactly():
    third = np.float32(1 / 3)
    found = val_at_far(np.array([third]), np.array([0.1, float(third) + 1e-12]), 0.5)
    assert found.val == 1
    assert val_at_far(np.array([float(third) + 1e-12]), np.array([0.1, third]), 0.5).val == 0


@pytest.mark.parametrize(
    ("far", "pairs_", "allowed"), [(0.29, 100, 29), (1e-3, 1000, 1), (1e-3, 1999, 1), (0.07, 100, 7)]
)
def test_false_accepts(far, pairs_, allowed):
    assert false_accepts(far, pairs_) == allowed


@pytest.mark.parametrize(
    ("same", "different", "far", "error", "text"),
    [
        ([0.0], [1.0] * 999, 1e-3, ValueError, "FAR 0.001 needs at least 1,000 pairs of different people, not 999"),
        ([0.0], [1.0], 0, ValueError, "far must lie between 0 and 1, not 0"),
        ([0.0], [1.0], 1, ValueError, "far must lie between 0 and 1, not 1"),
        ([0.0], [1.0], np.nan, ValueError, "far must lie between 0 and 1, not nan"),
        ([], [1.0], 0.5, ValueError, r"same_distances must have shape \(pairs,\) with at least one pair, not \(0,\)"),
        ([0.0], [[1.0]], 0.5, ValueError, r"different_distances must have shape \(pairs,\) .* not \(1, 1\)"),
        ([np.nan], [1.0], 0.5, ValueError, "same_distances must be finite"),
        ([0.0], [np.inf], 0.5, ValueError, "different_distances must be finite"),
        ([0], [1.0], 0.5, TypeError, "same_distances must be float32 or float64, not int64"),
    ],
)
def test_refused(same, different, far, error, text):
    with pytest.raises(error, match=text):
        val_at_far(same, different, far)


def test_refused_people():
    with pytest.raises(
        ValueError, match=r"people must be 2 whole numbers, one for each same pair, not int64 of shape \(3,\)"
    ):
        val_at_far(np.zeros(2), np.ones(9), 0.5, people=np.arange(3))
    with pytest.raises(ValueError, match=r"people must be 2 whole numbers.* not float64"):
        val_at_far(np.zeros(2), np.ones(9), 0.5, people=np.zeros(2))


def test_val_at_a_threshold_in_use():
    rng = np.random.default_rng(0)
    same, different, people = rng.random(40), rng.random(60) + 0.3, rng.integers(9, size=40)
    for threshold in (-1.0, 0.2, float(same[3]), 0.7, 4.0):
        found = val_at_threshold(same, different, threshold, people=people)
        assert (found.val, found.far) == ((same <= threshold).mean(), (different <= threshold).mean())
        assert found.threshold == threshold
    best = val_at_far(same, different, 0.1, people=people)
    assert val_at_threshold(same, different, best.threshold, people=people) == best
    with pytest.raises(ValueError, match="same_distances must be finite"):
        val_at_threshold(np.array([np.inf]), different, 1.0)


def test_roc_is_its_definition():
    rng = np.random.default_rng(0)
    same, different = rng.integers(30, size=50) / 100, rng.integers(50, size=70) / 100
    curve = roc(same, different)
    assert curve.thresholds.tolist() == sorted({*same, *different})
    for threshold, far, val in zip(curve.thresholds, curve.far, curve.val, strict=True):
        assert far == (different <= threshold).mean()
        assert val == (same <= threshold).mean()
    assert (curve.low <= curve.val).all()
    assert (curve.val <= curve.high).all()
    with pytest.raises(ValueError, match="same_distances must have shape"):
        roc([], different)


def test_wilson_solves_its_equation():
    """Both ends are where the normal test of a share, with its own standard error, just does not reject."""
    share = np.array([0.05, 0.5, 0.9])
    for end in wilson(share, 40.0):
        np.testing.assert_allclose(abs(share - end), 1.959963984540054 * np.sqrt(end * (1 - end) / 40))
    assert [float(end[0]) for end in wilson(np.array([0.0]), 40.0)] == pytest.approx([0, 0.08762], abs=1e-5)


def test_pairs_of_one_person_count_together():
    accepted = np.array([10, 0, 10, 10, 0])
    assert effective_pairs(accepted, np.full(5, 10)) == pytest.approx(4)  # all or nothing: like one pair a person
    assert effective_pairs(np.array([6, 6, 6, 6, 7]), np.full(5, 10)) == 50  # no more alike than strangers' pairs
    assert effective_pairs(np.full(5, 10), np.full(5, 10)) == 5
    assert effective_pairs(np.array([3]), np.array([10])) == 1
    same, people = np.repeat([0.1, 0.9, 0.1, 0.1, 0.9], 10), np.repeat(np.arange(5), 10)
    alone, together = (val_at_far(same, np.full(9, 0.5), 0.5, people=who) for who in (None, people))
    assert alone.val == together.val
    assert together.low < alone.low < alone.high < together.high


def test_intervals_over_people_hold_what_they_promise():
    """Of 400 draws of 60 people with 1 to 20 pairs each, whose shares differ, about 95 % cover the true VAL."""
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(400):
        shares, sizes = rng.beta(4, 1, size=60), rng.integers(1, 21, size=60)
        accepted = rng.binomial(sizes, shares)
        low, high = wilson(np.array(accepted.sum() / sizes.sum()), effective_pairs(accepted, sizes))
        covered.append(low <= 0.8 <= high)
    assert 0.91 <= np.mean(covered) <= 0.98


def test_changes_hold_what_they_promise():
    """Of 400 draws of 60 people with 1 to 20 pairs each, about 95 % of the intervals cover the true change, -0.1."""
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(400):
        people = np.repeat(np.arange(60), rng.integers(1, 21, size=60))
        before = rng.random(len(people)) < rng.beta(4, 1, size=60)[people]
        lost = rng.random(len(people)) < rng.beta(1, 7, size=60)[people]  # an eighth of 0.8
        found = change(before, before & ~lost, people)
        assert found.value == pytest.approx((before & ~lost).mean() - before.mean())
        covered.append(found.low <= -0.1 <= found.high)
    assert 0.91 <= np.mean(covered) <= 0.98


def test_changes_of_few_people():
    ones, none = np.ones(4), np.zeros(4)
    assert change(ones, none, np.zeros(4, int)).low == -1
    assert change(ones, none, np.zeros(4, int)).high == 1  # one person tells nothing
    assert change(ones, none, np.array([0, 0, 1, 1])).high == -1  # two that agree tell all there is
    assert change(ones, ones, np.arange(4)).value == 0
    with pytest.raises(
        ValueError, match=r"people must be 4 whole numbers, one for each same pair, not int64 of shape \(3"
    ):
        change(ones, none, np.arange(3))


def test_compatibility_compares_each_pair_both_ways_and_nobody_with_himself(unit_rows):
    """Upgraded rows that are the old ones, but for one that falls on somebody else."""
    people = np.repeat(np.arange(4), 2)
    old = np.repeat(np.eye(4, dtype=np.float32), 2, axis=0)
    upgraded = old.copy()
    upgraded[0] = old[2]
    pairs_ = ListedPairs(people, *np.triu_indices(8, 1))
    found = measure_compatibility(old, unit_rows(8, 3), upgraded, pairs_, far=0.1)
    assert (found.old.val, found.old.far, found.old.same_pairs) == (1, 0, 4)
    for mixed in (found.mixed, found.kept):
        assert (mixed.val, mixed.far) == (7 / 8, 2 / 48)
        assert (mixed.same_pairs, mixed.different_pairs) == (8, 48)
    assert found.upgraded.val == 3 / 4
    assert found.change.value == -1 / 8
    assert (found.people, found.faces, found.far) == (4, 8, 0.1)
    few = ListedPairs(people, pairs_.a[pairs_.b < 4], pairs_.b[pairs_.b < 4])
    assert measure_compatibility(old, old, old, few, far=0.5).people == 2
    with pytest.raises(ValueError, match=r"FAR 0\.001 needs at least 1,000 pairs of different people, not 24"):
        measure_compatibility(old, old, upgraded, pairs_)


def test_lists_of_all_pairs_agree_with_all_pairs(monkeypatch, unit_rows):
    monkeypatch.setattr(pairs, "BATCH", 11)
    people = np.random.default_rng(1).integers(8, size=60)
    x = unit_rows(60, 8)
    listed = ListedPairs(people, *np.triu_indices(60, 1))
    rows = np.arange(60) % 3 > 0
    for all_pairs, some in ((AllPairs(people), listed), (AllPairs(people).keep(rows), listed.keep(rows))):
        embeddings = x if len(some.people) == 60 else x[rows]
        assert all_pairs.count() == some.count()
        expected, found = all_pairs.val(embeddings, 0.01), some.val(embeddings, 0.01)
        assert found.threshold == pytest.approx(expected.threshold, abs=1e-5)
        assert [found.val, found.low, found.high, found.far] == [
            expected.val,
            expected.low,
            expected.high,
            expected.far,
        ]
        assert some.vals(embeddings, [0.1, 0.01]) == [some.val(embeddings, 0.1), found]


@pytest.fixture
def folder(tmp_path):
    """Ann with three photographs, one of them further down, Bob with two, Cy with one, and what is nobody's."""
    for name in ("Ann/Ann_0001.jpg", "Ann/Ann_0002.png", "Ann/old/x.jpg", "Bob/Bob_0001.jpg", "Bob/Bob_0012.jpg",
                 "Cy/Cy_0001.jpg", "nobody.jpg", "Ann/notes.txt", ".hidden/y.jpg"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_find_people(folder):
    found = find_people(folder)
    assert found.names == ["Ann", "Bob", "Cy"]
    assert [photo.name for photo in found.photos[:3]] == ["Ann_0001.jpg", "Ann_0002.png", "x.jpg"]
    assert found.people.tolist() == [0, 0, 0, 1, 1, 2]
    few = find_people(folder, most_people=2, most_photos=1)
    assert few.names == ["Ann", "Bob"]
    assert [photo.name for photo in few.photos] == ["Ann_0001.jpg", "Bob_0001.jpg"]
    assert find_people(folder, most_people=9).names == found.names


def test_people_are_spread_over_the_names(tmp_path):
    for name in "abcdefghij":
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").touch()
    assert find_people(tmp_path, most_people=3).names == ["a", "d", "g"]


def test_folders_without_people(folder):
    with pytest.raises(fp.PhotoError, match="must hold a sub-folder of photographs for each person, but has none"):
        find_people(folder / "Cy")
    with pytest.raises(fp.PhotoError, match="must hold a sub-folder of photographs for each person, but has none"):
        find_people(folder / "nobody.jpg")
    with pytest.raises(fp.PhotoError, match="does not exist"):
        find_people(folder / "nowhere")


def test_evaluate_is_loaded_when_first_used():
    code = (
        "import sys, faceprint as fp; before = 'faceprint.evaluate' in sys.modules; "
        "print(before, fp.evaluate.val_at_far.__name__, {'onnxruntime', 'PIL', 'click'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "False val_at_far set()\n", done.stderr


def test_three_false_accepts_are_wanted():
    assert wanting(0.01, 300) is None
    assert wanting(0.01, 299) == "FAR 0.01 needs about 300 pairs of different people, and these are 299"
    for no_rate in (-1, 0, 1, 1.5):  # which is refused elsewhere
        assert wanting(no_rate, 0) is None
