"""Where a face comes to lie in its chip: on the five points of a template, or in its box with a margin around."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import _core
from .detector import Detections

Points: TypeAlias = tuple[tuple[float, float], ...]
Alignment: TypeAlias = Points | Literal["facenet-margin"]

# Right eye, left eye, nose, right and left mouth corner (of the person), with the side of the chip they are meant for
TEMPLATES: dict[str, tuple[int, Points]] = {
    # Deng, Guo, Xue and Zafeiriou, "ArcFace", CVPR 2019: of the networks of insightface
    "arcface": (
        112,
        ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)),
    ),
    # Of the bundled network: tools/networks/fit_template.py
    "dlib150": (150, ((47.41, 45.91), (101.59, 45.91), (74.5, 78.649), (50.703, 105.76), (98.297, 105.76))),
}
ALIGNMENTS = (*TEMPLATES, "facenet-margin")
FACENET_MARGIN = 0.2  # of the chip's sides, both ends together: 32 of 160 pixels in facenet and facenet-pytorch


def named_alignment(name: str, side: int) -> Alignment:
    """The alignment of one of ALIGNMENTS in a square chip: a template's points in pixels, or "facenet-margin" itself.

    >>> named_alignment("arcface", 224)[2]
    (112.0504, 143.4732)
    """
    if name == "facenet-margin":
        return "facenet-margin"
    meant, points = TEMPLATES[name]
    return tuple((x * side / meant, y * side / meant) for x, y in points)


def align(found: Detections, alignment: Alignment, height: int, width: int) -> NDArray[np.float64]:
    """Map chips of `height` x `width` pixels to the faces of a photograph: (faces, 2, 3) float64.

    Each turns (column, row, 1) of the chip into x and y of the photograph. Five points are fitted by least squares and
    rotated; "facenet-margin" stretches the face's box and a margin of a fifth to the chip, without rotation.
    """
    if alignment == "facenet-margin":
        return _core.align_boxes(np.ascontiguousarray(found.boxes), FACENET_MARGIN, height, width)
    return _core.align(np.ascontiguousarray(found.landmarks), np.array(alignment, np.float64))


def zoomed(affines: NDArray[np.float64], zooms: Sequence[float], height: int, width: int) -> NDArray[np.float64]:
    """Make of maps (faces, 2, 3) those that show each face `zooms` times as large: (faces, zooms, 2, 3).

    What lies in the middle of the chip stays there.

    >>> zoomed(np.float64([[[1, 0, 0], [0, 1, 0]]]), [1, 0.5], 5, 5)[0, 1].tolist()
    [[2.0, 0.0, -2.0], [0.0, 2.0, -2.0]]
    """
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    steps = 1 / np.asarray(zooms, np.float64)[:, None]
    linear, offset = affines[:, None, :, :2], affines[:, None, :, 2]
    moved = offset + (1 - steps) * (linear @ middle)
    return np.concatenate([linear * steps[..., None], moved[..., None]], axis=-1)
