"""The bundled networks: their bytes are those of the recipes, their answers those of the originals."""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from faceprint import NetworkError, RecipeError
from faceprint.model import BUNDLED, load
from faceprint.mtcnn import RECIPE as MTCNN
from faceprint.network import unit_rows
from faceprint.recipe import read_recipe
from faceprint.runtime import open_session

DATA = Path(__file__).parents[1] / "data"


def bundled():
    detector = json.loads(MTCNN.read_text("utf-8"))
    embedding = json.loads(BUNDLED.with_suffix(".json").read_text("utf-8"))
    return [(entry["file"], entry["sha256"]) for entry in (embedding, *detector["networks"].values())]


@pytest.mark.parametrize(("file", "sha256"), bundled())
def test_bytes_are_those_of_the_recipe(file, sha256):
    assert hashlib.sha256(BUNDLED.with_name(file).read_bytes()).hexdigest() == sha256


def test_embedding_equals_dlib():
    reference = np.load(DATA / "dlib_reference.npz")
    shape = read_recipe(BUNDLED).input
    inputs = ((reference["chips"] - np.array(shape.mean)) * shape.scale).transpose(0, 3, 1, 2).astype(np.float32)
    (found,) = open_session(BUNDLED).run({"chips": np.ascontiguousarray(inputs)})
    assert np.abs(found - reference["embeddings"]).max() <= 1e-3
    (alone,) = open_session(BUNDLED).run({"chips": np.ascontiguousarray(inputs[:1])})
    np.testing.assert_allclose(alone, found[:1], atol=1e-5)


@pytest.mark.parametrize("name", ["pnet", "rnet", "onet"])
def test_detection_equals_pytorch(name):
    reference = np.load(DATA / "mtcnn_reference.npz")
    session = open_session(MTCNN.with_name(f"mtcnn_{name}.onnx"))
    found = dict(zip(session.outputs, session.run({"images": reference[f"{name}_images"]}), strict=True))
    expected = {key.removeprefix(f"{name}_"): value for key, value in reference.items() if key.startswith(f"{name}_")}
    del expected["images"]
    assert found.keys() == expected.keys()
    for output, values in found.items():
        np.testing.assert_allclose(values, expected[output], atol=1e-4)


def test_networks_hold_all_they_need():
    for file, _ in bundled():
        graph = onnx.load(BUNDLED.with_name(file), load_external_data=False).graph
        assert all(not weight.external_data for weight in graph.initializer)


@pytest.fixture
def tiny(tmp_path):
    """A small network of one's own with its recipe beside it: tiny(batch=..., sides=..., dimension=..., **recipe)."""

    def make(batch="batch", sides=(8, 8), dimension=6, gain=1.0, **changes):
        weights = np.random.default_rng(0).standard_normal((3 * sides[0] * sides[1], dimension)) * gain
        nodes = [
            helper.make_node("Flatten", ["x"], ["flat"]),
            helper.make_node("MatMul", ["flat", "w"], ["y"]),
        ]
        graph = helper.make_graph(
            nodes,
            "tiny",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3, *sides])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, dimension])],
            [numpy_helper.from_array(weights.astype(np.float32), "w")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 8
        path = tmp_path / "tiny.onnx"
        path.write_bytes(model.SerializeToString())
        recipe = json.loads(BUNDLED.with_suffix(".json").read_text("utf-8"))
        recipe |= {
            "name": "tiny",
            "file": "tiny.onnx",
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "input": recipe["input"] | {"height": 8, "width": 8},
            "landmarks": [[2, 2], [5, 2], [3.5, 4], [2, 6], [5, 6]],
            "dimension": 6,
            **changes,
        }
        path.with_suffix(".json").write_text(json.dumps(recipe))
        return path

    return make


def test_any_network_with_its_recipe(tiny, photos):
    model = load(tiny())
    x = model.embed([photos / "obama.jpg", photos / "biden.jpg"])
    assert x.shape == (2, 6)
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1, atol=1e-6)


def test_network_of_a_fixed_batch_gives_the_same(tiny, photos):
    every = sorted(photos.glob("*.jpg"))
    free = load(tiny()).embed(every)
    np.testing.assert_allclose(load(tiny(batch=3)).embed(every), free, atol=1e-6)


def test_corrupt_network(tiny):
    path = tiny()
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(NetworkError, match=r"tiny\.onnx must have sha256 \w{64}, as its recipe says, not \w{64}$"):
        load(path)
    recipe = json.loads(path.with_suffix(".json").read_text())
    recipe["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".json").write_text(json.dumps(recipe))
    with pytest.raises(NetworkError, match=r"tiny\.onnx is not a network that ONNX Runtime can load: "):
        load(path)


def test_missing_network_and_missing_recipe(tiny, tmp_path):
    with pytest.raises(RecipeError, match=r"nowhere\.onnx needs its recipe beside it"):
        load(tmp_path / "nowhere.onnx")
    path = tiny()
    path.unlink()
    with pytest.raises(NetworkError, match=r"tiny\.onnx does not exist$"):
        load(path)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"sides": (8, 9)}, r"recipe tiny: its network must take \(batch, \*\(3, 8, 8\)\), not \(None, 3, 8, 9\)"),
        ({"dimension": 5}, r"recipe tiny: 'dimension' is 5, but the network gives 6"),
    ],
)
def test_recipe_that_does_not_fit(tiny, options, text):
    made = {"sides": options["sides"]} if "sides" in options else {}
    path = tiny(**made)
    recipe = json.loads(path.with_suffix(".json").read_text())
    recipe |= {key: value for key, value in options.items() if key == "dimension"}
    path.with_suffix(".json").write_text(json.dumps(recipe))
    with pytest.raises(RecipeError, match=text):
        load(path)


def test_embedding_without_a_direction(tiny, photos):
    with pytest.raises(NetworkError, match=r"gave an embedding without a direction \(zero, NaN or infinite\)"):
        load(tiny(gain=0.0)).embed(photos / "obama.jpg")
    with pytest.raises(NetworkError, match="without a direction"):
        unit_rows(np.array([[np.inf, 1]], np.float32))


def test_unknown_and_absent_device(tiny):
    with pytest.raises(ValueError, match=r"device must be one of 'cpu', 'cuda', not 'tpu'"):
        load(device="tpu")
