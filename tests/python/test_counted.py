"""VAL, FAR and ROC over all pairs, counted in the core, against every distance kept."""

import numpy as np
import pytest

import faceprint as fp
from faceprint import _core, synthetic
from faceprint.evaluate import AllPairs, CrossPairs, counted, val_at_far, val_over_splits
from faceprint.evaluate.rates import wilson
from reference import rates as reference
from reference.backends import each_backend, using

FARS = [0.005, 0.05, 0.6]


@pytest.fixture(params=[False, True], ids=["real", "whole"])
def photographs(request, unit_rows):
    """Embeddings whose people are apart, or whole numbers with many ties; and whom they show, in no order."""
    people = np.random.default_rng(1).integers(20, size=190) * 7 - 3
    x = np.rint(unit_rows(190, 4) * 2) if request.param else unit_rows(190, 8) + np.eye(147, 8)[people]
    return x.astype(np.float32), people


def every_distance(x, people, others=None, other_people=None):
    """The distances of the same and of different people, and who the same are."""
    between = fp.distances(x, x if others is None else others)
    rows, columns = np.triu_indices(len(x), 1) if others is None else np.indices(between.shape).reshape(2, -1)
    same = people[rows] == (people if others is None else other_people)[columns]
    return between[rows, columns][same], between[rows, columns][~same], people[rows][same]


@each_backend
@pytest.mark.parametrize("sampled", [20_000, 100])
def test_vals_are_those_of_all_distances(monkeypatch, backend, photographs, sampled):
    monkeypatch.setattr(counted, "SAMPLED_ROWS", sampled)
    monkeypatch.setattr(counted, "LEAST_SAMPLED", 1)
    x, people = photographs
    same, different, whom = every_distance(x, people)
    with using(backend):
        found = AllPairs(people).vals(x, FARS)
    assert AllPairs(people).count() == (len(same), len(different))
    for far, val in zip(FARS, found, strict=True):
        assert val == val_at_far(same, different, far, people=whom)
        assert (val.val, val.far) == reference.val_at_far(same, different, far)
    assert AllPairs(people).val(x, 0.05) == found[1]
    assert AllPairs(people).vals(x, []) == []


@pytest.mark.parametrize("sampled", [20_000, 100])
def test_vals_between_two_sets(monkeypatch, photographs, unit_rows, sampled):
    monkeypatch.setattr(counted, "SAMPLED_ROWS", sampled)
    monkeypatch.setattr(counted, "LEAST_SAMPLED", 1)
    x, people = photographs
    others, other_people = x[::-2] + np.float32(0.25), people[::-2].copy()
    other_people[:3] = 1000  # whom the first set does not show
    same, different, whom = every_distance(x, people, others, other_people)
    assert CrossPairs(people, other_people).count() == (len(same), len(different))
    for far, val in zip(FARS, CrossPairs(people, other_people).vals(x, others, FARS), strict=True):
        assert val == val_at_far(same, different, far, people=whom)


@pytest.fixture
def passes(monkeypatch):
    """How many rows were counted, and places of how many bins, in each pass."""
    found = []
    count = _core.count_pairs

    def watched(x, people, bins, *rest):
        found.append((len(x), len(bins)))
        return count(x, people, bins, *rest)

    monkeypatch.setattr(_core, "count_pairs", watched)
    return found


def test_a_sample_that_misleads_costs_a_pass_and_no_more(monkeypatch, photographs, passes):
    x, people = photographs
    expected = AllPairs(people).vals(x, FARS)
    assert [rows for rows, _ in passes] == [190, 190]
    monkeypatch.setattr(counted, "SAMPLED_ROWS", 0)
    monkeypatch.setattr(counted.CountedPairs, "_guess", lambda self, shares: np.array([0, 5, 200_000]))
    assert AllPairs(people).vals(x, FARS) == expected
    assert [rows for rows, _ in passes[2:]] == [190, 190]


def test_many_rows_take_one_pass(monkeypatch, passes, unit_rows):
    monkeypatch.setattr(counted, "SAMPLED_ROWS", 4000)
    people = np.random.default_rng(1).integers(400, size=4000)
    x = unit_rows(4000, 64) + unit_rows(400, 64)[people]
    found = AllPairs(people).vals(x, [1e-2, 1e-3])
    assert [rows for rows, _ in passes] == [250] * 4 + [4000]
    assert passes[0][1] == 0 < passes[-1][1] <= counted.MOST_BINS
    same, different, whom = every_distance(x, people)
    assert found == [val_at_far(same, different, far, people=whom) for far in (1e-2, 1e-3)]


