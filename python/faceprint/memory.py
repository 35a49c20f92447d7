"""Embeddings of earlier batches, with which those of the next are compared in training."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import as_embeddings, check_finite, unmasked
from .expected import as_whole


class CrossBatchMemory:
    """The last `size` embeddings and their labels: further positives and negatives for the batches that follow.

    A network that learns slowly moves what it has embedded little, so that embeddings of earlier batches still tell
    what is near (Wang et al., Cross-Batch Memory for Embedding Learning, CVPR 2020). They are constants: only the rows
    of the batch are anchors, and only they have a gradient. Join first, then add: a batch in its own memory would be
    its own positive. Begin when the first steps are over, in which everything moves (Wang et al.: 1,000). A memory
    longer than an epoch also holds the same photographs, as they were embedded the last time.

    >>> memory = CrossBatchMemory(3)
    >>> memory.add(np.float32([[1, 0], [0, 1]]), [7, 8])
    >>> x, labels = np.float32([[0.8, 0.6], [0.6, 0.8]]), [7, 9]
    >>> rows, names = memory.join(x, labels)
    >>> names.tolist()
    [7, 9, 7, 8]
    >>> import faceprint as fp
    >>> value, gradient = fp.triplet_loss(rows, names, anchors=len(x), margin=1)
    >>> gradient[: len(x)].shape
    (2, 2)
    >>> memory.add(x, labels)
    >>> len(memory), memory.labels.tolist()
    (3, [8, 7, 9])
    """

    def __init__(self, size: int) -> None:
        self.size: int = as_whole(size, "size", 1)
        self.clear()

    def clear(self) -> None:
        """Forget everything, the dimension too."""
        self._rows = np.empty((0, 0), np.float32)
        self._labels = np.empty(self.size, np.int64)
        self._next = self._filled = 0

    def __len__(self) -> int:
        return self._filled

    @property
    def embeddings(self) -> NDArray[np.float32]:
        """What is remembered, oldest first: (rows, dimension) float32, a copy."""
        return self._rows[self._order()]

    @property
    def labels(self) -> NDArray[np.int64]:
        """Whose the embeddings are: (rows,) int64, a copy."""
        return self._labels[self._order()]

    def add(self, x: Any, labels: Any) -> None:
        """Remember embeddings `x` (n, dimension) float32 and their `labels` (n,), integers, in place of the oldest.

        An identity has the same number in every batch. Of more than `size` rows the last are kept. Raises TypeError for
        other dtypes, ValueError for other shapes, a dimension other than that of the first rows, NaN and infinity, and
        then remembers what it did.

        >>> memory = CrossBatchMemory(2)
        >>> memory.add(np.float32([[1, 0], [0, 1], [1, 1]]), [7, 8, 9])
        >>> memory.labels.tolist(), memory.embeddings.tolist()
        ([8, 9], [[0.0, 1.0], [1.0, 1.0]])
        """
        rows, numbers = self._checked(x, labels)
        check_finite(rows, "x")
        if not self._filled:
            self._rows = np.empty((self.size, rows.shape[1]), np.float32)
        rows, numbers = rows[-self.size :], numbers[-self.size :]
        places = (self._next + np.arange(len(rows))) % self.size
        self._rows[places], self._labels[places] = rows, numbers
        self._next = (self._next + len(rows)) % self.size
        self._filled = min(self._filled + len(rows), self.size)

    def join(self, x: Any, labels: Any) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Put a batch first and the memory behind it: embeddings (n + rows, dimension) and labels (n + rows,).

        With `anchors=n` these are what `mine_triplets` and `triplet_loss` take. Raises what `add` does, but for NaN.

        >>> memory = CrossBatchMemory(2)
        >>> memory.add(np.float32([[1, 0]]), [7])
        >>> memory.join(np.float32([[0, 1]]), [8])[1].tolist()
        [8, 7]
        """
        rows, numbers = self._checked(x, labels)
        if not self._filled:
            return rows, numbers
        return np.concatenate([rows, self.embeddings]), np.concatenate([numbers, self.labels])

    def _order(self) -> NDArray[np.int64]:
        return (self._next - self._filled + np.arange(self._filled)) % self.size

    def _checked(self, x: Any, labels: Any) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        rows = as_embeddings(x, "x", width=self._rows.shape[1] if self._filled else None)
        numbers = np.asarray(unmasked(labels, "labels"))
        if numbers.shape != (len(rows),):
            raise ValueError(f"labels must have shape ({len(rows)},), one for each row, not {numbers.shape}")
        if len(rows) and numbers.dtype.kind not in "iu":
            raise TypeError(f"labels must be integers, the same in every batch, not {numbers.dtype}")
        return rows, numbers.astype(np.int64)
