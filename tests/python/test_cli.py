"""The command line: answers, exit codes, JSON, and one line for every error."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

import faceprint as fp
from faceprint.cli import command
from faceprint.model import Model

CLI = Path(__file__).parents[2] / "docs" / "cli.md"


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


def test_recipe_without_thresholds(run, folder, model, monkeypatch):
    bare = replace(model.recipe, thresholds=(), clustering=None)
    monkeypatch.setattr(Model, "recipe", bare)
    monkeypatch.setattr(Model, "faces", None)  # all is refused before any work
    assert "states no 'clustering'; give it: threshold, or --threshold" in run("cluster", folder, code=2).stderr
    told = run("search", folder / "obama.jpg", folder, code=2).stderr
    assert "states no thresholds; give one: threshold, or --threshold" in told
    run("cluster", folder, "--threshold", "nan", code=2)


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


def test_the_keys_for_scripts_are_those_of_the_book(run, folder, tmp_path):
    told = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", CLI.read_text("utf-8"), re.MULTILINE))
    gallery, photo, place = tmp_path / "x.faceprint", folder / "obama.jpg", tmp_path.parent / f"{tmp_path.name} sorted"
    commands = {
        "faces": (folder,),
        "embed": (folder, "--out", tmp_path / "x.npz"),
        "verify": (photo, photo),
        "index": (gallery, folder),
        "search": (photo, gallery),
        "cluster": (folder, "--sort-into", place),
        "unsort": (place,),
    }
    answers = {name: json.loads(run(name, *words, "--json").stdout) for name, words in commands.items()}
    assert told == {name: ", ".join(f"`{key}`" for key in answer) for name, answer in answers.items()}
    assert set(answers["faces"]["photos"][0]) == {"photo", "faces"}
    assert set(answers["faces"]["photos"][0]["faces"][0]) == {"box", "landmarks", "score", "quality"}
    assert set(answers["search"]["matches"][0]) == {"photo", "label", "distance", "same", "box"}
    assert set(answers["faces"]["skipped"][0]) == {"photo", "error"}
    assert set(answers["cluster"]["sorted"]) == {"into", "how", "photos", "places", "nobody", "several"}
