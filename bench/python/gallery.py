"""Galleries in files: what it takes to open, search, append and delete among many faces, beside others.

    python bench/python/gallery.py [--faces 1000000] [--rounds 7] [--only NAME ...] [--seconds 1800] [--out FILE.json]

Unit vectors of 128 numbers, ten of each person, labelled. Each contestant works in a process of its own, whose peak
of resident memory is told, and imports what it needs before: `build` writes the file, `open` makes it ready to be
searched, `search` finds the 10 nearest of one face, `append` stores 1,000 more, `delete` takes a person's ten away,
both so that they outlast the process; `follow` is the search of another that has the file open, or must open it anew,
after one face of a new person was stored, whom it finds. Medians of the rounds; build and open once. Whoever needs
more than `--seconds` for either process is stopped. faiss keeps no labels: they are pickled beside its index, and
both are written anew by each change. LanceDB and Qdrant's local mode search without an index, as exactly as the
others.
"""

import argparse
import json
import pickle
import resource
import subprocess
import sys
import tempfile
import warnings
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.append(str(Path(__file__).parents[1]))
from machine import available_cpus, describe

DEPTH, FACES_EACH, NEAREST, MORE = 128, 10, 10, 1000
Rows = NDArray[np.float32]


def make(count: int, seed: int) -> Rows:
    """Unit rows at random: exact searches take as long among them as among faces, or longer."""
    x = np.random.default_rng(seed).standard_normal((count, DEPTH), np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x


def names(first: int, count: int) -> list[str]:
    """Labels of faces in order."""
    return [f"person {face // FACES_EACH}" for face in range(first, first + count)]


class Faceprint:
    """A gallery of ours."""

    module = "faceprint"
    follows: bool | None = True  # whether one that is open sees what others store; None: only one may be open

    def __init__(self, folder: Path) -> None:
        import faceprint as fp

        self.gallery = fp.Gallery(folder / "people.faceprint")

    def append(self, x: Rows, labels: list[str]) -> None:
        """Add faces."""
        self.gallery.add(x, labels=labels)

    def search(self, probe: Rows) -> list[str]:
        """Labels of the nearest."""
        return list(self.gallery.search(probe, k=NEAREST).labels[0])

    def delete(self, label: str) -> None:
        """Remove a person."""
        self.gallery.remove(label=label)


class Faiss:
    """An exact index, and a pickled list of labels."""

    module = "faiss"
    follows = False

    def __init__(self, folder: Path) -> None:
        import faiss

        faiss.omp_set_num_threads(available_cpus())
        self.faiss, self.index_file, self.label_file = faiss, folder / "faces.index", folder / "labels.pickle"
        if self.index_file.exists():
            self.index = faiss.read_index(str(self.index_file))
            self.labels = pickle.loads(self.label_file.read_bytes())
        else:
            self.index, self.labels = faiss.IndexFlatL2(DEPTH), []

    def append(self, x: Rows, labels: list[str]) -> None:
        """Add faces, and write everything."""
        self.index.add(x)
        self.labels += labels
        self.write()

    def search(self, probe: Rows) -> list[str]:
        """Labels of the nearest."""
        return [self.labels[row] for row in self.index.search(probe, NEAREST)[1][0]]

    def delete(self, label: str) -> None:
        """Remove a person, and write everything."""
        gone = [row for row, name in enumerate(self.labels) if name == label]
        self.index.remove_ids(np.array(gone))
        self.labels = [name for name in self.labels if name != label]
        self.write()

    def write(self) -> None:
        """Store index and labels."""
        self.faiss.write_index(self.index, str(self.index_file))
        self.label_file.write_bytes(pickle.dumps(self.labels))


class Lance:
    """A table of LanceDB."""

    module = "lancedb"
    follows = True

    def __init__(self, folder: Path) -> None:
        import lancedb

        self.database = lancedb.connect(folder, read_consistency_interval=timedelta(0))
        self.table = self.database.open_table("faces") if (folder / "faces.lance").exists() else None

    def append(self, x: Rows, labels: list[str]) -> None:
        """Add faces."""
        import pyarrow as pa

        vectors = pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), DEPTH)
        rows = pa.table({"vector": vectors, "label": labels})
        if self.table is None:
            self.table = self.database.create_table("faces", rows)
        else:
            self.table.add(rows)

    def search(self, probe: Rows) -> list[str]:
        """Labels of the nearest."""
        assert self.table is not None
        return [row["label"] for row in self.table.search(probe[0]).limit(NEAREST).to_list()]

    def delete(self, label: str) -> None:
        """Remove a person."""
        assert self.table is not None
        self.table.delete(f"label = '{label}'")


