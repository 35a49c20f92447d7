"""Photograph in, upright RGB pixels out, within limits that are checked before anything large is decoded."""

import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .errors import PhotoError

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels: TypeAlias = NDArray[np.uint8]
Photo: TypeAlias = "str | os.PathLike[str] | bytes | Image | Pixels"

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


@dataclass(frozen=True, slots=True)
class Limits:
    """What a photograph may cost: `pixels`, length of one `side` in pixels, size of the file in `bytes`.

    >>> Limits(pixels=400_000_000).side
    16384
    """

    pixels: int = 64_000_000
    side: int = 16_384
    bytes: int = 64 * 2**20


def read_photo(photo: Photo, *, limits: Limits | None = None) -> Pixels:
    """Decode a photograph to uint8 RGB of shape (height, width, 3), turned upright by its EXIF orientation.

    `photo` is a path, the bytes of an image file, a PIL image, or a uint8 array of shape (height, width, 3) in RGB or
    (height, width) in grey. Of an animated image the first frame is read; transparency is dropped; 16-bit grey is
    scaled to 8 bits. Raises PhotoError where the file is missing, too large for `limits`, or not an image that can be
    decoded whole; TypeError or ValueError for an array of another dtype or shape.

    >>> import numpy
    >>> read_photo(numpy.zeros((40, 30), numpy.uint8)).shape
    (40, 30, 3)
    """
    limits = limits or Limits()
    if isinstance(photo, np.ndarray):
        return _from_array(photo, limits)
    from PIL import Image

    name = photo_name(photo)
    if isinstance(photo, Image.Image):
        return _decode(photo, name, limits)
    if not isinstance(photo, (str, os.PathLike, bytes)):
        raise TypeError(f"a photo must be a path, bytes, a PIL image or a numpy array, not {type(photo).__name__}")
    content = photo if isinstance(photo, bytes) else _read_file(Path(photo), name, limits)
    if len(content) > limits.bytes:
        raise PhotoError(f"{name} has {len(content)} bytes; the limit is {limits.bytes}")
    try:
        image = Image.open(io.BytesIO(content))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PhotoError(f"{name} is too large to decode, the limit is {limits.pixels} pixels: {error}") from error
    except Exception as error:  # plugins raise anything from SyntaxError to struct.error on a hostile header
        raise PhotoError(f"{name} is not an image that can be read: {_reason(error)}") from error
    with image:
        return _decode(image, name, limits)


def photo_name(photo: Photo) -> str:
    """Name a photograph in messages: its path, printable whatever its bytes, or what kind of object it is.

    >>> photo_name("party.jpg")
    'photo party.jpg'
    >>> photo_name(b"...")
    'photo (3 bytes)'
    """
    if isinstance(photo, (str, os.PathLike)):
        return f"photo {printable(photo)}"
    if isinstance(photo, bytes):
        return f"photo ({len(photo)} bytes)"
    return f"photo ({type(photo).__name__})"


def printable(path: "str | os.PathLike[str]") -> str:
    r"""Write a file name so that any terminal can show it: bytes that are not UTF-8 become \xNN.

    >>> printable("caf\udce9.jpg")
    'caf\\xe9.jpg'
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def find_photos(paths: "Sequence[str | os.PathLike[str]]") -> list[Path]:
    """List the photographs among `paths`: files as they are, folders searched to the bottom, in sorted order.

    A file counts as a photograph inside a folder by its suffix (`SUFFIXES`); hidden files and folders are passed over.
    Raises PhotoError for a path that does not exist and for a folder without photographs.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise PhotoError(f"{photo_name(path)} does not exist")
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(_photos_below(path))
        if not inside:
            raise PhotoError(f"folder {printable(path)} holds no photographs ({', '.join(sorted(SUFFIXES))})")
        found += inside
    return found


def _photos_below(top: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(top):
        folders[:] = [name for name in folders if not name.startswith(".")]  # os.walk descends into what is left
        for name in files:
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith("."):
                yield Path(folder, name)


def _read_file(path: Path, name: str, limits: Limits) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(limits.bytes + 1)  # one more than allowed is enough to know
    except FileNotFoundError:
        raise PhotoError(f"{name} does not exist") from None
    except OSError as error:
        raise PhotoError(f"{name} cannot be read: {error.strerror}") from error


def _decode(image: "Image", name: str, limits: Limits) -> Pixels:
    from PIL import ImageOps

    _check_size(image.width, image.height, name, limits)
    try:
        upright = ImageOps.exif_transpose(image)
        if upright.mode in ("I", "I;16", "I;16B", "I;16L", "I;16N"):
            return _grey_to_rgb(np.asarray(upright).clip(0, 65_535) // 257)
        return np.asarray(upright.convert("RGB"))
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, ValueError, ...
        raise PhotoError(f"{name} cannot be decoded: {_reason(error)}") from error


def _from_array(array: NDArray[Any], limits: Limits) -> Pixels:
    if array.dtype != np.uint8:
        raise TypeError(f"a photo array must be uint8, not {array.dtype}")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3) or 0 in array.shape:
        raise ValueError(f"a photo array must have shape (height, width, 3) or (height, width), not {array.shape}")
    _check_size(array.shape[1], array.shape[0], "photo (ndarray)", limits)
    return _grey_to_rgb(array) if array.ndim == 2 else np.ascontiguousarray(array)


def _grey_to_rgb(grey: NDArray[Any]) -> Pixels:
    return np.repeat(grey.astype(np.uint8)[:, :, None], 3, axis=2)


def _check_size(width: int, height: int, name: str, limits: Limits) -> None:
    if width * height > limits.pixels or max(width, height) > limits.side:
        raise PhotoError(
            f"{name} has {width} x {height} pixels; the limit is {limits.pixels} pixels and {limits.side} a side"
        )


def _reason(error: Exception) -> str:
    return str(error).partition(" <_io")[0] or type(error).__name__
