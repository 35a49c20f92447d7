"""Sensitivity: the degradations do what they say, the reductions too, and the command line tells it all."""

import io
import json
import os
import shutil
from functools import partial
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image, ImageEnhance

import faceprint as fp
from faceprint import distances
from faceprint.detector import Detections
from faceprint.evaluate import AllPairs, find_people, measure_sensitivity, sensitivity
from faceprint.evaluate.degrade import Thumbnail, compress, cut, shrink
from faceprint.evaluate.reduction import principal_axes, reduce

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def face(model, photos):
    image = fp.read_photo(photos / "obama.jpg")
    return cut(image, model.detect(image)[:1], model.recipe)


@pytest.fixture(scope="module")
def people(photos, tmp_path_factory):
    """Four people with two photographs each, two of them made by hand; a broken photograph and one without a face."""
    top = tmp_path_factory.mktemp("people")
    for name, portrait in (("a", "obama"), ("b", "obama3"), ("c", "biden"), ("d", "collins")):
        (top / name).mkdir()
        original = next(photos.glob(f"{portrait}.*"))
        shutil.copy(original, top / name)
        ImageEnhance.Brightness(Image.open(original).convert("RGB")).enhance(1.2).save(top / name / "bright.png")
    shutil.copy(photos / "obama2.jpg", top / "a" / "bright.png")
    Image.new("RGB", (60, 60)).save(top / "d" / "wall.png")
    (top / "d" / "broken.jpg").write_text("text")
    return top


@pytest.fixture
def small(monkeypatch):
    """Dimensions that so few photographs are enough for."""
    monkeypatch.setattr(sensitivity, "DIMENSIONS", (2, 4))


@pytest.fixture
def run(run):
    return partial(run, "evaluate", "sensitivity")


def one_face(landmarks):
    corners = [*landmarks.min(axis=0), *landmarks.max(axis=0)]
    return Detections(np.float32([corners]), landmarks[None], np.ones(1, np.float32))


def test_a_thumbnail_holds_all_that_the_network_sees(model, photos):
    image = fp.read_photo(photos / "biden.jpg")
    found = model.detect(image)[:1]
    face = cut(image, found, model.recipe)
    assert face.image.size < image.size / 2
    inputs = model.network.inputs
    np.testing.assert_array_equal(inputs(face.image, face.found), inputs(image, found))


def test_pixels_are_those_of_the_chips_square(model):
    template = np.array(model.recipe.landmarks, np.float32)
    image = np.zeros((600, 500, 3), np.uint8)
    face = cut(image, one_face(template * 2 + 100), model.recipe)
    assert face.pixels == pytest.approx(4 * 150 * 150)
    assert face.image.shape == (377, 377, 3)  # 300 and an eighth on either side, in whole pixels
    assert cut(image, one_face(template * 4), model.recipe).image.shape == (600, 500, 3)  # no more than the photograph


@pytest.mark.parametrize("pixels", [1_600, 6_400, 14_400, 25_600])
def test_shrink_leaves_so_many_pixels(model, face, pixels):
    small = shrink(face, pixels)
    assert small.pixels == pytest.approx(pixels, rel=0.03)
    assert cut(small.image, small.found, model.recipe).pixels == pytest.approx(small.pixels, rel=0.01)
    assert small.image.size < face.image.size
    assert np.ptp(model.network.inputs(small.image, small.found)) > 0.3


def test_shrink_takes_the_landmarks_along():
    columns, rows = np.meshgrid(np.arange(240), np.arange(200))
    image = np.stack([columns, rows, columns], axis=2).astype(np.uint8)  # the colour of a pixel is its place
    landmarks = np.float32([[60, 50], [180, 50], [120, 90], [70, 150], [170, 150]])
    small = shrink(Thumbnail(image, one_face(landmarks), 40_000.0), 2_500)
    assert small.image.shape == (50, 60, 3)
    seen = [
        (np.interp(x, range(60), small.image[25, :, 0]), np.interp(y, range(50), small.image[:, 30, 1]))
        for x, y in small.found.landmarks[0]
    ]
    np.testing.assert_allclose(seen, landmarks, atol=0.6)  # colours are whole numbers


def test_shrink_never_enlarges(face):
    assert shrink(face, 10**8) is face


