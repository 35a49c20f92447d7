"""Recipes: what is accepted, what is refused in which words, and the arithmetic of thresholds."""

import copy
import json

import numpy as np
import pytest

from faceprint import RecipeError
from faceprint.model import BUNDLED
from faceprint.recipe import parse_recipe, read_recipe


@pytest.fixture
def content():
    return json.loads(BUNDLED.with_suffix(".json").read_text("utf-8"))


def changed(content, keys, value):
    content = copy.deepcopy(content)
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return content


@pytest.mark.parametrize(
    ("keys", "value", "text"),
    [
        (["format"], 2, r"'format' must be 1, the only one this version reads, not 2"),
        (["kind"], "detector", r"'kind' must be 'embedding', not 'detector'"),
        (["name"], 7, r"'name' must be a string, not 7"),
        (["sha256"], "abc", r"'sha256' must be 64 hexadecimal digits, not 'abc'"),
        (["sha256"], "z" * 63 + "0", r"'sha256' must be 64 hexadecimal digits, not 'z+0'"),
        (["flip"], 1, r"'flip' must be true or false, not 1"),
        (["zooms"], [], r"'zooms' must be 1 to 8 different numbers in \[0.8, 1.25\], not \[\]"),
        (["zooms"], [1, 1.0], r"'zooms' must be 1 to 8 different numbers in \[0.8, 1.25\], not \[1, 1.0\]"),
        (["zooms"], [1, 0.7], r"'zooms' must be 1 to 8 different numbers in \[0.8, 1.25\], not \[1, 0.7\]"),
        (["zooms"], "1", r"'zooms' must be 1 to 8 different numbers"),
        (["resampling"], "lanczos", r"'resampling' must be 'bilinear', not 'lanczos'"),
        (["metric"], "cosine", r"'metric' must be 'squared-euclidean', not 'cosine'"),
        (["dimension"], 4097, r"'dimension' must be a whole number from 1 to 4096, not 4097"),
        (["dimension"], 0, r"'dimension' must be a whole number from 1 to 4096, not 0"),
        (["clustering"], 5, r"'clustering' must be null or a distance in \[0, 4\], not 5"),
        (["input"], [], r"key 'input' must be a JSON object, not list"),
        (["input", "width"], 1025, r"'width' must be a whole number from 1 to 1024, not 1025"),
        (["input", "height"], 2000, r"'height' must be a whole number from 1 to 1024, not 2000"),
        (["input", "layout"], "CHW", r"'layout' must be 'NCHW' or 'NHWC', not 'CHW'"),
        (["input", "channels"], "GBR", r"'channels' must be 'RGB' or 'BGR', not 'GBR'"),
        (["input", "mean"], [1, 2], r"'mean' must be three numbers in \[-1e\+06, 1e\+06\], not \[1, 2\]"),
        (["input", "mean"], [10**400, 0, 0], r"'mean' must be three numbers"),
        (["input", "mean"], [float("nan"), 0, 0], r"'mean' must be three numbers"),
        (["input", "mean"], [float("inf"), 0, 0], r"'mean' must be three numbers"),
        (["input", "scale"], [1, 2, "3"], r"'scale' must be three numbers"),
        (["input", "scale"], [1, 2, 1e300], r"'scale' must be three numbers"),
        (["input", "scale"], [1, 0, 1], r"'scale' must be other than 0, not \[1, 0, 1\]"),
        (["landmarks"], [[1, 2]], r"'landmarks' must be five points \[x, y\] of numbers in \[-4096, 4096\]"),
        (["landmarks"], [[1, 2], [3, 4], [5, 6], [7, 8], [9, 1e300]], r"'landmarks' must be five points \[x, y\] of"),
        (
            ["landmarks"],
            "arcface112",
            r"'landmarks' must be one of arcface, dlib150, facenet-margin, or five points",
        ),
        (["input", "whitening"], 1, r"'whitening' must be true or false, not 1"),
        (["landmarks"], [[7, 8]] * 5, r"'landmarks' must be five points at least a pixel apart"),
        (["thresholds"], [{"far": 2, "distance": 1}], r"'far' must be a rate in \(0, 1\], not 2"),
        (["thresholds"], [{"far": 0, "distance": 1}], r"'far' must be a rate in \(0, 1\], not 0"),
        (["thresholds"], [{"far": -1, "distance": 1}], r"'far' must be a rate in \(0, 1\], not -1"),
        (["thresholds"], [{"far": 0.1, "distance": 9}], r"'distance' must be a distance in \[0, 4\], not 9"),
        (["thresholds"], [{"far": 0.1}], r"lacks 'distance'"),
        (
            ["thresholds"],
            [{"far": 0.1, "distance": 1, "low": 0.05}],
            r"'low and high' must be rates around far, or both left out, not \(0.05, None\)",
        ),
        (
            ["thresholds"],
            [{"far": 0.1, "distance": 1, "low": 0.2, "high": 0.3}],
            r"'low and high' must be rates around",
        ),
        (["thresholds"], [{"far": 0.1, "distance": 1, "low": 0.05, "high": 2}], r"'low and high' must be rates"),
        (
            ["thresholds"],
            [{"far": 0.1, "distance": 0.5}, {"far": 0.01, "distance": 0.4}],
            r"'thresholds' must be in rising order of both far and distance",
        ),
        (
            ["thresholds"],
            [{"far": 0.1, "distance": 0.5}, {"far": 0.2, "distance": 0.5}],
            r"'thresholds' must be in rising order of both far and distance",
        ),
        (["probability"], {"slope": 1, "intercept": 2, "prior": None}, r"'prior' must be a number, not None"),
        (["restriction"], 7, r"'restriction' must be null or a string, not 7"),
        (["output"], 0, r"'output' must be null or a string, not 0"),
        (["golden"], [], r"key 'golden' must be a JSON object, not list"),
        (["golden"], {"numbers": [0.1]}, r"key 'golden' lacks 'tolerance'"),
        (
            ["golden", "numbers"],
            [],
            r"'numbers' must be 1 to 128 numbers in \[-1, 1\], parts of a unit vector, not \[\]",
        ),
        (["golden", "numbers"], [0.1, 1.5], r"'numbers' must be 1 to 128 numbers in \[-1, 1\]"),
        (["golden", "numbers"], [0.1] * 129, r"'numbers' must be 1 to 128 numbers in \[-1, 1\]"),
        (["golden", "tolerance"], 0, r"'tolerance' must be a number in \(0, 1\], not 0"),
        (["unrecognisable"], [], r"key 'unrecognisable' must be a JSON object, not list"),
        (["unrecognisable", "centre"], ["1"], r"'centre' must be a list of numbers in \[-1, 1\], not \['1'\]"),
        (["unrecognisable", "centre"], [1.0], r"'centre' must be a list of 128 numbers, not 1"),
        (["unrecognisable", "centre"], [0.5] * 128, r"'centre' must be a vector of length 1, not 5\.65"),
        (["unrecognisable", "slope"], "steep", r"'slope' must be a number, not 'steep'"),
        (["unrecognisable", "measured"], None, r"'measured' must be a string, not None"),
        (["unrecognisable", "gates"], {}, r"key 'unrecognisable': 'gates' must be a list, not {}"),
        (
            ["unrecognisable", "gates"],
            [{"rejected": 2, "quality": 0}],
            r"'rejected' must be a number in \[0, 1\], not 2",
        ),
        (["unrecognisable", "gates"], [{"rejected": 0.1}], r"lacks 'quality'"),
    ],
)
def test_broken_rule_is_named(content, keys, value, text):
    with pytest.raises(RecipeError, match=text):
        parse_recipe(changed(content, keys, value), "recipe x.json")


