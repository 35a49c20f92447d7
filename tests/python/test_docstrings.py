"""Every example in a docstring of the package, in the README and in docs/ is run."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import faceprint

ELSEWHERE = ("faceprint.postgres", "faceprint.torch")  # test_postgres.py, test_torch.py
MODULES = sorted(
    module.name.removeprefix("faceprint.")
    for module in pkgutil.walk_packages(faceprint.__path__, "faceprint.")
    if module.name not in ("faceprint._core", "faceprint.__main__", *ELSEWHERE)
    and not module.name.startswith("faceprint.ray")  # test_ray.py has these
)
README = Path(__file__).parents[2] / "README.md"
TRAINING = README.parent / "docs" / "training.md"


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_module(name):
    failed, _ = doctest.testmod(importlib.import_module(f"faceprint.{name}"))
    assert failed == 0


def test_examples_are_found():
    finder = doctest.DocTestFinder(exclude_empty=True)
    for name in ("_nearest", "distance", "gallery", "model", "_cluster", "photo", "evaluate.rates"):
        found = [test for test in finder.find(importlib.import_module(f"faceprint.{name}")) if test.examples]
        assert found, name


def test_examples_of_readme():
    failed, attempted = doctest.testfile(str(README), module_relative=False)
    assert failed == 0
    assert attempted >= 8


def test_examples_of_training_guide():
    failed, attempted = doctest.testfile(str(TRAINING), module_relative=False)
    assert failed == 0
    assert attempted >= 16
