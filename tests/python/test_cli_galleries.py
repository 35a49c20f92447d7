"""Commands about galleries: filling files, and looking faces up in them."""

import io
import json
import os
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

import faceprint as fp
from faceprint.model import Model


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
