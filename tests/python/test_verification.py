"""How well a network verifies: the numbers, the hardest pairs, the curves, the page and the command."""

import json
import re
import shutil
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from statistics import NormalDist
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest

import faceprint as fp
from faceprint import _core
from faceprint.evaluate import (
    AllPairs,
    ListedPairs,
    curves,
    equal_error,
    measure_verification,
    roc,
    val_at_far,
    verification_folds,
    worst,
)
from faceprint.evaluate.report import find_faces, write_report
from faceprint.evaluate.told import summarise
from faceprint.evaluate.verification import WORST
from faceprint.evaluate.worst import hardest_different, hardest_same

SVG = "{http://www.w3.org/2000/svg}"


class MadeUpModel:
    """A model of photographs `0.jpg`, `1.jpg`, ..., whose first faces are rows; a second face is of somebody else."""

    def __init__(self, rows, broken=(), empty=()):
        self.rows, self.broken, self.empty = rows, broken, empty
        self.recipe = SimpleNamespace(dimension=rows.shape[1], name="made-up <network>")

    def faces(self, photos, errors="raise"):
        for photo in photos:
            number = int(photo.stem)
            if number in self.broken:
                assert errors == "collect"
                yield fp.PhotoError(f"photo {photo} is broken")
                continue
            faces = 0 if number in self.empty else 2
            x = self.rows[[number, 7 * number % len(self.rows)]][:faces]
            chips = np.stack([np.full((150, 150, 3), shade, np.uint8) for shade in (number, 200)])[:faces]
            boxes, points, scores = np.zeros((faces, 4)), np.zeros((faces, 5, 2)), np.ones(faces)
            yield fp.Faces(boxes, points, scores, None, chips, x, "made up")


@pytest.fixture(scope="module")
def made():
    found = fp.synthetic.people(120, 24, junk=0, seed=5)
    return found.embeddings, found.people, [Path(f"{number}.jpg") for number in range(120)]


@pytest.mark.parametrize("listed", [False, True])
def test_numbers_are_those_of_the_faces_that_were_found(made, listed):
    x, people, photos = made
    model = MadeUpModel(x, broken=[3], empty=[7, 8])
    pairs = ListedPairs(people, *np.triu_indices(120, 1)) if listed else AllPairs(people)
    found = measure_verification(model, photos, pairs, fars=(0.1, 1e-3, 1e-4))
    kept = np.delete(np.arange(120), [3, 7, 8])
    between = fp.distances(x[kept], x[kept])[np.triu_indices(117, 1)].astype(float)
    a, b = np.triu_indices(117, 1)
    same = people[kept][a] == people[kept][b]
    assert (found.same_pairs, found.different_pairs, found.people) == (same.sum(), (~same).sum(), 24)
    assert found.photos == [photos[row] for row in kept]
    assert found.skipped == {
        Path("3.jpg"): "photo 3.jpg is broken",
        Path("7.jpg"): "photo 7.jpg must show a face, but none was found",
        Path("8.jpg"): "photo 8.jpg must show a face, but none was found",
    }
    assert list(found.vals) == [0.1, 1e-3]
    number = f"{(~same).sum():,}"
    assert found.untold == {1e-4: f"FAR 0.0001 needs about 30,000 pairs of different people, and these are {number}"}
    for far, value in found.vals.items():
        expected = val_at_far(between[same], between[~same], far, people=people[kept][a[same]])
        assert (value.val, value.far) == (expected.val, expected.far)
        assert (value.low, value.high) == pytest.approx((expected.low, expected.high))
    exact = equal_error(roc(between[same], between[~same]))
    assert found.equal_error.rate == pytest.approx(exact.rate, abs=2e-4)
    assert found.equal_error.threshold == pytest.approx(exact.threshold, abs=2e-3)
    assert found.folds is None


