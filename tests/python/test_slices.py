"""Slices of wrong pairs: what was planted is found, and shares and representatives are what they say."""

import re

import numpy as np
import pytest

import faceprint as fp
from faceprint.evaluate import ListedPairs, clustering, error_slices

THRESHOLD = 0.17


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def people_with(change, seed):
    """Photographs of 150 people, changed: embeddings, people, and what `change` says of each photograph."""
    alike = {"junk": 0, "hard": 0, "lobed": 0, "groups": 1, "label_noise": 0, "tail": 0.3}
    made = fp.synthetic.people(900, 150, seed=seed, **alike)
    rng = np.random.default_rng(seed + 100)
    x = made.embeddings.astype(float)
    kinds = change(x, made.people, unit(rng.standard_normal((3, 128))), rng)
    return unit(x), made.people, kinds


def glasses_and_blur(x, people, directions, rng):
    """Photographs with glasses lie off in one direction, blurred ones are drawn in another."""
    draw = rng.random(len(x))
    kinds = np.where(draw < 0.06, 1, np.where(draw < 0.12, 2, 0))
    x[kinds == 1] += 0.45 * directions[0]
    x[kinds == 2] = 0.4 * x[kinds == 2] + 0.6 * directions[1]
    return kinds


def two_families(x, people, directions, rng):
    """Twelve people each of two families look alike."""
    kinds = np.where(people < 12, 1, np.where(people < 24, 2, 0))
    for family in (1, 2):
        towards = unit((2 * x.mean(axis=0) + directions[family])[None])
        x[kinds == family] = 0.5 * x[kinds == family] + 0.5 * towards
    return kinds


def slices_of(x, people):
    pairs = ListedPairs(people, *np.triu_indices(len(x), 1))
    return pairs, error_slices(x, pairs, THRESHOLD)


@pytest.mark.parametrize("seed", range(3))
def test_false_non_matches_gather_by_what_differs(seed):
    x, people, kinds = people_with(glasses_and_blur, seed)
    pairs, found = slices_of(x, people)
    missed = [part for part in found if part.kind == "false non-match"]
    rows = np.concatenate([part.pairs for part in missed])
    labels = np.repeat(np.arange(len(missed)), [len(part.pairs) for part in missed])
    causes = np.sort(np.stack([kinds[pairs.a[rows]], kinds[pairs.b[rows]]]), axis=0)
    truth = causes[1] * 3 + causes[0]
    score = clustering(truth, labels)
    assert score.pairwise.precision > 0.95
    assert score.nmi > 0.6
    for cause in (3, 6):  # glasses on one of both, blur on one of both: nearly all in one slice
        assert np.bincount(labels[truth == cause]).max() > 0.9 * (truth == cause).sum()


@pytest.mark.parametrize("seed", range(3))
def test_false_matches_gather_by_who_looks_alike(seed):
    x, people, kinds = people_with(two_families, seed)
    pairs, found = slices_of(x, people)
    mistaken = [part for part in found if part.kind == "false match"]
    for part in mistaken[:3]:
        families = np.sort(kinds[np.stack([pairs.a[part.pairs], pairs.b[part.pairs]])], axis=0)
        causes = np.bincount(families[0] * 3 + families[1], minlength=9)
        assert causes.max() > 0.95 * len(part.pairs)
        assert causes.argmax() in (4, 5, 8)  # one family, the other, or one of each


def test_slices_are_what_they_say():
    x, people, _ = people_with(glasses_and_blur, 0)
    pairs, found = slices_of(x, people)
    accepted = pairs.distances(x) <= THRESHOLD
    wrong = {
        "false match": np.flatnonzero(accepted & ~pairs.same),
        "false non-match": np.flatnonzero(~accepted & pairs.same),
    }
    sizes = [len(part.pairs) for part in found]
    assert sizes == sorted(sizes, reverse=True)
    assert min(sizes) >= 5
    for kind, rows in wrong.items():
        parts = [part for part in found if part.kind == kind]
        together = np.concatenate([part.pairs for part in parts])
        assert len(together) == len(set(together.tolist()))  # each pair once
        assert set(together.tolist()) <= set(rows.tolist())
        for part in parts:
            assert part.share == len(part.pairs) / len(rows)
            ends = people[np.stack([pairs.a[part.pairs], pairs.b[part.pairs]])]
            assert part.people == len(np.unique(ends))
            assert 1 <= len(part.representatives) <= 5
            assert set(part.representatives.tolist()) <= set(part.pairs.tolist())
            couples = [tuple(sorted(people[[pairs.a[row], pairs.b[row]]].tolist())) for row in part.representatives]
            assert len(couples) == len(set(couples))


def test_the_first_representative_is_the_medoid():
    x, people, _ = people_with(two_families, 0)
    pairs, found = slices_of(x, people)
    part = next(part for part in found if part.kind == "false match")
    middle = unit((x[pairs.a[part.pairs]] + x[pairs.b[part.pairs]]) / 2)
    spread = fp.distances(middle, middle).sum(axis=1)
    assert part.representatives[0] == part.pairs[spread.argmin()]


def test_few_wrong_pairs_make_no_slice(unit_rows):
    x = np.repeat(np.eye(4, 128, dtype=np.float32), 2, axis=0)
    pairs = ListedPairs(np.repeat(np.arange(4), 2), *np.triu_indices(8, 1))
    assert error_slices(x, pairs, 0.5) == []  # nothing is wrong
    pairs.people[:2] = [0, 7]  # one pair is
    assert error_slices(x, pairs, 0.5) == []
    same = ListedPairs(np.arange(6), *np.triu_indices(6, 1))
    (only,) = error_slices(np.ones((6, 3), np.float32), same, 0.5)  # all are, and all are alike
    assert (only.share, only.people, len(only.pairs)) == (1, 6, 15)
    two = ListedPairs(np.arange(3), np.array([0, 1]), np.array([1, 2]))
    assert [len(part.pairs) for part in error_slices(np.ones((3, 3), np.float32), two, 0.5, fewest=1)] == [2]
    missed = ListedPairs(np.repeat(np.arange(6), 2), np.arange(0, 12, 2), np.arange(1, 12, 2))
    (only,) = error_slices(np.tile(np.eye(2, dtype=np.float32), (6, 1)), missed, 0.5)  # and all differ alike
    assert (only.kind, only.share, only.people) == ("false non-match", 1, 6)


@pytest.mark.parametrize(
    ("rows", "change", "text"),
    [
        (3, {}, "x must be the 4 photographs that the pairs are of, not 3"),
        (4, {"fewest": 0}, "fewest must be 1 or more, not 0"),
        (4, {"threshold": 5}, "threshold must be a squared distance in [0, 4], not 5"),
    ],
)
def test_refused(unit_rows, rows, change, text):
    pairs = ListedPairs(np.arange(4), *np.triu_indices(4, 1))
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        error_slices(unit_rows(rows), pairs, **{"threshold": 0.5, **change})


def test_of_no_photographs_there_are_no_slices():
    nobody = np.empty(0, np.int64)
    assert error_slices(np.empty((0, 4), np.float32), ListedPairs(nobody, nobody, nobody), THRESHOLD) == []
