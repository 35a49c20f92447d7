"""Graphs of neighbours, and the communities in them."""

import re

import numpy as np
import pytest

import faceprint as fp
import reference.communities as reference
from faceprint.graph import Graph, communities, contract, from_edges, neighbour_graph

METHODS = ["map_equation", "modularity", "chinese_whispers", "components"]
OBJECTIVES = {
    "map_equation": lambda weights, labels: -reference.codelength(weights, labels),
    "modularity": lambda weights, labels: reference.modularity(weights, labels, 1),
}


def dense(graph):
    weights = np.zeros((len(graph), len(graph)))
    weights[graph.sources, graph.targets] = graph.weights
    return weights


def sparse(weights):
    sources, targets = np.nonzero(weights)
    return from_edges(len(weights), sources, targets, weights[sources, targets])


def random_weights(seed, nodes=14, density=0.3):
    rng = np.random.default_rng(seed)
    weights = rng.random((nodes, nodes)) * (rng.random((nodes, nodes)) < density)
    weights[: nodes // 2, : nodes // 2] *= 4
    np.fill_diagonal(weights, 0)
    return weights.astype(np.float32).astype(float)


def cliques(*sizes):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    weights = (labels[:, None] == labels).astype(float)
    np.fill_diagonal(weights, 0)
    for first in np.flatnonzero(np.diff(labels)):  # a weak edge from each to the next
        weights[first, first + 1] = weights[first + 1, first] = 0.1
    return weights, labels


@pytest.mark.parametrize("slope", [0.1, 1, 30])
@pytest.mark.parametrize("k", [1, 2, 7, 29])
def test_evidence_is_the_agreement_of_lists(k, slope, unit_rows):
    distances, indices = fp.neighbours(unit_rows(30, 8), k)
    for least in (0, 0.2, 0.5, 1):
        found = dense(neighbour_graph(distances, indices, halfway=1.5, slope=slope, least=least))
        np.testing.assert_allclose(
            found, reference.neighbour_graph(distances, indices, 1.5, slope, least), rtol=1e-6, atol=1e-12
        )


def test_the_first_weak_neighbour_ends_the_edges():
    distances = np.float32([[1, 2, 3], [1, 5, 5], [2, 5, 5], [3, 5, 5]])
    indices = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])
    weights = reference.evidence(distances, indices, 2, 1)
    assert weights[0, 1] > weights[0, 2] > weights[0, 3]
    graph = neighbour_graph(distances, indices, halfway=2, slope=1, least=float(weights[0, 2] + weights[0, 3]) / 2)
    assert graph.targets[: graph.offsets[1]].tolist() == [1, 2]
    swapped = indices[:, [2, 1, 0]].copy()  # the weak one first, however good the later ones
    assert neighbour_graph(distances, swapped, halfway=2, slope=1, least=0.9).offsets[1] == 0


def test_a_balanced_graph_is_symmetric_and_its_rows_sum_to_one(unit_rows):
    distances, indices = fp.neighbours(unit_rows(50, 8), 10)
    plain = dense(neighbour_graph(distances, indices, halfway=1.5, slope=0.3, least=0.2))
    balanced = dense(neighbour_graph(distances, indices, halfway=1.5, slope=0.3, least=0.2, balanced=True))
    np.testing.assert_allclose(balanced, balanced.T, rtol=1e-6)
    assert ((balanced > 0) == (plain + plain.T > 0)).all()
    own = 1 - balanced.sum(axis=1)  # what is left for the node itself is its scale squared, so edges follow from it
    np.testing.assert_allclose(balanced, (plain + plain.T) / 2 * np.sqrt(np.outer(own, own)), rtol=2e-5, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_cliques_are_communities(method):
    weights, labels = cliques(5, 3, 8, 4)
    if method == "components":
        weights[weights < 1] = 0
    np.testing.assert_array_equal(communities(sparse(weights), method), labels)


@pytest.mark.parametrize("method", METHODS)
def test_nobody_and_nodes_without_edges(method):
    assert communities(from_edges(0, [], [], []), method).tolist() == []
    assert communities(from_edges(3, [], [], []), method).tolist() == [0, 1, 2]
    assert communities(from_edges(4, [1, 3], [3, 1], [1, 1]), method).tolist() == [0, 1, 2, 1]


@pytest.mark.parametrize("method", OBJECTIVES)
@pytest.mark.parametrize("seed", range(30))
def test_no_move_of_a_node_is_better(method, seed):
    weights = random_weights(seed)
    found = communities(sparse(weights), method)
    reached = OBJECTIVES[method](weights, found)
    for node in range(len(weights)):
        for label in range(found.max() + 2):
            moved = found.copy()
            moved[node] = label
            assert OBJECTIVES[method](weights, moved) <= reached + 1e-7


@pytest.mark.parametrize("method", OBJECTIVES)
def test_as_good_as_the_best_of_all_partitions(method):
    def partitions(nodes):
        if nodes == 0:
            return [[]]
        return [[*rest, label] for rest in partitions(nodes - 1) for label in range(max(rest, default=-1) + 2)]

    every = [np.array(labels) for labels in partitions(7)]
    missed = 0
    for seed in range(8):
        weights = random_weights(seed, nodes=7, density=0.5)
        best = max(OBJECTIVES[method](weights, labels) for labels in every)
        missed += OBJECTIVES[method](weights, communities(sparse(weights), method)) < best - 1e-7
    assert missed <= 1  # moving nodes from where they are best off can miss what moving all of them would find


@pytest.mark.parametrize("method", ["map_equation", "modularity", "components"])
@pytest.mark.parametrize("seed", range(10))
def test_communities_hang_together(method, seed):
    weights = random_weights(seed, nodes=60, density=0.05)
    found = communities(sparse(weights), method)
    for label in range(found.max() + 1):
        inside = weights[np.ix_(found == label, found == label)]
        assert communities(sparse(inside), "components").max() == 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(30))