class Qdrant:
    """A collection of Qdrant's local mode, which is Python in this process."""

    module = "qdrant_client"
    follows = None

    def __init__(self, folder: Path) -> None:
        from qdrant_client import QdrantClient, models

        warnings.simplefilter("ignore", UserWarning)  # that so many points are better off on a server
        self.models, self.client = models, QdrantClient(path=str(folder))
        if not self.client.collection_exists("faces"):
            shape = models.VectorParams(size=DEPTH, distance=models.Distance.EUCLID)
            self.client.create_collection("faces", vectors_config=shape)
        self.next_id = 10 * self.client.count("faces").count  # above all that are there

    def append(self, x: Rows, labels: list[str]) -> None:
        """Add faces."""
        ids = range(self.next_id, self.next_id + len(x))
        known = [{"label": label} for label in labels]
        self.client.upload_collection("faces", vectors=x, ids=ids, payload=known, batch_size=len(x))
        self.next_id += len(x)

    def search(self, probe: Rows) -> list[str]:
        """Labels of the nearest."""
        found = self.client.query_points("faces", query=probe[0].tolist(), limit=NEAREST).points
        return [point.payload["label"] for point in found]

    def delete(self, label: str) -> None:
        """Remove a person."""
        wanted = self.models.FieldCondition(key="label", match=self.models.MatchValue(value=label))
        self.client.delete("faces", points_selector=self.models.Filter(must=[wanted]))


CONTESTANTS: dict[str, Any] = {
    "faceprint": Faceprint,
    "faiss and pickle": Faiss,
    "lancedb": Lance,
    "qdrant, local": Qdrant,
}


def work(name: str, folder: Path, faces: int, rounds: int) -> dict[str, Any]:
    """Build in this process, or measure what is built, and tell."""
    import_module(CONTESTANTS[name].module)
    start = perf_counter()
    store = CONTESTANTS[name](folder)
    if rounds == 0:
        rows = make(faces, 0)
        start = perf_counter()
        store.append(rows, names(0, faces))
        return {"build": perf_counter() - start, "build_peak_mib": peak_mib()}
    first = store.search(make(1, 1))  # whoever opens lazily has opened then
    seconds: dict[str, list[float]] = {"open": [perf_counter() - start]}
    assert len(first) == NEAREST
    for turn in range(rounds):
        rows, probe = make(MORE, 2 + turn), make(1, 100 + turn)
        gone = f"person {turn * 17}"
        for what, call in (
            ("search", lambda: store.search(probe)),  # noqa: B023  # called at once
            ("append", lambda: store.append(rows, names(faces + turn * MORE, MORE))),  # noqa: B023
            ("delete", lambda: store.delete(gone)),  # noqa: B023
        ):
            start = perf_counter()
            call()
            seconds.setdefault(what, []).append(perf_counter() - start)
    found = {**{what: median(values) for what, values in seconds.items()}, "peak_mib": peak_mib()}
    return found if store.follows is None else found | {"follow": follow(name, store, folder, rounds)}


def follow(name: str, store: Any, folder: Path, rounds: int) -> float:
    """The seconds until another finds whom this one has stored."""
    other, seconds = CONTESTANTS[name](folder), []
    other.search(make(1, 1))
    for turn in range(rounds):
        row, label = make(1, 1000 + turn), f"new {turn}"
        store.append(row, [label])
        start = perf_counter()
        found = (other if other.follows else CONTESTANTS[name](folder)).search(row)
        seconds.append(perf_counter() - start)
        assert found[0] == label
    return median(seconds)


def peak_mib() -> int:
    """The most memory that this process has held, its rows among it while it builds."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    """Measure each contestant in two processes, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--out", type=Path, help="where to write .json")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    run = parser.parse_args()
    if run.work:
        print(json.dumps(work(run.work[0], Path(run.work[1]), run.faces, run.rounds)))
        return
    results: dict[str, dict[str, Any]] = {}
    for name in run.only:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, __file__, "--faces", str(run.faces), "--work", name, folder, "--rounds"]
            found: dict[str, Any] = {}
            for rounds in (0, run.rounds):
                try:
                    done = subprocess.run(
                        [*command, str(rounds)], stdout=subprocess.PIPE, text=True, check=True, timeout=run.seconds
                    )
                except subprocess.SubprocessError as error:
                    found["ended"] = type(error).__name__
                    break
                found |= json.loads(done.stdout.splitlines()[-1])
            found["file_mb"] = round(
                sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file()) / 1e6
            )
        results[name] = found
        print(name, found, flush=True)
    if run.out:
        content = {"machine": describe(), "threads": available_cpus(), "faces": run.faces, "results": results}
        run.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
