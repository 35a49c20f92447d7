"""Photograph in, upright RGB pixels out, within limits that are checked before anything large is decoded."""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .errors import PhotoError
from .expected import as_kind, as_number, as_whole
from .files import read_named

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels: TypeAlias = NDArray[np.uint8]
Photo: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | Image | Pixels | Frame"

SUFFIXES = frozenset(
    {".avif", ".bmp", ".gif", ".heic", ".heif", ".hif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
    | {".pbm", ".pgm", ".pnm", ".ppm"}  # which Pillow calls PPM
)
BYTES = (bytes, bytearray, memoryview)
# Control characters, those that turn the direction of writing, and surrogates, which stand for bytes that are not text
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a photograph may cost: `pixels`, length of one `side` in pixels, size of the file in `bytes`.

    They may be raised beyond what Pillow allows, except for GIF, TIFF and WebP, whose decoders hold to
    PIL.Image.MAX_IMAGE_PIXELS (they warn from that number of pixels and refuse from twice it). Each is an integer of 1
    or more: TypeError or ValueError otherwise.

    >>> Limits(pixels=400_000_000).side
    16384
    """

    pixels: int = 64_000_000
    side: int = 16_384
    bytes: int = 64 * 2**20

    def __post_init__(self) -> None:
        for name, number in asdict(self).items():
            as_whole(number, name, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a video: `pixels` (height, width, 3) uint8 RGB, upright, shown `seconds` after the first one.

    It may be given wherever a photograph may.

    >>> Frame(np.zeros((40, 30, 3), np.uint8), 0.5).pixels.shape
    (40, 30, 3)
    """

    pixels: Pixels
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A photograph as it was decoded: upright, at 1/`reduction` of its full size, which is `width` x `height` pixels.

    `pixels` is uint8 RGB of shape (rows, columns, 3): height and width over the reduction, rounded up. `origin` is the
    place of the first pixel's centre on the full photograph: x and y, where (0, 0) is the centre of its first pixel.
    """

    pixels: Pixels
    width: int
    height: int
    reduction: int
    origin: tuple[float, float]

    def to_full(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map points (..., 2), x and y on `pixels`, to the full photograph; a box is two points.

        >>> import numpy
        >>> decoded = Decoded(numpy.zeros((30, 40, 3), numpy.uint8), 80, 60, 2, (0.5, 0.5))
        >>> decoded.to_full(numpy.array([[0, 0], [39, 29]], numpy.float32)).tolist()
        [[0.5, 0.5], [78.5, 58.5]]
        """
        return (points * self.reduction + self.origin).astype(np.float32)


def read_photo(photo: Photo, *, limits: Limits | None = None, least: int | None = None) -> Pixels:
    """Decode a photograph to uint8 RGB of shape (height, width, 3), turned upright by its EXIF orientation.

    `photo` is a path, the bytes of an image file (JPEG, PNG, BMP, GIF, PPM, TIFF, WebP, AVIF; HEIF with the extra
    `heif`), a PIL image, a uint8 array of shape (height, width, 3) in RGB or (height, width) in grey, or a `Frame` of a
    video. Of an animated image the first frame is read; transparency is dropped and a colour profile ignored. Grey of
    more than 8 bits counts from 0 to 65,535, and is scaled to 8; grey of floats counts from 0 to 255. Where `least` is
    given, a JPEG file is decoded at the smallest of 1, 1/2, 1/4 and 1/8 of its size whose short side has that many
    pixels, which is faster; see `decode_photo` for the scale. `limits` always hold for the full size.

    Raises PhotoError where the file is missing, too large for `limits`, or not an image that can be decoded whole;
    TypeError or ValueError for an array of another dtype or shape; ValueError unless `least` is 1 or more.

    >>> import numpy
    >>> read_photo(numpy.zeros((40, 30), numpy.uint8)).shape
    (40, 30, 3)
    """
    return decode_photo(photo, limits=limits, least=least).pixels


def decode_photo(photo: Photo, *, limits: Limits | None = None, least: int | None = None) -> Decoded:
    """As `read_photo`, and tell the scale: how places on the pixels are places on the full photograph.

    >>> from faceprint.demo import PHOTOS
    >>> decoded = decode_photo(PHOTOS / "obama.jpg", least=200)
    >>> decoded.pixels.shape, decoded.width, decoded.height, decoded.reduction
    ((285, 228, 3), 910, 1137, 4)
    """
    limits = Limits() if limits is None else as_kind(limits, Limits, "limits")
    if least is not None and as_number(least, "least") < 1:
        raise ValueError(f"least must be 1 pixel or more, not {least}")
    if isinstance(photo, Frame):
        photo = photo.pixels
    if isinstance(photo, np.ndarray):
        return _whole(_from_array(photo, limits))
    from PIL.Image import Image

    from .decode import open_image

    name = photo_name(photo)
    if isinstance(photo, Image):
        return _decode(photo, name, limits)
    if not isinstance(photo, (str, os.PathLike, *BYTES)):
        hint = ": give what its read() returns" if hasattr(photo, "read") else ""
        raise TypeError(
            f"a photo must be a path, bytes, a PIL image, a numpy array or a Frame, not {type(photo).__name__}{hint}"
        )
    content = photo if isinstance(photo, BYTES) else read_named(photo, name, limits.bytes, PhotoError)
    size = memoryview(content).nbytes
    if size > limits.bytes:
        raise PhotoError(f"{name} has {size} bytes; the limit is {limits.bytes}")
    content = bytes(content)
    try:
        image = open_image(content)
    except Exception as error:  # plugins raise anything from SyntaxError to struct.error on a hostile header
        raise PhotoError(f"{name} is not an image that can be read: {_reason(error)}") from error
    with image:
        return _decode(image, name, limits, content, least)


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
    >>> printable("")
    "''"
    >>> printable("\x1b[2J\n.jpg")
    '\\x1b[2J\\n.jpg'
    """
    return UNPRINTABLE.sub(_escape, os.fspath(path)) or "''"


def _escape(character: re.Match[str]) -> str:
    code = ord(character[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return character[0].encode("unicode_escape").decode()


def find_photos(paths: "Sequence[str | os.PathLike[str]]") -> list[Path]:
    """List the photographs among `paths`: files as they are, folders searched to the bottom, in sorted order.

    A file counts as a photograph inside a folder by its suffix (`SUFFIXES`); hidden files and folders are passed over.
    Raises PhotoError for a path that does not exist, a folder without photographs, and one that cannot be read.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        try:
            is_folder = stat.S_ISDIR(path.stat().st_mode)
        except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in it
            raise PhotoError(f"{photo_name(path)} does not exist") from None
        except OSError as error:
            raise PhotoError(f"{photo_name(path)} cannot be read: {error.strerror}") from error
        if not is_folder:
            found.append(path)
            continue
        inside = sorted(_photos_below(path))
        if not inside:
            raise PhotoError(f"folder {printable(path)} holds no photographs ({', '.join(sorted(SUFFIXES))})")
        found += inside
    return found


def _photos_below(top: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise PhotoError(f"folder {printable(error.filename)} cannot be read: {error.strerror}") from error

    for folder, folders, files in os.walk(top, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]  # os.walk descends into what is left
        for name in files:
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith("."):
                yield Path(folder, name)


def _decode(
    image: "Image", name: str, limits: Limits, content: bytes | None = None, least: int | None = None
) -> Decoded:
    from .decode import choose_reduction, decode

    width, height = image.size
    _check_size(width, height, name, limits)
    reduction = 1 if content is None or least is None else choose_reduction(image, least)
    try:
        pixels, turn = decode(image, content, reduction)
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, ValueError, ...
        raise PhotoError(f"{name} cannot be decoded: {_reason(error)}") from error
    if reduction == 1:
        return _whole(pixels)
    if turn.exchange:
        width, height = height, width
    # The last row and column stand for fewer pixels where the size is no multiple; turned round, they are the first.
    missing_x = pixels.shape[1] * reduction - width if turn.mirror else 0
    missing_y = pixels.shape[0] * reduction - height if turn.flip else 0
    middle = (reduction - 1) / 2
    return Decoded(pixels, width, height, reduction, (middle - missing_x, middle - missing_y))


def _whole(pixels: Pixels) -> Decoded:
    return Decoded(pixels, pixels.shape[1], pixels.shape[0], 1, (0.0, 0.0))


def _from_array(array: NDArray[Any], limits: Limits) -> Pixels:
    if array.dtype != np.uint8:
        hint = "; give paths as a list" if array.dtype.kind in "US" else ""
        raise TypeError(f"a photo array must be uint8, not {array.dtype}{hint}")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3) or 0 in array.shape:
        raise ValueError(f"a photo array must have shape (height, width, 3) or (height, width), not {array.shape}")
    _check_size(array.shape[1], array.shape[0], "photo (ndarray)", limits)
    return np.repeat(array[:, :, None], 3, axis=2) if array.ndim == 2 else np.ascontiguousarray(array)


def _check_size(width: int, height: int, name: str, limits: Limits) -> None:
    if width * height > limits.pixels or max(width, height) > limits.side:
        raise PhotoError(
            f"{name} has {width} x {height} pixels; the limit is {limits.pixels} pixels and {limits.side} a side"
        )


def _reason(error: Exception) -> str:
    return str(error).partition(" <_io")[0] or type(error).__name__
