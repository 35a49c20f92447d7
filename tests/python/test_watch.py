"""Long calls tell how far they are, and end when they are told to."""

import subprocess
import sys

import numpy as np
import pytest

import faceprint as fp


@pytest.mark.parametrize("call", ["nearest", "within", "neighbours", "distances", "cluster"])
def test_progress_rises_and_what_it_raises_ends_the_call(call, unit_rows):
    x = unit_rows(12_000, 512)
    calls = {
        "nearest": lambda **more: fp.nearest(x, x, 3, metric="cosine", threads=2, **more),
        "within": lambda **more: fp.within(x, x, 1, metric="cosine", threads=2, **more),
        "neighbours": lambda **more: fp.neighbours(x, 3, threads=2, **more),
        "distances": lambda **more: fp.distances(x, x, threads=2, **more),
        "cluster": lambda **more: fp.cluster(x, threads=2, **more),
    }
    seen = []
    calls[call](progress=seen.append)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0, 1)
    assert any(0 < share < 1 for share in seen)

    def stop(done):
        raise KeyError(done)

    with pytest.raises(KeyError):
        calls[call](progress=stop)
    with pytest.raises(TypeError, match=r"^progress must be callable or None, not int$"):
        calls[call](progress=7)


@pytest.mark.parametrize(
    "call",
    [
        lambda **more: fp.neighbours(np.eye(3, dtype=np.float32), 1, **more),
        lambda **more: fp.distances(np.eye(0, 3, dtype=np.float32), np.eye(3, dtype=np.float32), **more),
        lambda **more: fp.mine_triplets(np.eye(2, dtype=np.float32), [1, 1], **more),
        lambda **more: fp.triplet_loss(np.eye(2, dtype=np.float32), [1, 1], **more),
    ],
)
def test_the_shortest_call_too_tells_that_it_begins_and_is_done(call):
    seen = []
    call(progress=seen.append)
    assert (seen[0], seen[-1]) == (0, 1)


def test_a_clustering_that_grows_tells_one_rise(unit_rows):
    x, seen = unit_rows(300, 16), []
    fp.cluster(x[:200]).add(x[200:], progress=seen.append)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0, 1)


INTERRUPT = """
import os, signal, sys, threading, time
import numpy, faceprint
signal.signal(signal.SIGINT, signal.default_int_handler)  # where this was started in the background, it is ignored
x = numpy.random.default_rng(0).standard_normal((60_000, 512), numpy.float32)
def interrupt():
    global start
    time.sleep(0.5)
    start = time.perf_counter()
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt).start()
try:
    {call}
except KeyboardInterrupt:
    print("interrupted", time.perf_counter() - start)
"""


@pytest.mark.parametrize(
    "call",
    [
        "faceprint.neighbours(x, 10)",
        "faceprint.within(x, x, 0.2, metric='cosine')",
        "faceprint.cluster(x, threshold=4)",
    ],
)
def test_ctrl_c_ends_a_long_call_soon(call):
    words = [sys.executable, "-c", INTERRUPT.format(call=call)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    word, seconds = done.stdout.split()
    assert word == "interrupted"
    assert float(seconds) < 10  # the calls would take a minute; how soon it really is, the benchmarks show
