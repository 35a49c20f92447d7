"""Error rates of groups against their definitions, intervals that know whose pairs they are, and sweeps."""

import re

import numpy as np
import pytest

from faceprint.evaluate import ListedPairs, disparity, sweep
from faceprint.evaluate.rates import effective_pairs, wilson
from faceprint.evaluate.shares import share, standardised


def variance_by_pairs(residuals, a, b):
    """The sum of products of residuals of all two pairs that share a person, one by one."""
    people = len({*a.tolist(), *b.tolist()})
    sharing = [
        residuals[i] * residuals[j]
        for i in range(len(a))
        for j in range(len(a))
        if {int(a[i]), int(b[i])} & {int(a[j]), int(b[j])}
    ]
    return people / (people - 1) * sum(sharing)


@pytest.mark.parametrize("seed", range(6))
def test_variance_is_that_of_pairs_that_share_people(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(9, size=(2, 60))
    wrong = rng.random(60) < 0.3
    variance = variance_by_pairs((wrong - wrong.mean()) / 60, a, b)
    value = wrong.mean()
    low, high = wilson(np.array(value), min(60, value * (1 - value) / variance) if variance > 0 else 60.0)
    found = share(wrong, a, b)
    assert (found.value, found.wrong, found.pairs, found.people) == (value, wrong.sum(), 60, 9)
    assert (found.low, found.high) == pytest.approx((float(low), float(high)))


def test_pairs_of_one_person_count_as_they_do_for_val():
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(20), rng.integers(1, 9, 20))
    accepted = rng.random(len(people)) < rng.beta(2, 1, 20)[people]
    effective = effective_pairs(np.bincount(people, accepted), np.bincount(people))
    found = share(accepted, people, people)
    assert (found.low, found.high) == pytest.approx([float(end) for end in wilson(np.array(found.value), effective)])


def test_where_nothing_varies_each_person_is_a_pair():
    a, b = np.triu_indices(10, 1)
    none, one = share(np.zeros(45, bool), a, b), share(np.ones(1, bool), np.array([3]), np.array([7]))
    assert (none.value, none.low, none.high) == (0, 0, pytest.approx(float(wilson(np.array(0.0), 10.0)[1])))
    assert (one.value, one.high, one.low) == (1, 1, pytest.approx(float(wilson(np.array(1.0), 1.0)[0])))


def test_intervals_hold_what_they_promise_where_some_people_look_like_many():
    """All pairs of 50 people, some of whom are mistaken far more often: 300 draws, about 95 % cover the true share."""
    rng = np.random.default_rng(0)
    a, b = np.triu_indices(50, 1)
    covered, alone = [], []
    for _ in range(300):
        wolf = rng.gamma(1, 1, 50)
        wrong = rng.random(len(a)) < np.minimum(0.05 * wolf[a] * wolf[b], 1)
        found = share(wrong, a, b)
        low, high = wilson(np.array(wrong.mean()), float(len(a)))
        covered.append(found.low <= 0.0497 <= found.high)
        alone.append(low <= 0.0497 <= high)
    assert 0.89 <= np.mean(covered) <= 0.98
    assert np.mean(alone) < 0.7  # as if pairs were independent


def made(seed=0, photos=80):
    """Photographs of 20 people, with attributes that are each other's and the distances' business, and all pairs."""
    rng = np.random.default_rng(seed)
    people = rng.integers(20, size=photos)
    attributes = {
        "skin": [None if number % 7 == 0 else "light" if number < 12 else "dark" for number in people],
        "glasses": rng.choice(["yes", "no"], photos).tolist(),
    }
    pairs = ListedPairs(people, *np.triu_indices(photos, 1))
    distances = rng.uniform(0, 0.4, len(pairs.a)) + 0.2 * ~pairs.same + 0.05 * (people[pairs.a] >= 12)
    return distances, pairs, attributes


def rates(distances, pairs, threshold, wanted):
    """FMR and FNMR of the pairs both of whose photographs are wanted, one by one."""
    wrong = {True: [], False: []}
    for distance, a, b in zip(distances, pairs.a, pairs.b, strict=True):
        if wanted(a) and wanted(b):
            same = pairs.people[a] == pairs.people[b]
            wrong[same].append((distance <= threshold) != same)
    return np.mean(wrong[False]), np.mean(wrong[True])


def test_combinations_of_many_attributes_stay_apart():
    distances, pairs, attributes = made()
    others = np.maximum(pairs.a, pairs.b) < 79
    kept = ListedPairs(pairs.people, pairs.a[others], pairs.b[others])
    expected = disparity(distances[others], kept, attributes, 0.35).divisions[-1].groups
    more = {f"attribute {number}": ["no"] * 79 + ["yes"] for number in range(73)}  # as many as LFW has
    found = disparity(distances, pairs, {**attributes, **more}, 0.35).divisions[-1].groups
    assert [(group.fmr, group.fnmr) for group in found] == [(group.fmr, group.fnmr) for group in expected]


