"""The bundled detector as a whole, against facenet-pytorch 2.6.0 on the portraits, and on what holds no face."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

import faceprint as fp
from faceprint import mtcnn

# Landmarks of facenet-pytorch's MTCNN, in pixels, and the width of its box
REFERENCE = {
    "biden.jpg": (289.0, [[535.5, 321.9], [655.1, 345.9], [595.8, 407.0], [521.1, 460.2], [628.6, 479.8]]),
    "collins.png": (86.6, [[205.0, 101.7], [246.8, 103.7], [224.7, 129.0], [201.7, 139.2], [245.3, 141.9]]),
    "obama.jpg": (242.5, [[443.7, 213.7], [550.0, 211.2], [497.5, 278.1], [438.1, 321.2], [556.1, 317.0]]),
    "obama2.jpg": (274.3, [[250.7, 366.3], [371.6, 380.2], [284.9, 443.3], [245.8, 518.2], [352.9, 526.6]]),
    "obama3.jpg": (280.2, [[737.2, 384.1], [858.3, 397.7], [808.8, 441.2], [736.8, 512.2], [846.4, 526.0]]),
}


@pytest.fixture(scope="module")
def detector():
    return mtcnn.Mtcnn()


@pytest.mark.parametrize("name", REFERENCE)
def test_landmarks_are_those_of_the_original(detector, photos, name):
    width, expected = REFERENCE[name]
    found = detector.detect(fp.read_photo(photos / name))
    assert len(found.scores) == 1
    # The pyramid and the crops are sampled otherwise, which moves a landmark by up to 1.6 % of the face here
    assert np.abs(found.landmarks[0] - expected).max() < 0.03 * width
    left, top, right, bottom = found.boxes[0]
    assert right - left == pytest.approx(width, rel=0.08)
    assert ((found.landmarks[0] > [left, top]) & (found.landmarks[0] < [right, bottom])).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (19, 200), (200, 19), (250, 250)])
def test_nobody_is_found_on_grey(detector, shape):
    found = detector.detect(np.full((*shape, 3), 128, np.uint8))
    assert (found.boxes.shape, found.landmarks.shape, found.scores.shape) == ((0, 4), (0, 5, 2), (0,))
    assert {found.boxes.dtype, found.landmarks.dtype, found.scores.dtype} == {np.dtype(np.float32)}


def test_every_face_of_a_crowd(detector, photos, monkeypatch):
    face = fp.read_photo(photos / "collins.png")[40:200, 140:300]
    crowd = np.tile(face, (3, 4, 1))
    whole = detector.detect(crowd)
    middles = (whole.boxes[:, :2] + whole.boxes[:, 2:]) / 2 // 160
    assert sorted(middles.tolist()) == [[x, y] for x in range(4) for y in range(3)]
    monkeypatch.setattr(mtcnn, "CROPS", 5)  # the same in portions
    portions = detector.detect(crowd)
    np.testing.assert_allclose(portions.landmarks, whole.landmarks, atol=1e-2)


def test_the_second_look_is_taken_only_where_the_first_finds_nothing(detector, photos, monkeypatch):
    image = fp.read_photo(photos / "obama.jpg")
    strict, lenient = ([0.6, 0.7, 0.95], 0.0), ([0.6, 0.7, 0.7], 0.0)

    def count(*looks):
        monkeypatch.setattr(detector, "_looks", looks)
        return len(detector.detect(image).scores)

    assert (count(strict), count(lenient)) == (1, 2)  # the second is a false alarm
    assert count(strict, lenient) == 1
    assert count(([0.6, 0.7, 1.0], 0.0), lenient) == 2


def test_the_second_look_is_for_large_faces(detector, photos, monkeypatch):
    image = fp.read_photo(photos / "obama.jpg")
    left, top, right, bottom = detector.detect(image).boxes[0]
    share = min(right - left, bottom - top) / min(image.shape[:2])
    for asked, expected in ((share * 0.99, 1), (share * 1.01, 0)):
        monkeypatch.setattr(detector, "_looks", [([0.6, 0.7, 1.0], 0.0), ([0.6, 0.7, 0.95], asked)])
        assert len(detector.detect(image).scores) == expected


def textures():
    """Noise, blurred noise and gratings: on three of these, scores from 0.5 and every size would find a face."""
    rng = np.random.default_rng(0)
    for turn in range(40):
        side = int(rng.integers(100, 300))
        noise = Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8))
        blurred = np.asarray(noise.filter(ImageFilter.GaussianBlur(float(rng.uniform(1, 12)))), float)
        across, down = np.meshgrid(np.arange(side), np.arange(side))
        waves = sum(np.sin(across * a + down * b) for a, b in rng.uniform(-1, 1, (3, 2)))
        for image in (np.asarray(noise), blurred, np.repeat(waves[:, :, None], 3, axis=2)):
            stretched = (image - image.min()) / np.ptp(image) * 255
            yield f"texture {turn}", stretched.astype(np.uint8)


def test_nobody_is_found_on_textures(detector):
    for name, image in textures():
        assert len(detector.detect(image).scores) == 0, name


def test_what_is_no_box_is_cut_out_black(photos):
    image = fp.read_photo(photos / "collins.png")
    crops = mtcnn._crops(image, np.array([[9, 9, 2, 2], [0, 0, 1e30, 1e30]], np.float32), 24)
    assert (crops == np.float32(-127.5 / 128)).all()
