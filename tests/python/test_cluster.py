"""People from embeddings."""

import re
import sys

import numpy as np
import pytest

import faceprint as fp
from faceprint._cluster import THRESHOLD
from made import people

ANGLES = np.radians([0, 1, 2, 20, 38, 39, 40])  # the fourth lies half way between two people
HALF_WAY = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1).astype(np.float32)


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
    turned = np.float32([[1, 5, 0.2], [5, 0.2, 1], [0.2, 1, 5]])  # equally far from their mean, but for rounding
    assert fp.cluster(turned / 8, threshold=4).representatives.tolist() == [0]
    three = np.float32([[0, 0], [1.9, 0], [1, 0]])
    for scale, place in [(1, 0), (1e-6, 0), (1e-18, 0), (1, 1e6)]:
        assert fp.cluster(scale * three + place, threshold=4).representatives.tolist() == [2]


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


GRAPH_METHODS = ["map_equation", "modularity", "chinese_whispers", "components"]


def together(labels):
    return (labels[:, None] == labels) & (labels >= 0)


@pytest.mark.parametrize("method", [*GRAPH_METHODS, "average"])
def test_no_method_depends_on_the_order_of_rows(method):
    x, _ = people([40, 25, 3, 3, 1, 60, 9], spread=0.9)
    before = fp.cluster(x, method=method, threshold=0.9)
    assert 1 < len(before) < len(x)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(x))
        after = fp.cluster(x[order], method=method, threshold=0.9).labels
        np.testing.assert_array_equal(together(after), together(before.labels)[np.ix_(order, order)])
        first_seen = after[np.sort(np.unique(after, return_index=True)[1])]
        np.testing.assert_array_equal(first_seen, np.arange(len(before)))


@pytest.mark.parametrize("method", [*GRAPH_METHODS, "average"])
def test_every_method_finds_separated_people(method):
    x, truth = people([5, 1, 9, 2, 30], spread=0.2)
    for k in (80, 30):
        assert fp.cluster(x, method=method, k=k).labels.tolist() == truth.tolist()


def test_balanced_edges_find_separated_people():
    x, truth = people([5, 1, 9, 2], spread=0.2)
    for balanced in (True, np.True_):
        assert fp.cluster(x, balanced=balanced).labels.tolist() == truth.tolist()


def test_density_finds_dense_regions():
    x, truth = people([20, 20, 20], spread=0.2)
    assert fp.cluster(x, method="density").labels.tolist() == truth.tolist()
    scattered, _ = people([1] * 40, spread=0)
    assert (fp.cluster(np.concatenate([x, scattered]), method="density").labels[60:] == -1).any()
    assert fp.cluster(x[:1], method="density").labels.tolist() == [-1]


def test_density_says_what_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"^method 'density' needs scikit-learn: pip install 'faceprint\[density\]'$"
    ):
        fp.cluster(np.eye(3, dtype=np.float32), method="density")


def test_must_link_joins_and_carries_over():
    x, truth = people([4, 4, 4], spread=0.2)
    found = fp.cluster(x, must_link=[[0, 4], [4, 8]])
    assert found.labels[0] == found.labels[4] == found.labels[8]
    assert fp.cluster(x, must_link=np.empty((0, 2), int)).labels.tolist() == truth.tolist()
    junk = np.zeros(12, bool)
    junk[4] = True  # then the pair with it says nothing
    assert fp.cluster(x, must_link=[[0, 4]], junk=junk).labels.tolist() == [0, 0, 0, 0, -1, 1, 1, 1, 2, 2, 2, 2]


