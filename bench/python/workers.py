"""A self-join by worker processes of Ray beside the same call in this process.

    python bench/python/workers.py [--rows 1000000] [--neighbours 32] [--rounds 7] [--out bench/results/workers.json]

`faceprint.ray.neighbours` of faces in shards on a local disk, two workers of one thread each, reading and packing
included, and `faceprint.neighbours` of the same rows in memory, two threads: in turn, medians of the rounds, and
whether both answers are the same to the bit. The workers are started before.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

import faceprint as fp
from faceprint import ray

sys.path.append(str(Path(__file__).parents[1]))
from machine import describe

GOAL = 1.15  # times as long
WORKERS = 2


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--neighbours", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, help="where to write .json")
    run = parser.parse_args()
    k = run.neighbours
    rows = fp.synthetic.people(run.rows, max(run.rows // 16, 1), seed=1).embeddings
    seconds: dict[str, list[float]] = {"here": [], "ray": []}
    same = True
    with tempfile.TemporaryDirectory() as folder, ray.Workers(WORKERS, threads=1) as workers:
        shards = fp.Shards.create(folder)
        shards.add(rows)
        list(workers.do([ray.workers.Task(number, int, ()) for number in range(WORKERS)]))
        for turn in range(run.rounds):
            start = perf_counter()
            expected = fp.neighbours(rows, k, threads=WORKERS)
            seconds["here"].append(perf_counter() - start)
            start = perf_counter()
            found = ray.neighbours(shards, k, workers=workers)
            seconds["ray"].append(perf_counter() - start)
            same = same and all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
            print(turn, {name: round(values[-1], 2) for name, values in seconds.items()}, same, flush=True)
    ratio = median(b / a for a, b in zip(seconds["here"], seconds["ray"], strict=True))
    found_here = {name: round(median(values), 3) for name, values in seconds.items()}
    result = {"rows": len(rows), "k": k, "seconds": found_here, "ratio": round(ratio, 3), "goal": GOAL, "same": same}
    print(result)
    if run.out:
        run.out.write_text(json.dumps({"machine": describe(), "rounds": run.rounds, **result}, indent=1) + "\n")


if __name__ == "__main__":
    main()
