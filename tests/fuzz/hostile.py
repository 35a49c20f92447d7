"""Images made to do harm, all from small ones that Pillow writes on the spot, and a run that reads them.

    python tests/fuzz/hostile.py --seconds 60 [--seed N]

Each must give an upright uint8 array or a PhotoError, within a few seconds, and leave no memory behind. What goes wrong
is printed with the seed and the number that make it again, and ends the run with 1.
"""

import argparse
import ctypes
import faulthandler
import gc
import io
import itertools
import random
import struct
import sys
import time
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image

from faceprint import Limits, PhotoError, read_photo

sys.path.insert(0, str(Path(__file__).parents[1]))  # as a script, too, this is part of a package

from fuzz.damage import SIZES, damaged_bytes

LIMITS = Limits(pixels=4_000_000, side=4_096)
SLOW = 20.0  # seconds for one image: far more than any takes, even on a busy machine
GROWTH = 32 * 2**20  # bytes of resident memory that may be left behind after the first reading of a corpus

Hostile = tuple[str, bytes]
Reader = Callable[..., np.ndarray]


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """The image as a file of this format."""
    content = io.BytesIO()
    image.copy().save(content, kind, **options)  # Pillow leaves settings of one format behind on the image
    return content.getvalue()


def base_images() -> list[Hostile]:
    """Whole images of every format and of the odder kinds: deep, palette, animated, CMYK, with profiles."""
    rows, columns = np.mgrid[:33, :47]
    rgb = Image.fromarray(np.stack([rows * 7, columns * 5, rows ^ columns], axis=2).astype(np.uint8))
    inverted = Image.eval(rgb, lambda value: 255 - value)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x011A] = 6, "a description", 72.0
    extra = {"exif": exif.tobytes(), "icc_profile": bytes(range(256)) * 3}
    animated = {"save_all": True, "append_images": [inverted, rgb.resize((47, 33))], "duration": 50}
    heif = io.BytesIO()
    pillow_heif.from_pillow(rgb).save(heif, exif=exif.tobytes(), quality=90)
    deep = Image.fromarray((rows * 1_900).astype(np.uint16))
    return [
        ("jpeg", saved(rgb, "JPEG", **extra)),
        ("jpeg progressive", saved(rgb, "JPEG", progressive=True, subsampling=0)),
        ("jpeg restarts", saved(rgb, "JPEG", restart_marker_blocks=2, subsampling=2)),
        ("jpeg grey", saved(rgb.convert("L"), "JPEG")),
        ("jpeg cmyk", saved(rgb.convert("CMYK"), "JPEG")),
        ("jpeg ycck", with_adobe_transform(saved(rgb.convert("CMYK"), "JPEG"), 2)),
        ("mpo", saved(rgb, "MPO", save_all=True, append_images=[inverted])),
        ("png", saved(rgb, "PNG", **extra)),
        ("png 16 bits", saved(deep, "PNG")),
        ("png palette", saved(rgb.convert("P"), "PNG", transparency=b"\0\x80")),
        ("png bits", saved(rgb.convert("1"), "PNG", transparency=1)),
        ("apng", saved(rgb, "PNG", **animated)),
        ("gif", saved(rgb.convert("P"), "GIF", interlace=1)),
        ("gif animated", saved(rgb, "GIF", **animated)),
        ("bmp", saved(rgb, "BMP")),
        ("bmp palette", saved(rgb.convert("P"), "BMP")),
        ("ppm", saved(rgb, "PPM")),
        ("pgm 16 bits", saved(deep, "PPM")),
        ("plain ppm", b"P3 4 3 255 " + b"1 22 255 " * 12),
        ("tiff", saved(rgb, "TIFF", exif=exif)),
        ("tiff lzw", saved(rgb, "TIFF", compression="tiff_lzw", tiffinfo={317: 2})),
        ("tiff jpeg", saved(rgb, "TIFF", compression="jpeg")),
        ("tiff deflate cmyk", saved(rgb.convert("CMYK"), "TIFF", compression="tiff_adobe_deflate")),
        ("tiff fax", saved(rgb.convert("1"), "TIFF", compression="group4")),
        ("tiff 32 bits", saved(Image.fromarray(rows.astype(np.int32) * 3_000), "TIFF")),
        ("tiff float", saved(Image.fromarray(rows.astype(np.float32)), "TIFF")),
        ("tiff pages", saved(rgb, "TIFF", save_all=True, append_images=[inverted.copy()])),
        ("webp", saved(rgb, "WEBP", **extra)),
        ("webp lossless", saved(rgb.convert("RGBA"), "WEBP", lossless=True)),
        ("webp animated", saved(rgb, "WEBP", **animated)),
        ("avif", saved(rgb, "AVIF", exif=exif.tobytes())),
        ("avif animated", saved(rgb, "AVIF", **animated)),
        ("heif", heif.getvalue()),
    ]


