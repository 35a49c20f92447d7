"""`faceprint bench`: it runs, its answers are checked inside, and its JSON says what was measured."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from faceprint import DeviceError, _core, bench
from faceprint.cli import command


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Sizes and rounds that take no time."""
    monkeypatch.setattr(bench, "JOIN_ROWS", 500)
    monkeypatch.setattr(bench, "MATRIX_ROWS", 200)
    monkeypatch.setattr(bench, "PAUSE", 0)


def run(*words):
    return CliRunner().invoke(command, ["bench", *words])


def test_json():
    result = run("--rows", "2000", "--depth", "32", "--threads", "2", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["threads"] == 2
    assert found["backend"] == _core.active_backend()
    timings = found["timings"]
    assert list(dict.fromkeys(timing["workload"] for timing in timings)) == [
        "1,000 queries in 2,000",
        "32 queries in 2,000",
        "1 query in 2,000",
        "self-join of 500, k = 32",
        "distances 200 x 200",
    ]
    for timing in timings:
        assert timing["seconds"] > 0
        assert timing["rounds"] >= 7
        assert timing["speedup"] == pytest.approx(timing["numpy_seconds"] / timing["seconds"])
    recalls = {timing["contestant"]: timing["recall"] for timing in timings if timing["recall"] is not None}
    assert recalls["float32"] == recalls["float32, certified scan"] == 1
    assert recalls["int8"] > 0.8


def test_ten_neighbours_are_searched_for(monkeypatch):
    nearest, asked = _core.nearest, []

    def watched(queries, gallery, k, **rest):
        asked.append((len(queries), k))
        return nearest(queries, gallery, k, **rest)

    monkeypatch.setattr(bench._core, "nearest", watched)
    list(bench.run_bench(1000, 8))
    assert set(asked) == {(1000, 10), (32, 10), (1, 10), (100, 33)}  # the last to see whether a join is right


def test_table():
    result = run("--rows", "2000")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert len(lines) == 3 * 6 + 2 * 2
    assert all(" ms " in line and "x numpy" in line for line in lines)


def test_a_wrong_answer_ends_it(monkeypatch):
    nearest = _core.nearest

    def off_by_one(*arguments, scan, **rest):
        values, indices, computed = nearest(*arguments, scan=scan, **rest)
        return values, indices + (scan == "certified"), computed

    monkeypatch.setattr(bench._core, "nearest", off_by_one)
    with pytest.raises(RuntimeError, match="certified scan differs from the full scan"):
        list(bench.run_bench(1000, 8))


def test_wrong_distances_end_it(monkeypatch):
    monkeypatch.setattr(bench, "_numpy_nearest", lambda queries, x, k: (np.ones((len(queries), k)), None))
    with pytest.raises(RuntimeError, match="the full scan differs from numpy"):
        list(bench.run_bench(1000, 8))


def test_a_device_is_never_replaced_by_another(monkeypatch):
    def absent(name):
        raise DeviceError(f"no {name} here")

    monkeypatch.setattr("faceprint.cli.machine.use_backend", absent)
    result = run("--rows", "1000", "--device", "cuda")
    assert (result.exit_code, result.output) == (2, "error: no cuda here\n")


def test_too_few_rows():
    with pytest.raises(ValueError, match="rows must be at least 1000 and depth at least 1, not 999 and 128"):
        next(bench.run_bench(999))
