"""People who already have a number keep it."""

import numpy as np
from numpy.typing import NDArray

from .graph import Graph

UNKNOWN = -1


def settle(graph: Graph, labels: NDArray[np.int64], people: NDArray[np.int64]) -> NDArray[np.int64]:
    """Part communities in which several known people met: each other node goes where its strongest edges lead.

    `labels` and `people` (nodes,): the community of each node, and who it is known to be, or -1. Nodes join those who
    are known in turns, each by the sum of its edges in both directions; of equal sums the lower number wins.
    """
    seeded = people != UNKNOWN
    pairs = np.unique(np.stack([labels[seeded], people[seeded]], axis=1), axis=0)
    crowded = np.flatnonzero(np.bincount(pairs[:, 0], minlength=1) > 1) if len(pairs) else np.empty(0, np.int64)
    if not len(crowded):
        return labels
    inside = np.isin(labels, crowded)
    sources, targets, weights = graph.sources, graph.targets, graph.weights.astype(np.float64)
    kept = inside[sources] & (labels[sources] == labels[targets])
    begin = np.concatenate([sources[kept], targets[kept]])
    end = np.concatenate([targets[kept], sources[kept]])
    weight = np.concatenate([weights[kept], weights[kept]])
    names, known = np.unique(people, return_inverse=True)
    who = np.where(seeded, known, UNKNOWN)
    while True:
        open_edges = (who[begin] == UNKNOWN) & (who[end] != UNKNOWN)
        if not open_edges.any():
            break
        keys, place = np.unique(begin[open_edges] * len(names) + who[end[open_edges]], return_inverse=True)
        sums = np.bincount(place, weight[open_edges])
        order = np.lexsort((keys, -sums, keys // len(names)))
        nodes = keys[order] // len(names)
        first = np.append(True, nodes[1:] != nodes[:-1])
        who[nodes[first]] = keys[order][first] % len(names)
    settled = labels.copy()
    found = inside & (who != UNKNOWN)
    settled[found] = labels.max() + 1 + who[found]
    return settled


def number_by_first(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Renumber labels (n,) to 0, 1, ... by first row.

    >>> import numpy
    >>> number_by_first(numpy.array([7, 2, 7])).tolist()
    [0, 1, 0]
    """
    _, first, place = np.unique(labels, return_index=True, return_inverse=True)
    numbers = np.empty(len(first), np.int64)
    numbers[np.argsort(first)] = np.arange(len(first))
    return numbers[place]


def keep_numbers(labels: NDArray[np.int64], previous: NDArray[np.int64], fixed: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give communities the numbers of the earlier people they share most rows with; others get new ones.

    `labels` (n,) from 0 and `previous` (n,), -1 for rows that had no label. A number goes to one community only, the
    one with most of its rows, and those of `fixed` people before the others; new numbers follow the highest earlier
    one, in the order of `labels`.

    >>> import numpy
    >>> labels, previous = numpy.array([0, 0, 0, 1, 2]), numpy.array([5, 5, 4, 5, 3])
    >>> keep_numbers(labels, previous, fixed=numpy.array([], int)).tolist()
    [5, 5, 5, 6, 3]
    >>> keep_numbers(labels, previous, fixed=numpy.array([4])).tolist()
    [4, 4, 4, 5, 3]
    """
    known = previous != UNKNOWN
    pairs, counts = np.unique(np.stack([labels[known], previous[known]], axis=1), axis=0, return_counts=True)
    order = np.lexsort((pairs[:, 0], pairs[:, 1], -counts, ~np.isin(pairs[:, 1], fixed)))
    numbers = np.full(int(labels.max(initial=-1)) + 1, UNKNOWN, np.int64)
    taken: set[int] = set()
    for label, person in pairs[order].tolist():
        if numbers[label] == UNKNOWN and person not in taken:
            numbers[label] = person
            taken.add(person)
    fresh = np.flatnonzero(numbers == UNKNOWN)
    numbers[fresh] = int(previous.max(initial=-1)) + 1 + np.arange(len(fresh))
    return numbers[labels]
