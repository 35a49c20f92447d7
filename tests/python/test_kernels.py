"""Every operation of the core through its binding, on every backend that runs here, against the obvious reference."""

import os
import subprocess
import sys

import numpy as np
import pytest

import faceprint as fp
from faceprint import _core
from reference.chip import align, chip
from reference.distance import distances
from reference.graph import average_linkage
from reference.nearest import nearest, neighbours

DEPTHS = [1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 127, 128, 129, 512]
RUNNING = [name for name, reason in fp.backends().items() if not reason]


@pytest.fixture(params=RUNNING)
def backend(request):
    before = _core.active_backend()
    fp.use_backend(request.param)
    yield request.param
    fp.use_backend(before)


def whole_numbers(rows, depth, seed=0):
    """Small whole numbers, whose distances are exact in float32 and often equal."""
    return np.random.default_rng(seed).integers(-3, 4, (rows, depth)).astype(np.float32)


@pytest.mark.parametrize("depth", DEPTHS)
def test_whole_numbers_are_exact(backend, depth):
    x, y = whole_numbers(13, depth), whole_numbers(37, depth, seed=1)
    np.testing.assert_array_equal(fp.distances(x, y), distances(x, y))
    for k in (1, 5, 37):
        found, indices = fp.nearest(x, y, k)
        expected, rows = nearest(x, y, k)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(indices, rows)
    found, indices = fp.neighbours(y, 9)
    expected, rows = neighbours(y, 9)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(indices, rows)


@pytest.mark.parametrize("depth", [17, 128, 512])
def test_unit_vectors_are_near_the_truth(backend, unit_rows, depth):
    # the norms and the product are sums of depth terms of at most 1 in all: depth roundings of half an ulp each
    x, y = unit_rows(20, depth), unit_rows(50, depth, seed=1)
    budget = 4 * depth * np.finfo(np.float32).eps / 2 + 1e-6
    assert np.abs(fp.distances(x, y) - distances(x, y)).max() < budget
    found, indices = fp.nearest(x, y, 10)
    np.testing.assert_array_equal(found, np.take_along_axis(fp.distances(x, y), indices, axis=1))
    assert np.abs(found - nearest(x, y, 10)[0]).max() < budget


def test_backends_and_threads_give_the_same_bits(unit_rows):
    x, y = unit_rows(45), unit_rows(1_003, seed=1)
    results = []
    for name in RUNNING:
        fp.use_backend(name)
        for threads in (1, 2, 5):
            near = fp.nearest(x, y, 7, threads=threads)
            around = fp.neighbours(y, 5, threads=threads)
            results.append([fp.distances(x, y, threads=threads), *near, *around])
    fp.use_backend(RUNNING[-1])
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_distances_are_symmetric_and_zero_on_the_diagonal(backend, unit_rows):
    x = unit_rows(67)
    between = fp.distances(x, x)
    np.testing.assert_array_equal(between, between.T)
    np.testing.assert_array_equal(np.diag(between), 0)
    assert between.min() >= 0


def test_ties_go_to_the_lower_index(backend):
    y = np.repeat(whole_numbers(3, 8), 40, axis=0)
    found, indices = fp.nearest(y[:1], y, 50)
    assert indices[0, :40].tolist() == list(range(40))
    np.testing.assert_array_equal(found[0, :40], 0)


def test_views_are_taken_as_they_are(backend, unit_rows):
    x, y = unit_rows(40, 20), unit_rows(60, 20, seed=1)
    wide = np.zeros((60, 50), np.float32)
    wide[:, 10:30] = y
    readonly = x.copy()
    readonly.flags.writeable = False
    np.testing.assert_array_equal(fp.distances(x, wide[:, 10:30]), fp.distances(x, y))
    np.testing.assert_array_equal(fp.distances(readonly[::-2], y), fp.distances(x[::-2].copy(), y))
    for a, b in zip(fp.nearest(x[::3], y[::-1], 4), fp.nearest(x[::3].copy(), y[::-1].copy(), 4), strict=True):
        np.testing.assert_array_equal(a, b)


def test_out_is_written_and_returned(unit_rows):
    x, y = unit_rows(4), unit_rows(6, seed=1)
    out = np.full((4, 6), np.nan, np.float32)
    assert fp.distances(x, y, out=out) is out
    np.testing.assert_array_equal(out, fp.distances(x, y))
    with pytest.raises(ValueError, match="out"):
        fp.distances(x, y, out=np.empty((4, 5), np.float32))
    with pytest.raises(TypeError, match=r"out must be float32, not float64"):
        fp.distances(x, y, out=np.empty((4, 6)))
    out.flags.writeable = False
    with pytest.raises(ValueError, match=r"out .*writ"):
        fp.distances(x, y, out=out)


