"""Files of face_recognition and deepface, read without unpickling: made here in the formats in use."""

import io
import os
import pickle
import pickletools
from pathlib import Path

import numpy as np
import pytest

import faceprint as fp
from faceprint.archive import pack_arrays
from faceprint.pickled import Array, read_pickle

RANDOM = np.random.default_rng(0)
A, B, C = RANDOM.standard_normal((3, 128)) * 0.1
PROTOCOLS = (2, 3, 4, 5)


@pytest.fixture
def written(tmp_path):
    """A file with the pickle of a value, or with these bytes."""

    def write(value, protocol=4):
        path = tmp_path / "faces.pkl"
        path.write_bytes(value if isinstance(value, bytes) else pickle.dumps(value, protocol))
        return path

    return write


def unit(*rows):
    stacked = np.array(rows, np.float64)
    return stacked / np.linalg.norm(stacked, axis=1, keepdims=True)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("content", "labels"),
    [
        ([A, B, C], [None] * 3),
        (np.stack([A, B, C]), [None] * 3),
        (np.asfortranarray(np.stack([A, B, C])), [None] * 3),
        ([list(map(float, row)) for row in (A, B, C)], [None] * 3),
        ([list(row) for row in (A, B, C)], [None] * 3),  # of numpy's own numbers
        (([A, B, C], ["Ann", "Ann", "Ben"]), ["Ann", "Ann", "Ben"]),
        ([[A, B, C], ["Ann", "Ann", "Ben"]], ["Ann", "Ann", "Ben"]),
        ({"encodings": [A, B, C], "names": ["Ann", "Ben", "Cid"]}, ["Ann", "Ben", "Cid"]),
        ({"Ann": A, "Ben": B, "Cid": C}, ["Ann", "Ben", "Cid"]),
        ({"Ann": [A, B], "Ben": [C]}, ["Ann", "Ann", "Ben"]),
        ([A.astype(">f8"), B, C], [None] * 3),
    ],
)
def test_encodings_in_the_formats_in_use(written, content, labels, protocol):
    found = fp.read_face_recognition(written(content, protocol))
    assert found.embeddings.dtype == np.float32
    np.testing.assert_allclose(found.embeddings, unit(A, B, C), atol=1e-7)
    assert found.labels.tolist() == labels
    assert found.photos == (None,) * 3
    assert found.fingerprint == "face_recognition"
    assert len(found) == 3


def test_one_encoding_alone(written):
    np.testing.assert_allclose(fp.read_face_recognition(written(A)).embeddings, unit(A), atol=1e-7)


@pytest.mark.parametrize(
    "faces",
    [
        [
            {"identity": "db/Ann/1.jpg", "hash": "0f", "embedding": [3.0, 0.0, 4.0], "target_x": 8, "target_w": 90},
            {"identity": "db/Ann/2.jpg", "hash": "1f", "embedding": None, "target_x": 0, "target_w": 0},
            {"identity": "db\\Ben\\1.jpg", "hash": "2f", "embedding": [0.0, 2.0, 0.0], "target_x": 7, "target_w": 80},
        ],
        [["db/Ann/1.jpg", [3.0, 0.0, 4.0]], ["db\\Ben\\1.jpg", np.float32([0, 2, 0])]],
    ],
)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_faces_of_deepface(written, faces, protocol):
    found = fp.read_deepface(written(faces, protocol), network="SFace")
    np.testing.assert_allclose(found.embeddings, [[0.6, 0, 0.8], [0, 1, 0]], atol=1e-7)
    assert found.labels.tolist() == ["Ann", "Ben"]
    assert found.photos == ("db/Ann/1.jpg", "db\\Ben\\1.jpg")
    assert found.fingerprint == "SFace"


PACKED = {
    "identity": np.array(["db/Ann/1.jpg", "db/Ann/2.jpg", "db\\Ben\\1.jpg"]),
    "hash": np.array(["0f", "1f", "2f"]),
    "embedding": np.array([[3.0, 0, 4], [0, 0, 0], [0, 2, 0]]),
    "has_embedding": np.array([True, False, True]),
    "target_x": np.array([8, 0, 7]),
}


def test_packed_faces_of_deepface(written):
    found = fp.read_deepface(written(pack_arrays(**PACKED)), network="SFace")
    np.testing.assert_allclose(found.embeddings, [[0.6, 0, 0.8], [0, 1, 0]], atol=1e-7)
    assert found.labels.tolist() == ["Ann", "Ben"]
    assert found.photos == ("db/Ann/1.jpg", "db\\Ben\\1.jpg")
    assert found.fingerprint == "SFace"


