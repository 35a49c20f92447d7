import re

import numpy as np
import pytest

import reference
from faceprint import _core
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
        turned(4.1, 3, 60, 60),
        [[2.5, 0.3, 1], [0.2, 0.6, 3]],
    ]
)


# Positions are rounded to 2^-20 of a pixel at worst and neighbouring pixels differ by at most 255 each way: 5e-4. Each
# float32 operation rounds by at most 2^-24 of 255, and no value passes through more than 9 + 2 * 64: 2.1e-3.
@each_backend
@pytest.mark.parametrize(("height", "width"), [(1, 1), (9, 17), (18, 16)])
def test_equals_the_reference(backend, height, width):
    image = photo(50, 70)
    with using(backend):
        chips = _core.chips(image, AFFINES, height, width, layout="NHWC")
    assert chips.shape == (len(AFFINES), height, width, 3)
    for chip, affine in zip(chips, AFFINES, strict=True):
        np.testing.assert_allclose(chip, reference.chip(image, affine, height, width), rtol=0, atol=3e-3)


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


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("channels", ["RGB", "BGR"])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_arranges_values_as_asked(layout, channels, mirror):
    image, mean, scale = photo(50, 70), np.float32([1, 20, 30]), np.float32([0.5, 0.25, 3])
    chips = _core.chips(image, AFFINES, 9, 17, layout, channels, mean, scale, mirror)
    plain = _core.chips(image, AFFINES, 9, 17, layout="NHWC")
    expected = plain[:, :, :: -1 if mirror else 1, :: -1 if channels == "BGR" else 1]
    expected = (expected - mean) * scale
    np.testing.assert_array_equal(chips, expected.transpose(0, 3, 1, 2) if layout == "NCHW" else expected)


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
