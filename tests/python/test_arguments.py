"""What operations refuse alike: no numbers, no labels, no arrays, no rows, and what is none of our own results."""

import re

import numpy as np
import pytest

import faceprint as fp
from faceprint import blocks, evaluate, graph
from faceprint.evaluate import AllPairs, CrossPairs, ListedPairs

X = np.eye(6, dtype=np.float32)
LABELS = np.repeat(np.arange(3), 2)
NOBODY = "must not be -1, which is nobody: leave these rows out"
FOUND = fp.cluster(X, k=3)
PAIRS = ListedPairs(LABELS, *np.triu_indices(6, 1))
SAME, DIFFERENT = np.linspace(0, 0.5, 3), np.linspace(0, 1, 40)
MASKED = np.ma.array(LABELS, mask=LABELS == 1)


class Tensor:
    """What speaks DLPack, but not as it should."""

    def __init__(self, capsule=3, device=(1, 0)):
        self.capsule, self.device = capsule, device

    def __dlpack__(self, **options):
        return self.capsule

    def __dlpack_device__(self):
        return self.device


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        # numbers
        (lambda: fp.cluster(X, threshold="0.1"), TypeError, "threshold must be a number, not str"),
        (lambda: fp.cluster(X, penalty=None), TypeError, "penalty must be a number, not NoneType"),
        (lambda: fp.cluster(X, k=2.5), TypeError, "k must be a whole number, not float"),
        (lambda: fp.clean(X, LABELS, threshold=[]), TypeError, "threshold must be a number, not list"),
        (lambda: fp.suggest_merges(FOUND, limit="x"), TypeError, "limit must be a number, not str"),
        (lambda: fp.suggest_splits(FOUND, limit=5), ValueError, "limit must be a squared distance in [0, 4], not 5"),
        (lambda: fp.coding_length(X, LABELS, distortion="x"), TypeError, "distortion must be a number, not str"),
        (lambda: fp.equity_weights(LABELS, eta=b"1"), TypeError, "eta must be a number, not bytes"),
        (lambda: fp.equity_weights(LABELS, gamma=10**400), ValueError,
         "gamma must be a number that a float can hold, not one so large"),
        (lambda: fp.synthetic.people(9, 3, tail="x"), TypeError, "tail must be a number, not str"),
        (lambda: fp.synthetic.people(9, 3, junk=None), TypeError, "junk must be a number, not NoneType"),
        (lambda: evaluate.val_at_far(SAME, DIFFERENT, "0.1"), TypeError, "far must be a number, not str"),
        (lambda: evaluate.calibrate(SAME, DIFFERENT, "0.1"), TypeError, "far must be a number, not str"),
        (lambda: evaluate.calibrate(SAME, DIFFERENT, 0.1).probability(0.1, "x"), TypeError,
         "prior must be a number, not str"),
        (lambda: evaluate.calibrate(SAME, DIFFERENT, 0.1).probability("x"), TypeError,
         "distance must be a number, not str"),
        (lambda: evaluate.val_at_threshold(SAME, DIFFERENT, []), TypeError, "threshold must be a number, not list"),
        (lambda: evaluate.val_at_threshold(SAME, DIFFERENT, np.nan), ValueError, "threshold must be a number, not nan"),
        (lambda: AllPairs(LABELS).vals(X, 0.1), ValueError, "fars must have shape (n,), not ()"),
        (lambda: PAIRS.vals(X, ["x"]), TypeError, "fars must be a number, not str"),
        (lambda: evaluate.error_slices(X, PAIRS, 1.0, fewest="x"), TypeError, "fewest must be a whole number, not str"),
        (lambda: evaluate.fair_calibrate(X, PAIRS, seed=-1), ValueError, "seed must be 0 or more, not -1"),
        (lambda: evaluate.fair_calibrate(X, PAIRS, clusters=1.5), TypeError,
         "clusters must be a whole number, not float"),
        (lambda: evaluate.val_over_splits(X, LABELS, splits="x"), TypeError, "splits must be a whole number, not str"),
        (lambda: evaluate.val_over_splits(X, LABELS, splits=4), ValueError,
         "splits must be at most 3, half of the photographs, not 4"),
        (lambda: evaluate.val_over_splits(X, LABELS, splits=3, seed=0.5), TypeError,
         "seed must be a whole number, not float"),
        (lambda: fp.choose(FOUND, [{}], hidden="x"), TypeError, "hidden must be a number, not str"),
        (lambda: fp.choose(FOUND, [{}], seed=None), TypeError, "seed must be a whole number, not NoneType"),
        (lambda: fp.cluster(X, balanced="no"), TypeError, "balanced must be a bool, not str"),
        (lambda: fp.stability(FOUND, step={}), TypeError, "step must be a number, not dict"),
        (lambda: fp.stability(FOUND, step=1), ValueError, "step must be above 0 and below 1, not 1"),
        # labels
        (lambda: fp.clean(X, None), ValueError, "labels must have shape (6,), one label for each embedding, not ()"),
        (lambda: fp.coding_length(X, None), ValueError,
         "labels must have shape (6,), one label for each embedding, not ()"),
        (lambda: fp.assign(X, X, None), ValueError,
         "labels must have shape (6,), one label for each embedding, not ()"),
        (lambda: fp.same_photograph(3), ValueError, "photos must have shape (n,), one for each row, not ()"),
        (lambda: fp.same_photograph(["a", None]), TypeError, "photos must be integers or strings, not NoneType"),
        (lambda: fp.same_photograph([0.5]), TypeError, "photos must be integers or strings, not float64"),
        (lambda: fp.mine_triplets(X, ["a", None] * 3), TypeError, "labels must be integers or strings, not NoneType"),
        (lambda: fp.mine_triplets(X, np.array(["a", 1] * 3, object)), TypeError,
         "labels must be all integers or all strings, not some of either"),
        (lambda: fp.mine_triplets(X, ("a", 1) * 3), TypeError,
         "labels must be all integers or all strings, not some of either"),
        (lambda: fp.mine_triplets(X, ["a", float("nan")] * 3), TypeError,
         "labels must be integers or strings, not float"),
        (lambda: evaluate.clustering(["a", b"a"], [0, 1]), TypeError, "truth must be integers or strings, not bytes"),
        (lambda: fp.equity_weights(3), ValueError, "labels must have shape (n,), one for each row, not ()"),
        (lambda: fp.PKSampler(None, 2, 2), ValueError, "labels must have shape (n,), one for each row, not ()"),
        (lambda: fp.mine_triplets(X, LABELS - 1), ValueError, f"labels {NOBODY}"),
        (lambda: fp.PKSampler(LABELS - 1, 2, 2), ValueError, f"labels {NOBODY}"),
        (lambda: evaluate.identification(X, LABELS - 1, 0.1), ValueError, f"labels {NOBODY}"),
        (lambda: AllPairs(LABELS - 1), ValueError, f"people {NOBODY}"),
        (lambda: CrossPairs(LABELS, LABELS - 1), ValueError, f"other_people {NOBODY}"),
        (lambda: evaluate.clustering(None, None), ValueError, "truth must have shape (n,), one for each row, not ()"),
        (lambda: evaluate.clustering(LABELS, FOUND), ValueError,
         "labels must have shape (6,), one for each row, not Clustering: give its .labels"),
        (lambda: fp.cluster(X, previous=FOUND), ValueError,
         "previous must have shape (6,), one label for each embedding, not Clustering: give its .labels"),
        (lambda: FOUND.add(X, named=0.5), TypeError, "named must be integers, not float64"),
        # masked
        (lambda: fp.distances(np.ma.array(X, mask=X > 0), X), ValueError,
         "x must not be masked: leave out what is, or fill it"),
        (lambda: fp.mine_triplets(X, MASKED), ValueError, "labels must not be masked: leave out what is, or fill it"),
        (lambda: fp.clean(X, MASKED), ValueError, "labels must not be masked: leave out what is, or fill it"),
        (lambda: fp.template(X, MASKED), ValueError, "weights must not be masked: leave out what is, or fill it"),
        (lambda: fp.PKSampler(LABELS, 2, 2, weights=MASKED), ValueError,
         "weights must not be masked: leave out what is, or fill it"),
        (lambda: fp.CrossBatchMemory(9).add(X, MASKED), ValueError,
         "labels must not be masked: leave out what is, or fill it"),
        (lambda: fp.cluster(X, junk=MASKED > 0), ValueError, "junk must not be masked: leave out what is, or fill it"),
        (lambda: fp.cluster(X, must_link=MASKED.reshape(3, 2)), ValueError,
         "must_link must not be masked: leave out what is, or fill it"),
        (lambda: evaluate.roc(MASKED * 0.1, DIFFERENT), ValueError,
         "same_distances must not be masked: leave out what is, or fill it"),
        # what speaks DLPack
        (lambda: fp.distances(Tensor(), X), TypeError, "x must speak DLPack as numpy does, and Tensor does not: "),
        (lambda: fp.distances(Tensor(device=3), X), TypeError,
         "x must speak DLPack as numpy does, and Tensor does not: "),
        (lambda: fp.cluster(fp.Embedded(X, None)), TypeError,
         "embeddings must be a numpy array or speak DLPack, not Embedded, whose embeddings are one"),
        # pairs
        (lambda: ListedPairs(LABELS, [0], [99]), ValueError, "b must be rows in [0, 6), not 99"),
        (lambda: ListedPairs(LABELS, [-1], [0]), ValueError, "a must be rows in [0, 6), not -1"),
        (lambda: ListedPairs(LABELS, [0, 3], [1, 3]), ValueError,
         "a and b must be two photographs in each pair, not 3 twice"),
        (lambda: ListedPairs(LABELS, [0.5], [0]), TypeError, "a must be integers, not float64"),
        (lambda: ListedPairs(LABELS, [0], [1, 2]), ValueError,
         "a and b must have the same shape (pairs,), not (1,) and (2,)"),
        (lambda: AllPairs(None), TypeError,
         "people must be integers, not object; numpy.unique(..., return_inverse=True) numbers names"),
        (lambda: CrossPairs(LABELS, ["Ann"]), TypeError,
         "other_people must be integers, not <U3; numpy.unique(..., return_inverse=True) numbers names"),
        (lambda: ListedPairs(["Ann"], [0], [0]), TypeError,
         "people must be integers, not <U3; numpy.unique(..., return_inverse=True) numbers names"),
        (lambda: CrossPairs(LABELS, 3), ValueError,
         "other_people must have shape (n,), one for each photograph, not ()"),
        (lambda: PAIRS.keep([0, 1]), TypeError, "rows must be bool, not int64"),
        (lambda: AllPairs(LABELS).keep(X > 0), ValueError,
         "rows must have shape (6,), one for each photograph, not (6, 6)"),
        (lambda: PAIRS.distances(X[:3]), ValueError,
         "embeddings must be the 6 photographs that the pairs are of, not 3"),
        (lambda: evaluate.measure_compatibility(X, X[:2], X, PAIRS), ValueError,
         "new must be the 6 photographs that the pairs are of, not 2"),
        (lambda: evaluate.measure_compatibility(X, X, X[:, 1:], PAIRS), ValueError,
         "upgraded must have shape (n, 6), not (6, 5)"),
        (lambda: evaluate.error_slices(X + np.float32(np.nan), PAIRS, 1.0), ValueError,
         "x must be finite: row 0 is not"),
        (lambda: evaluate.structure(X + np.float32(np.nan)), ValueError, "x must be finite: row 0 is not"),
        (lambda: evaluate.fair_calibrate(X + np.float32(np.inf), PAIRS), ValueError, "x must be finite: row 0 is not"),
        (lambda: evaluate.verification_folds(SAME, SAME > 1, [0, 1, np.nan]), TypeError,
         "folds must be integers, not float64"),
        # attributes, and trials
        (lambda: fp.cluster(X, attributes=[1]), TypeError,
         "attributes must be a mapping from names to values, not list"),
        (lambda: fp.cluster(X, attributes={"a": 3}), TypeError,
         "attributes['a'] must be a sequence of values, not int"),
        (lambda: evaluate.disparity(["x"], PAIRS, {"a": LABELS}, 1.0), TypeError,
         "distances must be real numbers, not <U1"),
        (lambda: evaluate.disparity(np.zeros(15), PAIRS, np.eye(6), 1.0), TypeError,
         "attributes must be a mapping from names to values, not ndarray"),
        (lambda: evaluate.sweep(np.zeros(15), PAIRS, {"a": LABELS}, ["a"], 1.0), ValueError,
         "vary must be one of the attributes, 'a', not ['a']"),
        (lambda: fp.choose(FOUND, [{"foo": 1}]), TypeError,
         "a parameter must be 'method', 'threshold', 'k', 'least', 'resolution' or 'balanced', not 'foo'"),
        (lambda: fp.choose(FOUND, [{"previous": LABELS}], names=LABELS), TypeError,
         "changes must not be of 'previous', for which there are names"),
        (lambda: fp.choose(FOUND, [3]), TypeError, "changes must be mappings from parameters to values, not int"),
        (lambda: fp.choose(FOUND, 3), TypeError, "changes must be a sequence of mappings, not int"),
        # what is made elsewhere
        (lambda: fp.choose(None, []), TypeError, "found must be a Clustering, not NoneType"),
        (lambda: fp.stability(X), TypeError, "found must be a Clustering, not ndarray"),
        (lambda: fp.lobes(None), TypeError, "found must be a Clustering, not NoneType"),
        (lambda: fp.suggest_merges(3), TypeError, "found must be a Clustering, not int"),
        (lambda: fp.suggest_splits(3), TypeError, "found must be a Clustering, not int"),
        (lambda: graph.communities(None), TypeError, "graph must be a Graph, not NoneType"),
        (lambda: evaluate.equal_error(3), TypeError, "curve must be a Roc, not int"),
        (lambda: evaluate.structure_kept(3, evaluate.structure(X)), TypeError, "before must be a Structure, not int"),
        (lambda: evaluate.structure_kept(evaluate.structure(X), 3), TypeError, "after must be a Structure, not int"),
        (lambda: evaluate.disparity([0.1], 3, {"a": [1]}, 1.0), TypeError, "pairs must be a ListedPairs, not int"),
        (lambda: evaluate.error_slices(X, AllPairs(LABELS), 1.0), TypeError,
         "pairs must be a ListedPairs, not AllPairs"),
        (lambda: evaluate.fair_calibrate(X, None), TypeError, "pairs must be a ListedPairs, not NoneType"),
        (lambda: evaluate.measure_compatibility(X, X, X, 3), TypeError, "pairs must be a ListedPairs, not int"),
        (lambda: blocks.nearest_in_block(X, X, 1), TypeError, "block must be a Block, not ndarray"),
        (lambda: blocks.list_block(X, 1), TypeError, "block must be a Block, not ndarray"),
        (lambda: blocks.merge_lists([X], 1), TypeError, "lists must be a Lists, not ndarray"),
        (lambda: blocks.merge_lists([], 1), ValueError, "lists must be one or more, not none"),
    ],
)  # fmt: skip
def test_refused(call, error, text):
    ends = "" if text.endswith(": ") else "$"  # what numpy says follows
    with pytest.raises(error, match=f"^{re.escape(text)}{ends}"):
        call()


def test_what_is_accepted_still():
    """Numbers and labels of numpy's kinds, masked arrays without a mask, and labels as objects."""
    assert fp.cluster(X, threshold=np.float32(0.5), k=np.int8(3), penalty=np.array(1)).threshold == 0.5
    assert fp.distances(np.ma.array(X), X).shape == (6, 6)
    for labels in (np.array(["a", "b"] * 3, object), np.array([1, np.int64(2)] * 3, object), [b"a", b"b"] * 3):
        np.testing.assert_array_equal(fp.equity_weights(labels), fp.equity_weights([0, 1] * 3))
    assert fp.same_photograph([]).shape == (0, 2)
    assert PAIRS.keep(np.zeros(6, bool)).distances(X[:0]).shape == (0,)
    assert blocks.merge_lists([blocks.list_block(blocks.pack_block(X, LABELS.cumsum() + np.arange(6)), True)], 1)
