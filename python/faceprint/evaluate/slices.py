"""What wrong pairs have in common: groups of them that lie together, found without labels."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._nearest import neighbours
from ..arrays import finite_rows
from ..distance import as_threshold
from ..expected import as_whole
from ..graph import communities, neighbour_graph
from ..medoids import medoid
from .pairs import ListedPairs, as_photographs

Wrong: TypeAlias = Literal["false match", "false non-match"]
NEIGHBOURS = 15
SLOPE, LEAST = 1 / 8, 0.05  # of affinities, in distances to the last neighbour; and of evidence
RESOLUTION = 0.3  # of modularity, for few slices rather than many
SHOWN = 5
TINY = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """Pairs that come out wrong in one way: `kind`, and (m,) int64 which of the `pairs` they are, in order.

    They show so many `people` and are the `share` of all wrong pairs of their kind. `representatives`, at most 5 of
    them, are the most typical first, no two of the same people.
    """

    kind: Wrong
    pairs: NDArray[np.int64]
    share: float
    people: int
    representatives: NDArray[np.int64]


def error_slices(x: Any, pairs: ListedPairs, threshold: float, *, fewest: int = 5) -> list[Slice]:
    """Group the pairs that a threshold gets wrong by what they have in common, largest group first.

    A group where errors gather points to a cause: people of one kind who are mistaken for one another, photographs with
    glasses or of another camera. LADDER (Ghosh et al., "LADDER: language-driven slice discovery and error rectification
    in vision classifiers", 2024) finds such slices in what a network sees and names them by a language model; here
    somebody looks at the representatives. False matches are grouped by where both embeddings lie, their mean, and false
    non-matches by how far each number differs, other than is usual for them; both by direction alone. Groups are
    communities, by modularity, of the graph of shared neighbours (`faceprint.graph`).

    `x` (n, dimension) float32 are the photographs of the `pairs`, `threshold` a squared distance in [0, 4]. Groups of
    less than `fewest` pairs are left out. Time grows with the square of the number of wrong pairs. How often a slice
    comes out wrong, beside other pairs, is another question: `disparity` answers it once the slice has a name. Raises
    ValueError for another number of rows, NaN or infinity, TypeError for another dtype.

    >>> from faceprint import synthetic
    >>> made = synthetic.people(400, 40, junk=0, seed=1)
    >>> pairs = ListedPairs(made.people, *np.triu_indices(400, 1))
    >>> found = error_slices(made.embeddings, pairs, 0.15)
    >>> {part.kind for part in found} == {"false match", "false non-match"}, found[0].share <= 1
    (True, True)
    """
    rows = as_photographs(x, pairs, "x")
    exact = finite_rows(rows, "x", least=0)
    fewest = as_whole(fewest, "fewest", 1)
    accepted, same = pairs.distances(rows) <= as_threshold(threshold), pairs.same
    matches, others = np.flatnonzero(accepted & ~same), np.flatnonzero(~accepted & same)
    middle = exact[pairs.a[matches]] + exact[pairs.b[matches]]  # twice it, of the same direction
    apart = np.abs(exact[pairs.a[others]] - exact[pairs.b[others]])
    usual = apart.sum(axis=0) / max(len(others), 1)
    found = [
        *_group("false match", matches, middle, pairs, fewest),
        *_group("false non-match", others, apart - usual, pairs, fewest),
    ]
    return sorted(found, key=lambda part: -len(part.pairs))


def _group(
    kind: Wrong, wrong: NDArray[np.int64], features: NDArray[np.float64], pairs: ListedPairs, fewest: int
) -> list[Slice]:
    if len(wrong) < max(fewest, 2):
        return []
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    directions = (features / np.maximum(lengths, TINY)).astype(np.float32)
    distances, indices = neighbours(directions, min(NEIGHBOURS, len(wrong) - 1))
    halfway = max(float(np.median(distances[:, -1])), TINY)
    graph = neighbour_graph(distances, indices, halfway=halfway, slope=SLOPE * halfway, least=LEAST)
    labels = communities(graph, "modularity", resolution=RESOLUTION)
    members = (np.flatnonzero(labels == label) for label in range(int(labels.max()) + 1))
    return [_slice(kind, wrong, directions, own, pairs) for own in members if len(own) >= fewest]


def _slice(
    kind: Wrong, wrong: NDArray[np.int64], directions: NDArray[np.float32], own: NDArray[np.int64], pairs: ListedPairs
) -> Slice:
    chosen = wrong[own]
    ends = np.sort(np.stack([pairs.people[pairs.a[chosen]], pairs.people[pairs.b[chosen]]]), axis=0)
    typical = directions[own] @ directions[own[medoid(directions[own])]]
    order = np.argsort(-typical, kind="stable")
    first = np.sort(np.unique(ends[:, order], axis=1, return_index=True)[1])[:SHOWN]  # of each two people
    return Slice(kind, chosen, len(own) / len(wrong), len(np.unique(ends)), chosen[order[first]])
