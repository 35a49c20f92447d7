"""The bundled networks: their bytes are those of the recipes, their answers those of the originals."""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from faceprint import DeviceError, NetworkError, RecipeError, _core, read_photo
from faceprint.detector import Detections
from faceprint.model import BUNDLED, load
from faceprint.mtcnn import RECIPE as MTCNN
from faceprint.network import open_network, unit_rows
from faceprint.recipe import parse_recipe, read_recipe
from faceprint.runtime import open_session

FLOAT = TensorProto.FLOAT
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
    """A small network of one's own with its recipe beside it: tiny(batch=..., sides=..., ..., **recipe)."""

    def make(batch="batch", sides=(8, 8), gain=1.0, inputs="x", kind=FLOAT, stated=6, shape=None, **changes):
        weights = np.random.default_rng(0).standard_normal((3 * sides[0] * sides[1], 6)) * gain
        nodes = [
            helper.make_node("Cast", ["x"], ["float"], to=FLOAT),
            helper.make_node("Flatten", ["float"], ["flat"]),
            helper.make_node("MatMul", ["flat", "w"], ["y"]),
        ]
        shape = {"height": 8, "width": 8} | (shape or {})
        order = [*sides, 3] if shape.get("layout") == "NHWC" else [3, *sides]
        graph = helper.make_graph(
            nodes,
            "tiny",
            [helper.make_tensor_value_info(name, kind, [batch, *order]) for name in inputs],
            [helper.make_tensor_value_info("y", FLOAT, [batch, stated])],
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
            "input": recipe["input"] | shape,
            "landmarks": [[2, 2], [5, 2], [3, 4], [2, 6], [5, 6]],
            "dimension": 6,
            "golden": None,
            "unrecognisable": None,
            "zooms": [1],
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


def test_layout_and_channels_of_the_recipe_reach_the_network(tiny, photos):
    image = read_photo(photos / "obama.jpg")
    plain = load(tiny())
    found = plain.detect(image)
    expected = plain.network.inputs(image, found)
    last = load(tiny(shape={"layout": "NHWC"})).network.inputs(image, found)
    np.testing.assert_array_equal(last, np.moveaxis(expected, -3, -1))
    turned = load(tiny(shape={"channels": "BGR", "mean": plain.recipe.input.mean[::-1]})).network.inputs(image, found)
    np.testing.assert_allclose(turned, expected[:, :, ::-1], atol=1e-6)
    alone = load(tiny(flip=False)).network.inputs(image, found)
    np.testing.assert_array_equal(alone, expected[:, :1])


def test_zooms_of_the_recipe_reach_the_network(tiny, photos):
    image = read_photo(photos / "obama.jpg")
    plain = load(tiny())
    found = plain.detect(image)
    expected = plain.network.inputs(image, found)
    both = load(tiny(zooms=[1, 0.9])).network.inputs(image, found)
    assert both.shape == (len(expected), 4, *expected.shape[2:])
    np.testing.assert_array_equal(both[:, :2], expected)
    ((a, b, x), (c, d, y)) = _core.align(np.ascontiguousarray(found.landmarks), np.array(plain.recipe.landmarks))[0]
    # 3.5 is the middle of a chip of 8 pixels, where the face stays; all else is shown 0.9 times as far from it
    x, y = x + 3.5 * (a + b) * (1 - 1 / 0.9), y + 3.5 * (c + d) * (1 - 1 / 0.9)
    smaller = np.array([[[a / 0.9, b / 0.9, x], [c / 0.9, d / 0.9, y]]])
    shape = plain.recipe.input
    chips = _core.chips(image, smaller, 8, 8, mean=shape.mean, scale=shape.scale, twin=True)
    np.testing.assert_allclose(both[:, 2:], chips, atol=1e-5)


def test_pictures_are_rounded(model):
    image = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    at = np.float32([[[100, 120], [200, 120], [150, 170], [110, 210], [190, 210]]])
    affines = _core.align(at, np.array(model.recipe.landmarks))
    exact = _core.chips(image, affines, 150, 150, layout="NHWC")
    found = Detections(np.zeros((1, 4), np.float32), at, np.ones(1, np.float32))
    np.testing.assert_array_equal(model.network.pictures(image, found), np.rint(exact).astype(np.uint8))


def test_whitening_and_alignment_by_box_reach_the_network(tiny, photos):
    image = read_photo(photos / "obama.jpg")
    shape = {"whitening": True, "mean": [0, 0, 0], "scale": [1, 1, 1]}
    network = load(tiny(shape=shape, landmarks="facenet-margin", flip=False)).network
    found = Detections(np.float32([[400, 100, 600, 400]]), np.zeros((1, 5, 2), np.float32), np.ones(1, np.float32))
    affine = np.array([[[200 / 6.4, 0, 500 - 3.5 * 200 / 6.4], [0, 300 / 6.4, 250 - 3.5 * 300 / 6.4]]])
    chip = _core.chips(image, affine, 8, 8)
    inputs = network.inputs(image, found)
    np.testing.assert_allclose(inputs[:, 0], (chip - chip.mean()) / chip.std(), atol=1e-4)
    np.testing.assert_array_equal(network.pictures(image, found)[0], np.rint(chip[0].transpose(1, 2, 0)))


def test_network_of_a_fixed_batch_gives_the_same(tiny, photos):
    every = sorted(photos.glob("*.jpg"))
    free = load(tiny()).embed(every)
    np.testing.assert_allclose(load(tiny(batch=3)).embed(every), free, atol=1e-6)


@pytest.fixture
def opened(network_file, small_recipe):
    """A small network of any shape, opened with a recipe that fits: opened(recipe changes, graph changes)."""

    def make(recipe=None, **graph):
        path = network_file(**graph)
        return open_network(path, parse_recipe(small_recipe(path, **(recipe or {})), "recipe x.json"))

    return make


@pytest.fixture
def chips():
    return np.random.default_rng(1).uniform(-1, 1, (5, 3, 8, 8)).astype(np.float32)


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_fixed_batch_is_told_and_gives_the_same(opened, chips, batch):
    free, fixed = opened(), opened(takes=(batch, 3, 8, 8), gives={"y": (batch, 6)}, inner=batch)
    assert (free.batch, fixed.batch) == (None, batch)
    np.testing.assert_allclose(fixed.embed(chips), free.embed(chips), atol=1e-6)
    assert fixed.embed(chips[:0]).shape == (0, 6)


def test_batch_that_is_only_promised(opened, chips):
    expected = opened().embed(chips)
    keeps_to_what_comes = opened(takes=("None", 3, 8, 8), gives={"y": (1, 6)})
    assert keeps_to_what_comes.batch is None
    np.testing.assert_allclose(keeps_to_what_comes.embed(chips), expected, atol=1e-6)
    cannot = opened(takes=("None", 3, 8, 8), gives={"y": (1, 6)}, inner=1)
    assert cannot.batch == 1
    np.testing.assert_allclose(cannot.embed(chips), expected, atol=1e-6)


@pytest.mark.parametrize("sixteen", [["x"], ["y"], ["x", "y"]])
def test_float16_inputs_and_outputs(opened, chips, sixteen):
    found = opened(kinds=dict.fromkeys(sixteen, TensorProto.FLOAT16)).embed(chips)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, opened().embed(chips), atol=5e-3)


