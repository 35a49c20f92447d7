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
    """One chip, (height, width, 3) float64 in [0, 255]: bilinear, black outside, averaged where it shrinks."""
    affine = np.asarray(affine, np.float64)
    across, down = (_samples(affine[:, axis]) for axis in (0, 1))
    result = np.zeros((height, width, 3))
    for v in range(height):
        for u in range(width):
            for j in range(down):
                for i in range(across):
                    point = [u + (i + 0.5) / across - 0.5, v + (j + 0.5) / down - 0.5, 1]
                    result[v, u] += _bilinear(image, *(affine @ point))
    return result / (across * down)


def _samples(step):
    return min(max(math.ceil(math.hypot(*step) - 1e-6), 1), 64)


def _bilinear(image, x, y):
    left, top = math.floor(x), math.floor(y)
    value = np.zeros(3)
    for row, row_part in ((top, 1 - (y - top)), (top + 1, y - top)):
        for column, column_part in ((left, 1 - (x - left)), (left + 1, x - left)):
            if 0 <= row < image.shape[0] and 0 <= column < image.shape[1]:
                value += row_part * column_part * image[row, column]
    return value
