"""Upgrades by their definitions: stacked least squares, people left out one part at a time, pairs one by one."""

import numpy as np

from .rates import val_at_far


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def scaled_rotation(new, old):
    """The rotation that brings new nearest to old, both about their means, times the ratio of their spreads."""
    x, y = new - new.mean(axis=0), old - old.mean(axis=0)
    left, common, right = np.linalg.svd(x.T @ y, full_matrices=False)
    rank = (common > 1e-10 * common[0]).sum()
    left, right = left[:, :rank], right[:rank]  # a rotation of what both span
    return left @ right * np.linalg.norm(y) / np.linalg.norm(x @ left @ right)


def least_squares(new, old, strength):
    """Weights and offset that minimise |new @ weights + offset - old|^2 + penalty |weights - scaled rotation|^2."""
    rows, depth = new.shape
    penalty = np.sqrt(strength * new.var(axis=0).mean())
    left = np.block([[new, np.ones((rows, 1))], [penalty * np.eye(depth), np.zeros((depth, 1))]])
    right = np.concatenate([old, penalty * scaled_rotation(new, old)])
    solved = np.linalg.lstsq(left, right, rcond=None)[0]
    return solved[:-1], solved[-1]


def best_strength(new, old, parts, strengths):
    """That at which parts are predicted best from the others."""
    costs = []
    for strength in strengths:
        cost = 0.0
        for part in set(parts.tolist()):
            weights, offset = least_squares(new[parts != part], old[parts != part], strength)
            cost += np.square(unit(new[parts == part] @ weights + offset) - old[parts == part]).sum()
        costs.append(cost)
    return strengths[int(np.argmin(costs))]


def compatibility(old, new, upgraded, people, parts, far):
    """VAL and FAR of old, mixed, upgraded and new over the pairs within each part."""
    rows = range(len(people))
    within = [(i, j) for i in rows for j in rows if i < j and parts[i] == parts[j]]
    compared = {
        "old": [(i, old[i], j, old[j]) for i, j in within],
        "mixed": [(i, upgraded[i], j, old[j]) for pair in within for i, j in (pair, pair[::-1])],
        "upgraded": [(i, upgraded[i], j, upgraded[j]) for i, j in within],
        "new": [(i, new[i], j, new[j]) for i, j in within],
    }
    found = {}
    for name, entries in compared.items():
        same = [np.square(x - y).sum() for i, x, j, y in entries if people[i] == people[j]]
        different = [np.square(x - y).sum() for i, x, j, y in entries if people[i] != people[j]]
        found[name] = val_at_far(same, different, far)
    return found
