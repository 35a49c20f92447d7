"""People who have a number keep it: communities in which several of them met are parted."""

import numpy as np

from faceprint.graph import from_edges
from faceprint.identity import UNKNOWN, settle


def graph_of(nodes, edges):
    """A graph of edges (a, b, weight), each there and back."""
    there = np.array(edges, float).reshape(-1, 3)
    sources, targets = there[:, [0, 1]].astype(int).T
    return from_edges(nodes, np.r_[sources, targets], np.r_[targets, sources], np.r_[there[:, 2], there[:, 2]])


def groups(settled):
    """The nodes of each community, by its first node."""
    return sorted(np.flatnonzero(settled == label).tolist() for label in np.unique(settled))


def test_nodes_join_those_they_are_tied_to_most():
    chain = graph_of(6, [(0, 1, 2), (1, 2, 1), (2, 3, 3), (3, 4, 1), (4, 5, 2)])
    people = np.array([0, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 1])
    assert groups(settle(chain, np.zeros(6, int), people)) == [[0, 1, 2], [3, 4, 5]]


def test_edges_to_a_person_count_together():
    star = graph_of(4, [(0, 1, 2), (0, 2, 2), (0, 3, 3)])
    assert groups(settle(star, np.zeros(4, int), np.array([UNKNOWN, 4, 4, 9]))) == [[0, 1, 2], [3]]


def test_of_equal_sums_the_lower_number_wins():
    tie = graph_of(3, [(0, 1, 1), (0, 2, 1)])
    assert groups(settle(tie, np.zeros(3, int), np.array([UNKNOWN, 7, 3]))) == [[0, 2], [1]]


def test_whom_nobody_reaches_is_none_of_them():
    apart = graph_of(3, [(0, 1, 1)])
    assert groups(settle(apart, np.zeros(3, int), np.array([0, 1, UNKNOWN]))) == [[0], [1], [2]]


def test_nobody_who_is_known_joins_another():
    triangle = graph_of(3, [(0, 1, 9), (0, 2, 9), (1, 2, 1)])
    assert groups(settle(triangle, np.zeros(3, int), np.array([3, 5, 5]))) == [[0], [1, 2]]


def test_other_communities_stay_as_they_were():
    pairs = graph_of(6, [(0, 1, 1), (2, 3, 1), (4, 5, 1)])
    labels, people = np.array([0, 0, 1, 1, 2, 2]), np.array([5, UNKNOWN, 0, 1, 3, 3])
    settled = settle(pairs, labels, people)
    assert settled[[0, 1, 4, 5]].tolist() == [0, 0, 2, 2]
    assert groups(settled) == [[0, 1], [2], [3], [4, 5]]
    np.testing.assert_array_equal(settle(pairs, labels, np.full(6, UNKNOWN)), labels)
