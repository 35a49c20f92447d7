"""What is read as a file: no device, no pipe, nothing beyond a limit, whichever reader is asked."""

import os
from functools import partial
from pathlib import Path

import pytest

import faceprint as fp
from faceprint import encodings, features, recipe, runtime
from faceprint.album import load_embeddings
from faceprint.evaluate import open_pairs, pairfile
from faceprint.files import read_named

READERS = {
    "photo": (fp.read_photo, fp.PhotoError, "^photo {path} cannot be read: {reason}$"),
    "video": (lambda path: next(fp.read_video(path)), fp.VideoError, "^video {path} cannot be read: {reason}$"),
    "network": (fp.load, fp.NetworkError, "^network {path} cannot be read: {reason}$"),
    "detector": (lambda path: fp.load(detector=path), fp.NetworkError, "^network {path} cannot be read: {reason}$"),
    "recipe": (recipe.read_content, fp.RecipeError, "^recipe {path} cannot be read as JSON: {told}$"),
    "face_recognition": (fp.read_face_recognition, OSError, "^{told}$"),
    "deepface": (partial(fp.read_deepface, network="SFace"), OSError, "^{told}$"),
    "features": (fp.read_features, OSError, "^{told}$"),
    "people": (partial(fp.read_people, rows=1), OSError, "^{told}$"),
    "pairs": (partial(open_pairs, folder="."), OSError, "^{told}$"),
    "embeddings": (load_embeddings, fp.GalleryError, "^{path} must be an .npz written by 'faceprint embed': {told}$"),
}


@pytest.fixture(params=["device", "pipe"])
def endless(request, tmp_path):
    """Something that never ends, or that nobody writes into."""
    if request.param == "device":
        return "/dev/zero"
    os.mkfifo(tmp_path / "pipe")
    return str(tmp_path / "pipe")


@pytest.mark.parametrize("reader", READERS)
def test_devices_and_pipes_are_no_files(endless, reader):
    read, kind, said = READERS[reader]
    reason = "it is a device or a pipe, not a file"
    told = rf"\[Errno 22\] {reason}: '{endless}'"
    with pytest.raises(kind, match=said.format(path=endless, reason=reason, told=told)):
        read(endless)


@pytest.mark.parametrize("name", ["x.npz", "x.parquet"])
def test_exports_are_no_pipes_either(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(fp.GalleryError, match="it is a device or a pipe, not a file"):
        fp.Gallery().import_from(tmp_path / name)


def test_arrays_are_no_devices_either(tmp_path):
    os.mkfifo(tmp_path / "x.npy")
    for read in (fp.read_features, partial(fp.read_people, rows=1)):
        with pytest.raises(OSError, match="it is a device or a pipe, not a file"):
            read(tmp_path / "x.npy")


@pytest.mark.parametrize(
    ("module", "limit", "read", "kind", "said"),
    [
        (runtime, "LARGEST_FILE", runtime.open_session, fp.NetworkError, "network {path}"),
        (recipe, "LARGEST_FILE", recipe.read_content, fp.RecipeError, "recipe {path}"),
        (encodings, "MOST", fp.read_face_recognition, ValueError, "{path}"),
        (encodings, "MOST", partial(fp.read_deepface, network="SFace"), ValueError, "{path}"),
        (features, "MOST", partial(fp.read_people, rows=1), ValueError, "{path}"),
        (pairfile, "MOST", partial(open_pairs, folder="."), ValueError, "{path}"),
    ],
)
def test_files_beyond_the_limit(module, limit, read, kind, said, tmp_path, monkeypatch):
    path = tmp_path / "large"
    path.write_text(100 * "1")
    monkeypatch.setattr(module, limit, 99)
    with pytest.raises(kind, match=rf"^{said.format(path=path)} has 100 bytes; the limit is 99$"):
        read(path)


def test_the_page_names_these_limits():
    def in_words(limit):
        return f"{limit >> 30} GiB" if limit >> 30 else f"{limit >> 20} MiB"

    page = (Path(__file__).parents[2] / "docs" / "limits.md").read_text("utf-8")
    assert f"| file of a network | {in_words(runtime.LARGEST_FILE)}, self-contained" in page
    assert f"| file of a recipe | {in_words(recipe.LARGEST_FILE)} |" in page
    three = "; ".join(in_words(module.MOST) for module in (encodings, pairfile, features))
    assert f"| files of encodings; of pairs; that name people | {three} |" in page


def test_a_file_of_as_many_bytes_as_allowed(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(bytes(range(100)))
    assert read_named(path, "x", 100, fp.PhotoError) == path.read_bytes()
    assert read_named(str(path), "x", 1000, fp.PhotoError) == path.read_bytes()
