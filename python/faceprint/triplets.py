"""Triplets of an anchor, a positive and a negative: which of a batch teach a network most, and what they cost."""

import warnings
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._nearest import Progress
from .arrays import as_embeddings, as_labels
from .errors import CollapseWarning
from .expected import as_whole

Mining: TypeAlias = Literal[
    "semihard", "batch-hard", "batch-all", "hardest-within-batch", "random-in-margin", "easy-positive"
]
Choice: TypeAlias = Literal["hardest", "random"]
OPEN = ("semihard", "easy-positive")  # the kinds that leave open which negative of several is taken
COLLAPSED = 0.01  # of the margin: where the mean distance between embeddings is less, the loss is stuck at the margin


def mine_triplets(
    x: Any,
    labels: Any,
    *,
    margin: float = 0.2,
    kind: Mining = "semihard",
    choice: Choice = "hardest",
    seed: int = 0,
    anchors: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Find triplets in a batch of embeddings `x` (n, dimension) float32: row numbers (anchors, positives, negatives).

    Rows are of the same identity where `labels` (n,), integers or strings, are equal. Of all triplets that violate the
    margin, d(a, n) < d(a, p) + `margin` with squared distances, `kind` says which are returned:

    - "semihard": for every anchor and positive, one negative that is farther than the positive (Schroff et al.,
      FaceNet, 2015, section 3.2).
    - "hardest-within-batch": for every anchor and positive, the nearest negative.
    - "random-in-margin": for every anchor and positive, any negative.
    - "batch-hard": for every anchor, the farthest positive and the nearest negative (Hermans et al., In defense of the
      triplet loss, 2017).
    - "easy-positive": for every anchor, the nearest positive and one negative that is farther (Xuan et al., Improved
      embeddings with easy positive triplet mining, 2020).
    - "batch-all": all of them. There may be n cubed; `triplet_loss` sums over them without making the list.

    `choice` decides which negative "semihard" and "easy-positive" take: the "hardest" (nearest) or a "random" one. Of
    equal distances the lower row counts as the harder. What is drawn depends on `seed`, not on `threads` or the
    backend. With `anchors` only the first so many rows are anchors, the others positives and negatives of theirs, as
    from a memory of earlier batches. `margin` is above 0, and infinite where no triplet shall be left out.

    An identity with one row has no positive and lends itself as a negative; where there is one identity only, or no
    triplet violates the margin, the arrays are empty. Two rows of one face under different labels are never each
    other's semi-hard negatives beyond an equal positive, but they are the hardest. Triplets are in the order of anchor,
    positive, negative. Beside the result a call takes some MB, 9 of 16,384 rows.

    Raises TypeError for another dtype; ValueError for shapes that do not agree, NaN, infinity, values outside [-1e15,
    1e15], a margin that is not above 0, and for a choice that the kind does not leave open.

    >>> x = np.float32([[0], [1], [1.5], [4]])
    >>> [rows.tolist() for rows in mine_triplets(x, [7, 7, 8, 8], margin=2)]
    [[0], [1], [2]]
    """
    rows = as_embeddings(x, "x")
    rule = as_rule(labels, len(rows), kind, margin, choice, seed, anchors)
    return _core.mine_triplets(rows, *rule, threads or 0, progress)


def triplet_loss(
    x: Any,
    labels: Any,
    *,
    margin: float | Literal["soft"] = 0.2,
    kind: Mining = "batch-all",
    choice: Choice = "hardest",
    seed: int = 0,
    reduction: Literal["mean", "sum"] = "mean",
    anchors: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[float, NDArray[np.float32]]:
    """The triplet loss of a batch and its gradient by `x`: (value, gradient (n, dimension) float32).

    A triplet costs d(a, p) - d(a, n) + `margin` (Schroff et al., FaceNet, 2015, equation 3). `x`, `labels`, `kind`,
    `choice`, `seed` and `anchors` are those of `mine_triplets`, which chooses the triplets; all cost something, so the
    "mean" over them is Hermans' over the non-zero ones. "sum" is the paper's. Without triplets both are 0.

    "batch-all" takes the time of some products of the batch with itself, though it sums exactly over up to n cubed
    triplets: each anchor's negatives are binned by its sorted positives, and prefix sums do the rest.

    With `margin` "soft" a triplet costs log(1 + exp(d(a, p) - d(a, n))), no triplet is left out, and `kind` may be any
    but "batch-all", whose sum would need every triplet.

    Where all embeddings of the batch lie in nearly one place, the loss stays at the margin and its gradient vanishes;
    where no negative is farther than a positive, both may be 0. The network has collapsed, and a CollapseWarning says
    so.

    Raises what `mine_triplets` does, and ValueError for an infinite margin.

    >>> x = np.float32([[0], [1], [1.5], [4]])
    >>> value, gradient = triplet_loss(x, [7, 7, 8, 8], margin=2, kind="semihard")
    >>> value, gradient.tolist()
    (0.75, [[1.0], [2.0], [-3.0], [0.0]])
    """
    rows = as_embeddings(x, "x")
    number, hinge = as_hinge(margin, kind)
    rule = as_rule(labels, len(rows), kind, number, choice, seed, anchors)
    value, gradient, _ = _core.triplet_loss(rows, *rule, hinge, reduction, threads or 0, progress)
    if can_teach(rule[0]):
        warn_of_collapse(_apart(rows), margin)
    return value, gradient


def as_rule(
    labels: Any, rows: int, kind: Mining, margin: float, choice: Choice, seed: int, anchors: int | None
) -> tuple[NDArray[np.int64], Mining, float, Choice, int, int]:
    """What the core takes for the options of `mine_triplets`, for a batch of so many rows."""
    if choice != "hardest" and kind not in OPEN:
        raise ValueError(f"choice must be 'hardest' where kind is {kind!r}, not {choice!r}: it leaves nothing open")
    if anchors is not None and not 1 <= as_whole(anchors, "anchors") <= rows:
        raise ValueError(f"anchors must be in [1, {rows}], the number of rows, not {anchors}")
    return as_labels(labels, rows), kind, margin, choice, as_whole(seed, "seed", 0), anchors or 0


def as_hinge(margin: float | Literal["soft"], kind: Mining) -> tuple[float, Literal["margin", "soft"]]:
    """What the core takes for the `margin` of `triplet_loss`: a number, and what a triplet costs.

    >>> as_hinge(0.2, "semihard"), as_hinge("soft", "semihard")
    ((0.2, 'margin'), (inf, 'soft'))
    """
    if margin != "soft":
        return margin, "margin"
    if kind == "batch-all":
        raise ValueError("kind must not be 'batch-all' where margin is 'soft': its sum needs every triplet")
    return np.inf, "soft"


def can_teach(people: NDArray[np.int64]) -> bool:
    """Whether there are two people and two rows of one, without whom no batch has triplets, collapsed or not.

    `people` are numbered from 0, none left out, as `as_labels` does.
    Rows that are all equal may have none either: no negative is farther than a positive, as "semihard" wants it.

    >>> can_teach(np.array([0, 0, 1])), can_teach(np.array([0, 0])), can_teach(np.array([0, 1]))
    (True, False, False)
    """
    return bool(0 < people.max(initial=0) < len(people) - 1)


def _apart(rows: NDArray[np.float32]) -> float:
    """The mean squared distance between two rows."""
    centre = rows.mean(axis=0, dtype=np.float64)
    return float(2 * (np.einsum("ij,ij->", rows, rows, dtype=np.float64) / len(rows) - float(centre @ centre)))


def warn_of_collapse(apart: float, margin: float | Literal["soft"]) -> None:
    """Warn of a batch whose rows' mean squared distance is next to nothing beside the margin, or 1 for "soft"."""
    margin = 1.0 if margin == "soft" else margin
    if apart < COLLAPSED * margin:
        warnings.warn(
            f"the embeddings of the batch lie {max(apart, 0):.2g} apart on average, next to nothing beside the margin "
            f"of {margin:g}: the network gives all faces the same embedding. Lower the learning rate, or begin with "
            "semi-hard triplets",
            CollapseWarning,
            stacklevel=3,
        )
