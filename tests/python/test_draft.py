"""Drafts of recipes: what the graph tells, what is left open, and that an open draft is no recipe."""

import hashlib
import json

import pytest
from onnx import TensorProto, helper

import faceprint as fp
from faceprint import NetworkError, RecipeError
from faceprint.network import open_network
from faceprint.recipe import unknown_keys

ONLY_YOU = ["licence", "source", "input.channels", "input.mean", "input.scale", "landmarks"]


def test_graph_tells_all_but_what_only_its_author_knows(network_file):
    path = network_file(takes=("n", 3, 8, 10))
    draft = fp.draft_recipe(path)
    assert unknown_keys(draft) == ONLY_YOU
    assert (draft["name"], draft["file"], draft["dimension"]) == ("x", "x.onnx", 6)
    assert draft["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [draft["input"][key] for key in ("height", "width", "layout")] == [8, 10, "NCHW"]
    assert (draft["flip"], draft["resampling"], draft["metric"]) == (False, "bilinear", "squared-euclidean")
    assert draft["source"].endswith("x is tensor(float) of (None, 3, 8, 10), y is tensor(float) of (None, 6)")


def test_channels_last_and_float16(network_file):
    draft = fp.draft_recipe(network_file(takes=("n", 8, 10, 3), kinds={"x": TensorProto.FLOAT16}))
    assert [draft["input"][key] for key in ("height", "width", "layout")] == [8, 10, "NHWC"]
    assert "x is tensor(float16) of (None, 8, 10, 3)" in draft["source"]


def test_what_the_graph_leaves_open(network_file):
    draft = fp.draft_recipe(network_file(takes=("n", "c", "h", "w"), gives={"y": ("n", "d"), "z": ("n", 6)}))
    more = ["input.height", "input.width", "input.layout", "dimension", "output"]
    assert sorted(unknown_keys(draft)) == sorted([*ONLY_YOU, *more])
    assert draft["output"] == "? y or z"


def test_draft_is_no_recipe_until_it_is_filled_in(network_file):
    path = network_file()
    draft = fp.draft_recipe(path)
    beside = path.with_suffix(".json")
    beside.write_text(json.dumps(draft))
    named = ", ".join(f"'{key}'" for key in ONLY_YOU)
    with pytest.raises(RecipeError, match=rf"x\.json is a draft; fill in {named}$"):
        open_network(path)
    draft |= {"licence": "MIT", "source": "mine", "landmarks": [[2, 2], [5, 2], [3, 4], [2, 6], [5, 6]]}
    draft["input"] |= {"channels": "BGR", "mean": [0, 0, 0]}
    beside.write_text(json.dumps(draft))
    with pytest.raises(RecipeError, match=r"x\.json is a draft; fill in 'input\.scale'$"):
        open_network(path)
    draft["input"]["scale"] = [1, 1, 1]
    beside.write_text(json.dumps(draft))
    assert open_network(path).golden().shape == (6,)


def test_what_has_no_draft(network_file, tmp_path):
    with pytest.raises(NetworkError, match=r"nothing\.onnx does not exist$"):
        fp.draft_recipe(tmp_path / "nothing.onnx")
    with pytest.raises(
        NetworkError, match=r"x\.onnx must take float32 or float16, but its input 'x' is tensor\(uint8\)$"
    ):
        fp.draft_recipe(network_file(kinds={"x": TensorProto.UINT8}))
    told = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 6]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "flat", told[:1], told[1:])
    flat = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "flat.onnx").write_bytes(flat.SerializeToString())
    with pytest.raises(RecipeError, match=r"its network must take images of four dimensions, not \(None, 6\)$"):
        fp.draft_recipe(tmp_path / "flat.onnx")
