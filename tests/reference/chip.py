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
    sides = np.maximum(1, np.hypot(affine[:, 0], affine[:, 1]))
    pixels, pixel = np.asarray(image, np.float64), 1
    while max(sides) / pixel > 6 + 1e-6:
        pixels, pixel = _halved(pixels), 2 * pixel
    across, down = np.maximum(1, sides / pixel)
    result = np.zeros((height, width, 3))
    for v in range(height):
        for u in range(width):
            x, y = (affine @ [u, v, 1] + 0.5) / pixel
            row_shares, column_shares = _shares(y, down, len(pixels)), _shares(x, across, pixels.shape[1])
            result[v, u] = np.einsum("r,rkc,k->c", row_shares, pixels, column_shares)
    return result


def whitened(chips):
    """Each chip by its own mean and deviation, as "per image standardization" has it; (n, ...) float64."""
    axes = tuple(range(1, chips.ndim))
    least = 1 / math.sqrt(chips[0].size)
    return (chips - chips.mean(axis=axes, keepdims=True)) / np.maximum(chips.std(axis=axes, keepdims=True), least)


def _halved(pixels):
    """Means of blocks of 2 x 2, rounded half up to whole numbers; black fills up the last blocks."""
    height, width = pixels.shape[:2]
    even = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)))
    return np.floor((even[::2, ::2] + even[::2, 1::2] + even[1::2, ::2] + even[1::2, 1::2]) / 4 + 0.5)


def _shares(centre, side, count):
    """Of a box's length along an axis, what lies in each pixel [i, i + 1)."""
    edges = np.clip(np.arange(count + 1), centre - side / 2, centre + side / 2)
    return np.diff(edges) / side