FOR_EACH = "must hold a path, a row of numbers and whether there is one for each face"
AS_MANY = "must hold as many paths, embeddings and answers whether there is one, not"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"identity": np.array([b"1", b"2", b"3"])}, FOR_EACH),
        ({"identity": np.array("1")}, FOR_EACH),
        ({"embedding": np.zeros((3, 2), int)}, FOR_EACH),
        ({"embedding": np.zeros(3)}, FOR_EACH),
        ({"has_embedding": np.ones(3)}, FOR_EACH),
        ({"has_embedding": np.ones((3, 1), bool)}, FOR_EACH),
        ({"embedding": np.ones((2, 3))}, f"{AS_MANY} 3, 2 and 3"),
        ({"has_embedding": np.ones(4, bool)}, f"{AS_MANY} 3, 3 and 4"),
        ({"embedding": np.zeros((3, 0))}, "must hold embeddings as lists or arrays of numbers"),
        ({"has_embedding": np.zeros(3, bool)}, "must hold at least one embedding, not 0"),
        ({"has_embedding": np.ones(3, bool)}, "row 1: an embedding must be finite and not zero"),
    ],
)
def test_packed_faces_that_are_none(written, changes, said):
    with pytest.raises(ValueError, match=rf"faces\.pkl,? {said}$"):
        fp.read_deepface(written(pack_arrays(**{**PACKED, **changes})), network="SFace")


def compressed(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


NOT_PACKED = "must be an .npz that DeepFace.find wrote:"
NEITHER = "must be the .npz or the .pkl of DeepFace.find, not Parquet or Feather"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (pack_arrays(**PACKED)[:-99], f"{NOT_PACKED} File is not a zip file"),
        (pack_arrays(identity=PACKED["identity"]), f"{NOT_PACKED} 'embedding is not a file in the archive'"),
        (compressed(**PACKED, zeros=np.zeros(10_000)), rf"{NOT_PACKED} it unpacks to more than [\d,]+ bytes"),
        (b"PAR1" + bytes(99), NEITHER),
        (b"ARROW1" + bytes(99), NEITHER),
    ],
)
def test_files_that_hold_no_packed_faces(written, content, said):
    with pytest.raises(ValueError, match=rf"faces\.pkl {said}$"):
        fp.read_deepface(written(content), network="SFace")


def test_a_photo_in_no_folder_has_no_label(written):
    found = fp.read_deepface(written([{"identity": "1.jpg", "embedding": [1.0]}]), network="x")
    assert found.labels.tolist() == [None]


def test_a_gallery_takes_them_and_refuses_those_of_another_network(written, model, photos):
    found = fp.read_face_recognition(written({"Ann": A, "Ben": B}))
    gallery = fp.Gallery()
    gallery.add(found, found.labels, photos=found.photos)
    assert gallery.fingerprint == "face_recognition"
    assert gallery.search(found, k=1).labels.ravel().tolist() == ["Ann", "Ben"]
    with pytest.raises(fp.GalleryError, match="holds embeddings of network face_recognition"):
        gallery.add(model.faces(photos / "obama.jpg"))


class Harm:
    def __reduce__(self):
        return os.system, ("touch harmed",)


class Plain:
    def __init__(self):
        self.x = 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (pickle.dumps(Harm()), r"it refers to \w+\.system, which is no plain value"),
        (pickle.dumps([A, Harm()]), r"it refers to \w+\.system, which is no plain value"),
        (b"cnumpy\ndtype x\n.", "it refers to numpy.dtype x, which is no plain value"),
        (pickle.dumps(print), "it refers to builtins.print, which is no plain value"),
        (pickle.dumps(Plain()), r"it refers to \S+\.Plain, which is no plain value"),
        (pickle.dumps(np.arange(128)), "it holds numbers of type <i8, which are not floating-point ones"),
        (pickle.dumps(np.array([A, None], object)), "it holds numbers of type [|]O8, which are not"),
        (pickle.dumps({1, 2}), "it uses the operation EMPTY_SET, which plain values do not need"),
        (pickle.dumps([1.5, 2.5], 0), "it uses the operation "),
        (pickle.dumps(A)[:-1], "pickle exhausted before seeing STOP"),
        (b"", "pickle exhausted before seeing STOP"),
        (b"\x80\x04.", "it is no whole pickle: list index out of range"),
        (b"\x80\x04]K\x01K\x02R.", "it calls something in a way that makes no array"),
        (b"\x80\x04]}b.", "it completes something else than an array"),
        (b"\x80\x04h\x05.", "it is no whole pickle: 5"),
    ],
)
def test_files_made_to_do_harm_and_damaged_ones(written, content, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=rf"faces\.pkl must be a pickle of lists, dicts, texts and numbers: {said}"):
        fp.read_face_recognition(written(content))
    assert not Path("harmed").exists()


