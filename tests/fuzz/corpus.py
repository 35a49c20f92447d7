"""Makes the files of `corpus/`, from which `parsers.py` starts: small ones, whole, of every kind that is read.

    python tests/fuzz/corpus.py

What a finding was made of may be put beside them by hand, as `found-*`.
"""

import gzip
import json
import pickle
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import av
import numpy as np
from onnx import TensorProto, helper, numpy_helper

import faceprint as fp
from faceprint.archive import pack_arrays
from faceprint.known import BUNDLED, PACKAGE

CORPUS = Path(__file__).parent / "corpus"
PACKED = (".faceprint", ".parquet")  # mostly zeros, or names of columns


def rows(count: int, dimension: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)


def recipes() -> Iterator[tuple[str, bytes]]:
    """The bundled network's, with a shorter centre, and one by a named alignment with nothing optional."""
    whole = json.loads(BUNDLED.with_suffix(".json").read_text("utf-8"))
    centre = np.eye(1, 8)[0].tolist()
    whole |= {"dimension": 8, "golden": {"numbers": [0.1, -0.2], "tolerance": 0.01}}
    whole["unrecognisable"] |= {"centre": centre}
    yield "bundled.json", json.dumps(whole).encode()
    plain = json.loads((PACKAGE / "recipes" / "w600k_mbf.json").read_text("utf-8"))
    plain["input"]["layout"] = "NCHW"
    yield "named.json", json.dumps(plain).encode()


def gallery(path: Path | None, storage: str) -> fp.Gallery:
    """A few faces with everything that a gallery keeps of one, in two chunks."""
    made = fp.Gallery(path, storage=storage)
    made.add(
        rows(8, 6),
        labels=["Ann", "Ann", "Ann", "Ben", "Ben", "Cy", None, "Dee"],
        metadata=[{"age": 3}, {"age": 3.5, "tags": ["x"]}, None, {"name": "\u00e4"}, None, None, None, {}],
        photos=["a.jpg", None, "b/c.jpg", None, None, None, None, None],
    )
    made.add(rows(2, 6, seed=1), labels=["Eve", "Ben"])
    return made


def galleries(folder: Path) -> Iterator[tuple[str, bytes]]:
    for storage in ("float32", "float16", "int8"):
        path = folder / f"{storage}.faceprint"
        gallery(path, storage).close()
        yield path.name, path.read_bytes()


def exports(folder: Path, suffix: str) -> Iterator[tuple[str, bytes]]:
    for storage in ("float32", "int8"):
        path = folder / f"{storage}{suffix}"
        gallery(None, storage).export(path)
        yield path.name, path.read_bytes()


