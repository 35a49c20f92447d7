"""Triplets of an anchor, a positive and a negative: which of a batch teach a network most, and what they cost."""

import warnings
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._nearest import Progress
from .arrays import as_embeddings, as_labels
from .errors import CollapseWarning

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
    _check_choice(kind, choice)
    return _core.mine_triplets(
        rows,
        as_labels(labels, len(rows)),
        kind,
        margin,
        choice,
        seed,
        _anchors(anchors, len(rows)),
        threads or 0,
        progress,
    )


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

    Where all embeddings of the batch lie in nearly one place, the loss stays at the margin and its gradient vanishes:
    the network has collapsed, and a CollapseWarning says so.

    Raises what `mine_triplets` does, and ValueError for an infinite margin.

    >>> x = np.float32([[0], [1], [1.5], [4]])
    >>> value, gradient = triplet_loss(x, [7, 7, 8, 8], margin=2, kind="semihard")
    >>> value, gradient.tolist()
    (0.75, [[1.0], [2.0], [-3.0], [0.0]])
    """
    rows = as_embeddings(x, "x")
    _check_choice(kind, choice)
    soft = margin == "soft"
    value, gradient, triplets = _core.triplet_loss(
        rows,
        as_labels(labels, len(rows)),
        kind,
        np.inf if margin == "soft" else margin,
        choice,
        seed,
        _anchors(anchors, len(rows)),
        "soft" if soft else "margin",
        reduction,
        threads or 0,
        progress,
    )
    if triplets:
        _warn_of_collapse(rows, 1.0 if margin == "soft" else margin)
    return value, gradient


def _check_choice(kind: str, choice: str) -> None:
    if choice != "hardest" and kind not in OPEN:
        raise ValueError(f"choice must be 'hardest' where kind is {kind!r}, not {choice!r}: it leaves nothing open")


def _anchors(anchors: int | None, rows: int) -> int:
    if anchors is None:
        return 0
    if not 1 <= anchors <= rows:
        raise ValueError(f"anchors must be in [1, {rows}], the number of rows, not {anchors}")
    return anchors


def _warn_of_collapse(rows: NDArray[np.float32], margin: float) -> None:
    centre = rows.mean(axis=0, dtype=np.float64)
    # the mean of |x - y|^2 over all pairs of rows
    apart = 2 * (np.einsum("ij,ij->", rows, rows, dtype=np.float64) / len(rows) - float(centre @ centre))
    if apart < COLLAPSED * margin:
        warnings.warn(
            f"the embeddings of the batch lie {max(apart, 0):.2g} apart on average, next to nothing beside the margin "
            f"of {margin:g}: the network gives all faces the same embedding. Lower the learning rate, or begin with "
            "semi-hard triplets",
            CollapseWarning,
            stacklevel=3,
        )
