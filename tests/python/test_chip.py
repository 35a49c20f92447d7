import re

import numpy as np
import pytest

import reference
from faceprint import _core
from faceprint.chip import TEMPLATES, named_alignment
from reference.backends import RUNNABLE, each_backend, using

TEMPLATE = np.array([[38.0, 52.0], [74.0, 52.0], [56.0, 72.0], [42.0, 92.0], [71.0, 92.0]])


def photo(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def turned(scale, angle, x0, y0):
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return [[c, -s, x0], [s, c, y0]]


AFFINES = np.array(
    [
        turned(0.4, 0.3, 5, 6),
        turned(1, 0, 0, 0),
        turned(0.99, -2, 40, 30),
        turned(1.7, 0.7, 10, -8),
        turned(2.6, -1, -3, 30),
        turned(3.8, 3, 60, 60),
        turned(4.6, -0.4, 60, 60),
        turned(5.9, 0.2, -6, 6),
        turned(9.5, 0.1, -20, -30),
        [[2.5, 0.3, 1], [0.2, 0.6, 3]],
        [[13, 0.1, -30], [0, 1, 5]],
    ]
)


# A box's position and side are rounded to 2^-14 of a pixel along both axes, where neighbours differ by at most 255:
# 4 * 255 * 2^-14 = 0.06. What float32 rounds is far less.
@each_backend
@pytest.mark.parametrize(("height", "width"), [(1, 1), (9, 17), (18, 16)])
def test_equals_the_reference(backend, height, width):
    image = photo(50, 71)
    with using(backend):
        chips = _core.chips(image, AFFINES, height, width, layout="NHWC")
    assert chips.shape == (len(AFFINES), height, width, 3)
    for chip, affine in zip(chips, AFFINES, strict=True):
        np.testing.assert_allclose(chip, reference.chip(image, affine, height, width), rtol=0, atol=0.1)


def test_is_the_same_to_the_bit_on_all_backends_and_threads():
    image, affines = photo(300, 400), np.tile(AFFINES, (5, 1, 1))
    with using("portable"):
        expected = _core.chips(image, affines, 60, 51, threads=1).tobytes()
    for backend in RUNNABLE:
        with using(backend):
            for threads in (0, 1, 2, 5):
                assert _core.chips(image, affines, 60, 51, threads=threads).tobytes() == expected


@each_backend
def test_copies_pixels_where_the_map_is_the_identity(backend):
    image = photo(20, 37)
    with using(backend):
        chips = _core.chips(image, np.array([[[1.0, 0, 0], [0, 1, 0]]]), 20, 37, layout="NHWC")
    np.testing.assert_array_equal(chips[0], image)


def test_averages_where_the_chip_shrinks_the_image():
    # A whole scale with samples on pixel centres is the plain mean of blocks: here 3 x 3.
    image = photo(30, 45)
    chip = _core.chips(image, np.array([[[3.0, 0, 1], [0, 3, 1]]]), 10, 15, layout="NHWC")[0]
    np.testing.assert_allclose(chip, image.reshape(10, 3, 15, 3, 3).mean(axis=(1, 3)), atol=1e-4)


def exact_mean(image, affine, side, fine=16):
    """The mean of the image, constant over each pixel, over each pixel of the chip: a turned square, finely sampled."""
    steps = (np.arange(side * fine) + 0.5) / fine - 0.5
    u, v = np.meshgrid(steps, steps)
    x, y = np.floor(np.einsum("ij,jhw->ihw", affine, [u, v, np.ones_like(u)]) + 0.5).astype(int)
    return image[y, x].reshape(side, fine, side, fine, 3).mean(axis=(1, 3))


def bilinear(image, affine, side):
    u, v = np.meshgrid(np.arange(side), np.arange(side))
    x, y = np.einsum("ij,jhw->ihw", affine, [u, v, np.ones_like(u)])
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, down = (x - left)[..., None], (y - top)[..., None]
    upper = image[top, left] * (1 - right) + image[top, left + 1] * right
    lower = image[top + 1, left] * (1 - right) + image[top + 1, left + 1] * right
    return upper * (1 - down) + lower * down


def checkerboard(side):
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    return np.repeat(((x + y) % 2 * 255)[..., None], 3, axis=2).astype(np.uint8)


def zone_plate(side):
    """Rings that become finer outwards, up to 2 pixels a ring."""
    x, y = np.meshgrid(np.arange(side) - side / 2, np.arange(side) - side / 2)
    rings = 127.5 + 127.5 * np.cos(np.pi * (x * x + y * y) / side)
    return np.repeat(np.rint(rings)[..., None], 3, axis=2).astype(np.uint8)


# An upright box stands for a turned one: 7.4 grey levels on average on the worst of these.
@pytest.mark.parametrize("angle", [0, 0.3])
@pytest.mark.parametrize("scale", [1.6, 2.0, 2.5, 3.0, 4.7, 8.3])
@pytest.mark.parametrize("pattern", [checkerboard, zone_plate])
def test_nothing_aliases_where_the_chip_shrinks_the_image(pattern, scale, angle):
    side = 40
    image = pattern(int(scale * side * 1.5) + 8)
    affine = np.array(turned(scale, angle, 0, 0))
    affine[:, 2] = len(image) / 2 + 0.23 - affine[:, :2] @ [side / 2, side / 2]
    exact = exact_mean(image, affine, side)
    chip = _core.chips(image, affine[None], side, side, layout="NHWC")[0]
    assert np.abs(chip - exact).mean() < 8
    assert np.abs(bilinear(image, affine, side) - exact).mean() > 10  # which would not do


@pytest.mark.parametrize("twin", [False, True])
@pytest.mark.parametrize("channels", ["RGB", "BGR"])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_arranges_values_as_asked(layout, channels, twin):
    image, mean, scale = photo(50, 70), np.float32([1, 20, 30]), np.float32([0.5, 0.25, 3])
    chips = _core.chips(image, AFFINES, 9, 17, layout, channels, mean, scale, twin=twin)
    expected = _core.chips(image, AFFINES, 9, 17, layout="NHWC")[..., :: -1 if channels == "BGR" else 1]
    expected = (expected - mean) * scale
    if twin:
        expected = np.stack([expected, expected[:, :, ::-1]], axis=1)
    np.testing.assert_array_equal(chips, np.moveaxis(expected, -1, -3) if layout == "NCHW" else expected)


# What float32 rounds, on numbers of up to 6 deviations: 1e-5 at most.
@each_backend
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_whitens_each_chip_by_itself(backend, layout):
    image, mean, scale = photo(50, 70), np.float32([0.1, 0.2, 0.3]), np.float32([2, 3, 4])
    with using(backend):
        chips = _core.chips(image, AFFINES, 9, 17, layout, "BGR", mean, scale, whitening=True, twin=True)
        plain = _core.chips(image, AFFINES, 9, 17, layout="NHWC").astype(np.float64)
    white = (reference.whitened(plain)[..., ::-1] - mean) * scale
    expected = np.stack([white, white[:, :, ::-1]], axis=1)
    np.testing.assert_allclose(
        chips, np.moveaxis(expected, -1, -3) if layout == "NCHW" else expected, rtol=0, atol=1e-4
    )


def test_a_chip_of_one_grey_is_whitened_to_nothing():
    grey = np.full((40, 40, 3), 77, np.uint8)
    assert np.abs(_core.chips(grey, IDENTITY, 8, 8, whitening=True)).max() < 1e-3
    grey[4, 4] = 78  # a quarter of it in each of four pixels: the deviation is below 1 / sqrt(values), which counts
    white = _core.chips(grey, IDENTITY + 0.5 * np.eye(3)[2], 30, 30, whitening=True)
    assert white.max() == pytest.approx((0.25 - 1 / 900) * np.sqrt(2700), abs=1e-3)


@each_backend
@pytest.mark.parametrize("whitening", [False, True])
def test_half_precision_is_float32_rounded(backend, whitening):
    image, options = photo(50, 70), {"mean": (100, 120, 0), "scale": (1 / 256, 1, 100), "whitening": whitening}
    with using(backend):
        halves = _core.chips(image, AFFINES, 9, 17, **options, twin=True, dtype="float16")
        floats = _core.chips(image, AFFINES, 9, 17, **options, twin=True)
    assert halves.dtype == np.float16
    np.testing.assert_array_equal(halves, floats.astype(np.float16))


def test_takes_an_image_for_each_chip():
    images = [photo(40 + i, 60, seed=i) for i in range(len(AFFINES))]
    chips = _core.chips(images, AFFINES, 9, 17)
    for chip, image, affine in zip(chips, images, AFFINES, strict=True):
        np.testing.assert_array_equal(chip, _core.chips(image, affine[None], 9, 17)[0])
    assert _core.chips([], np.empty((0, 2, 3)), 9, 17).shape == (0, 3, 9, 17)


def test_is_black_outside():
    far = np.array([turned(1, 0, 2.0**30 - 100, 0), turned(1, 1, -5e8, -5e8), turned(0.5, 0, 0, 1e9)])
    assert not _core.chips(photo(5, 5), far, 4, 4).any()
    edge = _core.chips(np.full((4, 4, 3), 200, np.uint8), np.array([[[1.0, 0, -1.5], [0, 1, 0]]]), 1, 4)
    np.testing.assert_array_equal(edge[0, 0, 0], [0, 100, 200, 200])


def test_reads_views_without_copies():
    image = photo(40, 60)
    for view in (image[::-1], image[::2], image[5:30, 7:40], image[3:4]):
        np.testing.assert_array_equal(
            _core.chips(view, AFFINES, 8, 8), _core.chips(np.ascontiguousarray(view), AFFINES, 8, 8)
        )


def test_makes_no_chips_of_no_faces():
    assert _core.chips(photo(4, 4), np.empty((0, 2, 3)), 5, 6).shape == (0, 3, 5, 6)
    assert _core.align(np.empty((0, 5, 2), np.float32), TEMPLATE).shape == (0, 2, 3)


IDENTITY = np.array([[[1.0, 0, 0], [0, 1, 0]]])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"image": "x"}, TypeError, "image must be a numpy array, not str"),
        ({"image": [[1]]}, TypeError, "image must be a numpy array, not list"),
        ({"image": photo(4, 4) / 255}, TypeError, "image must be uint8, not float64"),
        ({"image": photo(4, 4)[..., 0]}, ValueError, "image must have shape (height, width, 3), not (4, 4)"),
        (
            {"image": np.zeros((4, 4, 4), np.uint8)},
            ValueError,
            "image must have shape (height, width, 3), not (4, 4, 4)",
        ),
        (
            {"image": photo(4, 8)[:, ::2]},
            ValueError,
            "image must have adjacent pixels in each row; pass numpy.ascontiguousarray(image)",
        ),
        (
            {"image": photo(4, 4)[..., ::-1]},
            ValueError,
            "image must have adjacent pixels in each row; pass numpy.ascontiguousarray(image)",
        ),
        ({"image": photo(0, 4)}, ValueError, "image must have at least 1 x 1 pixels, not 0 x 4"),
        ({"image": photo(4, 0)}, ValueError, "image must have at least 1 x 1 pixels, not 4 x 0"),
        ({"affines": IDENTITY.astype(np.float32)}, TypeError, "affines must be float64, not float32"),
        ({"affines": IDENTITY[0]}, ValueError, "affines must have shape (n, 2, 3), not (2, 3)"),
        (
            {"affines": np.array([[[1.0, 0, 0], [0, 1, 0]]] * 4)[::2]},
            ValueError,
            "affines must have C order; pass numpy.ascontiguousarray(affines)",
        ),
        (
            {"affines": np.concatenate([IDENTITY, IDENTITY * np.nan])},
            ValueError,
            "affines must be finite and reach less than 2^30 pixels: affine 1 does not",
        ),
        (
            {"affines": IDENTITY * 2e9},
            ValueError,
            "affines must be finite and reach less than 2^30 pixels: affine 0 does not",
        ),
        ({"height": 0}, ValueError, "height must be in [1, 4096], not 0"),
        ({"width": 4097}, ValueError, "width must be in [1, 4096], not 4097"),
        ({"width": 10**12}, ValueError, "width must be in [1, 4096], not 1000000000000"),
        ({"height": 4.0}, TypeError, "height must be an integer, not float"),
        ({"layout": "CHW"}, ValueError, "layout must be 'NCHW' or 'NHWC', not 'CHW'"),
        ({"channels": "rgb"}, ValueError, "channels must be 'RGB' or 'BGR', not 'rgb'"),
        ({"mean": 0.5}, TypeError, "mean must be three numbers, not float"),
        ({"mean": (1, 2)}, ValueError, "mean must be three numbers, not 2"),
        ({"mean": (1, 2, "x")}, TypeError, "mean must be three numbers, not str"),
        ({"mean": (1, 2, np.nan)}, ValueError, "mean must be finite"),
        ({"scale": (1, 2, np.inf)}, ValueError, "scale must be finite"),
        ({"scale": (1, 2, 3, 4)}, ValueError, "scale must be three numbers, not 4"),
        ({"dtype": "half"}, ValueError, "dtype must be 'float32' or 'float16', not 'half'"),
        (
            {"dtype": "float16", "scale": (1, 1, 300)},
            ValueError,
            "mean and scale must keep values within 65504 for float16",
        ),
        (
            {"dtype": "float16", "whitening": True, "mean": (0, 1e5, 0)},
            ValueError,
            "mean and scale must keep values within 65504 for float16",
        ),
        ({"image": [photo(4, 4)] * 2}, ValueError, "image must be one array or as many as affines, 1, not 2"),
        ({"image": [photo(4, 4) / 255]}, TypeError, "image must be uint8, not float64"),
        ({"threads": -1}, ValueError, "threads must be 0 (all) or more, not -1"),
    ],
)
def test_refuses_wrong_arguments(change, error, message):
    arguments = {"image": photo(4, 4), "affines": IDENTITY, "height": 4, "width": 4, **change}
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        _core.chips(**arguments)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_align_equals_the_paper(dtype):
    random = np.random.default_rng(0)
    faces = []
    for _ in range(40):
        affine = np.array(turned(random.uniform(0.1, 9), random.uniform(-4, 4), *random.uniform(-500, 500, 2)))
        faces.append(TEMPLATE @ affine[:, :2].T + affine[:, 2] + random.normal(0, 3, (5, 2)))
    landmarks = np.array(faces, dtype)
    found = _core.align(landmarks, TEMPLATE)
    assert found.dtype == np.float64
    for affine, face in zip(found, landmarks, strict=True):
        np.testing.assert_allclose(affine, reference.align(face, TEMPLATE), rtol=0, atol=1e-9)


