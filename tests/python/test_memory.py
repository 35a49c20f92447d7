"""The memory of earlier batches, against a plain list."""

import re

import numpy as np
import pytest

import faceprint as fp
import reference


def batch(random, rows, depth=3, people=4):
    return random.standard_normal((rows, depth)).astype(np.float32), random.integers(0, people, rows)


@pytest.mark.parametrize("size", [1, 5, 12])
def test_holds_the_last_rows_oldest_first(size):
    random = np.random.default_rng(size)
    memory, seen = fp.CrossBatchMemory(size), []
    for _ in range(40):
        x, labels = batch(random, int(random.integers(0, 9)))
        rows, names = memory.join(x, labels)
        np.testing.assert_array_equal(rows, np.concatenate([x, *[row[None] for row, _ in seen[-size:]]]))
        np.testing.assert_array_equal(names, [*labels, *[label for _, label in seen[-size:]]])
        memory.add(x, labels)
        seen += zip(x.copy(), labels.tolist(), strict=True)
        assert len(memory) == min(len(seen), size)
        x[:] = 0  # what is remembered is a copy
    np.testing.assert_array_equal(memory.embeddings, [row for row, _ in seen[-size:]])
    assert memory.labels.tolist() == [label for _, label in seen[-size:]]
    assert (memory.embeddings.dtype, memory.labels.dtype) == (np.float32, np.int64)


@pytest.mark.parametrize("kind", ["semihard", "batch-hard", "batch-all"])
def test_rows_are_positives_and_negatives_of_the_batch(kind):
    random = np.random.default_rng(0)
    memory = fp.CrossBatchMemory(20)
    for _ in range(4):
        memory.add(*batch(random, 7))
    x, labels = batch(random, 6)
    rows, names = memory.join(x, labels)
    value, gradient = fp.triplet_loss(rows, names, kind=kind, margin=1, anchors=6)
    apart = reference.distances(np.concatenate([x, memory.embeddings]), np.concatenate([x, memory.embeddings]))
    triplets = reference.mine_triplets(apart, [*labels, *memory.labels], kind, 1, anchors=6)
    assert triplets[:, 1].max() >= 6
    assert triplets[:, 2].max() >= 6
    expected, slope = reference.triplet_loss(rows, names, triplets, 1)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    np.testing.assert_allclose(gradient[:6], slope[:6], rtol=1e-4, atol=1e-5)


def test_clear_forgets_the_dimension_too():
    memory = fp.CrossBatchMemory(4)
    memory.add(np.ones((2, 3), np.float32), [1, 2])
    memory.clear()
    assert len(memory) == 0
    assert memory.embeddings.shape == (0, 0)
    memory.add(np.ones((1, 5), np.float32), [3])
    assert memory.embeddings.shape == (1, 5)


@pytest.mark.parametrize(
    ("x", "labels", "error", "message"),
    [
        (np.ones((2, 4), np.float32), [1, 2], ValueError, "x must have shape (n, 3), not (2, 4)"),
        (np.ones((2, 3)), [1, 2], TypeError, "x must be float32, not float64"),
        (np.float32([[1, 2, 3], [1, np.nan, 3]]), [1, 2], ValueError, "x must be finite: row 1 is not"),
        (np.ones((2, 3), np.float32), [1], ValueError, "labels must have shape (2,), one for each row, not (1,)"),
        (
            np.ones((2, 3), np.float32),
            ["a", "b"],
            TypeError,
            "labels must be integers, the same in every batch, not <U1",
        ),
    ],
)
def test_a_refused_batch_changes_nothing(x, labels, error, message):
    memory = fp.CrossBatchMemory(4)
    memory.add(np.ones((3, 3), np.float32), [5, 6, 7])
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        memory.add(x, labels)
    assert memory.labels.tolist() == [5, 6, 7]
    np.testing.assert_array_equal(memory.embeddings, np.ones((3, 3)))


@pytest.mark.parametrize(("size", "error"), [(0, ValueError), (2.5, TypeError)])
def test_refuses_a_size_that_is_none(size, error):
    with pytest.raises(error, match=r"^size must be (1 or more, not 0|a whole number, not float)$"):
        fp.CrossBatchMemory(size)
