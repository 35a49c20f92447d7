"""Chips, network and search on a card, without a copy through the host: the same answers as on the host."""

import ctypes.util
import json

import numpy as np
import pytest
from onnx import TensorProto

import faceprint as fp
import faceprint.cuda
from faceprint import runtime
from faceprint.detector import Detections

REASON = fp.backends()["cuda"]
FLOAT16 = {"x": TensorProto.FLOAT16, "y": TensorProto.FLOAT16}
pytestmark = pytest.mark.cuda


@pytest.fixture
def load(monkeypatch, network_file, small_recipe):
    """Load a small network for a card: load(takes=..., gives=..., kinds=..., **recipe).

    Where the card is emulated, its memory is that of the host, and ONNX Runtime runs networks there.
    """
    if REASON:
        pytest.skip(REASON)
    if ctypes.util.find_library("cuda") is None:
        monkeypatch.setitem(runtime.DEVICES, "cuda", runtime.DEVICES["cpu"])
    elif "CUDAExecutionProvider" not in fp.info()["providers"]:
        pytest.skip("the installed onnxruntime has no CUDA")

    def make(takes=("n", 3, 8, 8), gives=None, kinds=None, **recipe):
        path = network_file("x.onnx", takes, gives, kinds)
        path.with_suffix(".json").write_text(json.dumps(small_recipe(path, **recipe)))
        return fp.load(path, device="cuda")

    return make


@pytest.fixture
def image():
    return np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8)


@pytest.fixture
def faces():
    """Some faces here and there, large and small."""
    random = np.random.default_rng(2)
    corners, sides = random.uniform(0, 30, (45, 2)), random.uniform(6, 40, (45, 1))
    points = np.array([[0.3, 0.3], [0.7, 0.3], [0.5, 0.5], [0.35, 0.75], [0.65, 0.75]])
    landmarks = (corners[:, None] + sides[:, None] * points + random.normal(0, 0.3, (45, 5, 2))).astype(np.float32)
    boxes = np.hstack([corners, corners + sides]).astype(np.float32)
    return Detections(boxes, landmarks, np.ones(45, np.float32))


@pytest.mark.parametrize(
    "network",
    [
        {},
        {"flip": True, "zooms": [1, 0.8]},
        {"takes": (7, 3, 8, 8), "gives": {"y": (7, 6)}},
        {"takes": (4, 3, 8, 8), "gives": {"y": (4, 6)}, "flip": True},
        {"takes": ("n", 8, 8, 3), "input": "NHWC"},
        {"gives": {"y": ("n", 6, 1, 1)}},
        {"gives": {"y": ("n", "m")}},
    ],
)
def test_embeddings_made_on_the_card_are_those_of_the_host(load, small_recipe, network_file, image, faces, network):
    if network.get("input"):
        stated = small_recipe(network_file("y.onnx"))["input"]
        network = {**network, "input": {**stated, "layout": network["input"]}}
    model = load(**network)
    found = fp.cuda.embed(model, image, faces)
    assert (found.shape, found.dtype) == ((45, 6), "float32")
    np.testing.assert_allclose(found.numpy(), model.describe(image, faces).embeddings, atol=1e-6)


def test_networks_of_half_precision_are_fed_and_read_in_it(load, image, faces):
    model = load(kinds=FLOAT16, flip=True)
    found = fp.cuda.embed(model, image, faces).numpy()
    np.testing.assert_allclose(found, model.describe(image, faces).embeddings, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


def test_what_was_embedded_is_searched_where_it_is(load, image, faces):
    x = fp.cuda.embed(load(), image, faces)
    distances, indices = fp.cuda.nearest(x, x, k=2)
    expected = fp.nearest(x.numpy(), x.numpy(), k=2)
    np.testing.assert_array_equal(distances.numpy(), expected[0])
    np.testing.assert_array_equal(indices.numpy(), expected[1])


def test_no_faces_have_no_embeddings(load, image, faces):
    assert fp.cuda.embed(load(takes=(4, 3, 8, 8), gives={"y": (4, 6)}), image, faces[:0]).shape == (0, 6)


def test_models_of_the_host_embed_there(load, image, faces, model):
    load()
    with pytest.raises(fp.DeviceError, match=r"^model must be loaded with device 'cuda', not 'cpu'$"):
        fp.cuda.embed(model, image, faces)


def test_embeddings_without_a_direction_are_refused(load, image, faces):
    stated = {"height": 8, "width": 8, "layout": "NCHW", "channels": "RGB", "mean": [0, 0, 0], "scale": [1, 1, 1]}
    model = load(input=stated)
    with pytest.raises(fp.NetworkError, match=r"^the network gave an embedding without a direction"):
        fp.cuda.embed(model, np.zeros_like(image), faces)


def test_a_network_that_fails_on_the_card_says_so(load, image, faces):
    model = load(gives={"y": ("n", "m")}, dimension=6)
    model.network.session.outputs["y"] = (None, 5)
    with pytest.raises(fp.NetworkError, match=r"^network .*x\.onnx failed: "):
        fp.cuda.embed(model, image, faces)
