"""One embedding for many, and the distance between sets."""

import numpy as np
import pytest

import faceprint as fp


def test_template_is_the_scaled_mean(unit_rows):
    x = unit_rows(9)
    found = fp.template(x)
    mean = x.astype(float).mean(axis=0)
    assert found.dtype == np.float32
    assert found.shape == (128,)
    np.testing.assert_allclose(found, mean / np.linalg.norm(mean), atol=1e-7)


def test_weights_count(unit_rows):
    x = unit_rows(3)
    weights = np.float32([1, 0, 3])
    mean = (x[0] + 3 * x[2].astype(float)) / 4
    np.testing.assert_allclose(fp.template(x, weights), mean / np.linalg.norm(mean), atol=1e-7)
    for scale in (1e-300, 1e-20, 5e307):
        np.testing.assert_allclose(fp.template(x, weights.astype(float) * scale), fp.template(x, weights), atol=1e-7)
    np.testing.assert_array_equal(fp.template(np.float32([[1, 0], [0, 1e9]]), [1, 0]), [1, 0])
    np.testing.assert_allclose(fp.template(x, np.ones(3)), fp.template(x), atol=1e-7)
    np.testing.assert_allclose(fp.template(x[:1]), x[0], atol=1e-7)


def test_no_unit_vector_is_nearer_on_average(unit_rows):
    x, weights = unit_rows(6, 8), np.arange(1.0, 7)
    best = fp.template(x, weights)
    others = np.concatenate([unit_rows(500, 8, seed=1), best + 0.01 * unit_rows(50, 8, seed=2)])
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    means = weights @ fp.distances(x, others)
    assert (weights @ fp.distances(x, best[None])).item() < means.min()


@pytest.mark.parametrize(
    ("x", "weights", "text"),
    [
        (np.empty((0, 4)), None, r"^embeddings must hold at least one embedding, not 0$"),
        (np.ones(4), None, r"^embeddings must have shape \(n, dimension\), not \(4,\)$"),
        (np.float32([[1, 0], [np.nan, 0]]), None, r"^embeddings must be finite: row 1 is not$"),
        (
            np.float32([[1, 0], [-1, 0]]),
            None,
            r"^embeddings must not cancel each other out, but their weighted mean is 0$",
        ),
        (np.eye(2), [1], r"^weights must have shape \(2,\), one for each embedding, not \(1,\)$"),
        (np.eye(2), [1, -1], r"^weights must be finite numbers of 0 or more, and not all 0$"),
        (np.eye(2), [1, np.nan], r"^weights must be finite numbers of 0 or more, and not all 0$"),
        (np.eye(2), [0, 0], r"^weights must be finite numbers of 0 or more, and not all 0$"),
    ],
)
def test_template_refuses(x, weights, text):
    with pytest.raises(ValueError, match=text):
        fp.template(x.astype(np.float32), weights)


def test_template_takes_float32_only():
    with pytest.raises(TypeError, match=r"^embeddings must be float32, not float64$"):
        fp.template(np.eye(2))


@pytest.mark.parametrize(("rows", "others"), [(1, 1), (1, 7), (100, 83)])
@pytest.mark.parametrize("place", [0, 1e4])
def test_set_distance_is_the_mean_over_all_pairs(unit_rows, rows, others, place):
    a, b = unit_rows(rows), unit_rows(others, seed=1) * np.float32(1.5)  # also where rows are not of unit length
    a, b = a + np.float32(place), b + np.float32(place)
    pairs = ((a.astype(float)[:, None] - b.astype(float)[None]) ** 2).sum(axis=2)
    assert fp.set_distance(a, b) == pytest.approx(pairs.mean(), rel=1e-12)
    assert fp.set_distance(b, a) == pytest.approx(fp.set_distance(a, b), rel=1e-12)


def test_set_distance_of_equal_rows_is_0(unit_rows):
    for seed in range(20):
        x = np.repeat(unit_rows(1, seed=seed), 3, axis=0)
        assert fp.set_distance(x, x) == fp.set_distance(x, x[:1]) == 0


def test_set_distance_refuses():
    x = np.eye(2, dtype=np.float32)
    with pytest.raises(ValueError, match=r"^a must hold at least one embedding, not 0$"):
        fp.set_distance(x[:0], x)
    with pytest.raises(ValueError, match=r"^b must have shape \(n, 2\), not \(2, 3\)$"):
        fp.set_distance(x, np.zeros((2, 3), np.float32))
    with pytest.raises(ValueError, match=r"^b must be finite: row 0 is not$"):
        fp.set_distance(x, np.float32([[np.inf, 0]]))
    with pytest.raises(TypeError, match=r"^a must be float32, not int64$"):
        fp.set_distance(np.eye(2, dtype=np.int64), x)


def test_template_of_photos(model, photos):
    names = [photos / "obama.jpg", photos / "obama2.jpg", photos / "obama3.jpg"]
    blank = np.full((200, 200, 3), 200, np.uint8)
    found = model.template([names[0], blank, *names[1:]])
    quality = np.array([model.faces(name).quality[0] for name in names])
    np.testing.assert_allclose(found, fp.template(model.embed(names), quality), atol=1e-5)
    np.testing.assert_allclose(model.template(names[0]), model.embed(names[0])[0], atol=1e-6)


def test_template_of_photos_without_a_face(model, photos):
    blank = np.full((200, 200, 3), 200, np.uint8)
    text = r"^photos must show a face of the asked quality, but none of them does$"
    for given, gate in (([blank, blank], None), ([], None), ([photos / "obama.jpg"], 1.0)):
        with pytest.raises(fp.NoFaceError, match=text):
            model.template(given, gate=gate)
    with pytest.raises(fp.PhotoError, match=r"nobody\.jpg does not exist"):
        model.template([photos / "nobody.jpg"])
