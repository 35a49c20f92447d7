"""VAL, FAR and ROC over every photograph of one set with every one of another, against the machine's ceiling.

    python bench/python/pairs.py [--rows 100000] [--threads N] [--rounds 7] [--out bench/results/pairs.json]

Made-up faces of 128 numbers, `--rows` of them on each side; what the paper counts for one of its five splits is 100,000
on each side, 10^10 pairs. The floor is one multiply-add for each number of each pair, at the speed that this machine
reached in the same run. Beside it numpy: a product a tile, and a histogram of 4,096 bins, which tells thresholds to a
thousandth; on a tenth of the rows, and told for as many pairs. Medians of interleaved rounds; VAL and FAR are compared
with those of `val_at_far` on all distances of a tenth of the rows.
"""

import argparse
import json
import resource
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

import faceprint as fp
from faceprint import synthetic
from faceprint.evaluate import CrossPairs, val_at_far

sys.path.append(str(Path(__file__).parents[1]))
from machine import available_cpus, ceilings, describe

DEPTH, FACES_EACH, TILE, BINS = 128, 20, 4096, 4096
FARS = [1e-2, 1e-3, 1e-4]


def histogram(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.int64]:
    """What numpy users write: all products, tile by tile, in bins."""
    counts = np.zeros(BINS, np.int64)
    for top in range(0, len(x), TILE):
        for left in range(0, len(y), TILE):
            between = 2 - 2 * (x[top : top + TILE] @ y[left : left + TILE].T)
            counts += np.histogram(between, BINS, (0, 4))[0]
    return counts


def agrees(
    x: NDArray[np.float32], people: NDArray[np.int64], y: NDArray[np.float32], others: NDArray[np.int64]
) -> bool:
    """Whether VAL, FAR and threshold are those of the definition on all distances, to the last bit."""
    between, same = fp.distances(x, y), people[:, None] == others
    whom = np.broadcast_to(people[:, None], same.shape)[same]
    expected = [val_at_far(between[same], between[~same], far, people=whom) for far in FARS]
    return expected == CrossPairs(people, others).vals(x, y, FARS)


def main() -> None:
    """Run, print and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=available_cpus())
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path)
    run = parser.parse_args()
    made = synthetic.people(2 * run.rows, 2 * run.rows // FACES_EACH, junk=0, seed=1)
    x, people = made.embeddings[::2].copy(), made.people[::2].copy()
    y, others = made.embeddings[1::2].copy(), made.people[1::2].copy()
    tenth = run.rows // 10
    pairs = CrossPairs(people, others)
    contestants: dict[str, Callable[[], Any]] = {
        "VAL at FAR 1e-3": lambda: pairs.vals(x, y, [1e-3], threads=run.threads),
        "VAL at FAR 1e-2, 1e-3 and 1e-4": lambda: pairs.vals(x, y, FARS, threads=run.threads),
        "ROC": lambda: pairs.roc(x, y, threads=run.threads),
        "numpy's histogram, for as many": lambda: histogram(x[:tenth], y[:tenth]),
    }
    limits = ceilings(run.threads)
    floor = run.rows**2 * DEPTH * 2 / limits["fma_flops"]["all" if run.threads > 1 else "one"]
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(run.rounds):
        names = list(contestants)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            start = perf_counter()
            contestants[name]()
            times[name].append((perf_counter() - start) * (100 if name.startswith("numpy") else 1))
    exact = agrees(x[:tenth], people[:tenth], y[:tenth], others[:tenth])
    found = {
        name: {"seconds": round(median(took), 2), "share_of_floor": round(floor / median(took), 3)}
        for name, took in times.items()
    }
    for name, told in found.items():
        print(f"{name:32} {told['seconds']:9.2f} s  {told['share_of_floor']:6.1%} of the multiply-add ceiling")
    vals = [asdict(val) for val in pairs.vals(x, y, FARS, threads=run.threads)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    content = {
        "machine": describe(),
        "threads": run.threads,
        "ceilings": limits,
        "rows": run.rows,
        "pairs": run.rows**2,
        "floor_seconds": round(floor, 2),
        "rounds": run.rounds,
        "results": found,
        "equal_to_definition": exact,
        "vals": vals,
        "peak_gigabytes": round(peak, 2),
    }
    print(f"equal to the definition on all distances of a tenth of the rows: {exact}; {peak:.2f} GB at most")
    if run.out:
        run.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