def test_nothing_asked_nothing_answered(unit_rows):
    nobody, y = unit_rows(0), unit_rows(5)
    assert fp.distances(nobody, y).shape == (0, 5)
    assert fp.distances(y, nobody).shape == (5, 0)
    assert fp.nearest(nobody, y, 3)[1].shape == (0, 3)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: fp.nearest(x, x, 0), ValueError, r"k must be in \[1, 6\], not 0"),
        (lambda x: fp.nearest(x, x, 7), ValueError, r"k must be in \[1, 6\], not 7"),
        (lambda x: fp.neighbours(x, 6), ValueError, r"k must be in \[1, 5\], not 6"),
        (lambda x: fp.nearest(x, x[:0], 1), ValueError, r"gallery"),
        (lambda x: fp.nearest(x, x, 1.5), TypeError, r"k must be"),
        (lambda x: fp.nearest(x, x, 1, threads=-1), ValueError, r"threads must be 0 .*, not -1"),
        (lambda x: fp.nearest(x[:, :5], x), ValueError, r"x must have shape \(n, 128\), not \(6, 5\)"),
        (lambda x: fp.nearest(x[0], x), ValueError, r"x must have shape \(n, 128\), not \(128,\)"),
        (lambda x: fp.distances(x, x[:, :5]), ValueError, r"y must have shape \(n, 128\), not \(6, 5\)"),
        (lambda x: fp.distances(x.astype(float), x), TypeError, r"x must be float32, not float64"),
        (lambda x: fp.distances(x.tolist(), x), TypeError, r"x must be a numpy array or speak DLPack, not list"),
        (lambda x: fp.distances(np.asfortranarray(x), x), ValueError, r"numpy\.ascontiguousarray"),
        (lambda x: fp.distances(x * np.float32(np.nan), x), ValueError, r"must be finite"),
        (lambda x: fp.nearest(x * np.float32(np.inf), x, 1), ValueError, r"must be finite"),
        (lambda x: fp.nearest(x, x * np.float32(np.inf), 1), ValueError, r"must be finite"),
        (lambda x: fp.neighbours(x * np.float32(np.nan), 2), ValueError, r"must be finite"),
    ],
)
def test_refusals(unit_rows, call, error, text):
    with pytest.raises(error, match=text):
        call(unit_rows(6))


def test_gallery_of_the_core_appends_and_removes(backend):
    rng = np.random.default_rng(0)
    rows, gallery = np.empty((0, 5), np.float32), _core.Gallery(5)
    for step in range(60):
        if len(rows) and rng.random() < 0.4:
            gone = np.flatnonzero(rng.random(len(rows)) < 0.5)
            gallery.remove(gone)
            rows = np.delete(rows, gone, axis=0)
        more = whole_numbers(int(rng.integers(0, 40)), 5, seed=step)
        gallery.append(more)
        rows = np.vstack([rows, more])
        assert (gallery.rows, gallery.columns) == rows.shape
        np.testing.assert_array_equal(gallery.unpack(), rows)
        if len(rows) >= 3:
            np.testing.assert_array_equal(_core.nearest(rows[:3], gallery, 3)[1], nearest(rows[:3], rows, 3)[1])


@pytest.mark.parametrize("rows", [[3, 1], [1, 1], [-1], [9]])
def test_gallery_of_the_core_refuses_to_remove(rows):
    gallery = _core.Gallery(4)
    gallery.append(whole_numbers(5, 4))
    with pytest.raises(ValueError, match="rows"):
        gallery.remove(np.array(rows))
    np.testing.assert_array_equal(gallery.unpack(), whole_numbers(5, 4))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("threshold", [0.0, 6.0, 14.0, 25.0, 1e9])
def test_average_linkage(backend, seed, threshold):
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((6, 9)) * 2
    x = (centres[rng.integers(0, 6, 40)] + rng.standard_normal((40, 9))).astype(np.float32)
    np.testing.assert_array_equal(_core.average_linkage(x, threshold), average_linkage(x, threshold))


