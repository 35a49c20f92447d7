"""Embeddings that others computed: the feature and label files of the public face-clustering benchmarks.

The format is that of "Learning to Cluster Faces on an Affinity Graph" (Yang et al., CVPR 2019), whose data most papers
since have used: `NAME.bin` holds float32 numbers and nothing else, row after row, and line i of `NAME.meta` the number
of the person on row i. Arrays in .npy files are read too.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import read_array
from numpy.typing import NDArray

from .expected import as_whole
from .files import open_regular, read_limited
from .photo import printable

BLOCK = 65_536  # rows that are scaled at a time
MOST = 2**30  # bytes of a text that names people
ZIP = b"PK\x03\x04"  # how an .npz begins


def read_features(path: "str | os.PathLike[str]", *, dimension: int = 256) -> NDArray[np.float32]:
    """Read embeddings: (n, dimension) float32, scaled to unit rows.

    An .npy file states its own dimension, its numbers may be of any floating-point type, and `dimension` is not looked
    at; any other file is float32 in little-endian order, `dimension` of them to the row. Memory is that of the result,
    or twice that for an .npy file of another type. Raises ValueError for an .npz, for a file that does not hold whole
    rows or holds none, for an array of another kind, and for a row without a direction (NaN, infinite or zero); OSError
    where the file cannot be read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = np.array([[3, 4], [0, 2]], np.float32).tofile(f"{folder}/x.bin")
    ...     read_features(f"{folder}/x.bin", dimension=2)
    array([[0.6, 0.8],
           [0. , 1. ]], dtype=float32)
    """
    dimension = as_whole(dimension, "dimension", 1)
    shown = printable(path)
    rows = _array(path, shown) if Path(path).suffix == ".npy" else _numbers(path, shown, dimension)
    if rows.dtype.kind != "f":
        raise ValueError(f"{shown} must hold floating-point numbers, not {rows.dtype}")
    if rows.ndim != 2 or not rows.size:
        raise ValueError(f"{shown} must hold embeddings of shape (n, dimension), one at least, not {rows.shape}")
    with np.errstate(over="ignore", invalid="ignore"):  # told below
        rows = np.ascontiguousarray(rows, np.float32)
    scale_rows(rows, shown)
    return rows


def read_people(path: "str | os.PathLike[str]", rows: int) -> NDArray[np.int64]:
    r"""Read whose each of `rows` faces is: (rows,) int64, a whole number each, -1 for nobody known.

    An .npy file holds them as an array of integers, any other file as text, one to the line. Raises ValueError for
    another number of them, an array of another kind, and a line that is no whole number; OSError where the file cannot
    be read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = Path(folder, "x.meta").write_text("0\n0\n7\n")
    ...     read_people(f"{folder}/x.meta", 3)
    array([0, 0, 7])
    """
    shown = printable(path)
    people = _array(path, shown) if Path(path).suffix == ".npy" else _lines(path, shown)
    if people.dtype.kind not in "iu":
        raise ValueError(f"{shown} must hold whole numbers, not {people.dtype}")
    if people.shape != (rows,):
        raise ValueError(f"{shown} must name {rows:,} people, one for each embedding, not {_count(people)}")
    return people.astype(np.int64)


def _array(path: "str | os.PathLike[str]", shown: str) -> NDArray[Any]:
    with open_regular(path) as file:
        try:
            array: NDArray[Any] = read_array(file, allow_pickle=False)
        except Exception as error:  # a damaged header is read as Python, and may promise any number of rows
            reason = str(error) or type(error).__name__
            raise ValueError(f"{shown} must be an .npy file: {reason}") from error
    return array


def _numbers(path: "str | os.PathLike[str]", shown: str, dimension: int) -> NDArray[Any]:
    with open_regular(path) as file:
        if file.read(len(ZIP)) == ZIP:
            raise ValueError(f"{shown} must hold float32 numbers alone, or be an .npy file, not an .npz")
        file.seek(0)
        size, row = os.fstat(file.fileno()).st_size, 4 * dimension
        if size % row:
            raise ValueError(
                f"{shown} must hold rows of {dimension} float32 numbers, {row} bytes each, not {size:,} bytes"
            )
        return np.fromfile(file, "<f4", size // 4).reshape(-1, dimension)


def _lines(path: "str | os.PathLike[str]", shown: str) -> NDArray[np.int64]:
    lines = read_limited(path, shown, MOST).splitlines()
    people = np.empty(len(lines), np.int64)
    for number, line in enumerate(lines):
        try:
            people[number] = int(line)
        except (ValueError, OverflowError):
            came = line[:40].decode("utf-8", "backslashreplace")
            raise ValueError(f"{shown}, line {number + 1}: a person must be a whole number, not {came!r}") from None
    return people


def _count(people: NDArray[Any]) -> str:
    return f"{len(people):,}" if people.ndim == 1 else f"an array of shape {people.shape}"


def scale_rows(rows: NDArray[np.float32], shown: str) -> None:
    """Scale each row to unit length, in place; ValueError, which names the file, for one without a direction."""
    for first in range(0, len(rows), BLOCK):
        part = rows[first : first + BLOCK]
        with np.errstate(invalid="ignore"):  # of NaNs, told below
            lengths = np.linalg.norm(part.astype(np.float64), axis=1)
        bad = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
        if len(bad):
            raise ValueError(f"{shown}, row {first + bad[0]}: an embedding must be finite and not zero")
        part /= lengths[:, None]