def test_weights_count_by_what_others_weigh(method, seed):
    weights = random_weights(seed)
    found = communities(sparse(weights), method)
    for factor in (2.0**-20, 2.0**-10, 2.0**10):
        np.testing.assert_array_equal(communities(sparse(weights * factor), method), found)


def test_a_higher_resolution_gives_smaller_communities():
    weights, _ = cliques(6, 6, 6)
    counts = [communities(sparse(weights), "modularity", resolution=value).max() + 1 for value in (0.001, 1, 100)]
    assert counts == [1, 3, 18]


def test_direction_matters_to_the_map_equation():
    ring = from_edges(6, [0, 1, 2, 3, 4, 5], [1, 2, 0, 4, 5, 3], [1] * 6)
    assert communities(ring).tolist() == [0, 0, 0, 1, 1, 1]
    weights = dense(ring)
    weights[2, 3] = 0.5  # a way out of the first ring, and none back
    one_way = communities(sparse(weights))
    assert one_way.tolist() == [0, 0, 0, 1, 1, 1]
    assert reference.flows(weights)[3:].sum() > 0.6  # where the surfer ends up


def test_sides_of_a_bipartite_graph():
    likes = np.zeros((9, 9))
    likes[:2, 4:6] = likes[2:4, 6:9] = 1  # two users and two items, two users and three items
    likes[1, 6] = 0.5
    found = communities(sparse(likes), "modularity", left_nodes=4)
    assert found.tolist() == [0, 0, 1, 1, 0, 0, 1, 1, 1]
    for node in range(9):
        for label in range(3):
            moved = found.copy()
            moved[node] = label
            assert reference.modularity(likes, moved, 1, 4) <= reference.modularity(likes, found, 1, 4) + 1e-9
    single = communities(sparse(likes), "modularity", left_nodes=4, resolution=0.01)
    assert single.max() == 0


def test_chinese_whispers_ends_where_labels_would_swap_for_ever():
    assert communities(from_edges(2, [0, 1], [1, 0], [1, 1]), "chinese_whispers").tolist() == [0, 0]


@pytest.mark.parametrize("method", METHODS)
def test_every_number_of_threads_gives_the_same(method, unit_rows):
    x = unit_rows(300, 16, 1)[np.arange(6000) % 300] + np.float32(0.6) * unit_rows(6000, 16, 2)
    distances, indices = fp.neighbours(x, 30)
    rule = {"halfway": 0.6, "slope": 0.05, "least": 0.35}
    graphs = [neighbour_graph(distances, indices, threads=threads, **rule) for threads in (1, 2, 3)]
    for graph in graphs[1:]:
        for name in Graph.__slots__:
            np.testing.assert_array_equal(getattr(graph, name), getattr(graphs[0], name))
    expected = communities(graphs[0], method, threads=1)
    assert expected.max() > 10
    for threads in (0, 2, 3):
        np.testing.assert_array_equal(communities(graphs[0], method, threads=threads), expected)


def test_contracting_adds_edges_up():
    graph = contract(from_edges(4, [0, 1, 2, 3], [2, 2, 0, 0], [1, 2, 4, 8]), np.array([0, 0, 1, 0]))
    assert len(graph) == 2
    both = dense_sum(graph)
    assert both.tolist() == [[0, 3], [4, 0]]


def dense_sum(graph):
    weights = np.zeros((len(graph), len(graph)))
    np.add.at(weights, (graph.sources, graph.targets), graph.weights)
    return weights


def test_many_edges_between_two_nodes_count_as_their_sum():
    sources, targets = [0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]
    once = from_edges(4, sources, targets, [1, 1, 3, 3, 1, 1])
    thrice = from_edges(4, sources * 3, targets * 3, np.array([1, 1, 3, 3, 1, 1] * 3) / 3)
    for method in METHODS:
        assert communities(once, method).tolist() == communities(thrice, method).tolist()


LISTS = np.float32([[1], [1]]), np.array([[1], [0]])


