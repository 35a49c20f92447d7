"""Some rounds of each fuzz target, the same each time, and what the rounds must notice; CI goes on for longer."""

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fuzz import arguments, parsers, rounds
from fuzz.rounds import Target

FOLDER = Path(__file__).parents[1] / "fuzz"


@pytest.mark.parametrize(("script", "number"), [("parsers.py", 60), ("arguments.py", 40)])
def test_nothing_is_found(script, number):
    """In a process of its own, whose memory is limited, and which a fault may bring down."""
    words = [sys.executable, str(FOLDER / script), "--rounds", str(number), "--seed", "1000000"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    targets = parsers.TARGETS if script == "parsers.py" else arguments.TARGETS
    assert done.stdout.count(" 0 findings") == len(targets)


class Harmless(random.Random):
    """By whose numbers nothing is damaged."""

    getrandbits = random.Random.getrandbits

    def random(self):
        return 1.0


@pytest.mark.parametrize("target", parsers.TARGETS, ids=lambda target: target.name)
def test_whole_files_are_read(target, tmp_path, monkeypatch):
    """All that is kept, but for what was found, is accepted as it is: damaged files start from good ones."""
    kept = parsers.kept
    whole = [file for file in kept(target.name) if not file[0].startswith("found-")]
    for number, file in enumerate(whole):
        monkeypatch.setattr(parsers, "kept", lambda name, file=file: [file] if name == target.name else kept(name))
        (tmp_path / str(number)).mkdir()
        target.attempt(Harmless(0), tmp_path / str(number))


def raises(error):
    def attempt(chance, folder):
        raise error

    return attempt


@pytest.mark.parametrize(
    ("attempt", "verdict"),
    [
        (lambda *_: None, "accepted"),
        (raises(ValueError("no")), "refused"),
        (raises(KeyError("a")), "raised KeyError: 'a' (test_fuzz.py, line "),
        (raises(AssertionError("it changed")), "raised AssertionError: it changed (test_fuzz.py, line "),
        (raises(SystemExit(3)), "raised SystemExit: 3 (test_fuzz.py, line "),
    ],
)
def test_what_is_noticed(attempt, verdict):
    assert rounds.one_round(Target("x", attempt, (ValueError,)), 0).startswith(verdict)


def test_slowness_is_noticed(monkeypatch):
    monkeypatch.setattr(rounds, "SLOW", 0.01)
    assert rounds.one_round(Target("x", lambda *_: time.sleep(0.02), ()), 0) == "took 0 s"


def test_a_round_is_made_again_by_its_number(capsys):
    drawn = []
    target = Target("x", lambda chance, _: drawn.append(chance.random()), ())
    rounds.run(target, 5, 3, None, "x.py")
    rounds.run(target, 6, 1, None, "x.py")
    assert len(set(drawn[:3])) == 3
    assert drawn[3] == drawn[1]
    counts = rounds.run(Target("x", raises(KeyError(0)), ()), 7, 1, None, "x.py")
    assert counts.findings == 1
    assert capsys.readouterr().out.endswith("again: python x.py x --round 7\n")


def try_operation(monkeypatch, call):
    """One round after another of an operation on rows, until one is found out."""
    monkeypatch.setitem(arguments.OPERATIONS, "x", (call, {"x": arguments.rows()}))
    target = Target("x", lambda chance, folder: arguments.attempt("x", chance, folder), arguments.ALLOWED)
    return {rounds.one_round(target, number).partition(" (")[0] for number in range(40)}


def test_changed_arguments_are_noticed(monkeypatch):
    def change(x):
        x[0] += 1

    assert "raised AssertionError: it changed its arguments" in try_operation(monkeypatch, change)


def test_answers_that_depend_on_the_layout_are_noticed(monkeypatch):
    found = try_operation(monkeypatch, lambda x: np.asarray(x).strides)
    assert "raised AssertionError: the answer depends on how its arguments lie in memory" in found
    found = try_operation(monkeypatch, lambda x: np.shape(x))
    assert "accepted" in found
    assert not any(verdict.startswith("raised") for verdict in found)


def test_refusals_in_the_words_of_others_are_noticed(monkeypatch):
    found = try_operation(monkeypatch, lambda x: 0 < "a")
    text = "raised AssertionError: it refuses by words that are not its own: '<' not supported between instances of"
    assert any(verdict.startswith(text) for verdict in found)