def test_compress_is_jpeg_of_that_quality(face):
    losses, sizes = [], []
    for quality in (90, 50, 10):
        content = io.BytesIO()
        Image.fromarray(face.image).save(content, "JPEG", quality=quality)
        sizes.append(len(content.getvalue()))
        worse = compress(face, quality)
        np.testing.assert_array_equal(worse.image, np.asarray(Image.open(content)))
        assert worse.found is face.found
        losses.append(np.abs(worse.image.astype(int) - face.image).mean())
    assert 0 < losses[0] < losses[1] < losses[2]
    assert sizes[0] > sizes[1] > sizes[2]


def test_all_components_change_no_distance(unit_rows):
    x = unit_rows(50, 16)
    turned = reduce(x, 16, principal_axes(unit_rows(30, 16, seed=1)))
    np.testing.assert_allclose(distances(turned, turned), distances(x, x), atol=2e-6)


def test_components_keep_more_than_the_first_numbers(unit_rows):
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((32, 32)))[0]
    flat = np.zeros((40, 32))
    flat[:, :4] = unit_rows(40, 4)
    x = (flat @ turn).astype(np.float32)  # four dimensions in truth, spread over all
    kept = {name: reduce(x, 4, axes) for name, axes in (("pca", principal_axes(x[:20])), ("prefix", None))}
    errors = {name: np.abs(distances(rows, rows) - distances(x, x)).max() for name, rows in kept.items()}
    assert errors["pca"] < 1e-5 < 0.1 < errors["prefix"]
    np.testing.assert_allclose(np.linalg.norm(kept["prefix"], axis=1), 1, atol=1e-6)


def test_measures_what_the_library_gives(model, people, small):
    """The photographs as they are are embedded to the bit as `Model.embed` does."""
    known = find_people(people, most_photos=2)
    x = model.embed([photo for photo in known.photos if photo.stem != "broken"])
    found = measure_sensitivity(model, known.photos, AllPairs(known.people), far=0.2, reduction="prefix")
    kept = AllPairs(known.people).keep(np.array([photo.stem != "broken" for photo in known.photos]))
    assert found.untouched == kept.val(x, 0.2)
    assert found.dimension[2] == kept.val(reduce(x, 2), 0.2)
    assert found.dimension[128] == found.untouched


def test_principal_components_are_found_on_other_people(model, people, small):
    known = find_people(people)
    photos = [photo for photo in known.photos if photo.stem not in ("broken", "wall")]
    rows = np.isin(known.photos, photos)
    pairs = AllPairs(known.people[rows])
    x, odd = model.embed(photos), known.people[rows] % 2 == 1
    found = measure_sensitivity(model, photos, pairs, far=0.3)
    axes = principal_axes(x[~odd])
    for dimension, value in found.dimension.items():
        assert value == pairs.keep(odd).val(reduce(x[odd], dimension, axes), 0.3)
    assert (found.dimension[2].same_pairs, found.dimension[2].different_pairs) == (2, 4)


def test_levels_are_those_of_the_paper():
    """Tables 4 and 5; and a dimension of 32."""
    assert sensitivity.QUALITIES == (10, 20, 30, 50, 70, 90)
    assert sensitivity.PIXELS == (1600, 6400, 14400, 25600, 65536)
    assert sensitivity.DIMENSIONS == (32, 64, 128, 256, 512)


def test_photos_of_other_pairs(model, photos):
    with pytest.raises(ValueError, match="photos must be the 4 that the pairs are of, not 1"):
        measure_sensitivity(
            model, [photos / "collins.png"], AllPairs(np.array([0, 0, 1, 1])), far=0.5, reduction="prefix"
        )


