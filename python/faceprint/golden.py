"""The self-check of a network: what it must give for one synthetic picture, as its recipe says.

It tells a network from another, a wrong order of channels, mean or scale, and an execution provider that computes
something else; the alignment of faces it does not see.
"""

import numpy as np
from numpy.typing import NDArray

from .errors import NetworkError
from .photo import Pixels
from .recipe import Golden, Recipe

NUMBERS = 16  # of the embedding that are stored: enough, for another network is far off in most of them
TOLERANCE = 0.005  # weights of 10 bits, as in float16 and TF32, change a number by up to 0.003, int8 by 0.01 and more


def synthetic_chip(height: int, width: int) -> Pixels:
    """A picture like no face, the same everywhere: uint8 RGB of shape (height, width, 3).

    At row y and column x, red is 255 y / (height - 1) and green 255 x / (width - 1), both rounded down, and blue is
    255 less half their sum, rounded down too. Where a side is one pixel long, its colour is 0.

    >>> synthetic_chip(2, 3).tolist()
    [[[0, 0, 255], [0, 127, 192], [0, 255, 128]], [[255, 0, 128], [255, 127, 64], [255, 255, 0]]]
    """
    rows, columns = np.mgrid[:height, :width]
    red = 255 * rows // max(height - 1, 1)
    green = 255 * columns // max(width - 1, 1)
    return np.stack([red, green, 255 - (red + green) // 2], axis=2).astype(np.uint8)


def make_golden(embedding: NDArray[np.float32]) -> Golden:
    """The golden embedding to write into a recipe, from the unit embedding (dimension,) of the synthetic chip."""
    return Golden(tuple(round(float(number), 5) for number in embedding[:NUMBERS]), TOLERANCE)


def check_golden(embedding: NDArray[np.float32], recipe: Recipe) -> None:
    """Hold the unit embedding (dimension,) of the synthetic chip against the recipe; NetworkError where it differs.

    A recipe without a golden embedding accepts anything.
    """
    if recipe.golden is None:
        return
    expected = np.array(recipe.golden.numbers)
    apart = np.abs(embedding[: len(expected)] - expected)
    worst = int(apart.argmax())
    if apart[worst] > recipe.golden.tolerance:
        raise NetworkError(
            f"the network does not give what recipe {recipe.name} promises for its synthetic picture: number {worst} "
            f"must be {expected[worst]:.5f} to within {recipe.golden.tolerance:g}, not {embedding[worst]:.5f}; the "
            "file, the recipe or the execution provider is wrong"
        )
