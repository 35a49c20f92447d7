"""The command line: answers, exit codes, JSON, and one line for every error."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageFilter

import faceprint as fp
from faceprint.cli import command
from faceprint.model import Model


@pytest.fixture
def run(model, monkeypatch):
    """Run a command in this process, the networks loaded once."""
    monkeypatch.setattr("faceprint.cli.options.load", lambda network, **_: model)

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


@pytest.fixture
def two(photos, tmp_path):
    """Biden and Collins on one photograph, 512 pixels each."""
    together = Image.new("RGB", (1024, 512))
    together.paste(Image.open(photos / "biden.jpg").crop((250, 0, 950, 700)).resize((512, 512)), (0, 0))
    together.paste(Image.open(photos / "collins.png"), (512, 0))
    together.save(tmp_path / "two.png")
    return tmp_path / "two.png"


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
    assert set(answer) == {"same", "distance", "threshold", "far", "probability", "quality"}


def test_verify_cannot_tell(run, photos, tmp_path):
    result = run("verify", photos / "obama.jpg", tmp_path / "nobody.jpg", code=2)
    assert result.stderr.startswith("error: photo ")
    assert result.stderr.endswith("nobody.jpg does not exist\n")
    assert "not 1e-09" in run("verify", photos / "obama.jpg", photos / "obama.jpg", "--far", "1e-9", code=2).stderr
    for sides in ((photos, photos / "biden.jpg"), (photos / "biden.jpg", photos)):
        assert run("verify", *sides, code=2).stderr == f"error: photo {photos} cannot be read: Is a directory\n"


@pytest.fixture
def blurred(photos, tmp_path):
    """Obama, found but beyond recognition."""
    path = tmp_path / "blurred.png"
    Image.open(photos / "obama.jpg").filter(ImageFilter.GaussianBlur(20)).save(path)
    return path


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


def test_search_and_cluster_leave_out_what_is_below_the_gate(run, photos, blurred, model):
    gate = model.recipe.gate(0.01)
    told = run("search", blurred, photos, "--gate", str(gate), code=2).stderr
    assert told == f"error: {blurred} must show a face of quality {gate:g} or more, but it is below\n"
    names = [photos / "obama.jpg", photos / "biden.jpg", blurred]
    matches = json.loads(run("search", photos / "obama2.jpg", *names, "--gate", str(gate), "--json").stdout)["matches"]
    assert [Path(match["photo"]).name for match in matches] == ["obama.jpg", "biden.jpg"]
    answer = json.loads(run("cluster", *names, "--gate", str(gate), "--json").stdout)
    assert [len(person) for person in answer["people"]] == [1, 1]
    assert answer["unrecognisable"] == [str(blurred)]
    assert run("cluster", blurred, "--gate", str(gate)).stdout == f"unrecognisable: {blurred}\n"


def test_verify_options(run, photos, two):
    assert "must show only one face, not 2" in run("verify", "--only", two, photos / "obama.jpg", code=2).stderr
    run("verify", photos / "obama.jpg", photos / "obama2.jpg", "--threshold", "0", code=1)
    run("verify", photos / "obama.jpg", photos / "biden.jpg", "--threshold", "4", code=0)


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (ZeroDivisionError("division by zero"), 2, "error: unforeseen ZeroDivisionError: division by zero\n"),
        (MemoryError(), 2, "error: unforeseen MemoryError: \n"),
        (fp.NetworkError("no"), 2, "error: no\n"),
        (KeyboardInterrupt(), 130, "\n"),
    ],
)
def test_whatever_goes_wrong_does_not_say_different(monkeypatch, error, code, text):
    def fail(*paths, **options):
        raise error

    monkeypatch.setattr("faceprint.cli.options.load", fail)
    result = CliRunner().invoke(command, ["verify", "a.jpg", "b.jpg"])
    assert (result.exit_code, result.stderr) == (code, text)


def test_a_closed_pipe_is_no_error(photos):
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-m", "faceprint", "verify", photos / "obama.jpg", photos / "biden.jpg"]
    done = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_model_options_reach_load(monkeypatch):
    seen = []

    def record(network, *, recipe, detector, device, options, untrusted):
        seen.append((network, recipe, detector, device, options, untrusted))
        raise fp.NetworkError("stop")

    monkeypatch.setattr("faceprint.cli.options.load", record)
    words = ["faces", "x", "--network", "n.onnx", "--recipe", "sface", "--detector", "d.onnx", "--device", "cuda"]
    assert CliRunner().invoke(command, words).exit_code == 2
    words = ["faces", "x", "--min-size", "40.5", "--min-score", "0.7", "--max-faces", "3"]
    assert CliRunner().invoke(command, words).exit_code == 2
    for which in ("--network", "--detector"):
        assert CliRunner().invoke(command, ["faces", "x", "--untrusted", which, "n.onnx"]).exit_code == 2
    assert seen == [
        (Path("n.onnx"), "sface", Path("d.onnx"), "cuda", fp.DetectorOptions(), False),
        (None, None, None, "cpu", fp.DetectorOptions(min_size=40.5, min_score=0.7, max_faces=3), False),
        (Path("n.onnx"), None, None, "cpu", fp.DetectorOptions(), True),
        (None, None, Path("n.onnx"), "cpu", fp.DetectorOptions(), True),
    ]
    told = CliRunner().invoke(command, ["faces", "x", "--untrusted"])
    assert told.exit_code == 2
    assert "--untrusted needs a --network or a --detector" in told.stderr
    told = CliRunner().invoke(command, ["faces", "x", "--max-faces", "0"])
    assert (told.exit_code, told.stderr) == (2, "error: max_faces must be 1 or more, not 0\n")


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


def test_index_then_search(run, photos, blurred, model, tmp_path):
    gallery = tmp_path / "people.faceprint"
    told = run("index", gallery, photos, "--label", "somebody").stdout
    assert told == f"5 faces added to {gallery}, which holds 5 now\n"
    named = tmp_path / "Ann"
    named.mkdir()
    shutil.copy(photos / "collins.png", named)
    gate = str(model.recipe.gate(0.01))
    answer = json.loads(run("index", gallery, named, blurred, "--by-folder", "--gate", gate, "--json").stdout)
    assert (answer["added"], answer["below_the_gate"], answer["faces"]) == (1, 1, 6)
    found = json.loads(run("search", photos / "obama.jpg", gallery, "-k", "4", "--json").stdout)
    assert [match["same"] for match in found["matches"]] == [True, True, True, False]
    assert found["matches"][0]["label"] == "somebody"
    assert len(found["matches"][0]["box"]) == 4
    assert f"{named / 'collins.png'}  (Ann)\n" in run("search", photos / "collins.png", gallery).stdout
    with fp.Gallery(gallery) as opened:
        assert opened.fingerprint == model.recipe.fingerprint
        assert not np.isnan(opened.quality).any()
    for words, text in (
        ((tmp_path / "people.db", photos), "GALLERY must end in .faceprint"),
        ((gallery, photos, "--label", "x", "--by-folder"), "give one of them"),
        ((gallery, photos, "--label", ""), "--label must be some text, not ''"),
    ):
        assert text in run("index", *words, code=2).stderr
    missing = tmp_path / "no.faceprint"
    assert run("search", photos / "obama.jpg", missing, code=2).stderr == f"error: gallery {missing} does not exist\n"


@pytest.mark.parametrize("above", [False, True])
def test_faces_are_named_after_folders_of_any_name(run, photos, tmp_path, monkeypatch, above):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    (folder / "inside").mkdir(parents=True)
    shutil.copy(photos / "collins.png", folder)
    monkeypatch.chdir(folder / "inside" if above else folder)
    run("index", tmp_path / "new.faceprint", "../collins.png" if above else "collins.png", "--by-folder")
    with fp.Gallery(tmp_path / "new.faceprint") as gallery:
        assert gallery.labels.tolist() == ["caf\\xe9"]


def test_python_does_what_the_help_of_index_says(run, unit_rows, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with fp.Gallery("people.faceprint") as gallery:
        gallery.add(unit_rows(3), labels=["Ann", "Ben", "Ann"])
    lines = re.findall(r"^ {4}(.*\(.*\).*)$", run("index", "--help").stdout, re.MULTILINE)
    names = {"faceprint": fp}
    exec("\n".join(lines), names)
    with names["gallery"] as gallery:
        assert gallery.labels.tolist() == ["Ben"]


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


def test_search_decides_and_shows_the_box(run, photos, two, model):
    answer = json.loads(run("search", photos / "obama.jpg", photos, "--far", "1e-4", "--json").stdout)
    assert (answer["far"], answer["threshold"]) == (1e-4, model.recipe.threshold(1e-4))
    near, far = json.loads(run("search", photos / "collins.png", two, "--json").stdout)["matches"]
    assert (near["same"], far["same"]) == (True, False)
    assert near["box"][0] > 512 > far["box"][0]
    words = ("search", photos / "collins.png", two, "--json", "--threshold", repr(far["distance"]))
    answer = json.loads(run(*words).stdout)
    assert [match["same"] for match in answer["matches"]] == [True, True]
    assert (answer["far"], answer["threshold"]) == (None, far["distance"])


def test_search_shows_what_a_gallery_of_others_says_to_any_terminal(run, photos, model, tmp_path):
    with fp.Gallery(tmp_path / "theirs.faceprint") as gallery:
        x = np.concatenate([model.embed(photos / name) for name in ("obama.jpg", "biden.jpg", "collins.png")])
        gallery.add(x, labels=["\x1b[2J\nAnn", "", None], photos=["a\rb.jpg", None, None])
    lines = run("search", photos / "obama.jpg", tmp_path / "theirs.faceprint").stdout.splitlines()
    told = ["a\\rb.jpg  (\\x1b[2J\\nAnn)", "no photograph  ('')", "no photograph"]
    assert sorted(line[18:] for line in lines) == sorted(told)


def test_search_makes_no_gallery(run, photos, tmp_path):
    told = run("search", photos / "obama.jpg", tmp_path / "none.faceprint", code=2).stderr
    assert told == f"error: gallery {tmp_path / 'none.faceprint'} does not exist\n"
    assert list(tmp_path.iterdir()) == []


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


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"embeddings": np.zeros((2, 128))}, "must hold one float32 embedding for each of its 2 faces"),
        ({"embeddings": np.zeros((3, 128), np.float32)}, "must hold one float32 embedding for each of its 2 faces"),
        ({"embeddings": np.zeros(2, np.float32)}, "must hold one float32 embedding for each of its 2 faces"),
        ({"boxes": np.zeros((1, 4), np.float32)}, "must hold one float32 box, four finite numbers, for each of its 2"),
        ({"boxes": np.full((2, 4), np.nan, np.float32)}, "must hold one float32 box, four finite numbers, for each"),
        ({"photos": np.array([1, 2])}, "must hold as text the photo of each face"),
        ({"photos": np.array("a")}, "must hold as text the photo of each face"),
        ({"fingerprint": np.array(["a"])}, "must hold as text the photo of each face, and the fingerprint"),
    ],
)
def test_search_refuses_arrays_that_embed_never_wrote(run, photos, tmp_path, change, text):
    content = {
        "embeddings": np.zeros((2, 128), np.float32),
        "photos": np.array(["a", "b"]),
        "boxes": np.zeros((2, 4), np.float32),
        "fingerprint": np.array("f"),
    }
    np.savez(tmp_path / "x.npz", **content | change)
    assert text in run("search", photos / "obama.jpg", tmp_path / "x.npz", code=2).stderr


def npy(shape):
    """A header that promises float32 values of this shape, and nothing after it."""
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return content.getvalue()


def zipped(member, damage=False):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("embeddings", "photos", "boxes", "fingerprint"):
            archive.writestr(f"{name}.npy", member)
    raw = bytearray(content.getvalue())
    if damage:
        raw[50:60] = b"\xff" * 10  # within the deflated bytes of the first member
    return bytes(raw)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "No data left in file"),
        (npy((0,)), "it holds one array without a name"),
        (zipped(b"text"), "embeddings is not an array"),
        (zipped(npy((1 << 45,))), ""),
        (zipped(npy((4,)), damage=True), ""),
    ],
    ids=["empty", "npy", "text", "huge", "damaged"],
)
def test_search_refuses_hostile_files(run, photos, tmp_path, content, text):
    (tmp_path / "x.npz").write_bytes(content)
    told = run("search", photos / "obama.jpg", tmp_path / "x.npz", code=2).stderr
    assert f"x.npz must be an .npz written by 'faceprint embed': {text}" in told
    assert told.count("\n") == 1


def test_recipe_without_thresholds(run, folder, model, monkeypatch):
    bare = replace(model.recipe, thresholds=(), clustering=None)
    monkeypatch.setattr(Model, "recipe", bare)
    monkeypatch.setattr(Model, "faces", None)  # all is refused before any work
    assert "states no 'clustering'; give it: threshold, or --threshold" in run("cluster", folder, code=2).stderr
    told = run("search", folder / "obama.jpg", folder, code=2).stderr
    assert "states no thresholds; give one: threshold, or --threshold" in told
    run("cluster", folder, "--threshold", "nan", code=2)


def test_thresholds_given_where_the_recipe_states_none(run, folder, tmp_path, model, monkeypatch):
    monkeypatch.setattr(Model, "recipe", replace(model.recipe, thresholds=(), clustering=None))
    page = tmp_path / "page.html"
    answer = json.loads(run("cluster", folder, "--threshold", "0.13", "--report", page, "--json").stdout)
    assert sorted(map(len, answer["people"])) == [1, 1, 3]
    assert "threshold 0.130" in page.read_text("utf-8")
    run("search", folder / "obama.jpg", folder, "--threshold", "0.2")


def test_cluster_takes_the_threshold_of_the_recipe(run, photos, model, monkeypatch):
    monkeypatch.setattr(Model, "recipe", replace(model.recipe, clustering=4.0))
    answer = json.loads(run("cluster", photos, "--json").stdout)
    assert (answer["threshold"], len(answer["people"])) == (4.0, 1)


def test_cluster(run, folder, tmp_path):
    page = tmp_path / "people.html"
    answer = json.loads(run("cluster", folder, "--report", page, "--json").stdout)
    assert sorted(map(len, answer["people"])) == [1, 1, 3]
    assert "broken.jpg" in page.read_text("utf-8")
    apart = json.loads(run("cluster", folder, "--threshold", "0", "--json").stdout)
    assert len(apart["people"]) == 5
    assert run("cluster", folder).stdout.startswith("person 1: ")
    together = json.loads(run("cluster", folder, "--method", "components", "--threshold", "4", "--json").stdout)
    assert len(together["people"]) == 1
    assert "'kmeans' is not one of" in run("cluster", folder, "--method", "kmeans", code=2).stderr


def test_cluster_writes_a_line_a_face(run, folder, tmp_path):
    (tmp_path / "out").mkdir()
    table = tmp_path / "out" / "faces.csv"
    answer = json.loads(run("cluster", folder, "--csv", table, "--json").stdout)
    assert answer["sorted"] is None
    with table.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    for number, group in enumerate(answer["people"], 1):
        rows = [line for line in lines if line["person"] == str(number)]
        assert [row["photo"] for row in rows] == group
        assert [row["representative"] for row in rows].count("yes") == 1


@pytest.mark.parametrize("how", ["links", "copies", "moves"])
def test_sort_and_unsort(run, photos, two, tmp_path, how):
    shutil.copy(photos / "obama.jpg", tmp_path)
    (tmp_path / "in").mkdir()
    for photo in (two, tmp_path / "obama.jpg"):
        photo.rename(tmp_path / "in" / photo.name)
    Image.new("RGB", (60, 60)).save(tmp_path / "in" / "blank.png")
    before = {path.name: path.read_bytes() for path in (tmp_path / "in").iterdir()}
    words = ("cluster", tmp_path / "in", "--sort-into", tmp_path / "out", "--how", how)
    answer = json.loads(run(*words, "--json", "--report", tmp_path / "page.html").stdout)
    places = 3 if how == "moves" else 4
    counts = {"how": how, "photos": 3, "places": places, "nobody": 1, "several": 1}
    assert answer["sorted"] == {"into": str(tmp_path / "out"), **counts}
    found = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").glob("*/*"))
    assert found[0] == "nobody/blank.png"
    assert found[1] == "person-001/obama.jpg"
    assert [place.partition("/")[2] for place in found[2:]] == ["two.png"] * (places - 2)
    assert len(list((tmp_path / "in").iterdir())) == (0 if how == "moves" else 3)
    assert (tmp_path / "page.html").stat().st_size > 1000
    undone = json.loads(run("unsort", tmp_path / "out", "--json").stdout)
    assert undone == {"folder": str(tmp_path / "out"), "undone": places, "kept": [], "missing": []}
    assert {path.name: path.read_bytes() for path in (tmp_path / "in").iterdir()} == before
    assert not (tmp_path / "out").exists()
    told = run("unsort", tmp_path / "out", code=2).stderr
    assert told.endswith("out holds no faceprint-undo.json: nothing was sorted into it, or it is undone already\n")


def test_sorting_for_people(run, two, tmp_path):
    folder = tmp_path / "my out"
    told = run("cluster", two, "--sort-into", folder).stdout
    assert f"sorted into {folder}, as links: 1 photograph, 0 of nobody; 1 of several people are with each of th" in told
    assert told.endswith(f"to undo that: faceprint unsort '{folder}'\n")
    (folder / "person-001/two.png").unlink()
    (folder / "person-001/two.png").write_text("mine")
    result = run("unsort", folder, code=2)
    assert result.stdout == f"undone: 1 file of {folder}\n"
    assert result.stderr == "kept: person-001/two.png is not the link that was made\n"
    (folder / "person-001/two.png").unlink()
    run("unsort", folder)
    told = run("cluster", two, "--sort-into", folder, "--how", "moves").stdout
    assert "1 of several people went to whom has the largest face" in told
    place = next(folder.glob("person-*/two.png"))
    renamed = place.rename(place.with_name("renamed.png"))
    result = run("unsort", folder, code=2)
    told = f"missing: {place.parent.name}/two.png is neither there nor where it came from\n"
    assert (result.stdout, result.stderr) == (f"undone: 0 files of {folder}\n", told)
    renamed.rename(place)
    assert run("unsort", folder).stdout == f"undone: 1 file of {folder}\n"
    assert two.is_file()


def test_outputs_are_refused_before_any_work(run, folder, monkeypatch):
    monkeypatch.setattr(Model, "faces", None)
    for option in ("--report", "--csv"):
        told = run("cluster", folder, option, folder / "no" / "file", code=2).stderr
        assert told.endswith("file cannot be written: its folder does not exist\n")
        with monkeypatch.context() as patch:
            patch.setattr("os.access", lambda path, mode, real=os.access: mode != os.W_OK and real(path, mode))
            told = run("cluster", folder, option, folder / "file", code=2).stderr
        assert told == f"error: {folder}/file cannot be written: it, or its folder, is read-only\n"
        told = run("cluster", option, folder / "obama.jpg", folder, code=2).stderr
        assert told == f"error: {folder}/obama.jpg cannot be written: its name is that of a photograph\n"
    (folder / "empty").mkdir()
    told = run("cluster", folder, "--sort-into", folder / "empty", code=2).stderr
    assert told == f"error: {folder}/empty must lie outside {folder}, whose photographs are sorted\n"
    words = ("cluster", folder / "obama.jpg", "--sort-into", folder / "empty", "--csv", folder / "empty" / "faces.csv")
    told = run(*words, code=2).stderr
    assert told == f"error: {folder}/empty/faces.csv must lie outside {folder}/empty, which holds photographs only\n"
    told = run("cluster", folder, "--sort-into", folder / "obama.jpg", code=2).stderr
    assert "must lie outside" in told
    assert "Invalid value for '--how'" in run("cluster", folder, "--how", "magic", code=2).stderr


def test_what_is_filled_is_refused_before_any_work(run, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(Model, "faces", None)
    (tmp_path / "text.faceprint").write_text("text")
    (tmp_path / "folder.npz").mkdir()
    with fp.Gallery(tmp_path / "other.faceprint") as gallery:
        gallery.add(fp.Embedded(np.eye(2, 128, dtype=np.float32), "other"))
    with fp.Gallery(tmp_path / "short.faceprint") as gallery:
        gallery.add(np.eye(2, dtype=np.float32))
    before = sorted(tmp_path.iterdir())
    for words, text in (
        (("index", "text.faceprint"), "gallery {} is not a gallery, is damaged, or is encrypted and needs its key: "),
        (("index", "no/x.faceprint"), "{} cannot be written: its folder does not exist\n"),
        (("index", "other.faceprint"), "the gallery holds embeddings of network other; those of "),
        (("index", "short.faceprint"), "embeddings must have shape (n, 2), not (0, 128)\n"),
        (("embed", "--out", "no/x.npz"), "{} cannot be written: its folder does not exist\n"),
        (("embed", "--out", "folder.npz"), "{} cannot be written: it is a folder\n"),
    ):
        *first, name = words
        told = run(*first, tmp_path / name, photos, code=2).stderr
        assert told.startswith(f"error: {text.format(tmp_path / name)}")
        assert told.count("\n") == 1
    told = run("embed", photos, "--out", tmp_path / "x", code=2).stderr
    assert told.endswith(f"Error: --out must end in .npz, and {tmp_path / 'x'} does not\n")
    assert "does not exist" in run("index", tmp_path / "new.faceprint", tmp_path / "nowhere", code=2).stderr
    assert sorted(tmp_path.iterdir()) == before


def test_sorting_that_stops_says_how_to_undo_it(run, two, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("faceprint.sort._copy", interrupt)
        told = run("cluster", two, "--sort-into", tmp_path / "out", "--how", "copies", code=130).stderr
    assert f"stopped half way: 'faceprint unsort {tmp_path / 'out'}' undoes what was done" in told
    assert run("unsort", tmp_path / "out").stdout.startswith("undone: 0 files")
    assert not (tmp_path / "out").exists()


def interrupt(*arguments):
    raise KeyboardInterrupt


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


def test_an_empty_path_is_not_the_working_folder(run, folder, monkeypatch):
    monkeypatch.chdir(folder)
    told = run("cluster", "", "--sort-into", folder.with_name("out"), "--how", "moves", code=2).stderr
    assert told.endswith("Error: Invalid value for 'PATHS...': a path must be some text, not ''\n")
    taken = [option for _, option in options() if isinstance(option.type, click.Path)]
    assert len(taken) > 20
    for option in taken:
        with pytest.raises(click.BadParameter, match=r"^a path must be some text, not ''$"):
            option.type.convert("", option, None)


@pytest.fixture
def benchmark(tmp_path):
    """Features and labels of eight faces of three people, one of whom looks in two ways."""
    x = np.repeat(np.eye(4, 6, dtype="<f4"), 2, axis=0) + np.float32(0.01) * np.arange(48).reshape(8, 6)
    x.astype("<f4").tofile(tmp_path / "x.bin")
    (tmp_path / "x.meta").write_text("5\n5\n3\n3\n9\n9\n9\n9\n")
    return tmp_path / "x.bin", tmp_path / "x.meta"


def test_evaluate_clustering(run, benchmark):
    words = ("evaluate", "clustering", *benchmark, "--dimension", "6", "--threshold", "0.3")
    answer = json.loads(run(*words, "--json").stdout)
    assert answer.pop("seconds") > 0
    assert answer == {
        "faces": 8,
        "people": 3,
        "found": 4,
        "pairwise": {"precision": 1.0, "recall": 0.5, "f": pytest.approx(2 / 3)},
        "bcubed": {"precision": 1.0, "recall": 0.75, "f": pytest.approx(6 / 7)},
        "nmi": pytest.approx(6 / 7),  # 1.5 bits in common, of 1.5 and 2
        "threshold": 0.3,
    }
    first, *scores = run(*words).stdout.splitlines()
    assert first.startswith("8 faces of 3 people; 4 found at threshold 0.3 in 0.")
    assert scores == [
        "pairwise  F  66.67%  precision 100.00%  recall  50.00%",
        "BCubed    F  85.71%  precision 100.00%  recall  75.00%",
        "NMI         85.71%",
    ]


def test_evaluate_clustering_takes_arrays(run, tmp_path):
    np.save(tmp_path / "x.npy", np.eye(3, dtype=np.float32))
    np.save(tmp_path / "people.npy", np.arange(3))
    answer = json.loads(run("evaluate", "clustering", tmp_path / "x.npy", tmp_path / "people.npy", "--json").stdout)
    assert (answer["found"], answer["threshold"]) == (3, 0.14)


def test_evaluate_clustering_refuses(run, benchmark):
    features, labels = benchmark
    told = run("evaluate", "clustering", features, labels, code=2).stderr
    assert told.endswith("x.bin must hold rows of 256 float32 numbers, 1024 bytes each, not 192 bytes\n")
    told = run("evaluate", "clustering", features, labels, "--dimension", "12", code=2).stderr
    assert told.endswith("x.meta must name 4 people, one for each embedding, not 8\n")
    run("evaluate", "clustering", features, labels, "--dimension", "6", "--threshold", "5", code=2)
    run("evaluate", "clustering", features, labels.with_name("none.meta"), "--dimension", "6", code=2)


def test_info(run):
    answer = json.loads(run("info", "--json").stdout)
    assert answer["versions"]["faceprint"] == fp.__version__
    assert answer["backends"]["portable"] == "runs here"
    shown = run("info").stdout
    assert "backend: " in shown
    assert "CPUExecutionProvider" in shown


def test_info_lists_the_known_recipes_and_licences(run):
    answer = json.loads(run("info", "--json").stdout)
    assert answer["network"]["licence"] == "CC0-1.0"
    assert answer["recipes"]["auraface"] == "Apache-2.0"
    assert "auraface Apache-2.0" in run("info").stdout


def test_info_about_a_network(run, network_file, small_recipe):
    path = network_file(takes=(1, 3, 8, 8), gives={"y": (1, 6)}, inner=1)
    beside = path.with_suffix(".json")
    beside.write_text(json.dumps(small_recipe(path, licence="MIT", restriction="not on Sundays")))
    told = json.loads(run("info", path, "--json").stdout)["network"]
    assert {
        "name": "x",
        "licence": "MIT",
        "restriction": "not on Sundays",
        "recipe": "beside the file",
    }.items() <= told.items()
    assert (told["batch"], told["inputs"], told["outputs"]) == (
        1,
        "x tensor(float) (1, 3, 8, 8)",
        "y tensor(float) (1, 6)",
    )
    shown = run("info", path).stdout
    assert "licence MIT; restriction not on Sundays" in shown
    golden = json.loads(run("info", path, "--golden").stdout)
    beside.write_text(json.dumps(small_recipe(path, golden=golden)))
    run("info", path)
    beside.write_text(json.dumps(small_recipe(path, golden={**golden, "numbers": [0.0]})))
    assert "error: the network does not give what recipe x promises" in run("info", path, code=2).stderr


def test_info_drafts_a_recipe(run, network_file):
    path = network_file()
    assert json.loads(run("info", path, "--draft").stdout) == fp.draft_recipe(path)
    assert "needs its recipe beside it" in run("info", path, code=2).stderr
    for option in ("--draft", "--untrusted"):
        assert "need a NETWORK" in run("info", option, code=2).stderr
    assert "--draft is for a network without a recipe" in run("info", path, "--draft", "--golden", code=2).stderr


def test_warnings_are_one_line(network_file):
    path = network_file(takes=(1, 3, 112, 112), gives={"y": (1, 128)}, inner=1)
    words = [sys.executable, "-m", "faceprint", "info", path, "--recipe", "sface"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stderr.startswith(f"warning: {path} is used as sface: ")
    assert done.stderr.count("\n") == 1
    assert "recipe asked for by name" in done.stdout


def test_piped_output_has_no_progress(photos):
    piped = subprocess.run(
        [sys.executable, "-m", "faceprint", "faces", photos / "collins.png"], capture_output=True, text=True, check=True
    )
    assert piped.stderr == ""
    assert "collins.png: 1 face" in piped.stdout


def test_names_that_the_encoding_of_a_file_lacks_are_escaped(photos, tmp_path):
    """Python writes files on Windows in that of the country, such as cp1252."""
    photo = shutil.copy(photos / "collins.png", tmp_path / "Жanna.png")
    words = [sys.executable, "-m", "faceprint", "faces", photo]
    done = subprocess.run(words, capture_output=True, env=os.environ | {"PYTHONIOENCODING": "cp1252"}, check=True)
    assert b"\\u0416anna.png: 1 face" in done.stdout


def options():
    """Every option and argument, after its command."""
    commands = (*command.commands.values(), *command.commands["evaluate"].commands.values())
    return [(each, option) for each in commands for option in each.params]


def test_help_tells_every_default():
    told = {
        (each.name, option.name): option.get_help_record(click.Context(each))[1]
        for each, option in options()
        if isinstance(option.default, str | int | float | tuple) and option.default and not option.is_flag
    }
    assert told["cluster", "method"] == "How people are found.  [default: map_equation]"
    assert told["verify", "device"].endswith("default: cpu]")
    assert len(told) > 20
    assert [option for option, help_text in told.items() if "default: " not in help_text] == []


class Terminal(io.StringIO):
    """What a terminal has been told."""

    def isatty(self):
        return True


def test_progress_is_seen_on_a_terminal_and_gone_in_the_end(run, photos, benchmark, tmp_path, monkeypatch):
    people = tmp_path / "people"
    for number, photo in enumerate(sorted(photos.glob("*.*g"))):
        (people / f"{number // 2}").mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, people / f"{number // 2}")
    for words, first in (
        (("faces", people), "0/5 [00:00<?, ?photo/s]"),
        (("cluster", people, "--sort-into", tmp_path / "sorted"), "?file/s]"),
        (("evaluate", people, "--far", "0.5"), "0/5 [00:00<?, ?photo/s]"),
        (("evaluate", "sensitivity", people, "--far", "0.5", "--reduction", "prefix"), "0/5 [00:00<?, ?photo/s]"),
        (("evaluate", "clustering", *benchmark, "--dimension", "6"), "0/100 [00:00<?, ?%/s]"),
    ):
        monkeypatch.setattr(sys, "stderr", Terminal())
        with pytest.raises(SystemExit, match=r"^$"):
            command.main([os.fspath(word) for word in words])
        shown = sys.stderr.getvalue()
        assert first in shown
        assert shown.rsplit("\r", 2)[1].isspace()
        assert shown.endswith("\r")


def test_usage_errors_exit_with_2(run):
    run("verify", "one.jpg", code=2)
    run("nonsense", code=2)


@pytest.mark.parametrize("words", ["faces", "embed --out x.npz", "cluster", "index x.faces", "search x.faces"])
def test_commands_want_photographs(run, words):
    assert "Missing argument 'PATHS...'" in run(*words.split(), code=2).stderr
