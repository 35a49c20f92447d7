"""Find the mean shape of a face in space, as five landmarks of the bundled detector on many photographs show it.

    python tools/networks/fit_shape.py PHOTO...

Factorisation (Tomasi and Kanade, "Shape and motion from image streams under orthography", IJCV 1992), each photograph
and its mirror image a view of one rigid face in weak perspective: the best three-dimensional account of all landmarks,
then the metric in which the rows of every view's projection are perpendicular and of one length. The eyes come to lie
one apart, their middle in the origin; x goes right and y down in the picture, z away from the camera, and the face is
tilted until half of the photographs show it higher, half lower. `faceprint.quality.pose` has what this printed.
"""

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import faceprint as fp

MIRRORED = [1, 0, 2, 4, 3]  # each landmark's counterpart
Points = NDArray[np.float64]


def factorise(views: Points) -> tuple[Points, Points]:
    """The shape (3, 5) and the rows of projection (views, 2, 3) of centred landmarks (views, 5, 2)."""
    u, s, v = np.linalg.svd(views.transpose(0, 2, 1).reshape(-1, 5), full_matrices=False)
    rows = (u[:, :3] * s[:3]).reshape(-1, 2, 3)
    i, j = np.triu_indices(3)

    def terms(a: Points, b: Points) -> Points:
        """What a^T Q b is of the six numbers of the symmetric Q."""
        return np.where(i == j, a[:, i] * b[:, j], a[:, i] * b[:, j] + a[:, j] * b[:, i])

    x, y = rows[:, 0], rows[:, 1]
    scale = (terms(x, x) + terms(y, y)).sum(axis=0, keepdims=True)
    conditions = np.concatenate([terms(x, x) - terms(y, y), terms(x, y), scale])
    numbers = np.linalg.lstsq(conditions, np.append(np.zeros(2 * len(x)), 2.0 * len(x)), rcond=None)[0]
    metric = np.zeros((3, 3))
    metric[i, j] = metric[j, i] = numbers
    root = np.linalg.cholesky(metric)
    return np.linalg.inv(root) @ v[:3], rows @ root


def upright(shape: Points, rows: Points) -> Points:
    """The shape (5, 3) in the axes of the face: x along the eyes, the median photograph frontal."""
    shape = shape / np.linalg.norm(shape[:, 1] - shape[:, 0])
    normal = np.cross(shape[:, 1] - shape[:, 0], shape[:, 3] - shape[:, 0])
    if normal @ (shape[:, 2] - shape[:, 0]) > 0:  # views cannot tell a face from its cast: noses point to the camera
        shape, rows = -shape, -rows
    eyes, mouth = shape[:, :2].mean(axis=1), shape[:, 3:].mean(axis=1)
    x = shape[:, 1] - shape[:, 0]
    y = mouth - eyes - (mouth - eyes) @ x * x
    y /= np.linalg.norm(y)
    z = np.cross(x, y)
    ahead = np.cross(rows[:, 0], rows[:, 1])
    pitch = np.median(np.arctan2(ahead @ y, ahead @ z))
    down = np.cos(pitch) * y - np.sin(pitch) * z
    return (np.stack([x, down, np.cross(x, down)]) @ (shape - eyes[:, None])).T


def main() -> None:
    """Fit and print the shape."""
    model = fp.load()
    found = [model.detect(fp.read_photo(photo)).landmarks[:1] for photo in map(Path, sys.argv[1:])]
    views = np.concatenate(found).astype(float)
    views = np.concatenate([views, views[:, MIRRORED] * [-1, 1]])
    views -= views.mean(axis=1, keepdims=True)
    views /= np.linalg.norm(views, axis=(1, 2), keepdims=True)
    print(f"{len(found)} photographs")
    print(json.dumps(upright(*factorise(views)).round(3).tolist()))


if __name__ == "__main__":
    main()