@pytest.mark.parametrize("listed", [False, True])
def test_pairs_are_gone_through_as_often_for_many_fars_as_for_one(made, monkeypatch, listed):
    x, people, photos = made
    passes = []
    distances, counted = ListedPairs.distances, _core.count_pairs
    monkeypatch.setattr(ListedPairs, "distances", lambda *given: passes.append(1) or distances(*given))
    monkeypatch.setattr(_core, "count_pairs", lambda *given: passes.append(1) or counted(*given))
    pairs = ListedPairs(people, *np.triu_indices(120, 1)) if listed else AllPairs(people)
    taken = []
    for fars in ((1e-9,), (0.1,), (0.1, 0.01, 1e-3, 1e-9)):
        passes.clear()
        found = measure_verification(MadeUpModel(x), photos, pairs, fars=fars)
        assert [*found.vals, *found.untold] == list(fars)
        assert list(found.untold) == [far for far in fars if far == 1e-9]
        taken.append(len(passes))
    assert taken == ([4, 4, 4] if listed else [1, 3, 3])  # of listed ones, the ROC and both kinds of hard pairs too


def test_pairs_without_a_face_count_as_different_in_folds(made):
    x, people, photos = made
    rng = np.random.default_rng(0)
    a, b = rng.integers(120, size=(2, 400))
    pairs = ListedPairs(people, np.append(a[a != b], 5), np.append(b[a != b], 6))
    folds = np.arange(len(pairs.a)) % 4
    found = measure_verification(MadeUpModel(x, empty=[5, 6]), photos, pairs, folds=folds).folds
    between = pairs.distances(x)
    between[np.isin(pairs.a, [5, 6]) | np.isin(pairs.b, [5, 6])] = np.nan
    expected = verification_folds(between, pairs.same, folds)
    np.testing.assert_array_equal(found.wrong, expected.wrong)
    np.testing.assert_allclose(found.accuracy, expected.accuracy)
    one = measure_verification(MadeUpModel(x), photos, pairs, folds=np.zeros(len(pairs.a), int))
    assert one.folds is None


def test_progress_sees_every_photograph(made):
    x, people, photos = made
    seen = []

    def watch(results):
        for result in results:
            seen.append(result)
            yield result

    measure_verification(MadeUpModel(x, broken=[1]), photos, AllPairs(people), watch=watch)
    assert len(seen) == 120


@pytest.mark.parametrize("people", [[0] * 4, [0, 1, 2, 3]])
def test_pairs_of_one_kind_are_refused_before_any_work(people):
    same, different = AllPairs(np.array(people)).count()
    text = f"photos must make pairs of one person and of two people, and make {same} and {different}"
    with pytest.raises(ValueError, match=f"^{text}$"):
        measure_verification(None, [Path("0.jpg")] * 4, AllPairs(np.array(people)))
    rows = np.eye(4, dtype=np.float32)
    text = (
        "photos must make pairs of one person and of two people, and make 0 and 3; "
        "1 of 4 photos skipped: photo 0.jpg must show a face, but none was found"
    )
    with pytest.raises(ValueError, match=f"^{text}$"):
        measure_verification(
            MadeUpModel(rows, empty=[0]), [Path(f"{n}.jpg") for n in range(4)], AllPairs(np.array([0, 0, 1, 2]))
        )


