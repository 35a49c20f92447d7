"""What thresholds are worth on people they were not found on, and what storing fewer bits costs.

    python bench/python/thresholds.py LFW [--embeddings FILE.npz] [--out bench/results/thresholds.json]

LFW is as for lfw.py, whose `--embeddings` are taken where they are given. The threshold for a FAR is found on all
pairs of two folds' people, with its interval, and the FAR at it counted on the other two folds, who share nobody with
them; both ways. VAL at a FAR is that of all pairs, by the distances that a search of a gallery gives for each kind of
storage, at its own threshold and at that of float32.
"""

import argparse
import json
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from lfw import embed_with_faceprint, read_pairs
from numpy.typing import NDArray

import faceprint as fp
from faceprint.evaluate import false_accept_rate, val_at_far, val_at_threshold

RATES = (1e-4, 1e-3, 1e-2)
STORED_RATE = 1e-3
Rows = NDArray[np.float32]
People = NDArray[np.int64]


def embed(folder: Path, known: Path | None) -> tuple[Rows, NDArray[np.str_]]:
    """The embeddings of all photographs, and whom each shows."""
    if known is not None:
        content = np.load(known)
        return content["embeddings"], content["people"]
    rows = embed_with_faceprint(sorted((folder / "images").glob("*/*.jpg")))[0]
    return np.stack(list(rows.values())), np.array([photo.parent.name for photo in rows])


def searched(x: Rows, storage: Any) -> Rows:
    """The distance of every row to every row, by a gallery that stores them so."""
    gallery = fp.Gallery(storage=storage)
    gallery.add(x)
    found = gallery.search(x, k=len(x))
    between = np.empty((len(x), len(x)), np.float32)
    np.put_along_axis(between, found.ids, found.distances, axis=1)
    return between


def both_kinds(between: Rows, people: People) -> tuple[Rows, Rows, People]:
    """Distances of the same and of different people, each pair once, and whom each of the first shows."""
    upper = np.triu(np.ones(between.shape, bool), 1)
    same = people[:, None] == people
    return between[upper & same], between[upper & ~same], np.broadcast_to(people[:, None], same.shape)[upper & same]


def holds(x: Rows, people: People, found_on: NDArray[np.bool_], rate: float) -> dict[str, Any]:
    """The threshold of some people, and the FAR at it among the others."""
    same, different, _ = both_kinds(fp.distances(x[found_on], x[found_on]), people[found_on])
    threshold = val_at_far(same, different, rate).threshold
    stated, other = (false_accept_rate(x[rows], people[rows], threshold) for rows in (found_on, ~found_on))
    return {
        "rate": rate,
        "threshold": threshold,
        "stated": asdict(stated),
        "others": asdict(other),
        "holds": stated.low <= other.far <= stated.high,
    }


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--embeddings", type=Path, help="what lfw.py stored")
    parser.add_argument("--out", type=Path, help="where to write .json")
    run = parser.parse_args()
    x, names = embed(run.data, run.embeddings)
    people = np.unique(names, return_inverse=True)[1].astype(np.int64)
    folds = {photo.parent.name: pair.fold for pair in read_pairs(run.data) for photo in (pair.a, pair.b)}
    first_two = np.array([folds[name] < 2 for name in names])
    results: dict[str, Any] = {"thresholds": [], "storage": {}}
    for found_on, words in ((first_two, "folds 1 and 2"), (~first_two, "folds 3 and 4")):
        for rate in RATES:
            results["thresholds"].append({"found_on": words, **holds(x, people, found_on, rate)})
            print(results["thresholds"][-1], flush=True)
    plain = None
    for storage in ("float32", "float16", "int8"):
        same, different, shown = both_kinds(searched(x, storage), people)
        own = val_at_far(same, different, STORED_RATE, people=shown)
        plain = own.threshold if plain is None else plain
        kept = val_at_threshold(same, different, plain, people=shown)
        results["storage"][storage] = {"own": asdict(own), "at_float32_threshold": asdict(kept)}
        print(storage, results["storage"][storage], flush=True)
    if run.out:
        machine = {"system": platform.platform(), "python": platform.python_version(), **fp.info()["versions"]}
        run.out.write_text(json.dumps({"machine": machine, "photos": len(x), **results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
