"""Known networks: which recipe a file gets, what is said about it, and what is refused."""

import copy
import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

import faceprint as fp
from faceprint import NetworkError, RecipeError, RecipeWarning
from faceprint.known import PACKAGE, shipped
from faceprint.network import open_network
from faceprint.recipe import parse_recipe

ARCFACE = (112, [127.5] * 3, [1 / 127.5] * 3, 512)
FACENET = (160, [127.5] * 3, [1 / 128] * 3, 512)
SFACE = {"takes": (1, 3, 112, 112), "gives": {"fc1": (1, 128)}, "inner": 1}


@pytest.fixture
def catalogue(monkeypatch):
    """The shipped recipes, which a test may change."""
    changed = copy.deepcopy(shipped())
    monkeypatch.setattr("faceprint.known.shipped", lambda: changed)
    return changed


def test_shipped_recipes_are_whole():
    files = {path.stem for path in (PACKAGE / "recipes").glob("*.json")}
    assert files | {"dlib-resnet-v1"} == shipped().keys()
    for name, content in shipped().items():
        filled = {**content, "sha256": content["sha256"] or "0" * 64}
        filled["input"] = {**content["input"], "layout": content["input"]["layout"] or "NCHW"}
        recipe = parse_recipe(filled, name)
        assert recipe.licence
        assert recipe.source
        assert recipe.measured


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("w600k_r50", ARCFACE),
        ("w600k_mbf", ARCFACE),
        ("antelopev2", ARCFACE),
        ("auraface", ARCFACE),
        ("sface", (112, [0] * 3, [1] * 3, 128)),
        ("facenet-vggface2", FACENET),
        ("facenet-casia-webface", FACENET),
    ],
)
def test_preprocessing_is_that_of_the_source(name, expected):
    content = shipped()[name]
    fields = content["input"]
    assert (fields["height"], fields["mean"], fields["scale"], content["dimension"]) == expected
    assert fields["width"] == fields["height"]
    assert fields["channels"] == "RGB"


def test_mobilefacenet_divides_by_the_deviation_of_imagenet():
    fields = shipped()["mobilefacenet"]["input"]
    white = (255 - np.array(fields["mean"])) * fields["scale"]
    np.testing.assert_allclose(white, (1 - np.array([0.485, 0.456, 0.406])) / [0.229, 0.224, 0.225], atol=1e-6)


@pytest.mark.parametrize("name", ["w600k_r50", "w600k_mbf", "antelopev2"])
def test_networks_of_insightface_are_not_for_commerce(name):
    assert shipped()[name]["restriction"] == "non-commercial research only"


def test_file_is_known_by_its_sha256_whatever_its_name(network_file, catalogue):
    path = network_file("anything.onnx", **SFACE)
    catalogue["sface"]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    network = open_network(path)
    assert (network.recipe.name, network.origin) == ("sface", "known by its sha256")
    assert network.recipe.file == "anything.onnx"


def test_licence_is_told_where_it_forbids_something(network_file, catalogue):
    path = network_file("anything.onnx", takes=("n", 3, 112, 112), gives={"y": ("n", 512)})
    catalogue["w600k_r50"]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    text = (
        r"anything\.onnx is used as w600k_r50: its licence is that of the pretrained models of insightface "
        r"\(non-commercial research only\)$"
    )
    with pytest.warns(RecipeWarning, match=text):
        open_network(path)


def test_recipe_by_name(network_file, photos):
    path = network_file(**SFACE)
    text = (
        r"x\.onnx is used as sface: its recipe is asked for by name, and it is not the file that the recipe was "
        r"written for: make sure that it is this network$"
    )
    with pytest.warns(RecipeWarning, match=text) as told:
        model = fp.load(path, recipe="sface")
    assert told[0].filename == __file__
    assert model.network.origin == "asked for by name"
    assert model.recipe.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert model.embed(photos / "obama.jpg").shape == (1, 128)


