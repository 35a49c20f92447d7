"""The performance page of the book, made from bench/results whenever the book is: it cannot tell other figures."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from charts import Point, bars, roc, shown

RESULTS = Path(__file__).parents[1] / "bench" / "results"
MADE = Path(__file__).parent / "made"  # what git does not keep

HEAD = """# Performance

Everything on this page is read from `bench/results` when the book is built. `bench/README.md` tells how each figure was
measured, which goals were missed and why; `faceprint bench` measures your own machine.
"""
SEARCH = """## Search

Exact answers unless it says otherwise; every library with the same number of threads, in the same run, one after the
other. `full` reads every row, `certified` leaves out what codes prove to be too far, and plain `faceprint` chooses.
"""
CLUSTERING = """## Clustering

How right the people are who were found on photographs, by default settings and, for the others, also with the settings
that are best in hindsight, for each measure alone.
"""
MACHINES = """## Many machines

The neighbours of all rows by workers of Ray with a thread each, all on one machine, which read shards from its disk and
pack them, beside the call in one process with as many threads: what the way over workers costs by itself.
"""
TRAINING = """## Triplets

A batch as large as FaceNet's: the time to mine it, or of the loss with its gradient.
"""
PHOTOS = """## Photographs

Photographs a second, from the file to the embeddings, and the whole of dlib's way, which is that of face_recognition.
"""
ACCURACY = """## Accuracy

How many pairs of the same person are recognised, at which rate of false accepts, with 95 % intervals, on the same
photographs of Labeled Faces in the Wild. [Error rates](../error-rates.md) says for whom that holds.
"""
SENSITIVITY = """## Poor photographs

How that depends on the photograph and on the length of the embedding, measured when the bundled network saw each face
at one size, not two.