def test_rates_of_groups_are_their_definitions():
    distances, pairs, attributes = made()
    found = disparity(distances, pairs, attributes, 0.35)
    assert found.threshold == 0.35
    assert (found.everybody.fmr.value, found.everybody.fnmr.value) == rates(distances, pairs, 0.35, lambda photo: True)
    skin, glasses, both = found.divisions
    assert [division.attributes for division in found.divisions] == [("skin",), ("glasses",), ("skin", "glasses")]
    assert [group.values for group in skin.groups] == [{"skin": "dark"}, {"skin": "light"}]
    assert [len(division.groups) for division in found.divisions] == [2, 2, 4]
    for division in (skin, glasses, both):
        for group in division.groups:

            def wanted(photo, values=group.values):
                return all(attributes[name][photo] == value for name, value in values.items())

            assert (group.fmr.value, group.fnmr.value) == rates(distances, pairs, 0.35, wanted)
        ordered = sorted(division.groups, key=lambda group: group.fmr.value)
        assert (division.fmr.lowest, division.fmr.highest) == (ordered[0].values, ordered[-1].values)
        assert division.fmr.difference == ordered[-1].fmr.value - ordered[0].fmr.value
        assert division.fmr.ratio == ordered[-1].fmr.value / ordered[0].fmr.value
        assert division.fmr.low < division.fmr.difference < division.fmr.high


def test_gaps_cover_no_difference_where_there_is_none():
    rng = np.random.default_rng(2)
    a, b = np.triu_indices(60, 1)
    pairs = ListedPairs(np.arange(60), a, b)
    covered = []
    for _ in range(200):
        gap = disparity(rng.random(len(a)), pairs, {"half": np.arange(60) % 2}, 0.1).divisions[0].fmr
        covered.append(gap.low <= 0)
    assert 0.92 <= np.mean(covered) <= 0.99  # the larger one is taken first, so one side only


def test_groups_without_pairs():
    pairs = ListedPairs(np.array([0, 0, 1, 2]), np.array([0, 2, 0]), np.array([1, 3, 2]))
    groups = {"group": ["A", "A", "B", "B"]}
    division = disparity([0.1, 0.1, np.nan], pairs, groups, 0.2).divisions[0]
    assert [group.fmr and group.fmr.value for group in division.groups] == [None, 1]
    assert [group.fnmr and group.fnmr.value for group in division.groups] == [0, None]
    assert (division.fmr, division.fnmr) == (None, None)
    assert disparity([0.1, 0.1, np.nan], pairs, groups, 0.2).everybody.fmr.value == 0.5  # what cannot be compared
    assert disparity([np.nan] * 3, pairs, groups, 0.2).everybody.fnmr.value == 1
    assert disparity([0.1, 0.3, 0.1], pairs, {"group": [None, "A", "B", "B"]}, 0.2).divisions[0].groups[0].fnmr is None


def test_unknown_is_what_has_no_value():
    class Missing:
        """As pandas' NA: it equals nothing, nor does it differ."""

        def __eq__(self, other):
            return self

        def __bool__(self):
            raise TypeError("boolean value of NA is ambiguous")

    distances, pairs, attributes = made()
    expected = disparity(distances, pairs, attributes, 0.35)
    for missing in (float("nan"), np.float32("nan"), np.datetime64("NaT", "D"), Missing()):
        skin = [missing if value is None else value for value in attributes["skin"]]
        assert disparity(distances, pairs, {**attributes, "skin": skin}, 0.35) == expected


def test_gaps_have_the_interval_of_newcombe():
    """His example: 56 of 70 and 48 of 80 differ by 0.0524 to 0.3339 (1998, table II, method 10)."""
    distances = np.where(np.concatenate([np.arange(70) < 56, np.arange(80) < 48]), 0.2, 0.3)
    pairs = ListedPairs(np.arange(300), np.arange(0, 300, 2), np.arange(1, 300, 2))
    gap = disparity(distances, pairs, {"group": np.arange(300) < 140}, 0.2).divisions[0].fmr
    assert (gap.difference, gap.low, gap.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-3)


def test_no_ratio_to_nothing():
    pairs = ListedPairs(np.arange(4), np.array([0, 2]), np.array([1, 3]))
    gap = disparity([0.1, 0.9], pairs, {"group": [1, 1, 2, 2]}, 0.2).divisions[0].fmr
    assert (gap.difference, gap.ratio, gap.highest, gap.lowest) == (1, None, {"group": "1"}, {"group": "2"})