@pytest.mark.parametrize(
    ("distances", "indices", "options", "error", "message"),
    [
        (LISTS[0], LISTS[1], {"slope": 0}, ValueError, "slope must be above 0 and finite, not 0.000000"),
        (LISTS[0], LISTS[1], {"halfway": np.inf}, ValueError, "halfway must be finite, not inf"),
        (LISTS[0], LISTS[1], {"least": 1.5}, ValueError, "least must be in [0, 1], not 1.500000"),
        (LISTS[0], LISTS[1], {"least": np.nan}, ValueError, "least must be in [0, 1], not nan"),
        (LISTS[0].astype(float), LISTS[1], {}, TypeError, "distances must be float32, not float64"),
        (LISTS[0], LISTS[1].astype(np.int32), {}, TypeError, "indices must be int64, not int32"),
        (LISTS[0][:1], LISTS[1], {}, ValueError, "distances must have shape (2, 1), not (1, 1)"),
        (LISTS[0], LISTS[1] + 1, {}, ValueError, "indices must be those of other rows, in [0, 2): row 0 has 2"),
        (LISTS[0], 1 - LISTS[1], {}, ValueError, "indices must be those of other rows, in [0, 2): row 0 has 0"),
        (-LISTS[0], LISTS[1], {}, ValueError, "distances must be 0 or more: row 0 has -1.000000"),
        (
            np.float32([[1, 0.5], [1, 1], [1, 1]]),
            np.array([[1, 2], [0, 2], [0, 1]]),
            {},
            ValueError,
            "distances of a row must ascend: those of row 0 do not",
        ),
        (LISTS[0] * np.float32(np.nan), LISTS[1], {}, ValueError, "distances must be 0 or more: row 0 has nan"),
        (
            np.ones((3, 2), np.float32),
            np.array([[1, 2], [2, 2], [0, 1]]),
            {},
            ValueError,
            "indices of a row must differ: row 1 has 2 twice",
        ),
    ],
)
def test_lists_that_make_no_graph(distances, indices, options, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        neighbour_graph(distances, indices, **{"halfway": 1, "slope": 1, "least": 0, **options})


PAIR = np.array([0, 1, 2]), np.array([1, 0]), np.float32([1, 1])


@pytest.mark.parametrize(
    ("graph", "options", "message"),
    [
        ((PAIR[0][:0], *PAIR[1:]), {}, "offsets must have length nodes + 1, not 0"),
        ((PAIR[0], PAIR[1], PAIR[2][:1]), {}, "weights must have length 2, not 1"),
        ((PAIR[0] + 1, *PAIR[1:]), {}, "offsets must ascend from 0 to the number of targets, 2"),
        ((np.array([0, 3, 2]), *PAIR[1:]), {}, "offsets must ascend from 0 to the number of targets, 2"),
        (
            (PAIR[0], PAIR[1] + 1, PAIR[2]),
            {},
            "targets must be other nodes, in [0, 2): an edge of node 0 leads to 2",
        ),
        (
            (PAIR[0], 1 - PAIR[1], PAIR[2]),
            {},
            "targets must be other nodes, in [0, 2): an edge of node 0 leads to 0",
        ),
        (
            (*PAIR[:2], np.float32([1, 0])),
            {},
            "weights must be above 0 and finite: an edge of node 1 has 0.000000",
        ),
        (PAIR, {"resolution": 0}, "resolution must be above 0 and finite, not 0.000000"),
        (
            PAIR,
            {"left_nodes": 3},
            "left_nodes must be 0 or at most the number of nodes, 2, not 3",
        ),
        (PAIR, {"left_nodes": 1}, "left_nodes must be 0 but for modularity, not 1"),
        (
            PAIR,
            {"left_nodes": 2, "method": "modularity"},
            "edges of a bipartite graph must lead to the other side: one leads from node 0 to 1",
        ),
        (
            PAIR,
            {"method": "louvain"},
            "method must be 'map_equation', 'modularity', 'chinese_whispers' or 'components', not 'louvain'",
        ),
    ],
)
def test_what_has_no_communities(graph, options, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        communities(Graph(*graph), **options)


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        (([0], [1, 0], [1]), "sources, targets and weights must have the same shape (edges,), not (1,), (2,) and (1,)"),
        (([0], [2], [1]), "targets must be nodes, in [0, 2), not 2 to 2"),
        (([-1], [1], [1]), "sources must be nodes, in [0, 2), not -1 to -1"),
        (([0, 1], [1, 0], [1, -1]), "weights must be finite and 0 or more: edge 1 has -1.0"),
        (([0, 1], [1, 0], [np.inf, 1]), "weights must be finite and 0 or more: edge 0 has inf"),
    ],
)
def test_edges_that_make_no_graph(edges, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        from_edges(2, *edges)


def test_ctrl_c_ends_the_search_for_communities(unit_rows):
    distances, indices = fp.neighbours(unit_rows(200, 4), 20)

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        neighbour_graph(distances, indices, halfway=1.5, slope=0.3, least=0, progress=stop)
    graph = neighbour_graph(distances, indices, halfway=1.5, slope=0.3, least=0)
    for method in ("map_equation", "modularity", "chinese_whispers"):
        with pytest.raises(KeyboardInterrupt):
            communities(graph, method, progress=stop)
