"""The C++ tests: built from a clean configuration with every warning an error, and run."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_cpp():
    beside = str(Path(sys.executable).parent)  # cmake and ninja as pip installed them
    environment = {**os.environ, "PATH": os.pathsep.join([beside, os.environ["PATH"]])}
    done = subprocess.run(
        ["cmake", "--workflow", "--preset", "default", "--fresh"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-10_000:]
    assert "100% tests passed" in done.stdout