def test_missing_and_unknown_keys(content):
    with pytest.raises(RecipeError, match=r"^recipe x\.json lacks 'flip', 'landmarks'$"):
        parse_recipe({k: v for k, v in content.items() if k not in ("flip", "landmarks")}, "recipe x.json")
    with pytest.raises(RecipeError, match=r"^recipe x\.json has unknown keys: 'flipped'$"):
        parse_recipe({**content, "flipped": True}, "recipe x.json")
    with pytest.raises(RecipeError, match=r"^recipe x\.json must be a JSON object, not list$"):
        parse_recipe([], "recipe x.json")


def test_what_may_be_left_out_is_none(content):
    short = {key: value for key, value in content.items() if key not in ("restriction", "output", "golden")}
    recipe = parse_recipe(short, "recipe x.json")
    assert (recipe.restriction, recipe.output, recipe.golden) == (None, None, None)
    assert recipe.fingerprint == parse_recipe(content, "x").fingerprint


def test_fingerprint_of_the_bundled_network_stays(content):
    """Galleries hold it: a change would make every one of them useless."""
    assert parse_recipe(content, "x").fingerprint == "55354b03c17d4bc0"


def test_missing_file_and_broken_json(tmp_path):
    with pytest.raises(RecipeError, match=r"x\.onnx needs its recipe beside it, .*x\.json, which does not exist$"):
        read_recipe(tmp_path / "x.onnx")
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(RecipeError, match=r"x\.json cannot be read as JSON"):
        read_recipe(tmp_path / "x.onnx")
    (tmp_path / "x.json").write_text("[" * 100_000)
    with pytest.raises(RecipeError, match=r"x\.json cannot be read as JSON: .* decoding a JSON array"):
        read_recipe(tmp_path / "x.onnx")


