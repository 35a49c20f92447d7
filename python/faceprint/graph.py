"""Graphs of faces: who is a neighbour of whom, how sure that is, and which nodes form communities."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._nearest import Progress
from .arrays import as_integers, as_reals
from .expected import as_kind, as_whole

Communities: TypeAlias = Literal["map_equation", "modularity", "chinese_whispers", "components"]


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Weighted directed edges, in compressed sparse rows.

    Those from node i lead to `targets[offsets[i]:offsets[i + 1]]`, with the same of `weights`. `offsets` (nodes + 1,)
    and `targets` (edges,) are int64, `weights` (edges,) float32 and positive.
    """

    offsets: NDArray[np.int64]
    targets: NDArray[np.int64]
    weights: NDArray[np.float32]

    def __len__(self) -> int:
        """Count the nodes."""
        return len(self.offsets) - 1

    @property
    def sources(self) -> NDArray[np.int64]:
        """The node from which each edge leads, (edges,) int64."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))


def from_edges(nodes: int, sources: Any, targets: Any, weights: Any) -> Graph:
    """Make a graph of edges in any order; those from a node to itself and those without weight are left out.

    `sources` and `targets` (edges,) are integers in [0, nodes), `weights` (edges,) 0 or more. Raises ValueError for
    others, and TypeError for what are no numbers of their kind.

    >>> from_edges(3, [2, 0, 1], [0, 1, 1], [0.5, 1, 1]).targets.tolist()
    [1, 0]
    """
    nodes = as_whole(nodes, "nodes", 0)
    begin, end = as_integers(sources, "sources"), as_integers(targets, "targets")
    with np.errstate(over="ignore"):  # told below
        weight = as_reals(weights, "weights").astype(np.float32)
    if not begin.ndim == end.ndim == weight.ndim == 1 or not len(begin) == len(end) == len(weight):
        raise ValueError(
            f"sources, targets and weights must have the same shape (edges,), not {begin.shape}, {end.shape} and "
            f"{weight.shape}"
        )
    for name, ends in (("sources", begin), ("targets", end)):
        if len(ends) and not (ends.min() >= 0 and ends.max() < nodes):
            raise ValueError(f"{name} must be nodes, in [0, {nodes}), not {ends.min()} to {ends.max()}")
    wrong = np.flatnonzero(~((weight >= 0) & np.isfinite(weight)))
    if len(wrong):
        raise ValueError(f"weights must be finite and 0 or more: edge {wrong[0]} has {weight[wrong[0]]}")
    kept = np.flatnonzero((begin != end) & (weight > 0))
    order = kept[np.argsort(begin[kept], kind="stable")]
    offsets = np.zeros(nodes + 1, np.int64)
    np.cumsum(np.bincount(begin[order], minlength=nodes), out=offsets[1:])
    return Graph(offsets, end[order], weight[order])


def neighbour_graph(
    distances: NDArray[np.float32],
    indices: NDArray[np.int64],
    *,
    halfway: float,
    slope: float,
    least: float,
    balanced: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Graph:
    """Turn lists of nearest neighbours, as `neighbours` gives them, into edges weighted by shared neighbours.

    A squared distance d counts as the affinity 1 / (1 + exp((d - `halfway`) / `slope`)), and a face is its own
    neighbour with affinity 1. The weight of an edge, in (0, 1], is the evidence that both ends are one person: the sum,
    over all faces on either list, of the lower of both affinities, divided by that of the higher (after Zhong et al.,
    "Re-ranking person re-identification with k-reciprocal encoding", CVPR 2017, equations 9 and 10). Who is missing
    from a list counts there as its last, so that people of more than k faces stay together. From each face its
    neighbours are taken in order, and the first whose evidence is below `least`, in [0, 1], ends its edges, however
    good later ones are (early stopping: Liu et al., "Face clustering via early stopping and edge recall", 2024). With
    `balanced` the graph becomes symmetric and every row sums to 1, with the node's own weight (Sinkhorn and Knopp
    1967).

    `distances` (n, k) float32 and `indices` (n, k) int64. Raises TypeError for another dtype and a
    `balanced` that is no bool; ValueError for another shape, for indices that are not those of other rows, and for a
    parameter out of range.

    >>> import numpy
    >>> from faceprint import neighbours
    >>> distances, indices = neighbours(numpy.float32([[0], [0.1], [2]]), k=2)
    >>> graph = neighbour_graph(distances, indices, halfway=1, slope=0.1, least=0.5)
    >>> graph.sources.tolist(), graph.targets.tolist(), graph.weights.round(2)
    ([0, 1], [1, 0], array([1., 1.], dtype=float32))
    """
    if not isinstance(balanced, (bool, np.bool_)):
        raise TypeError(f"balanced must be a bool, not {type(balanced).__name__}")
    return Graph(*_core.neighbour_graph(distances, indices, halfway, slope, least, balanced, threads or 0, progress))


def communities(
    graph: Graph,
    method: Communities = "map_equation",
    *,
    resolution: float = 1.0,
    left_nodes: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> NDArray[np.int64]:
    """Find the communities of a graph: labels (nodes,) int64 from 0, numbered by first node.

    - "map_equation": modules in which a random walk stays long, two levels, directed (Rosvall and Bergstrom 2008);
    - "modularity": more weight inside than by chance (Newman and Girvan 2004), directions ignored. The higher the
      `resolution`, the smaller the communities. With `left_nodes`, the graph is bipartite: nodes before that number
      are one side, users say, and the others are items (Barber 2007; GraphHash, 2025);
    - "chinese_whispers": each node takes the label that weighs most among its neighbours (Biemann 2006);
    - "components": whatever hangs together.

    The first two are optimised by moving, refining and aggregating nodes until nothing moves (Traag et al., "From
    Louvain to Leiden", 2019), without chance: the same graph gives the same labels, on any number of threads. Raises
    TypeError for another dtype, ValueError for arrays that make no graph and for a parameter out of range.

    >>> pairs = from_edges(4, [0, 1, 2, 3], [1, 0, 3, 2], [1, 1, 1, 1])
    >>> communities(pairs).tolist()
    [0, 0, 1, 1]
    """
    as_kind(graph, Graph, "graph")
    return _core.communities(
        graph.offsets, graph.targets, graph.weights, method, resolution, left_nodes, threads or 0, progress
    )


def contract(graph: Graph, groups: NDArray[np.int64]) -> Graph:
    """Make one node of all nodes with the same group: (nodes,) int64 in [0, number of groups).

    >>> import numpy
    >>> contract(from_edges(3, [0, 1, 2], [1, 2, 0], [1, 1, 1]), numpy.array([0, 0, 1])).targets.tolist()
    [1, 0]
    """
    return from_edges(int(groups.max(initial=-1)) + 1, groups[graph.sources], groups[graph.targets], graph.weights)
