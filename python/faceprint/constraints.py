"""What is known of people before they are clustered, and how it changes the graph of their faces."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import NAMES, as_integers, as_labels, as_row_numbers, shape_of, unmasked
from .graph import Graph, communities, contract, from_edges
from .identity import UNKNOWN, settle
from .medoids import members


@dataclass(frozen=True, slots=True, eq=False)
class Constraints:
    """What `cluster` was told.

    Pairs of rows (m, 2) that are one person, or probably not; `attributes` (a, n), the values of each numbered from 0,
    -1 for none; `people` (n,) whose rows are fixed, -1 for others.
    """

    must_link: NDArray[np.int64]
    cannot_link: NDArray[np.int64]
    penalty: float
    attributes: NDArray[np.int64]
    attribute_weight: float
    people: NDArray[np.int64]

    def among(self, rows: NDArray[np.int64], total: int) -> "Constraints":
        """The same, of some of `total` rows, whose numbers become their places among `rows`."""
        places = np.full(total, -1, np.int64)
        places[rows] = np.arange(len(rows))
        must, cannot = (places[pairs] for pairs in (self.must_link, self.cannot_link))
        return Constraints(
            must[(must >= 0).all(axis=1)],
            cannot[(cannot >= 0).all(axis=1)],
            self.penalty,
            self.attributes[:, rows],
            self.attribute_weight,
            self.people[rows],
        )

    @property
    def idle(self) -> bool:
        """Whether nothing is known."""
        return not (
            len(self.must_link) or len(self.cannot_link) or len(self.attributes) or (self.people != UNKNOWN).any()
        )

    @property
    def groups(self) -> NDArray[np.int64]:
        """Number what is one from the start, (n,) int64: by `must_link`, and by being the same of `people`."""
        order = np.argsort(self.people, kind="stable")
        order = order[self.people[order] != UNKNOWN]
        same = self.people[order][1:] == self.people[order][:-1]
        pairs = np.concatenate([self.must_link, np.stack([order[1:][same], order[:-1][same]], axis=1)])
        links = from_edges(len(self.people), pairs[:, 0], pairs[:, 1], np.ones(len(pairs)))
        return communities(links, "components")


def as_pairs(pairs: Any, name: str, rows: int) -> NDArray[np.int64]:
    """Check pairs of rows: (m, 2) integers in [0, rows); None stands for none.

    >>> as_pairs([[0, 3]], "must_link", 3)
    Traceback (most recent call last):
    ValueError: must_link must be rows in [0, 3), not 3
    """
    array = np.empty((0, 2), np.int64) if pairs is None else np.asarray(unmasked(pairs, name))
    if array.size == 0:
        return np.empty((0, 2), np.int64)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"{name} must have shape (pairs, 2), not {array.shape}")
    return as_row_numbers(array, name, rows)


def as_numbers(labels: Any, name: str, rows: int) -> NDArray[np.int64]:
    """Check labels (rows,): integers, -1 where there is none.

    >>> as_numbers([0, -1], "labels", 3)
    Traceback (most recent call last):
    ValueError: labels must have shape (3,), one label for each embedding, not (2,)
    """
    array = np.asarray(unmasked(labels, name))
    if array.shape != (rows,):
        came = shape_of(labels, array)
        raise ValueError(f"{name} must have shape ({rows},), one label for each embedding, not {came}")
    numbers = as_integers(array, name, NAMES)
    if rows and numbers.min() < UNKNOWN:
        raise ValueError(f"{name} must be numbers from 0, or -1 for none, not {numbers.min()}")
    return numbers


def as_known(labels: Any, name: str, rows: int) -> NDArray[np.int64]:
    """Check labels (rows,) as `as_numbers`; None stands for none at all.

    >>> as_known(None, "previous", 2).tolist()
    [-1, -1]
    """
    return np.full(rows, UNKNOWN, np.int64) if labels is None else as_numbers(labels, name, rows)


def as_attributes(attributes: Any, rows: int) -> NDArray[np.int64]:
    """Number the values of attributes: a mapping from names to (rows,) values that `is_known`, or not; (a, rows).

    >>> as_attributes({"album": ["beach", None, "beach"]}, 3).tolist()
    [[0, -1, 0]]
    """
    given = {} if attributes is None else attributes
    if not isinstance(given, Mapping):
        raise TypeError(f"attributes must be a mapping from names to values, not {type(attributes).__name__}")
    numbers = np.full((len(given), rows), -1, np.int64)
    for place, (name, values) in enumerate(given.items()):
        if not isinstance(values, Collection):
            raise TypeError(f"attributes[{name!r}] must be a sequence of values, not {type(values).__name__}")
        if len(values) != rows:
            raise ValueError(f"attributes[{name!r}] must have {rows} values, one for each embedding, not {len(values)}")
        known = np.array([is_known(value) for value in values], bool)
        texts = [str(value) for value in values if is_known(value)]
        numbers[place, known] = np.unique(np.array(texts, object), return_inverse=True)[1] if texts else []
    return numbers


def is_known(value: Any) -> bool:
    """Whether a row has this value of an attribute: not None, NaN, or the NA and NaT of pandas.

    >>> is_known("beach"), is_known(None), is_known(float("nan"))
    (True, False, False)
    """
    try:
        return value is not None and bool(value == value)  # NaN is not equal to itself
    except TypeError:  # NA has no truth
        return False


def same_photograph(photos: Any) -> NDArray[np.int64]:
    """Pair all rows of the same photograph: (m, 2) int64, for `cluster(..., cannot_link=...)`.

    `photos` (n,), integers or strings, names the photograph of each row. Raises TypeError for others.

    >>> same_photograph(["a.jpg", "b.jpg", "a.jpg"]).tolist()
    [[0, 2]]
    """
    owners = as_labels(photos, name="photos")
    pairs = [np.empty((0, 2), np.int64)]
    for rows in members(owners):
        first, second = np.triu_indices(len(rows), 1)
        pairs.append(np.stack([rows[first], rows[second]], axis=1))
    return np.concatenate(pairs)


def constrained_communities(graph: Graph, constraints: Constraints, **options: Any) -> NDArray[np.int64]:
    """Find communities, as `communities` with these `options`, of a graph of faces of which something is known.

    What must be one is one node. Edges of pairs that cannot be are weakened by the penalty. Every value of an attribute
    is a node more, with edges to and from its faces. Known people who meet in one community are parted again.
    """
    if constraints.idle:
        return communities(graph, **options)
    nodes = len(graph)
    graph = with_attributes(damp(graph, constraints), constraints)
    groups = np.append(constraints.groups, np.zeros(len(graph) - nodes, np.int64))
    groups[nodes:] = groups[:nodes].max(initial=-1) + 1 + np.arange(len(graph) - nodes)
    whole = contract(graph, groups)
    people = np.full(len(whole), UNKNOWN, np.int64)
    np.maximum.at(people, groups[:nodes], constraints.people)
    labels = settle(whole, communities(whole, **options), people)
    return labels[groups[:nodes]]


def damp(graph: Graph, constraints: Constraints) -> Graph:
    """Lower the weight of edges between the rows of each pair that cannot be one, by the penalty, either way."""
    pairs, nodes = constraints.cannot_link, len(graph)
    if not len(pairs):
        return graph
    apart = np.concatenate([pairs[:, 0] * nodes + pairs[:, 1], pairs[:, 1] * nodes + pairs[:, 0]])
    hit = np.isin(graph.sources * nodes + graph.targets, apart)
    return from_edges(nodes, graph.sources, graph.targets, graph.weights * (1 - constraints.penalty * hit))


def with_attributes(graph: Graph, constraints: Constraints) -> Graph:
    """Add the nodes of attributes behind the others."""
    nodes, begin, end = len(graph), [graph.sources], [graph.targets]
    for values in constraints.attributes:
        rows = np.flatnonzero(values >= 0)
        begin += [rows, nodes + values[rows]]
        end += [nodes + values[rows], rows]
        nodes += int(values.max(initial=-1)) + 1
    sources, targets = np.concatenate(begin), np.concatenate(end)
    added = np.full(len(sources) - len(graph.targets), constraints.attribute_weight, np.float32)
    return from_edges(nodes, sources, targets, np.concatenate([graph.weights, added]))
