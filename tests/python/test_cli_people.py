"""Commands about who is on many photographs: grouping them, sorting them into folders, and back."""

import csv
import json
import os
import shutil
from dataclasses import replace

import pytest
from PIL import Image

from faceprint.model import Model


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


def test_cluster_takes_the_threshold_of_the_recipe(run, photos, model, monkeypatch):
    monkeypatch.setattr(Model, "recipe", replace(model.recipe, clustering=4.0))
    answer = json.loads(run("cluster", photos, "--json").stdout)
    assert (answer["threshold"], len(answer["people"])) == (4.0, 1)


def test_thresholds_given_where_the_recipe_states_none(run, folder, tmp_path, model, monkeypatch):
    monkeypatch.setattr(Model, "recipe", replace(model.recipe, thresholds=(), clustering=None))
    page = tmp_path / "page.html"
    answer = json.loads(run("cluster", folder, "--threshold", "0.13", "--report", page, "--json").stdout)
    assert sorted(map(len, answer["people"])) == [1, 1, 3]
    assert "threshold 0.130" in page.read_text("utf-8")
    run("search", folder / "obama.jpg", folder, "--threshold", "0.2")


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


def interrupt(*arguments):
    raise KeyboardInterrupt


def test_sorting_that_stops_says_how_to_undo_it(run, two, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("faceprint.sort._copy", interrupt)
        told = run("cluster", two, "--sort-into", tmp_path / "out", "--how", "copies", code=130).stderr
    assert f"stopped half way: 'faceprint unsort {tmp_path / 'out'}' undoes what was done" in told
    assert run("unsort", tmp_path / "out").stdout.startswith("undone: 0 files")
    assert not (tmp_path / "out").exists()
