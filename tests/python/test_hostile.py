"""Hostile images: hundreds of `fuzz/hostile.py` are read, and its judgement is held to what it must notice."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from faceprint import PhotoError
from fuzz import hostile

SCRIPT = Path(__file__).parents[1] / "fuzz" / "hostile.py"


def test_hostile_images_do_no_harm():
    """In a process of its own, which a decoder may bring down; the first thousand or so are the same for every seed."""
    words = [sys.executable, str(SCRIPT), "--images", "1400", "--seed", "1"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    assert " 0 failures, " in done.stdout


def test_the_same_seed_gives_the_same_images():
    def some(seed):
        bases = hostile.base_images()[:3]
        return [next(hostile.damaged(bases, seed)) for _ in range(2)]

    assert some(1) == some(1)
    assert some(1) != some(2)


def test_whole_images_are_read():
    assert {name: hostile.judge(content) for name, content in hostile.base_images()} == dict.fromkeys(
        (name for name, _ in hostile.base_images()), "read"
    )


def raises(error):
    def read(*_, **__):
        raise error

    return read


@pytest.mark.parametrize(
    ("read", "verdict"),
    [
        (raises(PhotoError("no")), "refused"),
        (raises(MemoryError()), "raised MemoryError: "),
        (raises(KeyboardInterrupt()), "raised KeyboardInterrupt: "),
        (lambda *_, **__: np.zeros((2, 2, 3), np.uint8), "read"),
        (lambda *_, **__: np.zeros((2, 2, 3)), "gave float64 of shape (2, 2, 3)"),
        (lambda *_, **__: np.zeros((2, 2), np.uint8), "gave uint8 of shape (2, 2)"),
        (lambda *_, **__: np.zeros((3000, 2000, 3), np.uint8), "gave more pixels than allowed: (3000, 2000, 3)"),
    ],
)
def test_what_is_noticed(read, verdict):
    assert hostile.judge(b"", read) == verdict


def test_slowness_is_noticed(monkeypatch):
    monkeypatch.setattr(hostile, "SLOW", 0.01)
    assert hostile.judge(b"", lambda *_, **__: time.sleep(0.02) or np.zeros((2, 2, 3), np.uint8)) == "took 0 s"


def test_a_leak_is_noticed(capsys):
    kept = []

    def leak(content, **_):
        kept.append(np.ones(500_000, np.uint8))
        return np.ones((1, 1, 3), np.uint8)

    assert hostile.run(seed=0, images=100, seconds=None, read=leak) == 1
    assert "MB of memory left behind" in capsys.readouterr().out
