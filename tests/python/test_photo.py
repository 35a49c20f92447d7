"""Photographs in: every kind of source, and every way one can be broken."""

import errno
import io
import os
import struct
import sys
import zlib

import numpy as np
import pillow_heif
import pytest
import simplejpeg
from PIL import AvifImagePlugin, Image

from faceprint import Limits, PhotoError, VideoLimits, decode, read_photo, read_video
from faceprint.photo import decode_photo, find_photos, printable


@pytest.fixture
def gradient():
    rows, columns = np.mgrid[:24, :32]
    return np.stack([rows * 8, columns * 6, rows + columns], axis=2).astype(np.uint8)


def encoded(image, kind="PNG", **options):
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


@pytest.fixture(params=["simplejpeg", "Pillow"])
def jpeg_decoder(request, monkeypatch):
    """Both decoders of JPEG files, one after the other; says whether it is the one under test that ran."""
    ran = []

    class Watched:
        @staticmethod
        def decode_jpeg(*words, **options):
            pixels = simplejpeg.decode_jpeg(*words, **options)
            ran.append(pixels.shape)
            return pixels

    monkeypatch.setattr(decode, "simplejpeg", Watched if request.param == "simplejpeg" else None)
    return lambda: bool(ran) == (request.param == "simplejpeg")


def test_path_bytes_image_and_array_give_the_same_pixels(gradient, tmp_path):
    image = Image.fromarray(gradient)
    path = tmp_path / "a.png"
    image.save(path)
    content = path.read_bytes()
    for photo in (path, str(path), content, bytearray(content), memoryview(content), image, gradient):
        np.testing.assert_array_equal(read_photo(photo), gradient)


def stored(pixels, orientation):
    """The image that shows `pixels` once it is turned by this EXIF orientation, and the tag."""
    turned = {
        1: lambda x: x,
        2: lambda x: x[:, ::-1],
        3: lambda x: x[::-1, ::-1],
        4: lambda x: x[::-1],
        5: lambda x: x.transpose(1, 0, 2),
        6: lambda x: np.rot90(x, 1),
        7: lambda x: x[::-1, ::-1].transpose(1, 0, 2),
        8: lambda x: np.rot90(x, -1),
    }[orientation](pixels)
    exif = Image.Exif()
    exif[0x0112] = orientation
    return Image.fromarray(np.ascontiguousarray(turned)), exif


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured(gradient, orientation, kind):
    image, exif = stored(gradient, orientation)
    options = {"lossless": True} if kind == "WEBP" else {}
    np.testing.assert_array_equal(read_photo(encoded(image, kind, exif=exif, **options)), gradient)


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
def test_exif_orientation_that_does_not_exist(gradient, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(read_photo(encoded(Image.fromarray(gradient), exif=exif)), gradient)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "1"])
def test_other_modes_become_rgb(gradient, mode):
    image = Image.fromarray(gradient).convert(mode)
    assert read_photo(encoded(image, "TIFF")).shape == gradient.shape


@pytest.mark.parametrize("orientation", range(1, 9))
def test_jpeg_is_turned_by_both_decoders(gradient, orientation, jpeg_decoder):
    image, exif = stored(gradient, orientation)
    pixels = read_photo(encoded(image, "JPEG", exif=exif, quality=100, subsampling=0))
    assert jpeg_decoder()
    np.testing.assert_allclose(pixels.astype(int), gradient, atol=3)  # rounding in colours and cosines


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"keep_rgb": True}])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_both_decoders_agree(photos, monkeypatch, mode, options):
    image = Image.open(photos / "collins.png").convert(mode).crop((100, 40, 333, 217))
    content = encoded(image, "JPEG", **options)
    for least in (None, 80, 40, 20):
        fast = read_photo(content, least=least)
        with monkeypatch.context() as patch:
            patch.setattr(decode, "simplejpeg", None)
            np.testing.assert_allclose(fast.astype(int), read_photo(content, least=least), atol=2)


