import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import faceprint as fp
import reference
from faceprint import _core
from reference.backends import RUNNABLE, each_backend, using

BENCH = Path(__file__).parents[2] / "bench"
DEPTHS = [1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 127, 128, 129, 512]


def integers(rows, columns, seed=0):
    return np.random.default_rng(seed).integers(-3, 4, (rows, columns)).astype(np.float32)


def packed(rows):
    gallery = _core.Gallery(rows.shape[1])
    gallery.append(rows)
    return gallery


def assert_found(found, expected):
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])
    assert found[0].dtype == np.float32
    assert found[1].dtype == np.int64


@each_backend
@pytest.mark.parametrize("depth", DEPTHS)
def test_equals_the_reference_with_all_its_ties(backend, depth):
    with using(backend):
        for queries, rows in ((0, 5), (1, 100), (5, 16), (7, 17), (40, 333)):
            x, y = integers(queries, depth, 1), integers(rows, depth, 2)
            apart = reference.distances(x, y)
            for k in (1, min(10, rows), rows):
                assert_found(fp.nearest(x, y, k), reference.nearest(apart, k))


@each_backend
@pytest.mark.parametrize("depth", DEPTHS)
def test_neighbours_equal_the_reference(backend, depth):
    with using(backend):
        for rows in (2, 17, 90):
            x = integers(rows, depth, 3)
            apart = reference.distances(x, x)
            for k in (1, rows // 2, rows - 1):
                assert_found(fp.neighbours(x, k), reference.neighbours(apart, k))


@pytest.mark.parametrize("depth", DEPTHS)
def test_is_the_same_to_the_bit_on_all_backends_and_threads(depth, unit_rows):
    for queries in (3, 200):
        x, y = unit_rows(queries, depth, 1), unit_rows(3000, depth, 2)
        expected = reference.nearest(fp.distances(x, y), 20)
        for backend in RUNNABLE:
            with using(backend):
                for threads in (None, 1, 2, 5):
                    assert_found(fp.nearest(x, y, 20, threads=threads), expected)


def test_takes_a_packed_gallery(unit_rows):
    class Holder:
        packed = packed(unit_rows(50))

    x = unit_rows(4, seed=1)
    assert_found(fp.nearest(x, Holder(), 3), fp.nearest(x, unit_rows(50), 3))
    assert fp.nearest(x, unit_rows(50))[1].shape == (4, 10)


def test_finds_itself_first_and_equal_rows_by_index():
    x = np.ones((30, 5), np.float32)
    distances, indices = fp.nearest(x, x, 7)
    assert not distances.any()
    np.testing.assert_array_equal(indices, np.tile(np.arange(7), (30, 1)))
    _, indices = fp.neighbours(x, 2)
    np.testing.assert_array_equal(indices[:3], [[1, 2], [0, 2], [0, 1]])


def test_takes_no_queries(unit_rows):
    distances, indices = fp.nearest(unit_rows(3)[:0], unit_rows(9), 4)
    assert distances.shape == indices.shape == (0, 4)


def test_reads_views_without_copies(unit_rows):
    x = unit_rows(40)
    for view in (x[::-1], x[::3], x[:, 5:70], np.broadcast_to(x[3], (40, 128))):
        assert_found(fp.nearest(view, view, 5), fp.nearest(view.copy(), view.copy(), 5))
        assert_found(fp.neighbours(view, 5), fp.neighbours(view.copy(), 5))


ROWS = integers(41, 8)


@pytest.mark.parametrize(
    ("k", "error", "message"),
    [
        (0, ValueError, "k must be in [1, 41], not 0"),
        (-1, ValueError, "k must be in [1, 41], not -1"),
        (42, ValueError, "k must be in [1, 41], not 42"),
        (10**12, ValueError, "k must be in [1, 41], not 1000000000000"),
        (10**30, ValueError, f"k must fit 64 bits, not {10**30}"),
        (2.0, TypeError, "k must be an integer, not float"),
        ("2", TypeError, "k must be an integer, not str"),
        (None, TypeError, "k must be an integer, not NoneType"),
        (True, TypeError, "k must be an integer, not bool"),
    ],
)
def test_refuses_a_wrong_k(k, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        _core.nearest(ROWS, packed(ROWS), k)
    with pytest.raises(error, match=f"^{re.escape(message.replace('41', '40'))}$"):
        _core.neighbours(packed(ROWS), k)


@pytest.mark.parametrize(
    ("queries", "error", "message"),
    [
        ([[1.0] * 8], TypeError, "queries must be a numpy array, not list"),
        (ROWS.astype(np.float64), TypeError, "queries must be float32, not float64"),
        (ROWS[0], ValueError, "queries must have shape (n, 8), not (8,)"),
        (ROWS[:, :7], ValueError, "queries must have shape (n, 8), not (41, 7)"),
        (
            np.asfortranarray(ROWS),
            ValueError,
            "queries must have adjacent elements in each row; pass numpy.ascontiguousarray(queries)",
        ),
        (np.full((3, 8), np.nan, np.float32), ValueError, "queries must be finite: row 0 is not"),
        (np.full((3, 8), np.inf, np.float32), ValueError, "queries must be finite: row 0 is not"),
        (np.full((3, 8), -2e15, np.float32), ValueError, "queries must lie in [-1e15, 1e15]: row 0 does not"),
    ],
)
def test_refuses_wrong_queries(queries, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        _core.nearest(queries, packed(ROWS), 1)


def test_refuses_what_is_no_gallery():
    with pytest.raises(TypeError, match=r"^nearest\(\): incompatible function arguments"):
        _core.nearest(ROWS, ROWS, 1)
    with pytest.raises(TypeError, match=r"^gallery must be a numpy array or speak DLPack, not list$"):
        fp.nearest(ROWS, [[1.0]], 1)
    with pytest.raises(ValueError, match=r"^gallery must have at least 1 row, not 0$"):
        fp.nearest(ROWS, ROWS[:0], 1)


def test_neighbours_refuse_too_few_rows():
    for rows in (0, 1):
        with pytest.raises(ValueError, match=rf"^gallery must have at least 2 rows, not {rows}$"):
            fp.neighbours(ROWS[:rows], 1)


def test_negative_threads_are_refused_by_both():
    for call in (lambda: fp.nearest(ROWS, ROWS, 1, threads=-1), lambda: fp.neighbours(ROWS, 1, threads=-1)):
        with pytest.raises(ValueError, match=r"^threads must be 0 \(all\) or more, not -1$"):
            call()


def test_threads_may_search_while_others_append_and_remove(unit_rows):
    base, x = unit_rows(500, 32, 1), unit_rows(20, 32, 2)
    gallery = packed(base)
    expected = fp.nearest(x, base, 5)
    stop, wrong = threading.Event(), []

    def search():
        while not stop.is_set():
            found = _core.nearest(x, gallery, 5, threads=2)[:2]
            if not all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True)):
                wrong.append(found)
            if not np.array_equal(gallery.unpack()[:500], base):
                wrong.append("unpack")

    searchers = [threading.Thread(target=search) for _ in range(2)]
    for searcher in searchers:
        searcher.start()
    far = np.full((700, 32), 9, np.float32)
    for _ in range(50):
        gallery.append(far)
        gallery.remove(np.arange(500, 1200))
    stop.set()
    for searcher in searchers:
        searcher.join(60)
        assert not searcher.is_alive()
    assert not wrong
    assert gallery.rows == 500


METRICS = ["squared-euclidean", "cosine", "dot"]


def values_of(x, y, metric):
    if metric == "squared-euclidean":
        return reference.distances(x, y)
    return reference.similarities(x, y, cosine=metric == "cosine")


@each_backend
@pytest.mark.parametrize("metric", METRICS)
def test_ranks_by_every_metric(backend, metric, unit_rows):
    with using(backend):
        x, y = unit_rows(20, 33, 1) * np.float32(1.3), unit_rows(300, 33, 2) * np.float32(0.7)
        expected = values_of(x, y, metric)
        values, indices = fp.nearest(x, y, 9, metric=metric)
        np.testing.assert_allclose(values, np.take_along_axis(expected, indices, 1), rtol=0, atol=1e-5)
        best = np.sort(expected, axis=1)
        best = best[:, :9] if metric == "squared-euclidean" else best[:, ::-1][:, :9]
        np.testing.assert_allclose(values, best, rtol=0, atol=1e-5)
        others, rows = fp.neighbours(y, 4, metric=metric)
        own = values_of(y, y, metric)
        np.testing.assert_allclose(others, np.take_along_axis(own, rows, 1), rtol=0, atol=1e-5)
        assert (rows != np.arange(300)[:, None]).all()


@each_backend
@pytest.mark.parametrize("metric", METRICS)
def test_within_equals_the_reference(backend, metric):
    x, y = integers(15, 9, 1), integers(200, 9, 2)
    y[~y.any(axis=1)] = 1  # no cosine of what has no direction
    expected = values_of(x, y, metric)
    with using(backend):
        for limit in (0, 12.0, 40) if metric != "cosine" else (-2, 0.25, 1.5):
            offsets, values, indices = fp.within(x, y, limit, metric=metric)
            near = expected <= limit if metric == "squared-euclidean" else expected >= limit - 1e-7
            assert [offsets.dtype, values.dtype, indices.dtype] == [np.int64, np.float32, np.int64]
            assert offsets.tolist() == [0, *np.cumsum(near.sum(axis=1)).tolist()]
            for row in range(15):
                part = slice(offsets[row], offsets[row + 1])
                assert sorted(indices[part].tolist()) == np.flatnonzero(near[row]).tolist()
                np.testing.assert_allclose(values[part], expected[row, indices[part]], rtol=0, atol=1e-6)
                ranks = values[part] if metric == "squared-euclidean" else -values[part]
                order = list(zip(ranks.tolist(), indices[part].tolist(), strict=True))
                assert order == sorted(order)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how much memory a call took")
def test_within_gathers_in_the_memory_it_returns():
    words = [sys.executable, BENCH / "memory.py", "within", "--rows", "100000", "--depth", "16", "--threads", "2"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["extra_bytes"] < 64e6  # and some 120 MB of hits


@each_backend
def test_a_certified_scan_gives_the_float32_answer(backend, unit_rows):
    rows = unit_rows(6000, 64, 1)
    rows[1000:2000] = rows[:1000]  # equal rows
    rows[2000:3000] = rows[:1000] + np.float32(1e-6)  # and nearly equal ones
    gallery = packed(rows)
    with using(backend):
        for queries in (rows[500:501], rows[500:540], unit_rows(40, 64, 2)):
            full = _core.nearest(queries, gallery, 12, scan="full")
            for threads in (1, 3):
                certified = _core.nearest(queries, gallery, 12, scan="certified", threads=threads)
                assert_found(certified[:2], full[:2])
                assert full[2] == 0 < certified[2] < 6000 * len(queries) / 4


@each_backend
@pytest.mark.parametrize("storage", ["float16", "int8"])
def test_smaller_storage_finds_nearly_the_same(backend, storage, unit_rows):
    x, y = unit_rows(30, 128, 1), unit_rows(2000, 128, 2)
    gallery = _core.Gallery(128, storage)
    gallery.append(y)
    assert (gallery.storage, gallery.codes) == (storage, storage == "int8")
    with using(backend):
        values, indices, _ = _core.nearest(x, gallery, 10)
    exact, expected = fp.nearest(x, y, 10)
    shared = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(indices.tolist(), expected.tolist(), strict=True)])
    assert shared > (0.99 if storage == "float16" else 0.9)
    np.testing.assert_allclose(values, exact, rtol=0, atol=1e-3 if storage == "float16" else 2e-2)


