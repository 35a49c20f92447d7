"""Photographs made worse on purpose: a face compressed as JPEG, or seen in fewer pixels."""

import io
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..chip import align
from ..detector import Detections
from ..photo import Pixels, read_photo
from ..recipe import Recipe

MARGIN = 1 / 8  # of the aligned face's sides, kept around it for interpolation at its edge


@dataclass(frozen=True, slots=True, eq=False)
class Thumbnail:
    """A face and little else: a piece of a photograph, uint8 RGB, at the photograph's own resolution.

    `found` is that one face, in pixels of `image`; the square the network will see covers `pixels` of them.
    """

    image: Pixels
    found: Detections
    pixels: float


def cut(image: Pixels, found: Detections, recipe: Recipe) -> Thumbnail:
    """Cut the one face that is `found` out of a photograph, with a margin, where the photograph reaches."""
    width, height = recipe.input.width, recipe.input.height
    (chip_to_photo,) = align(found, recipe.landmarks, height, width)
    across, down = np.array([-MARGIN, 1 + MARGIN]) * width, np.array([-MARGIN, 1 + MARGIN]) * height
    corners = np.array([(x, y, 1) for x in across for y in down]) @ chip_to_photo.T
    left, top = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int) + 1
    piece = np.ascontiguousarray(image[top:bottom, left:right])
    covered = abs(float(np.linalg.det(chip_to_photo[:, :2]))) * width * height
    return Thumbnail(piece, _moved(found, np.ones(2), -np.array([left, top])), covered)


def compress(face: Thumbnail, quality: int) -> Thumbnail:
    """Write the thumbnail as JPEG of this quality (libjpeg's scale, 1 to 95; 4:2:0 colour), and read it again."""
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(face.image).save(content, "JPEG", quality=quality)
    return Thumbnail(read_photo(content.getvalue()), face.found, face.pixels)


def shrink(face: Thumbnail, pixels: int) -> Thumbnail:
    """Re-scale the thumbnail so that the square the network will see covers so many pixels; never enlarge it.

    The way back up is the network's own: the aligned chip is interpolated from what is left. Pillow's bicubic filter
    averages over all pixels that become one.
    """
    from PIL import Image

    if face.pixels <= pixels:
        return face
    scale = math.sqrt(pixels / face.pixels)
    height, width = (max(1, round(side * scale)) for side in face.image.shape[:2])
    small = Image.fromarray(face.image).resize((width, height), Image.Resampling.BICUBIC)
    ratio = np.array([width / face.image.shape[1], height / face.image.shape[0]])
    found = _moved(face.found, ratio, 0.5 * ratio - 0.5)  # the centre of the first pixel is 0
    return Thumbnail(np.asarray(small), found, face.pixels * float(ratio.prod()))


def _moved(found: Detections, scale: NDArray[np.float64], shift: NDArray[np.float64]) -> Detections:
    boxes = (found.boxes.reshape(-1, 2, 2) * scale + shift).reshape(-1, 4).astype(np.float32)
    return Detections(boxes, (found.landmarks * scale + shift).astype(np.float32), found.scores)
