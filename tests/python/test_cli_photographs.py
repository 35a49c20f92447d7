"""Commands about photographs: faces on them, embeddings, and whether two show the same person."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def test_faces(run, folder):
    result = run("faces", folder)
    assert "obama.jpg: 1 face\n" in result.stdout
    assert "skipped: photo" in result.stderr
    answer = json.loads(run("faces", folder, "--json").stdout)
    assert [len(photo["faces"]) for photo in answer["photos"]] == [1] * 5
    assert all(0.5 < photo["faces"][0]["quality"] <= 1 for photo in answer["photos"])
    assert result.stdout.count(", quality ") == 5
    assert answer["skipped"][0]["photo"].endswith("broken.jpg")


def test_paths_in_json_can_be_opened(run, photos, tmp_path):
    """Whatever their bytes; people read them with what a terminal cannot show written as numbers."""
    good, bad = tmp_path / "caf\udce9\n.jpg", tmp_path / "b\udce9.jpg"
    shutil.copy(photos / "obama.jpg", good)
    bad.write_text("text")
    answers = [json.loads(run(command, tmp_path, "--json").stdout) for command in ("faces", "cluster")]
    assert [answers[0]["photos"][0]["photo"], *answers[1]["people"][0]] == [str(good)] * 2
    assert [answer["skipped"][0]["photo"] for answer in answers] == [str(bad)] * 2
    assert all(Path(answer["skipped"][0]["photo"]).read_text() == "text" for answer in answers)
    assert run("cluster", tmp_path).stdout == f"person 1: {tmp_path}/caf\\xe9\\n.jpg\n"


@pytest.mark.parametrize(("b", "code", "text"), [("obama2.jpg", 0, "same"), ("biden.jpg", 1, "different")])
def test_verify(run, photos, b, code, text):
    assert run("verify", photos / "obama.jpg", photos / b, code=code).stdout.startswith(f"{text}: distance ")
    answer = json.loads(run("verify", photos / "obama.jpg", photos / b, "--json", code=code).stdout)
    assert answer["same"] == (code == 0)
    assert set(answer) == {"same", "distance", "threshold", "far", "probability", "quality"}


def test_verify_cannot_tell(run, photos, tmp_path):
    result = run("verify", photos / "obama.jpg", tmp_path / "nobody.jpg", code=2)
    assert result.stderr.startswith("error: photo ")
    assert result.stderr.endswith("nobody.jpg does not exist\n")
    assert "not 1e-09" in run("verify", photos / "obama.jpg", photos / "obama.jpg", "--far", "1e-9", code=2).stderr
    for sides in ((photos, photos / "biden.jpg"), (photos / "biden.jpg", photos)):
        assert run("verify", *sides, code=2).stderr == f"error: photo {photos} cannot be read: Is a directory\n"


def test_verify_below_the_gate(run, photos, blurred, model):
    gate = model.recipe.gate(0.01)
    words = ("verify", photos / "obama2.jpg", blurred, "--gate", str(gate))
    assert run(*words, code=2).stdout.startswith("cannot tell: distance ")
    answer = json.loads(run(*words, "--json", code=2).stdout)
    assert answer["same"] is None
    assert answer["quality"] < gate
    run("verify", photos / "obama2.jpg", photos / "obama.jpg", "--gate", str(gate), code=0)
    run("verify", photos / "obama2.jpg", photos / "biden.jpg", "--gate", str(gate), code=1)
    assert "gate must be a quality in [0, 1], not 2.0" in run(*words[:3], "--gate", "2", code=2).stderr


def test_verify_options(run, photos, two):
    assert "must show only one face, not 2" in run("verify", "--only", two, photos / "obama.jpg", code=2).stderr
    run("verify", photos / "obama.jpg", photos / "obama2.jpg", "--threshold", "0", code=1)
    run("verify", photos / "obama.jpg", photos / "biden.jpg", "--threshold", "4", code=0)


def test_embed_writes_the_arrays_that_its_help_tells(run, photos, model, tmp_path):
    run("embed", photos / "collins.png", "--out", tmp_path / "x.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]
    with np.load(tmp_path / "x.npz") as file:
        content = dict(file)
    assert [(name, content[name].shape, content[name].dtype) for name in ("embeddings", "boxes")] == [
        ("embeddings", (1, 128), np.float32),
        ("boxes", (1, 4), np.float32),
    ]
    assert content["photos"].tolist() == [str(photos / "collins.png")]
    assert content["fingerprint"].item() == model.recipe.fingerprint
    shown = run("embed", "--help").stdout
    assert all(name in shown for name in content)


def test_photos_without_faces(run, photos, tmp_path):
    Image.new("RGB", (60, 60)).save(tmp_path / "blank.png")
    assert json.loads(run("cluster", tmp_path, "--json").stdout)["people"] == []
    assert "0 faces" in run("faces", tmp_path).stdout
    assert run("cluster", tmp_path).stdout == "no faces on 1 photograph\n"
    assert run("search", photos / "obama.jpg", tmp_path).stdout == "no faces to search among\n"
    assert json.loads(run("search", photos / "obama.jpg", tmp_path, "--json").stdout)["matches"] == []
    run("embed", tmp_path, "--out", tmp_path / "none.npz")


def test_only_broken_photos_and_empty_folders(run, tmp_path):
    assert "holds no photographs" in run("faces", tmp_path, code=2).stderr
    for number in range(4):
        (tmp_path / f"{number}.jpg").write_text("text")
    assert run("faces", tmp_path, code=2).stderr.count("is not an image") == 3  # enough to see what is wrong


def test_names_that_are_not_utf8(run, photos, tmp_path):
    name = os.fsdecode(os.path.join(os.fsencode(tmp_path), b"caf\xe9.jpg"))  # noqa: PTH118 - bytes
    shutil.copy(photos / "obama.jpg", name)
    assert r"caf\xe9.jpg: 1 face" in run("faces", tmp_path).stdout
    page = tmp_path / "people.html"
    run("cluster", tmp_path, "--report", page, "--json")
    assert r"caf\xe9.jpg" in page.read_text("utf-8")
    assert "caf" in run("search", photos / "obama.jpg", tmp_path).stdout