def test_equal_error():
    assert equal_error(roc(np.array([0.1, 0.2]), np.array([0.3, 0.4]))).rate == 0  # nothing overlaps
    assert equal_error(roc(np.array([0.3, 0.4]), np.array([0.1, 0.2]))).rate == 1  # all is the wrong way round
    assert equal_error(roc(np.array([0.5]), np.array([0.5]))).rate == 0.5  # one threshold for all: on the line
    rng = np.random.default_rng(0)
    same, different = rng.normal(0.2, 0.05, 5000), rng.normal(0.4, 0.05, 9000)
    found = equal_error(roc(same, different))
    assert found.rate == pytest.approx(0.02275, abs=0.004)  # two standard deviations from either mean
    assert found.threshold == pytest.approx(0.3, abs=0.01)
    assert (different <= found.threshold).mean() == pytest.approx(found.rate, abs=1e-3)
    assert (same > found.threshold).mean() == pytest.approx(found.rate, abs=1e-3)


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("number", [1, 5, 1000])
def test_hardest_pairs_are_found_by_trying_all(monkeypatch, made, listed, number):
    monkeypatch.setattr(worst, "BLOCK", 7)
    x, people, _ = made
    a, b = np.triu_indices(120, 1)
    between = fp.distances(x, x)[a, b]
    pairs = ListedPairs(people, a, b) if listed else AllPairs(people)
    farthest, nearest = {}, {}
    for row in np.argsort(between, kind="stable"):
        couple = (min(people[[a[row], b[row]]]), max(people[[a[row], b[row]]]))
        if couple[0] == couple[1]:
            farthest[couple] = row  # the last is the farthest
        else:
            nearest.setdefault(couple, row)
    far = sorted(farthest.values(), key=lambda row: -between[row])[:number]
    assert [(pair.a, pair.b) for pair in hardest_same(x, pairs, number)] == [(a[row], b[row]) for row in far]
    near = list(nearest.values())[:number]
    found = hardest_different(x, pairs, pairs.roc(x), number)
    assert [(pair.a, pair.b) for pair in found] == [(a[row], b[row]) for row in near]
    assert [pair.distance for pair in found] == pytest.approx([between[row] for row in near], abs=2e-6)


def points_of(svg):
    (line,) = ElementTree.fromstring(svg).findall(f"{SVG}polyline")
    return np.array([point.split(",") for point in line.get("points").split()], float)


def test_a_roc_is_drawn_where_it_is():
    rng = np.random.default_rng(0)
    same, different = rng.normal(0.2, 0.05, 4000), rng.normal(0.4, 0.05, 9000)
    curve = roc(same, different)
    vals = {far: val_at_far(same, different, far) for far in (1e-2, 1e-3)}
    picture = curves.draw_roc(curve, vals, 9000)
    points = points_of(picture)
    assert len(points) < 1500
    top, base, left, right = curves.TOP, curves.HEIGHT - curves.BOTTOM, curves.LEFT, curves.WIDTH - curves.RIGHT
    assert (points[-1] == [right, top]).all()  # FAR 1, VAL 1
    lowest = min(float(curve.val[curve.far > 0][0]), vals[1e-3].low)
    floor = np.floor(10 * lowest) / 10
    tree = ElementTree.fromstring(picture)
    circles = tree.findall(f"{SVG}circle")
    for circle, (far, value) in zip(circles, vals.items(), strict=True):
        x = left + (right - left) * (np.log10(value.far) + 4) / 4
        y = base - (base - top) * (value.val - floor) / (1 - floor)
        assert [float(circle.get("cx")), float(circle.get("cy"))] == pytest.approx([x, y], abs=0.1)
        assert abs(points - [x, y]).sum(axis=1).min() < 2  # it lies on the curve
        assert circle.find(f"{SVG}title").text.startswith(f"at FAR {far:g}: {value.val:.1%} [")
    texts = [text.text for text in tree.findall(f"{SVG}text")]
    assert {"0.01 %", "100 %", "FAR", "VAL"} <= {*texts}


def test_a_det_is_straight_where_distances_are_normal():
    normal = np.array([NormalDist().inv_cdf((place + 0.5) / 20_000) for place in range(20_000)])
    curve = roc(0.3 + 0.05 * normal, 0.5 + 0.08 * normal)
    picture = curves.draw_det(curve, equal_error(curve).rate)
    points = points_of(picture)
    inner = points[(points[:, 0] > 150) & (points[:, 1] < 250)]
    slope, shift = np.polyfit(*inner.T, 1)
    assert abs(slope * inner[:, 0] + shift - inner[:, 1]).max() < 1.5
    (circle,) = ElementTree.fromstring(picture).findall(f"{SVG}circle")
    where = [float(circle.get("cx")), float(circle.get("cy"))]
    assert abs(points - where).sum(axis=1).min() < 2
    assert circle.find(f"{SVG}title").text == f"equal error rate: {equal_error(curve).rate:.2%}"


