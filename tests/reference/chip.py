"""Alignment by least squares, and chips sampled one pixel at a time."""

import math

import numpy as np


def align(landmarks, template):
    """The similarity (2, 3) that maps the template to the landmarks, by the normal equations."""
    design, values = [], []
    for (u, v), (x, y) in zip(template, landmarks, strict=True):
        design += [[u, -v, 1, 0], [v, u, 0, 1]]
        values += [x, y]
    a, b, x0, y0 = np.linalg.lstsq(np.array(design, float), np.array(values, float), rcond=None)[0]
    return np.array([[a, -b, x0], [b, a, y0]])


def pixel(image, x, y):
    """Bilinear interpolation; black beyond the image."""
    left, top = math.floor(x), math.floor(y)
    total = np.zeros(3)
    for row, column in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
        if 0 <= row < image.shape[0] and 0 <= column < image.shape[1]:
            total += (1 - abs(x - column)) * (1 - abs(y - row)) * image[row, column].astype(float)
    return total


def chip(image, affine, height, width):
    """One chip (height, width, 3), each pixel the mean of a grid of samples where a step spans several pixels."""
    across, down = (max(1, min(64, math.ceil(np.hypot(*affine[:, axis]) - 1e-6))) for axis in (0, 1))
    result = np.zeros((height, width, 3))
    for v in range(height):
        for u in range(width):
            for i in range(down):
                for j in range(across):
                    at = np.array([u + (j + 0.5) / across - 0.5, v + (i + 0.5) / down - 0.5, 1])
                    result[v, u] += pixel(image, *(affine @ at)) / (across * down)
    return result
