"""That a wheel works where it is installed. Needs pytest and what the wheel needs, and no other file of the project."""

import importlib.util
import platform
import sys
import sysconfig
import threading
from pathlib import Path

import numpy as np
import pytest

import faceprint as fp
from faceprint.demo import PHOTOS

# Unit rows of two people whose distances float32 holds to the bit.
ANN = [[1, 0, 0, 0], [0.5, 0.5, 0.5, 0.5]]
BEN = [[0, 0, 0, -1], [-0.5, 0.5, -0.5, -0.5]]
ROWS = np.array(ANN + BEN, np.float32)
DISTANCES = [[0, 1, 2, 3], [1, 0, 3, 3], [2, 3, 0, 1], [3, 3, 1, 0]]


def test_holds_what_it_needs_and_nothing_for_compilers():
    package = Path(fp.__file__).parent
    ends = {path.suffix for path in package.rglob("*") if path.is_file()}
    assert {".onnx", ".json", ".jpg", ".typed", ".pyi", ".LICENSE"} <= ends
    assert not {".hpp", ".h", ".cpp", ".a", ".cmake", ".pc"} & ends


@pytest.mark.parametrize("backend", [name for name, reason in fp.backends().items() if not reason])
def test_distances_and_neighbours_on_every_backend(backend):
    before = fp.info()["backend"]
    fp.use_backend(backend)
    try:
        assert fp.distances(ROWS, ROWS).tolist() == DISTANCES
        distances, indices = fp.nearest(ROWS, ROWS, k=2)
        assert (distances.tolist(), indices.tolist()) == ([[0, 1]] * 4, [[0, 1], [1, 0], [2, 3], [3, 2]])
        distances, indices = fp.neighbours(ROWS, k=1)
        assert (distances.tolist(), indices.tolist()) == ([[1]] * 4, [[1], [0], [3], [2]])
    finally:
        fp.use_backend(before)


def test_the_backend_is_one_for_this_processor():
    arm = platform.machine().lower() in ("arm64", "aarch64")
    assert fp.info()["backend"] in (["neon"] if arm else ["avx2", "avx512", "avx512vnni"])


def test_gallery_in_memory():
    gallery = fp.Gallery()
    gallery.add(ROWS, labels=["Ann", "Ann", "Ben", "Ben"])
    found = gallery.search(ROWS[1:2], k=2)
    assert found.labels.tolist() == [["Ann", "Ann"]]
    assert found.distances.tolist() == [[0, 1]]
    gallery.remove(label="Ann")
    assert gallery.search(ROWS[1:2], k=1).labels.tolist() == [["Ben"]]


def test_gallery_in_a_file(tmp_path):
    with fp.Gallery(tmp_path / "people.faceprint") as gallery:
        gallery.add(ROWS, labels=["Ann", "Ann", "Ben", "Ben"])
    with fp.Gallery(tmp_path / "people.faceprint") as gallery:
        assert gallery.search(ROWS[3:], k=1).labels.tolist() == [["Ben"]]


def test_cluster():
    random = np.random.default_rng(0)
    people = np.repeat(np.eye(3, 128), 6, axis=0)
    x = (people + random.normal(0, 0.02, people.shape)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    assert fp.cluster(x).labels.tolist() == [0] * 6 + [1] * 6 + [2] * 6


def test_triplets():
    x, labels = ROWS[[0, 1, 2]], [0, 0, 1]
    anchors, positives, negatives = fp.mine_triplets(x, labels, margin=2, kind="batch-all")
    assert sorted(zip(anchors.tolist(), positives.tolist(), negatives.tolist(), strict=True)) == [(0, 1, 2)]
    value, gradient = fp.triplet_loss(x, labels, margin=2, kind="batch-all")
    assert value == 1  # 1 - 2 + 2: that of the other anchor, 1 - 3 + 2, is zero
    assert gradient.shape == x.shape


def test_errors_come_through():
    with pytest.raises(ValueError, match="unknown backend 'sse9'"):
        fp.use_backend("sse9")
    with pytest.raises(ValueError, match=r"^k must be in \[1, 4\], not 5$"):
        fp.nearest(ROWS, ROWS, k=5)
    with pytest.raises(fp.DeviceError):
        fp.use_backend(next(name for name, reason in fp.backends().items() if reason))


def test_threads_and_no_lock_where_python_has_none():
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(fp.distances(ROWS, ROWS).tolist())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [DISTANCES] * 8
    assert not (sysconfig.get_config_var("Py_GIL_DISABLED") and sys._is_gil_enabled())


@pytest.mark.skipif(importlib.util.find_spec("onnxruntime") is None, reason="needs ONNX Runtime")
def test_the_bundled_networks_tell_people_apart():
    model = fp.load()
    x = model.embed([PHOTOS / "obama.jpg", PHOTOS / "obama2.jpg", PHOTOS / "biden.jpg"])
    assert x.shape == (3, 128)
    assert np.linalg.norm(x, axis=1) == pytest.approx(1, abs=1e-5)
    same, different = fp.distances(x[:1], x[1:])[0]
    assert same < model.recipe.thresholds[0].distance < different
