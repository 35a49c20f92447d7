"""The command line: answers, exit codes, JSON, and one line for every error."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

import faceprint as fp
from faceprint.cli import command


@pytest.fixture
def run(model, monkeypatch):
    """Run a command in this process, the networks loaded once."""
    monkeypatch.setattr("faceprint.cli.load", lambda network, *, detector, device: model)

    def invoke(*words, code=0):
        result = CliRunner().invoke(command, [os.fspath(word) for word in words])
        assert result.exit_code == code, result.output
        return result

    return invoke


@pytest.fixture
def folder(photos, tmp_path):
    """The portraits and a file that is none."""
    for photo in photos.glob("*.*g"):
        shutil.copy(photo, tmp_path)
    (tmp_path / "broken.jpg").write_text("text")
    return tmp_path


def test_demo(run, tmp_path):
    page = tmp_path / "demo.html"
    found = json.loads(run("demo", "--out", page, "--json").stdout)
    assert sorted(map(sorted, found["people"])) == [
        ["biden.jpg"],
        ["collins.png"],
        ["obama.jpg", "obama2.jpg", "obama3.jpg"],
    ]
    for pair in found["pairs"]:
        assert pair["same"] == (pair["a"].startswith("obama") and pair["b"].startswith("obama"))
    html = page.read_text("utf-8")
    assert html.count("<figure>") == 10
    assert "http://" not in html
    assert "https://" not in html
    assert f"threshold {found['threshold']:.3f}" in html


def test_demo_for_people(run, tmp_path):
    shown = run("demo", "--out", tmp_path / "demo.html").stdout
    assert "5 faces on 5 photographs, 3 people:" in shown
    assert "ms" in shown


@pytest.mark.parametrize(("b", "code", "text"), [("obama2.jpg", 0, "same"), ("biden.jpg", 1, "different")])
def test_verify(run, photos, b, code, text):
    assert run("verify", photos / "obama.jpg", photos / b, code=code).stdout.startswith(f"{text}: distance ")
    answer = json.loads(run("verify", photos / "obama.jpg", photos / b, "--json", code=code).stdout)
    assert answer["same"] == (code == 0)
    assert set(answer) == {"same", "distance", "threshold", "far", "probability"}


def test_verify_cannot_tell(run, photos, tmp_path):
    result = run("verify", photos / "obama.jpg", tmp_path / "nobody.jpg", code=2)
    assert result.stderr.startswith("error: photo ")
    assert result.stderr.endswith("nobody.jpg does not exist\n")
    assert "not 1e-09" in run("verify", photos / "obama.jpg", photos / "obama.jpg", "--far", "1e-9", code=2).stderr


def test_faces(run, folder):
    result = run("faces", folder)
    assert "obama.jpg: 1 face\n" in result.stdout
    assert "skipped: photo" in result.stderr
    answer = json.loads(run("faces", folder, "--json").stdout)
    assert [len(photo["faces"]) for photo in answer["photos"]] == [1] * 5
    assert answer["skipped"][0]["photo"].endswith("broken.jpg")


def test_embed_then_search(run, folder, tmp_path):
    out = tmp_path / "faces.npz"
    answer = json.loads(run("embed", folder, "--out", out, "--json").stdout)
    assert (answer["faces"], answer["dimension"]) == (5, 128)
    for gallery in (out, folder):
        found = json.loads(run("search", folder / "obama.jpg", gallery, "-k", "4", "--json").stdout)
        assert [match["same"] for match in found["matches"]] == [True, True, True, False]
        assert found["matches"][0]["photo"].endswith("obama.jpg")
        assert found["matches"][0]["distance"] < 1e-5
    assert "same" in run("search", folder / "obama.jpg", out).stdout


def test_search_refuses_other_embeddings(run, photos, tmp_path):
    content = {
        "embeddings": np.eye(2, dtype=np.float32),
        "photos": np.array(["a", "b"]),
        "boxes": np.zeros((2, 4), np.float32),
    }
    np.savez(tmp_path / "other.npz", fingerprint=np.array("other"), **content)
    assert "cannot be compared" in run("search", photos / "obama.jpg", tmp_path / "other.npz", code=2).stderr
    (tmp_path / "text.npz").write_text("text")
    assert "must be an .npz written by" in run("search", photos / "obama.jpg", tmp_path / "text.npz", code=2).stderr
    np.savez(tmp_path / "bare.npz", embeddings=np.eye(2))
    assert "must be an .npz written by" in run("search", photos / "obama.jpg", tmp_path / "bare.npz", code=2).stderr


def test_cluster(run, folder, tmp_path):
    page = tmp_path / "people.html"
    answer = json.loads(run("cluster", folder, "--report", page, "--json").stdout)
    assert sorted(map(len, answer["people"])) == [1, 1, 3]
    assert "broken.jpg" in page.read_text("utf-8")
    apart = json.loads(run("cluster", folder, "--threshold", "0", "--json").stdout)
    assert len(apart["people"]) == 5
    assert run("cluster", folder).stdout.startswith("person 1: ")


def test_photos_without_faces(run, tmp_path):
    from PIL import Image

    Image.new("RGB", (60, 60)).save(tmp_path / "blank.png")
    assert json.loads(run("cluster", tmp_path, "--json").stdout)["people"] == []
    assert "0 faces" in run("faces", tmp_path).stdout
    run("embed", tmp_path, "--out", tmp_path / "none.npz")


def test_only_broken_photos_and_empty_folders(run, tmp_path):
    assert "holds no photographs" in run("faces", tmp_path, code=2).stderr
    (tmp_path / "broken.jpg").write_text("text")
    assert "is not an image" in run("faces", tmp_path, code=2).stderr


def test_names_that_are_not_utf8(run, photos, tmp_path):
    name = os.fsdecode(os.path.join(os.fsencode(tmp_path), b"caf\xe9.jpg"))  # noqa: PTH118 - bytes
    shutil.copy(photos / "obama.jpg", name)
    assert r"caf\xe9.jpg: 1 face" in run("faces", tmp_path).stdout
    page = tmp_path / "people.html"
    run("cluster", tmp_path, "--report", page, "--json")
    assert r"caf\xe9.jpg" in page.read_text("utf-8")
    assert "caf" in run("search", photos / "obama.jpg", tmp_path).stdout


def test_info(run):
    answer = json.loads(run("info", "--json").stdout)
    assert answer["versions"]["faceprint"] == fp.__version__
    assert answer["backends"]["portable"] == "runs here"
    shown = run("info").stdout
    assert "backend: " in shown
    assert "CPUExecutionProvider" in shown


def test_piped_output_has_no_progress(photos):
    piped = subprocess.run(
        [sys.executable, "-m", "faceprint", "faces", photos / "collins.png"], capture_output=True, text=True, check=True
    )
    assert piped.stderr == ""
    assert "collins.png: 1 face" in piped.stdout


def test_usage_errors_exit_with_2(run):
    run("verify", "one.jpg", code=2)
    run("nonsense", code=2)
