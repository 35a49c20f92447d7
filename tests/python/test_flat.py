"""Nothing grows with the number of calls: `flat.py` calls all there is, and notices what leaks or is left out."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import faceprint as fp
import flat

SCRIPT = Path(__file__).parents[1] / "flat.py"


def test_no_memory_and_no_reference_is_left_behind():
    done = subprocess.run([sys.executable, str(SCRIPT), "--times", "200"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    assert re.search(r"^(\d+) of \1 stayed as they were$", done.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("leak", "passed"),
    [
        (lambda kept, thing: kept.append(object()), {}),
        (lambda kept, thing: kept.append(thing), {"thing": object()}),
        (lambda kept, thing: kept.append(bytearray(100_000)), {}),
    ],
    ids=["blocks", "references", "memory"],
)
def test_what_leaks_would_be_noticed(leak, passed):
    kept = []
    assert not flat.stays_flat("leak", lambda: leak(kept, passed.get("thing")), 500, passed)
    assert flat.stays_flat("nothing", lambda: leak([], passed.get("thing")), 500, passed)


def test_what_is_left_out_would_be_noticed():
    x = np.eye(3, dtype=np.float32)
    everything = set(flat.public().values())
    assert {*flat.left_out([])} == everything - flat.EXEMPT.keys()
    called = {"faceprint.distances", "faceprint.Gallery.add", "faceprint.graph.from_edges"}
    calls = [lambda: fp.distances(x, x), lambda: fp.Gallery().add(x), lambda: fp.graph.from_edges(1, [], [], [])]
    assert {*flat.left_out(calls)} == everything - flat.EXEMPT.keys() - called
    assert flat.EXEMPT.keys() <= everything
