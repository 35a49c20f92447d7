"""YuNet, a small detector that people bring as a file.

Wu, Peng and Yu, "YuNet: a tiny millisecond-level face detector", Machine Intelligence Research 20, 2023.
"""

import numpy as np
from numpy.typing import NDArray

from .detector import Detections, FileDetector, Part, gather, letterbox
from .photo import Pixels
from .runtime import Session

OUTPUTS = "outputs cls_8 ... kps_32"
STRIDES = (8, 16, 32)
PARTS = ("cls", "obj", "bbox", "kps")
LONGEST = 1280  # pixels of the long side at which a photograph is looked at
OVERLAP = 0.3


class YuNet(FileDetector):
    """Finds faces of score 0.6 and more with a YuNet network, on photographs reduced to at most 1280 pixels a side."""

    SCORE = 0.6

    @staticmethod
    def fits(session: Session) -> bool:
        """Whether a network is a YuNet, by the names of its outputs."""
        return sorted(session.outputs) == sorted(f"{part}_{stride}" for stride in STRIDES for part in PARTS)

    def detect(self, image: Pixels) -> Detections:
        """Find the faces of a uint8 RGB photograph (height, width, 3)."""
        scale, filled = letterbox(image, self._sides, LONGEST)
        inputs = np.ascontiguousarray(filled[:, :, ::-1].transpose(2, 0, 1)[None], np.float32)
        outputs = dict(zip(self._session.outputs, self._session.run({self._input: inputs}), strict=True))
        found = [self._decode(stride, inputs.shape[3] // stride, outputs) for stride in STRIDES]
        return gather(found, OVERLAP, scale)

    def _decode(self, stride: int, columns: int, outputs: dict[str, NDArray[np.float32]]) -> Part:
        """Boxes, landmarks and scores of the cells of one stride that are faces, in pixels."""
        classes, objects, offsets, points = (outputs[f"{part}_{stride}"][0] for part in PARTS)
        scores = np.sqrt(classes.ravel().clip(0, 1) * objects.ravel().clip(0, 1))
        (kept,) = np.nonzero(scores >= self._score)
        cells = np.stack([kept % columns, kept // columns], axis=1).astype(np.float32)
        centres = (offsets[kept, :2] + cells) * stride
        sides = np.exp(offsets[kept, 2:]) * stride
        landmarks = (points[kept].reshape(-1, 5, 2) + cells[:, None]) * stride
        return np.hstack([centres - sides / 2, centres + sides / 2]), landmarks, scores[kept]
