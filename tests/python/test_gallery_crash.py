"""A gallery outlives the process that changes it: `fuzz/crash.py` kills some, and notices what it must."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from faceprint import Gallery
from fuzz import crash

SCRIPT = Path(__file__).parents[1] / "fuzz" / "crash.py"


def test_nothing_is_lost_when_a_writer_is_killed():
    done = subprocess.run([sys.executable, str(SCRIPT), "--times", "15"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    assert "15 times, and nothing was lost" in done.stdout


def test_a_lost_face_and_a_wrong_embedding_would_be_noticed(tmp_path):
    with Gallery(tmp_path / "gallery") as gallery:
        gallery.add(np.stack([crash.row(0), crash.row(1)]), labels=["person 0", "person 1"])
    with pytest.raises(AssertionError, match="the gallery held"):
        crash.look(tmp_path / "gallery", ({0: "person 0"}, {}))
    with Gallery(tmp_path / "other") as gallery:
        gallery.add(crash.row(5)[None], labels=["person 0"])
    with pytest.raises(AssertionError, match="Arrays are not equal"):
        crash.look(tmp_path / "other", ({0: "person 0"},))
