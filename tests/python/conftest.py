"""What several tests need: the bundled model, loaded once, commands that run with it, small networks, rows, albums."""

import hashlib
import os
import shutil

import numpy as np
import psycopg
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageFilter

import faceprint as fp
from database import postgres_server
from faceprint.album import Album
from faceprint.cli import command
from faceprint.demo import PHOTOS
from faceprint.faces import Faces
from faceprint.runtime import import_runtime

import_runtime()  # before a module of tests does, for its telemetry could not be turned off any more


@pytest.fixture(scope="session")
def model():
    return fp.load()


@pytest.fixture(scope="session")
def photos():
    return PHOTOS


@pytest.fixture(scope="session")
def postgres():
    """What psycopg connects by to a PostgreSQL server that runs for the tests alone, and has pgvector."""
    with postgres_server() as folder:
        found = {"host": str(folder), "user": "postgres", "dbname": "postgres"}
        with psycopg.connect(**found) as connection:
            connection.execute("CREATE EXTENSION vector")
        yield found


@pytest.fixture
def unit_rows():
    """Random rows of unit length: unit_rows(rows, columns, seed)."""

    def make(rows, columns=128, seed=0):
        x = np.random.default_rng(seed).standard_normal((rows, columns))
        return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)

    return make


@pytest.fixture
def album_of():
    """An album made by hand: album_of({path: people on it}, {path: area of each face's box, if not 100}).

    People are numbers below 64, who lie far apart, their faces near one another.
    """

    def make(photos, areas=None):
        random, album = np.random.default_rng(0), Album()
        for photo, people in photos.items():
            number = len(people)
            x = random.normal(0, 0.01, (number, 64)).astype(np.float32)
            x[np.arange(number), people] += 1
            x /= np.linalg.norm(x, axis=1, keepdims=True)
            boxes = np.zeros((number, 4), np.float32)
            boxes[:, 2:] = np.sqrt((areas or {}).get(photo, [100] * number))[:, None]
            chips = np.broadcast_to(np.full((150, 150, 3), 200, np.uint8), (number, 150, 150, 3))
            points, scores = np.zeros((number, 5, 2), np.float32), np.ones(number, np.float32)
            album.photos.append(photo)
            album.faces.append(Faces(boxes, points, scores, None, chips, x, "made by hand"))
        return album

    return make


@pytest.fixture
def network_file(tmp_path):
    """Write a small network: the means over a grid of 2 x 2 of the image, times a random matrix for each output.

    `takes` and `gives` are the shapes that the graph states; `kinds` the types of those that are not float32.
    """

    def make(name="x.onnx", takes=("n", 3, 8, 8), gives=None, kinds=None, inner=-1):
        gives, kinds, last = gives or {"y": ("n", 6)}, kinds or {}, takes[-1] == 3
        height, width = takes[1:3] if last else takes[2:]
        sides = [height // 2, width // 2] if isinstance(height, int) else [1, 1]
        nodes = [
            helper.make_node("Cast", ["x"], ["float"], to=TensorProto.FLOAT),
            helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2] if last else [0, 1, 2, 3]),
            helper.make_node("AveragePool", ["planes"], ["means"], kernel_shape=sides, strides=sides),
            helper.make_node("Flatten", ["means"], ["flat"]),
        ]
        weights = []
        for at, (output, shape) in enumerate(gives.items()):
            numbers = shape[1] if isinstance(shape[1], int) else 6
            random = np.random.default_rng(at).standard_normal((12, numbers)).astype(np.float32)
            rest = [1 if isinstance(size, str) else size for size in shape[2:]]
            weights += [
                numpy_helper.from_array(random, f"w{at}"),
                numpy_helper.from_array(np.array([inner, numbers, *rest]), f"s{at}"),
            ]
            nodes += [
                helper.make_node("MatMul", ["flat", f"w{at}"], [f"p{at}"]),
                helper.make_node("Reshape", [f"p{at}", f"s{at}"], [f"r{at}"]),
                helper.make_node("Cast", [f"r{at}"], [output], to=kinds.get(output, TensorProto.FLOAT)),
            ]
        graph = helper.make_graph(
            nodes,
            "small",
            [helper.make_tensor_value_info("x", kinds.get("x", TensorProto.FLOAT), takes)],
            [
                helper.make_tensor_value_info(output, kinds.get(output, TensorProto.FLOAT), shape)
                for output, shape in gives.items()
            ],
            weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 8
        path = tmp_path / name
        path.write_bytes(model.SerializeToString())
        return path

    return make


@pytest.fixture
def small_recipe():
    """The JSON of a recipe for a small network, with changes: small_recipe(path, dimension=..., ...)."""

    def make(path, **changes):
        return {
            "format": 1,
            "kind": "embedding",
            "name": path.stem,
            "file": path.name,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "licence": "CC0-1.0",
            "source": "made up",
            "input": {
                "height": 8,
                "width": 8,
                "layout": "NCHW",
                "channels": "RGB",
                "mean": [127.5, 127.5, 127.5],
                "scale": [0.0078125, 0.0078125, 0.0078125],
            },
            "landmarks": [[2, 2], [5, 2], [3, 4], [2, 6], [5, 6]],
            "resampling": "bilinear",
            "flip": False,
            "dimension": 6,
            "metric": "squared-euclidean",
            "thresholds": [],
            "probability": None,
            "clustering": None,
            "measured": "nothing",
            **changes,
        }

    return make


@pytest.fixture
def run(model, monkeypatch):
    """Run a command in this process, the networks loaded once."""
    monkeypatch.setattr("faceprint.cli.options.load", lambda network, **_: model)

    def invoke(*words, code=0):
        result = CliRunner().invoke(command, [os.fspath(word) for word in words])
        assert result.exit_code == code, result.output
        return result

    return invoke


@pytest.fixture
def folder(photos, tmp_path):
    """The portraits and a file that is none."""
    for photo in photos.glob("*.*g"):
        shutil.copy(photo, tmp_path)
    (tmp_path / "broken.jpg").write_text("text")
    return tmp_path


@pytest.fixture
def two(photos, tmp_path):
    """Biden and Collins on one photograph, 512 pixels each."""
    together = Image.new("RGB", (1024, 512))
    together.paste(Image.open(photos / "biden.jpg").crop((250, 0, 950, 700)).resize((512, 512)), (0, 0))
    together.paste(Image.open(photos / "collins.png"), (512, 0))
    together.save(tmp_path / "two.png")
    return tmp_path / "two.png"


@pytest.fixture
def blurred(photos, tmp_path):
    """Obama, found but beyond recognition."""
    path = tmp_path / "blurred.png"
    Image.open(photos / "obama.jpg").filter(ImageFilter.GaussianBlur(20)).save(path)
    return path