def test_fingerprint_follows_what_changes_embeddings(content):
    content["unrecognisable"] = None  # its centre fits one dimension only
    recipe = parse_recipe(content, "x")
    assert len(recipe.fingerprint) == 16
    assert parse_recipe(changed(content, ["name"], "other"), "x").fingerprint == recipe.fingerprint
    moved = [[x + 1, y] for x, y in content["landmarks"]]
    for keys, value in (
        (["flip"], not recipe.flip),
        (["input", "mean"], [0, 0, 0]),
        (["landmarks"], moved),
        (["dimension"], 64),
        (["sha256"], "0" * 64),
        (["output"], "y"),
        (["zooms"], [1.1]),
    ):
        assert parse_recipe(changed(content, keys, value), "x").fingerprint != recipe.fingerprint


def test_landmarks_by_name(content):
    points = content["landmarks"]
    named = parse_recipe({**content, "landmarks": "dlib150"}, "x")
    assert named == parse_recipe(content, "x")
    assert named.fingerprint == read_recipe(BUNDLED).fingerprint == "55354b03c17d4bc0"
    small = {**content["input"], "height": 75, "width": 75}
    halves = parse_recipe({**content, "landmarks": "dlib150", "input": small}, "x").landmarks
    np.testing.assert_allclose(halves, np.array(points) / 2)
    box = parse_recipe({**content, "landmarks": "facenet-margin"}, "x")
    assert box.landmarks == "facenet-margin"
    assert box.fingerprint != named.fingerprint
    with pytest.raises(RecipeError, match="'landmarks' must be five points where a chip is not square, not 'arcface'"):
        parse_recipe({**content, "landmarks": "arcface", "input": {**small, "height": 150}}, "x")


def test_sizes_may_be_at_their_limits(content):
    del content["golden"], content["unrecognisable"]  # which are of 128 numbers
    sizes = {**content["input"], "height": 1024, "width": 1}
    found = parse_recipe({**content, "dimension": 4096, "input": sizes}, "x")
    assert (found.dimension, found.input.height, found.input.width) == (4096, 1024, 1)
    assert parse_recipe({**content, "dimension": 1}, "x").dimension == 1


def test_eight_zooms_are_enough(content):
    eight = [0.8, 0.9, 0.95, 1, 1.05, 1.1, 1.2, 1.25]
    assert parse_recipe({**content, "zooms": eight}, "x").zooms == tuple(eight)
    with pytest.raises(RecipeError, match=r"'zooms' must be 1 to 8 different numbers"):
        parse_recipe({**content, "zooms": [*eight, 1.15]}, "x")


def test_zooms_may_be_left_out(content):
    del content["zooms"]
    plain = parse_recipe(content, "x")
    assert plain.zooms == (1.0,)
    assert parse_recipe({**content, "zooms": [1]}, "x").fingerprint == plain.fingerprint
    assert parse_recipe({**content, "zooms": [1, 0.9]}, "x").fingerprint != plain.fingerprint


def test_whitening_may_be_left_out(content):
    plain = parse_recipe(content, "x")
    assert not plain.input.whitening
    assert parse_recipe(changed(content, ["input", "whitening"], False), "x").fingerprint == plain.fingerprint
    assert parse_recipe(changed(content, ["input", "whitening"], True), "x").fingerprint != plain.fingerprint


def test_fingerprint_takes_whole_numbers_for_what_they_are(content):
    for keys, whole in ((["landmarks"], [[1, 2], [3, 2], [2, 3], [1, 4], [3, 4]]), (["input", "scale"], [1, 2, 3])):
        fractional = json.loads(json.dumps(whole), parse_int=float)
        one, other = (parse_recipe(changed(content, keys, value), "x") for value in (whole, fractional))
        assert one.fingerprint == other.fingerprint


