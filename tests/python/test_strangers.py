"""The false accept rate over all pairs, and an interval that holds for other people."""

import numpy as np
import pytest

import faceprint as fp
from faceprint.evaluate import false_accept_rate
from faceprint.evaluate import strangers as module


def test_every_pair_of_different_people_is_counted_once(unit_rows, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 32)
    x = unit_rows(150, 8)
    people = np.random.default_rng(1).integers(0, 20, 150)
    apart = ((x[:, None].astype(float) - x[None]) ** 2).sum(axis=2)
    different = np.triu(people[:, None] != people, 1)
    for threshold in (0, 0.5, 2.0, 4):
        found = false_accept_rate(x, people, threshold)
        assert found.far == (apart[different] <= threshold).mean()
        assert (found.pairs, found.people) == (different.sum(), 20)
        assert 0 <= found.low <= found.far <= found.high <= 1
    assert false_accept_rate(x, [f"person {person}" for person in people], 4).far == 1


def test_the_variance_is_that_of_leaving_out_people_one_by_one():
    made = fp.synthetic.people(400, 60, junk=0, seed=2)
    x, people, threshold = made.embeddings, made.people, 0.25
    found = false_accept_rate(x, people, threshold)
    shares = []
    for person in range(60):
        kept = people != person
        shares.append(false_accept_rate(x[kept], people[kept], threshold).far)
    jackknife = 59 / 60 * ((np.array(shares) - np.mean(shares)) ** 2).sum()
    pairs = found.far * (1 - found.far) / jackknife
    low, high = fp.evaluate.rates.wilson(np.array(found.far), pairs)
    assert found.low == pytest.approx(float(low), rel=0.1)
    assert found.high == pytest.approx(float(high), rel=0.1)


def test_the_interval_holds_for_other_people():
    """People near one another in groups: pairs are far from independent, and an interval that thinks so fails."""
    made = fp.synthetic.people(24_000, 4000, junk=0, seed=4)
    threshold = 0.2
    truth = false_accept_rate(made.embeddings, made.people, threshold).far
    rng, kept, naive = np.random.default_rng(0), 0, 0
    for _ in range(60):
        rows = np.isin(made.people, rng.choice(4000, 120, replace=False))
        found = false_accept_rate(made.embeddings[rows], made.people[rows], threshold)
        kept += found.low <= truth <= found.high
        low, high = fp.evaluate.rates.wilson(np.array(found.far), float(found.pairs))
        naive += low <= truth <= high
    assert kept >= 52  # of 57 that are expected at 95 %
    assert naive < 40


@pytest.mark.parametrize(
    ("labels", "threshold", "error", "text"),
    [
        ([0] * 5, 0.1, ValueError, "labels must be those of two people or more, not 1"),
        ([0, 1], 0.1, ValueError, r"labels must have shape \(5,\)"),
        (range(5), 5, ValueError, r"threshold must be a squared distance in \[0, 4\], not 5"),
        (np.arange(5.0), 0.1, TypeError, "labels must be integers or strings, not float64"),
    ],
)
def test_refused(unit_rows, labels, threshold, error, text):
    with pytest.raises(error, match=text):
        false_accept_rate(unit_rows(5), np.array(labels), threshold)