def test_embeddings_of_four_dimensions(opened, chips):
    np.testing.assert_array_equal(opened(gives={"y": ("n", 6, 1, 1)}).embed(chips), opened().embed(chips))
    with pytest.raises(RecipeError, match=r"recipe x: 'dimension' is 6, but the network gives 24$"):
        opened(gives={"y": ("n", 6, 2, 2)})


def test_one_of_several_outputs(opened, chips):
    second = opened({"dimension": 4}, gives={"a": ("n", 6), "b": ("n", 4)})
    assert second.embed(chips).shape == (5, 4)
    twins = {"a": ("n", 6), "b": ("n", 6), "c": ("n", 6)}
    with pytest.raises(RecipeError, match=r"recipe x: 'output' must name the embedding among 'a', 'b', 'd'$"):
        opened(gives={**twins, "d": ("n", "any")} | {"c": ("n", 5)})
    with pytest.raises(RecipeError, match=r"recipe x: 'output' must be one of 'a', 'b', 'c', not 'z'$"):
        opened({"output": "z"}, gives=twins)
    first, last = (opened({"output": name}, gives=twins) for name in "ac")
    assert first.recipe.fingerprint != last.recipe.fingerprint
    np.testing.assert_array_equal(first.embed(chips), opened().embed(chips))
    assert np.abs(last.embed(chips) - first.embed(chips)).max() > 0.1


def test_outputs_of_whole_numbers_are_no_embeddings(opened, chips):
    both = {"labels": ("n", 6), "y": ("n", 6)}
    mixed = opened(gives=both, kinds={"labels": TensorProto.INT64})
    assert np.abs(mixed.embed(chips) - np.rint(mixed.embed(chips))).max() > 0.1
    with pytest.raises(RecipeError, match=r"recipe x: 'dimension' is 6, but the network gives no floats$"):
        opened(kinds={"y": TensorProto.INT64})


def test_network_that_takes_no_images(opened):
    with pytest.raises(RecipeError, match=r"recipe x: its network must take \(batch, 3, 8, 8\), not \(None, 8, 8, 3\)"):
        opened(takes=("n", 8, 8, 3))


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
    with pytest.raises(NetworkError, match=r"nowhere\.onnx does not exist$"):
        load(tmp_path / "nowhere.onnx")
    path = tiny()
    path.unlink()
    with pytest.raises(NetworkError, match=r"tiny\.onnx does not exist$"):
        load(path)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"sides": (8, 9)}, r"recipe tiny: its network must take \(batch, 3, 8, 8\), not \(None, 3, 8, 9\)"),
        ({"dimension": 5}, r"recipe tiny: 'dimension' is 5, but the network gives 6"),
        ({"inputs": "xz"}, r"recipe tiny: its network must have one input, not 2"),
    ],
)
def test_recipe_that_does_not_fit(tiny, options, text):
    with pytest.raises(RecipeError, match=text):
        load(tiny(**options))