def test_thresholds_are_log_linear_between_stated_rates(content):
    stated = [{"far": 1e-4, "distance": 0.4}, {"far": 1e-2, "distance": 0.6}]
    recipe = parse_recipe(changed(content, ["thresholds"], stated), "x")
    assert recipe.threshold(1e-4) == 0.4
    assert recipe.threshold(1e-2) == 0.6
    assert recipe.threshold(1e-3) == pytest.approx(0.5)
    assert recipe.far(0.5) == pytest.approx(1e-3)
    assert recipe.far(0.4) == pytest.approx(1e-4)
    assert recipe.far(0.3) is None
    for far in (1e-6, 0.5):
        with pytest.raises(RecipeError, match=rf"states thresholds for FAR 0\.0001 to 0\.01, not {far:g}$"):
            recipe.threshold(far)


def test_thresholds_may_have_intervals(content):
    stated = [{"far": 1e-3, "distance": 0.4, "low": 5e-4, "high": 2e-3}, {"far": 1e-2, "distance": 0.6}]
    first, second = parse_recipe(changed(content, ["thresholds"], stated), "x").thresholds
    assert (first.low, first.high, second.low, second.high) == (5e-4, 2e-3, None, None)


def test_the_bundled_network_states_thresholds_with_intervals(content):
    stated = {entry.far: entry for entry in parse_recipe(content, "x").thresholds}
    for far in (1e-4, 1e-3, 1e-2):
        entry = stated[far]
        assert 0 < entry.low < far < entry.high < 3 * far
    assert "intervals" in content["measured"]


def test_a_single_threshold_is_known_at_its_own_rate_only(content):
    recipe = parse_recipe(changed(content, ["thresholds"], [{"far": 1e-3, "distance": 0.5}]), "x")
    assert recipe.threshold(1e-3) == 0.5
    assert recipe.far(0.5) == 1e-3
    assert recipe.far(0.4) is None
    assert recipe.far(0.6) is None


def test_recipe_without_thresholds(content):
    bare = parse_recipe({**content, "thresholds": [], "probability": None}, "x")
    assert bare.same_probability(0.3) is None
    assert bare.far(0.3) is None
    with pytest.raises(RecipeError, match=r"states no thresholds; give one: threshold, or --threshold$"):
        bare.threshold(1e-3)
    assert bare.decision(1e-3, 0.3) == (0.3, None)


def test_gates_are_known_at_the_stated_shares_only(content):
    gates = [{"rejected": 0.01, "quality": 0.4}, {"rejected": 0.1, "quality": 0.9}]
    recipe = parse_recipe(changed(content, ["unrecognisable", "gates"], gates), "x")
    assert [recipe.gate(0.01), recipe.gate(0.1)] == [0.4, 0.9]
    with pytest.raises(RecipeError, match=r"states gates that reject 0\.01, 0\.1 of ordinary faces, not 0\.05$"):
        recipe.gate(0.05)
    with pytest.raises(TypeError, match=r"^rejected must be a number, not str$"):
        recipe.gate("0.01")


def test_recipe_may_leave_out_what_is_unrecognisable(content):
    plain = parse_recipe(content, "x")
    for bare in (
        changed(content, ["unrecognisable"], None),
        {k: v for k, v in content.items() if k != "unrecognisable"},
    ):
        recipe = parse_recipe(bare, "x")
        assert recipe.unrecognisable is None
        assert recipe.fingerprint == plain.fingerprint
        with pytest.raises(RecipeError, match=r"^recipe dlib-resnet-v1 states no gates$"):
            recipe.gate(0.01)


def test_grouping_needs_a_threshold(content):
    bare = parse_recipe({**content, "clustering": None}, "x")
    with pytest.raises(RecipeError, match=r"states no 'clustering'; give it: threshold, or --threshold$"):
        bare.grouping()
    assert bare.grouping(0.3) == 0.3
    with pytest.raises(ValueError, match=r"^threshold must be a squared distance in \[0, 4\], not nan$"):
        bare.grouping(float("nan"))


def test_probability_falls_with_distance(content):
    calibration = {"slope": 20.0, "intercept": -10.0, "prior": 0.5}
    recipe = parse_recipe(changed(content, ["probability"], calibration), "x")
    assert recipe.same_probability(0.5) == pytest.approx(0.5)
    assert recipe.same_probability(0.0) > 0.999
    assert 0 <= recipe.same_probability(4.0) < 1e-6