@pytest.mark.parametrize("name", ["face_recognition_sface_2021dec.onnx", "SFace.onnx"])
def test_file_is_guessed_by_its_name_where_the_graph_fits(network_file, name):
    with pytest.warns(RecipeWarning, match=r"its recipe is guessed from the file's name alone, and it is not the file"):
        network = open_network(network_file(name, **SFACE))
    assert (network.recipe.name, network.origin) == ("sface", "guessed from the file's name alone")


def test_name_alone_is_not_enough_where_the_graph_does_not_fit(network_file):
    path = network_file("sface.onnx", takes=("n", 3, 112, 112), gives={"y": ("n", 64)})
    text = (
        r"though its name is known, its graph does not fit: recipe sface: 'dimension' is 128, but the network gives 64"
    )
    with pytest.raises(RecipeError, match=text):
        open_network(path)


def test_one_name_of_two_networks_is_refused(network_file):
    path = network_file("glintr100.onnx", takes=("n", 3, 112, 112), gives={"y": ("n", 512)})
    with pytest.raises(RecipeError, match=r"share; say which: recipe='antelopev2' or 'auraface'$"):
        open_network(path)
    with pytest.warns(RecipeWarning, match="is used as auraface"):
        assert open_network(path, "auraface").recipe.name == "auraface"


def test_another_network_of_a_known_name_fails_its_golden_embedding(network_file):
    path = network_file("mobilefacenet.onnx", takes=("n", 3, 112, 112), gives={"y": ("n", 128)})
    with pytest.raises(NetworkError, match=r"does not give what recipe mobilefacenet promises for its synthetic"):
        open_network(path)


def test_unknown_network_is_told_what_it_lacks(network_file):
    text = (
        r"x\.onnx needs its recipe beside it, .*x\.json, which does not exist; no recipe is known for its sha256 or "
        r"its name\. Name one of 'dlib-resnet-v1', 'antelopev2', .*'w600k_r50' as recipe, or fill in the draft that "
        r"`faceprint info --draft` and fp\.draft_recipe write: only you know licence, source, channels, mean, scale "
        r"and landmarks$"
    )
    with pytest.raises(RecipeError, match=text):
        open_network(network_file())


def test_unknown_name_of_a_recipe(network_file):
    with pytest.raises(
        RecipeError, match=r"^recipe must be a Recipe, a \.json file or one of .*'sface'.*, not 'space'$"
    ):
        open_network(network_file(), "space")


def test_layout_is_that_of_the_graph(network_file):
    path = network_file(takes=("n", 160, 160, 3), gives={"y": ("n", 512)})
    with pytest.warns(
        RecipeWarning, match=r"asked for by name: make sure .*; its licence is MIT \(trained on VGGFace2"
    ):
        network = open_network(path, "facenet-vggface2")
    assert network.recipe.input.layout == "NHWC"
    assert network.golden().shape == (512,)


def test_recipe_beside_the_file_goes_before_its_name(network_file, small_recipe):
    path = network_file("sface.onnx")
    path.with_suffix(".json").write_text(json.dumps(small_recipe(path)))
    network = open_network(path)
    assert (network.recipe.dimension, network.origin) == (6, "beside the file")


def test_recipe_that_is_given_goes_before_the_one_beside_the_file(network_file, small_recipe, tmp_path):
    path = network_file()
    path.with_suffix(".json").write_text("{")
    other = tmp_path / "other.json"
    other.write_text(json.dumps(small_recipe(path, licence="MIT")))
    network = open_network(path, other)
    assert (network.recipe.licence, network.origin) == ("MIT", f"read from {other}")
    assert open_network(path, str(other)).recipe == network.recipe
    mine = replace(network.recipe, flip=True)
    assert (open_network(path, mine).recipe, open_network(path, mine).origin) == (mine, "given")
    with pytest.raises(NetworkError, match=r"x\.onnx must have sha256 0{64}, as its recipe says, not "):
        open_network(path, replace(mine, sha256="0" * 64))
    with pytest.raises(RecipeError, match=r"recipe .*absent\.json cannot be read as JSON: "):
        open_network(path, tmp_path / "absent.json")