def with_adobe_transform(jpeg: bytes, transform: int) -> bytes:
    """A CMYK JPEG that says its colours are stored otherwise: 2 is YCCK."""
    end = jpeg.index(b"Adobe") + 11
    return jpeg[:end] + bytes([transform]) + jpeg[end + 1 :]


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of these raw rows, whatever its header promises."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    body = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def bombs() -> Iterator[Hostile]:
    """Small files that promise or unfold to something large, and files that contradict themselves."""
    for width, height in itertools.product(SIZES, (0, 1, 5_000, 2**32 - 1)):
        yield f"png of {width} x {height}", png(width, height, 8, 2, b"\0" * 1000)
    yield "png with far more rows than promised", png(8, 8, 8, 2, b"\0" * 20_000_000)
    yield (
        "png with a large text",
        png(8, 8, 8, 0, b"\0" * 72, (b"zTXt", b"k\0\0" + zlib.compress(b"a" * 20_000_000, 9))),
    )
    yield (
        "png with a large profile",
        png(8, 8, 8, 0, b"\0" * 72, (b"iCCP", b"k\0\0" + zlib.compress(b"a" * 20_000_000, 9))),
    )
    for depth, colour in itertools.product((0, 1, 2, 3, 16, 32), (0, 2, 3, 4, 6, 7)):
        yield f"png of depth {depth} and colour {colour}", png(8, 8, depth, colour, b"\0" * 600)
    yield "png palette without colours", png(8, 8, 8, 3, b"\0\xff" * 36, (b"PLTE", b""))
    for size in SIZES:
        field = struct.pack("<I", size)
        whole = bytearray(saved(Image.new("RGB", (8, 8)), "BMP"))
        for at in (10, 14, 18, 22, 30, 46):  # where pixels begin, size of the header, width, height, packing, colours
            yield f"bmp with {size} at {at}", bytes(whole[:at]) + field + bytes(whole[at + 4 :])
        gif = saved(Image.new("P", (8, 8)), "GIF")
        yield f"gif of {size & 0xFFFF} a side", gif[:6] + struct.pack("<HH", size & 0xFFFF, size & 0xFFFF) + gif[10:]
        yield f"ppm of {size} a side", b"P6 %d %d 255\n" % (size, size) + b"a" * 300
        yield f"tiff whose directory is at {size}", b"II*\0" + field + b"\0" * 100
    yield "bmp of run lengths that never end", bmp_of_runs(b"\0\0" * 50_000)
    yield "bmp of run lengths that leap", bmp_of_runs(b"\0\2\xff\xff" * 50_000)
    yield "tiff whose directory follows itself", tiff({}, following=8)
    yield "tiff with a strip at the end of the world", tiff({273: 2**32 - 1, 279: 2**32 - 1})
    yield "tiff of no rows a strip", tiff({278: 0})
    yield "tiff of 65535 samples", tiff({277: 65_535})
    for width, height in itertools.product((0, 1, 16_383, 16_384), repeat=2):
        frame = struct.pack("<HH", width, height)
        webp = saved(Image.new("RGB", (8, 8)), "WEBP")
        at = webp.index(b"\x9d\x01\x2a") + 3
        yield f"webp of {width} x {height}", webp[:at] + frame + webp[at + 4 :]
    jpeg = saved(Image.new("RGB", (8, 8)), "JPEG")
    frame_at = jpeg.index(b"\xff\xc0") + 5
    for height, width in itertools.product((0, 1, 4_000, 65_535), repeat=2):
        yield f"jpeg of {width} x {height}", jpeg[:frame_at] + struct.pack(">HH", height, width) + jpeg[frame_at + 4 :]
    scan = jpeg.index(b"\xff\xda")
    yield "jpeg of a thousand scans", jpeg[:-2] + 1000 * jpeg[scan:-2] + b"\xff\xd9"
    yield "jpeg of a thousand scans behind marks without a length", jpeg[:-2] + 1000 * (b"\xff\x01" + jpeg[scan:-2])
    yield "jpeg of a thousand comments", jpeg[:2] + 1000 * b"\xff\xfe\0\x04ab" + jpeg[2:]
    yield "jpeg that is all markers", b"\xff\xd8\xff" + b"\xff" * 100_000


