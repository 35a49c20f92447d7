"""Pairwise and BCubed precision and recall, and NMI, by their definitions: every pair of faces, and every face."""

import numpy as np


def _together(labels):
    """(n, n): whether two faces have one label; a face of label -1 is with itself alone."""
    return np.array([[i == j or (a == b != -1) for j, b in enumerate(labels)] for i, a in enumerate(labels)])


def pairwise(truth, labels):
    same, found = _together(truth), _together(labels)
    pairs = [(i, j) for i in range(len(truth)) for j in range(i)]
    true = sum(same[pair] for pair in pairs)
    put = sum(found[pair] for pair in pairs)
    right = sum(same[pair] and found[pair] for pair in pairs)
    return right / put if put else 1.0, right / true if true else 1.0


def bcubed(truth, labels):
    same, found = _together(truth), _together(labels)
    both = (same & found).sum(axis=1)
    return (both / found.sum(axis=1)).mean(), (both / same.sum(axis=1)).mean()


def nmi(truth, labels):
    same, found = _together(truth), _together(labels)
    true, own, both = (shared.mean(axis=1) for shared in (same, found, same & found))
    entropies = -np.log(true).mean() - np.log(own).mean()
    return 2 * np.log(both / (true * own)).mean() / entropies if entropies else 1.0
