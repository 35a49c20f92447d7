"""Thresholds at a stated rate, folds as LFW has them, and what data cannot tell."""

import numpy as np
import pytest

from faceprint.evaluate import calibrate, verification_folds


def accuracy_by_trying(distances, same, folds):
    """Each fold at the best of all thresholds that part the others, tried one by one."""
    found = []
    for fold in np.unique(folds):
        others = folds != fold
        values = np.unique(distances[others][np.isfinite(distances[others])])
        tried = [-1.0, *((values[1:] + values[:-1]) / 2), values[-1]]
        hits = [((distances[others] <= threshold) == same[others]).sum() for threshold in tried]
        found.append(tried[int(np.argmax(hits))])
    return np.array(found)


@pytest.mark.parametrize("seed", range(20))
def test_folds_take_the_threshold_that_is_best_on_the_others(seed):
    rng = np.random.default_rng(seed)
    pairs = int(rng.integers(8, 60))
    same, folds = rng.random(pairs) < 0.5, np.arange(pairs) % rng.integers(2, 5) + 3
    distances = np.round(rng.normal(np.where(same, 0.4, 0.6), 0.2).clip(0, 4), 1)
    distances[rng.random(pairs) < 0.1] = np.nan
    found = verification_folds(distances, same, folds)
    thresholds = accuracy_by_trying(np.nan_to_num(distances, nan=np.inf), same, folds)
    np.testing.assert_allclose(found.thresholds, thresholds)
    accepted = np.nan_to_num(distances, nan=np.inf) <= thresholds[np.unique(folds, return_inverse=True)[1]]
    np.testing.assert_array_equal(found.wrong, accepted != same)
    each = [1 - found.wrong[folds == fold].mean() for fold in np.unique(folds)]
    np.testing.assert_allclose(found.accuracy, each)
    assert found.mean == pytest.approx(np.mean(each))
    assert found.standard_error == pytest.approx(np.std(each, ddof=1) / np.sqrt(len(each)))


def test_what_cannot_be_compared_is_never_the_same():
    found = verification_folds(np.full(4, np.nan), np.array([True, False] * 2), np.array([0, 0, 1, 1]))
    assert found.wrong.tolist() == [True, False, True, False]


@pytest.mark.parametrize(
    ("same", "folds", "error", "text"),
    [
        (np.ones(4), np.arange(4), TypeError, "same must be bool, not float64"),
        (np.ones(4, bool), np.zeros(4, int), ValueError, "folds must be two or more, not 1"),
        (np.ones(4, bool), np.arange(4.0), TypeError, "folds must be integers, not float64"),
        (np.ones(3, bool), np.arange(4), ValueError, r"must have the same shape \(pairs,\), not \(4,\), \(3,\) and"),
    ],
)
def test_folds_refuse(same, folds, error, text):
    with pytest.raises(error, match=text):
        verification_folds(np.ones(4), same, folds)


def test_a_threshold_holds_on_other_pairs_of_the_same_kind():
    rng = np.random.default_rng(1)
    kept = 0
    for _ in range(40):
        same, different, others = rng.normal(0.1, 0.03, 300), rng.normal(0.5, 0.1, 5000), rng.normal(0.5, 0.1, 10**6)
        found = calibrate(same, different, 1e-2, description="drawn")
        assert found.val.far == (different <= found.threshold).mean() <= 1e-2
        kept += found.far_low <= (others <= found.threshold).mean() <= found.far_high
    assert kept >= 34  # of 38 that are expected at 95 %


def test_probabilities_are_those_of_the_data():
    rng = np.random.default_rng(2)
    distances, same = rng.uniform(0, 1, 200_000), rng.random(200_000)
    same = same < 1 / (1 + np.exp(12 * distances - 4))
    found = calibrate(distances[same], distances[~same], 0.1)
    share = same.mean()
    for distance in (0.1, 0.3, 0.6):
        expected = 1 / (1 + np.exp(12 * distance - 4))
        assert found.probability(distance, prior=share) == pytest.approx(expected, abs=0.02)
    with pytest.raises(ValueError, match="prior must lie between 0 and 1, not 1"):
        found.probability(0.1, prior=1)


@pytest.mark.parametrize(
    ("same", "different"),
    [
        (np.append(np.linspace(0, 0.2, 400), 1.5 + 1e-6), np.linspace(1.5, 1.502, 3000)),
        (np.append(np.linspace(0, 0.2, 400), 1.5 + 1e-9), np.linspace(1.5, 1.502, 3000)),
        (np.append(np.zeros(1000), 1.5), np.append(np.full(50, 2.0), 0.2)),  # from which Newton's whole steps run away
    ],
)
def test_one_mislabelled_pair_among_many_that_are_far_apart(same, different):
    found = calibrate(same, different, 0.1)
    p, q = (np.array([found.probability(d) for d in distances]) for distances in (same, different))
    assert p.mean() == pytest.approx(1 - q.mean())  # where the slopes of the cost are 0
    assert (p * same).mean() + (q * different).mean() == pytest.approx(same.mean())


@pytest.mark.filterwarnings("error")
def test_probabilities_of_any_distance():
    found = calibrate(np.array([0.1, 0.1, 0.3]), np.repeat([0.2999, 0.4], 500), 0.5)
    assert (found.probability(1e9), found.probability(0.0)) == (0, pytest.approx(1))


def test_what_pairs_cannot_tell():
    with pytest.raises(ValueError, match=r"FAR 0.001 needs about 3,000 pairs of different people, and these are 2,999"):
        calibrate(np.zeros(5), np.ones(2999), 1e-3)
    with pytest.raises(ValueError, match="far must lie between 0 and 1, not 1"):
        calibrate(np.zeros(5), np.ones(5), 1)
    for farthest in (0.1, 0.7, 1.0):  # touching is no overlap
        parted = calibrate(np.array([0.1, farthest]), np.linspace(0.7, 1, 3000), 1e-3)
        assert (parted.slope is None) == (farthest < 1)
    parted = calibrate(np.full(5, 1.0), np.ones(3000), 1e-3)
    assert (parted.slope, parted.intercept) == (None, None)
    with pytest.raises(ValueError, match="every same one is nearer than any other"):
        parted.probability(0.2)


@pytest.mark.parametrize(
    ("same", "different", "means"),
    [
        (np.linspace(0.1, 0.5, 41), np.linspace(0.4, 0.8, 3001), "0.6 and 0.3"),  # they overlap
        (np.linspace(0.1, 0.2, 41), np.linspace(0.5, 0.6, 3001), "0.55 and 0.15"),
    ],
)
def test_pairs_that_are_exchanged_are_refused(same, different, means):
    assert calibrate(same, different, 0.1).val.val > 0.5
    text = f"^same pairs must be nearer on average than different ones, not {means}: same_distances come first$"
    with pytest.raises(ValueError, match=text):
        calibrate(different, same, 0.1)


@pytest.mark.parametrize("same", [np.full(9, 0.1), np.array([0.1, 0.3]), np.linspace(0, 0.2, 9)])
def test_pairs_of_both_kinds_may_be_equally_far(same):
    found = calibrate(same, np.repeat(same, 33), 0.5)
    if found.slope is None:
        assert same.min() == same.max()
    else:
        assert found.probability(0.1) == pytest.approx(0.5)