def test_a_progress_callback_must_not_change_the_gallery(unit_rows):
    x = unit_rows(12_000, 512)
    gallery = packed(x)
    with pytest.raises(RuntimeError, match=r"^a gallery must not be changed from inside a progress callback$"):
        _core.nearest(x, gallery, 3, scan="full", progress=lambda _: gallery.append(x[:1]))
    assert gallery.rows == 12_000


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: fp.nearest(ROWS, ROWS, 1, metric="l2"),
            "metric must be 'squared-euclidean', 'cosine' or 'dot', not 'l2'",
        ),
        (
            lambda: _core.nearest(ROWS, packed(ROWS), 1, scan="fast"),
            "scan must be 'auto', 'full' or 'certified', not 'fast'",
        ),
        (lambda: _core.Gallery(3, "bfloat16"), "storage must be 'float32', 'float16' or 'int8', not 'bfloat16'"),
        (
            lambda: fp.nearest(ROWS * 0, ROWS, 1, metric="cosine"),
            "queries must be longer than 1e-15 for the cosine: row 0 is not",
        ),
        (
            lambda: fp.nearest(ROWS, ROWS * 0, 1, metric="cosine"),
            "rows of the gallery must be longer than 1e-15 for the cosine: 41 of them are not",
        ),
        (lambda: fp.within(ROWS, ROWS, float("nan")), "limit must be a number, not NaN"),
        (lambda: fp.within(ROWS, ROWS, -0.5), "limit must be a distance of 0 or more, not -0.500000"),
        (lambda: fp.within(ROWS, ROWS[:0], 1), "gallery must have at least 1 row, not 0"),
    ],
)
def test_refuses_what_has_no_answer(call, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call()


@each_backend
def test_distances_are_never_negative(backend, unit_rows):
    x = unit_rows(64)
    with using(backend):
        assert fp.nearest(x, x * np.float32(1 + 1e-7), 5)[0].min() >= 0
