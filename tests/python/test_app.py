"""The service of `docs/app.md`: every route, every refusal, and many clients at once."""

import importlib.util
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import faceprint as fp

APP = Path(__file__).parents[2] / "docs" / "examples" / "app"
LARGEST = 8 * 2**20


@pytest.fixture(scope="module")
def app():
    spec = importlib.util.spec_from_file_location("app", APP / "app.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def path(tmp_path):
    return tmp_path / "people.faceprint"


@pytest.fixture
def client(app, path, model):
    return app.create_app(path, model).test_client()


@pytest.fixture
def obama(photos):
    return (photos / "obama.jpg").read_bytes()


@pytest.fixture
def biden(photos):
    return (photos / "biden.jpg").read_bytes()


def jpeg(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "jpeg")
    return file.getvalue()


def told(response):
    return response.status_code, response.json


def test_somebody_is_enrolled_verified_found_and_erased(client, path, obama, biden, photos):
    again = (photos / "obama2.jpg").read_bytes()
    assert told(client.post("/search", data=obama)) == (200, {"name": None})  # of an empty gallery
    assert told(client.put("/people/Ann Lee", data=obama)) == (201, {"name": "Ann Lee"})
    assert told(client.put("/people/Ann Lee", data=again)) == (201, {"name": "Ann Lee"})  # another photograph of hers
    assert told(client.post("/people/Ann Lee/verify", data=again)) == (200, {"same": True})
    assert told(client.post("/people/Ann Lee/verify", data=biden)) == (200, {"same": False})
    assert told(client.post("/search", data=again)) == (200, {"name": "Ann Lee"})
    assert told(client.post("/search", data=biden)) == (200, {"name": None})
    with fp.Gallery(path, read_only=True) as gallery:
        assert {"enrolled"} == {key for entry in gallery.iterate() for key in entry.metadata}
        numbers = gallery.embeddings()[0, :16].tobytes()

    def stored():
        return b"".join(file.read_bytes() for file in path.parent.iterdir())

    assert b"Ann Lee" in stored()
    assert numbers in stored()
    assert told(client.delete("/people/Ann Lee")) == (204, None)
    assert b"Ann Lee" not in stored()
    assert numbers not in stored()
    assert told(client.post("/search", data=obama)) == (200, {"name": None})
    assert told(client.post("/people/Ann Lee/verify", data=obama))[0] == 404


def test_what_is_enrolled_outlasts_the_server(app, client, path, model, obama):
    client.put("/people/Ann", data=obama)
    other = app.create_app(path, model).test_client()
    assert told(other.post("/search", data=obama)) == (200, {"name": "Ann"})


def test_nobody_becomes_somebody_else(client, obama, biden):
    client.put("/people/Ann", data=obama)
    refused = told(client.put("/people/Ann", data=biden))
    assert refused == (409, {"error": "somebody else is enrolled under this name"})
    assert told(client.post("/people/Ann/verify", data=biden)) == (200, {"same": False})


@pytest.mark.parametrize("name", ["a" * 101, "Ann%0ALee", "%E2%80%AEnnA"])
def test_names_that_would_do_harm_are_refused(client, obama, name):
    message = "a name must have at most 100 characters, all of them printable"
    assert told(client.put(f"/people/{name}", data=obama)) == (400, {"error": message})


@pytest.mark.parametrize(
    ("method", "place"), [("put", "/people/Ann"), ("post", "/people/Ann/verify"), ("post", "/search")]
)
def test_photographs_that_will_not_do_are_refused(client, photos, obama, biden, method, place):
    def ask(photo):
        return told(getattr(client, method)(place, data=photo))

    with Image.open(photos / "obama.jpg") as one, Image.open(photos / "biden.jpg") as other:
        size = (500, 600)
        two = np.hstack([np.asarray(one.resize(size)), np.asarray(other.resize(size))])
        blurred = np.asarray(one.resize((32, 40)).resize((910, 1137)))
    assert ask(b"") == (400, {"error": "the body of the request must be a photograph"})
    code, answer = ask(b"<script>")
    assert code == 422
    assert answer["error"].startswith("photo (8 bytes) is not an image that can be read")
    assert ask(obama[:5000])[0] == 422
    assert ask(jpeg(np.zeros((200, 200, 3), np.uint8))) == (422, {"error": "the photo must show one face, not 0"})
    assert ask(jpeg(two)) == (422, {"error": "the photo must show one face, not 2"})
    poor = "the face is too small, blurred or covered: take another photo"
    assert ask(jpeg(blurred)) == (422, {"error": poor})
    code, answer = ask(bytes(LARGEST + 1))
    assert (code, list(answer)) == (413, ["error"])


def test_too_many_pixels_are_refused(app, path):
    client = app.create_app(path).test_client()
    code, answer = told(client.post("/search", data=jpeg(np.zeros((8, 8200, 3), np.uint8))))
    assert code == 422
    assert answer["error"].endswith(" has 8200 x 8 pixels; the limit is 24000000 pixels and 8192 a side")


def test_nobody_of_that_name(client, obama):
    unknown = {"error": "nobody is enrolled under this name"}
    assert told(client.post("/people/Ann/verify", data=obama)) == (404, unknown)
    assert told(client.delete("/people/Ann")) == (404, unknown)


def test_other_places_and_methods_are_refused_in_json(client):
    assert told(client.get("/elsewhere"))[0] == 404
    code, answer = told(client.get("/search"))
    assert (code, list(answer)) == (405, ["error"])


def test_many_clients_at_once_get_right_answers():
    words = [sys.executable, str(APP / "load.py"), "--clients", "8", "--seconds", "5"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] == 0
    assert found["requests"] >= 4 * 8
