"""Named arrays in one file, .npz without pickle, read as if somebody meant harm."""

import io
import os
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from .files import open_regular


def save_arrays(path: "str | os.PathLike[str]", **arrays: Any) -> None:
    """Write arrays to a file of exactly this name."""
    with Path(path).open("wb") as file:  # numpy would append .npz to another name
        np.savez(file, **arrays)


def pack_arrays(**arrays: Any) -> bytes:
    """The same as the bytes of a file.

    >>> unpack_arrays(pack_arrays(x=[1, 2]), ("x",))[0].tolist()
    [1, 2]
    """
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def load_arrays(
    path: "str | os.PathLike[str]", names: tuple[str, ...], *, most: int | None = None
) -> list[NDArray[Any]]:
    """Read the named arrays of a file that `save_arrays` wrote; ValueError where it unpacks to more than `most` bytes.

    By default these are as many as the file has, for nothing in it is compressed.
    Of another file anything may be raised: the readers of zip, deflate and .npy know no bounds, up to MemoryError.
    """
    with open_regular(path) as file:  # numpy leaves a damaged one open
        return _load(file, names, os.fstat(file.fileno()).st_size if most is None else most)


def unpack_arrays(content: bytes, names: tuple[str, ...]) -> list[NDArray[Any]]:
    """Read the named arrays of what `pack_arrays` gave; as `load_arrays` of other bytes."""
    return _load(io.BytesIO(content), names, len(content))


def _load(file: IO[bytes], names: tuple[str, ...], most: int) -> list[NDArray[Any]]:
    try:
        content = np.load(file, allow_pickle=False)
    except ValueError as error:  # which advises to load it unsafely
        raise ValueError("it holds no arrays") from error
    if isinstance(content, np.ndarray):
        raise ValueError("it holds one array without a name")
    if sum(member.file_size for member in content.zip.infolist()) > most:
        raise ValueError(f"it unpacks to more than {most:,} bytes")
    arrays = [content[name] for name in names]
    for name, array in zip(names, arrays, strict=True):
        if not isinstance(array, np.ndarray):  # numpy hands out as bytes what it does not know
            raise ValueError(f"{name} is not an array")
    return arrays
