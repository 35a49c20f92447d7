import re

import numpy as np
import pytest

import reference
from faceprint import _core


@pytest.mark.parametrize("depth", [1, 2, 8, 33, 128])
@pytest.mark.parametrize("rows", [0, 1, 2, 3, 25, 60])
def test_equals_greedy_merging(rows, depth, unit_rows):
    x = unit_rows(rows, depth, seed=rows) + np.float32(0.3) * unit_rows(rows, depth, seed=rows + 1)
    for threshold in (0, 0.5, 1.5, 2, 2.2, 10, np.inf):
        labels = _core.average_linkage(x, threshold)
        assert labels.dtype == np.int64
        np.testing.assert_array_equal(labels, reference.average_linkage(x, threshold))


def test_equals_greedy_merging_of_clustered_rows(unit_rows):
    x = unit_rows(6, 64, 1)[np.arange(60) % 6] + np.float32(0.5) * unit_rows(60, 64, 2)
    for threshold in np.linspace(0, 2.5, 26):
        np.testing.assert_array_equal(
            _core.average_linkage(x, threshold), reference.average_linkage(x, threshold), err_msg=str(threshold)
        )
    np.testing.assert_array_equal(_core.average_linkage(x, 1), np.arange(60) % 6)


def test_merges_at_exactly_the_threshold():
    line = np.float32([[0], [2], [5], [11]])
    for mean, below, at in (
        (4, [0, 1, 2, 3], [0, 0, 1, 2]),
        (17, [0, 0, 1, 2], [0, 0, 0, 1]),
        (238 / 3, [0, 0, 0, 1], [0, 0, 0, 0]),
    ):
        assert _core.average_linkage(line, np.nextafter(mean, 0)).tolist() == below
        assert _core.average_linkage(line, mean).tolist() == at


def test_joins_equal_rows_at_threshold_zero(unit_rows):
    x = unit_rows(5)[[0, 1, 2, 1, 0, 3, 1, 4, 0]]
    assert _core.average_linkage(x, 0).tolist() == [0, 1, 2, 1, 0, 3, 1, 4, 0]


def test_is_the_same_for_every_number_of_threads(unit_rows):
    x = unit_rows(40, 128, 1)[np.arange(3000) % 40] + np.float32(0.8) * unit_rows(3000, 128, 2)
    expected = _core.average_linkage(x, 1.5, threads=1)
    assert expected.max() > 0
    for threads in (0, 2, 3):
        np.testing.assert_array_equal(_core.average_linkage(x, 1.5, threads=threads), expected)


def test_reads_views_without_copies(unit_rows):
    x = unit_rows(30, 16)
    for view in (x[::-1], x[::2], x[:, 3:11]):
        np.testing.assert_array_equal(_core.average_linkage(view, 1.8), _core.average_linkage(view.copy(), 1.8))


ONES = np.ones((3, 2), np.float32)


@pytest.mark.parametrize(
    ("embeddings", "threshold", "error", "message"),
    [
        ([[1.0]], 1, TypeError, "embeddings must be a numpy array, not list"),
        (ONES.astype(np.float64), 1, TypeError, "embeddings must be float32, not float64"),
        (ONES[0], 1, ValueError, "embeddings must have shape (rows, columns), not (2,)"),
        (ONES[:, :0], 1, ValueError, "embeddings must have 1 to 1048576 columns, not 0"),
        (ONES * np.float32([[1], [1], [np.nan]]), 1, ValueError, "embeddings must be finite: row 2 is not"),
        (ONES * np.float32([[1], [1e16], [1]]), 1, ValueError, "embeddings must lie in [-1e15, 1e15]: row 1 does not"),
        (ONES, -1, ValueError, "threshold must be 0 or more, not -1.000000"),
        (ONES, np.nan, ValueError, "threshold must be 0 or more, not nan"),
        (ONES, "1", TypeError, "threshold must be a number, not str"),
    ],
)
def test_refuses_wrong_arguments(embeddings, threshold, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        _core.average_linkage(embeddings, threshold)


def test_refuses_negative_threads():
    with pytest.raises(ValueError, match=r"^threads must be 0 \(all\) or more, not -1$"):
        _core.average_linkage(ONES, 1, threads=-1)
