"""Photograph in, upright RGB pixels out, within limits that are checked before anything large is decoded."""

import io
import os
import re
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
Photo: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | Image | Pixels"

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "PPM", "TIFF", "WEBP")  # no other: Pillow hands EPS to Ghostscript, for one
BYTES = (bytes, bytearray, memoryview)
# Control characters, those that turn the direction of writing, and surrogates, which stand for bytes that are not text
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a photograph may cost: `pixels`, length of one `side` in pixels, size of the file in `bytes`.

    They may be raised beyond what Pillow allows, except for GIF, TIFF and WebP, whose decoders hold to
    PIL.Image.MAX_IMAGE_PIXELS (they warn from that number of pixels and refuse from twice it).

    >>> Limits(pixels=400_000_000).side
    16384
    """

    pixels: int = 64_000_000
    side: int = 16_384
    bytes: int = 64 * 2**20


def read_photo(photo: Photo, *, limits: Limits | None = None) -> Pixels:
    """Decode a photograph to uint8 RGB of shape (height, width, 3), turned upright by its EXIF orientation.

    `photo` is a path, the bytes of an image file (`FORMATS`), a PIL image, or a uint8 array of shape (height, width, 3)
    in RGB or (height, width) in grey. Of an animated image the first frame is read; transparency is dropped; 16-bit
    grey is scaled to 8 bits. Raises PhotoError where the file is missing, too large for `limits`, or not an image that
    can be decoded whole; TypeError or ValueError for an array of another dtype or shape.

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
    if not isinstance(photo, (str, os.PathLike, *BYTES)):
        raise TypeError(f"a photo must be a path, bytes, a PIL image or a numpy array, not {type(photo).__name__}")
    content = photo if isinstance(photo, BYTES) else _read_file(Path(photo), name, limits)
    size = memoryview(content).nbytes
    if size > limits.bytes:
        raise PhotoError(f"{name} has {size} bytes; the limit is {limits.bytes}")
    try:
        image = _open(bytes(content))
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
    if isinstance(photo, BYTES):
        return f"photo ({memoryview(photo).nbytes} bytes)"
    return f"photo ({type(photo).__name__})"


def printable(path: "str | os.PathLike[str]") -> str:
    r"""Write a file name so that any terminal can show it: what is not UTF-8 and what controls a terminal become \xNN.

    >>> printable("caf\udce9.jpg")
    'caf\\xe9.jpg'
    >>> printable("\x1b[2J\n.jpg")
    '\\x1b[2J\\n.jpg'
    """
    return UNPRINTABLE.sub(_escape, os.fspath(path))


def _escape(character: re.Match[str]) -> str:
    code = ord(character[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return character[0].encode("unicode_escape").decode()


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
    except ValueError as error:  # a NUL in the path
        raise PhotoError(f"{name} cannot be read: {error}") from error


def _open(content: bytes) -> "Image":
    """As PIL.Image.open, which warns of large images or refuses them by a limit of the whole process."""
    from PIL import Image, UnidentifiedImageError

    Image.preinit()
    for name in FORMATS:
        if name not in Image.OPEN:
            Image.init()
        factory, accept = Image.OPEN[name]
        if accept is None or accept(content[:16]) is True:
            return factory(io.BytesIO(content), "")
    raise UnidentifiedImageError("cannot identify image file")


def _decode(image: "Image", name: str, limits: Limits) -> Pixels:
    from PIL import ImageOps

    _check_size(image.width, image.height, name, limits)
    try:
        upright = ImageOps.exif_transpose(image)  # a copy, also where nothing is turned
        upright.info.pop("transparency", None)  # Pillow would warn that it drops some kinds
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
