"""Threads of one program: all on one model and one gallery, and running on while a long call runs."""

import math
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import faceprint as fp
from faceprint import _core

CALLERS = 16


def test_many_threads_use_one_model(model, photos):
    names = ["biden.jpg", "obama.jpg"]
    expected = [model.faces(photos / name) for name in names]

    def look(caller):
        which = caller % 2
        faces = model.faces(photos / names[which])
        assert np.array_equal(faces.embeddings, expected[which].embeddings)
        assert np.array_equal(faces.boxes, expected[which].boxes)
        return model.verify(photos / names[which], photos / "obama2.jpg").same

    with ThreadPoolExecutor(CALLERS) as pool:
        answers = list(pool.map(look, range(CALLERS)))
    assert answers == [False, True] * (CALLERS // 2)


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_many_threads_change_and_search_one_gallery(kind, unit_rows, tmp_path):
    rounds, each = 6, 5
    rows = unit_rows(CALLERS * rounds * each, 32).reshape(CALLERS, rounds, each, 32)
    with fp.Gallery(tmp_path / "gallery" if kind == "file" else None) as gallery:

        def work(caller):
            label, kept = f"person {caller}", []
            for x in rows[caller]:
                ids = gallery.add(x, labels=[label] * each)
                assert np.array_equal(gallery.search(x, k=1).ids[:, 0], ids)  # whoever else adds and removes meanwhile
                gallery.remove(ids=ids[:2])
                assert not np.isin(gallery.search(x, k=3).ids, ids[:2]).any()
                found = gallery.search(x[2:], k=1, where={"label": label})
                assert (found.labels == label).all()
                assert (found.distances == 0).all()
                kept.extend(ids[2:].tolist())
            return kept

        with ThreadPoolExecutor(CALLERS) as pool:
            kept = list(pool.map(work, range(CALLERS)))
        labels = {face: f"person {caller}" for caller, ids in enumerate(kept) for face in ids}
        assert gallery.ids.tolist() == sorted(labels)
        assert gallery.labels.tolist() == [labels[face] for face in gallery.ids.tolist()]
        whose = {
            tuple(x): f"person {caller}" for caller in range(CALLERS) for x in rows[caller].reshape(-1, 32).tolist()
        }
        assert [whose[tuple(x)] for x in gallery.embeddings().tolist()] == gallery.labels.tolist()


@pytest.fixture(scope="module")
def calls():
    """A call of each operation of the core that may take long, at a size that takes some hundredths of a second."""
    random = np.random.default_rng(0)
    x = random.standard_normal((6000, 256), np.float32)
    labels = np.arange(len(x)) // 10
    gallery = _core.Gallery(256)
    gallery.append(x)
    near, indices = _core.neighbours(gallery, 64)
    graph = _core.neighbour_graph(near, indices, float(np.median(near)), 0.01, 1e-4)
    image = random.integers(0, 256, (2000, 2000, 3), np.uint8)
    affines = np.tile(np.float64([[5, 0, 0], [0, 5, 0]]), (60, 1, 1))
    some, many, numbers = x[:3000], np.tile(x, (10, 1)), np.arange(len(x))
    packed = np.tile(gallery.stored(numbers), (10, 1))
    large = _core.Gallery(256)
    large.append(many)
    return {
        "distances": lambda: _core.distances(some, x, None, 1),
        "nearest": lambda: _core.nearest(x, gallery, 10, threads=1),
        "within": lambda: _core.within(x, gallery, 1.0, threads=1),
        "neighbours": lambda: _core.neighbours(gallery, 10, threads=1),
        "count_pairs": lambda: _core.count_pairs(x, labels, np.array([0, 100_000]), threads=1),
        "count_same_within": lambda: _core.count_same_within(x, labels // 50, 1.0, threads=1),
        "average_linkage": lambda: _core.average_linkage(x[:1200], 1e9, 1),
        "neighbour_graph": lambda: _core.neighbour_graph(near, indices, 500.0, 0.01, 1e-4, threads=1),
        "communities": lambda: _core.communities(*graph, threads=1),
        "mine_triplets": lambda: _core.mine_triplets(some, labels[:3000], "semihard", threads=1),
        "triplet_loss": lambda: _core.triplet_loss(some, labels[:3000], threads=1),
        "chips": lambda: _core.chips(image, affines, 400, 400, threads=1),
        "append": lambda: _core.Gallery(256).append(many, 1),
        "append_stored": lambda: _core.Gallery(256).append_stored(packed, 1),
        "unpack": large.unpack,
        "stored": lambda: large.stored(np.arange(large.rows)),
    }


@pytest.fixture
def ticks():
    """What another thread counts to. It counts on only while this one has let go of the GIL by itself."""
    counted, stop = [0], threading.Event()

    def count():
        while not stop.is_set():
            counted[0] += 1
            time.sleep(0)

    interval = sys.getswitchinterval()
    thread = threading.Thread(target=count)
    thread.start()
    sys.setswitchinterval(1000)
    yield counted
    sys.setswitchinterval(interval)
    stop.set()
    thread.join()


@pytest.mark.parametrize(
    "call",
    [
        "append",
        "append_stored",
        "average_linkage",
        "chips",
        "communities",
        "count_pairs",
        "count_same_within",
        "distances",
        "mine_triplets",
        "nearest",
        "neighbour_graph",
        "neighbours",
        "stored",
        "triplet_loss",
        "unpack",
        "within",
    ],
)
def test_others_run_on_while_it_runs(call, calls, ticks):
    most = 0
    for _ in range(20):  # other processes may take the CPU from the one that counts
        before = ticks[0]
        calls[call]()
        most = max(most, ticks[0] - before)
        if most > 10:  # to ask for the number of rows also lets go of the GIL, for a tick or two
            return
    raise AssertionError(f"the other thread counted to {most} at most")


def test_what_counts_stands_still_while_this_thread_has_the_gil(ticks):
    before = ticks[0]
    assert sum(range(3_000_000)) > 0
    assert ticks[0] == before


def count_threads(most=math.inf):
    """How many threads this process has; more than `most` only if they stay, for ended ones are listed a while."""
    end = time.monotonic() + 5
    while (count := sum(1 for _ in Path("/proc/self/task").iterdir())) > most and time.monotonic() < end:
        time.sleep(0.01)
    return count


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("call", ["nearest", "neighbours", "distances", "cluster"])
def test_uses_as_many_threads_as_it_is_given(call, threads, unit_rows):
    x = unit_rows(6000, 256)
    for _ in range(5):  # a thread of an earlier test may have ended since it was counted
        before, seen = count_threads(), []

        def look(done, before=before, seen=seen):
            seen.append(count_threads(before + threads - 1) - before + 1)

        more = {"threads": threads, "progress": look}
        {
            "nearest": lambda more=more: fp.nearest(x, x, 3, **more),
            "neighbours": lambda more=more: fp.neighbours(x, 3, **more),
            "distances": lambda more=more: fp.distances(x, x, **more),
            "cluster": lambda more=more: fp.cluster(x, threshold=1, **more),
        }[call]()
        assert max(seen) <= threads
        assert count_threads(before) <= before
        if max(seen) == threads:
            return
    raise AssertionError(f"at most {max(seen)} threads at once, not {threads}")


def test_networks_have_no_threads_of_their_own_where_there_is_one_cpu():
    code = """
import os, onnxruntime, faceprint
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
before = len(os.listdir("/proc/self/task"))
model = faceprint.load()
print(len(os.listdir("/proc/self/task")) - before)
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "0\n"


@pytest.mark.parametrize(
    "call",
    [
        "faceprint.distances(x[:300], x[:300])",
        "faceprint.nearest(x, x, 5)",
        "faceprint.nearest(x, x, 5, progress=lambda done: None)",
        "gallery.search(x[:9], 1), gallery.add(x[:9])",
    ],
)
def test_python_ends_while_daemon_threads_are_in_calls(call, tmp_path):
    """It ends threads that ask for its lock, by unwinding stacks, which no destructor of C++ bears."""
    code = f"""
import threading, time, numpy, faceprint
x = numpy.random.default_rng(0).standard_normal((20000, 64), numpy.float32)
gallery = faceprint.Gallery("people.faceprint")
begun = threading.Barrier(4)
def work():
    begun.wait()
    try:
        while True:
            {call}
    except faceprint.GalleryError:
        pass  # closed by then
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
begun.wait()
time.sleep(0.3)
"""
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        with fp.Gallery(tmp_path / "people.faceprint") as gallery:
            assert len(gallery) % 9 == 0


@pytest.mark.parametrize("allowed", [1, 2])
def test_takes_no_more_threads_than_it_may_use_cpus(allowed):
    code = """
import os, sys, faceprint
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[1])])
print(faceprint.info()["threads"], len(os.sched_getaffinity(0)))
"""
    done = subprocess.run([sys.executable, "-c", code, str(allowed)], capture_output=True, text=True, check=True)
    threads, cpus = map(int, done.stdout.split())
    assert 1 <= threads <= cpus <= allowed