def bmp_of_runs(runs: bytes) -> bytes:
    """A BMP of 2,000 x 2,000 pixels packed by run lengths."""
    start = 54 + 1024
    header = struct.pack("<2sIHHI", b"BM", start + len(runs), 0, 0, start)
    return header + struct.pack("<IiiHHIIiiII", 40, 2000, 2000, 1, 8, 1, 0, 0, 0, 0, 0) + bytes(1024) + runs


def tiff(tags: dict[int, int], following: int = 0) -> bytes:
    """A grey TIFF of 8 x 8 pixels, with some tags otherwise."""
    wanted = {256: 8, 257: 8, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 8, 279: 64} | tags
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(wanted.items()))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(wanted)) + entries + struct.pack("<I", following) + b"\0" * 64


def profiles(bases: list[Hostile]) -> Iterator[Hostile]:
    """Odd EXIF and ICC profiles in a JPEG, a PNG and a WebP."""
    image = Image.new("RGB", (24, 16), (200, 100, 50))
    odd = {f"orientation {value}": orientation(value) for value in (0, 1, 6, 8, 9, 255, 65_535)}
    for kind, count in ((2, 4), (3, 0), (3, 2**31), (5, 1), (7, 3), (12, 1), (13, 1), (99, 1)):
        odd[f"orientation of type {kind}, {count} times"] = orientation(6, kind, count)
    odd["nothing"] = b"Exif\0\0"
    odd["a directory that points to itself"] = b"Exif\0\0II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 0x8769, 4, 1, 8)
    odd["a directory out of bounds"] = b"Exif\0\0II*\0\xff\xff\xff\x7f"
    odd["noise"] = b"Exif\0\0" + random.Random(0).randbytes(500)
    for name, exif in odd.items():
        for kind in ("JPEG", "PNG", "WEBP"):
            yield f"{kind} with EXIF of {name}", saved(image, kind, exif=exif)
    for icc in (b"", b"\0", b"\xff" * 128, random.Random(1).randbytes(4_000)):
        for kind in ("JPEG", "PNG", "TIFF", "WEBP"):
            yield f"{kind} with an ICC profile of {len(icc)} bytes", saved(image, kind, icc_profile=icc)
    for name, content in bases:
        yield f"{name} behind a zip", b"PK\x03\x04" + content
        yield f"{name} followed by a zip", content + b"PK\x03\x04" * 50