def test_align():
    rng = np.random.default_rng(0)
    for _ in range(50):
        landmarks, template = rng.uniform(0, 100, (2, 5, 2))
        found = _core.align(landmarks[None].astype(np.float32), template)[0]
        np.testing.assert_allclose(found, align(landmarks.astype(np.float32), template), atol=1e-6)
    with pytest.raises(ValueError, match="landmarks"):
        _core.align(np.full((1, 5, 2), np.nan, np.float32), template)


AFFINES = {
    "as it is": [[1, 0, 3], [0, 1, 2]],
    "between pixels": [[0.5, 0, 3.3], [0, 0.7, 2.6]],
    "turned": [[0.8, -0.6, 9], [0.6, 0.8, -3]],
    "reduced": [[2.5, 0, 1], [0, 3, 0.5]],
    "reduced and turned": [[1.4, -1.3, 12], [1.3, 1.4, -4]],
    "beyond the edge": [[1, 0, -5.5], [0, 1, 25]],
}


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
def test_chips(backend, affine):
    image = np.random.default_rng(0).integers(0, 256, (31, 40, 3)).astype(np.uint8)
    affine = np.array(affine, float)
    expected = chip(image, affine, 9, 17)
    found = _core.chips(image, affine[None], 9, 17, layout="NHWC")[0]
    assert np.abs(found - expected).max() < 0.01
    np.testing.assert_array_equal(_core.chips(image, affine[None], 9, 17)[0], found.transpose(2, 0, 1))
    np.testing.assert_array_equal(
        _core.chips(image, affine[None], 9, 17, layout="NHWC", mirror=True)[0], found[:, ::-1]
    )
    blue_first = _core.chips(
        image, affine[None], 9, 17, layout="NHWC", channels="BGR", mean=(1, 2, 3), scale=(1, 0.5, 2)
    )
    np.testing.assert_allclose(blue_first[0], (found[:, :, ::-1] - [1, 2, 3]) * [1, 0.5, 2], atol=1e-3)


def test_chips_give_the_same_bits_on_every_backend():
    image = np.random.default_rng(0).integers(0, 256, (50, 40, 3)).astype(np.uint8)
    affines = np.array(list(AFFINES.values()), float)
    results = []
    for name in RUNNING:
        fp.use_backend(name)
        results += [_core.chips(image, affines, 20, 21, threads=threads) for threads in (1, 3)]
    fp.use_backend(RUNNING[-1])
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"image": np.zeros((4, 4, 3), np.float32)}, TypeError, "image must be uint8, not float32"),
        (
            {"image": np.zeros((4, 4), np.uint8)},
            ValueError,
            r"image must have shape \(height, width, 3\), not \(4, 4\)",
        ),
        ({"affines": np.zeros((1, 3, 3))}, ValueError, "affines must have shape"),
        ({"affines": np.full((1, 2, 3), np.inf)}, ValueError, "affine"),
        ({"height": 0}, ValueError, "height"),
        ({"layout": "CHW"}, ValueError, "layout"),
        ({"channels": "GBR"}, ValueError, "channels"),
        ({"mean": (1, 2)}, (TypeError, ValueError), "mean"),
    ],
)
def test_chips_refuse(change, error, text):
    arguments = {"image": np.zeros((4, 4, 3), np.uint8), "affines": np.eye(2, 3)[None], "height": 2, "width": 2}
    with pytest.raises(error, match=text):
        _core.chips(**{**arguments, **change})


def test_backends_are_listed_and_refused():
    listed = fp.backends()
    assert list(listed) == ["portable", "avx2", "avx512", "neon", "cuda"]
    before = _core.active_backend()
    for name, reason in listed.items():
        if reason:
            with pytest.raises(fp.DeviceError, match=f"backend '{name}' cannot run here: "):
                fp.use_backend(name)
    with pytest.raises(ValueError, match="unknown backend 'sse9'; known: portable, avx2, avx512, neon, cuda"):
        fp.use_backend("sse9")
    assert _core.active_backend() == before


@pytest.mark.parametrize("name", [*RUNNING, "sse9", "cuda"])
def test_backend_of_the_environment(name):
    code = (
        "import faceprint as fp, numpy; x = numpy.eye(2, dtype='f4'); fp.distances(x, x); print(fp.info()['backend'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "FACEPRINT_BACKEND": name}, capture_output=True, text=True
    )
    if name in RUNNING:
        assert done.stdout.strip() == name
    else:
        assert done.returncode == 1
        assert f"backend '{name}'" in done.stderr.splitlines()[-1]
