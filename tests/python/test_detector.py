"""Detectors: suppression, YuNet's arithmetic on a graph with known answers, and what is refused."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from faceprint import NetworkError, RecipeError, load
from faceprint.detector import suppress
from faceprint.yunet import PARTS, STRIDES, YuNet, _decode


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


def yunet(path, size, answers, drop=()):
    """A graph with YuNet's outputs, constant but for the input it must take: answers[name] is (cell, values)."""
    nodes, weights, outputs = [], [], []
    nodes.append(helper.make_node("ReduceMean", ["input"], ["mean"], keepdims=0))
    nodes.append(helper.make_node("Mul", ["mean", "zero"], ["nothing"]))
    weights.append(numpy_helper.from_array(np.float32(0), "zero"))
    for stride in STRIDES:
        cells = (size // stride) ** 2
        for part, width in zip(PARTS, (1, 1, 4, 10), strict=True):
            name = f"{part}_{stride}"
            if name in drop:
                continue
            values = np.zeros((1, cells, width), np.float32)
            for cell, numbers in answers.get(name, {}).items():
                values[0, cell] = numbers
            weights.append(numpy_helper.from_array(values, f"{name}_values"))
            nodes.append(helper.make_node("Add", [f"{name}_values", "nothing"], [name]))
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, cells, width]))
    image = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, "height", "width"])
    graph = helper.make_graph(nodes, "yunet", [image], outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    path.write_bytes(model.SerializeToString())
    return path


def test_yunet_decodes_cells(tmp_path):
    points = [0.5, 1.0, 1.5, 1.0, 1.0, 1.5, 0.5, 2.0, 1.5, 2.0]
    answers = {
        "cls_16": {5: 0.81, 6: 0.2},  # cell 5 of a 4 x 4 grid: column 1, row 1
        "obj_16": {5: 1.0, 6: 1.0},
        "bbox_16": {5: [0.5, 0.25, np.log(2), np.log(3)]},
        "kps_16": {5: points},
    }
    detector = YuNet(yunet(tmp_path / "y.onnx", 64, answers))
    found = detector.detect(np.zeros((50, 60, 3), np.uint8))  # padded to 64 x 64
    np.testing.assert_allclose(found.scores, [0.9], atol=1e-6)
    np.testing.assert_allclose(found.boxes, [[24 - 16, 20 - 24, 24 + 16, 20 + 24]], atol=1e-4)
    np.testing.assert_allclose(found.landmarks[0], (np.array(points).reshape(5, 2) + 1) * 16, atol=1e-4)


def test_yunet_looks_at_large_photos_reduced(tmp_path):
    answers = {"cls_32": {0: 1.0}, "obj_32": {0: 1.0}}
    detector = YuNet(yunet(tmp_path / "y.onnx", 1280, answers))
    found = detector.detect(np.zeros((2560, 2560, 3), np.uint8))
    np.testing.assert_allclose(found.boxes, [[-32, -32, 32, 32]], atol=1e-4)


def test_yunet_finds_nobody(tmp_path):
    found = YuNet(yunet(tmp_path / "y.onnx", 32, {})).detect(np.zeros((32, 32, 3), np.uint8))
    assert (found.boxes.shape, found.landmarks.shape, found.scores.shape) == ((0, 4), (0, 5, 2), (0,))


def test_what_is_no_detector(tmp_path):
    path = yunet(tmp_path / "other.onnx", 32, {}, drop=("kps_8",))
    with pytest.raises(
        RecipeError, match=r"^detector other\.onnx must be a YuNet file with the outputs cls_8 .* kps_32"
    ):
        load(detector=path)
    (tmp_path / "text.onnx").write_text("not a network")
    with pytest.raises(NetworkError, match=r"text\.onnx is not a network that ONNX Runtime can load"):
        load(detector=tmp_path / "text.onnx")
    with pytest.raises(NetworkError, match=r"nothing\.onnx does not exist"):
        load(detector=tmp_path / "nothing.onnx")


def test_yunet_graph_is_valid(tmp_path):
    onnx.checker.check_model(onnx.load(yunet(tmp_path / "y.onnx", 64, {})))


def test_yunet_is_given_bgr_padded_with_black(tmp_path, monkeypatch):
    detector = YuNet(yunet(tmp_path / "y.onnx", 32, {}))
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
    found = YuNet(yunet(tmp_path / "y.onnx", 1280, answers)).detect(np.zeros((2560, 2560, 3), np.uint8))
    assert found.boxes.tolist() == [[32, 32, 96, 96]]
    assert found.landmarks.tolist() == [[[128, 128]] * 5]


def test_yunet_finds_each_face_once(tmp_path):
    answers = {
        "cls_8": {0: 1.0, 1: 0.9},
        "obj_8": {0: 1.0, 1: 1.0},
        "bbox_8": {0: [0.5, 0.5, 2, 2], 1: [0.4, 0.5, 2, 2]},
    }
    found = YuNet(yunet(tmp_path / "y.onnx", 32, answers)).detect(np.zeros((32, 32, 3), np.uint8))
    np.testing.assert_allclose(found.scores, [1])


def test_yunet_counts_cells_along_rows():
    face = np.zeros((8, 1), np.float32)
    face[6] = 1  # column 2, row 1 of 4 columns
    boxes, landmarks, _ = _decode(32, 4, face, face, np.zeros((8, 4), np.float32), np.zeros((8, 10), np.float32))
    assert boxes.tolist() == [[48, 16, 80, 48]]
    assert landmarks.tolist() == [[[64, 32]] * 5]
