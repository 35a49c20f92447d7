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


@pytest.mark.parametrize(
    ("shape", "options", "smallest"),
    [((200, 1000), None, 20), ((200, 1500), None, 30), ((1500, 200), None, 30), ((90, 90), {"min_size": 40}, 40)],
)
def test_the_smallest_face_fills_a_window(shape, options, smallest):
    detector = mtcnn.Mtcnn(fp.DetectorOptions(**options) if options else None)
    scales = [scale for scale, _, _ in detector._judge_windows(mtcnn.Reductions(np.zeros((*shape, 3), np.uint8)))]
    assert scales[0] == 12 / smallest
    assert min(shape) * scales[-1] >= 12 > min(shape) * scales[-1] * detector._factor


def test_every_face_of_a_crowd(detector, photos, monkeypatch):
    face = fp.read_photo(photos / "collins.png")[40:200, 140:300]
    crowd = np.tile(face, (3, 4, 1))
    whole = detector.detect(crowd)
    middles = (whole.boxes[:, :2] + whole.boxes[:, 2:]) / 2 // 160
    assert sorted(middles.tolist()) == [[x, y] for x in range(4) for y in range(3)]
    monkeypatch.setattr(mtcnn, "CROPS", 5)  # the same in portions
    portions = detector.detect(crowd)
    np.testing.assert_allclose(portions.landmarks, whole.landmarks, atol=1e-2)


def test_networks_answer_in_shares_of_boxes(detector, monkeypatch):
    """P-Net's are of a window's side, the others' of one pixel more, for they count both edges, and from 1."""
    shares = np.float32([0, 0.25, 0.5, 0.75, 1, 1, 0.75, 0.5, 0.25, 0])

    def judge(network, copies, boxes, size):
        scores, right, down = np.ones(1, np.float32), np.float32([[0.5, 0, 0.5, 0]]), np.float32([[0, 0.25, 0, 0.25]])
        return [scores, right] if size == 24 else [scores, down, shares[None]]

    monkeypatch.setattr(detector, "_judge", judge)
    judged, moved = np.zeros((9, 9), np.float32), np.zeros((4, 9, 9), np.float32)
    judged[3, 5], moved[:, 3, 5] = 1, [0, -0.5, 0, -0.5]  # the window (11, 7) to (22, 18) of a half
    found = detector._cascade(None, [(0.5, judged, moved)], [0.6, 0.7, 0.7])
    left, top, right, bottom = 22 + 11.5, 14 - 11, 44 + 11.5, 36 - 11
    assert found.boxes.tolist() == [[left, top + 5.75, right, bottom + 5.75]]
    assert found.landmarks[0, :, 0].tolist() == (left - 1 + 23 * shares[:5]).tolist()
    assert found.landmarks[0, :, 1].tolist() == (top - 1 + 23 * shares[5:]).tolist()


def test_a_box_within_another_is_of_the_same_face(detector, monkeypatch):
    def judge(network, copies, boxes, size):
        scores, still = np.float32([0.9, 0.8])[: len(boxes)], np.zeros((len(boxes), 4), np.float32)
        return [scores, still] if size == 24 else [scores, still, np.zeros((len(boxes), 10), np.float32)]

    monkeypatch.setattr(detector, "_judge", judge)
    levels = []
    for scale, at in ((0.25, 1), (0.5, 5)):  # windows of 44 pixels from 8 on, and of 22 from 20 on
        judged = np.zeros((9, 9), np.float32)
        judged[at, at] = 1
        levels.append((scale, judged, np.zeros((4, 9, 9), np.float32)))
    large, small = (detector._cascade(None, [level], [0.6, 0.7, 0.7]).boxes.tolist() for level in levels)
    assert large[0][:2] < small[0][:2] < small[0][2:] < large[0][2:]
    assert detector._cascade(None, levels, [0.6, 0.7, 0.7]).boxes.tolist() == large


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


