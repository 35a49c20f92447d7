"""Quality falls as faces are spoilt, gates reject, and the pose is what a turned shape shows."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFilter

import faceprint as fp
from faceprint.detector import Detections
from faceprint.model import Model
from faceprint.network import Network
from faceprint.quality import SHAPE, eye_distance, pose, recognisability, recognisable, sharpness


@pytest.fixture(scope="module")
def chips(model, photos):
    return [Image.fromarray(model.faces(photo).chips[0]) for photo in sorted(photos.glob("*.*g"))]


@pytest.fixture(scope="module")
def quality(model):
    """The quality of chips, each a photograph whose face lies where the template puts it."""
    found = Detections(np.zeros((1, 4), np.float32), np.float32([model.recipe.landmarks]), np.ones(1, np.float32))
    return lambda chips: np.concatenate([model.describe(np.asarray(chip), found).quality for chip in chips])


def shrunk(chip, side):
    return chip.resize((side, side), Image.Resampling.BOX).resize(chip.size, Image.Resampling.BICUBIC)


def compressed(chip, level):
    file = io.BytesIO()
    chip.save(file, "JPEG", quality=level)
    return Image.open(file).convert("RGB")


def test_faces_have_a_quality(model, photos):
    faces = model.faces(photos / "obama.jpg")
    assert faces.quality.dtype == np.float32
    assert faces.quality.shape == (1,)
    np.testing.assert_array_equal(faces.quality, recognisability(faces.embeddings, model.recipe))
    np.testing.assert_array_equal(faces[0].quality, faces.quality)
    assert model.recipe.gate(0.01) < faces.quality[0] <= 1


def test_quality_is_logistic_in_the_distance_from_the_centre(model, unit_rows):
    junk = model.recipe.unrecognisable
    x = np.concatenate([unit_rows(3), np.float32([junk.centre])])
    distance = ((x.astype(float) - junk.centre) ** 2).sum(axis=1)
    expected = 1 / (1 + np.exp(junk.slope * distance + junk.intercept))
    np.testing.assert_allclose(recognisability(x, model.recipe), expected, rtol=1e-5)
    steep = replace(junk, slope=-1e6, intercept=1e5)
    found = recognisability(x, replace(model.recipe, unrecognisable=steep))
    assert found.tolist()[:3] == [1, 1, 1]
    assert 0 < found[3] < 1e-30  # a weight that is still more than nothing


@pytest.mark.parametrize(
    ("spoil", "strengths"),
    [
        (lambda chip, sigma: chip.filter(ImageFilter.GaussianBlur(sigma)), (0, 5, 8, 12)),
        (shrunk, (150, 24, 12, 6)),
        (compressed, (95, 5, 1)),
    ],
    ids=["blur", "shrink", "jpeg"],
)
def test_quality_falls_as_faces_are_spoilt(chips, quality, spoil, strengths):
    found = np.stack([quality([spoil(chip, strength) for chip in chips]) for strength in strengths])
    assert (np.diff(found.mean(axis=1)) < 0).all()
    assert (found[-1] < found[0]).all()


def test_the_worst_faces_are_below_every_gate(model, chips, quality):
    blurred = quality([chip.filter(ImageFilter.GaussianBlur(12)) for chip in chips])
    assert (blurred < model.recipe.gate(0.01)).all()


@pytest.fixture(scope="module")
def blurred(photos):
    """A portrait on which a face is still found, and nobody would be recognised."""
    return Image.open(photos / "obama.jpg").filter(ImageFilter.GaussianBlur(20))


def test_verify_cannot_tell(model, photos, blurred):
    answer = model.verify(photos / "obama2.jpg", blurred, gate=model.recipe.gate(0.01))
    assert answer.same is None
    assert answer.quality < model.recipe.gate(0.01)
    plain = model.verify(photos / "obama2.jpg", blurred)
    assert plain.same is (plain.distance <= plain.threshold)
    assert (plain.distance, plain.quality) == (answer.distance, answer.quality)
    assert model.verify(photos / "obama.jpg", photos / "obama2.jpg", gate=model.recipe.gate(0.01)).same is True
    assert model.verify(photos / "obama.jpg", photos / "biden.jpg", gate=model.recipe.gate(0.01)).same is False


def test_templates_pass_over_what_is_below_the_gate(model, photos, blurred):
    sharp = [photos / "obama.jpg", photos / "obama2.jpg"]
    gate = model.recipe.gate(0.01)
    np.testing.assert_allclose(model.template([*sharp, blurred], gate=gate), model.template(sharp), atol=1e-6)
    near, far = (
        fp.distances(model.embed(photos / "obama3.jpg"), x[None])[0, 0]
        for x in (model.template([sharp[0], blurred]), fp.template(model.embed([sharp[0], blurred])))
    )
    assert near < far


def test_a_face_on_the_gate_passes(model, photos):
    x = model.embed(photos / "obama.jpg")
    quality = float(recognisability(x, model.recipe)[0])
    assert recognisable(x, model.recipe, quality).tolist() == [True]
    assert recognisable(x, model.recipe, np.nextafter(np.float32(quality), np.float32(2))).tolist() == [quality == 1]
    assert recognisable(x, model.recipe, 0).tolist() == [True]
    assert recognisable(x, model.recipe, 1).tolist() == [quality == 1]
    assert recognisable(x[:0], model.recipe, 0.5).shape == (0,)


def test_recipe_without_a_centre(model, photos):
    bare = replace(model.recipe, unrecognisable=None)
    blind = Model(Network(model.network.session, bare), model.detector, fp.Limits())
    faces = blind.faces(photos / "obama.jpg")
    assert faces.quality is None
    assert faces[0].quality is None
    a = photos / "obama.jpg"
    assert blind.verify(a, a).quality is None
    np.testing.assert_allclose(blind.template([a, a]), blind.embed(a)[0], atol=1e-6)
    text = r"^recipe dlib-resnet-v1 states no 'unrecognisable', so its faces have no quality for a gate$"
    with pytest.raises(fp.RecipeError, match=text):
        blind.verify(a, a, gate=0.5)


@pytest.mark.parametrize("gate", [-0.1, 1.1, float("nan")])
def test_gate_out_of_range(model, photos, gate):
    a = photos / "obama.jpg"
    with pytest.raises(ValueError, match=rf"^gate must be a quality in \[0, 1\], not {gate}$"):
        model.verify(a, a, gate=gate)


def test_size_is_that_of_the_photograph(model, photos):
    image = Image.open(photos / "obama.jpg")
    half = image.resize((image.width // 2, image.height // 2), Image.Resampling.BOX)
    large, small = (eye_distance(model.faces(shown).landmarks)[0] for shown in (image, half))
    assert small == pytest.approx(large / 2, rel=0.05)


def test_sharpness(chips):
    plain = np.stack([np.asarray(chip) for chip in chips])
    soft = np.stack([np.asarray(chip.filter(ImageFilter.GaussianBlur(2))) for chip in chips])
    assert (sharpness(soft) < sharpness(plain) / 2).all()
    dim = (plain // 2 + 20).astype(np.uint8)
    np.testing.assert_allclose(sharpness(dim), sharpness(plain), rtol=0.1)
    luma = plain.astype(float) @ [0.299, 0.587, 0.114]
    inner = [
        [
            -4 * a[y, x] + a[y - 1, x] + a[y + 1, x] + a[y, x - 1] + a[y, x + 1]
            for y in range(1, 20)
            for x in range(1, 20)
        ]
        for a in luma[:1, :21, :21]
    ]
    expected = np.var(inner[0]) / np.var(luma[0, :21, :21])
    np.testing.assert_allclose(sharpness(plain[:1, :21, :21]), [expected], rtol=1e-5)


@pytest.mark.parametrize("measure", [eye_distance, pose])
def test_landmarks_of_another_shape(measure):
    with pytest.raises(ValueError, match=r"^landmarks must have shape \(n, 5, 2\), not \(5, 2\)$"):
        measure(np.zeros((5, 2), np.float32))


def test_chips_and_embeddings_of_another_shape(model):
    with pytest.raises(ValueError, match=r"^chips must have shape \(n, height, width, 3\), not \(150, 150, 3\)$"):
        sharpness(np.zeros((150, 150, 3), np.uint8))
    with pytest.raises(ValueError, match=r"^embeddings must have shape \(n, 128\), not \(2, 3\)$"):
        recognisability(np.zeros((2, 3), np.float32), model.recipe)


def rotation(yaw, pitch, roll):
    """Pitch first, roll last; y goes down, z away from the camera."""
    a, b, c = np.radians([yaw, pitch, roll])
    nod = np.array([[1, 0, 0], [0, np.cos(b), np.sin(b)], [0, -np.sin(b), np.cos(b)]])
    shake = np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
    tilt = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return tilt @ shake @ nod


def turned(*angles):
    """Landmarks (1, 5, 2) of the mean face, turned, its eyes 70 pixels apart."""
    return (70 * np.array(SHAPE) @ rotation(*angles).T)[None, :, :2].astype(np.float32) + 300


@pytest.mark.parametrize("angles", [(0, 0, 0), (30, 0, 0), (0, -20, 0), (0, 0, 120), (-45, 15, -30), (80, 10, 5)])
def test_pose_of_the_mean_face(angles):
    np.testing.assert_allclose(pose(turned(*angles)), [angles], atol=1e-3)


def test_the_mean_face_is_even_and_its_eyes_are_one_apart():
    left_eye, right_eye, nose, left_mouth, right_mouth = np.array(SHAPE)
    mirror = [-1, 1, 1]
    assert (right_eye - left_eye).tolist() == [1, 0, 0]
    assert ((left_eye + right_eye) / 2).tolist() == [0, 0, 0]
    assert (nose * mirror).tolist() == nose.tolist()
    assert (left_mouth * mirror).tolist() == right_mouth.tolist()
    assert nose[2] < 0 < left_mouth[2]  # toward the camera, and behind the eyes


def test_signs_of_the_pose():
    nose = 2
    assert turned(20, 0, 0)[0, nose, 0] > 300  # to the right
    assert turned(0, 20, 0)[0, nose, 1] < turned(0, 0, 0)[0, nose, 1]  # up
    right_eye, left_eye = turned(0, 0, 20)[0, :2]
    assert left_eye[1] > right_eye[1]  # clockwise


@pytest.mark.parametrize(("yaw", "error"), [(0, (3.4, 5.6, 1.5)), (30, (4.2, 5.8, 3.0))])
def test_pose_is_as_rough_as_it_says(yaw, error):
    rng = np.random.default_rng(0)
    angles = np.stack([np.full(2000, yaw), rng.uniform(-15, 15, 2000), rng.uniform(-20, 20, 2000)], axis=1)
    seen = []
    for turn in angles:
        face = np.array(SHAPE)
        face[2, 2] *= rng.normal(1, 0.15)
        x, y, z = rotation(*turn) @ face.T * 63 + [[0], [0], [600]]  # millimetres
        seen.append(np.stack([x, y], axis=1) / z[:, None] * 600 / 63 + rng.normal(0, 0.03, (5, 2)))
    found = pose(np.array(seen, np.float32))
    np.testing.assert_allclose(np.sqrt(((found - angles) ** 2).mean(axis=0)), error, atol=0.3)


def test_mirror_image_is_turned_the_other_way(model, photos):
    points = model.faces(photos / "biden.jpg").landmarks
    mirrored = points[:, [1, 0, 2, 4, 3]] * np.float32([-1, 1])
    np.testing.assert_allclose(pose(mirrored), pose(points) * [-1, 1, -1], atol=1e-3)
    assert pose(points[:0]).shape == (0, 3)
