"""Rows as galleries store them: bytes, of which anybody can make numbers again."""

import numpy as np
from numpy.typing import NDArray

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
    if storage == "float32":
        return stored.view("<f4").astype(np.float32)
    if storage == "float16":
        return stored.view("<f2").astype(np.float32)
    codes = np.ascontiguousarray(stored[:, : -4 * NUMBERS]).view(np.int8)
    numbers = np.ascontiguousarray(stored[:, -4 * NUMBERS :]).view("<f4")
    rows: NDArray[np.float32] = codes.astype(np.float32) * numbers[:, :1]
    return rows