def test_curves_of_very_few_pairs_can_be_drawn():
    for same, different in (([0.1], [0.5]), ([0.5], [0.1]), ([0.0], [0.0]), ([0.2, 0.3], [0.3])):
        curve = roc(np.array(same), np.array(different))
        pictures = (
            curves.draw_roc(curve, {}, len(different)),
            curves.draw_det(curve, equal_error(curve).rate),
            curves.draw_distances(curve, {}),
        )
        for picture in pictures:
            assert "nan" not in picture
            ElementTree.fromstring(picture)


def test_bars_are_shares_of_the_pairs_of_a_kind():
    rng = np.random.default_rng(0)
    same, different = rng.normal(0.2, 0.05, 500).clip(0), rng.normal(0.4, 0.05, 900)
    same[:7], different[:3] = 0, 0.5  # at both ends
    curve = roc(same, different)
    edges = np.linspace(0, 0.5, 11)
    for values, reached in ((same, curve.val), (different, curve.far)):
        expected = np.histogram(values, edges)[0] / len(values)
        np.testing.assert_allclose(curves._between(curve, reached, edges), expected)
    picture = ElementTree.fromstring(curves.draw_distances(curve, {"FAR 0.01": 0.3}))
    lines = [line.find(f"{SVG}title").text for line in picture.findall(f"{SVG}line") if len(line)]
    assert lines == ["FAR 0.01: 0.3000"]
    assert len(picture.findall(f"{SVG}path")) == 2