def test_dimension_is_checked_also_where_the_graph_does_not_state_it(tiny, photos):
    with pytest.raises(RecipeError, match=r"recipe tiny: 'dimension' is 5, but the network gives 6"):
        load(tiny(stated="any", dimension=5)).embed(photos / "obama.jpg")


def test_network_of_other_numbers(tiny):
    with pytest.raises(
        NetworkError, match=r"tiny\.onnx must take float32 or float16, but its input 'x' is tensor\(uint8\)$"
    ):
        load(tiny(kind=TensorProto.UINT8))


def test_what_is_no_file_of_a_network(tmp_path):
    with pytest.raises(NetworkError, match=r"^network \. must be an \.onnx file, not a folder$"):
        load(".")
    said = "(embedded null byte|stat: embedded null character in path)"  # the latter from Python 3.14 on
    with pytest.raises(NetworkError, match=rf"^network a\\x00b cannot be read: {said}$"):
        load(detector="a\0b")
    with pytest.raises(NetworkError, match=r"^network x{300} cannot be read: File name too long$"):
        load("x" * 300)
    with pytest.raises(NetworkError, match=r"cannot be read: Is a directory$"):
        open_session(tmp_path)
    large = tmp_path / "large.onnx"
    with large.open("wb") as file:
        file.truncate(2**31 + 1)
    with pytest.raises(NetworkError, match=r"large\.onnx has 2147483649 bytes; the limit is 2147483648$"):
        open_session(large)


def test_embedding_without_a_direction(tiny, photos):
    with pytest.raises(NetworkError, match=r"gave an embedding without a direction \(zero, NaN or infinite\)"):
        load(tiny(gain=0.0)).embed(photos / "obama.jpg")
    with pytest.raises(NetworkError, match="without a direction"):
        unit_rows(np.array([[np.inf, 1]], np.float32))


def test_unknown_and_absent_device(tiny):
    with pytest.raises(ValueError, match=r"device must be one of 'cpu', 'cuda', not 'tpu'"):
        load(device="tpu")


def test_number_of_threads():
    session = open_session(BUNDLED, threads=3)
    options = session._session.get_session_options()
    assert options.intra_op_num_threads == 3
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert load(threads=None).threads == load(threads=0).threads == load().threads
    assert load(threads=np.int64(2)).threads == 2
    for threads in (-1, 1025, 10**9):
        with pytest.raises(ValueError, match=rf"^threads must be 0 \(all\) to 1024, not {threads}$"):
            load(threads=threads)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"threads": 1.5}, "threads must be a whole number, not float"),
        ({"threads": "2"}, "threads must be a whole number, not str"),
        ({"limits": 3}, "limits must be a Limits, not int"),
        ({"options": {"min_size": 20}}, "options must be a DetectorOptions, not dict"),
        ({"network": 3}, "network must be a path or None, not int"),
        ({"detector": b"x.onnx"}, "detector must be a path or None, not bytes"),
        ({"network": BUNDLED, "recipe": {}}, "recipe must be a Recipe, a .json file or a name, not dict"),
    ],
)
def test_arguments_of_other_types(arguments, text):
    with pytest.raises(TypeError, match=f"^{text}$"):
        load(**arguments)


def test_device_and_threads_reach_every_network(monkeypatch, tmp_path):
    seen = []

    def record(path, *, device, threads, sha256=None, untrusted=False):
        seen.append((path.name, device, threads))
        return open_session(path, sha256=sha256)

    for module in ("network", "mtcnn", "detectors"):
        monkeypatch.setattr(f"faceprint.{module}.open_session", record)
    load(device="cuda", threads=3)
    with pytest.raises(NetworkError, match=r"y\.onnx does not exist"):
        load(detector=tmp_path / "y.onnx", device="cuda", threads=3)
    names = ["mtcnn_pnet.onnx", "mtcnn_rnet.onnx", "mtcnn_onet.onnx", BUNDLED.name, "y.onnx"]
    assert seen == [(name, "cuda", 3) for name in names]


@pytest.mark.parametrize("threads", [1, 3])
def test_many_photographs_at_once_are_given_networks_of_one_thread(monkeypatch, threads):
    start, opened = onnxruntime.InferenceSession, []

    def record(content, options, providers):
        opened.append(options.intra_op_num_threads)
        return start(content, options, providers)

    monkeypatch.setattr(onnxruntime, "InferenceSession", record)
    blank = [np.zeros((50, 50, 3), np.uint8)] * 9
    model = load(threads=threads)
    model.faces(blank[0])
    assert opened == [threads] * 4
    for _ in range(2):
        assert len(list(model.faces(blank))) == 9
    model.faces(blank[0])
    assert opened == [threads] * 4 + ([1] * 3 if threads > 1 else [])  # each once; the fourth has nothing to embed


def test_device_that_does_not_start_is_not_replaced(monkeypatch):
    start = onnxruntime.InferenceSession
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: None, raising=False)
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda content, options, providers: start(content, options))
    with pytest.raises(DeviceError, match="'cuda' cannot run here: ONNX Runtime could not start it"):
        open_session(BUNDLED, device="cuda")