def test_cannot_link_is_a_penalty_and_told_where_it_did_not_help():
    x = np.float32([[1, 0], [np.cos(0.2), np.sin(0.2)]])
    assert fp.cluster(x).labels.tolist() == [0, 0]
    apart = fp.cluster(x, cannot_link=[[0, 1]])
    assert apart.labels.tolist() == [0, 1]
    assert len(apart.conflicts) == 0
    for penalty in (0, 0.5):
        weakened = fp.cluster(x, cannot_link=[[0, 1]], penalty=penalty)
        assert weakened.labels.tolist() == [0, 0]
        assert weakened.conflicts.tolist() == [[0, 1]]
    x, _ = people([12], spread=0.1)
    crowd = fp.cluster(x, cannot_link=[[3, 5]])
    assert crowd.labels.max() == 0
    assert crowd.conflicts.tolist() == [[3, 5]]


def test_pairs_of_the_same_photograph():
    assert fp.same_photograph(["b", "a", "b", "c", "b"]).tolist() == [[0, 2], [0, 4], [2, 4]]
    assert fp.same_photograph([]).shape == (0, 2)


def test_an_attribute_in_common_decides_a_tie():
    owners = []
    for album in ("left", "right"):
        albums = ["left"] * 3 + [album] + ["right"] * 3
        labels = fp.cluster(HALF_WAY, threshold=0.3, attributes={"album": albums, "day": [None] * 7}).labels
        owners.append((labels[3] == labels[0], labels[3] == labels[6]))
    assert owners == [(True, False), (False, True)]


@pytest.mark.parametrize("shared", [slice(0, 4), slice(3, 7)])
def test_an_attribute_of_one_value_decides_it_too(shared):
    albums = np.full(7, None)
    albums[shared] = "only"
    labels = fp.cluster(HALF_WAY, threshold=0.3, attributes={"album": albums.tolist()}).labels
    assert len({*labels[shared].tolist()}) == 1
    assert len({*labels.tolist()}) == 2


def test_previous_people_keep_their_rows_and_numbers():
    x, truth = people([6, 6, 6, 2], spread=0.2)
    previous = np.full(20, -1)
    previous[[0, 1]] = 4  # one person under two numbers, of whom most faces have none
    previous[[2, 3, 4]] = 2
    previous[12] = 0
    found = fp.cluster(x, previous=previous)
    for person in (0, 2, 4):
        assert set(found.labels[previous == person]) == {person}
    assert found.labels[5] in (2, 4)
    assert found.labels[6:12].tolist() == [5] * 6  # a new number, beyond the earlier ones
    assert found.labels[12:18].tolist() == [0] * 6
    assert found.labels[18:].tolist() == [6] * 2
    assert found.representatives[[1, 3]].tolist() == [-1, -1]
    assert len(found) == 5
    assert truth[found.representatives[[0, 5, 6]]].tolist() == [2, 1, 3]


def test_only_the_named_stay_as_they_were():
    x, _ = people([6, 6], spread=0.2)
    previous = np.array([3] * 5 + [1] + [7] * 3 + [1] * 3)
    free = fp.cluster(x, previous=previous, named=[])
    assert free.labels.tolist() == [3] * 6 + [1] * 6  # of three faces each, the lower number
    kept = fp.cluster(x, previous=previous, named=[1])
    assert set(kept.labels[previous == 1]) == {1}


def test_a_name_goes_before_the_number_of_more_faces():
    x, _ = people([12], spread=0.2)
    previous = np.array([3] * 2 + [7] * 9 + [-1])
    assert fp.cluster(x, previous=previous, named=[3]).labels.tolist() == [3] * 12
    assert fp.cluster(x, previous=previous, named=[]).labels.tolist() == [7] * 12


@pytest.mark.parametrize("method", ["map_equation", "modularity"])
@pytest.mark.parametrize("k", [4, 80])
def test_adding_finds_what_clustering_all_finds(method, k):
    x, _ = people([9, 5, 30, 1, 14], spread=0.8, seed=3)
    x = x[np.random.default_rng(0).permutation(len(x))]
    x[7] = x[50] = x[3]  # equal rows, old and new
    whole = fp.cluster(x, method=method, k=k, threshold=0.8)
    for size in (1, 3, 30, 58, 59):
        part = fp.cluster(x[:size], method=method, k=k, threshold=0.8)
        grown = part.add(x[size:], named=[])
        np.testing.assert_array_equal(together(grown.labels), together(whole.labels))
        np.testing.assert_array_equal(grown.lists.indices, whole.lists.indices)
        np.testing.assert_array_equal(grown.lists.distances, whole.lists.distances)
        np.testing.assert_array_equal(grown.embeddings, x)