def test_cmyk_jpeg_is_left_to_pillow(gradient, monkeypatch):
    image = Image.fromarray(gradient).convert("CMYK")
    content = encoded(image, "JPEG", quality=100)
    monkeypatch.setattr(simplejpeg, "decode_jpeg", None)  # calling it would be an error
    expected = np.asarray(image.convert("RGB")).astype(int)
    np.testing.assert_allclose(read_photo(content).astype(int), expected, atol=6)


@pytest.mark.parametrize(
    ("least", "reduction"),
    [(None, 1), (500, 1), (200, 1), (101, 1), (100, 2), (51, 2), (50, 4), (26, 4), (25, 8), (1, 8)],
)
def test_jpeg_is_decoded_as_small_as_allowed(least, reduction, jpeg_decoder):
    decoded = decode_photo(encoded(Image.new("RGB", (317, 201)), "JPEG"), least=least)
    assert jpeg_decoder()
    assert (decoded.width, decoded.height, decoded.reduction) == (317, 201, reduction)
    assert decoded.pixels.shape == (-(201 // -reduction), -(317 // -reduction), 3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("least", [150, 75, 35, 20])
def test_places_on_a_reduced_photo_are_places_on_the_whole(orientation, least, jpeg_decoder):
    rows, columns = np.mgrid[:203, :299]
    spot = np.exp(-((rows - 60.3) ** 2 + (columns - 211.8) ** 2) / 200)  # its middle is at (211.8, 60.3)
    image, exif = stored(np.repeat((255 * spot).astype(np.uint8)[:, :, None], 3, axis=2), orientation)
    decoded = decode_photo(encoded(image, "JPEG", exif=exif, quality=95), least=least)
    assert jpeg_decoder()
    assert (decoded.width, decoded.height) == (299, 203)
    seen = np.maximum(decoded.pixels[:, :, 1].astype(float) - 20, 0)
    y, x = (np.average(place, weights=seen) for place in np.indices(seen.shape))
    found = decoded.to_full(np.array([[x, y]], np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[211.8, 60.3]], atol=0.25)


def test_only_jpeg_files_are_reduced(gradient):
    for photo in (encoded(Image.fromarray(gradient)), Image.fromarray(gradient), gradient):
        decoded = decode_photo(photo, least=4)
        assert (decoded.pixels.shape, decoded.reduction, decoded.origin) == (gradient.shape, 1, (0, 0))
        assert (decoded.width, decoded.height) == (32, 24)
    opened = Image.open(io.BytesIO(encoded(Image.fromarray(gradient), "JPEG")))
    assert decode_photo(opened, least=4).reduction == 1
    assert opened.size == (32, 24)  # somebody else's image stays as it is


@pytest.mark.parametrize("least", [0, -5])
def test_least_is_a_number_of_pixels(gradient, least):
    with pytest.raises(ValueError, match=rf"^least must be 1 pixel or more, not {least}$"):
        read_photo(gradient, least=least)


def jpeg_of_rows(width, strips):
    """A flat grey JPEG of `strips` x 8 rows that is written without ever being held: its strips are all the same."""
    content = encoded(Image.new("L", (width, 16), 90), "JPEG", restart_marker_rows=1)
    scan = content.index(b"\xff\xda")
    strip = content[scan + 2 + int.from_bytes(content[scan + 2 : scan + 4]) : content.index(b"\xff\xd0")]
    frame = content.index(b"\xff\xc0") + 5
    head = content[:frame] + struct.pack(">H", 8 * strips) + content[frame + 2 : content.index(strip)]
    return head + b"".join(strip + bytes([0xFF, 0xD0 + at % 8]) for at in range(strips))[:-2] + b"\xff\xd9"


def test_four_hundred_megapixels(jpeg_decoder):
    content = jpeg_of_rows(20_000, 2_500)
    with pytest.raises(PhotoError, match=r"has 20000 x 20000 pixels; the limit is 64000000 pixels and 16384 a side$"):
        read_photo(content, least=500)
    limits = Limits(pixels=400_000_000, side=20_000)
    assert decode_photo(content, limits=limits, least=2_500).pixels.shape == (2500, 2500, 3)
    assert jpeg_decoder()


def test_jpeg_of_endless_scans(gradient):
    content = encoded(Image.fromarray(gradient), "JPEG", progressive=True)
    last = content.rindex(b"\xff\xda")
    with pytest.raises(PhotoError, match=r"can be read: it has more than 100 scans, which is the limit$"):
        read_photo(content[:-2] + 200 * content[last:-2] + b"\xff\xd9")
    scans = content.count(b"\xff\xda")
    at_most = content[:-2] + (100 - scans) * content[last:-2] + b"\xff\xd9"
    assert read_photo(at_most).shape == gradient.shape


@pytest.mark.parametrize("mark", [b"\xff\x01", b"\xff\x02", b"\xff\xbf", b"\xff\x00", b"\xff\xd3", b"\xff\xff"])
@pytest.mark.parametrize("restarts", [0, 1])
def test_marks_without_a_length_hide_no_scans(gradient, mark, restarts):
    """Each mark is followed by scans for as many bytes as would be skipped if the first two of them were a length."""
    content = encoded(Image.fromarray(gradient), "JPEG", progressive=True, restart_marker_blocks=restarts)
    last = content[content.rindex(b"\xff\xda") : -2]
    head = last[: 2 + int.from_bytes(last[2:4])]
    skipped = int.from_bytes(head[:2])
    hidden = last * ((skipped - len(last)) // len(last))
    rest = skipped - len(hidden) - len(head)
    filled = hidden + b"\xff\xfe" + (rest - 2).to_bytes(2) + bytes(rest - 4) + head
    with pytest.raises(PhotoError, match=r"it has more than 100 scans, which is the limit$"):
        read_photo(content[:-2] + head + 2 * (mark + filled) + b"\xff\xd9")


def test_bytes_that_only_look_like_scans(gradient):
    image = Image.fromarray(gradient)
    content = encoded(image, "JPEG", progressive=True, comment=500 * b"\xff\xda") + b"\0\2" + 500 * b"\xff\xda\0\2"
    np.testing.assert_array_equal(read_photo(content), read_photo(encoded(image, "JPEG", progressive=True)))
    plain = encoded(image, "JPEG")
    segment = 200 * b"\xff\xda\0\2"
    first = plain[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2) + segment + plain[2:]
    np.testing.assert_array_equal(read_photo(first), read_photo(plain))


def test_the_first_picture_of_an_mpo(gradient):
    first, second = Image.fromarray(gradient), Image.fromarray(255 - gradient)
    content = encoded(first, "MPO", save_all=True, append_images=[second], quality=100, subsampling=0)
    np.testing.assert_allclose(read_photo(content, least=24).astype(int), gradient, atol=3)
    spoilt = content.replace(b"MPF\0II", b"MPF\0XX").replace(b"MPF\0MM", b"MPF\0XX")
    assert spoilt != content
    np.testing.assert_array_equal(read_photo(spoilt), read_photo(content))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_heif_is_read_and_turned(gradient, orientation):
    image, exif = stored(gradient.repeat(4, 0).repeat(4, 1), orientation)
    content = io.BytesIO()
    pillow_heif.from_pillow(image).save(content, exif=exif.tobytes(), quality=-1, chroma=444)
    pixels = read_photo(content.getvalue())[::4, ::4]
    np.testing.assert_allclose(pixels.astype(int), gradient, atol=3)


def test_brands_are_the_first_and_the_compatible_ones():
    head = b"\0\0\0\x18ftypmif1\0\0\0\0heicmiafavif"
    assert decode._brands(head) == {b"mif1", b"heic", b"miaf"}  # what lies behind the box is none of it
    assert decode._brands(b"\0\0\0\x10ftypavif\0\0\0\0") == {b"avif"}
    assert decode._brands(b"\0\0\0\x18free" + head[8:]) == set()
    assert len(decode._brands(b"\0\1\0\0" + head[4:16] + b"".join(b"%04d" % number for number in range(999)))) == 253


@pytest.mark.parametrize("orientation", range(1, 9))
def test_avif_is_read_and_turned(gradient, orientation):
    image, exif = stored(gradient, orientation)
    content = encoded(image, "AVIF", exif=exif, quality=100, subsampling="4:4:4")
    np.testing.assert_allclose(read_photo(content).astype(int), gradient, atol=3)


def test_heif_without_the_extra(gradient, monkeypatch, tmp_path):
    path = tmp_path / "a.heic"
    pillow_heif.from_pillow(Image.fromarray(gradient)).save(path)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(PhotoError, match=r"a\.heic is not .* needs pillow-heif: pip install 'faceprint\[heif\]'$"):
        read_photo(path)


def test_heif_with_an_item_that_has_no_name(gradient):
    content = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(gradient)).save(content, exif=Image.Exif().tobytes())
    whole = content.getvalue()
    damaged = whole.replace(b"\0\0Exif\0", b"\0\0E\xf8if\0")  # some readers crash
    assert damaged != whole
    np.testing.assert_array_equal(read_photo(damaged), read_photo(whole))


def test_avif_where_pillow_has_none(gradient, monkeypatch):
    content = encoded(Image.fromarray(gradient), "AVIF")
    monkeypatch.setattr(AvifImagePlugin, "SUPPORTED", False)
    with pytest.raises(PhotoError, match=r"it is AVIF, which needs Pillow's own wheel: pip install 'pillow>=11\.3'$"):
        read_photo(content)
    monkeypatch.setitem(sys.modules, "PIL.AvifImagePlugin", None)  # as in Pillow 11.2
    with pytest.raises(PhotoError, match="it is AVIF, which needs"):
        read_photo(content)


def test_neither_heif_nor_avif():
    with pytest.raises(PhotoError, match="cannot identify image file"):
        read_photo(b"\0\0\0\x18ftypisom\0\0\2\0isomiso2")


def test_sixteen_bit_grey_is_scaled():
    grey = np.array([[0, 257, 65_535]], np.uint16)
    np.testing.assert_array_equal(read_photo(encoded(Image.fromarray(grey)))[:, :, 0], [[0, 1, 255]])
    grey = np.array([[256, 300, 65_534]], np.uint16)
    for content in (encoded(Image.fromarray(grey)), encoded(Image.fromarray(grey.astype(np.int32)), "TIFF")):
        np.testing.assert_array_equal(read_photo(content)[:, :, 0], [[0, 1, 254]])


def test_exif_orientation_of_an_image_that_was_never_a_file():
    image = Image.fromarray(np.zeros((2, 3, 3), np.uint8))
    image.getexif()[0x0112] = 6
    assert read_photo(image).shape == (3, 2, 3)


@pytest.mark.parametrize("transparent", [0, b"\0\x80\xff"])
def test_transparency_is_dropped_without_a_warning(gradient, transparent):
    palette = Image.fromarray(gradient).convert("P")
    expected = read_photo(encoded(palette))
    np.testing.assert_array_equal(read_photo(encoded(palette, transparency=transparent)), expected)


def test_animation_gives_its_first_frame(gradient):
    first, second = Image.fromarray(gradient), Image.fromarray(255 - gradient)
    content = encoded(first, "WEBP", lossless=True, save_all=True, append_images=[second])
    np.testing.assert_array_equal(read_photo(content), gradient)


def test_names_do_not_decide_what_a_file_is(gradient, tmp_path):
    path = tmp_path / "a.gif"
    path.write_bytes(encoded(Image.fromarray(gradient)))
    np.testing.assert_array_equal(read_photo(path), gradient)


def test_other_formats_are_not_read(gradient, tmp_path):
    path = tmp_path / "postscript.jpg"
    Image.fromarray(gradient).save(path, "EPS")  # which Pillow would hand to Ghostscript
    with pytest.raises(PhotoError, match=r"postscript\.jpg is not an image that can be read: cannot identify"):
        read_photo(path)


def test_path_with_a_nul():
    with pytest.raises(PhotoError, match=r"^photo a\\x00\.jpg cannot be read: embedded null byte$"):
        read_photo("a\0.jpg")


def test_missing_file(tmp_path):
    with pytest.raises(PhotoError, match=r"^photo .*nobody\.jpg does not exist$"):
        read_photo(tmp_path / "nobody.jpg")
    with pytest.raises(PhotoError, match=r"^photo '' does not exist$"):
        read_photo("")


def test_folder_in_place_of_a_file(tmp_path):
    with pytest.raises(PhotoError, match="cannot be read: Is a directory"):
        read_photo(tmp_path)


def test_truncated_jpeg(gradient, jpeg_decoder):
    content = encoded(Image.fromarray(gradient).resize((320, 240)), "JPEG")
    with pytest.raises(PhotoError, match=r"^photo \(\d+ bytes\) cannot be decoded: image file is truncated"):
        read_photo(content[: len(content) // 2])


def test_text_named_jpg(tmp_path):
    path = tmp_path / "notes.jpg"
    path.write_text("this is not a photograph")
    with pytest.raises(PhotoError, match=r"notes\.jpg is not an image that can be read: cannot identify image file$"):
        read_photo(path)


def bomb(width, height):
    """A PNG whose header promises width x height pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def test_decompression_bomb():
    with pytest.raises(PhotoError, match=r"has 60000 x 60000 pixels; the limit is 64000000 pixels and 16384 a side$"):
        read_photo(bomb(60_000, 60_000))


@pytest.mark.parametrize("most", [1, 500])  # Pillow refuses from twice this number of pixels, and warns from once
def test_limits_alone_decide(gradient, monkeypatch, most):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
    for kind in ("PNG", "BMP", "PPM"):
        np.testing.assert_array_equal(read_photo(encoded(Image.fromarray(gradient), kind)), gradient)


def test_more_pixels_than_allowed():
    with pytest.raises(PhotoError, match=r"has 9000 x 8000 pixels; the limit is 64000000 pixels and 16384 a side$"):
        read_photo(bomb(9_000, 8_000))


def test_side_longer_than_allowed():
    with pytest.raises(PhotoError, match=r"has 20000 x 10 pixels"):
        read_photo(bomb(20_000, 10))


def test_limits_may_be_raised_and_lowered(gradient):
    assert read_photo(gradient, limits=Limits(pixels=24 * 32, side=32)).shape == gradient.shape
    content = encoded(Image.fromarray(gradient))
    assert read_photo(content, limits=Limits(bytes=len(content))).shape == gradient.shape
    with pytest.raises(PhotoError, match=r"has 32 x 24 pixels; the limit is 700 pixels"):
        read_photo(gradient, limits=Limits(pixels=700))
    with pytest.raises(PhotoError, match=r"has \d+ bytes; the limit is 10$"):
        read_photo(encoded(Image.fromarray(gradient)), limits=Limits(bytes=10))


@pytest.mark.parametrize("limits", [Limits, VideoLimits])
@pytest.mark.parametrize(
    ("number", "error", "text"),
    [
        (0, ValueError, "must be 1 or more, not 0"),
        (-1, ValueError, "must be 1 or more, not -1"),
        (float("nan"), TypeError, "must be a whole number, not float"),
        (float("inf"), TypeError, "must be a whole number, not float"),
        ("a", TypeError, "must be a whole number, not str"),
        (None, TypeError, "must be a whole number, not NoneType"),
    ],
)
def test_limits_are_whole_numbers(limits, number, error, text):
    for name in limits.__dataclass_fields__:
        with pytest.raises(error, match=f"^{name} {text}$"):
            limits(**{name: number})
        assert limits(**{name: np.int32(7)}) == limits(**{name: 7})


def test_limits_of_another_kind(gradient):
    with pytest.raises(TypeError, match=r"^limits must be a Limits, not VideoLimits$"):
        read_photo(gradient, limits=VideoLimits())
    with pytest.raises(TypeError, match=r"^least must be a number, not str$"):
        read_photo(gradient, least="8")
    with pytest.raises(TypeError, match=r"^limits must be a VideoLimits, not Limits$"):
        read_video("a.mp4", limits=Limits())


def test_large_file_is_not_read_whole(tmp_path):
    path = tmp_path / "large.jpg"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(PhotoError, match=r"the limit is 67108864$"):
        read_photo(path)


@pytest.mark.parametrize(
    ("array", "error", "text"),
    [
        (np.zeros((4, 4, 3), np.float32), TypeError, "^a photo array must be uint8, not float32$"),
        (np.array(["a.jpg"]), TypeError, "^a photo array must be uint8, not <U5; give paths as a list$"),
        (np.zeros((4, 4, 4), np.uint8), ValueError, r"\(height, width, 3\) or \(height, width\), not \(4, 4, 4\)"),
        (np.zeros((0, 4, 3), np.uint8), ValueError, r"not \(0, 4, 3\)"),
        (np.zeros(4, np.uint8), ValueError, r"not \(4,\)"),
        (7, TypeError, "a photo must be a path, bytes, a PIL image, a numpy array or a Frame, not int$"),
        ({}, TypeError, "a photo must be a path, bytes, a PIL image, a numpy array or a Frame, not dict$"),
        (io.BytesIO(), TypeError, r"a Frame, not BytesIO: give what its read\(\) returns$"),
    ],
)
def test_what_is_not_a_photo(array, error, text):
    with pytest.raises(error, match=text):
        read_photo(array)


def test_names_that_are_not_utf8(gradient, tmp_path):
    path = os.path.join(os.fsencode(tmp_path), b"caf\xe9.png")  # noqa: PTH118 - bytes
    name = os.fsdecode(path)
    Image.fromarray(gradient).save(name)
    np.testing.assert_array_equal(read_photo(name), gradient)
    assert printable(name).endswith(r"caf\xe9.png")
    assert [os.fspath(found) for found in find_photos([tmp_path])] == [name]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\x1b[2J.jpg", r"\x1b[2J.jpg"),
        ("a\nb\x7f\x9b.jpg", r"a\nb\x7f\x9b.jpg"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("\ud800.jpg", r"\ud800.jpg"),
        ("\udc7f\udc80\udcff\udd00.jpg", r"\udc7f\x80\xff\udd00.jpg"),  # a name's bytes, and what lies around them
        ("Zoë 3\u202fPM 👩\u200d🚀.jpg", "Zoë 3\u202fPM 👩\u200d🚀.jpg"),
    ],
)
def test_names_control_no_terminal(name, shown):
    assert printable(name) == shown


@pytest.mark.parametrize(
    "suffix",
    ["avif", "bmp", "gif", "heic", "heif", "hif", "jpeg", "jpg", "png", "tif", "tiff", "webp"]
    + [f"p{kind}m" for kind in "bgnp"],
)
def test_every_suffix_is_found(tmp_path, suffix):
    (tmp_path / f"a.{suffix}").touch()
    assert find_photos([tmp_path]) == [tmp_path / f"a.{suffix}"]


def test_folders_are_searched_in_order(gradient, tmp_path):
    for name in ("b/2.PNG", "a/1.jpg", "a/notes.txt", ".hidden/3.png", "a/.4.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert find_photos([tmp_path]) == [tmp_path / "a/1.jpg", tmp_path / "b/2.PNG"]


def test_folder_without_photographs(tmp_path):
    with pytest.raises(PhotoError, match=r"^folder .* holds no photographs \(\.avif, \.bmp, \.gif"):
        find_photos([tmp_path])
    with pytest.raises(PhotoError, match=r"nowhere does not exist$"):
        find_photos([tmp_path / "nowhere"])
    with pytest.raises(PhotoError, match=r"^photo x{300} cannot be read: File name too long$"):
        find_photos(["x" * 300])


def test_no_folder_is_passed_over_in_silence(tmp_path, monkeypatch):
    (tmp_path / "1.jpg").touch()
    (tmp_path / "more").mkdir()
    list_folder = os.scandir

    def fail(folder):
        if folder == str(tmp_path / "more"):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), folder)
        return list_folder(folder)

    monkeypatch.setattr(os, "scandir", fail)
    with pytest.raises(PhotoError) as raised:
        find_photos([tmp_path])
    assert str(raised.value) == f"folder {tmp_path / 'more'} cannot be read: Too many open files"
