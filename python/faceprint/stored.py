"""Rows as galleries store them: bytes, of which anybody can make numbers again."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

DTYPES: dict[str, np.dtype[Any]] = {"float32": np.dtype("<f4"), "float16": np.dtype("<f2"), "int8": np.dtype("i1")}
NUMBERS = 3  # float32 behind the codes of a row: their scale, their error, the squared norm of the row


def unpack_stored(stored: NDArray[np.uint8], storage: str) -> NDArray[np.float32]:
    """Rows (n, dimension) float32 of their bytes (n, bytes), for each kind of storage.

    "float32" and "float16" are the numbers, little-endian. "int8" is one signed byte for each number, and after them
    three float32: the scale to be multiplied with them, the error that makes, and the squared norm of the row.

    >>> import numpy
    >>> codes = numpy.append(numpy.int8([127, -64]).view(numpy.uint8), numpy.float32([0.5, 0, 1]).view(numpy.uint8))
    >>> unpack_stored(codes[None], "int8")
    array([[ 63.5, -32. ]], dtype=float32)
    """
    rows, numbers = split_stored(stored, storage)
    unpacked: NDArray[np.float32] = rows.astype(np.float32)
    return unpacked if numbers is None else unpacked * numbers[:, :1]


def split_stored(stored: NDArray[np.uint8], storage: str) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
    """What stands in the bytes of rows: numbers (n, dimension) as they are stored, and the three float32 behind codes.

    The second is None where the rows are no codes.
    """
    dtype = DTYPES[storage]
    if storage != "int8":
        return stored.view(dtype), None
    codes = np.ascontiguousarray(stored[:, : -4 * NUMBERS]).view(dtype)
    return codes, np.ascontiguousarray(stored[:, -4 * NUMBERS :]).view("<f4")


def join_stored(rows: NDArray[Any], numbers: NDArray[np.float32] | None) -> NDArray[np.uint8]:
    """The bytes of rows: what `split_stored` undoes."""
    whole = np.ascontiguousarray(rows).view(np.uint8)
    return whole if numbers is None else np.hstack([whole, np.ascontiguousarray(numbers, "<f4").view(np.uint8)])
