"""Parameters that choose themselves."""

import re

import numpy as np
import pytest

import faceprint as fp
from made import people

X, LABELS = people([6] * 10, spread=0.7, depth=64)  # about 0.66 apart within a person, 2 between people
TRIALS = [{"threshold": value} for value in (0.1, 0.4, 1.2, 4)]


def test_names_choose_what_finds_the_hidden_people():
    names = np.where(np.arange(60) % 6 < 3, LABELS, -1)
    choice = fp.choose(fp.cluster(X), TRIALS, names=names)
    assert choice.found.threshold == 1.2
    assert choice.score == 1
    assert [change for change, _ in choice.tried] == TRIALS
    assert choice.tried[0][1] < 0.8
    np.testing.assert_array_equal(choice.found.labels, LABELS)
    other = fp.choose(fp.cluster(X), TRIALS, names=names, seed=1)
    assert other.tried[0][1] != choice.tried[0][1] or other.score == choice.score


def test_hidden_people_are_not_given_away():
    # whoever sees all names as previous labels reaches 1 with any threshold
    choice = fp.choose(fp.cluster(X), [{"threshold": 0.01}], names=LABELS, hidden=0.5)
    assert choice.score < 0.5


def test_without_names_the_shortest_code_wins():
    choice = fp.choose(fp.cluster(X), TRIALS)
    assert choice.found.threshold == 1.2
    assert choice.score == -fp.coding_length(X, choice.found.labels)
    assert choice.score == max(score for _, score in choice.tried)


def test_coding_length_from_the_definition():
    x, labels = people([5, 3], spread=0.4, depth=64)
    error = 0.02
    bits = 0.0
    centred = x.astype(float) - x.mean(axis=0, dtype=float)
    for person in (0, 1):
        rows = centred[labels == person]
        mean = rows.mean(axis=0)
        for row in rows:
            bits += 32 * np.log2(1 + rows.var(axis=0).sum() / error) - np.log2(len(rows) / 8)
            assert row.shape == (64,)
        bits += 32 * np.log2(1 + mean @ mean / error)
    assert fp.coding_length(x, labels, distortion=error) == pytest.approx(bits, rel=1e-9)
    alone = np.arange(8)
    junk = np.full(8, -1)
    assert fp.coding_length(x, junk) == fp.coding_length(x, alone)


def test_stability_tells_what_changes():
    changes = fp.stability(fp.cluster(X, threshold=1.2))
    assert [(change.parameter, change.factor) for change in changes] == [
        (name, factor) for name in ("threshold", "k", "least") for factor in (0.9, 1.1)
    ]
    assert all(change.agreement == 1 and change.people == 10 for change in changes)
    shaky = fp.stability(fp.cluster(X, threshold=0.75), step=0.3)
    assert min(change.agreement for change in shaky) < 1
    modular = fp.stability(fp.cluster(X, method="modularity", threshold=1.2))
    assert modular[-1].parameter == "resolution"


def test_stability_stays_within_what_parameters_may_be():
    changes = fp.stability(fp.cluster(X, threshold=4, k=1, least=1), step=0.6)
    assert [(change.parameter, change.factor) for change in changes] == [
        ("threshold", 0.4),
        ("k", 0.4),
        ("k", 1.6),
        ("least", 0.4),
    ]


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ([], {}, "changes must hold at least one, not 0"),
        (TRIALS, {"names": [0] * 60}, "names must be those of at least two people, not 1"),
        (TRIALS, {"names": LABELS, "hidden": 1}, "hidden must be above 0 and below 1, not 1"),
        (TRIALS, {"names": [0, 1]}, "names must have shape (60,), one label for each embedding, not (2,)"),
    ],
)
def test_what_cannot_choose(changes, options, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        fp.choose(fp.cluster(X), changes, **options)


def test_a_code_without_error_has_no_length():
    with pytest.raises(ValueError, match=r"^distortion must be above 0, not 0$"):
        fp.coding_length(X, LABELS, distortion=0)