def manifests(tables: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Galleries in one shard, which is a Parquet file of the corpus, and one without any."""
    for name, content in tables.items():
        shard = {"file": name, "rows": 10, "bytes": len(content), "sha256": sha256(content).hexdigest(), "last_id": 9}
        whole = {"format": 1, "storage": Path(name).stem, "rows_per_shard": 16, "dimension": 6, "fingerprint": None}
        whole |= {"sources": [], "next_id": 10, "changes": 1, "shards": [shard]}
        yield f"{Path(name).stem}.json", json.dumps(whole).encode()
    yield "empty.json", json.dumps(whole | {"dimension": None, "next_id": 0, "shards": []}).encode()


def upgrade(folder: Path) -> Iterator[tuple[str, bytes]]:
    made = fp.synthetic.people(2_000, 100, hard=0, junk=0, label_noise=0, dimension=8, effective=6, seed=0)
    turn = np.linalg.qr(rows(8, 8))[0]
    path = folder / "turned.npz"
    fp.Upgrade.fit(made.embeddings, made.embeddings @ turn, made.people).save(path)
    yield path.name, path.read_bytes()


def pickles() -> Iterator[tuple[str, bytes]]:
    two = list(rows(2, 128).astype(np.float64))
    for protocol in (2, 3, 4):
        yield f"list-{protocol}.pkl", pickle.dumps(two, protocol)
        yield f"names-{protocol}.pkl", pickle.dumps({"encodings": two, "names": ["Ann", "Ben"]}, protocol)
    yield "array.pkl", pickle.dumps(rows(2, 128), 5)
    yield "people.pkl", pickle.dumps({"Ann": two, "Ben": two[0]})


def deepface() -> Iterator[tuple[str, bytes]]:
    faces = [{"identity": f"people/{name}/1.jpg", "embedding": [0.5, 1.5], "target_x": 3} for name in ("Ann", "Ben")]
    yield "new.pkl", pickle.dumps([*faces, {"identity": "c.jpg", "embedding": None}])
    yield "old.pkl", pickle.dumps([["people\\Ann\\1.jpg", np.float32([1, 2])]], 2)
    paths, rows = np.array(["people/Ann/1.jpg", "c.jpg"]), np.array([[0.5, 1.5], [0, 0]])
    yield "packed.npz", pack_arrays(identity=paths, embedding=rows, has_embedding=np.array([True, False]))


def features(folder: Path) -> Iterator[tuple[str, bytes]]:
    yield "rows.bin", rows(3, 3).tobytes()
    for dtype in ("f4", ">f8", "f2"):
        path = folder / f"{dtype.strip('>')}.npy"
        np.save(path, np.asfortranarray(rows(3, 3).astype(dtype)))
        yield path.name, path.read_bytes()


def persons(folder: Path) -> Iterator[tuple[str, bytes]]:
    yield "three.meta", b"0\n0\n7\n"
    np.save(folder / "three.npy", np.array([0, 0, 7], np.uint16))
    yield "three.npy", (folder / "three.npy").read_bytes()


def pairs() -> Iterator[tuple[str, bytes]]:
    yield "lfw.txt", b"1\t1\nAnn\t1\t2\nAnn\t1\tBen\t2\n"
    yield "plain.txt", b"Ann\t1\t2\nBen\t2\tAnn\t1\n"
    yield "listed.txt", b"1 Ann/Ann_0001.jpg Ann/Ann_0002.jpg\nAnn/Ann_0001.jpg Ben/Ben_0001.jpg 0\n"


def journal() -> Iterator[tuple[str, bytes]]:
    steps = [{"source": "@FOLDER@/photo.jpg", "place": "person-001/photo.jpg"}]
    for how in ("links", "copies", "moves"):
        content = {"format": 1, "how": how, "folder": "@FOLDER@/sorted", "made": True, "steps": steps}
        yield f"{how}.json", json.dumps(content).encode()


def network() -> Iterator[tuple[str, bytes]]:
    """A branch, a constant, a function of its own, and weights."""
    weights = numpy_helper.from_array(np.float32([1, 2]), "w")
    nodes = [
        helper.make_node("Constant", [], ["c"], value=weights),
        helper.make_node("Twice", ["x"], ["y"], domain="own"),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
        [weights],
    )
    twice = helper.make_node("Add", ["a", "a"], ["b"])
    function = helper.make_function("own", "Twice", ["a"], ["b"], [twice], [helper.make_opsetid("", 17)])
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    yield "own.onnx", helper.make_model(graph, functions=[function], opset_imports=imports).SerializeToString()


def videos(folder: Path) -> Iterator[tuple[str, bytes]]:
    """A square that moves, in two containers."""
    pictures = np.zeros((4, 32, 48, 3), np.uint8)
    for number, picture in enumerate(pictures):
        picture[8:16, 8 * number : 8 * number + 8] = 255
    for name in ("short.mp4", "short.mkv"):
        with av.open(str(folder / name), "w") as container:
            stream = container.add_stream("mpeg4", rate=10)
            stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
            for picture in pictures:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
            container.mux(stream.encode())
        yield name, (folder / name).read_bytes()


def main() -> None:
    """Write all of them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tables = dict(exports(folder, ".parquet"))
        made = {
            "recipe": recipes(),
            "gallery": galleries(folder),
            "export": exports(folder, ".npz"),
            "parquet": tables.items(),
            "manifest": manifests(tables),
            "upgrade": upgrade(folder),
            "face_recognition": pickles(),
            "deepface": deepface(),
            "features": features(folder),
            "people": persons(folder),
            "pairs": pairs(),
            "cfp": iter([("diff.txt", b"1,2\n2,1\n"), ("list.txt", b"1 1.jpg\n2 2.jpg\n")]),
            "journal": journal(),
            "network": network(),
            "video": videos(folder),
        }
        for target, files in made.items():
            (CORPUS / target).mkdir(parents=True, exist_ok=True)
            for file, content in files:
                packed = Path(file).suffix in PACKED
                path = CORPUS / target / (f"{file}.gz" if packed else file)
                path.write_bytes(gzip.compress(content, mtime=0) if packed else content)


if __name__ == "__main__":
    main()