def test_roc_is_exact_where_it_is_told(photographs):
    x, people = photographs
    same, different, _ = every_distance(x, people)
    curve = AllPairs(people).roc(x)
    for threshold, far, val, low, high in zip(*(getattr(curve, name) for name in curve.__slots__), strict=True):
        assert (far, val) == ((different <= threshold).mean(), (same <= threshold).mean())
        assert (low, high) == wilson(np.array(val), len(same))
    assert curve.far[-1] == curve.val[-1] == 1
    assert (np.diff(curve.thresholds) > 0).all()
    assert len(curve.thresholds) <= len(np.unique(np.concatenate([same, different])))
    crossed = CrossPairs(people, people[:50]).roc(x, x[:50])
    assert crossed.far[-1] == crossed.val[-1] == 1


def test_splits_are_disjoint_and_meet_half_by_half(monkeypatch):
    made = synthetic.people(1200, 60, junk=0, seed=2)
    met = []
    vals = CrossPairs.vals

    def watched(self, x, others, fars, **how):
        met.append((x, others, self.people, self.other_people))
        return vals(self, x, others, fars, **how)

    monkeypatch.setattr(CrossPairs, "vals", watched)
    shares = []
    names = np.array([f"person {number:02}" for number in made.people])  # in the order of the numbers, as sums are
    found = val_over_splits(made.embeddings, names, 1e-2, splits=3, progress=shares.append)
    rows = np.concatenate([part for x, others, _, _ in met for part in (x, others)])
    assert sorted(map(tuple, rows.tolist())) == sorted(map(tuple, made.embeddings.tolist()))
    assert [len(x) for x, *_ in met] == [200, 200, 200]
    for val, (x, others, people, other_people) in zip(found.vals, met, strict=True):
        same, different, whom = every_distance(x, people, others, other_people)
        assert val == val_at_far(same, different, 1e-2, people=whom)
    assert found.mean == pytest.approx(np.mean([val.val for val in found.vals]))
    assert found.standard_error == pytest.approx(np.std([val.val for val in found.vals], ddof=1) / np.sqrt(3))
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert found == val_over_splits(made.embeddings, made.people, 1e-2, splits=3, threads=1)
    assert found != val_over_splits(made.embeddings, made.people, 1e-2, splits=3, seed=1)
    assert len(val_over_splits(made.embeddings, made.people, 1e-2, splits=2).vals) == 2


def test_an_end_asked_for_while_counting(photographs):
    class EnoughError(Exception):
        pass

    def enough(share):
        raise EnoughError

    x = np.tile(photographs[0], (150, 1))
    with pytest.raises(EnoughError):
        AllPairs(np.arange(len(x)) // 2).roc(x[:, :1].repeat(64, axis=1), progress=enough)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x, p: AllPairs(p).vals(x, [1e-6]), ValueError, "FAR 1e-06 needs at least 1,000,000 pairs"),
        (
            lambda x, p: AllPairs(p[:-1]).vals(x, [0.1]),
            ValueError,
            "embeddings must be the 189 photographs that the pairs are of, not 190",
        ),
        (lambda x, p: AllPairs(p).vals(x.astype(float), [0.1]), TypeError, "embeddings must be float32, not float64"),
        (lambda x, p: AllPairs(np.arange(190)).vals(x, [0.1]), ValueError,
         "pairs of the same person must be at least one, not none"),
        (lambda x, p: AllPairs(p * 0).roc(x), ValueError,
         "pairs of the same person and of different people must be some, not 17955, 0"),
        (lambda x, p: CrossPairs(p, p).vals(x, x[:, 1:], [0.1]), ValueError, r"others must have shape \(n, \d\), not"),
        (lambda x, p: AllPairs(p).vals(x * np.float32(np.nan), [0.1]), ValueError, "embeddings must be finite"),
        (lambda x, p: val_over_splits(x, p, splits=1), ValueError, "splits must be 2 or more, not 1"),
        (lambda x, p: _core.count_pairs(x, p, np.array([-1])), ValueError,
         r"bins must ascend within \[0, 261120\), and -1 comes after -1"),
    ],
)  # fmt: skip
def test_refused(photographs, call, error, text):
    with pytest.raises(error, match=text):
        call(*photographs)