def test_adding_keeps_everybody_and_junk():
    x, _ = people([8, 8, 8], spread=0.2)
    junk = np.zeros(16, bool)
    junk[3] = True
    first = fp.cluster(x[:16], junk=junk)
    grown = first.add(x[16:], junk=np.array([True] + [False] * 7))
    np.testing.assert_array_equal(grown.labels[:16], first.labels)
    assert grown.labels[16:].tolist() == [-1] + [2] * 7
    nothing = first.add(x[:0])
    np.testing.assert_array_equal(nothing.labels, first.labels)
    from_nothing = fp.cluster(x[:0]).add(x)
    np.testing.assert_array_equal(from_nothing.labels, fp.cluster(x).labels)


def test_adding_by_a_method_that_heeds_no_names():
    x, truth = people([8, 8], spread=0.2)
    first = fp.cluster(x[:12], method="average")
    with pytest.raises(ValueError, match=r"^method 'average' heeds neither links nor attributes nor named people$"):
        first.add(x[12:])
    assert first.add(x[12:], named=[]).labels.tolist() == truth.tolist()


def test_again_finds_what_a_new_call_finds():
    x, _ = people([9, 5, 30, 1, 14], spread=0.8, seed=3)
    found = fp.cluster(x, k=20)
    for change in ({"threshold": 0.8}, {"k": 7}, {"k": 40, "threshold": 0.9}, {"method": "average"}, {"least": 0.4}):
        fresh = fp.cluster(x, **{"k": 20, **change})
        again = found.again(**change)
        np.testing.assert_array_equal(again.labels, fresh.labels)
        assert again.settings == fresh.settings
    with pytest.raises(
        TypeError, match=r"^a parameter must be 'method', .*'resolution' or 'balanced', not 'tolerance'$"
    ):
        found.again(tolerance=1)


X = np.eye(3, dtype=np.float32)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"method": "kmeans"},
            ValueError,
            "method must be 'map_equation', 'modularity', 'chinese_whispers', 'components', 'average' or 'density', "
            "not 'kmeans'",
        ),
        ({"k": 0}, ValueError, "k must be 1 or more, not 0"),
        ({"penalty": 1.5}, ValueError, "penalty must be in [0, 1], not 1.5"),
        ({"least": -1}, ValueError, "least must be in [0, 1], not -1"),
        ({"must_link": [0, 1]}, ValueError, "must_link must have shape (pairs, 2), not (2,)"),
        ({"must_link": [[0, 3]]}, ValueError, "must_link must be rows in [0, 3), not 3"),
        ({"cannot_link": [[0.0, 1.0]]}, TypeError, "cannot_link must be integers, not float64"),
        (
            {"attributes": {"day": [1]}},
            ValueError,
            "attributes['day'] must have 3 values, one for each embedding, not 1",
        ),
        ({"previous": [0]}, ValueError, "previous must have shape (3,), one label for each embedding, not (1,)"),
        (
            {"previous": ["a", "b", "c"]},
            TypeError,
            "previous must be integers, not <U1; numpy.unique(..., return_inverse=True) numbers names",
        ),
        ({"threshold": None}, TypeError, "threshold must be a number, not NoneType"),
        ({"named": [4]}, ValueError, "named must be people of previous, which has none"),
        ({"previous": [0, 0, -2]}, ValueError, "previous must be numbers from 0, or -1 for none, not -2"),
        (
            {"method": "average", "must_link": [[0, 1]]},
            ValueError,
            "method 'average' heeds neither links nor attributes nor named people",
        ),
    ],
)
def test_what_cluster_refuses(options, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        fp.cluster(X, **options)
