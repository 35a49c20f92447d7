"""Photograph -> boxes and five landmarks: what every detector answers, and what detectors share."""

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .expected import as_number, as_whole
from .faces import prominence
from .photo import Decoded, Pixels
from .runtime import Session

SMALLEST = 12  # pixels; no detector here can tell a smaller face from anything else
MULTIPLE = 32  # networks of strides up to 32 take sides of whole multiples


@dataclass(frozen=True, slots=True)
class DetectorOptions:
    """Which faces count; the same for every detector.

    `min_size`: the least width and height of a face's box, in pixels of the photograph; the bundled detector also looks
    no closer than that, so it is quicker where it is more, and finds smaller faces where it is less than its own 20
    pixels (or a fiftieth of the photograph's long side). `min_score`: the least score, in [0, 1], in place of the
    detector's own. `max_faces`: how many faces are given at most, the most prominent ones (see `prominence`).

    >>> DetectorOptions(min_size=40, max_faces=1).min_score is None
    True
    >>> DetectorOptions(min_score=95)
    Traceback (most recent call last):
    ValueError: min_score must be in [0, 1], not 95
    """

    min_size: float | None = None
    min_score: float | None = None
    max_faces: int | None = None

    def __post_init__(self) -> None:
        if self.min_size is not None and not SMALLEST <= as_number(self.min_size, "min_size") < float("inf"):
            raise ValueError(f"min_size must be {SMALLEST} pixels or more, not {self.min_size}")
        if self.min_score is not None and not 0 <= as_number(self.min_score, "min_score") <= 1:
            raise ValueError(f"min_score must be in [0, 1], not {self.min_score}")
        if self.max_faces is not None:
            as_whole(self.max_faces, "max_faces", 1)


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Faces found on one photograph, one row each.

    `boxes` (n, 4) float32: left, top, right, bottom in pixels. `landmarks` (n, 5, 2) float32: x, y of the person's
    right eye (left in the picture), left eye, nose, right and left mouth corner. `scores` (n,) float32 in [0, 1].
    """

    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    scores: NDArray[np.float32]

    def __getitem__(self, rows: slice | NDArray[Any]) -> "Detections":
        """Select faces by a slice, a mask, or their numbers."""
        return Detections(self.boxes[rows], self.landmarks[rows], self.scores[rows])

    def on_full_photo(self, decoded: Decoded) -> "Detections":
        """The same faces in pixels of the full photograph, where they were found on one decoded smaller."""
        corners = decoded.to_full(self.boxes.reshape(-1, 2, 2))
        return Detections(corners.reshape(-1, 4), decoded.to_full(self.landmarks), self.scores)


Part: TypeAlias = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]  # boxes, landmarks, scores


class Detector(Protocol):
    """Whatever finds faces."""

    def detect(self, image: Pixels) -> Detections:
        """Find the faces of a uint8 RGB photograph (height, width, 3)."""


class FileDetector:
    """What the detectors that people bring as files share: one image as input, and the least score of a face.

    `SCORE` is that score where the options state none.
    """

    SCORE: ClassVar[float]

    def __init__(self, session: Session, options: DetectorOptions) -> None:
        self._session = session
        ((self._input, shape),) = session.inputs.items()
        self._sides = shape[2], shape[3]
        self._score = self.SCORE if options.min_score is None else options.min_score


def at_least(side: float, found: Detections) -> Detections:
    """The faces whose box is at least `side` pixels wide and high."""
    return found[(found.boxes[:, 2:] - found.boxes[:, :2]).min(axis=1) >= side]


def choose_faces(found: Detections, options: DetectorOptions, width: int, height: int) -> Detections:
    """The faces that count on a `width` x `height` photograph, most prominent first."""
    large = at_least(options.min_size or 0, found)
    order = np.argsort(-prominence(large.boxes, width, height), kind="stable")
    return large[order[: options.max_faces]]


def letterbox(image: Pixels, sides: tuple[int | None, int | None], longest: int) -> tuple[float, Pixels]:
    """Reduce a photograph for a network and fill it up with black to the right and below: the scale, and (h, w, 3).

    `sides` is the height and width that the network's graph insists on. Where it leaves one free, the photograph is
    reduced to at most `longest` pixels a side, and filled up to the next multiple of 32. It is never enlarged.

    >>> import numpy
    >>> scale, filled = letterbox(numpy.zeros((100, 1280, 3), numpy.uint8), (None, None), 640)
    >>> scale, filled.shape
    (0.5, (64, 640, 3))
    """
    height, width = image.shape[:2]
    rows, columns = (longest if side is None else side for side in sides)
    scale = min(1.0, rows / height, columns / width)
    if scale < 1.0:
        from PIL import Image

        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))
    shape = [
        -(-have // MULTIPLE) * MULTIPLE if side is None else side
        for have, side in zip(image.shape[:2], sides, strict=True)
    ]
    filled = np.zeros((*shape, 3), np.uint8)
    filled[: image.shape[0], : image.shape[1]] = image
    return scale, filled


def gather(parts: list[Part], overlap: float, scale: float) -> Detections:
    """Put together what was found at several strides of a photograph reduced by `scale`, each face once."""
    boxes, landmarks, scores = (np.concatenate(kind) for kind in zip(*parts, strict=True))
    kept = suppress(boxes, scores, overlap)
    return Detections(
        (boxes[kept] / scale).astype(np.float32), (landmarks[kept] / scale).astype(np.float32), scores[kept]
    )


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
