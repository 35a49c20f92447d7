"""Photograph -> boxes and five landmarks: what every detector answers, and what detectors share."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .photo import Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Faces found on one photograph, one row each.

    `boxes` (n, 4) float32: left, top, right, bottom in pixels. `landmarks` (n, 5, 2) float32: x, y of the person's
    right eye (left in the picture), left eye, nose, right and left mouth corner. `scores` (n,) float32 in [0, 1].
    """

    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    scores: NDArray[np.float32]


class Detector(Protocol):
    """Whatever finds faces."""

    def detect(self, image: Pixels) -> Detections:
        """Find the faces of a uint8 RGB photograph (height, width, 3)."""


def suppress(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], overlap: float, *, of_smaller: bool = False
) -> NDArray[np.int64]:
    """Non-maximum suppression: the rows that stay, best score first.

    A box goes when it shares more than `overlap` with a better one that stays: of their union, or `of_smaller`, of the
    smaller box. Equal scores: the lower row first.

    >>> import numpy
    >>> boxes = numpy.float32([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]])
    >>> suppress(boxes, numpy.float32([0.8, 0.9, 0.7]), 0.5).tolist()
    [1, 2]
    """
    left, top, right, bottom = np.ascontiguousarray(boxes.T)
    areas = (right - left) * (bottom - top)
    waiting = np.argsort(-scores, kind="stable")
    kept = []
    while len(waiting):
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        width = np.minimum(right[best], right[waiting]) - np.maximum(left[best], left[waiting])
        height = np.minimum(bottom[best], bottom[waiting]) - np.maximum(top[best], top[waiting])
        shared = np.maximum(width, 0) * np.maximum(height, 0)
        union = areas[best] + areas[waiting] - shared
        whole = np.minimum(areas[best], areas[waiting]) if of_smaller else union
        waiting = waiting[shared <= overlap * whole]
    return np.array(kept, np.int64)
