"""Alignment by singular value decomposition, and chips pixel by pixel."""

import math

import numpy as np


def align(landmarks, template):
    """Umeyama (PAMI 1991), equations 34 to 43, the way the paper writes them: (2, 3)."""
    to, start = np.asarray(landmarks, np.float64), np.asarray(template, np.float64)
    to_centre, start_centre = to.mean(axis=0), start.mean(axis=0)
    covariance = (to - to_centre).T @ (start - start_centre) / len(to)
    u, singular, v = np.linalg.svd(covariance)
    signs = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(v))])
    rotation = u @ np.diag(signs) @ v
    scale = (singular * signs).sum() / np.square(start - start_centre).sum(axis=1).mean()
    return np.column_stack([scale * rotation, to_centre - scale * rotation @ start_centre])


def chip(image, affine, height, width):
    """One chip, (height, width, 3) float64 in [0, 255]: the mean of the image over an upright box for each pixel."""
    affine = np.asarray(affine, np.float64)
    (across, columns), (down, rows) = (_box_and_blocks(row) for row in affine[:, :2])
    pixels = _block_means(image, rows, columns)
    result = np.zeros((height, width, 3))
    for v in range(height):
        for u in range(width):
            x, y = (affine @ [u, v, 1] + 0.5) / [columns, rows]
            row_shares = _shares(y, down / rows, pixels.shape[0])
            column_shares = _shares(x, across / columns, pixels.shape[1])
            result[v, u] = np.einsum("r,rkc,k->c", row_shares, pixels, column_shares)
    return result


def whitened(chips):
    """Each chip by its own mean and deviation, as "per image standardization" has it; (n, ...) float64."""
    axes = tuple(range(1, chips.ndim))
    least = 1 / math.sqrt(chips[0].size)
    return (chips - chips.mean(axis=axes, keepdims=True)) / np.maximum(chips.std(axis=axes, keepdims=True), least)


def _box_and_blocks(row):
    """The side of the box along one axis of the image, and how many pixels are averaged first."""
    side = max(1.0, math.hypot(*row))
    return side, math.ceil(side / 3 - 1e-6)


def _block_means(image, rows, columns):
    """Means of blocks from the first pixel on, rounded half up to whole numbers; black fills up the last blocks."""
    height, width = -(-image.shape[0] // rows), -(-image.shape[1] // columns)
    sums = np.zeros((height, width, 3))
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            sums[y // rows, x // columns] += image[y, x]
    return np.floor(sums / (rows * columns) + 0.5)


def _shares(centre, side, count):
    """Of a box's length along an axis, what lies in each pixel [i, i + 1)."""
    edges = np.clip(np.arange(count + 1), centre - side / 2, centre + side / 2)
    return np.diff(edges) / side