class Outline(HTMLParser):
    """The tags, pictures and text of a page, and every address in it."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.pictures, self.addresses, self.text = set(), [], [], ""
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.add(tag)
        self.addresses += [values[name] for name in ("href", "src", "action") if name in values]
        if tag == "img":
            self.pictures.append(values["alt"])

    def handle_data(self, data):
        self.text += data


def test_the_page_is_whole_and_shows_the_hardest_pairs(made, tmp_path):
    x, people, photos = made
    model = MadeUpModel(x, broken=[3])
    found = measure_verification(model, photos, AllPairs(people))
    write_report(tmp_path / "page.html", model.recipe.name, found, find_faces(model, found))
    page = Outline(tmp_path / "page.html")
    assert "script" not in page.tags
    assert all(address.startswith("data:image/jpeg;base64,") for address in page.addresses)
    shown = (*found.missed, *found.mistaken)
    assert len(found.missed) == len(found.mistaken) == WORST
    assert page.pictures == [f"Face on {found.photos[row]}" for pair in shown for row in (pair.a, pair.b)]
    for pair in shown:
        assert f"distance {pair.distance:.3f}" in page.text
    assert "How well made-up <network> verifies" in page.text
    assert f"{found.vals[0.01].val:.2%}" in page.text
    assert found.untold[1e-4] + "." in page.text
    assert "photo 3.jpg is broken" in page.text
    assert f"Equal error rate {found.equal_error.rate:.2%}" in page.text
    assert (tmp_path / "page.html").read_text("utf-8").count("<svg") == 3


def test_faces_are_those_of_their_photographs(made):
    x, people, photos = made
    model = MadeUpModel(x)
    found = measure_verification(model, photos, AllPairs(people))
    faces = find_faces(model, found)
    assert len(faces) <= 4 * WORST
    for photo, chip in faces.items():
        assert (chip == int(photo.stem)).all()


@pytest.fixture
def run(run):
    return partial(run, "evaluate")


@pytest.fixture
def people(photos, tmp_path):
    """Barack with three photographs, Joe and Susan with one each, and one that cannot be read."""
    top = tmp_path / "people"
    for name, portraits in {"Barack": ["obama", "obama2", "obama3"], "Joe": ["biden"], "Susan": ["collins"]}.items():
        (top / name).mkdir(parents=True)
        for number, portrait in enumerate(portraits, 1):
            shutil.copy(next(photos.glob(f"{portrait}.*")), top / name / f"{name}_{number:04}.jpg")
    (top / "Joe" / "broken.jpg").write_text("text")
    return top


def test_command_on_a_folder(run, people, tmp_path):
    told = run(people, "--far", "0.5", "--report", tmp_path / "page.html")
    lines = told.stdout.splitlines()
    assert lines[0] == "5 photographs of 3 people: 3 pairs of one person, 7 of different people"
    assert lines[1].startswith("VAL at FAR 0.5       100.0%  [")
    assert lines[2].startswith("equal error rate      0.00%  threshold 0.")
    assert "broken.jpg" in told.stderr
    assert len(Outline(tmp_path / "page.html").pictures) == 2 * (1 + 3)
    answer = json.loads(run("verification", people, "--json").stdout)
    assert (answer["photos"], answer["people"], answer["vals"], answer["folds"]) == (5, 3, {}, None)
    assert answer["untold"]["0.0001"].startswith("FAR 0.0001 needs about 30,000 pairs")
    assert [Path(photo).parent.name for photo in answer["missed"][0]["photos"]] == ["Barack", "Barack"]
    assert len(answer["mistaken"]) == 3
    assert answer["skipped"][0]["photo"].endswith("broken.jpg")
    assert answer["network"]["name"] == "dlib-resnet-v1"


def test_command_on_a_file_of_pairs(run, people, tmp_path):
    lines = ["2\t1", "Barack\t1\t2", "Barack\t1\tJoe\t1", "Barack\t2\t3", "Barack\t3\tSusan\t1"]
    (tmp_path / "pairs.txt").write_text("\n".join(lines))
    words = ("--far", "0.9", tmp_path / "pairs.txt", "--photos", people)
    told = run(*words).stdout.splitlines()
    assert told[0] == "5 photographs of 3 people: 2 pairs of one person, 2 of different people"
    assert told[1] == "FAR 0.9 needs about 4 pairs of different people, and these are 2"
    assert told[-1] == "accuracy,  2 folds  100.00%  standard error 0.00%"
    page = tmp_path / "page.html"
    folds = json.loads(run(*words, "--json", "--report", page).stdout)["folds"]
    assert (folds["accuracy"], folds["wrong"], folds["mean"]) == ([1, 1], 0, 1)
    assert "Accuracy over 2 folds: 100.00%, standard error 0.00%; 0 wrong." in Outline(page).text
    assert "FAR 0.9 needs about 4 pairs of different people, and these are 2." in Outline(page).text
    assert "table" not in Outline(page).tags  # for there is no rate to tell


def test_command_refuses(run, people, tmp_path):
    (tmp_path / "pairs.txt").write_text("1 a.jpg b.jpg\n")
    for words, text in (
        ((people, "--photos", people), "--photos belongs to a file of PAIRS; a FOLDER has its own"),
        ((people, "--far", "2"), "--far must lie between 0 and 1, not 2"),
        ((tmp_path / "none",), "does not exist"),
        ((tmp_path / "pairs.txt",), "pairs.txt compares must lie in a folder: give folder, or --photos"),
        ((tmp_path / "pairs.txt", "--photos", people), "line 1: the folder has no photo a.jpg"),
        ((people, "--report", tmp_path / "none" / "page.html"), "its folder does not exist"),
    ):
        assert text in re.sub(r"\s+", " ", run(*words, code=2).stderr)


def test_help_names_all_that_can_be_measured(run):
    told = run("--help").stdout
    for name in ("verification", "sensitivity", "clustering"):
        assert f"\n  {name} " in told


def test_summaries_are_json(made):
    x, people, photos = made
    found = measure_verification(MadeUpModel(x), photos, AllPairs(people))
    answer = json.loads(json.dumps(summarise(found)))
    assert answer["vals"]["0.01"]["val"] == found.vals[0.01].val
    assert answer["equal_error"]["rate"] == found.equal_error.rate
    assert answer["mistaken"][0]["distance"] == found.mistaken[0].distance
