"""Features and people from files: what is read, and what is refused."""

import re

import numpy as np
import pytest

import faceprint as fp
from faceprint import features


def unit(x):
    return x / np.linalg.norm(x.astype(np.float64), axis=1, keepdims=True)


def test_bin_is_rows_of_float32(tmp_path):
    x = np.random.default_rng(0).standard_normal((5, 256)).astype(np.float32)
    x.astype("<f4").tofile(tmp_path / "x.bin")
    read = fp.read_features(tmp_path / "x.bin")
    assert (read.dtype, read.shape) == (np.float32, (5, 256))
    np.testing.assert_allclose(read, unit(x), atol=1e-7)
    np.testing.assert_allclose(fp.read_features(tmp_path / "x.bin", dimension=128), unit(x.reshape(10, 128)), atol=1e-7)
    assert read.flags.writeable
    assert len(fp.cluster(read, threshold=0.0)) == 5


@pytest.mark.parametrize("dtype", [np.float16, ">f4", np.float64])
def test_npy_states_its_own_dimension(tmp_path, dtype):
    x = np.random.default_rng(0).standard_normal((4, 7)).astype(dtype)
    np.save(tmp_path / "x.npy", x)
    read = fp.read_features(tmp_path / "x.npy")
    assert read.dtype == np.float32
    np.testing.assert_allclose(read, unit(x.astype(np.float32)), atol=1e-6)


def test_rows_are_scaled_block_by_block(tmp_path, monkeypatch):
    monkeypatch.setattr(features, "BLOCK", 3)
    x = np.random.default_rng(0).standard_normal((8, 4)).astype(np.float32)
    x[7] = np.nan
    np.save(tmp_path / "x.npy", x[:7])
    np.testing.assert_allclose(fp.read_features(tmp_path / "x.npy"), unit(x[:7]), atol=1e-7)
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(ValueError, match=r"x\.npy, row 7: an embedding must be finite and not zero$"):
        fp.read_features(tmp_path / "x.npy")


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300, 0.0])
def test_rows_without_a_direction(tmp_path, bad):
    np.save(tmp_path / "x.npy", np.array([[1.0, 0.0], [bad, 0.0]]))
    with pytest.raises(ValueError, match=r"x\.npy, row 1: an embedding must be finite and not zero$"):
        fp.read_features(tmp_path / "x.npy")


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.zeros((2, 2), int), "must hold floating-point numbers, not int64"),
        (np.zeros(4), "must hold embeddings of shape (n, dimension), one at least, not (4,)"),
        (np.zeros((0, 4)), "must hold embeddings of shape (n, dimension), one at least, not (0, 4)"),
    ],
)
def test_arrays_that_are_no_features(tmp_path, array, text):
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(ValueError, match=re.escape(f"x.npy {text}") + "$"):
        fp.read_features(tmp_path / "x.npy")


def test_files_that_are_no_features(tmp_path):
    path = tmp_path / "x.bin"
    path.write_bytes(bytes(1000))
    with pytest.raises(ValueError, match=r"x\.bin must hold rows of 256 float32 numbers, 1024 bytes each, not 1,000 b"):
        fp.read_features(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"one at least, not \(0, 256\)$"):
        fp.read_features(path)
    with pytest.raises(ValueError, match="dimension must be 1 or more, not 0"):
        fp.read_features(path, dimension=0)
    with pytest.raises(FileNotFoundError):
        fp.read_features(tmp_path / "none.bin")
    np.savez(tmp_path / "x.npz", embeddings=np.eye(2, dtype=np.float32))
    with pytest.raises(ValueError, match=r"x\.npz must hold float32 numbers alone, or be an \.npy file, not an \.npz$"):
        fp.read_features(tmp_path / "x.npz")
    path = tmp_path / "x.npy"
    path.write_text("text, and no array")
    with pytest.raises(ValueError, match=r"x\.npy must be an \.npy file: the magic string is not correct"):
        fp.read_features(path)
    np.save(path, np.eye(9))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"x\.npy must be an \.npy file: "):
        fp.read_features(path)
    np.save(path, np.array([[None]]), allow_pickle=True)
    with pytest.raises(ValueError, match=r"x\.npy must be an \.npy file: "):
        fp.read_features(path)


@pytest.mark.parametrize("text", ["3\n-1\n007\n", "3\r\n-1\r\n7", " 3\n-1 \n7\n"])
def test_people_are_one_to_the_line(tmp_path, text):
    (tmp_path / "x.meta").write_bytes(text.encode())
    people = fp.read_people(tmp_path / "x.meta", 3)
    assert (people.dtype, people.tolist()) == (np.int64, [3, -1, 7])


def test_people_from_npy(tmp_path):
    np.save(tmp_path / "x.npy", np.array([3, 1], np.uint16))
    people = fp.read_people(tmp_path / "x.npy", 2)
    assert (people.dtype, people.tolist()) == (np.int64, [3, 1])
    np.save(tmp_path / "x.npy", np.zeros(2))
    with pytest.raises(ValueError, match=r"x\.npy must hold whole numbers, not float64$"):
        fp.read_people(tmp_path / "x.npy", 2)
    np.save(tmp_path / "x.npy", np.zeros((2, 1), int))
    with pytest.raises(ValueError, match=r"name 2 people, one for each embedding, not an array of shape \(2, 1\)$"):
        fp.read_people(tmp_path / "x.npy", 2)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("1\n2\n", "x.meta must name 3 people, one for each embedding, not 2"),
        ("", "x.meta must name 3 people, one for each embedding, not 0"),
        ("1\nAnn\n2\n", "x.meta, line 2: a person must be a whole number, not 'Ann'"),
        ("1\n2\n\n", "x.meta, line 3: a person must be a whole number, not ''"),
        ("1\n2\n3.0\n", "x.meta, line 3: a person must be a whole number, not '3.0'"),
        ("99999999999999999999\n", "x.meta, line 1: a person must be a whole number, not '99999999999999999999'"),
        ("\xff" * 100, "x.meta, line 1: a person must be a whole number, not '" + "\xff" * 20 + "'"),
    ],
)
def test_people_that_are_none(tmp_path, text, error):
    (tmp_path / "x.meta").write_text(text, "utf-8")
    with pytest.raises(ValueError, match=re.escape(error) + "$"):
        fp.read_people(tmp_path / "x.meta", 3)
