"""Arrays in: numpy, or whatever speaks DLPack, viewed without a copy where its memory allows."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import DeviceError
from .expected import as_number

MOST = 2**63 - 1
CPU = 1  # DLPack's number for ordinary memory
NAMES = "; numpy.unique(..., return_inverse=True) numbers names"  # where people must be integers


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
    array = unmasked(x, name) if isinstance(x, np.ndarray) else _from_dlpack(x, name)
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
    check_finite(rows, name)
    return rows.astype(np.float64, order="C")  # sums run in the order of memory


def check_finite(rows: NDArray[np.float32], name: str) -> None:
    """ValueError for a row with NaN or infinity."""
    if not np.isfinite(rows).all():
        raise ValueError(f"{name} must be finite: row {np.flatnonzero(~np.isfinite(rows).all(axis=1))[0]} is not")


def as_reals(values: Any, name: str) -> NDArray[np.float64]:
    """View or copy real numbers of any type as float64; TypeError for others.

    >>> as_reals([1j], "weights")
    Traceback (most recent call last):
    TypeError: weights must be real numbers, not complex128
    """
    array = np.asarray(unmasked(values, name))
    if array.size and array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be real numbers, not {array.dtype}")
    return array.astype(np.float64, copy=False)


def as_list(values: Any, name: str) -> list[float]:
    """A sequence of real numbers as a list; TypeError for others, ValueError for other shapes.

    >>> as_list(0.1, "rates")
    Traceback (most recent call last):
    ValueError: rates must have shape (n,), not ()
    """
    array = np.asarray(unmasked(values, name))
    if array.ndim != 1:
        raise ValueError(f"{name} must have shape (n,), not {array.shape}")
    return [as_number(value, name) for value in array.tolist()]


def as_integers(values: Any, name: str, hint: str = "") -> NDArray[np.int64]:
    """View or copy integers of any type as int64; TypeError for others, ValueError for some that need more bits.

    The `hint` ends the TypeError.

    >>> as_integers([0.5], "sources")
    Traceback (most recent call last):
    TypeError: sources must be integers, not float64
    """
    array = np.asarray(unmasked(values, name))
    large: Any = ()
    if array.dtype == np.uint64:
        large = array[array > MOST]
    elif array.dtype == object:  # as which numpy takes integers of more bits
        large = [value for value in array.flat if isinstance(value, int) and abs(value) > MOST]
    if len(large):
        raise ValueError(f"{name} must be integers of 64 bits, not {large[0]}")
    if array.size and array.dtype.kind not in "iu":  # an empty list becomes float64
        raise TypeError(f"{name} must be integers, not {array.dtype}{hint}")
    return array.astype(np.int64, copy=False)


def as_row_numbers(values: Any, name: str, rows: int) -> NDArray[np.int64]:
    """View or copy numbers of rows, of which there are so many, as int64; ValueError for others.

    >>> as_row_numbers([0, 3], "a", 3)
    Traceback (most recent call last):
    ValueError: a must be rows in [0, 3), not 3
    """
    array = as_integers(values, name)
    for wrong in array[(array < 0) | (array >= rows)][:1]:
        raise ValueError(f"{name} must be rows in [0, {rows}), not {wrong}")
    return array


def as_mask(values: Any, name: str, rows: int, each: str) -> NDArray[np.bool_]:
    """Check a choice among rows: (rows,) bool, one for `each` of what they are.

    >>> as_mask([True], "junk", 2, "embedding")
    Traceback (most recent call last):
    ValueError: junk must have shape (2,), one for each embedding, not (1,)
    """
    mask = np.asarray(unmasked(values, name))
    if mask.dtype != bool:
        raise TypeError(f"{name} must be bool, not {mask.dtype}")
    if mask.shape != (rows,):
        raise ValueError(f"{name} must have shape ({rows},), one for each {each}, not {mask.shape}")
    return mask


def as_labels(labels: Any, rows: int | None = None, name: str = "labels") -> NDArray[np.int64]:
    """Number identities: equal labels, integers or strings, become equal numbers; one label for each of `rows` rows.

    Raises TypeError for labels of another type, ValueError for another number of them, where one is wanted, and for -1,
    which is nobody.

    >>> as_labels(["Ann", "Ben", "Ann"], 3).tolist()
    [0, 1, 0]
    """
    named = named_rows(labels, rows, name)
    check_people(named, name)
    return np.unique(named, return_inverse=True)[1].astype(np.int64)


def check_people(numbers: NDArray[Any], name: str) -> None:
    """ValueError where -1 is among them, which is nobody elsewhere, and would be one person here.

    >>> check_people(np.array([3, -1]), "labels")
    Traceback (most recent call last):
    ValueError: labels must not be -1, which is nobody: leave these rows out
    """
    if numbers.dtype.kind == "i" and (numbers == -1).any():
        raise ValueError(f"{name} must not be -1, which is nobody: leave these rows out")


def named_rows(labels: Any, rows: int | None = None, name: str = "labels") -> NDArray[Any]:
    """View labels as an array of integers or strings, one for each of `rows` rows; errors are those of `as_labels`.

    >>> named_rows([0.5], 1, "truth")
    Traceback (most recent call last):
    TypeError: truth must be integers or strings, not float64
    """
    array = (
        labels if isinstance(labels, np.ndarray) or not hasattr(labels, "__dlpack__") else _from_dlpack(labels, name)
    )
    array = np.asarray(unmasked(array, name))
    if array.ndim != 1 or rows not in (None, len(array)):
        wanted = "n" if rows is None else rows
        raise ValueError(f"{name} must have shape ({wanted},), one for each row, not {shape_of(labels, array)}")
    if len(array) and array.dtype.kind not in "iuUSO":
        raise TypeError(f"{name} must be integers or strings, not {array.dtype}")
    if array.dtype == object:
        _check_objects(array, name)
    elif array.dtype.kind == "U" and isinstance(labels, Sequence):
        _check_objects(labels, name)  # numpy makes text of numbers, NaN too, that are among strings
    return array


def shape_of(values: Any, array: NDArray[Any]) -> str:
    """What has the wrong shape, as a message says it: that of the array made of it, or what has labels of its own.

    >>> from faceprint import cluster
    >>> found = cluster(np.float32([[1, 0], [0, 1]]))
    >>> shape_of(found, np.asarray(0)), shape_of(0, np.asarray(0))
    ('Clustering: give its .labels', '()')
    """
    return f"{type(values).__name__}: give its .labels" if hasattr(values, "labels") else str(array.shape)


def unmasked(values: Any, name: str) -> Any:
    """What is given, as it is; ValueError for a masked array of numpy in which something is masked.

    >>> unmasked(np.ma.array([1, 2], mask=[False, True]), "labels")
    Traceback (most recent call last):
    ValueError: labels must not be masked: leave out what is, or fill it
    """
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(f"{name} must not be masked: leave out what is, or fill it")
    return values


def _check_objects(labels: Iterable[Any], name: str) -> None:
    """TypeError for objects that are not all integers, or not all strings: others have no order among them."""
    kinds = set(map(type, labels))
    wrong = [kind.__name__ for kind in kinds if not issubclass(kind, (str, int, np.integer))]
    if wrong:
        raise TypeError(f"{name} must be integers or strings, not {min(wrong)}")
    if len({issubclass(kind, str) for kind in kinds}) > 1:
        raise TypeError(f"{name} must be all integers or all strings, not some of either")


def _from_dlpack(x: Any, name: str) -> NDArray[Any]:
    if not hasattr(x, "__dlpack__"):
        what = f"{type(x).__name__}{', whose embeddings are one' if hasattr(x, 'embeddings') else ''}"
        raise TypeError(f"{name} must be a numpy array or speak DLPack, not {what}")
    try:
        device, _ = x.__dlpack_device__()
        if device == CPU:
            return np.from_dlpack(x)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise TypeError(f"{name} must speak DLPack as numpy does, and {type(x).__name__} does not: {error}") from error
    raise DeviceError(f"{name} must be in CPU memory, not on DLPack device type {device}")
