"""Whether two networks, or two ways to store embeddings, see the same structure among the same faces."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import as_embeddings, check_finite
from ..distance import distances
from ..expected import as_kind


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """The minimum spanning tree of n embeddings: its `edges` (n - 1, 2) int64, rows in order, and their `lengths`.

    `lengths` (n - 1,) float64 ascend and are squared distances. Each is the distance at which two groups of faces, all
    nearer to one another than that, become one.
    """

    edges: NDArray[np.int64]
    lengths: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Kept:
    """How much of a structure is kept in another one of the same faces.

    `difference` is the mean difference of their lengths, shortest with shortest and so on, each in means of its own
    lengths: 0 where one is the other at another scale. `edges` is the share of the edges that both trees have.
    """

    difference: float
    edges: float


def structure(x: Any) -> Structure:
    """Find the minimum spanning tree of embeddings (n, dimension) float32, at least two.

    Its lengths are the 0-dimensional persistence of the faces (Vietoris-Rips), which TopoFR (Dan et al., "TopoFR: a
    closer look at topology alignment on face recognition", NeurIPS 2024) compares between photographs and embeddings.
    By Prim's method (1957): time grows with n^2, memory with n. Where distances tie there are several trees, all of the
    same lengths; of equal ones the lower row is joined first. Raises as `distances`, and ValueError for fewer rows.

    >>> import numpy as np
    >>> found = structure(np.array([[0], [5], [1], [7]], np.float32))
    >>> found.edges.tolist(), found.lengths.tolist()
    ([[0, 2], [1, 3], [1, 2]], [1.0, 4.0, 16.0])
    """
    faces = np.ascontiguousarray(as_embeddings(x, "x"))
    check_finite(faces, "x")
    rows = len(faces)
    if rows < 2:
        raise ValueError(f"x must hold at least two embeddings, not {rows}")
    nearest = np.full(rows, np.inf)  # to the tree
    via = np.zeros(rows, np.int64)  # from which of its rows
    outside = np.ones(rows, bool)
    edges, lengths = np.empty((rows - 1, 2), np.int64), np.empty(rows - 1)
    last = 0
    for step in range(rows - 1):
        outside[last] = False
        reached = distances(faces[[last]], faces)[0]
        nearer = reached < nearest
        nearest[nearer], via[nearer] = reached[nearer], last
        last = int(np.where(outside, nearest, np.inf).argmin())
        edges[step], lengths[step] = sorted((via[last], last)), nearest[last]
    order = np.argsort(lengths, kind="stable")
    return Structure(edges[order], lengths[order])


def structure_kept(before: Structure, after: Structure) -> Kept:
    """Compare the structures of the same faces, row by row: float32 and int8, the old network and the new one.

    The difference is the Wasserstein distance of both persistence diagrams, each divided by its mean length and by the
    number of edges; on a line it is the mean over sorted lengths. ValueError where the number of faces differs, and
    where all faces of one are the same.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((50, 8)).astype(np.float32)
    >>> kept = structure_kept(structure(x), structure(3 * x))
    >>> round(kept.difference, 6), kept.edges
    (0.0, 1.0)
    """
    as_kind(before, Structure, "before")
    as_kind(after, Structure, "after")
    if len(before.edges) != len(after.edges):
        faces = f"{len(before.edges) + 1} and {len(after.edges) + 1} faces"
        raise ValueError(f"both must be structures of the same faces, not of {faces}")
    means = before.lengths.mean(), after.lengths.mean()
    if not all(means):
        raise ValueError("a structure must have faces that differ, and all of one are the same")
    step = np.abs(before.lengths / means[0] - after.lengths / means[1])
    common = {*map(tuple, before.edges.tolist())} & {*map(tuple, after.edges.tolist())}
    return Kept(float(step.mean()), len(common) / len(before.edges))
