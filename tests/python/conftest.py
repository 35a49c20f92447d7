"""What several tests need: the bundled model, loaded once, and rows on the unit sphere."""

import numpy as np
import pytest

import faceprint as fp
from faceprint.demo import PHOTOS


@pytest.fixture(scope="session")
def model():
    return fp.load()


@pytest.fixture(scope="session")
def photos():
    return PHOTOS


@pytest.fixture
def unit_rows():
    """Random rows of unit length: unit_rows(rows, columns, seed)."""

    def make(rows, columns=128, seed=0):
        x = np.random.default_rng(seed).standard_normal((rows, columns))
        return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)

    return make
