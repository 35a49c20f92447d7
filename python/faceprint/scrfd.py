"""SCRFD with key points, the detector of insightface, that people bring as a file (det_500m, det_2.5g, det_10g).

Guo, Deng, Lattas and Zafeiriou, "Sample and computation redistribution for efficient face detection", ICLR 2022.
"""

import numpy as np
from numpy.typing import NDArray

from .detector import Detections, FileDetector, Part, gather, letterbox
from .errors import NetworkError
from .photo import Pixels
from .runtime import Session

OUTPUTS = "three outputs each of 1 (scores), 4 (boxes) and 10 columns (key points)"
STRIDES = (8, 16, 32)
WIDTHS = (1, 4, 10)  # numbers of an anchor: score, distances to the box's edges, offsets of the key points
ANCHORS = 2  # of a cell
LONGEST = 640  # pixels of the long side at which a photograph is looked at
OVERLAP = 0.4


class Scrfd(FileDetector):
    """Finds faces of score 0.5 and more with an SCRFD network, on photographs reduced to at most 640 pixels a side."""

    SCORE = 0.5

    @staticmethod
    def fits(session: Session) -> bool:
        """Whether a network is an SCRFD, by the widths of its outputs: their names are numbers in most files."""
        return sorted(shape[-1:] for shape in session.outputs.values()) == sorted((width,) for width in WIDTHS * 3)

    def detect(self, image: Pixels) -> Detections:
        """Find the faces of a uint8 RGB photograph (height, width, 3)."""
        scale, filled = letterbox(image, self._sides, LONGEST)
        inputs = ((filled.transpose(2, 0, 1)[None] - np.float32(127.5)) / 128).astype(np.float32)
        outputs = self._session.run({self._input: inputs})
        found = [self._decode(stride, inputs.shape[2:], outputs) for stride in STRIDES]
        return gather(found, OVERLAP, scale)

    def _decode(self, stride: int, sides: tuple[int, ...], outputs: list[NDArray[np.float32]]) -> Part:
        """Boxes, landmarks and scores of the anchors of one stride that are faces, in pixels."""
        rows, columns = (side // stride for side in sides)
        anchors = rows * columns * ANCHORS
        tables = [output.reshape(-1, output.shape[-1]) for output in outputs]  # some files put the batch before
        parts = {table.shape[1]: table for table in tables if len(table) == anchors}
        if sorted(parts) != list(WIDTHS):
            raise NetworkError(
                f"the detector must give {anchors} scores, boxes and key points at stride {stride}, "
                f"not outputs of the shapes {[output.shape for output in outputs]}"
            )
        scores, distances, offsets = (parts[width] for width in WIDTHS)
        (kept,) = np.nonzero(scores[:, 0] >= self._score)
        cells = kept // ANCHORS
        centres = np.stack([cells % columns, cells // columns], axis=1).astype(np.float32) * stride
        distances = distances[kept] * stride
        landmarks = offsets[kept].reshape(-1, 5, 2) * stride + centres[:, None]
        return np.hstack([centres - distances[:, :2], centres + distances[:, 2:]]), landmarks, scores[kept, 0]
