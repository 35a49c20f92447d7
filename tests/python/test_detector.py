"""Detectors: suppression, the arithmetic of YuNet and SCRFD on graphs with known answers, options, what is refused."""

import numpy as np
import pytest
from PIL import Image

from faceprint import DetectorOptions, NetworkError, RecipeError, load, read_photo
from faceprint.detector import letterbox, suppress
from faceprint.detectors import open_detector
from faceprint.model import BUNDLED
from faceprint.scrfd import Scrfd
from faceprint.yunet import STRIDES
from stand_ins import scrfd, yunet


def suppress_obviously(boxes, scores, overlap, of_smaller):
    def shared(a, b):
        sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
        return sides.clip(0).prod()

    def area(a):
        return (a[2] - a[0]) * (a[3] - a[1])

    kept = []
    for row in sorted(range(len(boxes)), key=lambda row: (-scores[row], row)):
        a = boxes[row]
        for other in kept:
            b = boxes[other]
            whole = min(area(a), area(b)) if of_smaller else area(a) + area(b) - shared(a, b)
            if shared(a, b) > overlap * whole:
                break
        else:
            kept.append(row)
    return kept


@pytest.mark.parametrize("of_smaller", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_suppression_equals_the_obvious(seed, of_smaller):
    rng = np.random.default_rng(seed)
    low = rng.integers(0, 20, (30, 2))
    boxes = np.hstack([low, low + rng.integers(1, 15, (30, 2))]).astype(np.float32)
    scores = rng.integers(0, 10, 30).astype(np.float32)
    expected = suppress_obviously(boxes, scores, 0.4, of_smaller)
    assert suppress(boxes, scores, 0.4, of_smaller=of_smaller).tolist() == expected


def test_suppression_of_nothing():
    assert suppress(np.empty((0, 4), np.float32), np.empty(0, np.float32), 0.5).tolist() == []


def test_yunet_decodes_cells(tmp_path):
    points = [0.5, 1.0, 1.5, 1.0, 1.0, 1.5, 0.5, 2.0, 1.5, 2.0]
    answers = {
        "cls_16": {5: 0.81, 6: 0.2},  # cell 5 of a 4 x 4 grid: column 1, row 1
        "obj_16": {5: 1.0, 6: 1.0},
        "bbox_16": {5: [0.5, 0.25, np.log(2), np.log(3)]},
        "kps_16": {5: points},
    }
    detector = open_detector(yunet(tmp_path / "y.onnx", 64, answers))
    found = detector.detect(np.zeros((50, 60, 3), np.uint8))  # padded to 64 x 64
    np.testing.assert_allclose(found.scores, [0.9], atol=1e-6)
    np.testing.assert_allclose(found.boxes, [[24 - 16, 20 - 24, 24 + 16, 20 + 24]], atol=1e-4)
    np.testing.assert_allclose(found.landmarks[0], (np.array(points).reshape(5, 2) + 1) * 16, atol=1e-4)


def test_yunet_looks_at_large_photos_reduced(tmp_path):
    answers = {"cls_32": {0: 1.0}, "obj_32": {0: 1.0}}
    detector = open_detector(yunet(tmp_path / "y.onnx", 1280, answers))
    found = detector.detect(np.zeros((2560, 2560, 3), np.uint8))
    np.testing.assert_allclose(found.boxes, [[-32, -32, 32, 32]], atol=1e-4)


def test_yunet_finds_nobody(tmp_path):
    found = open_detector(yunet(tmp_path / "y.onnx", 32, {})).detect(np.zeros((32, 32, 3), np.uint8))
    assert (found.boxes.shape, found.landmarks.shape, found.scores.shape) == ((0, 4), (0, 5, 2), (0,))


def test_what_is_no_detector(tmp_path):
    path = yunet(tmp_path / "other.onnx", 32, {}, drop=("kps_8",))
    with pytest.raises(
        RecipeError,
        match=r"^detector other\.onnx must be one of YuNet \(outputs cls_8 \.\.\. kps_32\); SCRFD with key points \("
        r"three outputs each of 1 \(scores\), 4 \(boxes\) and 10 columns \(key points\)\), each with one image as "
        r"input; this one has the inputs \[\(1, 3, None, None\)\] and the outputs cls_8 \[1, 16, 1\], obj_8 ",
    ):
        load(detector=path)
    with pytest.raises(RecipeError, match=r"^detector boxes\.onnx must be one of "):  # SCRFD without key points
        load(detector=scrfd(tmp_path / "boxes.onnx", 32, 32, {}, drop=[(10, stride) for stride in STRIDES]))
    with pytest.raises(RecipeError, match=r"this one has the inputs \[\(None, 3, 150, 150\)\] and the outputs"):
        load(detector=BUNDLED)
    (tmp_path / "text.onnx").write_text("not a network")
    with pytest.raises(NetworkError, match=r"text\.onnx is not a network that ONNX Runtime can load"):
        load(detector=tmp_path / "text.onnx")
    with pytest.raises(NetworkError, match=r"nothing\.onnx does not exist"):
        load(detector=tmp_path / "nothing.onnx")


def test_yunet_is_given_bgr_padded_with_black(tmp_path, monkeypatch):
    detector = open_detector(yunet(tmp_path / "y.onnx", 32, {}))
    run, seen = detector._session.run, []
    monkeypatch.setattr(detector._session, "run", lambda inputs: seen.append(inputs["input"]) or run(inputs))
    detector.detect(np.full((20, 30, 3), [200, 0, 7], np.uint8))
    (given,) = seen
    assert given.shape == (1, 3, 32, 32)
    assert given[0, :, 0, 0].tolist() == [7, 0, 200]
    assert not given[0, :, 20:].any()
    assert not given[0, :, :, 30:].any()


def test_yunet_enlarges_landmarks_with_the_boxes(tmp_path):
    answers = {"cls_32": {41: 1.0}, "obj_32": {41: 1.0}, "kps_32": {41: [1.0] * 10}}  # column 1, row 1 of 40 x 40
    found = open_detector(yunet(tmp_path / "y.onnx", 1280, answers)).detect(np.zeros((2560, 2560, 3), np.uint8))
    assert found.boxes.tolist() == [[32, 32, 96, 96]]
    assert found.landmarks.tolist() == [[[128, 128]] * 5]


def test_yunet_finds_each_face_once(tmp_path):
    answers = {
        "cls_8": {0: 1.0, 1: 0.9},
        "obj_8": {0: 1.0, 1: 1.0},
        "bbox_8": {0: [0.5, 0.5, 2, 2], 1: [0.4, 0.5, 2, 2]},
    }
    found = open_detector(yunet(tmp_path / "y.onnx", 32, answers)).detect(np.zeros((32, 32, 3), np.uint8))
    np.testing.assert_allclose(found.scores, [1])


def test_yunet_counts_cells_along_rows(tmp_path):
    answers = {"cls_32": {6: 1.0}, "obj_32": {6: 1.0}}  # column 2, row 1 of 4 x 4
    found = open_detector(yunet(tmp_path / "y.onnx", 128, answers)).detect(np.zeros((128, 128, 3), np.uint8))
    assert found.boxes.tolist() == [[48, 16, 80, 48]]
    assert found.landmarks.tolist() == [[[64, 32]] * 5]


POINTS = [0.5, 1.0, 1.5, 1.0, 1.0, 1.5, 0.5, 2.0, 1.5, 2.0]


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("order", [(1, 4, 10), (10, 1, 4)])
def test_scrfd_decodes_anchors(tmp_path, batch, order):
    answers = {16: {13: [0.9, 1, 2, 3, 4, *POINTS], 12: [0.4, 9, 9, 9, 9, *POINTS]}}  # column 2, row 1 of 4 x 3 cells
    detector = open_detector(scrfd(tmp_path / "s.onnx", 64, 64, answers, batch, order=order))
    assert isinstance(detector, Scrfd)
    found = detector.detect(np.zeros((50, 60, 3), np.uint8))  # padded to 64 x 64
    np.testing.assert_allclose(found.scores, [0.9], atol=1e-6)
    np.testing.assert_allclose(found.boxes, [[32 - 16, 16 - 32, 32 + 48, 16 + 64]])
    np.testing.assert_allclose(found.landmarks[0], np.array(POINTS).reshape(5, 2) * 16 + [32, 16])
    assert {found.boxes.dtype, found.landmarks.dtype, found.scores.dtype} == {np.dtype(np.float32)}


def test_scrfd_counts_cells_along_rows(tmp_path):
    answers = {32: {11: [1.0, 1, 1, 1, 1, *POINTS]}}  # the second anchor of cell 5: column 1, row 1 of 4 x 2
    detector = open_detector(scrfd(tmp_path / "s.onnx", 64, 128, answers))
    assert detector.detect(np.zeros((64, 128, 3), np.uint8)).boxes.tolist() == [[0, 0, 64, 64]]


def test_scrfd_takes_images_that_are_not_square(tmp_path):
    answers = {32: {7: [1.0, 1, 1, 1, 1, *POINTS]}}  # the second anchor of cell 3: column 1, row 1 of 2 x 3
    detector = open_detector(scrfd(tmp_path / "s.onnx", 96, 64, answers, sides=(96, 64)))
    assert detector.detect(np.zeros((80, 60, 3), np.uint8)).boxes.tolist() == [[0, 0, 64, 64]]


def test_scrfd_finds_each_face_once_and_nobody(tmp_path):
    answers = {8: {0: [0.9, 0, 0, 4, 4, *POINTS], 1: [1.0, 0, 0, 4, 4, *POINTS]}}
    found = open_detector(scrfd(tmp_path / "s.onnx", 32, 32, answers)).detect(np.zeros((32, 32, 3), np.uint8))
    np.testing.assert_allclose(found.scores, [1])
    found = open_detector(scrfd(tmp_path / "n.onnx", 32, 32, {})).detect(np.zeros((32, 32, 3), np.uint8))
    assert (found.boxes.shape, found.landmarks.shape, found.scores.shape) == ((0, 4), (0, 5, 2), (0,))


@pytest.mark.parametrize(("sides", "largest"), [(("height", "width"), 640), ((320, 320), 320)])
def test_scrfd_looks_at_large_photos_reduced_to_what_its_graph_takes(tmp_path, sides, largest):
    answers = {32: {0: [1.0, 0, 0, 2, 2, *[1.0] * 10]}}
    detector = open_detector(scrfd(tmp_path / "s.onnx", largest, largest, answers, sides=sides))
    found = detector.detect(np.zeros((1280, 1280, 3), np.uint8))
    times = 1280 / largest
    assert found.boxes.tolist() == [[0, 0, 64 * times, 64 * times]]
    assert found.landmarks.tolist() == [[[32 * times] * 2] * 5]


def test_scrfd_is_given_rgb_between_minus_one_and_one(tmp_path, monkeypatch):
    detector = open_detector(scrfd(tmp_path / "s.onnx", 32, 32, {}))
    run, seen = detector._session.run, []
    monkeypatch.setattr(detector._session, "run", lambda inputs: seen.append(inputs["input"]) or run(inputs))
    detector.detect(np.full((20, 30, 3), [255, 0, 127], np.uint8))
    (given,) = seen
    assert (given.shape, given.dtype) == ((1, 3, 32, 32), np.float32)
    np.testing.assert_allclose(given[0, :, 0, 0], [127.5 / 128, -127.5 / 128, -0.5 / 128])
    assert (given[0, :, 20:] == np.float32(-127.5 / 128)).all()


def test_scrfd_of_other_rows_than_the_image_has_anchors(tmp_path):
    detector = open_detector(scrfd(tmp_path / "s.onnx", 64, 64, {}))
    with pytest.raises(
        NetworkError, match=r"^the detector must give 2 scores, boxes and key points at stride 32, not outputs of the "
    ):
        detector.detect(np.zeros((32, 32, 3), np.uint8))


def test_letterbox_never_enlarges_and_keeps_the_aspect():
    image = np.full((30, 50, 3), 9, np.uint8)
    scale, filled = letterbox(image, (None, None), 640)
    assert (scale, filled.shape) == (1.0, (32, 64, 3))
    assert (filled[:30, :50] == 9).all()
    assert filled.sum() == 9 * image.size
    scale, filled = letterbox(image, (16, 100), 640)
    assert (scale, filled.shape) == (16 / 30, (16, 100, 3))
    assert filled[:, :27].all()
    assert not filled[:, 27:].any()


FACES = {  # of 64 x 64 pixels: in the middle, large and small beside it
    "cls_32": {0: 1.0, 3: 0.5},
    "obj_32": {0: 1.0, 3: 1.0},
    "bbox_32": {0: [0.5, 0.5, 0, 0], 3: [0.5, 0.5, -1, -1]},
}


@pytest.mark.parametrize(
    ("options", "scores"),
    [
        ({}, [1.0, 0.5**0.5]),
        ({"min_score": 0.8}, [1.0]),
        ({"min_size": 20}, [1.0]),
        ({"min_size": 33}, []),
        ({"max_faces": 1}, [1.0]),
        ({"min_score": 1.0}, [1.0]),
    ],
)
def test_options_of_a_detector_from_a_file(tmp_path, options, scores):
    model = load(detector=yunet(tmp_path / "y.onnx", 64, FACES), options=DetectorOptions(**options))
    np.testing.assert_allclose(model.detect(np.zeros((64, 64, 3), np.uint8)).scores, scores, atol=1e-6)


def test_a_lower_score_finds_more(tmp_path):
    answers = {8: {0: [0.3, 1, 1, 1, 1, *POINTS]}}
    path = scrfd(tmp_path / "s.onnx", 32, 32, answers)
    for score, count in ((None, 0), (0.3, 1), (0.31, 0)):
        found = open_detector(path, DetectorOptions(min_score=score)).detect(np.zeros((32, 32, 3), np.uint8))
        assert len(found.scores) == count


def test_most_faces_are_the_most_prominent(tmp_path):
    answers = {"cls_8": {0: 1.0, 5: 0.8}, "obj_8": {0: 1.0, 5: 1.0}}  # in the corner, and nearer the middle
    path = yunet(tmp_path / "y.onnx", 32, answers)
    model = load(detector=path, options=DetectorOptions(max_faces=1))
    np.testing.assert_allclose(model.detect(np.zeros((32, 32, 3), np.uint8)).scores, [0.8**0.5], atol=1e-6)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"min_size": 11}, "min_size must be 12 pixels or more, not 11"),
        ({"min_size": float("nan")}, "min_size must be 12 pixels or more, not nan"),
        ({"min_size": float("inf")}, "min_size must be 12 pixels or more, not inf"),
        ({"min_score": 1.5}, r"min_score must be in \[0, 1\], not 1.5"),
        ({"min_score": float("nan")}, r"min_score must be in \[0, 1\], not nan"),
        ({"max_faces": 0}, "max_faces must be 1 or more, not 0"),
    ],
)
def test_options_that_cannot_be(options, text):
    with pytest.raises(ValueError, match=f"^{text}$"):
        DetectorOptions(**options)


