"""YuNet, a small detector that people bring as a file.

Wu, Peng and Yu, "YuNet: a tiny millisecond-level face detector", Machine Intelligence Research 20, 2023.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .detector import Detections, suppress
from .errors import RecipeError
from .photo import Pixels, printable
from .runtime import open_session

STRIDES = (8, 16, 32)
PARTS = ("cls", "obj", "bbox", "kps")
LONGEST = 1280  # pixels of the long side at which a photograph is looked at
SCORE = 0.6
OVERLAP = 0.3


class YuNet:
    """Finds faces of score 0.6 and more with a YuNet file, on photographs reduced to at most 1280 pixels a side."""

    def __init__(self, path: Path, *, device: str = "cpu", threads: int = 0) -> None:
        self._session = open_session(path, device=device, threads=threads)
        names = [f"{part}_{stride}" for stride in STRIDES for part in PARTS]
        outputs = list(self._session.outputs)
        if len(self._session.inputs) != 1 or sorted(outputs) != sorted(names):
            raise RecipeError(
                f"detector {printable(path.name)} must be a YuNet file with the outputs cls_8 ... kps_32, "
                f"not {', '.join(outputs[:12])}"
            )
        (self._input,) = self._session.inputs

    def detect(self, image: Pixels) -> Detections:
        """Find the faces of a uint8 RGB photograph (height, width, 3)."""
        scale, small = _shrink(image)
        height, width = (-(-side // STRIDES[-1]) * STRIDES[-1] for side in small.shape[:2])
        padded = np.zeros((1, 3, height, width), np.float32)
        padded[0, :, : small.shape[0], : small.shape[1]] = small[:, :, ::-1].transpose(2, 0, 1)
        outputs = dict(zip(self._session.outputs, self._session.run({self._input: padded}), strict=True))
        found = [
            _decode(stride, width // stride, *(outputs[f"{part}_{stride}"][0] for part in PARTS)) for stride in STRIDES
        ]
        boxes, landmarks, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
        kept = suppress(boxes, scores, OVERLAP)
        return Detections(
            (boxes[kept] / scale).astype(np.float32), (landmarks[kept] / scale).astype(np.float32), scores[kept]
        )


def _shrink(image: Pixels) -> tuple[float, Pixels]:
    height, width = image.shape[:2]
    scale = min(1.0, LONGEST / max(height, width))
    if scale == 1.0:
        return scale, image
    from PIL import Image

    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return scale, np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))


def _decode(
    stride: int,
    columns: int,
    classes: NDArray[np.float32],
    objects: NDArray[np.float32],
    offsets: NDArray[np.float32],
    points: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Boxes, landmarks and scores of the cells of one stride that are faces, in pixels."""
    scores = np.sqrt(classes.ravel().clip(0, 1) * objects.ravel().clip(0, 1))
    (kept,) = np.nonzero(scores >= SCORE)
    cells = np.stack([kept % columns, kept // columns], axis=1).astype(np.float32)
    centres = (offsets[kept, :2] + cells) * stride
    sides = np.exp(offsets[kept, 2:]) * stride
    landmarks = (points[kept].reshape(-1, 5, 2) + cells[:, None]) * stride
    return np.hstack([centres - sides / 2, centres + sides / 2]), landmarks, scores[kept]
