"""Batches: who is in them, how often, and in which order; weights against an enumeration of all draws."""

import itertools
import re
from collections import Counter

import numpy as np
import pytest

import faceprint as fp


def crowd(seed, people=30, most=12):
    """Labels of a random data set in random order: some people have a single face, some many."""
    random = np.random.default_rng(seed)
    return random.permutation(np.repeat(np.arange(people) * 7 - 3, random.integers(1, most, people)))


def successive(weights, count):
    """The chance of each to be among `count` drawn one after the other by weight, by going through all orders."""
    chance = np.zeros(len(weights))
    for order in itertools.permutations(range(len(weights)), count):
        probability, left = 1.0, sum(weights)
        for one in order:
            probability *= weights[one] / left
            left -= weights[one]
        chance[list(order)] += probability
    return chance


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_batches_are_people_with_their_faces_and_then_others(seed, weighted):
    labels = crowd(seed)
    sizes = Counter(labels.tolist())
    able = [label for label, count in sizes.items() if count >= 2]
    weights = np.random.default_rng(seed).uniform(0.5, 2, len(labels)) if weighted else None
    sampler = fp.PKSampler(labels, people=6, faces=4, negatives=5, weights=weights, seed=seed)
    batches = list(sampler)
    assert len(batches) == len(sampler) == len(able) // 6
    for batch in batches:
        assert all(type(row) is int and 0 <= row < len(labels) for row in batch)
        assert len(set(batch)) == len(batch)
        shown = [(label, len(list(rows))) for label, rows in itertools.groupby(labels[batch[:-5]])]
        for part in [batch[-5:], *(np.array(batch[:-5])[labels[batch[:-5]] == label] for label, _ in shown)]:
            assert (np.diff(part) > 0).all()
        assert len(shown) == len({label for label, _ in shown}) == 6
        assert all(count == min(4, sizes[label]) >= 2 for label, count in shown)
        assert not {label for label, _ in shown} & set(labels[batch[-5:]])
    if not weighted:
        everybody = [label for batch in batches for label in np.unique(labels[batch[:-5]])]
        assert len(set(everybody)) == len(everybody)


def test_an_epoch_shows_every_face_of_everybody_once():
    labels = np.repeat(np.arange(12), 5)
    batches = list(fp.PKSampler(labels, people=4, faces=5))
    assert np.sort(batches, axis=None).tolist() == list(range(60))


def test_a_batch_is_by_default_that_of_the_paper():
    """About 1,800 faces: 40 of each of 45 people."""
    labels = np.repeat(np.arange(46), 41)
    (batch,) = fp.PKSampler(labels)
    assert np.bincount(labels[batch]).tolist().count(40) == 45
    assert len(batch) == 1800
    assert batch == next(iter(fp.PKSampler(labels, people=45, faces=40, negatives=0, seed=0)))


