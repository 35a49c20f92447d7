"""Arrays in: numpy, or whatever speaks DLPack, viewed without a copy where its memory allows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import DeviceError
from .expected import as_number

MOST = 2**63 - 1
CPU = 1  # DLPack's number for ordinary memory


def as_embeddings(x: Any, name: str, *, width: int | None = None) -> NDArray[np.float32]:
    """View `x` as a float32 matrix of one embedding a row.

    `x` is a numpy array or an object with `__dlpack__` (torch, cupy, jax) in CPU memory; a single embedding of shape
    (width,) is not promoted. Raises TypeError for anything else and for other dtypes, ValueError for other shapes,
    and DeviceError for memory of another device.

    >>> import numpy
    >>> as_embeddings(numpy.zeros((2, 128), numpy.float32), "x").shape
    (2, 128)
    >>> as_embeddings(numpy.zeros(128, numpy.float32), "x", width=128)
    Traceback (most recent call last):
    ValueError: x must have shape (n, 128), not (128,)
    """
    array = x if isinstance(x, np.ndarray) else _from_dlpack(x, name)
    if array.dtype != np.float32:
        raise TypeError(f"{name} must be float32, not {array.dtype}")
    if array.ndim != 2 or (width is not None and array.shape[1] != width):
        raise ValueError(f"{name} must have shape (n, {width or 'dimension'}), not {array.shape}")
    return array


def finite_rows(x: Any, name: str, *, width: int | None = None, least: int = 1) -> NDArray[np.float64]:
    """Copy `least` or more embeddings, as `as_embeddings` sees them, to float64; ValueError for NaN or infinity.

    >>> import numpy
    >>> finite_rows(numpy.array([[0, 1], [2, numpy.inf]], numpy.float32), "x")
    Traceback (most recent call last):
    ValueError: x must be finite: row 1 is not
    """
    rows = as_embeddings(x, name, width=width)
    if len(rows) < least:
        raise ValueError(f"{name} must hold at least one embedding, not 0")
    if not np.isfinite(rows).all():
        raise ValueError(f"{name} must be finite: row {np.flatnonzero(~np.isfinite(rows).all(axis=1))[0]} is not")
    return rows.astype(np.float64, order="C")  # sums run in the order of memory


def as_reals(values: Any, name: str) -> NDArray[np.float64]:
    """View or copy real numbers of any type as float64; TypeError for others.

    >>> as_reals([1j], "weights")
    Traceback (most recent call last):
    TypeError: weights must be real numbers, not complex128
    """
    array = np.asarray(values)
    if array.size and array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be real numbers, not {array.dtype}")
    return array.astype(np.float64, copy=False)


def as_list(values: Any, name: str) -> list[float]:
    """A sequence of real numbers as a list; TypeError for others, ValueError for other shapes.

    >>> as_list(0.1, "rates")
    Traceback (most recent call last):
    ValueError: rates must have shape (n,), not ()
    """
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} must have shape (n,), not {array.shape}")
    return [as_number(value, name) for value in array.tolist()]


def as_integers(values: Any, name: str) -> NDArray[np.int64]:
    """View or copy integers of any type as int64; TypeError for others, ValueError for some that need more bits.

    >>> as_integers([0.5], "sources")
    Traceback (most recent call last):
    TypeError: sources must be integers, not float64
    """
    array = np.asarray(values)
    large: Any = ()
    if array.dtype == np.uint64:
        large = array[array > MOST]
    elif array.dtype == object:  # as which numpy takes integers of more bits
        large = [value for value in array.flat if isinstance(value, int) and abs(value) > MOST]
    if len(large):
        raise ValueError(f"{name} must be integers of 64 bits, not {large[0]}")
    if array.size and array.dtype.kind not in "iu":  # an empty list becomes float64
        raise TypeError(f"{name} must be integers, not {array.dtype}")
    return array.astype(np.int64, copy=False)


def as_labels(labels: Any, rows: int) -> NDArray[np.int64]:
    """Number identities: equal labels, integers or strings, become equal numbers; one label for each of `rows` rows.

    Raises TypeError for labels of another type, ValueError for another number of them.

    >>> as_labels(["Ann", "Ben", "Ann"], 3).tolist()
    [0, 1, 0]
    """
    return np.unique(named_rows(labels, rows), return_inverse=True)[1].astype(np.int64)


def named_rows(labels: Any, rows: int, name: str = "labels") -> NDArray[Any]:
    """View labels as an array of integers or strings, one for each of `rows` rows; errors are those of `as_labels`.

    >>> named_rows([0.5], 1, "truth")
    Traceback (most recent call last):
    TypeError: truth must be integers or strings, not float64
    """
    array = (
        labels if isinstance(labels, np.ndarray) or not hasattr(labels, "__dlpack__") else _from_dlpack(labels, name)
    )
    array = np.asarray(array)
    if array.shape != (rows,):
        raise ValueError(f"{name} must have shape ({rows},), one for each row, not {array.shape}")
    if rows and array.dtype.kind not in "iuUSO":
        raise TypeError(f"{name} must be integers or strings, not {array.dtype}")
    return array


def _from_dlpack(x: Any, name: str) -> NDArray[Any]:
    if not hasattr(x, "__dlpack__"):
        raise TypeError(f"{name} must be a numpy array or speak DLPack, not {type(x).__name__}")
    device, _ = x.__dlpack_device__()
    if device != CPU:
        raise DeviceError(f"{name} must be in CPU memory, not on DLPack device type {device}")
    return np.from_dlpack(x)
