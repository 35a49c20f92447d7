"""The self-check at load: its picture, what it lets pass and what it stops."""

from dataclasses import replace

import numpy as np
import pytest

from faceprint import NetworkError
from faceprint.golden import NUMBERS, check_golden, make_golden, synthetic_chip
from faceprint.model import BUNDLED
from faceprint.network import open_network
from faceprint.recipe import Golden, read_recipe


def test_picture_follows_its_formula():
    chip = synthetic_chip(5, 7)
    assert chip.dtype == np.uint8
    for y in range(5):
        for x in range(7):
            red, green = 255 * y // 4, 255 * x // 6
            assert chip[y, x].tolist() == [red, green, 255 - (red + green) // 2]
    assert synthetic_chip(1, 1).tolist() == [[[0, 0, 255]]]


def test_bundled_network_has_one_and_gives_it():
    recipe = read_recipe(BUNDLED)
    embedding = open_network(BUNDLED).golden()
    np.testing.assert_allclose(embedding[:NUMBERS], recipe.golden.numbers, atol=1e-4)
    assert make_golden(embedding).tolerance == recipe.golden.tolerance
    np.testing.assert_allclose(make_golden(embedding).numbers, recipe.golden.numbers, atol=1e-4)


@pytest.mark.parametrize(
    "change",
    [{"channels": "BGR"}, {"mean": (127.5, 127.5, 127.5)}, {"scale": (1 / 128, 1 / 128, 1 / 128)}],
)
def test_wrong_preprocessing_is_stopped_at_load(change):
    recipe = read_recipe(BUNDLED)
    wrong = replace(recipe, input=replace(recipe.input, **change))
    with pytest.raises(NetworkError, match=r"does not give what recipe dlib-resnet-v1 promises"):
        open_network(BUNDLED, wrong)
    assert open_network(BUNDLED, replace(wrong, golden=None)).recipe.input == wrong.input


def test_error_says_which_number_and_what_came():
    recipe = replace(read_recipe(BUNDLED), golden=Golden((0.5, 0.25), 0.01))
    check_golden(np.float32([0.509, 0.241, 9.0]), recipe)
    check_golden(np.float32([0.6, 0.3]), replace(recipe, golden=None))
    text = r"number 1 must be 0\.25000 to within 0\.01, not 0\.20000; the file, the recipe or the execution provider is"
    with pytest.raises(NetworkError, match=text):
        check_golden(np.float32([0.495, 0.2, 9.0]), recipe)
