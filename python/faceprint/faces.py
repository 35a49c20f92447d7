"""The faces of one photograph, most prominent first."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .photo import Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """What `Model.faces` found, one row a face, most prominent first.

    `boxes` (n, 4) float32: left, top, right, bottom in pixels of the upright photograph, also beyond its edge.
    `landmarks` (n, 5, 2) float32: x, y of the person's right eye, left eye, nose, right and left mouth corner.
    `scores` (n,) float32 in [0, 1]: the detector's confidence. `quality` (n,) float32 in [0, 1]: how recognisable the
    network finds the face (`faceprint.quality.recognisability`), None where its recipe cannot tell. `chips` (n, height,
    width, 3) uint8: aligned crops. `embeddings` (n, dimension) float32 unit rows, made by the network that
    `fingerprint` names. `photo` is the path of the photograph as it was given, None where it was not given as a path.
    Numbers, slices and masks select faces of it: IndexError beyond the last.

    >>> import faceprint as fp
    >>> from faceprint.demo import PHOTOS
    >>> faces = fp.load().faces(PHOTOS / "obama.jpg")
    >>> len(faces), len(faces[faces.scores > 0.9]), faces[0].embeddings.shape
    (1, 1, (1, 128))
    """

    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    scores: NDArray[np.float32]
    quality: NDArray[np.float32] | None
    chips: Pixels
    embeddings: NDArray[np.float32]
    fingerprint: str
    photo: str | None = None

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, rows: Any) -> "Faces":
        """Select faces by number, slice or index array; a number gives the Faces of that one face."""
        if isinstance(rows, (int, np.integer)):
            if not -len(self) <= rows < len(self):
                raise IndexError(f"there is no face {rows} among {len(self)}, counted from 0")
            rows = [rows]
        return Faces(
            self.boxes[rows],
            self.landmarks[rows],
            self.scores[rows],
            None if self.quality is None else self.quality[rows],
            self.chips[rows],
            self.embeddings[rows],
            self.fingerprint,
            self.photo,
        )

    def __iter__(self) -> Iterator["Faces"]:
        return (self[row] for row in range(len(self)))


def prominence(boxes: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """How much of the photograph each face claims: its area, halved at half the way from the centre to the edge.

    Boxes are (n, 4) in pixels of a `width` x `height` photograph; the result (n,) is in pixels, larger first.

    >>> import numpy
    >>> centre, corner = prominence(numpy.array([[40, 40, 60, 60], [0, 0, 20, 20]], numpy.float32), 100, 100)
    >>> bool(centre > corner)
    True
    """
    size = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    offset = (boxes[:, :2] + boxes[:, 2:]) / 2 / (width, height) * 2 - 1  # the centre in [-1, 1] on both axes
    area: NDArray[np.float32] = (size.prod(axis=1) / (1 + 4 * (offset**2).sum(axis=1))).astype(np.float32)
    return area
