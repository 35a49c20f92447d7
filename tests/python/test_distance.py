import re
import subprocess
import sys

import numpy as np
import pytest

import faceprint as fp
import reference
from faceprint import _core
from reference.backends import RUNNABLE, each_backend, using
from reference.distance import budget

DEPTHS = [1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 127, 128, 129, 512]


def integers(rows, columns, seed=0):
    return np.random.default_rng(seed).integers(-3, 4, (rows, columns)).astype(np.float32)


@each_backend
@pytest.mark.parametrize("depth", DEPTHS)
def test_equals_the_reference(backend, depth, unit_rows):
    with using(backend):
        x, y = integers(37, depth, 1), integers(50, depth, 2)
        np.testing.assert_array_equal(fp.distances(x, y), reference.distances(x, y))
        x, y = unit_rows(37, depth, 1), unit_rows(50, depth, 2)
        np.testing.assert_allclose(fp.distances(x, y), reference.distances(x, y), rtol=0, atol=budget(depth))


@pytest.mark.parametrize("depth", [1, 2, 128, 4096])
@pytest.mark.parametrize("place", [0, 1000])
def test_is_off_by_no_more_than_it_promises(depth, place):
    x = np.random.default_rng(0).standard_normal((40, depth)) * 0.01 + place
    x[:20] = np.linspace(1, 2, 20)[:, None]  # errors of equal numbers add up
    rows = x.astype(np.float32)
    exact = reference.distances(rows, rows)
    lengths = np.square(rows, dtype=np.float64).sum(axis=1)
    assert (abs(fp.distances(rows, rows) - exact) <= (depth + 2) / 2**23 * (lengths[:, None] + lengths)).all()


@pytest.mark.parametrize("depth", DEPTHS)
def test_is_the_same_to_the_bit_on_all_backends_and_threads(depth, unit_rows):
    x, y = unit_rows(300, depth, 1), unit_rows(500, depth, 2)
    with using("portable"):
        expected = fp.distances(x, y).tobytes()
    for backend in RUNNABLE:
        with using(backend):
            for threads in (None, 1, 2, 3):
                assert fp.distances(x, y, threads=threads).tobytes() == expected


def test_is_symmetric_to_the_bit_with_a_zero_diagonal(unit_rows):
    x = unit_rows(100)
    apart = fp.distances(x, x)
    np.testing.assert_array_equal(apart, apart.T)
    assert not apart.diagonal().any()
    assert apart.min() == 0
    assert apart.max() <= 4


def test_writes_into_out(unit_rows):
    x, y = unit_rows(5), unit_rows(7, seed=1)
    expected = fp.distances(x, y)
    out = np.empty((5, 7), np.float32)
    assert fp.distances(x, y, out=out) is out
    np.testing.assert_array_equal(out, expected)
    wide = np.full((10, 9), -7, np.float32)
    fp.distances(x, y, out=wide[::-2, 1:8])
    np.testing.assert_array_equal(wide[::-2, 1:8], expected)
    assert (np.delete(wide[::-2], np.s_[1:8], axis=1) == -7).all()
    assert (wide[::2] == -7).all()


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x[::-1],
        lambda x: x[::3],
        lambda x: x[:, 5:70],
        lambda x: np.broadcast_to(x[3], (40, 128)),
        lambda x: x[7:8],
        lambda x: x[:, :1],
        lambda x: x[:0],
    ],
    ids=["backwards", "every third", "some columns", "one row repeated", "one row", "one column", "no row"],
)
def test_reads_views_without_copies(view, unit_rows):
    x = view(unit_rows(40))
    x.flags.writeable = False
    np.testing.assert_array_equal(fp.distances(x, x), fp.distances(x.copy(), x.copy()))


def test_takes_empty_sides(unit_rows):
    x = unit_rows(3)
    assert fp.distances(x[:0], x).shape == (0, 3)
    assert fp.distances(x, x[:0]).shape == (3, 0)


def test_handles_what_speaks_dlpack(unit_rows):
    class Foreign:
        def __init__(self, array):
            self.array = array

        def __dlpack__(self, **options):
            return self.array.__dlpack__(**options)

        def __dlpack_device__(self):
            return self.array.__dlpack_device__()

    x = unit_rows(4)
    np.testing.assert_array_equal(fp.distances(Foreign(x), x), fp.distances(x, x))


def test_refuses_memory_of_another_device():
    class OnCuda:
        def __dlpack__(self, **options):
            raise AssertionError("what lies elsewhere is not asked for")

        def __dlpack_device__(self):
            return (2, 0)

    with pytest.raises(fp.DeviceError, match=r"^x must be in CPU memory, not on DLPack device type 2$"):
        fp.distances(OnCuda(), ONES)


def unaligned(x):
    memory = np.zeros(x.nbytes + 1, np.uint8)[1:]
    memory[:] = np.frombuffer(x.tobytes(), np.uint8)
    return memory.view(np.float32).reshape(x.shape)


