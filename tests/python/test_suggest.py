"""What to look at in a clustering."""

import numpy as np
import pytest

import faceprint as fp


def on_circle(*degrees):
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def chord(degrees):
    return 2 - 2 * np.cos(np.radians(degrees))


LOOKS = on_circle(0, 1, 2, 18, 19, 100, 101)  # a person of two looks, and another one


def test_lobes_are_the_looks_of_a_person():
    found = fp.cluster(LOOKS, method="average", threshold=0.12)
    assert found.labels.tolist() == [0] * 5 + [1] * 2
    lobes = fp.lobes(found, threshold=0.02)
    assert lobes.labels.tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert lobes.people.tolist() == [0, 0, 1]
    assert lobes.representatives.tolist() == [1, 3, 5]
    assert fp.lobes(found).labels.tolist() == [0, 0, 0, 1, 1, 2, 2]  # 0.7 of 0.12 is less than they are apart
    assert fp.lobes(found, threshold=4).labels.tolist() == found.labels.tolist()


def test_lobes_of_junk_and_of_nobody():
    found = fp.cluster(LOOKS, threshold=0.02, junk=np.array([True] + [False] * 6))
    assert fp.lobes(found).labels[0] == -1
    nobody = fp.lobes(fp.cluster(LOOKS[:0]))
    assert nobody.labels.shape == nobody.people.shape == nobody.representatives.shape == (0,)


def test_merges_are_people_who_are_near():
    found = fp.cluster(LOOKS, method="average", threshold=0.05)
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 2, 2]
    (merge,) = fp.suggest_merges(found, limit=0.12)
    assert merge.people == (0, 1)
    assert merge.rows == (2, 3)
    assert merge.nearest == pytest.approx(chord(16), rel=1e-5)
    apart = fp.distances(LOOKS[:3], LOOKS[3:5])
    assert merge.distance == pytest.approx(apart.mean(), rel=1e-5)
    assert fp.suggest_merges(found) == []  # 1.2 times 0.05 is less
    every = fp.suggest_merges(found, limit=4)
    assert [suggestion.people for suggestion in every] == [(0, 1), (1, 2), (0, 2)]
    assert fp.suggest_merges(fp.cluster(LOOKS[:1])) == []


def test_splits_are_parts_that_lie_apart():
    found = fp.cluster(LOOKS, method="average", threshold=0.12)
    assert fp.suggest_splits(found) == []
    (split,) = fp.suggest_splits(found, limit=0.05)
    assert (split.person, split.rows.tolist()) == (0, [3, 4])
    assert split.distance == pytest.approx(fp.distances(LOOKS[:3], LOOKS[3:5]).mean(), rel=1e-5)


@pytest.mark.parametrize("suggest", [fp.suggest_merges, fp.suggest_splits])
def test_limits_out_of_range(suggest):
    with pytest.raises(ValueError, match="in \\[0, 4\\]"):
        suggest(fp.cluster(LOOKS), limit=5)
