"""Edges by shared neighbours and what communities optimise, from the definitions, with dense matrices."""

import numpy as np

TELEPORTED = 0.15


def evidence(distances, indices, halfway, slope):
    """How far the lists of each two nodes agree: sum of the lower affinities over that of the higher.

    Over all who are on either list; who is missing from one counts as its last.
    """
    n, k = indices.shape
    listed = np.eye(n, dtype=bool)
    np.put_along_axis(listed, indices, True, axis=1)
    affinity = 1 / (1 + np.exp((distances.astype(np.float64) - halfway) / slope))
    every = np.tile(affinity[:, -1:] * (k < n - 1), n)
    np.put_along_axis(every, indices, affinity, axis=1)
    np.fill_diagonal(every, 1)
    either = listed[:, None] | listed
    lower = (np.minimum(every[:, None], every) * either).sum(axis=2)
    higher = (np.maximum(every[:, None], every) * either).sum(axis=2)
    return lower / higher


def neighbour_graph(distances, indices, halfway, slope, least):
    """Dense weights of the edges that early stopping leaves."""
    weights = np.zeros((len(indices), len(indices)))
    shared = evidence(distances, indices, halfway, slope)
    for i, others in enumerate(indices):
        for j in others:
            if shared[i, j] < least:
                break
            weights[i, j] = shared[i, j]
    return weights


def flows(weights):
    """The flow along each edge where a random surfer's steps are counted, but not the teleportation between them."""
    strength = weights.sum(axis=0) + weights.sum(axis=1)
    landing = strength / strength.sum()
    leaving = weights.sum(axis=1, keepdims=True)
    walk = np.divide(weights, leaving, out=np.tile(landing, (len(weights), 1)), where=leaving > 0)
    surf = (1 - TELEPORTED) * walk + TELEPORTED * landing
    values = np.vstack([surf.T - np.eye(len(weights)), np.ones(len(weights))])
    rates = np.linalg.lstsq(values, np.append(np.zeros(len(weights)), 1), rcond=None)[0]
    found = rates[:, None] * np.where(leaving > 0, walk, 0)
    return found / found.sum()


def codelength(weights, labels):
    """Nats a step of the two-level map equation."""

    def plogp(p):
        p = np.asarray(p, float)
        return np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0).sum()

    flow = flows(weights)
    nodes = flow.sum(axis=0)
    apart = labels[:, None] != labels
    modules = np.arange(labels.max() + 1) == labels[:, None]
    entering = (flow * apart).sum(axis=0) @ modules
    leaving = (flow * apart).sum(axis=1) @ modules
    return plogp(entering.sum()) - plogp(entering) - plogp(leaving) - plogp(nodes) + plogp(leaving + nodes @ modules)


def modularity(weights, labels, resolution, left_nodes=0):
    """Newman and Girvan's, of the graph without directions, or Barber's, of one with two sides."""
    both = weights + weights.T
    strength = both.sum(axis=1)
    total = both.sum()
    expected = np.outer(strength, strength) / total
    if left_nodes:
        left = np.arange(len(weights)) < left_nodes
        expected = np.where(left[:, None] != left, 2 * expected, 0)
    return ((both - resolution * expected) * (labels[:, None] == labels)).sum() / total
