"""How far people that were found agree with the true ones: pairwise F, BCubed F and NMI, from counts alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._cluster import JUNK
from ..arrays import named_rows


@dataclass(frozen=True, slots=True)
class Score:
    """Shares in [0, 1]: `precision`, of what was put together, and `recall`, of what belongs together.

    `f` is their harmonic mean, 0 where both are 0.
    """

    precision: float
    recall: float
    f: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far `found` people agree with the `people` there are, over a number of `faces`; junk is no person.

    `pairwise` counts pairs of faces, so that people of many faces weigh most; `bcubed` is the mean over faces. `nmi`,
    in [0, 1], is their mutual information, normalised.
    """

    faces: int
    people: int
    found: int
    pairwise: Score
    bcubed: Score
    nmi: float


def clustering(truth: Any, labels: Any) -> Agreement:
    """Hold the people that were found, `labels`, against the true ones, `truth`: F of both kinds and NMI.

    Both are (n,), integers or strings, with one entry for each face; which numbers or names are used is of no account.
    -1 is junk in `labels`, such as those of `fp.cluster`, and in `truth` a face of nobody known. Each such face counts
    in the scores as a person of its own, and in the numbers of people not at all.

    Pairwise (as Shi, Otto and Jain, "Face clustering: representation and pairwise constraints", 2018, use it):
    precision is the share of the pairs of faces with one label that are of one person, recall the share of the pairs of
    one person that have one label. Without any such pair, it is 1. BCubed (Bagga and Baldwin, 1998; Amigo et al., "A
    comparison of extrinsic clustering evaluation metrics based on formal constraints", 2009): for each face, the share
    of the faces with its label, itself included, that are of its person, and of its person's that have its label; the
    mean over all faces; F of the means.

    NMI (Strehl and Ghosh, "Cluster ensembles", 2002) is the mutual information of both, divided by the arithmetic mean
    of their entropies, as scikit-learn has it; 1 where both hold all faces together. It is not adjusted for chance: the
    more people are found, the higher it is for guesses too.

    Exact, from the sizes of the groups and of what they have in common: memory grows with n, time with n log n. Raises
    TypeError for labels of another type; ValueError where the two differ in length, or hold nothing.

    >>> found = clustering(["Ann", "Ann", "Ann", "Ben"], [0, 0, 1, 1])
    >>> found.pairwise.precision, found.pairwise.recall, found.bcubed.precision
    (0.5, 0.3333333333333333, 0.75)
    >>> clustering([0, 0, 1], [5, 5, -1])
    ... # doctest: +NORMALIZE_WHITESPACE
    Agreement(faces=3, people=2, found=1, pairwise=Score(precision=1.0, recall=1.0, f=1.0),
              bcubed=Score(precision=1.0, recall=1.0, f=1.0), nmi=1.0)
    """
    true, people = _numbered(truth, None, "truth")
    faces = len(true)
    if not faces:
        raise ValueError("truth must hold at least one face, not 0")
    own, found = _numbered(labels, faces, "labels")
    width = int(own.max()) + 1
    cells, common = np.unique(true * width + own, return_counts=True)
    true_sizes, own_sizes = np.bincount(true), np.bincount(own)
    together = _pairs(common)
    pairwise = _score(_share(together, _pairs(own_sizes)), _share(together, _pairs(true_sizes)))
    squares = common.astype(np.float64) ** 2
    precision = (squares / own_sizes[cells % width]).sum() / faces
    recall = (squares / true_sizes[cells // width]).sum() / faces
    bcubed = _score(float(precision), float(recall))
    return Agreement(faces, people, found, pairwise, bcubed, _nmi(common, true_sizes, own_sizes))


def _numbered(labels: Any, rows: int | None, name: str) -> tuple[NDArray[np.int64], int]:
    """Number the people, each -1 one of its own; and say how many there are without these."""
    array = named_rows(labels, rows, name)
    names, numbers = np.unique(array, return_inverse=True)
    nobody = array == JUNK
    numbers = np.where(nobody, len(names) + np.arange(len(array)), numbers)
    return numbers, len(names) - int(nobody.any())


def _nmi(common: NDArray[np.int64], true_sizes: NDArray[np.int64], own_sizes: NDArray[np.int64]) -> float:
    """I(true; own) = H(true) + H(own) - H(both), over the mean of the first two."""
    alone = _entropy(true_sizes) + _entropy(own_sizes)
    return float(np.clip(2 * (alone - _entropy(common)) / alone, 0, 1)) if alone else 1.0


def _entropy(sizes: NDArray[np.int64]) -> float:
    shares = np.sort(sizes[sizes > 0]) / sizes.sum()  # in order, so that numbering changes no bit
    return float(-(shares * np.log(shares)).sum())


def _pairs(sizes: NDArray[np.int64]) -> int:
    return int((sizes * (sizes - 1) // 2).sum())


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _score(precision: float, recall: float) -> Score:
    both = precision + recall
    return Score(precision, recall, 2 * precision * recall / both if both else 0.0)
