import re

import numpy as np
import pytest

from faceprint import _core
from reference.backends import each_backend, using


def integers(rows, columns, seed=0):
    return np.random.default_rng(seed).integers(-3, 4, (rows, columns)).astype(np.float32)


def test_begins_empty():
    gallery = _core.Gallery(128)
    assert (gallery.rows, gallery.columns) == (0, 128)
    assert gallery.unpack().shape == (0, 128)


@each_backend
@pytest.mark.parametrize("columns", [1, 7, 16, 33, 128])
def test_appends_and_removes_as_numpy_does(backend, columns):
    random = np.random.default_rng(columns)
    with using(backend):
        gallery, expected = _core.Gallery(columns), np.empty((0, columns), np.float32)
        for step in range(25):
            added = integers(random.integers(60), columns, step)[::-1]
            gallery.append(added)
            expected = np.concatenate([expected, added])
            removed = np.flatnonzero(random.random(len(expected)) < (0.95 if step % 8 == 7 else 0.2))
            gallery.remove(removed)
            expected = np.delete(expected, removed, axis=0)
            assert gallery.rows == len(expected)
            np.testing.assert_array_equal(gallery.unpack(), expected)


def test_finds_nothing_that_was_removed():
    gallery = _core.Gallery(3)
    gallery.append(np.eye(3, dtype=np.float32))
    gallery.remove(np.array([1]))
    distances, indices, _ = _core.nearest(np.float32([[0, 1, 0]]), gallery, 2)
    np.testing.assert_array_equal(distances, [[2, 2]])
    np.testing.assert_array_equal(indices, [[0, 1]])


@pytest.mark.parametrize(
    ("embeddings", "error", "message"),
    [
        ([[1.0, 2.0]], TypeError, "embeddings must be a numpy array, not list"),
        (np.ones((2, 2)), TypeError, "embeddings must be float32, not float64"),
        (np.ones(2, np.float32), ValueError, "embeddings must have shape (n, 2), not (2,)"),
        (np.ones((2, 3), np.float32), ValueError, "embeddings must have shape (n, 2), not (2, 3)"),
        (
            np.ones((2, 4), np.float32)[:, ::2],
            ValueError,
            "embeddings must have adjacent elements in each row; pass numpy.ascontiguousarray(embeddings)",
        ),
        (np.float32([[1, 1]] * 3 + [[np.nan, 1]]), ValueError, "embeddings must be finite: row 3 is not"),
        (np.float32([[1, -np.inf]]), ValueError, "embeddings must be finite: row 0 is not"),
        (np.float32([[1, 1], [1, 3e15]]), ValueError, "embeddings must lie in [-1e15, 1e15]: row 1 does not"),
    ],
)
def test_a_refused_append_changes_nothing(embeddings, error, message):
    rows = integers(5, 2)
    gallery = _core.Gallery(2)
    gallery.append(rows)
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        gallery.append(embeddings)
    np.testing.assert_array_equal(gallery.unpack(), rows)


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ([0], TypeError, "rows must be a numpy array, not list"),
        (np.array([0], np.int32), TypeError, "rows must be int64, not int32"),
        (np.array([0.0]), TypeError, "rows must be int64, not float64"),
        (np.array([[0]]), ValueError, "rows must have shape (n,), not (1, 1)"),
        (np.arange(4)[::2], ValueError, "rows must have C order; pass numpy.ascontiguousarray(rows)"),
        (np.array([5]), ValueError, "rows must lie in [0, 5), not 5"),
        (np.array([-1]), ValueError, "rows must lie in [0, 5), not -1"),
        (np.array([1, 1]), ValueError, "rows must ascend without repeats: 1 follows 1"),
        (np.array([0, 3, 2]), ValueError, "rows must ascend without repeats: 2 follows 3"),
    ],
)
def test_a_refused_remove_changes_nothing(rows, error, message):
    gallery = _core.Gallery(2)
    gallery.append(integers(5, 2))
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        gallery.remove(rows)
    np.testing.assert_array_equal(gallery.unpack(), integers(5, 2))


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        (0, ValueError, "a gallery must have 1 to 1048576 columns, not 0"),
        (-1, ValueError, "a gallery must have 1 to 1048576 columns, not -1"),
        (2**20 + 1, ValueError, "a gallery must have 1 to 1048576 columns, not 1048577"),
        (1.0, TypeError, "columns must be an integer, not float"),
    ],
)
def test_refuses_absurd_widths(columns, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        _core.Gallery(columns)