def test_who_waits_is_another_each_time():
    sampler = fp.PKSampler(np.repeat(np.arange(7), 2), people=3, faces=2)
    waiting = set()
    for epoch in range(50):
        sampler.set_epoch(epoch)
        waiting |= set(range(7)) - {row // 2 for batch in sampler for row in batch}
    assert waiting == set(range(7))


@pytest.mark.parametrize("weighted", [False, True])
def test_depends_on_seed_and_epoch_alone(weighted):
    labels = crowd(0)
    weights = np.linspace(1, 2, len(labels)) if weighted else None

    def batches(seed, epoch):
        sampler = fp.PKSampler(labels, 5, 3, 4, weights, seed)
        list(sampler)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert batches(3, 2) == batches(3, 2)
    assert batches(3, 2) != batches(3, 1)
    assert batches(3, 2) != batches(2, 2)
    assert batches(3, 2) != batches(2, 3)
    assert list(fp.PKSampler(labels, 5, 3, 4, weights, 3)) == batches(3, 0)


def test_draws_each_face_and_each_negative_equally_often():
    labels = np.repeat([0, 1, 2], [10, 10, 20])
    sampler = fp.PKSampler(labels, people=1, faces=4, negatives=6)
    faces, negatives, times = np.zeros(40), np.zeros(40), np.zeros(3)
    for epoch in range(3000):
        sampler.set_epoch(epoch)
        for batch in sampler:
            faces[batch[:4]] += 1
            negatives[batch[4:]] += 1
            times[labels[batch[0]]] += 1
    np.testing.assert_array_equal(times, 3000)
    np.testing.assert_allclose(faces, 3000 * 4 / np.repeat([10, 10, 20], [10, 10, 20]), atol=160)  # 6 deviations
    expected = 3000 * 6 * np.repeat([1 / 30 + 1 / 20, 1 / 30 + 1 / 20, 2 / 30], [10, 10, 20])
    np.testing.assert_allclose(negatives, expected, atol=200)


def test_weights_choose_people_by_their_mean_and_faces_by_their_own():
    labels = np.repeat([0, 1, 2, 3], [4, 2, 6, 3])
    weights = np.array([1, 2, 3, 4] + [8, 2] + [1] * 6 + [0.5, 1, 1.5])
    sampler = fp.PKSampler(labels, people=2, faces=2, negatives=3, weights=weights)
    people, faces, second, rounds = np.zeros(4), np.zeros(4), 0, 8000
    for epoch in range(rounds // 2):
        sampler.set_epoch(epoch)
        for batch in sampler:
            who = labels[batch[:4]]
            people[who[[0, 2]]] += 1
            if 0 in who:
                second += 1
                faces[[row for row in batch[:4] if row < 4]] += 1
    np.testing.assert_allclose(people / rounds, successive([2.5, 5, 1, 1], 2), atol=0.03)
    np.testing.assert_allclose(faces / second, successive([1, 2, 3, 4], 2), atol=0.04)


def test_weights_choose_negatives():
    labels, weights = [0, 0, 1, 2, 3], [1, 1, 1, 2, 5]
    sampler = fp.PKSampler(labels, people=1, faces=2, negatives=2, weights=weights)
    drawn = np.zeros(5)
    for epoch in range(8000):
        sampler.set_epoch(epoch)
        for batch in sampler:
            drawn[batch[2:]] += 1
    np.testing.assert_allclose(drawn[2:] / 8000, successive([1, 2, 5], 2), atol=0.03)


def test_leaves_out_faces_of_weight_0():
    labels = np.repeat(np.arange(5), 4)
    weights = np.ones(20)
    weights[[0, 1, 2]] = weights[[4, 5]] = 0  # 0 keeps one face, so is a negative only; 1 keeps two
    sampler = fp.PKSampler(labels, people=4, faces=4, negatives=1, weights=weights)
    for batch in sampler:
        assert sorted(batch) == [3, 6, 7, *range(8, 20)]


def test_weights_from_one_end_of_the_floats_to_the_other():
    labels = np.repeat(np.arange(3), 2)
    weights = np.repeat([1e-320, 1e300, 1e300], 2)
    for batch in fp.PKSampler(labels, people=2, faces=2, weights=weights):
        assert sorted(batch) == [2, 3, 4, 5]


def test_takes_labels_of_any_kind():
    labels = crowd(1)
    expected = list(fp.PKSampler(labels, 5, 3))
    for other in (labels.tolist(), labels.astype(np.int16)):
        assert list(fp.PKSampler(other, 5, 3)) == expected
    assert len(list(fp.PKSampler([f"name {label}" for label in labels], 5, 3))) == len(expected)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"people": 3}, ValueError, "people must be at most 2, who have two faces or more, not 3"),
        ({"people": 0}, ValueError, "people must be 1 or more, not 0"),
        ({"people": 1.0}, TypeError, "people must be a whole number, not float"),
        ({"faces": 1}, ValueError, "faces must be 2 or more, not 1"),
        ({"negatives": 4}, ValueError, "negatives must be at most 3, the faces there are beside a batch, not 4"),
        ({"negatives": -1}, ValueError, "negatives must be 0 or more, not -1"),
        ({"seed": -1}, ValueError, "seed must be 0 or more, not -1"),
        ({"labels": [0.5, 1]}, TypeError, "labels must be integers or strings, not float64"),
        ({"weights": [1, 2]}, ValueError, "weights must have shape (7,), one for each label, not (2,)"),
        ({"weights": ["a"] * 7}, TypeError, "weights must be numbers, not <U1"),
        ({"weights": [1] * 6 + [-1]}, ValueError, "weights must be finite numbers of 0 or more"),
        ({"weights": [1] * 6 + [np.nan]}, ValueError, "weights must be finite numbers of 0 or more"),
        ({"weights": [1] * 6 + [np.inf]}, ValueError, "weights must be finite numbers of 0 or more"),
        ({"weights": [0] * 7}, ValueError, "people must be at most 0, who have two faces or more, not 1"),
    ],
)
def test_refuses_wrong_arguments(change, error, message):
    given = {"labels": [0, 0, 0, 1, 1, 2, 0], "people": 1, "faces": 2, **change}
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        fp.PKSampler(**given)


def test_refuses_an_epoch_before_the_first():
    with pytest.raises(ValueError, match=r"^epoch must be 0 or more, not -1$"):
        fp.PKSampler([0, 0], people=1).set_epoch(-1)


@pytest.mark.parametrize(("eta", "gamma"), [(1, 5), (0, 1), (3, 0.5), (1, 0)])
def test_equity_weights_are_the_formula(eta, gamma):
    labels = crowd(4)
    expected = []
    for label in labels:
        p = sum(label == other for other in labels) / len(labels)
        expected.append((eta + (1 - p) ** gamma) / (eta + 1))
    found = fp.equity_weights(labels, eta=eta, gamma=gamma)
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    np.testing.assert_array_equal(fp.equity_weights([str(label) for label in labels], eta=eta, gamma=gamma), found)


def test_equity_weights_of_the_paper_lie_between_a_half_and_one():
    assert fp.equity_weights(["one"] * 3).tolist() == [0.5] * 3
    assert fp.equity_weights([]).shape == (0,)
    assert fp.equity_weights([-1, 0, 0], gamma=1).tolist() == fp.equity_weights([1, 0, 0], gamma=1).tolist()
    rare, frequent = fp.equity_weights([0] + [1] * 9999)[[0, 1]]
    assert 0.999 < rare < 1
    assert frequent == pytest.approx(0.5, abs=1e-15)


@pytest.mark.parametrize("name", ["eta", "gamma"])
@pytest.mark.parametrize("value", [-1, np.nan, np.inf])
def test_equity_weights_refuse_other_numbers(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be a finite number of 0 or more, not {value}$"):
        fp.equity_weights([0, 1], **{name: value})


def test_a_sampler_shows_what_it_draws():
    sampler = fp.PKSampler([0, 0, 1, 1, 2], 1, 2, negatives=1, seed=3)
    sampler.set_epoch(4)
    assert repr(sampler) == "<PKSampler of 5 rows: 2 batches, people=1, faces=2, negatives=1, seed=3, epoch=4>"