@pytest.mark.parametrize(
    ("name", "text"), [("min_size", "a number"), ("min_score", "a number"), ("max_faces", "a whole number")]
)
def test_options_are_numbers(name, text):
    with pytest.raises(TypeError, match=f"^{name} must be {text}, not str$"):
        DetectorOptions(**{name: "20"})


@pytest.mark.parametrize("options", [(12, None, None), (None, 0, None), (None, 1, None), (None, None, 1)])
def test_options_may_be_at_their_limits(options):
    found = DetectorOptions(*options)
    assert (found.min_size, found.min_score, found.max_faces) == options


def test_options_of_the_bundled_detector(photos):
    image = read_photo(photos / "obama.jpg")
    (left, top, right, bottom), *_ = load().detect(image).boxes
    side = float(min(right - left, bottom - top))
    for size, count in ((side * 0.98, 1), (side * 1.02, 0)):
        assert len(load(options=DetectorOptions(min_size=size)).detect(image).scores) == count
    assert len(load(options=DetectorOptions(min_score=0.7)).detect(image).scores) == 2  # the second is a false alarm
    assert len(load(options=DetectorOptions(min_score=0.7, max_faces=1)).detect(image).scores) == 1
    assert len(load(options=DetectorOptions(min_score=1.0)).detect(image).scores) == 0  # not even one more lenient look


def test_a_smaller_size_finds_smaller_faces(photos):
    face = Image.open(photos / "collins.png").crop((140, 40, 300, 200)).resize((32, 32), Image.Resampling.BOX)
    wide = np.full((70, 4000, 3), 128, np.uint8)  # of which the detector itself looks for faces from 80 pixels
    wide[20:52, 980:1012] = np.asarray(face.convert("RGB"))
    assert len(load().detect(wide).scores) == 0
    (box,) = load(options=DetectorOptions(min_size=14)).detect(wide).boxes
    assert ((box >= [980, 20, 980, 20]) & (box <= [1012, 52, 1012, 52])).all()
