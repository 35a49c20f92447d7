"""People from embeddings."""

import numpy as np
import pytest

import faceprint as fp
from faceprint._cluster import THRESHOLD


def people(sizes, spread, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((len(sizes), 128))
    labels = np.repeat(np.arange(len(sizes)), sizes)
    x = centres[labels] + spread * rng.standard_normal((len(labels), 128))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32), labels


def test_separated_people_are_found():
    x, truth = people([5, 1, 9, 2], spread=0.2)
    found = fp.cluster(x)
    assert found.labels.tolist() == truth.tolist()
    assert len(found) == 4


def test_order_of_rows_changes_only_the_numbering():
    x, _ = people([4, 7, 3, 3, 1], spread=0.5)
    order = np.random.default_rng(1).permutation(len(x))
    before, after = fp.cluster(x).labels, fp.cluster(x[order]).labels
    together = before[:, None] == before
    np.testing.assert_array_equal(after[:, None] == after, together[np.ix_(order, order)])


def test_representatives_are_the_medoids():
    x, _ = people([6, 1, 8], spread=0.4)
    found = fp.cluster(x)
    between = fp.distances(x, x).astype(float)
    for label, representative in enumerate(found.representatives):
        members = np.flatnonzero(found.labels == label)
        sums = between[np.ix_(members, members)].sum(axis=1)
        assert representative == members[sums.argmin()]


def test_representative_is_the_middle_and_the_first_of_equals():
    assert fp.cluster(np.ones((3, 16), np.float32)).representatives.tolist() == [0]
    assert fp.cluster(np.float32([[0, 0], [1, 0], [1.9, 0]]), threshold=4).representatives.tolist() == [1]


def test_threshold_goes_from_all_apart_to_all_together():
    x, _ = people([4, 4], spread=0.3)
    assert len(fp.cluster(x, threshold=0.0)) == 8
    assert len(fp.cluster(x, threshold=4.0)) == 1
    assert len(fp.cluster(np.repeat(x[:1], 3, axis=0), threshold=0.0)) == 1


def test_junk_belongs_to_nobody():
    x, truth = people([4, 1, 3], spread=0.2)
    junk = np.zeros(len(x), bool)
    junk[[0, 4, 6]] = True
    found = fp.cluster(x, junk=junk)
    assert found.labels.tolist() == [-1, 0, 0, 0, -1, 1, -1, 1]
    alone = fp.cluster(x[~junk])
    np.testing.assert_array_equal(found.representatives, np.flatnonzero(~junk)[alone.representatives])
    assert truth[found.representatives].tolist() == [0, 2]
    nobody = fp.cluster(x, junk=np.ones(len(x), bool))
    assert (len(nobody), set(nobody.labels.tolist())) == (0, {-1})


def test_junk_of_another_kind():
    x = np.eye(3, dtype=np.float32)
    with pytest.raises(ValueError, match=r"^junk must have shape \(3,\), one for each embedding, not \(2,\)$"):
        fp.cluster(x, junk=np.zeros(2, bool))
    with pytest.raises(TypeError, match=r"^junk must be bool, not float64$"):
        fp.cluster(x, junk=np.zeros(3))


def test_nobody_and_one():
    assert len(fp.cluster(np.empty((0, 128), np.float32))) == 0
    assert fp.cluster(np.ones((1, 4), np.float32)).representatives.tolist() == [0]


@pytest.mark.parametrize("threshold", [-0.1, 4.1, float("nan")])
def test_threshold_out_of_range(threshold):
    with pytest.raises(ValueError, match=r"threshold must be a squared distance in \[0, 4\], not"):
        fp.cluster(np.ones((2, 4), np.float32), threshold=threshold)


def test_default_is_the_bundled_networks(model):
    assert model.recipe.clustering == THRESHOLD
