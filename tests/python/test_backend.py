import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

import faceprint as fp
from faceprint import _core
from reference.backends import RUNNABLE

CUDA_BUILT = importlib.util.find_spec("faceprint._cuda") is not None
ABSENT = next(name for name, reason in _core.backends() if reason and name != "cuda")


def run(code, **environment):
    """Run code in a fresh interpreter, and return what it printed."""
    result = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


FIRST_USE = """
import numpy, faceprint
from faceprint import _core
x = numpy.ones((1, 2), numpy.float32)
try:
    faceprint.distances(x, x)
    print(_core.active_backend())
except Exception as error:
    print(type(error).__name__, error, sep=": ")
"""


def test_lists_all_backends_with_the_reason_where_one_cannot_run():
    assert [name for name, _ in _core.backends()] == ["portable", "avx2", "avx512", "avx512vnni", "neon", "cuda"]
    reasons = dict(_core.backends())
    assert reasons["portable"] == ""
    if not CUDA_BUILT:
        assert reasons["cuda"] == "this build has no CUDA"
    assert fp.backends() == reasons


def test_uses_what_it_is_told():
    before = _core.active_backend()
    for name in RUNNABLE:
        fp.use_backend(name)
        assert _core.active_backend() == name
    fp.use_backend(before)


def test_refuses_unknown_names():
    before = _core.active_backend()
    with pytest.raises(
        ValueError, match=r"^unknown backend 'sse9'; known: portable, avx2, avx512, avx512vnni, neon, cuda$"
    ):
        _core.use_backend("sse9")
    assert _core.active_backend() == before


def test_refuses_backends_that_cannot_run_here():
    before = _core.active_backend()
    refused = {name: reason for name, reason in _core.backends() if reason}
    assert ABSENT in refused
    for name, reason in refused.items():
        with pytest.raises(fp.DeviceError, match=f"^backend '{name}' cannot run here: {reason}$"):
            _core.use_backend(name)
    assert _core.active_backend() == before


def test_environment_chooses():
    for name in RUNNABLE:
        assert run(FIRST_USE, FACEPRINT_BACKEND=name) == name
    assert run(FIRST_USE, FACEPRINT_BACKEND="") == [name for name in RUNNABLE if name != "cuda"][-1]


def test_environment_with_a_wrong_name_fails_at_first_use_and_not_at_import():
    said = run(FIRST_USE, FACEPRINT_BACKEND="sse9")
    assert said == "ValueError: unknown backend 'sse9'; known: portable, avx2, avx512, avx512vnni, neon, cuda"
    said = run(FIRST_USE, FACEPRINT_BACKEND=ABSENT)
    assert said == f"DeviceError: backend '{ABSENT}' cannot run here: {dict(_core.backends())[ABSENT]}"


def test_another_choice_mends_a_wrong_environment():
    code = "import faceprint; faceprint.use_backend('portable');" + FIRST_USE
    assert run(code, FACEPRINT_BACKEND="sse9") == "portable"


def test_threads_by_default_are_the_cpus_of_this_process():
    assert _core.default_threads() == len(os.sched_getaffinity(0))
    one = min(os.sched_getaffinity(0))
    code = f"import os; os.sched_setaffinity(0, {{{one}}}); from faceprint import _core; print(_core.default_threads())"
    assert run(code) == "1"


def test_works_in_a_forked_child():
    code = """
import os, numpy, faceprint
x = numpy.random.default_rng(0).standard_normal((2000, 128), numpy.float32)
expected = faceprint.distances(x, x, threads=2)
child = os.fork()
if child == 0:
    os._exit(0 if numpy.array_equal(faceprint.distances(x, x, threads=2), expected) else 1)
print(os.waitpid(child, 0)[1])
"""
    assert run(code) == "0"


@pytest.mark.parametrize("threads", [-1, -(10**30)])
def test_refuses_negative_threads(threads):
    x = np.ones((1, 2), np.float32)
    with pytest.raises(ValueError, match=r"^threads must (be 0 \(all\) or more, not -1|fit 64 bits, not -10+)$"):
        _core.distances(x, x, threads=threads)


@pytest.mark.parametrize("threads", [1.5, "2", None, True])
def test_refuses_threads_that_are_no_integer(threads):
    x = np.ones((1, 2), np.float32)
    with pytest.raises(TypeError, match=rf"^threads must be an integer, not {type(threads).__name__}$"):
        _core.distances(x, x, threads=threads)


def test_takes_any_number_of_threads():
    x = np.ones((3, 2), np.float32)
    assert not _core.distances(x, x, threads=np.int8(3)).any()
    assert not _core.distances(x, x, threads=2**62).any()
