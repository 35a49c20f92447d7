"""The whole way from photographs to answers, on the portraits that ship with the package."""

import copy
import gc
import io
import pickle
import shutil
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from faceprint import (
    DetectorOptions,
    Limits,
    ManyFacesError,
    NoFaceError,
    PhotoError,
    RecipeError,
    distances,
    load,
    read_photo,
)
from faceprint.detector import Detections
from faceprint.faces import prominence
from faceprint.model import BUNDLED, LEAST, Model
from faceprint.network import LARGEST_BATCH, open_network, unit_rows
from faceprint.photo import decode_photo

PEOPLE = {"obama.jpg": "o", "obama2.jpg": "o", "obama3.jpg": "o", "biden.jpg": "b", "collins.png": "c"}


@pytest.fixture(scope="module")
def embedded(model, photos):
    return model.embed([photos / name for name in PEOPLE])


@pytest.fixture(scope="module")
def two_faces(photos):
    """Biden and Collins beside each other."""
    faces = [Image.fromarray(read_photo(photos / name)) for name in ("biden.jpg", "collins.png")]
    faces = [faces[0].crop((250, 0, 950, 700)).resize((512, 512)), faces[1]]
    together = Image.new("RGB", (1024, 512))
    for at, face in enumerate(faces):
        together.paste(face, (512 * at, 0))
    return together


def test_people_are_told_apart(model, embedded):
    threshold = model.recipe.threshold(1e-3)
    people = list(PEOPLE.values())
    same = np.array(people)[:, None] == np.array(people)
    np.testing.assert_array_equal(distances(embedded, embedded) <= threshold, same)