def orientation(value: int, kind: int = 3, count: int = 1) -> bytes:
    """EXIF of one tag, the orientation."""
    entry = struct.pack("<HHII", 0x0112, kind, count & 0xFFFFFFFF, value)
    return b"Exif\0\0II*\0\x08\0\0\0\1\0" + entry + bytes(4)


def truncated(bases: list[Hostile]) -> Iterator[Hostile]:
    """Every image cut off in its header, behind each of its marks, and along the way."""
    for name, content in bases:
        ends = {
            *range(0, min(64, len(content)), 7),
            *(len(content) * part // 8 for part in range(1, 8)),
            len(content) - 1,
        }
        for end in sorted(ends):
            yield f"{name} cut after {end} bytes", content[:end]


def damaged(bases: list[Hostile], seed: int) -> Iterator[Hostile]:
    """Without end: bits flipped, bytes at their extremes, pieces repeated, left out or taken from another image."""
    for number in itertools.count():
        chance = random.Random(f"{seed} {number}")
        name, content = chance.choice(bases)
        altered = damaged_bytes(content, [other for _, other in bases], chance)
        yield f"{name} damaged by seed {seed}, number {number}", altered


def corpus(seed: int) -> Iterator[Hostile]:
    """All of them: the whole images, what is made with care, and then damaged ones without end."""
    bases = base_images()
    yield from bases
    yield from bombs()
    yield from profiles(bases)
    yield from truncated(bases)
    yield from damaged(bases, seed)


def judge(content: bytes, read: Reader = read_photo) -> str:
    """What came of reading an image: "read", "refused", or a sentence on what must not be."""
    start = time.perf_counter()
    try:
        pixels = read(content, limits=LIMITS, least=10)
    except PhotoError:
        verdict = "refused"
    except BaseException as error:  # a panic of a decoder written in Rust is no Exception
        return f"raised {type(error).__name__}: {error}"
    else:
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
            return f"gave {pixels.dtype} of shape {pixels.shape}"
        if pixels.shape[0] * pixels.shape[1] > LIMITS.pixels:
            return f"gave more pixels than allowed: {pixels.shape}"
        verdict = "read"
    seconds = time.perf_counter() - start
    return verdict if seconds < SLOW else f"took {seconds:.0f} s"


def resident() -> int:
    """Bytes of memory this process holds, once the C library has given back what is free (Linux)."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def run(seed: int, images: int | None, seconds: float | None, read: Reader = read_photo) -> int:
    """Read as many `images`, or for `seconds`; return 0 where all went well."""
    for _, content in itertools.islice(corpus(seed), min(images or 1_000, 1_000)):  # what is loaded once is no leak
        judge(content, read)
    before, end = resident(), time.monotonic() + (seconds or float("inf"))
    counts = {"read": 0, "refused": 0}
    failures = 0
    for name, content in itertools.islice(corpus(seed), images):
        if time.monotonic() > end:
            break
        faulthandler.dump_traceback_later(3 * SLOW, exit=True, file=sys.__stderr__)
        verdict = judge(content, read)
        faulthandler.cancel_dump_traceback_later()
        if verdict in counts:
            counts[verdict] += 1
        else:
            failures += 1
            print(f"{name}: {verdict}", flush=True)
    growth = resident() - before
    if growth > GROWTH:
        failures += 1
        print(f"{growth / 2**20:.0f} MB of memory left behind")
    print(
        f"{counts['read']} read, {counts['refused']} refused, {failures} failures, {growth / 2**20:.1f} MB more memory"
    )
    return 1 if failures else 0


def main() -> None:
    """Read hostile images for a while."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--images", type=int, help="how many to read")
    parser.add_argument("--seconds", type=float, help="for how long to read")
    arguments = parser.parse_args()
    if arguments.images is None and arguments.seconds is None:
        parser.error("give --images or --seconds, for the images never end")
    faulthandler.enable()
    warnings.simplefilter("error")
    sys.exit(run(arguments.seed, arguments.images, arguments.seconds))


if __name__ == "__main__":
    main()
