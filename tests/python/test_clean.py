"""Wrong labels, people under two names, and who is in two sets."""

import re

import numpy as np
import pytest

import faceprint as fp
from made import people


def test_clean_labels_are_left_alone():
    x, labels = people([5, 1, 9, 2], spread=0.2)
    found = fp.clean(x, labels)
    assert [len(part) for part in (found.wrong, found.distances, found.owners, found.doubtful, found.same)] == [0] * 5
    assert found.twins.shape == (0, 2)


def test_wrong_faces_are_found_with_whose_they_are():
    x, labels = people([6, 5, 7, 1], spread=0.2)
    wrong = labels.copy()
    wrong[[0, 6, 18]] = [1, 2, 0]
    found = fp.clean(x, wrong)
    assert found.wrong.tolist() == [0, 6, 18]
    assert found.owners.tolist() == [0, 1, -1]  # the last has no folder of its own any more
    for row, distance in zip(found.wrong, found.distances, strict=True):
        others = np.flatnonzero((wrong == wrong[row]) & (labels == wrong[row]))
        assert distance == pytest.approx(fp.distances(x[[row]], x[others]).mean(), rel=1e-4)


def test_one_person_under_two_names():
    x, labels = people([8, 4], spread=0.2)
    twice = np.where(np.arange(12) < 3, 2, labels)
    (same,) = fp.clean(x, twice).same
    assert same.people == (0, 2)


def test_nobody_can_say_whom_equal_parts_show():
    x, labels = people([2, 2, 4], spread=0.2)
    found = fp.clean(x, np.where(labels == 1, 0, labels))
    assert found.doubtful.tolist() == [0]
    assert found.wrong.tolist() == []


def test_twins_are_told_whatever_their_labels():
    x, labels = people([3, 3], spread=0.2)
    x[4] = x[1]
    assert fp.clean(x, labels).twins.tolist() == [[1, 4]]


def test_faces_without_label_are_nobodys():
    x, labels = people([3, 3], spread=0.2)
    found = fp.clean(x, np.where(labels == 1, -1, labels))
    assert found.wrong.tolist() == []
    empty = fp.clean(x[:0], [])
    assert empty.wrong.shape == empty.distances.shape == empty.owners.shape == (0,)


def test_overlap_is_who_is_in_both():
    x, labels = people([3, 1, 2], spread=0.2)
    found = fp.overlap(x[labels == 0], x[labels != 0])
    assert found.pairs.shape == (0, 2)
    found = fp.overlap(x[[0, 3, 4]], x[[5, 1]])
    assert sorted(found.pairs.tolist()) == [[0, 1], [2, 0]]
    np.testing.assert_array_equal(found.distances, np.sort(found.distances))
    with pytest.raises(ValueError, match=re.escape("in [0, 4]")):
        fp.overlap(x, x, threshold=5)


def test_assign_recognises_through_the_import_and_keeps_strangers_apart():
    angles = np.radians([0, 1, 16, 32, 33, 200, 201, 100])
    x = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    found = fp.assign(x[2:], x[:2], [5, 5], threshold=0.15)
    assert found.labels.tolist()[0] == 5
    assert found.labels.tolist()[3:] == [-1, -1, -1]
    assert found.newcomers.tolist()[3:] == [found.newcomers[3], found.newcomers[3], found.newcomers[5]]
    assert found.newcomers[3] != found.newcomers[5]
    assert (found.newcomers >= 0).tolist() == (found.labels < 0).tolist()


def test_assign_never_joins_people_who_are_enrolled():
    x, _ = people([6], spread=0.05)
    found = fp.assign(x[2:], x[:2], [0, 1])
    assert set(found.labels.tolist()) <= {0, 1}
    with pytest.raises(ValueError, match=r"^labels must be numbers from 0, not -1: every enrolled face is somebody's$"):
        fp.assign(x[2:], x[:2], [0, -1])
    with pytest.raises(ValueError, match=r"^x must have shape \(n, 128\), not \(4, 3\)$"):
        fp.assign(x[2:, :3], x[:2], [0, 1])
    for row in (-1, 4):  # no row of x, though one of both together
        with pytest.raises(ValueError, match=rf"^cannot_link must be rows in \[0, 4\), not {row}$"):
            fp.assign(x[2:], x[:2], [0, 1], cannot_link=[[0, row]])


def test_a_part_smaller_by_one_is_wrong():
    x, labels = people([3, 2, 4], spread=0.2)
    found = fp.clean(x, np.where(labels == 1, 0, labels))
    assert found.wrong.tolist() == [3, 4]
    assert found.doubtful.tolist() == []