def test_sweeps_hold_what_else_differs():
    """Old people are mistaken more often and wear glasses more often; glasses themselves change nothing."""
    rng = np.random.default_rng(5)
    old = rng.random(120) < 0.5
    glasses = rng.random(120) < np.where(old, 0.8, 0.2)
    pairs = ListedPairs(np.arange(120), *np.triu_indices(120, 1))
    accepted = rng.random(len(pairs.a)) < np.where(old[pairs.a] & old[pairs.b], 0.4, 0.02)
    distances = np.where(accepted, 0.1, 0.9)
    attributes = {"glasses": glasses.tolist(), "old": old.tolist()}
    apart = disparity(distances, pairs, attributes, 0.2).divisions[0]
    held = sweep(distances, pairs, attributes, "glasses", 0.2)
    assert (held.attributes, held.held) == (("glasses",), ("old",))
    assert apart.fmr.difference > 0.15
    assert held.fmr.difference < 0.03
    assert held.fmr.low < 0
    assert held.fnmr is None
    strata = {}
    for number, value in enumerate((False, True)):
        alike = [(glasses == value) & (old == age) for age in (False, True)]
        rows = [accepted[shown[pairs.a] & shown[pairs.b]] for shown in alike]
        strata[number] = rows
        assert held.groups[number].values == {"glasses": str(value)}
        assert held.groups[number].fmr.pairs == sum(map(len, rows))
    sizes = np.array([len(strata[0][age]) + len(strata[1][age]) for age in (0, 1)])
    for number, rows in strata.items():
        expected = np.dot(sizes / sizes.sum(), [wrong.mean() for wrong in rows])
        assert held.groups[number].fmr.value == pytest.approx(expected)


def test_sweeps_of_one_attribute_and_without_anything_in_common():
    distances, pairs, attributes = made(1)
    alone = sweep(distances, pairs, {"glasses": attributes["glasses"]}, "glasses", 0.35)
    both = disparity(distances, pairs, attributes, 0.35).divisions[1]
    for found, expected in zip(alone.groups, both.groups, strict=True):
        assert (found.values, found.fmr.pairs) == (expected.values, expected.fmr.pairs)
        assert (found.fmr.value, found.fmr.low) == pytest.approx((expected.fmr.value, expected.fmr.low))
    parted = {"a": [0, 0, 1, 1], "b": [5, 5, 6, 6]}
    four = ListedPairs(np.arange(4), *np.triu_indices(4, 1))
    nothing = sweep(np.zeros(6), four, parted, "a", 0.2)
    assert [group.fmr for group in nothing.groups] == [None, None]
    rare = {"a": [0, 0, 1, 1], "b": [5, 5, 5, 5]}
    absent = sweep(np.zeros(6), four, {**rare, "a": [0, 0, 1, 2]}, "a", 0.2)
    assert [group.fmr and group.fmr.value for group in absent.groups] == [1, None, None]  # whoever is alone has no pair


def test_standardised_intervals_hold_what_they_promise():
    """Two strata of unequal size that count the same: of 300 draws, about 95 % cover the mean of both shares."""
    rng = np.random.default_rng(1)
    people = np.arange(220)
    strata = (people >= 200).astype(np.int64)
    covered = []
    for _ in range(300):
        wrong = rng.random(220) < np.where(strata, 0.5, 0.1)
        found = standardised(wrong, people, people, strata, np.array([0.5, 0.5]))
        covered.append(found.low <= 0.3 <= found.high)
        variance = sum(wrong[strata == s].var() / (strata == s).sum() for s in (0, 1)) / 4 * 220 / 219
        most = 1 / (0.25 / 200 + 0.25 / 20)  # never better than pairs of their weight would be alone
        low, high = wilson(np.array(found.value), min(found.value * (1 - found.value) / variance, most))
        assert (found.low, found.high) == pytest.approx((float(low), float(high)))
    assert 0.9 <= np.mean(covered) <= 0.98


@pytest.mark.parametrize(
    ("distances", "attributes", "threshold", "text"),
    [
        (np.zeros(2), {"a": [1, 2]}, 0.2, "distances must have shape (1,), one for each pair, not (2,)"),
        (np.zeros(1), {"a": [1]}, 0.2, "attributes['a'] must have 2 values, one for each embedding, not 1"),
        (np.zeros(1), {}, 0.2, "attributes must be at least one, not 0"),
        (np.zeros(1), {"a": [1, 2]}, 4.5, "threshold must be a squared distance in [0, 4], not 4.5"),
    ],
)
def test_refused(distances, attributes, threshold, text):
    pairs = ListedPairs(np.arange(2), np.array([0]), np.array([1]))
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        disparity(distances, pairs, attributes, threshold)
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        sweep(distances, pairs, attributes, "a", threshold)


def test_sweeps_refuse_what_is_no_attribute():
    pairs = ListedPairs(np.arange(2), np.array([0]), np.array([1]))
    with pytest.raises(ValueError, match=r"^vary must be one of the attributes, 'a', not 'b'$"):
        sweep(np.zeros(1), pairs, {"a": [1, 2]}, "b", 0.2)


def test_pairs_of_one_person_are_one_pair():
    """Some of which come out wrong: nothing tells how much others would vary."""
    found = share(np.array([True, False, False, False]), np.zeros(4, int), np.zeros(4, int))
    low, high = wilson(np.array(0.25), 1.0)
    assert (found.value, found.low, found.high, found.people) == (0.25, low, high, 1)
    pairs = ListedPairs(np.zeros(3, int), np.array([0, 0, 1]), np.array([1, 2, 2]))
    assert disparity([0.1, 0.1, 0.9], pairs, {"a": [1, 1, 1]}, 0.2).everybody.fnmr.people == 1
