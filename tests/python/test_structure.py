"""Minimum spanning trees against Kruskal's method, and what is kept of them."""

import re

import numpy as np
import pytest

import faceprint as fp
from faceprint.evaluate import structure, structure_kept


def lengths_by_joining(x):
    """Kruskal (1956): take all pairs, shortest first, and keep those that join two groups."""
    a, b = np.triu_indices(len(x), 1)
    between = fp.distances(x, x)[a, b].astype(float)
    group, lengths = list(range(len(x))), []
    for pair in np.argsort(between, kind="stable"):
        one, other = group[a[pair]], group[b[pair]]
        if one != other:
            lengths.append(between[pair])
            group = [one if number == other else number for number in group]
    return lengths


@pytest.mark.parametrize("rows", [2, 3, 17, 60])
@pytest.mark.parametrize("whole", [False, True])  # whole numbers tie
def test_lengths_are_those_of_joining_the_nearest_first(unit_rows, rows, whole):
    x = np.rint(unit_rows(rows, 3, seed=rows) * 2).astype(np.float32) if whole else unit_rows(rows, 8, seed=rows)
    found = structure(x)
    np.testing.assert_array_equal(found.lengths, lengths_by_joining(x))
    ends = found.edges.T
    assert (ends[0] < ends[1]).all()
    np.testing.assert_array_equal(fp.distances(x, x)[ends[0], ends[1]], found.lengths)


def test_edges_join_all_faces_and_ascend(unit_rows):
    found = structure(unit_rows(40, 6))
    assert (np.diff(found.lengths) >= 0).all()
    reached = {0}
    for _ in range(40):
        reached |= {int(end) for edge in found.edges for end in edge if reached & {*edge.tolist()}}
    assert reached == set(range(40))


def test_columns_may_lie_one_behind_the_other(unit_rows):
    x = unit_rows(20, 6)
    found, expected = structure(np.asfortranarray(x)), structure(x)
    np.testing.assert_array_equal(found.edges, expected.edges)
    np.testing.assert_array_equal(found.lengths, expected.lengths)


def test_what_is_kept(unit_rows):
    x = unit_rows(100, 16)
    before = structure(x)
    noise = np.random.default_rng(1).standard_normal(x.shape).astype(np.float32)
    kept = [structure_kept(before, structure(x + share * noise)) for share in (0, 0.001, 0.1, 3)]
    assert (kept[0].difference, kept[0].edges) == (0, 1)
    assert all(less.difference > more.difference for less, more in zip(kept[1:], kept[:-1], strict=True))
    assert all(less.edges < more.edges for less, more in zip(kept[2:], kept[1:-1], strict=True))


def test_differences_are_worked_by_hand():
    line, other = np.array([[0], [1], [3]], np.float32), np.array([[0], [3], [6]], np.float32)
    kept = structure_kept(structure(line), structure(other))  # lengths 1, 4 and 9, 9
    assert kept.difference == pytest.approx((abs(1 / 2.5 - 1) + abs(4 / 2.5 - 1)) / 2)
    assert kept.edges == 1
    turned = structure_kept(structure(line), structure(line[[1, 0, 2]]))
    assert (turned.difference, turned.edges) == (0, 0.5)


def test_int8_storage_keeps_nearly_all():
    made = fp.synthetic.people(600, 100, seed=2).embeddings
    gallery = fp.Gallery(storage="int8")
    gallery.add(made)
    stored = np.stack([entry.embedding for entry in gallery.iterate()])
    kept = structure_kept(structure(made), structure(stored))
    assert kept.difference < 0.01
    assert kept.edges > 0.95


@pytest.mark.parametrize(
    ("rows", "others", "text"),
    [
        (3, 2, "both must be structures of the same faces, not of 3 and 2 faces"),
        (1, 2, "x must hold at least two embeddings, not 1"),
    ],
)
def test_refused(unit_rows, rows, others, text):
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        structure_kept(structure(unit_rows(rows)), structure(unit_rows(others)))


def test_refuses_faces_that_are_all_the_same(unit_rows):
    flat = structure(np.ones((3, 128), np.float32))
    with pytest.raises(ValueError, match=r"^a structure must have faces that differ, and all of one are the same$"):
        structure_kept(structure(unit_rows(3)), flat)
