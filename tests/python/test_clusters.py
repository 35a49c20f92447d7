"""Pairwise F, BCubed F and NMI against their definitions."""

import re

import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score

import faceprint as fp
from faceprint.evaluate import Score, clustering
from reference import clusters as reference


def harmonic(precision, recall):
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@pytest.mark.parametrize("rows", [1, 2, 3, 17, 80])
@pytest.mark.parametrize("people", [1, 3, 40])
@pytest.mark.parametrize("found", [1, 5, 60])
def test_scores_are_their_definitions(rows, people, found):
    rng = np.random.default_rng([rows, people, found])
    truth, labels = rng.integers(-1, people, rows), rng.integers(-1, found, rows)
    answer = clustering(truth, labels)
    for score, (precision, recall) in (
        (answer.pairwise, reference.pairwise(truth.tolist(), labels.tolist())),
        (answer.bcubed, reference.bcubed(truth.tolist(), labels.tolist())),
    ):
        assert score.precision == pytest.approx(precision, abs=1e-12)
        assert score.recall == pytest.approx(recall, abs=1e-12)
        assert score.f == pytest.approx(harmonic(precision, recall), abs=1e-12)
    assert answer.nmi == pytest.approx(reference.nmi(truth.tolist(), labels.tolist()), abs=1e-12)
    assert answer.faces == rows
    assert answer.people == len({*truth.tolist()} - {-1})
    assert answer.found == len({*labels.tolist()} - {-1})


def test_an_example_worked_by_hand():
    truth = list("aaaaabbbbcc")
    labels = [0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2]
    bcubed = clustering(truth, labels).bcubed
    assert bcubed.precision == pytest.approx((4 * 1 + 1 / 5 + 4 * 4 / 5 + 2 * 1) / 11)
    assert bcubed.recall == pytest.approx((4 * 4 / 5 + 1 / 5 + 4 * 1 + 2 * 1) / 11)


def test_nmi_is_that_of_scikit_learn():
    rng = np.random.default_rng(3)
    for people, found in ((1, 1), (1, 4), (5, 1), (6, 6), (30, 12)):
        truth, labels = rng.integers(people, size=90), rng.integers(found, size=90)
        expected = normalized_mutual_info_score(truth, labels)
        assert clustering(truth, labels).nmi == pytest.approx(expected, abs=1e-12)
    assert clustering(truth, (7 * truth) % 31).nmi == pytest.approx(1)


def test_names_and_numbers_are_of_no_account():
    rng = np.random.default_rng(0)
    truth, labels = rng.integers(6, size=50), rng.integers(9, size=50)
    names = np.array([f"person {number}" for number in truth])
    assert clustering(truth, labels) == clustering(names, (100 - 7 * labels).astype(np.int32))
    assert clustering(truth.astype(np.uint8), labels.tolist()) == clustering(truth, labels)
    order = rng.permutation(50)
    assert clustering(truth[order], labels[order]).pairwise == clustering(truth, labels).pairwise


def test_precision_and_recall_change_places():
    rng = np.random.default_rng(1)
    truth, labels = rng.integers(-1, 6, 60), rng.integers(-1, 9, 60)
    there, back = clustering(truth, labels), clustering(labels, truth)
    assert (there.pairwise.precision, there.bcubed.recall) == (back.pairwise.recall, back.bcubed.precision)


def test_junk_is_a_person_of_its_own_for_each_face():
    truth, labels = np.array([0, 0, 1, -1, -1]), np.array([4, 4, -1, -1, -1])
    answer = clustering(truth, labels)
    assert (answer.people, answer.found, answer.nmi) == (2, 1, 1.0)
    assert answer.pairwise == answer.bcubed == Score(1.0, 1.0, 1.0)
    together = clustering(truth, np.zeros(5, int))
    assert together.pairwise.precision == 1 / 10
    assert clustering(["-1", "-1"], [0, 0]).people == 1  # a name like another


def test_without_pairs():
    apart = clustering([0, 0, 1], [0, 1, 2])
    assert apart.pairwise == Score(1.0, 0.0, 0.0)
    assert clustering([0, 1], [0, 0]).pairwise == Score(0.0, 1.0, 0.0)
    assert clustering([7], [9]).pairwise == Score(1.0, 1.0, 1.0)


def test_a_million_faces():
    truth = np.arange(1_000_000) // 10
    labels = np.arange(1_000_000) // 20
    answer = clustering(truth, labels)
    assert (answer.people, answer.found) == (100_000, 50_000)
    assert answer.pairwise.precision == 90 / 190
    assert answer.bcubed.precision == pytest.approx(0.5)
    assert answer.bcubed.recall == pytest.approx(1)


def test_what_cluster_returns(unit_rows):
    x = unit_rows(30, seed=3)
    found = fp.cluster(x, threshold=1.5, junk=np.arange(30) < 4)
    assert fp.evaluate.clustering(found.labels, found.labels).pairwise.f == 1
    assert fp.evaluate.clustering(np.zeros(30, int), found.labels).found == len(found)


@pytest.mark.parametrize(
    ("truth", "labels", "error", "text"),
    [
        ([], [], ValueError, "truth must hold at least one face, not 0"),
        ([0, 1], [0, 1, 2], ValueError, "labels must have shape (2,), one for each row, not (3,)"),
        ([[0, 1]], [0], ValueError, "truth must have shape (n,), one for each row, not (1, 2)"),
        ([0.0], [0], TypeError, "truth must be integers or strings, not float64"),
        ([0], [True], TypeError, "labels must be integers or strings, not bool"),
    ],
)
def test_refused(truth, labels, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        clustering(truth, labels)
