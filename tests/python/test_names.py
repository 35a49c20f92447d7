"""Arguments that are names: what is no string is refused with the argument's name, in every operation."""

import re

import numpy as np
import pytest

import faceprint as fp
from faceprint import _core

X = np.eye(4, dtype=np.float32)
LABELS = [1, 1, 2, 2]
GRAPH = fp.graph.from_edges(2, [0], [1], [1.0])
NO_FACES = (np.zeros((9, 9, 3), np.uint8), np.zeros((0, 2, 3)), 8, 8)
CALLS = [
    ("metric", lambda name: fp.nearest(X, X, k=1, metric=name)),
    ("metric", lambda name: fp.within(X, X, limit=1, metric=name)),
    ("metric", lambda name: fp.neighbours(X, k=1, metric=name)),
    ("scan", lambda name: _core.nearest(X, _core.Gallery(4), 0, scan=name)),
    ("storage", lambda name: _core.Gallery(4, name)),
    ("kind", lambda name: fp.mine_triplets(X, LABELS, kind=name)),
    ("choice", lambda name: fp.mine_triplets(X, LABELS, choice=name)),
    ("kind", lambda name: fp.triplet_loss(X, LABELS, kind=name)),
    ("hinge", lambda name: _core.triplet_loss(X, np.array(LABELS), hinge=name)),
    ("reduction", lambda name: fp.triplet_loss(X, LABELS, reduction=name)),
    ("method", lambda name: fp.graph.communities(GRAPH, name)),
    ("layout", lambda name: _core.chips(*NO_FACES, layout=name)),
    ("channels", lambda name: _core.chips(*NO_FACES, channels=name)),
    ("dtype", lambda name: _core.chips(*NO_FACES, dtype=name)),
    ("name", fp.use_backend),
]


@pytest.mark.parametrize(("argument", "call"), CALLS)
@pytest.mark.parametrize(("given", "kind"), [(None, "NoneType"), (3, "int"), (b"cosine", "bytes")])
def test_what_is_no_string_is_refused(argument, call, given, kind):
    with pytest.raises(TypeError, match=rf"^{argument} must be a string, not {kind}$"):
        call(given)


def test_a_name_that_no_encoding_has_is_told_as_it_is():
    message = "metric must be 'squared-euclidean', 'cosine' or 'dot', not 'l\\ud800'"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        fp.nearest(X, X, k=1, metric="l\ud800")