![VAL over JPEG quality, pixels and dimension](sensitivity.svg)
"""


def setup(app: Any) -> dict[str, bool]:
    """Hook into Sphinx: the page is written before the sources are read."""
    app.connect("builder-inited", lambda _: write(RESULTS, MADE))
    return {"parallel_read_safe": True}


def write(results: Path, folder: Path) -> None:
    """Write performance.md and its pictures."""
    folder.mkdir(exist_ok=True)
    sections = [
        HEAD,
        *_search(results, folder),
        *_clustering(results, folder),
        *_machines(results, folder),
        *_training(results, folder),
        *_photos(results, folder),
        *_accuracy(results, folder),
    ]
    (folder / "performance.md").write_text("\n".join(sections), "utf-8")


def _search(results: Path, folder: Path) -> Iterator[str]:
    found = _read(results, "search-128-2-threads")
    yield SEARCH
    yield _machine(found["machine"], found["settings"]["threads"])
    for name in ("one", "few", "many"):
        entry = found["workloads"][name]
        probes = "probes one by one" if entry["queries"] == 1 else f"{entry['queries']:,} probes together"
        seconds = {_exactness(told): told["seconds"] * 1e3 for told in entry["contestants"]}
        asked = f"{entry['k']} nearest of {entry['rows']:,} x {entry['depth']}, {probes}: milliseconds"
        yield _chart(folder, f"search-{name}", asked, seconds)
    for name in ("join", "distances"):
        found = _read(results, f"{name}-2-threads")
        ((_, entry),) = found["workloads"].items()
        asked = (
            f"the {entry['k']} nearest of each row of" if entry["k"] else f"all distances of {entry['queries']:,} to"
        )
        seconds = {told["name"]: told["seconds"] * 1e3 for told in entry["contestants"]}
        yield _chart(folder, name, f"{asked} {entry['rows']:,} x {entry['depth']}: milliseconds", seconds)


def _clustering(results: Path, folder: Path) -> Iterator[str]:
    found = _read(results, "cluster-lfw")
    ours, peers = found["results"]["ours"], found["results"]["peers"]
    yield CLUSTERING
    rows = [(f"faceprint, {name.replace('_', ' ')}", *_percents(score), "", "") for name, score in ours.items()]
    for name, told in peers.items():
        best = told["best pairwise"][1]["pairwise"], told["best bcubed"][1]["bcubed"]
        rows.append((name, *_percents(told["default"]), *(f"{share:.1f}" for share in best)))
    yield _table(("", "pairwise F", "BCubed F", "pairwise F, best settings", "BCubed F, best settings"), rows)
    yield f"{found['faces']:,} photographs of {found['people']:,} people.\n"
    for name in ("20k", "100k"):
        found = _read(results, f"cluster-speed-{name}")
        (run,) = found["results"]
        yield _chart(folder, f"cluster-{name}", f"{run['faces']:,} made-up faces: seconds", run["seconds"])
    yield _machine(found["machine"], found["threads"])


def _machines(results: Path, folder: Path) -> Iterator[str]:
    found = _read(results, "workers")
    yield MACHINES
    seconds = {"faceprint, one process": found["seconds"]["here"], "faceprint.ray": found["seconds"]["ray"]}
    yield _chart(folder, "workers", f"the {found['k']} nearest of each of {found['rows']:,} rows: seconds", seconds)
    yield _machine(found["machine"], found["workers"])


def _training(results: Path, folder: Path) -> Iterator[str]:
    found = _read(results, "mining-2-threads")
    yield TRAINING
    yield _chart(
        folder,
        "mining",
        "mining and losses: milliseconds",
        {name: 1e3 * told for name, told in found["seconds"].items()},
    )
    yield _machine(found["machine"], found["threads"])


def _photos(results: Path, folder: Path) -> Iterator[str]:
    found = _read(results, "photos")
    yield PHOTOS
    sets = ("LFW", "12 megapixels")
    rates = [{**found[name], **found[name]["others"]} for name in sets]
    stages = [stage for stage, told in rates[0].items() if isinstance(told, dict) and "photos_a_second" in told]
    rows = ((stage, *(shown(rate[stage]["photos_a_second"]) for rate in rates)) for stage in stages)
    yield _table(("", *sets), rows)
    yield _machine(found["machine"], found["threads"])


def _accuracy(results: Path, folder: Path) -> Iterator[str]:
    found = _read(results, "encodings")
    yield ACCURACY
    curves = {name: [_point(entry) for entry in entries] for name, entries in found["roc"].items()}
    title = f"{found['photos']:,} photographs of {found['people']:,} people"
    (folder / "roc.svg").write_text(roc(title, curves), "utf-8")
    yield f"![ROC: {title}](roc.svg)\n"
    mixed = {"both kinds mixed": found["mixed"], **{name: found[name] for name in ("face_recognition", "faceprint")}}
    rows = [(name, *(f"{100 * told[key]:.1f} %" for key in ("val", "low", "high"))) for name, told in mixed.items()]
    yield "At a false accept rate of 1e-3; encodings of face_recognition are scaled to unit length:\n"
    yield _table(("", "VAL", "from", "to"), rows)
    folds = _read(results, "lfw-dev")
    rows = []
    for name in ("faceprint", "dlib"):
        told = folds[name]
        rows.append((name, f"{100 * told['accuracy']:.2f} %", str(told["wrong"]), str(told["photos_without_a_face"])))
    yield f"On {folds['pairs']:,} pairs of LFW, folds 1 to 4, each with the threshold that is best on the others:\n"
    yield _table(("", "accuracy", "wrong", "photographs without a face"), rows)
    (folder / "sensitivity.svg").write_bytes((results / "sensitivity.svg").read_bytes())
    yield SENSITIVITY


def _read(results: Path, name: str) -> Any:
    return json.loads((results / f"{name}.json").read_text("utf-8"))


def _chart(folder: Path, name: str, title: str, values: dict[str, float]) -> str:
    (folder / f"{name}.svg").write_text(bars(title, values), "utf-8")
    told = ", ".join(f"{contestant} {shown(value)}" for contestant, value in values.items())
    return f"![{title}: {told}]({name}.svg)\n"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def _machine(machine: dict[str, Any], threads: int) -> str:
    cpu = f"{machine['cpu']}, backend {machine['backend']}"
    return f"{cpu}, {threads} threads; numpy {machine['numpy']}, faceprint {machine['faceprint']}.\n"


def _exactness(told: dict[str, Any]) -> str:
    return told["name"] if told["exact"] else f"{told['name']} (finds {100 * told['recall']:.1f} %)"


def _percents(score: dict[str, float]) -> tuple[str, str]:
    return f"{score['pairwise']:.1f}", f"{score['bcubed']:.1f}"


def _point(entry: dict[str, float]) -> Point:
    return Point(entry["far"], entry["val"], entry["low"], entry["high"])
