"""The bytes of an image file -> upright RGB pixels: which formats are read, and by which decoder."""

import io
import re
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

try:
    import simplejpeg
except ImportError:
    simplejpeg = None

FORMATS = ("PNG", "BMP", "GIF", "PPM", "TIFF", "WEBP")  # and those of `_family`: Pillow hands EPS to Ghostscript
AVIF = frozenset({b"avif", b"avis"})  # brands that ISO/IEC 14496-12 files name at their beginning
HEIF = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"})
REDUCTIONS = (8, 4, 2, 1)  # those that libjpeg decodes fast
JPEG_SCANS = 100  # a progressive photograph has about ten; each scan goes over all its pixels again
# What has a length, or ends it all: neither data, nor marks within a scan, nor below 0xC0 what libjpeg refuses or skips
JPEG_MARK = re.compile(rb"\xff[^\x00-\xbf\xd0-\xd7\xff]")
ORIENTATION = 0x0112  # the EXIF tag


class Turn(NamedTuple):
    """How stored pixels become upright: rows and columns exchanged, then columns reversed, then rows reversed."""

    exchange: bool = False
    mirror: bool = False
    flip: bool = False

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turn pixels of shape (height, width, 3); the result is contiguous.

        >>> import numpy
        >>> Turn(exchange=True)(numpy.zeros((2, 5, 3), numpy.uint8)).shape
        (5, 2, 3)
        """
        whole = pixels.view("V3")[:, :, 0]  # copied by the pixel, in half the time it takes by the byte
        if self.exchange:
            whole = whole.T
        if self.mirror:
            whole = whole[:, ::-1]
        if self.flip:
            whole = whole[::-1]
        return np.ascontiguousarray(whole).view(np.uint8).reshape(*whole.shape, 3)


def open_image(content: bytes) -> Image.Image:
    """As PIL.Image.open, which warns of large images or refuses them by a limit of the whole process."""
    factory: Any = _family(content) or _plugin(content)
    image: Image.Image = factory(io.BytesIO(content), "")
    return image


def choose_reduction(image: Image.Image, least: int) -> int:
    """The largest of `REDUCTIONS` that leaves the short side `least` whole pixels; 1 for what is no JPEG file."""
    if not isinstance(image, JpegImageFile):
        return 1
    return next((factor for factor in REDUCTIONS if min(image.size) // factor >= least), 1)


def decode(image: Image.Image, content: bytes | None = None, reduction: int = 1) -> tuple[NDArray[np.uint8], Turn]:
    """Decode an opened image, at 1/`reduction` of its width and height, rounded up, and tell how it was turned.

    `content` is the file where there is one; its decoder may be another than Pillow's. Decoders raise anything from
    OSError to SyntaxError and struct.error.
    """
    pixels = _decode_fast(image, content, reduction)
    if pixels is None:
        pixels = _decode(image, reduction)
    orientation = image.getexif().get(ORIENTATION)  # of a PNG it may stand behind the pixels
    turn = Turn(orientation in (5, 6, 7, 8), orientation in (2, 3, 6, 7), orientation in (3, 4, 7, 8))
    return turn(pixels), turn


def _family(content: bytes) -> Any:
    """What opens a JPEG, AVIF or HEIF file; None for another file."""
    if content.startswith(b"\xff\xd8\xff"):
        if content.count(b"\xff\xda") > JPEG_SCANS and _has_many_scans(content):
            raise ValueError(f"it has more than {JPEG_SCANS} scans, which is the limit")
        return JpegImageFile  # Pillow's own choice may also read the further pictures of an .mpo file
    brands = _brands(content)
    if brands & AVIF:
        try:
            from PIL.AvifImagePlugin import SUPPORTED, AvifImageFile
        except ImportError:
            SUPPORTED = False  # noqa: N806
        if not SUPPORTED:
            raise UnidentifiedImageError("it is AVIF, which needs Pillow's own wheel: pip install 'pillow>=11.3'")
        return AvifImageFile
    if brands & HEIF:
        try:
            from pillow_heif import HeifImageFile
        except ImportError:
            raise UnidentifiedImageError("it is HEIF, which needs pillow-heif: pip install 'faceprint[heif]'") from None
        return HeifImageFile
    return None


def _has_many_scans(content: bytes) -> bool:
    """Whether a JPEG begins more scans than allowed before its end, behind which a film may follow, for one."""
    scans, mark = 0, JPEG_MARK.search(content, 2)
    while mark and mark[0] != b"\xff\xd9" and scans <= JPEG_SCANS:
        scans += mark[0] == b"\xff\xda"
        behind = mark.end() + int.from_bytes(content[mark.end() : mark.end() + 2])
        mark = JPEG_MARK.search(content, behind)
    return scans > JPEG_SCANS


def _brands(content: bytes) -> set[bytes]:
    """The major and the compatible brands of an ISO/IEC 14496-12 file; none of another."""
    if content[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(content[:4]), 1024)
    return {content[8:12], *(content[at : at + 4] for at in range(16, end, 4))}


def _plugin(content: bytes) -> Any:
    Image.preinit()
    for name in FORMATS:
        if name not in Image.OPEN:
            Image.init()
        factory, accept = Image.OPEN[name]
        if accept is None or accept(content[:16]) is True:
            return factory
    raise UnidentifiedImageError("cannot identify image file")


def _decode_fast(image: Image.Image, content: bytes | None, reduction: int) -> NDArray[np.uint8] | None:
    """By simplejpeg, which is faster; None where it is not installed, or where Pillow has to judge the file."""
    if simplejpeg is None or content is None or not isinstance(image, JpegImageFile) or image.mode not in ("L", "RGB"):
        return None
    least = {"min_height": -(image.height // -reduction), "min_width": -(image.width // -reduction)}
    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(content, "RGB", **(least if reduction > 1 else {}))
    except ValueError:  # also where libjpeg only warns
        return None
    return pixels


def _decode(image: Image.Image, reduction: int) -> NDArray[np.uint8]:
    if reduction > 1:
        image.draft("RGB", (image.width // reduction, image.height // reduction))
    image.load()
    if image.mode in ("I", "I;16", "I;16B", "I;16L", "I;16N"):
        grey = (np.asarray(image).clip(0, 65_535) // 257).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if "transparency" in image.info:  # Pillow would warn that it drops some kinds
        image = image.copy()
        del image.info["transparency"]
    return np.asarray(image.convert("RGB"))