ONES = np.ones((2, 3), np.float32)
NOT_ARRAYS = [
    ([[1.0, 2.0, 3.0]], "y must be a numpy array, not list"),
    (ONES.astype(np.float64), "y must be float32, not float64"),
    (ONES.astype(np.float16), "y must be float32, not float16"),
    (ONES.astype(">f4"), "y must be float32, not >f4"),
]
NOT_MATRICES = [
    (ONES[0], "y must have shape (n, 3), not (3,)"),
    (ONES[None], "y must have shape (n, 3), not (1, 2, 3)"),
    (ONES[:, :2], "y must have shape (n, 3), not (2, 2)"),
    (
        np.asfortranarray(ONES),
        "y must have adjacent elements in each row; pass numpy.ascontiguousarray(y)",
    ),
    (
        np.ones((2, 6), np.float32)[:, ::2],
        "y must have adjacent elements in each row; pass numpy.ascontiguousarray(y)",
    ),
    (
        ONES[:, ::-1],
        "y must have adjacent elements in each row; pass numpy.ascontiguousarray(y)",
    ),
    (unaligned(ONES), "y must have aligned memory; pass numpy.ascontiguousarray(y)"),
    (
        np.ndarray((2, 3), np.float32, bytearray(64), strides=(14, 4)),
        "y must have rows a whole number of elements apart; pass numpy.ascontiguousarray(y)",
    ),
    (ONES * np.float32(np.nan), "y must be finite: row 0 is not"),
    (ONES * np.float32([[1], [-np.inf]]), "y must be finite: row 1 is not"),
    (ONES * np.float32([[1], [2e15]]), "y must lie in [-1e15, 1e15]: row 1 does not"),
]


@pytest.mark.parametrize(("y", "message"), NOT_ARRAYS)
def test_refuses_other_types(y, message):
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        _core.distances(ONES, y)
    with pytest.raises(TypeError, match=f"^{re.escape(message.replace('y must', 'x must'))}$"):
        _core.distances(y, ONES)


@pytest.mark.parametrize(("y", "message"), NOT_MATRICES)
def test_refuses_other_shapes_layouts_and_values(y, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        _core.distances(ONES, y)


def test_refuses_rows_of_other_shapes():
    with pytest.raises(ValueError, match=r"^x must have shape \(rows, columns\), not \(3,\)$"):
        _core.distances(ONES[0], ONES)
    with pytest.raises(ValueError, match=r"^x must have 1 to 1048576 columns, not 0$"):
        _core.distances(ONES[:, :0], ONES[:, :0])


def read_only(x):
    x.flags.writeable = False
    return x


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        ([[0.0, 0.0]], TypeError, "out must be a numpy array, not list"),
        (np.empty((2, 2)), TypeError, "out must be float32, not float64"),
        (np.empty((2, 3), np.float32), ValueError, "out must have shape (2, 2), not (2, 3)"),
        (np.empty(4, np.float32), ValueError, "out must have shape (2, 2), not (4,)"),
        (read_only(np.empty((2, 2), np.float32)), ValueError, "out must be writable"),
        (
            np.empty((2, 2), np.float32).T,
            ValueError,
            "out must have adjacent elements in each row; pass numpy.ascontiguousarray(out)",
        ),
        (
            np.lib.stride_tricks.as_strided(np.empty(4, np.float32), (2, 2), (4, 4)),
            ValueError,
            "out must have rows that do not overlap; pass numpy.ascontiguousarray(out)",
        ),
    ],
)
def test_refuses_an_unfit_out(out, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        _core.distances(ONES, ONES, out=out)


def test_refuses_an_out_in_the_memory_of_its_inputs():
    memory = np.ones((4, 4), np.float32)
    with pytest.raises(ValueError, match=r"^out must not share memory with x$"):
        _core.distances(memory[:2, :2], memory[2:, :2].copy(), out=memory[1:3, 1:3])
    with pytest.raises(ValueError, match=r"^out must not share memory with y$"):
        _core.distances(memory[:1, :2].copy(), memory[2:, 2:], out=memory[2:3, 1:3])
    beside = memory[:, 2:]
    assert _core.distances(memory[:, :2], np.zeros((2, 2), np.float32), out=beside) is beside
    np.testing.assert_array_equal(beside, np.full((4, 2), 2))


def test_names_its_own_parameters(unit_rows):
    with pytest.raises(ValueError, match=r"^y must have shape \(n, 128\), not \(2, 3\)$"):
        fp.distances(unit_rows(2), ONES)
    with pytest.raises(TypeError, match=r"^x must be float32, not float64$"):
        fp.distances(ONES.astype(np.float64), ONES)


@pytest.mark.skipif(sys.platform != "linux", reason="measures its own memory in /proc")
def test_works_where_no_thread_can_be_started():
    code = """
import resource, numpy, faceprint
x = numpy.random.default_rng(0).standard_normal((1500, 128), numpy.float32)
out = numpy.empty((1500, 1500), numpy.float32)
expected = faceprint.distances(x, x, threads=1)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (6 << 20),) * 2)
print((faceprint.distances(x, x, out=out, threads=4) == expected).all())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "True\n", done.stderr