@pytest.fixture
def ramp():
    """Red rises along the columns, blue falls, green rises along the rows; odd sides, so that halves end in a pixel."""
    rows, columns = np.mgrid[:1333, :1777]
    red = (columns * 250 / 1777).round()
    return np.stack([red, (rows * 250 / 1333).round(), 250 - red], axis=2).astype(np.uint8)


def test_levels_lie_where_they_would_without_halved_copies(ramp):
    copies = mtcnn.Reductions(ramp)
    for width, height in ((1500, 1100), (401, 301), (97, 73), (21, 15)):
        level = copies.resize(width, height)
        assert level.shape == (height, width, 3)
        # Averages begin and end at whole pixels of the copy: a sixth of a pixel of the level away, at most
        across, down = ((np.arange(side) + 0.5) * 250 / side for side in (width, height))
        np.testing.assert_allclose(level[:, :, 0], np.tile(across, (height, 1)), atol=250 / width / 6 + 1)
        np.testing.assert_allclose(level[:, :, 1].T, np.tile(down, (width, 1)), atol=250 / height / 6 + 1)
        # and neither way on the whole; a copy taken for as large as its last, partial column would be 0.4 off there
        assert abs((level[:, :, 0] - across)[:, -width // 4 :].mean()) < 0.15
    assert [picture.size for picture in copies._pictures] == [(1777, 1333), (889, 667), (445, 334)]


def test_crops_lie_where_they_would_without_halved_copies(ramp):
    boxes = np.array([[101, 51, 148, 98], [40, 30, 500, 490], [300, 100, 1500, 1300], [-99, -99, 400, 400]], np.float32)
    halved, exact = mtcnn.Reductions(ramp).crops(boxes, 24), mtcnn._crops(ramp, boxes, 24)
    np.testing.assert_array_equal(halved[0], exact[0])  # two pixels become one: too few to halve
    np.testing.assert_allclose(halved[1:3], exact[1:3], atol=1.6 / 128)
    left, step = boxes[1:3, :1], (boxes[1:3, 2:3] - boxes[1:3, :1] + 1) / 24
    middles = left - 1.5 + (np.arange(24) + 0.5) * step  # boxes count pixels from 1
    for crops in (halved[1:3], exact[1:3]):
        found = (crops[:, 0] - crops[:, 2]).mean(axis=1) * 64 + 125  # rounding up adds to both
        assert abs((found - middles * 250 / 1777).mean()) < 0.05  # a third of a pixel
    np.testing.assert_allclose(halved[3, :2, 8:, 8:], exact[3, :2, 8:, 8:], atol=1.6 / 128)  # but for the edge


def test_copies_are_halved_while_three_pixels_are_left_for_one(ramp):
    copies = mtcnn.Reductions(ramp)
    assert [copies._halvings(step) for step in (1, 5.99, 6, 11.99, 12, 1000)] == [0, 0, 1, 1, 2, 2]
    for short, expected in ((511, 0), (512, 1), (1022, 1), (1023, 2)):  # and 256 of the short side; halves round up
        assert mtcnn.Reductions(np.zeros((short, 2000, 3), np.uint8))._halvings(1000) == expected


def test_boxes_that_are_none_need_no_copies(ramp):
    copies = mtcnn.Reductions(ramp)
    assert copies.crops(np.empty((0, 4), np.float32), 24).shape == (0, 3, 24, 24)
    assert (copies.crops(np.array([[9, 9, 2, 2], [np.nan] * 4], np.float32), 24) == np.float32(-127.5 / 128)).all()
    assert len(copies._pictures) == 1


def test_small_and_large_copies_of_a_photo_have_the_same_landmarks(detector, photos):
    image = Image.open(photos / "obama.jpg").convert("RGB")
    (alone,) = detector.detect(np.asarray(image)).landmarks
    large = image.resize((image.width * 2, image.height * 2), Image.Resampling.BICUBIC)
    (enlarged,) = detector.detect(np.asarray(large)).landmarks
    assert np.abs(enlarged / 2 - alone).max() < 0.02 * 242.5