def test_bytes_that_promise_more_than_there_is():
    for promise in (
        b"\x8e" + b"\xff" * 7 + b"\x00",
        b"\x96" + b"\x00" * 6 + b"\x01\x00",
        b"\x8d" + b"\x00" * 7 + b"\x01",
    ):
        with pytest.raises(ValueError):
            read_pickle(b"\x80\x05" + promise + b".")


def test_flipped_bytes_give_values_or_a_value_error():
    content = bytearray(pickle.dumps({"Ann": [A[:3], 0.5], "Ben": "text"}, 4))
    outcomes = set()
    for at in range(len(content)):
        for flip in (0x01, 0x20, 0x80, 0xFF):
            content[at] ^= flip
            try:
                read_pickle(bytes(content))
                outcomes.add("read")
            except ValueError:
                outcomes.add("refused")
            content[at] ^= flip
    assert outcomes == {"read", "refused"}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_values_come_back_as_they_were(protocol):
    value = {
        "a": (1, 2, 3, 4),
        "b": None,
        "c": [True, False],
        "d": "x" * 300,
        "e": {},
        "f": (),
        "g": [b"1"],
        "h": -(2**40),
    }
    assert read_pickle(pickle.dumps(value, protocol)) == value
    assert read_pickle(pickletools.optimize(pickle.dumps(value, protocol))) == value
    shared = read_pickle(pickle.dumps([A, A], protocol))
    assert isinstance(shared[0], Array)
    assert shared[0] is shared[1]
    np.testing.assert_array_equal(shared[0].values, A)


NO_LAYOUT = (
    r"must hold embeddings as lists or arrays of numbers: a list of them, a pair \(encodings, names\), "
    "a dict of 'encodings' and 'names', or one from names to encodings$"
)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "must hold at least one embedding, not 0"),
        ([A[:127]], "must hold embeddings of 128 numbers each, but one has 127"),
        ([A, A[:127]], "must hold embeddings of 128 numbers each, but one has 127"),
        ({"encodings": [A, B], "names": ["Ann"]}, "must have one name for each of 2 encodings, not 1"),
        ({1: A}, "must have names that are text"),
        (["Ann"], NO_LAYOUT),
        (7, NO_LAYOUT),
        ((["Ann"], [A]), NO_LAYOUT),
        ({"known_face_encodings": [A], "known_face_names": ["Ann"]}, NO_LAYOUT),
        ([A, 0 * B], "row 1: an embedding must be finite and not zero"),
        ([A * np.nan], "row 0: an embedding must be finite and not zero"),
        ([A * 1e300], "row 0: an embedding must be finite and not zero"),
    ],
)
def test_encodings_that_are_none(written, content, said):
    with pytest.raises(ValueError, match=rf"faces\.pkl.* {said}"):
        fp.read_face_recognition(written(content))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "must hold a list of faces, not dict"),
        ([{"identity": "1.jpg", "embedding": None}], "must hold at least one embedding, not 0"),
        ([{"embedding": [1.0]}], "must tell the identity, a path, and the embedding of each face"),
        ([["1.jpg"]], "must tell the identity, a path, and the embedding of each face"),
        ([["1.jpg", [1.0]], ["2.jpg", [1.0, 2.0]]], "must hold embeddings of 1 numbers each, but one has 2"),
        ([["1.jpg", []]], "must hold embeddings as lists or arrays of numbers$"),
    ],
)
def test_faces_that_are_none(written, content, said):
    with pytest.raises(ValueError, match=rf"faces\.pkl {said}"):
        fp.read_deepface(written(content), network="SFace")


def test_files_that_are_missing_or_too_large(tmp_path, monkeypatch, written):
    with pytest.raises(FileNotFoundError):
        fp.read_face_recognition(tmp_path / "none.pkl")
    path = written(A)
    monkeypatch.setattr("faceprint.encodings.MOST", 100)
    with pytest.raises(ValueError, match=r"faces\.pkl has [\d,]+ bytes; the limit is 100"):
        fp.read_face_recognition(path)
