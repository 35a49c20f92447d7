"""How much of a face a photograph shows: how recognisable it is, how large, how sharp, and how it is turned.

`recognisability` goes by the embedding and is what `Faces.quality` and every gate mean. The other three are told for
people to look at; they are not comparable with it, and each of them alone passes faces that nobody could recognise.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import as_embeddings
from .errors import RecipeError
from .expected import as_number
from .photo import Pixels
from .recipe import Recipe

MOST = 80.0  # of an exponent, so that quality stays above 0 in float32
# The mean place of the five landmarks in space, in eye distances: tools/networks/fit_shape.py on 2,388 photographs
SHAPE = ((-0.5, 0.0, 0.0), (0.5, 0.0, 0.0), (0.0, 0.584, -0.439), (-0.444, 1.084, 0.251), (0.444, 1.084, 0.251))
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def recognisability(embeddings: NDArray[np.float32], recipe: Recipe) -> NDArray[np.float32] | None:
    """The probability of each face being ordinary rather than unrecognisable: (n,) float32 in (0, 1].

    `embeddings` (n, dimension) float32 unit rows are of the network of the `recipe`; None where that has no
    'unrecognisable'. Embeddings of unrecognisable faces cluster together (Deng et al., "Harnessing Unrecognizable Faces
    for Improving Face Recognition", WACV 2023), and the probability is logistic in the squared distance from their
    centre, at the recipe's prior. It tells nothing about a false match between two good photographs.

    >>> import faceprint as fp
    >>> from faceprint.demo import PHOTOS
    >>> model = fp.load()
    >>> (recognisability(model.embed(PHOTOS / "obama.jpg"), model.recipe) > model.recipe.gate(0.05)).tolist()
    [True]
    """
    junk = recipe.unrecognisable
    if junk is None:
        return None
    rows = as_embeddings(embeddings, "embeddings", width=recipe.dimension)
    distance = ((rows.astype(np.float64) - junk.centre) ** 2).sum(axis=1)
    exponent = (junk.slope * distance + junk.intercept).clip(-MOST, MOST)
    quality: NDArray[np.float32] = (1 / (1 + np.exp(exponent))).astype(np.float32)
    return quality


def recognisable(embeddings: NDArray[np.float32], recipe: Recipe, gate: float | None) -> NDArray[np.bool_]:
    """Which faces have a quality of at least `gate`: (n,) bool; all of them where it is None.

    Raises TypeError or ValueError for a gate that is no number in [0, 1], and RecipeError for one where the recipe has
    no 'unrecognisable'.
    """
    if gate is None:
        return np.ones(len(embeddings), bool)
    if not 0 <= as_number(gate, "gate") <= 1:
        raise ValueError(f"gate must be a quality in [0, 1], not {gate}")
    quality = recognisability(embeddings, recipe)
    if quality is None:
        raise RecipeError(f"recipe {recipe.name} states no 'unrecognisable', so its faces have no quality for a gate")
    return quality >= gate


def eye_distance(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far apart the eyes are, in pixels of the photograph: (n,) float32 for landmarks (n, 5, 2).

    >>> import numpy
    >>> eye_distance(numpy.float32([[[10, 20], [40, 60], [0, 0], [0, 0], [0, 0]]])).tolist()
    [50.0]
    """
    _check(landmarks, "landmarks", (5, 2), "(n, 5, 2)")
    apart: NDArray[np.float32] = np.linalg.norm(landmarks[:, 1] - landmarks[:, 0], axis=1).astype(np.float32)
    return apart


def sharpness(chips: Pixels) -> NDArray[np.float32]:
    """The variance of the Laplacian of each chip's luma over the variance of the luma itself: (n,) float32, 0 or more.

    `chips` is (n, height, width, 3) uint8, at least 3 x 3 pixels. The Laplacian (4 neighbours) finds edges, and blur
    takes them away (Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000); the division
    makes contrast and brightness of no account. Noise and the blocks of JPEG count as sharp. A chip of one colour is 0.

    >>> import numpy
    >>> chips = numpy.zeros((2, 4, 4, 3), numpy.uint8)
    >>> chips[1, ::2] = 255
    >>> sharpness(chips).tolist()
    [0.0, 16.0]
    """
    _check(chips, "chips", (*chips.shape[1:3], 3), "(n, height, width, 3)")
    luma = chips @ np.array(LUMA, np.float64)
    middle = luma[:, 1:-1, 1:-1]
    around = luma[:, :-2, 1:-1] + luma[:, 2:, 1:-1] + luma[:, 1:-1, :-2] + luma[:, 1:-1, 2:]
    edges, contrast = (around - 4 * middle).var(axis=(1, 2)), luma.var(axis=(1, 2))
    sharp: NDArray[np.float32] = (edges / np.maximum(contrast, 1e-9)).astype(np.float32)
    return sharp


def pose(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Yaw, pitch and roll of each face in degrees, (n, 3) float32, from its five landmarks (n, 5, 2).

    Yaw is positive where the nose points to the right of the picture, pitch where it points up, roll where the head is
    turned clockwise in the picture; yaw and pitch are those after the roll is undone. Pitch 0 is that of the median
    news photograph. The method: the mean face in weak perspective (DeMenthon and Davis, "Model-based object pose in 25
    lines of code", IJCV 1995, its first step), least squares.

    Rough: in a simulation with noses 15 % (one sigma) longer or shorter than the mean, landmarks off by 3 % of the eye
    distance and a camera 60 cm away, yaw, pitch and roll were off by 4, 6 and 3 degrees (root mean square) at 30
    degrees of yaw, by 3, 6 and 2 at none; a test runs it. It was not measured against photographs of known pose.

    >>> import faceprint as fp
    >>> from faceprint.demo import PHOTOS
    >>> yaw, pitch, roll = pose(fp.load().faces(PHOTOS / "obama.jpg").landmarks)[0]
    >>> bool(abs(yaw) < 15 and abs(roll) < 10)
    True
    """
    _check(landmarks, "landmarks", (5, 2), "(n, 5, 2)")
    shape = np.array(SHAPE) - np.mean(SHAPE, axis=0)
    placed = landmarks.astype(np.float64) - landmarks.mean(axis=1, keepdims=True, dtype=np.float64)
    u, _, v = np.linalg.svd(np.linalg.pinv(shape) @ placed, full_matrices=False)
    across, down = np.moveaxis(u @ v, 2, 0)  # the nearest two perpendicular unit vectors: two rows of the rotation
    ahead = np.cross(across, down)
    yaw = np.arcsin(ahead[:, 0].clip(-1, 1))
    pitch = np.arctan2(-ahead[:, 1], ahead[:, 2])
    roll = np.arctan2(down[:, 0], across[:, 0])
    angles: NDArray[np.float32] = np.degrees(np.stack([yaw, pitch, roll], axis=1)).astype(np.float32)
    return angles


def _check(array: NDArray[Any], name: str, shape: tuple[int, ...], rule: str) -> None:
    if array.shape[1:] != shape:
        raise ValueError(f"{name} must have shape {rule}, not {array.shape}")
