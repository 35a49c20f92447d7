"""The map of one network's embeddings onto another's: least squares, then the triplet loss of both together.

What `Upgrade` does with arrays that are checked already: float64 unit rows, people by number.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .triplets import triplet_loss

Rows: TypeAlias = NDArray[np.float64]
STRENGTHS = 10.0 ** np.arange(-6, 6.5, 0.5)  # of the penalty, in mean variances of a number of the new embeddings
MARGIN = 0.2  # paper, section 3.1
EMPTY = 1e-10  # of the largest singular value: what is less is rounding
HALVINGS = 30  # of a step that does not lower the loss


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """x -> x @ weights + offset, scaled to unit length."""

    weights: Rows
    offset: Rows

    def __call__(self, x: Rows) -> Rows:
        """Map rows x (n, d) to unit rows (n, e)."""
        return unit(x @ self.weights + self.offset)


def unit(x: Rows) -> Rows:
    """Scale rows to unit length; one of 0 stays so."""
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    scaled: Rows = x / np.where(lengths > 0, lengths, 1)
    return scaled


def deal(people: NDArray[np.int64], folds: int) -> NDArray[np.int64]:
    """The fold of each row: people are dealt out in turn, those with the most rows first, the lower number at ties.

    >>> deal(np.array([0, 1, 1, 2, 2, 2, 3]), 2).tolist()
    [0, 1, 1, 0, 0, 0, 1]
    """
    sizes = np.bincount(people)
    turn = np.empty(len(sizes), np.int64)
    turn[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes)) % folds
    return turn[people]


def fit_least_squares(new: Rows, old: Rows, parts: NDArray[np.int64]) -> Affine:
    """The affine map of `new` (n, d) onto `old` (n, e) of least squares, with a penalty for being no rotation.

    The penalty is on the squared departure of the weights from the rotation that brings both nearest (orthogonal
    Procrustes; Schönemann, Psychometrika 31, 1966), times the ratio of their spreads. So with few faces the rotation
    decides; with many this is ridge regression (Hoerl and Kennard, Technometrics 12, 1970). The offset costs nothing.
    The strength of the penalty is the one of `STRENGTHS` at which unit rows come nearest to their `old` ones when each
    of the `parts` (n,) is predicted from the others. A part is left out by subtracting its sums of products, and all
    strengths share an eigendecomposition.
    """
    members = [parts == part for part in np.unique(parts)]
    products = [_products(new[rows], old[rows]) for rows in members]
    total = np.sum(products, axis=0)
    cost = np.zeros(len(STRENGTHS))
    for rows, own in zip(members, products, strict=True):
        fits = _fits(total - own, new.shape[1], STRENGTHS)
        cost += [np.square(fitted(new[rows]) - old[rows]).sum() for fitted in fits]
    return next(_fits(total, new.shape[1], STRENGTHS[[cost.argmin()]]))


def _products(new: Rows, old: Rows) -> Rows:
    """Sums of products of [1, new, old] with itself."""
    columns = np.concatenate([np.ones((len(new), 1)), new, old], axis=1)
    products: Rows = columns.T @ columns
    return products


def _fits(products: Rows, depth: int, strengths: Rows) -> Iterator[Affine]:
    """The map at each strength, from sums of products in which `depth` columns are of the new network."""
    count, means = products[0, 0], products[0, 1:] / products[0, 0]
    centred = products[1:, 1:] - count * np.outer(means, means)
    within, across, beyond = centred[:depth, :depth], centred[:depth, depth:], centred[depth:, depth:]
    left, common, right = np.linalg.svd(across, full_matrices=False)
    seen = common > EMPTY * common[0]  # few faces span few directions; the others would be turned at random
    rotation = left[:, seen] @ right[seen]
    least = np.finfo(np.float64).tiny  # all rows may be one
    spread = max(float(np.trace(rotation.T @ within @ rotation)), least)
    prior = np.sqrt(np.trace(beyond) / spread) * rotation
    values, axes = np.linalg.eigh(within)
    missing = axes.T @ (across - within @ prior)
    for strength in strengths:
        penalty = max(strength * values.mean() / count, least)
        weights = prior + axes @ (missing / (np.maximum(values, 0) + penalty)[:, None])
        yield Affine(weights, means[depth:] - means[:depth] @ weights)


def harmonic_loss(
    fitted: Affine, new: Rows, old: Rows, people: NDArray[np.int64], threads: int | None = None
) -> tuple[float, Affine]:
    """What triplets of mapped `new` rows and `old` ones cost (paper, appendix), and its slope by the map.

    The batch is all of both. Every row is an anchor, with its farthest positive and nearest negative ("batch-hard"), of
    the kinds of `triplet_loss` the one that did best. The sum is divided by the number of rows. The gradient goes into
    the mapped rows only, and through their scaling to unit length into weights and offset.
    """
    outputs = new @ fitted.weights + fitted.offset
    lengths = np.linalg.norm(outputs, axis=1, keepdims=True)
    mapped = outputs / lengths
    batch = np.concatenate([mapped, old]).astype(np.float32)
    labels = np.tile(people, 2)
    value, gradient = triplet_loss(batch, labels, margin=MARGIN, kind="batch-hard", reduction="sum", threads=threads)
    pull = gradient[: len(new)].astype(np.float64) / len(batch)
    pull = (pull - (pull * mapped).sum(axis=1, keepdims=True) * mapped) / lengths
    return value / len(batch), Affine(new.T @ pull, pull.sum(axis=0))


def refine_map(
    start: Affine, new: Rows, old: Rows, people: NDArray[np.int64], steps: int, threads: int | None = None
) -> Affine:
    """Take steps of gradient descent on the harmonic loss, each as long as lowers it, found by halving and doubling."""
    found, pace = start, 1.0
    value, slope = harmonic_loss(found, new, old, people, threads)
    for _ in range(steps):
        for _ in range(HALVINGS):
            trial = Affine(found.weights - pace * slope.weights, found.offset - pace * slope.offset)
            reached, there = harmonic_loss(trial, new, old, people, threads)
            if reached < value:
                found, value, slope, pace = trial, reached, there, pace * 2
                break
            pace /= 2
    return found
