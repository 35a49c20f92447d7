"""An allocation that fails in any call is a MemoryError, after which everything answers as before."""

import json
import subprocess
import sys

import pytest

ROOM = 300 * 2**20  # bytes that a process may take beyond what it has
PRELUDE = """
import io, json, resource, sys
from pathlib import Path
import numpy as np
import pyarrow.parquet
from PIL import Image
import faceprint as fp
from faceprint import _core, evaluate, graph
from faceprint._core import Gallery as Codes
from faceprint.demo import PHOTOS

def unit(rows, columns, seed=0):
    x = np.random.default_rng(seed).standard_normal((rows, columns), np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)

def small():
    "What every kind of call answers to a little question."
    x = unit(40, 16)
    found = fp.cluster(x, threshold=0.5, k=5).labels.tolist(), fp.nearest(x[:3], x, k=3)[1].tolist()
    negatives = fp.mine_triplets(x, np.arange(40) % 5)[2].tolist()
    assert model.embed(face).tobytes() == expected
    return json.dumps([*found, negatives, gallery.search(x[:2], k=3).ids.tolist()])

gallery = fp.Gallery(Path(sys.argv[1]) / "people.faceprint")
people = [f"person {row % 7}" for row in range(40)]
gallery.add(unit(40, 16), labels=people)
many = unit(200_000, 16)
big = unit(60_000, 512, seed=1)
endless = np.broadcast_to(many[:1], (2**45, 16))
crowd = fp.Gallery()
crowd.add(many)
model = fp.load(threads=1)
face = fp.read_photo(PHOTOS / "biden.jpg")
expected = model.embed(face).tobytes()
encoded = io.BytesIO()
Image.new("RGB", (8_000, 8_000)).save(encoded, "PNG")
before = small()
_, most = resource.getrlimit(resource.RLIMIT_AS)

def nearly_all():
    "Takes all but so little of the room that the next large thing is one too many."
    return bytearray(ROOM - 2**22)
"""
CALLS = {
    "distances": "fp.distances(many, many[:20_000])",
    "nearest": "fp.nearest(many, many, k=2_000)",
    "within": "fp.within(many[:20_000], many, 4.0)",
    "neighbours": "fp.neighbours(many, k=2_000)",
    "cluster": "fp.cluster(many, k=2_000)",
    "average": "fp.cluster(np.tile(big, (4, 1)), method='average')",
    "mine_triplets": "fp.mine_triplets(many[:3_000], np.arange(3_000) % 3, margin=4.0, kind='batch-all')",
    "triplet_loss": "fp.triplet_loss(np.tile(big, (4, 1)), np.arange(240_000), kind='batch-all')",
    "gallery.add": "gallery.add(np.repeat(many, 40, axis=0))",
    "gallery.search": "crowd.search(many, k=2_000)",
    "gallery.embeddings": "[crowd.embeddings() for _ in range(60)]",
    "read_photo": "[fp.read_photo(encoded.getvalue()) for _ in range(3)]",
    "from_edges": "graph.from_edges(2**30, [0], [1], [1.0])",
    "endless gallery": "fp.nearest(many[:2], endless, k=1)",
    "endless queries": "fp.within(endless, many, 1.0)",
    "endless rows": "fp.neighbours(endless, k=1)",
    "endless set": "fp.overlap(many[:2], endless)",
    "endless halves": "fp.Gallery(storage='float16').add(endless)",
    "endless codes": "Codes(16, 'int8').append_stored(np.broadcast_to(np.zeros(28, np.uint8), (2**45, 28)))",
    "chips": "_core.chips(face, np.tile(np.eye(2, 3), (200_000, 1, 1)), 64, 64)",
    "communities": "graph.communities(graph.Graph(np.zeros(2**24 + 1, np.int64), np.zeros(0, int), big[:0, 0]))",
    "identify": "gallery.identify(endless, max_distance=1.0)",
    "export": "[nearly_all(), crowd.export(Path(sys.argv[1]) / 'x.parquet')]",
    "write_shards": "[nearly_all(), fp.write_shards(crowd, Path(sys.argv[1]) / 'shards')]",
    "upgrade": "fp.Upgrade.fit(big, big, np.arange(60_000) // 2)",
    "model.embed": "[nearly_all(), model.embed([face] * 64)]",
    "identification": "evaluate.identification(np.tile(big, (4, 1)), np.arange(240_000) // 2)",
    "count_pairs": "evaluate.false_accept_rate(np.tile(big, (4, 1)), np.arange(240_000) // 2, 1.0)",
}
EPILOGUE = """
for at, (name, call) in enumerate(CALLS.items()):
    size = int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmSize"))) * 1024
    resource.setrlimit(resource.RLIMIT_AS, (size + ROOM, most))
    try:
        eval(call)
    except (MemoryError, fp.PhotoError) as error:
        said = "MemoryError" if isinstance(error, MemoryError) else type(error).__name__  # pyarrow has one of its own
    else:
        said = "no error"
    same = small() == before
    added = gallery.add(unit(1, 16), labels=["Zoe"]).tolist() == [40 + at]
    with fp.Gallery(gallery.path) as stored:
        whole = stored.labels.tolist() == [*people, "Zoe"] and bool(np.isfinite(stored.embeddings()).all())
    print(json.dumps([name, said, same, added, whole]), flush=True)
    gallery.remove(label="Zoe")
"""


@pytest.fixture(scope="module")
def attempted(tmp_path_factory):
    """What every call came to, one after another in one process."""
    folder = tmp_path_factory.mktemp("limit")
    script = f"ROOM = {ROOM}\nCALLS = {CALLS}\n{PRELUDE}{EPILOGUE}"
    done = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    return {name: said for name, *said in map(json.loads, done.stdout.splitlines())}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux limits address space")
@pytest.mark.parametrize("name", CALLS)
def test_too_much_is_refused_and_nothing_is_lost(attempted, name):
    error = "PhotoError" if name == "read_photo" else "MemoryError"  # as whatever a decoder raises
    assert attempted[name] == [error, True, True, True]
