"""A self-join, and photographs, by worker processes of Ray beside the same calls in this process.

    python bench/python/workers.py [--rows 1000000] [--neighbours 32] [--rounds 7] [--out bench/results/workers.json]
    python bench/python/workers.py --photos FOLDER [--rounds 7] [--out bench/results/workers-photos.json]

`faceprint.ray.neighbours` of faces in shards on a local disk, two workers of one thread each, reading and packing
included, and `faceprint.neighbours` of the same rows in memory, two threads: in turn, medians of the rounds, and
whether both answers are the same to the bit. The workers are started before. With `--photos`, `faceprint.ray.embed` of
all photographs in a folder beside `Model.embed` of those with a face.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import faceprint as fp
from faceprint import ray

sys.path.append(str(Path(__file__).parents[1]))
from machine import describe

GOAL = 1.15  # times as long
WORKERS = 2
Arrays: TypeAlias = Sequence[NDArray[Any]]


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--neighbours", type=int, default=32)
    parser.add_argument("--photos", type=Path, help="a folder of photographs, in place of rows")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, help="where to write .json")
    run = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ray.Workers(WORKERS, threads=1) as workers:
        list(workers.do([ray.workers.Task(number, int, ()) for number in range(WORKERS)]))
        found = photographs(run, folder, workers) if run.photos else self_join(run, folder, workers)
    print(found)
    if run.out:
        told = {"machine": describe(), "workers": WORKERS, "rounds": run.rounds, **found}
        run.out.write_text(json.dumps(told, indent=1) + "\n")


def self_join(run: argparse.Namespace, folder: str, workers: ray.Workers) -> dict[str, Any]:
    """The neighbours of made-up faces."""
    rows = fp.synthetic.people(run.rows, max(run.rows // 16, 1), seed=1).embeddings
    shards = fp.Shards.create(folder)
    shards.add(rows)

    def here() -> Arrays:
        return fp.neighbours(rows, run.neighbours, threads=WORKERS)

    def there() -> Arrays:
        return ray.neighbours(shards, run.neighbours, workers=workers)

    return {"rows": len(rows), "k": run.neighbours, **in_turn(here, there, run.rounds), "goal": GOAL}


def photographs(run: argparse.Namespace, folder: str, workers: ray.Workers) -> dict[str, Any]:
    """The embeddings of photographs, of which those without a face are found first and left out here."""
    turn, model = count(), fp.load(threads=WORKERS)

    def embed() -> fp.Shards:
        shards = fp.Shards.create(f"{folder}/{next(turn)}")
        unread.append(len(ray.embed(run.photos, shards, workers=workers)))
        return shards

    unread: list[int] = []
    gallery = fp.Gallery()
    fp.read_shards(embed(), gallery)
    names = [entry.photo for entry in gallery.iterate()]
    found = in_turn(lambda: [model.embed(names)], lambda: [embed().embeddings()], run.rounds)
    return {"photographs": len(names) + unread[0], "unread": unread[0], **found}


def in_turn(here: Callable[[], Arrays], there: Callable[[], Arrays], rounds: int) -> dict[str, Any]:
    """Seconds of both, the ratio of each round, and whether all answers were the same."""
    seconds: dict[str, list[float]] = {"here": [], "ray": []}
    same = True
    for turn in range(rounds):
        answers = []
        for name, call in (("here", here), ("ray", there)):
            start = perf_counter()
            answers.append(call())
            seconds[name].append(perf_counter() - start)
        same = same and all(np.array_equal(*pair) for pair in zip(*answers, strict=True))
        print(turn, {name: round(values[-1], 2) for name, values in seconds.items()}, same, flush=True)
    ratios = [b / a for a, b in zip(seconds["here"], seconds["ray"], strict=True)]
    return {
        "seconds": {name: round(median(values), 3) for name, values in seconds.items()},
        "ratio": round(median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "same": same,
    }


if __name__ == "__main__":
    main()