def test_align_never_mirrors():
    mirrored = TEMPLATE * [-1, 1] + np.random.default_rng(0).normal(0, 5, (5, 2))
    affine = _core.align(mirrored[None], TEMPLATE)[0]
    assert np.linalg.det(affine[:, :2]) > 0
    np.testing.assert_allclose(affine, reference.align(mirrored, TEMPLATE), atol=1e-9)


FACE = TEMPLATE[None]
DEGENERATE = "landmarks and template must be five points with an extent and a common orientation"


@pytest.mark.parametrize(
    ("landmarks", "template", "error", "message"),
    [
        (TEMPLATE.tolist(), TEMPLATE, TypeError, "landmarks must be a numpy array, not list"),
        (FACE.astype(int), TEMPLATE, TypeError, "landmarks must be float64, not int64"),
        (TEMPLATE, TEMPLATE, ValueError, "landmarks must have shape (n, 5, 2), not (5, 2)"),
        (FACE[:, :4], TEMPLATE, ValueError, "landmarks must have shape (n, 5, 2), not (1, 4, 2)"),
        (
            np.repeat(FACE, 4, axis=0)[::2],
            TEMPLATE,
            ValueError,
            "landmarks must have C order; pass numpy.ascontiguousarray(landmarks)",
        ),
        (FACE, TEMPLATE.astype(np.float32), TypeError, "template must be float64, not float32"),
        (FACE, FACE, ValueError, "template must have shape (5, 2), not (1, 5, 2)"),
        (FACE, TEMPLATE.T.copy().T, ValueError, "template must have C order; pass numpy.ascontiguousarray(template)"),
        (FACE * np.nan, TEMPLATE, ValueError, "landmarks must be finite"),
        (FACE, TEMPLATE * np.inf, ValueError, "template must be finite"),
        (np.full((1, 5, 2), 3.0), TEMPLATE, ValueError, DEGENERATE),
        (FACE, np.full((5, 2), 3.0), ValueError, DEGENERATE),
    ],
)
def test_align_refuses_wrong_arguments(landmarks, template, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        _core.align(landmarks, template)


def test_does_not_blur_at_a_scale_of_one_but_for_rounding():
    image, scale = photo(20, 20), 1 + 1e-9
    chip = _core.chips(image, np.array([[[scale, 0, 0], [0, scale, 0]]]), 16, 16, layout="NHWC")[0]
    np.testing.assert_allclose(chip, image[:16, :16], atol=1e-2)


@pytest.mark.parametrize("row", [0, 1])
def test_refuses_either_axis_beyond_reach(row):
    affine = IDENTITY.copy()
    affine[0, row, 2] = 2.0**31
    with pytest.raises(ValueError, match="reach less than"):
        _core.chips(photo(5, 5), affine, 4, 4)


def test_a_box_fills_the_chip_but_for_the_margin():
    box = np.array([[10.0, 20.0, 90.0, 60.0]])
    affine = _core.align_boxes(box, 0.2, 50, 200)[0]
    # The chip's edges are half a pixel beyond its first and last pixels; a tenth of it lies on each side of the box.
    for corner, expected in ((-0.5 + 20, -0.5 + 5), (10, 20)), ((-0.5 + 180, -0.5 + 45), (90, 60)):
        np.testing.assert_allclose(affine @ [*corner, 1], expected, atol=1e-9)
    assert affine[0, 1] == affine[1, 0] == 0
    np.testing.assert_array_equal(_core.align_boxes(box.astype(np.float32), 0.2, 50, 200)[0], affine)
    assert _core.align_boxes(np.empty((0, 4)), 0, 5, 5).shape == (0, 2, 3)


BOX = np.array([[1.0, 2.0, 3.0, 4.0]])
NO_BOX = "boxes must be finite, left < right and top < bottom"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"boxes": BOX[0]}, ValueError, "boxes must have shape (n, 4), not (4,)"),
        ({"boxes": BOX.astype(int)}, TypeError, "boxes must be float64, not int64"),
        ({"boxes": BOX[:, ::-1].copy()}, ValueError, NO_BOX),
        ({"boxes": np.array([[1.0, 2.0, 3.0, 2.0]])}, ValueError, NO_BOX),
        ({"boxes": BOX * np.nan}, ValueError, NO_BOX),
        ({"boxes": np.array([[1.0, 2.0, np.inf, 4.0]])}, ValueError, NO_BOX),
        ({"margin": 1}, ValueError, "margin must be in [0, 1), not 1.000000"),
        ({"margin": np.nan}, ValueError, "margin must be in [0, 1), not nan"),
        ({"margin": -0.1}, ValueError, "margin must be in [0, 1), not -0.100000"),
        ({"margin": "x"}, TypeError, "margin must be a number, not str"),
        ({"height": 0}, ValueError, "height must be in [1, 4096], not 0"),
        ({"width": 5000}, ValueError, "width must be in [1, 4096], not 5000"),
    ],
)
def test_align_boxes_refuses_wrong_arguments(change, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        _core.align_boxes(**{"boxes": BOX, "margin": 0, "height": 4, "width": 4, **change})


def test_the_template_of_arcface():
    """As insightface states it; every embedding depends on each of these numbers."""
    side, points = TEMPLATES["arcface"]
    assert side == 112
    np.testing.assert_array_equal(
        points, [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
    )
    assert named_alignment("arcface", 224) == tuple((2 * x, 2 * y) for x, y in named_alignment("arcface", 112))