def test_embeddings_are_unit_rows(embedded):
    assert embedded.dtype == np.float32
    assert embedded.shape == (5, 128)
    np.testing.assert_allclose(np.linalg.norm(embedded, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("name", PEOPLE)
def test_faces_of_a_photo(model, photos, name):
    faces = model.faces(photos / name)
    assert len(faces) == 1
    (left, top, right, bottom), points = faces.boxes[0], faces.landmarks[0]
    assert 0 < left < right
    assert 0 < top < bottom
    right_eye, left_eye, nose, right_corner, left_corner = points
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_corner[0] < left_corner[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_corner[1], left_corner[1])
    assert faces.scores[0] > 0.9
    assert faces.chips.shape == (1, 150, 150, 3)
    assert faces.chips.dtype == np.uint8
    assert faces.fingerprint == model.recipe.fingerprint


def test_one_photo_equals_a_list_of_it_and_a_batch(model, photos, embedded):
    alone = model.embed(photos / "obama.jpg")
    np.testing.assert_array_equal(model.embed([photos / "obama.jpg"]), alone)
    np.testing.assert_array_equal(model.embed(iter([str(photos / "obama.jpg")])), alone)
    np.testing.assert_array_equal(model.embed(read_photo(photos / "obama.jpg")), alone)
    np.testing.assert_array_equal(model.embed(bytearray((photos / "obama.jpg").read_bytes())), alone)
    np.testing.assert_allclose(alone[0], embedded[0], atol=1e-5)
    np.testing.assert_allclose(model.faces(photos / "obama.jpg").embeddings, alone, atol=1e-5)


def test_more_photos_than_a_batch(model, photos, embedded):
    many = model.embed([photos / "obama.jpg", photos / "biden.jpg"] * 10)
    np.testing.assert_allclose(many, np.tile(embedded[[0, 3]], (10, 1)), atol=1e-5)


def test_no_photos(model):
    assert model.embed([]).shape == (0, 128)


def test_embedding_is_the_mean_of_the_face_larger_and_smaller_and_their_mirror_images(model, photos):
    image = read_photo(photos / "obama.jpg")
    views = model.network.inputs(image, model.detect(image))
    assert views.shape == (1, 4, 3, 150, 150)
    np.testing.assert_array_equal(views[:, 1::2], views[:, ::2, ..., ::-1])
    plain, *others = (model.network.embed(views[:, view]) for view in range(4))
    np.testing.assert_allclose(model.embed(image), unit_rows((plain + sum(others)) / 4), atol=1e-5)
    assert distances(model.embed(image), plain)[0, 0] > 1e-4
    unflipped = open_network(BUNDLED, replace(model.recipe, flip=False, zooms=(1.0,)))
    np.testing.assert_allclose(Model(unflipped, model.detector, Limits()).embed(image), plain, atol=1e-5)


def test_mirror_image_has_nearly_the_same_embedding(model, photos):
    image = read_photo(photos / "obama.jpg")
    x = model.embed([image, np.ascontiguousarray(image[:, ::-1])])
    assert distances(x[:1], x[1:])[0, 0] < 0.05


def test_small_and_large_copies_agree(model, photos):
    image = Image.open(photos / "obama.jpg")
    small, large = image.resize((455, 568), Image.Resampling.BOX), image.resize((2730, 3411), Image.Resampling.BICUBIC)
    x = model.embed([image, small, large])
    assert distances(x, x).max() < 0.05


def test_verify(model, photos):
    same = model.verify(photos / "obama.jpg", photos / "obama2.jpg")
    assert same.same
    assert same.far == 1e-3
    assert same.threshold == model.recipe.threshold(1e-3)
    assert same.probability > 0.5
    other = model.verify(photos / "obama.jpg", photos / "biden.jpg", far=1e-4)
    assert not other.same
    assert other.threshold < same.threshold
    assert other.probability < 0.5
    strict = model.verify(photos / "obama.jpg", photos / "obama2.jpg", threshold=0.0)
    assert not strict.same
    assert strict.far is None
    assert strict.distance == pytest.approx(same.distance, abs=1e-5)


def test_same_up_to_and_at_the_threshold(model, photos):
    a, b = photos / "obama.jpg", photos / "obama2.jpg"
    distance = model.verify(a, b).distance
    assert model.verify(a, b, threshold=distance).same
    assert not model.verify(a, b, threshold=np.nextafter(distance, 0)).same
    assert model.verify(a, a, threshold=0.0).same
    assert model.verify(a, b, threshold=4).same


def test_verify_refuses(model, photos):
    a = photos / "obama.jpg"
    with pytest.raises(RecipeError, match=r"states thresholds for FAR 0\.0001 to 0\.1, not 1e-09$"):
        model.verify(a, a, far=1e-9)
    with pytest.raises(ValueError, match=r"threshold must be a squared distance in \[0, 4\], not 5"):
        model.verify(a, a, threshold=5)
    with pytest.raises(ValueError, match=r"choose must be 'prominent' or 'only', not 'any'"):
        model.verify(a, a, choose="any")
    for name in ("far", "threshold", "gate"):
        with pytest.raises(TypeError, match=f"^{name} must be a number, not str$"):
            model.verify(a, a, **{name: "1e-3"})
    assert model.verify(a, a, far=np.float64(1e-3), threshold=np.float32(0.5), gate=np.int64(0)).same


def test_an_open_file_or_a_mapping_is_no_list_of_photos(model, photos):
    with (photos / "obama.jpg").open("rb") as binary, (photos / "obama.jpg").open(encoding="latin-1") as text:
        for photo in (binary, text, io.BytesIO(binary.read()), {photos / "obama.jpg": "Barack"}):
            came = type(photo).__name__ + ("" if isinstance(photo, dict) else r": give what its read\(\) returns")
            said = rf"^a photo must be a path, bytes, a PIL image, a numpy array or a Frame, not {came}$"
            for ask in (model.faces, model.embed, model.template):
                with pytest.raises(TypeError, match=said):
                    ask(photo)


@pytest.mark.parametrize("several", [list, tuple, iter])
def test_verify_takes_one_photo_a_side(model, photos, several):
    one, two = photos / "obama.jpg", several([photos / "obama.jpg", photos / "obama2.jpg"])
    said = rf"^a photo must be a path, bytes, a PIL image, a numpy array or a Frame, not {type(two).__name__}$"
    for sides in ((two, one), (one, two), (one, several([])), (one, several([one]))):
        with pytest.raises(TypeError, match=said):
            model.verify(*sides)
    for sides in ((photos, one), (one, str(photos))):
        with pytest.raises(PhotoError, match=rf"^photo {photos} cannot be read: Is a directory$"):
            model.verify(*sides)


def test_a_verification_is_neither_true_nor_false(model, photos):
    answer = model.verify(photos / "obama.jpg", photos / "biden.jpg")
    said = r"^a Verification is neither true nor false: ask for its \.same, which is None where it cannot tell$"
    with pytest.raises(TypeError, match=said):
        bool(answer)


def test_no_face(model, tmp_path):
    blank = np.full((300, 200, 3), 200, np.uint8)
    assert len(model.faces(blank)) == 0
    assert model.faces(blank).embeddings.shape == (0, 128)
    assert model.faces(blank).chips.shape == (0, 150, 150, 3)
    with pytest.raises(NoFaceError, match=r"^photo \(ndarray\) must show a face, but none was found$"):
        model.embed(blank)
    path = tmp_path / "blank.png"
    Image.fromarray(blank).save(path)
    with pytest.raises(NoFaceError, match=r"blank\.png must show a face"):
        model.verify(path, path)


@pytest.mark.parametrize("side", [1, 5, 11, 12, 13])
def test_tiny_photos_have_no_face(model, side):
    assert len(model.faces(np.full((side, side + 2, 3), 90, np.uint8))) == 0


def test_two_faces_where_one_is_asked(model, two_faces):
    assert len(model.faces(two_faces)) == 2
    assert model.embed(two_faces).shape == (1, 128)
    with pytest.raises(ManyFacesError, match=r"^photo \(Image\) must show only one face, not 2$"):
        model.embed(two_faces, choose="only")


def test_faces_can_be_picked(model, two_faces):
    faces = model.faces(two_faces)
    assert [len(face) for face in faces] == [1, 1]
    np.testing.assert_array_equal(faces[-1].embeddings, faces.embeddings[1:])
    np.testing.assert_array_equal(faces[::-1].scores, faces.scores[::-1])
    for beyond in (2, -3):
        with pytest.raises(IndexError, match=f"^there is no face {beyond} among 2, counted from 0$"):
            faces[beyond]


def test_prominence_prefers_large_and_central():
    boxes = np.array([[0, 0, 30, 30], [35, 35, 65, 65], [20, 20, 80, 80]], np.float32)
    assert np.argsort(-prominence(boxes, 100, 100)).tolist() == [2, 1, 0]


def test_prominence_in_numbers():
    boxes = np.array([[40, 40, 60, 60], [0, 40, 20, 60], [60, 60, 40, 40]], np.float32)
    np.testing.assert_allclose(prominence(boxes, 100, 100), [400, 400 / (1 + 4 * 0.8**2), 0], rtol=1e-6)
    wide = np.array([[190, 40, 210, 60]], np.float32)
    np.testing.assert_allclose(prominence(wide, 400, 100), [400], rtol=1e-6)


def test_most_prominent_first_with_all_that_belongs_to_it(model):
    class Fixed:
        """Finds three faces on 400 x 100 pixels: in a corner, small in the centre, large in the centre."""

        def detect(self, image):
            boxes = np.array([[0, 0, 40, 40], [180, 30, 220, 70], [150, 10, 250, 90]], np.float32)
            places = np.array([[0.3, 0.35], [0.7, 0.35], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)
            sides = boxes[:, None, 2:] - boxes[:, None, :2]
            return Detections(boxes, boxes[:, None, :2] + sides * places, np.array([0.5, 0.7, 0.9], np.float32))

    image = np.random.default_rng(0).integers(0, 256, (100, 400, 3), dtype=np.uint8)
    found = Model(model.network, Fixed(), Limits()).faces(image)
    assert found.boxes.tolist() == [[150, 10, 250, 90], [180, 30, 220, 70], [0, 0, 40, 40]]
    np.testing.assert_allclose(found.scores, [0.9, 0.7, 0.5])
    np.testing.assert_allclose(found.landmarks[:, 2], [[200, 58], [200, 54], [20, 24]], atol=1e-3)


def test_broken_photo_names_itself(model, tmp_path):
    (tmp_path / "x.jpg").write_text("text")
    with pytest.raises(PhotoError, match=r"x\.jpg is not an image"):
        model.embed([tmp_path / "x.jpg"])


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_model_cannot_be_copied(model, way):
    with pytest.raises(TypeError, match=r"^Model cannot be copied or pickled: load it again, in each process$"):
        way(model)


def test_a_model_shows_what_it_is(model):
    told = f"dimension=128, detector=Mtcnn, device=cpu, threads={model.threads}"
    assert repr(model) == f"<Model dlib-resnet-v1: {told}>"


def test_limits_reach_the_photos(photos):
    with pytest.raises(PhotoError, match="the limit is 1000 pixels"):
        load(limits=Limits(pixels=1000)).faces(photos / "obama.jpg")


def blanks(count, read, side=20):
    """Photographs without faces, as they are read."""
    for number in range(count):
        read.append(number)
        yield np.full((side, side, 3), 128, np.uint8)


def running():
    return [thread for thread in threading.enumerate() if thread.name.startswith("faceprint")]


def test_many_photos_in_order_whatever_each_costs(model, photos):
    """Large ones, which take long, before blank ones, which take nothing."""
    large = Image.open(photos / "obama.jpg").resize((1820, 2274))
    blank = np.full((40, 40, 3), 128, np.uint8)
    asked = [large, blank, photos / "biden.jpg", blank, str(photos / "collins.png"), blank] * 4
    found = list(model.faces(asked))
    assert [len(faces) for faces in found] == [1, 0, 1, 0, 1, 0] * 4
    paths = [None, None, str(photos / "biden.jpg"), None, str(photos / "collins.png"), None] * 4
    assert [faces.photo for faces in found] == paths
    for many, photo in zip(found[:6], asked, strict=False):
        alone = model.faces(photo)
        np.testing.assert_array_equal(many.boxes, alone.boxes)
        np.testing.assert_array_equal(many.chips, alone.chips)
        np.testing.assert_allclose(many.embeddings, alone.embeddings, atol=1e-5)


def test_folders_stand_for_their_photos(model, photos, tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    for name in ("collins.png", "biden.jpg"):
        shutil.copy(photos / name, inside)
    expected = [str(inside / "biden.jpg"), str(inside / "collins.png")]
    assert [faces.photo for faces in model.faces(tmp_path)] == expected
    assert [faces.photo for faces in model.faces(str(tmp_path))] == expected
    mixed = [photos / "obama.jpg", inside]
    assert [faces.photo for faces in model.faces(mixed)] == [str(photos / "obama.jpg"), *expected]
    assert model.embed(inside).shape == (2, 128)
    (tmp_path / "empty").mkdir()
    with pytest.raises(PhotoError, match=r"empty holds no photographs"):
        list(model.faces([tmp_path / "empty"], errors="skip"))


def test_how_far_ahead_photos_are_read(model):
    read = []
    results = model.faces(blanks(3000, read))
    assert read == []  # nothing before the first is asked for
    most = (model.threads + 1) * LARGEST_BATCH + 2 * model.threads
    for taken in range(1, 300):
        next(results)
        assert len(read) - taken <= most
    results.close()
    assert len(read) < 3000


@pytest.fixture
def one_broken(photos, tmp_path):
    (tmp_path / "broken.jpg").write_text("text")
    return [photos / "biden.jpg", tmp_path / "broken.jpg", photos / "collins.png"]


def test_a_broken_photo_in_the_middle_is_raised_in_its_place(model, one_broken):
    results = model.faces(iter(one_broken))
    assert next(results).photo == str(one_broken[0])
    with pytest.raises(PhotoError, match=r"broken\.jpg is not an image") as raised:
        next(results)
    assert raised.value.photo == str(one_broken[1])
    assert list(results) == []
    assert running() == []


def test_a_broken_photo_in_the_middle_is_skipped(model, one_broken):
    found = list(model.faces(one_broken, errors="skip"))
    assert [faces.photo for faces in found] == [str(one_broken[0]), str(one_broken[2])]


def test_a_broken_photo_in_the_middle_is_collected(model, one_broken):
    first, broken, last = model.faces(one_broken, errors="collect")
    assert [first.photo, broken.photo, last.photo] == [str(photo) for photo in one_broken]
    assert isinstance(broken, PhotoError)
    assert "broken.jpg is not an image" in str(broken)
    (only,) = model.faces([b"text"], errors="collect")
    assert only.photo is None


def test_errors_are_asked_for_by_name(model, photos):
    with pytest.raises(ValueError, match=r"^errors must be 'raise', 'skip' or 'collect', not 'ignore'$"):
        model.faces([], errors="ignore")
    with pytest.raises(ValueError, match=r"^errors must be 'raise' for one photo, not 'skip'$"):
        model.faces(photos / "obama.jpg", errors="skip")
    with pytest.raises(TypeError, match="a photo array must be uint8"):  # not a photograph that is broken
        list(model.faces([np.zeros((9, 9, 3))], errors="skip"))


def test_stopping_early_ends_the_work(model):
    read = []
    results = model.faces(blanks(100_000, read))
    next(results)
    assert running() != []
    results.close()
    assert running() == []
    assert len(read) < 1000

    with pytest.raises(KeyboardInterrupt):  # as when the reader is interrupted
        stop_at_the_third(model.faces(blanks(100_000, read)))
    gc.collect()
    assert running() == []


def stop_at_the_third(results):
    for number, _ in enumerate(results):
        if number == 2:
            raise KeyboardInterrupt


def test_ctrl_c_while_photos_are_worked_on():
    """In a process of its own: the signal arrives while the main thread waits for results."""
    program = """
import itertools, os, signal, threading
import numpy as np
import faceprint as fp
signal.signal(signal.SIGINT, signal.default_int_handler)
blank = np.full((400, 400, 3), 128, np.uint8)
results = fp.load().faces(itertools.repeat(blank))
next(results)
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    for _ in results:
        pass
except KeyboardInterrupt:
    print("interrupted", sum(thread.name.startswith("faceprint") for thread in threading.enumerate()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("interrupted 0\n", "")


def test_an_iterator_of_photos_that_fails(model, photos):
    def failing():
        yield photos / "biden.jpg"
        raise OSError("the camera was unplugged")

    for errors in ("raise", "skip", "collect"):
        results = model.faces(failing(), errors=errors)
        assert len(next(results)) == 1
        with pytest.raises(OSError, match=r"^the camera was unplugged$"):
            next(results)
        assert running() == []


def test_no_photos_give_nothing(model):
    assert list(model.faces([])) == []


def test_embed_names_the_photo_without_a_face_among_many(model, photos, tmp_path):
    Image.new("RGB", (60, 60)).save(tmp_path / "blank.png")
    with pytest.raises(NoFaceError, match=r"blank\.png must show a face"):
        model.embed([photos / "biden.jpg", tmp_path / "blank.png", tmp_path / "missing.jpg"])


@pytest.fixture
def decodings(monkeypatch):
    """The `least` of every decoding, as they come."""
    seen = []

    def record(photo, *, limits, least):
        seen.append(least)
        return decode_photo(photo, limits=limits, least=least)

    monkeypatch.setattr("faceprint.model.decode_photo", record)
    return seen


@pytest.mark.parametrize(
    ("orientation", "turn"), [(1, None), (3, Image.Transpose.ROTATE_180), (6, Image.Transpose.ROTATE_90)]
)
def test_large_photos_are_decoded_as_small_as_their_faces_allow(model, photos, tmp_path, decodings, orientation, turn):
    path, exif = tmp_path / "large.jpg", Image.Exif()
    exif[0x0112] = orientation
    stored = Image.open(photos / "obama.jpg").resize((2731, 3413))
    (stored if turn is None else stored.transpose(turn)).save(path, quality=95, exif=exif)
    faces, full = model.faces(path)[:1], model.faces(read_photo(path))[:1]  # an enlarged tie may pass for a face
    assert decodings == [LEAST, LEAST]  # once each
    width = full.boxes[0, 2] - full.boxes[0, 0]
    assert width > 600
    assert np.abs(faces.landmarks - full.landmarks).max() < 0.03 * width
    assert np.abs(faces.boxes - full.boxes).max() < 0.1 * width
    assert distances(faces.embeddings, full.embeddings).max() < 0.01


def test_small_faces_are_cut_from_all_the_pixels(model, photos, tmp_path, decodings):
    canvas = Image.new("RGB", (2400, 2100), (90, 110, 130))
    canvas.paste(Image.open(photos / "collins.png").convert("RGB"), (900, 800))
    canvas.save(tmp_path / "wide.jpg", quality=95)
    faces = model.faces(tmp_path / "wide.jpg")
    assert decodings == [LEAST, None]
    found = Detections(faces.boxes, faces.landmarks, faces.scores)
    expected = model.network.pictures(read_photo(tmp_path / "wide.jpg"), found)
    np.testing.assert_array_equal(faces.chips, expected)
    ((left, top, right, bottom),) = faces.boxes
    assert 1050 < left < right < 1200
    assert 850 < top < bottom < 1000

    sized = Model(model.network, model.detector, Limits(), DetectorOptions(min_size=40))
    assert len(sized.faces(tmp_path / "wide.jpg")) == 1
    assert decodings == [LEAST, None, None]  # sizes are in pixels of the full photograph