def test_json_and_picture(run, people, tmp_path, small):
    result = run(people, "--far", "0.3", "--json", "--plot", tmp_path / "plot.svg")
    answer = json.loads(result.stdout)
    assert list(answer["quality"]) == ["10", "20", "30", "50", "70", "90"]
    assert list(answer["pixels"]) == list(answer["smaller"]) == ["1600", "6400", "14400", "25600", "65536"]
    assert list(answer["dimension"]) == ["2", "4", "128"]
    assert (answer["far"], answer["people"], answer["faces"], answer["reduction"]) == (0.3, 4, 8, "pca")
    assert answer["network"]["name"] == "dlib-resnet-v1"
    assert answer["untouched"]["val"] == 1
    assert (answer["untouched"]["same_pairs"], answer["untouched"]["different_pairs"]) == (4, 24)
    assert sorted(os.path.basename(entry["photo"]) for entry in answer["skipped"]) == ["broken.jpg", "wall.png"]  # noqa: PTH119
    assert "wall.png must show a face, but none was found" in result.stderr
    picture = ElementTree.parse(tmp_path / "plot.svg").getroot()
    points = picture.findall(f".//{SVG}circle")
    assert len(points) == 6 + 5 + 3
    texts = [text.text for text in picture.iter(f"{SVG}text")]
    assert "VAL at FAR 0.3, 95 % intervals: 8 photographs of 4 people" in texts
    assert {"JPEG quality", "Image size", "Embedding dimension", "65,536", "100 %"} <= set(texts)
    x = [float(point.get("cx")) for point in points[:6]]
    assert x == sorted(set(x))
    height = {
        float(point.get("cy")) for point in points if float(point.find(f"{SVG}title").text.split()[1][:-1]) == 100
    }
    assert len(height) == 1  # the three charts share one axis


def test_table(run, people, small):
    lines = run(people, "--far", "0.3").stdout.splitlines()
    assert lines[0] == "VAL at FAR 0.3 of 8 faces of 4 people"
    assert lines[1] == "4 pairs of the same person, 24 of others; 95 % intervals"
    assert len(lines) == 2 + 1 + 6 + 5 + 3
    assert lines[2].startswith("as they are          100.0%  [")


def test_pairs_of_a_file(run, photos, tmp_path):
    for name, portraits in {
        "Barack": ["obama.jpg", "obama2.jpg"],
        "Joe": ["biden.jpg"],
        "Susan": ["collins.png"],
    }.items():
        (tmp_path / name).mkdir()
        for number, portrait in enumerate(portraits, 1):
            shutil.copy(photos / portrait, tmp_path / name / f"{name}_{number:04}{portrait[-4:]}")
    (tmp_path / "pairs.txt").write_text("Barack\t1\t2\nBarack\t1\tJoe\t1\nBarack\t2\tJoe\t1\n")
    words = (tmp_path, "--pairs", tmp_path / "pairs.txt", "--far", "0.5", "--reduction", "prefix", "--json")
    answer = json.loads(run(*words).stdout)
    assert (answer["people"], answer["faces"]) == (2, 3)  # nobody embeds Susan
    assert (answer["untouched"]["same_pairs"], answer["untouched"]["different_pairs"]) == (1, 2)
    assert list(answer["dimension"]) == ["32", "64", "128"]


def test_photographs_without_a_face_are_told_where_they_are_why(run, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in (1, 2):
            Image.new("L", (80, 80), 128).save(tmp_path / name / f"{number}.png")
    told = run(tmp_path, "--far", "0.5", "--reduction", "prefix", code=2).stderr
    photo = tmp_path / "a" / "1.png"
    assert told == (
        "error: FAR 0.5 needs at least 2 pairs of different people, not 0; "
        f"4 of 4 photos skipped: photo {photo} must show a face, but none was found\n"
    )


def test_refused_before_any_work(run, model, people, tmp_path, monkeypatch):
    monkeypatch.setattr(fp.Model, "detect", None)
    told = run(people, code=2).stderr
    assert told == "error: FAR 0.001 needs at least 1,000 pairs of different people, not 36\n"
    told = run(people, "--far", "0.05", "--photos", "2", code=2).stderr
    assert told == (
        "error: principal components are measured on every other person, "
        "and FAR 0.05 needs at least 20 pairs of different people, not 4\n"
    )
    told = run(people, "--far", "0.5", code=2).stderr
    assert told == (
        "error: 64 principal components must be found from at least 64 photographs of every other person, not 4; "
        "reduction 'prefix' needs none\n"
    )
    told = run(people, "--far", "0.5", "--photos", "1", "--reduction", "prefix", code=2).stderr
    assert told == "error: VAL needs at least one pair of photographs of the same person, not 0\n"
    told = run(people, "--plot", tmp_path / "no" / "plot.svg", code=2).stderr
    assert told.endswith("plot.svg cannot be written: its folder does not exist\n")
    assert "must hold a sub-folder of photographs for each person" in run(people / "a", code=2).stderr
    assert "No such file" in run(people, "--pairs", tmp_path / "none.txt", code=2).stderr
    with pytest.raises(ValueError, match="reduction must be 'pca' or 'prefix', not 'none'"):
        measure_sensitivity(model, [], AllPairs(np.zeros(0, np.int64)), reduction="none")
